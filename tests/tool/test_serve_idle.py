# SPDX-License-Identifier: Apache-2.0
"""leat serve: connections that wait longer than a second are packed (user/tool/serve_idle.h). Nothing of it may
show: the next request, in pieces or as many, the end by idle-timeout, stopping, reloading, and what the peer
does meanwhile. That a connection is packed is read from the metrics.
"""
import os
import re
import signal
import socket
import ssl
import time

import pytest

from https import Client
from serving import BIG, Serve, make_site
from test_serve_metrics import parse, ask

H = b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("idle"))


@pytest.fixture(params=["io_uring", "poll"])
def serve(request, run_server, leat, site, pki):
    def start(*options):
        s = Serve(run_server, leat, site, pki.cert("p256"), "--loop", request.param, "--workers", "1",
                  "--metrics", "127.0.0.1:0", *options)
        s.admin = int(s.proc.wait_line(r"metrics on http://127.0.0.1:(\d+)/").group(1))
        return s
    return start


def phase(s, name):
    return parse(ask(s).text).get(("leat_connections", (("phase", name),)), 0)


def num_open(s):
    return sum(v for (n, _), v in parse(ask(s).text).items() if n == "leat_connections")


def wait_idle(s, num):
    """Until so many wait, and no others are there."""
    end = time.monotonic() + 10
    while (phase(s, "idle"), num_open(s)) != (num, num):
        assert time.monotonic() < end, ask(s).text
        time.sleep(0.05)


@pytest.fixture
def waiting(pki):
    """Connections that asked once and then waited until they were packed."""
    made = []

    def make(s, num=1, **kw):
        new = [Client(s.port, pki.ca, **kw) for _ in range(num)]
        made.extend(new)
        for c in new:
            assert c.get("/a.txt").body == b"hello\n"
        wait_idle(s, num)
        return new if num > 1 else new[0]

    yield make
    for c in made:
        c.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_goes_on(serve, waiting, version):
    s = serve()
    c = waiting(s, version=version)
    for path, body in (("/a.txt", b"hello\n"), ("/big.bin", BIG), ("/a.txt", b"hello\n")):
        assert c.get(path).body == body
    wait_idle(s, 1)
    c.send(b"GET /a.txt" + H + b"GET /big.bin" + H)  # pipelined
    assert [c.answer().body for _ in range(2)] == [b"hello\n", BIG]
    assert phase(s, "idle") == 0


def test_a_request_in_pieces(serve, waiting):
    s = serve()
    c = waiting(s)
    for b in b"GET /a.txt" + H:
        c.send(bytes([b]))
    assert c.answer().body == b"hello\n"


def test_a_head_that_does_not_come(serve, waiting):
    c = waiting(serve("--header-timeout", "0.5"))
    c.send(b"GET ")
    assert c.answer().status == 408
    assert c.at_end() == "close_notify"


def test_ends_by_its_timeout(serve, waiting):
    """The time counts from the last answer, packed or not, and each for itself."""
    s = serve("--idle-timeout", "2.5")
    first = waiting(s)
    start = time.monotonic()
    second = Client(s.port)
    assert second.get("/a.txt").status == 200
    assert first.at_end() == "close_notify"
    middle = time.monotonic()
    assert second.at_end() == "close_notify"
    assert middle - start < 2.4 and time.monotonic() - middle < 2.4
    second.close()
    assert phase(s, "idle") == 0


def test_many(serve, waiting):
    """All of them wake at once; memory goes back to where it was when they end."""
    s = serve()
    base = s.num_fds()
    all_of = waiting(s, 50)
    for c in all_of:
        c.send(b"GET /big.bin" + H)
    for c in all_of:
        assert c.answer().body == BIG
    wait_idle(s, 50)
    for c in all_of[:25]:
        c.close()
    wait_idle(s, 25)
    assert all_of[30].get("/a.txt").status == 200
    for c in all_of[25:]:
        c.close()
    wait_idle(s, 0)
    end = time.monotonic() + 5
    while s.num_fds() > base + 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert s.num_fds() <= base + 2


@pytest.mark.parametrize("how", ["close_notify", "cut", "reset", "garbage"])
def test_what_the_peer_does(serve, waiting, how):
    s = serve()
    c, other = waiting(s, 2)
    if how == "close_notify":
        c.s.settimeout(5)
        c.s.unwrap()
    elif how == "cut":
        c.raw = socket.socket(fileno=os.dup(c.s.fileno()))
        c.raw.shutdown(socket.SHUT_WR)
        c.raw.close()
    elif how == "reset":
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        os.close(c.s.detach())
    else:
        fd = os.dup(c.s.fileno())
        os.write(fd, b"\x17\x03\x03\x00\x20" + bytes(32))
        os.close(fd)
        with pytest.raises(ssl.SSLError, match="(?i)bad.record.mac"):
            c.s.recv(1)
    wait_idle(s, 1)
    assert other.get("/a.txt").status == 200


def test_stop(serve, waiting):
    s = serve()
    all_of = waiting(s, 3)
    s.proc.child.terminate()
    assert [c.at_end() for c in all_of] == ["close_notify"] * 3
    for c in all_of:
        c.close()
    assert s.proc.wait(10) == 0
    assert "0 connections cut" in s.proc.output()


def test_stop_now(serve, waiting):
    """Clients that do not answer the goodbye, and a second signal."""
    s = serve("--grace", "60")
    waiting(s, 3)
    busy = Client(s.port, rcvbuf=4096)
    busy.send(b"GET /big.bin" + H)
    busy.s.recv(1)
    s.proc.child.terminate()
    time.sleep(0.3)
    s.proc.child.terminate()
    assert s.proc.wait(10) == 0
    assert re.search("[1-4] connections cut", s.proc.output())
    busy.close()


def test_reload(serve, waiting):
    """What waited before a reload keeps its site for one more answer, which is the last."""
    s = serve()
    c = waiting(s)
    os.kill(s.pid, signal.SIGHUP)
    s.log("reloaded")
    a = c.get("/a.txt")
    assert (a.status, a["Connection"], a.body) == (200, "close", b"hello\n")
    assert c.at_end() == "close_notify"


@pytest.mark.parametrize("limit", ["--max-connections", "--max-per-address"])
def test_limits_count_them(serve, waiting, pki, limit):
    s = serve(limit, "3")
    a, b, c = waiting(s, 3)
    with socket.create_connection(("127.0.0.1", s.port), timeout=0.7) as late:
        with pytest.raises((socket.timeout, ConnectionError, ssl.SSLError)):
            ssl.create_default_context(cafile=pki.ca).wrap_socket(late, server_hostname="localhost")
    b.close()
    time.sleep(0.3)  # who waited in the backlog is taken in now, and is gone
    wait_idle(s, 2)
    with Client(s.port, pki.ca) as d:
        assert d.get("/a.txt").status == 200
    assert a.get("/a.txt").status == 200 and c.get("/a.txt").status == 200

# SPDX-License-Identifier: Apache-2.0
"""leat proxy on a kernel that carries TLS records: the ends and cuts of tests/tool/test_proxy.py with both
directions in the kernel, then what is the kernel's own: a stream that moves there under way, splice, stalls.
"""
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "tool"))

from lib.proxying import Backend, Proxy, echo, read_end, read_exactly, sha  # noqa: E402
from test_proxy import (  # noqa: E402, F401  (collected here with the fixture below)
    push_until_blocked, test_accept_proxy, test_backend_half_closes_first,
    test_backend_that_closes_with_bytes_unread, test_backend_that_resets, test_bad_record,
    test_client_half_closes_first, test_client_that_is_cut, test_client_that_is_cut_before_the_backend_has_read,
    test_close_notify_without_fin_is_an_end, test_descriptors_are_given_back, test_send_proxy, test_sizes,
    test_stop_drains)

DATA = random.Random(12).randbytes(6 << 20)


@pytest.fixture
def px(run_server, leat, pki):
    def start(*options, records="kernel", **kw):
        return Proxy(run_server, leat, pki, "--records", records, *options, **kw)
    return start


def both_ways(got):
    def serve(s):
        t = threading.Thread(target=s.sendall, args=(DATA,))
        t.start()
        got["up"], got["end"] = read_end(s)
        t.join()
        s.shutdown(socket.SHUT_WR)
    return serve


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "1.2"])
def test_both_ways_by_hash_in_the_kernel(px, tmp_path, suite, unix):
    got = {}
    b = Backend(both_ways(got), unix=tmp_path / "s" if unix else None)
    v12 = suite == "1.2"
    x = px("--backend", b.name, *([] if v12 else ["--ciphers", suite, "--versions", "tlsv1.3"]))
    with x.tls(version=ssl.TLSVersion.TLSv1_2 if v12 else None) as c:
        c.send(DATA[::-1])
        assert sha(c.recv_exactly(len(DATA))) == sha(DATA)
        c.half_close()
        assert c.recv() == b""
    x.log(f"up={len(DATA)} down={len(DATA)} tx=kernel rx=kernel .*end=done")
    assert sha(got["up"]) == sha(DATA[::-1]) and got["end"] == "fin"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_only_sending_in_the_kernel(px, version):
    got = {}
    x = px("--backend", Backend(both_ways(got)).name, "--records_tx", "kernel", records="auto")
    with x.tls(version=version) as c:
        c.send(DATA[:1000])
        assert sha(c.recv_exactly(len(DATA))) == sha(DATA)
        c.half_close()
        assert c.recv() == b""
    x.log(r"tx=kernel rx=user tx_why=in_kernel .*end=done")
    assert got == {"up": DATA[:1000], "end": "fin"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_stream_that_has_grown_moves(px, version):
    """Where the policy says so; the pump follows, and not a byte is lost at the border."""
    got = {}
    x = px("--backend", Backend(both_ways(got)).name, "--kernel_stream_from", "1000000", records="auto")
    with x.tls(version=version) as c:
        c.send(DATA[:1000])
        assert sha(c.recv_exactly(len(DATA))) == sha(DATA)
        c.half_close()
        assert c.recv() == b""
    x.log(r"tx=kernel rx=user tx_why=in_kernel .*end=done")
    assert got == {"up": DATA[:1000], "end": "fin"}


def test_auto_stays_in_user_space(px):
    x = px("--backend", Backend(echo).name, records="auto")
    with x.tls() as c:
        c.send(DATA[:3 << 20])
        assert c.recv_exactly(3 << 20) == DATA[:3 << 20]
    x.log(r"tx=user rx=user tx_why=auto_stream")


@pytest.mark.parametrize("rx", ["user", "kernel"])
def test_cut_while_the_kernel_sends(px, rx):
    """Of a stream under way: the client's cut reaches the backend, the backend's the client."""
    b = Backend()
    x = px("--backend", b.name, "--records_rx", rx)
    for who in ("client", "backend"):
        c = x.tls()
        s = b.accept()
        t = threading.Thread(target=s.sendall, args=(DATA[:3 << 20],))
        t.start()
        assert c.recv_exactly(3 << 20) == DATA[:3 << 20]
        t.join()
        if who == "client":
            c.cut()
            assert read_end(s) == (b"", "reset")
        else:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
            assert c.end() == (b"", "reset")
        x.log(f"tx=kernel .*end={who}_cut")


def test_stalled_client_of_a_spliced_stream(px):
    """The pipe fills and nothing more is read; what was in it arrives, and the end behind it."""
    b = Backend()
    x = px("--backend", b.name)
    c = x.tls(sock=x.raw(rcvbuf=8192))
    s = b.accept()
    n = push_until_blocked(s)
    assert n < 32 << 20
    s.setblocking(True)
    s.shutdown(socket.SHUT_WR)
    time.sleep(0.5)
    assert c.recv_all() == bytes(n)
    c.half_close()
    x.log(f"down={n} tx=kernel .*end=done")


def test_a_suite_no_kernel_has(px):
    """On demand: refused with the reason, and no backend is bothered."""
    b = Backend(echo)
    x = px("--backend", b.name, "--ciphers", "TLS_AES_128_CCM_8_SHA256", "--versions", "tlsv1.3")
    done = subprocess.run([x.leat, "connect", f"localhost:{x.port}", "-c", x.ca, "-q", "--suites",
                           "TLS_AES_128_CCM_8_SHA256", "--tls1_3"], input=b"abc", capture_output=True, timeout=60)
    assert done.stdout == b"" and b.count == 0
    x.log("end=handshake_failed .*no kernel has a cipher")


def test_http_keepalive_like(px):
    """Many small questions and answers over one connection in the kernel."""
    b = Backend()
    x = px("--backend", b.name)
    with x.tls() as c, b.accept() as s:
        for i in range(300):
            c.send(b"%05d" % i)
            assert read_exactly(s, 5) == b"%05d" % i
            s.sendall(b"%05d" % i * 20)
            assert c.recv_exactly(100) == b"%05d" % i * 20


def test_kernel_records_and_a_redirected_leg(px):
    """The client's socket is kTLS both ways, the backend's is in a socket map; the budget ends in the middle."""
    x = px("--redirect-local", "--backend", Backend(echo).name)
    with x.tls() as c:
        for at in range(0, 20 * 8192, 8192):
            c.send(DATA[at:at + 8192])
            assert c.recv_exactly(8192) == DATA[at:at + 8192]
        c.half_close()
        assert c.recv() == b""
    x.log("tx=kernel rx=kernel .*end=done")
    x.proc.child.send_signal(signal.SIGTERM)
    sockets, nbytes, by_tcp = map(int, x.log(r"^redirected: (\d+) sockets, (\d+) bytes; (\d+) messages").groups())
    assert sockets == 2 and nbytes == 2 * 65536 and by_tcp >= 2 * 12

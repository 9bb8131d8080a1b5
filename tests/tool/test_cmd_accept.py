# SPDX-License-Identifier: Apache-2.0
"""leat accept as a user sees it: what it answers, what it reports, that no client gets it down."""
import json
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

from lib.accepting import Accept

PSK = "alice:00112233445566778899aabbccddeeff"


@pytest.fixture
def accept(leat, run_server, pki):
    def start(*args, **kw):
        return Accept(leat, run_server, pki, *args, **kw)
    return start


def facts(done):
    return json.loads([x for x in done.stderr.decode().splitlines() if x.startswith("{")][-1])


# ---- the command line ------------------------------------------------------------------------

@pytest.mark.parametrize("args,needle", [
    ([], "no [ADDR:]PORT"),
    (["1", "2", "--dev"], "one [ADDR:]PORT"),
    (["x", "--dev"], "port"),
    (["70000", "--dev"], "port"),
    (["::1:5", "--dev"], "brackets"),
    (["0"], "no certificate"),
    (["0", "--dev", "--cert", "a"], "--dev makes its own"),
    (["0", "--cert", "/nonexistent"], "/nonexistent"),
    (["0", "--cert", "a", "--cert", "b", "--key", "k"], "for every --cert"),
    (["0", "--dev", "--early-data", "65537"], "65536"),
    (["0", "--dev", "--count", "0"], "--count"),
    (["0", "--dev", "--max-connections", "0"], "--max-connections"),
    (["0", "--psk", "alice"], "IDENTITY:HEX"),
    (["0", "--psk", "alice:"], "IDENTITY:HEX"),
    (["0", "--psk", "alice:abc"], "IDENTITY:HEX"),
    (["0", "--psk", "alice:zz112233445566778899aabbccddeeff"], "IDENTITY:HEX"),
    (["0", "--psk", "alice:00:sha256"], "psk"),
    (["0", "--psk", ":00112233445566778899aabbccddeeff"], "psk"),
    (["0", "--dev", "--set", "versions"], "OPTION=VALUE"),
    (["0", "--dev", "--set", "nonsense=9"], "nonsense"),
    (["0", "--dev", "--versions", "9"], "versions"),
    (["0", "--dev", "--session-tickets"], "needs a value"),
    (["0", "--dev", "--key-shares", "1"], "unknown option"),  # an option of clients
    (["0", "--dev", "--certfile", "x"], "unknown option"),
    (["0", "--dev", "--export", ":5"], "--export"),
    (["0", "--dev", "--export", "a:65"], "--export"),
    (["0", "--dev", "--key-update", "0"], "--key-update"),
    (["0", "--dev", "--keylog", "/nonexistent/x"], "--keylog"),
    (["0", "--dev", "--echoes"], "did you mean --echo"),
])
def test_wrong_command_line(leat, run, args, needle):
    done = run([leat, "accept", *args])
    assert done.returncode == 2, done
    assert needle in done.stderr.decode()
    assert "alice:" not in done.stderr.decode() and done.stdout == b""


def test_port_in_use(leat, run):
    with socket.create_server(("127.0.0.1", 0)) as s:
        done = run([leat, "accept", str(s.getsockname()[1]), "--dev"])
    assert done.returncode == 1
    assert b"cannot listen" in done.stderr


def test_options_of_the_table_are_flags(accept):
    a = accept("--versions=tlsv1.2", "--honor-cipher-order", "true", "--groups", "secp384r1")
    a.connect()
    line = a.next()
    assert (line["version"], line["group"]) == ("tlsv1.2", "secp384r1")
    done = a.connect("--groups", "x25519")
    assert done.returncode == 1
    done = a.connect("--alpn_advertised_protocols", "spdy/1")  # connect has them too
    assert done.returncode == 0


# ---- what it answers -------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["--tls1_2", "--tls1_3"])
def test_echo(accept, version):
    a = accept("--echo")
    data = os.urandom(3_000_000)
    done = a.connect(version, stdin=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == data
    line = a.next()
    assert line["received"] == line["sent"] == len(data)
    assert line["version"] == {"--tls1_2": "tlsv1.2", "--tls1_3": "tlsv1.3"}[version]
    assert line["alert_sent"] == line["alert_received"] == "close_notify"
    assert line["error"] is None and line["up"]


def test_http(accept):
    a = accept("--http", "--alpn", "http/1.1")
    done = subprocess.run(["curl", "-sS", "--cacert", a.ca, f"https://localhost:{a.port}/"],
                          capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert b"version: tlsv1.3" in done.stdout and b"alpn: http/1.1" in done.stdout
    assert a.next()["alpn"] == "http/1.1"


def test_http_in_pieces_and_one_answer(accept):
    a = accept("--http")
    with a.tls() as s:
        for c in b"GET / HTTP/1.0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n":
            try:
                s.sendall(bytes([c]))
            except OSError:
                break  # it was answered and closed before all of the second one was there
        got = b""
        while data := s.recv(4096):
            got += data
    assert got.count(b"HTTP/1.1 200 OK") == 1, got
    assert a.next()["alert_sent"] == "close_notify"


def test_http_head_without_end(accept):
    a = accept("--http")
    with a.tls() as s:
        s.sendall(b"GET / HTTP/1.0\r\nA: " + b"b" * 20000)
        got = b""
        while data := s.recv(4096):
            got += data
    assert got.startswith(b"HTTP/1.1 431 ")


def test_print_escapes(accept):
    a = accept("--print")
    a.connect(stdin=b'one "two"\n\x00\xff%41')
    line = a.next("data")
    assert line["data"] == "one%20%22two%22%0A%00%FF%2541"
    assert line["early"] is False


def test_text_report(leat, run_server, pki):
    server = run_server([leat, "accept", "0", "--dev", "--count", "1"],
                        ready=r"listening on 127\.0\.0\.1:(\d+)")
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=pki.ca).wrap_socket(
            socket.create_connection(("127.0.0.1", int(server.match.group(1)))),
            server_hostname='localhost')
    assert server.wait() == 0
    out = server.output()
    assert "servername=localhost" in out and "received=" in out and 'error="' in out
    assert "stopped: 1 connections, 1 failed" in out


# ---- resumption, early data, PSK -------------------------------------------------------------

@pytest.mark.parametrize("tickets", ["stateless", "stateful"])
def test_resumption(accept, tmp_path, tickets):
    a, s = accept("--http", "--session_tickets", tickets), tmp_path / "s"
    for want in (False, True, True):
        done = a.connect("--session", s, stdin=b"GET / HTTP/1.0\r\n\r\n")
        assert facts(done)["resumed"] is want
        assert a.next()["resumed"] is want


@pytest.mark.parametrize("tickets,resumed", [("stateless", 3), ("disabled", 0)])
def test_reconnect(accept, tickets, resumed):
    a = accept("--echo", "--session_tickets", tickets)
    done = a.connect("--tls1_3", "--reconnect", "4", stdin=b"x")
    assert done.stdout == b"x"
    assert facts(done)["reconnects_resumed"] == resumed
    assert facts(done)["resumed"] is (resumed > 0)
    lines = [a.next() for _ in range(5)]
    assert [x["resumed"] for x in lines] == [False] + [resumed > 0] * 4
    assert all(x["error"] is None for x in lines)


def test_reconnect_to_nobody(leat, run, free_port):
    done = run([leat, "connect", f"127.0.0.1:{free_port}", "--insecure", "--reconnect", "2"])
    assert done.returncode == 1
    assert run([leat, "connect", "a:1", "--reconnect", "0"]).returncode == 2


def test_no_resumption(accept, tmp_path):
    a, s = accept("--http", "--session_tickets=disabled"), tmp_path / "s"
    for _ in range(2):
        assert not facts(a.connect("--session", s, stdin=b"GET / HTTP/1.0\r\n\r\n"))["resumed"]


@pytest.mark.parametrize("mode", ["--echo", "--http", "--print"])
def test_early_data(accept, tmp_path, mode):
    """At once after the start, marked as what it is."""
    a, s, early = accept(mode, "--early-data", "100"), tmp_path / "s", tmp_path / "early"
    request = b"GET / HTTP/1.0\r\n\r\n"
    early.write_bytes(request)
    a.connect("--session", s, stdin=b"x\n\n")
    a.next()
    done = a.connect("--session", s, "--early-data", early)
    assert facts(done)["early_data"] == "accepted", done.stderr
    if mode == "--echo":
        assert done.stdout == b"[early]" + request
    if mode == "--http":
        assert b"early: 18 bytes" in done.stdout
    if mode == "--print":
        assert a.next("data")["early"] is True
    line = a.next()
    assert (line["early"], line["early_data"], line["received"]) == (18, "accepted", 0)


def test_early_data_is_bounded(accept, tmp_path):
    a, s, early = accept("--echo", "--early-data", "100"), tmp_path / "s", tmp_path / "early"
    early.write_bytes(b"0123456789" * 20)
    a.connect("--session", s, stdin=b"x")
    done = a.connect("--session", s, "--early-data", early)
    assert facts(done)["early_sent"] == 100
    assert done.stdout == b"[early]" + b"0123456789" * 20


@pytest.mark.parametrize("flag", ["--psk", "--psk-imported"])
@pytest.mark.parametrize("hash", ["", ":sha384"])
def test_psk(accept, flag, hash):
    a = accept("--echo", flag, PSK + hash, cert=None)  # no certificate at all
    done = a.connect(flag, PSK + hash, stdin=b"hello")
    assert done.stdout == b"hello", done.stderr
    line = a.next()
    assert line["external_psk"] and line["signature"] is None
    assert a.connect(flag, "bob" + PSK[5:] + hash).returncode == 1
    assert a.connect(flag, PSK[:-1] + "0" + hash).returncode == 1
    assert a.connect().returncode == 1
    assert a.next()["up"] is a.next()["up"] is a.next()["up"] is False


@pytest.mark.parametrize("version", ["--tls1_2", "--tls1_3"])
def test_key_updates(accept, version):
    """Asked for by both, with data on its way; in 1.2 there are none, and nothing breaks."""
    a = accept("--echo", "--key-update", "3", "--keylog", "/dev/stderr")
    data = os.urandom(1_000_000)
    done = a.connect(version, "--key-update", stdin=data)
    assert done.stdout == data, done.stderr
    log = a.server.output()
    # the client may have sent its end before it saw that it was asked a second time
    assert ("CLIENT_TRAFFIC_SECRET_1 " in log) is ("SERVER_TRAFFIC_SECRET_2 " in log) is (
        version == "--tls1_3")


@pytest.mark.parametrize("version", ["--tls1_2", "--tls1_3"])
def test_export(accept, version):
    a = accept("--echo", "--export", "EXPORTER-test:40")
    done = a.connect(version, "--export", "EXPORTER-test:40")
    line = a.next()
    assert len(line["exporter"]) == 80
    assert line["exporter"] == facts(done)["exporter"]


# ---- limits and ends -------------------------------------------------------------------------

def test_count(accept):
    a = accept("--echo", "--count", "3")
    for _ in range(3):
        assert a.connect(stdin=b"x").stdout == b"x"
    assert a.server.wait() == 0
    assert a.next("stopped")["connections"] == 3


def test_one_after_the_other(accept):
    a = accept("--echo", "--max-connections", "1")
    first, second = a.tls(), a.raw()
    second.setblocking(False)
    time.sleep(0.2)
    first.sendall(b"1")
    assert first.recv(10) == b"1"
    first.unwrap().close()
    second.setblocking(True)
    second.settimeout(20)
    ctx = ssl.create_default_context(cafile=a.ca)
    with ctx.wrap_socket(second, server_hostname="localhost") as s:
        s.sendall(b"2")
        assert s.recv(10) == b"2"


def test_deadlines(accept):
    a = accept("--echo", "--handshake-timeout", "0.3", "--idle-timeout", "0.3")
    with a.raw() as s:
        assert s.recv(10) == b""  # closed
    assert "not complete in time" in a.next()["error"]
    with a.tls() as s:
        assert s.recv(10) == b""  # in order
    assert "idle" in a.next()["error"]


def test_signal_says_goodbye(accept):
    a = accept("--echo")
    with a.tls() as s:
        s.sendall(b"x")
        assert s.recv(10) == b"x"
        a.server.child.send_signal(signal.SIGTERM)
        assert s.recv(10) == b""  # close_notify, or this would raise
    assert a.server.wait() == 0


def test_orders(accept):
    r, w = os.pipe()
    a = accept("--echo", "--orders", stdin=r)
    with a.tls() as s:
        s.sendall(b"x")
        assert s.recv(10) == b"x"
        os.write(w, b"nonsense\n" + b"z" * 500 + b"\nkey-update\n")
        s.sendall(b"after")
        assert s.recv(10) == b"after"
        os.write(w, b"cl")
        os.write(w, b"ose\r\n")
        assert s.recv(10) == b""
    assert a.connect(stdin=b"y").stdout == b"y"
    os.write(w, b"stop\n")
    assert a.server.wait() == 0
    os.close(w)
    os.close(r)


def record(kind, payload):
    return struct.pack(">BHH", kind, 0x0303, len(payload)) + payload


@pytest.mark.parametrize("what,alert", [
    (record(22, b"\x01\x00\x00\x02\x03\x03"), 50),   # a hello cut short: decode_error
    (record(23, b"x" * 20), 10),                     # data first: unexpected_message
    (record(22, b"\x02\x00\x00\x00"), 10),           # a ServerHello
    (b"\x16\x03\x03\xff\xff" + b"x" * 100, 22),      # record_overflow
])
def test_alert_arrives_whatever_is_sent_behind(accept, what, alert):
    """A megabyte that nobody wants does not turn the alert into a reset."""
    a = accept("--echo")
    with a.raw() as s:
        try:
            s.sendall(what + b"y" * 900_000)
        except OSError:
            pass
        time.sleep(0.2)
        got = b""
        try:
            while data := s.recv(4096):
                got += data
        except ConnectionResetError:
            pass
    assert got[:1] == b"\x15" and got[6] == alert, got
    line = a.next()
    assert line["alert_sent"] and not line["up"] and line["error"]


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(x for x in f if x.startswith("VmRSS")).split()[1])


def test_hundreds_of_bad_clients(accept):
    """Noise, half hellos, resets and good clients in between: it serves on, and does not grow."""
    dice = random.Random(7)
    a = accept("--echo")
    hello = capture_hello(a)
    size = 0
    for i in range(900):
        with a.raw() as s:
            cut = dice.randrange(len(hello))
            bad = bytearray(hello)
            bad[dice.randrange(5, len(bad))] ^= 1 << dice.randrange(8)
            what = [dice.randbytes(200), hello[:cut], bytes(bad), record(22, dice.randbytes(60)),
                    hello * 2, b""][i % 6]
            s.sendall(what)
            if i % 4 == 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif i % 4 == 1:
                s.shutdown(socket.SHUT_WR)
        if i % 150 == 149:
            assert a.connect(stdin=b"x").stdout == b"x"
        if i == 449:
            size = rss(a.server.pid)
    assert rss(a.server.pid) < size + 1000
    a.server.child.send_signal(signal.SIGTERM)
    assert a.server.wait() == 0
    end = a.next("stopped")
    assert end["connections"] == 900 + 6 + 1


def capture_hello(a):
    """A real ClientHello of openssl, as bytes."""
    ctx = ssl.create_default_context()
    out = ssl.MemoryBIO()
    c = ctx.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        c.do_handshake()
    except ssl.SSLWantReadError:
        pass
    with a.raw() as s:
        s.sendall(b"")
    return out.read()

# SPDX-License-Identifier: Apache-2.0
"""leat proxy between real clients and real backends: bytes, ends, cuts, routes, headers, limits.

tests/kernel/test_proxy_kernel.py runs the transfers and the ends again where the kernel carries records.
"""
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from lib.proxying import (Backend, Proxy, Tls, echo, make_header, read_end, read_exactly, read_header, reset,
                          says, sha, tlv)

BLOB = random.Random(11).randbytes(24 << 20)
V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.9") + struct.pack(">HH", 4711, 443)


@pytest.fixture
def px(run_server, leat, pki):
    def start(*options, **kw):
        return Proxy(run_server, leat, pki, *options, **kw)
    return start


@pytest.mark.parametrize("args,needle", [
    (["--dev", "--backend", "localhost:1"], "no --listen"),
    (["--listen", "0", "--dev"], "no --backend"),
    (["--listen", "0", "--backend", "localhost:1"], "no certificate"),
    (["--listen", "0", "--dev", "--backend", "localhost"], "no port"),
    (["--listen", "0", "--dev", "--backend", "unix:"], "a path of"),
    (["--listen", "0", "--dev", "--backend", "unix:/" + "x" * 120], "a path of"),
    (["--listen", "0", "--dev", "--route", "localhost:1"], "not NAME=BACKEND"),
    (["--listen", "0", "--dev", "--route", "=localhost:1"], "not NAME=BACKEND"),
    (["--listen", "0", "--dev", "--route", "a..b=localhost:1"], "--route a..b: not a host name"),
    (["--listen", "0", "--dev", "--route", "a.*.b=localhost:1"], "wildcard"),
    (["--listen", "0", "--dev", "--route", "*.=localhost:1"], "wildcard"),
    (["--listen", "0", "--dev", "--route", "x" * 300 + "=localhost:1"], "not a host name"),
    (["--listen", "0", "--dev", "--backend", "h:1", "--idle-timeout", "0"], "more than 0"),
    (["--listen", "0", "--dev", "--backend", "h:1", "--buffer", "100"], "--buffer"),
    (["--listen", "0", "--dev", "--backend", "h:1", "--workers", "0"], "--workers"),
    (["--listen", "0", "--dev", "--backend", "h:1", "--backends", "poll"], "did you mean"),
    (["--listen", "0", "--dev", "--backend", "h:1", "more"], "what is more"),
])
def test_wrong_command_line(leat, run, args, needle):
    done = run([leat, "proxy", *args])
    assert done.returncode == 2, done
    assert needle in done.stderr.decode()
    assert done.stdout == b""


def test_cannot_start(leat, run):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = str(s.getsockname()[1])
        done = run([leat, "proxy", "--listen", port, "--dev", "--backend", "localhost:1"])
        assert done.returncode == 1 and b"cannot listen" in done.stderr
    done = run([leat, "proxy", "--listen", "0", "--dev", "--backend", "no.such.host.invalid:1"])
    assert done.returncode == 1 and b"backend no.such.host.invalid:1" in done.stderr


# ---- bytes ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_curl_and_a_web_server(px, run, run_server, tmp_path, loop):
    (tmp_path / "big").write_bytes(BLOB)
    web = run_server(["/usr/bin/python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
                     ready=r"port (\d+)", cwd=str(tmp_path))
    x = px("--backend", f"127.0.0.1:{web.match.group(1)}", "--loop", loop)
    for _ in range(3):
        done = run(["curl", "-sS", "--cacert", x.ca, f"https://localhost:{x.port}/big"], timeout=120)
        assert done.returncode == 0, done.stderr
        assert sha(done.stdout) == sha(BLOB)
    x.log(r"^3 127.* tlsv1.3 TLS_\w+ servername=localhost .*down=251\d+ .*end=done")
    assert x.proc.stop() == 0
    assert "stopped: 3 connections" in x.proc.output()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_and_a_unix_socket(px, tmp_path, version):
    b = Backend(echo, unix=tmp_path / "s")
    x = px("--backend", b.name)
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"localhost:{x.port}", "-CAfile", x.ca, "-quiet",
                          version, "-verify_return_error"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    p.stdin.write(b"hello\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"hello\n"
    p.kill()
    p.communicate()
    x.log(r"backend=unix:/\S+/s up=6 down=6 ")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("unix", [False, True])
def test_both_ways_by_hash(px, tmp_path, version, unix):
    """A client that writes everything before it reads a byte, and a backend that does both at once: the way
    up must not wait for the way down."""
    got = {}

    def serve(s):
        t = threading.Thread(target=s.sendall, args=(BLOB,))
        t.start()
        got["up"], got["end"] = read_end(s)
        t.join()
        s.shutdown(socket.SHUT_WR)

    b = Backend(serve, unix=tmp_path / "s" if unix else None)
    x = px("--backend", b.name)
    with x.tls(version=version) as c:
        mine = BLOB[::-1]
        c.send(mine)
        assert sha(c.recv_exactly(len(BLOB))) == sha(BLOB)
        c.half_close()  # libssl takes no data of TLS 1.2 behind its own close_notify
        assert c.recv() == b""
    x.log(f"up={len(BLOB)} down={len(BLOB)} .*end=done")
    assert sha(got["up"]) == sha(mine) and got["end"] == "fin"


@pytest.mark.parametrize("n", [1, 16383, 16384, 16385, 65536, 65537])
def test_sizes(px, n):
    x = px("--backend", Backend(echo).name)
    with x.tls() as c:
        for _ in range(3):
            c.send(BLOB[:n])
            assert c.recv_exactly(n) == BLOB[:n]


def test_byte_by_byte(px):
    """Records of one byte, and a transport that brings them in pieces."""
    x = px("--backend", Backend(echo).name, "--buffer", "16384")
    with x.tls() as c:
        for i in range(200):
            c.send(BLOB[i:i + 1])
        assert c.recv_exactly(200) == BLOB[:200]
        c.obj.write(b"pieces")
        for byte in c.out.read():
            c.sock.sendall(bytes([byte]))
        assert c.recv_exactly(6) == b"pieces"


def test_keys_change_under_way(px):
    """KeyUpdate both ways by openssl s_client."""
    x = px("--backend", Backend(echo).name)
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"localhost:{x.port}", "-CAfile", x.ca, "-quiet",
                          "-no_ign_eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    for line in (b"one\n", b"K\n", b"two\n", b"k\n", b"three\n"):
        p.stdin.write(line)
        p.stdin.flush()
        if len(line) > 2:
            assert p.stdout.readline() == line
        else:
            time.sleep(0.3)
    p.kill()
    p.communicate()


# ---- ends ----------------------------------------------------------------------------------------

def test_client_half_closes_first(px):
    b = Backend()
    x = px("--backend", b.name)
    with x.tls() as c, b.accept() as s:
        c.send(b"question")
        c.half_close()
        assert read_end(s) == (b"question", "fin")
        s.sendall(b"a" * 300000)
        s.close()
        assert c.end() == (b"a" * 300000, "close_notify")
    x.log(r"up=8 down=300000 .*end=done")


def test_close_notify_without_fin_is_an_end(px):
    b = Backend()
    x = px("--backend", b.name)
    with x.tls() as c, b.accept() as s:
        c.send(b"question")
        c.half_close(fin=False)
        assert read_end(s) == (b"question", "fin")


def test_backend_half_closes_first(px):
    b = Backend()
    x = px("--backend", b.name)
    with x.tls() as c, b.accept() as s:
        s.sendall(b"greeting")
        s.shutdown(socket.SHUT_WR)
        assert c.end() == (b"greeting", "close_notify")
        c.send(BLOB[:1 << 20])
        c.half_close()
        assert read_end(s) == (BLOB[:1 << 20], "fin")
    x.log(r"end=done")


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_client_that_is_cut(px, how):
    """FIN without close_notify, RST: the backend has all that came, and no clean end."""
    b = Backend()
    x = px("--backend", b.name)
    c = x.tls()
    s = b.accept()
    c.send(BLOB[:100000])
    assert read_exactly(s, 100000) == BLOB[:100000]
    c.cut() if how == "fin" else c.reset()
    assert read_end(s) == (b"", "reset")
    x.log(r"up=100000 .*end=client_cut .*error=\"")


def test_client_that_is_cut_before_the_backend_has_read(px):
    """The reset does not overtake what was sent before."""
    b = Backend()
    x = px("--backend", b.name)
    c = x.tls()
    s = b.accept()
    c.send(BLOB[:300000])
    c.cut()
    time.sleep(0.5)
    assert read_end(s) == (BLOB[:300000], "reset")


def test_bad_record(px):
    """The client is told why by an alert, the backend by a reset."""
    b = Backend()
    x = px("--backend", b.name)
    c = x.tls()
    s = b.accept()
    c.send(b"good")
    assert read_exactly(s, 4) == b"good"
    c.sock.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        c.recv()
    assert read_end(s) == (b"", "reset")
    x.log(r"end=client_error .*error=\".*bad_record_mac")


@pytest.mark.parametrize("n", [0, 200000])
def test_backend_that_resets(px, n):
    """The client has all that came before, and no clean end."""
    b = Backend()
    x = px("--backend", b.name)
    with x.tls() as c:
        s = b.accept()
        c.send(b"?")
        read_exactly(s, 1)
        s.sendall(BLOB[:n])
        assert c.recv_exactly(n) == BLOB[:n]
        reset(s)
        assert c.end() == (b"", "reset")
    x.log(r"end=backend_cut .*error=\"backend: Connection reset")


def test_backend_that_closes_with_bytes_unread(px):
    """That is a reset too, right behind the answer: the answer arrives."""
    def rude(s):
        s.recv(1)
        s.sendall(BLOB[:200000])

    b = Backend(rude)
    x = px("--backend", b.name)
    with x.tls() as c:
        c.send(b"x" * 1000)
        data, how = c.end()
        assert how == "reset" and BLOB.startswith(data)


def test_unix_backend_of_a_client_that_is_cut(px, tmp_path):
    """A unix socket knows no reset but for bytes that were not read: the page says so."""
    b = Backend(unix=tmp_path / "s")
    x = px("--backend", b.name)
    c = x.tls(sock=x.raw(rcvbuf=4096))
    s = b.accept()
    push_until_blocked(s)
    s.settimeout(20)
    c.cut()
    assert read_end(s) == (b"", "reset")


def test_upload_to_a_backend_that_is_gone(px):
    """After its proper end: the client must not believe that its bytes arrive."""
    b = Backend()
    x = px("--backend", b.name)
    with x.tls() as c:
        s = b.accept()
        s.shutdown(socket.SHUT_WR)
        assert c.recv() == b""
        s.close()
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(100):
                c.send(BLOB[:100000])
                time.sleep(0.02)
    x.log("end=backend_cut")


# ---- back-pressure -------------------------------------------------------------------------------

def push_until_blocked(s):
    """How many bytes a socket takes before it takes none for half a second."""
    n, last = 0, time.monotonic()
    s.setblocking(False)
    while time.monotonic() - last < 0.5:
        try:
            n += s.send(bytes(1 << 18))
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    return n


def test_stalled_clients_cost_little(px):
    """20 clients that read nothing, backends that would send for ever: the kernel's socket buffers fill, ours
    hold a buffer each."""
    b = Backend()
    x = px("--backend", b.name, "--workers", "1")
    clients, peers = [], []
    with x.tls() as c:
        c.send(b"warm")
        b.accept().close()
    before = x.rss()
    for _ in range(20):
        clients.append(x.tls(sock=x.raw(rcvbuf=8192)))
        peers.append(b.accept())
    took = [push_until_blocked(s) for s in peers]
    assert max(took) < 32 << 20
    held = x.rss() - before
    assert held < 20 * (3 * 65536) + (1 << 20), f"{held} bytes for 20 stalled connections"
    for c, s, n in zip(clients, peers, took):
        s.setblocking(True)
        s.shutdown(socket.SHUT_WR)
        assert c.recv_all() == bytes(n)
        c.close()
        s.close()


def test_stalled_backends_cost_little(px):
    """The other way round, with data that a client cannot get rid of."""
    b = Backend()
    x = px("--backend", b.name, "--workers", "1")
    with x.tls() as c:
        c.send(b"warm")
        b.accept().close()
    before = x.rss()
    clients = []
    for _ in range(10):
        c = x.tls()
        s = b.accept()
        c.sock.setblocking(False)
        n, last, pending = 0, time.monotonic(), b""
        while time.monotonic() - last < 0.5:
            if not pending:
                n += c.obj.write(BLOB[n:n + (1 << 18)])
                pending = c.out.read()
            try:
                pending = pending[c.sock.send(pending):]
                last = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        clients.append((c, s, n, pending))
    held = x.rss() - before
    assert held < 10 * (3 * 65536) + (1 << 20), f"{held} bytes for 10 stalled connections"
    for c, s, n, pending in clients:
        c.sock.setblocking(True)
        got = []
        t = threading.Thread(target=lambda s=s, got=got: got.append(read_end(s)))
        t.start()
        c.sock.sendall(pending)
        c.half_close()
        t.join(60)
        assert got == [(BLOB[:n], "fin")]
        s.close()


# ---- backends ------------------------------------------------------------------------------------

def test_the_next_backend_is_tried(px):
    gone = Backend()
    gone.close()
    b = Backend(says(b"alive"))
    x = px("--backend", gone.name, "--backend", b.name, "--workers", "1")
    for _ in range(4):
        with x.tls() as c:
            c.send(BLOB[:100000])
            assert c.recv_all() == b"alive"
    x.log(f"backend {gone.name} down: Connection refused")
    assert x.proc.output().count("down: Connection") == 1
    x.log(f"backend={b.name} up=100000 ")


def test_backends_take_turns(px):
    bs = [Backend(says(b"%d" % i)) for i in range(3)]
    x = px(*sum((["--backend", b.name] for b in bs), []), "--workers", "1")
    got = []
    for _ in range(9):
        with x.tls() as c:
            got.append(c.recv_all())
    assert sorted(got) == sorted([b"0", b"1", b"2"] * 3)


def test_no_backend(px):
    gone = Backend()
    gone.close()
    x = px("--backend", gone.name)
    with x.tls() as c:
        assert c.end() == (b"", "reset")
    x.log(r"backend=127.*end=no_backend .*error=\"no backend")
    b = Backend(says(b"back"), port=gone.port)
    with x.tls() as c:  # down or not: the only one there is
        assert c.recv_all() == b"back"
    x.log(f"backend {b.name} up")


def test_connect_timeout(px):
    """A backend whose backlog is full does not answer; the next one does."""
    full = Backend(backlog=0)
    fill = [socket.socket() for _ in range(4)]
    for s in fill:
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", full.port))
    b = Backend(says(b"alive"))
    x = px("--backend", full.name, "--backend", b.name, "--connect-timeout", "0.5", "--workers", "1")
    with x.tls() as c:
        assert c.recv_all() == b"alive"
    x.log(f"backend {full.name} down: Connection timed out")
    for s in fill:
        s.close()


def test_health_checks(px):
    """A backend that comes and goes is noticed without a connection; with --send-proxy a check says LOCAL."""
    gone = Backend()
    gone.close()
    x = px("--backend", gone.name, "--health-interval", "0.1", "--send-proxy")
    x.log(f"backend {gone.name} down: Connection refused")
    b = Backend(port=gone.port)
    x.log(f"backend {b.name} up")
    with b.accept() as s:
        h = read_header(s)
        assert h.local and h.family == 0 and not h.tlv and s.recv(1) == b""
    b.close()
    x.proc.wait_line("down: ", 20, start=len(x.proc.lines))
    assert x.proc.stop() == 0


def test_unix_backlog(px, tmp_path):
    """connect(2) to a unix socket with a full backlog fails at once: it is tried again, not given up."""
    b = Backend(unix=tmp_path / "s", backlog=1)
    x = px("--backend", b.name)
    clients = [x.tls() for _ in range(8)]
    served = []

    def serve():
        for _ in range(8):
            s = b.accept()
            s.sendall(b"ok")
            served.append(s)
            time.sleep(0.05)

    t = threading.Thread(target=serve)
    t.start()
    assert [c.recv_exactly(2) for c in clients] == [b"ok"] * 8
    t.join()
    assert "down" not in x.proc.output()


# ---- routes --------------------------------------------------------------------------------------

@pytest.mark.parametrize("default", [True, False])
def test_routes(px, default):
    b = {n: Backend(says(n.encode())) for n in ("main", "exact", "wild", "deep")}
    options = ["--route", f"One.Example.org={b['exact'].name}", "--route", f"*.example.org={b['wild'].name}",
               "--route", f"*.deep.example.org={b['deep'].name}"]
    x = px(*options, *(["--backend", b["main"].name] if default else []))

    def ask(name):
        with x.tls(name=name) as c:
            return c.recv_all()

    assert ask("one.example.org") == ask("ONE.example.org") == b"exact"
    assert ask("two.example.org") == ask("deep.example.org") == b"wild"
    assert ask("x.deep.example.org") == b"deep"
    for stranger in ("example.org", "a.one.example.org", "onexexample.org", "one.example"):
        if default:
            assert ask(stranger) == b"main"
        else:
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                ask(stranger)
    if default:
        assert ask(None) == b"main"
    else:
        with x.tls(name=None) as c:
            assert c.end() == (b"", "reset")
        x.log("end=no_route")


def test_a_route_with_several_backends(px):
    gone = Backend()
    gone.close()
    b = Backend(says(b"other"))
    x = px("--route", f"a.example={gone.name}", "--route", f"a.example={b.name}")
    for _ in range(2):
        with x.tls(name="a.example") as c:
            assert c.recv_all() == b"other"


# ---- PROXY protocol ------------------------------------------------------------------------------

@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_send_proxy(px, pki, host):
    b = Backend()
    x = px("--backend", b.name, "--send-proxy", "--alpn", "h2,http/1.1", host=host)
    with x.tls(alpn=["http/1.1"]) as c, b.accept() as s:
        h = read_header(s)
        assert not h.local and h.family == (0x21 if ":" in host else 0x11)
        assert h.src == c.sock.getsockname()[:2] and h.dst == (host, x.port)
        assert h.tlv[0x01] == b"http/1.1" and h.tlv[0x02] == b"localhost"
        assert set(h.tlv) == {0x01, 0x02, 0x20}
        assert h.client == 1 and h.verify != 0
        assert h.sub == {0x21: "TLSv1.3", 0x23: c.obj.cipher()[0], 0x24: "ecdsa-with-SHA256", 0x25: "EC256"}
        c.send(b"after it")
        assert read_exactly(s, 8) == b"after it"


def test_send_proxy_with_a_certificate_of_the_client(px, pki):
    b = Backend()
    x = px("--backend", b.name, "--send-proxy", "--cacert", pki.ca, "--verify", "verify_peer",
           cert=pki.cert("rsa2048"))
    with x.tls(cert=pki.issue("jo", hosts=["jo"], usage="client"), version=ssl.TLSVersion.TLSv1_2) as c, \
            b.accept() as s:
        h = read_header(s)
        assert h.client == 7 and h.verify == 0
        assert h.sub == {0x21: "TLSv1.2", 0x22: "leat test jo", 0x23: c.obj.cipher()[0], 0x24: "RSA-SHA256",
                         0x25: "RSA2048"}
    with x.tls() as c, b.accept() as s:
        assert read_header(s).client == 1


def test_accept_proxy(px):
    b = Backend()
    x = px("--backend", b.name, "--accept-proxy", "--send-proxy")
    more = tlv(0x05, b"id-17") + tlv(0xe0, b"own") + tlv(0x04, b"") + tlv(0x20, b"\x01\x00\x00\x00\x00")
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    for header, src, dst, ident in [
            (make_header(addr=V4, tlv=more, crc=True), ("192.0.2.7", 4711), ("198.51.100.9", 443), b"id-17"),
            (make_header(family=0x21, addr=v6 + struct.pack(">HH", 1, 2)), ("2001:db8::1", 1),
             ("2001:db8::2", 2), None),
            (make_header(family=0x31, addr=bytes(216)), "real", "real", None),
            (make_header(family=0x00, tlv=b"what ever"), "real", "real", None),
            (make_header(command=0x20, family=0x11, addr=V4), "real", "real", None)]:
        raw = x.raw()
        for byte in header:  # in pieces: the handshake's first byte is in none of them
            raw.sendall(bytes([byte]))
        with x.tls(sock=raw), b.accept() as s:
            h = read_header(s)
            assert h.src == (raw.getsockname() if src == "real" else src)
            assert h.dst == (("127.0.0.1", x.port) if dst == "real" else dst)
            assert h.tlv.get(0x05) == ident
    x.log(r"^1 192\.0\.2\.7:4711 ")
    x.log(r"^2 \[2001:db8::1\]:1 ")


BAD_HEADERS = {
    "no signature": b"\x16\x03\x01" + bytes(60),
    "version 1": b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n" + bytes(10),
    "version 3": b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" + V4,
    "command 2": make_header(command=0x22, addr=V4),
    "datagrams": make_header(family=0x12, addr=V4),
    "address too short": make_header(addr=V4[:11]),
    "TLV beyond the end": make_header(addr=V4, tlv=b"\x01\x00\x05abc"),
    "TLV without length": make_header(addr=V4, tlv=b"\x01\x00"),
    "unique id too long": make_header(addr=V4, tlv=tlv(5, bytes(129))),
    "wrong checksum": make_header(addr=V4, crc=1),
    "checksum of three bytes": make_header(addr=V4, tlv=tlv(3, bytes(3))),
    "too long": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + V4,
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_bad_proxy_headers(px, name):
    b = Backend()
    x = px("--backend", b.name, "--accept-proxy")
    s = x.raw()
    s.sendall(BAD_HEADERS[name])
    assert read_end(s) == (b"", "reset")
    x.log(r"end=bad_proxy_header .*error=\"proxy header: ")
    b.listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        b.accept()


def test_proxy_header_cut_off(px):
    x = px("--backend", "127.0.0.1:9", "--accept-proxy")
    s = x.raw()
    s.sendall(make_header(addr=V4)[:20])
    s.shutdown(socket.SHUT_WR)
    assert read_end(s)[1] == "reset"
    x.log("proxy header: cut off")


# ---- strangers, deadlines, limits ----------------------------------------------------------------

def test_garbage(px):
    """Nothing of it reaches a backend, and the next client is served."""
    b = Backend(says(b"fine"))
    x = px("--backend", b.name)
    dice = random.Random(3)
    for junk in [b"", b"\x16", b"GET / HTTP/1.1\r\n\r\n", bytes(5), *(dice.randbytes(n) for n in (7, 300, 9000))]:
        s = x.raw()
        s.sendall(junk)
        s.shutdown(socket.SHUT_WR)
        read_end(s)
    assert b.count == 0
    with x.tls() as c:
        assert c.recv_all() == b"fine"
    x.log("end=handshake_failed .*error=")


def test_deadlines(px):
    b = Backend()
    x = px("--backend", b.name, "--handshake-timeout", "0.5", "--idle-timeout", "1", "--half-close-timeout", "0.7")
    s = x.raw()
    s.sendall(b"\x16\x03\x01")
    assert read_end(s)[1] == "reset"
    x.log("end=handshake_timeout")
    with x.tls() as c, b.accept() as s:
        for _ in range(8):  # no deadline as long as something moves
            c.send(b"x")
            assert read_exactly(s, 1) == b"x"
            time.sleep(0.25)
        assert c.end() == (b"", "reset") and read_end(s) == (b"", "reset")
    x.log("up=8 .*end=idle_timeout")
    with x.tls() as c, b.accept() as s:
        s.shutdown(socket.SHUT_WR)
        assert c.recv() == b""
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(40):  # a byte now and then does not help
                c.send(b"x")
                time.sleep(0.1)
    x.log("end=half_close_timeout")


def test_a_slow_reader_is_no_idle_one(px):
    """It takes longer than the idle limit, and its bytes wait in the kernel where we see nothing move."""
    b = Backend(says(BLOB[:2 << 20]))
    x = px("--backend", b.name, "--idle-timeout", "2")
    c = x.tls(sock=x.raw(rcvbuf=65536))
    got = b""
    for _ in range(20):
        got += c.recv_exactly(60000)
        time.sleep(0.2)
    assert got + c.recv_all() == BLOB[:2 << 20]


def test_bound_on_connections(px):
    b = Backend(echo)
    x = px("--backend", b.name, "--max-connections", "2", "--workers", "2")
    first, second = x.tls(), x.tls()
    for c in (first, second):
        c.send(b"a")
        assert c.recv(1) == b"a"
    waiting = x.raw()
    waiting.sendall(b"\x16")
    time.sleep(0.4)
    assert b.count == 2
    first.half_close()
    assert first.recv() == b""
    first.close()
    waiting.close()
    x.log("end=handshake_failed")  # it was served, and its place is free again
    time.sleep(0.3)
    with x.tls() as c:
        c.send(b"b")
        assert c.recv(1) == b"b"


def test_a_thousand_connections(px):
    b = Backend(echo)
    x = px("--backend", b.name)
    clients = [x.tls() for _ in range(1000)]
    for i, c in enumerate(clients):
        c.send(b"%d" % i)
    for i, c in enumerate(clients):
        assert c.recv_exactly(len(b"%d" % i)) == b"%d" % i
    assert x.rss() < 64 << 20
    for c in clients:
        c.half_close()
    for c in clients:
        assert c.recv() == b""
        c.close()
    x.proc.stop()
    assert x.proc.output().count("end=done") == 1000
    assert "stopped: 1000 connections" in x.proc.output()


def test_stop_drains(px):
    b = Backend()
    x = px("--backend", b.name)
    c, idle = x.tls(), x.tls()
    s, other = b.accept(), b.accept()
    os.kill(x.proc.pid, signal.SIGTERM)
    time.sleep(0.5)
    with pytest.raises(ConnectionRefusedError):
        x.raw()
    c.send(b"still there")
    assert read_exactly(s, 11) == b"still there"
    c.half_close()
    s.close()
    assert c.recv() == b""
    x.log("end=done")
    os.kill(x.proc.pid, signal.SIGTERM)
    assert idle.end() == (b"", "reset")
    other.close()
    assert x.proc.wait() == 0
    assert "end=stopped" in x.proc.output()


def test_grace(px):
    b = Backend()
    x = px("--backend", b.name, "--grace", "0.5")
    with x.tls() as c, b.accept():
        os.kill(x.proc.pid, signal.SIGTERM)
        assert c.end() == (b"", "reset")
    assert x.proc.wait() == 0


def test_descriptors_are_given_back(px):
    """After every kind of end."""
    b = Backend(says(BLOB[:100000]))
    x = px("--backend", b.name, "--workers", "1")
    fds = f"/proc/{x.proc.pid}/fd"
    before = len(os.listdir(fds))
    for _ in range(5):
        x.tls().reset()
        x.tls().close()
        with x.tls() as c:
            c.recv_all()
        s = x.raw()
        s.sendall(b"junk" * 100)
        read_end(s)
    deadline = time.monotonic() + 20
    while len(os.listdir(fds)) > before + 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(os.listdir(fds)) <= before + 2  # a spare pipe is kept


def test_log_to_a_file(px, tmp_path):
    log = tmp_path / "log"
    x = px("--backend", Backend(says(b"x")).name, "--access-log", str(log))
    with x.tls() as c:
        assert c.recv_all() == b"x"
        c.half_close()
    assert x.proc.stop() == 0
    assert "end=done" in log.read_text()
    assert "end=done" not in x.proc.output()
    assert isinstance(c, Tls)

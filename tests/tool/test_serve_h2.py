# SPDX-License-Identifier: Apache-2.0
"""leat serve over HTTP/2: the same answers as over HTTP/1.1, to real clients; and what RFC 9113 10.5 warns of: a
peer that sends much and asks for nothing, or asks and takes nothing, ends its own connection and harms nobody."""
import os
import re
import signal
import struct
import subprocess
import threading
import time

import pytest

import h2raw
from h2raw import (CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY,
                   RST, SETTINGS, WINDOW, Raw)
from https import Client
from serving import BIG, Serve, make_site

CALM = ("goaway", ENHANCE_YOUR_CALM)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("h2"))


@pytest.fixture
def serve(run_server, leat, site, pki):
    def start(*options, **kw):
        return Serve(run_server, leat, site, pki.cert("p256"), "--http2", *options, **kw)
    return start


def curl(s, pki, path, *options):
    return subprocess.run(["curl", "-sS", "--http2", "--cacert", pki.ca, *options,
                           f"https://localhost:{s.port}{path}"], capture_output=True, timeout=60)


# ---- real clients ----------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_curl_byte_for_byte(serve, pki, loop):
    s = serve("--loop", loop)
    r = curl(s, pki, "/big.bin", "-D", "/dev/stderr")
    assert r.stdout == BIG and r.stderr.startswith(b"HTTP/2 200")
    s.log(r"GET /big.bin 200 %d whole .* http=2$" % len(BIG))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_both_versions_and_both_protocols(serve, pki, version):
    s = serve()
    for option, number in (("--http2", b"2"), ("--http1.1", b"1.1")):
        r = curl(s, pki, "/a.txt", option, "--tls-max", version, "-w", "%{http_version}")
        assert r.stdout == b"hello\n" + number
    with Client(s.port, pki.ca) as c:  # no ALPN at all
        assert c.get("/a.txt").body == b"hello\n"


def test_off_by_default(run_server, leat, site, pki):
    s = Serve(run_server, leat, site, pki.cert("p256"))
    assert curl(s, pki, "/a.txt", "-w", "%{http_version}").stdout == b"hello\n1.1"


def test_many_transfers_at_once(serve, pki, tmp_path):
    """Sixty files interleaved on one connection, each whole."""
    s = serve()
    argv = ["curl", "-sS", "--http2", "--cacert", pki.ca, "--parallel", "--parallel-max", "60"]
    for i in range(60):
        path = ("big.bin", "rec.bin", "a.txt")[i % 3]
        argv += ["-o", tmp_path / str(i), f"https://localhost:{s.port}/{path}"]
    subprocess.run(argv, check=True, timeout=100)
    for i in range(60):
        assert (tmp_path / str(i)).read_bytes() == (BIG, BIG[:16384], b"hello\n")[i % 3]


def test_h2load(serve):
    s = serve()
    r = subprocess.run(["h2load", "-n", "4000", "-c", "8", "-m", "32", "-t", "1",
                        f"https://127.0.0.1:{s.port}/rec.bin"], capture_output=True, timeout=100, text=True)
    assert "4000 succeeded, 0 failed, 0 errored" in r.stdout, r.stdout


def test_nghttp(serve):
    r = subprocess.run(["nghttp", "-n", "-s", f"https://127.0.0.1:{serve().port}/big.bin"],
                       capture_output=True, timeout=60, text=True)
    assert re.search(r"\b200\b.*big.bin", r.stdout), r.stdout


# ---- the same answers ------------------------------------------------------------------------


@pytest.mark.parametrize("method, path, more", [
    ("GET", "/a.txt", {}), ("HEAD", "/a.txt", {}), ("GET", "/", {}), ("GET", "/sub", {}),
    ("GET", "/sub/?x=1", {}), ("GET", "/nothing", {}), ("GET", "/../x", {}), ("GET", "/%zz", {}),
    ("GET", "/bare/", {}), ("GET", "/.hidden", {}), ("GET", "/empty.txt", {}), ("HEAD", "/big.bin", {}),
    ("GET", "/big.bin", {"range": "bytes=5-70000"}), ("GET", "/big.bin", {"range": "bytes=-7"}),
    ("GET", "/big.bin", {"range": "bytes=0-9, 100000-300000, -3"}),
    ("GET", "/big.bin", {"range": "bytes=99999999-"}), ("GET", "/a.txt", {"if-none-match": "*"}),
    ("GET", "/a.txt", {"if-match": '"x"'}), ("POST", "/a.txt", {}), ("DELETE", "/a.txt", {}),
    ("BREW", "/a.txt", {}), ("GET", "/" + "n" * 3000, {}), ("GET", "/a.txt", {"expect": "nonsense"}),
])
def test_like_http11(serve, pki, method, path, more):
    s = serve()
    with Client(s.port, pki.ca) as c, Raw(s.port, pki.ca) as r:
        old = c.get(path, method=method, **more)
        r.request(1, path=path, method=method, more=more.items())
        status, fields, body = r.answer(1)
        del fields[":status"], fields["date"]
        expected = {k: v for k, v in old.fields.items() if k not in ("date", "connection")}
        boundary = re.search(r"boundary=(\S+)", fields.get("content-type", ""))
        assert (status, fields, body) == (old.status, expected, old.body)
        assert bool(boundary) == ("," in more.get("range", ""))
        r.request(3)
        assert r.answer(3)[2] == b"hello\n"  # the connection goes on


def test_windows_are_obeyed(serve, pki):
    s = serve()
    with Raw(s.port, pki.ca, settings=struct.pack(">HI", 4, 1000)) as r:
        r.request(1, path="/rec.bin")
        got = b""
        while len(got) < 16384:
            while True:
                kind, _, stream, payload = r.read()
                if kind == DATA and stream == 1:
                    break
            assert 0 < len(payload) <= 1000
            got += payload
            r.frame(WINDOW, 0, 1, struct.pack(">I", len(payload)))
        assert got == BIG[:16384] and r.answer(1)[0] == 200


def test_file_that_shrinks_resets_its_stream_only(serve, pki, run_server, leat, tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    (tmp_path / "a.txt").write_bytes(b"hello\n")
    s = Serve(run_server, leat, tmp_path, pki.cert("p256"), "--http2")
    with Raw(s.port, pki.ca) as r:
        r.request(1, path="/f")
        while not r.streams.get(1, {}).get("body"):
            r.read()
        os.truncate(tmp_path / "f", 10)
        assert r.answer(1)[0] == "reset"
        r.request(3)
        assert r.answer(3)[2] == b"hello\n"


@pytest.mark.parametrize("flags", [END_HEADERS, END_HEADERS | END_STREAM])
def test_bodies_of_requests_are_dropped(serve, pki, flags):
    with Raw(serve().port, pki.ca) as r:
        r.request(1, method="POST", flags=flags)
        if not flags & END_STREAM:
            for _ in range(3):
                r.frame(DATA, 0, 1, b"x" * 16384)
        assert r.answer(1)[0] == 405
        r.request(3)
        assert r.answer(3)[0] == 200


def test_hosts(run_server, leat, site, pki, tmp_path):
    (tmp_path / "a.txt").write_text("other")
    s = Serve(run_server, leat, site, pki.cert("p256"), "--http2", "--host", "x.wild.test", "--root",
              tmp_path, "--cert", pki.cert("p256").chain, "--key", pki.cert("p256").key)
    with Raw(s.port, pki.ca, host="x.wild.test") as r:
        for stream, authority, status in ((1, "x.wild.test", 200), (3, "x.wild.test:443", 200),
                                          (5, "localhost", 421)):
            r.request(stream, authority=authority)
            assert r.answer(stream)[0] == status
        r.request(7, authority=None, more=[("host", "x.wild.test")])
        assert r.answer(7)[2] == b"other"


# ---- requests that are none ------------------------------------------------------------------


@pytest.mark.parametrize("kw", [
    {"path": None}, {"method": None}, {"scheme": None}, {"path": ""}, {"path": "a.txt"},
    {"more": [("Upper", "x")]}, {"more": [("connection", "close")]}, {"more": [("te", "gzip")]},
    {"more": [("transfer-encoding", "chunked")]}, {"more": [(":status", "200")]},
    {"more": [(":path", "/b")]}, {"more": [("a", "b\r\nx: y")]}, {"more": [("a", "b\0")]},
    {"more": [("a b", "c")]}, {"more": [("content-length", "5")]},
    {"path": "/a.txt HTTP/1.1\r\nx: y"}, {"path": "/a.txt x"}, {"path": "/a.txt\t"}, {"method": "G T"},
    {"more": [("host", "other")]}, {"authority": "a b"}, {"authority": "x/y"},
])
def test_malformed_requests(serve, pki, kw):
    """Reset or refused, and the connection goes on."""
    with Raw(serve().port, pki.ca) as r:
        r.request(1, **kw)
        got = r.answer(1)
        assert got[0] == "reset" or got[0] in (400, 501), got
        r.request(3)
        assert r.answer(3)[2] == b"hello\n"


def test_connect(serve, pki):
    with Raw(serve().port, pki.ca) as r:
        r.request(1, method="CONNECT", path=None, scheme=None)
        assert r.answer(1)[0] in (405, "reset")


@pytest.mark.parametrize("fields, ok", [(1, True), (70, True), (99, True), (101, False)])
def test_number_of_fields(serve, pki, fields, ok):
    with Raw(serve().port, pki.ca) as r:
        r.request(1, more=[("x", "y")] * (fields - 1))
        assert r.answer(1)[0] == (200 if ok else 431)


def test_bytes_of_fields(serve, pki):
    with Raw(serve("--max-header", "2000").port, pki.ca) as r:
        for stream, n, status in ((1, 1700, 200), (3, 2100, 431), (5, 15000, 431)):
            r.request(stream, more=[("x", "y" * n)])
            assert r.answer(stream)[0] == status
        # A table entry that is long once and referred to often (the bomb of HPACK).
        r.request(7, more=[("x", "z" * 1900)] * 60)
        assert r.answer(7)[0] == 431
        r.request(9)
        assert r.answer(9)[0] == 200


# ---- connections that are none ---------------------------------------------------------------


def frame(kind, flags=0, stream=0, payload=b""):
    return Raw.make(kind, flags, stream, payload)


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", h2raw.PREFACE[:-1] + b"X", b"\x16\x03\x01" * 20])
def test_no_preface(serve, pki, data):
    s = serve()
    with Raw(s.port, pki.ca, preface=b"") as r:
        r.send(data)
        assert r.end() in ("closed", ("goaway", 1))
    s.log("refused .*http/2")


@pytest.mark.parametrize("data", [
    frame(DATA, 0, 0, b"x"), frame(HEADERS, END_HEADERS, 0, b"\x82"), frame(DATA, 0, 1, b"x"),
    frame(HEADERS, END_HEADERS, 2, b"\x82\x84\x87"), frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff"),
    frame(SETTINGS, 0, 1), frame(SETTINGS, 0, 0, b"x"), frame(SETTINGS, 1, 0, b"123456"),
    frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)), frame(PING, 0, 0, b"short"), frame(PING, 0, 1, b"12345678"),
    frame(WINDOW, 0, 0, b"\0\0\0\0"), frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 2, frame(RST, 0, 1, b"\0\0\0\0"),
    frame(RST, 0, 0, b"\0\0\0\0"), frame(5, END_HEADERS, 1, b"\0\0\0\2"), frame(CONTINUATION, END_HEADERS, 1, b""),
    frame(HEADERS, 0, 1, b"\x82") + frame(PING, 0, 0, b"12345678"),
    frame(HEADERS, END_HEADERS | 8, 1, b"\xff\x82"), b"\xff\xff\xff\x00\x00\x00\x00\x00\x00",
])
def test_protocol_errors_end_the_connection(serve, pki, data):
    s = serve()
    with Raw(s.port, pki.ca) as r:
        r.send(data)
        how = r.end()
        assert how[0] == "goaway" and how[1] in (1, 3, 5, 6, 9), how
    with Raw(s.port, pki.ca) as r:
        r.request(1)
        assert r.answer(1)[0] == 200


def flood(server, ca, data, times, first=b""):
    """Sends data again and again without reading; how it ends, and how much memory that took."""
    before = server.rss_kib()
    with Raw(server.port, ca) as r:
        try:
            r.send(first)
            for _ in range(times // 100):
                r.send(data * 100)
        except OSError:
            pass  # it was closed while we sent
        end = r.end()
    return end, server.rss_kib() - before


@pytest.mark.parametrize("name, data", [
    ("ping", frame(PING, 0, 0, b"12345678")), ("settings", frame(SETTINGS)),
    ("priority", frame(PRIORITY, 0, 1, b"\0\0\0\3\x10")), ("unknown type", frame(0xf0, 0, 0, b"x")),
    ("window", frame(WINDOW, 0, 0, b"\0\0\0\1")), ("reset of nothing", frame(RST, 0, 1, b"\0\0\0\0")),
], ids=lambda v: v if isinstance(v, str) else "")
def test_floods(serve, pki, name, data):
    s = serve()
    end, grown = flood(s, pki.ca, data, 20000)
    assert end in (CALM, "closed", "reset", ("goaway", 1)), end
    assert grown < 4096
    s.log(r"refused .*http/2: ")
    assert curl(s, pki, "/a.txt").stdout == b"hello\n"


def test_flood_of_empty_data(serve, pki):
    s = serve()
    with Raw(s.port, pki.ca) as r:
        first = frame(HEADERS, END_HEADERS, 1, r.block(path="/big.bin", method="POST"))
    assert flood(s, pki.ca, frame(DATA, 0, 1), 20000, first)[0] != "open"
    s.log(r"refused .*http/2: ")


@pytest.mark.parametrize("piece", [b"", b"\x00\x01a\x01b" * 200], ids=["empty", "fields"])
def test_header_block_without_end(serve, pki, piece):
    s = serve()
    with Raw(s.port, pki.ca) as r:
        first = frame(HEADERS, 0, 1, r.block())
    end, grown = flood(s, pki.ca, frame(CONTINUATION, 0, 1, piece), 20000, first)
    assert end != "open" and grown < 4096
    s.log(r"refused .*http/2: ")
    assert curl(s, pki, "/a.txt").stdout == b"hello\n"


def test_rapid_reset(serve, pki):
    s = serve()
    before, sent = s.rss_kib(), 0
    with Raw(s.port, pki.ca) as r:
        try:
            for i in range(20):
                batch = b"".join(frame(HEADERS, END_HEADERS | END_STREAM, n, r.block(path="/big.bin")) +
                                 frame(RST, 0, n, b"\0\0\0\x08")
                                 for n in range(200 * i + 1, 200 * i + 201, 2))
                r.send(batch)
                sent += 100
        except OSError:
            pass
        assert r.end() in (CALM, "closed", "reset")
    s.log(r"refused .*http/2: frames that ask for nothing")
    assert s.rss_kib() - before < 8192
    done = len(re.findall("/big.bin", s.proc.output()))
    assert done < 400, (done, sent)
    assert curl(s, pki, "/a.txt").stdout == b"hello\n"


def test_a_client_may_change_its_mind(serve, pki):
    """Some resets among many requests are what browsers do."""
    with Raw(serve().port, pki.ca) as r:
        for i in range(60):
            n = 4 * i + 1
            r.request(n, path="/big.bin")
            r.frame(RST, 0, n, b"\0\0\0\x08")
            r.request(n + 2)
            assert r.answer(n + 2)[2] == b"hello\n"
            r.frame(PING, 0, 0, b"12345678")


def test_number_of_streams(serve, pki):
    s = serve()
    with Raw(s.port, pki.ca, settings=struct.pack(">HI", 4, 0)) as r:  # windows of nothing: all stay open
        for n in range(1, 2 * 130, 2):
            r.request(n, path="/rec.bin")
        assert r.answer(2 * 129 + 1) in (("reset", 7), ("reset", 1))  # REFUSED_STREAM
        assert sum(1 for f in os.listdir(f"/proc/{s.pid}/fd")) < 200
        assert curl(s, pki, "/a.txt").stdout == b"hello\n"


# ---- time ------------------------------------------------------------------------------------


def took(r):
    start = time.monotonic()
    how = r.end()
    return how, time.monotonic() - start


def test_preface_in_time(serve, pki):
    s = serve("--header-timeout", "1")
    for preface in (b"", h2raw.PREFACE[:10], h2raw.PREFACE):
        with Raw(s.port, pki.ca, preface=b"") as r:
            r.send(preface)
            start = time.monotonic()
            while r.s.recv(1000):  # our SETTINGS are not answered
                pass
            assert time.monotonic() - start < 4
    s.log("refused .*http/2: a request's head, or the preface")


def test_head_in_time(serve, pki):
    s = serve("--header-timeout", "1")
    with Raw(s.port, pki.ca) as r:
        r.frame(HEADERS, 0, 1, r.block())
        stop = time.monotonic() + 4
        with pytest.raises((OSError, EOFError)):
            while time.monotonic() < stop:
                r.frame(CONTINUATION, 0, 1, r.enc.encode([("a", "b")]))
                time.sleep(0.2)
            pytest.fail("still open")
    s.log("refused .*http/2: a request's head")


def test_idle(serve, pki):
    s = serve("--idle-timeout", "1")
    with Raw(s.port, pki.ca) as r:
        r.request(1)
        assert r.answer(1)[0] == 200
        how, seconds = took(r)
        assert how == ("goaway", 0) and 0.5 < seconds < 4


def test_pings_do_not_keep_it_open(serve, pki):
    s = serve("--idle-timeout", "1")
    with Raw(s.port, pki.ca) as r:
        end = time.monotonic() + 5
        with pytest.raises((OSError, EOFError)):
            while time.monotonic() < end:
                r.frame(PING, 0, 0, b"12345678")
                r.read()
                time.sleep(0.1)


@pytest.mark.parametrize("reads", [True, False])
def test_who_takes_nothing_is_cut(serve, pki, reads):
    """No window, or windows but no reading of the socket."""
    s = serve("--stall-timeout", "1")
    window = 0 if reads else (1 << 31) - 1
    with Raw(s.port, pki.ca, settings=struct.pack(">HI", 4, window)) as r:
        r.frame(WINDOW, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535))
        for n in range(1, 40, 2):
            r.request(n, path="/big.bin")
        s.log("refused .*http/2: the peer takes no more", 10)


def test_slow_is_allowed(serve, pki):
    s = serve("--stall-timeout", "1")
    with Raw(s.port, pki.ca, settings=struct.pack(">HI", 4, 2000)) as r:
        r.request(1, path="/rec.bin")
        for _ in range(6):
            r.frame(WINDOW, 0, 1, struct.pack(">I", 2000))
            time.sleep(0.5)
        r.frame(WINDOW, 0, 1, struct.pack(">I", 20000))
        assert r.answer(1)[2] == BIG[:16384]


# ---- ends ------------------------------------------------------------------------------------


def test_stopping_finishes_answers(serve, pki):
    s = serve()
    with Raw(s.port, pki.ca) as idle, Raw(s.port, pki.ca) as r:
        r.request(1, path="/big.bin")
        while not r.streams.get(1, {}).get("body"):
            r.read()
        os.kill(s.pid, signal.SIGTERM)
        assert r.answer(1)[2] == BIG
        assert r.end() == ("goaway", 0) and idle.end() == ("goaway", 0)
    assert re.search(r"stopped: .* 0 connections cut", "\n".join([s.proc.wait_line("^stopped:").string]))


def test_reload_says_goaway_after_the_next_answer(serve, pki):
    s = serve("--workers", "1")
    with Raw(s.port, pki.ca) as r:
        r.request(1)
        assert r.answer(1)[0] == 200
        os.kill(s.pid, signal.SIGHUP)
        s.log("^reloaded")
        time.sleep(0.2)
        r.request(3, path="/rec.bin")
        assert r.answer(3)[2] == BIG[:16384]
        assert r.end() == ("goaway", 0) and r.goaway[0] == 3


def test_memory_comes_back(serve, pki):
    """Connections with many open streams that are cut leave nothing behind."""
    s = serve("--workers", "1")

    def wave():
        conns = [Raw(s.port, pki.ca, settings=struct.pack(">HI", 4, 0)) for _ in range(8)]
        for r in conns:
            for n in range(1, 160, 2):
                r.request(n, path="/rec.bin")
        for r in conns:
            r.answer_count = r.read()
            r.s.close()

    def fds():
        return len(os.listdir(f"/proc/{s.pid}/fd"))

    wave()
    time.sleep(0.3)
    base, rss = fds(), s.rss_kib()
    for _ in range(6):
        wave()
    end = time.monotonic() + 5
    while fds() > base and time.monotonic() < end:
        time.sleep(0.05)
    assert fds() <= base and s.rss_kib() - rss < 3000


def test_clients_beside_attackers(serve, pki):
    s, stop, failed = serve("--workers", "1"), threading.Event(), []

    def attack():
        while not stop.is_set():
            flood(s, pki.ca, frame(PING, 0, 0, b"12345678"), 5000)

    t = threading.Thread(target=attack)
    t.start()
    try:
        for _ in range(15):
            if curl(s, pki, "/big.bin").stdout != BIG:
                failed.append("cut")
    finally:
        stop.set()
        t.join()
    assert not failed

# SPDX-License-Identifier: Apache-2.0
"""leat serve on a kernel that carries TLS records.

First the claim itself, for both versions and all four AEADs: the bytes arrive, the kernel's counter
moves, and strace sees no file byte enter or leave the process. Then the suite of
tests/tool/test_serve.py once more with --records kernel: both directions in the kernel must look the
same to a client.
"""
import ctypes
import os
import re
import resource
import socket
import ssl
import struct
import subprocess
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "tool"))

from https import Client  # noqa: E402
from serving import BIG, Serve, make_site  # noqa: E402
from test_serve import (  # noqa: E402, F401  (collected here with the fixtures below)
    client, key_update, test_bodies_are_dropped, test_file_that_shrinks_while_sent,
    test_grace_ends, test_idle_connection_is_closed_properly, test_keep_alive_and_close,
    test_nothing_leaks, test_pipelining, test_pipelining_behind_a_big_file,
    test_ranges_byte_for_byte, test_reader_that_pauses_at_the_end, test_reader_that_stops,
    test_request_in_every_two_pieces, test_several_ranges, test_slow_header_is_answered_408,
    test_slow_reader_gets_all_of_it, test_stop_during_a_transfer, wait_for)

H = b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
SIZE = 16 << 20


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    d = make_site(tmp_path_factory.mktemp("serve"))
    (d / "16m.bin").write_bytes((BIG * 6)[:SIZE])
    return d


@pytest.fixture
def serve(run_server, leat, site, pki):
    def start(*options, where=site, ident=None, **kw):
        return Serve(run_server, leat, where, ident or pki.cert("p256"), "--records", "kernel",
                     *options, **kw)
    return start


@pytest.fixture
def serve_auto(run_server, leat, site, pki):
    def start(*options, **kw):
        return Serve(run_server, leat, site, pki.cert("p256"), *options, **kw)
    return start


def tls_stat(name):
    with open("/proc/net/tls_stat", encoding="ascii") as f:
        return next(int(v) for k, v in (line.split() for line in f) if k == name)


SUITES = {
    "1.2": {"gcm128": "ECDHE-ECDSA-AES128-GCM-SHA256", "gcm256": "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ccm128": "ECDHE-ECDSA-AES128-CCM", "chacha": "ECDHE-ECDSA-CHACHA20-POLY1305"},
    "1.3": {"gcm128": "TLS_AES_128_GCM_SHA256", "gcm256": "TLS_AES_256_GCM_SHA384",
            "ccm128": "TLS_AES_128_CCM_SHA256", "chacha": "TLS_CHACHA20_POLY1305_SHA256"},
}
CASES = [(v, a) for v in SUITES for a in SUITES[v]]


def curl(pki, port, version, suite, path="/16m.bin"):
    pick = ["--tls13-ciphers", suite] if version == "1.3" else ["--ciphers", suite]
    r = subprocess.run(["curl", "-sS", "--cacert", pki.ca, f"--tlsv{version}", "--tls-max", version,
                        *pick, f"https://localhost:{port}{path}"], capture_output=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return r.stdout


@pytest.mark.parametrize("version, aead", CASES)
def test_file_by_kernel_records(serve_auto, pki, site, version, aead):
    """REQ: F-ktls-tx F-ktls-13"""
    s = serve_auto("--set", "kernel_file_from=262144")  # of itself, ChaCha20 would stay in user space
    before = tls_stat("TlsTxSw")
    got = curl(pki, s.port, version, SUITES[version][aead])
    assert got == (site / "16m.bin").read_bytes()
    assert tls_stat("TlsTxSw") == before + 1
    m = s.log(r"GET /16m.bin 200 %d whole \S+ TLSv(\S+) (\S+) \S+ tx=kernel rx=user tx_why=in_kernel"
              % SIZE)
    assert m.group(1) == version


# What moves bytes between memory and descriptors, and what does not.
COPY = {"read", "pread64", "readv", "preadv", "preadv2", "write", "pwrite64", "writev", "pwritev",
        "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "mmap"}
MOVE = {"splice", "sendfile"}


def traced(path):
    copied = moved = 0
    for line in path.read_text(errors="replace").splitlines():
        m = re.match(r"(?:\d+ +)?(\w+)\(.*\) += (\d+)$", line)
        if m and m.group(1) in COPY - {"mmap"}:
            copied += int(m.group(2))
        elif m and m.group(1) in MOVE and "SPLICE_F" in line or m and m.group(1) == "sendfile":
            moved += int(m.group(2))
    return copied, moved


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_no_file_byte_enters_the_process(run_server, leat, site, pki, tmp_path, version):
    """REQ: F-ktls-sendfile"""
    me, out = pki.cert("p256"), tmp_path / "trace"
    p = run_server(["strace", "-D", "-f", "-s", "0", "-o", out, "-e",
                    "trace=" + ",".join(sorted(COPY | MOVE)), leat, "serve", site, "--listen",
                    "127.0.0.1:0", "--cert", me.chain, "--key", me.key],
                   ready=r"listening on 127.0.0.1:(\d+)", timeout=60)
    start = traced(out)[0]
    got = curl(pki, int(p.match.group(1)), version, SUITES[version]["gcm128"])
    assert got == (site / "16m.bin").read_bytes()
    copied, moved = traced(out)
    assert moved == 2 * SIZE  # file to pipe, pipe to socket
    assert copied - start < 16384  # handshake, request, head, log line
    # No second way in: a mapping of the file, or reads by the ring.
    assert not re.search(r"mmap\(.*, (?!-1)\d+, .*\) = 0x", "\n".join(
        line for line in out.read_text().splitlines()[-400:] if f"{SIZE}" in line))


def test_small_answers_stay_in_user_space(serve_auto, client):
    s = serve_auto()
    assert client(s).get("/a.txt").body == b"hello\n"
    s.log(r"/a.txt 200 .* tx=user rx=user tx_why=auto_small")


def test_one_connection_moves_when_it_pays(serve_auto, client):
    """Small, big, small: user space first, the kernel from the big one on."""
    s = serve_auto()
    c = client(s)
    assert c.get("/a.txt").body == b"hello\n"
    assert c.get("/16m.bin").body[:100] == BIG[:100]
    for path, body in (("/a.txt", b"hello\n"), ("/nothing", b"404 Not Found\n")):
        assert c.get(path).body == body
    s.log(r"/a.txt 200 .* tx=user ")
    s.log(r"/16m.bin 200 .* tx=kernel ")
    s.log(r"/nothing 404 .* tx=kernel ")
    assert c.get("/a.txt", Connection="close").status == 200
    assert c.at_end() == "close_notify"


def test_both_directions(serve, client):
    s = serve()
    rx, tx = tls_stat("TlsRxSw"), tls_stat("TlsTxSw")
    assert client(s).get("/a.txt").body == b"hello\n"
    assert (tls_stat("TlsRxSw"), tls_stat("TlsTxSw")) == (rx + 1, tx + 1)
    s.log(r"/a.txt 200 .* tx=kernel rx=kernel tx_why=in_kernel rx_why=in_kernel")


def test_request_glued_to_the_finished(serve, pki):
    """The client's first request comes in one segment with its Finished: not a byte may be lost when
    receiving moves to the kernel."""
    s = serve()
    ctx = ssl.create_default_context(cafile=pki.ca)
    for _ in range(20):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ctx.wrap_bio(into, out, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", s.port)) as raw:
            raw.settimeout(10)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    raw.sendall(out.read())
                    into.write(raw.recv(65536))
            for _ in range(3):
                tls.write(b"GET /a.txt" + H)
            raw.sendall(out.read())  # Finished and three requests
            got = b""
            while got.count(b"hello\n") < 3:
                try:
                    got += tls.read(65536)
                except ssl.SSLWantReadError:
                    data = raw.recv(65536)
                    assert data, got
                    into.write(data)
    s.proc.stop()
    assert len(re.findall(r"GET /a.txt 200 6 whole .* tx=kernel rx=kernel", s.proc.output())) == 60


@pytest.mark.parametrize("records", ["auto", "kernel"])
def test_key_update_where_the_kernel_cannot(run_server, leat, site, pki, tmp_path,
                                                    records):
    """A planned end: everything before it arrives, close_notify is seen, the log says why. (A kernel
    that takes new keys goes on instead.)"""
    s = Serve(run_server, leat, site, pki.cert("p256"), "--records", records)
    out = key_update(s.port, pki, b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                     tmp_path / "out")
    assert b"(big)" in out and b"KEYUPDATE" in out
    assert b"closed" in out[out.index(b"KEYUPDATE"):]
    if b"hello" not in out:
        s.log(r"refused .*cannot change keys")


def test_no_gap_after_backpressure_and_close(serve_auto, pki):
    """The last record of a non-blocking sender is what a careless close loses (KERNEL.md 4)."""
    s = serve_auto()
    for _ in range(10):
        with Client(s.port, pki.ca, rcvbuf=4096) as c:
            c.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert c.answer().body == BIG
            assert c.at_end() == "close_notify"


def test_pipes_are_given_back(serve_auto, client):
    s = serve_auto("--workers", "1")
    for _ in range(5):
        assert client(s).get("/big.bin").body == BIG
    base = s.num_fds()
    cs = [client(s, rcvbuf=4096) for _ in range(20)]
    for c in cs:
        c.send(b"GET /big.bin" + H)
        c.s.recv(1)
    assert s.num_fds() > base + 20 * 2
    for c in cs:
        c.close()
    wait_for(lambda: s.num_fds() <= base, 20)


def test_without_pipes_it_is_sendfile(run_server, leat, site, pki, client):
    """No descriptor left for a pipe: the same bytes, by sendfile."""
    me = pki.cert("p256")
    s = Serve(run_server, leat, site, me, "--workers", "1")
    resource.prlimit(s.pid, resource.RLIMIT_NOFILE, (s.num_fds() + 3, 20000))
    assert client(s).get("/big.bin").body == BIG
    s.log(r"/big.bin 200 .* whole .* tx=kernel ")


LIBS = "/usr/lib/x86_64-linux-gnu"
COLD = 8 << 20


def cold_file():
    """A big file of the system that nobody here has read: not in the page cache of a fresh machine."""
    big = [e for e in os.scandir(LIBS)
           if e.is_file(follow_symlinks=False) and not e.name.startswith(".")
           and e.stat().st_size >= 2 * COLD and "python" not in e.name and "crypto" not in e.name]
    assert big, f"no library of {2 * COLD} bytes in {LIBS}"
    return max(big, key=lambda e: e.stat().st_size).name


def drop(path):
    with open(path, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def has_cachestat():
    return ctypes.CDLL(None, use_errno=True).syscall(451, -1, None, None, 0) != 0 \
        and ctypes.get_errno() != 38


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_cold_file(run_server, leat, pki, tmp_path, loop):
    """A file from the disk: the same bytes, and where the kernel can tell that they are not in memory
    the ring's worker waits for them, not the loop."""
    me, out, name = pki.cert("p256"), tmp_path / "trace", cold_file()
    path = os.path.join(LIBS, name)
    drop(path)
    p = run_server(["strace", "-D", "-f", "-s", "0", "-o", out, "-e", "trace=splice", leat,
                    "serve", LIBS, "--listen", "127.0.0.1:0", "--loop", loop, "--cert", me.chain,
                    "--key", me.key], ready=r"listening on 127.0.0.1:(\d+)", timeout=60)
    with Client(int(p.match.group(1)), pki.ca) as c:
        a = c.get("/" + name, Range=f"bytes=4096-{COLD - 1}")
    with open(path, "rb") as f:
        f.seek(4096)
        assert a.body == f.read(COLD - 4096)
    p.wait_line(r" 206 %d whole .* tx=kernel " % (COLD - 4096))
    moved = traced(out)[1]
    if loop == "poll" or not has_cachestat():
        assert moved == 2 * (COLD - 4096)
    else:
        assert COLD - 4096 <= moved < 2 * (COLD - 4096)


def test_clients_that_leave_during_a_cold_read(run_server, leat, pki):
    name = cold_file()
    s = Serve(run_server, leat, LIBS, pki.cert("p256"), "--workers", "1")
    base = s.num_fds()
    for i in range(30):
        drop(os.path.join(LIBS, name))
        c = Client(s.port, pki.ca, rcvbuf=4096)
        c.send(b"GET /%s HTTP/1.1\r\nHost: a\r\nRange: bytes=%d-\r\n\r\n" % (name.encode(), i * 65536))
        if i % 3 == 0:
            c.s.recv(1)
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    wait_for(lambda: s.num_fds() <= base + 2 * 64, 20)  # pipes may stay in the pool
    with Client(s.port, pki.ca) as c:
        assert c.get("/" + name, Range="bytes=0-3").body == b"\x7fELF"

# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/ do what their first lines say: with other people's clients, with peers that
misbehave, and with many seeds.

REQ: F-sansio
"""
import os
import signal
import socket
import ssl
import struct
import threading
import time

import pytest

from lib import peers


def program(build, name):
    path = os.path.join(build, "examples", name)
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path}: not built; run `make examples`", pytrace=False)
    return path


def test_they_are_short_and_use_public_headers_only(repo):
    names = os.listdir(os.path.join(repo, "examples"))
    for name in names:
        with open(os.path.join(repo, "examples", name), encoding="utf-8") as f:
            lines = f.readlines()
        assert len(lines) < 300, name
        own = [x.split('"')[1] for x in lines if x.startswith('#include "')]
        assert set(own) <= set(names), name


class Epoll:
    def __init__(self, build, pki, server, cert="p256"):
        ident = pki.cert(cert)
        self.ca = pki.ca
        self.server = server([program(build, "epoll_server"), ident.chain, ident.key],
                             ready=r"listening on port (\d+)")
        self.port = int(self.server.match.group(1))

    def context(self, **kw):
        c = ssl.create_default_context(cafile=self.ca)
        for k, v in kw.items():
            setattr(c, k, v)
        return c

    def connect(self, **kw):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.context(**kw).wrap_socket(raw, server_hostname="localhost")

    def fetch(self, n, **kw):
        """The whole answer; ends with the server's close_notify (an error without it)."""
        with self.connect(suppress_ragged_eofs=False, **kw) as c:
            c.sendall(b"GET /%d HTTP/1.1\r\n\r\n" % n)
            return read_all(c)


def read_all(c, step=65536):
    got = b""
    while True:
        piece = c.recv(step)
        if not piece:
            return got
        got += piece


@pytest.fixture
def epoll(build, pki, run_server):
    return Epoll(build, pki, run_server)


def body(answer):
    head, rest = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    return rest


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cert", ["p256", "rsa2048"])
def test_curl_and_openssl(build, pki, run_server, version, cert):
    e = Epoll(build, pki, run_server, cert)
    ok, text = peers.curl(e.port, e.ca, version=version, path="/1000", extra=("-o", "/dev/null"))
    assert ok, text
    ok, text = peers.openssl_client(e.port, e.ca, version=version, path="/1000")
    assert ok, text


def test_leat_connects(epoll, leat, run):
    out = run([leat, "connect", f"localhost:{epoll.port}", "--cacert", epoll.ca],
              input=b"GET /5000 HTTP/1.1\r\n\r\n")
    assert out.returncode == 0, out.stderr
    assert body(out.stdout) == bytes(5000)


@pytest.mark.parametrize("n", [0, 1, 16383, 16384, 16385, 5_000_000])
def test_sizes_and_a_clean_end(epoll, n):
    assert body(epoll.fetch(n)) == bytes(n)


def test_a_request_in_single_bytes(epoll):
    with epoll.connect() as c:
        for b in b"GET /300 HTTP/1.1\r\nA: b\r\n\r\n":
            c.sendall(bytes([b]))
        assert body(read_all(c)) == bytes(300)


@pytest.mark.parametrize("request_bytes", [b"POST / HTTP/1.1\r\n\r\n", b"x" * 5000, b"\0" * 4096,
                                           b"GET /x HTTP/1.1\r\n\r\n"])
def test_bad_requests_are_answered(epoll, request_bytes):
    with epoll.connect() as c:
        c.sendall(request_bytes)
        assert read_all(c).startswith(b"HTTP/1.1 400")


def memory_of(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_slow_reader_costs_no_memory_and_nobody_else(epoll):
    before = memory_of(epoll.server.pid)
    with epoll.connect() as slow:
        slow.sendall(b"GET /2000000000 HTTP/1.1\r\n\r\n")
        time.sleep(0.5)  # the socket fills; the server must stop making records
        start = time.monotonic()
        assert len(body(epoll.fetch(100000))) == 100000
        assert time.monotonic() - start < 10
        assert memory_of(epoll.server.pid) - before < 16 << 20
        assert slow.recv(10)


def test_many_at_once(epoll):
    bad = []

    def one(i):
        try:
            assert body(epoll.fetch(i * 1000)) == bytes(i * 1000)
        except Exception as e:  # pylint: disable=broad-except
            bad.append(e)

    # beside them: some that never finish their handshake, some that only connect
    idle = [socket.create_connection(("127.0.0.1", epoll.port)) for _ in range(50)]
    for s in idle[:25]:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")
    threads = [threading.Thread(target=one, args=(i,)) for i in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for s in idle:
        s.close()
    assert not bad, bad[0]


@pytest.mark.parametrize("junk,sentence", [
    (b"GET / HTTP/1.1\r\n\r\n", "record"),
    (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "client_hello"),
    (b"\x15\x03\x01\x00\x02\x02\x28", "handshake_failure"),
    (b"", "closed before it was complete"),
])
def test_misbehaviour_is_named(epoll, junk, sentence):
    with socket.create_connection(("127.0.0.1", epoll.port), timeout=20) as s:
        s.sendall(junk)
        s.shutdown(socket.SHUT_WR)
        while s.recv(1000):
            pass
    epoll.server.wait_line(sentence)
    assert body(epoll.fetch(10)) == bytes(10)


def test_a_reset_is_survived(epoll):
    for _ in range(20):
        c = epoll.connect()
        c.sendall(b"GET /10000000 HTTP/1.1\r\n\r\n")
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    assert body(epoll.fetch(10)) == bytes(10)


def test_wrong_files_are_named(build, run, pki, tmp_path):
    (tmp_path / "no.pem").write_text("nothing here\n")
    out = run([program(build, "epoll_server"), tmp_path / "no.pem", pki.cert("p256").key])
    assert out.returncode == 1 and b"no.pem" in out.stderr
    out = run([program(build, "epoll_server"), tmp_path / "absent.pem", pki.cert("p256").key])
    assert out.returncode == 1 and b"absent.pem" in out.stderr
    assert run([program(build, "epoll_server")]).returncode == 2


# ---- the pair in memory ----

def pair(run, build, pki, cert, host, seed, rounds):
    ident = pki.cert(cert)
    return run([program(build, "memory_pair"), ident.chain, ident.key, pki.ca, host, str(seed),
                str(rounds)], timeout=120)


@pytest.mark.parametrize("seed", [1, 1000, 5000, 2**63])
def test_pair_with_many_seeds(build, run, pki, seed):
    out = pair(run, build, pki, "p256", "localhost", seed, 150)
    assert out.returncode == 0, out.stderr
    assert out.stdout == b"150 rounds from seed %d\n" % seed


@pytest.mark.parametrize("cert", ["rsa2048", "ed25519", "p384"])
def test_pair_with_other_keys(build, run, pki, cert):
    assert pair(run, build, pki, cert, "localhost", 7, 20).returncode == 0


def test_pair_fails_when_it_must(build, run, pki, tmp_path):
    out = pair(run, build, pki, "p256", "somebody.else", 3, 5)
    assert out.returncode == 1
    assert b"seed 3" in out.stderr and b"client: died" in out.stderr
    assert pair(run, build, pki, "p256", "", 3, 5).returncode == 1


def test_stopped_by_a_signal(epoll):
    epoll.server.stop(signal.SIGTERM)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", epoll.port), timeout=2)

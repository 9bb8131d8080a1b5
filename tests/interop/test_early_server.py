"""Early data taken by leat's engine from other people's clients. The server is the public C interface
driven from here: libleat through ctypes, a socket, and the loop of engine.h.

REQ: F-0rtt-s F-antireplay
"""
import ctypes as C
import os
import socket
import subprocess
import threading
import time

import pytest

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
WANT_BYTES, WANT_SEND, WANT_JOB, HAS_DATA, MAY_WRITE, IS_UP, IS_EOF, _, IS_DEAD, HAS_EARLY = (
    1 << i for i in range(10))
NONE, OFFERED, ACCEPTED, REJECTED = range(4)
LEAT_FAILED = 3


class Span(C.Structure):
    _fields_ = [("p", C.c_void_p), ("n", C.c_size_t)]


class Err(C.Structure):
    _fields_ = [("cls", C.c_int), ("alert", C.c_uint8), ("sys", C.c_int), ("where", C.c_char_p),
                ("what", C.c_char_p), ("option", C.c_char_p), ("detail", C.c_char * 144)]


NOW = C.CFUNCTYPE(C.c_int64, C.c_void_p)
DICE = C.CFUNCTYPE(None, C.c_void_p, C.c_void_p, C.c_size_t)


class Env(C.Structure):
    _fields_ = [("now_s", NOW), ("random", DICE), ("arg", C.c_void_p)]


def span(data):
    keep = C.create_string_buffer(data, len(data))
    s = Span(C.cast(keep, C.c_void_p), len(data))
    s.keep = keep
    return s


class EarlyServer:
    """Answers each connection with what it got early and what it got later."""

    def __init__(self, lib, ident, late_s):
        self.lib, self.offset = lib, 0
        self.env = Env(NOW(lambda _: int(time.time()) + self.offset),
                       DICE(lambda _, p, n: C.memmove(p, os.urandom(n), n)), None)
        self.err = Err()
        self.cfg, self.memory = C.c_void_p(), C.c_void_p()
        self.seen = []
        self.must(lib.leat_config_new(C.byref(self.cfg), 1, C.byref(self.err)))
        chain, key = open(ident.chain, "rb").read(), open(ident.key, "rb").read()
        self.must(lib.leat_config_add_cred(self.cfg, span(chain), span(key), Span(), C.byref(self.err)))
        self.must(lib.leat_antireplay_new(C.byref(self.memory), C.c_size_t(1000), 10,
                                          C.byref(self.env), None, C.byref(self.err)))
        self.offset = late_s  # how long ago it was started, as far as it knows
        self.must(lib.leat_config_set_early_data(self.cfg, 4096, self.memory, C.byref(self.err)))
        self.must(lib.leat_config_freeze(self.cfg, C.byref(self.err)))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def must(self, ret):
        assert ret == 0, (self.err.what, self.err.detail)

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with s:
                s.settimeout(10)
                self.seen.append(self.serve(s))

    def take(self, e, which):
        data = Span()
        getattr(self.lib, f"leat_engine_{which}")(e, C.byref(data))
        got = C.string_at(data.p, data.n) if data.n else b""
        getattr(self.lib, f"leat_engine_{which}_done")(e, C.c_size_t(data.n))
        return got

    def serve(self, s):
        lib, e, n = self.lib, C.c_void_p(), C.c_size_t()
        early = late = b""
        answered = False
        self.must(lib.leat_engine_new(C.byref(e), self.cfg, None, C.byref(self.env),
                                      C.byref(self.err)))
        while True:
            w = lib.leat_engine_wants(e)
            if w & WANT_JOB:
                lib.leat_engine_job_run(e)
            elif w & WANT_SEND:
                p = lib.leat_engine_out(e, C.byref(n))
                s.sendall(C.string_at(p, n.value))
                lib.leat_engine_out_done(e, n)
            elif w & HAS_EARLY:
                early += self.take(e, "early_data")
            elif w & HAS_DATA:
                late += self.take(e, "data")
            elif w & (IS_DEAD | IS_EOF):
                break
            elif w & IS_UP and not answered and (early or late):
                answer = b"HTTP/1.0 200 OK\r\n\r\nearly " + str(len(early)).encode() + b"\n"
                lib.leat_engine_write(e, answer, C.c_size_t(len(answer)), C.byref(n))
                lib.leat_engine_close(e)
                answered = True
            else:
                p = lib.leat_engine_in(e, C.byref(n))
                try:
                    got = s.recv(n.value)
                except OSError:
                    break
                if not got:
                    break
                C.memmove(p, got, len(got))
                lib.leat_engine_in_done(e, C.c_size_t(len(got)))
        status = lib.leat_engine_early_status(e)
        lib.leat_engine_free(e)
        return status, early, late

    def last(self, num):
        for _ in range(200):
            if len(self.seen) >= num:
                return self.seen[num - 1]
            time.sleep(0.05)
        raise AssertionError(f"connection {num} did not end: {self.seen}")


@pytest.fixture
def lib(leat):
    lib = C.CDLL(os.path.join(os.path.dirname(str(leat)), "libleat.so.0"))
    for f in ("leat_engine_out", "leat_engine_in"):
        getattr(lib, f).restype = C.c_void_p
    return lib


def s_client(port, ca, *args, stdin=REQUEST):
    p = subprocess.run(
        ["timeout", "30", "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
         "localhost", "-CAfile", ca, "-verify_return_error", "-ign_eof", "-tls1_3", *args],
        input=stdin, capture_output=True)
    return (p.stdout + p.stderr).decode(errors="replace")


def test_openssl_early_data(lib, pki, tmp_path):
    s = EarlyServer(lib, pki.cert("p256"), late_s=60)
    session, early = tmp_path / "s", tmp_path / "early"
    early.write_bytes(b"GET /early HTTP/1.0\r\n\r\n")
    text = s_client(s.port, pki.ca, "-sess_out", session)
    assert s.last(1) == (NONE, b"", REQUEST), text
    text = s_client(s.port, pki.ca, "-sess_in", session, "-early_data", early)
    assert "Early data was accepted" in text, text
    status, got, _ = s.last(2)
    assert (status, got) == (ACCEPTED, early.read_bytes())
    # the same ticket again is another ClientHello: RFC 8446 8 lets it in, its bytes are new
    text = s_client(s.port, pki.ca, "-sess_in", session, "-early_data", early)
    assert s.last(3)[0] == ACCEPTED, text


def test_openssl_early_data_while_starting(lib, pki, tmp_path):
    s = EarlyServer(lib, pki.cert("p256"), late_s=5)
    session, early = tmp_path / "s", tmp_path / "early"
    early.write_bytes(b"GET /early HTTP/1.0\r\n\r\n")
    s_client(s.port, pki.ca, "-sess_out", session)
    text = s_client(s.port, pki.ca, "-sess_in", session, "-early_data", early)
    assert "Early data was rejected" in text, text
    assert "Reused, TLSv1.3" in text, text
    assert s.last(2) == (REJECTED, b"", REQUEST)


def test_openssl_late_flight(lib, pki, tmp_path):
    """The ticket is minutes older than the client thinks: its hello is not from now."""
    s = EarlyServer(lib, pki.cert("p256"), late_s=60)
    session, early = tmp_path / "s", tmp_path / "early"
    early.write_bytes(b"GET /early HTTP/1.0\r\n\r\n")
    s_client(s.port, pki.ca, "-sess_out", session)
    s.last(1)
    s.offset += 300
    text = s_client(s.port, pki.ca, "-sess_in", session, "-early_data", early)
    assert "Early data was rejected" in text, text
    assert s.last(2) == (REJECTED, b"", REQUEST)


def test_replayed_on_the_wire(lib, pki, tmp_path):
    """A man in the middle keeps openssl's first flight and sends it again, byte for byte."""
    s = EarlyServer(lib, pki.cert("p256"), late_s=60)
    session, early = tmp_path / "s", tmp_path / "early"
    early.write_bytes(b"GET /pay HTTP/1.0\r\n\r\n")
    s_client(s.port, pki.ca, "-sess_out", session)
    s.last(1)
    middle = socket.create_server(("127.0.0.1", 0))
    flight = []

    def between():
        c, _ = middle.accept()
        up = socket.create_connection(("127.0.0.1", s.port))
        c.settimeout(0.5)
        first = b""
        try:  # hello, change_cipher_spec and early data, before the server said anything
            while True:
                first += c.recv(65536)
        except socket.timeout:
            pass
        flight.append(first)
        up.sendall(first)
        c.settimeout(10)

        def down():
            while data := up.recv(65536):
                c.sendall(data)
            c.close()
        t = threading.Thread(target=down)
        t.start()
        try:
            while data := c.recv(65536):
                up.sendall(data)
        except OSError:
            pass
        t.join()
    t = threading.Thread(target=between, daemon=True)
    t.start()
    text = s_client(middle.getsockname()[1], pki.ca, "-sess_in", session, "-early_data", early)
    t.join(20)
    assert "Early data was accepted" in text, text
    assert s.last(2)[:2] == (ACCEPTED, early.read_bytes())
    for i in range(3):
        with socket.create_connection(("127.0.0.1", s.port)) as again:
            again.sendall(flight[0])
            again.settimeout(0.5)
            try:
                while again.recv(65536):
                    pass
            except OSError:
                pass
        assert s.last(3 + i) == (REJECTED, b"", b"")


def test_gnutls_early_data(lib, pki, tmp_path):
    s = EarlyServer(lib, pki.cert("p256"), late_s=60)
    early = tmp_path / "early"
    early.write_bytes(b"GET /early HTTP/1.0\r\n\r\n")
    p = subprocess.run(
        ["timeout", "40", "gnutls-cli", "-p", str(s.port), "--x509cafile", pki.ca,
         "--sni-hostname", "localhost", "--verify-hostname", "localhost", "--resume",
         "--waitresumption", "--earlydata", early, "--priority",
         "NORMAL:-VERS-ALL:+VERS-TLS1.3", "127.0.0.1"], input=REQUEST, capture_output=True)
    text = (p.stdout + p.stderr).decode(errors="replace")
    assert "This is a resumed session" in text, text
    assert s.last(2)[:2] == (ACCEPTED, early.read_bytes()), text

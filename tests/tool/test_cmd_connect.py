"""leat connect against openssl s_server, and every way it ends other than well.

REQ: API-connect-3 API-connect-4 API-connect-host API-connect-badarg
"""
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

BIG = os.urandom(1 << 20)


@pytest.fixture(scope="module")
def good(pki):
    return pki.issue("connect-good", hosts=["localhost", "127.0.0.1", "::1"])


def s_server(run_server, free_port, ident, *more):
    run_server(["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-cert", ident.cert,
                "-key", ident.key, "-cert_chain", ident.chain, "-naccept", "10", *more],
               ready=r"^ACCEPT")
    return f"localhost:{free_port}"


class Echo:
    """A TLS server of Python's ssl: reads to the end, then sends what it got, then close_notify.
    after(conn) may do something else instead."""

    def __init__(self, ident, after=None, minimum=None, alpn=None):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(ident.chain, ident.key)
        if minimum:
            ctx.maximum_version = ctx.minimum_version = minimum
        if alpn:
            ctx.set_alpn_protocols(alpn)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.where = f"localhost:{self.listener.getsockname()[1]}"
        self.after = after
        self.ctx = ctx
        self.got = b""
        self.error = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        raw, _ = self.listener.accept()
        try:
            with self.ctx.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) as s:
                if self.after:
                    self.after(s)
                    return
                while data := s.recv(65536):
                    self.got += data
                s.sendall(self.got)
                s.unwrap()
        except OSError as e:
            self.error = e

    def close(self):
        self.listener.close()


@pytest.fixture
def echo(good):
    made = []

    def start(*args, **kw):
        made.append(Echo(good, *args, **kw))
        return made[-1]

    yield start
    for e in made:
        e.close()


def test_bytes_both_ways(leat, run, echo, pki):
    e = echo()
    r = run([leat, "connect", e.where, "--cacert", pki.ca, "--tls1_3"], input=BIG)
    assert r.returncode == 0, r.stderr
    assert r.stdout == BIG
    text = r.stderr.decode()
    assert "certificate 0: subject CN=leat test connect-good" in text
    assert "verified: yes, chain and name localhost" in text
    assert "tlsv1.3, TLS_AES_" in text and "group x25519" in text
    assert f"{len(BIG)} bytes sent, {len(BIG)} received" in text
    assert "records: rx=" in text and "tx=" in text


def test_json_is_all_there_is(leat, run, echo, pki):
    e = echo(alpn=["http/1.1"])
    r = run([leat, "connect", e.where, "-c", pki.ca, "--json", "--alpn", "h2,http/1.1",
             "--records", "user"], input=b"hello")
    report = json.loads(r.stderr)
    assert (r.returncode, r.stdout) == (0, b"hello")
    assert report["exit"] == 0 and report["error"] is None
    assert (report["sent"], report["received"]) == (5, 5)
    assert report["alpn"] == "http/1.1"
    assert report["verified"] is True and "CN=leat test connect-good" in report["chain"][0]
    assert report["rx"]["backend"] == report["tx"]["backend"] == "user"
    assert report["rx"]["why"] == "policy_user"


def test_quiet_and_brief(leat, run, echo, pki):
    r = run([leat, "connect", echo().where, "-c", pki.ca, "-q"], input=b"x")
    assert (r.returncode, r.stderr) == (0, b"")
    r = run([leat, "connect", echo().where, "-c", pki.ca, "-b"], input=b"x")
    assert r.returncode == 0 and b"certificate" not in r.stderr and b"tlsv1.3" in r.stderr


def test_against_openssl(leat, run, run_server, free_port, good, pki):
    where = s_server(run_server, free_port, good, "-www")
    r = run([leat, "connect", where, "-c", pki.ca], input=b"GET / HTTP/1.0\r\n\r\n")
    assert r.returncode == 0, r.stderr
    assert r.stdout.startswith(b"HTTP/1.0 200 ok")


def test_name_comes_from_servername(leat, run, pki):
    ident = pki.issue("connect-other", hosts=["files.test"])
    e = Echo(ident)
    r = run([leat, "connect", e.where, "-c", pki.ca, "-n", "files.test"], input=b"x")
    assert (r.returncode, r.stdout) == (0, b"x"), r.stderr
    e.close()


# ---- certificates that must be refused: exit 4 -------------------------------------------------

@pytest.mark.parametrize("what", ["expired", "stranger", "wrong host"])
def test_bad_certificate(leat, run, pki, what):
    ident = {"expired": lambda: pki.issue("connect-expired", days=(-10, -1)),
             "stranger": lambda: pki.issue("connect-stranger", issuer="stranger"),
             "wrong host": lambda: pki.issue("connect-wrong", hosts=["elsewhere.test"])}[what]()
    e = Echo(ident)
    r = run([leat, "connect", e.where, "-c", pki.ca], input=b"secret")
    assert (r.returncode, r.stdout) == (4, b"")
    assert b"depth" in r.stderr and b"alert" in r.stderr
    assert b"secret" not in e.got
    e.close()
    # ... and --insecure takes it, saying so
    e = Echo(ident)
    r = run([leat, "connect", e.where, "--insecure"], input=b"x")
    assert (r.returncode, r.stdout) == (0, b"x"), r.stderr
    assert b"verified: no" in r.stderr
    e.close()


# ---- the other ends ----------------------------------------------------------------------------

def test_truncation_is_exit_5(leat, run, echo, pki):
    def cut(s):
        s.recv(10)
        s.sendall(b"half of ")
        socket.socket.shutdown(s, socket.SHUT_RDWR)  # below TLS: no close_notify
    r = run([leat, "connect", echo(cut).where, "-c", pki.ca], input=b"x")
    assert (r.returncode, r.stdout) == (5, b"half of ")
    assert b"without close_notify" in r.stderr


def test_nobody_listens_is_exit_3(leat, run, free_port):
    r = run([leat, "connect", f"127.0.0.1:{free_port}", "-k"])
    assert r.returncode == 3
    assert b"Connection refused" in r.stderr and str(free_port).encode() in r.stderr


def test_no_such_host_is_exit_3(leat, run):
    r = run([leat, "connect", "no-such-host.invalid:443", "-k"])
    assert r.returncode == 3
    assert b"no-such-host.invalid" in r.stderr


def test_a_server_that_speaks_no_tls(leat, run, run_server):
    with socket.create_server(("127.0.0.1", 0)) as l:
        def serve():
            c, _ = l.accept()
            c.sendall(b"220 mail.example ESMTP\r\n")
            c.recv(1000)
            c.close()
        threading.Thread(target=serve, daemon=True).start()
        r = run([leat, "connect", f"127.0.0.1:{l.getsockname()[1]}", "-k"])
    assert r.returncode == 1
    assert b"leat connect: " in r.stderr


def test_a_silent_server_is_a_timeout(leat, run):
    with socket.create_server(("127.0.0.1", 0)) as l:
        start = time.monotonic()
        r = run([leat, "connect", f"127.0.0.1:{l.getsockname()[1]}", "-k", "--timeout", "0.3"])
    assert r.returncode == 1
    assert b"not complete in time" in r.stderr
    assert time.monotonic() - start < 5


def test_no_common_version(leat, run, echo, pki):
    e = echo(minimum=ssl.TLSVersion.TLSv1_2)
    r = run([leat, "connect", e.where, "-c", pki.ca, "--tls1_3"])
    assert r.returncode == 1
    assert b"protocol_version" in r.stderr


def test_stdout_that_is_closed(leat, echo, pki):
    r, w = os.pipe()
    os.close(r)
    p = subprocess.run([leat, "connect", echo().where, "-c", pki.ca, "-q"], input=b"x" * 1000,
                       stdout=w, stderr=subprocess.PIPE, timeout=20)
    os.close(w)
    assert p.returncode == 1
    assert b"stdout" in p.stderr and b"Broken pipe" in p.stderr


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("what", ["stdin open", "stdin ended", "socket full", "peer stopped reading"])
def test_waiting_costs_nothing(leat, echo, pki, what):
    """Whatever it waits for, it waits in poll."""
    ready, go = threading.Event(), threading.Event()

    def quiet(s):
        if what == "peer stopped reading":
            socket.socket.shutdown(s, socket.SHUT_RD)
        ready.set()
        go.wait(20)
    p = subprocess.Popen([leat, "connect", echo(quiet).where, "-c", pki.ca, "-q"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert ready.wait(20)
        if what == "socket full":
            feeder = threading.Thread(target=feed, args=(p.stdin, 64 << 20), daemon=True)
            feeder.start()
        elif what == "stdin ended":
            p.stdin.close()
        elif what == "peer stopped reading":
            p.stdin.write(b"x" * 1000)
            p.stdin.flush()
        time.sleep(0.5)
        before = cpu_seconds(p.pid)
        time.sleep(1)
        assert cpu_seconds(p.pid) - before < 0.2
    finally:
        go.set()
        p.kill()
        p.wait()


def feed(pipe, n):
    try:
        for _ in range(n >> 16):
            pipe.write(bytes(1 << 16))
    except OSError:
        pass


def test_the_peer_may_end_first(leat, echo, pki):
    def end(s):
        s.sendall(b"bye")
        s.unwrap()
    p = subprocess.Popen([leat, "connect", echo(end).where, "-c", pki.ca, "-q"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.wait(20) == 0  # though stdin is open
    assert p.stdout.read() == b"bye"
    p.stdin.close()


@pytest.mark.parametrize("argv, say", [
    ([], b"no HOST:PORT"),
    (["localhost"], b"no port"),
    (["localhost:0x10"], b"port"),
    (["localhost:70000"], b"port"),
    (["::1:443"], b"brackets"),
    ([":443"], b"no host"),
    (["a:1", "b:2"], b"one HOST:PORT"),
    (["a:1", "--cacret", "x"], b"did you mean --cacert?"),
    (["a:1", "--cacert"], b"needs a value"),
    (["a:1", "--insecure=yes"], b"takes no value"),
    (["a:1", "--timeout", "soon"], b"--timeout"),
    (["a:1", "--versions", "tlsv1.4"], b"tlsv1.4"),
    (["a:1", "--suites", "NULL-MD5"], b"NULL-MD5"),
    (["a:1", "--groups", "p-1"], b"p-1"),
    (["a:1", "--records", "moon"], b"moon"),
    (["a:1", "--set", "depth"], b"OPTION=VALUE"),
    (["a:1", "--set", "no_such=1"], b"no_such"),
    (["a:1", "--cacert", "/no/such/file"], b"/no/such/file"),
    (["a:1", "--cert", "/no/such/file"], b"/no/such/file"),
])
def test_wrong_command_line_is_exit_2(leat, run, argv, say):
    r = run([leat, "connect", *argv])
    assert (r.returncode, r.stdout) == (2, b""), r.stderr
    assert say in r.stderr
    assert b"leat connect: " in r.stderr


def test_help(leat, run):
    r = run([leat, "connect", "--help"])
    assert (r.returncode, r.stderr) == (0, b"")
    assert b"exit codes" in r.stdout and b"--servername" in r.stdout

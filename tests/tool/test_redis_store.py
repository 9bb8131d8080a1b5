# SPDX-License-Identifier: Apache-2.0
"""Sessions shared by servers: one Redis, one LMDB file, several leat serve; and what is left when the store is gone.

What the store itself does with a server that misbehaves is in tests/unit/t_store_redis.c.
"""
import os
import re
import shutil
import signal
import socket
import ssl
import time

import pytest

import proc
from serving import Serve


class Redis:
    """A redis-server on a port of its own, without a file."""

    def __init__(self, run_server, port, *options):
        self.run, self.port, self.options = run_server, port, options
        self.proc = None

    def start(self):
        self.proc = self.run(["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                              *(self.options or ["--port", self.port])], ready=r"Ready to accept connections")
        return self

    def signal(self, number):
        os.kill(self.proc.child.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.proc.child.wait()


def needs_redis():
    assert shutil.which("redis-server"), "redis-server is not installed: scripts/setup.sh all"


@pytest.fixture
def redis(run_server, free_port):
    needs_redis()
    r = Redis(run_server, free_port).start()
    yield r
    if r.proc.child.poll() is None:
        r.signal(signal.SIGCONT)


@pytest.fixture
def serve(run_server, leat, pki):
    def start(store, *options):
        return Serve(run_server, leat, "/usr/share", pki.cert("p256"), "--session-store", store, *options)
    return start


class Client:
    """Keeps its session of TLS 1.2 or 1.3, and offers the one it got last."""

    def __init__(self, ca, version=ssl.TLSVersion.TLSv1_2):
        self.ctx, self.session = ssl.create_default_context(cafile=ca), None
        self.ctx.maximum_version = self.ctx.minimum_version = version

    def resumes(self, port):
        with self.ctx.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost",
                                  session=self.session) as c:
            c.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while c.recv(4096):
                pass
            self.session = c.session
            return c.session_reused


def kill(server):
    os.kill(server.proc.child.pid, signal.SIGKILL)
    server.proc.child.wait()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


@pytest.fixture(params=["redis", "lmdb"])
def shared(request, tmp_path):
    """A store that several servers may open."""
    if request.param == "lmdb":
        return f"lmdb:{tmp_path}/sessions"
    return f"redis://127.0.0.1:{request.getfixturevalue('redis').port}/3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_two_servers_on_one_store(serve, shared, pki, version):
    """A session made at one resumes at the other, after a restart, and after kill -9 of all of them."""
    client, first, second = Client(pki.ca, version), serve(shared), serve(shared)
    assert not client.resumes(first.port)
    assert client.resumes(second.port) and client.resumes(first.port)
    assert first.proc.stop() == 0
    assert client.resumes(second.port)
    first = serve(shared)
    assert client.resumes(first.port)
    time.sleep(0.3)  # Redis: what was put in the last moment is on its way (decision 0067)
    for s in (first, second):
        kill(s)
    assert client.resumes(serve(shared).port)


def test_killed_at_work(serve, shared, pki):
    """kill -9 in the middle of handshakes: the other server goes on, and so does the next one."""
    survivor = serve(shared)
    for _ in range(3):
        victim = serve(shared)
        clients = [Client(pki.ca) for _ in range(8)]
        for i, c in enumerate(clients):
            if i == 6:
                time.sleep(0.3)
                kill(victim)
            if i < 6:
                c.resumes(victim.port)
        assert all(c.resumes(survivor.port) for c in clients[:6])


def quick(client, port):
    begin = time.monotonic()
    resumed = client.resumes(port)
    assert time.monotonic() - begin < 5
    return resumed


@pytest.mark.parametrize("gone", ["killed", "stopped"])
def test_redis_goes_and_comes_back(serve, redis, pki, gone):
    s, client = serve(f"redis://127.0.0.1:{redis.port}"), Client(pki.ca)
    assert [client.resumes(s.port) for _ in range(2)] == [False, True]
    redis.kill() if gone == "killed" else redis.signal(signal.SIGSTOP)
    for _ in range(5):
        assert not quick(client, s.port)
    until(lambda: "going on without" in s.proc.output())
    redis.start() if gone == "killed" else redis.signal(signal.SIGCONT)
    until(lambda: client.resumes(s.port))
    assert client.resumes(s.port)
    assert s.proc.output().count("going on without") == 1 and "back" in s.proc.output()
    assert s.proc.stop() == 0


def test_redis_is_away_at_the_start(serve, run_server, pki, free_port):
    needs_redis()
    s, client = serve(f"redis://127.0.0.1:{free_port}"), Client(pki.ca)
    assert [quick(client, s.port) for _ in range(3)] == [False] * 3
    assert "no connection to the server; going on without" in s.proc.output()
    Redis(run_server, free_port).start()
    until(lambda: client.resumes(s.port))


def test_password_and_database(serve, redis, run_server, pki):
    with socket.create_connection(("127.0.0.1", redis.port)) as c:
        c.sendall(b"CONFIG SET requirepass s3cr@t\r\nAUTH s3cr@t\r\n"
                  b"ACL SETUSER leat on >pw ~leat:* +get +set +del +ping +select\r\n")
        until(lambda: c.recv(100, socket.MSG_PEEK).count(b"+OK") == 3)
    client = Client(pki.ca)
    for where in (f":s3cr%40t@127.0.0.1:{redis.port}/7", f"leat:pw@127.0.0.1:{redis.port}/7"):
        assert client.resumes(serve(f"redis://{where}").port) == (where[0] == "l")
    for where, why in ((f":wr0ng@127.0.0.1:{redis.port}", "refuses the password"),
                       (f"127.0.0.1:{redis.port}", "a password may be missing"),
                       (f"leat:pw@127.0.0.1:{redis.port}/9999", "refuses the database")):
        s = serve(f"redis://{where}")
        assert not client.resumes(s.port)
        assert why in s.proc.output() and "wr0ng" not in s.proc.output()


@pytest.fixture
def tls_redis(run_server, pki):
    """start(name of a certificate) -> a Redis that speaks TLS only, and asks clients for a certificate."""
    needs_redis()

    def start(cert):
        ident, port = pki.cert(cert), proc.free_port()
        return Redis(run_server, port, "--port", "0", "--tls-port", port, "--tls-cert-file", ident.chain,
                     "--tls-key-file", ident.key, "--tls-ca-cert-file", pki.ca, "--tls-auth-clients", "yes").start()
    return start


def test_tls_to_redis(serve, tls_redis, pki):
    redis, mine, client = tls_redis("p256"), pki.cert("client"), Client(pki.ca)
    s = serve(f"rediss://localhost:{redis.port}?cacertfile={pki.ca}&certfile={mine.chain}&keyfile={mine.key}")
    assert [client.resumes(s.port) for _ in range(2)] == [False, True], s.proc.output()
    redis.kill()
    assert not quick(client, s.port)
    redis.start()
    until(lambda: client.resumes(s.port))


@pytest.mark.parametrize("cert, ca, shown, why", [
    ("wronghost", "p256", True, "not to be believed"), ("expired", "p256", True, "not to be believed"),
    ("p256", "selfsigned", True, "not to be believed"),
    ("p256", "p256", False, "the server closed the connection|no TLS with the server")])
def test_tls_to_a_redis_that_is_not_to_be_believed(serve, tls_redis, pki, cert, ca, shown, why):
    """leat itself verifies: another name, another authority, out of date; and the server verifies us."""
    redis, mine, client = tls_redis(cert), pki.cert("client"), Client(pki.ca)
    anchors = pki.ca if ca == "p256" else pki.cert(ca).chain
    s = serve(f"rediss://localhost:{redis.port}?cacertfile={anchors}" +
              (f"&certfile={mine.chain}&keyfile={mine.key}" if shown else ""))
    assert [client.resumes(s.port) for _ in range(2)] == [False, False]
    assert re.search(why, s.proc.output()), s.proc.output()


@pytest.mark.parametrize("command", [["serve", "/tmp", "--dev"], ["accept", "0", "--dev"]])
@pytest.mark.parametrize("url", ["redis://", "redis://user:s3cret@", "redis://s3cret@h", "rediss://h?keyfile=s3cret",
                                 "redis+unix://:s3cret@h/x", "redis://:s3cret@h:0"])
def test_wrong_urls_are_not_repeated(leat, run, command, url):
    r = run([leat, *command, "--session-store", url])
    assert r.returncode == 2 and "redis" in r.stderr.decode() and "s3cret" not in r.stderr.decode()


def test_files_that_are_not_there(leat, run):
    r = run([leat, "serve", "/tmp", "--dev", "--session-store", "rediss://localhost?cacertfile=/nonexistent/ca"])
    assert r.returncode == 1 and "/nonexistent/ca" in r.stderr.decode()

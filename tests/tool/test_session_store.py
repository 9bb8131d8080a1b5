# SPDX-License-Identifier: Apache-2.0
"""--session-store of leat serve and leat accept: sessions that outlive a server, or do not."""
import os
import socket
import ssl
import stat

import pytest

from accepting import Accept
from serving import Serve


@pytest.fixture(params=["serve", "accept"])
def server(request, run_server, leat, pki, tmp_path):
    def start(*options):
        if request.param == "serve":
            s = Serve(run_server, leat, "/usr/share", pki.cert("p256"), *options)
            s.stop = s.proc.stop
        else:
            s = Accept(leat, run_server, pki, *options)
            s.stop = s.server.stop
        return s
    return start


class Resuming:
    """A client that keeps its session of TLS 1.2: one thing offered again and again."""

    def __init__(self, ca):
        self.ctx, self.session = ssl.create_default_context(cafile=ca), None
        self.ctx.maximum_version = ssl.TLSVersion.TLSv1_2

    def resumes(self, port):
        with self.ctx.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost",
                                  session=self.session) as c:
            self.session = c.session
            return c.session_reused


@pytest.mark.parametrize("store", ["memory", "memory:5"])
def test_memory_lives_as_long_as_the_server(server, pki, store):
    client = Resuming(pki.ca)
    s = server("--session-store", store)
    assert [client.resumes(s.port) for _ in range(4)] == [False, True, True, True]
    s.stop()
    assert not client.resumes(server("--session-store", store).port)


def test_file_outlives_it(server, pki, tmp_path):
    client, store = Resuming(pki.ca), f"lmdb:{tmp_path}/sessions"
    s = server("--session-store", store)
    assert [client.resumes(s.port) for _ in range(2)] == [False, True]
    s.stop()
    second, third = server("--session-store", store), server("--session-store", store)
    assert client.resumes(second.port) and client.resumes(third.port)
    assert stat.S_IMODE(os.stat(tmp_path / "sessions").st_mode) == 0o600


def test_bound_of_memory(server, pki):
    s = server("--session-store", "memory:2")
    clients = [Resuming(pki.ca) for _ in range(4)]
    for c in clients:
        assert not c.resumes(s.port)
    assert [c.resumes(s.port) for c in clients[::-1]] == [True, True, False, False]


def test_store_of_another_process_takes_no_early_data_at_first(leat, run_server, pki, tmp_path):
    """What was said to the process before could be said again; with a memory of its own nothing can."""
    for store, taken in ((f"lmdb:{tmp_path}/s", False), ("memory", True)):
        s = Accept(leat, run_server, pki, "--session-store", store, "--early-data", "1000", "--echo")
        (tmp_path / "early").write_text("now")
        session = tmp_path / f"session-{taken}"
        for _ in range(2):
            r = s.connect("--session", session, "--early-data", tmp_path / "early", stdin=b"x")
            assert r.returncode == 0, r.stderr
        s.next()
        assert (s.next()["early"] == 3) == taken


@pytest.mark.parametrize("command", [["serve", "/tmp", "--dev"], ["accept", "0", "--dev"]])
@pytest.mark.parametrize("store, code, text", [
    ("file:/x", 2, "not memory"), ("", 2, "not memory"), ("lmdb:", 2, "not memory"), ("memoryx", 2, "not memory"),
    ("memory:0", 1, "session_cache"), ("memory:x", 1, "session_store"), ("memory:", 1, "session_store"),
    ("lmdb:/nonexistent/x", 1, "/nonexistent/x"), ("lmdb:/etc/passwd", 1, "/etc/passwd")])
def test_no_store(leat, run, command, store, code, text):
    r = run([leat, *command, "--session-store", store])
    assert r.returncode == code and text in r.stderr.decode(), r.stderr


def test_check_makes_no_file(leat, run, pki, tmp_path):
    r = run([leat, "serve", "/tmp", "--dev", "--session-store", f"lmdb:{tmp_path}/s", "--check"])
    assert r.returncode == 0 and not os.listdir(tmp_path)

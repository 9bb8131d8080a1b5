# SPDX-License-Identifier: Apache-2.0
"""leat serve under a service manager: sockets handed over, what is told; rights given up; connections by address."""
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import time

import pytest

from execing import PY, Exec
from https import Client
from serving import Serve, listener, start_activated

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as in CI: only root can become somebody else")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "f.txt").write_text("one")
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def activated(run_server, leat, site, pki):
    def start(*socks, **how):
        return start_activated(run_server, leat, site, pki.cert("p256"), socks, **how)
    return start


def get(port, ca, path="/f.txt"):
    with Client(port, ca) as c:
        return c.get(path).body


# ---- LISTEN_FDS ------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", ["1", "4"])
def test_socket_is_served(activated, pki, workers):
    with listener() as sock:
        s = activated(sock, options=["--workers", workers])
        port = sock.getsockname()[1]
        assert int(s.match.group(1)) == port
        for _ in range(10):
            assert get(port, pki.ca) == b"one"


def test_no_connection_is_refused_over_a_restart(activated, pki):
    """The socket stays: who comes while nobody serves is served by the next."""
    with listener() as sock:
        port = sock.getsockname()[1]
        first = activated(sock)
        assert get(port, pki.ca) == b"one"
        assert first.stop() == 0
        waiting = socket.create_connection(("127.0.0.1", port), 10)
        activated(sock)
        with ssl.create_default_context(cafile=pki.ca).wrap_socket(
                waiting, server_hostname="localhost") as c:
            c.sendall(b"GET /f.txt HTTP/1.0\r\n\r\n")
            assert c.recv(1000).startswith(b"HTTP/1.1 200")


def test_metrics_by_name(activated, pki):
    with listener() as a, listener() as b:
        s = activated(a, b, names="metrics:https")
        assert int(s.match.group(1)) == b.getsockname()[1]
        assert get(b.getsockname()[1], pki.ca) == b"one"
        with socket.create_connection(a.getsockname()) as c:
            c.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert c.recv(1000).startswith(b"HTTP/1.1 200")


def test_meant_for_another_process(activated, pki):
    with listener() as sock:
        s = activated(sock, pid=1, options=["--listen", "127.0.0.1:0"])
        assert int(s.match.group(1)) != sock.getsockname()[1]


@pytest.mark.parametrize("count", ["0", "-1", "x", "1x", ""])
def test_no_number(activated, count):
    with listener() as sock:
        s = activated(sock, count=count, options=["--listen", "127.0.0.1:0"])
        assert int(s.match.group(1)) != sock.getsockname()[1]


def test_what_cannot_be_served(activated, pki, tmp_path):
    def said(text, *socks, **kw):
        s = activated(*socks, ready=None, **kw)
        assert s.child.wait(10) == 1
        s.reader.join(5)
        assert text in s.output(), s.output()

    with listener() as sock, listener() as other, socket.socket() as plain, \
            socket.socket(socket.AF_UNIX) as local, socket.socket(type=socket.SOCK_DGRAM) as dgram:
        local.bind(str(tmp_path / "s"))
        local.listen()
        dgram.bind(("127.0.0.1", 0))
        said("more than one", sock, other)
        said("more than one", sock, other, names="metrics:metrics")
        said("handed over already", sock, options=["--listen", "127.0.0.1:0"])
        for bad in (plain, local, dgram):
            said("not a listening TCP socket", bad)
        with open("/dev/null", encoding="ascii") as f:
            said("not a listening TCP socket", f)


# ---- NOTIFY_SOCKET ---------------------------------------------------------------------------


@pytest.mark.parametrize("abstract", [False, True])
def test_states_are_told(run_server, leat, site, pki, tmp_path, abstract):
    path = f"\0leat-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as n:
        n.bind(path)
        n.settimeout(10)
        s = Serve(run_server, leat, site, pki.cert("p256"), env={"NOTIFY_SOCKET": path.replace("\0", "@")})
        assert n.recv(1000).startswith(b"READY=1\n")
        os.kill(s.pid, signal.SIGHUP)
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", n.recv(1000))
        assert n.recv(1000).startswith(b"READY=1\n")
        assert s.proc.stop() == 0
        assert n.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("path", ["", "/", "x", "/nonexistent/s", "@", "/" + "x" * 200, "vsock:1:2"])
def test_nobody_to_tell(run_server, leat, site, pki, path):
    s = Serve(run_server, leat, site, pki.cert("p256"), env={"NOTIFY_SOCKET": path})
    assert get(s.port, pki.ca) == b"one" and s.proc.stop() == 0


# ---- --user ----------------------------------------------------------------------------------


def ids(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@ROOT
@pytest.mark.parametrize("user, gid", [("nobody", None), ("nobody:daemon", 1), ("65534", None), ("12345", 12345),
                                       ("12345:54321", 54321)])
def test_rights_are_given_up(run_server, leat, site, pki, user, gid):
    s = Serve(run_server, leat, site, pki.cert("p256"), "--user", user)
    uid = 12345 if user.startswith("12345") else pwd.getpwnam("nobody").pw_uid
    gid = pwd.getpwnam("nobody").pw_gid if gid is None else gid
    for task in os.listdir(f"/proc/{s.pid}/task"):
        got = ids(f"{s.pid}/task/{task}")
        assert got["Uid"].split() == [str(uid)] * 4 and got["Gid"].split() == [str(gid)] * 4
        assert "0" not in got["Groups"].split() and int(got["CapEff"], 16) == int(got["CapPrm"], 16) == 0
        assert got["NoNewPrivs"] == "1"
    assert get(s.port, pki.ca) == b"one"


@ROOT
def test_port_and_key_of_root(run_server, leat, site, pki, tmp_path):
    """A key that only root may read serves; after that a reload cannot read it, and says so."""
    me = pki.cert("p256")
    key = tmp_path / "key"
    shutil.copy(me.key, key)
    key.chmod(0o600)
    s = run_server([leat, "serve", site, "--listen", "127.0.0.1:0", "--cert", me.chain, "--key", key, "--user",
                    "nobody"], ready=r"^listening on 127.0.0.1:(\d+)")
    port = int(s.match.group(1))
    assert get(port, pki.ca) == b"one"
    os.kill(s.pid, signal.SIGHUP)
    s.wait_line("old configuration stays in force")
    assert get(port, pki.ca) == b"one"


@ROOT
def test_exec_as_somebody(run_server, leat, pki):
    s = Exec(run_server, leat, pki, [*PY, "import os; print(os.getresuid(), os.getresgid(), os.getgroups())"],
             "--user", "nobody")
    nobody = pwd.getpwnam("nobody")
    with s.tls() as c:
        got = c.recv(1000).decode()
    assert got.startswith(f"{(nobody.pw_uid,) * 3} {(nobody.pw_gid,) * 3}") and "[0" not in got


@pytest.mark.parametrize("command", ["serve", "exec"])
@pytest.mark.parametrize("user, text", [("no-such-user", "no such user"), ("nobody:no-such", "no such group"),
                                        ("", "no such user"), ("nobody:", "no such group"),
                                        ("4294967295", "no such user"), ("-1", "no such user")])
def test_nobody_of_that_name(leat, run, command, user, text):
    r = run([leat, command, "--user", user, *(["/tmp", "--dev"] if command == "serve" else
                                              ["--listen", "0", "--dev", "--", "true"])])
    assert r.returncode == 2 and text in r.stderr.decode()


@ROOT
def test_cannot_become(leat, run):
    argv = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", leat, "serve", "/usr", "--dev",
            "--listen", "127.0.0.1:0", "--user", "daemon"]
    r = run(argv)
    assert r.returncode == 1 and b"--user daemon: Operation not permitted" in r.stderr


# ---- --max-per-address -----------------------------------------------------------------------


def test_connections_of_one_address(run_server, leat, site, pki):
    s = Serve(run_server, leat, site, pki.cert("p256"), "--max-per-address", "3", "--workers", "2")

    def from_address(address):
        c = socket.create_connection(("127.0.0.1", s.port), 10, source_address=(address, 0))
        return c

    def is_served(c):
        try:
            t = ssl.create_default_context(cafile=pki.ca).wrap_socket(c, server_hostname="localhost")
            t.sendall(b"GET /f.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            return t.recv(1000).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    silent = [from_address("127.0.0.1") for _ in range(3)]
    time.sleep(0.2)
    for _ in range(5):
        assert not is_served(from_address("127.0.0.1"))
    assert is_served(from_address("127.0.0.2"))  # others are not harmed
    silent.pop().close()
    end = time.monotonic() + 5
    while not is_served(from_address("127.0.0.1")):
        assert time.monotonic() < end
        time.sleep(0.05)

# SPDX-License-Identifier: Apache-2.0
"""--steer of the servers: it starts or says in one line why not, and a restart loses no connection.

The program itself: tests/unit/t_steer.c.
"""
import ctypes
import errno
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

import proc
import seccomp
from lib.proxying import Backend, Proxy, Tls, echo

CLIENTS = 24
REFUSED = r"--steer: BPF .*CAP_BPF.*; connections are spread by the kernel's hash"


@pytest.fixture(scope="module")
def steering(leat):
    """Skips where BPF is not to be had; says why."""
    out = subprocess.run([leat, "probe"], capture_output=True, text=True, timeout=60).stdout
    line = next(s for s in out.splitlines() if s.startswith("steering by BPF"))
    if " yes" not in line:
        pytest.skip(line)


@pytest.fixture
def px(run_server, leat, pki):
    def start(*options, **kw):
        return Proxy(run_server, leat, pki, "--workers", "2", *options, **kw)
    return start


def waiting(port):
    """TCP connections to a proxy that has not accepted them yet."""
    return [socket.create_connection(("127.0.0.1", port), 10) for _ in range(CLIENTS)]


def sleep_now(pid):
    """SIGSTOP, and every thread has obeyed."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 20
    stats = [f"/proc/{pid}/task/{t}/stat" for t in os.listdir(f"/proc/{pid}/task")]
    while not all(open(s, encoding="ascii").read().rsplit(")", 1)[1].split()[0] == "T" for s in stats):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def works(tcp, proxy):
    tcp.settimeout(20)
    with Tls(tcp, proxy.ca) as c:
        c.send(b"hello")
        return c.recv_exactly(5) == b"hello"


@pytest.mark.parametrize("mode", ["cpu", "load"])
def test_it_says_how_it_steers(steering, px, mode):
    x = px("--steer", mode, "--backend", Backend(echo).name)
    assert f", steered by {mode}" in x.proc.output()
    assert all(works(s, x) for s in waiting(x.port))


def test_off_is_the_default(px):
    x = px("--backend", Backend(echo).name)
    assert "steer" not in x.proc.output()


def lose_capabilities():
    """Root's files may still be read; CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN are gone for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    for cap in (12, 21, 39):
        libc.prctl(24, cap, 0, 0, 0)  # PR_CAPBSET_DROP: what exec gives root is cut to this


@pytest.mark.parametrize("lose", [lose_capabilities, seccomp.deny([("bpf", errno.EPERM)])],
                         ids=["capabilities", "sandbox"])
def test_without_rights_one_line_and_all_works(px, lose):
    x = px("--steer", "load", "--backend", Backend(echo).name, preexec_fn=lose)
    assert x.proc.wait_line(REFUSED, 10)
    assert x.proc.output().count("--steer:") == 1 and "steered by" not in x.proc.output()
    assert all(works(s, x) for s in waiting(x.port))


def test_wrong_mode(leat, run):
    done = run([leat, "proxy", "--listen", "0", "--dev", "--backend", "h:1", "--steer", "random"])
    assert done.returncode == 2 and b"--steer" in done.stderr


@pytest.mark.parametrize("end, loop", [(signal.SIGTERM, "auto"), (signal.SIGTERM, "poll"), (signal.SIGKILL, "poll")])
def test_a_restart_loses_no_connection(steering, px, end, loop):
    """The old server sleeps while connections come; the new one gets those that it does not serve when it ends,
    even by force. (Not so with io_uring: a multishot accept takes what waits while its process dies.)"""
    backend = Backend(echo)
    old = px("--steer", "load", "--backend", backend.name, "--loop", loop)
    sleep_now(old.proc.pid)
    early = waiting(old.port)
    new = px("--steer", "load", "--backend", backend.name, port=old.port)
    late = waiting(old.port)  # the new one's at once
    assert all(works(s, new) for s in late)
    os.kill(old.proc.pid, end)
    os.kill(old.proc.pid, signal.SIGCONT)
    assert all(works(s, new) for s in early)


def test_further_addresses_and_ports(steering, px):
    """A rule ends with its process, even when that is killed."""
    port, backend = proc.free_port(), Backend(echo)
    one = px("--lookup", f"127.8.0.0/16:{port}", "--steer", "load", "--backend", backend.name)
    assert works(socket.create_connection(("127.8.9.1", port), 10), one)
    assert works(socket.create_connection(("127.0.0.1", one.port), 10), one)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.9.0.1", port), 10)
    one.proc.child.kill()
    one.proc.child.wait()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.8.9.1", port), 10)


@pytest.mark.parametrize("rule, needle", [("127.0.0.1", "ends with :PORT"), ("::1:443", "brackets"),
                                          ("127.0.0.1/8:443", "bits behind")])
def test_wrong_rule(leat, run, rule, needle):
    done = run([leat, "proxy", "--listen", "0", "--dev", "--backend", "h:1", "--lookup", rule])
    assert done.returncode == 2 and needle in done.stderr.decode() and rule in done.stderr.decode()


def test_lookup_without_rights_is_one_line(px):
    x = px("--lookup", "127.0.0.1:9", "--backend", Backend(echo).name, preexec_fn=lose_capabilities)
    assert x.proc.wait_line("--lookup: BPF .*CAP_NET_ADMIN.*; only the address of --listen is served", 10)
    assert all(works(s, x) for s in waiting(x.port))


def test_built_without_bpf(repo, build, leat, tmp_path):
    """make BPF=no: the same command without libbpf; --steer and probe say what is missing."""
    if "asan" in build:
        pytest.skip("the ordinary build is enough")
    copy = tmp_path / "build"
    shutil.copytree(os.path.join(build, "obj", "user"), copy / "obj" / "user")
    for path in copy.rglob("obj/user/steer/*"):
        path.unlink()
    for name in (".flags", "libleat.a", ".libleat.a.list", ".libleat-cmds.a.list"):
        shutil.copy2(os.path.join(build, name), copy / name)
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    made = subprocess.run(["make", "-s", "SETUP=no", "BPF=no", f"BUILD={copy}", f"{copy}/leat"], cwd=repo,
                          env=env, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    assert not (copy / "bpf").exists()
    assert "libbpf" not in subprocess.run(["ldd", copy / "leat"], capture_output=True, text=True).stdout
    out = subprocess.run([copy / "leat", "probe"], capture_output=True, text=True, timeout=60).stdout
    assert "built without BPF (clang, bpftool and libbpf-dev" in out

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
import threading
import time
import urllib.request

import pytest

import proc
import seccomp
from lib.proxying import Backend, Proxy, Tls, echo, says
from serving import Serve

CLIENTS = 24
REFUSED = r"--steer: BPF .*CAP_BPF.*; connections are spread by the kernel's hash"


@pytest.fixture(scope="module")
def steering(leat):
    """Skips where this machine's kernel or rights give no BPF, and says which; tests/kernel/test_steer_kernel.py has the
    same tests in the kernel test machine."""
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


# ---- leat proxy --redirect-local ---------------------------------------------------------------------------------


@pytest.fixture
def redirecting(steering, px):
    """A proxy that redirects, and what it said at its end."""
    def start(backend):
        x = px("--redirect-local", "--backend", backend.name)
        line = next((s for s in x.proc.output().splitlines() if "--redirect-local:" in s), None)
        if line is not None:
            pytest.skip(line)
        return x
    return start


def redirected(x):
    """sockets, bytes, messages by TCP."""
    x.proc.child.send_signal(signal.SIGTERM)
    return [int(n) for n in x.log(r"^redirected: (\d+) sockets, (\d+) bytes; (\d+) messages by TCP").groups()]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_small_talk_skips_tcp(redirecting, family):
    x = redirecting(Backend(echo, family=family))
    with x.tls() as c:
        for i in range(50):
            c.send(b"%02d" % i)
            assert c.recv_exactly(2) == b"%02d" % i
        c.half_close()
        assert c.end() == (b"", "close_notify")
    assert redirected(x) == [2, 200, 0]


def test_a_backend_that_listens_on_both_families(redirecting):
    """Its sockets are IPv6 ones with mapped addresses, the proxy's are IPv4."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as lst:
        b = Backend.__new__(Backend)
        b.listener, b.count, b.name = lst, 0, f"127.0.0.1:{lst.getsockname()[1]}"
        threading.Thread(target=b._loop, args=(echo,), daemon=True).start()
        x = redirecting(b)
        with x.tls() as c:
            c.send(b"hello")
            assert c.recv_exactly(5) == b"hello"
            c.half_close()
            c.end()
        assert redirected(x) == [2, 10, 0]


@pytest.mark.parametrize("size", [1, 65536, 65537, 5 << 20])
def test_streams_are_whole(redirecting, size):
    """From the budget on they go by TCP, in order."""
    x, data = redirecting(Backend(echo)), os.urandom(size)
    with x.tls() as c:
        for at in range(0, size, 16384):
            piece = data[at:at + 16384]
            c.send(piece)
            assert c.recv_exactly(len(piece)) == piece
        c.half_close()
        assert c.end() == (b"", "close_notify")
    assert redirected(x)[1] <= 2 * 65536


def test_the_answer_comes_before_the_end(redirecting):
    x = redirecting(Backend(says(b"all of it")))
    with x.tls() as c:
        assert c.end() == (b"all of it", "close_notify")


def test_redirect_without_rights_is_one_line(px):
    x = px("--redirect-local", "--backend", Backend(echo).name, preexec_fn=lose_capabilities)
    assert x.proc.wait_line("--redirect-local: BPF .*CAP_BPF.*; TCP carries the bytes", 10)
    assert all(works(s, x) for s in waiting(x.port))


# ---- leat serve --------------------------------------------------------------------------------------------------


@pytest.fixture
def srv(run_server, leat, pki, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello")
    me = pki.cert("p256")

    def start(*options, port=0):
        s = Serve(run_server, leat, tmp_path, me, "--workers", "2", "--access-log", "none", "--metrics", "127.0.0.1:0",
                  "--listen", f"127.0.0.1:{port}", *options)
        s.ca = pki.ca
        s.metrics = s.proc.wait_line(r"^metrics on (http://\S+/)$", 10).group(1) + "metrics"
        return s
    return start


def fetch(tcp, server):
    """One request on a fresh connection."""
    tcp.settimeout(20)
    with Tls(tcp, server.ca) as c:
        c.send(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return c.recv_all().endswith(b"hello")


def numbers(server):
    """The metrics as a dictionary."""
    with urllib.request.urlopen(server.metrics, timeout=20) as f:
        lines = f.read().decode().splitlines()
    return {k: float(v) for k, v in (s.rsplit(" ", 1) for s in lines if not s.startswith("#"))}


def test_serve_by_load_is_even_and_counted(steering, srv):
    s = srv("--steer", "load")
    assert "steered by load" in s.proc.output()
    held = waiting(s.port)
    deadline = time.monotonic() + 20
    while numbers(s)["leat_accepted_total"] < CLIENTS:
        assert time.monotonic() < deadline
    n = numbers(s)
    assert n['leat_steering_info{mode="load"}'] == 1
    for worker in "01":
        assert n[f'leat_worker_connections{{worker="{worker}"}}'] == CLIENTS / 2
        assert n[f'leat_steered_total{{worker="{worker}"}}'] == CLIENTS / 2
        assert n[f'leat_migrated_total{{worker="{worker}"}}'] == 0
    assert n["leat_unsteered_total"] == 0
    assert all(fetch(c, s) for c in held)
    with urllib.request.urlopen(s.metrics.removesuffix("metrics"), timeout=20) as f:
        assert b"steered by load" in f.read()


def test_serve_off_counts_connections_all_the_same(srv):
    s = srv()
    n = numbers(s)
    assert n['leat_steering_info{mode="off"}'] == 1 and n['leat_worker_connections{worker="1"}'] == 0
    assert not any(k.startswith(("leat_steered", "leat_lookup")) for k in n)


def test_serve_lookup_is_counted(steering, srv):
    port = proc.free_port()
    s = srv("--lookup", f"127.5.5.5:{port}", "--lookup", "[::1]:9", "--steer", "cpu")
    assert fetch(socket.create_connection(("127.5.5.5", port), 10), s)
    n = numbers(s)
    assert n['leat_lookup_total{rule="0"}'] == 1 and n['leat_lookup_total{rule="1"}'] == 0


def test_serve_from_a_file(steering, srv, tmp_path_factory):
    conf = tmp_path_factory.mktemp("conf") / "serve.conf"
    conf.write_text("steer load\nlookup 127.5.5.6:4433\n")
    assert "steered by load" in srv("--config", conf).proc.output()


def test_a_socket_from_systemd_is_not_steered(steering, leat, run_server, pki, tmp_path):
    me = pki.cert("p256")
    script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
    with socket.create_server(("127.0.0.1", 0)) as given:
        s = run_server(["/bin/sh", "-c", script, "sh", leat, "serve", tmp_path, "--cert", me.chain, "--key", me.key,
                        "--steer", "load"], ready=r"^listening on", pass_fds=[3],
                       preexec_fn=lambda: os.dup2(given.fileno(), 3, inheritable=True))
    assert s.wait_line("--steer: a socket that was handed over .* is the same for all workers", 10)
    assert "steered by" not in s.output()


@pytest.mark.parametrize("mode", ["cpu", "load"])
def test_serve_restarts_without_a_lost_request(steering, srv, mode):
    """Clients ask on fresh connections, as fast as they can, while servers follow one another."""
    now = srv("--steer", mode)
    port, ca, wrong, count, end = now.port, now.ca, [], [0], threading.Event()

    def ask():
        while not end.is_set():
            try:
                assert fetch(socket.create_connection(("127.0.0.1", port), 20), now)
                count[0] += 1
            except (OSError, AssertionError) as e:
                wrong.append(repr(e))
    clients = [threading.Thread(target=ask) for _ in range(4)]
    for c in clients:
        c.start()
    for _ in range(4):
        before, old = count[0], now
        while count[0] < before + 20 and not wrong:
            time.sleep(0.01)
        now = srv("--steer", mode, port=port)
        os.kill(old.pid, signal.SIGTERM)
        assert old.proc.child.wait(20) == 0
    end.set()
    for c in clients:
        c.join()
    assert not wrong and count[0] > 80 and ca == now.ca


def test_serve_waiting_connections_move(steering, srv):
    """The old server sleeps while connections come, and is killed: they are the new one's, and counted there."""
    old = srv("--steer", "load", "--loop", "poll")
    sleep_now(old.pid)
    early = waiting(old.port)
    new = srv("--steer", "load", port=old.port)
    os.kill(old.pid, signal.SIGKILL)
    assert all(fetch(s, new) for s in early)
    assert sum(v for k, v in numbers(new).items() if k.startswith("leat_migrated_total")) == CLIENTS


def test_a_fresh_connection_is_answered_while_the_server_stops(srv):
    """In the handshake, or just behind it: it has nowhere else to go. With or without steering."""
    s = srv()
    raw = socket.create_connection(("127.0.0.1", s.port), 20)
    raw.settimeout(20)
    up = Tls(socket.create_connection(("127.0.0.1", s.port), 20), s.ca)
    up.sock.settimeout(20)
    deadline = time.monotonic() + 20
    while numbers(s)["leat_accepted_total"] < 2:
        assert time.monotonic() < deadline
    os.kill(s.pid, signal.SIGTERM)
    while proc.port_open(s.port):
        assert time.monotonic() < deadline
    assert fetch(raw, s)
    up.send(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    got = up.recv_all()
    assert got.endswith(b"hello") and b"connection: close" in got.lower()
    assert s.proc.child.wait(20) == 0


def test_built_without_bpf(repo, build, leat, tmp_path):
    """make BPF=no: the same command without libbpf; --steer and probe say what is missing."""
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

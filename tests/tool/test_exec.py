# SPDX-License-Identifier: Apache-2.0
"""leat exec: programs that know nothing of TLS behind connections, well behaved and not.

tests/kernel/test_exec_kernel.py runs most of it again where the kernel carries the records.
"""
import errno
import os
import random
import signal
import socket
import subprocess
import time

import pytest

from lib import seccomp
from lib.execing import PY, Exec, read_all, reset

TEXT = random.Random(8).randbytes(3 << 20)


@pytest.fixture
def ex(run_server, leat, pki):
    def start(prog, *options, **kw):
        return Exec(run_server, leat, pki, prog, *options, **kw)
    return start


@pytest.mark.parametrize("args,needle", [
    (["--dev", "--", "cat"], "no --listen"),
    (["--listen", "0", "--dev"], "no program"),
    (["--listen", "0", "--dev", "--"], "no program"),
    (["--listen", "0", "--dev", "--", "/nonexistent"], "can be run"),
    (["--listen", "0", "--dev", "--", "no-such-program-here"], "can be run"),
    (["--listen", "0", "cat"], "no certificate"),
    (["--listen", "70000", "--dev", "cat"], "70000"),
    (["--listen", "::1:5", "--dev", "cat"], "brackets"),
    (["--listen", "0", "--dev", "--cert", "x", "cat"], "--dev makes its own"),
    (["--listen", "0", "--dev", "--input", "file", "cat"], "pipe, socket"),
    (["--listen", "0", "--dev", "--max-connections", "0", "cat"], "--max-connections"),
    (["--listen", "0", "--dev", "--max-connections", "10001", "cat"], "--max-connections"),
    (["--listen", "0", "--dev", "--grace", "-1", "cat"], "--grace"),
    (["--listen", "0", "--dev", "--session_tickets", "stateful", "cat"], "session_tickets"),
    (["--listen", "0", "--dev", "--insecure-no-guards", "cat"], "did you mean"),
])
def test_wrong_command_line(leat, run, args, needle):
    done = run([leat, "exec", *args])
    assert done.returncode == 2, done
    assert needle in done.stderr.decode()
    assert done.stdout == b""


def test_port_in_use(leat, run):
    with socket.create_server(("127.0.0.1", 0)) as s:
        done = run([leat, "exec", "--listen", str(s.getsockname()[1]), "--dev", "cat"])
    assert done.returncode == 1 and b"cannot listen" in done.stderr


def echo(x, data):
    return subprocess.run([x.leat, "connect", f"localhost:{x.port}", "-c", x.ca, "-q"], input=data,
                          capture_output=True, timeout=60)


@pytest.mark.parametrize("n", [0, 1, 16384, 16385, len(TEXT)])
def test_cat(ex, n):
    x = ex(["cat"])
    done = echo(x, TEXT[:n])
    assert done.returncode == 0, done.stderr
    assert done.stdout == TEXT[:n]
    x.log(r'exit="0" end=close_notify')


def test_sort_sees_the_end_of_its_input(ex):
    """Half-close: all output comes after the client has ended its side."""
    x = ex(["sort"])
    assert echo(x, b"b\nc\na\n").stdout == b"a\nb\nc\n"


def test_output_without_reading(ex):
    """Input that nobody reads must not turn the end into a reset."""
    x = ex(["sh", "-c", "head -c 300000 /dev/zero"])
    with x.tls() as s:
        s.sendall(b"x" * 100)
        assert read_all(s) == bytes(300000)
        s.unwrap()


def test_openssl_sees_close_notify(ex):
    x = ex(["echo", "hello"])
    done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{x.port}", "-CAfile", x.ca,
                           "-msg", "-ign_eof"], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=40)
    assert b"hello\n" in done.stdout
    assert b"<<<" in done.stdout and b"close_notify" in done.stdout


ENV = ["env"]


def variables(s):
    return dict(line.split("=", 1) for line in read_all(s).decode().splitlines() if "=" in line)


def test_environment(ex, pki):
    x = ex(ENV, "--alpn", "x/1", "--cacert", pki.ca, "--verify", "verify_peer",
           env={"LEAT_SNI": "forged", "LEAT_PEER_CERT": "forged", "TCPREMOTEHOST": "forged",
                "KEPT": "yes"})
    with x.tls(alpn=["x/1"], cert=pki.issue("jo", hosts=["jo"], usage="client")) as s:
        port = s.getsockname()[1]
        v = variables(s)
    assert v["LEAT_VERSION"] == "tlsv1.3" and v["LEAT_SUITE"].startswith("TLS_")
    assert v["LEAT_GROUP"] and v["LEAT_RESUMED"] == "0"
    assert v["LEAT_PEER"] == f"127.0.0.1:{port}"
    assert v["LEAT_SNI"] == "localhost" and v["LEAT_ALPN"] == "x/1"
    assert len(v["LEAT_PEER_CERT_SHA256"]) == 64 and "jo" in v["LEAT_PEER_CERT"]
    assert (v["PROTO"], v["TCPREMOTEIP"], v["TCPREMOTEPORT"]) == ("TCP", "127.0.0.1", str(port))
    assert v["TCPLOCALPORT"] == str(x.port)
    assert v["KEPT"] == "yes" and "forged" not in v.values()


def test_no_certificate_no_variable(ex):
    x = ex(ENV, env={"LEAT_PEER_CERT": "forged", "LEAT_ALPN": "forged"})
    with x.tls() as s:
        v = variables(s)
    assert "LEAT_PEER_CERT" not in v and "LEAT_PEER_CERT_SHA256" not in v and "LEAT_ALPN" not in v


def test_nothing_but_three_descriptors(ex):
    x = ex(["sh", "-c", "ls /proc/$$/fd"])
    with x.tls() as s:
        assert read_all(s).split() == [b"0", b"1", b"2"]


KEYS = """
import socket
s = socket.socket(fileno=1)
for level, name, n in ((282, 1, 40), (282, 2, 40), (282, 1, 4), (1, 3, 4)):
    try:
        s.getsockopt(level, name, n)
        print(0)
    except OSError as e:
        print(e.errno)
"""


def test_keys_cannot_be_read(ex):
    """Keys: TX and RX, whole and header only; other options work."""
    x = ex([*PY, KEYS])
    with x.tls() as s:
        assert read_all(s).split() == [b"1", b"1", b"1", b"0"]


def test_memory_of_the_keeper_cannot_be_read(ex):
    """The same user's process; root could (and says so in the manual)."""
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid", "65534", "--clear-groups"]
    else:
        prefix = []
    x = ex([*prefix, "sh", "-c", "head -c1 /proc/$PPID/mem 2>&1; cat /proc/$PPID/environ 2>&1"])
    with x.tls() as s:
        assert read_all(s).count(b"ermission denied") == 2


def test_without_seccomp(leat, run, ex):
    """Refused, unless told otherwise."""
    no = seccomp.deny([("seccomp", errno.ENOSYS)])
    done = run([leat, "exec", "--listen", "0", "--dev", "cat"], preexec_fn=no)
    assert done.returncode == 1 and b"--insecure-no-guard" in done.stderr and done.stdout == b""
    x = ex(["cat"], "--insecure-no-guard", preexec_fn=no)
    assert echo(x, b"abc").stdout == b"abc"


READ = """
import os, sys
n = 0
try:
    while True:
        got = os.read(0, 65536)
        if not got:
            break
        n += len(got)
    how = "end"
except OSError as e:
    how = str(e.errno)
sys.stderr.write("read %d %s\\n" % (n, how))
"""


def test_end_in_order(ex):
    x = ex([*PY, READ])
    with x.tls() as s:
        s.sendall(b"b" * 70000)
        s.unwrap()
    x.log(r"^read 70000 end")
    x.log(r'exit="0" end=close_notify')


def test_cut_by_fin_and_by_reset(ex):
    """All data, then an error: no end of file that looks like one in order."""
    x = ex([*PY, READ])
    s = x.tls()
    s.sendall(b"a" * 70000)
    s.shutdown(socket.SHUT_WR)  # FIN, no close_notify
    x.log(r"^read 70000 %d" % errno.ECONNRESET)
    x.log(r"end=cut .*error=")
    s = x.tls()
    s.sendall(b"b" * 5)
    time.sleep(0.5)
    reset(s)
    x.log(r"^read 5 %d" % errno.ECONNRESET)


def test_writer_of_a_client_that_vanished(ex):
    x = ex(["yes"])
    s = x.tls()
    s.recv(1000)
    reset(s)
    x.log(r'exit="(signal 13|1)"')  # EPIPE with SIGPIPE, or ECONNRESET


def test_stubborn_program_of_a_client_that_vanished(ex):
    """It ignores SIGPIPE, errors and SIGTERM."""
    x = ex(["sh", "-c", "trap '' PIPE TERM; while :; do echo x 2>/dev/null || sleep 0.1; done"],
           "--grace", "1")
    s = x.tls()
    s.recv(1000)
    reset(s)
    x.log(r'exit="signal 9"')


def test_handshake_that_does_not_come(ex):
    x = ex(["cat"], "--handshake-timeout", "0.5", "--max-connections", "1")
    with x.raw() as s:
        x.log(r'exit="not started".*error="[^"]*not complete in time')
        assert len(read_all(s)) >= 0
    assert echo(x, b"abc").stdout == b"abc"


def test_garbage(ex):
    x = ex(["cat"])
    with x.raw() as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        read_all(s)
    x.log(r'exit="not started".*error=')
    assert echo(x, b"abc").stdout == b"abc"


def test_bounded_number(ex):
    x = ex(["cat"], "--max-connections", "2")
    first, second = x.tls(), x.tls()
    with x.raw() as third:
        third.settimeout(0.7)
        third.sendall(b"\x16")
        with pytest.raises(TimeoutError):
            third.recv(1)
        assert len(x.ends()) == 0
        first.unwrap()
        x.log(r'^1 .*exit="0"')
    x.log(r'^3 .*exit="not started"')
    second.unwrap()
    x.log(r'^2 .*exit="0"')


def test_stop(ex):
    """Programs get SIGTERM, clients a close_notify."""
    x = ex(["sh", "-c", "echo up; exec sleep 100"])
    with x.tls() as s:
        assert s.recv(10) == b"up\n"
        x.proc.child.send_signal(signal.SIGTERM)
        assert s.recv(10) == b""  # not SSLEOFError: close_notify
        s.unwrap()
    assert x.proc.wait(20) == 0
    assert 'exit="signal 15"' in x.proc.output() and "stopped: 1 connections" in x.proc.output()


def test_stop_ends_a_stubborn_program_and_its_children(ex):
    x = ex(["sh", "-c", "trap '' TERM; sleep 312 & echo up; while :; do sleep 1; done"],
           "--grace", "1")
    with x.tls() as s:
        assert s.recv(10) == b"up\n"
        x.proc.child.send_signal(signal.SIGTERM)
        assert s.recv(10) == b""
    assert x.proc.wait(20) == 0
    assert 'exit="signal 9"' in x.proc.output()


def test_second_signal_ends_at_once(ex):
    x = ex(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], "--grace", "600")
    with x.tls() as s:
        assert s.recv(10) == b"up\n"
        x.proc.child.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert x.proc.child.poll() is None
        x.proc.child.send_signal(signal.SIGTERM)
        assert x.proc.wait(10) == 0


def test_time_limit(ex):
    x = ex(["sleep", "100"], "--time-limit", "0.7")
    with x.tls() as s:
        assert s.recv(10) == b""
    x.log(r'exit="signal 15"')


def test_exit_status_and_children_are_reaped(ex):
    x = ex(["sh", "-c", "exit 7"])
    for _ in range(12):
        with x.tls() as s:
            assert read_all(s) == b""
            s.unwrap()
    x.log(r'^12 .*exit="7"')
    deadline = time.monotonic() + 10
    children = f"/proc/{x.proc.pid}/task/{x.proc.pid}/children"
    while time.monotonic() < deadline and open(children, encoding="ascii").read().split():
        time.sleep(0.1)
    assert open(children, encoding="ascii").read().split() == []


def test_slow_reader_gets_all(ex):
    """Back-pressure: the program waits, nothing is lost, whatever it has written when it ends."""
    x = ex(["sh", "-c", "head -c 2000000 /dev/zero; printf end"])
    with x.tls() as s:
        time.sleep(0.5)
        got = read_all(s)
    assert len(got) == 2000003 and got.endswith(b"\0end")


def test_program_that_closes_its_stdin(ex):
    x = ex(["sh", "-c", "exec <&-; sleep 0.3; echo done"])
    with x.tls() as s:
        s.sendall(b"x" * 200000)
        assert read_all(s) == b"done\n"

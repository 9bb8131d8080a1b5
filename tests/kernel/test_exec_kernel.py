# SPDX-License-Identifier: Apache-2.0
"""leat exec on a kernel that carries TLS records: the program writes to the socket itself, and with
--input socket reads from it. The suite of tests/tool/test_exec.py again, then what is the kernel's own.
"""
import contextlib
import errno
import os
import re
import ssl
import subprocess
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "tool"))

from lib.execing import PY, Exec, read_all, reset  # noqa: E402
from test_exec import (  # noqa: E402, F401  (collected here with the fixtures below)
    KEYS, TEXT, echo, ex, test_cat, test_cut_by_fin_and_by_reset, test_end_in_order,
    test_nothing_but_three_descriptors, test_openssl_sees_close_notify, test_output_without_reading,
    test_program_that_closes_its_stdin, test_slow_reader_gets_all,
    test_sort_sees_the_end_of_its_input, test_stop, test_stubborn_program_of_a_client_that_vanished,
    test_time_limit, test_writer_of_a_client_that_vanished)

SIZE = 8 << 20


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_program_with_sendfile(ex, tmp_path, kind, version):
    """A program that knows files and descriptors, nothing else, sends by sendfile(2) on its stdout; the
    keys of its socket are there and it is refused them."""
    big = tmp_path / "big"
    big.write_bytes((TEXT * 3)[:SIZE])
    prog = ("import os, sys, socket\nf = os.open(sys.argv[1], os.O_RDONLY)\n"
            "at, n = 0, os.fstat(f).st_size\n"
            "while at < n: at += os.sendfile(1, f, at, n - at)\n" + KEYS.replace("print(", "sys.stderr.write('key %d\\n' % ("
            ).replace("(0)", "(0))").replace("(e.errno)", "(e.errno))"))
    x = ex([*PY, prog, big], "--input", kind)
    with x.tls(version=version) as s:
        assert read_all(s) == big.read_bytes()
        s.unwrap()
    x.log(r"tx=kernel rx=%s .*input=%s exit=\"0\"" % ("kernel" if kind == "socket" else "user", kind))
    assert re.findall(r"^key (\d+)", x.proc.output(), re.M) == ["1", "1", "1", "0"]


def test_the_keys_are_there_without_the_guard(ex):
    """What the guard is for: the same program gets its keys without it."""
    x = ex([*PY, KEYS], "--insecure-no-guard", "--input", "socket", "--ciphers",
           "TLS_AES_128_GCM_SHA256", "--versions", "tlsv1.3")
    with x.tls() as s:
        assert read_all(s).split()[:2] == [b"0", b"0"]


def test_input_socket(ex):
    """The connection itself: data by plain read(2), glued to the handshake or not; its end is EIO."""
    prog = ("import os\nn = 0\ntry:\n while True:\n  got = os.read(0, 65536)\n  if not got: break\n"
            "  os.write(1, got)\n  n += len(got)\n os.write(2, b'end\\n')\n"
            "except OSError as e: os.write(2, b'errno %d after %d\\n' % (e.errno, n))\n")
    x = ex([*PY, prog], "--input", "socket")
    for n in (1, 20000):
        done = echo(x, TEXT[:n])
        assert done.returncode == 0, done.stderr
        assert done.stdout == TEXT[:n]
        x.log(f"errno {errno.EIO} after {n}$")


def test_input_socket_of_a_client_that_vanished(ex):
    x = ex(["sh", "-c", "echo up; sleep 60"], "--input", "socket", "--grace", "1")
    s = x.tls()
    assert s.recv(10) == b"up\n"
    reset(s)
    x.log(r'exit="signal 15" end=gone')


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_on_demand(ex, kind):
    """records=kernel: both directions, whoever reads."""
    x = ex(["sh", "-c", "head -c 5"], "--records", "kernel", "--input", kind)
    with x.tls() as s:
        s.sendall(b"hello")
        assert read_all(s) == b"hello"
        s.unwrap()
    x.log(f"tx=kernel rx=kernel .*input={kind}")


def test_suite_no_kernel_has(ex, run):
    """One such connection goes by socket pairs; on demand it is refused."""
    for records, want, line in (("auto", b"abc", "tx=user rx=user tx_why=suite"),
                                ("kernel", b"", "not started.*no kernel has a cipher")):
        x = ex(["cat"], "--records", records, "--ciphers", "TLS_AES_128_CCM_8_SHA256",
               "--versions", "tlsv1.3")
        done = run([x.leat, "connect", f"localhost:{x.port}", "-c", x.ca, "-q", "--suites",
                    "TLS_AES_128_CCM_8_SHA256", "--tls1_3"], input=b"abc")
        assert done.stdout == want
        x.log(line)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_key_update_of_the_client(ex, kind):
    """One-sided: --input pipe goes on, because receiving is in user space; a program that reads from the
    kernel ends there."""
    x = ex(["cat"], "--input", kind)
    c = subprocess.Popen(["openssl", "s_client", "-connect", f"localhost:{x.port}", "-CAfile", x.ca,
                          "-quiet", "-no_ign_eof", "-tls1_3"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in (b"before\n", b"k\n", b"after\n"):
        try:
            c.stdin.write(line)
            c.stdin.flush()
            c.wait(1.5)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            pass  # told apart by what came out
    with contextlib.suppress(BrokenPipeError):
        c.stdin.close()
    out = c.stdout.read()
    c.wait(40)
    if kind == "pipe":
        assert out == b"before\nafter\n"
    else:
        x.log(r'input=socket exit="1"')

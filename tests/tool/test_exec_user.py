# SPDX-License-Identifier: Apache-2.0
"""leat exec where the kernel carries nothing: socket pairs, said once."""
import pytest

from lib.execing import PY, Exec, has_ulp, read_all


def test_said_once_and_refused_on_demand(leat, run, run_server, pki):
    if has_ulp():
        pytest.skip("this kernel has TLS")
    x = Exec(run_server, leat, pki, ["cat"])
    assert x.proc.output().count("records stay in user space") == 1
    x = Exec(run_server, leat, pki, ["cat"], "--records", "user")
    assert "records stay" not in x.proc.output()
    done = run([leat, "exec", "--listen", "0", "--dev", "--records", "kernel", "cat"])
    assert done.returncode == 1 and b"records=kernel cannot be had" in done.stderr


def test_half_close_by_the_program(leat, run_server, pki):
    """Its end of output is our close_notify, while it goes on reading."""
    prog = ("import os, socket\nos.write(1, b'bye')\n"
            "socket.socket(fileno=1).shutdown(socket.SHUT_WR)\n"
            "n = 0\nwhile True:\n got = os.read(0, 65536)\n n += len(got)\n"
            " if not got: break\nos.write(2, b'read %d\\n' % n)\n")
    x = Exec(run_server, leat, pki, [*PY, prog], "--records", "user")
    with x.tls() as s:
        assert read_all(s) == b"bye"
        # OpenSSL reads no more after a close_notify, but it writes
        s.sendall(b"z" * 100000)
        s.unwrap()
    x.log("^read 100000")

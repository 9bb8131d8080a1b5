"""Runs a command in the kernel test machine (tests/vm/run) for host-side tests.

Not for tests below tests/kernel: those already run on a kernel with kTLS, be it this machine's
own or the test machine's.
"""
import os
import subprocess

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN = os.path.join(TESTS, "vm", "run")


def vm(*cmd, opts=(), timeout=120, text=True, **kw):
    """CompletedProcess of one boot; output is captured, a boot's time limit is `timeout`."""
    return subprocess.run([RUN, "--timeout", str(timeout), *opts, "--", *cmd],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=text, timeout=timeout + 600, **kw)


def sh(script, **kw):
    """The same for a shell script given as text."""
    return vm("/bin/bash", "-c", script, **kw)

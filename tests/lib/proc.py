# SPDX-License-Identifier: Apache-2.0
"""Processes in tests: start one, wait until it is ready, talk to it, stop it by its own pid.

    s = Server([leat, "serve", d, "--listen", "127.0.0.1:0"], ready=r"listening on \\S+:(\\d+)")
    s.match.group(1)              # what the ready line said
    s.output()                    # everything it printed so far, both streams
    s.stop()                      # SIGTERM, then SIGKILL; returns the exit status

ready is a regular expression for a line of output, a port number to connect to, or None.
Use the fixture run_server in tests: it stops everything at the end and shows the output of a
server in the report of a failed test.
"""
import errno
import os
import re
import signal
import socket
import subprocess
import threading
import time


def free_port(family=socket.AF_INET):
    """A port nobody listens on just now. Prefer port 0 and the line that tells the real one."""
    with socket.socket(family) as s:
        s.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return s.getsockname()[1]


def port_open(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError as e:
        if e.errno not in (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ECONNRESET):
            raise
        return False


class NotReady(Exception):
    pass


class Server:
    def __init__(self, argv, ready=None, timeout=20, cwd=None, env=None, stdin=subprocess.DEVNULL,
                 preexec_fn=None, pass_fds=()):
        self.argv = [str(a) for a in argv]
        self.lines = []
        self.match = None
        self.changed = threading.Condition()
        self.child = subprocess.Popen(
            self.argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd,
            env=dict(os.environ, **(env or {})), start_new_session=True, preexec_fn=preexec_fn,
            pass_fds=pass_fds)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            if isinstance(ready, int):
                self._wait_port(ready, timeout)
            elif ready is not None:
                self.match = self.wait_line(ready, timeout)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self):
        return self.child.pid

    def _read(self):
        for raw in self.child.stdout:
            with self.changed:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def output(self):
        with self.changed:
            return "\n".join(self.lines)

    def describe(self):
        status = self.child.poll()
        state = "still running" if status is None else f"exit status {status}"
        return f"$ {' '.join(self.argv)}   [{state}]\n{self.output()}"

    def wait_line(self, pattern, timeout=20, start=0):
        """The match of the first line (from line number start) that fits; NotReady otherwise."""
        deadline = time.monotonic() + timeout
        seen = start
        with self.changed:
            while True:
                for line in self.lines[seen:]:
                    m = re.search(pattern, line)
                    if m:
                        return m
                seen = max(seen, len(self.lines))
                left = deadline - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    break
                self.changed.wait(min(left, 0.5))
        if not self.reader.is_alive():
            time.sleep(0.05)  # its output ended; give its status a moment
        why = "it ended" if self.child.poll() is not None else f"waited {timeout} s"
        raise NotReady(f"no line like {pattern!r}: {why}\n{self.describe()}")

    def _wait_port(self, port, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            if port_open(port) or port_open(port, "::1"):
                return
            time.sleep(0.05)
        raise NotReady(f"port {port} is not open\n{self.describe()}")

    def wait(self, timeout=20):
        status = self.child.wait(timeout)
        self.reader.join(5)
        return status

    def stop(self, sig=signal.SIGTERM, grace=10):
        """End it and whatever it started (its own session); safe to call twice."""
        if self.child.poll() is None:
            self.child.send_signal(sig)
            try:
                self.child.wait(grace)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        try:
            os.killpg(self.child.pid, signal.SIGKILL)  # children left behind, if any
        except ProcessLookupError:
            pass
        self.reader.join(5)
        return self.child.returncode

# SPDX-License-Identifier: Apache-2.0
"""A peer that is a program of ours around somebody's library (tests/interop/go, java, js): it obeys lines
on stdin and answers each with one line on stdout. Words are separated by tabs, values follow "=".

    client  port name ca [version suites groups alpn cert key session send update]  ->  ok=1 version ...
    server  cert key [ca auth version suites groups alpn tickets update]            ->  ok=1 port

A client sends `send` and an empty line, reads to close_notify and tells what it saw. A server answers each
connection that sent an empty line with HTTP and what it saw, and closes. ok=0 comes with error=. Started
once for a test module; a call has a deadline.
"""
import os
import select
import subprocess

LIMIT = 40


class Driven:
    def __init__(self, argv, env=None, log=None):
        self.log = open(log, "wb") if log else subprocess.DEVNULL
        self.child = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env=dict(os.environ, **(env or {})))
        self.rest = b""

    def call(self, verb, **spec):
        words = [verb] + [f"{k}={v}" for k, v in spec.items() if v is not None]
        assert not any("\t" in w or "\n" in w for w in words), words
        self.child.stdin.write(("\t".join(words) + "\n").encode())
        self.child.stdin.flush()
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.child.stdout], [], [], LIMIT)
            more = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise AssertionError(f"{self.child.args[0]}: no answer to {words}")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return dict(w.split("=", 1) for w in line.decode(errors="replace").split("\t"))

    def stop(self):
        self.child.stdin.close()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.log is not subprocess.DEVNULL:
            self.log.close()

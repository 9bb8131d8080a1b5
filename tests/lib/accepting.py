# SPDX-License-Identifier: Apache-2.0
"""leat accept in tests: started, its report read line by line, connected to."""
import json
import socket
import ssl
import subprocess
import time


class Accept:
    """A running leat accept --json with a certificate for localhost."""

    def __init__(self, leat, run_server, pki, *args, cert="p256", stdin=subprocess.DEVNULL):
        ident = pki.cert(cert) if cert else None
        creds = ["--cert", ident.chain, "--key", ident.key] if ident else []
        self.leat, self.ca, self.seen = leat, pki.ca, 0
        self.server = run_server([leat, "accept", "0", "--json", *creds, *args],
                                 ready=r'"event":"listening".*"port":(\d+)', stdin=stdin)
        self.port = int(self.server.match.group(1))

    def next(self, event="connection", timeout=20):
        """The next line of this kind, as a dict."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            lines = self.server.output().splitlines()
            for i in range(self.seen, len(lines)):
                if not lines[i].startswith("{"):
                    continue
                found = json.loads(lines[i])
                if found["event"] == event:
                    self.seen = i + 1
                    return found
            time.sleep(0.02)
        raise AssertionError(f"no further {event!r}\n{self.server.describe()}")

    def connect(self, *args, stdin=b""):
        return subprocess.run(
            [self.leat, "connect", f"127.0.0.1:{self.port}", "--servername", "localhost",
             "--cacert", self.ca, "--json", *args], input=stdin, capture_output=True, timeout=60)

    def tls(self, **kw):
        ctx = ssl.create_default_context(cafile=self.ca)
        for k, v in kw.items():
            setattr(ctx, k, v)
        s = ctx.wrap_socket(self.raw(), server_hostname="localhost", suppress_ragged_eofs=False)
        return s

    def raw(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.settimeout(20)
        return s

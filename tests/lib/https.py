# SPDX-License-Identifier: Apache-2.0
"""A blunt HTTPS client for tests of servers: sends the bytes it is given, reads one answer at a time,
tells a proper close (close_notify) from a cut one.

    c = Client(port, pki.ca)
    c.send(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    a = c.answer()                # a.status, a["Content-Length"], a.body, a.head
    c.at_end()                    # "close_notify", "cut", "reset" or "open"
"""
import socket
import ssl


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.head, self.body = head, body
        self.version, status, self.reason = lines[0].split(" ", 2)
        self.status = int(status)
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            assert name.lower() not in self.fields, f"{name} twice in {head}"
            self.fields[name.lower()] = value.strip()

    def __getitem__(self, name):
        return self.fields[name.lower()]

    def get(self, name):
        return self.fields.get(name.lower())


def context(ca=None, version=None, ciphers=None, alpn=None):
    ctx = ssl.create_default_context(cafile=ca) if ca else ssl._create_unverified_context()
    # Python sets this by default: an end without close_notify would look like a proper one.
    ctx.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if version:
        ctx.minimum_version = ctx.maximum_version = version
    if ciphers:
        ctx.set_ciphers(ciphers)
    if alpn:
        ctx.set_alpn_protocols(alpn)
    return ctx


class Client:
    def __init__(self, port, ca=None, timeout=20, rcvbuf=None, host="localhost", **kw):
        raw = socket.socket()
        if rcvbuf:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        raw.settimeout(timeout)
        raw.connect(("127.0.0.1", port))
        self.raw = raw
        self.s = context(ca, **kw).wrap_socket(raw, server_hostname=host,
                                               suppress_ragged_eofs=False)
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def get(self, path="/", method="GET", **fields):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in fields.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        return self.answer(method == "HEAD")

    def _more(self):
        data = self.s.recv(65536)
        if not data:
            raise EOFError(f"closed after {self.buf[:200]!r}")
        self.buf += data

    def answer(self, no_body=False):
        while b"\r\n\r\n" not in self.buf:
            self._more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        a = Answer(head, b"")
        n = 0 if no_body or a.status == 304 else int(a["Content-Length"])
        parts, have = [self.buf[:n]], len(self.buf[:n])
        self.buf = self.buf[n:]
        while have < n:
            data = self.s.recv(min(65536, n - have))
            if not data:
                raise EOFError(f"closed after {have} of {n} bytes")
            parts.append(data)
            have += len(data)
        a.body = b"".join(parts)
        return a

    def at_end(self, timeout=5):
        """How the connection ended; bytes that still come are an error."""
        self.s.settimeout(timeout)
        try:
            data = self.s.recv(100)
        except ssl.SSLEOFError:
            return "cut"
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        except (socket.timeout, ssl.SSLWantReadError):
            return "open"
        assert data == b"" and self.buf == b"", f"more came: {data!r}"
        return "close_notify"

# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that sends exactly the frames it is told to, right or wrong, and collects what comes back.

    c = Raw(port, pki.ca)              # TLS with ALPN h2, preface and SETTINGS sent
    c.request(1, path="/a.txt")        # one HEADERS frame
    c.answer(1)                        # (status, fields, body), or ("reset", code)
    c.frame(TYPE, flags, stream, payload)
    c.end()                            # reads to the end: ("goaway", code), "closed" or "reset"
"""
import socket
import ssl
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
ENHANCE_YOUR_CALM = 11


class Raw:
    def __init__(self, port, ca, settings=b"", preface=PREFACE, timeout=15, host="localhost"):
        ctx = ssl.create_default_context(cafile=ca)
        ctx.set_alpn_protocols(["h2"])
        raw = socket.create_connection(("127.0.0.1", port), timeout)
        self.s = ctx.wrap_socket(raw, server_hostname=host)
        assert self.s.selected_alpn_protocol() == "h2"
        self.enc, self.dec = hpack.Encoder(), hpack.Decoder()
        self.buf, self.streams, self.goaway, self.acks = b"", {}, None, 0
        self.quiet = False  # SETTINGS are acknowledged
        if preface:
            self.send(preface + self.make(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.s.close()

    @staticmethod
    def make(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
            struct.pack(">I", stream) + payload

    def send(self, data):
        self.s.sendall(data)

    def frame(self, kind, flags=0, stream=0, payload=b""):
        self.send(self.make(kind, flags, stream, payload))

    def block(self, path="/a.txt", method="GET", authority="localhost", scheme="https", more=()):
        fields = [(":method", method), (":path", path), (":authority", authority),
                  (":scheme", scheme)]
        return self.enc.encode([f for f in fields if f[1] is not None] + list(more))

    def request(self, stream, flags=END_STREAM | END_HEADERS, **kw):
        self.frame(HEADERS, flags, stream, self.block(**kw))

    def _fill(self, n):
        while len(self.buf) < n:
            data = self.s.recv(65536)
            if not data:
                raise EOFError
            self.buf += data

    def read(self):
        """One frame: (kind, flags, stream, payload); keeps the books."""
        self._fill(9)
        n, kind, flags = int.from_bytes(self.buf[:3], "big"), self.buf[3], self.buf[4]
        stream = struct.unpack(">I", self.buf[5:9])[0]
        self._fill(9 + n)
        payload, self.buf = self.buf[9:9 + n], self.buf[9 + n:]
        assert n <= 16384
        s = self.streams.setdefault(stream, {"fields": None, "body": b"", "end": False, "reset": None})
        if kind == HEADERS:
            assert flags & END_HEADERS
            s["fields"] = self.dec.decode(payload)
        elif kind == DATA:
            s["body"] += payload
        elif kind == RST:
            s["reset"] = struct.unpack(">I", payload)[0]
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">II", payload[:8])
        elif kind == SETTINGS and not flags & ACK:
            if not self.quiet:
                self.frame(SETTINGS, ACK)
        elif kind in (SETTINGS, PING):
            self.acks += 1
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            s["end"] = True
        return kind, flags, stream, payload

    def answer(self, stream, windows=True):
        """Reads until this stream has its end; opens windows for what comes."""
        while True:
            s = self.streams.get(stream)
            if s and s["end"]:
                fields = dict(s["fields"])
                return int(fields[":status"]), fields, s["body"]
            if s and s["reset"] is not None:
                return "reset", s["reset"]
            kind, _, of, payload = self.read()
            if kind == DATA and payload and windows:
                step = struct.pack(">I", len(payload))
                self.send(self.make(WINDOW, 0, 0, step) + self.make(WINDOW, 0, of, step))

    def end(self):
        self.quiet = True
        try:
            while True:
                self.read()
        except (EOFError, ssl.SSLEOFError):
            how = "closed"
        except ConnectionError:
            how = "reset"
        return ("goaway", self.goaway[1]) if self.goaway else how

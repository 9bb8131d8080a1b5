# SPDX-License-Identifier: Apache-2.0
"""leat proxy in tests: the proxy, backends that do as they are told, a client that sees every end for what
it is, and a parser of PROXY headers that shares nothing with ours.

    b = Backend()                      # or Backend(unix=path)
    x = Proxy(run_server, leat, pki, "--backend", b.name)
    c = x.tls()                        # Tls: send, recv_all, half_close, cut, reset
    s = b.accept()                     # a plain socket
"""
import contextlib
import hashlib
import socket
import ssl
import struct
import threading

LIMIT = 60


class Proxy:
    def __init__(self, run_server, leat, pki, *options, host="127.0.0.1", port=0, cert=None, **kw):
        me = cert or pki.cert("p256")
        self.ca, self.leat, self.host = pki.ca, leat, host
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.proc = run_server([leat, "proxy", "--listen", listen, "--cert", me.chain, "--key", me.key,
                                *options], ready=r"^listening on .*:(\d+)$", **kw)
        self.port = int(self.proc.match.group(1))

    def raw(self, rcvbuf=None):
        s = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(LIMIT)
        s.connect((self.host, self.port))
        return s

    def tls(self, sock=None, **kw):
        return Tls(sock or self.raw(), self.ca, **kw)

    def log(self, pattern, timeout=LIMIT):
        return self.proc.wait_line(pattern, timeout)

    def rss(self):
        with open(f"/proc/{self.proc.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmRSS"))


class Tls:
    """A client that can end each direction by itself, which ssl.SSLSocket cannot."""

    def __init__(self, sock, ca, name="localhost", version=None, alpn=None, cert=None, session=None):
        ctx = ssl.create_default_context(cafile=ca)
        ctx.check_hostname = name == "localhost"
        if alpn:
            ctx.set_alpn_protocols(alpn)
        if cert:
            ctx.load_cert_chain(cert.chain, cert.key)
        if version:
            ctx.minimum_version = ctx.maximum_version = version
        self.sock, self.into, self.out = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.obj = ctx.wrap_bio(self.into, self.out, server_hostname=name)
        self._drive(self.obj.do_handshake)

    def _flush(self):
        data = self.out.read()
        if data:
            self.sock.sendall(data)

    def _drive(self, call, *args):
        while True:
            try:
                got = call(*args)
                self._flush()
                return got
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(1 << 18)
                self.into.write(data) if data else self.into.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()
                raise

    def send(self, data):
        view = memoryview(data)
        for at in range(0, len(view), 1 << 18):
            self._drive(self.obj.write, view[at:at + (1 << 18)])

    def recv(self, n=1 << 18):
        """b"" for close_notify; a cut and a reset raise."""
        try:
            return self._drive(self.obj.read, n)
        except ssl.SSLZeroReturnError:
            return b""

    def recv_exactly(self, n):
        out = bytearray()
        while len(out) < n:
            data = self.recv(n - len(out))
            assert data, f"ended after {len(out)} of {n}"
            out += data
        return bytes(out)

    def recv_all(self):
        out = bytearray()
        while data := self.recv():
            out += data
        return bytes(out)

    def end(self):
        """How the stream ends: its bytes, and "close_notify", "cut" or "reset"."""
        out = bytearray()
        try:
            while data := self.recv():
                out += data
            return bytes(out), "close_notify"
        except (ConnectionResetError, BrokenPipeError):
            return bytes(out), "reset"
        except ssl.SSLEOFError:
            return bytes(out), "cut"

    def half_close(self, fin=True):
        """close_notify and FIN; reading goes on."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.obj.unwrap()
        self._flush()
        if fin:
            self.sock.shutdown(socket.SHUT_WR)

    def cut(self):
        """FIN without close_notify."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        reset(self.sock)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


class Backend:
    """A listener whose connections the test takes one by one, or that a function serves in threads."""

    def __init__(self, serve=None, unix=None, port=0, family=socket.AF_INET, backlog=1024):
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(unix))
            self.name = f"unix:{unix}"
        else:
            self.listener = socket.socket(family)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
            self.port = self.listener.getsockname()[1]
            self.name = f"127.0.0.1:{self.port}" if family == socket.AF_INET else f"[::1]:{self.port}"
        self.listener.listen(backlog)
        self.listener.settimeout(LIMIT)
        self.count = 0
        if serve:
            threading.Thread(target=self._loop, args=(serve,), daemon=True).start()

    def _loop(self, serve):
        with contextlib.suppress(OSError):
            while True:
                s = self.accept()
                self.count += 1
                threading.Thread(target=self._one, args=(serve, s), daemon=True).start()

    @staticmethod
    def _one(serve, s):
        with contextlib.suppress(OSError), s:
            serve(s)

    def accept(self):
        s = self.listener.accept()[0]
        s.settimeout(LIMIT)
        return s

    def close(self):
        self.listener.close()


def echo(s):
    while data := s.recv(1 << 18):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)


def says(text):
    def serve(s):
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        while s.recv(1 << 16):
            pass
    return serve


def read_end(s):
    """As Tls.end, of a plain socket: "fin" or "reset"."""
    out = bytearray()
    try:
        while data := s.recv(1 << 18):
            out += data
        return bytes(out), "fin"
    except ConnectionResetError:
        return bytes(out), "reset"


def sha(data):
    return hashlib.sha256(data).hexdigest()


# ---- PROXY protocol, by its document -------------------------------------------------------------

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"


def tlvs(b):
    out, at = {}, 0
    while at < len(b):
        kind, n = b[at], int.from_bytes(b[at + 1:at + 3], "big")
        assert at + 3 + n <= len(b), "a TLV beyond the end"
        assert kind not in out, "a TLV twice"
        out[kind] = b[at + 3:at + 3 + n]
        at += 3 + n
    return out


class Header:
    def __init__(self, b):
        assert b[:12] == SIGNATURE
        assert b[12] in (0x20, 0x21)
        self.local = b[12] == 0x20
        self.family = b[13]
        rest = b[16:]
        assert len(rest) == int.from_bytes(b[14:16], "big")
        n = {0x00: 0, 0x11: 12, 0x21: 36}[self.family]
        a, self.tlv = rest[:n], tlvs(rest[n:])
        self.src = self.dst = None
        if n:
            k = {12: 4, 36: 16}[n]
            fam = socket.AF_INET if k == 4 else socket.AF_INET6
            self.src = socket.inet_ntop(fam, a[:k]), int.from_bytes(a[2 * k:2 * k + 2], "big")
            self.dst = socket.inet_ntop(fam, a[k:2 * k]), int.from_bytes(a[2 * k + 2:], "big")
        self.ssl = self.tlv.get(0x20)
        if self.ssl:
            self.client, self.verify = self.ssl[0], int.from_bytes(self.ssl[1:5], "big")
            self.sub = {k: v.decode() for k, v in tlvs(self.ssl[5:]).items()}


def read_exactly(s, n):
    out = b""
    while len(out) < n:
        data = s.recv(n - len(out))
        assert data, f"ended after {out!r}"
        out += data
    return out


def read_header(s):
    fixed = read_exactly(s, 16)
    return Header(fixed + read_exactly(s, int.from_bytes(fixed[14:16], "big")))


def crc32c(b):
    crc = 0xffffffff
    for x in b:
        crc ^= x
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def make_header(command=0x21, family=0x11, addr=b"", tlv=b"", crc=None):
    """crc: None none, True the right one, an int that one."""
    body = addr + tlv
    if crc is not None:
        body += b"\x03\x00\x04\x00\x00\x00\x00"
    b = SIGNATURE + bytes([command, family]) + len(body).to_bytes(2, "big") + body
    if crc is not None:
        b = b[:-4] + (crc32c(b) if crc is True else crc).to_bytes(4, "big")
    return b


def tlv(kind, value):
    return bytes([kind]) + len(value).to_bytes(2, "big") + value

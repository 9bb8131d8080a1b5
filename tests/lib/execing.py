# SPDX-License-Identifier: Apache-2.0
"""leat exec in tests: started with a program, connected to, its lines read."""
import re
import socket
import ssl
import struct

PY = ["/usr/bin/python3", "-S", "-E", "-c"]


class Exec:
    def __init__(self, run_server, leat, pki, prog, *options, **kw):
        me = pki.cert("p256")
        self.ca, self.leat = pki.ca, leat
        self.proc = run_server([leat, "exec", "--listen", "0", "--cert", me.chain, "--key", me.key,
                                *options, "--", *prog], ready=r"^listening on 127.0.0.1:(\d+)", **kw)
        self.port = int(self.proc.match.group(1))

    def raw(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.settimeout(40)
        return s

    def tls(self, alpn=None, cert=None, version=None):
        """A client that takes an end without close_notify for an error."""
        ctx = ssl.create_default_context(cafile=self.ca)
        if alpn:
            ctx.set_alpn_protocols(alpn)
        if cert:
            ctx.load_cert_chain(cert.chain, cert.key)
        if version:
            ctx.minimum_version = ctx.maximum_version = version
        return ctx.wrap_socket(self.raw(), server_hostname="localhost", suppress_ragged_eofs=False)

    def log(self, pattern, timeout=40):
        return self.proc.wait_line(pattern, timeout)

    def ends(self):
        return re.findall(r"^\d+ 127.*exit=.*$", self.proc.output(), re.M)


def read_all(s):
    """Until close_notify; anything else raises."""
    out = bytearray()
    while True:
        got = s.recv(65536)
        if not got:
            return bytes(out)
        out += got


def reset(s):
    """Ends a connection with RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket.close(s) if isinstance(s, ssl.SSLSocket) else s.close()


def has_ulp():
    """Does this kernel take TLS keys?"""
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as s:
        try:
            s.setsockopt(socket.IPPROTO_TCP, 31, b"tls\0")
            return True
        except OSError:
            return False

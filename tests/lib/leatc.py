# SPDX-License-Identifier: Apache-2.0
"""libleat.so by ctypes: connections, messages and mailboxes for tests that need both ends of a real peer.

    lib = leatc.Lib(build)
    c = lib.connect(lib.client(ca), "localhost", port, packet="4")
    c.send(b"hello"); c.recv(); c.close()
    box = lib.mailbox(); box.own(c); c.set("active", "once"); box.next() -> ("message", b"...")
"""
import ctypes as ct
import os

OK, AGAIN, UNSUPPORTED, FAILED = range(4)
CLOSED = 8  # LEAT_E_CLOSED
EVENTS = ["none", "message", "closed", "error", "passive", "up", "room", "accepted", "posted"]
MS = 20000  # on a machine that does much else


class Span(ct.Structure):
    _fields_ = [("p", ct.c_void_p), ("n", ct.c_size_t)]

    def bytes(self):
        return ct.string_at(self.p, self.n) if self.n else b""


class Err(ct.Structure):
    _fields_ = [("cls", ct.c_int), ("alert", ct.c_uint8), ("sys", ct.c_int), ("where", ct.c_char_p),
                ("what", ct.c_char_p), ("option", ct.c_char_p), ("detail", ct.c_char * 144)]


class Uri(ct.Structure):
    _fields_ = [("kind", ct.c_int), ("https", ct.c_bool), ("scheme", Span), ("host", Span),
                ("port", ct.c_int32), ("path", Span)]


class Unit(ct.Structure):
    _fields_ = [("kind", ct.c_int), ("used", ct.c_size_t), ("body", Span), ("major", ct.c_uint),
                ("minor", ct.c_uint), ("method", Span), ("uri", Uri), ("status", ct.c_uint),
                ("phrase", Span), ("field_id", ct.c_uint), ("field", Span), ("value", Span)]


class Message(ct.Structure):
    _fields_ = [("unit", Unit), ("head", Span), ("body", Span), ("has_body", ct.c_bool),
                ("own", ct.c_void_p)]


class Event(ct.Structure):
    _fields_ = [("kind", ct.c_int), ("conn", ct.c_void_p), ("listener", ct.c_void_p),
                ("tag", ct.c_void_p), ("message", Message), ("err", Err), ("transport_tag", ct.c_char_p)]


class Files(ct.Structure):
    _fields_ = [(n, ct.c_char_p) for n in ("certfile", "keyfile", "password", "cacertfile", "ocsp_file",
                                           "sct_file", "dhfile", "crl_cache")] + [
        ("cert", Span), ("key", Span), ("cacerts", ct.POINTER(Span)), ("num_cacerts", ct.c_size_t)]


class Plain(ct.Structure):
    _fields_ = [("fd", ct.c_int), ("stream", ct.c_void_p), ("left", ct.POINTER(ct.c_uint8)), ("left_len", ct.c_size_t)]


class LeatError(Exception):
    """What leat_strerror says; err is the struct."""

    def __init__(self, lib, err):
        buf = ct.create_string_buffer(400)
        super().__init__(lib.so.leat_strerror(ct.byref(err), buf, ct.c_size_t(400)).decode())
        self.err = err


class Conn:
    def __init__(self, lib, p):
        self.lib, self.so, self.p = lib, lib.so, ct.c_void_p(p)

    def check(self, r):
        if r == FAILED:
            raise LeatError(self.lib, self.so.leat_conn_error(self.p).contents)
        assert r == OK, f"result {r}"

    def set(self, name, value):
        err = Err()
        if self.so.leat_conn_setopt(self.p, name.encode(), value.encode(), ct.byref(err)) != OK:
            raise LeatError(self.lib, err)

    def handshake(self):
        self.check(self.so.leat_handshake(self.p, MS))

    def send(self, data):
        self.check(self.so.leat_send_message(self.p, data, ct.c_size_t(len(data)), MS, None))

    def recv(self):
        """The next message, None at the end."""
        m = Message()
        self.check(self.so.leat_recv_message(self.p, ct.byref(m), MS))
        return m.body.bytes() if m.unit.used else None

    def shutdown_write(self):
        self.check(self.so.leat_shutdown(self.p, 1, MS))

    def close(self):
        err = Err()
        if self.so.leat_close(self.p, ct.byref(err)) != OK:
            raise LeatError(self.lib, err)

    def free(self):
        self.so.leat_conn_free(self.p)

    def downgrade(self):
        """(descriptor, bytes that came behind the close_notify)"""
        err, out = Err(), Plain()
        if self.so.leat_downgrade(self.p, MS, ct.byref(out), ct.byref(err)) != OK:
            raise LeatError(self.lib, err)
        left = bytes(out.left[:out.left_len])
        self.so.leat_plain_free_left(ct.byref(out))
        return out.fd, left


class Mailbox:
    def __init__(self, lib):
        self.lib, self.so, self.p = lib, lib.so, ct.c_void_p()
        err = Err()
        assert self.so.leat_mailbox_new(ct.byref(self.p), ct.byref(err)) == OK

    def own(self, conn):
        err = Err()
        assert self.so.leat_conn_set_owner(conn.p, self.p, None, ct.byref(err)) == OK

    def next(self):
        """(kind, message or error text)"""
        ev, err = Event(), Err()
        r = self.so.leat_mailbox_next(self.p, ct.byref(ev), MS, ct.byref(err))
        assert r == OK, f"no event: {r}"
        kind = EVENTS[ev.kind]
        return kind, ev.message.body.bytes() if kind == "message" else str(LeatError(self.lib, ev.err))

    def free(self):
        self.so.leat_mailbox_free(self.p)


class Lib:
    def __init__(self, build):
        self.so = ct.CDLL(os.path.join(build, "libleat.so.0"))
        self.so.leat_strerror.restype = ct.c_char_p
        self.so.leat_conn_error.restype = ct.POINTER(Err)
        self.so.leat_listener_port.restype = ct.c_uint16

    def config(self, role, options, **files):
        c, err = ct.c_void_p(), Err()
        f = Files(**{k: os.fspath(v).encode() for k, v in files.items()})
        ok = self.so.leat_config_new(ct.byref(c), role, ct.byref(err)) == OK and \
            self.so.leat_config_use_files(c, ct.byref(f), ct.byref(err)) == OK and \
            all(self.so.leat_config_set(c, k.encode(), v.encode(), ct.byref(err)) == OK
                for k, v in options.items()) and \
            self.so.leat_config_freeze(c, ct.byref(err)) == OK
        if not ok:
            raise LeatError(self, err)
        return c

    def client(self, ca, **options):
        return self.config(0, options, cacertfile=ca)

    def server(self, ident, **options):
        return self.config(1, options, certfile=ident.chain, keyfile=ident.key)

    def connect(self, cfg, host, port, **sockopts):
        p, err = ct.c_void_p(), Err()
        if self.so.leat_connect(ct.byref(p), cfg, host.encode(), ct.c_uint16(port), MS, ct.byref(err)) != OK:
            raise LeatError(self, err)
        return self._with(p, sockopts)

    def upgrade(self, cfg, fd, host, **sockopts):
        p, err = ct.c_void_p(), Err()
        if self.so.leat_upgrade_client(ct.byref(p), cfg, fd, host.encode(), 0, MS, ct.byref(err)) != OK:
            raise LeatError(self, err)
        return self._with(p, sockopts)

    def listen(self, cfg):
        p, err = ct.c_void_p(), Err()
        if self.so.leat_listen(ct.byref(p), cfg, b"127.0.0.1", ct.c_uint16(0), ct.byref(err)) != OK:
            raise LeatError(self, err)
        return p, self.so.leat_listener_port(p)

    def accept(self, listener, **sockopts):
        p, err = ct.c_void_p(), Err()
        if self.so.leat_accept(listener, ct.byref(p), MS, ct.byref(err)) != OK:
            raise LeatError(self, err)
        c = self._with(p, sockopts)
        c.handshake()
        return c

    def mailbox(self):
        return Mailbox(self)

    def _with(self, p, sockopts):
        c = Conn(self, p.value)
        for name, value in sockopts.items():
            c.set(name, value)
        return c

# SPDX-License-Identifier: Apache-2.0
"""Everything at once for `leat serve`: honest clients of both protocols, slow readers, half-closes, resets, garbage, cut
handshakes, with reloads or with one server after the other. No honest client loses a byte, and memory and descriptors
come back."""
import os
import random
import signal
import socket
import ssl
import struct
import threading
import time

from h2raw import Raw
from https import Client
from serving import BIG


class Crowd:
    """Clients of all kinds, each again and again in a thread of its own."""

    def __init__(self, port, ca):
        self.port, self.ca, self.stop, self.failed, self.done = port, ca, threading.Event(), [], {}

    def run(self, fn, honest):
        rng, name = random.Random(fn.__name__), fn.__name__  # what is asked for can be repeated

        def loop():
            while not self.stop.is_set():
                try:
                    fn(self, rng)
                    self.done[name] = self.done.get(name, 0) + 1
                except Exception as e:  # of the others it is what they ask for
                    if honest:
                        self.failed.append(f"{name}: {e!r}")
                        return
        t = threading.Thread(target=loop)
        t.start()
        return t

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)


def answered(c, **fields):
    """The answer, or None when the connection ended in order before it began: the request may be sent again (RFC 9112
    9.3.1)."""
    try:
        return c.get("/big.bin", **fields)
    except EOFError:
        if c.buf:
            raise
        return None


def honest_files(crowd, rng):
    with Client(crowd.port, crowd.ca) as c:
        for turn in range(rng.randrange(1, 6)):
            first = rng.randrange(len(BIG) - 1)
            a = answered(c, Range=f"bytes={first}-")
            if a is None:
                assert turn > 0, "a new connection is not closed without an answer"
                return
            assert a.status == 206 and a.body == BIG[first:]
            if a.get("Connection") == "close":
                assert c.at_end() == "close_notify"
                return


def honest_streams(crowd, rng):
    with Raw(crowd.port, crowd.ca) as r:
        streams = range(1, 2 * rng.randrange(2, 12), 2)
        for n in streams:
            r.request(n, path="/rec.bin")
        for n in streams:
            try:
                assert r.answer(n)[2] == BIG[:16384]
            except EOFError:
                # A reload: what was asked for behind the GOAWAY may be asked for again elsewhere.
                assert r.goaway and r.goaway[0] < n, (r.goaway, n)
                return


def slow_reader(crowd, rng):
    with Client(crowd.port, crowd.ca, rcvbuf=4096) as c:
        c.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(20):
            c.s.recv(rng.randrange(1, 20000))
            time.sleep(0.02)


def half_close(crowd, rng):
    with Client(crowd.port, crowd.ca) as c:
        c.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n"[:rng.randrange(1, 40)])
        c.s.shutdown(socket.SHUT_WR)
        c.s.recv(1000)


def reset(crowd, rng):
    c = Client(crowd.port, crowd.ca)
    c.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    c.s.recv(rng.randrange(1, 100000))
    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()


def garbage(crowd, rng):
    with crowd.raw() as c:
        c.sendall(rng.randbytes(rng.randrange(1, 5000)))
        c.settimeout(1)
        c.recv(1000)


def cut_handshake(crowd, rng):
    inc, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context(cafile=crowd.ca).wrap_bio(inc, out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = out.read()
    with crowd.raw() as c:
        c.sendall(hello[:rng.randrange(1, len(hello) + 1)])
        time.sleep(0.01)


def streams_and_gone(crowd, rng):
    with Raw(crowd.port, crowd.ca) as r:
        for n in range(1, 60, 2):
            r.request(n, path="/big.bin")
        r.s.recv(rng.randrange(1, 60000))


HONEST = (honest_files, honest_files, honest_streams)
OTHERS = (slow_reader, half_close, reset, garbage, cut_handshake, streams_and_gone)
IMPATIENT = ("--handshake-timeout", "2", "--stall-timeout", "3", "--idle-timeout", "3")


def wave(port, ca, seconds, disturb):
    """All of them for so long, and what is done to the server meanwhile. How often each came through."""
    crowd = Crowd(port, ca)
    threads = [crowd.run(fn, True) for fn in HONEST] + [crowd.run(fn, False) for fn in OTHERS]
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end and not crowd.failed:
            disturb()
    finally:
        crowd.stop.set()
        for t in threads:
            t.join()
    assert not crowd.failed, crowd.failed
    assert set(crowd.done) == {fn.__name__ for fn in HONEST + OTHERS}, crowd.done
    return crowd.done


def quiet(s):
    """Descriptors once everybody has gone: lingering takes two seconds."""
    low, end = 10 ** 9, time.monotonic() + 5
    while time.monotonic() < end:
        low = min(low, s.num_fds())
        time.sleep(0.1)
    return low


def soak(s, ca, seconds):
    """Two waves with reloads; memory and descriptors after the second are those after the first."""
    def reload():
        time.sleep(0.5)
        os.kill(s.pid, signal.SIGHUP)

    wave(s.port, ca, seconds / 3, reload)
    fds, rss = quiet(s), s.rss_kib()
    done = wave(s.port, ca, seconds, reload)
    fds_after, rss_after = quiet(s), s.rss_kib()
    print(f"{fds} -> {fds_after} descriptors, {rss} -> {rss_after} KiB, {done}")
    assert fds_after <= fds + 70  # pipes are kept for the next transfer, 64 for each worker at most
    assert rss_after < rss + 6000


def rolling(start, port, ca, seconds):
    """A wave during which the next server takes the place of the one before, again and again: start() returns one that
    serves the same socket."""
    now, turns = [start()], [0]

    def replace():
        time.sleep(1)
        old, now[0] = now[0], start()
        assert old.stop() == 0
        turns[0] += 1

    done = wave(port, ca, seconds, replace)
    print(f"{turns[0]} restarts, {done}")
    assert turns[0] >= 2
    assert now[0].stop() == 0

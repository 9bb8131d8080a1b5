# SPDX-License-Identifier: Apache-2.0
"""A TCP relay between a client and one server or several: what clients said is kept, to be said again.

    with Relay([port]) as r:         # the nth connection goes to the nth port, all others to the last
        ... a client connects to r.port ...
        r.heard[1]                   # all that the second client sent, bytes
"""
import select
import socket
import threading


class Relay:
    def __init__(self, ports):
        self.ports, self.heard = list(ports), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            n = len(self.heard)
            self.heard.append(b"")
            port = self.ports[min(n, len(self.ports) - 1)]
            threading.Thread(target=self._pass, args=(n, client, port), daemon=True).start()

    def _pass(self, n, client, port):
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            other = {client: server, server: client}
            while other:
                for s in select.select(list(other), [], [], 30)[0] or list(other):
                    try:
                        data = s.recv(65536)
                        if s is client:
                            self.heard[n] += data
                        if data:
                            (server if s is client else client).sendall(data)
                            continue
                        (server if s is client else client).shutdown(socket.SHUT_WR)
                    except OSError:
                        return
                    del other[s]


def say_again(port, data):
    """Sends what was heard to another connection, and waits for its end."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(20)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass

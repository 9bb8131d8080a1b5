#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""proxy.py --build DIR [--json] [--quick]: `leat proxy` beside nginx (stream) and HAProxy (mode tcp).

One thread each, TLS 1.3, AES-128-GCM, ECDSA P-256, in front of the same plain backend. Streams in either
direction (CPU per MiB), questions and answers of 1 KiB on a kept connection (CPU each), new connections with a
full handshake (CPU each). They take turns, ratios are taken within a turn and their median is printed. CPU is what
the kernel accounts to the proxy's threads (schedstat); client and backend are processes of their own and not
counted.

With --kernel-records leat runs three times, with records in user space, as it decides, and always in the kernel, and
nginx with OpenSSL's kTLS; run it in the kernel test machine with --icount, where time counts instructions:

    tests/vm/run --icount --timeout 1800 -- bench/proxy.py --build build --kernel-records --rounds 2

Exit status 77 when a program it needs is not installed.
"""
import argparse
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading

from serve import Server, free_port

SUITE = "TLS_AES_128_GCM_SHA256"
MIB = 1 << 20
CHUNK = bytes(256 << 10)
NGINX = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{ worker_connections 1024; }}
stream {{
  server {{
    listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{backend}; tcp_nodelay on;
    ssl_certificate certs/server-p256.pem; ssl_certificate_key certs/server-p256.key;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {suite}; ssl_session_cache off; ssl_session_tickets off;
    proxy_buffer_size 64k; {ktls}
  }}
}}
"""
HAPROXY = """
global
  nbthread 1
  maxconn 1024
  tune.bufsize 65536
  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
  ssl-default-bind-ciphersuites {suite}
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen l
  bind 127.0.0.1:{port} ssl crt certs/both.pem
  server b 127.0.0.1:{backend}
"""


def serve_one(s):
    """By the first byte: d(own) for ever, u(p): swallow, e(cho)."""
    try:
        kind = s.recv(1)
        while kind == b"d":
            s.sendall(CHUNK)
        while kind == b"u" and s.recv(1 << 18):
            pass
        while kind == b"e" and (data := s.recv(4096)):
            s.sendall(data)
    except OSError:
        pass
    s.close()


def backend(listener):
    while True:
        s, _ = listener.accept()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_one, args=(s,), daemon=True).start()


def context():
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    return ctx


def connect(ctx, port):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ctx.wrap_socket(s)


def down(ctx, port, amount):
    buf = bytearray(1 << 18)
    with connect(ctx, port) as s:
        s.sendall(b"d")
        left = amount * MIB
        while left > 0:
            left -= s.recv_into(buf)


def up(ctx, port, amount):
    with connect(ctx, port) as s:
        s.sendall(b"u")
        for _ in range(amount * MIB // len(CHUNK)):
            s.sendall(CHUNK)


def answers(ctx, port, amount):
    question = bytes(1024)
    with connect(ctx, port) as s:
        s.sendall(b"e")
        for _ in range(amount):
            s.sendall(question)
            left = len(question)
            while left > 0:
                left -= len(s.recv(left))


def connections(ctx, port, amount):
    for _ in range(amount):
        with connect(ctx, port) as s:
            s.sendall(b"ex")
            s.recv(1)


# what, how much in a turn, how much with --quick
SCENES = {"down, MiB": (down, 96, 16), "up, MiB": (up, 96, 16), "answer of 1 KiB": (answers, 2000, 200),
          "connection": (connections, 150, 20)}


def leat(o, folder, back, name, records):
    port = free_port()
    return Server(name, [
        os.path.abspath(f"{o.build}/leat"), "proxy", "--listen", f"127.0.0.1:{port}", "--backend", f"127.0.0.1:{back}",
        "--cert", "certs/server-p256.pem", "--key", "certs/server-p256.key", "--workers", "1", "--access-log", "none",
        "--versions", "tlsv1.3", "--ciphers", SUITE, "--session_tickets", "disabled", "--records", records],
        port, folder)


def start(o, folder, back):
    """All with the same certificate; what the others are compared with is the last of them."""
    subprocess.run([f"{o.build}/leat", "certs", f"{folder}/certs"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{folder}/certs/both.pem", "w", encoding="utf-8") as both:
        for part in ("pem", "key"):
            with open(f"{folder}/certs/server-p256.{part}", encoding="utf-8") as f:
                both.write(f.read())
    theirs = [free_port(), free_port()]
    ktls = "ssl_conf_command Options KTLS;" if o.kernel_records else ""
    for name, text_of, port in (("nginx.conf", NGINX, theirs[0]), ("haproxy.cfg", HAPROXY, theirs[1])):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
            f.write(text_of.format(port=port, backend=back, suite=SUITE, ktls=ktls))
    kinds = {"leat-user": "user", "leat": "auto", "leat-kernel": "kernel"} if o.kernel_records else {"leat": "auto"}
    servers = [leat(o, folder, back, name, records) for name, records in kinds.items()]
    if not o.kernel_records:
        servers.append(Server("haproxy", ["haproxy", "-db", "-f", "haproxy.cfg"], theirs[1], folder))
    servers.append(Server("nginx", ["nginx", "-p", folder, "-c", "nginx.conf"], theirs[0], folder))
    return servers


def turn(server, scene, amount):
    before = server.cpu_ns()
    scene(context(), server.port, amount)
    return (server.cpu_ns() - before) / 1000 / amount


def measure(o, servers):
    for what, (scene, amount, little) in SCENES.items():
        amount = little if o.quick or o.kernel_records else amount
        turns = {s.name: [] for s in servers}
        for s in servers:
            turn(s, scene, little)
        for _ in range(2 if o.quick else o.rounds):
            for s in servers:
                turns[s.name].append(turn(s, scene, amount))
        for s in servers:
            ratio = statistics.median(a / b for a, b in zip(turns[s.name], turns["nginx"]))
            row = {"bench": "proxy", "kernel_tls": o.kernel_records, "what": what, "lib": s.name,
                   "us": round(statistics.median(turns[s.name]), 2), "ratio": round(ratio, 3)}
            print(json.dumps(row) if o.json else text(row), flush=True)


def text(r):
    where = "kernel" if r["kernel_tls"] else "user"
    return f"{where:6} proxy  {r['what']:16} {r['lib']:11} {r['us']:10.2f} us CPU  {r['ratio']:.3f} x nginx"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", required=True)
    p.add_argument("--json", action="store_true", help="one object a line")
    p.add_argument("--quick", action="store_true", help="two turns: to see that it works, not to quote")
    p.add_argument("--kernel-records", action="store_true")
    p.add_argument("--rounds", type=int, default=9)
    o = p.parse_args()
    if not all(map(shutil.which, ("nginx", "haproxy"))) or not os.path.exists(
            "/usr/lib/nginx/modules/ngx_stream_module.so"):
        print("not installed: nginx with its stream module, or haproxy", file=sys.stderr)
        sys.exit(77)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    pid = os.fork()
    if pid == 0:
        backend(listener)
    servers = []
    try:
        with tempfile.TemporaryDirectory(prefix="leat-bench-") as folder:
            servers = start(o, folder, listener.getsockname()[1])
            measure(o, servers)
    finally:
        for s in servers:
            s.stop()
        os.kill(pid, 9)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()

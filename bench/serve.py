#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""serve.py --build DIR [--json] [--quick] [--kernel-records]: `leat serve` beside nginx on the same files.

One worker each, TLS 1.3, AES-128-GCM, ECDSA P-256, kept-alive connections; wrk asks over HTTP/1.1 and
h2load over HTTP/2 where both servers speak it. The two take turns of a second, ratios are taken within a
turn and their median is printed. CPU is what the kernel accounts to the server's threads (schedstat).
System calls are counted in turns of their own, by strace, which slows the server: they say nothing of time.

With --kernel-records nginx sends through OpenSSL's kTLS with sendfile; leat runs twice, as it decides after `leat
calibrate` and told to keep every record in the kernel. Run it in the kernel test machine with --icount, where time counts instructions:

    tests/vm/run --icount --timeout 1800 -- bench/serve.py --build build --kernel-records

Exit status 77 when a program it needs is not installed.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = {"1k": 1 << 10, "64k": 64 << 10, "16m": 16 << 20}
H2_REQUESTS = {"1k": 20000, "64k": 6000, "16m": 40}  # what takes about a second
SUITE = "TLS_AES_128_GCM_SHA256"
CONNECTIONS = {"1k": 8, "64k": 8, "16m": 2}
NGINX = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 600;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server {{
    listen 127.0.0.1:{port} ssl http2; root www;
    ssl_certificate certs/server-p256.pem; ssl_certificate_key certs/server-p256.key;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {suite};
    {ktls}
  }}
}}
"""


class Server:
    """A running server: where it listens and which process to watch."""

    def __init__(self, name, argv, port, cwd, env=None):
        self.name, self.port = name, port
        self.proc = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            if self.proc.poll() is not None:
                sys.exit(f"{name} does not start: {self.proc.stderr.read().decode(errors='replace')}")
            time.sleep(0.1)
        sys.exit(f"{name} does not listen")

    def cpu_ns(self):
        total, tasks = 0, f"/proc/{self.proc.pid}/task"
        for tid in os.listdir(tasks):
            with open(f"{tasks}/{tid}/schedstat", encoding="utf-8") as f:
                total += int(f.read().split()[0])
        return total

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.proc.wait(5)
        self.proc.kill()
        self.proc.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(o, folder):
    """leat (with --kernel-records twice: as it decides, and always in the kernel) and, last, nginx; with one
    worker each and the same certificate and files."""
    subprocess.run([f"{o.build}/leat", "certs", f"{folder}/certs"], check=True, stdout=subprocess.DEVNULL)
    os.mkdir(f"{folder}/www")
    for name, size in SIZES.items():
        with open(f"{folder}/www/{name}", "wb") as f:
            f.write(os.urandom(size))
    theirs = free_port()
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as f:
        f.write(NGINX.format(port=theirs, suite=SUITE,
                             ktls="ssl_conf_command Options KTLS;" if o.kernel_records else ""))
    env = {**os.environ, "LEAT_CALIBRATION": f"{folder}/calibration"}
    if o.kernel_records:
        subprocess.run([f"{o.build}/leat", "calibrate"], env=env, check=True, stdout=subprocess.DEVNULL)
    servers = []
    for name, records in (("leat", "auto"), ("leat-kernel", "kernel"))[:2 if o.kernel_records else 1]:
        port = free_port()
        servers.append(Server(name, [
            os.path.abspath(f"{o.build}/leat"), "serve", "www", "--listen", f"127.0.0.1:{port}",
            "--cert", "certs/server-p256.pem", "--key", "certs/server-p256.key", "--workers", "1",
            "--access-log", "none", "--versions", "tlsv1.3", "--ciphers", SUITE, "--records", records,
            *([] if o.kernel_records else ["--http2"])],
            port, folder, env))
    servers.append(Server("nginx", ["nginx", "-p", folder, "-c", "nginx.conf"], theirs, folder))
    return servers


def wrk(url, size, seconds):
    """(requests answered, seconds it took) or None, and what it printed. Of a large file the part that came
    counts, or a turn's border would decide."""
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS[size]}", f"-d{seconds}s", "--timeout", "60s", url],
                         capture_output=True, text=True)
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s), ([\d.]+)([KMG]?)B read", out.stdout)
    if not found or re.search(r"Non-2xx|connect [1-9]", out.stdout):
        return None, out
    took = float(found[2]) / (1000 if found[3] == "ms" else 1)
    read = float(found[4]) * 1024 ** " KMG".index(found[5] or " ")
    return (read / SIZES[size] if SIZES[size] >= 1 << 20 else int(found[1]), took), out


def h2load(url, size, seconds):
    """The same over HTTP/2. By number, not by time: h2load does not always end when its time is over."""
    num = round(H2_REQUESTS[size] * seconds)
    out = subprocess.run(["h2load", f"-c{CONNECTIONS[size]}", "-m1", f"-n{num}", url],
                         capture_output=True, text=True, timeout=120)
    found = re.search(r"finished in ([\d.]+)(us|ms|s),", out.stdout)
    if not found or f"{num} succeeded, 0 failed" not in out.stdout or " 0 3xx, 0 4xx, 0 5xx" not in out.stdout:
        return None, out
    return (num, float(found[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[found[2]]), out


CLIENTS = {"wrk": wrk, "h2load": h2load}


def load(client, server, size, seconds):
    """(requests answered, seconds); anything but whole answers of 200 ends the run. A client that did not get
    under way within its seconds, as happens under emulation, tries again."""
    for _ in range(3):
        got, out = CLIENTS[client](f"https://127.0.0.1:{server.port}/{size}", size, seconds)
        if got is not None and got[0] > 0:
            return got
    sys.exit(f"{client} against {server.name}, {size}:\n{out.stdout}{out.stderr}")


def turn(client, server, size, seconds):
    before = server.cpu_ns()
    requests, took = load(client, server, size, seconds)
    return {"cpu_us": (server.cpu_ns() - before) / 1000 / requests, "rps": requests / took}


def syscalls(client, server, size):
    """System calls a request costs, by the totals of strace -c."""
    with tempfile.NamedTemporaryFile("r") as table:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", table.name, "-p", str(server.proc.pid)],
                                  stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        requests, _ = load(client, server, size, 1)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        rows = [line.split() for line in table.read().splitlines()]
    # the threads that only wait for signals are no part of a request
    calls = sum(int(r[3]) for r in rows if len(r) > 4 and r[3].isdigit() and r[-1] not in ("total", "rt_sigtimedwait"))
    return calls / requests


def kernel_connections():
    """How many connections sent through kernel TLS so far (software and device)."""
    try:
        with open("/proc/net/tls_stat", encoding="utf-8") as f:
            return sum(int(v) for k, v in (line.split() for line in f) if k in ("TlsTxSw", "TlsTxDevice"))
    except OSError:
        return 0


def summary(o, client, server, size, turns):
    ratio = {k: statistics.median(a[k] / b[k] for a, b in zip(turns[server.name], turns["nginx"]))
             for k in ("cpu_us", "rps")}
    rps = statistics.median(t["rps"] for t in turns[server.name])
    return {"bench": "serve", "kernel_tls": o.kernel_records, "client": client, "file": size, "lib": server.name,
            "us": round(statistics.median(t["cpu_us"] for t in turns[server.name]), 2), "rps": round(rps, 1),
            "mib_s": round(rps * SIZES[size] / (1 << 20), 1), "ratio": round(ratio["cpu_us"], 3),
            "rps_ratio": round(ratio["rps"], 3)}


def measure(o, client, servers):
    rounds = 2 if o.quick else o.rounds
    for size in SIZES:
        turns = {s.name: [] for s in servers}
        for s in servers:
            before = kernel_connections()
            load(client, s, size, o.seconds)
            # nginx falls back in silence: what is called kernel TLS must have been
            if o.kernel_records and s.name != "leat" and kernel_connections() == before:
                sys.exit(f"{s.name} sent nothing through the kernel's TLS")
        for _ in range(rounds):
            for s in servers:
                turns[s.name].append(turn(client, s, size, o.seconds))
        for s in servers:
            row = summary(o, client, s, size, turns)
            if client == "wrk" and shutil.which("strace") and not o.no_syscalls:
                row["syscalls"] = round(syscalls(client, s, size), 2)
            print(json.dumps(row) if o.json else text(row), flush=True)


def text(r):
    where = "kernel" if r["kernel_tls"] else "user"
    calls = f"  {r['syscalls']:.2f} system calls" if "syscalls" in r else ""
    return (f"{where:6} {r['client']:6} {r['file']:4} {r['lib']:11} {r['us']:10.2f} us CPU  {r['ratio']:.3f} x nginx  "
            f"{r['rps']:9.1f} requests/s  {r['rps_ratio']:.2f} x nginx{calls}")


def speaks_h2(server):
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-alpn", "h2"],
                         stdin=subprocess.DEVNULL, capture_output=True)  # its first frames are no text
    return b"ALPN protocol: h2" in out.stdout


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", required=True)
    p.add_argument("--json", action="store_true", help="one object a line")
    p.add_argument("--quick", action="store_true", help="two turns: to see that it works, not to quote")
    p.add_argument("--kernel-records", action="store_true")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=1, help="of a turn")
    p.add_argument("--no-syscalls", action="store_true")
    o = p.parse_args()
    missing = [name for name in ("nginx", "wrk", "openssl") if not shutil.which(name)]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="leat-bench-") as folder:
        servers = start(o, folder)
        try:
            measure(o, "wrk", servers)
            if not o.kernel_records and shutil.which("h2load") and all(map(speaks_h2, servers)):
                measure(o, "h2load", servers)
        finally:
            for s in servers:
                s.stop()


if __name__ == "__main__":
    main()

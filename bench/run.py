#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py --build DIR [--quick] [--out DIR]: every measuring program, tables and JSON kept with their machine.

Writes OUT/<date>-<processor>.jsonl (first line: what it was measured on), .txt (the tables) and .png
(plot.py). The machine is named by its processor, never by its host name. Programs that are not
built are left out, said so. What was set as a goal (goals.py) is compared, met or missed, at the end of
the tables; a goal for which nothing was measured counts as missed.
"""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys

import goals
import proxy
import serve

HERE = os.path.dirname(os.path.abspath(__file__))
# (what it is called when it is missing, program, arguments, arguments of --quick, needs kernel TLS)
PROGRAMS = [
    ("b_handshake", "b_handshake", [], ["--runs", "9", "--count", "3"], False),
    ("b_memory", "b_memory", [], ["--count", "100"], False),
    ("b_aead", "b_aead", [], ["--runs", "11"], False),
    ("b_trust", "b_trust", [], ["--runs", "3"], False),
    ("connections", "b_connections", ["--count", "15000"], ["--count", "1000"], False),
    ("connections, kernel TLS", "b_connections", ["--count", "4000", "--records", "kernel"],
     ["--count", "500", "--records", "kernel"], True),
    ("steering", "b_steer", [], ["--rounds", "3"], False),
    ("serve", "serve.py", [], ["--quick"], False),
    ("proxy", "proxy.py", [], ["--quick"], False),
    ("records", "b_records", [], ["--quick", "--rounds", "1"], True),
    ("serve, kernel TLS", "serve.py", ["--kernel-records", "--rounds", "2"],
     ["--kernel-records", "--quick", "--no-syscalls"], True),
]
VM = os.path.join(os.path.dirname(HERE), "tests", "vm")


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def machine(build):
    try:
        with open(os.path.join(build, ".flags"), encoding="utf-8") as f:
            flags = f.read().strip()
    except OSError:
        flags = "unknown"
    cc = flags.split(" ", 1)[0]
    version = ""
    if flags != "unknown":
        version = subprocess.run([cc, "--version"], capture_output=True, text=True).stdout
    crypto = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.strip()
    return {
        "bench": "machine", "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"),
        "cpu": processor(), "cpus": os.cpu_count(), "kernel": platform.release(),
        "compiler": version.splitlines()[0] if version else "unknown", "flags": flags,
        "libcrypto": crypto, "load": round(os.getloadavg()[0], 2),
    }


def table(r):
    if r["bench"] == "handshake":
        return (f"{r['scenario']:9} {r['side']:14} {r['lib']:8} {r['us']:9.1f} us  {r['ratio']:.3f} x libssl"
                f" (+- {r['spread'] / 2:.3f})")
    if r["bench"] == "memory":
        return (f"{r['scenario']:9} {r['side']:14} {r['lib']:8} idle {r['idle_bytes']:7.0f} B  "
                f"peak {r['peak_bytes']:8.0f} B  mallocs {r['mallocs']:8.1f}")
    if r["bench"] == "trust":
        return f"{'trust':9} {r['scenario']:14} {r['lib']:8} {r['us']:9.2f} us  {r['ratio']:.4f} x libssl's first"
    if r["bench"] == "aead":
        return (f"{'record':9} {r['cipher']:18} {r['bytes']:5} B  {r['lib']:6} {r['us']:7.3f} us  "
                f"{r['ratio']:.3f} x evp")
    if r["bench"] == "connections":
        return (f"{'waiting':9} {r['count']} connections, records {r['records']:6} {r['user_bytes']:6.0f} B of the server, "
                f"{r['slab_bytes']:6.0f} B of slab (both ends), {r['answered']} answered again")
    if r["bench"] == "records":
        where = "kernel" if r["in_kernel"] else "user"
        return (f"{r['dir']:9} {r['phase']:5} {r['suite']:17} {r['bytes']:8} B  {r['way']:8} {r['where']:7} in {where:6} "
                f"{r['us']:10.2f} us  {r['ratio']:.3f} x user")
    if r["bench"] == "steer":
        return f"{'steering':9} " + ", ".join(f"{k} {v}" for k, v in r.items() if k != "bench")
    if r["bench"] == "serve":
        return serve.text(r)
    if r["bench"] == "proxy":
        return proxy.text(r)
    if r["bench"] == "goal":
        value = "not measured" if r["value"] is None else f"{r['value']:g}"
        return f"{'met' if r['met'] else 'MISSED':7} {r['goal']:34} {r['bound']:>12}  is {value}"
    return json.dumps(r)


def command(build, program, args, needs_kernel):
    """The argv that runs a measuring program, or None when it is not built. Where this machine's kernel has no
    TLS, what needs it runs in the kernel test machine, whose time counts instructions."""
    if program.endswith(".py"):
        argv = [os.path.join(HERE, program), "--build", build]
    else:
        argv = [os.path.join(build, "bench", program)]
        if not os.path.exists(argv[0]):
            return None
    if needs_kernel and subprocess.run([os.path.join(VM, "native-ktls")], capture_output=True).returncode != 0:
        count = ["--icount"] if program in ("serve.py", "b_records") else []
        argv = [os.path.join(VM, "run"), *count, "--mem", "4096", "--timeout", "3600", "--", *argv]
    leat = os.path.join(build, "leat")
    if program == "b_connections":
        args = [*args, leat]
    if program == "b_records":
        args = [*args, "--calibrate", leat]
    return argv + ["--json", *args]


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", required=True)
    p.add_argument("--out", default=os.path.join(HERE, "results"))
    p.add_argument("--quick", action="store_true", help="few runs: to see that it works, not to quote")
    o = p.parse_args()
    rows, missing = [machine(o.build)], []
    for name, program, args, quick, needs_kernel in PROGRAMS:
        argv = command(o.build, program, quick if o.quick else args, needs_kernel)
        if argv is None:
            missing.append(name)
            continue
        out = subprocess.run(argv, capture_output=True, text=True)
        if out.returncode == 77:
            missing.append(f"{name} ({out.stderr.strip()})")
            continue
        if out.returncode != 0:
            sys.exit(f"{name}: exit status {out.returncode}\n{out.stderr}")
        found = [json.loads(line) for line in out.stdout.splitlines()]
        rows += found
        print("\n".join(table(r) for r in found), flush=True)
    judged = goals.judge(rows)
    print("\n".join(table(r) for r in judged), flush=True)
    rows += judged
    os.makedirs(o.out, exist_ok=True)
    cpu = re.sub(r"[^a-z0-9]+", "-", rows[0]["cpu"].lower()).strip("-")
    stem = os.path.join(o.out, f"{rows[0]['date'][:10]}-{cpu}")
    with open(stem + ".jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)
    with open(stem + ".txt", "w", encoding="utf-8") as f:
        f.writelines(f"{k}: {v}\n" for k, v in rows[0].items() if k != "bench")
        f.write("\n" + "\n".join(table(r) for r in rows[1:]) + "\n")
    lost = [r["goal"] for r in judged if not r["met"]]
    print(f"bench: {len(judged) - len(lost)} goals met, {len(lost)} missed"
          + (": " + ", ".join(lost) if lost else ""))
    for m in missing:
        print(f"bench: not measured: {m}")
    drawn = subprocess.run([sys.executable, os.path.join(HERE, "plot.py"), stem + ".jsonl", stem + ".png"])
    print(f"bench: {stem}.txt .jsonl" + (" .png" if drawn.returncode == 0 else ""))


if __name__ == "__main__":
    main()

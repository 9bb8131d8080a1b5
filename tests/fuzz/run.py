#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py --build DIR [--seconds N] [--dir DIR] [target...]: every fuzz target under libFuzzer for N seconds.

New inputs go to BUILD/corpus/<target>; the committed corpus in tests/fuzz/corpus/<target> is read,
never written (merge by hand what is worth keeping). A crash leaves its input in
BUILD/crash-<target>-*. floors.tsv holds the least edge coverage each target must reach: a target
that no longer gets past the first check finds nothing, and says nothing about it.
"""
import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MIN_RATE = 50  # runs per second; slower than that explores nothing


def floors(where):
    found = {}
    try:
        with open(os.path.join(where, "floors.tsv"), encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    target, edges = line.split()
                    found[target] = int(edges)
    except FileNotFoundError:
        pass
    return found


def run(where, build, target, seconds, floor):
    prog = os.path.join(build, "tests", "fuzz", "fz_" + target)
    grown = os.path.join(build, "corpus", target)
    os.makedirs(grown, exist_ok=True)
    seed = os.path.join(where, "corpus", target)
    argv = [prog, f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=10",
            f"-artifact_prefix={build}/crash-{target}-", grown]
    if os.path.isdir(seed):
        argv.append(seed)
    out = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    rate = re.search(r"stat::average_exec_per_sec: *(\d+)", out.stderr)
    cov = re.findall(r"cov: (\d+)", out.stderr)
    edges, speed = int(cov[-1]) if cov else 0, int(rate.group(1)) if rate else 0
    problem = None
    if out.returncode != 0:
        problem = f"exit status {out.returncode}\n{out.stderr[-6000:]}"
    elif edges < floor:
        problem = f"covers {edges} edges, floor {floor}"
    elif speed < MIN_RATE and seconds >= 5:
        problem = f"{speed} runs/s, at least {MIN_RATE} wanted"
    print(f"fuzz: {target:24} {edges:6} edges {speed:7} runs/s  {problem or 'ok'}", flush=True)
    return problem is None


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", required=True)
    p.add_argument("--seconds", type=int, default=60)
    p.add_argument("--dir", default=HERE, help="where the targets' sources are (this folder)")
    p.add_argument("target", nargs="*")
    o = p.parse_args()
    known = sorted(n[3:-2] for n in os.listdir(o.dir) if n.startswith("fz_") and n.endswith(".c"))
    unknown = set(o.target) - set(known)
    if unknown:
        sys.exit(f"no fuzz target {sorted(unknown)[0]}; there are: {' '.join(known)}")
    least = floors(o.dir)
    results = [run(o.dir, o.build, t, o.seconds, least.get(t, 1)) for t in o.target or known]
    print(f"fuzz: {sum(results)} of {len(results)} targets ok")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py [STEP...]: all of `make lint`, or only the named steps; one line each, all are run.

Steps: build (gcc and clang, -Werror), layers, purity, exports, banned, docs, docfiles, headers, format,
scripts, cppcheck, tidy, trace. Exit status 1 when any finds something.
"""
import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import lintlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PY = "/usr/bin/python3"
JOBS = min(2, os.cpu_count() or 1)
MAKE = os.environ.get("MAKE") or "make"


def run(*argv):
    out = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    return out.returncode, (out.stdout + out.stderr).rstrip()


def script(name, *args):
    return run(PY, os.path.join(HERE, name), *args)


def sources(*tops):
    return [os.path.relpath(p, ROOT) for p in lintlib.files(ROOT, tops, [".c"])]


def parallel(func, items):
    with ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(func, items))
    bad = [text for status, text in results if status != 0]
    return (1 if bad else 0), "\n".join(bad)


def step_build():
    # Flags of an outer make (V=, K=...) must not reach these.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    text = []
    for cc, build in (("gcc", "build"), ("clang", "build-clang")):
        out = subprocess.run([MAKE, "-s", f"-j{JOBS}", f"CC={cc}", f"BUILD={build}", "all",
                              "tests", "bench-programs"], cwd=ROOT, env=env, capture_output=True, text=True)
        if out.returncode != 0:
            text.append(f"{cc}:\n{out.stdout}{out.stderr}")
    return (1 if text else 0), "\n".join(text) or "gcc and clang build it without a warning"


def step_purity():
    return script("purity.py", "build/libleat-core.a")


def step_exports():
    so = "build/libleat.so.0"
    if not os.path.exists(os.path.join(ROOT, so)):
        return 0, "no shared library yet"
    status, text = run("nm", "-D", "--defined-only", so)
    names = [line.split()[-1].split("@")[0] for line in text.splitlines() if " A " not in line]
    bad = [n for n in names if not n.startswith("leat_")]
    declared = lintlib.blank("".join(lintlib.read(p) for p in lintlib.files(
        ROOT, ["include"], [".h"])))
    bad += [n for n in names if n.startswith("leat_") and n not in declared]
    return (1 if bad or status else 0), "\n".join(
        [f"{so}: {n}: exported, but in no public header" for n in bad] or
        [f"{len(names)} symbols exported"])


def step_format():
    paths = [os.path.relpath(p, ROOT) for p in lintlib.files(
        ROOT, ["user", "include", "tests", "bench", "examples", "kernel-helpers"], [".c", ".h"])]
    chunks = [paths[i::JOBS] for i in range(JOBS) if paths[i::JOBS]]
    status, text = parallel(lambda c: run("clang-format", "--dry-run", "-Werror", *c), chunks)
    return status, text or f"{len(paths)} files laid out as .clang-format says"


def step_cppcheck():
    paths = sources("user")
    if not paths:
        return 0, "no sources"
    return run("cppcheck", "--quiet", "--std=c11", "--language=c", "-D_GNU_SOURCE", "-Iinclude",
               "-Iuser", "-Ikernel-helpers", "--enable=warning,portability", "--inline-suppr", "--error-exitcode=1",
               "--suppressions-list=tests/lint/cppcheck.txt", f"-j{JOBS}",
               "--template={file}:{line}: {id}: {message}", *paths)


def step_tidy():
    """A file is looked at again only when its preprocessed text or the checks have changed."""
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Iinclude", "-Iuser", "-Ikernel-helpers",
             "-isystem", "build/bpf"]
    cache = os.path.join(ROOT, "build", "tidy-ok")
    os.makedirs(cache, exist_ok=True)
    base = run("clang-tidy", "--version")[1] + lintlib.read(os.path.join(ROOT, ".clang-tidy"))

    def one(path):
        seen = subprocess.run(["clang", "-E", *flags, path], cwd=ROOT, capture_output=True)
        key = hashlib.sha256(base.encode() + path.encode() + seen.stdout).hexdigest()
        mark = os.path.join(cache, key)
        if seen.returncode == 0 and os.path.exists(mark):
            return 0, "cached"
        status, text = run("clang-tidy", "--quiet", path, "--", *flags)
        if status == 0:
            with open(mark, "w", encoding="utf-8"):
                pass
            return 0, ""
        lines = [s for s in text.splitlines() if "warnings generated" not in s]
        if len(lines) > 60:  # the analyser's path notes can fill pages
            lines[60:] = [f"[{len(lines) - 60} more lines: clang-tidy {path}]"]
        return status, "\n".join(lines)
    paths = sources("user")
    status, text = parallel(one, paths)
    return status, text or f"{len(paths)} files"


def step_trace():
    """Every REQ names a row that exists."""
    out = subprocess.run([PY, "tests/trace/trace.py"], cwd=ROOT, capture_output=True, text=True)
    return out.returncode, out.stderr.strip() or out.stdout.split("\n")[0]


STEPS = {
    "build": step_build, "layers": lambda: script("layers.py"), "purity": step_purity,
    "exports": step_exports, "banned": lambda: script("banned.py"),
    "docs": lambda: script("docs.py"), "docfiles": lambda: script("docfiles.py"),
    "headers": lambda: script("headers.py"),
    "format": step_format, "scripts": lambda: script("scripts.py"), "cppcheck": step_cppcheck,
    "tidy": step_tidy, "trace": step_trace,
}


def main():
    wanted = sys.argv[1:] or list(STEPS)
    unknown = [s for s in wanted if s not in STEPS]
    if unknown:
        sys.exit(f"unknown step {unknown[0]}; there are: {' '.join(STEPS)}")
    failed = []
    for name in wanted:
        start = time.monotonic()
        status, text = STEPS[name]()
        took = time.monotonic() - start
        if status == 0:
            print(f"lint: {name:9} ok      {took:5.1f} s  {text.splitlines()[-1] if text else ''}",
                  flush=True)
        else:
            failed.append(name)
            print(f"lint: {name:9} FAILED  {took:5.1f} s\n{text}", flush=True)
    print(f"lint: {', '.join(failed)} failed" if failed else "lint: ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

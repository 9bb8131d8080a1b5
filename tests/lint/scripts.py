#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts.py [ROOT]: shell scripts pass bash -n and shellcheck, Python files compile, manual
pages pass mandoc's lint. A file counts as a script by its suffix or its first line."""
import os
import re
import subprocess
import sys

import lintlib


def first_line(path):
    with open(path, "rb") as f:
        return f.readline(80).decode(errors="replace")


def kind_of(path):
    if path.endswith(".py"):
        return "python"
    if path.endswith((".sh", ".bash")):
        return "shell"
    if re.search(r"/docs/man/[^/]+\.[1357]$", path):
        return "man"
    if "." in os.path.basename(path):
        return None
    m = re.match(r"#!.*\b(bash|sh|python3?)\b", first_line(path))
    return {"bash": "shell", "sh": "shell", "python": "python", "python3": "python"}.get(
        m.group(1)) if m else None


def tool(report, path, argv):
    out = subprocess.run(argv, capture_output=True, text=True)
    for line in (out.stdout + out.stderr).splitlines():
        m = re.search(r":\s*(?:line )?([0-9]+):(?:[0-9]+:)?\s*(.*)", line)
        if out.returncode != 0:
            report.add(path, int(m.group(1)) if m else 1, m.group(2) if m else line)
    if out.returncode != 0 and not out.stdout + out.stderr:
        report.add(path, 1, f"{argv[0]} failed")


def main():
    root = lintlib.root_arg()
    report = lintlib.Report("scripts", root)
    checked = 0
    for path in lintlib.files(root, ["."], [""]):
        kind = kind_of(path)
        if kind is None:
            continue
        checked += 1
        if kind == "python":
            try:
                compile(lintlib.read(path), path, "exec", dont_inherit=True)
            except SyntaxError as e:
                report.add(path, e.lineno or 1, f"python: {e.msg}")
        elif kind == "shell":
            busybox = "busybox" in first_line(path) or first_line(path).startswith("#!/bin/sh")
            tool(report, path, ["sh" if busybox else "bash", "-n", path])
            tool(report, path, ["shellcheck", "-S", "warning", "-f", "gcc", path])
        else:
            tool(report, path, ["mandoc", "-T", "lint", "-W", "warning", path])
    return report.finish(checked)


if __name__ == "__main__":
    sys.exit(main())

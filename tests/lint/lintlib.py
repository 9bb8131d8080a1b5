# SPDX-License-Identifier: Apache-2.0
"""What the lint scripts share: finding files, blanking comments, reporting file:line."""
import os
import re
import subprocess
import sys

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, keep_strings=False):
    """The text with comments (and strings) replaced by spaces; line numbers stay the same."""
    def sub(m):
        s = m.group(0)
        if keep_strings and s[0] in "\"'":
            return s
        if s[0] in "\"'":
            return s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[0]
        return re.sub(r"[^\n]", " ", s)
    return TOKEN.sub(sub, text)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def files(root, tops, suffixes):
    """Files below root/top with one of the suffixes: what git would commit, else all of them."""
    found = []
    listing = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z", "--",
                              *tops], capture_output=True, text=True)
    top = subprocess.run(["git", "-C", root, "rev-parse", "--show-toplevel"],
                         capture_output=True, text=True).stdout.strip()
    if listing.returncode == 0 and os.path.realpath(root) == os.path.realpath(top or "/nowhere"):
        found = [os.path.join(root, p) for p in listing.stdout.split("\0") if p]
    else:
        for t in tops:
            for base, dirs, names in os.walk(os.path.join(root, t)):
                dirs[:] = [d for d in dirs if not d.startswith((".", "build", "__pycache__"))]
                found += [os.path.join(base, n) for n in names]
            if os.path.isfile(os.path.join(root, t)):
                found.append(os.path.join(root, t))
    return sorted(p for p in found if p.endswith(tuple(suffixes)) and os.path.isfile(p))


class Report:
    """Collects findings; finish() prints them and gives the exit status."""

    def __init__(self, name, root):
        self.name, self.root, self.findings = name, root, []

    def add(self, path, line, rule):
        where = os.path.relpath(path, self.root)
        self.findings.append((where, line, rule))

    def finish(self, checked, unit="files"):
        for where, line, rule in sorted(self.findings):
            print(f"{where}:{line}: {rule}")
        if self.findings:
            print(f"{self.name}: {len(self.findings)} findings in {checked} {unit}")
            return 1
        print(f"{self.name}: {checked} {unit}, nothing found")
        return 0


def root_arg():
    if len(sys.argv) > 2:
        sys.exit(f"usage: {sys.argv[0]} [ROOT]")
    default = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.abspath(sys.argv[1]) if len(sys.argv) == 2 else default

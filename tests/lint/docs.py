#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs.py [ROOT]: every function a caller can see is described where it is declared.

In include/leat/*.h each declaration with LEAT_API stands directly below a comment that names it,
or in a group of declarations (no blank line between) whose comment names it. An empty or
name-only comment does not count.
"""
import re
import sys

import lintlib

DECL = re.compile(r"^LEAT_API\b(?:[^;{}]|\{[^}]*\})*?\b(leat_\w+)\s*\(", re.M)
MIN_WORDS = 6


def comment_above(raw, code, pos):
    """The comment that ends directly above the group of declarations around pos, or None."""
    lines_raw, lines_code = raw.split("\n"), code.split("\n")
    n = code.count("\n", 0, pos)
    while n > 0 and lines_code[n - 1].strip():  # up over the declarations of the group
        n -= 1
    end = n
    while n > 0 and lines_raw[n - 1].strip() and not lines_code[n - 1].strip():
        n -= 1
    text = "\n".join(lines_raw[n:end])
    return text if "/*" in text else None


def main():
    root = lintlib.root_arg()
    report = lintlib.Report("docs", root)
    count = 0
    for path in lintlib.files(root, ["include"], [".h"]):
        raw = lintlib.read(path)
        code = lintlib.blank(raw)
        for m in DECL.finditer(code):
            count += 1
            name = m.group(1)
            line = code.count("\n", 0, m.start()) + 1
            comment = comment_above(raw, code, m.start())
            if comment is None:
                report.add(path, line, f"{name}: no comment directly above it")
            elif not re.search(rf"\b{name}\b", comment):
                report.add(path, line, f"{name}: the comment above it does not name it")
            elif len(re.findall(r"[A-Za-z]{2,}", comment)) < MIN_WORDS:
                report.add(path, line, f"{name}: the comment above it says nothing")
    return report.finish(count, "functions")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rfc.py [ROOT]: prints docs/rfc.md, where each RFC section quoted in the code is obeyed.

Collects `RFC 8446 4.2.11: text` from comments of user/ and include/ (STYLE: the quote stands above
the line that obeys it). The table is made by `make docs`, so it says what the code says.
"""
import os
import re
import sys

import lintlib



def comments(text):
    """(line, text) of each comment, its lines joined, decoration removed."""
    for m in lintlib.TOKEN.finditer(text):
        if m.group(0)[0] == "/":
            body = re.sub(r"\n[ \t]*\*? ?", " ", m.group(0)).strip("/* \t")
            yield text.count("\n", 0, m.start()) + 1, body


def key(section):
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"\.", section)]


def main():
    root = lintlib.root_arg()
    found = {}
    for path in lintlib.files(root, ["user", "include"], [".c", ".h"]):
        rel = os.path.relpath(path, root)
        for _, body in comments(lintlib.read(path)):
            for number, section, words in re.findall(
                    r"RFC ?(\d{3,5})[ ,]+(?:section |sect\. )?((?:[A-Z]\.)?\d+(?:\.\d+)*)\b"
                    r"[:,]?\s*([^.;]{0,90})", body):
                found.setdefault(int(number), {}).setdefault(section, {}).setdefault(
                    rel, words.strip())
    print("# Where each RFC is obeyed\n")
    print("Made by `make docs` from the comments of the code (`tests/lint/rfc.py`); do not edit.")
    for number in sorted(found):
        sections = found[number]
        print(f"\n## RFC {number}\n\n| section | file | in the comment's words |\n| --- | --- | --- |")
        for section in sorted(sections, key=key):
            for rel, words in sorted(sections[section].items()):
                words = words.replace("|", "\\|") if re.search(r"\w{3}", words) else ""
                print(f"| {section} | `{rel}` | {words} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

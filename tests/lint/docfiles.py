#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docfiles.py [ROOT]: a file that a document names is there.

Looks at words in backticks in *.md that look like a path of the tree (with a slash and a known first
folder, or with a file's suffix), tried from the top, from user/ and from the document's own folder.
Placeholders (<name>, *) and shorthand for a pair (rd.[ch]) are left alone.
"""
import os
import re
import sys

import lintlib

SUFFIXES = (".c", ".h", ".py", ".sh", ".md", ".tsv", ".map", ".1", ".7", ".in", ".conf")


def candidates(root, path, word):
    here = os.path.dirname(path)
    places = [root, os.path.join(root, "user"), here, os.path.join(root, "tests"),
              os.path.join(root, "tests", "lib"), os.path.join(root, "include")]
    return any(os.path.exists(os.path.join(p, word + end)) for p in places
               for end in ("", ".c"))  # a program is named like its source


def main():
    root = lintlib.root_arg()
    report = lintlib.Report("docfiles", root)
    tops = {n for n in os.listdir(root) if os.path.isdir(os.path.join(root, n))}
    if os.path.isdir(os.path.join(root, "user")):
        tops |= set(os.listdir(os.path.join(root, "user")))
    tops = {t for t in tops if not t.startswith((".", "build"))}
    named = 0
    for path in lintlib.files(root, ["."], [".md"]):
        for number, line in enumerate(lintlib.read(path).split("\n"), 1):
            for word in re.findall(r"`([^`\s]+)`", line):
                if re.search(r"[<>*\[\]{}|=:$]", word) or word.startswith(("/", "-", "~")):
                    continue
                first = word.split("/")[0]
                looks = ("/" in word and first in tops) or \
                    ("/" in word and word.endswith(SUFFIXES))
                if not looks:
                    continue
                named += 1
                if not candidates(root, path, word.rstrip("/")):
                    report.add(path, number, f"`{word}`: there is no such file")
    return report.finish(named, "names")


if __name__ == "__main__":
    sys.exit(main())

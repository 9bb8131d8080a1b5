#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""headers.py [ROOT]: every header compiles alone, included twice, with gcc and with clang."""
import os
import subprocess
import sys

import lintlib

FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         "-Iinclude", "-Iuser", "-Itests/lib", "-x", "c", "-"]


def main():
    root = lintlib.root_arg()
    report = lintlib.Report("headers", root)
    paths = lintlib.files(root, ["include", "user", "tests/lib"], [".h"])
    for path in paths:
        name = os.path.relpath(path, root)
        source = f'#include "{name}"\n#include "{name}"\n'
        for cc in ("gcc", "clang"):
            out = subprocess.run([cc, f"-I{root}", *FLAGS], input=source, capture_output=True,
                                 text=True, cwd=root)
            if out.returncode != 0:
                first = next((s for s in out.stderr.splitlines() if "error" in s),
                             out.stderr.strip().split("\n")[0])
                report.add(path, 1, f"does not compile alone with {cc}: {first}")
    return report.finish(len(paths), "headers")


if __name__ == "__main__":
    sys.exit(main())

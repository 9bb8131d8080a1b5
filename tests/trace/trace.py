#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""trace.py [ROOT]: which requirements have a test that claims to prove them.

Reads docs/requirements.tsv and every `REQ: ID [ID...]` in a comment or docstring below tests/
(.c .h .py .sh). First line: `N of M requirement rows proven`, M being the rows of part A; then the
unproven ids by section; then the features of part C (F-...), and how many rows of the old test
suites (T-...) are covered. An id that is not in the table, or a REQ without ids, is an error with
file:line and exit status 1: a claim nobody can look up proves nothing.

An id counts as proven because a test says so; that the test can fail is the reviewer's business.
"""
import os
import re
import signal
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
# The tools that count and check claims, and the tests of them, contain examples, not claims.
NOT_CLAIMS = {"trace", "lint", "self"}
ID = re.compile(r"[A-Z]+[0-9]*-[^\s]*")


def load(path):
    """[(part, [ids], section, text)] of the table."""
    rows = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f):
            cells = line.rstrip("\n").split("\t")
            if number == 0:
                continue
            if len(cells) != 4:
                sys.exit(f"{path}:{number + 1}: four columns expected")
            rows.append((cells[0], cells[1].split(" "), cells[2], cells[3]))
    return rows


def claims(root):
    """(file, line, [words]) of each REQ comment."""
    top = os.path.join(root, "tests")
    for base, dirs, names in os.walk(top):
        dirs[:] = sorted(d for d in dirs if not d.startswith((".", "__")) and
                         not (base == top and d in NOT_CLAIMS))
        for name in sorted(names):
            if not name.endswith((".c", ".h", ".py", ".sh")):
                continue
            path = os.path.join(base, name)
            with open(path, encoding="utf-8", errors="replace") as f:
                for number, line in enumerate(f, 1):
                    m = re.search(r"\bREQ: *(.*)", line)
                    if m:
                        yield os.path.relpath(path, root), number, m.group(1).split()


def resolve(words, known):
    """Ids at the start of the words, and the first id-like word that is not known, if any."""
    found = []
    for word in words:
        plain = word.strip("\"'`.,;:()")
        if plain not in known:
            plain = re.sub(r"(\*/|\"\"\").*$", "", plain).strip("\"'`.,;:()")
        if plain in known:
            found.append(plain)
        elif ID.match(plain):
            return found, plain
        else:
            break
    return found, None


def by_section(rows, proven):
    out = {}
    for _, ids, section, _ in rows:
        if not all(i in proven for i in ids):
            out.setdefault(section, []).extend(i for i in ids if i not in proven)
    return out


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make trace | head` is no error
    if len(sys.argv) > 2:
        sys.exit(f"usage: {sys.argv[0]} [ROOT]")
    root = sys.argv[1] if len(sys.argv) == 2 else os.path.dirname(os.path.dirname(HERE))
    rows = load(os.path.join(root, "docs", "requirements.tsv"))
    known = {i for _, ids, _, _ in rows for i in ids}
    proven, errors = {}, []
    for path, number, words in claims(root):
        found, unknown = resolve(words, known)
        if unknown:
            errors.append(f"{path}:{number}: no requirement has the id {unknown}")
        elif not found:
            errors.append(f"{path}:{number}: REQ: without an id")
        for i in found:
            proven.setdefault(i, []).append(path)

    part = {p: [r for r in rows if r[0] == p] for p in "ABC"}
    done = [r for r in part["A"] if all(i in proven for i in r[1])]
    print(f"{len(done)} of {len(part['A'])} requirement rows proven")
    print("\nnot proven:")
    for section, ids in by_section(part["A"], proven).items():
        total = sum(1 for r in part["A"] if r[2] == section)
        left = sum(1 for r in part["A"] if r[2] == section and not all(i in proven for i in r[1]))
        print(f"  {section} ({left} of {total} rows)")
        print(textwrap.fill(" ".join(ids), 98, initial_indent="    ", subsequent_indent="    ",
                            break_on_hyphens=False))
    features = [r[1][0] for r in part["C"] if r[1][0].startswith("F-")]
    have = [f for f in features if f in proven]
    print(f"\n{len(have)} of {len(features)} features beyond the manual proven")
    print(textwrap.fill(" ".join(have), 98, initial_indent="  ", subsequent_indent="  ",
                        break_on_hyphens=False))
    suites = [r for r in part["B"] if all(i in proven for i in r[1])]
    print(f"{len(suites)} of {len(part['B'])} behaviours of the original test suites proven")
    for e in errors:
        print(e, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

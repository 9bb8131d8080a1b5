#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""trace.py [ROOT]: which requirements have a test that claims to prove them.

Reads docs/requirements.tsv, docs/requirements-out.tsv (what is left out, with the reason and the
page where that was decided) and every `REQ: ID [ID...]` in a comment or docstring below tests/
(.c .h .py .sh). First line: `N of M requirement rows proven`, M being the rows of part A, and how
many are left out or open; then the open ids by section and what is left out by reason; the same
for part B, the behaviours of the original test suites (T-...); then the features of part C (F-...).

Errors, with file:line and exit status 1: a claim of an id that is not in the table, or without ids,
since a claim nobody can look up proves nothing; and in the table of what is left out an id that
does not exist, stands there twice or is claimed by a test, a missing reason, a page that is not there.

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


def load_left_out(root, known):
    """({id: reason}, [errors]) of docs/requirements-out.tsv."""
    name = os.path.join("docs", "requirements-out.tsv")
    out, errors = {}, []
    if not os.path.exists(os.path.join(root, name)):
        return out, errors
    with open(os.path.join(root, name), encoding="utf-8") as f:
        lines = f.read().splitlines()
    for number, line in enumerate(lines[1:], 2):
        ids, reason, page = (line.split("\t") + ["", ""])[:3]
        where = f"{name}:{number}"
        if not reason.strip():
            errors.append(f"{where}: no reason")
        if not page or not os.path.isfile(os.path.join(root, page)):
            errors.append(f"{where}: no page {page or 'named'}")
        for i in ids.split(" "):
            if i not in known:
                errors.append(f"{where}: no requirement has the id {i}")
            elif i in out:
                errors.append(f"{where}: {i} twice")
            out[i] = reason
    return out, errors


def sort_rows(rows, proven, left_out):
    """The rows in three lists: proven, left out, open."""
    done, out, still = [], [], []
    for row in rows:
        missing = [i for i in row[1] if i not in proven]
        (still if any(i not in left_out for i in missing) else out if missing else done).append(row)
    return done, out, still


def show_ids(ids):
    print(textwrap.fill(" ".join(ids), 98, initial_indent="    ", subsequent_indent="    ",
                        break_on_hyphens=False))


def show_part(rows, what, proven, left_out):
    done, out, still = sort_rows(rows, proven, left_out)
    print(f"{len(done)} of {len(rows)} {what} proven, {len(out)} left out, {len(still)} open")
    if still:
        print("\nopen:")
    for section in dict.fromkeys(r[2] for r in still):
        here = [r for r in still if r[2] == section]
        total = sum(1 for r in rows if r[2] == section)
        print(f"  {section} ({len(here)} of {total} rows)")
        show_ids([i for r in here for i in r[1] if i not in proven and i not in left_out])
    if out:
        print("\nleft out:")
    ids = [i for r in out for i in r[1] if i in left_out]
    for reason in dict.fromkeys(left_out[i] for i in ids):
        print(f"  {reason}")
        show_ids([i for i in ids if left_out[i] == reason])
    print()


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

    left_out, more = load_left_out(root, known)
    errors += more
    errors += [f"{proven[i][0]}: {i} is proven here and left out in docs/requirements-out.tsv"
               for i in left_out if i in proven]

    part = {p: [r for r in rows if r[0] == p] for p in "ABC"}
    show_part(part["A"], "requirement rows", proven, left_out)
    show_part(part["B"], "behaviours of the original test suites", proven, left_out)
    features = [r[1][0] for r in part["C"] if r[1][0].startswith("F-")]
    have = [f for f in features if f in proven]
    print(f"{len(have)} of {len(features)} features beyond the manual proven")
    show_ids(have)
    for e in errors:
        print(e, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

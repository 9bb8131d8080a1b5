#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make_table.py REQUIREMENTS.md >docs/requirements.tsv: the table that `make trace` counts by.

Columns: part, ids, section, text. One table row of the requirements is one row here:
  A   the manual itself: the rows of the tables of sections A1 to A19 (378 of them). This is the M
      of `make trace`; a row counts once, however many ids its first cell holds.
  B   behaviours of the original's own test suites (T-...)
  C   features beyond the manual (F-...), growth of the original (O-...), platform facts (P-...)
  -   ids that may be named but are not counted: notes on damage (NOTE-...), design notes (TR-...)

A first cell may hold several ids: `API-start-0/-1`, `LIM-packet-1/2/4`, `TYPE-ip4 / TYPE-ip6`,
`CB-crl-* / CB-sess-*`. They are written out in full, separated by spaces, and the row is proven
when each of them is. A star is part of the id: it names a family described elsewhere. A cell of part B that is a
product of cases (with a multiplication sign, commas or brackets) becomes one id of all its words.
"""
import re
import sys

TEXT_WIDTH = 110


def expand(cell):
    """The ids of a first cell, shorthand written out."""
    if re.search("[\u00d7,(]", cell):  # a product or a list of cases: one id of all its words
        return [re.sub(r"[^A-Za-z0-9.-]+", "_", cell).strip("_")]
    ids = []
    for piece in (p.strip().strip("`") for p in cell.split("/")):
        if re.match(r"[A-Z]+[0-9]*-", piece):
            ids.append(piece)
        elif piece.startswith("-"):
            ids.append(ids[0].rsplit("-", 1)[0] + piece)
        else:
            m = re.match(r"(.*[-_])", ids[0])
            ids.append(m.group(1) + piece)
    return ids


def shorten(text):
    text = " ".join(text.replace("**", "").replace("`", "").split())
    if len(text) <= TEXT_WIDTH:
        return text
    return text[:TEXT_WIDTH - 3].rsplit(" ", 1)[0].rstrip(",;:(") + "..."


def cells_of(line):
    # A bar inside a cell is written \| in Markdown.
    return [c.replace("\x00", "|").strip()
            for c in line.replace("\\|", "\x00").strip().strip("|").split("|")]


def rows(text):
    part, section = "-", ""
    for line in text.splitlines():
        m = re.match(r"# ([A-D])\. ", line)
        if m:
            part, section = m.group(1), ""
            continue
        m = re.match(r"##+ (\S+?)\.? (.*)", line)
        if m:
            section = m.group(1)
            tr = re.match(r"### ((?:TR-[\w/]+(?:, )?)+)(?::? *(.*))", line)
            if tr:
                yield "-", re.findall(r"TR-\w+", tr.group(1)), "A20", tr.group(2)
            continue
        if not re.match(r"\| *`?[A-Z]+[0-9]*-", line):
            continue
        cells = cells_of(line)
        text_of = {"A": lambda c: c[1], "B": lambda c: c[-1], "C": lambda c: c[1]}.get(
            part, lambda c: c[1])
        if cells[0].startswith("O-"):
            words = f"{cells[1]}: {cells[2]}"
        else:
            words = text_of(cells)
        counted = part if part in "ABC" and section != "A20" else "-"
        yield counted, expand(cells[0]), section, words


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} REQUIREMENTS.md >docs/requirements.tsv")
    with open(sys.argv[1], encoding="utf-8") as f:
        table = list(rows(f.read()))
    print("part\tids\tsection\ttext")
    seen = {}
    for part, ids, section, words in table:
        for i in ids:
            if i in seen:
                sys.exit(f"id {i} twice: {seen[i]} and {section}")
            seen[i] = section
        print(f"{part}\t{' '.join(ids)}\t{section}\t{shorten(words)}")
    counts = {p: sum(1 for r in table if r[0] == p) for p in "ABC"}
    print(f"{counts} rows, {len(seen)} ids", file=sys.stderr)


if __name__ == "__main__":
    main()

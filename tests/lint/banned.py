#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""banned.py [ROOT]: functions and habits that this tree does without.

Where a rule must be broken, `lint: allow RULE (reason)` stands in a comment on the line or the one
above; RULE is the word printed in brackets.
"""
import re
import sys

import lintlib

# rule, pattern, folders, what to do instead. Matched on code only: no comments, no strings.
CODE_RULES = [
    ("bounds", r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|alloca|stpcpy)\s*\(",
     ("user", "include", "tests", "bench", "examples"), "copies without a bound; use snprintf or leat_wr"),
    ("number", r"\b(atoi|atol|atoll|atof|sscanf)\s*\(", ("user", "include"),
     "cannot report bad input; use strtoul and check the end"),
    ("memory", r"\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|"
     r"OPENSSL_malloc|OPENSSL_zalloc)\s*\(", ("user", "include"),
     "allocation goes through user/base/mem.h (it wipes, checks and can be made to fail)"),
    ("dice", r"\b(rand|srand|random|srandom|drand48|rand_r)\s*\(", ("user", "include"),
     "not random; ask leat_env"),
    ("typedef", r"\btypedef\s+(struct|union)\b", ("user", "include", "tests"),
     "structs are not typedef'd"),
    ("exit", r"\b(exit|_exit|system|popen)\s*\(", ("user/base", "user/wire", "user/crypto",
     "user/sched", "user/x509", "user/session", "user/config", "user/hs", "user/rec",
     "user/engine", "user/ktls", "user/loop", "user/steer", "user/sock"),
     "a library does not end or start processes"),
    ("print", r"\b(printf|puts|putchar|perror|fprintf)\s*\(", ("user/base", "user/wire",
     "user/crypto", "user/sched", "user/x509", "user/session", "user/config", "user/hs",
     "user/rec", "user/engine", "user/ktls", "user/loop", "user/steer", "user/sock"),
     "a library does not print; report through leat_err or a callback"),
    ("ktls", r"\b(MSG_MORE|MSG_WAITALL|MSG_ZEROCOPY|MSG_OOB|SPLICE_F_MORE|FIONREAD|SO_RCVLOWAT)\b",
     ("user",), "does not do on kernel records what it does on TCP (docs/kernel.md, traps)"),
    ("map", r"\b(bpf_map_update_elem|bpf_map__update_elem|bpf_map_update_batch)\s*\(", ("user",),
     "sockets enter maps through user/steer/admit.c alone, which keeps out what is or will be kTLS"),
    ("underscore", r"#\s*define\s+_[A-Z]", ("user", "include"), "leading underscores are reserved"),
]
HOMES = {"memory": "user/base/mem.c", "map": "user/steer/admit.c"}  # where the rule does not hold

# Matched on the whole text, comments included. Written so that this file does not match itself.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
ALLOW = re.compile(r"lint: allow (\w+) \(\S[^)]*\)")


def allowed(lines, number, rule):
    for n in (number, number - 1):
        if 1 <= n <= len(lines):
            m = ALLOW.search(lines[n - 1])
            if m and m.group(1) == rule:
                return True
    return False


def check_ifdef(report, path, text, lines):
    """A feature that is off is a stub in the header, not an #if in the middle of a function."""
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\s*#\s*(if|ifdef|ifndef)\b", line):
            if depth > 0 and not allowed(lines, number, "ifdef"):
                report.add(path, number, "[ifdef] no #if inside a function or a struct")
        elif not line.lstrip().startswith("#"):
            depth += line.count("{") - line.count("}")


def main():
    root = lintlib.root_arg()
    report = lintlib.Report("banned", root)
    sources = lintlib.files(root, ["user", "include", "tests", "bench", "examples", "kernel-helpers"],
                            [".c", ".h"])
    for path in sources:
        raw = lintlib.read(path)
        lines = raw.split("\n")
        code = lintlib.blank(raw)
        rel = path[len(root) + 1:]
        for rule, pattern, folders, advice in CODE_RULES:
            if not any(rel.startswith(f + "/") for f in folders):
                continue
            if HOMES.get(rule) == rel:
                continue
            for m in re.finditer(pattern, code):
                number = code.count("\n", 0, m.start()) + 1
                before = code[max(0, m.start() - 2):m.start()]
                if before.endswith((".", "->")):  # a member that happens to have this name
                    continue
                if not allowed(lines, number, rule):
                    what = " ".join(m.group(0).rstrip("( ").split())
                    report.add(path, number, f"[{rule}] {what}: {advice}")
        if rel.startswith("user/"):
            check_ifdef(report, path, code, lines)
        if not raw.lstrip().startswith("/*"):
            report.add(path, 1, "[header] a file begins with a comment: responsible for what, "
                       "called by whom")
    others = lintlib.files(root, ["Makefile", "scripts", "docs", "README.md", "demo", "tests",
                                  "user"],
                           [".sh", ".py", ".md", "Makefile", ".1", ".3", ".5", ".7"])
    for path in sources + others:
        for number, line in enumerate(lintlib.read(path).split("\n"), 1):
            m = MARKS.search(line)
            if m:
                report.add(path, number, f"[marks] {m.group(0)}: finish it or open an issue")
            if line != line.rstrip() and not path.endswith(".md"):
                report.add(path, number, "[space] white space at the end of the line")
    return report.finish(len(sources) + len(others))


if __name__ == "__main__":
    sys.exit(main())

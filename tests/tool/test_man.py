# SPDX-License-Identifier: Apache-2.0
"""Every command has a manual page that names each of its options, and no option that is not there; every
public function has one that shows it as the headers declare it."""
import collections
import glob
import os
import re
import shlex
import subprocess

import pytest


def commands(leat, run):
    text = run([leat, "help"]).stdout.decode().split("commands:")[1]
    return re.findall(r"^  (\w+) ", text, re.M)


def help_options(leat, run, command):
    text = run([leat, command, "--help"]).stdout.decode()
    return set(re.findall(r"^ +(?:-\w, +)?--([a-z0-9_-]+)", text, re.M)) - {"help"}


def page_options(page):
    """Long options of the list in the page: macros write `Fl -name`."""
    body = page.split(".Sh DESCRIPTION")[1]
    items = [line for line in body.splitlines() if line.startswith(".It Fl")]
    return {o for line in items for o in re.findall(r"\bFl -([a-z0-9_-]+)", line)} | \
           {o for line in items for o in re.findall(r", -([a-z0-9_-]+)", line)}


def read_page(repo, command):
    path = os.path.join(repo, "docs", "man", f"leat-{command}.1")
    if not os.path.exists(path):
        pytest.fail(f"{path} is missing", pytrace=False)
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_pages_and_help_name_the_same_options(repo, leat, run):
    found = commands(leat, run)
    assert len(found) >= 4
    wrong = []
    for command in found:
        options, page = help_options(leat, run, command), page_options(read_page(repo, command))
        wrong += [f"leat-{command}.1 lacks --{o}" for o in options - page]
        wrong += [f"leat-{command}.1 has --{o}, the command does not" for o in
                  page - options - {"help"}]
    assert not wrong, "\n".join(wrong)


def test_every_page_is_listed_in_the_overview(repo):
    overview = {}
    for section in "13":
        with open(os.path.join(repo, "docs", "man", f"leat.{section}"), encoding="utf-8") as f:
            overview[section] = f.read()
    for name in os.listdir(os.path.join(repo, "docs", "man")):
        stem, _, section = name.rpartition(".")
        where = overview["3" if section == "3" else "1"]
        assert stem == "leat" or f"Xr {stem} {section}" in where, name


# ---- section 3 ----

def headers(repo):
    texts = []
    for path in sorted(glob.glob(os.path.join(repo, "include", "leat", "*.h"))):
        with open(path, encoding="utf-8") as f:
            texts.append(f.read())
    return "\n".join(texts)


def squeeze(code):
    """Code without its layout."""
    return re.sub(r"\s*([^\w\s])\s*", r"\1", " ".join(code.split()))


def declared(repo):
    """Public functions: name to declaration."""
    code = re.sub(r"/\*.*?\*/", "", headers(repo), flags=re.S)
    found = re.findall(r"^LEAT_API\b([^;()]*?)\b(leat_\w+)\s*\((.*?)\);", code, re.M | re.S)
    return {name: squeeze(f"{ret.replace('LEAT_MUST_CHECK', '')} {name}({args})")
            for ret, name, args in found}


def pages(repo):
    """Pages of section 3: name to text."""
    found = {}
    for path in sorted(glob.glob(os.path.join(repo, "docs", "man", "*.3"))):
        with open(path, encoding="utf-8") as f:
            found[os.path.basename(path)] = f.read()
    return found


def page_names(text):
    return re.findall(r"^\.Nm (\w+)", text.split(".Nd ")[0], re.M)


def page_prototypes(text):
    ret, name, args, found = "", "", [], {}
    for line in text.partition(".Sh SYNOPSIS\n")[2].partition(".Sh ")[0].splitlines():
        macro, *words = shlex.split(line)
        if macro == ".Ft":
            ret = words[0]
        elif macro in (".Fn", ".Fo"):
            name, args = words[0], words[1:]
        elif macro == ".Fa":
            args += words
        if macro in (".Fn", ".Fc"):
            found[name] = squeeze(f"{ret} {name}({','.join(args)})")
    return found


def literals(text):
    """Literal blocks of a page, or of a part of it, as code."""
    return [re.sub(r"^\\&", "", block, flags=re.M).replace("\\e", "\\")
            for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.M | re.S)]


def test_every_public_function_has_one_page(repo):
    functions = declared(repo)
    assert len(functions) > 100
    count = collections.Counter(n for text in pages(repo).values() for n in page_names(text))
    wrong = [f"{n}: no such function" for n in count if n not in functions and n != "leat"]
    wrong += [f"{n}: on {count[n]} pages" for n in functions if count[n] != 1]
    assert not wrong, "\n".join(wrong)


def test_pages_declare_what_the_headers_declare(repo):
    functions, wrong = declared(repo), []
    for page, text in pages(repo).items():
        prototypes = page_prototypes(text)
        names = [n for n in page_names(text) if n != "leat"]
        if list(prototypes) != names:
            wrong.append(f"{page}: NAME and SYNOPSIS have other functions")
        wrong += [f"{page}: {p}\n  is: {functions.get(n)}" for n, p in prototypes.items()
                  if p != functions.get(n)]
    assert not wrong, "\n".join(wrong)


def test_pages_define_what_the_headers_define(repo):
    code, found, wrong = squeeze(headers(repo)), 0, []
    for page, text in pages(repo).items():
        for block in literals(text.partition(".Sh EXAMPLES")[0]):
            if re.match(r"(struct|enum|typedef) ", block):
                found += 1
                if squeeze(block) not in code:
                    wrong.append(f"{page}: not as in the headers:\n{block}")
    assert found > 10
    assert not wrong, "\n".join(wrong)


def compile_check(repo, where, code, *flags):
    out = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", *flags,
                          "-fsyntax-only", "-I", os.path.join(repo, "include"), "-x", "c", "-"],
                         input=code, text=True, capture_output=True)
    assert out.returncode == 0, f"{where}: {out.stderr}"


def test_examples_of_pages_compile(repo):
    examples = [(page, code) for page, text in pages(repo).items()
                for code in literals(text.partition(".Sh EXAMPLES")[2]) if "#include" in code]
    assert len(examples) > 5
    for page, code in examples:
        compile_check(repo, page, code)


# What the pieces of docs/coming-from.md take for granted.
PIECE = """
#include <string.h>
#include <leat/about.h>
#include <leat/store.h>
#include <leat/verify.h>
#define TRY(call) do { if ((call) != LEAT_OK) return; } while (0)
leat_sni_fn choose;
leat_verify_fn decide;
void piece(struct leat_config *cfg, struct leat_config *cfg_a, struct leat_config *cfg_b,
	struct leat_conn *c, struct leat_listener *l, struct leat_session *session,
	struct leat_ticket_keys *keys, struct leat_store *store, struct leat_span read_too_early,
	struct leat_span exported, const void *request, size_t request_n, int fd, int file, size_t size)
{
	struct leat_err err = { 0 };
	struct leat_conn_info info;
	struct leat_plain plain;
	struct leat_span name, der;
	off_t offset = 0;
	size_t n, sent;
	uint8_t buf[4096];
	struct leat_client_opts bring;
	{
%s
	}
}
"""


def test_pieces_of_coming_from_compile(repo):
    with open(os.path.join(repo, "docs", "coming-from.md"), encoding="utf-8") as f:
        pieces = re.findall(r"^```c\n(.*?)^```", f.read(), re.M | re.S)
    ours = [p for p in pieces if "leat_" in p]
    assert len(ours) >= 7
    for piece in ours:
        compile_check(repo, "coming-from.md", PIECE % piece, "-Wno-uninitialized",
                      "-Wno-unused-variable", "-Wno-unused-parameter")

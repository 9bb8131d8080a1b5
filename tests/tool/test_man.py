# SPDX-License-Identifier: Apache-2.0
"""Every command has a manual page that names each of its options, and no option that is not there."""
import os
import re

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

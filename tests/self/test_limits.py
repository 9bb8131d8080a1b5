# SPDX-License-Identifier: Apache-2.0
"""Every bound of base/limits.h is used by the code and named by a test that goes to it."""
import glob
import os
import re

# No bound on what a peer sends, but a size.
SIZES = {"LIM_RECORD_HEADER"}


def words(repo, *patterns):
    found = set()
    for pattern in patterns:
        for path in glob.glob(os.path.join(repo, pattern), recursive=True):
            if os.path.basename(path) != "limits.h":
                with open(path, encoding="utf-8") as f:
                    found.update(re.findall(r"\bLIM_\w+", f.read()))
    return found


def limits(repo):
    with open(os.path.join(repo, "user", "base", "limits.h"), encoding="utf-8") as f:
        return set(re.findall(r"^#define (LIM_\w+)", f.read(), re.M))


def test_there_are_some(repo):
    assert len(limits(repo)) > 30


def test_each_is_used(repo):
    assert not limits(repo) - words(repo, "user/**/*.c", "user/**/*.h")


def test_each_is_gone_to(repo):
    assert not limits(repo) - SIZES - words(repo, "tests/**/t_*.c")

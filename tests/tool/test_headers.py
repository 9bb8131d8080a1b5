# SPDX-License-Identifier: Apache-2.0
"""The public headers as strangers compile them: each alone, twice, as strict C11 and as C++, by two compilers; what
they declare is opaque.

REQ: GEN-opaque TYPE-sslsocket
"""
import glob
import os
import subprocess

import pytest

KINDS = [("gcc", "c", "c11"), ("clang", "c", "c11"), ("g++", "c++", "c++11"), ("clang++", "c++", "c++17")]
OPAQUE = ["leat_conn", "leat_listener", "leat_config", "leat_engine", "leat_session", "leat_mailbox"]


def compiles(repo, source, cc, language, standard):
    out = subprocess.run([cc, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-Wpedantic",
                          "-fsyntax-only", "-Iinclude", "-"], cwd=repo, input=source,
                         capture_output=True, text=True)
    return out.returncode == 0, out.stderr


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k[0])
def test_each_header_alone(repo, kind):
    names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(repo, "include", "leat", "*.h")))
    assert len(names) > 10
    for name in names:
        ok, errors = compiles(repo, f"#include <leat/{name}>\n" * 2 + "int main() { return 0; }\n", *kind)
        assert ok, f"{name}: {errors[:1000]}"


def test_no_object_shows_its_inside(repo):
    everything = "".join(f"#include <leat/{os.path.basename(p)}>\n"
                         for p in sorted(glob.glob(os.path.join(repo, "include", "leat", "*.h"))))
    for what in OPAQUE:
        assert compiles(repo, everything + f"struct {what} *p;\n", "gcc", "c", "c11")[0]
        ok, errors = compiles(repo, everything + f"unsigned long n = sizeof(struct {what});\n", "gcc", "c", "c11")
        assert not ok and "incomplete type" in errors, what

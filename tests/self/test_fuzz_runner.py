# SPDX-License-Identifier: Apache-2.0
"""The fuzz machinery must be able to find something: one target here crashes on purpose."""
import os
import subprocess
import sys

import pytest

import cprog

FUZZ = os.path.join(cprog.TESTS, "fuzz")

TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > 2 && data[0] == 'b' && data[1] == 'a' && data[2] == 'd')
		%s;
	return 0;
}
"""


def target(tmp_path, name, body, compiler, *flags, sources=()):
    src = tmp_path / "src" / f"fz_{name}.c"
    src.parent.mkdir(exist_ok=True)
    src.write_text(TARGET % body)
    exe = tmp_path / "build" / "tests" / "fuzz" / f"fz_{name}"
    exe.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-D_GNU_SOURCE", "-g", *flags, "-o", exe, src, *sources], check=True)
    return exe


def run(tmp_path, *args):
    out = subprocess.run([sys.executable, os.path.join(FUZZ, "run.py"), "--build",
                          str(tmp_path / "build"), "--dir", str(tmp_path / "src"),
                          "--seconds", "2", *args], capture_output=True, text=True)
    return out.returncode, out.stdout + out.stderr


LIBFUZZER = ("clang", "-fsanitize=fuzzer,address")


def test_a_crash_is_found_and_kept(tmp_path):
    target(tmp_path, "crash", "abort()", *LIBFUZZER)
    status, out = run(tmp_path)
    assert status == 1
    assert "0 of 1 targets ok" in out
    assert [n for n in os.listdir(tmp_path / "build") if n.startswith("crash-crash-")]


def test_a_harmless_target_is_ok(tmp_path):
    target(tmp_path, "fine", "return 0", *LIBFUZZER)
    status, out = run(tmp_path)
    assert status == 0, out
    assert "1 of 1 targets ok" in out


def test_too_little_coverage_is_a_failure(tmp_path):
    target(tmp_path, "fine", "return 0", *LIBFUZZER)
    (tmp_path / "src" / "floors.tsv").write_text("fine 5000\n")
    status, out = run(tmp_path)
    assert status == 1
    assert "floor 5000" in out


def test_unknown_target(tmp_path):
    target(tmp_path, "fine", "return 0", *LIBFUZZER)
    status, out = run(tmp_path, "nonsense")
    assert status == 1 and "no fuzz target nonsense" in out


@pytest.fixture
def replay(tmp_path):
    exe = target(tmp_path, "r", "abort()", "gcc", sources=[os.path.join(FUZZ, "replay.c")])
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1").write_bytes(b"fine")
    (tmp_path / "c" / "2").write_bytes(b"")

    def go(*args):
        return subprocess.run([exe, *args], capture_output=True, text=True)
    return go


def test_replay_runs_every_file(replay, tmp_path):
    out = replay(tmp_path / "c")
    assert out.returncode == 0
    assert out.stdout == "3 inputs\n"  # the empty one is always tried


def test_replay_names_the_input_that_crashes(replay, tmp_path):
    (tmp_path / "c" / "3").write_bytes(b"bad!")
    out = replay(tmp_path / "c")
    assert out.returncode < 0
    assert out.stderr.rstrip().splitlines()[-1].endswith("c/3 (4 bytes)")


def test_replay_refuses_what_is_not_there(replay, tmp_path):
    assert replay(tmp_path / "nothing").returncode == 2

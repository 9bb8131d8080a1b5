# SPDX-License-Identifier: Apache-2.0
"""t_secret_flow under valgrind: no branch and no address depends on a secret, and a comparison that stops
at the first difference is found in every flow that has one, as is padding looked at before its tag."""
import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
COMPARING = ["wrong_finished", "finished_13", "finished_12", "binder_and_ticket"]
FOUND = 9


def flow(build, name, mode):
    program = os.path.join(build, "tests", "unit", "t_secret_flow")
    with open(program, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("valgrind cannot run a program with AddressSanitizer in it")
    return subprocess.run(
        ["valgrind", "-q", f"--error-exitcode={FOUND}", "--exit-on-first-error=yes", "--track-origins=no",
         f"--suppressions={os.path.join(HERE, 'secret_flow.supp')}",
         program, name],
        env={**os.environ, "LEAT_SECRET_FLOW": mode}, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("name", [*COMPARING, "record_tags"])
def test_nothing_depends_on_a_secret(build, name):
    out = flow(build, name, "")
    assert out.returncode == 0, out.stderr
    assert "PASSED  ] 1 test" in out.stdout + out.stderr


@pytest.mark.parametrize("name", COMPARING)
def test_what_does_is_found(build, name):
    out = flow(build, name, "violate")
    assert out.returncode == FOUND, out.stdout + out.stderr
    assert "__wrap_leat_ct_equal" in out.stderr and "depends on uninitialised" in out.stderr


def test_padding_looked_at_too_early_is_found(build):
    out = flow(build, "record_tags", "padding")
    assert out.returncode == FOUND, out.stdout + out.stderr
    assert "content_end" in out.stderr and "depends on uninitialised" in out.stderr

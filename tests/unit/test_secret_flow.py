# SPDX-License-Identifier: Apache-2.0
"""t_secret_flow under valgrind: no branch and no address depends on a secret, and each mistake that is
planted is found: a comparison that stops at the first difference in every flow, others where they belong."""
import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
COMPARING = ["wrong_finished", "finished_13", "finished_12", "dh_12", "dh_13", "psk_12", "psk_13",
             "binder_and_ticket", "ticket_12", "cookie"]
# What is planted (t_secret_flow.c says what), where, and the function valgrind must name.
PLANTED = [
    ("padding", "record_tags", "content_end"),
    ("premaster", "finished_12", "__wrap_sched12_master"),
    ("premaster", "dh_12", "__wrap_sched12_master"),
    ("premaster", "psk_12", "__wrap_sched12_master"),
    ("strip", "dh_12", "strip_zeros"),
    ("ticket", "binder_and_ticket", "saw_ticket_key"),
    ("ticket", "ticket_12", "saw_ticket_key"),
    ("ticket", "cookie", "saw_ticket_key"),
    ("psk", "psk_13", "__wrap_sched13_early"),
]
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


@pytest.mark.parametrize("mode, name, where", PLANTED)
def test_what_is_planted_is_found(build, mode, name, where):
    out = flow(build, name, mode)
    assert out.returncode == FOUND, out.stdout + out.stderr
    assert where in out.stderr and "depends on uninitialised" in out.stderr

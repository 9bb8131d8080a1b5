"""pytest glue of the whole tree: C test programs become test items, skips are accounted for.

Every t_*.c below tests/ is a cmocka program that the Makefile has built already; each of its
test functions is one item here (tests/lib/cprog.py). Every fz_*.c is one item that replays its
corpus. Python tests are collected as usual and find their helpers in tests/lib.

Skip policy: a skip needs a reason, all of them are listed at the end, and with LEAT_NO_SKIP set
(by `make test` where the kernel tests can run) a skip below tests/kernel is a failure.
"""
import os
import sys

import pytest

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TESTS, "lib"))

import cprog  # noqa: E402  (needs the path above)


def pytest_collect_file(file_path, parent):
    if file_path.suffix != ".c":
        return None
    if file_path.name.startswith("t_"):
        return cprog.CmockaFile.from_parent(parent, path=file_path)
    if file_path.name.startswith("fz_"):
        return cprog.FuzzFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    bare = reason.removeprefix("Skipped").lstrip(": ").strip()
    if not bare or bare in ("unconditional skip", "unknown reason"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped without a reason"
    elif os.environ.get("LEAT_NO_SKIP") and "kernel" in item.path.relative_to(TESTS).parts[:1]:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: this machine can run it, yet it was skipped: {bare}"

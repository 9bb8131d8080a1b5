# SPDX-License-Identifier: Apache-2.0
"""pytest glue of the whole tree: C test programs become test items, skips are accounted for.

Every t_*.c below tests/ is a cmocka program that the Makefile has built already; each of its
test functions is one item here (tests/lib/cprog.py). Every fz_*.c is one item that replays its
corpus. Python tests are collected as usual and find their helpers in tests/lib.

Skip policy: a skip needs a reason and all of them are listed at the end. Below tests/kernel a skip
is a failure: those tests only ever run on a kernel that can (tests/lib/kernelrun.py).
"""
import os
import subprocess
import sys

import pytest

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TESTS, "lib"))

import cprog  # noqa: E402  (needs the path above)
import kernelrun  # noqa: E402
import proc  # noqa: E402
from pki import Pki  # noqa: E402


def pytest_collect_file(file_path, parent):
    if file_path.suffix != ".c":
        return None
    if file_path.name.startswith("t_"):
        return cprog.CmockaFile.from_parent(parent, path=file_path)
    if file_path.name.startswith("fz_"):
        return cprog.FuzzFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups of the items
def pytest_collection_modifyitems(session, config, items):
    kernelrun.only_wanted(items)
    kernelrun.replace(config, items)


def pytest_configure(config):
    config.pluginmanager.register(Names(hasattr(config, "workerinput")), "leat-names")


class Names:
    """Gives reports of tests that are no items their own names, unless they still have to pass
    through xdist (cprog.extra_report); then notes the report for the host, if there is one."""

    def __init__(self, in_worker):
        self.in_worker = in_worker

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        if not self.in_worker:
            report.nodeid = getattr(report, "true_nodeid", report.nodeid)
            kernelrun.record(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    verdict, text = cprog.judge_skip(item, item.nodeid, reason)
    if verdict == "failed":
        report.outcome, report.longrepr = verdict, text


def pytest_report_header():
    builds = [cprog.build_dir(), os.environ.get("LEAT_ASAN_BUILD")]
    return "builds: " + ", ".join(os.path.relpath(b) for b in builds if b)


@pytest.fixture(scope="session")
def repo():
    """Path of the source tree."""
    return os.path.dirname(TESTS)


@pytest.fixture(scope="session")
def build():
    """Path of the build folder under test."""
    return os.path.abspath(cprog.build_dir())


@pytest.fixture(scope="session")
def leat(build):
    """Path of the leat command under test."""
    path = os.path.join(build, "leat")
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path}: not built; run `make`", pytrace=False)
    return path


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """A fresh certificate authority; see tests/lib/pki.py."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def free_port():
    """A port that nobody listens on just now."""
    return proc.free_port()


@pytest.fixture
def run_server(request):
    """start(argv, ready=...) -> proc.Server; all of them are stopped when the test ends."""
    started = []

    def start(argv, ready=None, **kw):
        server = proc.Server(argv, ready, **kw)
        started.append(server)
        return server

    yield start
    for server in reversed(started):
        server.stop()
        request.node.add_report_section("call", "server", server.describe())


@pytest.fixture
def run():
    """run(argv, input=bytes, timeout=30, **kw) -> CompletedProcess with bytes; never raises on
    a non-zero status, always ends."""
    def start(argv, **kw):
        kw.setdefault("timeout", 30)
        if "input" not in kw:
            kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([str(a) for a in argv], capture_output=True, **kw)
    return start

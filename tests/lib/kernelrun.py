# SPDX-License-Identifier: Apache-2.0
"""Where the tests of tests/kernel run: on this machine's kernel, or on stock ones in tests/vm.

On a kernel that carries kTLS (tests/vm/native-ktls says so) they run like all others. Elsewhere
each collected item is replaced by one per kernel, marked [6.12] or [6.1]; the first of them that
is asked for boots the test machine and runs pytest inside over the items that are wanted, and
every item then reports what its original did there. So the summary of one pytest run on the host
counts the kernel tests like any others. In both places a skip is a failure: the kernel can.

LEAT_KERNELS="6.12 6.1" chooses the kernels (the default is both); LEAT_VM is set inside the
machine, where nothing is replaced.
"""
import json
import os
import subprocess
import sys
import tempfile

import pytest

from cprog import Failed, extra_report

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VM_RUN = os.path.join(TESTS, "vm", "run")
NATIVE = os.path.join(TESTS, "vm", "native-ktls")
TIME_LIMIT = 1800  # a loaded machine emulates at a third of its speed


def is_kernel_test(item):
    return os.path.relpath(item.path, TESTS).split(os.sep)[0] == "kernel"


def inside():
    return bool(os.environ.get("LEAT_VM"))


def native():
    out = subprocess.run([NATIVE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out.returncode == 0


def kernels():
    return os.environ.get("LEAT_KERNELS", "6.12 6.1").split()


class Machine:
    """One boot of one kernel, made when its first result is asked for."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.wanted = []
        self.done = None

    def result(self, nodeid):
        if self.done is None:
            self.done = self.boot()
        return self.done

    def boot(self):
        with tempfile.TemporaryDirectory(prefix="leat-kernel-") as out:
            # Node ids by file: a command line of hundreds of them would be too long for some.
            with open(os.path.join(out, "wanted"), "w", encoding="utf-8") as f:
                f.write("\n".join(self.wanted))
            argv = [VM_RUN, "--kernel", self.kernel, "--timeout", str(TIME_LIMIT), "--out", out,
                    "--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "LEAT_ASAN_BUILD=", "--",
                    sys.executable, "-m", "pytest", "-p", "no:xdist", "-q",
                    os.path.join(TESTS, "kernel")]
            ran = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 errors="replace", cwd=os.path.dirname(TESTS))
            reports = {}
            try:
                with open(os.path.join(out, "reports"), encoding="utf-8") as f:
                    for line in f:
                        one = json.loads(line)
                        reports[one["nodeid"]] = one
            except FileNotFoundError:
                pass
            return ran.returncode, reports, f"{ran.stdout}\n{ran.stderr}".strip()


class VmItem(pytest.Item):
    """Stands on the host for an item that runs inside the machine."""

    def __init__(self, *, original, machine, **kw):
        super().__init__(name=f"{original.name}[{machine.kernel}]", **kw)
        self.original, self.machine = original.nodeid, machine
        self.add_marker(pytest.mark.xdist_group(f"vm-{machine.kernel}"))
        self.add_marker(pytest.mark.timeout(TIME_LIMIT + 600))  # a first boot downloads a kernel

    def runtest(self):
        status, reports, text = self.machine.result(self.original)
        one = reports.get(self.original)
        if one is None:
            raise Failed(f"not run: tests/vm/run ended with status {status}\n{text[-8000:]}")
        if one["outcome"] == "failed":
            raise Failed(one["text"])
        if one["outcome"] == "skipped":
            pytest.skip(one["text"])

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.name


class VmLogItem(VmItem):
    """The boot as a whole: no WARN, BUG or Oops in the kernel's log, everything was run."""

    def runtest(self):
        status, reports, text = self.machine.result(None)
        for nodeid, one in reports.items():  # C tests that a macro made: no items of their own
            if nodeid not in self.machine.wanted:
                extra_report(self, f"{nodeid}[{self.machine.kernel}]", one["outcome"], one["text"])
        if status not in (0, 1):  # 1: a test failed, which has an item of its own
            raise Failed(f"tests/vm/run ended with status {status}\n{text[-8000:]}")


def replace(config, items):
    """On a host without kTLS: kernel items become one per kernel, first in the order of the run
    (they take longest)."""
    mine = [i for i in items if is_kernel_test(i)]
    if not mine or inside() or native():
        return
    out = []
    for kernel in kernels():
        machine = Machine(kernel)
        machine.wanted = [i.nodeid for i in mine]
        for i in mine:
            out.append(VmItem.from_parent(i.parent, original=i, machine=machine))
        log = VmLogItem.from_parent(mine[0].session, original=mine[0], machine=machine)
        log.name = f"kernel-log[{kernel}]"
        log._nodeid = f"kernel::{log.name}"
        out.append(log)
    items[:] = out + [i for i in items if i not in mine]


def only_wanted(items):
    """Inside: keep what the host asked for, in its order."""
    path = os.path.join(os.environ.get("LEAT_VM_OUT", ""), "wanted")
    if not inside() or not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as f:
        wanted = f.read().split("\n")
    by_id = {i.nodeid: i for i in items}
    items[:] = [by_id[w] for w in wanted if w in by_id]


def record(report):
    """Inside: one line per finished item for the host."""
    out = os.environ.get("LEAT_VM_OUT")
    if not inside() or not out or not os.path.exists(os.path.join(out, "wanted")):
        return
    if report.when != "call" and report.outcome == "passed":
        return
    text = ""
    if report.outcome == "failed":
        text = report.longreprtext
        for title, content in report.sections:
            text += f"\n--- {title}\n{content[-6000:]}"
    elif report.outcome == "skipped":
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        text = text.removeprefix("Skipped: ")
    with open(os.path.join(out, "reports"), "a", encoding="utf-8") as f:
        f.write(json.dumps({"nodeid": report.nodeid, "outcome": report.outcome, "text": text}))
        f.write("\n")

# SPDX-License-Identifier: Apache-2.0
"""Runs compiled test programs for pytest: cmocka programs (t_*.c) and fuzz replays (fz_*.c).

A cmocka program runs once per session; its test functions are found in the source, so that each
is an item of its own, and one item `(program)` stands for the rest: exit status and sanitizer
reports after the last test. Tests that a macro or a loop made are not seen in the source; they are
reported one by one when `(program)` runs, and count like the others. A test that calls skip()
prints its reason first (print_message); exit status 77 skips the whole program, the last line
being the reason.

A source may contain `TIMEOUT: seconds` in a comment; the default is 60.

LEAT_BUILD is the build folder under test. With LEAT_ASAN_BUILD set, every program outside
tests/kernel also runs in its build with sanitizers, as items of their own marked [asan].
"""
import os
import pty
import re
import signal
import subprocess
import tempfile
import termios
import threading

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIP_STATUS = 77
DEFAULT_TIMEOUT = 60
SANITIZER_FACTOR = 4  # instrumented code is that much slower where memory is the work


def build_dir():
    return os.environ.get("LEAT_BUILD") or os.path.join(os.path.dirname(TESTS), "build")


def variants(source):
    """Mark of the items -> build folder."""
    found = {"": build_dir()}
    asan = os.environ.get("LEAT_ASAN_BUILD")
    if asan and "kernel" not in os.path.relpath(source, TESTS).split(os.sep)[:1]:
        found["[asan]"] = asan
    return found


def program_of(source, build):
    rel = os.path.relpath(os.path.splitext(str(source))[0], TESTS)
    return os.path.join(build, "tests", rel)


class Failed(Exception):
    """A C test failed; the text is shown as it is, without a Python traceback."""


class Run:
    """One finished run of a program: exit status, both outputs, and how each test ended."""

    def __init__(self, argv, timeout):
        self.argv = argv
        self.timed_out = False
        # A terminal as stdout makes stdio flush every line, so that after a crash the output
        # still tells which test was running. (stdbuf would preload a library before ASan's.)
        master, slave = pty.openpty()
        attr = termios.tcgetattr(slave)
        attr[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, attr)
        chunks = []

        def drain():
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    return
                if not data:
                    return
                chunks.append(data)

        with tempfile.TemporaryFile() as err:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=slave, stderr=err,
                                     cwd=os.path.dirname(TESTS), start_new_session=True,
                                     env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="stdout"))
            os.close(slave)
            reader = threading.Thread(target=drain, daemon=True)
            reader.start()
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.timed_out = True
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            reader.join(5)
            os.close(master)
            err.seek(0)
            self.err = err.read().decode(errors="replace")
        self.out = b"".join(chunks).decode(errors="replace")
        self.status = child.returncode
        self.results = parse_cmocka(self.out)

    def ending(self):
        if self.timed_out:
            return "killed: it ran into its time limit"
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"exit status {self.status}"

    def text(self, limit=12000):
        both = f"{self.out.rstrip()}\n{self.err.rstrip()}".strip()
        if len(both) > limit:
            both = both[:limit // 2] + "\n[...]\n" + both[-limit // 2:]
        return f"{' '.join(self.argv)}: {self.ending()}\n{both}"


def parse_cmocka(out):
    """Test name -> (outcome, text printed while it ran); outcome None when it never ended."""
    results = {}
    name, lines = None, []
    for line in out.splitlines():
        m = re.match(r"\[ +(RUN|OK|FAILED|ERROR|SKIPPED) +\] (\S+)$", line)
        if m is None:
            lines.append(line)
            continue
        word = m.group(1)
        if word == "RUN":
            name, lines = m.group(2), []
            results[name] = (None, "")
        elif m.group(2) == name:
            results[name] = (word, "\n".join(lines).strip())
            name, lines = None, []
    return results


def skip_reason(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


class CItem(pytest.Item):
    """One item of a program in one build; `what` is its name without the build's mark."""

    def __init__(self, *, what, mark, **kw):
        super().__init__(name=what + mark, **kw)
        self.what, self.mark = what, mark
        # One worker runs a program, once; the wait for it may be any item's.
        self.add_marker(pytest.mark.xdist_group(f"{self.path}{mark}"))
        self.add_marker(pytest.mark.timeout(self.parent.timeout(mark) + 30))

    def run_program(self, *args):
        return self.parent.run_once(self.mark, *args)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.name


class CFile(pytest.File):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.runs = {}
        self.listed = set()

    def timeout(self, mark):
        m = re.search(r"TIMEOUT: *([0-9]+)", self.source())
        seconds = int(m.group(1)) if m else DEFAULT_TIMEOUT
        slow = "asan" in os.path.basename(variants(self.path)[mark])
        return seconds * SANITIZER_FACTOR if slow else seconds

    def source(self):
        return self.path.read_text(encoding="utf-8")

    def run_once(self, mark, *args):
        if mark not in self.runs:
            prog = program_of(self.path, variants(self.path)[mark])
            if not os.access(prog, os.X_OK):
                raise Failed(f"{prog}: not built; run `make tests`")
            self.runs[mark] = Run([prog, *args], self.timeout(mark))
        return self.runs[mark]


class CmockaFile(CFile):
    def collect(self):
        # The parameter of a macro that makes tests is no test.
        source = re.sub(r"^[ \t]*#[ \t]*define(?:[^\\\n]|\\.|\\\n)*", "", self.source(), flags=re.M)
        names = re.findall(r"\bcmocka_unit_test(?:_setup|_teardown|_setup_teardown|_prestate|"
                           r"_prestate_setup_teardown)?\(\s*(\w+)", source)
        names = list(dict.fromkeys(names))
        self.listed = set(names)
        for mark in variants(self.path):
            for name in names:
                yield CmockaItem.from_parent(self, what=name, mark=mark)
            yield ProgramItem.from_parent(self, what="(program)", mark=mark)


class CmockaItem(CItem):
    def runtest(self):
        run = self.run_program()
        if run.status == SKIP_STATUS:
            pytest.skip(skip_reason(run.out))
        outcome, text = run.results.get(self.what, ("ABSENT", ""))
        if outcome == "OK":
            return
        if outcome == "SKIPPED":
            pytest.skip(skip_reason(text))
        if outcome is None:
            raise Failed(f"{self.what}: the program ended inside this test\n{run.text()}")
        if outcome == "ABSENT":
            raise Failed(f"{self.what}: in the source, but the program did not run it\n"
                         f"{run.text()}")
        raise Failed(f"{self.what}: {outcome.lower()}\n{text}\n{run.text()}")


class ProgramItem(CItem):
    """The program as a whole: everything that no single test of it stands for."""

    def runtest(self):
        run = self.run_program()
        if run.status == SKIP_STATUS:
            pytest.skip(skip_reason(run.out))
        if not run.results:
            raise Failed(f"no test ran\n{run.text()}")
        for name, (outcome, text) in run.results.items():
            if name not in self.parent.listed:
                self.report_more(name, outcome, text, run)
        # cmocka's exit status is its number of failures; each of them has been reported by itself.
        failures = [n for n, r in run.results.items() if r[0] in ("FAILED", "ERROR")]
        if run.status != len(failures) or any(r[0] is None for r in run.results.values()):
            raise Failed(run.text())

    def report_more(self, name, outcome, text, run):
        if outcome == "OK":
            extra_report(self, name + self.mark, "passed", "")
        elif outcome == "SKIPPED":
            extra_report(self, name + self.mark, "skipped", skip_reason(text))
        else:
            word = outcome.lower() if outcome else "the program ended inside this test"
            extra_report(self, name + self.mark, "failed", f"{name}: {word}\n{text}\n{run.text()}")


def extra_report(item, name, outcome, text):
    """A report for a test that is no item: known only after its program has run."""
    nodeid = f"{item.nodeid.rsplit('::', 1)[0]}::{name}"
    if outcome == "skipped":
        outcome, text = judge_skip(item, nodeid, text)
    location = (os.path.relpath(item.path, TESTS), None, name)
    longrepr = {"passed": None, "failed": text}.get(outcome, (str(item.path), 0, f"Skipped: {text}"))
    # An xdist worker only lets reports of the running item through: the real name travels beside
    # it and is put in its place where the report is shown (conftest.py).
    item.ihook.pytest_runtest_logreport(report=pytest.TestReport(
        item.nodeid, location, {name: 1}, outcome, longrepr, "call", true_nodeid=nodeid))


def judge_skip(item, nodeid, reason):
    """The skip policy: ("skipped", reason) or ("failed", why it may not be skipped)."""
    bare = reason.removeprefix("Skipped").lstrip(": ").strip()
    if not bare or bare in ("unconditional skip", "unknown reason"):
        return "failed", f"{nodeid}: skipped without a reason"
    if os.path.relpath(item.path, TESTS).split(os.sep)[0] == "kernel":
        return "failed", f"{nodeid}: this kernel can run it, yet it was skipped: {bare}"
    return "skipped", bare


class FuzzFile(CFile):
    def collect(self):
        for mark in variants(self.path):
            yield FuzzItem.from_parent(self, what="corpus", mark=mark)


class FuzzItem(CItem):
    def runtest(self):
        target = self.path.stem.removeprefix("fz_")
        corpus = os.path.join(TESTS, "fuzz", "corpus", target)
        if not os.path.isdir(corpus) or not os.listdir(corpus):
            raise Failed(f"{corpus}: no corpus; record some inputs for this target")
        run = self.run_program(corpus)
        if run.status != 0:
            raise Failed(run.text())

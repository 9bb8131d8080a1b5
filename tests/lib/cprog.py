"""Runs compiled test programs for pytest: cmocka programs (t_*.c) and fuzz replays (fz_*.c).

A cmocka program runs once per session; its test functions are found in the source, so that each
is an item of its own, and one item `(program)` stands for the rest: exit status, tests made by a
macro or a loop, sanitizer reports after the last test. A test that calls skip() prints its reason
first (print_message); exit status 77 skips the whole program, the last line being the reason.

A source may contain `TIMEOUT: seconds` in a comment; the default is 60.
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


def build_dir():
    return os.environ.get("LEAT_BUILD") or os.path.join(os.path.dirname(TESTS), "build")


def program_of(source):
    rel = os.path.relpath(os.path.splitext(str(source))[0], TESTS)
    return os.path.join(build_dir(), "tests", rel)


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
    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.name


class CFile(pytest.File):
    _run = None

    def timeout(self):
        m = re.search(r"TIMEOUT: *([0-9]+)", self.source())
        return int(m.group(1)) if m else DEFAULT_TIMEOUT

    def source(self):
        return self.path.read_text(encoding="utf-8")

    def run_once(self, *args):
        if self._run is None:
            prog = program_of(self.path)
            if not os.access(prog, os.X_OK):
                raise Failed(f"{prog}: not built; run `make tests`")
            self._run = Run([prog, *args], self.timeout())
        return self._run


class CmockaFile(CFile):
    def collect(self):
        names = re.findall(r"\bcmocka_unit_test(?:_setup|_teardown|_setup_teardown|_prestate|"
                           r"_prestate_setup_teardown)?\(\s*(\w+)", self.source())
        seen = list(dict.fromkeys(names))
        items = [CmockaItem.from_parent(self, name=name) for name in seen]
        items.append(ProgramItem.from_parent(self, name="(program)"))
        for item in items:
            # One worker runs a program; the wait for it may be the first item's.
            item.add_marker(pytest.mark.xdist_group(str(self.path)))
            item.add_marker(pytest.mark.timeout(self.timeout() + 30))
        self.items = items
        return items


class CmockaItem(CItem):
    def runtest(self):
        run = self.parent.run_once()
        if run.status == SKIP_STATUS:
            pytest.skip(skip_reason(run.out) or "")
        outcome, text = run.results.get(self.name, ("ABSENT", ""))
        if outcome == "OK":
            return
        if outcome == "SKIPPED":
            pytest.skip(skip_reason(text))
        if outcome is None:
            raise Failed(f"{self.name}: the program ended inside this test\n{run.text()}")
        if outcome == "ABSENT":
            raise Failed(f"{self.name}: in the source, but the program did not run it\n"
                         f"{run.text()}")
        raise Failed(f"{self.name}: {outcome.lower()}\n{text}\n{run.text()}")


class ProgramItem(CItem):
    """The program as a whole: everything that no single test of it stands for."""

    def runtest(self):
        run = self.parent.run_once()
        if run.status == SKIP_STATUS:
            pytest.skip(skip_reason(run.out))
        ran = [r for r in run.results.values() if r[0] is not None]
        if not ran:
            raise Failed(f"no test ran\n{run.text()}")
        listed = {i.name for i in self.parent.items}
        own = {n for n, r in run.results.items() if r[0] in ("FAILED", "ERROR") and n in listed}
        # cmocka's exit status is its number of failures: those with an item of their own are
        # reported there already.
        if run.status != len(own):
            raise Failed(run.text())
        for name, (outcome, text) in run.results.items():
            if outcome not in ("OK", "SKIPPED") and name not in listed:
                raise Failed(f"{name}: {outcome}\n{run.text()}")
            if outcome == "SKIPPED" and name not in listed:
                pytest.skip(f"{name}: {skip_reason(text)}" if skip_reason(text) else "")


class FuzzFile(CFile):
    def collect(self):
        item = FuzzItem.from_parent(self, name="corpus")
        item.add_marker(pytest.mark.timeout(self.timeout() + 30))
        return [item]


class FuzzItem(CItem):
    def runtest(self):
        target = self.path.stem.removeprefix("fz_")
        corpus = os.path.join(TESTS, "fuzz", "corpus", target)
        if not os.path.isdir(corpus) or not os.listdir(corpus):
            raise Failed(f"{corpus}: no corpus; record some inputs for this target")
        run = self.parent.run_once(corpus)
        if run.status != 0:
            raise Failed(run.text())

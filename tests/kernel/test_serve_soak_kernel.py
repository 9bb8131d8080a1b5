# SPDX-License-Identifier: Apache-2.0
"""leat serve under everything at once, with records in the kernel (tests/lib/crowd.py): besides what must hold everywhere,
the kernel says nothing and its memory comes back. LEAT_SOAK=600 makes it ten minutes."""
import os
import re
import sys
import time

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "tool"))

from crowd import IMPATIENT, rolling, soak  # noqa: E402
from serving import Serve, listener, make_site, start_activated  # noqa: E402

SECONDS = float(os.environ.get("LEAT_SOAK", "12"))
OPTIONS = ("--http2", "--workers", "2", "--access-log", "none", *IMPATIENT)
NEWS = re.compile(r"WARNING:|BUG:|Oops|Call Trace|refcount_t|blocked for more than|protocol .* memory leak", re.I)
SLAB_KIB = 8 * 1024  # what a busy machine's caches differ by; a connection leaked in each second would be more


def slab_kib():
    """Kernel memory that cannot be reclaimed, once closed sockets are gone for good."""
    low, end = 10 ** 9, time.monotonic() + 8
    while time.monotonic() < end:
        with open("/proc/meminfo", encoding="ascii") as f:
            low = min(low, next(int(line.split()[1]) for line in f if line.startswith("SUnreclaim:")))
        time.sleep(0.5)
    return low


def tainted():
    with open("/proc/sys/kernel/tainted", encoding="ascii") as f:
        return int(f.read())


@pytest.fixture
def kernel_says_nothing():
    fd, before = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), tainted()
    os.lseek(fd, 0, os.SEEK_END)
    yield
    said = []
    while True:
        try:
            said.append(os.read(fd, 8192).decode(errors="replace"))
        except BlockingIOError:
            break
        except BrokenPipeError:  # the oldest were overwritten
            continue
    os.close(fd)
    assert not [line for line in said if NEWS.search(line)], said
    assert tainted() == before


def tls_connections():
    with open("/proc/net/tls_stat", encoding="ascii") as f:
        return sum(int(v) for k, v in (line.split() for line in f) if k in ("TlsTxSw", "TlsTxDevice"))


@pytest.mark.timeout(SECONDS * 4 + 240)
def test_everything_at_once(run_server, leat, pki, tmp_path, kernel_says_nothing):
    s = Serve(run_server, leat, make_site(tmp_path), pki.cert("p256"), *OPTIONS)
    soak(s, pki.ca, SECONDS / 3)  # the kernel's caches fill, as the server's do in the first wave
    before, carried = slab_kib(), tls_connections()
    soak(s, pki.ca, SECONDS)
    after = slab_kib()
    print(f"slab {before} -> {after} KiB, {tls_connections() - carried} connections of the kernel")
    assert tls_connections() > carried
    assert after < before + SLAB_KIB
    assert s.proc.stop() == 0


@pytest.mark.timeout(SECONDS * 4 + 240)
def test_one_server_after_the_other(run_server, leat, pki, tmp_path, kernel_says_nothing):
    site = make_site(tmp_path)
    with listener() as sock:
        rolling(lambda: start_activated(run_server, leat, site, pki.cert("p256"), [sock], OPTIONS),
                sock.getsockname()[1], pki.ca, SECONDS)

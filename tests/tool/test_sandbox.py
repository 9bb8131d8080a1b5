# SPDX-License-Identifier: Apache-2.0
"""What leat serve runs behind, and the probe that tracers find in it."""
import os
import re
import subprocess

import pytest

from https import Client
from serving import Serve


def seccomp(pid):
    """The mode of every thread."""
    modes = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            modes.add(re.search(r"^Seccomp:\s+(\d)", f.read(), re.M).group(1))
    return modes


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_every_thread_is_behind_the_filter(run_server, leat, pki, tmp_path, loop):
    (tmp_path / "f").write_text("x")
    s = Serve(run_server, leat, tmp_path, pki.cert("p256"), "--loop", loop, "--metrics", "127.0.0.1:0")
    assert seccomp(s.pid) == {"2"}
    with Client(s.port, pki.ca) as c:
        assert c.get("/f").body == b"x"


def test_left_out_on_request(run_server, leat, pki, tmp_path):
    before = seccomp(os.getpid())
    s = Serve(run_server, leat, tmp_path, pki.cert("p256"), "--insecure-no-sandbox")
    assert seccomp(s.pid) == before


def test_probe_at_the_handover(leat):
    header = subprocess.run(["cc", "-E", "-xc", "-"], input=b"#include <sys/sdt.h>", capture_output=True)
    if header.returncode != 0:
        pytest.skip("needs sys/sdt.h at build time (systemtap-sdt-dev, a row of setup.sh)")
    notes = subprocess.run(["readelf", "-n", leat], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Provider: leat\s+Name: handover", notes)

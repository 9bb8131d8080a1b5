# SPDX-License-Identifier: Apache-2.0
"""`leat calibrate` on a kernel that carries TLS records: it measures in seconds, and auto goes by what it kept."""
import json
import os
import signal
import sys
import time

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "tool"))

from https import Client  # noqa: E402
from serving import Serve, make_site  # noqa: E402


def follows(costs, kept):
    """What is kept is the border with which the worst size costs least, within a hundredth."""
    assert [c["bytes"] for c in costs] == [4096, 16384, 65536, 262144, 1048576, 4194304]
    for c in costs:
        assert 1000 < c["user_ns"] < 10**10 and 1000 < c["kernel_ns"] < 10**10

    def worst(border):
        mine = [(c["kernel_ns"], c["user_ns"])[c["bytes"] < border] for c in costs]
        return max(m / min(c["kernel_ns"], c["user_ns"]) for m, c in zip(mine, costs))
    least = min(worst(b) for b in [c["bytes"] for c in costs] + [float("inf")])
    assert worst(float("inf") if kept == "never" else int(kept)) <= least * 1.0101


def test_it_measures_in_seconds(leat, run, tmp_path):
    file = tmp_path / "c"
    began = time.monotonic()
    done = run([leat, "calibrate", "--json", "--seconds", "2", "--file", file], timeout=120)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 60  # emulated, and five rounds are always finished
    got = json.loads(done.stdout)
    assert got["state"] == "used"
    for family, cipher in (("aes", "AES-128-GCM"), ("chacha20", "CHACHA20-POLY1305")):
        assert got[family]["rounds"] >= 5 and got[family]["cipher"] == cipher
        for kind in ("file", "stream"):
            follows(got[family][kind], got[family][f"kernel_{kind}_from"])
    again = json.loads(run([leat, "calibrate", "--show", "--json", "--file", file]).stdout)
    for name in ("kernel", "cpu"):
        assert again[name] == got[name]
    for family in ("aes", "chacha20"):
        assert again[family].items() <= got[family].items()
    assert again["state"] == "used"


@pytest.fixture
def kept(leat, run, tmp_path):
    """A file of this machine with other numbers in it."""
    def make(file, stream):
        path = tmp_path / "calibration"
        assert run([leat, "calibrate", "--seconds", "0.1", "--file", path], timeout=120).returncode == 0
        lines = path.read_text().splitlines()[:4] + [
            f"file aes {file}", f"stream aes {stream}", "file chacha20 never", "stream chacha20 never"]
        path.write_text("\n".join(lines) + "\n")
        return str(path)
    return make


def served(server, pki, path):
    with Client(server.port, pki.ca) as c:
        assert c.get(path).status == 200
    return server.log(rf"GET {path} .*").group(0)


def test_auto_goes_by_it(run_server, leat, pki, tmp_path, kept):
    site = make_site(tmp_path / "s")
    for file, options, tx in (("16384", [], "kernel"), ("16385", [], "user"), ("never", [], "user"),
                              ("0", ["--set", "kernel_file_from=never"], "user"),
                              ("never", ["--set", "kernel_file_from=1"], "kernel")):
        server = Serve(run_server, leat, site, pki.cert("p256"), *options,
                       env={**os.environ, "LEAT_CALIBRATION": kept(file, "never")})
        line = served(server, pki, "/rec.bin")  # 16384 bytes
        assert f"tx={tx}" in line, (file, options, line)
        assert ("tx_why=in_kernel" in line) == (tx == "kernel")


def test_kill_switch(run_server, leat, pki, tmp_path):
    server = Serve(run_server, leat, make_site(tmp_path / "s"), pki.cert("p256"))
    for turn, tx in enumerate(("kernel", "user", "kernel")):
        with Client(server.port, pki.ca) as c:
            assert c.get(f"/big.bin?{turn}").status == 200
        assert f"tx={tx}" in server.log(rf"GET /big.bin.{turn} .*").group(0)
        start = len(server.proc.lines)
        os.kill(server.pid, signal.SIGUSR2)
        server.proc.wait_line("kernel records are " + ("off" if tx == "kernel" else "on"), 10, start)

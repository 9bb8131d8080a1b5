# SPDX-License-Identifier: Apache-2.0
"""`leat calibrate`: what it says, keeps and reads, on this machine's kernel whatever it is. The measurement with kernel
records is in tests/kernel/test_calibrate_kernel.py."""
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest
from https import Client
from serving import Serve, make_site

TREE = pathlib.Path(__file__).resolve().parents[2]
NATIVE = subprocess.run([TREE / "tests/vm/native-ktls"], capture_output=True).returncode == 0


@pytest.fixture
def calibrate(leat, run, tmp_path):
    def start(*args, **env):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **env}
        return run([leat, "calibrate", *args], env=env, timeout=60, text=True)
    return start


def test_without_ktls_one_line_and_never(calibrate, tmp_path):
    if NATIVE:
        pytest.skip("needs a kernel without TLS records: this one has them, tests/kernel/test_calibrate_kernel.py is for it")
    file = tmp_path / "deep" / "er" / "calibration"
    done = calibrate(LEAT_CALIBRATION=str(file))
    assert done.returncode == 0 and done.stderr == ""
    assert re.fullmatch(r"kernel TLS: not available: .*; stored: never\n", done.stdout)
    text = file.read_text().splitlines()
    assert text[0] == "leat-calibration 2" and text[4:] == [
        "file aes never", "stream aes never", "file chacha20 never", "stream chacha20 never"]
    assert file.stat().st_mode & 0o777 == 0o644
    assert sorted(os.listdir(file.parent)) == ["calibration"]
    shown = json.loads(calibrate("--show", "--json", LEAT_CALIBRATION=str(file)).stdout)
    assert shown["state"] == "used" and shown["path"] == str(file)
    assert shown["kernel"] == os.uname().release
    for family in ("aes", "chacha20"):
        assert shown[family] == {"kernel_file_from": "never", "kernel_stream_from": "never"}


def show(calibrate, *args, **env):
    done = calibrate("--show", "--json", *args, **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_where_it_is_kept(calibrate, leat, tmp_path):
    """Named, or the user's; never a relative place of XDG."""
    if os.geteuid() == 0:
        place = "/var/lib/leat/calibration"
    else:
        place = str(tmp_path / "home/.local/state/leat/calibration")
    got = show(calibrate)
    assert got["path"] == place
    assert show(calibrate, LEAT_CALIBRATION="")["path"] == ""
    if os.geteuid() != 0:
        assert show(calibrate, XDG_STATE_HOME=str(tmp_path))["path"].startswith(
            (str(tmp_path), "/var"))
    assert show(calibrate, "--file", str(tmp_path / "x"))["state"] == "absent"


@pytest.mark.parametrize("bend, state", [
    (lambda t: t, "used"), (lambda t: t[:-1], "bad"), (lambda t: t + "more\n", "bad"),
    (lambda t: t.replace("calibration 2", "calibration 1"), "bad"),
    (lambda t: t.replace("kernel ", "kernel x"), "other"), (lambda t: "", "bad")])
def test_what_does_not_fit_is_not_used(calibrate, tmp_path, bend, state):
    file = tmp_path / "c"
    assert calibrate("--file", str(file), "--seconds", "0.1", "--json").returncode == 0
    text = file.read_text().replace("file aes never", "file aes 4096")
    file.write_text(bend(text))
    got = show(calibrate, "--file", str(file))
    assert got["state"] == state
    if state != "used":
        assert got["aes"] == {"kernel_file_from": "262144", "kernel_stream_from": "never"}
        assert got["chacha20"] == {"kernel_file_from": "never", "kernel_stream_from": "never"}
    file.write_text(text)
    file.chmod(0o666)
    assert show(calibrate, "--file", str(file))["state"] == "unsafe"


def test_wrong_command_lines(calibrate, tmp_path):
    for args in (["x"], ["--nix"], ["--seconds", "x"], ["--seconds"]):
        done = calibrate(*args)
        assert done.returncode == 2 and done.stdout == "" and done.stderr, args
    done = calibrate("--file", "/dev/null/x")
    assert done.returncode == 1 and "/dev/null/x: Not a directory" in done.stderr
    done = calibrate(LEAT_CALIBRATION="")
    assert done.returncode == 1 and "no place to keep it" in done.stderr


@pytest.mark.parametrize("value, ok", [("0", 1), ("calibrated", 1), ("never", 1), ("262144", 1),
                                       ("999999999999999", 1), ("1000000000000000", 0), ("-1", 0),
                                       ("often", 0), ("1k", 0), ("", 0)])
def test_the_options(leat, run, value, ok):
    for name in ("kernel-file-from", "kernel-stream-from"):
        done = run([leat, "connect", f"--{name}={value}", "127.0.0.1:1"], text=True)
        assert (done.returncode == 2) == (not ok), done.stderr


def test_kill_switch(run_server, leat, pki, tmp_path):
    """SIGUSR2: new connections say kill_switch, until the next one."""
    server = Serve(run_server, leat, make_site(tmp_path), pki.cert("p256"))
    for turn, on in enumerate((False, True, False)):
        start = len(server.proc.lines)
        os.kill(server.pid, signal.SIGUSR2)
        server.proc.wait_line("kernel records are " + ("on again" if on else "off"), 10, start)
        with Client(server.port, pki.ca) as c:
            assert c.get(f"/a.txt?{turn}").body == b"hello\n"
        line = server.log(rf"GET /a.txt.{turn} .*").group(0)
        assert ("tx_why=kill_switch rx_why=kill_switch" in line) == (not on)

"""The kernel test machine keeps its promises (README.md). One boot costs seconds: checks share one.

REQ: P-3"""
import hashlib
import os
import pathlib
import re
import subprocess
import time

import pytest
import vm

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Everything one boot can show about the inside; each line of output is one fact.
TOUR = r"""
echo "cwd=$PWD"
echo "kernel=$(uname -r)"
echo "ktls=$(tests/vm/native-ktls && echo yes)"
echo "aes=$(grep -A1 '^name *: gcm(aes)$' /proc/crypto | grep -c aesni)"
echo "lo=$(cat /sys/class/net/lo/flags)"
echo "nofile=$(ulimit -n)"
echo "tmp=$(ls -A /tmp | grep -v "^$1$" | wc -l)"
echo "bpf=$(stat -f -c %T /sys/fs/bpf)"
echo "mine=$LEAT_MINE given=$GIVEN named=$NAMED secret=$NOT_MINE"
echo "userns=$(unshare --user --map-root-user id -u)"
echo "nobody=$(setpriv --reuid 65534 --clear-groups id -u)"
modprobe dummy && echo modprobe=yes
echo changed >tests/vm/README.md && echo scratch >scratch-of-test-vm && echo tree=writable
echo changed >/etc/hostname && echo etc=writable
mount -o remount,rw / 2>/dev/null
printf 'kept' >"$LEAT_VM_OUT/result"
sleep 1000 & # left behind on purpose: it must not hold the machine
exit 7
"""


def facts(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.parametrize("series", ["6.12", "6.1"])
def test_tour(series, tmp_path):
    """Status, working directory, environment, result share, read-only host; on both kernels."""
    readme = (TREE / "tests/vm/README.md").read_bytes()
    hostname = pathlib.Path("/etc/hostname").read_bytes()
    env = dict(os.environ, LEAT_MINE="a b'c", NAMED="by name", NOT_MINE="no")
    out = tmp_path / "out"
    done = vm.vm("bash", "-c", TOUR, "tour", cwd=TREE, env=env, opts=[
        "--kernel", series, "--out", str(out), "--env", "GIVEN=x=y", "--env", "NAMED",
        "--keep-dmesg", str(tmp_path / "dmesg")])
    assert done.returncode == 7, done.stderr
    got = facts(done.stdout)
    assert got["cwd"] == str(TREE)
    assert got["kernel"].startswith(series + ".")
    assert got["ktls"] == "yes", done.stderr
    assert got["aes"] != "0"
    assert int(got["lo"], 16) & 1
    assert int(got["nofile"]) >= 100000
    assert got["bpf"] == "bpf_fs"
    assert done.stdout.count("mine=a b'c given=x=y named=by name secret=\n") == 1
    assert got["nobody"] == "65534"
    assert got["userns"] == "0"
    assert got["modprobe"] == "yes"
    assert got["tree"] == got["etc"] == "writable"
    # ... and nothing of it reached the host, but for the result share.
    assert (TREE / "tests/vm/README.md").read_bytes() == readme
    assert pathlib.Path("/etc/hostname").read_bytes() == hostname
    assert not (TREE / "scratch-of-test-vm").exists()
    assert (out / "result").read_text() == "kept"
    assert "Linux version " + got["kernel"] in (tmp_path / "dmesg").read_text()


def test_bytes_of_both_outputs_and_a_signal():
    """Any bytes pass unchanged on stdout and on stderr; death by signal N is status 128+N."""
    script = ("import os,sys; sys.stdout.buffer.write(bytes(range(256))*2000+b'\\r\\n\\n\\r');"
              "sys.stdout.flush(); os.write(2, bytes(range(255,-1,-1))*300);"
              "os.kill(os.getpid(), 15)")
    done = vm.vm("python3", "-c", script, text=False)
    assert done.returncode == 128 + 15
    assert len(done.stdout) == 512004
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(
        bytes(range(256)) * 2000 + b"\r\n\n\r").digest()
    assert done.stderr == bytes(range(255, -1, -1)) * 300


def test_time_limit():
    """Past the limit: status 124, at once, with the output so far, and QEMU gone."""
    start = time.monotonic()
    done = vm.sh("echo before; sleep 1000", timeout=30)
    assert done.returncode == 124
    assert done.stdout == "before\n"
    assert "time limit" in done.stderr
    assert time.monotonic() - start < 45


def test_kernel_warning_fails_the_run(tmp_path):
    """A WARN in the kernel's log is status 70 and shown, although the command succeeded."""
    done = vm.sh("echo 'WARNING: CPU: 0 PID: 1 at net/tls/nowhere.c:1 tls_test' >/dev/kmsg;"
                 "echo fine; exit 0", opts=["--keep-dmesg", str(tmp_path / "dmesg")])
    assert done.returncode == 70
    assert done.stdout == "fine\n"
    assert "net/tls/nowhere.c:1" in done.stderr
    assert "net/tls/nowhere.c:1" in (tmp_path / "dmesg").read_text()


def test_panic_is_reported_not_waited_for():
    """A dead kernel cannot write a status: still 70, with the trace, long before the limit."""
    start = time.monotonic()
    done = vm.sh("echo c >/proc/sysrq-trigger", timeout=300)
    assert done.returncode == 70
    assert "Kernel panic" in done.stderr
    assert time.monotonic() - start < 120


def test_kernel_without_tls_and_without_aesni():
    """--no-tls-modules: no file, no autoload, not even for root. --no-aesni: the generic driver."""
    done = vm.sh("uname -r; tests/vm/native-ktls; echo ktls=$?;"
                 "find /lib/modules/ -name 'tls.ko*' | grep . ; modprobe tls; echo modprobe=$?;"
                 "grep -c aesni /proc/crypto; true",
                 cwd=TREE, opts=["--no-tls-modules", "--no-aesni"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["ktls=1", "modprobe=1", "0"]
    assert "No such file or directory" in done.stderr


def test_tls_loaded_on_demand():
    """--not-loaded: the kernel's own module request finds kmod and the module tree."""
    done = vm.sh("grep -c '^tls ' /proc/modules; tests/vm/native-ktls && "
                 "grep -c '^tls ' /proc/modules", cwd=TREE, opts=["--not-loaded", "tls"])
    assert (done.returncode, done.stdout) == (0, "0\n1\n"), done.stderr


def test_second_boot_costs_only_the_boot():
    """With a filled cache nothing is fetched, unpacked or packed: apt and dpkg are not even run."""
    first = subprocess.run([vm.RUN, "--prepare"], capture_output=True, text=True, check=True)
    del first
    start = time.monotonic()
    again = subprocess.run([vm.RUN, "--prepare"], capture_output=True, text=True,
                           env=dict(os.environ, PATH="/nowhere:/usr/bin"), check=True)
    assert again.stderr == ""
    assert time.monotonic() - start < 5


def test_icount_time_is_not_host_time():
    """--icount: guest time follows instructions, so a sleep costs no host time. (How much longer
    than asked depends on I/O: while the guest waits for the host, its timers run ahead.)"""
    start = time.monotonic()
    done = vm.sh("a=$(date +%s); sleep 300; b=$(date +%s); echo $((b - a))", opts=["--icount"])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 299
    assert time.monotonic() - start < 150


@pytest.mark.parametrize("args, word", [
    (["--kernel", "5.10", "--", "true"], "invalid choice"),
    (["--timeout", "0", "--", "true"], "--timeout"),
    (["--mem", "10", "--", "true"], "--mem"),
    (["--cpus", "2", "--icount", "--", "true"], "one CPU"),
    (["--no-module", "tls;reboot", "--", "true"], "not a module name"),
    (["--share", "/nowhere/at/all", "--", "true"], "no such folder"),
    (["--"], "no command"),
    ([], "no command"),
])
def test_wrong_options_are_refused_before_any_boot(args, word):
    done = subprocess.run([vm.RUN, *args], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert word in done.stderr


def test_help_names_the_statuses():
    done = subprocess.run([vm.RUN, "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    assert re.search(r"--kernel \{6\.12,6\.1,new\}", done.stdout)


def test_missing_program_is_named_with_its_package(tmp_path):
    """Without QEMU the message says what to install; the status is the machine's, not the test's."""
    (tmp_path / "python3").symlink_to("/usr/bin/python3")
    done = subprocess.run(["/usr/bin/python3", vm.RUN, "--", "true"], capture_output=True,
                          text=True, env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
                          timeout=20)
    assert done.returncode == 125
    assert "apt-get install qemu-system-x86" in done.stderr

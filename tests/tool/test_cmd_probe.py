"""`leat probe` on this machine's kernel, whatever it is: the form of its answer, the command line,
and every refusal a sandbox can cause. What it finds on stock kernels: tests/kernel, tests/vm."""
import errno
import json
import os
import pathlib
import platform
import re
import subprocess

import pytest
import seccomp

from accepting import Accept

TREE = pathlib.Path(__file__).resolve().parents[2]
NATIVE = TREE / "tests/vm/native-ktls"

CIPHERS = ["AES-128-GCM", "AES-256-GCM", "AES-128-CCM", "CHACHA20-POLY1305"]
RESULT = {"ok", "error"}


@pytest.fixture
def probe(leat, run):
    def start(*args, deny=(), **kw):
        if deny:
            kw["preexec_fn"] = seccomp.deny(deny)
        return run([leat, "probe", *args], **kw)
    return start


def check_result(r):
    assert set(r) == RESULT
    assert isinstance(r["ok"], bool)
    assert r["error"] is None if r["ok"] else r["error"]


def check_form(got):
    """The documented members, no others, and consistent with each other."""
    assert set(got) == {"kernel", "available", "summary", "obstacle", "error", "remedy", "module",
                        "ciphers", "aes", "options", "io_uring", "steering"}
    assert got["kernel"] == platform.release()
    assert set(got["module"]) == {"loaded_before", "loaded_now", "may_autoload"}
    assert all(isinstance(v, bool) for v in got["module"].values())
    assert [c["name"] for c in got["ciphers"]] == CIPHERS
    works = []
    for c in got["ciphers"]:
        assert set(c) == {"name", "alg", "driver", "tlsv1.2", "tlsv1.3"}
        for version in ("tlsv1.2", "tlsv1.3"):
            assert set(c[version]) == {"rx", "tx"}
            for r in c[version].values():
                check_result(r)
                works.append(r["ok"])
    assert set(got["options"]) == {"rekey_rx", "rekey_tx", "rx_expect_no_pad", "tx_zerocopy_ro",
                                   "tx_max_payload_len"}
    for r in got["options"].values():
        check_result(r)
    assert set(got["io_uring"]) == {"state", "error", "setsockopt", "multishot_recvmsg"}
    check_result(got["steering"])
    check_result(got["io_uring"]["setsockopt"])
    check_result(got["io_uring"]["multishot_recvmsg"])
    assert got["available"] == any(works) == (got["obstacle"] == "none")
    assert bool(got["remedy"]) == (not got["available"])
    assert got["summary"].startswith("kernel TLS: ")
    if not got["available"]:
        assert not any(r["ok"] for r in got["options"].values())


def test_agrees_with_an_independent_try(probe):
    """Available or not, as a pair of sockets of another language has it; the exit status too."""
    has = subprocess.run([NATIVE], capture_output=True, timeout=30).returncode == 0
    done = probe("--json")
    got = json.loads(done.stdout)
    check_form(got)
    assert got["available"] is has
    assert done.returncode == (0 if has else 1)
    assert done.stderr == b""


def test_sentence_of_a_kernel_without_ktls(probe):
    """On a machine without kTLS the sentence names what is true here and what to do."""
    got = json.loads(probe("--json").stdout)
    text = probe().stdout.decode()
    assert got["summary"] in text.splitlines()
    if got["available"]:
        assert "kernel TLS: available: " in text
        return
    assert "not available: TCP_ULP: No such file or directory: " in got["summary"]
    tree = pathlib.Path("/lib/modules", platform.release())
    if not os.path.exists("/proc/modules"):
        want, words = "not_built", "boot one with CONFIG_TLS"
    elif not tree.exists():
        want, words = "no_module_files", "on the host: modprobe tls"
    elif not list(tree.glob("kernel/net/tls/tls.ko*")):
        want, words = "not_built", "boot one with CONFIG_TLS"
    else:
        want, words = "not_loaded" if os.geteuid() == 0 else "may_not_load", "modprobe tls"
    assert got["obstacle"] == want
    assert words in got["remedy"]
    assert got["summary"].endswith(got["remedy"])


def test_connect_says_the_same(leat, run, run_server, pki, probe):
    """One obstacle, one text: what a connection is refused for is what the probe says of this kernel."""
    server = Accept(leat, run_server, pki)
    said = server.connect("--set", "records=kernel").stderr.decode()
    got = json.loads(probe("--json").stdout)
    if got["available"]:
        assert "kernel" not in said
    elif got["obstacle"] == "not_built":
        assert got["remedy"] in said and "modprobe" not in said
    else:
        assert "modprobe tls (and list it in /etc/modules-load.d)" in got["remedy"]
        assert "modprobe tls (and list it in /etc/modules-load.d)" in said


def test_without_io_uring(probe):
    """Forbidden and absent are told apart, each in words; kernel TLS itself is judged as before."""
    before = json.loads(probe("--json").stdout)
    for err, state, words in ((errno.EPERM, "forbidden", "io_uring_disabled"),
                              (errno.EACCES, "forbidden", "io_uring_disabled"),
                              (errno.ENOSYS, "absent", "not in this kernel"),
                              (errno.ENOMEM, "failed", "Cannot allocate memory")):
        deny = [("io_uring_setup", err)]
        got = json.loads(probe("--json", deny=deny).stdout)
        check_form(got)
        assert got["io_uring"]["state"] == state
        assert got["io_uring"]["error"] == os.strerror(err)
        assert not got["io_uring"]["setsockopt"]["ok"]
        assert got["available"] == before["available"]
        assert got["obstacle"] == before["obstacle"]
        line = next(x for x in probe(deny=deny).stdout.decode().splitlines() if "io_uring" in x)
        assert words in line and "poll is used" in line


@pytest.mark.parametrize("call", ["socket", "bind", "listen", "connect", "accept4"])
def test_no_loopback_connection_is_no_verdict(probe, call):
    """Without a pair nothing is learnt, and that is said: not that kernel TLS is missing."""
    for err in (errno.EPERM, errno.EMFILE):
        done = probe("--json", deny=[(call, err)])
        got = json.loads(done.stdout)
        assert done.returncode == 1
        check_form(got)
        assert got["obstacle"] == "no_pair"
        assert got["error"] == os.strerror(err)
        assert got["summary"].startswith("kernel TLS: not known: loopback connection: ")


def test_tcp_ulp_forbidden(probe):
    """A sandbox that refuses TCP_ULP: no modprobe is advised."""
    done = probe("--json", deny=[("setsockopt", errno.EPERM, {1: 6, 2: 31})])
    got = json.loads(done.stdout)
    assert done.returncode == 1
    check_form(got)
    assert got["obstacle"] == "refused"
    assert "Operation not permitted" in got["summary"]
    assert "modprobe" not in got["summary"]


def test_setsockopt_forbidden_altogether(probe):
    """Even the time limits of the sockets are refused: the answer comes, and it is no verdict."""
    got = json.loads(probe("--json", deny=[("setsockopt", errno.EPERM)]).stdout)
    check_form(got)
    assert got["obstacle"] == "no_pair"


@pytest.mark.parametrize("args, words", [
    (["--jsn"], "--jsn"), (["x"], "takes no argument"), (["--json=yes"], "--json"),
    (["--json", "y"], "takes no argument"), (["-x"], "-x"), ([""], "takes no argument"),
])
def test_wrong_command_lines(probe, args, words):
    done = probe(*args)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()


def test_full_disk_is_a_failure(leat):
    for args in ([], ["--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([leat, "probe", *args], stdout=full, stderr=subprocess.PIPE,
                                  timeout=30)
        assert done.returncode == 1
        assert done.stderr


def test_page_has_every_member_and_status(probe):
    """docs/man/leat-probe.1 names each member and state that the JSON can hold."""
    page = (TREE / "docs/man/leat-probe.1").read_text()
    words = set(re.findall(r"[a-z0-9_.]+", page))

    def names(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from names(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from names(inner)

    missing = {n for n in names(json.loads(probe("--json").stdout)) if n not in words}
    assert not missing
    source = (TREE / "user/ktls/probe_text.c").read_text()
    states = re.findall(r"\[KTLS_\w+\] = (?:\{ )?\"(\w+)\"", source)
    assert len(states) > 12
    assert not [s for s in states if s not in words]

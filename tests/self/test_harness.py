# SPDX-License-Identifier: Apache-2.0
"""The test harness itself: certificates verify (or fail) as named, servers start and stop."""
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

import cprog
import proc

GOOD = ["rsa2048", "rsa3072", "rsapss", "p256", "p384", "p521", "ed25519", "ed448"]


def verify(pki, ident, *args):
    untrusted = ["-untrusted", ident.chain]
    return subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", pki.ca, *untrusted,
                           *args, ident.cert], capture_output=True, text=True)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("check", [["-verify_hostname", "localhost"],
                                   ["-verify_hostname", "a.wild.test"], ["-verify_ip", "::1"]])
def test_good_certificates_verify(pki, name, check):
    out = verify(pki, pki.cert(name), "-purpose", "sslserver", *check)
    assert out.returncode == 0, out.stdout + out.stderr


def test_rsapss_key_is_restricted(pki):
    out = subprocess.run(["openssl", "x509", "-in", pki.cert("rsapss").cert, "-noout", "-text"],
                         capture_output=True, text=True, check=True).stdout
    assert "Public Key Algorithm: rsassaPss" in out


@pytest.mark.parametrize("name,args,words", [
    ("expired", [], "certificate has expired"),
    ("notyet", [], "certificate is not yet valid"),
    ("wronghost", ["-verify_hostname", "localhost"], "hostname mismatch"),
    ("noname", ["-verify_hostname", "localhost"], "hostname mismatch"),
    ("unknownca", [], "unable to get"),
    ("selfsigned", [], "self-signed certificate"),
    ("clientonly", ["-purpose", "sslserver"], "unsuitable certificate purpose"),
    ("nochain", [], "unable to get local issuer"),
])
def test_bad_certificates_fail_for_their_reason(pki, name, args, words):
    out = verify(pki, pki.cert(name), *args)
    assert out.returncode != 0
    assert words in out.stdout + out.stderr


def test_client_certificate_is_for_clients(pki):
    assert verify(pki, pki.cert("client"), "-purpose", "sslclient").returncode == 0
    assert verify(pki, pki.cert("client"), "-purpose", "sslserver").returncode != 0


def test_keys_are_private(pki):
    for name in ("p256", "rsapss"):
        assert os.stat(pki.cert(name).key).st_mode & 0o077 == 0


def test_unknown_name_is_an_error(pki):
    with pytest.raises(KeyError):
        pki.cert("p1024")


def test_server_ready_line_and_stop(run_server):
    s = run_server([sys.executable, "-uc", "import time; print('port 42'); time.sleep(60)"],
                   ready=r"port (\d+)")
    assert s.match.group(1) == "42"
    assert s.stop() == -signal.SIGTERM
    assert s.stop() == -signal.SIGTERM


def test_server_ready_port(run_server, free_port):
    run_server([sys.executable, "-c", textwrap.dedent(f"""
        import socket, time
        s = socket.create_server(("127.0.0.1", {free_port})); time.sleep(60)""")],
               ready=free_port)
    socket.create_connection(("127.0.0.1", free_port), 1).close()


def test_server_that_ends_is_not_ready():
    with pytest.raises(proc.NotReady, match="(?s)it ended.*exit status 3.*bye"):
        proc.Server([sys.executable, "-c", "print('bye'); raise SystemExit(3)"], ready="hello")


def test_server_that_says_nothing_is_not_ready():
    with pytest.raises(proc.NotReady, match="waited"):
        proc.Server(["sleep", "60"], ready="hello", timeout=0.2)


def test_stop_reaches_the_children(run_server):
    s = run_server(["sh", "-c", "sleep 61 & echo child $!; wait"], ready=r"child (\d+)")
    child = int(s.match.group(1))
    s.stop()
    for _ in range(100):
        try:
            state = open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child is still there")


OUT = """\
[==========] Running 4 test(s).
[ RUN      ] one
[       OK ] one
[ RUN      ] two
[  ERROR   ] --- 1 != 2
[   LINE   ] --- t.c:3: error: Failure!
[  FAILED  ] two
[ RUN      ] three
no kernel TLS here
[  SKIPPED ] three
[ RUN      ] four
"""


def test_cmocka_output_is_understood():
    r = cprog.parse_cmocka(OUT)
    assert r["one"] == ("OK", "")
    assert r["two"][0] == "FAILED" and "t.c:3" in r["two"][1]
    assert r["three"] == ("SKIPPED", "no kernel TLS here")
    assert r["four"][0] is None


C_PROGRAM = r"""
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
static void good(void **s) { (void)s; }
static void bad(void **s) { (void)s; assert_int_equal(1, 2); }
static void skips(void **s) { (void)s; print_message("no such kernel\n"); skip(); }
static void silent(void **s) { (void)s; skip(); }
static void crashes(void **s) { (void)s; abort(); }
static void hidden(void **s) { (void)s; assert_int_equal(3, 4); }
static void hangs(void **s) { (void)s; sleep(60); }
int main(void)
{
	const struct CMUnitTest tests[] = { TESTS };
	EARLY
	return cmocka_run_group_tests(tests, NULL, NULL);
}
/* TIMEOUT: 2 */
"""


def outcomes(tmp_path, tests, early="", folder="unit", env=None, workers=("-p", "no:xdist")):
    """Build a program with these tests in a tree of its own and run pytest over it."""
    top = tmp_path / "tests"
    for d in ("lib", folder):
        (top / d).mkdir(parents=True, exist_ok=True)
    for name in ("conftest.py", "pytest.ini", "lib/cprog.py", "lib/proc.py", "lib/pki.py",
                 "lib/kernelrun.py"):
        (top / name).write_text(open(os.path.join(cprog.TESTS, name)).read())
    src = top / folder / "t_x.c"
    src.write_text(C_PROGRAM.replace("TESTS", tests).replace("EARLY", early))
    exe = tmp_path / "build" / "tests" / folder / "t_x"
    exe.parent.mkdir(parents=True)
    subprocess.run(["gcc", "-w", "-o", exe, src, "-lcmocka"], check=True)
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("LEAT_", "PYTEST_"))}
    out = subprocess.run([sys.executable, "-m", "pytest", "-q", *workers, str(top)],
                         capture_output=True, text=True, cwd=tmp_path,
                         env={**clean, "LEAT_BUILD": str(tmp_path / "build"), **(env or {})})
    return out.returncode, out.stdout


UT = "cmocka_unit_test({}),".format


def test_c_failures_are_items(tmp_path):
    status, out = outcomes(tmp_path, UT("good") + UT("bad"))
    assert status == 1, out
    assert "1 failed, 2 passed" in out and "::bad" in out


MACRO = '{{"{0}/x", {0}, NULL, NULL, NULL}},'.format


def test_c_tests_made_by_a_macro_are_reported_too(tmp_path):
    status, out = outcomes(tmp_path, UT("good") + MACRO("good") + MACRO("hidden") +
                           MACRO("skips"))
    assert status == 1
    assert "t_x.c::hidden/x" in out and "0x3 != 0x4" in out
    assert "1 failed, 3 passed, 1 skipped" in out
    status, out = outcomes(tmp_path / "2", MACRO("good"))
    assert status == 0 and "2 passed" in out
    status, out = outcomes(tmp_path / "5", MACRO("good") + MACRO("hidden"),
                           workers=("-n1", "--dist", "loadgroup"))
    assert status == 1 and "t_x.c::hidden/x" in out and "1 failed, 2 passed" in out
    status, out = outcomes(tmp_path / "3", MACRO("silent"))
    assert status == 1 and "skipped without a reason" in out
    status, out = outcomes(tmp_path / "4", MACRO("crashes"))
    assert status == 1 and "t_x.c::crashes/x" in out and "SIGABRT" in out


def test_c_exit_status_must_be_the_number_of_failures(tmp_path):
    status, out = outcomes(tmp_path, UT("good"), "(void)cmocka_run_group_tests(tests, NULL, NULL);"
                           " return 5;")
    assert status == 1 and "::(program)" in out and "1 failed, 1 passed" in out


def test_c_crash_is_a_failure_with_its_place(tmp_path):
    status, out = outcomes(tmp_path, UT("good") + UT("crashes"))
    assert status == 1, out
    assert "::crashes" in out


def test_c_hang_is_killed(tmp_path):
    status, out = outcomes(tmp_path, UT("hangs"))
    assert status == 1, out
    assert "time limit" in out


def test_c_skip_needs_a_reason(tmp_path):
    status, out = outcomes(tmp_path, UT("skips") + UT("good"))
    assert status == 0 and "1 skipped" in out and "no such kernel" in out
    status, out = outcomes(tmp_path / "2", UT("silent") + UT("good"))
    assert status == 1 and "skipped without a reason" in out


def test_c_program_skip_by_status(tmp_path):
    status, out = outcomes(tmp_path, UT("good"), 'print_message("wrong kernel\\n"); return 77;')
    assert status == 0 and "2 skipped" in out and "wrong kernel" in out


def test_c_program_that_runs_nothing_fails(tmp_path):
    status, out = outcomes(tmp_path, UT("good"), "return 0;")
    assert status == 1 and "did not run it" in out


def test_skipping_a_kernel_test_is_a_failure(tmp_path):
    status, out = outcomes(tmp_path, UT("skips"), folder="kernel", env={"LEAT_VM": "1"})
    assert status == 1 and "this kernel can run it" in out


FAKE_VM = """\
#!/usr/bin/python3
# Takes the place of tests/vm/run: runs the command here, as if it were the machine.
import os, subprocess, sys
args = sys.argv[1:]
cmd = args[args.index("--") + 1:]
out = args[args.index("--out") + 1]
kernel = args[args.index("--kernel") + 1]
done = subprocess.run(cmd, env=dict(os.environ, LEAT_VM="1", LEAT_VM_OUT=out,
                                    LEAT_VM_KERNEL=kernel))
sys.exit(STATUS)
"""


def fake_machine(tmp_path, status):
    """No kTLS here, and a machine that is this very host."""
    vm = tmp_path / "tests" / "vm"
    vm.mkdir(parents=True)
    for name, text in (("run", FAKE_VM.replace("STATUS", status)),
                       ("native-ktls", "#!/bin/sh\nexit 1\n")):
        (vm / name).write_text(text)
        (vm / name).chmod(0o755)


def test_kernel_tests_run_in_the_machine_once_per_kernel(tmp_path):
    fake_machine(tmp_path, "done.returncode")
    status, out = outcomes(tmp_path, UT("good"), folder="kernel")
    assert status == 0, out
    assert "6 passed" in out  # test, program and kernel log, on two kernels


def test_kernel_failures_reach_the_host(tmp_path):
    fake_machine(tmp_path, "done.returncode")
    status, out = outcomes(tmp_path, UT("good") + UT("bad") + UT("skips"), folder="kernel",
                           env={"LEAT_KERNELS": "6.12"})
    assert status == 1
    assert "::bad[6.12]" in out and "::skips[6.12]" in out and "::good[6.12]" not in out
    assert "t_x.c" in out and "0x1 != 0x2" in out
    assert "2 failed, 3 passed" in out


def test_kernel_tests_made_by_a_macro_reach_the_host(tmp_path):
    fake_machine(tmp_path, "done.returncode")
    status, out = outcomes(tmp_path, MACRO("good") + MACRO("hidden"), folder="kernel",
                           env={"LEAT_KERNELS": "6.12"})
    assert status == 1
    assert "hidden/x[6.12]" in out and "1 failed, 3 passed" in out


def test_kernel_warning_fails_the_run(tmp_path):
    fake_machine(tmp_path, "70")
    status, out = outcomes(tmp_path, UT("good"), folder="kernel", env={"LEAT_KERNELS": "6.12"})
    assert status == 1
    assert "kernel-log[6.12]" in out and "1 failed, 2 passed" in out


def test_machine_that_does_not_boot_fails_every_test(tmp_path):
    fake_machine(tmp_path, "125")
    (tmp_path / "tests" / "vm" / "run").write_text("#!/bin/sh\nexit 125\n")
    status, out = outcomes(tmp_path, UT("good"), folder="kernel", env={"LEAT_KERNELS": "6.12"})
    assert status == 1
    assert "3 failed" in out and "status 125" in out


def test_sanitizer_build_gives_items_of_its_own(tmp_path):
    env = {"LEAT_ASAN_BUILD": str(tmp_path / "other")}
    status, out = outcomes(tmp_path, UT("good"), env=env)
    assert status == 1  # that build does not exist
    assert "2 failed, 2 passed" in out and "::good[asan]" in out and "not built" in out


def test_no_two_test_files_have_one_name():
    """pytest would refuse the second of them, whatever their folders are."""
    found = {}
    for folder, _, names in os.walk(os.path.dirname(os.path.dirname(__file__))):
        for name in names:
            if name.startswith("test_") and name.endswith(".py"):
                assert name not in found, f"{folder} and {found[name]} both have {name}"
                found[name] = folder

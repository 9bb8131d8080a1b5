# SPDX-License-Identifier: Apache-2.0
"""kernel-helpers/ktls-check.sh tells the states of a kernel apart, on planted trees."""
import os
import subprocess

CRYPTO = "name         : {}\ndriver       : {}\nmodule       : kernel\n\n"


def check(repo, root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = subprocess.run([os.path.join(repo, "kernel-helpers/ktls-check.sh")], text=True,
                         capture_output=True, env={"PATH": os.environ["PATH"], "ROOT": str(root),
                                                   "KERNEL": "6.12.0"})
    assert out.stderr == ""
    return out.returncode, out.stdout


def test_no_module(repo, tmp_path):
    status, out = check(repo, tmp_path, {"proc/crypto": ""})
    assert status == 2 and "kernel 6.12.0 has no tls module" in out


def test_module_of_another_kernel_does_not_count(repo, tmp_path):
    status, _ = check(repo, tmp_path, {"lib/modules/6.1.0/kernel/net/tls/tls.ko.xz": ""})
    assert status == 2


def test_not_loaded(repo, tmp_path):
    status, out = check(repo, tmp_path, {"lib/modules/6.12.0/kernel/net/tls/tls.ko.xz": ""})
    assert status == 1 and "modprobe tls" in out and "modules-load" in out


def test_loaded_with_fast_aes(repo, tmp_path):
    status, out = check(repo, tmp_path, {
        "proc/net/tls_stat": "TlsCurrTxSw 0\n",
        "proc/crypto": CRYPTO.format("ecb(aes)", "ecb-aes-generic") +
        CRYPTO.format("gcm(aes)", "generic-gcm-aesni")})
    assert status == 0 and "kTLS: loaded" in out
    assert "AES-GCM: generic-gcm-aesni\n" in out and "slow" not in out


def test_loaded_with_slow_aes(repo, tmp_path):
    status, out = check(repo, tmp_path, {
        "sys/module/tls/refcnt": "0\n",
        "proc/crypto": CRYPTO.format("gcm(aes)", "gcm_base(ctr(aes-generic),ghash-generic)")})
    assert status == 0 and "slow" in out and "modprobe aesni_intel" in out


def test_loaded_before_first_use_of_aes(repo, tmp_path):
    status, out = check(repo, tmp_path, {"proc/net/tls_stat": "", "proc/crypto": ""})
    assert status == 0 and "not loaded yet" in out

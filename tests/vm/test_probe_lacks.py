"""`leat probe` on kernels prepared badly: each lack gets its own sentence with its own remedy.

On well prepared ones: tests/kernel/test_probe.py. REQ: P-3"""
import json

import pytest
import vm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOBODY = "setpriv --reuid 65534 --clear-groups"


def probes(script, leat, opts):
    """The answers of each $P of a script (a `leat probe --json`), in order, and the status."""
    done = vm.sh(f"P='{leat} probe --json'\n{script}", opts=opts)
    text, out, decoder = done.stdout.strip(), [], json.JSONDecoder()
    while text:
        one, end = decoder.raw_decode(text)
        out.append(one)
        text = text[end:].strip()
    return out, done


def test_module_there_but_not_loaded(leat):
    """Each thing that keeps an installed module from being loaded has its own sentence."""
    got, done = probes(f"""
        {NOBODY} $P
        echo 'install tls /bin/false' >/etc/modprobe.d/no-tls.conf
        $P
        rm /etc/modprobe.d/no-tls.conf
        umount /lib/modules/$(uname -r) && rmdir /lib/modules/$(uname -r)
        $P; {NOBODY} $P
        """, leat, ["--not-loaded", "tls"])
    assert done.returncode == 1, done.stderr
    nobody, blocked, no_files, nobody_no_files = got
    assert nobody["obstacle"] == "may_not_load"
    assert "modprobe tls (and list it in /etc/modules-load.d)" in nobody["summary"]
    assert "unprivileged" in nobody["summary"]
    assert nobody["module"] == {"loaded_before": False, "loaded_now": False,
                                "may_autoload": False}
    assert blocked["obstacle"] == "not_loaded"
    assert "did not load on demand" in blocked["summary"]
    assert blocked["module"]["may_autoload"] is True
    for one in (no_files, nobody_no_files):
        assert one["obstacle"] == "no_module_files"
        assert "on the host: modprobe tls" in one["summary"]
    assert not any(one["available"] for one in got)


def test_root_gets_the_module_on_demand(leat):
    """Asked by root the kernel loads it; afterwards an ordinary user has it too. And AES: generic
    until aesni_intel is there, which the second half does as the advice says."""
    got, done = probes(f"""
        $P
        {NOBODY} $P
        {leat} probe >&2
        modprobe aesni_intel
        $P
        """, leat, ["--not-loaded", "tls", "--no-aesni", "--no-module", "ccm"])
    assert done.returncode == 0, done.stderr
    root, nobody, after = got
    assert root["available"] and nobody["available"]
    assert root["module"] == {"loaded_before": False, "loaded_now": True, "may_autoload": True}
    assert nobody["module"] == {"loaded_before": True, "loaded_now": True, "may_autoload": False}
    assert root["aes"] == "generic"
    assert "aes-generic" in root["ciphers"][0]["driver"]
    assert "13 times slower" in root["summary"] and "modprobe aesni_intel" in root["summary"]
    assert "13 times slower" in done.stderr and "modprobe aesni_intel" in done.stderr
    assert after["aes"] == "cpu"
    assert "aesni" in after["ciphers"][0]["driver"]
    assert "aesni_intel" not in after["summary"]
    # ccm is missing: that one alone, with ENOENT, on every count
    for one in got:
        for c in one["ciphers"]:
            missing = c["name"] == "AES-128-CCM"
            for version in ("tlsv1.2", "tlsv1.3"):
                for direction in ("rx", "tx"):
                    assert c[version][direction]["ok"] is not missing
                    if missing:
                        assert c[version][direction]["error"] == "No such file or directory"
    assert "kernel module of this cipher not available" in done.stderr


@pytest.mark.parametrize("series", ["6.12", "6.1"])
def test_kernel_without_the_module(leat, series):
    """Built without: no modprobe is advised, because it could not help. Status 1."""
    got, done = probes(f"{NOBODY} $P; $P", leat, ["--no-tls-modules", "--kernel", series])
    assert done.returncode == 1, done.stderr
    for one in got:
        assert one["obstacle"] == "not_built"
        assert "No such file or directory" in one["summary"]
        assert "CONFIG_TLS" in one["summary"]
        assert "modprobe" not in one["summary"]
        assert one["io_uring"]["state"] == "ok"


def test_tls_without_any_cipher(leat):
    """The module alone carries nothing, and says which modules would."""
    opts = []
    for name in ("gcm", "ccm", "chacha20poly1305", "aesni_intel"):
        opts += ["--no-module", name]
    got, done = probes("$P", leat, opts)
    assert done.returncode == 1, done.stderr
    assert got[0]["obstacle"] == "no_cipher"
    assert got[0]["module"]["loaded_now"] is True
    assert "TLS_TX: No such file or directory" in got[0]["summary"]
    assert "modprobe -a gcm ccm chacha20poly1305" in got[0]["summary"]

# SPDX-License-Identifier: Apache-2.0
"""scripts/demo.py: the transfer it makes, and that it fails with one clear last line when it must."""
import json
import os
import stat
import subprocess
import sys

import pytest


@pytest.fixture
def demo(repo):
    def go(*args, **env):
        return subprocess.run([sys.executable, os.path.join(repo, "scripts/demo.py"), *args],
                              capture_output=True, text=True, timeout=100,
                              env=dict(os.environ, **env))
    return go


def wrapped(tmp_path, leat, body):
    """A build folder whose leat is a script around the real one."""
    fake = tmp_path / "leat"
    fake.write_text(f"#!/bin/bash\nreal={leat}\n{body}\nexec $real \"$@\"\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    return str(tmp_path)


def test_one_transfer(demo, build, leat):
    out = demo("--build", build, "--one", "8")
    assert out.returncode == 0, out.stdout + out.stderr
    facts = json.loads(out.stdout)
    assert facts["mib"] == 8 and len(facts["sha256"]) == 64
    assert facts["tx"] in ("kernel", "user") and f"tx={facts['tx']}" in facts["log"]
    assert "TLSv1.3" in facts["tls"] and facts["kernel"].startswith("kernel TLS")


def last_line(out):
    return out.stdout.strip().splitlines()[-1]


def test_nothing_is_built(demo, tmp_path):
    out = demo("--build", str(tmp_path))
    assert out.returncode == 1
    assert last_line(out).startswith("demo: FAILED: ")


@pytest.mark.parametrize("body, reason", [
    ('[ "$1" = certs ] && { echo "no entropy" >&2; exit 1; }', "leat certs: no entropy"),
    ('[ "$1" = serve ] && { echo "no port" >&2; exit 1; }', "leat serve did not start"),
    # a server that sends something else than the file: the digest must notice
    ('[ "$1" = serve ] && dd if=/dev/zero of="$2/file.bin" bs=64k count=1 seek=3 conv=notrunc '
     '2>/dev/null', "SHA-256 differs"),
    # a certificate that the CA given to curl did not sign
    ('[ "$1" = serve ] && set -- serve "$2" --dev --listen 127.0.0.1:0', "curl ended with status 60"),
])
def test_failures_are_noticed(demo, tmp_path, leat, body, reason):
    out = demo("--build", wrapped(tmp_path, leat, body), "--one", "1")
    assert out.returncode == 1
    assert reason in json.loads(last_line(out))["failed"]

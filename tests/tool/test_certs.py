# SPDX-License-Identifier: Apache-2.0
"""leat certs: what it writes is what others verify, keys are private, nothing is overwritten or
half-written. The verdicts are those of python3-cryptography's parser and of `openssl verify`."""
import datetime
import ipaddress
import json
import os
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

KINDS = {"rsa": rsa.RSAPrivateKey, "p256": ec.EllipticCurvePrivateKey,
         "ed25519": ed25519.Ed25519PrivateKey}
NAMES = ["ca.pem"] + [f"{role}-{kind}.{ext}" for role in ("server", "client") for kind in KINDS
                      for ext in ("pem", "key")]


@pytest.fixture
def certs(leat, run, tmp_path):
    def make(*argv, where=tmp_path / "c", **kw):
        return run([leat, "certs", where, *argv], **kw), where
    return make


def blocks(path):
    parts = path.read_bytes().split(b"-----BEGIN CERTIFICATE-----")[1:]
    return [x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + p) for p in parts]


def sans(cert):
    ext = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return ext.get_values_for_type(x509.DNSName), ext.get_values_for_type(x509.IPAddress)


def verify(folder, leaf, purpose, *more):
    return subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", folder / "ca.pem", "-untrusted",
         folder / leaf, "-purpose", purpose, *more, folder / leaf], capture_output=True, text=True)


def test_the_set(certs):
    r, c = certs("--names", "files.test,*.b.test,10.0.0.1,2001:db8::1", "--days", "7")
    assert (r.returncode, r.stderr) == (0, b"")
    assert sorted(os.listdir(c)) == sorted(NAMES)
    now = datetime.datetime.utcnow()
    for role in ("server", "client"):
        for kind, want in KINDS.items():
            key = serialization.load_pem_private_key((c / f"{role}-{kind}.key").read_bytes(), None)
            assert isinstance(key, want)
            leaf, inter = blocks(c / f"{role}-{kind}.pem")
            spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            assert leaf.public_key().public_bytes(*spki) == key.public_key().public_bytes(*spki)
            assert sans(leaf) == (["localhost", "files.test", "*.b.test"], [
                ipaddress.ip_address(a) for a in ("127.0.0.1", "::1", "10.0.0.1", "2001:db8::1")])
            assert leaf.issuer == inter.subject and inter.issuer == blocks(c / "ca.pem")[0].subject
            for cert in (leaf, inter):
                assert "throwaway" in cert.subject.rfc4514_string()
                assert cert.not_valid_before < now < cert.not_valid_after
                left = cert.not_valid_after - now
                assert datetime.timedelta(6.9) < left < datetime.timedelta(7.1)
            good = verify(c, f"{role}-{kind}.pem", "sslserver" if role == "server" else "sslclient",
                          "-verify_hostname", "x.b.test")
            assert good.returncode == 0, good.stdout + good.stderr
            other = verify(c, f"{role}-{kind}.pem",
                           "sslclient" if role == "server" else "sslserver")
            assert other.returncode != 0


def test_serials_differ(certs):
    _, c = certs()
    all_certs = blocks(c / "ca.pem") + [blocks(c / n)[0] for n in NAMES if n.endswith(".pem")]
    all_certs.append(blocks(c / "server-rsa.pem")[1])
    assert len({x.serial_number for x in all_certs}) == 8
    assert all(0 < x.serial_number.bit_length() <= 159 for x in all_certs)


def test_files_say_what_they_are(certs):
    _, c = certs()
    for name in NAMES:
        if name.endswith(".pem"):
            assert b"throwaway" in (c / name).read_bytes().split(b"-----BEGIN")[0]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(leat, certs, umask):
    r, c = certs(preexec_fn=lambda: os.umask(umask))
    assert r.returncode == 0
    for name in NAMES:
        mode = stat.S_IMODE((c / name).stat().st_mode)
        assert mode == (0o600 if name.endswith(".key") else 0o644), name


def test_keys_of_the_authorities_are_not_kept(certs):
    _, c = certs()
    ca = {blocks(c / "ca.pem")[0].public_key().public_numbers(),
          blocks(c / "server-rsa.pem")[1].public_key().public_numbers()}
    for name in NAMES:
        if "p256.key" in name:
            key = serialization.load_pem_private_key((c / name).read_bytes(), None)
            assert key.public_key().public_numbers() not in ca


def snapshot(c):
    return {n: (c / n).read_bytes() for n in os.listdir(c)}


@pytest.mark.parametrize("name", ["ca.pem", "client-ed25519.key"])
def test_nothing_is_overwritten(certs, tmp_path, name):
    c = tmp_path / "c"
    c.mkdir()
    (c / name).write_text("mine")
    r, _ = certs()
    assert (r.returncode, r.stdout) == (1, b"")
    assert name.encode() in r.stderr and b"--force" in r.stderr and b"nothing was changed" in r.stderr
    assert snapshot(c) == {name: b"mine"}


def test_dangling_link_is_in_the_way_too(certs, tmp_path):
    c = tmp_path / "c"
    c.mkdir()
    (c / "ca.pem").symlink_to(tmp_path / "elsewhere")
    r, _ = certs()
    assert r.returncode == 1 and os.listdir(c) == ["ca.pem"]
    assert not (tmp_path / "elsewhere").exists()


def test_force_replaces(certs):
    _, c = certs()
    before = snapshot(c)
    r, _ = certs("--force")
    after = snapshot(c)
    assert r.returncode == 0 and set(before) == set(after)
    assert all(before[n] != after[n] for n in before)


def test_no_room_leaves_nothing(certs, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", small]).returncode != 0:
        pytest.skip("mount is not allowed here")
    try:
        r, _ = certs(where=small)
        left = os.listdir(small)
    finally:
        subprocess.run(["umount", small], check=True)
    assert r.returncode == 1 and b"No space left" in r.stderr
    assert left == []


@pytest.mark.parametrize("argv, word", [
    ([], "folder"), (["c", "d"], "only one"), ([""], "folder"),
    (["c", "--days", "0"], "--days"), (["c", "--days", "3651"], "--days"),
    (["c", "--days", "-1"], "--days"), (["c", "--days", "1e3"], "--days"),
    (["c", "--names", ""], "--names"), (["c", "--names", "a,,b"], "--names"),
    (["c", "--names", "*"], "--names"), (["c", "--names", "*.com"], "--names"),
    (["c", "--names", "a.*.b"], "--names"), (["c", "--names", "a b"], "--names"),
    (["c", "--names", "300.1.1.1"], "--names"), (["c", "--names", "x" * 64], "--names"),
    (["c", "--names", ",".join(["a.test"] * 65)], "--names"), (["c", "--nope"], "--nope"),
])
def test_wrong_usage_touches_nothing(leat, run, tmp_path, argv, word):
    r = run([leat, "certs", *argv], cwd=tmp_path)
    assert (r.returncode, r.stdout) == (2, b"")
    assert word.encode() in r.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("days", ["1", "3650"])
def test_ends_of_the_range_of_days(certs, days):
    r, c = certs("--days", days)
    assert r.returncode == 0
    left = blocks(c / "ca.pem")[0].not_valid_after - datetime.datetime.utcnow()
    assert abs(left.days - int(days)) <= 1


def test_folder_that_cannot_be(certs, tmp_path):
    (tmp_path / "file").write_text("")
    r, _ = certs(where=tmp_path / "file")
    assert r.returncode == 1 and b"Not a directory" in r.stderr
    r, _ = certs(where=tmp_path / "no" / "such")
    assert r.returncode == 1 and b"No such file" in r.stderr


def test_json(certs):
    r, c = certs("--json", "--names", "a.test")
    o = json.loads(r.stdout)
    assert "throwaway" in o["note"] and o["names"][-1] == "a.test"
    assert o["ca"] == str(c / "ca.pem")
    assert [x["name"] for x in o["certificates"]] == [
        f"{r}-{k}" for r in ("server", "client") for k in KINDS]
    for x in o["certificates"]:
        assert os.path.exists(x["cert"]) and os.path.exists(x["key"])
        assert x["role"] in x["name"]
    until = datetime.datetime.strptime(o["valid_until"], "%Y-%m-%dT%H:%M:%SZ")
    assert until == blocks(c / "ca.pem")[0].not_valid_after


def test_full_stdout_is_a_failure(leat, tmp_path):
    with open("/dev/full", "wb") as full:
        r = subprocess.run([leat, "certs", tmp_path / "c"], stdout=full, stderr=subprocess.PIPE)
    assert r.returncode == 1 and b"stdout" in r.stderr

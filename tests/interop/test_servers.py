"""leat connect against other people's servers: versions x suites x groups x certificate types, and
every way in which a server's certificate can be wrong.

REQ: F-13 F-suites13 F-hrr F-x25519 F-x448 F-ed25519 F-ed448 F-pss-rsae F-pss-pss F-hostname
REQ: GEN-hostverif GEN-path-2 GEN-path-3 VER-sni-client
"""
import json
import subprocess

import pytest

from lib import peers

CERTS = ["p256", "rsa2048", "rsapss", "p384", "p521", "ed25519", "ed448"]
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
VERSION_NAME = {"1.2": "tlsv1.2", "1.3": "tlsv1.3"}
SUITES = [s for s in peers.SUITES if "CCM_8" not in s]


def connect(leat, port, ca, *args, host="localhost", stdin=REQUEST):
    return subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", host, "--cacert", ca, "--json",
         "--timeout", "30", *args], input=stdin, capture_output=True, timeout=60)


def facts(done):
    """The JSON object among what connect reports on standard error."""
    for line in done.stderr.decode().splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise AssertionError(done.stderr.decode())


def check(done, version, suite=None, group=None, needle=b"200", ends=(0,)):
    assert done.returncode in ends, done.stderr.decode()
    assert needle in done.stdout, done.stdout[:300]
    f = facts(done)
    assert f["version"] == VERSION_NAME[version]
    if suite:
        assert f["suite"] == suite
    if group:
        assert f["group"] == group


@pytest.mark.parametrize("cert", CERTS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_openssl_certificates(leat, pki, run_server, free_port, cert, version):
    run_server(peers.openssl_server(free_port, pki.cert(cert), version=version), ready=r"ACCEPT")
    check(connect(leat, free_port, pki.ca), version)


@pytest.mark.parametrize("suite", SUITES)
def test_openssl_suites(leat, pki, run_server, free_port, suite):
    version = peers.SUITES[suite][0]
    cert = pki.cert("rsa2048" if "RSA_WITH" in suite else "p256")
    run_server(peers.openssl_server(free_port, cert, suite=suite), ready=r"ACCEPT")
    check(connect(leat, free_port, pki.ca), version, suite)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("group", list(peers.GROUPS))
def test_openssl_groups(leat, pki, run_server, free_port, group, version):
    """In 1.3 a group without a share of ours comes by HelloRetryRequest."""
    run_server(peers.openssl_server(free_port, pki.cert("p256"), group=group, version=version),
               ready=r"ACCEPT")
    done = connect(leat, free_port, pki.ca)
    check(done, version, group=group)
    if version == "1.3":
        assert facts(done)["retried"] is (group not in ("x25519", "secp256r1"))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cert", ["p256", "rsa2048", "rsapss", "ed25519"])
def test_gnutls(leat, pki, run_server, free_port, cert, version):
    run_server(peers.gnutls_server(free_port, pki.cert(cert), version=version), ready=free_port)
    check(connect(leat, free_port, pki.ca), version)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cert", ["p256", "rsa2048"])
def test_nginx(leat, pki, run_server, free_port, tmp_path, cert, version):
    run_server(peers.nginx_server(tmp_path, free_port, pki.cert(cert), version=version),
               ready=free_port)
    # 5: nginx saw our close_notify first and ends without its own; we call that what it is
    check(connect(leat, free_port, pki.ca), version, needle=b"hello from nginx", ends=(0, 5))


BAD = [
    # certificate, host asked for, what the sentence must name, alert the server must hear
    ("expired", "localhost", "expired", "certificate expired"),
    ("notyet", "localhost", "not valid yet", "certificate expired"),
    ("wronghost", "localhost", "localhost", "bad certificate"),
    ("noname", "localhost", "localhost", "bad certificate"),
    ("unknownca", "localhost", "issuer", "unknown ca"),
    ("selfsigned", "localhost", "self-signed", "bad certificate"),
    ("clientonly", "localhost", "purpose", "unsupported certificate"),
    ("p256", "other.test", "other.test", "bad certificate"),
]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cert,host,word,alert", BAD)
def test_bad_certificate(leat, pki, run_server, free_port, cert, host, word, alert, version):
    server = run_server(peers.openssl_server(free_port, pki.cert(cert), version=version),
                        ready=r"ACCEPT")
    done = connect(leat, free_port, pki.ca, host=host)
    text = done.stderr.decode()
    assert done.returncode == 4, text
    assert done.stdout == b"", "data from an unverified server"
    assert word in text and "depth" in text, text
    server.wait_line("alert " + alert, timeout=10)


def test_insecure_goes_on(leat, pki, run_server, free_port):
    run_server(peers.openssl_server(free_port, pki.cert("expired")), ready=r"ACCEPT")
    done = connect(leat, free_port, pki.ca, "--insecure")
    assert done.returncode == 0
    assert facts(done)["verified"] is False


def test_plain_http_server(leat, pki, run_server, free_port):
    """The port speaks HTTP: one clear sentence, not 'wrong version number'."""
    run_server(["/usr/bin/python3", "-m", "http.server", free_port, "--bind", "127.0.0.1"],
               ready=free_port)
    done = connect(leat, free_port, pki.ca)
    assert done.returncode == 1
    assert b"HTTP" in done.stderr or b"closed" in done.stderr, done.stderr

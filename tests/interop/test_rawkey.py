"""Raw public keys (RFC 7250) with GnuTLS, both roles, TLS 1.2 and 1.3. (OpenSSL 3.0 does not have them.)

REQ: F-rpk
"""
import json
import subprocess
import time

import pytest

from lib import peers

VERSIONS = ["1.2", "1.3"]


def public(pki, name, tmp_path):
    out = tmp_path / (name + ".pub")
    subprocess.run(["openssl", "pkey", "-in", pki.cert(name).key, "-pubout", "-out", out],
                   check=True)
    return str(out)


def priority(version, server="RAWPK", client="X509"):
    return (f"{peers.gnutls_priority(version=version)}:-CTYPE-ALL:+CTYPE-SRV-{server}"
            f":+CTYPE-CLI-{client}")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert", ["p256", "rsa2048", "ed25519"])
@pytest.mark.parametrize("good", [True, False])
def test_gnutls_server(leat, pki, run_server, free_port, tmp_path, cert, version, good):
    server = run_server(
        ["gnutls-serv", "--echo", "-a", "-p", free_port, "--priority", priority(version),
         "--rawpkkeyfile", pki.cert(cert).key, "--rawpkfile", public(pki, cert, tmp_path)],
        ready=free_port)
    pin = public(pki, cert if good else "p384", tmp_path)
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{free_port}", "--servername", "localhost", "--json",
         "--peer-key", pin, "--set", "server_certificate_type=raw", "--cacert", pki.ca],
        input=b"hello\n", capture_output=True, timeout=60)
    if good:
        assert b"hello" in done.stdout, done.stderr.decode() + server.output()
    else:
        assert done.returncode in (1, 4)
        assert b"raw public key" in done.stderr, done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert", ["client", "client-ed25519"])
@pytest.mark.parametrize("good", [True, False])
def test_gnutls_client(leat, pki, run_server, tmp_path, cert, version, good):
    """Both sides show a bare key; the server takes one and no other."""
    ident = pki.cert("p256")
    server = run_server(
        [leat, "accept", "0", "--json", "--http", "--cert", ident.chain, "--key", ident.key,
         "--server_certificate_type", "raw", "--client_certificate_type", "raw", "--verify",
         "verify_peer", "--fail_if_no_peer_cert", "true", "--peer-key",
         public(pki, cert if good else "p384", tmp_path)],
        ready=r'"event":"listening".*"port":(\d+)')
    argv = ["gnutls-cli", "-p", server.match.group(1), "--no-ca-verification", "--priority",
            priority(version, client="RAWPK"), "--rawpkkeyfile", pki.cert(cert).key,
            "--rawpkfile", public(pki, cert, tmp_path), "127.0.0.1"]
    code, text = peers._run(argv, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert ("HTTP/1.1 200" in text) is good, text + server.output()
    for _ in range(100):
        lines = [json.loads(line) for line in server.output().splitlines() if line[0] == "{"]
        if any(e["event"] == "connection" for e in lines):
            break
        time.sleep(0.05)
    assert ("raw public key" in server.output()) is not good, server.output()

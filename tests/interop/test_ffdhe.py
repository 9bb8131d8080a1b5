"""The finite field groups of RFC 7919 in TLS 1.3, with OpenSSL and GnuTLS on the other side, both roles.

REQ: F-ffdhe
"""
import subprocess

import pytest

from lib import peers

GROUPS = ["ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"]
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def connect(leat, port, ca, *args):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", ca,
         "--json", "--timeout", "30", *args], input=REQUEST, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert b"200" in done.stdout
    return done.stderr.decode()


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_server(leat, pki, run_server, free_port, peer, group):
    ident = pki.cert("p256")
    if peer == "openssl":
        run_server(["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-www", "-cert",
                    ident.cert, "-key", ident.key, "-cert_chain", ident.chain, "-tls1_3", "-groups",
                    group], ready=r"ACCEPT")
    else:
        run_server(["gnutls-serv", "--http", "-a", "-p", free_port, "--x509keyfile", ident.key,
                    "--x509certfile", ident.chain, "--priority",
                    f"NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-{group.upper()}"],
                   ready=free_port)
    text = connect(leat, free_port, pki.ca, "--groups", f"x25519,{group}")
    assert f'"group": "{group}"' in text or f'"group":"{group}"' in text, text


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_client(leat, pki, run_server, free_port, peer, group):
    ident = pki.cert("p256")
    run_server([leat, "accept", f"127.0.0.1:{free_port}", "--http", "--cert", ident.chain, "--key",
                ident.key, "--groups", group], ready=free_port)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    argv = {
        "openssl": ["openssl", "s_client", "-connect", f"127.0.0.1:{free_port}", "-CAfile", pki.ca,
                    "-verify_return_error", "-ign_eof", "-tls1_3", "-groups", f"X25519:{group}"],
        "gnutls": ["gnutls-cli", "-p", free_port, "--x509cafile", pki.ca, "--verify-hostname",
                   "localhost", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:"
                   f"+GROUP-X25519:+GROUP-{group.upper()}", "127.0.0.1"],
    }[peer]
    code, text = peers._run(argv, request)
    assert code == 0 and "HTTP/1.1 200" in text, text

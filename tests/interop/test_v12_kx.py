"""DHE and PSK suites of TLS 1.2 with OpenSSL and GnuTLS on the other side, both roles."""
import subprocess

import pytest

from lib import peers

KEY = "00112233445566778899aabbccddeeff"
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
DHE = {  # IANA name -> OpenSSL name, GnuTLS words
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256": ("DHE-RSA-AES128-GCM-SHA256", "+DHE-RSA:+AES-128-GCM"),
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384": ("DHE-RSA-AES256-GCM-SHA384", "+DHE-RSA:+AES-256-GCM"),
    "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256": (
        "DHE-RSA-CHACHA20-POLY1305", "+DHE-RSA:+CHACHA20-POLY1305"),
    "TLS_DHE_RSA_WITH_AES_128_CCM": ("DHE-RSA-AES128-CCM", "+DHE-RSA:+AES-128-CCM"),
}
PSK = {
    "TLS_PSK_WITH_AES_128_GCM_SHA256": ("PSK-AES128-GCM-SHA256", "+PSK:+AES-128-GCM"),
    "TLS_PSK_WITH_AES_128_CCM": ("PSK-AES128-CCM", "+PSK:+AES-128-CCM"),
    "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256": ("DHE-PSK-AES128-GCM-SHA256", "+DHE-PSK:+AES-128-GCM"),
    "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384": ("DHE-PSK-AES256-GCM-SHA384", "+DHE-PSK:+AES-256-GCM"),
    "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256": (
        "ECDHE-PSK-CHACHA20-POLY1305", "+ECDHE-PSK:+CHACHA20-POLY1305"),
}


def priority(words):
    return ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:-CIPHER-ALL:-MAC-ALL:+AEAD:" + words)


def connect(leat, port, *args):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--json", "--timeout",
         "30", *args], input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert b"200" in done.stdout
    return done.stderr.decode()


@pytest.mark.parametrize("suite", DHE)
@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_dhe_server(leat, pki, run_server, free_port, peer, suite):
    ident = pki.cert("rsa2048")
    if peer == "openssl":
        run_server(["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-www", "-cert",
                    ident.cert, "-key", ident.key, "-cert_chain", ident.chain, "-tls1_2", "-cipher",
                    DHE[suite][0] + ":@SECLEVEL=0"], ready=r"ACCEPT")
    else:
        run_server(["gnutls-serv", "--http", "-a", "-p", free_port, "--x509keyfile", ident.key,
                    "--x509certfile", ident.chain, "--priority", priority(DHE[suite][1])],
                   ready=free_port)
    assert suite in connect(leat, free_port, "--cacert", pki.ca, "--ciphers", suite, "--tls1_2")


def fetch(peer, port, names, more):
    argv = {
        "openssl": ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", "-tls1_2",
                    "-cipher", names[0] + ":@SECLEVEL=0", *more["openssl"]],
        "gnutls": ["gnutls-cli", "-p", port, "--priority", priority(names[1] + ":+GROUP-ALL"),
                   *more["gnutls"], "127.0.0.1"],
    }[peer]
    code, text = peers._run(argv, HTTP)
    assert code == 0 and "HTTP/1.1 200" in text, text


@pytest.mark.parametrize("suite", DHE)
@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_dhe_client(leat, pki, run_server, free_port, peer, suite):
    ident = pki.cert("rsa2048")
    run_server([leat, "accept", f"127.0.0.1:{free_port}", "--http", "--cert", ident.chain, "--key",
                ident.key, "--ciphers", suite, "--tls1_2"], ready=free_port)
    fetch(peer, free_port, DHE[suite], {
        "openssl": ["-CAfile", pki.ca, "-verify_return_error"],
        "gnutls": ["--x509cafile", pki.ca, "--verify-hostname", "localhost"]})


@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_own_prime(leat, pki, run_server, free_port, tmp_path, peer):
    """A prime of the server's, none of RFC 7919; the client names no finite group."""
    suite = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"
    subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                    "group:modp_3072", "-out", tmp_path / "dh"], check=True)
    ident = pki.cert("rsa2048")
    run_server([leat, "accept", f"127.0.0.1:{free_port}", "--http", "--cert", ident.chain, "--key",
                ident.key, "--dhfile", tmp_path / "dh", "--ciphers", suite, "--tls1_2"],
               ready=free_port)
    argv = {
        "openssl": ["openssl", "s_client", "-connect", f"127.0.0.1:{free_port}", "-ign_eof",
                    "-tls1_2", "-cipher", DHE[suite][0] + ":@SECLEVEL=0", "-CAfile", pki.ca],
        "gnutls": ["gnutls-cli", "-p", free_port, "--x509cafile", pki.ca, "--verify-hostname",
                   "localhost", "--priority",
                   priority(DHE[suite][1] + ":-GROUP-ALL:+GROUP-X25519"), "127.0.0.1"],
    }[peer]
    code, text = peers._run(argv, HTTP)
    assert code == 0 and "HTTP/1.1 200" in text, text
    assert "group: -\n" in text.replace("\r", ""), text  # our report: no named one
    assert peer == "gnutls" or "DH, 3072 bits" in text, text


@pytest.mark.parametrize("suite", PSK)
@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_psk_server(leat, run_server, free_port, tmp_path, peer, suite):
    if peer == "openssl":
        # without: 1024 bits, which we refuse
        subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                        "group:ffdhe3072", "-out", tmp_path / "dh"], check=True)
        run_server(["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-www", "-nocert",
                    "-dhparam", tmp_path / "dh",
                    "-tls1_2", "-psk", KEY, "-psk_hint", "say", "-cipher",
                    PSK[suite][0] + ":@SECLEVEL=0"], ready=r"ACCEPT")
    else:
        (tmp_path / "psk").write_text(f"me:{KEY}\n")
        run_server(["gnutls-serv", "--http", "-a", "-p", free_port, "--pskpasswd",
                    tmp_path / "psk", "--priority", priority(PSK[suite][1])], ready=free_port)
    name = "Client_identity" if peer == "openssl" else "me"
    assert suite in connect(leat, free_port, "--ciphers", suite, "--tls1_2", "--psk",
                            f"{name}:{KEY}")


@pytest.mark.parametrize("suite", PSK)
@pytest.mark.parametrize("peer", ["openssl", "gnutls"])
def test_psk_client(leat, run_server, free_port, peer, suite):
    if peer == "gnutls" and "_TLS_PSK" not in "_" + suite:
        pytest.skip("gnutls-cli 3.7.9 crashes when it prints what it knows of these sessions")
    run_server([leat, "accept", f"127.0.0.1:{free_port}", "--http", "--dev", "--ciphers",
                suite + ",TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "--psk", f"me:{KEY}", "--tls1_2"], ready=free_port)
    fetch(peer, free_port, PSK[suite], {
        "openssl": ["-psk", KEY, "-psk_identity", "me"],
        "gnutls": ["--pskusername", "me", "--pskkey", KEY]})

"""Other people's clients against leat serve: versions x suites x groups x certificate types.

One server for each certificate; the client insists on one combination, so success says what was
negotiated, and the access log of ours must agree with it.

REQ: F-13 F-suites13 F-ccm F-hrr F-x25519 F-x448 F-ed25519 F-ed448 F-pss-rsae F-pss-pss F-chacha12
REQ: F-ems GEN-server-chain
"""
import json
import time

import pytest

from lib import peers

CERTS = ["p256", "rsa2048", "rsapss", "p384", "p521", "ed25519", "ed448"]
ECDSA12 = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
           "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"]
RSA12 = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
         "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]
SUITES13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_AES_128_CCM_SHA256"]
VERSION_NAME = {"1.2": "tlsv1.2", "1.3": "tlsv1.3"}


class Site:
    """leat serve with one certificate, a small and a larger file, and its JSON access log."""

    def __init__(self, leat, pki, folder, cert, server):
        self.ca = pki.ca
        self.seen = 0
        self.log = folder / "access.log"
        root = folder / "root"
        root.mkdir()
        (root / "index.html").write_text("hello from leat\n")
        self.big = bytes(range(256)) * 1024
        (root / "big.bin").write_bytes(self.big)
        ident = pki.cert(cert)
        self.server = server(
            [leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain, "--key",
             ident.key, "--access-log", self.log, "--json"],
            ready=r'"event":"listening".*"port":(\d+)')
        self.port = int(self.server.match.group(1))

    def last(self):
        """The newest entry; the server writes it when the answer is on its way, so wait for it."""
        for _ in range(100):
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            if len(lines) > self.seen:
                self.seen = len(lines)
                return json.loads(lines[-1])
            time.sleep(0.05)
        raise AssertionError("no new line in the access log\n" + self.server.output())


@pytest.fixture(scope="module")
def site(leat, pki, tmp_path_factory):
    from lib.proc import Server
    made = {}

    def get(cert):
        if cert not in made:
            made[cert] = Site(leat, pki, tmp_path_factory.mktemp("site-" + cert), cert, Server)
        return made[cert]

    yield get
    for s in made.values():
        assert s.server.stop() == 0, s.server.output()


def agree(site, version, suite=None, group=None):
    entry = site.last()
    assert entry["version"] == VERSION_NAME[version]
    if suite:
        assert entry["suite"] == suite
    if group:
        assert entry["group"] == group


@pytest.mark.parametrize("cert", CERTS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_openssl_certificates(site, cert, version):
    s = site(cert)
    ok, text = peers.openssl_client(s.port, s.ca, version=version)
    assert ok, text
    assert "Verify return code: 0 (ok)" in text
    agree(s, version)


@pytest.mark.parametrize("suite", SUITES13 + ECDSA12)
def test_openssl_suites(site, suite):
    s = site("p256")
    ok, text = peers.openssl_client(s.port, s.ca, suite=suite)
    assert ok, text
    agree(s, peers.SUITES[suite][0], suite)


@pytest.mark.parametrize("suite", RSA12)
def test_openssl_suites_rsa(site, suite):
    s = site("rsa2048")
    ok, text = peers.openssl_client(s.port, s.ca, suite=suite)
    assert ok, text
    agree(s, "1.2", suite)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("group", list(peers.GROUPS))
def test_openssl_groups(site, group, version):
    s = site("p256" if version == "1.3" else "rsa2048")  # 1.2: the curve of an EC key counts too
    ok, text = peers.openssl_client(s.port, s.ca, group=group, version=version)
    assert ok, text
    agree(s, version, group=group)


def test_openssl_retry(site):
    """The client's only share is for a group our server does not have: HelloRetryRequest."""
    s = site("p256")
    import subprocess
    p = subprocess.run(
        ["timeout", "30", "openssl", "s_client", "-connect", f"127.0.0.1:{s.port}", "-CAfile", s.ca,
         "-groups", "ffdhe2048:P-384", "-msg", "-no_ticket"], input=b"", capture_output=True)
    text = (p.stdout + p.stderr).decode(errors="replace")
    assert p.returncode == 0, text
    assert text.count("ClientHello") == 2, text
    assert "ECDH, P-384, 384 bits" in text or "secp384r1" in text.lower(), text


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cert", ["p256", "rsa2048", "rsapss", "ed25519"])
def test_gnutls_certificates(site, cert, version):
    s = site(cert)
    ok, text = peers.gnutls_client(s.port, s.ca, version=version)
    assert ok, text
    agree(s, version)


@pytest.mark.parametrize("suite", SUITES13 + ECDSA12)
def test_gnutls_suites(site, suite):
    s = site("p256")
    ok, text = peers.gnutls_client(s.port, s.ca, suite=suite)
    assert ok, text
    agree(s, peers.SUITES[suite][0], suite)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("group", ["x25519", "secp256r1", "secp384r1", "secp521r1", "x448"])
def test_gnutls_groups(site, group, version):
    s = site("p256" if version == "1.3" else "rsa2048")
    ok, text = peers.gnutls_client(s.port, s.ca, group=group, version=version)
    assert ok, text
    agree(s, version, group=group)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("cert", ["p256", "rsa2048"])
def test_curl(site, cert, version, tmp_path):
    s = site(cert)
    out = tmp_path / "got"
    ok, text = peers.curl(s.port, s.ca, version=version, path="/big.bin", extra=["-o", out])
    assert ok, text
    assert out.read_bytes() == s.big
    agree(s, version)


@pytest.mark.parametrize("args,needle", [
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"),
    (["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], "handshake failure"),
    (["-tls1_3", "-groups", "ffdhe2048"], "handshake failure"),
    (["-tls1_3", "-sigalgs", "ed25519"], "handshake failure"),
    (["-tls1_2", "-fallback_scsv"], "inappropriate fallback"),
])
def test_refusals_carry_the_right_alert(site, args, needle):
    import subprocess
    s = site("p256")
    p = subprocess.run(["timeout", "30", "openssl", "s_client", "-connect", f"127.0.0.1:{s.port}",
                        "-CAfile", s.ca, *args], input=b"", capture_output=True,
                       env={"OPENSSL_CONF": "/dev/null", "PATH": "/usr/bin:/bin"})
    text = (p.stdout + p.stderr).decode(errors="replace")
    assert p.returncode != 0
    assert needle in text, text

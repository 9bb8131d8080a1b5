"""Other people's clients bring a cookie back: leat serve asks each of them twice.

REQ: F-cookie T-api-cookie
"""
import pytest

from lib import peers


def serve(leat, pki, tmp_path_factory, *settings):
    from lib.proc import Server
    root = tmp_path_factory.mktemp("site")
    (root / "index.html").write_text("hello from leat\n")
    ident = pki.cert("p256")
    s = Server([leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain, "--key",
                ident.key, "--json", *[x for s in settings for x in ("--set", s)]],
               ready=r'"event":"listening".*"port":(\d+)')
    yield int(s.match.group(1))
    assert s.stop() == 0, s.output()


@pytest.fixture(scope="module")
def site(leat, pki, tmp_path_factory):
    yield from serve(leat, pki, tmp_path_factory, "always_retry=true")


@pytest.fixture(scope="module")
def other_group(leat, pki, tmp_path_factory):
    """Cookie and another share: GnuTLS 3.7 takes no request without a share to change."""
    yield from serve(leat, pki, tmp_path_factory, "cookie=true", "groups=secp521r1")


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
@pytest.mark.parametrize("group", ["x25519", "secp521r1"])
def test_openssl(site, pki, suite, group):
    ok, text = peers.openssl_client(site, pki.ca, suite=suite, group=group, extra=["-msg"])
    assert ok, text
    assert text.count(", ClientHello") == 2, text


def test_gnutls(other_group, pki):
    ok, text = peers.gnutls_client(other_group, pki.ca, version="1.3")
    assert ok, text


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(site, pki, version):
    ok, text = peers.curl(site, pki.ca, version=version)
    assert ok and "hello from leat" in text, text

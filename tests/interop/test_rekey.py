"""Other people's programs read records that are padded and whose keys change by themselves; and a server
of theirs refuses a client of ours that says it fell back.

REQ: F-keyupd-auto F-padding13 OPT-fallback
"""
import subprocess

import pytest

from lib import peers

TEXT = "a line of the big file, number %06d\n"
LINES = 8000


@pytest.fixture(scope="module")
def site(leat, pki, tmp_path_factory):
    from lib.proc import Server
    root = tmp_path_factory.mktemp("site")
    (root / "index.html").write_text("".join(TEXT % n for n in range(LINES)))
    ident = pki.cert("p256")
    s = Server([leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain, "--key",
                ident.key, "--records", "user", "--set", "key_update_at=60000", "--set",
                "record_padding=1000", "--json"], ready=r'"event":"listening".*"port":(\d+)')
    yield int(s.match.group(1))
    assert s.stop() == 0, s.output()


def whole(text):
    assert all(TEXT % n in text for n in (0, 1, LINES // 2, LINES - 1))
    assert text.count("a line of the big file") == LINES


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"])
def test_openssl_client(site, pki, suite):
    ok, text = peers.openssl_client(site, pki.ca, suite=suite)
    assert ok, text[-2000:]
    whole(text)


def test_openssl_client_sees_the_updates(site, pki):
    ok, text = peers.openssl_client(site, pki.ca, version="1.3", extra=["-msg"])
    assert ok
    # 300 KB by 60 KB; GnuTLS refuses more than eight in a second
    assert text.count("Handshake [length 0005], KeyUpdate") in range(3, 8)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls_client(site, pki, version):
    ok, text = peers.gnutls_client(site, pki.ca, version=version)
    assert ok, text[-2000:]
    whole(text)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(site, pki, tmp_path, version):
    ok, text = peers.curl(site, pki.ca, version=version, extra=["-o", tmp_path / "got"])
    assert ok, text[-2000:]
    whole((tmp_path / "got").read_text())


@pytest.mark.parametrize("theirs,ok", [(None, False), ("1.2", True)])
def test_fallback(leat, pki, run_server, free_port, theirs, ok):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version=theirs), ready="ACCEPT")
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{free_port}", "--servername", "localhost", "--cacert",
         pki.ca, "--tls1_2", "--set", "fallback=true", "--timeout", "20"],
        input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=60)
    if ok:
        assert done.returncode == 0 and b"200" in done.stdout, done.stderr
    else:
        assert done.returncode == 1
        assert b"inappropriate_fallback" in done.stderr, done.stderr

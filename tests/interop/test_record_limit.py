"""record_size_limit with GnuTLS, max_fragment_length with OpenSSL, both roles and versions.

REQ: F-rsl F-mfl
"""
import json
import subprocess

import pytest

from lib import peers

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def connect(leat, port, ca, version, *settings):
    argv = [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", ca,
            "--json", "--timeout", "30", "--versions", "tlsv" + version]
    for s in settings:
        argv += ["--set", s]
    done = subprocess.run(argv, input=REQUEST, capture_output=True, timeout=60)
    assert b"200" in done.stdout, done.stderr.decode()
    return [json.loads(x) for x in done.stderr.decode().splitlines() if x.startswith("{")][-1]


# ---- leat connect ----------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("size", [512, 1024, 2048, 4096])
def test_openssl_server_fragments(leat, pki, run_server, free_port, version, size):
    run_server(peers.openssl_server(free_port, pki.cert("rsa2048"), version=version),
               ready="ACCEPT")
    facts = connect(leat, free_port, pki.ca, version, f"max_fragment_length={size}")
    assert facts["record_rx"] == facts["record_tx"] == size


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("size", [512, 1000, 16384])
def test_gnutls_server_sizes(leat, pki, run_server, free_port, version, size):
    """Its records are no longer than we said, or we would end the connection."""
    run_server(peers.gnutls_server(free_port, pki.cert("rsa2048"), version=version),
               ready=free_port)
    facts = connect(leat, free_port, pki.ca, version, f"record_size_limit={size}")
    assert facts["record_rx"] == size - (version == "1.3")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls_server_says_less(leat, pki, run_server, free_port, version):
    run_server(peers.gnutls_server(free_port, pki.cert("p256"), version=version)
               + ["--recordsize", "1024"], ready=free_port)
    facts = connect(leat, free_port, pki.ca, version, "record_size_limit=2000")
    assert facts["record_rx"] == 2000 - (version == "1.3")
    assert facts["record_tx"] in (1023, 1024)  # by what GnuTLS counts


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_both_at_once(leat, pki, run_server, free_port, version):
    """OpenSSL knows the one, GnuTLS prefers the other."""
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version=version), ready="ACCEPT")
    facts = connect(leat, free_port, pki.ca, version, "record_size_limit=2000",
                    "max_fragment_length=1024")
    assert facts["record_rx"] == facts["record_tx"] == 1024


# ---- leat serve ------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def site(leat, pki, tmp_path_factory):
    from lib.proc import Server
    folder = tmp_path_factory.mktemp("site")
    root, log = folder / "root", folder / "log"
    root.mkdir()
    (root / "index.html").write_text("hello from leat\n" * 4096)
    ident = pki.cert("rsa2048")
    s = Server([leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain, "--key",
                ident.key, "--access-log", log, "--json"],
               ready=r'"event":"listening".*"port":(\d+)')
    yield int(s.match.group(1))
    assert s.stop() == 0, s.output()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("size", [512, 4096])
def test_openssl_client_fragments(site, pki, version, size):
    """s_client refuses longer fragments."""
    ok, text = peers.openssl_client(site, pki.ca, version=version,
                                    extra=["-maxfraglen", str(size)])
    assert ok, text
    assert text.count("hello from leat") == 4096


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("size", [512, 1000, 4096])
def test_gnutls_client_sizes(site, pki, version, size):
    argv = ["gnutls-cli", "-p", site, "--x509cafile", pki.ca, "--sni-hostname", "localhost",
            "--verify-hostname", "localhost", "--recordsize", size, "--priority",
            peers.gnutls_priority(version=version), "127.0.0.1"]
    done = subprocess.run(["timeout", "60"] + [str(a) for a in argv],
                          input=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                          capture_output=True)
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, text
    assert text.count("hello from leat") == 4096, text

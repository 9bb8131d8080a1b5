# SPDX-License-Identifier: Apache-2.0
"""What travels with certificates, against other people's programs: OCSP responses in both roles and both
versions, certificates that demand one, SCTs, packed certificates (RFC 8879; of the peers GnuTLS has it).

REQ: F-ocsp-c F-ocsp-s F-muststaple
"""
import json
import subprocess

import pytest
from cryptography import x509

from lib import ocsp, peers

VERSIONS = ["1.2", "1.3"]
VERSION_NAME = {"1.2": "tlsv1.2", "1.3": "tlsv1.3"}
PACKED = {"zlib": "ZLIB", "brotli": "BROTLI", "zstd": "ZSTD"}
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
# what our client does with each kind of response
REFUSED = {"revoked": "certificate_revoked", "unknown": "bad_certificate_status_response",
           "expired": "bad_certificate_status_response",
           "wrongissuer": "bad_certificate_status_response"}


def connect(leat, port, ca, version, *args):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", ca,
         "--json", "--timeout", "30", "--versions", VERSION_NAME[version], *args],
        input=REQUEST, capture_output=True, timeout=60)
    facts = [json.loads(s) for s in done.stderr.decode().splitlines() if s.startswith("{")]
    assert facts, done.stderr.decode()
    return done.returncode, facts[-1]


def needs_packing_gnutls():
    """Debian 12 builds GnuTLS without any of the three libraries."""
    lib = subprocess.run(["sh", "-c", "ldd $(command -v gnutls-cli)"], capture_output=True,
                         text=True).stdout
    if not any(x in lib for x in ("libz.", "libbrotli", "libzstd")):
        pytest.skip("GnuTLS here was built without zlib, Brotli and zstd")


def serve(leat, run_server, folder, ident, *args):
    root = folder / "root"
    root.mkdir(exist_ok=True)
    (root / "index.html").write_text("hello from leat\n")
    server = run_server(
        [leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain, "--key", ident.key,
         "--json", *args], ready=r'"event":"listening".*"port":(\d+)')
    return int(server.match.group(1))


# ---- our client ----

@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ocsp.KINDS)
def test_openssl_server_staples(leat, pki, run_server, free_port, tmp_path, kind, version):
    ident = pki.cert("p256")
    path = ocsp.write(tmp_path, pki, ident, kind)
    run_server(peers.openssl_server(free_port, ident, version=version,
                                    extra=["-status_file", path]), ready=r"ACCEPT")
    code, facts = connect(leat, free_port, pki.ca, version, "--set", "ocsp_stapling=true")
    if kind in REFUSED:
        assert code == 4 and REFUSED[kind] in facts["error"], facts
    else:
        assert code in (0, 5) and facts["ocsp"] == "good", facts


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_server_without_one(leat, pki, run_server, free_port, version):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version=version), ready=r"ACCEPT")
    code, facts = connect(leat, free_port, pki.ca, version, "--set", "ocsp_stapling=true")
    assert code in (0, 5) and facts["ocsp"] == "none"
    code, facts = connect(leat, free_port, pki.ca, version, "--set", "ocsp_stapling=required")
    assert code == 4 and "bad_certificate_status_response" in facts["error"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["good", "delegated"])
def test_gnutls_server_staples(leat, pki, run_server, free_port, tmp_path, kind, version):
    ident = pki.cert("p256")
    argv = peers.gnutls_server(free_port, ident, version=version)
    run_server(argv + ["--ocsp-response", ocsp.write(tmp_path, pki, ident, kind),
                       "--ignore-ocsp-response-errors"], ready=free_port)
    code, facts = connect(leat, free_port, pki.ca, version, "--set", "ocsp_stapling=required")
    assert code in (0, 5) and facts["ocsp"] == "good", facts


@pytest.mark.parametrize("version", VERSIONS)
def test_demanding_certificate(leat, pki, run_server, free_port, tmp_path, version):
    """RFC 7633: without a response it is refused by who asked, and taken by who did not."""
    ident = pki.issue("demanding", extensions=[
        (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)])
    run_server(peers.openssl_server(free_port, ident, version=version), ready=r"ACCEPT")
    code, facts = connect(leat, free_port, pki.ca, version, "--set", "ocsp_stapling=true")
    assert code == 4 and "demands" in facts["error"], facts
    code, facts = connect(leat, free_port, pki.ca, version)
    assert code in (0, 5), facts
    port = serve(leat, run_server, tmp_path, ident, "--ocsp-file",
                 ocsp.write(tmp_path, pki, ident))
    code, facts = connect(leat, port, pki.ca, version, "--set", "ocsp_stapling=true")
    assert code == 0 and facts["ocsp"] == "good", facts


@pytest.mark.parametrize("method", list(PACKED))
def test_gnutls_server_packs(leat, pki, run_server, free_port, method):
    needs_packing_gnutls()
    argv = peers.gnutls_server(free_port, pki.cert("rsa2048"), version="1.3")
    run_server(argv + ["--compress-cert", PACKED[method]], ready=free_port)
    code, facts = connect(leat, free_port, pki.ca, "1.3", "--set", f"cert_compression={method}")
    assert code in (0, 5) and facts["cert_packed"] == method, facts


# ---- our server ----

@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_client_sees_it(leat, pki, run_server, tmp_path, version):
    ident = pki.cert("p256")
    port = serve(leat, run_server, tmp_path, ident, "--ocsp-file",
                 ocsp.write(tmp_path, pki, ident))
    ok, text = peers.openssl_client(port, pki.ca, version=version, extra=["-status"])
    assert ok and "OCSP Response Status: successful" in text and "Cert Status: good" in text, text
    ok, text = peers.openssl_client(port, pki.ca, version=version)
    assert ok and "OCSP Response Status" not in text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["good", "delegated", "revoked"])
def test_gnutls_client_judges_it(leat, pki, run_server, tmp_path, kind, version):
    """gnutls-cli asks by itself and refuses what is revoked."""
    ident = pki.cert("p256")
    port = serve(leat, run_server, tmp_path, ident, "--ocsp-file",
                 ocsp.write(tmp_path, pki, ident, kind))
    ok, text = peers.gnutls_client(port, pki.ca, version=version)
    assert ok is (kind != "revoked"), text
    assert ("OCSP status request" in text) is (kind != "revoked"), text


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_client_sees_scts(leat, pki, run_server, tmp_path, version):
    """s_client -ct wants logs it knows, so the bytes themselves are looked for."""
    sct = bytes([0]) + b"L" * 32 + bytes(8) + bytes(2) + bytes([4, 3, 0, 4]) + b"sig!"
    path = tmp_path / "list.sct"
    path.write_bytes((len(sct) + 2).to_bytes(2, "big") + len(sct).to_bytes(2, "big") + sct)
    port = serve(leat, run_server, tmp_path, pki.cert("p256"), "--sct-file", path)
    ok, text = peers.openssl_client(
        port, pki.ca, version=version, extra=["-serverinfo", "18"] if version == "1.2" else
        ["-tlsextdebug"])
    assert ok, text
    code, facts = connect(leat, port, pki.ca, version, "--set", "sct=true")
    assert code == 0 and facts["scts_tls"] == 1, facts
    if version == "1.2":
        assert "SERVERINFO FOR EXTENSION 18" in text, text


@pytest.mark.parametrize("method", list(PACKED))
def test_gnutls_client_unpacks(leat, pki, run_server, tmp_path, method):
    needs_packing_gnutls()
    ident = pki.cert("rsa2048")
    port = serve(leat, run_server, tmp_path, ident, "--set", f"cert_compression={method}",
                 "--ocsp-file", ocsp.write(tmp_path, pki, ident))
    argv = ["gnutls-cli", "-d", "4", "-p", port, "--x509cafile", pki.ca, "--sni-hostname",
            "localhost", "--verify-hostname", "localhost", "--priority",
            peers.gnutls_priority(version="1.3"), "--compress-cert", PACKED[method], "127.0.0.1"]
    code, text = peers._run(argv, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert code == 0 and "HTTP/1.1 200" in text, text
    assert "COMPRESSED_CERTIFICATE" in text or "COMPRESSED CERTIFICATE" in text, text

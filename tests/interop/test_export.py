"""Exporters, channel bindings and key logs: what leat says is what the peer's program says.

REQ: F-exporter F-cb9266 F-keylog
"""
import hashlib
import json
import re
import ssl
import socket
import subprocess
import threading

import pytest

from lib import peers

LABEL = "EXPERIMENTAL leat test"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]


def connect(leat, port, ca, *args):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", ca,
         "--json", "--timeout", "30", *args], input=REQUEST, capture_output=True, timeout=60)
    for line in done.stderr.decode().splitlines():
        if line.startswith("{"):
            return done, json.loads(line)
    raise AssertionError(done.stderr.decode())


def log(path):
    """The lines of a key log without its comments; hex in capitals or not is the same."""
    lines = [x.lower() for x in path.read_text().splitlines() if x and not x.startswith("#")]
    assert len(lines) == len(set(lines)), "a secret was told twice"
    return set(lines)


# ---- exporters -------------------------------------------------------------------------------

@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("size", [20, 100])
def test_openssl_server_exports_the_same(leat, pki, run_server, free_port, suite, size):
    ident = pki.cert("p256")
    server = run_server(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-cert", ident.cert, "-key",
         ident.key, "-cert_chain", ident.chain, "-keymatexport", LABEL, "-keymatexportlen",
         str(size)], ready="ACCEPT", stdin=subprocess.PIPE)
    _, facts = connect(leat, free_port, pki.ca, "--suites", suite, "--versions",
                       "tlsv" + peers.SUITES[suite][0], "--export", f"{LABEL}:{size}")
    assert facts["suite"] == suite, facts
    said = server.wait_line(r"Keying material: ([0-9A-F]+)", timeout=10)
    assert facts["exporter"] == said.group(1).lower()
    assert len(facts["exporter"]) == 2 * size


# ---- channel bindings ------------------------------------------------------------------------

def fingerprint(pem_path, name):
    der = ssl.PEM_cert_to_DER_cert(open(pem_path, encoding="ascii").read())
    return hashlib.new(name, der).hexdigest()


class Python:
    """A server of Python's ssl that says its tls-unique."""

    def __init__(self, ident, version):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.minimum_version = ctx.maximum_version = version
        ctx.load_cert_chain(ident.chain, ident.key)
        self.unique = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, args=(ctx,), daemon=True)
        self.thread.start()

    def _serve(self, ctx):
        with ctx.wrap_socket(self.listener.accept()[0], server_side=True) as s:
            self.unique = s.get_channel_binding("tls-unique")
            s.recv(1000)
            s.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            try:
                s.unwrap()
            except OSError:
                pass


def test_tls_unique(leat, pki):
    server = Python(pki.cert("p256"), ssl.TLSVersion.TLSv1_2)
    _, facts = connect(leat, server.port, pki.ca, "--bindings")
    server.thread.join(30)
    assert facts["version"] == "tlsv1.2"
    assert facts["tls-unique"] == server.unique.hex()


@pytest.mark.parametrize("cert,name", [("p256", "sha256"), ("rsa2048", "sha256"),
                                       ("rsapss", "sha256")])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_server_end_point(leat, pki, run_server, free_port, cert, name, version):
    ident = pki.cert(cert)
    run_server(peers.openssl_server(free_port, ident, version=version), ready="ACCEPT")
    _, facts = connect(leat, free_port, pki.ca, "--bindings")
    assert facts["tls-server-end-point"] == fingerprint(ident.cert, name)
    if version == "1.3":
        assert facts["tls-unique"] is None


def test_tls_exporter_of_openssl(leat, pki, run_server, free_port):
    """TLS 1.3: an empty context is no context, so s_server can be asked for RFC 9266's."""
    ident = pki.cert("p256")
    server = run_server(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-cert", ident.cert, "-key",
         ident.key, "-cert_chain", ident.chain, "-tls1_3", "-keymatexport",
         "EXPORTER-Channel-Binding", "-keymatexportlen", "32"], ready="ACCEPT",
        stdin=subprocess.PIPE)
    _, facts = connect(leat, free_port, pki.ca, "--bindings")
    said = server.wait_line(r"Keying material: ([0-9A-F]+)", timeout=10)
    assert facts["tls-exporter"] == said.group(1).lower()


# ---- key log ---------------------------------------------------------------------------------

@pytest.mark.parametrize("suite", SUITES)
def test_key_log_of_connect(leat, pki, run_server, free_port, tmp_path, suite):
    ident = pki.cert("p256")
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    run_server(peers.openssl_server(free_port, ident, suite=suite, extra=["-keylogfile", theirs]),
               ready="ACCEPT")
    done, _ = connect(leat, free_port, pki.ca, "--keylog", ours)
    assert b"SECRETS" in done.stderr, "a key log is not written in silence"
    assert log(ours) == log(theirs)
    assert len(log(ours)) == (5 if peers.SUITES[suite][0] == "1.3" else 1)
    assert ours.stat().st_mode & 0o777 == 0o600
    connect(leat, free_port, pki.ca, "--keylog", ours)  # appended
    assert log(ours) == log(theirs)
    assert len(log(ours)) == (10 if peers.SUITES[suite][0] == "1.3" else 2)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_key_log_of_serve(leat, pki, run_server, tmp_path, version):
    root, theirs, ours = tmp_path / "root", tmp_path / "theirs", tmp_path / "ours"
    root.mkdir()
    (root / "index.html").write_text("hello from leat\n")
    ident = pki.cert("p256")
    server = run_server([leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain,
                         "--key", ident.key, "--keylog", ours], ready=r"listening on .*:(\d+)")
    ok, text = peers.openssl_client(int(server.match.group(1)), pki.ca, version=version,
                                    extra=["-keylogfile", theirs])
    assert ok, text
    assert log(ours) == log(theirs)


def test_key_log_by_environment_only_when_named(leat, pki, run_server, free_port, tmp_path,
                                                monkeypatch):
    run_server(peers.openssl_server(free_port, pki.cert("p256")), ready="ACCEPT")
    by_env = tmp_path / "by-env"
    monkeypatch.setenv("SSLKEYLOGFILE", str(by_env))
    connect(leat, free_port, pki.ca)
    assert not by_env.exists()
    connect(leat, free_port, pki.ca, "--keylog", "env:SSLKEYLOGFILE")
    assert len(log(by_env)) in (1, 5)
    monkeypatch.delenv("SSLKEYLOGFILE")
    for bad in ("env:SSLKEYLOGFILE", "", str(tmp_path / "no" / "such")):
        done = subprocess.run([leat, "connect", "localhost:1", "--keylog", bad],
                              capture_output=True, timeout=30)
        assert done.returncode == 2, done.stderr
        assert re.search(rb"--keylog", done.stderr)

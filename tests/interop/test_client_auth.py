"""Clients that show a certificate: other people's against leat serve, leat connect against other
people's servers; TLS 1.2 and 1.3, good ones, none, and each kind of bad one.

REQ: F-ca-ext OPT-verify-s OPT-fail_if_no_peer_cert
"""
import hashlib
import json
import subprocess
import time

import pytest

from lib import peers

VERSIONS = ["1.2", "1.3"]
CLIENTS = ["client", "client-rsa", "client-ed25519"]
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def digest(ident):
    with open(ident.cert, "rb") as f:
        pem = f.read()
    return hashlib.sha256(subprocess.run(["openssl", "x509", "-outform", "DER"], input=pem,
                                         capture_output=True, check=True).stdout).hexdigest()


# ---- other people's clients ----

class Site:
    def __init__(self, leat, pki, folder, ca, *args):
        from lib.proc import Server
        self.ca, self.log, self.seen = pki.ca, folder / "access.log", 0
        (folder / "root").mkdir()
        (folder / "root" / "index.html").write_text("hello\n")
        ident = pki.cert("p256")
        self.server = Server(
            [leat, "serve", folder / "root", "--listen", "127.0.0.1:0", "--cert", ident.chain,
             "--key", ident.key, "--access-log", self.log, "--json", "--cacert", ca, *args],
            ready=r'"event":"listening".*"port":(\d+)')
        self.port = int(self.server.match.group(1))

    def last(self):
        for _ in range(100):
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            if len(lines) > self.seen:
                self.seen = len(lines)
                return json.loads(lines[-1])
            time.sleep(0.05)
        raise AssertionError("no new line in the access log\n" + self.server.output())


@pytest.fixture(scope="module")
def site(leat, pki, tmp_path_factory):
    made = {}

    def get(kind):
        if kind not in made:
            args = ["--set", "fail_if_no_peer_cert=true"] if kind == "required" else []
            made[kind] = Site(leat, pki, tmp_path_factory.mktemp("site"), pki.ca, *args)
        return made[kind]

    yield get
    for s in made.values():
        assert s.server.stop() == 0, s.server.output()


def openssl_args(ident):
    return ["-cert", ident.cert, "-key", ident.key, "-cert_chain", ident.chain]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert", CLIENTS)
def test_openssl_client(site, pki, cert, version):
    s, ident = site("required"), pki.cert(cert)
    ok, text = peers.openssl_client(s.port, s.ca, version=version, extra=openssl_args(ident))
    assert ok, text
    # the CA's name was in the request
    assert "leat test" in text.split("Acceptable client certificate CA names")[1], text
    assert s.last()["client"] == digest(ident)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert", CLIENTS)
def test_gnutls_client(site, pki, cert, version):
    s, ident = site("required"), pki.cert(cert)
    argv = ["gnutls-cli", "-p", s.port, "--x509cafile", s.ca, "--verify-hostname", "localhost",
            "--priority", peers.gnutls_priority(version=version), "--x509certfile", ident.chain,
            "--x509keyfile", ident.key, "127.0.0.1"]
    code, text = peers._run(argv, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert code == 0 and "HTTP/1.1 200" in text, text
    assert s.last()["client"] == digest(ident)


@pytest.mark.parametrize("version", VERSIONS)
def test_curl_client(site, pki, version):
    s, ident = site("required"), pki.cert("client")
    ok, text = peers.curl(s.port, s.ca, version=version,
                          extra=["--cert", ident.chain, "--key", ident.key])
    assert ok, text
    assert s.last()["client"] == digest(ident)


@pytest.mark.parametrize("version", VERSIONS)
def test_client_without_certificate(site, version):
    """Let in where one is only asked for; refused by the version's own alert where it is required."""
    s = site("asked")
    ok, text = peers.openssl_client(s.port, s.ca, version=version)
    assert ok, text
    assert "client" not in s.last()
    s = site("required")
    ok, text = peers.openssl_client(s.port, s.ca, version=version)
    assert not ok
    assert ("certificate required" if version == "1.3" else "handshake failure") in text, text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert,alert", [
    ("p256", "unsupported certificate"),  # may be a server only
    ("stranger-client", "unknown ca"),
    ("expired-client", "certificate expired"),
])
def test_bad_client_certificate(site, pki, cert, alert, version):
    if cert == "stranger-client" and cert not in pki.made:
        pki.issue(cert, usage="client", issuer="stranger")
    if cert == "expired-client" and cert not in pki.made:
        pki.issue(cert, usage="client", days=(-30, -1))
    s, ident = site("required"), pki.cert(cert)
    ok, text = peers.openssl_client(s.port, s.ca, version=version, extra=openssl_args(ident))
    assert not ok
    assert alert in text, text


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_resumes_with_its_certificate(site, pki, tmp_path, version):
    """A resumed connection is still that client's."""
    s, ident = site("required"), pki.cert("client")
    kept = tmp_path / "session"
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{s.port}", "-CAfile", s.ca, "-ign_eof",
            "-servername", "localhost", "-tls" + version.replace(".", "_"), *openssl_args(ident)]
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    code, text = peers._run([*argv, "-sess_out", kept], request)
    assert code == 0 and "HTTP/1.1 200" in text, text
    assert s.last()["client"] == digest(ident)
    code, text = peers._run([*argv, "-sess_in", kept], request)
    assert code == 0 and "Reused, TLSv" + version in text, text
    assert s.last()["client"] == digest(ident)


# ---- other people's servers ----

def connect(leat, port, pki, ident, *args):
    own = ["--cert", ident.chain, "--key", ident.key] if ident else []
    return subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", pki.ca,
         "--json", "--timeout", "30", *own, *args], input=REQUEST, capture_output=True, timeout=60)


def facts(done):
    for line in done.stderr.decode().splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise AssertionError(done.stderr.decode())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert", CLIENTS)
def test_openssl_server(leat, pki, run_server, free_port, cert, version):
    server = run_server(peers.openssl_server(
        free_port, pki.cert("p256"), version=version,
        extra=["-Verify", "4", "-verify_return_error", "-CAfile", pki.ca]), ready=r"ACCEPT")
    done = connect(leat, free_port, pki, pki.cert(cert))
    assert done.returncode == 0, done.stderr.decode() + server.output()
    assert b"200" in done.stdout
    assert f"leat test {cert}".encode() in done.stdout  # the page tells whose certificate came
    assert facts(done)["client_signature"]


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_server_resumes_with_our_certificate(leat, pki, run_server, free_port, tmp_path,
                                                     version):
    """What the server knows of us comes with the session; the certificate is not sent again."""
    server = run_server(peers.openssl_server(
        free_port, pki.cert("p256"), version=version,
        extra=["-Verify", "4", "-verify_return_error", "-CAfile", pki.ca]), ready=r"ACCEPT")
    for want in (False, True, True):
        done = connect(leat, free_port, pki, pki.cert("client"), "--session", tmp_path / "s")
        assert done.returncode == 0, done.stderr.decode() + server.output()
        assert facts(done)["resumed"] is want
        assert (facts(done)["client_signature"] is None) is want
        assert b"leat test client" in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cert", CLIENTS)
def test_gnutls_server(leat, pki, run_server, free_port, cert, version):
    argv = [a for a in peers.gnutls_server(free_port, pki.cert("p256"), version=version)
            if a != "-a"]
    server = run_server([*argv, "--require-client-cert", "--verify-client-cert", "--x509cafile",
                         pki.ca], ready=free_port)
    done = connect(leat, free_port, pki, pki.cert(cert))
    assert b"200" in done.stdout, done.stderr.decode() + server.output()
    assert facts(done)["client_signature"]


@pytest.mark.parametrize("version", VERSIONS)
def test_nginx_server(leat, pki, run_server, free_port, tmp_path, version):
    argv = peers.nginx_server(tmp_path, free_port, pki.cert("p256"), version=version)
    conf = tmp_path / "nginx.conf"
    conf.write_text(conf.read_text().replace(
        f"listen 127.0.0.1:{free_port} ssl;",
        f"listen 127.0.0.1:{free_port} ssl; ssl_verify_client on; ssl_verify_depth 3; "
        f"ssl_client_certificate {pki.ca};"))
    run_server(argv, ready=free_port)
    done = connect(leat, free_port, pki, pki.cert("client"))
    assert b"hello from nginx" in done.stdout, done.stderr.decode()
    done = connect(leat, free_port, pki, None)
    assert b"No required SSL certificate was sent" in done.stdout, done.stderr.decode()


@pytest.mark.parametrize("version", VERSIONS)
def test_server_that_insists(leat, pki, run_server, free_port, version):
    """We have none to show: the peer's alert is what the operator reads."""
    run_server(peers.openssl_server(
        free_port, pki.cert("p256"), version=version,
        extra=["-Verify", "4", "-verify_return_error", "-CAfile", pki.ca]), ready=r"ACCEPT")
    done = connect(leat, free_port, pki, None)
    assert done.returncode == 1
    word = b"certificate_required" if version == "1.3" else b"handshake_failure"
    assert word in done.stderr, done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_fits_the_request(leat, pki, run_server, free_port, version):
    """The server names another CA: an empty list goes out, the certificate stays here."""
    if "stranger-client" not in pki.made:
        pki.issue("stranger-client", usage="client", issuer="stranger")
    server = run_server(peers.openssl_server(
        free_port, pki.cert("p256"), version=version, extra=["-verify", "4", "-CAfile", pki.ca]),
        ready=r"ACCEPT")
    done = connect(leat, free_port, pki, pki.cert("stranger-client"))
    assert done.returncode == 0, done.stderr.decode()
    assert facts(done)["client_signature"] is None
    time.sleep(0.3)
    assert "stranger" not in server.output()


def test_openssl_server_sees_our_authorities(leat, pki, run_server, free_port):
    server = run_server(peers.openssl_server(
        free_port, pki.cert("p256"), version="1.3", extra=["-trace"]), ready=r"ACCEPT")
    done = connect(leat, free_port, pki, None, "--set", "certificate_authorities=true", "--set",
                   "signature_algs_cert=rsa_pkcs1_sha256,ecdsa_secp256r1_sha256")
    assert done.returncode == 0, done.stderr.decode()
    server.wait_line(r"certificate_authorities\(47\)", timeout=10)
    server.wait_line(r"signature_algorithms_cert\(50\)|signature_algorithms_cert", timeout=10)

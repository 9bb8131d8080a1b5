"""Resumption in TLS 1.2 with other people's programs, both roles: tickets (RFC 5077) and session ids.

REQ: F-ticket12 T-ossl-reuse T-alpn-session_reused
"""
import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time

import pytest

from lib import peers

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def connect(leat, port, ca, session, *args, host="localhost", version="--tls1_2"):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", host, "--cacert", ca, "--json",
         "--timeout", "30", "--session", session, *([version] if version else []), *args],
        input=REQUEST, capture_output=True, timeout=60)
    for line in done.stderr.decode().splitlines():
        if line.startswith("{"):
            return done, json.loads(line)
    raise AssertionError(done.stderr.decode())


def resumes(leat, port, ca, session, *args):
    for want in (False, True, True):
        done, facts = connect(leat, port, ca, session, *args)
        assert b"200" in done.stdout, done.stderr.decode()
        assert facts["version"] == "tlsv1.2", facts
        assert facts["resumed"] is want, facts
        assert session.stat().st_mode & 0o777 == 0o600


NO_EMS = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET, which Python has no name for


@contextlib.contextmanager
def python_server(port, ident, options):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(ident.chain, ident.key)
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    ctx.options |= options
    listener = socket.create_server(("127.0.0.1", port))

    def answer():
        while True:
            try:
                conn, _ = listener.accept()
                with ctx.wrap_socket(conn, server_side=True) as c:
                    c.recv(4096)
                    c.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            except (ValueError, OSError):
                if listener.fileno() < 0:
                    return

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


# ---- leat connect resumes --------------------------------------------------------------------

SUITES = [s for s, row in peers.SUITES.items() if row[0] == "1.2"]


@pytest.mark.parametrize("suite", SUITES)
def test_openssl_server(leat, pki, run_server, free_port, tmp_path, suite):
    """By ticket, every suite."""
    cert = "rsa2048" if "_RSA_" in suite else "p256"
    run_server(peers.openssl_server(free_port, pki.cert(cert), suite=suite), ready="ACCEPT")
    resumes(leat, free_port, pki.ca, tmp_path / "s", "--set", "ciphers=" + suite)


def test_openssl_server_by_id(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.2",
                                    extra=["-no_ticket"]), ready="ACCEPT")
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_openssl_server_without_sessions(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.2",
                                    extra=["-no_ticket", "-no_cache"]), ready="ACCEPT")
    s = tmp_path / "s"
    for _ in range(2):
        _, facts = connect(leat, free_port, pki.ca, s)
        assert not facts["resumed"]
    assert not s.exists()


def test_server_without_extended_master_secret(leat, pki, free_port, tmp_path):
    """Such sessions are not kept (RFC 7627 5.3)."""
    s = tmp_path / "s"
    with python_server(free_port, pki.cert("p256"), NO_EMS):
        for _ in range(2):
            _, facts = connect(leat, free_port, pki.ca, s)
            assert not facts["resumed"]
    assert not s.exists()
    with python_server(free_port, pki.cert("p256"), 0):  # the same server, with it
        for want in (False, True):
            _, facts = connect(leat, free_port, pki.ca, s)
            assert facts["resumed"] is want


def test_both_versions_in_one_hello(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.2"), ready="ACCEPT")
    s = tmp_path / "s"
    for want in (False, True):
        _, facts = connect(leat, free_port, pki.ca, s, version=None)
        assert facts["resumed"] is want and facts["version"] == "tlsv1.2"


def test_gnutls_server(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.gnutls_server(free_port, pki.cert("p256"), version="1.2"), ready="IPv4.*done")
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_gnutls_server_by_id(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.gnutls_server(free_port, pki.cert("p256"), version="1.2") + ["--noticket"],
               ready="IPv4.*done")
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_nginx(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.nginx_server(tmp_path / "nginx", free_port, pki.cert("p256"), version="1.2"),
               ready="start worker|start cache|using the|getrlimit|built by", )
    time.sleep(0.3)
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_alpn_and_resumption(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.2",
                                    extra=["-alpn", "http/1.1"]), ready="ACCEPT")
    s = tmp_path / "s"
    for want in (False, True):
        _, facts = connect(leat, free_port, pki.ca, s, "--alpn", "http/1.1")
        assert facts["resumed"] is want and facts["alpn"] == "http/1.1", facts
    # made for a protocol that is no longer asked for: not offered
    _, facts = connect(leat, free_port, pki.ca, s)
    assert not facts["resumed"]


def test_another_name_is_not_resumed(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.2"), ready="ACCEPT")
    s = tmp_path / "s"
    connect(leat, free_port, pki.ca, s)
    _, facts = connect(leat, free_port, pki.ca, s, host="127.0.0.1")
    assert not facts["resumed"]


# ---- leat serve is resumed --------------------------------------------------------------------

@pytest.fixture
def site(leat, pki, run_server, tmp_path):
    def start(*args, cert="p256"):
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        (root / "index.html").write_text("hello from leat\n")
        ident = pki.cert(cert)
        server = run_server([leat, "serve", root, "--listen", "127.0.0.1:0", "--cert", ident.chain,
                             "--key", ident.key, *args], ready=r"listening on .*:(\d+)")
        return int(server.match.group(1))
    return start


def s_client(port, ca, *args):
    p = subprocess.run(
        ["timeout", "30", "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
         "localhost", "-CAfile", ca, "-verify_return_error", "-ign_eof", "-tls1_2", *args],
        input=REQUEST, capture_output=True)
    text = (p.stdout + p.stderr).decode(errors="replace")
    return p.returncode == 0 and "HTTP/1.1 200" in text, "Reused, TLSv1.2" in text, text


@pytest.fixture
def by_id(leat, pki, run_server):
    """A server with sessions in a store: no tickets in TLS 1.2."""
    def start(*args):
        ident = pki.cert("p256")
        server = run_server([leat, "accept", "127.0.0.1:0", "--http", "--cert", ident.chain, "--key",
                             ident.key, "--session_tickets", "stateful", *args],
                            ready=r"listening on .*:(\d+)")
        return int(server.match.group(1))
    return start


@pytest.mark.parametrize("way", ["site", "by_id"])
def test_openssl_client(request, pki, tmp_path, way):
    port = request.getfixturevalue(way)()
    a = tmp_path / "a"
    assert s_client(port, pki.ca, "-sess_out", a)[:2] == (True, False)
    text = subprocess.run(["openssl", "sess_id", "-in", a, "-text", "-noout"],
                          capture_output=True).stdout.decode()
    assert ("TLS session ticket:" in text) is (way == "site")
    for _ in range(3):  # not for one use only
        assert s_client(port, pki.ca, "-sess_in", a)[:2] == (True, True)
    # under another name, and with another suite on offer: a full handshake
    assert s_client(port, pki.ca, "-sess_in", a, "-servername", "other.test")[:2] == (True, False)
    assert s_client(port, pki.ca, "-sess_in", a, "-cipher",
                    "ECDHE-ECDSA-CHACHA20-POLY1305")[:2] == (True, False)
    assert s_client(port, pki.ca, "-sess_in", a)[:2] == (True, True)


def test_openssl_client_without_tickets(site, by_id, pki, tmp_path):
    """Sealed tickets are all a stateless server has; one with a store needs no ticket extension."""
    a, b = tmp_path / "a", tmp_path / "b"
    assert s_client(site(), pki.ca, "-no_ticket", "-sess_out", a)[:2] == (True, False)
    assert not a.exists()
    port = by_id()
    assert s_client(port, pki.ca, "-no_ticket", "-sess_out", b)[:2] == (True, False)
    assert s_client(port, pki.ca, "-no_ticket", "-sess_in", b)[:2] == (True, True)


def test_openssl_client_disabled(site, pki, tmp_path):
    first, port = site(), site("--set", "session_tickets=disabled")
    a, b = tmp_path / "a", tmp_path / "b"
    assert s_client(first, pki.ca, "-sess_out", a)[:2] == (True, False)
    assert s_client(port, pki.ca, "-sess_in", a, "-sess_out", b)[:2] == (True, False)
    assert not b.exists()


@pytest.mark.parametrize("way", ["site", "by_id"])
def test_reconnect(request, pki, way):
    """s_client -reconnect: once full, five times resumed."""
    port = request.getfixturevalue(way)()
    p = subprocess.run(
        ["timeout", "30", "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
         "localhost", "-CAfile", pki.ca, "-tls1_2", "-reconnect"], input=b"", capture_output=True)
    text = p.stdout.decode(errors="replace")
    assert text.count("New, TLSv1.2") == 1 and text.count("Reused, TLSv1.2") == 5, text


def test_restart_forgets(site, pki, tmp_path):
    first, second = site(), site()
    a = tmp_path / "a"
    assert s_client(first, pki.ca, "-sess_out", a)[:2] == (True, False)
    assert s_client(second, pki.ca, "-sess_in", a)[:2] == (True, False)
    assert s_client(first, pki.ca, "-sess_in", a)[:2] == (True, True)


@pytest.mark.parametrize("way", ["site", "by_id"])
def test_gnutls_client(request, pki, way):
    port = request.getfixturevalue(way)()
    p = subprocess.run(
        ["timeout", "40", "gnutls-cli", "-p", str(port), "--x509cafile", pki.ca, "--sni-hostname",
         "localhost", "--verify-hostname", "localhost", "--resume",
         "--priority", peers.gnutls_priority(version="1.2"), "127.0.0.1"],
        input=REQUEST, capture_output=True)
    text = (p.stdout + p.stderr).decode(errors="replace")
    assert p.returncode == 0, text
    assert "This is a resumed session" in text, text
    assert "HTTP/1.1 200" in text, text


def test_curl_many(by_id, pki):
    """curl 7 asks for no tickets in TLS 1.2, so it resumes where sessions are in a store."""
    port = by_id()
    p = subprocess.run(
        ["curl", "-sS", "-v", "--cacert", pki.ca, "--tlsv1.2", "--tls-max", "1.2", "--http1.1", "-H",
         "Connection: close", f"https://localhost:{port}/", f"https://localhost:{port}/"],
        capture_output=True)
    text = p.stderr.decode(errors="replace")
    assert p.returncode == 0, text
    assert "SSL reusing session" in text or "re-using session" in text, text


class Client:
    """Python's own, whose options may change between connections that share a session."""

    def __init__(self, port, ca, options=0):
        self.port = port
        self.ctx = ssl.create_default_context(cafile=ca)
        self.ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        self.ctx.options |= options

    def connect(self, session=None):
        with self.ctx.wrap_socket(socket.create_connection(("127.0.0.1", self.port)),
                                  server_hostname="localhost", session=session) as s:
            s.sendall(REQUEST)
            while s.recv(4096):
                pass
            return s.session_reused, s.session


@pytest.mark.parametrize("way", ["site", "by_id"])
def test_python_client(request, pki, way):
    c = Client(request.getfixturevalue(way)(), pki.ca)
    resumed, session = c.connect()
    assert not resumed
    for _ in range(3):
        assert c.connect(session)[0]


@pytest.mark.parametrize("way", ["site", "by_id"])
def test_extended_master_secret(request, pki, way):
    """RFC 7627 5.3: a session with it does not go on without it; one without it is not made."""
    port = request.getfixturevalue(way)()
    c = Client(port, pki.ca)
    _, session = c.connect()
    assert c.connect(session)[0]
    c.ctx.options |= NO_EMS
    with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
        c.connect(session)
    assert not c.connect()[0]  # without a session it may connect, as it always could
    old = Client(port, pki.ca, NO_EMS)
    _, none = old.connect()
    assert not old.connect(none)[0]

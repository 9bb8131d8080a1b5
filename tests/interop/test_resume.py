"""Resumption and early data of TLS 1.3 with other people's programs, both roles.

REQ: F-ticket-sl F-0rtt-c F-early-exp
"""
import hashlib
import hmac
import json
import shutil
import subprocess
import time

import pytest

from lib import peers

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


# ---- leat connect resumes --------------------------------------------------------------------

def connect(leat, port, ca, session, *args, host="localhost", stdin=REQUEST):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", host, "--cacert", ca, "--json",
         "--timeout", "30", "--tls1_3", "--session", session, *args],
        input=stdin, capture_output=True, timeout=60)
    for line in done.stderr.decode().splitlines():
        if line.startswith("{"):
            return done, json.loads(line)
    raise AssertionError(done.stderr.decode())


def resumes(leat, port, ca, session, *args):
    """Full, then resumed twice; the session file is there and changes."""
    seen = []
    for want in (False, True, True):
        done, facts = connect(leat, port, ca, session, *args)
        assert b"200" in done.stdout, done.stderr.decode()
        assert facts["resumed"] is want, facts
        seen.append(session.read_bytes())
        assert session.stat().st_mode & 0o777 == 0o600
    assert len(set(seen)) == 3


def test_openssl_server(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.3"), ready="ACCEPT")
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_openssl_server_after_retry(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), group="secp521r1", version="1.3"),
               ready="ACCEPT")
    s = tmp_path / "s"
    for want in (False, True):
        _, facts = connect(leat, free_port, pki.ca, s)
        assert facts["resumed"] is want
        assert facts["retried"]
        assert facts["group"] == "secp521r1"


def test_openssl_server_psk_ke(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.3",
                                    extra=["-allow_no_dhe_kex"]), ready="ACCEPT")
    s = tmp_path / "s"
    connect(leat, free_port, pki.ca, s, "--set", "psk_modes=psk_ke")
    _, facts = connect(leat, free_port, pki.ca, s, "--set", "psk_modes=psk_ke")
    assert facts["resumed"]
    assert facts["group"] is None


def test_gnutls_server(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.gnutls_server(free_port, pki.cert("p256"), version="1.3"), ready="IPv4.*done")
    resumes(leat, free_port, pki.ca, tmp_path / "s")


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
def test_both_hashes(leat, pki, run_server, free_port, tmp_path, suite):
    run_server(peers.openssl_server(free_port, pki.cert("rsa2048"), suite=suite), ready="ACCEPT")
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_nginx(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.nginx_server(tmp_path / "nginx", free_port, pki.cert("p256"), version="1.3"),
               ready="start worker|start cache|using the|getrlimit|built by", )
    time.sleep(0.3)
    resumes(leat, free_port, pki.ca, tmp_path / "s")


def test_another_name_is_not_resumed(leat, pki, run_server, free_port, tmp_path):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.3"), ready="ACCEPT")
    s = tmp_path / "s"
    connect(leat, free_port, pki.ca, s)
    _, facts = connect(leat, free_port, pki.ca, s, host="127.0.0.1")
    assert not facts["resumed"]


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a session", b"\x00\x01" * 90])
def test_broken_session_file(leat, pki, run_server, free_port, tmp_path, content):
    run_server(peers.openssl_server(free_port, pki.cert("p256"), version="1.3"), ready="ACCEPT")
    s = tmp_path / "s"
    s.write_bytes(content)
    done, facts = connect(leat, free_port, pki.ca, s)
    assert done.returncode == 0 and not facts["resumed"]
    _, facts = connect(leat, free_port, pki.ca, s)  # it was replaced by a good one
    assert facts["resumed"]


# ---- early data of leat connect --------------------------------------------------------------

class EarlyServer:
    """openssl s_server that takes early data; it wants a terminal that says nothing."""

    def __init__(self, port, ident, out, *extra):
        self.out = out
        self.p = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", ident.cert, "-key",
             ident.key, "-cert_chain", ident.chain, "-tls1_3", "-early_data", *extra],
            stdin=subprocess.PIPE, stdout=open(out, "wb"), stderr=subprocess.STDOUT)
        for _ in range(200):
            if b"ACCEPT" in out.read_bytes():
                return
            time.sleep(0.05)
        raise AssertionError(out.read_text())

    def text(self):
        return self.out.read_text(errors="replace")

    def wait(self, needle):
        for _ in range(100):
            if needle in self.text():
                return
            time.sleep(0.05)
        raise AssertionError(f"no {needle!r} in\n{self.text()}")

    def stop(self):
        self.p.stdin.close()
        self.p.terminate()
        self.p.wait()


@pytest.fixture
def early_server(pki, free_port, tmp_path):
    made = []

    def start(*extra):
        made.append(EarlyServer(free_port, pki.cert("p256"), tmp_path / "out", *extra))
        return made[-1]

    yield start
    for s in made:
        s.stop()


def run_early(leat, port, ca, session, early, text, wait, *args):
    """Our side stays open until the server printed what it got: closing at once may cut it off."""
    p = subprocess.Popen(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", ca,
         "--json", "--session", session, "--early-data", early, *args],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(text.encode())
    p.stdin.flush()
    wait(text)
    _, err = p.communicate(timeout=30)
    return json.loads([x for x in err.decode().splitlines() if x.startswith("{")][-1])


LABEL = "EXPERIMENTAL leat early"


def expand_label(secret, name, label, context, n):
    """HKDF-Expand-Label, RFC 8446 7.1, up to one hash long."""
    label = b"tls13 " + label.encode()
    info = n.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hmac.digest(secret, info + b"\1", name)[:n]


def early_export(secret, name, label):
    empty = hashlib.new(name).digest()
    return expand_label(expand_label(secret, name, label, empty, len(empty)), name, "exporter",
                        empty, 32)


def test_early_data_key_log(leat, pki, free_port, early_server, tmp_path):
    """Both sides tell the same secrets, those of the early data among them."""
    s, early, ours, theirs = (tmp_path / x for x in ("s", "early", "ours", "theirs"))
    early.write_text("this comes early\n")
    server = early_server("-max_early_data", "4096", "-keylogfile", theirs)
    for n in range(2):
        facts = run_early(leat, free_port, pki.ca, s, early, f"normal {n}\n", server.wait,
                          "--keylog", ours, "--export", LABEL)
    assert facts["early_data"] == "accepted"
    logs = [{x.lower() for x in f.read_text().splitlines() if not x.startswith("#")}
            for f in (ours, theirs)]
    assert logs[0] == logs[1]
    assert sum(x.startswith("client_early_traffic_secret") for x in logs[0]) == 1
    # what OpenSSL has no option for: its early exporter's secret, and RFC 8446 7.5 from there
    secret, = (x.split()[2] for x in logs[1] if x.startswith("early_exporter_secret"))
    name = "sha384" if len(secret) == 96 else "sha256"
    assert facts["early_exporter"] == early_export(bytes.fromhex(secret), name, LABEL).hex()
    assert facts["early_exporter"] != facts["exporter"]


def test_early_data(leat, pki, free_port, early_server, tmp_path):
    s, early = tmp_path / "s", tmp_path / "early"
    early.write_text("this comes early\n")
    server = early_server("-max_early_data", "4096")
    facts = run_early(leat, free_port, pki.ca, s, early, "normal one\n", server.wait)
    assert facts["early_data"] == "none" and not facts["resumed"]
    first = tmp_path / "first"
    shutil.copy(s, first)
    for n in ("two", "three"):
        facts = run_early(leat, free_port, pki.ca, s, early, f"normal {n}\n", server.wait)
        assert facts["early_data"] == "accepted" and facts["resumed"]
        assert facts["early_sent"] == 17
    assert server.text().count("Early data received:") == 2, server.text()
    assert server.text().count("this comes early\n") == 3, server.text()
    # a ticket that was used: openssl refuses it, the bytes come after the handshake
    facts = run_early(leat, free_port, pki.ca, first, early, "normal four\n", server.wait)
    assert facts["early_data"] == "rejected"
    assert server.text().count("this comes early\n") == 4, server.text()


def test_early_data_up_to_what_the_session_allows(leat, pki, free_port, early_server, tmp_path):
    s, early = tmp_path / "s", tmp_path / "early"
    server = early_server("-max_early_data", "100")
    early.write_text("0123456789" * 25 + "\n")
    run_early(leat, free_port, pki.ca, s, early, "normal one\n", server.wait)
    facts = run_early(leat, free_port, pki.ca, s, early, "normal two\n", server.wait)
    assert facts["early_data"] == "accepted"
    assert facts["early_sent"] == 100
    assert facts["sent"] == 151 + len("normal two\n")
    # the rest came after the handshake, and nothing twice: 25 times each connection
    server.wait("Early data received:")
    assert server.text().count("0123456789") == 50, server.text()


def test_early_data_gnutls(leat, pki, run_server, free_port, tmp_path):
    s, early = tmp_path / "s", tmp_path / "early"
    early.write_bytes(REQUEST)
    run_server(peers.gnutls_server(free_port, pki.cert("p256"), version="1.3") +
               ["--earlydata", "--maxearlydata", "4096"], ready="IPv4.*done")
    done, facts = connect(leat, free_port, pki.ca, s, "--early-data", early, stdin=b"")
    assert b"200" in done.stdout
    assert facts["early_data"] == "none"
    _, facts = connect(leat, free_port, pki.ca, s, "--early-data", early)
    assert facts["resumed"]
    assert facts["early_data"] == "accepted", facts


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
         "localhost", "-CAfile", ca, "-verify_return_error", "-ign_eof", "-tls1_3", *args],
        input=REQUEST, capture_output=True)
    text = (p.stdout + p.stderr).decode(errors="replace")
    assert p.returncode == 0 and "HTTP/1.1 200" in text, text
    return "Reused, TLSv1.3" in text


def test_openssl_client(site, pki, tmp_path):
    port = site()
    a, b = tmp_path / "a", tmp_path / "b"
    assert not s_client(port, pki.ca, "-sess_out", a)
    assert s_client(port, pki.ca, "-sess_in", a, "-sess_out", b)
    assert s_client(port, pki.ca, "-sess_in", b)
    # another share than we take: the binder is made anew for the second hello
    assert s_client(port, pki.ca, "-sess_in", a, "-groups", "ffdhe2048:P-384")


@pytest.mark.parametrize("settings", [["--set", "session_tickets=disabled"],
                                      ["--set", "session_tickets_amount=0"]])
def test_openssl_client_without_tickets(site, pki, tmp_path, settings):
    port = site(*settings)
    a = tmp_path / "a"
    s_client(port, pki.ca, "-sess_out", a)
    if a.exists():
        assert not s_client(port, pki.ca, "-sess_in", a)


def test_openssl_client_psk_ke(site, pki, tmp_path):
    port = site("--set", "psk_modes=psk_ke,psk_dhe_ke")
    a = tmp_path / "a"
    assert not s_client(port, pki.ca, "-sess_out", a)
    assert s_client(port, pki.ca, "-sess_in", a, "-allow_no_dhe_kex")


def test_restart_forgets(site, pki, tmp_path):
    first, second = site(), site()
    a = tmp_path / "a"
    assert not s_client(first, pki.ca, "-sess_out", a)
    assert not s_client(second, pki.ca, "-sess_in", a)  # other ticket keys: a full handshake
    assert s_client(first, pki.ca, "-sess_in", a)


def test_gnutls_client(site, pki):
    port = site()
    p = subprocess.run(
        ["timeout", "40", "gnutls-cli", "-p", str(port), "--x509cafile", pki.ca, "--sni-hostname",
         "localhost", "--verify-hostname", "localhost", "--resume", "--waitresumption",
         "--priority", peers.gnutls_priority(version="1.3"), "127.0.0.1"],
        input=REQUEST, capture_output=True)
    text = (p.stdout + p.stderr).decode(errors="replace")
    assert p.returncode == 0, text
    assert "This is a resumed session" in text, text
    assert "HTTP/1.1 200" in text, text


def test_curl_many(site, pki, tmp_path):
    """Two connections of one curl process: the second resumes."""
    port = site()
    p = subprocess.run(
        ["curl", "-sS", "-v", "--cacert", pki.ca, "--tlsv1.3", "--http1.1", "-H",
         "Connection: close", f"https://localhost:{port}/", f"https://localhost:{port}/"],
        capture_output=True)
    text = p.stderr.decode(errors="replace")
    assert p.returncode == 0, text
    assert "SSL reusing session" in text or "re-using session" in text, text


def test_python_client(site, pki):
    import socket
    import ssl
    port = site()
    ctx = ssl.create_default_context(cafile=pki.ca)
    session = None
    for want in (False, True, True):
        with ctx.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                             server_hostname="localhost", session=session) as s:
            s.sendall(REQUEST)
            while s.recv(4096):
                pass
            assert s.session_reused is want
            session = s.session

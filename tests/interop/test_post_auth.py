"""Post-handshake authentication with other people's programs, both roles: leat accept asks OpenSSL's and
GnuTLS' clients, OpenSSL's and GnuTLS' servers ask leat connect. Records in user space.

REQ: F-pha
"""
import json
import subprocess
import time

import pytest

from lib import peers


def wait_for(get, what, timeout=20):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = get()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(what())


class Accept:
    def __init__(self, leat, pki, run_server, *args):
        ident = pki.cert("p256")
        self.server = run_server(
            [leat, "accept", "0", "--json", "--echo", "--orders", "--cert", ident.chain, "--key",
             ident.key, "--cacert", pki.ca, "--tls1_3", "--post_handshake_auth", "true", *args],
            ready=r'"event":"listening".*"port":(\d+)', stdin=subprocess.PIPE)
        self.port = int(self.server.match.group(1))

    def order(self, word):
        self.server.child.stdin.write(word.encode() + b"\n")
        self.server.child.stdin.flush()

    def events(self, kind):
        return [e for e in (json.loads(line) for line in self.server.output().splitlines()
                            if line.startswith("{")) if e["event"] == kind]

    def auth(self, n=1):
        return wait_for(lambda: self.events("auth")[n - 1:n], self.server.describe)[0]


class Client:
    """A client that is up once its word was echoed; stays until it is told to go."""

    def __init__(self, run_server, argv):
        self.run = run_server(argv, stdin=subprocess.PIPE)
        self.say("hello echo")

    def say(self, word):
        self.run.child.stdin.write(word.encode() + b"\n")
        self.run.child.stdin.flush()
        self.run.wait_line("^" + word + "$", timeout=20)


def openssl(port, pki, ident, *args):
    own = ["-cert", ident.cert, "-key", ident.key, "-cert_chain", ident.chain] if ident else []
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", pki.ca, "-tls1_3",
            "-servername", "localhost", "-nocommands", *own, *args]


def gnutls(port, pki, ident, *args):
    own = ["--x509certfile", ident.chain, "--x509keyfile", ident.key] if ident else []
    return ["gnutls-cli", "-p", port, "--x509cafile", pki.ca, "--verify-hostname", "localhost",
            "--priority", peers.gnutls_priority(version="1.3"), *own, *args, "127.0.0.1"]


PEERS = [(openssl, "-enable_pha"), (gnutls, "--post-handshake-auth")]


@pytest.mark.parametrize("cert", ["client", "client-rsa", "client-ed25519"])
@pytest.mark.parametrize("argv,flag", PEERS, ids=["openssl", "gnutls"])
def test_clients_are_asked(leat, pki, run_server, argv, flag, cert):
    a = Accept(leat, pki, run_server)
    c = Client(run_server, argv(a.port, pki, pki.cert(cert), flag))
    for n in (1, 2):  # and once more on the same connection
        a.order("auth")
        c.say(f"round {n}")  # some clients answer when they come to read
        got = a.auth(n)
        assert got["result"] == "shown", a.server.describe()
        assert f"leat test {cert}" in got["certificate"]


@pytest.mark.parametrize("argv,flag", PEERS, ids=["openssl", "gnutls"])
def test_client_has_none(leat, pki, run_server, argv, flag):
    a = Accept(leat, pki, run_server)
    c = Client(run_server, argv(a.port, pki, None, flag))
    a.order("auth")
    c.say("and on")
    assert a.auth()["result"] == "declined"
    c.say("goes on")


def test_client_did_not_offer(leat, pki, run_server):
    a = Accept(leat, pki, run_server)
    c = Client(run_server, openssl(a.port, pki, pki.cert("client")))
    a.order("auth")
    assert a.auth()["result"] == "unsupported"
    c.say("goes on")


def test_client_of_a_stranger(leat, pki, run_server):
    """A certificate that is not to be believed ends the connection, with the alert a handshake has."""
    if "stranger-client" not in pki.made:
        pki.issue("stranger-client", usage="client", issuer="stranger")
    a = Accept(leat, pki, run_server)
    c = Client(run_server, openssl(a.port, pki, pki.cert("stranger-client"), "-enable_pha"))
    a.order("auth")
    wait_for(lambda: a.events("connection"), a.server.describe)
    assert not a.events("auth")
    c.run.wait_line("alert unknown ca", timeout=10)


# ---- other people's servers ----

def connect(leat, port, pki, ident, *args):
    own = ["--cert", ident.chain, "--key", ident.key] if ident else []
    return [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", pki.ca,
            "--set", "post_handshake_auth=true", *own, *args]


@pytest.mark.parametrize("cert", ["client", "client-rsa", "client-ed25519"])
def test_openssl_server_asks(leat, pki, run_server, free_port, cert):
    ident = pki.cert("p256")
    server = run_server(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-cert", ident.cert, "-key",
         ident.key, "-cert_chain", ident.chain, "-tls1_3", "-CAfile", pki.ca],
        ready="ACCEPT", stdin=subprocess.PIPE)
    c = run_server(connect(leat, free_port, pki, pki.cert(cert)), stdin=subprocess.PIPE)
    c.child.stdin.write(b"first words\n")
    c.child.stdin.flush()
    server.wait_line("first words", timeout=20)
    server.child.stdin.write(b"c\n")  # s_server's command: send a CertificateRequest
    server.child.stdin.flush()
    server.wait_line(rf"depth=0.*leat test {cert}\b", timeout=20)
    c.child.stdin.write(b"last words\n")
    c.child.stdin.close()
    server.wait_line("last words", timeout=20)
    assert c.wait() == 0, c.output()


def test_openssl_server_asks_for_nothing_we_have(leat, pki, run_server, free_port):
    ident = pki.cert("p256")
    server = run_server(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-cert", ident.cert, "-key",
         ident.key, "-cert_chain", ident.chain, "-tls1_3", "-CAfile", pki.ca],
        ready="ACCEPT", stdin=subprocess.PIPE)
    c = run_server(connect(leat, free_port, pki, None), stdin=subprocess.PIPE)
    c.child.stdin.write(b"first words\n")
    c.child.stdin.flush()
    server.wait_line("first words", timeout=20)
    server.child.stdin.write(b"c\n")
    server.child.stdin.flush()
    time.sleep(0.2)
    c.child.stdin.write(b"last words\n")
    c.child.stdin.close()
    server.wait_line("last words", timeout=20)
    assert c.wait() == 0, c.output()


def test_gnutls_server_asks(leat, pki, run_server, free_port):
    """gnutls-serv --echo asks when the client says **REAUTH**."""
    argv = [a for a in peers.gnutls_server(free_port, pki.cert("p256"), version="1.3")
            if a not in ("-a", "--http")]
    server = run_server([*argv, "--echo", "--verify-client-cert", "--x509cafile", pki.ca],
                        ready=free_port)
    c = run_server(connect(leat, free_port, pki, pki.cert("client")), stdin=subprocess.PIPE)
    for word, answer in (("hello", "hello"), ("**REAUTH**", "Successfully executed command")):
        c.child.stdin.write(word.encode() + b"\n")
        c.child.stdin.flush()
        c.wait_line(answer, timeout=20)
    c.child.stdin.close()
    c.wait()
    assert "reauth" not in server.output(), server.describe()  # it says so when it failed

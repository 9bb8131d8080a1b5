# SPDX-License-Identifier: Apache-2.0
"""leat serve with several hosts: certificate, folder and options by the name a client asks for."""
import ssl
import subprocess

import pytest

from https import Client
from serving import Serve

DEFAULT, EXACT, WILD = b"default\n", b"exact\n", b"wild\n"


@pytest.fixture(scope="module")
def idents(pki):
    return {"a": pki.issue("host-a", hosts=("a.hosts.test",)),
            "wild": pki.issue("host-wild", hosts=("*.hosts.test",))}


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    top = tmp_path_factory.mktemp("hosts")
    made = {}
    for name, text in (("default", DEFAULT), ("a", EXACT), ("wild", WILD)):
        made[name] = top / name
        made[name].mkdir()
        (made[name] / "f.txt").write_bytes(text)
        (made[name] / ".dot").write_bytes(text)
    return made


def host(roots, idents, name, names, *options):
    return ["--host", names, "--root", roots[name], "--cert", idents[name].chain,
            "--key", idents[name].key, *options]


@pytest.fixture
def serve(run_server, leat, pki, roots, idents):
    def start(*options, a=(), wild=()):
        return Serve(run_server, leat, roots["default"], pki.cert("p256"), *options,
                     *host(roots, idents, "a", "a.hosts.test,b.hosts.test", *a),
                     *host(roots, idents, "wild", "*.hosts.test", *wild))
    return start


def ask(server, ca, name, host_field=None, path="/f.txt"):
    """One request under a TLS name; the name of the Host field may be another."""
    with Client(server.port, ca, host=name) as c:
        c.send(f"GET {path} HTTP/1.1\r\nHost: {host_field or name}\r\n\r\n".encode())
        return c.answer()


@pytest.mark.parametrize("name, body", [
    ("localhost", DEFAULT), ("a.hosts.test", EXACT), ("A.Hosts.TEST", EXACT),
    ("x.hosts.test", WILD), ("www.hosts.test", WILD)])
def test_name_decides_folder_and_certificate(serve, pki, name, body):
    # The client checks that the certificate carries the name it asked for.
    assert ask(serve(), pki.ca, name).body == body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions(serve, pki, version):
    s = serve()
    with Client(s.port, pki.ca, host="a.hosts.test", version=version) as c:
        c.send(b"GET /f.txt HTTP/1.1\r\nHost: a.hosts.test:443\r\n\r\n")
        assert c.answer().body == EXACT


@pytest.mark.parametrize("tls_name, field", [
    ("a.hosts.test", "x.hosts.test"), ("a.hosts.test", "localhost"), ("localhost", "a.hosts.test"),
    ("x.hosts.test", "b.hosts.test"), ("a.hosts.test", "")])
def test_request_for_another_host_is_misdirected(serve, pki, tls_name, field):
    s = serve()
    with Client(s.port, pki.ca, host=tls_name) as c:
        c.send(f"GET /f.txt HTTP/1.1\r\nHost: {field}\r\n\r\n".encode())
        a = c.answer()
        assert (a.status, a.reason) == (421, "Misdirected Request")
        # The target's authority goes before the field (RFC 9112 3.2.2); the connection goes on.
        c.send(f"GET https://{tls_name}/f.txt HTTP/1.1\r\nHost: {field}\r\n\r\n".encode())
        assert c.answer().status == 200
        c.send(f"GET https://nobody.test/f.txt HTTP/1.1\r\nHost: {tls_name}\r\n\r\n".encode())
        assert c.answer().status == (200 if tls_name == "localhost" else 421)


def test_unknown_names_get_the_default(serve):
    s = serve()
    for name in ("nobody.test", "x.y.hosts.test", None):
        with Client(s.port, None, host=name) as c:
            c.send(b"GET /f.txt HTTP/1.1\r\nHost: nobody.test\r\n\r\n")
            assert c.answer().body == DEFAULT


def refused(server, name):
    with pytest.raises(ssl.SSLError) as e:
        Client(server.port, None, host=name)
    return "UNRECOGNIZED_NAME" in str(e.value)


def test_unknown_names_are_refused_on_request(serve, pki):
    s = serve("--unknown-name", "refuse")
    assert refused(s, "nobody.test")
    assert ask(s, pki.ca, "a.hosts.test").body == EXACT
    with Client(s.port, None, host=None) as c:  # no name at all: the default host
        c.send(b"GET /f.txt HTTP/1.1\r\nHost: nobody.test\r\n\r\n")
        assert c.answer().body == DEFAULT


def test_without_default_host(run_server, leat, pki, roots, idents):
    argv = [leat, "serve", "--listen", "127.0.0.1:0", *host(roots, idents, "a", "a.hosts.test"),
            *host(roots, idents, "wild", "*.hosts.test")]
    proc = run_server(argv, ready=r"^listening on 127.0.0.1:(\d+)")

    class Started:
        port = int(proc.match.group(1))
    assert ask(Started, pki.ca, "a.hosts.test").body == EXACT
    assert ask(Started, pki.ca, "x.hosts.test").body == WILD
    assert refused(Started, "localhost")
    with Client(Started.port, None, host=None) as c:  # nothing is here for who names nobody
        c.send(b"GET /f.txt HTTP/1.1\r\nHost: a.hosts.test\r\n\r\n")
        assert c.answer().status == 421


def test_options_of_a_host(serve, pki):
    s = serve("--set", "versions=tlsv1.3", a=["--versions", "tlsv1.2"], wild=["--hidden"])
    for name, version in (("a.hosts.test", "TLSv1.2"), ("x.hosts.test", "TLSv1.3"),
                          ("localhost", "TLSv1.3")):
        with Client(s.port, pki.ca, host=name) as c:
            assert c.s.version() == version, name
    assert ask(s, pki.ca, "x.hosts.test", path="/.dot").body == WILD
    assert ask(s, pki.ca, "localhost", path="/.dot").status == 404


def test_client_certificates_for_one_host_only(serve, pki):
    s = serve(a=["--cacert", pki.ca, "--fail_if_no_peer_cert", "true"])
    assert ask(s, pki.ca, "x.hosts.test").body == WILD
    with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
        ask(s, pki.ca, "a.hosts.test")
    # What is guarded there cannot be had over a connection of another host.
    assert ask(s, pki.ca, "x.hosts.test", "a.hosts.test").status == 421
    me = pki.cert("client")
    r = subprocess.run(["curl", "-sS", "--cacert", pki.ca, "--cert", me.chain, "--key", me.key,
                        "--resolve", f"a.hosts.test:{s.port}:127.0.0.1",
                        f"https://a.hosts.test:{s.port}/f.txt"], capture_output=True, timeout=20)
    assert r.stdout == EXACT, r.stderr


def test_sessions_do_not_cross_hosts(serve, pki):
    s = serve("--session_tickets", "stateless")
    ctx = ssl.create_default_context(cafile=pki.ca)
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    ctx.check_hostname = False

    def connect(name, session=None):
        import socket
        c = ctx.wrap_socket(socket.create_connection(("127.0.0.1", s.port)), server_hostname=name,
                            session=session)
        c.sendall(f"GET /f.txt HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        while not c.recv(4096).endswith(b"\n"):
            pass
        return c

    with connect("a.hosts.test") as first:
        session = first.session
        with connect("a.hosts.test", session) as again:
            assert again.session_reused
        with connect("x.hosts.test", session) as other:
            assert not other.session_reused


@pytest.mark.parametrize("argv, code, text", [
    (["D", "--dev", "--host", "b.test", "--dev"], 2, "--root"),
    (["D", "--dev", "--host", "b.test", "--root", "/tmp"], 2, "no certificate"),
    (["D", "--dev", "--host", "b.test", "--root", "/tmp", "--root", "/tmp"], 2, "given twice"),
    (["--dev", "--host", "b.test", "--root", "/tmp", "--dev"], 2, "folder to serve is missing"),
    (["/tmp", "--dev", "--host", "b..test", "--root", "/tmp", "--dev"], 1, "not a host name"),
    (["/tmp", "--dev", "--host", "*", "--root", "/tmp", "--dev"], 1, "wildcard"),
    (["/tmp", "--dev", "--host", "", "--root", "/tmp", "--dev"], 1, "no name given"),
    (["/tmp", "--dev", "--host", "b.test, B.test", "--root", "/tmp", "--dev"], 1, "given twice"),
    (["/tmp", "--dev", "--host", "b.test", "--root", "/nonexistent", "--dev"], 1, "/nonexistent"),
    (["/tmp", "--dev", "--unknown-name", "maybe"], 2, "not one of default, refuse"),
])
def test_refused_options(leat, run, argv, code, text):
    r = run([leat, "serve", *argv])
    assert (r.returncode, r.stdout) == (code, b"")
    assert text in r.stderr.decode()

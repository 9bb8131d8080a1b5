# SPDX-License-Identifier: Apache-2.0
"""The programs of docs/guide.md, each half against its other half and against ssl of Erlang/OTP, as server and as
client.

REQ: EX-minimal EX-upgrade GEN-minimal-insecure SEC-minimal
"""
import os
import re
import shutil
import subprocess

import pytest

erlang = pytest.mark.skipif(not shutil.which("erl") or not os.path.isdir("/usr/lib/erlang/lib")
                            or not any(d.startswith("ssl-") for d in os.listdir("/usr/lib/erlang/lib")),
                            reason="needs erlang-base and erlang-ssl (rows of setup.sh)")


class Half:
    """A program that says its port if it is a server, and then what happens."""

    def __init__(self, *argv):
        self.proc = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = None

    def listening(self):
        line = self.proc.stdout.readline()
        assert re.match(r"port \d+$", line), line + self.proc.stderr.read()
        self.port = line.split()[1]
        return self

    def end(self, status=0):
        out, errors = self.proc.communicate(timeout=60)
        assert self.proc.returncode == status, out + errors
        return out.splitlines() if status == 0 else errors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        self.proc.stderr.close()


@pytest.fixture
def half(build):
    """half("minimal", "server", ...)"""
    return lambda name, *args: Half(os.path.join(build, "examples", "guide_" + name), *args)


def erl(code):
    return Half("erl", "-noshell", "-eval", "ssl:start(), " + code + ", halt().")


def talk(server, client, told, client_told=()):
    with server, client:
        assert client.end() == list(client_told)
        assert server.end() == told


def ident(pki, name="p256"):
    i = pki.cert(name)
    return os.fspath(i.chain), os.fspath(i.key)


# ---- minimal: a message, active, not verified ----

def test_minimal(half, pki):
    server = half("minimal", "server", *ident(pki)).listening()
    talk(server, half("minimal", "client", server.port), ["got foo"])


def test_minimal_is_not_secure(half, pki, tmp_path_factory):
    """Whoever answers is believed: another CA's certificate, of another name, that has expired."""
    for stranger in (type(pki)(tmp_path_factory.mktemp("stranger")), pki):
        name = "expired" if stranger is pki else "p256"
        server = half("minimal", "server", *ident(stranger, name)).listening()
        talk(server, half("minimal", "client", server.port), ["got foo"])


def test_the_guide_says_so(repo):
    with open(os.path.join(repo, "docs", "guide.md"), encoding="utf-8") as f:
        text = f.read()
    minimal = text.split("## Minimal")[1].split("\n## ")[0]
    assert "not secure" in minimal and "verify_none" in minimal


@erlang
def test_minimal_for_erlang(half, pki):
    server = half("minimal", "server", *ident(pki)).listening()
    client = erl(f"""{{ok, S}} = ssl:connect("localhost", {server.port}, [{{verify, verify_none}}], infinity),
                     ok = ssl:send(S, "foo"), ssl:close(S)""")
    talk(server, client, ["got foo"])


ERL_SERVER = """{ok, L} = ssl:listen(0, [{certfile, "%s"}, {keyfile, "%s"}, {reuseaddr, true}]),
                {ok, {_, P}} = ssl:sockname(L), io:format("port ~b~n", [P]),
                {ok, T} = ssl:transport_accept(L, 20000), {ok, S} = ssl:handshake(T, 20000),
                receive {ssl, S, D} -> io:format("got ~s~n", [D]) after 20000 -> io:format("none~n") end"""


@erlang
def test_minimal_of_erlang(half, pki):
    server = erl(ERL_SERVER % ident(pki)).listening()
    talk(server, half("minimal", "client", server.port), ["got foo"])


# ---- upgrade ----

def test_upgrade(half, pki):
    server = half("upgrade", "server", *ident(pki)).listening()
    talk(server, half("upgrade", "client", server.port, pki.ca), ["got foo", "got bar"])


@erlang
def test_upgrade_for_erlang(half, pki):
    server = half("upgrade", "server", *ident(pki)).listening()
    client = erl(f"""{{ok, T}} = gen_tcp:connect("127.0.0.1", {server.port}, [binary, {{active, false}}]),
                     ok = gen_tcp:send(T, "STARTTLS\\n"), {{ok, <<"go\\n">>}} = gen_tcp:recv(T, 3, 20000),
                     {{ok, S}} = ssl:connect(T, [{{cacertfile, "{pki.ca}"}}, {{verify, verify_peer}},
                                                 {{server_name_indication, "localhost"}}], 20000),
                     ok = ssl:send(S, "foo"), timer:sleep(100), ok = ssl:send(S, "bar"), ssl:close(S)""")
    talk(server, client, ["got foo", "got bar"])


@erlang
def test_upgrade_of_erlang(half, pki):
    chain, key = ident(pki)
    server = erl(f"""{{ok, L}} = gen_tcp:listen(0, [binary, {{active, false}}, {{ip, {{127,0,0,1}}}}]),
                     {{ok, P}} = inet:port(L), io:format("port ~b~n", [P]),
                     {{ok, T}} = gen_tcp:accept(L, 20000), {{ok, <<"STARTTLS\\n">>}} = gen_tcp:recv(T, 9, 20000),
                     ok = gen_tcp:send(T, "go\\n"),
                     {{ok, S}} = ssl:handshake(T, [{{certfile, "{chain}"}}, {{keyfile, "{key}"}}], 20000),
                     {{ok, D}} = ssl:recv(S, 3, 20000), io:format("got ~s~n", [D]),
                     ssl:setopts(S, [{{active, true}}]),
                     receive {{ssl, S, E}} -> io:format("got ~s~n", [E]) after 20000 -> ok end""").listening()
    talk(server, half("upgrade", "client", server.port, pki.ca), ["got foo", "got bar"])


# ---- client authentication ----

def test_client_auth(half, pki):
    server = half("client_auth", "server", *ident(pki), pki.ca).listening()
    with server, half("client_auth", "client", server.port, pki.ca, *ident(pki, "client")) as client:
        client.end()
        out = server.end()
    assert re.match(r"client certificate of \d+ bytes$", out[0]) and out[1] == "got foo"


def test_client_without_a_certificate(half, pki):
    server = half("client_auth", "server", *ident(pki), pki.ca).listening()
    with server, half("client_auth", "client", server.port, pki.ca) as client:
        assert "certificate_required" in client.end(status=1)
        assert "certificate_required" in server.end(status=1)


@erlang
def test_client_auth_for_erlang(half, pki):
    chain, key = ident(pki, "client")
    server = half("client_auth", "server", *ident(pki), pki.ca).listening()
    client = erl(f"""{{ok, S}} = ssl:connect("localhost", {server.port},
                        [{{cacertfile, "{pki.ca}"}}, {{verify, verify_peer}},
                         {{certfile, "{chain}"}}, {{keyfile, "{key}"}}], 20000),
                     ok = ssl:send(S, "foo"), ssl:close(S)""")
    with server, client:
        client.end()
        assert server.end()[1] == "got foo"


# ---- names ----

@pytest.mark.parametrize("name", ["localhost", "other.test", "neither.test"])
def test_sni(half, pki, name):
    second = pki.cert("wronghost")
    server = half("sni", "server", *ident(pki), "other.test", os.fspath(second.chain),
                  os.fspath(second.key)).listening()
    with server, half("sni", "client", server.port, pki.ca, name) as client:
        if name == "neither.test":
            assert "bad_certificate" in client.end(status=1)
            server.proc.kill()
        else:
            client.end()
            assert server.end() == [f"asked for {name}", "got foo"]


# ---- sessions ----

@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
def test_sessions(half, pki, version):
    server = half("sessions", "server", *ident(pki)).listening()
    talk(server, half("sessions", "client", server.port, pki.ca, version),
         ["resumed false", "resumed true"], ["resumed false", "got foo", "resumed true", "got foo"])

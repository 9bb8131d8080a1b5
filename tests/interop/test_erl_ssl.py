# SPDX-License-Identifier: Apache-2.0
"""leat's connections against ssl of Erlang/OTP 25: both roles, TLS 1.2 and 1.3, framings 0, 1, 2, 4 and line,
each side passive, active once, active N and active without limit; upgrade from TCP and back.

REQ: EX-upgrade T-api-upgrade T-api-downgrade
"""
import os
import shutil
import socket
import subprocess

import pytest

import leatc

ERL = r"""
-module(leat_peer).
-export([main/1]).

%% One command a line: what to be, then what to print when it is over.
main([Cert, Key, Ca]) ->
    {ok, _} = application:ensure_all_started(ssl),
    loop(#{cert => Cert, key => Key, ca => Ca}).

loop(F) ->
    case io:get_line("") of
        eof -> halt();
        {error, _} -> halt();
        Line ->
            Result = try command(string:lexemes(string:trim(Line), " "), F)
                     catch C:E:S -> {C, E, S} end,
            io:format("done ~0p~n", [Result]),
            loop(F)
    end.

packet("line") -> line;
packet(P) -> list_to_integer(P).

active("true") -> true;
active("false") -> false;
active("once") -> once;
active(N) -> list_to_integer(N).

opts(V, P, A) -> [binary, {versions, [list_to_atom(V)]}, {packet, packet(P)}, {active, active(A)}].

server_opts(F) -> [{certfile, maps:get(cert, F)}, {keyfile, maps:get(key, F)}, {reuseaddr, true}].

client_opts(F) -> [{cacertfile, maps:get(ca, F)}, {verify, verify_peer},
                   {server_name_indication, "localhost"},
                   {customize_hostname_check, [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}].

command(["server", V, P, A], F) ->
    {ok, L} = ssl:listen(0, [{ip, {127,0,0,1}} | server_opts(F)] ++ opts(V, P, A)),
    {ok, {_, Port}} = ssl:sockname(L),
    io:format("port ~b~n", [Port]),
    {ok, T} = ssl:transport_accept(L, 20000),
    {ok, S} = ssl:handshake(T, 20000),
    R = echo(S, A, 0),
    ssl:close(S),
    ssl:close(L),
    R;
command(["client", Port, V, P, A | Sizes], F) ->
    {ok, S} = ssl:connect({127,0,0,1}, list_to_integer(Port), client_opts(F) ++ opts(V, P, A), 20000),
    R = [ask(S, P, A, list_to_integer(N)) || N <- Sizes],
    ssl:close(S),
    {ok, length([x || ok <- R])};
command(["upgrade", V], F) ->
    {ok, L} = gen_tcp:listen(0, [binary, {active, false}, {packet, line}, {ip, {127,0,0,1}}]),
    {ok, Port} = inet:port(L),
    io:format("port ~b~n", [Port]),
    {ok, T} = gen_tcp:accept(L, 20000),
    {ok, <<"STARTTLS\n">>} = gen_tcp:recv(T, 0, 20000),
    inet:setopts(T, [{packet, 0}]),
    ok = gen_tcp:send(T, "go\n"),
    {ok, S} = ssl:handshake(T, [{versions, [list_to_atom(V)]} | server_opts(F)], 20000),
    {ok, D} = ssl:recv(S, 6, 20000),
    ok = ssl:send(S, D),
    case ssl:close(S, {self(), 20000}) of
        {ok, Tcp} -> Left = <<>>;
        {ok, Tcp, Left} -> ok
    end,
    ok = gen_tcp:send(Tcp, "in clear\n"),
    Rest = case Left of
        <<"answer\n">> -> Left;
        _ -> {ok, B} = gen_tcp:recv(Tcp, 7 - byte_size(Left), 20000), <<Left/binary, B/binary>>
    end,
    gen_tcp:close(Tcp),
    {ok, Rest}.

%% By whatever way A says: {data, D}, closed, or what else came.
next(S, "false") ->
    case ssl:recv(S, 0, 20000) of
        {ok, D} -> {data, D};
        {error, closed} -> closed;
        E -> E
    end;
next(S, A) ->
    receive
        {ssl, S, D} ->
            case A of "once" -> ssl:setopts(S, [{active, once}]); _ -> ok end,
            {data, D};
        {ssl_passive, S} -> ssl:setopts(S, [{active, active(A)}]), next(S, A);
        {ssl_closed, S} -> closed;
        M -> M
    after 20000 -> timeout
    end.

echo(S, A, N) ->
    case next(S, A) of
        {data, D} -> ok = ssl:send(S, D), echo(S, A, N + iolist_size(D));
        closed -> {closed, N};
        E -> E
    end.

text("line", N) -> [lists:duplicate(N, $x), $\n];
text(_, N) -> lists:duplicate(N, $y).

ask(S, P, A, N) ->
    D = iolist_to_binary(text(P, N)),
    ok = ssl:send(S, D),
    same(S, P, A, D).

%% Without framing an answer comes in pieces.
same(_, "0", _, <<>>) -> ok;
same(S, "0", A, D) ->
    {data, E} = next(S, A),
    <<E:(byte_size(E))/binary, R/binary>> = D,
    same(S, "0", A, R);
same(S, _, A, D) ->
    {data, D} = next(S, A),
    ok.
"""

VERSIONS = ["tlsv1.2", "tlsv1.3"]
PACKETS = ["0", "1", "2", "4", "line"]
ACTIVES = ["false", "once", "3", "true"]
SIZES = {"0": [1, 10, 1000, 200000], "1": [1, 0, 10, 255], "2": [1, 0, 1000, 65535],
         "4": [1, 0, 1000, 100000], "line": [1, 0, 200, 1000]}

pytestmark = [pytest.mark.skipif(not shutil.which("erlc") or not os.path.isdir("/usr/lib/erlang/lib")
                                 or not any(d.startswith("ssl-") for d in os.listdir("/usr/lib/erlang/lib")),
                                 reason="needs erlang-base and erlang-ssl (rows of setup.sh)"),
              pytest.mark.xdist_group("erl_ssl")]


class Erlang:
    """One Erlang that obeys line by line."""

    def __init__(self, folder, pki):
        (folder / "leat_peer.erl").write_text(ERL)
        subprocess.run(["erlc", "leat_peer.erl"], cwd=folder, check=True, timeout=60)
        ident = pki.cert("p256")
        args = [os.fspath(p) for p in (ident.chain, ident.key, pki.ca)]
        self.proc = subprocess.Popen(["erl", "-noshell", "-pa", ".",
                                      "-eval", "leat_peer:main(init:get_plain_arguments())", "-extra", *args],
                                     cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, *words):
        self.proc.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.proc.stdin.flush()

    def line(self, start):
        """The next line that begins so; what follows."""
        text = self.proc.stdout.readline()
        assert text.startswith(start), text
        return text[len(start):].strip()


@pytest.fixture(scope="module")
def erlang(tmp_path_factory, pki):
    e = Erlang(tmp_path_factory.mktemp("erl"), pki)
    yield e
    e.proc.stdin.close()
    try:
        e.proc.wait(20)
    finally:
        e.proc.kill()


@pytest.fixture(scope="module")
def lib(build):
    return leatc.Lib(build)


def texts(packet):
    return [b"x" * n + b"\n" if packet == "line" else b"y" * n for n in SIZES[packet]
            if n or packet != "0"]


class Receiver:
    """Messages of a connection by recv or through a mailbox, as active says."""

    def __init__(self, lib, conn, active):
        self.conn, self.active = conn, active
        self.box = None if active == "false" else lib.mailbox()
        if self.box:
            self.box.own(conn)
            conn.set("active", active)

    def next(self):
        if not self.box:
            return self.conn.recv()
        while True:
            kind, what = self.box.next()
            if kind == "passive":
                self.conn.set("active", self.active)
            elif kind == "closed":
                return None
            else:
                assert kind == "message", what
                if self.active == "once":
                    self.conn.set("active", "once")
                return what

    def all_of(self, n):
        """In a stream without framing: n bytes, in whatever pieces."""
        got = b""
        while len(got) < n:
            got += self.next()
        return got

    def end(self):
        """Closes; a mailbox goes with what it owns. Erlang answers a close_notify by closing TCP."""
        if self.box:
            self.box.free()
            return
        try:
            self.conn.close()
        except leatc.LeatError as e:
            assert e.err.cls == leatc.CLOSED, e


@pytest.mark.parametrize("active", ACTIVES)
@pytest.mark.parametrize("packet", PACKETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_client_of_erlang(erlang, lib, pki, version, packet, active):
    cfg = lib.client(pki.ca, versions=version)
    theirs = ACTIVES[(ACTIVES.index(active) + PACKETS.index(packet)) % 4]
    erlang.say("server", version, packet, theirs)
    c = lib.connect(cfg, "localhost", int(erlang.line("port ")), packet=packet)
    r = Receiver(lib, c, active)
    sent = 0
    for text in texts(packet):
        c.send(text)
        if packet == "0":
            assert r.all_of(len(text)) == text
        else:
            assert r.next() == text
        sent += len(text)
    r.end()
    assert erlang.line("done ") == f"{{closed,{sent}}}"
    lib.so.leat_config_unref(cfg)


@pytest.mark.parametrize("active", ACTIVES)
@pytest.mark.parametrize("packet", PACKETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_server_for_erlang(erlang, lib, pki, version, packet, active):
    cfg = lib.server(pki.cert("p256"), versions=version)
    listener, port = lib.listen(cfg)
    theirs = ACTIVES[(ACTIVES.index(active) + PACKETS.index(packet) + 1) % 4]
    sizes = [n for n in SIZES[packet] if n or packet != "0"]
    erlang.say("client", port, version, packet, theirs, *sizes)
    try:
        c = lib.accept(listener, packet=packet)
    finally:  # a client that comes too late is not to keep Erlang from the next test
        lib.so.leat_listener_close(listener)
    r = Receiver(lib, c, active)
    while (text := r.next()) is not None:
        c.send(text)
    r.end()
    assert erlang.line("done ") == f"{{ok,{len(sizes)}}}"
    lib.so.leat_config_unref(cfg)


@pytest.mark.parametrize("version", VERSIONS)
def test_from_tcp_to_tls_and_back(erlang, lib, pki, version):
    cfg = lib.client(pki.ca, versions=version, records="user")
    erlang.say("upgrade", version)
    s = socket.create_connection(("127.0.0.1", int(erlang.line("port "))), 20)
    s.sendall(b"STARTTLS\n")
    assert s.recv(3) == b"go\n"
    s.setblocking(True)
    c = lib.upgrade(cfg, s.detach(), "localhost")
    c.send(b"secret")
    assert c.recv() == b"secret"
    fd, left = c.downgrade()
    s = socket.socket(fileno=fd)
    s.settimeout(20)
    while len(left) < 9:
        left += s.recv(9 - len(left))
    assert left == b"in clear\n"
    s.sendall(b"answer\n")  # not before: Erlang may lose what comes with our close_notify
    assert erlang.line("done ") == '{ok,<<"answer\\n">>}'
    s.close()
    lib.so.leat_config_unref(cfg)

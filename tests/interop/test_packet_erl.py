# SPDX-License-Identifier: Apache-2.0
"""The packet decoder (leat/packet.h) against erlang:decode_packet(3), on cases made at random from pieces
that matter, and where the two are meant to differ.

Both sides write a unit in the same words; the lists must be equal. Differences by intention, which the
generator leaves out: BER of indefinite length and tags above nine bytes (leat refuses them), ports above
65535 (leat: none), numbers in an HTTP version or status that no 16 bits hold, 2^31 and more as a length, an empty line
under packet_size 1, a target of one byte that is no slash (Erlang calls it a path).
"""

import ctypes as ct
import os
import random
import shutil
import subprocess

import pytest

TYPES = ["raw", "1", "2", "4", "asn1", "sunrm", "cdr", "fcgi", "tpkt", "line", "http", "httph",
         "http_bin", "httph_bin"]

ERL = r"""
-module(oracle).
-export([main/0]).

main() ->
    io:setopts([binary, {encoding, latin1}]),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            [T, S, L, D, H] = binary:split(string:trim(Line), <<" ">>, [global]),
            Opts = [{packet_size, binary_to_integer(S)} || S =/= <<"0">>] ++
                [{line_length, binary_to_integer(L)} || L =/= <<"0">>] ++
                [{line_delimiter, binary_to_integer(D)} || T =:= <<"line">>],
            io:format("~s~n", [units(type(T), type(T), unhex(H), Opts, [])]),
            loop()
    end.

type(T) when T =:= <<"1">>; T =:= <<"2">>; T =:= <<"4">> -> binary_to_integer(T);
type(T) -> binary_to_atom(T).

unhex(<<"-">>) -> <<>>;
unhex(H) -> << <<(binary_to_integer(<<A, B>>, 16))>> || <<A, B>> <= H >>.

%% Set: the type the socket was given; T: what is read now (http: first line, then fields, and again).
units(Set, T, Bin, Opts, Acc) ->
    case erlang:decode_packet(T, Bin, Opts) of
        {more, _} -> lists:reverse(["more" | Acc]);
        {error, _} -> lists:reverse(["bad" | Acc]);
        {ok, Unit, Rest} ->
            Used = integer_to_list(byte_size(Bin) - byte_size(Rest)),
            units(Set, next(Set, Unit, T), Rest, Opts, [[text(Unit), $@, Used, $\s] | Acc])
    end.

next(http, Unit, _) when element(1, Unit) =:= http_request; element(1, Unit) =:= http_response -> httph;
next(http_bin, Unit, _) when element(1, Unit) =:= http_request; element(1, Unit) =:= http_response ->
    httph_bin;
next(Set, http_eoh, _) -> Set;
next(_, _, T) -> T.

hex(A) when is_atom(A) -> hex(atom_to_binary(A));
hex(L) when is_list(L) -> hex(list_to_binary(L));
hex(B) -> [io_lib:format("~2.16.0b", [X]) || <<X>> <= B].

text(B) when is_binary(B) -> ["data:", hex(B)];
text({http_request, M, U, {A, B}}) ->
    io_lib:format("request:~s:~s:~b.~b", [hex(M), uri(U), A, B]);
text({http_response, {A, B}, S, P}) -> io_lib:format("response:~b.~b:~b:~s", [A, B, S, hex(P)]);
text({http_header, N, _, F, V}) -> io_lib:format("field:~b:~s:~s", [N, hex(F), hex(V)]);
text(http_eoh) -> "end";
text({http_error, L}) -> ["error:", hex(L)].

uri('*') -> "*";
uri({abs_path, [C] = S}) when C =/= $/ -> ["other:", hex(S)];
uri({abs_path, <<C>> = S}) when C =/= $/ -> ["other:", hex(S)];
uri({abs_path, P}) -> ["path:", hex(P)];
uri({absoluteURI, S, H, P, Path}) ->
    io_lib:format("~s:~s:~s:~s", [S, hex(H), port(P), hex(Path)]);
uri({scheme, S, R}) -> ["scheme:", hex(S), $:, hex(R)];
uri(S) -> ["other:", hex(S)].

port(undefined) -> "-1";
port(P) -> integer_to_list(P).
"""


class Span(ct.Structure):
    _fields_ = [("p", ct.c_void_p), ("n", ct.c_size_t)]

    def bytes(self):
        return ct.string_at(self.p, self.n) if self.n else b""


class Framing(ct.Structure):
    _fields_ = [("type", ct.c_int), ("packet_size", ct.c_uint32), ("delimiter", ct.c_uint8),
                ("line_length", ct.c_uint32), ("in_headers", ct.c_bool)]


class Uri(ct.Structure):
    _fields_ = [("kind", ct.c_int), ("https", ct.c_bool), ("scheme", Span), ("host", Span),
                ("port", ct.c_int32), ("path", Span)]


class Unit(ct.Structure):
    _fields_ = [("kind", ct.c_int), ("used", ct.c_size_t), ("body", Span), ("major", ct.c_uint),
                ("minor", ct.c_uint), ("method", Span), ("uri", Uri), ("status", ct.c_uint),
                ("phrase", Span), ("field_id", ct.c_uint), ("field", Span), ("value", Span)]


def uri_text(u):
    path = u.path.bytes().hex()
    return ["*", f"path:{path}",
            f"{'https' if u.https else 'http'}:{u.host.bytes().hex()}:{u.port}:{path}",
            f"scheme:{u.scheme.bytes().hex()}:{path}", f"other:{path}"][u.kind]


def unit_text(u):
    if u.kind == 0:
        return "data:" + u.body.bytes().hex()
    if u.kind == 1:
        return f"request:{u.method.bytes().hex()}:{uri_text(u.uri)}:{u.major}.{u.minor}"
    if u.kind == 2:
        return f"response:{u.major}.{u.minor}:{u.status}:{u.phrase.bytes().hex()}"
    if u.kind == 3:
        return f"field:{u.field_id}:{u.field.bytes().hex()}:{u.value.bytes().hex()}"
    return "end" if u.kind == 4 else "error:" + u.body.bytes().hex()


def ours(lib, case):
    kind, size, length, delimiter, data = case
    f, buf, at, out = Framing(), ct.create_string_buffer(data, len(data) + 1), 0, ""
    lib.leat_framing_init(ct.byref(f), TYPES.index(kind))
    f.packet_size, f.line_length, f.delimiter = size, length, delimiter
    while True:
        u = Unit()
        r = lib.leat_packet_decode(ct.byref(f), Span(ct.addressof(buf) + at, len(data) - at),
                                   ct.byref(u), None)
        if r != 0:
            return out + ("more" if r == 1 else "bad")
        out += f"{unit_text(u)}@{u.used} "
        at += u.used


HTTP = [b"GET", b"get", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/12.3", b"HTTP/1", b"HTTP/", b"http/1.1", b" ",
        b" ", b" ", b"\t", b"/", b"/a?b", b"*", b"http://h:80/p", b"https://h", b"http://h:/", b"http://:1",
        b"HTTP://a:1x/", b"a:b", b":", b"200", b"404", b"OK", b"Not Found", b"\r\n", b"\r\n", b"\r\n",
        b"\n", b"\r", b"Host: a", b"content-encoding:  x ", b"X-y_Z:", b"bad field: q", b"(", b"A:b",
        b"\r\n c", b"\r\n\r\n", b"ETag: 1", b"-", b"5", b"\x80", b"\x00", b"."]
BINARY = [b"\0", b"\0", b"\1", b"\2", b"\3", b"\4", b"\5", b"\6", b"\x08", b"\x1f", b"\x30", b"\x80\0",
          b"\x81\1", b"\x82\0\1", b"\x84\0\0\0\1", b"\x85", b"\xff", b"GIOP", b"GIOP\1\0\0\0", b"\3\0",
          b"GIOP\1\0\1\0\1\0\0\0", b"\1\1\0\0\0\2\1\0", b"\0\0\0\2ab", b"ab", b"\n", b";", b"\r\n"]


def is_meant_to_differ(kind, data):
    if kind != "asn1":
        return False
    return any(b"\x80" in data[i:i + 1] for i in range(len(data))) or b"\x81" * 3 in data \
        or b"\x84\xff" in data or b"\x1f" * 2 in data


def is_earlier(kind, mine, theirs):
    """A length of more than four bytes: leat refuses it with its first byte, Erlang when it has all."""
    return kind == "asn1" and mine == theirs.removesuffix("more") + "bad"


def cases(num, seed=7):
    rnd = random.Random(seed)
    out = []
    while len(out) < num:
        kind = rnd.choice(TYPES)
        pieces = HTTP if kind.startswith("http") else BINARY
        data = b"".join(rnd.choice(pieces) for _ in range(rnd.randrange(1, 14)))
        size = rnd.choice([0, 0, 0, 2 if kind.startswith("http") else 1, 2, 3, 5, 8, 16, 30])
        length = rnd.choice([0, 0, 1, 3, 8]) if kind == "line" else 0
        delimiter = rnd.choice([10, 10, 59])
        if not is_meant_to_differ(kind, data):
            out.append((kind, size, length, delimiter, data))
    return out


@pytest.mark.skipif(not shutil.which("erlc"), reason="erlang-base is not installed")
def test_same_units_as_erlang(build, tmp_path):
    lib = ct.CDLL(os.path.join(build, "libleat.so.0"))
    lib.leat_packet_decode.argtypes = [ct.c_void_p, Span, ct.c_void_p, ct.c_void_p]
    (tmp_path / "oracle.erl").write_text(ERL)
    subprocess.run(["erlc", "oracle.erl"], cwd=tmp_path, check=True, timeout=60)
    todo = cases(20000)
    lines = "".join(f"{k} {s} {n} {d} {b.hex() or '-'}\n" for k, s, n, d, b in todo)
    done = subprocess.run(["erl", "-noshell", "-pa", ".", "-s", "oracle", "main"], cwd=tmp_path,
                          input=lines.encode(), capture_output=True, timeout=120, check=True)
    theirs = done.stdout.decode().splitlines()
    assert len(theirs) == len(todo)
    wrong = [(c, mine, t) for c, t in zip(todo, theirs)
             if (mine := ours(lib, c)) != t and not is_earlier(c[0], mine, t)]
    assert not wrong, f"{len(wrong)} differ, first: {wrong[0]}"
    # The cases say something: every framing had units, and some streams were refused.
    for kind in TYPES:
        mine = [t for c, t in zip(todo, theirs) if c[0] == kind]
        assert any("@" in t for t in mine), kind
    assert sum(t.endswith("bad") for t in theirs) > 1000

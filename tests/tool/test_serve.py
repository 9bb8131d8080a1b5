# SPDX-License-Identifier: Apache-2.0
"""leat serve as a client sees it: HTTP, files, confinement, limits, stopping. The client is Python's
ssl module (and curl), so TLS itself is checked against a stranger on the way."""
import email
import json
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from https import Client
from serving import BIG, Serve, make_site

H = b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("serve"))


@pytest.fixture
def serve(run_server, leat, site, pki):
    def start(*options, where=site, ident=None, **kw):
        return Serve(run_server, leat, where, ident or pki.cert("p256"), *options, **kw)
    return start


@pytest.fixture
def client(pki):
    made = []

    def connect(server, **kw):
        made.append(Client(server.port, pki.ca, **kw))
        return made[-1]

    yield connect
    for c in made:
        c.close()


# ---- starting --------------------------------------------------------------------------------


@pytest.mark.parametrize("argv, text", [
    ([], "folder to serve is missing"),
    (["D", "E", "--dev"], "only one folder"),
    (["D"], "no certificate"),
    (["D", "--cert", "x"], "every --cert needs a --key"),
    (["D", "--cert", "x", "--key", "y", "--dev"], "leave out"),
    (["D", "--dev", "--listen", "8443"], "no port"),
    (["D", "--dev", "--listen", "::1:8443"], "brackets"),
    (["D", "--dev", "--listen", "h:70000"], "not a number"),
    (["D", "--dev", "--records", "maybe"], "not one of auto, kernel, user"),
    (["D", "--dev", "--loop", "epoll"], "not one of"),
    (["D", "--dev", "--workers", "0"], "from 1 to 256"),
    (["D", "--dev", "--idle-timeout", "0"], "more than 0"),
    (["D", "--dev", "--idle-timeout", "-1"], "not a number of seconds"),
    (["D", "--dev", "--max-header", "10"], "from 256"),
    (["D", "--dev", "--set", "versions"], "not NAME=VALUE"),
    (["D", "--dev", "--no-such"], "unknown option"),
])
def test_usage(leat, run, argv, text):
    r = run([leat, "serve", *argv])
    assert (r.returncode, r.stdout) == (2, b"")
    assert text in r.stderr.decode()


@pytest.mark.parametrize("argv, text", [
    (["/nonexistent", "--dev"], "No such file"),
    (["/etc/passwd", "--dev"], "Not a directory"),
    (["/tmp", "--cert", "/nonexistent", "--key", "/nonexistent"], "/nonexistent"),
    (["/tmp", "--cert", "/etc/passwd", "--key", "/etc/passwd"], "cert"),
    (["/tmp", "--dev", "--set", "versions=9"], "versions"),
    (["/tmp", "--dev", "--set", "nonsense=9"], "nonsense"),
    (["/tmp", "--dev", "--listen", "192.0.2.1:0"], "cannot listen"),
    (["/tmp", "--dev", "--access-log", "/nonexistent/log"], "/nonexistent/log"),
])
def test_cannot_start(leat, run, argv, text):
    r = run([leat, "serve", *argv])
    assert r.returncode == 1
    assert text in r.stderr.decode()


def test_key_of_another_certificate(leat, run, pki):
    r = run([leat, "serve", "/tmp", "--cert", pki.cert("p256").chain,
             "--key", pki.cert("p384").key])
    assert r.returncode == 1 and b"key" in r.stderr


def test_port_taken(leat, run):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        r = run([leat, "serve", "/tmp", "--dev", "--listen", "127.0.0.1:%d" % s.getsockname()[1]])
    assert r.returncode == 1 and b"in use" in r.stderr


def test_help_names_every_option_and_exit_code(leat, run):
    r = run([leat, "serve", "--help"])
    assert r.returncode == 0
    for word in ("--listen", "--dev", "--records", "--max-connections", "--grace", "exit codes"):
        assert word in r.stdout.decode()


def test_start_lines(serve):
    s = serve("--workers", "3")
    lines = s.proc.output().splitlines()
    assert re.match(r"kernel TLS: ", lines[0])
    assert re.search(r"with 3 workers on (io_uring|poll)", lines[1])
    assert lines[2] == f"listening on 127.0.0.1:{s.port}"


def test_json_lines(serve, client):
    s = serve("--json")
    assert client(s).get("/a.txt?\"\\").status == 200
    s.proc.stop()
    start, request, end = map(json.loads, s.proc.output().splitlines())
    assert start["event"] == "listening" and start["kernel"].startswith("kernel TLS: ")
    assert (request["target"], request["status"], request["bytes"]) == ("/a.txt?%22%5C", 200, 6)
    assert request["tx"] in ("kernel", "user") and request["tx_why"] and request["rx_why"]
    assert request["version"] == "tlsv1.3" and request["suite"].startswith("TLS_")
    assert (end["event"], end["requests"], end["bytes"]) == ("stopped", 1, 6)


def test_dev_says_so_loudly(leat, run_server, site):
    s = Serve(run_server, leat, site, None, "--dev")
    assert Client(s.port).get("/a.txt").body == b"hello\n"
    assert "nobody vouches for it" in s.proc.output()


def test_the_certificate_that_fits(serve, pki, client):
    rsa = pki.cert("rsa2048")
    s = serve("--cert", rsa.chain, "--key", rsa.key)
    import ssl
    for ciphers, size in (("ECDHE-RSA-AES128-GCM-SHA256", "rsaEncryption"),
                          ("ECDHE-ECDSA-AES128-GCM-SHA256", "id-ecPublicKey")):
        c = client(s, version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers)
        assert c.get("/a.txt").status == 200
        der = c.s.getpeercert(True)
        text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=der,
                              capture_output=True, check=True).stdout.decode()
        assert size in text


# ---- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_curl_gets_it_byte_for_byte(serve, run, pki, loop):
    s = serve("--loop", loop)
    r = run(["curl", "-sS", "--cacert", pki.ca, f"https://localhost:{s.port}/big.bin"])
    assert r.returncode == 0, r.stderr
    assert r.stdout == BIG
    s.log(r"GET /big.bin 200 %d whole .*TLSv1.3 TLS_\S+ \S+ tx=\w+ rx=\w+ tx_why=\w+ rx_why=\w+"
          % len(BIG))


@pytest.mark.parametrize("path, kind, body", [
    ("/", "text/html; charset=utf-8", b"<h1>root</h1>"),
    ("/a.txt", "text/plain; charset=utf-8", b"hello\n"),
    ("/a.txt?x=y", "text/plain; charset=utf-8", b"hello\n"),
    ("/empty.txt", "text/plain; charset=utf-8", b""),
    ("/sub/", "text/html; charset=utf-8", b"sub"),
    ("/sub/b.json", "application/json", b"{}"),
    ("/rec.bin", "application/octet-stream", BIG[:16384]),
    ("/sp%20ace.txt", "text/plain; charset=utf-8", b"space"),
    ("/100%25.txt", "text/plain; charset=utf-8", b"percent"),
    ("/caf%C3%A9.txt", "text/plain; charset=utf-8", b"cafe"),
    ("/.well-known/ok.txt", "text/plain; charset=utf-8", b"ok"),
    ("/link.txt", "text/plain; charset=utf-8", b"hello\n"),
    ("/sub/up.txt", "text/plain; charset=utf-8", b"hello\n"),
    ("/inside/b.json", "application/json", b"{}"),
    ("/sub/../a.txt", "text/plain; charset=utf-8", b"hello\n"),
    ("//a.txt", "text/plain; charset=utf-8", b"hello\n"),
    ("https://localhost/a.txt", "text/plain; charset=utf-8", b"hello\n"),
])
def test_get_and_head(serve, client, path, kind, body):
    c = client(serve())
    a = c.get(path)
    assert (a.status, a["Content-Type"], a.body) == (200, kind, body)
    assert a["Content-Length"] == str(len(body)) and a["Accept-Ranges"] == "bytes"
    h = c.get(path, method="HEAD")
    drop = [f for f in a.fields if f != "date"]
    assert h.status == 200 and [h[f] for f in drop] == [a[f] for f in drop]
    assert c.get(path).body == body  # the connection is in step


@pytest.mark.parametrize("path, status", [
    ("/nothing", 404), ("/a.txt/", 404), ("/a.txt/x", 404), ("/bare/", 403), ("/fifo", 403),
    ("/sock", 404), ("/.hidden", 404), ("/%2ehidden", 404), ("/dangling", 404), ("/loop", 404),
    ("/" + "n" * 300, 404), ("/%", 400), ("/%zz", 400), ("/a%00.txt", 400), ("/%2fa.txt", 404),
])
def test_refused_paths(serve, client, path, status):
    c = client(serve())
    a = c.get(path)
    assert a.status == status and a.body.startswith(b"%d " % status)
    assert c.get("/a.txt").status == 200


ESCAPES = ["/../secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt", "/.%2e/secret.txt",
           "/%2e./secret.txt", "/..%2fsecret.txt", "/sub/..%2f..%2fsecret.txt", "/..\\secret.txt",
           "//../secret.txt", "/./../secret.txt", "/out.txt", "/abs.txt", "/dirout/secret.txt",
           "/dirout/", "/etc/passwd", "/etc/", "/proc/site/a.txt", "/proc/", "/self.txt",
           "/sub/../out.txt", "/a.txt%00/../../secret.txt", "/%2e%2e%5csecret.txt", "/..;/secret.txt",
           "https://localhost/../secret.txt", "/sub/%2e%2e/%2e%2e/secret.txt", "/..%c0%afsecret.txt",
           "/inside/../../secret.txt"]


@pytest.mark.parametrize("hidden", [False, True])
def test_no_path_leads_out(serve, client, hidden):
    s = serve(*(["--hidden"] if hidden else []))
    c = client(s)
    for path in ESCAPES:
        try:
            a = c.get(path)
        except EOFError:
            c = client(s)
            continue
        assert a.status in (400, 404), path
        assert b"SECRET" not in a.body and b"root:" not in a.body
        if a.get("Connection") == "close":
            c = client(s)


def test_hidden_names_on_request(serve, client):
    assert client(serve("--hidden")).get("/.hidden").body == b"SECRET"


def test_folder_swapped_for_a_link_while_we_look(serve, client, tmp_path):
    """The classic race: a component turns from folder into link out and back, all the time."""
    d = tmp_path / "d"
    d.mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "evil").mkdir()
    (d / "real").mkdir()
    (d / "real" / "f.txt").write_text("good")
    (tmp_path / "evil" / "f.txt").write_text("SECRET")
    s, stop = serve("--file-cache", "0", where=d), threading.Event()

    def swap():
        while not stop.is_set():
            os.symlink("../evil", d / "x.tmp")
            os.rename(d / "x.tmp", d / "x")
            os.symlink("real", d / "y.tmp")
            os.rename(d / "y.tmp", d / "x")

    t = threading.Thread(target=swap)
    t.start()
    try:
        c, seen = client(s), {200: 0, 404: 0}
        for _ in range(2000):
            a = c.get("/x/f.txt")
            assert a.body in (b"good", b"404 Not Found\n")
            seen[a.status] += 1
        assert seen[200] > 0 and seen[404] > 0
    finally:
        stop.set()
        t.join()


def test_folder_without_slash_is_redirected(serve, client):
    c = client(serve())
    a = c.get("/sub?q=1")
    assert (a.status, a["Location"]) == (301, "/sub/?q=1")
    assert c.get("//sub")["Location"] == "/sub/"  # never another host
    assert c.get(a["Location"]).body == b"sub"


# ---- conditions and ranges -------------------------------------------------------------------


def test_conditional_requests(serve, client):
    c = client(serve())
    a = c.get("/a.txt")
    tag, date = a["ETag"], a["Last-Modified"]
    for fields in ({"If_None_Match": tag}, {"If_None_Match": f'"x", W/{tag}'},
                   {"If_Modified_Since": date}, {"If_None_Match": "*"}):
        n = c.get("/a.txt", **fields)
        assert (n.status, n.body, n["ETag"], n.get("Content-Type")) == (304, b"", tag, None)
    for fields in ({"If_None_Match": '"x"'}, {"If_Modified_Since": "Mon, 01 Jan 1990 00:00:00 GMT"},
                   {"If_Match": tag}, {"If_Modified_Since": "soon"}):
        assert c.get("/a.txt", **fields).status == 200
    for fields in ({"If_Match": '"x"'},
                   {"If_Unmodified_Since": "Mon, 01 Jan 1990 00:00:00 GMT"}):
        assert c.get("/a.txt", **fields).status == 412


def test_changed_file_changes_its_tag(serve, client, tmp_path):
    (tmp_path / "f").write_text("one")
    c = client(serve(where=tmp_path))
    first = c.get("/f")["ETag"]
    (tmp_path / "f").write_text("two")
    assert c.get("/f", If_None_Match=first).body == b"two"


def test_ranges_byte_for_byte(serve, client):
    c, rng, size = client(serve()), random.Random(9), len(BIG)
    rows = [(0, 0), (0, size - 1), (size - 1, size - 1), (16383, 16384), (16384, 32767)]
    for _ in range(60):
        a = rng.randrange(size)
        rows.append((a, min(size - 1, a + rng.randrange(1 << rng.randrange(1, 21)))))
    for first, last in rows:
        a = c.get("/big.bin", Range=f"bytes={first}-{last}")
        assert a.status == 206
        assert a["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert a.body == BIG[first:last + 1], (first, last)
    assert c.get("/big.bin", Range="bytes=-5").body == BIG[-5:]
    assert c.get("/big.bin", Range=f"bytes={size - 7}-").body == BIG[-7:]


def test_several_ranges(serve, client):
    c = client(serve())
    wanted = [(0, 9), (100000, 300000), (len(BIG) - 3, len(BIG) - 1), (5, 5)]
    a = c.get("/big.bin", Range="bytes=" + ", ".join(f"{x}-{y}" for x, y in wanted))
    assert a.status == 206
    m = email.message_from_bytes(b"Content-Type: " + a["Content-Type"].encode() + b"\r\n\r\n"
                                 + a.body)
    assert m.get_content_type() == "multipart/byteranges"
    boundary = m.get_boundary().encode()
    parts = a.body.split(b"--" + boundary)
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == len(wanted) + 2
    for part, (x, y) in zip(parts[1:-1], wanted):
        head, _, body = part.partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {x}-{y}/{len(BIG)}".encode() in head
        assert body == BIG[x:y + 1] + b"\r\n"
    assert c.get("/a.txt").status == 200


def test_ranges_that_cannot_be(serve, client):
    c = client(serve())
    a = c.get("/a.txt", Range="bytes=6-")
    assert (a.status, a["Content-Range"]) == (416, "bytes */6")
    tag = c.get("/a.txt")["ETag"]
    for fields in ({"Range": "bytes=3-2"}, {"Range": "lines=1-2"},
                   {"Range": "bytes=" + ",".join(["0-"] * 3)},
                   {"Range": "bytes=" + ",".join(f"{i}-{i}" for i in range(17))},
                   {"Range": "bytes=0-0", "If_Range": '"other"'}):
        assert (c.get("/a.txt", **fields).status, c.get("/a.txt").body) == (200, b"hello\n")
    assert c.get("/a.txt", Range="bytes=0-0", If_Range=tag).body == b"h"


# ---- requests one after the other ------------------------------------------------------------


@pytest.mark.parametrize("head, status", [
    (b"POST /a.txt", 405), (b"DELETE /a.txt", 405), (b"OPTIONS *", 405), (b"BREW /a.txt", 501),
])
def test_methods_we_do_not_have(serve, client, head, status):
    c = client(serve())
    c.send(head + H)
    a = c.answer()
    assert a.status == status and (status != 405 or a["Allow"] == "GET, HEAD")
    assert c.get("/a.txt").status == 200


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/2.0\r\n\r\n", 505), (b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417), (b"\x00\x01\x02\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 413),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", 413),
    (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", 405),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000, 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
])
def test_requests_that_end_the_connection(serve, client, request_bytes, status):
    c = client(serve())
    c.send(request_bytes)
    a = c.answer()
    assert (a.status, a["Connection"]) == (status, "close")
    assert c.at_end() == "close_notify"


def test_header_limit_is_exact(serve, client):
    s = serve("--max-header", "512")
    for n in (510, 511, 512, 513):
        head = b"GET /a.txt HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
        c = client(s)
        c.send(head.replace(b"X: ", b"X: " + b"y" * (n - len(head))))
        assert c.answer().status == (200 if n <= 512 else 431), n


def test_keep_alive_and_close(serve, client):
    s = serve()
    c = client(s)
    for _ in range(30):
        assert c.get("/a.txt").get("Connection") is None
    assert c.get("/a.txt", Connection="close")["Connection"] == "close"
    assert c.at_end() == "close_notify"
    c = client(s)
    c.send(b"GET /a.txt HTTP/1.0\r\n\r\n")
    assert c.answer()["Connection"] == "close" and c.at_end() == "close_notify"
    c = client(s)
    c.send(b"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    assert [c.answer()["Connection"] for _ in range(2)] == ["keep-alive"] * 2


def test_pipelining(serve, client):
    c = client(serve())
    paths = [b"/a.txt", b"/sub/b.json", b"/nothing", b"/rec.bin", b"/empty.txt"] * 60
    c.send(b"".join(b"GET " + p + H for p in paths))
    want = {b"/a.txt": b"hello\n", b"/sub/b.json": b"{}", b"/nothing": b"404 Not Found\n",
            b"/rec.bin": BIG[:16384], b"/empty.txt": b""}
    for p in paths:
        assert c.answer().body == want[p]


def test_pipelining_behind_a_big_file(serve, client):
    c = client(serve())
    c.send(b"GET /big.bin" + H + b"GET /a.txt" + H)
    assert c.answer().body == BIG and c.answer().body == b"hello\n"


def test_request_in_every_two_pieces(serve, client):
    c = client(serve())
    request = b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for cut in range(1, len(request)):
        c.send(request[:cut])
        c.send(request[cut:])
        assert c.answer().body == b"hello\n"


def test_bodies_are_dropped(serve, client):
    c = client(serve())
    for n in (1, 5, 8192, 20000, 65536):
        body = b"GET /evil" * (n // 9 + 1)
        c.send(b"POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % n + body[:n])
        c.send(b"GET /a.txt" + H)
        assert (c.answer().status, c.answer().body) == (405, b"hello\n")
    c.send(b"GET /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /sub/" + H)
    assert (c.answer().body, c.answer().body) == (b"hello\n", b"sub")


def key_update(port, pki, last, out):
    """openssl s_client gets a big file, changes its keys and asks for ours to change (the line K), then
    sends the request last. Returns what it printed without the file's bytes. out: a path for that."""
    with open(out, "wb") as f:
        p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3",
                              "-CAfile", pki.ca, "-servername", "localhost"],
                             stdin=subprocess.PIPE, stdout=f, stderr=subprocess.STDOUT)
    for text in (b"HEAD /index.html HTTP/1.1\r\nHost: a\r\n\r\n",
                 b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n", b"K\n", last):
        try:
            p.stdin.write(text)
            p.stdin.flush()
        except BrokenPipeError:  # it was closed on, and ended
            break
        time.sleep(1.5)
    try:
        p.communicate(timeout=20)
    except BrokenPipeError:
        p.wait(20)
    return out.read_bytes().replace(BIG, b"(big)")


def test_key_update(serve, pki, tmp_path):
    out = key_update(serve("--records", "user").port, pki,
                     b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", tmp_path / "out")
    assert out.index(b"KEYUPDATE") < out.index(b"hello\n") < out.index(b"closed")


# ---- what a bad peer can do ------------------------------------------------------------------


def closed_within(raw, seconds):
    raw.settimeout(seconds)
    start = time.monotonic()
    try:
        while raw.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - start


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_silent_peer(serve, loop):
    s = serve("--handshake-timeout", "0.5", "--loop", loop)
    with socket.create_connection(("127.0.0.1", s.port)) as raw:
        assert closed_within(raw, 10) < 5
    s.log(r"refused .*handshake: not complete in time")


def test_peer_that_drips_its_hello(serve):
    s = serve("--handshake-timeout", "1")
    with socket.create_connection(("127.0.0.1", s.port)) as raw:
        end = time.monotonic() + 8
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            raw.sendall(b"\x16\x03\x01\x02\x00")
            while time.monotonic() < end:
                raw.sendall(b"\x01")
                time.sleep(0.2)


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", b"\x00" * 50, b"\xff" * 5000,
                                  b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"SSH-2.0-x\r\n",
                                  b"\x15\x03\x01\x00\x02\x02\x28"])
def test_garbage_for_a_hello(serve, client, junk):
    s = serve()
    with socket.create_connection(("127.0.0.1", s.port)) as raw:
        raw.sendall(junk)
        raw.settimeout(10)
        got = b""
        try:
            while data := raw.recv(4096):
                got += data
        except ConnectionResetError:
            pass
    # An alert, unless theirs was one.
    assert got[:1] == (b"" if junk[:1] == b"\x15" else b"\x15")
    s.log(r"refused ")
    assert client(s).get("/a.txt").status == 200


def test_hello_cut_short(serve, client):
    s = serve()
    with socket.create_connection(("127.0.0.1", s.port)) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40)
    s.log(r"refused .*127.0.0.1|refused ")
    assert client(s).get("/a.txt").status == 200


def test_slow_header_is_answered_408(serve, client):
    s = serve("--header-timeout", "0.7")
    c = client(s)
    c.send(b"GET / HT")
    for _ in range(4):
        time.sleep(0.1)
        c.send(b"T")  # a byte now and then gives no more time
    a = c.answer()
    assert (a.status, a["Connection"]) == (408, "close")
    assert c.at_end() == "close_notify"


def test_idle_connection_is_closed_properly(serve, client):
    c = client(serve("--idle-timeout", "0.4"))
    assert c.get("/a.txt").status == 200
    assert c.at_end(10) == "close_notify"


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
@pytest.mark.parametrize("size", [10, 100000])
def test_a_changed_file_is_seen_at_once(serve, client, tmp_path, loop, size):
    """Also while it is kept open for the next request: replaced, rewritten in place, gone."""
    s = serve("--file-cache", "600", "--loop", loop, where=tmp_path)
    c, path = client(s), tmp_path / "f"
    for i in range(20):
        text = bytes([65 + i]) * (size + i)
        if i % 2:
            path.write_bytes(text)
        else:
            (tmp_path / "new").write_bytes(text)
            (tmp_path / "new").rename(path)
        for _ in range(2):
            assert c.get("/f").body == text
    path.unlink()
    assert c.get("/f").status == 404


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_reader_that_stops(serve, client, loop):
    s = serve("--stall-timeout", "0.7", "--loop", loop)
    base = s.num_fds()
    c = client(s, rcvbuf=4096)
    c.send(b"GET /big.bin" + H)
    s.log(r"GET /big.bin 200 \d+ cut ")
    s.log(r"refused .*takes no more")
    c.close()
    wait_for(lambda: s.num_fds() <= base)


def test_slow_reader_gets_all_of_it(serve, client):
    """Slower than the stall limit in all, but never standing still that long."""
    s = serve("--stall-timeout", "1")
    c = client(s, rcvbuf=65536)
    c.send(b"GET /big.bin" + H)
    got = b""
    start = time.monotonic()
    while len(got.partition(b"\r\n\r\n")[2]) < len(BIG):
        data = c.s.recv(65536)
        assert data
        got += data
        time.sleep(0.02 if time.monotonic() - start < 3 else 0)
    assert got.partition(b"\r\n\r\n")[2] == BIG


@pytest.mark.slow
def test_reader_that_pauses_at_the_end(serve, client):
    """Answers of many sizes, so that some end just where the socket is full: after a pause the last
    byte and the close_notify behind it are still there."""
    s, held = serve(), []
    for n in range(1000000, len(BIG), 100000):
        c = client(s, rcvbuf=4096)
        c.send(b"GET /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
               b"Range: bytes=0-%d\r\n\r\n" % (n - 1))
        held.append((n, c))
    time.sleep(4)
    for n, c in held:
        assert c.answer().body == BIG[:n]
        assert c.at_end() == "close_notify", n


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return False
    except ConnectionRefusedError:
        return True


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_nothing_leaks(serve, client, pki, loop):
    """Connections that end in every way; afterwards the server holds what it held before."""
    s = serve("--loop", loop, "--workers", "2")
    client(s).get("/a.txt", Connection="close")
    base = s.num_fds()
    for i in range(40):
        c = Client(s.port, pki.ca, rcvbuf=4096)
        c.send(b"GET /big.bin" + H)
        if i % 4 == 1:
            c.s.recv(1000)
        if i % 4 == 2:  # reset, in the middle of the file
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if i % 4 == 3:  # half-close: still wants the answer
            c.s.shutdown(socket.SHUT_WR)
        c.close()
        with socket.create_connection(("127.0.0.1", s.port)) as raw:
            raw.sendall(b"\x16\x03"[:i % 3])
    wait_for(lambda: s.num_fds() <= base, 20)
    assert client(s).get("/a.txt").status == 200


def test_file_that_shrinks_while_sent(serve, client, tmp_path):
    f = tmp_path / "f.bin"
    f.write_bytes(b"x" * (8 << 20))
    s = serve(where=tmp_path)
    c = client(s, rcvbuf=4096)
    c.send(b"GET /f.bin" + H)
    c.s.recv(1000)
    time.sleep(0.2)
    os.truncate(f, 1000)
    with pytest.raises(Exception) as e:  # cut or reset, but never a proper end
        while c.s.recv(65536):
            pass
    assert "EOF" in str(e.value) or isinstance(e.value, ConnectionResetError)
    s.log(r"GET /f.bin 200 \d+ cut ")
    s.log(r"became shorter")


def test_connections_are_bounded(serve, client):
    s = serve("--max-connections", "4", "--workers", "2")
    held = [client(s) for _ in range(4)]
    with socket.create_connection(("127.0.0.1", s.port)) as raw:
        raw.settimeout(1)
        try:  # one that was turned away may notice it already while it sends
            raw.sendall(b"GET / HTTP/1.0\r\n\r\n")  # would be answered by an alert at once
            early = raw.recv(10)
        except (socket.timeout, ConnectionError):
            early = None
        # Waiting in the backlog, or turned away: never served beside the four.
        assert early in (None, b"")
    assert all(c.get("/a.txt").status == 200 for c in held)
    for c in held:
        c.close()
    end = time.monotonic() + 10
    while True:
        try:
            assert client(s).get("/a.txt").status == 200
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)


HALF_OPEN = 10000


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_ten_thousand_half_open(serve, client):
    """Silent peers and peers that stop inside the hello: memory bounded, server alive, all gone in
    the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < HALF_OPEN * 3 // 2:
        pytest.skip(f"RLIMIT_NOFILE is {hard}: not enough descriptors for {HALF_OPEN} connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    s = serve("--handshake-timeout", "25", "--access-log", "none")
    base, fds, conns = s.rss_kib(), s.num_fds(), []
    try:
        for i in range(HALF_OPEN):
            raw = socket.create_connection(("127.0.0.1", s.port))
            if i % 10 == 0:
                raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60)
            conns.append(raw)
        wait_for(lambda: s.num_fds() >= fds + HALF_OPEN, 20)
        grown = s.rss_kib() - base
        c = client(s)
        assert c.get("/a.txt").status == 200
        assert c.get("/big.bin").body == BIG
        # 1 in 10 holds a hello buffer and a handshake; the rest a struct.
        assert grown < 96 * 1024, f"{grown} KiB"
        wait_for(lambda: s.num_fds() <= fds + 8, 60)
        assert c.get("/a.txt").status == 200
    finally:
        for raw in conns:
            raw.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- the log ---------------------------------------------------------------------------------


def test_log_cannot_be_forged(serve, client, tmp_path):
    path = tmp_path / "log"
    s = serve("--access-log", str(path))
    c = client(s)
    c.send(b"GET /\xff\"\\x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert c.answer().status == 404
    c.get("/" + "y" * 3000)
    c.close()
    wait_for(lambda: path.read_text().count("\n") == 2)
    first, second = path.read_text().splitlines()
    assert " GET /%FF%22%5Cx 404 " in first
    assert len(second) < 2048
    assert "GET" not in s.proc.output()


def test_no_log(serve, client):
    s = serve("--access-log", "none")
    assert client(s).get("/a.txt").status == 200
    s.proc.stop()
    assert "GET" not in s.proc.output()


def test_log_reader_that_goes_away(leat, site, pki):
    """stdout closed behind our back: the service goes on."""
    me = pki.cert("p256")
    child = subprocess.Popen([leat, "serve", site, "--cert", me.chain, "--key", me.key, "--listen",
                              "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for line in child.stdout:
            if m := re.match(rb"listening on 127.0.0.1:(\d+)", line):
                break
        child.stdout.close()
        for _ in range(3):
            with Client(int(m.group(1)), pki.ca) as c:
                assert c.get("/a.txt").status == 200
    finally:
        child.terminate()
        assert child.wait(10) == 0


# ---- stopping --------------------------------------------------------------------------------


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("loop", ["io_uring", "poll"])
def test_stop_during_a_transfer(serve, client, sig, loop):
    s = serve("--loop", loop)
    idle, busy, hello = client(s), client(s, rcvbuf=4096), socket.create_connection(
        ("127.0.0.1", s.port))
    assert idle.get("/a.txt").status == 200
    busy.send(b"GET /big.bin" + H + b"GET /a.txt" + H)
    busy.s.recv(1)
    s.proc.child.send_signal(sig)
    assert idle.at_end() == "close_notify"
    with hello:
        assert closed_within(hello, 5) < 5
    wait_for(lambda: refused(s.port))
    busy.buf = b"H"
    assert busy.answer().body == BIG
    assert busy.at_end() == "close_notify"  # the second request is not begun
    assert s.proc.wait() == 0
    assert re.search(r"stopped: 2 handshakes, .* 2 requests, .* 0 connections cut",
                     s.proc.output())


def test_grace_ends(serve, client):
    s = serve("--grace", "0.5")
    c = client(s, rcvbuf=4096)
    c.send(b"GET /big.bin" + H)
    c.s.recv(1)
    s.proc.child.terminate()
    assert s.proc.wait(10) == 0
    assert "1 connections cut" in s.proc.output()


def test_second_signal_ends_it_now(serve, client):
    s = serve()
    c = client(s, rcvbuf=4096)
    c.send(b"GET /big.bin" + H)
    c.s.recv(1)
    s.proc.child.terminate()
    time.sleep(0.4)
    assert s.proc.child.poll() is None
    s.proc.child.terminate()
    assert s.proc.wait(10) == 0


# ---- policy ----------------------------------------------------------------------------------


def kernel_has_tls():
    with socket.socket() as a, socket.socket() as b:
        a.bind(("127.0.0.1", 0))
        a.listen()
        b.connect(a.getsockname())
        try:
            b.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
            return True
        except OSError:
            return False


def test_records_user(serve, client):
    s = serve("--records", "user")
    assert client(s).get("/big.bin").body == BIG
    s.log(r"/big.bin 200 .* tx=user rx=user tx_why=policy_user rx_why=policy_user")


def test_records_kernel_is_kept_or_refused(serve, client):
    """On a kernel without TLS nothing is served, and the log says why. (Where it has it, the tests
    below tests/kernel go further.)"""
    s = serve("--records", "kernel")
    if kernel_has_tls():
        assert client(s).get("/big.bin").body == BIG
        s.log(r"/big.bin 200 .* tx=kernel rx=kernel ")
        return
    with pytest.raises(OSError):
        client(s)
    s.log(r"refused .*modprobe tls|refused .*built without TLS|refused .*the kernel refused TLS")


def test_settings_reach_tls(serve, client):
    import ssl
    s = serve("--set", "versions=tlsv1.2")
    assert client(s).s.version() == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        client(s, version=ssl.TLSVersion.TLSv1_3)


def test_alpn(serve, client):
    import ssl
    s = serve()
    assert client(s, alpn=["h2", "http/1.1"]).s.selected_alpn_protocol() == "http/1.1"
    with pytest.raises(ssl.SSLError):
        client(s, alpn=["h2"])

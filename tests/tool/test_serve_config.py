# SPDX-License-Identifier: Apache-2.0
"""leat serve --config, --check and SIGHUP: one grammar for file and command line, everything looked at before
anything is opened, and a reload that no client notices."""
import os
import re
import signal
import ssl
import threading
import time

import pytest

from https import Client


@pytest.fixture
def place(tmp_path, pki):
    """A folder with two sites, certificates and a way to write configurations."""
    class Place:
        top = tmp_path
        conf = tmp_path / "serve.conf"
        me, other = pki.cert("p256"), pki.cert("rsa2048")

        def write(self, *lines):
            self.conf.write_text("\n".join(lines) + "\n")
            return self

        def good(self, *more, root="one", ident=None, head=()):
            ident = ident or self.me
            return self.write("listen 127.0.0.1:0", *head, f"root {self.top / root}",
                              f"cert {ident.chain}", f"key {ident.key}", *more)

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f.txt").write_text(name)
    return Place()


@pytest.fixture
def serve(run_server, leat, place):
    def start(*options):
        s = run_server([leat, "serve", "--config", place.conf, *options],
                       ready=r"(?:^listening on 127.0.0.1:|\"port\":)(\d+)")
        s.port = int(s.match.group(1))
        return s
    return start


def check(run, leat, place, *options):
    r = run([leat, "serve", "--config", place.conf, "--check", *options])
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def body(server, ca, path="/f.txt", name="localhost"):
    with Client(server.port, ca, host=name) as c:
        c.send(f"GET {path} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        return c.answer().body.decode()


# ---- the file --------------------------------------------------------------------------------


def test_file_is_served(serve, place, pki):
    place.good("[host a.wild.test, b.wild.test]", f"root {place.top}/two", f"cert {place.other.chain}",
               f"key {place.other.key}", "hidden", "versions tlsv1.2", head=["# comment", "", "workers 2"])
    s = serve()
    assert body(s, pki.ca) == "one" and body(s, pki.ca, name="b.wild.test") == "two"
    with Client(s.port, pki.ca, host="a.wild.test") as c:
        assert c.s.version() == "TLSv1.2"


def test_command_line_around_the_file(serve, place, pki):
    """Options stand where --config stands; those behind it come later, for the default host again."""
    place.good("[host a.wild.test]", f"root {place.top}/two", f"cert {place.me.chain}",
               f"key {place.me.key}")
    (place.top / "one" / ".dot").write_text("dot")
    s = serve("--hidden", "--versions", "tlsv1.2")
    assert body(s, pki.ca, "/.dot") == "dot"
    with Client(s.port, pki.ca) as c:
        assert c.s.version() == "TLSv1.2"


def test_check_opens_no_port_and_says_good(run, leat, place):
    place.good()
    assert check(run, leat, place) == (0, "the configuration is good\n", "")


def test_example_is_good(run, leat, place, repo, pki):
    with open(os.path.join(repo, "examples", "leat-serve.conf"), encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"^root .*", f"root {place.top}/one", text, flags=re.M)
    text = re.sub(r"^cert .*", f"cert {place.me.chain}", text, flags=re.M)
    text = re.sub(r"^key .*", f"key {place.me.key}", text, flags=re.M)
    text = re.sub(r"^cacert .*", f"cacert {pki.ca}", text, flags=re.M)
    place.conf.write_text(text)
    assert check(run, leat, place)[0] == 0


BAD = [
    ("lisen :443", 2, "did you mean --listen?"),
    ("listen", 2, "--listen needs a value"),
    ("listen 443", 2, "no port"),
    ("json yes", 2, "takes no value"),
    ("workers many", 2, "not a number"),
    ("--json", 2, "without their dashes"),
    ("json=1", 2, "not an option"),
    ("[hosts x]", 2, "only [host NAMES] is one"),
    ("[host]", 2, "only [host NAMES] is one"),
    ("[host x", 2, "ends in ]"),
    ("host x", 2, "[host NAMES]"),
    ("config other", 2, "only on the command line"),
    ("check", 2, "only on the command line"),
    ("root /tmp", 2, "given twice"),
    ("ocsp-file /tmp/x\nocsp-file /tmp/y", 2, "one with each"),
    ("set versions", 2, "not NAME=VALUE"),
    ("[host x.test]\njson", 2, "before the first [host]"),
    ("[host x.test]", 2, "folder to serve is missing"),
    ("key /tmp/x", 2, "every --cert needs a --key"),
    ("dev", 2, "leave out --cert"),
    ("versions 9", 1, "versions"),
    ("nonsense 1", 2, "unknown option"),
    ("[host x..test]\nroot /tmp\ndev", 1, "not a host name"),
    ("[host x.test]\nroot /nonexistent\ndev", 1, "No such file"),
    ("[host x.test]\nroot /tmp\ncert /nonexistent\nkey /nonexistent", 1, "/nonexistent"),
]


@pytest.mark.parametrize("lines, code, text", BAD)
def test_errors_name_file_and_line(run, leat, place, lines, code, text):
    place.good(*lines.split("\n"))
    got, out, err = check(run, leat, place)
    assert (got, out) == (code, "") and text in err
    numbers = [int(n) for n in re.findall(re.escape(str(place.conf)) + r":(\d+): ", err)]
    # The line itself, or that of the host's beginning when something is missing.
    assert numbers and all(2 <= n <= 4 + len(lines.split("\n")) for n in numbers), err
    # The same without --check, and nothing was started.
    r = run([leat, "serve", "--config", place.conf])
    assert (r.returncode, r.stdout) == (code, b"") and text in r.stderr.decode()


def test_all_wrong_lines_are_named(run, leat, place):
    place.good("a 1", "json", "b 2", "[host x.test]", "c 3")
    _, _, err = check(run, leat, place)
    assert re.findall(r"serve.conf:(\d+):", err) == ["5", "7", "9"]
    place.good("[host x.test]", "root /nonexistent", "dev", "[host y.test]", "root /nowhere", "dev",
               "versions 9")
    _, _, err = check(run, leat, place)
    assert "/nonexistent" in err and "/nowhere" in err and "serve.conf:11:" in err


@pytest.mark.parametrize("options, text", [
    (["--config", "/dev/null"], "given twice"), (["--no-such"], "unknown option")])
def test_wrong_beside_the_file(run, leat, place, options, text):
    place.good()
    got, out, err = check(run, leat, place, *options)
    assert (got, out) == (2, "") and text in err


def test_no_file(run, leat):
    r = run([leat, "serve", "--config", "/nonexistent"])
    assert r.returncode == 2 and b"/nonexistent" in r.stderr and r.stdout == b""
    r = run([leat, "serve", "--config", "/tmp"])
    assert r.returncode == 2 and r.stdout == b""


# ---- SIGHUP ----------------------------------------------------------------------------------


def num_fds(s):
    return len(os.listdir(f"/proc/{s.pid}/fd"))


def reload(s, pattern=r"^reloaded: \d+ host"):
    seen = len(re.findall(pattern, s.output(), re.M))
    os.kill(s.pid, signal.SIGHUP)
    end = time.monotonic() + 15
    while len(re.findall(pattern, s.output(), re.M)) == seen:
        assert time.monotonic() < end, s.output()
        time.sleep(0.01)


def until(fn, wanted):
    """Workers follow a moment after the line is printed."""
    end = time.monotonic() + 5
    while fn() != wanted:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_folder_certificate_hosts_and_options_change(serve, place, pki):
    place.good()
    s = serve("--workers", "1")

    def kind():
        with Client(s.port, pki.ca) as c:
            return len(c.s.getpeercert(True)) > 900, c.s.version()

    before = kind()
    assert body(s, pki.ca) == "one"
    place.good("versions tlsv1.2", "[host a.wild.test]", f"root {place.top}/one", f"cert {place.me.chain}",
               f"key {place.me.key}", root="two", ident=place.other)
    reload(s)
    until(lambda: body(s, pki.ca), "two")
    assert body(s, pki.ca, name="a.wild.test") == "one"
    after = kind()
    assert before[1] == "TLSv1.3" and after[1] == "TLSv1.2" and before[0] != after[0]


def test_old_connection_is_told_to_go(serve, place, pki):
    place.good()
    s = serve("--workers", "1")
    with Client(s.port, pki.ca) as c:
        a = c.get("/f.txt")
        assert a.body == b"one" and a.get("Connection") != "close"
        place.good(root="two")
        reload(s)
        until(lambda: body(s, pki.ca), "two")
        # Its certificate and name were the old ones; so is what it still gets.
        a = c.get("/f.txt")
        assert a.body == b"one" and a.get("Connection") == "close"
        assert c.at_end() == "close_notify"


@pytest.mark.parametrize("lines, text", [
    (["nonsense"], "unknown option"), (["versions 9"], "versions"),
    (["[host x.test]", "root /nonexistent", "dev"], "No such file"),
    (["workers 2"], "--workers cannot change"), (["access-log none"], "--access-log cannot change"),
    (["json"], "--json cannot change"), (["max-connections 9"], "cannot change"),
    (["loop poll"], "--loop cannot change"), (["listen 127.0.0.1:1"], "--listen cannot change")])
def test_bad_configuration_leaves_the_old_one(serve, place, pki, lines, text):
    place.good()
    s = serve("--workers", "1") if lines[0] != "workers 2" else serve()
    fds = num_fds(s)
    place.good(*lines, root="two")
    for _ in range(3):
        reload(s, r"reload: nothing was changed, the old configuration stays")
    assert text in s.output()
    assert body(s, pki.ca) == "one"
    until(lambda: num_fds(s) <= fds + 2, True)  # the connection lingers, a pipe is kept for the next
    place.good(root="two")
    reload(s)
    until(lambda: body(s, pki.ca), "two")


def test_file_gone(serve, place, pki):
    place.good()
    s = serve()
    place.conf.unlink()
    reload(s, r"the old configuration stays")
    assert body(s, pki.ca) == "one"


def test_log_moves_on(serve, place, pki):
    log = place.top / "log"
    place.good(head=[f"access-log {log}"])
    s = serve()
    assert body(s, pki.ca) == "one"
    until(lambda: log.read_text().count("/f.txt"), 1)
    os.rename(log, place.top / "log.1")
    reload(s)
    assert body(s, pki.ca) == "one"
    until(lambda: log.read_text().count("/f.txt"), 1)
    assert (place.top / "log.1").read_text().count("/f.txt") == 1


def test_tickets_outlive_a_reload(serve, place, pki):
    place.good("session_tickets stateless", "versions tlsv1.2")
    s = serve("--workers", "1")
    ctx = ssl.create_default_context(cafile=pki.ca)

    def connect(session=None):
        import socket
        return ctx.wrap_socket(socket.create_connection(("127.0.0.1", s.port)),
                               server_hostname="localhost", session=session)

    with connect() as first:
        session = first.session
    place.good("session_tickets stateless", "versions tlsv1.2", "idle-timeout 61")
    reload(s)
    with connect(session) as again:
        assert again.session_reused


def test_no_request_fails_over_fifty_reloads(serve, place, pki):
    """Clients with kept-alive and with fresh connections, while sites, certificates and hosts change."""
    big = os.urandom(700_000)
    for name in ("one", "two"):
        (place.top / name / "big").write_bytes(big)
    place.good()
    s = serve()
    stop, failed, done = threading.Event(), [], [0] * 6
    ctx_ca = pki.ca

    def ask(n, keep):
        c = None
        try:
            while not stop.is_set():
                c = c or Client(s.port, ctx_ca)
                a = c.get("/big" if n % 2 else "/f.txt")
                assert a.status == 200 and (a.body == big if n % 2 else a.body in (b"one", b"two"))
                done[n] += 1
                if not keep or a.get("Connection") == "close":
                    assert a.get("Connection") != "close" or c.at_end() == "close_notify"
                    c.close()
                    c = None
        except Exception as e:  # whatever it is, it is what must not happen
            failed.append(f"client {n} after {done[n]}: {e!r}")

    threads = [threading.Thread(target=ask, args=(n, n < 4)) for n in range(6)]
    for t in threads:
        t.start()
    fds, rss = [], []
    for i in range(50):
        before = sum(done)
        place.good(*(["[host a.wild.test]", f"root {place.top}/two", f"cert {place.me.chain}",
                      f"key {place.me.key}"] if i % 3 else []),
                   root="two" if i % 2 else "one", ident=place.other if i % 4 < 2 else place.me)
        reload(s)
        until(lambda: sum(done) > before or bool(failed), True)
        fds.append(num_fds(s))
    stop.set()
    for t in threads:
        t.join()
    assert not failed, failed
    assert min(done) > 5
    assert max(fds[40:]) <= max(fds[5:15]) + 6, fds  # old sites go when their last connection has gone
    s.stop()
    assert re.search(r"stopped: .* 0 connections cut", s.output())

# SPDX-License-Identifier: Apache-2.0
"""leat serve --key-process: the server signs without having the key; what has it can do nothing else."""
import base64
import os
import re
import signal
import ssl
import time

import pytest

from https import Client
from serving import Serve

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as in CI: only root can become somebody else")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "f.txt").write_text("one")
    return tmp_path / "site"


@pytest.fixture
def serve(run_server, leat, site):
    def start(ident, *options):
        s = Serve(run_server, leat, site, ident, "--key-process", *options)
        s.keys = children(s.pid)[0]
        return s
    return start


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(c) for c in f.read().split()]


def body(s, ca, name="localhost", **kw):
    with Client(s.port, ca, host=name, **kw) as c:
        c.send(f"GET /f.txt HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        return c.answer().body


@pytest.mark.parametrize("kind", ["rsa2048", "rsapss", "p256", "p384", "p521", "ed25519", "ed448"])
def test_every_kind_of_key(serve, pki, kind):
    s = serve(pki.cert(kind))
    assert body(s, pki.ca) == b"one"
    if kind != "rsapss":
        assert body(s, pki.ca, version=ssl.TLSVersion.TLSv1_2) == b"one"


def test_hosts_and_several_keys(serve, pki, site):
    one, two = pki.cert("rsa2048"), pki.issue("kp-host", hosts=("x.wild.test",))
    s = serve(pki.cert("p256"), "--cert", one.chain, "--key", one.key, "--host", "x.wild.test", "--root", site,
              "--cert", two.chain, "--key", two.key)
    tls12 = {"version": ssl.TLSVersion.TLSv1_2}
    assert body(s, pki.ca, ciphers="ECDHE-RSA-AES128-GCM-SHA256", **tls12) == b"one"
    assert body(s, pki.ca, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", **tls12) == b"one"
    assert body(s, pki.ca, "x.wild.test") == b"one"


def secrets_of(ident):
    """The private number as libcrypto keeps it and as files have it, and the middle of the file's text."""
    from cryptography.hazmat.primitives import serialization
    with open(ident.key, "rb") as f:
        pem = f.read()
    value = serialization.load_pem_private_key(pem, None).private_numbers().private_value
    text = b"".join(pem.splitlines()[1:-1])
    return {value.to_bytes(32, "big"), value.to_bytes(32, "little"), base64.b64encode(base64.b64decode(text))[60:100]}


def holds(pid, secrets):
    """How many of them lie anywhere in the memory of a process."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r\S+)", line)
            if not m or "[v" in line:
                continue
            start, end = int(m.group(1), 16), int(m.group(2), 16)
            try:
                mem.seek(start)
                data = mem.read(end - start)
            except OSError:
                continue
            found |= {s for s in secrets if s in data}
    return len(found)


@ROOT
def test_the_server_never_has_the_key(serve, run_server, leat, site, pki):
    ident = pki.issue("kp-secret")
    secrets = secrets_of(ident)
    plain = Serve(run_server, leat, site, ident)
    assert body(plain, pki.ca) == b"one" and holds(plain.pid, secrets) > 0  # it would be found
    s = serve(ident)
    for _ in range(5):
        assert body(s, pki.ca) == b"one"
    os.kill(s.pid, signal.SIGHUP)
    s.log("^reloaded")
    assert body(s, pki.ca) == b"one"
    assert holds(s.pid, secrets) == 0 and holds(s.keys, secrets) > 0


def test_what_it_may_do(serve, pki):
    s = serve(pki.cert("p256"))
    with open(f"/proc/{s.keys}/status", encoding="ascii") as f:
        status = f.read()
    assert re.search(r"^Name:\s+leat-keys$", status, re.M) and re.search(r"^Threads:\s+1$", status, re.M)
    assert re.search(r"^Seccomp:\s+2$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    fds = {os.readlink(f"/proc/{s.keys}/fd/{n}").split(":")[0] for n in os.listdir(f"/proc/{s.keys}/fd") if int(n) > 2}
    assert fds == {"socket"} and len(os.listdir(f"/proc/{s.keys}/fd")) == 4


def test_reload_takes_another_key(serve, pki, site, run_server, leat, tmp_path):
    conf = tmp_path / "conf"

    def write(ident):
        conf.write_text(f"listen 127.0.0.1:0\nroot {site}\ncert {ident.chain}\nkey {ident.key}\nkey-process\n")

    write(pki.cert("p256"))
    s = run_server([leat, "serve", "--config", conf], ready=r"^listening on 127.0.0.1:(\d+)")
    s.port = int(s.match.group(1))
    assert body(s, pki.ca) == b"one"
    for i in range(6):
        write(pki.cert(("rsa2048", "p384")[i % 2]))
        os.kill(s.pid, signal.SIGHUP)
        end = time.monotonic() + 5
        while len(re.findall("^reloaded", s.output(), re.M)) <= i:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert body(s, pki.ca) == b"one"
    write(pki.cert("p256"))
    conf.write_text(conf.read_text().replace(pki.cert("p256").key, pki.cert("p384").key))
    os.kill(s.pid, signal.SIGHUP)
    s.wait_line("old configuration stays")
    assert body(s, pki.ca) == b"one"


@pytest.mark.parametrize("cert, key, text", [
    ("p256", "p384", "key process refuses"), ("p256", None, "key process refuses"), (None, "p256", "/nonexistent")])
def test_wrong_files(leat, run, pki, cert, key, text):
    files = ["--cert", pki.cert(cert).chain if cert else "/nonexistent",
             "--key", pki.cert(key).key if key else "/nonexistent"]
    r = run([leat, "serve", "/tmp", "--listen", "127.0.0.1:0", "--key-process", *files])
    assert r.returncode == 1 and text in r.stderr.decode()


def test_not_with_dev(leat, run):
    r = run([leat, "serve", "/tmp", "--dev", "--key-process"])
    assert r.returncode == 2 and b"leave out --key-process" in r.stderr


def gone(pid, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                if f.read().rsplit(") ", 1)[1][0] in "ZX":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_its_end_is_the_servers(serve, pki):
    s = serve(pki.cert("p256"))
    os.kill(s.keys, signal.SIGKILL)
    assert s.proc.child.wait(10) == 1
    s.log("the key process has ended")


def test_it_ends_with_the_server(serve, pki):
    s = serve(pki.cert("p256"))
    os.kill(s.keys, signal.SIGTERM)  # a signal to the whole group is for the server
    assert body(s, pki.ca) == b"one"
    os.kill(s.pid, signal.SIGKILL)
    assert gone(s.keys)
    s = serve(pki.cert("p256"))
    assert s.proc.stop() == 0 and gone(s.keys)


@ROOT
def test_keys_that_the_user_may_not_read(serve, pki, site, tmp_path):
    """The server is nobody; a reload still gets the keys of root."""
    import shutil
    me = pki.cert("p256")
    key, chain = tmp_path / "key", tmp_path / "chain"
    shutil.copy(me.key, key)
    shutil.copy(me.chain, chain)
    key.chmod(0o600)
    for p in (tmp_path, *tmp_path.parents):
        if str(p).startswith("/tmp/pytest"):
            p.chmod(p.stat().st_mode | 0o111)

    class Files:
        pass
    Files.key, Files.chain = key, chain
    s = serve(Files, "--user", "nobody")
    os.kill(s.pid, signal.SIGHUP)
    s.log("^reloaded")
    assert body(s, pki.ca) == b"one"

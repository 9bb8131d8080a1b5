# SPDX-License-Identifier: Apache-2.0
"""The two transports of examples/: TLS over memory inside one process, and over unix sockets, there also with
somebody else's TLS at the other end.

REQ: GEN-transport-plug OPT-cb_info
"""
import os
import socket
import ssl
import subprocess

import pytest

NOISE = bytes((i * 31 + i // 251) % 256 for i in range(200000))


@pytest.fixture
def unix(build, pki, run_server, tmp_path):
    """A server at a path."""
    path, ident = str(tmp_path / "sock"), pki.cert("p256")
    run_server([os.path.join(build, "examples", "transport_unix"), "serve", path, ident.chain,
                ident.key], ready="listening")
    return path


def connect(build, path, *args, stdin=b""):
    return subprocess.run([os.path.join(build, "examples", "transport_unix"), "connect", path, *args],
                          input=stdin, capture_output=True, timeout=60)


def test_memory(build, pki):
    ident = pki.cert("p256")
    out = subprocess.run([os.path.join(build, "examples", "transport_pipe"), ident.chain, ident.key,
                          pki.ca], capture_output=True, timeout=60)
    assert out.returncode == 0, out.stderr
    how = "12288 bytes and back, the same, records in user space (custom_transport)"
    assert out.stdout.decode().splitlines() == [f"waiting: {how}", f"by events: {how}"]


def test_unix_sockets(build, pki, unix):
    for _ in range(3):
        out = connect(build, unix, pki.ca, "localhost", stdin=NOISE)
        assert out.returncode == 0, out.stderr
        assert out.stdout == NOISE


def test_the_name_is_checked_not_the_path(build, pki, unix):
    out = connect(build, unix, pki.ca, "elsewhere.test", stdin=b"x")
    assert out.returncode == 1 and b"bad_certificate" in out.stderr, out.stderr
    assert connect(build, unix, pki.ca, "localhost", stdin=b"x").stdout == b"x"  # it lives on


def test_nobody_listens(build, pki, tmp_path):
    out = connect(build, str(tmp_path / "none"), pki.ca, "localhost")
    assert out.returncode == 1 and b"connect: failed: No such file" in out.stderr, out.stderr
    out = connect(build, str(tmp_path / ("n" * 200)), pki.ca, "localhost")
    assert out.returncode == 1 and b"File name too long" in out.stderr, out.stderr


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_other_peoples_client(pki, unix, version):
    """Python's ssl (OpenSSL) over the same kind of socket."""
    context = ssl.create_default_context(cafile=pki.ca)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(30)
    raw.connect(unix)
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as c:
        for at in range(0, 100000, 1000):
            c.sendall(NOISE[at:at + 1000])
            got = b""
            while len(got) < 1000:
                got += c.recv(1000 - len(got))
            assert got == NOISE[at:at + 1000]
        c.unwrap()

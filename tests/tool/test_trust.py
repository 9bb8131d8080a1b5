# SPDX-License-Identifier: Apache-2.0
"""What leat connect trusts when nobody says so: the system's CAs, or those of the environment that
OpenSSL's users know; and how it says that there are none."""
import os

import pytest


@pytest.fixture
def connect(leat, run, run_server, free_port, pki):
    good = pki.cert("p256")
    run_server(["openssl", "s_server", "-accept", str(free_port), "-cert", good.cert, "-cert_chain",
                good.chain, "-key", good.key, "-www"], ready=r"ACCEPT")

    def start(*argv, **env):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SSL_CERT_")}
        return run([leat, "connect", f"localhost:{free_port}", "--quiet", *argv],
                   input=b"GET / HTTP/1.0\r\n\r\n", env={**clean, **env})
    return start


def test_system_does_not_know_our_ca(connect):
    """REQ: F-systrust"""
    r = connect()
    assert r.returncode == 4
    assert b"not among the trusted CAs" in r.stderr and b"unknown_ca" in r.stderr


def test_file_of_the_environment(connect, pki):
    """REQ: F-systrust"""
    r = connect(SSL_CERT_FILE=pki.ca)
    assert (r.returncode, r.stderr) == (0, b"")


def test_folder_of_the_environment(connect, pki, tmp_path):
    (tmp_path / "ours.pem").write_bytes(open(pki.ca, "rb").read())
    r = connect(SSL_CERT_DIR=str(tmp_path))
    assert (r.returncode, r.stderr) == (0, b"")


def test_option_comes_before_the_environment(connect, pki):
    stranger = pki.authority("stranger").cert
    r = connect("--cacert", stranger, SSL_CERT_FILE=pki.ca)
    assert r.returncode == 4 and b"unknown_ca" in r.stderr


def test_file_that_is_not_there(connect, tmp_path):
    r = connect(SSL_CERT_FILE=str(tmp_path / "absent"))
    assert r.returncode not in (0, 4)
    assert b"SSL_CERT_FILE" in r.stderr and b"absent" in r.stderr and b"No such file" in r.stderr


def test_folder_without_certificates(connect, tmp_path):
    r = connect(SSL_CERT_DIR=str(tmp_path))
    assert r.returncode not in (0, 4)
    assert b"SSL_CERT_DIR" in r.stderr and b"no certificate" in r.stderr

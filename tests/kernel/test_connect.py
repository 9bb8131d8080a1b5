"""leat connect with records in the kernel, against openssl s_server: every AEAD, both versions, 16 MiB
byte for byte, and the kernel's own counters as witness.

REQ: F-ktls-rx F-ktls-tx F-ktls-13
"""
import hashlib
import json
import os
import pathlib
import subprocess
import time

import pytest

# AES runs at some 50 MB/s in the test machine; the older kernel gets a smaller file.
SIZE = (4 if os.environ.get("LEAT_VM_KERNEL") == "6.1" else 16) << 20
SUITES = [
    ("1.3", "TLS_AES_128_GCM_SHA256"),
    ("1.3", "TLS_AES_256_GCM_SHA384"),
    ("1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    ("1.3", "TLS_AES_128_CCM_SHA256"),
    ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("1.2", "ECDHE-ECDSA-AES128-CCM"),
]


def tls_stat():
    rows = (line.split() for line in pathlib.Path("/proc/net/tls_stat").read_text().splitlines())
    return {name: int(value) for name, value in rows}


def grown(before, after):
    """Directions that the kernel has taken, receiving and sending."""
    return [after[n] - before[n] for n in ("TlsRxSw", "TlsTxSw")]


@pytest.fixture
def asked(leat, run):
    """How many a process takes for itself to find out what the kernel can: of TLS 1.3 it asks whether keys can be
    changed."""
    before = tls_stat()
    assert run([leat, "probe"]).returncode == 0
    return grown(before, tls_stat())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    d = tmp_path_factory.mktemp("www")
    block = os.urandom(1 << 20)
    (d / "big").write_bytes(b"".join(bytes([i]) + block[1:] for i in range(SIZE >> 20)))
    return d


@pytest.fixture(scope="module")
def ident(pki):
    return pki.issue("kconnect", hosts=["localhost"])


def server_argv(ident, port, version, suite, *more):
    cipher = ["-ciphersuites", suite] if version == "1.3" else ["-cipher", suite]
    return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", ident.cert, "-key",
            ident.key, "-cert_chain", ident.chain, f"-tls{version.replace('.', '_')}", *cipher,
            *more]


@pytest.mark.parametrize("version, suite", SUITES)
def test_16_mib_through_the_kernel(leat, run, run_server, free_port, folder, ident, pki, asked, version,
                                   suite):
    run_server(server_argv(ident, free_port, version, suite, "-WWW"), ready=r"^ACCEPT", cwd=folder)
    before = tls_stat()
    r = run([leat, "connect", f"localhost:{free_port}", "-c", pki.ca, "--records", "kernel",
             "--json"], input=b"GET /big HTTP/1.0\r\n\r\n", timeout=100)
    after = tls_stat()
    report = json.loads(r.stderr)
    assert r.returncode == 0, report
    assert report["rx"] == {"backend": "kernel", "why": "in_kernel",
                            "text": "the kernel protects the records"}
    assert report["tx"]["backend"] == "kernel"
    assert report["version"] == f"tlsv{version}"
    head, _, body = r.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200")
    assert len(body) == SIZE
    want = (folder / "big").read_bytes()
    assert hashlib.sha256(body).digest() == hashlib.sha256(want).digest()
    assert grown(before, after) == [1 + n * (version == "1.3") for n in asked]
    assert after["TlsDecryptError"] == before["TlsDecryptError"]
    assert after["TlsCurrRxSw"] == before["TlsCurrRxSw"]


def test_one_direction_only(leat, run, run_server, free_port, ident, pki, asked):
    run_server(server_argv(ident, free_port, *SUITES[0], "-www"), ready=r"^ACCEPT")
    for rx, tx in (("kernel", "user"), ("user", "kernel")):
        before = tls_stat()
        r = run([leat, "connect", f"localhost:{free_port}", "-c", pki.ca, "--records-rx", rx,
                 "--records-tx", tx, "--json"], input=b"GET / HTTP/1.0\r\n\r\n")
        after = tls_stat()
        report = json.loads(r.stderr)
        assert r.returncode == 0, report
        assert r.stdout.startswith(b"HTTP/1.0 200")
        assert (report["rx"]["backend"], report["tx"]["backend"]) == (rx, tx)
        assert grown(before, after) == [asked[0] + (rx == "kernel"), asked[1] + (tx == "kernel")]


@pytest.mark.parametrize("records", ["kernel", "auto"])
def test_a_suite_no_kernel_has(leat, run, run_server, free_port, ident, pki, records):
    suite = "TLS_AES_128_CCM_8_SHA256"
    run_server(server_argv(ident, free_port, "1.3", suite, "-www"), ready=r"^ACCEPT")
    r = run([leat, "connect", f"localhost:{free_port}", "-c", pki.ca, "--tls1_3", "--suites", suite,
             "--records", records], input=b"GET / HTTP/1.0\r\n\r\n")
    if records == "kernel":
        assert (r.returncode, r.stdout) == (6, b"")
        assert b"no kernel has a cipher for this suite" in r.stderr
    else:
        assert r.returncode == 0, r.stderr
        assert r.stdout.startswith(b"HTTP/1.0 200")


def test_key_update_from_openssl(leat, pki, ident, run_server, free_port):
    """6.12 takes no new keys: with RX in the kernel the connection ends, by name; in user space it
    goes on."""
    for records in ("kernel", "user"):
        server = run_server(server_argv(ident, free_port, *SUITES[0]), ready=r"^ACCEPT",
                            stdin=subprocess.PIPE)
        client = subprocess.Popen(
            [leat, "connect", f"localhost:{free_port}", "-c", pki.ca, "--records", records, "-q"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        server.wait_line(r"^CIPHER is", 20)
        for line in (b"before\n", b"K\n", b"after\n"):
            server.child.stdin.write(line)
            server.child.stdin.flush()
            time.sleep(0.3)
        if records == "user":
            client.stdin.write(b"bye\n")
            client.stdin.flush()
            server.wait_line(r"^bye", 20)
            server.child.stdin.write(b"Q\n")
            server.child.stdin.flush()
        out, err = client.communicate(timeout=30)
        server.stop()
        if records == "kernel":
            assert client.returncode != 0
            assert out == b"before\n"
            assert b"key_update: the kernel" in err
        else:
            assert out == b"before\nafter\n", err

"""`leat probe` on a kernel with kTLS: what it says is what the kernel does, seen from outside.

REQ: P-3"""
import errno
import json
import os
import pathlib
import platform
import socket
import struct
import subprocess

import pytest
import seccomp

SOL_TLS, TLS_TX, TLS_RX, TCP_ULP = 282, 1, 2, 31
ZEROCOPY_RO, EXPECT_NO_PAD, MAX_PAYLOAD = 3, 4, 5
CONTROL = struct.pack("<HH8s16s4s8s", 0x0304, 51, b"i" * 8, b"k" * 16, b"s" * 4, bytes(8))


def tls_stat():
    rows = (line.split() for line in pathlib.Path("/proc/net/tls_stat").read_text().splitlines())
    return {name: int(value) for name, value in rows}


@pytest.fixture
def answer(leat, run):
    def ask(argv=(), **kw):
        done = run([*argv, leat, "probe", "--json"], timeout=60, **kw)
        return json.loads(done.stdout)
    return ask


@pytest.fixture
def keyed_pair():
    """Two sockets with TLS 1.3 AES-128-GCM keys: tx on the first, rx on the second."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        a = socket.create_connection(listener.getsockname(), timeout=10)
        b = listener.accept()[0]
    for s, direction in ((a, TLS_TX), (b, TLS_RX)):
        s.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
        s.setsockopt(SOL_TLS, direction, CONTROL)
    yield a, b
    a.close()
    b.close()


def errno_of(s, *args):
    try:
        s.setsockopt(*args)
    except OSError as e:
        return e.errno
    return 0


def test_all_ciphers_in_both_versions_and_directions(answer):
    got = answer()
    assert got["available"] and got["obstacle"] == "none" and got["remedy"] == ""
    assert [c["name"] for c in got["ciphers"]] == ["AES-128-GCM", "AES-256-GCM", "AES-128-CCM",
                                                   "CHACHA20-POLY1305"]
    for c in got["ciphers"]:
        for version in ("tlsv1.2", "tlsv1.3"):
            assert c[version] == {d: {"ok": True, "error": None} for d in ("rx", "tx")}, c


def test_the_kernel_saw_each_try(answer):
    """Every working combination is one kernel sender and one kernel receiver in tls_stat."""
    before = tls_stat()
    got = answer()
    after = tls_stat()
    works = sum(c[v]["tx"]["ok"] for c in got["ciphers"] for v in ("tlsv1.2", "tlsv1.3"))
    assert works == 8
    assert after["TlsTxSw"] - before["TlsTxSw"] >= works
    assert after["TlsRxSw"] - before["TlsRxSw"] >= works
    assert after["TlsDecryptError"] == before["TlsDecryptError"]
    assert after["TlsCurrTxSw"] == before["TlsCurrTxSw"]  # nothing was left behind
    assert after["TlsCurrRxSw"] == before["TlsCurrRxSw"]


def test_options_as_the_kernel_has_them(answer, keyed_pair):
    """The same questions asked from here get the same answers."""
    a, b = keyed_pair
    want = {
        "rx_expect_no_pad": errno_of(b, SOL_TLS, EXPECT_NO_PAD, 1),
        "tx_zerocopy_ro": errno_of(a, SOL_TLS, ZEROCOPY_RO, 1),
        "tx_max_payload_len": errno_of(a, SOL_TLS, MAX_PAYLOAD, struct.pack("<H", 4096)),
        "rekey_tx": errno_of(a, SOL_TLS, TLS_TX, CONTROL),
    }
    got = answer()["options"]
    for name, err in want.items():
        assert got[name] == {"ok": err == 0, "error": os.strerror(err) if err else None}, name
    # Both directions or none on every kernel there is; on 6.1 and 6.12 none.
    assert got["rekey_rx"] == got["rekey_tx"]
    if platform.release().startswith(("6.1.", "6.12.")):
        assert got["rekey_tx"]["error"] == os.strerror(errno.EBUSY)


def test_drivers_are_those_of_proc_crypto(answer):
    entries = [dict(tuple(x.strip() for x in line.split(":", 1)) for line in e.splitlines())
               for e in pathlib.Path("/proc/crypto").read_text().split("\n\n") if e.strip()]
    got = answer()
    for c in got["ciphers"]:
        mine = [e for e in entries if e["name"] == c["alg"]]
        best = max(mine, key=lambda e: int(e["priority"]))
        assert int(best["priority"]) == max(
            int(e["priority"]) for e in mine if e["driver"] == c["driver"])
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    if "aesni" in got["ciphers"][0]["driver"]:
        assert got["aes"] == "cpu"
    elif " aes " in flags:
        assert got["aes"] == "generic"


def test_io_uring_as_the_kernel_has_it(answer):
    """Keys by ring command need Linux 6.7; the multishot receive works on both stock kernels."""
    got = answer()["io_uring"]
    assert got["state"] == "ok"
    assert got["multishot_recvmsg"]["ok"]
    version = tuple(int(x) for x in platform.release().split(".")[:2])
    assert got["setsockopt"]["ok"] is (version >= (6, 7)), got


def test_io_uring_switched_off_by_sysctl(answer):
    switch = pathlib.Path("/proc/sys/kernel/io_uring_disabled")  # Linux 6.6
    if not switch.exists():
        got = answer(preexec_fn=seccomp.deny([("io_uring_setup", errno.EPERM)]))
    else:
        was = switch.read_text()
        switch.write_text("2")
        try:
            got = answer()
        finally:
            switch.write_text(was)
    assert got["available"]
    assert got["io_uring"]["state"] == "forbidden"
    assert not got["io_uring"]["multishot_recvmsg"]["ok"]


def test_an_unprivileged_process_finds_the_same(answer):
    """Once the module is there, nobody needs a capability for it."""
    root = answer()
    nobody = answer(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
    assert nobody["module"]["may_autoload"] is False
    assert nobody["ciphers"] == root["ciphers"]
    assert nobody["options"] == root["options"]
    assert nobody["available"]


def test_root_of_a_user_namespace_may_not_autoload(answer):
    """CAP_NET_ADMIN in a namespace of one's own is not what the kernel asks for."""
    got = answer(["unshare", "--user", "--map-root-user"])
    assert got["module"]["may_autoload"] is False
    assert got["available"]


def test_refused_keys_are_reported_per_direction(answer):
    """Receive keys refused (EINVAL): send alone is what works, proven by the bytes on the wire."""
    got = answer(preexec_fn=seccomp.deny([("setsockopt", errno.EINVAL,
                                           {1: SOL_TLS, 2: TLS_RX})]))
    assert got["available"]
    for c in got["ciphers"]:
        for version in ("tlsv1.2", "tlsv1.3"):
            assert c[version]["tx"]["ok"]
            assert c[version]["rx"] == {"ok": False, "error": os.strerror(errno.EINVAL)}
    assert "(tx)" in got["summary"]


def test_a_receiver_nobody_can_test_does_not_count(answer):
    """Send keys refused: receive keys were taken, but untried is not "works"."""
    got = answer(preexec_fn=seccomp.deny([("setsockopt", errno.EINVAL,
                                           {1: SOL_TLS, 2: TLS_TX})]))
    assert not got["available"]
    assert got["obstacle"] == "no_cipher"


def test_records_that_do_not_arrive_are_not_success(answer):
    """Keys accepted but sending fails: reported as broken records, not as working."""
    got = answer(preexec_fn=seccomp.deny([("sendmsg", errno.EIO)]))
    assert not got["available"]
    assert {c[v][d]["error"] for c in got["ciphers"] for v in ("tlsv1.2", "tlsv1.3")
            for d in ("rx", "tx")} == {os.strerror(errno.EBADMSG)}


def test_native_check_agrees(repo):
    done = subprocess.run([os.path.join(repo, "tests/vm/native-ktls")], capture_output=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr

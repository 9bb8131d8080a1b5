# SPDX-License-Identifier: Apache-2.0
"""Goals of the measuring programs: met, missed, and missed because nothing was measured."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "bench"))
import goals  # noqa: E402
import run  # noqa: E402


def handshake(scenario, side, ratio, lib="leat"):
    return {"bench": "handshake", "scenario": scenario, "side": side, "lib": lib, "us": 1.0, "ratio": ratio,
            "spread": 0.0}


def memory(**more):
    return {"bench": "memory", "scenario": "13ec", "side": "server", "lib": "leat", "ready_bytes": 1400,
            "idle_bytes": 1200, "peak_bytes": 8000, "mallocs": 84.5, **more}


def goal(rows, name):
    found = [g for g in goals.judge(rows) if g["goal"].startswith(name)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("ratio,met", [(0.5, True), (0.62, True), (0.621, False)])
def test_a_ratio_is_held_or_not(ratio, met):
    assert goal([handshake("13ec", "server", ratio)], "13ec server")["met"] is met


def test_other_libraries_and_sides_do_not_count():
    rows = [handshake("13ec", "server", 0.1, "gnutls"), handshake("13ec", "client-cold", 0.1)]
    g = goal(rows, "13ec server")
    assert g["met"] is False and g["value"] is None
    assert run.table(g).startswith("MISSED") and "not measured" in run.table(g)


@pytest.mark.parametrize("key,most", [("ready_bytes", 2867), ("peak_bytes", 10240), ("mallocs", 100)])
def test_the_worst_scenario_decides(key, most):
    name = f"server, worst scenario, {key}"
    assert goal([memory(), memory(**{key: most})], name)["met"] is True
    assert goal([memory(**{key: most + 1}), memory()], name)["met"] is False
    assert goal([memory(side="client", **{key: most + 1}), memory()], name)["met"] is True
    assert goal([], name)["met"] is False


def test_records_and_trust():
    row = {"bench": "aead", "cipher": "aes-128-gcm", "bytes": 16384, "lib": "leat", "us": 3.5, "ratio": 1.03}
    assert goal([row], "record of 16 KiB")["met"] is True
    assert goal([{**row, "ratio": 1.04}], "record of 16 KiB")["met"] is False
    assert goal([{**row, "bytes": 1400}], "record of 16 KiB")["met"] is False
    row = {"bench": "trust", "scenario": "first", "lib": "leat", "us": 1000.5, "ratio": 0.02}
    assert goal([row], "trusted CAs, first")["met"] is False
    assert goal([{**row, "us": 400}], "trusted CAs, first")["met"] is True


def test_nothing_measured_is_nothing_met():
    assert not any(g["met"] for g in goals.judge([]))


def request(file, kernel_tls=False, ratio=0.5, rps_ratio=2.0, lib="leat", client="wrk"):
    return {"bench": "serve", "kernel_tls": kernel_tls, "client": client, "file": file, "lib": lib, "us": 10.0,
            "rps": 1000.0, "mib_s": 1.0, "ratio": ratio, "rps_ratio": rps_ratio}


def test_requests_beside_nginx():
    assert goal([request("1k")], "serve, 1k, CPU")["met"] is True
    assert goal([request("1k", ratio=0.71)], "serve, 1k, CPU")["met"] is False
    assert goal([request("16m", rps_ratio=1.19)], "serve, 16m, requests/s")["met"] is False
    for other in (request("1k", lib="leat-kernel"), request("1k", client="h2load"), request("1k", kernel_tls=True)):
        assert goal([other], "serve, 1k, CPU")["met"] is False
    assert goal([request("16m", kernel_tls=True, ratio=1.0)], "serve, kernel TLS, 16m")["met"] is True
    assert "x nginx" in run.table(request("1k"))


def test_connections_that_wait():
    row = {"bench": "connections", "records": "kernel", "lib": "leat", "count": 15000, "user_bytes": 512,
           "slab_bytes": 9000, "answered": 15000}
    assert goal([row], "connections held")["met"] is True
    assert goal([row], "waiting connection")["met"] is True
    assert goal([{**row, "answered": 14999}], "connections held")["met"] is False
    assert goal([{**row, "user_bytes": 513}], "waiting connection")["met"] is False
    assert goal([{**row, "records": "auto"}], "waiting connection")["met"] is False


def transfer(us, where, **more):
    return {"bench": "records", "lib": "leat", "dir": "tx", "phase": "kept", "suite": "aes-128-gcm", "bytes": 1024,
            "way": "send", "where": where, "in_kernel": where == "kernel", "us": us, "ratio": 1.0, **more}


@pytest.mark.parametrize("auto,met", [(90, True), (94.5, True), (95, False)])
def test_auto_is_held_to_the_better_one_of_its_worst_size(auto, met):
    rows = [transfer(100, "user"), transfer(90, "kernel"), transfer(auto, "auto"),
            *(transfer(us, where, bytes=4096) for us, where in ((10, "user"), (20, "kernel"), (10, "auto")))]
    g = goal(rows, "auto at its worst")
    assert g["met"] is met
    assert ("1024" in g["goal"]) == (auto > 90)
    assert "tx" in run.table(rows[0]) and "in user" in run.table(rows[0])

# SPDX-License-Identifier: Apache-2.0
"""What leat is to reach, and whether a run of the measuring programs reached it.

CPU of a handshake is a share of libssl's in the same run; sizes are bytes of heap. A goal is missed,
too, when the run has no figure for it.
"""

# (scenario, side): at most this share of libssl's CPU
HANDSHAKE = {
    ("13ec", "server"): 0.62, ("13ec", "client-cold"): 0.80, ("13ec", "client-cached"): 0.24,
    ("13rsa", "server"): 0.86, ("13rsa", "client-cold"): 0.75, ("13rsa", "client-cached"): 0.23,
    ("13psk", "server"): 0.61, ("13psk", "client-cold"): 0.62,
    ("12ec", "server"): 0.72, ("12ec", "client-cold"): 0.80, ("12ec", "client-cached"): 0.25,
    ("12ticket", "server"): 0.30, ("12ticket", "client-cold"): 0.30,
    ("12sid", "server"): 0.29,
}
# of a server connection, whatever the scenario: at most
MEMORY = {"ready_bytes": 2867, "peak_bytes": 10240, "mallocs": 100}
# sealing 16 KiB under AES-128-GCM: at least this share of the speed of the bare calls
RECORD = 0.97
# the system's trusted CAs, microseconds: at most
TRUST = {"first": 1000, "repeat": 2}
# (kernel TLS, file, field): at most this share of nginx's CPU for a request, or at least this multiple of its
# requests a second. With kernel TLS every byte costs the kernel the same whoever asks for it.
SERVE = {
    (False, "1k", "ratio"): 0.7, (False, "64k", "ratio"): 0.7, (False, "16m", "ratio"): 0.9,
    (False, "1k", "rps_ratio"): 1.2, (False, "64k", "rps_ratio"): 1.2, (False, "16m", "rps_ratio"): 1.2,
    (True, "1k", "ratio"): 0.7, (True, "64k", "ratio"): 0.7, (True, "16m", "ratio"): 1.0,
}
# connections one serving process holds, each still answered: at least; bytes of it for one in the kernel: at most
CONNECTIONS = 15000
WAITING = 512
# the worst size and suite of policy auto, after leat calibrate: at most this multiple of the cheaper of user space and
# kernel
AUTO_WORST = 1.05


def _auto_worst(rows):
    """(cost of auto / the cheaper of the two, what it was) at the worst."""
    cost = {}
    for r in rows:
        if r["bench"] == "records":
            cost.setdefault((r["dir"], r["phase"], r["suite"], r["bytes"], r["way"]), {})[r["where"]] = r["us"]
    return max(((c["auto"] / min(c["user"], c["kernel"]), what) for what, c in cost.items() if "auto" in c),
               default=(None, None))


def _goal(name, bound, value, met):
    return {"bench": "goal", "goal": name, "bound": bound, "value": value, "met": met}


def _at_most(name, limit, value):
    return _goal(name, f"<= {limit:g}", value, value is not None and value <= limit)


def _at_least(name, limit, value):
    return _goal(name, f">= {limit:g}", value, value is not None and value >= limit)


def judge(rows):
    """One row for each goal."""
    ours = [r for r in rows if r.get("lib") == "leat"]
    out = []
    for (scenario, side), limit in HANDSHAKE.items():
        got = [r["ratio"] for r in ours
               if r["bench"] == "handshake" and (r["scenario"], r["side"]) == (scenario, side)]
        out.append(_at_most(f"{scenario} {side}, x libssl", limit, got[0] if got else None))
    servers = [r for r in ours if r["bench"] == "memory" and r["side"] == "server"]
    for key, limit in MEMORY.items():
        worst = max((r[key] for r in servers), default=None)
        out.append(_at_most(f"server, worst scenario, {key}", limit, worst))
    got = [r["ratio"] for r in ours
           if r["bench"] == "aead" and (r["cipher"], r["bytes"]) == ("aes-128-gcm", 16384)]
    speed = round(1 / got[0], 3) if got else None
    out.append(_at_least("record of 16 KiB, x bare calls", RECORD, speed))
    for (kernel, file, field), bound in SERVE.items():
        got = [r[field] for r in ours if r["bench"] == "serve" and r["client"] == "wrk"
               and (r["kernel_tls"], r["file"]) == (kernel, file)]
        name = f"serve{', kernel TLS' if kernel else ''}, {file}, {'CPU' if field == 'ratio' else 'requests/s'}, x nginx"
        judge_it = _at_most if field == "ratio" else _at_least
        out.append(judge_it(name, bound, got[0] if got else None))
    held = [r for r in ours if r["bench"] == "connections"]
    out.append(_at_least("connections held and answered", CONNECTIONS, max((r["answered"] for r in held), default=None)))
    got = [r["user_bytes"] for r in held if r["records"] == "kernel"]
    out.append(_at_most("waiting connection in the kernel, bytes of the server", WAITING, got[0] if got else None))
    worst, what = _auto_worst(ours)
    where = " at its worst" + (f" ({' '.join(map(str, what))})" if what else "")
    out.append(_at_most(f"auto{where}, x the better", AUTO_WORST, worst and round(worst, 3)))
    for what, limit in TRUST.items():
        got = [r["us"] for r in ours if r["bench"] == "trust" and r["scenario"] == what]
        out.append(_at_most(f"trusted CAs, {what} load, us", limit, got[0] if got else None))
    return out

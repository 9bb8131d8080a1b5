#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py RESULTS.jsonl OUT.png: CPU of a handshake relative to libssl, with the floor drawn in, and below
it CPU of a request relative to nginx, and of a transfer by its size relative to user space.

The floor is what the cryptography alone takes on libcrypto 3.0 with every object at hand, as a share
of libssl's time; it was measured once, on another machine, so it is a line to aim at, not a result.
Exit status 77 without matplotlib (python3-matplotlib).
"""
import json
import sys

# (scenario, side): floor / libssl
FLOOR = {
    ("13ec", "server"): 0.557, ("13rsa", "server"): 0.817, ("12ec", "server"): 0.649,
    ("12rsa", "server"): 0.869, ("13psk", "server"): 0.533, ("12ticket", "server"): 0.155,
    ("12sid", "server"): 0.166,
    ("13ec", "client-cold"): 0.379, ("13rsa", "client-cold"): 0.273,
    ("12ec", "client-cold"): 0.399, ("12rsa", "client-cold"): 0.281,
    ("13ec", "client-cached"): 0.205, ("13rsa", "client-cached"): 0.183,
    ("12ec", "client-cached"): 0.214, ("12rsa", "client-cached"): 0.187,
    ("13psk", "client-cold"): 0.550, ("12ticket", "client-cold"): 0.148,
}
COLOURS = {"openssl": "#999999", "nginx": "#999999", "leat": "#c0392b", "leat-kernel": "#7f1d14",
           "gnutls": "#2c7fb8"}


def bars(ax, rows, key, libs, ratio):
    """Grouped bars of ratio[(*group, lib)]; returns the groups."""
    groups = list(dict.fromkeys(key(r) for r in rows))
    width = 0.8 / len(libs)
    for k, lib in enumerate(libs):
        at = [i + (k - (len(libs) - 1) / 2) * width for i in range(len(groups))]
        ax.bar(at, [ratio.get((*g, lib), 0) for g in groups], width, label=lib, color=COLOURS[lib])
    return groups


def libs_of(rows):
    return [lib for lib in COLOURS if any(r["lib"] == lib for r in rows)]


def draw_handshakes(ax, rows):
    ratio = {(r["scenario"], r["side"], r["lib"]): r["ratio"] for r in rows}
    groups = bars(ax, rows, lambda r: (r["scenario"], r["side"]), libs_of(rows), ratio)
    for i, g in enumerate(groups):
        if g in FLOOR:
            ax.hlines(FLOOR[g], i - 0.45, i + 0.45, colors="black", linestyles="dashed", linewidth=1.2,
                      label="floor" if i == 0 else None)
    ax.set_xticks(range(len(groups)), [f"{s}\n{side}" for s, side in groups], fontsize=8)
    ax.set_ylabel("CPU of a handshake, libssl = 1")
    ax.set_ylim(0, min(4, max(ratio.values()) * 1.1))
    ax.legend(fontsize=8)


def draw_requests(ax, rows):
    def key(r):
        return (r["kernel_tls"], r["client"], r["file"])

    ratio = {(*key(r), r["lib"]): r["ratio"] for r in rows}
    groups = bars(ax, rows, key, libs_of(rows), ratio)
    ax.set_xticks(range(len(groups)), [f"{'kernel TLS, ' if k else ''}{client}\n{file}" for k, client, file in groups],
                  fontsize=8)
    ax.set_ylabel("CPU of a request, nginx = 1")
    ax.legend(fontsize=8)


WHERE_LINES = {"user": ("#999999", "-"), "kernel": ("#7f1d14", "-"), "auto": ("#c0392b", ":"), "default": ("#e08e45", ":")}
WAY_MARKS = {"send": "o", "sendfile": "s", "splice": "^", "io_uring": "x", "recv": "o"}


def draw_records(axes, rows):
    """Three panels of the suite that was measured at most sizes: sending and receiving on a connection that is older, and
    the first transfer of a new one."""
    suites = [r["suite"] for r in rows]
    suite = max(suites, key=suites.count)
    for ax, (direction, phase) in zip(axes, (("tx", "kept"), ("tx", "first"), ("rx", "kept"))):
        lines = {}
        for r in rows:
            if (r["suite"], r["dir"], r["phase"]) == (suite, direction, phase):
                lines.setdefault((r["way"], r["where"]), []).append((r["bytes"], r["ratio"]))
        for (way, where), points in lines.items():
            colour, style = WHERE_LINES[where]
            ax.plot(*zip(*sorted(points)), color=colour, linestyle=style, marker=WAY_MARKS[way], markersize=4,
                    label=f"{way}, {where}")
        ax.set_xscale("log", base=2)
        ax.set_title(f"{direction}, {phase}, {suite}", fontsize=9)
        ax.set_xlabel("bytes")
        ax.set_ylabel("CPU of a transfer, user space = 1")
        ax.legend(fontsize=7)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        import matplotlib
    except ImportError:
        print("plot: no matplotlib here (python3-matplotlib)", file=sys.stderr)
        sys.exit(77)
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with open(sys.argv[1], encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    where = next((r for r in rows if r["bench"] == "machine"), {})
    of = {name: [r for r in rows if r["bench"] == name] for name in ("handshake", "serve", "records")}
    panels = [(draw, of[name]) for draw, name in ((draw_handshakes, "handshake"), (draw_requests, "serve")) if of[name]]
    height = len(panels) + bool(of["records"])
    if not height:
        sys.exit("plot: nothing to draw in the results")
    fig = plt.figure(figsize=(16, 5 * height))
    grid = fig.add_gridspec(height, 3)
    for i, (draw, found) in enumerate(panels):
        draw(fig.add_subplot(grid[i, :]), found)
    if of["records"]:
        draw_records([fig.add_subplot(grid[height - 1, i]) for i in range(3)], of["records"])
    fig.suptitle(f"leat; {where.get('cpu', '')}, {where.get('date', '')}", fontsize=9)
    fig.tight_layout()
    fig.savefig(sys.argv[2], dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()

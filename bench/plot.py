#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py RESULTS.jsonl OUT.png: CPU of a handshake relative to libssl, with the floor drawn in, and below
it CPU of a request relative to nginx.

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
    panels = [(draw, found) for draw, name in ((draw_handshakes, "handshake"), (draw_requests, "serve"))
              if (found := [r for r in rows if r["bench"] == name])]
    if not panels:
        sys.exit("plot: nothing to draw in the results")
    fig, axes = plt.subplots(len(panels), figsize=(16, 5 * len(panels)), squeeze=False)
    for (draw, found), ax in zip(panels, axes[:, 0]):
        draw(ax, found)
    fig.suptitle(f"leat; {where.get('cpu', '')}, {where.get('date', '')}", fontsize=9)
    fig.tight_layout()
    fig.savefig(sys.argv[2], dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()

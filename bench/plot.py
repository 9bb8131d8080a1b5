#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py RESULTS.jsonl OUT.png: CPU of a handshake relative to libssl, with the floor drawn in.

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
COLOURS = {"openssl": "#999999", "leat": "#c0392b", "gnutls": "#2c7fb8"}


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
    rows = [r for r in rows if r["bench"] == "handshake"]
    if not rows:
        sys.exit("plot: no handshakes in the results")
    groups = list(dict.fromkeys((r["scenario"], r["side"]) for r in rows))
    libs = [lib for lib in COLOURS if any(r["lib"] == lib for r in rows)]
    ratio = {(r["scenario"], r["side"], r["lib"]): r["ratio"] for r in rows}
    fig, ax = plt.subplots(figsize=(max(8, 1.1 * len(groups)), 5))
    width = 0.8 / len(libs)
    for k, lib in enumerate(libs):
        at = [i + (k - (len(libs) - 1) / 2) * width for i in range(len(groups))]
        ax.bar(at, [ratio.get((*g, lib), 0) for g in groups], width, label=lib, color=COLOURS[lib])
    for i, g in enumerate(groups):
        if g in FLOOR:
            ax.hlines(FLOOR[g], i - 0.45, i + 0.45, colors="black", linestyles="dashed", linewidth=1.2,
                      label="floor" if i == 0 else None)
    ax.set_xticks(range(len(groups)), [f"{s}\n{side}" for s, side in groups], fontsize=8)
    ax.set_ylabel("CPU, libssl of the same run = 1")
    ax.set_ylim(0, min(4, max(ratio.values()) * 1.1))
    ax.set_title(f"handshake CPU; {where.get('cpu', '')}, {where.get('date', '')}", fontsize=9)
    ax.legend(fontsize=8)
    fig.tight_layout()
    fig.savefig(sys.argv[2], dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()

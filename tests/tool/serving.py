# SPDX-License-Identifier: Apache-2.0
"""What the tests of `leat serve` share: a folder with everything nasty in it, a started server."""
import os
import random
import socket

BIG = random.Random(5).randbytes(3 * 1024 * 1024 + 17)


def make_site(root):
    """The folder is root/site; beside it lie things that must never be served."""
    d = root / "site"
    (d / "sub").mkdir(parents=True)
    (d / "bare").mkdir()
    (d / ".well-known").mkdir()
    (root / "outside").mkdir()
    (root / "outside" / "secret.txt").write_text("SECRET")
    (root / "secret.txt").write_text("SECRET")
    files = {"index.html": b"<h1>root</h1>", "a.txt": b"hello\n", "big.bin": BIG, "empty.txt": b"",
             "sub/index.html": b"sub", "sub/b.json": b"{}", "bare/x.txt": b"x",
             ".hidden": b"SECRET", ".well-known/ok.txt": b"ok", "sp ace.txt": b"space",
             "100%.txt": b"percent", "caf\u00e9.txt": b"cafe", "rec.bin": BIG[:16384]}
    for name, content in files.items():
        (d / name).write_bytes(content)
    links = {"link.txt": "a.txt", "sub/up.txt": "../a.txt", "out.txt": "../secret.txt",
             "abs.txt": "/etc/passwd", "dirout": "../outside", "etc": "/etc", "loop": "loop",
             "inside": "sub", "self.txt": str(d / "a.txt"), "proc": "/proc/self/cwd",
             "dangling": "nowhere"}
    for name, target in links.items():
        (d / name).symlink_to(target)
    os.mkfifo(d / "fifo")
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(d / "sock"))
    s.close()
    return d


def listener():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    return s


def start_activated(run_server, leat, site, ident, socks, options=(), names=None, pid=None, count=None,
                    ready=r"^listening on \S+:(\d+)", env=None):
    """Starts it as systemd would: sockets from descriptor 3 on, and the variables that say so."""
    fds = [s.fileno() for s in socks]
    # A shell says whom the sockets are for: exec keeps its process id.
    listed = "" if not names else f"LISTEN_FDNAMES={names} "
    script = f"{listed}LISTEN_PID={pid or '$$'} LISTEN_FDS={len(fds) if count is None else count} exec \"$@\""
    argv = ["sh", "-c", script, "sh", leat, "serve", site, "--cert", ident.chain, "--key", ident.key, *options]

    def move():
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
    return run_server(argv, ready=ready, preexec_fn=move, env=env, pass_fds=range(3, 3 + len(fds)))


class Serve:
    """A running `leat serve`."""

    def __init__(self, run_server, leat, site, ident, *options, env=None):
        cred = ["--cert", ident.chain, "--key", ident.key] if ident else []
        self.proc = run_server([leat, "serve", site, "--listen", "127.0.0.1:0", *cred, *options],
                               ready=r'(?:^listening on 127.0.0.1:|"port":)(\d+)', env=env)
        self.port = int(self.proc.match.group(1))
        self.pid = self.proc.pid

    def num_fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def log(self, pattern, timeout=10):
        return self.proc.wait_line(pattern, timeout)

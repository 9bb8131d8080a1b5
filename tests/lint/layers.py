#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py [ROOT]: an #include may only point down the layers of user/.

Rules, each printed with file:line when broken:
  - a file of user/X may include user/Y/*.h only if Y is X itself or on a lower line; folders on one
    line (siblings) do not include each other;
  - <openssl/...> is included in user/crypto and user/x509 only, and libssl's headers nowhere;
  - system-call headers are not included below the purity line (rec/ may name <linux/tls.h>: the
    kernel's key structures are data there); liburing belongs to loop/ and ktls/, jansson to tool/, zlib, Brotli and zstd to crypto/;
  - public headers include only other public headers and the C library;
  - no path leaves its folder with "../".
"""
import re
import sys

import lintlib

LINES = [  # lowest first
    ["base"],
    ["crypto", "wire"],
    ["sched", "x509", "session"],
    ["config"],
    ["hs"],
    ["rec"],
    ["engine"],
    ["ktls", "loop", "steer"],
    ["sock"],
    ["tool", "dist"],
]
LEVEL = {name: i for i, line in enumerate(LINES) for name in line}
PURE_BELOW = LEVEL["ktls"]

OPENSSL_IN = {"crypto", "x509"}
ONLY_IN = {"liburing.h": {"loop", "ktls"}, "jansson.h": {"tool"}, "bpf/": {"steer"},
           "zlib.h": {"crypto"}, "brotli/": {"crypto"}, "zstd": {"crypto"},
           "lmdb.h": {"sock"}, "hiredis/": {"sock"}, "curl/": {"sock"}}
IMPURE = {
    "unistd.h", "fcntl.h", "time.h", "pthread.h", "threads.h", "poll.h", "signal.h", "netdb.h",
    "dirent.h", "sys/socket.h", "sys/time.h", "sys/stat.h", "sys/random.h", "sys/epoll.h",
    "sys/eventfd.h", "sys/mman.h", "sys/ioctl.h", "sys/sendfile.h", "sys/wait.h", "netinet/tcp.h",
    "linux/tls.h",
}
PURE_EXCEPTIONS = {("rec", "linux/tls.h")}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def check_user(report, path, folder):
    text = lintlib.blank(lintlib.read(path), keep_strings=True)
    for m in INCLUDE.finditer(text):
        kind, target = m.groups()
        line = text.count("\n", 0, m.start(2)) + 1
        if ".." in target.split("/"):
            report.add(path, line, f'"{target}": an include path does not use ".."')
            continue
        other = target.split("/")[0] if "/" in target else folder
        if kind == '"':
            if other not in LEVEL:
                report.add(path, line, f'"{target}": no such layer; write "folder/file.h"')
            elif other != folder and LEVEL[other] > LEVEL[folder]:
                report.add(path, line, f"{folder}/ may not include {other}/: that layer is above")
            elif other != folder and LEVEL[other] == LEVEL[folder]:
                report.add(path, line, f"{folder}/ may not include {other}/: siblings are apart")
            continue
        if target.startswith("openssl/"):
            if target in ("openssl/ssl.h", "openssl/ssl3.h", "openssl/tls1.h", "openssl/dtls1.h"):
                report.add(path, line, f"<{target}>: libssl is not used here")
            elif folder not in OPENSSL_IN:
                report.add(path, line, f"<{target}>: only crypto/ and x509/ include libcrypto")
        for prefix, allowed in ONLY_IN.items():
            if target.startswith(prefix) and folder not in allowed:
                names = ", ".join(sorted(f"{a}/" for a in allowed))
                report.add(path, line, f"<{target}>: belongs to {names}")
        if LEVEL[folder] < PURE_BELOW and target in IMPURE and \
                (folder, target) not in PURE_EXCEPTIONS:
            report.add(path, line, f"<{target}>: system calls stay above the purity line")


def check_public(report, path):
    text = lintlib.blank(lintlib.read(path), keep_strings=True)
    for m in INCLUDE.finditer(text):
        kind, target = m.groups()
        line = text.count("\n", 0, m.start(2)) + 1
        if kind == '"':
            report.add(path, line, f'"{target}": public headers write <leat/...>')
        elif target.startswith(("openssl/", "liburing", "jansson", "lmdb", "hiredis")):
            report.add(path, line, f"<{target}>: a caller must not need this library's headers")


def main():
    root = lintlib.root_arg()
    report = lintlib.Report("layers", root)
    paths = lintlib.files(root, ["user"], [".c", ".h"])
    for path in paths:
        parts = path[len(root) + 1:].split("/")
        if len(parts) < 3:
            report.add(path, 1, "a source file of user/ lives in the folder of its layer")
        elif parts[1] not in LEVEL:
            report.add(path, 1, f"user/{parts[1]}: not a layer; add it to LINES in layers.py")
        else:
            check_user(report, path, parts[1])
    public = lintlib.files(root, ["include"], [".h"])
    for path in public:
        check_public(report, path)
    return report.finish(len(paths) + len(public))


if __name__ == "__main__":
    sys.exit(main())

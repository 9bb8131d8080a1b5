#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""demo.py --build DIR: `make demo`. Serves one file over TLS 1.3 and shows who carried the bytes.

Makes throwaway certificates (`leat certs`), serves a folder (`leat serve`), fetches a 256 MiB file
with curl, which verifies the certificate and the host name, and compares SHA-256. Where this
machine's kernel has no kTLS, a second, smaller fetch happens on a stock Debian kernel in tests/vm,
because only there the kernel can carry the records.

Ends by itself within three minutes after set-up (a first boot downloads a kernel: that is set-up).
The last line is `demo: ok ...` or `demo: FAILED: reason`, the exit status 0 or 1.
With --one it does a single fetch and prints the facts as one line of JSON: that is what runs
inside the kernel test machine.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
sys.dont_write_bytecode = True
import proc  # noqa: E402  (needs the path above)

MIB = 1 << 20
HOST_MIB, VM_MIB = 256, 16
LIMIT = 175


class DemoError(Exception):
    pass


def make_file(path, mib):
    """Bytes that do not compress and do not repeat within a record; returns their SHA-256."""
    block = os.urandom(MIB)
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for i in range(mib):
            data = i.to_bytes(8, "big") + block[8:]
            f.write(data)
            digest.update(data)
    return digest.hexdigest()


def fetch(url, ca):
    """(SHA-256, bytes, seconds, curl's TLS line) of one verified GET."""
    argv = ["curl", "--silent", "--show-error", "--fail", "--verbose", "--noproxy", "*",
            "--tlsv1.3", "--http1.1", "--cacert", ca, "--max-time", "120", url]
    with tempfile.TemporaryFile() as err:
        start = time.monotonic()
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=err) as curl:
            digest, total = hashlib.sha256(), 0
            while data := curl.stdout.read(MIB):
                digest.update(data)
                total += len(data)
        took = time.monotonic() - start
        err.seek(0)
        said = err.read().decode(errors="replace")
    if curl.returncode != 0:
        lines = [s for s in said.splitlines() if s.startswith("curl:")] or said.splitlines()[-1:]
        raise DemoError(f"curl ended with status {curl.returncode}: {' '.join(lines)}")
    tls = re.search(r"SSL connection using (.*)", said)
    if not tls or "TLSv1.3" not in tls.group(1):
        raise DemoError("curl does not say that it used TLS 1.3")
    if "SSL certificate verify ok" not in said:
        raise DemoError("curl does not say that it verified the certificate")
    return digest.hexdigest(), total, took, tls.group(1).strip()


def one(build, mib):
    """A whole transfer: certificates, server, fetch, access log. Returns the facts."""
    leat = os.path.join(build, "leat")
    with tempfile.TemporaryDirectory(prefix="leat-demo-") as work:
        certs, www = os.path.join(work, "certs"), os.path.join(work, "www")
        os.mkdir(www)
        made = subprocess.run([leat, "certs", certs], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if made.returncode != 0:
            raise DemoError(f"leat certs: {made.stderr.strip()}")
        want = make_file(os.path.join(www, "file.bin"), mib)
        try:
            server = proc.Server(
                [leat, "serve", www, "--listen", "127.0.0.1:0",
                 "--cert", os.path.join(certs, "server-p256.pem"),
                 "--key", os.path.join(certs, "server-p256.key")],
                ready=r"^listening on \S+:(\d+)", timeout=30)
        except proc.NotReady as e:
            raise DemoError(f"leat serve did not start: {e}") from e
        port = server.match.group(1)
        try:
            got, total, took, tls = fetch(f"https://localhost:{port}/file.bin",
                                          os.path.join(certs, "ca.pem"))
            log = server.wait_line(r"GET.*/file\.bin.*\btx=(\w+)", 10).string
        except proc.NotReady as e:
            raise DemoError(f"no line in the access log: {e}") from e
        finally:
            status = server.stop()
        if total != mib * MIB or got != want:
            raise DemoError(f"SHA-256 differs after {total} of {mib * MIB} bytes")
        if status != 0:
            raise DemoError(f"leat serve ended with status {status} on SIGTERM\n{server.output()}")
    return {"mib": mib, "seconds": took, "tls": tls, "sha256": got, "log": log.strip(),
            "kernel": next((s for s in server.lines if s.startswith("kernel TLS")), "?"),
            "tx": re.search(r"\btx=(\w+)", log).group(1)}


def show(facts):
    print(f"  leat serve: {facts['kernel']}")
    print(f"  curl: {facts['tls']}, certificate and host name verified")
    print(f"  {facts['mib']} MiB in {facts['seconds']:.2f} s = "
          f"{facts['mib'] / facts['seconds']:.0f} MiB/s, SHA-256 {facts['sha256'][:16]}... equal")
    print(f"  access log: {facts['log']}", flush=True)


def in_machine(build):
    """The same inside tests/vm, where the kernel can do it."""
    argv = [os.path.join(ROOT, "tests/vm/run"), "--timeout", "150", "--", sys.executable,
            os.path.abspath(__file__), "--build", build, "--one", str(VM_MIB)]
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = out.stdout.strip().splitlines()
    try:
        facts = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise DemoError(f"kernel test machine: status {out.returncode}\n"
                        f"{out.stdout}{out.stderr}".strip()) from None
    if "failed" in facts:
        raise DemoError(f"in the kernel test machine: {facts['failed']}")
    if out.returncode != 0:
        raise DemoError(f"kernel test machine: status {out.returncode}\n{out.stderr.strip()}")
    return facts


def demo(build):
    native = subprocess.run([os.path.join(ROOT, "tests/vm/native-ktls")], capture_output=True,
                            text=True)
    if native.returncode != 0:
        print(f"demo: {native.stderr.strip()}", flush=True)
        print("demo: getting the kernel test machine ready (downloads a kernel once)", flush=True)
        ready = subprocess.run([os.path.join(ROOT, "tests/vm/run"), "--prepare"],
                               stdin=subprocess.DEVNULL)
        if ready.returncode != 0:
            raise DemoError("the kernel test machine could not be made (see above)")

    signal.alarm(LIMIT)  # from here on it is the demo, not set-up
    print(f"demo: {HOST_MIB} MiB on this machine's kernel", flush=True)
    host = one(build, HOST_MIB)
    show(host)
    if native.returncode == 0:
        if host["tx"] != "kernel":
            raise DemoError(f"this kernel has kTLS, but the bytes went by tx={host['tx']}")
        return f"{HOST_MIB} MiB tx=kernel at {HOST_MIB / host['seconds']:.0f} MiB/s"
    print(f"demo: {VM_MIB} MiB on a stock Debian kernel with kTLS (emulated, so slow)", flush=True)
    guest = in_machine(build)
    show(guest)
    if guest["tx"] != "kernel":
        raise DemoError(f"that kernel has kTLS, but the bytes went by tx={guest['tx']}")
    return (f"{HOST_MIB} MiB tx={host['tx']} at {HOST_MIB / host['seconds']:.0f} MiB/s here, "
            f"{VM_MIB} MiB tx=kernel in the kernel test machine")


def out_of_time(*_):
    raise DemoError("it took longer than three minutes")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default=os.path.join(ROOT, "build"))
    p.add_argument("--one", type=int, metavar="MIB")
    o = p.parse_args()
    build = os.path.abspath(o.build)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if o.one:
        try:
            print(json.dumps(one(build, o.one)))
            return 0
        except DemoError as e:
            print(json.dumps({"failed": str(e)}))
            return 1
    try:
        if shutil.which("curl") is None:
            raise DemoError("curl is not installed; run scripts/setup.sh demo")
        verdict = demo(build)
    except (DemoError, OSError, subprocess.SubprocessError) as e:
        reason, _, rest = str(e).partition("\n")
        if rest:
            print(rest)
        print(f"demo: FAILED: {reason}")
        return 1
    except KeyboardInterrupt:
        print("demo: FAILED: interrupted")
        return 1
    print(f"demo: ok: {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The parts of the kernel test machine that are made once and kept: kernel, modules, initramfs.

Responsible for: finding Debian's stock kernel package of a series, unpacking what the machine
needs of it into a cache folder, packing the initramfs, and knowing whether KVM is worth a try.
Not responsible for: running anything (that is ./run), nor for installing anything on the host:
the package is downloaded and unpacked, never configured.

Cache layout (folder: see cache_dir):
    lock                         held while something is being made
    kernel/<series>/             vmlinuz, version, lib/modules/<version>/ with depmod's indexes
    initramfs-<version>-<hash>   hash over the files of tests/vm that go into it
    accel                        verdict of the KVM trial, with the boot id of the host it holds for
"""

import contextlib
import fcntl
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent

# The meta packages whose newest image is booted.
SERIES = {
    "6.12": "linux-image-6.12-amd64",
    "6.1": "linux-image-amd64",
    "new": "linux-image-amd64",
}

# "new" is whatever Debian's backports have now (6.14 and later change the keys of a connection). They are
# read with lists of their own: nothing of it becomes installable on this machine.
NEW_SOURCE = ("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
              "http://deb.debian.org/debian trixie-backports main\n")

# Folders of the module tree worth keeping; the rest is drivers for hardware no machine here has.
KEEP = ("arch", "crypto", "lib", "net", "fs/9p", "fs/netfs", "fs/fscache", "fs/overlayfs",
        "fs/fuse", "drivers/virtio", "drivers/block/virtio_blk", "drivers/block/loop",
        "drivers/char/virtio_console", "drivers/char/hw_random", "drivers/net/veth",
        "drivers/net/dummy", "drivers/net/ifb", "drivers/net/virtio_net",
        "drivers/net/net_failover", "drivers/net/tun")

# Loaded by /init before it can see the host's files.
BOOT_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")

# Loaded afterwards, as udev (aesni_intel, by CPU) and an administrator (tls) have done on a
# machine prepared for kTLS. The AEADs would be loaded on demand; having them makes cost
# figures independent of who came first. Names a kernel does not have are passed over.
READY_MODULES = ("aesni_intel", "ghash_clmulni_intel", "gcm", "ccm", "chacha_x86_64",
                 "poly1305_x86_64", "chacha20poly1305", "tls")


class MachineError(Exception):
    """The machine itself (not the command in it) cannot be had; the text says what to do."""


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def cache_dir():
    """Shared by all checkouts of one user, because an unpacked kernel is the same for all."""
    if os.environ.get("XDG_CACHE_HOME"):
        choices = [pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "leat-vm"]
    else:
        choices = [pathlib.Path.home() / ".cache" / "leat-vm", TREE / "build" / "vm"]
    for path in choices:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(path, os.W_OK):
            return path
    raise MachineError(f"no writable cache folder among {', '.join(map(str, choices))}: "
                       "set XDG_CACHE_HOME")


@contextlib.contextmanager
def cache_lock(cache):
    """Two runs that start together make each thing once."""
    with open(cache / "lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def need(*programs):
    """Name every missing program at once, with the Debian package that has it."""
    packages = {"qemu-system-x86_64": "qemu-system-x86", "depmod": "kmod", "busybox":
                "busybox-static", "dpkg-deb": "dpkg", "apt-get": "apt", "setpriv": "util-linux"}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [p for p in programs if not shutil.which(p, path=path)]
    if missing:
        raise MachineError(f"not found: {', '.join(missing)}: apt-get install " +
                           " ".join(packages.get(p, p) for p in missing))


class Kernel:
    """One unpacked kernel of the cache."""

    def __init__(self, folder):
        self.folder = folder
        self.version = (folder / "version").read_text().strip()
        self.vmlinuz = folder / "vmlinuz"
        self.modules = folder / "lib" / "modules" / self.version


def kernel(cache, series, refresh=False):
    """The kernel of a series, fetched if the cache has none. Call with the lock held."""
    folder = cache / "kernel" / series
    if refresh or not (folder / "version").exists():
        fetch_kernel(folder, series)
    return Kernel(folder)


def apt_options(series, tmp):
    """Options that let apt see the packages of a series; tmp is a folder for its lists."""
    if series != "new":
        return []
    for name in ("lists/partial", "cache/archives/partial"):
        (tmp / name).mkdir(parents=True)
    (tmp / "new.list").write_text(NEW_SOURCE)
    options = ["-o", f"Dir::Etc::SourceList={tmp / 'new.list'}", "-o", "Dir::Etc::SourceParts=-",
               "-o", f"Dir::State::Lists={tmp / 'lists'}", "-o", f"Dir::Cache={tmp / 'cache'}"]
    done = subprocess.run(["apt-get", *options, "update"], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise MachineError(f"apt-get update of Debian's backports failed: {done.stdout.strip()}")
    return options


def depends(package, options, pattern):
    out = subprocess.run(["apt-cache", *options, "depends", "--important", package], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return re.findall(rf"^\s*Depends: ({pattern}\S+)$", out, re.M)


def image_packages(series, options):
    """The packages behind a meta package: linux-image-6.1.0-56-amd64 has all of it; later ones only
    depend on linux-base-..., linux-binary-... and linux-modules-..."""
    meta = SERIES[series]
    found = depends(meta, options, "linux-image-")
    if not found:
        raise MachineError(f"apt knows no package {meta}: run apt-get update")
    return depends(found[0], options, "linux-(?:base|binary|modules)-") or found[:1]


def fetch_kernel(folder, series):
    need("apt-get", "apt-cache", "dpkg-deb", "depmod")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as tmp:
        tmp = pathlib.Path(tmp)
        options = apt_options(series, tmp)
        packages = image_packages(series, options)
        say(f"fetching {' '.join(packages)} (once; about 100 MB)")
        done = subprocess.run(["apt-get", *options, "download", *packages], cwd=tmp, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        debs = list(tmp.glob("*.deb"))
        if done.returncode != 0 or len(debs) != len(packages):
            raise MachineError(f"apt-get download {' '.join(packages)} failed: {done.stdout.strip()}")
        new = tmp / "new"
        new.mkdir()
        version = next(filter(None, [unpack(deb, new) for deb in debs]), None)
        if version is None:
            raise MachineError(f"no kernel in {' '.join(packages)}")
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        subprocess.run(["depmod", "-b", new, version], check=True, env={"PATH": path})
        # Last, because its presence is what says "complete".
        (new / "version").write_text(version + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    say(f"kernel {version} ready in {folder}")


def unpack(deb, new):
    """Take the image and the wanted modules out of a package; returns the version of its kernel, if any."""
    kernel_re = re.compile(r"\./(?:boot/vmlinuz-|usr/lib/modules/)([^/]+)(?:/vmlinuz)?")
    module_re = re.compile(r"\./(?:usr/)?(lib/modules/[^/]+/(?:kernel/(.+)|modules\.[^/]+))")
    version = None
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as p:
        with tarfile.open(fileobj=p.stdout, mode="r|") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                if m := kernel_re.fullmatch(member.name):
                    version, path = m[1], new / "vmlinuz"
                elif m := module_re.fullmatch(member.name):
                    if m[2] and not m[2].startswith(KEEP):
                        continue
                    path = new / m[1]
                else:
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "wb") as out:
                    shutil.copyfileobj(tar.extractfile(member), out)
    if p.returncode != 0:
        raise MachineError(f"{deb.name} is damaged")
    return version


def load_order(modules, wanted):
    """Paths (inside the module tree) of the wanted modules and all they need, in load order."""
    needs, path_of = {}, {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, deps = line.split(":", 1)
        path_of[module_name(path)] = path
        needs[path] = deps.split()
    order = []

    def visit(path):
        for dep in needs[path]:
            visit(dep)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in path_of:  # else built in, or this kernel has no such thing
            visit(path_of[name])
    return order


def module_name(path):
    """The kernel's name of a module file: no folder, no suffix, dashes as underscores."""
    return re.sub(r"\.ko(\.xz|\.gz|\.zst)?$", "", os.path.basename(path)).replace("-", "_")


def module_bytes(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def cpio_entry(ino, name, mode, data=b"", rdev=(0, 0)):
    """One member of a 'newc' cpio archive (Linux Documentation/driver-api/early-userspace)."""
    raw = name.encode() + b"\0"
    fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def initramfs(cache, kern):
    """Path of the initramfs for a kernel, packed if the cache has none. Call with the lock held."""
    need("busybox")
    sources = (HERE / "init", HERE / "image.py", pathlib.Path(shutil.which("busybox")))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    path = cache / f"initramfs-{kern.version}-{digest.hexdigest()[:16]}"
    if path.exists():
        return path
    for old in cache.glob(f"initramfs-{kern.version}-*"):
        old.unlink()

    boot = load_order(kern.modules, BOOT_MODULES)
    ready = [m for m in load_order(kern.modules, READY_MODULES) if m not in boot]
    entries = [(d, stat.S_IFDIR | 0o755, b"") for d in
               ("bin", "sbin", "proc", "sys", "dev", "host", "job", "top", "root", "mod")]
    entries.append(("init", stat.S_IFREG | 0o755, (HERE / "init").read_bytes()))
    entries.append(("bin/busybox", stat.S_IFREG | 0o755, sources[2].read_bytes()))
    entries.append(("bin/sh", stat.S_IFLNK | 0o777, b"busybox"))
    # The kernel runs its module loader in the initramfs; the modules and kmod are in the command's
    # root, which init has mounted over it: "/.." is the way up into what is mounted on "/". Before
    # that mount it would find itself again, so init makes it the loader only afterwards.
    entries.append(("sbin/modprobe-above", stat.S_IFREG | 0o755,
                    b'#!/bin/sh\nexec /bin/busybox chroot /.. /sbin/modprobe "$@"\n'))
    for listing, paths in (("boot", boot), ("ready", ready)):
        names = "".join(module_name(p) + "\n" for p in paths)
        entries.append((f"mod/{listing}", stat.S_IFREG | 0o644, names.encode()))
        entries += [(f"mod/{module_name(p)}.ko", stat.S_IFREG | 0o644,
                     module_bytes(kern.modules / p)) for p in paths]

    with tempfile.NamedTemporaryFile(dir=cache, prefix=".new-", delete=False) as out:
        for ino, (name, mode, data) in enumerate(entries, 1):
            out.write(cpio_entry(ino, name, mode, data))
        out.write(cpio_entry(len(entries) + 1, "dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1)))
        out.write(cpio_entry(0, "TRAILER!!!", 0))
    os.rename(out.name, path)
    return path

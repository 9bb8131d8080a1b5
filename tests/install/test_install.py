# SPDX-License-Identifier: Apache-2.0
"""make install puts everything where a caller looks for it, and nothing else is visible."""
import os
import shlex
import subprocess

import pytest

CONSUMER = r"""
#include <stdio.h>
HEADERS
int main(void)
{
	struct leat_err err = { 0 };
	char text[256];

	printf("%s\n", leat_strerror(&err, text, sizeof(text))[0] ? LEAT_VERSION_STRING : "?");
	return 0;
}
"""


def make(repo, build, *args):
    # The very switches of the build under test: others would rebuild it while tests are using it.
    same = shlex.split(os.environ.get("LEAT_MAKE_ARGS") or f"BUILD={os.path.relpath(build, repo)}")
    out = subprocess.run(["make", "-C", repo, *same, *args], capture_output=True, text=True,
                         stdin=subprocess.DEVNULL)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout


def tree(top):
    return {os.path.relpath(os.path.join(base, n), top)
            for base, _, names in os.walk(top) for n in names}


pytestmark = pytest.mark.xdist_group("install")  # one at a time: they make files in build/


@pytest.fixture(scope="module")
def installed(repo, build, tmp_path_factory):
    dest = tmp_path_factory.mktemp("dest")
    make(repo, build, "install", f"DESTDIR={dest}", "PREFIX=/opt/leat")
    return dest / "opt" / "leat"


def test_files(installed, repo):
    have = tree(installed)
    want = {"lib/libleat.a", "lib/libleat-core.a", "lib/libleat.so", "lib/libleat.so.0",
            "lib/pkgconfig/leat.pc", "bin/leat", "share/man/man1/leat.1"}
    want |= {f"include/leat/{n}" for n in os.listdir(os.path.join(repo, "include/leat"))}
    assert want <= have, want - have
    extra = {f for f in have - want if not f.startswith("share/man/man")}
    assert not extra
    assert os.readlink(installed / "lib/libleat.so") == "libleat.so.0"


def test_every_function_has_a_manual_page(installed):
    man3 = installed / "share/man/man3"
    for name in exported(installed, "libleat.so.0", "-D"):
        page = (man3 / f"{name}.3").read_text()
        if page.startswith(".so "):
            page = (installed / "share/man" / page.split()[1]).read_text()
        assert f".Nm {name}" in page.split(".Nd ")[0], name


def test_nothing_outside_the_prefix(installed):
    assert os.listdir(installed.parent.parent) == ["opt"]
    assert os.listdir(installed.parent) == ["leat"]


def test_soname(installed):
    out = subprocess.run(["readelf", "-d", installed / "lib/libleat.so.0"], capture_output=True,
                         text=True, check=True).stdout
    assert "Library soname: [libleat.so.0]" in out
    needed = {line.split("[")[1].rstrip("]\n") for line in out.splitlines() if "(NEEDED)" in line}
    assert not any(n.startswith("libssl") for n in needed), "libssl is never linked"
    assert "BIND_NOW" in out or "NOW" in out


@pytest.mark.parametrize("lib", ["libleat.so.0", "libleat.a", "libleat-core.a"])
def test_only_the_interface_is_visible(installed, lib):
    args = ["nm", "--defined-only", "--extern-only"] + (["-D"] if ".so" in lib else [])
    out = subprocess.run([*args, installed / "lib" / lib], capture_output=True, text=True,
                         check=True).stdout
    names = {line.split()[-1].split("@")[0] for line in out.splitlines() if len(line.split()) == 3}
    names -= {"LEAT_0"}
    assert names, "it exports nothing at all"
    assert not {n for n in names if not n.startswith("leat_")}


def exported(installed, lib, *flags):
    out = subprocess.run(["nm", "--defined-only", "--extern-only", *flags, installed / "lib" / lib],
                         capture_output=True, text=True, check=True).stdout
    return {w[-1].split("@")[0] for w in map(str.split, out.splitlines()) if len(w) == 3} - {"LEAT_0"}


def test_archive_and_shared_library_agree(installed):
    assert exported(installed, "libleat.a") == exported(installed, "libleat.so.0", "-D")


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_a_consumer_compiles_and_runs(installed, tmp_path, cc, static):
    env = dict(os.environ, PKG_CONFIG_PATH=str(installed / "lib/pkgconfig"),
               PKG_CONFIG_SYSROOT_DIR=str(installed.parent.parent))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs",
                            *(["--static"] if static else []), "leat"],
                           capture_output=True, text=True, env=env)
    assert flags.returncode == 0, flags.stderr
    headers = "".join(f"#include <leat/{n}>\n" for n in os.listdir(installed / "include/leat"))
    (tmp_path / "c.c").write_text(CONSUMER.replace("HEADERS", headers))
    words = flags.stdout.split()
    if static:  # static for leat, shared for what it stands on
        words = [str(installed / "lib/libleat.a") if w == "-lleat" else w for w in words]
    out = subprocess.run([cc, "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "c",
                          tmp_path / "c.c", *words], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    ran = subprocess.run([tmp_path / "c"], capture_output=True, text=True,
                         env=dict(os.environ, LD_LIBRARY_PATH=str(installed / "lib")))
    assert ran.returncode == 0
    version = subprocess.run(["pkg-config", "--modversion", "leat"], capture_output=True,
                             text=True, env=env, check=True).stdout
    assert ran.stdout == version


@pytest.mark.parametrize("name", ["epoll_server", "memory_pair"])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_the_examples_compile_against_it(installed, repo, tmp_path, cc, name):
    env = dict(os.environ, PKG_CONFIG_PATH=str(installed / "lib/pkgconfig"),
               PKG_CONFIG_SYSROOT_DIR=str(installed.parent.parent))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "leat"], capture_output=True,
                           text=True, env=env, check=True).stdout.split()
    out = subprocess.run([cc, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o",
                          tmp_path / name, os.path.join(repo, "examples", name + ".c"), *flags],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    ran = subprocess.run([tmp_path / name], capture_output=True, text=True,
                         env=dict(os.environ, LD_LIBRARY_PATH=str(installed / "lib")))
    assert ran.returncode == 2 and ran.stderr.startswith("usage: "), ran.stderr


def test_the_command_runs_from_there(installed):
    out = subprocess.run([installed / "bin/leat", "--help"], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert "usage" in out.stdout.lower()


def test_uninstall_removes_it_all(repo, build, tmp_path):
    make(repo, build, "install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert tree(tmp_path)
    make(repo, build, "uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert not tree(tmp_path)
    assert not (tmp_path / "usr/include/leat").exists()

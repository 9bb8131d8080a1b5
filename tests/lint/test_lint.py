# SPDX-License-Identifier: Apache-2.0
"""Every lint script is shown a small planted tree and must find what was planted, and only that.

The clean tree passes all of them; each test adds one offence to it.
"""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

CLEAN = {
    "include/leat/a.h": "/* a.h: the interface. */\n#ifndef A_H\n#define A_H\n#define LEAT_API\n\n"
                        "/* leat_a: does the thing and returns 0; there is no failure. */\n"
                        "LEAT_API int leat_a(int x);\n\n#endif\n",
    "user/base/b.h": "/* b.h: bytes. */\n#ifndef B_H\n#define B_H\nint b(int x);\n#endif\n",
    "user/base/b.c": '/* b.c: bytes. */\n#include "base/b.h"\n\nint b(int x)\n{\n\treturn x;\n}\n',
    "user/hs/h.c": '/* h.c: handshake. */\n#include <string.h>\n#include "base/b.h"\n',
    "user/crypto/c.c": "/* c.c: libcrypto. */\n#include <openssl/evp.h>\n",
    "scripts/s.sh": "#!/bin/bash\necho \"$1\"\n",
    "tests/x.py": "print(1)\n",
    "docs/a.md": "See `user/base/b.c`, `base/b.h`, `user/hs/<name>.c`, `rd.[ch]` and `a | b`.\n",
    "docs/man/leat.1": ".Dd November 23, 2026\n.Dt LEAT 1\n.Os\n.Sh NAME\n.Nm leat\n"
                       ".Nd a thing\n.Sh DESCRIPTION\nIt runs.\n",
}


def tree(tmp_path, extra):
    for name, text in {**CLEAN, **extra}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def lint(name, root):
    out = subprocess.run([sys.executable, os.path.join(HERE, name), str(root)],
                         capture_output=True, text=True)
    assert "Traceback" not in out.stderr, out.stderr
    return out.returncode, out.stdout


@pytest.mark.parametrize("name", ["layers.py", "banned.py", "docs.py", "docfiles.py",
                                  "headers.py", "scripts.py"])
def test_clean_tree_passes(tmp_path, name):
    status, out = lint(name, tree(tmp_path, {}))
    assert status == 0, out
    assert "nothing found" in out
    assert not out.startswith(f"{name[:-3]}: 0 "), "it must have looked at something"


PLANTS = [
    ("layers.py", "user/base/up.c", '/* x */\n\n#include "hs/h.h"\n',
     "user/base/up.c:3: base/ may not include hs/: that layer is above"),
    ("layers.py", "user/crypto/side.c", '/* x */\n#include "wire/w.h"\n',
     "user/crypto/side.c:2: crypto/ may not include wire/: siblings"),
    ("layers.py", "user/loop/side.h", '/* x */\n#include "ktls/k.h"\n',
     "user/loop/side.h:2: loop/ may not include ktls/: siblings"),
    ("layers.py", "user/hs/o.c", "/* x */\n#  include <openssl/evp.h>\n",
     "user/hs/o.c:2: <openssl/evp.h>: only crypto/ and x509/"),
    ("layers.py", "user/tool/o.c", "/* x */\n#include <openssl/evp.h>\n",
     "user/tool/o.c:2: <openssl/evp.h>"),
    ("layers.py", "user/crypto/s.c", "/* x */\n#include <openssl/ssl.h>\n",
     "user/crypto/s.c:2: <openssl/ssl.h>: libssl"),
    ("layers.py", "user/engine/s.c", "/* x */\n#include <sys/socket.h>\n",
     "user/engine/s.c:2: <sys/socket.h>: system calls stay above"),
    ("layers.py", "user/hs/k.c", "/* x */\n#include <linux/tls.h>\n",
     "user/hs/k.c:2: <linux/tls.h>"),
    ("layers.py", "user/sock/u.c", "/* x */\n#include <liburing.h>\n",
     "user/sock/u.c:2: <liburing.h>: belongs to"),
    ("layers.py", "user/hs/p.c", '/* x */\n#include "../base/b.h"\n',
     'user/hs/p.c:2: "../base/b.h"'),
    ("layers.py", "user/new/p.c", "/* x */\n", "user/new/p.c:1: user/new: not a layer"),
    ("layers.py", "include/leat/bad.h", "/* x */\n#include <openssl/evp.h>\n",
     "include/leat/bad.h:2: <openssl/evp.h>: a caller"),
    ("banned.py", "user/hs/s.c", '/* x */\nvoid f(char *d, char *s)\n{\n\tstrcpy(d, s);\n}\n',
     "user/hs/s.c:4: [bounds] strcpy"),
    ("banned.py", "tests/t_s.c", '/* x */\nvoid f(char *d)\n{\n\tsprintf(d, "x");\n}\n',
     "tests/t_s.c:4: [bounds] sprintf"),
    ("banned.py", "user/hs/m.c", "/* x */\nvoid f(void *p)\n{\n\tfree(p);\n}\n",
     "user/hs/m.c:4: [memory] free"),
    ("banned.py", "user/base/m.c", "/* x */\nvoid *f(void)\n{\n\treturn malloc(3);\n}\n",
     "user/base/m.c:4: [memory] malloc"),
    ("banned.py", "user/hs/t.c", "/* x */\ntypedef struct a b;\n", "user/hs/t.c:2: [typedef]"),
    ("banned.py", "user/hs/n.c", '/* x */\nint f(char *s)\n{\n\treturn atoi(s);\n}\n',
     "user/hs/n.c:4: [number] atoi"),
    ("banned.py", "user/hs/i.c", "/* x */\nvoid f(void)\n{\n#ifdef A\n\tg();\n#endif\n}\n",
     "user/hs/i.c:4: [ifdef]"),
    ("banned.py", "user/rec/e.c", "/* x */\nvoid f(void)\n{\n\texit(1);\n}\n",
     "user/rec/e.c:4: [exit] exit"),
    ("banned.py", "user/sock/e.c", '/* x */\nvoid f(void)\n{\n\tprintf("x");\n}\n',
     "user/sock/e.c:4: [print] printf"),
    ("banned.py", "user/sock/k.c", "/* x */\nint a = MSG_MORE;\n", "user/sock/k.c:2: [ktls]"),
    ("banned.py", "user/steer/s.c", "/* x */\nint f(int m)\n{\n\treturn bpf_map_update_elem(m, 0, 0, 0);\n}\n",
     "user/steer/s.c:4: [map] bpf_map_update_elem"),
    ("banned.py", "user/hs/x.c", "/* x */\nint a; /* TO" "DO later */\n",
     "user/hs/x.c:2: [marks]"),
    ("banned.py", "scripts/x.sh", "#!/bin/bash\n# FIX" "ME\n", "scripts/x.sh:2: [marks]"),
    ("banned.py", "user/hs/w.c", "/* x */\nint a; \n", "user/hs/w.c:2: [space]"),
    ("banned.py", "user/hs/c.c", "int a;\n", "user/hs/c.c:1: [header]"),
    ("docs.py", "include/leat/d.h", "/* x */\n\nLEAT_API int leat_d(void);\n",
     "include/leat/d.h:3: leat_d: no comment directly above"),
    ("docs.py", "include/leat/d.h",
     "/* leat_x: does many things, all of them well described. */\nLEAT_API int leat_d(void);\n",
     "include/leat/d.h:2: leat_d: the comment above it does not name it"),
    ("docs.py", "include/leat/d.h", "/* leat_d */\nLEAT_API int leat_d(void);\n",
     "include/leat/d.h:2: leat_d: the comment above it says nothing"),
    ("docfiles.py", "docs/b.md", "x\n\n`user/base/gone.c`\n",
     "docs/b.md:3: `user/base/gone.c`: there is no such file"),
    ("docfiles.py", "README.md", "in `base/gone.h`\n", "README.md:1: `base/gone.h`"),
    ("headers.py", "user/base/h.h", "/* x */\nsize_t f(void);\n",
     "user/base/h.h:1: does not compile alone with gcc"),
    ("headers.py", "user/base/g.h", "/* x */\nstruct g { int a; };\n",
     "user/base/g.h:1: does not compile alone with clang"),
    ("scripts.py", "scripts/b.sh", "#!/bin/bash\nif true; then\n", "scripts/b.sh:"),
    ("scripts.py", "scripts/noext", "#!/bin/bash\nrm -rf $1/\nfor i in $(ls *); do cd $i; done\n",
     "scripts/noext:"),
    ("scripts.py", "tests/bad.py", "def f(:\n", "tests/bad.py:1: python:"),
    ("scripts.py", "docs/man/bad.1", ".Dd November 23, 2026\n.Dt BAD 1\n.Os\n.Sh NAME\n.Nm bad\n"
     ".Nd x\n.Nonsense\n.Bl -tag\n", "docs/man/bad.1:"),
]


@pytest.mark.parametrize("script,path,text,expect", PLANTS,
                         ids=[f"{p[0][:-3]}-{p[1].replace('/', '.')}-{i}"
                              for i, p in enumerate(PLANTS)])
def test_plant_is_found(tmp_path, script, path, text, expect):
    status, out = lint(script, tree(tmp_path, {path: text}))
    assert status == 1, f"nothing found:\n{out}"
    assert any(line.startswith(expect) for line in out.splitlines()), out
    accused = {line.split(":")[0] for line in out.splitlines()[:-1]}
    assert accused == {path}, f"innocent files accused:\n{out}"


@pytest.mark.parametrize("script,path,text", [
    ("layers.py", "user/hs/ok.c", '/* x */\n/* #include "sock/s.h" */\n'),
    ("layers.py", "user/rec/ok.c", "/* x */\n#include <linux/tls.h>\n"),
    ("banned.py", "user/hs/ok.c", '/* strcpy(a, b) */\nchar *a = "strcpy(a, b)";\n'),
    ("banned.py", "user/hs/ok.c", "/* x */\nvoid f(struct v *v)\n{\n\tv->free(v);\n}\n"),
    ("banned.py", "user/base/mem.c", "/* x */\nvoid *f(void)\n{\n\treturn malloc(3);\n}\n"),
    ("banned.py", "user/hs/ok.c",
     "/* x */\nvoid f(void *p)\n{\n\tfree(p); /* lint: allow memory (libc allocated it) */\n}\n"),
    ("banned.py", "user/steer/admit.c", "/* x */\nint f(int m)\n{\n\treturn bpf_map_update_elem(m, 0, 0, 0);\n}\n"),
    ("docs.py", "include/leat/ok.h",
     "/*\n * leat_p and leat_q: two of a kind, described together here.\n */\n"
     "LEAT_API int leat_p(void);\nLEAT_API int leat_q(\n\tint x);\n"),
])
def test_innocent_is_left_alone(tmp_path, script, path, text):
    status, out = lint(script, tree(tmp_path, {path: text}))
    assert status == 0, out


def archive(tmp_path, source):
    c = tmp_path / "m.c"
    c.write_text(source)
    subprocess.run(["gcc", "-c", "-fPIC", str(c), "-o", str(tmp_path / "m.o")], check=True)
    subprocess.run(["ar", "rcs", str(tmp_path / "m.a"), str(tmp_path / "m.o")], check=True)
    return tmp_path / "m.a"


@pytest.mark.parametrize("symbol", [
    "socket", "open", "read", "write", "close", "time", "clock_gettime", "gettimeofday",
    "pthread_mutex_lock", "getrandom", "getenv", "fopen", "printf", "syscall", "RAND_bytes",
    "RAND_priv_bytes_ex", "BIO_new_file", "BIO_s_file", "BIO_new_socket", "X509_cmp_current_time",
    "X509_gmtime_adj", "X509_STORE_load_file", "X509_STORE_set_default_paths", "OSSL_STORE_open",
    "PEM_read_X509", "d2i_X509_fp", "ERR_print_errors_fp", "SSL_new", "leat_conn_new"])
def test_purity_refuses(tmp_path, symbol):
    a = archive(tmp_path, f"extern void {symbol}(); void f(void) {{ {symbol}(); }}\n")
    status, out = lint("purity.py", a)
    assert status == 1
    assert f"m.o: {symbol}:" in out


@pytest.mark.parametrize("symbol", [
    "memcpy", "strlen", "explicit_bzero", "snprintf", "malloc", "EVP_DigestInit_ex",
    "X509_verify_cert", "X509_VERIFY_PARAM_set_time", "PEM_read_bio_X509", "BIO_new_mem_buf",
    "d2i_X509", "ERR_get_error", "EVP_PKEY_keygen", "OPENSSL_sk_num"])
def test_purity_allows(tmp_path, symbol):
    a = archive(tmp_path, f"extern void {symbol}(); void f(void) {{ {symbol}(); }}\n")
    status, out = lint("purity.py", a)
    assert status == 0, out


def test_purity_counts_only_what_no_member_defines(tmp_path):
    a = archive(tmp_path, "void socket(void) {} void f(void) { socket(); }\n")
    assert lint("purity.py", a)[0] == 0


def test_purity_of_something_that_is_no_archive(tmp_path):
    out = subprocess.run([sys.executable, os.path.join(HERE, "purity.py"), str(tmp_path / "no")],
                         capture_output=True, text=True)
    assert out.returncode == 1
    assert "nm failed" in out.stderr


def test_run_knows_its_steps():
    out = subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "nonsense"],
                         capture_output=True, text=True)
    assert out.returncode == 1
    assert "unknown step nonsense" in out.stderr


def test_format_step_would_see_a_bad_layout(tmp_path):
    bad = tmp_path / "a.c"
    bad.write_text("/* a.c */\nint  f( void ){return 1;}\n")
    out = subprocess.run(["clang-format", f"--style=file:{ROOT}/.clang-format", "--dry-run",
                          "-Werror", str(bad)], capture_output=True, text=True)
    assert out.returncode != 0

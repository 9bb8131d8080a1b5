#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""seed.py: writes the seeds of the wire decoders' fuzz targets into corpus/<target>/.

The messages are those of tests/unit/t_wire_msgs.c, accepted and refused ones, so that a message
added there is a seed here after running this once more. Existing seeds of other origin stay.
"""
import hashlib
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(os.path.dirname(HERE), "unit", "t_wire_msgs.c")
ENTRY = re.compile(r'\{\s*"(\w+)",\s*[^"{}]*?,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}')
TOKEN = re.compile(r'\s+|"([^"]*)"|<([123])|(>)|\*(\d+):([0-9a-f]{2})|([0-9a-f]{2})')


def build(text):
    """The language of tests/lib/wirekit.h."""
    stack, at = [(0, bytearray())], 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if m is None:
            sys.exit(f"seed.py: malformed text at {text[at:at + 30]!r}")
        at = m.end()
        literal, width, close, times, byte, plain = m.groups()
        if literal is not None:
            stack[-1][1].extend(literal.encode())
        elif width:
            stack.append((int(width), bytearray()))
        elif close:
            w, body = stack.pop()
            stack[-1][1].extend(len(body).to_bytes(w, "big") + body)
        elif times:
            stack[-1][1].extend(bytes.fromhex(byte) * int(times))
        elif plain:
            stack[-1][1].extend(bytes.fromhex(plain))
    return bytes(stack[0][1])


def main():
    with open(SOURCE, encoding="utf-8") as f:
        source = f.read()
    count = 0
    for kind, strings in ENTRY.findall(source):
        if not os.path.exists(os.path.join(HERE, f"fz_{kind}.c")):
            continue
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"', strings)
        data = build("".join(parts).replace('\\"', '"'))
        folder = os.path.join(HERE, "corpus", kind)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, hashlib.sha256(data).hexdigest()[:12]), "wb") as f:
            f.write(data)
        count += 1
    print(f"seed.py: {count} seeds")


if __name__ == "__main__":
    main()

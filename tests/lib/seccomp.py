"""Makes chosen system calls of a child process fail with a chosen errno, by a seccomp filter.

    subprocess.run(argv, preexec_fn=seccomp.deny([("io_uring_setup", errno.EPERM)]))

An entry may name arguments that must match: ("setsockopt", EPERM, {1: 6, 2: 31}). x86-64 only.
"""
import ctypes
import struct

NUMBERS = {"socket": 41, "connect": 42, "sendmsg": 46, "recvmsg": 47, "bind": 49, "listen": 50,
           "setsockopt": 54, "accept4": 288, "seccomp": 317, "bpf": 321,
           "io_uring_setup": 425, "io_uring_enter": 426}

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JEQ, RET = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
ALLOW, ERRNO = 0x7fff0000, 0x00050000
NR_OFFSET, ARGS_OFFSET = 0, 16  # struct seccomp_data


def program(rules):
    code = []
    for name, err, *rest in rules:
        tests = [(NR_OFFSET, NUMBERS[name])]
        tests += [(ARGS_OFFSET + 8 * i, value) for i, value in (rest[0] if rest else {}).items()]
        size = 2 * len(tests) + 1
        for offset, value in tests:
            code.append((LOAD, 0, 0, offset))
            size -= 2
            code.append((JEQ, 0, size, value))  # no match: past this rule's return
        code.append((RET, 0, 0, ERRNO | err))
    code.append((RET, 0, 0, ALLOW))
    return code


def deny(rules):
    code = program(rules)
    raw = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *c) for c in code))
    prog = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(raw))
    libc = ctypes.CDLL(None, use_errno=True)

    def install(_keep=raw):
        if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or
                libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog, 0, 0) != 0):
            raise OSError(ctypes.get_errno(), "seccomp")
    return install

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""purity.py ARCHIVE: libleat-core.a asks the world for nothing but memory, strings and libcrypto.

Reads `nm -A` of the archive and prints every undefined symbol that no member defines and that is
not allowed below. It is an allow-list: a new function of libc or libcrypto is a decision, made
here with a reason. Written-down exceptions to "no dice of our own": libcrypto draws randomness
inside ephemeral key generation (EVP_PKEY_keygen) and randomised signatures; see user/base/env.h.
"""
import re
import subprocess
import sys

LIBC = re.compile(r"""^(
    mem(cpy|move|set|cmp|chr|rchr|mem|pcpy) | strn?len | strn?cmp | strn?casecmp | str(r|chrnul)?chr
  | strstr | str(c)?spn | explicit_bzero | bsearch | qsort | abort
  | malloc | calloc | realloc | reallocarray | free | malloc_usable_size
  | v?snprintf | strto[u]?l[l]? | __isoc\w+_strtou?ll?
  | inet_pton | inet_ntop               # text to address and back: no lookup, no socket
  | timegm | gmtime_r                   # calendar arithmetic on a time that was given
  | __ctype_(b|tolower|toupper)_loc | to(lower|upper)
  | strerror                            # text of a number (LC_MESSAGES is the caller's affair)
  | __tls_get_addr                      # thread-local counter of the failure hook in base/mem.c
  | __assert_fail | __stack_chk_fail | _GLOBAL_OFFSET_TABLE_
  | __(mem|str|stp|explicit|v?snprintf)\w*_chk
)$""", re.X)

LIBCRYPTO = re.compile(r"""^(
    EVP_ | OSSL_PARAM_ | OSSL_LIB_CTX_ | OSSL_PROVIDER_ | OPENSSL_ | CRYPTO_ | ERR_ | OBJ_
  | X509 | ASN1_ | GENERAL_NAMES?_ | GENERAL_SUBTREE_ | NAME_CONSTRAINTS_ | BASIC_CONSTRAINTS_
  | AUTHORITY_ | (ISSUING_)?DIST_POINT_ | OCSP_ | SCT_ | CTLOG_ | BN_ | EC_ | ECDSA_ | RSA_ | DSA_ | DH_
  | HMAC | SHA(1|224|256|384|512)_ | MD5_ | PKCS(5|7|8|12)_ | NCONF_free
  | d2i_ | i2d_ | a2i_ | i2a_ | i2s_ | PEM_ | BIO_ | OSSL_DECODER_ | OSSL_ENCODER_
)""", re.X)

# Compressed certificates: memory to memory, nothing else (crypto/zip.c).
ZIP = re.compile(r"""^(
    (de|in)flate(Init_|End|Bound)? | Brotli(De|En)coder\w+
  | ZSTD_(compress|compressBound|decompress|isError|getErrorCode)
)$""", re.X)

# Side doors of libcrypto to files, sockets, clocks, dice and terminals.
REFUSED = re.compile(r"""^(
    RAND_ | BIO_new_file | BIO_new_fp | BIO_s_file | BIO_s_fd | BIO_new_fd | BIO_read_filename
  | BIO_s_(socket|connect|accept|datagram|log) | BIO_new_(socket|connect|accept|dgram)
  | BIO_(socket|connect|accept|listen|bind|lookup|sock_\w+) | BIO_ADDR
  | X509_cmp_current_time | X509_gmtime_adj | X509_time_adj(_ex)?$ | ASN1_TIME_adj | X509_load_
  | X509_STORE_load_ | X509_STORE_set_default_paths | X509_LOOKUP_ | X509_get_default_
  | OSSL_STORE_ | CONF_ | OPENSSL_(init|config|load|cleanup|thread|atexit|issetugid)
  | CRYPTO_THREAD_ | CRYPTO_(set_mem|secure_malloc_init)
  | ERR_print_errors_fp | \w+_print_fp$ | PEM_\w*_fp$ | PEM_read(?!_bio)|PEM_write(?!_bio)
  | (d2i|i2d)_\w+_fp$ | EVP_read_pw | EVP_PKEY_print | UI_ | OCSP_sendreq | OCSP_check_validity | OSSL_HTTP_ | EVP_RAND_
)""", re.X)


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} ARCHIVE")
    out = subprocess.run(["nm", "-A", "-P", sys.argv[1]], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"purity: nm failed: {out.stderr.strip()}")
    defined, wanted = set(), {}
    for line in out.stdout.splitlines():
        m = re.match(r".*\[([^]]+)\]: (\S+) (\S)", line)
        if m is None:
            continue
        member, symbol, kind = m.groups()
        if kind in "Uvw":
            wanted.setdefault(symbol, set()).add(member)
        else:
            defined.add(symbol)
    bad = 0
    for symbol in sorted(set(wanted) - defined):
        members = ", ".join(sorted(wanted[symbol]))
        if REFUSED.match(symbol):
            print(f"{members}: {symbol}: a side door to files, sockets, clock, dice or terminal")
        elif not any(allowed.match(symbol) for allowed in (LIBC, LIBCRYPTO, ZIP)):
            print(f"{members}: {symbol}: not on the allow-list of tests/lint/purity.py")
        else:
            continue
        bad += 1
    print(f"purity: {len(set(wanted) - defined)} imported symbols, {bad} refused")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

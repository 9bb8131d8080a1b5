/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.h - what this kernel can carry, found out by trying, never from its version.
 *
 * Every combination of cipher, version and direction is installed with throw-away keys on a
 * loopback TCP pair, and counts only when a data record and a control record really went through.
 * Called by ktls/, sock/ and the tools through leat_ktls_caps_get, which asks the kernel once per
 * process. Not here: the decision to use the kernel for a connection (handover.c), and the keys of
 * real connections (rec/kinfo.c).
 *
 * Threads: every function may be called by any thread at any time.
 */
#ifndef LEAT_KTLS_PROBE_H
#define LEAT_KTLS_PROBE_H

#include <linux/tls.h>

#include <leat/types.h>

#define KTLS_VERSIONS 2 /* LEAT_TLS12, LEAT_TLS13 */
#define KTLS_CIPHERS  4 /* TLS_CIPHER_AES_GCM_128 to TLS_CIPHER_CHACHA20_POLY1305 */

/* Why the kernel carries nothing at all; the first obstacle met. */
enum ktls_obstacle {
	KTLS_NONE = 0,        /* none: at least one combination works */
	KTLS_NO_PAIR,         /* no loopback connection could be made, so nothing was learnt */
	KTLS_NOT_BUILT,       /* this kernel has no tls module, neither built in nor as a file */
	KTLS_MAY_NOT_LOAD,    /* the module is there; the kernel loads it on demand for root only */
	KTLS_NOT_LOADED,      /* the module is there and root asked, yet it did not load */
	KTLS_NO_MODULE_FILES, /* /lib/modules is not visible here (a container): cannot tell which */
	KTLS_REFUSED,         /* TCP_ULP failed in a way that no module cures (seccomp, ...) */
	KTLS_NO_CIPHER,       /* the module is loaded, but every cipher was refused */
	KTLS_OBSTACLE_COUNT
};

enum ktls_uring {
	KTLS_URING_UNKNOWN = 0, /* not asked */
	KTLS_URING_OK,
	KTLS_URING_ABSENT,    /* ENOSYS: built without, or hidden by a sandbox */
	KTLS_URING_FORBIDDEN, /* EPERM, EACCES: kernel.io_uring_disabled or a sandbox */
	KTLS_URING_FAILED,    /* another error, see uring_err */
	KTLS_URING_COUNT
};

/* How AES is computed: decides whether kernel records are cheap or 13 times dearer. */
enum ktls_speed {
	KTLS_SPEED_UNKNOWN = 0,
	KTLS_SPEED_FAST,    /* by the CPU's own instructions */
	KTLS_SPEED_GENERIC, /* by tables, although the CPU has instructions: a module is missing */
	KTLS_SPEED_NO_CPU,  /* by tables; nothing found that would be faster */
	KTLS_SPEED_COUNT
};

/* One version and cipher. The errno of a direction is 0 when it works. */
struct ktls_cell {
	int err[2]; /* by enum leat_dir; EBADMSG: keys were taken, but records came out wrong */
};

struct leat_ktls_caps {
	enum ktls_obstacle obstacle;
	int err;            /* errno behind the obstacle */
	char release[65];   /* uname -r */
	bool loaded_before; /* the module was there (or built in) before we asked */
	bool loaded_now;    /* ... and after */
	bool privileged;    /* this process may make the kernel load it (CAP_NET_ADMIN) */
	struct ktls_cell cell[KTLS_VERSIONS][KTLS_CIPHERS];
	char driver[KTLS_CIPHERS][64]; /* from /proc/crypto; "" when not listed */
	enum ktls_speed aes;

	/* Options, each tried on TLS 1.3 with the first cipher that works; errno, 0 is "works". */
	int rekey_err[2];    /* new keys after a KeyUpdate, by direction (Linux 6.14 and later) */
	int no_pad_err;      /* TLS_RX_EXPECT_NO_PAD */
	int zerocopy_ro_err; /* TLS_TX_ZEROCOPY_RO: accepted, no effect without a NIC that encrypts */
	int max_payload_err; /* TLS_TX_MAX_PAYLOAD_LEN */

	enum ktls_uring uring;
	int uring_err;            /* errno of io_uring_setup */
	int uring_setsockopt_err; /* TCP_ULP and TLS_TX by IORING_OP_URING_CMD */
	int uring_multishot_err;  /* multishot recvmsg that tells record types apart */
};

/* Tries everything on this kernel and fills *out. LEAT_OK: at least one combination works.
 * LEAT_UNSUPPORTED: none does, out->obstacle says why. LEAT_FAILED: nothing could be learnt
 * (KTLS_NO_PAIR). Takes some milliseconds; may make the kernel load modules. */
enum leat_ret leat_ktls_probe(struct leat_ktls_caps *out);

/* The answer for this process, asked from the kernel at the first call. Never NULL; stays valid.
 * An attempt that learnt nothing (no descriptors left) is not remembered. */
const struct leat_ktls_caps *leat_ktls_caps_get(void);

/* Tests: *caps (borrowed until replaced) is the answer from now on; NULL: the kernel's again. */
void leat_ktls_caps_override(const struct leat_ktls_caps *caps);

/* Does this direction of this version (LEAT_TLS12, LEAT_TLS13) and kernel cipher (TLS_CIPHER_*)
 * work? False for numbers out of range. */
bool leat_ktls_can(
	const struct leat_ktls_caps *caps, unsigned version, unsigned cipher, enum leat_dir dir);

/* The reason behind a false answer of leat_ktls_can as short static text; "" when it works. */
const char *leat_ktls_why(
	const struct leat_ktls_caps *caps, unsigned version, unsigned cipher, enum leat_dir dir);

/* Is new key material accepted in this direction after a KeyUpdate? */
bool leat_ktls_can_rekey(const struct leat_ktls_caps *caps, enum leat_dir dir);

/* One line for a start message or a log, cut to n bytes; returns buf. Begins "kernel TLS: ". */
const char *leat_ktls_caps_line(const struct leat_ktls_caps *caps, char *buf, size_t n);

/* What a TCP_ULP that failed with this errno means here; looked up once for a process. */
enum ktls_obstacle ktls_obstacle_here(int ulp_err);

/* The obstacle as a sentence that says what to do about it, static; "" for KTLS_NONE. */
const char *ktls_remedy(enum ktls_obstacle o);
const char *ktls_obstacle_name(enum ktls_obstacle o); /* "may_not_load": for JSON and tests */
const char *ktls_uring_name(enum ktls_uring u);
const char *ktls_speed_name(enum ktls_speed s);
const char *ktls_cipher_name(size_t i); /* i below KTLS_CIPHERS: "AES-128-GCM" */
const char *ktls_cipher_alg(size_t i);  /* the crypto API's name: "gcm(aes)" */

#endif

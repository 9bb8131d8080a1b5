/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_int.h - what the files of the probe share: a connected loopback pair, throw-away keys,
 * records with their types, and the two judgements that are pure and tested as such.
 */
#ifndef LEAT_KTLS_PROBE_INT_H
#define LEAT_KTLS_PROBE_INT_H

#include "ktls/probe.h"
#include "rec/kinfo.h"

#define PROBE_WAIT_MS 5000 /* for what loopback delivers at once; emulated machines are slow */

/* Two ends of one loopback connection. Closed by probe_pair_clear; zero state is not legal, -1 is. */
struct probe_pair {
	int a, b;
};

#define PROBE_PAIR_NONE \
	{               \
		-1, -1  \
	}

/* All return 0 or an errno. */
int probe_pair_open(struct probe_pair *p);
void probe_pair_clear(struct probe_pair *p);
int probe_ulp(int fd);
/* optname TLS_TX or TLS_RX; keys of the same pattern fit each other. */
int probe_keys(int fd, int optname, unsigned version, size_t cipher, uint8_t pattern);
int probe_send(int fd, uint8_t type, const void *p, size_t n);
/* 0 only when exactly this record arrives; EBADMSG when another does. */
int probe_expect(int fd, uint8_t type, const void *p, size_t n);
size_t probe_keys_fill(union leat_kinfo *info, unsigned version, size_t cipher, uint8_t pattern);

/* May this process use io_uring at all: fills uring and uring_err. */
void probe_uring_setup(struct leat_ktls_caps *out);
/* What it does with kernel records: fills the other uring members. The version and cipher are known
 * to work in both directions. */
void probe_uring_records(struct leat_ktls_caps *out, unsigned version, size_t cipher);

/* What was seen around a failed TCP_ULP. */
struct probe_module {
	bool can_load;   /* the kernel has loadable modules at all (/proc/modules) */
	bool tree;       /* /lib/modules/RELEASE is visible here */
	bool file;       /* ... and has tls */
	bool privileged; /* CAP_NET_ADMIN in the first user namespace */
};

enum ktls_obstacle ktls_obstacle_of(int ulp_err, const struct probe_module *m);

/* From the text of /proc/crypto: the driver that a request for alg gets (highest priority), "" when
 * not listed. */
void crypto_driver_of(const char *proc_crypto, const char *alg, char *driver, size_t n);
/* From the driver of gcm(aes) and whether the CPU has AES instructions. */
enum ktls_speed ktls_speed_of(const char *driver, bool cpu_has_aes);

#endif

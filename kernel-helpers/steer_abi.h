/* SPDX-License-Identifier: Apache-2.0
 *
 * steer_abi.h - what the BPF programs and their loader (user/steer/) share: the only header both sides include.
 * Sizes and places are asserted here, so each compiler checks them for its side.
 */
#ifndef LEAT_STEER_ABI_H
#define LEAT_STEER_ABI_H

#include <linux/types.h>

/* ---- reuseport.bpf.c ------------------------------------------------------------------------- */

#define STEER_MAX_WORKERS 256 /* slots of the socket array; a power of two */
#define STEER_MAX_CPUS    1024

enum steer_how {
	STEER_BY_CPU = 1,
	STEER_BY_LOAD = 2,
};

/* One worker, in memory that both sides see; a cache line each, for one core writes what another one reads. */
struct steer_worker {
	__u32 draining; /* user space: not 0: no new connections */
	__u32 conns;    /* user space: connections it has now */
	__u32 pending; /* program: +1 for each choice; user space: -1 for each accept, halved now and then */
	__u32 unused;
	__u64 picked;   /* program: connections it was given */
	__u64 migrated; /* program: those of them that waited at a listener that was closed */
	__u64 pad[4];
};

_Static_assert((STEER_MAX_WORKERS & (STEER_MAX_WORKERS - 1)) == 0, "a mask bounds the index");
_Static_assert(sizeof(struct steer_worker) == 64, "a worker is a cache line");
_Static_assert(__builtin_offsetof(struct steer_worker, picked) == 16, "no padding before picked");

/* ---- lookup.bpf.c ---------------------------------------------------------------------------- */

#define STEER_MAX_MATCHES 32

/* Addresses are compared as four words in network byte order; IPv4 has the first one. */
struct steer_match {
	__u32 addr[4], mask[4];
	__u32 family; /* AF_INET or AF_INET6 */
	__u16 port_min, port_max;
};

_Static_assert(sizeof(struct steer_match) == 40, "a match has no padding");

/* ---- leg.bpf.c ------------------------------------------------------------------------------- */

/* Sockets in the map, two for a leg. With the bytes that a direction may redirect in all it bounds the kernel's
 * memory that readers who do not read can take: 128 MiB. */
#define STEER_MAX_LEG_SOCKETS 2048
#define STEER_LEG_BYTES       65536

/* One end's view of a connection; IPv4 addresses are mapped, so that both families' sockets agree. Addresses in
 * network byte order, ports as numbers. */
struct steer_ends {
	__u32 local[4], remote[4];
	__u32 local_port, remote_port;
};

_Static_assert(sizeof(struct steer_ends) == 40, "a map key with padding hashes garbage");

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * leg.bpf.c - bytes between a proxy and a backend on the same machine skip the TCP stack (sk_msg, BPF_F_INGRESS): what
 * one end sends is put before the other end's reader at once.
 *
 * Which sockets get into the map: the ones user space has named before they connect (by their cookie, in `wanted`),
 * and the other ends of exactly these connections. Nothing else, for a socket in the map can never be kTLS.
 *
 * The kernel knows no back-pressure here: a reader that does not read would take all memory. So a direction
 * redirects STEER_LEG_BYTES in all and then goes by TCP for good; never back, or later bytes would overtake. For the same
 * reason it goes by TCP for good once one message has: because the other end is not there (yet).
 *
 * Loaded and fed by user/steer/leg.c.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steer_abi.h"

#define INET6 10
/* Both ends of a connection on one machine are established within microseconds. */
#define EXPECTED_NS 1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, STEER_MAX_LEG_SOCKETS);
	__type(key, struct steer_ends);
	__type(value, __u64);
} legs SEC(".maps");

/* Cookies of sockets that are about to connect. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STEER_MAX_LEG_SOCKETS);
	__type(key, __u64);
	__type(value, __u8);
} wanted SEC(".maps");

/* The other ends that are to come, and since when. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STEER_MAX_LEG_SOCKETS);
	__type(key, struct steer_ends);
	__type(value, __u64);
} expected SEC(".maps");

/* Bytes that a direction may still redirect. What was forgotten counts as 0. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2 * STEER_MAX_LEG_SOCKETS);
	__type(key, struct steer_ends);
	__type(value, __u64);
} left SEC(".maps");

__u64 entered;    /* sockets that came into the map */
__u64 redirected; /* bytes */
__u64 by_tcp;     /* messages of sockets in the map that went by TCP */

static void swap(const struct steer_ends *e, struct steer_ends *other)
{
	for (int i = 0; i < 4; i++) {
		other->local[i] = e->remote[i];
		other->remote[i] = e->local[i];
	}
	other->local_port = e->remote_port;
	other->remote_port = e->local_port;
}

static void choose(__u32 addr[4], bool v6, const __u32 ip6[4], __u32 ip4)
{
	addr[0] = v6 ? ip6[0] : 0;
	addr[1] = v6 ? ip6[1] : 0;
	addr[2] = v6 ? ip6[2] : bpf_htonl(0xffff);
	addr[3] = v6 ? ip6[3] : ip4;
}

/* A macro, for the contexts of the two program types have the same names in different places. The
 * barriers: of a choice between two fields clang 14 makes one read through a computed pointer, which the verifier
 * does not allow for a context. */
#define READ_ENDS(ctx, e)                                                         \
	do {                                                                      \
		const __u32 l6[4] = { (ctx)->local_ip6[0], (ctx)->local_ip6[1],   \
			(ctx)->local_ip6[2], (ctx)->local_ip6[3] };               \
		const __u32 r6[4] = { (ctx)->remote_ip6[0], (ctx)->remote_ip6[1], \
			(ctx)->remote_ip6[2], (ctx)->remote_ip6[3] };             \
		__u32 l4 = (ctx)->local_ip4, r4 = (ctx)->remote_ip4;              \
		const bool v6 = (ctx)->family == INET6;                           \
                                                                                  \
		barrier_var(l4);                                                  \
		barrier_var(r4);                                                  \
		choose((e)->local, v6, l6, l4);                                   \
		choose((e)->remote, v6, r6, r4);                                  \
		(e)->local_port = (ctx)->local_port;                              \
		(e)->remote_port = bpf_ntohl((ctx)->remote_port);                 \
	} while (0)

static void enter(struct bpf_sock_ops *ops, struct steer_ends *e)
{
	__u64 bytes = STEER_LEG_BYTES;

	if (bpf_map_update_elem(&left, e, &bytes, BPF_ANY) == 0 &&
		bpf_sock_hash_update(ops, &legs, e, BPF_NOEXIST) == 0)
		__sync_fetch_and_add(&entered, 1);
}

/* Ours has connected: it enters, and the other end may. */
static void connected(struct bpf_sock_ops *ops)
{
	__u64 cookie = bpf_get_socket_cookie(ops), now = bpf_ktime_get_ns();
	struct steer_ends e, other;

	if (bpf_map_delete_elem(&wanted, &cookie) != 0)
		return;
	READ_ENDS(ops, &e);
	swap(&e, &other);
	bpf_map_update_elem(&expected, &other, &now, BPF_ANY);
	enter(ops, &e);
}

static void accepted(struct bpf_sock_ops *ops)
{
	struct steer_ends e;
	__u64 *since, then;

	READ_ENDS(ops, &e);
	since = bpf_map_lookup_elem(&expected, &e);
	if (!since)
		return;
	then = *since;
	bpf_map_delete_elem(&expected, &e);
	if (bpf_ktime_get_ns() - then < EXPECTED_NS)
		enter(ops, &e);
}

SEC("sockops")
int steer_leg_enter(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB: connected(ops); break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB: accepted(ops); break;
	default: ops->reply = -1; break; /* no opinion */
	}
	return 1;
}

SEC("sk_msg")
int steer_leg_send(struct sk_msg_md *msg)
{
	struct steer_ends e, other;
	__u64 *bytes;

	READ_ENDS(msg, &e);
	swap(&e, &other);
	bytes = bpf_map_lookup_elem(&left, &e);
	if (bytes && *bytes >= msg->size &&
		bpf_msg_redirect_hash(msg, &legs, &other, BPF_F_INGRESS) == SK_PASS) {
		*bytes -= msg->size;
		__sync_fetch_and_add(&redirected, msg->size);
		return SK_PASS;
	}
	if (bytes)
		*bytes = 0;
	__sync_fetch_and_add(&by_tcp, 1);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Apache-2.0";

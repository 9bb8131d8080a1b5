/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.bpf.c - connections to many addresses and ports go to the listeners of one server (sk_lookup). It is asked
 * before the kernel looks for a listener of the address itself.
 *
 * What no match names, and what matches when no listener of ours is left, goes the ordinary way. Which
 * listener of several that share their address gets it is decided afterwards, as always: by the program of
 * reuseport.bpf.c or the kernel's hash. Loaded and fed by user/steer/lookup.c.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "steer_abi.h"

#define TCP 6

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, STEER_MAX_WORKERS);
	__type(key, __u32);
	__type(value, __u64);
} heirs SEC(".maps");

const volatile __u32 num_matches, num_heirs;
const volatile struct steer_match matches[STEER_MAX_MATCHES];

__u64 hits[STEER_MAX_MATCHES];

static bool is_there(const volatile struct steer_match *m, const __u32 addr[4])
{
	for (int i = 0; i < 4; i++)
		if ((addr[i] & m->mask[i]) != m->addr[i])
			return false;
	return true;
}

/* The first listener that is still there; the others are of its group. Replaces what programs attached before chose:
 * those of an older server, which has perhaps no worker for it any more. */
static bool assign(struct bpf_sk_lookup *ctx)
{
	for (__u32 i = 0; i < STEER_MAX_WORKERS && i < num_heirs; i++) {
		__u32 key = i;
		struct bpf_sock *sk = bpf_map_lookup_elem(&heirs, &key);
		long err;

		if (!sk)
			continue;
		err = bpf_sk_assign(ctx, sk, BPF_SK_LOOKUP_F_REPLACE);
		bpf_sk_release(sk);
		if (err == 0)
			return true;
	}
	return false;
}

SEC("sk_lookup")
int steer_find(struct bpf_sk_lookup *ctx)
{
	/* The other family's words read as 0. (A choice between two of them would become an access by a computed
	 * pointer under clang 14, which the verifier does not allow for a context.) */
	const __u32 addr[4] = { ctx->local_ip4 | ctx->local_ip6[0], ctx->local_ip6[1],
		ctx->local_ip6[2], ctx->local_ip6[3] };

	if (ctx->protocol != TCP)
		return SK_PASS;
	for (__u32 i = 0; i < STEER_MAX_MATCHES && i < num_matches; i++) {
		const volatile struct steer_match *m = &matches[i];

		if (m->family != ctx->family || ctx->local_port < m->port_min ||
			ctx->local_port > m->port_max || !is_there(m, addr))
			continue;
		if (assign(ctx))
			__sync_fetch_and_add(&hits[i], 1);
		return SK_PASS;
	}
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Apache-2.0";

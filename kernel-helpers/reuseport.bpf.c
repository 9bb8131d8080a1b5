/* SPDX-License-Identifier: Apache-2.0
 *
 * reuseport.bpf.c - which of the listeners that share an address gets a new connection (sk_reuseport), and which
 * one gets those that wait at a listener that closes (the "migrate" half of the attach type, Linux 5.14).
 *
 * In doubt it passes: SK_PASS without a choice leaves it to the kernel's hash, as if there were no program.
 * Loaded and fed by user/steer/steer.c. Reads nothing of the kernel but the context of its type, so it needs
 * no relocation against this kernel's types, nor a helper that is for GPL programs only.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "steer_abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, STEER_MAX_WORKERS);
	__type(key, __u32);
	__type(value, __u64);
} listeners SEC(".maps");

const volatile __u32 how;
const volatile __u32 num_workers;
/* Workers are dealt to CPUs in turn: the first of a CPU's is here, the others follow in steps of num_cpus. */
const volatile __u32 num_cpus;
const volatile __u16 first_of_cpu[STEER_MAX_CPUS];

struct steer_worker workers[STEER_MAX_WORKERS];
__u64 passed; /* no worker of ours could be had: the kernel's hash decided */

static __u32 of_cpu(__u32 hash)
{
	__u32 cpu = bpf_get_smp_processor_id(), first, num;

	if (cpu >= STEER_MAX_CPUS)
		return hash % num_workers;
	first = first_of_cpu[cpu];
	if (first >= num_workers)
		return hash % num_workers; /* a CPU that has none */
	num = (num_workers - first + num_cpus - 1) / num_cpus;
	return first + hash % num * num_cpus;
}

/* The mask says nothing that is not so; the verifier can follow it where it cannot follow num_workers. */
static struct steer_worker *worker(__u32 at)
{
	return &workers[at & (STEER_MAX_WORKERS - 1)];
}

/* Begins the search at a place of the hash's, so that of equals not always the first is taken. */
static __u32 least_loaded(__u32 hash)
{
	__u32 start = hash % num_workers, best = start, least = ~0U;

	for (__u32 i = 0; i < STEER_MAX_WORKERS && i < num_workers; i++) {
		__u32 at = (start + i) % num_workers, load;

		if (worker(at)->draining)
			continue;
		load = worker(at)->conns + worker(at)->pending;
		if (load < least) {
			least = load;
			best = at;
		}
	}
	return best;
}

/* Lets worker number at have the connection; false: its listener is gone. */
static bool give(struct sk_reuseport_md *md, __u32 at)
{
	__u32 key = at;

	if (bpf_sk_select_reuseport(md, &listeners, &key, 0) != 0)
		return false;
	__sync_fetch_and_add(&worker(at)->pending, 1);
	__sync_fetch_and_add(&worker(at)->picked, 1);
	if (md->migrating_sk)
		__sync_fetch_and_add(&worker(at)->migrated, 1);
	return true;
}

/* The chosen worker or, if it drains or its listener is gone, one after it. */
SEC("sk_reuseport/migrate")
int steer_pick(struct sk_reuseport_md *md)
{
	__u32 start;

	if (num_workers == 0 || num_cpus == 0)
		return SK_PASS;
	start = how == STEER_BY_LOAD ? least_loaded(md->hash) : of_cpu(md->hash);
	for (__u32 i = 0; i < STEER_MAX_WORKERS && i < num_workers; i++) {
		__u32 at = (start + i) % num_workers;

		if (!worker(at)->draining && give(md, at))
			return SK_PASS;
	}
	__sync_fetch_and_add(&passed, 1);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Apache-2.0";

/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c - see lookup.h. The program is kernel-helpers/lookup.bpf.c.
 */
#include "steer/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "steer_abi.h"
#include <lookup.skel.h>

#include "base/mem.h"
#include "steer/admit.h"
#include "steer/load.h"
#include "steer/reason.h"

_Static_assert(STEER_RULES == STEER_MAX_MATCHES, "every rule has a match");

struct lookup {
	struct steer_lookup *skel;
	struct bpf_link *link;
};

static struct steer_match match_of(const struct steer_rule *rule)
{
	struct steer_match m = { .family = rule->v6 ? AF_INET6 : AF_INET,
		.port_min = rule->port_min,
		.port_max = rule->port_max };
	uint8_t mask[16] = { 0 };

	for (unsigned bit = 0; bit < rule->prefix; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(m.mask, mask, sizeof(m.mask));
	memcpy(m.addr, rule->addr, sizeof(m.addr));
	return m;
}

static bool load(struct lookup *l, const struct steer_rules *rules, unsigned num_fds, char *why)
{
	l->skel = steer_lookup__open();
	if (l->skel == NULL) {
		steer_reason("lookup", errno, "", why);
		return false;
	}
	l->skel->rodata->num_matches = rules->num;
	l->skel->rodata->num_heirs = num_fds;
	for (unsigned i = 0; i < rules->num; i++) {
		struct steer_match m = match_of(&rules->v[i]);

		memcpy((void *)&l->skel->rodata->matches[i], &m, sizeof(m));
	}
	return load_object(l->skel->skeleton, why) == 0;
}

static bool attach(struct lookup *l, char *why)
{
	int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (ns >= 0) {
		l->link = bpf_program__attach_netns(l->skel->progs.steer_find, ns);
		if (l->link == NULL)
			steer_reason("lookup", errno, "", why);
		close(ns);
	} else {
		steer_reason("/proc/self/ns/net", errno, "", why);
	}
	return l->link != NULL;
}

struct lookup *lookup_open(
	const struct steer_rules *rules, const int *fds, unsigned num_fds, char why[STEER_TEXT])
{
	struct lookup *l = leat_zalloc(sizeof(*l));
	bool ok;

	load_quietly();
	if (l == NULL || num_fds > STEER_MAX_WORKERS)
		steer_reason("lookup", l == NULL ? ENOMEM : E2BIG, "", why);
	ok = l != NULL && num_fds <= STEER_MAX_WORKERS && load(l, rules, num_fds, why);
	for (unsigned i = 0; i < num_fds && ok; i++)
		ok = admit(bpf_map__fd(l->skel->maps.heirs), ADMIT_LISTENER, i, fds[i], why);
	if (ok && attach(l, why))
		return l;
	lookup_close(l);
	return NULL;
}

void lookup_close(struct lookup *l)
{
	if (l == NULL)
		return;
	(void)bpf_link__destroy(l->link);
	steer_lookup__destroy(l->skel);
	leat_free(l);
}

uint64_t lookup_hits(const struct lookup *l, unsigned i)
{
	return l != NULL && i < STEER_MAX_MATCHES
		       ? __atomic_load_n(&l->skel->bss->hits[i], __ATOMIC_RELAXED)
		       : 0;
}

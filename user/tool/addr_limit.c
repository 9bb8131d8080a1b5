/* SPDX-License-Identifier: Apache-2.0
 *
 * addr_limit.c - see addr_limit.h. Chains of entries from one array: an entry exists while its address has a
 * connection, so there are never more than connections.
 */
#include "tool/addr_limit.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"

#define NONE UINT32_MAX

struct entry {
	struct addr_key key;
	uint32_t next; /* in its chain, or of the free ones */
	uint32_t num;
};

struct addr_limit {
	unsigned max, each, mask;
	uint64_t seed;
	uint32_t free;
	uint32_t *chains;
	struct entry *entries;
};

struct addr_key addr_key_of(const struct sockaddr *a)
{
	struct addr_key k = { 0 };
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	uint32_t v4;

	if (a->sa_family == AF_INET) {
		memcpy(&in, a, sizeof(in));
		return (struct addr_key){ in.sin_addr.s_addr, 4 };
	}
	if (a->sa_family != AF_INET6)
		return k;
	memcpy(&in6, a, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		memcpy(&v4, in6.sin6_addr.s6_addr + 12, sizeof(v4));
		return (struct addr_key){ v4, 4 };
	}
	memcpy(&k.bits, in6.sin6_addr.s6_addr, sizeof(k.bits));
	k.family = 6;
	return k;
}

static uint32_t *chain_of(struct addr_limit *l, struct addr_key k)
{
	uint64_t h = (k.bits ^ l->seed) * 0x9e3779b97f4a7c15ull;

	h = (h ^ (h >> 29) ^ l->seed) * 0xbf58476d1ce4e5b9ull;
	return &l->chains[(h >> 32) & l->mask];
}

struct addr_limit *addr_limit_new(unsigned max, unsigned each, uint64_t seed)
{
	struct addr_limit *l = leat_zalloc(sizeof(*l));
	unsigned chains = 16;

	if (l == NULL)
		return NULL;
	while (chains < max)
		chains *= 2;
	*l = (struct addr_limit){ .max = max, .each = each, .mask = chains - 1, .seed = seed };
	l->chains = leat_array(chains, sizeof(*l->chains));
	l->entries = leat_array(max, sizeof(*l->entries));
	if (l->chains == NULL || l->entries == NULL) {
		addr_limit_free(l);
		return NULL;
	}
	for (unsigned i = 0; i < chains; i++)
		l->chains[i] = NONE;
	for (unsigned i = 0; i < max; i++)
		l->entries[i].next = i + 1 < max ? i + 1 : NONE;
	return l;
}

void addr_limit_free(struct addr_limit *l)
{
	if (l == NULL)
		return;
	leat_free(l->chains);
	leat_free(l->entries);
	leat_free(l);
}

static bool is_same(struct addr_key a, struct addr_key b)
{
	return a.bits == b.bits && a.family == b.family;
}

/* The link that leads to the entry of k, or to NONE at the chain's end. */
static uint32_t *find(struct addr_limit *l, struct addr_key k)
{
	uint32_t *at = chain_of(l, k);

	while (*at != NONE && !is_same(l->entries[*at].key, k))
		at = &l->entries[*at].next;
	return at;
}

bool addr_limit_enter(struct addr_limit *l, struct addr_key k)
{
	uint32_t *at, i;

	if (k.family == 0)
		return true;
	at = find(l, k);
	i = *at;
	if (i == NONE) {
		i = l->free;
		if (i == NONE)
			return false;
		l->free = l->entries[i].next;
		l->entries[i] = (struct entry){ .key = k, .next = NONE };
		*at = i;
	}
	if (l->entries[i].num >= l->each)
		return false;
	l->entries[i].num++;
	return true;
}

void addr_limit_leave(struct addr_limit *l, struct addr_key k)
{
	uint32_t *at = k.family != 0 ? find(l, k) : NULL, i;

	if (at == NULL || *at == NONE || --l->entries[*at].num > 0)
		return;
	i = *at;
	*at = l->entries[i].next;
	l->entries[i].next = l->free;
	l->free = i;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * rule.c - see rule.h.
 */
#include "steer/rule.h"

#include <arpa/inet.h>
#include <string.h>

/* Digits up to max; moves *p past them. */
static bool read_number(const char **p, unsigned max, unsigned *out)
{
	const char *start = *p;

	*out = 0;
	while (**p >= '0' && **p <= '9' && *p - start < 5)
		*out = *out * 10 + (unsigned)(*(*p)++ - '0');
	return *p != start && *out <= max;
}

/* "1.2.3.4" or "[::1]"; moves *p past it. */
static bool read_address(const char **p, struct steer_rule *rule)
{
	char text[INET6_ADDRSTRLEN];
	size_t n;

	rule->v6 = **p == '[';
	*p += rule->v6;
	n = strcspn(*p, rule->v6 ? "]" : "/:");
	if (n >= sizeof(text) || (rule->v6 && (*p)[n] != ']'))
		return false;
	memcpy(text, *p, n);
	text[n] = '\0';
	*p += n + rule->v6;
	return inet_pton(rule->v6 ? AF_INET6 : AF_INET, text, rule->addr) == 1;
}

static bool read_prefix(const char **p, struct steer_rule *rule)
{
	unsigned max = rule->v6 ? 128 : 32;

	rule->prefix = max;
	if (**p != '/')
		return true;
	++*p;
	return read_number(p, max, &rule->prefix);
}

static bool read_ports(const char **p, struct steer_rule *rule)
{
	unsigned min, max;

	if (*(*p)++ != ':' || !read_number(p, 65535, &min) || min == 0)
		return false;
	max = min;
	if (**p == '-') {
		++*p;
		if (!read_number(p, 65535, &max))
			return false;
	}
	rule->port_min = (uint16_t)min;
	rule->port_max = (uint16_t)max;
	return min <= max && **p == '\0';
}

/* A bit behind the prefix would never be looked at: a slip of whoever wrote it. */
static bool has_stray_bits(const struct steer_rule *rule)
{
	for (unsigned bit = rule->prefix; bit < (rule->v6 ? 128u : 32u); bit++)
		if (rule->addr[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

const char *steer_rules_add(struct steer_rules *r, const char *text)
{
	struct steer_rule rule = { 0 };

	if (r->num == STEER_RULES)
		return "there are 32 already";
	if (!read_address(&text, &rule))
		return "not an address (IPv6 ones stand in brackets)";
	if (!read_prefix(&text, &rule))
		return "the length of the prefix is no number of bits of this address";
	if (!read_ports(&text, &rule))
		return "ends with :PORT or :PORT-PORT, 1 to 65535";
	if (has_stray_bits(&rule))
		return "the address has bits behind its prefix";
	r->v[r->num++] = rule;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * rule.h - addresses and ports whose connections a server takes besides those of its listener, as text and as
 * values. Pure; what is done with them: lookup.h.
 */
#ifndef LEAT_STEER_RULE_H
#define LEAT_STEER_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define STEER_RULES 32 /* STEER_MAX_MATCHES */

struct steer_rule {
	bool v6;
	uint8_t addr[16]; /* network order; IPv4: the first four */
	unsigned prefix;  /* bits that count; the others are 0 in addr */
	uint16_t port_min, port_max;
};

struct steer_rules {
	unsigned num;
	struct steer_rule v[STEER_RULES];
};

/* "192.0.2.0/24:443", "[2001:db8::1]:8000-8099": an address, with or without the length of a prefix, and a port or
 * a range. NULL, or what is wrong with it. */
const char *steer_rules_add(struct steer_rules *r, const char *text);

#endif

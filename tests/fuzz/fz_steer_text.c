/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_steer_text.c: any bytes as the value of --lookup, and as what a verifier wrote. A rule that is taken says the same
 * when it is written out and read again; a reason is one line that fits.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "steer/reason.h"
#include "steer/rule.h"

#define MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_rule(const struct steer_rule *rule)
{
	char addr[INET6_ADDRSTRLEN], text[128];
	struct steer_rules again = { 0 };

	assert(rule->prefix <= (rule->v6 ? 128u : 32u));
	assert(rule->port_min > 0 && rule->port_min <= rule->port_max);
	assert(inet_ntop(rule->v6 ? AF_INET6 : AF_INET, rule->addr, addr, sizeof(addr)) != NULL);
	snprintf(text, sizeof(text), "%s%s%s/%u:%u-%u", rule->v6 ? "[" : "", addr,
		rule->v6 ? "]" : "", rule->prefix, rule->port_min, rule->port_max);
	assert(steer_rules_add(&again, text) == NULL);
	assert(memcmp(&again.v[0], rule, sizeof(*rule)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[MOST + 1], why[STEER_TEXT] = "";
	struct steer_rules rules = { 0 };

	n = n < MOST ? n : MOST;
	memcpy(text, data, n);
	text[n] = '\0';
	if (steer_rules_add(&rules, text) == NULL)
		check_rule(&rules.v[0]);
	else
		assert(rules.num == 0);
	steer_reason("program", EACCES, text, why);
	assert(why[0] != '\0' && memchr(why, '\0', sizeof(why)) != NULL &&
		strchr(why, '\n') == NULL);
	return 0;
}

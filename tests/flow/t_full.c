/* SPDX-License-Identifier: Apache-2.0
 *
 * t_full.c - whole handshakes in memory, every suite, group and kind of certificate, and what both
 * sides know afterwards.
 *
 * REQ: F-13 F-suites13 F-ccm F-x25519 F-x448 F-2share F-ed25519 F-ed448 F-pss-rsae F-pss-pss
 */
#include "pair.h"

#include "pki.h"

static void connect_with(const char *suites, const char *groups, enum key_kind k)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(k);
	struct pair p = { 0 };

	pair_set(c, "versions", "tlsv1.3");
	pair_set(s, "versions", "tlsv1.3");
	if (suites) {
		pair_set(c, "ciphers", suites);
		pair_set(s, "ciphers", suites);
	}
	if (groups)
		pair_set(c, "groups", groups);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_int_equal(p.side[0].version, LEAT_TLS13);
	pair_clear(&p);
}

static void every_suite(void **state)
{
	(void)state;
	for (size_t i = 0; suite_at(i); i++)
		if (suite_at(i)->version == LEAT_TLS13)
			connect_with(suite_at(i)->name, NULL, KEY_EC_P256);
}

static void every_group(void **state)
{
	(void)state;
	for (size_t i = 0; group_at(i); i++)
		if (group_at(i)->kind == GROUP_NIST || group_at(i)->kind == GROUP_X)
			connect_with(NULL, group_at(i)->name, KEY_EC_P256);
}

static void every_certificate(void **state)
{
	(void)state;
	for (int k = KEY_NONE + 1; k < KEY_COUNT; k++)
		connect_with(NULL, NULL, (enum key_kind)k);
}

static void facts(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_ED25519);
	struct pair p = { 0 };
	struct hs_facts f;

	(void)state;
	pair_set(c, "alpn", "http/1.1,h2");
	pair_set(s, "alpn", "h2,http/1.1");
	pair_init(&p, c, s, "localhost");
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	assert_int_equal(f.version, LEAT_TLS13);
	assert_int_equal(f.alpn.n, 2);
	assert_memory_equal(f.alpn.p, "h2", 2);
	assert_int_equal(f.sni.n, 9);
	assert_memory_equal(f.sni.p, "localhost", 9);
	assert_string_equal(f.scheme->name, "ed25519");
	assert_string_equal(f.group->name, "x25519");
	assert_false(f.retried);
	assert_null(f.peer_chain);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_int_equal(chain_num(f.peer_chain), 2);
	/* one signature, one validation */
	assert_int_equal(p.side[LEAT_SERVER].jobs, 1);
	assert_int_equal(p.side[LEAT_CLIENT].jobs, 1);
	/* compatibility mode: one change_cipher_spec each (RFC 8446 D.4) */
	assert_int_equal(p.side[LEAT_SERVER].sent_ccs, 1);
	assert_int_equal(p.side[LEAT_CLIENT].sent_ccs, 1);
	pair_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(every_group),
		cmocka_unit_test(every_certificate),
		cmocka_unit_test(facts),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

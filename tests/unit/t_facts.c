/* SPDX-License-Identifier: Apache-2.0
 *
 * t_facts.c: x509/facts.c: single facts of certificates of every kind, and of what is none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pki.h"
#include "x509/facts.h"

static void keys_and_signatures(void **state)
{
	static const struct {
		enum key_kind kind;
		const char *key, *sig;
	} rows[] = { { KEY_RSA, "RSA2048", "RSA-SHA256" },
		{ KEY_EC_P256, "EC256", "ecdsa-with-SHA256" },
		{ KEY_EC_P384, "EC384", "ecdsa-with-SHA256" },
		{ KEY_ED25519, "ED25519", "ecdsa-with-SHA256" } };
	char buf[40];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_span der = pki_der(pki_server(rows[i].kind)->leaf);

		assert_true(facts_key(der, buf, sizeof(buf)));
		assert_string_equal(buf, rows[i].key);
		assert_true(facts_signature(der, buf, sizeof(buf)));
		assert_string_equal(buf, rows[i].sig);
	}
}

static bool name_of(const char *cn, char *buf, size_t n)
{
	struct make_spec s = pki_spec();

	s.cn = cn;
	return facts_common_name(pki_der(pki_make(&s)), buf, n);
}

static void common_names(void **state)
{
	char buf[40];

	(void)state;
	assert_true(name_of("jo.example", buf, sizeof(buf)));
	assert_string_equal(buf, "jo.example");
	assert_true(name_of("J\xc3\xb6", buf, sizeof(buf)));
	assert_string_equal(buf, "J\xc3\xb6");
	/* a line of its own in somebody's log */
	assert_false(name_of("jo\nroot", buf, sizeof(buf)));
	assert_string_equal(buf, "");
	/* it fits, it does not: half a name is another name */
	assert_true(name_of("123456789", buf, 10));
	assert_false(name_of("123456789", buf, 9));
	assert_string_equal(buf, "");
}

static void no_certificate(void **state)
{
	struct leat_span der = pki_der(pki_server(KEY_EC_P256)->leaf);
	char buf[40] = "before";

	(void)state;
	assert_false(facts_common_name((struct leat_span){ NULL, 0 }, buf, sizeof(buf)));
	assert_string_equal(buf, "");
	for (size_t n = 0; n < der.n; n += 7) {
		assert_false(facts_key((struct leat_span){ der.p, n }, buf, sizeof(buf)));
		assert_false(facts_signature((struct leat_span){ der.p, n }, buf, sizeof(buf)));
	}
	assert_false(facts_key(der, buf, 5)); /* "EC256" and its end */
	assert_true(facts_key(der, buf, 6));
	assert_false(facts_signature(der, buf, 17));
	assert_true(facts_signature(der, buf, 18));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_signatures),
		cmocka_unit_test(common_names),
		cmocka_unit_test(no_certificate),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return rc;
}

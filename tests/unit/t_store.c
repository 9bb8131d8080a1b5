/* SPDX-License-Identifier: Apache-2.0
 *
 * t_store.c: x509/store.c. What gets in, what is refused as a whole, and what is counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "pki.h"
#include "x509/store.h"

#define SPAN(s) ((struct leat_span){ (const uint8_t *)(s), strlen(s) })
#define NONE    ((struct leat_span){ NULL, 0 })

static struct store *new_store(void)
{
	struct leat_err err = { 0 };
	struct store *s;

	assert_int_equal(store_new(&s, &err), LEAT_OK);
	assert_int_equal(store_num(s), 0);
	return s;
}

static void adds(struct store *s, struct leat_span pem, size_t added, size_t num)
{
	struct leat_err err = { 0 };
	size_t n = 77;

	assert_int_equal(store_add_pem(s, pem, &n, &err), LEAT_OK);
	assert_int_equal(n, added);
	assert_int_equal(store_num(s), num);
}

static void refuses(struct store *s, struct leat_span pem, const char *what, const char *detail)
{
	struct leat_err err = { 0 };
	size_t num = store_num(s), n = 77;

	assert_int_equal(store_add_pem(s, pem, &n, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "cacerts");
	if (!strstr(err.what, what) || !strstr(err.detail, detail))
		fail_msg("wanted %s (%s), got %s (%s)", what, detail, err.what, err.detail);
	assert_int_equal(n, 0);
	assert_int_equal(store_num(s), num);
}

static const char junk[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

static void bundles(void **state)
{
	struct store *s = new_store();
	struct leat_span two = pki_join(pki_root_pem(), pki_stranger_pem());

	(void)state;
	adds(s, pki_root_pem(), 1, 1);
	/* duplicates are no error, and no second anchor */
	adds(s, two, 2, 2);
	adds(s, pki_join(two, two), 4, 2);
	/* comments, keys and other blocks between are passed over */
	adds(s, pki_join(SPAN("# root\n"), pki_join(pki_key_pem(pki_root()), pki_root_pem())), 1,
		2);
	store_unref(s);
}

static void all_or_nothing(void **state)
{
	struct store *s = new_store();
	struct leat_span cut = pki_root_pem();

	(void)state;
	refuses(s, NONE, "no certificate", "");
	refuses(s, SPAN("nothing here"), "no certificate", "");
	refuses(s, pki_key_pem(pki_root()), "no certificate", "");
	refuses(s, pki_der(pki_root()), "no certificate", "");
	refuses(s, SPAN(junk), "not an X.509 certificate", "number 1");
	refuses(s, pki_join(pki_root_pem(), SPAN(junk)), "not an X.509 certificate", "number 2");
	refuses(s, pki_join(SPAN(junk), pki_root_pem()), "not an X.509 certificate", "number 1");
	cut.n -= 5;
	refuses(s, pki_join(pki_root_pem(), cut), "broken PEM", "number 2");
	adds(s, pki_root_pem(), 1, 1);
	refuses(s, pki_join(pki_stranger_pem(), SPAN(junk)), "not an X.509 certificate",
		"number 2");
	store_unref(s);
}

static void from_der(void **state)
{
	struct store *s = new_store();
	struct leat_span der = pki_der(pki_root()), cut = der;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(store_add_der(s, der, &err), LEAT_OK);
	assert_int_equal(store_add_der(s, der, &err), LEAT_OK);
	assert_int_equal(store_num(s), 1);
	cut.n--;
	assert_int_equal(store_add_der(s, cut, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	err = (struct leat_err){ 0 };
	assert_int_equal(store_add_der(s, pki_join(der, SPAN("x")), &err), LEAT_FAILED);
	err = (struct leat_err){ 0 };
	assert_int_equal(store_add_der(s, NONE, &err), LEAT_FAILED);
	assert_int_equal(store_num(s), 1);
	store_unref(s);
}

/* The subject is the Name as it stands in the certificate, for certificate_authorities. */
static void subjects(void **state)
{
	struct store *s = new_store();
	struct leat_span der = pki_der(pki_root()), name;

	(void)state;
	adds(s, pki_join(pki_root_pem(), pki_stranger_pem()), 2, 2);
	name = store_subject(s, 0);
	assert_true(name.n > 10 && name.p[0] == 0x30);
	assert_non_null(memmem(der.p, der.n, name.p, name.n));
	assert_non_null(memmem(name.p, name.n, "pki root", 8));
	name = store_subject(s, 1);
	assert_non_null(memmem(name.p, name.n, "pki stranger", 12));
	assert_null(store_subject(s, 2).p);
	assert_int_equal(store_subject(s, 2).n, 0);
	store_unref(s);
}

static void join_stores(void **state)
{
	struct store *a = new_store(), *b = new_store();
	struct leat_err err = { 0 };

	(void)state;
	adds(a, pki_root_pem(), 1, 1);
	adds(b, pki_join(pki_root_pem(), pki_stranger_pem()), 2, 2);
	assert_int_equal(store_add_all(a, b, &err), LEAT_OK);
	assert_int_equal(store_num(a), 2);
	store_unref(b);
	assert_non_null(store_subject(a, 1).p);
	assert_ptr_equal(store_ref(a), a);
	store_unref(a);
	assert_int_equal(store_num(a), 2);
	store_unref(a);
	store_unref(NULL);
}

static void many(void **state)
{
	struct store *s = new_store();
	struct leat_span all = NONE;
	char cn[32];

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct make_spec ca = pki_ca_spec(cn, NULL);

		snprintf(cn, sizeof(cn), "root %d", i);
		all = pki_join(all, pki_cert_pem(pki_make(&ca)));
	}
	adds(s, all, 40, 40);
	for (size_t i = 0; i < 40; i++) {
		struct leat_span name = store_subject(s, i);

		snprintf(cn, sizeof(cn), "root %zu", i);
		assert_non_null(memmem(name.p, name.n, cn, strlen(cn)));
	}
	store_unref(s);
}

/* After any failure the store holds what it held. */
static void each_allocation_fails(void **state)
{
	struct leat_span two = pki_join(pki_root_pem(), pki_stranger_pem());
	struct leat_err err = { 0 };
	unsigned long num;
	struct store *s;

	(void)state;
	leat_mem_fail_at(0);
	s = new_store();
	adds(s, two, 2, 2);
	num = leat_mem_fail_at(0);
	store_unref(s);
	assert_true(num >= 3);
	for (unsigned long i = 1; i <= num; i++) {
		leat_mem_fail_at(i);
		err = (struct leat_err){ 0 };
		if (store_new(&s, &err) != LEAT_OK) {
			assert_null(s);
			assert_int_equal(err.cls, LEAT_E_MEMORY);
			leat_mem_fail_at(0);
			continue;
		}
		assert_int_equal(store_add_pem(s, two, NULL, &err), LEAT_FAILED);
		leat_mem_fail_at(0);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		assert_int_equal(store_num(s), 0);
		adds(s, two, 2, 2);
		store_unref(s);
	}
}

static int close_all(void **state)
{
	(void)state;
	pki_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bundles),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(from_der),
		cmocka_unit_test(subjects),
		cmocka_unit_test(join_stores),
		cmocka_unit_test(many),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, close_all);
}

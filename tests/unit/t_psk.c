/* SPDX-License-Identifier: Apache-2.0
 *
 * t_psk.c - external PSKs as bytes: the importer of RFC 9258 against values computed by hand with
 * Python's hmac, and ImportedIdentity taken apart.
 *
 * REQ: F-psk-imp
 */
#include "vec.h"

#include "base/mem.h"
#include "session/psk.h"

#define S(text) ((struct leat_span){ (const uint8_t *)(text), sizeof(text) - 1 })
#define SECRET  "0123456789abcdef"

static struct leat_err err;

static void is(const struct psk *p, const char *identity, const char *secret)
{
	struct leat_span want = vec_hex(identity);

	assert_int_equal(p->kind, PSK_IMPORTED);
	assert_int_equal(p->identity.n, want.n);
	assert_memory_equal(p->identity.p, want.p, want.n);
	want = vec_hex(secret);
	assert_int_equal(p->secret.n, want.n);
	assert_memory_equal(p->secret.b, want.p, want.n);
}

static void importer(void **state)
{
	struct psk p;

	(void)state;
	assert_int_equal(
		psk_imported(&p, HASH_SHA256, HASH_SHA256, S("alice"), S("test"), S(SECRET), &err),
		LEAT_OK);
	is(&p, "0005616c69636500047465737403040001",
		"3318d17a6ffae4c33b6614f1f7d48663ef0c2b7c79c366e1175266c5bb53a277");
	psk_clear(&p);
	assert_int_equal(
		psk_imported(&p, HASH_SHA256, HASH_SHA384, S("alice"), S("test"), S(SECRET), &err),
		LEAT_OK);
	is(&p, "0005616c69636500047465737403040002",
		"75e21b993609b10c7802f09ff96ddf4954b45a807c15b6d9a50f1a1bdc413ecdc873c6937a4d685d2a"
		"a583f812ac06f0");
	psk_clear(&p);
	assert_int_equal(psk_imported(&p, HASH_SHA384, HASH_SHA256, S("alice"), S(""),
				 S(SECRET SECRET SECRET SECRET SECRET), &err),
		LEAT_OK);
	is(&p, "0005616c696365000003040001",
		"b53e968e971dedf94f42e071283603bfee144de27a00149baaf9b46b5ecfc663");
	psk_clear(&p);
	assert_int_equal(
		psk_imported(&p, HASH_SHA256, HASH_SHA512, S("alice"), S(""), S(SECRET), &err),
		LEAT_FAILED);
	assert_null(p.identity.p);
	memset(&err, 0, sizeof(err));
	for (unsigned long n = 1; n <= 2; n++) {
		leat_mem_fail_at(n);
		assert_int_equal(psk_imported(&p, HASH_SHA256, HASH_SHA256, S("alice"), S("test"),
					 S(SECRET), &err),
			LEAT_FAILED);
		leat_mem_fail_at(0);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		memset(&err, 0, sizeof(err));
	}
}

static void taken_apart(void **state)
{
	static const char *const wrong[] = { "", "0005616c6963650004746573740304",
		"0005616c6963650004746573740304000100", "000000047465737403040001",
		"0005616c69636500047465737403030001", "0005616c69636500047465737403040003",
		"0005616c69636500047465737403040000", "ffff616c69636500047465737403040001" };
	struct leat_span id, context;
	enum hash_id target;

	(void)state;
	assert_true(psk_parse_imported(
		vec_hex("0005616c69636500047465737403040002"), &id, &context, &target));
	assert_int_equal(id.n, 5);
	assert_memory_equal(id.p, "alice", 5);
	assert_int_equal(context.n, 4);
	assert_memory_equal(context.p, "test", 4);
	assert_int_equal(target, HASH_SHA384);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(psk_parse_imported(vec_hex(wrong[i]), &id, &context, &target));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(importer, vec_teardown),
		cmocka_unit_test_teardown(taken_apart, vec_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_transcript.c: user/sched/transcript.c - the running hash, before and after it is known which.
 */
#include "vec.h"
#include "rfc8448.h"

#include "base/mem.h"
#include "sched/transcript.h"

static const enum hash_id all[] = { HASH_SHA256, HASH_SHA384, HASH_SHA512 };

/* The same messages give the same hash whenever the choice is made. */
static void choice_may_come_at_any_time(void **state)
{
	struct leat_span m[5], whole;
	uint8_t buf[2000], got[HASH_MAX], want[HASH_MAX];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		m[i] = vec_noise(1 + vec_rand() % 390);
		memcpy(buf + n, m[i].p, m[i].n);
		n += m[i].n;
	}
	whole = (struct leat_span){ buf, n };
	for (size_t k = 0; k < 3; k++)
		for (int at = 0; at <= 5; at++) {
			struct transcript t = { 0 };

			for (int i = 0; i < 5; i++) {
				if (i == at)
					assert_true(transcript_choose(&t, all[k]));
				transcript_add(&t, m[i]);
			}
			if (at == 5)
				assert_true(transcript_choose(&t, all[k]));
			transcript_hash(&t, got);
			digest_once(all[k], whole, want);
			assert_memory_equal(got, want, hash_len(all[k]));
			transcript_clear(&t);
		}
}

static void choosing_twice(void **state)
{
	struct transcript t = { 0 };
	uint8_t a[HASH_MAX], b[HASH_MAX];

	(void)state;
	transcript_add(&t, vec_str("hello"));
	assert_true(transcript_choose(&t, HASH_SHA256));
	transcript_hash(&t, a);
	assert_true(transcript_choose(&t, HASH_SHA256)); /* the same again: nothing happens */
	transcript_hash(&t, b);
	assert_memory_equal(a, b, 32);
	assert_false(
		transcript_choose(&t, HASH_SHA384)); /* another one: refused, nothing happens */
	transcript_hash(&t, b);
	assert_memory_equal(a, b, 32);
	assert_int_equal(t.d.hash, HASH_SHA256);
	transcript_clear(&t);
}

static void no_hash_is_no_choice(void **state)
{
	struct transcript t = { 0 };

	(void)state;
	assert_false(transcript_choose(&t, HASH_NONE));
	assert_false(transcript_choose(&t, HASH_COUNT));
	assert_true(transcript_choose(&t, HASH_SHA512));
	transcript_clear(&t);
	transcript_clear(&t); /* zero state */
}

/* RFC 8448 5: ClientHello1 becomes message_hash; the hash after ServerHello is printed there. */
static void rfc_8448_retry(void **state)
{
	uint8_t out[HASH_MAX];

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct transcript t = { 0 };

		if (!late)
			assert_true(transcript_choose(&t, HASH_SHA256));
		transcript_add(&t, vec_hex(S5_CLIENT_HELLO1));
		assert_true(transcript_choose(&t, HASH_SHA256));
		transcript_retry(&t);
		transcript_add(&t, vec_hex(S5_HELLO_RETRY));
		transcript_add(&t, vec_hex(S5_CLIENT_HELLO2));
		transcript_add(&t, vec_hex(S5_SERVER_HELLO));
		transcript_hash(&t, out);
		assert_hex(out, 32, S5_HELLO_HASH);
		transcript_add(&t, vec_hex(S5_ENCRYPTED_EXTENSIONS));
		transcript_add(&t, vec_hex(S3_CERTIFICATE));
		transcript_add(&t, vec_hex(S5_CERTIFICATE_VERIFY));
		transcript_add(&t, vec_hex(S5_SERVER_FINISHED));
		transcript_hash(&t, out);
		assert_hex(out, 32, S5_FINISHED_HASH);
		transcript_clear(&t);
	}
}

/* The synthetic message by its definition, for the hash lengths that RFC 8448 does not show. */
static void retry_message_form(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct transcript t = { 0 };
		struct leat_span ch = vec_noise(180);
		uint8_t msg[4 + HASH_MAX] = { 254, 0, 0, (uint8_t)hash_len(all[k]) };
		uint8_t got[HASH_MAX], want[HASH_MAX];

		digest_once(all[k], ch, msg + 4);
		digest_once(all[k], (struct leat_span){ msg, 4 + hash_len(all[k]) }, want);
		transcript_add(&t, ch);
		assert_true(transcript_choose(&t, all[k]));
		transcript_retry(&t);
		transcript_hash(&t, got);
		assert_memory_equal(got, want, hash_len(all[k]));
		transcript_clear(&t);
	}
}

/* RFC 8448 4: the binder's hash is over the ClientHello without its binders list. */
static void rfc_8448_binder_hash(void **state)
{
	struct transcript t = { 0 };
	uint8_t out[HASH_MAX];

	(void)state;
	transcript_hash_with(&t, HASH_SHA256, vec_hex(S4_CLIENT_HELLO_PREFIX), out);
	assert_hex(out, 32, S4_BINDER_HASH);
	/* asking left no trace */
	assert_int_equal(t.d.hash, HASH_NONE);
	assert_int_equal(t.raw.n, 0);
	transcript_clear(&t);
}

static void hash_with_more(void **state)
{
	struct leat_span a = vec_noise(100), b = vec_noise(57);
	uint8_t buf[157], got[HASH_MAX], want[HASH_MAX], plain[HASH_MAX];

	(void)state;
	memcpy(buf, a.p, 100);
	memcpy(buf + 100, b.p, 57);
	for (size_t k = 0; k < 3; k++) {
		struct transcript t = { 0 };

		digest_once(all[k], (struct leat_span){ buf, 157 }, want);
		transcript_add(&t, a);
		transcript_hash_with(&t, all[k], b, got); /* before the choice */
		assert_memory_equal(got, want, hash_len(all[k]));
		assert_true(transcript_choose(&t, all[k]));
		transcript_hash_with(&t, all[k], b, got); /* after it */
		assert_memory_equal(got, want, hash_len(all[k]));
		digest_once(all[k], a, plain);
		transcript_hash(&t, got); /* `more` was not added */
		assert_memory_equal(got, plain, hash_len(all[k]));
		transcript_hash_with(&t, all[k], (struct leat_span){ NULL, 0 }, got);
		assert_memory_equal(got, plain, hash_len(all[k]));
		transcript_clear(&t);
	}
}

/* What could not be kept is not forgotten: the choice fails, later too. */
static void out_of_memory_is_sticky(void **state)
{
	struct transcript t = { 0 };

	(void)state;
	leat_mem_fail_at(1);
	transcript_add(&t, vec_str("lost"));
	leat_mem_fail_at(0);
	assert_true(t.bad);
	transcript_add(&t, vec_str("kept?"));
	assert_false(transcript_choose(&t, HASH_SHA256));
	assert_false(transcript_choose(&t, HASH_SHA256));
	transcript_clear(&t);
	assert_false(t.bad);
	assert_true(transcript_choose(&t, HASH_SHA256));
	transcript_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice_may_come_at_any_time),
		cmocka_unit_test(choosing_twice),
		cmocka_unit_test(no_hash_is_no_choice),
		cmocka_unit_test(rfc_8448_retry),
		cmocka_unit_test(retry_message_form),
		cmocka_unit_test(rfc_8448_binder_hash),
		cmocka_unit_test(hash_with_more),
		cmocka_unit_test(out_of_memory_is_sticky),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_hybrid.c: user/crypto/hybrid.c - order and lengths of shares and secret, and what is refused in which
 * half. With libcrypto's ML-KEM where it has one, else with tests/lib/fakekem.
 *
 * draft-ietf-tls-ecdhe-mlkem 4: X25519MLKEM768 is ML-KEM first, the two others are the curve first.
 */
#include "fakekem.h"
#include "vec.h"

#include <openssl/err.h>

#include "crypto/crypto_int.h"

static struct crypto *c;
static bool fake;

static const struct {
	unsigned id, curve;
	const char *kem;
	size_t curve_len, curve_secret, key_len, wrapped_len;
	bool kem_first;
} rows[] = {
	{ 0x11ec, GROUP_X25519, "ML-KEM-768", 32, 32, 1184, 1088, true },
	{ 0x11eb, GROUP_SECP256R1, "ML-KEM-768", 65, 32, 1184, 1088, false },
	{ 0x11ed, GROUP_SECP384R1, "ML-KEM-1024", 97, 48, 1568, 1568, false },
};

#define NUM (sizeof(rows) / sizeof(rows[0]))

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	fake = fakekem_load();
	return crypto_new(&c, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	crypto_unref(c);
	return vec_teardown(state);
}

/* The secret put together here, from both halves done by hand, is what the group gives. */
static void combined_from_its_halves(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM; i++) {
		const struct group *g = group_by_id(rows[i].id), *ec = group_by_id(rows[i].curve);
		struct leat_wr mine = { 0 }, reply = { 0 };
		struct leat_err err = { 0 };
		struct kex_out out = { 0 }, half = { 0 };
		EVP_PKEY_CTX *ctx;
		struct kex k, curve;
		uint8_t kem[64];
		size_t n = sizeof(kem);
		const uint8_t *wrapped, *point;

		assert_true(crypto_has_group(c, g));
		assert_int_equal(kex_start(&k, c, g, &mine, &err), LEAT_OK);
		assert_int_equal(mine.n, rows[i].key_len + rows[i].curve_len);
		assert_int_equal(
			kex_respond(c, g, leat_wr_done(&mine), &reply, &out, &err), LEAT_OK);
		assert_int_equal(reply.n, rows[i].wrapped_len + rows[i].curve_len);
		assert_int_equal(out.n, 32 + rows[i].curve_secret);
		wrapped = reply.p + (rows[i].kem_first ? 0 : rows[i].curve_len);
		point = reply.p + (rows[i].kem_first ? rows[i].wrapped_len : 0);
		curve = (struct kex){ .group = ec, .pkey = k.pkey };
		assert_int_equal(
			kex_finish(&curve, c, (struct leat_span){ point, rows[i].curve_len }, &half,
				&err),
			LEAT_OK);
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k.kem, NULL);
		assert_int_equal(EVP_PKEY_decapsulate_init(ctx, NULL), 1);
		assert_int_equal(
			EVP_PKEY_decapsulate(ctx, kem, &n, wrapped, rows[i].wrapped_len), 1);
		EVP_PKEY_CTX_free(ctx);
		assert_int_equal(n, 32);
		assert_memory_equal(out.b + (rows[i].kem_first ? 0 : half.n), kem, 32);
		assert_memory_equal(out.b + (rows[i].kem_first ? 32 : 0), half.b, half.n);
		kex_clear(&k);
		leat_wr_clear(&mine);
		leat_wr_clear(&reply);
	}
}

/* Changed halves: the client's value as the server reads it, the server's as the client does. */
static void server_refuses(const struct group *g, struct leat_span peer)
{
	struct leat_wr reply = { 0 };
	struct leat_err err = { 0 };
	struct kex_out o;

	memset(&o, 0xee, sizeof(o));
	assert_int_equal(kex_respond(c, g, peer, &reply, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_int_equal(o.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
	leat_wr_clear(&reply);
}

static void client_refuses(struct kex *k, struct leat_span peer)
{
	static const struct kex_out zero;
	struct leat_err err = { 0 };
	struct kex_out o = { 0 };

	assert_int_equal(kex_finish(k, c, peer, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_int_equal(o.n, 0);
	/* not half a secret either, where a length was right */
	if (peer.n == k->group->reply_len)
		assert_memory_equal(o.b, zero.b, k->group->secret_len);
}

static void each_half_is_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM; i++) {
		const struct group *g = group_by_id(rows[i].id);
		size_t curve_in_share = rows[i].kem_first ? rows[i].key_len : 0;
		size_t curve_in_reply = rows[i].kem_first ? rows[i].wrapped_len : 0;
		struct leat_wr mine = { 0 }, reply = { 0 };
		struct leat_err err = { 0 };
		struct kex_out o;
		uint8_t b[2000] = { 0 };
		struct kex k;

		assert_int_equal(kex_start(&k, c, g, &mine, &err), LEAT_OK);
		assert_int_equal(kex_respond(c, g, leat_wr_done(&mine), &reply, &o, &err), LEAT_OK);
		/* lengths: one below, one above, the other side's, one half alone, none */
		memcpy(b, mine.p, mine.n);
		server_refuses(g, (struct leat_span){ b, g->share_len - 1 });
		server_refuses(g, (struct leat_span){ b, g->share_len + 1 });
		server_refuses(g, (struct leat_span){ b, rows[i].key_len });
		server_refuses(g, (struct leat_span){ b, rows[i].curve_len });
		server_refuses(g, (struct leat_span){ NULL, 0 });
		if (g->share_len != g->reply_len)
			server_refuses(g, leat_wr_done(&reply));
		memcpy(b, reply.p, reply.n);
		client_refuses(&k, (struct leat_span){ b, g->reply_len - 1 });
		client_refuses(&k, (struct leat_span){ b, g->reply_len + 1 });
		client_refuses(&k, (struct leat_span){ b, rows[i].wrapped_len });
		client_refuses(&k, (struct leat_span){ b, rows[i].curve_len });
		client_refuses(&k, (struct leat_span){ NULL, 0 });
		/* the curve's half: zeros are no point, and for X25519 give a zero secret */
		memcpy(b, mine.p, mine.n);
		memset(b + curve_in_share, 0, rows[i].curve_len);
		server_refuses(g, (struct leat_span){ b, g->share_len });
		memcpy(b, reply.p, reply.n);
		memset(b + curve_in_reply, 0, rows[i].curve_len);
		client_refuses(&k, (struct leat_span){ b, g->reply_len });
		/* the key's half: coefficients of q and above (and what the fake takes for it) */
		memcpy(b, mine.p, mine.n);
		memset(b + (rows[i].kem_first ? 0 : rows[i].curve_len), FAKEKEM_BAD_KEY, 300);
		server_refuses(g, (struct leat_span){ b, g->share_len });
		kex_clear(&k);
		leat_wr_clear(&mine);
		leat_wr_clear(&reply);
	}
}

/* FIPS 203 6.3: a ciphertext that is not ours gives a secret that nobody else has, not an error. */
static void changed_ciphertext_gives_another_secret(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM; i++) {
		const struct group *g = group_by_id(rows[i].id);
		struct leat_wr mine = { 0 }, reply = { 0 };
		struct leat_err err = { 0 };
		struct kex_out a, b;
		struct kex k;

		assert_int_equal(kex_start(&k, c, g, &mine, &err), LEAT_OK);
		assert_int_equal(kex_respond(c, g, leat_wr_done(&mine), &reply, &a, &err), LEAT_OK);
		reply.p[(rows[i].kem_first ? 0 : rows[i].curve_len) + 40] ^= 1;
		assert_int_equal(kex_finish(&k, c, leat_wr_done(&reply), &b, &err), LEAT_OK);
		assert_memory_not_equal(a.b, b.b, a.n);
		kex_clear(&k);
		leat_wr_clear(&mine);
		leat_wr_clear(&reply);
	}
}

/* A libcrypto without ML-KEM: the groups are not there, and nothing is offered. */
static void absent_without_ml_kem(void **state)
{
	struct leat_err err = { 0 };
	struct leat_wr w = { 0 };
	struct crypto *x;
	struct kex k;

	(void)state;
	if (!fake) {
		print_message("libcrypto has ML-KEM of its own\n");
		skip();
	}
	fakekem_unload();
	assert_int_equal(crypto_new(&x, &err), LEAT_OK);
	for (size_t i = 0; i < NUM; i++) {
		assert_false(crypto_has_group(x, group_by_id(rows[i].id)));
		err = (struct leat_err){ 0 };
		assert_int_equal(kex_start(&k, x, group_by_id(rows[i].id), &w, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_CRYPTO);
	}
	assert_int_equal(w.n, 0);
	crypto_unref(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(combined_from_its_halves, vec_teardown),
		cmocka_unit_test_teardown(each_half_is_checked, vec_teardown),
		cmocka_unit_test_teardown(changed_ciphertext_gives_another_secret, vec_teardown),
		cmocka_unit_test_teardown(absent_without_ml_kem, vec_teardown),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_kex.c: user/crypto/kex.c - agreement by group, and every way a peer's value can be wrong.
 *
 * REQ: F-x25519 F-x448
 * TIMEOUT: 180
 */
#include "fakekem.h"
#include "vec.h"
#include "rfc8448.h"

#include <pthread.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "crypto/crypto_int.h"
#include "crypto/kex.h"

static struct crypto *c;

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	fakekem_load();
	return crypto_new(&c, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	crypto_unref(c);
	return vec_teardown(state);
}

/* A key with the private value given: only a test can have one. */
static struct kex known(unsigned group, const char *private_hex, const char *public_hex)
{
	const struct group *g = group_by_id(group);
	struct leat_span d = vec_hex(private_hex);
	EVP_PKEY *key = NULL;

	if (g->kind == GROUP_X) {
		key = EVP_PKEY_new_raw_private_key_ex(NULL, g->ossl_name, NULL, d.p, d.n);
	} else {
		OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
		BIGNUM *bn = BN_bin2bn(d.p, (int)d.n, NULL);
		struct leat_span q = vec_hex(public_hex);
		EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
		OSSL_PARAM *p;

		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, g->ossl_name, 0);
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, bn);
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, q.p, q.n);
		p = OSSL_PARAM_BLD_to_param(bld);
		EVP_PKEY_fromdata_init(x);
		EVP_PKEY_fromdata(x, &key, EVP_PKEY_KEYPAIR, p);
		OSSL_PARAM_free(p);
		OSSL_PARAM_BLD_free(bld);
		EVP_PKEY_CTX_free(x);
		BN_free(bn);
	}
	assert_non_null(key);
	return (struct kex){ .group = g, .pkey = key };
}

static void finish_is(struct kex *k, const char *peer, const char *want)
{
	struct leat_err err = { 0 };
	struct kex_out o;

	assert_int_equal(kex_finish(k, c, vec_hex(peer), &o, &err), LEAT_OK);
	assert_hex(o.b, o.n, want);
	kex_out_clear(&o);
}

/* RFC 7748 6.1: Alice and Bob over X25519 */
static void rfc_7748_x25519(void **state)
{
	static const char a[] = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
	static const char ka[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
	static const char b[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
	static const char kb[] = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
	static const char k[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
	struct kex alice = known(GROUP_X25519, a, ka), bob = known(GROUP_X25519, b, kb);

	(void)state;
	finish_is(&alice, kb, k);
	finish_is(&bob, ka, k);
	kex_clear(&alice);
	kex_clear(&bob);
}

/* RFC 7748 6.2: the same over X448 */
static void rfc_7748_x448(void **state)
{
	static const char a[] =
		"9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391"
		"006382a6f127ab1d9ac2d8c0a598726b";
	static const char ka[] =
		"9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d4"
		"0c5b12da88120d53177f80e532c41fa0";
	static const char b[] =
		"1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21"
		"374c9c921b09d1b0366f10b65173992d";
	static const char kb[] =
		"3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13c"
		"a706dcb57aec3dae07bdc1c67bf33609";
	static const char k[] =
		"07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936"
		"521c24403085d59a449a5037514a879d";
	struct kex alice = known(GROUP_X448, a, ka), bob = known(GROUP_X448, b, kb);

	(void)state;
	finish_is(&alice, kb, k);
	finish_is(&bob, ka, k);
	kex_clear(&alice);
	kex_clear(&bob);
}

/* RFC 8448 3 (X25519), 5 (P-256): the shared secrets of the traces. */
static void rfc_8448_shared(void **state)
{
	struct kex x = known(GROUP_X25519, S3_CLIENT_PRIVATE, S3_CLIENT_PUBLIC);
	struct kex p = known(GROUP_SECP256R1, S5_CLIENT_PRIVATE, S5_CLIENT_PUBLIC);

	(void)state;
	finish_is(&x, S3_SERVER_PUBLIC, S3_SHARED);
	finish_is(&p, S5_SERVER_PUBLIC, S5_SHARED);
	kex_clear(&x);
	kex_clear(&p);
}

/* Both roles of one agreement; repeated, because leading zeros of a secret must stay. */
static void both_sides_agree(void **state)
{
	const struct group *g;

	(void)state;
	assert_false(crypto_has_group(c, NULL));
	for (size_t i = 0; (g = group_at(i)); i++)
		for (int round = 0; round < (g->share_len > 65 ? 3 : 40); round++) {
			struct kex k;
			struct kex_out a, b;
			struct leat_wr cs = { 0 }, ss = { 0 };
			struct leat_err err = { 0 };

			assert_true(crypto_has_group(c, g));
			leat_wr_u8(&ss, 0xaa); /* shares are appended */
			assert_int_equal(kex_start(&k, c, g, &cs, &err), LEAT_OK);
			assert_int_equal(cs.n, g->share_len);
			assert_int_equal(
				kex_respond(c, g, leat_wr_done(&cs), &ss, &a, &err), LEAT_OK);
			assert_int_equal(ss.n, 1 + g->reply_len);
			assert_int_equal(ss.p[0], 0xaa);
			if (g->kind == GROUP_NIST) {
				assert_int_equal(cs.p[0], 4);
				assert_int_equal(ss.p[1], 4);
			}
			assert_int_equal(
				kex_finish(&k, c, (struct leat_span){ ss.p + 1, g->reply_len }, &b,
					&err),
				LEAT_OK);
			assert_int_equal(a.n, g->secret_len);
			assert_int_equal(b.n, g->secret_len);
			assert_memory_equal(a.b, b.b, a.n);
			assert_int_equal(kex_out_span(&a).n, a.n);
			assert_int_equal(err.cls, LEAT_E_NONE);
			assert_int_equal(ERR_peek_error(), 0);
			kex_clear(&k);
			kex_clear(&k);
			leat_wr_clear(&cs);
			leat_wr_clear(&ss);
		}
}

static void keys_are_fresh(void **state)
{
	const struct group *g;

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		struct leat_wr a = { 0 }, b = { 0 };
		struct leat_err err = { 0 };
		struct kex k, l;

		assert_int_equal(kex_start(&k, c, g, &a, &err), LEAT_OK);
		assert_int_equal(kex_start(&l, c, g, &b, &err), LEAT_OK);
		assert_memory_not_equal(a.p, b.p, g->share_len);
		kex_clear(&k);
		kex_clear(&l);
		leat_wr_clear(&a);
		leat_wr_clear(&b);
	}
}

/* Refused by both functions that take a peer's value, with illegal_parameter and no secret. */
static void refused(const struct group *g, struct leat_span peer)
{
	struct leat_wr share = { 0 }, mine = { 0 };
	struct leat_err err = { 0 };
	struct kex_out o;
	struct kex k;

	memset(&o, 0xee, sizeof(o));
	assert_int_equal(kex_start(&k, c, g, &mine, &err), LEAT_OK);
	assert_int_equal(kex_finish(&k, c, peer, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_non_null(err.what);
	assert_int_equal(o.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
	memset(&o, 0xee, sizeof(o));
	err = (struct leat_err){ 0 };
	assert_int_equal(kex_respond(c, g, peer, &share, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_int_equal(o.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
	kex_clear(&k);
	leat_wr_clear(&share);
	leat_wr_clear(&mine);
}

static struct leat_span good_share(const struct group *g)
{
	struct leat_wr w = { 0 };
	struct leat_err err = { 0 };
	struct leat_span s;
	struct kex k;

	assert_int_equal(kex_start(&k, c, g, &w, &err), LEAT_OK);
	s = vec_copy(w.p, w.n);
	kex_clear(&k);
	leat_wr_clear(&w);
	return s;
}

static void wrong_lengths(void **state)
{
	const struct group *g, *other;

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		struct leat_span s = good_share(g);
		uint8_t longer[2000] = { 0 };
		const size_t lens[] = { 0, 1, 2, 31, 32, 33, 55, 56, 57, 64, 65, 66, 97, 132, 133 };

		memcpy(longer, s.p, s.n);
		refused(g, (struct leat_span){ NULL, 0 });
		refused(g, (struct leat_span){ s.p, s.n - 1 });
		refused(g, (struct leat_span){ longer, s.n + 1 });
		for (size_t j = 0; j < sizeof(lens) / sizeof(lens[0]); j++)
			if (lens[j] != s.n)
				refused(g, vec_copy(longer, lens[j]));
		/* a value of another group */
		for (size_t j = 0; (other = group_at(j)); j++)
			if (other != g)
				refused(g, good_share(other));
	}
}

/* RFC 8446 4.2.8.2: uncompressed form only. The hybrid forms 6 and 7 have the right length; the
 * compressed ones are short, or padded to the right length. */
static void other_point_forms(void **state)
{
	const struct group *g;

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		struct leat_span s;
		uint8_t b[133];

		if (g->kind != GROUP_NIST)
			continue;
		s = good_share(g);
		for (int form = 0; form < 256; form++) {
			memcpy(b, s.p, s.n);
			b[0] = (uint8_t)form;
			if (form != 4)
				refused(g, (struct leat_span){ b, s.n });
		}
		b[0] = 2 | (s.p[s.n - 1] & 1);
		refused(g, (struct leat_span){ b, 1 + (s.n - 1) / 2 });
		b[0] = 6 | (s.p[s.n - 1] & 1); /* the hybrid form that libcrypto would take */
		refused(g, (struct leat_span){ b, s.n });
		memset(b, 0, sizeof(b));
		refused(g, (struct leat_span){ b, 1 }); /* infinity */
		refused(g, (struct leat_span){ b, s.n });
		b[0] = 4;
		refused(g, (struct leat_span){ b, s.n }); /* (0, 0) */
	}
}

/* Points that are not on the curve: a bit changed anywhere, a coordinate of p or more, and a point of
 * another curve of the same size (the invalid curve attack). */
static void points_off_the_curve(void **state)
{
	static const char p256[] =
		"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
	const struct group *g;
	uint8_t b[133];

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		struct leat_span s;

		if (g->kind != GROUP_NIST)
			continue;
		s = good_share(g);
		for (size_t bit = 8; bit < 8 * s.n; bit += 37) {
			memcpy(b, s.p, s.n);
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			refused(g, (struct leat_span){ b, s.n });
		}
		memcpy(b, s.p, s.n);
		memset(b + 1, 0xff, s.n - 1);
		refused(g, (struct leat_span){ b, s.n });
		memcpy(b, s.p, s.n);
		memset(b + 1 + (s.n - 1) / 2, 0xff, (s.n - 1) / 2);
		refused(g, (struct leat_span){ b, s.n });
	}
	g = group_by_id(GROUP_SECP256R1);
	b[0] = 4;
	memcpy(b + 1, vec_hex(p256).p, 32);
	memset(b + 33, 0, 32);
	refused(g, (struct leat_span){ b, 65 }); /* x = p */
	/* secp256k1's generator (SEC 2, 2.4.1) */
	refused(g, vec_hex("0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
			   "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"));
}

/* The u-coordinates of small order (RFC 7748 6, 7): every private key gives zero. Values of 2^255 - 19
 * and above, and the top bit, are reduced away first, so each point has several spellings. */
static void x25519_small_order(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	const struct group *g = group_by_id(GROUP_X25519);

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		struct leat_span p = vec_hex(points[i]);
		uint8_t b[32];

		refused(g, p);
		memcpy(b, p.p, 32);
		b[31] |= 0x80;
		refused(g, (struct leat_span){ b, 32 });
	}
}

static void x448_small_order(void **state)
{
	const struct group *g = group_by_id(GROUP_X448);
	uint8_t b[56] = { 0 };

	(void)state;
	refused(g, (struct leat_span){ b, 56 });
	b[0] = 1;
	refused(g, (struct leat_span){ b, 56 });
	/* p = 2^448 - 2^224 - 1, little-endian; p - 1, p, p + 1 are -1, 0, 1 */
	memset(b, 0xff, 56);
	b[28] = 0xfe;
	b[0] = 0xfe;
	refused(g, (struct leat_span){ b, 56 });
	b[0] = 0xff;
	refused(g, (struct leat_span){ b, 56 });
	memset(b, 0, 28);
	memset(b + 28, 0xff, 28);
	refused(g, (struct leat_span){ b, 56 });
}

/* RFC 7919 A.1: the prime of ffdhe2048; the others begin and end the same. Values are read as numbers of
 * its length, RFC 8446 4.2.8.1: "1 < Y < p-1". */
static void finite_field_range(void **state)
{
	const struct group *g;

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		uint8_t y[1024] = { 0 }, p[1024];
		BIGNUM *bn = NULL;

		if (g->kind != GROUP_FFDHE)
			continue;
		assert_int_equal(EVP_PKEY_get_bn_param(((const struct crypto *)c)->group[i],
					 OSSL_PKEY_PARAM_FFC_P, &bn),
			1);
		assert_int_equal(BN_bn2binpad(bn, p, (int)g->share_len), g->share_len);
		assert_memory_equal(p, vec_hex("ffffffffffffffffadf85458a2bb4a9a").p, 16);
		assert_memory_equal(p + g->share_len - 8, vec_hex("ffffffffffffffff").p, 8);
		BN_free(bn);
		refused(g, (struct leat_span){ y, g->share_len }); /* 0 */
		y[g->share_len - 1] = 1;
		refused(g, (struct leat_span){ y, g->share_len }); /* 1 */
		refused(g, (struct leat_span){ p, g->share_len }); /* p */
		p[g->share_len - 1] = 0xfe;
		refused(g, (struct leat_span){ p, g->share_len }); /* p - 1 */
		memcpy(y, p, g->share_len);
		memset(y + g->share_len - 8, 0, 8);
		y[g->share_len - 9]++;
		refused(g, (struct leat_span){ y, g->share_len }); /* p + 1 */
		memset(y, 0xff, g->share_len);
		refused(g, (struct leat_span){ y, g->share_len });
	}
}

/* The least values that are in range are taken: 2 and p - 2. Their secret keeps its leading zeros. */
static void finite_field_edges(void **state)
{
	const struct group *g = group_by_id(GROUP_FFDHE2048);
	struct leat_wr w = { 0 };
	struct leat_err err = { 0 };
	uint8_t y[256] = { 0 };
	struct kex_out o;

	(void)state;
	y[255] = 2;
	assert_int_equal(
		kex_respond(c, g, (struct leat_span){ y, sizeof(y) }, &w, &o, &err), LEAT_OK);
	assert_int_equal(o.n, 256);
	/* 2^x of our x is what we sent */
	assert_memory_equal(o.b, w.p, 256);
	kex_out_clear(&o);
	leat_wr_clear(&w);
}

static void misuse(void **state)
{
	struct leat_err err = { 0 };
	struct kex zero = { 0 };
	struct kex_out o;

	(void)state;
	assert_int_equal(
		kex_finish(&zero, c, good_share(group_by_id(GROUP_X25519)), &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_int_equal(o.n, 0);
	kex_clear(&zero);
}

/* A fixed writer without room: nothing is left behind, and it is not the peer's fault. */
static void no_room_for_the_share(void **state)
{
	const struct group *g;

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		struct leat_err err = { 0 };
		struct leat_wr w;
		uint8_t buf[GROUP_REPLY_MAX];
		struct kex k;

		leat_wr_fixed(&w, buf, g->share_len - 1);
		assert_int_equal(kex_start(&k, c, g, &w, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		assert_null(k.pkey);
		leat_wr_fixed(&w, buf, g->share_len);
		err = (struct leat_err){ 0 };
		assert_int_equal(kex_start(&k, c, g, &w, &err), LEAT_OK);
		kex_clear(&k);
	}
}

static void out_is_wiped(void **state)
{
	static const struct kex_out zero;
	struct kex_out o;

	(void)state;
	memset(&o, 0xee, sizeof(o));
	kex_out_clear(&o);
	assert_memory_equal(&o, &zero, sizeof(o));
}

/* Many threads share one struct crypto and its parked generators. */
static void *agree_often(void *arg)
{
	static const unsigned ids[] = { GROUP_X25519, GROUP_SECP256R1 };
	long bad = 0;

	(void)arg;
	for (int i = 0; i < 60; i++) {
		const struct group *g = group_by_id(ids[i % 2]);
		struct leat_wr a = { 0 }, b = { 0 };
		struct leat_err err = { 0 };
		struct kex_out x, y;
		struct kex k;

		if (kex_start(&k, c, g, &a, &err) != LEAT_OK ||
			kex_respond(c, g, leat_wr_done(&a), &b, &x, &err) != LEAT_OK ||
			kex_finish(&k, c, leat_wr_done(&b), &y, &err) != LEAT_OK || x.n != y.n ||
			memcmp(x.b, y.b, x.n) != 0)
			bad++;
		kex_clear(&k);
		leat_wr_clear(&a);
		leat_wr_clear(&b);
	}
	return (void *)bad;
}

static void threads_share_one_instance(void **state)
{
	pthread_t th[6];
	void *bad;

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&th[i], NULL, agree_often, NULL), 0);
	for (int i = 0; i < 6; i++) {
		pthread_join(th[i], &bad);
		assert_null(bad);
	}
}

static void references(void **state)
{
	struct leat_err err = { 0 };
	struct crypto *x;

	(void)state;
	assert_int_equal(crypto_new(&x, &err), LEAT_OK);
	assert_ptr_equal(crypto_ref(x), x);
	crypto_unref(x);
	assert_true(crypto_has_group(x, group_by_id(GROUP_X25519)));
	crypto_unref(x);
	crypto_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_7748_x25519),
		cmocka_unit_test(rfc_7748_x448),
		cmocka_unit_test(rfc_8448_shared),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(keys_are_fresh),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(other_point_forms),
		cmocka_unit_test(points_off_the_curve),
		cmocka_unit_test(x25519_small_order),
		cmocka_unit_test(x448_small_order),
		cmocka_unit_test(finite_field_range),
		cmocka_unit_test(finite_field_edges),
		cmocka_unit_test(misuse),
		cmocka_unit_test(no_room_for_the_share),
		cmocka_unit_test(out_is_wiped),
		cmocka_unit_test(threads_share_one_instance),
		cmocka_unit_test(references),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

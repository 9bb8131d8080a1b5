/* SPDX-License-Identifier: Apache-2.0
 *
 * rfckit.c - see rfckit.h.
 */
#include "rfckit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/wr.h"
#include "crypto/suite.h"
#include "sched/sched13.h"

static EVP_PKEY *p256_key(struct leat_span private_key, struct leat_span public_key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *n = BN_bin2bn(private_key.p, (int)private_key.n, NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	assert_true(OSSL_PARAM_BLD_push_utf8_string(
			    b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
		    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, n) == 1 &&
		    OSSL_PARAM_BLD_push_octet_string(
			    b, OSSL_PKEY_PARAM_PUB_KEY, public_key.p, public_key.n) == 1);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

void *rfckit_key(unsigned group, const char *private_key, const char *public_key)
{
	struct leat_span b = vec_hex(private_key);
	EVP_PKEY *key = group == GROUP_X25519
				? EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, b.p, b.n)
				: p256_key(b, vec_hex(public_key));

	assert_non_null(key);
	return key;
}

void rfckit_keys(struct rec_half *h, struct crypto *c, const char *secret, bool sealing)
{
	struct leat_span b = vec_hex(secret);
	struct leat_secret s = { 0 };
	struct traffic_keys k = { 0 };
	struct leat_err err = { 0 };

	leat_secret_set(&s, b.p, b.n);
	sched13_keys(HASH_SHA256, AEAD_AES_128_GCM, &s, &k);
	k.version = LEAT_TLS13;
	assert_int_equal(rec_half_keys(h, c, &k, sealing, &err), LEAT_OK);
}

struct leat_span rfckit_open(struct crypto *c, const char *secret, struct leat_span recs)
{
	struct leat_span mine = vec_copy(recs.p, recs.n), payload, all;
	uint8_t *at = (uint8_t *)(uintptr_t)mine.p, *end = at + mine.n, type;
	struct rec_half h = { 0 };
	struct leat_wr out = { 0 };
	struct leat_err err = { 0 };
	struct rec_hdr hdr;

	rfckit_keys(&h, c, secret, false);
	for (; at < end; at += 5 + hdr.len) {
		assert_true(at + 5 <= end);
		assert_int_equal(rec_hdr_check(&h, at, &hdr, &err), LEAT_OK);
		assert_true(at + 5 + hdr.len <= end);
		assert_int_equal(rec_open(&h, at, &hdr, &type, &payload, &err), LEAT_OK);
		assert_int_equal(type, 22);
		leat_wr_span(&out, payload);
	}
	rec_half_clear(&h);
	all = vec_copy(out.p, out.n);
	leat_wr_clear(&out);
	return all;
}

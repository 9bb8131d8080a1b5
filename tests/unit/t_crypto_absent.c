/* SPDX-License-Identifier: Apache-2.0
 *
 * t_crypto_absent.c: user/crypto with a libcrypto that lacks things: what is mandatory and missing
 * fails with a sentence, what is optional and missing is reported by crypto_has_* and refused in use.
 *
 * REQ: VER-deps
 */
#include "vec.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/aead.h"
#include "crypto/crypto_int.h"
#include "crypto/kex.h"
#include "crypto/sign.h"

/* No FIPS provider is loaded, so that asking for one makes every fetch fail. */
static void nothing_available(void **state)
{
	struct leat_err err = { 0 };
	struct crypto *c;

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "fips=yes"), 1);
	assert_int_equal(crypto_new(&c, &err), LEAT_FAILED);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_null(c);
	assert_int_equal(err.cls, LEAT_E_CRYPTO);
	assert_string_equal(err.what, "libcrypto: AES-128-GCM is not available");
	assert_int_equal(ERR_peek_error(), 0);
	err = (struct leat_err){ 0 };
	assert_int_equal(crypto_new(&c, &err), LEAT_OK);
	assert_int_equal(err.cls, LEAT_E_NONE);
	crypto_unref(c);
}

static void everything_available(void **state)
{
	const struct sigscheme *s;
	const struct group *g;
	struct leat_err err = { 0 };
	struct crypto *c;

	(void)state;
	assert_int_equal(crypto_new(&c, &err), LEAT_OK);
	assert_int_equal(ERR_peek_error(), 0);
	for (int id = 1; id < AEAD_COUNT; id++)
		assert_true(crypto_has_aead(c, (enum aead_id)id));
	for (size_t i = 0; (g = group_at(i)); i++)
		assert_true(crypto_has_group(c, g) || g->kind == GROUP_HYBRID);
	for (size_t i = 0; (s = sigscheme_at(i)); i++)
		assert_true(crypto_has_scheme(c, s));
	assert_false(crypto_has_scheme(c, NULL));
	crypto_unref(c);
}

/* As a build of libcrypto without them would leave the instance. */
static void some_parts_absent(void **state)
{
	const struct group *x448 = group_by_id(GROUP_X448);
	struct leat_wr w = { 0 };
	struct leat_err err = { 0 };
	uint8_t key[32] = { 0 }, peer[56] = { 5 };
	struct kex_out o;
	struct crypto *c;
	struct aead a;
	struct kex k;

	(void)state;
	assert_int_equal(crypto_new(&c, &err), LEAT_OK);
	EVP_CIPHER_free(c->cipher[AEAD_CHACHA20_POLY1305]);
	c->cipher[AEAD_CHACHA20_POLY1305] = NULL;
	EVP_PKEY_free(c->group[group_seat(x448)]);
	c->group[group_seat(x448)] = NULL;
	c->signs[KEY_ED448] = false;

	assert_false(crypto_has_aead(c, AEAD_CHACHA20_POLY1305));
	assert_int_equal(aead_init(&a, c, AEAD_CHACHA20_POLY1305, key, true, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_CRYPTO);
	assert_null(a.ctx);

	assert_false(crypto_has_group(c, x448));
	err = (struct leat_err){ 0 };
	assert_int_equal(kex_start(&k, c, x448, &w, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_CRYPTO);
	assert_null(k.pkey);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		kex_respond(c, x448, (struct leat_span){ peer, sizeof(peer) }, &w, &o, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_CRYPTO);
	assert_int_equal(o.n, 0);
	assert_int_equal(w.n, 0);

	assert_false(crypto_has_scheme(c, sigscheme_by_id(0x0808)));
	assert_true(crypto_has_scheme(c, sigscheme_by_id(0x0807)));
	leat_wr_clear(&w);
	crypto_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_available),
		cmocka_unit_test(nothing_available),
		cmocka_unit_test(some_parts_absent),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}

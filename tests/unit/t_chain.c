/* SPDX-License-Identifier: Apache-2.0
 *
 * t_chain.c: x509/chain.c, what a peer sent as certificates. Every damage is bad_certificate, every
 * foreign kind of key is unsupported_certificate, and nothing crashes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "pki.h"
#include "x509/chain.h"

static struct crypto *crypto;

static struct chain *parse(const struct leat_span *certs, size_t num, struct leat_err *err)
{
	struct chain *ch = (struct chain *)1;

	*err = (struct leat_err){ 0 };
	if (chain_new(&ch, crypto, certs, num, err) != LEAT_OK)
		assert_null(ch);
	else
		assert_int_equal(err->cls, LEAT_E_NONE);
	return ch;
}

static void refused(const struct leat_span *certs, size_t num, unsigned alert)
{
	struct leat_err err;

	assert_null(parse(certs, num, &err));
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, alert);
}

static void every_kind_of_key(void **state)
{
	static const enum key_kind kinds[] = { KEY_RSA, KEY_RSA_PSS, KEY_EC_P256, KEY_EC_P384,
		KEY_EC_P521, KEY_ED25519, KEY_ED448 };
	struct leat_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct pki_ident *id = pki_server(kinds[i]);
		struct leat_span der[2] = { pki_der(id->leaf), pki_der(id->inter) };
		struct chain *ch = parse(der, 2, &err);

		assert_non_null(ch);
		assert_int_equal(key_kind(chain_key(ch)), kinds[i]);
		assert_false(key_is_private(chain_key(ch)));
		assert_int_equal(chain_num(ch), 2);
		for (size_t j = 0; j < 2; j++) {
			assert_int_equal(chain_cert(ch, j).n, der[j].n);
			assert_memory_equal(chain_cert(ch, j).p, der[j].p, der[j].n);
			assert_ptr_not_equal(chain_cert(ch, j).p, der[j].p);
		}
		assert_null(chain_cert(ch, 2).p);
		assert_ptr_equal(chain_ref(ch), ch);
		chain_unref(ch);
		chain_unref(ch);
	}
	chain_unref(NULL);
}

/* One below, at, and one above LIM_CHAIN; and none at all. */
static void length_of_chain(void **state)
{
	struct leat_span certs[LIM_CHAIN + 1];
	struct leat_err err;
	struct chain *ch;

	(void)state;
	certs[0] = pki_der(pki_server(KEY_EC_P256)->leaf);
	for (size_t i = 1; i <= LIM_CHAIN; i++)
		certs[i] = certs[0];
	for (size_t n = LIM_CHAIN - 1; n <= LIM_CHAIN; n++) {
		ch = parse(certs, n, &err);
		assert_non_null(ch);
		chain_unref(ch);
	}
	refused(certs, LIM_CHAIN + 1, LEAT_ALERT_BAD_CERTIFICATE);
	refused(certs, 0, LEAT_ALERT_BAD_CERTIFICATE);
}

static void trailing_and_missing_bytes(void **state)
{
	struct leat_span good = pki_der(pki_server(KEY_EC_P256)->leaf), cut, pair[2];
	uint8_t *longer = calloc(1, good.n + 1);

	(void)state;
	memcpy(longer, good.p, good.n);
	refused(&(struct leat_span){ longer, good.n + 1 }, 1, LEAT_ALERT_BAD_CERTIFICATE);
	for (size_t n = 0; n < good.n; n++) {
		cut = (struct leat_span){ good.p, n };
		refused(&cut, 1, LEAT_ALERT_BAD_CERTIFICATE);
		pair[0] = good;
		pair[1] = cut;
		if (n % 16 == 0)
			refused(pair, 2, LEAT_ALERT_BAD_CERTIFICATE);
	}
	refused(&(struct leat_span){ NULL, 0 }, 1, LEAT_ALERT_BAD_CERTIFICATE);
	free(longer);
}

/* Every byte changed in turn: a refusal with a certificate's alert, or a parsed chain; never a
 * crash, never an error of another class. ASan and valgrind watch this one. */
static void every_byte_changed(void **state)
{
	struct leat_span good = pki_der(pki_server(KEY_EC_P256)->leaf);
	uint8_t *p = malloc(good.n);
	size_t refusals = 0;
	struct leat_err err;
	struct chain *ch;

	(void)state;
	for (size_t i = 0; i < good.n; i++) {
		memcpy(p, good.p, good.n);
		p[i] ^= 0x81;
		ch = parse(&(struct leat_span){ p, good.n }, 1, &err);
		if (!ch) {
			refusals++;
			assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
			assert_true(err.alert == LEAT_ALERT_BAD_CERTIFICATE ||
				    err.alert == LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
		}
		chain_unref(ch);
	}
	/* at the least, every changed tag and length of the outer structure is noticed */
	assert_true(refusals > 20);
	free(p);
}

/* RFC 5280 has no negative and no indefinite lengths; DER writes lengths as short as it can. */
static void odd_lengths(void **state)
{
	static const uint8_t indefinite[] = { 0x30, 0x80, 0x00, 0x00 };
	static const uint8_t huge[] = { 0x30, 0x84, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t endless[] = { 0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff };
	static const uint8_t nested[] = { 0x30, 0x08, 0x30, 0x7f, 0x30, 0x7f, 0x30, 0x7f, 0x30,
		0x7f };
	static const uint8_t text[] = "-----BEGIN CERTIFICATE-----\n";

	(void)state;
	refused(&(struct leat_span){ indefinite, sizeof(indefinite) }, 1,
		LEAT_ALERT_BAD_CERTIFICATE);
	refused(&(struct leat_span){ huge, sizeof(huge) }, 1, LEAT_ALERT_BAD_CERTIFICATE);
	refused(&(struct leat_span){ endless, sizeof(endless) }, 1, LEAT_ALERT_BAD_CERTIFICATE);
	refused(&(struct leat_span){ nested, sizeof(nested) }, 1, LEAT_ALERT_BAD_CERTIFICATE);
	refused(&(struct leat_span){ text, sizeof(text) }, 1, LEAT_ALERT_BAD_CERTIFICATE);
}

static void take_key(void *x509, void *arg)
{
	assert_int_equal(X509_set_pubkey(x509, arg), 1);
}

static void foreign_key(EVP_PKEY *pkey)
{
	struct make_spec s = pki_spec();
	struct leat_span der;

	assert_non_null(pkey);
	s.tweak = take_key;
	s.tweak_arg = pkey;
	der = pki_der(pki_make(&s));
	refused(&der, 1, LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
	EVP_PKEY_free(pkey);
}

/* Keys that are fine, but that TLS has no signature for. */
static void keys_of_other_kinds(void **state)
{
	(void)state;
	foreign_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
	foreign_key(EVP_PKEY_Q_keygen(NULL, NULL, "X448"));
	foreign_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"));
	foreign_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "brainpoolP256r1"));
	foreign_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"));
	foreign_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512));
}

static void foreign_key_above_the_leaf(void **state)
{
	struct make_spec s = pki_spec();
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct leat_span der[2];
	struct leat_err err;
	struct chain *ch;

	(void)state;
	s.tweak = take_key;
	s.tweak_arg = pkey;
	der[0] = pki_der(pki_server(KEY_EC_P256)->leaf);
	der[1] = pki_der(pki_make(&s));
	/* only the leaf's key signs the handshake; the path decides about the others */
	ch = parse(der, 2, &err);
	assert_non_null(ch);
	chain_unref(ch);
	EVP_PKEY_free(pkey);
}

/* A point that is not on its curve is damage, not a foreign kind. */
static void point_off_the_curve(void **state)
{
	struct leat_span good = pki_der(pki_server(KEY_EC_P256)->leaf);
	uint8_t *p = malloc(good.n);
	uint8_t point[65];
	size_t n, i;
	struct leat_span bad = { p, good.n };

	(void)state;
	assert_int_equal(
		EVP_PKEY_get_octet_string_param(made_evp_borrow(pki_server(KEY_EC_P256)->leaf),
			"pub", point, sizeof(point), &n),
		1);
	memcpy(p, good.p, good.n);
	for (i = 0; i + n <= good.n && memcmp(p + i, point, n) != 0; i++)
		;
	assert_true(i + n <= good.n);
	p[i + n - 1] ^= 1;
	refused(&bad, 1, LEAT_ALERT_BAD_CERTIFICATE);
	free(p);
}

/* Text a peer chose never reaches a terminal as it is. */
static void subject_is_made_printable(void **state)
{
	struct make_spec s = pki_spec();
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct leat_err err;
	struct leat_span der;

	(void)state;
	s.cn = "\x1b[31mred\x1b[0m\nline";
	s.tweak = take_key;
	s.tweak_arg = pkey;
	der = pki_der(pki_make(&s));
	assert_null(parse(&der, 1, &err));
	assert_non_null(strstr(err.detail, "?[31mred?[0m?line"));
	EVP_PKEY_free(pkey);
}

static void each_allocation_fails(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span der[2] = { pki_der(id->leaf), pki_der(id->inter) };
	struct leat_err err;
	struct chain *ch;
	unsigned long num;

	(void)state;
	leat_mem_fail_at(0);
	ch = parse(der, 2, &err);
	num = leat_mem_fail_at(0);
	chain_unref(ch);
	assert_true(num >= 2);
	for (unsigned long i = 1; i <= num; i++) {
		leat_mem_fail_at(i);
		ch = parse(der, 2, &err);
		leat_mem_fail_at(0);
		/* the key may still be had by libcrypto's way, the rest may not */
		if (ch && i > 1)
			assert_int_equal(key_kind(chain_key(ch)), KEY_EC_P256);
		else
			assert_int_equal(err.cls, LEAT_E_MEMORY);
		chain_unref(ch);
	}
}

static int open_all(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	return crypto_new(&crypto, &err) == LEAT_OK ? 0 : -1;
}

static int close_all(void **state)
{
	(void)state;
	crypto_unref(crypto);
	pki_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_key),
		cmocka_unit_test(length_of_chain),
		cmocka_unit_test(trailing_and_missing_bytes),
		cmocka_unit_test(every_byte_changed),
		cmocka_unit_test(odd_lengths),
		cmocka_unit_test(keys_of_other_kinds),
		cmocka_unit_test(foreign_key_above_the_leaf),
		cmocka_unit_test(point_off_the_curve),
		cmocka_unit_test(subject_is_made_printable),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}

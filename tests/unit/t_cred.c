/* SPDX-License-Identifier: Apache-2.0
 *
 * t_cred.c: x509/cred.c. Every form a private key comes in, and every way the pair can be wrong with
 * the text that is blamed. What is left in memory: t_x509_mem.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/limits.h"
#include "base/mem.h"
#include "pki.h"
#include "x509/cred.h"

#define SPAN(s) ((struct leat_span){ (const uint8_t *)(s), strlen(s) })
#define NONE    ((struct leat_span){ NULL, 0 })

static const enum key_kind all_kinds[] = { KEY_RSA, KEY_RSA_PSS, KEY_EC_P256, KEY_EC_P384,
	KEY_EC_P521, KEY_ED25519, KEY_ED448 };
#define NUM_KINDS (sizeof(all_kinds) / sizeof(all_kinds[0]))

static struct crypto *crypto;

static struct cred *load(struct leat_span cert, struct leat_span key, struct leat_span password,
	struct leat_err *err)
{
	struct cred *c = (struct cred *)1;

	*err = (struct leat_err){ 0 };
	if (cred_new_pem(&c, crypto, cert, key, password, err) != LEAT_OK) {
		assert_null(c);
		assert_int_not_equal(err->cls, LEAT_E_NONE);
	}
	return c;
}

static void loads(
	struct leat_span cert, struct leat_span key, struct leat_span password, enum key_kind kind)
{
	struct leat_err err;
	struct cred *c = load(cert, key, password, &err);
	char text[300];

	if (!c)
		fail_msg("%s: %s", key_kind_name(kind), leat_strerror(&err, text, sizeof(text)));
	assert_int_equal(key_kind(cred_key(c)), kind);
	assert_true(key_is_private(cred_key(c)));
	cred_unref(c);
}

static void refuses(struct leat_span cert, struct leat_span key, struct leat_span password,
	const char *option, const char *what)
{
	struct leat_err err;
	char text[300];

	assert_null(load(cert, key, password, &err));
	leat_strerror(&err, text, sizeof(text));
	if (err.cls != LEAT_E_OPTION || strcmp(err.option, option) != 0 || !strstr(text, what))
		fail_msg("wanted %s: %s, got %s", option, what, text);
}

/* The key of a made certificate in another form, kept by pki. */
enum form { FORM_PKCS8, FORM_TRADITIONAL, FORM_PKCS8_SEALED, FORM_TRADITIONAL_SEALED };

static struct leat_span key_text(const struct made *m, enum form form, const EVP_CIPHER *cipher)
{
	EVP_PKEY *pkey = made_evp_borrow(m);
	unsigned char *pass = (unsigned char *)(form >= FORM_PKCS8_SEALED ? "secret" : NULL);
	int pass_len = pass ? 6 : 0, ok;
	BIO *b = BIO_new(BIO_s_mem());
	struct leat_span text;
	char *p;

	if (form == FORM_PKCS8 || form == FORM_PKCS8_SEALED)
		ok = PEM_write_bio_PKCS8PrivateKey(
			b, pkey, cipher, (char *)pass, pass_len, NULL, NULL);
	else
		ok = PEM_write_bio_PrivateKey_traditional(
			b, pkey, cipher, pass, pass_len, NULL, NULL);
	assert_int_equal(ok, 1);
	text.n = (size_t)BIO_get_mem_data(b, &p);
	text.p = (const uint8_t *)p;
	text = pki_join(text, NONE);
	BIO_free(b);
	return text;
}

static void every_form_of_key(void **state)
{
	static const EVP_CIPHER *(*const ciphers[])(
		void) = { EVP_aes_128_cbc, EVP_aes_256_cbc, EVP_des_ede3_cbc };

	(void)state;
	for (size_t i = 0; i < NUM_KINDS; i++) {
		const struct pki_ident *id = pki_server(all_kinds[i]);
		bool old_form = all_kinds[i] == KEY_RSA ||
				(all_kinds[i] >= KEY_EC_P256 && all_kinds[i] <= KEY_EC_P521);

		loads(id->chain_pem, key_text(id->leaf, FORM_PKCS8, NULL), NONE, all_kinds[i]);
		for (size_t c = 0; c < 3; c++)
			loads(id->chain_pem, key_text(id->leaf, FORM_PKCS8_SEALED, ciphers[c]()),
				SPAN("secret"), all_kinds[i]);
		/* PKCS#1 and SEC1: "RSA PRIVATE KEY", "EC PRIVATE KEY" */
		if (!old_form)
			continue;
		loads(id->chain_pem, key_text(id->leaf, FORM_TRADITIONAL, NULL), NONE,
			all_kinds[i]);
		for (size_t c = 0; c < 3; c++)
			loads(id->chain_pem,
				key_text(id->leaf, FORM_TRADITIONAL_SEALED, ciphers[c]()),
				SPAN("secret"), all_kinds[i]);
	}
}

/* "Used only when the key file is encrypted" */
static void passwords(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	static const enum form sealed[] = { FORM_PKCS8_SEALED, FORM_TRADITIONAL_SEALED };
	struct leat_span key;

	(void)state;
	loads(id->chain_pem, id->key_pem, SPAN("not needed"), KEY_EC_P256);
	for (size_t i = 0; i < 2; i++) {
		key = key_text(id->leaf, sealed[i], EVP_aes_128_cbc());
		loads(id->chain_pem, key, SPAN("secret"), KEY_EC_P256);
		refuses(id->chain_pem, key, NONE, "password", "there is no password");
		/* many, since one in 256 leaves padding that looks right */
		for (int j = 0; j < 600; j++) {
			char wrong[24];

			snprintf(wrong, sizeof(wrong), "wrong%d", j);
			refuses(id->chain_pem, key, SPAN(wrong), "password", "does not open");
			if (sealed[i] == FORM_PKCS8_SEALED && j == 20)
				break; /* each costs 2048 rounds of PBKDF2 */
		}
		refuses(id->chain_pem, key, SPAN("secre"), "password", "does not open");
		refuses(id->chain_pem, key, SPAN("secret "), "password", "does not open");
	}
}

static void password_longer_than_libcrypto_takes(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span key = key_text(id->leaf, FORM_TRADITIONAL_SEALED, EVP_aes_128_cbc());
	char *text = malloc(5000);

	(void)state;
	memset(text, 'x', 4999);
	text[4999] = '\0';
	refuses(id->chain_pem, key, SPAN(text), "password", "does not open");
	free(text);
}

/* One text may hold all: certificate, key, parameters, comments. */
static void one_text_for_all(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P384);
	static const char params[] = "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n"
				     "-----END EC PARAMETERS-----\n";
	struct leat_span all = pki_join(SPAN("a note\n"), pki_join(id->key_pem, id->chain_pem));
	struct leat_err err;
	struct cred *c;

	(void)state;
	loads(all, all, NONE, KEY_EC_P384);
	all = pki_join(pki_join(id->chain_pem, SPAN(params)),
		pki_join(SPAN("text between\n"), id->key_pem));
	loads(all, all, NONE, KEY_EC_P384);
	c = load(all, all, NONE, &err);
	assert_int_equal(cred_num(c), 2);
	assert_int_equal(cred_cert(c, 0).n, pki_der(id->leaf).n);
	assert_memory_equal(cred_cert(c, 0).p, pki_der(id->leaf).p, cred_cert(c, 0).n);
	assert_memory_equal(cred_cert(c, 1).p, pki_der(id->inter).p, cred_cert(c, 1).n);
	assert_null(cred_cert(c, 2).p);
	cred_unref(c);
}

static void line_ends(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span all = pki_join(id->chain_pem, id->key_pem);
	char *crlf = malloc(all.n * 2);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '\n')
			crlf[n++] = '\r';
		crlf[n++] = (char)all.p[i];
	}
	loads((struct leat_span){ (uint8_t *)crlf, n }, (struct leat_span){ (uint8_t *)crlf, n },
		NONE, KEY_EC_P256);
	free(crlf);
	/* no newline at the end */
	all.n--;
	loads(all, all, NONE, KEY_EC_P256);
}

static void wrong_pairs(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);

	(void)state;
	/* of the same kind, of another, and the intermediate's */
	refuses(id->chain_pem, pki_client(KEY_EC_P256)->key_pem, NONE, "key",
		"not that of the first certificate");
	refuses(id->chain_pem, pki_server(KEY_RSA)->key_pem, NONE, "key",
		"not that of the first certificate");
	refuses(id->chain_pem, pki_key_pem(id->inter), NONE, "key",
		"not that of the first certificate");
	refuses(pki_join(pki_cert_pem(id->inter), id->chain_pem), id->key_pem, NONE, "key",
		"not that of the first certificate");
}

static void nothing_in_the_text(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);

	(void)state;
	refuses(NONE, id->key_pem, NONE, "cert", "no certificate");
	refuses(SPAN(""), id->key_pem, NONE, "cert", "no certificate");
	refuses(SPAN("hello\n"), id->key_pem, NONE, "cert", "no certificate");
	refuses(id->key_pem, id->key_pem, NONE, "cert", "no certificate");
	refuses(pki_der(id->leaf), id->key_pem, NONE, "cert", "no certificate");
	refuses(id->chain_pem, NONE, NONE, "key", "no private key");
	refuses(id->chain_pem, id->chain_pem, NONE, "key", "no private key");
	refuses(id->chain_pem, SPAN("-----BEGIN PRIVATE"), NONE, "key", "no private key");
}

static void broken_texts(void **state)
{
	static const char junk_cert[] =
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
	static const char junk_key[] =
		"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
	static const char junk_sealed[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n"
					  "-----END ENCRYPTED PRIVATE KEY-----\n";
	static const char odd_cipher[] =
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
		"DEK-Info: ROT-13,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
	static const char no_base64[] =
		"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
	static const char wrong_end[] =
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END NOTHING-----\n";
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span cut = id->chain_pem, key = id->key_pem;

	(void)state;
	refuses(SPAN(junk_cert), id->key_pem, NONE, "cert", "not an X.509 certificate");
	refuses(pki_join(id->chain_pem, SPAN(junk_cert)), id->key_pem, NONE, "cert",
		"certificate number 3");
	refuses(SPAN(no_base64), id->key_pem, NONE, "cert", "broken PEM");
	refuses(SPAN(wrong_end), id->key_pem, NONE, "cert", "broken PEM");
	refuses(pki_join(id->chain_pem, SPAN(wrong_end)), id->key_pem, NONE, "cert",
		"after certificate number 2");
	cut.n -= 10; /* the last END line is cut */
	refuses(cut, id->key_pem, NONE, "cert", "broken PEM");
	refuses(id->chain_pem, SPAN(junk_key), NONE, "key", "cannot be decoded");
	refuses(id->chain_pem, SPAN(junk_sealed), SPAN("x"), "key", "cannot be decoded");
	refuses(id->chain_pem, SPAN(odd_cipher), SPAN("x"), "key", "not supported");
	key.n -= 10;
	refuses(id->chain_pem, key, NONE, "key", "broken PEM");
}

/* Every cut of a good text: refused, and never as good. */
static void every_cut(void **state)
{
	const struct pki_ident *id = pki_server(KEY_ED25519);
	struct leat_span cut = id->key_pem;
	struct leat_err err;
	struct cred *c;

	(void)state;
	for (cut.n = 0; cut.n + 1 < id->key_pem.n; cut.n++)
		assert_null(load(id->chain_pem, cut, NONE, &err));
	for (size_t n = 0; n + 1 < id->chain_pem.n; n += 3) {
		c = load((struct leat_span){ id->chain_pem.p, n }, id->key_pem, NONE, &err);
		/* the cut between the two certificates leaves a good text */
		if (c)
			assert_int_equal(cred_num(c), 1);
		cred_unref(c);
	}
}

static void keys_of_other_kinds(void **state)
{
	static const char *const names[] = { "X25519", "X448" };
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span text;
	EVP_PKEY *pkey;
	char *p;
	BIO *b;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		if (i < 2)
			pkey = EVP_PKEY_Q_keygen(NULL, NULL, names[i]);
		else if (i == 2)
			pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
		else
			pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(i == 3 ? 1024 : 512));
		b = BIO_new(BIO_s_mem());
		assert_int_equal(
			PEM_write_bio_PKCS8PrivateKey(b, pkey, NULL, NULL, 0, NULL, NULL), 1);
		text.n = (size_t)BIO_get_mem_data(b, &p);
		text.p = (uint8_t *)p;
		refuses(id->chain_pem, text, NONE, "key",
			i < 3 ? "kind TLS cannot use" : "outside 2048 to 16384 bits");
		BIO_free(b);
		EVP_PKEY_free(pkey);
	}
}

/* One below, at, and one above LIM_CHAIN. */
static void length_of_chain(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span all = pki_cert_pem(id->leaf);
	struct leat_err err;
	struct cred *c;

	(void)state;
	for (size_t n = 1; n < LIM_CHAIN - 1; n++)
		all = pki_join(all, pki_cert_pem(id->inter));
	for (size_t n = LIM_CHAIN - 1; n <= LIM_CHAIN; n++) {
		c = load(all, id->key_pem, NONE, &err);
		assert_non_null(c);
		assert_int_equal(cred_num(c), n);
		cred_unref(c);
		all = pki_join(all, pki_cert_pem(id->inter));
	}
	refuses(all, id->key_pem, NONE, "cert", "more than 16");
}

static struct leat_span der_key(const struct made *m, bool pkcs8)
{
	EVP_PKEY *pkey = made_evp_borrow(m);
	BIO *b = BIO_new(BIO_s_mem());
	struct leat_span der;
	char *p;

	if (pkcs8)
		assert_int_equal(i2d_PKCS8PrivateKey_bio(b, pkey, NULL, NULL, 0, NULL, NULL), 1);
	else
		assert_int_equal(i2d_PrivateKey_bio(b, pkey), 1);
	der.n = (size_t)BIO_get_mem_data(b, &p);
	der.p = (uint8_t *)p;
	der = pki_join(der, NONE);
	BIO_free(b);
	return der;
}

/* RSAPrivateKey, ECPrivateKey and PrivateKeyInfo.  REQ: OPT-key-eckey TYPE-der */
static void from_der(void **state)
{
	struct leat_span der[2], key, cut;
	struct leat_err err;
	struct cred *c;

	(void)state;
	for (size_t i = 0; i < NUM_KINDS; i++) {
		const struct pki_ident *id = pki_server(all_kinds[i]);

		der[0] = pki_der(id->leaf);
		der[1] = pki_der(id->inter);
		for (int pkcs8 = 0; pkcs8 < 2; pkcs8++) {
			key = der_key(id->leaf, pkcs8);
			err = (struct leat_err){ 0 };
			assert_int_equal(cred_new_der(&c, crypto, der, 2, key, &err), LEAT_OK);
			assert_int_equal(key_kind(cred_key(c)), all_kinds[i]);
			assert_int_equal(cred_num(c), 2);
			cred_unref(c);
			cut = key;
			cut.n--;
			assert_int_equal(cred_new_der(&c, crypto, der, 2, cut, &err), LEAT_FAILED);
			assert_string_equal(err.option, "key");
			assert_null(c);
			err = (struct leat_err){ 0 };
			cut = pki_join(key, SPAN("x"));
			assert_int_equal(cred_new_der(&c, crypto, der, 2, cut, &err), LEAT_FAILED);
			assert_string_equal(err.option, "key");
		}
	}
	err = (struct leat_err){ 0 };
	assert_int_equal(cred_new_der(&c, crypto, der, 0, key, &err), LEAT_FAILED);
	assert_string_equal(err.option, "cert");
	err = (struct leat_err){ 0 };
	assert_int_equal(cred_new_der(&c, crypto, der, 2, NONE, &err), LEAT_FAILED);
	assert_string_equal(err.option, "key");
	err = (struct leat_err){ 0 };
	der[1].n--;
	assert_int_equal(cred_new_der(&c, crypto, der, 2, key, &err), LEAT_FAILED);
	assert_string_equal(err.option, "cert");
	assert_string_equal(err.detail, "certificate number 2");
	err = (struct leat_err){ 0 };
	der[1] = pki_der(pki_server(KEY_EC_P384)->leaf);
	assert_int_equal(cred_new_der(&c, crypto, der + 1, 1, key, &err), LEAT_FAILED);
	assert_string_equal(err.option, "key");
}

/* The public half fits the certificate, the private one is another's: the file is damaged. */
static void halves_that_do_not_fit(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span cert = pki_der(id->leaf), key = der_key(id->leaf, false), bad;
	struct leat_err err = { 0 };
	struct cred *c;

	(void)state;
	/* ECPrivateKey: SEQUENCE, version, OCTET STRING of 32 bytes; the lowest byte of the scalar */
	bad = pki_join(key, NONE);
	assert_int_equal(bad.p[5], 0x04);
	assert_int_equal(bad.p[6], 32);
	((uint8_t *)bad.p)[7 + 31] ^= 1;
	assert_int_equal(cred_new_der(&c, crypto, &cert, 1, key, &err), LEAT_OK);
	cred_unref(c);
	assert_int_equal(cred_new_der(&c, crypto, &cert, 1, bad, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "key");
	assert_non_null(strstr(err.what, "signs wrongly"));
	assert_null(c);

	/* RSAPrivateKey: a bit of the private exponent (behind modulus and 65537) and one of the CRT's
	 * coefficient at the end; one alone libcrypto makes good by the other */
	id = pki_server(KEY_RSA);
	cert = pki_der(id->leaf);
	key = der_key(id->leaf, false);
	bad = pki_join(key, NONE);
	((uint8_t *)bad.p)[4 + 3 + 261 + 5 + 100] ^= 1;
	((uint8_t *)bad.p)[bad.n - 64] ^= 1;
	err = (struct leat_err){ 0 };
	assert_int_equal(cred_new_der(&c, crypto, &cert, 1, bad, &err), LEAT_FAILED);
	assert_string_equal(err.option, "key");
}

static void names(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_err err;
	struct cred *c = load(id->chain_pem, id->key_pem, NONE, &err);

	(void)state;
	assert_true(cred_has_name(c, "localhost"));
	assert_true(cred_has_name(c, "a.wild.test"));
	assert_true(cred_has_name(c, "127.0.0.1"));
	assert_false(cred_has_name(c, "wild.test"));
	assert_false(cred_has_name(c, "pki leaf"));
	assert_false(cred_has_name(c, ""));
	assert_ptr_equal(cred_ref(c), c);
	cred_unref(c);
	assert_true(cred_has_name(c, "localhost"));
	cred_unref(c);
	cred_unref(NULL);
}

static void each_allocation_fails(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_err err;
	unsigned long num;
	struct cred *c;

	(void)state;
	leat_mem_fail_at(0);
	cred_unref(load(id->chain_pem, id->key_pem, NONE, &err));
	num = leat_mem_fail_at(0);
	assert_true(num >= 5);
	for (unsigned long i = 1; i <= num; i++) {
		leat_mem_fail_at(i);
		c = load(id->chain_pem, id->key_pem, NONE, &err);
		leat_mem_fail_at(0);
		assert_null(c);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
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
		cmocka_unit_test(every_form_of_key),
		cmocka_unit_test(passwords),
		cmocka_unit_test(password_longer_than_libcrypto_takes),
		cmocka_unit_test(one_text_for_all),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(wrong_pairs),
		cmocka_unit_test(nothing_in_the_text),
		cmocka_unit_test(broken_texts),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(keys_of_other_kinds),
		cmocka_unit_test(length_of_chain),
		cmocka_unit_test(from_der),
		cmocka_unit_test(halves_that_do_not_fit),
		cmocka_unit_test(names),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}

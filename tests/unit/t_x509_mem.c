/* SPDX-License-Identifier: Apache-2.0
 *
 * t_x509_mem.c: x509/ under a libcrypto whose allocator is ours. Every single allocation fails once:
 * nothing crashes, nothing leaks, and above all no bad chain becomes good. And every block that is
 * given back is searched for the password, the text of the key and the bytes of its PEM block.
 * Copies of the key that libcrypto's own decoders (OSSL_DECODER, ECPrivateKey) give back without
 * wiping are beyond this library: the key itself stays in the process as long as the credential.
 *
 * TIMEOUT: 300
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <malloc.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki.h"
#include "x509/cred.h"
#include "x509/pem.h"
#include "x509/walk.h"

#define PASSWORD "correct-horse-battery"
#define NONE     ((struct leat_span){ NULL, 0 })

/* ---- the allocator ---------------------------------------------------------------------------- */

static long num_made, fail_at, live;

static struct {
	uint8_t bytes[32];
	size_t n;
} needles[3];
static int num_needles;
static unsigned long found;

static bool must_fail(void)
{
	return ++num_made == fail_at;
}

static void *on_malloc(size_t n, const char *file, int line)
{
	void *p;

	(void)file;
	(void)line;
	if (must_fail())
		return NULL;
	p = malloc(n);
	live += p != NULL;
	return p;
}

static void search(const void *p)
{
	for (int i = 0; p && i < num_needles; i++)
		found += memmem(p, malloc_usable_size((void *)p), needles[i].bytes, needles[i].n) !=
			 NULL;
}

static void on_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	search(p);
	live -= p != NULL;
	free(p);
}

static void *on_realloc(void *p, size_t n, const char *file, int line)
{
	void *q;

	if (!p)
		return on_malloc(n, file, line);
	if (n == 0) {
		on_free(p, file, line);
		return NULL;
	}
	if (must_fail())
		return NULL;
	/* by hand, so that the old block can be searched */
	q = malloc(n);
	if (!q)
		return NULL;
	memcpy(q, p, malloc_usable_size(p) < n ? malloc_usable_size(p) : n);
	search(p);
	free(p);
	return q;
}

/* ---- failing ------------------------------------------------------------------------------------ */

static struct crypto *crypto;

struct case_of {
	const char *name;
	struct leat_span der[3];
	size_t num;
	const char *host;
	int64_t now;
	bool good;
	bool lean; /* lean.c may accept before libcrypto is asked */
	bool walk; /* the application is told, and refuses what is wrong */
};

static const struct leat_verify_fun refuses = { .fn = leat_verify_default_peer };

/* Parses and verifies; every object is given back. Allocation number nth fails, counted from the
 * start, or from the end of parsing. */
static enum leat_ret judge(const struct case_of *k, const struct store *s, bool parsing, long nth,
	struct leat_err *err)
{
	struct verify_in in = {
		.store = s,
		.host = k->host,
		.leaf_is_server = true,
		.now_s = k->now,
		.depth = 10,
		.only_libcrypto = !k->lean,
		.fun = k->walk ? &refuses : NULL,
	};
	struct walk *walk = NULL;
	struct chain *ch;
	enum leat_ret ret;

	*err = (struct leat_err){ 0 };
	num_made = 0;
	fail_at = parsing ? nth : 0;
	ret = chain_new(&ch, crypto, k->der, k->num, err);
	if (ret == LEAT_OK) {
		in.chain = ch;
		if (!parsing) {
			num_made = 0;
			fail_at = nth;
		}
		ret = walk_verify(crypto, &in, &walk, err);
	}
	fail_at = 0;
	chain_unref(ch);
	return ret;
}

static void fail_each(const struct case_of *k, bool parsing, long step)
{
	struct leat_err err = { 0 };
	struct case_of slow = *k;
	long num, before, oks = 0;
	struct store *s;
	enum leat_ret ret;

	slow.lean = false;
	assert_int_equal(store_new(&s, &err), LEAT_OK);
	assert_int_equal(store_add_der(s, pki_der(pki_root()), &err), LEAT_OK);
	/* more than once: the first time fills caches inside libcrypto and the store */
	assert_int_equal(judge(&slow, s, parsing, 0, &err) == LEAT_OK, k->good);
	assert_int_equal(judge(k, s, parsing, 0, &err) == LEAT_OK, k->good);
	assert_int_equal(judge(k, s, parsing, 0, &err) == LEAT_OK, k->good);
	num = num_made;
	assert_true(num > 5);
	before = live;
	for (long i = 1; i <= num; i += step) {
		ret = judge(k, s, parsing, i, &err);
		if (ret == LEAT_OK && !k->good)
			fail_msg("%s: accepted when allocation %ld of %ld failed", k->name, i, num);
		assert_int_equal(ret == LEAT_OK, err.cls == LEAT_E_NONE);
		assert_int_equal(ERR_peek_error(), 0);
		oks += ret == LEAT_OK;
	}
	/* libcrypto gets along without many (it tries further decoders), but not without all; and what is
	 * lost on the lean way is found on libcrypto's */
	if (!parsing && !(k->lean && k->good))
		assert_true(oks < num / step);
	/* a handful of blocks may be caches that libcrypto keeps; one lost per failure would be many */
	assert_true(live - before < 10);
	store_unref(s);
}

static void add_constraint(void *x509, void *arg)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(
		NULL, NULL, NID_name_constraints, "permitted;DNS:other.test");

	(void)arg;
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void add_critical(void *x509, void *arg)
{
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1);
	X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, v);

	(void)arg;
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(v);
}

static bool lean_too, walk_too;

static struct case_of case_of(const char *name, const struct made *leaf, const struct made *inter)
{
	return (struct case_of){ .name = name,
		.der = { pki_der(leaf), pki_der(inter) },
		.num = 2,
		.host = "localhost",
		.now = PKI_NOW,
		.lean = lean_too,
		.walk = walk_too };
}

static void good_chain(void **state)
{
	struct case_of k = case_of("good", pki_server(KEY_EC_P256)->leaf, pki_inter());

	(void)state;
	k.good = true;
	fail_each(&k, true, 5);
	fail_each(&k, false, 1);
	k.walk = true;
	fail_each(&k, false, 1);
	k.walk = false;
	k.lean = true;
	fail_each(&k, false, 1);
}

static void bad_chains(void **state)
{
	const struct made *leaf = pki_server(KEY_EC_P256)->leaf;
	struct make_spec ca = pki_ca_spec("limited", pki_root()), s = pki_spec();
	struct case_of k;

	(void)state;
	k = case_of("wrong host", leaf, pki_inter());
	k.host = "other.test";
	fail_each(&k, false, 1);
	k.host = "192.0.2.1";
	fail_each(&k, false, 1);

	k = case_of("expired", leaf, pki_inter());
	k.now = PKI_NOW + 1000 * PKI_DAY;
	fail_each(&k, false, 1);

	k = case_of("wrong signature", leaf, pki_inter());
	k.der[0] = pki_join(k.der[0], NONE);
	((uint8_t *)k.der[0].p)[k.der[0].n - 1] ^= 1;
	fail_each(&k, false, 1);

	s.server = false;
	s.client = true;
	k = case_of("client's", pki_make(&s), pki_inter());
	fail_each(&k, true, 1);
	fail_each(&k, false, 1);

	s = pki_spec();
	s.tweak = add_critical;
	k = case_of("critical extension", pki_make(&s), pki_inter());
	fail_each(&k, true, 1);
	fail_each(&k, false, 1);

	ca.tweak = add_constraint;
	s = pki_spec();
	s.issuer = pki_make(&ca);
	k = case_of("name constraints", pki_make(&s), s.issuer);
	fail_each(&k, true, 1);
	fail_each(&k, false, 1);

	ca = pki_ca_spec("stranger", NULL);
	s.issuer = pki_make(&ca);
	k = case_of("unknown authority", pki_make(&s), s.issuer);
	fail_each(&k, false, 1);

	ca = pki_ca_spec("no ca", pki_root());
	ca.is_ca = false;
	s.issuer = pki_make(&ca);
	k = case_of("issuer is no CA", pki_make(&s), s.issuer);
	fail_each(&k, true, 1);
	fail_each(&k, false, 1);
}

static void bad_chains_never_pass(void **state)
{
	lean_too = true;
	bad_chains(state);
	lean_too = false;
	bad_chains(state);
	walk_too = true;
	bad_chains(state);
	walk_too = false;
}

static struct leat_span sealed_key(const struct made *m, bool old_form)
{
	EVP_PKEY *pkey = made_evp_borrow(m);
	BIO *b = BIO_new(BIO_s_mem());
	struct leat_span text;
	char *p;

	if (old_form)
		PEM_write_bio_PrivateKey_traditional(b, pkey, EVP_aes_128_cbc(),
			(const unsigned char *)PASSWORD, strlen(PASSWORD), NULL, NULL);
	else
		PEM_write_bio_PKCS8PrivateKey(
			b, pkey, EVP_aes_128_cbc(), PASSWORD, strlen(PASSWORD), NULL, NULL);
	text.n = (size_t)BIO_get_mem_data(b, &p);
	text.p = (uint8_t *)p;
	text = pki_join(text, NONE);
	BIO_free(b);
	return text;
}

static void credentials_fail_each(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span pass = { (const uint8_t *)PASSWORD, strlen(PASSWORD) };
	struct leat_span texts[3] = { id->key_pem, sealed_key(id->leaf, true),
		sealed_key(id->leaf, false) };
	struct leat_err err = { 0 };
	struct cred *c;
	long num, before;

	(void)state;
	for (int t = 0; t < 3; t++) {
		assert_int_equal(
			cred_new_pem(&c, crypto, id->chain_pem, texts[t], pass, &err), LEAT_OK);
		cred_unref(c);
		num_made = fail_at = 0;
		assert_int_equal(
			cred_new_pem(&c, crypto, id->chain_pem, texts[t], pass, &err), LEAT_OK);
		cred_unref(c);
		num = num_made;
		before = live;
		for (long i = 1; i <= num; i += 9) {
			num_made = 0;
			fail_at = i;
			err = (struct leat_err){ 0 };
			if (cred_new_pem(&c, crypto, id->chain_pem, texts[t], pass, &err) ==
				LEAT_OK) {
				assert_int_equal(key_kind(cred_key(c)), KEY_EC_P256);
				assert_int_equal(cred_num(c), 2);
			} else {
				assert_null(c);
				assert_int_not_equal(err.cls, LEAT_E_NONE);
			}
			fail_at = 0;
			cred_unref(c);
			assert_int_equal(ERR_peek_error(), 0);
		}
		assert_true(live - before < 10);
	}
}

/* ---- wiping ---------------------------------------------------------------------------------------- */

static void add_needle(const void *p, size_t n)
{
	assert_true(n <= sizeof(needles[0].bytes));
	memcpy(needles[num_needles].bytes, p, n);
	needles[num_needles++].n = n;
}

static void load_and_drop(struct leat_span chain, struct leat_span key, struct leat_span pass)
{
	struct leat_err err = { 0 };
	struct cred *c;

	found = 0;
	assert_int_equal(cred_new_pem(&c, crypto, chain, key, pass, &err), LEAT_OK);
	cred_unref(c);
	if (found)
		fail_msg("%lu blocks were given back with text or password in them", found);
}

/* The text after the second newline; PEM spans have no NUL at their end. */
static const char *second_line(struct leat_span pem)
{
	const char *p = (const char *)pem.p;

	for (int lines = 0; lines < 2; p++)
		lines += *p == '\n';
	return p;
}

/* REQ: OPT-password */
static void passwords_and_text_are_wiped(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span pass = { (const uint8_t *)PASSWORD, strlen(PASSWORD) };
	struct leat_span old_form = sealed_key(id->leaf, true);
	struct leat_span sealed = sealed_key(id->leaf, false);

	(void)state;
	add_needle(PASSWORD, strlen(PASSWORD));
	/* the second line of base64 */
	add_needle(second_line(id->key_pem), 32);
	load_and_drop(id->chain_pem, id->key_pem, NONE);
	load_and_drop(id->chain_pem, old_form, pass);
	load_and_drop(id->chain_pem, sealed, pass);
	num_needles = 0;
}

static void pem_blocks_are_wiped(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	uint8_t scalar[32];
	struct pem b = { 0 };
	BIGNUM *d = NULL;
	BIO *in;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(made_evp_borrow(id->leaf), "priv", &d), 1);
	assert_int_equal(BN_bn2binpad(d, scalar, 32), 32);
	BN_clear_free(d);
	add_needle(scalar, 32);
	found = 0;
	in = pem_open(pki_join(id->key_pem, id->chain_pem));
	assert_int_equal(pem_next(in, &b), PEM_BLOCK);
	assert_non_null(memmem(b.p, (size_t)b.n, scalar, 32));
	assert_int_equal(pem_next(in, &b), PEM_BLOCK);
	assert_true(pem_is_cert(&b));
	assert_int_equal(pem_next(in, &b), PEM_BLOCK);
	assert_int_equal(pem_next(in, &b), PEM_END);
	pem_clear(&b);
	BIO_free(in);
	assert_int_equal(found, 0);
	/* the search does find what is there */
	OPENSSL_free(OPENSSL_memdup(scalar, 32));
	assert_int_equal(found, 1);
	num_needles = 0;
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
		cmocka_unit_test(good_chain),
		cmocka_unit_test(bad_chains_never_pass),
		cmocka_unit_test(credentials_fail_each),
		cmocka_unit_test(passwords_and_text_are_wiped),
		cmocka_unit_test(pem_blocks_are_wiped),
	};

	if (CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, open_all, close_all);
}

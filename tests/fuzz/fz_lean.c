/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_lean.c: der.c and lean.c against libcrypto, whatever the bytes. Input: TBSCertificates behind
 * 2-byte lengths, leaf first, the last one of the anchor; the key of RFC 8410 10.3, known to all, signs
 * each of them, so that signatures fit and the rest decides. Promises: what der_cert understands
 * libcrypto parses, to the same fields; what lean accepts libcrypto accepts; what verify_chain says is
 * what it says without lean, with the same words; equal names have equal numbers.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/rd.h"
#include "knownkey.h"
#include "x509/chain_int.h"
#include "x509/der.h"
#include "x509/lean.h"
#include "x509/spki.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct crypto *crypto;
static bool open_all(void)
{
	struct leat_err err = { 0 };

	return crypto || crypto_new(&crypto, &err) == LEAT_OK;
}

static bool same(struct leat_span a, const uint8_t *p, size_t n)
{
	return a.n == n && (n == 0 || memcmp(a.p, p, n) == 0);
}

/* What der.c understood is what libcrypto finds. */
static void compare_fields(struct leat_span der)
{
	const uint8_t *p = der.p, *q;
	struct leat_span subject, issuer;
	uint64_t a, b;
	struct der_cert c;
	struct key *key;
	size_t n;
	X509 *x;

	if (!der_cert(der, &c))
		return;
	x = d2i_X509(NULL, &p, (long)der.n);
	assert(x && p == der.p + der.n);
	assert(X509_get_version(x) == X509_VERSION_3);
	assert(X509_NAME_get0_der(X509_get_subject_name(x), &q, &n) == 1 && same(c.subject, q, n));
	subject = (struct leat_span){ q, n };
	assert(X509_NAME_get0_der(X509_get_issuer_name(x), &q, &n) == 1 && same(c.issuer, q, n));
	issuer = (struct leat_span){ q, n };
	assert(der_name_hash(subject, &a) && der_name_hash(issuer, &b));
	if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0)
		assert(a == b);
	assert(X509_get_ext_count(x) > 0);
	key = spki_key(crypto, &c);
	if (key) {
		assert(X509_get0_pubkey(x));
		assert(EVP_PKEY_eq(key_evp_borrow(key), X509_get0_pubkey(x)) == 1);
	}
	key_give_back(key, crypto);
	X509_free(x);
}

static void judge(struct chain *ch, const struct store *s, const char *host, bool server)
{
	struct verify_in in = { .chain = ch,
		.store = s,
		.host = host,
		.leaf_is_server = server,
		.now_s = NOW,
		.depth = 2 };
	struct leat_err a = { 0 }, b = { 0 };
	enum leat_ret with = verify_chain(crypto, &in, &a), without;
	struct verdict v;
	bool lean = lean_accepts(crypto, &in, &v);

	in.only_libcrypto = true;
	without = verify_chain(crypto, &in, &b);
	assert(!lean || without == LEAT_OK);
	assert(with == without && a.alert == b.alert && strcmp(a.detail, b.detail) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ data, n });
	struct leat_span certs[6];
	struct leat_wr text[6] = { 0 };
	struct leat_err err = { 0 };
	struct store *s = NULL;
	struct chain *ch = NULL;
	size_t num = 0;

	if (!open_all())
		return 0;
	while (num < 6 && leat_rd_more(&in)) {
		knownkey_sign(&text[num], leat_rd_opaque16(&in, 0, UINT16_MAX));
		certs[num] = leat_wr_done(&text[num]);
		compare_fields(certs[num++]);
	}
	if (leat_rd_end(&in) && num > 0 && chain_new(&ch, crypto, certs, num, &err) == LEAT_OK &&
		store_new(&s, &err) == LEAT_OK &&
		store_add_der(s, certs[num - 1], &err) == LEAT_OK) {
		judge(ch, s, "localhost", true);
		judge(ch, s, "127.0.0.1", true);
		judge(ch, s, NULL, false);
	}
	store_unref(s);
	chain_unref(ch);
	for (size_t i = 0; i < num; i++)
		leat_wr_clear(&text[i]);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_verify.c: x509/verify.c. Each rule is shown with a chain that breaks it alone, made at run time,
 * and its good twin; the alert, the certificate that is named and the reason are looked at.
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
#include <openssl/x509v3.h>
#include <pthread.h>

#include "base/mem.h"
#include "base/rd.h"
#include "pki.h"
#include "x509/verify.h"

static struct crypto *crypto;

/* A verification under construction: certificates leaf first, and what to check. */
struct trial {
	const struct made *certs[LIM_CHAIN];
	struct leat_span der[LIM_CHAIN]; /* set where certs is NULL */
	size_t num;
	const struct made *root; /* NULL: pki_root() */
	const char *host;
	bool client;
	int64_t now;
	unsigned depth;
	struct leat_err err;
};

static struct trial trial_of(const struct made *leaf, const struct made *inter)
{
	struct trial t = { .certs = { leaf, inter },
		.num = inter ? 2 : 1,
		.host = "localhost",
		.now = PKI_NOW,
		.depth = 10 };

	return t;
}

static struct store *store_of(const struct made *root)
{
	struct leat_err err = { 0 };
	struct store *s;

	assert_int_equal(store_new(&s, &err), LEAT_OK);
	assert_int_equal(store_add_der(s, pki_der(root), &err), LEAT_OK);
	return s;
}

static struct chain *chain_of(const struct trial *t)
{
	struct leat_span der[LIM_CHAIN];
	struct leat_err err = { 0 };
	struct chain *ch;

	for (size_t i = 0; i < t->num; i++)
		der[i] = t->certs[i] ? pki_der(t->certs[i]) : t->der[i];
	assert_int_equal(chain_new(&ch, crypto, der, t->num, &err), LEAT_OK);
	return ch;
}

static enum leat_ret judge_in(struct trial *t, const struct store *store)
{
	struct chain *ch = chain_of(t);
	struct verify_in in = {
		.chain = ch,
		.store = store,
		.host = t->host,
		.leaf_is_server = !t->client,
		.now_s = t->now,
		.depth = t->depth,
	};
	enum leat_ret ret;

	t->err = (struct leat_err){ 0 };
	ret = verify_chain(crypto, &in, &t->err);
	chain_unref(ch);
	/* nothing of libcrypto's stays behind for the next user of this thread */
	assert_int_equal(ret == LEAT_OK, t->err.cls == LEAT_E_NONE);
	return ret;
}

static enum leat_ret judge(struct trial *t)
{
	struct store *s = store_of(t->root ? t->root : pki_root());
	enum leat_ret ret = judge_in(t, s);

	store_unref(s);
	return ret;
}

static void accepted(struct trial t)
{
	char text[400];

	if (judge(&t) != LEAT_OK)
		fail_msg("refused: %s", leat_strerror(&t.err, text, sizeof(text)));
}

static void check_refusal(
	const struct trial *t, unsigned alert, const char *what, const char *detail)
{
	char text[400];

	leat_strerror(&t->err, text, sizeof(text));
	if (t->err.cls != LEAT_E_OUR_ALERT || t->err.alert != alert)
		fail_msg("wanted %s, got: %s", leat_alert_name(alert), text);
	if (!strstr(t->err.what, what) || !strstr(t->err.detail, detail))
		fail_msg("wanted \"%s\" and \"%s\", got: %s", what, detail, text);
}

static void refused(struct trial t, unsigned alert, const char *what, const char *detail)
{
	if (judge(&t) == LEAT_OK)
		fail_msg("accepted, wanted %s", leat_alert_name(alert));
	check_refusal(&t, alert, what, detail);
}

static const struct made *leaf_of(struct make_spec s)
{
	return pki_make(&s);
}

static const struct made *good_leaf(void)
{
	return pki_server(KEY_EC_P256)->leaf;
}

/* ---- good ones ------------------------------------------------------------------------------- */

/* REQ: GEN-hostverif GEN-chain */
static void every_kind_of_key(void **state)
{
	static const enum key_kind kinds[] = { KEY_RSA, KEY_RSA_PSS, KEY_EC_P256, KEY_EC_P384,
		KEY_EC_P521, KEY_ED25519, KEY_ED448 };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct pki_ident *s = pki_server(kinds[i]), *c = pki_client(kinds[i]);
		struct trial t = trial_of(s->leaf, s->inter);

		accepted(t);
		t = trial_of(c->leaf, c->inter);
		t.client = true;
		t.host = NULL;
		accepted(t);
	}
}

static void authorities_of_every_kind(void **state)
{
	static const enum key_kind kinds[] = { KEY_RSA, KEY_RSA_PSS, KEY_EC_P384, KEY_EC_P521,
		KEY_ED25519, KEY_ED448 };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct make_spec ca = pki_ca_spec("a root", NULL), leaf = pki_spec();
		struct trial t;

		ca.key = kinds[i];
		leaf.issuer = pki_make(&ca);
		t = trial_of(leaf_of(leaf), NULL);
		t.root = leaf.issuer;
		accepted(t);
	}
}

/* RFC 8446 4.4.2: what follows the leaf may be in any order and hold more than is needed. */
static void order_and_extras(void **state)
{
	struct make_spec other = pki_ca_spec("not of this chain", NULL);
	struct trial t = trial_of(good_leaf(), NULL);

	(void)state;
	t.certs[1] = pki_make(&other);
	t.certs[2] = pki_root();
	t.certs[3] = good_leaf();
	t.certs[4] = pki_inter();
	t.certs[5] = pki_inter();
	t.num = 6;
	accepted(t);
}

/* ---- rule 3: the anchor ------------------------------------------------------------------------- */

/* REQ: GEN-path-3 */
static void unknown_authority(void **state)
{
	struct make_spec ca = pki_ca_spec("somebody", NULL), same = pki_ca_spec("pki root", NULL);
	struct trial t = trial_of(good_leaf(), pki_inter());
	struct leat_err err = { 0 };
	struct store *empty;

	(void)state;
	t.root = pki_make(&ca);
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not among the trusted CAs",
		"depth 1, subject CN=pki inter ec");
	/* its name alone is not enough */
	t.root = pki_make(&same);
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not among the trusted CAs", "depth 1");
	/* the root sent along does not vouch for itself */
	t.root = pki_make(&ca);
	t.certs[2] = pki_root();
	t.num = 3;
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not a trusted CA", "depth 2, subject CN=pki root");
	/* nothing trusted at all */
	assert_int_equal(store_new(&empty, &err), LEAT_OK);
	assert_int_equal(judge_in(&t, empty), LEAT_FAILED);
	check_refusal(&t, LEAT_ALERT_UNKNOWN_CA, "no CA is trusted", "issuer CN=pki inter ec");
	assert_int_equal(judge_in(&t, NULL), LEAT_FAILED);
	check_refusal(&t, LEAT_ALERT_UNKNOWN_CA, "no CA is trusted", "depth 0");
	store_unref(empty);
}

static void missing_intermediate(void **state)
{
	struct trial t = trial_of(good_leaf(), NULL);

	(void)state;
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not among the trusted CAs", "issuer CN=pki inter ec");
}

/* "root must be self-signed unless partial_chain says otherwise" */
static void trusted_intermediate_is_no_root(void **state)
{
	struct trial t = trial_of(good_leaf(), NULL);

	(void)state;
	t.root = pki_inter();
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not among the trusted CAs", "depth 1");
}

static void self_signed_leaf(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.issuer = NULL;
	t = trial_of(leaf_of(s), NULL);
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "signed by itself", "depth 0, subject CN=pki leaf");
	/* told to trust exactly this one */
	t.root = t.certs[0];
	accepted(t);
}

/* ---- rule 1: names and signatures ------------------------------------------------------------------ */

static struct leat_span flip_last_byte(struct leat_span der)
{
	struct leat_span copy = pki_join(der, (struct leat_span){ NULL, 0 });

	((uint8_t *)copy.p)[copy.n - 1] ^= 1;
	return copy;
}

/* REQ: GEN-path-1 */
static void signatures(void **state)
{
	static const enum key_kind kinds[] = { KEY_RSA, KEY_EC_P256, KEY_ED25519, KEY_ED448 };
	struct make_spec twin = pki_ca_spec("pki inter ec", pki_root());
	struct trial t = trial_of(NULL, pki_inter());

	(void)state;
	t.der[0] = flip_last_byte(pki_der(good_leaf()));
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "signature is wrong",
		"depth 0, subject CN=pki leaf");
	t = trial_of(good_leaf(), NULL);
	t.der[1] = flip_last_byte(pki_der(pki_inter()));
	t.num = 2;
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "signature is wrong", "depth 1");
	/* an issuer of the right name and another key: no identifier of it matches */
	t = trial_of(good_leaf(), pki_make(&twin));
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not among the trusted CAs", "depth 0");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct make_spec ca = pki_ca_spec("a root", NULL), leaf = pki_spec();

		ca.key = kinds[i];
		leaf.issuer = pki_make(&ca);
		t = trial_of(NULL, NULL);
		t.root = leaf.issuer;
		t.der[0] = flip_last_byte(pki_der(leaf_of(leaf)));
		refused(t, LEAT_ALERT_BAD_CERTIFICATE, "signature", "depth 0");
	}
}

static void drop_key_ids(void *x509, void *arg)
{
	int i = X509_get_ext_by_NID(x509, NID_authority_key_identifier, -1);

	(void)arg;
	X509_EXTENSION_free(X509_delete_ext(x509, i));
}

static void wrong_issuer_key_without_identifiers(void **state)
{
	struct make_spec twin = pki_ca_spec("pki inter ec", pki_root()), s = pki_spec();
	struct trial t;

	(void)state;
	s.tweak = drop_key_ids;
	t = trial_of(leaf_of(s), pki_inter());
	accepted(t); /* identifiers are a help, not a rule */
	t.certs[1] = pki_make(&twin);
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "signature is wrong", "depth 0");
}

/* RFC 8446 4.4.2.4: MD5 MUST and SHA-1 is RECOMMENDED to be refused with bad_certificate. */
static void weak_hashes(void **state)
{
	static const char *const weak[] = { "SHA1", "MD5", "SHA224" };
	struct make_spec s = pki_spec(), ca = pki_ca_spec("weakly signed", pki_root());

	(void)state;
	ca.key = KEY_RSA;
	s.issuer = pki_make(&ca);
	for (size_t i = 0; i < 3; i++) {
		s.digest = weak[i];
		/* 224 bits of hash give the 112 that are asked for */
		if (strcmp(weak[i], "SHA224") == 0)
			accepted(trial_of(leaf_of(s), s.issuer));
		else
			refused(trial_of(leaf_of(s), s.issuer), LEAT_ALERT_BAD_CERTIFICATE,
				"weak hash", "depth 0, subject CN=pki leaf");
	}
	/* in the middle of the chain */
	ca = pki_ca_spec("weakly signed", pki_root());
	ca.digest = "SHA1";
	s = pki_spec();
	s.issuer = pki_make(&ca);
	refused(trial_of(leaf_of(s), s.issuer), LEAT_ALERT_BAD_CERTIFICATE, "weak hash",
		"depth 1, subject CN=weakly signed");
}

/* RFC 8446 4.2.3: signatures of trust anchors "are not validated, since they begin a
 * certification path"; old roots are SHA-1. */
static void weak_hash_of_the_root(void **state)
{
	struct make_spec ca = pki_ca_spec("old root", NULL), s = pki_spec();
	struct trial t;

	(void)state;
	ca.digest = "SHA1";
	s.issuer = pki_make(&ca);
	t = trial_of(leaf_of(s), NULL);
	t.root = s.issuer;
	accepted(t);
}

static void small_keys(void **state)
{
	struct make_spec s = pki_spec(), ca = pki_ca_spec("small", pki_root());
	struct trial t;

	(void)state;
	s.key = KEY_RSA;
	s.rsa_bits = 1024;
	refused(trial_of(leaf_of(s), pki_inter()), LEAT_ALERT_BAD_CERTIFICATE, "key is too weak",
		"depth 0");
	s.rsa_bits = 1536;
	refused(trial_of(leaf_of(s), pki_inter()), LEAT_ALERT_BAD_CERTIFICATE, "key is too weak",
		"depth 0");
	s.rsa_bits = 2048;
	accepted(trial_of(leaf_of(s), pki_inter()));
	ca.key = KEY_RSA;
	ca.rsa_bits = 1024;
	s = pki_spec();
	s.issuer = pki_make(&ca);
	refused(trial_of(leaf_of(s), s.issuer), LEAT_ALERT_BAD_CERTIFICATE, "CA is too weak",
		"depth 1, subject CN=small");
	/* the anchor itself: its key signs */
	ca.issuer = NULL;
	s.issuer = pki_make(&ca);
	t = trial_of(leaf_of(s), NULL);
	t.root = s.issuer;
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "CA is too weak", "depth 1");
}

/* ---- signatures are over the bytes that came ---------------------------------------------------- */

static void put_tlv(struct leat_wr *w, uint8_t tag, struct leat_span body)
{
	leat_wr_u8(w, tag);
	if (body.n >= 256) {
		leat_wr_u8(w, 0x82);
		leat_wr_u16(w, (uint16_t)body.n);
	} else {
		if (body.n >= 128)
			leat_wr_u8(w, 0x81);
		leat_wr_u8(w, (uint8_t)body.n);
	}
	leat_wr_span(w, body);
}

/* The next element: its tag, its body, and the whole of it. */
static uint8_t take_tlv(struct leat_rd *in, struct leat_span *body, struct leat_span *whole)
{
	const uint8_t *start = in->p;
	uint8_t tag, n8;
	uint16_t n16;
	size_t n;

	leat_rd_u8(in, &tag);
	leat_rd_u8(in, &n8);
	n = n8;
	if (n8 == 0x81) {
		leat_rd_u8(in, &n8);
		n = n8;
	} else if (n8 == 0x82) {
		leat_rd_u16(in, &n16);
		n = n16;
	}
	*body = leat_rd_bytes(in, n);
	assert_true(leat_rd_ok(in));
	if (whole)
		*whole = (struct leat_span){ start, (size_t)(in->p - start) };
	return tag;
}

/* tbs with `critical FALSE` written out in the last extension, which DER forbids for a default but
 * BER does not. Everything around it grows by three bytes. */
static void put_ber_tbs(struct leat_wr *out, struct leat_span tbs)
{
	struct leat_wr seq = { 0 }, exts = { 0 }, list = { 0 }, ext = { 0 };
	struct leat_rd in = leat_rd_of(tbs), sub, item;
	struct leat_span body, whole;
	uint8_t tag;

	assert_int_equal(take_tlv(&in, &body, NULL), 0x30);
	for (in = leat_rd_of(body); leat_rd_more(&in);) {
		tag = take_tlv(&in, &body, &whole);
		if (tag != 0xa3) {
			leat_wr_span(&seq, whole);
			continue;
		}
		sub = leat_rd_of(body);
		assert_int_equal(take_tlv(&sub, &body, NULL), 0x30);
		for (sub = leat_rd_of(body); leat_rd_more(&sub);) {
			take_tlv(&sub, &body, &whole);
			if (leat_rd_more(&sub)) {
				leat_wr_span(&list, whole);
				continue;
			}
			item = leat_rd_of(body);
			assert_int_equal(take_tlv(&item, &body, &whole), 0x06);
			leat_wr_span(&ext, whole);
			leat_wr_bytes(&ext, "\x01\x01\x00", 3);
			assert_int_equal(take_tlv(&item, &body, &whole), 0x04);
			leat_wr_span(&ext, whole);
			put_tlv(&list, 0x30, leat_wr_done(&ext));
		}
		put_tlv(&exts, 0x30, leat_wr_done(&list));
		put_tlv(&seq, 0xa3, leat_wr_done(&exts));
	}
	put_tlv(out, 0x30, leat_wr_done(&seq));
	leat_wr_clear(&seq);
	leat_wr_clear(&exts);
	leat_wr_clear(&list);
	leat_wr_clear(&ext);
}

static void put_signature(struct leat_wr *w, EVP_PKEY *key, struct leat_span tbs)
{
	uint8_t sig[256] = { 0 }; /* sig[0]: no unused bits */
	size_t n = sizeof(sig) - 1;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig + 1, &n, tbs.p, tbs.n), 1);
	EVP_MD_CTX_free(ctx);
	put_tlv(w, 0x03, (struct leat_span){ sig, n + 1 });
}

/* REQ: SEC-sig-original */
static void signature_over_received_bytes(void **state)
{
	const struct made *leaf = good_leaf();
	struct leat_span orig = pki_der(leaf), body, tbs, alg;
	struct leat_wr ber = { 0 }, cert = { 0 }, wrong = { 0 }, inner = { 0 };
	struct leat_rd in = leat_rd_of(orig);
	struct trial t = trial_of(NULL, pki_inter());

	(void)state;
	take_tlv(&in, &body, NULL);
	in = leat_rd_of(body);
	take_tlv(&in, &body, &tbs);
	take_tlv(&in, &body, &alg);
	put_ber_tbs(&ber, tbs);
	assert_int_equal(leat_wr_done(&ber).n, tbs.n + 3);

	leat_wr_span(&inner, leat_wr_done(&ber));
	leat_wr_span(&inner, alg);
	put_signature(&inner, made_evp_borrow(pki_inter()), leat_wr_done(&ber));
	put_tlv(&cert, 0x30, leat_wr_done(&inner));
	t.der[0] = leat_wr_done(&cert);
	accepted(t);

	/* the same bytes under a signature over what a re-encoding would give */
	leat_wr_clear(&inner);
	leat_wr_span(&inner, leat_wr_done(&ber));
	leat_wr_span(&inner, alg);
	put_signature(&inner, made_evp_borrow(pki_inter()), tbs);
	put_tlv(&wrong, 0x30, leat_wr_done(&inner));
	t.der[0] = leat_wr_done(&wrong);
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "signature is wrong", "depth 0");

	leat_wr_clear(&ber);
	leat_wr_clear(&cert);
	leat_wr_clear(&wrong);
	leat_wr_clear(&inner);
}

/* ---- rule 2: dates ----------------------------------------------------------------------------------- */

/* REQ: GEN-path-2 */
static void dates_of_the_leaf(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.from_s = PKI_NOW - 100;
	s.to_s = PKI_NOW + 100;
	t = trial_of(leaf_of(s), pki_inter());
	t.now = s.from_s - 1;
	refused(t, LEAT_ALERT_CERTIFICATE_EXPIRED, "not valid yet",
		"depth 0, subject CN=pki leaf, O=leat test, worthless, until 2027-01-15T07:58:20Z");
	t.now = s.from_s;
	accepted(t);
	/* RFC 5280 4.1.2.5 includes the last second; libcrypto does not, to the safe side */
	t.now = s.to_s - 1;
	accepted(t);
	t.now = s.to_s + 1;
	refused(t, LEAT_ALERT_CERTIFICATE_EXPIRED, "expired", "since 2027-01-15T08:01:40Z");
	/* the clock is the caller's: these are years away from any machine's */
	t.now = 0;
	refused(t, LEAT_ALERT_CERTIFICATE_EXPIRED, "not valid yet", "depth");
	t.now = INT64_C(4102444800);
	refused(t, LEAT_ALERT_CERTIFICATE_EXPIRED, "expired", "depth");
}

static void dates_above_the_leaf(void **state)
{
	struct make_spec ca = pki_ca_spec("old inter", pki_root()), s = pki_spec();
	struct trial t;

	(void)state;
	ca.to_s = PKI_NOW - 1;
	s.issuer = pki_make(&ca);
	refused(trial_of(leaf_of(s), s.issuer), LEAT_ALERT_CERTIFICATE_EXPIRED, "expired",
		"depth 1, subject CN=old inter");
	ca = pki_ca_spec("young root", NULL);
	ca.from_s = PKI_NOW + 1;
	s.issuer = pki_make(&ca);
	t = trial_of(leaf_of(s), NULL);
	t.root = s.issuer;
	refused(t, LEAT_ALERT_CERTIFICATE_EXPIRED, "not valid yet",
		"depth 1, subject CN=young root");
}

/* ---- rule 2: who may issue ------------------------------------------------------------------------ */

static void drop_ext(X509 *x, int nid)
{
	int i = X509_get_ext_by_NID(x, nid, -1);

	assert_true(i >= 0);
	X509_EXTENSION_free(X509_delete_ext(x, i));
}

static void drop_constraints(void *x509, void *arg)
{
	(void)arg;
	drop_ext(x509, NID_basic_constraints);
}

static void drop_constraints_and_usage(void *x509, void *arg)
{
	drop_constraints(x509, arg);
	drop_ext(x509, NID_key_usage);
}

static void usage_without_certsign(void *x509, void *arg)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

	(void)arg;
	drop_ext(x509, NID_key_usage);
	ASN1_BIT_STRING_set_bit(bits, 0, 1);
	assert_int_equal(X509_add1_ext_i2d(x509, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT), 1);
	ASN1_BIT_STRING_free(bits);
}

static void make_v1(void *x509, void *arg)
{
	X509 *x = x509;

	(void)arg;
	while (X509_get_ext_count(x) > 0)
		X509_EXTENSION_free(X509_delete_ext(x, 0));
	assert_int_equal(X509_set_version(x, X509_VERSION_1), 1);
}

static struct trial below(struct make_spec ca)
{
	struct make_spec s = pki_spec();

	s.issuer = pki_make(&ca);
	return trial_of(leaf_of(s), s.issuer);
}

static void authorities_say_so(void **state)
{
	struct make_spec ca = pki_ca_spec("no ca", pki_root());

	(void)state;
	ca.is_ca = false;
	refused(below(ca), LEAT_ALERT_BAD_CERTIFICATE, "not allowed to issue", "subject CN=no ca");
	ca.is_ca = true;
	ca.tweak = usage_without_certsign;
	refused(below(ca), LEAT_ALERT_BAD_CERTIFICATE, "", "CN=no ca");
	/* RFC 5280 6.1.4 (k) asks for basicConstraints; keyUsage does not stand in for it */
	ca.tweak = drop_constraints;
	refused(below(ca), LEAT_ALERT_BAD_CERTIFICATE, "not allowed to issue",
		"depth 1, subject CN=no ca");
	ca.tweak = drop_constraints_and_usage;
	refused(below(ca), LEAT_ALERT_BAD_CERTIFICATE, "not allowed to issue", "CN=no ca");
	ca.tweak = make_v1;
	refused(below(ca), LEAT_ALERT_BAD_CERTIFICATE, "", "CN=no ca");
}

static void a_leaf_is_no_authority(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.issuer = good_leaf();
	s.cn = "below a leaf";
	t = trial_of(leaf_of(s), good_leaf());
	t.certs[2] = pki_inter();
	t.num = 3;
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "not allowed to issue",
		"depth 1, subject CN=pki leaf");
}

/* An old root of version 1 has nothing that could say so; it was trusted by hand. */
static void root_of_version_1(void **state)
{
	struct make_spec ca = pki_ca_spec("v1 root", NULL), s = pki_spec();
	struct trial t;

	(void)state;
	ca.tweak = make_v1;
	s.issuer = pki_make(&ca);
	t = trial_of(leaf_of(s), NULL);
	t.root = s.issuer;
	accepted(t);
}

static void leaf_of_version_1(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.tweak = make_v1;
	t = trial_of(leaf_of(s), pki_inter());
	t.host = NULL;
	refused(t, LEAT_ALERT_UNSUPPORTED_CERTIFICATE, "not X.509 version 3", "depth 0");
}

/* A chain of n intermediates under the root, the first n_self of them self-issued (same name as the
 * root, another key). */
static struct trial tall_chain(unsigned n, unsigned n_self, int root_len)
{
	struct make_spec ca = pki_ca_spec("tall", NULL), s = pki_spec();
	struct trial t = { .host = "localhost", .now = PKI_NOW, .depth = 255 };
	const struct made *issuer;
	char cn[24];

	ca.path_len = root_len;
	t.root = issuer = pki_make(&ca);
	ca.path_len = -1;
	for (unsigned i = 0; i < n; i++) {
		snprintf(cn, sizeof(cn), "level %u", i);
		ca.cn = i < n_self ? "tall" : cn;
		ca.issuer = issuer;
		issuer = pki_make(&ca);
		t.certs[n - i] = issuer;
	}
	s.issuer = issuer;
	t.certs[0] = leaf_of(s);
	t.num = n + 1;
	return t;
}

/* depth: "0 = peer signed directly by root; 1 = PEER,CA,ROOT; 2 = PEER,CA,CA,ROOT".
 * REQ: OPT-depth */
static void depth_counts_intermediates(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= 4; n++) {
		struct trial t = tall_chain(n, 0, -1);

		for (unsigned depth = 0; depth <= 5; depth++) {
			t.depth = depth;
			if (depth >= n)
				accepted(t);
			else
				refused(t, LEAT_ALERT_BAD_CERTIFICATE, "longer than allowed",
					"over a depth of");
		}
	}
}

static void depth_does_not_count_self_issued(void **state)
{
	struct trial t = tall_chain(3, 2, -1);

	(void)state;
	t.depth = 0;
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "longer than allowed", "1 over a depth of 0");
	t.depth = 1;
	accepted(t);
}

/* As long a chain as a message may hold. */
static void longest_chain(void **state)
{
	struct trial t = tall_chain(LIM_CHAIN - 1, 0, -1);

	(void)state;
	accepted(t);
	t.depth = LIM_CHAIN - 2;
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "longer than allowed", "15 over a depth of 14");
}

static void path_length(void **state)
{
	(void)state;
	accepted(tall_chain(0, 0, 0));
	refused(tall_chain(1, 0, 0), LEAT_ALERT_BAD_CERTIFICATE, "fewer levels", "depth");
	accepted(tall_chain(1, 0, 1));
	refused(tall_chain(3, 0, 2), LEAT_ALERT_BAD_CERTIFICATE, "fewer levels", "depth");
	/* RFC 5280 4.2.1.9: self-issued ones do not count */
	accepted(tall_chain(3, 1, 2));
}

/* ---- rule 2: what for --------------------------------------------------------------------------------- */

/* REQ: SEC-eku */
static void purpose(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.server = false;
	s.client = true;
	t = trial_of(leaf_of(s), pki_inter());
	refused(t, LEAT_ALERT_UNSUPPORTED_CERTIFICATE, "not meant for this use", "depth 0");
	t.client = true;
	accepted(t);
	s.server = true;
	s.client = false;
	t = trial_of(leaf_of(s), pki_inter());
	t.client = true;
	refused(t, LEAT_ALERT_UNSUPPORTED_CERTIFICATE, "not meant for this use", "depth 0");
	/* both, and none written: RFC 5280 4.2.1.12, any use */
	s.client = true;
	accepted(trial_of(leaf_of(s), pki_inter()));
	s.server = s.client = false;
	t = trial_of(leaf_of(s), pki_inter());
	accepted(t);
	t.client = true;
	accepted(t);
}

static void add_purpose(void *x509, void *arg)
{
	STACK_OF(ASN1_OBJECT) *uses = sk_ASN1_OBJECT_new_null();

	sk_ASN1_OBJECT_push(uses, OBJ_nid2obj(*(int *)arg));
	assert_int_equal(
		X509_add1_ext_i2d(x509, NID_ext_key_usage, uses, 0, X509V3_ADD_DEFAULT), 1);
	sk_ASN1_OBJECT_free(uses);
}

static void other_purposes(void **state)
{
	struct make_spec s = pki_spec(), ca = pki_ca_spec("for mail", pki_root());
	int mail = NID_email_protect, ocsp = NID_OCSP_sign, server = NID_server_auth;

	(void)state;
	s.server = false;
	s.tweak = add_purpose;
	s.tweak_arg = &ocsp;
	refused(trial_of(leaf_of(s), pki_inter()), LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"not meant for this use", "depth 0");
	/* an authority limited to mail issues no servers */
	ca.tweak = add_purpose;
	ca.tweak_arg = &mail;
	refused(below(ca), LEAT_ALERT_UNSUPPORTED_CERTIFICATE, "not meant for this use",
		"depth 1, subject CN=for mail");
	ca.tweak_arg = &server;
	accepted(below(ca));
}

static void usage_only_encipherment(void *x509, void *arg)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

	(void)arg;
	drop_ext(x509, NID_key_usage);
	ASN1_BIT_STRING_set_bit(bits, 2, 1);
	assert_int_equal(X509_add1_ext_i2d(x509, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT), 1);
	ASN1_BIT_STRING_free(bits);
}

static void drop_usage(void *x509, void *arg)
{
	(void)arg;
	drop_ext(x509, NID_key_usage);
}

/* RFC 8446 4.4.2.2: "the digitalSignature bit MUST be set if the Key Usage extension is present" */
static void key_may_sign(void **state)
{
	struct make_spec s = pki_spec();

	(void)state;
	s.key = KEY_RSA;
	s.tweak = usage_only_encipherment;
	refused(trial_of(leaf_of(s), pki_inter()), LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"may not make signatures", "depth 0");
	s.tweak = drop_usage;
	accepted(trial_of(leaf_of(s), pki_inter()));
}

struct unknown_ext {
	int critical;
};

static void add_unknown(void *x509, void *arg)
{
	const struct unknown_ext *u = arg;
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1);
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(v, (const uint8_t *)"\x05\x00", 2);
	e = X509_EXTENSION_create_by_OBJ(NULL, oid, u->critical, v);
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(v);
}

/* REQ: SEC-critical-ext */
static void unknown_extensions(void **state)
{
	struct unknown_ext critical = { 1 }, plain = { 0 };
	struct make_spec s = pki_spec(), ca = pki_ca_spec("odd", pki_root());

	(void)state;
	s.tweak = ca.tweak = add_unknown;
	s.tweak_arg = ca.tweak_arg = &critical;
	refused(trial_of(leaf_of(s), pki_inter()), LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"critical extension", "depth 0");
	refused(below(ca), LEAT_ALERT_UNSUPPORTED_CERTIFICATE, "critical extension",
		"depth 1, subject CN=odd");
	s.tweak_arg = ca.tweak_arg = &plain;
	accepted(trial_of(leaf_of(s), pki_inter()));
	accepted(below(ca));
}

/* ---- rule 2: name constraints ------------------------------------------------------------------------ */

/* Text as openssl's configuration has it: "permitted;DNS:example.org,excluded;IP:10.0.0.0/255.0.0.0" */
static void add_constraint_text(void *x509, void *arg)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_name_constraints, arg);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
}

static struct trial constrained(const char *text, const char *name)
{
	struct make_spec ca = pki_ca_spec("limited", pki_root()), s = pki_spec();
	struct trial t;

	ca.tweak = add_constraint_text;
	ca.tweak_arg = (void *)text;
	s.issuer = pki_make(&ca);
	s.names = &name;
	s.num_names = 1;
	t = trial_of(leaf_of(s), s.issuer);
	t.host = name;
	return t;
}

/* REQ: F-nameconstr */
static void name_constraints(void **state)
{
	(void)state;
	accepted(constrained("permitted;DNS:example.org", "www.example.org"));
	accepted(constrained("permitted;DNS:example.org", "example.org"));
	refused(constrained("permitted;DNS:example.org", "www.example.com"),
		LEAT_ALERT_BAD_CERTIFICATE, "outside of what the CA may certify", "depth 0");
	refused(constrained("permitted;DNS:example.org", "notexample.org"),
		LEAT_ALERT_BAD_CERTIFICATE, "outside of what the CA may certify", "depth 0");
	accepted(constrained("excluded;DNS:example.org", "www.example.com"));
	refused(constrained("excluded;DNS:example.org", "www.example.org"),
		LEAT_ALERT_BAD_CERTIFICATE, "must not certify", "depth 0");
	accepted(constrained("permitted;IP:10.0.0.0/255.0.0.0", "10.1.2.3"));
	refused(constrained("permitted;IP:10.0.0.0/255.0.0.0", "11.1.2.3"),
		LEAT_ALERT_BAD_CERTIFICATE, "outside of what the CA may certify", "depth 0");
	refused(constrained("permitted;IP:2001:db8::/FFFF:FFFF::", "2001:db9::1"),
		LEAT_ALERT_BAD_CERTIFICATE, "outside of what the CA may certify", "depth 0");
}

/* ---- rule 2: policies ------------------------------------------------------------------------------- */

struct ext_text {
	int nid;
	const char *text;
};

/* arg: rows as openssl's configuration has them, ended by one without text */
static void add_ext_texts(void *x509, void *arg)
{
	CONF *empty = NCONF_new(NULL); /* policies are only read with one at hand */
	X509V3_CTX ctx = { 0 };
	X509_EXTENSION *e;

	X509V3_set_nconf(&ctx, empty);
	for (const struct ext_text *t = arg; t->text; t++) {
		e = X509V3_EXT_nconf_nid(empty, &ctx, t->nid, t->text);
		assert_non_null(e);
		assert_int_equal(X509_add_ext(x509, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	NCONF_free(empty);
}

static struct trial with_policies(const struct ext_text *ca_ext, const struct ext_text *leaf_ext)
{
	struct make_spec ca = pki_ca_spec("strict", pki_root()), s = pki_spec();

	ca.tweak = s.tweak = add_ext_texts;
	ca.tweak_arg = (void *)ca_ext;
	s.tweak_arg = (void *)leaf_ext;
	s.issuer = pki_make(&ca);
	return trial_of(leaf_of(s), s.issuer);
}

/* RFC 5280 4.2.1.11: with requireExplicitPolicy "all certificates in the path" from some point on
 * must have an acceptable policy; any policy that holds for the whole path is good enough for us.
 * REQ: F-nameconstr */
static void policies(void **state)
{
	static const struct ext_text none[] = { { 0, NULL } };
	static const struct ext_text one[] = { { NID_certificate_policies, "1.2.3.4" },
		{ 0, NULL } };
	static const struct ext_text critical[] = {
		{ NID_certificate_policies, "critical,1.2.3.4" }, { 0, NULL }
	};
	static const struct ext_text other[] = { { NID_certificate_policies, "1.2.3.5" },
		{ 0, NULL } };
	static const struct ext_text demands[] = { { NID_certificate_policies, "1.2.3.4" },
		{ NID_policy_constraints, "critical,requireExplicitPolicy:0" }, { 0, NULL } };
	static const struct ext_text later[] = { { NID_certificate_policies, "1.2.3.4" },
		{ NID_policy_constraints, "critical,requireExplicitPolicy:2" }, { 0, NULL } };
	static const char *const what = "without the policy that a CA above it demands";

	(void)state;
	accepted(with_policies(one, one));
	accepted(with_policies(one, other)); /* nobody demands one */
	accepted(with_policies(one, critical));
	accepted(with_policies(none, critical));
	accepted(with_policies(demands, one));
	accepted(with_policies(demands, critical));
	refused(with_policies(demands, none), LEAT_ALERT_BAD_CERTIFICATE, what, "depth");
	refused(with_policies(demands, other), LEAT_ALERT_BAD_CERTIFICATE, what, "depth");
	accepted(with_policies(later, none)); /* not reached by so short a path */
}

/* ---- the host ------------------------------------------------------------------------------------------ */

static struct trial named(const char *const *names, size_t num, const char *host)
{
	struct make_spec s = pki_spec();
	struct trial t;

	s.cn = "www.example.org";
	s.names = names;
	s.num_names = num;
	t = trial_of(leaf_of(s), pki_inter());
	t.host = host;
	return t;
}

static void host_names(void **state)
{
	static const char *const names[] = { "example.org", "*.wild.example.org", "192.0.2.1",
		"2001:db8::1" };
	static const char *const covered[] = { "example.org", "EXAMPLE.org.", "a.wild.example.org",
		"192.0.2.1", "2001:db8::1", "2001:DB8:0::0:1" };
	/* the second is the common name of the certificate */
	static const char *const foreign[] = { "example.com", "www.example.org", "wild.example.org",
		"a.b.wild.example.org", "192.0.2.2", "2001:db8::2", "::ffff:192.0.2.1", "", ".",
		"*.wild.example.org", "192.0.2.1." };

	(void)state;
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++)
		accepted(named(names, 4, covered[i]));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		refused(named(names, 4, foreign[i]), LEAT_ALERT_BAD_CERTIFICATE, "not for the host",
			"the certificate has DNS:example.org");
}

static void no_names_at_all(void **state)
{
	(void)state;
	refused(named(NULL, 0, "www.example.org"), LEAT_ALERT_BAD_CERTIFICATE, "not for the host",
		"wanted www.example.org, the certificate has no names");
	accepted(named(NULL, 0, NULL));
}

/* A name in the wrong kind of entry: an address written as a DNS name, bytes of a name as address. */
static void names_of_the_wrong_kind(void *x509, void *arg)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	ASN1_STRING_set(s, arg, -1);
	GENERAL_NAME_set0_value(g, GEN_DNS, s);
	sk_GENERAL_NAME_push(list, g);
	g = GENERAL_NAME_new();
	s = ASN1_IA5STRING_new();
	ASN1_STRING_set(s, "example.org", -1);
	GENERAL_NAME_set0_value(g, GEN_EMAIL, s);
	sk_GENERAL_NAME_push(list, g);
	drop_ext(x509, NID_subject_alt_name);
	assert_int_equal(
		X509_add1_ext_i2d(x509, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT), 1);
	GENERAL_NAMES_free(list);
}

static void entries_of_other_kinds(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.tweak = names_of_the_wrong_kind;
	s.tweak_arg = (void *)"192.0.2.1";
	t = trial_of(leaf_of(s), pki_inter());
	t.host = "192.0.2.1";
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "not for the host",
		"DNS:192.0.2.1, email:example.org");
	t.host = "example.org";
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "not for the host", "wanted example.org");
}

static void nul_in_name(void *x509, void *arg)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	(void)arg;
	ASN1_STRING_set(s, "example.org\0.evil.test", 22);
	GENERAL_NAME_set0_value(g, GEN_DNS, s);
	sk_GENERAL_NAME_push(list, g);
	drop_ext(x509, NID_subject_alt_name);
	assert_int_equal(
		X509_add1_ext_i2d(x509, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT), 1);
	GENERAL_NAMES_free(list);
}

static void name_with_nul(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.tweak = nul_in_name;
	t = trial_of(leaf_of(s), pki_inter());
	t.host = "example.org";
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "not for the host", "DNS:example.org?.evil.test");
}

static void names_twice(void *x509, void *arg)
{
	int i = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
	X509_EXTENSION *e = X509_EXTENSION_dup(X509_get_ext(x509, i));

	(void)arg;
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void broken_names(void *x509, void *arg)
{
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	(void)arg;
	drop_ext(x509, NID_subject_alt_name);
	ASN1_OCTET_STRING_set(v, (const uint8_t *)"\x30\x7f\x82", 3);
	e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, v);
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(v);
}

/* RFC 5280 4.2: "A certificate MUST NOT include more than one instance of a particular extension" */
static void damaged_extensions(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.tweak = names_twice;
	t = trial_of(leaf_of(s), pki_inter());
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "broken extension", "depth 0");
	s.tweak = broken_names;
	t = trial_of(leaf_of(s), pki_inter());
	refused(t, LEAT_ALERT_BAD_CERTIFICATE, "broken extension", "depth 0");
}

/* ---- the rest ------------------------------------------------------------------------------------------- */

static void key_of_the_root(void *x509, void *arg)
{
	(void)arg;
	assert_int_equal(X509_set_pubkey(x509, made_evp_borrow(pki_root())), 1);
	drop_ext(x509, NID_subject_key_identifier);
}

/* A server that also sends the cross certificate of our root by an older root which is not trusted
 * here: the path that ends at the trusted one counts, whatever else could be built. */
static void cross_signed(void **state)
{
	struct make_spec old = pki_ca_spec("old root", NULL), cross = pki_ca_spec("pki root", NULL);
	struct trial t = trial_of(good_leaf(), pki_inter());

	(void)state;
	cross.issuer = pki_make(&old);
	cross.tweak = key_of_the_root;
	t.certs[2] = pki_make(&cross);
	t.certs[3] = cross.issuer;
	t.num = 4;
	accepted(t);
	/* and who trusts only the old one finds the way there */
	t.root = cross.issuer;
	accepted(t);
	t.num = 3;
	accepted(t);
	t.num = 2;
	refused(t, LEAT_ALERT_UNKNOWN_CA, "not among the trusted CAs", "depth 1");
}

static void text_is_printable(void **state)
{
	struct make_spec s = pki_spec();

	(void)state;
	s.cn = "\x1b]0;owned\a\x7f%n%s";
	s.to_s = PKI_NOW - 1;
	refused(trial_of(leaf_of(s), pki_inter()), LEAT_ALERT_CERTIFICATE_EXPIRED, "expired",
		"subject CN=?]0;owned??%n%s");
}

static void describe(void **state)
{
	struct leat_span der = pki_der(good_leaf());
	char text[600], small[10];

	(void)state;
	assert_int_equal(verify_describe(der, text, sizeof(text)), LEAT_OK);
	assert_string_equal(text,
		"subject CN=pki leaf, O=leat test, worthless; issuer CN=pki inter ec, O=leat test, "
		"worthless; valid 2027-01-05T08:00:00Z to 2027-01-25T08:00:00Z; key EC 256 bits; "
		"DNS:localhost, DNS:*.wild.test, IP:127.0.0.1, IP:::1");
	assert_int_equal(verify_describe(der, small, sizeof(small)), LEAT_OK);
	assert_string_equal(small, "subject C");
	der.n--;
	assert_int_equal(verify_describe(der, text, sizeof(text)), LEAT_FAILED);
	assert_string_equal(text, "");
}

/* One parsed chain and one store serve any number of threads; helgrind and TSan have run this. */
struct shared {
	struct chain *ch;
	struct store *s;
};

static void *verify_often(void *arg)
{
	const struct shared *sh = arg;
	uintptr_t failed = 0;

	for (int i = 0; i < 25; i++) {
		struct verify_in in = { .chain = chain_ref(sh->ch),
			.store = store_ref(sh->s),
			.host = i % 2 ? "localhost" : "other.test",
			.leaf_is_server = true,
			.now_s = PKI_NOW,
			.depth = 1 };
		struct leat_err err = { 0 };

		failed += (verify_chain(crypto, &in, &err) == LEAT_OK) != (i % 2 == 1);
		chain_unref(sh->ch);
		store_unref(sh->s);
	}
	return (void *)failed;
}

static void many_threads(void **state)
{
	struct trial t = trial_of(good_leaf(), pki_inter());
	struct shared sh = { chain_of(&t), store_of(pki_root()) };
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &sh), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	chain_unref(sh.ch);
	store_unref(sh.s);
}

/* Any one allocation of ours failing is an error, never a refusal; or somebody else finds the chain
 * good, as it is. */
static void each_allocation_fails(void **state)
{
	struct trial t = trial_of(good_leaf(), pki_inter());
	struct store *s = store_of(pki_root());
	struct chain *ch = chain_of(&t);
	struct verify_in in = { .chain = ch,
		.store = s,
		.host = "localhost",
		.leaf_is_server = true,
		.now_s = PKI_NOW,
		.depth = 1 };
	struct leat_err err = { 0 };
	unsigned long num;

	(void)state;
	leat_mem_fail_at(0);
	assert_int_equal(verify_chain(crypto, &in, &err), LEAT_OK);
	num = leat_mem_fail_at(0);
	for (unsigned long i = 1; i <= num; i++) {
		leat_mem_fail_at(i);
		if (verify_chain(crypto, &in, &err) != LEAT_OK)
			assert_int_equal(err.cls, LEAT_E_MEMORY);
		leat_mem_fail_at(0);
		err = (struct leat_err){ 0 };
	}
	chain_unref(ch);
	store_unref(s);
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
		cmocka_unit_test(authorities_of_every_kind),
		cmocka_unit_test(order_and_extras),
		cmocka_unit_test(unknown_authority),
		cmocka_unit_test(missing_intermediate),
		cmocka_unit_test(trusted_intermediate_is_no_root),
		cmocka_unit_test(self_signed_leaf),
		cmocka_unit_test(signatures),
		cmocka_unit_test(wrong_issuer_key_without_identifiers),
		cmocka_unit_test(weak_hashes),
		cmocka_unit_test(weak_hash_of_the_root),
		cmocka_unit_test(small_keys),
		cmocka_unit_test(signature_over_received_bytes),
		cmocka_unit_test(dates_of_the_leaf),
		cmocka_unit_test(dates_above_the_leaf),
		cmocka_unit_test(authorities_say_so),
		cmocka_unit_test(a_leaf_is_no_authority),
		cmocka_unit_test(root_of_version_1),
		cmocka_unit_test(leaf_of_version_1),
		cmocka_unit_test(depth_counts_intermediates),
		cmocka_unit_test(depth_does_not_count_self_issued),
		cmocka_unit_test(longest_chain),
		cmocka_unit_test(path_length),
		cmocka_unit_test(purpose),
		cmocka_unit_test(other_purposes),
		cmocka_unit_test(key_may_sign),
		cmocka_unit_test(unknown_extensions),
		cmocka_unit_test(name_constraints),
		cmocka_unit_test(policies),
		cmocka_unit_test(host_names),
		cmocka_unit_test(no_names_at_all),
		cmocka_unit_test(entries_of_other_kinds),
		cmocka_unit_test(name_with_nul),
		cmocka_unit_test(damaged_extensions),
		cmocka_unit_test(cross_signed),
		cmocka_unit_test(text_is_printable),
		cmocka_unit_test(describe),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}

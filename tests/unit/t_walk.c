/* SPDX-License-Identifier: Apache-2.0
 *
 * t_walk.c: x509/walk.c and fault.c: what the application is told about a path, in which order, and what
 * its answers do. Chains with one thing wrong at a time, and with several; answers at every position, late,
 * never, twice, wrong; allocations failing; a claimed intermediate. Handshakes: flow/t_verify_fun.c.
 *
 * REQ: CB-verify-sig CB-verify-when CB-verify-peerflag CB-verify-fail CB-verify-valid CB-verify-unknown
 * REQ: CB-verify-state CB-verify-reasons CB-verify-der CB-verify-default-peer CB-verify-default-none
 * REQ: CB-partial_chain T-cert-partial_chain
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <leat/crl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/rd.h"
#include "crlkit.h"
#include "ocsp.h"
#include "pki.h"
#include "vec.h"
#include "watch.h"
#include "x509/walk.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))
#define GOOD   "2:valid 1:valid 0:valid_peer"

static struct crypto *crypto;

/* A validation under construction: certificates leaf first, the trusted root, what else is asked. */
struct trial {
	const struct made *certs[4];
	size_t num;
	const struct made *root; /* NULL: none is trusted */
	struct verify_in in;
	struct leat_verify_fun fun;
	struct leat_err err;
};

static struct trial trial_of(const struct made *leaf, const struct made *inter)
{
	return (struct trial){
		.certs = { leaf, inter },
		.num = inter ? 2 : 1,
		.root = pki_root(),
		.in = { .host = "localhost",
			.leaf_is_server = true,
			.now_s = PKI_NOW,
			.depth = 10 },
	};
}

static struct trial good(void)
{
	return trial_of(pki_server(KEY_EC_P256)->leaf, pki_inter());
}

static struct trial leaf_with(struct make_spec s)
{
	return trial_of(pki_make(&s), s.issuer);
}

/* The chain and the store of t->in, until stop. */
static void start(struct trial *t)
{
	struct leat_span der[NUM(t->certs)];
	struct store *store = NULL;
	struct leat_err err = { 0 };

	for (size_t i = 0; i < t->num; i++)
		der[i] = pki_der(t->certs[i]);
	assert_int_equal(chain_new(&t->in.chain, crypto, der, t->num, &err), LEAT_OK);
	if (t->root) {
		assert_int_equal(store_new(&store, &err), LEAT_OK);
		assert_int_equal(store_add_der(store, pki_der(t->root), &err), LEAT_OK);
	}
	t->in.store = store;
	t->in.fun = t->fun.fn ? &t->fun : NULL;
}

static void stop(struct trial *t)
{
	store_unref((struct store *)(uintptr_t)t->in.store);
	chain_unref(t->in.chain);
}

static enum leat_ret judge(struct trial *t)
{
	struct walk *walk = NULL;
	enum leat_ret r;

	start(t);
	t->err = (struct leat_err){ 0 };
	r = walk_verify(crypto, &t->in, &walk, &t->err);
	assert_int_equal(r == LEAT_FAILED, t->err.cls != LEAT_E_NONE);
	assert_true(walk_event(walk) ? r == LEAT_AGAIN : true);
	walk_free(walk);
	stop(t);
	return r;
}

static enum leat_ret judge_with(struct trial t, struct watch *w, struct leat_err *err)
{
	enum leat_ret r;

	t.fun = watch_fun(w);
	r = judge(&t);
	if (err)
		*err = t.err;
	assert_int_equal(w->made, w->ended);
	return r;
}

/* Accepting everything, this is told; refusing the first thing that is wrong, this alert goes out. */
static void tells(struct trial t, const char *log, unsigned alert)
{
	struct watch w = WATCH;
	struct leat_err err;

	w.accept = true;
	assert_int_equal(judge_with(t, &w, NULL), LEAT_OK);
	watch_expect(&w, log);
	w.accept = false;
	assert_int_equal(judge_with(t, &w, &err), alert ? LEAT_FAILED : LEAT_OK);
	if (alert) {
		if (err.cls != LEAT_E_OUR_ALERT || err.alert != alert)
			fail_msg("%s: wanted %s, got %s (%s)", log, leat_alert_name(alert),
				leat_alert_name(err.alert), err.what);
		assert_true(strncmp(w.log, log, strlen(w.log)) == 0);
	}
}

/* ---- order and contents ------------------------------------------------------------------------- */

struct expected {
	const struct made *by_depth[3];
	unsigned next;
};

static void check_event(void *arg, const struct leat_cert_event *ev)
{
	struct expected *e = arg;
	struct leat_span der = pki_der(e->by_depth[ev->depth]);

	assert_int_equal(ev->number, e->next++);
	assert_int_equal(ev->is_anchor, ev->depth == 2);
	assert_true(leat_span_same(ev->der, der));
}

static void from_the_root_to_the_peer(void **state)
{
	struct expected e = { .by_depth = {
				      pki_server(KEY_EC_P256)->leaf, pki_inter(), pki_root() } };
	struct watch w = WATCH;
	struct trial t = good();

	(void)state;
	w.hook = check_event;
	w.hook_arg = &e;
	assert_int_equal(judge_with(t, &w, NULL), LEAT_OK);
	watch_expect(&w, GOOD);
	assert_int_equal(w.seen, 3); /* the state went through all of them */
	/* the root sent along is the store's all the same; order and extras do not matter */
	e.next = 0;
	t.certs[1] = pki_root();
	t.certs[2] = pki_server(KEY_RSA)->leaf;
	t.certs[3] = pki_inter();
	t.num = 4;
	assert_int_equal(judge_with(t, &w, NULL), LEAT_OK);
	watch_expect(&w, GOOD);
	assert_int_equal(w.made, 2);
}

static void one_certificate(void **state)
{
	struct make_spec s = pki_spec();
	struct trial t;

	(void)state;
	s.issuer = NULL;
	t = leaf_with(s);
	tells(t, "0:bad(selfsigned_peer) 0:valid_peer", LEAT_ALERT_BAD_CERTIFICATE);
	/* trusted itself */
	t.root = t.certs[0];
	tells(t, "0:valid_peer", 0);
}

/* ---- reasons ---------------------------------------------------------------------------------------- */

static const struct made *signed_by_another(void)
{
	struct make_spec twin = pki_ca_spec("pki inter ec", pki_root()), s = pki_spec();
	const struct made *other = pki_make(&twin);

	s.issuer = other;
	return pki_make(&s);
}

static void drop_key_id(void *x509, void *arg)
{
	(void)arg;
	X509_EXTENSION_free(
		X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_authority_key_identifier, -1)));
}

static void constrain(void *x509, void *arg)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(
		NULL, NULL, NID_name_constraints, "critical,permitted;DNS:example.org");

	(void)arg;
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void usage_without_signing(void *x509, void *arg)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	int at = X509_get_ext_by_NID(x509, NID_key_usage, -1);

	(void)arg;
	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(x509, at));
	ASN1_BIT_STRING_set_bit(bits, 4, 1);
	assert_int_equal(X509_add1_ext_i2d(x509, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT), 1);
	ASN1_BIT_STRING_free(bits);
}

static void of_the_leaf(void **state)
{
	struct make_spec s;
	struct trial t;

	(void)state;
	s = pki_spec();
	s.to_s = PKI_NOW - 1;
	tells(leaf_with(s), "2:valid 1:valid 0:bad(cert_expired) 0:valid_peer",
		LEAT_ALERT_CERTIFICATE_EXPIRED);
	s = pki_spec();
	s.from_s = PKI_NOW + 1;
	tells(leaf_with(s), "2:valid 1:valid 0:bad(cert_expired) 0:valid_peer",
		LEAT_ALERT_CERTIFICATE_EXPIRED);
	s = pki_spec();
	s.server = false;
	s.client = true;
	tells(leaf_with(s), "2:valid 1:valid 0:bad(invalid_ext_key_usage) 0:valid_peer",
		LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
	s = pki_spec();
	s.tweak = usage_without_signing;
	tells(leaf_with(s), "2:valid 1:valid 0:bad(invalid_key_usage) 0:valid_peer",
		LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
	s = pki_spec();
	s.key = KEY_RSA;
	s.rsa_bits = 1024;
	tells(leaf_with(s), "2:valid 1:valid 0:bad(insufficient_security) 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE);
	t = good();
	t.in.host = "other.example";
	tells(t, "2:valid 1:valid 0:bad(hostname_check_failed) 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE);
	/* same names, another key, and no identifier that tells them apart */
	s = pki_spec();
	s.tweak = drop_key_id;
	t = leaf_with(s);
	t.certs[0] = signed_by_another();
	t.num = 2;
	tells(t, "0:bad(unknown_ca) 0:valid_peer", LEAT_ALERT_UNKNOWN_CA);
}

static void of_authorities(void **state)
{
	struct make_spec ca = pki_ca_spec("an authority", pki_root()), s = pki_spec();
	struct trial t;

	(void)state;
	ca.to_s = PKI_NOW - 1;
	s.issuer = pki_make(&ca);
	tells(leaf_with(s), "2:valid 1:bad(cert_expired) 1:valid 0:valid_peer",
		LEAT_ALERT_CERTIFICATE_EXPIRED);
	ca = pki_ca_spec("an authority", pki_root());
	ca.is_ca = false;
	s.issuer = pki_make(&ca);
	tells(leaf_with(s),
		"2:valid 1:bad(missing_basic_constraint) 1:bad(invalid_key_usage) 1:valid 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE);
	ca = pki_ca_spec("an authority", pki_root());
	ca.tweak = constrain;
	s.issuer = pki_make(&ca);
	tells(leaf_with(s), "2:valid 1:valid 0:bad(name_not_permitted) 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE);
	t = good();
	t.in.depth = 0;
	tells(t, "2:bad(max_path_length_reached) 2:valid 1:valid 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE);
	t = good();
	t.root = NULL;
	tells(t, "1:bad(unknown_ca) 1:valid 0:valid_peer", LEAT_ALERT_UNKNOWN_CA);
	t.certs[2] = pki_root();
	t.num = 3;
	tells(t, "2:bad(unknown_ca) 2:valid 1:valid 0:valid_peer", LEAT_ALERT_UNKNOWN_CA);
	t = good();
	t.num = 1;
	tells(t, "0:bad(unknown_ca) 0:valid_peer", LEAT_ALERT_UNKNOWN_CA);
}

/* Every signature is checked, and each that is wrong is told where it stands. */
static void signatures(void **state)
{
	struct leat_span der[2] = { pki_der(pki_server(KEY_EC_P256)->leaf), pki_der(pki_inter()) };
	static const char *const logs[] = {
		"2:valid 1:valid 0:bad(invalid_signature) 0:valid_peer",
		"2:valid 1:bad(invalid_signature) 1:valid 0:valid_peer",
	};
	struct leat_err err = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct leat_span bent = pki_join(der[i], (struct leat_span){ NULL, 0 });
		struct trial t = good();
		struct watch w = WATCH;
		struct walk *walk = NULL;

		((uint8_t *)(uintptr_t)bent.p)[bent.n - 1] ^= 1;
		w.accept = true;
		t.fun = watch_fun(&w);
		start(&t);
		chain_unref(t.in.chain);
		assert_int_equal(chain_new(&t.in.chain, crypto,
					 (struct leat_span[]){
						 i == 0 ? bent : der[0], i == 1 ? bent : der[1] },
					 2, &err),
			LEAT_OK);
		assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_OK);
		watch_expect(&w, logs[i]);
		stop(&t);
	}
}

/* All that is wrong is told, and what is nearest to the root first. */
static void several_at_once(void **state)
{
	struct make_spec root = pki_ca_spec("worn root", NULL), ca, s = pki_spec();
	struct trial t;

	(void)state;
	root.to_s = PKI_NOW - 3;
	ca = pki_ca_spec("worn authority", pki_make(&root));
	ca.to_s = PKI_NOW - 2;
	ca.is_ca = false;
	s.issuer = pki_make(&ca);
	s.to_s = PKI_NOW - 1;
	t = leaf_with(s);
	t.root = ca.issuer;
	t.in.host = "other.example";
	tells(t,
		"2:bad(cert_expired) 2:valid 1:bad(missing_basic_constraint) 1:bad(cert_expired) 1:bad(invalid_key_usage) 1:valid "
		"0:bad(cert_expired) 0:bad(hostname_check_failed) 0:valid_peer",
		LEAT_ALERT_CERTIFICATE_EXPIRED);
}

static void signature_schemes(void **state)
{
	const struct sigscheme *only = sigscheme_by_name("ed25519", 7);
	struct trial t = good();

	(void)state;
	t.in.schemes = &only;
	t.in.num_schemes = 1;
	tells(t,
		"2:valid 1:bad(unsupported_signature) 1:valid 0:bad(unsupported_signature) 0:valid_peer",
		LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
}

/* ---- revocation, by stapled responses ---------------------------------------------------------------- */

static struct papers *papers_of(size_t at, struct leat_span response)
{
	struct leat_span status[2] = { { NULL, 0 } };
	struct papers *p;
	struct leat_err err = { 0 };

	status[at] = response;
	assert_int_equal(papers_new(&p, status, 2, (struct leat_span){ NULL, 0 }, &err), LEAT_OK);
	return p;
}

static void check_reason(void *arg, const struct leat_cert_event *ev)
{
	if (ev->kind == LEAT_CERT_BAD)
		assert_int_equal(ev->crl_reason, *(const enum leat_crl_reason *)arg);
}

/* What is no CRLReason is none for the application either. */
static void reasons_of_responses(void **state)
{
	static const struct {
		int told;
		enum leat_crl_reason reason;
	} rows[] = { { 0, LEAT_CRL_UNSPECIFIED }, { 1, LEAT_CRL_KEY_COMPROMISE },
		{ 10, LEAT_CRL_AA_COMPROMISE }, { 11, LEAT_CRL_UNSPECIFIED },
		{ 70000, LEAT_CRL_UNSPECIFIED } };
	struct trial t = good();
	struct ocsp_spec o = ocsp_good(t.certs[0], t.certs[1]);
	struct papers *p;

	(void)state;
	o.says = OCSP_REVOKED;
	t.in.staple = STAPLE_ASK;
	for (size_t i = 0; i < NUM(rows); i++) {
		enum leat_crl_reason reason = rows[i].reason;
		struct watch w = WATCH;

		w.accept = true;
		w.hook = check_reason;
		w.hook_arg = &reason;
		o.reason = rows[i].told;
		t.in.papers = p = papers_of(0, ocsp_make(&o));
		assert_int_equal(judge_with(t, &w, NULL), LEAT_OK);
		watch_expect(&w, "2:valid 1:valid 0:bad(revoked) 0:valid_peer");
		papers_unref(p);
	}
}

static void responses(void **state)
{
	struct trial t = good();
	struct ocsp_spec o = ocsp_good(t.certs[0], t.certs[1]);
	struct papers *p;

	(void)state;
	o.says = OCSP_REVOKED;
	t.in.staple = STAPLE_ASK;
	t.in.papers = p = papers_of(0, ocsp_make(&o));
	tells(t, "2:valid 1:valid 0:bad(revoked) 0:valid_peer", LEAT_ALERT_CERTIFICATE_REVOKED);
	/* the same behind a chain that passed before: TLS 1.2's CertificateStatus */
	t.in.staple_only = true;
	tells(t, "0:bad(revoked)", LEAT_ALERT_CERTIFICATE_REVOKED);
	t.in.staple_only = false;
	papers_unref(p);
	/* about the authority */
	o = ocsp_good(t.certs[1], pki_root());
	o.says = OCSP_REVOKED;
	t.in.papers = p = papers_of(1, ocsp_make(&o));
	tells(t, "2:valid 1:bad(revoked) 1:valid 0:valid_peer", LEAT_ALERT_CERTIFICATE_REVOKED);
	papers_unref(p);
	/* none */
	t.in.papers = NULL;
	t.in.staple = STAPLE_REQUIRE;
	tells(t, "2:valid 1:valid 0:bad(revocation_status_undetermined) 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
}

/* ---- revocation, by lists ---- */

static void revocation_lists(void **state)
{
	enum leat_crl_reason reason = LEAT_CRL_KEY_COMPROMISE;
	struct crl_spec s = crl_good(pki_inter());
	struct trial t = good();
	struct watch w = WATCH;
	struct leat_span der;
	struct leat_err err = { 0 };

	(void)state;
	t.in.crl_check = CRL_CHECK_PEER;
	assert_int_equal(leat_crl_cache_mem_new(&t.in.crls, NULL, &err), LEAT_OK);
	/* none that could say anything */
	tells(t, "2:valid 1:valid 0:bad(revocation_status_undetermined) 0:valid_peer",
		LEAT_ALERT_BAD_CERTIFICATE);
	s.revoked[0] = (struct crl_entry){ .cert = t.certs[0], .reason = (int)reason };
	der = crl_make(&s);
	assert_int_equal(leat_crl_insert_der(t.in.crls, NULL, &der, 1, &err), LEAT_OK);
	tells(t, "2:valid 1:valid 0:bad(revoked) 0:valid_peer", LEAT_ALERT_CERTIFICATE_REVOKED);
	w.accept = true;
	w.hook = check_reason;
	w.hook_arg = &reason;
	assert_int_equal(judge_with(t, &w, NULL), LEAT_OK);
	leat_crl_cache_unref(t.in.crls);
}

/* ---- extensions -------------------------------------------------------------------------------------- */

static void add_unknown(void *x509, void *arg)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.11129.9.9", 1);
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2);
	e = X509_EXTENSION_create_by_OBJ(NULL, oid, *(const int *)arg, value);
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(value);
}

static struct trial with_extension(int critical)
{
	static int arg[2] = { 0, 1 };
	struct make_spec s = pki_spec();

	s.tweak = add_unknown;
	s.tweak_arg = &arg[critical];
	return leaf_with(s);
}

static void check_extension(void *arg, const struct leat_cert_event *ev)
{
	static const uint8_t oid[] = "\x2b\x06\x01\x04\x01\xd6\x79\x09\x09";

	if (ev->kind != LEAT_CERT_EXTENSION)
		return;
	assert_true(leat_span_same(ev->oid, (struct leat_span){ oid, sizeof(oid) - 1 }));
	assert_true(
		leat_span_same(ev->value, (struct leat_span){ (const uint8_t *)"\x05\x00", 2 }));
	assert_int_equal(ev->critical, *(const bool *)arg);
}

/* REQ: SEC-critical-ext */
static void unknown_extensions(void **state)
{
	bool critical = false;
	struct watch w = WATCH;
	struct leat_err err;

	(void)state;
	w.hook = check_extension;
	w.hook_arg = &critical;
	assert_int_equal(judge_with(with_extension(0), &w, NULL), LEAT_OK);
	watch_expect(&w, "2:valid 1:valid 0:ext 0:valid_peer");
	critical = true;
	w.accept = true; /* what is wrong: an extension that nobody knows is not among it */
	assert_int_equal(judge_with(with_extension(1), &w, &err), LEAT_FAILED);
	watch_expect(&w, "2:valid 1:valid 0:ext(critical)");
	assert_int_equal(err.alert, LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
	/* one that the application knows */
	w.at = 2;
	w.answer = LEAT_VERDICT_VALID;
	assert_int_equal(judge_with(with_extension(1), &w, NULL), LEAT_OK);
	watch_expect(&w, "2:valid 1:valid 0:ext(critical) 0:valid_peer");
	w.answer = LEAT_VERDICT_FAIL;
	assert_int_equal(judge_with(with_extension(1), &w, &err), LEAT_FAILED);
	assert_int_equal(err.alert, LEAT_ALERT_HANDSHAKE_FAILURE);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* A chain with everything: 2:valid 1:bad 1:valid 0:bad 0:ext 0:valid_peer. */
static struct trial with_everything(void)
{
	static int plain;
	struct make_spec ca = pki_ca_spec("worn authority", pki_root()), s = pki_spec();
	struct trial t;

	ca.to_s = PKI_NOW - 1;
	s.issuer = pki_make(&ca);
	s.tweak = add_unknown;
	s.tweak_arg = &plain;
	t = leaf_with(s);
	t.in.host = "other.example";
	return t;
}
#define EVERYTHING 6

static void no_at_every_position(void **state)
{
	struct leat_err err;

	(void)state;
	for (int at = 0; at < EVERYTHING; at++) {
		struct watch w = WATCH;

		w.accept = true;
		w.at = at;
		w.answer = LEAT_VERDICT_FAIL;
		w.reason = LEAT_BAD_APPLICATION;
		assert_int_equal(judge_with(with_everything(), &w, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
		assert_int_equal(err.alert, LEAT_ALERT_HANDSHAKE_FAILURE);
		assert_int_equal(w.calls, at + 1); /* at once */
		assert_int_equal(w.seen, at + 1);
	}
}

static void alert_of_each_reason(void **state)
{
	static const struct {
		enum leat_bad_cert reason;
		unsigned alert;
	} rows[] = {
		{ LEAT_BAD_UNKNOWN_CA, LEAT_ALERT_UNKNOWN_CA },
		{ LEAT_BAD_CERT_EXPIRED, LEAT_ALERT_CERTIFICATE_EXPIRED },
		{ LEAT_BAD_REVOKED, LEAT_ALERT_CERTIFICATE_REVOKED },
		{ LEAT_BAD_INVALID_ISSUER, LEAT_ALERT_BAD_CERTIFICATE },
		{ LEAT_BAD_INVALID_SIGNATURE, LEAT_ALERT_BAD_CERTIFICATE },
		{ LEAT_BAD_NAME_NOT_PERMITTED, LEAT_ALERT_BAD_CERTIFICATE },
		{ LEAT_BAD_SELFSIGNED_PEER, LEAT_ALERT_BAD_CERTIFICATE },
		{ LEAT_BAD_REVOCATION_UNDETERMINED, LEAT_ALERT_BAD_CERTIFICATE },
		{ LEAT_BAD_CRITICAL_EXTENSION, LEAT_ALERT_UNSUPPORTED_CERTIFICATE },
		{ LEAT_BAD_APPLICATION, LEAT_ALERT_HANDSHAKE_FAILURE },
		{ LEAT_BAD_OTHER, LEAT_ALERT_HANDSHAKE_FAILURE },
		{ (enum leat_bad_cert)1000, LEAT_ALERT_HANDSHAKE_FAILURE },
	};
	struct leat_err err;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct watch w = WATCH;

		w.at = 2;
		w.answer = LEAT_VERDICT_FAIL;
		w.reason = rows[i].reason;
		assert_int_equal(judge_with(good(), &w, &err), LEAT_FAILED);
		assert_int_equal(err.alert, rows[i].alert);
	}
}

/* Unknown is no yes to what is wrong, and numbers without a meaning are no. */
static void answers_that_are_none(void **state)
{
	struct leat_err err;

	(void)state;
	for (int at = 0; at < EVERYTHING; at++) {
		struct watch w = WATCH;
		bool wrong = at == 1 || at == 3;

		w.accept = true;
		w.at = at;
		w.answer = LEAT_VERDICT_UNKNOWN;
		assert_int_equal(
			judge_with(with_everything(), &w, &err), wrong ? LEAT_FAILED : LEAT_OK);
		w.answer = (enum leat_verdict)77;
		assert_int_equal(judge_with(with_everything(), &w, &err), LEAT_FAILED);
	}
}

/* The event is asked again, under the same number, and the walk goes on from there. */
static void later_at_every_position(void **state)
{
	(void)state;
	for (int at = 0; at < EVERYTHING; at++) {
		struct trial t = with_everything();
		struct watch w = WATCH;
		struct walk *walk = NULL;
		struct leat_err err = { 0 };

		w.accept = true;
		w.at = at;
		w.answer = LEAT_VERDICT_LATER;
		w.times = 2;
		t.fun = watch_fun(&w);
		start(&t);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_AGAIN);
			assert_int_equal(walk_event(walk)->number, at);
			assert_int_equal(err.cls, LEAT_E_NONE);
		}
		assert_int_equal(w.ended, 0);
		assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_OK);
		assert_null(walk);
		assert_int_equal(w.made, 1);
		assert_int_equal(w.ended, 1);
		assert_int_equal(w.seen, EVERYTHING + 2);
		stop(&t);
	}
}

/* Never: the walk is thrown away, and its state with it. */
static void never(void **state)
{
	struct watch w = WATCH;

	(void)state;
	w.at = 0;
	w.answer = LEAT_VERDICT_LATER;
	assert_int_equal(judge_with(good(), &w, NULL), LEAT_AGAIN);
	assert_int_equal(w.ended, 1);
}

static void by_hand(void **state)
{
	(void)state;
	for (int yes = 0; yes < 2; yes++) {
		struct trial t = with_everything();
		struct watch w = WATCH;
		struct walk *walk = NULL;
		struct leat_err err = { 0 };

		w.accept = true;
		w.at = 1;
		w.answer = LEAT_VERDICT_LATER;
		t.fun = watch_fun(&w);
		start(&t);
		assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_AGAIN);
		assert_int_equal(walk_answer(&walk, yes ? LEAT_VERDICT_VALID : LEAT_VERDICT_FAIL,
					 LEAT_BAD_CERT_EXPIRED, &err),
			yes ? LEAT_OK : LEAT_FAILED);
		assert_null(walk);
		if (!yes)
			assert_int_equal(err.alert, LEAT_ALERT_CERTIFICATE_EXPIRED);
		assert_int_equal(w.calls, yes ? EVERYTHING : 2);
		assert_int_equal(w.ended, 1);
		stop(&t);
	}
}

/* ---- defaults ------------------------------------------------------------------------------------------ */

static void default_functions(void **state)
{
	const struct trial trials[] = { good(), with_everything(), with_extension(0),
		with_extension(1) };
	struct trial t;
	struct leat_err err;

	(void)state;
	for (size_t i = 0; i < NUM(trials); i++) {
		t = trials[i];
		judge(&t);
		err = t.err;
		t.fun.fn = leat_verify_default_peer;
		assert_int_equal(judge(&t), err.cls ? LEAT_FAILED : LEAT_OK);
		assert_int_equal(t.err.alert, err.alert);
		t.fun.fn = leat_verify_default_none;
		assert_int_equal(judge(&t), LEAT_OK);
	}
	/* critical and unknown: refused, and with verify_none ignored */
	t = with_extension(1);
	t.fun.fn = leat_verify_default_peer;
	assert_int_equal(judge(&t), LEAT_FAILED);
	assert_int_equal(t.err.alert, LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
}

/* ---- lean and the cache ---------------------------------------------------------------------------------- */

static void nothing_passes_unseen(void **state)
{
	struct trial t = good(), plain;
	struct watch w = WATCH;
	struct walk *walk = NULL;
	struct leat_err err = { 0 };

	(void)state;
	t.in.keep = true;
	start(&t);
	/* this chain passed once: by lean, and it is kept */
	assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_OK);
	t.fun = watch_fun(&w);
	t.in.fun = &t.fun;
	assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_OK);
	watch_expect(&w, GOOD);
	stop(&t);
	/* what the application let pass does not pass without it, under the same store */
	t = good();
	t.in.keep = true;
	w.accept = true;
	t.fun = watch_fun(&w);
	t.in.host = "other.example";
	start(&t);
	assert_int_equal(walk_verify(crypto, &t.in, &walk, &err), LEAT_OK);
	plain = t;
	plain.in.fun = NULL;
	assert_int_equal(walk_verify(crypto, &plain.in, &walk, &err), LEAT_FAILED);
	assert_int_equal(err.alert, LEAT_ALERT_BAD_CERTIFICATE);
	stop(&t);
}

/* ---- partial_chain ----------------------------------------------------------------------------------------- */

struct claim {
	enum leat_ret answer;
	size_t trusted, num;
	unsigned calls;
};

static enum leat_ret on_chain(void *arg, const struct leat_span *chain, size_t num, size_t *trusted)
{
	struct claim *c = arg;

	assert_true(leat_span_same(chain[num - 1], pki_der(pki_inter())) || num != 2);
	c->num = num;
	c->calls++;
	*trusted = c->trusted;
	return c->answer;
}

static struct trial claiming(struct trial t, struct claim *c)
{
	t.in.partial = on_chain;
	t.in.partial_arg = c;
	return t;
}

static void an_intermediate_is_claimed(void **state)
{
	struct claim c = { .answer = LEAT_OK, .trusted = 1 };
	struct trial t = claiming(good(), &c);
	struct watch w = WATCH;

	(void)state;
	/* not asked where the root is there */
	assert_int_equal(judge(&t), LEAT_OK);
	assert_int_equal(c.calls, 0);
	t.root = NULL;
	assert_int_equal(judge(&t), LEAT_OK);
	assert_int_equal(c.num, 2);
	/* and the application sees the path from the claimed one on */
	t.root = NULL;
	assert_int_equal(judge_with(t, &w, NULL), LEAT_OK);
	watch_expect(&w, "1:valid 0:valid_peer");
	/* the rules below it hold */
	t.in.host = "other.example";
	assert_int_equal(judge(&t), LEAT_FAILED);
	assert_int_equal(t.err.alert, LEAT_ALERT_BAD_CERTIFICATE);
	assert_int_equal(judge_with(t, &w, NULL), LEAT_FAILED);
	watch_expect(&w, "1:valid 0:bad(hostname_check_failed)");
}

/* alert 0: believed. */
static void expect_response(struct trial *t, const struct ocsp_spec *o, unsigned alert)
{
	struct papers *p = papers_of(0, ocsp_make(o));

	t->in.papers = p;
	assert_int_equal(judge(t), alert ? LEAT_FAILED : LEAT_OK);
	assert_int_equal(t->err.alert, alert);
	papers_unref(p);
}

/* A response counts below the claimed one as below a root, whether there are roots or not. */
static void responses_below_a_claimed_one(void **state)
{
	struct claim c = { .answer = LEAT_OK, .trusted = 1 };
	struct trial t = claiming(good(), &c);
	struct make_spec stranger = pki_ca_spec("another root", NULL);
	const struct made *roots[] = { NULL, pki_make(&stranger) };
	struct ocsp_spec o;

	(void)state;
	t.in.staple = STAPLE_REQUIRE;
	for (size_t i = 0; i < NUM(roots); i++) {
		t.root = roots[i];
		o = ocsp_good(t.certs[0], t.certs[1]);
		expect_response(&t, &o, 0);
		o.says = OCSP_REVOKED;
		expect_response(&t, &o, LEAT_ALERT_CERTIFICATE_REVOKED);
		o = ocsp_good(t.certs[0], t.certs[1]);
		o.signer = pki_root();
		expect_response(&t, &o, LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
	}
}

static void an_expired_root(void **state)
{
	struct make_spec root = pki_ca_spec("worn root", NULL), ca, s = pki_spec();
	struct claim c = { .answer = LEAT_OK, .trusted = 1 };
	struct trial t, plain;

	(void)state;
	root.to_s = PKI_NOW - 1;
	ca = pki_ca_spec("sound authority", pki_make(&root));
	s.issuer = pki_make(&ca);
	plain = leaf_with(s);
	plain.root = ca.issuer;
	assert_int_equal(judge(&plain), LEAT_FAILED);
	assert_int_equal(plain.err.alert, LEAT_ALERT_CERTIFICATE_EXPIRED);
	t = plain;
	t.certs[2] = t.root;
	t.num = 3;
	t = claiming(t, &c);
	assert_int_equal(judge(&t), LEAT_OK);
	assert_int_equal(c.num, 3);
	/* a leaf that expired is no matter of the root */
	s.to_s = PKI_NOW - 1;
	s.issuer = pki_inter();
	t = claiming(leaf_with(s), &c);
	c.calls = 0;
	assert_int_equal(judge(&t), LEAT_FAILED);
	assert_int_equal(c.calls, 0);
}

static void claims_that_are_none(void **state)
{
	static const struct claim claims[] = {
		{ .answer = LEAT_FAILED, .trusted = 1 }, /* "crashed" */
		{ .answer = LEAT_UNSUPPORTED, .trusted = 1 },
		{ .answer = (enum leat_ret)99, .trusted = 1 },
		{ .answer = LEAT_OK, .trusted = 0 },
		{ .answer = LEAT_OK, .trusted = 2 },
		{ .answer = LEAT_OK, .trusted = SIZE_MAX },
	};

	(void)state;
	for (size_t i = 0; i < NUM(claims); i++) {
		struct claim c = claims[i];
		struct trial t = claiming(good(), &c);
		struct watch w = WATCH;

		t.root = NULL;
		assert_int_equal(judge(&t), LEAT_FAILED);
		assert_int_equal(t.err.alert, LEAT_ALERT_UNKNOWN_CA);
		assert_int_equal(judge_with(t, &w, NULL), LEAT_FAILED);
		watch_expect(&w, "1:bad(unknown_ca)");
		c.answer = LEAT_AGAIN;
		assert_int_equal(judge(&t), LEAT_AGAIN);
		assert_int_equal(judge_with(t, &w, NULL), LEAT_AGAIN);
		watch_expect(&w, ""); /* nothing is told before it is known where the path begins */
	}
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

static void clone_without_memory(void **state)
{
	struct watch w = WATCH;
	struct leat_err err;

	(void)state;
	w.no_state = true;
	assert_int_equal(judge_with(good(), &w, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	assert_int_equal(w.calls, 0);
}

/* Every allocation fails once: memory is what it says, and nothing bad becomes good. */
static void allocations(void **state)
{
	struct trial t = with_everything();
	struct leat_err err;
	unsigned long nth = 0;
	enum leat_ret r;

	(void)state;
	t.fun.fn = leat_verify_default_peer;
	t.in.fun = &t.fun;
	start(&t);
	do {
		struct walk *walk = NULL;

		err = (struct leat_err){ 0 };
		leat_mem_fail_at(++nth);
		r = walk_verify(crypto, &t.in, &walk, &err);
		leat_mem_fail_at(0);
		assert_int_equal(r, LEAT_FAILED);
		assert_null(walk);
	} while (err.cls == LEAT_E_MEMORY);
	assert_int_equal(err.alert, LEAT_ALERT_CERTIFICATE_EXPIRED);
	assert_true(nth >= 3);
	stop(&t);
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < LEAT_BAD_COUNT; i++) {
		assert_non_null(leat_bad_cert_name((enum leat_bad_cert)i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(leat_bad_cert_name((enum leat_bad_cert)i),
				leat_bad_cert_name((enum leat_bad_cert)k));
	}
	assert_string_equal(leat_bad_cert_name(LEAT_BAD_COUNT), "application");
	assert_string_equal(leat_bad_cert_name((enum leat_bad_cert) - 1), "application");
	assert_string_equal(leat_crl_reason_name(LEAT_CRL_KEY_COMPROMISE), "keyCompromise");
	assert_string_equal(leat_crl_reason_name((enum leat_crl_reason)7), "unspecified");
	assert_string_equal(leat_crl_reason_name((enum leat_crl_reason) - 1), "unspecified");
}

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	return crypto_new(&crypto, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	crypto_unref(crypto);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_root_to_the_peer),
		cmocka_unit_test(one_certificate),
		cmocka_unit_test(of_the_leaf),
		cmocka_unit_test(of_authorities),
		cmocka_unit_test(signatures),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(signature_schemes),
		cmocka_unit_test(reasons_of_responses),
		cmocka_unit_test(responses),
		cmocka_unit_test(revocation_lists),
		cmocka_unit_test(unknown_extensions),
		cmocka_unit_test(no_at_every_position),
		cmocka_unit_test(alert_of_each_reason),
		cmocka_unit_test(answers_that_are_none),
		cmocka_unit_test(later_at_every_position),
		cmocka_unit_test(never),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(default_functions),
		cmocka_unit_test(nothing_passes_unseen),
		cmocka_unit_test(an_intermediate_is_claimed),
		cmocka_unit_test(responses_below_a_claimed_one),
		cmocka_unit_test(an_expired_root),
		cmocka_unit_test(claims_that_are_none),
		cmocka_unit_test(clone_without_memory),
		cmocka_unit_test(allocations),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

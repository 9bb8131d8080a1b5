/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.h - is a chain to be believed? Pure: time comes in, nothing is fetched but by a CRL cache's callbacks. What is refused is
 * refused by libcrypto's X509_verify_cert, and the result mapped to an alert and a sentence that names
 * the certificate, its depth and the reason. What lean.c or an earlier verdict accept needs no libcrypto.
 */
#ifndef LEAT_X509_VERIFY_H
#define LEAT_X509_VERIFY_H

#include <leat/verify.h>

#include "x509/chain.h"
#include "x509/papers.h"
#include "x509/store.h"

/* OCSP responses: not looked at; looked at where they come, and refused without where a certificate
 * demands one (RFC 7633); refused without in any case. */
enum staple_rule { STAPLE_OFF = 0, STAPLE_ASK, STAPLE_REQUIRE };

/* CRLs (option crl_check): not looked at; for all certificates but the anchor; for the peer's own alone; for all,
 * and one whose status cannot be told passes. */
enum crl_check { CRL_CHECK_OFF = 0, CRL_CHECK_ALL, CRL_CHECK_PEER, CRL_CHECK_BEST_EFFORT };

/* 112 bits of security: libcrypto's level 2, of certificates and of what signs CRLs and OCSP responses. */
#define VERIFY_AUTH_LEVEL 2

struct leat_crl_cache;
struct faults;

struct verify_in {
	struct chain *chain;       /* as received, see chain.h */
	const struct store *store; /* NULL: nothing is trusted */
	const char *host;    /* DNS name or IP literal the leaf must carry; NULL: not checked */
	bool leaf_is_server; /* required extended key usage: serverAuth, else clientAuth */
	int64_t now_s;
	unsigned depth;      /* most non-self-issued intermediates between leaf and anchor */
	bool only_libcrypto; /* neither lean.c nor an earlier verdict may accept */
	/* What the certificates that came may be signed with, self-signed ones aside; num 0: anything
	 * that is strong enough. */
	const struct sigscheme *const *schemes;
	unsigned num_schemes;
	bool keep; /* remember a chain that passed, in the store's cache */
	enum staple_rule staple;
	const struct papers *papers; /* what came with the chain; NULL: nothing */
	enum crl_check crl_check;
	struct leat_crl_cache *crls; /* set where crl_check is on */
	bool staple_only;            /* the chain passed before: only what is asked by staple */
	/* The application's functions, for walk.h; NULL: none. */
	const struct leat_verify_fun *fun;
	leat_partial_chain_fn *partial;
	void *partial_arg;
	/* walk.c's: faults are collected here and not refused; the certificate of the chain that is the one
	 * anchor, 0: those of the store. */
	struct faults *faults;
	size_t anchor;
};

/* Full validation. On refusal err holds the alert RFC 8446 6.2 names (unknown_ca,
 * certificate_expired, bad_certificate, unsupported_certificate, certificate_revoked,
 * certificate_unknown; of status.h also bad_certificate_status_response), what = the reason in words, detail = "depth N, subject CN=..., ...".
 * LEAT_AGAIN: the CRL cache does not know yet; to be called again. */
LEAT_MUST_CHECK enum leat_ret verify_chain(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err);

/* One line about a certificate for people: subject, issuer, validity, key, names. */
LEAT_MUST_CHECK enum leat_ret verify_describe(struct leat_span der, char *buf, size_t n);
/* Its subject alone, "CN=..., O=...". */
LEAT_MUST_CHECK enum leat_ret verify_subject(struct leat_span der, char *buf, size_t n);

#endif

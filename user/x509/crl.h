/* SPDX-License-Identifier: Apache-2.0
 *
 * crl.h - certificate revocation lists as objects: parsed once, immutable, reference counted, shared by
 * caches and checks on any thread; and the caches of leat/crl.h as the check uses them. What a CRL says about
 * a certificate is revoked.c's affair.
 */
#ifndef LEAT_X509_CRL_H
#define LEAT_X509_CRL_H

#include <leat/crl.h>

#include "base/err.h"
#include "base/limits.h"

struct crl;

/* LEAT_UNSUPPORTED: the bytes are not exactly one CRL. LEAT_FAILED: no memory. */
LEAT_MUST_CHECK enum leat_ret crl_new(struct crl **out, struct leat_span der);
struct crl *crl_ref(struct crl *c);
void crl_unref(struct crl *c);
/* Name of the issuer, DER; borrowed. */
struct leat_span crl_issuer(const struct crl *c);
/* nextUpdate is past. */
bool crl_is_over(const struct crl *c, int64_t now_s);
/* Bytes of the DER it was made of. */
size_t crl_size(const struct crl *c);

/* The number in the names of hash directories. false: not a Name, or no memory. */
LEAT_MUST_CHECK bool crl_name_hash(struct leat_span name, uint32_t *hash);
/* Do both stand for the same name (RFC 5280 7.1)? */
bool crl_same_name(struct leat_span a, struct leat_span b);

/* Answers of a cache: references. Zero state is empty. */
struct leat_crl_list {
	struct crl *v[LIM_CRLS];
	size_t num;
};
/* A full list stays as it is. */
void crl_list_push(struct leat_crl_list *l, struct crl *c);
void crl_list_clear(struct leat_crl_list *l);
/* Every CRL of a text, DER or PEM. Encrypted and other blocks of PEM are passed over. LEAT_UNSUPPORTED:
 * there is none, one is broken, or they are too many. LEAT_FAILED: no memory. */
LEAT_MUST_CHECK enum leat_ret crl_list_add_text(struct leat_crl_list *l, struct leat_span text);

/* LEAT_OK, LEAT_UNSUPPORTED, LEAT_AGAIN; the list may have more afterwards in each case. */
LEAT_MUST_CHECK enum leat_ret crl_cache_lookup(struct leat_crl_cache *c,
	const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out);
LEAT_MUST_CHECK enum leat_ret crl_cache_select(struct leat_crl_cache *c, struct leat_span issuer,
	int64_t now_s, struct leat_crl_list *out);
/* What takes the place of crl, or nothing on the list. */
LEAT_MUST_CHECK enum leat_ret crl_cache_fresh(struct leat_crl_cache *c,
	const struct leat_dist_point *dp, const struct crl *crl, int64_t now_s,
	struct leat_crl_list *out);

/* crl_uri.c: an http URI in the form in which two that mean the same place are equal; leat_free it.
 * LEAT_UNSUPPORTED: not an http URI. LEAT_FAILED: no memory. */
LEAT_MUST_CHECK enum leat_ret crl_uri_new(char **out, struct leat_span text);

#endif

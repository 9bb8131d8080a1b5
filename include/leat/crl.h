/* SPDX-License-Identifier: Apache-2.0
 *
 * crl.h - certificate revocation lists (RFC 5280 5): where a config with crl_check finds them.
 *
 * A cache answers two questions about a certificate that is to be checked: which CRLs lie at a
 * distribution point, and which were issued by a name. leat judges what comes (signature by an issuer
 * that leads to the same anchor, dates, scope, deltas); a cache can withhold, but not forge.
 *
 *	cache                            its CRLs come from
 *	leat_crl_cache_mem_new           what is put into it: the internal cache, without I/O
 *	leat_crl_cache_internal          the internal cache of this process (libleat)
 *	leat_crl_cache_http_new          another cache, then the http URIs of certificates (libleat)
 *	leat_crl_cache_dir_new           a folder of files named by the hash of the issuer (libleat)
 *	leat_crl_cache_cb_new            the program's functions
 *
 * A cache is reference counted and belongs to any number of configs; when the option crl_check has a
 * handshake ask it, it is asked by the thread that runs the job LEAT_JOB_VERIFY (job.h): behind the
 * chain's own verdict, so that nobody but the holder of a trusted certificate can make it work.
 */
#ifndef LEAT_CRL_H
#define LEAT_CRL_H

#include <leat/config.h>
#include <leat/session.h>
#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_crl_cache;

/* leat_crl_cache_ref adds a reference and returns its argument. */
LEAT_API struct leat_crl_cache *leat_crl_cache_ref(struct leat_crl_cache *c);
/* leat_crl_cache_unref: the last one frees. NULL is fine. */
LEAT_API void leat_crl_cache_unref(struct leat_crl_cache *c);

/* leat_config_set_crl_cache: the peer's certificates are checked against the CRLs of c (referenced),
 * as the option crl_check says, which is to be set too. LEAT_E_MISUSE: the config is frozen. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_crl_cache(
	struct leat_config *cfg, struct leat_crl_cache *c, struct leat_err *err);

/* ---- the internal cache ---- */

/* leat_crl_cache_mem_new makes an empty cache in memory. lock (copied) guards it where several
 * threads use it; NULL: one thread only. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_cache_mem_new(
	struct leat_crl_cache **out, const struct leat_lock *lock, struct leat_err *err);
/* leat_crl_cache_internal returns the internal cache of this process, for any thread: what is put
 * into it is there for every config that has it. One reference for the caller; NULL: no memory. In
 * libleat, not in libleat-core. */
LEAT_API struct leat_crl_cache *leat_crl_cache_internal(void);

/* leat_crl_insert_der puts num CRLs (DER, copied) into an internal cache. uri NULL: they are found by
 * their issuer; a CRL takes the place of an older one of the same issuer, key and scope. Else they are
 * what lies at that distribution point, in place of what was said to lie there before; only http URIs
 * (LEAT_E_OPTION). URIs that differ in host, port, path or query are different ones. All of them
 * or none: LEAT_E_OPTION for bytes that are no CRL. LEAT_E_MISUSE: not an internal cache. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_insert_der(struct leat_crl_cache *c,
	const char *uri, const struct leat_span *crls, size_t num, struct leat_err *err);
/* leat_crl_insert_pem is leat_crl_insert_der for the CRLs of a PEM text. Other blocks and encrypted ones are
 * passed over; a text without any CRL is refused. *added (may be NULL) counts them. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_insert_pem(struct leat_crl_cache *c,
	const char *uri, struct leat_span pem, size_t *added, struct leat_err *err);
/* leat_crl_insert_file is leat_crl_insert_pem for a file. LEAT_E_FILE with its path when it cannot be
 * read or holds no CRL. In libleat. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_insert_file(struct leat_crl_cache *c,
	const char *uri, const char *path, size_t *added, struct leat_err *err);

/* leat_crl_delete_uri takes away what was put in under this URI. That nothing is there is no error.
 * LEAT_E_OPTION: not an http URI; LEAT_E_MISUSE: not an internal cache; also below. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_delete_uri(
	struct leat_crl_cache *c, const char *uri, struct leat_err *err);
/* leat_crl_delete_der takes away these CRLs where they were put in without a URI. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_delete_der(
	struct leat_crl_cache *c, const struct leat_span *crls, size_t num, struct leat_err *err);
/* leat_crl_delete_pem does the same for the CRLs of a PEM text. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_delete_pem(
	struct leat_crl_cache *c, struct leat_span pem, struct leat_err *err);
/* leat_crl_delete_file does the same for those of a file. In libleat. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_delete_file(
	struct leat_crl_cache *c, const char *path, struct leat_err *err);

/* ---- caches that read (libleat) ---- */

/* leat_crl_cache_http_new: asks base (referenced) first, and then fetches what it does not have
 * from the http URIs of the distribution point, in their order, each within timeout_ms (1 to 600000),
 * up to 10 MiB, DER or PEM. Redirections are followed to http only. What came is kept until it
 * expires, up to 64 MiB in all; a URI that failed is left alone for ten seconds. Whoever runs
 * the job waits meanwhile. An unavailable CRL is no error of the cache: crl_check says what
 * follows. LEAT_UNSUPPORTED: libcurl is not on this machine. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_cache_http_new(struct leat_crl_cache **out,
	struct leat_crl_cache *base, uint32_t timeout_ms, struct leat_err *err);
/* leat_crl_cache_dir_new: the folder at path has CRLs in files HASH.r0, HASH.r1, ... (PEM or DER; `openssl
 * rehash` names them), where HASH is that of the issuer's name. Files may come and go at any time. CRLs
 * that have expired count as missing. LEAT_E_FILE: path is no folder that can be read. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_cache_dir_new(
	struct leat_crl_cache **out, const char *path, struct leat_err *err);
/* leat_crl_cache_open makes what text names: "internal", "file:PATH" (a cache of its own with the
 * CRLs of that PEM file), "dir:PATH"; the first two with ",http=MS" behind them also fetch.
 * LEAT_E_OPTION for other text, otherwise as the functions above. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_cache_open(
	struct leat_crl_cache **out, const char *text, struct leat_err *err);

/* ---- caches of the program's own ---- */

/* A place where CRLs lie (RFC 5280 4.2.1.13). Everything is borrowed for the call. */
struct leat_dist_point {
	struct leat_span der; /* DistributionPoint as in the certificate; empty: see issuer */
	const struct leat_span *full_name; /* its GeneralNames, DER */
	size_t num_full_name;
	const struct leat_span *uris; /* those of them that are URIs, as text without a NUL */
	size_t num_uris;
	struct leat_span relative_name;      /* nameRelativeToCRLIssuer, DER; empty: none */
	struct leat_span reasons;            /* the bits of ReasonFlags; empty: all reasons */
	const struct leat_span *crl_issuers; /* the directory names of cRLIssuer: Name, DER */
	size_t num_crl_issuers;
	struct leat_span issuer; /* of the certificate that is checked: Name, DER */
	bool freshest;           /* of freshestCRL: delta CRLs are expected here */
};

/* What a callback answers. */
struct leat_crl_list;
/* leat_crl_list_add puts a CRL (DER, copied) on the list. LEAT_UNSUPPORTED: it is none, or the list is
 * full (64); LEAT_FAILED: no memory. The list is none the worse. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_list_add(
	struct leat_crl_list *list, struct leat_span der);

/* A cache as callbacks; now_s is the time of the verification. They are called by whoever runs the
 * job LEAT_JOB_VERIFY, several threads at once, and may block there. All of them may say LEAT_AGAIN:
 * not yet. The job then stays open, and the questions are asked anew when it is run again: take such
 * jobs from the engine (leat_engine_job_take). LEAT_FAILED counts as LEAT_UNSUPPORTED. */
struct leat_crl_cache_ops {
	/* The CRLs that lie at dp. LEAT_OK; LEAT_UNSUPPORTED: not available. */
	enum leat_ret (*lookup)(void *db, const struct leat_dist_point *dp, int64_t now_s,
		struct leat_crl_list *out);
	/* The CRLs that this name (DER) has issued, perhaps none. */
	enum leat_ret (*select)(
		void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out);
	/* May be NULL. The newest version of crl (DER), which was found for dp: LEAT_OK with it on
	 * the list; LEAT_UNSUPPORTED, or an empty list: crl is the newest. */
	enum leat_ret (*fresh_crl)(void *db, const struct leat_dist_point *dp, struct leat_span crl,
		int64_t now_s, struct leat_crl_list *out);
	void (*free)(void *db); /* the last reference is gone; may be NULL */
};
/* leat_crl_cache_cb_new makes a cache of callbacks. ops is copied, db borrowed until ops->free.
 * LEAT_E_MISUSE: lookup or select is missing. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_crl_cache_cb_new(struct leat_crl_cache **out,
	const struct leat_crl_cache_ops *ops, void *db, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif

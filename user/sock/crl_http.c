/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_http.c - a CRL cache that fetches what another one does not have, from the http URIs of distribution
 * points, by libcurl (loaded when the first such cache is made; decision 0065). What comes is a stranger's: bounded in bytes and time, followed
 * to http only, and judged like any CRL. TLS is never spoken here: a check would wait for a check.
 *
 * One row of URIs, the last used first: each with what came, or with when it failed. A list is fetched again after
 * an hour, since CAs publish before the old one ends; if that fails the old one goes on while it is in time. Fetches
 * are made without the lock: two threads may fetch the same, and the later answer stays.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/wr.h"
#include "x509/crl.h"

#define LIBRARY       "libcurl.so.4"
#define AGAIN_AFTER_S 3600
#define TIMEOUT_TOP   600000

/* ---- the library ----------------------------------------------------------------------------- */

/* clang-format off */
#define CURL_CALLS(X) \
	X(global_init) X(easy_init) X(easy_cleanup) X(easy_setopt) X(easy_perform) X(easy_getinfo)
/* clang-format on */

static struct {
#define X(name) __typeof__(curl_##name) *name;
	CURL_CALLS(X)
#undef X
} api;
static bool api_is_there;
static pthread_once_t api_once = PTHREAD_ONCE_INIT;

static void load(void)
{
	void *so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	bool all = so != NULL;

#define X(name) all = all && (*(void **)&api.name = dlsym(so, "curl_" #name)) != NULL;
	CURL_CALLS(X)
#undef X
	api_is_there = all && api.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- one fetch -------------------------------------------------------------------------------- */

static size_t take(char *p, size_t size, size_t num, void *arg)
{
	struct leat_wr *w = arg;
	size_t n = size * num; /* size is 1 */

	if (w->n + n > LIM_CRL)
		return 0; /* ends the transfer */
	leat_wr_bytes(w, p, n);
	return leat_wr_ok(w) ? n : 0;
}

/* Each is checked: an option that this libcurl does not have is no fetch, not a fetch without a bound. */
static bool prepare(CURL *c, const char *uri, long timeout_ms, struct leat_wr *body)
{
#define SET(option, value) (api.easy_setopt(c, CURLOPT_##option, (value)) == CURLE_OK)
	return SET(URL, uri) && SET(PROTOCOLS_STR, "http") && SET(REDIR_PROTOCOLS_STR, "http") &&
	       SET(FOLLOWLOCATION, 1L) && SET(MAXREDIRS, (long)LIM_CRL_REDIRECTS) &&
	       SET(TIMEOUT_MS, timeout_ms) && SET(CONNECTTIMEOUT_MS, timeout_ms) &&
	       SET(MAXFILESIZE_LARGE, (curl_off_t)LIM_CRL) && SET(FAILONERROR, 1L) &&
	       SET(NOSIGNAL, 1L) && SET(NOPROGRESS, 1L) && SET(HTTPGET, 1L) &&
	       SET(USERAGENT, "leat") && SET(WRITEFUNCTION, take) && SET(WRITEDATA, body);
#undef SET
}

/* The CRLs that lie at uri. false: there are none to be had. */
static bool fetch(const char *uri, uint32_t timeout_ms, struct leat_crl_list *out)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr body = { 0 };
	CURL *c = api.easy_init();
	long status = 0;
	bool ok;

	if (!c)
		return false;
	ok = prepare(c, uri, (long)timeout_ms, &body) && api.easy_perform(c) == CURLE_OK &&
	     api.easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
	api.easy_cleanup(c);
	return ok && crl_list_add_text(out, leat_wr_done(&body)) == LEAT_OK;
}

/* ---- what is kept ----------------------------------------------------------------------------- */

struct kept {
	struct kept *next;
	char *uri;
	struct leat_crl_list crls; /* empty: none came yet */
	size_t bytes;
	int64_t fetched_s, failed_s; /* INT64_MIN: never */
};

struct http {
	struct leat_crl_cache *base;
	uint32_t timeout_ms;
	pthread_mutex_t lock;
	struct kept *first;
};

static void kept_free(struct kept *k)
{
	crl_list_clear(&k->crls);
	leat_free(k->uri);
	leat_free(k);
}

/* Takes the entry out of the row; NULL: there is none. */
static struct kept *take_out(struct http *h, const char *uri)
{
	struct kept **at = &h->first, *k;

	while ((k = *at) != NULL && strcmp(k->uri, uri) != 0)
		at = &k->next;
	if (k)
		*at = k->next;
	return k;
}

/* First in the row; what is too much at its end goes. */
static void put_first(struct http *h, struct kept *k)
{
	struct kept **at = &h->first, *last;
	size_t num = 0, bytes = 0;

	k->next = h->first;
	h->first = k;
	while ((last = *at) != NULL) {
		bytes += last->bytes;
		if (++num <= LIM_CRL_URIS && (bytes <= LIM_CRL_KEPT || last == k)) {
			at = &last->next;
			continue;
		}
		bytes -= last->bytes;
		*at = last->next;
		kept_free(last);
	}
}

static bool is_younger(int64_t when_s, int64_t now_s, int64_t age_s)
{
	return when_s != INT64_MIN && when_s <= now_s && now_s - when_s < age_s;
}

static bool any_in_time(const struct leat_crl_list *l, int64_t now_s)
{
	for (size_t i = 0; i < l->num; i++)
		if (!crl_is_over(l->v[i], now_s))
			return true;
	return false;
}

static void copy_list(struct leat_crl_list *to, const struct leat_crl_list *from)
{
	for (size_t i = 0; i < from->num; i++)
		crl_list_push(to, from->v[i]);
}

/* Puts on the list what is known. true: nothing is to be fetched now. */
static bool recall(struct http *h, const char *uri, int64_t now_s, struct leat_crl_list *out)
{
	bool enough = false;
	struct kept *k;

	pthread_mutex_lock(&h->lock);
	k = take_out(h, uri);
	if (k) {
		enough = is_younger(k->failed_s, now_s, LIM_CRL_RETRY_S) ||
			 (is_younger(k->fetched_s, now_s, AGAIN_AFTER_S) &&
				 any_in_time(&k->crls, now_s));
		if (enough)
			copy_list(out, &k->crls);
		put_first(h, k);
	}
	pthread_mutex_unlock(&h->lock);
	return enough;
}

static struct kept *kept_new(const char *uri)
{
	struct kept *k = leat_zalloc(sizeof(*k));

	if (!k)
		return NULL;
	k->fetched_s = k->failed_s = INT64_MIN;
	k->uri = leat_strdup(uri);
	if (k->uri)
		return k;
	kept_free(k);
	return NULL;
}

static void take_over(struct kept *k, const struct leat_crl_list *came)
{
	crl_list_clear(&k->crls);
	copy_list(&k->crls, came);
	k->bytes = 0;
	for (size_t i = 0; i < came->num; i++)
		k->bytes += crl_size(came->v[i]);
}

/* What came of a fetch, and on the list what there is now. */
static void keep(struct http *h, const char *uri, const struct leat_crl_list *came, int64_t now_s,
	struct leat_crl_list *out)
{
	struct kept *k;

	pthread_mutex_lock(&h->lock);
	k = take_out(h, uri);
	if (!k)
		k = kept_new(uri);
	if (!k) {
		copy_list(out, came); /* without memory nothing is kept */
	} else {
		if (came->num > 0)
			take_over(k, came);
		if (any_in_time(came, now_s))
			k->fetched_s = now_s;
		else
			k->failed_s = now_s;
		copy_list(out, &k->crls);
		put_first(h, k);
	}
	pthread_mutex_unlock(&h->lock);
}

/* ---- the cache -------------------------------------------------------------------------------- */

static void look_at(struct http *h, const char *uri, int64_t now_s, struct leat_crl_list *out)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list came = { 0 };

	if (recall(h, uri, now_s, out))
		return;
	if (!fetch(uri, h->timeout_ms, &came))
		crl_list_clear(&came);
	keep(h, uri, &came, now_s, out);
}

static enum leat_ret http_lookup(
	void *db, const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out)
{
	struct http *h = db;
	enum leat_ret r = crl_cache_lookup(h->base, dp, now_s, out);
	char *uri;

	if (r == LEAT_AGAIN)
		return r;
	for (size_t i = 0; i < dp->num_uris && !any_in_time(out, now_s); i++) {
		if (crl_uri_new(&uri, dp->uris[i]) != LEAT_OK)
			continue; /* ldap, https: never followed */
		look_at(h, uri, now_s, out);
		leat_free(uri);
	}
	return out->num > 0 ? LEAT_OK : LEAT_UNSUPPORTED;
}

static enum leat_ret http_select(
	void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	const struct http *h = db;

	return crl_cache_select(h->base, issuer, now_s, out);
}

static void http_free(void *db)
{
	struct http *h = db;
	struct kept *next;

	for (struct kept *k = h->first; k; k = next) {
		next = k->next;
		kept_free(k);
	}
	leat_crl_cache_unref(h->base);
	pthread_mutex_destroy(&h->lock);
	leat_free(h);
}

enum leat_ret leat_crl_cache_http_new(struct leat_crl_cache **out, struct leat_crl_cache *base,
	uint32_t timeout_ms, struct leat_err *err)
{
	static const struct leat_crl_cache_ops ops = { http_lookup, http_select, NULL, http_free };
	struct http *h;

	*out = NULL;
	if (timeout_ms < 1 || timeout_ms > TIMEOUT_TOP)
		return err_option(err, "crl_cache", NULL, "http: 1 to 600000 milliseconds");
	pthread_once(&api_once, load);
	if (!api_is_there) {
		err_option(err, "crl_cache", "http",
			"needs " LIBRARY ", which is not here: install libcurl4");
		return LEAT_UNSUPPORTED;
	}
	h = leat_zalloc(sizeof(*h));
	if (!h)
		return err_memory(err);
	h->base = leat_crl_cache_ref(base);
	h->timeout_ms = timeout_ms;
	pthread_mutex_init(&h->lock, NULL);
	if (leat_crl_cache_cb_new(out, &ops, h, err) == LEAT_OK)
		return LEAT_OK;
	http_free(h);
	return LEAT_FAILED;
}

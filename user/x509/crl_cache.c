/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_cache.c - CRL caches: somebody's callbacks with a reference count, and the internal cache, whose
 * CRLs are put in by hand. The internal one keeps parsed CRLs under a URI, or under none: those are
 * found by their issuer. It is small (one list for each CA), so it is one row that is walked.
 *
 * Threads: one at a time, or a caller's lock around each walk (this layer knows no threads). CRLs are parsed
 * before the lock is taken, and answers are references.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "x509/crl_int.h"

struct leat_crl_cache {
	atomic_uint refs;
	struct leat_crl_cache_ops ops;
	void *db;
};

enum leat_ret leat_crl_cache_cb_new(struct leat_crl_cache **out,
	const struct leat_crl_cache_ops *ops, void *db, struct leat_err *err)
{
	struct leat_crl_cache *c;

	*out = NULL;
	if (!ops->lookup || !ops->select)
		return err_misuse(err, "crl cache: lookup and select are needed");
	c = leat_malloc(sizeof(*c));
	if (!c)
		return err_memory(err);
	atomic_init(&c->refs, 1);
	c->ops = *ops;
	c->db = db;
	*out = c;
	return LEAT_OK;
}

struct leat_crl_cache *leat_crl_cache_ref(struct leat_crl_cache *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void leat_crl_cache_unref(struct leat_crl_cache *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (c->ops.free)
		c->ops.free(c->db);
	leat_free(c);
}

/* Callbacks are strangers' code: anything but a clear answer is none. */
static enum leat_ret answer_of(enum leat_ret r)
{
	return r == LEAT_OK || r == LEAT_AGAIN ? r : LEAT_UNSUPPORTED;
}

enum leat_ret crl_cache_lookup(struct leat_crl_cache *c, const struct leat_dist_point *dp,
	int64_t now_s, struct leat_crl_list *out)
{
	return answer_of(c->ops.lookup(c->db, dp, now_s, out));
}

enum leat_ret crl_cache_select(
	struct leat_crl_cache *c, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	return answer_of(c->ops.select(c->db, issuer, now_s, out));
}

enum leat_ret crl_cache_fresh(struct leat_crl_cache *c, const struct leat_dist_point *dp,
	const struct crl *crl, int64_t now_s, struct leat_crl_list *out)
{
	unsigned char *der = NULL;
	enum leat_ret r;
	int n;

	if (!c->ops.fresh_crl)
		return LEAT_UNSUPPORTED;
	n = i2d_X509_CRL(crl->x, &der);
	if (n <= 0)
		return LEAT_UNSUPPORTED;
	r = c->ops.fresh_crl(c->db, dp, (struct leat_span){ der, (size_t)n }, now_s, out);
	OPENSSL_free(der);
	return answer_of(r);
}

/* ---- the internal cache ----------------------------------------------------------------------- */

struct entry {
	struct entry *next;
	char *uri; /* NULL: found by issuer */
	struct crl *crl;
};

struct mem {
	struct leat_lock lock;
	struct entry *first;
};

static void enter(struct mem *m)
{
	if (m->lock.lock)
		m->lock.lock(m->lock.arg);
}

static void leave(struct mem *m)
{
	if (m->lock.unlock)
		m->lock.unlock(m->lock.arg);
}

static void entry_free(struct entry *e)
{
	crl_unref(e->crl);
	leat_free(e->uri);
	leat_free(e);
}

static void entries_free(struct entry *e)
{
	struct entry *next;

	for (; e; e = next) {
		next = e->next;
		entry_free(e);
	}
}

static bool is_at(const struct entry *e, const char *uri)
{
	return e->uri && uri ? strcmp(e->uri, uri) == 0 : !e->uri && !uri;
}

static void find_at(struct mem *m, struct leat_span uri, struct leat_crl_list *out)
{
	char *key;

	if (crl_uri_new(&key, uri) != LEAT_OK)
		return;
	enter(m);
	for (const struct entry *e = m->first; e; e = e->next)
		if (is_at(e, key))
			crl_list_push(out, e->crl);
	leave(m);
	leat_free(key);
}

static enum leat_ret mem_lookup(
	void *db, const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out)
{
	(void)now_s;
	for (size_t i = 0; i < dp->num_uris && out->num == 0; i++)
		find_at(db, dp->uris[i], out);
	return out->num > 0 ? LEAT_OK : LEAT_UNSUPPORTED;
}

static enum leat_ret mem_select(
	void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	X509_NAME *name = crl_parse_name(issuer);
	struct mem *m = db;

	(void)now_s;
	if (!name)
		return LEAT_UNSUPPORTED;
	enter(m);
	for (const struct entry *e = m->first; e; e = e->next)
		if (!e->uri && X509_NAME_cmp(X509_CRL_get_issuer(e->crl->x), name) == 0)
			crl_list_push(out, e->crl);
	leave(m);
	X509_NAME_free(name);
	return LEAT_OK;
}

static void mem_free(void *db)
{
	struct mem *m = db;

	entries_free(m->first);
	leat_free(m);
}

enum leat_ret leat_crl_cache_mem_new(
	struct leat_crl_cache **out, const struct leat_lock *lock, struct leat_err *err)
{
	static const struct leat_crl_cache_ops ops = { mem_lookup, mem_select, NULL, mem_free };
	struct mem *m = leat_zalloc(sizeof(*m));

	*out = NULL;
	if (!m)
		return err_memory(err);
	if (lock)
		m->lock = *lock;
	if (leat_crl_cache_cb_new(out, &ops, m, err) == LEAT_OK)
		return LEAT_OK;
	leat_free(m);
	return LEAT_FAILED;
}

/* ---- putting in and taking away ---------------------------------------------------------------- */

static struct mem *mem_of(struct leat_crl_cache *c, struct leat_err *err)
{
	if (c->ops.free == mem_free)
		return c->db;
	err_misuse(err, "crl cache: not an internal one, its CRLs come from elsewhere");
	return NULL;
}

/* NULL for NULL. */
static enum leat_ret key_of(char **key, const char *uri, struct leat_err *err)
{
	enum leat_ret r;

	*key = NULL;
	if (!uri)
		return LEAT_OK;
	r = crl_uri_new(key, (struct leat_span){ (const uint8_t *)uri, strlen(uri) });
	if (r == LEAT_UNSUPPORTED)
		return err_option(
			err, "crl_cache", uri, "only http distribution points are supported");
	return r == LEAT_OK ? LEAT_OK : err_memory(err);
}

/* Does the new entry b make a of no use? */
static bool replaces(const struct entry *b, const struct entry *a)
{
	if (a->uri || b->uri)
		return false; /* all of a URI went before */
	return memcmp(a->crl->id, b->crl->id, sizeof(a->crl->id)) == 0 ||
	       (crl_is_delta(a->crl) == crl_is_delta(b->crl) && crl_same_scope(a->crl, b->crl) &&
		       b->crl->from_s >= a->crl->from_s &&
		       (!crl_is_delta(a->crl) ||
			       ASN1_INTEGER_cmp(a->crl->base, b->crl->base) == 0));
}

/* Takes what gone() says out of the list; the caller frees it. */
static struct entry *take_out(
	struct mem *m, bool (*gone)(const struct entry *e, const void *arg), const void *arg)
{
	struct entry **at = &m->first, *out = NULL, *e;

	while ((e = *at) != NULL) {
		if (!gone(e, arg)) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		e->next = out;
		out = e;
	}
	return out;
}

static bool is_at_uri(const struct entry *e, const void *uri)
{
	return is_at(e, uri);
}

static bool is_replaced(const struct entry *e, const void *by)
{
	return replaces(by, e);
}

static bool is_on_list(const struct entry *e, const void *list)
{
	const struct leat_crl_list *l = list;

	for (size_t i = 0; i < l->num; i++)
		if (!e->uri && memcmp(e->crl->id, l->v[i]->id, sizeof(l->v[i]->id)) == 0)
			return true;
	return false;
}

static struct entry *entry_new(struct crl *crl, const char *key)
{
	struct entry *e = leat_zalloc(sizeof(*e));

	if (!e)
		return NULL;
	e->crl = crl_ref(crl);
	e->uri = key ? leat_strdup(key) : NULL;
	if (!key || e->uri)
		return e;
	entry_free(e);
	return NULL;
}

/* All of the list, or none. */
static enum leat_ret insert(
	struct mem *m, const char *key, const struct leat_crl_list *l, struct leat_err *err)
{
	struct entry *fresh = NULL, *old = NULL, *e, *next, *more;

	for (size_t i = 0; i < l->num; i++) {
		e = entry_new(l->v[i], key);
		if (!e) {
			entries_free(fresh);
			return err_memory(err);
		}
		e->next = fresh;
		fresh = e;
	}
	enter(m);
	if (key)
		old = take_out(m, is_at_uri, key);
	for (e = fresh; e; e = next) {
		next = e->next;
		more = take_out(m, is_replaced, e);
		e->next = m->first;
		m->first = e;
		for (; more; more = e) {
			e = more->next;
			more->next = old;
			old = more;
		}
	}
	leave(m);
	entries_free(old);
	return LEAT_OK;
}

static enum leat_ret refuse(struct leat_err *err, enum leat_ret r, const char *what)
{
	return r == LEAT_FAILED ? err_memory(err) : err_option(err, "crl_cache", NULL, what);
}

static enum leat_ret read_der(
	struct leat_crl_list *l, const struct leat_span *crls, size_t num, struct leat_err *err)
{
	enum leat_ret r = LEAT_OK;

	if (num > LIM_CRLS)
		return err_option(
			err, "crl_cache", NULL, "more than " LEAT_STR(LIM_CRLS) " CRLs at once");
	for (size_t i = 0; r == LEAT_OK && i < num; i++)
		r = leat_crl_list_add(l, crls[i]);
	return r == LEAT_OK ? LEAT_OK : refuse(err, r, "bytes that are no CRL");
}

static enum leat_ret read_pem(struct leat_crl_list *l, struct leat_span pem, struct leat_err *err)
{
	enum leat_ret r = crl_list_add_text(l, pem);

	return r == LEAT_OK ? LEAT_OK : refuse(err, r, "no CRL in the text, or a broken one");
}

static enum leat_ret insert_list(struct leat_crl_cache *c, const char *uri,
	const struct leat_crl_list *l, struct leat_err *err)
{
	struct mem *m = mem_of(c, err);
	enum leat_ret r;
	char *key;

	if (!m || key_of(&key, uri, err) != LEAT_OK)
		return LEAT_FAILED;
	r = insert(m, key, l, err);
	leat_free(key);
	return r;
}

enum leat_ret leat_crl_insert_der(struct leat_crl_cache *c, const char *uri,
	const struct leat_span *crls, size_t num, struct leat_err *err)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list l = { 0 };

	return read_der(&l, crls, num, err) == LEAT_OK ? insert_list(c, uri, &l, err) : LEAT_FAILED;
}

enum leat_ret leat_crl_insert_pem(struct leat_crl_cache *c, const char *uri, struct leat_span pem,
	size_t *added, struct leat_err *err)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list l = { 0 };

	if (added)
		*added = 0;
	if (read_pem(&l, pem, err) != LEAT_OK || insert_list(c, uri, &l, err) != LEAT_OK)
		return LEAT_FAILED;
	if (added)
		*added = l.num;
	return LEAT_OK;
}

static enum leat_ret delete_if(struct leat_crl_cache *c,
	bool (*gone)(const struct entry *e, const void *arg), const void *arg, struct leat_err *err)
{
	struct mem *m = mem_of(c, err);
	struct entry *out;

	if (!m)
		return LEAT_FAILED;
	enter(m);
	out = take_out(m, gone, arg);
	leave(m);
	entries_free(out);
	return LEAT_OK;
}

enum leat_ret leat_crl_delete_uri(struct leat_crl_cache *c, const char *uri, struct leat_err *err)
{
	enum leat_ret r;
	char *key;

	if (!uri)
		return err_misuse(err, "crl cache: no URI");
	if (key_of(&key, uri, err) != LEAT_OK)
		return LEAT_FAILED;
	r = delete_if(c, is_at_uri, key, err);
	leat_free(key);
	return r;
}

enum leat_ret leat_crl_delete_der(
	struct leat_crl_cache *c, const struct leat_span *crls, size_t num, struct leat_err *err)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list l = { 0 };

	return read_der(&l, crls, num, err) == LEAT_OK ? delete_if(c, is_on_list, &l, err)
						       : LEAT_FAILED;
}

enum leat_ret leat_crl_delete_pem(
	struct leat_crl_cache *c, struct leat_span pem, struct leat_err *err)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list l = { 0 };

	return read_pem(&l, pem, err) == LEAT_OK ? delete_if(c, is_on_list, &l, err) : LEAT_FAILED;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * store_lmdb.c - sessions in an LMDB file, shared by all processes that open it. Two tables: the
 * sessions by id, and their ends in order, from which expired ones are removed (a few with each put) and,
 * when the store is full, those that would end first.
 *
 * Every change is one transaction: it is there as a whole or not at all, whenever a process dies. Who
 * takes a session holds the write lock of the file while looking and removing, so one of several gets it.
 * Ids that nobody keeps, which strangers can invent, are found out without that lock.
 */
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/wr.h"
#include "sock/store_lmdb.h"
#include "sock/store_value.h"

#define DEFAULT_MAX 100000
/* Of the file, for each session: its value and its end, in pages half full, and pages that are being
 * replaced. A file keeps as many as it was made for: one that is really full cannot even forget. */
#define MAP_PER_SESSION (4 * (STORE_VALUE_MAX + 2 * STORE_ID_MAX))
#define MAP_BASE        (1u << 20)
#define SWEEP           16 /* expired ones removed with each put */
#define MAKE_ROOM       64 /* sessions that go when the file is full */

struct lm {
	struct store_common common;
	struct lmdb_file *f;
	const struct lmdb_api *api;
	size_t max; /* what this opener asks for */
};

/* Key of by_end. */
struct end_key {
	size_t n;
	uint8_t b[8 + STORE_ID_MAX];
};

static MDB_val val_of(struct leat_span s)
{
	return (MDB_val){ s.n, (void *)s.p };
}

static MDB_val end_of(struct end_key *key, int64_t expires_s, struct leat_span id)
{
	struct leat_wr w;

	leat_wr_fixed(&w, key->b, sizeof(key->b));
	leat_wr_u64(&w, (uint64_t)expires_s);
	leat_wr_span(&w, id);
	key->n = w.n;
	return (MDB_val){ key->n, key->b };
}

/* A transaction has ended with rc: LMDB's, or an errno value. */
static void judge(struct lm *l, int rc)
{
	if (rc == 0 || rc == MDB_NOTFOUND)
		store_works(&l->common, "lmdb");
	else
		store_went(&l->common, "lmdb", l->api->strerror(rc));
}

static int begin(struct lm *l, unsigned flags, MDB_txn **txn)
{
	int dead, rc;

	*txn = NULL;
	if (!lmdb_file_mine(l->f))
		return MDB_PANIC;
	rc = l->api->txn_begin(l->f->env, NULL, flags, txn);
	if (rc != MDB_READERS_FULL)
		return rc;
	/* seats of processes that were killed */
	(void)l->api->reader_check(l->f->env, &dead);
	return l->api->txn_begin(l->f->env, NULL, flags, txn);
}

/* Ends it: commits when all went well so far. */
static int end(struct lm *l, MDB_txn *txn, int rc)
{
	if (rc == 0)
		return l->api->txn_commit(txn);
	if (txn)
		l->api->txn_abort(txn);
	return rc;
}

/* Removes id with its end. MDB_NOTFOUND: it is not there. */
static int forget(struct lm *l, MDB_txn *txn, struct leat_span id)
{
	struct end_key key;
	MDB_val k = val_of(id), v;
	int64_t expires_s;
	int rc = l->api->get(txn, l->f->by_id, &k, &v);

	if (rc != 0)
		return rc;
	if (store_value_expires((struct leat_span){ v.mv_data, v.mv_size }, &expires_s)) {
		MDB_val at = end_of(&key, expires_s, id);

		rc = l->api->del(txn, l->f->by_end, &at, NULL);
		if (rc != 0 && rc != MDB_NOTFOUND)
			return rc;
	}
	k = val_of(id);
	return l->api->del(txn, l->f->by_id, &k, NULL);
}

/* Removes the session that ends first if it ends by then. MDB_NOTFOUND: there is none. */
static int forget_first(struct lm *l, MDB_txn *txn, int64_t until_s)
{
	struct end_key key;
	MDB_val k, v, by_id;
	MDB_cursor *cur;
	uint64_t at = 0;
	int rc = l->api->cursor_open(txn, l->f->by_end, &cur);

	if (rc != 0)
		return rc;
	rc = l->api->cursor_get(cur, &k, &v, MDB_FIRST);
	if (rc == 0 && (k.mv_size <= 8 || k.mv_size > sizeof(key.b)))
		rc = MDB_CORRUPTED;
	if (rc == 0) {
		key.n = k.mv_size;
		memcpy(key.b, k.mv_data, key.n);
	}
	l->api->cursor_close(cur);
	if (rc != 0)
		return rc;
	for (int i = 0; i < 8; i++)
		at = at << 8 | key.b[i];
	if ((int64_t)at > until_s)
		return MDB_NOTFOUND;
	k = (MDB_val){ key.n, key.b };
	by_id = (MDB_val){ key.n - 8, key.b + 8 };
	rc = l->api->del(txn, l->f->by_end, &k, NULL);
	if (rc == 0)
		rc = l->api->del(txn, l->f->by_id, &by_id, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static size_t bound(const struct lm *l)
{
	size_t room = (l->f->map_bytes - l->f->map_bytes / 16) / MAP_PER_SESSION;

	return room == 0 ? 1 : room < l->max ? room : l->max;
}

/* Removes what is expired, a few at a time, and as many more as are needed for room for one. */
static int sweep(struct lm *l, MDB_txn *txn)
{
	int64_t now_s = (int64_t)time(NULL);
	MDB_stat st;
	int rc = 0;

	for (int i = 0; i < SWEEP && rc == 0; i++)
		rc = forget_first(l, txn, now_s);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	while ((rc = l->api->stat(txn, l->f->by_id, &st)) == 0 && st.ms_entries >= bound(l))
		if ((rc = forget_first(l, txn, INT64_MAX)) != 0)
			break;
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int insert(struct lm *l, struct leat_span id, struct leat_span value, int64_t expires_s)
{
	MDB_val k = val_of(id), v = val_of(value), none = { 0, NULL };
	struct end_key key;
	MDB_txn *txn;
	int rc = begin(l, 0, &txn);

	if (rc == 0)
		rc = forget(l, txn, id);
	if (rc == 0 || (txn && rc == MDB_NOTFOUND))
		rc = sweep(l, txn);
	if (rc == 0)
		rc = l->api->put(txn, l->f->by_id, &k, &v, 0);
	if (rc == 0) {
		MDB_val at = end_of(&key, expires_s, id);

		rc = l->api->put(txn, l->f->by_end, &at, &none, 0);
	}
	return end(l, txn, rc);
}

/* The file is full: those that end first go, in a transaction that needs little room itself. */
static int make_room(struct lm *l)
{
	MDB_txn *txn;
	int dead, rc = begin(l, 0, &txn);

	if (rc == 0) /* a dead reader keeps old pages from being used again */
		(void)l->api->reader_check(l->f->env, &dead);
	for (int i = 0; i < MAKE_ROOM && rc == 0; i++)
		rc = forget_first(l, txn, INT64_MAX);
	return end(l, txn, txn && rc == MDB_NOTFOUND ? 0 : rc);
}

static enum leat_ret lm_put(
	void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	LEAT_SCOPED(store_value_clear) struct store_value value = { 0 };
	struct lm *l = arg;
	struct leat_span v;
	enum leat_ret r = store_value_make(&l->common, id, bytes, expires_s, &value);
	int rc;

	if (r != LEAT_OK)
		return r;
	v = (struct leat_span){ value.b, value.n };
	rc = insert(l, id, v, expires_s);
	/* A commit's pages are free for use two transactions later. */
	for (int i = 0; i < 3 && rc == MDB_MAP_FULL; i++)
		if ((rc = make_room(l)) == 0)
			rc = insert(l, id, v, expires_s);
	judge(l, rc);
	return rc == 0 ? LEAT_OK : LEAT_FAILED;
}

/* Looks it up in an open transaction and copies it. *there: something is kept under id. */
static int look(struct lm *l, MDB_txn *txn, struct leat_span id, struct store_value *value)
{
	MDB_val k = val_of(id), v;
	int rc = l->api->get(txn, l->f->by_id, &k, &v);

	value->n = 0;
	if (rc != 0 || v.mv_size > sizeof(value->b))
		return rc;
	value->n = v.mv_size;
	memcpy(value->b, v.mv_data, v.mv_size);
	return 0;
}

static int remove_it(struct lm *l, struct leat_span id, struct store_value *value)
{
	MDB_txn *txn;
	int rc = begin(l, 0, &txn);

	if (rc == 0)
		rc = look(l, txn, id, value);
	if (rc == 0)
		rc = forget(l, txn, id);
	rc = end(l, txn, rc);
	if (rc != 0)
		value->n = 0;
	return rc;
}

static enum leat_ret lm_find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	LEAT_SCOPED(store_value_clear) struct store_value value = { 0 };
	LEAT_SCOPED(store_value_clear) struct store_value old = { 0 };
	struct lm *l = arg;
	bool found;
	MDB_txn *txn;
	int rc;

	if (!store_id_ok(id))
		return LEAT_UNSUPPORTED;
	rc = begin(l, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = look(l, txn, id, &value);
	if (txn)
		l->api->txn_abort(txn);
	found = rc == 0 && store_value_open(&l->common, id, (struct leat_span){ value.b, value.n },
				   now_s, buf, cap, n);
	if (found && take) {
		rc = remove_it(l, id, &value);
		found = rc == 0 &&
			store_value_open(&l->common, id, (struct leat_span){ value.b, value.n },
				now_s, buf, cap, n);
	} else if (rc == 0 && !found) {
		int64_t expires_s;

		/* Expired, or broken: it is of no use to anybody. Under another key it may be. */
		if (!store_value_expires((struct leat_span){ value.b, value.n }, &expires_s) ||
			expires_s <= now_s)
			rc = remove_it(l, id, &old);
	}
	judge(l, rc);
	if (!found)
		*n = 0;
	return found ? LEAT_OK : LEAT_UNSUPPORTED;
}

static void lm_drop(void *arg, struct leat_span id)
{
	LEAT_SCOPED(store_value_clear) struct store_value old = { 0 };
	struct lm *l = arg;

	if (store_id_ok(id))
		judge(l, remove_it(l, id, &old));
}

static void lm_free(void *arg)
{
	struct lm *l = arg;

	if (l->f)
		lmdb_file_close(l->f);
	store_common_clear(&l->common);
	leat_free(l);
}

enum leat_ret leat_store_lmdb_new(struct leat_store **out, const char *path,
	const struct leat_store_opts *opts, struct leat_err *err)
{
	static const struct leat_store_ops ops = { lm_put, lm_find, lm_drop, lm_free, NULL };
	enum leat_ret r;
	struct lm *l;

	*out = NULL;
	if (!path || !*path)
		return err_option(err, "session_store", path, "lmdb: no path");
	if (opts && opts->max > LIM_STORE)
		return err_option(
			err, "session_cache", NULL, "1 to " LEAT_STR(LIM_STORE) " sessions");
	l = leat_zalloc(sizeof(*l));
	if (!l)
		return err_memory(err);
	l->max = opts && opts->max ? opts->max : DEFAULT_MAX;
	r = store_common_init(&l->common, opts, err);
	if (r == LEAT_OK)
		r = lmdb_file_open(&l->f, path, MAP_BASE + l->max * MAP_PER_SESSION, err);
	l->api = lmdb_api();
	if (r == LEAT_OK)
		r = leat_store_cb_new(out, &ops, l, err);
	if (r != LEAT_OK)
		lm_free(l);
	return r;
}

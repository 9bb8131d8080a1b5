/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - a session store is somebody's callbacks with a reference count. What comes back from one is
 * decoded like bytes of a stranger: a store may be another process, or a file from last week.
 */
#include "session/store.h"

#include <stdatomic.h>

#include "base/mem.h"

struct leat_store {
	atomic_uint refs;
	struct leat_store_ops ops;
	void *arg;
};

enum leat_ret leat_store_cb_new(
	struct leat_store **out, const struct leat_store_ops *ops, void *arg, struct leat_err *err)
{
	struct leat_store *s;

	*out = NULL;
	if (!ops->put || !ops->find || !ops->drop)
		return err_misuse(err, "session store: put, find and drop are needed");
	s = leat_malloc(sizeof(*s));
	if (!s)
		return err_memory(err);
	atomic_init(&s->refs, 1);
	s->ops = *ops;
	s->arg = arg;
	*out = s;
	return LEAT_OK;
}

struct leat_store *leat_store_ref(struct leat_store *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void leat_store_unref(struct leat_store *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (s->ops.free)
		s->ops.free(s->arg);
	leat_free(s);
}

enum leat_ret store_put(struct leat_store *s, struct leat_span id, const struct session_data *d)
{
	LEAT_SCOPED(ticket_plain_clear) struct ticket_plain plain = { .n = TICKET_PLAIN_MAX };
	struct leat_wr w;

	leat_wr_fixed(&w, plain.b, TICKET_PLAIN_MAX);
	session_encode(&w, d);
	if (!leat_wr_ok(&w))
		return LEAT_UNSUPPORTED;
	plain.n = w.n;
	return s->ops.put(s->arg, id, leat_wr_done(&w), session_expires(d)) == LEAT_OK
		       ? LEAT_OK
		       : LEAT_UNSUPPORTED;
}

enum leat_ret store_find_bytes(struct leat_store *s, struct leat_span id, bool take, int64_t now_s,
	struct ticket_plain *plain)
{
	enum leat_ret r;

	plain->n = 0;
	r = s->ops.find(s->arg, id, take, now_s, plain->b, TICKET_PLAIN_MAX, &plain->n);
	if (r == LEAT_AGAIN)
		return LEAT_AGAIN;
	return r == LEAT_OK && plain->n <= TICKET_PLAIN_MAX ? LEAT_OK : LEAT_UNSUPPORTED;
}

enum leat_ret store_find(struct leat_store *s, struct leat_span id, bool take, int64_t now_s,
	struct ticket_plain *plain, struct session_data *d)
{
	enum leat_ret r = store_find_bytes(s, id, take, now_s, plain);

	*d = (struct session_data){ 0 };
	if (r != LEAT_OK)
		return r;
	if (!session_decode((struct leat_span){ plain->b, plain->n }, d) ||
		!session_is_fresh(d, now_s)) {
		session_data_clear(d);
		return LEAT_UNSUPPORTED;
	}
	return LEAT_OK;
}

void store_drop(struct leat_store *s, struct leat_span id)
{
	s->ops.drop(s->arg, id);
}

bool store_reserves(const struct leat_store *s)
{
	return s->ops.reserve != NULL;
}

enum leat_ret store_reserve(struct leat_store *s, struct leat_span id)
{
	return !s->ops.reserve || s->ops.reserve(s->arg, id) == LEAT_OK ? LEAT_OK
									: LEAT_UNSUPPORTED;
}

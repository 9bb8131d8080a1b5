/* SPDX-License-Identifier: Apache-2.0
 *
 * ticket_keys.c - the set of ticket keys: rotation with overlap, import and export.
 *
 * A ring of slots, read by any thread without a lock. A slot's words are atomic and its counter is odd
 * while they are written: who reads a slot checks the counter before and after, and treats a slot that
 * moved as empty. That happens only to the oldest key, SLOTS rotations after it was made. Writers
 * (rotation, import) exclude each other by a flag and never wait: who finds it taken goes on with the
 * key at hand.
 */
#include "session/ticket_keys.h"

#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/secret.h"
#include "base/wr.h"

#define SLOTS 16
#define WORDS 8 /* name 2, key 4, from, until */
/* RFC 5116 / SP 800-38D 8.3: at most 2^32 random 96-bit nonces under one key. All who share the key
 * count alone, so each stays far below. */
#define SEALS_MAX (UINT64_C(1) << 28)

#define EXPORT_FORMAT 1
static const char export_magic[] = "leat ticket keys";

struct slot {
	atomic_uint seq; /* odd: being written; 0: never used */
	_Atomic uint64_t w[WORDS];
	_Atomic uint64_t seals;
};

struct leat_ticket_keys {
	atomic_uint refs;
	uint32_t rotate_s, keep_s;
	atomic_flag writing;
	atomic_uint next; /* the slot to be written next */
	struct slot slot[SLOTS];
	void (*missing)(void *arg, struct leat_ticket_keys *k);
	void *missing_arg;
	_Atomic int64_t asked_s; /* when missing was last called */
};

_Static_assert(sizeof(struct ticket_key) == WORDS * sizeof(uint64_t), "a slot holds one key");

void ticket_key_clear(struct ticket_key *k)
{
	leat_wipe(k, sizeof(*k));
}

enum leat_ret leat_ticket_keys_new(
	struct leat_ticket_keys **out, uint32_t rotate_s, uint32_t keep_s, struct leat_err *err)
{
	struct leat_ticket_keys *k;

	*out = NULL;
	/* one slot for the key in force, one to spare for an import of the next */
	if (rotate_s && keep_s / rotate_s > SLOTS - 3)
		return err_option(err, "ticket_keys", NULL,
			"rotated too often for how long old keys are to be kept");
	k = leat_zalloc(sizeof(*k));
	if (!k)
		return err_memory(err);
	atomic_init(&k->refs, 1);
	k->rotate_s = rotate_s;
	k->keep_s = keep_s;
	atomic_flag_clear(&k->writing);
	atomic_init(&k->asked_s, INT64_MIN);
	*out = k;
	return LEAT_OK;
}

struct leat_ticket_keys *leat_ticket_keys_ref(struct leat_ticket_keys *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void leat_ticket_keys_unref(struct leat_ticket_keys *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	leat_free_wipe(k, sizeof(*k));
}

void leat_ticket_keys_on_missing(
	struct leat_ticket_keys *k, void (*fn)(void *arg, struct leat_ticket_keys *k), void *arg)
{
	k->missing = fn;
	k->missing_arg = arg;
}

/* ---- slots ---- */

static bool slot_read(const struct slot *s, struct ticket_key *out)
{
	unsigned before = atomic_load_explicit(&s->seq, memory_order_acquire);
	uint64_t w[WORDS];

	if (before == 0 || (before & 1))
		return false;
	for (int i = 0; i < WORDS; i++)
		w[i] = atomic_load_explicit(&s->w[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	memcpy(out, w, sizeof(*out));
	leat_wipe(w, sizeof(w));
	if (atomic_load_explicit(&s->seq, memory_order_relaxed) == before)
		return true;
	ticket_key_clear(out);
	return false;
}

/* The caller holds k->writing. */
static void slot_write(struct slot *s, const struct ticket_key *key)
{
	unsigned seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
	uint64_t w[WORDS];

	memcpy(w, key, sizeof(w));
	atomic_store_explicit(&s->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (int i = 0; i < WORDS; i++)
		atomic_store_explicit(&s->w[i], w[i], memory_order_relaxed);
	atomic_store_explicit(&s->seals, 0, memory_order_relaxed);
	atomic_store_explicit(&s->seq, seq + 2, memory_order_release);
	leat_wipe(w, sizeof(w));
}

static void add_key(struct leat_ticket_keys *k, const struct ticket_key *key)
{
	unsigned at = atomic_load_explicit(&k->next, memory_order_relaxed);

	slot_write(&k->slot[at % SLOTS], key);
	atomic_store_explicit(&k->next, at + 1, memory_order_relaxed);
}

static bool start_writing(struct leat_ticket_keys *k)
{
	return !atomic_flag_test_and_set_explicit(&k->writing, memory_order_acquire);
}

static void stop_writing(struct leat_ticket_keys *k)
{
	atomic_flag_clear_explicit(&k->writing, memory_order_release);
}

/* Expired keys go, so that a later theft of memory opens no old ticket. */
static void forget_expired(struct leat_ticket_keys *k, int64_t now_s)
{
	static const struct ticket_key none;

	for (int i = 0; i < SLOTS; i++) {
		LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };

		if (slot_read(&k->slot[i], &key) && key.until_s && key.until_s <= now_s)
			slot_write(&k->slot[i], &none);
	}
}

static bool opens(const struct ticket_key *key, int64_t now_s)
{
	return now_s < key->until_s;
}

/* The newest key in force at now_s; its slot, or NULL. */
static struct slot *newest(struct leat_ticket_keys *k, int64_t now_s, struct ticket_key *out)
{
	struct slot *best = NULL;

	for (int i = 0; i < SLOTS; i++) {
		LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };

		if (!slot_read(&k->slot[i], &key) || !opens(&key, now_s) || key.from_s > now_s)
			continue;
		if (!best || key.from_s > out->from_s) {
			best = &k->slot[i];
			*out = key;
		}
	}
	return best;
}

static bool has_name(const struct leat_ticket_keys *k, const uint8_t *name, struct ticket_key *out)
{
	for (int i = 0; i < SLOTS; i++)
		if (slot_read(&k->slot[i], out) && memcmp(out->name, name, TICKET_NAME_LEN) == 0)
			return true;
	ticket_key_clear(out);
	return false;
}

/* ---- rotation ---- */

static bool rotate(struct leat_ticket_keys *k, const struct leat_env *env, int64_t now)
{
	LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };

	if (!start_writing(k))
		return false;
	forget_expired(k, now);
	env->random(env->arg, key.name, sizeof(key.name));
	env->random(env->arg, key.key, sizeof(key.key));
	key.from_s = now;
	key.until_s = now + (k->rotate_s ? k->rotate_s : k->keep_s) + (int64_t)k->keep_s;
	add_key(k, &key);
	stop_writing(k);
	return true;
}

enum leat_ret leat_ticket_keys_rotate(struct leat_ticket_keys *k, const struct leat_env *env)
{
	return rotate(k, env, env->now_s(env->arg)) ? LEAT_OK : LEAT_AGAIN;
}

/* At most once a second, whatever peers send. */
static bool ask_for_keys(struct leat_ticket_keys *k, int64_t now_s)
{
	int64_t last = atomic_load_explicit(&k->asked_s, memory_order_relaxed);

	if (!k->missing || now_s == last ||
		!atomic_compare_exchange_strong_explicit(
			&k->asked_s, &last, now_s, memory_order_relaxed, memory_order_relaxed))
		return false;
	k->missing(k->missing_arg, k);
	return true;
}

static bool is_due(const struct leat_ticket_keys *k, const struct slot *s,
	const struct ticket_key *key, int64_t now_s)
{
	return !s || atomic_load_explicit(&s->seals, memory_order_relaxed) >= SEALS_MAX ||
	       (k->rotate_s && now_s - key->from_s >= k->rotate_s);
}

enum leat_ret ticket_keys_sealing(
	struct leat_ticket_keys *k, const struct leat_env *env, struct ticket_key *out)
{
	int64_t now = env->now_s(env->arg);
	struct slot *s = newest(k, now, out);

	if (is_due(k, s, out, now) && ask_for_keys(k, now))
		s = newest(k, now, out);
	if (is_due(k, s, out, now) && k->rotate_s) {
		rotate(k, env, now); /* false: another thread is at it */
		s = newest(k, now, out);
	}
	/* a key that has sealed too often and cannot be replaced seals no more */
	if (!s || atomic_fetch_add_explicit(&s->seals, 1, memory_order_relaxed) > 2 * SEALS_MAX) {
		ticket_key_clear(out);
		return LEAT_UNSUPPORTED;
	}
	return LEAT_OK;
}

bool ticket_keys_find(struct leat_ticket_keys *k, const uint8_t name[TICKET_NAME_LEN],
	int64_t now_s, struct ticket_key *out, bool *seals)
{
	LEAT_SCOPED(ticket_key_clear) struct ticket_key top = { 0 };
	bool found = has_name(k, name, out);
	struct slot *s;

	*seals = false;
	if (!found && ask_for_keys(k, now_s))
		found = has_name(k, name, out);
	if (!found || !opens(out, now_s)) {
		ticket_key_clear(out);
		return false;
	}
	s = newest(k, now_s, &top);
	*seals = !is_due(k, s, &top, now_s) && memcmp(top.name, name, TICKET_NAME_LEN) == 0;
	return true;
}

/* ---- sharing ---- */

enum leat_ret leat_ticket_keys_export(
	const struct leat_ticket_keys *k, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr w = { 0 };
	size_t list;

	*n = 0;
	leat_wr_bytes(&w, export_magic, sizeof(export_magic));
	leat_wr_u16(&w, EXPORT_FORMAT);
	list = leat_wr_open(&w, 2);
	for (int i = 0; i < SLOTS; i++) {
		LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };

		if (!slot_read(&k->slot[i], &key) || !opens(&key, now_s))
			continue;
		leat_wr_bytes(&w, key.name, sizeof(key.name));
		leat_wr_bytes(&w, key.key, sizeof(key.key));
		leat_wr_u64(&w, (uint64_t)key.from_s);
		leat_wr_u64(&w, (uint64_t)key.until_s);
	}
	leat_wr_close(&w, list, 2);
	if (!leat_wr_ok(&w))
		return LEAT_FAILED;
	*n = w.n;
	if (cap < w.n)
		return LEAT_AGAIN;
	memcpy(buf, w.p, w.n);
	return LEAT_OK;
}

static bool read_key(struct leat_rd *in, struct ticket_key *key)
{
	struct leat_span name = leat_rd_bytes(in, TICKET_NAME_LEN);
	struct leat_span bytes = leat_rd_bytes(in, TICKET_KEY_LEN);
	uint64_t from, until;

	leat_rd_u64(in, &from);
	leat_rd_u64(in, &until);
	if (!leat_rd_ok(in) || from >= until || until > INT64_MAX / 2)
		return false;
	memcpy(key->name, name.p, sizeof(key->name));
	memcpy(key->key, bytes.p, sizeof(key->key));
	key->from_s = (int64_t)from;
	key->until_s = (int64_t)until;
	return true;
}

/* The list of an export and how many keys it holds; false: it is none. */
static bool read_export(struct leat_span bytes, struct leat_rd *list)
{
	struct leat_rd in = leat_rd_of(bytes), it;
	struct leat_span magic = leat_rd_bytes(&in, sizeof(export_magic));
	uint16_t format;
	size_t num = 0;

	leat_rd_u16(&in, &format);
	leat_rd_vec16(&in, list, 0, UINT16_MAX);
	if (!leat_rd_end(&in) || memcmp(magic.p, export_magic, sizeof(export_magic)) != 0 ||
		format != EXPORT_FORMAT)
		return false;
	for (it = *list; leat_rd_more(&it); num++) {
		LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };

		if (!read_key(&it, &key))
			return false;
	}
	return leat_rd_end(&it) && num <= SLOTS;
}

enum leat_ret leat_ticket_keys_import(
	struct leat_ticket_keys *k, struct leat_span bytes, struct leat_err *err)
{
	struct leat_rd list;

	if (!read_export(bytes, &list))
		return err_option(err, "ticket_keys", NULL,
			"not an export of ticket keys, or one of another version of the library");
	if (!start_writing(k))
		return LEAT_AGAIN;
	while (leat_rd_more(&list)) {
		LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 }, had = { 0 };

		if (read_key(&list, &key) && !has_name(k, key.name, &had))
			add_key(k, &key);
	}
	stop_writing(k);
	return LEAT_OK;
}

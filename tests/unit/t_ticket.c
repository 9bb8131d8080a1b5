/* SPDX-License-Identifier: Apache-2.0
 *
 * t_ticket.c - stateless tickets and the keys that seal them: tampering at every byte, expiry, rotation
 * with overlap, sharing by bytes and by callback, several threads.
 *
 * REQ: F-ticket-rot F-ticket-share
 */
#include "vec.h"

#include <pthread.h>
#include <stdatomic.h>

#include "session/ticket.h"
#include "session/ticket_keys.h"

static int64_t clock_s;
static _Atomic uint32_t dice;

static int64_t now_s(void *arg)
{
	(void)arg;
	return clock_s;
}

static void roll(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;
	uint32_t r = atomic_fetch_add(&dice, 1) + 1;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(r >> 8 * (i % 4)) ^ (uint8_t)(i * 37);
}

static const struct leat_env env = { now_s, roll, NULL };
static struct crypto *crypto;
static struct leat_err err;

static int set_up(void **state)
{
	(void)state;
	clock_s = 1700000000;
	return crypto_new(&crypto, &err) == LEAT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	crypto_unref(crypto);
	return 0;
}

static struct leat_ticket_keys *keys_of(uint32_t rotate_s, uint32_t keep_s)
{
	struct leat_ticket_keys *k;

	assert_int_equal(leat_ticket_keys_new(&k, rotate_s, keep_s, &err), LEAT_OK);
	return k;
}

static struct session_data sample(void)
{
	struct session_data d = {
		.version = LEAT_TLS13,
		.suite = suite_by_id(0x1301),
		.issued_s = clock_s,
		.auth_s = clock_s,
		.lifetime_s = 86400,
		.host = { (const uint8_t *)"localhost", 9 },
	};

	leat_secret_set(&d.secret, "0123456789abcdef0123456789abcdef", 32);
	return d;
}

static void seal(struct leat_ticket_keys *k, struct leat_wr *w)
{
	struct session_data d = sample();

	assert_int_equal(ticket_seal(k, crypto, &env, &d, w, &err), LEAT_OK);
	assert_true(leat_wr_ok(w));
}

static bool opens(struct leat_ticket_keys *k, struct leat_span t, bool *renew)
{
	struct ticket_plain plain = { 0 };
	struct session_data d;
	bool ok = ticket_open(k, crypto, &env, t, &plain, &d, renew);

	if (ok) {
		assert_int_equal(d.secret.n, 32);
		assert_memory_equal(d.secret.b, "0123456789abcdef0123456789abcdef", 32);
		assert_memory_equal(d.host.p, "localhost", 9);
	} else {
		assert_int_equal(d.secret.n, 0);
	}
	session_data_clear(&d);
	ticket_plain_clear(&plain);
	return ok;
}

static bool opens_at(struct leat_ticket_keys *k, const struct leat_wr *w)
{
	bool renew;

	return opens(k, leat_wr_done(w), &renew);
}

static void there_and_back(void **state)
{
	struct leat_ticket_keys *k = keys_of(3600, 7200);
	struct leat_wr a = { 0 }, b = { 0 };
	bool renew = true;

	(void)state;
	seal(k, &a);
	seal(k, &b);
	assert_true(opens(k, leat_wr_done(&a), &renew));
	assert_false(renew);
	assert_true(opens_at(k, &b));
	/* the same session twice: same key name, nothing else in common */
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, TICKET_NAME_LEN);
	assert_memory_not_equal(a.p + TICKET_NAME_LEN, b.p + TICKET_NAME_LEN, 12);
	/* nothing of it in clear */
	assert_null(memmem(a.p, a.n, "localhost", 9));
	assert_null(memmem(a.p, a.n, "0123456789abcdef", 16));
	leat_wr_clear(&a);
	leat_wr_clear(&b);
	leat_ticket_keys_unref(k);
}

static void tampered(void **state)
{
	struct leat_ticket_keys *k = keys_of(3600, 7200);
	struct leat_wr w = { 0 };

	(void)state;
	seal(k, &w);
	for (size_t i = 0; i < w.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			w.p[i] ^= (uint8_t)(1 << bit);
			assert_false(opens_at(k, &w));
			w.p[i] ^= (uint8_t)(1 << bit);
		}
	for (size_t n = 0; n < w.n; n++) {
		bool renew;

		assert_false(opens(k, vec_copy(w.p, n), &renew));
	}
	assert_true(opens_at(k, &w));
	leat_wr_u8(&w, 0);
	assert_false(opens_at(k, &w));
	leat_wr_clear(&w);
	leat_ticket_keys_unref(k);
}

static void too_long(void **state)
{
	static const uint8_t zeros[TICKET_MAX + 1];
	struct leat_ticket_keys *k = keys_of(3600, 7200);
	struct session_data d = sample();
	struct leat_wr w = { 0 };
	bool renew;

	(void)state;
	assert_false(opens(k, (struct leat_span){ zeros, sizeof(zeros) }, &renew));
	assert_false(opens(k, (struct leat_span){ zeros, sizeof(zeros) - 1 }, &renew));
	/* a session that is itself that long gets no ticket */
	d.ticket = (struct leat_span){ zeros, TICKET_PLAIN_MAX };
	assert_int_equal(ticket_seal(k, crypto, &env, &d, &w, &err), LEAT_UNSUPPORTED);
	assert_int_equal(w.n, 0);
	leat_ticket_keys_unref(k);
}

static void expired_itself(void **state)
{
	struct leat_ticket_keys *k = keys_of(200000, 200000);
	struct leat_wr w = { 0 };

	(void)state;
	seal(k, &w);
	clock_s += 86399;
	assert_true(opens_at(k, &w));
	clock_s += 1;
	assert_false(opens_at(k, &w));
	clock_s -= 86400 + 61; /* made in the future */
	assert_false(opens_at(k, &w));
	leat_wr_clear(&w);
	leat_ticket_keys_unref(k);
}

static void of_another_key(void **state)
{
	struct leat_ticket_keys *k = keys_of(3600, 7200), *other = keys_of(3600, 7200);
	struct leat_wr w = { 0 }, o = { 0 };

	(void)state;
	seal(k, &w);
	seal(other, &o);
	assert_false(opens_at(other, &w));
	assert_false(opens_at(k, &o));
	/* another's bytes under our key's name */
	memcpy(o.p, w.p, TICKET_NAME_LEN);
	assert_false(opens_at(k, &o));
	leat_wr_clear(&w);
	leat_wr_clear(&o);
	leat_ticket_keys_unref(k);
	leat_ticket_keys_unref(other);
}

static void rotation(void **state)
{
	struct leat_ticket_keys *k = keys_of(3600, 7200);
	struct leat_wr old = { 0 }, w = { 0 };
	bool renew;

	(void)state;
	seal(k, &old);
	clock_s += 3599;
	seal(k, &w);
	assert_memory_equal(old.p, w.p, TICKET_NAME_LEN);
	leat_wr_clear(&w);
	clock_s += 1;
	seal(k, &w);
	assert_memory_not_equal(old.p, w.p, TICKET_NAME_LEN);
	/* overlap: the old key opens, and says that it is old */
	assert_true(opens(k, leat_wr_done(&old), &renew));
	assert_true(renew);
	assert_true(opens(k, leat_wr_done(&w), &renew));
	assert_false(renew);
	clock_s += 7199;
	assert_true(opens_at(k, &old));
	clock_s += 1;
	assert_false(opens_at(k, &old));
	leat_wr_clear(&old);
	leat_wr_clear(&w);
	leat_ticket_keys_unref(k);
}

/* No key stays in memory for ever, and none is lost before its time: rotation for days. */
static void rotation_for_days(void **state)
{
	struct leat_ticket_keys *k = keys_of(3600, 12 * 3600);
	struct leat_wr w[13] = { 0 };
	uint8_t buf[4096];
	size_t n;

	(void)state;
	for (int hour = 0; hour < 100; hour++, clock_s += 3600) {
		struct leat_wr *slot = &w[hour % 13];

		leat_wr_clear(slot);
		seal(k, slot);
		for (int ago = 0; ago <= 12 && ago <= hour; ago++)
			assert_true(opens_at(k, &w[(hour - ago) % 13]));
		assert_int_equal(
			leat_ticket_keys_export(k, clock_s, buf, sizeof(buf), &n), LEAT_OK);
		assert_true(n <= sizeof("leat ticket keys") + 4 + 13 * 64);
	}
	for (int i = 0; i < 13; i++)
		leat_wr_clear(&w[i]);
	leat_ticket_keys_unref(k);
	/* more overlap than there is room for is refused, not cut */
	assert_int_equal(leat_ticket_keys_new(&k, 3600, 14 * 3600, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	memset(&err, 0, sizeof(err));
}

static void rotate_now(void **state)
{
	struct leat_ticket_keys *k = keys_of(0, 7200);
	struct session_data d = sample();
	struct leat_wr w = { 0 }, x = { 0 };

	(void)state;
	/* a follower without keys hands out no tickets */
	assert_int_equal(ticket_seal(k, crypto, &env, &d, &w, &err), LEAT_UNSUPPORTED);
	assert_int_equal(leat_ticket_keys_rotate(k, &env), LEAT_OK);
	seal(k, &w);
	clock_s++;
	assert_int_equal(leat_ticket_keys_rotate(k, &env), LEAT_OK);
	seal(k, &x);
	assert_memory_not_equal(w.p, x.p, TICKET_NAME_LEN);
	assert_true(opens_at(k, &w));
	leat_wr_clear(&w);
	leat_wr_clear(&x);
	leat_ticket_keys_unref(k);
}

static void shared_by_bytes(void **state)
{
	struct leat_ticket_keys *a = keys_of(3600, 7200), *b = keys_of(0, 7200);
	struct leat_wr w = { 0 }, x = { 0 };
	uint8_t buf[4096];
	size_t n, m;

	(void)state;
	seal(a, &w);
	assert_false(opens_at(b, &w));
	assert_int_equal(leat_ticket_keys_export(a, clock_s, NULL, 0, &n), LEAT_AGAIN);
	assert_int_equal(leat_ticket_keys_export(a, clock_s, buf, n - 1, &m), LEAT_AGAIN);
	assert_int_equal(leat_ticket_keys_export(a, clock_s, buf, n, &m), LEAT_OK);
	assert_int_equal(n, m);
	assert_int_equal(leat_ticket_keys_import(b, (struct leat_span){ buf, n }, &err), LEAT_OK);
	assert_true(opens_at(b, &w));
	seal(b, &x);
	assert_true(opens_at(a, &x));
	/* importing again changes nothing */
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			leat_ticket_keys_import(b, (struct leat_span){ buf, n }, &err), LEAT_OK);
	assert_int_equal(leat_ticket_keys_export(b, clock_s, buf, sizeof(buf), &m), LEAT_OK);
	assert_int_equal(n, m);
	leat_wr_clear(&w);
	leat_wr_clear(&x);
	leat_ticket_keys_unref(a);
	leat_ticket_keys_unref(b);
}

static void bad_exports(void **state)
{
	struct leat_ticket_keys *a = keys_of(3600, 7200), *b = keys_of(0, 7200);
	uint8_t buf[4096], one[4096];
	size_t n, m;

	(void)state;
	assert_int_equal(leat_ticket_keys_rotate(a, &env), LEAT_OK);
	clock_s++;
	assert_int_equal(leat_ticket_keys_rotate(a, &env), LEAT_OK);
	assert_int_equal(leat_ticket_keys_export(a, clock_s, buf, sizeof(buf), &n), LEAT_OK);
	for (size_t cut = 0; cut < n; cut++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(leat_ticket_keys_import(b, vec_copy(buf, cut), &err), LEAT_FAILED);
		assert_string_equal(err.option, "ticket_keys");
	}
	memset(&err, 0, sizeof(err));
	for (size_t i = 0; i < sizeof("leat ticket keys") + 4; i++) {
		memcpy(one, buf, n);
		one[i] ^= 1;
		assert_int_equal(leat_ticket_keys_import(b, vec_copy(one, n), &err), LEAT_FAILED);
	}
	/* a key that ends before it begins, behind a good one: nothing of the export is taken */
	memcpy(one, buf, n);
	memset(one + n - 8, 0, 8);
	assert_int_equal(leat_ticket_keys_import(b, vec_copy(one, n), &err), LEAT_FAILED);
	assert_int_equal(leat_ticket_keys_export(b, clock_s, one, sizeof(one), &m), LEAT_OK);
	assert_int_equal(m, sizeof("leat ticket keys") + 4);
	memset(&err, 0, sizeof(err));
	leat_ticket_keys_unref(a);
	leat_ticket_keys_unref(b);
}

struct source {
	struct leat_ticket_keys *from;
	unsigned calls;
};

static void fetch(void *arg, struct leat_ticket_keys *k)
{
	struct source *s = arg;
	uint8_t buf[4096];
	size_t n;

	s->calls++;
	assert_int_equal(leat_ticket_keys_export(s->from, clock_s, buf, sizeof(buf), &n), LEAT_OK);
	assert_int_equal(leat_ticket_keys_import(k, (struct leat_span){ buf, n }, &err), LEAT_OK);
}

static void shared_by_callback(void **state)
{
	struct leat_ticket_keys *leader = keys_of(3600, 7200), *b = keys_of(0, 7200);
	struct source s = { leader, 0 };
	struct leat_wr w = { 0 }, forged = { 0 };

	(void)state;
	leat_ticket_keys_on_missing(b, fetch, &s);
	seal(leader, &w);
	assert_true(opens_at(b, &w));
	assert_int_equal(s.calls, 1);
	assert_true(opens_at(b, &w));
	assert_int_equal(s.calls, 1);
	/* names nobody knows: asked for once a second, whatever comes */
	leat_wr_bytes(&forged, w.p, w.n);
	for (int i = 0; i < 50; i++) {
		forged.p[0]++;
		forged.p[1] ^= 0x55;
		assert_false(opens_at(b, &forged));
	}
	assert_int_equal(s.calls, 1);
	clock_s++;
	assert_false(opens_at(b, &forged));
	assert_int_equal(s.calls, 2);
	leat_wr_clear(&w);
	leat_wr_clear(&forged);
	leat_ticket_keys_unref(leader);
	leat_ticket_keys_unref(b);
}

/* A key for tomorrow may be handed out today: it opens at once and seals when its time comes. */
static void next_key_ahead(void **state)
{
	struct leat_ticket_keys *a = keys_of(3600, 7200), *b = keys_of(0, 7200);
	struct leat_wr w = { 0 }, x = { 0 };
	uint8_t buf[4096];
	size_t n;

	(void)state;
	assert_int_equal(leat_ticket_keys_rotate(b, &env), LEAT_OK);
	clock_s += 100;
	seal(a, &w);
	assert_int_equal(leat_ticket_keys_export(a, clock_s, buf, sizeof(buf), &n), LEAT_OK);
	clock_s -= 50;
	assert_int_equal(leat_ticket_keys_import(b, (struct leat_span){ buf, n }, &err), LEAT_OK);
	seal(b, &x);
	assert_memory_not_equal(x.p, w.p, TICKET_NAME_LEN);
	leat_wr_clear(&x);
	clock_s += 50;
	seal(b, &x);
	assert_memory_equal(x.p, w.p, TICKET_NAME_LEN);
	leat_wr_clear(&w);
	leat_wr_clear(&x);
	leat_ticket_keys_unref(a);
	leat_ticket_keys_unref(b);
}

static void *hammer(void *arg)
{
	struct leat_ticket_keys *k = arg;

	for (int i = 0; i < 300; i++) {
		LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 }, found = { 0 };
		bool top;

		if (i % 3 == 0)
			(void)!leat_ticket_keys_rotate(k, &env);
		if (ticket_keys_sealing(k, &env, &key) != LEAT_OK)
			return (void *)"nothing to seal with";
		/* gone already only if others rotated a whole ring in between */
		if (ticket_keys_find(k, key.name, clock_s, &found, &top) &&
			memcmp(&found, &key, sizeof(key)) != 0)
			return (void *)"half a key";
	}
	return NULL;
}

static void several_threads(void **state)
{
	struct leat_ticket_keys *k = keys_of(3600, 7200);
	pthread_t t[4];
	void *said;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, k), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &said), 0);
		assert_null(said);
	}
	leat_ticket_keys_unref(k);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(there_and_back),
		T(tampered),
		T(too_long),
		T(expired_itself),
		T(of_another_key),
		T(rotation),
		T(rotation_for_days),
		T(rotate_now),
		T(shared_by_bytes),
		T(bad_exports),
		T(shared_by_callback),
		T(next_key_ahead),
		T(several_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

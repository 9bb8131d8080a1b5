/* SPDX-License-Identifier: Apache-2.0
 *
 * t_lookup.c - what a server asks its caller while it handles a ClientHello (sessions, tickets, PSKs, the
 * config of a name), answered at once, later by running the job, or by hand; with wrong answers, with none,
 * with the engine freed meanwhile, with each allocation failing.
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/job.h>
#include <leat/session.h>

#include "base/mem.h"
#include "session/ticket.h"

enum how {
	AT_ONCE,     /* the callbacks answer on the engine's thread */
	RUN_INLINE,  /* LEAT_AGAIN at first; leat_engine_job_run asks again */
	RUN_AWAY,    /* the same with the job taken and run */
	ALWAYS_JOBS, /* leat_config_set_lookup_jobs: never asked on the engine's thread */
	BY_HAND,     /* LEAT_AGAIN at first, then leat_job_*_answer */
	HOW_COUNT
};

#define SLOTS 8

/* The outside world of a server, and what it was asked. */
static struct world {
	enum how how;
	bool running;          /* somebody runs a job */
	bool refuse;           /* by hand: nothing is there */
	bool scarce;           /* memory may run out: an answer may become "nothing" */
	struct leat_span junk; /* by hand: this is the session */
	unsigned asked[LEAT_JOB_SNI + 1], takes, jobs;
	struct {
		uint8_t id[64], b[TICKET_PLAIN_MAX];
		size_t id_n, n;
	} slot[SLOTS];
	struct leat_config *other; /* of the name other.wild.test */
	struct leat_span secret;
} w;

static bool too_early(enum leat_job_kind kind)
{
	w.asked[kind]++;
	if (w.how == ALWAYS_JOBS)
		assert_true(w.running);
	return w.how != AT_ONCE && !w.running;
}

static enum leat_ret put(void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	(void)arg;
	(void)expires_s;
	for (int i = 0; i < SLOTS; i++)
		if (!w.slot[i].id_n) {
			memcpy(w.slot[i].id, id.p, id.n);
			memcpy(w.slot[i].b, bytes.p, bytes.n);
			w.slot[i].id_n = id.n;
			w.slot[i].n = bytes.n;
			return LEAT_OK;
		}
	return LEAT_UNSUPPORTED;
}

static int slot_of(struct leat_span id)
{
	for (int i = 0; i < SLOTS; i++)
		if (id.n == w.slot[i].id_n && memcmp(id.p, w.slot[i].id, id.n) == 0)
			return i;
	return -1;
}

static struct leat_span look(struct leat_span id, bool take)
{
	int i = slot_of(id);

	if (i < 0)
		return (struct leat_span){ NULL, 0 };
	if (take) {
		w.takes++;
		w.slot[i].id_n = 0;
	}
	return (struct leat_span){ w.slot[i].b, w.slot[i].n };
}

static enum leat_ret find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	struct leat_span got;

	(void)arg;
	assert_int_equal(now_s, PKI_NOW);
	if (too_early(LEAT_JOB_SESSION))
		return LEAT_AGAIN;
	got = look(id, take);
	if (!got.n || got.n > cap)
		return LEAT_UNSUPPORTED;
	memcpy(buf, got.p, got.n);
	*n = got.n;
	return LEAT_OK;
}

static void drop(void *arg, struct leat_span id)
{
	(void)arg;
	(void)look(id, true);
}

static enum leat_ret psk_lookup(void *arg, const struct leat_psk_query *q, struct leat_psk *out)
{
	(void)arg;
	if (too_early(LEAT_JOB_PSK))
		return LEAT_AGAIN;
	if (q->identity.n != 5 || memcmp(q->identity.p, "alice", 5) != 0)
		return LEAT_UNSUPPORTED;
	out->secret = w.secret;
	return LEAT_OK;
}

static bool is_name(struct leat_span s, const char *name)
{
	return s.n == strlen(name) && memcmp(s.p, name, s.n) == 0;
}

static enum leat_ret sni(void *arg, struct leat_span name, struct leat_config **out)
{
	(void)arg;
	assert_null(*out);
	if (too_early(LEAT_JOB_SNI))
		return LEAT_AGAIN;
	if (is_name(name, "nobody.wild.test"))
		return LEAT_UNSUPPORTED;
	if (is_name(name, "broken.wild.test"))
		return LEAT_FAILED;
	if (is_name(name, "other.wild.test"))
		*out = leat_config_ref(w.other);
	return LEAT_OK;
}

/* ---- doing jobs ---- */

static void by_hand(struct leat_job *j)
{
	const struct leat_psk psk = { .secret = w.secret };
	struct leat_lookup_input in;
	enum leat_ret r = LEAT_OK;

	assert_int_equal(leat_job_lookup_input(j, &in), LEAT_OK);
	if (w.refuse) {
		assert_int_equal(leat_job_refuse(j, 0), LEAT_OK);
		return;
	}
	switch (leat_job_kind(j)) {
	case LEAT_JOB_SESSION:
		r = leat_job_session_answer(j, w.junk.n ? w.junk : look(in.id, in.take));
		break;
	case LEAT_JOB_PSK:
		r = is_name(in.id, "alice") && !in.imported ? leat_job_psk_answer(j, &psk)
							    : leat_job_refuse(j, 0);
		break;
	case LEAT_JOB_SNI:
		r = is_name(in.id, "nobody.wild.test")
			    ? leat_job_refuse(j, 0)
			    : leat_job_sni_answer(
				      j, is_name(in.id, "other.wild.test") ? w.other : NULL);
		break;
	default: fail_msg("no lookup");
	}
	if (!w.scarce)
		assert_int_equal(r, LEAT_OK);
	assert_true(leat_job_is_answered(j));
	assert_int_equal(leat_job_refuse(j, 0), LEAT_UNSUPPORTED);
}

static bool is_lookup(const struct leat_job *j)
{
	return leat_job_kind(j) >= LEAT_JOB_SESSION;
}

static void do_job(struct leat_engine *e)
{
	struct leat_job *j;

	w.jobs++;
	w.running = true;
	if (w.how == RUN_INLINE || w.how == AT_ONCE || w.how == ALWAYS_JOBS) {
		(void)!leat_engine_job_run(e);
	} else if (leat_engine_job_take(e, &j) == LEAT_OK) {
		if (w.how == BY_HAND && is_lookup(j))
			by_hand(j);
		else
			assert_int_equal(leat_job_run(j), LEAT_OK);
		w.running = false;
		(void)!leat_engine_job_done(e, j);
		leat_job_unref(j);
	}
	w.running = false;
}

/* One record's worth of bytes at most per turn; jobs on both sides as the world says. */
static bool run_chunks(struct duo *d, size_t chunk)
{
	for (int turn = 0, idle = 0; idle < 4 && turn < 100000; turn++, idle++) {
		struct leat_engine *from = d->side[turn % 2].e, *to = d->side[!(turn % 2)].e;
		const uint8_t *p;
		uint8_t *room;
		size_t n, k;

		while (leat_engine_wants(from) & LEAT_WANT_JOB)
			do_job(from);
		while ((p = leat_engine_out(from, &n)) && (room = leat_engine_in(to, &k))) {
			k = k < n ? k : n;
			k = chunk && k > chunk ? chunk : k;
			memcpy(room, p, k);
			leat_engine_out_done(from, k);
			(void)!leat_engine_in_done(to, k);
			while (leat_engine_wants(to) & LEAT_WANT_JOB)
				do_job(to);
			idle = 0;
		}
	}
	return leat_engine_wants(d->side[0].e) & leat_engine_wants(d->side[1].e) & LEAT_IS_UP;
}

static bool run(struct duo *d)
{
	return run_chunks(d, 0);
}

/* ---- configs ---- */

static void world(enum how how)
{
	memset(&w, 0, sizeof(w));
	w.how = how;
	w.secret = vec_str("0123456789abcdef");
}

static struct leat_config *frozen(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_lookup_jobs(c, w.how == ALWAYS_JOBS, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

static struct leat_config *set(struct leat_config *c, const char *name, const char *value)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set(c, name, value, &err), LEAT_OK);
	return c;
}

static struct leat_config *stateful_server(void)
{
	static const struct leat_store_ops ops = { put, find, drop, NULL, NULL };
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };
	struct leat_store *store;

	assert_int_equal(leat_store_cb_new(&store, &ops, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set_session_store(s, store, &err), LEAT_OK);
	leat_store_unref(store);
	return s;
}

static struct leat_config *resuming_client(const char *more)
{
	return ids_config(LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.3", "session_tickets=manual",
		more ? more : "depth=10", NULL);
}

/* A connection; the session the client got of it, or NULL. */
static struct leat_session *connect_with(
	struct leat_config *c, struct leat_config *s, struct leat_session *with, bool *resumed)
{
	const struct leat_engine_opts opts = { .host = "localhost", .session = with };
	struct leat_engine_info info;
	struct leat_session *t;
	struct duo d;

	duo_open_with(&d, c, s, &opts);
	assert_true(run(&d));
	leat_engine_info(d.side[LEAT_SERVER].e, &info);
	*resumed = info.resumed;
	t = leat_engine_take_session(d.side[LEAT_CLIENT].e);
	duo_close(&d);
	return t;
}

/* ---- sessions ---- */

static void stored_sessions(void **state)
{
	bool resumed;

	(void)state;
	for (int retry = 0; retry < 2; retry++)
		for (enum how how = 0; how < HOW_COUNT; how++) {
			struct leat_config *c = resuming_client(NULL), *s;
			struct leat_session *t, *next;

			world(how);
			s = stateful_server();
			if (retry) /* the client sends no share of it: HelloRetryRequest */
				set(s, "groups", "secp521r1");
			frozen(s);
			t = connect_with(c, s, NULL, &resumed);
			assert_false(resumed);
			assert_int_equal(w.takes, 0);
			next = connect_with(c, s, t, &resumed);
			assert_true(resumed);
			assert_int_equal(w.takes, 1); /* for one use */
			assert_non_null(next);
			leat_session_unref(next);
			/* used up: the same one again is a full handshake */
			next = connect_with(c, s, t, &resumed);
			assert_false(resumed);
			assert_int_equal(w.takes, 1);
			leat_session_unref(next);
			leat_session_unref(t);
			leat_config_unref(c);
			leat_config_unref(s);
		}
}

/* TLS 1.2: a session id is good for many handshakes: found each time, never taken. */
static void stored_sessions_12(void **state)
{
	bool resumed;

	(void)state;
	for (enum how how = 0; how < HOW_COUNT; how++) {
		struct leat_config *c = resuming_client("versions=tlsv1.2"), *s;
		struct leat_session *t;

		world(how);
		s = frozen(stateful_server());
		t = connect_with(c, s, NULL, &resumed);
		assert_false(resumed);
		for (int again = 0; again < 3; again++) {
			leat_session_unref(connect_with(c, s, t, &resumed));
			assert_true(resumed);
		}
		assert_int_equal(w.takes, 0);
		w.refuse = true; /* by hand: nothing is there */
		leat_session_unref(connect_with(c, s, t, &resumed));
		assert_int_equal(resumed, how != BY_HAND);
		leat_session_unref(t);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* Whatever answer comes, the worst that happens is a full handshake. */
static void useless_answers(void **state)
{
	uint8_t longer[TICKET_PLAIN_MAX + 1] = { 0, 1 };
	struct leat_span junk[4];
	bool resumed;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct leat_config *c = resuming_client(NULL), *s;
		struct leat_session *t;

		world(BY_HAND);
		s = frozen(stateful_server());
		t = connect_with(c, s, NULL, &resumed);
		junk[0] = vec_noise(200);
		junk[1] = vec_copy(longer, sizeof(longer));
		junk[2] = vec_copy(w.slot[0].b, w.slot[0].n - 1);
		junk[3] = vec_noise(1);
		if (i < 4)
			w.junk = junk[i];
		else
			w.refuse = true;
		leat_session_unref(connect_with(c, s, t, &resumed));
		assert_false(resumed);
		leat_session_unref(t);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* One byte at a time: the message that waits is one that was put together. */
static void in_pieces(void **state)
{
	struct leat_config *c = resuming_client(NULL), *s;
	struct leat_engine_info info;
	struct leat_session *t;
	bool resumed;

	(void)state;
	for (size_t chunk = 1; chunk < 40; chunk += 13) {
		struct leat_engine_opts opts = { .host = "localhost" };
		struct duo d;

		world(BY_HAND);
		s = frozen(stateful_server());
		t = connect_with(c, s, NULL, &resumed);
		opts.session = t;
		duo_open_with(&d, c, s, &opts);
		assert_true(run_chunks(&d, chunk));
		leat_engine_info(d.side[LEAT_SERVER].e, &info);
		assert_true(info.resumed);
		duo_close(&d);
		leat_session_unref(t);
		leat_config_unref(s);
	}
	leat_config_unref(c);
}

/* Tickets are opened by leat itself: later only where lookups are always jobs; then early data waits too. */
static void tickets(void **state)
{
	struct leat_config *c = resuming_client(NULL), *s;
	struct leat_err err = { 0 };
	struct leat_antireplay *a;
	bool resumed;

	(void)state;
	for (enum how how = AT_ONCE; how <= ALWAYS_JOBS; how += ALWAYS_JOBS) {
		struct leat_engine_opts opts = { .host = "localhost", .early_data = true };
		struct leat_session *t;
		struct leat_span early;
		unsigned jobs;
		struct duo d;
		size_t n;

		world(how);
		duo_later_s = -1000;
		assert_int_equal(leat_antireplay_new(&a, 100, 10, &duo_env, NULL, &err), LEAT_OK);
		duo_later_s = 0;
		s = ids_draft(LEAT_SERVER, KEY_EC_P256);
		assert_int_equal(leat_config_set_early_data(s, 1000, a, &err), LEAT_OK);
		frozen(s);
		t = connect_with(c, s, NULL, &resumed);
		opts.session = t;
		duo_open_with(&d, c, s, &opts);
		assert_int_equal(leat_engine_write_early(d.side[0].e, "early", 5, &n), LEAT_OK);
		jobs = w.jobs;
		(void)run(&d); /* up to the early data, which must be taken */
		assert_int_equal(w.jobs - jobs, how == ALWAYS_JOBS);
		leat_engine_early_data(d.side[1].e, &early);
		assert_int_equal(early.n, 5);
		assert_int_equal(leat_engine_early_data_done(d.side[1].e, 5), LEAT_OK);
		assert_true(run(&d));
		assert_int_equal(leat_engine_early_status(d.side[1].e), LEAT_EARLY_ACCEPTED);
		duo_close(&d);
		leat_session_unref(t);
		leat_config_unref(s);
		leat_antireplay_unref(a);
	}
	leat_config_unref(c);
}

/* A binder that is wrong stays wrong however late the key comes, and uses nothing up. */
static void wrong_binder(void **state)
{
	(void)state;
	for (enum how how = 0; how < HOW_COUNT; how++) {
		const struct leat_psk psk = { .identity = vec_str("alice"),
			.secret = vec_str("another secret..") };
		struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256),
				   *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
		struct leat_err err = { 0 };
		struct duo d;

		world(how);
		assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
		assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
		assert_int_equal(leat_config_set_psk_lookup(s, psk_lookup, NULL, &err), LEAT_OK);
		frozen(s);
		duo_open(&d, c, s, "localhost");
		assert_false(run(&d));
		assert_int_equal(leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_DECRYPT_ERROR);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

static void external_keys(void **state)
{
	static const char *const names[] = { "alice", "bob" };

	(void)state;
	for (int retry = 0; retry < 2; retry++)
		for (int i = 0; i < 2; i++)
			for (enum how how = 0; how < HOW_COUNT; how++) {
				struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256),
						   *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
				struct leat_psk psk = { .identity = vec_str(names[i]) };
				struct leat_engine_info info;
				struct leat_err err = { 0 };
				struct duo d;

				world(how);
				psk.secret = w.secret;
				assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
				assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
				assert_int_equal(
					leat_config_set_psk_lookup(s, psk_lookup, NULL, &err),
					LEAT_OK);
				set(s, "session_tickets", "disabled");
				if (retry)
					set(s, "groups", "secp521r1");
				frozen(s);
				duo_open(&d, c, s, "localhost");
				assert_true(run(&d));
				leat_engine_info(d.side[1].e, &info);
				/* an unknown one: certificates */
				assert_int_equal(info.external_psk, i == 0);
				assert_int_equal(info.retried, retry);
				/* asked anew for each ClientHello, but not twice for one */
				if (how == ALWAYS_JOBS || how == AT_ONCE)
					assert_int_equal(w.asked[LEAT_JOB_PSK], 1 + retry);
				duo_close(&d);
				leat_config_unref(c);
				leat_config_unref(s);
			}
}

/* ---- names ---- */

struct sni_case {
	const char *name;
	unsigned alert;   /* 0: it works */
	uint16_t version; /* of the config that serves it */
};

static void names(void **state)
{
	static const struct sni_case cases[] = {
		{ "localhost", 0, LEAT_TLS13 }, { "other.wild.test", 0, LEAT_TLS12 },
		{ "nobody.wild.test", LEAT_ALERT_UNRECOGNIZED_NAME, 0 },
		{ "127.0.0.1", 0, LEAT_TLS13 }, /* no server_name: nobody is asked */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int retry = 0; retry < 2; retry++)
			for (enum how how = 0; how < HOW_COUNT; how++) {
				struct leat_config *c = ids_config(
					LEAT_CLIENT, KEY_EC_P256, "depth=10", NULL);
				struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
				struct leat_engine_info info;
				struct leat_err err = { 0 };
				struct duo d;

				world(how);
				w.other = ids_config(
					LEAT_SERVER, KEY_ED25519, "versions=tlsv1.2", NULL);
				assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
				if (retry)
					set(s, "groups", "secp521r1");
				frozen(s);
				duo_open(&d, c, s, cases[i].name);
				assert_int_equal(run(&d), !cases[i].alert);
				if (cases[i].alert)
					assert_int_equal(leat_engine_error(d.side[1].e)->alert,
						cases[i].alert);
				leat_engine_info(d.side[1].e, &info);
				assert_int_equal(info.version, cases[i].version);
				if (info.version == LEAT_TLS12)
					assert_string_equal(info.scheme_name, "ed25519");
				/* once, not for the second ClientHello again */
				if (how == ALWAYS_JOBS || how == AT_ONCE)
					assert_int_equal(w.asked[LEAT_JOB_SNI], i == 3 ? 0 : 1);
				duo_close(&d);
				leat_config_unref(w.other);
				leat_config_unref(c);
				leat_config_unref(s);
			}
}

/* A callback that fails, or hands out a config that cannot serve, is our fault and said to be. */
static void useless_configs(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		for (enum how how = 0; how < BY_HAND; how++) {
			struct leat_config *c = ids_config(
				LEAT_CLIENT, KEY_EC_P256, "depth=10", NULL);
			struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
			struct leat_err err = { 0 };
			struct duo d;

			world(how);
			w.other = i == 0 ? ids_draft(LEAT_SERVER, KEY_EC_P256)
					 : leat_config_ref(c); /* not frozen; a client's */
			assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
			frozen(s);
			duo_open(&d, c, s, i == 2 ? "broken.wild.test" : "other.wild.test");
			assert_false(run(&d));
			assert_int_equal(
				leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_INTERNAL_ERROR);
			duo_close(&d);
			leat_config_unref(w.other);
			leat_config_unref(c);
			leat_config_unref(s);
		}
}

static void useless_config_by_hand(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_EC_P256, "depth=10", NULL);
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_lookup_input in;
	struct leat_err err = { 0 };
	struct leat_sign_input sig;
	struct leat_psk psk = { 0 };
	struct leat_job *j;
	struct duo d;

	(void)state;
	world(BY_HAND);
	assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
	frozen(s);
	duo_open(&d, c, s, "localhost");
	duo_pull(&d.side[0]);
	assert_int_equal(duo_feed(&d, LEAT_SERVER, d.side[0].wire.p, 1), LEAT_OK);
	{
		size_t n = d.side[0].wire.n - 1, room;
		uint8_t *p = leat_engine_in(d.side[1].e, &room);

		assert_true(room >= n);
		memcpy(p, d.side[0].wire.p + 1, n);
		assert_int_equal(leat_engine_in_done(d.side[1].e, n), LEAT_AGAIN);
	}
	/* the callback says LEAT_AGAIN to whoever runs it: it still waits */
	assert_int_equal(leat_engine_job_take(d.side[1].e, &j), LEAT_OK);
	assert_int_equal(leat_job_kind(j), LEAT_JOB_SNI);
	assert_int_equal(leat_job_run(j), LEAT_AGAIN);
	assert_false(leat_job_is_answered(j));
	assert_int_equal(leat_job_lookup_input(j, &in), LEAT_OK);
	assert_true(is_name(in.id, "localhost"));
	assert_int_equal(in.now_s, PKI_NOW);
	/* not an answer to this */
	assert_int_equal(leat_job_sign_input(j, &sig), LEAT_UNSUPPORTED);
	assert_int_equal(leat_job_sign_answer(j, vec_noise(70)), LEAT_UNSUPPORTED);
	assert_int_equal(leat_job_session_answer(j, vec_noise(70)), LEAT_UNSUPPORTED);
	assert_int_equal(leat_job_psk_answer(j, &psk), LEAT_UNSUPPORTED);
	assert_false(leat_job_is_answered(j));
	/* a client's config cannot serve */
	assert_int_equal(leat_job_sni_answer(j, c), LEAT_FAILED);
	assert_int_equal(leat_engine_job_done(d.side[1].e, j), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_INTERNAL_ERROR);
	leat_job_unref(j);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* A session made under one config is none of the other's, whatever name is asked for. */
static void sessions_stay_with_their_config(void **state)
{
	struct leat_config *c = resuming_client(NULL);
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_engine_opts opts = { .host = "other.wild.test" };
	struct leat_engine_info info;
	struct leat_err err = { 0 };
	struct duo d;

	(void)state;
	world(AT_ONCE);
	w.other = ids_config(LEAT_SERVER, KEY_ED25519, "versions=tlsv1.3", NULL);
	assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
	frozen(s);
	for (int i = 0; i < 3; i++) {
		duo_open_with(&d, c, s, &opts);
		assert_true(run(&d));
		leat_engine_info(d.side[1].e, &info);
		assert_int_equal(info.resumed, i == 1); /* under the same name, same config */
		leat_session_unref(opts.session);
		opts.session = leat_engine_take_session(d.side[0].e);
		assert_non_null(opts.session);
		duo_close(&d);
		if (i == 1) { /* the name has another certificate now */
			leat_config_unref(w.other);
			w.other = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.3", NULL);
		}
	}
	leat_session_unref(opts.session);
	leat_config_unref(w.other);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* A driver that does every job itself, and one that cannot be done: no loop without end. */
static void nobody_answers(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_EC_P256, "depth=10", NULL);
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };
	struct duo d;

	(void)state;
	world(BY_HAND);
	assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
	frozen(s);
	duo_open(&d, c, s, "localhost");
	assert_false(duo_run(&d));
	assert_int_equal(leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_INTERNAL_ERROR);
	assert_int_equal(leat_engine_error(d.side[0].e)->cls, LEAT_E_PEER_ALERT);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void setters_want_a_server(void **state)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256), *s;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_set_sni(c, sni, NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_lookup_jobs(c, true, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	leat_config_unref(c);
	s = ids_config(LEAT_SERVER, KEY_EC_P256, "depth=10", NULL);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_lookup_jobs(s, true, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(s);
}

/* ---- the engine goes, memory goes ---- */

/* At each job in turn the server is freed with the job out, and everything else after it. */
static void freed_meanwhile(void **state)
{
	struct leat_config *c = resuming_client(NULL), *s;
	bool resumed;

	(void)state;
	for (unsigned at = 0; at < 3; at++)
		for (int late = 0; late < 2; late++) {
			struct leat_engine_opts opts = { .host = "localhost" };
			struct leat_session *t;
			struct leat_job *j;
			struct leat_err err = { 0 };
			size_t n, room;
			uint8_t *p;
			struct duo d;

			world(BY_HAND);
			s = stateful_server();
			assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
			frozen(s);
			t = connect_with(c, s, NULL, &resumed);
			opts.session = t;
			duo_open_with(&d, c, s, &opts);
			duo_pull(&d.side[0]);
			n = d.side[0].wire.n;
			p = leat_engine_in(d.side[1].e, &room);
			assert_true(room >= n);
			memcpy(p, d.side[0].wire.p, n);
			assert_int_equal(leat_engine_in_done(d.side[1].e, n), LEAT_AGAIN);
			for (unsigned i = 0; i < at; i++) /* SNI, find, take */
				do_job(d.side[1].e);
			assert_int_equal(leat_engine_job_take(d.side[1].e, &j), LEAT_OK);
			assert_int_equal(
				leat_job_kind(j), at == 0 ? LEAT_JOB_SNI : LEAT_JOB_SESSION);
			if (late)
				by_hand(j);
			duo_close(&d);
			leat_config_unref(s);
			assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
			assert_int_equal(w.takes, at == 2 && late);
			leat_job_unref(j);
			leat_session_unref(t);
		}
	leat_config_unref(c);
}

/* Whole connection with every allocation of ours failing in turn: an error, or it works without. */
static void memory(void **state)
{
	struct leat_config *c = resuming_client(NULL), *s;
	struct leat_err err = { 0 };
	bool resumed;

	(void)state;
	for (enum how how = RUN_AWAY; how <= BY_HAND; how++) {
		unsigned long total = 1, failed = 0;

		for (unsigned long nth = 0; nth <= total; nth++) {
			struct leat_engine_opts opts = { .host = "localhost" };
			struct duo d = { 0 };

			world(how);
			s = stateful_server();
			assert_int_equal(leat_config_set_sni(s, sni, NULL, &err), LEAT_OK);
			frozen(s);
			opts.session = connect_with(c, s, NULL, &resumed);
			duo_open_with(&d, c, s, &opts);
			w.scarce = true;
			(void)leat_mem_fail_at(nth);
			failed += !run(&d);
			if (nth == 0)
				total = leat_mem_fail_at(0);
			(void)leat_mem_fail_at(0);
			for (int i = 0; i < 2; i++)
				if (leat_engine_wants(d.side[i].e) & LEAT_IS_DEAD)
					assert_int_not_equal(
						leat_engine_error(d.side[i].e)->cls, LEAT_E_NONE);
			duo_close(&d);
			leat_session_unref(opts.session);
			leat_config_unref(s);
		}
		print_message("  %lu allocations of ours\n", total);
		assert_in_range(total, 10, 100);
		assert_true(failed > total / 3);
	}
	leat_config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(stored_sessions, vec_teardown),
		cmocka_unit_test_teardown(useless_answers, vec_teardown),
		cmocka_unit_test_teardown(in_pieces, vec_teardown),
		cmocka_unit_test_teardown(tickets, vec_teardown),
		cmocka_unit_test_teardown(wrong_binder, vec_teardown),
		cmocka_unit_test_teardown(external_keys, vec_teardown),
		cmocka_unit_test_teardown(stored_sessions_12, vec_teardown),
		cmocka_unit_test_teardown(names, vec_teardown),
		cmocka_unit_test_teardown(useless_configs, vec_teardown),
		cmocka_unit_test_teardown(useless_config_by_hand, vec_teardown),
		cmocka_unit_test_teardown(sessions_stay_with_their_config, vec_teardown),
		cmocka_unit_test_teardown(nobody_answers, vec_teardown),
		cmocka_unit_test_teardown(setters_want_a_server, vec_teardown),
		cmocka_unit_test_teardown(freed_meanwhile, vec_teardown),
		cmocka_unit_test_teardown(memory, vec_teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return failed;
}

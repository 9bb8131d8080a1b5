/* SPDX-License-Identifier: Apache-2.0
 *
 * t_jobs.c - crowds of handshakes with every job deferred: signatures, chains, session lookups, tickets,
 * PSKs, names, in both versions. One thread drives the engines, others answer their jobs in random order;
 * some jobs are refused, some are answered twice, some engines are freed and some die of a cut connection
 * while a worker is at their job.
 *
 * TIMEOUT: 300
 *
 * 10,000 connections in the plain build, fewer under sanitizers; a number as argument says how many. For
 * data races, by hand:
 *
 *	make BUILD=build-tsan CC=clang SAN=thread OPT='-O1 -g' build-tsan/tests/flow/t_jobs
 *	build-tsan/tests/flow/t_jobs 2000
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/job.h>
#include <leat/session.h>
#include <pthread.h>
#include <stdatomic.h>

#define WORKERS 3
#define CROWD   64 /* connections open at a time */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONNECTIONS 3000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONNECTIONS 3000
#endif
#endif
#ifndef CONNECTIONS
#define CONNECTIONS 10000
#endif

static unsigned long connections = CONNECTIONS;

/* ---- kinds of connection ---- */

enum scene {
	FULL13,
	FULL12,
	RSA13,
	OTHER_NAME,
	TICKET,
	STORED,
	PSK,
	RETRY,
	CLIENT_CERT,
	LATE_CERT,
	TICKET12,
	STORED12,
	PSK12,
	DHE_PSK12,
	SCENES
};

static const char *const scene_names[SCENES] = { "1.3", "1.2", "1.3 RSA", "SNI", "ticket", "store",
	"PSK", "retry", "client certificate", "certificate later", "1.2 ticket", "1.2 store",
	"1.2 ECDHE_PSK", "1.2 DHE_PSK" };

#define KIND(name) (1u << LEAT_JOB_##name)
#define CERT       (KIND(SNI) | KIND(SIGN) | KIND(VERIFY))

/* The jobs that must have been done in each, beside others. */
static const unsigned scene_jobs[SCENES] = {
	[FULL13] = CERT,
	[FULL12] = CERT,
	[RSA13] = CERT,
	[OTHER_NAME] = CERT,
	[TICKET] = CERT | KIND(TICKET),
	[STORED] = CERT | KIND(SESSION),
	[PSK] = KIND(SNI) | KIND(PSK),
	[RETRY] = CERT,
	[CLIENT_CERT] = CERT,
	[LATE_CERT] = CERT,
	[TICKET12] = CERT | KIND(TICKET),
	[STORED12] = CERT | KIND(SESSION),
	[PSK12] = KIND(SNI) | KIND(PSK),
	[DHE_PSK12] = KIND(SNI) | KIND(PSK),
};

static bool is_12(enum scene s)
{
	return s == FULL12 || s == OTHER_NAME || s >= TICKET12;
}

/* ---- a bag of jobs: what goes in comes out in any order ---- */

struct bag {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct task {
		struct leat_job *job; /* a reference */
		unsigned who;
		enum scene scene;
	} task[4 * CROWD];
	size_t n;
	uint32_t dice;
	bool over;
};

#define BAG                                                                                    \
	{                                                                                      \
		.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .dice = 1 \
	}
static struct bag todo = BAG, done = BAG;

static uint32_t roll(uint32_t *dice)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 17;
	*dice ^= *dice << 5;
	return *dice;
}

static void bag_put(struct bag *b, struct task t)
{
	pthread_mutex_lock(&b->lock);
	if (b->n == sizeof(b->task) / sizeof(b->task[0]))
		abort();
	b->task[b->n++] = t;
	pthread_cond_signal(&b->more);
	pthread_mutex_unlock(&b->lock);
}

/* wait: until there is one or the bag is over. */
static bool bag_get(struct bag *b, struct task *out, bool wait)
{
	bool got;
	size_t i;

	pthread_mutex_lock(&b->lock);
	while (wait && !b->n && !b->over)
		pthread_cond_wait(&b->more, &b->lock);
	got = b->n > 0;
	if (got) {
		i = roll(&b->dice) % b->n;
		*out = b->task[i];
		b->task[i] = b->task[--b->n];
	}
	pthread_mutex_unlock(&b->lock);
	return got;
}

static void bag_close(struct bag *b)
{
	pthread_mutex_lock(&b->lock);
	b->over = true;
	pthread_cond_broadcast(&b->more);
	pthread_mutex_unlock(&b->lock);
}

/* ---- workers ---- */

static atomic_ulong ran[SCENES][LEAT_JOB_SNI + 1], refused, skipped, twice;

static void *work(void *arg)
{
	uint32_t dice = (uint32_t)(uintptr_t)arg * 2654435761u + 1;
	struct task t;

	while (bag_get(&todo, &t, true)) {
		enum leat_job_kind kind = leat_job_kind(t.job);
		uint32_t r = roll(&dice) % 100;

		if (leat_job_is_dropped(t.job)) {
			atomic_fetch_add(&skipped, 1);
		} else if (r == 0) {
			if (leat_job_refuse(t.job, 0) == LEAT_OK)
				atomic_fetch_add(&refused, 1);
		} else if (leat_job_run(t.job) == LEAT_OK) {
			atomic_fetch_add(&ran[t.scene][kind], 1);
		}
		/* the second answer is none, from whichever thread */
		if (r == 1 && !leat_job_is_dropped(t.job)) {
			if (leat_job_run(t.job) != LEAT_UNSUPPORTED ||
				leat_job_refuse(t.job, LEAT_ALERT_ACCESS_DENIED) !=
					LEAT_UNSUPPORTED)
				abort();
			atomic_fetch_add(&twice, 1);
		}
		bag_put(&done, t);
	}
	return NULL;
}

/* ---- what servers ask; called by the workers ---- */

static void lock(void *arg)
{
	pthread_mutex_lock(arg);
}

static void unlock(void *arg)
{
	pthread_mutex_unlock(arg);
}

static const char secret[] = "0123456789abcdef";

static enum leat_ret psk_lookup(void *arg, const struct leat_psk_query *q, struct leat_psk *out)
{
	(void)arg;
	if (q->identity.n != 5 || memcmp(q->identity.p, "alice", 5) != 0)
		return LEAT_UNSUPPORTED;
	out->secret = (struct leat_span){ (const uint8_t *)secret, sizeof(secret) - 1 };
	return LEAT_OK;
}

static struct leat_config *other;

static enum leat_ret sni(void *arg, struct leat_span name, struct leat_config **out)
{
	(void)arg;
	if (name.n == strlen("other.wild.test") && memcmp(name.p, "other", 5) == 0)
		*out = leat_config_ref(other);
	return LEAT_OK;
}

/* ---- configs ---- */

static struct leat_config *client[SCENES], *server[SCENES];
static struct leat_session *kept[SCENES]; /* the last session of the scene */

static struct leat_config *server_draft(enum key_kind kind)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, kind);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_lookup_jobs(s, true, &err), LEAT_OK);
	return s;
}

/* What each side is told, by scene; names and values in turn. */
static const struct {
	const char *client[6], *server[6];
} settings[SCENES] = {
	[FULL13] = { .client = { "versions", "tlsv1.3" } },
	[FULL12] = { .client = { "versions", "tlsv1.2" } },
	[RSA13] = { .client = { "versions", "tlsv1.3" } },
	[TICKET] = { .client = { "versions", "tlsv1.3", "session_tickets", "manual", "chain_cache",
			     "true" } },
	[STORED] = { .client = { "versions", "tlsv1.3", "session_tickets", "manual", "chain_cache",
			     "true" } },
	[PSK] = { .client = { "versions", "tlsv1.3" } },
	[RETRY] = { .client = { "key_shares", "1" }, .server = { "groups", "secp256r1" } },
	[CLIENT_CERT] = { .client = { "versions", "tlsv1.3" },
		.server = { "verify", "verify_peer" } },
	[LATE_CERT] = { .client = { "versions", "tlsv1.3", "post_handshake_auth", "true" },
		.server = { "versions", "tlsv1.3", "post_handshake_auth", "true" } },
	[TICKET12] = { .client = { "versions", "tlsv1.2", "session_tickets", "manual" } },
	[STORED12] = { .client = { "versions", "tlsv1.2", "session_tickets", "manual" } },
	[PSK12] = { .client = { "versions", "tlsv1.2", "ciphers",
			    "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" } },
	[DHE_PSK12] = { .client = { "versions", "tlsv1.2", "ciphers",
				"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256" } },
};

static void finish(struct leat_config *c, const char *const *setting)
{
	struct leat_err err = { 0 };

	for (int i = 0; i < 6 && setting[i]; i += 2)
		assert_int_equal(leat_config_set(c, setting[i], setting[i + 1], &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
}

static bool has_key(enum scene s)
{
	return s == PSK || s == PSK12 || s == DHE_PSK12;
}

/* The client has a certificate, the server knows who made it. */
static void ask_client(struct leat_config *c, struct leat_config *s)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
	assert_int_equal(leat_config_add_trust(s, pki_root_pem(), NULL, &err), LEAT_OK);
}

static void make_configs(struct leat_store *store)
{
	const struct leat_psk psk = { .identity = vec_str("alice"), .secret = vec_str(secret) };
	struct leat_err err = { 0 };

	other = ids_config(LEAT_SERVER, KEY_ED25519, "versions=tlsv1.2", NULL);
	for (enum scene i = 0; i < SCENES; i++) {
		client[i] = ids_draft(LEAT_CLIENT, KEY_EC_P256);
		server[i] = server_draft(i == RSA13 ? KEY_RSA : KEY_EC_P256);
		assert_int_equal(leat_config_set_sni(server[i], sni, NULL, &err), LEAT_OK);
		if (i == STORED || i == STORED12)
			assert_int_equal(
				leat_config_set_session_store(server[i], store, &err), LEAT_OK);
		if (has_key(i)) {
			assert_int_equal(
				leat_config_set_psk_lookup(server[i], psk_lookup, NULL, &err),
				LEAT_OK);
			assert_int_equal(leat_config_add_psk(client[i], &psk, &err), LEAT_OK);
		}
		if (i == CLIENT_CERT || i == LATE_CERT)
			ask_client(client[i], server[i]);
		finish(client[i], settings[i].client);
		finish(server[i], settings[i].server);
	}
}

static void drop_configs(void)
{
	for (int i = 0; i < SCENES; i++) {
		leat_session_unref(kept[i]);
		leat_config_unref(client[i]);
		leat_config_unref(server[i]);
	}
	leat_config_unref(other);
}

/* ---- the driver ---- */

static struct seat {
	struct leat_engine *e[2];
	struct leat_job *out[2]; /* borrowed: to compare only */
	enum scene scene;
	bool open, doomed;
} seats[CROWD];

static uint32_t dice = 7;
static unsigned long opened, is_out, up[SCENES], resumed[SCENES], died, freed, cut;

static void sit(struct seat *s)
{
	struct leat_engine_opts opts = { .host = "localhost" };
	struct leat_err err = { 0 };

	s->scene = (enum scene)(opened++ % SCENES);
	if (s->scene == OTHER_NAME)
		opts.host = "other.wild.test";
	opts.session = kept[s->scene];
	assert_int_equal(
		leat_engine_new_with(&s->e[LEAT_CLIENT], client[s->scene], &opts, &duo_env, &err),
		LEAT_OK);
	assert_int_equal(
		leat_engine_new(&s->e[LEAT_SERVER], server[s->scene], NULL, &duo_env, &err),
		LEAT_OK);
	s->open = true;
	s->doomed = roll(&dice) % 20 == 0; /* freed as soon as one of its jobs is out */
}

static void stand_up(struct seat *s)
{
	for (int i = 0; i < 2; i++) {
		leat_engine_free(s->e[i]);
		s->e[i] = NULL;
		s->out[i] = NULL;
	}
	s->open = false;
}

static void move_bytes(struct leat_engine *from, struct leat_engine *to)
{
	const uint8_t *p;
	uint8_t *room;
	size_t n, k;

	while ((p = leat_engine_out(from, &n)) && (room = leat_engine_in(to, &k))) {
		k = k < n ? k : n;
		memcpy(room, p, k);
		leat_engine_out_done(from, k);
		(void)!leat_engine_in_done(to, k);
	}
}

/* The connection is over, well or badly. */
static void conclude(struct seat *s)
{
	unsigned c = leat_engine_wants(s->e[LEAT_CLIENT]), v = leat_engine_wants(s->e[LEAT_SERVER]);
	struct leat_engine_info info;
	struct leat_session *t;

	if ((c | v) & LEAT_IS_DEAD) {
		/* of a refused job, and for no other reason */
		for (int i = 0; i < 2; i++) {
			const struct leat_err *err = leat_engine_error(s->e[i]);

			/* RFC 4279 2: a key that is not known is as good as a wrong one */
			if (s->scene >= PSK12 && err->alert == LEAT_ALERT_BAD_RECORD_MAC)
				continue;
			if (err->cls == LEAT_E_OUR_ALERT)
				assert_true(err->alert == LEAT_ALERT_INTERNAL_ERROR ||
					    err->alert == LEAT_ALERT_CERTIFICATE_UNKNOWN ||
					    err->alert == LEAT_ALERT_UNRECOGNIZED_NAME);
		}
		died++;
		stand_up(s);
		return;
	}
	assert_true(c & v & LEAT_IS_UP);
	leat_engine_info(s->e[LEAT_SERVER], &info);
	assert_int_equal(info.version, is_12(s->scene) ? LEAT_TLS12 : LEAT_TLS13);
	assert_true(!has_key(s->scene) || info.external_psk || s->scene == PSK);
	assert_int_equal(info.retried, s->scene == RETRY);
	if (s->scene == LATE_CERT || s->scene == CLIENT_CERT)
		assert_true(leat_engine_peer_cert(s->e[LEAT_SERVER], 0).n > 0);
	resumed[s->scene] += info.resumed;
	up[s->scene]++;
	t = leat_engine_take_session(s->e[LEAT_CLIENT]);
	if (t) {
		leat_session_unref(kept[s->scene]);
		kept[s->scene] = t;
	}
	stand_up(s);
}

static bool is_over(const struct seat *s)
{
	unsigned c = leat_engine_wants(s->e[LEAT_CLIENT]), v = leat_engine_wants(s->e[LEAT_SERVER]);

	if ((c | v) & LEAT_IS_DEAD)
		return true;
	return c & v & LEAT_IS_UP &&
	       !((c | v) & (LEAT_WANT_SEND | LEAT_WANT_JOB | LEAT_JOB_IS_OUT));
}

/* Jobs of a connection that is up already. True: the answer is awaited. */
static bool asks_later(struct seat *s)
{
	struct leat_engine *e = s->e[LEAT_SERVER];

	if (s->scene != LATE_CERT || leat_engine_auth(e) == LEAT_AUTH_SHOWN)
		return false;
	if (leat_engine_auth(e) == LEAT_AUTH_NONE)
		assert_int_equal(leat_engine_request_auth(e), LEAT_OK);
	return leat_engine_auth(e) == LEAT_AUTH_ASKED;
}

/* Ends with a job out: freed, or dead of a transport that broke. What the worker finds is for nobody. */
static void give_up(struct seat *s, enum leat_role side)
{
	struct leat_engine *e = s->e[side];

	if (roll(&dice) % 2) {
		freed++;
	} else {
		cut++;
		assert_int_equal(leat_engine_in_eof(e), LEAT_FAILED);
		assert_true(leat_engine_wants(e) & LEAT_IS_DEAD);
		assert_false(leat_engine_wants(e) & (LEAT_WANT_JOB | LEAT_JOB_IS_OUT));
		assert_true(leat_job_is_dropped(s->out[side]));
		assert_int_not_equal(leat_engine_job_done(e, s->out[side]), LEAT_OK);
		assert_int_equal(leat_engine_error(e)->cls, LEAT_E_CLOSED);
	}
	stand_up(s);
}

static void hand_out(struct seat *s, enum leat_role side)
{
	struct task t = { .who = (unsigned)(s - seats) * 2 + side, .scene = s->scene };

	assert_int_equal(leat_engine_job_take(s->e[side], &t.job), LEAT_OK);
	s->out[side] = t.job;
	is_out++;
	bag_put(&todo, t);
	if (s->doomed && roll(&dice) % 3 == 0)
		give_up(s, side); /* the worker has it, or will have */
}

/* engine.h: what is never set together. */
static void check_wants(const struct leat_engine *e)
{
	unsigned w = leat_engine_wants(e);

	if (w & LEAT_WANT_BYTES)
		assert_false(w & (LEAT_HAS_DATA | LEAT_HAS_EARLY_DATA | LEAT_WANT_JOB |
					 LEAT_JOB_IS_OUT | LEAT_IS_EOF | LEAT_IS_DEAD));
	assert_false((w & LEAT_WANT_JOB) && (w & LEAT_JOB_IS_OUT));
	assert_false((w & LEAT_MAY_WRITE) && (w & LEAT_IS_CLOSED));
	assert_true(!(w & LEAT_IS_DEAD) || (w & LEAT_IS_CLOSED));
}

static void turn(struct seat *s)
{
	if (!s->open) {
		if (opened < connections)
			sit(s);
		return;
	}
	move_bytes(s->e[LEAT_CLIENT], s->e[LEAT_SERVER]);
	move_bytes(s->e[LEAT_SERVER], s->e[LEAT_CLIENT]);
	check_wants(s->e[LEAT_CLIENT]);
	check_wants(s->e[LEAT_SERVER]);
	for (int i = 0; s->open && i < 2; i++)
		if (leat_engine_wants(s->e[i]) & LEAT_WANT_JOB)
			hand_out(s, (enum leat_role)i);
	if (s->open && is_over(s) &&
		((leat_engine_wants(s->e[0]) | leat_engine_wants(s->e[1])) & LEAT_IS_DEAD ||
			!asks_later(s)))
		conclude(s);
}

/* An answer: to the engine that asked, if it is still there; to a stranger first, sometimes. */
static void answered(struct task t)
{
	struct seat *s = &seats[t.who / 2];
	struct leat_engine *e = s->e[t.who % 2];

	is_out--;
	assert_true(leat_job_is_answered(t.job) || leat_job_is_dropped(t.job));
	for (unsigned i = 0; i < 3; i++) {
		struct seat *stranger = &seats[roll(&dice) % CROWD];

		if (stranger != s && stranger->open &&
			!(leat_engine_wants(stranger->e[0]) & LEAT_IS_DEAD))
			assert_int_equal(
				leat_engine_job_done(stranger->e[0], t.job), LEAT_UNSUPPORTED);
	}
	if (e && s->out[t.who % 2] == t.job && !leat_job_is_dropped(t.job)) {
		s->out[t.who % 2] = NULL;
		(void)!leat_engine_job_done(e, t.job);
		if (!(leat_engine_wants(e) & LEAT_IS_DEAD))
			assert_int_equal(leat_engine_job_done(e, t.job), LEAT_UNSUPPORTED);
	}
	leat_job_unref(t.job);
}

static bool anybody(void)
{
	for (int i = 0; i < CROWD; i++)
		if (seats[i].open)
			return true;
	return opened < connections;
}

static void crowd(void **state)
{
	static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
	const struct leat_lock l = { lock, unlock, &guard };
	unsigned long given = 0, all = 0;
	pthread_t thread[WORKERS];
	struct leat_err err = { 0 };
	struct leat_store *store;
	struct task t;

	(void)state;
	assert_int_equal(leat_store_mem_new(&store, 1000, &l, &err), LEAT_OK);
	make_configs(store);
	for (uintptr_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
	while (anybody()) {
		bool moved = false;

		for (int i = 0; i < CROWD; i++)
			turn(&seats[i]);
		while (bag_get(&done, &t, !moved && is_out)) {
			answered(t);
			moved = true;
		}
	}
	bag_close(&todo);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	while (bag_get(&done, &t, false))
		leat_job_unref(t.job);
	for (int i = 0; i < SCENES; i++)
		for (int kind = 1; kind <= LEAT_JOB_SNI; kind++) {
			given += atomic_load(&ran[i][kind]);
			assert_true(!(scene_jobs[i] & 1u << kind) || atomic_load(&ran[i][kind]));
		}
	print_message("  %lu jobs run, %lu refused, %lu dropped before; %lu twice\n", given,
		atomic_load(&refused), atomic_load(&skipped), atomic_load(&twice));
	for (int i = 0; i < SCENES; i++) {
		print_message("  %-20s %lu up, %lu resumed\n", scene_names[i], up[i], resumed[i]);
		if (i == TICKET || i == STORED || i == TICKET12 || i == STORED12)
			assert_true(resumed[i] > up[i] / 2);
		assert_true(up[i] > connections / SCENES / 2);
		all += up[i];
	}
	print_message("  %lu died, %lu freed first, %lu cut first\n", died, freed, cut);
	assert_int_equal(all + died + freed + cut, connections);
	assert_true(died > 0 && freed > 0 && cut > 0);
	drop_configs();
	leat_store_unref(store);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(crowd, vec_teardown) };
	int failed;

	if (argc > 1)
		connections = strtoul(argv[1], NULL, 10);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pki_done();
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_post_auth.c - post-handshake authentication, RFC 8446 4.6.2. First between two machines and their
 * struct hs_post, where every message can be seen, changed, dropped and repeated; then between two
 * engines: data in between, jobs elsewhere, the verdict.
 *
 * TIMEOUT: 180
 * REQ: F-pha
 */
#include "duo.h"
#include "pair.h"

#include <leat/job.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/engine_int.h"
#include "hs/post_auth.h"
#include "ids.h"
#include "pki.h"
#include "wire/cert_verify.h"
#include "wire/certificate.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

static void add_cred(struct leat_config *c, const struct pki_ident *id)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
}

static void trust_root(struct leat_config *s)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_trust(s, pki_root_pem(), NULL, &err), LEAT_OK);
}

/* ---- machines ---- */

struct up {
	struct pair pair;
	struct hs_post post[2];
};

static struct leat_config *client_config(const struct pki_ident *id)
{
	struct leat_config *c = pair_client_config();

	pair_set(c, "post_handshake_auth", "true");
	if (id)
		add_cred(c, id);
	return c;
}

static struct leat_config *server_config(void)
{
	struct leat_config *s = pair_server_config(KEY_EC_P256);

	trust_root(s);
	pair_set(s, "post_handshake_auth", "true");
	return s;
}

static void connect_with(struct up *u, struct leat_config *c, struct leat_config *s)
{
	memset(u, 0, sizeof(*u));
	pair_init(&u->pair, c, s, NULL);
	pair_must_connect(&u->pair);
	for (int i = 0; i < 2; i++)
		hs_finish(u->pair.side[i].hs, &u->post[i]);
}

static void connect_up(struct up *u, const struct pki_ident *id)
{
	connect_with(u, client_config(id), server_config());
}

static void tear_down(struct up *u)
{
	for (int i = 0; i < 2; i++)
		hs_post_clear(&u->post[i]);
	pair_clear(&u->pair);
}

static enum leat_ret run_jobs(struct up *u, enum leat_role to, enum leat_ret r)
{
	struct pair_side *s = &u->pair.side[to];

	while (r == LEAT_AGAIN) {
		struct hs *m = hs_post_machine(&u->post[to]);

		assert_non_null(m);
		assert_int_not_equal(hs_job(m), HS_JOB_NONE);
		s->jobs++;
		r = hs_post_after_job(&u->post[to], s->cfg, &s->sink, hs_job_run(m), &s->err);
	}
	return r;
}

static enum leat_ret feed(struct up *u, enum leat_role to, struct leat_span b)
{
	struct pair_side *s = &u->pair.side[to];

	return run_jobs(
		u, to, hs_post_record(&u->post[to], s->cfg, &s->sink, vec_copy(b.p, b.n), &s->err));
}

static enum leat_ret ask(struct up *u)
{
	struct pair_side *s = &u->pair.side[LEAT_SERVER];

	return hs_post_ask(&u->post[LEAT_SERVER], &s->sink, &s->err);
}

/* Delivers all that `from` sent, in records of `cut` bytes (0: one a message). */
static enum leat_ret deliver(struct up *u, enum leat_role from, size_t cut)
{
	struct pair_unit *unit;
	enum leat_ret r = LEAT_OK;

	while (r != LEAT_FAILED && (unit = pair_peek(&u->pair, from)) != NULL) {
		for (size_t at = 0; at < unit->n && r != LEAT_FAILED;) {
			size_t n = cut && cut < unit->n - at ? cut : unit->n - at;

			assert_int_equal(unit->level, LV_APP);
			r = feed(u, !from, (struct leat_span){ unit->p + at, n });
			at += n;
		}
		pair_pop(&u->pair, from);
	}
	return r;
}

static void refused(const struct up *u, enum leat_role who, unsigned alert)
{
	const struct leat_err *e = &u->pair.side[who].err;
	char text[300];

	if (e->cls != LEAT_E_OUR_ALERT || e->alert != alert)
		fail_msg("wanted %s, got %s", leat_alert_name(alert),
			leat_strerror(e, text, sizeof(text)));
}

static enum hs_post_verdict verdict(struct up *u, const struct pki_ident *id)
{
	struct hs_shown shown;
	enum hs_post_verdict v = hs_post_take_verdict(&u->post[LEAT_SERVER], &shown);

	assert_int_equal(v == HS_POST_SHOWN, shown.chain != NULL);
	if (shown.chain) {
		assert_true(leat_span_same(chain_cert(shown.chain, 0), pki_der(id->leaf)));
		assert_non_null(shown.scheme);
	}
	hs_shown_clear(&shown);
	assert_int_equal(hs_post_take_verdict(&u->post[LEAT_SERVER], &shown), HS_POST_NO_VERDICT);
	return v;
}

/* Asks, answers, and back; in records of this size. */
static enum hs_post_verdict exchange(struct up *u, const struct pki_ident *id, size_t cut)
{
	assert_int_equal(ask(u), LEAT_OK);
	assert_int_equal(ask(u), LEAT_AGAIN); /* one at a time */
	assert_int_equal(deliver(u, LEAT_SERVER, cut), LEAT_OK);
	assert_int_equal(deliver(u, LEAT_CLIENT, cut), LEAT_OK);
	assert_null(hs_post_machine(&u->post[LEAT_CLIENT]));
	assert_null(hs_post_machine(&u->post[LEAT_SERVER]));
	return verdict(u, id);
}

static void every_key(void **state)
{
	(void)state;
	for (int k = KEY_NONE + 1; k < KEY_COUNT; k++) {
		const struct pki_ident *id = pki_client((enum key_kind)k);
		struct up u;

		connect_up(&u, id);
		assert_int_equal(exchange(&u, id, 0), HS_POST_SHOWN);
		assert_int_equal(exchange(&u, id, 0), HS_POST_SHOWN); /* and again */
		tear_down(&u);
	}
}

static void in_pieces(void **state)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct up u;

	(void)state;
	connect_up(&u, id);
	for (size_t cut = 1; cut < 60; cut += cut < 8 ? 1 : 13) {
		/* as the engine does when data arrives */
		u.post[0].key_updates_in = u.post[1].key_updates_in = 0;
		assert_int_equal(exchange(&u, id, cut), HS_POST_SHOWN);
	}
	tear_down(&u);
}

static void nothing_to_show(void **state)
{
	struct up u;

	(void)state;
	connect_up(&u, NULL);
	assert_int_equal(exchange(&u, NULL, 0), HS_POST_DECLINED);
	assert_int_equal(exchange(&u, NULL, 3), HS_POST_DECLINED);
	tear_down(&u);
	/* where one is required */
	struct leat_config *s = server_config();

	pair_set(s, "fail_if_no_peer_cert", "true");
	connect_with(&u, client_config(NULL), s);
	assert_int_equal(ask(&u), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_SERVER, 0), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_CLIENT, 0), LEAT_FAILED);
	refused(&u, LEAT_SERVER, A(CERTIFICATE_REQUIRED));
	tear_down(&u);
}

/* What must be there on both sides. */
static void not_to_be_had(void **state)
{
	static const struct {
		const char *client, *server, *versions;
	} rows[] = { { "false", "true", "tlsv1.3" }, { "true", "false", "tlsv1.3" },
		{ "true", "true", "tlsv1.2" } };

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = client_config(pki_client(KEY_EC_P256));
		struct leat_config *s = server_config();
		struct up u;

		pair_set(c, "post_handshake_auth", rows[i].client);
		pair_set(s, "post_handshake_auth", rows[i].server);
		pair_set(c, "versions", rows[i].versions);
		connect_with(&u, c, s);
		assert_int_equal(ask(&u), LEAT_UNSUPPORTED);
		assert_null(u.post[LEAT_SERVER].auth); /* and no memory is spent on it */
		tear_down(&u);
	}
}

/* The keys changed in between, and the traffic secrets went to the kernel. */
static void other_keys(void **state)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct up u;

	(void)state;
	connect_up(&u, id);
	for (int from = 0; from < 2; from++) {
		struct pair_side *s = &u.pair.side[from];

		assert_int_equal(hs_post_key_update(&u.post[from], s->cfg, &s->sink, true, &s->err),
			LEAT_OK);
		assert_int_equal(deliver(&u, (enum leat_role)from, 0), LEAT_OK);
		assert_int_equal(deliver(&u, (enum leat_role) !from, 0), LEAT_OK);
	}
	assert_int_equal(exchange(&u, id, 0), HS_POST_SHOWN);
	for (int d = 0; d < 2; d++)
		for (int i = 0; i < 2; i++)
			hs_post_forget_keys(&u.post[i], (enum leat_dir)d, false);
	assert_int_equal(u.post[0].tx.n, 0);
	assert_int_equal(exchange(&u, id, 0), HS_POST_SHOWN);
	tear_down(&u);
}

/* In the handshake and after it, resumption aside: each stands for itself. */
static void also_in_the_handshake(void **state)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct leat_config *s = server_config();
	struct up u;

	(void)state;
	pair_set(s, "verify", "verify_peer");
	pair_set(s, "groups", "secp384r1"); /* by way of HelloRetryRequest */
	connect_with(&u, client_config(id), s);
	assert_int_equal(exchange(&u, id, 0), HS_POST_SHOWN);
	tear_down(&u);
}

/* ---- one thing wrong ---- */

/* Changes the client's message number nth of the answer (0: Certificate, ...). */
struct wrong {
	const char *name;
	unsigned nth;
	unsigned alert;
	void (*change)(struct pair_unit *u);
	bool drop, twice;
};

static void flip_last(struct pair_unit *u)
{
	u->p[u->n - 1] ^= 1;
}

static void cut_last(struct pair_unit *u)
{
	size_t n = u->n - 4 - 1;

	u->p[1] = 0;
	u->p[2] = (uint8_t)(n >> 8);
	u->p[3] = (uint8_t)n;
	u->n--;
}

static void other_context(struct pair_unit *u)
{
	u->p[5] ^= 1;
}

static void no_context(struct pair_unit *u)
{
	size_t len = u->p[4], n = u->n - 4 - len;

	memmove(u->p + 5, u->p + 5 + len, u->n - 5 - len);
	u->p[4] = 0;
	u->p[2] = (uint8_t)(n >> 8);
	u->p[3] = (uint8_t)n;
	u->n -= len;
}

static void other_scheme(struct pair_unit *u)
{
	u->p[4] = 8;
	u->p[5] = 7; /* ed25519 */
}

static void make_key_update(struct pair_unit *u)
{
	static const uint8_t b[] = { MSG_KEY_UPDATE, 0, 0, 1, 0 };

	pair_unit_set(u, b, sizeof(b));
}

static void too_long(struct pair_unit *u)
{
	u->p[1] = 4; /* more than max_handshake_size */
	u->p[2] = 1;
}

static void wrong_answers(void **state)
{
	static const struct wrong rows[] = {
		{ "context", 0, A(ILLEGAL_PARAMETER), other_context, 0, 0 },
		{ "no context", 0, A(ILLEGAL_PARAMETER), no_context, 0, 0 },
		{ "certificate cut", 0, A(DECODE_ERROR), cut_last, 0, 0 },
		{ "certificate too long", 0, A(ILLEGAL_PARAMETER), too_long, 0, 0 },
		{ "certificate left out", 0, A(UNEXPECTED_MESSAGE), NULL, true, 0 },
		{ "certificate twice", 0, A(UNEXPECTED_MESSAGE), NULL, 0, true },
		{ "signature", 1, A(DECRYPT_ERROR), flip_last, 0, 0 },
		{ "scheme", 1, A(ILLEGAL_PARAMETER), other_scheme, 0, 0 },
		{ "certificate_verify cut", 1, A(DECODE_ERROR), cut_last, 0, 0 },
		{ "certificate_verify left out", 1, A(UNEXPECTED_MESSAGE), NULL, true, 0 },
		{ "certificate_verify twice", 1, A(UNEXPECTED_MESSAGE), NULL, 0, true },
		{ "key_update inside", 1, A(UNEXPECTED_MESSAGE), make_key_update, 0, 0 },
		{ "finished", 2, A(DECRYPT_ERROR), flip_last, 0, 0 },
		{ "finished cut", 2, A(DECODE_ERROR), cut_last, 0, 0 },
		{ "key_update before finished", 2, A(UNEXPECTED_MESSAGE), make_key_update, 0, 0 },
		{ "finished twice", 2, A(UNEXPECTED_MESSAGE), NULL, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		const struct wrong *w = &rows[i];
		enum leat_ret r = LEAT_OK;
		struct pair_unit *unit;
		struct up u;

		print_message("  %s\n", w->name);
		connect_up(&u, pki_client(KEY_EC_P256));
		assert_int_equal(ask(&u), LEAT_OK);
		assert_int_equal(deliver(&u, LEAT_SERVER, 0), LEAT_OK);
		for (unsigned n = 0; r != LEAT_FAILED && (unit = pair_peek(&u.pair, LEAT_CLIENT));
			n++) {
			if (n == w->nth && w->change)
				w->change(unit);
			if (n != w->nth || !w->drop)
				r = feed(&u, LEAT_SERVER, (struct leat_span){ unit->p, unit->n });
			if (n == w->nth && w->twice && r != LEAT_FAILED)
				r = feed(&u, LEAT_SERVER, (struct leat_span){ unit->p, unit->n });
			pair_pop(&u.pair, LEAT_CLIENT);
		}
		assert_int_equal(r, LEAT_FAILED);
		refused(&u, LEAT_SERVER, w->alert);
		/* a verdict is only what ended well */
		assert_int_equal(verdict(&u, pki_client(KEY_EC_P256)),
			strcmp(w->name, "finished twice") == 0 ? HS_POST_SHOWN
							       : HS_POST_NO_VERDICT);
		tear_down(&u);
	}
}

/* Answers to nothing, requests to clients that did not offer, requests that are broken. */
static void out_of_place(void **state)
{
	static const uint8_t types[] = { MSG_CERT, MSG_CERT_VERIFY, MSG_FINISHED, MSG_CERT_REQUEST,
		MSG_CLIENT_HELLO, MSG_SESSION_TICKET, MSG_END_EARLY, MSG_COMPRESSED_CERT };
	struct up u;

	(void)state;
	for (size_t i = 0; i < NUM(types); i++)
		for (int asked = 0; asked < 2; asked++) {
			const uint8_t b[] = { types[i], 0, 0, 0 };

			if (types[i] == MSG_CERT && asked)
				continue;
			connect_up(&u, NULL);
			if (asked)
				assert_int_equal(ask(&u), LEAT_OK);
			assert_int_equal(
				feed(&u, LEAT_SERVER, (struct leat_span){ b, 4 }), LEAT_FAILED);
			refused(&u, LEAT_SERVER, A(UNEXPECTED_MESSAGE));
			tear_down(&u);
		}
	for (size_t i = 0; i < NUM(types); i++) {
		const uint8_t b[] = { types[i], 0, 0, 0 };
		struct leat_config *c = client_config(NULL);

		pair_set(c, "post_handshake_auth", "false");
		if (types[i] == MSG_SESSION_TICKET)
			pair_set(c, "post_handshake_auth", "true");
		connect_with(&u, c, server_config());
		assert_int_equal(feed(&u, LEAT_CLIENT, (struct leat_span){ b, 4 }), LEAT_FAILED);
		refused(&u, LEAT_CLIENT,
			types[i] == MSG_SESSION_TICKET ? A(DECODE_ERROR) : A(UNEXPECTED_MESSAGE));
		tear_down(&u);
	}
	/* every cut of a good request, and one byte more */
	for (size_t n = 1;; n++) {
		struct pair_unit *unit;
		bool more;

		connect_up(&u, pki_client(KEY_EC_P256));
		assert_int_equal(ask(&u), LEAT_OK);
		unit = pair_peek(&u.pair, LEAT_SERVER);
		more = n < unit->n - 4;
		if (more) {
			size_t left = unit->n - 4 - n;

			unit->p[2] = (uint8_t)(left >> 8);
			unit->p[3] = (uint8_t)left;
			unit->n -= n;
			assert_int_equal(deliver(&u, LEAT_SERVER, 0), LEAT_FAILED);
			refused(&u, LEAT_CLIENT, A(DECODE_ERROR));
		}
		tear_down(&u);
		if (!more)
			break;
	}
}

/* The certificate is judged as in a handshake, even by a server that does not ask there. */
static void bad_certificates(void **state)
{
	struct up u;

	(void)state;
	connect_up(&u, pki_server(KEY_EC_P256));
	assert_int_equal(ask(&u), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_SERVER, 0), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_CLIENT, 0), LEAT_FAILED);
	refused(&u, LEAT_SERVER, A(UNSUPPORTED_CERTIFICATE));
	tear_down(&u);
	connect_up(&u, pki_client(KEY_EC_P256));
	u.pair.now_s = PKI_NOW + 11 * PKI_DAY;
	assert_int_equal(ask(&u), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_SERVER, 0), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_CLIENT, 0), LEAT_FAILED);
	refused(&u, LEAT_SERVER, A(CERTIFICATE_EXPIRED));
	tear_down(&u);
}

/* A server that asks again and again without a word of data makes a client work. */
static void flood(void **state)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct up u;

	(void)state;
	connect_up(&u, id);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < LIM_POST_REQUESTS; i++)
			assert_int_equal(exchange(&u, id, 0), HS_POST_SHOWN);
		if (round == 0) /* as the engine does when data arrives */
			u.post[LEAT_CLIENT].key_updates_in = 0;
	}
	/* what the server asked for does not count against the client */
	assert_int_equal(u.post[LEAT_SERVER].key_updates_in, 0);
	assert_int_equal(ask(&u), LEAT_OK);
	assert_int_equal(deliver(&u, LEAT_SERVER, 0), LEAT_FAILED);
	refused(&u, LEAT_CLIENT, A(UNEXPECTED_MESSAGE));
	tear_down(&u);
}

static void out_of_memory(void **state)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	unsigned long total = 0, failed = 0;

	(void)state;
	for (unsigned long nth = 0; nth <= total; nth++) {
		enum leat_ret r;
		struct up u;

		connect_up(&u, id);
		(void)leat_mem_fail_at(nth);
		r = ask(&u);
		if (r == LEAT_OK)
			r = deliver(&u, LEAT_SERVER, 0);
		if (r == LEAT_OK)
			r = deliver(&u, LEAT_CLIENT, 0);
		if (nth == 0)
			total = leat_mem_fail_at(0);
		else
			(void)leat_mem_fail_at(0);
		if (r != LEAT_OK) {
			failed++;
			assert_true(u.pair.side[0].err.cls == LEAT_E_MEMORY ||
				    u.pair.side[1].err.cls == LEAT_E_MEMORY);
			assert_int_equal(verdict(&u, id), HS_POST_NO_VERDICT);
		} else {
			assert_int_equal(verdict(&u, id), HS_POST_SHOWN);
		}
		tear_down(&u);
	}
	print_message("  %lu allocations, %lu of them needed\n", total, failed);
	assert_true(total >= 8 && failed >= total / 2);
}

/* ---- engines ---- */

static struct leat_config *engine_config(enum leat_role role, const char *fail)
{
	struct leat_config *c = ids_draft(role, KEY_EC_P256);
	struct leat_err err = { 0 };

	pair_set(c, "post_handshake_auth", "true");
	if (role == LEAT_CLIENT) {
		add_cred(c, pki_client(KEY_EC_P256));
	} else {
		trust_root(c);
		pair_set(c, "fail_if_no_peer_cert", fail);
	}
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

static void open_engines(struct duo *d)
{
	struct leat_config *c = engine_config(LEAT_CLIENT, NULL);
	struct leat_config *s = engine_config(LEAT_SERVER, "true");

	duo_open(d, c, s, "localhost");
	assert_int_equal(leat_engine_request_auth(d->side[LEAT_SERVER].e), LEAT_AGAIN);
	assert_true(duo_run(d));
	leat_config_unref(c);
	leat_config_unref(s);
}

static void engines(void **state)
{
	struct leat_engine_info info;
	struct leat_engine *s;
	struct duo d;

	(void)state;
	open_engines(&d);
	s = d.side[LEAT_SERVER].e;
	assert_int_equal(leat_engine_auth(s), LEAT_AUTH_NONE);
	assert_int_equal(leat_engine_peer_cert(s, 0).n, 0);
	assert_int_equal(leat_engine_request_auth(d.side[LEAT_CLIENT].e), LEAT_UNSUPPORTED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(leat_engine_request_auth(s), LEAT_OK);
		assert_int_equal(leat_engine_request_auth(s), LEAT_AGAIN);
		assert_int_equal(leat_engine_auth(s), LEAT_AUTH_ASKED);
		duo_say(&d, LEAT_CLIENT, "data ", 5); /* crosses the request */
		assert_false(leat_engine_wants(s) & LEAT_HAS_AUTH);
		assert_true(duo_run(&d));
		assert_true(leat_engine_wants(s) & LEAT_HAS_AUTH);
		assert_int_equal(leat_engine_auth(s), LEAT_AUTH_SHOWN);
		assert_false(leat_engine_wants(s) & LEAT_HAS_AUTH);
		assert_int_equal(leat_engine_auth(s), LEAT_AUTH_SHOWN);
	}
	assert_true(leat_span_same(
		leat_engine_peer_cert(s, 0), pki_der(pki_client(KEY_EC_P256)->leaf)));
	leat_engine_info(s, &info);
	assert_string_equal(info.client_scheme_name, "ecdsa_secp256r1_sha256");
	duo_say(&d, LEAT_CLIENT, "and on", 6);
	assert_int_equal(d.side[LEAT_SERVER].got.n, 16);
	/* one side has closed: nothing is asked any more */
	assert_int_equal(leat_engine_close(s), LEAT_OK);
	assert_int_equal(leat_engine_request_auth(s), LEAT_UNSUPPORTED);
	duo_close(&d);
}

/* The signature is made elsewhere and data goes out meanwhile: the answer stays in one piece. */
static void signed_elsewhere(void **state)
{
	struct leat_engine *c, *s;
	struct leat_job *job;
	const uint8_t *p;
	uint8_t *room;
	size_t n, k, taken;
	struct duo d;

	(void)state;
	open_engines(&d);
	c = d.side[LEAT_CLIENT].e;
	s = d.side[LEAT_SERVER].e;
	assert_int_equal(leat_engine_request_auth(s), LEAT_OK);
	/* behind the request: data, which waits until the answer is out */
	assert_int_equal(leat_engine_write(s, "later", 5, &taken), LEAT_OK);
	p = leat_engine_out(s, &n);
	room = leat_engine_in(c, &k);
	assert_true(p && room && n <= k);
	memcpy(room, p, n);
	leat_engine_out_done(s, n);
	assert_int_equal(leat_engine_in_done(c, n), LEAT_AGAIN);
	assert_true(leat_engine_wants(c) & LEAT_WANT_JOB);
	assert_false(leat_engine_wants(c) & (LEAT_WANT_SEND | LEAT_HAS_DATA));
	assert_int_equal(leat_engine_job_take(c, &job), LEAT_OK);
	assert_int_equal(leat_job_kind(job), LEAT_JOB_SIGN);
	assert_int_equal(leat_engine_write(c, "meanwhile", 9, &taken), LEAT_OK);
	assert_int_equal(leat_job_run(job), LEAT_OK);
	assert_int_equal(leat_engine_job_done(c, job), LEAT_OK);
	leat_job_unref(job);
	assert_true(leat_engine_wants(c) & LEAT_HAS_DATA);
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_auth(s), LEAT_AUTH_SHOWN);
	assert_int_equal(d.side[LEAT_SERVER].got.n, 9);
	duo_close(&d);
}

/* Data between the messages of an answer is refused: a client that sends its Certificate too early. */
static void data_inside(void **state)
{
	struct leat_engine *c, *s;
	const uint8_t *p;
	uint8_t *room;
	size_t n, k, taken;
	struct duo d;

	(void)state;
	open_engines(&d);
	c = d.side[LEAT_CLIENT].e;
	s = d.side[LEAT_SERVER].e;
	assert_int_equal(leat_engine_request_auth(s), LEAT_OK);
	p = leat_engine_out(s, &n);
	room = leat_engine_in(c, &k);
	assert_true(p && room && n <= k);
	memcpy(room, p, n);
	leat_engine_out_done(s, n);
	assert_int_equal(leat_engine_in_done(c, n), LEAT_AGAIN);
	assert_true(c->w->post.auth->held.n > 4 && c->w->post.auth->held.p[0] == MSG_CERT);
	assert_int_equal(c->w->sink.send(c, leat_wr_done(&c->w->post.auth->held)), LEAT_OK);
	assert_int_equal(out_flush(c), LEAT_OK);
	assert_int_equal(leat_engine_write(c, "x", 1, &taken), LEAT_OK);
	p = leat_engine_out(c, &n);
	assert_int_equal(duo_feed(&d, LEAT_SERVER, p, n), LEAT_FAILED);
	assert_int_equal(leat_engine_error(s)->alert, A(UNEXPECTED_MESSAGE));
	assert_int_equal(d.side[LEAT_SERVER].got.n, 0);
	assert_int_equal(leat_engine_auth(s), LEAT_AUTH_ASKED);
	duo_close(&d);
}

static void declined(void **state)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_EC_P256, "post_handshake_auth=true", NULL);
	struct leat_config *s = engine_config(LEAT_SERVER, "false");
	struct leat_engine *e;
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	e = d.side[LEAT_SERVER].e;
	assert_int_equal(leat_engine_request_auth(e), LEAT_OK);
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_auth(e), LEAT_AUTH_DECLINED);
	assert_int_equal(leat_engine_peer_cert(e, 0).n, 0);
	duo_close(&d);
	leat_config_unref(s);
	/* required: the client hears why */
	s = engine_config(LEAT_SERVER, "true");
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_request_auth(d.side[LEAT_SERVER].e), LEAT_OK);
	(void)duo_run(&d);
	assert_int_equal(leat_engine_error(d.side[LEAT_CLIENT].e)->cls, LEAT_E_PEER_ALERT);
	assert_int_equal(leat_engine_error(d.side[LEAT_CLIENT].e)->alert, A(CERTIFICATE_REQUIRED));
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void needs_trust(void **state)
{
	struct leat_config *s = pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };

	(void)state;
	pair_set(s, "post_handshake_auth", "true");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_FAILED);
	assert_string_equal(err.option, "cacertfile");
	leat_config_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_key, vec_teardown),
		cmocka_unit_test_teardown(in_pieces, vec_teardown),
		cmocka_unit_test_teardown(nothing_to_show, vec_teardown),
		cmocka_unit_test(not_to_be_had),
		cmocka_unit_test_teardown(other_keys, vec_teardown),
		cmocka_unit_test_teardown(also_in_the_handshake, vec_teardown),
		cmocka_unit_test_teardown(wrong_answers, vec_teardown),
		cmocka_unit_test_teardown(out_of_place, vec_teardown),
		cmocka_unit_test_teardown(bad_certificates, vec_teardown),
		cmocka_unit_test_teardown(flood, vec_teardown),
		cmocka_unit_test_teardown(out_of_memory, vec_teardown),
		cmocka_unit_test(engines),
		cmocka_unit_test(signed_elsewhere),
		cmocka_unit_test(data_inside),
		cmocka_unit_test(declined),
		cmocka_unit_test(needs_trust),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

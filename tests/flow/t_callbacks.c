/* SPDX-License-Identifier: Apache-2.0
 *
 * t_callbacks.c - what a server asks its program beside certificates: reuse_session (may this session be
 * taken up?) and the lookup of PSKs, on both sides; at once, as jobs, by hand.
 *
 * TIMEOUT: 120
 * REQ: OPT-reuse_session CB-reuse CB-psk-client CB-psk-server CB-lookup-state T-sess-server_refuses
 */
#include "certkit.h"
#include "vec.h"

#include <leat/job.h>
#include <leat/session.h>

#include "base/limits.h"
#include "base/rd.h"
#include "crypto/digest.h"

#define A(name) LEAT_ALERT_##name

static const char *const ways[] = { "stateless", "stateful" };

/* ---- reuse_session ---- */

struct policy {
	enum leat_ret answer;
	unsigned calls;
	struct leat_session_offer last;
	uint8_t id[4096], cert[LIM_SESSION_CERT], digest[32];
};

static struct leat_span copy(struct leat_span s, uint8_t *to, size_t cap)
{
	assert_true(s.n <= cap);
	if (s.n)
		memcpy(to, s.p, s.n);
	return (struct leat_span){ to, s.n };
}

static enum leat_ret on_offer(void *arg, const struct leat_session_offer *offer)
{
	struct policy *p = arg;

	p->calls++;
	p->last = *offer;
	p->last.id = copy(offer->id, p->id, sizeof(p->id));
	p->last.peer_cert = copy(offer->peer_cert, p->cert, sizeof(p->cert));
	p->last.peer_digest = copy(offer->peer_digest, p->digest, sizeof(p->digest));
	return p->answer;
}

/* A server that resumes in this way and asks p; its client shows leaf, or NULL. */
static void draft(
	struct certkit *k, int v, const char *way, const struct made *leaf, struct policy *p)
{
	struct leat_store *store;
	struct leat_err err = { 0 };

	certkit_draft(k, certkit_versions[v], LEAT_SERVER, leaf, pki_inter());
	certkit_set(k->cfg[LEAT_SERVER], "fail_if_no_peer_cert", "false");
	certkit_set(k->cfg[LEAT_CLIENT], "session_tickets", "manual");
	assert_int_equal(leat_store_mem_new(&store, 10, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set_session_store(k->cfg[LEAT_SERVER], store, &err), LEAT_OK);
	leat_store_unref(store);
	certkit_set(k->cfg[LEAT_SERVER], "session_tickets", way);
	assert_int_equal(
		leat_config_set_reuse_session(k->cfg[LEAT_SERVER], on_offer, p, &err), LEAT_OK);
}

/* One connection that offers `offer` (or nothing). Its own session is handed out. */
static struct leat_session *visit(struct certkit *k, struct leat_session *offer, bool resumes)
{
	struct leat_engine_info info[2];
	struct leat_session *s;

	k->session = offer;
	assert_true(certkit_run(k));
	duo_say(&k->d, LEAT_SERVER, "x", 1);
	for (int i = 0; i < 2; i++) {
		leat_engine_info(k->d.side[i].e, &info[i]);
		assert_int_equal(info[i].resumed, resumes);
	}
	s = leat_engine_take_session(k->d.side[LEAT_CLIENT].e);
	duo_close(&k->d);
	leat_session_unref(offer);
	return s;
}

static void check_offer(const struct policy *p, const struct made *leaf, int v)
{
	struct leat_span der = leaf ? pki_der(leaf) : (struct leat_span){ NULL, 0 };
	uint8_t want[32];

	assert_true(p->last.id.n >= 16);
	assert_int_equal(p->last.version, v ? LEAT_TLS12 : LEAT_TLS13);
	assert_int_equal(p->last.compression, 0);
	assert_true(p->last.suite != 0);
	assert_int_equal(p->last.issued_s, PKI_NOW);
	assert_true(leat_span_same(p->last.peer_cert, der));
	assert_int_equal(p->last.peer_digest.n, leaf ? 32 : 0);
	if (leaf) {
		digest_once(HASH_SHA256, der, want);
		assert_memory_equal(p->digest, want, 32);
	}
}

static void asked_and_obeyed(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++)
		for (int way = 0; way < 2; way++)
			for (int shows = 0; shows < 2; shows++) {
				const struct made *leaf = shows ? certkit_leaf(LEAT_CLIENT) : NULL;
				struct policy p = { .answer = LEAT_OK };
				struct leat_session *s;
				struct certkit k;

				draft(&k, v, ways[way], leaf, &p);
				s = visit(&k, NULL, false);
				assert_int_equal(p.calls, 0); /* nothing was offered */
				s = visit(&k, s, true);
				assert_int_equal(p.calls, 1);
				check_offer(&p, leaf, v);
				/* what came of a resumed connection knows the certificate still */
				s = visit(&k, s, true);
				check_offer(&p, leaf, v);
				/* every other answer is no */
				p.answer = LEAT_UNSUPPORTED;
				s = visit(&k, s, false);
				p.answer = LEAT_FAILED;
				s = visit(&k, s, false);
				p.answer = (enum leat_ret)42;
				s = visit(&k, s, false);
				assert_int_equal(p.calls, 5);
				p.answer = LEAT_OK;
				s = visit(&k, s, true);
				leat_session_unref(s);
				certkit_close(&k);
			}
}

/* The certificate is kept up to a bound; its digest always. */
static void a_long_certificate(void **state)
{
	char text[80][40];
	const char *names[80];
	struct policy p = { .answer = LEAT_OK };
	struct make_spec spec = certkit_spec(LEAT_CLIENT);
	struct leat_session *s;
	struct certkit k;

	(void)state;
	for (int i = 0; i < 80; i++) {
		snprintf(text[i], sizeof(text[i]), "name-number-%02d.long.example", i);
		names[i] = text[i];
	}
	spec.names = names;
	spec.num_names = 80;
	draft(&k, 0, "stateless", pki_make(&spec), &p);
	s = visit(&k, visit(&k, NULL, false), true);
	assert_int_equal(p.last.peer_cert.n, 0);
	assert_int_equal(p.last.peer_digest.n, 32);
	leat_session_unref(s);
	certkit_close(&k);
}

/* Where nobody asks, sessions are as short as ever. */
static void not_kept_for_nobody(void **state)
{
	struct leat_err err = { 0 };
	size_t len[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct policy p = { .answer = LEAT_OK };
		struct leat_session_info info;
		struct leat_session *s;
		struct certkit k;

		draft(&k, 0, "stateless", certkit_leaf(LEAT_CLIENT), &p);
		if (i)
			assert_int_equal(
				leat_config_set_reuse_session(k.cfg[LEAT_SERVER], NULL, NULL, &err),
				LEAT_OK);
		s = visit(&k, NULL, false);
		leat_session_info(s, &info);
		len[i] = info.ticket_len;
		leat_session_unref(s);
		certkit_close(&k);
	}
	assert_true(len[0] > len[1] + 300);
}

/* ---- as jobs ---- */

/* Runs until the server has a job about a session's reuse; others are done on the way. */
static struct leat_job *until_reuse(struct certkit *k)
{
	const struct leat_engine_opts opts = { .host = k->host, .session = k->session };
	struct leat_engine *e;
	struct leat_job *j = NULL;
	const uint8_t *p;
	uint8_t *room;
	size_t n, cap;

	duo_open_with(&k->d, k->cfg[LEAT_CLIENT], k->cfg[LEAT_SERVER], &opts);
	e = k->d.side[LEAT_SERVER].e;
	while ((p = leat_engine_out(k->d.side[LEAT_CLIENT].e, &n)) &&
		(room = leat_engine_in(e, &cap))) {
		n = n < cap ? n : cap;
		memcpy(room, p, n);
		leat_engine_out_done(k->d.side[LEAT_CLIENT].e, n);
		(void)!leat_engine_in_done(e, n);
	}
	while (leat_engine_wants(e) & LEAT_WANT_JOB) {
		assert_int_equal(leat_engine_job_take(e, &j), LEAT_OK);
		if (leat_job_kind(j) == LEAT_JOB_REUSE)
			return j;
		assert_int_equal(leat_job_run(j), LEAT_OK);
		assert_int_not_equal(leat_engine_job_done(e, j), LEAT_FAILED);
		leat_job_unref(j);
	}
	fail_msg("nobody asked");
	return NULL;
}

enum hand { RUN, YES, NO, REFUSE, HANDS };

static void answer(struct leat_job *j, enum hand how)
{
	switch (how) {
	case RUN: assert_int_equal(leat_job_run(j), LEAT_OK); break;
	case YES:
	case NO: assert_int_equal(leat_job_reuse_answer(j, how == YES), LEAT_OK); break;
	default: assert_int_equal(leat_job_refuse(j, 0), LEAT_OK);
	}
	assert_int_equal(leat_job_reuse_answer(j, true), LEAT_UNSUPPORTED); /* once */
}

static void answered_later(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++)
		for (int way = 0; way < 2; way++)
			for (int how = 0; how < HANDS; how++) {
				const struct made *leaf = certkit_leaf(LEAT_CLIENT);
				struct policy p = { .answer = LEAT_OK };
				struct leat_session_offer offer;
				struct leat_lookup_input in;
				struct leat_err err = { 0 };
				struct leat_engine_info info;
				struct leat_session *s;
				struct leat_job *j;
				struct certkit k;

				draft(&k, v, ways[way], leaf, &p);
				/* beside the session's own lookup, which may be a job too */
				assert_int_equal(leat_config_set_lookup_jobs(
							 k.cfg[LEAT_SERVER], how == YES, &err),
					LEAT_OK);
				s = visit(&k, NULL, false);
				p.answer = LEAT_AGAIN;
				k.session = s;
				j = until_reuse(&k);
				assert_int_equal(leat_job_run(j), LEAT_AGAIN);
				assert_int_equal(leat_job_lookup_input(j, &in), LEAT_UNSUPPORTED);
				assert_int_equal(leat_job_reuse_offer(j, &offer), LEAT_OK);
				assert_true(leat_span_same(offer.peer_cert, pki_der(leaf)));
				p.answer = LEAT_OK;
				answer(j, (enum hand)how);
				assert_int_not_equal(
					leat_engine_job_done(k.d.side[LEAT_SERVER].e, j),
					LEAT_FAILED);
				leat_job_unref(j);
				assert_true(duo_run(&k.d));
				leat_engine_info(k.d.side[LEAT_SERVER].e, &info);
				assert_int_equal(info.resumed, how == RUN || how == YES);
				leat_session_unref(s);
				certkit_close(&k);
			}
}

/* Nobody answers: the connection can go, the job with it. */
static void never_answered(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct policy p = { .answer = LEAT_OK };
		struct leat_session_offer offer;
		struct leat_job *j;
		struct certkit k;
		struct leat_session *s;

		draft(&k, v, "stateless", NULL, &p);
		s = visit(&k, NULL, false);
		p.answer = LEAT_AGAIN;
		k.session = s;
		j = until_reuse(&k);
		certkit_close(&k);
		leat_session_unref(s);
		assert_true(leat_job_is_dropped(j));
		assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
		assert_int_equal(leat_job_reuse_answer(j, true), LEAT_UNSUPPORTED);
		assert_int_equal(leat_job_reuse_offer(j, &offer), LEAT_OK); /* its own memory */
		leat_job_unref(j);
	}
}

static void not_for_clients(void **state)
{
	struct leat_err err = { 0 };
	struct certkit k;

	(void)state;
	certkit_draft(&k, certkit_versions[0], LEAT_CLIENT, certkit_leaf(LEAT_SERVER), pki_inter());
	assert_int_equal(
		leat_config_set_reuse_session(k.cfg[LEAT_CLIENT], on_offer, &k, &err), LEAT_FAILED);
	assert_string_equal(err.option, "reuse_session");
	certkit_close(&k);
}

/* ---- user_lookup_fun for PSKs, TLS 1.2 ---- */

struct keys {
	bool knows;
	unsigned calls;
	bool null; /* the last question had no identity */
	char asked[64];
};

static enum leat_ret on_psk(void *arg, const struct leat_psk_query *q, struct leat_psk *out)
{
	static const uint8_t secret[32] = "a secret of both sides, 32 bytes";
	struct keys *k = arg;

	k->calls++;
	k->null = q->identity.p == NULL;
	snprintf(k->asked, sizeof(k->asked), "%.*s", (int)q->identity.n,
		q->identity.n ? (const char *)q->identity.p : "");
	if (!k->knows)
		return LEAT_UNSUPPORTED;
	out->secret = (struct leat_span){ secret, sizeof(secret) };
	return LEAT_OK;
}

static const char *const psk_suites[] = { "PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305",
	"DHE-PSK-AES128-GCM-SHA256" };

static void draft_psk(struct certkit *k, const char *suite, const char *hint, struct keys keys[2])
{
	struct leat_err err = { 0 };

	certkit_draft(k, "tlsv1.2", LEAT_CLIENT, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		certkit_set(k->cfg[i], "ciphers", suite);
		assert_int_equal(
			leat_config_set_psk_lookup(k->cfg[i], on_psk, &keys[i], &err), LEAT_OK);
	}
	certkit_set(k->cfg[LEAT_CLIENT], "psk_identity", "somebody");
	if (hint)
		certkit_set(k->cfg[LEAT_SERVER], "psk_identity", hint);
}

static void psk_lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int hint = 0; hint < 2; hint++) {
			struct keys keys[2] = { { .knows = true }, { .knows = true } };
			struct certkit k;

			draft_psk(&k, psk_suites[i], hint ? "a hint" : NULL, keys);
			certkit_connects(&k);
			assert_int_equal(keys[LEAT_CLIENT].calls, 1);
			assert_int_equal(keys[LEAT_SERVER].calls, 1);
			assert_string_equal(keys[LEAT_CLIENT].asked, hint ? "a hint" : "");
			assert_int_equal(keys[LEAT_CLIENT].null, !hint);
			assert_string_equal(keys[LEAT_SERVER].asked, "somebody");
		}
}

static void psk_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct keys nobody[2] = { { .knows = true }, { .knows = false } };
		struct keys lost[2] = { { .knows = false }, { .knows = true } };
		struct certkit k;

		/* the client has no key for the hint */
		draft_psk(&k, psk_suites[i], "a hint", lost);
		certkit_refuses(&k, LEAT_CLIENT, A(ILLEGAL_PARAMETER));
		assert_int_equal(lost[LEAT_SERVER].calls, 0);
		/* the server knows no such identity: as with a wrong key, or said */
		draft_psk(&k, psk_suites[i], NULL, nobody);
		certkit_refuses(&k, LEAT_SERVER, A(BAD_RECORD_MAC));
		draft_psk(&k, psk_suites[i], NULL, nobody);
		certkit_set(k.cfg[LEAT_SERVER], "psk_unknown", "alert");
		certkit_refuses(&k, LEAT_SERVER, A(UNKNOWN_PSK_IDENTITY));
	}
}

static int done(void **state)
{
	(void)state;
	pki_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_and_obeyed),
		cmocka_unit_test(a_long_certificate),
		cmocka_unit_test(not_kept_for_nobody),
		cmocka_unit_test(answered_later),
		cmocka_unit_test(never_answered),
		cmocka_unit_test(not_for_clients),
		cmocka_unit_test(psk_lookups),
		cmocka_unit_test(psk_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}

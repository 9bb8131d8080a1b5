/* SPDX-License-Identifier: Apache-2.0
 *
 * t_verify_fun.c - the application's functions in handshakes: verify_fun and partial_chain, on clients and
 * servers, TLS 1.3 and 1.2; answers that are late, given by hand, on other threads, twice, never; engines
 * that are gone first; what is not told (raw keys, resumption). The walk itself: unit/t_walk.c.
 *
 * TIMEOUT: 180
 * REQ: OPT-verify_fun OPT-partial_chain GEN-client-accept SEC-always-valid CB-thread OPT-verify-c
 * REQ: T-cert-fun_always_run T-cert-critical_ext T-cert-missing_root
 */
#include "certkit.h"
#include "vec.h"
#include "watch.h"

#include <leat/job.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "base/mem.h"
#include "hs/job.h"

#define A(name) LEAT_ALERT_##name
#define GOOD    "2:valid 1:valid 0:valid_peer"

/* Every version and role: a body that begins with its own certkit_draft. */
#define EACH(v, judge)              \
	for (int v = 0; v < 2; v++) \
		for (int judge = 0; judge < 2; judge++)

static void draft(struct certkit *k, int v, int judge, const struct made *leaf)
{
	enum leat_role peer = judge == LEAT_CLIENT ? LEAT_SERVER : LEAT_CLIENT;

	certkit_draft(k, certkit_versions[v], (enum leat_role)judge,
		leaf ? leaf : certkit_leaf(peer), pki_inter());
}

static void watch_it(struct leat_config *c, struct watch *w)
{
	const struct leat_verify_fun f = watch_fun(w);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_verify_fun(c, &f, &err), LEAT_OK);
}

static const struct made *expired_leaf(int judge)
{
	struct make_spec s = certkit_spec((enum leat_role) !judge);

	s.to_s = PKI_NOW - 1;
	return pki_make(&s);
}

/* ---- told, and obeyed ---- */

static void always_run(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct watch w = WATCH;
		struct certkit k;

		draft(&k, v, judge, NULL);
		watch_it(certkit_judge(&k), &w);
		certkit_connects(&k);
		watch_expect(&w, GOOD);
		assert_int_equal(w.seen, 3);
		assert_int_equal(w.made, 1);
		assert_int_equal(w.ended, 1);
		/* no from the last word about the peer */
		draft(&k, v, judge, NULL);
		w.at = 2;
		w.answer = LEAT_VERDICT_FAIL;
		watch_it(certkit_judge(&k), &w);
		certkit_refuses(&k, (enum leat_role)judge, A(HANDSHAKE_FAILURE));
		watch_expect(&w, GOOD);
		assert_int_equal(w.ended, 2);
	}
}

static void no_at_each_position(void **state)
{
	(void)state;
	EACH(v, judge)
	for (int at = 0; at < 4; at++) {
		struct watch w = WATCH;
		struct certkit k;

		w.accept = true;
		w.at = at;
		w.answer = LEAT_VERDICT_FAIL;
		draft(&k, v, judge, expired_leaf(judge));
		watch_it(certkit_judge(&k), &w);
		certkit_refuses(&k, (enum leat_role)judge,
			at == 2 ? A(CERTIFICATE_EXPIRED) : A(HANDSHAKE_FAILURE));
		assert_int_equal(w.calls, at + 1);
		assert_int_equal(w.ended, 1);
	}
}

/* Whoever says yes to everything is connected to anybody. */
static void always_valid(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct make_spec s = certkit_spec((enum leat_role)judge); /* for the wrong role */
		struct watch w = WATCH;
		struct certkit k;

		s.to_s = PKI_NOW - 1;
		draft(&k, v, judge, pki_make(&s));
		certkit_trust(&k, NULL);
		w.accept = true;
		watch_it(certkit_judge(&k), &w);
		certkit_connects(&k);
		watch_expect(&w, "1:bad(unknown_ca) 1:valid 0:bad(invalid_ext_key_usage) "
				 "0:bad(cert_expired) 0:valid_peer");
	}
}

/* No root: refused with one, accepted by a function that says so, or by verify_none. */
static void missing_root(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	EACH(v, judge)
	{
		struct watch w = WATCH;
		struct certkit k;

		draft(&k, v, judge, NULL);
		certkit_trust(&k, NULL);
		assert_int_equal(leat_config_freeze(certkit_judge(&k), &err), LEAT_FAILED);
		assert_string_equal(err.option, "cacertfile");
		err = (struct leat_err){ 0 };
		watch_it(certkit_judge(&k), &w);
		certkit_refuses(&k, (enum leat_role)judge, A(UNKNOWN_CA));
		draft(&k, v, judge, NULL);
		certkit_trust(&k, NULL);
		w.accept = true;
		watch_it(certkit_judge(&k), &w);
		certkit_connects(&k);
		draft(&k, v, LEAT_CLIENT, NULL);
		certkit_trust(&k, NULL);
		certkit_set(certkit_judge(&k), "verify", "verify_none");
		certkit_connects(&k);
	}
}

static void add_critical(void *x509, void *arg)
{
	X509_EXTENSION *e;
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.11129.9.9", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	(void)arg;
	ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2);
	e = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
	assert_int_equal(X509_add_ext(x509, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(value);
}

static void critical_extension(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct make_spec s = certkit_spec((enum leat_role) !judge);
		struct watch w = WATCH;
		struct certkit k;

		s.tweak = add_critical;
		draft(&k, v, judge, pki_make(&s));
		certkit_refuses(&k, (enum leat_role)judge, A(UNSUPPORTED_CERTIFICATE));
		draft(&k, v, judge, pki_make(&s));
		watch_it(certkit_judge(&k), &w); /* does not know it either */
		certkit_refuses(&k, (enum leat_role)judge, A(UNSUPPORTED_CERTIFICATE));
		draft(&k, v, judge, pki_make(&s));
		w.at = 2;
		w.answer = LEAT_VERDICT_VALID;
		watch_it(certkit_judge(&k), &w);
		certkit_connects(&k);
		if (judge == LEAT_SERVER)
			continue; /* with verify_none it asks for nothing */
		draft(&k, v, judge, pki_make(&s));
		certkit_set(certkit_judge(&k), "verify", "verify_none");
		certkit_connects(&k);
	}
}

/* With verify_none a client's function is asked all the same, and alone decides. */
static void verify_none_asks_too(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++)
		for (int yes = 0; yes < 2; yes++) {
			struct watch w = WATCH;
			struct certkit k;

			draft(&k, v, LEAT_CLIENT, expired_leaf(LEAT_CLIENT));
			certkit_set(certkit_judge(&k), "verify", "verify_none");
			w.accept = yes;
			watch_it(certkit_judge(&k), &w);
			if (yes)
				certkit_connects(&k);
			else
				certkit_refuses(&k, LEAT_CLIENT, A(CERTIFICATE_EXPIRED));
			assert_int_equal(w.calls, yes ? 4 : 3);
		}
}

/* ---- partial_chain ---- */

static enum leat_ret claim(void *arg, const struct leat_span *chain, size_t num, size_t *trusted)
{
	struct leat_span inter = pki_der(pki_inter());

	assert_int_equal(num, 2);
	assert_true(leat_span_same(chain[1], inter));
	*trusted = 1;
	return *(const enum leat_ret *)arg;
}

static void claimed_intermediate(void **state)
{
	enum leat_ret answer;
	struct leat_err err = { 0 };

	(void)state;
	EACH(v, judge)
	for (int yes = 0; yes < 2; yes++) {
		struct certkit k;

		answer = yes ? LEAT_OK : LEAT_UNSUPPORTED;
		draft(&k, v, judge, NULL);
		certkit_trust(&k, NULL);
		assert_int_equal(
			leat_config_set_partial_chain(certkit_judge(&k), claim, &answer, &err),
			LEAT_OK);
		if (yes)
			certkit_connects(&k);
		else
			certkit_refuses(&k, (enum leat_role)judge, A(UNKNOWN_CA));
	}
}

/* ---- later ---- */

/* Nobody could come with the answer where the engine does its jobs itself. */
static void later_needs_a_driver(void **state)
{
	enum leat_ret again = LEAT_AGAIN;
	struct leat_err err = { 0 };

	(void)state;
	EACH(v, judge)
	{
		struct watch w = WATCH;
		struct certkit k;

		w.at = 1;
		w.answer = LEAT_VERDICT_LATER;
		draft(&k, v, judge, NULL);
		watch_it(certkit_judge(&k), &w);
		certkit_refuses(&k, (enum leat_role)judge, A(INTERNAL_ERROR));
		assert_int_equal(w.calls, 2);
		assert_int_equal(w.ended, 1);
		draft(&k, v, judge, NULL);
		certkit_trust(&k, NULL);
		assert_int_equal(
			leat_config_set_partial_chain(certkit_judge(&k), claim, &again, &err),
			LEAT_OK);
		certkit_refuses(&k, (enum leat_role)judge, A(INTERNAL_ERROR));
	}
}

static struct leat_job *late_job(struct certkit *k, struct watch *w, int v, int judge, int at)
{
	w->at = at;
	w->answer = LEAT_VERDICT_LATER;
	draft(k, v, judge, NULL);
	watch_it(certkit_judge(k), w);
	return certkit_job(k);
}

static void asked_again(void **state)
{
	(void)state;
	EACH(v, judge)
	for (int at = 0; at < 3; at++) {
		struct watch w = WATCH;
		struct certkit k;
		struct leat_job *j;

		w.times = 2;
		j = late_job(&k, &w, v, judge, at);
		assert_int_equal(leat_job_run(j), LEAT_AGAIN);
		assert_int_equal(leat_job_run(j), LEAT_AGAIN);
		assert_false(leat_job_is_answered(j));
		assert_int_equal(leat_engine_job_done(k.d.side[judge].e, j), LEAT_AGAIN);
		assert_int_equal(leat_job_run(j), LEAT_OK);
		assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
		assert_int_equal(w.calls, 5);
		certkit_job_done(&k, j, 0);
	}
}

static void answered_by_hand(void **state)
{
	struct leat_cert_event ev;

	(void)state;
	EACH(v, judge)
	for (int yes = 0; yes < 2; yes++) {
		struct watch w = WATCH;
		struct certkit k;
		struct leat_job *j = late_job(&k, &w, v, judge, 1);

		/* not run yet: nothing waits */
		assert_int_equal(leat_job_verify_event(j, &ev), LEAT_UNSUPPORTED);
		assert_int_equal(
			leat_job_verify_answer(j, 0, LEAT_VERDICT_VALID, 0), LEAT_UNSUPPORTED);
		assert_int_equal(leat_job_run(j), LEAT_AGAIN);
		assert_int_equal(leat_job_verify_event(j, &ev), LEAT_OK);
		assert_int_equal(ev.number, 1);
		assert_int_equal(ev.kind, LEAT_CERT_VALID);
		assert_true(leat_span_same(ev.der, pki_der(pki_inter())));
		/* for another event, or with no answer */
		assert_int_equal(
			leat_job_verify_answer(j, 0, LEAT_VERDICT_VALID, 0), LEAT_UNSUPPORTED);
		assert_int_equal(
			leat_job_verify_answer(j, 2, LEAT_VERDICT_VALID, 0), LEAT_UNSUPPORTED);
		assert_int_equal(
			leat_job_verify_answer(j, 1, LEAT_VERDICT_LATER, 0), LEAT_UNSUPPORTED);
		assert_int_equal(
			leat_job_verify_answer(j, 1, yes ? LEAT_VERDICT_VALID : LEAT_VERDICT_FAIL,
				LEAT_BAD_REVOKED),
			LEAT_OK);
		/* twice */
		assert_int_equal(
			leat_job_verify_answer(j, 1, LEAT_VERDICT_VALID, 0), LEAT_UNSUPPORTED);
		assert_int_equal(leat_job_verify_event(j, &ev), LEAT_UNSUPPORTED);
		assert_int_equal(w.calls, yes ? 3 : 2);
		assert_int_equal(w.ended, 1);
		certkit_job_done(&k, j, yes ? 0 : A(CERTIFICATE_REVOKED));
	}
}

static void refused_while_it_waits(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct watch w = WATCH;
		struct certkit k;
		struct leat_job *j = late_job(&k, &w, v, judge, 1);

		assert_int_equal(leat_job_run(j), LEAT_AGAIN);
		assert_int_equal(leat_job_refuse(j, LEAT_ALERT_ACCESS_DENIED), LEAT_OK);
		certkit_job_done(&k, j, A(ACCESS_DENIED));
		assert_int_equal(w.ended, 1);
	}
}

/* The engine is freed, before and while the function is asked, and while an answer is awaited. */
static void free_engine(void *arg, const struct leat_cert_event *ev)
{
	struct certkit *k = arg;

	if (ev->number != 1)
		return;
	leat_engine_free(k->d.side[k->judge].e);
	k->d.side[k->judge].e = NULL;
}

static void engine_is_gone(void **state)
{
	(void)state;
	EACH(v, judge)
	for (int when = 0; when < 3; when++) {
		struct watch w = WATCH;
		struct certkit k;
		struct leat_cert_event ev;
		struct leat_job *j = late_job(&k, &w, v, judge, when == 2 ? 1 : -1);

		if (when == 1) {
			w.hook = free_engine;
			w.hook_arg = &k;
			assert_int_equal(leat_job_run(j), LEAT_OK);
			assert_int_equal(w.calls, 3); /* what runs is not stopped */
		} else {
			if (when == 2)
				assert_int_equal(leat_job_run(j), LEAT_AGAIN);
			leat_engine_free(k.d.side[judge].e);
			k.d.side[judge].e = NULL;
			assert_true(leat_job_is_dropped(j));
			assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
			assert_int_equal(leat_job_verify_event(j, &ev), LEAT_UNSUPPORTED);
			assert_int_equal(leat_job_verify_answer(j, 1, LEAT_VERDICT_VALID, 0),
				LEAT_UNSUPPORTED);
		}
		leat_job_unref(j);
		assert_int_equal(w.made, w.ended);
		certkit_close(&k);
	}
}

struct worker {
	struct leat_job *j;
	atomic_uint *answered;
};

static void *work(void *arg)
{
	struct worker *x = arg;
	struct leat_cert_event ev;

	for (int i = 0; i < 2000 && !leat_job_is_answered(x->j); i++) {
		if (leat_job_run(x->j) == LEAT_OK)
			(*x->answered)++;
		if (leat_job_verify_event(x->j, &ev) == LEAT_OK &&
			leat_job_verify_answer(x->j, ev.number, LEAT_VERDICT_VALID, 0) == LEAT_OK)
			(*x->answered)++;
	}
	leat_job_unref(x->j);
	return NULL;
}

/* Several threads run and answer the same job: one at a time, each event once, one verdict. */
static void threads(void **state)
{
	(void)state;
	EACH(v, judge)
	for (int at = 0; at < 3; at++) {
		atomic_uint answered = 0;
		struct watch w = WATCH;
		struct certkit k;
		struct leat_job *j;
		struct worker x[4];
		pthread_t t[4];

		j = late_job(&k, &w, v, judge, at);
		for (int i = 0; i < 4; i++) {
			x[i] = (struct worker){ leat_job_ref(j), &answered };
			assert_int_equal(pthread_create(&t[i], NULL, work, &x[i]), 0);
		}
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		assert_int_equal(answered, 1);
		assert_int_equal(w.made, 1);
		assert_int_equal(w.ended, 1);
		certkit_job_done(&k, j, 0);
	}
}

/* ---- after the handshake ---- */

/* RFC 8446 4.6.2: a client that is asked later is told about as well, whatever verify says. */
static void asked_after_the_handshake(void **state)
{
	(void)state;
	for (int yes = 0; yes < 2; yes++) {
		struct leat_engine *s;
		struct watch w = WATCH;
		struct certkit k;

		w.at = 2;
		w.answer = yes ? LEAT_VERDICT_VALID : LEAT_VERDICT_FAIL;
		draft(&k, 0, LEAT_SERVER, NULL);
		certkit_set(k.cfg[LEAT_SERVER], "verify", "verify_none");
		for (int i = 0; i < 2; i++)
			certkit_set(k.cfg[i], "post_handshake_auth", "true");
		watch_it(k.cfg[LEAT_SERVER], &w);
		assert_true(certkit_run(&k));
		assert_int_equal(w.calls, 0);
		s = k.d.side[LEAT_SERVER].e;
		assert_int_equal(leat_engine_request_auth(s), LEAT_OK);
		(void)duo_run(&k.d);
		watch_expect(&w, GOOD);
		assert_int_equal(w.ended, 1);
		if (yes)
			assert_int_equal(leat_engine_auth(s), LEAT_AUTH_SHOWN);
		else
			assert_int_equal(leat_engine_error(s)->alert, A(HANDSHAKE_FAILURE));
		certkit_close(&k);
	}
}

/* ---- what is not told ---- */

static void resumption(void **state)
{
	static const char *const ways[] = { "stateless", "stateful" };

	(void)state;
	for (int v = 0; v < 2; v++)
		for (int i = 0; i < 2; i++) {
			struct leat_engine_info info;
			struct leat_session *s;
			struct leat_store *store;
			struct watch w = WATCH;
			struct certkit k;
			struct leat_err err = { 0 };

			draft(&k, v, LEAT_CLIENT, NULL);
			watch_it(certkit_judge(&k), &w);
			certkit_set(k.cfg[LEAT_CLIENT], "session_tickets", "manual");
			assert_int_equal(leat_store_mem_new(&store, 10, NULL, &err), LEAT_OK);
			assert_int_equal(
				leat_config_set_session_store(k.cfg[LEAT_SERVER], store, &err),
				LEAT_OK);
			leat_store_unref(store);
			certkit_set(k.cfg[LEAT_SERVER], "session_tickets", ways[i]);
			assert_true(certkit_run(&k));
			duo_say(&k.d, LEAT_SERVER, "x", 1);
			s = leat_engine_take_session(k.d.side[LEAT_CLIENT].e);
			assert_non_null(s);
			watch_expect(&w, GOOD);
			duo_close(&k.d);
			k.session = s;
			assert_true(certkit_run(&k));
			leat_engine_info(k.d.side[LEAT_CLIENT].e, &info);
			assert_true(info.resumed);
			assert_int_equal(w.calls, 3);
			leat_session_unref(s);
			certkit_close(&k);
		}
}

static void raw_keys(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		const char *type = judge == LEAT_CLIENT ? "server_certificate_type"
							: "client_certificate_type";
		struct watch w = WATCH;
		struct certkit k;
		struct leat_err err = { 0 };
		unsigned char *spki = NULL;
		int n = i2d_PUBKEY(made_evp_borrow(certkit_leaf((enum leat_role) !judge)), &spki);

		draft(&k, v, judge, NULL);
		watch_it(certkit_judge(&k), &w);
		assert_int_equal(leat_config_add_peer_key(certkit_judge(&k),
					 (struct leat_span){ spki, (size_t)n }, &err),
			LEAT_OK);
		OPENSSL_free(spki);
		certkit_set(k.cfg[0], type, "raw");
		certkit_set(k.cfg[1], type, "raw");
		certkit_connects(&k);
		assert_int_equal(w.calls, 0);
	}
}

/* ---- the options ---- */

static enum leat_ret set_fun(struct leat_config *c, struct leat_verify_fun f, struct leat_err *err)
{
	*err = (struct leat_err){ 0 };
	return leat_config_set_verify_fun(c, &f, err);
}

static void no_state(void *state)
{
	(void)state;
}

static void what_is_refused(void **state)
{
	struct certkit k;
	struct leat_err err = { 0 };

	(void)state;
	draft(&k, 0, LEAT_CLIENT, NULL);
	assert_int_equal(
		set_fun(k.cfg[0], (struct leat_verify_fun){ .state = &k }, &err), LEAT_FAILED);
	assert_string_equal(err.option, "verify_fun");
	assert_int_equal(set_fun(k.cfg[0],
				 (struct leat_verify_fun){
					 .fn = leat_verify_default_peer, .free = no_state },
				 &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_int_equal(
		set_fun(k.cfg[0], (struct leat_verify_fun){ .fn = leat_verify_default_peer }, &err),
		LEAT_OK);
	assert_int_equal(leat_config_set_verify_fun(k.cfg[0], NULL, &err), LEAT_OK);
	assert_null(k.cfg[0]->verify_fun.fn);
	assert_int_equal(leat_config_freeze(k.cfg[0], &err), LEAT_OK);
	assert_int_equal(leat_config_set_verify_fun(k.cfg[0], NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_partial_chain(k.cfg[0], NULL, NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	certkit_close(&k);
}

/* Sessions that began under a function are not for configs without one. */
static void bound(void **state)
{
	uint8_t bind[2][32];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct watch w = WATCH;
		struct certkit k;
		struct leat_err err = { 0 };

		draft(&k, 0, LEAT_CLIENT, NULL);
		if (i)
			watch_it(k.cfg[0], &w);
		assert_int_equal(leat_config_freeze(k.cfg[0], &err), LEAT_OK);
		memcpy(bind[i], k.cfg[0]->bind, 32);
		certkit_close(&k);
	}
	assert_memory_not_equal(bind[0], bind[1], 32);
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
		cmocka_unit_test(always_run),
		cmocka_unit_test(no_at_each_position),
		cmocka_unit_test(always_valid),
		cmocka_unit_test(missing_root),
		cmocka_unit_test(critical_extension),
		cmocka_unit_test(verify_none_asks_too),
		cmocka_unit_test(claimed_intermediate),
		cmocka_unit_test(later_needs_a_driver),
		cmocka_unit_test(asked_again),
		cmocka_unit_test(answered_by_hand),
		cmocka_unit_test(refused_while_it_waits),
		cmocka_unit_test(engine_is_gone),
		cmocka_unit_test(threads),
		cmocka_unit_test(asked_after_the_handshake),
		cmocka_unit_test(resumption),
		cmocka_unit_test(raw_keys),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(bound),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}

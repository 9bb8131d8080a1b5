/* SPDX-License-Identifier: Apache-2.0
 *
 * t_job.c - the contract of jobs that were taken away from their engine: what each function says in each
 * state, who owns what, and what is left when the engine is gone first. Crowds of them on threads:
 * t_jobs.c.
 *
 * REQ: F-async-key
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include "base/mem.h"
#include "crypto/sign.h"
#include "hs/job.h"

static struct leat_config *config(enum leat_role role, const char *versions, const char *more)
{
	return ids_config(role, KEY_EC_P256, versions, more ? more : "depth=10", NULL);
}

static const char *const versions[] = { "versions=tlsv1.3", "versions=tlsv1.2" };

/* Moves bytes until this side has a job, without doing any. */
static struct leat_engine *until_job(struct duo *d, enum leat_role who)
{
	struct leat_engine *e = d->side[who].e;

	for (int i = 0; i < 20 && !(leat_engine_wants(e) & LEAT_WANT_JOB); i++) {
		enum leat_role from = i % 2 ? LEAT_SERVER : LEAT_CLIENT;
		struct leat_engine *other = d->side[from].e;
		const uint8_t *p;
		size_t n, room;
		uint8_t *to;

		if (other != e && (leat_engine_wants(other) & LEAT_WANT_JOB))
			assert_int_not_equal(leat_engine_job_run(other), LEAT_FAILED);
		while ((p = leat_engine_out(other, &n)) &&
			(to = leat_engine_in(d->side[!from].e, &room))) {
			room = room < n ? room : n;
			memcpy(to, p, room);
			leat_engine_out_done(other, room);
			(void)!leat_engine_in_done(d->side[!from].e, room);
		}
	}
	assert_true(leat_engine_wants(e) & LEAT_WANT_JOB);
	return e;
}

static struct leat_job *take(struct leat_engine *e, enum leat_job_kind kind)
{
	struct leat_job *j;
	uint8_t *room;
	size_t n;

	assert_int_equal(leat_engine_job_take(e, &j), LEAT_OK);
	assert_non_null(j);
	assert_int_equal(leat_job_kind(j), kind);
	assert_false(leat_job_is_answered(j));
	assert_false(leat_job_is_dropped(j));
	assert_false(leat_engine_wants(e) & (LEAT_WANT_JOB | LEAT_WANT_BYTES | LEAT_IS_DEAD));
	assert_true(leat_engine_wants(e) & LEAT_JOB_IS_OUT);
	room = leat_engine_in(e, &n);
	assert_null(room);
	assert_int_equal(n, 0);
	return j;
}

static enum leat_job_kind kind_of(enum leat_role who)
{
	return who == LEAT_SERVER ? LEAT_JOB_SIGN : LEAT_JOB_VERIFY;
}

struct ends {
	struct leat_config *c, *s;
	struct duo d;
};

static void open_ends(struct ends *x, const char *v)
{
	x->c = config(LEAT_CLIENT, v, NULL);
	x->s = config(LEAT_SERVER, v, NULL);
	duo_open(&x->d, x->c, x->s, "localhost");
}

static void close_ends(struct ends *x)
{
	duo_close(&x->d);
	leat_config_unref(x->c);
	leat_config_unref(x->s);
}

static void taken_run_done(void **state)
{
	struct leat_job *j, *none;
	struct leat_engine *e;
	struct ends x;

	(void)state;
	for (int v = 0; v < 2; v++)
		for (int who = 0; who < 2; who++) {
			open_ends(&x, versions[v]);
			assert_int_equal(leat_engine_job_take(x.d.side[who].e, &none),
				LEAT_UNSUPPORTED); /* nothing waits yet */
			e = until_job(&x.d, (enum leat_role)who);
			j = take(e, kind_of((enum leat_role)who));
			/* out, not answered: nothing can go on, and nothing breaks */
			assert_int_equal(leat_engine_job_take(e, &none), LEAT_UNSUPPORTED);
			assert_null(none);
			assert_int_equal(leat_engine_job_run(e), LEAT_AGAIN);
			assert_int_equal(leat_engine_job_done(e, j), LEAT_AGAIN);
			assert_int_equal(leat_engine_job_done(e, NULL), LEAT_UNSUPPORTED);
			assert_int_equal(leat_job_run(j), LEAT_OK);
			assert_true(leat_job_is_answered(j));
			/* answered once */
			assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
			assert_int_equal(leat_job_refuse(j, 0), LEAT_UNSUPPORTED);
			assert_int_equal(leat_engine_job_done(x.d.side[!who].e, j),
				LEAT_UNSUPPORTED); /* another engine's */
			assert_int_not_equal(leat_engine_job_done(e, j), LEAT_FAILED);
			assert_int_equal(leat_engine_job_done(e, j), LEAT_UNSUPPORTED);
			leat_job_unref(j);
			assert_true(duo_run(&x.d));
			close_ends(&x);
		}
}

/* A driver that only knows leat_engine_job_run goes on with what somebody else answered. */
static void run_goes_on_with_an_answer(void **state)
{
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	open_ends(&x, versions[0]);
	e = until_job(&x.d, LEAT_SERVER);
	j = take(e, LEAT_JOB_SIGN);
	assert_int_equal(leat_job_run(j), LEAT_OK);
	assert_int_equal(leat_engine_job_run(e), LEAT_OK);
	leat_job_unref(j);
	assert_true(duo_run(&x.d));
	close_ends(&x);
}

static void engine_freed_first(void **state)
{
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int v = 0; v < 2; v++)
		for (int who = 0; who < 2; who++)
			for (int answered = 0; answered < 2; answered++) {
				open_ends(&x, versions[v]);
				j = take(until_job(&x.d, (enum leat_role)who),
					kind_of((enum leat_role)who));
				if (answered)
					assert_int_equal(leat_job_run(j), LEAT_OK);
				close_ends(&x); /* the configs go too */
				assert_true(leat_job_is_dropped(j));
				assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
				leat_job_unref(j);
			}
}

/* The other way round: nobody has the job any more, the engine just never goes on. */
static void job_forgotten(void **state)
{
	struct ends x;

	(void)state;
	open_ends(&x, versions[0]);
	leat_job_unref(take(until_job(&x.d, LEAT_CLIENT), LEAT_JOB_VERIFY));
	assert_false(duo_run(&x.d));
	assert_true(leat_engine_wants(x.d.side[LEAT_CLIENT].e) & LEAT_JOB_IS_OUT);
	close_ends(&x);
}

/* Without memory for the object the job stays where it is, and can be done there. */
static void no_memory_to_take(void **state)
{
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int who = 0; who < 2; who++) {
		open_ends(&x, versions[0]);
		e = until_job(&x.d, (enum leat_role)who);
		(void)leat_mem_fail_at(1);
		assert_int_equal(leat_engine_job_take(e, &j), LEAT_AGAIN);
		assert_null(j);
		assert_int_equal(leat_mem_fail_at(0), 1); /* one block, nothing else */
		assert_true(leat_engine_wants(e) & LEAT_WANT_JOB);
		assert_int_not_equal(leat_engine_job_run(e), LEAT_FAILED);
		assert_true(duo_run(&x.d));
		close_ends(&x);
	}
}

/* Doing it inline makes no object. */
static void inline_is_free(void **state)
{
	struct leat_engine *e;
	unsigned long made;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int away = 0; away < 2; away++) {
		open_ends(&x, versions[0]);
		e = until_job(&x.d, LEAT_CLIENT);
		(void)leat_mem_fail_at(0);
		if (away) {
			assert_int_equal(leat_engine_job_take(e, &j), LEAT_OK);
			assert_int_equal(leat_job_run(j), LEAT_OK);
			assert_int_equal(leat_engine_job_done(e, j), LEAT_OK);
			leat_job_unref(j);
			assert_int_equal(leat_mem_fail_at(0), made + 1);
		} else {
			assert_int_equal(leat_engine_job_run(e), LEAT_OK);
			made = leat_mem_fail_at(0);
		}
		close_ends(&x);
	}
}

/* engine.h: after LEAT_FAILED every call says so, or nothing, and does nothing. */
static void what_a_dead_engine_says(void **state)
{
	const struct leat_err *why;
	struct leat_engine_info info;
	struct leat_span data;
	struct leat_engine *e;
	struct leat_job *j;
	unsigned wants;
	struct ends x;
	size_t n;

	(void)state;
	for (int when = 0; when < 3; when++) { /* in the handshake, with a job out, up */
		open_ends(&x, versions[0]);
		e = x.d.side[LEAT_CLIENT].e;
		j = NULL;
		if (when == 1)
			j = take(until_job(&x.d, LEAT_CLIENT), LEAT_JOB_VERIFY);
		if (when == 2)
			assert_true(duo_run(&x.d));
		assert_int_equal(leat_engine_in_eof(e), LEAT_FAILED);
		why = leat_engine_error(e);
		wants = leat_engine_wants(e);
		assert_true(wants & LEAT_IS_DEAD && wants & LEAT_IS_CLOSED);
		assert_false(wants & (LEAT_WANT_BYTES | LEAT_WANT_JOB | LEAT_JOB_IS_OUT |
					     LEAT_HAS_DATA | LEAT_MAY_WRITE));
		assert_null(leat_engine_in(e, &n));
		assert_int_equal(n, 0);
		assert_int_equal(leat_engine_in_done(e, 0), LEAT_FAILED);
		assert_int_equal(leat_engine_in_done(e, 10), LEAT_FAILED);
		assert_int_equal(leat_engine_in_eof(e), LEAT_FAILED);
		assert_int_equal(leat_engine_write(e, "x", 1, &n), LEAT_FAILED);
		assert_int_equal(n, 0);
		assert_int_equal(leat_engine_write_early(e, "x", 1, &n), LEAT_FAILED);
		assert_int_equal(leat_engine_close(e), LEAT_FAILED);
		assert_int_equal(leat_engine_key_update(e, true), LEAT_FAILED);
		assert_int_equal(leat_engine_data_done(e, 1), LEAT_FAILED);
		leat_engine_data(e, &data);
		assert_int_equal(data.n, 0);
		assert_int_equal(leat_engine_job_run(e), LEAT_FAILED);
		assert_int_equal(leat_engine_job_done(e, j), LEAT_FAILED);
		leat_job_unref(j);
		assert_int_equal(leat_engine_job_take(e, &j), LEAT_UNSUPPORTED);
		assert_null(j);
		assert_null(leat_engine_take_session(e));
		leat_engine_rest(e);
		leat_engine_info(e, &info);
		assert_string_equal(leat_engine_state(e), "DEAD");
		assert_ptr_equal(leat_engine_error(e), why);
		assert_int_equal(why->cls, LEAT_E_CLOSED);
		assert_int_equal(leat_engine_wants(e), wants);
		close_ends(&x);
	}
}

static void engine_dead_first(void **state)
{
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int who = 0; who < 2; who++) {
		open_ends(&x, versions[0]);
		e = until_job(&x.d, (enum leat_role)who);
		j = take(e, kind_of((enum leat_role)who));
		assert_int_equal(leat_engine_in_eof(e), LEAT_FAILED);
		assert_true(leat_job_is_dropped(j));
		assert_int_equal(leat_engine_job_done(e, j), LEAT_FAILED);
		assert_int_equal(leat_engine_error(e)->cls, LEAT_E_CLOSED);
		leat_job_unref(j);
		close_ends(&x);
	}
}

static void refused(void **state)
{
	static const struct {
		enum leat_role who;
		unsigned alert, want;
	} rows[] = {
		{ LEAT_SERVER, 0, LEAT_ALERT_INTERNAL_ERROR },
		{ LEAT_SERVER, LEAT_ALERT_ACCESS_DENIED, LEAT_ALERT_ACCESS_DENIED },
		{ LEAT_CLIENT, 0, LEAT_ALERT_CERTIFICATE_UNKNOWN },
		{ LEAT_CLIENT, LEAT_ALERT_CERTIFICATE_REVOKED, LEAT_ALERT_CERTIFICATE_REVOKED },
	};
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int v = 0; v < 2; v++) {
			open_ends(&x, versions[v]);
			e = until_job(&x.d, rows[i].who);
			j = take(e, kind_of(rows[i].who));
			assert_int_equal(leat_job_refuse(j, rows[i].alert), LEAT_OK);
			assert_int_equal(leat_engine_job_done(e, j), LEAT_FAILED);
			assert_int_equal(leat_engine_error(e)->cls, LEAT_E_OUR_ALERT);
			assert_int_equal(leat_engine_error(e)->alert, rows[i].want);
			leat_job_unref(j);
			/* and the peer hears of it */
			assert_false(duo_run(&x.d));
			e = x.d.side[!rows[i].who].e;
			assert_int_equal(leat_engine_error(e)->cls, LEAT_E_PEER_ALERT);
			assert_int_equal(leat_engine_error(e)->alert, rows[i].want);
			close_ends(&x);
		}
}

/* A chain that libcrypto refuses is refused the same away from the engine. */
static void verify_refuses_elsewhere(void **state)
{
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int v = 0; v < 2; v++) {
		x.c = config(LEAT_CLIENT, versions[v], NULL);
		x.s = config(LEAT_SERVER, versions[v], NULL);
		duo_open(&x.d, x.c, x.s, "elsewhere.test");
		e = until_job(&x.d, LEAT_CLIENT);
		j = take(e, LEAT_JOB_VERIFY);
		assert_int_equal(leat_job_run(j), LEAT_OK); /* answered: no */
		assert_int_equal(leat_engine_job_done(e, j), LEAT_FAILED);
		assert_int_equal(leat_engine_error(e)->alert, LEAT_ALERT_BAD_CERTIFICATE);
		assert_non_null(strstr(leat_engine_error(e)->detail, "depth"));
		leat_job_unref(j);
		close_ends(&x);
	}
}

/* ---- signatures by hand ---- */

static enum leat_ret sign_by_hand(const struct leat_job *j, struct leat_wr *sig)
{
	struct leat_err err = { 0 };

	return job_make_signature(j->cfg, j->cred, j->scheme, j->tbs, sig, &err);
}

static void signed_by_hand(void **state)
{
	struct leat_wr sig = { 0 };
	struct leat_sign_input in;
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int v = 0; v < 2; v++) {
		open_ends(&x, versions[v]);
		e = until_job(&x.d, LEAT_SERVER);
		j = take(e, LEAT_JOB_SIGN);
		assert_int_equal(leat_job_sign_input(j, &in), LEAT_OK);
		assert_int_equal(in.scheme, 0x0403);
		assert_string_equal(in.scheme_name, "ecdsa_secp256r1_sha256");
		assert_int_equal(in.cert.n, pki_der(pki_server(KEY_EC_P256)->leaf).n);
		assert_true(in.tbs.n > 64);
		assert_int_equal(sign_by_hand(j, &sig), LEAT_OK);
		assert_int_equal(leat_job_sign_answer(j, leat_wr_done(&sig)), LEAT_OK);
		assert_int_equal(leat_job_sign_answer(j, leat_wr_done(&sig)), LEAT_UNSUPPORTED);
		leat_wr_clear(&sig);
		assert_int_equal(leat_engine_job_done(e, j), LEAT_OK);
		/* what was to be signed can still be looked at */
		assert_int_equal(leat_job_sign_input(j, &in), LEAT_OK);
		assert_true(in.tbs.n > 64);
		leat_job_unref(j);
		assert_true(duo_run(&x.d));
		close_ends(&x);
	}
}

static void wrong_signatures_stay_here(void **state)
{
	struct leat_span junk[4];
	struct leat_wr sig = { 0 };
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	for (int i = 0; i < 4; i++) {
		open_ends(&x, versions[0]);
		e = until_job(&x.d, LEAT_SERVER);
		j = take(e, LEAT_JOB_SIGN);
		assert_int_equal(sign_by_hand(j, &sig), LEAT_OK);
		junk[0] = (struct leat_span){ NULL, 0 };
		junk[1] = vec_noise(70);
		junk[2] = (struct leat_span){ sig.p, sig.n - 1 };
		junk[3] = (struct leat_span){ sig.p, sig.n };
		sig.p[sig.n - 1] ^= 1;
		assert_int_equal(leat_job_sign_answer(j, junk[i]), LEAT_FAILED);
		leat_wr_clear(&sig);
		assert_true(leat_job_is_answered(j));
		assert_int_equal(leat_engine_job_done(e, j), LEAT_FAILED);
		assert_int_equal(leat_engine_error(e)->alert, LEAT_ALERT_INTERNAL_ERROR);
		leat_job_unref(j);
		close_ends(&x);
	}
}

static void sign_functions_want_a_signature(void **state)
{
	struct leat_sign_input in;
	struct leat_engine *e;
	struct leat_job *j;
	struct ends x;

	(void)state;
	open_ends(&x, versions[0]);
	e = until_job(&x.d, LEAT_CLIENT);
	j = take(e, LEAT_JOB_VERIFY);
	assert_int_equal(leat_job_sign_input(j, &in), LEAT_UNSUPPORTED);
	assert_int_equal(in.tbs.n, 0);
	assert_int_equal(leat_job_sign_answer(j, vec_noise(70)), LEAT_UNSUPPORTED);
	assert_false(leat_job_is_answered(j));
	assert_int_equal(leat_job_run(j), LEAT_OK);
	assert_int_equal(leat_engine_job_done(e, j), LEAT_OK);
	leat_job_unref(j);
	assert_true(duo_run(&x.d));
	close_ends(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(taken_run_done, vec_teardown),
		cmocka_unit_test_teardown(run_goes_on_with_an_answer, vec_teardown),
		cmocka_unit_test_teardown(engine_freed_first, vec_teardown),
		cmocka_unit_test_teardown(job_forgotten, vec_teardown),
		cmocka_unit_test_teardown(no_memory_to_take, vec_teardown),
		cmocka_unit_test_teardown(inline_is_free, vec_teardown),
		cmocka_unit_test_teardown(what_a_dead_engine_says, vec_teardown),
		cmocka_unit_test_teardown(engine_dead_first, vec_teardown),
		cmocka_unit_test_teardown(refused, vec_teardown),
		cmocka_unit_test_teardown(verify_refuses_elsewhere, vec_teardown),
		cmocka_unit_test_teardown(signed_by_hand, vec_teardown),
		cmocka_unit_test_teardown(wrong_signatures_stay_here, vec_teardown),
		cmocka_unit_test_teardown(sign_functions_want_a_signature, vec_teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return failed;
}

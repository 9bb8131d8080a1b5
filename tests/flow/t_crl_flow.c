/* SPDX-License-Identifier: Apache-2.0
 *
 * t_crl_flow.c - CRLs in handshakes: both roles and versions, caches of callbacks that answer later, renew lists or
 * misbehave, and what the application is told of revocation. Which lists count: unit/t_crl.c.
 */
#include "certkit.h"
#include "crlkit.h"
#include "watch.h"

#include <leat/crl.h>
#include <leat/job.h>

#define UNKNOWN LEAT_ALERT_BAD_CERTIFICATE
#define REVOKED LEAT_ALERT_CERTIFICATE_REVOKED

/* Every version and role. */
#define EACH(v, judge)              \
	for (int v = 0; v < 2; v++) \
		for (int judge = 0; judge < 2; judge++)

/* ---- a cache of callbacks ---- */

struct library {
	const struct made *revoked; /* in the intermediate's list; NULL: nobody */
	bool without_inter;         /* the intermediate's list is missing */
	int later[3];               /* LEAT_AGAIN so many times: lookup, select, fresh_crl */
	bool renews;                /* only fresh_crl has the list that revokes */
	unsigned asked, looked_up;
};

static bool is_later(struct library *l, int which)
{
	l->asked++;
	return l->later[which] > 0 && l->later[which]--;
}

static bool is_name_of(const struct made *m, struct leat_span name)
{
	struct leat_span der = pki_der(m);

	return name.n > 0 && memmem(der.p, der.n, name.p, name.n) != NULL;
}

static void put_list(
	struct leat_crl_list *out, const struct made *issuer, const struct made *revoked)
{
	struct crl_spec s = crl_good(issuer);
	struct leat_span der;

	s.revoked[0].cert = revoked;
	s.this_s += revoked ? 60 : 0;
	der = crl_make(&s);
	assert_int_equal(leat_crl_list_add(out, der), LEAT_OK);
}

static enum leat_ret lookup(
	void *db, const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out)
{
	struct library *l = db;

	assert_int_equal(now_s, PKI_NOW);
	if (is_later(l, 0))
		return LEAT_AGAIN;
	l->looked_up++;
	assert_int_equal(dp->num_full_name, 2);
	assert_int_equal(dp->num_uris, 2);
	assert_memory_equal(dp->uris[0].p, "http://crl.test/1", dp->uris[0].n);
	assert_true(is_name_of(pki_inter(), dp->issuer));
	assert_false(dp->freshest);
	if (l->without_inter)
		return LEAT_UNSUPPORTED;
	put_list(out, pki_inter(), l->renews ? NULL : l->revoked);
	return LEAT_OK;
}

static enum leat_ret select_all(
	void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	struct library *l = db;

	(void)now_s;
	if (is_later(l, 1))
		return LEAT_AGAIN;
	put_list(out, pki_root(), NULL); /* whoever was asked about: the others do not count */
	if (!l->without_inter && is_name_of(pki_inter(), issuer))
		put_list(out, pki_inter(), l->renews ? NULL : l->revoked);
	return LEAT_OK;
}

static enum leat_ret fresh(void *db, const struct leat_dist_point *dp, struct leat_span crl,
	int64_t now_s, struct leat_crl_list *out)
{
	struct library *l = db;

	(void)now_s;
	assert_true(crl.n > 100 && dp->issuer.n > 0);
	if (is_later(l, 2))
		return LEAT_AGAIN;
	if (!l->renews || !is_name_of(pki_inter(), dp->issuer) || dp->num_uris == 0)
		return LEAT_UNSUPPORTED;
	put_list(out, pki_inter(), l->revoked);
	return LEAT_OK;
}

static const struct leat_crl_cache_ops ops = { lookup, select_all, fresh, NULL };

static const struct made *leaf_of(int judge)
{
	static const struct crl_place places[] = { { .uri = "http://crl.test/1 ldap://x/" },
		{ 0 } };
	static const struct made *leaf[2];
	struct make_spec s = certkit_spec((enum leat_role) !judge);

	if (!leaf[judge]) {
		s.tweak = crl_tweak_points;
		s.tweak_arg = (void *)(uintptr_t)places;
		leaf[judge] = pki_make(&s);
	}
	return leaf[judge];
}

static void draft(struct certkit *k, int v, int judge, struct library *l, const char *check)
{
	struct leat_crl_cache *c;
	struct leat_err err = { 0 };

	certkit_draft(k, certkit_versions[v], (enum leat_role)judge, leaf_of(judge), pki_inter());
	certkit_set(certkit_judge(k), "crl_check", check);
	assert_int_equal(leat_crl_cache_cb_new(&c, &ops, l, &err), LEAT_OK);
	assert_int_equal(leat_config_set_crl_cache(certkit_judge(k), c, &err), LEAT_OK);
	leat_crl_cache_unref(c);
}

/* ---- verdicts ---- */

/* REQ: CRLAPI-type-dp */
static void good_revoked_and_unknown(void **state)
{
	static const char *const checks[] = { "true", "peer", "best_effort" };

	(void)state;
	EACH(v, judge)
	for (int i = 0; i < 3; i++) {
		struct library good = { 0 }, bad = { .revoked = leaf_of(judge) },
			       none = { .without_inter = true };
		struct certkit k;

		draft(&k, v, judge, &good, checks[i]);
		certkit_connects(&k);
		assert_int_equal(good.looked_up, 1);
		draft(&k, v, judge, &bad, checks[i]);
		certkit_refuses(&k, (enum leat_role)judge, REVOKED);
		draft(&k, v, judge, &none, checks[i]);
		if (i < 2)
			certkit_refuses(&k, (enum leat_role)judge, UNKNOWN);
		else
			certkit_connects(&k);
	}
}

static void a_list_is_renewed(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct library l = { .revoked = leaf_of(judge), .renews = true };
		struct certkit k;

		draft(&k, v, judge, &l, "true");
		certkit_refuses(&k, (enum leat_role)judge, REVOKED);
	}
}

/* What resumes a session was judged when it began: by the same rules, or not at all. */
static void sessions_of_other_rules(void **state)
{
	struct leat_session *s;
	struct library l = { 0 };
	struct certkit k;

	(void)state;
	for (int v = 0; v < 2; v++) {
		certkit_draft(
			&k, certkit_versions[v], LEAT_CLIENT, leaf_of(LEAT_CLIENT), pki_inter());
		certkit_set(k.cfg[LEAT_CLIENT], "session_tickets", "manual");
		assert_true(certkit_run(&k));
		s = leat_engine_take_session(k.d.side[LEAT_CLIENT].e);
		assert_non_null(s);
		certkit_close(&k);
		draft(&k, v, LEAT_CLIENT, &l, "true");
		certkit_set(k.cfg[LEAT_CLIENT], "session_tickets", "manual");
		k.session = s;
		certkit_connects(&k);
		assert_int_equal(l.looked_up, 1 + (unsigned)v);
		leat_session_unref(s);
	}
}

/* ---- later ---- */

static void later_needs_a_driver(void **state)
{
	(void)state;
	EACH(v, judge)
	for (int which = 0; which < 3; which++) {
		struct library l = { 0 };
		struct certkit k;

		l.later[which] = 1;
		draft(&k, v, judge, &l, "true");
		certkit_refuses(&k, (enum leat_role)judge, LEAT_ALERT_INTERNAL_ERROR);
	}
}

/* REQ: CB-crl-* */
static void asked_again(void **state)
{
	(void)state;
	EACH(v, judge)
	for (int which = 0; which < 3; which++) {
		struct library l = { 0 };
		struct leat_job *j;
		struct certkit k;

		l.later[which] = 2;
		draft(&k, v, judge, &l, "true");
		j = certkit_job(&k);
		assert_int_equal(leat_job_run(j), LEAT_AGAIN);
		assert_int_equal(leat_job_run(j), LEAT_AGAIN);
		assert_false(leat_job_is_answered(j));
		assert_int_equal(leat_job_run(j), LEAT_OK);
		certkit_job_done(&k, j, 0);
	}
}

static void refused_by_hand_meanwhile(void **state)
{
	struct library l = { .later = { 99 } };
	struct leat_job *j;
	struct certkit k;

	(void)state;
	draft(&k, 1, LEAT_CLIENT, &l, "true");
	j = certkit_job(&k);
	assert_int_equal(leat_job_run(j), LEAT_AGAIN);
	assert_int_equal(leat_job_refuse(j, LEAT_ALERT_ACCESS_DENIED), LEAT_OK);
	certkit_job_done(&k, j, LEAT_ALERT_ACCESS_DENIED);
}

/* ---- what the application is told ---- */

static void watched(struct certkit *k, struct watch *w, bool accept)
{
	const struct leat_verify_fun f = watch_fun(w);
	struct leat_err err = { 0 };

	w->accept = accept;
	assert_int_equal(leat_config_set_verify_fun(certkit_judge(k), &f, &err), LEAT_OK);
}

static void told_to_the_application(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct library bad = { .revoked = leaf_of(judge) },
			       none = { .without_inter = true };
		struct watch w = WATCH;
		struct certkit k;

		draft(&k, v, judge, &bad, "true");
		watched(&k, &w, false);
		certkit_refuses(&k, (enum leat_role)judge, REVOKED);
		watch_expect(&w, "2:valid 1:valid 0:bad(revoked)");
		draft(&k, v, judge, &bad, "true");
		watched(&k, &w, true);
		certkit_connects(&k);
		watch_expect(&w, "2:valid 1:valid 0:bad(revoked) 0:valid_peer");
		draft(&k, v, judge, &none, "true");
		watched(&k, &w, false);
		certkit_refuses(&k, (enum leat_role)judge, UNKNOWN);
		watch_expect(&w, "2:valid 1:valid 0:bad(revocation_status_undetermined)");
		draft(&k, v, judge, &none, "best_effort");
		watched(&k, &w, false);
		certkit_connects(&k);
		watch_expect(&w, "2:valid 1:valid 0:valid_peer");
	}
}

/* Who accepts a chain that nobody vouches for makes no cache work for it. */
static void nothing_is_asked_of_strangers(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct library l = { 0 };
		struct watch w = WATCH;
		struct certkit k;

		draft(&k, v, judge, &l, "true");
		certkit_trust(&k, NULL);
		watched(&k, &w, true);
		certkit_connects(&k);
		assert_non_null(strstr(w.log, "1:bad(unknown_ca)"));
		assert_non_null(strstr(w.log, "0:bad(revocation_status_undetermined)"));
		assert_int_equal(l.asked, 0);
	}
}

/* ---- configs ---- */

static void one_without_the_other_is_refused(void **state)
{
	struct leat_err err = { 0 };
	struct library l = { 0 };
	struct certkit k;

	(void)state;
	EACH(v, judge)
	{
		draft(&k, v, judge, &l, "false");
		assert_int_equal(leat_config_freeze(certkit_judge(&k), &err), LEAT_FAILED);
		assert_string_equal(err.option, "crl_check");
		err = (struct leat_err){ 0 };
		certkit_set(certkit_judge(&k), "crl_check", "true");
		assert_int_equal(leat_config_set_crl_cache(certkit_judge(&k), NULL, &err), LEAT_OK);
		assert_int_equal(leat_config_freeze(certkit_judge(&k), &err), LEAT_FAILED);
		assert_string_equal(err.option, "crl_check");
		err = (struct leat_err){ 0 };
		assert_int_equal(
			leat_config_set(certkit_judge(&k), "crl_check", "yes", &err), LEAT_FAILED);
		err = (struct leat_err){ 0 };
		certkit_set(certkit_judge(&k), "crl_check", "false");
		certkit_connects(&k);
	}
}

static int teardown(void **state)
{
	pki_done();
	return vec_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_revoked_and_unknown),
		cmocka_unit_test(a_list_is_renewed),
		cmocka_unit_test(sessions_of_other_rules),
		cmocka_unit_test(later_needs_a_driver),
		cmocka_unit_test(asked_again),
		cmocka_unit_test(refused_by_hand_meanwhile),
		cmocka_unit_test(told_to_the_application),
		cmocka_unit_test(nothing_is_asked_of_strangers),
		cmocka_unit_test(one_without_the_other_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

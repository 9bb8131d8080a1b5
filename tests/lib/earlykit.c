/* SPDX-License-Identifier: Apache-2.0
 *
 * earlykit.c - see earlykit.h.
 */
#include "earlykit.h"

struct leat_config *early_server(struct leat_antireplay *a, uint32_t max, const char *alpn)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_early_data(s, max, a, &err), LEAT_OK);
	if (alpn)
		assert_int_equal(leat_config_set(s, "alpn", alpn, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	return s;
}

void early_get_tickets(struct early_set *x, struct leat_config *s)
{
	struct duo d;

	duo_open(&d, x->c, s, "localhost");
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_early_status(d.side[0].e), LEAT_EARLY_NONE);
	assert_int_equal(leat_engine_early_status(d.side[1].e), LEAT_EARLY_NONE);
	assert_false(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE_EARLY);
	for (x->num = 0; x->num < 2; x->num++) {
		x->t[x->num] = leat_engine_take_session(d.side[LEAT_CLIENT].e);
		if (!x->t[x->num])
			break;
	}
	duo_close(&d);
}

void early_set_up(struct early_set *x, uint32_t max, const char *alpn)
{
	struct leat_err err = { 0 };

	memset(x, 0, sizeof(*x));
	duo_later_s = 0;
	assert_int_equal(
		leat_antireplay_new(&x->a, 1000, EARLY_WINDOW, &duo_env, NULL, &err), LEAT_OK);
	duo_later_s = 100; /* the start is long over */
	x->c = ids_config(LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.3", "session_tickets=manual",
		alpn ? "alpn=h2,http/1.1" : "depth=10", NULL);
	x->s = early_server(x->a, max, alpn);
	early_get_tickets(x, x->s);
	assert_int_equal(x->num, 2);
}

void early_tear_down(struct early_set *x)
{
	for (unsigned i = 0; i < x->num; i++)
		leat_session_unref(x->t[i]);
	leat_config_unref(x->c);
	leat_config_unref(x->s);
	leat_antireplay_unref(x->a);
	duo_later_s = 0;
}

struct leat_engine_opts early_opts(const struct early_set *x)
{
	return (struct leat_engine_opts){
		.host = "localhost", .session = x->t[0], .early_data = true
	};
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_resume.c - TLS 1.3 resumption between two engines: tickets out and in, what they are bound to, both
 * key exchange modes, the session store, HelloRetryRequest, what an attacker may do to a binder.
 *
 * REQ: GEN-session F-ticket-sl F-ticket-sf F-ticket-rot F-ticket-share F-multi-ticket F-psk-modes
 * REQ: SESS-sem-newcert
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/session.h>

#include "session/session.h"
#include "wire/client_hello.h"

static struct leat_config *client_of(const char *setting)
{
	return ids_config(LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.3", "session_tickets=manual",
		setting ? setting : "depth=10", NULL);
}

static struct leat_config *server_of(const char *setting)
{
	return ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.3,tlsv1.2",
		setting ? setting : "depth=10", NULL);
}

static struct leat_engine_info info_of(const struct duo *d, enum leat_role role)
{
	struct leat_engine_info info;

	leat_engine_info(d->side[role].e, &info);
	return info;
}

/* A full handshake; the sessions the client got (at most max), how many. */
static unsigned full(struct leat_config *c, struct leat_config *s, const char *host,
	struct leat_session **out, unsigned max)
{
	struct duo d;
	unsigned n = 0;

	duo_open(&d, c, s, host);
	assert_true(duo_run(&d));
	assert_false(info_of(&d, LEAT_CLIENT).resumed);
	while (n < max && (out[n] = leat_engine_take_session(d.side[LEAT_CLIENT].e)))
		n++;
	duo_close(&d);
	return n;
}

static struct leat_session *one(struct leat_config *c, struct leat_config *s)
{
	struct leat_session *out[1];

	assert_int_equal(full(c, s, "localhost", out, 1), 1);
	return out[0];
}

/* Connects with this session; true: it was resumed. */
static bool again(struct leat_config *c, struct leat_config *s, const char *host,
	struct leat_session *session)
{
	const struct leat_engine_opts opts = { .host = host, .session = session };
	struct leat_engine_info ci, si;
	struct duo d;

	duo_open_with(&d, c, s, &opts);
	assert_true(duo_run(&d));
	ci = info_of(&d, LEAT_CLIENT);
	si = info_of(&d, LEAT_SERVER);
	assert_int_equal(ci.resumed, si.resumed);
	assert_int_equal(ci.suite, si.suite);
	duo_say(&d, LEAT_CLIENT, "ping", 4);
	duo_say(&d, LEAT_SERVER, "pong", 4);
	assert_int_equal(d.side[LEAT_SERVER].got.n, 4);
	assert_memory_equal(d.side[LEAT_SERVER].got.p, "ping", 4);
	assert_memory_equal(d.side[LEAT_CLIENT].got.p, "pong", 4);
	duo_close(&d);
	return ci.resumed;
}

static void resumes(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t[4], *next;
	const struct leat_engine_opts opts = { .host = "localhost", .session = NULL };
	struct leat_engine_opts o = opts;
	struct duo d;

	(void)state;
	assert_int_equal(full(c, s, "localhost", t, 4), 2);
	o.session = t[0];
	duo_open_with(&d, c, s, &o);
	assert_true(duo_run(&d));
	for (int i = 0; i < 2; i++) {
		struct leat_engine_info info = info_of(&d, (enum leat_role)i);

		assert_true(info.resumed);
		assert_false(info.external_psk);
		assert_int_equal(info.version, LEAT_TLS13);
		assert_non_null(info.group_name); /* psk_dhe_ke: a key exchange all the same */
		assert_null(info.scheme_name);    /* nobody signed */
	}
	/* one ticket in place of the one that was used, and it resumes too */
	next = leat_engine_take_session(d.side[LEAT_CLIENT].e);
	assert_non_null(next);
	assert_null(leat_engine_take_session(d.side[LEAT_CLIENT].e));
	duo_close(&d);
	assert_true(again(c, s, "localhost", next));
	/* certificates were looked at in the first handshake, not in the second */
	assert_int_equal(session_data(next)->auth_s, session_data(t[0])->auth_s);
	assert_true(again(c, s, "localhost", t[1]));
	leat_session_unref(next);
	leat_session_unref(t[0]);
	leat_session_unref(t[1]);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void number_of_tickets(void **state)
{
	static const struct {
		const char *setting;
		unsigned num; /* the client keeps the last four */
	} rows[] = { { "tickets=0", 0 }, { "tickets=1", 1 }, { "tickets=3", 3 },
		{ "tickets=16", 4 }, { "session_tickets=disabled", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_config *c = client_of(NULL), *s = server_of(rows[i].setting);
		struct leat_session *t[16];
		unsigned n = full(c, s, "localhost", t, 16);

		assert_int_equal(n, rows[i].num);
		/* no two alike: secrets, tickets, age_add */
		for (unsigned a = 0; a < n; a++)
			for (unsigned b = 0; b < a; b++) {
				const struct session_data *x = session_data(t[a]),
							  *y = session_data(t[b]);

				assert_memory_not_equal(x->secret.b, y->secret.b, 32);
				assert_int_not_equal(x->age_add, y->age_add);
				assert_memory_not_equal(x->ticket.p, y->ticket.p, x->ticket.n);
			}
		for (unsigned k = 0; k < n; k++) {
			assert_true(again(c, s, "localhost", t[k]));
			leat_session_unref(t[k]);
		}
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

static void serialised_in_between(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s), *back;
	struct leat_err err = { 0 };
	uint8_t buf[2048];
	size_t n;

	(void)state;
	assert_int_equal(leat_session_serialise(t, buf, sizeof(buf), &n), LEAT_OK);
	assert_int_equal(leat_session_parse(&back, (struct leat_span){ buf, n }, &err), LEAT_OK);
	leat_session_unref(t);
	assert_true(again(c, s, "localhost", back));
	leat_session_unref(back);
	leat_config_unref(c);
	leat_config_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resumes),
		cmocka_unit_test(number_of_tickets),
		cmocka_unit_test(serialised_in_between),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

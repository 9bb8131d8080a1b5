/* SPDX-License-Identifier: Apache-2.0
 *
 * t_resume12_msgs.c - abbreviated handshakes of TLS 1.2 with one message changed, dropped or added, and
 * the alert it must be refused with: extended master secret in all its combinations (RFC 7627 5.3), a
 * session nobody offered, another suite, tickets that were promised or not (RFC 5077 3.3).
 *
 * REQ: F-ems
 */
#include "tamper.h"

#include "hs/hs_int.h"
#include "pki.h"
#include "session/store.h"
#include "session/ticket.h"
#include "wire/session_ticket.h"
#include "wire/v12.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))
#define EACH_WAY(w) \
	for (const char *const *w = (const char *const[]){ "stateless", "stateful", NULL }; *w; w++)

static struct leat_config *client, *server;
static struct leat_session *session;

static void begin(const char *way, const char *versions)
{
	pair_configs12(&client, &server, way, versions);
	session = pair_session12(client, server);
}

static void end(void)
{
	leat_config_unref(client);
	leat_config_unref(server);
	leat_session_unref(session);
	session = NULL;
	vec_free_all();
}

static void open_pair(struct pair *p)
{
	p->offer = session;
	pair_init(p, leat_config_ref(client), leat_config_ref(server), NULL);
}

/* One connection with the change: both come up; true: resumed. */
static bool connects(struct tamper *t)
{
	struct pair p = { .on_unit = t ? tamper_unit : NULL, .arg = t };
	struct hs_facts f[2];
	bool resumed;

	open_pair(&p);
	pair_must_connect(&p);
	hs_facts(p.side[0].hs, &f[0]);
	hs_facts(p.side[1].hs, &f[1]);
	assert_int_equal(f[0].resumed, f[1].resumed);
	resumed = f[0].resumed;
	assert_true(!t || t->hit);
	pair_clear(&p);
	return resumed;
}

/* The receiver of the changed message refuses with the alert. */
static void refused(struct tamper *t)
{
	struct pair p = { .on_unit = tamper_unit, .arg = t };

	print_message("  %s\n", t->name);
	open_pair(&p);
	pair_must_refuse(&p, !t->from, t->alert);
	assert_true(t->hit);
	pair_clear(&p);
}

/* The session as it would be without extended master secret, on both sides: the client's object forged,
 * the server's ticket sealed or entry written anew. */
static void forge_legacy(const char *way, bool client_too)
{
	struct session_data own = *session_data(session), d;
	struct ticket_plain plain = { 0 };
	uint8_t b[TICKET_MAX];
	struct leat_err err = { 0 };
	struct leat_env env;
	struct pair p = { 0 };
	struct leat_wr w;
	bool renew;

	open_pair(&p); /* for its clock and dice */
	env = p.env;
	if (strcmp(way, "stateful") == 0) {
		assert_int_equal(
			store_find(server->sessions_store, own.id, false, PKI_NOW, &plain, &d),
			LEAT_OK);
		d.ems = false;
		assert_int_equal(store_put(server->sessions_store, own.id, &d), LEAT_OK);
	} else {
		assert_true(ticket_open(
			server->ticket_keys, server->crypto, &env, own.ticket, &plain, &d, &renew));
		d.ems = false;
		leat_wr_fixed(&w, b, sizeof(b));
		assert_int_equal(
			ticket_seal(server->ticket_keys, server->crypto, &env, &d, &w, &err),
			LEAT_OK);
		own.ticket = leat_wr_done(&w);
	}
	own.ems = !client_too;
	leat_session_unref(session);
	assert_int_equal(session_new(&session, &own, &err), LEAT_OK);
	pair_clear(&p);
}

/* ---- extended master secret ---- */

static void ch_no_ems(struct client_hello *m)
{
	m->has &= ~EXT_BIT(EXT_EMS);
}
static void sh_no_ems(struct server_hello *m)
{
	assert_true(m->has & EXT_BIT(EXT_EMS)); /* RFC 7627 5.3: the server MUST include it */
	m->has &= ~EXT_BIT(EXT_EMS);
}

static void server_and_extended_master_secret(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct tamper t = { "session with, hello without", LEAT_CLIENT, MSG_CLIENT_HELLO,
			A(HANDSHAKE_FAILURE), .ch = ch_no_ems };
		struct tamper u = { "neither", LEAT_CLIENT, MSG_CLIENT_HELLO, A(HANDSHAKE_FAILURE),
			.ch = ch_no_ems };

		begin(*way, "tlsv1.2");
		assert_true(connects(NULL)); /* both with */
		refused(&t);
		assert_true(connects(NULL));
		forge_legacy(*way, false);
		assert_false(connects(NULL)); /* session without, hello with: full */
		forge_legacy(*way, false);
		refused(&u);
		end();
	}
}

/* A server's answer is held against the session: the client's half of RFC 7627 5.3. */
static void client_and_extended_master_secret(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct tamper t = { "session with, answer without", LEAT_SERVER, MSG_SERVER_HELLO,
			A(HANDSHAKE_FAILURE), .sh = sh_no_ems };
		struct leat_session *with;
		struct session_data d;
		struct leat_err err = { 0 };

		begin(*way, "tlsv1.2");
		refused(&t);
		/* one without is not offered at all */
		with = session; /* d borrows from it */
		d = *session_data(with);
		d.ems = false;
		assert_int_equal(session_new(&session, &d, &err), LEAT_OK);
		leat_session_unref(with);
		assert_false(connects(NULL));
		end();
	}
}

/* A full handshake without extended master secret leaves nothing that could be resumed. */
static bool strip_ems(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct tamper t = { "", LEAT_CLIENT, MSG_CLIENT_HELLO, 0, .ch = ch_no_ems };

	(void)arg;
	if (from != LEAT_CLIENT || u->type != REC_HANDSHAKE || u->p[0] != MSG_CLIENT_HELLO)
		return true;
	return tamper_unit(p, from, u, &t);
}

static void legacy_sessions_are_not_made(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct pair p = { .on_unit = strip_ems };
		struct server_hello sh;
		struct pair_unit *u;
		enum leat_ret r;
		uint8_t alert;

		begin(*way, "tlsv1.2");
		leat_session_unref(session);
		session = NULL;
		open_pair(&p);
		assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
		assert_int_equal(r, LEAT_OK);
		u = pair_peek(&p, LEAT_SERVER);
		assert_true(
			dec_server_hello((struct leat_span){ u->p + 4, u->n - 4 }, &sh, &alert));
		assert_int_equal(sh.session_id.n, 0);
		assert_false(sh.has & (EXT_BIT(EXT_TICKET) | EXT_BIT(EXT_EMS)));
		pair_clear(&p);
		end();
	}
}

/* ---- ServerHello ---- */

static void sh_other_suite(struct server_hello *m)
{
	m->suite = m->suite == 0xc02b ? 0xc02c : 0xc02b;
}
static void sh_unknown_suite(struct server_hello *m)
{
	m->suite = 0x1301;
}
static void sh_no_reneg(struct server_hello *m)
{
	m->has &= ~EXT_BIT(EXT_RENEG);
}
static void sh_reneg_data(struct server_hello *m)
{
	m->reneg = vec_copy("x", 1);
}
static void sh_other_alpn(struct server_hello *m)
{
	m->has |= EXT_BIT(EXT_ALPN);
	m->alpn = vec_copy("h2", 2);
}
static void sh_other_id(struct server_hello *m)
{
	uint8_t id[32] = { 1 };

	m->session_id = vec_copy(id, 32);
}
static void sh_no_id(struct server_hello *m)
{
	m->session_id.n = 0;
}

static void answers(void **state)
{
	const struct tamper rows[] = {
		{ "another suite than the session's", LEAT_SERVER, MSG_SERVER_HELLO,
			A(ILLEGAL_PARAMETER), .sh = sh_other_suite },
		{ "a suite of another version", LEAT_SERVER, MSG_SERVER_HELLO, A(ILLEGAL_PARAMETER),
			.sh = sh_unknown_suite },
		{ "no renegotiation_info", LEAT_SERVER, MSG_SERVER_HELLO, A(HANDSHAKE_FAILURE),
			.sh = sh_no_reneg },
		{ "renegotiation_info with data", LEAT_SERVER, MSG_SERVER_HELLO,
			A(HANDSHAKE_FAILURE), .sh = sh_reneg_data },
		{ "alpn that was not asked for", LEAT_SERVER, MSG_SERVER_HELLO,
			A(UNSUPPORTED_EXTENSION), .sh = sh_other_alpn },
		/* a full handshake was announced: what comes then is out of order */
		{ "another session id", LEAT_SERVER, MSG_SERVER_HELLO, A(UNEXPECTED_MESSAGE),
			.sh = sh_other_id },
		{ "no session id", LEAT_SERVER, MSG_SERVER_HELLO, A(UNEXPECTED_MESSAGE),
			.sh = sh_no_id },
	};

	(void)state;
	EACH_WAY(way)
	for (int v = 0; v < 2; v++) {
		begin(*way, v ? "tlsv1.3,tlsv1.2" : "tlsv1.2");
		for (size_t i = 0; i < NUM(rows); i++) {
			struct tamper t = rows[i];

			refused(&t);
		}
		end();
	}
}

/* The compatibility id of TLS 1.3 comes back: that is no session. Nor is an empty id a resumption. */
static struct leat_span random_id;

static void ch_see_id(struct client_hello *m)
{
	random_id = vec_copy(m->session_id.p, m->session_id.n);
}
static void sh_echo_id(struct server_hello *m)
{
	m->session_id = random_id;
}

static bool echo_id(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct tamper see = { "", LEAT_CLIENT, MSG_CLIENT_HELLO, 0, .ch = ch_see_id };

	(void)tamper_unit(p, from, u, &see);
	return tamper_unit(p, from, u, arg);
}

static void resumed_id_was_not_offered(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct tamper t = { "echo", LEAT_SERVER, MSG_SERVER_HELLO, A(ILLEGAL_PARAMETER),
			.sh = sh_echo_id };
		struct pair p = { .on_unit = echo_id, .arg = &t };

		begin(*way, "tlsv1.3,tlsv1.2");
		leat_session_unref(session);
		session = NULL;
		open_pair(&p);
		pair_must_refuse(&p, LEAT_CLIENT, A(ILLEGAL_PARAMETER));
		assert_true(t.hit && random_id.n == 32);
		pair_clear(&p);
		end();
	}
}

/* ---- NewSessionTicket ---- */

static void sh_promise(struct server_hello *m)
{
	m->has |= EXT_BIT(EXT_TICKET);
}
/* A ServerHello that promises one, in a resumption: the change_cipher_spec comes too early. */
static void promised_and_not_sent(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct tamper t = { "promised and not sent", LEAT_SERVER, MSG_SERVER_HELLO,
			A(UNEXPECTED_MESSAGE), .sh = sh_promise };

		begin(*way, "tlsv1.2");
		refused(&t);
		end();
	}
}

static bool drop_ticket(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	bool is_it = u->type == REC_HANDSHAKE && u->p[0] == MSG_SESSION_TICKET;

	(void)p;
	(void)from;
	*(bool *)arg |= is_it;
	return !is_it;
}

static void promised_and_lost(void **state)
{
	bool hit = false;
	struct pair p = { .on_unit = drop_ticket, .arg = &hit };

	(void)state;
	begin("stateless", "tlsv1.2");
	pair_init(&p, leat_config_ref(client), leat_config_ref(server), NULL);
	pair_must_refuse(&p, LEAT_CLIENT, A(UNEXPECTED_MESSAGE));
	assert_true(hit);
	pair_clear(&p);
	end();
}

/* A ticket where there was no promise: before the change_cipher_spec of either handshake. */
static void not_promised(void **state)
{
	(void)state;
	EACH_WAY(way)
	for (int resumed = 0; resumed < 2; resumed++) {
		struct session_ticket t = { .lifetime_s = 1, .ticket = vec_copy("x", 1) };
		struct pair p = { 0 };
		struct leat_wr w = { 0 };
		enum leat_ret r;

		begin(*way, "tlsv1.2");
		p.offer = resumed ? session : NULL;
		pair_init(&p, leat_config_ref(client), leat_config_ref(server), NULL);
		while (strcmp(hs_state_name(p.side[LEAT_CLIENT].hs), "C12_WAIT_CCS") != 0)
			assert_true(pair_deliver(&p, LEAT_CLIENT, &r) ||
				    pair_deliver(&p, LEAT_SERVER, &r));
		enc_session_ticket12(&w, &t);
		/* a full handshake with tickets is the one place where it is right */
		assert_int_equal(pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, leat_wr_done(&w)),
			!resumed && strcmp(*way, "stateless") == 0 ? LEAT_OK : LEAT_FAILED);
		if (p.side[LEAT_CLIENT].err.cls)
			assert_int_equal(p.side[LEAT_CLIENT].err.alert, A(UNEXPECTED_MESSAGE));
		leat_wr_clear(&w);
		pair_clear(&p);
		end();
	}
}

static void twice(struct pair_unit *u)
{
	uint8_t *b = malloc(2 * u->n);

	memcpy(b, u->p, u->n);
	memcpy(b + u->n, u->p, u->n);
	pair_unit_set(u, b, 2 * u->n);
	free(b);
}
static void append_byte(struct pair_unit *u)
{
	tamper_append(u, "x", 1);
}
static void cut_byte(struct pair_unit *u)
{
	tamper_cut(u, 1);
}
static void no_body(struct pair_unit *u)
{
	tamper_body(u, NULL, 0);
}

static void ticket_messages(void **state)
{
	const struct tamper rows[] = {
		{ "twice", LEAT_SERVER, MSG_SESSION_TICKET, A(UNEXPECTED_MESSAGE), .raw = twice },
		{ "too long", LEAT_SERVER, MSG_SESSION_TICKET, A(DECODE_ERROR),
			.raw = append_byte },
		{ "too short", LEAT_SERVER, MSG_SESSION_TICKET, A(DECODE_ERROR), .raw = cut_byte },
		{ "empty", LEAT_SERVER, MSG_SESSION_TICKET, A(DECODE_ERROR), .raw = no_body },
	};

	(void)state;
	for (int resumed = 0; resumed < 2; resumed++) {
		begin("stateless", "tlsv1.2");
		for (size_t i = 0; i < NUM(rows); i++) {
			struct tamper t = rows[i];
			struct pair p = { .on_unit = tamper_unit, .arg = &t };

			print_message("  %s\n", t.name);
			/* resumed: the key is due, a new ticket comes */
			p.now_s = PKI_NOW + (resumed ? LEAT_TICKET_KEY_PERIOD_S : 0);
			p.offer = resumed ? session : NULL;
			pair_init(&p, leat_config_ref(client), leat_config_ref(server), NULL);
			pair_must_refuse(&p, LEAT_CLIENT, t.alert);
			assert_true(t.hit);
			pair_clear(&p);
		}
		end();
	}
}

/* What the server's message says of a ticket's life, and an empty one. Finished would tell the change, so
 * the client is asked before it: by what it has kept. */
static void lifetimes(void **state)
{
	static const struct {
		uint32_t hint, want;
	} rows[] = { { 0, 0 }, { 1, 1 }, { 7200, 7200 }, { 604800, 604800 }, { 604801, 604800 },
		{ UINT32_MAX, 604800 } };

	(void)state;
	begin("stateless", "tlsv1.2");
	for (size_t i = 0; i <= NUM(rows); i++) {
		struct session_ticket t = { 0 };
		struct pair p = { 0 };
		struct pair_unit *u;
		struct leat_wr w = { 0 };
		enum leat_ret r;

		pair_init(&p, leat_config_ref(client), leat_config_ref(server), NULL);
		for (;;) {
			enum leat_role from = pair_peek(&p, LEAT_CLIENT) ? LEAT_CLIENT
									 : LEAT_SERVER;

			u = pair_peek(&p, from);
			assert_non_null(u);
			if (u->type == REC_HANDSHAKE && u->p[0] == MSG_SESSION_TICKET)
				break;
			assert_true(pair_deliver(&p, from, &r));
			assert_int_equal(r, LEAT_OK);
		}
		if (i < NUM(rows)) {
			t.lifetime_s = rows[i].hint;
			t.ticket = vec_copy("ticket", 6);
		}
		enc_session_ticket12(&w, &t);
		pair_unit_set(u, w.p, w.n);
		leat_wr_clear(&w);
		assert_true(pair_deliver(&p, LEAT_SERVER, &r));
		assert_int_equal(r, LEAT_OK);
		/* RFC 5077 3.3: a zero-length ticket is none */
		assert_int_equal(p.side[LEAT_CLIENT].hs->v12.ticket.n, i < NUM(rows) ? 6 : 0);
		assert_int_equal(p.side[LEAT_CLIENT].hs->v12.ticket_life_s,
			i < NUM(rows) ? rows[i].want : 0);
		pair_clear(&p);
	}
	end();
}

/* ---- Finished ---- */

static void bend(struct pair_unit *u)
{
	u->p[u->n - 1] ^= 1;
}

static void finished(void **state)
{
	(void)state;
	EACH_WAY(way)
	for (int from = 0; from < 2; from++) {
		struct tamper t = { from ? "the server's" : "the client's", (enum leat_role)from,
			MSG_FINISHED, A(DECRYPT_ERROR), .raw = bend };
		struct tamper longer = t, shorter = t, two = t;

		longer.raw = append_byte;
		shorter.raw = cut_byte;
		longer.alert = shorter.alert = A(DECODE_ERROR);
		two.raw = twice;
		two.alert = A(UNEXPECTED_MESSAGE);
		begin(*way, "tlsv1.2");
		refused(&t);
		refused(&longer);
		refused(&shorter);
		refused(&two);
		end();
	}
}

/* A hello that was changed on its way, in what the server takes: the client's Finished cannot show it, the
 * server's comes first and does. */
static void ch_fewer_suites(struct client_hello *m)
{
	m->suites = vec_copy("\xc0\x2b\xc0\x2c", 4);
}
static void ch_no_groups(struct client_hello *m)
{
	m->has &= ~EXT_BIT(EXT_GROUPS);
}

static void changed_hello(void **state)
{
	const struct {
		const char *name;
		void (*ch)(struct client_hello *m);
	} rows[] = { { "suites", ch_fewer_suites }, { "groups", ch_no_groups } };

	(void)state;
	EACH_WAY(way)
	for (size_t i = 0; i < NUM(rows); i++) {
		struct tamper t = { rows[i].name, LEAT_CLIENT, MSG_CLIENT_HELLO, 0,
			.ch = rows[i].ch };
		struct pair p = { .on_unit = tamper_unit, .arg = &t };

		begin(*way, "tlsv1.2");
		open_pair(&p);
		pair_must_refuse(&p, LEAT_CLIENT, A(DECRYPT_ERROR));
		pair_clear(&p);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_and_extended_master_secret),
		cmocka_unit_test(client_and_extended_master_secret),
		cmocka_unit_test(legacy_sessions_are_not_made),
		cmocka_unit_test(answers),
		cmocka_unit_test(resumed_id_was_not_offered),
		cmocka_unit_test(promised_and_not_sent),
		cmocka_unit_test(promised_and_lost),
		cmocka_unit_test(not_promised),
		cmocka_unit_test(ticket_messages),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(finished),
		cmocka_unit_test(changed_hello),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

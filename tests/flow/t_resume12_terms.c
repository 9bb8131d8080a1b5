/* SPDX-License-Identifier: Apache-2.0
 *
 * t_resume12_terms.c - what a full handshake of TLS 1.2 settled, and what becomes of it in an abbreviated
 * one: nothing is said again about certificates (OCSP responses, SCTs), max_fragment_length lives as long
 * as the session (RFC 6066 4).
 */
#include "ocsp.h"
#include "tamper.h"

#include "hs/hs_int.h"
#include "session/session.h"
#include "session/store.h"

#define EACH_WAY(way) for (int way = 0; way < 2; way++)
#define CERT_BITS     (EXT_BIT(EXT_STATUS) | EXT_BIT(EXT_SCT))

static struct leat_config *client_of(const char *option, const char *value)
{
	struct leat_config *c = pair_client_config();

	pair_set(c, "versions", "tlsv1.2");
	pair_set(c, "session_tickets", "manual");
	pair_set(c, option, value);
	return c;
}

/* Sealed tickets, or a store. */
static struct leat_config *server_of(int stateful)
{
	struct leat_config *s = pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };
	struct leat_store *store;

	pair_set(s, "session_tickets", "stateless");
	if (stateful) {
		assert_int_equal(leat_store_mem_new(&store, 100, NULL, &err), LEAT_OK);
		assert_int_equal(leat_config_set_session_store(s, store, &err), LEAT_OK);
		leat_store_unref(store);
	}
	return s;
}

/* Both hellos as they were sent. */
struct hellos {
	struct client_hello ch;
	struct server_hello sh;
	uint8_t say;  /* put in place of the server's max_fragment_length; 9: taken out */
	uint8_t kept; /* limit the client got, code */
};

static bool watch(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct hellos *h = arg;
	struct leat_wr w = { 0 };
	uint8_t alert;

	(void)p;
	if (u->type != REC_HANDSHAKE || u->p[0] > MSG_SERVER_HELLO)
		return true;
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);

	if (from == LEAT_CLIENT && u->p[0] == MSG_CLIENT_HELLO)
		assert_true(dec_client_hello(body, &h->ch, &alert));
	if (from == LEAT_CLIENT || u->p[0] != MSG_SERVER_HELLO)
		return true;
	assert_true(dec_server_hello(body, &h->sh, &alert));
	if (!h->say)
		return true;
	h->sh.has |= EXT_BIT(EXT_MAX_FRAGMENT);
	h->sh.max_fragment = h->say;
	if (h->say == 9)
		h->sh.has &= ~EXT_BIT(EXT_MAX_FRAGMENT);
	enc_server_hello(&w, &h->sh);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
	return true;
}

static bool connects(
	struct leat_config *c, struct leat_config *s, struct leat_session *offer, struct hellos *h)
{
	struct pair p = { .on_unit = watch, .arg = h, .offer = offer };
	struct hs_facts f;

	pair_init(&p, leat_config_ref(c), leat_config_ref(s), NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	h->kept = p.side[LEAT_CLIENT].hs->c.max_fragment;
	pair_clear(&p);
	return f.resumed;
}

static void done(struct leat_config *c, struct leat_config *s, struct leat_session *t)
{
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- what comes with a certificate ---- */

/* RFC 6066 8: a response comes behind a Certificate; an abbreviated handshake has none, so nothing is
 * promised, and a client that demands one was satisfied when the session began. */
static void no_certificate_no_response(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct ocsp_spec spec = ocsp_good(id->leaf, id->inter);
	struct leat_err err = { 0 };

	(void)state;
	EACH_WAY(way)
	{
		struct leat_config *c = client_of("ocsp_stapling", "required");
		struct leat_config *s = server_of(way);
		struct hellos h = { 0 };
		struct leat_session *t;

		pair_set(c, "sct", "true");
		assert_int_equal(leat_config_set_ocsp(s, 0, 0, ocsp_make(&spec), &err), LEAT_OK);
		assert_int_equal(leat_config_set_sct(s, 0, vec_hex("0008 0002aabb 0002ccdd"), &err),
			LEAT_OK);
		t = pair_session12(c, s);
		assert_true(connects(c, s, t, &h));
		assert_true((h.ch.has & CERT_BITS) == CERT_BITS);
		assert_false(h.sh.has & CERT_BITS);
		assert_false(connects(c, s, NULL, &h));
		assert_true((h.sh.has & CERT_BITS) == CERT_BITS);
		done(c, s, t);
	}
}

/* ---- max_fragment_length ---- */

static void length_lives_with_the_session(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct leat_config *c = client_of("max_fragment_length", "1024"),
				   *s = server_of(way);
		struct leat_session *t = pair_session12(c, s);
		struct hellos h = { 0 };

		assert_int_equal(session_data(t)->max_fragment, 2);
		assert_true(connects(c, s, t, &h));
		assert_true(h.sh.has & EXT_BIT(EXT_MAX_FRAGMENT));
		assert_int_equal(h.sh.max_fragment, 2);
		assert_int_equal(h.kept, 2);
		done(c, s, t);
	}
}

static void plain_client_has_none(void **state)
{
	struct leat_config *c = client_of("depth", "10"), *s = server_of(0);
	struct leat_session *t = pair_session12(c, s);
	struct hellos h = { 0 };

	(void)state;
	assert_int_equal(session_data(t)->max_fragment, 0);
	assert_true(connects(c, s, t, &h));
	assert_false(h.sh.has & EXT_BIT(EXT_MAX_FRAGMENT));
	assert_int_equal(h.kept, 0);
	done(c, s, t);
}

/* A client that wants another length, or none, does not offer the session. */
static void client_of_another_length(void **state)
{
	struct leat_config *c = client_of("max_fragment_length", "1024"), *s = server_of(0);
	struct leat_config *d = client_of("max_fragment_length", "512"),
			   *e = client_of("depth", "10");
	struct leat_session *t = pair_session12(c, s);
	struct hellos h = { 0 };

	(void)state;
	assert_false(connects(d, s, t, &h));
	assert_int_equal(h.ch.ticket.n, 0);
	assert_false(connects(e, s, t, &h));
	assert_int_equal(h.ch.ticket.n, 0);
	leat_config_unref(d);
	leat_config_unref(e);
	done(c, s, t);
}

/* A client that brings the session all the same: its object says another length than the server's. */
static struct leat_session *forged(const struct leat_session *t, uint8_t code)
{
	struct session_data d = *session_data(t);
	struct leat_err err = { 0 };
	struct leat_session *f;

	d.max_fragment = code;
	assert_int_equal(session_new(&f, &d, &err), LEAT_OK);
	session_data_clear(&d);
	return f;
}

static void server_of_another_length(void **state)
{
	(void)state;
	EACH_WAY(way)
	{
		struct leat_config *c = client_of("max_fragment_length", "1024"),
				   *s = server_of(way);
		struct leat_config *d = client_of("max_fragment_length", "512"),
				   *e = client_of("depth", "10");
		struct leat_session *t = pair_session12(c, s), *t512 = forged(t, 1),
				    *t0 = forged(t, 0);
		struct hellos h = { 0 };

		assert_false(connects(d, s, t512, &h));
		assert_false(connects(e, s, t0, &h));
		assert_true(connects(c, s, t, &h));
		leat_session_unref(t512);
		leat_session_unref(t0);
		leat_config_unref(d);
		leat_config_unref(e);
		done(c, s, t);
	}
}

/* A server that answers otherwise than the session says is refused. */
static void other_answers(void **state)
{
	(void)state;
	for (int mine = 0; mine < 2; mine++) {
		struct leat_config *c = client_of("max_fragment_length", "1024"), *s = server_of(0);
		struct leat_session *t = pair_session12(c, s), *t0 = forged(t, 0);

		for (uint8_t say = 1; say <= 4; say++) {
			struct hellos h = { .say = say };
			struct pair p = { .on_unit = watch, .arg = &h, .offer = mine ? t : t0 };

			if (mine && say == 2)
				continue;
			pair_init(&p, leat_config_ref(c), leat_config_ref(s), NULL);
			pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_ILLEGAL_PARAMETER);
			pair_clear(&p);
		}
		leat_session_unref(t0);
		done(c, s, t);
	}
}

/* A server that says nothing: the session's length is in force (its transcript differs, so the Finished
 * is as far as it gets). */
static void silent_answer(void **state)
{
	struct leat_config *c = client_of("max_fragment_length", "1024"), *s = server_of(0);
	struct leat_session *t = pair_session12(c, s);
	struct hellos h = { .say = 9 };
	struct pair p = { .on_unit = watch, .arg = &h, .offer = t };

	(void)state;
	pair_init(&p, leat_config_ref(c), leat_config_ref(s), NULL);
	pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_DECRYPT_ERROR);
	assert_int_equal(p.side[LEAT_CLIENT].hs->c.max_fragment, 2);
	pair_clear(&p);
	done(c, s, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_certificate_no_response),
		cmocka_unit_test(length_lives_with_the_session),
		cmocka_unit_test(plain_client_has_none),
		cmocka_unit_test(client_of_another_length),
		cmocka_unit_test(server_of_another_length),
		cmocka_unit_test(other_answers),
		cmocka_unit_test(silent_answer),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	pki_done();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_resume.c - TLS 1.3 resumption between two engines: tickets out and in, what they are bound to, both
 * key exchange modes, the session store, HelloRetryRequest, what an attacker may do to a binder.
 *
 * REQ: GEN-session F-ticket-sl F-ticket-sf F-ticket-rot F-ticket-share F-multi-ticket F-psk-modes
 * REQ: SESS-sem-newcert GEN-session-24h
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

/* ---- what a session is bound to ---- */

static void another_name(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s);

	(void)state;
	assert_false(again(c, s, "a.wild.test", t)); /* the client does not offer it */
	assert_false(again(c, s, "127.0.0.1", t));
	assert_true(again(c, s, "localhost", t));
	leat_session_unref(t);
	/* made with an address: no SNI, still a name to the client */
	assert_int_equal(full(c, s, "127.0.0.1", &t, 1), 1);
	assert_true(again(c, s, "127.0.0.1", t));
	assert_false(again(c, s, "::1", t));
	assert_false(again(c, s, "localhost", t));
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* A session whose stored name was changed by whoever keeps it: the server has its own copy. */
static void name_changed_by_client(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s), *forged;
	struct session_data d = *session_data(t);
	struct leat_err err = { 0 };

	(void)state;
	d.host = (struct leat_span){ (const uint8_t *)"a.wild.test", 11 };
	assert_int_equal(session_new(&forged, &d, &err), LEAT_OK);
	assert_false(again(c, s, "a.wild.test", forged));
	leat_session_unref(forged);
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void other_settings_of_the_client(void **state)
{
	static const char *const changed[] = { "depth=9", "insecure_skip_name=true",
		"verify=verify_none" };
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s);

	(void)state;
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		struct leat_config *other = client_of(changed[i]);
		struct leat_session *weak;

		assert_false(again(other, s, "localhost", t));
		/* and the other way round: what was not checked is not made good by resuming */
		weak = one(other, s);
		assert_false(again(c, s, "localhost", weak));
		assert_true(again(other, s, "localhost", weak));
		leat_session_unref(weak);
		leat_config_unref(other);
	}
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

static struct leat_ticket_keys *new_keys(void)
{
	struct leat_ticket_keys *k;
	struct leat_err err = { 0 };

	assert_int_equal(leat_ticket_keys_new(&k, 3600, 86400 / 8, &err), LEAT_OK);
	return k;
}

static struct leat_config *server_with_keys(struct leat_ticket_keys *k, enum key_kind kind)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, kind);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_ticket_keys(s, k, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	return s;
}

/* Ticket keys are shared by configs; certificates decide all the same. */
static void shared_keys(void **state)
{
	struct leat_ticket_keys *k = new_keys();
	struct leat_config *c = client_of(NULL), *a = server_with_keys(k, KEY_EC_P256),
			   *b = server_with_keys(k, KEY_EC_P256),
			   *rsa = server_with_keys(k, KEY_RSA), *alone = server_of(NULL);
	struct leat_session *t = one(c, a);

	(void)state;
	assert_true(again(c, b, "localhost", t));
	assert_false(again(c, rsa, "localhost", t)); /* SESS-sem-newcert */
	assert_false(again(c, alone, "localhost", t));
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(a);
	leat_config_unref(b);
	leat_config_unref(rsa);
	leat_config_unref(alone);
	leat_ticket_keys_unref(k);
}

static void keys_rotated(void **state)
{
	struct leat_ticket_keys *k = new_keys();
	struct leat_config *c = client_of(NULL), *s = server_with_keys(k, KEY_EC_P256);
	struct leat_session *old = one(c, s), *fresh;

	(void)state;
	duo_later_s = 3600;
	fresh = one(c, s); /* rotates */
	assert_memory_not_equal(session_data(old)->ticket.p, session_data(fresh)->ticket.p, 16);
	assert_true(again(c, s, "localhost", old));
	duo_later_s = 3600 + 86400 / 8; /* the old key is gone, the session would still be good */
	assert_false(again(c, s, "localhost", old));
	assert_true(again(c, s, "localhost", fresh));
	duo_later_s = 0;
	leat_session_unref(old);
	leat_session_unref(fresh);
	leat_config_unref(c);
	leat_config_unref(s);
	leat_ticket_keys_unref(k);
}

static void expires(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of("session_lifetime=100");
	struct leat_session *t = one(c, s), *kept;
	struct session_data d = *session_data(t);
	struct leat_err err = { 0 };

	(void)state;
	{
		struct leat_config *usual = server_of(NULL);
		struct leat_session *day = one(c, usual);

		assert_int_equal(session_data(day)->lifetime_s, 86400); /* GEN-session-24h */
		leat_session_unref(day);
		leat_config_unref(usual);
	}
	assert_int_equal(d.lifetime_s, 100);
	duo_later_s = 99;
	assert_true(again(c, s, "localhost", t));
	duo_later_s = 100;
	assert_false(again(c, s, "localhost", t)); /* not even offered */
	d.lifetime_s = 86400; /* a client that keeps it longer than it was told to */
	assert_int_equal(session_new(&kept, &d, &err), LEAT_OK);
	assert_false(again(c, s, "localhost", kept));
	duo_later_s = 99;
	assert_true(again(c, s, "localhost", kept));
	duo_later_s = 0;
	leat_session_unref(kept);
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* However often it is renewed, after a week certificates are looked at again. */
static void renewed_for_a_week(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of("session_lifetime=604800");
	struct leat_session *t = one(c, s);
	int days;

	(void)state;
	for (days = 1; days < 20; days++) {
		struct leat_engine_opts o = { .host = "localhost", .session = t };
		struct duo d;

		duo_later_s = days * 86400;
		duo_open_with(&d, c, s, &o);
		assert_true(duo_run(&d));
		leat_session_unref(t);
		t = leat_engine_take_session(d.side[LEAT_CLIENT].e);
		if (!info_of(&d, LEAT_CLIENT).resumed) {
			duo_close(&d);
			break;
		}
		duo_close(&d);
		if (!t)
			break;
		assert_true(session_expires(session_data(t)) <= PKI_NOW + 604800);
	}
	assert_int_equal(days, 7);
	duo_later_s = 0;
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void tampered_ticket(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s);
	struct session_data d = *session_data(t);
	struct leat_err err = { 0 };
	uint8_t b[2048];

	(void)state;
	assert_true(d.ticket.n < sizeof(b));
	for (size_t i = 0; i < d.ticket.n; i += 7) {
		struct leat_session *bent;

		memcpy(b, session_data(t)->ticket.p, d.ticket.n);
		b[i] ^= 1;
		d.ticket.p = b;
		assert_int_equal(session_new(&bent, &d, &err), LEAT_OK);
		assert_false(again(c, s, "localhost", bent)); /* a full handshake, no error */
		leat_session_unref(bent);
	}
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* Right ticket, wrong secret: that is an attack or a bug, not a miss. */
static void wrong_binder(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s), *bent;
	struct session_data d = *session_data(t);
	struct leat_err err = { 0 };
	struct leat_engine_opts o = { .host = "localhost" };
	struct duo duo;

	(void)state;
	d.secret.b[0] ^= 1;
	assert_int_equal(session_new(&bent, &d, &err), LEAT_OK);
	o.session = bent;
	duo_open_with(&duo, c, s, &o);
	assert_false(duo_run(&duo));
	assert_int_equal(leat_engine_error(duo.side[LEAT_SERVER].e)->cls, LEAT_E_OUR_ALERT);
	assert_int_equal(
		leat_engine_error(duo.side[LEAT_SERVER].e)->alert, LEAT_ALERT_DECRYPT_ERROR);
	assert_int_equal(leat_engine_error(duo.side[LEAT_CLIENT].e)->cls, LEAT_E_PEER_ALERT);
	duo_close(&duo);
	leat_session_unref(bent);
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- the hello on the wire: binders and identities bent ---- */

enum bend {
	BEND_BINDER,
	BEND_RANDOM, /* what the binder covers */
	BEND_SHORT_BINDER,
	BEND_LONG_BINDER,
	BEND_NO_BINDERS,
	BEND_ONE_BINDER_LESS,
	BEND_ONE_BINDER_MORE,
	BEND_NO_MODES,
	BEND_UNKNOWN_MODE,
	BEND_TWO_IDS, /* an unknown one before ours */
	BEND_COUNT
};

static size_t list_of(struct leat_span b, uint8_t *out, size_t times, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < times; i++) {
		out[n++] = (uint8_t)len;
		memset(out + n, 0x5a, len);
		memcpy(out + n, b.p + 1, len < b.n - 1 ? len : b.n - 1);
		n += len;
	}
	return n;
}

/* The client's first flight with its hello bent; a record of one hello. */
static void bend_hello(struct leat_wr *wire, enum bend how)
{
	static const uint8_t mode[] = { 7 };
	uint8_t binders[256], ids[2048], alert;
	struct leat_wr w = { 0 };
	struct client_hello ch;
	uint8_t random[32];

	assert_true(dec_client_hello((struct leat_span){ wire->p + 9, wire->n - 9 }, &ch, &alert));
	memcpy(random, ch.random.p, 32);
	switch (how) {
	case BEND_BINDER:
		memcpy(binders, ch.psk_binders.p, ch.psk_binders.n);
		binders[5] ^= 0x80;
		ch.psk_binders.p = binders;
		break;
	case BEND_RANDOM:
		random[3] ^= 1;
		ch.random.p = random;
		break;
	case BEND_SHORT_BINDER:
		ch.psk_binders = (struct leat_span){ binders,
			list_of(ch.psk_binders, binders, 1, 32) };
		break;
	case BEND_LONG_BINDER:
		ch.psk_binders = (struct leat_span){ binders,
			list_of(ch.psk_binders, binders, 1, 64) };
		break;
	case BEND_NO_BINDERS: ch.psk_binders.n = 0; break;
	case BEND_ONE_BINDER_LESS:
	case BEND_TWO_IDS:
		ids[0] = 0;
		ids[1] = 1;
		ids[2] = 'x';
		memset(ids + 3, 0, 4);
		memcpy(ids + 7, ch.psk_ids.p, ch.psk_ids.n);
		ch.psk_ids = (struct leat_span){ ids, ch.psk_ids.n + 7 };
		if (how == BEND_TWO_IDS)
			ch.psk_binders = (struct leat_span){ binders,
				list_of(ch.psk_binders, binders, 2, ch.psk_binders.n - 1) };
		break;
	case BEND_ONE_BINDER_MORE:
		ch.psk_binders = (struct leat_span){ binders,
			list_of(ch.psk_binders, binders, 2, ch.psk_binders.n - 1) };
		break;
	case BEND_NO_MODES: ch.has &= ~EXT_BIT(EXT_PSK_MODES); break;
	case BEND_UNKNOWN_MODE: ch.psk_modes = (struct leat_span){ mode, 1 }; break;
	default: break;
	}
	leat_wr_bytes(&w, wire->p, 3);
	leat_wr_u16(&w, 0);
	enc_client_hello(&w, &ch, NULL, 0);
	assert_true(leat_wr_ok(&w));
	w.p[3] = (uint8_t)((w.n - 5) >> 8);
	w.p[4] = (uint8_t)(w.n - 5);
	leat_wr_clear(wire);
	*wire = w;
}

static void bent_hellos(void **state)
{
	static const uint8_t want[BEND_COUNT] = {
		[BEND_BINDER] = LEAT_ALERT_DECRYPT_ERROR,
		[BEND_RANDOM] = LEAT_ALERT_DECRYPT_ERROR,
		[BEND_SHORT_BINDER] = LEAT_ALERT_DECRYPT_ERROR,
		[BEND_LONG_BINDER] = LEAT_ALERT_DECRYPT_ERROR,
		[BEND_NO_BINDERS] = LEAT_ALERT_DECODE_ERROR,
		[BEND_ONE_BINDER_LESS] = LEAT_ALERT_ILLEGAL_PARAMETER,
		[BEND_ONE_BINDER_MORE] = LEAT_ALERT_ILLEGAL_PARAMETER,
		[BEND_NO_MODES] = LEAT_ALERT_MISSING_EXTENSION,
		[BEND_UNKNOWN_MODE] = 0, /* a full handshake, which then fails: other transcripts */
		[BEND_TWO_IDS] = LEAT_ALERT_DECRYPT_ERROR,
	};
	struct leat_config *c = client_of("ciphers=TLS_AES_256_GCM_SHA384"), *s = server_of(NULL);
	struct leat_session *t = one(c, s);
	const struct leat_engine_opts o = { .host = "localhost", .session = t };

	(void)state;
	for (int how = 0; how < BEND_COUNT; how++) {
		const struct leat_err *err;
		struct duo d;

		duo_open_with(&d, c, s, &o);
		duo_pull(&d.side[LEAT_CLIENT]);
		bend_hello(&d.side[LEAT_CLIENT].wire, (enum bend)how);
		(void)!duo_pass(&d, LEAT_CLIENT);
		err = leat_engine_error(d.side[LEAT_SERVER].e);
		if (want[how]) {
			assert_int_equal(err->cls, LEAT_E_OUR_ALERT);
			assert_int_equal(err->alert, want[how]);
		} else {
			assert_int_equal(err->cls, LEAT_E_NONE);
			assert_false(info_of(&d, LEAT_SERVER).resumed);
		}
		assert_false(duo_run(&d));
		duo_close(&d);
	}
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- suites, versions, modes, retries ---- */

static void suites_and_hashes(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_config *c384 = client_of("ciphers=TLS_AES_256_GCM_SHA384");
	struct leat_config *c256 = client_of("ciphers=TLS_AES_128_GCM_SHA256");
	struct leat_config *chacha = client_of("ciphers=TLS_CHACHA20_POLY1305_SHA256");
	struct leat_session *t384 = one(c384, s), *t256 = one(c256, s);

	(void)state;
	/* same hash, another cipher: fine (RFC 8446 4.6.1) */
	assert_true(again(chacha, s, "localhost", t256));
	/* another hash: not offered */
	assert_false(again(c256, s, "localhost", t384));
	assert_false(again(c384, s, "localhost", t256));
	/* all suites on offer: the server takes one that fits the PSK, whatever it likes best */
	assert_true(again(c, s, "localhost", t384));
	assert_true(again(c, s, "localhost", t256));
	leat_session_unref(t384);
	leat_session_unref(t256);
	leat_config_unref(c);
	leat_config_unref(c384);
	leat_config_unref(c256);
	leat_config_unref(chacha);
	leat_config_unref(s);
}

static void version_in_between(void **state)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_EC_P256, "session_tickets=manual", NULL);
	struct leat_config *s = server_of(NULL);
	struct leat_config *s12 = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	struct leat_session *t = one(c, s);

	(void)state;
	assert_false(again(c, s12, "localhost", t));
	assert_true(again(c, s, "localhost", t));
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
	leat_config_unref(s12);
}

static const char *group_of_resumed(
	struct leat_config *c, struct leat_config *s, struct leat_session *t, bool *resumed)
{
	const struct leat_engine_opts o = { .host = "localhost", .session = t };
	struct leat_engine_info info;
	struct duo d;

	duo_open_with(&d, c, s, &o);
	assert_true(duo_run(&d));
	info = info_of(&d, LEAT_CLIENT);
	assert_ptr_equal(info.group_name, info_of(&d, LEAT_SERVER).group_name);
	*resumed = info.resumed;
	duo_close(&d);
	return info.group_name;
}

static void modes(void **state)
{
	static const char *const word[] = { "psk_modes=psk_dhe_ke", "psk_modes=psk_ke",
		"psk_modes=psk_ke,psk_dhe_ke" };

	(void)state;
	for (int ci = 0; ci < 3; ci++)
		for (int si = 0; si < 3; si++) {
			struct leat_config *c = client_of(word[ci]), *s = server_of(word[si]);
			bool dhe = ci != 1 && si != 1, ke = ci != 0 && si != 0, resumed;
			struct leat_session *t[1];
			unsigned n = full(c, s, "localhost", t, 1);
			const char *group;

			/* no ticket that could not be used */
			assert_int_equal(n, dhe || ke);
			if (n) {
				group = group_of_resumed(c, s, t[0], &resumed);
				assert_true(resumed);
				assert_int_equal(group != NULL, dhe);
				leat_session_unref(t[0]);
			}
			leat_config_unref(c);
			leat_config_unref(s);
		}
}

static void after_a_retry(void **state)
{
	struct leat_config *p384 = server_of("groups=secp384r1"), *one_share;
	struct leat_engine_opts o = { .host = "localhost" };
	struct leat_session *t;
	struct duo d;

	(void)state;
	one_share = ids_config(LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.3",
		"session_tickets=manual", "groups=x25519,secp384r1", "key_shares=1", NULL);
	t = one(one_share, p384);
	o.session = t;
	duo_open_with(&d, one_share, p384, &o);
	assert_true(duo_run(&d));
	assert_true(info_of(&d, LEAT_CLIENT).retried);
	assert_true(info_of(&d, LEAT_CLIENT).resumed);
	assert_true(info_of(&d, LEAT_SERVER).resumed);
	assert_string_equal(info_of(&d, LEAT_SERVER).group_name, "secp384r1");
	duo_close(&d);
	leat_session_unref(t);
	leat_config_unref(p384);
	leat_config_unref(one_share);
}

/* ---- sessions in a store ---- */

static struct leat_config *server_with_store(struct leat_store *store)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_session_store(s, store, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	return s;
}

static void from_a_store(void **state)
{
	struct leat_config *c = client_of(NULL), *s, *other;
	struct leat_session *t[2];
	struct leat_store *store;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_store_mem_new(&store, 100, NULL, &err), LEAT_OK);
	s = server_with_store(store);
	other = server_with_store(store); /* another config, same store */
	leat_store_unref(store);
	assert_int_equal(full(c, s, "localhost", t, 2), 2);
	assert_int_equal(session_data(t[0])->ticket.n, 32); /* a handle, nothing sealed */
	assert_true(again(c, other, "localhost", t[0]));
	/* good once */
	assert_false(again(c, s, "localhost", t[0]));
	assert_true(again(c, s, "localhost", t[1]));
	assert_false(again(c, s, "localhost", t[1]));
	leat_session_unref(t[0]);
	leat_session_unref(t[1]);
	leat_config_unref(c);
	leat_config_unref(s);
	leat_config_unref(other);
}

/* A ticket is not used up by a stranger who saw it but lacks the secret. */
static void thief_of_a_handle(void **state)
{
	struct leat_config *c = client_of(NULL), *s;
	struct leat_session *t, *stolen;
	struct leat_store *store;
	struct session_data d;
	struct leat_engine_opts o = { .host = "localhost" };
	struct leat_err err = { 0 };
	struct duo duo;

	(void)state;
	assert_int_equal(leat_store_mem_new(&store, 100, NULL, &err), LEAT_OK);
	s = server_with_store(store);
	leat_store_unref(store);
	t = one(c, s);
	d = *session_data(t);
	memset(d.secret.b, 0, d.secret.n);
	assert_int_equal(session_new(&stolen, &d, &err), LEAT_OK);
	o.session = stolen;
	duo_open_with(&duo, c, s, &o);
	assert_false(duo_run(&duo));
	duo_close(&duo);
	assert_true(again(c, s, "localhost", t));
	leat_session_unref(stolen);
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void store_is_full(void **state)
{
	struct leat_config *c = client_of(NULL), *s;
	struct leat_session *t[3];
	struct leat_store *store;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_store_mem_new(&store, 2, NULL, &err), LEAT_OK);
	s = server_with_store(store);
	leat_store_unref(store);
	for (int i = 0; i < 3; i++)
		t[i] = one(c, s); /* two tickets each: the last connection's are left */
	assert_false(again(c, s, "localhost", t[0]));
	assert_false(again(c, s, "localhost", t[1]));
	for (int i = 0; i < 3; i++)
		leat_session_unref(t[i]);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- bytes as they come ---- */

static void every_split(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(NULL);
	struct leat_session *t = one(c, s);
	const struct leat_engine_opts o = { .host = "localhost", .session = t };

	(void)state;
	for (size_t chunk = 1; chunk < 700; chunk += chunk < 40 ? 1 : 61) {
		struct leat_session *next;
		struct duo d;

		duo_open_with(&d, c, s, &o);
		d.chunk = chunk;
		assert_true(duo_run(&d));
		assert_true(info_of(&d, LEAT_SERVER).resumed);
		next = leat_engine_take_session(d.side[LEAT_CLIENT].e);
		assert_non_null(next);
		leat_session_unref(next);
		duo_close(&d);
	}
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resumes),
		cmocka_unit_test(number_of_tickets),
		cmocka_unit_test(serialised_in_between),
		cmocka_unit_test(another_name),
		cmocka_unit_test(name_changed_by_client),
		cmocka_unit_test(other_settings_of_the_client),
		cmocka_unit_test(shared_keys),
		cmocka_unit_test(keys_rotated),
		cmocka_unit_test(expires),
		cmocka_unit_test(renewed_for_a_week),
		cmocka_unit_test(tampered_ticket),
		cmocka_unit_test(wrong_binder),
		cmocka_unit_test(bent_hellos),
		cmocka_unit_test(suites_and_hashes),
		cmocka_unit_test(version_in_between),
		cmocka_unit_test(modes),
		cmocka_unit_test(after_a_retry),
		cmocka_unit_test(from_a_store),
		cmocka_unit_test(thief_of_a_handle),
		cmocka_unit_test(store_is_full),
		cmocka_unit_test(every_split),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

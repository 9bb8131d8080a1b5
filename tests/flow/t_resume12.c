/* SPDX-License-Identifier: Apache-2.0
 *
 * t_resume12.c - TLS 1.2 resumption between two engines: tickets (RFC 5077) and session ids, what they
 * are bound to, how long they live, what ends them. One changed message at a time: t_resume12_msgs.c;
 * cuts, orders, exhausted memory and wiping: t_split.c, t_order.c, t_oom.c, t_wipe.c.
 *
 * REQ: F-ticket12 GEN-session SESS-sem-newcert SESS-sem-fatal
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/session.h>

#include "session/session.h"
#include "session/store.h"
#include "session/ticket.h"

#define EACH_WAY(i) for (int i = 0; i < 2; i++)

static struct leat_config *client_of(const char *setting)
{
	return ids_config(LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.2", "session_tickets=manual",
		setting ? setting : "depth=10", NULL);
}

/* A store that counts, over the one in memory. */
static struct counted {
	struct leat_store *mem;
	unsigned puts, drops;
	bool full;
} counted;

static enum leat_ret put(void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	struct session_data d;

	(void)arg;
	(void)expires_s;
	counted.puts++;
	if (counted.full)
		return LEAT_FAILED;
	assert_int_equal(id.n, 32);
	assert_true(session_decode(bytes, &d));
	assert_int_equal(d.version, LEAT_TLS12);
	return store_put(counted.mem, id, &d);
}

static enum leat_ret find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	struct ticket_plain plain;
	struct session_data d;

	(void)arg;
	assert_false(take); /* in TLS 1.2 an id is not for one use */
	if (store_find(counted.mem, id, take, now_s, &plain, &d) != LEAT_OK)
		return LEAT_UNSUPPORTED;
	assert_true(plain.n <= cap);
	memcpy(buf, plain.b, plain.n);
	*n = plain.n;
	return LEAT_OK;
}

static void drop(void *arg, struct leat_span id)
{
	(void)arg;
	counted.drops++;
	store_drop(counted.mem, id);
}

static struct leat_store *new_store(void)
{
	static const struct leat_store_ops ops = { put, find, drop, NULL, NULL };
	struct leat_err err = { 0 };
	struct leat_store *s;

	if (!counted.mem)
		assert_int_equal(leat_store_mem_new(&counted.mem, 100, NULL, &err), LEAT_OK);
	assert_int_equal(leat_store_cb_new(&s, &ops, NULL, &err), LEAT_OK);
	return s;
}

struct setup {
	enum key_kind key;
	struct leat_ticket_keys *keys; /* stateless */
	struct leat_store *store;      /* stateful */
	const char *option, *value;    /* one more */
	bool jobs;                     /* lookups are jobs */
};

static struct leat_config *server_with(const struct setup *u)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, u->key ? u->key : KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set(s, "versions", "tlsv1.2", &err), LEAT_OK);
	if (u->keys)
		assert_int_equal(leat_config_set_ticket_keys(s, u->keys, &err), LEAT_OK);
	if (u->store)
		assert_int_equal(leat_config_set_session_store(s, u->store, &err), LEAT_OK);
	if (u->jobs)
		assert_int_equal(leat_config_set_lookup_jobs(s, true, &err), LEAT_OK);
	if (u->option)
		assert_int_equal(leat_config_set(s, u->option, u->value, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	return s;
}

static struct leat_config *server_of(int way, const char *option, const char *value)
{
	struct setup u = { .option = option, .value = value };
	struct leat_config *s;

	u.store = way ? new_store() : NULL;
	s = server_with(&u);
	leat_store_unref(u.store);
	return s;
}

static struct leat_engine_info info_of(const struct duo *d, enum leat_role role)
{
	struct leat_engine_info info;

	leat_engine_info(d->side[role].e, &info);
	return info;
}

static void talk(struct duo *d)
{
	duo_say(d, LEAT_CLIENT, "ping", 4);
	duo_say(d, LEAT_SERVER, "pong", 4);
	assert_int_equal(d->side[LEAT_SERVER].got.n, 4);
	assert_int_equal(d->side[LEAT_CLIENT].got.n, 4);
	assert_memory_equal(d->side[LEAT_SERVER].got.p, "ping", 4);
	assert_memory_equal(d->side[LEAT_CLIENT].got.p, "pong", 4);
}

/* One connection; *next gets the session that came of it. true: resumed. */
static bool connects(struct leat_config *c, struct leat_config *s, const char *host,
	struct leat_session *offer, struct leat_session **next)
{
	const struct leat_engine_opts opts = { .host = host, .session = offer };
	struct leat_engine_info ci, si;
	struct duo d;

	duo_open_with(&d, c, s, &opts);
	assert_true(duo_run(&d));
	ci = info_of(&d, LEAT_CLIENT);
	si = info_of(&d, LEAT_SERVER);
	assert_int_equal(ci.resumed, si.resumed);
	assert_int_equal(ci.suite, si.suite);
	assert_int_equal(ci.alpn.n, si.alpn.n);
	/* nobody signs or agrees on a key in an abbreviated handshake */
	if (ci.version == LEAT_TLS12) {
		assert_int_equal(ci.group_name == NULL, ci.resumed);
		assert_int_equal(ci.scheme_name == NULL, ci.resumed);
	}
	talk(&d);
	if (next) {
		*next = leat_engine_take_session(d.side[LEAT_CLIENT].e);
		if (ci.version == LEAT_TLS12)
			assert_null(leat_engine_take_session(d.side[LEAT_CLIENT].e));
	}
	duo_close(&d);
	return ci.resumed;
}

static struct leat_session *one(struct leat_config *c, struct leat_config *s)
{
	struct leat_session *t;

	assert_false(connects(c, s, "localhost", NULL, &t));
	assert_non_null(t);
	return t;
}

static bool again(struct leat_config *c, struct leat_config *s, struct leat_session *t)
{
	return connects(c, s, "localhost", t, NULL);
}

static void done(struct leat_config *c, struct leat_config *s, struct leat_session *t)
{
	leat_session_unref(t);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- it works ---- */

static void resumes(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s), *next;
		const struct session_data *d = session_data(t);

		assert_int_equal(d->version, LEAT_TLS12);
		assert_true(d->ems);
		assert_int_equal(d->secret.n, 48);
		/* one or the other, RFC 5077 3.4 */
		assert_int_equal(d->ticket.n > 0, i == 0);
		assert_int_equal(d->id.n, i == 0 ? 0 : 32);
		assert_int_equal(d->lifetime_s, 86400);
		/* as often as one likes; the same session comes back for the next time */
		for (int k = 0; k < 3; k++) {
			assert_true(connects(c, s, "localhost", t, &next));
			assert_ptr_equal(next, t);
			leat_session_unref(next);
		}
		done(c, s, t);
	}
}

static void every_suite(void **state)
{
	(void)state;
	EACH_WAY(i)
	for (size_t k = 0; suite_at(k); k++) {
		const struct suite *suite = suite_at(k);
		struct leat_config *c, *s;
		struct leat_session *t;
		char ciphers[96];
		struct setup u = { .key = suite->auth == AUTH_RSA ? KEY_RSA : KEY_EC_P256,
			.store = i ? new_store() : NULL,
			.option = "ciphers",
			.value = suite->name };

		if (suite->version == LEAT_TLS12 && suite->kx == KX_ECDHE) {
			snprintf(ciphers, sizeof(ciphers), "ciphers=%s", suite->name);
			c = client_of(ciphers);
			s = server_with(&u);
			t = one(c, s);
			assert_true(again(c, s, t));
			done(c, s, t);
		}
		leat_store_unref(u.store);
	}
}

static void serialised_in_between(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s), *back;
		struct leat_session_info info;
		struct leat_err err = { 0 };
		uint8_t buf[2048];
		size_t n;

		assert_int_equal(leat_session_serialise(t, buf, sizeof(buf), &n), LEAT_OK);
		assert_int_equal(
			leat_session_parse(&back, (struct leat_span){ buf, n }, &err), LEAT_OK);
		leat_session_info(back, &info);
		assert_int_equal(info.version, LEAT_TLS12);
		assert_true(again(c, s, back));
		leat_session_unref(back);
		done(c, s, t);
	}
}

/* Every lookup as a job: the ClientHello is handled again when the answer is there. */
static void lookups_as_jobs(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct setup u = { .store = i ? new_store() : NULL, .jobs = true };
		struct leat_config *c = client_of(NULL), *s = server_with(&u);
		struct leat_session *t = one(c, s);

		assert_true(again(c, s, t));
		assert_true(again(c, s, t));
		assert_false(connects(c, s, "a.wild.test", t, NULL));
		leat_store_unref(u.store);
		done(c, s, t);
	}
}

/* One hello offers both versions: the server chooses, and the session is taken up or not. */
static void both_versions_on_offer(void **state)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_EC_P256, "session_tickets=manual", NULL);
	struct leat_config *plain = ids_config(LEAT_CLIENT, KEY_EC_P256, "session_tickets=manual",
		"middlebox_comp_mode=false", NULL);
	struct leat_config *s13 = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);

	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *s12 = server_of(i, NULL, NULL);
		struct leat_session *t12 = one(c, s12), *t13 = one(c, s13);

		assert_int_equal(session_data(t12)->version, LEAT_TLS12);
		assert_int_equal(session_data(t13)->version, LEAT_TLS13);
		assert_true(again(c, s12, t12));
		assert_true(again(plain, s12, t12)); /* no compatibility id to be echoed */
		assert_true(again(c, s13, t13));
		/* and across: another version, a full handshake */
		assert_false(again(c, s12, t13));
		assert_false(again(c, s13, t12));
		leat_session_unref(t13);
		leat_session_unref(t12);
		leat_config_unref(s12);
	}
	leat_config_unref(c);
	leat_config_unref(plain);
	leat_config_unref(s13);
}

static void every_split(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s);
		const struct leat_engine_opts o = { .host = "localhost", .session = t };

		for (size_t chunk = 1; chunk < 400; chunk += chunk < 40 ? 1 : 31) {
			struct duo d;

			duo_open_with(&d, c, s, &o);
			d.chunk = chunk;
			assert_true(duo_run(&d));
			assert_true(info_of(&d, LEAT_SERVER).resumed);
			duo_close(&d);
		}
		done(c, s, t);
	}
}

/* ---- who wants no sessions ---- */

static void nobody_keeps(void **state)
{
	struct leat_config *quiet = ids_config(
		LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.2", "session_tickets=disabled", NULL);
	struct leat_config *c = client_of(NULL);

	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *s = server_of(i, NULL, NULL);
		struct leat_config *off = server_of(i, "session_tickets", "disabled");
		struct leat_session *t;

		assert_false(connects(quiet, s, "localhost", NULL, &t));
		assert_null(t);
		assert_false(connects(c, off, "localhost", NULL, &t));
		assert_null(t);
		/* sessions of before: offered, not taken up (OPT-reuse_sessions) */
		t = one(c, s);
		assert_false(again(c, off, t));
		/* a client that keeps none may still be told to offer one */
		assert_true(again(quiet, s, t));
		leat_session_unref(t);
		leat_config_unref(s);
		leat_config_unref(off);
	}
	leat_config_unref(quiet);
	leat_config_unref(c);
}

/* ---- what a session is bound to ---- */

static void another_name(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s), *forged;
		struct session_data d = *session_data(t);
		struct leat_err err = { 0 };

		assert_false(connects(c, s, "a.wild.test", t, NULL));
		assert_false(connects(c, s, "127.0.0.1", t, NULL));
		assert_true(connects(c, s, "localhost.", t, NULL)); /* the same on the wire */
		/* a client that changes the name it was made for: the server has its own copy */
		d.host = (struct leat_span){ (const uint8_t *)"a.wild.test", 11 };
		assert_int_equal(session_new(&forged, &d, &err), LEAT_OK);
		assert_false(connects(c, s, "a.wild.test", forged, NULL));
		leat_session_unref(forged);
		done(c, s, t);
	}
}

static void other_settings_of_the_client(void **state)
{
	static const char *const changed[] = { "depth=9", "insecure_skip_name=true",
		"verify=verify_none" };

	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s);

		for (size_t k = 0; k < sizeof(changed) / sizeof(changed[0]); k++) {
			struct leat_config *other = client_of(changed[k]);
			struct leat_session *weak;

			assert_false(again(other, s, t));
			weak = one(other, s);
			assert_false(again(c, s, weak));
			assert_true(again(other, s, weak));
			leat_session_unref(weak);
			leat_config_unref(other);
		}
		done(c, s, t);
	}
}

/* Servers that share keys or a store: certificates and settings decide. */
static void other_settings_of_the_server(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	EACH_WAY(i)
	{
		struct setup same = { 0 }, rsa = { .key = KEY_RSA },
			     deep = { .option = "depth", .value = "3" };
		struct leat_config *c = client_of(NULL), *s, *twin, *other, *deeper;
		struct leat_session *t;

		if (i)
			same.store = new_store();
		else
			assert_int_equal(
				leat_ticket_keys_new(&same.keys, 3600, 3600, &err), LEAT_OK);
		rsa.store = deep.store = same.store;
		rsa.keys = deep.keys = same.keys;
		s = server_with(&same);
		twin = server_with(&same);
		other = server_with(&rsa);
		deeper = server_with(&deep);
		t = one(c, s);
		assert_true(again(c, twin, t));
		assert_false(again(c, other, t));
		assert_false(again(c, deeper, t));
		assert_true(again(c, s, t));
		leat_store_unref(same.store);
		leat_ticket_keys_unref(same.keys);
		leat_config_unref(twin);
		leat_config_unref(other);
		leat_config_unref(deeper);
		done(c, s, t);
	}
}

/* RFC 7301 3.1: negotiated anew each time; a session goes on only with the protocol it began with. */
static void application_protocols(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct setup none = { .store = i ? new_store() : NULL }, h1 = none, h2 = none;
		struct leat_err err = { 0 };
		struct leat_config *c = client_of("alpn=h2,http/1.1"), *c1, *cn, *s, *s1, *sn;
		struct leat_session *t;

		if (!i)
			assert_int_equal(
				leat_ticket_keys_new(&none.keys, 3600, 3600, &err), LEAT_OK);
		h1.keys = h2.keys = none.keys;
		h1.option = h2.option = "alpn";
		h1.value = "http/1.1";
		h2.value = "h2,http/1.1";
		s = server_with(&h2);
		s1 = server_with(&h1);
		sn = server_with(&none);
		c1 = client_of("alpn=http/1.1");
		cn = client_of(NULL);
		t = one(c, s);
		assert_int_equal(session_data(t)->alpn.n, 2);
		assert_true(again(c, s, t));
		assert_false(again(c, s1, t)); /* the server now takes another one */
		assert_false(again(c, sn, t)); /* or none */
		assert_false(again(c1, s, t)); /* the client cannot have that any more */
		assert_false(again(cn, s, t));
		leat_session_unref(t);
		t = one(c, sn); /* a server that knows of no protocols */
		assert_true(again(c, sn, t));
		assert_true(again(cn, sn, t));
		assert_false(again(c, s, t));
		leat_store_unref(none.store);
		leat_ticket_keys_unref(none.keys);
		leat_config_unref(s1);
		leat_config_unref(sn);
		leat_config_unref(c1);
		leat_config_unref(cn);
		done(c, s, t);
	}
}

/* The suite of the session must still be on both lists. */
static void suites(void **state)
{
	static const char gcm[] = "ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			  chacha[] = "ciphers=TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";

	(void)state;
	EACH_WAY(i)
	{
		struct setup all = { .store = i ? new_store() : NULL }, some;
		struct leat_config *c = client_of(gcm), *other = client_of(chacha), *s, *less;
		struct leat_err err = { 0 };
		struct leat_session *t;

		if (!i)
			assert_int_equal(
				leat_ticket_keys_new(&all.keys, 3600, 3600, &err), LEAT_OK);
		some = all;
		some.option = "ciphers";
		some.value = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
		s = server_with(&all);
		less = server_with(&some);
		t = one(c, s);
		assert_false(again(other, s, t)); /* not offered */
		leat_config_unref(other);
		other = client_of(NULL);
		assert_false(again(other, less, t)); /* offered, the server has it no more */
		assert_true(again(other, s, t));
		leat_store_unref(all.store);
		leat_ticket_keys_unref(all.keys);
		leat_config_unref(other);
		leat_config_unref(less);
		done(c, s, t);
	}
}

/* ---- time ---- */

static void expires(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL),
				   *s = server_of(i, "session_lifetime", "100");
		struct leat_session *t = one(c, s), *kept;
		struct session_data d = *session_data(t);
		struct leat_err err = { 0 };

		duo_later_s = 99;
		assert_true(again(c, s, t));
		duo_later_s = 100;
		assert_false(again(c, s, t));
		/* a client that keeps it longer than it was told to */
		d.lifetime_s = 86400;
		assert_int_equal(session_new(&kept, &d, &err), LEAT_OK);
		assert_false(again(c, s, kept));
		duo_later_s = 0;
		leat_session_unref(kept);
		done(c, s, t);
	}
}

/* The sealing key was replaced: the ticket still opens, and a new one comes before ChangeCipherSpec. */
static void renewed(void **state)
{
	struct leat_ticket_keys *k;
	struct leat_err err = { 0 };
	struct setup u = { 0 };
	struct leat_config *c = client_of(NULL), *s;
	struct leat_session *t, *next;

	(void)state;
	assert_int_equal(leat_ticket_keys_new(&k, 3600, 7200, &err), LEAT_OK);
	u.keys = k;
	s = server_with(&u);
	t = one(c, s);
	duo_later_s = 3599;
	assert_true(connects(c, s, "localhost", t, &next));
	assert_ptr_equal(next, t);
	leat_session_unref(next);
	duo_later_s = 3601;
	assert_int_equal(leat_ticket_keys_rotate(k, &duo_env), LEAT_OK);
	assert_true(connects(c, s, "localhost", t, &next));
	assert_ptr_not_equal(next, t);
	assert_memory_not_equal(session_data(next)->ticket.p, session_data(t)->ticket.p, 16);
	assert_memory_equal(
		&session_data(next)->secret, &session_data(t)->secret, sizeof(struct leat_secret));
	/* certificates were looked at in the first handshake */
	assert_int_equal(session_data(next)->auth_s, session_data(t)->auth_s);
	assert_int_equal(session_data(next)->issued_s, session_data(t)->issued_s + 3601);
	assert_memory_equal(session_data(next)->peer.p, session_data(t)->peer.p, 32);
	duo_later_s = 3600 + 7200 + 1; /* the old key is gone */
	assert_false(again(c, s, t));
	assert_true(again(c, s, next));
	duo_later_s = 0;
	leat_session_unref(next);
	leat_ticket_keys_unref(k);
	done(c, s, t);
}

/* However often it is renewed, after a week certificates are looked at again. */
static void renewed_for_a_week(void **state)
{
	struct leat_ticket_keys *k;
	struct leat_err err = { 0 };
	struct setup u = { .option = "session_lifetime", .value = "604800" };
	struct leat_config *c = client_of(NULL), *s;
	struct leat_session *t, *next;
	int days = 1;

	(void)state;
	assert_int_equal(leat_ticket_keys_new(&k, 86400, 604800, &err), LEAT_OK);
	u.keys = k;
	s = server_with(&u);
	t = one(c, s);
	for (; days < 20; days++) {
		duo_later_s = days * 86400;
		(void)!leat_ticket_keys_rotate(k, &duo_env);
		if (!connects(c, s, "localhost", t, &next)) {
			leat_session_unref(next);
			break;
		}
		leat_session_unref(t);
		t = next;
		assert_true(session_expires(session_data(t)) <= PKI_NOW + 604800);
	}
	assert_int_equal(days, 7);
	duo_later_s = 0;
	leat_ticket_keys_unref(k);
	done(c, s, t);
}

/* ---- tickets and ids of strangers ---- */

static void tampered(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s);
		struct session_data d = *session_data(t);
		struct leat_err err = { 0 };
		struct leat_span was = i ? d.id : d.ticket;
		uint8_t b[2048];

		assert_true(was.n < sizeof(b));
		for (size_t at = 0; at <= was.n; at += at + 7 < was.n || at == was.n ? 7 : 1) {
			struct leat_span bent = { b, was.n };
			struct leat_session *forged;

			memcpy(b, was.p, was.n);
			if (at < was.n)
				b[at] ^= 1;
			else
				bent.n = was.n - 1; /* and cut short */
			*(i ? &d.id : &d.ticket) = bent;
			assert_int_equal(session_new(&forged, &d, &err), LEAT_OK);
			assert_false(again(c, s, forged)); /* a full handshake, no error */
			leat_session_unref(forged);
		}
		done(c, s, t);
	}
}

/* Right ticket, wrong secret: the Finished that comes first does not open. */
static void wrong_secret(void **state)
{
	(void)state;
	EACH_WAY(i)
	{
		struct leat_config *c = client_of(NULL), *s = server_of(i, NULL, NULL);
		struct leat_session *t = one(c, s), *forged;
		struct session_data d = *session_data(t);
		struct leat_engine_opts o = { .host = "localhost" };
		struct leat_err err = { 0 };
		struct duo duo;

		d.secret.b[0] ^= 1;
		assert_int_equal(session_new(&forged, &d, &err), LEAT_OK);
		o.session = forged;
		duo_open_with(&duo, c, s, &o);
		assert_false(duo_run(&duo));
		assert_int_equal(leat_engine_error(duo.side[LEAT_CLIENT].e)->alert,
			LEAT_ALERT_BAD_RECORD_MAC);
		assert_int_equal(
			leat_engine_error(duo.side[LEAT_SERVER].e)->cls, LEAT_E_PEER_ALERT);
		duo_close(&duo);
		leat_session_unref(forged);
		done(c, s, t);
	}
}

/* ---- the store ---- */

/* SESS-sem-register, without a reservation: ids are 32 random bytes. */
static void aborted_handshake_leaves_nothing(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(1, NULL, NULL);
	struct duo d;

	(void)state;
	counted.puts = 0;
	duo_open(&d, c, s, "localhost");
	duo_pull(&d.side[LEAT_CLIENT]);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	duo_pull(&d.side[LEAT_SERVER]);
	assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_OK);
	duo_pull(&d.side[LEAT_CLIENT]);
	d.side[LEAT_CLIENT].wire.p[d.side[LEAT_CLIENT].wire.n - 1] ^= 1; /* the Finished */
	(void)!duo_pass(&d, LEAT_CLIENT);
	assert_true(leat_engine_wants(d.side[LEAT_SERVER].e) & LEAT_IS_DEAD);
	duo_close(&d);
	assert_int_equal(counted.puts, 0);
	done(c, s, NULL);
}

static void store_refuses(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(1, NULL, NULL);
	struct leat_session *t;

	(void)state;
	counted.full = true;
	t = one(c, s); /* an id nobody will know */
	counted.full = false;
	assert_false(again(c, s, t));
	done(c, s, t);
}

enum ending { END_ALERT_C, END_ALERT_S, END_CLOSE, END_CUT, END_COUNT };

static void end_it(struct duo *d, enum ending how)
{
	uint8_t *wire;

	switch (how) {
	case END_ALERT_C: /* the server's record does not open: the client says so */
	case END_ALERT_S: {
		enum leat_role from = how == END_ALERT_C ? LEAT_SERVER : LEAT_CLIENT;
		size_t n;

		assert_int_equal(leat_engine_write(d->side[from].e, "x", 1, &n), LEAT_OK);
		duo_pull(&d->side[from]);
		wire = d->side[from].wire.p;
		wire[d->side[from].wire.n - 1] ^= 1;
		(void)duo_run(d);
		break;
	}
	case END_CLOSE:
		assert_int_equal(leat_engine_close(d->side[LEAT_CLIENT].e), LEAT_OK);
		(void)duo_run(d);
		break;
	default: assert_int_equal(leat_engine_in_eof(d->side[LEAT_SERVER].e), LEAT_FAILED); break;
	}
}

/* RFC 5246 7.2: a fatal alert ends the session with the connection; 7.2.1: a cut does not. */
static void fatal_alert_ends_the_session(void **state)
{
	(void)state;
	for (int resumed = 0; resumed < 2; resumed++)
		for (enum ending how = 0; how < END_COUNT; how++) {
			struct leat_config *c = client_of(NULL), *s = server_of(1, NULL, NULL);
			struct leat_session *t = one(c, s), *next;
			struct leat_engine_opts o = { .host = "localhost",
				.session = resumed ? t : NULL };
			bool good = how == END_CLOSE || how == END_CUT;
			struct duo d;

			counted.drops = 0;
			duo_open_with(&d, c, s, &o);
			assert_true(duo_run(&d));
			if (good) { /* taken in time */
				next = leat_engine_take_session(d.side[LEAT_CLIENT].e);
				assert_non_null(next);
				end_it(&d, how);
				assert_int_equal(counted.drops, 0);
				assert_true(again(c, s, next));
				leat_session_unref(next);
			} else {
				end_it(&d, how);
				assert_int_equal(counted.drops, 1);
				/* and the client gives it out no more */
				assert_null(leat_engine_take_session(d.side[LEAT_CLIENT].e));
				if (resumed)
					assert_false(again(c, s, t));
				else
					assert_true(again(c, s, t)); /* another session */
			}
			duo_close(&d);
			done(c, s, t);
		}
}

/* In the middle of an abbreviated handshake too. */
static void broken_resumption_ends_the_session(void **state)
{
	struct leat_config *c = client_of(NULL), *s = server_of(1, NULL, NULL);
	struct leat_session *t = one(c, s);
	const struct leat_engine_opts o = { .host = "localhost", .session = t };
	struct duo d;

	(void)state;
	counted.drops = 0;
	duo_open_with(&d, c, s, &o);
	duo_pull(&d.side[LEAT_CLIENT]);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	duo_pull(&d.side[LEAT_SERVER]);
	assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_OK);
	duo_pull(&d.side[LEAT_CLIENT]);
	d.side[LEAT_CLIENT].wire.p[d.side[LEAT_CLIENT].wire.n - 1] ^= 1;
	(void)!duo_pass(&d, LEAT_CLIENT);
	assert_int_equal(
		leat_engine_error(d.side[LEAT_SERVER].e)->alert, LEAT_ALERT_BAD_RECORD_MAC);
	duo_close(&d);
	assert_int_equal(counted.drops, 1);
	assert_false(again(c, s, t));
	done(c, s, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resumes),
		cmocka_unit_test(every_suite),
		cmocka_unit_test(serialised_in_between),
		cmocka_unit_test(lookups_as_jobs),
		cmocka_unit_test(both_versions_on_offer),
		cmocka_unit_test(every_split),
		cmocka_unit_test(nobody_keeps),
		cmocka_unit_test(another_name),
		cmocka_unit_test(other_settings_of_the_client),
		cmocka_unit_test(other_settings_of_the_server),
		cmocka_unit_test(application_protocols),
		cmocka_unit_test(suites),
		cmocka_unit_test(expires),
		cmocka_unit_test(renewed),
		cmocka_unit_test(renewed_for_a_week),
		cmocka_unit_test(tampered),
		cmocka_unit_test(wrong_secret),
		cmocka_unit_test(aborted_handshake_leaves_nothing),
		cmocka_unit_test(store_refuses),
		cmocka_unit_test(fatal_alert_ends_the_session),
		cmocka_unit_test(broken_resumption_ends_the_session),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	leat_store_unref(counted.mem);
	pki_done();
	return r;
}

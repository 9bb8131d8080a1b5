/* SPDX-License-Identifier: Apache-2.0
 *
 * pair.c - see pair.h. Memory of the harness comes from plain malloc, so that tests which make
 * leat's own allocations fail do not hit it.
 */
#include "pair.h"

#include <leat/config.h>

#include "pki.h"

/* ---- sink: what a machine sends ---- */

static enum leat_ret push(struct pair_side *s, enum rec_type type, struct leat_span b)
{
	struct pair_unit *u = &s->queue[s->tail % PAIR_QUEUE];

	assert_true(s->tail - s->head < PAIR_QUEUE);
	memset(u, 0, sizeof(*u));
	u->type = type;
	u->level = type == REC_CCS ? LV_PLAIN : s->dir[LEAT_TX].level;
	if (type != REC_CCS)
		u->keys = s->dir[LEAT_TX].keys;
	pair_unit_set(u, b.p, b.n);
	s->tail++;
	return LEAT_OK;
}

static enum leat_ret sink_send(void *arg, struct leat_span msg)
{
	struct pair_side *s = arg;

	assert_true(msg.n >= 4);
	assert_int_equal(msg.n - 4, msg.p[1] << 16 | msg.p[2] << 8 | msg.p[3]);
	s->sent_msgs++;
	return push(s, REC_HANDSHAKE, msg);
}

static enum leat_ret sink_ccs(void *arg)
{
	static const uint8_t one = 1;
	struct pair_side *s = arg;

	s->sent_ccs++;
	return push(s, REC_CCS, (struct leat_span){ &one, 1 });
}

static enum leat_ret sink_keys(void *arg, enum leat_dir dir, enum hs_level level,
	const struct traffic_keys *keys, const struct leat_secret *secret)
{
	struct pair_side *s = arg;

	memset(&s->dir[dir], 0, sizeof(s->dir[dir]));
	s->dir[dir].level = level;
	if (keys) {
		s->dir[dir].keys = *keys;
		s->dir[dir].secret = *secret;
	}
	return LEAT_OK;
}

static void sink_limit(void *arg, enum leat_dir dir, uint16_t max, bool clear_too)
{
	struct pair_side *s = arg;

	s->limit[dir] = max;
	s->limit_clear = clear_too;
}

static void sink_version(void *arg, uint16_t version)
{
	struct pair_side *s = arg;

	assert_true(s->version == 0 || s->version == version);
	s->version = version;
}

static void sink_session(void *arg, struct leat_session *session)
{
	struct pair *p = ((struct pair_side *)arg)->pair;

	leat_session_unref(p->kept);
	p->kept = session;
	p->num_kept++;
}

static int64_t now_s(void *arg)
{
	return ((struct pair *)arg)->now_s;
}

static void fill_random(void *arg, void *buf, size_t n)
{
	const struct pair *p = arg;
	uint8_t *b = buf;

	if (p->fixed_random) {
		memset(buf, p->fixed_random, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(vec_rand() >> 11);
}

/* ---- configs ---- */

static void must(enum leat_ret r, const struct leat_err *err)
{
	char text[512];

	if (r != LEAT_OK)
		fail_msg("%s", leat_strerror(err, text, sizeof(text)));
}

void pair_set(struct leat_config *c, const char *option, const char *value)
{
	struct leat_err err = { 0 };

	must(leat_config_set(c, option, value, &err), &err);
}

struct leat_config *pair_client_config(void)
{
	static struct leat_span root; /* kept by pki until the program ends */
	struct leat_config *c;
	struct leat_err err = { 0 };

	must(leat_config_new(&c, LEAT_CLIENT, &err), &err);
	if (!root.p)
		root = pki_root_pem();
	must(leat_config_add_trust(c, root, NULL, &err), &err);
	return c;
}

struct leat_config *pair_server_config(enum key_kind k)
{
	const struct pki_ident *id = pki_server(k);
	struct leat_span none = { NULL, 0 };
	struct leat_config *c;
	struct leat_err err = { 0 };

	must(leat_config_new(&c, LEAT_SERVER, &err), &err);
	must(leat_config_add_cred(c, id->chain_pem, id->key_pem, none, &err), &err);
	/* a machine has no place for what comes after the handshake: see t_resume.c for tickets */
	pair_set(c, "session_tickets", "disabled");
	return c;
}

void pair_configs12(struct leat_config **client, struct leat_config **server, const char *way,
	const char *versions)
{
	struct leat_store *store;
	struct leat_err err = { 0 };

	*client = pair_client_config();
	*server = pair_server_config(KEY_EC_P256);
	pair_set(*client, "versions", versions);
	pair_set(*client, "session_tickets", "manual");
	pair_set(*server, "versions", "tlsv1.2");
	if (strcmp(way, "stateful") == 0) {
		must(leat_store_mem_new(&store, 100, NULL, &err), &err);
		must(leat_config_set_session_store(*server, store, &err), &err);
		leat_store_unref(store);
	} else {
		pair_set(*server, "session_tickets", way);
	}
	must(leat_config_freeze(*client, &err), &err);
	must(leat_config_freeze(*server, &err), &err);
}

struct leat_session *pair_session12(struct leat_config *client, struct leat_config *server)
{
	struct pair p = { 0 };
	struct leat_session *s;

	pair_init(&p, leat_config_ref(client), leat_config_ref(server), NULL);
	pair_must_connect(&p);
	assert_int_equal(p.num_kept, 1);
	s = leat_session_ref(p.kept);
	pair_clear(&p);
	return s;
}

void pair_ask(struct leat_config *client, struct leat_config *server)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct leat_span none = { NULL, 0 };
	struct leat_err err = { 0 };

	if (client) {
		must(leat_config_add_cred(client, id->chain_pem, id->key_pem, none, &err), &err);
		pair_set(client, "post_handshake_auth", "true");
	}
	if (!server)
		return;
	must(leat_config_add_trust(server, pki_root_pem(), NULL, &err), &err);
	pair_set(server, "verify", "verify_peer");
	pair_set(server, "post_handshake_auth", "true");
}

/* ---- life ---- */

enum leat_ret pair_try_init(
	struct pair *p, struct leat_config *client, struct leat_config *server, const char *host)
{
	struct leat_config *cfg[2] = { client, server };
	enum leat_ret r = LEAT_OK;

	p->now_s = p->now_s ? p->now_s : PKI_NOW;
	p->env = (struct leat_env){ now_s, fill_random, p };
	for (int i = 0; i < 2; i++) {
		struct pair_side *s = &p->side[i];

		s->pair = p;
		s->role = (enum leat_role)i;
		s->cfg = cfg[i];
		s->sink = (struct hs_sink){ .send = sink_send,
			.send_ccs = sink_ccs,
			.keys = sink_keys,
			.limit = sink_limit,
			.version = sink_version,
			.session = sink_session,
			.arg = s };
	}
	for (int i = 0; i < 2 && r == LEAT_OK; i++) {
		struct pair_side *s = &p->side[i];

		if (!s->cfg->frozen)
			r = leat_config_freeze(s->cfg, &s->err);
		if (r == LEAT_OK)
			r = hs_new(&s->hs, s->cfg, i == LEAT_CLIENT ? host : NULL, &p->env,
				&s->sink, &s->err);
		if (r == LEAT_OK && i == LEAT_CLIENT && p->offer)
			hs_offer(s->hs, p->offer, p->offer_early);
		if (r == LEAT_OK)
			r = hs_start(s->hs);
	}
	return r;
}

void pair_init(
	struct pair *p, struct leat_config *client, struct leat_config *server, const char *host)
{
	enum leat_ret r = pair_try_init(p, client, server, host ? host : "localhost");

	must(r, p->side[0].err.cls ? &p->side[0].err : &p->side[1].err);
}

void pair_clear(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		struct pair_side *s = &p->side[i];

		hs_free(s->hs);
		leat_config_unref(s->cfg);
		while (s->head != s->tail)
			pair_pop(p, (enum leat_role)i);
	}
	leat_session_unref(p->kept);
	memset(p, 0, sizeof(*p));
}

/* ---- what is on its way ---- */

void pair_unit_set(struct pair_unit *u, const void *b, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* its own block: ASan sees a read past the end */

	if (n)
		memcpy(copy, b, n);
	free(u->p);
	u->p = copy;
	u->n = n;
}

struct pair_unit *pair_peek(struct pair *p, enum leat_role from)
{
	struct pair_side *s = &p->side[from];

	return s->head == s->tail ? NULL : &s->queue[s->head % PAIR_QUEUE];
}

void pair_pop(struct pair *p, enum leat_role from)
{
	struct pair_unit *u = pair_peek(p, from);

	free(u->p);
	memset(u, 0, sizeof(*u));
	p->side[from].head++;
}

static enum leat_ret run_jobs(struct pair_side *s, enum leat_ret r)
{
	while (r == LEAT_AGAIN && hs_job(s->hs) != HS_JOB_NONE) {
		s->jobs++;
		r = hs_job_run(s->hs);
	}
	return r;
}

enum leat_ret pair_feed(
	struct pair *p, enum leat_role to, enum rec_type type, struct leat_span payload)
{
	struct pair_side *s = &p->side[to];

	return run_jobs(s, hs_record(s->hs, type, s->dir[LEAT_RX].level, payload));
}

bool pair_deliver(struct pair *p, enum leat_role from, enum leat_ret *r)
{
	struct pair_side *to = &p->side[!from];
	struct pair_unit *u = pair_peek(p, from);
	bool keep;

	if (!u)
		return false;
	keep = !p->on_unit || p->on_unit(p, from, u, p->arg);
	if (keep && u->type != REC_CCS && !p->any_level) {
		assert_int_equal(u->level, to->dir[LEAT_RX].level);
		assert_memory_equal(&u->keys, &to->dir[LEAT_RX].keys, sizeof(u->keys));
	}
	*r = LEAT_OK;
	if (keep)
		*r = run_jobs(to, hs_record(to->hs, u->type,
					  u->type == REC_CCS ? to->dir[LEAT_RX].level : u->level,
					  (struct leat_span){ u->p, u->n }));
	pair_pop(p, from);
	return true;
}

enum leat_ret pair_run(struct pair *p)
{
	enum leat_ret r = LEAT_OK;
	bool moved;

	do {
		moved = false;
		for (int from = 0; from < 2; from++) {
			while (pair_deliver(p, (enum leat_role)from, &r)) {
				moved = true;
				if (r == LEAT_FAILED)
					return r;
			}
		}
	} while (moved);
	return r;
}

void pair_must_connect(struct pair *p)
{
	struct pair_side *c = &p->side[LEAT_CLIENT], *s = &p->side[LEAT_SERVER];
	struct hs_facts fc, fs;
	char text[512];

	if (pair_run(p) != LEAT_OK || !hs_is_up(c->hs) || !hs_is_up(s->hs))
		fail_msg("client %s, server %s: %s", hs_state_name(c->hs), hs_state_name(s->hs),
			leat_strerror(c->err.cls ? &c->err : &s->err, text, sizeof(text)));
	assert_int_equal(c->err.cls, LEAT_E_NONE);
	assert_int_equal(s->err.cls, LEAT_E_NONE);
	for (int d = 0; d < 2; d++) {
		assert_int_equal(c->dir[d].level, LV_APP);
		assert_int_equal(s->dir[!d].level, LV_APP);
		assert_memory_equal(&c->dir[d].keys, &s->dir[!d].keys, sizeof(struct traffic_keys));
	}
	assert_memory_not_equal(&c->dir[0].keys, &c->dir[1].keys, sizeof(struct traffic_keys));
	assert_int_not_equal(c->dir[0].keys.aead, AEAD_NONE);
	hs_facts(c->hs, &fc);
	hs_facts(s->hs, &fs);
	assert_int_equal(fc.version, fs.version);
	assert_int_equal(fc.version, c->version);
	assert_int_equal(fs.version, s->version);
	assert_ptr_equal(fc.suite, fs.suite);
	assert_ptr_equal(fc.group, fs.group);
	assert_ptr_equal(fc.scheme, fs.scheme);
	assert_int_equal(fc.alpn.n, fs.alpn.n);
	if (fc.alpn.n)
		assert_memory_equal(fc.alpn.p, fs.alpn.p, fc.alpn.n);
	assert_int_equal(fc.retried, fs.retried);
	assert_int_equal(fc.extended_master, fs.extended_master);
}

void pair_must_refuse(struct pair *p, enum leat_role who, unsigned alert)
{
	struct pair_side *s = &p->side[who];
	char text[512];

	if (pair_run(p) != LEAT_FAILED)
		fail_msg("nobody refused: client %s, server %s", hs_state_name(p->side[0].hs),
			hs_state_name(p->side[1].hs));
	if (s->err.cls == LEAT_E_NONE)
		fail_msg("the wrong side refused: %s",
			leat_strerror(&p->side[!who].err, text, sizeof(text)));
	if (s->err.cls != LEAT_E_OUR_ALERT || s->err.alert != alert)
		fail_msg("wanted %s, got %s", leat_alert_name(alert),
			leat_strerror(&s->err, text, sizeof(text)));
	assert_false(hs_is_up(s->hs));
	/* dead for good */
	assert_int_equal(hs_record(s->hs, REC_HANDSHAKE, LV_PLAIN, (struct leat_span){ NULL, 0 }),
		LEAT_FAILED);
	assert_int_equal(s->err.alert, alert);
}

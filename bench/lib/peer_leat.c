/* SPDX-License-Identifier: Apache-2.0
 *
 * peer_leat.c - leat's engine as a benchmark endpoint, driven as a real program would.
 */
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "peer.h"
#include "pki.h"

#include <leat/engine.h>

static struct leat_config *cfg[2];
static struct leat_session *session; /* what clients resume */

static int64_t now_s(void *arg)
{
	(void)arg;
	return PKI_NOW;
}

static void random_bytes(void *arg, void *buf, size_t n)
{
	(void)arg;
	while (getrandom(buf, n, 0) != (ssize_t)n)
		;
}

static const struct leat_env env = { .now_s = now_s, .random = random_bytes };

static void teardown(void)
{
	leat_session_unref(session);
	session = NULL;
	leat_config_unref(cfg[0]);
	leat_config_unref(cfg[1]);
	cfg[0] = cfg[1] = NULL;
}

struct end {
	struct leat_engine *e;
	struct pipe_buf *in, *out;
};

static void *open_end(bool server, struct pipe_buf *in, struct pipe_buf *out)
{
	static struct end pool[BENCH_ENDS];
	static unsigned next;
	struct leat_err err = { 0 };
	struct end *end = &pool[next++ % BENCH_ENDS];
	struct leat_engine_opts opts = { 0 };

	*end = (struct end){ NULL, in, out };
	if (!server) {
		opts.host = "localhost";
		opts.session = session;
	}
	if (leat_engine_new_with(&end->e, cfg[server], &opts, &env, &err) != LEAT_OK)
		return NULL;
	return end;
}

static void flush(struct end *end)
{
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(end->e, &n)) != NULL) {
		memcpy(end->out->b + end->out->n, p, n);
		end->out->n += n;
		leat_engine_out_done(end->e, n);
	}
}

/* A miss would be measured as a hit. */
static int up(const struct end *end)
{
	struct leat_engine_info info;

	leat_engine_info(end->e, &info);
	return info.resumed == (session != NULL) ? 1 : -1;
}

static int step(void *arg)
{
	struct end *end = arg;
	unsigned w;

	for (;;) {
		w = leat_engine_wants(end->e);
		if (w & LEAT_IS_DEAD)
			return -1;
		if (w & LEAT_WANT_JOB) {
			if (leat_engine_job_run(end->e) == LEAT_FAILED)
				return -1;
		} else if ((w & LEAT_WANT_BYTES) && end->in->off < end->in->n) {
			size_t room, n = end->in->n - end->in->off;
			uint8_t *at = leat_engine_in(end->e, &room);

			n = n < room ? n : room;
			if (!at)
				return -1;
			memcpy(at, end->in->b + end->in->off, n);
			end->in->off += n;
			if (leat_engine_in_done(end->e, n) == LEAT_FAILED)
				return -1;
		} else {
			flush(end);
			return leat_engine_wants(end->e) & LEAT_IS_UP ? up(end) : 0;
		}
	}
}

static void close_end(void *arg)
{
	struct end *end = arg;

	leat_engine_free(end->e);
}

static void rest(void *arg)
{
	struct end *end = arg;

	leat_engine_rest(end->e);
}

static bool use_store(struct leat_config *c)
{
	struct leat_err err = { 0 };
	struct leat_store *store;
	bool ok;

	if (leat_store_mem_new(&store, 100, NULL, &err) != LEAT_OK)
		return false;
	ok = leat_config_set_session_store(c, store, &err) == LEAT_OK;
	leat_store_unref(store);
	return ok;
}

static struct leat_config *config(enum leat_role role, const struct scenario *s,
	const char *tickets, struct leat_ticket_keys *keys)
{
	const struct pki_ident *id = pki_server(s->rsa ? KEY_RSA : KEY_EC_P256);
	enum leat_version v = s->tls13 ? LEAT_TLS13 : LEAT_TLS12;
	struct leat_config *c = NULL;
	struct leat_err err = { 0 };
	bool ok = leat_config_new(&c, role, &err) == LEAT_OK &&
		  leat_config_set_versions(c, v, v, &err) == LEAT_OK;

	if (role == LEAT_CLIENT)
		/* one key share, as the others send */
		ok = ok && leat_config_set(c, "key_shares", "1", &err) == LEAT_OK &&
		     leat_config_set(c, "chain_cache", s->warm ? "true" : "false", &err) ==
			     LEAT_OK &&
		     leat_config_add_trust(c, pki_root_pem(), NULL, &err) == LEAT_OK &&
		     (!s->resume ||
			     leat_config_set(c, "session_tickets", "manual", &err) == LEAT_OK);
	else
		ok = ok &&
		     leat_config_add_cred(c, id->chain_pem, id->key_pem,
			     (struct leat_span){ NULL, 0 }, &err) == LEAT_OK &&
		     (!keys || leat_config_set_ticket_keys(c, keys, &err) == LEAT_OK) &&
		     leat_config_set(c, "tickets", tickets, &err) == LEAT_OK &&
		     (s->resume != BENCH_ID || use_store(c)) &&
		     (s->resume ||
			     leat_config_set(c, "session_tickets", "disabled", &err) == LEAT_OK);
	if (ok && leat_config_freeze(c, &err) == LEAT_OK)
		return c;
	leat_config_unref(c);
	return NULL;
}

/* One full handshake with a ticket. */
static struct leat_session *get_session(void)
{
	static struct pipe_buf to_server, to_client;
	void *c = open_end(false, &to_client, &to_server), *s;
	struct leat_session *got = NULL;

	s = open_end(true, &to_server, &to_client);
	for (int i = 0; c && s && !got && i < 8; i++) {
		if (step(c) < 0 || step(s) < 0)
			break;
		got = leat_engine_take_session(((struct end *)c)->e);
	}
	if (c)
		close_end(c);
	if (s)
		close_end(s);
	return got;
}

static bool setup(const struct scenario *s)
{
	struct leat_ticket_keys *keys = NULL;
	struct leat_err err = { 0 };

	if (s->resume == BENCH_TICKET && leat_ticket_keys_new(&keys, 3600, 3600, &err) != LEAT_OK)
		return false;
	cfg[LEAT_CLIENT] = config(LEAT_CLIENT, s, NULL, NULL);
	cfg[LEAT_SERVER] = config(LEAT_SERVER, s, s->resume ? "1" : "0", keys);
	if (s->resume && cfg[LEAT_CLIENT] && cfg[LEAT_SERVER]) {
		session = get_session();
		if (s->tls13) { /* no new ticket for those that are measured */
			leat_config_unref(cfg[LEAT_SERVER]);
			cfg[LEAT_SERVER] = config(LEAT_SERVER, s, "0", keys);
		}
	}
	leat_ticket_keys_unref(keys);
	return cfg[LEAT_CLIENT] && cfg[LEAT_SERVER] && (!s->resume || session);
}

const struct bench_lib bench_leat = { "leat", setup, teardown, open_end, step, close_end, rest };

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

static bool setup(const struct scenario *s)
{
	const struct pki_ident *id = pki_server(s->rsa ? KEY_RSA : KEY_EC_P256);
	enum leat_version v = s->tls13 ? LEAT_TLS13 : LEAT_TLS12;
	struct leat_err err = { 0 };

	for (int role = 0; role < 2; role++)
		if (leat_config_new(&cfg[role], (enum leat_role)role, &err) != LEAT_OK ||
			leat_config_set_versions(cfg[role], v, v, &err) != LEAT_OK)
			return false;
	if (leat_config_set(cfg[LEAT_CLIENT], "chain_cache", s->warm ? "true" : "false", &err) !=
		LEAT_OK)
		return false;
	return leat_config_add_trust(cfg[LEAT_CLIENT], pki_root_pem(), NULL, &err) == LEAT_OK &&
	       leat_config_add_cred(cfg[LEAT_SERVER], id->chain_pem, id->key_pem,
		       (struct leat_span){ NULL, 0 }, &err) == LEAT_OK &&
	       leat_config_freeze(cfg[LEAT_CLIENT], &err) == LEAT_OK &&
	       leat_config_freeze(cfg[LEAT_SERVER], &err) == LEAT_OK;
}

static void teardown(void)
{
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

	*end = (struct end){ NULL, in, out };
	if (leat_engine_new(&end->e, cfg[server], server ? NULL : "localhost", &env, &err) !=
		LEAT_OK)
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
			return leat_engine_wants(end->e) & LEAT_IS_UP ? 1 : 0;
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

const struct bench_lib bench_leat = { "leat", setup, teardown, open_end, step, close_end, rest };

/* SPDX-License-Identifier: Apache-2.0
 *
 * duo.c - see duo.h.
 */
#include "duo.h"

#include "pki.h"

int64_t duo_later_s;

static int64_t duo_now(void *arg)
{
	(void)arg;
	return PKI_NOW + duo_later_s;
}

static void duo_random(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(vec_rand() >> 8);
}

const struct leat_env duo_env = { .now_s = duo_now, .random = duo_random };

void duo_open(
	struct duo *d, struct leat_config *client, struct leat_config *server, const char *host)
{
	const struct leat_engine_opts opts = { .host = host };

	duo_open_with(d, client, server, &opts);
}

void duo_open_with(struct duo *d, struct leat_config *client, struct leat_config *server,
	const struct leat_engine_opts *opts)
{
	memset(d, 0, sizeof(*d));
	assert_int_equal(
		leat_engine_new_with(&d->side[LEAT_CLIENT].e, client, opts, &duo_env, &d->err),
		LEAT_OK);
	assert_int_equal(
		leat_engine_new(&d->side[LEAT_SERVER].e, server, NULL, &duo_env, &d->err), LEAT_OK);
}

void duo_close(struct duo *d)
{
	for (int i = 0; i < 2; i++) {
		leat_engine_free(d->side[i].e);
		leat_wr_clear(&d->side[i].wire);
		leat_wr_clear(&d->side[i].got);
		leat_wr_clear(&d->side[i].early);
	}
	memset(d, 0, sizeof(*d));
}

static enum leat_ret run_jobs(struct leat_engine *e)
{
	enum leat_ret r = LEAT_OK;

	while (leat_engine_wants(e) & LEAT_WANT_JOB)
		r = leat_engine_job_run(e);
	return r;
}

static void take_data(struct duo_side *s)
{
	struct leat_span data;

	while (leat_engine_wants(s->e) & (LEAT_HAS_DATA | LEAT_HAS_EARLY_DATA)) {
		leat_engine_early_data(s->e, &data);
		if (data.n) {
			leat_wr_span(&s->early, data);
			(void)!leat_engine_early_data_done(s->e, data.n);
			(void)run_jobs(s->e);
			continue;
		}
		leat_engine_data(s->e, &data);
		leat_wr_span(&s->got, data);
		(void)!leat_engine_data_done(s->e, data.n);
		(void)run_jobs(s->e);
	}
}

void duo_pull(struct duo_side *s)
{
	const uint8_t *p;
	size_t n;

	(void)run_jobs(s->e);
	while ((p = leat_engine_out(s->e, &n)) != NULL) {
		leat_wr_bytes(&s->wire, p, n);
		leat_engine_out_done(s->e, n);
	}
}

enum leat_ret duo_feed(struct duo *d, enum leat_role to, const void *p, size_t n)
{
	struct duo_side *s = &d->side[to];
	const uint8_t *at = p;
	enum leat_ret r = LEAT_OK;
	uint8_t *room;
	size_t k;

	while (n && r != LEAT_FAILED) {
		room = leat_engine_in(s->e, &k);
		if (!room)
			break; /* dead, or at EOF: the rest falls on the floor, as on a socket */
		k = k < n ? k : n;
		if (d->chunk && k > d->chunk)
			k = d->chunk;
		memcpy(room, at, k);
		at += k;
		n -= k;
		r = leat_engine_in_done(s->e, k);
		if (r == LEAT_AGAIN)
			r = run_jobs(s->e);
		take_data(s);
	}
	return leat_engine_wants(s->e) & LEAT_IS_DEAD ? LEAT_FAILED : r;
}

enum leat_ret duo_pass(struct duo *d, enum leat_role from)
{
	struct leat_wr wire;
	enum leat_ret r;

	duo_pull(&d->side[from]);
	wire = d->side[from].wire;
	d->side[from].wire = (struct leat_wr){ 0 };
	assert_true(leat_wr_ok(&wire));
	r = duo_feed(d, !from, wire.p, wire.n);
	leat_wr_clear(&wire);
	return r;
}

static bool moves(struct duo *d, enum leat_role from)
{
	duo_pull(&d->side[from]);
	return d->side[from].wire.n > 0;
}

bool duo_run(struct duo *d)
{
	int rounds = 0;

	while (moves(d, LEAT_CLIENT) || moves(d, LEAT_SERVER)) {
		(void)!duo_pass(d, LEAT_CLIENT);
		(void)!duo_pass(d, LEAT_SERVER);
		assert_true(++rounds < 1000); /* two sides that never stop talking are a bug */
	}
	return leat_engine_wants(d->side[0].e) & leat_engine_wants(d->side[1].e) & LEAT_IS_UP;
}

void duo_say(struct duo *d, enum leat_role from, const void *p, size_t n)
{
	const uint8_t *at = p;
	size_t taken;

	while (n) {
		if (leat_engine_write(d->side[from].e, at, n, &taken) == LEAT_FAILED)
			return;
		at += taken;
		n -= taken;
		(void)!duo_pass(d, from);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * rig.c - see rig.h.
 */
#include "rig.h"

#include <errno.h>
#include <unistd.h>

#include "config/config.h"
#include "duo.h"
#include "engine/engine_int.h"
#include "pair.h"
#include "pki.h"
#include "sched/sched13.h"
#include "tcp.h"

#define MS 10000 /* nothing here takes that long: a lost byte is a failure, not a hang */

static struct leat_config *config_of(enum leat_role role, const struct rig_opts *o)
{
	struct leat_config *c = role == LEAT_CLIENT ? pair_client_config()
						    : pair_server_config(KEY_EC_P256);
	pair_set(c, "versions", o->versions);
	if (o->suites)
		pair_set(c, "suites", o->suites);
	if (role == o->role) {
		pair_set(c, "records_rx", o->rx ? o->rx : "user");
		pair_set(c, "records_tx", o->tx ? o->tx : "user");
	}
	return c;
}

static void freeze(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
}

struct leat_config *rig_config(const struct rig_opts *o)
{
	struct leat_config *c = config_of(o->role, o);

	freeze(c);
	return c;
}

static void open_tuned(struct rig *r, const struct rig_opts *o, rig_tune_fn *tune)
{
	enum leat_role other = o->role == LEAT_CLIENT ? LEAT_SERVER : LEAT_CLIENT;
	int fd[2];

	*r = (struct rig){ .fd = -1 };
	for (int role = 0; role < 2; role++)
		r->cfg[role] = config_of((enum leat_role)role, o);
	if (tune)
		tune(r->cfg[LEAT_CLIENT], r->cfg[LEAT_SERVER]);
	for (int role = 0; role < 2; role++)
		freeze(r->cfg[role]);
	tcp_pair(fd);
	r->fd = fd[1];
	assert_int_equal(leat_engine_new(&r->e, r->cfg[other],
				 other == LEAT_CLIENT ? "localhost" : NULL, &duo_env, &r->err),
		LEAT_OK);
	conn_use(o->sys, &duo_env);
	assert_int_equal(conn_open(&r->c, r->cfg[o->role], fd[0],
				 o->role == LEAT_CLIENT ? "localhost" : NULL, &r->err),
		LEAT_OK);
	conn_use(NULL, NULL);
}

void rig_open(struct rig *r, const struct rig_opts *o)
{
	open_tuned(r, o, NULL);
}

void rig_close(struct rig *r)
{
	leat_conn_free(r->c);
	leat_engine_free(r->e);
	if (r->fd >= 0)
		close(r->fd);
	leat_config_unref(r->cfg[0]);
	leat_config_unref(r->cfg[1]);
	traffic_keys_clear(&r->in.keys);
	traffic_keys_clear(&r->out.keys);
	*r = (struct rig){ .fd = -1 };
}

bool rig_peer_step(struct rig *r)
{
	const uint8_t *p;
	uint8_t *room;
	size_t n;

	for (;;) {
		ssize_t got;

		while (leat_engine_wants(r->e) & LEAT_WANT_JOB)
			(void)!leat_engine_job_run(r->e);
		while ((p = leat_engine_out(r->e, &n))) {
			rig_bytes(r, p, n);
			leat_engine_out_done(r->e, n);
		}
		/* exact: what follows the handshake is for refrec */
		leat_engine_in_exact(r->e, true);
		if (leat_engine_wants(r->e) & LEAT_IS_UP)
			return true;
		room = leat_engine_in(r->e, &n);
		if (!room)
			return false;
		got = recv(r->fd, room, n, MSG_DONTWAIT);
		if (got <= 0)
			return false;
		(void)!leat_engine_in_done(r->e, (size_t)got);
	}
}

enum leat_ret rig_conn_step(struct rig *r)
{
	short events;

	return conn_handshake_some(r->c, &events);
}

void rig_take_keys(struct rig *r)
{
	const struct crypto *c = leat_engine_config(r->e)->crypto;

	r->in = (struct refrec){ .c = c };
	r->out = (struct refrec){ .c = c };
	assert_int_equal(leat_engine_export(r->e, LEAT_RX, &r->in.keys, &r->in.seq), LEAT_OK);
	assert_int_equal(leat_engine_export(r->e, LEAT_TX, &r->out.keys, &r->out.seq), LEAT_OK);
}

void rig_rekey(struct rig *r, enum leat_dir dir)
{
	struct hs_post *post = &r->e->w->post;
	struct refrec *rr = dir == LEAT_TX ? &r->out : &r->in;
	struct leat_secret *s = dir == LEAT_TX ? &post->tx : &post->rx;

	sched13_update(post->suite->hash, s);
	sched13_keys(post->suite->hash, post->suite->aead, s, &rr->keys);
	rr->seq = 0;
}

void rig_connect(struct rig *r, const struct rig_opts *o)
{
	rig_connect_tuned(r, o, NULL);
}

void rig_connect_tuned(struct rig *r, const struct rig_opts *o, rig_tune_fn *tune)
{
	bool peer_up = false, up = false;
	char text[300];

	open_tuned(r, o, tune);
	for (int turns = 0; turns < 20 && !(up && peer_up); turns++) {
		enum leat_ret s = up ? LEAT_OK : rig_conn_step(r);

		up = s == LEAT_OK;
		if (s == LEAT_FAILED)
			fail_msg("connection: %s",
				leat_strerror(leat_conn_error(r->c), text, sizeof(text)));
		peer_up = peer_up || rig_peer_step(r);
		if (leat_engine_wants(r->e) & LEAT_IS_DEAD)
			fail_msg("peer: %s",
				leat_strerror(leat_engine_error(r->e), text, sizeof(text)));
	}
	assert_true(up && peer_up);
	rig_take_keys(r);
}

void rig_bytes(struct rig *r, const void *p, size_t n)
{
	if (r->hold)
		leat_wr_bytes(r->hold, p, n);
	else
		assert_true(tcp_write_all(r->fd, p, n));
}

size_t rig_seal(struct rig *r, uint8_t type, const void *p, size_t n, size_t pad, uint8_t *buf)
{
	return refrec_seal(&r->out, type, p, n, pad, buf);
}

void rig_put(struct rig *r, uint8_t type, const void *p, size_t n, size_t pad)
{
	static uint8_t rec[REFREC_ROOM(65535, 0)];

	rig_bytes(r, rec, rig_seal(r, type, p, n, pad, rec));
}

int rig_get(struct rig *r, uint8_t *type, void *buf)
{
	return refrec_read(&r->in, r->fd, type, buf);
}

void rig_expect_alert(struct rig *r, unsigned alert)
{
	static uint8_t b[65536];
	uint8_t type = 0;

	assert_int_equal(rig_get(r, &type, b), 2);
	assert_int_equal(type, 21);
	assert_int_equal(b[1], alert);
}

void rig_expect_end(struct rig *r)
{
	uint8_t b;

	assert_int_equal(tcp_read_to_end(r->fd, &b, 1), 0);
}

void rig_expect_recv(struct rig *r, const void *p, size_t n)
{
	static uint8_t b[100000];

	for (size_t have = 0; have < n;) {
		size_t got, want = n - have < sizeof(b) ? n - have : sizeof(b);
		enum leat_ret s = leat_recv(r->c, b, want, MS, &got);
		char text[300];

		if (s != LEAT_OK)
			fail_msg("recv after %zu of %zu bytes: %s", have, n,
				s == LEAT_AGAIN
					? "nothing comes"
					: leat_strerror(leat_conn_error(r->c), text, sizeof(text)));
		assert_true(got > 0);
		assert_memory_equal(b, (const uint8_t *)p + have, got);
		have += got;
	}
}

const struct leat_err *rig_recv_fails(struct rig *r, enum leat_err_class cls)
{
	uint8_t b[100];
	size_t got;

	assert_int_equal(leat_recv(r->c, b, sizeof(b), MS, &got), LEAT_FAILED);
	assert_int_equal(got, 0);
	assert_int_equal(leat_conn_error(r->c)->cls, cls);
	/* and it stays */
	assert_int_equal(leat_recv(r->c, b, sizeof(b), MS, &got), LEAT_FAILED);
	return leat_conn_error(r->c);
}

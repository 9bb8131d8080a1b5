/* SPDX-License-Identifier: Apache-2.0
 *
 * info.c - what a connection is: negotiated values, backends and reasons, addresses; and moving a
 * direction on request.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <leat/export.h>

#include "sock/conn.h"
#include "sock/mail.h"

static const struct leat_err no_err;

const struct leat_err *leat_conn_error(const struct leat_conn *c)
{
	return c->first ? c->first : &no_err;
}

const struct leat_err *leat_conn_note(const struct leat_conn *c)
{
	return c->note ? c->note : &no_err;
}

static struct leat_conn_dir dir_info(const struct handover_dir *d)
{
	return (struct leat_conn_dir){
		.kernel = d->in_kernel,
		.backend = d->in_kernel ? "kernel" : "user",
		.why = why_name(d->why),
		.why_text = why_text(d->why),
		.sys = d->sys,
	};
}

void leat_conn_info(const struct leat_conn *c, struct leat_conn_info *out)
{
	*out = (struct leat_conn_info){
		.rx = dir_info(&c->ho.dir[LEAT_RX]),
		.tx = dir_info(&c->ho.dir[LEAT_TX]),
		.outcome = handover_outcome_name(handover_outcome(&c->ho)),
	};
	if (!out->rx.kernel && atomic_load(&c->reading)) {
		out->rx.why = why_name(WHY_READER_WAITS);
		out->rx.why_text = why_text(WHY_READER_WAITS);
	}
	leat_engine_info(c->e, &out->tls);
}

struct leat_span leat_peer_cert(const struct leat_conn *c, size_t i)
{
	return leat_engine_peer_cert(c->e, i);
}

enum leat_ret leat_conn_exporter(const struct leat_conn *c, const struct leat_exporter *what,
	void *out, size_t n, struct leat_err *err)
{
	return leat_engine_exporter(c->e, what, out, n, err);
}

enum leat_ret leat_conn_early_exporter(const struct leat_conn *c, const struct leat_exporter *what,
	void *out, size_t n, struct leat_err *err)
{
	return leat_engine_early_exporter(c->e, what, out, n, err);
}

enum leat_ret leat_conn_prf(const struct leat_conn *c, const struct leat_prf *what, void *out,
	size_t n, struct leat_err *err)
{
	return leat_engine_prf(c->e, what, out, n, err);
}

enum leat_ret leat_conn_binding(const struct leat_conn *c, enum leat_binding_kind kind,
	struct leat_binding *out, struct leat_err *err)
{
	return leat_engine_binding(c->e, kind, out, err);
}

struct leat_span leat_peer_ocsp(const struct leat_conn *c, size_t i)
{
	return leat_engine_peer_ocsp(c->e, i);
}

struct leat_span leat_peer_sct(const struct leat_conn *c, enum leat_sct_from from)
{
	return leat_engine_peer_sct(c->e, from);
}

int leat_conn_fd(const struct leat_conn *c)
{
	return c->fd;
}

short leat_conn_events(const struct leat_conn *c, bool want_send)
{
	unsigned w = leat_engine_wants(c->e);

	if (c->eof || c->in.len - c->in.off > c->lent || bytes_span(&c->pre).n ||
		c->err[LEAT_RX].cls != LEAT_E_NONE ||
		(w & (LEAT_HAS_DATA | LEAT_IS_DEAD | LEAT_IS_EOF)))
		return 0;
	return (short)(POLLIN | (want_send || (w & LEAT_WANT_SEND) ? POLLOUT : 0));
}

enum leat_ret leat_conn_setopt(
	struct leat_conn *c, const char *name, const char *value, struct leat_err *err)
{
	enum leat_ret r = c->via.ops ? stream_setopt(&c->via, &c->set, name, value, err)
				     : sockset_set(&c->set, c->fd, name, value, err);

	if (r == LEAT_OK && c->mail)
		mail_changed(c->mail);
	return r;
}

enum leat_ret leat_conn_getopt(
	const struct leat_conn *c, const char *name, char *buf, size_t n, struct leat_err *err)
{
	return c->via.ops ? stream_getopt(&c->via, &c->set, name, buf, n, err)
			  : sockset_get(&c->set, c->fd, name, buf, n, err);
}

enum leat_ret leat_peername(
	const struct leat_conn *c, struct sockaddr_storage *out, struct leat_err *err)
{
	socklen_t n = sizeof(*out);

	if (c->via.ops)
		return stream_name(c->via.ops->peername(c->via.it, out), "peername: failed", err);
	if (getpeername(c->fd, (struct sockaddr *)out, &n) != 0)
		return err_sys(err, errno, "getpeername: failed");
	return LEAT_OK;
}

enum leat_ret leat_sockname(
	const struct leat_conn *c, struct sockaddr_storage *out, struct leat_err *err)
{
	socklen_t n = sizeof(*out);

	if (c->via.ops)
		return stream_name(c->via.ops->sockname(c->via.it, out), "sockname: failed", err);
	if (getsockname(c->fd, (struct sockaddr *)out, &n) != 0)
		return err_sys(err, errno, "getsockname: failed");
	return LEAT_OK;
}

static enum leat_ret offload(struct leat_conn *c, enum leat_dir dir)
{
	struct leat_err err = { 0 };
	enum leat_ret r;

	if (conn_check(c, dir) != LEAT_OK)
		return LEAT_FAILED;
	r = conn_flush_some(c);
	if (r == LEAT_FAILED)
		return r;
	if (dir == LEAT_RX) {
		leat_engine_in_exact(c->e, true);
		if (bytes_span(&c->pre).n)
			return LEAT_AGAIN;
	}
	r = handover_try(&c->ho, c->e, dir, HANDOVER_ASKED, 0, &err);
	return r == LEAT_FAILED ? conn_fail_closing(c, dir, &err) : r;
}

enum leat_ret leat_offload(struct leat_conn *c, enum leat_dir dir)
{
	enum leat_ret r;

	if (dir == LEAT_TX)
		return offload(c, dir);
	/* A reader that waits while the keys are set would be handed ciphertext (docs/kernel.md 2). */
	if (atomic_exchange(&c->reading, true))
		return LEAT_AGAIN;
	r = offload(c, dir);
	atomic_store(&c->reading, false);
	return r;
}

void leat_offload_switch(bool on)
{
	handover_switch(on);
}

bool leat_offload_is_on(void)
{
	return handover_is_switched_on();
}

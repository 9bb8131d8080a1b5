/* SPDX-License-Identifier: Apache-2.0
 *
 * conn.c - life and basic steps of a connection; see conn.h.
 */
#include "sock/conn.h"

#include <errno.h>
#include <fcntl.h>

#include "base/mem.h"
#include "sock/conn_cache.h"
#include "sock/log.h"
#include "sock/mail.h"

static const struct leat_sys *use_sys = &sys_real;
static const struct leat_env *use_env;

void conn_use(const struct leat_sys *sys, const struct leat_env *env)
{
	use_sys = sys ? sys : &sys_real;
	use_env = env;
}

int64_t deadline_of(const struct leat_sys *sys, int timeout_ms)
{
	return timeout_ms < 0 ? DEADLINE_NEVER : sys->now_ms() + timeout_ms;
}

int64_t conn_deadline(const struct leat_conn *c, int timeout_ms)
{
	return deadline_of(c->sys, timeout_ms);
}

enum leat_ret sock_wait(
	const struct leat_sys *sys, int fd, short events, int64_t deadline, struct leat_err *err)
{
	struct pollfd p = { fd, events, 0 };
	int ms;

	while (time_left(sys, deadline, &ms)) {
		int r = sys->poll(&p, 1, ms);

		if (r > 0)
			return LEAT_OK; /* POLLERR and POLLHUP included: the call itself will tell */
		if (r < 0 && r != -EINTR)
			return err_sys(err, -r, "poll: failed");
	}
	return LEAT_AGAIN;
}

enum leat_ret conn_wait(struct leat_conn *c, enum leat_dir dir, short events, int64_t deadline)
{
	struct leat_err err = { 0 };
	enum leat_ret r = carrier_wait(c, events, deadline, &err);

	return r == LEAT_FAILED ? conn_fail_sys(c, dir, err.sys, err.where, err.what) : r;
}

const struct leat_sys *conn_sys_in_use(void)
{
	return use_sys;
}

const struct leat_env *conn_env(struct leat_env *system)
{
	if (use_env)
		return use_env;
	leat_env_system(system);
	return system;
}

void conn_init(struct leat_conn *c, const struct leat_config *cfg, int fd)
{
	c->fd = fd;
	c->sys = use_sys;
	sockset_init(&c->set, cfg);
	c->fd_flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);
}

static enum leat_ret new_engine(struct leat_conn *c, struct leat_config *cfg,
	const struct leat_client_opts *opts, struct leat_err *err)
{
	struct leat_engine_opts eo = {
		.host = opts->host, .session = opts->session, .early_data = opts->early.n > 0
	};
	struct leat_env system;

	return leat_engine_new_with(&c->e, cfg, &eo, conn_env(&system), err);
}

enum leat_ret conn_open_with(struct leat_conn **out, struct leat_config *cfg, int fd,
	const struct conn_opts *opts, struct leat_err *err)
{
	struct leat_conn *c = leat_zalloc(sizeof(*c));
	struct leat_client_opts client = opts->client;
	struct leat_span already = client.already;

	*out = NULL;
	if (!c)
		return err_memory(err);
	conn_init(c, cfg, fd);
	c->via = opts->via;
	if (opts->set)
		c->set = *opts->set;
	handover_init(&c->ho, c->sys, fd, cfg);
	if (fd >= 0 && fcntl(fd, F_SETFL, c->fd_flags | O_NONBLOCK) != 0) {
		err_sys(err, errno, "fcntl(O_NONBLOCK): failed");
		goto fail;
	}
	if (already.n && !bytes_add(&c->pre, already.p, already.n)) {
		err_memory(err);
		goto fail;
	}
	conn_cache_begin(c, cfg, &client, opts->port);
	if (handover_early(&c->ho, err) != LEAT_OK || new_engine(c, cfg, &client, err) != LEAT_OK)
		goto fail;
	c->early = opts->client.early;
	log_conn_begin(c);
	app_socket_add(&c->app, fd, false);
	*out = c;
	return LEAT_OK;
fail:
	conn_cache_free(c);
	bytes_clear(&c->pre);
	leat_free(c);
	return LEAT_FAILED;
}

enum leat_ret conn_change_config(struct leat_conn *c, struct leat_config *cfg, struct leat_err *err)
{
	static const struct leat_client_opts none;
	struct leat_engine *old = c->e;
	struct handover ho = c->ho;

	handover_init(&c->ho, c->sys, c->fd, cfg);
	c->ho.ulp = ho.ulp;
	if ((ho.ulp >= 0 || handover_early(&c->ho, err) == LEAT_OK) &&
		new_engine(c, cfg, &none, err) == LEAT_OK) {
		leat_engine_free(old);
		return LEAT_OK;
	}
	c->ho = ho;
	c->e = old;
	return LEAT_FAILED;
}

enum leat_ret conn_open(struct leat_conn **out, struct leat_config *cfg, int fd, const char *host,
	struct leat_err *err)
{
	const struct conn_opts opts = { .client.host = host };

	return conn_open_with(out, cfg, fd, &opts, err);
}

/* The first error of a direction stays, and the first of all is remembered. */
static enum leat_ret keep(struct leat_conn *c, enum leat_dir dir)
{
	if (!c->first) {
		c->first = &c->err[dir];
		log_conn_end(c, c->first);
	}
	return LEAT_FAILED;
}

enum leat_ret conn_fail_sys(
	struct leat_conn *c, enum leat_dir dir, int sys, const char *where, const char *what)
{
	err_raise(&c->err[dir], LEAT_E_SYSTEM, 0, sys, where, what);
	/* What a read reports (a reset, a time-out) is the end of the transport. The kernel has told it
	 * once now; it would take our bytes with success from here on. */
	if (dir == LEAT_RX)
		err_raise(&c->err[LEAT_TX], LEAT_E_SYSTEM, 0, sys, where, what);
	return keep(c, dir);
}

enum leat_ret conn_refuse(struct leat_conn *c, enum leat_dir dir, const char *what)
{
	if (what)
		err_misuse(&c->err[dir], what);
	else
		err_memory(&c->err[dir]);
	return keep(c, dir);
}

enum leat_ret conn_fail_end(struct leat_conn *c, const char *what)
{
	err_raise(&c->err[LEAT_RX], LEAT_E_CLOSED, 0, 0, LEAT_HERE, what);
	return keep(c, LEAT_RX);
}

enum leat_ret conn_fail_engine(struct leat_conn *c)
{
	const struct leat_err *why = leat_engine_error(c->e);
	enum leat_ret sent = LEAT_OK;

	for (int dir = 0; dir < 2; dir++)
		if (c->err[dir].cls == LEAT_E_NONE) {
			/* one try for the alert; before the error is set, which would forbid it */
			if (dir == LEAT_TX && !c->shut[LEAT_TX])
				sent = conn_flush_some(c);
			if (c->err[dir].cls == LEAT_E_NONE)
				c->err[dir] = *why;
			keep(c, (enum leat_dir)dir);
		}
	conn_cache_failed(c, why);
	(void)sent; /* the peer may be gone: nothing to add to the error that brought us here */
	return LEAT_FAILED;
}

enum leat_ret conn_fail_closing(struct leat_conn *c, enum leat_dir dir, const struct leat_err *why)
{
	if (c->err[LEAT_TX].cls == LEAT_E_NONE && leat_engine_close(c->e) == LEAT_OK)
		(void)!conn_flush_some(c);
	for (int d = 0; d < 2; d++)
		if (c->err[d].cls == LEAT_E_NONE)
			c->err[d] = *why;
	return keep(c, dir);
}

enum leat_ret conn_note(struct leat_conn *c, const struct leat_err *why)
{
	if (!c->note)
		c->note = leat_malloc(sizeof(*c->note));
	if (c->note)
		*c->note = *why;
	return LEAT_UNSUPPORTED;
}

enum leat_ret conn_check(struct leat_conn *c, enum leat_dir dir)
{
	struct leat_err *err = &c->err[dir];

	if (err->cls != LEAT_E_NONE)
		return LEAT_FAILED;
	if (!c->up) {
		(void)conn_refuse(c, dir, "connection: the handshake is not complete");
		err->sys = ENOTCONN; /* what the manual calls it */
		return LEAT_FAILED;
	}
	if (c->shut[dir]) {
		err_raise(err, LEAT_E_CLOSED, 0, 0, LEAT_HERE,
			dir == LEAT_TX ? "send: this side is closed already"
				       : "recv: this side is closed already");
		return keep(c, dir);
	}
	return LEAT_OK;
}

/* TX in user space: sealed bytes. */
static enum leat_ret flush_bytes(struct leat_conn *c)
{
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(c->e, &n)) && n > 0) {
		ssize_t r = carrier_send(c, p, n);

		if (r == -EAGAIN)
			return LEAT_AGAIN;
		if (r < 0 && r != -EINTR)
			return conn_sys(c, LEAT_TX, (int)-r, "send: failed");
		if (r > 0)
			leat_engine_out_done(c->e, (size_t)r);
	}
	return LEAT_OK;
}

/* TX in the kernel: control records, each whole or not at all. */
static enum leat_ret send_control(struct leat_conn *c)
{
	struct leat_span payload;
	uint8_t type;

	while (leat_engine_ctl(c->e, &type, &payload)) {
		int r = rec_kernel_send_ctl(c->sys, c->fd, type, payload);

		if (r == -EAGAIN)
			return LEAT_AGAIN;
		if (r < 0)
			return conn_sys(c, LEAT_TX, -r, "send: control record failed");
		leat_engine_ctl_done(c->e);
		handover_count_tx(&c->ho, 0, false); /* data is where the limit stops */
	}
	return LEAT_OK;
}

static enum leat_ret flush_control(struct leat_conn *c)
{
	enum leat_ret r;

	do {
		r = send_control(c);
		if (r != LEAT_OK)
			return r;
		r = handover_rekey(&c->ho, c->e, LEAT_TX);
	} while (r == LEAT_AGAIN);
	return r == LEAT_OK ? LEAT_OK : conn_fail_engine(c);
}

enum leat_ret conn_flush_some(struct leat_conn *c)
{
	if (c->err[LEAT_TX].cls != LEAT_E_NONE)
		return LEAT_FAILED;
	return handover_is_kernel(&c->ho, LEAT_TX) ? flush_control(c) : flush_bytes(c);
}

enum leat_ret conn_flush(struct leat_conn *c, int64_t deadline)
{
	for (;;) {
		enum leat_ret r = conn_flush_some(c);

		if (r == LEAT_AGAIN)
			r = conn_wait(c, LEAT_TX, POLLOUT, deadline);
		else
			return r;
		if (r != LEAT_OK)
			return r;
	}
}

/* Does the jobs that processing brought up. */
static enum leat_ret run_jobs(struct leat_conn *c, enum leat_ret r)
{
	while (r != LEAT_FAILED && (leat_engine_wants(c->e) & LEAT_WANT_JOB))
		r = leat_engine_job_run(c->e);
	conn_cache_keep(c);
	return r == LEAT_FAILED ? conn_fail_engine(c) : LEAT_OK;
}

enum leat_ret conn_run_jobs(struct leat_conn *c)
{
	return run_jobs(c, leat_engine_wants(c->e) & LEAT_IS_DEAD ? LEAT_FAILED : LEAT_OK);
}

enum leat_ret conn_fill(struct leat_conn *c)
{
	size_t room;
	uint8_t *p = leat_engine_in(c->e, &room);
	ssize_t r;

	if (!p || room == 0)
		return run_jobs(c, leat_engine_wants(c->e) & LEAT_IS_DEAD ? LEAT_FAILED : LEAT_OK);
	if (bytes_span(&c->pre).n) {
		size_t n = bytes_take(&c->pre, p, room);

		bytes_rest(&c->pre);
		return run_jobs(c, leat_engine_in_done(c->e, n));
	}
	do
		r = carrier_recv(c, p, room);
	while (r == -EINTR);
	if (r ==
		-EAGAIN) /* no bytes: the engine takes its buffer back, so an idle connection has none */
		return leat_engine_in_done(c->e, 0) == LEAT_FAILED ? conn_fail_engine(c)
								   : LEAT_AGAIN;
	if (r < 0)
		return conn_sys(c, LEAT_RX, (int)-r, "recv: failed");
	if (r == 0)
		return leat_engine_in_eof(c->e) == LEAT_OK ? LEAT_OK : conn_fail_engine(c);
	return run_jobs(c, leat_engine_in_done(c->e, (size_t)r));
}

void leat_conn_free(struct leat_conn *c)
{
	if (!c)
		return;
	app_socket_remove(&c->app);
	if (mail_last_words(c))
		c->fd = -1;
	mail_free(c->mail);
	conn_cache_free(c);
	leat_engine_free(c->e);
	carrier_close(c);
	bytes_clear(&c->pre);
	bytes_clear(&c->in);
	leat_free(c->note);
	leat_free(c);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * upgrade.c - a TLS connection on a TCP socket: the handshake loop, and the move of the records into
 * the kernel where the policy demands it.
 */
#include <netinet/in.h>
#include <unistd.h>

#include "config/config.h"
#include "sock/conn.h"

/* Where the policy is `kernel`, now is the time. RX may have to wait for a record boundary: leat_recv
 * goes on with it, and until then reads never go past the current record. */
static enum leat_ret move_records(struct leat_conn *c)
{
	for (int dir = 0; dir < 2; dir++) {
		struct leat_err err = { 0 };

		if (c->ho.dir[dir].policy != LEAT_RECORDS_KERNEL)
			continue;
		if (dir == LEAT_RX) {
			leat_engine_in_exact(c->e, true);
			if (bytes_span(&c->pre).n)
				continue;
		}
		if (handover_try(&c->ho, c->e, (enum leat_dir)dir, HANDOVER_ASKED, 0, &err) ==
			LEAT_FAILED)
			return conn_fail_closing(c, (enum leat_dir)dir, &err);
	}
	return LEAT_OK;
}

enum leat_ret conn_handshake_late(struct leat_conn *c)
{
	err_raise(&c->err[LEAT_RX], LEAT_E_TIMEOUT, 0, 0, LEAT_HERE,
		"handshake: not complete in time");
	err_detailf(&c->err[LEAT_RX], "state %s", leat_engine_state(c->e));
	c->first = &c->err[LEAT_RX];
	return LEAT_FAILED;
}

/* As much early data as the engine's buffer takes. */
static enum leat_ret early_some(struct leat_conn *c)
{
	size_t taken;
	enum leat_ret r = leat_engine_write_early(c->e, c->early.p, c->early.n, &taken);

	c->early.p += taken;
	c->early.n -= taken;
	c->early_sent += taken;
	return r;
}

/* One turn of the handshake: send, compute or read. LEAT_AGAIN: wait for *events. */
static enum leat_ret turn(struct leat_conn *c, short *events)
{
	unsigned w = leat_engine_wants(c->e);

	*events = POLLOUT;
	if (w & LEAT_IS_DEAD)
		return conn_fail_engine(c);
	if (w & LEAT_WANT_JOB)
		return leat_engine_job_run(c->e) == LEAT_FAILED ? conn_fail_engine(c) : LEAT_OK;
	if ((w & LEAT_MAY_WRITE_EARLY) && c->early.n && early_some(c) == LEAT_FAILED)
		return conn_fail_engine(c);
	if (leat_engine_wants(c->e) & LEAT_WANT_SEND)
		return conn_flush_some(c);
	*events = POLLIN;
	return conn_fill(c);
}

enum leat_ret conn_handshake_some(struct leat_conn *c, short *events)
{
	enum leat_ret r = LEAT_OK;

	while (r == LEAT_OK) {
		unsigned w = leat_engine_wants(c->e);

		if ((w & LEAT_IS_UP) && !(w & (LEAT_WANT_SEND | LEAT_IS_DEAD))) {
			c->up = true;
			return move_records(c);
		}
		r = turn(c, events);
	}
	return r;
}

enum leat_ret conn_handshake(struct leat_conn *c, int64_t deadline)
{
	enum leat_ret r;
	short events = POLLIN;

	c->begun = true;
	while ((r = conn_handshake_some(c, &events)) == LEAT_AGAIN) {
		r = conn_wait(c, LEAT_RX, events, deadline);
		if (r != LEAT_OK)
			break;
	}
	if (r == LEAT_AGAIN)
		r = conn_handshake_late(c);
	if (r == LEAT_FAILED)
		conn_linger(c, deadline);
	return r;
}

enum leat_ret leat_handshake(struct leat_conn *c, int timeout_ms)
{
	if (c->up)
		return LEAT_OK;
	if (c->first)
		return LEAT_FAILED;
	return conn_handshake(c, conn_deadline(c, timeout_ms));
}

static enum leat_ret check_role(
	const struct leat_config *cfg, enum leat_role role, struct leat_err *err)
{
	if (!cfg->frozen)
		return err_misuse(err, "config: not frozen");
	if (cfg->role != role)
		return err_misuse(err, role == LEAT_CLIENT ? "config: made for a server"
							   : "config: made for a client");
	return LEAT_OK;
}

enum leat_ret leat_handshake_with(struct leat_conn *c, struct leat_config *cfg, int timeout_ms)
{
	struct leat_err err = { 0 };

	if (c->first)
		return LEAT_FAILED;
	if (c->up || c->begun)
		return conn_refuse(c, LEAT_RX, "handshake: it has begun with another config");
	if (check_role(cfg, LEAT_SERVER, &err) == LEAT_OK &&
		conn_change_config(c, cfg, &err) == LEAT_OK)
		return leat_handshake(c, timeout_ms);
	c->err[LEAT_RX] = err;
	c->first = &c->err[LEAT_RX];
	return LEAT_FAILED;
}

/* One call that makes a connection of a socket. */
struct upgrade {
	struct leat_config *cfg;
	enum leat_role role;
	struct conn_opts opts;
	struct sockplan plan;
	unsigned flags;
	int64_t deadline;
};

/* Everything that can be refused before a byte moves. */
static enum leat_ret check_upgrade(
	struct upgrade *u, const struct leat_client_opts *o, struct leat_err *err)
{
	u->opts = (struct conn_opts){ .client = *o, .set = &u->plan.set };
	if (check_role(u->cfg, u->role, err) != LEAT_OK || app_may_begin(err) != LEAT_OK)
		return LEAT_FAILED;
	return sockplan_init(&u->plan, u->cfg, o->sockopts, o->num_sockopts, err);
}

/* Ends a socket or stream that no connection was made of. */
static void drop(const struct upgrade *u, int fd)
{
	const struct stream *via = &u->opts.via;

	if (u->flags & LEAT_KEEP_FD)
		return;
	if (via->ops && via->it)
		via->ops->close(via->it);
	if (fd >= 0)
		close(fd);
}

/* Object and handshake; fd belongs to us from the start, and with LEAT_KEEP_FD is given back. */
static enum leat_ret upgrade(
	struct leat_conn **out, const struct upgrade *u, int fd, struct leat_err *err)
{
	struct leat_conn *c;

	if (conn_open_with(&c, u->cfg, fd, &u->opts, err) != LEAT_OK) {
		drop(u, fd);
		return LEAT_FAILED;
	}
	if (u->flags & LEAT_EXACT_READS)
		leat_engine_in_exact(c->e, true);
	if (conn_handshake(c, u->deadline) == LEAT_OK) {
		c->early = (struct leat_span){ NULL, 0 };
		*out = c;
		return LEAT_OK;
	}
	if (err->cls == LEAT_E_NONE)
		*err = *c->first;
	if (u->flags & LEAT_KEEP_FD) {
		app_socket_remove(&c->app);
		c->fd = -1;
		c->via.ops = NULL;
	}
	leat_conn_free(c);
	return LEAT_FAILED;
}

static enum leat_ret check_carrier(const struct upgrade *u, int fd, struct leat_err *err)
{
	bool via = u->opts.via.ops != NULL;

	if (via == (u->opts.via.it != NULL) && !(via && fd >= 0))
		return LEAT_OK;
	return err_misuse(
		err, via ? "upgrade: a config with a transport needs a stream and no socket"
			 : "upgrade: a config without a transport needs a socket and no stream");
}

static enum leat_ret apply(const struct upgrade *u, int fd, struct leat_err *err)
{
	return u->opts.via.ops ? stream_apply(&u->opts.via, &u->plan, err)
			       : sockplan_apply(&u->plan, fd, err);
}

/* 0: it has none. */
static uint16_t port_of_peer(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in; /* the port is at the same place in both families */
		struct sockaddr_in6 in6;
	} a = { .sa.sa_family = AF_UNSPEC };
	socklen_t n = sizeof(a);

	if (fd < 0 || getpeername(fd, &a.sa, &n) != 0)
		return 0;
	return a.sa.sa_family == AF_INET || a.sa.sa_family == AF_INET6 ? ntohs(a.in.sin_port) : 0;
}

static enum leat_ret upgrade_fd(struct leat_conn **out, struct upgrade *u, int fd,
	const struct leat_client_opts *opts, struct leat_err *err)
{
	enum leat_ret r;

	*out = NULL;
	r = check_upgrade(u, opts, err);
	u->opts.via = (struct stream){ u->cfg->transport, opts->stream };
	u->opts.port = u->role == LEAT_CLIENT ? port_of_peer(fd) : 0;
	if (r == LEAT_OK)
		r = check_carrier(u, fd, err);
	if (r == LEAT_OK)
		r = apply(u, fd, err);
	if (r == LEAT_OK)
		return upgrade(out, u, fd, err);
	drop(u, fd);
	return LEAT_FAILED;
}

enum leat_ret leat_upgrade_client_with(struct leat_conn **out, struct leat_config *cfg, int fd,
	const struct leat_client_opts *opts, unsigned flags, int timeout_ms, struct leat_err *err)
{
	struct upgrade u = { .cfg = cfg, .role = LEAT_CLIENT, .flags = flags };

	u.deadline = deadline_of(&sys_real, timeout_ms);
	return upgrade_fd(out, &u, fd, opts, err);
}

enum leat_ret leat_upgrade_client(struct leat_conn **out, struct leat_config *cfg, int fd,
	const char *host, unsigned flags, int timeout_ms, struct leat_err *err)
{
	const struct leat_client_opts opts = { .host = host };

	return leat_upgrade_client_with(out, cfg, fd, &opts, flags, timeout_ms, err);
}

enum leat_ret leat_upgrade_server_with(struct leat_conn **out, struct leat_config *cfg, int fd,
	const struct leat_server_opts *opts, unsigned flags, int timeout_ms, struct leat_err *err)
{
	const struct leat_client_opts o = { .already = opts->already,
		.stream = opts->stream,
		.sockopts = opts->sockopts,
		.num_sockopts = opts->num_sockopts };
	struct upgrade u = { .cfg = cfg, .role = LEAT_SERVER, .flags = flags };

	u.deadline = deadline_of(&sys_real, timeout_ms);
	return upgrade_fd(out, &u, fd, &o, err);
}

enum leat_ret leat_upgrade_server(struct leat_conn **out, struct leat_config *cfg, int fd,
	unsigned flags, int timeout_ms, struct leat_err *err)
{
	static const struct leat_server_opts none;

	return leat_upgrade_server_with(out, cfg, fd, &none, flags, timeout_ms, err);
}

static enum leat_ret connect_via(
	struct leat_conn **out, struct upgrade *u, uint16_t port, struct leat_err *err)
{
	const char *host = u->opts.client.host;

	if (stream_dial(&u->opts.via, u->cfg, host, port, u->deadline, err) != LEAT_OK)
		return LEAT_FAILED;
	if (stream_apply(&u->opts.via, &u->plan, err) == LEAT_OK)
		return upgrade(out, u, -1, err);
	drop(u, -1);
	return LEAT_FAILED;
}

enum leat_ret leat_connect_with(struct leat_conn **out, struct leat_config *cfg, uint16_t port,
	const struct leat_client_opts *opts, int timeout_ms, struct leat_err *err)
{
	struct upgrade u = { .cfg = cfg, .role = LEAT_CLIENT };
	int fd;

	*out = NULL;
	u.deadline = deadline_of(&sys_real, timeout_ms);
	if (check_upgrade(&u, opts, err) != LEAT_OK)
		return LEAT_FAILED;
	u.opts.port = port;
	if (cfg->transport)
		return connect_via(out, &u, port, err);
	if (sock_dial(&fd, opts->host, port, &u.plan, u.deadline, err) != LEAT_OK)
		return LEAT_FAILED;
	return upgrade(out, &u, fd, err);
}

enum leat_ret leat_connect(struct leat_conn **out, struct leat_config *cfg, const char *host,
	uint16_t port, int timeout_ms, struct leat_err *err)
{
	const struct leat_client_opts opts = { .host = host };

	return leat_connect_with(out, cfg, port, &opts, timeout_ms, err);
}

enum leat_early leat_conn_early(const struct leat_conn *c, size_t *taken)
{
	*taken = c->early_sent;
	return leat_engine_early_status(c->e);
}

struct leat_session *leat_conn_take_session(struct leat_conn *c)
{
	return leat_engine_take_session(c->e);
}

/* Has the engine say something after the handshake, and sends it as far as it goes. */
static enum leat_ret say(struct leat_conn *c, enum leat_ret (*what)(struct leat_engine *))
{
	enum leat_ret r;

	if (conn_check(c, LEAT_TX) != LEAT_OK)
		return LEAT_FAILED;
	r = what(c->e);
	if (r == LEAT_FAILED)
		return conn_fail_engine(c);
	if (r == LEAT_OK && conn_flush_some(c) == LEAT_FAILED)
		return LEAT_FAILED;
	return r;
}

enum leat_ret leat_conn_send_ticket(struct leat_conn *c)
{
	return say(c, leat_engine_send_ticket);
}

enum leat_ret leat_conn_request_auth(struct leat_conn *c)
{
	return say(c, leat_engine_request_auth);
}

enum leat_auth leat_conn_auth(struct leat_conn *c)
{
	return leat_engine_auth(c->e);
}

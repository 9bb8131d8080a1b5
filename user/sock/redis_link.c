/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_link.c - see redis_link.h.
 */
#include "sock/redis_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "sock/conn.h"

#define FILL 4096

enum leat_ret redis_link_config(
	struct leat_config **out, const struct redis_url *url, struct leat_err *err)
{
	const struct leat_files files = {
		.cacertfile = url->cacertfile[0] ? url->cacertfile : NULL,
		.certfile = url->certfile[0] ? url->certfile : NULL,
		.keyfile = url->keyfile[0] ? url->keyfile : NULL,
	};
	enum leat_ret r = leat_config_new(out, LEAT_CLIENT, err);

	if (r == LEAT_OK && !files.cacertfile)
		r = leat_config_use_system_trust(*out, err);
	if (r == LEAT_OK)
		r = leat_config_use_files(*out, &files, err);
	if (r == LEAT_OK) /* small messages: the kernel gains nothing */
		r = leat_config_set(*out, "records", "user", err);
	if (r == LEAT_OK)
		r = leat_config_freeze(*out, err);
	if (r != LEAT_OK) {
		leat_config_unref(*out);
		*out = NULL;
	}
	return r;
}

/* ---- bytes ---- */

enum leat_ret redis_link_send(struct redis_link *l, const void *p, size_t n, size_t *sent)
{
	ssize_t k;

	*sent = 0;
	if (l->tls) /* with n 0 too: what was taken before may wait inside */
		return leat_send(l->tls, p, n, 0, sent) == LEAT_FAILED ? LEAT_FAILED : LEAT_OK;
	if (n == 0)
		return LEAT_OK;
	do
		k = send(l->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? LEAT_OK : LEAT_FAILED;
	*sent = (size_t)k;
	return LEAT_OK;
}

/* LEAT_AGAIN: nothing has come. LEAT_FAILED: gone. */
static enum leat_ret receive(struct redis_link *l, void *buf, size_t cap, size_t *got)
{
	ssize_t k;

	if (l->tls) {
		enum leat_ret r = leat_recv(l->tls, buf, cap, 0, got);

		return r == LEAT_OK && *got == 0 ? LEAT_FAILED : r;
	}
	do
		k = recv(l->fd, buf, cap, MSG_DONTWAIT);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? LEAT_AGAIN : LEAT_FAILED;
	*got = (size_t)k;
	return k > 0 ? LEAT_OK : LEAT_FAILED;
}

enum leat_ret redis_link_fill(struct redis_link *l)
{
	uint8_t buf[FILL];
	size_t got = 0;
	enum leat_ret r = receive(l, buf, sizeof(buf), &got);

	if (r == LEAT_OK && !redis_reader_feed(&l->reader, buf, got))
		r = LEAT_FAILED;
	leat_wipe(buf, got);
	return r == LEAT_FAILED ? LEAT_FAILED : LEAT_OK;
}

short redis_link_events(struct redis_link *l, bool want_send)
{
	if (l->tls)
		return leat_conn_events(l->tls, want_send);
	return (short)(POLLIN | (want_send ? POLLOUT : 0));
}

/* ---- opening ---- */

static int dial_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	/* Connecting to a unix socket never waits: EAGAIN says that its queue is full. */
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static const char *dial(struct redis_link *l, const struct redis_url *url, struct leat_config *tls,
	int64_t deadline)
{
	struct leat_err err = { 0 };

	if (url->socket[0])
		l->fd = dial_unix(url->socket);
	else if (sock_dial(&l->fd, url->host, url->port, NULL, deadline, &err) != LEAT_OK)
		l->fd = -1;
	if (l->fd < 0)
		return "no connection to the server";
	if (!url->is_tls)
		return NULL;
	if (leat_upgrade_client(&l->tls, tls, l->fd, url->host, 0,
		    (int)(deadline - sys_real.now_ms()), &err) == LEAT_OK)
		return NULL;
	l->fd = -1; /* it was closed */
	return err.cls == LEAT_E_OUR_ALERT ? "the certificate of the server, or its TLS, is not to "
					     "be believed"
					   : "no TLS with the server";
}

/* Sends all of out and waits for one reply. NULL or what went wrong. */
static const char *ask(struct redis_link *l, struct leat_wr *out, int64_t deadline)
{
	struct leat_err err = { 0 };
	size_t at = 0, sent;
	enum leat_ret r;

	while ((r = redis_reader_next(&l->reader)) == LEAT_AGAIN) {
		short events = redis_link_events(l, at < out->n);

		if (events != 0 && sock_wait(&sys_real, l->fd, events, deadline, &err) != LEAT_OK)
			return "the server does not answer";
		if (redis_link_send(l, out->p + at, out->n - at, &sent) != LEAT_OK ||
			redis_link_fill(l) != LEAT_OK)
			return "the server closed the connection";
		at += sent;
	}
	return r == LEAT_OK ? NULL : "what answers is no Redis server";
}

struct greeting {
	const char *wrong; /* what is wrong when the server refuses */
	struct leat_span words[3];
	size_t num;
	enum redis_kind kind; /* what it answers otherwise */
};

static struct leat_span span_of(const char *text)
{
	return (struct leat_span){ (const uint8_t *)text, strlen(text) };
}

static const char *greet(struct redis_link *l, const struct greeting *g, int64_t deadline)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr out = { 0 };
	const char *why;

	if (!redis_command(&out, g->words, g->num))
		return "out of memory";
	why = ask(l, &out, deadline);
	if (why)
		return why;
	if (l->reader.reply.kind == REDIS_REFUSED)
		return g->wrong;
	return l->reader.reply.kind == g->kind ? NULL : "what answers is no Redis server";
}

/* AUTH, SELECT, PING: where a password is missing, a ping is refused. */
static const char *begin(struct redis_link *l, const struct redis_url *url, int64_t deadline)
{
	struct greeting auth = { "it refuses the password",
		{ span_of("AUTH"), span_of(url->user), span_of(url->password) }, 3, REDIS_STATUS };
	struct greeting select = { "it refuses the database", { span_of("SELECT") }, 2,
		REDIS_STATUS };
	struct greeting ping = { "it refuses us: a password may be missing", { span_of("PING") }, 1,
		REDIS_STATUS };
	const char *why = NULL;
	char db[16];

	snprintf(db, sizeof(db), "%u", url->db);
	select.words[1] = span_of(db);
	if (!url->user[0]) {
		auth.words[1] = auth.words[2];
		auth.num = 2;
	}
	if (url->password[0])
		why = greet(l, &auth, deadline);
	if (!why && url->db != 0)
		why = greet(l, &select, deadline);
	if (!why)
		why = greet(l, &ping, deadline);
	/* A reply too many would be taken for that of the first command. */
	return why || redis_reader_next(&l->reader) == LEAT_AGAIN
		       ? why
		       : "what answers is no Redis server";
}

enum leat_ret redis_link_open(struct redis_link *l, const struct redis_url *url,
	struct leat_config *tls, int timeout_ms, const char **why)
{
	int64_t deadline = deadline_of(&sys_real, timeout_ms);
	struct leat_err err = { 0 };

	*l = (struct redis_link){ .fd = -1 };
	*why = redis_reader_init(&l->reader, &err) == LEAT_OK ? dial(l, url, tls, deadline)
							      : "out of memory";
	if (!*why)
		*why = begin(l, url, deadline);
	if (!*why)
		return LEAT_OK;
	redis_link_close(l);
	return LEAT_FAILED;
}

void redis_link_close(struct redis_link *l)
{
	if (l->tls)
		leat_conn_free(l->tls);
	else if (l->fd >= 0)
		close(l->fd);
	redis_reader_clear(&l->reader);
	l->tls = NULL;
	l->fd = -1;
}

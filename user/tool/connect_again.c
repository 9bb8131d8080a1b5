/* SPDX-License-Identifier: Apache-2.0
 *
 * connect_again.c - `leat connect --reconnect N`: connections before the one that talks, each resuming what
 * the one before was given. They send nothing and wait for the server's end, in whose flight sessions come.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "tool/connect.h"

#define WAIT_MS 2000 /* for the end of a server that does not answer close_notify */

static enum leat_ret open_one(
	struct connect_wish *w, struct leat_config *cfg, struct leat_conn **c, struct leat_err *err)
{
	const struct leat_client_opts opts = { .host = w->name, .session = w->session };
	int fd;

	if (leat_tcp_connect(&fd, w->host, w->port, w->timeout_ms, err) != LEAT_OK)
		return LEAT_FAILED;
	return leat_upgrade_client_with(c, cfg, fd, &opts, 0, w->timeout_ms, err);
}

/* How the server ends does not matter here: what counts came before. */
static void await_end(struct leat_conn *c)
{
	char dropped[4096];
	size_t got = 1;

	if (leat_shutdown(c, SHUT_WR, WAIT_MS) != LEAT_OK)
		return;
	while (got > 0 && leat_recv(c, dropped, sizeof(dropped), WAIT_MS, &got) == LEAT_OK)
		;
}

static void keep_newest(struct connect_wish *w, struct leat_conn *c)
{
	struct leat_session *s;

	while ((s = leat_conn_take_session(c)) != NULL) {
		leat_session_unref(w->session);
		w->session = s;
	}
}

enum leat_ret connect_again(struct connect_wish *w, struct leat_config *cfg, struct leat_err *err)
{
	struct leat_conn_info info;
	struct leat_conn *c;

	for (unsigned i = 1; i <= w->reconnect; i++) {
		if (open_one(w, cfg, &c, err) != LEAT_OK)
			return LEAT_FAILED;
		leat_conn_info(c, &info);
		w->num_resumed += info.tls.resumed;
		if (w->talk == TALK_ALL || w->talk == TALK_BRIEF)
			fprintf(stderr, "connection %u: %s\n", i,
				info.tls.resumed ? "resumed" : "full handshake");
		await_end(c);
		keep_newest(w, c);
		leat_conn_free(c);
	}
	return LEAT_OK;
}

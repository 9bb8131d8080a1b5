/* SPDX-License-Identifier: Apache-2.0
 *
 * transport_pipe.c - TLS inside one process, over pipes that are memory (transport_pipe.h). A server and a client, each
 * a thread of its own, talk over them: first with calls that wait, then the server through a mailbox.
 *
 *	build/examples/transport_pipe CHAIN.pem KEY.pem CA.pem
 */
#include <stdio.h>

#include <leat/mailbox.h>
#include <leat/sockopt.h>

#include "transport_pipe.h"

#define TRY(call)                             \
	do                                    \
		if ((call) != LEAT_OK)        \
			give_up(#call, &err); \
	while (0)

static void give_up(const char *what, const struct leat_err *err)
{
	char text[300];

	fprintf(stderr, "transport_pipe: %s: %s\n", what, leat_strerror(err, text, sizeof(text)));
	exit(1);
}

static struct leat_config *config(enum leat_role role, const struct leat_files *files)
{
	struct leat_config *c;
	struct leat_err err = { 0 };

	TRY(leat_config_new(&c, role, &err));
	TRY(leat_config_use_files(c, files, &err));
	TRY(leat_config_set_transport(c, &pipes, NULL, &err));
	TRY(leat_config_freeze(c, &err));
	return c;
}

/* Sends back what comes until the client closes. */
static void echo_waiting(struct leat_listener *l)
{
	struct leat_conn *c;
	struct leat_err err = { 0 };
	char b[5000];
	size_t n;

	TRY(leat_accept(l, &c, LEAT_INFINITY, &err));
	TRY(leat_handshake(c, 10000));
	while (leat_recv(c, b, sizeof(b), 10000, &n) == LEAT_OK && n > 0)
		TRY(leat_send(c, b, n, 10000, NULL));
	TRY(leat_close(c, &err));
}

static void echo_by_events(struct leat_listener *l)
{
	struct leat_mailbox *m;
	struct leat_event ev = { .kind = LEAT_EVENT_NONE };
	struct leat_err err = { 0 };

	TRY(leat_mailbox_new(&m, &err));
	TRY(leat_listener_set_owner(l, m, NULL, &err));
	while (ev.kind != LEAT_EVENT_CLOSED) {
		TRY(leat_mailbox_next(m, &ev, 10000, &err));
		if (ev.kind == LEAT_EVENT_ERROR)
			give_up("event", &ev.err);
		if (ev.kind == LEAT_EVENT_ACCEPTED)
			TRY(leat_conn_set_owner(ev.conn, m, NULL, &err));
		if (ev.kind == LEAT_EVENT_UP)
			TRY(leat_conn_setopt(ev.conn, "active", "true", &err));
		if (ev.kind == LEAT_EVENT_MESSAGE && strcmp(ev.transport_tag, "pipe") == 0)
			TRY(leat_send(ev.conn, ev.message.body.p, ev.message.body.n, 10000, NULL));
	}
	leat_mailbox_free(m);
}

static void *serve(void *arg)
{
	struct leat_listener *l;
	struct leat_err err = { 0 };

	TRY(leat_listen(&l, arg, NULL, 0, &err));
	echo_waiting(l);
	echo_by_events(l); /* the mailbox closes the listener */
	return NULL;
}

static void talk(struct leat_config *cfg, const char *how)
{
	static char sent[3 * CAPACITY], back[sizeof(sent)];
	struct leat_conn_info info;
	struct leat_conn *c;
	struct leat_err err = { 0 };
	size_t got;

	TRY(leat_connect(&c, cfg, "localhost", 1, 10000, &err));
	leat_conn_info(c, &info);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof(sent); i += CAPACITY / 2) {
		TRY(leat_send(c, sent + i, CAPACITY / 2, 10000, NULL));
		TRY(leat_recv_exact(c, back + i, CAPACITY / 2, 10000, &got));
	}
	printf("%s: %zu bytes and back, %s, records in %s space (%s)\n", how, sizeof(sent),
		memcmp(sent, back, sizeof(sent)) ? "changed" : "the same", info.tx.backend,
		info.tx.why);
	TRY(leat_close(c, &err));
}

static int somebody_listens(void)
{
	int yes;

	pthread_mutex_lock(&lock);
	yes = shop != NULL;
	pthread_mutex_unlock(&lock);
	return yes;
}

int main(int argc, char **argv)
{
	struct leat_files files = { .certfile = argc > 1 ? argv[1] : "",
		.keyfile = argc > 2 ? argv[2] : "" };
	struct leat_files trust = { .cacertfile = argc > 3 ? argv[3] : "" };
	struct leat_config *server, *client;
	pthread_t t;

	if (argc != 4) {
		fprintf(stderr, "usage: transport_pipe CHAIN.pem KEY.pem CA.pem\n");
		return 2;
	}
	server = config(LEAT_SERVER, &files);
	client = config(LEAT_CLIENT, &trust);
	pthread_create(&t, NULL, serve, server);
	while (!somebody_listens())
		usleep(1000);
	talk(client, "waiting");
	talk(client, "by events");
	pthread_join(t, NULL);
	leat_config_unref(server);
	leat_config_unref(client);
	return 0;
}

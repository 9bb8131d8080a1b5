/* SPDX-License-Identifier: Apache-2.0
 *
 * guide_minimal.c - the manual's minimal example: a server that is given "foo" in a message, a client that sends it.
 * As in the manual this is NOT secure: with its defaults (preset otp73) the client talks to anybody.
 *
 *	guide_minimal server CHAIN.pem KEY.pem
 *	guide_minimal client PORT
 */
#include "guide.h"

#include <leat/mailbox.h>

static const char *const manual[] = { "preset", "otp73", NULL };

/* {active, true} is the manual's default: what comes is delivered, here to a mailbox. */
static void server(const struct leat_files *files)
{
	struct leat_config *cfg = config_of(LEAT_SERVER, files, manual);
	struct leat_listener *l = listen_here(cfg);
	struct leat_event ev = { .kind = LEAT_EVENT_NONE };
	struct leat_conn *c = next_of(l);
	struct leat_mailbox *m;
	struct leat_err err = { 0 };

	TRY(leat_mailbox_new(&m, &err));
	TRY(leat_conn_set_owner(c, m, NULL, &err));
	while (ev.kind != LEAT_EVENT_CLOSED) {
		TRY(leat_mailbox_next(m, &ev, MS, &err));
		if (ev.kind == LEAT_EVENT_ERROR)
			give_up("event", &ev.err);
		if (ev.kind == LEAT_EVENT_MESSAGE) {
			printf("got %.*s\n", (int)ev.message.body.n,
				(const char *)ev.message.body.p);
			leat_message_clear(
				&ev.message); /* the manual's mode is list: a copy of ours */
		}
	}
	leat_mailbox_free(m); /* and the connection with it */
	leat_listener_close(l);
	leat_config_unref(cfg);
}

static void client(uint16_t port)
{
	struct leat_config *cfg = config_of(LEAT_CLIENT, NULL, manual);
	struct leat_conn *c;
	struct leat_err err = { 0 };

	TRY(leat_connect(&c, cfg, "localhost", port, LEAT_INFINITY, &err));
	TRY_ON(c, leat_send(c, "foo", 3, MS, NULL));
	end(c);
	leat_config_unref(cfg);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		server(&(struct leat_files){ .certfile = argv[2], .keyfile = argv[3] });
	else if (argc == 3 && strcmp(argv[1], "client") == 0)
		client(port_of(argv[2]));
	else
		return 2;
	return 0;
}

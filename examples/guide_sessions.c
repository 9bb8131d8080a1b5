/* SPDX-License-Identifier: Apache-2.0
 *
 * guide_sessions.c - the second connection resumes the session of the first and needs no certificate any more.
 *
 *	guide_sessions server CHAIN.pem KEY.pem
 *	guide_sessions client PORT CA.pem VERSION
 */
#include "guide.h"

#include <leat/about.h>

static void tell_resumed(const struct leat_conn *c)
{
	char resumed[10];

	(void)!leat_conn_item(c, "resumed", resumed, sizeof(resumed));
	printf("resumed %s\n", resumed);
}

/* Servers hand out sessions by default; the keys that seal them are made by the freeze. */
static void server(const struct leat_files *files)
{
	struct leat_config *cfg = config_of(LEAT_SERVER, files, NULL);
	struct leat_listener *l = listen_here(cfg);

	for (int i = 0; i < 2; i++) {
		struct leat_conn *c = next_of(l);

		tell_resumed(c);
		TRY_ON(c, leat_send(c, "foo", 3, MS, NULL));
		end(c);
	}
	leat_listener_close(l);
	leat_config_unref(cfg);
}

static void client(uint16_t port, const struct leat_files *files, const char *version)
{
	const char *const options[] = { "versions", version, "session_tickets", "manual", NULL };
	struct leat_config *cfg = config_of(LEAT_CLIENT, files, options);
	struct leat_client_opts opts = { .host = "localhost" };

	for (int i = 0; i < 2; i++) {
		struct leat_conn *c;
		struct leat_err err = { 0 };

		TRY(leat_connect_with(&c, cfg, port, &opts, MS, &err));
		tell_resumed(c);
		tell_what_comes(c); /* in TLS 1.3 the session comes with the first data */
		leat_session_unref(opts.session);
		opts.session = leat_conn_take_session(c);
		end(c);
	}
	leat_session_unref(opts.session);
	leat_config_unref(cfg);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		server(&(struct leat_files){ .certfile = argv[2], .keyfile = argv[3] });
	else if (argc == 5 && strcmp(argv[1], "client") == 0)
		client(port_of(argv[2]), &(struct leat_files){ .cacertfile = argv[3] }, argv[4]);
	else
		return 2;
	return 0;
}

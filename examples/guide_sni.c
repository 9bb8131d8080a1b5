/* SPDX-License-Identifier: Apache-2.0
 *
 * guide_sni.c - one port, several names: which certificate is shown depends on the name the client asks for.
 *
 *	guide_sni server CHAIN.pem KEY.pem NAME CHAIN2.pem KEY2.pem
 *	guide_sni client PORT CA.pem NAME
 */
#include "guide.h"

#include <leat/about.h>

static void server(const struct leat_files *usual, const char *name, const struct leat_files *own)
{
	struct leat_config *host = config_of(LEAT_SERVER, own, NULL), *cfg;
	struct leat_listener *l;
	struct leat_conn *c;
	struct leat_err err = { 0 };
	char asked[300];

	TRY(leat_config_new(&cfg, LEAT_SERVER, &err));
	TRY(leat_config_use_files(cfg, usual, &err));
	TRY(leat_config_add_sni_host(cfg, name, host, &err));
	TRY(leat_config_freeze(cfg, &err));
	l = listen_here(cfg);
	c = next_of(l);
	(void)!leat_conn_item(c, "sni_hostname", asked, sizeof(asked));
	printf("asked for %s\n", asked);
	tell_what_comes(c);
	end(c);
	leat_listener_close(l);
	leat_config_unref(cfg);
	leat_config_unref(host);
}

static void client(uint16_t port, const struct leat_files *files, const char *name)
{
	struct leat_config *cfg = config_of(LEAT_CLIENT, files, NULL);
	struct leat_conn *c;
	struct leat_err err = { 0 };
	int fd;

	TRY(leat_tcp_connect(&fd, "127.0.0.1", port, MS, &err));
	TRY(leat_upgrade_client(
		&c, cfg, fd, name, 0, MS, &err)); /* asks for the name, and checks it */
	TRY_ON(c, leat_send(c, "foo", 3, MS, NULL));
	end(c);
	leat_config_unref(cfg);
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "server") == 0)
		server(&(struct leat_files){ .certfile = argv[2], .keyfile = argv[3] }, argv[4],
			&(struct leat_files){ .certfile = argv[5], .keyfile = argv[6] });
	else if (argc == 5 && strcmp(argv[1], "client") == 0)
		client(port_of(argv[2]), &(struct leat_files){ .cacertfile = argv[3] }, argv[4]);
	else
		return 2;
	return 0;
}

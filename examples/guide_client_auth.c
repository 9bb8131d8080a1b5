/* SPDX-License-Identifier: Apache-2.0
 *
 * guide_client_auth.c - both sides show certificates: the server asks for one and takes no client without.
 *
 *	guide_client_auth server CHAIN.pem KEY.pem CA.pem
 *	guide_client_auth client PORT CA.pem [CHAIN.pem KEY.pem]
 */
#include "guide.h"

#include <leat/about.h>

static const char *const strict[] = { "verify", "verify_peer", "fail_if_no_peer_cert", "true",
	NULL };

static void server(const struct leat_files *files)
{
	struct leat_config *cfg = config_of(LEAT_SERVER, files, strict);
	struct leat_listener *l = listen_here(cfg);
	struct leat_conn *c = next_of(l);
	struct leat_span cert;
	struct leat_err err = { 0 };

	TRY(leat_peercert(c, &cert, &err));
	printf("client certificate of %zu bytes\n", cert.n);
	tell_what_comes(c);
	end(c);
	leat_listener_close(l);
	leat_config_unref(cfg);
}

/* In TLS 1.3 the client is done before the server has seen its certificate: a refusal comes with what is read. */
static void client(uint16_t port, const struct leat_files *files)
{
	struct leat_config *cfg = config_of(LEAT_CLIENT, files, NULL);
	struct leat_conn *c;
	struct leat_err err = { 0 };
	char b[10];
	size_t n;

	TRY(leat_connect(&c, cfg, "localhost", port, MS, &err));
	TRY_ON(c, leat_send(c, "foo", 3, MS, NULL));
	TRY_ON(c, leat_recv(c, b, sizeof(b), MS, &n));
	end(c);
	leat_config_unref(cfg);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "server") == 0)
		server(&(struct leat_files){
			.certfile = argv[2], .keyfile = argv[3], .cacertfile = argv[4] });
	else if ((argc == 4 || argc == 6) && strcmp(argv[1], "client") == 0)
		client(port_of(argv[2]), &(struct leat_files){ .cacertfile = argv[3],
						 .certfile = argc == 6 ? argv[4] : NULL,
						 .keyfile = argc == 6 ? argv[5] : NULL });
	else
		return 2;
	return 0;
}

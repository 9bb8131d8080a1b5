/* SPDX-License-Identifier: Apache-2.0
 *
 * guide.h - what the programs of docs/guide.md share: going away with a sentence, and a frozen config.
 */
#ifndef GUIDE_H
#define GUIDE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/leat.h>
#include <leat/sockopt.h>

#define MS 20000

#define TRY(call)                             \
	do                                    \
		if ((call) != LEAT_OK)        \
			give_up(#call, &err); \
	while (0)
/* The same for calls that leave the reason in their connection. */
#define TRY_ON(c, call)                                     \
	do                                                  \
		if ((call) != LEAT_OK)                      \
			give_up(#call, leat_conn_error(c)); \
	while (0)

static void give_up(const char *what, const struct leat_err *err)
{
	char text[300];

	fprintf(stderr, "%s: %s\n", what, leat_strerror(err, text, sizeof(text)));
	exit(1);
}

/* Options are pairs of name and value, the last one NULL. */
static struct leat_config *config_of(
	enum leat_role role, const struct leat_files *files, const char *const *options)
{
	struct leat_config *c;
	struct leat_err err = { 0 };

	TRY(leat_config_new(&c, role, &err));
	if (options && strcmp(options[0], "preset") == 0) {
		TRY(leat_config_use_preset(c, options[1], &err));
		options += 2;
	}
	if (files)
		TRY(leat_config_use_files(c, files, &err));
	for (; options && options[0]; options += 2)
		TRY(leat_config_set(c, options[0], options[1], &err));
	TRY(leat_config_freeze(c, &err));
	return c;
}

/* A listener on a free port of this machine, which is told. */
static inline struct leat_listener *listen_here(struct leat_config *cfg)
{
	struct leat_listener *l;
	struct leat_err err = { 0 };

	TRY(leat_listen(&l, cfg, "127.0.0.1", 0, &err));
	printf("port %u\n", leat_listener_port(l));
	fflush(stdout);
	return l;
}

/* The next connection of l, its handshake done. */
static inline struct leat_conn *next_of(struct leat_listener *l)
{
	struct leat_conn *c;
	struct leat_err err = { 0 };

	TRY(leat_accept(l, &c, MS, &err));
	TRY_ON(c, leat_handshake(c, MS));
	return c;
}

/* Receives once and tells what came. */
static inline void tell_what_comes(struct leat_conn *c)
{
	char b[100];
	size_t n;

	TRY_ON(c, leat_recv(c, b, sizeof(b), MS, &n));
	printf("got %.*s\n", (int)n, b);
}

static inline uint16_t port_of(const char *text)
{
	return (uint16_t)atoi(text);
}

/* Ends in order; a peer that closes TCP without close_notify, as Erlang's does after its own, is fine here. */
static inline void end(struct leat_conn *c)
{
	(void)leat_close(c, NULL);
}

#endif

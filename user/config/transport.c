/* SPDX-License-Identifier: Apache-2.0
 *
 * transport.c - which transport a config's connections use, and whether that one is whole. Only looks at the table;
 * who calls it is sock/carrier.c.
 */
#include <leat/transport.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/option_int.h"

#define TCP_NAME "gen_tcp"

enum leat_ret leat_config_set_transport(
	struct leat_config *c, const struct leat_transport *t, void *ctx, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	c->transport = t;
	c->transport_ctx = ctx;
	return LEAT_OK;
}

/* The first function that is not there; NULL: all are. */
static const char *missing(const struct leat_transport *t)
{
	const struct {
		const char *name;
		bool have;
	} functions[] = {
		{ "connect", t->connect },
		{ "listen", t->listen },
		{ "accept", t->accept },
		{ "send", t->send },
		{ "recv", t->recv },
		{ "wait", t->wait },
		{ "watch", t->watch },
		{ "shutdown", t->shutdown },
		{ "close", t->close },
		{ "setopt", t->setopt },
		{ "getopt", t->getopt },
		{ "peername", t->peername },
		{ "sockname", t->sockname },
		{ "port", t->port },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!functions[i].have)
			return functions[i].name;
	return NULL;
}

enum leat_ret config_check_transport(const struct leat_config *c, struct leat_err *err)
{
	const char *name = c->transport ? missing(c->transport) : NULL;

	if (!name)
		return LEAT_OK;
	return err_option(err, "cb_info", name, "the transport lacks this function");
}

enum leat_ret option_set_cb_info(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	if (strcmp(value, TCP_NAME) != 0)
		return err_option(err, o->name, value,
			"text can only name gen_tcp; others are set by leat_config_set_transport");
	return leat_config_set_transport(c, NULL, NULL, err);
}

void option_show_cb_info(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	const struct leat_transport *t = c->transport;

	(void)o;
	snprintf(buf, n, "%s", !t ? TCP_NAME : t->name ? t->name : "(no name)");
}

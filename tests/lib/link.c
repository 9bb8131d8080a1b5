/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c - see link.h.
 */
#include "link.h"

#include <dirent.h>

#include "duo.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"

unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void set_pair(struct leat_config *c, const char *pair)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(pair, "="), pair);
	pair_set(c, name, strchr(pair, '=') + 1);
}

static void make_configs(struct link *l, const struct link_opts *o)
{
	struct leat_err err = { 0 };

	l->cfg[LEAT_CLIENT] = pair_client_config();
	l->cfg[LEAT_SERVER] = pair_server_config(KEY_EC_P256);
	if (o->ask)
		pair_ask(l->cfg[LEAT_CLIENT], l->cfg[LEAT_SERVER]);
	for (int i = 0; i < 2; i++) {
		pair_set(l->cfg[i], "versions", o->versions ? o->versions : "tlsv1.3");
		pair_set(l->cfg[i], "records", o->records[i] ? o->records[i] : "user");
		if (o->set[i])
			set_pair(l->cfg[i], o->set[i]);
		if (o->suites)
			pair_set(l->cfg[i], "ciphers", o->suites);
		if (o->alpn)
			pair_set(l->cfg[i], "alpn", o->alpn);
		assert_int_equal(leat_config_freeze(l->cfg[i], &err), LEAT_OK);
	}
}

static void open_conns(struct link *l, const struct link_opts *o)
{
	struct sockplan plan[2];
	int fd[2];

	tcp_pair(fd);
	for (int i = 0; i < 2; i++) {
		struct conn_opts co = { .set = &plan[i].set };
		struct leat_err err = { 0 };

		co.client.host = i == LEAT_CLIENT ? "localhost" : NULL;
		assert_int_equal(sockplan_init(&plan[i], l->cfg[i], o->sockopts[i],
					 o->num_sockopts[i], &err),
			LEAT_OK);
		conn_use(o->sys[i], &duo_env);
		assert_int_equal(conn_open_with(&l->c[i], l->cfg[i], fd[i], &co, &err), LEAT_OK);
	}
	conn_use(NULL, &duo_env);
}

static void shake_hands(struct link *l)
{
	enum leat_ret r[2] = { LEAT_AGAIN, LEAT_AGAIN };
	char buf[300];
	short events;

	for (int turns = 0; turns < 5000 && (r[0] == LEAT_AGAIN || r[1] == LEAT_AGAIN); turns++)
		for (int i = 0; i < 2; i++) {
			if (r[i] == LEAT_AGAIN)
				r[i] = conn_handshake_some(l->c[i], &events);
			if (r[i] == LEAT_FAILED)
				fail_msg("side %d: %s", i,
					leat_strerror(leat_conn_error(l->c[i]), buf, sizeof(buf)));
		}
	assert_int_equal(r[0], LEAT_OK);
	assert_int_equal(r[1], LEAT_OK);
}

void link_open(struct link *l, const struct link_opts *o)
{
	*l = (struct link){ .c = { NULL, NULL } };
	make_configs(l, o);
	open_conns(l, o);
	shake_hands(l);
}

void link_open_again(struct link *l, const struct link *from, const struct link_opts *o)
{
	*l = (struct link){ .c = { NULL, NULL } };
	for (int i = 0; i < 2; i++)
		l->cfg[i] = leat_config_ref(from->cfg[i]);
	open_conns(l, o);
	shake_hands(l);
}

void link_close(struct link *l)
{
	for (int i = 0; i < 2; i++) {
		leat_conn_free(l->c[i]);
		leat_config_unref(l->cfg[i]);
	}
	*l = (struct link){ .c = { NULL, NULL } };
	conn_use(NULL, NULL);
}

void link_set(struct link *l, const char *name, const char *value)
{
	struct leat_err err = { 0 };

	for (int i = 0; i < 2; i++)
		assert_int_equal(leat_conn_setopt(l->c[i], name, value, &err), LEAT_OK);
}

void link_say(struct link *l, enum leat_role from, const void *p, size_t n)
{
	uint8_t *b = malloc(n ? n : 1);
	size_t got;

	assert_int_equal(leat_send(l->c[from], p, n, LINK_MS, NULL), LEAT_OK);
	assert_int_equal(leat_recv_exact(l->c[!from], b, n, LINK_MS, &got), LEAT_OK);
	assert_int_equal(got, n);
	assert_memory_equal(b, p, n);
	free(b);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_preset.c - presets, configs chosen by name, and options that exclude each other: all of it before any I/O.
 *
 * REQ: OPT-verify-c OPT-verify-s OPT-reuse_sessions-c OPT-reuse_sessions-s GEN-session-default
 * REQ: OPT-sni_hosts OPT-sni-exclusive ERR-options-conflict TYPE-sockdefaults MSG-default
 * REQ: T-basic-socket_options T-basic-unordered_versions
 */
#include "link.h"

#include <leat/about.h>
#include <leat/mailbox.h>
#include <leat/sockopt.h>

#include <pthread.h>
#include <unistd.h>

#include "config/option.h"
#include "duo.h"
#include "pair.h"
#include "pki.h"

static struct leat_config *preset(enum leat_role role, const char *name)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	assert_int_equal(leat_config_use_preset(c, name, &err), LEAT_OK);
	return c;
}

static struct leat_config *frozen(struct leat_config *c)
{
	struct leat_err err = { 0 };
	char text[300];

	if (leat_config_freeze(c, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	return c;
}

static const char *shown(const struct leat_config *c, const struct option *o)
{
	static char text[3000];

	text[0] = '\0';
	o->show(c, o, text, sizeof(text));
	return text;
}

/* ---- presets ------------------------------------------------------------------------------------------- */

/* Every default that the manual gives as a value is that value. */
static void otp73_is_what_the_manual_says(void **state)
{
	unsigned compared[2] = { 0, 0 };
	const struct option *o;

	(void)state;
	for (int role = 0; role < 2; role++) {
		struct leat_config *c = preset((enum leat_role)role, "otp73");

		for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
			if (!(o->roles & 1u << role) || !o->show || !o->otp73[0])
				continue;
			if (strcmp(o->name, "versions") == 0) {
				assert_string_equal(shown(c, o), "tlsv1.2"); /* of the three */
			} else if (strcmp(o->name, "ciphers") == 0) {
				assert_null(strstr(shown(c, o), "TLS_AES")); /* none of 1.3 */
				assert_non_null(strstr(shown(c, o), "TLS_ECDHE"));
			} else if (strcmp(o->otp73, "none") == 0) {
				assert_string_equal(shown(c, o), "");
			} else {
				assert_string_equal(shown(c, o), o->otp73);
				compared[role]++;
			}
		}
		leat_config_unref(c);
	}
	assert_true(compared[LEAT_CLIENT] >= 6 && compared[LEAT_SERVER] >= 6);
}

static void modern_is_the_default(void **state)
{
	const struct option *o;

	(void)state;
	for (int role = 0; role < 2; role++) {
		struct leat_config *c = preset((enum leat_role)role, "otp73"), *fresh;
		struct leat_err err = { 0 };

		assert_int_equal(leat_config_new(&fresh, (enum leat_role)role, &err), LEAT_OK);
		assert_int_equal(leat_config_use_preset(c, "modern", &err), LEAT_OK);
		for (size_t i = 0; (o = option_at(i)) != NULL; i++)
			if ((o->roles & 1u << role) && o->show) {
				char *want = strdup(shown(fresh, o));

				assert_string_equal(shown(c, o), want);
				free(want);
			}
		leat_config_unref(c);
		leat_config_unref(fresh);
	}
}

static void presets_that_are_none(void **state)
{
	static const char *const bad[] = { "legacy", "", "OTP73", "otp73 ", NULL };
	struct leat_config *c = preset(LEAT_SERVER, "otp73");
	struct leat_err err;

	(void)state;
	for (int i = 0; i < 5; i++) {
		err = (struct leat_err){ 0 };
		assert_int_equal(leat_config_use_preset(c, bad[i], &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_OPTION);
		assert_string_equal(err.option, "preset");
		/* nothing changed */
		assert_string_equal(shown(c, option_find("verify", OPTION_SERVER)), "verify_none");
	}
	leat_config_unref(c);
	c = frozen(pair_client_config());
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_use_preset(c, "otp73", &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(c);
}

static void versions_in_any_order(void **state)
{
	struct leat_config *c = preset(LEAT_CLIENT, "modern");

	(void)state;
	pair_set(c, "versions", "tlsv1.2,tlsv1.3");
	assert_string_equal(shown(c, option_find("versions", OPTION_CLIENT)), "tlsv1.3,tlsv1.2");
	leat_config_unref(c);
}

static void is(const struct leat_conn *c, const char *name, const char *value)
{
	struct leat_err err = { 0 };
	char buf[40];

	assert_int_equal(leat_conn_getopt(c, name, buf, sizeof(buf), &err), LEAT_OK);
	assert_string_equal(buf, value);
}

static void otp73_server(struct link *l)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span none = { NULL, 0 };
	struct leat_err err = { 0 };

	l->cfg[LEAT_SERVER] = preset(LEAT_SERVER, "otp73");
	assert_int_equal(
		leat_config_add_cred(l->cfg[LEAT_SERVER], id->chain_pem, id->key_pem, none, &err),
		LEAT_OK);
	frozen(l->cfg[LEAT_SERVER]);
}

/* Nothing is verified, everything is delivered, as a list, and the peer's end is ours. */
static void otp73_connections(void **state)
{
	static const struct link_opts o;
	static const struct leat_sockopt asked[] = { { "mode", "binary" }, { "active", "once" } };
	struct leat_mailbox *box;
	struct leat_err err = { 0 };
	struct leat_session *s;
	struct leat_event ev;
	struct link l, first = { .c = { NULL, NULL } };

	(void)state;
	first.cfg[LEAT_CLIENT] = frozen(preset(LEAT_CLIENT, "otp73")); /* trusts nobody */
	otp73_server(&first);
	link_open_again(&l, &first, &o);
	for (int i = 0; i < 2; i++) {
		is(l.c[i], "mode", "list");
		is(l.c[i], "packet", "0");
		is(l.c[i], "header", "0");
		is(l.c[i], "active", "true");
		is(l.c[i], "packet_size", "0");
		is(l.c[i], "exit_on_close", "true");
	}
	/* without an owner: bytes for whoever asks */
	link_say(&l, LEAT_CLIENT, "foo", 3);
	s = leat_conn_take_session(l.c[LEAT_CLIENT]); /* clients try to resume, servers agree */
	assert_non_null(s);
	leat_session_unref(s);
	assert_int_equal(leat_mailbox_new(&box, &err), LEAT_OK);
	assert_int_equal(leat_conn_set_owner(l.c[LEAT_SERVER], box, NULL, &err), LEAT_OK);
	assert_int_equal(leat_send(l.c[LEAT_CLIENT], "foo", 3, LINK_MS, NULL), LEAT_OK);
	assert_int_equal(leat_mailbox_next(box, &ev, LINK_MS, &err), LEAT_OK);
	assert_int_equal(ev.kind, LEAT_EVENT_MESSAGE);
	assert_string_equal((const char *)ev.message.own, "foo");
	leat_message_clear(&ev.message);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			leat_conn_setopt(l.c[LEAT_SERVER], asked[i].name, asked[i].value, &err),
			LEAT_OK);
		is(l.c[LEAT_SERVER], asked[i].name, asked[i].value);
	}
	is(l.c[LEAT_SERVER], "nodelay", "true");
	assert_int_equal(leat_conn_setopt(l.c[LEAT_SERVER], "nodelay", "false", &err), LEAT_OK);
	is(l.c[LEAT_SERVER], "nodelay", "false");
	leat_mailbox_free(box);
	l.c[LEAT_SERVER] = NULL;
	link_close(&l);
	link_close(&first);
}

/* ---- by name --------------------------------------------------------------------------------------------- */

static struct leat_config *server_of(enum key_kind k)
{
	return frozen(pair_server_config(k));
}

static void hosts_have_configs_of_their_own(void **state)
{
	static const struct {
		const char *name;
		bool found;
	} kinds[] = { { "LocalHost", true }, { "localhos", false }, { "localhost.", false } };
	static const struct link_opts o;

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct leat_config *rsa = server_of(KEY_RSA);
		struct leat_err err = { 0 };
		struct leat_span leaf, want;
		struct link l, from = { .c = { NULL, NULL } };

		from.cfg[LEAT_CLIENT] = frozen(pair_client_config());
		from.cfg[LEAT_SERVER] = pair_server_config(KEY_EC_P256);
		assert_int_equal(leat_config_add_sni_host(from.cfg[LEAT_SERVER], "other.test",
					 from.cfg[LEAT_CLIENT], &err),
			LEAT_FAILED); /* a client's */
		err = (struct leat_err){ 0 };
		assert_int_equal(
			leat_config_add_sni_host(from.cfg[LEAT_SERVER], kinds[k].name, rsa, &err),
			LEAT_OK);
		frozen(from.cfg[LEAT_SERVER]);
		link_open_again(&l, &from, &o);
		want = pki_der(pki_server(kinds[k].found ? KEY_RSA : KEY_EC_P256)->leaf);
		leaf = leat_peer_cert(l.c[LEAT_CLIENT], 0);
		assert_int_equal(leaf.n, want.n);
		assert_memory_equal(leaf.p, want.p, want.n);
		link_close(&l);
		link_close(&from);
		leat_config_unref(rsa);
	}
}

static enum leat_ret nobody(void *arg, struct leat_span name, struct leat_config **out)
{
	(void)arg;
	(void)name;
	(void)out;
	return LEAT_OK;
}

static void hosts_that_are_refused(void **state)
{
	struct leat_config *c = pair_server_config(KEY_EC_P256), *ok = server_of(KEY_RSA),
			   *raw = pair_server_config(KEY_RSA), *client = pair_client_config();
	struct leat_config *nested = pair_server_config(KEY_RSA);
	struct leat_err err = { 0 };
	char long_name[300], name[20], text[40];

	(void)state;
	assert_int_equal(leat_config_add_sni_host(nested, "a.test", ok, &err), LEAT_OK);
	frozen(nested);
	memset(long_name, 'a', sizeof(long_name));
	long_name[256] = '\0';
	{
		const struct {
			struct leat_config *c;
			const char *name;
			struct leat_config *cfg;
		} bad[] = { { c, "", ok }, { c, NULL, ok }, { c, "a.test.", ok },
			{ c, long_name, ok }, { c, "a.test", raw }, { c, "a.test", client },
			{ c, "a.test", nested }, { client, "a.test", ok } };

		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			err = (struct leat_err){ 0 };
			assert_int_equal(
				leat_config_add_sni_host(bad[i].c, bad[i].name, bad[i].cfg, &err),
				LEAT_FAILED);
			assert_int_equal(err.cls, LEAT_E_OPTION);
			assert_string_equal(err.option, "sni_hosts");
		}
	}
	long_name[255] = '\0';
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_add_sni_host(c, long_name, ok, &err), LEAT_OK);
	assert_int_equal(leat_config_add_sni_host(c, long_name, ok, &err), LEAT_FAILED);
	for (int i = 1; i < CONFIG_MAX_HOSTS; i++) {
		snprintf(name, sizeof(name), "h%d.test", i);
		err = (struct leat_err){ 0 };
		assert_int_equal(leat_config_add_sni_host(c, name, ok, &err), LEAT_OK);
	}
	assert_int_equal(leat_config_add_sni_host(c, "more.test", ok, &err), LEAT_FAILED);
	/* a list and a function */
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_sni(c, nobody, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "sni_hosts");
	assert_string_equal(leat_err_name(&err, text, sizeof(text)), "conflict_options");
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_sni(c, NULL, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK); /* again: nothing happens */
	assert_int_equal(leat_config_add_sni_host(c, "x.test", ok, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(c);
	leat_config_unref(ok);
	leat_config_unref(raw);
	leat_config_unref(client);
	leat_config_unref(nested);
}

/* ---- shared and replaced ------------------------------------------------------------------------------------ */

static void *make_engines(void *arg)
{
	struct leat_config *c = arg;

	for (int i = 0; i < 200; i++) {
		struct leat_engine *e;
		struct leat_err err = { 0 };

		if (leat_engine_new(&e, c, "localhost", &duo_env, &err) != LEAT_OK)
			return (void *)1;
		leat_engine_free(e);
		leat_config_unref(leat_config_ref(c));
	}
	return NULL;
}

static void threads_share_a_frozen_config(void **state)
{
	struct leat_config *c = frozen(pair_client_config());
	pthread_t t[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, make_engines, c), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	leat_config_unref(c);
}

static struct leat_conn *accepted(struct leat_listener *ls, int *fd)
{
	struct leat_err err = { 0 };
	struct leat_conn *c;

	assert_int_equal(
		leat_tcp_connect(fd, "127.0.0.1", leat_listener_port(ls), LINK_MS, &err), LEAT_OK);
	assert_int_equal(leat_accept(ls, &c, LINK_MS, &err), LEAT_OK);
	return c;
}

static void a_listener_gets_another_config(void **state)
{
	struct leat_config *first = server_of(KEY_EC_P256),
			   *second = pair_server_config(KEY_EC_P256),
			   *client = frozen(pair_client_config());
	struct leat_err err = { 0 };
	struct leat_listener *ls;
	struct leat_conn *c[2];
	char text[40];
	int fd[2];

	(void)state;
	pair_set(second, "versions", "tlsv1.2");
	assert_int_equal(leat_listen(&ls, first, "127.0.0.1", 0, &err), LEAT_OK);
	c[0] = accepted(ls, &fd[0]);
	assert_int_equal(leat_listener_set_config(ls, second, &err), LEAT_FAILED); /* not frozen */
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_listener_set_config(ls, client, &err), LEAT_FAILED);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_listener_set_config(ls, frozen(second), &err), LEAT_OK);
	leat_config_unref(second);
	leat_config_unref(first); /* c[0] has it still */
	c[1] = accepted(ls, &fd[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(leat_conn_item(c[i], "versions", text, sizeof(text)), LEAT_OK);
		assert_string_equal(text, i ? "tlsv1.2" : "tlsv1.3,tlsv1.2");
		leat_conn_free(c[i]);
		close(fd[i]);
	}
	leat_listener_close(ls);
	leat_config_unref(client);
}

static int done(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(otp73_is_what_the_manual_says),
		cmocka_unit_test(modern_is_the_default),
		cmocka_unit_test(presets_that_are_none),
		cmocka_unit_test(versions_in_any_order),
		cmocka_unit_test(otp73_connections),
		cmocka_unit_test(hosts_have_configs_of_their_own),
		cmocka_unit_test(hosts_that_are_refused),
		cmocka_unit_test(threads_share_a_frozen_config),
		cmocka_unit_test(a_listener_gets_another_config),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_manual.c - what the manual of ssl says in passing: which suites are the default, which have to be named, versions
 * that are never spoken, options that are none, what a time limit may be, who may receive.
 *
 * REQ: GEN-strongest OPT-ciphers OPT-ciphers-explicit SEC-rc4 VER-dhe VER-ssl2 SEC-ssl3 OPT-padding_check
 * REQ: ERR-nooptions ERR-peer-view OPT-proplist OPT-reuse-implicit OPT-cacertfile-c OPT-cacertfile-s
 * REQ: API-recv-one MSG-timeout-unit LIM-timeout LIM-handshake TYPE-hostname TYPE-ip4 TYPE-ip6
 * REQ: T-err-tcp_connect_big T-err-client_closes T-alert-bad_connect_response
 * REQ: T-api-signature_algs
 * REQ: T-basic-misc_options T-basic-not_proplist T-reject T-api-max_handshake_size
 */
#include "link.h"

#include <leat/about.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include "config/option.h"
#include "duo.h"
#include "fakestream.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"
#include "x509/cred.h"

#define MS LINK_MS

static struct leat_config *frozen(struct leat_config *c)
{
	struct leat_err err = { 0 };
	char text[300];

	if (leat_config_freeze(c, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	return c;
}

static const char *name_of(const struct leat_err *err)
{
	static char text[100];

	return leat_err_name(err, text, sizeof(text));
}

/* ---- cipher suites ------------------------------------------------------------------------------------- */

static struct leat_config *manuals(enum leat_role role, const char *ciphers)
{
	struct leat_config *c = role == LEAT_CLIENT ? pair_client_config()
						    : pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_use_preset(c, "otp73", &err), LEAT_OK);
	if (ciphers)
		pair_set(c, "ciphers", ciphers);
	return c;
}

/* The suite that two sides agree on, NULL when they do not. Configs are taken over. */
static const struct suite *agreed(struct leat_config *client, struct leat_config *server)
{
	const struct suite *s = NULL;
	struct leat_engine_info info;
	struct duo d;

	duo_open(&d, frozen(client), frozen(server), "localhost");
	if (duo_run(&d)) {
		leat_engine_info(d.side[0].e, &info);
		s = suite_by_id(info.suite);
	}
	duo_close(&d);
	leat_config_unref(client);
	leat_config_unref(server);
	return s;
}

/* Of the manual's preset: each suite at least as strong as the next, none of those that must be named. */
static void the_default_is_strongest_first(void **state)
{
	struct leat_config *c = manuals(LEAT_CLIENT, NULL);

	(void)state;
	assert_true(c->suites.n > 8);
	for (unsigned i = 0; i < c->suites.n; i++) {
		const struct suite *s = c->suites.v[i];

		assert_int_equal(s->version, LEAT_TLS12);
		assert_int_not_equal(s->auth, AUTH_NULL);
		assert_true(s->by_default);
		assert_true(
			i == 0 || aead_key_len(c->suites.v[i - 1]->aead) >= aead_key_len(s->aead));
	}
	leat_config_unref(c);
	/* and that is what is chosen: 256 bits, of the kind that fits the server's key */
	assert_string_equal(
		agreed(manuals(LEAT_CLIENT, NULL), manuals(LEAT_SERVER, NULL))->ossl_name,
		"ECDHE-ECDSA-AES256-GCM-SHA384");
	c = pair_server_config(KEY_RSA);
	assert_int_equal(leat_config_use_preset(c, "otp73", &(struct leat_err){ 0 }), LEAT_OK);
	assert_string_equal(
		agreed(manuals(LEAT_CLIENT, NULL), c)->ossl_name, "ECDHE-RSA-AES256-GCM-SHA384");
}

/* Exactly those that are given; those of other versions go, and when none is left the default is back. */
static void the_list_that_is_given(void **state)
{
	static const char one[] = "ECDHE-ECDSA-AES128-GCM-SHA256";
	struct leat_config *c = manuals(LEAT_CLIENT, one);
	struct leat_err err = { 0 };

	(void)state;
	frozen(c);
	assert_int_equal(c->suites.n, 1);
	leat_config_unref(c);
	assert_string_equal(
		agreed(manuals(LEAT_CLIENT, one), manuals(LEAT_SERVER, NULL))->ossl_name, one);
	assert_null(agreed(
		manuals(LEAT_CLIENT, one), manuals(LEAT_SERVER, "ECDHE-ECDSA-AES256-GCM-SHA384")));
	assert_string_equal(
		agreed(manuals(LEAT_CLIENT, "TLS_AES_128_GCM_SHA256"), manuals(LEAT_SERVER, NULL))
			->ossl_name,
		"ECDHE-ECDSA-AES256-GCM-SHA384");
	/* other versions than the preset's bring their default suites */
	c = manuals(LEAT_CLIENT, NULL);
	pair_set(c, "versions", "tlsv1.2,tlsv1.3");
	frozen(c);
	assert_string_equal(c->suites.v[0]->name, "TLS_AES_256_GCM_SHA384");
	leat_config_unref(c);
	c = manuals(LEAT_CLIENT, NULL);
	assert_int_equal(leat_config_set(c, "ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256:none", &err),
		LEAT_FAILED);
	assert_string_equal(err.option, "ciphers");
	leat_config_unref(c);
}

static void add_psk(struct leat_config *c)
{
	struct leat_psk psk = { .identity = vec_str("me"), .secret = vec_str("0123456789abcdef") };
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
}

/* A PSK suite needs a key, and both sides to name it. */
static void psk_suites_only_where_both_name_them(void **state)
{
	static const char with[] = "ECDHE-PSK-AES128-GCM-SHA256,ECDHE-ECDSA-AES256-GCM-SHA384";

	(void)state;
	for (int client = 0; client < 2; client++)
		for (int server = 0; server < 2; server++) {
			struct leat_config *c = manuals(LEAT_CLIENT, client ? with : NULL);
			struct leat_config *s = manuals(LEAT_SERVER, server ? with : NULL);

			add_psk(c);
			add_psk(s);
			assert_string_equal(agreed(c, s)->ossl_name,
				client && server ? "ECDHE-PSK-AES128-GCM-SHA256"
						 : "ECDHE-ECDSA-AES256-GCM-SHA384");
		}
}

/* RC4, SRP, anonymous and static DH suites are not to be had, whoever asks; ephemeral DH is. */
static void suites_that_are_never_there(void **state)
{
	static const char *const names[] = { "TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA",
		"TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", "SRP-RSA-AES-128-CBC-SHA",
		"TLS_DH_anon_WITH_AES_128_GCM_SHA256", "ADH-AES128-GCM-SHA256", "AECDH-AES128-SHA",
		"TLS_DH_RSA_WITH_AES_128_GCM_SHA256", "DH-RSA-AES128-GCM-SHA256",
		"TLS_DH_DSS_WITH_AES_128_GCM_SHA256" };
	struct leat_suite found;
	struct leat_config *s;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct leat_config *c = manuals(LEAT_CLIENT, NULL);
		struct leat_err err = { 0 };

		assert_false(leat_suite_find(0, names[i], &found));
		assert_int_equal(leat_config_set(c, "ciphers", names[i], &err), LEAT_FAILED);
		assert_string_equal(err.option, "ciphers");
		leat_config_unref(c);
	}
	s = pair_server_config(KEY_RSA);
	assert_int_equal(leat_config_use_preset(s, "otp73", &(struct leat_err){ 0 }), LEAT_OK);
	pair_set(s, "ciphers", "DHE-RSA-AES128-GCM-SHA256");
	assert_string_equal(
		agreed(manuals(LEAT_CLIENT, NULL), s)->ossl_name, "DHE-RSA-AES128-GCM-SHA256");
}

/* ---- versions that are never spoken ----------------------------------------------------------------------- */

/* What a server says to these first bytes: the alert, or 0. */
static unsigned alert_for(const uint8_t *p, size_t n, const char *versions)
{
	struct leat_config *cfg = pair_server_config(KEY_EC_P256);
	struct leat_engine *e;
	struct leat_err err = { 0 };
	const uint8_t *out;
	size_t room, got;
	unsigned alert = 0;

	pair_set(cfg, "versions", versions);
	assert_int_equal(leat_engine_new(&e, frozen(cfg), NULL, &duo_env, &err), LEAT_OK);
	for (size_t done = 0; done < n && !(leat_engine_wants(e) & LEAT_IS_DEAD);) {
		uint8_t *in = leat_engine_in(e, &room);
		size_t some = n - done < room ? n - done : room;

		assert_true(some > 0);
		memcpy(in, p + done, some);
		(void)!leat_engine_in_done(e, some);
		done += some;
	}
	if (leat_engine_wants(e) & LEAT_IS_DEAD) {
		out = leat_engine_out(e, &got);
		assert_int_equal(got, 7);
		assert_memory_equal(out, "\x15\x03\x03\x00\x02\x02", 6); /* fatal */
		alert = out[6];
	}
	leat_engine_free(e);
	leat_config_unref(cfg);
	return alert;
}

/* A client's first record. */
static struct leat_span first_record(const char *versions)
{
	struct leat_config *c = pair_client_config(), *s = frozen(pair_server_config(KEY_EC_P256));
	struct leat_span copy;
	struct duo d;

	pair_set(c, "versions", versions);
	duo_open(&d, frozen(c), s, "localhost");
	duo_pull(&d.side[LEAT_CLIENT]);
	copy = vec_copy(leat_wr_done(&d.side[LEAT_CLIENT].wire).p, d.side[LEAT_CLIENT].wire.n);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
	return copy;
}

static void old_hellos(void **state)
{
	/* SSL 2.0's own form, asking for SSL 2.0, 3.0 and TLS 1.2: MSG-CLIENT-HELLO, version, three lengths, one
	 * suite, a challenge */
	uint8_t v2[] = { 0x80, 0x1c, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x10, 0x01,
		0x00, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	static const uint16_t asks[] = { 0x0002, 0x0300, 0x0303 };
	struct leat_span now = first_record("tlsv1.2"), now13 = first_record("tlsv1.3");
	uint8_t *b = (uint8_t *)(uintptr_t)now.p;
	struct leat_config *c;
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		v2[3] = (uint8_t)(asks[i] >> 8);
		v2[4] = (uint8_t)asks[i];
		assert_int_equal(
			alert_for(v2, sizeof(v2), "tlsv1.2,tlsv1.3"), LEAT_ALERT_PROTOCOL_VERSION);
	}
	/* the record layer's version says nothing, the hello's does: bytes 1, 2 and 9, 10 */
	for (unsigned minor = 0; minor < 4; minor++) {
		b[2] = (uint8_t)minor;
		assert_int_equal(alert_for(now.p, now.n, "tlsv1.2"), 0);
	}
	for (unsigned minor = 0; minor < 3; minor++) {
		b[2] = b[10] = (uint8_t)minor;
		assert_int_equal(
			alert_for(now.p, now.n, "tlsv1.2,tlsv1.3"), LEAT_ALERT_PROTOCOL_VERSION);
	}
	/* the one before, where it is not configured */
	b[2] = b[10] = 3;
	assert_int_equal(alert_for(now.p, now.n, "tlsv1.3"), LEAT_ALERT_PROTOCOL_VERSION);
	assert_int_equal(alert_for(now13.p, now13.n, "tlsv1.2"), LEAT_ALERT_PROTOCOL_VERSION);
	c = pair_client_config();
	assert_int_equal(leat_config_set(c, "versions", "sslv2", &err), LEAT_FAILED);
	assert_string_equal(err.option, "versions");
	leat_config_unref(c);
}

/* ---- first bytes that are no hello ------------------------------------------------------------------------ */

/* A record of the greatest length with noise in it is an error at once, not a time-out. */
static void a_long_record_of_noise(void **state)
{
	uint8_t big[5 + 16384] = { 22, 3, 1, 0x40, 0 };

	(void)state;
	memcpy(big + 5, vec_noise(16384).p, 16384);
	assert_int_not_equal(alert_for(big, sizeof(big), "tlsv1.2,tlsv1.3"), 0);
}

/* A server that sends the hello back. */
static void an_echo_is_no_answer(void **state)
{
	static const char *const versions[] = { "tlsv1.2", "tlsv1.3", "tlsv1.2,tlsv1.3" };

	(void)state;
	for (size_t v = 0; v < 3; v++) {
		struct leat_config *c = pair_client_config();
		struct leat_config *s = frozen(pair_server_config(KEY_EC_P256));
		struct leat_span hello;
		struct duo d;

		pair_set(c, "versions", versions[v]);
		duo_open(&d, frozen(c), s, "localhost");
		duo_pull(&d.side[LEAT_CLIENT]);
		hello = leat_wr_done(&d.side[LEAT_CLIENT].wire);
		assert_int_equal(duo_feed(&d, LEAT_CLIENT, hello.p, hello.n), LEAT_FAILED);
		assert_int_equal(leat_engine_error(d.side[LEAT_CLIENT].e)->alert,
			LEAT_ALERT_UNEXPECTED_MESSAGE);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* TCP that ends before a byte came: "closed". */
static void a_client_that_hangs_up(void **state)
{
	struct leat_config *cfg = frozen(pair_server_config(KEY_EC_P256));
	struct leat_listener *l;
	struct leat_conn *c;
	struct leat_err err = { 0 };
	int fd;

	(void)state;
	assert_int_equal(leat_listen(&l, cfg, "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(
		leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(l), MS, &err), LEAT_OK);
	close(fd);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_OK);
	assert_int_equal(leat_handshake(c, MS), LEAT_FAILED);
	assert_string_equal(name_of(leat_conn_error(c)), "closed");
	leat_conn_free(c);
	leat_listener_close(l);
	leat_config_unref(cfg);
}

/* Signature algorithms that the server's key has none of. */
static void no_signature_algorithm_in_common(void **state)
{
	static const char *const versions[] = { "tlsv1.2", "tlsv1.3" };

	(void)state;
	for (int v = 0; v < 2; v++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct pair p = { .side = { { .pair = NULL } } };

		pair_set(c, "versions", versions[v]);
		pair_set(c, "signature_algs", "rsa_pss_rsae_sha256");
		pair_set(s, "signature_algs", "ecdsa_secp256r1_sha256");
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_HANDSHAKE_FAILURE);
		pair_clear(&p);
	}
}

/* ---- options -------------------------------------------------------------------------------------------------- */

static void padding_is_always_checked(void **state)
{
	struct leat_config *c = pair_client_config();
	struct leat_err err = { 0 };
	char text[300];

	(void)state;
	pair_set(c, "padding_check", "true");
	assert_int_equal(leat_config_set(c, "padding_check", "false", &err), LEAT_FAILED);
	assert_non_null(strstr(leat_strerror(&err, text, sizeof(text)), "TLS 1.0"));
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set(c, "padding_check", "0", &err), LEAT_FAILED);
	assert_string_equal(err.option, "padding_check");
	leat_config_unref(c);
}

/* A server to which nothing was said is not asked for a port. */
static void no_options_at_all(void **state)
{
	struct leat_config *c;
	struct leat_listener *l;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_new(&c, LEAT_SERVER, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
	assert_string_equal(name_of(&err), "nooptions");
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_listen(&l, c, NULL, 0, &err), LEAT_FAILED);
	assert_null(l);
	err = (struct leat_err){ 0 };
	pair_set(c, "depth", "1");
	assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
	assert_string_equal(name_of(&err), "options");
	leat_config_unref(c);
}

/* An option has a name and a value; a list with one that has not is refused whole, and nothing is opened. */
static void options_that_are_none(void **state)
{
	static const struct leat_sockopt lists[][2] = {
		{ { "packet", "2" }, { NULL, NULL } },
		{ { "packet", "2" }, { NULL, "2" } },
		{ { "packet", "2" }, { "nodelay", NULL } },
		{ { "packet", "2" }, { "", "" } },
		{ { "packet", "2" }, { "packet,2", NULL } },
	};
	struct leat_config *c = pair_client_config();
	unsigned fds = open_fds();
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_set(c, "depth", NULL, &err), LEAT_FAILED);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set(c, NULL, "1", &err), LEAT_FAILED);
	frozen(c);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct leat_client_opts o = {
			.host = "localhost", .sockopts = lists[i], .num_sockopts = 2
		};
		struct leat_conn *conn;

		err = (struct leat_err){ 0 };
		assert_int_equal(leat_connect_with(&conn, c, 1, &o, MS, &err), LEAT_FAILED);
		assert_string_equal(name_of(&err), "options");
	}
	assert_int_equal(open_fds(), fds);
	leat_config_unref(c);
}

/* Options of TLS are not the transport's: it never sees one, whatever else it takes. */
static void options_stay_where_they_belong(void **state)
{
	struct leat_config *c = pair_client_config();
	const struct option *o;
	struct leat_err err = { 0 };
	struct leat_listener *l;
	struct leat_config *s = pair_server_config(KEY_EC_P256);

	(void)state;
	fakestream_reset();
	assert_int_equal(leat_config_set_transport(c, &fakestream, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set_transport(s, &fakestream, NULL, &err), LEAT_OK);
	pair_set(c, "depth", "1");
	assert_int_equal(leat_listen(&l, frozen(s), NULL, 0, &err), LEAT_OK);
	frozen(c);
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		const struct leat_sockopt say = { o->name, "1" };
		struct leat_client_opts co = {
			.host = "localhost", .sockopts = &say, .num_sockopts = 1
		};
		struct leat_conn *conn;

		err = (struct leat_err){ 0 };
		assert_int_equal(leat_connect_with(&conn, c, 1, &co, MS, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_SOCKOPT);
		assert_int_equal(leat_listener_setopt(l, o->name, "1", &err), LEAT_FAILED);
	}
	assert_int_equal(fakestream_calls(STREAM_CONNECT) + fakestream_calls(STREAM_SETOPT), 0);
	leat_listener_close(l);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- cacertfile: whom we trust, and what our own chain is completed from --------------------------------------- */

/* Only the leaf is given; the issuer in between is among the trusted ones. The peer knows the root alone. */
static void our_chain_is_completed(void **state)
{
	struct leat_span none = { NULL, 0 };

	(void)state;
	for (int role = 0; role < 2; role++)
		for (int with = 0; with < 2; with++) {
			const struct pki_ident *id = role == LEAT_CLIENT ? pki_client(KEY_EC_P256)
									 : pki_server(KEY_EC_P256);
			struct leat_config *c[2] = { pair_client_config(), NULL };
			struct leat_err err = { 0 };
			struct leat_span leaf;
			const char *end;
			struct duo d;
			bool up;

			assert_int_equal(leat_config_new(&c[1], LEAT_SERVER, &err), LEAT_OK);
			assert_int_equal(
				leat_config_add_trust(c[1], pki_root_pem(), NULL, &err), LEAT_OK);
			pair_set(c[1], "session_tickets", "disabled");
			/* the first certificate of the text */
			leaf = id->chain_pem;
			end = memmem(leaf.p, leaf.n, "-----END CERTIFICATE-----", 25);
			assert_non_null(end);
			leaf.n = (size_t)(end - (const char *)leaf.p) + 25;
			leaf = pki_join(leaf, vec_str("\n"));
			assert_int_equal(
				leat_config_add_cred(c[role], leaf, id->key_pem, none, &err),
				LEAT_OK);
			if (role == LEAT_CLIENT) {
				const struct pki_ident *s = pki_server(KEY_EC_P256);

				assert_int_equal(leat_config_add_cred(c[1], s->chain_pem,
							 s->key_pem, none, &err),
					LEAT_OK);
				pair_set(c[1], "verify", "verify_peer");
				pair_set(c[1], "fail_if_no_peer_cert", "true");
			}
			if (with)
				assert_int_equal(leat_config_add_trust(c[role],
							 pki_cert_pem(pki_inter()), NULL, &err),
					LEAT_OK);
			duo_open(&d, frozen(c[0]), frozen(c[1]), "localhost");
			up = duo_run(&d) && !(leat_engine_wants(d.side[0].e) & LEAT_IS_DEAD);
			assert_int_equal(
				cred_num(c[role]->creds[0]), 1 + with); /* never the root */
			assert_int_equal(up, with);
			duo_close(&d);
			leat_config_unref(c[0]);
			leat_config_unref(c[1]);
		}
}

/* ---- time limits --------------------------------------------------------------------------------------------------- */

static int64_t ms_now(void)
{
	return sys_real.now_ms();
}

struct wait {
	struct link *l;
	struct leat_listener *ls;
	int timeout_ms;
};

/* Each call that waits, with nobody there to end it. */
static void wait_for_nothing(const struct wait *w, int call)
{
	struct leat_conn *c;
	struct leat_message m;
	struct leat_err err = { 0 };
	uint8_t b[8];
	size_t got;

	switch (call) {
	case 0:
		assert_int_equal(leat_recv(w->l->c[0], b, 8, w->timeout_ms, &got), LEAT_AGAIN);
		break;
	case 1:
		assert_int_equal(
			leat_recv_exact(w->l->c[0], b, 8, w->timeout_ms, &got), LEAT_AGAIN);
		break;
	case 2:
		assert_int_equal(leat_recv_message(w->l->c[0], &m, w->timeout_ms), LEAT_AGAIN);
		break;
	case 3: assert_int_equal(leat_accept(w->ls, &c, w->timeout_ms, &err), LEAT_AGAIN); break;
	default: break;
	}
}

/* Milliseconds: 0 does not wait, and a time that is given is waited for, not a thousandth or a thousand times it. */
static void limits_are_milliseconds(void **state)
{
	static const struct link_opts o;
	struct leat_config *cfg = frozen(pair_server_config(KEY_EC_P256));
	struct leat_err err = { 0 };
	struct wait w;
	struct link l;

	(void)state;
	link_open(&l, &o);
	w = (struct wait){ .l = &l };
	assert_int_equal(leat_listen(&w.ls, cfg, "127.0.0.1", 0, &err), LEAT_OK);
	for (int call = 0; call < 4; call++)
		for (w.timeout_ms = 0; w.timeout_ms <= 40; w.timeout_ms += 40) {
			int64_t from = ms_now(), took;

			wait_for_nothing(&w, call);
			took = ms_now() - from;
			assert_true(took >= w.timeout_ms && took < w.timeout_ms + 5000);
		}
	leat_listener_close(w.ls);
	link_close(&l);
	leat_config_unref(cfg);
}

/* From 0 to the largest number, and for ever: what is there is handed out at once under each. */
static void any_limit_will_do(void **state)
{
	static const int limits[] = { 0, 1, 5000, INT32_MAX, LEAT_INFINITY };
	static const struct link_opts o;
	struct link l;
	uint8_t b[8];
	size_t got;

	(void)state;
	link_open(&l, &o);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_int_equal(leat_send(l.c[0], "x", 1, limits[i], NULL), LEAT_OK);
		assert_int_equal(leat_recv(l.c[1], b, 8, limits[i], &got), LEAT_OK);
		assert_int_equal(got, 1);
	}
	assert_int_equal(leat_close_timeout(l.c[0], 0, NULL), LEAT_OK);
	l.c[0] = NULL;
	link_close(&l);
}

/* ---- one receiver at a time ------------------------------------------------------------------------------------------ */

struct reader {
	struct leat_conn *c;
	uint8_t b[8];
	size_t got;
	enum leat_ret r;
};

static void *read_main(void *arg)
{
	struct reader *r = arg;

	r->r = leat_recv(r->c, r->b, 8, MS, &r->got);
	return NULL;
}

static void one_receiver_at_a_time(void **state)
{
	static const struct link_opts o;
	struct reader first;
	struct link l;
	pthread_t t;
	uint8_t b[8];
	size_t got;

	(void)state;
	link_open(&l, &o);
	first = (struct reader){ .c = l.c[1] };
	assert_int_equal(pthread_create(&t, NULL, read_main, &first), 0);
	while (!atomic_load(&l.c[1]->reading))
		usleep(1000);
	/* the second is told so at once, whatever its limit, and takes nothing away */
	assert_int_equal(leat_recv(l.c[1], b, 8, LEAT_INFINITY, &got), LEAT_AGAIN);
	assert_int_equal(leat_send(l.c[0], "for one", 7, MS, NULL), LEAT_OK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(first.r, LEAT_OK);
	assert_int_equal(first.got, 7);
	assert_memory_equal(first.b, "for one", 7);
	link_close(&l);
}

/* ---- handshake messages ------------------------------------------------------------------------------------------------ */

static void how_long_a_handshake_message_may_be(void **state)
{
	static const struct {
		const char *max;
		bool up;
	} rows[] = { { "262144", true }, { "8388607", true }, { "100", false } };
	struct leat_config *c = pair_client_config();

	(void)state;
	assert_int_equal(c->max_handshake_size, 262144);
	leat_config_unref(c);
	for (size_t i = 0; i < 3; i++) {
		c = pair_client_config();
		pair_set(c, "max_handshake_size", rows[i].max);
		assert_int_equal(agreed(c, pair_server_config(KEY_EC_P256)) != NULL, rows[i].up);
	}
	c = pair_client_config();
	assert_int_equal(
		leat_config_set(c, "max_handshake_size", "8388608", &(struct leat_err){ 0 }),
		LEAT_FAILED);
	leat_config_unref(c);
}

/* ---- hosts and addresses --------------------------------------------------------------------------------------------------- */

/* The dot at the end of a name is not sent; what is sent are A-labels. */
static void names_of_hosts(void **state)
{
	struct leat_config *c = frozen(pair_client_config());
	struct leat_config *s = frozen(pair_server_config(KEY_EC_P256));
	struct leat_engine_info info;
	struct leat_err err = { 0 };
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost.");
	assert_true(duo_run(&d));
	leat_engine_info(d.side[LEAT_SERVER].e, &info);
	assert_int_equal(info.sni.n, 9);
	assert_memory_equal(info.sni.p, "localhost", 9);
	duo_close(&d);
	/* A-labels are names, U-labels and addresses are none */
	for (int i = 0; i < 2; i++) {
		struct leat_engine_opts o = { .host = i ? "b\xc3\xbc"
							  "cher.example"
							: "xn--bcher-kva.example" };
		struct leat_engine *e;
		enum leat_ret r = leat_engine_new_with(&e, c, &o, &duo_env, &err);

		assert_int_equal(r, i ? LEAT_FAILED : LEAT_OK);
		leat_engine_free(e);
	}
	leat_config_unref(c);
	leat_config_unref(s);
}

static void addresses_are_the_systems_structs(void **state)
{
	static const struct {
		const char *host;
		int family;
	} rows[] = { { "127.0.0.1", AF_INET }, { "::1", AF_INET6 } };
	struct leat_config *cfg = frozen(pair_server_config(KEY_EC_P256));

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct leat_sockopt ip = { "ip", rows[i].host };
		const struct leat_listen_opts o = { .sockopts = &ip, .num_sockopts = 1 };
		struct sockaddr_storage a;
		struct leat_listener *l;
		struct leat_err err = { 0 };
		struct leat_conn *c;
		int fd;

		assert_int_equal(leat_listen_with(&l, cfg, &o, &err), LEAT_OK);
		assert_int_equal(
			leat_tcp_connect(&fd, rows[i].host, leat_listener_port(l), MS, &err),
			LEAT_OK);
		assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_OK);
		assert_int_equal(leat_peername(c, &a, &err), LEAT_OK);
		assert_int_equal(a.ss_family, rows[i].family);
		if (rows[i].family == AF_INET)
			assert_int_equal(((struct sockaddr_in *)&a)->sin_addr.s_addr,
				htonl(INADDR_LOOPBACK));
		else
			assert_memory_equal(
				&((struct sockaddr_in6 *)&a)->sin6_addr, &in6addr_loopback, 16);
		leat_conn_free(c);
		close(fd);
		leat_listener_close(l);
	}
	leat_config_unref(cfg);
}

/* ---- the other side of a mistake ----------------------------------------------------------------------------------------- */

/* A server that finds out too late that it cannot serve: its client is told "closed", or an alert. */
static void what_the_peer_sees_of_our_mistake(void **state)
{
	struct leat_config *good = frozen(pair_server_config(KEY_EC_P256));
	struct leat_config *bad, *client = frozen(pair_client_config());
	struct leat_listener *l;
	struct leat_conn *s, *c;
	struct leat_err err = { 0 };
	size_t got;
	uint8_t b;
	int fd;

	(void)state;
	conn_use(NULL, &duo_env);
	assert_int_equal(leat_config_new(&bad, LEAT_SERVER, &err), LEAT_OK);
	pair_set(bad, "depth", "1"); /* no certificate, never frozen */
	assert_int_equal(leat_listen(&l, good, "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(
		leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(l), MS, &err), LEAT_OK);
	assert_int_equal(conn_open(&c, client, fd, "localhost", &err), LEAT_OK);
	assert_int_equal(leat_accept(l, &s, MS, &err), LEAT_OK);
	assert_int_equal(leat_handshake_with(s, bad, MS), LEAT_FAILED);
	leat_close(s, NULL);
	assert_int_equal(conn_handshake(c, conn_deadline(c, MS)), LEAT_FAILED);
	assert_string_equal(name_of(leat_conn_error(c)), "closed");
	assert_int_equal(leat_recv(c, &b, 1, 0, &got), LEAT_FAILED);
	leat_conn_free(c);
	leat_listener_close(l);
	leat_config_unref(bad);
	leat_config_unref(good);
	leat_config_unref(client);
	conn_use(NULL, NULL);
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
		cmocka_unit_test(the_default_is_strongest_first),
		cmocka_unit_test(the_list_that_is_given),
		cmocka_unit_test(psk_suites_only_where_both_name_them),
		cmocka_unit_test(suites_that_are_never_there),
		cmocka_unit_test(old_hellos),
		cmocka_unit_test(a_long_record_of_noise),
		cmocka_unit_test(an_echo_is_no_answer),
		cmocka_unit_test(a_client_that_hangs_up),
		cmocka_unit_test(no_signature_algorithm_in_common),
		cmocka_unit_test(padding_is_always_checked),
		cmocka_unit_test(no_options_at_all),
		cmocka_unit_test(options_that_are_none),
		cmocka_unit_test(options_stay_where_they_belong),
		cmocka_unit_test(our_chain_is_completed),
		cmocka_unit_test(limits_are_milliseconds),
		cmocka_unit_test(any_limit_will_do),
		cmocka_unit_test(one_receiver_at_a_time),
		cmocka_unit_test(how_long_a_handshake_message_may_be),
		cmocka_unit_test(names_of_hosts),
		cmocka_unit_test(addresses_are_the_systems_structs),
		cmocka_unit_test(what_the_peer_sees_of_our_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}

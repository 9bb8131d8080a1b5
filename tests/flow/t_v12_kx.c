/* SPDX-License-Identifier: Apache-2.0
 *
 * t_v12_kx.c - the key exchanges of TLS 1.2 beside ECDHE: every DHE and PSK suite, who chooses the prime,
 * who finds which key, and one change to one message at a time with the alert it must be refused with.
 *
 * TIMEOUT: 180
 */
#include "tamper.h"

#include "base/limits.h"
#include "base/mem.h"
#include "hs/hs_int.h"
#include "pki.h"
#include "wire/v12.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

static const char key[] = "sixteen bytes and a few more";

static void add_psk(struct leat_config *c, const char *identity, const char *secret)
{
	struct leat_psk p = { .identity = vec_str(identity), .secret = vec_str(secret) };
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_psk(c, &p, &err), LEAT_OK);
}

/* Both sides with the key, no certificate anywhere; or with certificates where the suite needs one. */
static void configs(const struct suite *s, struct leat_config **client, struct leat_config **server)
{
	struct leat_err err = { 0 };

	*client = pair_client_config();
	*server = suite_is_psk(s) ? NULL : pair_server_config(KEY_RSA);
	if (!*server) {
		assert_int_equal(leat_config_new(server, LEAT_SERVER, &err), LEAT_OK);
		add_psk(*client, "me", key);
		add_psk(*server, "somebody else", "another key of some length");
		add_psk(*server, "me", key);
	}
	pair_set(*client, "versions", "tlsv1.2");
	pair_set(*client, "ciphers", s->name);
	pair_set(*server, "ciphers", s->name);
	pair_set(*server, "versions", "tlsv1.2");
}

static void connects(const struct suite *s, const char *hint)
{
	struct leat_config *client, *server;
	struct leat_err err = { 0 };
	struct pair p = { 0 };
	struct hs_facts f;

	configs(s, &client, &server);
	if (hint)
		assert_int_equal(
			leat_config_set_psk_identity(server, vec_str(hint), &err), LEAT_OK);
	pair_init(&p, client, server, NULL);
	pair_must_connect(&p);
	for (int i = 0; i < 2; i++) {
		static const struct leat_secret none;

		hs_facts(p.side[i].hs, &f);
		assert_ptr_equal(f.suite, s);
		assert_true(f.extended_master);
		assert_int_equal(f.external_psk, suite_is_psk(s));
		assert_true(!suite_is_psk(s) || !f.peer_chain);
		assert_true((s->kx == KX_PSK) == !f.group);
		if (s->kx == KX_DHE || s->kx == KX_DHE_PSK)
			assert_int_equal(f.group->id, GROUP_FFDHE2048);
		/* nothing of the exchange stays */
		assert_null(p.side[i].hs->v12.kex.pkey);
		assert_memory_equal(&p.side[i].hs->v12.psk, &none, sizeof(none));
	}
	/* RFC 4279: no Certificate, and with plain PSK and no hint no ServerKeyExchange */
	assert_int_equal(p.side[LEAT_SERVER].sent_msgs, !suite_is_psk(s)           ? 5
							: s->kx == KX_PSK && !hint ? 3
										   : 4);
	pair_clear(&p);
}

static void every_suite(void **state)
{
	const struct suite *s;
	unsigned num = 0;

	(void)state;
	for (size_t i = 0; (s = suite_at(i)); i++) {
		if (s->version != LEAT_TLS12 || s->kx == KX_ECDHE)
			continue;
		num++;
		connects(s, NULL);
		if (suite_is_psk(s))
			connects(s, "a hint");
	}
	assert_int_equal(num, 20);
}

/* ---- what is on offer ---- */

static bool offers_psk(const struct client_hello *ch)
{
	for (size_t i = 0; i < list16_num(ch->suites); i++) {
		const struct suite *s = suite_by_id(list16_at(ch->suites, i));

		if (s && suite_is_psk(s))
			return true;
	}
	return false;
}

static bool saw_psk, saw_plain;

static void look(struct client_hello *m)
{
	saw_psk = offers_psk(m);
	saw_plain = list16_has(m->suites, 0x00a8);
}

/* Without a key no PSK suite is offered, with one those that keep secrets are, plain PSK never unasked. */
static void offered_with_a_key_only(void **state)
{
	(void)state;
	for (int with = 0; with < 3; with++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
		struct tamper t = { .name = "look", .msg = MSG_CLIENT_HELLO, .ch = look };
		struct pair p = { .on_unit = tamper_unit, .arg = &t };
		struct hs_facts f;

		if (with)
			add_psk(c, "me", key);
		if (with == 2)
			add_psk(s, "me", key);
		pair_set(c, "versions", "tlsv1.2");
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		assert_int_equal(saw_psk, with > 0);
		assert_false(saw_plain);
		/* certificates come first where both can */
		hs_facts(p.side[LEAT_CLIENT].hs, &f);
		assert_int_equal(f.suite->kx, KX_ECDHE);
		pair_clear(&p);
	}
}

/* ---- which key ---- */

static void fails_to_agree(struct leat_config *c, struct leat_config *s)
{
	struct pair p = { .any_level = true };

	pair_init(&p, c, s, NULL);
	/* what records would refuse is delivered here all the same: Finished itself refuses */
	pair_must_refuse(&p, LEAT_SERVER, A(DECRYPT_ERROR));
	pair_clear(&p);
}

/* A wrong key and an unknown identity look the same (RFC 4279 2). */
static void wrong_key_or_name(void **state)
{
	static const char *const suites[] = { "TLS_PSK_WITH_AES_128_GCM_SHA256",
		"TLS_DHE_PSK_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256" };

	(void)state;
	for (size_t i = 0; i < NUM(suites); i++) {
		for (int k = 0; k < 2; k++) {
			struct leat_config *c = pair_client_config(), *s;
			struct leat_err err = { 0 };

			assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
			pair_set(c, "versions", "tlsv1.2");
			pair_set(c, "ciphers", suites[i]);
			pair_set(s, "ciphers", suites[i]);
			pair_set(s, "versions", "tlsv1.2");
			add_psk(c, k ? "who" : "me", k ? key : "the wrong key of this length");
			add_psk(s, "me", key);
			fails_to_agree(c, s);
		}
	}
}

static struct {
	unsigned calls;
	char identity[64];
	bool fails, names_itself;
} lookup;

static enum leat_ret look_up(void *arg, const struct leat_psk_query *q, struct leat_psk *out)
{
	(void)arg;
	lookup.calls++;
	assert_true(q->identity.n < sizeof(lookup.identity));
	if (q->identity.n)
		memcpy(lookup.identity, q->identity.p, q->identity.n);
	lookup.identity[q->identity.n] = '\0';
	if (lookup.fails)
		return LEAT_UNSUPPORTED;
	out->secret = vec_str(key);
	if (lookup.names_itself)
		out->identity = vec_str("me");
	return LEAT_OK;
}

/* Client and server ask; the client is told the hint, or nothing. */
static void looked_up(void **state)
{
	(void)state;
	for (int hint = 0; hint < 2; hint++) {
		for (int side = 0; side < 2; side++) {
			struct leat_config *c = pair_client_config(), *s;
			struct leat_config *asks;
			struct leat_err err = { 0 };
			struct pair p = { 0 };

			assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
			asks = side ? s : c;
			memset(&lookup, 0, sizeof(lookup));
			lookup.names_itself = true;
			pair_set(c, "versions", "tlsv1.2");
			pair_set(c, "ciphers", "TLS_PSK_WITH_AES_128_GCM_SHA256");
			pair_set(s, "ciphers", "TLS_PSK_WITH_AES_128_GCM_SHA256");
			pair_set(s, "versions", "tlsv1.2");
			if (hint)
				assert_int_equal(
					leat_config_set_psk_identity(s, vec_str("try me"), &err),
					LEAT_OK);
			assert_int_equal(
				leat_config_set_psk_lookup(asks, look_up, NULL, &err), LEAT_OK);
			add_psk(side ? c : s, "me", key);
			pair_init(&p, c, s, NULL);
			pair_must_connect(&p);
			assert_int_equal(lookup.calls, 1);
			assert_string_equal(lookup.identity, side ? "me" : hint ? "try me" : "");
			pair_clear(&p);
		}
	}
}

/* The option names the key among several, and what is sent with one that was looked up. */
static void identity_option(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	for (int by_lookup = 0; by_lookup < 2; by_lookup++) {
		struct leat_config *c = pair_client_config(), *s;
		struct pair p = { 0 };

		assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
		memset(&lookup, 0, sizeof(lookup));
		pair_set(c, "versions", "tlsv1.2");
		pair_set(c, "ciphers", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256");
		pair_set(s, "versions", "tlsv1.2");
		add_psk(c, "first", "a key that the server lacks");
		if (by_lookup)
			assert_int_equal(
				leat_config_set_psk_lookup(c, look_up, NULL, &err), LEAT_OK);
		else
			add_psk(c, "me", key);
		assert_int_equal(leat_config_set_psk_identity(c, vec_str("me"), &err), LEAT_OK);
		add_psk(s, "me", key);
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		pair_clear(&p);
	}
}

static void client_knows_no_key(void **state)
{
	struct leat_config *c = pair_client_config(), *s;
	struct leat_err err = { 0 };
	struct pair p = { 0 };

	(void)state;
	assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
	memset(&lookup, 0, sizeof(lookup));
	lookup.fails = true;
	pair_set(c, "versions", "tlsv1.2");
	pair_set(s, "versions", "tlsv1.2");
	assert_int_equal(leat_config_set_psk_lookup(c, look_up, NULL, &err), LEAT_OK);
	add_psk(s, "me", key);
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, LEAT_CLIENT, A(ILLEGAL_PARAMETER));
	pair_clear(&p);
}

/* ---- which prime, RFC 7919 4 ---- */

static void prime(const char *client_groups, const char *server_groups, uint16_t want)
{
	struct leat_config *c, *s;
	struct pair p = { 0 };
	struct hs_facts f;

	configs(suite_by_id(0x009e), &c, &s);
	pair_set(c, "groups", client_groups);
	if (server_groups)
		pair_set(s, "groups", server_groups);
	pair_init(&p, c, s, NULL);
	if (!want) {
		pair_must_refuse(&p, LEAT_SERVER, A(INSUFFICIENT_SECURITY));
	} else {
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_SERVER].hs, &f);
		assert_int_equal(f.group->id, want);
		hs_facts(p.side[LEAT_CLIENT].hs, &f);
		assert_int_equal(f.group->id, want);
	}
	pair_clear(&p);
}

static void primes(void **state)
{
	(void)state;
	prime("x25519", NULL, GROUP_FFDHE2048);
	prime("x25519,ffdhe3072", NULL, GROUP_FFDHE3072);
	prime("ffdhe8192,ffdhe4096,ffdhe2048", NULL, GROUP_FFDHE4096);
	prime("ffdhe8192", NULL, 0); /* too dear unasked */
	prime("ffdhe6144,ffdhe2048", "x25519,ffdhe6144", GROUP_FFDHE6144);
	prime("ffdhe2048", "x25519,ffdhe6144", 0);
}

/* ---- one change to ServerKeyExchange ---- */

static struct change {
	const char *name;
	unsigned parts;
	void (*fn)(struct v12_server_kx *kx);
	unsigned alert;
} * now;

static uint8_t big[1100];

static struct leat_span bytes(size_t n, uint8_t first, uint8_t rest, uint8_t last)
{
	memset(big, rest, n);
	big[0] = first;
	big[n - 1] = last;
	return vec_copy(big, n);
}

static void p_short(struct v12_server_kx *m)
{
	m->p = bytes(256, 0x7f, 0xff, 0xff); /* 2047 bits: LIM_DH_BITS_MIN less one */
}
static void p_1024(struct v12_server_kx *m)
{
	m->p = bytes(128, 0xff, 0xff, 0xff);
}
static void p_zeros(struct v12_server_kx *m)
{
	m->p = bytes(256, 0, 0, 0);
}
static void p_padded_short(struct v12_server_kx *m)
{
	m->p = bytes(256, 0, 0xff, 0xff);
}
static void p_long(struct v12_server_kx *m)
{
	m->p = bytes(1025, 1, 0xff, 0xff); /* 8193 bits: LIM_DH_BITS_MAX and one */
}
static void p_even(struct v12_server_kx *m)
{
	m->p = bytes(256, 0xff, 0xff, 0xfe);
}
static void g_zero(struct v12_server_kx *m)
{
	m->g = bytes(1, 0, 0, 0);
}
static void g_one(struct v12_server_kx *m)
{
	m->g = bytes(1, 1, 1, 1);
}
static void g_p_less_1(struct v12_server_kx *m)
{
	struct leat_span s = vec_copy(m->p.p, m->p.n);

	((uint8_t *)(uintptr_t)s.p)[s.n - 1]--;
	m->g = s;
}
static void g_p(struct v12_server_kx *m)
{
	m->g = m->p;
}
static void y_zero(struct v12_server_kx *m)
{
	m->y = bytes(256, 0, 0, 0);
}
static void y_one(struct v12_server_kx *m)
{
	m->y = bytes(256, 0, 0, 1);
}
static void y_p(struct v12_server_kx *m)
{
	m->y = m->p;
}
static void y_p_less_1(struct v12_server_kx *m)
{
	struct leat_span s = vec_copy(m->p.p, m->p.n);

	((uint8_t *)(uintptr_t)s.p)[s.n - 1]--;
	m->y = s;
}
static void y_longer(struct v12_server_kx *m)
{
	m->y = bytes(257, 1, 0, 0);
}
static void y_empty(struct v12_server_kx *m)
{
	m->y.n = 0;
}
static void other_g(struct v12_server_kx *m)
{
	m->g = bytes(1, 3, 3, 3);
}
static void other_y(struct v12_server_kx *m)
{
	m->y = bytes(256, 5, 5, 5);
}
static void bad_curve(struct v12_server_kx *m)
{
	m->group = GROUP_FFDHE2048;
}

#define DHS (V12_KX_DH | V12_KX_SIGNED)
#define DHP (V12_KX_DH | V12_KX_PSK)

static struct change changes[] = {
	{ "p of 2047 bits", DHS, p_short, A(INSUFFICIENT_SECURITY) },
	{ "p of 1024 bits", DHS, p_1024, A(INSUFFICIENT_SECURITY) },
	{ "p is zero", DHS, p_zeros, A(INSUFFICIENT_SECURITY) },
	{ "p with zeros in front", DHS, p_padded_short, A(INSUFFICIENT_SECURITY) },
	{ "p of 8193 bits", DHS, p_long, A(ILLEGAL_PARAMETER) },
	{ "p even", DHS, p_even, A(ILLEGAL_PARAMETER) },
	{ "g 0", DHS, g_zero, A(ILLEGAL_PARAMETER) },
	{ "g 1", DHS, g_one, A(ILLEGAL_PARAMETER) },
	{ "g p-1", DHS, g_p_less_1, A(ILLEGAL_PARAMETER) },
	{ "g p", DHS, g_p, A(ILLEGAL_PARAMETER) },
	{ "y 0", DHS, y_zero, A(ILLEGAL_PARAMETER) },
	{ "y 1", DHS, y_one, A(ILLEGAL_PARAMETER) },
	{ "y p", DHS, y_p, A(ILLEGAL_PARAMETER) },
	{ "y p-1", DHS, y_p_less_1, A(ILLEGAL_PARAMETER) },
	{ "y longer than p", DHS, y_longer, A(ILLEGAL_PARAMETER) },
	{ "y empty", DHS, y_empty, A(DECODE_ERROR) },
	{ "g unsigned", DHS, other_g, A(DECRYPT_ERROR) },
	{ "y unsigned", DHS, other_y, A(DECRYPT_ERROR) },
	/* nobody signs these: what is out of range is refused all the same */
	{ "psk: p of 2047 bits", DHP, p_short, A(INSUFFICIENT_SECURITY) },
	{ "psk: y 1", DHP, y_one, A(ILLEGAL_PARAMETER) },
	{ "psk: y p-1", DHP, y_p_less_1, A(ILLEGAL_PARAMETER) },
	{ "psk: no curve", V12_KX_PSK | V12_KX_EC, bad_curve, A(ILLEGAL_PARAMETER) },
};

static void change_kx(struct pair_unit *u)
{
	struct v12_server_kx kx;
	struct leat_wr w = { 0 };
	uint8_t alert;

	assert_true(dec_v12_server_kx_of(
		(struct leat_span){ u->p + 4, u->n - 4 }, now->parts, &kx, &alert));
	now->fn(&kx);
	enc_v12_server_kx_of(&w, now->parts, &kx);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}

static const char *suite_of(unsigned parts)
{
	return parts == DHS   ? "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"
	       : parts == DHP ? "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256"
			      : "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256";
}

static void bad_server_kx(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(changes); i++) {
		struct tamper t = { .name = changes[i].name,
			.from = LEAT_SERVER,
			.msg = MSG_SERVER_KX,
			.raw = change_kx };
		struct pair p = { .on_unit = tamper_unit, .arg = &t };
		const char *name = suite_of(changes[i].parts);
		struct leat_config *c, *s;

		print_message("  %s\n", changes[i].name);
		now = &changes[i];
		configs(suite_by_name(name, strlen(name)), &c, &s);
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_CLIENT, changes[i].alert);
		assert_true(t.hit);
		pair_clear(&p);
	}
}

/* ---- cuts and additions, orders ---- */

static size_t cut_by;

static void cut(struct pair_unit *u)
{
	tamper_cut(u, cut_by);
}

static void grow(struct pair_unit *u)
{
	tamper_append(u, "x", 1);
}

static void malformed(uint8_t msg, const char *suite, void (*raw)(struct pair_unit *))
{
	struct leat_config *c, *s;
	struct tamper t = { .name = suite,
		.from = msg == MSG_SERVER_KX ? LEAT_SERVER : LEAT_CLIENT,
		.msg = msg,
		.raw = raw };
	struct pair p = { .on_unit = tamper_unit, .arg = &t };

	configs(suite_by_name(suite, strlen(suite)), &c, &s);
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, (enum leat_role) !t.from, A(DECODE_ERROR));
	pair_clear(&p);
}

static void wrong_lengths(void **state)
{
	static const char *const suites[] = { "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
		"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" };
	static const size_t cuts[] = { 1, 2, 3, 30 };

	(void)state;
	for (size_t i = 0; i < NUM(suites); i++) {
		for (size_t k = 0; k < NUM(cuts); k++) {
			cut_by = cuts[k];
			malformed(MSG_SERVER_KX, suites[i], cut);
			malformed(MSG_CLIENT_KX, suites[i], cut);
		}
		malformed(MSG_SERVER_KX, suites[i], grow);
		malformed(MSG_CLIENT_KX, suites[i], grow);
	}
	cut_by = 1;
	malformed(MSG_CLIENT_KX, "TLS_PSK_WITH_AES_128_GCM_SHA256", cut);
	malformed(MSG_CLIENT_KX, "TLS_PSK_WITH_AES_128_GCM_SHA256", grow);
}

/* The client's dh_Yc: 0, 1, p - 1, p and more. */
static uint8_t yc_kind;

static void change_yc(struct pair_unit *u)
{
	struct v12_client_kx kx = { 0 };
	struct leat_wr w = { 0 };
	uint8_t alert;

	assert_true(dec_v12_client_kx_of(
		(struct leat_span){ u->p + 4, u->n - 4 }, V12_KX_DH, &kx, &alert));
	kx.value = yc_kind < 2    ? bytes(256, 0, 0, yc_kind)
		   : yc_kind == 2 ? bytes(256, 0xff, 0xff, 0xff)
				  : bytes(257, 1, 0, 0);
	enc_v12_client_kx_of(&w, V12_KX_DH, &kx);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}

static void bad_client_kx(void **state)
{
	(void)state;
	for (yc_kind = 0; yc_kind < 4; yc_kind++) {
		struct tamper t = {
			.name = "yc", .from = LEAT_CLIENT, .msg = MSG_CLIENT_KX, .raw = change_yc
		};
		struct pair p = { .on_unit = tamper_unit, .arg = &t };
		struct leat_config *c, *s;

		configs(suite_by_id(0x009e), &c, &s);
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(ILLEGAL_PARAMETER));
		pair_clear(&p);
	}
}

/* A message that the suite does not have, or without the one it needs. */
static void certificate_in_psk(struct pair_unit *u)
{
	static const uint8_t none[] = { 0, 0, 0 };

	tamper_prepend_msg(u, MSG_CERT, none, sizeof(none));
}

static void request_in_psk(struct pair_unit *u)
{
	static const uint8_t any[] = { 1, 1, 0, 2, 4, 3, 0, 0 };

	tamper_prepend_msg(u, MSG_CERT_REQUEST, any, sizeof(any));
}

static void skx_again(struct pair_unit *u)
{
	static const uint8_t hint[] = { 0, 1, 'x' };

	tamper_prepend_msg(u, MSG_SERVER_KX, hint, sizeof(hint));
	tamper_prepend_msg(u, MSG_SERVER_KX, hint, sizeof(hint));
}

static void out_of_order(void **state)
{
	static const struct {
		const char *suite;
		uint8_t msg;
		void (*raw)(struct pair_unit *u);
	} t[] = {
		{ "TLS_PSK_WITH_AES_128_GCM_SHA256", MSG_HELLO_DONE, certificate_in_psk },
		{ "TLS_PSK_WITH_AES_128_GCM_SHA256", MSG_HELLO_DONE, request_in_psk },
		{ "TLS_PSK_WITH_AES_128_GCM_SHA256", MSG_HELLO_DONE, skx_again },
		{ "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", MSG_SERVER_KX, certificate_in_psk },
		{ "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", MSG_HELLO_DONE, request_in_psk },
		{ "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", MSG_HELLO_DONE, request_in_psk },
	};

	(void)state;
	for (size_t i = 0; i < NUM(t); i++) {
		struct tamper m = {
			.name = t[i].suite, .from = LEAT_SERVER, .msg = t[i].msg, .raw = t[i].raw
		};
		struct pair p = { .on_unit = tamper_unit, .arg = &m };
		struct leat_config *c, *s;

		configs(suite_by_name(t[i].suite, strlen(t[i].suite)), &c, &s);
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_CLIENT, A(UNEXPECTED_MESSAGE));
		pair_clear(&p);
	}
}

/* ---- memory ---- */

static bool survives(const struct suite *s, unsigned long fail_at, unsigned long *made)
{
	struct leat_config *client, *server;
	struct pair p = { 0 };
	enum leat_ret r;

	configs(s, &client, &server);
	(void)leat_mem_fail_at(fail_at);
	r = pair_try_init(&p, client, server, "localhost");
	if (r == LEAT_OK)
		r = pair_run(&p);
	*made = leat_mem_fail_at(0);
	if (r != LEAT_OK)
		assert_non_null(p.side[0].err.cls ? p.side[0].err.what : p.side[1].err.what);
	pair_clear(&p);
	return r == LEAT_OK;
}

static void without_memory(void **state)
{
	static const unsigned ids[] = { 0x009e, 0x00aa, 0xd001, 0x00a8 };

	(void)state;
	for (size_t i = 0; i < NUM(ids); i++) {
		unsigned long total, made, failed = 0;

		assert_true(survives(suite_by_id(ids[i]), 0, &total));
		for (unsigned long n = 1; n <= total; n++)
			failed += !survives(suite_by_id(ids[i]), n, &made);
		assert_true(total > 5 && failed > total / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_suite, vec_teardown),
		cmocka_unit_test_teardown(offered_with_a_key_only, vec_teardown),
		cmocka_unit_test_teardown(wrong_key_or_name, vec_teardown),
		cmocka_unit_test_teardown(looked_up, vec_teardown),
		cmocka_unit_test_teardown(identity_option, vec_teardown),
		cmocka_unit_test_teardown(client_knows_no_key, vec_teardown),
		cmocka_unit_test_teardown(primes, vec_teardown),
		cmocka_unit_test_teardown(bad_server_kx, vec_teardown),
		cmocka_unit_test_teardown(wrong_lengths, vec_teardown),
		cmocka_unit_test_teardown(bad_client_kx, vec_teardown),
		cmocka_unit_test_teardown(out_of_order, vec_teardown),
		cmocka_unit_test_teardown(without_memory, vec_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

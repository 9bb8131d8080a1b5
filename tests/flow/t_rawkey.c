/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rawkey.c - raw public keys, RFC 7250: who shows what in both roles and versions, that only keys which
 * were said to be good are, and that nobody who wants one gets less or other than asked for.
 *
 * TIMEOUT: 120
 * REQ: F-rpk
 */
#include "duo.h"
#include "ids.h"
#include "tamper.h"

#include "hs/hs_int.h"
#include "pki.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

static const char *const versions[] = { "tlsv1.3", "tlsv1.2" };

/* The SubjectPublicKeyInfo of a made certificate: from a credential, which has it. */
static struct leat_span spki_of(const struct pki_ident *id)
{
	struct leat_span none = { NULL, 0 }, spki;
	struct leat_err err = { 0 };
	struct leat_config *c;
	struct cred *cred;

	assert_int_equal(leat_config_new(&c, LEAT_CLIENT, &err), LEAT_OK);
	assert_int_equal(
		cred_new_pem(&cred, c->crypto, id->chain_pem, id->key_pem, none, &err), LEAT_OK);
	spki = vec_copy(cred_spki(cred).p, cred_spki(cred).n);
	cred_unref(cred);
	leat_config_unref(c);
	return spki;
}

static void pin(struct leat_config *c, const struct pki_ident *id)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_peer_key(c, spki_of(id), &err), LEAT_OK);
}

static void add_raw(struct leat_config *c, const struct pki_ident *id)
{
	struct leat_span none = { NULL, 0 };
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_raw_key(c, id->key_pem, none, &err), LEAT_OK);
}

static void add_cred(struct leat_config *c, const struct pki_ident *id)
{
	struct leat_span none = { NULL, 0 };
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem, none, &err), LEAT_OK);
}

/* Without any certificate and any trusted CA. */
static struct leat_config *raw_config(enum leat_role role, const char *version)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	pair_set(c, "versions", version);
	if (role == LEAT_SERVER)
		pair_set(c, "session_tickets", "disabled");
	pair_set(c, "server_certificate_type", "raw");
	return c;
}

static void check_peer(const struct pair *p, enum leat_role who, const struct pki_ident *id)
{
	struct hs_facts f;

	hs_facts(p->side[who].hs, &f);
	assert_non_null(f.peer_chain);
	assert_true(chain_is_raw(f.peer_chain));
	assert_int_equal(chain_num(f.peer_chain), 1);
	assert_true(leat_span_same(chain_cert(f.peer_chain, 0), spki_of(id)));
}

/* Both show a bare key, every kind of it. */
static void both_raw(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (int k = KEY_NONE + 1; k < KEY_COUNT; k++) {
			const struct pki_ident *s_id = pki_server((enum key_kind)k);
			const struct pki_ident *c_id = pki_client((enum key_kind)k);
			struct leat_config *c = raw_config(LEAT_CLIENT, versions[v]);
			struct leat_config *s = raw_config(LEAT_SERVER, versions[v]);
			struct pair p = { 0 };
			struct hs_facts f;

			add_raw(s, s_id);
			pin(c, s_id);
			add_raw(c, c_id);
			pin(s, pki_client(KEY_ED25519)); /* one of several */
			pin(s, c_id);
			pair_set(c, "client_certificate_type", "raw");
			pair_set(s, "client_certificate_type", "raw");
			pair_set(s, "verify", "verify_peer");
			pair_set(s, "fail_if_no_peer_cert", "true");
			pair_init(&p, c, s, NULL);
			pair_must_connect(&p);
			check_peer(&p, LEAT_CLIENT, s_id);
			check_peer(&p, LEAT_SERVER, c_id);
			/* no certificate: nothing for tls-server-end-point */
			hs_facts(p.side[LEAT_SERVER].hs, &f);
			assert_null(f.cred);
			pair_clear(&p);
		}
}

/* Types by preference and by what the other side takes; -1: refused. */
static void negotiated(void **state)
{
	static const struct {
		const char *client, *server;
		bool server_cert; /* the server has a certificate, too */
		int raw;
		enum leat_role who;
		unsigned alert;
	} rows[] = {
		{ "raw", "raw", true, 1, 0, 0 },
		{ "raw,x509", "raw,x509", true, 1, 0, 0 },
		{ "x509,raw", "raw,x509", true, 0, 0, 0 }, /* the client's order */
		{ "raw,x509", "x509", true, 0, 0, 0 },
		{ "x509", "raw,x509", true, 0, 0, 0 },
		{ "x509,raw", "raw,x509", false, 1, 0, 0 }, /* there is no certificate */
		{ "x509", "raw", true, -1, LEAT_SERVER, A(UNSUPPORTED_CERTIFICATE) },
		{ "raw", "x509", true, -1, LEAT_SERVER, A(UNSUPPORTED_CERTIFICATE) },
		{ "x509", "raw,x509", false, -1, LEAT_SERVER, A(HANDSHAKE_FAILURE) },
	};

	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (size_t i = 0; i < NUM(rows); i++) {
			const struct pki_ident *id = pki_server(KEY_EC_P256);
			struct leat_config *c = pair_client_config();
			struct leat_config *s = raw_config(LEAT_SERVER, versions[v]);
			struct pair p = { 0 };
			struct hs_facts f;

			if (rows[i].server_cert)
				add_cred(s, id);
			else
				add_raw(s, id);
			if (strstr(rows[i].client, "raw"))
				pin(c, id);
			pair_set(c, "server_certificate_type", rows[i].client);
			pair_set(s, "server_certificate_type", rows[i].server);
			pair_init(&p, c, s, NULL);
			if (rows[i].raw < 0) {
				pair_must_refuse(&p, rows[i].who, rows[i].alert);
			} else {
				pair_must_connect(&p);
				hs_facts(p.side[LEAT_CLIENT].hs, &f);
				assert_int_equal(chain_is_raw(f.peer_chain), rows[i].raw);
				assert_int_equal(chain_num(f.peer_chain), rows[i].raw ? 1 : 2);
			}
			pair_clear(&p);
		}
}

/* A key nobody vouched for, on either side; with verification off a client takes any. */
static void unknown_keys(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (int server = 0; server < 2; server++) {
			const struct pki_ident *id = pki_server(KEY_EC_P256);
			struct leat_config *c = raw_config(LEAT_CLIENT, versions[v]);
			struct leat_config *s = raw_config(LEAT_SERVER, versions[v]);
			struct pair p = { 0 };

			add_raw(s, id);
			add_raw(c, pki_client(KEY_EC_P256));
			pair_set(c, "client_certificate_type", "raw");
			pair_set(s, "client_certificate_type", "raw");
			pair_set(s, "verify", "verify_peer");
			pin(c, server ? id : pki_server(KEY_ED25519));
			pin(s, server ? pki_client(KEY_ED25519) : pki_client(KEY_EC_P256));
			pair_init(&p, c, s, NULL);
			pair_must_refuse(
				&p, server ? LEAT_SERVER : LEAT_CLIENT, A(CERTIFICATE_UNKNOWN));
			pair_clear(&p);
		}
	struct leat_config *c = raw_config(LEAT_CLIENT, "tlsv1.3");
	struct leat_config *s = raw_config(LEAT_SERVER, "tlsv1.3");
	struct pair p = { 0 };

	add_raw(s, pki_server(KEY_EC_P256));
	pair_set(c, "verify", "verify_none");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	pair_clear(&p);
}

/* ---- a server that lies, messages that are bent ---- */

static void setup(struct leat_config *c, struct leat_config *s)
{
	pair_set(c, "server_certificate_type", "raw,x509");
	pair_set(s, "server_certificate_type", "raw,x509");
	pin(c, pki_server(KEY_EC_P256));
}

static void setup_x509_server(struct leat_config *c, struct leat_config *s)
{
	(void)s;
	pair_set(c, "server_certificate_type", "raw,x509");
	pin(c, pki_server(KEY_EC_P256));
}

static void setup_asked(struct leat_config *c, struct leat_config *s)
{
	setup(c, s);
	add_cred(c, pki_client(KEY_EC_P256));
	pair_set(c, "client_certificate_type", "raw,x509");
	pair_set(s, "client_certificate_type", "raw");
	pair_set(s, "verify", "verify_peer");
	pin(s, pki_client(KEY_EC_P256));
}

static void ee_type_unknown(struct encrypted_ext *m)
{
	m->server_cert_type = 1; /* OpenPGP */
}

static void ee_unasked(struct encrypted_ext *m)
{
	m->has |= EXT_BIT(EXT_CLIENT_CERT_TYPE);
	m->client_cert_type = CERT_RAW_KEY;
}

/* Says raw and sends a chain; says nothing and sends a key. */
static void ee_says_raw(struct encrypted_ext *m)
{
	m->has |= EXT_BIT(EXT_SERVER_CERT_TYPE);
	m->server_cert_type = CERT_RAW_KEY;
}

static void ee_says_nothing(struct encrypted_ext *m)
{
	m->has &= ~EXT_BIT(EXT_SERVER_CERT_TYPE);
}

static void cert_two(struct certificate *m)
{
	m->cert[1] = m->cert[0];
	m->num = 2;
}

static void cert_bent(struct certificate *m)
{
	static uint8_t b[200];

	assert_true(m->cert[0].n < sizeof(b));
	memcpy(b, m->cert[0].p, m->cert[0].n);
	b[m->cert[0].n - 1] ^= 1;
	m->cert[0].p = b;
}

static void cert_longer(struct certificate *m)
{
	static uint8_t b[200];

	memcpy(b, m->cert[0].p, m->cert[0].n);
	m->cert[0].p = b;
	m->cert[0].n++;
}

#define FROM(side, m, kind, fn, al, how)                                                       \
	{                                                                                      \
		.name = #m " " #fn, .from = LEAT_##side, .msg = m, .alert = A(al), .kind = fn, \
		.setup = how                                                                   \
	}

static void tampered(void **state)
{
	struct tamper rows[] = {
		FROM(SERVER, MSG_ENCRYPTED_EXT, ee, ee_type_unknown, ILLEGAL_PARAMETER, setup),
		FROM(SERVER, MSG_ENCRYPTED_EXT, ee, ee_unasked, UNSUPPORTED_EXTENSION, setup),
		FROM(SERVER, MSG_ENCRYPTED_EXT, ee, ee_says_nothing, BAD_CERTIFICATE, setup),
		FROM(SERVER, MSG_ENCRYPTED_EXT, ee, ee_says_raw, ILLEGAL_PARAMETER,
			setup_x509_server),
		FROM(SERVER, MSG_CERT, cert, cert_two, ILLEGAL_PARAMETER, setup),
		FROM(SERVER, MSG_CERT, cert, cert_bent, CERTIFICATE_UNKNOWN, setup),
		FROM(SERVER, MSG_CERT, cert, cert_longer, CERTIFICATE_UNKNOWN, setup),
		FROM(CLIENT, MSG_CERT, cert, cert_two, ILLEGAL_PARAMETER, setup_asked),
		FROM(CLIENT, MSG_CERT, cert, cert_bent, CERTIFICATE_UNKNOWN, setup_asked),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.3");
}

/* A client without a key to show is let in or not, as with certificates. */
static void none_to_show(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (int needed = 0; needed < 2; needed++) {
			const struct pki_ident *id = pki_server(KEY_EC_P256);
			struct leat_config *c = raw_config(LEAT_CLIENT, versions[v]);
			struct leat_config *s = raw_config(LEAT_SERVER, versions[v]);
			struct pair p = { 0 };

			add_raw(s, id);
			pin(c, id);
			/* of another kind than is asked for: offered, and then not to be had */
			add_raw(c, pki_client(KEY_ED448));
			pair_set(c, "client_certificate_type", "raw");
			pair_set(s, "client_certificate_type", "raw");
			pair_set(s, "signature_algs", "ecdsa_secp256r1_sha256");
			pair_set(s, "verify", "verify_peer");
			pair_set(s, "fail_if_no_peer_cert", needed ? "true" : "false");
			pin(s, pki_client(KEY_ED448));
			pair_init(&p, c, s, NULL);
			if (needed)
				pair_must_refuse(&p, LEAT_SERVER,
					v ? A(HANDSHAKE_FAILURE) : A(CERTIFICATE_REQUIRED));
			else
				pair_must_connect(&p);
			pair_clear(&p);
		}
}

/* ---- options ---- */

static void freeze_refuses(struct leat_config *c, const char *option)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, option);
	leat_config_unref(c);
}

static void never_silently_weaker(void **state)
{
	static const char garbage[] =
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
	struct leat_span none = { NULL, 0 };
	struct leat_err err = { 0 };
	struct leat_config *c;

	(void)state;
	/* raw is taken, but whose? */
	freeze_refuses(raw_config(LEAT_CLIENT, "tlsv1.3"), "server_certificate_type");
	/* keys are given, but none can come */
	c = pair_client_config();
	pin(c, pki_server(KEY_EC_P256));
	freeze_refuses(c, "server_certificate_type");
	c = pair_server_config(KEY_EC_P256);
	pin(c, pki_client(KEY_EC_P256));
	freeze_refuses(c, "client_certificate_type");
	/* a bare key of ours that may not be shown */
	c = pair_client_config();
	add_raw(c, pki_client(KEY_EC_P256));
	freeze_refuses(c, "client_certificate_type");
	/* certificates too: then trusted CAs are needed as ever */
	c = raw_config(LEAT_CLIENT, "tlsv1.3");
	pair_set(c, "server_certificate_type", "raw,x509");
	pin(c, pki_server(KEY_EC_P256));
	freeze_refuses(c, "cacertfile");
	/* what is no key is refused when it is given */
	c = raw_config(LEAT_CLIENT, "tlsv1.3");
	assert_int_equal(
		leat_config_add_peer_key(c,
			(struct leat_span){ (const uint8_t *)garbage, sizeof(garbage) - 1 }, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_int_equal(leat_config_add_peer_key(c, none, &err), LEAT_FAILED);
	assert_int_equal(leat_config_add_peer_key(c, pki_root_pem(), &err), LEAT_FAILED);
	for (int i = 0; i < CONFIG_MAX_KEYS; i++)
		pin(c, pki_server(KEY_EC_P256));
	assert_int_equal(
		leat_config_add_peer_key(c, spki_of(pki_server(KEY_EC_P256)), &err), LEAT_FAILED);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	leat_config_unref(c);
}

/* A session is bound to the accepted keys; the peer is known by its key after resumption. */
static void sessions(void **state)
{
	struct leat_session *t = NULL;
	uint8_t first[32], again[32];

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256);
		static struct leat_config *s;
		struct leat_engine_opts opts = { .host = "localhost", .session = t };
		struct leat_engine_info info;
		struct leat_err err = { 0 };
		struct duo d;

		if (!s)
			s = ids_config(
				LEAT_SERVER, KEY_EC_P256, "server_certificate_type=raw,x509", NULL);
		pair_set(c, "session_tickets", "manual");
		pair_set(c, "server_certificate_type", "raw");
		pin(c, pki_server(KEY_EC_P256));
		if (round == 2)
			pin(c, pki_server(KEY_ED25519)); /* other settings */
		assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
		duo_open_with(&d, c, s, &opts);
		assert_true(duo_run(&d));
		leat_engine_info(d.side[LEAT_CLIENT].e, &info);
		assert_int_equal(info.resumed, round == 1);
		assert_int_equal(info.raw_peer_key, round != 1);
		assert_true(leat_engine_peer_digest(d.side[LEAT_CLIENT].e, round ? again : first));
		if (round)
			assert_memory_equal(first, again, 32);
		leat_session_unref(t);
		t = leat_engine_take_session(d.side[LEAT_CLIENT].e);
		duo_close(&d);
		leat_config_unref(c);
		if (round == 2)
			leat_config_unref(s);
	}
	leat_session_unref(t);
}

/* After the handshake, too. */
static void post_handshake(void **state)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256);
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };
	struct leat_engine *e;
	struct duo d;

	(void)state;
	add_raw(c, pki_client(KEY_EC_P256));
	pair_set(c, "client_certificate_type", "raw");
	pair_set(s, "client_certificate_type", "raw");
	pair_set(c, "post_handshake_auth", "true");
	pair_set(s, "post_handshake_auth", "true");
	pin(s, pki_client(KEY_EC_P256));
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	e = d.side[LEAT_SERVER].e;
	assert_int_equal(leat_engine_request_auth(e), LEAT_OK);
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_auth(e), LEAT_AUTH_SHOWN);
	assert_true(leat_span_same(leat_engine_peer_cert(e, 0), spki_of(pki_client(KEY_EC_P256))));
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(both_raw, vec_teardown),
		cmocka_unit_test_teardown(negotiated, vec_teardown),
		cmocka_unit_test_teardown(unknown_keys, vec_teardown),
		cmocka_unit_test_teardown(tampered, vec_teardown),
		cmocka_unit_test_teardown(none_to_show, vec_teardown),
		cmocka_unit_test_teardown(never_silently_weaker, vec_teardown),
		cmocka_unit_test_teardown(sessions, vec_teardown),
		cmocka_unit_test_teardown(post_handshake, vec_teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_full.c - whole handshakes in memory, every suite, group and kind of certificate, and what both
 * sides know afterwards.
 *
 * TIMEOUT: 180
 * REQ: F-13 F-suites13 F-ccm F-x25519 F-x448 F-2share F-ed25519 F-ed448 F-pss-rsae F-pss-pss
 * REQ: F-chacha12 F-ems F-multi-cert F-hostname
 */
#include "pair.h"

#include "hsfuzz.h"
#include "pki.h"
#include "wire/client_hello.h"

static const struct {
	const char *text;
	uint16_t version;
} versions[] = { { "tlsv1.3", LEAT_TLS13 }, { "tlsv1.2", LEAT_TLS12 } };

#define NUM(a) (sizeof(a) / sizeof((a)[0]))

static void connect_with(size_t v, const struct suite *suite, const char *group, enum key_kind k)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(k);
	struct pair p = { 0 };
	struct hs_facts f;

	pair_set(c, "versions", versions[v].text);
	pair_set(s, "versions", versions[v].text);
	if (suite) {
		pair_set(c, "ciphers", suite->name);
		pair_set(s, "ciphers", suite->name);
	}
	if (group)
		pair_set(s, "groups", group);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_int_equal(f.version, versions[v].version);
	assert_int_equal(f.suite->version, versions[v].version);
	if (suite)
		assert_ptr_equal(f.suite, suite);
	if (group && v == 0)
		assert_string_equal(f.group->name, group);
	pair_clear(&p);
}

static enum key_kind key_for(const struct suite *s)
{
	return s->auth == AUTH_RSA ? KEY_RSA : KEY_EC_P256;
}

static void every_suite(void **state)
{
	size_t num[2] = { 0 };

	(void)state;
	for (size_t i = 0; suite_at(i); i++) {
		size_t v = suite_at(i)->version == LEAT_TLS13 ? 0 : 1;

		if (suite_is_psk(suite_at(i))) /* t_v12_kx.c */
			continue;
		connect_with(v, suite_at(i), NULL, key_for(suite_at(i)));
		num[v]++;
	}
	assert_true(num[0] >= 5 && num[1] >= 6);
}

/* For a group the client sends no share of, by way of HelloRetryRequest. */
static void every_group(void **state)
{
	(void)state;
	for (size_t i = 0; group_at(i); i++)
		for (size_t v = 0; v < NUM(versions); v++)
			if (group_at(i)->kind == GROUP_NIST || group_at(i)->kind == GROUP_X)
				connect_with(v, NULL, group_at(i)->name, KEY_EC_P256);
}

/* RFC 7919's groups are not offered unasked. */
static void finite_fields(void **state)
{
	(void)state;
	for (size_t i = 0; group_at(i); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct pair p = { 0 };
		struct hs_facts f;

		if (group_at(i)->kind != GROUP_FFDHE) {
			leat_config_unref(c);
			leat_config_unref(s);
			continue;
		}
		pair_set(c, "groups",
			i % 2 ? "x25519,ffdhe2048,ffdhe3072,ffdhe4096,ffdhe6144,ffdhe8192"
			      : group_at(i)->name);
		pair_set(s, "groups", group_at(i)->name);
		pair_set(s, "versions", "tlsv1.3");
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_SERVER].hs, &f);
		assert_ptr_equal(f.group, group_at(i));
		pair_clear(&p);
	}
}

static void every_certificate(void **state)
{
	(void)state;
	for (int k = KEY_NONE + 1; k < KEY_COUNT; k++)
		for (size_t v = 0; v < NUM(versions); v++)
			connect_with(v, NULL, NULL, (enum key_kind)k);
}

/* All three together, for TLS 1.3: 5 suites x 5 groups x 7 kinds of key. */
static void everything(void **state)
{
	(void)state;
	for (size_t i = 0; suite_at(i); i++)
		for (size_t g = 0; group_at(g) && suite_at(i)->version == LEAT_TLS13; g++)
			for (int k = KEY_NONE + 1; k < KEY_COUNT; k++)
				if (group_at(g)->kind == GROUP_NIST || group_at(g)->kind == GROUP_X)
					connect_with(0, suite_at(i), group_at(g)->name,
						(enum key_kind)k);
}

/* The highest version both allow, whoever allows less. */
static void version_choice(void **state)
{
	static const struct {
		const char *client, *server;
		uint16_t version; /* 0: protocol_version by the server */
	} rows[] = {
		{ "tlsv1.3,tlsv1.2", "tlsv1.3,tlsv1.2", LEAT_TLS13 },
		{ "tlsv1.3,tlsv1.2", "tlsv1.2", LEAT_TLS12 },
		{ "tlsv1.2", "tlsv1.3,tlsv1.2", LEAT_TLS12 },
		{ "tlsv1.3", "tlsv1.3,tlsv1.2", LEAT_TLS13 },
		{ "tlsv1.3,tlsv1.2", "tlsv1.3", LEAT_TLS13 },
		{ "tlsv1.3", "tlsv1.2", 0 },
		{ "tlsv1.2", "tlsv1.3", 0 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
		struct pair p = { 0 };

		pair_set(c, "versions", rows[i].client);
		pair_set(s, "versions", rows[i].server);
		pair_init(&p, c, s, NULL);
		if (rows[i].version) {
			pair_must_connect(&p);
			assert_int_equal(p.side[0].version, rows[i].version);
		} else {
			pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_PROTOCOL_VERSION);
		}
		pair_clear(&p);
	}
}

/* Who decides the suite. */
static void suite_order(void **state)
{
	(void)state;
	for (int server = 0; server < 2; server++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
		struct pair p = { 0 };
		struct hs_facts f;

		pair_set(c, "versions", "tlsv1.3");
		pair_set(s, "versions", "tlsv1.3");
		pair_set(c, "ciphers", "TLS_CHACHA20_POLY1305_SHA256,TLS_AES_128_GCM_SHA256");
		pair_set(s, "ciphers", "TLS_AES_128_GCM_SHA256,TLS_CHACHA20_POLY1305_SHA256");
		pair_set(s, "honor_cipher_order", server ? "true" : "false");
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		hs_facts(p.side[0].hs, &f);
		assert_string_equal(f.suite->name,
			server ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256");
		pair_clear(&p);
	}
}

static void add_cred(struct leat_config *c, const struct pki_ident *id)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
}

/* Several credentials: the first that the client's signature_algorithms allow. */
static void credential_choice(void **state)
{
	static const struct {
		const char *algs, *scheme;
	} rows[] = {
		{ "ed25519,ecdsa_secp256r1_sha256,rsa_pss_rsae_sha256", "ed25519" },
		{ "ecdsa_secp256r1_sha256,rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256" },
		{ "rsa_pss_rsae_sha256,rsa_pkcs1_sha256,ecdsa_secp384r1_sha384",
			"rsa_pss_rsae_sha256" },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_ED25519);
		struct pair p = { 0 };
		struct hs_facts f;

		add_cred(s, pki_server(KEY_EC_P256));
		add_cred(s, pki_server(KEY_RSA));
		pair_set(c, "signature_algs", rows[i].algs);
		pair_set(c, "verify", "verify_none"); /* chains are signed with what they are */
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		hs_facts(p.side[0].hs, &f);
		assert_string_equal(f.scheme->name, rows[i].scheme);
		pair_clear(&p);
	}
}

/* No name of ours in the offer is refused; no offer, or no names of ours, is not. */
static void alpn(void **state)
{
	static const struct {
		const char *client, *server, *chosen;
	} rows[] = {
		{ NULL, "h2", "" },
		{ "h2", NULL, "" },
		{ "a,b,c", "c,b", "c" },
		{ "aa,a", "a", "a" },
		{ "h2", "h3", NULL },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		for (size_t v = 0; v < NUM(versions); v++) {
			struct leat_config *c = pair_client_config(),
					   *s = pair_server_config(KEY_EC_P256);
			struct pair p = { 0 };
			struct hs_facts f;

			pair_set(c, "versions", versions[v].text);
			if (rows[i].client)
				pair_set(c, "alpn", rows[i].client);
			if (rows[i].server)
				pair_set(s, "alpn", rows[i].server);
			pair_init(&p, c, s, NULL);
			if (rows[i].chosen) {
				pair_must_connect(&p);
				hs_facts(p.side[0].hs, &f);
				assert_int_equal(f.alpn.n, strlen(rows[i].chosen));
				if (f.alpn.n)
					assert_memory_equal(f.alpn.p, rows[i].chosen, f.alpn.n);
			} else {
				pair_must_refuse(
					&p, LEAT_SERVER, LEAT_ALERT_NO_APPLICATION_PROTOCOL);
			}
			pair_clear(&p);
		}
	}
}

/* The host given to a client: names go into SNI, addresses do not, nonsense is refused at once. */
static void hosts(void **state)
{
	static const struct {
		const char *host, *sni; /* sni NULL: refused */
	} rows[] = {
		{ "localhost", "localhost" }, { "localhost.", "localhost" }, { "127.0.0.1", "" },
		{ "::1", "" }, { "", NULL }, { "a b", NULL }, { "x..y", NULL },
		{ NULL, NULL }, /* with verification on, there must be a name to verify */
	};
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct pair p = { 0 };
		struct hs_facts f;
		enum leat_ret r = pair_try_init(
			&p, leat_config_ref(c), leat_config_ref(s), rows[i].host);

		if (rows[i].sni) {
			assert_int_equal(r, LEAT_OK);
			pair_must_connect(&p);
			hs_facts(p.side[LEAT_SERVER].hs, &f);
			assert_int_equal(f.sni.n, strlen(rows[i].sni));
			assert_memory_equal(f.sni.p, rows[i].sni, f.sni.n);
		} else {
			assert_int_equal(r, LEAT_FAILED);
			assert_int_equal(p.side[LEAT_CLIENT].err.cls, LEAT_E_MISUSE);
		}
		pair_clear(&p);
	}
	leat_config_unref(c);
	leat_config_unref(s);
}

/* Key shares in the first hello: as many as the option says, different kinds first, in order. */
static void shares(void **state)
{
	static const struct {
		const char *num, *groups;
		uint16_t want[4];
	} rows[] = {
		{ "1", "x25519,secp256r1", { GROUP_X25519 } },
		{ "2", "x25519,x448,secp256r1", { GROUP_X25519, GROUP_SECP256R1 } },
		{ "2", "secp256r1,secp384r1", { GROUP_SECP256R1, GROUP_SECP384R1 } },
		{ "3", "x25519,x448,secp256r1", { GROUP_X25519, GROUP_X448, GROUP_SECP256R1 } },
		{ "4", "x25519", { GROUP_X25519 } },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct pair p = { 0 };
		struct client_hello ch;
		struct pair_unit *u;
		struct key_share ks;
		struct leat_rd it;
		uint8_t alert;
		size_t n = 0;

		pair_set(c, "key_shares", rows[i].num);
		pair_set(c, "groups", rows[i].groups);
		pair_init(&p, c, s, NULL);
		u = pair_peek(&p, LEAT_CLIENT);
		assert_true(
			dec_client_hello((struct leat_span){ u->p + 4, u->n - 4 }, &ch, &alert));
		for (it = leat_rd_of(ch.key_shares); key_share_next(&it, &ks); n++)
			assert_int_equal(ks.group, rows[i].want[n]);
		assert_true(n == 4 || rows[i].want[n] == 0);
		pair_must_connect(&p);
		pair_clear(&p);
	}
}

static void facts(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_ED25519);
	struct pair p = { 0 };
	struct hs_facts f;

	(void)state;
	pair_set(c, "alpn", "http/1.1,h2");
	pair_set(s, "alpn", "h2,http/1.1");
	pair_init(&p, c, s, "localhost");
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	assert_int_equal(f.version, LEAT_TLS13);
	assert_int_equal(f.alpn.n, 2);
	assert_memory_equal(f.alpn.p, "h2", 2);
	assert_int_equal(f.sni.n, 9);
	assert_memory_equal(f.sni.p, "localhost", 9);
	assert_string_equal(f.scheme->name, "ed25519");
	assert_string_equal(f.group->name, "x25519");
	assert_false(f.retried);
	assert_null(f.peer_chain);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_int_equal(chain_num(f.peer_chain), 2);
	/* one signature, one validation */
	assert_int_equal(p.side[LEAT_SERVER].jobs, 1);
	assert_int_equal(p.side[LEAT_CLIENT].jobs, 1);
	/* compatibility mode: one change_cipher_spec each (RFC 8446 D.4) */
	assert_int_equal(p.side[LEAT_SERVER].sent_ccs, 1);
	assert_int_equal(p.side[LEAT_CLIENT].sent_ccs, 1);
	pair_clear(&p);
}

/* With LEAT_CORPUS set: writes seeds for fz_hs_client and fz_hs_server from real handshakes. */
static void record_corpus(void **state)
{
	static const struct {
		const char *name, *versions, *server_groups;
		enum key_kind key;
		bool alpn;
		uint8_t config; /* of hsfuzz.h */
	} rows[] = {
		{ "13-p256", "tlsv1.3", NULL, KEY_EC_P256, true, 0 },
		{ "13-rsa", "tlsv1.3", NULL, KEY_RSA, false, 1 },
		{ "13-ed25519", "tlsv1.3", NULL, KEY_ED25519, false, 0 },
		{ "13-retry", "tlsv1.3", "secp384r1", KEY_EC_P256, true, 3 },
		{ "12-p256", "tlsv1.2", NULL, KEY_EC_P256, true, 2 },
		{ "12-rsa", "tlsv1.2", NULL, KEY_RSA, false, 2 },
		{ "13-asked", "tlsv1.3", NULL, KEY_EC_P256, false, 4 },
		{ "12-asked", "tlsv1.2", NULL, KEY_EC_P256, false, 4 },
	};
	/* post-handshake: certificate_request with signature_algorithms, for clients */
	static const uint8_t request[] = { 0, 0, 19, MSG_CERT_REQUEST, 0, 0, 15, 2, 7, 7, 0, 10, 0,
		13, 0, 6, 0, 4, 4, 3, 8, 7 };

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		for (int from = 0; from < 2 && getenv("LEAT_CORPUS"); from++) {
			struct leat_config *c = pair_client_config(),
					   *s = pair_server_config(rows[i].key);
			struct hsfuzz_rec rec = { .from = (enum leat_role)from };
			struct pair p = {
				.on_unit = hsfuzz_record, .arg = &rec, .fixed_random = HSFUZZ_RANDOM
			};

			leat_wr_u8(&rec.out, rows[i].config);
			pair_set(c, "versions", rows[i].versions);
			if (rows[i].server_groups)
				pair_set(s, "groups", rows[i].server_groups);
			if (rows[i].alpn) {
				pair_set(c, "alpn", "h2");
				pair_set(s, "alpn", "h2");
			}
			if (rows[i].config == 4) {
				pair_ask(c, s);
				pair_set(s, "versions", rows[i].versions); /* no sentinel */
			}
			pair_init(&p, c, s, NULL);
			pair_must_connect(&p);
			if (rows[i].config == 4 && i == 6)
				leat_wr_bytes(&rec.out, request, sizeof(request));
			/* and what may come after it */
			leat_wr_bytes(&rec.out, "\0\0\5\x18\0\0\1\1", 8);
			hsfuzz_save(&rec, from == LEAT_SERVER ? "hs_client" : "hs_server",
				rows[i].name);
			pair_clear(&p);
		}
	}
}

/* The server has a certificate and must be able to use it. */
#define WITH_CERT ",TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"

static void is_as_said(const struct pair *p, unsigned number)
{
	bool resumes = p->offer != NULL;
	bool psk = number == HSFUZZ_PSK12 || number == HSFUZZ_PSK13;
	struct hs_facts f;

	for (int side = 0; side < 2; side++) {
		hs_facts(p->side[side].hs, &f);
		assert_int_equal(f.resumed, resumes);
		assert_int_equal(f.external_psk, psk);
		assert_int_equal(f.retried, number == HSFUZZ_COOKIE);
	}
}

/* The same for what is resumed, shared beforehand, or attached: each handshake of hsfuzz.h. It is made in
 * any case, and is the one it is called. */
static void special(void **state)
{
	static const struct {
		const char *name;
		unsigned config;
		const char *option, *value;
	} rows[] = {
		{ "12-stored", HSFUZZ_STORED, NULL, NULL },
		{ "12-new-ticket", HSFUZZ_TICKETS, NULL, NULL },
		{ "12-ticket", HSFUZZ_TICKET12, NULL, NULL },
		{ "13-ticket", HSFUZZ_TICKET13, NULL, NULL },
		{ "13-early", HSFUZZ_EARLY, NULL, NULL },
		{ "12-psk", HSFUZZ_PSK12, "ciphers", "TLS_PSK_WITH_AES_128_GCM_SHA256" WITH_CERT },
		{ "12-dhe-psk", HSFUZZ_PSK12, "ciphers",
			"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256" WITH_CERT },
		{ "12-ecdhe-psk", HSFUZZ_PSK12, "ciphers",
			"TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" WITH_CERT },
		{ "12-dhe", HSFUZZ_DHE, NULL, NULL },
		{ "13-psk", HSFUZZ_PSK13, NULL, NULL },
		{ "13-psk-ke", HSFUZZ_PSK13, "psk_modes", "psk_ke" },
		{ "13-cookie", HSFUZZ_COOKIE, NULL, NULL },
		{ "13-packed", HSFUZZ_ATTACHED, NULL, NULL },
		{ "13-staple", HSFUZZ_ATTACHED, "cert_compression", "none" },
		{ "12-staple", HSFUZZ_ATTACHED, "versions", "tlsv1.2" },
		{ "13-client-packed", HSFUZZ_CLIENT_ATTACHED, NULL, NULL },
		{ "13-client-staple", HSFUZZ_CLIENT_ATTACHED, "cert_compression", "none" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * NUM(rows); i++) {
		const char *option = rows[i / 2].option, *value = rows[i / 2].value;
		unsigned number = rows[i / 2].config;
		enum leat_role from = (enum leat_role)(i & 1);
		struct leat_config *c = hsfuzz_config(LEAT_CLIENT, number, option, value);
		struct leat_config *s = hsfuzz_config(LEAT_SERVER, number, option, value);
		struct hsfuzz_rec rec = { .from = from };
		struct pair p = { .on_unit = hsfuzz_record,
			.arg = &rec,
			.fixed_random = HSFUZZ_RANDOM,
			.offer = hsfuzz_session(c, number),
			.offer_early = number == HSFUZZ_EARLY };

		leat_wr_u8(&rec.out, (uint8_t)number);
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		is_as_said(&p, number);
		if (getenv("LEAT_CORPUS"))
			hsfuzz_save(&rec, from == LEAT_SERVER ? "hs_client" : "hs_server",
				rows[i / 2].name);
		leat_wr_clear(&rec.out);
		leat_session_unref(p.offer);
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(every_group),
		cmocka_unit_test(finite_fields),
		cmocka_unit_test(every_certificate),
		cmocka_unit_test(everything),
		cmocka_unit_test(version_choice),
		cmocka_unit_test(suite_order),
		cmocka_unit_test(credential_choice),
		cmocka_unit_test(alpn),
		cmocka_unit_test(hosts),
		cmocka_unit_test(shares),
		cmocka_unit_test(facts),
		cmocka_unit_test(record_corpus),
		cmocka_unit_test(special),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

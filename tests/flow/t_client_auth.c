/* SPDX-License-Identifier: Apache-2.0
 *
 * t_client_auth.c - clients that are asked who they are, TLS 1.3 and 1.2: what is asked, what is answered
 * with, what both sides know afterwards, and one thing wrong at a time with the alert it must get.
 *
 * TIMEOUT: 180
 * REQ: OPT-verify-s OPT-fail_if_no_peer_cert GEN-client-chain GEN-server-strict F-ca-ext
 * REQ: T-cert-require T-cert-empty_client T-cert-hrr T-cert-ca_ext T-rn-05
 */
#include "tamper.h"

#include "hs/hs_int.h"
#include "pki.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

static const char *const versions[] = { "tlsv1.3", "tlsv1.2" };

static void add_cred(struct leat_config *c, const struct pki_ident *id)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
}

static void add_trust(struct leat_config *c, struct leat_span pem)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_trust(c, pem, NULL, &err), LEAT_OK);
}

static struct leat_config *asking_server(const char *version, enum key_kind k)
{
	struct leat_config *s = pair_server_config(k);

	add_trust(s, pki_root_pem());
	pair_set(s, "versions", version);
	pair_set(s, "verify", "verify_peer");
	return s;
}

static struct leat_config *client_with(const struct pki_ident *id)
{
	struct leat_config *c = pair_client_config();

	if (id)
		add_cred(c, id);
	return c;
}

/* ---- what works ---- */

static void connect_as(const char *version, const struct pki_ident *id, const char *server_groups)
{
	struct leat_config *s = asking_server(version, KEY_EC_P256);
	struct pair p = { 0 };
	struct hs_facts f, g;

	if (server_groups)
		pair_set(s, "groups", server_groups);
	if (id)
		pair_set(s, "fail_if_no_peer_cert", "true");
	pair_init(&p, client_with(id), s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	hs_facts(p.side[LEAT_CLIENT].hs, &g);
	assert_ptr_equal(f.client_scheme, g.client_scheme);
	if (id) {
		struct leat_span leaf = pki_der(id->leaf);

		assert_int_equal(chain_num(f.peer_chain), 2);
		assert_true(leat_span_same(chain_cert(f.peer_chain, 0), leaf));
		assert_non_null(f.client_scheme);
		/* the server's signature and validation; the client's validation and signature */
		assert_int_equal(p.side[LEAT_SERVER].jobs, 2);
		assert_int_equal(p.side[LEAT_CLIENT].jobs, 2);
	} else {
		assert_null(f.peer_chain);
		assert_null(f.client_scheme);
		assert_int_equal(p.side[LEAT_CLIENT].jobs, 1);
	}
	assert_int_equal(f.retried, server_groups && strcmp(version, "tlsv1.3") == 0);
	pair_clear(&p);
}

static void every_key(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (int k = KEY_NONE + 1; k < KEY_COUNT; k++)
			connect_as(versions[v], pki_client((enum key_kind)k), NULL);
}

/* REQ: GEN-empty-cert */
static void none_to_show(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		connect_as(versions[v], NULL, NULL);
}

static void after_a_retry(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		connect_as(versions[v], NULL, "secp384r1");
		connect_as(versions[v], pki_client(KEY_EC_P256), "secp384r1");
	}
}

/* Without extended_master_secret the CertificateVerify is over the same messages. */
static void drop_ems(struct client_hello *m)
{
	m->has &= ~EXT_BIT(EXT_EMS);
}

static void not_asked(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct leat_config *c = client_with(pki_client(KEY_EC_P256));
		struct pair p = { 0 };
		struct hs_facts f;

		pair_set(c, "versions", versions[v]);
		pair_init(&p, c, pair_server_config(KEY_EC_P256), NULL);
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_SERVER].hs, &f);
		assert_null(f.peer_chain);
		assert_int_equal(p.side[LEAT_CLIENT].jobs, 1);
		pair_clear(&p);
	}
}

/* ---- which credential ---- */

static void expect_scheme(struct leat_config *c, struct leat_config *s, const char *scheme)
{
	struct pair p = { 0 };
	struct hs_facts f;

	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	if (scheme)
		assert_string_equal(f.client_scheme ? f.client_scheme->name : "none", scheme);
	else
		assert_null(f.peer_chain);
	pair_clear(&p);
}

static struct leat_config *client_of_three(void)
{
	struct leat_config *c = client_with(pki_client(KEY_ED25519));

	add_cred(c, pki_client(KEY_RSA));
	add_cred(c, pki_client(KEY_EC_P256));
	return c;
}

static void chosen_by_schemes(void **state)
{
	/* pki's RSA certificates are signed with RSA, all others with ECDSA */
	static const struct {
		const char *algs, *certs, *scheme;
	} rows[] = {
		{ "ed25519,ecdsa_secp256r1_sha256,rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256",
			"ed25519" },
		{ "ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256" },
		{ "ecdsa_secp256r1_sha256,ed448", "rsa_pkcs1_sha256,ecdsa_secp256r1_sha256",
			"ecdsa_secp256r1_sha256" },
		/* the first that can sign is under RSA: passed over for one under ECDSA */
		{ "rsa_pss_rsae_sha256,ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256",
			"ecdsa_secp256r1_sha256" },
	};

	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (size_t i = 0; i < NUM(rows); i++) {
			struct leat_config *s = asking_server(versions[v], KEY_EC_P256);

			pair_set(s, "signature_algs", rows[i].algs);
			if (v == 0) /* TLS 1.2 has one list for both */
				pair_set(s, "signature_algs_cert", rows[i].certs);
			expect_scheme(client_of_three(), s, rows[i].scheme);
		}
}

/* Nothing that fits: an empty list, and the server decides. */
static void none_fits(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct leat_config *s = asking_server(versions[v], KEY_EC_P256);

		pair_set(s, "signature_algs", "ecdsa_secp256r1_sha256");
		expect_scheme(client_with(pki_client(KEY_ED25519)), s, NULL);
		/* by another CA than those named */
		s = asking_server(versions[v], KEY_EC_P256);
		leat_config_unref(s);
		s = pair_server_config(KEY_EC_P256);
		add_trust(s, pki_stranger_pem());
		pair_set(s, "versions", versions[v]);
		pair_set(s, "verify", "verify_peer");
		expect_scheme(client_with(pki_client(KEY_EC_P256)), s, NULL);
	}
}

/* With certificate_authorities off nothing is named, the stranger's certificate comes and is refused. */
static void authorities_off(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct leat_config *s = pair_server_config(KEY_EC_P256);
		struct pair p = { 0 };

		add_trust(s, pki_stranger_pem());
		pair_set(s, "versions", versions[v]);
		pair_set(s, "verify", "verify_peer");
		pair_set(s, "certificate_authorities", "false");
		pair_init(&p, client_with(pki_client(KEY_EC_P256)), s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(UNKNOWN_CA));
		pair_clear(&p);
	}
}

/* The server's certificate by what the client says of CAs and of signatures in chains. */
static void server_credential(const char *authorities, const char *certs, const char *scheme)
{
	struct make_spec spec = pki_spec();
	static const struct made *other_ca, *other_leaf;
	struct leat_config *c, *s = pair_server_config(KEY_RSA);
	struct leat_err err = { 0 };
	struct pair p = { 0 };
	struct hs_facts f;

	if (!other_ca) {
		struct make_spec ca = pki_ca_spec("another root", NULL);

		other_ca = pki_make(&ca);
		spec.issuer = other_ca;
		other_leaf = pki_make(&spec);
	}
	assert_int_equal(leat_config_new(&c, LEAT_CLIENT, &err), LEAT_OK);
	add_trust(c, pki_cert_pem(other_ca));
	if (strcmp(scheme, "rsa_pss_rsae_sha256") == 0)
		add_trust(c, pki_root_pem());
	assert_int_equal(leat_config_add_cred(s, pki_cert_pem(other_leaf), pki_key_pem(other_leaf),
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
	pair_set(c, "versions", "tlsv1.3");
	pair_set(c, "certificate_authorities", authorities);
	pair_set(c, "signature_algs_cert", certs);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_string_equal(f.scheme->name, scheme);
	pair_clear(&p);
}

static void server_chooses_too(void **state)
{
	(void)state;
	/* trusts one of the two CAs, and says so */
	server_credential("true", "", "ecdsa_secp256r1_sha256");
	/* says nothing of CAs, but wants ECDSA in chains */
	server_credential("false", "ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256");
	/* says nothing: the first; the intermediate is signed with ECDSA, the leaf with RSA */
	server_credential(
		"false", "rsa_pkcs1_sha256,ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256");
}

/* What is not taken inside chains is refused, whoever sends it. */
static void chain_signed_otherwise(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (int asked = 0; asked < 2; asked++) {
			struct leat_config *c = client_with(pki_client(KEY_EC_P256));
			struct leat_config *s = asking_server(versions[v], KEY_EC_P256);
			struct pair p = { 0 };

			/* pki's chains of EC keys are signed with ecdsa and SHA-256 */
			pair_set(asked ? s : c, "signature_algs_cert", "ecdsa_secp384r1_sha384");
			pair_set(asked ? c : s, "signature_algs_cert",
				"ed25519,ecdsa_secp521r1_sha512,ecdsa_secp256r1_sha256");
			pair_init(&p, c, s, NULL);
			pair_must_refuse(
				&p, asked ? LEAT_SERVER : LEAT_CLIENT, A(UNSUPPORTED_CERTIFICATE));
			pair_clear(&p);
		}
}

/* ---- what the server refuses ---- */

static void required(void **state)
{
	static const uint8_t alert[] = { A(CERTIFICATE_REQUIRED), A(HANDSHAKE_FAILURE) };

	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct leat_config *s = asking_server(versions[v], KEY_EC_P256);
		struct pair p = { 0 };

		pair_set(s, "fail_if_no_peer_cert", "true");
		pair_init(&p, client_with(NULL), s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, alert[v]);
		pair_clear(&p);
	}
}

/* Extended key usage: a server's certificate is no client's. */
static void wrong_purpose(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct pair p = { 0 };

		pair_init(&p, client_with(pki_server(KEY_EC_P256)),
			asking_server(versions[v], KEY_EC_P256), NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(UNSUPPORTED_CERTIFICATE));
		pair_clear(&p);
	}
}

static void expired(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct pair p = { .now_s = PKI_NOW + 11 * PKI_DAY };
		struct leat_config *c = client_with(pki_client(KEY_EC_P256));

		pair_set(c, "verify", "verify_none"); /* the server's has expired as well */
		pair_init(&p, c, asking_server(versions[v], KEY_EC_P256), NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(CERTIFICATE_EXPIRED));
		pair_clear(&p);
	}
}

/* ---- one message changed on its way ---- */

static void ask(struct leat_config *c, struct leat_config *s)
{
	add_cred(c, pki_client(KEY_EC_P256));
	add_trust(s, pki_root_pem());
	pair_set(s, "verify", "verify_peer");
	pair_set(c, "max_handshake_size", "20000");
	pair_set(s, "max_handshake_size", "20000");
}

static void raw_cut(struct pair_unit *u)
{
	tamper_cut(u, 1);
}

static void raw_longer(struct pair_unit *u)
{
	tamper_append(u, "", 1);
}

static void raw_empty(struct pair_unit *u)
{
	tamper_body(u, "", 0);
}

/* Says 20001 bytes: one more than is taken. */
static void raw_too_long(struct pair_unit *u)
{
	u->p[1] = 0;
	u->p[2] = 20001 >> 8;
	u->p[3] = 20001 & 0xff;
}

static void cert_none(struct certificate *m)
{
	m->num = 0;
}

static void cert_context(struct certificate *m)
{
	m->context = (struct leat_span){ (const uint8_t *)"c", 1 };
}

static void cert_status(struct certificate *m)
{
	m->status[0] = (struct leat_span){ (const uint8_t *)"ocsp", 4 };
}

static void cert_noise(struct certificate *m)
{
	m->cert[0] = (struct leat_span){ (const uint8_t *)"not a certificate", 17 };
}

static void cert_other(struct certificate *m)
{
	static struct leat_span other;

	other = pki_der(pki_client(KEY_ED25519)->leaf);
	m->cert[0] = other;
}

static void cv_signature(struct cert_verify *m)
{
	static uint8_t b[256];

	assert_true(m->signature.n <= sizeof(b));
	memcpy(b, m->signature.p, m->signature.n);
	b[m->signature.n - 1] ^= 1;
	m->signature.p = b;
}

static void cv_scheme_unknown(struct cert_verify *m)
{
	m->scheme = 0x0203; /* ecdsa_sha1 */
}

static void cv_scheme_other_key(struct cert_verify *m)
{
	m->scheme = 0x0804;
}

static void cv_no_signature(struct cert_verify *m)
{
	m->signature.n = 0;
}

/* The list of certificate_request: names cut short. */
static void cr_names(struct pair_unit *u)
{
	u->p[u->n - 1] ^= 1; /* the last byte of the last name: harmless */
	tamper_cut(u, 3);
}

static void cr_context(struct pair_unit *u)
{
	uint8_t b[3000];
	size_t n = u->n - 4;

	assert_true(n < sizeof(b) - 1);
	b[0] = 1;
	memcpy(b + 1, u->p + 4, n); /* the old empty context becomes its one byte */
	tamper_body(u, b, n + 1);
}

static void cr_no_schemes(struct pair_unit *u)
{
	tamper_body(
		u, "\0\0\4\0\x12\0\0", 7); /* an unknown place for sct, no signature_algorithms */
}

static void cr12_no_types(struct pair_unit *u)
{
	tamper_body(u, "\0\0\2\4\3\0\0", 7);
}

static void cr12_odd_schemes(struct pair_unit *u)
{
	tamper_body(u, "\1\1\0\3\4\3\4\0\0", 9);
}

#define FROM(side, m, kind, fn, al)                                                            \
	{                                                                                      \
		.name = #m " " #fn, .from = LEAT_##side, .msg = m, .alert = A(al), .kind = fn, \
		.setup = ask                                                                   \
	}

static void tampered_13(void **state)
{
	struct tamper rows[] = {
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_cut, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_longer, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_empty, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_too_long, ILLEGAL_PARAMETER),
		FROM(SERVER, MSG_CERT_REQUEST, raw, cr_names, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, cr_context, ILLEGAL_PARAMETER),
		FROM(SERVER, MSG_CERT_REQUEST, raw, cr_no_schemes, MISSING_EXTENSION),
		FROM(CLIENT, MSG_CERT, raw, raw_cut, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_longer, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_empty, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_too_long, ILLEGAL_PARAMETER),
		FROM(CLIENT, MSG_CERT, cert, cert_context, ILLEGAL_PARAMETER),
		FROM(CLIENT, MSG_CERT, cert, cert_status, UNSUPPORTED_EXTENSION),
		FROM(CLIENT, MSG_CERT, cert, cert_noise, BAD_CERTIFICATE),
		/* another's certificate: its key did not sign this */
		FROM(CLIENT, MSG_CERT, cert, cert_other, ILLEGAL_PARAMETER),
		/* the list emptied on its way: CertificateVerify is then out of order */
		FROM(CLIENT, MSG_CERT, cert, cert_none, UNEXPECTED_MESSAGE),
		FROM(CLIENT, MSG_CERT_VERIFY, raw, raw_cut, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, raw, raw_longer, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, raw, raw_empty, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_signature, DECRYPT_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_no_signature, DECRYPT_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_scheme_unknown, ILLEGAL_PARAMETER),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_scheme_other_key, ILLEGAL_PARAMETER),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.3");
}

static void c12_none(struct pair_unit *u)
{
	tamper_body(u, "\0\0\0", 3);
}

static void c12_noise(struct pair_unit *u)
{
	tamper_body(u, "\0\0\5\0\0\2xx", 8);
}

static void tampered_12(void **state)
{
	struct tamper rows[] = {
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_cut, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_longer, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_empty, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, raw_too_long, ILLEGAL_PARAMETER),
		FROM(SERVER, MSG_CERT_REQUEST, raw, cr_names, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, cr12_no_types, DECODE_ERROR),
		FROM(SERVER, MSG_CERT_REQUEST, raw, cr12_odd_schemes, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_cut, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_longer, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_empty, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT, raw, raw_too_long, ILLEGAL_PARAMETER),
		FROM(CLIENT, MSG_CERT, raw, c12_none, UNEXPECTED_MESSAGE),
		FROM(CLIENT, MSG_CERT, raw, c12_noise, BAD_CERTIFICATE),
		FROM(CLIENT, MSG_CERT_VERIFY, raw, raw_cut, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, raw, raw_longer, DECODE_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_signature, DECRYPT_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_no_signature, DECRYPT_ERROR),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_scheme_unknown, ILLEGAL_PARAMETER),
		FROM(CLIENT, MSG_CERT_VERIFY, cv, cv_scheme_other_key, ILLEGAL_PARAMETER),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

/* A client whose hello loses its extended_master_secret on the way fails at Finished, behind a
 * CertificateVerify that did check out: signed were the messages each side saw. */
static void ems_lost(void **state)
{
	struct tamper t = { .name = "extended_master_secret lost",
		.from = LEAT_CLIENT,
		.msg = MSG_CLIENT_HELLO,
		.alert = A(DECRYPT_ERROR),
		.ch = drop_ems,
		.setup = ask };

	(void)state;
	tamper_run(&t, KEY_EC_P256, "tlsv1.2");
}

/* ---- order ---- */

/* Leaves out or repeats one of the client's messages. */
struct meddle {
	uint8_t msg;
	bool twice;
	bool hit;
};

static bool meddle(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct meddle *m = arg;

	if (from != LEAT_CLIENT || u->type != REC_HANDSHAKE || u->p[0] != m->msg || m->hit)
		return true;
	m->hit = true;
	if (!m->twice)
		return false;
	(void)pair_feed(p, LEAT_SERVER, REC_HANDSHAKE, (struct leat_span){ u->p, u->n });
	return true;
}

/* REQ: SEC-clientauth-bypass */
static void wrong_order(void **state)
{
	static const struct {
		uint8_t msg;
		bool twice;
	} rows[] = { { MSG_CERT, false }, { MSG_CERT, true }, { MSG_CERT_VERIFY, false },
		{ MSG_CERT_VERIFY, true } };

	(void)state;
	for (size_t v = 0; v < NUM(versions); v++)
		for (size_t i = 0; i < NUM(rows); i++) {
			struct leat_config *c = client_with(pki_client(KEY_EC_P256));
			struct meddle m = { rows[i].msg, rows[i].twice, false };
			struct pair p = { .on_unit = meddle, .arg = &m };

			pair_init(&p, c, asking_server(versions[v], KEY_EC_P256), NULL);
			pair_must_refuse(&p, LEAT_SERVER, A(UNEXPECTED_MESSAGE));
			assert_true(m.hit);
			pair_clear(&p);
		}
}

/* A certificate nobody asked for. */
static bool uninvited(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	bool *hit = arg;

	(void)p;
	if (from != LEAT_CLIENT || u->type != REC_HANDSHAKE ||
		(u->p[0] != MSG_FINISHED && u->p[0] != MSG_CLIENT_KX) || *hit)
		return true;
	*hit = true;
	tamper_prepend_msg(u, MSG_CERT, "\0\0\0\0", u->p[0] == MSG_FINISHED ? 4 : 3);
	return true;
}

static void unrequested(void **state)
{
	(void)state;
	for (size_t v = 0; v < NUM(versions); v++) {
		struct leat_config *c = pair_client_config();
		bool hit = false;
		struct pair p = { .on_unit = uninvited, .arg = &hit };

		pair_set(c, "versions", versions[v]);
		pair_init(&p, c, pair_server_config(KEY_EC_P256), NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(UNEXPECTED_MESSAGE));
		assert_true(hit);
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

/* REQ: T-cert-no_cacerts */
static void options(void **state)
{
	static const uint8_t secret[32] = "0123456789abcdef0123456789abcde";
	const struct leat_psk psk = { .identity = { secret, 4 }, .secret = { secret, 32 } };
	struct leat_config *s = pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };

	(void)state;
	pair_set(s, "verify", "verify_peer");
	freeze_refuses(s, "cacertfile");
	s = pair_server_config(KEY_EC_P256);
	pair_set(s, "fail_if_no_peer_cert", "true");
	freeze_refuses(s, "fail_if_no_peer_cert");
	s = asking_server("tlsv1.3", KEY_EC_P256);
	pair_set(s, "fail_if_no_peer_cert", "true");
	assert_int_equal(leat_config_add_psk(s, &psk, &err), LEAT_OK);
	freeze_refuses(s, "fail_if_no_peer_cert");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(none_to_show),
		cmocka_unit_test(after_a_retry),
		cmocka_unit_test(not_asked),
		cmocka_unit_test(chosen_by_schemes),
		cmocka_unit_test(none_fits),
		cmocka_unit_test(authorities_off),
		cmocka_unit_test(server_chooses_too),
		cmocka_unit_test(chain_signed_otherwise),
		cmocka_unit_test(required),
		cmocka_unit_test(wrong_purpose),
		cmocka_unit_test(expired),
		cmocka_unit_test_teardown(tampered_13, vec_teardown),
		cmocka_unit_test_teardown(tampered_12, vec_teardown),
		cmocka_unit_test_teardown(ems_lost, vec_teardown),
		cmocka_unit_test(wrong_order),
		cmocka_unit_test(unrequested),
		cmocka_unit_test(options),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

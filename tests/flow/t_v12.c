/* SPDX-License-Identifier: Apache-2.0
 *
 * t_v12.c - whole TLS 1.2 handshakes in memory: every suite, group and kind of certificate, what is
 * negotiated, and one change to one message at a time with the alert it must be refused with. Orders,
 * cuts and exhausted memory: t_order.c, t_split.c, t_oom.c run over this version too.
 *
 * TIMEOUT: 120
 * REQ: F-chacha12 F-ems F-sentinel SEC-reneg
 */
#include "tamper.h"

#include "hs/hs_int.h"
#include "pki.h"
#include "wire/v12.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))
#define SPAN(...) \
	vec_copy((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define WITHOUT(m, e) ((m)->has &= ~EXT_BIT(e))
#define WITH(m, e)    ((m)->has |= EXT_BIT(e))

/* ---- what works ---- */

static void open12(struct pair *p, const char *suite, const char *group, enum key_kind k)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(k);

	pair_set(c, "versions", "tlsv1.2");
	pair_set(s, "versions", "tlsv1.2");
	if (suite) {
		pair_set(c, "ciphers", suite);
		pair_set(s, "ciphers", suite);
	}
	if (group)
		pair_set(c, "groups", group);
	pair_init(p, c, s, NULL);
}

static void connect12(const char *suite, const char *group, enum key_kind k)
{
	struct pair p = { 0 };
	struct hs_facts f;

	open12(&p, suite, group, k);
	pair_must_connect(&p);
	assert_int_equal(p.side[0].version, LEAT_TLS12);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_true(f.extended_master);
	assert_true(f.suite->version == LEAT_TLS12);
	assert_int_equal(chain_num(f.peer_chain), 2);
	if (suite)
		assert_string_equal(f.suite->name, suite);
	if (group)
		assert_string_equal(f.group->name, group);
	assert_true(hs_may_send(p.side[0].hs) && hs_may_send(p.side[1].hs));
	/* the real change_cipher_spec, once each; one signature, one validation */
	assert_int_equal(p.side[0].sent_ccs, 1);
	assert_int_equal(p.side[1].sent_ccs, 1);
	assert_int_equal(p.side[LEAT_SERVER].jobs, 1);
	assert_int_equal(p.side[LEAT_CLIENT].jobs, 1);
	/* RFC 5246 7.3: five messages of the server, three of the client and its hello */
	assert_int_equal(p.side[LEAT_SERVER].sent_msgs, 5);
	assert_int_equal(p.side[LEAT_CLIENT].sent_msgs, 3);
	pair_clear(&p);
}

static void every_suite(void **state)
{
	(void)state;
	for (size_t i = 0; suite_at(i); i++)
		if (suite_at(i)->version == LEAT_TLS12 && !suite_is_psk(suite_at(i)))
			connect12(suite_at(i)->name, NULL,
				suite_at(i)->auth == AUTH_RSA ? KEY_RSA : KEY_EC_P256);
}

static void every_group(void **state)
{
	(void)state;
	for (size_t i = 0; group_at(i); i++)
		if (group_at(i)->kind == GROUP_NIST || group_at(i)->kind == GROUP_X)
			connect12(NULL, group_at(i)->name, KEY_RSA);
}

static void every_certificate(void **state)
{
	(void)state;
	for (int k = KEY_NONE + 1; k < KEY_COUNT; k++)
		connect12(NULL, NULL, (enum key_kind)k);
}

/* A client or server of both versions meets one of TLS 1.2 only. */
static void one_side_knows_only_12(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++)
		for (int middlebox = 0; middlebox < 2; middlebox++) {
			struct leat_config *c = pair_client_config();
			struct leat_config *s = pair_server_config(KEY_EC_P256);
			struct pair p = { 0 };
			struct hs_facts f;

			pair_set(old ? s : c, "versions", "tlsv1.2");
			pair_set(c, "middlebox_comp_mode", middlebox ? "true" : "false");
			pair_set(c, "alpn", "h2,http/1.1");
			pair_set(s, "alpn", "http/1.1");
			pair_init(&p, c, s, "localhost");
			/* the sentinel: a server that could do better says so only to a client that
			 * could too, and then the client would have got it */
			pair_must_connect(&p);
			hs_facts(p.side[LEAT_SERVER].hs, &f);
			assert_int_equal(f.version, LEAT_TLS12);
			assert_int_equal(f.alpn.n, 8);
			assert_memory_equal(f.sni.p, "localhost", 9);
			pair_clear(&p);
		}
}

/* What lives on: both sides export the same, and hs_post_keys derives the record keys again. */
static void keys_can_be_derived_again(void **state)
{
	struct pair p = { 0 };
	struct hs_post post[2];

	(void)state;
	open12(&p, NULL, NULL, KEY_EC_P256);
	pair_must_connect(&p);
	for (int i = 0; i < 2; i++) {
		hs_finish(p.side[i].hs, &post[i]);
		assert_int_equal(post[i].version, LEAT_TLS12);
		assert_int_equal(post[i].exporter.n, 48);
		for (int d = 0; d < 2; d++) {
			struct traffic_keys k;

			assert_int_equal(hs_post_keys(&post[i], (enum leat_dir)d, &k), LEAT_OK);
			assert_memory_equal(&k, &p.side[i].dir[d].keys, sizeof(k));
		}
	}
	assert_memory_equal(&post[0].exporter, &post[1].exporter, sizeof(post[0].exporter));
	hs_post_clear(&post[0]);
	hs_post_clear(&post[1]);
	pair_clear(&p);
}

/* Nothing of the record keys or the ephemeral key stays in a machine that is up. */
static void nothing_secret_stays(void **state)
{
	static const struct traffic_keys zero;
	struct pair p = { 0 };

	(void)state;
	open12(&p, NULL, NULL, KEY_EC_P256);
	pair_must_connect(&p);
	for (int i = 0; i < 2; i++) {
		assert_memory_equal(&p.side[i].hs->v12.keys[0], &zero, sizeof(zero));
		assert_memory_equal(&p.side[i].hs->v12.keys[1], &zero, sizeof(zero));
		assert_null(p.side[i].hs->v12.kex.pkey);
		assert_true(p.side[i].hs->v12.secure_reneg);
	}
	/* each side knows both verify_data (RFC 5746 3.1, tls-unique) */
	assert_memory_equal(p.side[0].hs->v12.verify, p.side[1].hs->v12.verify,
		sizeof(p.side[0].hs->v12.verify));
	pair_clear(&p);
}

/* ---- what both Finished protect although each side alone would take it ---- */

/* A change in the ClientHello that the server takes; Finished must bring it to light. */
static void ch_drop_ems(struct client_hello *m)
{
	WITHOUT(m, EXT_EMS);
}
static void ch_weaker_order(struct client_hello *m)
{
	m->suites = SPAN(0xc0, 0x2b);
}
static void ch_no_alpn(struct client_hello *m)
{
	WITHOUT(m, EXT_ALPN);
}
static void ch_no_reneg(struct client_hello *m)
{
	WITHOUT(m, EXT_RENEG);
}
static void ch_fewer_groups(struct client_hello *m)
{
	m->groups = SPAN(0, 0x17);
}
static void ch_reneg_scsv_too(struct client_hello *m)
{
	m->suites = SPAN(0xc0, 0x2b, 0, 0xff);
}

static void setup_alpn(struct leat_config *c, struct leat_config *s)
{
	pair_set(c, "alpn", "h2");
	pair_set(s, "alpn", "h2");
}

/* The refusal comes from the server, which checks the client's Finished. */
static void changed_hello_comes_to_light(void **state)
{
	static const struct {
		const char *name;
		void (*fn)(struct client_hello *m);
	} rows[] = {
		{ "drop ems", ch_drop_ems },
		{ "one suite", ch_weaker_order },
		{ "no alpn", ch_no_alpn },
		{ "fewer groups", ch_fewer_groups },
		{ "scsv too", ch_reneg_scsv_too },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = pair_client_config();
		struct leat_config *s = pair_server_config(KEY_EC_P256);
		struct tamper t = { .name = rows[i].name,
			.from = LEAT_CLIENT,
			.msg = MSG_CLIENT_HELLO,
			.ch = rows[i].fn };
		struct pair p = { .on_unit = tamper_unit, .arg = &t };

		print_message("  %s\n", t.name);
		setup_alpn(c, s);
		pair_set(c, "versions", "tlsv1.2");
		/* transcripts differ, and with extended master secret so do the keys: what the records
		 * would refuse is delivered here all the same, to see Finished itself refuse */
		p.any_level = true;
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_DECRYPT_ERROR);
		pair_clear(&p);
	}
}

/* ServerHello lost its renegotiation_info: with secure_renegotiate=false the client goes on, and it is its Finished that
 * comes to light. */
static void sh_no_reneg(struct server_hello *m);
static void server_without_rfc_5746(void **state)
{
	struct leat_config *c = pair_client_config();
	struct tamper t = { .name = "no renegotiation_info",
		.from = LEAT_SERVER,
		.msg = MSG_SERVER_HELLO,
		.sh = sh_no_reneg };
	struct pair p = { .on_unit = tamper_unit, .arg = &t, .any_level = true };

	(void)state;
	pair_set(c, "versions", "tlsv1.2");
	pair_set(c, "secure_renegotiate", "false");
	pair_init(&p, c, pair_server_config(KEY_EC_P256), NULL);
	pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_DECRYPT_ERROR);
	assert_true(t.hit);
	assert_false(p.side[LEAT_CLIENT].hs->v12.secure_reneg);
	pair_clear(&p);
}

/* ---- ServerHello ---- */

static void sh_suite_not_offered(struct server_hello *m)
{
	m->suite = 0xc0ae; /* CCM_8: not among the defaults */
}
static void sh_suite_of_13(struct server_hello *m)
{
	m->suite = 0x1301;
}
static void sh_suite_scsv(struct server_hello *m)
{
	m->suite = SUITE_RENEG_SCSV;
}
static void sh_compression(struct server_hello *m)
{
	m->compression = 1;
}
static void sh_version_11(struct server_hello *m)
{
	m->legacy_version = 0x0302;
}
static void sh_version_13(struct server_hello *m)
{
	m->legacy_version = LEAT_TLS13;
}
static void sh_no_reneg(struct server_hello *m)
{
	WITHOUT(m, EXT_RENEG);
}
static void sh_reneg_not_empty(struct server_hello *m)
{
	m->reneg = SPAN(1, 2, 3);
}
static void sh_points_compressed(struct server_hello *m)
{
	m->point_formats = SPAN(1, 2);
}
static void sh_ticket_unasked(struct server_hello *m)
{
	WITH(m, EXT_TICKET);
}
static void sh_etm_unasked(struct server_hello *m)
{
	WITH(m, EXT_ETM);
}
static void sh_alpn_unasked(struct server_hello *m)
{
	WITH(m, EXT_ALPN);
	m->alpn = SPAN('h', '2');
}
static void sh_record_size_unasked(struct server_hello *m)
{
	WITH(m, EXT_RECORD_SIZE);
	m->record_size = 1024;
}
static void sh_alpn_other(struct server_hello *m)
{
	m->alpn = SPAN('h', '3');
}
static void sh_key_share(struct server_hello *m)
{
	WITH(m, EXT_KEY_SHARE);
	m->group = 0x1d;
	m->share = SPAN(1);
}
static void sh_downgrade_13(struct server_hello *m)
{
	uint8_t r[RANDOM_LEN];

	memcpy(r, m->random.p, RANDOM_LEN);
	sentinel_put(r, LEAT_TLS13, LEAT_TLS12);
	m->random = vec_copy(r, RANDOM_LEN);
}
static void sh_downgrade_12(struct server_hello *m)
{
	uint8_t r[RANDOM_LEN];

	memcpy(r, m->random.p, RANDOM_LEN);
	sentinel_put(r, LEAT_TLS13, 0x0302);
	m->random = vec_copy(r, RANDOM_LEN);
}
static void raw_unknown_ext(struct pair_unit *u)
{
	struct leat_span b = vec_copy(u->p + 4, u->n - 4);
	struct server_hello m;
	struct leat_wr w = { 0 };
	uint8_t alert;

	/* a hello with one extension that nobody knows */
	assert_true(dec_server_hello(b, &m, &alert));
	m.has = 0;
	enc_server_hello(&w, &m);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
	tamper_append(u, "\x00\x04\x12\x34\x00\x00", 6);
}
static void raw_no_ext(struct pair_unit *u)
{
	raw_unknown_ext(u);
	tamper_cut(u, 6);
}
static void raw_cut(struct pair_unit *u)
{
	tamper_cut(u, 1);
}
static void raw_longer(struct pair_unit *u)
{
	tamper_append(u, "\x00", 1);
}
static void raw_empty(struct pair_unit *u)
{
	tamper_body(u, "", 0);
}
static void raw_followed(struct pair_unit *u)
{
	uint8_t b[4096];
	size_t n = u->n;

	assert_true(n + 4 <= sizeof(b));
	memcpy(b, u->p, n);
	memset(b + n, 0, 4); /* a HelloRequest in the same record */
	pair_unit_set(u, b, n + 4);
}

#define SH(fn, al)                                                                         \
	{                                                                                  \
		.name = #fn, .from = LEAT_SERVER, .msg = MSG_SERVER_HELLO, .alert = A(al), \
		.sh = fn                                                                   \
	}
#define RAW(who, m, fn, al)                                                          \
	{                                                                            \
		.name = #m " " #fn, .from = who, .msg = m, .alert = A(al), .raw = fn \
	}

static void server_hello_refused(void **state)
{
	struct tamper rows[] = {
		SH(sh_suite_not_offered, ILLEGAL_PARAMETER),
		SH(sh_suite_of_13, ILLEGAL_PARAMETER),
		SH(sh_suite_scsv, ILLEGAL_PARAMETER),
		SH(sh_compression, ILLEGAL_PARAMETER),
		SH(sh_version_11, PROTOCOL_VERSION),
		SH(sh_version_13, PROTOCOL_VERSION),
		SH(sh_no_reneg, HANDSHAKE_FAILURE),
		SH(sh_reneg_not_empty, HANDSHAKE_FAILURE),
		SH(sh_points_compressed, ILLEGAL_PARAMETER),
		SH(sh_ticket_unasked, UNSUPPORTED_EXTENSION),
		SH(sh_etm_unasked, UNSUPPORTED_EXTENSION),
		SH(sh_alpn_unasked, UNSUPPORTED_EXTENSION),
		SH(sh_record_size_unasked, UNSUPPORTED_EXTENSION),
		SH(sh_key_share, ILLEGAL_PARAMETER),
		RAW(LEAT_SERVER, MSG_SERVER_HELLO, raw_unknown_ext, UNSUPPORTED_EXTENSION),
		RAW(LEAT_SERVER, MSG_SERVER_HELLO, raw_no_ext, HANDSHAKE_FAILURE),
		RAW(LEAT_SERVER, MSG_SERVER_HELLO, raw_cut, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_SERVER_HELLO, raw_longer, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_SERVER_HELLO, raw_empty, DECODE_ERROR),
		{ .name = "alpn not offered",
			.from = LEAT_SERVER,
			.msg = MSG_SERVER_HELLO,
			.alert = A(ILLEGAL_PARAMETER),
			.sh = sh_alpn_other,
			.setup = setup_alpn },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

/* RFC 8446 4.1.3: only a client that can do better looks at the sentinel. */
static void only_12_at_server(struct leat_config *c, struct leat_config *s)
{
	(void)c;
	pair_set(s, "versions", "tlsv1.2");
}
static void sh_echo(struct server_hello *m);
static struct leat_span sent_session_id;

static bool note_session_id(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct client_hello m;
	uint8_t alert;

	if (u->type == REC_HANDSHAKE && u->p[0] == MSG_CLIENT_HELLO) {
		assert_true(dec_client_hello((struct leat_span){ u->p + 4, u->n - 4 }, &m, &alert));
		sent_session_id = vec_copy(m.session_id.p, m.session_id.n);
	}
	return tamper_unit(p, from, u, arg);
}
static void sh_echo(struct server_hello *m)
{
	m->session_id = sent_session_id;
}
static void sh_own_id(struct server_hello *m)
{
	m->session_id = vec_noise(32);
}

static void downgrade_refused(void **state)
{
	struct tamper rows[] = {
		{ .name = "sentinel 1.3",
			.from = LEAT_SERVER,
			.msg = MSG_SERVER_HELLO,
			.alert = A(ILLEGAL_PARAMETER),
			.sh = sh_downgrade_13,
			.setup = only_12_at_server },
		{ .name = "sentinel 1.2",
			.from = LEAT_SERVER,
			.msg = MSG_SERVER_HELLO,
			.alert = A(ILLEGAL_PARAMETER),
			.sh = sh_downgrade_12,
			.setup = only_12_at_server },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, NULL);
}

/* A server of both versions that is shown a TLS 1.2 hello says in its random that it could do better. */
static void ch_drop_versions(struct client_hello *m)
{
	WITHOUT(m, EXT_VERSIONS);
	WITHOUT(m, EXT_KEY_SHARE);
}

static void forced_downgrade_is_noticed(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct tamper t = { .from = LEAT_CLIENT, .msg = MSG_CLIENT_HELLO, .ch = ch_drop_versions };
	struct pair p = { .on_unit = tamper_unit, .arg = &t };

	(void)state;
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_string_equal(
		p.side[LEAT_CLIENT].err.what, "server_hello: somebody downgraded the connection");
	pair_clear(&p);
}

/* A client of both versions sends a session id (RFC 8446 D.4). A TLS 1.2 server that gives it back
 * claims to resume; one that makes up its own does not. */
static void session_id_echo_is_refused(void **state)
{
	(void)state;
	for (int echo = 0; echo < 2; echo++) {
		struct leat_config *c = pair_client_config();
		struct leat_config *s = pair_server_config(KEY_EC_P256);
		struct tamper t = { .from = LEAT_SERVER,
			.msg = MSG_SERVER_HELLO,
			.sh = echo ? sh_echo : sh_own_id };
		struct pair p = { .on_unit = note_session_id, .arg = &t };

		pair_set(s, "versions", "tlsv1.2");
		pair_init(&p, c, s, NULL);
		if (echo) {
			pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_ILLEGAL_PARAMETER);
		} else {
			/* taken; that the server said something else comes out at Finished */
			p.any_level = true;
			pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_DECRYPT_ERROR);
		}
		pair_clear(&p);
	}
}

/* ---- Certificate ---- */

static void cert_none(struct pair_unit *u)
{
	tamper_body(u, "\0\0\0", 3);
}
static void cert_form_of_13(struct pair_unit *u)
{
	struct leat_span b = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr w = { 0 };
	struct certificate m;
	uint8_t alert;

	assert_true(dec_certificate12(b, &m, &alert));
	enc_certificate(&w, &m);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}
static void cert_garbage(struct pair_unit *u)
{
	tamper_body(u, "\0\0\x05\0\0\x02\x30\x00", 8);
}
static void swap_cert(struct pair_unit *u, enum key_kind k)
{
	struct certificate m = { .num = 2 };
	struct leat_wr w = { 0 };

	m.cert[0] = pki_der(pki_server(k)->leaf);
	m.cert[1] = pki_der(pki_server(k)->inter);
	enc_certificate12(&w, &m);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}
static void cert_rsa(struct pair_unit *u)
{
	swap_cert(u, KEY_RSA);
}
static void cert_other_key(struct pair_unit *u)
{
	swap_cert(u, KEY_EC_P384);
}

static void certificate_refused(void **state)
{
	struct tamper rows[] = {
		RAW(LEAT_SERVER, MSG_CERT, cert_none, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_CERT, cert_form_of_13, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_CERT, cert_garbage, BAD_CERTIFICATE),
		RAW(LEAT_SERVER, MSG_CERT, raw_cut, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_CERT, raw_longer, DECODE_ERROR),
		/* a key that is not of the suite's kind */
		RAW(LEAT_SERVER, MSG_CERT, cert_rsa, ILLEGAL_PARAMETER),
		/* a good certificate of somebody else: ecdsa with another curve fits in TLS 1.2, so
		 * it is the signature that gives it away */
		RAW(LEAT_SERVER, MSG_CERT, cert_other_key, DECRYPT_ERROR),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

/* The alert alone does not tell which rule refused it: the signature scheme would be the next. */
static void certificate_must_fit_the_suite(void **state)
{
	struct tamper t = { .from = LEAT_SERVER, .msg = MSG_CERT, .raw = cert_rsa };
	struct pair p = { .on_unit = tamper_unit, .arg = &t };

	(void)state;
	open12(&p, NULL, NULL, KEY_EC_P256);
	pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_string_equal(
		p.side[LEAT_CLIENT].err.what, "certificate: its key does not fit the cipher suite");
	pair_clear(&p);
}

/* ---- ServerKeyExchange ---- */

static void change_kx(struct pair_unit *u, void (*fn)(struct v12_server_kx *m))
{
	struct leat_span b = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr w = { 0 };
	struct v12_server_kx m;
	uint8_t alert;

	assert_true(dec_v12_server_kx(b, &m, &alert));
	fn(&m);
	enc_v12_server_kx(&w, &m);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}
#define KX(name, body)                                \
	static void name##_m(struct v12_server_kx *m) \
	{                                             \
		body;                                 \
	}                                             \
	static void name(struct pair_unit *u)         \
	{                                             \
		change_kx(u, name##_m);               \
	}

KX(kx_curve_unknown, m->group = 0x2a2a)
KX(kx_curve_ffdhe, m->group = 0x0100)
KX(kx_curve_other, m->group = GROUP_X448)
KX(kx_point_short, m->point.n -= 1)
KX(kx_point_zero, m->point = SPAN(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			  0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
KX(kx_scheme_unknown, m->scheme = 0x5a5a)
KX(kx_scheme_sha1, m->scheme = 0x0203)
KX(kx_scheme_rsa, m->scheme = 0x0401)
KX(kx_scheme_ed25519, m->scheme = 0x0807)
KX(kx_scheme_other_hash, m->scheme = 0x0503)
KX(kx_signature_empty, m->signature.n = 0)
KX(kx_signature_short, m->signature.n -= 1)

static void kx_signature_flipped(struct pair_unit *u)
{
	u->p[u->n - 1] ^= 1;
}
static void kx_point_flipped(struct pair_unit *u)
{
	u->p[4 + 4 + 7] ^= 1; /* header, curve type, curve, length, then the point */
}
static void kx_explicit_prime(struct pair_unit *u)
{
	u->p[4] = 1;
}
static void kx_explicit_char2(struct pair_unit *u)
{
	u->p[4] = 2;
}
static void kx_no_point(struct pair_unit *u)
{
	tamper_body(u, "\x03\x00\x1d\x00\x04\x03\x00\x01\x00", 9);
}

#define SKX(fn, al) RAW(LEAT_SERVER, MSG_SERVER_KX, fn, al)

static void server_kx_refused(void **state)
{
	struct tamper rows[] = {
		SKX(kx_curve_unknown, ILLEGAL_PARAMETER),
		SKX(kx_curve_ffdhe, ILLEGAL_PARAMETER),
		SKX(kx_curve_other, ILLEGAL_PARAMETER), /* a point of the wrong length for it */
		SKX(kx_point_short, ILLEGAL_PARAMETER),
		SKX(kx_point_zero, DECRYPT_ERROR), /* not what was signed */
		SKX(kx_scheme_unknown, ILLEGAL_PARAMETER),
		SKX(kx_scheme_sha1, ILLEGAL_PARAMETER),
		SKX(kx_scheme_rsa, ILLEGAL_PARAMETER),
		SKX(kx_scheme_ed25519, ILLEGAL_PARAMETER),
		SKX(kx_scheme_other_hash, DECRYPT_ERROR),
		SKX(kx_signature_empty, DECRYPT_ERROR),
		SKX(kx_signature_short, DECRYPT_ERROR),
		SKX(kx_signature_flipped, DECRYPT_ERROR),
		SKX(kx_point_flipped, DECRYPT_ERROR),
		SKX(kx_explicit_prime, ILLEGAL_PARAMETER),
		SKX(kx_explicit_char2, ILLEGAL_PARAMETER),
		SKX(kx_no_point, DECODE_ERROR),
		SKX(raw_cut, DECODE_ERROR),
		SKX(raw_longer, DECODE_ERROR),
		SKX(raw_empty, DECODE_ERROR),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

/* The signature covers the randoms: a ServerKeyExchange of another connection is of no use. */
static struct leat_span recorded;

static void kx_replay(struct pair_unit *u)
{
	if (recorded.n)
		pair_unit_set(u, recorded.p, recorded.n);
	else
		recorded = vec_copy(u->p, u->n);
}

static void server_kx_of_another_connection(void **state)
{
	struct tamper first = {
		.name = "record", .from = LEAT_SERVER, .msg = MSG_SERVER_KX, .raw = kx_replay
	};
	struct tamper again = { .name = "replay",
		.from = LEAT_SERVER,
		.msg = MSG_SERVER_KX,
		.alert = A(DECRYPT_ERROR),
		.raw = kx_replay };
	struct pair p = { .on_unit = tamper_unit, .arg = &first };

	(void)state;
	recorded = (struct leat_span){ NULL, 0 };
	open12(&p, NULL, NULL, KEY_EC_P256);
	pair_must_connect(&p);
	pair_clear(&p);
	tamper_run(&again, KEY_EC_P256, "tlsv1.2");
}

/* ---- CertificateRequest, ServerHelloDone ---- */

/* A request for a certificate is answered with an empty list; the server, which did not ask, refuses the
 * message: that the client sent it at all is what is tested. */
static void request_cert(struct pair_unit *u)
{
	static const uint8_t cr[] = { 1, 64, 0, 2, 4, 3, 0, 0 };

	tamper_prepend_msg(u, MSG_CERT_REQUEST, cr, sizeof(cr));
}
static void request_cert_malformed(struct pair_unit *u)
{
	static const uint8_t cr[] = { 0, 0, 2, 4, 3, 0, 0 };

	tamper_prepend_msg(u, MSG_CERT_REQUEST, cr, sizeof(cr));
}
static void request_cert_twice(struct pair_unit *u)
{
	request_cert(u);
	request_cert(u);
}

static void request_for_a_certificate(void **state)
{
	struct tamper t = { .from = LEAT_SERVER, .msg = MSG_HELLO_DONE, .raw = request_cert };
	struct pair p = { .on_unit = tamper_unit, .arg = &t, .any_level = true };
	struct pair_unit *u;
	enum leat_ret r;

	(void)state;
	open12(&p, NULL, NULL, KEY_EC_P256);
	assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
	while (pair_deliver(&p, LEAT_SERVER, &r))
		assert_int_equal(r, LEAT_OK);
	assert_string_equal(hs_state_name(p.side[LEAT_CLIENT].hs), "C12_WAIT_CCS");
	u = pair_peek(&p, LEAT_CLIENT);
	assert_hex(u->p, u->n, "0b 000003 000000"); /* RFC 5246 7.4.6: no certificates */
	assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
	assert_int_equal(r, LEAT_FAILED);
	assert_int_equal(p.side[LEAT_SERVER].err.alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
	pair_clear(&p);
}

static void hello_done_refused(void **state)
{
	struct tamper rows[] = {
		RAW(LEAT_SERVER, MSG_HELLO_DONE, raw_longer, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_HELLO_DONE, raw_followed, UNEXPECTED_MESSAGE),
		RAW(LEAT_SERVER, MSG_HELLO_DONE, request_cert_malformed, DECODE_ERROR),
		RAW(LEAT_SERVER, MSG_HELLO_DONE, request_cert_twice, UNEXPECTED_MESSAGE),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

/* ---- HelloRequest in the middle of it ---- */

static struct leat_span hello_request(void)
{
	return SPAN(MSG_HELLO_REQUEST, 0, 0, 0);
}

/* RFC 5246 7.4.1.1: ignored while negotiating, and no part of the transcript. */
static void hello_request_is_ignored(void **state)
{
	size_t at = 0, fed = 0;

	(void)state;
	for (bool more = true; more; at++) {
		struct pair p = { 0 };
		enum leat_ret r;
		const char *in;

		open12(&p, NULL, NULL, KEY_EC_P256);
		for (size_t i = 0; i < at && more; i++)
			more = pair_deliver(
				&p, pair_peek(&p, LEAT_CLIENT) ? LEAT_CLIENT : LEAT_SERVER, &r);
		in = hs_state_name(p.side[LEAT_CLIENT].hs);
		if (strncmp(in, "C12_", 4) == 0 && strcmp(in, "C12_WAIT_FINISHED") != 0) {
			assert_int_equal(pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, hello_request()),
				LEAT_OK);
			assert_string_equal(hs_state_name(p.side[LEAT_CLIENT].hs), in);
			pair_must_connect(&p);
			fed++;
		}
		pair_clear(&p);
	}
	assert_true(fed >= 4);
}

static void hello_request_refused(void **state)
{
	static const char *const bad[] = { "00 000001 00", "00 010000" };

	(void)state;
	for (size_t i = 0; i <= NUM(bad); i++) {
		struct pair p = { 0 };
		enum leat_ret r;
		int num = 0;

		open12(&p, NULL, NULL, KEY_EC_P256);
		(void)pair_deliver(&p, LEAT_CLIENT, &r);
		(void)pair_deliver(&p, LEAT_SERVER, &r);
		if (i < NUM(bad)) {
			assert_int_equal(pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, vec_hex(bad[i])),
				LEAT_FAILED);
		} else {
			while (pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, hello_request()) ==
				LEAT_OK)
				num++;
			assert_int_equal(num, LIM_DROPPED);
			assert_int_equal(
				p.side[LEAT_CLIENT].err.alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
		}
		assert_int_equal(p.side[LEAT_CLIENT].err.cls, LEAT_E_OUR_ALERT);
		pair_clear(&p);
	}
	/* a server is never asked */
	for (int at = 0; at < 2; at++) {
		struct pair p = { 0 };
		enum leat_ret r;

		open12(&p, NULL, NULL, KEY_EC_P256);
		if (at)
			(void)pair_deliver(&p, LEAT_CLIENT, &r);
		assert_int_equal(
			pair_feed(&p, LEAT_SERVER, REC_HANDSHAKE, hello_request()), LEAT_FAILED);
		assert_int_equal(p.side[LEAT_SERVER].err.alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
		pair_clear(&p);
	}
}

/* ---- NewSessionTicket ---- */

static void sh_ticket(struct server_hello *m)
{
	WITH(m, EXT_TICKET);
}

/* RFC 5077 3.3: once, before change_cipher_spec, if and only if the ServerHello promised it. We do not
 * ask for tickets yet, so the client is made to believe that it did. */
static void tickets_come_as_promised(void **state)
{
	static const struct {
		const char *name;
		bool promised;
		unsigned num; /* tickets sent */
		const char *ticket;
		uint8_t alert; /* 0: the ticket is taken and change_cipher_spec too */
	} rows[] = {
		{ "one", true, 1, "04 00000a 00000e10 0004 aabbccdd", 0 },
		{ "an empty one", true, 1, "04 000006 00000000 0000", 0 },
		{ "none", true, 0, "", A(UNEXPECTED_MESSAGE) },
		{ "two", true, 2, "04 000006 00000000 0000", A(UNEXPECTED_MESSAGE) },
		{ "not promised", false, 1, "04 000006 00000000 0000", A(UNEXPECTED_MESSAGE) },
		{ "malformed", true, 1, "04 000007 00000000 0000 00", A(DECODE_ERROR) },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct tamper t = { .from = LEAT_SERVER, .msg = MSG_SERVER_HELLO, .sh = sh_ticket };
		struct pair p = { .on_unit = rows[i].promised ? tamper_unit : NULL, .arg = &t };
		struct leat_err *err = &p.side[LEAT_CLIENT].err;
		enum leat_ret r;

		print_message("  %s\n", rows[i].name);
		open12(&p, NULL, NULL, KEY_EC_P256);
		p.side[LEAT_CLIENT].hs->c.asked |= EXT_BIT(EXT_TICKET);
		(void)pair_deliver(&p, LEAT_CLIENT, &r);
		while (pair_deliver(&p, LEAT_SERVER, &r))
			assert_int_equal(r, LEAT_OK);
		assert_string_equal(hs_state_name(p.side[LEAT_CLIENT].hs), "C12_WAIT_CCS");
		for (unsigned k = 0; k < rows[i].num && r == LEAT_OK; k++)
			r = pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, vec_hex(rows[i].ticket));
		if (r == LEAT_OK)
			r = pair_feed(&p, LEAT_CLIENT, REC_CCS, SPAN(1));
		assert_int_equal(r, rows[i].alert ? LEAT_FAILED : LEAT_OK);
		assert_int_equal(err->alert, rows[i].alert);
		pair_clear(&p);
	}
}

/* ---- ClientHello, ClientKeyExchange ---- */

static void ch_reneg_not_empty(struct client_hello *m)
{
	m->reneg = SPAN(1, 2, 3);
}
static void ch_points_compressed(struct client_hello *m)
{
	m->point_formats = SPAN(1);
}
static void ch_no_sigalgs(struct client_hello *m)
{
	WITHOUT(m,
		EXT_SIGALGS); /* RFC 5246 7.4.1.4.1: stands for SHA-1, which we do not sign with */
}
static void ch_sigalgs_sha1(struct client_hello *m)
{
	m->sigalgs = SPAN(2, 3, 2, 1);
}
static void ch_only_rsa_suites(struct client_hello *m)
{
	m->suites = SPAN(0xc0, 0x2f, 0xc0, 0x30);
}
static void ch_only_static_rsa(struct client_hello *m)
{
	m->suites = SPAN(0, 0x9c, 0, 0x2f);
}
static void ch_no_common_group(struct client_hello *m)
{
	m->groups = SPAN(0, 0x13);
}
static void ch_curve_of_cert_missing(struct client_hello *m)
{
	m->groups = SPAN(0, 0x1d); /* RFC 8422 5.1: and the certificate is on P-256 */
}
static void ch_ffdhe_only(struct client_hello *m)
{
	m->groups = SPAN(1, 0);
}
static void ch_version_11(struct client_hello *m)
{
	m->legacy_version = 0x0302;
}
static void ch_no_null_compression(struct client_hello *m)
{
	m->compressions = SPAN(1);
}
static void ch_fallback(struct client_hello *m)
{
	m->suites = SPAN(0xc0, 0x2b, 0x56, 0);
}
static void both_versions_at_server(struct leat_config *c, struct leat_config *s)
{
	(void)c;
	pair_set(s, "versions", "tlsv1.3,tlsv1.2");
}
static void alpn_not_ours(struct leat_config *c, struct leat_config *s)
{
	pair_set(c, "alpn", "h2");
	pair_set(s, "alpn", "imap");
}
static void ch_as_it_is(struct client_hello *m)
{
	(void)m;
}

#define CH(fn, al)                                                                         \
	{                                                                                  \
		.name = #fn, .from = LEAT_CLIENT, .msg = MSG_CLIENT_HELLO, .alert = A(al), \
		.ch = fn                                                                   \
	}

static void client_hello_refused(void **state)
{
	struct tamper rows[] = {
		CH(ch_reneg_not_empty, HANDSHAKE_FAILURE),
		CH(ch_points_compressed, ILLEGAL_PARAMETER),
		CH(ch_no_sigalgs, HANDSHAKE_FAILURE),
		CH(ch_sigalgs_sha1, HANDSHAKE_FAILURE),
		CH(ch_only_rsa_suites, HANDSHAKE_FAILURE),
		CH(ch_only_static_rsa, HANDSHAKE_FAILURE),
		CH(ch_no_common_group, HANDSHAKE_FAILURE),
		CH(ch_curve_of_cert_missing, HANDSHAKE_FAILURE),
		CH(ch_ffdhe_only, HANDSHAKE_FAILURE),
		CH(ch_version_11, PROTOCOL_VERSION),
		CH(ch_no_null_compression, ILLEGAL_PARAMETER),
		{ .name = "fallback",
			.from = LEAT_CLIENT,
			.msg = MSG_CLIENT_HELLO,
			.alert = A(INAPPROPRIATE_FALLBACK),
			.ch = ch_fallback,
			.setup = both_versions_at_server },
		{ .name = "alpn",
			.from = LEAT_CLIENT,
			.msg = MSG_CLIENT_HELLO,
			.alert = A(NO_APPLICATION_PROTOCOL),
			.ch = ch_as_it_is,
			.setup = alpn_not_ours },
		RAW(LEAT_CLIENT, MSG_CLIENT_HELLO, raw_followed, UNEXPECTED_MESSAGE),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

static void ckx_zero(struct pair_unit *u)
{
	uint8_t b[33] = { 32 };

	tamper_body(u, b, sizeof(b));
}
static void ckx_short(struct pair_unit *u)
{
	tamper_body(u, "\x03\x01\x02\x03", 4);
}
static void ckx_implicit(struct pair_unit *u)
{
	tamper_body(u, "\x00", 1);
}
static void ckx_off_curve(struct pair_unit *u)
{
	uint8_t b[66] = { 65, 4, 1, 2, 3 };

	tamper_body(u, b, sizeof(b));
}
static void on_p256(struct leat_config *c, struct leat_config *s)
{
	(void)s;
	pair_set(c, "groups", "secp256r1");
}

#define CKX(fn, al) RAW(LEAT_CLIENT, MSG_CLIENT_KX, fn, al)

static void client_kx_refused(void **state)
{
	struct tamper rows[] = {
		CKX(ckx_zero, ILLEGAL_PARAMETER), /* RFC 7748 6.1: an all-zero secret */
		CKX(ckx_short, ILLEGAL_PARAMETER),
		CKX(ckx_implicit, DECODE_ERROR),
		CKX(raw_cut, DECODE_ERROR),
		CKX(raw_longer, DECODE_ERROR),
		CKX(raw_empty, DECODE_ERROR),
		CKX(raw_followed, UNEXPECTED_MESSAGE),
		{ .name = "off curve",
			.from = LEAT_CLIENT,
			.msg = MSG_CLIENT_KX,
			.alert = A(ILLEGAL_PARAMETER),
			.raw = ckx_off_curve,
			.setup = on_p256 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
}

/* ---- Finished ---- */

static void fin_flip_first(struct pair_unit *u)
{
	u->p[4] ^= 0x80;
}
static void fin_flip_last(struct pair_unit *u)
{
	u->p[u->n - 1] ^= 1;
}
static void fin_32(struct pair_unit *u)
{
	tamper_append(u, "01234567890123456789", 20);
}
static struct leat_span clients_finished;
static void fin_note(struct pair_unit *u)
{
	clients_finished = vec_copy(u->p, u->n);
}

static void finished_refused(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++) {
		struct tamper rows[] = {
			RAW((enum leat_role)from, MSG_FINISHED, fin_flip_first, DECRYPT_ERROR),
			RAW((enum leat_role)from, MSG_FINISHED, fin_flip_last, DECRYPT_ERROR),
			RAW((enum leat_role)from, MSG_FINISHED, fin_32, DECODE_ERROR),
			RAW((enum leat_role)from, MSG_FINISHED, raw_cut, DECODE_ERROR),
			RAW((enum leat_role)from, MSG_FINISHED, raw_empty, DECODE_ERROR),
			RAW((enum leat_role)from, MSG_FINISHED, raw_followed, UNEXPECTED_MESSAGE),
		};

		for (size_t i = 0; i < NUM(rows); i++)
			tamper_run(&rows[i], KEY_EC_P256, "tlsv1.2");
	}
}

/* The client's own Finished sent back to it is not the server's (the labels differ). */
static void reflected_finished(void **state)
{
	struct tamper t = { .from = LEAT_CLIENT, .msg = MSG_FINISHED, .raw = fin_note };
	struct pair p = { .on_unit = tamper_unit, .arg = &t };
	enum leat_ret r;

	(void)state;
	open12(&p, NULL, NULL, KEY_EC_P256);
	assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
	while (pair_deliver(&p, LEAT_SERVER, &r))
		;
	while (pair_deliver(&p, LEAT_CLIENT, &r))
		;
	assert_int_equal(pair_peek(&p, LEAT_SERVER)->type, REC_CCS);
	assert_true(pair_deliver(&p, LEAT_SERVER, &r));
	assert_int_equal(pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, clients_finished), LEAT_FAILED);
	assert_int_equal(p.side[LEAT_CLIENT].err.alert, LEAT_ALERT_DECRYPT_ERROR);
	pair_clear(&p);
}

/* ---- without extended master secret, without renegotiation_info ---- */

/* A server that does not know the extension leaves it out; the client goes on without (RFC 7627 5.2 lets
 * it) and both derive the master secret from the randoms. The server here knows it, so the hello is
 * changed on the client's side as if it had never been in it. */
static void ems_needs_both_sides(void **state)
{
	struct pair p = { 0 };
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct client_hello m;
	struct leat_wr w = { 0 };
	struct pair_unit *u;
	struct hs_facts f;
	uint8_t alert;

	(void)state;
	pair_set(c, "versions", "tlsv1.2");
	pair_init(&p, c, s, NULL);
	u = pair_peek(&p, LEAT_CLIENT);
	assert_true(dec_client_hello((struct leat_span){ u->p + 4, u->n - 4 }, &m, &alert));
	WITHOUT(&m, EXT_EMS);
	enc_client_hello(&w, &m, NULL, 0);
	p.side[LEAT_CLIENT].hs->c.asked = m.has;
	transcript_clear(&p.side[LEAT_CLIENT].hs->tr);
	transcript_add(&p.side[LEAT_CLIENT].hs->tr, leat_wr_done(&w));
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_false(f.extended_master);
	pair_clear(&p);
}

/* RFC 5746 3.6: the SCSV in place of the extension is answered with the extension. */
static void scsv_counts_as_signal(void **state)
{
	(void)state;
	for (int scsv = 0; scsv < 2; scsv++) {
		struct tamper t = { .from = LEAT_CLIENT,
			.msg = MSG_CLIENT_HELLO,
			.ch = scsv ? ch_reneg_scsv_too : ch_no_reneg };
		struct pair p = { .on_unit = tamper_unit, .arg = &t };
		struct server_hello sh;
		struct pair_unit *u;
		enum leat_ret r;
		uint8_t alert;

		open12(&p, NULL, NULL, KEY_EC_P256);
		assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
		assert_int_equal(r, LEAT_OK);
		u = pair_peek(&p, LEAT_SERVER);
		assert_true(
			dec_server_hello((struct leat_span){ u->p + 4, u->n - 4 }, &sh, &alert));
		assert_int_equal((sh.has & EXT_BIT(EXT_RENEG)) != 0, scsv);
		assert_int_equal(sh.session_id.n, 0); /* not kept, not resumable */
		pair_clear(&p);
	}
}

/* ---- change_cipher_spec ---- */

/* In its place it needs to be the byte 1, between two messages, and Finished must follow at once. */
static void ccs_in_its_place(void **state)
{
	static const struct {
		const char *hex;
	} bad[] = { { "" }, { "00" }, { "02" }, { "0101" } };

	(void)state;
	for (size_t i = 0; i <= NUM(bad); i++) {
		struct pair p = { 0 };
		struct pair_unit *u;
		enum leat_ret r;

		open12(&p, NULL, NULL, KEY_EC_P256);
		assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
		while (pair_deliver(&p, LEAT_SERVER, &r))
			;
		u = pair_peek(&p, LEAT_CLIENT);
		assert_int_equal(u->p[0], MSG_CLIENT_KX);
		if (i == NUM(bad)) { /* inside ClientKeyExchange */
			assert_int_equal(pair_feed(&p, LEAT_SERVER, REC_HANDSHAKE,
						 (struct leat_span){ u->p, u->n - 1 }),
				LEAT_OK);
			assert_int_equal(pair_feed(&p, LEAT_SERVER, REC_CCS, SPAN(1)), LEAT_FAILED);
		} else {
			assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
			assert_int_equal(r, LEAT_OK);
			assert_int_equal(pair_feed(&p, LEAT_SERVER, REC_CCS, vec_hex(bad[i].hex)),
				LEAT_FAILED);
		}
		assert_int_equal(p.side[LEAT_SERVER].err.alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
		pair_clear(&p);
	}
}

/* Finished under the old keys: without change_cipher_spec, and in cleartext behind it. */
static void finished_in_cleartext(void **state)
{
	(void)state;
	for (int ccs = 0; ccs < 2; ccs++)
		for (int from = 0; from < 2; from++) {
			struct pair p = { .any_level = true };
			struct pair_side *to = &p.side[!from];
			struct pair_unit *u;
			enum leat_ret r;

			open12(&p, NULL, NULL, KEY_EC_P256);
			for (;;) {
				enum leat_role next = pair_peek(&p, LEAT_CLIENT) ? LEAT_CLIENT
										 : LEAT_SERVER;

				u = pair_peek(&p, next);
				if ((int)next == from && u->type == REC_CCS)
					break;
				assert_true(pair_deliver(&p, next, &r));
				assert_int_equal(r, LEAT_OK);
			}
			if (ccs)
				assert_true(pair_deliver(&p, (enum leat_role)from, &r));
			else
				pair_pop(&p, (enum leat_role)from);
			u = pair_peek(&p, (enum leat_role)from);
			assert_int_equal(u->p[0], MSG_FINISHED);
			assert_int_equal(hs_record(to->hs, REC_HANDSHAKE, LV_PLAIN,
						 (struct leat_span){ u->p, u->n }),
				LEAT_FAILED);
			assert_int_equal(to->err.alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
			pair_clear(&p);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(every_group),
		cmocka_unit_test(every_certificate),
		cmocka_unit_test(one_side_knows_only_12),
		cmocka_unit_test(keys_can_be_derived_again),
		cmocka_unit_test(nothing_secret_stays),
		cmocka_unit_test_teardown(changed_hello_comes_to_light, vec_teardown),
		cmocka_unit_test_teardown(server_without_rfc_5746, vec_teardown),
		cmocka_unit_test_teardown(server_hello_refused, vec_teardown),
		cmocka_unit_test_teardown(downgrade_refused, vec_teardown),
		cmocka_unit_test_teardown(forced_downgrade_is_noticed, vec_teardown),
		cmocka_unit_test_teardown(session_id_echo_is_refused, vec_teardown),
		cmocka_unit_test_teardown(certificate_refused, vec_teardown),
		cmocka_unit_test_teardown(certificate_must_fit_the_suite, vec_teardown),
		cmocka_unit_test_teardown(server_kx_refused, vec_teardown),
		cmocka_unit_test_teardown(server_kx_of_another_connection, vec_teardown),
		cmocka_unit_test_teardown(request_for_a_certificate, vec_teardown),
		cmocka_unit_test_teardown(hello_done_refused, vec_teardown),
		cmocka_unit_test_teardown(hello_request_is_ignored, vec_teardown),
		cmocka_unit_test_teardown(hello_request_refused, vec_teardown),
		cmocka_unit_test_teardown(tickets_come_as_promised, vec_teardown),
		cmocka_unit_test_teardown(client_hello_refused, vec_teardown),
		cmocka_unit_test_teardown(client_kx_refused, vec_teardown),
		cmocka_unit_test_teardown(finished_refused, vec_teardown),
		cmocka_unit_test_teardown(reflected_finished, vec_teardown),
		cmocka_unit_test_teardown(ems_needs_both_sides, vec_teardown),
		cmocka_unit_test_teardown(scsv_counts_as_signal, vec_teardown),
		cmocka_unit_test_teardown(ccs_in_its_place, vec_teardown),
		cmocka_unit_test_teardown(finished_in_cleartext, vec_teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

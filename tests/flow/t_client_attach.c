/* SPDX-License-Identifier: Apache-2.0
 *
 * t_client_attach.c - what travels with certificates of clients, TLS 1.3: OCSP responses, SCTs, packed
 * certificates, asked for by CertificateRequest, with everything a client may get wrong. The mirror of
 * t_staple.c and t_packed.c; after the handshake: t_client_attach_post.c.
 *
 * TIMEOUT: 120
 * REQ: F-ocsp-c F-ocsp-s F-muststaple F-certcomp
 */
#include "attachkit.h"
#include "packkit.h"
#include "tamper.h"

#include "base/limits.h"
#include "base/mem.h"
#include "x509/cred.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))
#define REFUSED A(BAD_CERTIFICATE_STATUS_RESPONSE)

/* What the server asked for, and what came. */
struct wire {
	struct cert_request asked;
	unsigned plain, packed;
	struct leat_span put; /* in place of the response */
};

static void put_response(struct wire *w, struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr out = { 0 };
	struct certificate c;
	uint8_t alert;

	assert_true(dec_certificate(body, &c, &alert));
	c.status[0] = w->put;
	enc_certificate(&out, &c);
	pair_unit_set(u, out.p, out.n);
	leat_wr_clear(&out);
}

static bool watch(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct wire *w = arg;
	uint8_t alert;

	if (u->type != REC_HANDSHAKE || p->side[LEAT_SERVER].version != LEAT_TLS13)
		return true;
	if (from == LEAT_SERVER && u->p[0] == MSG_CERT_REQUEST)
		assert_true(dec_cert_request(vec_copy(u->p + 4, u->n - 4), &w->asked, &alert));
	if (from == LEAT_SERVER)
		return true;
	w->plain += u->p[0] == MSG_CERT;
	w->packed += u->p[0] == MSG_COMPRESSED_CERT;
	if (u->p[0] == MSG_CERT && w->put.n)
		put_response(w, u);
	return true;
}

/* What the server has in the end. */
struct got {
	struct wire w;
	bool response, scts;
	unsigned packed_by;
};

static struct got connect(struct leat_config *c, struct leat_config *s)
{
	struct got g = { 0 };
	struct pair p = { .on_unit = watch, .arg = &g.w };
	struct hs_facts f, mine;

	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	hs_facts(p.side[LEAT_CLIENT].hs, &mine);
	assert_ptr_equal(f.client_packed_by, mine.client_packed_by);
	assert_int_equal(f.client_packed_by != NULL, g.w.packed == 1);
	g.response = papers_status(f.papers, 0).n > 0;
	g.scts = papers_sct(f.papers).n == 8;
	g.packed_by = f.client_packed_by ? f.client_packed_by->id : 0;
	pair_clear(&p);
	return g;
}

static void refuses(struct leat_config *c, struct leat_config *s, struct wire w, unsigned alert)
{
	struct pair p = { .on_unit = watch, .arg = &w };

	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, LEAT_SERVER, alert);
	pair_clear(&p);
}

/* ---- responses and SCTs ---- */

/* RFC 8446 4.4.2.1: "an empty "status_request" extension in its CertificateRequest message" */
static void asked_and_given(void **state)
{
	static const char *const rules[] = { "true", "required" };

	(void)state;
	for (size_t i = 0; i < NUM(rules); i++) {
		struct leat_config *s = attach_server(rules[i], "none");
		struct got g;

		pair_set(s, "sct", i ? "true" : "false");
		g = connect(attach_client(attach_good_der(), "none"), s);
		assert_true(g.w.asked.has & EXT_BIT(EXT_STATUS));
		assert_int_equal(!!(g.w.asked.has & EXT_BIT(EXT_SCT)), i);
		assert_false(g.w.asked.has & EXT_BIT(EXT_COMPRESS_CERT));
		assert_true(g.response);
		assert_int_equal(g.scts, i);
	}
}

static void not_asked(void **state)
{
	struct got g = connect(
		attach_client(attach_good_der(), "zlib"), attach_server("false", "none"));

	(void)state;
	assert_int_equal(g.w.asked.has & (EXT_BIT(EXT_STATUS) | EXT_BIT(EXT_SCT) |
						 EXT_BIT(EXT_COMPRESS_CERT)),
		0);
	assert_false(g.response || g.scts || g.packed_by);
}

static void asked_and_none(void **state)
{
	struct ocsp_spec old = attach_good();

	(void)state;
	assert_false(connect(attach_client(NONE, "none"), attach_server("true", "none")).response);
	refuses(attach_client(NONE, "none"), attach_server("required", "none"), (struct wire){ 0 },
		REFUSED);
	/* a response whose time is over is not sent */
	old.this_s = PKI_NOW - 7200;
	old.next_s = PKI_NOW - 1;
	assert_false(connect(attach_client(ocsp_make(&old), "none"), attach_server("true", "none"))
			     .response);
	/* who shows no certificate needs none */
	assert_false(connect(pair_client_config(), attach_server("required", "none")).response);
}

/* In TLS 1.2 a server cannot ask: what it requires it does not get, what a certificate demands holds for
 * those who could be asked. */
static void in_tls12(void **state)
{
	static const char *const rules[] = { "true", "required" };

	(void)state;
	for (size_t i = 0; i < NUM(rules); i++) {
		struct leat_config *c = attach_client(attach_good_der(), "zlib");
		struct leat_config *s = attach_server(rules[i], "zlib");

		pair_set(c, "versions", "tlsv1.2");
		if (i)
			refuses(c, s, (struct wire){ 0 }, REFUSED);
		else
			assert_false(connect(c, s).response);
	}
}

static struct leat_span wrong_one(unsigned i, const char **name, unsigned *alert)
{
	static uint8_t big[LIM_STAPLE + 1];
	struct ocsp_spec s = attach_good();

	*alert = REFUSED;
	switch (i) {
	case 0:
		*name = "revoked";
		*alert = A(CERTIFICATE_REVOKED);
		s.says = OCSP_REVOKED;
		break;
	case 1:
		*name = "unknown";
		s.says = OCSP_UNKNOWN;
		break;
	case 2:
		*name = "out of date";
		s.next_s = PKI_NOW - LIM_STAPLE_SKEW_S - 1;
		s.this_s = PKI_NOW - 2 * PKI_DAY;
		break;
	case 3:
		*name = "of another certificate";
		s.leaf = pki_client(KEY_EC_P384)->leaf;
		break;
	case 4:
		*name = "signed by a stranger";
		s.signer = s.embed = ocsp_responder(pki_root(), true);
		break;
	case 5:
		*name = "signature bent";
		s.bent = true;
		break;
	case 6: *name = "no OCSP response at all"; return vec_str("hello");
	case 7: *name = "longer than the limit"; return (struct leat_span){ big, sizeof(big) };
	default: return NONE;
	}
	return ocsp_make(&s);
}

static void wrong_ones_are_refused(void **state)
{
	const char *name;
	unsigned alert;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct wire w = { .put = wrong_one(i, &name, &alert) };

		print_message("  %s\n", name);
		refuses(attach_client(attach_good_der(), "none"), attach_server("true", "none"), w,
			alert);
	}
}

static void must_staple(void **state)
{
	struct make_spec m = pki_spec();
	struct leat_err err = { 0 };
	const struct made *leaf;
	struct leat_config *c;
	struct ocsp_spec spec;

	(void)state;
	m.tweak = ocsp_tweak_demand;
	m.server = false;
	m.client = true;
	leaf = pki_make(&m);
	spec = ocsp_good(leaf, m.issuer);
	c = pair_client_config();
	assert_int_equal(
		leat_config_add_cred(c, pki_join(pki_cert_pem(leaf), pki_cert_pem(m.issuer)),
			pki_key_pem(leaf), NONE, &err),
		LEAT_OK);
	refuses(leat_config_ref(c), attach_server("true", "none"), (struct wire){ 0 }, REFUSED);
	/* who does not ask cannot demand */
	assert_false(connect(leat_config_ref(c), attach_server("false", "none")).response);
	assert_int_equal(leat_config_set_ocsp(c, 0, 0, ocsp_make(&spec), &err), LEAT_OK);
	assert_true(connect(c, attach_server("true", "none")).response);
}

/* ---- packed ---- */

static void each_algorithm(void **state)
{
	static const char *const names[] = { "zlib", "brotli", "zstd" };

	(void)state;
	for (unsigned i = 0; i < NUM(names); i++) {
		struct got g = connect(attach_client(attach_good_der(), "zlib,brotli,zstd"),
			attach_server("required", names[i]));

		assert_true(g.w.asked.has & EXT_BIT(EXT_COMPRESS_CERT));
		assert_int_equal(g.packed_by, i + 1);
		assert_true(g.response && g.w.plain == 0);
	}
	/* the sender's order decides, and without a common one it goes plain */
	assert_int_equal(
		connect(attach_client(NONE, "zstd,zlib"), attach_server("true", "zlib,zstd"))
			.packed_by,
		ZIP_ZSTD);
	assert_int_equal(
		connect(attach_client(NONE, "zstd"), attach_server("true", "brotli")).packed_by, 0);
	/* an empty list is not packed */
	assert_int_equal(connect(pair_client_config(), attach_server("true", "zlib")).packed_by, 0);
}

/* The packed form is kept, until what goes with it changes. */
static void packed_once(void **state)
{
	struct leat_config *c = attach_client(attach_good_der(), "zlib");
	const struct packed *kept[3];
	struct leat_err err = { 0 };
	struct ocsp_spec spec = attach_good();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct attach *a;

		spec.this_s -= 60;
		if (i == 2)
			assert_int_equal(
				leat_config_set_ocsp(c, 0, 0, ocsp_make(&spec), &err), LEAT_OK);
		assert_int_equal(
			connect(leat_config_ref(c), attach_server("required", "zlib")).packed_by,
			ZIP_ZLIB);
		a = cred_attach(c->creds[0]);
		kept[i] = attach_packed(a, zip_by_id(ZIP_ZLIB), ATTACH_STATUS);
		assert_non_null(kept[i]);
		if (i == 1)
			assert_ptr_equal(kept[1], kept[0]);
		attach_unref(a);
	}
	leat_config_unref(c);
}

/* The limit on what is unpacked: one below, at, one above. */
static void unpacked_length_is_limited(void **state)
{
	struct leat_config *c = attach_client(NONE, "zlib");
	size_t n = 4;

	(void)state;
	for (size_t i = 0; i < cred_num(c->creds[0]); i++)
		n += 3 + cred_cert(c->creds[0], i).n + 2;
	for (int off = -1; off <= 1; off++) {
		struct leat_config *s = attach_server("false", "zlib");
		char max[16];

		snprintf(max, sizeof(max), "%zu", (size_t)((long)n + off));
		pair_set(s, "max_handshake_size", max);
		if (off < 0)
			refuses(leat_config_ref(c), s, (struct wire){ 0 }, A(BAD_CERTIFICATE));
		else
			assert_int_equal(connect(leat_config_ref(c), s).packed_by, ZIP_ZLIB);
	}
	leat_config_unref(c);
}

/* ---- what clients must not do ---- */

static void raw_twice(struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);

	pack_unit(u);
	tamper_prepend_msg(u, MSG_CERT, body.p, body.n);
}

static void raw_packed_before_verify(struct pair_unit *u)
{
	tamper_prepend_msg(u, MSG_COMPRESSED_CERT, "\0\1\0\0\4\0\0\1x", 9);
}

static void unasked_status(struct certificate *m)
{
	m->status[0] = vec_str("x");
}

static void unasked_sct(struct certificate *m)
{
	m->sct[1] = vec_hex("0001aa");
}

static void big_scts(struct certificate *m)
{
	static uint8_t b[LIM_SCT_LIST + 1];

	b[0] = (uint8_t)((sizeof(b) - 2) >> 8);
	b[1] = (uint8_t)(sizeof(b) - 2);
	m->sct[0] = (struct leat_span){ b, sizeof(b) };
}

/* A second status_request in the first entry, by hand: no encoder does it. */
static void raw_status_twice(struct pair_unit *u)
{
	static const uint8_t one[] = { 0, 5, 0, 5, 1, 0, 0, 1, 'x' };
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr w = { 0 };
	struct certificate c;
	uint8_t alert;
	size_t list, block;

	assert_true(dec_certificate(body, &c, &alert));
	leat_wr_u8(&w, 0);
	list = leat_wr_open(&w, 3);
	leat_wr_vec(&w, 3, c.cert[0]);
	block = leat_wr_open(&w, 2);
	leat_wr_bytes(&w, one, sizeof(one));
	leat_wr_bytes(&w, one, sizeof(one));
	leat_wr_close(&w, block, 2);
	leat_wr_close(&w, list, 3);
	tamper_body(u, w.p, w.n);
	leat_wr_clear(&w);
}

static void shows(struct leat_config *c, struct leat_config *s)
{
	pair_ask(c, s);
}

static void asks(struct leat_config *c, struct leat_config *s)
{
	pair_ask(c, s);
	pair_set(s, "ocsp_stapling", "true");
	pair_set(s, "sct", "true");
	pair_set(s, "cert_compression", "zlib,zstd");
}

#define ROW(what, al, kind, fn, up)                                                             \
	{                                                                                       \
		.name = what, .from = LEAT_CLIENT, .msg = MSG_CERT, .alert = A(al), .kind = fn, \
		.setup = up                                                                     \
	}

static void misbehaviour(void **state)
{
	static const struct {
		struct tamper t;
		struct pack_bend b;
	} rows[] = {
		{ ROW("response unasked", UNSUPPORTED_EXTENSION, cert, unasked_status, shows),
			{ 0 } },
		{ ROW("SCT unasked", UNSUPPORTED_EXTENSION, cert, unasked_sct, shows), { 0 } },
		{ ROW("SCTs too long", ILLEGAL_PARAMETER, cert, big_scts, asks), { 0 } },
		{ ROW("response twice", ILLEGAL_PARAMETER, raw, raw_status_twice, asks), { 0 } },
		{ ROW("packed, not asked", UNEXPECTED_MESSAGE, raw, pack_unit, shows),
			{ .algorithm = 1 } },
		{ ROW("empty, not asked", UNEXPECTED_MESSAGE, raw, pack_empty, shows), { 0 } },
		{ ROW("algorithm not offered", ILLEGAL_PARAMETER, raw, pack_unit, asks),
			{ .algorithm = 2 } },
		{ ROW("algorithm of nobody", ILLEGAL_PARAMETER, raw, pack_unit, asks),
			{ .algorithm = 0x0a0a } },
		{ ROW("one byte too many said", BAD_CERTIFICATE, raw, pack_unit, asks),
			{ .algorithm = 1, .length_off = 1 } },
		{ ROW("one byte too few said", BAD_CERTIFICATE, raw, pack_unit, asks),
			{ .algorithm = 1, .length_off = -1 } },
		{ ROW("cut", BAD_CERTIFICATE, raw, pack_unit, asks),
			{ .algorithm = 1, .cut_by = 1 } },
		{ ROW("garbage", BAD_CERTIFICATE, raw, pack_unit, asks),
			{ .algorithm = 1, .garbage = true } },
		{ ROW("garbage, zstd", BAD_CERTIFICATE, raw, pack_unit, asks),
			{ .algorithm = 3, .garbage = true } },
		{ ROW("bomb", BAD_CERTIFICATE, raw, pack_bomb, asks), { 0 } },
		{ ROW("bomb that lies", BAD_CERTIFICATE, raw, pack_bomb_that_lies, asks), { 0 } },
		{ ROW("envelope malformed", DECODE_ERROR, raw, pack_malformed, asks), { 0 } },
		{ ROW("empty", DECODE_ERROR, raw, pack_empty, asks), { 0 } },
		{ ROW("a byte behind", DECODE_ERROR, raw, pack_unit, asks),
			{ .algorithm = 1, .grow = true } },
		{ ROW("a context inside", ILLEGAL_PARAMETER, raw, pack_context, asks),
			{ .algorithm = 1 } },
		{ ROW("none inside", UNEXPECTED_MESSAGE, raw, pack_no_certificate, asks),
			{ .algorithm = 1 } },
		{ ROW("plain and packed", UNEXPECTED_MESSAGE, raw, raw_twice, asks),
			{ .algorithm = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct tamper t = rows[i].t;

		pack_bend = rows[i].b;
		tamper_run(&t, KEY_EC_P256, "tlsv1.3");
	}
}

/* Out of order: behind the certificate, and in TLS 1.2, which has no such message. */
static void out_of_order(void **state)
{
	struct tamper after = { .name = "packed behind plain",
		.from = LEAT_CLIENT,
		.msg = MSG_CERT_VERIFY,
		.alert = A(UNEXPECTED_MESSAGE),
		.raw = raw_packed_before_verify,
		.setup = asks };
	struct tamper tls12 = ROW("packed in TLS 1.2", UNEXPECTED_MESSAGE, raw, pack_unit, asks);

	(void)state;
	tamper_run(&after, KEY_EC_P256, "tlsv1.3");
	pack_bend = (struct pack_bend){ .algorithm = 1 };
	tamper_run(&tls12, KEY_EC_P256, "tlsv1.2");
}

/* An empty list, packed: RFC 8879 forbids it to nobody. It counts as no certificate. */
static void packed_nothing(void **state)
{
	struct tamper t = ROW("", CERTIFICATE_REQUIRED, raw, pack_no_certificate, NULL);
	struct leat_config *s = attach_server("true", "zlib");
	struct pair p = { .on_unit = tamper_unit, .arg = &t };

	(void)state;
	pack_bend = (struct pack_bend){ .algorithm = 1 };
	pair_set(s, "fail_if_no_peer_cert", "true");
	pair_init(&p, pair_client_config(), s, NULL);
	pair_must_refuse(&p, LEAT_SERVER, A(CERTIFICATE_REQUIRED));
	pair_clear(&p);
	/* without that it goes on, to a Finished over another message than was sent */
	t.hit = false;
	p = (struct pair){ .on_unit = tamper_unit, .arg = &t };
	pair_init(&p, pair_client_config(), attach_server("true", "zlib"), NULL);
	pair_must_refuse(&p, LEAT_SERVER, A(DECRYPT_ERROR));
	pair_clear(&p);
}

/* ---- settings ---- */

static void needs_to_ask(void **state)
{
	static const char *const rows[][2] = { { "ocsp_stapling", "true" },
		{ "ocsp_stapling", "required" }, { "sct", "true" } };

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *s = pair_server_config(KEY_EC_P256);
		struct leat_err err = { 0 };

		pair_set(s, rows[i][0], rows[i][1]);
		assert_int_equal(leat_config_freeze(s, &err), LEAT_FAILED);
		assert_string_equal(err.option, rows[i][0]);
		leat_config_unref(s);
	}
}

/* ---- memory ---- */

static void freeze(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
}

static void each_allocation_failing(void **state)
{
	unsigned long total = 0, failed = 0;
	struct leat_span der = attach_good_der();

	(void)state;
	for (unsigned long nth = 0; nth <= total; nth++) {
		struct leat_config *c = attach_client(der, "zlib");
		struct leat_config *s = attach_server("required", "zlib");
		struct pair p = { 0 };
		enum leat_ret r;

		freeze(c);
		freeze(s);
		(void)leat_mem_fail_at(nth);
		r = pair_try_init(&p, c, s, "localhost");
		if (r == LEAT_OK)
			r = pair_run(&p);
		if (nth == 0)
			total = leat_mem_fail_at(0);
		(void)leat_mem_fail_at(0);
		failed += r != LEAT_OK;
		assert_true(r == LEAT_OK || p.side[0].err.cls == LEAT_E_MEMORY ||
			    p.side[1].err.cls == LEAT_E_MEMORY);
		pair_clear(&p);
	}
	print_message("  %lu allocations, %lu failures\n", total, failed);
	assert_true(total > 20 && failed > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_and_given),
		cmocka_unit_test(not_asked),
		cmocka_unit_test(asked_and_none),
		cmocka_unit_test(in_tls12),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(must_staple),
		cmocka_unit_test(each_algorithm),
		cmocka_unit_test(packed_once),
		cmocka_unit_test(unpacked_length_is_limited),
		cmocka_unit_test(misbehaviour),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(packed_nothing),
		cmocka_unit_test(needs_to_ask),
		cmocka_unit_test(each_allocation_failing),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	pki_done();
	return r;
}

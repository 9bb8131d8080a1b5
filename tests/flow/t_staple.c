/* SPDX-License-Identifier: Apache-2.0
 *
 * t_staple.c - OCSP responses and SCTs in whole handshakes of both versions: asked and not asked, good and
 * each way of being wrong, taken away and renewed while the server runs, by servers that do what they
 * should not.
 *
 * REQ: F-ocsp-c F-ocsp-s F-ocsp-multi F-muststaple
 */
#include "ocsp.h"
#include "tamper.h"

#include "base/limits.h"
#include "base/mem.h"
#include "wire/cert_status.h"
#include "x509/cred.h"

#define REFUSED LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE
#define NONE    ((struct leat_span){ NULL, 0 })

static const char *const versions[] = { "tlsv1.2", "tlsv1.3" };

static struct ocsp_spec good(void)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);

	return ocsp_good(id->leaf, id->inter);
}

static struct leat_span good_der(void)
{
	struct ocsp_spec s = good();

	return ocsp_make(&s);
}

static struct leat_config *client(const char *version, const char *stapling)
{
	struct leat_config *c = pair_client_config();

	pair_set(c, "versions", version);
	pair_set(c, "ocsp_stapling", stapling);
	return c;
}

static struct leat_config *server(struct leat_span response)
{
	struct leat_config *s = pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_ocsp(s, 0, 0, response, &err), LEAT_OK);
	return s;
}

/* What came to the client, and what a test puts in its place on the way. */
struct wire {
	struct leat_span put;  /* in place of the response */
	struct leat_span sct;  /* in place of the SCTs, TLS 1.3 */
	bool drop;             /* take the response out */
	unsigned promised;     /* ServerHello of TLS 1.2 has status_request */
	unsigned responses;    /* that came */
	struct leat_span last; /* the last of them */
	uint64_t asked;        /* extensions of the ClientHello */
};

static void on_cert(struct wire *w, struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr out = { 0 };
	struct certificate c;
	uint8_t alert;

	assert_true(dec_certificate(body, &c, &alert));
	if (w->put.n)
		c.status[0] = w->put;
	if (w->sct.n)
		c.sct[0] = w->sct;
	if (w->drop)
		c.status[0] = NONE;
	w->responses += c.status[0].n > 0;
	w->last = c.status[0];
	enc_certificate(&out, &c);
	pair_unit_set(u, out.p, out.n);
	leat_wr_clear(&out);
}

static bool on_status(struct wire *w, struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr out = { 0 };
	uint8_t alert;

	assert_true(dec_cert_status(body, &w->last, &alert));
	w->responses++;
	if (w->drop)
		return false;
	if (!w->put.n)
		return true;
	enc_cert_status(&out, w->put);
	pair_unit_set(u, out.p, out.n);
	leat_wr_clear(&out);
	return true;
}

static bool watch(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct leat_span body = { u->p + 4, u->n - 4 };
	struct wire *w = arg;
	struct client_hello ch;
	struct server_hello sh;
	uint8_t alert;

	if (u->type != REC_HANDSHAKE)
		return true;
	if (from == LEAT_CLIENT && u->p[0] == MSG_CLIENT_HELLO) {
		assert_true(dec_client_hello(body, &ch, &alert));
		w->asked = ch.has;
	}
	if (from == LEAT_SERVER && u->p[0] == MSG_SERVER_HELLO) {
		assert_true(dec_server_hello(body, &sh, &alert));
		w->promised += (sh.has & EXT_BIT(EXT_STATUS)) != 0;
	}
	if (from == LEAT_SERVER && u->p[0] == MSG_CERT &&
		p->side[LEAT_SERVER].version == LEAT_TLS13)
		on_cert(w, u);
	return from == LEAT_CLIENT || u->p[0] != MSG_CERT_STATUS || on_status(w, u);
}

/* One handshake. alert 0: it must succeed, and the client has what came. In TLS 1.3 nothing that is on its
 * way may be changed without the signature noticing, so a change that must not matter is not tried. */
static struct wire run(struct leat_config *c, struct leat_config *s, struct wire w, uint8_t alert)
{
	struct pair p = { .on_unit = watch, .arg = &w };
	struct hs_facts f;

	pair_init(&p, c, s, NULL);
	if (alert) {
		pair_must_refuse(&p, LEAT_CLIENT, alert);
	} else {
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_CLIENT].hs, &f);
		assert_int_equal(papers_status(f.papers, 0).n, w.responses ? w.last.n : 0);
		if (w.responses)
			assert_memory_equal(papers_status(f.papers, 0).p, w.last.p, w.last.n);
	}
	pair_clear(&p);
	return w;
}

static void asked_and_given(void **state)
{
	static const char *const rules[] = { "true", "required" };
	struct leat_span der = good_der();

	(void)state;
	for (int v = 0; v < 2; v++)
		for (int r = 0; r < 2; r++) {
			struct wire w = run(
				client(versions[v], rules[r]), server(der), (struct wire){ 0 }, 0);

			assert_true(w.asked & EXT_BIT(EXT_STATUS));
			assert_int_equal(w.responses, 1);
			assert_int_equal(w.last.n, der.n);
			assert_memory_equal(w.last.p, der.p, der.n);
			assert_int_equal(w.promised, v == 0);
		}
}

/* RFC 6066 8: only "clients [that] indicate [...]"; a server gives nothing unasked. */
static void not_asked(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct wire w = run(
			client(versions[v], "false"), server(good_der()), (struct wire){ 0 }, 0);

		assert_false(w.asked & EXT_BIT(EXT_STATUS));
		assert_int_equal(w.responses, 0);
		assert_int_equal(w.promised, 0);
	}
}

static void asked_and_none(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct wire w = run(
			client(versions[v], "true"), server(NONE), (struct wire){ 0 }, 0);

		assert_int_equal(w.responses, 0);
		assert_int_equal(w.promised, 0);
		run(client(versions[v], "required"), server(NONE), (struct wire){ 0 }, REFUSED);
	}
}

/* A response whose time is over (or has not come) is none. */
static void ours_out_of_date(void **state)
{
	struct ocsp_spec s = good();
	struct wire w;

	(void)state;
	for (int v = 0; v < 2; v++) {
		s.this_s = PKI_NOW - 7200;
		s.next_s = PKI_NOW - 1;
		w = run(client(versions[v], "true"), server(ocsp_make(&s)), (struct wire){ 0 }, 0);
		assert_int_equal(w.responses, 0);
		s.this_s = PKI_NOW + 1;
		s.next_s = PKI_NOW + 7200;
		w = run(client(versions[v], "true"), server(ocsp_make(&s)), (struct wire){ 0 }, 0);
		assert_int_equal(w.responses, 0);
		s.next_s = 0;
		s.this_s = PKI_NOW - 60;
		w = run(client(versions[v], "true"), server(ocsp_make(&s)), (struct wire){ 0 }, 0);
		assert_int_equal(w.responses, 1);
	}
}

static struct leat_span wrong_one(unsigned i, const char **name, uint8_t *alert)
{
	static uint8_t big[LIM_STAPLE + 1];
	struct ocsp_spec s = good();

	*alert = REFUSED;
	switch (i) {
	case 0:
		*name = "revoked";
		*alert = LEAT_ALERT_CERTIFICATE_REVOKED;
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
		s.leaf = pki_server(KEY_EC_P384)->leaf;
		break;
	case 4:
		*name = "signed by a stranger";
		s.signer = s.embed = ocsp_responder(pki_root(), true);
		break;
	case 5:
		*name = "signature bent";
		s.bent = true;
		break;
	case 6:
		*name = "responder in trouble";
		s.status = 3;
		break;
	case 7: *name = "no OCSP response at all"; return vec_str("hello");
	case 8: *name = "longer than the limit"; return (struct leat_span){ big, sizeof(big) };
	default: return NONE;
	}
	return ocsp_make(&s);
}

static void wrong_ones_are_refused(void **state)
{
	const char *name;
	uint8_t alert;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		for (int v = 0; v < 2; v++) {
			struct leat_span der = wrong_one(i, &name, &alert);
			struct leat_config *c = client(versions[v], "true");

			print_message("  %s, %s\n", name, versions[v]);
			run(c, server(good_der()), (struct wire){ .put = der }, alert);
		}
}

/* Without verification nothing is judged, and nothing is refused: the response is the application's. */
static void verification_off(void **state)
{
	struct leat_config *c = client("tlsv1.2", "required");
	struct ocsp_spec s = good();
	struct leat_err err = { 0 };

	(void)state;
	s.says = OCSP_REVOKED;
	assert_int_equal(leat_config_set_verify(c, LEAT_VERIFY_NONE, &err), LEAT_OK);
	run(c, server(ocsp_make(&s)), (struct wire){ 0 }, 0);
	c = client("tlsv1.3", "required");
	assert_int_equal(leat_config_set_verify(c, LEAT_VERIFY_NONE, &err), LEAT_OK);
	run(c, server(ocsp_make(&s)), (struct wire){ 0 }, 0);
}

/* RFC 6066 8: TLS 1.2 servers "may choose not to send" what they promised: the client then knows no more
 * than without a promise, and goes on where that is enough. (This server did send, so it has another
 * transcript and refuses the Finished.) */
static void promised_and_not_sent(void **state)
{
	struct wire w = { .drop = true };
	struct pair p = { .on_unit = watch, .arg = &w, .any_level = true };

	(void)state;
	run(client("tlsv1.2", "required"), server(good_der()), (struct wire){ .drop = true },
		REFUSED);
	pair_init(&p, client("tlsv1.2", "true"), server(good_der()), NULL);
	pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_DECRYPT_ERROR);
	assert_int_equal(w.promised, 1);
	assert_int_equal(p.side[LEAT_CLIENT].err.cls, LEAT_E_NONE);
	pair_clear(&p);
}

/* ---- certificates that demand ---- */

static struct leat_config *demanding_server(struct ocsp_spec *spec)
{
	struct make_spec m = pki_spec();
	struct leat_config *s;
	struct leat_err err = { 0 };
	const struct made *leaf;

	m.tweak = ocsp_tweak_demand;
	leaf = pki_make(&m);
	*spec = ocsp_good(leaf, m.issuer);
	assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
	assert_int_equal(
		leat_config_add_cred(s, pki_join(pki_cert_pem(leaf), pki_cert_pem(m.issuer)),
			pki_key_pem(leaf), NONE, &err),
		LEAT_OK);
	pair_set(s, "session_tickets", "disabled");
	return s;
}

static void must_staple(void **state)
{
	struct leat_err err = { 0 };
	struct leat_config *s;
	struct ocsp_spec spec;

	(void)state;
	for (int v = 0; v < 2; v++) {
		s = demanding_server(&spec);
		run(client(versions[v], "true"), leat_config_ref(s), (struct wire){ 0 }, REFUSED);
		/* who does not ask cannot demand */
		run(client(versions[v], "false"), leat_config_ref(s), (struct wire){ 0 }, 0);
		assert_int_equal(leat_config_set_ocsp(s, 0, 0, ocsp_make(&spec), &err), LEAT_OK);
		run(client(versions[v], "true"), leat_config_ref(s), (struct wire){ 0 }, 0);
		leat_config_unref(s);
	}
	s = demanding_server(&spec);
	assert_int_equal(leat_config_set_ocsp(s, 0, 0, ocsp_make(&spec), &err), LEAT_OK);
	run(client("tlsv1.2", "true"), s, (struct wire){ .drop = true }, REFUSED);
}

/* The config is in use: a renewed response goes out with the next handshake, one taken away does not. */
static void renewed_at_run_time(void **state)
{
	struct leat_config *s = server(good_der());
	struct ocsp_spec spec = good();
	struct leat_span second;
	struct leat_err err = { 0 };
	struct wire w;

	(void)state;
	spec.this_s -= 60;
	second = ocsp_make(&spec);
	for (int v = 0; v < 2; v++) {
		w = run(client(versions[v], "true"), leat_config_ref(s), (struct wire){ 0 }, 0);
		assert_int_equal(w.responses, 1);
		assert_int_equal(leat_config_set_ocsp(s, 0, 0, second, &err), LEAT_OK);
		w = run(client(versions[v], "true"), leat_config_ref(s), (struct wire){ 0 }, 0);
		assert_memory_equal(w.last.p, second.p, second.n);
		assert_int_equal(leat_config_set_ocsp(s, 0, 0, NONE, &err), LEAT_OK);
		w = run(client(versions[v], "true"), leat_config_ref(s), (struct wire){ 0 }, 0);
		assert_int_equal(w.responses, 0);
		assert_int_equal(leat_config_set_ocsp(s, 0, 0, good_der(), &err), LEAT_OK);
	}
	assert_int_equal(leat_config_set_ocsp(s, 1, 0, second, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	leat_config_unref(s);
}

/* TLS 1.3: a response for each certificate that has one. */
static void the_whole_chain(void **state)
{
	struct leat_config *s = server(good_der()), *c = client("tlsv1.3", "true");
	struct ocsp_spec inter = ocsp_good(pki_inter(), pki_root());
	struct leat_span der = ocsp_make(&inter);
	struct leat_err err = { 0 };
	struct pair p = { 0 };
	struct hs_facts f;

	(void)state;
	assert_int_equal(leat_config_set_ocsp(s, 0, 1, der, &err), LEAT_OK);
	pair_init(&p, c, leat_config_ref(s), NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_CLIENT].hs, &f);
	assert_true(papers_status(f.papers, 0).n > 0);
	assert_int_equal(papers_status(f.papers, 1).n, der.n);
	pair_clear(&p);
	inter.says = OCSP_REVOKED;
	assert_int_equal(leat_config_set_ocsp(s, 0, 1, ocsp_make(&inter), &err), LEAT_OK);
	run(client("tlsv1.3", "true"), s, (struct wire){ 0 }, LEAT_ALERT_CERTIFICATE_REVOKED);
}

/* Packed and stapled at once; with a renewed response the packed form is a new one. */
static void packed_with_it(void **state)
{
	struct leat_config *s = server(good_der());
	struct ocsp_spec spec = good();
	struct leat_err err = { 0 };

	(void)state;
	pair_set(s, "cert_compression", "zlib");
	for (int i = 0; i < 4; i++) {
		struct leat_config *c = client("tlsv1.3", "required");
		struct pair p = { 0 };
		struct hs_facts f;
		struct leat_span der;

		spec.this_s -= 60;
		der = ocsp_make(&spec);
		if (i % 2 == 0)
			assert_int_equal(leat_config_set_ocsp(s, 0, 0, der, &err), LEAT_OK);
		pair_set(c, "cert_compression", "zlib");
		pair_init(&p, c, leat_config_ref(s), NULL);
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_CLIENT].hs, &f);
		assert_non_null(f.packed_by);
		if (i % 2 == 0)
			assert_memory_equal(papers_status(f.papers, 0).p, der.p, der.n);
		pair_clear(&p);
	}
	leat_config_unref(s);
}

/* ---- what servers must not do ---- */

static void cert_unasked_status(struct certificate *m)
{
	m->status[0] = vec_str("x");
}
static void cert_unasked_sct(struct certificate *m)
{
	m->sct[1] = vec_hex("0001aa");
}
static void sh_unasked_status(struct server_hello *m)
{
	m->has |= EXT_BIT(EXT_STATUS);
}
static void sh_unasked_sct(struct server_hello *m)
{
	m->has |= EXT_BIT(EXT_SCT);
	m->sct = vec_hex("0001aa");
}
static void raw_status_before(struct pair_unit *u)
{
	tamper_prepend_msg(u, MSG_CERT_STATUS, "\x01\0\0\x01x", 5);
}
static void raw_status_type(struct pair_unit *u)
{
	u->p[4] = 2;
}
static void raw_longer(struct pair_unit *u)
{
	tamper_append(u, "", 1);
}
static void raw_cut(struct pair_unit *u)
{
	tamper_cut(u, 1);
}
static void raw_twice(struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);

	tamper_prepend_msg(u, MSG_CERT_STATUS, body.p, body.n);
}

static void asks(struct leat_config *c, struct leat_config *s)
{
	struct leat_err err = { 0 };

	pair_set(c, "ocsp_stapling", "true");
	assert_int_equal(leat_config_set_ocsp(s, 0, 0, good_der(), &err), LEAT_OK);
}

static void misbehaviour(void **state)
{
	static struct tamper rows[] = {
		{ .name = "1.3: response unasked",
			.msg = MSG_CERT,
			.cert = cert_unasked_status,
			.alert = LEAT_ALERT_UNSUPPORTED_EXTENSION },
		{ .name = "1.3: SCT unasked",
			.msg = MSG_CERT,
			.cert = cert_unasked_sct,
			.alert = LEAT_ALERT_UNSUPPORTED_EXTENSION },
	};
	static struct tamper rows12[] = {
		{ .name = "1.2: promise unasked",
			.msg = MSG_SERVER_HELLO,
			.sh = sh_unasked_status,
			.alert = LEAT_ALERT_UNSUPPORTED_EXTENSION },
		{ .name = "1.2: SCT unasked",
			.msg = MSG_SERVER_HELLO,
			.sh = sh_unasked_sct,
			.alert = LEAT_ALERT_UNSUPPORTED_EXTENSION },
		{ .name = "1.2: CertificateStatus without a promise",
			.msg = MSG_SERVER_KX,
			.raw = raw_status_before,
			.alert = LEAT_ALERT_UNEXPECTED_MESSAGE },
		{ .name = "1.2: CertificateStatus before Certificate",
			.msg = MSG_CERT,
			.setup = asks,
			.raw = raw_status_before,
			.alert = LEAT_ALERT_UNEXPECTED_MESSAGE },
		{ .name = "1.2: twice",
			.msg = MSG_CERT_STATUS,
			.setup = asks,
			.raw = raw_twice,
			.alert = LEAT_ALERT_UNEXPECTED_MESSAGE },
		{ .name = "1.2: after ServerKeyExchange",
			.msg = MSG_HELLO_DONE,
			.setup = asks,
			.raw = raw_status_before,
			.alert = LEAT_ALERT_UNEXPECTED_MESSAGE },
		{ .name = "1.2: another status type",
			.msg = MSG_CERT_STATUS,
			.setup = asks,
			.raw = raw_status_type,
			.alert = LEAT_ALERT_ILLEGAL_PARAMETER },
		{ .name = "1.2: longer",
			.msg = MSG_CERT_STATUS,
			.setup = asks,
			.raw = raw_longer,
			.alert = LEAT_ALERT_DECODE_ERROR },
		{ .name = "1.2: cut",
			.msg = MSG_CERT_STATUS,
			.setup = asks,
			.raw = raw_cut,
			.alert = LEAT_ALERT_DECODE_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].from = LEAT_SERVER;
		tamper_run(&rows[i], KEY_EC_P256, "tlsv1.3");
	}
	for (size_t i = 0; i < sizeof(rows12) / sizeof(rows12[0]); i++) {
		rows12[i].from = LEAT_SERVER;
		tamper_run(&rows12[i], KEY_EC_P256, "tlsv1.2");
	}
}

/* A client that asks for a status type nobody knows gets none, and no error (RFC 6066 8). */
static void ch_other_type(struct client_hello *m)
{
	m->status_type = 9;
	m->status = vec_str("whatever");
}

static void unknown_status_type(void **state)
{
	struct tamper t = { .name = "status type 9",
		.from = LEAT_CLIENT,
		.msg = MSG_CLIENT_HELLO,
		.ch = ch_other_type };
	struct leat_config *c = client("tlsv1.3", "true"), *s = server(good_der());
	struct pair p = { .on_unit = tamper_unit, .arg = &t, .any_level = true };

	(void)state;
	pair_init(&p, c, s, NULL);
	/* the transcripts differ now; the server went on to the end of its flight all the same */
	pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_DECRYPT_ERROR);
	assert_true(t.hit);
	pair_clear(&p);
}

/* ---- SCTs ---- */

static void scts(void **state)
{
	struct leat_span list = vec_hex("0008 0002aabb 0002ccdd");
	struct leat_err err = { 0 };

	(void)state;
	for (int v = 0; v < 2; v++)
		for (int asks_for = 0; asks_for < 2; asks_for++) {
			struct leat_config *c = client(versions[v], "true"),
					   *s = server(good_der());
			struct pair p = { 0 };
			struct hs_facts f;

			if (asks_for)
				pair_set(c, "sct", "true");
			assert_int_equal(leat_config_set_sct(s, 0, list, &err), LEAT_OK);
			pair_init(&p, c, s, NULL);
			pair_must_connect(&p);
			hs_facts(p.side[LEAT_CLIENT].hs, &f);
			assert_int_equal(papers_sct(f.papers).n, asks_for ? 8 : 0);
			if (asks_for)
				assert_memory_equal(papers_sct(f.papers).p, list.p + 2, 8);
			assert_true(papers_status(f.papers, 0).n > 0);
			pair_clear(&p);
		}
}

/* ---- memory ---- */

static void each_allocation_failing(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		unsigned long total = 0, failed = 0;

		for (unsigned long nth = 0; nth <= total; nth++) {
			struct leat_config *c = client(versions[v], "required"),
					   *s = server(good_der());
			struct leat_err err = { 0 };
			struct pair p = { 0 };
			enum leat_ret r;

			assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
			assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
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
		print_message("  %s: %lu allocations, %lu failures\n", versions[v], total, failed);
		assert_true(total > 10 && failed > 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_and_given),
		cmocka_unit_test(not_asked),
		cmocka_unit_test(asked_and_none),
		cmocka_unit_test(ours_out_of_date),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(verification_off),
		cmocka_unit_test(promised_and_not_sent),
		cmocka_unit_test(must_staple),
		cmocka_unit_test(renewed_at_run_time),
		cmocka_unit_test(the_whole_chain),
		cmocka_unit_test(packed_with_it),
		cmocka_unit_test(misbehaviour),
		cmocka_unit_test(unknown_status_type),
		cmocka_unit_test(scts),
		cmocka_unit_test(each_allocation_failing),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	pki_done();
	return r;
}

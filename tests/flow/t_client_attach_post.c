/* SPDX-License-Identifier: Apache-2.0
 *
 * t_client_attach_post.c - what travels with certificates of clients in authentication after the handshake:
 * OCSP responses, SCTs, packed certificates, between two engines. In the handshake: t_client_attach.c.
 *
 * TIMEOUT: 120
 * REQ: F-ocsp-c F-ocsp-s F-certcomp F-pha
 */
#include "attachkit.h"
#include "duo.h"
#include "packkit.h"
#include "tamper.h"

#include <leat/job.h>

#include "base/mem.h"
#include "engine/engine_int.h"
#include "hs/post_auth.h"
#include "x509/cred.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

static void freeze(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
}

/* One client that was never asked in the handshake. */
static void open_engines(struct duo *d, struct leat_config *c, struct leat_config *s)
{
	pair_set(s, "verify", "verify_none");
	pair_set(s, "sct", "true");
	freeze(c);
	freeze(s);
	duo_open(d, c, s, "localhost");
	assert_true(duo_run(d));
	leat_config_unref(s);
}

static void asked_later(void **state)
{
	static const char *const names[] = { NULL, "zlib", "brotli", "zstd" };

	(void)state;
	for (size_t i = 0; i < NUM(names); i++) {
		const char *packing = names[i] ? names[i] : "none";
		struct leat_span der = attach_good_der();
		struct leat_config *c = attach_client(der, packing);
		struct leat_engine_info info;
		struct leat_err err = { 0 };
		struct leat_engine *s;
		struct duo d;

		open_engines(&d, c, attach_server("true", packing));
		s = d.side[LEAT_SERVER].e;
		for (int round = 0; round < 3; round++) {
			struct leat_span want = round < 2 ? der : NONE;

			if (round == 2) /* nothing of an earlier answer stays */
				assert_int_equal(
					leat_config_set_ocsp(c, 0, 0, NONE, &err), LEAT_OK);
			assert_int_equal(leat_engine_request_auth(s), LEAT_OK);
			assert_true(duo_run(&d));
			assert_int_equal(leat_engine_auth(s), LEAT_AUTH_SHOWN);
			leat_engine_info(s, &info);
			assert_int_equal(info.ocsp, round < 2 ? LEAT_OCSP_GOOD : LEAT_OCSP_NONE);
			assert_int_equal(leat_engine_peer_ocsp(s, 0).n, want.n);
			assert_int_equal(leat_engine_peer_sct(s, LEAT_SCT_TLS).n, 8);
			if (names[i])
				assert_string_equal(info.client_cert_packed, names[i]);
			else
				assert_null(info.client_cert_packed);
		}
		duo_close(&d);
		leat_config_unref(c);
	}
}

/* A context belongs to one request, so this form is not kept for others. */
static void not_kept(void **state)
{
	struct leat_config *c = attach_client(attach_good_der(), "zlib");
	struct attach *a;
	struct duo d;

	(void)state;
	open_engines(&d, c, attach_server("true", "zlib"));
	assert_int_equal(leat_engine_request_auth(d.side[LEAT_SERVER].e), LEAT_OK);
	assert_true(duo_run(&d));
	a = cred_attach(c->creds[0]);
	for (unsigned v = 0; v < ATTACH_VARIANTS; v++)
		assert_null(attach_packed(a, zip_by_id(ZIP_ZLIB), v));
	attach_unref(a);
	duo_close(&d);
	leat_config_unref(c);
}

static void judged_later(void **state)
{
	struct ocsp_spec spec = attach_good();

	(void)state;
	spec.says = OCSP_REVOKED;
	for (int i = 0; i < 2; i++) {
		struct leat_config *c = attach_client(i ? NONE : ocsp_make(&spec), "zlib");
		const struct leat_err *e;
		struct duo d;

		open_engines(&d, c, attach_server("required", "zlib"));
		assert_int_equal(leat_engine_request_auth(d.side[LEAT_SERVER].e), LEAT_OK);
		(void)duo_run(&d);
		e = leat_engine_error(d.side[LEAT_CLIENT].e);
		assert_int_equal(e->cls, LEAT_E_PEER_ALERT);
		assert_int_equal(
			e->alert, i ? A(BAD_CERTIFICATE_STATUS_RESPONSE) : A(CERTIFICATE_REVOKED));
		duo_close(&d);
		leat_config_unref(c);
	}
}

/* ---- what clients must not do ---- */

/* Brings the client to where its Certificate waits for the signature. */
static void until_it_waits(struct duo *d)
{
	struct leat_engine *c = d->side[LEAT_CLIENT].e, *s = d->side[LEAT_SERVER].e;
	const uint8_t *p;
	uint8_t *room;
	size_t n, k;

	assert_int_equal(leat_engine_request_auth(s), LEAT_OK);
	p = leat_engine_out(s, &n);
	room = leat_engine_in(c, &k);
	assert_true(p && room && n <= k);
	memcpy(room, p, n);
	leat_engine_out_done(s, n);
	assert_int_equal(leat_engine_in_done(c, n), LEAT_AGAIN);
}

/* The one held message, changed as a message on its way is. */
static void change_held(struct leat_engine *c, void (*raw)(struct pair_unit *u))
{
	struct leat_wr *held = &c->w->post.auth->held;
	struct pair_unit u = { .n = 0 };

	assert_true(held->n > 4 && held->p[0] == MSG_CERT);
	pair_unit_set(&u, held->p, held->n);
	raw(&u);
	held->n = 0;
	leat_wr_bytes(held, u.p, u.n);
	free(u.p);
}

static void with_status(struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr w = { 0 };
	struct certificate c;
	uint8_t alert;

	assert_true(dec_certificate(body, &c, &alert));
	c.status[0] = vec_str("x");
	enc_certificate(&w, &c);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}

static void twice(struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);

	pack_unit(u);
	tamper_prepend_msg(u, MSG_CERT, body.p, body.n);
}

static void misbehaviour(void **state)
{
	static const struct {
		const char *name;
		bool asks;
		uint8_t alert;
		void (*raw)(struct pair_unit *u);
		struct pack_bend b;
	} rows[] = {
		{ "response not asked for", false, A(UNSUPPORTED_EXTENSION), with_status, { 0 } },
		{ "packed, not asked for", false, A(UNEXPECTED_MESSAGE), pack_unit,
			{ .algorithm = 1 } },
		{ "response that is none", true, A(BAD_CERTIFICATE_STATUS_RESPONSE), with_status,
			{ 0 } },
		{ "algorithm not offered", true, A(ILLEGAL_PARAMETER), pack_unit,
			{ .algorithm = 2 } },
		{ "longer than said", true, A(BAD_CERTIFICATE), pack_unit,
			{ .algorithm = 1, .length_off = -1 } },
		{ "cut", true, A(BAD_CERTIFICATE), pack_unit, { .algorithm = 1, .cut_by = 1 } },
		{ "garbage", true, A(BAD_CERTIFICATE), pack_unit,
			{ .algorithm = 3, .garbage = true } },
		{ "bomb", true, A(BAD_CERTIFICATE), pack_bomb, { 0 } },
		{ "bomb that lies", true, A(BAD_CERTIFICATE), pack_bomb_that_lies, { 0 } },
		{ "envelope malformed", true, A(DECODE_ERROR), pack_malformed, { 0 } },
		{ "a byte behind", true, A(DECODE_ERROR), pack_unit,
			{ .algorithm = 1, .grow = true } },
		{ "another context inside", true, A(ILLEGAL_PARAMETER), pack_context,
			{ .algorithm = 1 } },
		{ "plain and packed", true, A(UNEXPECTED_MESSAGE), twice, { .algorithm = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		/* the client itself packs nothing and has nothing to attach */
		struct leat_config *c = pair_client_config();
		struct leat_engine *e;
		struct duo d;

		print_message("  %s\n", rows[i].name);
		pair_ask(c, NULL);
		open_engines(&d, c,
			attach_server(rows[i].asks ? "true" : "false",
				rows[i].asks ? "zlib,zstd" : "none"));
		pack_bend = rows[i].b;
		until_it_waits(&d);
		e = d.side[LEAT_SERVER].e;
		change_held(d.side[LEAT_CLIENT].e, rows[i].raw);
		(void)duo_run(&d);
		assert_int_equal(leat_engine_error(e)->cls, LEAT_E_OUR_ALERT);
		assert_int_equal(leat_engine_error(e)->alert, rows[i].alert);
		assert_int_equal(leat_engine_auth(e), LEAT_AUTH_ASKED);
		assert_int_equal(leat_engine_peer_cert(e, 0).n, 0);
		duo_close(&d);
		leat_config_unref(c);
	}
}

/* ---- memory ---- */

static void each_allocation_failing_later(void **state)
{
	unsigned long total = 0, failed = 0;
	struct leat_span der = attach_good_der();

	(void)state;
	for (unsigned long nth = 0; nth <= total; nth++) {
		struct leat_config *c = attach_client(der, "zlib");
		struct leat_engine *s;
		enum leat_ret asked;
		struct duo d;

		open_engines(&d, c, attach_server("required", "zlib"));
		s = d.side[LEAT_SERVER].e;
		(void)leat_mem_fail_at(nth);
		asked = leat_engine_request_auth(s);
		(void)duo_run(&d);
		if (nth == 0)
			total = leat_mem_fail_at(0);
		(void)leat_mem_fail_at(0);
		failed += asked != LEAT_OK || leat_engine_auth(s) != LEAT_AUTH_SHOWN;
		/* no error and no answer: there was no room to receive into, and a driver tries again */
		assert_true(leat_engine_auth(s) != LEAT_AUTH_DECLINED);
		for (int side = 0; side < 2; side++) {
			const struct leat_err *e = leat_engine_error(d.side[side].e);

			assert_true(e->cls == LEAT_E_NONE || e->cls == LEAT_E_MEMORY ||
				    e->alert == A(INTERNAL_ERROR));
		}
		duo_close(&d);
		leat_config_unref(c);
	}
	print_message("  %lu allocations, %lu failures\n", total, failed);
	assert_true(total > 10 && failed > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_later),
		cmocka_unit_test(not_kept),
		cmocka_unit_test(judged_later),
		cmocka_unit_test(misbehaviour),
		cmocka_unit_test(each_allocation_failing_later),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	pki_done();
	return r;
}

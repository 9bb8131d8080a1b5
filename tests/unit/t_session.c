/* SPDX-License-Identifier: Apache-2.0
 *
 * t_session.c - sessions and their serialised form: both ways, every truncation, every byte changed,
 * values no session can have, lifetimes.
 *
 * REQ: GEN-session SESS-type-session
 */
#include "vec.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "session/session.h"

static const uint8_t bytes[64] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static struct session_data sample(uint16_t version)
{
	bool is13 = version == LEAT_TLS13;
	struct session_data d = {
		.version = version,
		.suite = suite_by_id(is13 ? 0x1302 : 0xc02b),
		.ems = !is13,
		.max_fragment = is13 ? 0 : 4,
		.issued_s = 1700000000,
		.auth_s = 1699990000,
		.lifetime_s = 7200,
		.age_add = 0xdeadbeef,
		.max_early = 16384,
		.bind = { bytes, SESSION_BIND_LEN },
		.peer = { bytes + 5, SESSION_PEER_LEN },
		.id = { bytes, 32 },
		.host = { bytes, 10 },
		.alpn = { bytes + 10, 2 },
		.ticket = { bytes, 60 },
	};

	leat_secret_set(&d.secret, bytes, 48);
	return d;
}

static void same_span(struct leat_span a, struct leat_span b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.p, b.p, a.n);
}

static void same(const struct session_data *a, const struct session_data *b)
{
	assert_int_equal(a->version, b->version);
	assert_ptr_equal(a->suite, b->suite);
	assert_int_equal(a->ems, b->ems);
	assert_int_equal(a->max_fragment, b->max_fragment);
	assert_int_equal(a->issued_s, b->issued_s);
	assert_int_equal(a->auth_s, b->auth_s);
	assert_int_equal(a->lifetime_s, b->lifetime_s);
	assert_int_equal(a->age_add, b->age_add);
	assert_int_equal(a->max_early, b->max_early);
	same_span(leat_secret_span(&a->secret), leat_secret_span(&b->secret));
	same_span(a->bind, b->bind);
	same_span(a->peer, b->peer);
	same_span(a->id, b->id);
	same_span(a->host, b->host);
	same_span(a->alpn, b->alpn);
	same_span(a->ticket, b->ticket);
	same_span(a->peer_cert, b->peer_cert);
}

static void there_and_back(void **state)
{
	(void)state;
	for (uint16_t v = LEAT_TLS12; v <= LEAT_TLS13; v++) {
		struct session_data d = sample(v), back;
		struct leat_wr w = { 0 };

		session_encode(&w, &d);
		assert_true(leat_wr_ok(&w));
		assert_true(session_decode(leat_wr_done(&w), &back));
		same(&d, &back);
		leat_wr_clear(&w);
		d.bind = d.peer = d.id = d.host = d.alpn = d.ticket = (struct leat_span){ 0 };
		session_encode(&w, &d);
		assert_true(session_decode(leat_wr_done(&w), &back));
		same(&d, &back);
		leat_wr_clear(&w);
	}
}

/* The client's certificate: up to a bound, and cut at every byte. */
static void with_a_certificate(void **state)
{
	static const uint8_t der[LIM_SESSION_CERT + 1] = { 0x30 };

	(void)state;
	for (size_t n = LIM_SESSION_CERT - 1; n <= LIM_SESSION_CERT + 1; n++) {
		struct session_data d = sample(LEAT_TLS13), back;
		struct leat_err err = { 0 };
		struct leat_wr w = { 0 };
		struct leat_session *s;

		d.peer_cert = (struct leat_span){ der, n };
		session_encode(&w, &d);
		assert_int_equal(session_decode(leat_wr_done(&w), &back), n <= LIM_SESSION_CERT);
		if (n <= LIM_SESSION_CERT) {
			same(&d, &back);
			assert_int_equal(session_new(&s, &d, &err), LEAT_OK);
			same(session_data(s), &d);
			leat_session_unref(s);
		}
		for (size_t cut = w.n - n - 3; cut < w.n; cut++)
			assert_false(session_decode((struct leat_span){ w.p, cut }, &back));
		leat_wr_clear(&w);
	}
}

static void every_length(void **state)
{
	struct session_data d = sample(LEAT_TLS13), back;
	struct leat_wr w = { 0 };

	(void)state;
	session_encode(&w, &d);
	for (size_t n = 0; n < w.n; n++) {
		assert_false(session_decode(vec_copy(w.p, n), &back));
		assert_int_equal(back.secret.n, 0);
	}
	leat_wr_u8(&w, 0);
	assert_false(session_decode(leat_wr_done(&w), &back));
	leat_wr_clear(&w);
}

static void refused(const struct session_data *d, size_t at, uint8_t value)
{
	struct session_data back;
	struct leat_wr w = { 0 };

	session_encode(&w, d);
	if (at != SIZE_MAX) {
		assert_int_not_equal(w.p[at], value);
		w.p[at] = value;
	}
	assert_false(session_decode(leat_wr_done(&w), &back));
	leat_wr_clear(&w);
}

static void senseless_values(void **state)
{
	struct session_data d = sample(LEAT_TLS12);

	(void)state;
	refused(&d, 6, 1 | 5 << 1); /* a max_fragment_length without a meaning */
	d = sample(LEAT_TLS13);
	refused(&d, 1, 2); /* another format */
	refused(&d, 1, 0);
	refused(&d, 3, 3);    /* a TLS 1.3 suite in TLS 1.2 */
	refused(&d, 3, 2);    /* TLS 1.1 */
	refused(&d, 4, 0x7f); /* unknown suite */
	refused(&d, 6, 2);    /* max_fragment_length, which is of TLS 1.2 */
	refused(&d, 6, 0x20); /* says that a certificate follows */
	refused(&d, 6, 0x40); /* unknown flag */
	refused(&d, 7, 0x80); /* a time that overflows */
	d.lifetime_s = SESSION_WEEK_S + 1;
	refused(&d, SIZE_MAX, 0);
	d = sample(LEAT_TLS13);
	d.auth_s = d.issued_s + 1;
	refused(&d, SIZE_MAX, 0);
	d = sample(LEAT_TLS13);
	d.secret.n = 32; /* of a SHA-384 suite */
	refused(&d, SIZE_MAX, 0);
	d = sample(LEAT_TLS12);
	d.secret.n = 47;
	refused(&d, SIZE_MAX, 0);
	d = sample(LEAT_TLS13);
	d.bind.n = SESSION_BIND_LEN - 1;
	refused(&d, SIZE_MAX, 0);
	d = sample(LEAT_TLS13);
	d.peer.n = 1;
	refused(&d, SIZE_MAX, 0);
	d = sample(LEAT_TLS13);
	d.id.n = LIM_SESSION_ID + 1;
	refused(&d, SIZE_MAX, 0);
}

static void lifetimes(void **state)
{
	struct session_data d = sample(LEAT_TLS13);

	(void)state;
	d.auth_s = d.issued_s;
	assert_true(session_is_fresh(&d, d.issued_s));
	assert_true(session_is_fresh(&d, d.issued_s + 7199));
	assert_false(session_is_fresh(&d, d.issued_s + 7200));
	assert_true(session_is_fresh(&d, d.issued_s - 60));
	assert_false(session_is_fresh(&d, d.issued_s - 61));
	/* tickets renewed by tickets end a week after the certificates were looked at */
	d.auth_s = d.issued_s - SESSION_WEEK_S + 10;
	assert_true(session_is_fresh(&d, d.issued_s + 9));
	assert_false(session_is_fresh(&d, d.issued_s + 10));
	d.ended = true;
	assert_false(session_is_fresh(&d, d.issued_s));
	d.ended = false;
	d.lifetime_s = 0;
	assert_false(session_is_fresh(&d, d.issued_s));
}

static void object(void **state)
{
	struct session_data d = sample(LEAT_TLS13);
	struct leat_session *s, *t;
	struct leat_session_info info;
	struct leat_err err = { 0 };
	uint8_t buf[1024];
	size_t n, m;

	(void)state;
	assert_int_equal(session_new(&s, &d, &err), LEAT_OK);
	same(session_data(s), &d);
	leat_session_info(s, &info);
	assert_int_equal(info.version, LEAT_TLS13);
	assert_int_equal(info.suite, 0x1302);
	assert_int_equal(info.expires_s, d.issued_s + 7200);
	assert_int_equal(info.max_early_data, 16384);
	assert_int_equal(info.ticket_len, 60);
	same_span(info.host, d.host);
	same_span(info.alpn, d.alpn);

	assert_int_equal(leat_session_serialise(s, NULL, 0, &n), LEAT_AGAIN);
	assert_in_range(n, 100, sizeof(buf));
	assert_int_equal(leat_session_serialise(s, buf, n - 1, &m), LEAT_AGAIN);
	assert_int_equal(leat_session_serialise(s, buf, n, &m), LEAT_OK);
	assert_int_equal(m, n);
	assert_int_equal(leat_session_parse(&t, (struct leat_span){ buf, n }, &err), LEAT_OK);
	same(session_data(t), &d);
	assert_ptr_equal(leat_session_ref(t), t);
	leat_session_unref(t);
	leat_session_unref(t);
	assert_int_equal(
		leat_session_parse(&t, (struct leat_span){ buf, n - 1 }, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "session");
	assert_null(t);
	leat_session_unref(s);
	leat_session_unref(NULL);
}

static void without_memory(void **state)
{
	struct session_data d = sample(LEAT_TLS13);
	struct leat_err err = { 0 };
	struct leat_session *s;
	uint8_t buf[1024];
	size_t n;

	(void)state;
	leat_mem_fail_at(1);
	assert_int_equal(session_new(&s, &d, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	assert_null(s);
	assert_int_equal(session_new(&s, &d, &err), LEAT_OK);
	leat_mem_fail_at(1);
	assert_int_equal(leat_session_serialise(s, buf, sizeof(buf), &n), LEAT_FAILED);
	leat_mem_fail_at(0);
	leat_session_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(with_a_certificate),
		cmocka_unit_test(every_length),
		cmocka_unit_test(senseless_values),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(object),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

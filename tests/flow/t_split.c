/* SPDX-License-Identifier: Apache-2.0
 *
 * t_split.c - handshake messages cut into records at every byte, one byte at a time, and several in one
 * record, cut anywhere: the same handshake comes out. And what records may not do: end a key in their
 * middle (RFC 8446 5.1).
 *
 * TIMEOUT: 300
 * REQ: T-rn-02
 */
#include "hsfuzz.h"
#include "pair.h"

#include "base/limits.h"
#include "hs/reassemble.h"
#include "hs/state.h"
#include "pki.h"
#include "wire/hs_hdr.h"

/* Handshakes: of these versions, abbreviated ones of TLS 1.2, with certificates of clients, with a retry;
 * numbers are those of hsfuzz.h. */
static const struct kind {
	const char *versions, *resumes;
	bool auth, retry;
	unsigned number;
	const char *option, *value;
} kinds[] = {
	{ .versions = "tlsv1.3" },
	{ .versions = "tlsv1.2" },
	{ .versions = "tlsv1.2", .resumes = "stateless" },
	{ .versions = "tlsv1.2", .resumes = "stateful" },
#define FIRST_SPECIAL 4
	{ .versions = "tlsv1.3", .auth = true },
	{ .versions = "tlsv1.3", .auth = true, .option = "cert_compression", .value = "zlib" },
	{ .versions = "tlsv1.2", .auth = true },
	{ .versions = "tlsv1.3", .retry = true },
	{ .number = HSFUZZ_TICKETS },
	{ .number = HSFUZZ_EARLY },
	{ .number = HSFUZZ_PSK13 },
	{ .number = HSFUZZ_COOKIE },
	{ .number = HSFUZZ_ATTACHED },
	{ .number = HSFUZZ_ATTACHED, .option = "versions", .value = "tlsv1.2" },
	{ .number = HSFUZZ_PSK12 },
	{ .number = HSFUZZ_DHE },
};
#define NUM (int)(sizeof(kinds) / sizeof(kinds[0]))

static struct leat_config *client_cfg[NUM], *server_cfg[NUM];
static struct leat_session *session[NUM];

static void make_configs(int v)
{
	const struct kind *k = &kinds[v];

	if (k->number) {
		client_cfg[v] = hsfuzz_config(LEAT_CLIENT, k->number, k->option, k->value);
		server_cfg[v] = hsfuzz_config(LEAT_SERVER, k->number, k->option, k->value);
		session[v] = hsfuzz_session(client_cfg[v], k->number);
		return;
	}
	if (k->resumes) {
		pair_configs12(&client_cfg[v], &server_cfg[v], k->resumes, k->versions);
		session[v] = pair_session12(client_cfg[v], server_cfg[v]);
		return;
	}
	client_cfg[v] = pair_client_config();
	server_cfg[v] = pair_server_config(KEY_EC_P256);
	pair_set(client_cfg[v], "versions", k->versions);
	if (k->option) {
		pair_set(client_cfg[v], k->option, k->value);
		pair_set(server_cfg[v], k->option, k->value);
	}
	if (k->retry)
		pair_set(server_cfg[v], "groups", "secp384r1");
	if (k->auth) {
		pair_ask(client_cfg[v], server_cfg[v]);
		pair_set(server_cfg[v], "versions", k->versions);
	}
}

static void fresh(struct pair *p, int v)
{
	memset(p, 0, sizeof(*p));
	if (!client_cfg[v])
		make_configs(v);
	hsfuzz_forget(server_cfg[v]);
	p->offer = session[v];
	p->offer_early = kinds[v].number == HSFUZZ_EARLY;
	pair_init(p, leat_config_ref(client_cfg[v]), leat_config_ref(server_cfg[v]), NULL);
}

/* Messages that were cut on their way to a role, by version. */
static bool was_cut[2][2][256];

/* Each unit in two or more pieces; true while some message is longer than the cut. */
static bool run_cut(int v, size_t cut, bool again)
{
	bool moved = true, used = false, cut_now[2][256] = { { false } };
	struct pair p;

	fresh(&p, v);
	while (moved) {
		moved = false;
		for (int from = 0; from < 2; from++) {
			struct pair_unit *u;

			while ((u = pair_peek(&p, (enum leat_role)from)) != NULL) {
				struct leat_span b = vec_copy(u->p, u->n);
				enum rec_type type = u->type;
				size_t at = 0;

				pair_pop(&p, (enum leat_role)from);
				moved = true;
				used = used || cut < b.n;
				if (cut < b.n && type == REC_HANDSHAKE)
					cut_now[!from][b.p[0]] = true;
				while (at < b.n) {
					size_t n = at && !again ? b.n - at : cut;

					if (n > b.n - at)
						n = b.n - at;
					/* its own block, so that a read past the piece is seen */
					assert_int_equal(
						pair_feed(&p, !from, type, vec_copy(b.p + at, n)),
						LEAT_OK);
					at += n;
					if (type == REC_HANDSHAKE)
						assert_int_equal(
							hs_is_mid_message(p.side[!from].hs),
							at < b.n);
				}
			}
		}
	}
	pair_must_connect(&p);
	for (int role = 0; role < 2; role++)
		for (int type = 0; type < 256; type++)
			if (cut_now[role][type])
				was_cut[p.side[0].version == LEAT_TLS13][role][type] = true;
	pair_clear(&p);
	vec_free_all();
	return used;
}

static void every_cut_13(void **state)
{
	size_t cut = 1;

	(void)state;
	while (run_cut(0, cut, false))
		cut++;
	assert_true(cut > 700); /* the Certificate message was cut everywhere */
}

static void every_cut_12(void **state)
{
	size_t cut = 1;

	(void)state;
	while (run_cut(1, cut, false))
		cut++;
	assert_true(cut > 700);
}

static void every_cut_resumed(void **state)
{
	(void)state;
	for (int v = 2; v < FIRST_SPECIAL; v++) {
		size_t cut = 1;

		while (run_cut(v, cut, false))
			cut++;
		assert_true(cut > 150); /* the ClientHello */
	}
}

/* Certificates were cut everywhere above: here only at some places. */
static void every_cut_special(void **state)
{
	(void)state;
	for (int v = FIRST_SPECIAL; v < NUM; v++)
		for (size_t cut = 1; run_cut(v, cut, false); cut += cut < 200 ? 1 : 23)
			;
}

static void check_cut(
	const char *table, bool tls13, enum leat_role role, const struct hs_row *rows, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		/* of one byte; between two handshakes */
		if (rows[i].msg == HS_MSG_CCS || rows[i].msg == MSG_HELLO_REQUEST)
			continue;
		if (!was_cut[tls13][role][rows[i].msg])
			fail_msg("%s: %s was never cut; add a handshake that has it", table,
				state_msg_name(rows[i].msg));
	}
}

/* Every message of the tables. Runs after the cuts. */
static void none_was_left_out(void **state)
{
	(void)state;
	/* the hellos come before the version is known */
	was_cut[false][LEAT_SERVER][MSG_CLIENT_HELLO] |=
		was_cut[true][LEAT_SERVER][MSG_CLIENT_HELLO];
	check_cut("client_rows", true, LEAT_CLIENT, client_rows, num_client_rows);
	check_cut("server_rows", true, LEAT_SERVER, server_rows, num_server_rows);
	check_cut("v12_client_rows", false, LEAT_CLIENT, v12_client_rows, num_v12_client_rows);
	check_cut("v12_server_rows", false, LEAT_SERVER, v12_server_rows, num_v12_server_rows);
}

static void every_size(void **state)
{
	(void)state;
	for (size_t n = 1; n < 40; n++)
		for (int v = 0; v < FIRST_SPECIAL; v++)
			assert_true(run_cut(v, n, true));
}

/* The server's encrypted flight as one record, cut in two everywhere: messages share records, and
 * a job starts in the middle of one. */
static void coalesced_flight(void **state)
{
	size_t total = 1;

	(void)state;
	for (size_t cut = 0; cut <= total; cut += cut < 300 ? 1 : 3) {
		struct leat_wr flight = { 0 };
		struct pair_unit *u;
		struct pair p;
		enum leat_ret r;
		size_t at;

		fresh(&p, 0);
		assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
		assert_true(pair_deliver(&p, LEAT_SERVER, &r)); /* ServerHello */
		while ((u = pair_peek(&p, LEAT_SERVER)) != NULL) {
			if (u->type == REC_HANDSHAKE)
				leat_wr_bytes(&flight, u->p, u->n);
			pair_pop(&p, LEAT_SERVER);
		}
		/* ECDSA signatures differ in length: this flight may be shorter than the last */
		total = flight.n;
		at = cut < total ? cut : total;
		if (at > 0)
			assert_int_equal(
				pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, vec_copy(flight.p, at)),
				LEAT_OK);
		if (at < total)
			assert_int_equal(pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE,
						 vec_copy(flight.p + at, total - at)),
				LEAT_OK);
		pair_must_connect(&p);
		assert_int_equal(p.side[LEAT_CLIENT].jobs, 1);
		leat_wr_clear(&flight);
		pair_clear(&p);
		vec_free_all();
	}
}

/* RFC 8446 5.1: handshake messages MUST NOT span key changes. Whatever follows in the record of a message
 * that changes the keys is refused, be it a whole message, a part of one, or one byte. */
static void nothing_behind_a_key_change(void **state)
{
	static const struct {
		enum leat_role from;
		uint8_t msg;
	} rows[] = { { LEAT_CLIENT, MSG_CLIENT_HELLO }, { LEAT_SERVER, MSG_SERVER_HELLO },
		{ LEAT_SERVER, MSG_FINISHED }, { LEAT_CLIENT, MSG_FINISHED } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int extra = 1; extra <= 8; extra++) {
			struct pair_unit *u = NULL;
			enum leat_ret r = LEAT_OK;
			uint8_t b[1024];
			struct pair p;

			fresh(&p, 0);
			for (;;) {
				enum leat_role from = pair_peek(&p, LEAT_CLIENT) ? LEAT_CLIENT
										 : LEAT_SERVER;

				u = pair_peek(&p, from);
				assert_non_null(u);
				if (from == rows[i].from && u->type == REC_HANDSHAKE &&
					u->p[0] == rows[i].msg)
					break;
				assert_true(pair_deliver(&p, from, &r));
			}
			assert_true(u->n + 8 < sizeof(b));
			memcpy(b, u->p, u->n);
			memcpy(b + u->n, "\x08\0\0\x04\0\0\0\0", 8);
			r = pair_feed(&p, !rows[i].from, REC_HANDSHAKE,
				vec_copy(b, u->n + (size_t)extra));
			assert_int_equal(r, LEAT_FAILED);
			assert_int_equal(
				p.side[!rows[i].from].err.alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
			pair_clear(&p);
		}
	}
}

/* ---- reassemble.c alone ---- */

struct limits {
	size_t max;
	unsigned asked;
};

static enum leat_ret check(void *arg, unsigned type, size_t len, struct leat_err *err)
{
	struct limits *l = arg;

	l->asked++;
	assert_int_equal(type, 7);
	return len <= l->max ? LEAT_OK : err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "test: long");
}

/* The header is judged once, as soon as it is whole, and before any body byte is kept. */
static void header_is_asked_first(void **state)
{
	static const size_t sizes[] = { 0, 1, 99, 100, 101, 0xffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		uint8_t head[4] = { 7, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
		struct limits lim = { .max = 100 };
		struct leat_err err = { 0 };
		struct reasm r = { 0 };
		struct leat_span msg = { NULL, 0 };
		enum leat_ret got = LEAT_AGAIN;

		for (size_t k = 0; k < 4; k++) {
			struct leat_span in = vec_copy(head + k, 1);

			assert_int_equal(got, LEAT_AGAIN);
			assert_int_equal(lim.asked, 0);
			got = reasm_next(&r, &in, &msg, check, &lim, &err);
			assert_int_equal(in.n, k == 3 && got == LEAT_FAILED ? in.n : 0);
		}
		assert_int_equal(lim.asked, 1);
		if (n > 100) {
			assert_int_equal(got, LEAT_FAILED);
			assert_true(r.buf.cap < 1024);
		} else if (n > 0) {
			struct leat_span in = vec_noise(n);

			assert_int_equal(got, LEAT_AGAIN);
			got = reasm_next(&r, &in, &msg, check, &lim, &err);
			assert_int_equal(lim.asked, 1);
		}
		if (n <= 100) {
			assert_int_equal(got, LEAT_OK);
			assert_int_equal(msg.n, n + 4);
			reasm_done(&r);
			assert_false(reasm_is_partial(&r));
		}
		reasm_clear(&r);
	}
}

/* A whole message is handed out where it lies, without a copy. */
static void whole_message_is_not_copied(void **state)
{
	static const uint8_t b[] = { 7, 0, 0, 2, 1, 2, 7, 0, 0, 0 };
	struct leat_span in = { b, sizeof(b) }, msg;
	struct limits lim = { .max = 100 };
	struct leat_err err = { 0 };
	struct reasm r = { 0 };

	(void)state;
	assert_int_equal(reasm_next(&r, &in, &msg, check, &lim, &err), LEAT_OK);
	assert_ptr_equal(msg.p, b);
	assert_int_equal(msg.n, 6);
	reasm_done(&r);
	assert_int_equal(reasm_next(&r, &in, &msg, check, &lim, &err), LEAT_OK);
	assert_ptr_equal(msg.p, b + 6);
	assert_int_equal(in.n, 0);
	assert_null(r.buf.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_13),
		cmocka_unit_test(every_cut_12),
		cmocka_unit_test(every_cut_resumed),
		cmocka_unit_test(every_cut_special),
		cmocka_unit_test(none_was_left_out),
		cmocka_unit_test(every_size),
		cmocka_unit_test(coalesced_flight),
		cmocka_unit_test_teardown(nothing_behind_a_key_change, vec_teardown),
		cmocka_unit_test_teardown(header_is_asked_first, vec_teardown),
		cmocka_unit_test(whole_message_is_not_copied),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	for (int v = 0; v < NUM; v++) {
		leat_config_unref(client_cfg[v]);
		leat_config_unref(server_cfg[v]);
		leat_session_unref(session[v]);
	}
	pki_done();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_early_export.c - the early exporter (RFC 8446 7.5) between two engines: who has it, from when on, and
 * who is told that there is none. The vector of RFC 8448 is in t_rfc8448.c.
 *
 * REQ: F-early-exp
 */
#include "earlykit.h"

#include <leat/export.h>

#include "crypto/hkdf.h"
#include "engine/engine_int.h"

#define CONTEXT(text) .context = { (const uint8_t *)(text), sizeof(text) - 1 }, .has_context = true

static const struct leat_exporter plain = { .label = "EXPERIMENTAL early" },
				  empty = { .label = "EXPERIMENTAL early", .has_context = true },
				  other = { .label = "EXPERIMENTAL later" },
				  context = { .label = "EXPERIMENTAL early", CONTEXT("here") };

static void has(const struct leat_engine *e, const struct leat_exporter *what, void *out, size_t n)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_engine_early_exporter(e, what, out, n, &err), LEAT_OK);
	assert_int_equal(err.cls, LEAT_E_NONE);
}

static void has_none(const struct leat_engine *e, enum leat_ret want)
{
	struct leat_err err = { 0 };
	uint8_t out[32];

	memset(out, 0xee, sizeof(out));
	assert_int_equal(leat_engine_early_exporter(e, &plain, out, sizeof(out), &err), want);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_non_null(err.what);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0);
}

static void write_early(struct duo *d)
{
	size_t taken;

	assert_int_equal(leat_engine_write_early(d->side[0].e, "early", 5, &taken), LEAT_OK);
}

/* The client has it with its hello, the server with the early data in its hands, and it stays. */
static void both_sides_agree(void **state)
{
	static const size_t sizes[] = { 1, 32, 33, LEAT_EXPORT_MAX };
	static const struct leat_exporter *const all[] = { &plain, &empty, &other, &context };
	static uint8_t c[LEAT_EXPORT_MAX], s[LEAT_EXPORT_MAX];
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	has(d.side[0].e, &plain, c, 32); /* before a byte was sent */
	has_none(d.side[1].e, LEAT_FAILED);
	write_early(&d);
	(void)!duo_pass(&d, LEAT_CLIENT);
	assert_false(leat_engine_wants(d.side[1].e) & LEAT_IS_UP);
	has(d.side[1].e, &plain, s, 32); /* before the client's Finished */
	assert_memory_equal(c, s, 32);
	assert_true(duo_run(&d));
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++) {
			has(d.side[0].e, all[i], c, sizes[k]);
			has(d.side[1].e, all[i], s, sizes[k]);
			assert_memory_equal(c, s, sizes[k]);
		}
	duo_close(&d);
	early_tear_down(&x);
}

/* Labels, contexts, connections, and the exporter of the whole handshake all differ. */
static void others_differ(void **state)
{
	uint8_t out[6][32];
	struct leat_engine_opts o;
	struct leat_err err = { 0 };
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	has(d.side[0].e, &plain, out[0], 32);
	has(d.side[0].e, &other, out[1], 32);
	has(d.side[0].e, &context, out[2], 32);
	has(d.side[0].e, &empty, out[5], 32);
	assert_memory_equal(out[0], out[5], 32); /* RFC 8446 7.5: an empty context is no context */
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_exporter(d.side[0].e, &plain, out[3], 32, &err), LEAT_OK);
	has(d.side[0].e, &plain, out[5], 32);
	assert_memory_equal(out[0], out[5], 32);
	duo_close(&d);
	o.session = x.t[1];
	duo_open_with(&d, x.c, x.s, &o);
	has(d.side[0].e, &plain, out[4], 32);
	duo_close(&d);
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(out[i], out[k], 32);
	early_tear_down(&x);
}

/* RFC 8446 7.5: "TLS-Exporter(label, context_value, key_length) = HKDF-Expand-Label(
 * Derive-Secret(Secret, label, ""), "exporter", Hash(context_value), key_length)", of the early secret */
static void by_the_formula(void **state)
{
	uint8_t got[40], want[40], hash[HASH_MAX];
	struct leat_secret secret = { 0 };
	struct leat_engine_opts o;
	const struct leat_engine *e;
	struct early_set x;
	struct duo d;
	size_t n;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	assert_true(duo_run(&d));
	e = d.side[0].e;
	n = hash_len(engine_suite(e)->hash);
	digest_once(engine_suite(e)->hash, (struct leat_span){ NULL, 0 }, hash);
	hkdf_expand_label(engine_suite(e)->hash, &e->w->post.early_exporter->secret, plain.label,
		(struct leat_span){ hash, n }, secret.b, n);
	secret.n = (uint8_t)n;
	digest_once(engine_suite(e)->hash, context.context, hash);
	hkdf_expand_label(engine_suite(e)->hash, &secret, "exporter", (struct leat_span){ hash, n },
		want, sizeof(want));
	has(e, &context, got, sizeof(got));
	assert_memory_equal(got, want, sizeof(got));
	duo_close(&d);
	early_tear_down(&x);
}

/* ---- where there is none ---- */

static void not_without_early_data(void **state)
{
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	/* without a session, and with one but without early data */
	for (int resumed = 0; resumed < 2; resumed++) {
		o = early_opts(&x);
		o.early_data = false;
		if (!resumed)
			o.session = NULL;
		duo_open_with(&d, x.c, x.s, &o);
		has_none(d.side[0].e, LEAT_UNSUPPORTED);
		has_none(d.side[1].e, LEAT_FAILED);
		(void)!duo_pass(&d, LEAT_CLIENT);
		has_none(d.side[1].e, LEAT_UNSUPPORTED);
		assert_true(duo_run(&d));
		for (int i = 0; i < 2; i++)
			has_none(d.side[i].e, LEAT_UNSUPPORTED);
		duo_close(&d);
	}
	early_tear_down(&x);
}

static void not_in_tls12(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", NULL);
	struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	for (int i = 0; i < 2; i++)
		has_none(d.side[i].e, LEAT_UNSUPPORTED);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* The client had it, and is told that it became useless; nothing of it is kept. */
static void not_where_it_was_refused(void **state)
{
	struct leat_engine_opts o;
	struct leat_config *none;
	struct early_set x;
	uint8_t out[32];
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	none = ids_config(LEAT_SERVER, KEY_EC_P256, "groups=secp384r1", NULL);
	for (int way = 0; way < 2; way++) { /* by HelloRetryRequest; by a full handshake */
		o = early_opts(&x);
		if (way) {
			leat_config_unref(none);
			none = ids_config(LEAT_SERVER, KEY_EC_P256, "depth=10", NULL);
		}
		duo_open_with(&d, x.c, none, &o);
		has(d.side[0].e, &plain, out, 32);
		write_early(&d);
		(void)!duo_pass(&d, LEAT_CLIENT);
		has_none(d.side[1].e, LEAT_UNSUPPORTED);
		assert_true(duo_run(&d));
		assert_int_equal(leat_engine_early_status(d.side[0].e), LEAT_EARLY_REJECTED);
		for (int i = 0; i < 2; i++) {
			has_none(d.side[i].e, LEAT_UNSUPPORTED);
			assert_null(d.side[i].e->w->post.early_exporter);
		}
		duo_close(&d);
	}
	leat_config_unref(none);
	early_tear_down(&x);
}

/* A flight that comes twice: the server that refuses it exports nothing for it. */
static void not_for_a_replay(void **state)
{
	struct leat_wr flight = { 0 };
	struct leat_engine_opts o;
	struct early_set x;
	uint8_t out[32];
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	write_early(&d);
	duo_pull(&d.side[0]);
	leat_wr_bytes(&flight, d.side[0].wire.p, d.side[0].wire.n);
	assert_true(duo_run(&d));
	has(d.side[1].e, &plain, out, 32);
	duo_close(&d);
	duo_open(&d, x.c, x.s, "localhost");
	(void)!duo_feed(&d, LEAT_SERVER, flight.p, flight.n);
	has_none(d.side[1].e, LEAT_UNSUPPORTED);
	duo_close(&d);
	leat_wr_clear(&flight);
	early_tear_down(&x);
}

static void not_from_the_dead(void **state)
{
	static const uint8_t garbage[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3,
		4, 5, 6, 7, 8, 9, 0 };
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	assert_true(duo_run(&d));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			duo_feed(&d, (enum leat_role)i, garbage, sizeof(garbage)), LEAT_FAILED);
		has_none(d.side[i].e, LEAT_FAILED);
		assert_null(d.side[i].e->w->post.early_exporter);
	}
	duo_close(&d);
	early_tear_down(&x);
}

/* What the exporter refuses this one refuses as well. */
static void bad_requests(void **state)
{
	static const struct leat_exporter bad[] = { { .label = NULL }, { .label = "" },
		{ .label = "key expansion" }, { .label = "x", .context = { NULL, 65536 } },
		{ .label = "x", .context = { (const uint8_t *)"y", 1 } } };
	uint8_t out[LEAT_EXPORT_MAX + 1];
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) + 2; i++) {
		size_t over = i - sizeof(bad) / sizeof(bad[0]);
		bool size = i >= sizeof(bad) / sizeof(bad[0]);
		struct leat_err err = { 0 };

		assert_int_equal(
			leat_engine_early_exporter(d.side[0].e, size ? &plain : &bad[i], out,
				!size  ? 32
				: over ? LEAT_EXPORT_MAX + 1
				       : 0,
				&err),
			LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_MISUSE);
	}
	duo_close(&d);
	early_tear_down(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(others_differ),
		cmocka_unit_test(by_the_formula),
		cmocka_unit_test(not_without_early_data),
		cmocka_unit_test(not_in_tls12),
		cmocka_unit_test(not_where_it_was_refused),
		cmocka_unit_test(not_for_a_replay),
		cmocka_unit_test(not_from_the_dead),
		cmocka_unit_test(bad_requests),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	pki_done();
	return r;
}

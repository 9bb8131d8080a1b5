/* SPDX-License-Identifier: Apache-2.0
 *
 * t_export.c: exporters and channel bindings over two engines: both sides compute the same, differing
 * requests differ, and what must not be had is refused without harm. And the key log: both sides tell the
 * same secrets, once each, and the ones that were told derive the keys in use.
 *
 * REQ: F-exporter F-cb9266 F-keylog
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/export.h>

#include "engine/engine.h"
#include "engine/engine_int.h"
#include "sched/sched13.h"
#include "x509/end_point.h"

static struct leat_config *client, *server, *client12, *server12;

static void up(struct duo *d, bool v12)
{
	duo_open(d, v12 ? client12 : client, v12 ? server12 : server, "localhost");
	assert_true(duo_run(d));
}

static void export(
	struct duo *d, enum leat_role r, const struct leat_exporter *what, void *out, size_t n)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_engine_exporter(d->side[r].e, what, out, n, &err), LEAT_OK);
	assert_int_equal(err.cls, LEAT_E_NONE);
}

static void refused(struct duo *d, enum leat_role r, const struct leat_exporter *what, size_t n,
	enum leat_ret want)
{
	static uint8_t out[LEAT_EXPORT_MAX + 1];
	struct leat_err err = { 0 };

	memset(out, 0xee, sizeof(out));
	assert_int_equal(leat_engine_exporter(d->side[r].e, what, out, n, &err), want);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_non_null(err.what);
	for (size_t i = 0; i < n; i++) /* nothing half done, nothing of before */
		assert_int_equal(out[i], 0);
}

#define CONTEXT(text) .context = { (const uint8_t *)(text), sizeof(text) - 1 }, .has_context = true

static const struct leat_exporter plain = { .label = "EXPERIMENTAL one" },
				  empty = { .label = "EXPERIMENTAL one", .has_context = true },
				  other = { .label = "EXPERIMENTAL two" },
				  context = { .label = "EXPERIMENTAL one", CONTEXT("here") };

static void both_sides_agree(void **state)
{
	static const size_t sizes[] = { 1, 12, 31, 32, 33, 48, 255, 1000, LEAT_EXPORT_MAX };
	static uint8_t a[LEAT_EXPORT_MAX], b[LEAT_EXPORT_MAX];
	static const struct leat_exporter *const all[] = { &plain, &empty, &other, &context };
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		for (size_t i = 0; i < 4; i++)
			for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
				export(&d, LEAT_CLIENT, all[i], a, sizes[s]);
				export(&d, LEAT_SERVER, all[i], b, sizes[s]);
				assert_memory_equal(a, b, sizes[s]);
			}
		duo_close(&d);
	}
}

static void different_requests_differ(void **state)
{
	static const struct leat_exporter *const all[] = { &plain, &empty, &other, &context };
	uint8_t out[4][32], again[32];
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		for (size_t i = 0; i < 4; i++)
			export(&d, LEAT_CLIENT, all[i], out[i], 32);
		for (size_t i = 0; i < 4; i++)
			for (size_t k = 0; k < i; k++) {
				/* RFC 5705 4: no context and an empty one differ; RFC 8446 7.5:
				 * they do not */
				bool same = !v12 && i == 1 && k == 0;

				assert_int_equal(memcmp(out[i], out[k], 32) == 0, same);
			}
		/* asking changes nothing, nor does data */
		duo_say(&d, LEAT_CLIENT, "data", 4);
		export(&d, LEAT_CLIENT, &plain, again, 32);
		assert_memory_equal(out[0], again, 32);
		duo_close(&d);
		/* another connection has other keys */
		up(&d, v12);
		export(&d, LEAT_CLIENT, &plain, again, 32);
		assert_memory_not_equal(out[0], again, 32);
		duo_close(&d);
	}
}

static void key_updates_do_not_matter(void **state)
{
	uint8_t before[32], after[32];
	struct duo d;

	(void)state;
	up(&d, false);
	export(&d, LEAT_CLIENT, &plain, before, 32);
	for (int i = 0; i < 2; i++) {
		struct leat_engine *e = d.side[i].e;

		assert_int_equal(
			hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, true, &e->w->err),
			LEAT_OK);
		assert_int_equal(out_flush(e), LEAT_OK);
		(void)duo_run(&d);
	}
	for (int i = 0; i < 2; i++) {
		export(&d, (enum leat_role)i, &plain, after, 32);
		assert_memory_equal(before, after, 32);
	}
	duo_close(&d);
}

static void not_before_the_end(void **state)
{
	struct leat_binding b;
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		duo_open(&d, v12 ? client12 : client, v12 ? server12 : server, "localhost");
		d.chunk = 100;
		for (int i = 0; i < 20; i++) {
			for (int r = 0; r < 2; r++) {
				struct leat_err err = { 0 };

				if (leat_engine_wants(d.side[r].e) & LEAT_IS_UP)
					continue;
				refused(&d, (enum leat_role)r, &plain, 32, LEAT_FAILED);
				for (int k = 0; k < 3; k++) {
					assert_int_equal(
						leat_engine_binding(d.side[r].e,
							(enum leat_binding_kind)k, &b, &err),
						LEAT_FAILED);
					assert_int_equal(err.cls, LEAT_E_MISUSE);
					assert_int_equal(b.n, 0);
				}
			}
			(void)!duo_pass(&d, (enum leat_role)(i % 2));
		}
		assert_true(duo_run(&d)); /* the questions did no harm */
		duo_close(&d);
	}
}

static void bad_requests(void **state)
{
	static const char *const own[] = { "client finished", "server finished", "master secret",
		"key expansion", "extended master secret", "" };
	char label[300];
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		struct leat_exporter w = { .label = NULL };
		uint8_t out[32];

		up(&d, v12);
		refused(&d, LEAT_CLIENT, &w, 32, LEAT_FAILED);
		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
			w.label = own[i];
			refused(&d, LEAT_CLIENT, &w, 32, LEAT_FAILED);
		}
		memset(label, 'x', sizeof(label));
		label[250] = '\0';
		w.label = label;
		refused(&d, LEAT_CLIENT, &w, 32, LEAT_FAILED);
		label[249] = '\0';
		export(&d, LEAT_CLIENT, &w, out, 32);
		refused(&d, LEAT_CLIENT, &plain, 0, LEAT_FAILED);
		refused(&d, LEAT_CLIENT, &plain, LEAT_EXPORT_MAX + 1, LEAT_FAILED);
		w = (struct leat_exporter){ .label = "x", .context = vec_noise(65536) };
		refused(&d, LEAT_CLIENT, &w, 32, LEAT_FAILED);
		w.has_context = true;
		refused(&d, LEAT_CLIENT, &w, 32, LEAT_FAILED);
		w.context.n = 65535;
		export(&d, LEAT_CLIENT, &w, out, 32);
		w.has_context = false;
		refused(&d, LEAT_CLIENT, &w, 32, LEAT_FAILED);
		assert_true(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE);
		duo_close(&d);
	}
}

static void not_from_the_dead(void **state)
{
	static const uint8_t garbage[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3,
		4, 5, 6, 7, 8, 9, 0 };
	struct leat_err err = { 0 };
	struct leat_binding b;
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		assert_int_equal(duo_feed(&d, LEAT_SERVER, garbage, sizeof(garbage)), LEAT_FAILED);
		refused(&d, LEAT_SERVER, &plain, 32, LEAT_FAILED);
		assert_int_equal(leat_engine_binding(d.side[LEAT_SERVER].e,
					 LEAT_BINDING_SERVER_END_POINT, &b, &err),
			LEAT_FAILED);
		duo_close(&d);
	}
}

/* RFC 7627 5.4 */
static void not_without_ems(void **state)
{
	struct leat_binding b;
	struct duo d;

	(void)state;
	up(&d, true);
	for (int r = 0; r < 2; r++) {
		struct leat_err err = { 0 };

		d.side[r].e->w->post.ems = false; /* as after a peer that does not speak it */
		refused(&d, (enum leat_role)r, &plain, 32, LEAT_UNSUPPORTED);
		assert_int_equal(leat_engine_binding(d.side[r].e, LEAT_BINDING_EXPORTER, &b, &err),
			LEAT_UNSUPPORTED);
		assert_int_equal(leat_engine_binding(d.side[r].e, LEAT_BINDING_UNIQUE, &b, &err),
			LEAT_UNSUPPORTED);
		assert_int_equal(b.n, 0);
		assert_int_equal(
			leat_engine_binding(d.side[r].e, LEAT_BINDING_SERVER_END_POINT, &b, &err),
			LEAT_OK);
	}
	duo_close(&d);
}

/* Keys of both directions go elsewhere: TLS 1.3 has a secret for exporters, TLS 1.2 only if asked for. */
static void after_hand_over(void **state)
{
	uint8_t before[32], after[32];
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++)
		for (int keep = 0; keep < 2; keep++) {
			struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE,
				v12 ? "versions=tlsv1.2" : "versions=tlsv1.3",
				keep ? "keep_secrets=true" : "keep_secrets=false", NULL);
			struct leat_engine *e;

			duo_open(&d, c, v12 ? server12 : server, "localhost");
			assert_true(duo_run(&d));
			e = d.side[LEAT_CLIENT].e;
			export(&d, LEAT_CLIENT, &plain, before, 32);
			leat_engine_export_commit(e, LEAT_RX, NULL);
			export(&d, LEAT_CLIENT, &plain, after, 32);
			assert_memory_equal(before, after, 32);
			leat_engine_export_commit(e, LEAT_TX, NULL);
			if (v12 && !keep) {
				refused(&d, LEAT_CLIENT, &plain, 32, LEAT_UNSUPPORTED);
			} else {
				struct hs_post post = { 0 };
				struct traffic_keys k = { 0 };

				export(&d, LEAT_CLIENT, &plain, after, 32);
				assert_memory_equal(before, after, 32);
				/* not for the record keys, those are gone */
				assert_int_equal(hs_post_keys(engine_post(e, &post), LEAT_TX, &k),
					LEAT_FAILED);
			}
			duo_close(&d);
			leat_config_unref(c);
		}
}

/* ---- channel bindings ---- */

static void bindings_agree(void **state)
{
	struct leat_binding b[2];
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		for (int k = 0; k < 3; k++) {
			bool there = v12 || k != LEAT_BINDING_UNIQUE;
			size_t n = k == LEAT_BINDING_UNIQUE ? 12 : 32;

			for (int r = 0; r < 2; r++) {
				struct leat_err err = { 0 };

				assert_int_equal(leat_engine_binding(d.side[r].e,
							 (enum leat_binding_kind)k, &b[r], &err),
					there ? LEAT_OK : LEAT_UNSUPPORTED);
				assert_int_equal(b[r].n, there ? n : 0);
			}
			assert_memory_equal(&b[0], &b[1], sizeof(b[0]));
		}
		duo_close(&d);
	}
}

static void tls_exporter_is_an_exporter(void **state)
{
	/* RFC 9266 4.2 */
	static const struct leat_exporter what = { .label = "EXPORTER-Channel-Binding",
		.has_context = true };
	struct leat_err err = { 0 };
	struct leat_binding b;
	uint8_t out[32];
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		export(&d, LEAT_SERVER, &what, out, 32);
		assert_int_equal(
			leat_engine_binding(d.side[0].e, LEAT_BINDING_EXPORTER, &b, &err), LEAT_OK);
		assert_memory_equal(b.b, out, 32);
		duo_close(&d);
	}
}

static void names_and_no_names(void **state)
{
	struct leat_err err = { 0 };
	struct leat_binding b = { .n = 9 };
	struct duo d;

	(void)state;
	assert_string_equal(leat_binding_name(LEAT_BINDING_EXPORTER), "tls-exporter");
	assert_string_equal(
		leat_binding_name(LEAT_BINDING_SERVER_END_POINT), "tls-server-end-point");
	assert_string_equal(leat_binding_name(LEAT_BINDING_UNIQUE), "tls-unique");
	assert_null(leat_binding_name((enum leat_binding_kind)3));
	assert_null(leat_binding_name((enum leat_binding_kind) - 1));
	up(&d, false);
	assert_int_equal(
		leat_engine_binding(d.side[0].e, (enum leat_binding_kind)3, &b, &err), LEAT_FAILED);
	assert_int_equal(b.n, 0);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	duo_close(&d);
}

/* RFC 5929 4.1: the hash is that of the certificate's signature, SHA-256 for weaker ones. */
static void end_point_hashes(void **state)
{
	static const struct {
		enum key_kind issuer;
		const char *digest;
		enum hash_id want;
	} rows[] = {
		{ KEY_RSA, "MD5", HASH_SHA256 },
		{ KEY_RSA, "SHA1", HASH_SHA256 },
		{ KEY_RSA, "SHA256", HASH_SHA256 },
		{ KEY_RSA, "SHA384", HASH_SHA384 },
		{ KEY_RSA, "SHA512", HASH_SHA512 },
		{ KEY_RSA_PSS, "SHA256", HASH_SHA256 },
		{ KEY_RSA_PSS, "SHA384", HASH_SHA384 },
		{ KEY_EC_P256, "SHA1", HASH_SHA256 },
		{ KEY_EC_P256, "SHA512", HASH_SHA512 },
		{ KEY_ED25519, NULL, HASH_NONE },
		{ KEY_ED448, NULL, HASH_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct make_spec s = pki_ca_spec("root", NULL);
		uint8_t got[HASH_MAX], want[HASH_MAX];
		struct leat_span der;

		s.key = rows[i].issuer;
		s.digest = rows[i].digest;
		der = pki_der(pki_make(&s));
		assert_int_equal(end_point_hash(der, got), hash_len(rows[i].want));
		if (rows[i].want == HASH_NONE)
			continue;
		digest_once(rows[i].want, der, want);
		assert_memory_equal(got, want, hash_len(rows[i].want));
	}
}

static void no_end_point_of_garbage(void **state)
{
	struct leat_span der = pki_der(pki_server(KEY_EC_P256)->leaf);
	uint8_t out[HASH_MAX];

	(void)state;
	assert_int_equal(end_point_hash((struct leat_span){ NULL, 0 }, out), 0);
	for (size_t n = 0; n < der.n; n += 7)
		assert_int_equal(end_point_hash((struct leat_span){ der.p, n }, out), 0);
}

static void no_end_point_without_a_certificate(void **state)
{
	struct leat_binding b;
	struct duo d;

	(void)state;
	up(&d, false);
	for (int r = 0; r < 2; r++) {
		struct leat_err err = { 0 };
		struct leat_engine *e = d.side[r].e;

		/* as after a resumption: nobody showed a certificate */
		if (e->peer) {
			chain_unref(e->peer->chain);
			e->peer->chain = NULL;
		}
		e->cred = NULL;
		assert_int_equal(leat_engine_binding(e, LEAT_BINDING_SERVER_END_POINT, &b, &err),
			LEAT_UNSUPPORTED);
		assert_int_equal(b.n, 0);
		assert_int_equal(err.cls, LEAT_E_MISUSE);
	}
	duo_close(&d);
}

/* ---- key log ---- */

#define LOG_LINES 40

struct log {
	char line[LOG_LINES][300];
	size_t n;
};

static void log_line(void *arg, const char *line)
{
	struct log *l = arg;

	assert_true(l->n < LOG_LINES);
	assert_true(strlen(line) < sizeof(l->line[0]));
	assert_null(strpbrk(line, "\r\n"));
	snprintf(l->line[l->n++], sizeof(l->line[0]), "%s", line);
}

static struct leat_config *logged(enum leat_role role, bool v12, struct log *l)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	memset(l, 0, sizeof(*l));
	c = ids_draft(role, KEY_EC_P256);
	assert_int_equal(
		leat_config_set(c, "versions", v12 ? "tlsv1.2" : "tlsv1.3", &err), LEAT_OK);
	assert_int_equal(leat_config_set_key_log(c, log_line, l, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_set_key_log(c, NULL, NULL, &err), LEAT_FAILED);
	return c;
}

static const char *find(const struct log *l, const char *label)
{
	const char *found = NULL;
	size_t n = strlen(label);

	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->line[i], label, n) == 0 && l->line[i][n] == ' ') {
			assert_null(found); /* once */
			found = l->line[i];
		}
	assert_non_null(found);
	return found;
}

static void logs_agree(const struct log *l, const char *const *labels, size_t num)
{
	assert_int_equal(l[0].n, num);
	assert_int_equal(l[1].n, num);
	for (size_t i = 0; i < num; i++)
		assert_string_equal(find(&l[0], labels[i]), find(&l[1], labels[i]));
}

/* The secret at the end of a line. */
static struct leat_secret secret_of(const char *line, const struct leat_engine *e)
{
	struct leat_span b = vec_hex(strrchr(line, ' ') + 1);
	struct leat_secret s = { 0 };
	char random[65];

	snprintf(random, sizeof(random), "%s", strchr(line, ' ') + 1);
	assert_hex(e->w->post.client_random, 32, random);
	leat_secret_set(&s, b.p, b.n);
	return s;
}

static void key_log13(void **state)
{
	static const char *const labels[] = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
		"SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
		"SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET", "CLIENT_TRAFFIC_SECRET_1",
		"SERVER_TRAFFIC_SECRET_1", "CLIENT_TRAFFIC_SECRET_2" };
	static struct log l[2];
	struct leat_config *c = logged(LEAT_CLIENT, false, &l[0]);
	struct leat_config *s = logged(LEAT_SERVER, false, &l[1]);
	struct leat_secret told;
	struct leat_engine *e;
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	logs_agree(l, labels, 5);
	e = d.side[LEAT_CLIENT].e;
	/* the client's update is answered by the server's; then one that asks for nothing */
	assert_int_equal(
		hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, true, &e->w->err), LEAT_OK);
	assert_int_equal(out_flush(e), LEAT_OK);
	(void)duo_run(&d);
	assert_int_equal(
		hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, false, &e->w->err), LEAT_OK);
	assert_int_equal(out_flush(e), LEAT_OK);
	(void)duo_run(&d);
	logs_agree(l, labels, 8);
	told = secret_of(find(&l[1], "CLIENT_TRAFFIC_SECRET_2"), e);
	assert_memory_equal(&told, &e->w->post.tx, sizeof(told));
	told = secret_of(find(&l[1], "SERVER_TRAFFIC_SECRET_1"), e);
	assert_memory_equal(&told, &e->w->post.rx, sizeof(told));
	told = secret_of(find(&l[1], "EXPORTER_SECRET"), e);
	assert_memory_equal(&told, &e->w->post.exporter, sizeof(told));
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void key_log12(void **state)
{
	static const char *const labels[] = { "CLIENT_RANDOM" };
	static struct log l[2];
	struct leat_config *c = logged(LEAT_CLIENT, true, &l[0]);
	struct leat_config *s = logged(LEAT_SERVER, true, &l[1]);
	struct leat_secret told;
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	logs_agree(l, labels, 1);
	told = secret_of(find(&l[0], "CLIENT_RANDOM"), d.side[1].e);
	assert_int_equal(told.n, 48);
	assert_memory_equal(&told, &d.side[1].e->w->post.exporter, sizeof(told));
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static int setup(void **state)
{
	(void)state;
	client = ids_config(LEAT_CLIENT, KEY_NONE, NULL);
	server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	client12 = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", NULL);
	server12 = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(client);
	leat_config_unref(server);
	leat_config_unref(client12);
	leat_config_unref(server12);
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(different_requests_differ),
		cmocka_unit_test(key_updates_do_not_matter),
		cmocka_unit_test(not_before_the_end),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(not_from_the_dead),
		cmocka_unit_test(not_without_ems),
		cmocka_unit_test(after_hand_over),
		cmocka_unit_test(bindings_agree),
		cmocka_unit_test(tls_exporter_is_an_exporter),
		cmocka_unit_test(names_and_no_names),
		cmocka_unit_test(end_point_hashes),
		cmocka_unit_test(no_end_point_of_garbage),
		cmocka_unit_test(no_end_point_without_a_certificate),
		cmocka_unit_test(key_log13),
		cmocka_unit_test(key_log12),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

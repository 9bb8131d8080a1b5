/* SPDX-License-Identifier: Apache-2.0
 *
 * t_record_limit.c - record_size_limit (RFC 8449) and max_fragment_length (RFC 6066 4): what is agreed,
 * that no record on the wire is longer, that a longer one is refused, and every answer that must not be.
 *
 * REQ: F-rsl F-mfl
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"
#include "tamper.h"

#include "engine/engine.h"
#include "engine/engine_int.h"

#define A(name)       LEAT_ALERT_##name
#define NUM(a)        (sizeof(a) / sizeof((a)[0]))
#define WITHOUT(m, e) ((m)->has &= ~EXT_BIT(e))
#define WITH(m, e)    ((m)->has |= EXT_BIT(e))

/* ---- over engines: what is on the wire ---- */

struct seen {
	size_t clear, sealed; /* longest fragment of each kind; sealed: without tag and nonce */
};

static size_t overhead(const struct leat_engine *e)
{
	enum aead_id a = engine_suite(e) ? engine_suite(e)->aead : AEAD_AES_128_GCM;

	return aead_tag_len(a) + aead_explicit_len(a, e->version);
}

/* Passes what `from` has to say, looking at each record. */
static void watch(struct duo *d, enum leat_role from, struct seen *seen)
{
	struct duo_side *s = &d->side[from];
	const uint8_t *p;
	size_t at = 0, n;
	bool ccs = s->e->up && s->wire.n == 0; /* TLS 1.2: sealed from then on */

	duo_pull(s);
	for (p = s->wire.p; at < s->wire.n; at += 5 + n) {
		bool sealed;

		n = (size_t)p[at + 3] << 8 | p[at + 4];
		sealed = s->e->version == LEAT_TLS13 ? p[at] == 23 : ccs;
		if (p[at] == 20)
			ccs = true;
		else if (sealed && n - overhead(s->e) > seen->sealed)
			seen->sealed = n - overhead(s->e);
		else if (!sealed && n > seen->clear)
			seen->clear = n;
	}
	(void)!duo_pass(d, from);
}

static void run_watched(struct duo *d, struct seen seen[2])
{
	memset(seen, 0, 2 * sizeof(seen[0]));
	for (int i = 0; i < 8; i++)
		watch(d, (enum leat_role)(i % 2), &seen[i % 2]);
	assert_true(leat_engine_wants(d->side[0].e) & leat_engine_wants(d->side[1].e) & LEAT_IS_UP);
}

/* A lot of data one way; returns the longest record. */
static size_t say_watched(struct duo *d, enum leat_role from)
{
	struct leat_span data = vec_noise(60000);
	struct seen seen = { 0 };
	size_t at = 0, taken;

	while (at < data.n) {
		assert_int_not_equal(
			leat_engine_write(d->side[from].e, data.p + at, data.n - at, &taken),
			LEAT_FAILED);
		at += taken;
		watch(d, from, &seen);
	}
	assert_int_equal(d->side[!from].got.n, data.n);
	assert_memory_equal(d->side[!from].got.p, data.p, data.n);
	leat_wr_clear(&d->side[!from].got);
	assert_int_equal(seen.clear, 0);
	return seen.sealed;
}

static void both_ways(const char *version, const char *suite, unsigned c_size, unsigned s_size)
{
	char c_text[60], s_text[60], v_text[60], suite_text[80];
	unsigned type = strcmp(version, "tlsv1.3") == 0 ? 1 : 0, top = LIM_PLAINTEXT + type;
	unsigned to_c = c_size < top ? c_size : top, to_s = s_size < top ? s_size : top;
	struct leat_config *c, *s;
	struct leat_engine_info info;
	struct seen seen[2];
	struct duo d;

	snprintf(c_text, sizeof(c_text), "record_size_limit=%u", c_size);
	snprintf(s_text, sizeof(s_text), "record_size_limit=%u", s_size);
	snprintf(v_text, sizeof(v_text), "versions=%s", version);
	snprintf(suite_text, sizeof(suite_text), "ciphers=%s", suite);
	c = ids_config(LEAT_CLIENT, KEY_NONE, v_text, suite_text, c_text, NULL);
	s = ids_config(LEAT_SERVER, KEY_EC_P256, v_text, suite_text, s_text, NULL);
	duo_open(&d, c, s, "localhost");
	run_watched(&d, seen);
	assert_true(seen[LEAT_SERVER].sealed <= to_c);
	assert_true(seen[LEAT_CLIENT].sealed <= to_s);
	assert_int_equal(say_watched(&d, LEAT_SERVER), to_c);
	assert_int_equal(say_watched(&d, LEAT_CLIENT), to_s);
	leat_engine_info(d.side[LEAT_CLIENT].e, &info);
	assert_int_equal(info.record_tx, to_s - type);
	assert_int_equal(info.record_rx, to_c - type);
	leat_engine_info(d.side[LEAT_SERVER].e, &info);
	assert_int_equal(info.record_tx, to_c - type);
	assert_int_equal(info.record_rx, to_s - type);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void sizes_are_kept(void **state)
{
	static const unsigned sizes[] = { 64, 65, 100, 512, 1000, 4096, 16383, 16384, 16385 };

	(void)state;
	for (size_t i = 0; i < NUM(sizes); i++) {
		both_ways("tlsv1.3", "TLS_AES_128_GCM_SHA256", sizes[i], sizes[NUM(sizes) - 1 - i]);
		both_ways("tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", sizes[i],
			sizes[NUM(sizes) - 1 - i]);
	}
	both_ways("tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256", 64, 777);
	both_ways("tlsv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", 64, 777);
}

/* A server that does not know it, a client that does not say it: full records. */
static void silence_changes_nothing(void **state)
{
	static const char *const rows[][2] = {
		{ "record_size_limit=0", "record_size_limit=64" },
		{ "record_size_limit=64", "record_size_limit=0" },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, rows[i][0], NULL);
		struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, rows[i][1], NULL);
		struct seen seen[2];
		struct duo d;

		duo_open(&d, c, s, "localhost");
		run_watched(&d, seen);
		assert_int_equal(say_watched(&d, LEAT_CLIENT), LIM_PLAINTEXT + 1);
		assert_int_equal(say_watched(&d, LEAT_SERVER), LIM_PLAINTEXT + 1);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

static void fragments_are_kept(void **state)
{
	static const unsigned sizes[] = { 512, 1024, 2048, 4096 };
	char text[60];

	(void)state;
	for (size_t i = 0; i < 2 * NUM(sizes); i++) {
		bool v12 = i % 2;
		unsigned n = sizes[i / 2];
		struct leat_config *c, *s;
		struct seen seen[2];
		struct duo d;

		snprintf(text, sizeof(text), "max_fragment_length=%u", n);
		c = ids_config(LEAT_CLIENT, KEY_NONE, text,
			v12 ? "versions=tlsv1.2" : "versions=tlsv1.3", NULL);
		s = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
		duo_open(&d, c, s, "localhost");
		run_watched(&d, seen);
		/* RFC 6066 4: handshake messages too; the chain is longer than 512 bytes */
		if (v12)
			assert_true(seen[LEAT_SERVER].clear <= n);
		if (v12 && n == 512)
			assert_int_equal(seen[LEAT_SERVER].clear, n);
		for (int r = 0; r < 2; r++) {
			assert_true(seen[r].sealed <= n + !v12);
			assert_int_equal(say_watched(&d, (enum leat_role)r), n + !v12);
		}
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* RFC 8449 5: record_size_limit wins. */
static void the_newer_one_wins(void **state)
{
	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, "max_fragment_length=512",
			"record_size_limit=3000", v12 ? "versions=tlsv1.2" : "versions=tlsv1.3",
			NULL);
		struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
		struct leat_config *old = ids_config(
			LEAT_SERVER, KEY_EC_P256, "record_size_limit=0", NULL);
		struct seen seen[2];
		struct duo d;

		duo_open(&d, c, s, "localhost");
		run_watched(&d, seen);
		assert_int_equal(say_watched(&d, LEAT_SERVER), 3000);
		assert_int_equal(say_watched(&d, LEAT_CLIENT), LIM_PLAINTEXT + !v12);
		duo_close(&d);
		duo_open(&d, c, old, "localhost");
		run_watched(&d, seen);
		assert_int_equal(say_watched(&d, LEAT_SERVER), 512 + !v12);
		assert_int_equal(say_watched(&d, LEAT_CLIENT), 512 + !v12);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
		leat_config_unref(old);
	}
}

/* ---- a peer that does not keep to it ---- */

/* `from` sends one record of n bytes of content and pad of padding, whatever was agreed. */
static enum leat_ret send_raw(struct duo *d, enum leat_role from, size_t n, size_t pad)
{
	struct leat_engine *e = d->side[from].e;
	struct leat_span data = vec_noise(n);
	uint8_t *buf = malloc(n + pad + 64);
	enum leat_ret r;
	size_t len;

	assert_non_null(buf);
	e->rec->tx.max = 0;
	len = rec_seal(&e->rec->tx, REC_DATA, data.p, n, pad, LEAT_TLS12, buf, &e->w->err);
	assert_true(len > 0);
	r = duo_feed(d, !from, buf, len);
	free(buf);
	return r;
}

static void longer_records_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		bool v12 = i & 1, mfl = i & 2;
		enum leat_role from = i & 4 ? LEAT_CLIENT : LEAT_SERVER;
		struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE,
			mfl ? "max_fragment_length=1024" : "record_size_limit=1024",
			v12 ? "versions=tlsv1.2" : "versions=tlsv1.3", NULL);
		struct leat_config *s = ids_config(
			LEAT_SERVER, KEY_EC_P256, "record_size_limit=1024", NULL);
		/* RFC 8449 counts the content type of TLS 1.3 */
		size_t top = !v12 && !mfl ? 1023 : 1024;
		struct duo d;

		duo_open(&d, c, s, "localhost");
		assert_true(duo_run(&d));
		assert_int_equal(send_raw(&d, from, top - 1, 0), LEAT_OK);
		assert_int_equal(send_raw(&d, from, top, 0), LEAT_OK);
		if (!v12) {
			assert_int_equal(send_raw(&d, from, top - 100, 100), LEAT_OK);
			assert_int_equal(send_raw(&d, from, 0, top), LEAT_OK);
		}
		if (!v12 && i >= 8) /* padding counts */
			assert_int_equal(send_raw(&d, from, top - 100, 101), LEAT_FAILED);
		else
			assert_int_equal(send_raw(&d, from, top + 1, 0), LEAT_FAILED);
		assert_int_equal(leat_engine_error(d.side[!from].e)->alert, A(RECORD_OVERFLOW));
		assert_int_equal(leat_engine_error(d.side[!from].e)->cls, LEAT_E_OUR_ALERT);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* max_fragment_length holds in cleartext, record_size_limit does not (RFC 8449 4). */
static void cleartext(void **state)
{
	(void)state;
	for (int mfl = 0; mfl < 2; mfl++) {
		struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE,
			mfl ? "max_fragment_length=512" : "record_size_limit=512",
			"versions=tlsv1.2", NULL);
		struct leat_config *s = ids_config(
			LEAT_SERVER, KEY_EC_P256, "record_size_limit=512", NULL);
		uint8_t hdr[5 + 600] = { 22, 3, 3, 2, 1, /* 513 */ 16, 0, 2, 88 };
		struct duo d;

		duo_open(&d, c, s, "localhost");
		(void)!duo_pass(&d, LEAT_CLIENT);
		duo_pull(&d.side[LEAT_SERVER]);
		assert_int_equal(
			duo_feed(&d, LEAT_SERVER, hdr, 5 + 513), mfl ? LEAT_FAILED : LEAT_OK);
		assert_int_equal(leat_engine_error(d.side[LEAT_SERVER].e)->alert,
			mfl ? A(RECORD_OVERFLOW) : 0);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* Keys change, what was agreed stays. */
static void key_updates_change_nothing(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, "record_size_limit=300", NULL);
	struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, "record_size_limit=400", NULL);
	struct seen seen[2];
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	run_watched(&d, seen);
	for (int r = 0; r < 2; r++) {
		struct leat_engine *e = d.side[r].e;

		assert_int_equal(
			hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, true, &e->w->err),
			LEAT_OK);
		assert_int_equal(out_flush(e), LEAT_OK);
		assert_true(duo_run(&d));
		leat_engine_rest(e);
		assert_int_equal(say_watched(&d, (enum leat_role)r), r ? 300 : 400);
	}
	assert_int_equal(send_raw(&d, LEAT_SERVER, 300, 0), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[LEAT_CLIENT].e)->alert, A(RECORD_OVERFLOW));
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* ---- messages that say what must not be said ---- */

static void want_size(struct leat_config *client, struct leat_config *server)
{
	(void)server;
	pair_set(client, "record_size_limit", "1000");
}
static void want_fragment(struct leat_config *client, struct leat_config *server)
{
	(void)server;
	pair_set(client, "max_fragment_length", "1024");
}
static void want_both(struct leat_config *client, struct leat_config *server)
{
	want_size(client, server);
	want_fragment(client, server);
}
static void want_no_size(struct leat_config *client, struct leat_config *server)
{
	(void)client;
	pair_set(server, "record_size_limit", "0");
}

#define ANSWERS(prefix, type)                           \
	static void prefix##_size_63(struct type *m)    \
	{                                               \
		m->record_size = 63;                    \
	}                                               \
	static void prefix##_size_0(struct type *m)     \
	{                                               \
		m->record_size = 0;                     \
	}                                               \
	static void prefix##_size_over(struct type *m)  \
	{                                               \
		m->record_size = 16386;                 \
	}                                               \
	static void prefix##_both(struct type *m)       \
	{                                               \
		WITH(m, EXT_MAX_FRAGMENT);              \
		m->max_fragment = 2;                    \
	}                                               \
	static void prefix##_fragment(struct type *m)   \
	{                                               \
		WITH(m, EXT_MAX_FRAGMENT);              \
		m->max_fragment = 2;                    \
	}                                               \
	static void prefix##_size(struct type *m)       \
	{                                               \
		WITH(m, EXT_RECORD_SIZE);               \
		m->record_size = 64;                    \
	}                                               \
	static void prefix##_fragment_1(struct type *m) \
	{                                               \
		m->max_fragment = 1;                    \
	}                                               \
	static void prefix##_fragment_5(struct type *m) \
	{                                               \
		m->max_fragment = 5;                    \
	}                                               \
	static void prefix##_fragment_0(struct type *m) \
	{                                               \
		m->max_fragment = 0;                    \
	}

ANSWERS(ee, encrypted_ext)
ANSWERS(sh, server_hello)

static void sh_size_over12(struct server_hello *m)
{
	m->record_size = 16385;
}

#define ROW(field_, message, fn, al, ...)                                                       \
	{                                                                                       \
		.name = #fn, .from = LEAT_SERVER, .msg = message, .alert = A(al), .field_ = fn, \
		__VA_ARGS__                                                                     \
	}
#define ROWS(p, m)                                                                    \
	ROW(p, m, p##_size_63, ILLEGAL_PARAMETER, .setup = want_size),                \
		ROW(p, m, p##_size_0, ILLEGAL_PARAMETER, .setup = want_size),         \
		ROW(p, m, p##_size_over, ILLEGAL_PARAMETER, .setup = want_size),      \
		ROW(p, m, p##_both, ILLEGAL_PARAMETER, .setup = want_both),           \
		ROW(p, m, p##_fragment, UNSUPPORTED_EXTENSION, .setup = want_size),   \
		ROW(p, m, p##_fragment, UNSUPPORTED_EXTENSION),                       \
		ROW(p, m, p##_size, UNSUPPORTED_EXTENSION),                           \
		ROW(p, m, p##_size, UNSUPPORTED_EXTENSION, .setup = want_fragment),   \
		ROW(p, m, p##_fragment_1, ILLEGAL_PARAMETER, .setup = want_fragment), \
		ROW(p, m, p##_fragment_5, ILLEGAL_PARAMETER, .setup = want_fragment), \
		ROW(p, m, p##_fragment_0, ILLEGAL_PARAMETER, .setup = want_fragment)

static void bad_answers(void **state)
{
	struct tamper rows13[] = { ROWS(ee, MSG_ENCRYPTED_EXT) };
	struct tamper rows12[] = { ROWS(sh, MSG_SERVER_HELLO),
		ROW(sh, MSG_SERVER_HELLO, sh_size_over12, ILLEGAL_PARAMETER, .setup = want_size) };

	(void)state;
	for (size_t i = 0; i < NUM(rows13); i++)
		tamper_run(&rows13[i], KEY_EC_P256, "tlsv1.3");
	for (size_t i = 0; i < NUM(rows12); i++)
		tamper_run(&rows12[i], KEY_EC_P256, "tlsv1.2");
}

static void ch_size_63(struct client_hello *m)
{
	WITH(m, EXT_RECORD_SIZE);
	m->record_size = 63;
}
static void ch_fragment_0(struct client_hello *m)
{
	WITH(m, EXT_MAX_FRAGMENT);
	m->max_fragment = 0;
}
static void ch_fragment_5(struct client_hello *m)
{
	WITH(m, EXT_MAX_FRAGMENT);
	m->max_fragment = 5;
}
static void ch_fragment_255(struct client_hello *m)
{
	WITH(m, EXT_MAX_FRAGMENT);
	m->max_fragment = 255;
}
static void ch_both_and_bad(struct client_hello *m)
{
	WITH(m, EXT_RECORD_SIZE);
	m->record_size = 1000;
	ch_fragment_5(m);
}

static void bad_hellos(void **state)
{
#define CH(fn, ...)                                                        \
	{                                                                  \
		.name = #fn, .from = LEAT_CLIENT, .msg = MSG_CLIENT_HELLO, \
		.alert = A(ILLEGAL_PARAMETER), .ch = fn, __VA_ARGS__       \
	}
	struct tamper rows[] = {
		CH(ch_size_63),
		CH(ch_fragment_0),
		CH(ch_fragment_5),
		CH(ch_fragment_255),
		CH(ch_both_and_bad, .setup = want_no_size),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		for (int v12 = 0; v12 < 2; v12++) {
			struct tamper t = rows[i];

			tamper_run(&t, KEY_EC_P256, v12 ? "tlsv1.2" : "tlsv1.3");
		}
}

/* RFC 8449 5: "MUST ignore a "max_fragment_length" [...] if both extensions appear": a bad one too. Then
 * the hellos differ on both sides, which Finished brings to light. */
static void a_bad_fragment_is_not_looked_at(void **state)
{
	struct tamper t = { .name = "ignored",
		.from = LEAT_CLIENT,
		.msg = MSG_CLIENT_HELLO,
		.ch = ch_both_and_bad };
	struct pair p = { .on_unit = tamper_unit, .arg = &t, .any_level = true };

	(void)state;
	pair_init(&p, pair_client_config(), pair_server_config(KEY_EC_P256), NULL);
	assert_int_equal(pair_run(&p), LEAT_FAILED);
	assert_int_equal(p.side[LEAT_SERVER].err.cls, LEAT_E_NONE);
	assert_int_equal(p.side[LEAT_SERVER].limit[LEAT_TX], 999);
	assert_int_equal(p.side[LEAT_SERVER].limit[LEAT_RX], LIM_PLAINTEXT);
	assert_false(p.side[LEAT_SERVER].limit_clear);
	pair_clear(&p);
}

/* A limit beyond what we know is somebody else's extension (RFC 8449 4). */
static void ch_size_65535(struct client_hello *m)
{
	WITH(m, EXT_RECORD_SIZE);
	m->record_size = 65535;
}
static void a_high_limit_is_taken(void **state)
{
	struct tamper t = {
		.name = "high", .from = LEAT_CLIENT, .msg = MSG_CLIENT_HELLO, .ch = ch_size_65535
	};
	struct pair p = { .on_unit = tamper_unit, .arg = &t, .any_level = true };

	(void)state;
	pair_init(&p, pair_client_config(), pair_server_config(KEY_EC_P256), NULL);
	assert_int_equal(pair_run(&p), LEAT_FAILED); /* Finished */
	assert_int_equal(p.side[LEAT_SERVER].err.cls, LEAT_E_NONE);
	assert_int_equal(p.side[LEAT_SERVER].limit[LEAT_TX], LIM_PLAINTEXT);
	pair_clear(&p);
}

/* RFC 8446 4.1.2: neither may change after a HelloRetryRequest. */
static void retry_other_sizes(void **state)
{
	static void (*const changes[])(struct client_hello * m) = { ch_size_65535, ch_fragment_5 };

	(void)state;
	for (size_t i = 0; i < NUM(changes); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct tamper t = { .name = "after retry",
			.from = LEAT_CLIENT,
			.msg = MSG_CLIENT_HELLO,
			.ch = changes[i],
			.skip = 1 };
		struct pair p = { .on_unit = tamper_unit, .arg = &t, .any_level = true };

		pair_set(c, "record_size_limit", "1000");
		pair_set(s, "groups", "secp521r1");
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(ILLEGAL_PARAMETER));
		assert_true(t.hit);
		pair_clear(&p);
	}
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_kept),
		cmocka_unit_test(silence_changes_nothing),
		cmocka_unit_test(fragments_are_kept),
		cmocka_unit_test(the_newer_one_wins),
		cmocka_unit_test(longer_records_are_refused),
		cmocka_unit_test(cleartext),
		cmocka_unit_test(key_updates_change_nothing),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(bad_hellos),
		cmocka_unit_test(a_bad_fragment_is_not_looked_at),
		cmocka_unit_test(a_high_limit_is_taken),
		cmocka_unit_test(retry_other_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_packed.c - certificates packed as RFC 8879 says: each algorithm, who chooses, what is kept, and every
 * way a server may get it wrong.
 *
 * REQ: F-certcomp
 */
#include "packkit.h"
#include "tamper.h"

#include "base/mem.h"
#include "pki.h"
#include "x509/cred.h"

#define SPAN(...) \
	vec_copy((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* What went over the wire in place of Certificate. */
struct seen {
	unsigned plain, packed;
	struct compressed_cert c;
};

static bool look(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct seen *s = arg;
	uint8_t alert;

	(void)p;
	if (from != LEAT_SERVER || u->type != REC_HANDSHAKE)
		return true;
	s->plain += u->p[0] == MSG_CERT;
	if (u->p[0] == MSG_COMPRESSED_CERT) {
		struct leat_span copy = vec_copy(u->p + 4, u->n - 4);

		s->packed++;
		assert_true(dec_compressed_cert(copy, &s->c, &alert));
	}
	return true;
}

static struct seen connect(struct leat_config *c, struct leat_config *s)
{
	struct seen seen = { 0 };
	struct pair p = { .on_unit = look, .arg = &seen };
	struct hs_facts f;

	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	for (int side = 0; side < 2; side++) {
		hs_facts(p.side[side].hs, &f);
		assert_int_equal(
			f.packed_by ? f.packed_by->id : 0, seen.packed ? seen.c.algorithm : 0);
	}
	pair_clear(&p);
	return seen;
}

static void each_algorithm(void **state)
{
	static const char *const names[] = { "zlib", "brotli", "zstd" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
		struct seen seen;

		pair_set(c, "cert_compression", names[i]);
		pair_set(s, "cert_compression", "brotli,zstd,zlib");
		seen = connect(c, s);
		assert_int_equal(seen.packed, 1);
		assert_int_equal(seen.plain, 0);
		assert_int_equal(seen.c.algorithm, i + 1);
		assert_true(seen.c.data.n < seen.c.length);
	}
}

/* The server's order decides; the client's is only a list of what it can. */
static void the_servers_order(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
	struct seen seen;

	(void)state;
	pair_set(c, "cert_compression", "zlib,brotli,zstd");
	pair_set(s, "cert_compression", "zstd,zlib");
	seen = connect(c, s);
	assert_int_equal(seen.c.algorithm, ZIP_ZSTD);
}

static void plain_where_one_side_has_none(void **state)
{
	static const struct {
		const char *client, *server, *versions;
	} rows[] = {
		{ "none", "zlib", "tlsv1.3" }, { "zlib", "none", "tlsv1.3" },
		{ "zlib", "zstd,brotli", "tlsv1.3" },
		{ "zlib", "zlib", "tlsv1.2" }, /* RFC 8879 3: TLS 1.3 only */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
		struct seen seen;

		pair_set(c, "cert_compression", rows[i].client);
		pair_set(s, "cert_compression", rows[i].server);
		pair_set(c, "versions", rows[i].versions);
		seen = connect(c, s);
		assert_int_equal(seen.packed, 0);
		assert_int_equal(seen.plain, 1);
	}
}

/* A client that only speaks TLS 1.2 does not offer it at all. */
static bool no_offer(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct client_hello ch;
	uint8_t alert;

	(void)p;
	if (from == LEAT_CLIENT && u->type == REC_HANDSHAKE && u->p[0] == MSG_CLIENT_HELLO) {
		assert_true(
			dec_client_hello((struct leat_span){ u->p + 4, u->n - 4 }, &ch, &alert));
		*(uint64_t *)arg = ch.has;
	}
	return true;
}

static void not_offered_below_13(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_RSA);
	uint64_t has = 0;
	struct pair p = { .on_unit = no_offer, .arg = &has };

	(void)state;
	pair_set(c, "cert_compression", "zlib");
	pair_set(c, "versions", "tlsv1.2");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_true(has);
	assert_false(has & EXT_BIT(EXT_COMPRESS_CERT));
	pair_clear(&p);
}

/* The packed form is made once: the second handshake gets the very same bytes, and allocates less. */
static void packed_once(void **state)
{
	struct leat_config *s = pair_server_config(KEY_RSA);
	struct leat_err err = { 0 };
	const struct packed *first, *second;
	struct attach *a;

	(void)state;
	pair_set(s, "cert_compression", "zlib");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	a = cred_attach(s->creds[0]);
	assert_null(attach_packed(a, zip_by_id(ZIP_ZLIB), 0));
	for (int i = 0; i < 2; i++) {
		struct leat_config *c = pair_client_config();

		pair_set(c, "cert_compression", "zlib");
		assert_int_equal(connect(c, leat_config_ref(s)).packed, 1);
		if (i == 0)
			first = attach_packed(a, zip_by_id(ZIP_ZLIB), 0);
	}
	second = attach_packed(a, zip_by_id(ZIP_ZLIB), 0);
	assert_non_null(first);
	assert_ptr_equal(first, second);
	attach_unref(a);
	leat_config_unref(s);
}

/* ---- what a server may get wrong ---- */

static void client_offers(struct leat_config *c, struct leat_config *s)
{
	(void)s;
	pair_set(c, "cert_compression", "zlib,zstd");
}

static void wrong(const char *name, uint8_t alert, void (*raw)(struct pair_unit *u),
	void (*setup)(struct leat_config *c, struct leat_config *s))
{
	struct tamper t = { .name = name,
		.from = LEAT_SERVER,
		.msg = MSG_CERT,
		.alert = alert,
		.raw = raw,
		.setup = setup };

	tamper_run(&t, KEY_EC_P256, NULL);
	pack_bend = (struct pack_bend){ .algorithm = ZIP_ZLIB };
}

static void what_goes_wrong(void **state)
{
	(void)state;
	pack_bend.algorithm = ZIP_ZLIB;
	wrong("not asked for", LEAT_ALERT_UNEXPECTED_MESSAGE, pack_unit, NULL);
	pack_bend.algorithm = ZIP_BROTLI;
	wrong("algorithm not offered", LEAT_ALERT_ILLEGAL_PARAMETER, pack_unit, client_offers);
	pack_bend.algorithm = 0x0a0a;
	wrong("algorithm of nobody", LEAT_ALERT_ILLEGAL_PARAMETER, pack_unit, client_offers);
	pack_bend.length_off = 1;
	wrong("length one too long", LEAT_ALERT_BAD_CERTIFICATE, pack_unit, client_offers);
	pack_bend.length_off = -1;
	wrong("length one too short", LEAT_ALERT_BAD_CERTIFICATE, pack_unit, client_offers);
	pack_bend.cut_by = 1;
	wrong("cut", LEAT_ALERT_BAD_CERTIFICATE, pack_unit, client_offers);
	pack_bend.garbage = true;
	wrong("garbage", LEAT_ALERT_BAD_CERTIFICATE, pack_unit, client_offers);
	pack_bend.algorithm = ZIP_ZSTD;
	pack_bend.garbage = true;
	wrong("garbage, zstd", LEAT_ALERT_BAD_CERTIFICATE, pack_unit, client_offers);
	wrong("longer than max_handshake_size", LEAT_ALERT_BAD_CERTIFICATE, pack_bomb,
		client_offers);
	wrong("envelope malformed", LEAT_ALERT_DECODE_ERROR, pack_malformed, client_offers);
	pack_bend.grow = true;
	wrong("a byte behind the Certificate", LEAT_ALERT_DECODE_ERROR, pack_unit, client_offers);
	wrong("no certificate inside", LEAT_ALERT_DECODE_ERROR, pack_no_certificate, client_offers);
	wrong("a context inside", LEAT_ALERT_ILLEGAL_PARAMETER, pack_context, client_offers);
}

/* The limit on what is unpacked: one below, at, one above. */
static void unpacked_length_is_limited(void **state)
{
	struct leat_config *s = pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };
	size_t n = 4;

	(void)state;
	for (size_t i = 0; i < cred_num(s->creds[0]); i++)
		n += 3 + cred_cert(s->creds[0], i).n + 2;
	pair_set(s, "cert_compression", "zlib");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	for (int off = -1; off <= 1; off++) {
		struct leat_config *c = pair_client_config();
		struct pair p = { 0 };
		char max[16];

		snprintf(max, sizeof(max), "%zu", (size_t)((long)n + off));
		pair_set(c, "cert_compression", "zlib");
		pair_set(c, "max_handshake_size", max);
		pair_init(&p, c, leat_config_ref(s), NULL);
		if (off < 0)
			pair_must_refuse(&p, LEAT_CLIENT, LEAT_ALERT_BAD_CERTIFICATE);
		else
			pair_must_connect(&p);
		pair_clear(&p);
	}
	leat_config_unref(s);
}

/* ---- options ---- */

static void options(void **state)
{
	static const char *const bad[] = { "", "gzip", "zlib,zlib", "none,zlib", "zlib,", "1" };
	struct leat_config *c = pair_client_config();
	struct leat_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(leat_config_set(c, "cert_compression", bad[i], &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_OPTION);
	}
	pair_set(c, "cert_compression", "zstd,zlib");
	assert_int_equal(c->zips.n, 2);
	assert_int_equal(c->zips.v[0]->id, ZIP_ZSTD);
	pair_set(c, "cert_compression", "none");
	assert_int_equal(c->zips.n, 0);
	leat_config_unref(c);
}

/* ---- memory ---- */

static void each_allocation_failing(void **state)
{
	unsigned long total = 0, packed_anyway = 0;

	(void)state;
	for (unsigned long nth = 0; nth == 0 || nth <= total; nth++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct leat_err err = { 0 };
		struct seen seen = { 0 };
		struct pair p = { .on_unit = look, .arg = &seen };
		enum leat_ret r;

		pair_set(c, "cert_compression", "zlib");
		pair_set(s, "cert_compression", "zlib");
		assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
		assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
		(void)leat_mem_fail_at(nth);
		r = pair_try_init(&p, c, s, "localhost");
		if (r == LEAT_OK)
			r = pair_run(&p);
		if (nth == 0)
			total = leat_mem_fail_at(0);
		(void)leat_mem_fail_at(0);
		/* packing is a courtesy: without memory for it the plain form goes out */
		if (r == LEAT_OK && seen.plain)
			packed_anyway++;
		assert_true(r == LEAT_OK || p.side[0].err.cls || p.side[1].err.cls);
		pair_clear(&p);
	}
	assert_true(total > 20);
	assert_true(packed_anyway > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_algorithm),
		cmocka_unit_test(the_servers_order),
		cmocka_unit_test(plain_where_one_side_has_none),
		cmocka_unit_test(not_offered_below_13),
		cmocka_unit_test(packed_once),
		cmocka_unit_test(what_goes_wrong),
		cmocka_unit_test(unpacked_length_is_limited),
		cmocka_unit_test(options),
		cmocka_unit_test(each_allocation_failing),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	pki_done();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_choose.c - hs/choose.c: negotiation as a function of a config and a ClientHello, without machines.
 *
 * REQ: F-multi-cert
 */
#include "fakekem.h"
#include "vec.h"

#include <openssl/evp.h>

#include "hs/choose.h"
#include "pair.h"
#include "pki.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))
#define SPAN(...) \
	vec_copy((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define LIST(...) list16((const uint16_t[]){ __VA_ARGS__, 0 })

/* A list of 16-bit numbers as on the wire; ends at the first 0. */
static struct leat_span list16(const uint16_t *v)
{
	uint8_t b[64];
	size_t n = 0;

	for (; *v; v++) {
		b[n++] = (uint8_t)(*v >> 8);
		b[n++] = (uint8_t)*v;
	}
	return vec_copy(b, n);
}

static struct leat_config *server(enum key_kind k, const char *groups, bool server_order)
{
	struct leat_config *c = pair_server_config(k);

	if (groups)
		pair_set(c, "groups", groups);
	pair_set(c, "honor_cipher_order", server_order ? "true" : "false");
	return c;
}

/* ---- versions ---- */

static void versions(void **state)
{
	static const struct {
		uint16_t min, max;      /* ours */
		uint16_t legacy;        /* the client's */
		uint16_t list[4];       /* its supported_versions; none: no extension */
		uint16_t version, most; /* what is chosen, and what the client could */
	} rows[] = {
		{ LEAT_TLS12, LEAT_TLS13, 0x0303, { 0x0304, 0x0303 }, 0x0304, 0x0304 },
		{ LEAT_TLS12, LEAT_TLS13, 0x0303, { 0x0303, 0x0304 }, 0x0304, 0x0304 },
		{ LEAT_TLS12, LEAT_TLS13, 0x0303, { 0x0303 }, 0x0303, 0x0303 },
		{ LEAT_TLS12, LEAT_TLS12, 0x0303, { 0x0304, 0x0303 }, 0x0303, 0x0304 },
		{ LEAT_TLS13, LEAT_TLS13, 0x0303, { 0x0303 }, 0, 0x0303 },
		/* GREASE and the unknown: skipped, never counted as higher */
		{ LEAT_TLS12, LEAT_TLS13, 0x0303, { 0x7a7a, 0x0305, 0x0303 }, 0x0303, 0x0303 },
		{ LEAT_TLS12, LEAT_TLS13, 0x0303, { 0x7a7a, 0x0302 }, 0, 0x0302 },
		/* with the extension legacy_version says nothing */
		{ LEAT_TLS12, LEAT_TLS13, 0x0301, { 0x0304 }, 0x0304, 0x0304 },
		/* RFC 8446 4.2.1: without it TLS 1.2 or prior, even if legacy_version is 0x0304 or later */
		{ LEAT_TLS12, LEAT_TLS13, 0x0303, { 0 }, 0x0303, 0x0303 },
		{ LEAT_TLS12, LEAT_TLS13, 0x0304, { 0 }, 0x0303, 0x0303 },
		{ LEAT_TLS12, LEAT_TLS13, 0xfefe, { 0 }, 0x0303, 0x0303 },
		{ LEAT_TLS12, LEAT_TLS13, 0x0302, { 0 }, 0, 0x0302 },
		{ LEAT_TLS12, LEAT_TLS13, 0x0300, { 0 }, 0, 0x0300 },
		{ LEAT_TLS13, LEAT_TLS13, 0x0304, { 0 }, 0, 0x0303 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config cfg = { .min_version = rows[i].min, .max_version = rows[i].max };
		struct client_hello ch = { .legacy_version = rows[i].legacy };

		if (rows[i].list[0]) {
			ch.has = EXT_BIT(EXT_VERSIONS);
			ch.versions = list16(rows[i].list);
		}
		assert_int_equal(choose_version(&cfg, &ch), rows[i].version);
		assert_int_equal(choose_client_max(&ch), rows[i].most);
	}
}

/* ---- TLS 1.3 groups ---- */

static struct leat_span shares_of(const uint16_t *groups)
{
	uint8_t b[64];
	size_t n = 0;

	for (; *groups; groups++) {
		b[n++] = (uint8_t)(*groups >> 8);
		b[n++] = (uint8_t)*groups;
		b[n++] = 0;
		b[n++] = 1;
		b[n++] = (uint8_t)*groups; /* so that shares can be told apart */
	}
	return vec_copy(b, n);
}

static void groups13(void **state)
{
	static const struct {
		const char *ours;
		bool server_order;
		uint16_t groups[4], shares[4], want;
		bool retry;
	} rows[] = {
#define X GROUP_X25519
#define P GROUP_SECP256R1
#define Q GROUP_SECP384R1
		{ "x25519,secp256r1", true, { P, X }, { P, X }, X, false },
		{ "x25519,secp256r1", false, { P, X }, { P, X }, P, false },
		/* a share at hand beats a better group without */
		{ "x25519,secp256r1", true, { X, P }, { P }, P, false },
		{ "secp384r1,secp256r1", true, { Q, P }, { P }, P, false },
		{ "secp384r1,x25519", false, { Q, X }, { X }, X, false },
		/* no share of ours: our first, or the client's first, is asked for */
		{ "secp384r1,secp256r1", true, { X, P, Q }, { X }, Q, true },
		{ "secp384r1,secp256r1", false, { X, P, Q }, { X }, P, true },
		{ "secp384r1", true, { X, Q }, { 0 }, Q, true },
		/* unknown ones are passed over */
		{ "x25519", true, { 0x2a2a, X }, { 0x2a2a, X }, X, false },
		{ "x25519", false, { 0x2a2a, X }, { 0x2a2a, X }, X, false },
		{ "x25519", true, { P, Q }, { P }, 0, false },
		{ "x25519", false, { 0x2a2a }, { 0x2a2a }, 0, false },
#define H GROUP_X25519MLKEM768
#define I GROUP_SECP256R1MLKEM768
		/* a hybrid that stands first is asked for, whatever share of another kind is there */
		{ "X25519MLKEM768,x25519", true, { X, H }, { X }, H, true },
		{ "X25519MLKEM768,x25519", true, { X, H }, { X, H }, H, false },
		{ "x25519,X25519MLKEM768", false, { H, X }, { X }, H, true },
		{ "SecP256r1MLKEM768,X25519MLKEM768,x25519", true, { X, H, I }, { X, H }, H,
			false },
		{ "SecP256r1MLKEM768,X25519MLKEM768,x25519", true, { X, H, I }, { X }, I, true },
		/* one behind a curve is not */
		{ "x25519,X25519MLKEM768", true, { H, X }, { X }, X, false },
		{ "X25519MLKEM768,x25519", false, { X, H }, { X }, X, false },
		{ "x25519,X25519MLKEM768", true, { H }, { 0 }, H, true },
		/* nor one that only we know */
		{ "X25519MLKEM768,x25519", true, { X, P }, { X }, X, false },
		{ "ffdhe2048,x25519", true, { X, GROUP_FFDHE2048 }, { X }, X, false },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = server(KEY_EC_P256, rows[i].ours, rows[i].server_order);
		struct client_hello ch = { .has = EXT_BIT(EXT_GROUPS) | EXT_BIT(EXT_KEY_SHARE),
			.groups = list16(rows[i].groups),
			.key_shares = shares_of(rows[i].shares) };
		struct leat_span share;
		const struct group *g = choose_group13(c, &ch, &share);

		assert_int_equal(g ? g->id : 0, rows[i].want);
		assert_int_equal(share.n, g && !rows[i].retry ? 1 : 0);
		if (share.n)
			assert_int_equal(share.p[0], (uint8_t)g->id);
		leat_config_unref(c);
	}
}

/* ---- suites ---- */

static void suites13(void **state)
{
	struct leat_config *c = server(KEY_RSA, NULL, true);
	struct client_hello ch = { .suites = LIST(0x1a1a, 0x1303, 0x1301, 0xc02f) };

	(void)state;
	assert_int_equal(choose_suite13(c, &ch, HASH_NONE)->id, 0x1301);
	pair_set(c, "honor_cipher_order", "false");
	assert_int_equal(choose_suite13(c, &ch, HASH_NONE)->id, 0x1303);
	/* CCM_8 is known but not ours by default; suites of TLS 1.2 never count */
	ch.suites = LIST(0x1305, 0xc02f, 0xc02b);
	assert_null(choose_suite13(c, &ch, HASH_NONE));
	ch.suites = LIST(0x00ff, 0x5600);
	assert_null(choose_suite13(c, &ch, HASH_NONE));
	leat_config_unref(c);
}

/* In TLS 1.2 the suite must fit a key, the key a scheme, and ECDHE needs a curve. */
static void suites12(void **state)
{
	static const struct {
		enum key_kind key;
		uint16_t suites[4], schemes[4], groups[4]; /* groups none: no extension */
		uint16_t suite, group;                     /* suite 0: none */
	} rows[] = {
		{ KEY_RSA, { 0xc02b, 0xc02f }, { 0x0403, 0x0804 }, { X }, 0xc02f, X },
		{ KEY_EC_P256, { 0xc02f, 0xc02b }, { 0x0403, 0x0804 }, { X, P }, 0xc02b, X },
		{ KEY_ED25519, { 0xc02f, 0xc02b }, { 0x0807 }, { X }, 0xc02b, X },
		/* RFC 5246 7.4.1.4.1: PKCS#1 is what TLS 1.2 signed with */
		{ KEY_RSA, { 0xc02f }, { 0x0401 }, { P }, 0xc02f, P },
		/* the hash decides, any curve serves (RFC 8446 4.2.3) */
		{ KEY_EC_P384, { 0xc02b }, { 0x0403 }, { X, Q }, 0xc02b, X },
		/* the certificate's curve is not among the client's (RFC 8422 5.1) */
		{ KEY_EC_P256, { 0xc02b }, { 0x0403 }, { X }, 0, 0 },
		{ KEY_EC_P256, { 0xc02b }, { 0x0403 }, { X, Q }, 0, 0 },
		/* no supported_groups: the choice is the server's (RFC 8422 4) */
		{ KEY_EC_P256, { 0xc02b }, { 0x0403 }, { 0 }, 0xc02b, X },
		{ KEY_RSA, { 0xc02b }, { 0x0403, 0x0804 }, { X }, 0, 0 },
		{ KEY_RSA, { 0xc02f }, { 0x0201, 0x0403 }, { X }, 0, 0 },
		{ KEY_RSA, { 0xc02f }, { 0 }, { X }, 0, 0 },
		{ KEY_RSA, { 0xc02f }, { 0x0804 }, { 0x2a2a, 0x0100 }, 0, 0 },
		{ KEY_RSA, { 0x1301, 0x002f }, { 0x0804 }, { X }, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = server(rows[i].key, NULL, true);
		struct client_hello ch = { .has = EXT_BIT(EXT_SIGALGS),
			.suites = list16(rows[i].suites),
			.sigalgs = list16(rows[i].schemes),
			.groups = list16(rows[i].groups) };
		struct choice12 got = { 0 };
		bool any;

		if (rows[i].groups[0])
			ch.has |= EXT_BIT(EXT_GROUPS);
		any = choose_suite12(c, &ch, "", &got);
		if (any != (rows[i].suite != 0))
			fail_msg("row %zu: %s", i, any ? got.suite->name : "none");
		if (any) {
			assert_int_equal(got.suite->id, rows[i].suite);
			assert_int_equal(got.group->id, rows[i].group);
			assert_true(list16_has(ch.sigalgs, got.auth.scheme->id));
		}
		leat_config_unref(c);
	}
}

/* ---- credentials ---- */

static void add(struct leat_config *c, const struct made *m)
{
	struct leat_err err = { 0 };
	struct leat_span none = { NULL, 0 };

	assert_int_equal(
		leat_config_add_cred(c, pki_cert_pem(m), pki_key_pem(m), none, &err), LEAT_OK);
}

static const struct made *leaf(enum key_kind k, unsigned bits, const char *name)
{
	struct make_spec s = pki_spec();
	const char *names[] = { name };

	s.key = k;
	s.rsa_bits = bits;
	s.names = names;
	s.num_names = 1;
	return pki_make(&s);
}

static void credentials_by_name(void **state)
{
	struct leat_config *c = pair_server_config(KEY_EC_P256); /* localhost */
	struct client_hello ch = { 0 };
	static const struct {
		const char *sni;
		int index;
	} rows[] = {
		{ "", 0 },
		{ "localhost", 0 },
		{ "one.test", 1 },
		{ "ONE.test", 1 },
		{ "two.test", 2 },
		{ "unknown.test", 0 }, /* RFC 6066 3 allows to go on with a default */
		{ "x.one.test", 0 },
	};

	(void)state;
	add(c, leaf(KEY_EC_P256, 0, "one.test"));
	add(c, leaf(KEY_ED25519, 0, "two.test"));
	for (size_t i = 0; i < NUM(rows); i++) {
		struct choice_cred got = { 0 };

		assert_true(choose_cred(
			c, LEAT_TLS13, LIST(0x0403, 0x0807), NULL, &ch, rows[i].sni, &got));
		assert_ptr_equal(got.cred, c->creds[rows[i].index]);
		/* a name does not help a key the peer cannot check */
		assert_true(choose_cred(c, LEAT_TLS13, LIST(0x0403), NULL, &ch, rows[i].sni, &got));
		assert_ptr_equal(got.cred, c->creds[rows[i].index == 2 ? 0 : rows[i].index]);
		assert_false(
			choose_cred(c, LEAT_TLS13, LIST(0x0804), NULL, &ch, rows[i].sni, &got));
	}
	leat_config_unref(c);
}

static void schemes(void **state)
{
	struct leat_config *c = pair_server_config(KEY_EC_P256);
	static const struct {
		enum key_kind key;
		uint16_t version, offered[6], want;
	} rows[] = {
		{ KEY_EC_P256, LEAT_TLS13, { 0x0503, 0x0403 }, 0x0403 },
		{ KEY_EC_P256, LEAT_TLS13, { 0x0503, 0x0603 }, 0 }, /* bound to its curve in 1.3 */
		{ KEY_EC_P256, LEAT_TLS12, { 0x0503 }, 0x0503 },    /* a hash in 1.2 */
		{ KEY_EC_P521, LEAT_TLS13, { 0x0403, 0x0503, 0x0603 }, 0x0603 },
		{ KEY_RSA, LEAT_TLS13, { 0x0401, 0x0501, 0x0601 }, 0 }, /* RFC 8446 4.2.3 */
		{ KEY_RSA, LEAT_TLS12, { 0x0401 }, 0x0401 },
		{ KEY_RSA, LEAT_TLS13, { 0x0809, 0x0804 }, 0x0804 },
		{ KEY_RSA, LEAT_TLS13, { 0x0809, 0x080a }, 0 }, /* those are for RSASSA-PSS keys */
		{ KEY_RSA_PSS, LEAT_TLS13, { 0x0804, 0x0809 }, 0x0809 },
		{ KEY_RSA_PSS, LEAT_TLS13, { 0x0804 }, 0 },
		{ KEY_ED25519, LEAT_TLS13, { 0x0808, 0x0807 }, 0x0807 },
		{ KEY_ED448, LEAT_TLS13, { 0x0807 }, 0 },
		{ KEY_ED25519, LEAT_TLS13, { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *k = pair_server_config(rows[i].key);
		const struct sigscheme *s = choose_scheme(
			c, rows[i].version, list16(rows[i].offered), cred_key(k->creds[0]));

		if ((s ? s->id : 0) != rows[i].want)
			fail_msg("row %zu: %s", i, s ? s->name : "none");
		leat_config_unref(k);
	}
	leat_config_unref(c);
}

/* RFC 8017 9.1.1: a 1024-bit key has no room for PSS with SHA-512. (No credential has one.) */
static void short_rsa(void **state)
{
	struct leat_config *c = pair_server_config(KEY_EC_P256);
	const struct made *m = leaf(KEY_RSA, 1024, "small.test");
	struct leat_err err = { 0 };
	struct key *key;

	(void)state;
	assert_int_equal(EVP_PKEY_up_ref(made_evp_borrow(m)), 1);
	assert_int_equal(key_take_evp(&key, made_evp_borrow(m), true, &err), LEAT_OK);
	assert_int_equal(key_bits(key), 1024);
	assert_null(choose_scheme(c, LEAT_TLS13, LIST(0x0806), key));
	assert_int_equal(choose_scheme(c, LEAT_TLS13, LIST(0x0806, 0x0805), key)->id, 0x0805);
	key_unref(key);
	leat_config_unref(c);
}

/* ---- ALPN ---- */

static void alpn(void **state)
{
	struct leat_config *c = pair_server_config(KEY_EC_P256);
	struct leat_span got;

	(void)state;
	pair_set(c, "alpn", "h2,http/1.1");
	got = choose_alpn(c, SPAN(8, 'h', 't', 't', 'p', '/', '1', '.', '1', 2, 'h', '2'));
	assert_int_equal(got.n, 2); /* our order */
	assert_true(got.p > c->alpn.p && got.p < c->alpn.p + c->alpn.n);
	assert_int_equal(choose_alpn(c, SPAN(2, 'h', '3', 1, 'h')).n, 0);
	assert_int_equal(choose_alpn(c, SPAN(3, 'h', '2', 'c')).n, 0);
	assert_int_equal(choose_alpn_ours(c, vec_str("http/1.1")).n, 8);
	assert_int_equal(choose_alpn_ours(c, vec_str("http/1.")).n, 0);
	assert_int_equal(choose_alpn_ours(c, vec_str("")).n, 0);
	leat_config_unref(c);
}

static int setup(void **state)
{
	(void)state;
	fakekem_load(); /* where libcrypto has no ML-KEM of its own */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(versions, vec_teardown),
		cmocka_unit_test_teardown(groups13, vec_teardown),
		cmocka_unit_test_teardown(suites13, vec_teardown),
		cmocka_unit_test_teardown(suites12, vec_teardown),
		cmocka_unit_test_teardown(credentials_by_name, vec_teardown),
		cmocka_unit_test_teardown(schemes, vec_teardown),
		cmocka_unit_test_teardown(short_rsa, vec_teardown),
		cmocka_unit_test_teardown(alpn, vec_teardown),
	};
	int r = cmocka_run_group_tests(tests, setup, NULL);

	pki_done();
	return r;
}

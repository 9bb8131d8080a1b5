/* SPDX-License-Identifier: Apache-2.0
 *
 * t_v12_kx_opts.c - what a program says about the key exchanges of TLS 1.2: DH parameters and what is refused
 * as such, identities and hints of every length, keys that are looked up later, and sessions of handshakes
 * with these suites.
 *
 * REQ: OPT-psk_identity-c OPT-psk_identity-s LIM-psk
 * TIMEOUT: 120
 */
#include "duo.h"
#include "tamper.h"

#include <leat/job.h>

#include <openssl/bn.h>

#include "base/limits.h"
#include "hs/hs_int.h"
#include "pki.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

static const char key[] = "sixteen bytes and a few more";
static const char *const psk_suites[] = { "TLS_PSK_WITH_AES_128_GCM_SHA256",
	"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" };
static const char dhe_suite[] = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";

static struct leat_config *new_config(enum leat_role role, const char *suite)
{
	struct leat_config *c = pair_client_config();
	struct leat_err err = { 0 };

	if (role == LEAT_SERVER) {
		leat_config_unref(c);
		assert_int_equal(leat_config_new(&c, LEAT_SERVER, &err), LEAT_OK);
	}
	pair_set(c, "versions", "tlsv1.2");
	pair_set(c, "ciphers", suite);
	return c;
}

static void add_key(struct leat_config *c)
{
	struct leat_psk p = { .identity = vec_str("me"), .secret = vec_str(key) };
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_psk(c, &p, &err), LEAT_OK);
}

/* ---- keys that are looked up ---- */

static struct {
	unsigned calls, late; /* so many calls are told to come again */
	struct leat_span seen, secret;
	bool fails;
} lookup;

static enum leat_ret look_up(void *arg, const struct leat_psk_query *q, struct leat_psk *out)
{
	(void)arg;
	lookup.calls++;
	if (lookup.calls <= lookup.late)
		return LEAT_AGAIN;
	lookup.seen = q->identity.n ? vec_copy(q->identity.p, q->identity.n) : q->identity;
	out->secret = lookup.secret;
	return lookup.fails ? LEAT_FAILED : LEAT_OK;
}

static void use_lookup(struct leat_config *c)
{
	struct leat_err err = { 0 };

	memset(&lookup, 0, sizeof(lookup));
	lookup.secret = vec_str(key);
	assert_int_equal(leat_config_set_psk_lookup(c, look_up, NULL, &err), LEAT_OK);
}

static struct leat_config *asking_server(const char *suite, bool jobs)
{
	struct leat_config *s = new_config(LEAT_SERVER, suite);
	struct leat_err err = { 0 };

	use_lookup(s);
	lookup.late = !jobs;
	assert_int_equal(leat_config_set_lookup_jobs(s, jobs, &err), LEAT_OK);
	return s;
}

/* The answer comes later: ClientKeyExchange is handled again, as if it had been there. */
static void later(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(psk_suites); i++) {
		for (int jobs = 0; jobs < 2; jobs++) {
			struct leat_config *c = new_config(LEAT_CLIENT, psk_suites[i]);
			struct leat_config *s = asking_server(psk_suites[i], jobs);
			struct pair p = { 0 };

			add_key(c);
			pair_init(&p, c, s, NULL);
			pair_must_connect(&p);
			assert_int_equal(p.side[LEAT_SERVER].jobs, 1);
			assert_int_equal(lookup.calls, 1 + !jobs);
			assert_true(lookup.seen.n == 2 && memcmp(lookup.seen.p, "me", 2) == 0);
			assert_null(p.side[LEAT_SERVER].hs->job.known);
			assert_int_equal(p.side[LEAT_SERVER].hs->job.held.n, 0);
			pair_clear(&p);
		}
	}
}

/* No answer, and answers that are no key: as with a wrong key, late or not. */
static void later_nothing(void **state)
{
	static const uint8_t long_key[LEAT_SECRET_MAX + 1] = { 1 };
	const struct leat_span bad[] = { { NULL, 0 }, { long_key, sizeof(long_key) },
		vec_str("some other key of ours") };

	(void)state;
	for (size_t i = 0; i < NUM(psk_suites); i++) {
		for (size_t k = 0; k < 2 * (NUM(bad) + 1); k++) {
			struct leat_config *c = new_config(LEAT_CLIENT, psk_suites[i]);
			struct leat_config *s = asking_server(psk_suites[i], k % 2);
			struct pair p = { .any_level = true };

			lookup.fails = k / 2 == NUM(bad);
			if (!lookup.fails)
				lookup.secret = bad[k / 2];
			add_key(c);
			pair_init(&p, c, s, NULL);
			pair_must_refuse(&p, LEAT_SERVER, A(DECRYPT_ERROR));
			assert_int_equal(p.side[LEAT_SERVER].jobs, 1);
			pair_clear(&p);
		}
	}
}

/* Passes bytes without running jobs, until one of the server's is there. */
static struct leat_job *job_of(struct duo *d)
{
	struct leat_job *j = NULL;

	for (int turn = 0; turn < 6 && !j; turn++) {
		struct leat_engine *from = d->side[turn % 2].e, *to = d->side[!(turn % 2)].e;
		const uint8_t *p;
		uint8_t *room;
		size_t n, k;

		while (!j && (p = leat_engine_out(from, &n)) && (room = leat_engine_in(to, &k))) {
			k = k < n ? k : n;
			memcpy(room, p, k);
			leat_engine_out_done(from, k);
			(void)!leat_engine_in_done(to, k);
			if (leat_engine_wants(to) & LEAT_WANT_JOB)
				assert_int_equal(leat_engine_job_take(to, &j), LEAT_OK);
		}
	}
	assert_non_null(j);
	assert_int_equal(leat_job_kind(j), LEAT_JOB_PSK);
	return j;
}

enum by_hand { RIGHT, WRONG, REFUSED, FREED, ANSWERED_THEN_FREED, CUT, BY_HAND_COUNT };

static void answer(struct leat_job *j, enum by_hand how)
{
	const struct leat_psk right = { .secret = vec_str(key) },
			      wrong = { .secret = vec_str("some other key of ours") };
	struct leat_lookup_input in;

	assert_int_equal(leat_job_lookup_input(j, &in), LEAT_OK);
	assert_true(in.id.n == 2 && memcmp(in.id.p, "me", 2) == 0);
	assert_false(in.imported);
	assert_int_equal(how == REFUSED ? leat_job_refuse(j, 0)
					: leat_job_psk_answer(j, how == WRONG ? &wrong : &right),
		LEAT_OK);
}

/* The server is gone, or as good as: what its job finds is dropped. */
static void is_dropped(struct duo *d, struct leat_job *j, enum by_hand how)
{
	if (how == CUT)
		assert_int_equal(leat_engine_in_eof(d->side[LEAT_SERVER].e), LEAT_FAILED);
	else
		duo_close(d);
	assert_true(leat_job_is_dropped(j));
	assert_int_equal(leat_job_run(j), LEAT_UNSUPPORTED);
	if (how == CUT)
		assert_int_not_equal(leat_engine_job_done(d->side[LEAT_SERVER].e, j), LEAT_OK);
}

/* The job is taken away while our half of the exchange waits, and answered by hand, or never. */
static void by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(psk_suites) * BY_HAND_COUNT; i++) {
		enum by_hand how = (enum by_hand)(i % BY_HAND_COUNT);
		struct leat_config *c = new_config(LEAT_CLIENT, psk_suites[i / BY_HAND_COUNT]);
		struct leat_config *s = asking_server(psk_suites[i / BY_HAND_COUNT], true);
		struct leat_err err = { 0 };
		struct leat_job *j;
		struct duo d;

		add_key(c);
		assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
		assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
		duo_open(&d, c, s, "localhost");
		j = job_of(&d);
		if (how != FREED && how != CUT)
			answer(j, how);
		if (how >= FREED) {
			is_dropped(&d, j, how);
		} else {
			(void)!leat_engine_job_done(d.side[LEAT_SERVER].e, j);
			assert_int_equal(duo_run(&d), how == RIGHT);
			if (how != RIGHT)
				assert_int_equal(leat_engine_error(d.side[LEAT_SERVER].e)->alert,
					A(BAD_RECORD_MAC));
		}
		duo_close(&d);
		leat_job_unref(j);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* ---- identities and hints ---- */

static uint8_t text[LIM_PSK12_IDENTITY + 1];

static void identity_of(size_t n, const char *suite)
{
	struct leat_config *c = new_config(LEAT_CLIENT, suite);
	struct leat_config *s = new_config(LEAT_SERVER, suite);
	struct leat_span identity = { text, n };
	struct leat_err err = { 0 };
	struct pair p = { 0 };

	use_lookup(c);
	use_lookup(s);
	assert_int_equal(leat_config_set_psk_identity(c, identity, &err), LEAT_OK);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_int_equal(lookup.calls, 2);
	assert_int_equal(lookup.seen.n, n);
	assert_memory_equal(lookup.seen.p, text, n);
	pair_clear(&p);
}

static void hint_of(size_t n, const char *suite)
{
	struct leat_config *c = new_config(LEAT_CLIENT, suite);
	struct leat_config *s = new_config(LEAT_SERVER, suite);
	struct leat_span hint = { text, n };
	struct leat_err err = { 0 };
	struct pair p = { 0 };

	use_lookup(c);
	pair_set(c, "psk_identity", "me");
	add_key(s);
	assert_int_equal(leat_config_set_psk_identity(s, hint, &err), LEAT_OK);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_int_equal(lookup.seen.n, n);
	assert_memory_equal(lookup.seen.p, text, n);
	pair_clear(&p);
}

static void lengths(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT, psk_suites[0]);
	static const size_t n[] = { 1, 4097, LIM_PSK12_IDENTITY - 1, LIM_PSK12_IDENTITY };
	struct leat_err err = { 0 };

	(void)state;
	memset(text, 'i', sizeof(text));
	for (size_t i = 0; i < NUM(n); i++) {
		text[0]++;
		for (size_t k = 0; k < NUM(psk_suites); k++) {
			identity_of(n[i], psk_suites[k]);
			hint_of(n[i], psk_suites[k]);
		}
	}
	assert_int_equal(leat_config_set_psk_identity(
				 c, (struct leat_span){ text, LIM_PSK12_IDENTITY + 1 }, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "psk_identity");
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_config_set_psk_identity(c, (struct leat_span){ text, 0 }, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	leat_config_unref(c);
}

/* Before any byte is sent: an identity that nobody has a key for. */
static void identity_without_key(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT, psk_suites[2]);
	struct leat_err err = { 0 };

	(void)state;
	add_key(c);
	pair_set(c, "psk_identity", "you");
	assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
	assert_string_equal(err.option, "psk_identity");
	pair_set(c, "psk_identity", "me");
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	leat_config_unref(c);
}

/* ---- DH parameters ---- */

static void put_length(struct leat_wr *w, size_t n)
{
	if (n < 256) {
		leat_wr_u8(w, 0x81);
	} else {
		leat_wr_u8(w, 0x82);
		leat_wr_u8(w, (uint8_t)(n >> 8));
	}
	leat_wr_u8(w, (uint8_t)n);
}

/* SEQUENCE { p, g }; p gets the zero that keeps it positive. */
static struct leat_span der(const uint8_t *p, size_t n, uint8_t g)
{
	struct leat_wr w = { 0 };
	struct leat_span out;
	bool top = p[0] & 0x80;

	leat_wr_u8(&w, 0x30);
	put_length(&w, 2 + (n + top < 256 ? 1 : 2) + top + n + 3);
	leat_wr_u8(&w, 2);
	put_length(&w, n + top);
	if (top)
		leat_wr_u8(&w, 0);
	leat_wr_bytes(&w, p, n);
	leat_wr_u8(&w, 2);
	leat_wr_u8(&w, 1);
	leat_wr_u8(&w, g);
	assert_true(leat_wr_ok(&w));
	out = vec_copy(w.p, w.n);
	leat_wr_clear(&w);
	return out;
}

/* A prime that is none of RFC 7919: RFC 3526's of 2048 bits. */
static void other_prime(uint8_t p[256])
{
	BIGNUM *bn = BN_get_rfc3526_prime_2048(NULL);

	assert_int_equal(BN_bn2binpad(bn, p, 256), 256);
	BN_free(bn);
}

static void dh_refuses(struct leat_span params, const char *what)
{
	struct leat_config *s = new_config(LEAT_SERVER, dhe_suite);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_dh(s, params, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "dh");
	assert_string_equal(err.what, what);
	assert_int_equal(s->dh.der.n, 0);
	leat_config_unref(s);
}

static void bad_dh(void **state)
{
	static const char shape[] = "neither PEM nor DER of DH parameters";
	static const char size[] = "a prime has 2048 to 8192 bits";
	static const char value[] = "not a prime and a generator";
	struct leat_span good;
	uint8_t p[1025];

	(void)state;
	other_prime(p);
	good = der(p, 256, 2);
	dh_refuses(der(p, 256, 0), value);
	dh_refuses(der(p, 256, 1), value);
	p[255]--;
	dh_refuses(der(p, 256, 2), value);
	memset(p, 0xff, sizeof(p));
	dh_refuses(der(p, 128, 2), size);
	dh_refuses(der(p, 255, 2), size);
	dh_refuses(der(p, 1025, 2), size);
	p[0] = 0x7f;
	dh_refuses(der(p, 256, 2), size); /* 2047 */
	p[0] = 1;
	dh_refuses(der(p, 1025, 2), size); /* 8193 */
	dh_refuses(vec_str("garbage"), shape);
	dh_refuses(vec_str(""), shape);
	dh_refuses(vec_str("-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n"),
		shape);
	dh_refuses(
		vec_str("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), shape);
	for (size_t n = 0; n < good.n; n++)
		dh_refuses((struct leat_span){ good.p, n }, shape);
	{
		uint8_t more[300];

		memcpy(more, good.p, good.n);
		more[good.n] = 0;
		dh_refuses((struct leat_span){ more, good.n + 1 }, shape);
	}
}

static void own_prime(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT, dhe_suite);
	struct leat_config *s = pair_server_config(KEY_RSA);
	struct leat_err err = { 0 };
	struct pair p = { 0 };
	struct hs_facts f;
	uint8_t prime[256];

	(void)state;
	other_prime(prime);
	pair_set(s, "versions", "tlsv1.2");
	assert_int_equal(leat_config_set_dh(s, der(prime, 256, 2), &err), LEAT_OK);
	assert_memory_equal(s->dh.p.p, prime, 256);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	for (int i = 0; i < 2; i++) {
		hs_facts(p.side[i].hs, &f);
		assert_int_equal(f.suite->kx, KX_DHE);
		assert_null(f.group);
	}
	pair_clear(&p);
}

/* ---- sessions ---- */

static void sessions_of(const char *suite, bool stored)
{
	bool psk = strcmp(suite, dhe_suite) != 0;
	struct leat_config *c = new_config(LEAT_CLIENT, suite);
	struct leat_config *s = psk ? new_config(LEAT_SERVER, suite) : pair_server_config(KEY_RSA);
	struct leat_err err = { 0 };
	struct leat_store *store;
	struct leat_session *t;
	struct pair p = { 0 };
	struct hs_facts f;

	pair_set(s, "versions", "tlsv1.2");
	pair_set(c, "session_tickets", "manual");
	pair_set(s, "session_tickets", stored ? "stateful" : "stateless");
	assert_int_equal(leat_store_mem_new(&store, 10, NULL, &err), LEAT_OK);
	if (stored)
		assert_int_equal(leat_config_set_session_store(s, store, &err), LEAT_OK);
	if (psk) {
		add_key(c);
		add_key(s);
	}
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	t = pair_session12(c, s);
	p.offer = t;
	pair_init(&p, leat_config_ref(c), leat_config_ref(s), NULL);
	pair_must_connect(&p);
	for (int i = 0; i < 2; i++) {
		hs_facts(p.side[i].hs, &f);
		assert_true(f.resumed);
		assert_string_equal(f.suite->name, suite);
		/* neither the key nor the certificate is used again */
		assert_false(f.external_psk);
		assert_null(f.peer_chain);
		assert_null(p.side[i].hs->v12.kex.pkey);
	}
	pair_clear(&p);
	leat_session_unref(t);
	leat_store_unref(store);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void resumed(void **state)
{
	(void)state;
	for (int stored = 0; stored < 2; stored++) {
		sessions_of(dhe_suite, stored);
		for (size_t i = 0; i < NUM(psk_suites); i++)
			sessions_of(psk_suites[i], stored);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(later, vec_teardown),
		cmocka_unit_test_teardown(later_nothing, vec_teardown),
		cmocka_unit_test_teardown(by_hand, vec_teardown),
		cmocka_unit_test_teardown(lengths, vec_teardown),
		cmocka_unit_test_teardown(identity_without_key, vec_teardown),
		cmocka_unit_test_teardown(bad_dh, vec_teardown),
		cmocka_unit_test_teardown(own_prime, vec_teardown),
		cmocka_unit_test_teardown(resumed, vec_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

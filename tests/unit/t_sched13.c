/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sched13.c: user/sched/sched13.c against the traces of RFC 8448, sections 3, 4 and 5.
 *
 * REQ: F-suites13
 */
#include "vec.h"
#include "rfc8448.h"

#include <openssl/evp.h>

#include "sched/sched13.h"
#include "sched/transcript.h"

static const struct leat_span none = { NULL, 0 };

static struct transcript t;
static uint8_t th_buf[HASH_MAX];

static void begin(void)
{
	transcript_clear(&t);
	assert_true(transcript_choose(&t, HASH_SHA256));
}

static void add(const char *hex)
{
	transcript_add(&t, vec_hex(hex));
}

static struct leat_span th(void)
{
	transcript_hash(&t, th_buf);
	return (struct leat_span){ th_buf, 32 };
}

#define assert_secret(s, hex) assert_hex((s).b, (s).n, hex)

static struct leat_secret secret(const char *hex)
{
	struct leat_secret s = { 0 };
	struct leat_span b = vec_hex(hex);

	leat_secret_set(&s, b.p, b.n);
	return s;
}

static void check_keys(const struct leat_secret *s, const char *key, const char *iv)
{
	struct traffic_keys k;

	sched13_keys(HASH_SHA256, AEAD_AES_128_GCM, s, &k);
	assert_int_equal(k.aead, AEAD_AES_128_GCM);
	assert_int_equal(k.version, LEAT_TLS13);
	assert_hex(k.key, 16, key);
	assert_hex(k.iv, 12, iv);
}

/* Finished messages are a 4-byte header and the verify_data. */
static void check_finished(const struct leat_secret *base, const char *message)
{
	uint8_t msg[4 + 32] = { 20, 0, 0, 32 };

	sched13_finished(HASH_SHA256, base, th(), msg + 4);
	assert_hex(msg, sizeof(msg), message);
}

static void rfc_8448_section_3(void **state)
{
	struct leat_secret c_hs, s_hs, c_ap, s_ap, exp, res, psk;
	struct sched13 s = { 0 };

	(void)state;
	begin();
	sched13_early(&s, HASH_SHA256, none);
	assert_secret(s.cur, S3_EARLY);
	add(S3_CLIENT_HELLO);
	add(S3_SERVER_HELLO);
	sched13_handshake(&s, vec_hex(S3_SHARED), th(), &c_hs, &s_hs);
	assert_secret(s.cur, S3_HANDSHAKE);
	assert_secret(c_hs, S3_C_HS);
	assert_secret(s_hs, S3_S_HS);
	check_keys(&s_hs, S3_S_HS_KEY, S3_S_HS_IV);
	check_keys(&c_hs, S3_C_HS_KEY, S3_C_HS_IV);
	add(S3_ENCRYPTED_EXTENSIONS);
	add(S3_CERTIFICATE);
	add(S3_CERTIFICATE_VERIFY);
	check_finished(&s_hs, S3_SERVER_FINISHED);
	add(S3_SERVER_FINISHED);
	sched13_master(&s, th(), &c_ap, &s_ap, &exp);
	assert_secret(s.cur, S3_MASTER);
	assert_secret(c_ap, S3_C_AP);
	assert_secret(s_ap, S3_S_AP);
	assert_secret(exp, S3_EXP);
	check_keys(&s_ap, S3_S_AP_KEY, S3_S_AP_IV);
	check_keys(&c_ap, S3_C_AP_KEY, S3_C_AP_IV);
	check_finished(&c_hs, S3_CLIENT_FINISHED);
	add(S3_CLIENT_FINISHED);
	sched13_resumption(&s, th(), &res);
	assert_secret(res, S3_RES);
	sched13_ticket_psk(HASH_SHA256, &res, vec_hex("0000"), &psk);
	assert_secret(psk, S3_TICKET_PSK);
	sched13_clear(&s);
}

static void rfc_8448_section_4(void **state)
{
	struct leat_secret binder_key, c_e, e_exp, c_hs, s_hs, c_ap, s_ap, exp, res;
	uint8_t binder[HASH_MAX], hash[HASH_MAX];
	struct sched13 s = { 0 };

	(void)state;
	begin();
	sched13_early(&s, HASH_SHA256, vec_hex(S3_TICKET_PSK));
	assert_secret(s.cur, S4_EARLY);
	sched13_binder_key(&s, "res binder", &binder_key);
	assert_secret(binder_key, S4_BINDER_KEY);
	transcript_hash_with(&t, HASH_SHA256, vec_hex(S4_CLIENT_HELLO_PREFIX), hash);
	sched13_finished(HASH_SHA256, &binder_key, (struct leat_span){ hash, 32 }, binder);
	assert_hex(binder, 32, S4_BINDER);
	add(S4_CLIENT_HELLO_PREFIX S4_BINDERS);
	sched13_early_traffic(&s, th(), &c_e);
	assert_secret(c_e, S4_C_E);
	check_keys(&c_e, S4_C_E_KEY, S4_C_E_IV);
	sched13_early_exporter(&s, th(), &e_exp);
	assert_secret(e_exp, S4_E_EXP);
	add(S4_SERVER_HELLO);
	sched13_handshake(&s, vec_hex(S4_SHARED), th(), &c_hs, &s_hs);
	assert_secret(c_hs, S4_C_HS);
	assert_secret(s_hs, S4_S_HS);
	add(S4_ENCRYPTED_EXTENSIONS);
	check_finished(&s_hs, S4_SERVER_FINISHED);
	add(S4_SERVER_FINISHED);
	sched13_master(&s, th(), &c_ap, &s_ap, &exp);
	assert_secret(c_ap, S4_C_AP);
	assert_secret(s_ap, S4_S_AP);
	assert_secret(exp, S4_EXP);
	add(S4_END_OF_EARLY_DATA);
	check_finished(&c_hs, S4_CLIENT_FINISHED);
	add(S4_CLIENT_FINISHED);
	sched13_resumption(&s, th(), &res);
	assert_secret(res, S4_RES);
	sched13_clear(&s);
}

static void rfc_8448_section_5(void **state)
{
	struct leat_secret c_hs, s_hs, c_ap, s_ap, exp;
	struct sched13 s = { 0 };

	(void)state;
	begin();
	add(S5_CLIENT_HELLO1);
	transcript_retry(&t);
	add(S5_HELLO_RETRY);
	add(S5_CLIENT_HELLO2);
	add(S5_SERVER_HELLO);
	sched13_early(&s, HASH_SHA256, none);
	sched13_handshake(&s, vec_hex(S5_SHARED), th(), &c_hs, &s_hs);
	assert_secret(c_hs, S5_C_HS);
	assert_secret(s_hs, S5_S_HS);
	check_keys(&s_hs, S5_S_HS_KEY, S5_S_HS_IV);
	add(S5_ENCRYPTED_EXTENSIONS);
	add(S3_CERTIFICATE);
	add(S5_CERTIFICATE_VERIFY);
	check_finished(&s_hs, S5_SERVER_FINISHED);
	add(S5_SERVER_FINISHED);
	sched13_master(&s, th(), &c_ap, &s_ap, &exp);
	assert_secret(c_ap, S5_C_AP);
	assert_secret(s_ap, S5_S_AP);
	assert_secret(exp, S5_EXP);
}

/* HKDF by the book on EVP's HMAC, for the other hash and for what RFC 8448 does not print. */
static struct leat_span hkdf_label(
	const char *md, struct leat_span key, const char *label, struct leat_span context, size_t n)
{
	uint8_t msg[600], *p = msg, mac[64];
	size_t len = strlen(label);
	unsigned got;

	assert_true(n <= 64);
	*p++ = 0;
	*p++ = (uint8_t)n;
	*p++ = (uint8_t)(6 + len);
	memcpy(p, "tls13 ", 6);
	memcpy(p + 6, label, len);
	p += 6 + len;
	*p++ = (uint8_t)context.n;
	if (context.n)
		memcpy(p, context.p, context.n);
	p += context.n;
	*p++ = 1;
	assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, md, NULL, key.p, key.n, msg,
		(size_t)(p - msg), mac, sizeof(mac), NULL));
	got = (unsigned)n;
	return vec_copy(mac, got);
}

static struct leat_span extract(const char *md, struct leat_span salt, struct leat_span ikm)
{
	uint8_t mac[64];
	size_t n;

	assert_non_null(EVP_Q_mac(
		NULL, "HMAC", NULL, md, NULL, salt.p, salt.n, ikm.p, ikm.n, mac, sizeof(mac), &n));
	return vec_copy(mac, n);
}

static void sha384_by_the_book(void **state)
{
	static const uint8_t zeros[48];
	const struct leat_span z = { zeros, 48 };
	struct leat_span psk = vec_noise(48), dhe = vec_noise(66), h1 = vec_noise(48);
	struct leat_span h2 = vec_noise(48), empty, early, hs, ms, w;
	struct leat_secret c, v, e, r, b;
	struct traffic_keys k;
	uint8_t md[64];
	struct sched13 s;

	(void)state;
	assert_int_equal(EVP_Q_digest(NULL, "SHA384", NULL, "", 0, md, NULL), 1);
	empty = vec_copy(md, 48);
	early = extract("SHA384", z, psk);
	hs = extract("SHA384", hkdf_label("SHA384", early, "derived", empty, 48), dhe);
	ms = extract("SHA384", hkdf_label("SHA384", hs, "derived", empty, 48), z);

	sched13_early(&s, HASH_SHA384, psk);
	assert_memory_equal(s.cur.b, early.p, 48);
	sched13_binder_key(&s, "ext binder", &b);
	assert_memory_equal(b.b, hkdf_label("SHA384", early, "ext binder", empty, 48).p, 48);
	sched13_binder_key(&s, "res binder", &b);
	assert_memory_equal(b.b, hkdf_label("SHA384", early, "res binder", empty, 48).p, 48);
	sched13_handshake(&s, dhe, h1, &c, &v);
	assert_memory_equal(c.b, hkdf_label("SHA384", hs, "c hs traffic", h1, 48).p, 48);
	assert_memory_equal(v.b, hkdf_label("SHA384", hs, "s hs traffic", h1, 48).p, 48);
	sched13_master(&s, h2, &c, &v, &e);
	assert_memory_equal(c.b, hkdf_label("SHA384", ms, "c ap traffic", h2, 48).p, 48);
	assert_memory_equal(v.b, hkdf_label("SHA384", ms, "s ap traffic", h2, 48).p, 48);
	assert_memory_equal(e.b, hkdf_label("SHA384", ms, "exp master", h2, 48).p, 48);
	sched13_resumption(&s, h1, &r);
	assert_memory_equal(r.b, hkdf_label("SHA384", ms, "res master", h1, 48).p, 48);

	sched13_keys(HASH_SHA384, AEAD_AES_256_GCM, &c, &k);
	w = vec_copy(c.b, 48);
	assert_memory_equal(k.key, hkdf_label("SHA384", w, "key", none, 32).p, 32);
	assert_memory_equal(k.iv, hkdf_label("SHA384", w, "iv", none, 12).p, 12);
	sched13_update(HASH_SHA384, &c);
	assert_int_equal(c.n, 48);
	assert_memory_equal(c.b, hkdf_label("SHA384", w, "traffic upd", none, 48).p, 48);
	traffic_keys_clear(&k);
	assert_int_equal(k.aead, AEAD_NONE);
}

/* RFC 8446 7.1 with psk_ke: no DHE, so hash_len zeros instead. */
static void without_dhe(void **state)
{
	static const uint8_t zeros[32];
	struct leat_span h = vec_noise(32), psk = vec_noise(32);
	struct leat_secret a, b, c, d;
	struct sched13 s;

	(void)state;
	sched13_early(&s, HASH_SHA256, psk);
	sched13_handshake(&s, none, h, &a, &b);
	sched13_early(&s, HASH_SHA256, psk);
	sched13_handshake(&s, (struct leat_span){ zeros, 32 }, h, &c, &d);
	assert_memory_equal(&a, &c, sizeof(a));
	assert_memory_equal(&b, &d, sizeof(b));
	assert_memory_not_equal(&a, &b, sizeof(a));
}

/* A PSK of zeros is "no PSK" by definition; every other one must change everything. */
static void every_input_matters(void **state)
{
	struct leat_secret base[4], x[4];
	struct leat_span psk = vec_noise(32), dhe = vec_noise(32), h = vec_noise(32);

	(void)state;
	for (int change = 0; change < 4; change++) {
		struct leat_secret *o = change ? x : base;
		uint8_t in[3][32];
		struct sched13 s;

		memcpy(in[0], psk.p, 32);
		memcpy(in[1], dhe.p, 32);
		memcpy(in[2], h.p, 32);
		if (change)
			in[change - 1][31] ^= 1;
		sched13_early(&s, HASH_SHA256, (struct leat_span){ in[0], 32 });
		sched13_handshake(&s, (struct leat_span){ in[1], 32 },
			(struct leat_span){ in[2], 32 }, &o[0], &o[1]);
		sched13_master(&s, (struct leat_span){ in[2], 32 }, &o[2], &o[3], &o[3]);
		for (int i = 0; change && i < 4; i++)
			assert_memory_not_equal(o[i].b, base[i].b, 32);
	}
}

static void clear_wipes_the_stage(void **state)
{
	static const struct sched13 zero;
	struct sched13 s;

	(void)state;
	sched13_early(&s, HASH_SHA256, none);
	sched13_clear(&s);
	assert_memory_equal(&s, &zero, sizeof(s));
	sched13_clear(&s);
}

/* RFC 8446 7.5 by the book; context empty and absent are one. */
static void exporter(void **state)
{
	struct leat_secret exp = secret(S3_EXP);
	struct leat_span master = vec_hex(S3_EXP), context = vec_str("a context"), d;
	uint8_t md[64], got[32], more[40];

	(void)state;
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, "", 0, md, NULL), 1);
	d = hkdf_label("SHA256", master, "EXPORTER-test", vec_copy(md, 32), 32);
	sched13_export(HASH_SHA256, &exp, "EXPORTER-test", none, got, 32);
	assert_memory_equal(got, hkdf_label("SHA256", d, "exporter", vec_copy(md, 32), 32).p, 32);
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, context.p, context.n, md, NULL), 1);
	sched13_export(HASH_SHA256, &exp, "EXPORTER-test", context, got, 32);
	assert_memory_equal(got, hkdf_label("SHA256", d, "exporter", vec_copy(md, 32), 32).p, 32);
	/* the length is an input: a longer export is no extension of a shorter one */
	sched13_export(HASH_SHA256, &exp, "EXPORTER-test", context, more, 40);
	assert_memory_not_equal(got, more, 32);
	/* and so is the label */
	sched13_export(HASH_SHA256, &exp, "EXPORTER-tesu", context, more, 32);
	assert_memory_not_equal(got, more, 32);
}

static void keys_of_every_suite_have_their_length(void **state)
{
	const struct suite *suite;
	struct leat_secret s = secret(S3_C_AP);

	(void)state;
	for (size_t i = 0; (suite = suite_at(i)); i++) {
		static const uint8_t zeros[32];
		struct traffic_keys k;
		size_t n = aead_key_len(suite->aead);

		if (suite->version != LEAT_TLS13)
			continue;
		sched13_keys(suite->hash, suite->aead, &s, &k);
		assert_memory_not_equal(k.key, zeros, n);
		assert_memory_equal(k.key + n, zeros, sizeof(k.key) - n);
		assert_memory_not_equal(k.iv, zeros, 12);
		assert_int_equal(k.aead, suite->aead);
	}
}

static int teardown(void **state)
{
	transcript_clear(&t);
	return vec_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_8448_section_3),
		cmocka_unit_test(rfc_8448_section_4),
		cmocka_unit_test(rfc_8448_section_5),
		cmocka_unit_test(sha384_by_the_book),
		cmocka_unit_test(without_dhe),
		cmocka_unit_test(every_input_matters),
		cmocka_unit_test(clear_wipes_the_stage),
		cmocka_unit_test(exporter),
		cmocka_unit_test(keys_of_every_suite_have_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sched12.c: user/sched/sched12.c against libcrypto's TLS1-PRF, fed with labels and seeds put
 * together here as RFC 5246 8.1 and 6.3, RFC 7627 4 and RFC 5705 4 write them.
 */
#include "vec.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "sched/sched12.h"

static const struct leat_span none = { NULL, 0 };
static const struct {
	enum hash_id h;
	const char *name;
} hashes[] = { { HASH_SHA256, "SHA256" }, { HASH_SHA384, "SHA384" } };

/* label || parts, concatenated */
static struct leat_span join(const char *label, const struct leat_span *parts, size_t num)
{
	uint8_t buf[2000];
	size_t n = strlen(label);

	memcpy(buf, label, n);
	for (size_t i = 0; i < num; i++) {
		if (parts[i].n)
			memcpy(buf + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	return vec_copy(buf, n);
}

static void want_prf(
	const char *md, struct leat_span secret, struct leat_span seed, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)md, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed.p, seed.n),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(c, out, n, p), 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static void master_secret(void **state)
{
	const size_t premaster_lens[] = { 32, 48, 56, 66, 128, 256 };

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof(premaster_lens) / sizeof(premaster_lens[0]); i++) {
			struct leat_span pm = vec_noise(premaster_lens[i]);
			struct leat_span randoms = vec_noise(64);
			struct leat_span hash = vec_noise(hash_len(hashes[k].h));
			struct leat_secret got, ems;
			uint8_t want[48];

			sched12_master(hashes[k].h, pm, false, randoms, &got);
			want_prf(hashes[k].name, pm, join("master secret", &randoms, 1), want, 48);
			assert_int_equal(got.n, 48);
			assert_memory_equal(got.b, want, 48);
			sched12_master(hashes[k].h, pm, true, hash, &ems);
			want_prf(hashes[k].name, pm, join("extended master secret", &hash, 1), want,
				48);
			assert_int_equal(ems.n, 48);
			assert_memory_equal(ems.b, want, 48);
		}
	vec_free_all();
}

static struct leat_secret some_master(void)
{
	struct leat_secret s = { 0 };

	leat_secret_set(&s, vec_noise(48).p, 48);
	return s;
}

/* RFC 5246 6.3: server_random comes first here. RFC 5288, 6655: 4 bytes of salt each. RFC 7905: 12. */
static void key_block(void **state)
{
	static const struct {
		enum aead_id id;
		size_t key, iv;
	} t[] = {
		{ AEAD_AES_128_GCM, 16, 4 },
		{ AEAD_AES_256_GCM, 32, 4 },
		{ AEAD_CHACHA20_POLY1305, 32, 12 },
		{ AEAD_AES_128_CCM, 16, 4 },
		{ AEAD_AES_128_CCM_8, 16, 4 },
	};
	static const uint8_t zeros[32];

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			struct leat_secret m = some_master();
			struct leat_span cr = vec_noise(32), sr = vec_noise(32);
			const struct leat_span seed[] = { sr, cr };
			size_t kn = t[i].key, in = t[i].iv;
			uint8_t b[2 * (32 + 12)];
			struct traffic_keys c, s;

			sched12_keys(hashes[k].h, t[i].id, &m, cr.p, sr.p, &c, &s);
			want_prf(hashes[k].name, leat_secret_span(&m),
				join("key expansion", seed, 2), b, 2 * (kn + in));
			assert_memory_equal(c.key, b, kn);
			assert_memory_equal(s.key, b + kn, kn);
			assert_memory_equal(c.iv, b + 2 * kn, in);
			assert_memory_equal(s.iv, b + 2 * kn + in, in);
			/* the rest stays zero: the record layer puts the explicit nonce there */
			assert_memory_equal(c.iv + in, zeros, 12 - in);
			assert_memory_equal(s.iv + in, zeros, 12 - in);
			assert_memory_equal(c.key + kn, zeros, 32 - kn);
			assert_int_equal(c.version, LEAT_TLS12);
			assert_int_equal(s.version, LEAT_TLS12);
			assert_int_equal(c.aead, t[i].id);
			assert_int_equal(s.aead, t[i].id);
		}
	vec_free_all();
}

static void finished(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct leat_secret m = some_master();
		struct leat_span th = vec_noise(hash_len(hashes[k].h));
		uint8_t c[12], s[12], want[12];

		sched12_finished(hashes[k].h, &m, true, th, c);
		want_prf(hashes[k].name, leat_secret_span(&m), join("client finished", &th, 1),
			want, 12);
		assert_memory_equal(c, want, 12);
		sched12_finished(hashes[k].h, &m, false, th, s);
		want_prf(hashes[k].name, leat_secret_span(&m), join("server finished", &th, 1),
			want, 12);
		assert_memory_equal(s, want, 12);
		assert_memory_not_equal(c, s, 12); /* a reflected Finished does not verify */
	}
}

/* RFC 5705 4: client_random first; an empty context is not an absent one. */
static void exporter(void **state)
{
	const uint8_t lens[] = { 0, 1, 255 };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct leat_secret m = some_master();
		struct leat_span cr = vec_noise(32), sr = vec_noise(32);
		const struct leat_span bare[] = { cr, sr };
		uint8_t got[80], want[80], absent[80];

		sched12_export(hashes[k].h, &m, "EXPORTER-x", cr.p, sr.p, false, none, absent, 80);
		want_prf(hashes[k].name, leat_secret_span(&m), join("EXPORTER-x", bare, 2), want,
			80);
		assert_memory_equal(absent, want, 80);
		for (size_t i = 0; i < sizeof(lens); i++) {
			struct leat_span ctx = vec_noise(lens[i]);
			const uint8_t n[2] = { 0, lens[i] };
			const struct leat_span seed[] = { cr, sr, { n, 2 }, ctx };

			sched12_export(
				hashes[k].h, &m, "EXPORTER-x", cr.p, sr.p, true, ctx, got, 80);
			want_prf(hashes[k].name, leat_secret_span(&m), join("EXPORTER-x", seed, 4),
				want, 80);
			assert_memory_equal(got, want, 80);
			assert_memory_not_equal(got, absent, 80);
		}
	}
}

static void exporter_context_length_is_two_bytes(void **state)
{
	struct leat_secret m = some_master();
	struct leat_span cr = vec_noise(32), sr = vec_noise(32), ctx = vec_noise(0x0123);
	const uint8_t n[2] = { 0x01, 0x23 };
	const struct leat_span seed[] = { cr, sr, { n, 2 }, ctx };
	uint8_t got[16], want[16];

	(void)state;
	sched12_export(HASH_SHA256, &m, "l", cr.p, sr.p, true, ctx, got, 16);
	want_prf("SHA256", leat_secret_span(&m), join("l", seed, 4), want, 16);
	assert_memory_equal(got, want, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(master_secret),
		cmocka_unit_test(key_block),
		cmocka_unit_test(finished),
		cmocka_unit_test(exporter),
		cmocka_unit_test(exporter_context_length_is_two_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}

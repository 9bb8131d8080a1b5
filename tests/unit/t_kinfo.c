/* SPDX-License-Identifier: Apache-2.0
 *
 * t_kinfo.c: user/rec/kinfo.c byte for byte. The expected bytes are written out by hand, from the
 * struct order of linux/tls.h (version, cipher_type in host order; iv, key, salt, rec_seq), not made
 * by the code under test. What the kernel does with them is tests/kernel's business.
 *
 * REQ: F-ktls-13
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rec/kinfo.h"

#define IV0 0xa0 /* iv bytes: a0 a1 ... ab */
#define K0  0x10 /* key bytes: 10 11 ... 2f */

struct want {
	enum aead_id aead;
	uint16_t version;
	unsigned cipher;
	size_t iv_len, key_len, salt_len;
};

static const struct want wants[] = {
	{ AEAD_AES_128_GCM, LEAT_TLS12, 51, 8, 16, 4 },
	{ AEAD_AES_128_GCM, LEAT_TLS13, 51, 8, 16, 4 },
	{ AEAD_AES_256_GCM, LEAT_TLS12, 52, 8, 32, 4 },
	{ AEAD_AES_256_GCM, LEAT_TLS13, 52, 8, 32, 4 },
	{ AEAD_AES_128_CCM, LEAT_TLS12, 53, 8, 16, 4 },
	{ AEAD_AES_128_CCM, LEAT_TLS13, 53, 8, 16, 4 },
	{ AEAD_CHACHA20_POLY1305, LEAT_TLS12, 54, 12, 32, 0 },
	{ AEAD_CHACHA20_POLY1305, LEAT_TLS13, 54, 12, 32, 0 },
};
#define NUM(a) (sizeof(a) / sizeof((a)[0]))

static struct traffic_keys some_keys(enum aead_id aead, uint16_t version)
{
	struct traffic_keys k = { .aead = aead, .version = version };

	for (size_t i = 0; i < sizeof(k.key); i++)
		k.key[i] = (uint8_t)(K0 + i);
	for (size_t i = 0; i < sizeof(k.iv); i++)
		k.iv[i] = (uint8_t)(IV0 + i);
	return k;
}

/* The struct as the kernel reads it, put together byte by byte. */
static size_t expect(uint8_t *out, const struct want *w, const uint8_t be_seq[8])
{
	uint16_t head[2] = { w->version, (uint16_t)w->cipher };
	size_t n = sizeof(head);

	memcpy(out, head, sizeof(head));
	for (size_t i = 0; i < w->iv_len; i++)
		if (w->salt_len == 0)
			out[n + i] = (uint8_t)(IV0 + i);
		else if (w->version == LEAT_TLS13)
			out[n + i] = (uint8_t)(IV0 + 4 + i);
		else
			out[n + i] = be_seq[i]; /* explicit nonce = sequence number */
	n += w->iv_len;
	for (size_t i = 0; i < w->key_len; i++)
		out[n++] = (uint8_t)(K0 + i);
	for (size_t i = 0; i < w->salt_len; i++)
		out[n++] = (uint8_t)(IV0 + i);
	memcpy(out + n, be_seq, 8);
	return n + 8;
}

static void layouts_are_exact(void **state)
{
	static const struct {
		uint64_t seq;
		uint8_t be[8];
	} seqs[] = {
		{ 0, { 0 } },
		{ 1, { 0, 0, 0, 0, 0, 0, 0, 1 } },
		{ 0x0102030405060708, { 1, 2, 3, 4, 5, 6, 7, 8 } },
		{ UINT64_MAX - 1, { 255, 255, 255, 255, 255, 255, 255, 254 } },
	};
	uint8_t want[sizeof(union leat_kinfo)];
	union leat_kinfo info;

	(void)state;
	for (size_t i = 0; i < NUM(wants); i++)
		for (size_t s = 0; s < NUM(seqs); s++) {
			struct traffic_keys k = some_keys(wants[i].aead, wants[i].version);
			size_t n;

			memset(&info, 0xee, sizeof(info));
			n = leat_kinfo_fill(&info, &k, seqs[s].seq);
			assert_int_equal(n, expect(want, &wants[i], seqs[s].be));
			assert_memory_equal(&info, want, n);
			/* nothing of an earlier key behind the struct */
			for (size_t j = n; j < sizeof(info); j++)
				assert_int_equal(((uint8_t *)&info)[j], 0);
		}
}

/* The same with literals, so that expect() itself is checked once per shape. */
static void layouts_literally(void **state)
{
	static const uint8_t gcm12[] = { 0x03, 0x03, 51, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x10, 0x11,
		0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
		0xa0, 0xa1, 0xa2, 0xa3, 0, 0, 0, 0, 0, 0, 0, 5 };
	static const uint8_t gcm13[] = { 0x04, 0x03, 51, 0, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9,
		0xaa, 0xab, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b,
		0x1c, 0x1d, 0x1e, 0x1f, 0xa0, 0xa1, 0xa2, 0xa3, 0, 0, 0, 0, 0, 0, 0, 5 };
	static const uint16_t one = 1;
	struct traffic_keys k = some_keys(AEAD_AES_128_GCM, LEAT_TLS12);
	union leat_kinfo info;

	(void)state;
	if (*(const uint8_t *)&one != 1)
		return; /* literals are for a little-endian host; layouts_are_exact serves both */
	assert_int_equal(leat_kinfo_fill(&info, &k, 5), sizeof(gcm12));
	assert_memory_equal(&info, gcm12, sizeof(gcm12));
	k.version = LEAT_TLS13;
	assert_int_equal(leat_kinfo_fill(&info, &k, 5), sizeof(gcm13));
	assert_memory_equal(&info, gcm13, sizeof(gcm13));
}

static void assert_refused(enum aead_id aead, uint16_t version)
{
	static const union leat_kinfo zero;
	struct traffic_keys k = some_keys(aead, version);
	union leat_kinfo info;

	memset(&info, 0xee, sizeof(info));
	assert_false(leat_kinfo_possible(aead, version));
	assert_int_equal(leat_kinfo_fill(&info, &k, 0), 0);
	assert_memory_equal(&info, &zero, sizeof(info));
}

static void what_no_kernel_takes_is_refused(void **state)
{
	(void)state;
	assert_refused(AEAD_AES_128_CCM_8, LEAT_TLS12);
	assert_refused(AEAD_AES_128_CCM_8, LEAT_TLS13);
	assert_refused(AEAD_NONE, LEAT_TLS13);
	assert_refused(AEAD_COUNT, LEAT_TLS13);
	assert_refused((enum aead_id)99, LEAT_TLS12);
	assert_refused(AEAD_AES_128_GCM, 0x0302);
	assert_refused(AEAD_AES_128_GCM, 0x0305);
	assert_refused(AEAD_CHACHA20_POLY1305, 0xfefd);
	assert_refused(AEAD_AES_256_GCM, 0);
}

static void possible_is_what_fill_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(wants); i++) {
		assert_true(leat_kinfo_possible(wants[i].aead, wants[i].version));
		assert_int_equal(leat_kinfo_cipher(wants[i].aead), wants[i].cipher);
	}
	assert_int_equal(leat_kinfo_cipher(AEAD_AES_128_CCM_8), 0);
	assert_int_equal(leat_kinfo_cipher(AEAD_NONE), 0);
}

static void clear_leaves_no_key_byte(void **state)
{
	static const union leat_kinfo zero;
	struct traffic_keys k = some_keys(AEAD_AES_256_GCM, LEAT_TLS13);
	union leat_kinfo info;

	(void)state;
	assert_true(leat_kinfo_fill(&info, &k, 7) > 0);
	leat_kinfo_clear(&info);
	assert_memory_equal(&info, &zero, sizeof(info));
	leat_kinfo_clear(&info); /* zero state is legal */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_are_exact),
		cmocka_unit_test(layouts_literally),
		cmocka_unit_test(what_no_kernel_takes_is_refused),
		cmocka_unit_test(possible_is_what_fill_takes),
		cmocka_unit_test(clear_leaves_no_key_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

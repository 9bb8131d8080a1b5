/* SPDX-License-Identifier: Apache-2.0
 *
 * b_aead.c - what user/crypto/aead.c costs per record beside the bare EVP calls, interleaved in one run.
 * Both seal in place with a 5-byte header as associated data and a nonce per record.
 *
 *	b_aead [--json] [--runs N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "crypto/aead.h"

#define MAX_RUNS 64
#define NUM(a)   (sizeof(a) / sizeof((a)[0]))
#define ROOM     (16384 + 1 + 16)

static const size_t sizes[] = { 1400, 16384 };
static const struct {
	enum aead_id id;
	const char *name;
	const char *evp;
} ciphers[] = {
	{ AEAD_AES_128_GCM, "aes-128-gcm", "AES-128-GCM" },
	{ AEAD_AES_256_GCM, "aes-256-gcm", "AES-256-GCM" },
	{ AEAD_CHACHA20_POLY1305, "chacha20-poly1305", "ChaCha20-Poly1305" },
};

static uint8_t key[32], nonce[12], header[5], buf[ROOM];

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void next_nonce(void)
{
	for (size_t i = sizeof(nonce); i-- > 0 && ++nonce[i] == 0;)
		;
}

/* One record of n bytes and its content type. */
static bool ours(struct aead *a, size_t n)
{
	static const uint8_t type = 23;

	return aead_seal2(a, nonce, (struct leat_span){ header, sizeof(header) },
		       (struct leat_span){ buf, n }, (struct leat_span){ &type, 1 },
		       buf) == LEAT_OK;
}

static bool bare(EVP_CIPHER_CTX *x, size_t n)
{
	int m;

	buf[n] = 23;
	return EVP_EncryptInit_ex(x, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_EncryptUpdate(x, NULL, &m, header, sizeof(header)) == 1 &&
	       EVP_EncryptUpdate(x, buf, &m, buf, (int)n + 1) == 1 &&
	       EVP_EncryptFinal_ex(x, buf + n + 1, &m) == 1 &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, 16, buf + n + 1) == 1;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(
	bool json, const char *cipher, size_t n, const char *lib, double us, double ratio)
{
	if (json)
		printf("{\"bench\":\"aead\",\"cipher\":\"%s\",\"bytes\":%zu,\"lib\":\"%s\",\"us\":%.3f,"
		       "\"ratio\":%.3f}\n",
			cipher, n, lib, us, ratio);
	else
		printf("%-18s %5zu  %-4s %8.3f us  %6.2f GB/s  %.3f x evp\n", cipher, n, lib, us,
			(double)n / us / 1e3, ratio);
}

static int measure(const struct crypto *c, size_t which, size_t n, int runs, bool json)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, ciphers[which].evp, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int count = n > 4000 ? 2000 : 10000;
	double us[2][MAX_RUNS];
	struct leat_err err = { 0 };
	struct aead a = { 0 };
	bool ok;

	ok = cipher && x && EVP_EncryptInit_ex(x, cipher, NULL, key, NULL) == 1 &&
	     aead_init(&a, c, ciphers[which].id, key, true, &err) == LEAT_OK;
	for (int r = 0; ok && r < runs; r++)
		for (int side = 0; side < 2; side++) {
			double t0 = now_us();

			for (int i = 0; ok && i < count; i++) {
				next_nonce();
				ok = side ? ours(&a, n) : bare(x, n);
			}
			us[side][r] = (now_us() - t0) / count;
		}
	aead_clear(&a);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(cipher);
	if (!ok) {
		fprintf(stderr, "b_aead: %s: failed\n", ciphers[which].name);
		return 1;
	}
	qsort(us[0], (size_t)runs, sizeof(double), by_value);
	qsort(us[1], (size_t)runs, sizeof(double), by_value);
	report(json, ciphers[which].name, n, "evp", us[0][runs / 2], 1.0);
	report(json, ciphers[which].name, n, "leat", us[1][runs / 2],
		us[1][runs / 2] / us[0][runs / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	struct leat_err err = { 0 };
	struct crypto *c;
	bool json = false;
	int runs = 15, rc = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
			runs = atoi(argv[++i]);
		} else {
			fprintf(stderr, "usage: b_aead [--json] [--runs 1..%d]\n", MAX_RUNS);
			return 2;
		}
	}
	if (runs < 1 || runs > MAX_RUNS) {
		fprintf(stderr, "b_aead: --runs must be 1 to %d\n", MAX_RUNS);
		return 2;
	}
	if (crypto_new(&c, &err) != LEAT_OK) {
		fprintf(stderr, "b_aead: %s\n", err.what);
		return 1;
	}
	for (size_t i = 0; i < NUM(ciphers); i++)
		for (size_t j = 0; j < NUM(sizes); j++)
			rc |= measure(c, i, sizes[j], runs, json);
	crypto_unref(c);
	return rc;
}

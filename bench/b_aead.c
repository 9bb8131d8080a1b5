/* SPDX-License-Identifier: Apache-2.0
 *
 * b_aead.c - what user/crypto/aead.c costs per record beside the bare EVP calls, interleaved in one run.
 * All seal in place with a 5-byte header as associated data and a nonce per record.
 *
 *	evp     the bare calls with a context of their own
 *	held    aead.c with the context at hand
 *	leat    as the record layer does it: the context is taken and parked around each record
 *	crowd   the same with 128 keys in turn, so that each record has to set its key anew
 *
 *	b_aead [--json] [--runs N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "crypto/aead.h"

#define MAX_RUNS 1000
#define NUM(a)   (sizeof(a) / sizeof((a)[0]))
#define ROOM     (16384 + 1 + 16)

#define CROWD 64

static const size_t sizes[] = { 100, 1400, 16384 };
static const char *const ways[] = { "evp", "held", "leat", "crowd" };
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

static bool lent(struct aead *a, size_t n)
{
	struct leat_err err = { 0 };
	bool ok = aead_take(a, &err) == LEAT_OK && ours(a, n);

	aead_park(a);
	return ok;
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
		printf("%-18s %5zu  %-5s %8.3f us  %6.2f GB/s  %.3f x evp\n", cipher, n, lib, us,
			(double)n / us / 1e3, ratio);
}

static int measure(const struct crypto *c, size_t which, size_t n, int runs, bool json)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, ciphers[which].evp, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	static struct aead crowd[CROWD];
	int count = n > 4000 ? 200 : 1000;
	double us[NUM(ways)][MAX_RUNS], ratio[MAX_RUNS];
	struct leat_err err = { 0 };
	struct aead a = { 0 }, alone = { 0 };
	bool ok;

	ok = cipher && x && EVP_EncryptInit_ex(x, cipher, NULL, key, NULL) == 1 &&
	     aead_init(&a, c, ciphers[which].id, key, true, &err) == LEAT_OK &&
	     aead_prepare(&alone, c, ciphers[which].id, key, true, &err) == LEAT_OK;
	for (int i = 0; ok && i < CROWD; i++)
		ok = aead_prepare(&crowd[i], c, ciphers[which].id, key, true, &err) == LEAT_OK;
	for (int r = 0; ok && r < runs; r++)
		for (size_t w = 0; w < NUM(ways); w++) {
			double t0 = now_us();

			for (int i = 0; ok && i < count; i++) {
				next_nonce();
				switch (w) {
				case 0: ok = bare(x, n); break;
				case 1: ok = ours(&a, n); break;
				case 2: ok = lent(&alone, n); break;
				default: ok = lent(&crowd[i % CROWD], n);
				}
			}
			us[w][r] = (now_us() - t0) / count;
		}
	for (int i = 0; i < CROWD; i++)
		aead_clear(&crowd[i]);
	aead_clear(&alone);
	aead_clear(&a);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(cipher);
	if (!ok) {
		fprintf(stderr, "b_aead: %s: failed\n", ciphers[which].name);
		return 1;
	}
	/* each round is its own comparison: a neighbour who comes and goes spoils a few of them, not all */
	for (size_t w = 0; w < NUM(ways); w++) {
		double sorted[MAX_RUNS];

		for (int r = 0; r < runs; r++)
			ratio[r] = us[w][r] / us[0][r];
		memcpy(sorted, us[w], sizeof(sorted));
		qsort(ratio, (size_t)runs, sizeof(double), by_value);
		qsort(sorted, (size_t)runs, sizeof(double), by_value);
		report(json, ciphers[which].name, n, ways[w], sorted[runs / 2], ratio[runs / 2]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct leat_err err = { 0 };
	struct crypto *c;
	bool json = false;
	int runs = 201, rc = 0;

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

/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.c - see calibrate.h. The ways take turns in every round, so that a machine that grows warm or busy
 * does so for both. The median counts, not the least: the kernel seals some records in a thread of its own, which no
 * clock of this process sees, and the least would be the round that had most of them.
 */
#include "tool/calibrate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "ktls/probe_int.h"
#include "rec/rec_user.h"

#define AT_ONCE (4 * LIM_PLAINTEXT) /* records that go out with one call, as in a connection */

#define MIN_ROUNDS 5 /* the first finds everything cold */
#define MAX_ROUNDS 99

static const uint64_t sizes[CALIBRATE_SIZES] = { 4096, 16384, 65536, 262144, 1048576, 4194304 };

struct bench {
	struct crypto *crypto;
	struct traffic_keys keys;
	unsigned cipher;
	int file;
	uint8_t *plain, *sealed; /* AT_ONCE bytes, and room for them sealed */
	size_t sealed_cap;
	uint64_t cost[CALIB_USES][CALIBRATE_SIZES][2][MAX_ROUNDS];
};

static const enum aead_id aeads[KTLS_CIPHERS] = {
	AEAD_AES_128_GCM,
	AEAD_AES_256_GCM,
	AEAD_AES_128_CCM,
	AEAD_CHACHA20_POLY1305,
};

enum calib_cipher calibrate_family(unsigned cipher)
{
	return aeads[cipher] == AEAD_CHACHA20_POLY1305 ? CALIB_CHACHA20 : CALIB_AES;
}

static uint64_t ns_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *drain(void *arg)
{
	const int *fd = arg;

	/* MSG_TRUNC: the bytes need not be copied to anybody */
	while (recv(*fd, NULL, 1 << 20, MSG_TRUNC) > 0)
		;
	return NULL;
}

/* All of it into a socket that waits; 0 or an errno. */
static int send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

		if (r < 0 && errno != EINTR)
			return errno;
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* ---- one connection -------------------------------------------------------------------------- */

static int kernel_keys(const struct bench *b, int fd)
{
	int e = probe_ulp(fd);

	return e ? e : probe_keys(fd, TLS_TX, LEAT_TLS13, b->cipher, 7);
}

static int kernel_file(const struct bench *b, int fd, uint64_t size)
{
	int e = kernel_keys(b, fd);
	off_t at = 0;

	while (e == 0 && (uint64_t)at < size)
		if (sendfile(fd, b->file, &at, size - (uint64_t)at) < 0 && errno != EINTR)
			e = errno;
	return e;
}

static int kernel_stream(const struct bench *b, int fd, uint64_t size)
{
	int e = kernel_keys(b, fd);

	for (uint64_t at = 0; e == 0 && at < size; at += AT_ONCE)
		e = send_all(fd, b->plain, size - at < AT_ONCE ? (size_t)(size - at) : AT_ONCE);
	return e;
}

/* Seals n bytes as records and sends them with one call. */
static int seal_and_send(struct bench *b, struct rec_half *h, int fd, const uint8_t *p, size_t n)
{
	struct leat_err err = { 0 };
	size_t len = 0;

	for (size_t at = 0; at < n; at += LIM_PLAINTEXT) {
		size_t piece = n - at < LIM_PLAINTEXT ? n - at : LIM_PLAINTEXT;
		size_t got = rec_seal(h, 23, p + at, piece, 0, LEAT_TLS12, b->sealed + len, &err);

		if (got == 0)
			return EIO;
		len += got;
	}
	return send_all(fd, b->sealed, len);
}

static int user_file(struct bench *b, struct rec_half *h, int fd, uint64_t size)
{
	int e = 0;

	for (uint64_t at = 0; e == 0 && at < size; at += AT_ONCE) {
		size_t n = size - at < AT_ONCE ? (size_t)(size - at) : AT_ONCE;

		if (pread(b->file, b->plain, n, (off_t)at) != (ssize_t)n)
			return errno ? errno : EIO;
		e = seal_and_send(b, h, fd, b->plain, n);
	}
	return e;
}

static int user_stream(struct bench *b, struct rec_half *h, int fd, uint64_t size)
{
	int e = 0;

	for (uint64_t at = 0; e == 0 && at < size; at += AT_ONCE)
		e = seal_and_send(
			b, h, fd, b->plain, size - at < AT_ONCE ? (size_t)(size - at) : AT_ONCE);
	return e;
}

static int by_user(struct bench *b, int fd, bool file, uint64_t size)
{
	struct rec_half h = { 0 };
	struct leat_err err = { 0 };
	int e;

	if (rec_half_keys(&h, b->crypto, &b->keys, true, &err) != LEAT_OK)
		return EIO;
	e = file ? user_file(b, &h, fd, size) : user_stream(b, &h, fd, size);
	rec_half_clear(&h);
	return e;
}

static int by_kernel(const struct bench *b, int fd, bool file, uint64_t size)
{
	return file ? kernel_file(b, fd, size) : kernel_stream(b, fd, size);
}

/* One connection and its cost. 0 or an errno. */
static int one(struct bench *b, bool file, bool kernel, uint64_t size, uint64_t *cost)
{
	struct probe_pair p = PROBE_PAIR_NONE;
	pthread_t reader;
	int e = probe_pair_open(&p);

	if (e)
		return e;
	/* of both threads: who does what TCP has to do for them is chance */
	*cost = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	e = pthread_create(&reader, NULL, drain, &p.b);
	if (e == 0) {
		e = kernel ? by_kernel(b, p.a, file, size) : by_user(b, p.a, file, size);
		close(p.a);
		p.a = -1;
		pthread_join(reader, NULL);
		*cost = ns_of(CLOCK_PROCESS_CPUTIME_ID) - *cost;
	}
	probe_pair_clear(&p);
	return e;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int one_round(struct bench *b, unsigned round)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < CALIBRATE_SIZES; i++)
		for (int way = 0; e == 0 && way < 4; way++) {
			/* who begins changes from round to round */
			bool kernel = (way + (int)round) & 1, file = way & 2;

			e = one(b, file, kernel, sizes[i],
				&b->cost[file ? CALIB_FILE : CALIB_STREAM][i][kernel][round]);
		}
	return e;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void medians(struct bench *b, struct calibration *c)
{
	for (int use = 0; use < CALIB_USES; use++)
		for (size_t i = 0; i < CALIBRATE_SIZES; i++)
			for (int kernel = 0; kernel < 2; kernel++) {
				uint64_t *all = b->cost[use][i][kernel];

				qsort(all, c->rounds, sizeof(*all), by_value);
				c->cost[use][i][kernel] = all[c->rounds / 2];
			}
}

static enum leat_ret set_up(struct bench *b, struct leat_err *err)
{
	b->sealed_cap = AT_ONCE + AT_ONCE / LIM_PLAINTEXT * 64;
	b->plain = leat_malloc(AT_ONCE);
	b->sealed = leat_malloc(b->sealed_cap);
	if (!b->plain || !b->sealed)
		return err_memory(err);
	memset(b->plain, 'x', AT_ONCE);
	if (crypto_new(&b->crypto, err) != LEAT_OK)
		return LEAT_FAILED;
	b->file = memfd_create("leat-calibrate", MFD_CLOEXEC);
	if (b->file < 0)
		return err_sys(err, errno, "calibrate: memfd_create");
	for (uint64_t at = 0; at < sizes[CALIBRATE_SIZES - 1]; at += AT_ONCE)
		if (pwrite(b->file, b->plain, AT_ONCE, (off_t)at) != (ssize_t)AT_ONCE)
			return err_sys(err, errno, "calibrate: no room for a file in memory");
	return LEAT_OK;
}

static void tear_down(struct bench *b)
{
	crypto_unref(b->crypto);
	if (b->file >= 0)
		close(b->file);
	leat_free(b->plain);
	leat_free(b->sealed);
}

enum leat_ret calibrate_run(
	struct calibration *out, unsigned cipher, int64_t ms, struct leat_err *err)
{
	struct bench b = { .file = -1, .cipher = cipher };
	uint64_t end = ns_of(CLOCK_MONOTONIC) + (uint64_t)ms * 1000000u;
	enum leat_ret r = set_up(&b, err);
	int e = 0;

	*out = (struct calibration){ .cipher = ktls_cipher_name(cipher) };
	memcpy(out->size, sizes, sizeof(sizes));
	b.keys = (struct traffic_keys){ .aead = aeads[cipher], .version = LEAT_TLS13 };
	while (r == LEAT_OK && e == 0 && out->rounds < MAX_ROUNDS &&
		(out->rounds < MIN_ROUNDS || ns_of(CLOCK_MONOTONIC) < end))
		e = one_round(&b, out->rounds++);
	medians(&b, out);
	if (r == LEAT_OK && e)
		r = err_sys(err, e, "calibrate: a connection over loopback");
	tear_down(&b);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_probe.c - the probe's judgements and words on made-up findings, and the answer it keeps. What
 * it asks of a kernel is tested on kernels: tests/kernel/test_probe.py, tests/vm/test_probe_lacks.py.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "ktls/probe_int.h"

#define ALL_BUT(...)                                                                          \
	{                                                                                     \
		.can_load = true, .tree = true, .file = true, .privileged = true, __VA_ARGS__ \
	}

static void an_obstacle_for_each_finding(void **state)
{
	static const struct {
		int err;
		struct probe_module m;
		enum ktls_obstacle want;
	} row[] = {
		{ ENOENT, ALL_BUT(), KTLS_NOT_LOADED },
		{ ENOENT, { .can_load = true, .tree = true, .file = true }, KTLS_MAY_NOT_LOAD },
		{ ENOENT, { .can_load = true, .tree = true, .privileged = true }, KTLS_NOT_BUILT },
		{ ENOENT, { .can_load = true, .tree = true }, KTLS_NOT_BUILT },
		{ ENOENT, { .can_load = true, .privileged = true }, KTLS_NO_MODULE_FILES },
		{ ENOENT, { .can_load = true }, KTLS_NO_MODULE_FILES },
		/* without loadable modules, files that lie around mean nothing */
		{ ENOENT, { .tree = true, .file = true, .privileged = true }, KTLS_NOT_BUILT },
		{ ENOENT, { 0 }, KTLS_NOT_BUILT },
		{ ENOPROTOOPT, ALL_BUT(), KTLS_NOT_BUILT },
		{ EPERM, ALL_BUT(), KTLS_REFUSED },
		{ EACCES, { 0 }, KTLS_REFUSED },
		{ ENOTCONN, ALL_BUT(), KTLS_REFUSED },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(ktls_obstacle_of(row[i].err, &row[i].m), row[i].want);
}

static void every_obstacle_has_words(void **state)
{
	unsigned i, k;

	(void)state;
	for (i = 1; i < KTLS_OBSTACLE_COUNT; i++) {
		struct leat_ktls_caps caps = { .obstacle = i, .err = ENOENT };

		assert_true(strlen(ktls_remedy(i)) > 20);
		assert_true(leat_ktls_why(&caps, LEAT_TLS13, TLS_CIPHER_AES_GCM_128, LEAT_TX)[0]);
		for (k = 0; k < i; k++)
			assert_string_not_equal(ktls_obstacle_name(i), ktls_obstacle_name(k));
	}
	assert_string_equal(ktls_remedy(KTLS_NONE), "");
	for (i = 0; i < KTLS_URING_COUNT; i++)
		assert_non_null(ktls_uring_name(i));
	for (i = 0; i < KTLS_SPEED_COUNT; i++)
		assert_non_null(ktls_speed_name(i));
}

static const char proc_crypto[] = "name         : gcm(aes)\n"
				  "driver       : gcm_base(ctr(aes-generic),ghash-generic)\n"
				  "module       : gcm\n"
				  "priority     : 100\n"
				  "internal     : no\n"
				  "\n"
				  "name         : __gcm(aes)\n"
				  "driver       : __generic-gcm-aesni\n"
				  "priority     : 9000\n"
				  "\n"
				  "name         : gcm(aes)\n"
				  "driver       : generic-gcm-aesni-avx\n"
				  "module       : aesni_intel\n"
				  "priority     : 500\n"
				  "\n"
				  "name         : gcm(aes)\n"
				  "driver       : qat_something\n"
				  "priority     : 500\n"
				  "\n"
				  "name         : rfc4106(gcm(aes))\n"
				  "driver       : rfc4106-gcm-aesni\n"
				  "priority     : 9999\n"
				  "\n"
				  "name         : ccm(aes)\n"
				  "driver       : ccm_base(ctr(aes-generic),cbcmac(aes-generic))\n"
				  "priority     : 100";

static void the_driver_of_highest_priority_counts(void **state)
{
	char d[64];

	(void)state;
	crypto_driver_of(proc_crypto, "gcm(aes)", d, sizeof(d));
	assert_string_equal(d, "generic-gcm-aesni-avx");
	crypto_driver_of(proc_crypto, "ccm(aes)", d, sizeof(d));
	assert_string_equal(d, "ccm_base(ctr(aes-generic),cbcmac(aes-generic))");
	crypto_driver_of(proc_crypto, "ccm(aes", d, sizeof(d));
	assert_string_equal(d, "");
	crypto_driver_of(proc_crypto, "rfc7539(chacha20,poly1305)", d, sizeof(d));
	assert_string_equal(d, "");
	crypto_driver_of(proc_crypto, "gcm(aes)", d, 8);
	assert_string_equal(d, "generic");
}

static void odd_lists_do_no_harm(void **state)
{
	static const char *const odd[] = {
		"",
		"\n\n\n",
		"name",
		"name : gcm(aes)",
		"driver : x\npriority : 5\n",
		"name : gcm(aes)\npriority : 5\n",
		"driver : of-the-entry-before\nname : gcm(aes)\npriority : 5\n",
		"name : gcm(aes)\ndriver : x\npriority :\n",
		"name gcm(aes)\ndriver x\npriority 5\n",
	};
	char d[64];
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		crypto_driver_of(odd[i], "gcm(aes)", d, sizeof(d));
		/* the one with an empty priority has a name and a driver: priority 0 */
		assert_string_equal(d, strstr(odd[i], "priority :\n") ? "x" : "");
	}
	for (cut = 0; cut < sizeof(proc_crypto); cut++) {
		char text[sizeof(proc_crypto)];

		memcpy(text, proc_crypto, cut);
		text[cut] = '\0';
		crypto_driver_of(text, "gcm(aes)", d, sizeof(d));
		assert_true(strlen(d) < sizeof(d));
	}
	crypto_driver_of("name : a\ndriver : x\npriority : 99999999999999999999\n", "a", d, 2);
	assert_string_equal(d, "x");
}

static void speed_is_the_block_ciphers(void **state)
{
	(void)state;
	assert_int_equal(ktls_speed_of("generic-gcm-aesni-avx", true), KTLS_SPEED_FAST);
	assert_int_equal(ktls_speed_of("generic-gcm-vaes-avx10_512", true), KTLS_SPEED_FAST);
	assert_int_equal(
		ktls_speed_of("gcm_base(ctr-aes-aesni,ghash-clmulni)", true), KTLS_SPEED_FAST);
	assert_int_equal(ktls_speed_of("gcm-aes-ce", true), KTLS_SPEED_FAST);
	assert_int_equal(ktls_speed_of("gcm_base(ctr(aes-generic),ghash-clmulni)", true),
		KTLS_SPEED_GENERIC);
	assert_int_equal(
		ktls_speed_of("gcm_base(ctr(aes-lib),ghash-generic)", true), KTLS_SPEED_GENERIC);
	assert_int_equal(ktls_speed_of("gcm_base(ctr(aes-generic),ghash-generic)", false),
		KTLS_SPEED_NO_CPU);
	assert_int_equal(ktls_speed_of("", true), KTLS_SPEED_UNKNOWN);
}

static void what_can_be_carried(void **state)
{
	struct leat_ktls_caps caps = { 0 };

	(void)state;
	assert_true(leat_ktls_can(&caps, LEAT_TLS12, TLS_CIPHER_AES_GCM_128, LEAT_RX));
	assert_true(leat_ktls_can(&caps, LEAT_TLS13, TLS_CIPHER_CHACHA20_POLY1305, LEAT_TX));
	/* outside of the table */
	assert_false(leat_ktls_can(&caps, 0x0302, TLS_CIPHER_AES_GCM_128, LEAT_RX));
	assert_false(leat_ktls_can(&caps, 0x0305, TLS_CIPHER_AES_GCM_128, LEAT_RX));
	assert_false(leat_ktls_can(&caps, 0, TLS_CIPHER_AES_GCM_128, LEAT_RX));
	assert_false(leat_ktls_can(&caps, LEAT_TLS13, TLS_CIPHER_AES_GCM_128 - 1, LEAT_TX));
	assert_false(leat_ktls_can(&caps, LEAT_TLS13, TLS_CIPHER_CHACHA20_POLY1305 + 1, LEAT_TX));
	assert_false(leat_ktls_can(&caps, LEAT_TLS13, 0, LEAT_TX));
	/* one direction of one version */
	caps.cell[1][2].err[LEAT_RX] = ENOENT;
	assert_false(leat_ktls_can(&caps, LEAT_TLS13, TLS_CIPHER_AES_CCM_128, LEAT_RX));
	assert_true(leat_ktls_can(&caps, LEAT_TLS13, TLS_CIPHER_AES_CCM_128, LEAT_TX));
	assert_true(leat_ktls_can(&caps, LEAT_TLS12, TLS_CIPHER_AES_CCM_128, LEAT_RX));
	/* each errno its own reason */
	static const int errnos[] = { ENOENT, EINVAL, ENOPROTOOPT, EBADMSG, EPERM };

	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		for (size_t k = 0; k < i; k++) {
			const char *a, *b;

			caps.cell[0][0].err[LEAT_TX] = errnos[i];
			a = leat_ktls_why(&caps, LEAT_TLS12, TLS_CIPHER_AES_GCM_128, LEAT_TX);
			caps.cell[0][0].err[LEAT_TX] = errnos[k];
			b = leat_ktls_why(&caps, LEAT_TLS12, TLS_CIPHER_AES_GCM_128, LEAT_TX);
			assert_string_not_equal(a, b);
		}
	/* an obstacle stands before everything */
	caps = (struct leat_ktls_caps){ .obstacle = KTLS_NOT_BUILT };
	assert_false(leat_ktls_can(&caps, LEAT_TLS13, TLS_CIPHER_AES_GCM_128, LEAT_RX));
	assert_false(leat_ktls_can_rekey(&caps, LEAT_TX));
}

static void the_line(void **state)
{
	struct leat_ktls_caps caps = { .rekey_err = { EBUSY, EBUSY } };
	char buf[512], cut[512];
	size_t n;

	(void)state;
	assert_string_equal(leat_ktls_caps_line(&caps, buf, sizeof(buf)),
		"kernel TLS: available: TLS 1.3 and 1.2: AES-128-GCM AES-256-GCM AES-128-CCM "
		"CHACHA20-POLY1305; rekey no");
	for (n = 0; n < sizeof(cut); n++) {
		memset(cut, '#', sizeof(cut));
		leat_ktls_caps_line(&caps, cut, n);
		if (n > 0) {
			assert_true(strlen(cut) < n);
			assert_memory_equal(cut, buf, strlen(cut));
		}
		assert_int_equal(cut[n], '#'); /* n below sizeof(cut): nothing beyond it */
	}
	caps.aes = KTLS_SPEED_GENERIC;
	caps.rekey_err[LEAT_TX] = 0;
	caps.cell[0][3].err[LEAT_TX] = EINVAL;
	caps.cell[0][2].err[LEAT_RX] = caps.cell[0][2].err[LEAT_TX] = ENOENT;
	caps.cell[0][1].err[LEAT_RX] = ENOENT;
	assert_string_equal(leat_ktls_caps_line(&caps, buf, sizeof(buf)),
		"kernel TLS: available: TLS 1.3: AES-128-GCM AES-256-GCM AES-128-CCM "
		"CHACHA20-POLY1305; TLS 1.2: AES-128-GCM AES-256-GCM (tx) CHACHA20-POLY1305 (rx); "
		"AES is about 13 times slower than this CPU can: modprobe aesni_intel; rekey yes");
	caps = (struct leat_ktls_caps){ .obstacle = KTLS_MAY_NOT_LOAD, .err = ENOENT };
	assert_string_equal(leat_ktls_caps_line(&caps, buf, sizeof(buf)),
		"kernel TLS: not available: TCP_ULP: No such file or directory: load the module: "
		"modprobe tls (and list it in /etc/modules-load.d); the kernel does not load it on "
		"demand for an unprivileged process");
	caps = (struct leat_ktls_caps){ .obstacle = KTLS_NO_PAIR, .err = EMFILE };
	leat_ktls_caps_line(&caps, buf, sizeof(buf));
	assert_ptr_equal(
		strstr(buf, "kernel TLS: not known: loopback connection: Too many open"), buf);
}

static void *get(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)leat_ktls_caps_get();
}

static void one_answer_for_all_threads(void **state)
{
	static const struct leat_ktls_caps made_up = { .obstacle = KTLS_REFUSED };
	const struct leat_ktls_caps *first = NULL;
	pthread_t t[8];
	void *got;
	size_t i;

	(void)state;
	leat_ktls_caps_override(&made_up);
	assert_ptr_equal(leat_ktls_caps_get(), &made_up);
	leat_ktls_caps_override(NULL);
	for (i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, get, NULL), 0);
	for (i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(t[i], &got), 0);
		assert_non_null(got);
		if (first)
			assert_ptr_equal(got, first);
		first = got;
	}
	assert_ptr_not_equal(first, &made_up);
	assert_true(first->release[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_obstacle_for_each_finding),
		cmocka_unit_test(every_obstacle_has_words),
		cmocka_unit_test(the_driver_of_highest_priority_counts),
		cmocka_unit_test(odd_lists_do_no_harm),
		cmocka_unit_test(speed_is_the_block_ciphers),
		cmocka_unit_test(what_can_be_carried),
		cmocka_unit_test(the_line),
		cmocka_unit_test(one_answer_for_all_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

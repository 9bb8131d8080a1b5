/* SPDX-License-Identifier: Apache-2.0
 *
 * t_oom_crypto.c: user/crypto with memory running out. Each operation runs with the n-th allocation
 * failing, n = 1, 2, 3 ... until it needs none of them: libcrypto's through CRYPTO_set_mem_functions,
 * ours through leat_mem_fail_at. It may fail (never blaming the peer) or succeed with the right
 * result; it may not crash, not leak, and must work again afterwards.
 */
#include "vec.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "crypto/sign.h"

static long made, fail_at, live;

static bool must_fail(void)
{
	return ++made == fail_at;
}

static void *my_malloc(size_t n, const char *file, int line)
{
	void *p;

	(void)file;
	(void)line;
	if (n == 0 || must_fail())
		return NULL;
	p = malloc(n);
	live += p != NULL;
	return p;
}

static void my_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	live -= p != NULL;
	free(p);
}

static void *my_realloc(void *p, size_t n, const char *file, int line)
{
	void *q;

	if (!p)
		return my_malloc(n, file, line);
	if (n == 0) {
		my_free(p, file, line);
		return NULL;
	}
	if (must_fail())
		return NULL;
	q = realloc(p, n);
	return q;
}

static struct crypto *c;
static EVP_PKEY *pkeys[KEY_COUNT];

/* What failed must say why, and not that the peer did it. */
static bool excused(const struct leat_err *e)
{
	assert_true(e->cls == LEAT_E_MEMORY || e->cls == LEAT_E_CRYPTO);
	assert_non_null(e->what);
	return false;
}

/* Each returns true when the operation succeeded; wrong results are asserted inside. */
static bool op_crypto(int unused)
{
	struct leat_err err = { 0 };
	struct crypto *x;

	(void)unused;
	if (crypto_new(&x, &err) != LEAT_OK) {
		assert_null(x);
		return excused(&err);
	}
	/* what memory did not suffice for is left out, the mandatory parts are there */
	assert_true(crypto_has_aead(x, AEAD_AES_128_GCM));
	assert_true(crypto_has_group(x, group_by_id(GROUP_SECP256R1)));
	crypto_unref(x);
	return true;
}

static bool op_aead(int id)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 2 }, buf[64] = "text", back[64];
	struct leat_span aad = { nonce, 5 };
	struct leat_err err = { 0 };
	struct aead s = { 0 }, o = { 0 };
	bool ok = false;

	if (aead_init(&s, c, (enum aead_id)id, key, true, &err) != LEAT_OK ||
		aead_init(&o, c, (enum aead_id)id, key, false, &err) != LEAT_OK) {
		excused(&err);
		goto out;
	}
	/* a context parked, another one made: both may fail, and the key stays */
	aead_park(&s);
	aead_rest(&s);
	if (aead_take(&s, &err) != LEAT_OK) {
		excused(&err);
		goto out;
	}
	if (aead_seal(&s, nonce, aad, buf, 40, buf) != LEAT_OK)
		goto out;
	if (!aead_open(&o, nonce, aad, buf, 40 + aead_tag_len((enum aead_id)id), back))
		goto out;
	assert_string_equal(back, "text");
	buf[3] ^= 1;
	assert_false(aead_open(&o, nonce, aad, buf, 40 + aead_tag_len((enum aead_id)id), back));
	ok = true;
out:
	aead_clear(&s);
	aead_clear(&o);
	return ok;
}

static bool op_kex(int i)
{
	struct leat_wr a = { 0 }, b = { 0 };
	struct leat_err err = { 0 };
	struct kex_out x, y;
	struct kex k = { 0 };
	bool ok = false;

	if (kex_start(&k, c, group_at((size_t)i), &a, &err) != LEAT_OK ||
		kex_respond(c, group_at((size_t)i), leat_wr_done(&a), &b, &x, &err) != LEAT_OK ||
		kex_finish(&k, c, leat_wr_done(&b), &y, &err) != LEAT_OK) {
		excused(&err);
		goto out;
	}
	assert_int_equal(x.n, y.n);
	assert_memory_equal(x.b, y.b, x.n);
	ok = true;
out:
	kex_clear(&k);
	leat_wr_clear(&a);
	leat_wr_clear(&b);
	return ok;
}

static bool op_sign(int id)
{
	const struct sigscheme *s = sigscheme_by_id((unsigned)id);
	struct leat_err err = { 0 };
	struct leat_wr w = { 0 };
	EVP_PKEY *copy;
	struct key *k;
	long nth = fail_at;
	bool ok = false;

	/* A copy of its own, made undisturbed: one that is not given back shows as leaked blocks. */
	fail_at = 0;
	copy = EVP_PKEY_dup(pkeys[s->key]);
	made = 0;
	fail_at = nth;
	assert_non_null(copy);
	if (key_take_evp(&k, copy, true, &err) != LEAT_OK) {
		assert_null(k);
		return excused(&err);
	}
	if (key_kind(k) != s->key) /* its curve's name could not be asked for */
		goto out;
	for (int i = 0; i < 2; i++) {
		w.n = 0;
		if (sign_make(c, k, s, vec_str("text"), &w, &err) != LEAT_OK) {
			excused(&err);
			goto out;
		}
	}
	ok = sign_check(c, k, s, vec_str("text"), leat_wr_done(&w));
	assert_false(sign_check(c, k, s, vec_str("tex"), leat_wr_done(&w)));
out:
	key_unref(k);
	leat_wr_clear(&w);
	return ok;
}

/* Fails each allocation in turn. Returns how many there were. */
static long every_failure(bool (*op)(int), int arg, bool ours)
{
	long n, failed = 0;

	for (n = 1; n < 5000; n++) {
		bool ok;

		made = 0;
		if (ours)
			leat_mem_fail_at((unsigned long)n);
		else
			fail_at = n;
		ok = op(arg);
		fail_at = 0;
		if (ours)
			made = (long)leat_mem_fail_at(0);
		ERR_clear_error();
		failed += !ok;
		if (made < n) { /* the n-th was not reached: it ran undisturbed */
			assert_true(ok);
			break;
		}
	}
	assert_true(n < 5000);
	assert_true(failed > 0 || n == 1);
	made = 0;
	assert_true(op(arg)); /* nothing is broken for good */
	return n - 1;
}

/* The first pass may fill libcrypto's caches; the second one must give back all it takes. */
static void run(const char *what, bool (*op)(int), int arg)
{
	long before, count;

	every_failure(op, arg, false);
	every_failure(op, arg, true);
	before = live;
	count = every_failure(op, arg, false);
	every_failure(op, arg, true);
	if (live != before)
		fail_msg("%s %d: %ld blocks leaked", what, arg, live - before);
	print_message("%s %d: %ld allocations of libcrypto's\n", what, arg, count);
}

static void instance(void **state)
{
	(void)state;
	run("crypto", op_crypto, 0);
}

static void ciphers(void **state)
{
	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++)
		run("aead", op_aead, id);
}

static void agreement(void **state)
{
	(void)state;
	for (int i = 0; group_at((size_t)i); i++)
		/* of the finite fields one: they differ in size only, and each round takes its time.
		 * Hybrids are in t_hybrid.c of flow/. */
		if (crypto_has_group(c, group_at((size_t)i)) &&
			(group_at((size_t)i)->kind != GROUP_FFDHE ||
				group_at((size_t)i)->id == GROUP_FFDHE2048))
			run("group", op_kex, i);
}

static void signatures(void **state)
{
	static const int ids[] = { 0x0403, 0x0807, 0x0808, 0x0804, 0x0809, 0x0401 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		run("scheme", op_sign, ids[i]);
}

static int setup(void **state)
{
	struct leat_err err = { 0 };
	EVP_PKEY_CTX *x;

	(void)state;
	if (crypto_new(&c, &err) != LEAT_OK)
		return -1;
	pkeys[KEY_RSA] = EVP_RSA_gen(1024);
	pkeys[KEY_EC_P256] = EVP_EC_gen("P-256");
	pkeys[KEY_ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	pkeys[KEY_ED448] = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	x = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	if (!x || EVP_PKEY_keygen_init(x) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(x, 1024) != 1 ||
		EVP_PKEY_keygen(x, &pkeys[KEY_RSA_PSS]) != 1)
		return -1;
	EVP_PKEY_CTX_free(x);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < KEY_COUNT; i++)
		EVP_PKEY_free(pkeys[i]);
	crypto_unref(c);
	return vec_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instance),
		cmocka_unit_test(ciphers),
		cmocka_unit_test(agreement),
		cmocka_unit_test(signatures),
	};

	/* Before libcrypto's first allocation, or it refuses. */
	if (CRYPTO_set_mem_functions(my_malloc, my_realloc, my_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}

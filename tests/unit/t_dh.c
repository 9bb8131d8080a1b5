/* SPDX-License-Identifier: Apache-2.0
 *
 * t_dh.c: user/crypto/dh.c - numbers at their borders, agreement over known and unknown primes, and every
 * value a peer may not send.
 */
#include "vec.h"

#include <openssl/err.h>

#include "crypto/dh.h"

static struct crypto *c;
static uint8_t prime[5][DH_BYTES_MAX];
static const uint8_t two[] = { 2 };

#define G ((struct leat_span){ two, 1 })

/* RFC 3526 3: the 2048-bit MODP group, a safe prime that is not one of RFC 7919. */
static const char modp2048[] =
	"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a0879"
	"8e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b"
	"0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da4836"
	"1c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804"
	"f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6"
	"955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff";

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	if (crypto_new(&c, &err) != LEAT_OK)
		return -1;
	for (unsigned i = 0; i < 5; i++)
		if (!dh_prime_of(c, group_by_id(GROUP_FFDHE2048 + i), prime[i]))
			return -1;
	return 0;
}

static int teardown(void **state)
{
	crypto_unref(c);
	return vec_teardown(state);
}

static struct leat_span p_of(unsigned i)
{
	return (struct leat_span){ prime[i], group_by_id(GROUP_FFDHE2048 + i)->share_len };
}

static void numbers(void **state)
{
	(void)state;
	assert_int_equal(dh_trim(vec_hex("00000102")).n, 2);
	assert_int_equal(dh_trim(vec_hex("0000")).n, 0);
	assert_int_equal(dh_trim((struct leat_span){ NULL, 0 }).n, 0);
	assert_int_equal(dh_bits(vec_hex("01")), 1);
	assert_int_equal(dh_bits(vec_hex("80")), 8);
	assert_int_equal(dh_bits(vec_hex("0100")), 9);
	assert_int_equal(dh_bits((struct leat_span){ NULL, 0 }), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(dh_bits(p_of(i)), 8 * p_of(i).n);
}

/* 1 < y < p-1, with zeros in front or without. p is 0x010b. */
static void range(void **state)
{
	struct leat_span p = vec_hex("010b");

	(void)state;
	assert_false(dh_is_value(p, (struct leat_span){ NULL, 0 }));
	assert_false(dh_is_value(p, vec_hex("00")));
	assert_false(dh_is_value(p, vec_hex("01")));
	assert_false(dh_is_value(p, vec_hex("0001")));
	assert_true(dh_is_value(p, vec_hex("02")));
	assert_true(dh_is_value(p, vec_hex("ff")));
	assert_true(dh_is_value(p, vec_hex("000109")));
	assert_false(dh_is_value(p, vec_hex("010a"))); /* p - 1 */
	assert_false(dh_is_value(p, vec_hex("010b")));
	assert_false(dh_is_value(p, vec_hex("010c")));
	assert_false(dh_is_value(p, vec_hex("0200")));
	assert_false(dh_is_value(p, vec_hex("010000")));
}

static void known_groups(void **state)
{
	static const uint8_t three[] = { 3 }, long_two[] = { 0, 0, 2 };
	uint8_t other[256];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_ptr_equal(dh_known_group(c, p_of(i), G), group_by_id(GROUP_FFDHE2048 + i));
		assert_ptr_equal(dh_known_group(c, p_of(i), (struct leat_span){ long_two, 3 }),
			group_by_id(GROUP_FFDHE2048 + i));
		assert_null(dh_known_group(c, p_of(i), (struct leat_span){ three, 1 }));
		assert_null(dh_known_group(c, p_of(i), (struct leat_span){ NULL, 0 }));
	}
	memcpy(other, prime[0], 256);
	other[100] ^= 1;
	assert_null(dh_known_group(c, (struct leat_span){ other, 256 }, G));
	assert_null(dh_known_group(c, vec_hex(modp2048), G));
}

static void agree(struct leat_span p)
{
	struct leat_wr ys = { 0 }, yc = { 0 };
	struct leat_err err = { 0 };
	struct kex mine, theirs;
	struct kex_out a, b;

	assert_int_equal(dh_start(&mine, p, G, &ys, &err), LEAT_OK);
	assert_int_equal(ys.n, p.n);
	assert_int_equal(dh_import(&theirs, p, G, leat_wr_done(&ys), &err), LEAT_OK);
	assert_int_equal(dh_answer(&theirs, &yc, &a, &err), LEAT_OK);
	assert_int_equal(yc.n, p.n);
	assert_int_equal(dh_finish(&mine, leat_wr_done(&yc), &b, &err), LEAT_OK);
	assert_int_equal(a.n, p.n);
	assert_int_equal(b.n, p.n);
	assert_memory_equal(a.b, b.b, p.n);
	assert_int_equal(ERR_peek_error(), 0);
	kex_clear(&mine);
	kex_clear(&theirs);
	leat_wr_clear(&ys);
	leat_wr_clear(&yc);
}

static void both_sides_agree(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		agree(p_of(i));
	agree(vec_hex(modp2048));
}

static void refused(struct kex *mine, struct leat_span y)
{
	struct leat_err err = { 0 };
	struct kex_out o = { 0 };

	assert_int_equal(dh_finish(mine, y, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_int_equal(o.n, 0);
}

static void bad_values(void **state)
{
	struct leat_wr share = { 0 };
	struct leat_err err = { 0 };
	uint8_t y[257] = { 0 };
	struct kex mine, none = { 0 };
	struct kex_out o;

	(void)state;
	assert_int_equal(dh_start(&mine, p_of(0), G, &share, &err), LEAT_OK);
	refused(&mine, (struct leat_span){ NULL, 0 });
	refused(&mine, (struct leat_span){ y, 256 });
	refused(&mine, (struct leat_span){ y, 257 });
	y[255] = 1;
	refused(&mine, (struct leat_span){ y, 256 });
	refused(&mine, (struct leat_span){ y + 255, 1 });
	refused(&mine, p_of(0));
	memcpy(y, prime[0], 256);
	y[255]--;
	refused(&mine, (struct leat_span){ y, 256 });
	memset(y, 0xff, 257);
	refused(&mine, (struct leat_span){ y, 256 });
	refused(&mine, (struct leat_span){ y, 257 });
	/* a short one is a number like any other */
	y[0] = 5;
	assert_int_equal(dh_finish(&mine, (struct leat_span){ y, 1 }, &o, &err), LEAT_OK);
	assert_int_equal(o.n, 256);
	kex_out_clear(&o);
	kex_clear(&mine);
	leat_wr_clear(&share);
	assert_int_equal(dh_finish(&none, p_of(0), &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(dh_answer(&none, &share, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
}

/* RFC 5246 8.1.2 strips zeros in front and no others. */
static void premaster(void **state)
{
	struct kex_out o = { .n = 5, .b = { 0, 0, 7, 0, 9 } };

	(void)state;
	assert_int_equal(dh_premaster(&o).n, 3);
	assert_ptr_equal(dh_premaster(&o).p, o.b + 2);
	o.b[0] = 0x80;
	assert_int_equal(dh_premaster(&o).n, 5);
	memset(o.b, 0, 5);
	assert_int_equal(dh_premaster(&o).n, 0);
	o.b[4] = 1;
	assert_int_equal(dh_premaster(&o).n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(numbers, vec_teardown),
		cmocka_unit_test_teardown(range, vec_teardown),
		cmocka_unit_test(known_groups),
		cmocka_unit_test_teardown(both_sides_agree, vec_teardown),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(premaster),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rec_user.c: user/rec/rec_user.c: layout, nonces, limits, padding, and every way a record can be
 * wrong. The wire form is checked against an independent construction with crypto/aead.h alone.
 *
 * REQ: GEN-integrity LIM-record SEC-alert-oracle TIM-seq-64
 */
#include "vec.h"

#include "rec/rec_user.h"
#include "sched/sched13.h"

static struct crypto *crypto;

static const enum aead_id aeads[] = { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305,
	AEAD_AES_128_CCM, AEAD_AES_128_CCM_8 };
static const uint16_t versions[] = { LEAT_TLS12, LEAT_TLS13 };
#define NUM(a) (sizeof(a) / sizeof((a)[0]))

struct pair {
	struct traffic_keys keys;
	struct rec_half tx, rx;
	struct leat_err err;
	uint8_t buf[LIM_RECORD_HEADER + LIM_CIPHERTEXT12 + 64];
};

static void pair_open(struct pair *p, enum aead_id aead, uint16_t version)
{
	memset(p, 0, sizeof(*p));
	p->keys.aead = aead;
	p->keys.version = version;
	for (size_t i = 0; i < sizeof(p->keys.key); i++)
		p->keys.key[i] = (uint8_t)(i * 7 + 1);
	/* TLS 1.2 GCM and CCM: only the 4-byte salt is secret, the rest is zero */
	for (size_t i = 0; i < (aead_explicit_len(aead, version) ? 4 : 12); i++)
		p->keys.iv[i] = (uint8_t)(0xc0 + i);
	assert_int_equal(rec_half_keys(&p->tx, crypto, &p->keys, true, &p->err), LEAT_OK);
	assert_int_equal(rec_half_keys(&p->rx, crypto, &p->keys, false, &p->err), LEAT_OK);
}

static void pair_close(struct pair *p)
{
	rec_half_clear(&p->tx);
	rec_half_clear(&p->rx);
}

static size_t seal(struct pair *p, uint8_t type, struct leat_span in, size_t pad)
{
	return rec_seal(&p->tx, type, in.p, in.n, pad, LEAT_TLS12, p->buf, &p->err);
}

static enum leat_ret open_buf(struct pair *p, uint8_t *type, struct leat_span *payload)
{
	struct rec_hdr hdr;

	if (rec_hdr_check(&p->rx, p->buf, &hdr, &p->err) != LEAT_OK)
		return LEAT_FAILED;
	return rec_open(&p->rx, p->buf, &hdr, type, payload, &p->err);
}

static void assert_refused(struct pair *p, unsigned alert)
{
	struct leat_span payload;
	uint8_t type;

	assert_int_equal(open_buf(p, &type, &payload), LEAT_FAILED);
	assert_int_equal(p->err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(p->err.alert, alert);
	memset(&p->err, 0, sizeof(p->err));
}

static void test_roundtrip(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 1400, 16383, 16384 };
	struct pair p;
	struct leat_span payload;
	uint8_t type;

	(void)state;
	for (size_t a = 0; a < NUM(aeads); a++)
		for (size_t v = 0; v < NUM(versions); v++) {
			pair_open(&p, aeads[a], versions[v]);
			for (size_t s = 0; s < NUM(sizes); s++) {
				struct leat_span in = vec_noise(sizes[s]);
				size_t n = seal(&p, 23, in, 0);

				assert_int_equal(n, sizes[s] + rec_overhead(&p.tx));
				assert_int_equal(open_buf(&p, &type, &payload), LEAT_OK);
				assert_int_equal(type, 23);
				assert_int_equal(payload.n, in.n);
				if (in.n)
					assert_memory_equal(payload.p, in.p, in.n);
			}
			assert_int_equal(p.tx.seq, NUM(sizes));
			assert_int_equal(p.rx.seq, NUM(sizes));
			pair_close(&p);
		}
}

/* In place: payload already at its final offset; the wire bytes are the same as from elsewhere. */
static void test_in_place(void **state)
{
	static struct pair p, q;
	struct leat_span in = vec_noise(5000);
	size_t n, m;

	(void)state;
	for (size_t a = 0; a < NUM(aeads); a++)
		for (size_t v = 0; v < NUM(versions); v++) {
			pair_open(&p, aeads[a], versions[v]);
			pair_open(&q, aeads[a], versions[v]);
			n = seal(&p, 22, in, 0);
			memcpy(q.buf + rec_prefix(&q.tx), in.p, in.n);
			m = rec_seal(&q.tx, 22, q.buf + rec_prefix(&q.tx), in.n, 0, LEAT_TLS12,
				q.buf, &q.err);
			assert_int_equal(n, m);
			assert_memory_equal(p.buf, q.buf, n);
			pair_close(&p);
			pair_close(&q);
		}
}

/* RFC 8446 5.2 and 5.3 by hand: the same record from the AEAD alone. */
static void test_layout13(void **state)
{
	static const uint8_t body[6] = { 'h', 'e', 'l', 'l', 'o', 23 };
	static struct pair p;
	struct aead aead = { 0 };
	struct leat_err err = { 0 };
	uint8_t header[5] = { 23, 3, 3, 0, 6 + 16 }, want[5 + 6 + 16], nonce[12];

	(void)state;
	pair_open(&p, AEAD_AES_128_GCM, LEAT_TLS13);
	p.tx.seq = 0x0102030405060708;
	memcpy(nonce, p.keys.iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(i + 1);
	assert_int_equal(
		aead_init(&aead, crypto, AEAD_AES_128_GCM, p.keys.key, true, &err), LEAT_OK);
	memcpy(want, header, 5);
	assert_int_equal(
		aead_seal(&aead, nonce, (struct leat_span){ header, 5 }, body, 6, want + 5),
		LEAT_OK);
	p.tx.limit = UINT64_MAX - 1;
	assert_int_equal(seal(&p, 23, (struct leat_span){ body, 5 }, 0), sizeof(want));
	assert_memory_equal(p.buf, want, sizeof(want));
	aead_clear(&aead);
	pair_close(&p);
}

/* RFC 5246 6.2.3.3 and RFC 5288 3 by hand. */
static void test_layout12(void **state)
{
	static const uint8_t body[5] = { 'h', 'e', 'l', 'l', 'o' };
	static struct pair p;
	struct aead aead = { 0 };
	struct leat_err err = { 0 };
	uint8_t aad[13] = { 0, 0, 0, 0, 0, 0, 0, 9, 23, 3, 3, 0, 5 };
	uint8_t want[5 + 8 + 5 + 16] = { 23, 3, 3, 0, 8 + 5 + 16, 0, 0, 0, 0, 0, 0, 0, 9 };
	uint8_t nonce[12] = { 0xc0, 0xc1, 0xc2, 0xc3, 0, 0, 0, 0, 0, 0, 0, 9 };

	(void)state;
	pair_open(&p, AEAD_AES_256_GCM, LEAT_TLS12);
	p.tx.seq = 9;
	assert_int_equal(
		aead_init(&aead, crypto, AEAD_AES_256_GCM, p.keys.key, true, &err), LEAT_OK);
	assert_int_equal(aead_seal(&aead, nonce, (struct leat_span){ aad, 13 }, body, 5, want + 13),
		LEAT_OK);
	assert_int_equal(seal(&p, 23, (struct leat_span){ body, 5 }, 0), sizeof(want));
	assert_memory_equal(p.buf, want, sizeof(want));
	aead_clear(&aead);
	pair_close(&p);
}

/* Every single changed bit of a record is noticed, and always in the same way. */
static void test_tamper(void **state)
{
	static struct pair p;
	static uint8_t good[256];
	struct leat_span in = vec_str("some application data");
	size_t n;

	(void)state;
	for (size_t a = 0; a < NUM(aeads); a++)
		for (size_t v = 0; v < NUM(versions); v++) {
			pair_open(&p, aeads[a], versions[v]);
			n = seal(&p, 23, in, 0);
			memcpy(good, p.buf, n);
			for (size_t bit = LIM_RECORD_HEADER * 8; bit < n * 8; bit++) {
				memcpy(p.buf, good, n);
				p.buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_refused(&p, LEAT_ALERT_BAD_RECORD_MAC);
			}
			/* a failed record does not advance the sequence: the good one still opens */
			memcpy(p.buf, good, n);
			{
				struct leat_span payload;
				uint8_t type;

				assert_int_equal(open_buf(&p, &type, &payload), LEAT_OK);
				memcpy(p.buf, good, n); /* replayed: the sequence moved on */
			}
			assert_refused(&p, LEAT_ALERT_BAD_RECORD_MAC);
			pair_close(&p);
		}
}

static void test_short(void **state)
{
	static struct pair p;
	uint8_t type;
	struct leat_span payload;

	(void)state;
	for (size_t a = 0; a < NUM(aeads); a++)
		for (size_t v = 0; v < NUM(versions); v++) {
			pair_open(&p, aeads[a], versions[v]);
			for (size_t n = 0; n < rec_overhead(&p.tx) - LIM_RECORD_HEADER; n++) {
				memset(p.buf, 0, sizeof(p.buf));
				p.buf[0] = 23;
				p.buf[1] = p.buf[2] = 3;
				p.buf[4] = (uint8_t)n;
				assert_int_equal(open_buf(&p, &type, &payload), LEAT_FAILED);
				assert_int_equal(p.err.alert, LEAT_ALERT_BAD_RECORD_MAC);
				memset(&p.err, 0, sizeof(p.err));
			}
			pair_close(&p);
		}
}

static void test_padding13(void **state)
{
	static const size_t pads[] = { 0, 1, 255, 16383 };
	static struct pair p;
	struct leat_span payload;
	uint8_t type;

	(void)state;
	pair_open(&p, AEAD_AES_128_GCM, LEAT_TLS13);
	for (size_t i = 0; i < NUM(pads); i++) {
		assert_true(seal(&p, 22, vec_str("x"), pads[i]) > 0);
		assert_int_equal(open_buf(&p, &type, &payload), LEAT_OK);
		assert_int_equal(type, 22);
		assert_int_equal(payload.n, 1);
	}
	/* content that ends in zeros is not padding: the type byte stands behind it */
	assert_true(seal(&p, 23, vec_hex("00 00 00"), 3) > 0);
	assert_int_equal(open_buf(&p, &type, &payload), LEAT_OK);
	assert_int_equal(payload.n, 3);
	/* RFC 8446 5.4: no non-zero octet at all */
	assert_true(seal(&p, 0, vec_hex("00 00"), 5) > 0);
	assert_refused(&p, LEAT_ALERT_UNEXPECTED_MESSAGE);
	/* empty handshake and alert contents are refused, empty data is not */
	assert_true(seal(&p, 22, vec_hex(""), 9) > 0);
	assert_refused(&p, LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_true(seal(&p, 21, vec_hex(""), 0) > 0);
	assert_refused(&p, LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_true(seal(&p, 23, vec_hex(""), 9) > 0);
	assert_int_equal(open_buf(&p, &type, &payload), LEAT_OK);
	/* a protected change_cipher_spec, and a type nobody knows */
	assert_true(seal(&p, 20, vec_hex("01"), 0) > 0);
	assert_refused(&p, LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_true(seal(&p, 24, vec_hex("01"), 0) > 0);
	assert_refused(&p, LEAT_ALERT_UNEXPECTED_MESSAGE);
	pair_close(&p);
}

static void assert_header(struct rec_half *h, const char *hex, int alert)
{
	struct leat_err err = { 0 };
	struct rec_hdr hdr;
	enum leat_ret r = rec_hdr_check(h, vec_hex(hex).p, &hdr, &err);

	if (alert < 0) {
		assert_int_equal(r, LEAT_OK);
		return;
	}
	assert_int_equal(r, LEAT_FAILED);
	assert_int_equal(err.alert, alert);
}

static void test_headers(void **state)
{
	static struct pair p12, p13;
	struct rec_half clear = { 0 };

	(void)state;
	pair_open(&p12, AEAD_AES_128_GCM, LEAT_TLS12);
	pair_open(&p13, AEAD_AES_128_GCM, LEAT_TLS13);
	/* cleartext: any 3.x, at most 2^14 */
	assert_header(&clear, "16 0301 0001", -1);
	assert_header(&clear, "16 0303 4000", -1);
	assert_header(&clear, "16 03ff 0010", -1);
	assert_header(&clear, "16 0303 4001", LEAT_ALERT_RECORD_OVERFLOW);
	assert_header(&clear, "16 0203 0010", LEAT_ALERT_PROTOCOL_VERSION);
	assert_header(&clear, "16 0303 0000", LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_header(&clear, "15 0303 0000", LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_header(&clear, "18 0303 0003", LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_header(&clear, "80 2e01 0301", LEAT_ALERT_PROTOCOL_VERSION);   /* SSL 2.0 hello */
	assert_header(&clear, "47 4554 202f", LEAT_ALERT_UNEXPECTED_MESSAGE); /* GET / */
	assert_header(&clear, "48 5454 502f", LEAT_ALERT_UNEXPECTED_MESSAGE); /* HTTP/ */
	assert_header(&clear, "3c 2144 4f43", LEAT_ALERT_UNEXPECTED_MESSAGE); /* <!DOC */
	/* TLS 1.3 keys: only application_data, at most LIM_CIPHERTEXT13, or a CCS of one byte */
	assert_header(&p13.rx, "17 0303 4100", -1);
	assert_header(&p13.rx, "17 0303 4101", LEAT_ALERT_RECORD_OVERFLOW);
	assert_header(&p13.rx, "14 0303 0001", -1);
	assert_header(&p13.rx, "14 0303 0002", LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_header(&p13.rx, "15 0303 0002", LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_header(&p13.rx, "16 0303 0020", LEAT_ALERT_UNEXPECTED_MESSAGE);
	/* TLS 1.2 keys: exactly 3.3, at most 2^14 + 2048 */
	assert_header(&p12.rx, "16 0303 4800", -1);
	assert_header(&p12.rx, "16 0303 4801", LEAT_ALERT_RECORD_OVERFLOW);
	assert_header(&p12.rx, "16 0301 0020", LEAT_ALERT_PROTOCOL_VERSION);
	assert_header(&p12.rx, "19 0303 0020", LEAT_ALERT_UNEXPECTED_MESSAGE);
	pair_close(&p12);
	pair_close(&p13);
}

/* Content one byte over 2^14 inside a record whose ciphertext is within its own limit. */
static void test_overflow(void **state)
{
	static struct pair p;
	static uint8_t inner[LIM_PLAINTEXT + 2];
	struct aead aead = { 0 };
	struct leat_err err = { 0 };
	size_t n = sizeof(inner) + 16;

	(void)state;
	pair_open(&p, AEAD_AES_128_GCM, LEAT_TLS13);
	inner[sizeof(inner) - 1] = 23;
	memcpy(p.buf, (uint8_t[]){ 23, 3, 3, (uint8_t)(n >> 8), (uint8_t)n }, 5);
	assert_int_equal(
		aead_init(&aead, crypto, AEAD_AES_128_GCM, p.keys.key, true, &err), LEAT_OK);
	assert_int_equal(aead_seal(&aead, p.keys.iv, (struct leat_span){ p.buf, 5 }, inner,
				 sizeof(inner), p.buf + 5),
		LEAT_OK);
	assert_refused(&p, LEAT_ALERT_RECORD_OVERFLOW);
	/* and our own side never makes one */
	assert_int_equal(
		rec_seal(&p.tx, 23, inner, LIM_PLAINTEXT + 1, 0, LEAT_TLS12, p.buf, &p.err), 0);
	assert_int_equal(p.err.cls, LEAT_E_MISUSE);
	memset(&p.err, 0, sizeof(p.err));
	assert_int_equal(
		rec_seal(&p.tx, 23, inner, LIM_PLAINTEXT, 1, LEAT_TLS12, p.buf, &p.err), 0);
	aead_clear(&aead);
	pair_close(&p);
}

/* Key limits: RFC 8446 5.5. The number of records is checked, not believed. */
static void test_limits(void **state)
{
	static struct pair p;

	(void)state;
	pair_open(&p, AEAD_AES_128_GCM, LEAT_TLS13);
	assert_int_equal(rec_half_left(&p.tx), 23726566); /* floor(2^24.5) */
	assert_int_equal(rec_half_left(&p.rx), UINT64_MAX - 1);
	p.tx.seq = p.tx.limit;
	assert_int_equal(rec_half_left(&p.tx), 0);
	assert_true(seal(&p, 21, vec_hex("0100"), 0) > 0); /* the one kept back */
	assert_int_equal(seal(&p, 21, vec_hex("0100"), 0), 0);
	assert_int_equal(p.err.alert, LEAT_ALERT_INTERNAL_ERROR);
	pair_close(&p);
	pair_open(&p, AEAD_AES_128_CCM, LEAT_TLS12);
	assert_int_equal(rec_half_left(&p.tx), 1 << 23);
	pair_close(&p);
	/* RFC 8446 5.3: sequence numbers must not wrap; the reader stops too */
	pair_open(&p, AEAD_CHACHA20_POLY1305, LEAT_TLS13);
	p.tx.seq = p.rx.seq = UINT64_MAX - 1;
	assert_true(seal(&p, 23, vec_str("last"), 0) > 0);
	{
		struct leat_span payload;
		uint8_t type;

		assert_int_equal(open_buf(&p, &type, &payload), LEAT_OK);
	}
	assert_int_equal(seal(&p, 23, vec_str("one more"), 0), 0);
	memset(&p.err, 0, sizeof(p.err));
	assert_refused(&p, LEAT_ALERT_BAD_RECORD_MAC);
	pair_close(&p);
}

static void test_cleartext(void **state)
{
	struct rec_half clear = { 0 };
	struct leat_err err = { 0 };
	uint8_t out[16];

	(void)state;
	assert_int_equal(rec_overhead(&clear), 5);
	assert_int_equal(rec_seal(&clear, 22, vec_hex("0102").p, 2, 0, 0x0301, out, &err), 7);
	assert_hex(out, 7, "16 0301 0002 0102");
	assert_int_equal(rec_half_left(&clear), UINT64_MAX);
}

/* New keys start at sequence 0; a failed change leaves the old ones (unknown AEAD). */
static void test_rekey(void **state)
{
	static struct pair p;
	struct traffic_keys bad = { .aead = AEAD_NONE, .version = LEAT_TLS13 };

	(void)state;
	pair_open(&p, AEAD_AES_128_GCM, LEAT_TLS13);
	assert_true(seal(&p, 23, vec_str("a"), 0) > 0);
	assert_int_equal(rec_half_keys(&p.tx, crypto, &bad, true, &p.err), LEAT_FAILED);
	assert_int_equal(p.tx.seq, 1);
	assert_true(seal(&p, 23, vec_str("b"), 0) > 0);
	memset(&p.err, 0, sizeof(p.err));
	assert_int_equal(rec_half_keys(&p.tx, crypto, &p.keys, true, &p.err), LEAT_OK);
	assert_int_equal(p.tx.seq, 0);
	pair_close(&p);
}

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	return crypto_new(&crypto, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	crypto_unref(crypto);
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roundtrip),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_layout13),
		cmocka_unit_test(test_layout12),
		cmocka_unit_test(test_tamper),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_padding13),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cleartext),
		cmocka_unit_test(test_rekey),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

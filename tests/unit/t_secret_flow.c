/* SPDX-License-Identifier: Apache-2.0
 *
 * t_secret_flow.c - no branch and no index depends on a secret. Run by itself it checks that the flows
 * work; test_secret_flow.py runs it under valgrind, where secrets are marked as undefined memory at
 * their sources and memcheck then reports every branch and every address that depends on one.
 *
 * Sources: what a key agreement gives, the PSK that enters the key schedule, every AEAD key, ticket keys
 * too. Everything else of a connection (traffic secrets, Finished, binders) is computed from those. Made
 * public again is only what is public: bytes on the wire, plaintext whose tag was right, the verdict of
 * leat_ct_equal. What libcrypto does inside is its own affair (secret_flow.supp).
 *
 * With LEAT_SECRET_FLOW=violate in the environment the comparison stops at the first difference, as
 * memcmp does: valgrind must find that in each flow. With LEAT_SECRET_FLOW=padding the end of a record's
 * padding is looked for before the verdict on its tag is known: found in the records' flow.
 *
 * TIMEOUT: 300
 */
#include "duo.h"
#include "ids.h"

#include <valgrind/memcheck.h>

#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "pki.h"
#include "rec/rec_user.h"
#include "sched/sched13.h"
#include "wire/finished.h"

#define SECRET(p, n) VALGRIND_MAKE_MEM_UNDEFINED((p), (n))
#define PUBLIC(p, n) VALGRIND_MAKE_MEM_DEFINED((p), (n))

static bool violate, violate_padding;
static unsigned compared, of_secrets; /* calls of leat_ct_equal, and those with a secret in them */

static bool has_secret(const void *p, size_t n)
{
	uint8_t v[64] = { 0 };

	if (n > sizeof(v) || VALGRIND_GET_VBITS(p, v, n) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return true;
	return false;
}

/* ---- the sources and the sinks, put around the product's functions by the linker ---- */

__typeof__(leat_ct_equal) __real_leat_ct_equal, __wrap_leat_ct_equal;
bool __wrap_leat_ct_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	bool same;

	compared++;
	of_secrets += has_secret(a, n) || has_secret(b, n);
	if (violate)
		for (size_t i = 0; i < n; i++)
			if (x[i] != y[i])
				return false;
	same = __real_leat_ct_equal(a, b, n);
	PUBLIC(&same, sizeof(same));
	return same;
}

__typeof__(kex_finish) __real_kex_finish, __wrap_kex_finish;
enum leat_ret __wrap_kex_finish(struct kex *k, const struct crypto *c, struct leat_span peer,
	struct kex_out *out, struct leat_err *err)
{
	enum leat_ret r = __real_kex_finish(k, c, peer, out, err);

	SECRET(out->b, out->n);
	return r;
}

__typeof__(kex_respond) __real_kex_respond, __wrap_kex_respond;
enum leat_ret __wrap_kex_respond(const struct crypto *c, const struct group *g,
	struct leat_span peer, struct leat_wr *share, struct kex_out *out, struct leat_err *err)
{
	enum leat_ret r = __real_kex_respond(c, g, peer, share, out, err);

	SECRET(out->b, out->n);
	return r;
}

__typeof__(sched13_early) __real_sched13_early, __wrap_sched13_early;
void __wrap_sched13_early(struct sched13 *s, enum hash_id h, struct leat_span psk)
{
	uint8_t copy[256];

	assert_in_range(psk.n, 0, sizeof(copy));
	if (psk.n)
		memcpy(copy, psk.p, psk.n);
	SECRET(copy, psk.n);
	__real_sched13_early(s, h, (struct leat_span){ copy, psk.n });
}

__typeof__(aead_init) __real_aead_init, __wrap_aead_init;
enum leat_ret __wrap_aead_init(struct aead *a, const struct crypto *c, enum aead_id id,
	const uint8_t *key, bool sealing, struct leat_err *err)
{
	uint8_t copy[32];

	memcpy(copy, key, aead_key_len(id));
	SECRET(copy, sizeof(copy));
	return __real_aead_init(a, c, id, copy, sealing, err);
}

/* Where the padding ends, as nobody may ask before the tag was found right. */
static size_t content_end(const uint8_t *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return n;
}

__typeof__(aead_open) __real_aead_open, __wrap_aead_open;
bool __wrap_aead_open(struct aead *a, const uint8_t nonce[12], struct leat_span aad,
	const uint8_t *in, size_t n, uint8_t *out)
{
	bool ok = __real_aead_open(a, nonce, aad, in, n, out);

	if (violate_padding && !content_end(out, n - aead_tag_len(a->id)))
		return false;
	if (ok)
		PUBLIC(out, n - aead_tag_len(a->id));
	return ok;
}

/* On its way to the peer. */
__typeof__(enc_finished) __real_enc_finished, __wrap_enc_finished;
void __wrap_enc_finished(struct leat_wr *w, struct leat_span verify_data)
{
	PUBLIC(verify_data.p, verify_data.n);
	__real_enc_finished(w, verify_data);
}

/* ---- flows ---- */

static void on_the_wire(struct duo_side *s)
{
	duo_pull(s);
	PUBLIC(s->wire.p, s->wire.n);
}

static void turn(struct duo *d)
{
	for (int from = 0; from < 2; from++) {
		on_the_wire(&d->side[from]);
		(void)!duo_pass(d, (enum leat_role)from);
	}
}

static bool is_up(const struct duo *d)
{
	return leat_engine_wants(d->side[0].e) & leat_engine_wants(d->side[1].e) & LEAT_IS_UP;
}

static void start(void)
{
	const char *mode = getenv("LEAT_SECRET_FLOW");

	violate = mode && strcmp(mode, "violate") == 0;
	violate_padding = mode && strcmp(mode, "padding") == 0;
	compared = of_secrets = 0;
}

/* The comparisons were those meant, and under valgrind they saw secrets. */
static void compared_secrets(unsigned least)
{
	assert_in_range(compared, least, 100);
	if (RUNNING_ON_VALGRIND)
		assert_int_equal(of_secrets, compared);
}

static void talk(struct duo *d)
{
	size_t taken;

	assert_int_equal(leat_engine_write(d->side[0].e, "question", 8, &taken), LEAT_OK);
	turn(d);
	assert_int_equal(leat_engine_write(d->side[1].e, "answer", 6, &taken), LEAT_OK);
	turn(d);
	assert_int_equal(d->side[1].got.n, 8);
	assert_int_equal(d->side[0].got.n, 6);
	assert_int_equal(leat_engine_close(d->side[0].e), LEAT_OK);
	turn(d);
	assert_true(leat_engine_wants(d->side[1].e) & LEAT_IS_EOF);
}

static void full(const char *version)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_EC_P256, version, NULL);
	struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, version, NULL);
	struct duo d;

	start();
	duo_open(&d, c, s, "localhost");
	for (int i = 0; i < 6 && !is_up(&d); i++)
		turn(&d);
	assert_true(is_up(&d));
	compared_secrets(2);
	talk(&d);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void finished_13(void **state)
{
	(void)state;
	full("versions=tlsv1.3");
}

static void finished_12(void **state)
{
	(void)state;
	full("versions=tlsv1.2");
}

/* Ticket sealed, opened, its PSK bound: four comparisons of Finished and one of a binder. */
static void binder_and_ticket(void **state)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.3", "session_tickets=manual", NULL);
	struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.3", NULL);
	struct leat_engine_opts opts = { .host = "localhost" };
	struct leat_engine_info info;
	struct duo d;

	(void)state;
	start();
	duo_open_with(&d, c, s, &opts);
	for (int i = 0; i < 6 && !opts.session; i++) {
		turn(&d);
		opts.session = leat_engine_take_session(d.side[0].e);
	}
	assert_non_null(opts.session);
	duo_close(&d);
	duo_open_with(&d, c, s, &opts);
	for (int i = 0; i < 6 && !is_up(&d); i++)
		turn(&d);
	assert_true(is_up(&d));
	leat_engine_info(d.side[1].e, &info);
	assert_true(info.resumed);
	compared_secrets(5);
	talk(&d);
	duo_close(&d);
	leat_session_unref(opts.session);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* What was wrong is told as late and by the same path: Finished with one bit changed. */
static void wrong_finished(void **state)
{
	uint8_t want[32], got[32];

	(void)state;
	start();
	memset(want, 5, sizeof(want));
	for (size_t at = 0; at < 32; at += 31) {
		memcpy(got, want, sizeof(got));
		got[at] ^= 1;
		SECRET(want, sizeof(want));
		assert_false(leat_ct_equal(want, got, sizeof(want)));
		PUBLIC(want, sizeof(want));
		memcpy(got, want, sizeof(got));
		SECRET(want, sizeof(want));
		assert_true(leat_ct_equal(want, got, sizeof(want)));
		PUBLIC(want, sizeof(want));
	}
	compared_secrets(4);
}

/* Records under a secret key: a right tag, a wrong one, and padding. Of the plaintext only the padding
 * and the content type are looked at (RFC 8446 5.4), never the content. */
static void tag_and_padding(enum aead_id id, unsigned version)
{
	struct traffic_keys keys = { .aead = id, .version = (uint16_t)version };
	struct rec_half tx = { 0 }, rx = { 0 };
	struct leat_err err = { 0 };
	struct crypto *c = NULL;
	uint8_t rec[512], type, text[64];
	struct leat_span payload;
	struct rec_hdr hdr;
	size_t n;

	start();
	assert_int_equal(crypto_new(&c, &err), LEAT_OK);
	memset(text, 'x', sizeof(text));
	for (int wrong = 0; wrong < 3; wrong++) {
		memset(keys.key, 7, sizeof(keys.key));
		SECRET(keys.key, sizeof(keys.key));
		SECRET(text, sizeof(text));
		assert_int_equal(rec_half_keys(&tx, c, &keys, true, &err), LEAT_OK);
		assert_int_equal(rec_half_keys(&rx, c, &keys, false, &err), LEAT_OK);
		n = rec_seal(&tx, 23, text, sizeof(text), version == LEAT_TLS13 ? 40 : 0,
			LEAT_TLS12, rec, &err);
		assert_true(n > sizeof(text));
		PUBLIC(rec, n);
		if (wrong) /* its first byte, its last: the tag */
			rec[wrong == 1 ? n - 1 : n - aead_tag_len(id)] ^= 1;
		assert_int_equal(rec_hdr_check(&rx, rec, &hdr, &err), LEAT_OK);
		if (wrong) {
			assert_int_equal(
				rec_open(&rx, rec, &hdr, &type, &payload, &err), LEAT_FAILED);
			assert_int_equal(err.alert, LEAT_ALERT_BAD_RECORD_MAC);
			memset(&err, 0, sizeof(err));
		} else {
			assert_int_equal(rec_open(&rx, rec, &hdr, &type, &payload, &err), LEAT_OK);
			assert_int_equal(payload.n, sizeof(text));
		}
		rec_half_clear(&tx);
		rec_half_clear(&rx);
	}
	crypto_unref(c);
}

static void record_tags(void **state)
{
	(void)state;
	tag_and_padding(AEAD_AES_128_GCM, LEAT_TLS13);
	tag_and_padding(AEAD_CHACHA20_POLY1305, LEAT_TLS13);
	tag_and_padding(AEAD_AES_128_CCM, LEAT_TLS13);
	tag_and_padding(AEAD_AES_256_GCM, LEAT_TLS12);
	tag_and_padding(AEAD_CHACHA20_POLY1305, LEAT_TLS12);
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_finished),
		cmocka_unit_test(finished_13),
		cmocka_unit_test(finished_12),
		cmocka_unit_test(binder_and_ticket),
		cmocka_unit_test(record_tags),
	};

	if (argc > 1) /* one of them */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, teardown);
}

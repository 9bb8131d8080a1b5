/* SPDX-License-Identifier: Apache-2.0
 *
 * t_secret_flow.c - no branch and no index depends on a secret. Run by itself it checks that the flows
 * work; test_secret_flow.py runs it under valgrind, where secrets are marked as undefined memory at
 * their sources and memcheck then reports every branch and every address that depends on one.
 *
 * Sources: what a key agreement gives (ECDH, DH), PSKs as the application hands them over and as they
 * enter a key schedule, every AEAD key, ticket keys as they are imported. Everything else of a connection
 * (premaster secrets, traffic secrets, Finished, binders, cookies) is computed from those. Made public again
 * is only what is public: bytes on the wire, plaintext whose tag was right, the verdict of leat_ct_equal,
 * and how many zeros RFC 5246 8.1.2 strips from a DH secret (crypto/dh.h says why that does no harm). What
 * libcrypto does inside is its own affair (secret_flow.supp).
 *
 * LEAT_SECRET_FLOW in the environment plants a mistake, which valgrind must find:
 *	violate    a comparison stops at the first difference, as memcmp does
 *	padding    the end of a record's padding is looked for before the verdict on its tag is known
 *	premaster  the premaster secret of TLS 1.2 is looked at
 *	strip      the zeros before a DH secret are skipped by a loop that ends with them
 *	ticket     a ticket key is looked at
 *	psk        a PSK of TLS 1.3 is looked at
 *
 * TIMEOUT: 300
 */
#include "duo.h"
#include "ids.h"

#include <valgrind/memcheck.h>

#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/kex.h"
#include "pki.h"
#include "rec/rec_user.h"
#include "sched/sched12.h"
#include "sched/sched13.h"
#include "session/cookie.h"
#include "session/ticket.h"
#include "session/ticket_keys.h"
#include "wire/finished.h"

#define SECRET(p, n) VALGRIND_MAKE_MEM_UNDEFINED((p), (n))
#define PUBLIC(p, n) VALGRIND_MAKE_MEM_DEFINED((p), (n))

/* The mistake that is planted. */
static const char *planted = "";
static volatile unsigned branched;

/* A branch on a secret byte, in the caller: its name is what valgrind tells. */
static inline __attribute__((always_inline)) void branch_on(const uint8_t *p)
{
	if (*(const volatile uint8_t *)p)
		branched++;
}

static unsigned compared, of_secrets; /* calls of leat_ct_equal, and those with a secret in them */
/* Secrets that came to where they are used still marked: premasters, ticket keys, PSKs of TLS 1.3. */
static unsigned of_premaster, of_ticket, of_psk;

static bool is_planted(const char *what)
{
	return strcmp(planted, what) == 0;
}

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
	if (is_planted("violate"))
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

__typeof__(dh_finish) __real_dh_finish, __wrap_dh_finish;
enum leat_ret __wrap_dh_finish(
	struct kex *mine, struct leat_span peer, struct kex_out *out, struct leat_err *err)
{
	enum leat_ret r = __real_dh_finish(mine, peer, out, err);

	SECRET(out->b, out->n);
	return r;
}

__typeof__(dh_answer) __real_dh_answer, __wrap_dh_answer;
enum leat_ret __wrap_dh_answer(
	struct kex *theirs, struct leat_wr *share, struct kex_out *out, struct leat_err *err)
{
	enum leat_ret r = __real_dh_answer(theirs, share, out, err);

	SECRET(out->b, out->n);
	return r;
}

/* As it would be written by who never heard of Raccoon. */
static struct leat_span strip_zeros(const struct kex_out *secret)
{
	size_t n = 0;

	while (n < secret->n && !secret->b[n])
		n++;
	return (struct leat_span){ secret->b + n, secret->n - n };
}

__typeof__(dh_premaster) __real_dh_premaster, __wrap_dh_premaster;
struct leat_span __wrap_dh_premaster(const struct kex_out *secret)
{
	struct leat_span s = is_planted("strip") ? strip_zeros(secret)
						 : __real_dh_premaster(secret);

	PUBLIC(&s, sizeof(s)); /* where it begins, not what it is */
	return s;
}

__typeof__(sched12_master) __real_sched12_master, __wrap_sched12_master;
void __wrap_sched12_master(enum hash_id h, struct leat_span premaster, bool extended,
	struct leat_span seed, struct leat_secret *master)
{
	of_premaster += has_secret(premaster.p + premaster.n - 16, 16);
	if (is_planted("premaster"))
		branch_on(premaster.p + premaster.n - 1);
	__real_sched12_master(h, premaster, extended, seed, master);
}

static void saw_ticket_key(const struct ticket_key *k)
{
	of_ticket += has_secret(k->key, sizeof(k->key));
	if (is_planted("ticket"))
		branch_on(k->key);
}

__typeof__(ticket_keys_sealing) __real_ticket_keys_sealing, __wrap_ticket_keys_sealing;
enum leat_ret __wrap_ticket_keys_sealing(
	struct leat_ticket_keys *k, const struct leat_env *env, struct ticket_key *out)
{
	enum leat_ret r = __real_ticket_keys_sealing(k, env, out);

	if (r == LEAT_OK)
		saw_ticket_key(out);
	return r;
}

__typeof__(ticket_keys_find) __real_ticket_keys_find, __wrap_ticket_keys_find;
bool __wrap_ticket_keys_find(struct leat_ticket_keys *k, const uint8_t name[TICKET_NAME_LEN],
	int64_t now_s, struct ticket_key *out, bool *seals)
{
	bool found = __real_ticket_keys_find(k, name, now_s, out, seals);

	if (found)
		saw_ticket_key(out);
	return found;
}

/* What was in a ticket is plaintext whose tag was right, but one part of it is for nobody's eyes. */
__typeof__(ticket_open) __real_ticket_open, __wrap_ticket_open;
bool __wrap_ticket_open(struct leat_ticket_keys *k, const struct crypto *c,
	const struct leat_env *env, struct leat_span ticket, struct ticket_plain *plain,
	struct session_data *d, bool *renew)
{
	bool opened = __real_ticket_open(k, c, env, ticket, plain, d, renew);

	if (opened)
		SECRET(d->secret.b, d->secret.n);
	return opened;
}

/* On its way to the peer, and into the transcript. */
__typeof__(cookie_seal) __real_cookie_seal, __wrap_cookie_seal;
enum leat_ret __wrap_cookie_seal(struct leat_ticket_keys *k, const struct leat_env *env,
	const struct cookie *c, struct leat_wr *out)
{
	enum leat_ret r = __real_cookie_seal(k, env, c, out);

	if (r == LEAT_OK)
		PUBLIC(out->p, out->n);
	return r;
}

__typeof__(sched13_early) __real_sched13_early, __wrap_sched13_early;
void __wrap_sched13_early(struct sched13 *s, enum hash_id h, struct leat_span psk)
{
	uint8_t copy[256];

	assert_in_range(psk.n, 0, sizeof(copy));
	of_psk += psk.n && has_secret(psk.p, psk.n);
	if (psk.n && is_planted("psk"))
		branch_on(psk.p);
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

	if (is_planted("padding") && !content_end(out, n - aead_tag_len(a->id)))
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

	planted = mode ? mode : "";
	compared = of_secrets = of_premaster = of_ticket = of_psk = 0;
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

/* A handshake between them and some data; the configs go. */
static void connects(struct leat_config *c, struct leat_config *s)
{
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

static void full(const char *version)
{
	connects(ids_config(LEAT_CLIENT, KEY_EC_P256, version, NULL),
		ids_config(LEAT_SERVER, KEY_EC_P256, version, NULL));
}

/* It was still marked where it was used. */
static void seen(unsigned times, unsigned least)
{
	if (RUNNING_ON_VALGRIND)
		assert_true(times >= least);
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

static void dh_13(void **state)
{
	static const char group[] = "groups=ffdhe2048";

	(void)state;
	connects(ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.3", group, NULL),
		ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.3", group, NULL));
}

/* Knows one key, which is secret from its first copy on, and nothing else. */
static struct leat_config *with_psk(enum leat_role role, const char *version, const char *option,
	const char *value, bool imported)
{
	uint8_t secret[32];
	struct leat_psk psk = { .identity = vec_str("me"),
		.secret = { secret, sizeof(secret) },
		.imported = imported };
	struct leat_err err = { 0 };
	struct leat_config *c;

	memset(secret, 7, sizeof(secret));
	SECRET(secret, sizeof(secret));
	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, "versions", version, &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, option, value, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

static void with_suite(const char *suite)
{
	connects(with_psk(LEAT_CLIENT, "tlsv1.2", "ciphers", suite, false),
		with_psk(LEAT_SERVER, "tlsv1.2", "ciphers", suite, false));
	seen(of_premaster, 2);
}

static void psk_12(void **state)
{
	(void)state;
	with_suite("TLS_PSK_WITH_AES_128_GCM_SHA256");
	with_suite("TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256");
}

/* With a PSK, because making an RSA key takes a minute under valgrind: the way of the DH secret is that of
 * DHE_RSA. */
static void dh_12(void **state)
{
	(void)state;
	with_suite("TLS_DHE_PSK_WITH_AES_128_GCM_SHA256");
}

static void psk_13(void **state)
{
	static const char *const modes[] = { "psk_ke", "psk_dhe_ke" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		connects(with_psk(LEAT_CLIENT, "tlsv1.3", "psk_modes", modes[i & 1], i & 2),
			with_psk(LEAT_SERVER, "tlsv1.3", "psk_modes", modes[i & 1], i & 2));
		seen(of_psk, 2);
	}
}

/* A set of one key as a process gets it from another: secret from the import on. */
static struct leat_ticket_keys *secret_ticket_keys(void)
{
	struct leat_ticket_keys *made, *k;
	struct leat_err err = { 0 };
	uint8_t bytes[200];
	const size_t one = TICKET_NAME_LEN + TICKET_KEY_LEN + 16;
	size_t n;

	assert_int_equal(leat_ticket_keys_new(&made, 3600, 3600, &err), LEAT_OK);
	assert_int_equal(leat_ticket_keys_rotate(made, &duo_env), LEAT_OK);
	assert_int_equal(leat_ticket_keys_export(made, PKI_NOW, bytes, sizeof(bytes), &n), LEAT_OK);
	assert_true(n > one);
	SECRET(bytes + n - one + TICKET_NAME_LEN, TICKET_KEY_LEN);
	assert_int_equal(leat_ticket_keys_new(&k, 0, 3600, &err), LEAT_OK);
	assert_int_equal(leat_ticket_keys_import(k, (struct leat_span){ bytes, n }, &err), LEAT_OK);
	leat_ticket_keys_unref(made);
	return k;
}

static struct leat_config *ticket_server(const char *version, const char *option, const char *value)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_ticket_keys *k = secret_ticket_keys();
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set(s, "versions", version, &err), LEAT_OK);
	if (option)
		assert_int_equal(leat_config_set(s, option, value, &err), LEAT_OK);
	assert_int_equal(leat_config_set_ticket_keys(s, k, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	leat_ticket_keys_unref(k);
	return s;
}

/* A ticket is sealed, opened, the session resumed with so many comparisons in all: Finished, and in
 * TLS 1.3 the binder. */
static void resumes(const char *version, const char *setting, unsigned comparisons)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_EC_P256, setting, "session_tickets=manual", NULL);
	struct leat_config *s = ticket_server(version, NULL, NULL);
	struct leat_engine_opts opts = { .host = "localhost" };
	struct leat_engine_info info;
	struct duo d;

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
	compared_secrets(comparisons);
	seen(of_ticket, 2);
	talk(&d);
	duo_close(&d);
	leat_session_unref(opts.session);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void binder_and_ticket(void **state)
{
	(void)state;
	resumes("tlsv1.3", "versions=tlsv1.3", 5);
}

static void ticket_12(void **state)
{
	(void)state;
	resumes("tlsv1.2", "versions=tlsv1.2", 4);
}

/* The cookie's key is made of a ticket key, its MAC compared like a Finished. */
static void cookie(void **state)
{
	(void)state;
	connects(ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.3", NULL),
		ticket_server("tlsv1.3", "always_retry", "true"));
	seen(of_ticket, 2);
	assert_true(compared >= 3);
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
		cmocka_unit_test(dh_12),
		cmocka_unit_test(dh_13),
		cmocka_unit_test(psk_12),
		cmocka_unit_test(psk_13),
		cmocka_unit_test(binder_and_ticket),
		cmocka_unit_test(ticket_12),
		cmocka_unit_test(cookie),
		cmocka_unit_test(record_tags),
	};

	if (argc > 1) /* one of them */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rfc8448.c - the traces of RFC 8448 with a whole engine as the client: section 3 (simple 1-RTT, ticket,
 * data, close), 4 (resumption of its ticket with 0-RTT data), 5 (HelloRetryRequest with a cookie), 6 (client
 * authentication), 7 (middlebox compatibility).
 *
 * Given are the private keys and, because another library wrote them, the bytes of each ClientHello; the
 * binder in section 4's is left to the engine. Section 6 does not show the client's private key, so its
 * signature is given, which the engine takes only if it is right for its own transcript (that key has 1024
 * bits, which leat refuses: it is told 2048); in section 7 the session id comes in place of dice. Everything
 * else the engine sends must be the RFC's, byte for byte and record for record, and it must come to the RFC's
 * secrets; only section 6's flight is compared by its messages, opened, because the signature is a job and
 * Certificate goes out in a record of its own before it. The RFC's server records go in as they are, except
 * in section 5: there its messages, sealed under its keys.
 */
#include "duo.h"
#include "ids.h"
#include "rfc8448.h"
#include "rfckit.h"

#include <openssl/evp.h>

#include "crypto/kex.h"
#include "engine/engine_int.h"
#include "pki.h"
#include "sched/sched13.h"
#include "session/session.h"
#include "wire/client_hello.h"

/* ---- what the RFC gives in place of dice: put in by the linker ---- */

static struct {
	const char *hello[2]; /* bytes of the ClientHellos */
	const char *private_key, *public_key;
	uint16_t group; /* of the key; shares of other groups are never used */
	unsigned hellos;
	bool short_key;
	const char *session_id; /* what dice of 32 octets show */
} given;

__typeof__(kex_start) __real_kex_start, __wrap_kex_start;
enum leat_ret __wrap_kex_start(struct kex *k, const struct crypto *c, const struct group *g,
	struct leat_wr *share, struct leat_err *err)
{
	if (g->id != given.group)
		return __real_kex_start(k, c, g, share, err);
	*k = (struct kex){ .group = g };
	k->pkey = rfckit_key(g->id, given.private_key, given.public_key);
	assert_non_null(k->pkey);
	leat_wr_span(share, vec_hex(given.public_key));
	return LEAT_OK;
}

__typeof__(EVP_PKEY_get_bits) __real_EVP_PKEY_get_bits, __wrap_EVP_PKEY_get_bits;
int __wrap_EVP_PKEY_get_bits(const EVP_PKEY *key)
{
	int bits = __real_EVP_PKEY_get_bits(key);

	return given.short_key && bits == 1024 ? 2048 : bits;
}

__typeof__(enc_client_hello) __real_enc_client_hello, __wrap_enc_client_hello;
void __wrap_enc_client_hello(
	struct leat_wr *w, const struct client_hello *ch, const uint16_t *order, size_t num)
{
	(void)ch;
	(void)order;
	(void)num;
	assert_true(given.hellos < 2);
	leat_wr_span(w, vec_hex(given.hello[given.hellos++]));
}

/* ---- the client, and the bytes between ---- */

static struct leat_config *client;

static int64_t now(void *arg)
{
	return duo_env.now_s(arg);
}

static void dice(void *arg, void *buf, size_t n)
{
	if (given.session_id && n == 32)
		memcpy(buf, vec_hex(given.session_id).p, n);
	else
		duo_env.random(arg, buf, n);
}

static int setup(void **state)
{
	(void)state;
	client = ids_config(LEAT_CLIENT, KEY_RSA, "versions=tlsv1.3", "verify=verify_none",
		"groups=x25519,secp256r1", "key_shares=1", "middlebox_comp_mode=false",
		"record_size_limit=16385", "session_tickets=manual", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(client);
	pki_done();
	vec_free_all();
	return 0;
}

static struct leat_engine *open_as(struct leat_config *cfg, struct leat_session *s)
{
	static const struct leat_env env = { now, dice, NULL };
	const struct leat_engine_opts o = {
		.host = "server", .session = s, .early_data = s != NULL
	};
	struct leat_err err = { 0 };
	struct leat_engine *e;

	given.hellos = 0;
	if (leat_engine_new_with(&e, cfg, &o, &env, &err) != LEAT_OK)
		fail_msg("%s", err.what);
	return e;
}

static struct leat_engine *open_client(struct leat_session *s)
{
	return open_as(client, s);
}

static void feed(struct leat_engine *e, struct leat_span b)
{
	size_t room;

	while (b.n) {
		uint8_t *at = leat_engine_in(e, &room);

		assert_non_null(at);
		room = room < b.n ? room : b.n;
		memcpy(at, b.p, room);
		b.p += room;
		b.n -= room;
		if (leat_engine_in_done(e, room) == LEAT_FAILED)
			fail_msg("%s", leat_engine_error(e)->what);
		while (leat_engine_wants(e) & LEAT_WANT_JOB)
			if (leat_engine_job_run(e) == LEAT_FAILED)
				fail_msg("%s", leat_engine_error(e)->what);
	}
}

/* What the engine sends now is exactly this. */
static void sends(struct leat_engine *e, const char *hex)
{
	struct leat_wr got = { 0 };
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(e, &n)) != NULL) {
		leat_wr_bytes(&got, p, n);
		leat_engine_out_done(e, n);
	}
	assert_hex(got.p, got.n, hex);
	leat_wr_clear(&got);
}

static void clear_record(struct leat_engine *e, const char *message)
{
	struct leat_span m = vec_hex(message);
	struct leat_wr w = { 0 };

	leat_wr_u8(&w, 22);
	leat_wr_u16(&w, 0x0303);
	leat_wr_vec(&w, 2, m);
	feed(e, leat_wr_done(&w));
	leat_wr_clear(&w);
}

/* The server's flight as one record under its handshake keys. */
static void sealed_record(struct leat_engine *e, const char *secret, const char *messages)
{
	struct leat_span m = vec_hex(messages);
	struct rec_half h = { 0 };
	struct leat_err err = { 0 };
	uint8_t rec[2048];
	size_t n;

	rfckit_keys(&h, client->crypto, secret, true);
	n = rec_seal(&h, 22, m.p, m.n, 0, LEAT_TLS12, rec, &err);
	assert_true(n > 0);
	feed(e, vec_copy(rec, n));
	rec_half_clear(&h);
}

static void holds(const struct leat_secret *s, const char *hex)
{
	assert_hex(s->b, s->n, hex);
}

static void fifty_octets(uint8_t out[50])
{
	for (int i = 0; i < 50; i++)
		out[i] = (uint8_t)i;
}

/* Fifty octets there and the same back. */
static void talk(struct leat_engine *e, const char *there, const char *back)
{
	struct leat_span data;
	uint8_t octets[50];
	size_t taken;

	fifty_octets(octets);
	assert_int_equal(leat_engine_write(e, octets, 50, &taken), LEAT_OK);
	sends(e, there);
	feed(e, vec_hex(back));
	leat_engine_data(e, &data);
	assert_int_equal(data.n, 50);
	assert_memory_equal(data.p, octets, 50);
	assert_int_equal(leat_engine_data_done(e, 50), LEAT_OK);
}

static void end(struct leat_engine *e, const char *ours, const char *theirs)
{
	assert_int_equal(leat_engine_close(e), LEAT_OK);
	sends(e, ours);
	feed(e, vec_hex(theirs));
	assert_true(leat_engine_wants(e) & LEAT_IS_EOF);
}

/* ---- section 3 ---- */

/* Up, with the ticket taken. */
static struct leat_engine *simple(struct leat_session **session)
{
	struct leat_engine *e;

	given.hello[0] = S3_CLIENT_HELLO;
	given.private_key = S3_CLIENT_PRIVATE;
	given.public_key = S3_CLIENT_PUBLIC;
	given.group = GROUP_X25519;
	e = open_client(NULL);
	sends(e, "16030100c4" S3_CLIENT_HELLO);
	clear_record(e, S3_SERVER_HELLO);
	feed(e, vec_hex(S3_SERVER_FLIGHT_RECORD));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	sends(e, S3_CLIENT_FINISHED_RECORD);
	holds(&e->w->post.exporter, S3_EXP);
	holds(&e->w->post.resumption, S3_RES);
	holds(&e->w->post.tx, S3_C_AP);
	holds(&e->w->post.rx, S3_S_AP);
	feed(e, vec_hex(S3_TICKET_RECORD));
	*session = leat_engine_take_session(e);
	assert_non_null(*session);
	holds(&session_data(*session)->secret, S3_TICKET_PSK);
	return e;
}

static void section_3(void **state)
{
	struct leat_session *session;
	struct leat_engine *e = simple(&session);

	(void)state;
	talk(e, S3_CLIENT_DATA_RECORD, S3_SERVER_DATA_RECORD);
	end(e, S3_CLIENT_ALERT_RECORD, S3_SERVER_ALERT_RECORD);
	leat_session_unref(session);
	leat_engine_free(e);
}

/* ---- section 4: the ticket of section 3 ---- */

static void section_4(void **state)
{
	static const char zeros[] = "0021200000000000000000000000000000000000000000000000000000"
				    "000000000000";
	struct leat_session *session;
	struct leat_engine_info info;
	struct leat_engine *e;
	char hello[2048];
	size_t taken;

	(void)state;
	leat_engine_free(simple(&session));
	assert_int_equal(strlen(zeros), strlen(S4_BINDERS));
	snprintf(hello, sizeof(hello), "%s%s", S4_CLIENT_HELLO_PREFIX, zeros);
	given.hello[0] = hello;
	given.private_key = S4_CLIENT_PRIVATE;
	given.public_key = S3_CLIENT_PUBLIC; /* not looked at: it is in the hello */
	given.group = GROUP_X25519;
	e = open_client(session);
	/* with the binder that the engine made of the PSK */
	sends(e, "1603010200" S4_CLIENT_HELLO_PREFIX S4_BINDERS);
	holds(&hs_early_exporter(e->w->hs)->secret, S4_E_EXP);
	assert_int_equal(leat_engine_write_early(e, "ABCDEF", 6, &taken), LEAT_OK);
	assert_int_equal(taken, 6);
	sends(e, S4_EARLY_DATA_RECORD);
	clear_record(e, S4_SERVER_HELLO);
	feed(e, vec_hex(S4_SERVER_FLIGHT_RECORD));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	leat_engine_info(e, &info);
	assert_true(info.resumed);
	assert_int_equal(leat_engine_early_status(e), LEAT_EARLY_ACCEPTED);
	sends(e, S4_END_OF_EARLY_DATA_RECORD S4_CLIENT_FINISHED_RECORD);
	holds(&e->w->post.exporter, S4_EXP);
	holds(&e->w->post.early_exporter->secret, S4_E_EXP);
	holds(&e->w->post.resumption, S4_RES);
	holds(&e->w->post.tx, S4_C_AP);
	holds(&e->w->post.rx, S4_S_AP);
	talk(e, S4_CLIENT_DATA_RECORD, S4_SERVER_DATA_RECORD);
	end(e, S4_CLIENT_ALERT_RECORD, S4_SERVER_ALERT_RECORD);
	leat_session_unref(session);
	leat_engine_free(e);
}

/* ---- section 5 ---- */

static void section_5(void **state)
{
	struct leat_engine_info info;
	struct leat_engine *e;

	(void)state;
	given.hello[0] = S5_CLIENT_HELLO1;
	given.hello[1] = S5_CLIENT_HELLO2;
	given.private_key = S5_CLIENT_PRIVATE;
	given.public_key = S5_CLIENT_PUBLIC;
	given.group = GROUP_SECP256R1;
	e = open_client(NULL);
	sends(e, "16030100b4" S5_CLIENT_HELLO1);
	clear_record(e, S5_HELLO_RETRY);
	sends(e, "1603030200" S5_CLIENT_HELLO2);
	clear_record(e, S5_SERVER_HELLO);
	sealed_record(e, S5_S_HS,
		S5_ENCRYPTED_EXTENSIONS S3_CERTIFICATE S5_CERTIFICATE_VERIFY S5_SERVER_FINISHED);
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	leat_engine_info(e, &info);
	assert_true(info.retried);
	holds(&e->w->post.exporter, S5_EXP);
	holds(&e->w->post.tx, S5_C_AP);
	holds(&e->w->post.rx, S5_S_AP);
	leat_engine_free(e);
}

/* ---- section 6 ---- */

static enum leat_ret given_signature(
	void *arg, const struct leat_sign_input *in, uint8_t *sig, size_t cap, size_t *n)
{
	struct leat_span b = vec_hex(S6_CLIENT_SIGNATURE);

	assert_int_equal(in->scheme, 0x0804);
	assert_true(b.n <= cap);
	memcpy(sig, b.p, b.n);
	if (*(const bool *)arg)
		sig[7] ^= 1;
	*n = b.n;
	return LEAT_OK;
}

static struct leat_config *with_certificate(bool *spoil)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_RSA);
	struct leat_span cert = vec_hex(S6_CLIENT_CERTIFICATE_DER);
	static const char *const settings[][2] = { { "versions", "tlsv1.3" },
		{ "verify", "verify_none" }, { "groups", "x25519,secp256r1" },
		{ "key_shares", "1" }, { "middlebox_comp_mode", "false" },
		{ "record_size_limit", "16385" }, { "session_tickets", "manual" } };
	struct leat_err err = { 0 };

	given.short_key = true;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (leat_config_set(c, settings[i][0], settings[i][1], &err) != LEAT_OK)
			fail_msg("%s", err.what);
	if (leat_config_add_cred_external_der(c, &cert, 1, given_signature, spoil, &err) !=
			LEAT_OK ||
		leat_config_freeze(c, &err) != LEAT_OK)
		fail_msg("%s", err.what);
	given.short_key = false;
	return c;
}

static struct leat_engine *asked(struct leat_config *c)
{
	struct leat_engine *e;

	given.hello[0] = S6_CLIENT_HELLO;
	given.private_key = S6_CLIENT_PRIVATE;
	given.public_key = S6_CLIENT_PUBLIC;
	given.group = GROUP_X25519;
	e = open_as(c, NULL);
	sends(e, "16030100c0" S6_CLIENT_HELLO);
	clear_record(e, S6_SERVER_HELLO);
	return e;
}

/* What the engine sends now holds the messages of that record, in as many records as it likes. */
static void sends_messages(struct leat_engine *e, const char *secret, const char *record)
{
	struct leat_wr recs = { 0 };
	struct leat_span got, want;
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(e, &n)) != NULL) {
		leat_wr_bytes(&recs, p, n);
		leat_engine_out_done(e, n);
	}
	got = rfckit_open(client->crypto, secret, leat_wr_done(&recs));
	want = rfckit_open(client->crypto, secret, vec_hex(record));
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
	leat_wr_clear(&recs);
}

static void section_6(void **state)
{
	bool spoil = false;
	struct leat_config *c = with_certificate(&spoil);
	struct leat_engine *e = asked(c);

	(void)state;
	feed(e, vec_hex(S6_SERVER_FLIGHT_RECORD));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	sends_messages(e, S6_C_HS, S6_CLIENT_FLIGHT_RECORD);
	holds(&e->w->post.exporter, S6_EXP);
	holds(&e->w->post.resumption, S6_RES);
	holds(&e->w->post.tx, S6_C_AP);
	holds(&e->w->post.rx, S6_S_AP);
	end(e, S6_CLIENT_ALERT_RECORD, S6_SERVER_ALERT_RECORD);
	leat_engine_free(e);
	leat_config_unref(c);
}

/* The given signature is looked at: with one bit changed nothing of it goes out. */
static void section_6_wrong_signature(void **state)
{
	bool spoil = true;
	struct leat_config *c = with_certificate(&spoil);
	struct leat_engine *e = asked(c);
	struct leat_span rec = vec_hex(S6_SERVER_FLIGHT_RECORD);
	size_t room;
	uint8_t *at = leat_engine_in(e, &room);

	(void)state;
	assert_true(room >= rec.n);
	memcpy(at, rec.p, rec.n);
	if (leat_engine_in_done(e, rec.n) != LEAT_FAILED)
		while (leat_engine_wants(e) & LEAT_WANT_JOB)
			(void)!leat_engine_job_run(e);
	assert_true(leat_engine_wants(e) & LEAT_IS_DEAD);
	assert_int_equal(leat_engine_error(e)->alert, LEAT_ALERT_INTERNAL_ERROR);
	leat_engine_free(e);
	leat_config_unref(c);
}

/* ---- section 7 ---- */

static void section_7(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_RSA, "versions=tlsv1.3",
		"verify=verify_none", "groups=x25519,secp256r1", "key_shares=1",
		"middlebox_comp_mode=true", "record_size_limit=16385", "session_tickets=manual",
		NULL);
	struct leat_engine *e;

	(void)state;
	given.hello[0] = S7_CLIENT_HELLO;
	given.private_key = S7_CLIENT_PRIVATE;
	given.public_key = S7_CLIENT_PUBLIC;
	given.group = GROUP_X25519;
	given.session_id = S7_SESSION_ID;
	e = open_as(c, NULL);
	given.session_id = NULL;
	sends(e, "16030100e0" S7_CLIENT_HELLO);
	clear_record(e, S7_SERVER_HELLO);
	feed(e, vec_hex("140303000101" S7_SERVER_FLIGHT_RECORD));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	sends(e, "140303000101" S7_CLIENT_FINISHED_RECORD);
	holds(&e->w->post.exporter, S7_EXP);
	holds(&e->w->post.resumption, S7_RES);
	holds(&e->w->post.tx, S7_C_AP);
	holds(&e->w->post.rx, S7_S_AP);
	end(e, S7_CLIENT_ALERT_RECORD, S7_SERVER_ALERT_RECORD);
	leat_engine_free(e);
	leat_config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_3),
		cmocka_unit_test(section_4),
		cmocka_unit_test(section_5),
		cmocka_unit_test(section_6),
		cmocka_unit_test(section_6_wrong_signature),
		cmocka_unit_test(section_7),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rfc8448_server.c - the traces of RFC 8448 with a whole engine as the server: section 3 (simple 1-RTT,
 * ticket, data, close), 4 (resumption of its ticket with 0-RTT data) and 5 (HelloRetryRequest with a cookie).
 * The client's side: t_rfc8448.c.
 *
 * Given are the private key of the exchange, the server's random, the signature (RSA-PSS rolls dice; the
 * engine takes it only if it is right for its own transcript), the ticket, the cookie, and the bytes of
 * ServerHello and EncryptedExtensions, because the RFC's server puts extensions in another order and says
 * its groups; what the engine would have said in them is compared field by field. All else must be the
 * RFC's: messages, secrets, and records byte for byte but for the server's first flight, which is compared by
 * its messages, opened, because the signature is a job and Certificate goes out in a record before it. The
 * RFC's client records go in as they are; section 5's Finished, which is not among them, is made of the
 * RFC's secret and hash.
 *
 * Not driven: 6 and 7, whose server keys are not in rfc8448.h.
 */
#include "duo.h"
#include "ids.h"
#include "rfc8448.h"
#include "rfckit.h"

#include <leat/session.h>
#include <openssl/evp.h>

#include "crypto/kex.h"
#include "engine/engine_int.h"
#include "hs/hs_int.h"
#include "pki.h"
#include "sched/sched13.h"
#include "session/cookie.h"
#include "session/ticket.h"
#include "wire/encrypted_ext.h"
#include "wire/hs_hdr.h"
#include "wire/server_hello.h"
#include "wire/session_ticket.h"

/* ---- what the RFC gives: put in by the linker ---- */

static struct {
	uint16_t group; /* of the key */
	const char *private_key, *public_key;
	const char *retry; /* comes before server_hello, or NULL */
	const char *server_hello, *encrypted_extensions, *certificate_verify;
} given;

static struct leat_config *server;

/* Behind the header of a message. */
static struct leat_span body_of(const char *message)
{
	struct leat_span m = vec_hex(message);

	return (struct leat_span){ m.p + 4, m.n - 4 };
}

static struct server_hello rfc_hello(void)
{
	struct server_hello sh;
	uint8_t alert;

	assert_true(dec_server_hello(
		body_of(given.retry ? given.retry : given.server_hello), &sh, &alert));
	return sh;
}

__typeof__(kex_respond) __real_kex_respond, __wrap_kex_respond;
enum leat_ret __wrap_kex_respond(const struct crypto *c, const struct group *g,
	struct leat_span peer, struct leat_wr *share, struct kex_out *out, struct leat_err *err)
{
	struct kex mine = { .group = g };
	enum leat_ret r;

	assert_int_equal(g->id, given.group);
	mine.pkey = rfckit_key(g->id, given.private_key, given.public_key);
	leat_wr_span(share, rfc_hello().share);
	r = kex_finish(&mine, c, peer, out, err);
	kex_clear(&mine);
	return r;
}

static void same(struct leat_span a, struct leat_span b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.p, b.p, a.n);
}

__typeof__(enc_server_hello) __real_enc_server_hello, __wrap_enc_server_hello;
void __wrap_enc_server_hello(struct leat_wr *w, const struct server_hello *sh)
{
	struct server_hello rfc = rfc_hello();

	same(sh->random, rfc.random);
	assert_int_equal(sh->suite, rfc.suite);
	assert_int_equal(sh->has, rfc.has);
	assert_int_equal(sh->group, rfc.group);
	assert_int_equal(sh->version, rfc.version);
	assert_int_equal(sh->psk, rfc.psk);
	same(sh->session_id, rfc.session_id);
	same(sh->share, rfc.share);
	same(sh->cookie, rfc.cookie);
	leat_wr_span(w, vec_hex(given.retry ? given.retry : given.server_hello));
	given.retry = NULL;
}

__typeof__(enc_encrypted_ext) __real_enc_encrypted_ext, __wrap_enc_encrypted_ext;
void __wrap_enc_encrypted_ext(struct leat_wr *w, const struct encrypted_ext *ee)
{
	struct encrypted_ext rfc;
	uint8_t alert;

	assert_true(dec_encrypted_ext(body_of(given.encrypted_extensions), &rfc, &alert));
	/* what it says without need: its groups, and that it saw the name */
	assert_int_equal(ee->has | EXT_BIT(EXT_GROUPS) | EXT_BIT(EXT_SNI), rfc.has);
	assert_int_equal(ee->record_size, rfc.record_size);
	leat_wr_span(w, vec_hex(given.encrypted_extensions));
}

/* The RFC's ticket in place of ours. */
__typeof__(enc_session_ticket) __real_enc_session_ticket, __wrap_enc_session_ticket;
void __wrap_enc_session_ticket(struct leat_wr *w, const struct session_ticket *t)
{
	struct session_ticket rfc;
	uint8_t alert;

	assert_true(dec_session_ticket(body_of(S3_NEW_SESSION_TICKET), &rfc, &alert));
	assert_int_equal(t->has, rfc.has);
	assert_int_equal(t->max_early, rfc.max_early);
	leat_wr_span(w, vec_hex(S3_NEW_SESSION_TICKET));
}

/* The RFC's cookie in place of ours, which stands for what ours would have. */
static struct cookie in_cookie;

__typeof__(cookie_seal) __real_cookie_seal, __wrap_cookie_seal;
enum leat_ret __wrap_cookie_seal(struct leat_ticket_keys *k, const struct leat_env *env,
	const struct cookie *c, struct leat_wr *out)
{
	(void)k;
	(void)env;
	in_cookie = *c;
	leat_wr_span(out, rfc_hello().cookie);
	return LEAT_OK;
}

__typeof__(cookie_open) __real_cookie_open, __wrap_cookie_open;
bool __wrap_cookie_open(struct leat_ticket_keys *k, const struct leat_env *env,
	struct leat_span bytes, struct cookie *out)
{
	struct server_hello retry;
	uint8_t alert;

	(void)k;
	(void)env;
	assert_true(dec_server_hello(body_of(S5_HELLO_RETRY), &retry, &alert));
	same(bytes, retry.cookie);
	*out = in_cookie;
	return true;
}

/* What is in the ticket, as its server knows it. */
__typeof__(ticket_open) __real_ticket_open, __wrap_ticket_open;
bool __wrap_ticket_open(struct leat_ticket_keys *k, const struct crypto *c,
	const struct leat_env *env, struct leat_span ticket, struct ticket_plain *plain,
	struct session_data *d, bool *renew)
{
	struct leat_span psk = vec_hex(S3_TICKET_PSK);
	struct session_ticket rfc;
	uint8_t alert;

	(void)k;
	(void)c;
	(void)plain;
	assert_true(dec_session_ticket(body_of(S3_NEW_SESSION_TICKET), &rfc, &alert));
	same(ticket, rfc.ticket);
	*d = (struct session_data){ .version = LEAT_TLS13,
		.suite = suite_by_id(0x1301),
		.issued_s = env->now_s(env->arg),
		.auth_s = env->now_s(env->arg),
		.lifetime_s = 30,
		.age_add = rfc.age_add,
		.max_early = rfc.max_early,
		.bind = { server->bind, sizeof(server->bind) },
		.host = vec_str("server") };
	leat_secret_set(&d->secret, psk.p, psk.n);
	*renew = false;
	return true;
}

/* The key has 1024 bits, which leat refuses. */
static bool short_key;

__typeof__(EVP_PKEY_get_bits) __real_EVP_PKEY_get_bits, __wrap_EVP_PKEY_get_bits;
int __wrap_EVP_PKEY_get_bits(const EVP_PKEY *key)
{
	int bits = __real_EVP_PKEY_get_bits(key);

	return short_key && bits == 1024 ? 2048 : bits;
}

/* ---- the server, and the bytes between ---- */

static int64_t now(void *arg)
{
	return duo_env.now_s(arg);
}

static void dice(void *arg, void *buf, size_t n)
{
	if (n == 32)
		memcpy(buf, rfc_hello().random.p, n);
	else
		duo_env.random(arg, buf, n);
}

static const struct leat_env env = { now, dice, NULL };

static bool spoil;

static enum leat_ret given_signature(
	void *arg, const struct leat_sign_input *in, uint8_t *sig, size_t cap, size_t *n)
{
	/* behind the scheme and the length */
	struct leat_span b = body_of(given.certificate_verify);

	(void)arg;
	assert_int_equal(in->scheme, 0x0804);
	assert_int_equal(b.n, 4 + 128);
	assert_true(cap >= 128);
	memcpy(sig, b.p + 4, 128);
	sig[5] ^= spoil;
	*n = 128;
	return LEAT_OK;
}

static int64_t long_ago(void *arg)
{
	return now(arg) - 1000;
}

/* tickets: how many are given; group: the only one, with a cookie for who has no share of it. */
static void make_server(const char *tickets, const char *group)
{
	/* behind the context and two lengths; before the extensions */
	struct leat_span b = body_of(S3_CERTIFICATE);
	struct leat_span cert = { b.p + 7, b.n - 7 - 2 };
	const struct leat_env old = { long_ago, dice, NULL };
	const char *const settings[][2] = { { "versions", "tlsv1.3" },
		{ "signature_algs", "rsa_pss_rsae_sha256" }, { "groups", group },
		{ "cookie", "true" }, { "record_size_limit", "16385" },
		{ "session_tickets_amount", tickets } };
	struct leat_antireplay *a;
	struct leat_err err = { 0 };

	short_key = true;
	assert_int_equal(leat_config_new(&server, LEAT_SERVER, &err), LEAT_OK);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		assert_int_equal(
			leat_config_set(server, settings[i][0], settings[i][1], &err), LEAT_OK);
	assert_int_equal(leat_antireplay_new(&a, 10, 60, &old, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set_early_data(server, 1024, a, &err), LEAT_OK);
	leat_antireplay_unref(a);
	if (leat_config_add_cred_external_der(server, &cert, 1, given_signature, NULL, &err) !=
			LEAT_OK ||
		leat_config_freeze(server, &err) != LEAT_OK)
		fail_msg("%s: %s", err.option ? err.option : "", err.what);
	short_key = false;
}

static struct leat_engine *open_server(void)
{
	struct leat_err err = { 0 };
	struct leat_engine *e;

	if (leat_engine_new(&e, server, NULL, &env, &err) != LEAT_OK)
		fail_msg("%s", err.what);
	return e;
}

/* Whole records; jobs are run. False: the engine is dead. */
static bool feed_bytes(struct leat_engine *e, struct leat_span b)
{
	size_t room;

	while (b.n) {
		uint8_t *at = leat_engine_in(e, &room);

		assert_non_null(at);
		room = room < b.n ? room : b.n;
		memcpy(at, b.p, room);
		b.p += room;
		b.n -= room;
		(void)!leat_engine_in_done(e, room);
		while (leat_engine_wants(e) & LEAT_WANT_JOB)
			(void)!leat_engine_job_run(e);
		if (leat_engine_wants(e) & LEAT_IS_DEAD)
			return false;
	}
	return true;
}

static bool feed(struct leat_engine *e, const char *hex)
{
	return feed_bytes(e, vec_hex(hex));
}

static struct leat_span sent(struct leat_engine *e)
{
	struct leat_wr got = { 0 };
	struct leat_span copy;
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(e, &n)) != NULL) {
		leat_wr_bytes(&got, p, n);
		leat_engine_out_done(e, n);
	}
	copy = vec_copy(got.p, got.n);
	leat_wr_clear(&got);
	return copy;
}

static void sends(struct leat_engine *e, const char *hex)
{
	struct leat_span got = sent(e);

	assert_hex(got.p, got.n, hex);
}

/* The messages in these records under this secret. */
static struct leat_span opened(const char *secret, struct leat_span recs)
{
	return rfckit_open(server->crypto, secret, recs);
}

/* ServerHello in a record of its own, then these messages. */
static void sends_flight(struct leat_engine *e, const char *secret, struct leat_span messages)
{
	struct leat_span got = sent(e), hello = vec_hex(given.server_hello);
	const uint8_t header[] = { 22, 3, 3, 0, (uint8_t)hello.n };

	assert_true(got.n > sizeof(header) + hello.n);
	assert_memory_equal(got.p, header, sizeof(header));
	assert_memory_equal(got.p + 5, hello.p, hello.n);
	got.p += 5 + hello.n;
	got.n -= 5 + hello.n;
	same(opened(secret, got), messages);
}

static void holds(const struct leat_secret *s, const char *hex)
{
	assert_hex(s->b, s->n, hex);
}

/* Fifty octets from the client, the same back, and both say goodbye. */
static void talk_and_end(struct leat_engine *e, const char *theirs, const char *ours,
	const char *their_end, const char *our_end)
{
	struct leat_span data;
	size_t taken;

	assert_true(feed(e, theirs));
	leat_engine_data(e, &data);
	assert_int_equal(data.n, 50);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(data.p[i], i);
	assert_int_equal(leat_engine_write(e, data.p, 50, &taken), LEAT_OK);
	sends(e, ours);
	assert_int_equal(leat_engine_data_done(e, 50), LEAT_OK);
	assert_true(feed(e, their_end));
	assert_true(leat_engine_wants(e) & LEAT_IS_EOF);
	assert_int_equal(leat_engine_close(e), LEAT_OK);
	sends(e, our_end);
}

/* ---- section 3 ---- */

static void use_section_3(void)
{
	given.group = GROUP_X25519;
	given.private_key = S3_SERVER_PRIVATE;
	given.certificate_verify = S3_CERTIFICATE_VERIFY;
	given.server_hello = S3_SERVER_HELLO;
	given.encrypted_extensions = S3_ENCRYPTED_EXTENSIONS;
}

static void section_3(void **state)
{
	struct leat_engine *e;

	(void)state;
	use_section_3();
	make_server("1", "x25519");
	e = open_server();
	assert_true(feed(e, "16030100c4" S3_CLIENT_HELLO));
	sends_flight(e, S3_S_HS, opened(S3_S_HS, vec_hex(S3_SERVER_FLIGHT_RECORD)));
	assert_true(feed(e, S3_CLIENT_FINISHED_RECORD));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	holds(&e->w->post.exporter, S3_EXP);
	holds(&e->w->post.tx, S3_S_AP);
	holds(&e->w->post.rx, S3_C_AP);
	sends(e, S3_TICKET_RECORD);
	talk_and_end(e, S3_CLIENT_DATA_RECORD, S3_SERVER_DATA_RECORD, S3_CLIENT_ALERT_RECORD,
		S3_SERVER_ALERT_RECORD);
	leat_engine_free(e);
	leat_config_unref(server);
}

/* The given signature is looked at, and so is the client's Finished. */
static void section_3_wrong(void **state)
{
	struct leat_engine *e;
	char finished[] = S3_CLIENT_FINISHED_RECORD;

	(void)state;
	use_section_3();
	make_server("1", "x25519");
	spoil = true;
	e = open_server();
	assert_false(feed(e, "16030100c4" S3_CLIENT_HELLO));
	assert_int_equal(leat_engine_error(e)->alert, LEAT_ALERT_INTERNAL_ERROR);
	leat_engine_free(e);
	spoil = false;
	e = open_server();
	assert_true(feed(e, "16030100c4" S3_CLIENT_HELLO));
	finished[20] = finished[20] == '0' ? '1' : '0';
	assert_false(feed(e, finished));
	assert_int_equal(leat_engine_error(e)->alert, LEAT_ALERT_BAD_RECORD_MAC);
	leat_engine_free(e);
	leat_config_unref(server);
}

/* ---- section 4 ---- */

static void section_4(void **state)
{
	struct leat_engine_info info;
	struct leat_engine *e;
	struct leat_span early;

	(void)state;
	given.group = GROUP_X25519;
	given.private_key = S4_SERVER_PRIVATE;
	given.server_hello = S4_SERVER_HELLO;
	given.encrypted_extensions = S4_ENCRYPTED_EXTENSIONS;
	make_server("0", "x25519");
	e = open_server();
	assert_true(feed(e, "1603010200" S4_CLIENT_HELLO_PREFIX S4_BINDERS));
	sends_flight(e, S4_S_HS, opened(S4_S_HS, vec_hex(S4_SERVER_FLIGHT_RECORD)));
	assert_true(feed(e, S4_EARLY_DATA_RECORD));
	leat_engine_early_data(e, &early);
	assert_int_equal(early.n, 6);
	assert_memory_equal(early.p, "ABCDEF", 6);
	assert_int_equal(leat_engine_early_data_done(e, 6), LEAT_OK);
	assert_true(feed(e, S4_END_OF_EARLY_DATA_RECORD));
	assert_true(feed(e, S4_CLIENT_FINISHED_RECORD));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	leat_engine_info(e, &info);
	assert_true(info.resumed);
	assert_int_equal(leat_engine_early_status(e), LEAT_EARLY_ACCEPTED);
	holds(&e->w->post.exporter, S4_EXP);
	holds(&e->w->post.early_exporter->secret, S4_E_EXP);
	holds(&e->w->post.tx, S4_S_AP);
	holds(&e->w->post.rx, S4_C_AP);
	talk_and_end(e, S4_CLIENT_DATA_RECORD, S4_SERVER_DATA_RECORD, S4_CLIENT_ALERT_RECORD,
		S4_SERVER_ALERT_RECORD);
	leat_engine_free(e);
	leat_config_unref(server);
}

/* The binder is the client's, checked against our own of the RFC's PSK. */
static void section_4_wrong_binder(void **state)
{
	char binders[] = S4_BINDERS;
	struct leat_engine *e;
	char hello[2048];

	(void)state;
	given.group = GROUP_X25519;
	given.private_key = S4_SERVER_PRIVATE;
	given.server_hello = S4_SERVER_HELLO;
	given.encrypted_extensions = S4_ENCRYPTED_EXTENSIONS;
	make_server("0", "x25519");
	e = open_server();
	binders[sizeof(binders) - 2] = binders[sizeof(binders) - 2] == '0' ? '1' : '0';
	snprintf(hello, sizeof(hello), "1603010200%s%s", S4_CLIENT_HELLO_PREFIX, binders);
	assert_false(feed(e, hello));
	assert_int_equal(leat_engine_error(e)->alert, LEAT_ALERT_DECRYPT_ERROR);
	leat_engine_free(e);
	leat_config_unref(server);
}

/* ---- section 5 ---- */

/* The client's Finished, in a record under its handshake keys. */
static struct leat_span finished_5(void)
{
	struct leat_span b = vec_hex(S5_C_HS);
	struct leat_secret base = { 0 };
	uint8_t msg[4 + 32] = { MSG_FINISHED, 0, 0, 32 }, rec[128];
	struct rec_half h = { 0 };
	struct leat_err err = { 0 };
	size_t n;

	leat_secret_set(&base, b.p, b.n);
	sched13_finished(HASH_SHA256, &base, vec_hex(S5_FINISHED_HASH), msg + 4);
	rfckit_keys(&h, server->crypto, S5_C_HS, true);
	n = rec_seal(&h, 22, msg, sizeof(msg), 0, LEAT_TLS12, rec, &err);
	assert_true(n > 0);
	rec_half_clear(&h);
	return vec_copy(rec, n);
}

static void section_5(void **state)
{
	struct leat_engine_info info;
	struct leat_engine *e;

	(void)state;
	given.group = GROUP_SECP256R1;
	given.private_key = S5_SERVER_PRIVATE;
	given.public_key = S5_SERVER_PUBLIC;
	given.retry = S5_HELLO_RETRY;
	given.server_hello = S5_SERVER_HELLO;
	given.encrypted_extensions = S5_ENCRYPTED_EXTENSIONS;
	given.certificate_verify = S5_CERTIFICATE_VERIFY;
	make_server("0", "secp256r1");
	e = open_server();
	assert_true(feed(e, "16030100b4" S5_CLIENT_HELLO1));
	sends(e, "16030300b0" S5_HELLO_RETRY);
	assert_true(feed(e, "1603030200" S5_CLIENT_HELLO2));
	sends_flight(e, S5_S_HS,
		vec_hex(S5_ENCRYPTED_EXTENSIONS S3_CERTIFICATE S5_CERTIFICATE_VERIFY
				S5_SERVER_FINISHED));
	assert_true(feed_bytes(e, finished_5()));
	assert_true(leat_engine_wants(e) & LEAT_IS_UP);
	leat_engine_info(e, &info);
	assert_true(info.retried);
	holds(&e->w->post.exporter, S5_EXP);
	holds(&e->w->post.tx, S5_S_AP);
	holds(&e->w->post.rx, S5_C_AP);
	leat_engine_free(e);
	leat_config_unref(server);
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_3),
		cmocka_unit_test(section_3_wrong),
		cmocka_unit_test(section_4),
		cmocka_unit_test(section_4_wrong_binder),
		cmocka_unit_test(section_5),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

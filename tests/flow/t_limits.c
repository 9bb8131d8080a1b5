/* SPDX-License-Identifier: Apache-2.0
 *
 * t_limits.c - bounds of base/limits.h that have no better home: one below, at, and one above each of
 * them. tests/self/test_limits.py wants a test that names each.
 */
#include "duo.h"
#include "ids.h"
#include "pair.h"

#include <leat/packet.h>
#include <leat/session.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/wr.h"
#include "pki.h"
#include "wire/ext_parts.h"
#include "wire/hs_hdr.h"

/* DER around a name that is one common name, and its two bytes of length. */
#define NAME_OVERHEAD 15

static uint8_t text[LIM_PSK12_IDENTITY + 2];

static struct leat_span of_length(size_t n)
{
	memset(text, 'x', sizeof(text));
	return (struct leat_span){ text, n };
}

/* ---- what a program says ---- */

/* Done when the limit is kept, else refused as an option of this name. */
static void kept(enum leat_ret r, struct leat_err *err, bool fits, const char *option)
{
	assert_int_equal(r, fits ? LEAT_OK : LEAT_FAILED);
	if (!fits) {
		assert_int_equal(err->cls, LEAT_E_OPTION);
		assert_string_equal(err->option, option);
	}
	*err = (struct leat_err){ 0 };
}

static void alpn_names(void **state)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_NONE);
	struct leat_err err = { 0 };

	(void)state;
	for (size_t n = LIM_ALPN_NAME - 1; n <= LIM_ALPN_NAME + 1; n++) {
		struct leat_span name = of_length(n);

		kept(leat_config_set_alpn(c, &name, 1, &err), &err, n <= LIM_ALPN_NAME,
			"alpn_advertised_protocols");
	}
	kept(leat_config_set_alpn(c, &(struct leat_span){ text, 0 }, 1, &err), &err, false,
		"alpn_advertised_protocols");
	leat_config_unref(c);
}

static void psk_identities(void **state)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_NONE);
	struct leat_err err = { 0 };

	(void)state;
	for (int imported = 0; imported < 2; imported++)
		for (size_t n = LIM_PSK_IDENTITY - 1; n <= LIM_PSK_IDENTITY + 1; n++) {
			struct leat_psk p = { .identity = of_length(n),
				.secret = vec_str("0123456789abcdef"),
				.imported = imported };

			kept(leat_config_add_psk(c, &p, &err), &err, n <= LIM_PSK_IDENTITY,
				"psk_identity");
		}
	for (size_t n = LIM_PSK_IDENTITY - 1; n <= LIM_PSK_IDENTITY + 1; n++) {
		struct leat_psk p = { .identity = vec_str("me"),
			.secret = vec_str("0123456789abcdef"),
			.imported = true,
			.context = of_length(n) };

		assert_int_equal(leat_config_add_psk(c, &p, &err),
			n <= LIM_PSK_IDENTITY ? LEAT_OK : LEAT_FAILED);
		err = (struct leat_err){ 0 };
	}
	leat_config_unref(c);
}

static void early_data(void **state)
{
	struct leat_antireplay *a;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_antireplay_new(&a, 10, 10, &duo_env, NULL, &err), LEAT_OK);
	for (uint32_t max = LIM_EARLY_DATA - 1; max <= LIM_EARLY_DATA + 1; max++) {
		struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);

		kept(leat_config_set_early_data(s, max, a, &err), &err, max <= LIM_EARLY_DATA,
			"early_data");
		leat_config_unref(s);
	}
	leat_antireplay_unref(a);
}

/* At the bound of LIM_STORE it is memory that says no (here: at once), not the bound. */
static void stores_and_windows(void **state)
{
	struct leat_antireplay *a;
	struct leat_err err = { 0 };

	(void)state;
	for (uint32_t s = LIM_REPLAY_WINDOW_S - 1; s <= LIM_REPLAY_WINDOW_S + 1; s++) {
		kept(leat_antireplay_new(&a, 10, s, &duo_env, NULL, &err), &err,
			s <= LIM_REPLAY_WINDOW_S, "anti_replay");
		if (s <= LIM_REPLAY_WINDOW_S)
			leat_antireplay_unref(a);
	}
	kept(leat_antireplay_new(&a, 10, 0, &duo_env, NULL, &err), &err, false, "anti_replay");
	kept(leat_antireplay_new(&a, 0, 10, &duo_env, NULL, &err), &err, false, "anti_replay");
	kept(leat_antireplay_new(&a, LIM_STORE + 1, 10, &duo_env, NULL, &err), &err, false,
		"anti_replay");
	leat_mem_fail_at(1);
	assert_int_equal(leat_antireplay_new(&a, LIM_STORE, 10, &duo_env, NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	leat_mem_fail_at(0);
}

static void tickets(void **state)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };
	char number[8];

	(void)state;
	for (int n = LIM_TICKETS - 1; n <= LIM_TICKETS + 1; n++) {
		snprintf(number, sizeof(number), "%d", n);
		kept(leat_config_set(s, "session_tickets_amount", number, &err), &err,
			n <= LIM_TICKETS, "session_tickets_amount");
	}
	leat_config_unref(s);
}

/* Trusted CAs whose names take 64 bytes each in a ClientHello (two of them for the length): with the one
 * that is longer or shorter, names of n bytes in all. */
static struct leat_config *trusting(size_t n)
{
	struct make_spec spec;
	struct leat_config *c;
	struct leat_err err = { 0 };
	char cn[65];

	assert_int_equal(leat_config_new(&c, LEAT_CLIENT, &err), LEAT_OK);
	for (size_t i = 0, len; n > 0; i++, n -= len) {
		len = n >= 80 ? 64 : n;
		snprintf(cn, sizeof(cn), "%0*zu", (int)(len - NAME_OVERHEAD), i);
		spec = pki_ca_spec(cn, NULL);
		spec.org = NULL;
		assert_int_equal(
			leat_config_add_trust_der(c, pki_der(pki_make(&spec)), &err), LEAT_OK);
		assert_int_equal(2 + store_subject(c->trust, i).n, len);
	}
	return c;
}

static void authorities(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	for (size_t n = LIM_AUTHORITIES - 1; n <= LIM_AUTHORITIES + 1; n++) {
		struct leat_config *c = trusting(n);

		assert_int_equal(
			leat_config_set(c, "certificate_authorities", "true", &err), LEAT_OK);
		kept(leat_config_freeze(c, &err), &err, n <= LIM_AUTHORITIES,
			"certificate_authorities");
		leat_config_unref(c);
	}
}

/* ---- what a peer sends ---- */

/* RFC 6066 3: HostName<1..2^16-1>; nobody's name is longer than 255. */
static void host_names(void **state)
{
	uint8_t alert = 0;

	(void)state;
	for (size_t n = LIM_HOST_NAME - 1; n <= LIM_HOST_NAME + 1; n++) {
		struct leat_wr w = { 0 };
		struct leat_span host;
		struct leat_rd in;
		size_t list = leat_wr_open(&w, 2);

		leat_wr_u8(&w, 0);
		leat_wr_vec(&w, 2, of_length(n));
		leat_wr_close(&w, list, 2);
		in = leat_rd_of(leat_wr_done(&w));
		assert_int_equal(dec_ext_sni(&in, &host, &alert), n <= LIM_HOST_NAME);
		assert_true(n <= LIM_HOST_NAME || alert == LEAT_ALERT_ILLEGAL_PARAMETER);
		leat_wr_clear(&w);
	}
}

/* The server knows the key of the last identity only: of so many it is found, of one more not. */
static void psks_tried(void **state)
{
	(void)state;
	for (unsigned num = LIM_PSK_TRIED - 1; num <= LIM_PSK_TRIED + 1; num++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct leat_psk psk = { .secret = vec_str("0123456789abcdef") };
		struct leat_err err = { 0 };
		struct pair p = { 0 };
		struct hs_facts f;

		pair_set(c, "versions", "tlsv1.3");
		for (unsigned i = 0; i < num; i++) {
			psk.identity = vec_copy(&(uint8_t){ (uint8_t)('a' + i) }, 1);
			assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
		}
		assert_int_equal(leat_config_add_psk(s, &psk, &err), LEAT_OK);
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_SERVER].hs, &f);
		assert_int_equal(f.external_psk, num <= LIM_PSK_TRIED);
		pair_clear(&p);
	}
}

/* The header of a message of n bytes, none of which is there yet. */
static enum leat_ret announce(struct pair *p, enum leat_role to, uint8_t type, size_t n)
{
	const uint8_t hdr[] = { type, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	return pair_feed(p, to, REC_HANDSHAKE, (struct leat_span){ hdr, sizeof(hdr) });
}

/* Stops whoever sends this message; what follows it is lost too. */
static bool stop_at(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	uint8_t *msg = arg;

	(void)p;
	(void)from;
	if (u->p[0] == *msg)
		*msg = 0xff;
	return *msg != 0xff;
}

/* Where the handshake has come to `type` (0: its start), with bounds for `to`. */
static void bounded(const char *suite, enum leat_role to, uint8_t type, size_t limit)
{
	for (size_t n = limit - 1; n <= limit + 1; n++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct leat_psk psk = { .identity = vec_str("me"),
			.secret = vec_str("0123456789abcdef") };
		struct leat_err err = { 0 };
		uint8_t stop = type;
		struct pair p = { .on_unit = stop_at, .arg = &stop };

		assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
		assert_int_equal(leat_config_add_psk(s, &psk, &err), LEAT_OK);
		pair_set(c, "versions", "tlsv1.2");
		pair_set(c, "ciphers", suite);
		pair_init(&p, c, s, NULL);
		assert_int_equal(pair_run(&p), LEAT_OK);
		assert_int_equal(announce(&p, to, type, n), n <= limit ? LEAT_OK : LEAT_FAILED);
		if (n > limit)
			assert_int_equal(p.side[to].err.alert, LEAT_ALERT_ILLEGAL_PARAMETER);
		pair_clear(&p);
	}
}

static void messages(void **state)
{
	static const char ec[] = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			  ecdhe_psk[] = "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256",
			  dhe_psk[] = "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256";

	(void)state;
	bounded(ec, LEAT_SERVER, MSG_CLIENT_HELLO, LIM_CLIENT_HELLO);
	bounded(ec, LEAT_CLIENT, MSG_SERVER_HELLO, LIM_SMALL_MESSAGE);
	bounded(ec, LEAT_CLIENT, MSG_CERT, LIM_HANDSHAKE);
	bounded(ec, LEAT_CLIENT, MSG_SERVER_KX, LIM_SMALL_MESSAGE);
	bounded(ec, LEAT_SERVER, MSG_CLIENT_KX, LIM_SMALL_MESSAGE);
	bounded(dhe_psk, LEAT_CLIENT, MSG_SERVER_KX, LIM_KX_PSK);
	bounded(dhe_psk, LEAT_SERVER, MSG_CLIENT_KX, LIM_KX_PSK);
	bounded(ecdhe_psk, LEAT_SERVER, MSG_CLIENT_KX, LIM_KX_PSK);
}

/* LIM_BER_TAG bytes of a long tag number, the last one without its top bit; then a length of 0. */
static void ber_tags(void **state)
{
	(void)state;
	for (size_t n = LIM_BER_TAG - 1; n <= LIM_BER_TAG + 1; n++) {
		uint8_t b[LIM_BER_TAG + 3] = { 0x1f };
		struct leat_framing f;
		struct leat_unit u;

		memset(b + 1, 0x81, n - 1);
		b[n] = 1;
		leat_framing_init(&f, LEAT_PACKET_ASN1);
		assert_int_equal(leat_packet_decode(&f, (struct leat_span){ b, n + 2 }, &u, NULL),
			n <= LIM_BER_TAG ? LEAT_OK : LEAT_FAILED);
	}
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
		cmocka_unit_test(alpn_names),
		cmocka_unit_test(psk_identities),
		cmocka_unit_test(early_data),
		cmocka_unit_test(stores_and_windows),
		cmocka_unit_test(tickets),
		cmocka_unit_test(authorities),
		cmocka_unit_test(host_names),
		cmocka_unit_test(psks_tried),
		cmocka_unit_test(messages),
		cmocka_unit_test(ber_tags),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

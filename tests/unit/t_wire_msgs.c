/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wire_msgs.c: every message of wire/ as text: accepted whole and encoded back to the same bytes;
 * refused when cut anywhere, when a byte follows, and when any length in it is one off.
 *
 * REQ: F-ext-unique
 */
#include "vec.h"

#include "base/limits.h"
#include "wire/alert.h"
#include "wire/hs_hdr.h"
#include "wirekit.h"

#define NO_CUT SIZE_MAX

/* A whole message. `cut`: the one length at which its beginning is a legal message too (a hello
 * without extensions). Extensions stand in the order of enum ext, in which encoders write them. */
static const struct good {
	const char *kind;
	size_t cut;
	const char *text;
} good[] = {
	{ "client_hello", 2 + 32 + 1 + 32 + 2 + 6 + 2,
		"0303 *32:aa <1 *32:bb > <2 1301 1302 c02b > <1 00 >"
		"<2 0000 <2 <2 00 <2 \"host.example\" > > >"
		"   0017 <2 >"
		"   ff01 <2 <1 > >"
		"   000a <2 <2 001d 0017 > >"
		"   000b <2 <1 00 > >"
		"   0010 <2 <2 <1 \"h2\" > <1 \"http/1.1\" > > >"
		"   0005 <2 01 <2 <2 aabb > > <2 > >"
		"   000d <2 <2 0403 0804 > >"
		"   0032 <2 <2 0403 > >"
		"   002f <2 <2 <2 30 > <2 3000 > > >"
		"   0031 <2 >"
		"   0033 <2 <2 001d <2 *32:cc > 0017 <2 *65:04 > > >"
		"   002b <2 <1 0304 0303 > >"
		"   002c <2 <2 \"cookie\" > >"
		"   002d <2 <1 01 > >"
		"   002a <2 >"
		"   001b <2 <1 0002 > >"
		"   001c <2 4001 >"
		"   0029 <2 <2 <2 \"id1\" > 01020304 <2 \"id2\" > 00000000 > <2 <1 *32:dd > <1 *48:ee > > >"
		">" },
	/* TLS 1.2 without extensions: the oldest shape */
	{ "client_hello", NO_CUT, "0303 *32:aa <1 > <2 c02b > <1 00 >" },
	{ "server_hello", 2 + 32 + 1 + 32 + 3,
		"0303 *32:aa <1 *32:bb > 1301 00"
		"<2 0033 <2 001d <2 *32:cc > > 002b <2 0304 > 0029 <2 0001 > >" },
	/* TLS 1.2 */
	{ "server_hello", 2 + 32 + 1 + 3,
		"0303 *32:aa <1 > c02b 00"
		"<2 0000 <2 > 0017 <2 > ff01 <2 <1 *24:07 > > 000b <2 <1 0001 > > 0023 <2 >"
		"   0016 <2 > 0010 <2 <2 <1 \"h2\" > > > 0005 <2 > 0012 <2 <2 <2 aa > > > 001c <2 0040 > >" },
	{ "server_hello", NO_CUT, "0303 *32:aa <1 > c02b 00" },
	/* HelloRetryRequest */
	{ "server_hello", 2 + 32 + 1 + 3,
		"0303 cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c <1 > 1301 00"
		"<2 0033 <2 0017 > 002b <2 0304 > 002c <2 <2 *40:01 > > >" },
	{ "encrypted_ext", NO_CUT, "<2 >" },
	{ "encrypted_ext", NO_CUT,
		"<2 0000 <2 > 0010 <2 <2 <1 \"h2\" > > > 000a <2 <2 001d 0017 > > 002a <2 > 001c <2 4001 > >" },
	{ "cert_request", NO_CUT, "<1 > <2 000d <2 <2 0403 0804 > > >" },
	{ "cert_request", NO_CUT,
		"<1 \"ctx\" > <2 0005 <2 > 000d <2 <2 0403 > > 0032 <2 <2 0401 > >"
		" 002f <2 <2 <2 3000 > > > 001b <2 <1 0001 0002 > > >" },
	{ "cert_request12", NO_CUT, "<1 0140 > <2 0403 0401 > <2 <2 3000 > <2 310130 > >" },
	{ "cert_request12", NO_CUT, "<1 01 > <2 0401 > <2 >" },
	{ "certificate", NO_CUT, "<1 > <3 >" },
	{ "certificate", NO_CUT,
		"<1 \"ctx\" > <3 <3 308201 > <2 > <3 30 > <2 0005 <2 01 <3 aabb > > > >" },
	{ "certificate", NO_CUT,
		"<1 > <3 <3 30 > <2 0005 <2 01 <3 aa > > 0012 <2 <2 <2 0102 > <2 03 > > > > >" },
	{ "cert_status", NO_CUT, "01 <3 308201 >" },
	{ "compressed_cert", NO_CUT, "0001 000123 <3 789c >" },
	{ "compressed_cert", NO_CUT, "0a0a ffffff <3 00 >" },
	{ "certificate12", NO_CUT, "<3 >" },
	{ "certificate12_raw", NO_CUT, "<3 >" },
	{ "certificate12_raw", NO_CUT, "<3 302a300506032b6570032100 >" },
	{ "certificate12", NO_CUT, "<3 <3 308201 > <3 30 > >" },
	{ "cert_verify", NO_CUT, "0403 <2 *70:30 >" },
	{ "cert_verify", NO_CUT, "0403 <2 >" },
	{ "finished", NO_CUT, "*32:55" },
	{ "end_early", NO_CUT, "" },
	{ "session_ticket", NO_CUT, "00093a80 01020304 <1 0000 > <2 *64:77 > <2 >" },
	{ "session_ticket", NO_CUT, "ffffffff 00000000 <1 > <2 01 > <2 002a <2 00004000 > >" },
	{ "session_ticket12", NO_CUT, "00000e10 <2 *32:77 >" },
	{ "session_ticket12", NO_CUT, "00000000 <2 >" },
	{ "key_update", NO_CUT, "00" },
	{ "key_update", NO_CUT, "01" },
	{ "v12_server_kx", NO_CUT, "03 001d <1 *32:09 > 0804 <2 *16:0a >" },
	{ "v12_client_kx", NO_CUT, "<1 *65:04 >" },
	{ "v12_hello_done", NO_CUT, "" },
	{ "v12_hello_request", NO_CUT, "" },
	{ "alert", NO_CUT, "02 28" },
	{ "alert", NO_CUT, "01 00" },
	{ "ccs", NO_CUT, "01" },
};
#define NUM_GOOD (sizeof(good) / sizeof(good[0]))

static size_t header_of(const struct wire_kind *k)
{
	return k->type == 0xff ? 0 : HS_HDR_LEN;
}

/* Exact memory for each try, so that a read past the end is seen. */
static bool takes(const struct wire_kind *k, const uint8_t *p, size_t n, uint8_t *alert)
{
	struct leat_span s = vec_copy(p, n);
	struct leat_wr out = { 0 };
	bool ok;

	*alert = 0;
	ok = k->recode(s, &out, alert);
	leat_wr_clear(&out);
	vec_free_all();
	return ok;
}

static void whole_messages_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_GOOD; i++) {
		const struct wire_kind *k = wire_kind(good[i].kind);
		struct leat_wr out = { 0 };
		struct wire_text t;
		uint8_t alert = 0, type = 0;
		uint32_t len = 0;

		wire_text(&t, good[i].text);
		if (!k->recode((struct leat_span){ t.b, t.n }, &out, &alert))
			fail_msg("%s %zu: refused with %u", k->name, i, alert);
		assert_true(leat_wr_ok(&out));
		assert_int_equal(out.n, t.n + header_of(k));
		if (header_of(k)) {
			assert_true(dec_hs_hdr(leat_wr_done(&out), &type, &len));
			assert_int_equal(type, k->type);
			assert_int_equal(len, t.n);
		}
		if (memcmp(out.p + header_of(k), t.b, t.n) != 0)
			fail_msg("%s %zu: encoded to other bytes", k->name, i);
		leat_wr_clear(&out);
		wire_text_clear(&t);
	}
}

static void every_cut_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_GOOD; i++) {
		const struct wire_kind *k = wire_kind(good[i].kind);
		struct wire_text t;
		uint8_t alert;

		wire_text(&t, good[i].text);
		for (size_t n = 0; n < t.n; n++) {
			bool ok = takes(k, t.b, n, &alert);

			if (ok != (n == good[i].cut))
				fail_msg("%s %zu cut to %zu: %d", k->name, i, n, ok);
			if (!ok && alert != LEAT_ALERT_DECODE_ERROR &&
				!(alert == LEAT_ALERT_UNEXPECTED_MESSAGE &&
					strcmp(k->name, "ccs") == 0))
				fail_msg("%s %zu cut to %zu: alert %u", k->name, i, n, alert);
		}
		wire_text_clear(&t);
	}
}

static void a_byte_behind_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_GOOD; i++) {
		const struct wire_kind *k = wire_kind(good[i].kind);
		struct wire_text t;
		uint8_t alert, *more;

		wire_text(&t, good[i].text);
		more = malloc(t.n + 1);
		assert_non_null(more);
		memcpy(more, t.b, t.n);
		more[t.n] = 0;
		if (takes(k, more, t.n + 1, &alert))
			fail_msg("%s %zu: a byte behind was taken", k->name, i);
		if (strcmp(k->name, "ccs") == 0)
			assert_int_equal(alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
		else
			assert_int_equal(alert, LEAT_ALERT_DECODE_ERROR);
		free(more);
		wire_text_clear(&t);
	}
}

static void add_to(uint8_t *p, unsigned width, int by)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v = v << 8 | p[i];
	v = (uint32_t)((int64_t)v + by);
	for (unsigned i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

/* One more, one less (0 wraps to the largest), and zero: each makes nesting inconsistent. */
static void every_wrong_length_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_GOOD; i++) {
		const struct wire_kind *k = wire_kind(good[i].kind);
		struct wire_text t;
		uint8_t alert;

		wire_text(&t, good[i].text);
		for (size_t f = 0; f < t.num_len; f++)
			for (int by = -1; by <= 1; by += 2) {
				uint8_t *field = t.b + t.len[f].at;

				add_to(field, t.len[f].width, by);
				if (takes(k, t.b, t.n, &alert))
					fail_msg("%s %zu: length %zu%+d was taken", k->name, i, f,
						by);
				add_to(field, t.len[f].width, -by);
			}
		wire_text_clear(&t);
	}
}

/* What is taken although a byte was changed must be a message of its own: it encodes to something that
 * is taken again. wire_fuzz aborts when not so. */
static void every_changed_byte_is_handled(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_GOOD; i++) {
		struct wire_text t;

		wire_text(&t, good[i].text);
		for (size_t at = 0; at < t.n; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				t.b[at] ^= (uint8_t)(1 << bit);
				wire_fuzz(wire_kind(good[i].kind), t.b, t.n);
				t.b[at] ^= (uint8_t)(1 << bit);
			}
		wire_text_clear(&t);
	}
}

/* Well-formed enough to be read, but not allowed, and the alert that says so. */
static const struct bad {
	const char *kind;
	uint8_t alert;
	const char *text;
} bad[] = {
	/* bounds of the plain fields */
	{ "client_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 *33:bb > <2 c02b > <1 00 >" },
	{ "client_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > <2 > <1 00 >" },
	{ "client_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > <2 c02b01 > <1 00 >" },
	{ "client_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > <2 c02b > <1 >" },
	{ "client_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > <2 c02b > <1 00 > 00" },
	{ "server_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 *33:bb > 1301 00" },
	{ "server_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > 1301 00 00" },
	/* CertificateRequest */
	{ "cert_request", LEAT_ALERT_DECODE_ERROR, "<1 > <2 >" },
	{ "cert_request", LEAT_ALERT_MISSING_EXTENSION, "<1 > <2 1234 <2 > >" },
	{ "cert_request", LEAT_ALERT_MISSING_EXTENSION, "<1 > <2 0032 <2 <2 0403 > > >" },
	{ "cert_request", LEAT_ALERT_DECODE_ERROR, "<1 > <2 000d <2 <2 > > >" },
	{ "cert_request", LEAT_ALERT_DECODE_ERROR, "<1 > <2 000d <2 <2 0403 > > 0005 <2 01 > >" },
	{ "cert_request12", LEAT_ALERT_DECODE_ERROR, "<1 > <2 0403 > <2 >" },
	{ "cert_request12", LEAT_ALERT_DECODE_ERROR, "<1 01 > <2 > <2 >" },
	{ "cert_request12", LEAT_ALERT_DECODE_ERROR, "<1 01 > <2 040301 > <2 >" },
	{ "cert_request12", LEAT_ALERT_DECODE_ERROR, "<1 01 > <2 0403 > <2 <2 > >" },
	/* Certificate */
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 > <2 > >" },
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 30 > >" },
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 30 > <2 0005 <2 01 <3 > > > >" },
	{ "certificate", LEAT_ALERT_ILLEGAL_PARAMETER,
		"<1 > <3 <3 30 > <2 0005 <2 02 <3 aa > > > >" },
	/* RFC 6962 3.3: neither an empty list nor an empty SCT, nothing behind, nothing cut */
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 30 > <2 0012 <2 > > >" },
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 30 > <2 0012 <2 <2 > > > >" },
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 30 > <2 0012 <2 <2 <2 > > > > >" },
	{ "certificate", LEAT_ALERT_DECODE_ERROR,
		"<1 > <3 <3 30 > <2 0012 <2 <2 <2 aa > > 00 > > >" },
	{ "certificate", LEAT_ALERT_DECODE_ERROR, "<1 > <3 <3 30 > <2 0012 <2 <2 0002 aa > > > >" },
	{ "server_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > c02b 00 <2 0012 <2 > >" },
	{ "server_hello", LEAT_ALERT_DECODE_ERROR, "0303 *32:aa <1 > c02b 00 <2 0012 <2 <2 > > >" },
	{ "cert_request", LEAT_ALERT_DECODE_ERROR, "<1 > <2 000d <2 <2 0403 > > 0012 <2 00 > >" },
	/* CertificateStatus */
	{ "cert_status", LEAT_ALERT_DECODE_ERROR, "" },
	{ "cert_status", LEAT_ALERT_DECODE_ERROR, "01" },
	{ "cert_status", LEAT_ALERT_DECODE_ERROR, "01 <3 >" },
	{ "cert_status", LEAT_ALERT_DECODE_ERROR, "01 <3 30 > 00" },
	{ "cert_status", LEAT_ALERT_ILLEGAL_PARAMETER, "02 <3 30 >" },
	{ "cert_status", LEAT_ALERT_ILLEGAL_PARAMETER, "00 <3 30 >" },
	/* CompressedCertificate */
	{ "compressed_cert", LEAT_ALERT_DECODE_ERROR, "" },
	{ "compressed_cert", LEAT_ALERT_DECODE_ERROR, "0001 000123 <3 >" },
	{ "compressed_cert", LEAT_ALERT_DECODE_ERROR, "0001 000123 <3 00 > 00" },
	{ "compressed_cert", LEAT_ALERT_DECODE_ERROR, "0001 000123 000002 00" },
	{ "certificate12", LEAT_ALERT_DECODE_ERROR, "<3 <3 > >" },
	{ "certificate12_raw", LEAT_ALERT_DECODE_ERROR, "" },
	{ "certificate12_raw", LEAT_ALERT_DECODE_ERROR, "0000" },
	{ "certificate12_raw", LEAT_ALERT_DECODE_ERROR, "<3 30 > 00" },
	{ "certificate12_raw", LEAT_ALERT_DECODE_ERROR, "000002 30" },
	{ "certificate12", LEAT_ALERT_DECODE_ERROR, "<3 <3 30 > <2 > >" },
	/* small ones */
	{ "finished", LEAT_ALERT_DECODE_ERROR, "*31:55" },
	{ "finished", LEAT_ALERT_DECODE_ERROR, "*12:55" },
	{ "end_early", LEAT_ALERT_DECODE_ERROR, "00" },
	{ "session_ticket", LEAT_ALERT_DECODE_ERROR, "00000001 00000000 <1 > <2 > <2 >" },
	{ "session_ticket", LEAT_ALERT_DECODE_ERROR, "00000001 00000000 <1 > <2 01 >" },
	{ "session_ticket", LEAT_ALERT_DECODE_ERROR,
		"00000001 00000000 <1 > <2 01 > <2 002a <2 > >" },
	{ "key_update", LEAT_ALERT_ILLEGAL_PARAMETER, "02" },
	{ "key_update", LEAT_ALERT_ILLEGAL_PARAMETER, "ff" },
	{ "key_update", LEAT_ALERT_DECODE_ERROR, "" },
	{ "key_update", LEAT_ALERT_DECODE_ERROR, "0000" },
	/* RFC 8422 5.4: explicit curves, curve types nobody knows, an empty point */
	{ "v12_server_kx", LEAT_ALERT_ILLEGAL_PARAMETER,
		"01 <1 *32:09 > <1 01 > <1 01 > <1 04 > <1 01 > <1 01 >" },
	{ "v12_server_kx", LEAT_ALERT_ILLEGAL_PARAMETER, "02 001d <1 *32:09 > 0804 <2 *16:0a >" },
	{ "v12_server_kx", LEAT_ALERT_ILLEGAL_PARAMETER, "00 001d <1 *32:09 > 0804 <2 *16:0a >" },
	{ "v12_server_kx", LEAT_ALERT_DECODE_ERROR, "03 001d <1 > 0804 <2 *16:0a >" },
	{ "v12_client_kx", LEAT_ALERT_DECODE_ERROR, "" },
	{ "v12_client_kx", LEAT_ALERT_DECODE_ERROR, "<1 >" },
	{ "v12_client_kx", LEAT_ALERT_DECODE_ERROR, "<1 04 > 00" },
	{ "v12_hello_done", LEAT_ALERT_DECODE_ERROR, "00" },
	{ "v12_hello_request", LEAT_ALERT_DECODE_ERROR, "00" },
	{ "alert", LEAT_ALERT_DECODE_ERROR, "" },
	{ "alert", LEAT_ALERT_DECODE_ERROR, "02" },
	{ "alert", LEAT_ALERT_DECODE_ERROR, "022800" },
	{ "alert", LEAT_ALERT_ILLEGAL_PARAMETER, "0028" },
	{ "alert", LEAT_ALERT_ILLEGAL_PARAMETER, "0328" },
	{ "ccs", LEAT_ALERT_UNEXPECTED_MESSAGE, "" },
	{ "ccs", LEAT_ALERT_UNEXPECTED_MESSAGE, "00" },
	{ "ccs", LEAT_ALERT_UNEXPECTED_MESSAGE, "02" },
	{ "ccs", LEAT_ALERT_UNEXPECTED_MESSAGE, "0101" },
};

static void what_is_not_allowed_names_its_alert(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire_text t;
		uint8_t alert;

		wire_text(&t, bad[i].text);
		if (takes(wire_kind(bad[i].kind), t.b, t.n, &alert))
			fail_msg("%s: taken: %s", bad[i].kind, bad[i].text);
		if (alert != bad[i].alert)
			fail_msg("%s: alert %u: %s", bad[i].kind, alert, bad[i].text);
		wire_text_clear(&t);
	}
}

/* LIM_CHAIN: one below, at, one above. */
static void chains_are_bounded(void **state)
{
	(void)state;
	for (int num = LIM_CHAIN - 1; num <= LIM_CHAIN + 1; num++)
		for (int form = 0; form < 2; form++) {
			const char *entry = form ? "<3 30 > <2 > " : "<3 30 > ";
			char text[1024];
			struct wire_text t;
			uint8_t alert;
			size_t n;
			bool ok;

			n = (size_t)snprintf(text, sizeof(text), form ? "<1 > <3 " : "<3 ");
			for (int i = 0; i < num; i++)
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", entry);
			snprintf(text + n, sizeof(text) - n, ">");
			wire_text(&t, text);
			ok = takes(wire_kind(form ? "certificate" : "certificate12"), t.b, t.n,
				&alert);
			assert_int_equal(ok, num <= LIM_CHAIN);
			if (!ok)
				assert_int_equal(alert, LEAT_ALERT_BAD_CERTIFICATE);
			wire_text_clear(&t);
		}
}

static void headers(void **state)
{
	uint8_t type;
	uint32_t len;

	(void)state;
	assert_true(dec_hs_hdr(vec_hex("0b 01 02 03 ff"), &type, &len));
	assert_int_equal(type, MSG_CERT);
	assert_int_equal(len, 0x010203);
	assert_false(dec_hs_hdr(vec_hex("0b 01 02"), &type, &len));
	assert_false(dec_hs_hdr(vec_hex(""), &type, &len));

	assert_int_equal(msg_limit(MSG_CLIENT_HELLO, LIM_HANDSHAKE), LIM_CLIENT_HELLO);
	assert_int_equal(msg_limit(MSG_CERT, LIM_HANDSHAKE), LIM_HANDSHAKE);
	assert_int_equal(msg_limit(MSG_FINISHED, LIM_HANDSHAKE), LIM_SMALL_MESSAGE);
	assert_int_equal(msg_limit(MSG_FINISHED, 1000), 1000); /* the option is a cap for all */
	assert_int_equal(msg_limit(MSG_HASH, LIM_HANDSHAKE), 0);
	assert_int_equal(msg_limit(99, LIM_HANDSHAKE), 0);
	assert_string_equal(msg_name(MSG_SERVER_KX), "server_key_exchange");
	assert_string_equal(msg_name(99), "unknown");
	for (size_t i = 0; i < num_wire_kinds; i++)
		if (wire_kinds[i].type != 0xff) {
			assert_true(msg_limit(wire_kinds[i].type, LIM_HANDSHAKE) > 0);
			assert_string_not_equal(msg_name(wire_kinds[i].type), "unknown");
		}
}

/* Writers that have no room fail; they do not write past it. */
static void encoders_respect_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_GOOD; i++) {
		const struct wire_kind *k = wire_kind(good[i].kind);
		struct wire_text t;
		size_t need;

		wire_text(&t, good[i].text);
		need = t.n + header_of(k);
		for (size_t cap = 0; cap <= need; cap += cap + 1 == need || need < 64 ? 1 : 13) {
			uint8_t *buf = malloc(cap ? cap : 1), alert;
			struct leat_wr out;

			assert_non_null(buf);
			leat_wr_fixed(&out, buf, cap);
			assert_true(k->recode((struct leat_span){ t.b, t.n }, &out, &alert));
			assert_int_equal(leat_wr_ok(&out), cap >= need);
			free(buf);
		}
		wire_text_clear(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages_come_back),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(a_byte_behind_is_refused),
		cmocka_unit_test(every_wrong_length_is_refused),
		cmocka_unit_test(every_changed_byte_is_handled),
		cmocka_unit_test(what_is_not_allowed_names_its_alert),
		cmocka_unit_test(chains_are_bounded),
		cmocka_unit_test(headers),
		cmocka_unit_test(encoders_respect_room),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wire_ext.c: extensions: the table of RFC 8446 4.2 against the product's, duplicates, order, limits,
 * unknown and GREASE ones, and for each extension what it may and may not hold.
 *
 * REQ: F-ext-unique T-rn-04
 */
#include "vec.h"

#include "wire/certificate.h"
#include "wire/client_hello.h"
#include "wire/server_hello.h"
#include "wirekit.h"

#define OK 0

/* A message whose extensions are `ext`, given as text. */
static const struct column {
	enum ext_where where;
	const char *kind, *before, *after;
} columns[] = {
	{ EXT_IN_CH, "client_hello", "0303 *32:aa <1 > <2 c02b > <1 00 > <2 ", " >" },
	/* supported_versions makes it TLS 1.3; it stands last */
	{ EXT_IN_SH, "server_hello", "0303 *32:aa <1 > 1301 00 <2 ", " 002b <2 0304 > >" },
	{ EXT_IN_HRR, "server_hello",
		"0303 cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c <1 > 1301 00 <2 ",
		" >" },
	{ EXT_IN_EE, "encrypted_ext", "<2 ", " >" },
	{ EXT_IN_CT, "certificate", "<1 > <3 <3 30 > <2 ", " > >" },
	{ EXT_IN_CR, "cert_request", "<1 > <2 000d <2 <2 0403 > > ", " >" },
	{ EXT_IN_NST, "session_ticket", "00000001 00000000 <1 > <2 01 > <2 ", " >" },
	{ EXT_IN_SH12, "server_hello", "0303 *32:aa <1 > c02b 00 <2 ", " >" },
};
#define NUM_COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* The alert a message with these extensions is refused with; OK (0) when it is taken. */
static uint8_t verdict(enum ext_where where, const char *ext)
{
	const struct column *c = columns;
	struct leat_wr out = { 0 };
	struct wire_text t;
	uint8_t alert = 0;
	size_t room;
	char *text;
	bool ok;

	while (c->where != where)
		c++;
	room = strlen(c->before) + strlen(ext) + strlen(c->after) + 1;
	text = malloc(room);
	assert_non_null(text);
	snprintf(text, room, "%s%s%s", c->before, ext, c->after);
	wire_text(&t, text);
	ok = wire_kind(c->kind)->recode((struct leat_span){ t.b, t.n }, &out, &alert);
	wire_text_clear(&t);
	leat_wr_clear(&out);
	free(text);
	return ok ? OK : alert;
}

/* RFC 8446 4.2, copied by hand from the RFC and not from ext.c: the letters are its abbreviations, and
 * 2 stands for the ServerHello of TLS 1.2 by each extension's own RFC. With a legal body for each. */
static const struct rfc_row {
	unsigned id;
	const char *in, *ch, *sh, *hrr, *ee, *ct, *cr, *nst, *sh12;
} rfc_table[] = {
	{ .id = 0, .in = "CH EE 2", .ch = "<2 00 <2 \"a.b\" > >" },
	{ .id = 1, .in = "CH EE 2", .ch = "01", .ee = "01", .sh12 = "01" },
	{ .id = 5, .in = "CH CR CT 2", .ch = "01 0000 0000", .ct = "01 <3 aa >" },
	{ .id = 10, .in = "CH EE 2", .ch = "<2 001d >", .ee = "<2 001d >", .sh12 = "<2 001d >" },
	{ .id = 13, .in = "CH CR", .ch = "<2 0403 >" }, /* CR has it in its frame already */
	{ .id = 14, .in = "CH EE 2" },
	{ .id = 15, .in = "CH EE 2" },
	{ .id = 16,
		.in = "CH EE 2",
		.ch = "<2 <1 61 > >",
		.ee = "<2 <1 61 > >",
		.sh12 = "<2 <1 61 > >" },
	{ .id = 18, .in = "CH CR CT 2", .ct = "<2 <2 aa > >", .sh12 = "<2 <2 aa > >" },
	{ .id = 19, .in = "CH EE 2", .ch = "<1 02 00 >", .ee = "02", .sh12 = "02" },
	{ .id = 20, .in = "CH EE 2", .ch = "<1 02 >", .ee = "00", .sh12 = "02" },
	{ .id = 21, .in = "CH" },
	{ .id = 51, .in = "CH SH HRR", .ch = "<2 >", .sh = "001d <2 aa >", .hrr = "001d" },
	{ .id = 41, .in = "CH SH", .ch = "<2 <2 61 > 00000000 > <2 <1 *32:00 > >", .sh = "0000" },
	{ .id = 45, .in = "CH", .ch = "<1 01 >" },
	{ .id = 42, .in = "CH EE NST", .nst = "00000001" },
	{ .id = 44, .in = "CH HRR", .ch = "<2 aa >", .hrr = "<2 aa >" },
	{ .id = 43, .in = "CH HRR", .ch = "<1 0304 >", .hrr = "0304" }, /* SH: in its frame */
	{ .id = 47, .in = "CH CR", .ch = "<2 <2 30 > >", .cr = "<2 <2 30 > >" },
	{ .id = 48, .in = "CR", .cr = "0000" },
	{ .id = 49, .in = "CH" },
	{ .id = 50, .in = "CH CR", .ch = "<2 0403 >", .cr = "<2 0403 >" },
	/* RFC 8879, RFC 8449 */
	{ .id = 27, .in = "CH CR", .ch = "<1 0001 >", .cr = "<1 0001 >" },
	{ .id = 28, .in = "CH EE 2", .ch = "4000", .ee = "4000", .sh12 = "4000" },
	/* RFC 8422, 5054, 7366, 7627, 5077, 5746 */
	{ .id = 11, .in = "CH 2", .ch = "<1 00 >", .sh12 = "<1 00 >" },
	{ .id = 12, .in = "CH", .ch = "<1 61 >" },
	{ .id = 22, .in = "CH 2" },
	{ .id = 23, .in = "CH 2" },
	{ .id = 35, .in = "CH 2" },
	{ .id = 0xff01, .in = "CH 2", .ch = "<1 >", .sh12 = "<1 >" },
};
#define NUM_RFC (sizeof(rfc_table) / sizeof(rfc_table[0]))

static const char *body_for(const struct rfc_row *r, size_t column)
{
	const char *bodies[] = { r->ch, r->sh, r->hrr, r->ee, r->ct, r->cr, r->nst, r->sh12 };

	return bodies[column] ? bodies[column] : "";
}

static bool names_column(const char *in, size_t column)
{
	static const char *const names[] = { "CH", "SH", "HRR", "EE", "CT", "CR", "NST", "2" };
	size_t n = strlen(names[column]);

	for (const char *s = in; *s; s += strcspn(s, " ") + (s[strcspn(s, " ")] == ' '))
		if (strcspn(s, " ") == n && strncmp(s, names[column], n) == 0)
			return true;
	return false;
}

static void the_table_is_the_rfcs(void **state)
{
	(void)state;
	assert_int_equal(NUM_RFC, EXT_COUNT);
	for (size_t i = 0; i < NUM_RFC; i++) {
		const struct rfc_row *r = &rfc_table[i];

		for (size_t c = 0; c < NUM_COLUMNS; c++) {
			uint8_t want = names_column(r->in, c) ? OK : LEAT_ALERT_ILLEGAL_PARAMETER,
				got;
			char text[256];

			/* these two would make it another column, or stand there already */
			if ((r->id == 43 && (c == 1 || c == 7)) || (r->id == 13 && c == 5))
				continue;
			snprintf(text, sizeof(text), "%04x <2 %s >", r->id, body_for(r, c));
			got = verdict(columns[c].where, text);
			if (got != want)
				fail_msg("extension %u in %s %zu: %u, not %u", r->id,
					columns[c].kind, c, got, want);
		}
		assert_int_not_equal(ext_by_id(r->id), EXT_COUNT);
		assert_int_equal(ext_row(ext_by_id(r->id))->id, r->id);
		assert_true(strlen(ext_row(ext_by_id(r->id))->name) > 2);
	}
	assert_int_equal(ext_by_id(0x0a0a), EXT_COUNT);
}

static void none_stands_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_RFC; i++)
		for (size_t c = 0; c < NUM_COLUMNS; c++) {
			const struct rfc_row *r = &rfc_table[i];
			char text[512];

			if (!names_column(r->in, c))
				continue;
			snprintf(text, sizeof(text), "%04x <2 %s > %04x <2 %s >", r->id,
				body_for(r, c), r->id, body_for(r, c));
			if (verdict(columns[c].where, text) != LEAT_ALERT_ILLEGAL_PARAMETER)
				fail_msg("extension %u twice in column %zu", r->id, c);
		}
	/* unknown ones too, and not only next to each other */
	assert_int_equal(verdict(EXT_IN_CH, "1234 <2 > 0017 <2 > 1234 <2 01 >"),
		LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_int_equal(verdict(EXT_IN_CH, "1234 <2 > 0017 <2 > 1235 <2 01 >"), OK);
}

/* RFC 8701: GREASE values anywhere in a ClientHello. */
static void unknown_ones_are_skipped_in_requests_only(void **state)
{
	static const char *const unknown[] = { "0a0a <2 >", "fafa <2 00 >", "1234 <2 *300:ff >" };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t c = 0; c < NUM_COLUMNS; c++) {
			enum ext_where w = columns[c].where;
			bool request = w == EXT_IN_CH || w == EXT_IN_CR || w == EXT_IN_NST;

			assert_int_equal(verdict(w, unknown[i]),
				request ? OK : LEAT_ALERT_UNSUPPORTED_EXTENSION);
		}
	/* GREASE inside lists is just a number */
	assert_int_equal(
		verdict(EXT_IN_CH,
			"000a <2 <2 2a2a 001d > > 002b <2 <1 7a7a 0304 > > 000d <2 <2 0403 dada > >"
			"002d <2 <1 0b 01 > > 0033 <2 <2 2a2a <2 00 > 001d <2 *32:01 > > >"
			"0010 <2 <2 <1 0a0a > <1 \"h2\" > > >"),
		OK);
}

static void psk_is_last_in_client_hello(void **state)
{
#define PSK "0029 <2 <2 <2 61 > 00000000 > <2 <1 *32:00 > > >"
	(void)state;
	assert_int_equal(verdict(EXT_IN_CH, "0017 <2 >" PSK), OK);
	assert_int_equal(verdict(EXT_IN_CH, PSK "0017 <2 >"), LEAT_ALERT_ILLEGAL_PARAMETER);
	assert_int_equal(verdict(EXT_IN_CH, PSK "0a0a <2 >"), LEAT_ALERT_ILLEGAL_PARAMETER);
	/* in ServerHello its place is free */
	assert_int_equal(verdict(EXT_IN_SH, "0029 <2 0000 > 0033 <2 001d <2 aa > >"), OK);
}

/* LIM_EXTENSIONS and LIM_KEY_SHARES: one below, at, one above. */
static void numbers_are_bounded(void **state)
{
	char text[8192];
	size_t n;

	(void)state;
	for (int num = LIM_EXTENSIONS - 1; num <= LIM_EXTENSIONS + 1; num++) {
		n = 0;
		for (int i = 0; i < num; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%04x <2 > ", 0x4000 + i);
		assert_int_equal(verdict(EXT_IN_CH, text),
			num <= LIM_EXTENSIONS ? OK : LEAT_ALERT_ILLEGAL_PARAMETER);
	}
	for (int num = LIM_KEY_SHARES - 1; num <= LIM_KEY_SHARES + 1; num++) {
		n = (size_t)snprintf(text, sizeof(text), "0033 <2 <2 ");
		for (int i = 0; i < num; i++)
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "%04x <2 01 > ", 0x4000 + i);
		snprintf(text + n, sizeof(text) - n, "> >");
		assert_int_equal(verdict(EXT_IN_CH, text),
			num <= LIM_KEY_SHARES ? OK : LEAT_ALERT_ILLEGAL_PARAMETER);
	}
}

#define DECODE  LEAT_ALERT_DECODE_ERROR
#define ILLEGAL LEAT_ALERT_ILLEGAL_PARAMETER

static const struct content {
	enum ext_where where;
	uint8_t want;
	const char *text;
} contents[] = {
	/* server_name: exactly one host name, 1..255 printable bytes */
	{ EXT_IN_CH, OK, "0000 <2 <2 00 <2 *255:61 > > >" },
	{ EXT_IN_CH, OK, "0000 <2 <2 00 <2 *254:61 > > >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 00 <2 *256:61 > > >" },
	{ EXT_IN_CH, DECODE, "0000 <2 >" },
	{ EXT_IN_CH, DECODE, "0000 <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "0000 <2 <2 00 <2 > > >" },
	{ EXT_IN_CH, DECODE, "0000 <2 <2 00 <2 \"a\" > 00 <2 \"b\" > > >" },
	{ EXT_IN_CH, DECODE, "0000 <2 <2 00 <2 \"a\" > > 00 >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 01 <2 \"a\" > > >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 00 <2 \"a\" 00 \".evil\" > > >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 00 <2 \"a b\" > > >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 00 <2 \"a\" 0a > > >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 00 <2 \"a\" 7f > > >" },
	{ EXT_IN_CH, ILLEGAL, "0000 <2 <2 00 <2 \"a\" c3a4 > > >" },
	{ EXT_IN_EE, DECODE, "0000 <2 00 >" },
	{ EXT_IN_SH12, DECODE, "0000 <2 <2 00 <2 \"a\" > > >" },
	/* ALPN */
	{ EXT_IN_CH, OK, "0010 <2 <2 <1 *255:61 > > >" },
	{ EXT_IN_CH, DECODE, "0010 <2 >" },
	{ EXT_IN_CH, DECODE, "0010 <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "0010 <2 <2 <1 > > >" },
	{ EXT_IN_CH, DECODE, "0010 <2 <2 <1 61 > <1 > > >" },
	{ EXT_IN_CH, DECODE, "0010 <2 <2 0361 > >" },
	{ EXT_IN_EE, ILLEGAL, "0010 <2 <2 <1 61 > <1 62 > > >" },
	{ EXT_IN_EE, DECODE, "0010 <2 <2 > >" },
	{ EXT_IN_EE, DECODE, "0010 <2 >" },
	{ EXT_IN_SH12, ILLEGAL, "0010 <2 <2 <1 61 > <1 62 > > >" },
	/* lists of numbers: empty and odd */
	{ EXT_IN_CH, DECODE, "000a <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "000a <2 <2 001d00 > >" },
	{ EXT_IN_CH, DECODE, "000a <2 >" },
	{ EXT_IN_CH, DECODE, "000a <2 <2 001d > 00 >" },
	{ EXT_IN_EE, DECODE, "000a <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "000d <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "000d <2 <2 040308 > >" },
	{ EXT_IN_CH, DECODE, "0032 <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "002b <2 <1 > >" },
	{ EXT_IN_CH, DECODE, "002b <2 <1 030403 > >" },
	{ EXT_IN_CH, OK, "002b <2 <1 *254:03 > >" },
	{ EXT_IN_CH, DECODE, "002b <2 <1 *255:03 > >" },
	{ EXT_IN_CH, DECODE, "002b <2 0304 >" },
	{ EXT_IN_HRR, DECODE, "002b <2 <1 0304 > >" },
	{ EXT_IN_CH, DECODE, "001b <2 <1 > >" },
	{ EXT_IN_CH, DECODE, "001b <2 <1 000102 > >" },
	/* key_share in its three forms */
	{ EXT_IN_CH, OK, "0033 <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "0033 <2 >" },
	{ EXT_IN_CH, DECODE, "0033 <2 <2 001d <2 > > >" },
	{ EXT_IN_CH, DECODE, "0033 <2 <2 001d > >" },
	{ EXT_IN_CH, DECODE, "0033 <2 <2 001d <2 aa > 00 > >" },
	{ EXT_IN_CH, ILLEGAL, "0033 <2 <2 001d <2 aa > 0017 <2 aa > 001d <2 bb > > >" },
	{ EXT_IN_SH, DECODE, "0033 <2 001d >" },
	{ EXT_IN_SH, DECODE, "0033 <2 001d <2 > >" },
	{ EXT_IN_SH, DECODE, "0033 <2 001d <2 aa > 00 >" },
	{ EXT_IN_HRR, DECODE, "0033 <2 001d <2 aa > >" },
	{ EXT_IN_HRR, DECODE, "0033 <2 1d >" },
	/* cookie */
	{ EXT_IN_CH, OK, "002c <2 <2 *4095:aa > >" },
	{ EXT_IN_CH, OK, "002c <2 <2 *4096:aa > >" },
	{ EXT_IN_CH, ILLEGAL, "002c <2 <2 *4097:aa > >" },
	{ EXT_IN_HRR, ILLEGAL, "002c <2 <2 *4097:aa > >" },
	{ EXT_IN_HRR, DECODE, "002c <2 <2 > >" },
	{ EXT_IN_CH, DECODE, "002c <2 >" },
	/* PSK */
	{ EXT_IN_CH, DECODE, "002d <2 <1 > >" },
	{ EXT_IN_CH, DECODE, "002d <2 >" },
	{ EXT_IN_CH, DECODE, "0029 <2 <2 > <2 <1 *32:00 > > >" },
	{ EXT_IN_CH, DECODE, "0029 <2 <2 <2 > 00000000 > <2 <1 *32:00 > > >" },
	{ EXT_IN_CH, DECODE, "0029 <2 <2 <2 61 > 000000 > <2 <1 *32:00 > > >" },
	{ EXT_IN_CH, DECODE, "0029 <2 <2 <2 61 > 00000000 > >" },
	{ EXT_IN_CH, DECODE, "0029 <2 <2 <2 61 > 00000000 > <2 > >" },
	{ EXT_IN_CH, DECODE, "0029 <2 <2 <2 61 > 00000000 > <2 <1 *31:00 > > >" },
	{ EXT_IN_CH, OK, "0029 <2 <2 <2 61 > 00000000 > <2 <1 *255:00 > > >" },
	{ EXT_IN_CH, ILLEGAL, "0029 <2 <2 <2 61 > 00000000 > <2 <1 *32:00 > <1 *32:00 > > >" },
	{ EXT_IN_CH, ILLEGAL, "0029 <2 <2 <2 61 > 00000000 <2 62 > 00000000 > <2 <1 *32:00 > > >" },
	{ EXT_IN_SH, DECODE, "0029 <2 00 >" },
	{ EXT_IN_SH, DECODE, "0029 <2 000000 >" },
	/* early_data */
	{ EXT_IN_CH, DECODE, "002a <2 00 >" },
	{ EXT_IN_EE, DECODE, "002a <2 00 >" },
	{ EXT_IN_NST, DECODE, "002a <2 >" },
	{ EXT_IN_NST, DECODE, "002a <2 0000000000 >" },
	/* status_request: a type nobody knows is no error, a broken OCSP request is */
	{ EXT_IN_CH, OK, "0005 <2 07 ffff >" },
	{ EXT_IN_CH, DECODE, "0005 <2 >" },
	{ EXT_IN_CH, DECODE, "0005 <2 01 >" },
	{ EXT_IN_CH, DECODE, "0005 <2 01 0000 >" },
	{ EXT_IN_CH, DECODE, "0005 <2 01 <2 <2 > > <2 > >" },
	{ EXT_IN_CH, DECODE, "0005 <2 01 <2 > <2 > 00 >" },
	{ EXT_IN_SH12, DECODE, "0005 <2 01 >" },
	/* authorities */
	{ EXT_IN_CH, DECODE, "002f <2 <2 > >" },
	{ EXT_IN_CR, DECODE, "002f <2 <2 > >" },
	{ EXT_IN_CR, DECODE, "002f <2 <2 <2 > > >" },
	{ EXT_IN_CR, DECODE, "002f <2 <2 000530 > >" },
	/* max_fragment_length: one byte; whether it means something is the handshake's to say */
	{ EXT_IN_CH, OK, "0001 <2 01 >" },
	{ EXT_IN_CH, OK, "0001 <2 05 >" },
	{ EXT_IN_SH12, OK, "0001 <2 ff >" },
	{ EXT_IN_CH, DECODE, "0001 <2 >" },
	{ EXT_IN_EE, DECODE, "0001 <2 >" },
	{ EXT_IN_EE, DECODE, "0001 <2 0101 >" },
	{ EXT_IN_SH12, DECODE, "0001 <2 01 00 >" },
	/* record_size_limit: RFC 8449 4, 64 is the least */
	{ EXT_IN_CH, ILLEGAL, "001c <2 003f >" },
	{ EXT_IN_CH, OK, "001c <2 0040 >" },
	{ EXT_IN_CH, OK, "001c <2 0041 >" },
	{ EXT_IN_CH, OK, "001c <2 ffff >" },
	{ EXT_IN_EE, ILLEGAL, "001c <2 0000 >" },
	{ EXT_IN_EE, DECODE, "001c <2 40 >" },
	/* TLS 1.2 */
	{ EXT_IN_CH, DECODE, "000b <2 <1 > >" },
	{ EXT_IN_CH, DECODE, "000b <2 >" },
	{ EXT_IN_SH12, DECODE, "000b <2 <1 > >" },
	{ EXT_IN_CH, DECODE, "0017 <2 00 >" },
	{ EXT_IN_SH12, DECODE, "0017 <2 00 >" },
	{ EXT_IN_CH, DECODE, "0016 <2 00 >" },
	{ EXT_IN_CH, DECODE, "ff01 <2 >" },
	{ EXT_IN_CH, DECODE, "ff01 <2 0100 00 >" },
	{ EXT_IN_CH, OK, "ff01 <2 <1 *12:aa > >" },
	{ EXT_IN_SH12, DECODE, "ff01 <2 >" },
	{ EXT_IN_CH, OK, "0023 <2 *200:aa >" },
	{ EXT_IN_SH12, DECODE, "0023 <2 00 >" },
	{ EXT_IN_CH, DECODE, "0031 <2 00 >" },
};

static void contents_are_held_to_their_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		uint8_t got = verdict(contents[i].where, contents[i].text);

		if (got != contents[i].want)
			fail_msg("where %#x: %u, not %u: %s", contents[i].where, got,
				contents[i].want, contents[i].text);
	}
}

static void answers_must_have_been_asked_for(void **state)
{
	uint64_t asked = EXT_BIT(EXT_SNI) | EXT_BIT(EXT_ALPN);

	(void)state;
	assert_true(ext_is_asked(EXT_IN_EE, 0, asked));
	assert_true(ext_is_asked(EXT_IN_EE, EXT_BIT(EXT_ALPN), asked));
	assert_false(ext_is_asked(EXT_IN_EE, EXT_BIT(EXT_GROUPS), asked));
	assert_false(ext_is_asked(EXT_IN_EE, EXT_BIT(EXT_ALPN) | EXT_BIT(EXT_GROUPS), asked));
	assert_false(ext_is_asked(EXT_IN_SH12, EXT_BIT(EXT_RENEG), asked));
	assert_true(ext_is_asked(EXT_IN_HRR, EXT_BIT(EXT_COOKIE), asked));
	assert_false(ext_is_asked(EXT_IN_SH12, EXT_BIT(EXT_COOKIE), asked));
}

static struct leat_span block_of(struct wire_text *t, const char *text)
{
	wire_text(t, text);
	return (struct leat_span){ t->b, t->n };
}

static void find_finds(void **state)
{
	struct leat_span body = { 0 };
	struct wire_text t;

	(void)state;
	assert_true(ext_find(block_of(&t, "1234 <2 aa > 002b <2 0304 >"), EXTID_VERSIONS, &body));
	assert_hex(body.p, body.n, "0304");
	wire_text_clear(&t);
	assert_false(ext_find(block_of(&t, "1234 <2 aa >"), EXTID_VERSIONS, &body));
	wire_text_clear(&t);
	assert_false(ext_find(block_of(&t, "1234 0005 aa 002b <2 0304 >"), EXTID_VERSIONS, &body));
	wire_text_clear(&t);
	assert_false(ext_find((struct leat_span){ NULL, 0 }, EXTID_VERSIONS, &body));
}

/* The encoder writes the caller's order, skips what is not set and writes unknown numbers empty. */
static void order_is_the_callers(void **state)
{
	static const uint16_t order[] = { 0x2a2a, EXTID_VERSIONS, EXTID_EMS, EXTID_SNI, 0x3a3a };
	struct client_hello ch = {
		.legacy_version = LEAT_TLS12,
		.random = vec_hex(
			"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
		.suites = vec_hex("1301"),
		.compressions = vec_hex("00"),
		.has = EXT_BIT(EXT_EMS) | EXT_BIT(EXT_VERSIONS) | EXT_BIT(EXT_PADDING),
		.versions = vec_hex("0304"),
	};
	struct leat_wr w = { 0 };

	(void)state;
	enc_client_hello(&w, &ch, order, 5);
	assert_true(leat_wr_ok(&w));
	assert_hex(w.p + 4 + 2 + 32 + 1 + 4 + 2, w.n - 45,
		"0013 2a2a0000 002b0003020304 00170000 3a3a0000");
	leat_wr_clear(&w);
	/* no extension at all, but an order: an empty block */
	ch.has = 0;
	enc_client_hello(&w, &ch, order, 0);
	assert_hex(w.p + 45, w.n - 45, "0000");
	leat_wr_clear(&w);
	enc_client_hello(&w, &ch, NULL, 0);
	assert_int_equal(w.n, 45);
	leat_wr_clear(&w);
}

static void the_truncated_hello_ends_before_the_binders(void **state)
{
	struct client_hello ch;
	struct wire_text t;
	uint8_t alert;

	(void)state;
	wire_text(&t, "0303 *32:aa <1 > <2 1301 > <1 00 >"
		      "<2 0029 <2 <2 <2 61 > 00000000 > <2 <1 *32:cc > > > >");
	assert_true(dec_client_hello((struct leat_span){ t.b, t.n }, &ch, &alert));
	/* RFC 8446 4.2.11.2: up to and including the identities field, not the length of the binders */
	assert_int_equal(ch.truncated_len, t.n - 33 - 2);
	assert_hex(t.b + ch.truncated_len, 4, "0021 20cc");
	wire_text_clear(&t);
}

static void padding_is_written_as_zeros(void **state)
{
	struct client_hello ch = {
		.random = vec_hex(
			"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
		.suites = vec_hex("1301"),
		.compressions = vec_hex("00"),
		.has = EXT_BIT(EXT_PADDING),
		.padding = { NULL, 5 },
	};
	struct leat_wr w = { 0 };

	(void)state;
	enc_client_hello(&w, &ch, NULL, 0);
	assert_hex(w.p + 45, w.n - 45, "0009 0015 0005 0000000000");
	leat_wr_clear(&w);
}

/* A list too long for its prefix fails the writer instead of being cut. */
static void lists_too_long_fail(void **state)
{
	struct client_hello ch = {
		.random = vec_noise(RANDOM_LEN),
		.suites = vec_noise(0x10000),
		.compressions = vec_hex("00"),
	};
	struct leat_wr w = { 0 };

	(void)state;
	enc_client_hello(&w, &ch, NULL, 0);
	assert_false(leat_wr_ok(&w));
	leat_wr_clear(&w);
	ch.suites = vec_hex("1301");
	ch.session_id = vec_noise(256);
	enc_client_hello(&w, &ch, NULL, 0);
	assert_false(leat_wr_ok(&w));
	leat_wr_clear(&w);
}

static void which_server_hello(void **state)
{
	struct server_hello sh = { .retry = true };

	(void)state;
	assert_int_equal(server_hello_where(&sh), EXT_IN_HRR);
	sh = (struct server_hello){ .has = EXT_BIT(EXT_VERSIONS) };
	assert_int_equal(server_hello_where(&sh), EXT_IN_SH);
	sh = (struct server_hello){ .has = EXT_BIT(EXT_EMS) };
	assert_int_equal(server_hello_where(&sh), EXT_IN_SH12);
}

/* RFC 8446 4.1.3. */
static void sentinels(void **state)
{
	uint8_t r[RANDOM_LEN];
	struct leat_span s = { r, sizeof(r) };

	(void)state;
	memset(r, 0xaa, sizeof(r));
	sentinel_put(r, LEAT_TLS13, LEAT_TLS13);
	sentinel_put(r, LEAT_TLS12, LEAT_TLS12);
	assert_int_equal(sentinel_of(s), 0);
	for (size_t i = 0; i < sizeof(r); i++)
		assert_int_equal(r[i], 0xaa);
	sentinel_put(r, LEAT_TLS13, LEAT_TLS12);
	assert_hex(r + 24, 8, "444f574e47524401");
	assert_int_equal(r[23], 0xaa);
	assert_int_equal(sentinel_of(s), LEAT_TLS13);
	sentinel_put(r, LEAT_TLS13, 0x0302);
	assert_hex(r + 24, 8, "444f574e47524400");
	assert_int_equal(sentinel_of(s), LEAT_TLS12);
	r[31] = 2;
	assert_int_equal(sentinel_of(s), 0);
	assert_int_equal(sentinel_of((struct leat_span){ r, 7 }), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_the_rfcs),
		cmocka_unit_test(none_stands_twice),
		cmocka_unit_test(unknown_ones_are_skipped_in_requests_only),
		cmocka_unit_test(psk_is_last_in_client_hello),
		cmocka_unit_test(numbers_are_bounded),
		cmocka_unit_test(contents_are_held_to_their_rfc),
		cmocka_unit_test(answers_must_have_been_asked_for),
		cmocka_unit_test(find_finds),
		cmocka_unit_test(order_is_the_callers),
		cmocka_unit_test(the_truncated_hello_ends_before_the_binders),
		cmocka_unit_test(padding_is_written_as_zeros),
		cmocka_unit_test(lists_too_long_fail),
		cmocka_unit_test(which_server_hello),
		cmocka_unit_test(sentinels),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}

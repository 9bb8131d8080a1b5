/* SPDX-License-Identifier: Apache-2.0
 *
 * der.c - see der.h. X.690 8 and 10 (DER), RFC 5280 4.1, 4.2, A.1. All bytes go through base/rd.
 *
 * What is left to libcrypto on purpose: versions 1 and 2, unique identifiers, algorithm parameters that
 * are structures, Names with several attributes in one part or with strings other than UTF8String
 * and ASCII in PrintableString, TeletexString or IA5String, negative or padded serial numbers, times with fractions or zones.
 */
#include "x509/der.h"

#include <assert.h>
#include <string.h>

/* X.690 10.1: "The definite form of length encoding shall be used, encoded in the minimum number of
 * octets." Three octets hold more than any message that is taken. */
static size_t take_length(struct leat_rd *in)
{
	static const uint32_t least[] = { 0, 0x80, 0x100, 0x10000 };
	uint32_t n = 0;
	uint8_t first, b;

	leat_rd_u8(in, &first);
	if (first < 0x80)
		return first;
	first &= 0x7f;
	if (first < 1 || first > 3) {
		leat_rd_fail(in);
		return 0;
	}
	for (unsigned i = 0; i < first; i++) {
		leat_rd_u8(in, &b);
		n = n << 8 | b;
	}
	if (n < least[first])
		leat_rd_fail(in);
	return n;
}

struct leat_span der_span(struct leat_rd *in, uint8_t tag, struct leat_span *whole)
{
	const uint8_t *start = in->p;
	struct leat_span body;
	uint8_t got;
	size_t n;

	leat_rd_u8(in, &got);
	if (got != tag)
		leat_rd_fail(in);
	n = take_length(in);
	body = leat_rd_bytes(in, n);
	if (whole)
		*whole = leat_rd_ok(in) ? (struct leat_span){ start, (size_t)(in->p - start) }
					: (struct leat_span){ NULL, 0 };
	return body;
}

void der_take(struct leat_rd *in, uint8_t tag, struct leat_rd *body)
{
	*body = leat_rd_of(der_span(in, tag, NULL));
	body->bad = in->bad;
}

/* Ends a nested reader: what is left in it, or went wrong in it, fails the outer one. */
static void close_body(struct leat_rd *in, const struct leat_rd *body)
{
	if (!leat_rd_end(body))
		leat_rd_fail(in);
}

/* X.690 8.19.2: the leading octet of a subidentifier shall not be 0x80; the last of all ends one. */
static struct leat_span take_oid(struct leat_rd *in)
{
	struct leat_span s = der_span(in, DER_OID, NULL);
	bool starts = true;

	if (s.n == 0 || s.n > 64) {
		leat_rd_fail(in);
		return (struct leat_span){ NULL, 0 };
	}
	for (size_t i = 0; i < s.n; i++) {
		if (starts && s.p[i] == 0x80)
			leat_rd_fail(in);
		starts = !(s.p[i] & 0x80);
	}
	if (!starts)
		leat_rd_fail(in);
	return s;
}

bool der_oid(struct leat_rd *in, struct leat_span *out)
{
	*out = take_oid(in);
	return leat_rd_ok(in);
}

struct leat_span der_positive(struct leat_rd *in)
{
	struct leat_span s = der_span(in, DER_INTEGER, NULL);

	if (s.n == 0 || (s.p[0] & 0x80) || (s.n > 1 && s.p[0] == 0 && !(s.p[1] & 0x80))) {
		leat_rd_fail(in);
		return (struct leat_span){ NULL, 0 };
	}
	if (s.n > 1 && s.p[0] == 0) {
		s.p++;
		s.n--;
	}
	return s;
}

struct leat_span der_octet_bits(struct leat_rd *in)
{
	struct leat_span s = der_span(in, DER_BIT_STRING, NULL);

	/* the first octet counts unused bits */
	if (s.n < 2 || s.p[0] != 0) {
		leat_rd_fail(in);
		return (struct leat_span){ NULL, 0 };
	}
	return (struct leat_span){ s.p + 1, s.n - 1 };
}

static void take_alg(struct leat_rd *in, struct der_alg *out)
{
	struct leat_span body = der_span(in, DER_SEQUENCE, &out->whole);
	struct leat_rd b = leat_rd_of(body);

	out->oid = take_oid(&b);
	out->param = 0;
	out->param_oid = (struct leat_span){ NULL, 0 };
	if (der_is(&b, DER_NULL)) {
		out->param = DER_NULL;
		if (der_span(&b, DER_NULL, NULL).n != 0)
			leat_rd_fail(&b);
	} else if (der_is(&b, DER_OID)) {
		out->param = DER_OID;
		out->param_oid = take_oid(&b);
	}
	close_body(in, &b);
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* RFC 3629 4: shortest form, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c = p[i];

		len = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
		if (len == 0 || len > n - i)
			return false;
		if (len > 1)
			c &= 0xffu >> (len + 1);
		for (size_t k = 1; k < len; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i + k] & 0x3f);
		}
		if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

static uint64_t mix(uint64_t h, uint8_t b)
{
	return (h ^ b) * UINT64_C(0x100000001b3); /* FNV-1a */
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What libcrypto compares: spaces at the ends dropped, runs of them one, ASCII letters small. */
static uint64_t mix_folded(uint64_t h, struct leat_span s)
{
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (is_space(c)) {
			if (i == 0 || is_space(s.p[i - 1]))
				continue;
			c = ' ';
		} else if (c >= 'A' && c <= 'Z') {
			c = (uint8_t)(c - 'A' + 'a');
		}
		h = mix(h, c);
	}
	return h;
}

static bool is_ascii(struct leat_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] & 0x80)
			return false;
	return true;
}

/* One RelativeDistinguishedName with one attribute. */
static uint64_t take_rdn(struct leat_rd *in, uint64_t h)
{
	struct leat_span oid, value = { NULL, 0 };
	struct leat_rd set, atv;
	uint8_t tag;

	der_take(in, DER_SET, &set);
	der_take(&set, DER_SEQUENCE, &atv);
	oid = take_oid(&atv);
	if (der_is(&atv, DER_UTF8)) {
		value = der_span(&atv, DER_UTF8, NULL);
		if (!is_utf8(value.p, value.n))
			leat_rd_fail(&atv);
	} else {
		tag = der_is(&atv, DER_IA5)       ? DER_IA5
		      : der_is(&atv, DER_TELETEX) ? DER_TELETEX
						  : DER_PRINTABLE;
		value = der_span(&atv, tag, NULL);
		if (!is_ascii(value))
			leat_rd_fail(&atv);
	}
	close_body(&set, &atv);
	close_body(in, &set);
	for (size_t i = 0; i < oid.n; i++)
		h = mix(h, oid.p[i]);
	return mix(mix_folded(mix(h, 0xff), value), 0xfe);
}

/* Returns the number of the Name. */
static uint64_t take_name(struct leat_rd *in, struct leat_span *whole)
{
	struct leat_rd body = leat_rd_of(der_span(in, DER_SEQUENCE, whole));
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (leat_rd_more(&body))
		h = take_rdn(&body, h);
	close_body(in, &body);
	return h;
}

bool der_name_hash(struct leat_span name, uint64_t *hash)
{
	struct leat_rd in = leat_rd_of(name);

	*hash = take_name(&in, NULL);
	return leat_rd_end(&in);
}

/* ---- times ----------------------------------------------------------------------------------- */

static unsigned digits(struct leat_rd *in, unsigned n)
{
	unsigned v = 0;
	uint8_t c;

	for (unsigned i = 0; i < n; i++) {
		leat_rd_u8(in, &c);
		if (c < '0' || c > '9')
			leat_rd_fail(in);
		v = v * 10 + (unsigned)(c - '0');
	}
	return leat_rd_ok(in) ? v : 0;
}

static bool is_leap(unsigned y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int64_t der_unix_time(unsigned y, unsigned m, unsigned d)
{
	static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t years = (int64_t)y - 1;

	assert(m >= 1 && m <= 12); /* every caller has checked */
	return (years * 365 + years / 4 - years / 100 + years / 400 + before[m - 1] +
		       (m > 2 && is_leap(y)) + (int64_t)d - 1 - 719162) *
	       86400;
}

static unsigned days_in(unsigned y, unsigned m)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && is_leap(y) ? 1u : 0u);
}

/* RFC 5280 4.1.2.5: YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ, "where YY is greater than or equal to 50, the
 * year SHALL be interpreted as 19YY". */
static int64_t take_time(struct leat_rd *in)
{
	bool utc = der_is(in, DER_UTC_TIME);
	unsigned y, mon, d, h, min, s;
	struct leat_rd t;
	uint8_t z;

	der_take(in, utc ? DER_UTC_TIME : DER_GENERAL_TIME, &t);
	y = digits(&t, utc ? 2 : 4);
	if (utc)
		y += y < 50 ? 2000 : 1900;
	mon = digits(&t, 2);
	d = digits(&t, 2);
	h = digits(&t, 2);
	min = digits(&t, 2);
	s = digits(&t, 2);
	leat_rd_u8(&t, &z);
	if (z != 'Z' || y < 1 || mon < 1 || mon > 12 || d < 1 || d > days_in(y, mon) || h > 23 ||
		min > 59 || s > 59)
		leat_rd_fail(&t);
	close_body(in, &t);
	return leat_rd_ok(in) ? der_unix_time(y, mon, d) + h * 3600 + min * 60 + s : 0;
}

/* ---- the certificate -------------------------------------------------------------------------- */

static void take_spki(struct leat_rd *in, struct der_cert *c)
{
	struct leat_rd body = leat_rd_of(der_span(in, DER_SEQUENCE, &c->spki));

	take_alg(&body, &c->key_alg);
	c->key = der_octet_bits(&body);
	close_body(in, &body);
}

void der_ext(struct leat_rd *in, struct der_ext *out)
{
	struct leat_span flag;
	struct leat_rd e;

	der_take(in, DER_SEQUENCE, &e);
	out->oid = take_oid(&e);
	out->critical = false;
	if (der_is(&e, DER_BOOLEAN)) {
		/* X.690 11.1, 11.5: TRUE is 0xff, and FALSE, the default, is not written */
		flag = der_span(&e, DER_BOOLEAN, NULL);
		if (flag.n != 1 || flag.p[0] != 0xff)
			leat_rd_fail(&e);
		out->critical = true;
	}
	out->value = der_span(&e, DER_OCTET_STRING, NULL);
	close_body(in, &e);
}

/* [3] EXPLICIT Extensions; each of them is looked at so that later readers cannot fail. */
static void take_exts(struct leat_rd *in, struct der_cert *c)
{
	struct leat_rd explicit_tag, list;
	struct der_ext e;

	der_take(in, 0xa3, &explicit_tag);
	c->exts = der_span(&explicit_tag, DER_SEQUENCE, NULL);
	close_body(in, &explicit_tag);
	list = leat_rd_of(c->exts);
	if (c->exts.n == 0)
		leat_rd_fail(in);
	while (leat_rd_more(&list))
		der_ext(&list, &e);
	close_body(in, &list);
}

static void take_tbs(struct leat_rd *in, struct der_cert *c)
{
	struct leat_rd tbs = leat_rd_of(der_span(in, DER_SEQUENCE, &c->tbs));
	struct leat_rd version, validity;
	struct leat_span n;

	der_take(&tbs, 0xa0, &version);
	n = der_span(&version, DER_INTEGER, NULL);
	if (n.n != 1 || n.p[0] != 2) /* v3 */
		leat_rd_fail(&tbs);
	close_body(&tbs, &version);
	if (der_positive(&tbs).n > 20)
		leat_rd_fail(&tbs);
	take_alg(&tbs, &c->inner_alg);
	take_name(&tbs, &c->issuer);
	der_take(&tbs, DER_SEQUENCE, &validity);
	c->from_s = take_time(&validity);
	c->to_s = take_time(&validity);
	close_body(&tbs, &validity);
	take_name(&tbs, &c->subject);
	take_spki(&tbs, c);
	take_exts(&tbs, c);
	close_body(in, &tbs);
}

bool der_cert(struct leat_span der, struct der_cert *out)
{
	struct leat_rd in = leat_rd_of(der), cert;

	memset(out, 0, sizeof(*out));
	der_take(&in, DER_SEQUENCE, &cert);
	take_tbs(&cert, out);
	take_alg(&cert, &out->alg);
	out->signature = der_octet_bits(&cert);
	close_body(&in, &cert);
	return leat_rd_end(&in);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * packet.c - the framings of leat/packet.h that say their length in a header or end at a delimiter. HTTP
 * is packet_http.c. Pure: no buffer, no connection; delivery (active or by leat_recv) calls it on the
 * plaintext at hand.
 *
 * A framing with a length is one function that measures: how long are header, body and what follows it.
 * Everything else (is all of it there, is it too long) is done once, in decode_sized.
 */
#include "sock/packet.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rd.h"
#include "base/wr.h"

/* The parts of a unit as its header tells. */
struct measure {
	size_t head, body, padding;
	bool with_head; /* the unit that is handed out includes the header */
};

/* LEAT_AGAIN: the header is not complete. */
typedef enum leat_ret measure_fn(struct leat_span in, struct measure *m);

static enum leat_ret measured(const struct leat_rd *head, bool is_valid)
{
	if (!leat_rd_ok(head))
		return LEAT_AGAIN;
	return is_valid ? LEAT_OK : LEAT_FAILED;
}

static enum leat_ret measure_1(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint8_t n;

	leat_rd_u8(&rd, &n);
	*m = (struct measure){ .head = 1, .body = n };
	return measured(&rd, true);
}

static enum leat_ret measure_2(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint16_t n;

	leat_rd_u16(&rd, &n);
	*m = (struct measure){ .head = 2, .body = n };
	return measured(&rd, true);
}

static enum leat_ret measure_4(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint32_t n;

	leat_rd_u32(&rd, &n);
	*m = (struct measure){ .head = 4, .body = n };
	return measured(&rd, true);
}

/* X.690 8.1.2.4: a tag number of 31 and more follows in bytes whose top bit says that there are more. */
static bool skip_tag(struct leat_rd *rd)
{
	uint8_t b;

	leat_rd_u8(rd, &b);
	if ((b & 0x1f) != 0x1f)
		return true;
	for (unsigned i = 0; i < LIM_BER_TAG; i++) {
		leat_rd_u8(rd, &b);
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* X.690 8.1.3: short and long form. The indefinite form (8.1.3.6) has no length to measure. */
static enum leat_ret measure_asn1(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint8_t first, b;
	size_t n = 0;

	if (!skip_tag(&rd))
		return LEAT_FAILED;
	leat_rd_u8(&rd, &first);
	if (first & 0x80) {
		if (first == 0x80 || first > 0x84)
			return measured(&rd, false);
		for (unsigned i = 0; i < (first & 0x7fu); i++) {
			leat_rd_u8(&rd, &b);
			n = n << 8 | b;
		}
	} else {
		n = first;
	}
	*m = (struct measure){ .head = in.n - rd.n, .body = n, .with_head = true };
	return measured(&rd, true);
}

/* RFC 5531 11: "the highest-order bit [...] is the last fragment flag"; 31 bits of length. */
static enum leat_ret measure_sunrm(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint32_t n;

	leat_rd_u32(&rd, &n);
	*m = (struct measure){ .head = 4, .body = n & 0x7fffffff, .with_head = true };
	return measured(&rd, true);
}

/* CORBA 3.0 15.4.1: "GIOP", version, flags (bit 0: little endian), type, size of what follows. */
static enum leat_ret measure_cdr(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	struct leat_span magic = leat_rd_bytes(&rd, 4);
	uint32_t size;
	uint8_t flags, type;

	(void)leat_rd_bytes(&rd, 2);
	leat_rd_u8(&rd, &flags);
	leat_rd_u8(&rd, &type);
	leat_rd_u32(&rd, &size);
	if (flags & 1)
		size = __builtin_bswap32(size);
	*m = (struct measure){ .head = 12, .body = size, .with_head = true };
	return measured(&rd, leat_rd_ok(&rd) && memcmp(magic.p, "GIOP", 4) == 0);
}

/* FastCGI 1.0 3.3: version 1, type, request id, contentLength, paddingLength, reserved. */
static enum leat_ret measure_fcgi(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint8_t version, padding, reserved;
	uint16_t content;

	leat_rd_u8(&rd, &version);
	(void)leat_rd_bytes(&rd, 3);
	leat_rd_u16(&rd, &content);
	leat_rd_u8(&rd, &padding);
	leat_rd_u8(&rd, &reserved);
	*m = (struct measure){ .head = 8, .body = content, .padding = padding, .with_head = true };
	return measured(&rd, version == 1);
}

/* RFC 1006 6: "vrsn" 3, reserved, length of the whole. */
static enum leat_ret measure_tpkt(struct leat_span in, struct measure *m)
{
	struct leat_rd rd = leat_rd_of(in);
	uint8_t version, reserved;
	uint16_t n;

	leat_rd_u8(&rd, &version);
	leat_rd_u8(&rd, &reserved);
	leat_rd_u16(&rd, &n);
	*m = (struct measure){ .head = 4, .body = n < 4 ? 0u : n - 4u, .with_head = true };
	return measured(&rd, version == 3 && n >= 4);
}

static const struct {
	const char *name;
	measure_fn *measure; /* NULL: not by a length in a header */
	uint8_t prefix;      /* bytes of length that sending puts before a message */
} framings[LEAT_PACKET_COUNT] = {
	[LEAT_PACKET_RAW] = { "raw", NULL, 0 },
	[LEAT_PACKET_1] = { "1", measure_1, 1 },
	[LEAT_PACKET_2] = { "2", measure_2, 2 },
	[LEAT_PACKET_4] = { "4", measure_4, 4 },
	[LEAT_PACKET_ASN1] = { "asn1", measure_asn1, 0 },
	[LEAT_PACKET_SUNRM] = { "sunrm", measure_sunrm, 0 },
	[LEAT_PACKET_CDR] = { "cdr", measure_cdr, 0 },
	[LEAT_PACKET_FCGI] = { "fcgi", measure_fcgi, 0 },
	[LEAT_PACKET_TPKT] = { "tpkt", measure_tpkt, 0 },
	[LEAT_PACKET_LINE] = { "line", NULL, 0 },
	[LEAT_PACKET_HTTP] = { "http", NULL, 0 },
	[LEAT_PACKET_HTTPH] = { "httph", NULL, 0 },
	[LEAT_PACKET_HTTP_BIN] = { "http_bin", NULL, 0 },
	[LEAT_PACKET_HTTPH_BIN] = { "httph_bin", NULL, 0 },
};

static enum leat_ret decode_sized(
	const struct leat_framing *f, struct leat_span in, struct leat_unit *out, size_t *need)
{
	struct measure m;
	enum leat_ret r = framings[f->type].measure(in, &m);
	size_t skip;

	if (r != LEAT_OK)
		return r;
	/* 2^31 and more is no length anybody means; it also keeps the sums below from wrapping. */
	if (m.body > INT32_MAX || (f->packet_size && m.body + m.padding > f->packet_size))
		return LEAT_FAILED;
	if (m.head + m.body + m.padding > in.n) {
		*need = m.head + m.body + m.padding;
		return LEAT_AGAIN;
	}
	skip = m.with_head ? 0 : m.head;
	*out = (struct leat_unit){
		.kind = LEAT_UNIT_DATA,
		.used = m.head + m.body + m.padding,
		.body = { in.p + skip, m.head + m.body - skip },
	};
	return LEAT_OK;
}

static enum leat_ret decode_line(
	const struct leat_framing *f, struct leat_span in, struct leat_unit *out)
{
	const uint8_t *end = memchr(in.p, f->delimiter, in.n);
	size_t n = end ? (size_t)(end - in.p) + 1 : in.n;

	if (f->packet_size && n > f->packet_size)
		return LEAT_FAILED;
	if (f->line_length && n >= f->line_length)
		n = f->line_length;
	else if (!end)
		return LEAT_AGAIN;
	*out = (struct leat_unit){ .kind = LEAT_UNIT_DATA, .used = n, .body = { in.p, n } };
	return LEAT_OK;
}

void leat_framing_init(struct leat_framing *f, enum leat_packet type)
{
	*f = (struct leat_framing){ .type = type, .delimiter = '\n' };
}

enum leat_ret leat_packet_decode(
	struct leat_framing *f, struct leat_span in, struct leat_unit *out, size_t *need)
{
	size_t unused = 0;

	need = need ? need : &unused;
	*need = 0;
	if (in.n == 0)
		return LEAT_AGAIN;
	switch (f->type) {
	case LEAT_PACKET_RAW:
		*out = (struct leat_unit){ .kind = LEAT_UNIT_DATA, .used = in.n, .body = in };
		return LEAT_OK;
	case LEAT_PACKET_LINE: return decode_line(f, in, out);
	case LEAT_PACKET_HTTP:
	case LEAT_PACKET_HTTP_BIN:
	case LEAT_PACKET_HTTPH:
	case LEAT_PACKET_HTTPH_BIN: return packet_decode_http(f, in, out);
	case LEAT_PACKET_COUNT: return LEAT_FAILED;
	default: return decode_sized(f, in, out, need);
	}
}

enum leat_ret leat_packet_header(
	const struct leat_framing *f, size_t n, uint8_t buf[4], size_t *len, struct leat_err *err)
{
	size_t width = framings[f->type].prefix, max = 0;
	struct leat_wr w;

	*len = 0;
	if (width == 0)
		return LEAT_OK;
	/* A peer takes a length of 4 bytes for signed: 2^31 - 1 is the most. */
	max = width == 4 ? INT32_MAX : ((size_t)1 << 8 * width) - 1;
	if (n > max) {
		(void)err_misuse(err, "packet: too long for its length prefix");
		err_detailf(err, "%zu bytes, at most %zu", n, max);
		return LEAT_FAILED;
	}
	leat_wr_fixed(&w, buf, width);
	for (size_t i = width; i-- > 0;)
		leat_wr_u8(&w, (uint8_t)(n >> 8 * i));
	*len = width;
	return LEAT_OK;
}

const char *leat_packet_name(enum leat_packet type)
{
	return (unsigned)type < LEAT_PACKET_COUNT ? framings[type].name : "unknown";
}

enum leat_packet leat_packet_by_name(const char *name)
{
	unsigned i = 0;

	if (strcmp(name, "0") == 0)
		return LEAT_PACKET_RAW;
	while (i < LEAT_PACKET_COUNT && strcmp(framings[i].name, name) != 0)
		i++;
	return (enum leat_packet)i;
}

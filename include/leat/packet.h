/* SPDX-License-Identifier: Apache-2.0
 *
 * packet.h - where one message ends and the next begins in a stream of plaintext: the framings that
 * Erlang's sockets know (`{packet, Type}`), as a pure decoder. It has no buffer and no connection: bytes
 * in, one unit out, which borrows from the bytes. Units are those of erlang:decode_packet(3); what
 * differs is said below and held by tests/interop/test_packet_erl.py.
 *
 *	struct leat_framing f;                    leat_framing_init(&f, LEAT_PACKET_4);
 *	while (leat_packet_decode(&f, in, &unit, &need) == LEAT_OK) {
 *		use unit.body;                    in.p += unit.used, in.n -= unit.used
 *	}
 *
 * The type may be changed between two units; bytes behind the last unit are then read as the new type.
 */
#ifndef LEAT_PACKET_H
#define LEAT_PACKET_H

#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum leat_packet {
	LEAT_PACKET_RAW = 0, /* whatever is there is a unit; nothing is added when sending */
	LEAT_PACKET_1,       /* length in 1 byte, then the body: the unit is the body */
	LEAT_PACKET_2,       /* length in 2 bytes, network order */
	LEAT_PACKET_4,       /* length in 4 bytes, below 2^31 */
	LEAT_PACKET_ASN1,    /* one BER element of definite length, its tag and length included */
	LEAT_PACKET_SUNRM, /* ONC RPC record mark (RFC 5531 11): 4 bytes, then a fragment; all of it */
	LEAT_PACKET_CDR,  /* GIOP message of CORBA, its 12 bytes of header included */
	LEAT_PACKET_FCGI, /* FastCGI record: header and content; the padding is taken and left out */
	LEAT_PACKET_TPKT, /* RFC 1006 6: 4 bytes of header included */
	LEAT_PACKET_LINE, /* up to and with the delimiter */
	LEAT_PACKET_HTTP, /* a request or status line, then header fields up to the empty line, and again */
	LEAT_PACKET_HTTPH,    /* header fields only: the trailer of a chunked body */
	LEAT_PACKET_HTTP_BIN, /* as HTTP and HTTPH: in C the texts are bytes either way */
	LEAT_PACKET_HTTPH_BIN,
	LEAT_PACKET_COUNT
};

/* How a stream is cut. Filled by leat_framing_init; all but in_headers may be changed between units. */
struct leat_framing {
	enum leat_packet type;
	/* Most bytes of a unit, a length prefix or header of fixed size not counted; 0: no limit. What
	 * announces to be longer is invalid at once. */
	uint32_t packet_size;
	uint8_t delimiter;    /* LINE: last byte of a line; a line feed by default */
	uint32_t line_length; /* LINE: longer lines come in pieces of this size; 0: they do not */
	bool in_headers;      /* HTTP: the first line was seen; the decoder's own */
};

enum leat_unit_kind {
	LEAT_UNIT_DATA = 0,
	LEAT_UNIT_HTTP_REQUEST,
	LEAT_UNIT_HTTP_RESPONSE,
	LEAT_UNIT_HTTP_FIELD,
	LEAT_UNIT_HTTP_END,   /* the empty line behind the fields */
	LEAT_UNIT_HTTP_ERROR, /* a line that is none of these; the stream goes on behind it */
};

/* The forms a request's target takes. */
enum leat_uri_kind {
	LEAT_URI_STAR = 0, /* * */
	LEAT_URI_PATH,     /* path: begins with / */
	LEAT_URI_ABSOLUTE, /* scheme http or https, host, port, path */
	LEAT_URI_SCHEME,   /* scheme:rest, in scheme and path */
	LEAT_URI_OTHER,    /* path: as it stands */
};

struct leat_uri {
	enum leat_uri_kind kind;
	bool https;              /* ABSOLUTE */
	struct leat_span scheme; /* SCHEME: what stands before the colon */
	struct leat_span host;   /* ABSOLUTE */
	int32_t port;            /* ABSOLUTE: -1 where none, or none that is a port, is given */
	struct leat_span path;   /* ABSOLUTE without a path: "/" */
};

/* One unit. Spans point into the bytes that were given (a missing path of a URI: at a static "/"). */
struct leat_unit {
	enum leat_unit_kind kind;
	size_t used;           /* bytes it takes from the stream */
	struct leat_span body; /* DATA: the unit; HTTP: the line or lines, line ends included */

	unsigned major, minor;   /* REQUEST (0.9 where it names none), RESPONSE */
	struct leat_span method; /* REQUEST */
	struct leat_uri uri;     /* REQUEST */
	unsigned status;         /* RESPONSE */
	struct leat_span phrase; /* RESPONSE */
	unsigned field_id; /* FIELD: number of a well known field, see leat_http_field_name; 0 */
	struct leat_span field; /* FIELD: its name as it came */
	struct leat_span value; /* FIELD: without the blanks before it; folded lines as they came */
};

/* leat_framing_init fills f for type with no limits and line feed as delimiter. Cannot fail. */
LEAT_API void leat_framing_init(struct leat_framing *f, enum leat_packet type);

/* leat_packet_decode takes the next unit off in. LEAT_OK: *out is it. LEAT_AGAIN: it is not complete;
 * *need is how many bytes it takes in all where that is known, else 0; in the last LEAT_AGAIN before the
 * end of the stream whatever is there will not become a unit. LEAT_FAILED: the bytes are no such unit or
 * longer than packet_size; the place of the next one is lost, so the stream is over. f and *out change
 * with LEAT_OK only; need may be NULL. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_packet_decode(
	struct leat_framing *f, struct leat_span in, struct leat_unit *out, size_t *need);

/* leat_packet_header writes what goes before n bytes of a message when sending into buf (4 bytes) and
 * returns how many that are: 1, 2 or 4 for the types of that name, 0 for all others. LEAT_FAILED with
 * LEAT_E_MISUSE, and both lengths in the detail, when n does not fit its header; nothing is written. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_packet_header(
	const struct leat_framing *f, size_t n, uint8_t buf[4], size_t *len, struct leat_err *err);

/* leat_packet_name returns the manual's name of a type ("4", "httph_bin"); leat_packet_by_name finds the
 * type of a name, LEAT_PACKET_COUNT when there is none. "0" and "raw" are the same. */
LEAT_API const char *leat_packet_name(enum leat_packet type);
LEAT_API enum leat_packet leat_packet_by_name(const char *name);

/* leat_http_field_name returns the usual spelling of a well known header field ("Content-Encoding" is 36,
 * as in Erlang), NULL for 0 and beyond the last. */
LEAT_API const char *leat_http_field_name(unsigned field_id);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * wirekit.h - handshake messages for tests: written as text in the shape of the RFCs' presentation
 * language, and put through decode and encode by name. Used by tests/unit/t_wire_*.c and by the fuzz
 * targets; needs no cmocka.
 */
#ifndef LEAT_TESTS_WIREKIT_H
#define LEAT_TESTS_WIREKIT_H

#include "base/rd.h"
#include "base/wr.h"

/* One message form. recode decodes the body and appends the message encoded again, header included;
 * false: refused with *alert. */
struct wire_kind {
	const char *name;
	uint8_t type; /* enum msg_type; 0xff for payloads that have no handshake header */
	bool (*recode)(struct leat_span body, struct leat_wr *out, uint8_t *alert);
};

extern const struct wire_kind wire_kinds[];
extern const size_t num_wire_kinds;
/* Aborts when there is none of that name. */
const struct wire_kind *wire_kind(const char *name);

/* What the fuzz targets check: what is accepted encodes to bytes that are accepted again and encode to
 * themselves; what is refused names a fatal alert. Aborts when not so. */
void wire_fuzz(const struct wire_kind *k, const uint8_t *data, size_t n);

/* Bytes written as text: hex digits, "text" between quotes, a length of W bytes around what stands
 * between <W and >, N times the byte HH as *N:HH. Where each length lies is remembered.
 *
 *	0303 *32:aa <1 > <2 1301 1302 > <1 00 >
 */
struct wire_text {
	uint8_t *b;
	size_t n;
	struct {
		size_t at;
		unsigned width;
	} len[128];
	size_t num_len;
};
void wire_text(struct wire_text *out, const char *text); /* aborts on malformed text */
void wire_text_clear(struct wire_text *t);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * list.h - walking lists inside decoded messages. Decoders check every list to its end before they
 * hand it out as a span, so that these walks cannot fail; on a span that no decoder checked they end
 * early, nothing worse.
 */
#ifndef LEAT_WIRE_LIST_H
#define LEAT_WIRE_LIST_H

#include "base/rd.h"

/* Lists of 16-bit numbers: suites, groups, schemes, versions. */
static inline size_t list16_num(struct leat_span list)
{
	return list.n / 2;
}

/* Element i, 0 past the end. */
uint16_t list16_at(struct leat_span list, size_t i);
bool list16_has(struct leat_span list, uint16_t v);
bool list8_has(struct leat_span list, uint8_t v);

/* Lists of opaque values with an 8 or 16 bit length each (ALPN names, binders; distinguished names):
 *
 *	struct leat_rd it = leat_rd_of(ch.alpn);
 *	while (list_next8(&it, &name))
 */
bool list_next8(struct leat_rd *it, struct leat_span *out);
bool list_next16(struct leat_rd *it, struct leat_span *out);

/* A SignedCertificateTimestampList with its length in front (RFC 6962 3.3), as certificates and OCSP
 * responses carry it too: *list is what list_next16 walks. */
bool dec_sct_list(struct leat_span data, struct leat_span *list);

/* One entry of client_hello.key_shares, RFC 8446 4.2.8. */
struct key_share {
	uint16_t group;
	struct leat_span key;
};
bool key_share_next(struct leat_rd *it, struct key_share *out);

/* One entry of client_hello.psk_ids, RFC 8446 4.2.11; its binder is the one with the same index. */
struct psk_id {
	struct leat_span identity;
	uint32_t age; /* obfuscated_ticket_age */
};
bool psk_id_next(struct leat_rd *it, struct psk_id *out);

#endif

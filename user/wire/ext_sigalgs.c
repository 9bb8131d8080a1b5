/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_sigalgs.c - signature_algorithms and signature_algorithms_cert, RFC 8446 4.2.3. TLS 1.2 writes
 * the same bytes as pairs of hash and signature (RFC 5246 7.4.1.4.1).
 */
#include "wire/ext_parts.h"

/* SignatureScheme supported_signature_algorithms<2..2^16-2> */
bool dec_ext_sigalgs(struct leat_rd *in, struct leat_span *list)
{
	return dec_ext_list16(in, 2, UINT16_MAX - 1, list);
}

void enc_ext_sigalgs(struct leat_wr *w, unsigned id, struct leat_span list)
{
	enc_ext_list16(w, id, 2, list);
}

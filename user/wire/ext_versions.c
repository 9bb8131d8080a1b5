/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_versions.c - supported_versions of a client, RFC 8446 4.2.1. A server's is a single number.
 */
#include "wire/ext_parts.h"

/* ProtocolVersion versions<2..254> */
bool dec_ext_versions(struct leat_rd *in, struct leat_span *list)
{
	return dec_ext_list16(in, 1, 254, list);
}

void enc_ext_versions(struct leat_wr *w, struct leat_span list)
{
	enc_ext_list16(w, EXTID_VERSIONS, 1, list);
}

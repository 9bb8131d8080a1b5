/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_groups.c - supported_groups, RFC 8446 4.2.7.
 */
#include "wire/ext_parts.h"

/* NamedGroup named_group_list<2..2^16-1> */
bool dec_ext_groups(struct leat_rd *in, struct leat_span *list)
{
	return dec_ext_list16(in, 2, UINT16_MAX, list);
}

void enc_ext_groups(struct leat_wr *w, struct leat_span list)
{
	enc_ext_list16(w, EXTID_GROUPS, 2, list);
}

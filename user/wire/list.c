/* SPDX-License-Identifier: Apache-2.0
 *
 * list.c - walking lists inside decoded messages.
 */
#include "wire/list.h"

uint16_t list16_at(struct leat_span list, size_t i)
{
	struct leat_rd in = leat_rd_of(list);
	uint16_t v;

	if (i >= list16_num(list))
		return 0;
	leat_rd_bytes(&in, 2 * i);
	leat_rd_u16(&in, &v);
	return v;
}

bool list16_has(struct leat_span list, uint16_t v)
{
	struct leat_rd in = leat_rd_of(list);
	uint16_t at;

	while (leat_rd_more(&in)) {
		leat_rd_u16(&in, &at);
		if (leat_rd_ok(&in) && at == v)
			return true;
	}
	return false;
}

bool list8_has(struct leat_span list, uint8_t v)
{
	struct leat_rd in = leat_rd_of(list);
	uint8_t at;

	while (leat_rd_more(&in)) {
		leat_rd_u8(&in, &at);
		if (at == v)
			return true;
	}
	return false;
}

bool list_next8(struct leat_rd *it, struct leat_span *out)
{
	if (!leat_rd_more(it))
		return false;
	*out = leat_rd_opaque8(it, 0, UINT8_MAX);
	return leat_rd_ok(it);
}

bool list_next16(struct leat_rd *it, struct leat_span *out)
{
	if (!leat_rd_more(it))
		return false;
	*out = leat_rd_opaque16(it, 0, UINT16_MAX);
	return leat_rd_ok(it);
}

bool key_share_next(struct leat_rd *it, struct key_share *out)
{
	if (!leat_rd_more(it))
		return false;
	leat_rd_u16(it, &out->group);
	out->key = leat_rd_opaque16(it, 1, UINT16_MAX);
	return leat_rd_ok(it);
}

bool psk_id_next(struct leat_rd *it, struct psk_id *out)
{
	if (!leat_rd_more(it))
		return false;
	out->identity = leat_rd_opaque16(it, 1, UINT16_MAX);
	leat_rd_u32(it, &out->age);
	return leat_rd_ok(it);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_record_size.c - record_size_limit, RFC 8449 4. What to do with a limit above our own is the
 * handshake's.
 */
#include "wire/ext_parts.h"

bool dec_ext_record_size(struct leat_rd *in, uint16_t *limit, uint8_t *alert)
{
	leat_rd_u16(in, limit);
	if (!leat_rd_ok(in))
		return false;
	/* "An endpoint MUST treat receipt of a smaller value as a fatal error and generate an
	 * illegal_parameter alert." (smaller than 64) */
	if (*limit < 64)
		*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	return *limit >= 64;
}

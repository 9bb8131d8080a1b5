/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_session.c: any bytes as a serialised session; what is taken serialises to the same bytes. The same
 * bytes as an export of ticket keys: what is taken can be exported and taken again.
 */
#include <assert.h>
#include <string.h>

#include "session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void as_keys(struct leat_span bytes)
{
	struct leat_ticket_keys *k, *again;
	struct leat_err err = { 0 };
	uint8_t buf[2048], copy[2048];
	size_t len, len2;

	if (leat_ticket_keys_new(&k, 0, 86400, &err) != LEAT_OK)
		return;
	if (leat_ticket_keys_import(k, bytes, &err) == LEAT_OK) {
		if (leat_ticket_keys_export(k, 0, buf, sizeof(buf), &len) != LEAT_OK ||
			leat_ticket_keys_new(&again, 0, 86400, &err) != LEAT_OK)
			__builtin_trap();
		if (leat_ticket_keys_import(again, (struct leat_span){ buf, len }, &err) !=
				LEAT_OK ||
			leat_ticket_keys_export(again, 0, copy, sizeof(copy), &len2) != LEAT_OK ||
			len2 != len || memcmp(buf, copy, len) != 0)
			__builtin_trap();
		leat_ticket_keys_unref(again);
	}
	leat_ticket_keys_unref(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_span bytes = { data, n };
	struct leat_err err = { 0 };
	struct leat_session *s;
	uint8_t buf[70000];
	size_t len;

	as_keys(bytes);
	if (leat_session_parse(&s, bytes, &err) != LEAT_OK) {
		if (s || err.cls != LEAT_E_OPTION)
			__builtin_trap();
		return 0;
	}
	if (leat_session_serialise(s, buf, sizeof(buf), &len) != LEAT_OK || len != n ||
		memcmp(buf, data, n) != 0)
		__builtin_trap();
	leat_session_unref(s);
	return 0;
}

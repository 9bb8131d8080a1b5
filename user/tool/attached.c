/* SPDX-License-Identifier: Apache-2.0
 *
 * attached.c - see attached.h.
 */
#include "tool/attached.h"

#include "wire/list.h"

const char *attached_ocsp_name(enum leat_ocsp o)
{
	return o == LEAT_OCSP_GOOD ? "good" : o == LEAT_OCSP_UNJUDGED ? "unjudged" : "none";
}

int attached_count_scts(struct leat_span list)
{
	struct leat_rd in = leat_rd_of(list);
	struct leat_span sct;
	int n = 0;

	while (list_next16(&in, &sct))
		n++;
	return n;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - the two texts of each reason in why.h.
 */
#include "ktls/why.h"

#define ENTRY(code, name, text) [code] = { name, text },
static const struct {
	const char *name, *text;
} table[] = { LEAT_WHY_TABLE(ENTRY) };

const char *why_name(enum leat_why w)
{
	return (unsigned)w < WHY_COUNT ? table[w].name : "unknown";
}

const char *why_text(enum leat_why w)
{
	return (unsigned)w < WHY_COUNT ? table[w].text : "unknown";
}

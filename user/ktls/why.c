/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - the two texts of each reason in why.h.
 */
#include "ktls/why.h"

#define NAME(code, name, text) name,
static const char *const names[] = { LEAT_WHY_TABLE(NAME) };

#define TEXT(code, name, text) text,
static const char *const texts[] = { LEAT_WHY_TABLE(TEXT) };

const char *why_name(enum leat_why w)
{
	return (unsigned)w < WHY_COUNT ? names[w] : "unknown";
}

const char *why_text(enum leat_why w)
{
	return (unsigned)w < WHY_COUNT ? texts[w] : "unknown";
}

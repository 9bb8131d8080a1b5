/* SPDX-License-Identifier: Apache-2.0
 *
 * option_records.c - options about records that both sides agree on or that one side decides: how long
 * they are.
 */
#include "config/option_int.h"

#include <stdio.h>

/* RFC 8449 4: "Endpoints MUST NOT send a "record_size_limit" extension with a value smaller than 64." */
#define RECORD_SIZE_LEAST 64

enum leat_ret option_set_record_size(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (option_parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	if (v && v < RECORD_SIZE_LEAST)
		return err_option(err, o->name, value, "neither 0 nor at least 64");
	c->record_size = (uint16_t)v;
	return LEAT_OK;
}

void option_show_record_size(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->record_size);
}

static const char *const fragment_words[] = { "undefined", "512", "1024", "2048", "4096" };

enum leat_ret option_set_max_fragment(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	int i = option_find_word(fragment_words, 5, value);

	if (i < 0)
		return err_option(
			err, o->name, value, "neither undefined, 512, 1024, 2048 nor 4096");
	c->max_fragment = (uint8_t)i; /* the code of RFC 6066 4 */
	return LEAT_OK;
}

void option_show_max_fragment(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s", fragment_words[c->max_fragment]);
}

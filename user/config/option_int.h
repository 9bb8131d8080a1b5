/* SPDX-License-Identifier: Apache-2.0
 *
 * option_int.h - what the files of options share: values out of text, and the setters of option_records.c
 * for the table in option.c.
 */
#ifndef LEAT_CONFIG_OPTION_INT_H
#define LEAT_CONFIG_OPTION_INT_H

#include "config/option.h"

/* Each refuses with o's name and the value; *out is written on LEAT_OK only. */
LEAT_MUST_CHECK enum leat_ret option_parse_bool(
	const struct option *o, const char *value, bool *out, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret option_parse_number(
	const struct option *o, const char *value, unsigned long *out, struct leat_err *err);
void option_show_bool(bool v, char *buf, size_t n);
/* Index of value in words, or -1. */
int option_find_word(const char *const *words, int num, const char *value);

/* set_NAME and show_NAME as the table takes them. */
#define OPTION_FUNCTIONS(name)                                                         \
	enum leat_ret option_set_##name(struct leat_config *c, const struct option *o, \
		const char *value, struct leat_err *err);                              \
	void option_show_##name(const struct leat_config *c, char *buf, size_t n)

OPTION_FUNCTIONS(records);
OPTION_FUNCTIONS(records_rx);
OPTION_FUNCTIONS(records_tx);
OPTION_FUNCTIONS(record_size);
OPTION_FUNCTIONS(max_fragment);
OPTION_FUNCTIONS(record_padding);
OPTION_FUNCTIONS(key_update_at);
OPTION_FUNCTIONS(fallback);
OPTION_FUNCTIONS(cookie);
OPTION_FUNCTIONS(always_retry);
/* kx_set.c */
OPTION_FUNCTIONS(psk_identity);
OPTION_FUNCTIONS(dh);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * option_int.h - how option values are read and shown: what the rows of the table in option.c name.
 */
#ifndef LEAT_CONFIG_OPTION_INT_H
#define LEAT_CONFIG_OPTION_INT_H

#include "config/option.h"

#define OPTION_WORDS_MAX 6

/* The words a member can be set to; the first one without a word ends them. */
struct option_words {
	struct {
		const char *word;
		unsigned long value;
	} v[OPTION_WORDS_MAX];
	const char *refusal; /* what is said of any other */
};

/* A list over one of the tables of crypto/ (option_list.c). */
extern const struct option_list option_suites, option_groups, option_schemes, option_cert_schemes,
	option_zips;
extern const struct option_words option_records_words;

/* set and show of a row. */
#define OPTION_FUNCTIONS(name)                                                         \
	enum leat_ret option_set_##name(struct leat_config *c, const struct option *o, \
		const char *value, struct leat_err *err);                              \
	void option_show_##name(                                                       \
		const struct leat_config *c, const struct option *o, char *buf, size_t n)

/* option_value.c: by kind, stored in the member at o->at */
OPTION_FUNCTIONS(bool);
OPTION_FUNCTIONS(number);
OPTION_FUNCTIONS(word);
/* option_value.c: with a rule of their own */
OPTION_FUNCTIONS(record_size);
OPTION_FUNCTIONS(records);
OPTION_FUNCTIONS(threshold);
OPTION_FUNCTIONS(hibernate);
OPTION_FUNCTIONS(padding_check);
/* option_list.c */
OPTION_FUNCTIONS(list);
OPTION_FUNCTIONS(cert_types);
OPTION_FUNCTIONS(versions);
OPTION_FUNCTIONS(psk_modes);
OPTION_FUNCTIONS(alpn);
/* transport.c */
OPTION_FUNCTIONS(cb_info);
/* kx_set.c */
OPTION_FUNCTIONS(psk_identity);
OPTION_FUNCTIONS(dh);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * option.h - the one table of options: what leat_config_set, the tools' flags, docs/options.md and
 * the tests know about each. A row is here when the option works, not before.
 */
#ifndef LEAT_CONFIG_OPTION_H
#define LEAT_CONFIG_OPTION_H

#include "config/config.h"

enum option_type {
	OPTION_BOOL = 0, /* "true" or "false", nothing else */
	OPTION_NUMBER,   /* decimal digits, min..max */
	OPTION_WORD,     /* one of the words of range */
	OPTION_LIST,     /* names separated by , or : in order of preference */
	OPTION_FILE,     /* a path; read by sock/anchors, which hands the text to a typed setter */
	OPTION_TEXT,     /* goes with the files: leat_config_use_files */
	OPTION_TYPE_COUNT
};

#define OPTION_CLIENT (1u << LEAT_CLIENT)
#define OPTION_SERVER (1u << LEAT_SERVER)
#define OPTION_BOTH   (OPTION_CLIENT | OPTION_SERVER)

struct option_words;
struct option_list;

struct option {
	const char *name;  /* as in the manual of ssl(3) where it has one */
	const char *alias; /* another spelling that is understood, or NULL */
	enum option_type type;
	unsigned roles; /* OPTION_CLIENT, OPTION_SERVER */
	bool insecure;  /* some value of it weakens security */
	unsigned long min, max;
	const char *range; /* what may be written, for people */
	const char *otp73; /* the manual's default, "" where the manual has no such option */
	const char *help;
	/* Parses and applies; all or nothing. Both NULL for OPTION_FILE and OPTION_TEXT. */
	enum leat_ret (*set)(struct leat_config *c, const struct option *o, const char *value,
		struct leat_err *err);
	/* Writes the present value as set would read it, cut to fit. */
	void (*show)(const struct leat_config *c, const struct option *o, char *buf, size_t n);
	/* For the setters that serve many rows: the member of struct leat_config, and what may be said. */
	size_t at, size;
	const struct option_words *words;
	const struct option_list *list;
};

/* NULL past the end. */
const struct option *option_at(size_t i);
/* By name or alias among the options of roles; '-' and '_' are the same, so that flags look like
 * flags. NULL when unknown. */
const struct option *option_find(const char *name, unsigned roles);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * option_value.c - options with one value: true or false, a number in the row's range, a word of the
 * row's words. What is read goes into the member of struct leat_config that the row names. Lists are in
 * option_list.c.
 */
#include "config/option_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 8449 4: "Endpoints MUST NOT send a "record_size_limit" extension with a value smaller than 64." */
#define RECORD_SIZE_LEAST 64

static void store(struct leat_config *c, const struct option *o, unsigned long v)
{
	void *member = (char *)c + o->at;

	switch (o->size) {
	case 1: *(uint8_t *)member = (uint8_t)v; break;
	case 2: *(uint16_t *)member = (uint16_t)v; break;
	case 4: *(uint32_t *)member = (uint32_t)v; break;
	default: *(uint64_t *)member = v; break;
	}
}

static unsigned long stored(const struct leat_config *c, const struct option *o)
{
	const void *member = (const char *)c + o->at;

	switch (o->size) {
	case 1: return *(const uint8_t *)member;
	case 2: return *(const uint16_t *)member;
	case 4: return *(const uint32_t *)member;
	default: return *(const uint64_t *)member;
	}
}

/* ---- true and false --------------------------------------------------------------------------- */

enum leat_ret option_set_bool(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	bool *member = (void *)((char *)c + o->at);

	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_option(err, o->name, value, "neither true nor false");
	*member = value[0] == 't';
	return LEAT_OK;
}

void option_show_bool(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	const bool *member = (const void *)((const char *)c + o->at);

	snprintf(buf, n, "%s", *member ? "true" : "false");
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* Digits only: strtoul would let signs and spaces through. */
static enum leat_ret parse_number(
	const struct option *o, const char *value, unsigned long *out, struct leat_err *err)
{
	unsigned long v = 0;
	size_t i;

	for (i = 0; value[i] >= '0' && value[i] <= '9' && i < 15; i++)
		v = v * 10 + (unsigned long)(value[i] - '0');
	if (i == 0 || value[i] != '\0')
		return err_option(err, o->name, value, "not a number");
	if (v < o->min || v > o->max) {
		err_option(err, o->name, NULL, "outside its range");
		err_detailf(err, "%.60s (allowed: %lu to %lu)", value, o->min, o->max);
		return LEAT_FAILED;
	}
	*out = v;
	return LEAT_OK;
}

enum leat_ret option_set_number(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	store(c, o, v);
	return LEAT_OK;
}

void option_show_number(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	snprintf(buf, n, "%lu", stored(c, o));
}

enum leat_ret option_set_record_size(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	if (v && v < RECORD_SIZE_LEAST)
		return err_option(err, o->name, value, "neither 0 nor at least 64");
	c->record_size = (uint16_t)v;
	return LEAT_OK;
}

void option_show_record_size(
	const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	snprintf(buf, n, "%u", c->record_size);
}

/* ---- words ------------------------------------------------------------------------------------ */

static enum leat_ret parse_word(const struct option *o, const struct option_words *words,
	const char *value, unsigned long *out, struct leat_err *err)
{
	for (size_t i = 0; i < OPTION_WORDS_MAX && words->v[i].word; i++)
		if (strcasecmp(words->v[i].word, value) == 0) {
			*out = words->v[i].value;
			return LEAT_OK;
		}
	return err_option(err, o->name, value, words->refusal);
}

static const char *word_for(const struct option_words *words, unsigned long v)
{
	for (size_t i = 0; i < OPTION_WORDS_MAX && words->v[i].word; i++)
		if (words->v[i].value == v)
			return words->v[i].word;
	return "";
}

enum leat_ret option_set_word(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_word(o, o->words, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	store(c, o, v);
	return LEAT_OK;
}

void option_show_word(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	snprintf(buf, n, "%s", word_for(o->words, stored(c, o)));
}

/* ---- who protects records --------------------------------------------------------------------- */

const struct option_words option_records_words = {
	{ { "auto", LEAT_RECORDS_AUTO }, { "kernel", LEAT_RECORDS_KERNEL },
		{ "user", LEAT_RECORDS_USER } },
	"neither auto, kernel nor user",
};

/* One word for both directions. */
enum leat_ret option_set_records(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_word(o, &option_records_words, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->records[LEAT_RX] = c->records[LEAT_TX] = (enum leat_records)v;
	return LEAT_OK;
}

void option_show_records(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	if (c->records[LEAT_RX] == c->records[LEAT_TX])
		snprintf(buf, n, "%s", word_for(&option_records_words, c->records[LEAT_TX]));
	else
		snprintf(buf, n, "(see records_rx and records_tx)");
}

/* Bytes, or one of two words. */
static const struct option_words threshold_words = {
	{ { "calibrated", AUTO_CALIBRATED }, { "never", AUTO_NEVER } },
	"neither calibrated, never nor a number of bytes",
};

enum leat_ret option_set_threshold(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	bool is_number = value[0] >= '0' && value[0] <= '9';
	unsigned long v = 0;
	enum leat_ret r = is_number ? parse_number(o, value, &v, err)
				    : parse_word(o, &threshold_words, value, &v, err);

	if (r == LEAT_OK)
		store(c, o, v);
	return r;
}

void option_show_threshold(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	unsigned long v = stored(c, o);

	if (v >= AUTO_NEVER)
		snprintf(buf, n, "%s", word_for(&threshold_words, v));
	else
		snprintf(buf, n, "%lu", v);
}

enum leat_ret option_set_padding_check(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (strcmp(value, "true") == 0)
		return LEAT_OK;
	return err_option(err, o->name, value,
		strcmp(value, "false") == 0 ? "is for TLS 1.0 only, which is not spoken here"
					    : "neither true nor false");
}

void option_show_padding_check(
	const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)c;
	(void)o;
	snprintf(buf, n, "true");
}

/* ---- milliseconds, or never ------------------------------------------------------------------- */

enum leat_ret option_set_hibernate(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = HIBERNATE_NEVER;

	if (strcmp(value, "undefined") != 0 && parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->hibernate_after_ms = (uint32_t)v;
	return LEAT_OK;
}

void option_show_hibernate(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	if (c->hibernate_after_ms == HIBERNATE_NEVER)
		snprintf(buf, n, "undefined");
	else
		snprintf(buf, n, "%" PRIu32, c->hibernate_after_ms);
}

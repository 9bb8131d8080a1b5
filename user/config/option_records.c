/* SPDX-License-Identifier: Apache-2.0
 *
 * option_records.c - options about records that both sides agree on or that one side decides: how long
 * they are, who protects them, what pads them, when their keys change; and what hellos say
 * that is neither negotiated nor chosen (fallback, cookies).
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

enum leat_ret option_set_record_padding(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (option_parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->pad_to = (uint16_t)v;
	return LEAT_OK;
}

void option_show_record_padding(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->pad_to);
}

enum leat_ret option_set_key_update_at(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (option_parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->key_update_at = v;
	return LEAT_OK;
}

void option_show_key_update_at(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%llu", (unsigned long long)c->key_update_at);
}

enum leat_ret option_set_fallback(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return option_parse_bool(o, value, &c->fallback, err);
}

void option_show_fallback(const struct leat_config *c, char *buf, size_t n)
{
	option_show_bool(c->fallback, buf, n);
}

enum leat_ret option_set_cookie(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return option_parse_bool(o, value, &c->cookie, err);
}

void option_show_cookie(const struct leat_config *c, char *buf, size_t n)
{
	option_show_bool(c->cookie, buf, n);
}

enum leat_ret option_set_always_retry(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return option_parse_bool(o, value, &c->always_retry, err);
}

void option_show_always_retry(const struct leat_config *c, char *buf, size_t n)
{
	option_show_bool(c->always_retry, buf, n);
}

static const char *const records_words[] = { "auto", "kernel", "user" };

static enum leat_ret parse_records(
	const struct option *o, const char *value, enum leat_records *out, struct leat_err *err)
{
	int i = option_find_word(records_words, 3, value);

	if (i < 0)
		return err_option(err, o->name, value, "neither auto, kernel nor user");
	*out = (enum leat_records)i;
	return LEAT_OK;
}

enum leat_ret option_set_records(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	enum leat_records r = LEAT_RECORDS_AUTO;

	if (parse_records(o, value, &r, err) != LEAT_OK)
		return LEAT_FAILED;
	c->records[LEAT_RX] = c->records[LEAT_TX] = r;
	return LEAT_OK;
}

void option_show_records(const struct leat_config *c, char *buf, size_t n)
{
	if (c->records[LEAT_RX] == c->records[LEAT_TX])
		snprintf(buf, n, "%s", records_words[c->records[LEAT_TX]]);
	else
		snprintf(buf, n, "(see records_rx and records_tx)");
}

enum leat_ret option_set_records_rx(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_records(o, value, &c->records[LEAT_RX], err);
}

void option_show_records_rx(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s", records_words[c->records[LEAT_RX]]);
}

enum leat_ret option_set_records_tx(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_records(o, value, &c->records[LEAT_TX], err);
}

void option_show_records_tx(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s", records_words[c->records[LEAT_TX]]);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_option.c: lines of name=value through leat_config_set. What is refused changes nothing that is
 * shown; what is taken shows as something that can be set and shows the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define TEXT_MAX 70000

static char before[TEXT_MAX], after[TEXT_MAX];

static void one(struct leat_config *c, char *name, char *value)
{
	const struct option *o = option_find(name, 1u << c->role);
	struct leat_err err = { 0 };
	enum leat_ret ret;

	before[0] = after[0] = '\0';
	if (o && o->show)
		o->show(c, o, before, sizeof(before));
	ret = leat_config_set(c, name, value, &err);
	if (ret != LEAT_OK) {
		assert(err.cls == LEAT_E_OPTION && err.option);
		if (o && o->show) {
			o->show(c, o, after, sizeof(after));
			assert(strcmp(before, after) == 0);
		}
		return;
	}
	assert(o && o->set);
	before[0] = '\0';
	o->show(c, o, before, sizeof(before));
	if (leat_config_set(c, name, before, &err) != LEAT_OK)
		abort();
	o->show(c, o, after, sizeof(after));
	assert(strcmp(before, after) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct leat_config *configs[2];
	struct leat_err err = { 0 };
	char *text, *line, *rest, *value;

	for (int role = 0; role < 2; role++)
		if (!configs[role] && leat_config_new(&configs[role], role, &err) != LEAT_OK)
			return 0;
	text = malloc(n + 1);
	if (!text || n >= TEXT_MAX / 2) {
		free(text);
		return 0;
	}
	memcpy(text, data, n);
	text[n] = '\0';
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		value = line;
		line = strsep(&value, "=");
		if (!value)
			continue;
		one(configs[LEAT_CLIENT], line, value);
		one(configs[LEAT_SERVER], line, value);
	}
	free(text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * host_names.c - see host_names.h. A sorted list, searched twice: for the name, and for its wildcard.
 */
#include "tool/host_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Lower case, without a final dot. false: longer than any name. */
static bool fold(struct leat_span name, char out[HOST_NAME_MAX_LEN + 1])
{
	size_t n = name.n > 0 && name.p[name.n - 1] == '.' ? name.n - 1 : name.n;

	if (n == 0 || n > HOST_NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = lower(name.p[i]);
	out[n] = '\0';
	return true;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* What is wrong with a folded name; NULL: nothing. */
static const char *complaint(const char *name)
{
	const char *p = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	size_t label = 0;

	if (p != name && strchr(p, '.') == NULL)
		return "a wildcard stands before at least two labels, as *.example.org";
	for (; *p != '\0'; p++) {
		if (*p == '*')
			return "a wildcard is the whole first label, as *.example.org";
		if (*p == '.' ? label == 0 : !is_label_char(*p))
			return "not a host name";
		label = *p == '.' ? 0 : label + 1;
		if (label > 63)
			return "a label is longer than 63 characters";
	}
	return label == 0 ? "not a host name" : NULL;
}

enum leat_ret host_names_add(
	struct host_names *names, struct leat_span name, unsigned host, const char **why)
{
	char folded[HOST_NAME_MAX_LEN + 1] = "";
	struct host_name *more;
	size_t size;
	char *text;

	*why = fold(name, folded) ? complaint(folded) : "not a host name";
	if (*why)
		return LEAT_FAILED;
	size = strlen(folded) + 1;
	more = leat_array(names->num + 1, sizeof(*more));
	text = leat_malloc(size);
	if (more == NULL || text == NULL) {
		leat_free(more);
		leat_free(text);
		*why = "out of memory";
		return LEAT_FAILED;
	}
	memcpy(text, folded, size);
	if (names->num > 0)
		memcpy(more, names->v, names->num * sizeof(*more));
	leat_free(names->v);
	names->v = more;
	names->v[names->num++] = (struct host_name){ text, host };
	return LEAT_OK;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct host_name *)a)->text, ((const struct host_name *)b)->text);
}

const char *host_names_seal(struct host_names *names)
{
	if (names->num > 0)
		qsort(names->v, names->num, sizeof(*names->v), by_text);
	for (size_t i = 1; i < names->num; i++)
		if (strcmp(names->v[i - 1].text, names->v[i].text) == 0)
			return names->v[i].text;
	return NULL;
}

static const struct host_name *search(const struct host_names *names, char *text)
{
	const struct host_name key = { .text = text };

	return names->num == 0 ? NULL
			       : bsearch(&key, names->v, names->num, sizeof(*names->v), by_text);
}

unsigned host_names_find(const struct host_names *names, struct leat_span name)
{
	char folded[HOST_NAME_MAX_LEN + 1];
	const struct host_name *found;
	char *dot;

	if (!fold(name, folded) || folded[0] == '*')
		return HOST_NONE;
	found = search(names, folded);
	dot = strchr(folded, '.');
	if (found == NULL && dot != NULL && dot > folded) {
		dot[-1] = '*';
		found = search(names, dot - 1);
	}
	return found == NULL ? HOST_NONE : found->host;
}

void host_names_clear(struct host_names *names)
{
	for (size_t i = 0; i < names->num; i++)
		leat_free(names->v[i].text);
	leat_free(names->v);
	*names = (struct host_names){ NULL, 0 };
}

struct leat_span host_of_authority(struct leat_span a)
{
	const uint8_t *end = a.n > 0 ? memchr(a.p, a.p[0] == '[' ? ']' : ':', a.n) : NULL;

	if (end != NULL && a.p[0] == '[')
		end++;
	return (struct leat_span){ a.p, end != NULL ? (size_t)(end - a.p) : a.n };
}

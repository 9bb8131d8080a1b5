/* SPDX-License-Identifier: Apache-2.0
 *
 * connect_export.c - what `leat connect --export` and `--bindings` say: keying material and channel
 * bindings, to be compared with the peer's.
 */
#include <jansson.h>
#include <stdio.h>

#include <leat/export.h>

#include "base/secret.h"
#include "tool/connect.h"

#define LINE 256

struct value {
	char hex[2 * CONNECT_EXPORT_MAX + 1]; /* "" where there is none: why says so */
	char why[LINE];
};

static void value_clear(struct value *v)
{
	leat_wipe(v, sizeof(*v));
}

static void put(struct value *v, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(v->hex + 2 * i, 3, "%02x", p[i]);
}

typedef enum leat_ret exporter_fn(const struct leat_conn *c, const struct leat_exporter *what,
	void *out, size_t n, struct leat_err *err);

/* What --export asks for; the second only where early data was taken. */
static const struct {
	const char *name;
	exporter_fn *fn;
} exporters[] = { { "exporter", leat_conn_exporter },
	{ "early_exporter", leat_conn_early_exporter } };
#define NUM_EXPORTERS (sizeof(exporters) / sizeof(exporters[0]))

static void get_export(
	const struct connect_wish *w, const struct leat_conn *c, exporter_fn *fn, struct value *v)
{
	const struct leat_exporter what = { .label = w->export_label };
	struct leat_err err = { 0 };
	uint8_t out[CONNECT_EXPORT_MAX];

	if (fn(c, &what, out, w->export_bytes, &err) == LEAT_OK)
		put(v, out, w->export_bytes);
	else
		leat_strerror(&err, v->why, sizeof(v->why));
	leat_wipe(out, sizeof(out));
}

static void get_binding(enum leat_binding_kind k, const struct leat_conn *c, struct value *v)
{
	struct leat_err err = { 0 };
	struct leat_binding b;

	if (leat_conn_binding(c, k, &b, &err) == LEAT_OK)
		put(v, b.b, b.n);
	else
		leat_strerror(&err, v->why, sizeof(v->why));
}

static void say(const char *name, const struct value *v)
{
	fprintf(stderr, "%s: %s%s\n", name, v->hex[0] ? v->hex : "none, ", v->hex[0] ? "" : v->why);
}

void connect_print_exports(const struct connect_wish *w, const struct leat_conn *c)
{
	for (int k = 0; w->bindings && k <= LEAT_BINDING_UNIQUE; k++) {
		LEAT_SCOPED(value_clear) struct value v = { .hex = "" };

		get_binding((enum leat_binding_kind)k, c, &v);
		say(leat_binding_name((enum leat_binding_kind)k), &v);
	}
	for (size_t i = 0; w->export_label[0] && i < NUM_EXPORTERS; i++) {
		LEAT_SCOPED(value_clear) struct value v = { .hex = "" };

		get_export(w, c, exporters[i].fn, &v);
		say(exporters[i].name, &v);
	}
}

static json_t *hex_or_null(const struct value *v)
{
	return v->hex[0] ? json_string(v->hex) : json_null();
}

void connect_add_exports(void *o, const struct connect_wish *w, const struct leat_conn *c)
{
	for (int k = 0; w->bindings && k <= LEAT_BINDING_UNIQUE; k++) {
		LEAT_SCOPED(value_clear) struct value v = { .hex = "" };

		get_binding((enum leat_binding_kind)k, c, &v);
		json_object_set_new(
			o, leat_binding_name((enum leat_binding_kind)k), hex_or_null(&v));
	}
	for (size_t i = 0; w->export_label[0] && i < NUM_EXPORTERS; i++) {
		LEAT_SCOPED(value_clear) struct value v = { .hex = "" };

		get_export(w, c, exporters[i].fn, &v);
		json_object_set_new(o, exporters[i].name, hex_or_null(&v));
	}
}

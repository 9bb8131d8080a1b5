/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_calibrate.c - `leat calibrate`: measures from how many bytes on the kernel pays on this machine, says
 * so, and keeps it in a file that records=auto reads (ktls/calib.h). Page: docs/man/leat-calibrate.1.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "ktls/calib.h"
#include "ktls/probe.h"
#include "tool/calibrate.h"
#include "tool/tool.h"

#define DEFAULT_MS 3000

enum { OPT_SHOW = 1, OPT_FILE, OPT_SECONDS, OPT_JSON };

static const struct arg_opt options[] = {
	{ "show", 0, NULL, OPT_SHOW, "measure nothing, say what holds now and why" },
	{ "file", 0, "FILE", OPT_FILE,
		"where to keep it (default: $LEAT_CALIBRATION; else for root\n"
		"/var/lib/leat/calibration, for others below\n"
		"$XDG_STATE_HOME or ~/.local/state)" },
	{ "seconds", 0, "S", OPT_SECONDS, "how long to measure (default 3)" },
	{ "json", 0, NULL, OPT_JSON, "print one JSON object" },
	{ NULL, 0, NULL, 0, NULL },
};

struct wish {
	const struct args *args;
	const char *file;
	int ms;
	bool show, json;
};

/* A measurement of each family of ciphers; rounds is 0 where the kernel has none of it. */
struct measured {
	struct calibration of[CALIB_CIPHERS];
	bool any;
};

static void print_values(const struct calib *c)
{
	char file[CALIB_TEXT], stream[CALIB_TEXT];

	for (int i = 0; i < CALIB_CIPHERS; i++)
		printf("%s: kernel_file_from %s, kernel_stream_from %s\n", calib_cipher_name(i),
			calib_text(c->from[i][CALIB_FILE], file),
			calib_text(c->from[i][CALIB_STREAM], stream));
}

static void print_costs(const struct calibration *m, enum calib_use use)
{
	const uint64_t(*cost)[2] = m->cost[use];

	printf("%-8s %12s %12s %12s\n", calib_use_name(use), "user us", "kernel us", "kernel/user");
	for (size_t i = 0; i < CALIBRATE_SIZES; i++)
		printf("%-8llu %12.1f %12.1f %12.2f\n", (unsigned long long)m->size[i],
			(double)cost[i][0] / 1e3, (double)cost[i][1] / 1e3,
			(double)cost[i][1] / (double)cost[i][0]);
}

static void print_measured(const struct measured *m)
{
	for (int i = 0; i < CALIB_CIPHERS; i++) {
		const struct calibration *of = &m->of[i];

		if (of->rounds == 0)
			continue;
		printf("%s, TLS 1.3, CPU time of a connection, median of %u rounds\n", of->cipher,
			of->rounds);
		print_costs(of, CALIB_FILE);
		print_costs(of, CALIB_STREAM);
	}
}

static json_t *costs_json(const struct calibration *m, enum calib_use use)
{
	json_t *all = json_array();

	for (size_t i = 0; i < CALIBRATE_SIZES; i++)
		json_array_append_new(
			all, json_pack("{s:I, s:I, s:I}", "bytes", (json_int_t)m->size[i],
				     "user_ns", (json_int_t)m->cost[use][i][0], "kernel_ns",
				     (json_int_t)m->cost[use][i][1]));
	return all;
}

/* m: NULL or rounds 0: not measured. */
static json_t *cipher_json(
	const struct calib *c, enum calib_cipher cipher, const struct calibration *m)
{
	char file[CALIB_TEXT], stream[CALIB_TEXT];
	json_t *o = json_pack("{s:s, s:s}", "kernel_file_from",
		calib_text(c->from[cipher][CALIB_FILE], file), "kernel_stream_from",
		calib_text(c->from[cipher][CALIB_STREAM], stream));

	if (m && m->rounds > 0)
		(void)json_object_update_new(
			o, json_pack("{s:s, s:i, s:o, s:o}", "cipher", m->cipher, "rounds",
				   (int)m->rounds, "file", costs_json(m, CALIB_FILE), "stream",
				   costs_json(m, CALIB_STREAM)));
	return o;
}

/* m: NULL where nothing was measured. */
static int print_json(const struct wish *w, const struct calib *c, const struct measured *m)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "state", calib_state_name(c->state),
		"path", c->path, "leat", c->leat, "kernel", c->kernel, "cpu", c->cpu);
	bool ok = o != NULL;

	for (int i = 0; ok && i < CALIB_CIPHERS; i++)
		ok = json_object_set_new(
			     o, calib_cipher_name(i), cipher_json(c, i, m ? &m->of[i] : NULL)) == 0;
	ok = ok && json_dumpf(o, stdout, JSON_INDENT(2)) == 0;
	json_decref(o);
	if (!ok)
		return tool_fail(w->args, TOOL_FAILED, "no memory for the answer");
	putchar('\n');
	return TOOL_OK;
}

static int show(const struct wish *w)
{
	struct calib given;
	const struct calib *c = &given;

	if (w->file)
		(void)calib_load(w->file, &given);
	else
		c = calib_get();
	if (w->json)
		return print_json(w, c, NULL);
	printf("%s: %s\n", c->path[0] ? c->path : "no file", calib_state_text(c->state));
	print_values(c);
	return TOOL_OK;
}

/* The first cipher of the family that the kernel can send TLS 1.3 with; KTLS_CIPHERS: none. */
static unsigned first_cipher(const struct leat_ktls_caps *caps, enum calib_cipher family)
{
	for (unsigned i = 0; i < KTLS_CIPHERS; i++)
		if (calibrate_family(i) == family && caps->cell[1][i].err[LEAT_TX] == 0)
			return i;
	return KTLS_CIPHERS;
}

static enum leat_ret measure_family(const struct wish *w, enum calib_cipher family, struct calib *c,
	struct calibration *m, struct leat_err *err)
{
	const struct leat_ktls_caps *caps = leat_ktls_caps_get();
	unsigned cipher = caps->obstacle == KTLS_NONE ? first_cipher(caps, family) : KTLS_CIPHERS;

	for (int use = 0; use < CALIB_USES; use++)
		c->from[family][use] = CALIB_NEVER;
	m->rounds = 0;
	if (cipher == KTLS_CIPHERS)
		return LEAT_OK;
	if (calibrate_run(m, cipher, w->ms / CALIB_CIPHERS, err) != LEAT_OK)
		return LEAT_FAILED;
	for (int use = 0; use < CALIB_USES; use++)
		c->from[family][use] = calib_crossover(m->size, m->cost[use], CALIBRATE_SIZES);
	return LEAT_OK;
}

static enum leat_ret measure(
	const struct wish *w, struct calib *c, struct measured *m, struct leat_err *err)
{
	char line[256];

	m->any = false;
	for (int family = 0; family < CALIB_CIPHERS; family++) {
		if (measure_family(w, family, c, &m->of[family], err) != LEAT_OK)
			return LEAT_FAILED;
		m->any = m->any || m->of[family].rounds > 0;
	}
	if (!m->any && !w->json)
		printf("%s; stored: never\n",
			leat_ktls_caps_line(leat_ktls_caps_get(), line, sizeof(line)));
	return LEAT_OK;
}

static int calibrate(const struct wish *w)
{
	struct calib c = { .state = CALIB_USED };
	struct leat_err err = { 0 };
	struct measured m;
	int sys;

	if (!(w->file ? snprintf(c.path, sizeof(c.path), "%s", w->file) < (int)sizeof(c.path)
		      : calib_place(c.path, sizeof(c.path))))
		return tool_fail(w->args, TOOL_FAILED,
			"no place to keep it: say --file, or set HOME or XDG_STATE_HOME");
	calib_here(&c);
	if (measure(w, &c, &m, &err) != LEAT_OK)
		return tool_fail_err(w->args, TOOL_FAILED, &err);
	sys = calib_store(c.path, &c);
	if (sys)
		return tool_fail(w->args, TOOL_FAILED, "%s: %s", c.path, strerror(sys));
	if (w->json)
		return print_json(w, &c, &m);
	if (!m.any)
		return TOOL_OK;
	print_measured(&m);
	print_values(&c);
	printf("kept in %s\n", c.path);
	return TOOL_OK;
}

static int take(void *job, int id, const char *value)
{
	struct wish *w = job;

	switch (id) {
	case OPT_SHOW: w->show = true; return 0;
	case OPT_FILE: w->file = value; return 0;
	case OPT_JSON: w->json = true; return 0;
	case OPT_SECONDS: return args_seconds(w->args, "seconds", value, &w->ms) ? 0 : TOOL_USAGE;
	case ARG_PLAIN: args_wrong(w->args, "%s: takes no argument", value); return TOOL_USAGE;
	default: return TOOL_USAGE;
	}
}

static int run(struct args *args)
{
	struct wish w = { .args = args, .ms = DEFAULT_MS };
	int rc = args_each(args, take, &w);

	if (rc == 0)
		rc = w.show ? show(&w) : calibrate(&w);
	if (rc == TOOL_OK && (fflush(stdout) != 0 || ferror(stdout)))
		return tool_fail(args, TOOL_FAILED, "stdout: %s", strerror(errno));
	return rc;
}

const struct tool_cmd cmd_calibrate = {
	.name = "calibrate",
	.synopsis = "[options]",
	.summary = "measures from how many bytes on the kernel pays here",
	.opts = options,
	.notes =
		"Exit codes: 0 measured and kept (also where the kernel has no TLS: never), 1 it did\n"
		"not work, 2 wrong usage. records=auto reads what is kept; see leat-options(7),\n"
		"kernel_file_from and kernel_stream_from.",
	.run = run,
};

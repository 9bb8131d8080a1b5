/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_certs.c - `leat certs DIR`: a throwaway CA with server and client certificates, as files.
 * What is in them is certset.c's, how they are written is outfile.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/certset.h"
#include "tool/outfile.h"
#include "tool/tool.h"

#define DAYS_DEFAULT 30
#define DAYS_MAX     3650
#define NUM_FILES    (1 + 2 * CERTSET_LEAVES)

enum { OPT_NAMES = 1, OPT_DAYS, OPT_FORCE, OPT_JSON };

static const struct arg_opt options[] = {
	{ "names", 'n', "A,B", OPT_NAMES,
		"host names and addresses besides localhost, 127.0.0.1 and ::1;\n"
		"*.example.org covers one label" },
	{ "days", 'd', "N", OPT_DAYS, "valid for N days from now, 1 to 3650 (default 30)" },
	{ "force", 'f', NULL, OPT_FORCE, "replace files of a former run" },
	{ "json", 0, NULL, OPT_JSON, "print one JSON object" },
	{ 0 },
};

struct wish {
	const char *dir;
	char *names_text; /* owned, cut up */
	const char *names[CERTSET_NAMES];
	size_t num_names;
	uint64_t days;
	bool force, json;
};

static bool take_names(struct args *args, struct wish *w, const char *value)
{
	char *rest, *name;

	leat_free(w->names_text);
	w->num_names = 0;
	w->names_text = rest = leat_strdup(value);
	if (!rest) {
		tool_fail(args, TOOL_FAILED, "out of memory");
		return false;
	}
	while ((name = strsep(&rest, ",")) != NULL) {
		if (!certset_is_name(name)) {
			args_wrong(args,
				"--names: \"%s\" is no host name, no *.domain.name and no address",
				name);
			return false;
		}
		if (w->num_names == CERTSET_NAMES) {
			args_wrong(args, "--names: more than %d names", CERTSET_NAMES);
			return false;
		}
		w->names[w->num_names++] = name;
	}
	return true;
}

static int parse(struct args *args, struct wish *w)
{
	const char *value;
	int id;

	w->days = DAYS_DEFAULT;
	while ((id = args_next(args, &value)) != ARG_END) {
		switch (id) {
		case OPT_NAMES:
			if (!take_names(args, w, value))
				return TOOL_USAGE;
			break;
		case OPT_DAYS:
			if (!args_uint(args, "--days", value, 1, DAYS_MAX, &w->days))
				return TOOL_USAGE;
			break;
		case OPT_FORCE: w->force = true; break;
		case OPT_JSON: w->json = true; break;
		case ARG_PLAIN:
			if (w->dir) {
				args_wrong(args, "%s: only one folder is filled", value);
				return TOOL_USAGE;
			}
			w->dir = value;
			break;
		default: return TOOL_USAGE;
		}
	}
	if (!w->dir || !*w->dir) {
		args_wrong(args, "the folder to fill is missing");
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static void list_files(const struct certset *set, struct outfile files[NUM_FILES])
{
	struct outfile *f = files;

	snprintf(f->name, sizeof(f->name), "ca.pem");
	f->mode = 0644;
	(f++)->content = leat_wr_done(&set->ca_pem);
	for (size_t i = 0; i < CERTSET_LEAVES; i++) {
		const struct certset_leaf *l = &set->leaf[i];

		snprintf(f->name, sizeof(f->name), "%s.pem", l->file);
		f->mode = 0644;
		(f++)->content = leat_wr_done(&l->chain_pem);
		snprintf(f->name, sizeof(f->name), "%s.key", l->file);
		f->mode = 0600;
		(f++)->content = leat_wr_done(&l->key_pem);
	}
}

static int write_set(struct args *args, const struct wish *w, const struct certset *set)
{
	struct outfile files[NUM_FILES];
	struct leat_err err = { 0 };
	enum leat_ret ret;
	int dir;

	if (mkdir(w->dir, 0755) != 0 && errno != EEXIST)
		return tool_fail(args, TOOL_FAILED, "%s: %s", w->dir, strerror(errno));
	dir = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return tool_fail(args, TOOL_FAILED, "%s: %s", w->dir, strerror(errno));
	list_files(set, files);
	ret = outfile_write(dir, files, NUM_FILES, w->force, &err);
	close(dir);
	if (ret == LEAT_OK)
		return TOOL_OK;
	if (err.sys == EEXIST)
		return tool_fail(args, TOOL_FAILED,
			"%s/%s is there already; nothing was changed (--force replaces it)", w->dir,
			err.detail);
	return tool_fail(args, TOOL_FAILED, "%s/%s: %s: %s", w->dir, err.detail, err.what,
		strerror(err.sys));
}

static void date_text(int64_t t, char *buf, size_t n)
{
	time_t when = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || strftime(buf, n, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(buf, n, "?");
}

static bool print_json(const struct wish *w, const struct certset *set, const char *until)
{
	json_t *o = json_pack("{s:s, s:s+, s:s, s:s, s:[sss], s:[]}", "note",
		"throwaway, for trying things out", "ca", w->dir, "/ca.pem", "valid_until", until,
		"dir", w->dir, "names", "localhost", "127.0.0.1", "::1", "certificates");
	json_t *list = json_object_get(o, "certificates"), *names = json_object_get(o, "names");
	bool ok = o != NULL;

	for (size_t i = 0; ok && i < w->num_names; i++)
		ok = json_array_append_new(names, json_string(w->names[i])) == 0;
	for (size_t i = 0; ok && i < CERTSET_LEAVES; i++) {
		const struct certset_leaf *l = &set->leaf[i];

		ok = json_array_append_new(
			     list, json_pack("{s:s, s:s, s:s, s:s+++, s:s+++}", "name", l->file,
					   "role", l->client ? "client" : "server", "kind",
					   l->title, "cert", w->dir, "/", l->file, ".pem", "key",
					   w->dir, "/", l->file, ".key")) == 0;
	}
	ok = ok && json_dumpf(o, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
	json_decref(o);
	return ok;
}

static void print_text(const struct wish *w, const struct certset *set, const char *until)
{
	char pair[40];

	printf("throwaway certificates, for trying things out, until %s:\n", until);
	printf("  %-24s the root to trust; its key is not kept\n", "ca.pem");
	for (size_t i = 0; i < CERTSET_LEAVES; i++) {
		snprintf(pair, sizeof(pair), "%s.pem, .key", set->leaf[i].file);
		printf("  %-24s %s\n", pair, set->leaf[i].title);
	}
	printf("names: localhost 127.0.0.1 ::1");
	for (size_t i = 0; i < w->num_names; i++)
		printf(" %s", w->names[i]);
	printf("\ntry:\n  leat serve . --cert %s/server-p256.pem --key %s/server-p256.key\n",
		w->dir, w->dir);
}

static int make_and_write(struct args *args, struct wish *w)
{
	int64_t now = (int64_t)time(NULL);
	struct certset set = { 0 };
	struct leat_err err = { 0 };
	char until[32];
	int code;

	if (certset_make(&set, w->names, w->num_names, now, (unsigned)w->days, &err) != LEAT_OK)
		return tool_fail_err(args, TOOL_FAILED, &err);
	code = write_set(args, w, &set);
	date_text(now + (int64_t)w->days * 86400, until, sizeof(until));
	if (code == TOOL_OK && w->json && !print_json(w, &set, until))
		code = tool_fail(args, TOOL_FAILED, "the answer cannot be written");
	if (code == TOOL_OK && !w->json)
		print_text(w, &set, until);
	certset_clear(&set);
	if (code == TOOL_OK && (fflush(stdout) != 0 || ferror(stdout)))
		code = tool_fail(args, TOOL_FAILED, "stdout: %s", strerror(errno));
	return code;
}

static int run(struct args *args)
{
	struct wish w = { 0 };
	int code = parse(args, &w);

	if (code == TOOL_OK)
		code = make_and_write(args, &w);
	leat_free(w.names_text);
	return code;
}

const struct tool_cmd cmd_certs = {
	.name = "certs",
	.synopsis = "DIR [options]",
	.summary = "a throwaway CA with certificates for trying things out",
	.opts = options,
	.notes =
		"Writes ca.pem, and server-KIND.pem/.key and client-KIND.pem/.key for the kinds rsa,\n"
		"p256 and ed25519, into DIR (made if missing). Each .pem holds the certificate and\n"
		"its intermediate; each .key is readable by its owner only.\n"
		"Exit codes: 0 written, 1 failed (nothing was changed if a file was there already),\n"
		"2 wrong usage.",
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_opts.c - from options to struct serve_opts, one at a time; then what must hold between them. An
 * option of a host belongs to the last --host before it, or to the default host.
 */
#include "tool/serve_opts.h"

#include <string.h>

#include "base/mem.h"
#include "tool/session_store.h"
#include "tool/tool.h"

/* ---- conversions ----------------------------------------------------------------------------- */

static bool ms_option(const struct args *args, const char *name, const char *value, int *out)
{
	if (!args_seconds(args, name, value, out))
		return false;
	if (*out > 0)
		return true;
	args_wrong(args, "%s: must be more than 0", name);
	return false;
}

static struct serve_value value_of(const struct args *args, const char *text)
{
	return (struct serve_value){ text, args->place };
}

/* ---- options of a host ----------------------------------------------------------------------- */

static struct serve_host_opts *now(const struct serve_opts *o)
{
	return &o->hosts[o->now];
}

static bool add_host(const struct args *args, struct serve_opts *o, const char *names)
{
	struct serve_host_opts *more;

	if (o->num_hosts > SERVE_MAX_HOSTS) {
		args_wrong(args, "--host: more than %d", SERVE_MAX_HOSTS);
		return false;
	}
	more = leat_array(o->num_hosts + 1, sizeof(*more));
	if (more == NULL) {
		tool_fail(args, TOOL_FAILED, "out of memory");
		return false;
	}
	memcpy(more, o->hosts, o->num_hosts * sizeof(*more));
	leat_free(o->hosts);
	o->hosts = more;
	o->now = o->num_hosts++;
	*now(o) = (struct serve_host_opts){ .names = value_of(args, names) };
	return true;
}

static bool set_once(
	const struct args *args, const char *name, const char *value, struct serve_value *out)
{
	if (out->text != NULL) {
		args_wrong(args, "%s: given twice for this host", name);
		return false;
	}
	*out = value_of(args, value);
	return true;
}

/* name NULL: value is NAME=VALUE. */
static bool add_setting(
	const struct args *args, struct serve_host_opts *h, const char *name, const char *value)
{
	if (h->num_settings == SERVE_MAX_OPTIONS) {
		args_wrong(args, "--set: more than %d", SERVE_MAX_OPTIONS);
		return false;
	}
	if (!name && (strchr(value, '=') == NULL || value[0] == '=')) {
		args_wrong(args, "--set: not NAME=VALUE: %s", value);
		return false;
	}
	h->settings[h->num_settings++] = (struct serve_setting){ .name = name,
		.value = value_of(args, value) };
	return true;
}

static bool take_plain(const struct args *args, struct serve_opts *o, const char *value)
{
	if (o->hosts[0].dir.text == NULL) {
		o->hosts[0].dir = value_of(args, value);
		return true;
	}
	args_wrong(args, "%s: only one folder is served", value);
	return false;
}

static bool is_of_host(int id)
{
	switch (id) {
	case OPT_ROOT:
	case OPT_CERT:
	case OPT_KEY:
	case OPT_OCSP:
	case OPT_SCT:
	case OPT_CACERT:
	case OPT_CRL_CACHE:
	case OPT_DHFILE:
	case OPT_DEV:
	case OPT_HIDDEN:
	case OPT_HTTP2:
	case OPT_SET:
	case ARG_SETTING: return true;
	default: return false;
	}
}

static bool take_of_host(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	struct serve_host_opts *h = now(o);

	switch (id) {
	case OPT_ROOT: return set_once(args, "--root", value, &h->dir);
	case OPT_CERT: return cred_files_cert(args, &h->files, value) == 0;
	case OPT_KEY: return cred_files_key(args, &h->files, value) == 0;
	case OPT_OCSP: return cred_files_attach(args, &h->files, CRED_OCSP, value) == 0;
	case OPT_SCT: return cred_files_attach(args, &h->files, CRED_SCT, value) == 0;
	case OPT_CACERT: h->files.cacert = value; return true;
	case OPT_CRL_CACHE: return cred_files_crl_cache(args, &h->files, value) == 0;
	case OPT_DHFILE: h->files.dhfile = value; return true;
	case OPT_DEV: h->files.dev = true; return true;
	case OPT_HIDDEN: h->hidden = true; return true;
	case OPT_HTTP2: h->http2 = true; return true;
	case OPT_SET: return add_setting(args, h, NULL, value);
	default: return add_setting(args, h, args->setting, value);
	}
}

/* ---- options of the server ------------------------------------------------------------------- */

static bool take_choice(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	static const char *const records[] = { "auto", "kernel", "user", NULL };
	static const char *const loops[] = { "auto", "io_uring", "poll", NULL };
	static const char *const unknown[] = { "default", "refuse", NULL };
	unsigned i = 0;
	bool ok;

	switch (id) {
	case OPT_RECORDS:
		ok = args_choice(args, "--records", value, records, &i);
		o->records = (enum leat_records)i;
		return ok;
	case OPT_LOOP:
		ok = args_choice(args, "--loop", value, loops, &i);
		o->loop = (enum loop_backend)i;
		return ok;
	default:
		ok = args_choice(args, "--unknown-name", value, unknown, &i);
		o->refuse_unknown = i == 1;
		return ok;
	}
}

static bool take_limit(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	switch (id) {
	case OPT_WORKERS: return args_count(args, "--workers", value, 1, 256, &o->workers);
	case OPT_CONNS:
		return args_count(args, "--max-connections", value, 1, 1000000, &o->max_conns);
	case OPT_PER_ADDR:
		return args_count(args, "--max-per-address", value, 1, 1000000, &o->max_per_addr);
	case OPT_HEAD_BYTES:
		return args_count(args, "--max-header", value, 256, 65536, &o->max_head);
	case OPT_T_HANDSHAKE:
		return ms_option(args, "--handshake-timeout", value, &o->handshake_ms);
	case OPT_T_HEAD: return ms_option(args, "--header-timeout", value, &o->head_ms);
	case OPT_T_IDLE: return ms_option(args, "--idle-timeout", value, &o->idle_ms);
	case OPT_T_STALL: return ms_option(args, "--stall-timeout", value, &o->stall_ms);
	case OPT_FILE_CACHE: return args_seconds(args, "--file-cache", value, &o->file_cache_ms);
	default: return ms_option(args, "--grace", value, &o->grace_ms);
	}
}

static bool take_file(const struct args *args, const char *path, struct serve_opts *o);

static bool take(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	if (is_of_host(id))
		return take_of_host(args, id, value, o);
	switch (id) {
	case OPT_HOST: return add_host(args, o, value);
	case OPT_CONFIG: return take_file(args, value, o);
	case OPT_CHECK: o->check = true; return true;
	case OPT_USER: return identity_find(args, value, &o->user);
	case OPT_LISTEN:
		o->listen_given = true;
		return args_host_port(args, value, true, o->host, sizeof(o->host), &o->port);
	case OPT_METRICS:
		o->metrics = true;
		return args_host_port(args, value, true, o->metrics_host, sizeof(o->metrics_host),
			&o->metrics_port);
	case OPT_RECORDS:
	case OPT_UNKNOWN_NAME:
	case OPT_LOOP: return take_choice(args, id, value, o);
	case OPT_LOG: o->access_log = strcmp(value, "none") == 0 ? NULL : value; return true;
	case OPT_STEER: return steering_take_mode(args, value, &o->steering);
	case OPT_LOOKUP: return steering_take_rule(args, value, &o->steering);
	case OPT_NO_SANDBOX: o->no_sandbox = true; return true;
	case OPT_KEY_PROCESS: o->key_process = true; return true;
	case OPT_JSON: o->json = true; return true;
	case OPT_STORE: o->session_store = value; return session_store_check(args, value);
	case OPT_KEYLOG: o->keylog = value; return true;
	case ARG_PLAIN: return take_plain(args, o, value);
	case ARG_WRONG: return false;
	default: return take_limit(args, id, value, o);
	}
}

/* ---- the configuration file ------------------------------------------------------------------ */

/* What a file may not say, though the command line may. */
static bool may_stand_in_file(const struct args *at, const struct serve_opts *o, int id)
{
	if (id == OPT_HOST)
		args_wrong(at, "a host begins with a line [host NAMES]");
	else if (id == OPT_CONFIG || id == OPT_CHECK)
		args_wrong(at, "only on the command line");
	else if (o->now > 0 && id != ARG_WRONG && !is_of_host(id))
		args_wrong(at, "an option of the whole server: it stands before the first [host]");
	else
		return true;
	return false;
}

static bool take_line(const struct args *args, struct conf_line *line, struct serve_opts *o)
{
	char *names = conf_section(line->arg, "host");
	struct args at = *args;
	const char *value;
	int id;

	at.place = line->place;
	if (names)
		return add_host(&at, o, names);
	if (line->arg[0] == '[') {
		args_wrong(&at, "not a section: only [host NAMES] is one");
		return false;
	}
	at.argv = &line->arg;
	at.argc = 1;
	at.at = 0;
	id = args_next(&at, &value);
	return may_stand_in_file(&at, o, id) && take(&at, id, value, o);
}

/* The lines stand for themselves on the command line, where --config is; all that are wrong are named. */
static bool take_file(const struct args *args, const char *path, struct serve_opts *o)
{
	bool ok = true;

	if (o->config) {
		args_wrong(args, "--config: given twice");
		return false;
	}
	o->config = path;
	if (!conf_file_read(args, path, &o->conf))
		return false;
	for (size_t i = 0; i < o->conf.num; i++)
		ok &= take_line(args, &o->conf.lines[i], o);
	o->now = 0;
	return ok;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool check_host(
	const struct args *args, const struct serve_opts *o, const struct serve_host_opts *h)
{
	struct args at = *args;

	at.place = h->names.text != NULL ? h->names.place : h->dir.place;
	if (h->dir.text == NULL)
		args_wrong(&at, "%s%sthe folder to serve is missing%s",
			h->names.text ? h->names.text : "", h->names.text ? ": " : "",
			h->names.text ? " (--root)" : "");
	else if (h->files.num_certs != h->files.num_keys)
		args_wrong(&at, "every --cert needs a --key and the other way round");
	else if (h->files.dev && o->key_process)
		args_wrong(&at, "--dev makes its key in the server: leave out --key-process");
	else
		return cred_files_check(&at, &h->files, false) == 0;
	return false;
}

/* Without a folder of its own the default host is none, when there are others. */
static bool lacks_default(const struct serve_opts *o)
{
	const struct serve_host_opts *h = &o->hosts[0];

	return o->num_hosts > 1 && h->dir.text == NULL && h->files.num_certs == 0 &&
	       h->files.num_keys == 0 && !h->files.dev;
}

static bool check(const struct args *args, const struct serve_opts *o)
{
	bool ok = lacks_default(o) || check_host(args, o, &o->hosts[0]);

	for (unsigned i = 1; i < o->num_hosts; i++)
		ok &= check_host(args, o, &o->hosts[i]);
	return ok;
}

static struct serve_opts *with_defaults(void)
{
	struct serve_opts *o = leat_zalloc(sizeof(*o));

	if (o == NULL)
		return NULL;
	*o = (struct serve_opts){
		.host = "127.0.0.1",
		.port = 8443,
		.access_log = "-",
		.max_conns = 16384,
		.max_head = 8192,
		.handshake_ms = 10000,
		.head_ms = 15000,
		.idle_ms = 60000,
		.stall_ms = 30000,
		.grace_ms = 30000,
		.file_cache_ms = 1000,
		.hosts = leat_zalloc(sizeof(*o->hosts)),
		.num_hosts = 1,
	};
	if (o->hosts != NULL)
		return o;
	leat_free(o);
	return NULL;
}

struct serve_opts *serve_opts_read(const struct args *args)
{
	struct serve_opts *o = with_defaults();
	struct args a = *args;
	const char *value;
	bool ok = o != NULL;
	int id;

	if (!ok)
		(void)tool_fail(args, TOOL_FAILED, "out of memory");
	while (ok && (id = args_next(&a, &value)) != ARG_END)
		ok = take(&a, id, value, o);
	if (ok && check(args, o))
		return o;
	serve_opts_free(o);
	return NULL;
}

void serve_opts_free(struct serve_opts *o)
{
	if (o == NULL)
		return;
	conf_file_clear(&o->conf);
	leat_free(o->hosts);
	leat_free(o);
}

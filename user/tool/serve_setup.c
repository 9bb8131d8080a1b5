/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_setup.c - what `leat serve` needs before the first connection: its TLS config; and
 * the lines it prints at the start and the end.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <leat/leat.h>

#include "ktls/probe.h"
#include "tool/keylog.h"
#include "tool/serve.h"
#include "tool/settings.h"

/* ---- TLS config ------------------------------------------------------------------------------ */

static enum leat_ret fill_config(
	struct leat_config *cfg, const struct serve_opts *o, struct leat_err *err)
{
	static const char http11[] = "http/1.1";
	const struct leat_span alpn = { (const uint8_t *)http11, sizeof(http11) - 1 };
	enum leat_ret r = cred_files_load(&o->files, cfg, err);

	if (r == LEAT_OK && o->files.cacert)
		r = leat_config_set_verify(cfg, LEAT_VERIFY_PEER, err);
	if (r == LEAT_OK)
		r = leat_config_set_alpn(cfg, &alpn, 1, err);
	if (r == LEAT_OK)
		r = leat_config_set_records(cfg, LEAT_TX, o->records, err);
	if (r == LEAT_OK)
		r = leat_config_set_records(cfg, LEAT_RX, o->records, err);
	for (unsigned i = 0; i < o->num_options && r == LEAT_OK; i++)
		r = o->names[i] ? leat_config_set(cfg, o->names[i], o->options[i], err)
				: settings_pair(cfg, o->options[i], err);
	if (r == LEAT_OK)
		r = leat_config_freeze(cfg, err);
	return r;
}

struct leat_config *serve_config(const struct args *args, const struct serve_opts *o)
{
	struct leat_config *cfg = NULL;
	struct leat_err err = { 0 };
	enum leat_ret r = leat_config_new(&cfg, LEAT_SERVER, &err);

	if (r == LEAT_OK && o->keylog && !keylog_start(args, o->keylog, cfg)) {
		leat_config_unref(cfg);
		return NULL;
	}
	if (r == LEAT_OK)
		r = fill_config(cfg, o, &err);
	if (r == LEAT_OK)
		return cfg;
	leat_config_unref(cfg);
	(void)tool_fail_err(args, TOOL_FAILED, &err);
	return NULL;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void print_json(json_t *j)
{
	if (j == NULL || json_dumpf(j, stdout, JSON_COMPACT) != 0)
		printf("{\"event\":\"error\",\"error\":\"out of memory\"}");
	json_decref(j);
	printf("\n");
	fflush(stdout);
}

static const char *records_name(enum leat_records r)
{
	return r == LEAT_RECORDS_KERNEL ? "kernel" : r == LEAT_RECORDS_USER ? "user" : "auto";
}

void say_start(const struct serve *s, const char *addr, uint16_t port)
{
	const struct loop *l = s->workers[0].loop;
	char caps[256];

	(void)leat_ktls_caps_line(leat_ktls_caps_get(), caps, sizeof(caps));
	if (s->o->json) {
		print_json(json_pack("{s:s, s:s, s:s, s:i, s:s%, s:i, s:s, s:s, s:s, s:b}", "event",
			"listening", "kernel", caps, "address", addr, "port", (int)port, "dir",
			s->o->dir, strlen(s->o->dir), "workers", (int)s->num_workers, "loop",
			loop_name(l), "loop_why", loop_why(l), "records",
			records_name(s->o->records), "dev", (int)s->o->files.dev));
		return;
	}
	printf("%s\n", caps);
	printf("serving %s with %u worker%s on %s%s%s%s, records %s\n", s->o->dir, s->num_workers,
		s->num_workers == 1 ? "" : "s", loop_name(l), loop_why(l)[0] ? " (" : "",
		loop_why(l), loop_why(l)[0] ? ")" : "", records_name(s->o->records));
	printf("listening on %s:%u\n", addr, port);
	fflush(stdout);
}

void say_end(const struct serve *s, unsigned cut)
{
	unsigned long long reqs = atomic_load(&s->requests), bytes = atomic_load(&s->bytes),
			   up = atomic_load(&s->handshakes),
			   bad = atomic_load(&s->failed_handshakes);

	if (s->o->json) {
		print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:i}", "event", "stopped",
			"handshakes", (json_int_t)up, "failed_handshakes", (json_int_t)bad,
			"requests", (json_int_t)reqs, "bytes", (json_int_t)bytes, "cut", (int)cut));
		return;
	}
	printf("stopped: %llu handshakes, %llu failed, %llu requests, %llu bytes, "
	       "%u connections cut\n",
		up, bad, reqs, bytes, cut);
	fflush(stdout);
}

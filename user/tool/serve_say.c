/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_say.c - the lines `leat serve` prints at the start and the end, as text or as JSON.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <leat/leat.h>

#include "ktls/probe.h"
#include "tool/serve.h"

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

/* The first folder, and how many further hosts there are. */
static const char *dirs_text(const struct serve_opts *o, char *buf, size_t size)
{
	unsigned first = serve_has_default(o) ? 0 : 1, more = o->num_hosts - first - 1;

	if (more == 0)
		return o->hosts[first].dir.text;
	snprintf(buf, size, "%s (and %u more)", o->hosts[first].dir.text, more);
	return buf;
}

void say_start(const struct serve *s, const char *addr, uint16_t port, const char *metrics)
{
	char dirs[512];
	const char *dir = dirs_text(s->o, dirs, sizeof(dirs));
	const struct loop *l = s->workers[0].loop;
	char caps[256];

	(void)leat_ktls_caps_line(leat_ktls_caps_get(), caps, sizeof(caps));
	if (s->o->json) {
		print_json(json_pack(
			"{s:s, s:s, s:s, s:i, s:s%, s:i, s:s, s:s, s:s, s:s, s:b, s:s*}", "event",
			"listening", "kernel", caps, "address", addr, "port", (int)port, "dir", dir,
			strlen(dir), "workers", (int)s->num_workers, "loop", loop_name(l),
			"loop_why", loop_why(l), "records", records_name(s->o->records), "steer",
			steering_name(&s->steering), "dev", (int)s->o->hosts[0].files.dev,
			"metrics", metrics[0] != '\0' ? metrics : NULL));
		return;
	}
	printf("%s\n", caps);
	printf("serving %s with %u worker%s on %s%s%s%s, records %s%s\n", dir, s->num_workers,
		s->num_workers == 1 ? "" : "s", loop_name(l), loop_why(l)[0] ? " (" : "",
		loop_why(l), loop_why(l)[0] ? ")" : "", records_name(s->o->records),
		steering_text(&s->steering));
	if (metrics[0] != '\0')
		printf("metrics on http://%s/\n", metrics);
	printf("listening on %s:%u\n", addr, port);
	fflush(stdout);
}

void say_reloaded(const struct serve *s, const struct serve_site *site)
{
	unsigned num = site->o->num_hosts - (serve_has_default(site->o) ? 0 : 1);

	if (s->o->json)
		print_json(json_pack("{s:s, s:i}", "event", "reloaded", "hosts", (int)num));
	else
		printf("reloaded: %u host%s\n", num, num == 1 ? "" : "s");
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

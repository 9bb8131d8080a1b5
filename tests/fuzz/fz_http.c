/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_http.c: everything a peer's request reaches in user/tool/http*.c: the head, its target as a
 * path, dates, conditions and ranges, and the reply made of it. Asserts what the server relies on.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tool/host_names.h"
#include "tool/http.h"

static void check_authority(const struct http_req *r)
{
	struct leat_span all = http_host(r), host = host_of_authority(all);
	static struct host_names names;
	const char *why;

	assert(host.n <= all.n && (host.n == 0 || host.p == all.p));
	if (names.num == 0)
		assert(host_names_add(&names, (struct leat_span){ (const uint8_t *)"*.a.b", 5 }, 7,
			       &why) == LEAT_OK);
	assert(host_names_find(&names, host) == 7 || host_names_find(&names, host) == HOST_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct http_meta meta = { .size = 70000, .mtime_s = 784111777, .mtime_ns = 12345 };
#define NOW 1700000000

static void check_path(const struct http_req *r, bool hidden)
{
	char path[HTTP_PATH_MAX], loc[3 * HTTP_PATH_MAX + 16];
	bool dir;

	if (http_path(r->path, hidden, path, &dir) != 0)
		return;
	/* The first fence of two: relative, beneath, one C string. */
	assert(path[0] != '/' && path[0] != '\0' && strlen(path) < sizeof(path));
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		assert(strncmp(p, "../", 3) != 0 && strcmp(p, "..") != 0 && *p != '/');
		assert(hidden || *p != '.' || p == path);
	}
	if (http_location(loc, sizeof(loc), path, r->query)) {
		assert(loc[0] == '/' && loc[1] != '/');
		assert(strpbrk(loc, "\r\n \t") == NULL);
	}
	assert(http_mime(path) != NULL);
}

static void check_plan(const struct http_req *r)
{
	char head[HTTP_HEAD_MAX];
	struct http_plan plan;
	struct http_reply reply = { .minor = r->minor,
		.keep_alive = r->keep_alive,
		.date_s = NOW,
		.meta = &meta,
		.plan = &plan,
		.type = "a/b",
		.boundary = "B" };

	http_plan(r, &meta, NOW, &plan);
	assert(plan.num <= HTTP_MAX_RANGES && (plan.status == 206) == (plan.num > 0));
	for (unsigned i = 0; i < plan.num; i++) {
		assert(plan.r[i].len > 0 && plan.r[i].first < meta.size);
		assert(plan.r[i].len <= meta.size - plan.r[i].first);
	}
	reply.status = plan.status;
	reply.length = http_body_len(&plan, &meta, "a/b", "B");
	assert(http_reply_head(head, sizeof(head), &reply) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_req r;
	size_t scanned = 0, half = 0, end, again;
	int64_t date;

	end = http_head_end(data, n, &scanned);
	assert(end <= n);
	/* Found in two pieces as in one. */
	again = http_head_end(data, n / 2, &half);
	if (again == 0)
		again = http_head_end(data, n, &half);
	assert(again == end);
	(void)http_date_parse((struct leat_span){ data, n }, NOW, &date);
	if (end == 0) {
		assert(http_too_long(data, n) == 414 || http_too_long(data, n) == 431);
		return 0;
	}
	if (http_parse(data, end, &r) != 0) {
		assert(!r.keep_alive);
		return 0;
	}
	assert(r.head_len == end && r.method_text.n > 0 && r.target.n > 0);
	if (r.method == HTTP_GET || r.method == HTTP_HEAD) {
		assert(r.path.n > 0 && r.path.p[0] == '/');
		check_path(&r, false);
		check_path(&r, true);
		check_plan(&r);
		check_authority(&r);
	}
	return 0;
}

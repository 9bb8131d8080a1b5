/* SPDX-License-Identifier: Apache-2.0
 *
 * http_plan.c - which part of a file a request gets: conditional requests and ranges, RFC 9110 13
 * and 14. Field values a peer got wrong are ignored, as the RFC asks, never guessed at.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tool/http.h"

/* Strong: changes whenever size or time of change (to the nanosecond) do. */
void http_etag(const struct http_meta *m, char out[HTTP_ETAG_MAX])
{
	snprintf(out, HTTP_ETAG_MAX, "\"%" PRIx64 "-%" PRIx32 "-%" PRIx64 "\"",
		(uint64_t)m->mtime_s, m->mtime_ns, m->size);
}

static void skip_blank(struct leat_span *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t')) {
		s->p++;
		s->n--;
	}
}

/* ---- entity tags ----------------------------------------------------------------------------- */

/* RFC 9110 8.8.3: entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE. Takes one off the list. */
static bool take_etag(struct leat_span *s, bool *weak, struct leat_span *tag)
{
	const uint8_t *end;

	*weak = s->n >= 2 && s->p[0] == 'W' && s->p[1] == '/';
	if (*weak) {
		s->p += 2;
		s->n -= 2;
	}
	if (s->n < 2 || s->p[0] != '"' || (end = memchr(s->p + 1, '"', s->n - 1)) == NULL)
		return false;
	*tag = (struct leat_span){ s->p, (size_t)(end - s->p) + 1 };
	s->p += tag->n;
	s->n -= tag->n;
	return true;
}

/* Is ours among a list of tags, or is the list "*"? Strong comparison lets no weak tag match. */
static bool tags_match(struct leat_span list, const struct http_meta *m, bool strong)
{
	char ours[HTTP_ETAG_MAX];
	size_t n;

	http_etag(m, ours);
	n = strlen(ours);
	if (list.n == 1 && list.p[0] == '*')
		return true;
	for (;;) {
		struct leat_span tag;
		bool weak;

		while (list.n > 0 && (list.p[0] == ',' || list.p[0] == ' ' || list.p[0] == '\t')) {
			list.p++;
			list.n--;
		}
		if (list.n == 0 || !take_etag(&list, &weak, &tag))
			return false;
		if (tag.n == n && memcmp(tag.p, ours, n) == 0 && !(weak && strong))
			return true;
	}
}

/* All lines of one field are one list. *there: there was at least one. */
static bool field_tags_match(const struct http_req *r, const char *name, const struct http_meta *m,
	bool strong, bool *there)
{
	struct leat_span v;
	size_t at = 0;
	bool match = false;

	*there = false;
	while (http_field(r, name, &at, &v)) {
		*there = true;
		match |= tags_match(v, m, strong);
	}
	return match;
}

/* ---- preconditions --------------------------------------------------------------------------- */

/* A field that may stand only once; several are as good as none. */
static bool single(const struct http_req *r, const char *name, struct leat_span *v)
{
	struct leat_span more;
	size_t at = 0;

	return http_field(r, name, &at, v) && !http_field(r, name, &at, &more);
}

static bool single_date(const struct http_req *r, const char *name, int64_t now_s, int64_t *date)
{
	struct leat_span v;

	return single(r, name, &v) && http_date_parse(v, now_s, date);
}

/* RFC 9110 13.2.2, steps 1 to 4. Returns 0 (go on), 304 or 412. */
static unsigned preconditions(const struct http_req *r, const struct http_meta *m, int64_t now_s)
{
	int64_t date;
	bool there, match;

	match = field_tags_match(r, "if-match", m, true, &there);
	if (there && !match)
		return 412;
	if (!there && single_date(r, "if-unmodified-since", now_s, &date) && m->mtime_s > date)
		return 412;
	match = field_tags_match(r, "if-none-match", m, false, &there);
	if (there)
		return match ? 304 : 0; /* GET and HEAD only come here */
	if (single_date(r, "if-modified-since", now_s, &date) && m->mtime_s <= date)
		return 304;
	return 0;
}

/* RFC 9110 13.1.5: a strong tag, or a date that equals Last-Modified exactly. */
static bool if_range_holds(const struct http_req *r, const struct http_meta *m, int64_t now_s)
{
	struct leat_span v, none;
	size_t at = 0;
	int64_t date;

	if (!http_field(r, "if-range", &at, &none))
		return true;
	if (!single(r, "if-range", &v))
		return false;
	if (v.n > 0 && (v.p[0] == '"' || v.p[0] == 'W'))
		return tags_match(v, m, true);
	/* 8.8.2.2: a date is a strong validator only when it is old enough that a second change
	 * within its second would have been seen: it must be a second in the past. */
	return http_date_parse(v, now_s, &date) && date == m->mtime_s && date < now_s;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* Digits; saturates: a position past every file is as good as a larger one. */
static bool take_number(struct leat_span *s, uint64_t *out)
{
	uint64_t v = 0;
	bool any = false;

	while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
		unsigned d = (unsigned)(s->p[0] - '0');

		v = v > (UINT64_MAX - d) / 10 ? UINT64_MAX : v * 10 + d;
		any = true;
		s->p++;
		s->n--;
	}
	*out = v;
	return any;
}

/* One range-spec (RFC 9110 14.1.1). false: malformed. *fits: it names at least one byte. */
static bool take_range(struct leat_span *s, uint64_t size, struct http_range *out, bool *fits)
{
	uint64_t first, last;

	if (s->n > 0 && s->p[0] == '-') { /* suffix-range */
		s->p++;
		s->n--;
		if (!take_number(s, &last))
			return false;
		if (last > size)
			last = size;
		*fits = last > 0;
		*out = (struct http_range){ size - last, last };
		return true;
	}
	if (!take_number(s, &first) || s->n == 0 || s->p[0] != '-')
		return false;
	s->p++;
	s->n--;
	if (!take_number(s, &last))
		last = UINT64_MAX;
	if (last < first)
		return false;
	*fits = first < size;
	if (*fits)
		*out = (struct http_range){ first, (last < size ? last + 1 : size) - first };
	return true;
}

/* Reads "bytes=..." into plan. false: ignore the field. */
static bool take_ranges(struct leat_span s, uint64_t size, struct http_plan *plan)
{
	uint64_t total = 0;
	unsigned seen = 0;

	if (s.n < 6 || strncasecmp((const char *)s.p, "bytes=", 6) != 0)
		return false;
	s.p += 6;
	s.n -= 6;
	for (;;) {
		struct http_range one;
		bool fits;

		skip_blank(&s);
		if (s.n > 0 && s.p[0] == ',') { /* empty list elements are legal */
			s.p++;
			s.n--;
			continue;
		}
		if (s.n == 0)
			break;
		if (++seen > HTTP_MAX_RANGES || !take_range(&s, size, &one, &fits))
			return false;
		skip_blank(&s);
		if (s.n > 0 && s.p[0] != ',')
			return false;
		if (fits) {
			plan->r[plan->num++] = one;
			total += one.len; /* at most 16 times a file's size */
		}
	}
	/* RFC 9110 14.2: many small or overlapping ranges may be an attack; ranges that add up to
	 * more than the file are cheaper for everybody as the file. */
	return seen > 0 && (plan->num < 2 || total <= size);
}

void http_plan(
	const struct http_req *r, const struct http_meta *m, int64_t now_s, struct http_plan *out)
{
	struct leat_span range;

	*out = (struct http_plan){ .status = preconditions(r, m, now_s) };
	if (out->status != 0)
		return;
	out->status = 200;
	/* 14.2: Range is for GET only. */
	if (r->method != HTTP_GET || !single(r, "range", &range) || !if_range_holds(r, m, now_s))
		return;
	if (!take_ranges(range, m->size, out)) {
		out->num = 0;
		return;
	}
	out->status = out->num > 0 ? 206 : 416;
}

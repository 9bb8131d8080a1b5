/* SPDX-License-Identifier: Apache-2.0
 *
 * http_date.c - dates of HTTP header fields, RFC 9110 5.6.7. Own calendar arithmetic: the C library's
 * answers depend on locale and time zone.
 */
#include <stdio.h>
#include <string.h>

#include "tool/http.h"

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };

struct civil {
	int64_t year;
	unsigned month, day; /* from 1 */
	unsigned hour, min, sec;
};

/* Days from 1970-01-01 of a date of the proleptic Gregorian calendar. Years are counted from March, so
 * that the leap day is the last one; 400 years are 146097 days. */
static int64_t to_days(const struct civil *c)
{
	int64_t y = c->year - (c->month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * ((int64_t)c->month + (c->month > 2 ? -3 : 9)) + 2) / 5 + c->day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void from_days(int64_t z, struct civil *c)
{
	int64_t era, doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	c->day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	c->month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	c->year = yoe + era * 400 + (c->month <= 2);
}

#define YEAR_0    (-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_9999 253402300799   /* 9999-12-31T23:59:59Z */

void http_date_print(int64_t t, char out[HTTP_DATE_LEN + 1])
{
	struct civil c;
	int64_t day, sec;

	if (t < YEAR_0)
		t = YEAR_0;
	if (t > YEAR_9999)
		t = YEAR_9999;
	day = (t >= 0 ? t : t - 86399) / 86400;
	sec = t - day * 86400;
	from_days(day, &c);
	/* 1970-01-01 was a Thursday. The moduli tell the compiler that everything fits. */
	snprintf(out, HTTP_DATE_LEN + 1, "%s, %02u %s %04u %02u:%02u:%02u GMT",
		days[((day + 4) % 7 + 7) % 7], c.day % 100, months[(c.month - 1) % 12],
		(unsigned)c.year % 10000, (unsigned)(sec / 3600) % 24, (unsigned)(sec / 60) % 60,
		(unsigned)sec % 60);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct scan {
	const uint8_t *p, *end;
	bool bad;
};

static void literal(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if (s->bad || (size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		s->bad = true;
	else
		s->p += n;
}

static unsigned number(struct scan *s, unsigned digits, unsigned max)
{
	unsigned v = 0;

	if (s->bad || s->end - s->p < (ptrdiff_t)digits) {
		s->bad = true;
		return 0;
	}
	for (; digits > 0; digits--, s->p++) {
		if (*s->p < '0' || *s->p > '9')
			s->bad = true;
		v = v * 10 + (unsigned)(*s->p - '0');
	}
	if (v > max)
		s->bad = true;
	return s->bad ? 0 : v;
}

static unsigned month(struct scan *s)
{
	for (unsigned i = 0; !s->bad && i < 12; i++) {
		if (s->end - s->p >= 3 && memcmp(s->p, months[i], 3) == 0) {
			s->p += 3;
			return i + 1;
		}
	}
	s->bad = true;
	return 0;
}

/* The weekday is read over, not checked: it says nothing the date does not. */
static void weekday(struct scan *s, bool whole)
{
	static const char *const rest[7] = { "day", "day", "sday", "nesday", "rsday", "day",
		"urday" };

	for (unsigned i = 0; i < 7; i++) {
		if (s->end - s->p >= 3 && memcmp(s->p, days[i], 3) == 0) {
			s->p += 3;
			if (whole)
				literal(s, rest[i]);
			return;
		}
	}
	s->bad = true;
}

static void clock_time(struct scan *s, struct civil *c)
{
	c->hour = number(s, 2, 23);
	literal(s, ":");
	c->min = number(s, 2, 59);
	literal(s, ":");
	c->sec = number(s, 2, 60); /* a leap second is allowed */
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static void imf(struct scan *s, struct civil *c)
{
	weekday(s, false);
	literal(s, ", ");
	c->day = number(s, 2, 31);
	literal(s, " ");
	c->month = month(s);
	literal(s, " ");
	c->year = number(s, 4, 9999);
	literal(s, " ");
	clock_time(s, c);
	literal(s, " GMT");
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static void rfc850(struct scan *s, struct civil *c, int64_t now_s)
{
	struct civil now;

	weekday(s, true);
	literal(s, ", ");
	c->day = number(s, 2, 31);
	literal(s, "-");
	c->month = month(s);
	literal(s, "-");
	c->year = number(s, 2, 99);
	literal(s, " ");
	clock_time(s, c);
	literal(s, " GMT");
	/* "MUST interpret a timestamp that appears to be more than 50 years in the future as
	 * representing the most recent year in the past that had the same last two digits" */
	from_days(now_s / 86400, &now);
	c->year += now.year / 100 * 100;
	if (c->year > now.year + 50)
		c->year -= 100;
}

/* Sun Nov  6 08:49:37 1994 */
static void asctime_form(struct scan *s, struct civil *c)
{
	weekday(s, false);
	literal(s, " ");
	c->month = month(s);
	literal(s, " ");
	if (s->p < s->end && *s->p == ' ') {
		s->p++;
		c->day = number(s, 1, 9);
	} else {
		c->day = number(s, 2, 31);
	}
	literal(s, " ");
	clock_time(s, c);
	literal(s, " ");
	c->year = number(s, 4, 9999);
}

bool http_date_parse(struct leat_span text, int64_t now_s, int64_t *unix_s)
{
	struct scan s = { text.p, text.p + text.n, text.n < 8 };
	struct civil c = { 0 }, same;
	int64_t day;

	if (s.bad)
		return false;
	if (text.p[3] == ',')
		imf(&s, &c);
	else if (text.p[3] == ' ')
		asctime_form(&s, &c);
	else
		rfc850(&s, &c, now_s);
	if (s.bad || s.p != s.end || c.day == 0)
		return false;
	day = to_days(&c);
	from_days(day, &same);
	if (same.day != c.day || same.month != c.month)
		return false; /* 31 February */
	*unix_s = day * 86400 + (int64_t)c.hour * 3600 + (int64_t)c.min * 60 + c.sec;
	return true;
}

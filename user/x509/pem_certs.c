/* SPDX-License-Identifier: Apache-2.0
 *
 * pem_certs.c - a bundle of certificates out of PEM text, fast: libcrypto's reader allocates for each
 * block and takes half a millisecond for the bundle of a distribution. Only the form every tool writes
 * is read here (RFC 7468 3, strict: lines of 64 but the last); for any other the answer is false and
 * pem.c reads the text again.
 */
#include "x509/pem.h"

#include <string.h>

#define BEGIN  "-----BEGIN "
#define HEAD   "-----BEGIN CERTIFICATE-----"
#define TAIL   "-----END CERTIFICATE-----"
#define LIT(s) (s), sizeof(s) - 1

/* 64: no character of base64 */
static uint8_t value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

static void fill(uint8_t table[256])
{
	for (unsigned i = 0; i < 256; i++)
		table[i] = value_of((uint8_t)i);
}

static bool eat(struct leat_span *t, const char *lit, size_t n)
{
	if (t->n < n || memcmp(t->p, lit, n) != 0)
		return false;
	t->p += n;
	t->n -= n;
	return true;
}

static bool eat_newline(struct leat_span *t)
{
	return eat(t, "\n", 1) || eat(t, "\r\n", 2);
}

/* One line of base64: n characters, a multiple of four. Padding only where it may be the last. */
static bool line(const uint8_t table[256], const uint8_t *p, size_t n, uint8_t **out)
{
	uint8_t *o = *out, a, b, c, d;

	for (; n >= 4; n -= 4, p += 4) {
		a = table[p[0]];
		b = table[p[1]];
		c = table[p[2]];
		d = table[p[3]];
		if ((a | b | c | d) & 64) {
			/* "xx==" or "xxx=" */
			if (n != 4 || p[3] != '=' || ((a | b) & 64) || ((c & 64) && p[2] != '='))
				return false;
			*o++ = (uint8_t)(a << 2 | b >> 4);
			if (p[2] != '=')
				*o++ = (uint8_t)(b << 4 | c >> 2);
			*out = o;
			return true;
		}
		*o++ = (uint8_t)(a << 2 | b >> 4);
		*o++ = (uint8_t)(b << 4 | c >> 2);
		*o++ = (uint8_t)(c << 6 | d);
	}
	*out = o;
	return n == 0;
}

/* The lines of one block up to and with its end line; t stands behind the head line. */
static bool block(const uint8_t table[256], struct leat_span *t, uint8_t **out)
{
	const uint8_t *end;
	bool last = false;
	size_t n;

	for (;;) {
		if (eat(t, LIT(TAIL)))
			return t->n == 0 || eat_newline(t);
		end = memchr(t->p, '\n', t->n < 66 ? t->n : 66);
		if (!end || last)
			return false;
		n = (size_t)(end - t->p);
		if (n > 0 && end[-1] == '\r')
			n--;
		last = n != 64 || t->p[n - 1] == '=';
		if (n == 0 || !line(table, t->p, n, out))
			return false;
		t->n -= (size_t)(end + 1 - t->p);
		t->p = end + 1;
	}
}

bool pem_certs(
	struct leat_span text, uint8_t *room, struct leat_span *list, size_t max, size_t *num)
{
	struct leat_span t = text;
	const uint8_t *at;
	uint8_t table[256], *out = room;

	fill(table);
	*num = 0;
	while (t.n > 0 && (at = memmem(t.p, t.n, LIT(BEGIN))) != NULL) {
		if (at != text.p && at[-1] != '\n')
			return false;
		t.n -= (size_t)(at - t.p);
		t.p = at;
		if (*num == max || !eat(&t, LIT(HEAD)) || !eat_newline(&t))
			return false;
		list[*num].p = out;
		if (!block(table, &t, &out))
			return false;
		list[*num].n = (size_t)(out - list[*num].p);
		++*num;
	}
	return true;
}

size_t pem_certs_max(struct leat_span text)
{
	size_t n = 0;
	const uint8_t *at;

	while (text.n > 0 && (at = memmem(text.p, text.n, LIT(BEGIN))) != NULL) {
		n++;
		text.n -= (size_t)(at + 1 - text.p);
		text.p = at + 1;
	}
	return n;
}

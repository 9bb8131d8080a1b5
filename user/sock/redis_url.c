/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_url.c - see redis_url.h. A URL is cut first ('?', '/', '@', ':' as they stand), and percent signs
 * are resolved in the pieces afterwards, so that a password may hold any of these characters.
 */
#include "sock/redis_url.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"

enum place { AT_HOST, AT_HOST_TLS, AT_SOCKET };

static const struct scheme {
	const char *text;
	enum place place;
} schemes[] = {
	{ "redis://", AT_HOST },
	{ "rediss://", AT_HOST_TLS },
	{ "redis+unix://", AT_SOCKET },
};

static const struct scheme *scheme_of(const char *text)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(text, schemes[i].text, strlen(schemes[i].text)) == 0)
			return &schemes[i];
	return NULL;
}

bool redis_url_is(const char *text)
{
	return scheme_of(text) != NULL;
}

void redis_url_clear(struct redis_url *u)
{
	leat_wipe(u, sizeof(*u));
}

/* A piece of the text. */
struct piece {
	const char *p, *end;
};

/* What stands before the first c goes to *head, and *rest begins behind c. false: there is no c; *head is all. */
static bool cut(struct piece *rest, char c, struct piece *head)
{
	const char *at = memchr(rest->p, c, (size_t)(rest->end - rest->p));

	*head = (struct piece){ rest->p, at ? at : rest->end };
	rest->p = at ? at + 1 : rest->end;
	return at != NULL;
}

static bool is_word(struct piece s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s.end - s.p) == n && memcmp(s.p, word, n) == 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte at *p, which moves past it; -1: a percent sign without its two digits. */
static int byte_at(const char **p, const char *end)
{
	int high, low;

	if (**p != '%')
		return (unsigned char)*(*p)++;
	if (end - *p < 3)
		return -1;
	high = digit((*p)[1]);
	low = digit((*p)[2]);
	*p += 3;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* false: longer than cap allows with a NUL behind it, a NUL in it, or a bad percent sign. */
static bool copy(struct piece s, char *out, size_t cap)
{
	size_t n = 0;

	while (s.p < s.end) {
		int c = byte_at(&s.p, s.end);

		if (c <= 0 || n + 1 >= cap)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

static bool number(struct piece s, unsigned min, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (s.p == s.end || s.end - s.p > 5)
		return false;
	for (; s.p < s.end; s.p++) {
		if (*s.p < '0' || *s.p > '9')
			return false;
		v = v * 10 + (unsigned)(*s.p - '0');
	}
	*out = v;
	return v >= min && v <= max;
}

/* All of these return NULL, or what is wrong. */

/* [[USER]:PASSWORD@]: the last '@' counts, since nothing behind it may have one. */
static const char *read_user(struct piece *authority, struct redis_url *u)
{
	const char *at = memrchr(authority->p, '@', (size_t)(authority->end - authority->p));
	struct piece both, user;

	if (!at)
		return NULL;
	both = (struct piece){ authority->p, at };
	authority->p = at + 1;
	if (!cut(&both, ':', &user) || both.p == both.end)
		return "redis: before @ stands USER:PASSWORD or :PASSWORD";
	if (!copy(user, u->user, sizeof(u->user)) || !copy(both, u->password, sizeof(u->password)))
		return "redis: user or password are too long or have a wrong percent sign";
	return NULL;
}

static const char *read_host(struct piece at, struct redis_url *u)
{
	struct piece host;
	unsigned port = REDIS_PORT;
	bool has_port;

	if (at.p < at.end && *at.p == '[') {
		at.p++;
		if (!cut(&at, ']', &host) || (at.p < at.end && *at.p != ':'))
			return "redis: an address in brackets does not end";
		has_port = at.p < at.end;
		at.p += has_port;
	} else {
		has_port = cut(&at, ':', &host);
	}
	if (host.p == host.end || !copy(host, u->host, sizeof(u->host)))
		return "redis: no host, or one that is too long";
	if (has_port && !number(at, 1, UINT16_MAX, &port))
		return "redis: the port is not 1 to 65535";
	u->port = (uint16_t)port;
	return NULL;
}

static const char *read_place(struct piece rest, enum place place, struct redis_url *u)
{
	struct piece authority;
	const char *slash = memchr(rest.p, '/', (size_t)(rest.end - rest.p));
	const char *wrong;

	authority = (struct piece){ rest.p, slash ? slash : rest.end };
	rest.p = authority.end;
	wrong = read_user(&authority, u);
	if (wrong)
		return wrong;
	if (place == AT_SOCKET) {
		if (authority.p != authority.end || rest.p == rest.end)
			return "redis+unix: an absolute path follows";
		return copy(rest, u->socket, sizeof(u->socket))
			       ? NULL
			       : "redis+unix: the path is too long";
	}
	if (rest.end - rest.p > 1) {
		rest.p++;
		if (!number(rest, 0, REDIS_DB_MAX, &u->db))
			return "redis: behind / stands the number of a database";
	}
	return read_host(authority, u);
}

static const char *read_setting(
	struct piece name, struct piece value, enum place place, struct redis_url *u)
{
	const struct {
		const char *name;
		char *to;
	} files[] = {
		{ "cacertfile", u->cacertfile },
		{ "certfile", u->certfile },
		{ "keyfile", u->keyfile },
	};

	if (is_word(name, "timeout_ms"))
		return number(value, 1, REDIS_WAIT_MAX, &u->timeout_ms)
			       ? NULL
			       : "redis: timeout_ms is not 1 to 10000";
	if (place == AT_SOCKET && is_word(name, "db"))
		return number(value, 0, REDIS_DB_MAX, &u->db)
			       ? NULL
			       : "redis: db is not the number of a database";
	for (size_t i = 0; place == AT_HOST_TLS && i < sizeof(files) / sizeof(files[0]); i++)
		if (is_word(name, files[i].name))
			return value.p != value.end && copy(value, files[i].to, REDIS_PATH_MAX)
				       ? NULL
				       : "redis: the path of a file is empty or too long";
	return "redis: behind ? stands timeout_ms; with rediss cacertfile, certfile, keyfile; with "
	       "redis+unix db";
}

static const char *read_settings(struct piece query, enum place place, struct redis_url *u)
{
	while (query.p < query.end) {
		struct piece one, name;
		const char *wrong;

		(void)cut(&query, '&', &one);
		(void)cut(&one, '=', &name);
		wrong = read_setting(name, one, place, u);
		if (wrong)
			return wrong;
	}
	return u->keyfile[0] && !u->certfile[0] ? "redis: a keyfile without a certfile" : NULL;
}

enum leat_ret redis_url_parse(struct redis_url *out, const char *text, struct leat_err *err)
{
	const struct scheme *scheme = scheme_of(text);
	struct piece rest, place;
	const char *wrong;

	*out = (struct redis_url){ .timeout_ms = REDIS_WAIT_MS };
	if (!scheme) {
		wrong = "not redis://, rediss:// or redis+unix://";
	} else {
		out->is_tls = scheme->place == AT_HOST_TLS;
		rest.p = text + strlen(scheme->text);
		rest.end = text + strlen(text);
		(void)cut(&rest, '?', &place);
		wrong = read_place(place, scheme->place, out);
		if (!wrong)
			wrong = read_settings(rest, scheme->place, out);
	}
	if (!wrong)
		return LEAT_OK;
	redis_url_clear(out);
	return err_option(err, "session_store", NULL, wrong);
}

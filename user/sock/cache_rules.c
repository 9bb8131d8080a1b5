/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_rules.c - which sessions a cache calls alive, the same, and fit to be offered; and their keys. What a
 * session must be to be resumed is judged again where it is used (hs/psk_client.c, hs/v12_resume_client.c,
 * hs/lookup.c): here the right one of several is found.
 */
#include <string.h>

#include "config/config.h"
#include "crypto/digest.h"
#include "hs/choose.h"
#include "sock/session_cache.h"

bool session_cache_key_copy(struct session_cache_key *out, const struct leat_cache_key *key)
{
	if (key->partial.n == 0 || key->partial.n > LEAT_CACHE_PARTIAL_MAX || key->id.n == 0 ||
		key->id.n > LEAT_CACHE_ID_MAX)
		return false;
	out->partial_n = key->partial.n;
	out->id_n = key->id.n;
	memcpy(out->b, key->partial.p, key->partial.n);
	memcpy(out->b + key->partial.n, key->id.p, key->id.n);
	return true;
}

/* A fully qualified name may end with a dot. */
static size_t host_len(const char *host)
{
	size_t n = host ? strlen(host) : 0;

	return n > 1 && host[n - 1] == '.' ? n - 1 : n;
}

bool session_cache_partial_client(struct session_cache_key *out, const char *host, uint16_t port)
{
	size_t n = host_len(host);

	if (n == 0 || n + 3 > LEAT_CACHE_PARTIAL_MAX)
		return false;
	memcpy(out->b, host, n);
	out->b[n] = 0;
	out->b[n + 1] = (uint8_t)(port >> 8);
	out->b[n + 2] = (uint8_t)port;
	out->partial_n = n + 3;
	out->id_n = 0;
	return true;
}

void session_cache_key_id(struct session_cache_key *out, const struct session_data *d)
{
	uint8_t *id = out->b + out->partial_n;

	if (d->id.n) { /* at most LIM_SESSION_ID */
		memcpy(id, d->id.p, d->id.n);
		out->id_n = d->id.n;
		return;
	}
	digest_once(HASH_SHA256, d->ticket, id);
	out->id_n = 32;
}

enum leat_ret leat_session_cache_key(struct leat_cache_key *out, uint8_t *buf,
	const struct leat_session *s, const char *host, uint16_t port)
{
	struct session_cache_key key;

	*out = (struct leat_cache_key){ 0 };
	if (!session_cache_partial_client(&key, host, port))
		return LEAT_FAILED;
	session_cache_key_id(&key, session_data(s));
	memcpy(buf, key.b, key.partial_n + key.id_n);
	out->partial = (struct leat_span){ buf, key.partial_n };
	out->id = (struct leat_span){ buf + key.partial_n, key.id_n };
	return LEAT_OK;
}

bool session_cache_is_valid(const struct leat_session *s, int64_t now_s, uint32_t life_s)
{
	const struct session_data *d = session_data(s);

	return !d->ended && now_s - session_born(s) < life_s &&
	       now_s - session_born(s) < session_expires(d) - d->issued_s;
}

static bool same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* bind stands for our certificates and the verification settings. */
bool session_cache_is_equivalent(const struct session_data *a, const struct session_data *b)
{
	return a->version == b->version && a->suite == b->suite && a->ems == b->ems &&
	       a->max_fragment == b->max_fragment && same(a->peer, b->peer) &&
	       same(a->bind, b->bind) && same(a->host, b->host) && same(a->alpn, b->alpn);
}

/* RFC 8446 4.6.1: a PSK is bound to a hash, not to a suite. */
static bool has_suite(const struct leat_config *cfg, const struct suite *suite)
{
	if (suite->version == LEAT_TLS12)
		return choose_has_suite(cfg, suite);
	for (unsigned i = 0; i < cfg->suites.n; i++)
		if (cfg->suites.v[i]->version == LEAT_TLS13 &&
			cfg->suites.v[i]->hash == suite->hash)
			return true;
	return false;
}

bool session_cache_is_offerable(
	const struct leat_config *cfg, const struct session_data *d, const char *host)
{
	const struct leat_span name = { (const uint8_t *)host, host_len(host) };

	return !d->ended && d->version >= cfg->min_version && d->version <= cfg->max_version &&
	       (d->version == LEAT_TLS13 || d->ems) && has_suite(cfg, d->suite) &&
	       same(d->host, name) &&
	       same(d->bind, (struct leat_span){ cfg->bind, sizeof(cfg->bind) }) &&
	       (d->alpn.n == 0 || choose_alpn_ours(cfg, d->alpn).n);
}

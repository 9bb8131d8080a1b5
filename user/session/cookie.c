/* SPDX-License-Identifier: Apache-2.0
 *
 * cookie.c - see cookie.h. Called by the server when it asks for a second ClientHello, and when one comes.
 */
#include "session/cookie.h"

#include <string.h>

#include "base/rd.h"
#include "base/secret.h"
#include "crypto/hkdf.h"

#define FORMAT  1
#define MAC_LEN 32

/* A key of its own: what is true of a ticket must say nothing about a cookie. */
static void mac_of(const struct ticket_key *key, struct leat_span covered, uint8_t out[MAC_LEN])
{
	static const char use[] = "leat hello retry cookie";
	LEAT_SCOPED(leat_secret_clear) struct leat_secret prk = { 0 }, own = { .n = MAC_LEN };

	leat_secret_set(&prk, key->key, sizeof(key->key));
	hkdf_expand(HASH_SHA256, &prk, (struct leat_span){ (const uint8_t *)use, sizeof(use) },
		own.b, own.n);
	hmac_once(HASH_SHA256, leat_secret_span(&own), covered, out);
}

enum leat_ret cookie_seal(struct leat_ticket_keys *k, const struct leat_env *env,
	const struct cookie *c, struct leat_wr *out)
{
	LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };
	size_t start = out->n;
	uint8_t mac[MAC_LEN];
	enum leat_ret r = ticket_keys_sealing(k, env, &key);

	if (r != LEAT_OK)
		return r;
	leat_wr_bytes(out, key.name, sizeof(key.name));
	leat_wr_u8(out, FORMAT);
	leat_wr_u64(out, (uint64_t)c->made_s);
	leat_wr_u16(out, c->suite);
	leat_wr_u16(out, c->group);
	leat_wr_vec(out, 1, (struct leat_span){ c->hash, c->hash_n });
	leat_wr_bytes(out, c->unchanged, sizeof(c->unchanged));
	if (!leat_wr_ok(out))
		return LEAT_OK; /* the writer's owner looks */
	mac_of(&key, (struct leat_span){ out->p + start, out->n - start }, mac);
	leat_wr_bytes(out, mac, sizeof(mac));
	return LEAT_OK;
}

static bool read_cookie(struct leat_span bytes, struct cookie *c)
{
	struct leat_rd in = leat_rd_of(bytes);
	struct leat_span hash, unchanged;
	uint64_t made;
	uint8_t format;

	(void)leat_rd_bytes(&in, TICKET_NAME_LEN);
	leat_rd_u8(&in, &format);
	leat_rd_u64(&in, &made);
	leat_rd_u16(&in, &c->suite);
	leat_rd_u16(&in, &c->group);
	hash = leat_rd_opaque8(&in, 32, 48);
	unchanged = leat_rd_bytes(&in, sizeof(c->unchanged));
	if (!leat_rd_end(&in) || format != FORMAT || made > INT64_MAX)
		return false;
	c->made_s = (int64_t)made;
	c->hash_n = (uint8_t)hash.n;
	memcpy(c->hash, hash.p, hash.n);
	memcpy(c->unchanged, unchanged.p, unchanged.n);
	return true;
}

bool cookie_open(struct leat_ticket_keys *k, const struct leat_env *env, struct leat_span bytes,
	struct cookie *out)
{
	LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };
	int64_t now = env->now_s(env->arg);
	uint8_t mac[MAC_LEN];
	bool newest;

	*out = (struct cookie){ 0 };
	if (bytes.n <= TICKET_NAME_LEN + MAC_LEN ||
		!ticket_keys_find(k, bytes.p, now, &key, &newest))
		return false;
	bytes.n -= MAC_LEN;
	mac_of(&key, bytes, mac);
	if (leat_ct_equal(mac, bytes.p + bytes.n, MAC_LEN) && read_cookie(bytes, out) &&
		out->made_s <= now && now - out->made_s <= COOKIE_LIFE_S)
		return true;
	*out = (struct cookie){ 0 };
	return false;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_cookie.c: any bytes as the cookie of a second ClientHello. First byte even: as a client sends it. Odd:
 * under a MAC of the server's own, so that the fuzzer gets to what is inside.
 */
#include <string.h>

#include "base/secret.h"
#include "crypto/hkdf.h"
#include "session/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int64_t now_s(void *arg)
{
	(void)arg;
	return 1700000000;
}

static void dice(void *arg, void *buf, size_t n)
{
	(void)arg;
	memset(buf, 7, n);
}

static const struct leat_env env = { now_s, dice, NULL };

/* As cookie.c does it: a change there makes this target blind, which its floor of coverage shows. */
static void add_mac(const struct ticket_key *key, uint8_t *p, size_t n)
{
	static const char use[] = "leat hello retry cookie";
	struct leat_secret prk = { 0 }, own = { .n = 32 };

	leat_secret_set(&prk, key->key, sizeof(key->key));
	hkdf_expand(HASH_SHA256, &prk, (struct leat_span){ (const uint8_t *)use, sizeof(use) },
		own.b, own.n);
	hmac_once(HASH_SHA256, leat_secret_span(&own), (struct leat_span){ p, n }, p + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct leat_ticket_keys *keys;
	static struct ticket_key key;
	struct leat_err err = { 0 };
	struct cookie c;
	uint8_t b[512 + 32];

	if (!keys && (leat_ticket_keys_new(&keys, 86400, 86400, &err) != LEAT_OK ||
			     ticket_keys_sealing(keys, &env, &key) != LEAT_OK))
		return 0;
	if (n == 0 || n - 1 > 512 - TICKET_NAME_LEN)
		return 0;
	if (!(data[0] & 1)) {
		(void)!cookie_open(keys, &env, (struct leat_span){ data + 1, n - 1 }, &c);
		return 0;
	}
	memcpy(b, key.name, TICKET_NAME_LEN);
	memcpy(b + TICKET_NAME_LEN, data + 1, n - 1);
	add_mac(&key, b, TICKET_NAME_LEN + n - 1);
	if (cookie_open(keys, &env, (struct leat_span){ b, TICKET_NAME_LEN + n - 1 + 32 }, &c) &&
		(c.hash_n < 32 || c.hash_n > 48 || c.made_s > 1700000000))
		__builtin_trap();
	return 0;
}

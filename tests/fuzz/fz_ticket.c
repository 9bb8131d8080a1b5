/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_ticket.c: any bytes as a ticket. First byte even: the ticket as a peer sends it. Odd: sealed under
 * the server's own key first, so that the fuzzer gets past the AEAD and to what is inside.
 */
#include <string.h>

#include "session/ticket.h"
#include "session/ticket_keys.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct leat_ticket_keys *keys;
	static struct crypto *crypto;
	static struct ticket_key key;
	struct leat_err err = { 0 };
	struct ticket_plain plain = { 0 };
	uint8_t sealed[TICKET_MAX];
	struct session_data d;
	struct aead a = { 0 };
	bool renew;

	if (!keys && (crypto_new(&crypto, &err) != LEAT_OK ||
			     leat_ticket_keys_new(&keys, 86400, 86400, &err) != LEAT_OK ||
			     ticket_keys_sealing(keys, &env, &key) != LEAT_OK))
		return 0;
	if (n == 0 || n - 1 > TICKET_PLAIN_MAX)
		return 0;
	if (!(data[0] & 1)) {
		(void)ticket_open(keys, crypto, &env, (struct leat_span){ data + 1, n - 1 }, &plain,
			&d, &renew);
		return 0;
	}
	memcpy(sealed, key.name, sizeof(key.name));
	memset(sealed + 16, 0, 12);
	if (aead_init(&a, crypto, AEAD_AES_256_GCM, key.key, true, &err) != LEAT_OK ||
		aead_seal(&a, sealed + 16, (struct leat_span){ key.name, 16 }, data + 1, n - 1,
			sealed + 28) != LEAT_OK)
		return 0;
	aead_clear(&a);
	if (ticket_open(keys, crypto, &env, (struct leat_span){ sealed, 28 + n - 1 + 16 }, &plain,
		    &d, &renew) &&
		(!d.suite || d.secret.n == 0 || d.ticket.n))
		__builtin_trap();
	ticket_plain_clear(&plain);
	return 0;
}

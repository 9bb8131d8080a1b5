/* SPDX-License-Identifier: Apache-2.0
 *
 * sched12.c - the key schedule of TLS 1.2 for AEAD suites (no MAC keys in the key block).
 */
#include "sched/sched12.h"

#include <assert.h>
#include <string.h>

#define MASTER_LEN 48
#define RANDOM_LEN 32

static const struct leat_span none = { NULL, 0 };

void sched12_master(enum hash_id h, struct leat_span premaster, bool extended,
	struct leat_span seed, struct leat_secret *master)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret s = { .n = MASTER_LEN };

	assert(seed.n == (extended ? hash_len(h) : 2 * RANDOM_LEN));
	prf12(h, premaster, extended ? "extended master secret" : "master secret", seed, none, s.b,
		s.n);
	*master = s;
}

/* What a GCM or CCM nonce takes from the key block: the salt of RFC 5288 3. ChaCha20: all of it. */
static size_t fixed_iv_len(enum aead_id aead)
{
	return 12 - aead_explicit_len(aead, LEAT_TLS12);
}

struct key_block {
	uint8_t b[2 * (32 + 12)];
};

static void key_block_clear(struct key_block *k)
{
	leat_wipe(k, sizeof(*k));
}

static const uint8_t *cut(uint8_t *to, const uint8_t *from, size_t n)
{
	memcpy(to, from, n);
	return from + n;
}

/* RFC 5246 6.3: key_block = PRF(master_secret, "key expansion", server_random + client_random), cut
 * into client key, server key, client IV, server IV (MAC keys are empty with AEAD). */
void sched12_keys(enum hash_id h, enum aead_id aead, const struct leat_secret *master,
	const uint8_t *client_random, const uint8_t *server_random, struct traffic_keys *client,
	struct traffic_keys *server)
{
	LEAT_SCOPED(key_block_clear) struct key_block block;
	size_t key_len = aead_key_len(aead), iv_len = fixed_iv_len(aead);
	const uint8_t *p = block.b;

	prf12(h, leat_secret_span(master), "key expansion",
		(struct leat_span){ server_random, RANDOM_LEN },
		(struct leat_span){ client_random, RANDOM_LEN }, block.b, 2 * (key_len + iv_len));
	traffic_keys_clear(client);
	traffic_keys_clear(server);
	client->aead = server->aead = aead;
	client->version = server->version = LEAT_TLS12;
	p = cut(client->key, p, key_len);
	p = cut(server->key, p, key_len);
	p = cut(client->iv, p, iv_len);
	cut(server->iv, p, iv_len);
}

void sched12_finished(enum hash_id h, const struct leat_secret *master, bool client,
	struct leat_span th, uint8_t out[SCHED12_VERIFY_LEN])
{
	assert(th.n == hash_len(h));
	prf12(h, leat_secret_span(master), client ? "client finished" : "server finished", th, none,
		out, SCHED12_VERIFY_LEN);
}

/* RFC 5705 4: PRF(master_secret, label, client_random + server_random [+ context_value_length +
 * context_value])[length] */
void sched12_export(enum hash_id h, const struct leat_secret *master, const char *label,
	const uint8_t *client_random, const uint8_t *server_random, bool has_context,
	struct leat_span context, uint8_t *out, size_t n)
{
	const uint8_t len[2] = { (uint8_t)(context.n >> 8), (uint8_t)context.n };
	const struct leat_span seed[] = {
		{ (const uint8_t *)label, strlen(label) },
		{ client_random, RANDOM_LEN },
		{ server_random, RANDOM_LEN },
		{ len, sizeof(len) },
		context,
	};

	assert(context.n <= 0xffff);
	prf12_parts(h, leat_secret_span(master), seed, has_context ? 5 : 3, out, n);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto.c - fetches once what the handshake and record layers use again and again.
 */
#include "crypto/crypto_int.h"

#include <assert.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "crypto/ossl_err.h"

static const char *const cipher_names[AEAD_COUNT] = {
	[AEAD_AES_128_GCM] = "AES-128-GCM",
	[AEAD_AES_256_GCM] = "AES-256-GCM",
	[AEAD_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
	[AEAD_AES_128_CCM] = "AES-128-CCM",
	[AEAD_AES_128_CCM_8] = "AES-128-CCM",
};

size_t group_seat(const struct group *g)
{
	size_t i = 0;

	while (group_at(i) && group_at(i) != g)
		i++;
	assert(group_at(i) && i < GROUP_SEATS);
	return i;
}

static EVP_PKEY *group_template(const struct group *g)
{
	return g->kind == GROUP_NIST ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", g->ossl_name)
				     : EVP_PKEY_Q_keygen(NULL, NULL, g->ossl_name);
}

enum leat_ret crypto_new(struct crypto **out, struct leat_err *err)
{
	struct crypto *c = leat_zalloc(sizeof(*c));
	const struct group *g;

	*out = NULL;
	if (!c)
		return err_memory(err);
	atomic_init(&c->refs, 1);
	for (size_t i = 1; i < AEAD_COUNT; i++)
		c->cipher[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
	for (size_t i = 0; (g = group_at(i)); i++)
		c->group[i] = group_template(g);

	/* RFC 8446 9.1: TLS_AES_128_GCM_SHA256 and secp256r1 are the ones that MUST be there. (SHA-256 is
	 * linked in, see digest.c; signatures show up when a key is loaded.) */
	if (!c->cipher[AEAD_AES_128_GCM]) {
		ossl_fail(err, LEAT_HERE, "libcrypto: AES-128-GCM is not available");
		crypto_unref(c);
		return LEAT_FAILED;
	}
	if (!crypto_has_group(c, group_by_id(GROUP_SECP256R1))) {
		ossl_fail(err, LEAT_HERE, "libcrypto: curve P-256 is not available");
		crypto_unref(c);
		return LEAT_FAILED;
	}
	ossl_forget(); /* what is missing beyond that is an answer, not an error */
	*out = c;
	return LEAT_OK;
}

struct crypto *crypto_ref(struct crypto *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void crypto_unref(struct crypto *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < AEAD_COUNT; i++)
		EVP_CIPHER_free(c->cipher[i]);
	for (size_t i = 0; i < GROUP_SEATS; i++)
		EVP_PKEY_free(c->group[i]);
	leat_free(c);
}

bool crypto_has_aead(const struct crypto *c, enum aead_id id)
{
	return (unsigned)id < AEAD_COUNT && c->cipher[id];
}

bool crypto_has_group(const struct crypto *c, const struct group *g)
{
	return g && c->group[group_seat(g)];
}

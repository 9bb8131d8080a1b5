/* SPDX-License-Identifier: Apache-2.0
 *
 * fakekem.c - see fakekem.h. A key is one random byte repeated with a counter, a ciphertext likewise; the
 * secret is SHA-256 of both. Tests only: nothing of this is linked into the library.
 */
#include "fakekem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#define MOST 1568

struct key {
	size_t key_len, wrapped_len;
	bool is_set;
	uint8_t pub[MOST];
};

static void fill(uint8_t *p, size_t n)
{
	RAND_bytes(p, 16);
	p[0] &= 0x7f;
	for (size_t i = 16; i < n; i++)
		p[i] = (uint8_t)(p[i - 16] + i);
}

/* ---- keys ---- */

static void *zeroed(size_t n)
{
	void *p = OPENSSL_zalloc(n);

	if (!p)
		ERR_raise(ERR_LIB_PROV, ERR_R_MALLOC_FAILURE);
	return p;
}

static struct key *make(size_t key_len, size_t wrapped_len)
{
	struct key *k = zeroed(sizeof(*k));

	if (k) {
		k->key_len = key_len;
		k->wrapped_len = wrapped_len;
	}
	return k;
}

static void *new_768(void *prov)
{
	(void)prov;
	return make(1184, 1088);
}

static void *new_1024(void *prov)
{
	(void)prov;
	return make(1568, 1568);
}

static void key_free(void *k)
{
	OPENSSL_free(k);
}

static int key_has(const void *v, int selection)
{
	const struct key *k = v;

	return !(selection & OSSL_KEYMGMT_SELECT_KEYPAIR) || k->is_set;
}

static int key_import(void *v, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	struct key *k = v;

	(void)selection;
	if (!p || p->data_size != k->key_len || ((const uint8_t *)p->data)[0] == FAKEKEM_BAD_KEY) {
		ERR_raise(ERR_LIB_PROV, ERR_R_PASSED_INVALID_ARGUMENT);
		return 0;
	}
	memcpy(k->pub, p->data, k->key_len);
	k->is_set = true;
	return 1;
}

static const OSSL_PARAM *key_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

static int key_get(void *v, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
	struct key *k = v;

	return !p || OSSL_PARAM_set_octet_string(p, k->pub, k->key_len);
}

static const OSSL_PARAM *key_gettable(void *prov)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0), OSSL_PARAM_END
	};

	(void)prov;
	return params;
}

static void *gen_768(void *prov, int selection, const OSSL_PARAM params[])
{
	(void)selection;
	(void)params;
	return new_768(prov);
}

static void *gen_1024(void *prov, int selection, const OSSL_PARAM params[])
{
	(void)selection;
	(void)params;
	return new_1024(prov);
}

/* The context of a generation is a key that has no value yet. */
static void *gen(void *v, OSSL_CALLBACK *cb, void *arg)
{
	const struct key *t = v;
	struct key *k = make(t->key_len, t->wrapped_len);

	(void)cb;
	(void)arg;
	if (k) {
		fill(k->pub, k->key_len);
		k->is_set = true;
	}
	return k;
}

#define FN(id, f)                       \
	{                               \
		id, (void (*)(void))(f) \
	}
#define KEY_FNS(bits)                                                                        \
	FN(OSSL_FUNC_KEYMGMT_NEW, new_##bits), FN(OSSL_FUNC_KEYMGMT_GEN_INIT, gen_##bits),   \
		FN(OSSL_FUNC_KEYMGMT_GEN, gen), FN(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, key_free), \
		FN(OSSL_FUNC_KEYMGMT_FREE, key_free), FN(OSSL_FUNC_KEYMGMT_HAS, key_has),    \
		FN(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                                    \
		FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_types),                               \
		FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get),                                   \
		FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),                         \
	{                                                                                    \
		0, NULL                                                                      \
	}

static const OSSL_DISPATCH keys_768[] = { KEY_FNS(768) };
static const OSSL_DISPATCH keys_1024[] = { KEY_FNS(1024) };

/* ---- encapsulation ---- */

struct kem {
	const struct key *key;
};

static void *kem_new(void *prov)
{
	(void)prov;
	return zeroed(sizeof(struct kem));
}

static void kem_free(void *v)
{
	OPENSSL_free(v);
}

static int kem_init(void *v, void *key, const OSSL_PARAM params[])
{
	(void)params;
	((struct kem *)v)->key = key;
	return 1;
}

static int make_secret(const struct key *k, const uint8_t *wrapped, uint8_t *secret)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	int ok = m && EVP_DigestInit_ex(m, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(m, k->pub, k->key_len) == 1 &&
		 EVP_DigestUpdate(m, wrapped, k->wrapped_len) == 1 &&
		 EVP_DigestFinal_ex(m, secret, NULL) == 1;

	EVP_MD_CTX_free(m);
	return ok;
}

static int encapsulate(void *v, unsigned char *out, size_t *n, unsigned char *secret, size_t *m)
{
	const struct key *k = ((struct kem *)v)->key;

	if (out && (*n < k->wrapped_len || *m < 32))
		return 0;
	*n = k->wrapped_len;
	*m = 32;
	if (!out)
		return 1;
	fill(out, k->wrapped_len);
	return make_secret(k, out, secret);
}

static int decapsulate(void *v, unsigned char *secret, size_t *m, const unsigned char *in, size_t n)
{
	const struct key *k = ((struct kem *)v)->key;

	if (n != k->wrapped_len)
		return 0;
	*m = 32;
	return !secret || make_secret(k, in, secret);
}

static const OSSL_DISPATCH kem_fns[] = { FN(OSSL_FUNC_KEM_NEWCTX, kem_new),
	FN(OSSL_FUNC_KEM_FREECTX, kem_free), FN(OSSL_FUNC_KEM_ENCAPSULATE_INIT, kem_init),
	FN(OSSL_FUNC_KEM_ENCAPSULATE, encapsulate), FN(OSSL_FUNC_KEM_DECAPSULATE_INIT, kem_init),
	FN(OSSL_FUNC_KEM_DECAPSULATE, decapsulate), { 0, NULL } };

/* ---- the provider ---- */

static const OSSL_ALGORITHM *query(void *prov, int op, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = { { "ML-KEM-768", "provider=fakekem", keys_768, NULL },
		{ "ML-KEM-1024", "provider=fakekem", keys_1024, NULL },
		{ NULL, NULL, NULL, NULL } };
	static const OSSL_ALGORITHM kems[] = { { "ML-KEM-768", "provider=fakekem", kem_fns, NULL },
		{ "ML-KEM-1024", "provider=fakekem", kem_fns, NULL }, { NULL, NULL, NULL, NULL } };

	(void)prov;
	*no_cache = 0;
	return op == OSSL_OP_KEYMGMT ? keys : op == OSSL_OP_KEM ? kems : NULL;
}

static const OSSL_DISPATCH provider_fns[] = { FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	{ 0, NULL } };

static int init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	void **prov)
{
	(void)core;
	(void)in;
	*out = provider_fns;
	*prov = (void *)(uintptr_t)core;
	return 1;
}

static OSSL_PROVIDER *fake, *usual;

bool fakekem_load(void)
{
	EVP_KEM *real = EVP_KEM_fetch(NULL, "ML-KEM-768", NULL);

	EVP_KEM_free(real);
	if (real)
		return false;
	/* loading one provider by hand ends the quiet loading of the usual one */
	usual = OSSL_PROVIDER_load(NULL, "default");
	if (OSSL_PROVIDER_add_builtin(NULL, "fakekem", init) == 1)
		fake = OSSL_PROVIDER_load(NULL, "fakekem");
	return fake && usual;
}

void fakekem_unload(void)
{
	OSSL_PROVIDER_unload(fake);
	fake = NULL;
}

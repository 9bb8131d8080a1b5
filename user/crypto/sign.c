/* SPDX-License-Identifier: Apache-2.0
 *
 * sign.c - keys, and handshake signatures by scheme. The hash is computed by digest.c; libcrypto sees
 * digests (RSA, ECDSA) or the whole message (EdDSA, which hashes twice itself).
 *
 * Which scheme a version allows is not decided here: callers ask sigscheme_fits first. Here a scheme
 * must fit the kind of key, whatever the version; an ECDSA scheme takes any of the three curves, as
 * TLS 1.2 needs it.
 */
#include "crypto/sign.h"

#include <stdatomic.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/mem.h"
#include "base/secret.h"
#include "crypto/crypto_int.h"
#include "crypto/ossl_err.h"

/* A context with scheme, padding and hash set, made at the first signature with the scheme and copied
 * for every other: saves libcrypto's look-ups by name, a fifth of a P-256 signature. */
#define SCHEME_SEATS 20

struct key {
	atomic_uint refs;
	enum key_kind kind;
	unsigned bits;
	bool is_private;
	bool hash_ok[HASH_COUNT]; /* KEY_RSA_PSS: hashes the key's own parameters permit */
	EVP_PKEY *pkey;
	const struct group *blank;      /* pkey came from crypto_take_blank; else NULL */
	_Atomic(EVP_PKEY_CTX *) *ready; /* SCHEME_SEATS of them with a private key, else NULL */
	/* One that was used and can be again, its scheme noted in it: taken by exchange with NULL. Saves
	 * the copy of one that is ready, and the set-up where a peer's key is met again (chain cache). */
	_Atomic(EVP_PKEY_CTX *) idle;
};

static void free_md_ctx(EVP_MD_CTX **p)
{
	EVP_MD_CTX_free(*p);
}

/* VER-ecc: keys whose curve is written out as numbers are of no kind TLS can use, even when the
 * numbers are those of a named curve (RFC 8422 5.4: "explicit" forms are deprecated). */
static enum key_kind ec_kind(EVP_PKEY *pkey)
{
	char name[32];
	size_t n;
	int explicit_params = 0;
	const struct group *g;

	if (EVP_PKEY_get_int_param(
		    pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params) == 1 &&
		explicit_params)
		return KEY_NONE;
	if (EVP_PKEY_get_group_name(pkey, name, sizeof(name), &n) != 1)
		return KEY_NONE;
	g = group_by_name(name, n);
	switch (g ? g->id : 0) {
	case GROUP_SECP256R1: return KEY_EC_P256;
	case GROUP_SECP384R1: return KEY_EC_P384;
	case GROUP_SECP521R1: return KEY_EC_P521;
	default: return KEY_NONE;
	}
}

static enum key_kind kind_of(EVP_PKEY *pkey)
{
	if (EVP_PKEY_is_a(pkey, "RSA"))
		return KEY_RSA;
	if (EVP_PKEY_is_a(pkey, "EC"))
		return ec_kind(pkey);
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return KEY_ED25519;
	if (EVP_PKEY_is_a(pkey, "ED448"))
		return KEY_ED448;
	if (EVP_PKEY_is_a(pkey, "RSA-PSS"))
		return KEY_RSA_PSS;
	return KEY_NONE;
}

static void free_idle(struct key *k)
{
	EVP_PKEY_CTX_free(atomic_exchange_explicit(&k->idle, NULL, memory_order_acquire));
}

struct key *key_ref(struct key *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void key_unref(struct key *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; k->ready && i < SCHEME_SEATS; i++)
		EVP_PKEY_CTX_free(atomic_load_explicit(&k->ready[i], memory_order_relaxed));
	leat_free((void *)k->ready);
	free_idle(k);
	EVP_PKEY_free(k->pkey); /* wipes a private key */
	leat_free(k);
}

void key_of_blank(struct key *k, const struct group *g)
{
	k->blank = g;
}

void key_give_back(struct key *k, const struct crypto *c)
{
	if (k && k->blank && atomic_load_explicit(&k->refs, memory_order_acquire) == 1) {
		free_idle(k); /* the next one's value is another */
		crypto_park_blank(c, k->blank, k->pkey);
		k->pkey = NULL;
	}
	key_unref(k);
}

enum key_kind key_kind(const struct key *k)
{
	return k->kind;
}

unsigned key_bits(const struct key *k)
{
	return k->bits;
}

bool key_is_private(const struct key *k)
{
	return k->is_private;
}

void *key_evp_borrow(const struct key *k)
{
	return k->pkey;
}

bool key_matches(const struct key *a, const struct key *b)
{
	bool same = EVP_PKEY_eq(a->pkey, b->pkey) == 1;

	ossl_forget();
	return same;
}

static bool is_eddsa(enum key_kind k)
{
	return k == KEY_ED25519 || k == KEY_ED448;
}

/* Under either version: the looser reading, TLS 1.2's. */
static bool fits(const struct key *k, const struct sigscheme *s)
{
	return sigscheme_fits(s, k->kind, LEAT_TLS12);
}

static bool is_rsa(enum key_kind kind)
{
	return kind == KEY_RSA || kind == KEY_RSA_PSS;
}

static const EVP_MD *evp_md(enum hash_id h)
{
	switch (h) {
	case HASH_SHA256: return EVP_sha256();
	case HASH_SHA384: return EVP_sha384();
	case HASH_SHA512: return EVP_sha512();
	default: return NULL;
	}
}

/* RFC 8446 4.2.3: RSASSA-PSS with "the length of the Salt MUST be equal to the length of the output
 * of the digest algorithm"; MGF1 with the same hash, which is libcrypto's default. */
static bool set_scheme(EVP_PKEY_CTX *ctx, const struct sigscheme *s, enum key_kind kind)
{
	bool rsa = is_rsa(kind);

	if (rsa && EVP_PKEY_CTX_set_rsa_padding(
			   ctx, s->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
		return false;
	if (EVP_PKEY_CTX_set_signature_md(ctx, evp_md(s->hash)) != 1)
		return false;
	return !s->pss ||
	       (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, evp_md(s->hash)) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/* RFC 4055 3.1: an id-RSASSA-PSS key may name its hash, its MGF1 hash and a least salt length. Asking
 * libcrypto to set the scheme up is asking whether they allow it. */
static void learn_restrictions(struct key *k)
{
	const struct sigscheme *s;

	for (size_t i = 0; (s = sigscheme_at(i)); i++) {
		EVP_PKEY_CTX *ctx;

		if (s->key != KEY_RSA_PSS)
			continue;
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
		k->hash_ok[s->hash] = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
				      set_scheme(ctx, s, k->kind);
		EVP_PKEY_CTX_free(ctx);
		ossl_forget();
	}
}

/* RFC 8017 9.1.1: emLen, the modulus less one bit in bytes, must hold hLen + sLen + 2. */
static bool pss_room(const struct key *k, const struct sigscheme *s)
{
	return (k->bits + 6) / 8 >= 2 * hash_len(s->hash) + 2;
}

bool key_fits(const struct key *k, const struct sigscheme *s, unsigned version)
{
	return sigscheme_fits(s, k->kind, version) && (!s->pss || pss_room(k, s)) &&
	       (k->kind != KEY_RSA_PSS || k->hash_ok[s->hash]);
}

struct key *key_wrap(EVP_PKEY *pkey, enum key_kind kind, unsigned bits)
{
	struct key *k = leat_zalloc(sizeof(*k));

	if (!k) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	atomic_init(&k->refs, 1);
	k->pkey = pkey;
	k->kind = kind;
	k->bits = bits;
	return k;
}

enum leat_ret key_take_evp(struct key **out, void *evp_pkey, bool is_private, struct leat_err *err)
{
	EVP_PKEY *pkey = evp_pkey;
	enum key_kind kind;
	struct key *k;
	int bits;

	*out = NULL;
	if (!pkey)
		return err_misuse(err, "key: none given");
	kind = kind_of(pkey);
	bits = EVP_PKEY_get_bits(pkey);
	ossl_forget();
	if ((kind == KEY_RSA || kind == KEY_RSA_PSS) &&
		(bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)) {
		EVP_PKEY_free(pkey);
		err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"key: RSA modulus is outside 1024 to 16384 bits");
		err_detailf(err, "%d bits", bits);
		return LEAT_FAILED;
	}
	k = key_wrap(pkey, kind, bits > 0 ? (unsigned)bits : 0);
	if (!k)
		return err_memory(err);
	k->is_private = is_private;
	if (is_private) {
		k->ready = leat_array(SCHEME_SEATS, sizeof(*k->ready));
		if (!k->ready) {
			key_unref(k);
			return err_memory(err);
		}
	}
	if (kind == KEY_RSA_PSS)
		learn_restrictions(k);
	*out = k;
	return LEAT_OK;
}

static size_t seat(const struct sigscheme *s)
{
	size_t i = 0;

	while (sigscheme_at(i) && sigscheme_at(i) != s)
		i++;
	return i;
}

/* The context that was used last, when it was for the same; NULL: there is none. */
static EVP_PKEY_CTX *take_idle(const struct key *k, const struct sigscheme *s, int op)
{
	EVP_PKEY_CTX *ctx = atomic_exchange_explicit(
		&((struct key *)(uintptr_t)k)->idle, NULL, memory_order_acquire);

	if (!ctx || (EVP_PKEY_CTX_get_app_data(ctx) == s && EVP_PKEY_CTX_get_operation(ctx) == op))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static void park_idle(const struct key *k, const struct sigscheme *s, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX_set_app_data(ctx, (void *)(uintptr_t)s);
	EVP_PKEY_CTX_free(atomic_exchange_explicit(
		&((struct key *)(uintptr_t)k)->idle, ctx, memory_order_acq_rel));
}

/* A context ready to sign with this scheme; the caller owns it. NULL: libcrypto refused. */
static EVP_PKEY_CTX *sign_ctx(const struct key *k, const struct sigscheme *s)
{
	size_t at = seat(s);
	_Atomic(EVP_PKEY_CTX *) *slot = k->ready && at < SCHEME_SEATS ? &k->ready[at] : NULL;
	EVP_PKEY_CTX *ready = slot ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
	EVP_PKEY_CTX *ctx = take_idle(k, s, EVP_PKEY_OP_SIGN), *nobody = NULL;

	if (ctx)
		return ctx;
	if (ready)
		return EVP_PKEY_CTX_dup(ready);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || !set_scheme(ctx, s, k->kind)) {
		EVP_PKEY_CTX_free(ctx);
		return NULL;
	}
	ready = slot ? EVP_PKEY_CTX_dup(ctx) : NULL;
	if (ready && !atomic_compare_exchange_strong_explicit(
			     slot, &nobody, ready, memory_order_release, memory_order_relaxed))
		EVP_PKEY_CTX_free(ready); /* another thread was first */
	return ctx;
}

static bool sign_digest(const struct key *k, const struct sigscheme *s, struct leat_span tbs,
	uint8_t *sig, size_t *n)
{
	EVP_PKEY_CTX *ctx = sign_ctx(k, s);
	uint8_t md[HASH_MAX];

	digest_once(s->hash, tbs, md);
	if (ctx && EVP_PKEY_sign(ctx, sig, n, md, hash_len(s->hash)) == 1) {
		park_idle(k, s, ctx);
		return true;
	}
	EVP_PKEY_CTX_free(ctx);
	return false;
}

static bool sign_eddsa(const struct key *k, struct leat_span tbs, uint8_t *sig, size_t *n)
{
	LEAT_SCOPED(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestSign(ctx, sig, n, tbs.p, tbs.n) == 1;
}

enum leat_ret sign_make(const struct crypto *c, const struct key *k, const struct sigscheme *s,
	struct leat_span tbs, struct leat_wr *sig, struct leat_err *err)
{
	int max = EVP_PKEY_get_size(k->pkey);
	size_t n = max > 0 ? (size_t)max : 0, before = sig->n;
	uint8_t *room;
	bool ok;

	(void)c; /* the contexts are kept with the key */
	if (!fits(k, s))
		return err_misuse(err, "signature: scheme does not fit the key");
	if (!k->is_private)
		return err_misuse(err, "signature: key has no private part");
	room = leat_wr_room(sig, n);
	if (!room)
		return err_memory(err);
	ok = is_eddsa(k->kind) ? sign_eddsa(k, tbs, room, &n) : sign_digest(k, s, tbs, room, &n);
	/* Out of memory while it encodes, libcrypto's ECDSA (3.0) says 1 and a length of UINT_MAX. */
	if (!ok || n > (size_t)max) {
		sig->n = before;
		return OSSL_FAIL(err, "signature: libcrypto cannot make it");
	}
	sig->n = before + n; /* an ECDSA signature may be shorter than its maximum */
	return LEAT_OK;
}

/* A context ready to check with this scheme; the caller owns it. ECDSA takes the digest as it is: naming
 * its hash would cost a look-up by name. NULL: libcrypto refused. */
static EVP_PKEY_CTX *check_ctx(const struct key *k, const struct sigscheme *s)
{
	EVP_PKEY_CTX *ctx = take_idle(k, s, EVP_PKEY_OP_VERIFY);

	if (ctx)
		return ctx;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
		(!is_rsa(k->kind) || set_scheme(ctx, s, k->kind)))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static bool check_digest(
	const struct key *k, const struct sigscheme *s, struct leat_span tbs, struct leat_span sig)
{
	EVP_PKEY_CTX *ctx = check_ctx(k, s);
	uint8_t md[HASH_MAX];

	digest_once(s->hash, tbs, md);
	if (ctx && EVP_PKEY_verify(ctx, sig.p, sig.n, md, hash_len(s->hash)) == 1) {
		park_idle(k, s, ctx);
		return true;
	}
	EVP_PKEY_CTX_free(ctx);
	return false;
}

static bool check_eddsa(const struct key *k, struct leat_span tbs, struct leat_span sig)
{
	LEAT_SCOPED(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestVerify(ctx, sig.p, sig.n, tbs.p, tbs.n) == 1;
}

bool sign_check(const struct crypto *c, const struct key *k, const struct sigscheme *s,
	struct leat_span tbs, struct leat_span sig)
{
	bool ok;

	(void)c;
	if (!fits(k, s) || sig.n == 0)
		return false;
	ok = is_eddsa(k->kind) ? check_eddsa(k, tbs, sig) : check_digest(k, s, tbs, sig);
	ossl_forget();
	return ok;
}

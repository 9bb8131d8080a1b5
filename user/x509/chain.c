/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c - a received chain. Called by hs/ with the spans of a Certificate message. What a peer sends
 * is only looked at here, not judged: that is verify.c. der.c takes the usual certificates apart; the
 * others libcrypto parses, and what neither takes is refused.
 */
#include "x509/chain.h"

#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/cache.h"
#include "x509/chain_int.h"
#include "x509/der.h"
#include "x509/rawkey.h"
#include "x509/san.h"
#include "x509/spki.h"
#include "x509/store_int.h"

struct chain *chain_ref(struct chain *ch)
{
	atomic_fetch_add_explicit(&ch->refs, 1, memory_order_relaxed);
	return ch;
}

void chain_unref(struct chain *ch)
{
	if (!ch || atomic_fetch_sub_explicit(&ch->refs, 1, memory_order_acq_rel) != 1)
		return;
	key_unref(ch->key);
	leat_free(ch);
}

void chain_rest(struct chain *ch, const struct crypto *c)
{
	if (!ch || ch->shared || atomic_load_explicit(&ch->refs, memory_order_acquire) != 1)
		return;
	key_give_back(ch->key, c);
	ch->key = NULL;
}

size_t chain_num(const struct chain *ch)
{
	return ch->num;
}

struct leat_span chain_cert(const struct chain *ch, size_t i)
{
	return i < ch->num ? ch->der[i] : (struct leat_span){ NULL, 0 };
}

const struct key *chain_key(const struct chain *ch)
{
	return ch->key;
}

/* Curves other than these are a kind of key, not damage. */
static bool is_known_kind(const X509 *x)
{
	X509_ALGOR *alg;
	const ASN1_OBJECT *oid;
	const void *param;
	int type, nid;

	if (!X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(x)))
		return false;
	X509_ALGOR_get0(&oid, &type, &param, alg);
	switch (OBJ_obj2nid(oid)) {
	case NID_rsaEncryption:
	case NID_rsassaPss:
	case NID_ED25519:
	case NID_ED448: return true;
	case NID_X9_62_id_ecPublicKey: break;
	default: return false;
	}
	if (type != V_ASN1_OBJECT)
		return false;
	nid = OBJ_obj2nid(param);
	return nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1;
}

/* libcrypto's decoder, for a key that spki.c does not make: its word is the last. */
static enum leat_ret decode_key(struct chain *ch, X509 *leaf, struct leat_err *err)
{
	EVP_PKEY *pkey = X509_get_pubkey(leaf);
	char subject[100];

	ossl_forget();
	if (!pkey && is_known_kind(leaf)) {
		err_alert(err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: broken public key");
	} else if (!pkey) {
		err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"certificate: a key of a kind TLS cannot use");
	} else {
		if (key_take_evp(&ch->key, pkey, false, err) != LEAT_OK)
			return LEAT_FAILED;
		if (key_kind(ch->key) != KEY_NONE)
			return LEAT_OK;
		err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"certificate: a key of a kind TLS cannot use");
	}
	san_name_text(X509_get_subject_name(leaf), subject, sizeof(subject));
	err_detailf(err, "depth 0, subject %s", subject);
	return LEAT_FAILED;
}

/* Certificate i is one: by our own parser, else by libcrypto's. */
static enum leat_ret take_cert(
	struct chain *ch, size_t i, const struct crypto *c, struct leat_err *err)
{
	enum leat_ret ret = LEAT_OK;
	struct der_cert cert;
	bool memory, plain = der_cert(ch->der[i], &cert);
	X509 *x;

	ch->plain = ch->plain && plain;
	if (plain && i == 0)
		ch->key = spki_key(c, &cert);
	if (plain && (i > 0 || ch->key))
		return LEAT_OK;
	x = san_parse_cert(ch->der[i], &memory);
	if (!x && memory)
		return err_memory(err);
	if (!x) {
		err_alert(err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: not an X.509 certificate");
		err_detailf(err, "number %zu of %zu in the chain", i + 1, ch->num);
		return LEAT_FAILED;
	}
	if (i == 0)
		ret = decode_key(ch, x, err);
	X509_free(x);
	return ret;
}

/* Room for spans and bytes, copied: those of the message do not outlive it. */
static struct chain *copy(const struct leat_span *certs, size_t num)
{
	size_t total = sizeof(struct chain) + num * sizeof(struct leat_span);
	struct chain *ch;
	uint8_t *p;

	for (size_t i = 0; i < num; i++)
		if (!leat_add_ok(total, certs[i].n, &total))
			return NULL;
	ch = leat_malloc(total);
	if (!ch)
		return NULL;
	memset(ch, 0, sizeof(*ch));
	atomic_init(&ch->refs, 1);
	ch->plain = true;
	ch->num = num;
	p = (uint8_t *)&ch->der[num];
	for (size_t i = 0; i < num; i++) {
		if (certs[i].n > 0)
			memcpy(p, certs[i].p, certs[i].n);
		ch->der[i] = (struct leat_span){ p, certs[i].n };
		p += certs[i].n;
	}
	return ch;
}

enum leat_ret chain_new(struct chain **out, const struct crypto *c, const struct leat_span *certs,
	size_t num, struct leat_err *err)
{
	struct chain *ch;

	*out = NULL;
	if (num == 0)
		return err_alert(err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: none in the chain");
	if (num > LIM_CHAIN)
		return err_alert(err, LEAT_ALERT_BAD_CERTIFICATE,
			"certificate: chain longer than " LEAT_STR(LIM_CHAIN));
	ch = copy(certs, num);
	if (!ch)
		return err_memory(err);
	/* the leaf last: damage of another one goes before a key of the wrong kind */
	for (size_t i = 1; i <= num; i++)
		if (take_cert(ch, i % num, c, err) != LEAT_OK) {
			chain_unref(ch);
			return LEAT_FAILED;
		}
	*out = ch;
	return LEAT_OK;
}

enum leat_ret chain_new_raw(struct chain **out, struct leat_span spki, struct leat_err *err)
{
	struct chain *ch = copy(&spki, 1);

	*out = NULL;
	if (!ch)
		return err_memory(err);
	ch->raw = true;
	ch->plain = false;
	if (rawkey_parse(&ch->key, spki, err) != LEAT_OK) {
		chain_unref(ch);
		return LEAT_FAILED;
	}
	*out = ch;
	return LEAT_OK;
}

bool chain_is_raw(const struct chain *ch)
{
	return ch->raw;
}

enum leat_ret chain_get(struct chain **out, const struct crypto *c, const struct store *store,
	bool leaf_is_server, const struct leat_span *certs, size_t num, struct leat_err *err)
{
	*out = NULL;
	if (store && num > 0 && num <= LIM_CHAIN)
		*out = cache_find(
			store_cache(store), store_generation(store), leaf_is_server, certs, num);
	return *out ? LEAT_OK : chain_new(out, c, certs, num, err);
}

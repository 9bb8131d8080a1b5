/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c - a received chain, parsed. Called by hs/ with the spans of a Certificate message. What a
 * peer sends is only looked at here, not judged: that is verify.c.
 */
#include "x509/chain.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/chain_int.h"
#include "x509/san.h"

struct chain *chain_ref(struct chain *ch)
{
	atomic_fetch_add_explicit(&ch->refs, 1, memory_order_relaxed);
	return ch;
}

void chain_unref(struct chain *ch)
{
	if (!ch || atomic_fetch_sub_explicit(&ch->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < ch->num; i++)
		X509_free(ch->x509[i]);
	key_unref(ch->key);
	leat_free(ch->bytes);
	leat_free(ch);
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

static enum leat_ret take_leaf_key(struct chain *ch, struct leat_err *err)
{
	X509 *leaf = ch->x509[0];
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

/* Copies the bytes first: spans of the message do not outlive it. */
static enum leat_ret copy_bytes(
	struct chain *ch, const struct leat_span *certs, size_t num, struct leat_err *err)
{
	size_t total = 0;
	uint8_t *p;

	for (size_t i = 0; i < num; i++)
		if (!leat_add_ok(total, certs[i].n, &total))
			return err_memory(err);
	p = ch->bytes = leat_malloc(total);
	if (!p)
		return err_memory(err);
	for (size_t i = 0; i < num; i++) {
		if (certs[i].n > 0)
			memcpy(p, certs[i].p, certs[i].n);
		ch->der[i] = (struct leat_span){ p, certs[i].n };
		p += certs[i].n;
	}
	return LEAT_OK;
}

enum leat_ret chain_new(struct chain **out, const struct crypto *c, const struct leat_span *certs,
	size_t num, struct leat_err *err)
{
	struct chain *ch;
	bool memory;

	(void)c;
	*out = NULL;
	if (num == 0)
		return err_alert(err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: none in the chain");
	if (num > LIM_CHAIN)
		return err_alert(err, LEAT_ALERT_BAD_CERTIFICATE,
			"certificate: chain longer than " LEAT_STR(LIM_CHAIN));
	ch = leat_zalloc(sizeof(*ch));
	if (!ch)
		return err_memory(err);
	atomic_init(&ch->refs, 1);
	if (copy_bytes(ch, certs, num, err) != LEAT_OK)
		goto fail;
	for (; ch->num < num; ch->num++) {
		ch->x509[ch->num] = san_parse_cert(ch->der[ch->num], &memory);
		if (!ch->x509[ch->num] && memory) {
			err_memory(err);
			goto fail;
		}
		if (!ch->x509[ch->num]) {
			err_alert(err, LEAT_ALERT_BAD_CERTIFICATE,
				"certificate: not an X.509 certificate");
			err_detailf(err, "number %zu of %zu in the chain", ch->num + 1, num);
			goto fail;
		}
	}
	if (take_leaf_key(ch, err) != LEAT_OK)
		goto fail;
	*out = ch;
	return LEAT_OK;
fail:
	chain_unref(ch);
	return LEAT_FAILED;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * rawkey.c - see rawkey.h. Which keys are accepted is the config's list; nothing else vouches for them.
 */
#include "x509/rawkey.h"

#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/pem.h"

enum leat_ret rawkey_parse(struct key **out, struct leat_span der, struct leat_err *err)
{
	const unsigned char *p = der.p;
	EVP_PKEY *pkey = der.n > 0 && der.n <= INT32_MAX ? d2i_PUBKEY(NULL, &p, (long)der.n) : NULL;

	ossl_forget();
	if (!pkey || p != der.p + der.n) {
		EVP_PKEY_free(pkey);
		return err_alert(
			err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: not a SubjectPublicKeyInfo");
	}
	if (key_take_evp(out, pkey, false, err) != LEAT_OK)
		return LEAT_FAILED;
	if (key_kind(*out) != KEY_NONE)
		return LEAT_OK;
	key_unref(*out);
	*out = NULL;
	return err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"certificate: a key of a kind TLS cannot use");
}

static enum leat_ret refuse(struct leat_err *err, const char *what)
{
	err_raise(err, LEAT_E_OPTION, 0, 0, LEAT_HERE, what);
	err->option = "peer_key";
	return LEAT_FAILED;
}

/* Also the check that it is one. */
static enum leat_ret copy(struct leat_span *out, struct leat_span der, struct leat_err *err)
{
	struct leat_err why = { 0 };
	struct key *key = NULL;

	if (rawkey_parse(&key, der, &why) != LEAT_OK)
		return why.cls == LEAT_E_MEMORY ? err_memory(err)
						: refuse(err, "not a public key TLS can use");
	key_unref(key);
	*out = (struct leat_span){ leat_dup(der.p, der.n), der.n };
	return out->p ? LEAT_OK : err_memory(err);
}

enum leat_ret rawkey_read(struct leat_span *out, struct leat_span text, struct leat_err *err)
{
	enum leat_ret ret = LEAT_FAILED;
	struct pem b = { 0 };
	enum pem_next next;
	BIO *in;

	if (text.n > 0 && text.p[0] == 0x30) /* a SEQUENCE: DER */
		return copy(out, text, err);
	in = pem_open(text);
	if (!in)
		return err_memory(err);
	do
		next = pem_next(in, &b);
	while (next == PEM_BLOCK && strcmp(b.label, "PUBLIC KEY") != 0);
	if (next == PEM_BLOCK)
		ret = copy(out, (struct leat_span){ b.p, (size_t)b.n }, err);
	else if (next == PEM_MEMORY)
		err_memory(err);
	else
		refuse(err, next == PEM_END ? "no public key in the text" : "broken PEM text");
	pem_clear(&b);
	BIO_free(in);
	return ret;
}

enum leat_ret rawkey_of(struct leat_span *out, void *evp, struct leat_err *err)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(evp, &der);

	ossl_forget();
	if (n <= 0)
		return err_crypto(err, "key: its public half cannot be encoded");
	*out = (struct leat_span){ leat_dup(der, (size_t)n), (size_t)n };
	OPENSSL_free(der);
	return out->p ? LEAT_OK : err_memory(err);
}

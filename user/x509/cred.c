/* SPDX-License-Identifier: Apache-2.0
 *
 * cred.c - our own certificate chain and key. Called by config/ before the freeze; read by hs/.
 * Passwords and key bytes are wiped from everything this file allocates.
 */
#include "x509/cred.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/certsig.h"
#include "x509/pem.h"
#include "x509/rawkey.h"
#include "x509/san.h"
#include "x509/status.h"
#include "x509/store_int.h"
#include "wire/list.h"

/* Peers of this age refuse smaller RSA keys, and so do we; libcrypto checks no larger ones. */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

struct cred {
	atomic_uint refs;
	size_t num;
	X509 *x509[LIM_CHAIN];
	struct leat_span der[LIM_CHAIN]; /* owned */
	struct certsig sig[LIM_CHAIN];
	struct key *key;
	bool external; /* key is public, signer has the private half */
	struct cred_signer signer;
	struct leat_span spki; /* owned */
	struct attach_seat attach;
};

struct cred *cred_ref(struct cred *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void cred_unref(struct cred *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < c->num; i++) {
		X509_free(c->x509[i]);
		leat_free((void *)c->der[i].p);
	}
	key_unref(c->key);
	leat_free((void *)c->spki.p);
	attach_seat_clear(&c->attach);
	leat_free(c);
}

size_t cred_num(const struct cred *c)
{
	return c->num;
}

struct leat_span cred_cert(const struct cred *c, size_t i)
{
	return i < c->num ? c->der[i] : (struct leat_span){ NULL, 0 };
}

const struct key *cred_key(const struct cred *c)
{
	return c->key;
}

const struct cred_signer *cred_signer(const struct cred *c)
{
	return c->external ? &c->signer : NULL;
}

struct leat_span cred_spki(const struct cred *c)
{
	return c->spki;
}

bool cred_has_name(const struct cred *c, const char *name)
{
	return c->num > 0 && san_has_host(c->x509[0], name);
}

static bool is_named(const X509_NAME *name, struct leat_span names)
{
	struct leat_rd it = leat_rd_of(names);
	const unsigned char *der;
	struct leat_span one;
	size_t n;

	if (X509_NAME_get0_der(name, &der, &n) != 1)
		return false;
	while (list_next16(&it, &one))
		if (leat_span_same(one, (struct leat_span){ der, n }))
			return true;
	return false;
}

bool cred_is_under(const struct cred *c, struct leat_span names)
{
	for (size_t i = 0; i < c->num; i++)
		if (is_named(X509_get_issuer_name(c->x509[i]), names))
			return true;
	return c->num > 0 && is_named(X509_get_subject_name(c->x509[c->num - 1]), names);
}

bool cred_is_signed_with(const struct cred *c, struct leat_span schemes)
{
	for (size_t i = 0; i < c->num; i++)
		if (!c->sig[i].self_signed && !certsig_is_listed(&c->sig[i], schemes))
			return false;
	return true;
}

static enum leat_ret refuse(struct leat_err *err, const char *option, const char *what)
{
	err_raise(err, LEAT_E_OPTION, 0, 0, LEAT_HERE, what);
	err->option = option;
	return LEAT_FAILED;
}

static enum leat_ret add_cert(struct cred *c, struct leat_span der, struct leat_err *err)
{
	bool memory;

	if (c->num == LIM_CHAIN)
		return refuse(err, "cert", "more than " LEAT_STR(LIM_CHAIN) " certificates");
	c->x509[c->num] = san_parse_cert(der, &memory);
	if (!c->x509[c->num]) {
		if (memory)
			return err_memory(err);
		refuse(err, "cert", "not an X.509 certificate");
		err_detailf(err, "certificate number %zu", c->num + 1);
		return LEAT_FAILED;
	}
	c->der[c->num].p = leat_dup(der.p, der.n);
	if (!c->der[c->num].p) {
		X509_free(c->x509[c->num]);
		return err_memory(err);
	}
	c->sig[c->num] = certsig_of(c->x509[c->num]);
	c->der[c->num++].n = der.n;
	return LEAT_OK;
}

static enum leat_ret read_certs(struct cred *c, struct leat_span pem, struct leat_err *err)
{
	enum leat_ret ret = LEAT_FAILED;
	BIO *in = pem_open(pem);
	struct pem b = { 0 };

	if (!in)
		return err_memory(err);
	for (;;) {
		switch (pem_next(in, &b)) {
		case PEM_BLOCK: break;
		case PEM_END:
			ret = c->num ? LEAT_OK : refuse(err, "cert", "no certificate in the text");
			goto out;
		case PEM_MEMORY: err_memory(err); goto out;
		case PEM_BROKEN:
			refuse(err, "cert", "broken PEM text");
			err_detailf(err, "after certificate number %zu", c->num);
			goto out;
		}
		if (pem_is_cert(&b) &&
			add_cert(c, (struct leat_span){ b.p, (size_t)b.n }, err) != LEAT_OK)
			goto out;
	}
out:
	pem_clear(&b);
	BIO_free(in);
	return ret;
}

/* What came of one block of the key text. */
enum key_found { KEY_FOUND, KEY_OTHER, KEY_BROKEN, KEY_NO_PASSWORD, KEY_BAD_PASSWORD, KEY_UNKNOWN };

static const char *const key_words[] = {
	[KEY_BROKEN] = "the private key cannot be decoded",
	[KEY_NO_PASSWORD] = "the private key is encrypted and there is no password",
	[KEY_BAD_PASSWORD] = "the password does not open the private key",
	[KEY_UNKNOWN] = "the private key is encrypted in a way that is not supported",
};

/* RFC 5958/8018 EncryptedPrivateKeyInfo. */
static enum key_found open_pkcs8(const struct pem *b, struct leat_span password, EVP_PKEY **out)
{
	const unsigned char *p = b->p;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &p, b->n);
	PKCS8_PRIV_KEY_INFO *info;
	unsigned long e;

	if (!sealed)
		return KEY_BROKEN;
	if (password.n == 0) {
		X509_SIG_free(sealed);
		return KEY_NO_PASSWORD;
	}
	info = PKCS8_decrypt(sealed, (const char *)password.p, (int)password.n);
	X509_SIG_free(sealed);
	if (!info) {
		e = ERR_peek_error();
		return ERR_GET_REASON(e) == PKCS12_R_UNKNOWN_DIGEST_ALGORITHM ||
				       ERR_GET_REASON(e) == EVP_R_UNKNOWN_PBE_ALGORITHM ||
				       ERR_GET_REASON(e) == EVP_R_UNSUPPORTED_PRF ||
				       ERR_GET_REASON(e) == EVP_R_UNSUPPORTED_CIPHER
			       ? KEY_UNKNOWN
			       : KEY_BAD_PASSWORD;
	}
	*out = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info); /* wipes the key bytes */
	return *out ? KEY_FOUND : KEY_BROKEN;
}

static int give_password(char *buf, int size, int writing, void *arg)
{
	const struct leat_span *password = arg;

	(void)writing;
	if (password->n == 0 || password->n > (size_t)size)
		return -1;
	memcpy(buf, password->p, password->n);
	return (int)password->n;
}

/* PKCS#1, SEC1 or PKCS#8 in the clear, or PKCS#1/SEC1 under RFC 1421 encryption. */
static enum key_found open_plain(struct pem *b, struct leat_span password, EVP_PKEY **out)
{
	const unsigned char *p;
	EVP_CIPHER_INFO how;
	long n = b->n;

	if (!PEM_get_EVP_CIPHER_INFO(b->header, &how))
		return KEY_UNKNOWN;
	if (how.cipher) {
		if (password.n == 0)
			return KEY_NO_PASSWORD;
		if (!PEM_do_header(&how, b->p, &n, give_password, &password))
			return KEY_BAD_PASSWORD;
	}
	p = b->p;
	*out = d2i_AutoPrivateKey(NULL, &p, n);
	if (*out)
		return KEY_FOUND;
	/* One wrong password in 256 leaves padding that looks right. */
	return how.cipher ? KEY_BAD_PASSWORD : KEY_BROKEN;
}

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n >= t && strcmp(s + n - t, tail) == 0;
}

static enum key_found open_key(struct pem *b, struct leat_span password, EVP_PKEY **out)
{
	if (strcmp(b->label, PEM_STRING_PKCS8) == 0)
		return open_pkcs8(b, password, out);
	if (ends_with(b->label, "PRIVATE KEY"))
		return open_plain(b, password, out);
	return KEY_OTHER;
}

/* The first private key of the text. */
static enum leat_ret read_key(
	struct leat_span pem, struct leat_span password, EVP_PKEY **out, struct leat_err *err)
{
	enum key_found found = KEY_OTHER;
	BIO *in = pem_open(pem);
	struct pem b = { 0 };

	*out = NULL;
	if (!in)
		return err_memory(err);
	while (found == KEY_OTHER) {
		switch (pem_next(in, &b)) {
		case PEM_BLOCK: found = open_key(&b, password, out); break;
		case PEM_END: refuse(err, "key", "no private key in the text"); goto out;
		case PEM_MEMORY: err_memory(err); goto out;
		case PEM_BROKEN: refuse(err, "key", "broken PEM text"); goto out;
		}
	}
	if (found != KEY_FOUND)
		refuse(err,
			found == KEY_BAD_PASSWORD || found == KEY_NO_PASSWORD ? "password" : "key",
			key_words[found]);
out:
	ossl_forget();
	pem_clear(&b);
	BIO_free(in);
	return *out ? LEAT_OK : LEAT_FAILED;
}

/* A key file may hold a private half that is not that of its public half (damage, or a bad tool). No
 * decoder looks; the first client would find a wrong signature. So one is made now, 0.1 to 1 ms. */
static enum leat_ret check_signs(const struct crypto *crypto, const struct key *private,
	const struct key *public, struct leat_err *err)
{
	static const char text[] = "leat: does this key sign for its certificate?";
	const struct leat_span tbs = { (const uint8_t *)text, sizeof(text) - 1 };
	const struct sigscheme *s;
	struct leat_err why = { 0 };
	struct leat_wr sig = { 0 };
	bool good = false;

	for (size_t i = 0; (s = sigscheme_at(i)) != NULL; i++)
		if (crypto_has_scheme(crypto, s) &&
			(key_fits(private, s, LEAT_TLS13) || key_fits(private, s, LEAT_TLS12)))
			break;
	if (!s)
		return refuse(err, "key", "no signature algorithm fits the private key");
	if (sign_make(crypto, private, s, tbs, &sig, &why) == LEAT_OK)
		good = sign_check(crypto, public, s, tbs, leat_wr_done(&sig));
	leat_wr_clear(&sig);
	if (why.cls == LEAT_E_MEMORY)
		return err_memory(err);
	return good ? LEAT_OK
		    : refuse(err, "key", "the private key signs wrongly (is the text damaged?)");
}

/* Takes a key over, also on failure: private, or the public half of one that is elsewhere. */
static enum leat_ret take_key(
	struct key **out, EVP_PKEY *pkey, bool is_private, struct leat_err *err)
{
	bool rsa = EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS");
	int bits = EVP_PKEY_get_bits(pkey);

	if (rsa && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)) {
		EVP_PKEY_free(pkey);
		return refuse(err, "key",
			"an RSA key outside " LEAT_STR(RSA_BITS_MIN) " to " LEAT_STR(
				RSA_BITS_MAX) " bits");
	}
	if (key_take_evp(out, pkey, is_private, err) != LEAT_OK)
		return LEAT_FAILED;
	return key_kind(*out) != KEY_NONE
		       ? LEAT_OK
		       : refuse(err, "key", "a private key of a kind TLS cannot use");
}

static EVP_PKEY *leaf_key(const struct cred *c, struct leat_err *err)
{
	EVP_PKEY *leaf = X509_get_pubkey(c->x509[0]);

	ossl_forget();
	if (!leaf)
		refuse(err, "cert", "the first certificate's public key cannot be read");
	return leaf;
}

static enum leat_ret check_pair(
	const struct cred *c, const struct crypto *crypto, struct leat_err *err)
{
	EVP_PKEY *leaf = leaf_key(c, err);
	struct key *public;
	enum leat_ret ret;

	if (!leaf || key_take_evp(&public, leaf, false, err) != LEAT_OK)
		return LEAT_FAILED;
	if (key_matches(public, c->key))
		ret = check_signs(crypto, c->key, public, err);
	else
		ret = refuse(err, "key", "the private key is not that of the first certificate");
	key_unref(public);
	return ret;
}

/* Takes the key over, also on failure. */
static enum leat_ret set_key(
	struct cred *c, const struct crypto *crypto, EVP_PKEY *pkey, struct leat_err *err)
{
	if (take_key(&c->key, pkey, true, err) != LEAT_OK)
		return LEAT_FAILED;
	if (rawkey_of(&c->spki, pkey, err) != LEAT_OK)
		return LEAT_FAILED;
	return c->num > 0 ? check_pair(c, crypto, err) : LEAT_OK;
}

static struct cred *alloc_cred(struct leat_err *err)
{
	struct cred *c = leat_zalloc(sizeof(*c));
	struct attach *nothing = attach_new(NULL);

	if (c && nothing) {
		atomic_init(&c->refs, 1);
		attach_seat_init(&c->attach, nothing);
		return c;
	}
	leat_free(c);
	attach_unref(nothing);
	err_memory(err);
	return NULL;
}

/* A PKCS#8, PKCS#1 or SEC1 key. */
static enum leat_ret read_key_der(struct leat_span der, EVP_PKEY **out, struct leat_err *err)
{
	const unsigned char *p = der.p;

	*out = NULL;
	if (der.n > 0 && der.n <= INT32_MAX)
		*out = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
	ossl_forget();
	if (*out && p == der.p + der.n)
		return LEAT_OK;
	EVP_PKEY_free(*out);
	*out = NULL;
	return refuse(err, "key", "the private key cannot be decoded");
}

enum leat_ret cred_new_parts(struct cred **out, const struct crypto *crypto,
	const struct cred_parts *p, struct leat_err *err)
{
	struct cred *c = alloc_cred(err);
	enum leat_ret r;
	EVP_PKEY *pkey;

	*out = NULL;
	if (!c)
		return LEAT_FAILED;
	r = p->cert_der.n ? add_cert(c, p->cert_der, err) : read_certs(c, p->cert_pem, err);
	if (r == LEAT_OK)
		r = p->key_der.n ? read_key_der(p->key_der, &pkey, err)
				 : read_key(p->key_pem, p->password, &pkey, err);
	if (r == LEAT_OK)
		r = set_key(c, crypto, pkey, err);
	if (r == LEAT_OK)
		*out = c;
	else
		cred_unref(c);
	return r;
}

enum leat_ret cred_new_pem(struct cred **out, const struct crypto *crypto,
	struct leat_span cert_pem, struct leat_span key_pem, struct leat_span password,
	struct leat_err *err)
{
	const struct cred_parts parts = {
		.cert_pem = cert_pem, .key_pem = key_pem, .password = password
	};

	return cred_new_parts(out, crypto, &parts, err);
}

enum leat_ret cred_new_raw(struct cred **out, const struct crypto *crypto, struct leat_span key_pem,
	struct leat_span password, struct leat_err *err)
{
	struct cred *c = alloc_cred(err);
	EVP_PKEY *pkey;

	*out = NULL;
	if (!c)
		return LEAT_FAILED;
	if (read_key(key_pem, password, &pkey, err) != LEAT_OK ||
		set_key(c, crypto, pkey, err) != LEAT_OK) {
		cred_unref(c);
		return LEAT_FAILED;
	}
	*out = c;
	return LEAT_OK;
}

static enum leat_ret take_certs(
	struct cred *c, const struct leat_span *certs, size_t num, struct leat_err *err)
{
	if (num == 0)
		return refuse(err, "cert", "no certificate");
	for (size_t i = 0; i < num; i++)
		if (add_cert(c, certs[i], err) != LEAT_OK)
			return LEAT_FAILED;
	return LEAT_OK;
}

enum leat_ret cred_new_der(struct cred **out, const struct crypto *crypto,
	const struct leat_span *certs, size_t num, struct leat_span key, struct leat_err *err)
{
	struct cred *c = alloc_cred(err);
	EVP_PKEY *pkey;

	*out = NULL;
	if (!c)
		return LEAT_FAILED;
	if (take_certs(c, certs, num, err) != LEAT_OK || read_key_der(key, &pkey, err) != LEAT_OK ||
		set_key(c, crypto, pkey, err) != LEAT_OK) {
		cred_unref(c);
		return LEAT_FAILED;
	}
	*out = c;
	return LEAT_OK;
}

/* ---- intermediates out of a trust store ---- */

static bool is_in_chain(const struct cred *c, struct leat_span der)
{
	for (size_t i = 0; i < c->num; i++)
		if (c->der[i].n == der.n && memcmp(c->der[i].p, der.p, der.n) == 0)
			return true;
	return false;
}

/* Did this certificate, which is none of a root, issue x? */
static bool issued(struct leat_span der, X509 *x)
{
	bool memory;
	X509 *issuer = san_parse_cert(der, &memory);
	EVP_PKEY *key = issuer ? X509_get0_pubkey(issuer) : NULL;
	bool yes = key && !certsig_of(issuer).self_signed &&
		   X509_check_issued(issuer, x) == X509_V_OK && X509_verify(x, key) == 1;

	X509_free(issuer);
	ossl_forget();
	return yes;
}

/* The certificate of s that issued x and is not in the chain yet; empty: none. */
static struct leat_span find_issuer(const struct cred *c, const struct store *s, X509 *x)
{
	const unsigned char *name = NULL;
	size_t n = 0;

	if (X509_NAME_get0_der(X509_get_issuer_name(x), &name, &n) != 1)
		return (struct leat_span){ NULL, 0 };
	for (size_t i = 0; i < store_num(s); i++) {
		struct leat_span subject = store_subject(s, i), der = store_der(s, i);

		if (subject.n == n && memcmp(subject.p, name, n) == 0 && !is_in_chain(c, der) &&
			issued(der, x))
			return der;
	}
	return (struct leat_span){ NULL, 0 };
}

enum leat_ret cred_complete(struct cred *c, const struct store *s, struct leat_err *err)
{
	while (c->num > 0 && c->num < LIM_CHAIN && !c->sig[c->num - 1].self_signed) {
		struct leat_span der = find_issuer(c, s, c->x509[c->num - 1]);

		if (der.n == 0)
			break;
		if (add_cert(c, der, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* ---- keys elsewhere ---- */

/* The certificates are there (r), or not. */
static enum leat_ret finish_external(struct cred **out, struct cred *c, struct cred_signer signer,
	enum leat_ret r, struct leat_err *err)
{
	EVP_PKEY *leaf = r == LEAT_OK ? leaf_key(c, err) : NULL;

	if (!leaf || take_key(&c->key, leaf, false, err) != LEAT_OK ||
		rawkey_of(&c->spki, leaf, err) != LEAT_OK) {
		cred_unref(c);
		return LEAT_FAILED;
	}
	c->external = true;
	c->signer = signer;
	*out = c;
	return LEAT_OK;
}

enum leat_ret cred_new_external_pem(struct cred **out, struct leat_span cert_pem,
	struct cred_signer signer, struct leat_err *err)
{
	struct cred *c = alloc_cred(err);

	*out = NULL;
	return c ? finish_external(out, c, signer, read_certs(c, cert_pem, err), err) : LEAT_FAILED;
}

enum leat_ret cred_new_external_der(struct cred **out, const struct leat_span *certs, size_t num,
	struct cred_signer signer, struct leat_err *err)
{
	struct cred *c = alloc_cred(err);

	*out = NULL;
	return c ? finish_external(out, c, signer, take_certs(c, certs, num, err), err)
		 : LEAT_FAILED;
}

/* ---- what travels with it ---- */

struct attach *cred_attach(const struct cred *c)
{
	return attach_seat_get((struct attach_seat *)(uintptr_t)&c->attach);
}

/* The caller has the seat's lock and made next of the set in force. */
static enum leat_ret put_attach(struct cred *c, struct attach *next)
{
	if (attach_seat_put(&c->attach, next))
		return LEAT_OK;
	attach_unref(next);
	return LEAT_AGAIN;
}

static enum leat_ret swap_status(struct cred *c, size_t i, const struct status_own *own,
	struct leat_span der, struct leat_err *err)
{
	struct attach *next = attach_new(c->attach.set[atomic_load(&c->attach.active)]);

	if (!next || !attach_put_status(next, i, der)) {
		attach_unref(next);
		return err_memory(err);
	}
	next->from_s[i] = own->from_s;
	next->until_s[i] = own->until_s;
	return put_attach(c, next);
}

enum leat_ret cred_set_status(
	struct cred *c, size_t i, struct leat_span response, struct leat_err *err)
{
	struct status_own own = { 0 };
	enum leat_ret ret;

	if (i >= c->num)
		return refuse(err, "ocsp", "there is no certificate of that number");
	if (response.n && status_read_own(&own, response, c->x509[i],
				  i + 1 < c->num ? c->x509[i + 1] : NULL, err) != LEAT_OK)
		return LEAT_FAILED;
	if (!attach_seat_lock(&c->attach))
		return LEAT_AGAIN;
	ret = swap_status(c, i, &own, response, err);
	attach_seat_unlock(&c->attach);
	return ret;
}

static enum leat_ret swap_sct(struct cred *c, struct leat_span list, struct leat_err *err)
{
	struct attach *next = attach_new(c->attach.set[atomic_load(&c->attach.active)]);

	if (!next || !attach_put_sct(next, list)) {
		attach_unref(next);
		return err_memory(err);
	}
	return put_attach(c, next);
}

enum leat_ret cred_set_sct(struct cred *c, struct leat_span data, struct leat_err *err)
{
	struct leat_span list = { NULL, 0 };
	enum leat_ret ret;

	if (data.n > LIM_SCT_LIST || (data.n && !dec_sct_list(data, &list)))
		return refuse(err, "sct", "not a SignedCertificateTimestampList");
	if (!attach_seat_lock(&c->attach))
		return LEAT_AGAIN;
	ret = swap_sct(c, list, err);
	attach_seat_unlock(&c->attach);
	return ret;
}

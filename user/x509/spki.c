/* SPDX-License-Identifier: Apache-2.0
 *
 * spki.c - see spki.h. RFC 3279 2.2.1, 2.3.1, RFC 4055 5, RFC 5480 2.1, RFC 5758 3.2, RFC 8410 3.
 */
#include "x509/spki.h"

#include <string.h>

#define OID_RSA     "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define OID_EC      "\x2a\x86\x48\xce\x3d\x02\x01"
#define OID_P256    "\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_P384    "\x2b\x81\x04\x00\x22"
#define OID_P521    "\x2b\x81\x04\x00\x23"
#define OID_ED25519 "\x2b\x65\x70"
#define OID_ED448   "\x2b\x65\x71"

#define OID(lit)                                        \
	{                                               \
		(const uint8_t *)(lit), sizeof(lit) - 1 \
	}

/* RFC 3279 2.3.1: "The parameters field MUST have ASN.1 type NULL"; the key is RSAPublicKey. */
static struct key *rsa_key(const struct der_cert *c)
{
	struct leat_rd in = leat_rd_of(c->key), seq;
	struct leat_span n, e;

	der_take(&in, DER_SEQUENCE, &seq);
	n = der_positive(&seq);
	e = der_positive(&seq);
	if (c->key_alg.param != DER_NULL || !leat_rd_end(&seq) || !leat_rd_end(&in))
		return NULL;
	return key_new_rsa(n, e);
}

static struct key *ec_key(const struct crypto *crypto, const struct der_cert *c)
{
	static const struct {
		struct leat_span oid;
		enum key_kind kind;
	} curves[] = {
		{ OID(OID_P256), KEY_EC_P256 },
		{ OID(OID_P384), KEY_EC_P384 },
		{ OID(OID_P521), KEY_EC_P521 },
	};

	for (size_t i = 0; i < 3 && c->key_alg.param == DER_OID; i++)
		if (c->key_alg.param_oid.n == curves[i].oid.n &&
			memcmp(c->key_alg.param_oid.p, curves[i].oid.p, curves[i].oid.n) == 0)
			return key_new_ec(crypto, curves[i].kind, c->key);
	return NULL;
}

struct key *spki_key(const struct crypto *crypto, const struct der_cert *c)
{
	if (der_oid_is(c->key_alg.oid, OID_EC))
		return ec_key(crypto, c);
	if (der_oid_is(c->key_alg.oid, OID_RSA))
		return rsa_key(c);
	/* RFC 8410 3: "the parameters MUST be absent" */
	if (c->key_alg.param == 0 && der_oid_is(c->key_alg.oid, OID_ED25519))
		return key_new_raw(KEY_ED25519, c->key);
	if (c->key_alg.param == 0 && der_oid_is(c->key_alg.oid, OID_ED448))
		return key_new_raw(KEY_ED448, c->key);
	return NULL;
}

const struct sigscheme *spki_scheme(const struct der_alg *alg)
{
	static const struct {
		struct leat_span oid;
		uint8_t param;
		uint16_t scheme;
	} rows[] = {
		{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x02"), 0, 0x0403 }, /* ecdsa-with-SHA256 */
		{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x03"), 0, 0x0503 },
		{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x04"), 0, 0x0603 },
		/* sha256WithRSAEncryption */
		{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), DER_NULL, 0x0401 },
		{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"), DER_NULL, 0x0501 },
		{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"), DER_NULL, 0x0601 },
		{ OID(OID_ED25519), 0, 0x0807 },
		{ OID(OID_ED448), 0, 0x0808 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (alg->param == rows[i].param && alg->oid.n == rows[i].oid.n &&
			memcmp(alg->oid.p, rows[i].oid.p, alg->oid.n) == 0)
			return sigscheme_by_id(rows[i].scheme);
	return NULL;
}

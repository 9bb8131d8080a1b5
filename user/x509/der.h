/* SPDX-License-Identifier: Apache-2.0
 *
 * der.h - a certificate taken apart in place: no allocation, no libcrypto. Strict: it knows the plain
 * shape that nearly every certificate has and says false to all else, true or broken alike. False is
 * therefore never a verdict: the caller asks libcrypto then. True means libcrypto parses it too, to
 * the same fields; t_der.c and fz_der.c hold the two against each other.
 */
#ifndef LEAT_X509_DER_H
#define LEAT_X509_DER_H

#include "base/rd.h"

#define DER_BOOLEAN      0x01
#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL         0x05
#define DER_OID          0x06
#define DER_UTF8         0x0c
#define DER_PRINTABLE    0x13
#define DER_TELETEX      0x14
#define DER_IA5          0x16
#define DER_UTC_TIME     0x17
#define DER_GENERAL_TIME 0x18
#define DER_SEQUENCE     0x30
#define DER_SET          0x31

/* AlgorithmIdentifier whose parameters are absent, NULL or an OID. */
struct der_alg {
	struct leat_span whole; /* header included */
	struct leat_span oid;   /* contents */
	uint8_t param;          /* 0, DER_NULL or DER_OID */
	struct leat_span param_oid;
};

/* A version 3 certificate (RFC 5280 4.1). Spans point into what was parsed. */
struct der_cert {
	struct leat_span tbs; /* signed bytes, header included */
	struct der_alg inner_alg, alg;
	struct leat_span issuer, subject; /* Name, header included */
	int64_t from_s, to_s;
	struct leat_span spki; /* SubjectPublicKeyInfo, header included */
	struct der_alg key_alg;
	struct leat_span key;  /* contents of its bit string, whole octets */
	struct leat_span exts; /* the Extension values, one after the other */
	struct leat_span signature;
};

/* Does der hold exactly one plain certificate? */
LEAT_MUST_CHECK bool der_cert(struct leat_span der, struct der_cert *out);

/* Reads one element with this tag and a length in its only DER form; *body reads its contents. */
void der_take(struct leat_rd *in, uint8_t tag, struct leat_rd *body);
/* The same as a span; header included in *whole, which may be NULL. */
struct leat_span der_span(struct leat_rd *in, uint8_t tag, struct leat_span *whole);
/* Is the next element one with this tag? */
static inline bool der_is(const struct leat_rd *in, uint8_t tag)
{
	return leat_rd_more(in) && in->p[0] == tag;
}
/* An OBJECT IDENTIFIER of sound form and usual length; its contents. */
LEAT_MUST_CHECK bool der_oid(struct leat_rd *in, struct leat_span *out);
/* A bit string of whole octets. */
struct leat_span der_octet_bits(struct leat_rd *in);
/* A number of RFC 5280's kind: positive, shortest form; without its sign octet. */
struct leat_span der_positive(struct leat_rd *in);

struct der_ext {
	struct leat_span oid;
	bool critical;
	struct leat_span value;
};
/* The next extension of der_cert.exts; fails the reader when it is malformed. */
void der_ext(struct leat_rd *in, struct der_ext *out);

/* Is this content of an OID the given bytes? For string literals: der_oid_is(s, "\x55\x1d\x13"). */
#define der_oid_is(s, lit) ((s).n == sizeof(lit) - 1 && memcmp((s).p, (lit), sizeof(lit) - 1) == 0)

/* Seconds since 1970 of the beginning of a day, year from 1. */
int64_t der_unix_time(unsigned year, unsigned month, unsigned day);

/* A number for a Name (header included) such that Names that RFC 5280 7.1 and libcrypto call equal,
 * whatever their case, spaces or string types, have the same one. Different Names may share one too.
 * false: a Name of unusual make, for which no such number is known. */
LEAT_MUST_CHECK bool der_name_hash(struct leat_span name, uint64_t *hash);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * lean.c - see lean.h. RFC 5280 6.1 for chains of the plain shape:
 *
 *   leaf, intermediates in the order sent, each issued by the next, and an anchor of the store that
 *   is the only one with the name of the last issuer; all of them version 3, with distinct names,
 *   none self-issued but the anchor; only extensions of the table below, each once, none critical that
 *   libcrypto does not handle; no name constraints, no policies that bind, no revocation.
 *
 * The order of the checks: bytes first, signatures last, since they are what costs. Where libcrypto has
 * a choice of paths (several anchors or certificates of one name), or compares what is not compared
 * here, the answer is no. Whoever adds a rule to verify.c (revocation, policies) adds it here too, or
 * makes lean_accepts say no where the rule is on.
 */
#include "x509/lean.h"

#include <string.h>

#include "x509/chain_int.h"
#include "x509/der.h"
#include "x509/name.h"
#include "x509/spki.h"
#include "x509/store_int.h"

#define RSA_BITS_STRONG 2048 /* 112 bits of security, as verify.c's AUTH_LEVEL demands */

/* RFC 5280 4.2.1.3, as the first octet of the bit string */
#define USE_DIGITAL_SIGNATURE 0x80
#define USE_CERT_SIGN         0x04

struct facts {
	unsigned seen; /* rows of the table */
	bool ca;
	int path_len; /* -1: no limit */
	uint8_t usage;
	bool for_server, for_client;
	struct leat_span own_id, issuer_id, names;
};

typedef bool ext_fn(struct leat_span value, struct facts *f);

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL } */
static bool on_constraints(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value), seq;
	struct leat_span s;

	der_take(&in, DER_SEQUENCE, &seq);
	if (der_is(&seq, DER_BOOLEAN)) {
		s = der_span(&seq, DER_BOOLEAN, NULL);
		f->ca = s.n == 1 && s.p[0] == 0xff;
		if (!f->ca)
			return false;
	}
	if (f->ca && leat_rd_more(&seq)) {
		s = der_positive(&seq);
		if (s.n != 1)
			return false;
		f->path_len = s.p[0];
	}
	return leat_rd_end(&seq) && leat_rd_end(&in);
}

/* KeyUsage ::= BIT STRING; nine bits are named, and none but the ninth is in a second octet. */
static bool on_usage(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value);
	struct leat_span s = der_span(&in, DER_BIT_STRING, NULL);
	unsigned unused;

	if (!leat_rd_end(&in) || s.n < 2 || s.n > 3 || s.p[0] > 7)
		return false;
	/* X.690 11.2: no zero bits at the end, and unused ones are zero */
	unused = s.p[0];
	if (!(s.p[s.n - 1] >> unused & 1) || (s.p[s.n - 1] & ((1u << unused) - 1)))
		return false;
	f->usage = s.p[1];
	return true;
}

/* ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId. "Any" serves no purpose in libcrypto's
 * eyes, nor here. */
static bool on_purposes(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value), seq;
	struct leat_span oid;

	der_take(&in, DER_SEQUENCE, &seq);
	do {
		if (!der_oid(&seq, &oid))
			return false;
		f->for_server = f->for_server ||
				der_oid_is(oid, "\x2b\x06\x01\x05\x05\x07\x03\x01");
		f->for_client = f->for_client ||
				der_oid_is(oid, "\x2b\x06\x01\x05\x05\x07\x03\x02");
	} while (leat_rd_more(&seq));
	return leat_rd_end(&seq) && leat_rd_end(&in);
}

#define NAME_MAIL 0x81
#define NAME_DNS  0x82
#define NAME_URI  0x86
#define NAME_IP   0x87

/* One GeneralName of the four simple kinds. */
static uint8_t take_general_name(struct leat_rd *in, struct leat_span *body)
{
	uint8_t tag = leat_rd_more(in) ? in->p[0] : 0;

	if (tag != NAME_MAIL && tag != NAME_DNS && tag != NAME_URI && tag != NAME_IP)
		leat_rd_fail(in);
	*body = der_span(in, tag, NULL);
	return tag;
}

static bool on_names(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value), seq;
	struct leat_span name;

	f->names = der_span(&in, DER_SEQUENCE, NULL);
	seq = leat_rd_of(f->names);
	do
		take_general_name(&seq, &name);
	while (leat_rd_more(&seq));
	return leat_rd_end(&seq) && leat_rd_end(&in);
}

static bool on_own_id(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value);

	f->own_id = der_span(&in, DER_OCTET_STRING, NULL);
	return leat_rd_end(&in) && f->own_id.n > 0;
}

/* AuthorityKeyIdentifier with keyIdentifier [0] alone; issuer and serial number are for libcrypto. */
static bool on_issuer_id(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value), seq;

	der_take(&in, DER_SEQUENCE, &seq);
	f->issuer_id = der_span(&seq, 0x80, NULL);
	return leat_rd_end(&seq) && leat_rd_end(&in) && f->issuer_id.n > 0;
}

/* CRLDistributionPoints with full names that are URIs: libcrypto reads the extension in any case and
 * calls a broken one an invalid certificate. */
static bool on_crl_points(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value), seq, point, name, full;
	struct leat_span uri;

	(void)f;
	der_take(&in, DER_SEQUENCE, &seq);
	do {
		der_take(&seq, DER_SEQUENCE, &point);
		der_take(&point, 0xa0, &name);
		der_take(&name, 0xa0, &full);
		do
			uri = der_span(&full, NAME_URI, NULL);
		while (leat_rd_more(&full));
		if (uri.n == 0 || !leat_rd_end(&full) || !leat_rd_end(&name) ||
			!leat_rd_end(&point))
			return false;
	} while (leat_rd_more(&seq));
	return leat_rd_end(&seq) && leat_rd_end(&in);
}

static bool same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* PolicyQualifierInfo: a pointer to the practice statement; other kinds are for libcrypto. */
static void take_qualifier(struct leat_rd *in)
{
	struct leat_rd info;
	struct leat_span oid;

	der_take(in, DER_SEQUENCE, &info);
	oid = der_span(&info, DER_OID, NULL);
	der_span(&info, DER_IA5, NULL);
	if (!leat_rd_end(&info) || !der_oid_is(oid, "\x2b\x06\x01\x05\x05\x07\x02\x01"))
		leat_rd_fail(in);
}

/* CertificatePolicies. No policy is asked for here, so none can be missing; but libcrypto refuses what
 * is malformed, and RFC 5280 4.2.1.4: "A certificate policy OID MUST NOT appear more than once". */
static bool on_policies(struct leat_span value, struct facts *f)
{
	struct leat_rd in = leat_rd_of(value), seq, info, list;
	struct leat_span oid[8];
	size_t num = 0;

	(void)f;
	der_take(&in, DER_SEQUENCE, &seq);
	do {
		der_take(&seq, DER_SEQUENCE, &info);
		if (num == sizeof(oid) / sizeof(oid[0]) || !der_oid(&info, &oid[num]))
			return false;
		for (size_t i = 0; i < num; i++)
			if (same(oid[i], oid[num]))
				return false;
		num++;
		if (leat_rd_more(&info)) {
			der_take(&info, DER_SEQUENCE, &list);
			do
				take_qualifier(&list);
			while (leat_rd_more(&list));
			if (!leat_rd_end(&list))
				return false;
		}
		if (!leat_rd_end(&info))
			return false;
	} while (leat_rd_more(&seq));
	return leat_rd_end(&seq) && leat_rd_end(&in);
}

/* libcrypto does not look into these. */
static bool on_nothing(struct leat_span value, struct facts *f)
{
	(void)value;
	(void)f;
	return true;
}

#define OID(lit)                                        \
	{                                               \
		(const uint8_t *)(lit), sizeof(lit) - 1 \
	}

enum ext_row { EXT_CONSTRAINTS, EXT_USAGE, EXT_PURPOSES, EXT_NAMES };

static const struct {
	struct leat_span oid;
	bool may_be_critical;
	ext_fn *on;
} exts[] = {
	[EXT_CONSTRAINTS] = { OID("\x55\x1d\x13"), true, on_constraints },
	[EXT_USAGE] = { OID("\x55\x1d\x0f"), true, on_usage },
	[EXT_PURPOSES] = { OID("\x55\x1d\x25"), true, on_purposes },
	[EXT_NAMES] = { OID("\x55\x1d\x11"), true, on_names },
	{ OID("\x55\x1d\x0e"), false, on_own_id },
	{ OID("\x55\x1d\x23"), false, on_issuer_id },
	{ OID("\x55\x1d\x1f"), false, on_crl_points },
	{ OID("\x55\x1d\x20"), false, on_policies },
	{ OID("\x2b\x06\x01\x05\x05\x07\x01\x01"), false, on_nothing }, /* access to the CA */
	{ OID("\x2b\x06\x01\x05\x05\x07\x01\x18"), false, on_nothing }, /* TLS features */
	{ OID("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"), false, on_nothing }, /* SCTs */
};
#define NUM_EXTS (sizeof(exts) / sizeof(exts[0]))

static bool has(const struct facts *f, enum ext_row row)
{
	return f->seen >> row & 1;
}

static bool read_exts(const struct der_cert *c, struct facts *f)
{
	struct leat_rd in = leat_rd_of(c->exts);
	struct der_ext e;
	size_t row;

	*f = (struct facts){ .path_len = -1 };
	while (leat_rd_more(&in)) {
		der_ext(&in, &e);
		for (row = 0; row < NUM_EXTS; row++)
			if (exts[row].oid.n == e.oid.n &&
				memcmp(exts[row].oid.p, e.oid.p, e.oid.n) == 0)
				break;
		if (row == NUM_EXTS || (f->seen >> row & 1) ||
			(e.critical && !exts[row].may_be_critical) || !exts[row].on(e.value, f))
			return false;
		f->seen |= 1u << row;
	}
	return leat_rd_end(&in);
}

static bool names_host(const struct facts *f, const char *host)
{
	struct leat_rd in = leat_rd_of(f->names);
	struct leat_span name;
	uint8_t ip[16], tag;
	size_t ip_len = name_parse_ip(host, ip);

	while (leat_rd_more(&in)) {
		tag = take_general_name(&in, &name);
		if (!leat_rd_ok(&in))
			return false;
		if (ip_len > 0 && tag == NAME_IP && same(name, (struct leat_span){ ip, ip_len }))
			return true;
		if (ip_len == 0 && tag == NAME_DNS &&
			name_match_dns((const char *)name.p, name.n, host))
			return true;
	}
	return false;
}

bool lean_has_host(struct leat_span der, const char *host)
{
	struct der_cert c;
	struct facts f;

	return der_cert(der, &c) && read_exts(&c, &f) && names_host(&f, host);
}

/* ---- the path --------------------------------------------------------------------------------- */

/* Leaf, intermediates, anchor. */
struct path {
	struct der_cert cert[LIM_CHAIN + 1];
	size_t num;
	size_t anchor; /* index in the store */
};

static bool issued_by_itself(const struct der_cert *c)
{
	return same(c->issuer, c->subject);
}

/* Follows the issuers' names. An anchor goes before a certificate that was sent, as in libcrypto. */
static bool build(const struct verify_in *in, struct path *p)
{
	const struct chain *ch = in->chain;
	uint64_t subject[LIM_CHAIN], issuer;
	size_t found = 0, at;

	for (size_t i = 0; i < ch->num; i++) {
		if (!der_cert(ch->der[i], &p->cert[i]) ||
			!der_name_hash(p->cert[i].subject, &subject[i]))
			return false;
		/* two of one name would be two paths */
		for (size_t k = 0; k < i; k++)
			if (subject[k] == subject[i])
				return false;
	}
	for (p->num = 1; p->num <= ch->num; p->num++) {
		const struct der_cert *last = &p->cert[p->num - 1];

		if (issued_by_itself(last) ||
			store_named(in->store, subject[p->num - 1], &at) > 0 ||
			!der_name_hash(last->issuer, &issuer))
			return false;
		found = store_named(in->store, issuer, &p->anchor);
		if (found > 0)
			break;
		if (p->num == ch->num || !same(last->issuer, p->cert[p->num].subject))
			return false;
	}
	/* what was sent beyond the path is overwritten here and not looked at again */
	return found == 1 && der_cert(store_der(in->store, p->anchor), &p->cert[p->num]) &&
	       same(p->cert[p->num - 1].issuer, p->cert[p->num].subject) &&
	       issued_by_itself(&p->cert[p->num++]);
}

/* RFC 5280 6.1.3, 6.1.4 for certificate i of the path, but for its signature. */
static bool check_cert(const struct verify_in *in, const struct path *p, size_t i, struct facts *f)
{
	const struct der_cert *c = &p->cert[i];
	bool leaf = i == 0;

	if (!read_exts(c, f) || !same(c->inner_alg.whole, c->alg.whole))
		return false;
	/* libcrypto counts the second named by notAfter as past */
	if (in->now_s < c->from_s || in->now_s >= c->to_s)
		return false;
	if (has(f, EXT_PURPOSES) && !(in->leaf_is_server ? f->for_server : f->for_client))
		return false;
	if (has(f, EXT_USAGE) && !(f->usage & (leaf ? USE_DIGITAL_SIGNATURE : USE_CERT_SIGN)))
		return false;
	if (leaf)
		return !f->ca && (!in->host || names_host(f, in->host));
	/* i - 1 intermediates stand below it */
	return f->ca && (f->path_len < 0 || (size_t)f->path_len >= i - 1);
}

static bool check_path(const struct verify_in *in, const struct path *p, struct verdict *v)
{
	struct leat_span issuer_id = { NULL, 0 };
	struct facts f;

	v->from_s = INT64_MIN;
	v->to_s = INT64_MAX;
	v->intermediates = (unsigned)(p->num - 2);
	if (v->intermediates > in->depth)
		return false;
	for (size_t i = 0; i < p->num; i++) {
		if (!check_cert(in, p, i, &f))
			return false;
		/* RFC 5280 4.2.1.1: identifiers help to find the issuer; two that differ say it is not */
		if (issuer_id.n > 0 && f.own_id.n > 0 && !same(issuer_id, f.own_id))
			return false;
		issuer_id = f.issuer_id;
		v->from_s = p->cert[i].from_s > v->from_s ? p->cert[i].from_s : v->from_s;
		v->to_s = p->cert[i].to_s < v->to_s ? p->cert[i].to_s : v->to_s;
	}
	/* the anchor: what libcrypto calls self-signed */
	return issuer_id.n == 0 || f.own_id.n == 0 || same(issuer_id, f.own_id);
}

static bool is_strong(const struct key *k)
{
	switch (key_kind(k)) {
	case KEY_RSA: return key_bits(k) >= RSA_BITS_STRONG;
	case KEY_EC_P256:
	case KEY_EC_P384:
	case KEY_EC_P521:
	case KEY_ED25519:
	case KEY_ED448: return true;
	default: return false;
	}
}

static bool is_signed(const struct crypto *c, const struct der_cert *cert, const struct key *by)
{
	const struct sigscheme *s = spki_scheme(&cert->alg);

	return s && is_strong(by) && sign_check(c, by, s, cert->tbs, cert->signature);
}

static bool check_signatures(
	const struct crypto *c, const struct verify_in *in, const struct path *p)
{
	struct key *key;
	bool ok = true;

	if (!is_strong(chain_key(in->chain)))
		return false;
	for (size_t i = 0; ok && i + 2 < p->num; i++) {
		key = spki_key(c, &p->cert[i + 1]);
		ok = key && is_signed(c, &p->cert[i], key);
		key_give_back(key, c);
	}
	if (!ok)
		return false;
	key = (struct key *)(uintptr_t)store_key(in->store, c, p->anchor);
	return key && is_signed(c, &p->cert[p->num - 2], key);
}

bool lean_accepts(const struct crypto *c, const struct verify_in *in, struct verdict *out)
{
	struct path p;

	return in->chain->plain && in->store && store_num_odd(in->store) == 0 && build(in, &p) &&
	       check_path(in, &p, out) && check_signatures(c, in, &p);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * choose.c - see choose.h. RFC 8446 4.1.1 (parameters), 4.2.1 (versions), 4.2.3 (schemes), 4.2.7 and
 * 4.2.8 (groups, shares); RFC 8422 5.1 (curves in TLS 1.2); RFC 7301 (ALPN).
 */
#include "hs/choose.h"

#include <string.h>

#include "crypto/kex.h"

/* ---- version ---- */

uint16_t choose_client_max(const struct client_hello *ch)
{
	uint16_t max = 0;

	/* RFC 8446 4.2.1: without supported_versions servers MUST negotiate TLS 1.2 or prior, even if
	 * legacy_version is 0x0304 or later. */
	if (!(ch->has & EXT_BIT(EXT_VERSIONS)))
		return ch->legacy_version < LEAT_TLS12 ? ch->legacy_version : LEAT_TLS12;
	for (size_t i = 0; i < list16_num(ch->versions); i++) {
		uint16_t v = list16_at(ch->versions, i);

		/* GREASE and versions to come are not understood and so not counted */
		if (v <= LEAT_TLS13 && v > max)
			max = v;
	}
	return max;
}

uint16_t choose_version(const struct leat_config *cfg, const struct client_hello *ch)
{
	for (uint16_t v = cfg->max_version; v >= cfg->min_version; v--) {
		bool offered = ch->has & EXT_BIT(EXT_VERSIONS)
				       ? list16_has(ch->versions, v)
				       : v <= LEAT_TLS12 && ch->legacy_version >= v;

		if (offered)
			return v;
	}
	return 0;
}

/* ---- walking two lists in the order of one of them ---- */

/* Element i of the list that decides: ours, or the client's as far as it is also ours. */
static const struct suite *suite_in_order(
	const struct leat_config *cfg, const struct client_hello *ch, size_t i)
{
	uint16_t id;

	if (cfg->server_order)
		return list16_has(ch->suites, cfg->suites.v[i]->id) ? cfg->suites.v[i] : NULL;
	id = list16_at(ch->suites, i);
	for (unsigned k = 0; k < cfg->suites.n; k++)
		if (cfg->suites.v[k]->id == id)
			return cfg->suites.v[k];
	return NULL;
}

static size_t num_suites(const struct leat_config *cfg, const struct client_hello *ch)
{
	return cfg->server_order ? cfg->suites.n : list16_num(ch->suites);
}

static const struct group *group_in_order(
	const struct leat_config *cfg, const struct client_hello *ch, size_t i)
{
	uint16_t id;

	if (cfg->server_order)
		return list16_has(ch->groups, cfg->groups.v[i]->id) ? cfg->groups.v[i] : NULL;
	id = list16_at(ch->groups, i);
	for (unsigned k = 0; k < cfg->groups.n; k++)
		if (cfg->groups.v[k]->id == id)
			return cfg->groups.v[k];
	return NULL;
}

static size_t num_groups(const struct leat_config *cfg, const struct client_hello *ch)
{
	return cfg->server_order ? cfg->groups.n : list16_num(ch->groups);
}

bool choose_has_suite(const struct leat_config *cfg, const struct suite *s)
{
	for (unsigned i = 0; s && i < cfg->suites.n; i++)
		if (cfg->suites.v[i] == s)
			return true;
	return false;
}

/* ---- TLS 1.3 ---- */

const struct suite *choose_suite13(
	const struct leat_config *cfg, const struct client_hello *ch, enum hash_id hash)
{
	for (size_t i = 0; i < num_suites(cfg, ch); i++) {
		const struct suite *s = suite_in_order(cfg, ch, i);

		if (s && s->version == LEAT_TLS13 && (hash == HASH_NONE || s->hash == hash))
			return s;
	}
	return NULL;
}

bool choose_share(const struct client_hello *ch, const struct group *g, struct leat_span *share)
{
	struct leat_rd it = leat_rd_of(ch->key_shares);
	struct key_share ks;

	while (key_share_next(&it, &ks)) {
		if (ks.group == g->id) {
			*share = ks.key;
			return true;
		}
	}
	return false;
}

const struct group *choose_group13(
	const struct leat_config *cfg, const struct client_hello *ch, struct leat_span *share)
{
	const struct group *best = NULL;

	for (size_t i = 0; i < num_groups(cfg, ch); i++) {
		const struct group *g = group_in_order(cfg, ch, i);

		if (!g)
			continue;
		if (!best)
			best = g;
		/* A hybrid that stands first is worth a round trip: docs/decisions/0004. */
		if ((best->kind != GROUP_HYBRID || g->kind == GROUP_HYBRID) &&
			choose_share(ch, g, share))
			return g;
	}
	*share = (struct leat_span){ NULL, 0 };
	return best;
}

/* ---- signatures and credentials ---- */

const struct sigscheme *choose_scheme(const struct leat_config *cfg, unsigned version,
	struct leat_span offered, const struct key *key)
{
	for (unsigned i = 0; i < cfg->schemes.n; i++) {
		const struct sigscheme *s = cfg->schemes.v[i];

		if (key_fits(key, s, version) && list16_has(offered, s->id))
			return s;
	}
	return NULL;
}

/* RFC 8422 5.1: in TLS 1.2 supported_groups also limits the curve of the server's certificate. */
static bool curve_is_offered(const struct client_hello *ch, enum key_kind key)
{
	uint16_t curve = key == KEY_EC_P256   ? GROUP_SECP256R1
			 : key == KEY_EC_P384 ? GROUP_SECP384R1
			 : key == KEY_EC_P521 ? GROUP_SECP521R1
					      : 0;

	return !curve || !(ch->has & EXT_BIT(EXT_GROUPS)) || list16_has(ch->groups, curve);
}

static bool try_cred(const struct leat_config *cfg, unsigned version, struct leat_span schemes,
	const struct suite *suite, const struct client_hello *ch, const struct cred *cred,
	struct choice_cred *out)
{
	const struct key *key = cred_key(cred);
	const struct sigscheme *s;

	if (suite &&
		(!suite_fits_key(suite, key_kind(key)) || !curve_is_offered(ch, key_kind(key))))
		return false;
	s = choose_scheme(cfg, version, schemes, key);
	if (s)
		*out = (struct choice_cred){ cred, s, CERT_X509 };
	return s;
}

/* RFC 8446 4.2.3: "If no "signature_algorithms_cert" extension is present, then the
 * "signature_algorithms" extension also applies to signatures appearing in certificates." */
static struct leat_span schemes_of_certs(struct leat_span cert, struct leat_span all)
{
	return cert.n ? cert : all;
}

/* How well a credential that can sign suits the client, the reasons in the order of their weight. */
static unsigned rate(const struct cred *cred, const struct client_hello *ch, const char *sni)
{
	struct leat_span certs = schemes_of_certs(ch->sigalgs_cert, ch->sigalgs);

	return (sni[0] && cred_has_name(cred, sni) ? 4 : 0) +
	       (ch->authorities.n && cred_is_under(cred, ch->authorities) ? 2 : 0) +
	       (cred_is_signed_with(cred, certs) ? 1 : 0);
}

/* ---- types of certificate, RFC 7250 ---- */

static const uint8_t only_x509[] = { CERT_X509 };

/* "If the client [...] does not send the extension", X.509 it is. */
static struct leat_span server_types(const struct client_hello *ch)
{
	return ch->has & EXT_BIT(EXT_SERVER_CERT_TYPE) ? ch->server_cert_types
						       : (struct leat_span){ only_x509, 1 };
}

bool choose_has_server_type(const struct leat_config *cfg, const struct client_hello *ch)
{
	struct leat_span types = server_types(ch);

	for (size_t i = 0; i < types.n; i++)
		if (cert_types_has(&cfg->server_types, types.p[i]))
			return true;
	return false;
}

bool choose_client_type(const struct leat_config *cfg, const struct client_hello *ch, uint8_t *type)
{
	struct leat_span types = ch->has & EXT_BIT(EXT_CLIENT_CERT_TYPE)
					 ? ch->client_cert_types
					 : (struct leat_span){ only_x509, 1 };

	for (size_t i = 0; i < types.n; i++) {
		if (!cert_types_has(&cfg->client_types, types.p[i]))
			continue;
		*type = types.p[i];
		return true;
	}
	return false;
}

/* A key without a certificate can only be shown as it is. */
static bool has_type(const struct cred *cred, uint8_t type)
{
	return type == CERT_RAW_KEY || cred_num(cred) > 0;
}

static bool choose_cred_of(const struct leat_config *cfg, unsigned version,
	struct leat_span schemes, const struct suite *suite, const struct client_hello *ch,
	const char *sni, struct choice_cred *out)
{
	struct choice_cred c;
	unsigned best = 0;
	bool found = false;

	for (unsigned i = 0; i < cfg->num_creds; i++) {
		unsigned rating;

		if (!has_type(cfg->creds[i], out->type) ||
			!try_cred(cfg, version, schemes, suite, ch, cfg->creds[i], &c))
			continue;
		c.type = out->type;
		/* With one credential nothing changes. */
		rating = cfg->num_creds > 1 ? rate(c.cred, ch, sni) : 0;
		if (!found || rating > best) {
			*out = c;
			best = rating;
		}
		found = true;
	}
	return found;
}

bool choose_cred(const struct leat_config *cfg, unsigned version, struct leat_span schemes,
	const struct suite *suite, const struct client_hello *ch, const char *sni,
	struct choice_cred *out)
{
	struct leat_span types = server_types(ch);

	for (size_t i = 0; i < types.n; i++) {
		out->type = types.p[i];
		if (cert_types_has(&cfg->server_types, out->type) &&
			choose_cred_of(cfg, version, schemes, suite, ch, sni, out))
			return true;
	}
	return false;
}

static bool is_type_asked(const struct cert_request *cr, enum key_kind k)
{
	bool rsa = k == KEY_RSA || k == KEY_RSA_PSS;

	return list8_has(cr->types, rsa ? CERT_TYPE_RSA_SIGN : CERT_TYPE_ECDSA_SIGN);
}

bool choose_client_cred(const struct leat_config *cfg, unsigned version, uint8_t type,
	const struct cert_request *cr, struct choice_cred *out)
{
	struct leat_span certs = schemes_of_certs(cr->sigalgs_cert, cr->sigalgs);
	bool found = false;

	for (unsigned i = 0; i < cfg->num_creds; i++) {
		const struct cred *cred = cfg->creds[i];
		const struct sigscheme *s = choose_scheme(
			cfg, version, cr->sigalgs, cred_key(cred));

		if (!s || !has_type(cred, type) ||
			(type == CERT_X509 && cr->authorities.n &&
				!cred_is_under(cred, cr->authorities)) ||
			(version == LEAT_TLS12 && !is_type_asked(cr, key_kind(cred_key(cred)))))
			continue;
		if (!found)
			*out = (struct choice_cred){ cred, s, type };
		found = true;
		if (type == CERT_RAW_KEY || cred_is_signed_with(cred, certs)) {
			*out = (struct choice_cred){ cred, s, type };
			return true;
		}
	}
	return found;
}

/* ---- TLS 1.2 ---- */

static bool is_curve(const struct group *g)
{
	return g->kind == GROUP_NIST || g->kind == GROUP_X;
}

static const struct group *choose_group12(
	const struct leat_config *cfg, const struct client_hello *ch)
{
	/* RFC 8422 4: a client without supported_groups leaves the choice to the server */
	for (unsigned i = 0; !(ch->has & EXT_BIT(EXT_GROUPS)) && i < cfg->groups.n; i++)
		if (is_curve(cfg->groups.v[i]))
			return cfg->groups.v[i];
	for (size_t i = 0; i < num_groups(cfg, ch); i++) {
		const struct group *g = group_in_order(cfg, ch, i);

		/* hybrids exist in TLS 1.3 only, FFDHE belongs to the DHE suites */
		if (g && is_curve(g))
			return g;
	}
	return NULL;
}

/* Codepoints of RFC 7919 2, known or not. */
static bool is_ffdhe(uint16_t id)
{
	return id >= 0x0100 && id <= 0x01ff;
}

/* May this one be used in TLS 1.2? What the option groups names, where it names any; else those up to 4096
 * bits: one key of 8192 bits costs us more than a thousand of X25519. */
static bool may_use_prime(const struct leat_config *cfg, const struct group *g)
{
	bool named = false;

	for (unsigned i = 0; i < cfg->groups.n; i++) {
		if (cfg->groups.v[i] == g)
			return true;
		named = named || cfg->groups.v[i]->kind == GROUP_FFDHE;
	}
	return !named && g->id <= GROUP_FFDHE4096 && crypto_has_group(cfg->crypto, g);
}

/* RFC 7919 4: a client that lists FFDHE groups gets one of them, or no DHE suite at all. One that lists
 * none leaves the choice to us. false: no DHE; *group NULL: the prime of the config. */
static bool choose_prime(
	const struct leat_config *cfg, const struct client_hello *ch, const struct group **group)
{
	bool listed = false;

	for (size_t i = 0; (ch->has & EXT_BIT(EXT_GROUPS)) && i < list16_num(ch->groups); i++) {
		uint16_t id = list16_at(ch->groups, i);

		listed = listed || is_ffdhe(id);
		*group = is_ffdhe(id) ? group_by_id(id) : NULL;
		if (*group && may_use_prime(cfg, *group))
			return true;
	}
	*group = cfg->dh.p.n ? NULL : group_by_id(GROUP_FFDHE2048);
	return !listed && (cfg->dh.p.n || crypto_has_group(cfg->crypto, *group));
}

/* What the key exchange of a suite needs is there. */
static bool has_kx(const struct leat_config *cfg, const struct client_hello *ch,
	const struct suite *s, struct choice12 *out)
{
	out->group = NULL;
	switch (s->kx) {
	case KX_ECDHE:
	case KX_ECDHE_PSK: out->group = choose_group12(cfg, ch); return out->group;
	case KX_DHE:
	case KX_DHE_PSK:
		if (choose_prime(cfg, ch, &out->group))
			return true;
		out->no_prime = true;
		return false;
	case KX_PSK: return true;
	default: return false;
	}
}

bool choose_suite12(const struct leat_config *cfg, const struct client_hello *ch, const char *sni,
	struct choice12 *out)
{
	out->auth = (struct choice_cred){ 0 };
	out->no_prime = false;
	for (size_t i = 0; i < num_suites(cfg, ch); i++) {
		const struct suite *s = suite_in_order(cfg, ch, i);

		if (!s || s->version != LEAT_TLS12 || !config_may_use(cfg, s))
			continue;
		if (!suite_is_psk(s) &&
			!choose_cred(cfg, LEAT_TLS12, ch->sigalgs, s, ch, sni, &out->auth))
			continue;
		if (has_kx(cfg, ch, s, out)) {
			if (suite_is_psk(s))
				out->auth = (struct choice_cred){ 0 };
			out->suite = s;
			return true;
		}
	}
	return false;
}

/* ---- ALPN ---- */

struct leat_span choose_alpn(const struct leat_config *cfg, struct leat_span offered)
{
	struct leat_rd ours = leat_rd_of(cfg->alpn);
	struct leat_span mine, theirs;

	while (list_next8(&ours, &mine)) {
		struct leat_rd it = leat_rd_of(offered);

		while (list_next8(&it, &theirs))
			if (mine.n == theirs.n && memcmp(mine.p, theirs.p, mine.n) == 0)
				return mine;
	}
	return (struct leat_span){ NULL, 0 };
}

struct leat_span choose_alpn_ours(const struct leat_config *cfg, struct leat_span name)
{
	struct leat_rd ours = leat_rd_of(cfg->alpn);
	struct leat_span mine;

	while (list_next8(&ours, &mine))
		if (mine.n == name.n && memcmp(mine.p, name.p, mine.n) == 0)
			return mine;
	return (struct leat_span){ NULL, 0 };
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello_out.c - our ClientHello, first and second. Everything in it follows from the config, the
 * host name and the stored random and session id, so the second one (RFC 8446 4.1.2: the same but for
 * key_share, cookie, ...) is made by the same code.
 */
#include "hs/cert_attach.h"
#include "hs/psk.h"
#include "hs/record_limit.h"

#include <string.h>

#include "hs/cert_out.h"

#define MAX_VERSIONS 2

static bool offers(const struct hs *h, uint16_t version)
{
	return h->cfg->min_version <= version && version <= h->cfg->max_version;
}

static struct leat_span list_suites(const struct hs *h, struct leat_wr *w)
{
	for (unsigned i = 0; i < h->cfg->suites.n; i++)
		if (offers(h, h->cfg->suites.v[i]->version) &&
			config_may_use(h->cfg, h->cfg->suites.v[i]))
			leat_wr_u16(w, h->cfg->suites.v[i]->id);
	/* RFC 7507 4: "clients SHOULD put TLS_FALLBACK_SCSV after all cipher suites that they actually
	 * intend to negotiate" */
	if (h->cfg->fallback)
		leat_wr_u16(w, SUITE_FALLBACK_SCSV);
	return leat_wr_done(w);
}

/* RFC 8446 4.2.3: PKCS#1 schemes stay in the list of a TLS 1.3 client, they speak of certificates. */
static struct leat_span list_schemes(const struct hs *h, struct leat_wr *w)
{
	for (unsigned i = 0; i < h->cfg->schemes.n; i++)
		leat_wr_u16(w, h->cfg->schemes.v[i]->id);
	return leat_wr_done(w);
}

static struct leat_span list_cert_schemes(const struct hs *h, struct leat_wr *w)
{
	for (unsigned i = 0; i < h->cfg->cert_schemes.n; i++)
		leat_wr_u16(w, h->cfg->cert_schemes.v[i]->id);
	return leat_wr_done(w);
}

static struct leat_span list_groups(const struct hs *h, struct leat_wr *w)
{
	for (unsigned i = 0; i < h->cfg->groups.n; i++)
		leat_wr_u16(w, h->cfg->groups.v[i]->id);
	return leat_wr_done(w);
}

static struct leat_span list_versions(const struct hs *h, struct leat_wr *w)
{
	for (uint16_t v = h->cfg->max_version; v >= h->cfg->min_version; v--)
		leat_wr_u16(w, v);
	return leat_wr_done(w);
}

/* An ephemeral key for g and its KeyShareEntry. */
static enum leat_ret add_share(struct hs *h, const struct group *g)
{
	size_t mark;

	leat_wr_u16(&h->c.shares, g->id);
	mark = leat_wr_open(&h->c.shares, 2);
	if (kex_start(&h->c.kex[h->c.num_kex], h->cfg->crypto, g, &h->c.shares, h->err) != LEAT_OK)
		return LEAT_FAILED;
	h->c.num_kex++;
	leat_wr_close(&h->c.shares, mark, 2);
	return leat_wr_ok(&h->c.shares) ? LEAT_OK : err_memory(h->err);
}

/* Which groups get a share: our first, then the first of each other kind (a server that lacks the one
 * has the other), then by order. A set of indexes into cfg->groups. */
static unsigned pick_shares(const struct leat_config *cfg)
{
	unsigned want = cfg->num_shares < HS_SHARES ? cfg->num_shares : HS_SHARES;
	unsigned picked = 0, kinds = 0, num = 0;

	for (unsigned i = 0; i < cfg->groups.n && num < want; i++) {
		if (kinds & 1u << cfg->groups.v[i]->kind)
			continue;
		kinds |= 1u << cfg->groups.v[i]->kind;
		picked |= 1u << i;
		num++;
	}
	for (unsigned i = 0; i < cfg->groups.n && num < want; i++) {
		num += !(picked & 1u << i);
		picked |= 1u << i;
	}
	return picked;
}

/* RFC 8446 4.2.8: shares "MUST appear in the same order" as in supported_groups */
static enum leat_ret first_shares(struct hs *h)
{
	unsigned picked = pick_shares(h->cfg);

	for (unsigned i = 0; i < h->cfg->groups.n; i++)
		if ((picked & 1u << i) && add_share(h, h->cfg->groups.v[i]) != LEAT_OK)
			return LEAT_FAILED;
	return LEAT_OK;
}

void client_clear_shares(struct hs *h)
{
	for (unsigned i = 0; i < h->c.num_kex; i++)
		kex_clear(&h->c.kex[i]);
	h->c.num_kex = 0;
	leat_wr_clear(&h->c.shares);
}

/* RFC 8446 4.2.9; said without a PSK on offer too: it limits the tickets we may get. */
static struct leat_span list_modes(const struct hs *h)
{
	static const uint8_t modes[] = { PSK_DHE_KE, PSK_KE };
	bool ke = h->cfg->psk_modes & 1u << PSK_KE, dhe = h->cfg->psk_modes & 1u << PSK_DHE_KE;

	return (struct leat_span){ modes + (dhe ? 0 : 1), dhe && ke ? 2 : 1 };
}

/* Extensions TLS 1.3 needs, and those TLS 1.2 needs; each only where its version is offered. */
static void add_extensions(const struct hs *h, struct client_hello *ch)
{
	static const uint8_t uncompressed[] = { 0 };

	ch->has = EXT_BIT(EXT_GROUPS) | EXT_BIT(EXT_SIGALGS);
	if (hs_tells_name(h)) {
		ch->has |= EXT_BIT(EXT_SNI);
		ch->sni = (struct leat_span){ (const uint8_t *)h->c.host, strlen(h->c.host) };
	}
	if (h->cfg->alpn.n) {
		ch->has |= EXT_BIT(EXT_ALPN);
		ch->alpn = h->cfg->alpn;
	}
	limit_offer(h, ch);
	if (offers(h, LEAT_TLS13)) {
		ch->has |= EXT_BIT(EXT_VERSIONS) | EXT_BIT(EXT_KEY_SHARE) | EXT_BIT(EXT_PSK_MODES);
		ch->key_shares = leat_wr_done(&h->c.shares);
		ch->psk_modes = list_modes(h);
		if (h->cfg->post_auth)
			ch->has |= EXT_BIT(EXT_POST_AUTH);
	}
	if (offers(h, LEAT_TLS12)) {
		ch->has |= EXT_BIT(EXT_EMS) | EXT_BIT(EXT_RENEG) | EXT_BIT(EXT_POINT_FORMATS);
		ch->point_formats = (struct leat_span){ uncompressed, sizeof(uncompressed) };
		v12_client_ticket_ext(h, ch);
	}
}

/* What we take of certificates beyond their keys: RFC 8446 4.2.3, 4.2.4. */
static enum leat_ret add_cert_wishes(
	const struct hs *h, struct client_hello *ch, struct leat_wr *schemes, struct leat_wr *names)
{
	const struct cert_types *server = &h->cfg->server_types, *client = &h->cfg->client_types;

	/* RFC 7250 4.1: "If the client only has X.509 [...], it SHOULD omit" the extension */
	if (cert_types_has(server, CERT_RAW_KEY)) {
		ch->has |= EXT_BIT(EXT_SERVER_CERT_TYPE);
		ch->server_cert_types = (struct leat_span){ server->v, server->n };
	}
	if (cert_types_has(client, CERT_RAW_KEY) && h->cfg->num_creds) {
		ch->has |= EXT_BIT(EXT_CLIENT_CERT_TYPE);
		ch->client_cert_types = (struct leat_span){ client->v, client->n };
	}
	ch->sigalgs_cert = list_cert_schemes(h, schemes);
	if (ch->sigalgs_cert.n)
		ch->has |= EXT_BIT(EXT_SIGALGS_CERT);
	/* Only TLS 1.3 knows it in a ClientHello. */
	if (!h->cfg->authorities || !offers(h, LEAT_TLS13))
		return LEAT_OK;
	cert_out_authorities(h->cfg, names);
	if (!leat_wr_ok(names))
		return err_memory(h->err);
	ch->authorities = leat_wr_done(names);
	if (ch->authorities.n)
		ch->has |= EXT_BIT(EXT_AUTHORITIES);
	return LEAT_OK;
}

static enum leat_ret start_early(struct hs *h)
{
	/* D.4: "If offering early data, the record is placed immediately after the first ClientHello." */
	if (h->session_id_len && hs_send_ccs(h) != LEAT_OK)
		return LEAT_FAILED;
	h->early = HS_EARLY_OFFERED;
	return hs_keys_early(h, LEAT_TX, session_data(h->c.session)->suite);
}

/* Builds the hello with or without pre_shared_key, which is its last extension (RFC 8446 4.2.11), and
 * sends it; early data's keys follow it at once. */
static enum leat_ret offer_psks(struct hs *h, struct client_hello *ch)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr ids = { 0 }, binders = { 0 };
	bool early;

	h->c.num_offers = 0;
	if (offers(h, LEAT_TLS13))
		psk_client_list(h);
	early = h->c.want_early && psk_client_may_early(h);
	if (h->c.num_offers) {
		psk_client_write(h, &ids, &binders);
		if (!leat_wr_ok(&ids) || !leat_wr_ok(&binders))
			return err_memory(h->err);
		ch->has |= EXT_BIT(EXT_PSK) | (early ? EXT_BIT(EXT_EARLY_DATA) : 0);
		ch->psk_ids = leat_wr_done(&ids);
		ch->psk_binders = leat_wr_done(&binders);
	}
	h->c.asked = ch->has;
	enc_client_hello(hs_out(h), ch, NULL, 0);
	if (h->c.num_offers)
		psk_client_bind(h, binders.n);
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return early ? start_early(h) : LEAT_OK;
}

enum leat_ret client_send_hello(struct hs *h, struct leat_span cookie)
{
	static const uint8_t null_compression[] = { 0 };
	uint8_t suites_b[2 * (CONFIG_MAX_SUITES + 1)], groups_b[2 * CONFIG_MAX_GROUPS];
	uint8_t schemes_b[2 * CONFIG_MAX_SCHEMES], versions_b[2 * MAX_VERSIONS];
	uint8_t cert_schemes_b[2 * CONFIG_MAX_SCHEMES];
	struct leat_wr suites, groups, schemes, versions, cert_schemes, zips;
	LEAT_SCOPED(leat_wr_clear) struct leat_wr names = { 0 };
	uint8_t zips_b[2 * ZIP_COUNT];
	struct client_hello ch = {
		.legacy_version = LEAT_TLS12, /* RFC 8446 4.1.2: MUST be set to 0x0303 */
		.random = { h->client_random, RANDOM_LEN },
		.session_id = { h->session_id, h->session_id_len },
		.compressions = { null_compression, sizeof(null_compression) },
	};

	leat_wr_fixed(&suites, suites_b, sizeof(suites_b));
	leat_wr_fixed(&groups, groups_b, sizeof(groups_b));
	leat_wr_fixed(&schemes, schemes_b, sizeof(schemes_b));
	leat_wr_fixed(&versions, versions_b, sizeof(versions_b));
	leat_wr_fixed(&cert_schemes, cert_schemes_b, sizeof(cert_schemes_b));
	leat_wr_fixed(&zips, zips_b, sizeof(zips_b));
	ch.suites = list_suites(h, &suites);
	ch.groups = list_groups(h, &groups);
	ch.sigalgs = list_schemes(h, &schemes);
	ch.versions = list_versions(h, &versions);
	add_extensions(h, &ch);
	if (add_cert_wishes(h, &ch, &cert_schemes, &names) != LEAT_OK)
		return LEAT_FAILED;
	attach_ask(h->cfg, &ch, &zips);
	if (cookie.n) {
		ch.has |= EXT_BIT(EXT_COOKIE);
		ch.cookie = cookie;
	}
	return offer_psks(h, &ch);
}

enum leat_ret client_start(struct hs *h)
{
	h->env->random(h->env->arg, h->client_random, RANDOM_LEN);
	if (offers(h, LEAT_TLS13)) {
		/* RFC 8446 D.4: a non-empty session id makes the handshake look like a resumption */
		if (h->cfg->middlebox) {
			h->session_id_len = LIM_SESSION_ID;
			h->env->random(h->env->arg, h->session_id, h->session_id_len);
		}
		if (first_shares(h) != LEAT_OK)
			return LEAT_FAILED;
	}
	v12_client_offer(h);
	return client_send_hello(h, (struct leat_span){ NULL, 0 });
}

enum leat_ret client_send_hello2(
	struct hs *h, struct leat_span cookie, const struct group *retry_group)
{
	/* RFC 8446 4.1.2: key_share is replaced by one entry of the group asked for; without such a
	 * request (a cookie alone) it stays. */
	if (retry_group) {
		client_clear_shares(h);
		if (add_share(h, retry_group) != LEAT_OK)
			return LEAT_FAILED;
	}
	return client_send_hello(h, cookie);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello_in.c - a ClientHello as the server takes it, up to the version: what holds for every
 * version is checked here, then server_choose13 or v12_server_begin goes on. RFC 8446 4.1.2, 4.2.1,
 * RFC 7507 (fallback), RFC 6066 3 (server_name).
 */
#include "hs/hs_int.h"

#include <string.h>

#include "hs/choose.h"
#include "hs/lookup.h"
#include "hs/record_limit.h"

static enum leat_ret check_version(
	const struct hs *h, const struct client_hello *ch, uint16_t version)
{
	/* RFC 8446 D.5: "Any endpoint receiving a Hello message with ClientHello.legacy_version or
	 * ServerHello.legacy_version set to 0x0300 MUST abort the handshake with a "protocol_version"
	 * alert.", whatever supported_versions says */
	if (ch->legacy_version <= 0x0300)
		version = 0;
	if (!version) {
		(void)hs_refuse(
			h, LEAT_ALERT_PROTOCOL_VERSION, "client_hello: no version in common");
		err_detailf(h->err, "client speaks up to 0x%04x", choose_client_max(ch));
		return LEAT_FAILED;
	}
	/* RFC 7507 3: "If TLS_FALLBACK_SCSV appears in ClientHello.cipher_suites and the highest protocol
	 * version supported by the server is higher than the version indicated in
	 * ClientHello.client_version, the server MUST respond with a fatal inappropriate_fallback" */
	if (choose_client_max(ch) < h->cfg->max_version &&
		list16_has(ch->suites, SUITE_FALLBACK_SCSV))
		return hs_refuse(h, LEAT_ALERT_INAPPROPRIATE_FALLBACK,
			"client_hello: fell back although we speak a newer version");
	return LEAT_OK;
}

static enum leat_ret check_compressions(
	const struct hs *h, const struct client_hello *ch, uint16_t version)
{
	/* RFC 8446 4.1.2: "For every TLS 1.3 ClientHello, this vector MUST contain exactly one byte, set
	 * to zero [...] If a TLS 1.3 ClientHello is received with any other value in this field, the
	 * server MUST abort the handshake with an "illegal_parameter" alert." */
	bool good = version == LEAT_TLS13 ? ch->compressions.n == 1 && ch->compressions.p[0] == 0
					  : list8_has(ch->compressions, 0);

	return good ? LEAT_OK
		    : hs_refuse(
			      h, LEAT_ALERT_ILLEGAL_PARAMETER, "client_hello: compression methods");
}

/* ---- the second ClientHello ---- */

static void digest_span(struct digest *d, struct leat_span s)
{
	uint8_t n[4] = { (uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8),
		(uint8_t)s.n };

	digest_update(d, n, sizeof(n));
	digest_update(d, s.p, s.n);
}

/* RFC 8446 4.1.2: "the client MUST send the same ClientHello without modification, except as follows":
 * key_share, early_data, cookie, pre_shared_key, padding. */
void server_hello_digest(const struct client_hello *ch, bool shares_too, uint8_t out[32])
{
	uint64_t may_change = EXT_BIT(EXT_KEY_SHARE) | EXT_BIT(EXT_EARLY_DATA) |
			      EXT_BIT(EXT_COOKIE) | EXT_BIT(EXT_PSK) | EXT_BIT(EXT_PADDING);
	const struct leat_span same[] = { ch->random, ch->session_id, ch->suites, ch->compressions,
		ch->sni, ch->reneg, ch->groups, ch->point_formats, ch->ticket, ch->alpn, ch->status,
		ch->sigalgs, ch->sigalgs_cert, ch->authorities, ch->versions, ch->psk_modes,
		ch->compress, ch->client_cert_types, ch->server_cert_types };
	uint64_t has = ch->has & ~may_change;
	struct digest d;

	digest_init(&d, HASH_SHA256);
	digest_update(&d, &ch->legacy_version, sizeof(ch->legacy_version));
	digest_update(&d, &has, sizeof(has));
	digest_update(&d, &ch->record_size, sizeof(ch->record_size));
	digest_update(&d, &ch->max_fragment, sizeof(ch->max_fragment));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		digest_span(&d, same[i]);
	if (shares_too)
		digest_span(&d, ch->key_shares);
	digest_snapshot(&d, out);
}

static enum leat_ret check_second(const struct hs *h, const struct client_hello *ch)
{
	uint8_t digest[32];

	/* 4.1.2: the shares are replaced "if a "key_share" extension was supplied in the
	 * HelloRetryRequest", and not else */
	server_hello_digest(ch, h->s.retry_group == NULL, digest);
	if (memcmp(digest, h->s.hello_digest, sizeof(digest)) != 0)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"client_hello: changed after hello_retry_request");
	/* 4.2.10: early_data MUST be removed */
	if (ch->has & EXT_BIT(EXT_EARLY_DATA))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"client_hello: extension not allowed after hello_retry_request");
	return retry_cookie_check(h, ch);
}

/* ---- whose config ---- */

static void commit_config(struct hs *h, struct leat_config *cfg)
{
	h->s.sni_asked = true;
	if (!cfg)
		return;
	if (h->sink->config)
		h->sink->config(h->sink->arg, cfg);
	leat_config_unref(h->cfg);
	h->cfg = cfg;
	h->s.sni_chose = true;
}

/* Before anything is chosen: the name may have another config. RFC 6066 3 */
static enum leat_ret choose_config(struct hs *h, const struct client_hello *ch)
{
	struct leat_config *cfg;
	enum leat_ret r;

	if (!h->cfg->sni || !ch->sni.n || h->s.sni_asked || h->retried || !hs_is_last(h))
		return LEAT_OK;
	r = lookup_config(h, ch->sni, &cfg);
	if (r == LEAT_OK)
		commit_config(h, cfg);
	return r;
}

static void commit_client_hello(struct hs *h, const struct client_hello *ch)
{
	memcpy(h->client_random, ch->random.p, RANDOM_LEN);
	h->session_id_len = (uint8_t)ch->session_id.n;
	if (ch->session_id.n)
		memcpy(h->session_id, ch->session_id.p, ch->session_id.n);
	memcpy(h->s.sni, ch->sni.p ? ch->sni.p : (const uint8_t *)"", ch->sni.n);
	h->s.sni[ch->sni.n] = '\0';
	limit_commit_hello(h, ch);
}

enum leat_ret on_client_hello(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct client_hello ch;
	uint16_t version;
	enum leat_ret r;

	if (!dec_client_hello(body, &ch, &alert))
		return hs_refuse(h, alert, "client_hello: malformed");
	if ((r = choose_config(h, &ch)) != LEAT_OK)
		return r;
	version = choose_version(h->cfg, &ch);
	if (check_version(h, &ch, version) != LEAT_OK ||
		check_compressions(h, &ch, version) != LEAT_OK ||
		limit_check_hello(h, &ch) != LEAT_OK)
		return LEAT_FAILED;
	if (h->retried && check_second(h, &ch) != LEAT_OK)
		return LEAT_FAILED;
	/* Keys change behind a TLS 1.3 hello, and in TLS 1.2 the client waits for our answer. */
	if (!hs_is_last(h))
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"client_hello: not at the end of its record");
	commit_client_hello(h, &ch);
	return version == LEAT_TLS13 ? server_choose13(h, &ch, next)
				     : v12_server_begin(h, &ch, next);
}

void server_make_random(struct hs *h)
{
	h->env->random(h->env->arg, h->server_random, RANDOM_LEN);
	sentinel_put(h->server_random, h->cfg->max_version, h->version);
}

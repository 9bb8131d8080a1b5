/* SPDX-License-Identifier: Apache-2.0
 *
 * client_params.c - the server's choice as the client hears it: ServerHello, HelloRetryRequest,
 * EncryptedExtensions. RFC 8446 4.1.3, 4.1.4, 4.3.1, D.4.
 */
#include "hs/psk.h"

#include <string.h>

#include "hs/choose.h"
#include "hs/keylog.h"
#include "hs/record_limit.h"
#include "wire/encrypted_ext.h"

/* ---- what holds for every ServerHello, HelloRetryRequest included ---- */

static bool is_offered_group(const struct hs *h, const struct group *g)
{
	for (unsigned i = 0; g && i < h->cfg->groups.n; i++)
		if (h->cfg->groups.v[i] == g)
			return true;
	return false;
}

static struct kex *share_of(struct hs *h, uint16_t group)
{
	for (unsigned i = 0; i < h->c.num_kex; i++)
		if (h->c.kex[i].group->id == group)
			return &h->c.kex[i];
	return NULL;
}

static enum leat_ret check_version(const struct hs *h, const struct server_hello *sh)
{
	/* RFC 8446 D.5: a legacy_version of 0x0300 MUST be refused with protocol_version */
	if (sh->legacy_version <= 0x0300)
		return hs_refuse(h, LEAT_ALERT_PROTOCOL_VERSION, "server_hello: ssl 3.0 or older");
	if (sh->has & EXT_BIT(EXT_VERSIONS)) {
		/* RFC 8446 4.2.1: "If the "supported_versions" extension in the ServerHello contains a
		 * version not offered by the client or contains a version prior to TLS 1.3, the client
		 * MUST abort the handshake with an "illegal_parameter" alert." */
		if (sh->version != LEAT_TLS13 || h->cfg->max_version < LEAT_TLS13)
			return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
				"server_hello: selected a version that was not offered");
		return LEAT_OK;
	}
	if (sh->retry)
		return hs_refuse(h, LEAT_ALERT_MISSING_EXTENSION,
			"hello_retry_request: without supported_versions");
	if (h->version == LEAT_TLS13)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: another version after hello_retry_request");
	if (sh->version != LEAT_TLS12 || h->cfg->min_version > LEAT_TLS12) {
		(void)hs_refuse(
			h, LEAT_ALERT_PROTOCOL_VERSION, "server_hello: a version we do not speak");
		err_detailf(h->err, "version 0x%04x", sh->version);
		return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* RFC 8446 4.1.3: "TLS 1.3 clients receiving a ServerHello indicating TLS 1.2 or below MUST check that
 * the last 8 bytes are not equal to either of these values." */
static enum leat_ret check_sentinel(const struct hs *h, const struct server_hello *sh)
{
	if (h->cfg->max_version >= LEAT_TLS13 && sentinel_of(sh->random) != 0)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: somebody downgraded the connection");
	return LEAT_OK;
}

static enum leat_ret check_hello13(const struct hs *h, const struct server_hello *sh)
{
	const struct suite *s = suite_by_id(sh->suite);

	if (sh->legacy_version != LEAT_TLS12)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: legacy_version is not 0x0303");
	/* "A client which receives a legacy_session_id_echo field that does not match what it sent in
	 * the ClientHello MUST abort the handshake with an "illegal_parameter" alert." */
	if (sh->session_id.n != h->session_id_len ||
		(sh->session_id.n &&
			memcmp(sh->session_id.p, h->session_id, sh->session_id.n) != 0))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: legacy_session_id_echo is not what we sent");
	/* "A client which receives a cipher suite that was not offered MUST abort the handshake with an
	 * "illegal_parameter" alert." */
	if (!choose_has_suite(h->cfg, s) || s->version != LEAT_TLS13)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: cipher suite was not offered");
	if (!ext_is_asked(server_hello_where(sh), sh->has, h->c.asked))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_EXTENSION,
			"server_hello: extension was not asked for");
	return LEAT_OK;
}

/* ---- HelloRetryRequest, RFC 8446 4.1.4 ---- */

static enum leat_ret check_retry(const struct hs *h, const struct server_hello *sh)
{
	/* "If a client receives a second HelloRetryRequest in the same connection [...] it MUST abort
	 * the handshake with an "unexpected_message" alert." */
	if (h->retried)
		return hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "hello_retry_request: a second one");
	if (check_hello13(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	/* "Clients MUST abort the handshake with an "illegal_parameter" alert if the HelloRetryRequest
	 * would not result in any change in the ClientHello." */
	if (!(sh->has & (EXT_BIT(EXT_KEY_SHARE) | EXT_BIT(EXT_COOKIE))))
		return hs_refuse(
			h, LEAT_ALERT_ILLEGAL_PARAMETER, "hello_retry_request: asks for no change");
	if (!(sh->has & EXT_BIT(EXT_KEY_SHARE)))
		return LEAT_OK;
	/* 4.2.8: "the client MUST verify that (1) the selected_group field corresponds to a group which
	 * was provided in the "supported_groups" extension in the original ClientHello and (2) the
	 * selected_group field does not correspond to a group which was provided in the "key_share"
	 * extension in the original ClientHello. [...] illegal_parameter" */
	if (!is_offered_group(h, group_by_id(sh->group)))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"hello_retry_request: group was not offered");
	if (share_of((struct hs *)h, sh->group))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"hello_retry_request: a share of this group was sent");
	return LEAT_OK;
}

static enum leat_ret reject_early(struct hs *h)
{
	if (h->early != HS_EARLY_OFFERED)
		return LEAT_OK;
	h->early = HS_EARLY_REJECTED;
	return h->sink->keys(h->sink->arg, LEAT_TX, LV_PLAIN, NULL, NULL);
}

static enum leat_ret on_retry(struct hs *h, const struct server_hello *sh, enum hs_state *next)
{
	const struct group *g = sh->has & EXT_BIT(EXT_KEY_SHARE) ? group_by_id(sh->group) : NULL;

	if (check_retry(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	h->retried = true;
	/* RFC 8446 4.2.10: early data is refused by it, and what follows goes in clear */
	if (reject_early(h) != LEAT_OK)
		return LEAT_FAILED;
	hs_set_version(h, LEAT_TLS13);
	if (hs_set_suite(h, suite_by_id(sh->suite)) != LEAT_OK)
		return LEAT_FAILED;
	transcript_retry(&h->tr);
	hs_take_msg(h);
	/* D.4: change_cipher_spec "immediately before its second flight" */
	if (h->session_id_len && hs_send_ccs(h) != LEAT_OK)
		return LEAT_FAILED;
	*next = C_WAIT_SH2;
	return client_send_hello2(
		h, sh->has & EXT_BIT(EXT_COOKIE) ? sh->cookie : (struct leat_span){ NULL, 0 }, g);
}

/* ---- ServerHello of TLS 1.3 ---- */

/* RFC 8446 4.2.11: "Clients MUST verify that the server's selected_identity is within the range supplied
 * by the client, that the server selected a cipher suite indicating a Hash associated with the PSK, and
 * that a server "key_share" extension is present if required by the ClientHello
 * "psk_key_exchange_modes" extension. If these values are not consistent, the client MUST abort the
 * handshake with an "illegal_parameter" alert." */
static enum leat_ret check_psk(const struct hs *h, const struct server_hello *sh)
{
	bool share = sh->has & EXT_BIT(EXT_KEY_SHARE);

	if (!(sh->has & EXT_BIT(EXT_PSK))) /* a certificate handshake needs a share (9.2) */
		return share ? LEAT_OK
			     : hs_refuse(h, LEAT_ALERT_MISSING_EXTENSION,
				       "server_hello: without key_share");
	if (sh->psk >= h->c.num_offers)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: selected a PSK that was not offered");
	if (psk_client_offer(h, sh->psk).hash != suite_by_id(sh->suite)->hash)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: PSK and cipher suite do not fit each other");
	if (!(h->cfg->psk_modes & 1u << (share ? PSK_DHE_KE : PSK_KE)))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: PSK key exchange mode was not offered");
	return LEAT_OK;
}

static enum leat_ret check_server_hello13(const struct hs *h, const struct server_hello *sh)
{
	if (check_hello13(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 8446 4.1.4: "the cipher suite in the ServerHello MUST be the same as in the
	 * HelloRetryRequest, else illegal_parameter" */
	if (h->retried && suite_by_id(sh->suite) != h->suite)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: another cipher suite than hello_retry_request");
	if (check_psk(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	if ((sh->has & EXT_BIT(EXT_KEY_SHARE)) && !share_of((struct hs *)h, sh->group))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: key_share of a group we sent none for");
	if (!hs_is_last(h))
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"server_hello: not at the end of its record");
	return LEAT_OK;
}

/* The Early Secret: of the PSK that was selected, or of none. The first one's is there already. */
static void set_early_secret(struct hs *h, const struct server_hello *sh)
{
	struct psk_offer o;

	if (!(sh->has & EXT_BIT(EXT_PSK))) {
		sched13_early(&h->sched, h->suite->hash, (struct leat_span){ NULL, 0 });
		return;
	}
	o = psk_client_offer(h, sh->psk);
	h->psk = true;
	h->resumed = o.kind == PSK_RESUMPTION;
	if (h->resumed)
		hs_take_peer(h, session_data(h->c.session));
	if (sh->psk != 0)
		sched13_early(&h->sched, o.hash, leat_secret_span(o.secret));
}

/* RFC 8446 7.1: Early Secret, Handshake Secret, handshake traffic secrets. */
static void commit_server_hello13(
	struct hs *h, const struct server_hello *sh, const struct kex_out *shared)
{
	uint8_t th[HASH_MAX];

	memcpy(h->server_random, sh->random.p, RANDOM_LEN);
	h->group = sh->has & EXT_BIT(EXT_KEY_SHARE) ? group_by_id(sh->group) : NULL;
	client_clear_shares(h);
	hs_take_msg(h);
	set_early_secret(h, sh);
	sched13_handshake(&h->sched, kex_out_span(shared), hs_transcript(h, th),
		&h->hs_secret[LEAT_CLIENT], &h->hs_secret[LEAT_SERVER]);
	keylog_handshake13(h);
}

static enum leat_ret on_server_hello13(
	struct hs *h, const struct server_hello *sh, enum hs_state *next)
{
	LEAT_SCOPED(kex_out_clear) struct kex_out shared = { 0 };

	if (check_server_hello13(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	if ((sh->has & EXT_BIT(EXT_KEY_SHARE)) && kex_finish(share_of(h, sh->group), h->cfg->crypto,
							  sh->share, &shared, h->err) != LEAT_OK)
		return LEAT_FAILED;
	if (hs_set_suite(h, suite_by_id(sh->suite)) != LEAT_OK)
		return LEAT_FAILED;
	if (!h->version)
		hs_set_version(h, LEAT_TLS13);
	commit_server_hello13(h, sh, &shared);
	h->post_offered = h->cfg->post_auth;
	*next = C_WAIT_EE;
	/* Both at once: an alert of ours is protected from here on (RFC 8446 6, "encrypted as specified by
	 * the current connection state"). */
	if (hs_keys13(h, LEAT_RX, LV_HANDSHAKE, &h->hs_secret[LEAT_SERVER]) != LEAT_OK)
		return LEAT_FAILED;
	/* Early data may go on until EncryptedExtensions say what became of it. */
	if (h->early == HS_EARLY_OFFERED && h->resumed)
		return LEAT_OK;
	if (h->early == HS_EARLY_OFFERED)
		h->early = HS_EARLY_REJECTED;
	return hs_keys13(h, LEAT_TX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

enum leat_ret on_server_hello(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct server_hello sh;

	if (!dec_server_hello(body, &sh, &alert))
		return hs_refuse(h, alert, "server_hello: malformed");
	if (check_version(h, &sh) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 8446 4.1.3: a single byte which MUST have the value 0 */
	if (sh.compression != 0)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER, "server_hello: compression");
	if (sh.retry)
		return on_retry(h, &sh, next);
	if (sh.version == LEAT_TLS13)
		return on_server_hello13(h, &sh, next);
	if (check_sentinel(h, &sh) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 8446 D.3: "A client that attempts to send 0-RTT data MUST fail a connection if it receives a
	 * ServerHello with TLS 1.2 or older." */
	if (h->early != HS_EARLY_NONE)
		return hs_refuse(h, LEAT_ALERT_PROTOCOL_VERSION,
			"server_hello: tls 1.2 in answer to early data");
	if (h->dropped_in)
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"change_cipher_spec: before the server_hello of tls 1.2");
	return v12_client_begin(h, &sh, next);
}

/* ---- EncryptedExtensions ---- */

/* RFC 8446 4.2.10: "If the server supplies an "early_data" extension in EncryptedExtensions, the client
 * MUST verify that the server's selected_identity is 0. If any other value is returned, the client MUST
 * abort the handshake with an "illegal_parameter" alert."; 4.2.10 also: same suite, same ALPN. */
static enum leat_ret check_early(const struct hs *h, const struct encrypted_ext *ee)
{
	const struct session_data *d;
	struct leat_span alpn = { NULL, 0 };

	if (!(ee->has & EXT_BIT(EXT_EARLY_DATA)))
		return LEAT_OK;
	if (h->early != HS_EARLY_OFFERED)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"encrypted_extensions: early data without its session");
	d = session_data(h->c.session);
	if (ee->has & EXT_BIT(EXT_ALPN))
		alpn = ee->alpn;
	if (h->suite != d->suite || alpn.n != d->alpn.n ||
		(alpn.n && memcmp(alpn.p, d->alpn.p, alpn.n) != 0))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"encrypted_extensions: early data with another suite or alpn name");
	return LEAT_OK;
}

static struct record_words words_of(const struct encrypted_ext *ee)
{
	return (struct record_words){ ee->has, ee->record_size, ee->max_fragment };
}

static enum leat_ret check_encrypted_ext(const struct hs *h, const struct encrypted_ext *ee)
{
	const struct record_words words = words_of(ee);

	/* RFC 8446 4.2: "If an implementation receives an extension which it recognizes and which is not
	 * specified for the message in which it appears, it MUST abort with illegal_parameter" (that is
	 * the decoder's); an answer to nothing is unsupported_extension. */
	if (!ext_is_asked(EXT_IN_EE, ee->has, h->c.asked))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_EXTENSION,
			"encrypted_extensions: extension was not asked for");
	if ((ee->has & EXT_BIT(EXT_ALPN)) && choose_alpn_ours(h->cfg, ee->alpn).n == 0)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"encrypted_extensions: alpn name was not offered");
	if (limit_check_answer(h, &words, LEAT_TLS13) != LEAT_OK)
		return LEAT_FAILED;
	if (client_check_types(h, ee->has, ee->server_cert_type, ee->client_cert_type) != LEAT_OK)
		return LEAT_FAILED;
	return check_early(h, ee);
}

/* The answer to our early data: goes on under its keys until EndOfEarlyData, or is over. */
static enum leat_ret commit_early(struct hs *h, bool accepted)
{
	if (h->early != HS_EARLY_OFFERED)
		return LEAT_OK;
	h->early = accepted ? HS_EARLY_ACCEPTED : HS_EARLY_REJECTED;
	return accepted ? LEAT_OK : hs_keys13(h, LEAT_TX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

enum leat_ret on_encrypted_ext(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct record_words words;
	struct encrypted_ext ee;

	if (!dec_encrypted_ext(body, &ee, &alert))
		return hs_refuse(h, alert, "encrypted_extensions: malformed");
	if (check_encrypted_ext(h, &ee) != LEAT_OK)
		return LEAT_FAILED;
	if (ee.has & EXT_BIT(EXT_ALPN))
		h->alpn = choose_alpn_ours(h->cfg, ee.alpn);
	h->server_type = ee.server_cert_type;
	h->client_type = ee.client_cert_type;
	words = words_of(&ee);
	limit_commit_answer(h, &words);
	hs_take_msg(h);
	/* RFC 8446 A.1: "Using PSK" goes straight to Finished */
	*next = h->psk ? C_WAIT_FINISHED : C_WAIT_CERT_CR;
	return commit_early(h, ee.has & EXT_BIT(EXT_EARLY_DATA));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server_flight.c - the server's flight: ServerHello, EncryptedExtensions, CertificateRequest where
 * clients are to show who they are, Certificate, then (after the signature job) CertificateVerify and
 * Finished. RFC 8446 2, 4.1.3, 4.3.1, 4.4, D.4.
 */
#include "hs/cert_out.h"

#include "hs/keylog.h"
#include "hs/record_limit.h"
#include "wire/encrypted_ext.h"

static enum leat_ret send_server_hello(
	struct hs *h, const struct client_hello *ch, struct leat_span share)
{
	struct server_hello sh = {
		.legacy_version = LEAT_TLS12,
		.version = LEAT_TLS13,
		.random = { h->server_random, RANDOM_LEN },
		.session_id = ch->session_id,
		.suite = h->suite->id,
		.has = EXT_BIT(EXT_VERSIONS),
		.share = share,
		.psk = h->s.psk_index,
	};

	if (h->group) {
		sh.has |= EXT_BIT(EXT_KEY_SHARE);
		sh.group = h->group->id;
	}
	if (h->psk)
		sh.has |= EXT_BIT(EXT_PSK);

	server_make_random(h);
	enc_server_hello(hs_out(h), &sh);
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return ch->session_id.n ? hs_send_ccs(h) : LEAT_OK;
}

static enum leat_ret set_handshake_keys(struct hs *h, const struct kex_out *shared)
{
	uint8_t th[HASH_MAX];

	sched13_handshake(&h->sched, kex_out_span(shared), hs_transcript(h, th),
		&h->hs_secret[LEAT_CLIENT], &h->hs_secret[LEAT_SERVER]);
	keylog_handshake13(h);
	if (hs_keys13(h, LEAT_TX, LV_HANDSHAKE, &h->hs_secret[LEAT_SERVER]) != LEAT_OK)
		return LEAT_FAILED;
	/* Early data first: the keys to read the rest under are set when it ends. */
	if (h->early == HS_EARLY_ACCEPTED)
		return LEAT_OK;
	return hs_keys13(h, LEAT_RX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

static enum leat_ret send_encrypted_ext(struct hs *h)
{
	struct encrypted_ext ee = { .alpn = h->alpn };
	struct record_words words;

	if (h->alpn.n)
		ee.has |= EXT_BIT(EXT_ALPN);
	/* RFC 6066 3: "A server that receives a client hello containing the "server_name" extension MAY
	 * use the information [...] In this event, the server SHALL include [it], empty" */
	if (h->s.sni[0] && h->cred && cred_has_name(h->cred, h->s.sni))
		ee.has |= EXT_BIT(EXT_SNI);
	/* RFC 7250 4.2: what follows is of these types; X.509 needs no word. */
	ee.server_cert_type = h->server_type;
	ee.client_cert_type = h->client_type;
	if (!h->psk && h->server_type == CERT_RAW_KEY)
		ee.has |= EXT_BIT(EXT_SERVER_CERT_TYPE);
	if (h->client_type == CERT_RAW_KEY &&
		(h->post_offered || (!h->psk && h->cfg->verify == LEAT_VERIFY_PEER)))
		ee.has |= EXT_BIT(EXT_CLIENT_CERT_TYPE);
	if (h->early == HS_EARLY_ACCEPTED)
		ee.has |= EXT_BIT(EXT_EARLY_DATA);
	words = limit_answer(h);
	ee.has |= words.has;
	ee.record_size = words.record_size;
	ee.max_fragment = words.max_fragment;
	enc_encrypted_ext(hs_out(h), &ee);
	return hs_send(h);
}

/* Our Finished. RFC 8446 7.1: the application secrets stand on the transcript through it, and we may send
 * under them at once. */
static enum leat_ret finish_flight(struct hs *h, enum hs_state *next)
{
	uint8_t th[HASH_MAX];

	if (hs_send_finished13(h, LEAT_SERVER) != LEAT_OK)
		return LEAT_FAILED;
	sched13_master(&h->sched, hs_transcript(h, th), &h->app_secret[LEAT_CLIENT],
		&h->app_secret[LEAT_SERVER], &h->exporter);
	keylog_application13(h);
	*next = h->early == HS_EARLY_ACCEPTED ? S_WAIT_EOED
		: h->s.asked_cert             ? S_WAIT_CERT
					      : S_WAIT_FINISHED;
	return hs_keys13(h, LEAT_TX, LV_APP, &h->app_secret[LEAT_SERVER]);
}

/* The signature is there: the rest of the flight. */
static enum leat_ret after_sign(struct hs *h, enum hs_state *next)
{
	return cert_out_send_verify(h) == LEAT_OK ? finish_flight(h, next) : LEAT_FAILED;
}

/* RFC 8446 4.3.2: "A server which is authenticating with a certificate MAY optionally request a
 * certificate from the client." */
static enum leat_ret maybe_ask(struct hs *h)
{
	return h->cfg->verify == LEAT_VERIFY_PEER
		       ? cert_out_request(h, (struct leat_span){ NULL, 0 })
		       : LEAT_OK;
}

enum leat_ret server_send_flight(struct hs *h, const struct client_hello *ch,
	struct leat_span share, const struct kex_out *shared, enum hs_state *next)
{
	if (send_server_hello(h, ch, share) != LEAT_OK ||
		set_handshake_keys(h, shared) != LEAT_OK || send_encrypted_ext(h) != LEAT_OK)
		return LEAT_FAILED;
	if (h->psk) /* it authenticates both sides: no certificates */
		return finish_flight(h, next);
	if (maybe_ask(h) != LEAT_OK || cert_out_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return cert_out_sign13(h, after_sign);
}

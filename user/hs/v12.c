/* SPDX-License-Identifier: Apache-2.0
 *
 * v12.c - what both sides of a TLS 1.2 handshake do the same way: master secret and keys, the turn of
 * change_cipher_spec and Finished. RFC 5246 7.1, 7.4.9, 8.1; RFC 7627 4 (extended master secret).
 *
 * A full handshake, RFC 5246 7.3 (messages in brackets are sent on request only):
 *
 *	ClientHello            ->
 *	                       <-  ServerHello, Certificate, ServerKeyExchange,
 *	                           [CertificateRequest], ServerHelloDone
 *	[Certificate], ClientKeyExchange, [CertificateVerify],
 *	change_cipher_spec, Finished  ->
 *	                       <-  [NewSessionTicket], change_cipher_spec, Finished
 *
 * The abbreviated one, with both Finished the other way round: v12_resume_server.c, v12_resume_client.c.
 *
 * Renegotiation is not spoken: RFC 5746's signals are exchanged so that a peer can tell, and a second
 * ClientHello or HelloRequest is the engine's to answer with no_renegotiation.
 */
#include "hs/v12_int.h"

#include <string.h>

#include "wire/finished.h"

void v12_signed_randoms(const struct hs *h, struct leat_wr *tbs)
{
	/* RFC 5246 7.4.3: client_random, server_random, then the params */
	leat_wr_bytes(tbs, h->client_random, RANDOM_LEN);
	leat_wr_bytes(tbs, h->server_random, RANDOM_LEN);
}

void v12_set_master(struct hs *h, struct leat_span premaster)
{
	enum hash_id hash = h->suite->hash;
	uint8_t seed[2 * RANDOM_LEN], th[HASH_MAX];
	struct leat_span s = { seed, sizeof(seed) };

	/* RFC 7627 3: "session_hash = Hash(handshake_messages)", up to and including the
	 * ClientKeyExchange message; without the extension the seed is both randoms (RFC 5246 8.1). */
	if (h->ems) {
		s = hs_transcript(h, th);
	} else {
		memcpy(seed, h->client_random, RANDOM_LEN);
		memcpy(seed + RANDOM_LEN, h->server_random, RANDOM_LEN);
	}
	sched12_master(hash, premaster, h->ems, s, &h->v12.master);
	v12_set_keys(h);
}

void v12_set_keys(struct hs *h)
{
	sched12_keys(h->suite->hash, h->suite->aead, &h->v12.master, h->client_random,
		h->server_random, &h->v12.keys[LEAT_CLIENT], &h->v12.keys[LEAT_SERVER]);
}

void v12_take_session(struct hs *h, const struct session_data *d)
{
	h->v12.master = d->secret;
	hs_take_peer(h, d);
}

static void verify_data(struct hs *h, enum leat_role who)
{
	uint8_t th[HASH_MAX];

	sched12_finished(h->suite->hash, &h->v12.master, who == LEAT_CLIENT, hs_transcript(h, th),
		h->v12.verify[who]);
}

enum leat_ret v12_send_finished(struct hs *h)
{
	enum leat_role us = (enum leat_role)h->role;

	if (hs_send_ccs(h) != LEAT_OK ||
		hs_keys(h, LEAT_TX, LV_APP, &h->v12.keys[us], NULL) != LEAT_OK)
		return LEAT_FAILED;
	verify_data(h, us);
	enc_finished(hs_out(h), (struct leat_span){ h->v12.verify[us], SCHED12_VERIFY_LEN });
	return hs_send(h);
}

enum leat_ret v12_take_ccs(struct hs *h)
{
	return hs_keys(h, LEAT_RX, LV_APP, &h->v12.keys[!h->role], NULL);
}

enum leat_ret v12_take_finished(struct hs *h, struct leat_span body)
{
	enum leat_role peer = (enum leat_role) !h->role;
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct leat_span got;

	if (!hs_is_last(h))
		return hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "finished: not at the end of its record");
	if (!dec_finished(body, SCHED12_VERIFY_LEN, &got, &alert))
		return hs_refuse(h, alert, "finished: malformed");
	verify_data(h, peer);
	/* RFC 5246 7.4.9: "Recipients of Finished messages MUST verify that the contents are correct." */
	if (!leat_ct_equal(h->v12.verify[peer], got.p, got.n))
		return hs_refuse(h, LEAT_ALERT_DECRYPT_ERROR, "finished: wrong verify_data");
	hs_take_msg(h);
	return LEAT_OK;
}

void v12_commit_up(struct hs *h)
{
	traffic_keys_clear(&h->v12.keys[LEAT_CLIENT]);
	traffic_keys_clear(&h->v12.keys[LEAT_SERVER]);
	h->may_send = true;
}

enum leat_ret v12_check_point_formats(
	const struct hs *h, uint64_t has, struct leat_span list, const char *what)
{
	if ((has & EXT_BIT(EXT_POINT_FORMATS)) && !list8_has(list, 0))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER, what);
	return LEAT_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_attach.c - see cert_attach.h. RFC 8446 4.4.2.1 and RFC 6066 8 (OCSP responses), RFC 6962 3.3 (SCTs),
 * RFC 8879 (packed certificates). What is attached is x509/attach's; whether a peer's responses are good,
 * x509/status says within the verify job.
 */
#include "hs/cert_attach.h"

#include <string.h>

#include "base/mem.h"
#include "wire/cert_status.h"
#include "wire/compressed_cert.h"

/* ---- ours ---- */

/* RFC 8879 3: the algorithm is the sender's choice among those offered; our order decides. */
static const struct zip *choose_zip(const struct leat_config *cfg, struct leat_span offered)
{
	for (unsigned i = 0; i < cfg->zips.n; i++)
		if (list16_has(offered, cfg->zips.v[i]->id))
			return cfg->zips.v[i];
	return NULL;
}

void attach_note_wants(struct hs *h, uint64_t has, uint8_t status_type, struct leat_span compress)
{
	h->wants.status = (has & EXT_BIT(EXT_STATUS)) && status_type == STATUS_OCSP;
	h->wants.sct = has & EXT_BIT(EXT_SCT);
	h->wants.zip = has & EXT_BIT(EXT_COMPRESS_CERT) ? choose_zip(h->cfg, compress) : NULL;
}

static bool in_time(const struct hs *h, const struct attach *a, size_t i)
{
	int64_t now_s = h->env->now_s(h->env->arg);

	return a->status[i].n && now_s >= a->from_s[i] && now_s <= a->until_s[i];
}

/* Fills in what the peer asked for and what is there; a response out of date is not. */
static unsigned fill(const struct hs *h, const struct attach *a, struct certificate *c)
{
	unsigned variant = 0;

	for (size_t i = 0; h->wants.status && i < c->num; i++) {
		if (!in_time(h, a, i))
			continue;
		c->status[i] = a->status[i];
		variant |= ATTACH_STATUS;
	}
	if (h->wants.sct && a->sct.n) {
		c->sct[0] = a->sct;
		variant |= ATTACH_SCT;
	}
	return variant;
}

/* The body of c, packed; the caller's, leat_free. NULL: no memory. */
static struct packed *pack(const struct zip *z, const struct certificate *c)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr body = { 0 };
	LEAT_SCOPED(leat_wr_clear) struct leat_wr out = { 0 };
	struct packed *p;

	enc_certificate_body(&body, c);
	if (!leat_wr_ok(&body) || !zip_pack(z, leat_wr_done(&body), &out))
		return NULL;
	p = leat_malloc(sizeof(*p) + out.n);
	if (!p)
		return NULL;
	p->plain_len = body.n;
	p->n = out.n < body.n ? out.n : 0;
	memcpy(p->b, out.p, out.n);
	return p;
}

/* The packed form of c: kept with its attachments from before, or made now. *own: for this message alone,
 * since a context belongs to one request, and a set of responses of which one ran out to no other moment. */
static const struct packed *find_packed(const struct hs *h, struct attach *a, unsigned variant,
	const struct certificate *c, struct packed **own)
{
	bool keep = c->context.n == 0 &&
		    (!h->wants.status || attach_is_fresh(a, h->env->now_s(h->env->arg)));
	const struct packed *p = keep ? attach_packed(a, h->wants.zip, variant) : NULL;

	*own = NULL;
	if (p)
		return p;
	*own = pack(h->wants.zip, c);
	if (!*own || !keep)
		return *own;
	p = attach_keep_packed(a, h->wants.zip, variant, *own);
	*own = NULL;
	return p;
}

/* Packing is optional, so whatever fails in it ends in the plain message. */
static void encode(struct hs *h, struct attach *a, unsigned variant, const struct certificate *c)
{
	struct packed *own = NULL;
	const struct packed *p = h->wants.zip ? find_packed(h, a, variant, c, &own) : NULL;

	if (p && p->n) {
		enc_compressed_cert(hs_out(h), &(struct compressed_cert){
						       .algorithm = h->wants.zip->id,
						       .length = (uint32_t)p->plain_len,
						       .data = { p->b, p->n },
					       });
		h->sent_zip = h->wants.zip;
	} else {
		enc_certificate(hs_out(h), c);
	}
	leat_free(own);
}

enum leat_ret attach_send_certificate(struct hs *h, struct leat_span context)
{
	struct certificate c = { .context = context, .num = h->cred ? cred_num(h->cred) : 0 };
	struct attach *a;

	for (size_t i = 0; i < c.num; i++)
		c.cert[i] = cred_cert(h->cred, i);
	if (h->version != LEAT_TLS13) {
		enc_certificate12(hs_out(h), &c);
		return hs_send(h);
	}
	if (!h->cred) {
		enc_certificate(hs_out(h), &c);
		return hs_send(h);
	}
	a = cred_attach(h->cred);
	encode(h, a, fill(h, a, &c), &c);
	attach_unref(a);
	return hs_send(h);
}

void attach_promise12(struct hs *h, struct server_hello *sh, struct attach **keep)
{
	struct attach *a;

	*keep = NULL;
	/* no certificate goes out, or one of which nothing is certified */
	if (!h->cred || h->resumed || hs_own_type(h) == CERT_RAW_KEY)
		return;
	a = cred_attach(h->cred);
	if (h->wants.status && in_time(h, a, 0))
		sh->has |= EXT_BIT(EXT_STATUS);
	if (h->wants.sct && a->sct.n) {
		sh->has |= EXT_BIT(EXT_SCT);
		sh->sct = a->sct;
	}
	h->v12.status_promised = sh->has & EXT_BIT(EXT_STATUS);
	*keep = a;
}

enum leat_ret attach_send_status12(struct hs *h)
{
	struct attach *a;
	bool send;

	if (!h->v12.status_promised)
		return LEAT_OK;
	/* RFC 6066 8: "a server may also choose not to send a "CertificateStatus" message, even if has
	 * received a "status_request" extension in the client hello message and has sent [one]": so when the
	 * response was taken away between the two messages. */
	a = cred_attach(h->cred);
	send = a->status[0].n;
	if (send)
		enc_cert_status(hs_out(h), a->status[0]);
	attach_unref(a);
	return send ? hs_send(h) : LEAT_OK;
}

/* ---- theirs ---- */

static struct leat_span list_zips(const struct leat_config *cfg, struct leat_wr *list)
{
	for (unsigned i = 0; i < cfg->zips.n; i++)
		leat_wr_u16(list, cfg->zips.v[i]->id);
	return leat_wr_done(list);
}

void attach_ask(const struct leat_config *cfg, struct client_hello *ch, struct leat_wr *list)
{
	/* no ResponderIDs, no extensions: RFC 6066 8 */
	static const uint8_t any_responder[4];

	if (cfg->staple != STAPLE_OFF) {
		ch->has |= EXT_BIT(EXT_STATUS);
		ch->status_type = STATUS_OCSP;
		ch->status = (struct leat_span){ any_responder, sizeof(any_responder) };
	}
	if (cfg->ask_sct)
		ch->has |= EXT_BIT(EXT_SCT);
	/* RFC 8879 3: of TLS 1.3 only */
	if (cfg->zips.n && cfg->max_version >= LEAT_TLS13) {
		ch->has |= EXT_BIT(EXT_COMPRESS_CERT);
		ch->compress = list_zips(cfg, list);
	}
}

void attach_ask_client(const struct leat_config *cfg, struct cert_request *cr, struct leat_wr *list)
{
	/* RFC 8446 4.4.2.1: "by sending an empty "status_request" extension in its CertificateRequest" */
	if (cfg->staple != STAPLE_OFF)
		cr->has |= EXT_BIT(EXT_STATUS);
	if (cfg->ask_sct)
		cr->has |= EXT_BIT(EXT_SCT);
	if (cfg->zips.n) {
		cr->has |= EXT_BIT(EXT_COMPRESS_CERT);
		cr->compress = list_zips(cfg, list);
	}
}

static const struct zip *offered_zip(const struct hs *h, unsigned id)
{
	for (unsigned i = 0; i < h->cfg->zips.n; i++)
		if (h->cfg->zips.v[i]->id == id)
			return h->cfg->zips.v[i];
	return NULL;
}

static enum leat_ret check_compressed(const struct hs *h, const struct compressed_cert *c)
{
	/* RFC 8879 4: "The algorithm MUST be one of the algorithms listed in the peer's
	 * "compress_certificate" extension." */
	if (!offered_zip(h, c->algorithm))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"compressed_certificate: algorithm was not offered");
	/* RFC 8879 5: "implementations SHOULD bound the memory usage"; before a byte is unpacked */
	if (c->length == 0 || c->length > msg_limit(MSG_CERT, h->cfg->max_handshake_size))
		return hs_refuse(h, LEAT_ALERT_BAD_CERTIFICATE,
			"compressed_certificate: longer than the limit when unpacked, or empty");
	return LEAT_OK;
}

/* RFC 8879 4: "The Certificate message is processed as usual, with the exception that [...] If the received
 * CompressedCertificate message cannot be decompressed, the connection MUST be terminated with the
 * "bad_certificate" alert."; the same where "the length of the decompressed message does not match". */
enum leat_ret attach_unpack(struct hs *h, struct leat_span body, bool asked, struct leat_wr *out)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct compressed_cert c;
	uint8_t *room;

	if (!asked)
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"compressed_certificate: was not asked for");
	if (!dec_compressed_cert(body, &c, &alert))
		return hs_refuse(h, alert, "compressed_certificate: malformed");
	if (check_compressed(h, &c) != LEAT_OK)
		return LEAT_FAILED;
	room = leat_wr_room(out, c.length);
	if (!room)
		return err_memory(h->err);
	switch (zip_unpack(offered_zip(h, c.algorithm), c.data, room, c.length)) {
	case ZIP_OK: h->peer_zip = offered_zip(h, c.algorithm); return LEAT_OK;
	case ZIP_MEMORY: return err_memory(h->err);
	case ZIP_BROKEN: break;
	}
	return hs_refuse(h, LEAT_ALERT_BAD_CERTIFICATE,
		"compressed_certificate: does not unpack to what was announced");
}

enum leat_ret attach_take(
	struct hs *h, const struct leat_span *status, size_t num, struct leat_span sct)
{
	struct papers *p;

	if (papers_new(&p, status, num, sct, h->err) != LEAT_OK)
		return LEAT_FAILED;
	papers_unref(h->papers);
	h->papers = p;
	return LEAT_OK;
}

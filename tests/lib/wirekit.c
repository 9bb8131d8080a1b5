/* SPDX-License-Identifier: Apache-2.0
 *
 * wirekit.c - messages as text, and every decoder behind one signature.
 */
#include "wirekit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/alert.h"
#include "wire/cert_request.h"
#include "wire/cert_verify.h"
#include "wire/cert_status.h"
#include "wire/certificate.h"
#include "wire/client_hello.h"
#include "wire/compressed_cert.h"
#include "wire/encrypted_ext.h"
#include "wire/end_early.h"
#include "wire/finished.h"
#include "wire/key_update.h"
#include "wire/server_hello.h"
#include "wire/session_ticket.h"
#include "wire/v12.h"

/* The usual case: one struct, one dec_, one enc_. */
#define RECODE(name, type, dec, enc)                                                          \
	static bool recode_##name(struct leat_span body, struct leat_wr *out, uint8_t *alert) \
	{                                                                                     \
		struct type m;                                                                \
                                                                                              \
		if (!dec(body, &m, alert))                                                    \
			return false;                                                         \
		enc(out, &m);                                                                 \
		return true;                                                                  \
	}

/* Extensions known by name only: decoded to their bit, never encoded. Without them a hello may be left
 * with no extension at all, which is another message than one with an empty block. */
#define SEATS                                                                \
	(EXT_BIT(EXT_SRP) | EXT_BIT(EXT_USE_SRTP) | EXT_BIT(EXT_HEARTBEAT) | \
		EXT_BIT(EXT_OID_FILTERS))

static bool recode_server_hello(struct leat_span body, struct leat_wr *out, uint8_t *alert)
{
	struct server_hello sh;

	if (!dec_server_hello(body, &sh, alert))
		return false;
	sh.has &= ~(SEATS | EXT_BIT(EXT_GROUPS)); /* of groups only the misplaced bit is kept */
	enc_server_hello(out, &sh);
	return true;
}

RECODE(encrypted_ext, encrypted_ext, dec_encrypted_ext, enc_encrypted_ext)
RECODE(cert_request, cert_request, dec_cert_request, enc_cert_request)
RECODE(cert_request12, cert_request, dec_cert_request12, enc_cert_request12)
RECODE(certificate, certificate, dec_certificate, enc_certificate)
RECODE(certificate12, certificate, dec_certificate12, enc_certificate12)
RECODE(certificate12_raw, certificate, dec_certificate12_raw, enc_certificate12_raw)
RECODE(compressed_cert, compressed_cert, dec_compressed_cert, enc_compressed_cert)
RECODE(cert_verify, cert_verify, dec_cert_verify, enc_cert_verify)
RECODE(session_ticket, session_ticket, dec_session_ticket, enc_session_ticket)
RECODE(session_ticket12, session_ticket, dec_session_ticket12, enc_session_ticket12)
RECODE(alert, alert_msg, dec_alert, enc_alert)
RECODE(v12_server_kx, v12_server_kx, dec_v12_server_kx, enc_v12_server_kx)

/* Also walks every list to its end, as the handshake will. */
static bool recode_client_hello(struct leat_span body, struct leat_wr *out, uint8_t *alert)
{
	struct client_hello ch;
	struct key_share share;
	struct leat_span name;
	struct psk_id id;
	struct leat_rd it;
	size_t n = 0, binders = 0;

	if (!dec_client_hello(body, &ch, alert))
		return false;
	for (size_t i = 0; i < list16_num(ch.suites); i++)
		n += list16_at(ch.suites, i);
	for (it = leat_rd_of(ch.key_shares); key_share_next(&it, &share);)
		n += share.key.n;
	if (!leat_rd_end(&it))
		abort();
	for (it = leat_rd_of(ch.alpn); list_next8(&it, &name);)
		n += name.p[name.n - 1]; /* no name is empty */
	if (!leat_rd_end(&it))
		abort();
	for (it = leat_rd_of(ch.psk_ids), n = 0; psk_id_next(&it, &id);)
		n++;
	if (!leat_rd_end(&it))
		abort();
	for (it = leat_rd_of(ch.psk_binders); list_next8(&it, &name);)
		binders++;
	if (!leat_rd_end(&it) || n != binders)
		abort();
	if ((ch.has & EXT_BIT(EXT_PSK)) && ch.truncated_len >= body.n)
		abort();
	ch.has &= ~SEATS;
	enc_client_hello(out, &ch, NULL, 0);
	return true;
}

static bool recode_cert_status(struct leat_span body, struct leat_wr *out, uint8_t *alert)
{
	struct leat_span response;

	if (!dec_cert_status(body, &response, alert))
		return false;
	enc_cert_status(out, response);
	return true;
}

static bool recode_finished(struct leat_span body, struct leat_wr *out, uint8_t *alert)
{
	struct leat_span data;

	if (!dec_finished(body, 32, &data, alert))
		return false;
	enc_finished(out, data);
	return true;
}

static bool recode_key_update(struct leat_span body, struct leat_wr *out, uint8_t *alert)
{
	bool request;

	if (!dec_key_update(body, &request, alert))
		return false;
	enc_key_update(out, request);
	return true;
}

#define RECODE_KX(name, type, parts)                                                          \
	static bool recode_##name(struct leat_span body, struct leat_wr *out, uint8_t *alert) \
	{                                                                                     \
		struct v12_##type kx;                                                         \
                                                                                              \
		if (!dec_v12_##type##_of(body, parts, &kx, alert))                            \
			return false;                                                         \
		enc_v12_##type##_of(out, parts, &kx);                                         \
		return true;                                                                  \
	}

RECODE_KX(v12_server_kx_dhe, server_kx, V12_KX_DH | V12_KX_SIGNED)
RECODE_KX(v12_server_kx_psk, server_kx, V12_KX_PSK | V12_KX_DH)
RECODE_KX(v12_client_kx_psk, client_kx, V12_KX_PSK | V12_KX_DH)

static bool recode_v12_client_kx(struct leat_span body, struct leat_wr *out, uint8_t *alert)
{
	struct leat_span point;

	if (!dec_v12_client_kx(body, &point, alert))
		return false;
	enc_v12_client_kx(out, point);
	return true;
}

/* Messages that carry nothing. */
#define RECODE_EMPTY(name, dec, enc)                                                          \
	static bool recode_##name(struct leat_span body, struct leat_wr *out, uint8_t *alert) \
	{                                                                                     \
		if (!dec(body, alert))                                                        \
			return false;                                                         \
		enc(out);                                                                     \
		return true;                                                                  \
	}

RECODE_EMPTY(end_early, dec_end_early, enc_end_early)
RECODE_EMPTY(v12_hello_done, dec_v12_hello_done, enc_v12_hello_done)
RECODE_EMPTY(v12_hello_request, dec_v12_hello_request, enc_v12_hello_request)
RECODE_EMPTY(ccs, dec_ccs, enc_ccs)

const struct wire_kind wire_kinds[] = {
	{ "client_hello", MSG_CLIENT_HELLO, recode_client_hello },
	{ "server_hello", MSG_SERVER_HELLO, recode_server_hello },
	{ "encrypted_ext", MSG_ENCRYPTED_EXT, recode_encrypted_ext },
	{ "cert_request", MSG_CERT_REQUEST, recode_cert_request },
	{ "cert_request12", MSG_CERT_REQUEST, recode_cert_request12 },
	{ "certificate", MSG_CERT, recode_certificate },
	{ "certificate12", MSG_CERT, recode_certificate12 },
	{ "certificate12_raw", MSG_CERT, recode_certificate12_raw },
	{ "cert_status", MSG_CERT_STATUS, recode_cert_status },
	{ "compressed_cert", MSG_COMPRESSED_CERT, recode_compressed_cert },
	{ "cert_verify", MSG_CERT_VERIFY, recode_cert_verify },
	{ "finished", MSG_FINISHED, recode_finished },
	{ "end_early", MSG_END_EARLY, recode_end_early },
	{ "session_ticket", MSG_SESSION_TICKET, recode_session_ticket },
	{ "session_ticket12", MSG_SESSION_TICKET, recode_session_ticket12 },
	{ "key_update", MSG_KEY_UPDATE, recode_key_update },
	{ "v12_server_kx", MSG_SERVER_KX, recode_v12_server_kx },
	{ "v12_server_kx_dhe", MSG_SERVER_KX, recode_v12_server_kx_dhe },
	{ "v12_server_kx_psk", MSG_SERVER_KX, recode_v12_server_kx_psk },
	{ "v12_client_kx", MSG_CLIENT_KX, recode_v12_client_kx },
	{ "v12_client_kx_psk", MSG_CLIENT_KX, recode_v12_client_kx_psk },
	{ "v12_hello_done", MSG_HELLO_DONE, recode_v12_hello_done },
	{ "v12_hello_request", MSG_HELLO_REQUEST, recode_v12_hello_request },
	{ "alert", 0xff, recode_alert },
	{ "ccs", 0xff, recode_ccs },
};
const size_t num_wire_kinds = sizeof(wire_kinds) / sizeof(wire_kinds[0]);

const struct wire_kind *wire_kind(const char *name)
{
	for (size_t i = 0; i < num_wire_kinds; i++)
		if (strcmp(wire_kinds[i].name, name) == 0)
			return &wire_kinds[i];
	fprintf(stderr, "wirekit: no message %s\n", name);
	abort();
}

void wire_fuzz(const struct wire_kind *k, const uint8_t *data, size_t n)
{
	size_t hdr = k->type == 0xff ? 0 : HS_HDR_LEN;
	struct leat_wr one = { 0 }, two = { 0 };
	uint8_t alert = 0;

	if (!k->recode((struct leat_span){ data, n }, &one, &alert)) {
		if (alert == 0) /* close_notify: nobody chose */
			abort();
		leat_wr_clear(&one);
		return;
	}
	if (!leat_wr_ok(&one) || one.n < hdr ||
		one.n > n + hdr + 2) /* an empty block may be added */
		abort();
	if (!k->recode((struct leat_span){ one.p + hdr, one.n - hdr }, &two, &alert))
		abort();
	if (one.n != two.n || memcmp(one.p, two.p, one.n) != 0)
		abort();
	leat_wr_clear(&one);
	leat_wr_clear(&two);
}

static void malformed(const char *at)
{
	fprintf(stderr, "wirekit: malformed text at: %.40s\n", at);
	abort();
}

struct build {
	struct wire_text *out;
	struct leat_wr w;
	size_t open[16]; /* indexes into out->len */
	size_t depth;
};

static const char *put_token(struct build *b, const char *s)
{
	struct wire_text *out = b->out;
	struct leat_wr *w = &b->w;
	char hex[3] = { 0 };
	char *end;

	if (s[0] == '"') {
		for (s++; *s && *s != '"'; s++)
			leat_wr_u8(w, (uint8_t)*s);
		return *s ? s + 1 : s;
	}
	if (s[0] == '<') {
		if (out->num_len == 128 || b->depth == 16 || s[1] < '1' || s[1] > '3')
			malformed(s);
		b->open[b->depth++] = out->num_len;
		out->len[out->num_len].width = (unsigned)(s[1] - '0');
		out->len[out->num_len++].at = leat_wr_open(w, (unsigned)(s[1] - '0'));
		return s + 2;
	}
	if (s[0] == '>') {
		if (b->depth == 0)
			malformed(s);
		b->depth--;
		leat_wr_close(w, out->len[b->open[b->depth]].at, out->len[b->open[b->depth]].width);
		return s + 1;
	}
	if (s[0] == '*') {
		unsigned long times = strtoul(s + 1, &end, 10);

		if (*end != ':')
			malformed(s);
		memcpy(hex, end + 1, 2);
		for (; times; times--)
			leat_wr_u8(w, (uint8_t)strtoul(hex, NULL, 16));
		return end + 3;
	}
	if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
		malformed(s);
	memcpy(hex, s, 2);
	leat_wr_u8(w, (uint8_t)strtoul(hex, NULL, 16));
	return s + 2;
}

void wire_text(struct wire_text *out, const char *text)
{
	struct build b = { .out = out };

	out->num_len = 0;
	for (const char *s = text; *s;)
		s = isspace((unsigned char)*s) ? s + 1 : put_token(&b, s);
	if (!leat_wr_ok(&b.w) || b.depth)
		malformed(text);
	/* exactly as large as it is, so that ASan sees a read past the end */
	out->n = b.w.n;
	out->b = malloc(out->n ? out->n : 1);
	if (!out->b)
		abort();
	if (out->n)
		memcpy(out->b, b.w.p, out->n);
	leat_wr_clear(&b.w);
}

void wire_text_clear(struct wire_text *t)
{
	free(t->b);
	*t = (struct wire_text){ 0 };
}

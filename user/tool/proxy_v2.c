/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_v2.c - see proxy_v2.h. Quotes are from haproxy's doc/proxy-protocol.txt.
 */
#include "tool/proxy_v2.h"

#include <string.h>

#include "base/rd.h"

/* "hex 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A" */
static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

#define VERSION_LOCAL 0x20
#define VERSION_PROXY 0x21

enum { FAM_UNSPEC = 0x00, FAM_TCP4 = 0x11, FAM_TCP6 = 0x21, FAM_UNIX = 0x31 };

enum {
	TLV_ALPN = 0x01,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21,
	TLV_SSL_CN = 0x22,
	TLV_SSL_CIPHER = 0x23,
	TLV_SSL_SIG_ALG = 0x24,
	TLV_SSL_KEY_ALG = 0x25,
};

enum { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };

/* ---- decoding -------------------------------------------------------------------------------- */

size_t proxy_v2_len(const uint8_t fixed[PROXY_V2_FIXED])
{
	struct leat_rd in = leat_rd_of((struct leat_span){ fixed, PROXY_V2_FIXED });
	struct leat_span sig = leat_rd_bytes(&in, sizeof(signature));
	uint8_t command, family;
	uint16_t len;

	leat_rd_u8(&in, &command);
	leat_rd_u8(&in, &family);
	leat_rd_u16(&in, &len);
	if (memcmp(sig.p, signature, sizeof(signature)) != 0 ||
		(command != VERSION_LOCAL && command != VERSION_PROXY) ||
		len > PROXY_V2_MAX - PROXY_V2_FIXED)
		return 0;
	return PROXY_V2_FIXED + (size_t)len;
}

static void dec_port(struct leat_rd *in, in_port_t *port)
{
	struct leat_span s = leat_rd_bytes(in, sizeof(*port));

	if (s.n == sizeof(*port))
		memcpy(port, s.p, sizeof(*port));
}

static void dec_ip(struct leat_rd *in, void *ip, size_t n)
{
	struct leat_span s = leat_rd_bytes(in, n);

	if (s.n == n)
		memcpy(ip, s.p, n);
}

/* "source layer 3 address, destination layer 3 address, source layer 4 address (port), destination" */
static void dec_tcp4(struct leat_rd *in, struct proxy_v2 *out)
{
	out->has_addr = true;
	out->src.in.sin_family = out->dst.in.sin_family = AF_INET;
	dec_ip(in, &out->src.in.sin_addr, 4);
	dec_ip(in, &out->dst.in.sin_addr, 4);
	dec_port(in, &out->src.in.sin_port);
	dec_port(in, &out->dst.in.sin_port);
}

static void dec_tcp6(struct leat_rd *in, struct proxy_v2 *out)
{
	out->has_addr = true;
	out->src.in6.sin6_family = out->dst.in6.sin6_family = AF_INET6;
	dec_ip(in, &out->src.in6.sin6_addr, 16);
	dec_ip(in, &out->dst.in6.sin6_addr, 16);
	dec_port(in, &out->src.in6.sin6_port);
	dec_port(in, &out->dst.in6.sin6_port);
}

/* CRC-32C (Castagnoli), reflected, RFC 4960 appendix B; the four bytes at skip count as zero. Bit by bit:
 * one short header per connection, and few senders set it. */
static uint32_t crc32c(struct leat_span s, const uint8_t *skip)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		const uint8_t *at = s.p + i;

		crc ^= at >= skip && at < skip + 4 ? 0 : *at;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* "If it is not [the same], the receiver MUST treat the TCP connection [...] as invalid." */
static bool check_crc(struct leat_span header, struct leat_span value)
{
	struct leat_rd in = leat_rd_of(value);
	uint32_t said;

	leat_rd_u32(&in, &said);
	return leat_rd_end(&in) && crc32c(header, value.p) == said;
}

static bool dec_tlv(struct leat_rd *in, struct leat_span header, struct proxy_v2 *out)
{
	struct leat_span value;
	uint8_t type;

	leat_rd_u8(in, &type);
	value = leat_rd_opaque16(in, 0, PROXY_V2_MAX);
	if (!leat_rd_ok(in))
		return false;
	switch (type) {
	case TLV_ALPN: out->alpn = value; return true;
	case TLV_AUTHORITY: out->authority = value; return true;
	case TLV_UNIQUE_ID: out->unique_id = value; return value.n <= PROXY_V2_ID_MAX;
	case TLV_CRC32C: return check_crc(header, value);
	default: return true;
	}
}

bool proxy_v2_dec(struct leat_span header, struct proxy_v2 *out)
{
	struct leat_rd in = leat_rd_of(header);
	uint8_t command, family;

	*out = (struct proxy_v2){ 0 };
	if (header.n < PROXY_V2_FIXED || proxy_v2_len(header.p) != header.n)
		return false;
	(void)leat_rd_bytes(&in, sizeof(signature));
	leat_rd_u8(&in, &command);
	leat_rd_u8(&in, &family);
	(void)leat_rd_bytes(&in, 2);
	out->local = command == VERSION_LOCAL;
	/* "the receiver must accept this connection as valid and must use the real connection endpoints
	 * and discard the protocol block including the family which is ignored" */
	if (out->local)
		return true;
	switch (family) {
	case FAM_UNSPEC:
		return true; /* "The receiver should ignore address information": TLVs too */
	case FAM_TCP4: dec_tcp4(&in, out); break;
	case FAM_TCP6: dec_tcp6(&in, out); break;
	case FAM_UNIX: (void)leat_rd_bytes(&in, (size_t)2 * 108); break;
	default: return false;
	}
	while (leat_rd_more(&in))
		if (!dec_tlv(&in, header, out))
			return false;
	return leat_rd_end(&in);
}

/* ---- encoding -------------------------------------------------------------------------------- */

static void enc_tlv(struct leat_wr *w, uint8_t type, struct leat_span value)
{
	if (value.n == 0)
		return;
	leat_wr_u8(w, type);
	leat_wr_vec(w, 2, value);
}

static void enc_text(struct leat_wr *w, uint8_t type, const char *text)
{
	if (text != NULL)
		enc_tlv(w, type, (struct leat_span){ (const uint8_t *)text, strlen(text) });
}

static void enc_tls(struct leat_wr *w, const struct proxy_v2_tls *t)
{
	size_t mark;

	leat_wr_u8(w, TLV_SSL);
	mark = leat_wr_open(w, 2);
	leat_wr_u8(w, (uint8_t)(CLIENT_SSL | (t->cert_conn ? CLIENT_CERT_CONN : 0) |
				(t->cert_sess ? CLIENT_CERT_SESS : 0)));
	/* "The <verify> field will be zero if the client presented a certificate and it was successfully
	 * verified, and non-zero otherwise." */
	leat_wr_u32(w, t->verified ? 0 : 1);
	enc_text(w, TLV_SSL_VERSION, t->version);
	enc_text(w, TLV_SSL_CN, t->cn);
	enc_text(w, TLV_SSL_CIPHER, t->cipher);
	enc_text(w, TLV_SSL_SIG_ALG, t->sig_alg);
	enc_text(w, TLV_SSL_KEY_ALG, t->key_alg);
	leat_wr_close(w, mark, 2);
}

static void enc_addresses(struct leat_wr *w, const struct proxy_v2 *v)
{
	if (v->src.any.sa_family == AF_INET6) {
		leat_wr_bytes(w, &v->src.in6.sin6_addr, 16);
		leat_wr_bytes(w, &v->dst.in6.sin6_addr, 16);
		leat_wr_bytes(w, &v->src.in6.sin6_port, 2);
		leat_wr_bytes(w, &v->dst.in6.sin6_port, 2);
	} else {
		leat_wr_bytes(w, &v->src.in.sin_addr, 4);
		leat_wr_bytes(w, &v->dst.in.sin_addr, 4);
		leat_wr_bytes(w, &v->src.in.sin_port, 2);
		leat_wr_bytes(w, &v->dst.in.sin_port, 2);
	}
}

void proxy_v2_enc(struct leat_wr *w, const struct proxy_v2 *v)
{
	bool v6 = v->src.any.sa_family == AF_INET6;
	size_t mark;

	leat_wr_bytes(w, signature, sizeof(signature));
	leat_wr_u8(w, v->local ? VERSION_LOCAL : VERSION_PROXY);
	leat_wr_u8(w, !v->has_addr || v->local ? FAM_UNSPEC : v6 ? FAM_TCP6 : FAM_TCP4);
	mark = leat_wr_open(w, 2);
	if (v->has_addr && !v->local)
		enc_addresses(w, v);
	enc_tlv(w, TLV_ALPN, v->alpn);
	enc_tlv(w, TLV_AUTHORITY, v->authority);
	enc_tlv(w, TLV_UNIQUE_ID, v->unique_id);
	if (v->tls != NULL)
		enc_tls(w, v->tls);
	leat_wr_close(w, mark, 2);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fd_message.c - see fd_message.h:
 *
 *	magic[6] format:16 | role:8 version:16 suite:16 group:16 scheme:16 client_scheme:16 flags:8
 *	max_rx:16 max_tx:16 empty_run:32 warn_run:32 updates_in:32 | tx_left:64 tx_limit:64 tx_open:16
 *	alpn<0..255> sni<0..255> digest<0 or 32> zeros
 *
 * Why a direction is in the kernel is not said: both are, for the one reason "in_kernel".
 */
#include "sock/fd_message.h"

#include <string.h>

#include "base/limits.h"
#include "base/rd.h"
#include "base/wr.h"

#define FORMAT 1

static const uint8_t magic[6] = { 'l', 'e', 'a', 't', 'f', 'd' };

enum { F_RESUMED = 1, F_RETRIED = 2, F_EMS = 4, F_PSK = 8, F_ALL = 15 };

static uint8_t flags_of(const struct engine_bare *b)
{
	return (uint8_t)((b->resumed ? F_RESUMED : 0) | (b->retried ? F_RETRIED : 0) |
			 (b->extended_master ? F_EMS : 0) | (b->external_psk ? F_PSK : 0));
}

static void enc_numbers(struct leat_wr *w, const struct fd_message *m)
{
	const struct engine_bare *b = &m->engine;

	leat_wr_u8(w, (uint8_t)b->role);
	leat_wr_u16(w, b->version);
	leat_wr_u16(w, b->suite);
	leat_wr_u16(w, b->group);
	leat_wr_u16(w, b->scheme);
	leat_wr_u16(w, b->client_scheme);
	leat_wr_u8(w, flags_of(b));
	leat_wr_u16(w, b->max[LEAT_RX]);
	leat_wr_u16(w, b->max[LEAT_TX]);
	leat_wr_u32(w, b->empty_run);
	leat_wr_u32(w, b->warn_run);
	leat_wr_u32(w, b->updates_in);
	leat_wr_u64(w, m->ho.tx_left);
	leat_wr_u64(w, m->ho.tx_limit);
	leat_wr_u16(w, (uint16_t)m->ho.tx_open);
}

bool fd_message_enc(const struct fd_message *m, uint8_t out[FD_MESSAGE_LEN])
{
	const struct engine_bare *b = &m->engine;
	struct leat_wr w;

	memset(out, 0, FD_MESSAGE_LEN);
	leat_wr_fixed(&w, out, FD_MESSAGE_LEN);
	leat_wr_bytes(&w, magic, sizeof(magic));
	leat_wr_u16(&w, FORMAT);
	enc_numbers(&w, m);
	leat_wr_vec(&w, 1, b->alpn);
	leat_wr_vec(&w, 1, b->sni);
	leat_wr_vec(&w, 1, (struct leat_span){ b->digest, b->has_digest ? sizeof(b->digest) : 0 });
	return leat_wr_ok(&w) && m->ho.tx_open <= LIM_PLAINTEXT;
}

static void dec_numbers(struct leat_rd *in, struct fd_message *out, uint8_t *role, uint8_t *flags)
{
	struct engine_bare *b = &out->engine;
	uint16_t open;

	leat_rd_u8(in, role);
	leat_rd_u16(in, &b->version);
	leat_rd_u16(in, &b->suite);
	leat_rd_u16(in, &b->group);
	leat_rd_u16(in, &b->scheme);
	leat_rd_u16(in, &b->client_scheme);
	leat_rd_u8(in, flags);
	leat_rd_u16(in, &b->max[LEAT_RX]);
	leat_rd_u16(in, &b->max[LEAT_TX]);
	leat_rd_u32(in, &b->empty_run);
	leat_rd_u32(in, &b->warn_run);
	leat_rd_u32(in, &b->updates_in);
	leat_rd_u64(in, &out->ho.tx_left);
	leat_rd_u64(in, &out->ho.tx_limit);
	leat_rd_u16(in, &open);
	out->ho.tx_open = open;
}

static void dec_names(struct leat_rd *in, struct engine_bare *b)
{
	struct leat_span digest;

	b->alpn = leat_rd_opaque8(in, 0, 255);
	b->sni = leat_rd_opaque8(in, 0, 255);
	digest = leat_rd_opaque8(in, 0, sizeof(b->digest));
	b->has_digest = digest.n == sizeof(b->digest);
	if (b->has_digest)
		memcpy(b->digest, digest.p, digest.n);
	else if (digest.n > 0)
		leat_rd_fail(in);
}

static bool all_zero(struct leat_span s)
{
	uint8_t any = 0;

	for (size_t i = 0; i < s.n; i++)
		any |= s.p[i];
	return any == 0;
}

const char *fd_message_dec(const uint8_t in[FD_MESSAGE_LEN], struct fd_message *out)
{
	struct leat_rd rd = leat_rd_of((struct leat_span){ in, FD_MESSAGE_LEN });
	struct leat_span start = leat_rd_bytes(&rd, sizeof(magic));
	uint8_t role, flags;
	uint16_t format;

	*out = (struct fd_message){ 0 };
	leat_rd_u16(&rd, &format);
	if (memcmp(start.p, magic, sizeof(magic)) != 0)
		return "message: not of leat_send_fd";
	if (format != FORMAT)
		return "message: of another version of leat: both processes must have the same";
	dec_numbers(&rd, out, &role, &flags);
	dec_names(&rd, &out->engine);
	if (!leat_rd_ok(&rd) || (flags & ~F_ALL) || role > LEAT_SERVER ||
		!all_zero(leat_rd_rest(&rd)) || out->ho.tx_left > out->ho.tx_limit ||
		out->ho.tx_open > LIM_PLAINTEXT)
		return "message: malformed";
	out->engine.role = (enum leat_role)role;
	out->engine.resumed = flags & F_RESUMED;
	out->engine.retried = flags & F_RETRIED;
	out->engine.extended_master = flags & F_EMS;
	out->engine.external_psk = flags & F_PSK;
	return NULL;
}

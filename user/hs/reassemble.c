/* SPDX-License-Identifier: Apache-2.0
 *
 * reassemble.c - see reassemble.h. RFC 8446 5.1: handshake messages may be coalesced into one record
 * or fragmented over several; not interleaved with other types (the caller asks reasm_is_partial) and
 * not across a key change (hs.c).
 */
#include "hs/reassemble.h"

#include "base/secret.h"
#include "wire/hs_hdr.h"

static struct leat_span take(struct leat_span *in, size_t n)
{
	struct leat_span got = { in->p, n };

	in->p += n;
	in->n -= n;
	return got;
}

/* Appends up to n bytes of *in to what is kept. */
static enum leat_ret keep(struct reasm *r, struct leat_span *in, size_t n, struct leat_err *err)
{
	leat_wr_span(&r->buf, take(in, n < in->n ? n : in->n));
	return leat_wr_ok(&r->buf) ? LEAT_OK : err_memory(err);
}

enum leat_ret reasm_next(struct reasm *r, struct leat_span *in, struct leat_span *msg,
	reasm_check_fn *check, void *arg, struct leat_err *err)
{
	bool had_header = r->buf.n >= HS_HDR_LEN;
	struct leat_span head;
	enum leat_ret ret;
	uint32_t len;
	uint8_t type;

	/* The header itself may be cut: complete it first. */
	if (r->buf.n > 0 && !had_header) {
		if ((ret = keep(r, in, HS_HDR_LEN - r->buf.n, err)) != LEAT_OK)
			return ret;
		if (r->buf.n < HS_HDR_LEN)
			return LEAT_AGAIN;
	}
	head = r->buf.n > 0 ? leat_wr_done(&r->buf) : *in;
	if (!dec_hs_hdr(head, &type, &len)) {
		ret = keep(r, in, in->n, err);
		return ret == LEAT_OK ? LEAT_AGAIN : ret;
	}
	if (!had_header && (ret = check(arg, type, len, err)) != LEAT_OK)
		return ret;

	if (r->buf.n == 0 && in->n >= HS_HDR_LEN + (size_t)len) {
		*msg = take(in, HS_HDR_LEN + (size_t)len);
		return LEAT_OK;
	}
	if ((ret = keep(r, in, HS_HDR_LEN + (size_t)len - r->buf.n, err)) != LEAT_OK)
		return ret;
	if (r->buf.n < HS_HDR_LEN + (size_t)len)
		return LEAT_AGAIN;
	*msg = leat_wr_done(&r->buf);
	return LEAT_OK;
}

void reasm_done(struct reasm *r)
{
	leat_wipe(r->buf.p, r->buf.n);
	r->buf.n = 0;
}

void reasm_clear(struct reasm *r)
{
	leat_wr_clear(&r->buf);
}

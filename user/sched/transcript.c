/* SPDX-License-Identifier: Apache-2.0
 *
 * transcript.c - the handshake transcript. Snapshots are copies of the running state, so asking for
 * the hash costs one compression and changes nothing.
 */
#include "sched/transcript.h"

#include <assert.h>

void transcript_clear(struct transcript *t)
{
	digest_clear(&t->d);
	leat_wr_clear(&t->raw);
	*t = (struct transcript){ 0 };
}

void transcript_add(struct transcript *t, struct leat_span msg)
{
	if (t->d.hash != HASH_NONE)
		digest_update(&t->d, msg.p, msg.n);
	if (t->d.hash != HASH_NONE && !t->keep)
		return;
	leat_wr_span(&t->raw, msg);
	if (!leat_wr_ok(&t->raw))
		t->bad = true;
}

bool transcript_choose(struct transcript *t, enum hash_id h)
{
	struct leat_span kept = leat_wr_done(&t->raw);

	if (t->bad || hash_len(h) == 0)
		return false;
	if (t->d.hash != HASH_NONE)
		return t->d.hash == h;
	digest_init(&t->d, h);
	digest_update(&t->d, kept.p, kept.n);
	if (!t->keep)
		leat_wr_clear(&t->raw);
	return true;
}

void transcript_keep(struct transcript *t)
{
	assert(t->d.hash == HASH_NONE);
	t->keep = true;
}

bool transcript_take_raw(struct transcript *t, struct leat_wr *out)
{
	leat_wr_clear(out);
	*out = t->raw;
	t->raw = (struct leat_wr){ 0 };
	t->keep = false;
	return !t->bad;
}

void transcript_drop_raw(struct transcript *t)
{
	leat_wr_clear(&t->raw);
	t->keep = false;
}

/* RFC 8446 4.4.1: "the value of ClientHello1 is replaced with a special synthetic handshake message
 * of handshake type "message_hash" containing Hash(ClientHello1)" */
void transcript_retry(struct transcript *t)
{
	enum hash_id h = t->d.hash;
	uint8_t msg[4 + HASH_MAX] = { 254, 0, 0, (uint8_t)hash_len(h) };

	assert(h != HASH_NONE);
	digest_snapshot(&t->d, msg + 4);
	digest_init(&t->d, h);
	digest_update(&t->d, msg, 4 + hash_len(h));
}

void transcript_hash(const struct transcript *t, uint8_t *out)
{
	assert(t->d.hash != HASH_NONE);
	digest_snapshot(&t->d, out);
}

void transcript_hash_with(
	const struct transcript *t, enum hash_id h, struct leat_span more, uint8_t *out)
{
	LEAT_SCOPED(digest_clear) struct digest d = t->d;
	struct leat_span kept = leat_wr_done(&t->raw);

	if (d.hash == HASH_NONE) {
		digest_init(&d, h);
		digest_update(&d, kept.p, kept.n);
	}
	assert(d.hash == h);
	digest_update(&d, more.p, more.n);
	digest_snapshot(&d, out);
}

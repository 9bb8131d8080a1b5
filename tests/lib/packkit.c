/* SPDX-License-Identifier: Apache-2.0
 *
 * packkit.c - see packkit.h.
 */
#include "packkit.h"

#include "tamper.h"

struct pack_bend pack_bend;

static void put(struct pair_unit *u, uint16_t algorithm, uint32_t length, struct leat_span data)
{
	struct compressed_cert c = { algorithm, length, data };
	struct leat_wr w = { 0 };

	enc_compressed_cert(&w, &c);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}

void pack_unit(struct pair_unit *u)
{
	bool known = pack_bend.algorithm >= 1 && pack_bend.algorithm <= 3;
	struct leat_wr data = { 0 };

	if (pack_bend.grow)
		tamper_append(u, "", 1);
	assert_true(zip_pack(zip_by_id(known ? pack_bend.algorithm : 1),
		(struct leat_span){ u->p + 4, u->n - 4 }, &data));
	if (pack_bend.garbage)
		memset(data.p, 0x5a, data.n);
	put(u, pack_bend.algorithm, (uint32_t)((int)u->n - 4 + pack_bend.length_off),
		(struct leat_span){ data.p, data.n - pack_bend.cut_by });
	leat_wr_clear(&data);
}

static void bomb(struct pair_unit *u, uint32_t announced)
{
	static uint8_t zeros[4 << 20];
	struct leat_wr data = { 0 };

	assert_true(zip_pack(zip_by_id(1), (struct leat_span){ zeros, sizeof(zeros) }, &data));
	put(u, ZIP_ZLIB, announced, leat_wr_done(&data));
	leat_wr_clear(&data);
}

void pack_bomb(struct pair_unit *u)
{
	bomb(u, 4 << 20);
}

void pack_bomb_that_lies(struct pair_unit *u)
{
	bomb(u, 256);
}

void pack_malformed(struct pair_unit *u)
{
	static const uint8_t b[] = { MSG_COMPRESSED_CERT, 0, 0, 4, 0, 1, 0, 0 };

	pair_unit_set(u, b, sizeof(b));
}

void pack_empty(struct pair_unit *u)
{
	static const uint8_t b[] = { MSG_COMPRESSED_CERT, 0, 0, 0 };

	pair_unit_set(u, b, sizeof(b));
}

void pack_no_certificate(struct pair_unit *u)
{
	tamper_body(u, "\0\0\0\0", 4);
	pack_unit(u);
}

void pack_context(struct pair_unit *u)
{
	tamper_body(u, "\x01x\0\0\0", 5);
	pack_unit(u);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_packet.c: any bytes under any framing and limits. What holds for every stream: a unit takes at least
 * one byte and lies inside the input; deciding again gives the same; the bytes of a unit alone, or with a
 * byte behind them, are that unit; a cut of it is none, unless the framing takes what is there.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <leat/packet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int is_inside(struct leat_span part, struct leat_span in)
{
	return part.n == 0 || (part.p >= in.p && part.p + part.n <= in.p + in.n);
}

static void check_unit(struct leat_span in, const struct leat_unit *u)
{
	assert(u->used > 0 && u->used <= in.n && is_inside(u->body, in));
	assert(is_inside(u->method, in) && is_inside(u->phrase, in) && is_inside(u->field, in));
	assert(is_inside(u->value, in) && is_inside(u->uri.scheme, in) &&
		is_inside(u->uri.host, in));
	assert(u->uri.port >= -1 && u->uri.port <= UINT16_MAX && u->field_id <= 52);
	assert(u->kind != LEAT_UNIT_HTTP_REQUEST || (u->method.n && u->uri.path.n + 1));
}

/* Cutting the last byte off a unit leaves none, or (raw, pieces of a line) a shorter one. */
static void check_cut(struct leat_framing f, struct leat_span in, const struct leat_unit *u)
{
	struct leat_span cut = { in.p, u->used - 1 };
	struct leat_unit shorter;
	enum leat_ret r = leat_packet_decode(&f, cut, &shorter, NULL);

	if (f.type == LEAT_PACKET_RAW)
		assert(cut.n ? r == LEAT_OK : r == LEAT_AGAIN);
	else
		assert(r == LEAT_AGAIN || (r == LEAT_FAILED && f.packet_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_span in = { data + 3, n - 3 };
	struct leat_framing f;

	if (n < 3)
		return 0;
	leat_framing_init(&f, (enum leat_packet)(data[0] % LEAT_PACKET_COUNT));
	f.packet_size = data[1] & 0x80 ? data[1] & 0x7fu : 0;
	f.line_length = data[2] & 0x80 ? data[2] & 0x7fu : 0;
	for (;;) {
		struct leat_framing before = f, again = f;
		struct leat_unit u, same;
		size_t need = 1;
		enum leat_ret r = leat_packet_decode(&f, in, &u, &need);

		assert(memcmp(&before, &f, sizeof(f)) == 0 || r == LEAT_OK);
		assert(r != LEAT_AGAIN || need == 0 || need > in.n);
		assert(leat_packet_decode(&again, in, &same, NULL) == r);
		if (r != LEAT_OK)
			return 0;
		assert(same.used == u.used && same.kind == u.kind);
		check_unit(in, &u);
		check_cut(before, in, &u);
		in.p += u.used;
		in.n -= u.used;
	}
}

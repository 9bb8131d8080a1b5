/* SPDX-License-Identifier: Apache-2.0
 *
 * zip.c - see zip.h. zlib (RFC 1950), Brotli (RFC 7932), Zstandard (RFC 8878), one call each way.
 *
 * RFC 8879 5: "implementations SHOULD bound the memory usage when decompressing the CompressedCertificate
 * message." The output is a buffer of the announced length, which the caller has held against its limit.
 * Beside it zlib takes at most 44 KiB (its window is 32 KiB by format), zstd a context of some 160 KiB (in
 * one call the output is its window, whatever the frame says), and Brotli, whose window may be 16 MiB and
 * whose tables grow with what the stream asks for, gets a budget.
 */
#include "crypto/zip.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/limits.h"
#include "base/mem.h"

/* The most these take: chains of a few KiB, packed once and sent often. */
#define ZLIB_LEVEL     9
#define BROTLI_QUALITY 11
#define ZSTD_LEVEL     19

/* ---- zlib ---- */

static void *z_alloc(void *arg, unsigned num, unsigned size)
{
	(void)arg;
	return leat_array(num, size);
}

static void z_free(void *arg, void *p)
{
	(void)arg;
	leat_free(p);
}

static bool zlib_pack(struct leat_span in, struct leat_wr *out)
{
	z_stream z = { .zalloc = z_alloc, .zfree = z_free };
	uint8_t *room;
	size_t cap;

	if (deflateInit(&z, ZLIB_LEVEL) != Z_OK)
		return false;
	cap = deflateBound(&z, (unsigned long)in.n);
	room = leat_wr_room(out, cap);
	z.next_in = (uint8_t *)(uintptr_t)in.p;
	z.avail_in = (unsigned)in.n;
	z.next_out = room;
	z.avail_out = (unsigned)cap;
	if (room && deflate(&z, Z_FINISH) == Z_STREAM_END)
		out->n -= z.avail_out;
	else
		out->bad = true;
	deflateEnd(&z);
	return leat_wr_ok(out);
}

static enum zip_result zlib_unpack(struct leat_span in, uint8_t *out, size_t n)
{
	z_stream z = { .zalloc = z_alloc, .zfree = z_free };
	int r;

	z.next_in = (uint8_t *)(uintptr_t)in.p;
	z.avail_in = (unsigned)in.n;
	z.next_out = out;
	z.avail_out = (unsigned)n;
	if (inflateInit(&z) != Z_OK)
		return ZIP_MEMORY;
	r = inflate(&z, Z_FINISH); /* a preset dictionary (Z_NEED_DICT) is no certificate's */
	inflateEnd(&z);
	if (r == Z_MEM_ERROR)
		return ZIP_MEMORY;
	return r == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0 ? ZIP_OK : ZIP_BROKEN;
}

/* ---- Brotli ---- */

struct budget {
	size_t left;
	bool over;
};

static void *b_alloc(void *arg, size_t n)
{
	struct budget *b = arg;

	if (n > b->left) {
		b->over = true;
		return NULL;
	}
	b->left -= n;
	return leat_malloc(n);
}

static void b_free(void *arg, void *p)
{
	(void)arg;
	leat_free(p);
}

static bool brotli_pack(struct leat_span in, struct leat_wr *out)
{
	size_t cap = BrotliEncoderMaxCompressedSize(in.n), n = cap;
	uint8_t *room = leat_wr_room(out, cap);

	if (room && BrotliEncoderCompress(BROTLI_QUALITY, BROTLI_DEFAULT_WINDOW,
			    BROTLI_MODE_GENERIC, in.n, in.p, &n, room))
		out->n -= cap - n;
	else
		out->bad = true;
	return leat_wr_ok(out);
}

static enum zip_result brotli_unpack(struct leat_span in, uint8_t *out, size_t n)
{
	struct budget b = { .left = LIM_UNPACK_MEMORY + 4 * n };
	BrotliDecoderState *s = BrotliDecoderCreateInstance(b_alloc, b_free, &b);
	size_t in_left = in.n, out_left = n;
	BrotliDecoderResult r;
	BrotliDecoderErrorCode e;

	if (!s)
		return ZIP_MEMORY;
	r = BrotliDecoderDecompressStream(s, &in_left, &in.p, &out_left, &out, NULL);
	e = BrotliDecoderGetErrorCode(s);
	BrotliDecoderDestroyInstance(s);
	if (r == BROTLI_DECODER_RESULT_SUCCESS && in_left == 0 && out_left == 0)
		return ZIP_OK;
	return e <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
			       e >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES && !b.over
		       ? ZIP_MEMORY
		       : ZIP_BROKEN;
}

/* ---- Zstandard ---- */

static bool zstd_pack(struct leat_span in, struct leat_wr *out)
{
	size_t cap = ZSTD_compressBound(in.n), n = cap;
	uint8_t *room = leat_wr_room(out, cap);

	if (room)
		n = ZSTD_compress(room, cap, in.p, in.n, ZSTD_LEVEL);
	if (room && !ZSTD_isError(n))
		out->n -= cap - n;
	else
		out->bad = true;
	return leat_wr_ok(out);
}

static enum zip_result zstd_unpack(struct leat_span in, uint8_t *out, size_t n)
{
	size_t got = ZSTD_decompress(out, n, in.p, in.n);

	if (got == n)
		return ZIP_OK;
	return ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation
		       ? ZIP_MEMORY
		       : ZIP_BROKEN;
}

/* ---- the table ---- */

static const struct zip rows[ZIP_COUNT] = {
	{ ZIP_ZLIB, "zlib", zlib_pack, zlib_unpack },
	{ ZIP_BROTLI, "brotli", brotli_pack, brotli_unpack },
	{ ZIP_ZSTD, "zstd", zstd_pack, zstd_unpack },
};

const struct zip *zip_by_id(unsigned id)
{
	return id >= 1 && id <= ZIP_COUNT ? &rows[id - 1] : NULL;
}

const struct zip *zip_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < ZIP_COUNT; i++)
		if (strlen(rows[i].name) == n && strncasecmp(rows[i].name, name, n) == 0)
			return &rows[i];
	return NULL;
}

const struct zip *zip_at(size_t i)
{
	return i < ZIP_COUNT ? &rows[i] : NULL;
}

bool zip_pack(const struct zip *z, struct leat_span in, struct leat_wr *out)
{
	return z->pack(in, out);
}

enum zip_result zip_unpack(const struct zip *z, struct leat_span in, uint8_t *out, size_t n)
{
	return z->unpack(in, out, n);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * zip.h - the three algorithms of RFC 8879 behind one type. Packing is for our own certificates and may
 * take milliseconds; unpacking takes what a stranger sent, so it is told the exact length beforehand,
 * writes nowhere else, and its own memory is bounded by that length.
 */
#ifndef LEAT_CRYPTO_ZIP_H
#define LEAT_CRYPTO_ZIP_H

#include "base/wr.h"

/* CertificateCompressionAlgorithm, RFC 8879 7.3. */
enum zip_id { ZIP_ZLIB = 1, ZIP_BROTLI = 2, ZIP_ZSTD = 3 };
#define ZIP_COUNT 3

enum zip_result {
	ZIP_OK = 0,
	ZIP_BROKEN, /* not a whole stream of exactly that length, or one that wants too much memory */
	ZIP_MEMORY,
};

struct zip {
	uint16_t id;      /* enum zip_id */
	const char *name; /* "zlib" */
	bool (*pack)(struct leat_span in, struct leat_wr *out);
	enum zip_result (*unpack)(struct leat_span in, uint8_t *out, size_t n);
};

/* NULL: none of that number, of that name, or past the end. */
const struct zip *zip_by_id(unsigned id);
const struct zip *zip_by_name(const char *name, size_t n);
const struct zip *zip_at(size_t i);

/* Appends the compressed form. false: no memory. */
LEAT_MUST_CHECK bool zip_pack(const struct zip *z, struct leat_span in, struct leat_wr *out);
/* Fills out[0..n-1], all of it, from all of in. n is at least 1. */
LEAT_MUST_CHECK enum zip_result zip_unpack(
	const struct zip *z, struct leat_span in, uint8_t *out, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_http2_text.c: the fields of an HTTP/2 request, any bytes, as HTTP/1.1 text. Whatever they hold, the text is
 * one request and nothing behind it. Input: for each field a byte of length and the name, the same for its value.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "tool/http2_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct leat_span take(const uint8_t **p, const uint8_t *end)
{
	size_t left = (size_t)(end - *p), n;
	struct leat_span s = { NULL, 0 };

	if (left == 0)
		return s;
	n = **p < left - 1 ? **p : left - 1;
	s = (struct leat_span){ *p + 1, n };
	*p += 1 + n;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = data + n;
	struct http2_request r = { 0 };
	struct leat_wr text = { 0 };
	struct http_req parsed;
	size_t scanned = 0;

	while (data < end) {
		struct leat_span name = take(&data, end);

		http2_request_add(&r, name, take(&data, end), 600);
	}
	if (http2_request_text(&r, &text) == 0) {
		struct leat_span t = leat_wr_done(&text);

		assert(t.n <= 600 + 40);
		assert(http_head_end(t.p, t.n, &scanned) == t.n);
		if (http_parse(t.p, t.n, &parsed) == 0)
			assert(parsed.head_len == t.n && http_host(&parsed).n <= 600);
	}
	leat_wr_clear(&text);
	http2_request_clear(&r);
	return 0;
}

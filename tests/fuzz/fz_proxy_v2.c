/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_proxy_v2.c: the PROXY header a balancer sends (user/tool/proxy_v2.c). What was decoded is encoded and
 * decoded again: the same must come out.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tool/proxy_v2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void same(struct leat_span a, struct leat_span b)
{
	assert(a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0));
}

/* A span lies inside the header. */
static void inside(struct leat_span s, const uint8_t *data, size_t n)
{
	assert(s.n == 0 || (s.p >= data + PROXY_V2_FIXED && s.p + s.n <= data + n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proxy_v2 v, again;
	struct leat_wr w = { 0 };

	if (n >= PROXY_V2_FIXED)
		assert(proxy_v2_len(data) <= PROXY_V2_MAX);
	if (!proxy_v2_dec((struct leat_span){ data, n }, &v))
		return 0;
	assert(n == proxy_v2_len(data) && v.unique_id.n <= PROXY_V2_ID_MAX);
	inside(v.alpn, data, n);
	inside(v.authority, data, n);
	inside(v.unique_id, data, n);
	proxy_v2_enc(&w, &v);
	assert(leat_wr_ok(&w));
	assert(proxy_v2_dec(leat_wr_done(&w), &again));
	assert(v.local == again.local && v.has_addr == again.has_addr);
	/* without addresses nothing else is believed */
	if (v.has_addr) {
		assert(memcmp(&v.src, &again.src, sizeof(v.src)) == 0);
		assert(memcmp(&v.dst, &again.dst, sizeof(v.dst)) == 0);
		same(v.alpn, again.alpn);
		same(v.authority, again.authority);
		same(v.unique_id, again.unique_id);
	}
	leat_wr_clear(&w);
	return 0;
}

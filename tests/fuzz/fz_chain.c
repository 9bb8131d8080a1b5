/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_chain.c: certificates a peer could send, through parsing, description, name matching and
 * verification. Input: certificates behind 2-byte lengths, leaf first; the last one is also what is
 * trusted. Refusals carry an alert about certificates, verdicts do not depend on chance.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/rd.h"
#include "x509/verify.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct crypto *crypto;

static void check_error(enum leat_ret ret, const struct leat_err *err)
{
	char text[64];

	assert((ret == LEAT_OK) == (err->cls == LEAT_E_NONE));
	if (ret == LEAT_OK)
		return;
	assert(err->cls == LEAT_E_OUR_ALERT);
	assert((err->alert >= LEAT_ALERT_BAD_CERTIFICATE &&
		       err->alert <= LEAT_ALERT_CERTIFICATE_UNKNOWN) ||
		err->alert == LEAT_ALERT_UNKNOWN_CA);
	for (const char *p = err->detail; *p; p++)
		assert(*p >= 0x20 && *p < 0x7f);
	leat_strerror(err, text, sizeof(text));
}

static void judge(struct chain *ch, const struct store *s, const char *host, bool server)
{
	struct verify_in in = { .chain = ch,
		.store = s,
		.host = host,
		.leaf_is_server = server,
		.now_s = NOW,
		.depth = 2 };
	struct leat_err a = { 0 }, b = { 0 };
	enum leat_ret first = verify_chain(crypto, &in, &a), second;

	check_error(first, &a);
	second = verify_chain(crypto, &in, &b);
	assert(first == second && a.alert == b.alert && strcmp(a.detail, b.detail) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ data, n });
	struct leat_span certs[LIM_CHAIN + 1];
	struct leat_err err = { 0 };
	struct store *s = NULL;
	struct chain *ch;
	size_t num = 0;
	char text[200];
	enum leat_ret ret;

	if (!crypto && crypto_new(&crypto, &err) != LEAT_OK)
		return 0;
	while (num <= LIM_CHAIN && leat_rd_more(&in))
		certs[num++] = leat_rd_opaque16(&in, 0, UINT16_MAX);
	if (!leat_rd_ok(&in))
		return 0;
	ret = chain_new(&ch, crypto, certs, num, &err);
	check_error(ret, &err);
	if (ret != LEAT_OK)
		return 0;
	if (verify_describe(certs[0], text, sizeof(text)) != LEAT_OK)
		assert(!"parsed, but not described");
	for (const char *p = text; *p; p++)
		assert(*p >= 0x20 && *p < 0x7f);
	if (store_new(&s, &err) == LEAT_OK && store_add_der(s, certs[num - 1], &err) == LEAT_OK) {
		assert(store_num(s) == 1);
		judge(ch, s, "localhost", true);
		judge(ch, s, "127.0.0.1", true);
		judge(ch, s, NULL, false);
	}
	store_unref(s);
	chain_unref(ch);
	return 0;
}

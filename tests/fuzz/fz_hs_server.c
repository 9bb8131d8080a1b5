/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_hs_server.c - the server's handshake machine against whatever a client sends, with crypto made
 * transparent: this program is linked with --wrap for the three functions below (Makefile), which are
 * the product's own ones everywhere else. Input format and what must hold: tests/lib/hsfuzz.h.
 */
#include "hsfuzz.h"

#include "crypto/sign.h"
#include "x509/verify.h"

bool __wrap_sign_check(const struct crypto *c, const struct key *k, const struct sigscheme *s,
	struct leat_span tbs, struct leat_span sig);
bool __wrap_leat_ct_equal(const void *a, const void *b, size_t n);
enum leat_ret __wrap_verify_chain(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err);

bool __wrap_sign_check(const struct crypto *c, const struct key *k, const struct sigscheme *s,
	struct leat_span tbs, struct leat_span sig)
{
	(void)c;
	(void)k;
	(void)s;
	(void)tbs;
	return sig.n == 0 || sig.p[0] != 0xff; /* both answers can be had */
}

bool __wrap_leat_ct_equal(const void *a, const void *b, size_t n)
{
	(void)a;
	return n == 0 || ((const uint8_t *)b)[0] != 0xff;
}

enum leat_ret __wrap_verify_chain(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err)
{
	(void)c;
	(void)in;
	(void)err;
	return LEAT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	hsfuzz_run(LEAT_SERVER, data, n);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * hsfuzz_crypto.c - crypto made transparent, for programs that are linked with --wrap for the functions
 * below (Makefile: fz_hs_*); in every other one they are the product's own. Both answers can be had.
 */
#include "base/secret.h"
#include "crypto/sign.h"
#include "x509/verify.h"

__typeof__(sign_check) __wrap_sign_check;
bool __wrap_sign_check(const struct crypto *c, const struct key *k, const struct sigscheme *s,
	struct leat_span tbs, struct leat_span sig)
{
	(void)c;
	(void)k;
	(void)s;
	(void)tbs;
	return sig.n == 0 || sig.p[0] != 0xff;
}

__typeof__(leat_ct_equal) __wrap_leat_ct_equal;
bool __wrap_leat_ct_equal(const void *a, const void *b, size_t n)
{
	(void)a;
	return n == 0 || ((const uint8_t *)b)[0] != 0xff;
}

__typeof__(verify_chain) __wrap_verify_chain;
enum leat_ret __wrap_verify_chain(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err)
{
	(void)c;
	(void)in;
	(void)err;
	return LEAT_OK;
}

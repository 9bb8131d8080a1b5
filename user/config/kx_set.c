/* SPDX-License-Identifier: Apache-2.0
 *
 * kx_set.c - the setters of the key exchanges of TLS 1.2: identity and hint of PSK suites, the prime of
 * DHE suites. RFC 4279, PKCS #3 (DHParameter), RFC 7919.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "config/config.h"
#include "crypto/dh.h"
#include "x509/der.h"
#include "x509/pem.h"

#include <string.h>

bool config_may_use(const struct leat_config *c, const struct suite *s)
{
	if (!suite_is_psk(s) || c->psk_lookup)
		return true;
	for (unsigned i = 0; i < c->num_psks; i++)
		if (c->psks[i].kind == PSK_EXTERNAL)
			return true;
	return false;
}

static enum leat_ret replace(struct leat_span *at, struct leat_span by, struct leat_err *err)
{
	const uint8_t *copy = by.n ? leat_dup(by.p, by.n) : NULL;

	if (by.n && !copy)
		return err_memory(err);
	leat_free((void *)(uintptr_t)at->p);
	*at = (struct leat_span){ copy, by.n };
	return LEAT_OK;
}

enum leat_ret leat_config_set_psk_identity(
	struct leat_config *c, struct leat_span identity, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (identity.n == 0 || identity.n > LIM_PSK_IDENTITY)
		return err_option(err, "psk_identity", NULL,
			"an identity has 1 to " LEAT_STR(LIM_PSK_IDENTITY) " bytes");
	return replace(&c->psk_identity, identity, err);
}

/* DHParameter ::= SEQUENCE { prime INTEGER, base INTEGER, privateValueLength INTEGER OPTIONAL } */
static bool dec_dh(struct leat_span der, struct leat_span *p, struct leat_span *g)
{
	struct leat_rd in = leat_rd_of(der), seq;

	der_take(&in, 0x30, &seq);
	*p = der_positive(&seq);
	*g = der_positive(&seq);
	if (leat_rd_more(&seq))
		(void)der_positive(&seq);
	return leat_rd_end(&seq) && leat_rd_end(&in);
}

static enum leat_ret set_der(struct leat_config *c, struct leat_span der, struct leat_err *err)
{
	struct leat_span p, g;

	if (!dec_dh(der, &p, &g))
		return err_option(err, "dh", NULL, "neither PEM nor DER of DH parameters");
	p = dh_trim(p);
	if (dh_bits(p) < LIM_DH_BITS_MIN || dh_bits(p) > LIM_DH_BITS_MAX)
		return err_option(err, "dh", NULL, "a prime has 2048 to 8192 bits");
	if (!(p.p[p.n - 1] & 1) || !dh_is_value(p, g))
		return err_option(err, "dh", NULL, "not a prime and a generator");
	if (replace(&c->dh_p, p, err) != LEAT_OK)
		return LEAT_FAILED;
	return replace(&c->dh_g, dh_trim(g), err);
}

enum leat_ret leat_config_set_dh(
	struct leat_config *c, struct leat_span params, struct leat_err *err)
{
	struct pem block = { 0 };
	enum leat_ret r;
	BIO *in;

	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (c->role != LEAT_SERVER)
		return err_option(err, "dh", NULL, "is an option of servers");
	if (params.n == 0 || params.p[0] == 0x30)
		return set_der(c, params, err);
	in = pem_open(params);
	if (!in)
		return err_memory(err);
	if (pem_next(in, &block) != PEM_BLOCK || strcmp(block.label, "DH PARAMETERS") != 0)
		r = err_option(err, "dh", NULL, "neither PEM nor DER of DH parameters");
	else
		r = set_der(c, (struct leat_span){ block.p, (size_t)block.n }, err);
	pem_clear(&block);
	BIO_free(in);
	return r;
}

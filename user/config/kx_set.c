/* SPDX-License-Identifier: Apache-2.0
 *
 * kx_set.c - the setters of the key exchanges of TLS 1.2, from bytes and from text: identity and hint of PSK
 * suites, the prime of DHE suites. RFC 4279, PKCS #3 (DHParameter), RFC 7919.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/option_int.h"
#include "crypto/dh.h"
#include "x509/der.h"
#include "x509/pem.h"

#include <stdio.h>
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

bool config_has_identity(const struct leat_config *c)
{
	struct leat_span want = c->psk_identity;

	if (c->role != LEAT_CLIENT || want.n == 0 || c->psk_lookup)
		return true;
	for (unsigned i = 0; i < c->num_psks; i++)
		if (c->psks[i].kind == PSK_EXTERNAL && c->psks[i].identity.n == want.n &&
			memcmp(c->psks[i].identity.p, want.p, want.n) == 0)
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
	if (identity.n == 0 || identity.n > LIM_PSK12_IDENTITY)
		return err_option(err, "psk_identity", NULL,
			"an identity has 1 to " LEAT_STR(LIM_PSK12_IDENTITY) " bytes");
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

static enum leat_ret check_dh(struct leat_span p, struct leat_span g, struct leat_err *err)
{
	if (dh_bits(p) < LIM_DH_BITS_MIN || dh_bits(p) > LIM_DH_BITS_MAX)
		return err_option(err, "dh", NULL, "a prime has 2048 to 8192 bits");
	if (!(p.p[p.n - 1] & 1) || !dh_is_value(p, g))
		return err_option(err, "dh", NULL, "not a prime and a generator");
	return LEAT_OK;
}

static enum leat_ret read_der(struct dh_params *out, struct leat_span der, struct leat_err *err)
{
	struct leat_span p, g, copy = { NULL, 0 };

	if (!dec_dh(der, &p, &g))
		return err_option(err, "dh", NULL, "neither PEM nor DER of DH parameters");
	p = dh_trim(p);
	g = dh_trim(g);
	if (check_dh(p, g, err) != LEAT_OK || replace(&copy, der, err) != LEAT_OK)
		return LEAT_FAILED;
	*out = (struct dh_params){
		.der = copy,
		.p = { copy.p + (p.p - der.p), p.n },
		.g = { copy.p + (g.p - der.p), g.n },
	};
	return LEAT_OK;
}

static enum leat_ret read_pem(struct dh_params *out, struct leat_span text, struct leat_err *err)
{
	struct pem block = { 0 };
	enum pem_next found;
	enum leat_ret r;
	BIO *in = pem_open(text);

	if (!in)
		return err_memory(err);
	found = pem_next(in, &block);
	if (found == PEM_MEMORY)
		r = err_memory(err);
	else if (found != PEM_BLOCK || strcmp(block.label, "DH PARAMETERS") != 0)
		r = err_option(err, "dh", NULL, "neither PEM nor DER of DH parameters");
	else
		r = read_der(out, (struct leat_span){ block.p, (size_t)block.n }, err);
	pem_clear(&block);
	BIO_free(in);
	return r;
}

enum leat_ret dh_read(struct dh_params *out, struct leat_span text, struct leat_err *err)
{
	*out = (struct dh_params){ 0 };
	return text.n == 0 || text.p[0] == 0x30 ? read_der(out, text, err)
						: read_pem(out, text, err);
}

void dh_clear(struct dh_params *dh)
{
	leat_free((void *)(uintptr_t)dh->der.p);
	*dh = (struct dh_params){ 0 };
}

enum leat_ret leat_config_set_dh(
	struct leat_config *c, struct leat_span params, struct leat_err *err)
{
	struct dh_params dh;

	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (c->role != LEAT_SERVER)
		return err_option(err, "dh", NULL, "is an option of servers");
	if (dh_read(&dh, params, err) != LEAT_OK)
		return LEAT_FAILED;
	dh_clear(&c->dh);
	c->dh = dh;
	return LEAT_OK;
}

/* The manual: dh "overrides option dhfile", whichever came first. */
void config_take_dhfile(struct leat_config *c, struct dh_params *dh)
{
	bool overridden = c->dh.der.n && !c->dh.of_file;

	if (overridden) {
		dh_clear(dh);
		return;
	}
	dh_clear(&c->dh);
	c->dh = *dh;
	c->dh.of_file = dh->der.n > 0;
	*dh = (struct dh_params){ 0 };
}

/* ---- options from text ---- */

enum leat_ret option_set_psk_identity(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	struct leat_span identity = { (const uint8_t *)value, strlen(value) };

	(void)o;
	return identity.n ? leat_config_set_psk_identity(c, identity, err)
			  : replace(&c->psk_identity, identity, err);
}

void option_show_psk_identity(
	const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	snprintf(buf, n, "%.*s", (int)c->psk_identity.n,
		c->psk_identity.n ? (const char *)c->psk_identity.p : "");
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* 0: not hexadecimal digits, or more than max bytes. */
static size_t from_hex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (; text[0] && text[1] && n < max; text += 2, n++) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0)
			return 0;
		out[n] = (uint8_t)(high << 4 | low);
	}
	return text[0] ? 0 : n;
}

/* Two numbers of LIM_DH_BITS_MAX, a length, and what DER puts around them. */
#define DH_DER_MAX (2 * (LIM_DH_BITS_MAX / 8) + 64)

enum leat_ret option_set_dh(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	uint8_t der[DH_DER_MAX];
	size_t n = strlen(value);

	if (n == 0) { /* the built-in again */
		dh_clear(&c->dh);
		return LEAT_OK;
	}
	if (value[0] == '-')
		return leat_config_set_dh(c, (struct leat_span){ (const uint8_t *)value, n }, err);
	n = from_hex(value, der, sizeof(der));
	if (n == 0)
		return err_option(err, o->name, NULL, "neither PEM nor DER in hexadecimal digits");
	return leat_config_set_dh(c, (struct leat_span){ der, n }, err);
}

void option_show_dh(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	for (size_t i = 0; i < c->dh.der.n && 2 * i + 1 < n; i++)
		snprintf(buf + 2 * i, n - 2 * i, "%02x", c->dh.der.p[i]);
}

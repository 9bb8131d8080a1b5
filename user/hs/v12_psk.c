/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_psk.c - pre-shared keys in TLS 1.2: which one is used, and the premaster secret it makes. RFC 4279,
 * RFC 5489. The messages are v12_client_kx.c's and v12_server_kx.c's.
 */
#include "hs/v12_int.h"

#include <string.h>

#include "base/limits.h"

unsigned v12_kx_parts(const struct suite *s)
{
	static const uint8_t parts[KX_COUNT] = {
		[KX_ECDHE] = V12_KX_EC | V12_KX_SIGNED,
		[KX_DHE] = V12_KX_DH | V12_KX_SIGNED,
		[KX_PSK] = V12_KX_PSK,
		[KX_DHE_PSK] = V12_KX_PSK | V12_KX_DH,
		[KX_ECDHE_PSK] = V12_KX_PSK | V12_KX_EC,
	};

	return parts[s->kx];
}

static bool is_same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The config's key of this identity (empty: the first one); imported ones are for TLS 1.3. */
static const struct psk *added(const struct leat_config *cfg, struct leat_span identity)
{
	for (unsigned i = 0; i < cfg->num_psks; i++)
		if (cfg->psks[i].kind == PSK_EXTERNAL &&
			(identity.n == 0 || is_same(cfg->psks[i].identity, identity)))
			return &cfg->psks[i];
	return NULL;
}

static bool is_usable(const struct leat_psk *found)
{
	return found->secret.n > 0 && found->secret.n <= LEAT_SECRET_MAX;
}

/* A client's question is not put off: config.h. */
static bool ask(const struct hs *h, struct leat_span hint, struct leat_psk *found)
{
	struct leat_psk_query q = { .identity = hint.n ? hint : (struct leat_span){ NULL, 0 } };

	return h->cfg->psk_lookup &&
	       h->cfg->psk_lookup(h->cfg->psk_lookup_arg, &q, found) == LEAT_OK && is_usable(found);
}

enum leat_ret v12_client_psk(struct hs *h, struct leat_span hint)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret secret = { 0 };
	const struct psk *p = added(h->cfg, h->cfg->psk_identity);
	struct leat_span identity = h->cfg->psk_identity;
	struct leat_psk found = { 0 };

	if (p) {
		v12_commit_psk(h, p->identity, &p->secret);
		return LEAT_OK;
	}
	if (!ask(h, hint, &found))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: no key is known for its hint");
	if (!identity.n)
		identity = found.identity;
	if (identity.n > LIM_PSK12_IDENTITY)
		return err_misuse(h->err, "psk_lookup: identity too long");
	leat_secret_set(&secret, found.secret.p, found.secret.n);
	v12_commit_psk(h, identity, &secret);
	return LEAT_OK;
}

/* RFC 4279 2: "if the server wishes to hide the fact that the PSK identity was not known, it MAY continue
 * the protocol as if the PSK identity existed but the key was incorrect", else an "unknown_psk_identity"
 * alert: the option psk_unknown, docs/decisions/0018. */
enum leat_ret v12_server_psk(struct hs *h, struct leat_span identity, struct leat_secret *secret)
{
	const struct leat_psk_query q = { .identity = identity };
	const struct psk *p = identity.n ? added(h->cfg, identity) : NULL;
	struct leat_psk found = { 0 };
	enum leat_ret r;

	secret->n = 32;
	h->env->random(h->env->arg, secret->b, secret->n);
	if (p) {
		*secret = p->secret;
		return LEAT_OK;
	}
	r = lookup_psk(h, &q, &found);
	if (r == LEAT_OK && is_usable(&found)) {
		leat_secret_set(secret, found.secret.p, found.secret.n);
		return LEAT_OK;
	}
	if (r == LEAT_AGAIN || r == LEAT_FAILED)
		return r;
	return h->cfg->psk_unknown ? hs_refuse(h, LEAT_ALERT_UNKNOWN_PSK_IDENTITY,
					     "client_key_exchange: a PSK identity nobody knows")
				   : LEAT_OK;
}

void v12_commit_psk(struct hs *h, struct leat_span identity, const struct leat_secret *secret)
{
	h->v12.identity = identity;
	h->v12.psk = *secret;
	h->psk = true;
}

struct premaster {
	uint8_t b[2 + sizeof(((struct kex_out *)0)->b) + 2 + LEAT_SECRET_MAX];
};

static void premaster_clear(struct premaster *p)
{
	leat_wipe(p, sizeof(*p));
}

/* RFC 4279 2: "struct { opaque other_secret<0..2^16-1>; opaque psk<0..2^16-1>; }", where for plain PSK
 * other_secret is "N zero octets", N the length of the PSK; for DHE_PSK (3) and ECDHE_PSK (RFC 5489 2) it
 * is the secret of the key exchange. */
void v12_set_psk_master(struct hs *h, struct leat_span other)
{
	static const uint8_t zeros[LEAT_SECRET_MAX];
	LEAT_SCOPED(premaster_clear) struct premaster pm;
	struct leat_wr w;

	if (!other.n)
		other = (struct leat_span){ zeros, h->v12.psk.n };
	leat_wr_fixed(&w, pm.b, sizeof(pm.b));
	leat_wr_vec(&w, 2, other);
	leat_wr_vec(&w, 2, leat_secret_span(&h->v12.psk));
	v12_set_master(h, leat_wr_done(&w));
	leat_secret_clear(&h->v12.psk);
}

void v12_set_kx_master(struct hs *h, const struct kex_out *shared)
{
	unsigned parts = v12_kx_parts(h->suite);
	struct leat_span s = parts & V12_KX_DH ? dh_premaster(shared) : kex_out_span(shared);

	if (parts & V12_KX_PSK)
		v12_set_psk_master(h, s);
	else
		v12_set_master(h, s);
}

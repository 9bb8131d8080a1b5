/* SPDX-License-Identifier: Apache-2.0
 *
 * post_keys.c - record keys and exported keys of an established connection, derived when asked for. Keeping secrets and
 * not keys means that nothing but the AEAD context holds a key, and that hand-over and KeyUpdate share
 * one place. Called by engine/ (export) and post.c.
 */
#include "hs/post_auth.h"

#include <leat/export.h>

#include "base/secret.h"
#include "sched/sched12.h"
#include "sched/sched13.h"

enum leat_ret hs_post_keys(const struct hs_post *p, enum leat_dir dir, struct traffic_keys *out)
{
	LEAT_SCOPED(traffic_keys_clear) struct traffic_keys other = { 0 };
	bool ours_is_client = p->role == LEAT_CLIENT;
	bool want_client = dir == LEAT_TX ? ours_is_client : !ours_is_client;
	const struct leat_secret *secret = dir == LEAT_RX ? &p->rx : &p->tx;

	if (!p->suite)
		return LEAT_FAILED;
	if (p->version == LEAT_TLS13) {
		if (secret->n == 0)
			return LEAT_FAILED;
		sched13_keys(p->suite->hash, p->suite->aead, secret, out);
		return LEAT_OK;
	}
	if (p->exporter.n == 0 || secret->n)
		return LEAT_FAILED;
	sched12_keys(p->suite->hash, p->suite->aead, &p->exporter, p->client_random,
		p->server_random, want_client ? out : &other, want_client ? &other : out);
	return LEAT_OK;
}

void hs_post_forget_keys(struct hs_post *p, enum leat_dir dir, bool keep_master)
{
	struct leat_secret *gone = dir == LEAT_RX ? &p->rx : &p->tx;

	if (p->version == LEAT_TLS13) {
		post_auth_before_forget(p, dir);
		leat_secret_clear(gone);
		return;
	}
	gone->n = 1; /* TLS 1.2 has no traffic secrets: the fields mark which direction has left */
	if (p->rx.n && p->tx.n && !keep_master)
		leat_secret_clear(&p->exporter);
}

const struct leat_secret *hs_post_secret(const struct hs_post *p, enum leat_dir dir)
{
	if (hs_post_is_aside(p, dir))
		return &p->slot->by_dir[dir];
	return dir == LEAT_RX ? &p->rx : &p->tx;
}

bool hs_post_is_aside(const struct hs_post *p, enum leat_dir dir)
{
	return p->slot && p->slot->by_dir[dir].n;
}

bool hs_post_set_aside(struct hs_post *p, enum leat_dir dir, struct hs_slot *(*take)(void))
{
	struct leat_secret *from = dir == LEAT_RX ? &p->rx : &p->tx;

	if (p->version != LEAT_TLS13 || from->n == 0)
		return false;
	if (!p->slot)
		p->slot = take();
	if (!p->slot)
		return false;
	leat_secret_set(&p->slot->by_dir[dir], from->b, from->n);
	leat_secret_clear(from);
	if (dir == LEAT_TX) /* from now on nobody tells when data goes out: see on_key_update */
		p->answered = false;
	return true;
}

bool hs_post_may_export(const struct hs_post *p)
{
	/* RFC 7627 5.4: without extended master secret "the client or server MUST NOT export any key
	 * material based on the new master secret for any subsequent application-level authentication.
	 * In particular, it MUST disable [RFC5705]". */
	return p->version == LEAT_TLS13 || p->ems;
}

void hs_early_export(
	const struct hs_early_exporter *x, const struct leat_exporter *what, uint8_t *out, size_t n)
{
	sched13_export(x->hash, &x->secret, what->label, what->context, out, n);
}

void hs_post_exporter(
	const struct hs_post *p, const struct leat_exporter *what, uint8_t *out, size_t n)
{
	if (p->version == LEAT_TLS13)
		sched13_export(p->suite->hash, &p->exporter, what->label, what->context, out, n);
	else
		sched12_export(p->suite->hash, &p->exporter, what->label, p->client_random,
			p->server_random, what->has_context, what->context, out, n);
}

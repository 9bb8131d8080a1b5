/* SPDX-License-Identifier: Apache-2.0
 *
 * bind.c - what sessions are bound to. A session stands for checks that were made when it began; it may
 * be resumed only where the same checks would be made by the same party: same trust anchors, same
 * verification settings, same own certificates. Their digest travels inside the session, so that
 * another process, or this one after a restart with other settings, refuses it (SESS-sem-newcert).
 *
 * Of the application's functions only that they are there counts: what they do cannot be told.
 *
 * Anchors count by subject only: replacing a CA by one of the same name is
 * not noticed before the session's week is over.
 */
#include "config/config.h"

#include "crypto/digest.h"

static void add(struct digest *d, struct leat_span s)
{
	uint8_t n[4] = { (uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8),
		(uint8_t)s.n };

	digest_update(d, n, sizeof(n));
	digest_update(d, s.p, s.n);
}

void config_bind(struct leat_config *c)
{
	static const char text[] = "leat session binding 1";
	const uint8_t settings[] = { (uint8_t)c->role, (uint8_t)c->verify, c->insecure_skip_name,
		(uint8_t)c->depth, (uint8_t)c->staple };
	const uint8_t asks[] = { c->verify_fun.fn != NULL, c->partial_chain != NULL,
		(uint8_t)c->crl_check };
	bool trusts = c->trust && c->verify == LEAT_VERIFY_PEER;
	struct digest d;

	digest_init(&d, HASH_SHA256);
	digest_update(&d, text, sizeof(text));
	digest_update(&d, settings, sizeof(settings));
	for (unsigned i = 0; i < c->cert_schemes.n; i++)
		digest_update(&d, &c->cert_schemes.v[i]->id, sizeof(c->cert_schemes.v[i]->id));
	add(&d, (struct leat_span){ NULL, 0 });
	for (unsigned i = 0; i < c->num_creds; i++)
		add(&d, cred_num(c->creds[i]) ? cred_cert(c->creds[i], 0) : cred_spki(c->creds[i]));
	add(&d, (struct leat_span){ NULL, 0 });
	if (asks[0] || asks[1] || asks[2])
		add(&d, (struct leat_span){ asks, sizeof(asks) });
	add(&d, (struct leat_span){ c->server_types.v, c->server_types.n });
	add(&d, (struct leat_span){ c->client_types.v, c->client_types.n });
	for (unsigned i = 0; i < c->num_peer_keys; i++)
		add(&d, c->peer_keys[i]);
	add(&d, (struct leat_span){ NULL, 0 });
	for (size_t i = 0; trusts && i < store_num(c->trust); i++)
		add(&d, store_subject(c->trust, i));
	digest_snapshot(&d, c->bind);
}

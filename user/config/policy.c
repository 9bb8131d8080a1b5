/* SPDX-License-Identifier: Apache-2.0
 *
 * policy.c - the preset `modern`. The lists are the by_default columns of crypto/suite.c, whose order
 * is the order of preference, less what libcrypto lacks here; everything else stands in this file.
 */
#include "config/policy.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "wire/client_hello.h"
#include "wire/ext.h"
#include "crypto/sign.h"

#define DEPTH_MODERN   10
#define TICKETS_MODERN 2 /* a client that opens two connections next time uses each ticket once */
#define SHARES_MODERN  2 /* the two groups nearly every server takes, saving most retries */

/* Read and written whole: a config that is made while they change has the old or the new of each. */
static atomic_uint default_versions, default_life_s;

void policy_set_defaults(const struct policy_defaults *d)
{
	atomic_store(&default_versions, (unsigned)d->min_version << 16 | d->max_version);
	atomic_store(&default_life_s, d->session_life_s);
}

void policy_use_defaults(struct leat_config *c)
{
	unsigned versions = atomic_load(&default_versions), life_s = atomic_load(&default_life_s);

	if (versions) {
		c->min_version = (uint16_t)(versions >> 16);
		c->max_version = (uint16_t)versions;
	}
	if (life_s)
		c->session_life_s = life_s;
}

static void add_suites_of(struct leat_config *c, unsigned version)
{
	const struct suite *s;

	for (size_t i = 0; (s = suite_at(i)) != NULL; i++) {
		if (!s->by_default || s->version != version || !crypto_has_aead(c->crypto, s->aead))
			continue;
		assert(c->suites.n < CONFIG_MAX_SUITES);
		c->suites.v[c->suites.n++] = s;
	}
}

void policy_default_suites(struct leat_config *c)
{
	c->suites.n = 0;
	add_suites_of(c, LEAT_TLS13);
	add_suites_of(c, LEAT_TLS12);
}

void policy_default_groups(struct leat_config *c)
{
	const struct group *g;

	c->groups.n = 0;
	for (size_t i = 0; (g = group_at(i)) != NULL; i++) {
		if (!g->by_default || !crypto_has_group(c->crypto, g))
			continue;
		assert(c->groups.n < CONFIG_MAX_GROUPS);
		c->groups.v[c->groups.n++] = g;
	}
}

void policy_default_schemes(struct leat_config *c)
{
	const struct sigscheme *s;

	c->schemes.n = 0;
	for (size_t i = 0; (s = sigscheme_at(i)) != NULL; i++) {
		if (!s->by_default || !crypto_has_scheme(c->crypto, s))
			continue;
		assert(c->schemes.n < CONFIG_MAX_SCHEMES);
		c->schemes.v[c->schemes.n++] = s;
	}
}

void policy_modern(struct leat_config *c)
{
	c->min_version = LEAT_TLS12;
	c->max_version = LEAT_TLS13;
	policy_default_suites(c);
	policy_default_groups(c);
	policy_default_schemes(c);
	c->num_shares = SHARES_MODERN;
	c->server_order = true;
	c->client_renegotiation = false;
	c->hibernate_after_ms = HIBERNATE_NEVER;
	c->log_alert = true;
	c->verify_set = false;
	c->secure_renegotiate = true;
	c->middlebox = true;
	/* A server asks for a client certificate only when told to. */
	c->verify = c->role == LEAT_CLIENT ? LEAT_VERIFY_PEER : LEAT_VERIFY_NONE;
	c->server_types = c->client_types = (struct cert_types){ { CERT_X509 }, 1 };
	c->authorities = c->role == LEAT_SERVER;
	c->insecure_skip_name = false;
	c->depth = DEPTH_MODERN;
	c->lean_verify = true;
	c->chain_cache = true;
	c->records[LEAT_RX] = LEAT_RECORDS_AUTO;
	c->records[LEAT_TX] = LEAT_RECORDS_AUTO;
	c->kernel_file_from = c->kernel_stream_from = AUTO_CALIBRATED;
	c->max_handshake_size = LIM_HANDSHAKE;
	/* A server answers whoever speaks of it. A client that takes every size has nothing to say. */
	c->key_update_at = KEY_UPDATE_AT;
	c->record_size = c->role == LEAT_SERVER ? LIM_PLAINTEXT + 1 : 0;
	c->sessions = c->role == LEAT_CLIENT ? SESSIONS_OFF : SESSIONS_STATELESS;
	c->num_tickets = TICKETS_MODERN;
	c->session_life_s = LEAT_TICKET_KEY_KEEP_S;
	c->psk_modes = 1u << PSK_DHE_KE;
	policy_use_defaults(c);
}

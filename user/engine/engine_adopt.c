/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_adopt.c - an engine is taken apart into facts without secrets and made again of them, elsewhere. Possible
 * when both directions were handed over and nothing is under way: then all that is left of an engine is rules
 * for control records. For sock/send_fd.c.
 */
#include "engine/engine_int.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/suite.h"
#include "rec/kinfo.h"

/* ---- taken apart ----------------------------------------------------------------------------- */

static const char *why_not_bare(const struct leat_engine *e)
{
	if (e->dead || !e->up)
		return "the connection is not up";
	if (!e->exported[LEAT_RX])
		return "receiving is in user space";
	if (!e->exported[LEAT_TX])
		return "sending is in user space";
	if (e->closed)
		return "we have closed already";
	if (e->eof)
		return "the peer has closed already";
	if (!e->w) /* at rest */
		return NULL;
	if (e->w->ctl || e->w->data.n)
		return "a record still waits here";
	if (e->w->rx_keys.version)
		return "the kernel has not got the peer's new keys yet";
	if (e->w->post.partial.n || e->w->ctl_in.n)
		return "a part of a control message came, and not the rest";
	/* RFC 8446 4.6.2: a client that offered it "MUST" answer, with a hash of the whole handshake */
	if (e->w->post.auth && (e->role == LEAT_CLIENT || hs_post_is_mid_auth(&e->w->post)))
		return "authentication after the handshake may still come";
	return NULL;
}

const char *leat_engine_bare(const struct leat_engine *e, struct engine_bare *out)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };
	const char *why = why_not_bare(e);

	if (why)
		return why;
	*out = (struct engine_bare){
		.role = e->role,
		.version = e->version,
		.suite = e->suite,
		.group = e->group,
		.scheme = e->scheme,
		.client_scheme = e->client_scheme,
		.resumed = e->resumed,
		.retried = e->retried,
		.extended_master = e->extended_master,
		.external_psk = e->external_psk,
		.max = { e->max[0], e->max[1] },
		.empty_run = e->empty_run,
		.warn_run = e->warn_run,
		.updates_in = engine_post(e, &tmp)->key_updates_in,
		.alpn = { e->names, e->alpn_n },
		.sni = { e->names ? e->names + e->alpn_n : NULL, e->sni_n },
	};
	out->has_digest = leat_engine_peer_digest(e, out->digest);
	return NULL;
}

/* ---- made again ------------------------------------------------------------------------------ */

/* In the order in which engine.c keeps them. */
static bool keep_names(struct leat_engine *e, const struct engine_bare *b)
{
	struct leat_wr w = { 0 };

	leat_wr_span(&w, b->alpn);
	leat_wr_span(&w, b->sni);
	if (b->has_digest)
		leat_wr_bytes(&w, b->digest, sizeof(b->digest));
	if (!leat_wr_ok(&w)) {
		leat_wr_clear(&w);
		return false;
	}
	e->names = w.p; /* the block is the engine's now */
	e->alpn_n = (uint8_t)b->alpn.n;
	e->sni_n = (uint8_t)b->sni.n;
	e->sni_known = b->sni.n >
		       0; /* does not travel: what a server chose by the name is chosen */
	e->peer_hash_n = b->has_digest ? sizeof(b->digest) : 0;
	return true;
}

static bool can_be(const struct engine_bare *b)
{
	const struct suite *s = suite_by_id(b->suite);

	return (b->role == LEAT_CLIENT || b->role == LEAT_SERVER) && s &&
	       s->version == b->version && leat_kinfo_possible(s->aead, b->version) &&
	       b->max[LEAT_RX] < LIM_PLAINTEXT && b->max[LEAT_TX] < LIM_PLAINTEXT &&
	       b->empty_run <= LIM_EMPTY_RECORDS && b->warn_run <= LIM_WARN_ALERTS &&
	       b->updates_in <= LIM_POST_MESSAGES && b->alpn.n <= UINT8_MAX &&
	       b->sni.n <= UINT8_MAX;
}

static void take_over(struct leat_engine *e, const struct engine_bare *b)
{
	e->role = b->role;
	e->version = b->version;
	e->suite = b->suite;
	e->group = group_by_id(b->group) ? b->group : 0;
	e->scheme = sigscheme_by_id(b->scheme) ? b->scheme : 0;
	e->client_scheme = sigscheme_by_id(b->client_scheme) ? b->client_scheme : 0;
	e->resumed = b->resumed;
	e->retried = b->retried;
	e->extended_master = b->extended_master;
	e->external_psk = b->external_psk;
	memcpy(e->max, b->max, sizeof(e->max));
	e->empty_run = (uint8_t)b->empty_run;
	e->warn_run = (uint8_t)b->warn_run;
	e->exported[LEAT_RX] = e->exported[LEAT_TX] = true;
	e->up = true;
}

/* It begins at rest, without any secret. */
static bool keep_rules(struct leat_engine *e, const struct engine_bare *b)
{
	struct hs_post post = {
		.version = b->version,
		.role = b->role,
		.suite = suite_by_id(b->suite),
		.ems = b->extended_master,
		.key_updates_in = b->updates_in,
	};

	e->kept = hs_post_keep(&post, false);
	return e->kept != NULL;
}

enum leat_ret leat_engine_adopt(struct leat_engine **out, struct leat_config *cfg,
	const struct engine_bare *b, const struct leat_env *env, struct leat_err *err)
{
	struct leat_engine *e;

	*out = NULL;
	if (!cfg->frozen)
		return err_misuse(err, "config: not frozen");
	if (!can_be(b))
		return err_misuse(err, "connection: of a kind that no kernel carries");
	e = leat_zalloc(sizeof(*e));
	if (!e)
		return err_memory(err);
	e->cfg = leat_config_ref(cfg);
	e->env = *env;
	take_over(e, b);
	if (!keep_names(e, b) || !keep_rules(e, b)) {
		leat_engine_free(e);
		return err_memory(err);
	}
	*out = e;
	return LEAT_OK;
}

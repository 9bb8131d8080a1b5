/* SPDX-License-Identifier: Apache-2.0
 *
 * session_set.c - the typed setters for resumption, early data, external PSKs, and for what a server asks
 * its caller while it handles a ClientHello.
 */
#include "base/limits.h"
#include "config/config.h"

static enum leat_ret server_only(struct leat_config *c, const char *option, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	return c->role == LEAT_SERVER ? LEAT_OK
				      : err_option(err, option, NULL, "is an option of servers");
}

enum leat_ret leat_config_set_ticket_keys(
	struct leat_config *c, struct leat_ticket_keys *k, struct leat_err *err)
{
	if (server_only(c, "ticket_keys", err) != LEAT_OK)
		return LEAT_FAILED;
	leat_ticket_keys_ref(k);
	leat_ticket_keys_unref(c->ticket_keys);
	c->ticket_keys = k;
	c->sessions = SESSIONS_STATELESS;
	return LEAT_OK;
}

enum leat_ret leat_config_set_session_store(
	struct leat_config *c, struct leat_store *s, struct leat_err *err)
{
	if (server_only(c, "session_store", err) != LEAT_OK)
		return LEAT_FAILED;
	leat_store_ref(s);
	leat_store_unref(c->sessions_store);
	c->sessions_store = s;
	c->sessions = SESSIONS_STATEFUL;
	return LEAT_OK;
}

enum leat_ret leat_config_set_early_data(
	struct leat_config *c, uint32_t max, struct leat_antireplay *a, struct leat_err *err)
{
	if (server_only(c, "early_data", err) != LEAT_OK)
		return LEAT_FAILED;
	if (max && !a)
		return err_option(err, "early_data", NULL, "needs a memory against replay");
	if (max > LIM_EARLY_DATA)
		return err_option(
			err, "early_data", NULL, "more than " LEAT_STR(LIM_EARLY_DATA) " bytes");
	if (a)
		leat_antireplay_ref(a);
	leat_antireplay_unref(c->antireplay);
	c->antireplay = a;
	c->max_early = max;
	return LEAT_OK;
}

static enum leat_ret add_imported(
	struct leat_config *c, const struct leat_psk *psk, enum hash_id h, struct leat_err *err)
{
	static const enum hash_id targets[] = { HASH_SHA256, HASH_SHA384 };
	struct psk made[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		if (psk_imported(&made[i], h, targets[i], psk->identity, psk->context, psk->secret,
			    err) != LEAT_OK) {
			psk_clear(&made[0]);
			psk_clear(&made[1]);
			return LEAT_FAILED;
		}
	}
	for (int i = 0; i < 2; i++)
		c->psks[c->num_psks++] = made[i];
	leat_wipe(made, sizeof(made)); /* the identities are the config's now */
	return LEAT_OK;
}

enum leat_ret leat_config_add_psk(
	struct leat_config *c, const struct leat_psk *psk, struct leat_err *err)
{
	enum hash_id h = psk->sha384 ? HASH_SHA384 : HASH_SHA256;
	unsigned needed = psk->imported ? 2 : 1;

	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (c->num_psks + needed > CONFIG_MAX_PSKS)
		return err_option(err, "psk", NULL,
			"more than " LEAT_STR(CONFIG_MAX_PSKS) " (an imported one counts twice)");
	if (psk->imported)
		return add_imported(c, psk, h, err);
	if (psk_external(&c->psks[c->num_psks], h, psk->identity, psk->secret, err) != LEAT_OK)
		return LEAT_FAILED;
	c->num_psks++;
	return LEAT_OK;
}

enum leat_ret leat_config_set_psk_lookup(
	struct leat_config *c, leat_psk_lookup_fn *fn, void *arg, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	c->psk_lookup = fn;
	c->psk_lookup_arg = arg;
	return LEAT_OK;
}

enum leat_ret leat_config_set_sni(
	struct leat_config *c, leat_sni_fn *fn, void *arg, struct leat_err *err)
{
	if (server_only(c, "sni", err) != LEAT_OK)
		return LEAT_FAILED;
	c->sni = fn;
	c->sni_arg = arg;
	return LEAT_OK;
}

enum leat_ret leat_config_set_reuse_session(
	struct leat_config *c, leat_reuse_session_fn *fn, void *arg, struct leat_err *err)
{
	if (server_only(c, "reuse_session", err) != LEAT_OK)
		return LEAT_FAILED;
	c->reuse = fn;
	c->reuse_arg = arg;
	return LEAT_OK;
}

enum leat_ret leat_config_set_lookup_jobs(struct leat_config *c, bool always, struct leat_err *err)
{
	if (server_only(c, "lookup_jobs", err) != LEAT_OK)
		return LEAT_FAILED;
	c->lookup_jobs = always;
	return LEAT_OK;
}

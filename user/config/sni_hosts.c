/* SPDX-License-Identifier: Apache-2.0
 *
 * sni_hosts.c - another config for each of some host names, as a list (the manual's sni_hosts). It answers in the
 * place of a callback (leat_config_set_sni), so a config has the one or the other.
 */
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "config/config.h"

enum leat_ret config_find_host(void *arg, struct leat_span name, struct leat_config **out)
{
	const struct leat_config *c = arg;

	for (size_t i = 0; i < c->num_sni_hosts; i++) {
		const struct sni_host *h = &c->sni_hosts[i];

		if (strlen(h->name) == name.n &&
			strncasecmp(h->name, (const char *)name.p, name.n) == 0) {
			*out = leat_config_ref(h->cfg);
			break;
		}
	}
	return LEAT_OK;
}

static enum leat_ret check_host(const struct leat_config *c, const char *name,
	const struct leat_config *cfg, struct leat_err *err)
{
	size_t n = name ? strnlen(name, LIM_HOST_NAME + 1) : 0;

	if (c->role != LEAT_SERVER)
		return err_option(err, "sni_hosts", name, "is an option of servers");
	if (n == 0 || n > LIM_HOST_NAME || name[n - 1] == '.')
		return err_option(
			err, "sni_hosts", name, "a name has 1 to 255 bytes and no dot at its end");
	if (!cfg->frozen || cfg->role != LEAT_SERVER)
		return err_option(err, "sni_hosts", name, "not the frozen config of a server");
	if (cfg->num_sni_hosts || cfg->sni)
		return err_option(err, "sni_hosts", name,
			"a config that chooses by name itself cannot be chosen by name");
	if (c->num_sni_hosts == CONFIG_MAX_HOSTS)
		return err_option(err, "sni_hosts", name,
			"more than " LEAT_STR(CONFIG_MAX_HOSTS) " names; use leat_config_set_sni");
	for (size_t i = 0; i < c->num_sni_hosts; i++)
		if (strcasecmp(c->sni_hosts[i].name, name) == 0)
			return err_option(err, "sni_hosts", name, "named twice");
	return LEAT_OK;
}

enum leat_ret leat_config_add_sni_host(
	struct leat_config *c, const char *name, struct leat_config *cfg, struct leat_err *err)
{
	struct sni_host *more;
	char *own;

	if (config_may_set(c, err) != LEAT_OK || check_host(c, name, cfg, err) != LEAT_OK)
		return LEAT_FAILED;
	more = leat_array(c->num_sni_hosts + 1, sizeof(*more));
	own = leat_strdup(name);
	if (!more || !own) {
		leat_free(more);
		leat_free(own);
		return err_memory(err);
	}
	if (c->num_sni_hosts)
		memcpy(more, c->sni_hosts, c->num_sni_hosts * sizeof(*more));
	more[c->num_sni_hosts] = (struct sni_host){ own, leat_config_ref(cfg) };
	leat_free(c->sni_hosts);
	c->sni_hosts = more;
	c->num_sni_hosts++;
	return LEAT_OK;
}

void config_clear_hosts(struct leat_config *c)
{
	for (size_t i = 0; i < c->num_sni_hosts; i++) {
		leat_free(c->sni_hosts[i].name);
		leat_config_unref(c->sni_hosts[i].cfg);
	}
	leat_free(c->sni_hosts);
}

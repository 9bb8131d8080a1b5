/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_site.c - from options to a site: opens folders, reads certificates and keys, freezes one TLS config
 * per host, and chooses among them by the name a client asks for (RFC 6066 3).
 */
#include "tool/serve_site.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wr.h"
#include "config/config.h"
#include "sock/anchors.h"
#include "tool/keylog.h"
#include "tool/serve.h"
#include "tool/settings.h"
#include "tool/tool.h"

/* ---- which host ------------------------------------------------------------------------------ */

/* The host for names that no host has, and for clients that send none. */
static const struct serve_host *default_host(const struct serve_site *s)
{
	return serve_has_default(s->o) ? &s->hosts[0] : NULL;
}

const struct serve_host *site_host(const struct serve_site *s, struct leat_span sni)
{
	unsigned i = sni.n > 0 ? host_names_find(&s->names, sni) : HOST_NONE;

	return i != HOST_NONE ? &s->hosts[i] : default_host(s);
}

bool site_has(const struct serve_site *s, const struct serve_host *h, struct leat_span authority)
{
	if (s->o->num_hosts == 1)
		return true;
	return h != NULL && site_host(s, host_of_authority(authority)) == h;
}

/* leat_sni_fn */
static enum leat_ret choose_config(void *arg, struct leat_span name, struct leat_config **out)
{
	const struct serve_site *s = arg;
	unsigned i = host_names_find(&s->names, name);
	const struct serve_host *h;

	if (i == HOST_NONE && s->o->refuse_unknown)
		return LEAT_UNSUPPORTED;
	h = i != HOST_NONE ? &s->hosts[i] : default_host(s);
	if (h == NULL)
		return LEAT_UNSUPPORTED;
	if (h->cfg != s->tls.cfg)
		*out = leat_config_ref(h->cfg);
	return LEAT_OK;
}

/* ---- TLS config of a host -------------------------------------------------------------------- */

/* While a host is made: what it is made from, and what to say when something is wrong with it. */
struct making {
	const struct args *args;
	const struct serve_shared *shared;
	struct serve_site *site;
	struct serve_host *h;
	const char *place; /* of the option at work */
	struct leat_err err;
};

/* Certificate number i, whose key is in the other process. */
static enum leat_ret add_external(struct making *m, const struct cred_files *f, unsigned i)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr pem = { 0 };
	struct leat_config *cfg = m->h->cfg;
	enum leat_ret r;

	m->place = f->place[i];
	r = anchors_read("certfile", f->cert[i], &pem, &m->err);
	if (r == LEAT_OK)
		r = key_process_load(
			m->shared->keys, f->cert[i], f->key[i], &m->h->keys[i], &m->err);
	if (r == LEAT_OK)
		r = leat_config_add_cred_external(
			cfg, leat_wr_done(&pem), key_process_sign, m->h->keys[i], &m->err);
	if (r == LEAT_OK)
		r = anchors_load_attached(cfg->creds[cfg->num_creds - 1], f->attached[i][CRED_OCSP],
			f->attached[i][CRED_SCT], &m->err);
	return r;
}

static enum leat_ret use_key_process(struct making *m, const struct cred_files *f)
{
	struct leat_files others = {
		.cacertfile = f->cacert, .dhfile = f->dhfile, .crl_cache = f->crl_cache
	};
	enum leat_ret r = leat_config_use_files(m->h->cfg, &others, &m->err);

	for (unsigned i = 0; i < f->num_certs && r == LEAT_OK; i++)
		r = add_external(m, f, i);
	return r;
}

/* What stands before the first --host holds for all, unless a host says otherwise. */
static enum leat_ret add_files(struct making *m)
{
	const struct cred_files *base = &m->site->o->hosts[0].files;
	struct cred_files files = m->h->o->files;
	enum leat_ret r;

	if (!files.cacert)
		files.cacert = base->cacert;
	if (!files.dhfile)
		files.dhfile = base->dhfile;
	if (!files.crl_cache)
		files.crl_cache = base->crl_cache;
	r = m->shared->keys ? use_key_process(m, &files)
			    : cred_files_load(&files, m->h->cfg, &m->place, &m->err);
	if (r == LEAT_OK && files.cacert)
		r = leat_config_set_verify(m->h->cfg, LEAT_VERIFY_PEER, &m->err);
	return r;
}

static enum leat_ret add_settings(struct making *m, const struct serve_host_opts *from)
{
	enum leat_ret r = LEAT_OK;

	for (unsigned i = 0; i < from->num_settings && r == LEAT_OK; i++) {
		const struct serve_setting *s = &from->settings[i];

		m->place = s->value.place;
		r = s->name ? leat_config_set(m->h->cfg, s->name, s->value.text, &m->err)
			    : settings_pair(m->h->cfg, s->value.text, &m->err);
	}
	return r;
}

static enum leat_ret set_protocols(struct making *m)
{
	static const struct leat_span names[] = { { (const uint8_t *)"h2", 2 },
		{ (const uint8_t *)"http/1.1", 8 } };
	bool http2 = m->h->o->http2 || m->site->o->hosts[0].http2;

	return leat_config_set_alpn(m->h->cfg, http2 ? names : names + 1, http2 ? 2 : 1, &m->err);
}

static enum leat_ret set_records(struct making *m)
{
	enum leat_records where = m->site->o->records;
	enum leat_ret r = leat_config_set_records(m->h->cfg, LEAT_TX, where, &m->err);

	return r == LEAT_OK ? leat_config_set_records(m->h->cfg, LEAT_RX, where, &m->err) : r;
}

/* Tickets outlive a reload when the keys that sealed them do. */
static enum leat_ret share_tickets(struct making *m)
{
	if (m->h->cfg->sessions != SESSIONS_STATELESS || m->shared->ticket_keys == NULL)
		return LEAT_OK;
	return leat_config_set_ticket_keys(m->h->cfg, m->shared->ticket_keys, &m->err);
}

/* The default host's settings first, the host's own override them. */
static enum leat_ret add_options(struct making *m)
{
	const struct serve_host_opts *base = &m->site->o->hosts[0], *own = m->h->o;
	enum leat_ret r = set_protocols(m);

	if (r == LEAT_OK)
		r = set_records(m);
	if (r == LEAT_OK && m->shared->store)
		r = leat_config_set_session_store(m->h->cfg, m->shared->store, &m->err);
	if (r == LEAT_OK)
		r = add_settings(m, base);
	if (r == LEAT_OK && own != base)
		r = add_settings(m, own);
	return r == LEAT_OK ? share_tickets(m) : r;
}

static enum leat_ret make_config(struct making *m)
{
	enum leat_ret r = leat_config_new(&m->h->cfg, LEAT_SERVER, &m->err);

	if (r == LEAT_OK)
		r = add_files(m);
	if (r == LEAT_OK)
		r = add_options(m);
	if (r == LEAT_OK && m->shared->keylog_fd >= 0)
		r = keylog_use(m->h->cfg, m->shared->keylog_fd, &m->err);
	/* The config a handshake begins with is the one that is asked for others. */
	if (r == LEAT_OK && m->site->tls.cfg == NULL) {
		m->site->tls.cfg = m->h->cfg;
		if (m->site->names.num > 0)
			r = leat_config_set_sni(m->h->cfg, choose_config, m->site, &m->err);
	}
	m->place = r == LEAT_OK ? m->h->o->names.place : m->place;
	return r == LEAT_OK ? leat_config_freeze(m->h->cfg, &m->err) : r;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static bool open_folder(struct making *m)
{
	static atomic_ullong num_opened;
	const struct serve_value *dir = &m->h->o->dir;
	struct args at = *m->args;
	int rc;

	at.place = dir->place;
	m->h->dir_id = atomic_fetch_add(&num_opened, 1);
	m->h->dirfd = open(dir->text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = m->h->dirfd < 0 ? errno : file_can_confine(m->h->dirfd);
	if (rc == 0)
		return true;
	if (m->h->dirfd >= 0 && rc == ENOSYS)
		(void)tool_fail(&at, TOOL_FAILED,
			"openat2 is not to be had here (Linux 5.6, or a sandbox hides it): without it "
			"no path can be kept inside the folder");
	else
		(void)tool_fail(&at, TOOL_FAILED, "%s: %s", dir->text, strerror(rc));
	return false;
}

static bool make_host(struct making *m)
{
	struct args at = *m->args;
	bool ok = open_folder(m);

	if (make_config(m) == LEAT_OK)
		return ok;
	at.place = m->place;
	(void)tool_fail_err(&at, TOOL_FAILED, &m->err);
	return false;
}

/* Adds the names of one host, separated by blanks or commas. */
static bool add_names(const struct args *args, struct serve_site *s, unsigned host)
{
	const struct serve_value *v = &s->o->hosts[host].names;
	const char *p = v->text;
	struct args at = *args;
	size_t num = 0, n;

	at.place = v->place;
	for (; p += strspn(p, " \t,"), (n = strcspn(p, " \t,")) > 0; p += n, num++) {
		const char *why = "more names than a host may have";

		if (num < SERVE_MAX_NAMES &&
			host_names_add(&s->names, (struct leat_span){ (const uint8_t *)p, n }, host,
				&why) == LEAT_OK)
			continue;
		(void)tool_fail(&at, TOOL_FAILED, "--host %.*s: %s", (int)n, p, why);
		return false;
	}
	if (num == 0)
		(void)tool_fail(&at, TOOL_FAILED, "--host: no name given");
	return num > 0;
}

static bool make_names(const struct args *args, struct serve_site *s)
{
	const char *twice;
	bool ok = true;

	for (unsigned i = 1; i < s->o->num_hosts; i++)
		ok &= add_names(args, s, i);
	twice = host_names_seal(&s->names);
	if (twice)
		(void)tool_fail(args, TOOL_FAILED, "--host %s: this name is given twice", twice);
	return ok && !twice;
}

static bool make_hosts(
	const struct args *args, struct serve_site *s, const struct serve_shared *shared)
{
	bool ok = true;

	for (unsigned i = serve_has_default(s->o) ? 0 : 1; i < s->o->num_hosts; i++) {
		struct making m = {
			.args = args,
			.shared = shared,
			.site = s,
			.h = &s->hosts[i],
		};

		m.h->o = &s->o->hosts[i];
		m.h->hidden = m.h->o->hidden || s->o->hosts[0].hidden;
		ok &= make_host(&m);
	}
	return ok;
}

struct serve_site *site_new(
	const struct args *args, struct serve_opts *o, const struct serve_shared *shared)
{
	struct serve_site *s = leat_zalloc(sizeof(*s));

	if (s == NULL) {
		serve_opts_free(o);
		(void)tool_fail(args, TOOL_FAILED, "out of memory");
		return NULL;
	}
	atomic_init(&s->refs, 1);
	s->o = o;
	s->tls.env = shared->env;
	s->tls.demand_kernel = o->records == LEAT_RECORDS_KERNEL;
	s->hosts = leat_array(o->num_hosts, sizeof(*s->hosts));
	for (unsigned i = 0; s->hosts != NULL && i < o->num_hosts; i++)
		s->hosts[i].dirfd = -1;
	if (s->hosts == NULL)
		(void)tool_fail(args, TOOL_FAILED, "out of memory");
	else {
		bool names = make_names(args, s);

		if (make_hosts(args, s, shared) && names)
			return s;
	}
	site_unref(s);
	return NULL;
}

struct serve_site *site_ref(struct serve_site *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void site_unref(struct serve_site *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	for (unsigned i = 0; s->hosts != NULL && i < s->o->num_hosts; i++) {
		leat_config_unref(s->hosts[i].cfg);
		for (unsigned k = 0; k < CRED_FILES_MAX; k++)
			key_process_drop(s->hosts[i].keys[k]);
		if (s->hosts[i].dirfd >= 0)
			close(s->hosts[i].dirfd);
	}
	leat_free(s->hosts);
	host_names_clear(&s->names);
	serve_opts_free(s->o);
	leat_free(s);
}

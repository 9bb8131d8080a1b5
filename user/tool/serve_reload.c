/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_reload.c - the configuration read anew, by the main thread: SIGHUP, and --check before any start.
 *
 * The command line is read again from its beginning, and with it the file of --config: the new site is built
 * whole beside the running one. Only when nothing is wrong with it is the pointer changed; no connection
 * notices but new ones. What cannot change while workers run is compared, not ignored.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <leat/leat.h>

#include "tool/serve.h"
#include "tool/session_store.h"
#include "tool/systemd.h"

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The first option that differs and cannot, or NULL. */
static const char *fixed_change(const struct serve_opts *a, const struct serve_opts *b)
{
	const struct {
		const char *name;
		bool same;
	} rows[] = {
		{ "--listen", is_same(a->host, b->host) && a->port == b->port },
		{ "--workers", a->workers == b->workers },
		{ "--max-connections", a->max_conns == b->max_conns },
		{ "--access-log", is_same(a->access_log, b->access_log) },
		{ "--keylog", is_same(a->keylog, b->keylog) },
		{ "--metrics", a->metrics == b->metrics &&
				       is_same(a->metrics_host, b->metrics_host) &&
				       a->metrics_port == b->metrics_port },
		{ "--user", is_same(a->user.text, b->user.text) },
		{ "--max-per-address", a->max_per_addr == b->max_per_addr },
		{ "--session-store", is_same(a->session_store, b->session_store) },
		{ "--key-process", a->key_process == b->key_process },
		{ "--insecure-no-sandbox", a->no_sandbox == b->no_sandbox },
		{ "--json", a->json == b->json },
		{ "--loop", a->loop == b->loop },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!rows[i].same)
			return rows[i].name;
	return NULL;
}

/* NULL after saying why. */
static struct serve_site *new_site(struct serve *s)
{
	struct serve_opts *o = serve_opts_read(s->args);
	const char *fixed = o != NULL ? fixed_change(s->o, o) : NULL;

	if (fixed) {
		(void)tool_fail(s->args, TOOL_FAILED,
			"%s cannot change while the server runs: start it anew", fixed);
		serve_opts_free(o);
		return NULL;
	}
	return o != NULL ? site_new(s->args, o, &s->shared) : NULL;
}

/* The log may have been moved away: goes on in a new file of the old name, under the old descriptor, which
 * the workers use meanwhile. */
static void reopen_log(const struct serve *s)
{
	int fd;

	if (s->log_fd <= STDERR_FILENO)
		return;
	fd = log_open(s->o->access_log);
	if (fd < 0 || dup3(fd, s->log_fd, O_CLOEXEC) < 0)
		(void)tool_fail(s->args, TOOL_FAILED,
			"--access-log %s: %s: it goes on where it was", s->o->access_log,
			strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* New connections get it. */
static void use_site(struct serve *s, struct serve_site *site)
{
	struct serve_site *old;

	pthread_mutex_lock(&s->lock);
	old = s->site;
	s->site = site;
	pthread_mutex_unlock(&s->lock);
	site_unref(old);
	serve_wake_all(s);
	say_reloaded(s, site);
}

void serve_reload(struct serve *s)
{
	struct serve_site *site;

	systemd_notify_reloading();
	site = new_site(s);
	reopen_log(s);
	if (site != NULL) {
		atomic_fetch_add(&s->reloads_good, 1);
		use_site(s, site);
		systemd_notify("READY=1\nSTATUS=Serving; the last reload was good.");
		return;
	}
	atomic_fetch_add(&s->reloads_bad, 1);
	(void)tool_fail(s->args, TOOL_FAILED,
		"reload: nothing was changed, the old configuration stays in force");
	systemd_notify("READY=1\nSTATUS=Serving; the last reload was refused, see the log.");
}

int serve_check(const struct args *args, struct serve_opts *o)
{
	struct serve_shared shared = { .keylog_fd = -1 };
	struct serve_site *site;

	leat_env_system(&shared.env);
	/* A store in a file would be made; whether it can be is found out at the start. */
	if (o->session_store)
		shared.store = session_store_open(args, "memory");
	site = site_new(args, o, &shared);
	leat_store_unref(shared.store);
	if (site == NULL)
		return TOOL_FAILED;
	printf("the configuration is good\n");
	site_unref(site);
	return TOOL_OK;
}

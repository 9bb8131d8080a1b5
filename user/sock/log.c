/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - the log of the process: what is worth a message, its text, and who gets it. The ready logs are
 * log_sink.c's.
 */
#include "sock/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "sock/app.h"
#include "sock/conn.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* around the next two */
static leat_log_fn *use_fn;
static void *use_arg;

void leat_log_set(leat_log_fn *fn, void *arg)
{
	pthread_mutex_lock(&lock);
	use_fn = fn;
	use_arg = arg;
	pthread_mutex_unlock(&lock);
}

/* journald, where it runs, else syslog. */
static void log_system(void *arg, const struct leat_log_event *ev)
{
	if (!log_to_journal(arg, ev))
		leat_log_syslog(arg, ev);
}

static leat_log_fn *fn_of_setting(void)
{
	switch ((enum log_target)app_number(APP_LOG)) {
	case LOG_STDERR: return leat_log_stderr;
	case LOG_SYSTEM: return log_system;
	default: return NULL;
	}
}

static void emit(const struct leat_log_event *ev)
{
	leat_log_fn *fn;
	void *arg;

	if (ev->level > app_number(APP_LOG_LEVEL))
		return;
	pthread_mutex_lock(&lock);
	fn = use_fn ? use_fn : fn_of_setting();
	arg = use_fn ? use_arg : NULL;
	pthread_mutex_unlock(&lock);
	if (fn)
		fn(arg, ev);
}

/* ---- texts ------------------------------------------------------------------------------------- */

static const char *role_name(enum leat_role r)
{
	return r == LEAT_CLIENT ? "client" : "server";
}

/* Options whose values are secret, or hold what is: an error about one says its name and no more. */
static bool is_secret(const char *option)
{
	static const char *const parts[] = { "password", "cert", "key", "dh", "psk", "srp" };

	for (size_t i = 0; option && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(option, parts[i]))
			return true;
	return false;
}

/* "TLS server, state wait_ch: own alert handshake_failure (40): no suite in common (hs/choose.c:30)" */
static void say_end(struct leat_log_event *ev, const struct leat_err *why, char *text, size_t n)
{
	bool detail = why->detail[0] && !is_secret(why->option);
	char alert[60] = "";

	if (ev->origin)
		snprintf(alert, sizeof(alert), "%s alert %s (%u): ", ev->origin, ev->alert_name,
			ev->alert);
	snprintf(text, n, "TLS %s, state %s: %s%s%s%s%s%s%s", role_name(ev->role), ev->state, alert,
		why->what ? why->what : "no further details", detail ? ": " : "",
		detail ? why->detail : "", why->where ? " (" : "", why->where ? why->where : "",
		why->where ? ")" : "");
}

/* Is an end by this error worth a message, and at which level? Ends of the transport and time limits are the
 * application's affair. */
static bool is_news(
	const struct leat_conn *c, const struct leat_err *why, struct leat_log_event *ev)
{
	switch (why->cls) {
	case LEAT_E_PEER_ALERT:
	case LEAT_E_OUR_ALERT:
		ev->level = LEAT_LOG_NOTICE;
		ev->origin = why->cls == LEAT_E_OUR_ALERT ? "own" : "peer";
		ev->alert = why->alert;
		ev->alert_name = leat_alert_name(why->alert);
		return leat_engine_config(c->e)->log_alert;
	case LEAT_E_MEMORY:
	case LEAT_E_CRYPTO: ev->level = LEAT_LOG_ERROR; return true;
	default: return false;
	}
}

void log_conn_end(const struct leat_conn *c, const struct leat_err *why)
{
	struct leat_log_event ev = { .conn = c };
	char text[LEAT_LOG_TEXT];

	if (!c->e || !is_news(c, why, &ev))
		return;
	ev.role = leat_engine_config(c->e)->role;
	ev.state = leat_engine_last_state(c->e);
	ev.text = text;
	say_end(&ev, why, text, sizeof(text));
	emit(&ev);
}

void log_conn_begin(const struct leat_conn *c)
{
	const struct leat_config *cfg = leat_engine_config(c->e);
	struct leat_log_event ev = { .level = LEAT_LOG_WARNING,
		.role = cfg->role,
		.state = leat_engine_state(c->e),
		.conn = c,
		.text = "TLS client: the server's certificate is not verified, because nobody set "
			"the option verify: anybody may answer" };

	if (cfg->role == LEAT_CLIENT && cfg->verify == LEAT_VERIFY_NONE && !cfg->verify_set &&
		config_warn_once(cfg))
		emit(&ev);
}

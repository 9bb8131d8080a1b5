/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - what leat says to the administrator: alerts of connections, unexpected errors, settings that weaken security.
 * One log for the process; any thread. By default it is the system's: journald where it runs, else syslog. The
 * settings log and log_level (leat/app.h) choose another, the option log_alert keeps alerts out of it.
 *
 * No text holds a password, a key, a certificate, a pre-shared key or data of a connection.
 */
#ifndef LEAT_LOG_H
#define LEAT_LOG_H

#include <leat/leat.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers of syslog(3). */
enum leat_log_level {
	LEAT_LOG_ERROR = 3,   /* something that should not happen: memory or libcrypto failed */
	LEAT_LOG_WARNING = 4, /* a configuration that weakens security */
	LEAT_LOG_NOTICE = 5,  /* a fatal alert, ours or the peer's */
};

/* The longest text, with its final NUL. */
#define LEAT_LOG_TEXT 400

/* Everything is static or lives as long as the call. */
struct leat_log_event {
	enum leat_log_level level;
	const char *text;    /* one sentence in printable ASCII that says all of the following */
	enum leat_role role; /* which side we are */
	const char *state;   /* of the handshake, or "UP" */
	const char *origin;  /* of an alert: "own" or "peer"; NULL: there is none */
	uint8_t alert;
	const char *alert_name;
	const struct leat_conn *conn; /* to be told apart, not used; NULL: none yet */
};

/* Called by the thread that uses the connection; must not use it, and should not block. */
typedef void leat_log_fn(void *arg, const struct leat_log_event *ev);
/* leat_log_set makes fn the log, whatever the setting log says; NULL: the setting again. arg is handed to it, and
 * borrowed until another is set and no call is under way. log_level holds for it too. */
LEAT_API void leat_log_set(leat_log_fn *fn, void *arg);

/* Ready logs, for who wants to write to one from a function of its own; arg: the name of the program, NULL: its own.
 * leat_log_stderr writes a line, leat_log_syslog a message to /dev/log, leat_log_journal one with the fields LEAT_ROLE,
 * LEAT_STATE, LEAT_ORIGIN and LEAT_ALERT to journald. None of them blocks: what is not taken at once is lost. */
LEAT_API void leat_log_stderr(void *arg, const struct leat_log_event *ev);
LEAT_API void leat_log_syslog(void *arg, const struct leat_log_event *ev);
LEAT_API void leat_log_journal(void *arg, const struct leat_log_event *ev);

#ifdef __cplusplus
}
#endif
#endif

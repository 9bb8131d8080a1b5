/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - from what happened to a connection to a text for the log (leat/log.h). The engine and what is below it
 * know nothing of this: their errors come here when a connection ends by them.
 */
#ifndef LEAT_SOCK_LOG_H
#define LEAT_SOCK_LOG_H

#include <leat/log.h>

/* The setting log. */
enum log_target { LOG_NONE, LOG_STDERR, LOG_SYSTEM };

/* A connection ends by its first error. */
void log_conn_end(const struct leat_conn *c, const struct leat_err *why);
/* A connection begins; says once for each config what it does not check. */
void log_conn_begin(const struct leat_conn *c);

/* leat_log_journal; false: there is none that takes it. */
bool log_to_journal(void *arg, const struct leat_log_event *ev);

/* Tests: where the sockets of syslog and journald are. NULL: where they are. */
void log_use_sockets(const char *syslog, const char *journal);

#endif

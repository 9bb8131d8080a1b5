/* SPDX-License-Identifier: Apache-2.0
 *
 * log_sink.c - the ready logs: standard error, syslog, journald. Not by syslog(3): it may block, and has one
 * identity for the whole process. Messages are datagrams; one that cannot be taken at once is lost.
 */
#include "sock/log.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FACILITY_DAEMON (3 << 3)
/* Fields around the longest text. */
#define MESSAGE_MAX (LEAT_LOG_TEXT + 400)

static const char *syslog_path = "/dev/log";
static const char *journal_path = "/run/systemd/journal/socket";

void log_use_sockets(const char *syslog, const char *journal)
{
	syslog_path = syslog ? syslog : "/dev/log";
	journal_path = journal ? journal : "/run/systemd/journal/socket";
}

static const char *ident_of(const void *arg)
{
	return arg ? arg : program_invocation_short_name;
}

/* A socket for each message: they are rare, and the log may be started anew or moved at any time. */
static bool send_to(const char *path, const char *text, size_t n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool sent;

	if (fd < 0)
		return false;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	sent = sendto(fd, text, n, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) == (ssize_t)n;
	close(fd);
	return sent;
}

void leat_log_stderr(void *arg, const struct leat_log_event *ev)
{
	char line[MESSAGE_MAX];
	int n = snprintf(line, sizeof(line), "%s: %s\n", ident_of(arg), ev->text);

	/* In one piece, so that lines of threads do not mix. */
	if (n > 0)
		(void)!write(STDERR_FILENO, line,
			(size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* RFC 3164 4.1, as the C library has it: no host name. */
void leat_log_syslog(void *arg, const struct leat_log_event *ev)
{
	char line[MESSAGE_MAX], stamp[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm))
		(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S ", &tm);
	n = snprintf(line, sizeof(line), "<%d>%s%.100s[%d]: %s", FACILITY_DAEMON | (int)ev->level,
		stamp, ident_of(arg), (int)getpid(), ev->text);
	if (n > 0 && (size_t)n < sizeof(line))
		(void)send_to(syslog_path, line, (size_t)n);
}

/* No value has a newline: each is a line of its own. */
bool log_to_journal(void *arg, const struct leat_log_event *ev)
{
	char text[MESSAGE_MAX];
	int n = snprintf(text, sizeof(text),
		"MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%.100s\nLEAT_ROLE=%s\nLEAT_STATE=%s\n",
		ev->text, (int)ev->level, ident_of(arg),
		ev->role == LEAT_CLIENT ? "client" : "server", ev->state);

	if (n > 0 && (size_t)n < sizeof(text) && ev->origin)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "LEAT_ORIGIN=%s\nLEAT_ALERT=%s\n",
			ev->origin, ev->alert_name);
	return n > 0 && (size_t)n < sizeof(text) && send_to(journal_path, text, (size_t)n);
}

void leat_log_journal(void *arg, const struct leat_log_event *ev)
{
	(void)log_to_journal(arg, ev);
}

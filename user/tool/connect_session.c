/* SPDX-License-Identifier: Apache-2.0
 *
 * connect_session.c - sessions of `leat connect` in a file. A session that cannot be read or kept costs a
 * full handshake, never the connection: it is said and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/wr.h"
#include "sock/anchors.h"
#include "tool/connect.h"

static void complain(const struct connect_wish *w, const char *what, const struct leat_err *err)
{
	char text[256];

	if (w->talk == TALK_ALL || w->talk == TALK_BRIEF)
		fprintf(stderr, "leat connect: session %s: %s\n", what,
			leat_strerror(err, text, sizeof(text)));
}

struct leat_session *connect_load_session(const struct connect_wish *w)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr bytes = { 0 };
	struct leat_session *s = NULL;
	struct leat_err err = { 0 };

	if (access(w->session_file, F_OK) != 0 && errno == ENOENT)
		return NULL;
	if (anchors_read("session", w->session_file, &bytes, &err) != LEAT_OK ||
		leat_session_parse(&s, leat_wr_done(&bytes), &err) != LEAT_OK)
		complain(w, "not used", &err);
	return s;
}

/* Under another name first: a file is there whole or as it was. */
static int write_private(const char *path, const uint8_t *p, size_t n)
{
	char temp[4096];
	int fd, sys = 0;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
		return ENAMETOOLONG;
	fd = mkstemp(temp); /* mode 0600 */
	if (fd < 0)
		return errno;
	if (write(fd, p, n) != (ssize_t)n)
		sys = errno ? errno : EIO;
	if (close(fd) != 0 && !sys)
		sys = errno;
	if (!sys && rename(temp, path) != 0)
		sys = errno;
	if (sys)
		unlink(temp);
	return sys;
}

static void save(const struct connect_wish *w, const struct leat_session *s)
{
	struct leat_err err = { 0 };
	size_t n, cap;
	uint8_t *buf;
	int sys;

	if (leat_session_serialise(s, NULL, 0, &cap) != LEAT_AGAIN)
		return;
	buf = leat_malloc(cap);
	if (!buf || leat_session_serialise(s, buf, cap, &n) != LEAT_OK) {
		err_memory(&err);
		complain(w, "not kept", &err);
	} else if ((sys = write_private(w->session_file, buf, n)) != 0) {
		err_sys(&err, sys, "session file: cannot be written");
		complain(w, "not kept", &err);
	}
	leat_free_wipe(buf, cap);
}

void connect_save_session(const struct connect_wish *w, struct leat_conn *c)
{
	struct leat_session *s, *newest = NULL;

	while ((s = leat_conn_take_session(c)) != NULL) {
		leat_session_unref(newest);
		newest = s;
	}
	if (newest)
		save(w, newest);
	leat_session_unref(newest);
}

const char *connect_early_name(enum leat_early e)
{
	return e == LEAT_EARLY_ACCEPTED   ? "accepted"
	       : e == LEAT_EARLY_REJECTED ? "rejected"
					  : "none";
}

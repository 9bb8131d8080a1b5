/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_admin.h - the thread behind --metrics.
 */
#ifndef LEAT_TOOL_SERVE_ADMIN_H
#define LEAT_TOOL_SERVE_ADMIN_H

#include "tool/serve.h"

struct serve_admin {
	struct serve *s;
	int lfd, stop_fd;
	pthread_t thread;
	bool started;
	char addr[LISTEN_TEXT + 8]; /* "ADDR:PORT", "" without --metrics */
};

/* Listens, if that is asked for; on fd, if that is not -1. false after saying why. */
bool serve_admin_open(struct serve_admin *a, struct serve *s, int fd);
/* 0 or an errno. */
int serve_admin_start(struct serve_admin *a);
/* Before the workers' memory goes. Once opened, whether or not that worked. */
void serve_admin_close(struct serve_admin *a);

#endif

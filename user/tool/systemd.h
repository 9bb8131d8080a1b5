/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd.h - the two protocols of a service manager, in a few lines and without its library: sockets that it
 * opened (sd_listen_fds(3)), and what it is told (sd_notify(3)). Without one around, nothing happens.
 */
#ifndef LEAT_TOOL_SYSTEMD_H
#define LEAT_TOOL_SYSTEMD_H

#include "tool/args.h"

/* The listening TCP sockets that were handed over, made non-blocking and closed on exec; -1 where there is none. At
 * most one is to be served, and one with the name "metrics" (FileDescriptorName=). The variables are removed from
 * the environment. false after saying why: what was handed over is not that. */
struct systemd_sockets {
	int serve, metrics;
};
bool systemd_take_sockets(const struct args *args, struct systemd_sockets *out);

/* Tells the state: "READY=1", "STOPPING=1", several lines. Failures are nobody's business. */
void systemd_notify(const char *state);
/* "RELOADING=1" with the time that must go with it. */
void systemd_notify_reloading(void);

#endif

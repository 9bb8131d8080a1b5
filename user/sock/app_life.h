/* SPDX-License-Identifier: Apache-2.0
 *
 * app_life.h - which sockets leat_app_stop has to end, and whether it was called. Private to sock/.
 */
#ifndef LEAT_SOCK_APP_LIFE_H
#define LEAT_SOCK_APP_LIFE_H

#include <leat/app.h>

#include "sock/ring.h"

/* A connection or a listener that leat_app_stop ends. Zero: none. */
struct app_socket {
	struct ring ring;
	int fd;
	bool listens, is_known;
};

/* LEAT_E_MISUSE: leat_app_stop was called; nothing new may begin. */
LEAT_MUST_CHECK enum leat_ret app_may_begin(struct leat_err *err);
/* From now on, and not any more; before fd is closed or given away. A descriptor below 0 is nobody's to end. */
void app_socket_add(struct app_socket *s, int fd, bool listens);
void app_socket_remove(struct app_socket *s);

#endif

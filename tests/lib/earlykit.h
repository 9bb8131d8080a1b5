/* SPDX-License-Identifier: Apache-2.0
 *
 * earlykit.h - a client and a server that take early data from each other, and the sessions for it.
 */
#ifndef LEAT_TESTS_EARLYKIT_H
#define LEAT_TESTS_EARLYKIT_H

#include "duo.h"
#include "ids.h"
#include "pki.h"

#define EARLY_MAX    5000
#define EARLY_WINDOW 10

struct early_set {
	struct leat_config *c, *s;
	struct leat_antireplay *a;
	struct leat_session *t[2];
	unsigned num;
};

/* A frozen server that takes max bytes; alpn may be NULL. */
struct leat_config *early_server(struct leat_antireplay *a, uint32_t max, const char *alpn);
/* x->t and x->num: the sessions that a handshake of x->c with s gives. */
void early_get_tickets(struct early_set *x, struct leat_config *s);
/* Both configs and two sessions; the clock is set to a time at which early data is taken. */
void early_set_up(struct early_set *x, uint32_t max, const char *alpn);
void early_tear_down(struct early_set *x);
/* A client that offers the first session with early data. */
struct leat_engine_opts early_opts(const struct early_set *x);

#endif

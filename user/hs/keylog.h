/* SPDX-License-Identifier: Apache-2.0
 *
 * keylog.h - secrets told to whoever asked for them (leat/export.h), one line each. Without a callback in
 * the config these functions do nothing; who calls them need not ask.
 */
#ifndef LEAT_HS_KEYLOG_H
#define LEAT_HS_KEYLOG_H

#include "base/secret.h"
#include "config/config.h"

struct hs;

/* "LABEL <client_random> <secret>", RFC 9850 2. client_random: 32 bytes. */
void keylog_line(const struct leat_config *cfg, const char *label, const uint8_t *client_random,
	const struct leat_secret *secret);
/* Early data's secret, and the early exporter's. */
void keylog_early13(const struct hs *h, const struct leat_secret *traffic);
/* The handshake's two secrets, then those of the data and the exporter: when they have been made. */
void keylog_handshake13(const struct hs *h);
void keylog_application13(const struct hs *h);
/* "CLIENT_TRAFFIC_SECRET_<number> ..." or SERVER_: whose is who writes under it. */
void keylog_traffic(const struct leat_config *cfg, enum leat_role whose, unsigned number,
	const uint8_t *client_random, const struct leat_secret *secret);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * alert.h - the two bytes of an alert record, RFC 8446 6, RFC 5246 7.2. What an alert means is the
 * engine's.
 */
#ifndef LEAT_WIRE_ALERT_H
#define LEAT_WIRE_ALERT_H

#include "base/rd.h"
#include "base/wr.h"

enum alert_level { ALERT_WARNING = 1, ALERT_FATAL = 2 };

struct alert_msg {
	uint8_t level;
	uint8_t description; /* enum leat_alert, or a number not known to it */
};

/* A record with another length than 2 is decode_error, a level other than 1 and 2
 * illegal_parameter. */
bool dec_alert(struct leat_span payload, struct alert_msg *out, uint8_t *alert);
void enc_alert(struct leat_wr *w, const struct alert_msg *a);

#endif

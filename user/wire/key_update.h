/* SPDX-License-Identifier: Apache-2.0
 *
 * key_update.h - KeyUpdate, RFC 8446 4.6.3.
 */
#ifndef LEAT_WIRE_KEY_UPDATE_H
#define LEAT_WIRE_KEY_UPDATE_H

#include "wire/hs_hdr.h"

/* *request: the peer wants one back. A value other than 0 and 1 is illegal_parameter. */
bool dec_key_update(struct leat_span body, bool *request, uint8_t *alert);
void enc_key_update(struct leat_wr *w, bool request);

#endif

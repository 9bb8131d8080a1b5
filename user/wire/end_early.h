/* SPDX-License-Identifier: Apache-2.0
 *
 * end_early.h - EndOfEarlyData, RFC 8446 4.5: an empty message.
 */
#ifndef LEAT_WIRE_END_EARLY_H
#define LEAT_WIRE_END_EARLY_H

#include "wire/hs_hdr.h"

bool dec_end_early(struct leat_span body, uint8_t *alert);
void enc_end_early(struct leat_wr *w);

#endif

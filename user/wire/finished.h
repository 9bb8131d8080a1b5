/* SPDX-License-Identifier: Apache-2.0
 *
 * finished.h - Finished, RFC 8446 4.4.4 and RFC 5246 7.4.9: nothing but verify_data.
 */
#ifndef LEAT_WIRE_FINISHED_H
#define LEAT_WIRE_FINISHED_H

#include "wire/hs_hdr.h"

/* len: the hash length in TLS 1.3, 12 in TLS 1.2; another length is decode_error. */
bool dec_finished(struct leat_span body, size_t len, struct leat_span *verify_data, uint8_t *alert);
void enc_finished(struct leat_wr *w, struct leat_span verify_data);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_int.h - what both sides of TLS 1.2 share, for the v12_*.c files only.
 */
#ifndef LEAT_HS_V12_INT_H
#define LEAT_HS_V12_INT_H

#include "hs/hs_int.h"

/* The transcript ends with ClientKeyExchange: master secret and record keys of both directions. */
void v12_set_master(struct hs *h, struct leat_span premaster);
/* What a ServerKeyExchange signature covers before the params: both randoms. */
void v12_signed_randoms(const struct hs *h, struct leat_wr *tbs);
/* change_cipher_spec, our write keys, our Finished. */
LEAT_MUST_CHECK enum leat_ret v12_send_finished(struct hs *h);
/* The peer's change_cipher_spec: its keys from the next record on. */
LEAT_MUST_CHECK enum leat_ret v12_take_ccs(struct hs *h);
/* The peer's Finished, checked and added to the transcript. */
LEAT_MUST_CHECK enum leat_ret v12_take_finished(struct hs *h, struct leat_span body);
/* Both Finished are done: application data may flow; keys and premaster are gone. */
void v12_commit_up(struct hs *h);
/* RFC 8422 5.1.2: a list of point formats must hold uncompressed (0). */
LEAT_MUST_CHECK enum leat_ret v12_check_point_formats(
	const struct hs *h, uint64_t has, struct leat_span list, const char *what);

#endif

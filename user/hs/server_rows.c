/* SPDX-License-Identifier: Apache-2.0
 *
 * server_rows.c - what a server may receive, when, under which keys, and where that leads. Nothing
 * else: anything not listed is unexpected_message. RFC 8446 A.2; its RECVD_CH, NEGOTIATED and
 * WAIT_FLIGHT2 receive nothing and so are no states here. From S12_WAIT_CKX and (resumed) S12_WAIT_CCS
 * on: v12_rows.c.
 *
 * S_WAIT_EOED is entered where early data was accepted, S_WAIT_CERT where a CertificateRequest was sent.
 */
#include "hs/hs_int.h"

#define B HS_BIT

/* clang-format off */
const struct hs_row server_rows[] = {
/*   in state           message            under         handler                 legal successors */
	{ S_WAIT_CH,        MSG_CLIENT_HELLO,  LV_PLAIN,     on_client_hello,        B(S_WAIT_CH2) | B(S_WAIT_EOED) | B(S_WAIT_CERT) | B(S_WAIT_FINISHED) | B(S12_WAIT_CERT) | B(S12_WAIT_CKX) | B(S12_WAIT_CCS) },
	{ S_WAIT_CH2,       MSG_CLIENT_HELLO,  LV_PLAIN,     on_client_hello,        B(S_WAIT_CERT) | B(S_WAIT_FINISHED) },
	{ S_WAIT_EOED,      MSG_END_EARLY,     LV_EARLY,     on_end_of_early_data,   B(S_WAIT_CERT) | B(S_WAIT_FINISHED) },
	{ S_WAIT_CERT,      MSG_CERT,          LV_HANDSHAKE, on_client_cert,         B(S_WAIT_CV) | B(S_WAIT_FINISHED) },
	{ S_WAIT_CERT,      MSG_COMPRESSED_CERT, LV_HANDSHAKE, on_packed_client_cert, B(S_WAIT_CV) | B(S_WAIT_FINISHED) },
	{ S_WAIT_CV,        MSG_CERT_VERIFY,   LV_HANDSHAKE, on_client_cert_verify,  B(S_WAIT_FINISHED) },
	{ S_WAIT_FINISHED,  MSG_FINISHED,      LV_HANDSHAKE, on_client_finished,     B(HS_UP) },
};
/* clang-format on */

const size_t num_server_rows = sizeof(server_rows) / sizeof(server_rows[0]);

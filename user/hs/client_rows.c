/* SPDX-License-Identifier: Apache-2.0
 *
 * client_rows.c - what a client may receive, when, under which keys, and where that leads. Nothing
 * else: anything not listed is unexpected_message. RFC 8446 A.1. From C12_WAIT_CERT and (resumed) C12_WAIT_CCS on:
 * v12_rows.c.
 */
#include "hs/hs_int.h"

#define B HS_BIT

/* clang-format off */
const struct hs_row client_rows[] = {
/*   in state           message            under         handler                 legal successors */
	{ C_WAIT_SH,        MSG_SERVER_HELLO,  LV_PLAIN,     on_server_hello,        B(C_WAIT_EE) | B(C_WAIT_SH2) | B(C12_WAIT_CERT) | B(C12_WAIT_SKX_PSK) | B(C12_WAIT_SKX_DONE) | B(C12_WAIT_CCS) },
	{ C_WAIT_SH2,       MSG_SERVER_HELLO,  LV_PLAIN,     on_server_hello,        B(C_WAIT_EE) },
	{ C_WAIT_EE,        MSG_ENCRYPTED_EXT, LV_HANDSHAKE, on_encrypted_ext,       B(C_WAIT_CERT_CR) | B(C_WAIT_FINISHED) },
	{ C_WAIT_CERT_CR,   MSG_CERT_REQUEST,  LV_HANDSHAKE, on_cert_request,        B(C_WAIT_CERT) },
	{ C_WAIT_CERT_CR,   MSG_CERT,          LV_HANDSHAKE, on_server_cert,         B(C_WAIT_CV) },
	{ C_WAIT_CERT_CR,   MSG_COMPRESSED_CERT, LV_HANDSHAKE, on_packed_cert,       B(C_WAIT_CV) },
	{ C_WAIT_CERT,      MSG_COMPRESSED_CERT, LV_HANDSHAKE, on_packed_cert,       B(C_WAIT_CV) },
	{ C_WAIT_CERT,      MSG_CERT,          LV_HANDSHAKE, on_server_cert,         B(C_WAIT_CV) },
	{ C_WAIT_CV,        MSG_CERT_VERIFY,   LV_HANDSHAKE, on_server_cert_verify,  B(C_WAIT_FINISHED) },
	{ C_WAIT_FINISHED,  MSG_FINISHED,      LV_HANDSHAKE, on_server_finished,     B(HS_UP) },
};
/* clang-format on */

const size_t num_client_rows = sizeof(client_rows) / sizeof(client_rows[0]);

/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_rows.c - the rows of TLS 1.2: what may come after a ServerHello or ClientHello that chose it.
 * RFC 5246 7.3 figure 1, RFC 5077 3.3 (ticket), RFC 6066 8 (CertificateStatus). change_cipher_spec has its place here and only here: one
 * that comes before the key exchange would set keys of nothing (CVE-2014-0224).
 *
 * RFC 5246 7.4.1.1: a HelloRequest "will be ignored by the client if the client is currently negotiating
 * a session", so it is legal in every state before the server's Finished and leads nowhere.
 *
 * An abbreviated handshake (RFC 5246 7.3 figure 2, RFC 5077 3.1) comes from its ServerHello or ClientHello
 * straight to C12_WAIT_CCS or S12_WAIT_CCS, with the keys of the session at hand.
 *
 * PSK suites (RFC 4279 2) have no Certificate and no CertificateRequest; plain PSK may do without
 * ServerKeyExchange. Other key exchanges get their rows here: RSA without ServerKeyExchange.
 */
#include "hs/hs_int.h"

#define B HS_BIT

/* clang-format off */
const struct hs_row v12_client_rows[] = {
/*   in state            message             under     handler                 legal successors */
	{ C12_WAIT_CERT,     MSG_CERT,           LV_PLAIN, v12_on_server_cert,     B(C12_WAIT_STATUS) | B(C12_WAIT_SKX) },
	{ C12_WAIT_STATUS,   MSG_CERT_STATUS,    LV_PLAIN, v12_on_cert_status,     B(C12_WAIT_SKX) },
	{ C12_WAIT_STATUS,   MSG_SERVER_KX,      LV_PLAIN, v12_on_server_kx,       B(C12_WAIT_CR_DONE) },
	{ C12_WAIT_SKX,      MSG_SERVER_KX,      LV_PLAIN, v12_on_server_kx,       B(C12_WAIT_CR_DONE) },
	{ C12_WAIT_SKX_PSK,  MSG_SERVER_KX,      LV_PLAIN, v12_on_server_kx,       B(C12_WAIT_DONE) },
	{ C12_WAIT_SKX_DONE, MSG_SERVER_KX,      LV_PLAIN, v12_on_server_kx,       B(C12_WAIT_DONE) },
	{ C12_WAIT_SKX_DONE, MSG_HELLO_DONE,     LV_PLAIN, v12_on_hello_done,      B(C12_WAIT_CCS) },
	{ C12_WAIT_CR_DONE,  MSG_CERT_REQUEST,   LV_PLAIN, v12_on_cert_request,    B(C12_WAIT_DONE) },
	{ C12_WAIT_CR_DONE,  MSG_HELLO_DONE,     LV_PLAIN, v12_on_hello_done,      B(C12_WAIT_CCS) },
	{ C12_WAIT_DONE,     MSG_HELLO_DONE,     LV_PLAIN, v12_on_hello_done,      B(C12_WAIT_CCS) },
	{ C12_WAIT_CCS,      MSG_SESSION_TICKET, LV_PLAIN, v12_on_ticket,          B(C12_WAIT_CCS) },
	{ C12_WAIT_CCS,      HS_MSG_CCS,         LV_PLAIN, v12_on_server_ccs,      B(C12_WAIT_FINISHED) },
	{ C12_WAIT_FINISHED, MSG_FINISHED,       LV_APP,   v12_on_server_finished, B(HS_UP) },

	{ C12_WAIT_CERT,     MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_CERT) },
	{ C12_WAIT_STATUS,   MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_STATUS) },
	{ C12_WAIT_SKX,      MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_SKX) },
	{ C12_WAIT_SKX_PSK,  MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_SKX_PSK) },
	{ C12_WAIT_SKX_DONE, MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_SKX_DONE) },
	{ C12_WAIT_CR_DONE,  MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_CR_DONE) },
	{ C12_WAIT_DONE,     MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_DONE) },
	{ C12_WAIT_CCS,      MSG_HELLO_REQUEST,  LV_PLAIN, v12_on_hello_request,   B(C12_WAIT_CCS) },
};

const struct hs_row v12_server_rows[] = {
/*   in state            message             under     handler                 legal successors */
	{ S12_WAIT_CERT,     MSG_CERT,           LV_PLAIN, v12_on_client_cert,     B(S12_WAIT_CKX) },
	{ S12_WAIT_CKX,      MSG_CLIENT_KX,      LV_PLAIN, v12_on_client_kx,       B(S12_WAIT_CV) | B(S12_WAIT_CCS) },
	{ S12_WAIT_CV,       MSG_CERT_VERIFY,    LV_PLAIN, v12_on_client_cert_verify, B(S12_WAIT_CCS) },
	{ S12_WAIT_CCS,      HS_MSG_CCS,         LV_PLAIN, v12_on_client_ccs,      B(S12_WAIT_FINISHED) },
	{ S12_WAIT_FINISHED, MSG_FINISHED,       LV_APP,   v12_on_client_finished, B(HS_UP) },
};
/* clang-format on */

const size_t num_v12_client_rows = sizeof(v12_client_rows) / sizeof(v12_client_rows[0]);
const size_t num_v12_server_rows = sizeof(v12_server_rows) / sizeof(v12_server_rows[0]);

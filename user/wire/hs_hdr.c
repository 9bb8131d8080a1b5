/* SPDX-License-Identifier: Apache-2.0
 *
 * hs_hdr.c - handshake headers and what is known about message types before their body is read.
 */
#include "wire/hs_hdr.h"

#include "base/limits.h"

bool dec_hs_hdr(struct leat_span b, uint8_t *type, uint32_t *len)
{
	struct leat_rd in = leat_rd_of(b);

	leat_rd_u8(&in, type);
	leat_rd_u24(&in, len);
	return leat_rd_ok(&in);
}

size_t enc_hs_open(struct leat_wr *w, uint8_t type)
{
	leat_wr_u8(w, type);
	return leat_wr_open(w, 3);
}

void enc_hs_close(struct leat_wr *w, size_t mark)
{
	leat_wr_close(w, mark, 3);
}

size_t msg_limit(uint8_t type, size_t max_handshake_size)
{
	size_t own = 0;

	switch (type) {
	case MSG_CERT:
	case MSG_CERT_REQUEST: /* names of authorities: hundreds with a system's whole store */
	case MSG_CERT_STATUS:
	case MSG_COMPRESSED_CERT: return max_handshake_size;
	case MSG_CLIENT_HELLO: own = LIM_CLIENT_HELLO; break;
	case MSG_HELLO_REQUEST:
	case MSG_SERVER_HELLO:
	case MSG_SESSION_TICKET:
	case MSG_END_EARLY:
	case MSG_ENCRYPTED_EXT:
	case MSG_SERVER_KX:
	case MSG_HELLO_DONE:
	case MSG_CERT_VERIFY:
	case MSG_CLIENT_KX:
	case MSG_FINISHED:
	case MSG_KEY_UPDATE: own = LIM_SMALL_MESSAGE; break;
	}
	return own < max_handshake_size ? own : max_handshake_size;
}

const char *msg_name(uint8_t type)
{
	switch (type) {
	case MSG_HELLO_REQUEST: return "hello_request";
	case MSG_CLIENT_HELLO: return "client_hello";
	case MSG_SERVER_HELLO: return "server_hello";
	case MSG_SESSION_TICKET: return "new_session_ticket";
	case MSG_END_EARLY: return "end_of_early_data";
	case MSG_ENCRYPTED_EXT: return "encrypted_extensions";
	case MSG_CERT: return "certificate";
	case MSG_SERVER_KX: return "server_key_exchange";
	case MSG_CERT_REQUEST: return "certificate_request";
	case MSG_HELLO_DONE: return "server_hello_done";
	case MSG_CERT_VERIFY: return "certificate_verify";
	case MSG_CLIENT_KX: return "client_key_exchange";
	case MSG_FINISHED: return "finished";
	case MSG_CERT_STATUS: return "certificate_status";
	case MSG_KEY_UPDATE: return "key_update";
	case MSG_COMPRESSED_CERT: return "compressed_certificate";
	}
	return "unknown";
}

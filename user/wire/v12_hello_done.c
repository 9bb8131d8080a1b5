/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_hello_done.c - ServerHelloDone and HelloRequest, RFC 5246 7.4.5 and 7.4.1.1: empty messages.
 */
#include "wire/v12.h"

bool dec_v12_hello_done(struct leat_span body, uint8_t *alert)
{
	*alert = LEAT_ALERT_DECODE_ERROR;
	return body.n == 0;
}

void enc_v12_hello_done(struct leat_wr *w)
{
	enc_hs_close(w, enc_hs_open(w, MSG_HELLO_DONE));
}

bool dec_v12_hello_request(struct leat_span body, uint8_t *alert)
{
	*alert = LEAT_ALERT_DECODE_ERROR;
	return body.n == 0;
}

void enc_v12_hello_request(struct leat_wr *w)
{
	enc_hs_close(w, enc_hs_open(w, MSG_HELLO_REQUEST));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * post_rows.c - the rows of post-handshake authentication, RFC 8446 4.6.2: machines of one exchange each
 * (post_auth.c), which are UP when it is over. KeyUpdate and tickets are post.c's.
 */
#include "hs/hs_int.h"

#define B HS_BIT

/* clang-format off */
const struct hs_row post_client_rows[] = {
/*   in state           message            under         handler                 legal successors */
	{ CP_WAIT_CR,       MSG_CERT_REQUEST,  LV_APP,       on_post_request,        B(HS_UP) },
};

const struct hs_row post_server_rows[] = {
/*   in state           message            under         handler                 legal successors */
	{ SP_WAIT_CERT,     MSG_CERT,          LV_APP,       on_client_cert,         B(SP_WAIT_CV) | B(SP_WAIT_FINISHED) },
	{ SP_WAIT_CERT,     MSG_COMPRESSED_CERT, LV_APP,     on_packed_client_cert,  B(SP_WAIT_CV) | B(SP_WAIT_FINISHED) },
	{ SP_WAIT_CV,       MSG_CERT_VERIFY,   LV_APP,       on_client_cert_verify,  B(SP_WAIT_FINISHED) },
	{ SP_WAIT_FINISHED, MSG_FINISHED,      LV_APP,       on_post_finished,       B(HS_UP) },
};
/* clang-format on */

const size_t num_post_client_rows = sizeof(post_client_rows) / sizeof(post_client_rows[0]);
const size_t num_post_server_rows = sizeof(post_server_rows) / sizeof(post_server_rows[0]);

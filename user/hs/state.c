/* SPDX-License-Identifier: Apache-2.0
 *
 * state.c - names of states, and the way from (state, message) to a row of the tables.
 */
#include "hs/state.h"

#include "wire/hs_hdr.h"

static const char *const names[HS_STATE_COUNT] = {
	[HS_START] = "START",
	[C_WAIT_SH] = "C_WAIT_SH",
	[C_WAIT_SH2] = "C_WAIT_SH2",
	[C_WAIT_EE] = "C_WAIT_EE",
	[C_WAIT_CERT_CR] = "C_WAIT_CERT_CR",
	[C_WAIT_CERT] = "C_WAIT_CERT",
	[C_WAIT_CV] = "C_WAIT_CV",
	[C_WAIT_FINISHED] = "C_WAIT_FINISHED",
	[C12_WAIT_CERT] = "C12_WAIT_CERT",
	[C12_WAIT_STATUS] = "C12_WAIT_STATUS",
	[C12_WAIT_SKX] = "C12_WAIT_SKX",
	[C12_WAIT_SKX_PSK] = "C12_WAIT_SKX_PSK",
	[C12_WAIT_SKX_DONE] = "C12_WAIT_SKX_DONE",
	[C12_WAIT_CR_DONE] = "C12_WAIT_CR_DONE",
	[C12_WAIT_DONE] = "C12_WAIT_DONE",
	[C12_WAIT_CCS] = "C12_WAIT_CCS",
	[C12_WAIT_FINISHED] = "C12_WAIT_FINISHED",
	[S_WAIT_CH] = "S_WAIT_CH",
	[S_WAIT_CH2] = "S_WAIT_CH2",
	[S_WAIT_EOED] = "S_WAIT_EOED",
	[S_WAIT_CERT] = "S_WAIT_CERT",
	[S_WAIT_CV] = "S_WAIT_CV",
	[S_WAIT_FINISHED] = "S_WAIT_FINISHED",
	[S12_WAIT_CERT] = "S12_WAIT_CERT",
	[S12_WAIT_CKX] = "S12_WAIT_CKX",
	[S12_WAIT_CV] = "S12_WAIT_CV",
	[S12_WAIT_CCS] = "S12_WAIT_CCS",
	[S12_WAIT_FINISHED] = "S12_WAIT_FINISHED",
	[CP_WAIT_CR] = "CP_WAIT_CR",
	[SP_WAIT_CERT] = "SP_WAIT_CERT",
	[SP_WAIT_CV] = "SP_WAIT_CV",
	[SP_WAIT_FINISHED] = "SP_WAIT_FINISHED",
	[HS_UP] = "UP",
	[HS_DEAD] = "DEAD",
};

_Static_assert(HS_STATE_COUNT <= 64, "a set of states is one uint64_t");

static const struct hs_row *find_row(
	const struct hs_row *rows, size_t num, enum hs_state s, unsigned msg)
{
	for (size_t i = 0; i < num; i++)
		if (rows[i].in == s && rows[i].msg == msg)
			return &rows[i];
	return NULL;
}

const struct hs_row *state_row(enum leat_role role, enum hs_state s, unsigned msg)
{
	bool client = role == LEAT_CLIENT;
	const struct hs_row *row = find_row(client ? client_rows : server_rows,
		client ? num_client_rows : num_server_rows, s, msg);

	if (!row)
		row = find_row(client ? v12_client_rows : v12_server_rows,
			client ? num_v12_client_rows : num_v12_server_rows, s, msg);
	if (!row)
		row = find_row(client ? post_client_rows : post_server_rows,
			client ? num_post_client_rows : num_post_server_rows, s, msg);
	return row;
}

const char *state_name(enum hs_state s)
{
	return (unsigned)s < HS_STATE_COUNT ? names[s] : "?";
}

const char *state_msg_name(unsigned msg)
{
	return msg == HS_MSG_CCS ? "change_cipher_spec" : msg_name((uint8_t)msg);
}

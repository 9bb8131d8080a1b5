/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_hs_client.c - the client's handshake machine against whatever a server sends, with crypto made
 * transparent (tests/lib/hsfuzz_crypto.c). Input format and what must hold: tests/lib/hsfuzz.h.
 */
#include "hsfuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	hsfuzz_run(LEAT_CLIENT, data, n);
	return 0;
}

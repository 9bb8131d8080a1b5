/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_hs_server.c - the server's handshake machine against whatever a client sends, with crypto made
 * transparent (tests/lib/hsfuzz_crypto.c). Input format and what must hold: tests/lib/hsfuzz.h.
 */
#include "hsfuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	hsfuzz_run(LEAT_SERVER, data, n);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * hsfuzz.h - the common body of fz_hs_client and fz_hs_server: one handshake machine fed with what a
 * peer sends, at message level. Signatures, Finished and chains always check out in these programs
 * (tests/fuzz wraps the functions at link time, see the Makefile): a fuzzer cannot sign, so without that
 * nothing behind CertificateVerify would be reached.
 *
 * Input: byte 0 picks the config (both versions, 1.3, 1.2, server: a group that needs a
 * retry, client certificates also after the handshake; 1.2 with a session that the client offers by
 * its id and the server's store holds; 1.2 with tickets), then records: kind, length (2 bytes), payload.
 * kind & 3: 0 handshake under the level the machine reads, 1 change_cipher_spec, 2 handshake under another level, 3 handshake
 * whose 4-byte header is made here (type: kind >> 2).
 */
#ifndef TESTS_HSFUZZ_H
#define TESTS_HSFUZZ_H

#include <leat/types.h>

#include "pair.h"

/* The environment's random bytes are all this, so that a recorded session id is echoed rightly. */
#define HSFUZZ_RANDOM 0x42

/* Configs of that number are made so; frozen. */
#define HSFUZZ_STORED  5
#define HSFUZZ_TICKETS 6
struct leat_config *hsfuzz_config12(enum leat_role role, unsigned number);
/* The session of HSFUZZ_STORED, as a client offers it. */
struct leat_session *hsfuzz_session(const struct leat_config *client);

void hsfuzz_run(enum leat_role role, const uint8_t *data, size_t n);

/* Records what `from` sends in this pair as an input for the other side's target; byte0 as above. Set
 * as on_unit with arg pointing to a struct hsfuzz_rec; write with hsfuzz_save. */
struct hsfuzz_rec {
	enum leat_role from;
	struct leat_wr out;
};
bool hsfuzz_record(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg);
void hsfuzz_save(struct hsfuzz_rec *r, const char *dir, const char *name);

#endif

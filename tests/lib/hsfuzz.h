/* SPDX-License-Identifier: Apache-2.0
 *
 * hsfuzz.h - the common body of fz_hs_client and fz_hs_server: one handshake machine fed with what a
 * peer sends, at message level. Signatures, Finished and chains always check out in these programs
 * (tests/fuzz wraps the functions at link time, see the Makefile): a fuzzer cannot sign, so without that
 * nothing behind CertificateVerify would be reached.
 *
 * Input: byte 0 picks the config (both versions, 1.3, 1.2, server: a group that needs a
 * retry, client certificates also after the handshake; then those of enum hsfuzz_config), then records:
 * kind, length (2 bytes), payload.
 * kind & 3: 0 handshake under the level the machine reads, 1 change_cipher_spec, 2 handshake under another level, 3 handshake
 * whose 4-byte header is made here (type: kind >> 2).
 */
#ifndef TESTS_HSFUZZ_H
#define TESTS_HSFUZZ_H

#include <leat/types.h>

#include "pair.h"

/* The environment's random bytes are all this, so that a recorded session id is echoed rightly. */
#define HSFUZZ_RANDOM 0x42

/* Numbers of configs beyond the first five: what both sides have in common. */
enum hsfuzz_config {
	HSFUZZ_STORED =
		5,       /* TLS 1.2: a session offered by its id, which the server's store holds */
	HSFUZZ_TICKETS,  /* TLS 1.2: tickets are given */
	HSFUZZ_TICKET12, /* a ticket is offered that the server can open */
	HSFUZZ_TICKET13,
	HSFUZZ_EARLY,           /* the same, with early data */
	HSFUZZ_PSK12,           /* every kind of PSK suite */
	HSFUZZ_DHE,             /* TLS 1.2, DHE_RSA */
	HSFUZZ_PSK13,           /* an external PSK, both modes */
	HSFUZZ_COOKIE,          /* a retry with a cookie */
	HSFUZZ_ATTACHED,        /* OCSP responses, SCTs, packed certificates */
	HSFUZZ_CLIENT_ATTACHED, /* the same with the client's certificate, also after the handshake */
	HSFUZZ_COUNT
};

/* Frozen. option (may be NULL): one more, for both sides. Ticket keys and what sessions are bound to are the
 * same in every run, so that a recorded hello still fits. */
struct leat_config *hsfuzz_config(
	enum leat_role role, unsigned number, const char *option, const char *value);
/* The session that a client of this config offers, or NULL. */
struct leat_session *hsfuzz_session(const struct leat_config *client, unsigned number);

/* Server: the memory against replay is empty again, so that a hello can be said once more. */
void hsfuzz_forget(struct leat_config *server);

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

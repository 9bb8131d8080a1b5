/* SPDX-License-Identifier: Apache-2.0
 *
 * post_auth.h - what post-handshake authentication keeps between the handshake and its last exchange, for
 * the files of hs/ only. The engine's view of it is in hs.h.
 */
#ifndef LEAT_HS_POST_AUTH_H
#define LEAT_HS_POST_AUTH_H

#include "hs/hs_int.h"

/* Unpredictable, see post_auth.c. */
#define POST_AUTH_ID_LEN 32

/* Exists only where the client offered it and both configs want it. Wiping type. */
struct post_auth {
	struct leat_config *cfg; /* these two borrowed from the owner of struct hs_post */
	const struct leat_env *env;
	uint8_t client_type;   /* as what it shows what it is */
	struct digest context; /* RFC 8446 4.4: ClientHello ... client Finished */
	struct hs *machine;    /* an exchange under way, or NULL */
	struct hs_sink hold;   /* client: its messages wait in held until all of them are there */
	struct leat_wr held;
	uint8_t id[POST_AUTH_ID_LEN]; /* server: certificate_request_context */
	struct leat_secret finished;  /* finished_key, once the client's traffic secret has left */
	enum hs_post_verdict verdict; /* server: of the last exchange, not yet taken */
	struct hs_shown shown;        /* with it */
};

/* The transcript of h ends with the client's Finished: keeps it if it will be needed. */
LEAT_MUST_CHECK enum leat_ret post_auth_keep(struct hs *h);
void post_auth_free(struct post_auth *a); /* NULL is fine */
/* The client's traffic secret is about to be wiped. */
void post_auth_before_forget(struct hs_post *p, enum leat_dir dir);
/* May a message of this type come now, as part of an exchange? */
bool post_auth_takes(const struct hs_post *p, unsigned type);
/* Such a whole message. LEAT_AGAIN: a job waits in hs_post_machine. */
LEAT_MUST_CHECK enum leat_ret post_auth_message(
	struct hs_post *p, const struct hs_sink *sink, struct leat_span msg, struct leat_err *err);
/* The machine came back with r. */
LEAT_MUST_CHECK enum leat_ret post_auth_settle(
	struct hs_post *p, const struct hs_sink *sink, enum leat_ret r);

#endif

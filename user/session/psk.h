/* SPDX-License-Identifier: Apache-2.0
 *
 * session/psk.h - external pre-shared keys of TLS 1.3 (RFC 8446 4.2.11) and the importer that makes them
 * safe to use with more than one hash (RFC 9258). Binders and selection are the handshake's.
 */
#ifndef LEAT_SESSION_PSK_H
#define LEAT_SESSION_PSK_H

#include "base/err.h"
#include "base/secret.h"
#include "base/wr.h"
#include "crypto/digest.h"

/* What goes into the binder key, RFC 8446 7.1 and RFC 9258 5.2. */
enum psk_kind { PSK_RESUMPTION = 0, PSK_EXTERNAL, PSK_IMPORTED, PSK_KIND_COUNT };

/* One external PSK as the handshake uses it: a wiping type (the identity is on the heap). */
struct psk {
	enum psk_kind kind;
	enum hash_id hash;         /* of the suites it can be used with */
	struct leat_span identity; /* on the wire: the given one, or an ImportedIdentity; owned */
	struct leat_secret secret;
};

void psk_clear(struct psk *p);
/* A plain external PSK: used with one hash only (RFC 8446 4.2.11: SHA-256 unless said otherwise). */
LEAT_MUST_CHECK enum leat_ret psk_external(struct psk *out, enum hash_id h,
	struct leat_span identity, struct leat_span secret, struct leat_err *err);
/* RFC 9258: the PSK to be used with suites of hash `target` in TLS 1.3, from one of hash `h` and any
 * length. context tells uses of the same key apart; may be empty. */
LEAT_MUST_CHECK enum leat_ret psk_imported(struct psk *out, enum hash_id h, enum hash_id target,
	struct leat_span identity, struct leat_span context, struct leat_span secret,
	struct leat_err *err);

/* Takes an ImportedIdentity for TLS 1.3 apart, as a client sends it. false: it is none. */
bool psk_parse_imported(struct leat_span identity, struct leat_span *external,
	struct leat_span *context, enum hash_id *target);

#endif

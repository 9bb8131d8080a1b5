/* SPDX-License-Identifier: Apache-2.0
 *
 * tamper.h - changes one message between the two machines of a pair: as bytes, or decoded, changed and
 * encoded again. Put it in as pair.on_unit = tamper_unit with a struct tamper as arg.
 */
#ifndef TESTS_TAMPER_H
#define TESTS_TAMPER_H

#include "pair.h"

#include "wire/cert_request.h"
#include "wire/cert_verify.h"
#include "wire/certificate.h"
#include "wire/client_hello.h"
#include "wire/encrypted_ext.h"
#include "wire/finished.h"
#include "wire/server_hello.h"

struct tamper {
	const char *name;
	enum leat_role from; /* whose message is changed; the other side must refuse it */
	uint8_t msg;
	uint8_t alert;
	unsigned skip; /* this many messages of the kind pass first */
	/* one of these; a message is replaced */
	void (*raw)(struct pair_unit *u);
	void (*ch)(struct client_hello *m);
	void (*sh)(struct server_hello *m);
	void (*ee)(struct encrypted_ext *m);
	void (*cert)(struct certificate *m);
	void (*cv)(struct cert_verify *m);
	/* changes to the configs before, may be NULL */
	void (*setup)(struct leat_config *client, struct leat_config *server);
	bool hit;
};

bool tamper_unit(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg);

/* Runs one handshake with the change and checks that the other side refuses with the alert. */
void tamper_run(struct tamper *t, enum key_kind k, const char *versions);

/* Helpers for raw changes: the body grown by bytes at the end, cut, or replaced; the length in the
 * header follows. */
void tamper_append(struct pair_unit *u, const void *b, size_t n);
void tamper_cut(struct pair_unit *u, size_t n);
void tamper_body(struct pair_unit *u, const void *b, size_t n);
/* Puts another whole message before this one in the same payload. */
void tamper_prepend_msg(struct pair_unit *u, uint8_t type, const void *body, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.h - the path shown to the application, certificate by certificate, from the anchor to the peer (the
 * manual's verify_fun; RFC 5280 6.1). The path is judged first, by verify.c, which collects what it finds;
 * then the walk asks. It can stop at any event and go on later, on another thread.
 */
#ifndef LEAT_X509_WALK_H
#define LEAT_X509_WALK_H

#include <leat/verify.h>

#include "x509/verify.h"

struct walk;

/* verify_chain with the config's functions asked (in->fun, in->partial); without them it is verify_chain.
 * *walk is NULL at first. LEAT_AGAIN: a function has no answer yet; call again with the same in, which keeps
 * in->chain and in->store alive meanwhile. Else *walk is gone. */
LEAT_MUST_CHECK enum leat_ret walk_verify(const struct crypto *c, const struct verify_in *in,
	struct walk **walk, struct leat_err *err);
/* Gives an answer in the function's place to the event that is open, and goes on as walk_verify does. */
LEAT_MUST_CHECK enum leat_ret walk_answer(
	struct walk **walk, enum leat_verdict v, enum leat_bad_cert reason, struct leat_err *err);
/* The event that was not answered yet; borrowed. NULL: none (walk NULL included). */
const struct leat_cert_event *walk_event(const struct walk *walk);
/* NULL is fine. */
void walk_free(struct walk *walk);

#endif

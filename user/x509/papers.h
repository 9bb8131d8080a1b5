/* SPDX-License-Identifier: Apache-2.0
 *
 * papers.h - what a peer sent along with its certificates because we had asked: OCSP responses and SCTs.
 * Bytes only, copied out of the messages; status.c judges the responses, SCTs go to the application
 * unjudged. Immutable, reference counted.
 */
#ifndef LEAT_X509_PAPERS_H
#define LEAT_X509_PAPERS_H

#include "base/err.h"
#include "base/limits.h"

struct papers;

/* status[0..num-1] by certificate, empty where there is none; sct as list_next16 walks it. *out is NULL
 * when all of it is empty. bad_certificate_status_response for a response above LIM_STAPLE,
 * illegal_parameter for SCTs above LIM_SCT_LIST. */
LEAT_MUST_CHECK enum leat_ret papers_new(struct papers **out, const struct leat_span *status,
	size_t num, struct leat_span sct, struct leat_err *err);
struct papers *papers_ref(struct papers *p);
void papers_unref(struct papers *p);

/* Both take NULL, and give the empty span where there is nothing. */
struct leat_span papers_status(const struct papers *p, size_t i);
struct leat_span papers_sct(const struct papers *p);

#endif

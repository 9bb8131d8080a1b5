/* SPDX-License-Identifier: Apache-2.0
 *
 * certkit.h - two engines of which one judges the certificates that a test made for the other: in either
 * role, in either version. Nothing is frozen before certkit_run, so a test can change both configs.
 */
#ifndef TESTS_CERTKIT_H
#define TESTS_CERTKIT_H

#include "duo.h"
#include "pki.h"

#include <leat/config.h>

struct certkit {
	enum leat_role judge;
	struct leat_config *cfg[2]; /* by enum leat_role */
	struct duo d;
	const char *host;             /* "localhost" */
	struct leat_session *session; /* the client offers it; borrowed */
};

/* The judge trusts pki_root(), its peer shows leaf and inter (NULL: nothing to show, a client only). A server
 * that judges asks for a certificate and insists on one. version: "tlsv1.3". */
void certkit_draft(struct certkit *k, const char *version, enum leat_role judge,
	const struct made *leaf, const struct made *inter);
/* A good leaf for who, below pki_inter(). */
const struct made *certkit_leaf(enum leat_role who);
/* A spec of one. */
struct make_spec certkit_spec(enum leat_role who);
void certkit_set(struct leat_config *c, const char *option, const char *value);
/* The judge trusts these instead; NULL: nobody. */
void certkit_trust(struct certkit *k, const struct made *root);
/* Shows a chain of DER certificates, whatever they are, signed by the key of made. */
void certkit_show_der(
	struct leat_config *c, const struct leat_span *der, size_t num, const struct made *made);
struct leat_config *certkit_judge(struct certkit *k);
struct leat_config *certkit_peer(struct certkit *k);

/* Freezes, runs the handshake; true: both are up. certkit_close afterwards. */
bool certkit_run(struct certkit *k);
void certkit_close(struct certkit *k);
/* Run and close: both are up; or `who` refuses with this alert, and the other side gets it. */
void certkit_connects(struct certkit *k);
void certkit_refuses(struct certkit *k, enum leat_role who, unsigned alert);

/* Moves bytes until the judge waits for its chain, and takes that job away. */
struct leat_job *certkit_job(struct certkit *k);
/* The judge goes on with its answer, the reference is given up: both are up; or the judge refuses. Closes. */
void certkit_job_done(struct certkit *k, struct leat_job *j, unsigned alert);

/* for (version...) for (judge...) of the tests that do both */
extern const char *const certkit_versions[2];

#endif

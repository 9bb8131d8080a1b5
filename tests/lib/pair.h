/* SPDX-License-Identifier: Apache-2.0
 *
 * pair.h - two handshake machines joined in memory at message level: no records, no ciphers. What one
 * sends waits in a queue with the level and the keys it was sent under; delivery checks that the other
 * side reads under exactly these. A test may look at, change, drop, or add what is on its way.
 */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include "vec.h"

#include "hs/hs.h"

#include <leat/session.h>

/* One record payload on its way. */
struct pair_unit {
	enum rec_type type;
	enum hs_level level;
	struct traffic_keys keys; /* zero: cleartext */
	uint8_t *p;
	size_t n;
};

#define PAIR_QUEUE 64

struct pair_side {
	struct pair *pair;
	enum leat_role role;
	struct leat_config *cfg;
	struct hs *hs;
	struct hs_sink sink;
	struct leat_err err;
	uint16_t version;  /* as told by the sink */
	uint16_t limit[2]; /* the same, by enum leat_dir; 0: not told */
	bool limit_clear;
	struct {
		enum hs_level level;
		struct traffic_keys keys;
		struct leat_secret secret;
	} dir[2]; /* by enum leat_dir */
	struct pair_unit queue[PAIR_QUEUE];
	size_t head, tail; /* of queue: what this side sent and nobody took yet */
	unsigned sent_msgs, sent_ccs, jobs;
};

struct pair {
	struct pair_side side[2]; /* by enum leat_role */
	struct leat_env env;
	int64_t now_s;
	/* Called with each unit before it is delivered to the other side; false drops it. May replace
	 * u->p (heap) and u->n. NULL: nothing. */
	bool (*on_unit)(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg);
	void *arg;
	uint8_t fixed_random; /* not 0: env's random bytes are all this */
	bool any_level;       /* deliver under the level of the unit even if the keys differ */
	struct leat_session *offer; /* what the client offers; borrowed */
	bool offer_early;           /* with early data */
	struct leat_session
		*kept; /* what came to the client of a TLS 1.2 handshake: the last one */
	unsigned num_kept;
};

/* Configs with certificates of tests/lib/pki of this kind, the client trusts its root. Not frozen. */
struct leat_config *pair_client_config(void);
struct leat_config *pair_server_config(enum key_kind k);
/* Both for one way of resuming TLS 1.2: "stateless" (tickets) or "stateful" (session ids, in a store of
 * their own), with these versions for the client. Frozen. */
void pair_configs12(struct leat_config **client, struct leat_config **server, const char *way,
	const char *versions);
/* The session of a full handshake between them (configs are borrowed); leat_session_unref it. */
struct leat_session *pair_session12(struct leat_config *client, struct leat_config *server);
/* Makes the client show a certificate and the server ask for it, in the handshake and after it. Either may
 * be NULL. */
void pair_ask(struct leat_config *client, struct leat_config *server);
/* leat_config_set that must work. */
void pair_set(struct leat_config *c, const char *option, const char *value);

/* Makes both machines and starts them; freezes and takes over the configs. host: "localhost" when NULL. */
void pair_init(
	struct pair *p, struct leat_config *client, struct leat_config *server, const char *host);
/* The same without failing the test when memory runs out: the first failure, or LEAT_OK. */
enum leat_ret pair_try_init(
	struct pair *p, struct leat_config *client, struct leat_config *server, const char *host);
void pair_clear(struct pair *p);

/* Delivers one unit sent by `from`, runs jobs. false: none was there. Sets *r to the receiver's result. */
bool pair_deliver(struct pair *p, enum leat_role from, enum leat_ret *r);
/* Delivers until nothing is on its way or a side failed; LEAT_OK, or LEAT_FAILED of the first to fail. */
enum leat_ret pair_run(struct pair *p);
/* Runs until both are up, and checks that keys and facts agree. */
void pair_must_connect(struct pair *p);
/* Runs; `who` must refuse with this alert and not be up. */
void pair_must_refuse(struct pair *p, enum leat_role who, unsigned alert);

/* Feeds bytes to one side as one payload under its present read level; jobs are run. */
enum leat_ret pair_feed(
	struct pair *p, enum leat_role to, enum rec_type type, struct leat_span payload);
/* The next unit a side sent, or NULL; stays in the queue. */
struct pair_unit *pair_peek(struct pair *p, enum leat_role from);
void pair_pop(struct pair *p, enum leat_role from);

/* Replaces u's bytes by a copy of these. */
void pair_unit_set(struct pair_unit *u, const void *b, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * rig.h - one connection under test (struct leat_conn, records wherever its config puts them) against a
 * peer that the test holds in its hand: an engine for the handshake, then tests/lib/refrec.c, so that
 * any record can be made, cut, bent or left out. Both ends of a real TCP connection, one thread, no
 * waiting: what was written is there at once on the loopback.
 */
#ifndef LEAT_TESTS_RIG_H
#define LEAT_TESTS_RIG_H

#include "base/wr.h"
#include "refrec.h"
#include "sock/conn.h"

struct rig {
	struct leat_conn *c; /* under test */
	struct leat_config *cfg[2];
	struct leat_err err;
	int fd;                /* the peer's end */
	struct leat_engine *e; /* the peer's engine */
	struct refrec in, out; /* the peer's records after rig_take_keys */
	struct leat_wr *hold;  /* not NULL: what the peer sends is kept here instead of sent */
};

struct rig_opts {
	enum leat_role role;        /* of the connection under test */
	const char *versions;       /* "tlsv1.3" */
	const char *suites;         /* NULL: default */
	const char *rx, *tx;        /* records_rx, records_tx of the connection under test */
	const struct leat_sys *sys; /* NULL: real */
};

/* A frozen config as the connection under test gets it. */
struct leat_config *rig_config(const struct rig_opts *o);
/* Makes both ends; no byte is exchanged yet. */
void rig_open(struct rig *r, const struct rig_opts *o);
/* Handshake of both, then the peer's keys are taken out of its engine. */
void rig_connect(struct rig *r, const struct rig_opts *o);
/* The same with more settings, made by tune before the configs are frozen; NULL: none. */
typedef void rig_tune_fn(struct leat_config *client, struct leat_config *server);
void rig_connect_tuned(struct rig *r, const struct rig_opts *o, rig_tune_fn *tune);
void rig_close(struct rig *r); /* also when r->c is gone already */

/* The peer's engine: what it can do now, and whether it is up. */
bool rig_peer_step(struct rig *r);
/* The connection's handshake as far as it goes now. */
enum leat_ret rig_conn_step(struct rig *r);
void rig_take_keys(struct rig *r);

/* The peer sends a record. */
void rig_put(struct rig *r, uint8_t type, const void *p, size_t n, size_t pad);
/* The peer sends bytes. */
void rig_bytes(struct rig *r, const void *p, size_t n);
/* Seals without sending: length of the record in buf. */
size_t rig_seal(struct rig *r, uint8_t type, const void *p, size_t n, size_t pad, uint8_t *buf);
/* TLS 1.3: the peer's records of a direction go on under the next generation of keys (RFC 8446 7.2). */
void rig_rekey(struct rig *r, enum leat_dir dir);
/* The peer's next record; as refrec_read. */
int rig_get(struct rig *r, uint8_t *type, void *buf);
/* The peer's next record must be this alert. */
void rig_expect_alert(struct rig *r, unsigned alert);
/* The peer's end has nothing more: end of stream. */
void rig_expect_end(struct rig *r);

/* leat_recv until n bytes came (they must be p[0..n-1]). */
void rig_expect_recv(struct rig *r, const void *p, size_t n);
/* The next leat_recv must fail with this class; returns the error. */
const struct leat_err *rig_recv_fails(struct rig *r, enum leat_err_class cls);

#endif

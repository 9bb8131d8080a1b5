/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_int.h - the private struct of the engine and the functions its files share.
 *
 *   engine.c         life, wants, info
 *   engine_in.c      peer bytes -> records -> handshake, alerts, plaintext
 *   engine_out.c     handshake messages, alerts, application data -> records
 *   engine_auth.c    post-handshake authentication; the machine whose jobs wait
 *   engine_session.c tickets that come become sessions; what is known of early data
 *   engine_secrets.c what is computed from its secrets for others: exporters, channel bindings
 *   engine_rest.c    going to rest and waking up
 *   engine_export.c  keys leave for the kernel; control records come back from it
 *   engine_adopt.c   an engine without secrets, for records that are the kernel's
 *
 * Buffers. in: one block holding whole and partial records; [in_off, in_len) is not yet processed;
 * plaintext is decrypted in place and lent from there, so nothing moves while data.n > 0. out: one
 * block; [out_off, out_len) waits for the driver. Both are allocated when needed and freed when empty.
 *
 * An open handshake record: messages of one flight are gathered at the end of out, in place, behind
 * room for a header; out_flush seals them. So a flight costs one AEAD call, not one a message.
 */
#ifndef LEAT_ENGINE_ENGINE_INT_H_PRIVATE
#define LEAT_ENGINE_ENGINE_INT_H_PRIVATE

#include "engine/engine.h"
#include "crypto/suite.h"
#include "hs/hs.h"
#include "rec/rec_user.h"

/* Plaintext bytes that may wait in out before leat_engine_write says LEAT_AGAIN: four records. */
#define ENGINE_OUT_MARK (4 * LIM_PLAINTEXT)
/* The end of a write that is taken above the mark: the head of an answer makes the file behind it so much
 * longer, and a tail of its own would cost a call more. */
#define ENGINE_OUT_REST 1024
/* Room for what follows the certificates in a flight: CertificateVerify of RSA-2048, Finished, a record
 * around them. A longer signature makes the buffer grow again. */
#define ENGINE_OUT_TAIL 336
/* First in buffer of a handshake: a ClientHello without hybrid shares fits. */
#define ENGINE_IN_FIRST 1024
/* Once up: two full records, so that one read fetches a record and the head of the next. */
#define ENGINE_IN_UP (2 * (LIM_RECORD_HEADER + LIM_CIPHERTEXT13))

/* Sessions kept until they are taken: what servers send after one handshake; older ones make room. */
#define ENGINE_SESSIONS 4

/* A control record for the kernel: alert (2 bytes), KeyUpdate (5), ticket. Or no record, but the keys for all that
 * follow it (struct traffic_keys). */
#define ENGINE_NEW_KEYS 0
struct engine_ctl {
	struct engine_ctl *next;
	uint8_t type;
	size_t n;
	uint8_t b[];
};

/* A client's sessions that came and nobody took yet, and whom they are for. */
struct engine_sessions {
	struct leat_session *v[ENGINE_SESSIONS]; /* oldest first */
	unsigned num;
	char *host; /* as it was asked for */
};

/* What the peer showed. */
struct engine_peer {
	struct chain *chain;   /* its certificates, shared with any cache */
	struct papers *papers; /* what came with them, or NULL */
};

/* User-space records of both directions. */
struct engine_records {
	struct rec_half rx, tx;
};

/* What an engine works with. */
struct engine_work {
	struct leat_err err;
	const char *died_in; /* the state that the error came in; static */
	struct hs *hs;       /* NULL once up */
	struct hs_sink sink;
	struct hs_post post;
	enum hs_level rx_level, tx_level;

	uint8_t *in;
	size_t in_cap, in_off, in_len;
	struct leat_span data; /* plaintext lent to the caller, inside in */
	bool data_is_early;    /* it came before the handshake was complete: 0-RTT */
	uint32_t early_left; /* early data bytes that may still come (server) or be sent (client) */
	size_t early_skip;

	uint8_t *out;
	size_t out_cap, out_off, out_len;
	size_t gather; /* offset of the open handshake record's header; 0 with gather_n 0: none */
	size_t gather_n;
	bool gathering;
	bool first_sent;
	uint32_t ramp;   /* dynamic_record_size: bytes that still go in short records */
	int64_t wrote_s; /* when application data was last written; 0: never */

	struct engine_ctl *ctl; /* TX exported: control records in order */
	struct leat_wr ctl_in;  /* RX exported: a record that is handed up in pieces */
	uint8_t ctl_in_type;
	struct traffic_keys
		rx_keys; /* RX exported: what the kernel must be given next; version 0: none */
};

/* What rests: all that a connection needs that waits. Kept small: decision 0079. */
struct leat_engine {
	struct leat_config *cfg;
	struct leat_env env;
	struct engine_work *w;            /* NULL: at rest, see engine_rest.c */
	struct hs_kept *kept;             /* at rest: what w->post is made of again */
	struct engine_records *rec;       /* NULL: the kernel has both directions */
	struct engine_sessions *sessions; /* NULL: none */

	/* what was negotiated, kept after the machine is gone */
	struct engine_peer *peer; /* NULL: it showed nothing */
	const struct cred *cred;  /* ours that was sent, held by cfg; NULL: none */
	/* one block: alpn, sni, hash of the certificate of the resumed session, id of a stored one */
	uint8_t *names;
	int64_t auth_s;
	uint16_t suite, group, scheme, client_scheme; /* IANA numbers, 0: none */
	uint16_t version;                             /* 0 until decided */
	uint16_t max[2]; /* by enum leat_dir: bytes of content as agreed; 0: the protocol's */
	uint8_t alpn_n, sni_n, peer_hash_n, id_n;
	bool exported[2]; /* by enum leat_dir */
	/* One word. */
	unsigned role : 1;                            /* enum leat_role */
	unsigned early : 2;                           /* enum leat_early */
	unsigned auth : 2;                            /* enum leat_auth */
	unsigned packed_by : 2, client_packed_by : 2; /* enum zip_id, 0: plain */
	unsigned empty_run : 6, warn_run : 3;
	unsigned max_clear : 1; /* max holds for cleartext too */
	unsigned exact : 1;
	unsigned up : 1, eof : 1, closed : 1, dead : 1;
	unsigned no_memory : 1; /* it died of that, w could not be had to say so */
	unsigned resumed : 1, retried : 1, extended_master : 1, external_psk : 1, sni_known : 1;
	unsigned has_auth : 1; /* the answer in auth was not looked at yet */
};

_Static_assert(LIM_EMPTY_RECORDS < 63 && LIM_WARN_ALERTS < 7,
	"runs are counted to one more than their limits");
_Static_assert(sizeof(struct leat_engine) <= 120, "at rest, with the heap's 8 bytes: 128");

static inline const struct suite *engine_suite(const struct leat_engine *e)
{
	return e->suite ? suite_by_id(e->suite) : NULL;
}

static inline struct chain *engine_chain(const struct leat_engine *e)
{
	return e->peer ? e->peer->chain : NULL;
}

static inline const struct papers *engine_papers(const struct leat_engine *e)
{
	return e->peer ? e->peer->papers : NULL;
}

/* engine_rest.c */
/* Before anything that needs w. false: no memory, e is dead. */
LEAT_MUST_CHECK bool engine_wake(struct leat_engine *e);
/* Goes to rest if nothing is under way, and keys are the kernel's or `all`. */
void engine_settle(struct leat_engine *e, bool all);
void engine_work_free(struct leat_engine *e);
void engine_records_free(struct leat_engine *e);
/* For reading, in either form. *tmp may be used for it: wipe that. */
const struct hs_post *engine_post(const struct leat_engine *e, struct hs_post *tmp);
void engine_post_done(struct hs_post *tmp);

/* engine.c */
enum leat_ret engine_fail(struct leat_engine *e); /* err is set: queue the alert, die */
enum leat_ret engine_after(struct leat_engine *e, enum leat_ret r); /* after any machine call */

/* engine_in.c */
enum leat_ret engine_process(struct leat_engine *e);
enum leat_ret engine_alert_in(struct leat_engine *e, struct leat_span payload);
enum leat_ret engine_dispatch(struct leat_engine *e, uint8_t type, struct leat_span payload);
void engine_in_release(struct leat_engine *e);

/* engine_auth.c */
struct hs *engine_machine(const struct leat_engine *e); /* handshake or exchange; NULL: neither */
/* The machine came back with r from a job: what follows from it. */
enum leat_ret engine_after_job(struct leat_engine *e, enum leat_ret r);
void engine_note_auth(struct leat_engine *e); /* takes the verdict of an exchange over */

/* engine_session.c */
enum leat_ret engine_ticket(void *arg, const struct session_ticket *t); /* sink */
void engine_session(void *arg, struct leat_session *s);                 /* sink */
/* Room for sessions of this host (NULL: none was named). false: no memory. */
LEAT_MUST_CHECK bool engine_sessions_open(struct leat_engine *e, const char *host);
void engine_sessions_free(struct leat_engine *e);
/* The connection failed, err says why: sessions that must not outlive that are forgotten. */
void engine_sessions_failed(struct leat_engine *e);

/* engine_out.c */
extern const struct hs_sink engine_sink;        /* arg is the engine */
enum leat_ret out_flush(struct leat_engine *e); /* seals the open handshake record */
enum leat_ret out_alert(struct leat_engine *e, bool fatal, uint8_t alert);
void engine_out_clear(struct leat_engine *e);

#endif

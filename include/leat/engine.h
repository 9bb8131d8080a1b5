/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.h - TLS without I/O: peer bytes in, peer bytes out, plaintext in and out. The engine has
 * no socket, no clock, no thread; drive it with epoll, io_uring, a test or a fuzzer and get the
 * same.
 *
 * The loop of a driver (complete ones: examples/epoll_server.c, examples/memory_pair.c):
 *
 *	for (;;) {
 *		unsigned w = leat_engine_wants(e);
 *		if (w & LEAT_WANT_JOB)   leat_engine_job_run(e)      or do it elsewhere;
 *		if (w & LEAT_WANT_SEND)  p = leat_engine_out(e, &n);  write it; leat_engine_out_done(e, sent);
 *		if (w & LEAT_HAS_DATA)   leat_engine_data(e, &span); use it; leat_engine_data_done(e, used);
 *		if (w & LEAT_WANT_BYTES) p = leat_engine_in(e, &n);   read into it; leat_engine_in_done(e, got);
 *		if (w & LEAT_IS_DEAD)    leat_engine_error(e) says why;
 *	}
 *
 * How wants change in the life of an engine:
 *
 *	leat_engine_new
 *	   |
 *	   v
 *	handshake   one of WANT_BYTES | WANT_JOB | JOB_IS_OUT at a time, WANT_SEND beside any of them
 *	   |        server: MAY_WRITE once its Finished is out; 0-RTT: MAY_WRITE_EARLY, HAS_EARLY_DATA
 *	   v
 *	up          IS_UP | MAY_WRITE, and one of WANT_BYTES | HAS_DATA, or a job of an authentication
 *	   |   \    after the handshake; WANT_SEND, HAS_SESSION, HAS_AUTH as they come
 *	   |    '-- leat_engine_close: IS_CLOSED, no MAY_WRITE any more; reading goes on
 *	   |    '-- the peer's close_notify: IS_EOF, no WANT_BYTES any more; writing goes on
 *	   v
 *	over        IS_UP | IS_CLOSED | IS_EOF, and WANT_SEND until the last byte is sent
 *
 *	dead        from anywhere, by a call that returned LEAT_FAILED: IS_DEAD | IS_CLOSED and WANT_SEND
 *	            while the alert waits to be sent; what else was there is gone
 *
 * WANT_BYTES is never set together with HAS_DATA, HAS_EARLY_DATA, a job, IS_EOF or IS_DEAD: what
 * there is has to be taken before more is read, and that is the engine's back-pressure on the
 * peer. A driver that waits until WANT_SEND is gone before it reads has it in both directions.
 *
 * Nothing is copied on the way: peer bytes are read into the engine's record buffer and decrypted
 * in place, plaintext is handed out from there; written data is sealed straight into the out
 * buffer. An idle engine holds no buffer at all.
 *
 * What holds for every function here:
 *  - None waits for anything. None takes longer than its bytes deserve but leat_engine_job_run.
 *  - The environment and the callbacks of the config (PSK, SNI, session store, key log, replay
 *    guard) are called from within leat_engine_new, leat_engine_in_done, leat_engine_data_done,
 *    leat_engine_early_data_done, leat_engine_job_run and leat_engine_job_done, and from no other.
 *    They must not call the engine.
 *  - LEAT_AGAIN and LEAT_UNSUPPORTED lose nothing. LEAT_FAILED is final where it says "dead": the
 *    error is in leat_engine_error, and only leat_engine_wants, _error, _out, _out_done, _info,
 *    _state, _take_session, _early_status and _free are of use then; every other call returns
 *    LEAT_FAILED, or nothing, and does nothing. Running out of memory ends an engine like any
 *    error, except where said otherwise.
 *  - Pointers handed out are borrowed from the engine and valid until the next call on it that is
 *    not const, unless a function says longer. Pointers handed in are read during the call only.
 *  - An engine is used by one thread at a time; different engines, of one config too, by any
 *    number.
 */
#ifndef LEAT_ENGINE_H
#define LEAT_ENGINE_H

#include <leat/config.h>
#include <leat/job.h>
#include <leat/session.h>
#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_engine;

/* What the engine needs or has. A set of bits. */
enum leat_want {
	LEAT_WANT_BYTES = 1 << 0, /* peer bytes: fill leat_engine_in */
	LEAT_WANT_SEND = 1 << 1,  /* leat_engine_out holds bytes for the peer */
	LEAT_WANT_JOB = 1 << 2,   /* a job waits: leat_engine_job_run or leat_engine_job_take */
	LEAT_HAS_DATA = 1 << 3,   /* plaintext waits: leat_engine_data */
	LEAT_MAY_WRITE = 1 << 4,  /* leat_engine_write takes application data */
	LEAT_IS_UP = 1 << 5,      /* the handshake is complete */
	LEAT_IS_EOF = 1 << 6,     /* the peer sent close_notify; no data follows */
	LEAT_IS_CLOSED = 1 << 7,  /* our close_notify was queued; nothing more can be written */
	LEAT_IS_DEAD = 1 << 8,    /* failed for good; an alert may still be in leat_engine_out */
	LEAT_HAS_EARLY_DATA = 1 << 9,   /* server: 0-RTT data waits: leat_engine_early_data */
	LEAT_MAY_WRITE_EARLY = 1 << 10, /* client: leat_engine_write_early takes 0-RTT data */
	LEAT_HAS_SESSION = 1 << 11,     /* client: leat_engine_take_session has one */
	LEAT_JOB_IS_OUT = 1 << 12,      /* a job was taken: leat_engine_job_done goes on */
	LEAT_HAS_AUTH = 1 << 13,        /* server: leat_engine_auth says what the client answered */
};

/* leat_engine_new makes an engine for cfg's role. LEAT_OK: *out is owned by the caller
 * (leat_engine_free); of a client the ClientHello waits in leat_engine_out already. LEAT_FAILED,
 * with *out NULL and *err filled: LEAT_E_MISUSE for a config that is not frozen, or a host that is
 * neither a DNS name nor an IP address or is missing where it is to be verified; LEAT_E_MEMORY;
 * LEAT_E_CRYPTO. cfg is referenced. host is copied: client: the name or IP literal asked for (SNI,
 * host check); server: NULL. env is copied, its arg is borrowed for the engine's life. *err must
 * be zero before. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_new(struct leat_engine **out,
	struct leat_config *cfg, const char *host, const struct leat_env *env,
	struct leat_err *err);
/* What leat_engine_new_with may be told. Zero is "nothing". */
struct leat_engine_opts {
	const char *host;             /* as leat_engine_new */
	struct leat_session *session; /* client: offered if it fits host and config; referenced */
	bool early_data; /* client: announce early data if the session and its server allow it */
};
/* leat_engine_new_with is leat_engine_new with more to say, and has its results. A session that
 * does not fit (another host, other verification settings, expired) is not offered, without an
 * error. opts is read during the call. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_new_with(struct leat_engine **out,
	struct leat_config *cfg, const struct leat_engine_opts *opts, const struct leat_env *env,
	struct leat_err *err);

/* leat_engine_free wipes and frees, in whatever state e is. Nothing is sent: close and flush first
 * to end politely. A job that is out goes on living with whoever has it, and is then dropped. NULL
 * is fine. */
LEAT_API void leat_engine_free(struct leat_engine *e);

/* leat_engine_wants returns the current set of enum leat_want bits. It cannot fail and changes
 * nothing: ask again after each call. */
LEAT_API unsigned leat_engine_wants(const struct leat_engine *e);
/* leat_engine_error returns the error of a dead engine (cls LEAT_E_NONE when alive); never NULL,
 * valid as long as e. leat_strerror makes a sentence of it. */
LEAT_API const struct leat_err *leat_engine_error(const struct leat_engine *e);

/* ---- bytes from and to the peer ---- */

/* leat_engine_in returns where to put peer bytes and sets *n to the room there: never NULL with *n
 * > 0 while LEAT_WANT_BYTES is set, else NULL and 0 (data waits to be taken, a job waits or is
 * out, or the engine is dead or at EOF). Valid until the next call on e. May allocate: NULL
 * although LEAT_WANT_BYTES was set means that e has died for want of memory. */
LEAT_API uint8_t *leat_engine_in(struct leat_engine *e, size_t *n);
/* leat_engine_in_done says that n bytes were put there and processes them as far as possible.
 * LEAT_OK: all of it, or up to data that waits to be taken. LEAT_AGAIN: up to a message whose job
 * waits now; the rest is kept. LEAT_FAILED: dead: the peer sent an alert or what must be refused,
 * or n is more than the room was (LEAT_E_MISUSE). n 0 gives back a buffer that a read did not
 * fill. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_in_done(struct leat_engine *e, size_t n);
/* leat_engine_in_eof says that the transport ended: no byte will come any more. LEAT_OK: the peer
 * had said close_notify, the stream is complete. LEAT_FAILED: it was cut off, perhaps by an
 * attacker; e is dead, the class is LEAT_E_CLOSED. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_in_eof(struct leat_engine *e);
/* leat_engine_in_missing returns how many peer bytes end the current record: 0 at a record
 * boundary, the rest of the 5-byte header when even that is incomplete. A driver that reads no
 * more than this at a time never holds a byte of the next record (needed before the read direction
 * goes to the kernel). */
LEAT_API size_t leat_engine_in_missing(const struct leat_engine *e);
/* leat_engine_in_exact limits leat_engine_in to leat_engine_in_missing (or a header) from now on,
 * or no more. */
LEAT_API void leat_engine_in_exact(struct leat_engine *e, bool exact);

/* leat_engine_out returns the bytes for the peer and sets *n (NULL and 0 when there are none).
 * Borrowed until the next call on e that is not const; asking again without leat_engine_out_done
 * gives the same. */
LEAT_API const uint8_t *leat_engine_out(const struct leat_engine *e, size_t *n);
/* leat_engine_out_done says that the first n of them were sent, all or a part; the last one gives
 * the buffer back. n above what there was counts as all. Of a dead engine too: that is how its
 * alert goes out. */
LEAT_API void leat_engine_out_done(struct leat_engine *e, size_t n);

/* ---- jobs: signatures, chains (job.h has the whole picture) ----
 *
 * While a job waits or is out the engine takes no bytes; what it wants sent can be sent. One at a
 * time. */

/* leat_engine_job_run does the waiting job here and now and goes on: the way of a driver without
 * threads. Costs no allocation beyond the work itself. Of a job that is out: goes on if it is
 * answered by now, else LEAT_AGAIN. A job that cannot be done here (leat_job_run would say
 * LEAT_AGAIN: take those) is the end of the engine, with internal_error. No job: LEAT_OK.
 * Otherwise results as leat_engine_in_done. May block as long as the work takes, or the callback
 * of the config that does it. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_job_run(struct leat_engine *e);
/* leat_engine_job_take hands the waiting job out, to be done on any thread or answered by hand.
 * *out is owned by the caller (leat_job_unref); the engine holds a reference of its own,
 * LEAT_WANT_JOB becomes LEAT_JOB_IS_OUT. LEAT_UNSUPPORTED: no job waits. LEAT_AGAIN: no memory;
 * the job still waits and leat_engine_job_run may do it. *out is NULL then. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_job_take(
	struct leat_engine *e, struct leat_job **out);
/* leat_engine_job_done goes on with the answer of a job that was taken from e; the caller's
 * reference stays the caller's. LEAT_UNSUPPORTED: it is not the job e waits for (of another
 * engine, done before); nothing happened. LEAT_AGAIN: it is not answered yet (LEAT_JOB_IS_OUT
 * stays), or the next job waits. LEAT_FAILED: e is dead, or died of the answer (a chain refused,
 * no signature). */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_job_done(
	struct leat_engine *e, struct leat_job *j);

/* leat_engine_left returns the bytes that were given to the engine and lie behind the peer's close_notify:
 * no TLS any more. Empty before LEAT_IS_EOF. Borrowed until leat_engine_free. */
LEAT_API struct leat_span leat_engine_left(const struct leat_engine *e);

/* ---- application data ---- */

/* leat_engine_data sets *out to the plaintext that waits (empty when none, never early data); it
 * lies in the read buffer, borrowed until leat_engine_data_done. Cannot fail. */
LEAT_API void leat_engine_data(const struct leat_engine *e, struct leat_span *out);
/* leat_engine_data_done says that the first n bytes of it were used, all or a part. Decrypts
 * further records that are already buffered, so LEAT_HAS_DATA may be set again. Results as
 * leat_engine_in_done; LEAT_FAILED says that a record behind what was used is bad, what was used
 * is not. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_data_done(struct leat_engine *e, size_t n);

/* leat_engine_write seals application data into the out buffer. LEAT_OK: *taken bytes were taken,
 * at most what the buffer's mark of 64 KiB allows; call again with the rest when it is flushed.
 * LEAT_AGAIN: none, *taken is 0: flush first, or LEAT_MAY_WRITE is not set (not up yet, or closed,
 * then never again). LEAT_FAILED: dead, also for want of memory. data is the caller's again at
 * once. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_write(
	struct leat_engine *e, const void *data, size_t n, size_t *taken);
/* leat_engine_close queues close_notify (RFC 8446 6.1), behind all that was written; nothing can
 * be written any more. Reading goes on until the peer's arrives. During a handshake user_canceled
 * is said first. LEAT_OK also when it was called before. LEAT_FAILED: dead. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_close(struct leat_engine *e);

/* leat_engine_key_update, TLS 1.3 (RFC 8446 4.6.3): queues a KeyUpdate and changes the keys that
 * write; ask: the peer is told to change its own. LEAT_UNSUPPORTED: the version is TLS 1.2, or keys
 * that would change are a kernel's that cannot (before Linux 6.14); nothing happened. LEAT_FAILED: not up, closed or dead. Needed by nobody:
 * keys are changed by themselves before they have protected too much. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_key_update(struct leat_engine *e, bool ask);

/* leat_engine_rest gives back everything an established, idle engine can make again when the next
 * byte comes: an empty read buffer, the cipher contexts that are kept for its keys (1.2 KiB
 * for each of the few connections that were busy last; the others have none), and the memory it
 * works in, another 0.9 KiB. The next read or write takes it again, at about half a microsecond; where
 * there is none then, the engine is dead (LEAT_E_MEMORY). Engines whose records are the kernel's in
 * both directions rest by themselves. Does nothing while a handshake runs or bytes wait. Cannot
 * fail. */
LEAT_API void leat_engine_rest(struct leat_engine *e);

/* ---- sessions ---- */

/* leat_engine_take_session, client with the option session_tickets=manual: a session that the server
 * gave (the oldest not yet taken), or NULL. The caller owns it (leat_session_unref). Sessions of TLS
 * 1.3 come with or after the first data of the server, several of them; each should be offered once. One
 * of TLS 1.2 comes with the end of the handshake and may be offered again: after a resumed handshake the
 * same one comes back, unless the server gave a new one. After a fatal alert there is none. */
LEAT_API struct leat_session *leat_engine_take_session(struct leat_engine *e);

/* leat_engine_send_ticket, server of TLS 1.3: sends one more ticket, at any time and wherever the records are
 * protected: for a client that opens several connections, or after its certificate was asked for, which
 * older tickets do not vouch for. LEAT_AGAIN: the handshake is not complete. LEAT_UNSUPPORTED: not the
 * server of a TLS 1.3 connection, session_tickets is off, the client cannot resume with it, we have closed,
 * or 255 were sent; nothing was sent. LEAT_FAILED: the engine is dead. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_send_ticket(struct leat_engine *e);

/* ---- early data (0-RTT) ----
 *
 * Data sent before the handshake is complete saves a round trip and costs guarantees: anybody who
 * recorded it can send it to a server again (leat's servers take it once, another server behind
 * the same name may not know), and it is not protected against a later theft of the ticket's key.
 * Only what may happen twice belongs in it. So it has functions of its own on both sides;
 * leat_engine_write and leat_engine_data never touch it. */

enum leat_early {
	LEAT_EARLY_NONE = 0, /* not offered */
	LEAT_EARLY_OFFERED,  /* client: no answer yet */
	LEAT_EARLY_ACCEPTED,
	LEAT_EARLY_REJECTED, /* what was written is lost: the client sends it again or not, as it sees fit */
};

/* leat_engine_early_status tells what became of early data; stays as it is when the handshake is
 * over. */
LEAT_API enum leat_early leat_engine_early_status(const struct leat_engine *e);
/* leat_engine_write_early, client: seals early data into the out buffer, as much as the session
 * still allows. LEAT_OK: *taken bytes were taken. LEAT_AGAIN: none: the out buffer is full, or
 * early data cannot be sent (any more). LEAT_FAILED: dead. Taken is not accepted: see
 * leat_engine_early_status once up. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_write_early(
	struct leat_engine *e, const void *data, size_t n, size_t *taken);
/* leat_engine_early_data, server: sets *out to early data that waits (empty when none); borrowed
 * as by leat_engine_data. It must be taken for the handshake to go on. */
LEAT_API void leat_engine_early_data(const struct leat_engine *e, struct leat_span *out);
/* leat_engine_early_data_done says that the first n bytes of it were used; results as
 * leat_engine_data_done. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_early_data_done(struct leat_engine *e, size_t n);

/* ---- post-handshake authentication (TLS 1.3) ----
 *
 * A server may want to know later who its client is, for one resource of many. The client must have offered
 * it and the server kept what it takes: the option post_handshake_auth on both sides. */

enum leat_auth {
	LEAT_AUTH_NONE = 0, /* never asked */
	LEAT_AUTH_ASKED,    /* the answer is awaited; data may flow both ways meanwhile */
	LEAT_AUTH_SHOWN,    /* a certificate, verified: leat_engine_peer_cert */
	LEAT_AUTH_DECLINED, /* the client has none to show; what it showed before still stands */
};

/* leat_engine_request_auth, server: sends a CertificateRequest. A client that answers with a certificate that
 * is not to be believed, or with none where fail_if_no_peer_cert is set, ends the connection. LEAT_AGAIN:
 * the handshake is not complete, or an earlier request is not answered yet (one at a time).
 * LEAT_UNSUPPORTED: the client did not offer it, the option is off, this is TLS 1.2, or one side has
 * closed. LEAT_FAILED: the engine is dead. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_request_auth(struct leat_engine *e);
/* leat_engine_auth tells where it stands and takes LEAT_HAS_AUTH back, which is set when an answer came. */
LEAT_API enum leat_auth leat_engine_auth(struct leat_engine *e);

/* What is known of the peer certificate's revocation. */
enum leat_ocsp {
	LEAT_OCSP_NONE = 0, /* no response came, or none was asked for */
	LEAT_OCSP_GOOD,     /* a response came and says "good" (others end the handshake) */
	LEAT_OCSP_UNJUDGED, /* one came; verification is off, or a verify_fun had the say */
};

/* What a connection negotiated. Text pointers are static; spans live as long as the engine. */
struct leat_engine_info {
	uint16_t version; /* LEAT_TLS12, LEAT_TLS13; 0 before it is decided */
	uint16_t suite;   /* IANA number */
	const char *suite_name, *group_name, *scheme_name; /* NULL where not used */
	const char
		*client_scheme_name; /* of the client's signature; NULL: it showed no certificate */
	struct leat_span alpn, sni;
	bool sni_known; /* server: sni is a name that a config or certificate of ours is for; client: it was told */
	bool resumed, retried, extended_master;
	/* the peer showed a bare key: leat_engine_peer_cert has its SubjectPublicKeyInfo */
	bool raw_peer_key;
	bool external_psk; /* a key both sides knew from elsewhere took the place of certificates */
	size_t record_rx,
		record_tx; /* most bytes of data in one record, as agreed or as TLS has it */
	enum leat_ocsp ocsp;
	/* algorithm the server's certificate was packed with (RFC 8879), and the client's; what a client
	 * sends after the handshake is known to the server only */
	const char *cert_packed, *client_cert_packed;
};
/* leat_engine_info fills out with what is known so far; what is not decided yet is zero. A
 * handshake that failed leaves what it had come to. */
LEAT_API void leat_engine_info(const struct leat_engine *e, struct leat_engine_info *out);
/* leat_engine_peer_cert returns the peer's certificate number i (DER, leaf first), empty past the
 * end, before the handshake is complete and after one without certificates; valid as long as e. It
 * was verified unless the config says verify_none or has a verify_fun, which may believe anybody. */
LEAT_API struct leat_span leat_engine_peer_cert(const struct leat_engine *e, size_t i);
/* leat_engine_peer_digest writes the SHA-256 of the peer's own certificate to out: of the one it
 * showed, or when the connection was resumed of the one it had shown when the session began (then
 * leat_engine_peer_cert has nothing). false: it never showed one, or the handshake is not
 * complete; out is not written. */
LEAT_API bool leat_engine_peer_digest(const struct leat_engine *e, uint8_t out[32]);
/* leat_engine_peer_ocsp returns the OCSP response (DER) that came for the peer's certificate number i, empty
 * where none did. Borrowed until leat_engine_free. */
LEAT_API struct leat_span leat_engine_peer_ocsp(const struct leat_engine *e, size_t i);

/* Where SCTs of the peer's certificate came from (RFC 6962 3.3). */
enum leat_sct_from {
	LEAT_SCT_TLS = 0, /* the extension of TLS */
	LEAT_SCT_CERT,    /* embedded in the certificate */
};
/* leat_engine_peer_sct returns a list of SCTs: one after the other, each behind two bytes of length; empty
 * where there is none. Not verified: leat knows no logs. (A third place they may be in is the OCSP response,
 * leat_engine_peer_ocsp; that one is not looked into.) Borrowed until leat_engine_free. */
LEAT_API struct leat_span leat_engine_peer_sct(
	const struct leat_engine *e, enum leat_sct_from from);

/* leat_engine_state returns the name of the handshake state, for people ("C_WAIT_SH", "UP");
 * static. */
LEAT_API const char *leat_engine_state(const struct leat_engine *e);

#ifdef __cplusplus
}
#endif
#endif

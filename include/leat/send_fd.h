/* SPDX-License-Identifier: Apache-2.0
 *
 * send_fd.h - a connection moves to another process. Its records are the kernel's, so nothing secret has to
 * travel: the socket goes over a unix socket (SCM_RIGHTS), with a message of fixed size that says what was
 * negotiated. A process that does handshakes and has the private key can so be another one than those that
 * serve; the latter never have a key of TLS in their memory.
 *
 * Whoever holds the socket can ask the kernel for the keys of this connection (docs/kernel.md 6). Send it to
 * whom you would let read it. `leat exec` shows a filter that keeps a program from asking.
 */
#ifndef LEAT_SEND_FD_H
#define LEAT_SEND_FD_H

#include <leat/leat.h>

#ifdef __cplusplus
extern "C" {
#endif

/* leat_send_fd sends c over the connected unix socket to (stream or seqpacket), waiting at most timeout_ms (-1: as
 * long as it takes) for room in it. LEAT_OK: c is the receiver's; it is freed here, nothing was said to the peer.
 * Whatever else: c is as it was.
 * LEAT_UNSUPPORTED: it cannot go, *err says why, class LEAT_E_MISUSE: the handshake is not complete; a direction
 * is not in the kernel (leat_offload moves it, leat_conn_info says why it did not); something is still here:
 * received data, a message of which a part came or went, a record that waits to be sent; it has an owner or is active (see
 * leat/mailbox.h), or another thread receives; a side has closed, or it failed; it is a client that offered
 * authentication after the handshake, which needs what cannot be sent.
 * LEAT_AGAIN: no room in time. LEAT_FAILED: the unix socket failed, class LEAT_E_SYSTEM; when a part of the
 * message had gone out already, the receiver sees a message that is cut off and gets nothing.
 * Options of leat/sockopt.h that are not the kernel's, the peer's certificates and sessions do not travel. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_send_fd(
	struct leat_conn *c, int to, int timeout_ms, struct leat_err *err);

/* leat_recv_fd takes the next connection that comes over from, waiting at most timeout_ms (-1: as long as it
 * takes). LEAT_OK: *out is owned by the caller and can send, receive and close as any other. cfg: any frozen
 * config, a client's too, referenced: nothing of it is used but the library's tables. What was negotiated is in
 * leat_conn_info, the peer's certificate only as leat_conn_peer_digest; exporters and new tickets are not to be had.
 * A KeyUpdate of the peer ends it as it would have ended at the sender's.
 * LEAT_AGAIN: none came in time. LEAT_UNSUPPORTED: the other end of from is closed, in order. LEAT_FAILED, *out is
 * NULL and a descriptor that came is closed: LEAT_E_SYSTEM; LEAT_E_MISUSE for a message that is none, is of another
 * version of leat, brings no descriptor or one that is not what the message says: the kernel is asked whether it
 * holds keys of this version and cipher, so no byte is ever sent in the clear. Where a seccomp filter forbids the
 * question (EPERM) the sender is believed. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_recv_fd(struct leat_conn **out, struct leat_config *cfg,
	int from, int timeout_ms, struct leat_err *err);

/* leat_conn_peer_digest is leat_engine_peer_digest. */
LEAT_API bool leat_conn_peer_digest(const struct leat_conn *c, uint8_t out[32]);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * rec_kernel.h - the kernel as record layer: put keys in, send and receive records with their types.
 * Knows sockets and linux/tls.h, nothing of handshakes or policy (handover.h has that).
 *
 * Two forms of the same: the _prep/_done pair fills and reads a msghdr without any system call, for
 * drivers with a ring; the calls below use it with sendmsg and recvmsg, never blocking
 * (MSG_DONTWAIT), never raising SIGPIPE.
 *
 * The kernel's habits a caller must know (measured, 6.12):
 *  - a record error (EBADMSG, EMSGSIZE, EINVAL) may be reported once and then EAGAIN for ever: the
 *    first error is final, remember it;
 *  - FIN in the middle of a record is a plain 0: only a close_notify proves the end. Nor does 0 prove a
 *    FIN: an empty data record before a control record is 0 as well, but with a record type;
 *  - after SHUT_WR or a reset, send may "succeed" and drop the bytes: remember both;
 *  - non-blocking sends, then close(2), lose the last record: send close_notify successfully (or see
 *    POLLOUT) before shutdown and close;
 *  - MSG_MORE leaves an open record that shutdown and close throw away: it is not used here.
 */
#ifndef LEAT_KTLS_REC_KERNEL_H
#define LEAT_KTLS_REC_KERNEL_H

#include <sys/uio.h>

#include "crypto/aead.h"
#include "ktls/sys.h"

/* Room for one control message that carries a record type. */
union rec_kernel_ctl {
	struct cmsghdr head; /* for alignment */
	char b[CMSG_SPACE(1)];
};

/* One record, or run of data records, on its way out. Must not move between prep and the call. */
struct rec_kernel_tx {
	struct msghdr msg;
	struct iovec iov;
	union rec_kernel_ctl ctl;
};

/* One receive. Must not move between prep and done. */
struct rec_kernel_rx {
	struct msghdr msg;
	struct iovec iov;
	union rec_kernel_ctl ctl;
};

/* What one receive brought. type == 0: the transport ended. n == 0 with a type: an empty record. Of data:
 * the kernel met it before one of another type (it skips them otherwise); receive again. Of any other
 * type: no peer may send it. */
struct rec_kernel_got {
	size_t n;
	uint8_t type;    /* content type; data records may be merged, others never are */
	bool record_end; /* false: the rest of this record comes with the next receive */
};

/* Makes fd a socket that can take keys (TCP_ULP "tls"). Without keys it stays plain TCP. The peer's
 * FIN makes it impossible, so call this right after connect or accept. 0 or -errno: -ENOENT when the
 * module is not loaded (and not loadable by this user), -ENOTCONN when it came too late. */
LEAT_MUST_CHECK int rec_kernel_ulp(const struct leat_sys *sys, int fd);

/* Asks the kernel for the number of the next record that it will send. 0 or -errno. */
LEAT_MUST_CHECK int rec_kernel_tx_seq(const struct leat_sys *sys, int fd, uint64_t *seq);

/* Does the kernel hold keys of this version and cipher for a direction? No key leaves it. 0, -EINVAL: others, or
 * an error of the question: -ENOPROTOOPT and -EBUSY where there are none. */
LEAT_MUST_CHECK int rec_kernel_has_keys(
	const struct leat_sys *sys, int fd, enum leat_dir dir, uint16_t version, unsigned cipher);

/* Gives the kernel the keys of a direction from record number seq on. 0, or -errno with nothing
 * changed: -ENOENT when the cipher's module is missing, -EBUSY when the direction has keys (no rekey),
 * -EOPNOTSUPP when no kernel has the cipher. */
LEAT_MUST_CHECK int rec_kernel_install(const struct leat_sys *sys, int fd, enum leat_dir dir,
	const struct traffic_keys *keys, uint64_t seq);

/* Fills t for a record of a type other than application data. false: type 0 (the kernel would take it
 * and corrupt the stream), type 23, an empty payload (the kernel cannot send it) or more than one
 * record's worth. */
LEAT_MUST_CHECK bool rec_kernel_ctl_prep(
	struct rec_kernel_tx *t, uint8_t type, struct leat_span payload);
void rec_kernel_rx_prep(struct rec_kernel_rx *r, void *buf, size_t n);
/* Reads what recvmsg (result res, -errno for failures) left in r. 0 or -errno. -EPROTO: bytes without
 * a record type, that is, the kernel did not decrypt them; they must not be used. */
LEAT_MUST_CHECK int rec_kernel_rx_done(
	const struct rec_kernel_rx *r, ssize_t res, struct rec_kernel_got *out);

/* Application data: bytes taken (whole records unless all were taken) or -errno (-EAGAIN: wait for
 * POLLOUT). n == 0 does nothing. */
LEAT_MUST_CHECK ssize_t rec_kernel_send(
	const struct leat_sys *sys, int fd, const void *data, size_t n);
/* One control record: 0 when the kernel has all of it, or -errno (-EINVAL for what _prep refuses). */
LEAT_MUST_CHECK int rec_kernel_send_ctl(
	const struct leat_sys *sys, int fd, uint8_t type, struct leat_span payload);
/* 0 or -errno; out as above, but never an empty data record. */
LEAT_MUST_CHECK int rec_kernel_recv(
	const struct leat_sys *sys, int fd, void *buf, size_t n, struct rec_kernel_got *out);

/* After a failed receive the socket refuses to send as well until its error was read; this makes room
 * for the alert. Returns the error (an errno value), 0 when there was none. */
int rec_kernel_take_error(const struct leat_sys *sys, int fd);

#endif

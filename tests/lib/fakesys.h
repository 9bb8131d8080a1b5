/* SPDX-License-Identifier: Apache-2.0
 *
 * fakesys.h - the system calls of a connection (user/ktls/sys.h), made to fail on demand, and a kernel
 * TLS that lives in the test: keys given to it by setsockopt(SOL_TLS) protect what goes over the real
 * socket underneath, by tests/lib/refrec.c. So the kernel's side of a connection is tested on machines
 * without kTLS, under sanitizers, and with refusals no real kernel makes on request.
 *
 * It has the kernel's habits that matter: one type per receive with its cmsg, MSG_EOR, EAGAIN when the
 * socket is full with the last record's rest kept inside, that rest lost by close and shutdown, errors
 * told once, -ENOENT for what is missing, -EBUSY for new keys. With fakesys_rekeys it is a Linux of 6.14 or later:
 * new keys of TLS 1.3 are taken, and behind a record that begins with a KeyUpdate receiving says -EKEYEXPIRED
 * until they are there. One connection at a time.
 */
#ifndef LEAT_TESTS_FAKESYS_H
#define LEAT_TESTS_FAKESYS_H

#include <linux/tls.h>

#include <leat/types.h>

#include "ktls/sys.h"

extern const struct leat_sys fakesys;

enum fakesys_call {
	FAKE_ULP = 0,
	FAKE_TX, /* setsockopt(SOL_TLS, TLS_TX) */
	FAKE_RX,
	FAKE_NO_PAD,
	FAKE_SENDMSG,
	FAKE_RECVMSG,
	FAKE_SENDFILE,
	FAKE_POLL,
	FAKE_SHUTDOWN,
	FAKE_CLOSE,
	FAKE_CALL_COUNT
};

/* Forgets keys, failures and counts. Call it before each connection. */
void fakesys_reset(void);
/* The nth call from now on (1: the next) returns -err and does nothing; times of them in a row. */
void fakesys_fail(enum fakesys_call call, unsigned nth, unsigned times, int err);
/* From now on, until fakesys_reset: keys can change. */
void fakesys_rekeys(void);
/* sendmsg and recvmsg move at most this many bytes a call; 0: no limit. */
void fakesys_short(size_t most);
unsigned fakesys_calls(enum fakesys_call call);
/* Order of calls: the value of a counter at the last one of this kind; 0: never. */
unsigned fakesys_when(enum fakesys_call call);
bool fakesys_has_keys(enum leat_dir dir);
/* The key of a direction, every byte XORed with FAKESYS_MASK, so that a search for the key does not find
 * the searcher's copy; this fake forgets its own. Returns the length. */
#define FAKESYS_MASK 0x5a
size_t fakesys_take_key(enum leat_dir dir, uint8_t masked[32]);

#endif

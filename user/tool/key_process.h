/* SPDX-License-Identifier: Apache-2.0
 *
 * key_process.h - private keys in a process of their own (--key-process). It reads the key files, signs what it
 * is asked to, and can do nothing else: no socket, no program, no other process (seccomp). Whoever takes over the
 * server can have things signed while he is there, and takes no key away.
 *
 *	server, any thread                      key process (key_signer.c)
 *	key_process_load(cert, key)  -------->  reads both, checks that they belong together
 *	key_process_sign(...)        -------->  signs
 *	                             <--------  the signature
 *
 * One request at a time, over a socket that nobody else has. The key process ends when the server does; a server
 * whose key process ended ends too, and says so.
 */
#ifndef LEAT_TOOL_KEY_PROCESS_H
#define LEAT_TOOL_KEY_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include <leat/config.h>

#include "tool/args.h"

struct key_process;

/* A key there. */
struct key_handle;

/* Before the first thread. NULL after saying why. */
struct key_process *key_process_start(const struct args *args);
/* Ends it; after the last handle. NULL is fine. */
void key_process_stop(struct key_process *p);
/* The process has ended by itself: there are no signatures any more. */
bool key_process_is_gone(struct key_process *p);

/* Reads keyfile there (certfile is to tell whether it is the right one). */
LEAT_MUST_CHECK enum leat_ret key_process_load(struct key_process *p, const char *certfile,
	const char *keyfile, struct key_handle **out, struct leat_err *err);
void key_process_drop(struct key_handle *k);
/* leat_sign_fn; arg is a handle. Any thread. */
enum leat_ret key_process_sign(
	void *arg, const struct leat_sign_input *in, uint8_t *sig, size_t cap, size_t *n);

/* ---- between the two (key_process.c, key_signer.c) ---- */

enum key_op { KEY_LOAD = 1, KEY_DROP, KEY_SIGN };

#define KEY_MESSAGE_MAX 16384 /* what is signed is a few hundred bytes, a path 4096 at most */

struct key_request {
	uint8_t op;
	uint16_t scheme;
	uint32_t key;
	/* KEY_LOAD: two paths, each with its NUL; KEY_SIGN: what is to be signed */
	uint8_t data[KEY_MESSAGE_MAX];
};
#define KEY_REQUEST_HEAD offsetof(struct key_request, data)

struct key_answer {
	uint8_t ok;
	uint32_t key;       /* KEY_LOAD */
	uint8_t data[2048]; /* KEY_SIGN: the signature; not ok: why, as text */
};
#define KEY_ANSWER_HEAD offsetof(struct key_answer, data)

/* The child's life; fd is its end of the socket. Never returns. */
_Noreturn void key_signer_main(int fd);

#endif

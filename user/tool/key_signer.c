/* SPDX-License-Identifier: Apache-2.0
 *
 * key_signer.c - the process that has the private keys and only signs, see key_process.h. What it is asked comes
 * from the server, which may be in the hands of somebody else by then: every length and number is checked.
 */
#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wr.h"
#include "crypto/crypto.h"
#include "crypto/suite.h"
#include "sock/anchors.h"
#include "tool/key_process.h"
#include "tool/sandbox.h"

#define MAX_KEYS 16384 /* of two configurations at once, during a reload */

struct signer {
	struct crypto *crypto;
	struct cred *keys[MAX_KEYS];
};

/* Nothing of the server's but the socket and where it complains. */
static void leave_the_server(int fd)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "leat-keys", 0, 0, 0);
	/* Signals of the terminal are for the server, whose end is ours. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (fd > 3)
		(void)syscall(SYS_close_range, 3u, (unsigned)fd - 1, 0u);
	(void)syscall(SYS_close_range, (unsigned)fd + 1, ~0u, 0u);
}

/* ---- what it does ---------------------------------------------------------------------------- */

static size_t say(struct key_answer *a, const char *text)
{
	size_t n = strlen(text) < sizeof(a->data) ? strlen(text) : sizeof(a->data);

	a->ok = false;
	memcpy(a->data, text, n);
	return n;
}

static size_t load(struct signer *s, const struct key_request *r, size_t n, struct key_answer *a)
{
	struct leat_files files = { .certfile = (const char *)r->data };
	const uint8_t *end = memchr(r->data, '\0', n);
	struct leat_err err = { 0 };
	char text[512];
	uint32_t i = 0;

	if (end == NULL || n == 0 || r->data[n - 1] != '\0' || end == r->data + n - 1)
		return say(a, "not two paths");
	files.keyfile = (const char *)end + 1;
	while (i < MAX_KEYS && s->keys[i] != NULL)
		i++;
	if (i == MAX_KEYS)
		return say(a, "too many keys");
	if (anchors_load_cred(&s->keys[i], s->crypto, &files, &err) != LEAT_OK) {
		s->keys[i] = NULL;
		return say(a, leat_strerror(&err, text, sizeof(text)));
	}
	a->ok = true;
	a->key = i;
	return 0;
}

static size_t sign(struct signer *s, const struct key_request *r, size_t n, struct key_answer *a)
{
	const struct sigscheme *scheme = sigscheme_by_id(r->scheme);
	const struct cred *cred = r->key < MAX_KEYS ? s->keys[r->key] : NULL;
	struct leat_err err = { 0 };
	struct leat_wr sig;

	if (scheme == NULL || cred == NULL)
		return say(a, "no such key or scheme");
	leat_wr_fixed(&sig, a->data, sizeof(a->data));
	if (sign_make(s->crypto, cred_key(cred), scheme, (struct leat_span){ r->data, n }, &sig,
		    &err) != LEAT_OK)
		return say(a, "it cannot be signed");
	a->ok = true;
	return sig.n;
}

static size_t drop(struct signer *s, const struct key_request *r, struct key_answer *a)
{
	if (r->key < MAX_KEYS) {
		cred_unref(s->keys[r->key]);
		s->keys[r->key] = NULL;
	}
	a->ok = true;
	return 0;
}

static size_t serve(struct signer *s, const struct key_request *r, size_t n, struct key_answer *a)
{
	switch (r->op) {
	case KEY_LOAD: return load(s, r, n, a);
	case KEY_SIGN: return sign(s, r, n, a);
	case KEY_DROP: return drop(s, r, a);
	default: return say(a, "no such request");
	}
}

_Noreturn void key_signer_main(int fd)
{
	static struct signer s;
	static struct key_request r;
	static struct key_answer a;
	struct leat_err err = { 0 };
	ssize_t n;

	leave_the_server(fd);
	if (crypto_new(&s.crypto, &err) != LEAT_OK || !sandbox_signer()) {
		fprintf(stderr, "leat: key process: no sandbox or no libcrypto here\n");
		_exit(1);
	}
	while ((n = recv(fd, &r, sizeof(r), 0)) > 0 || (n < 0 && errno == EINTR)) {
		size_t out;

		if (n < (ssize_t)KEY_REQUEST_HEAD)
			continue;
		out = serve(&s, &r, (size_t)n - KEY_REQUEST_HEAD, &a);
		if (send(fd, &a, KEY_ANSWER_HEAD + out, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * key_process.c - the server's side of key_process.h.
 */
#include "tool/key_process.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tool/tool.h"

/* A signature takes milliseconds at most; a file may be on a slow disk. */
#define ANSWER_S 10

struct key_process {
	int fd;
	pid_t pid;
	pthread_mutex_t lock; /* one request and its answer at a time */
	struct key_request request;
	struct key_answer answer;
};

struct key_handle {
	struct key_process *p;
	uint32_t key;
};

struct key_process *key_process_start(const struct args *args)
{
	struct key_process *p = leat_zalloc(sizeof(*p));
	const struct timeval limit = { .tv_sec = ANSWER_S };
	int fd[2];

	if (p == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0) {
		(void)tool_fail(args, TOOL_FAILED, "--key-process: %s", strerror(errno));
		leat_free(p);
		return NULL;
	}
	(void)setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	p->pid = fork();
	if (p->pid == 0)
		key_signer_main(fd[1]);
	close(fd[1]);
	p->fd = fd[0];
	pthread_mutex_init(&p->lock, NULL);
	if (p->pid > 0)
		return p;
	(void)tool_fail(args, TOOL_FAILED, "--key-process: fork: %s", strerror(errno));
	key_process_stop(p);
	return NULL;
}

void key_process_stop(struct key_process *p)
{
	if (p == NULL)
		return;
	close(p->fd); /* the other side sees the end and goes */
	if (p->pid > 0)
		(void)waitpid(p->pid, NULL, 0);
	pthread_mutex_destroy(&p->lock);
	leat_free(p);
}

bool key_process_is_gone(struct key_process *p)
{
	if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == p->pid)
		p->pid = 0;
	return p->pid == 0;
}

/* With the lock held: n bytes of request data there, the answer's data back. -1: none came. */
static ssize_t ask(struct key_process *p, size_t n)
{
	ssize_t got = send(p->fd, &p->request, KEY_REQUEST_HEAD + n, MSG_NOSIGNAL);

	if (got < 0)
		return -1;
	do
		got = recv(p->fd, &p->answer, sizeof(p->answer), 0);
	while (got < 0 && errno == EINTR);
	/* An answer that came too late would be taken for the next one's: no more are asked for. */
	if (got < (ssize_t)KEY_ANSWER_HEAD) {
		(void)shutdown(p->fd, SHUT_RDWR);
		return -1;
	}
	return got - (ssize_t)KEY_ANSWER_HEAD;
}

/* What the other side says is wrong with the files. */
static enum leat_ret refused(const struct key_process *p, ssize_t n, struct leat_err *err)
{
	char text[256];

	if (n < 0)
		return err_sys(err, EPIPE, "key process: it gave no answer");
	snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)p->answer.data);
	return err_option(err, "key-process", text, "the key process refuses");
}

enum leat_ret key_process_load(struct key_process *p, const char *certfile, const char *keyfile,
	struct key_handle **out, struct leat_err *err)
{
	size_t cert_n = strlen(certfile) + 1, key_n = strlen(keyfile) + 1;
	struct key_handle *k = leat_zalloc(sizeof(*k));
	ssize_t n;

	*out = NULL;
	if (k == NULL || cert_n > KEY_MESSAGE_MAX / 2 || key_n > KEY_MESSAGE_MAX / 2) {
		leat_free(k);
		return err_memory(err);
	}
	pthread_mutex_lock(&p->lock);
	p->request.op = KEY_LOAD;
	memcpy(p->request.data, certfile, cert_n);
	memcpy(p->request.data + cert_n, keyfile, key_n);
	n = ask(p, cert_n + key_n);
	if (n < 0 || !p->answer.ok) {
		(void)refused(p, n, err);
	} else {
		*k = (struct key_handle){ .p = p, .key = p->answer.key };
		*out = k;
	}
	pthread_mutex_unlock(&p->lock);
	if (*out == NULL)
		leat_free(k);
	return *out != NULL ? LEAT_OK : LEAT_FAILED;
}

void key_process_drop(struct key_handle *k)
{
	struct key_process *p = k ? k->p : NULL;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->request.op = KEY_DROP;
	p->request.key = k->key;
	(void)ask(p, 0);
	pthread_mutex_unlock(&p->lock);
	leat_free(k);
}

enum leat_ret key_process_sign(
	void *arg, const struct leat_sign_input *in, uint8_t *sig, size_t cap, size_t *n)
{
	struct key_handle *k = arg;
	struct key_process *p = k->p;
	ssize_t got = -1;

	if (in->tbs.n > KEY_MESSAGE_MAX)
		return LEAT_FAILED;
	pthread_mutex_lock(&p->lock);
	p->request.op = KEY_SIGN;
	p->request.key = k->key;
	p->request.scheme = in->scheme;
	memcpy(p->request.data, in->tbs.p, in->tbs.n);
	got = ask(p, in->tbs.n);
	if (got >= 0 && (!p->answer.ok || (size_t)got > cap))
		got = -1;
	if (got >= 0) {
		memcpy(sig, p->answer.data, (size_t)got);
		*n = (size_t)got;
	}
	pthread_mutex_unlock(&p->lock);
	return got >= 0 ? LEAT_OK : LEAT_FAILED;
}

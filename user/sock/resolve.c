/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.c - getaddrinfo(3) in a thread, so that its caller can stop waiting (decision 0057).
 *
 * The call cannot be cancelled: a thread inside of it ends when the C library says so (by default after some
 * ten seconds for each name server that is silent). Whoever stops waiting leaves the lookup behind; the last of the two,
 * caller or thread, frees it. LIM_RESOLVERS bounds how many threads a dead name server can pile up.
 */
#include "sock/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sock/conn.h"

/* What the C library's resolver and its plug-ins need, with room; the default is 8 MiB. */
#define STACK_SIZE (512 * 1024)

struct lookup {
	atomic_uint refs;
	int done; /* eventfd: written when result and list stand */
	int result;
	int sys; /* errno behind EAI_SYSTEM */
	struct addrinfo want, *list;
	resolve_fn *fn;
	char service[8];
	char host[];
};

static _Atomic(resolve_fn *) use_fn;
static atomic_uint running;

void resolve_use(resolve_fn *fn)
{
	atomic_store(&use_fn, fn);
}

unsigned resolve_num_running(void)
{
	return atomic_load(&running);
}

static void lookup_unref(struct lookup *l)
{
	if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (l->list)
		freeaddrinfo(l->list);
	close(l->done);
	leat_free(l);
}

static struct lookup *lookup_new(const char *host, const struct addrinfo *want, const char *service)
{
	size_t n = strlen(host) + 1;
	struct lookup *l = leat_zalloc(sizeof(*l) + n);

	if (!l)
		return NULL;
	l->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->done < 0) {
		leat_free(l);
		return NULL;
	}
	atomic_init(&l->refs, 1);
	l->want = *want;
	l->fn = atomic_load(&use_fn);
	memcpy(l->host, host, n);
	memcpy(l->service, service, sizeof(l->service));
	return l;
}

static void *lookup_main(void *arg)
{
	struct lookup *l = arg;
	uint64_t one = 1;

	l->result = (l->fn ? l->fn : getaddrinfo)(l->host, l->service, &l->want, &l->list);
	l->sys = errno;
	if (l->result != 0)
		l->list = NULL;
	atomic_fetch_sub(&running, 1);
	/* cannot fail: the counter of an eventfd that nobody else writes has room for one */
	(void)!write(l->done, &one, sizeof(one));
	lookup_unref(l);
	return NULL;
}

/* A detached thread that no signal of the program is delivered to. 0 or an errno value. */
static int start_thread(struct lookup *l)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t t;
	int sys = pthread_attr_init(&attr);

	if (sys != 0)
		return sys;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	sys = pthread_create(&t, &attr, lookup_main, l);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return sys;
}

static enum leat_ret start(struct lookup *l, struct leat_err *err)
{
	int sys;

	if (atomic_fetch_add(&running, 1) >= LIM_RESOLVERS) {
		atomic_fetch_sub(&running, 1);
		return err_sys(err, EAGAIN,
			"connect: too many lookups hang already; are the name servers dead?");
	}
	atomic_fetch_add(&l->refs, 1); /* the thread's */
	sys = start_thread(l);
	if (sys == 0)
		return LEAT_OK;
	atomic_fetch_sub(&l->refs, 1);
	atomic_fetch_sub(&running, 1);
	return err_sys(err, sys, "connect: no thread for the resolver");
}

static enum leat_ret no_address(const char *host, int gai, int sys, struct leat_err *err)
{
	err_raise(err, LEAT_E_SYSTEM, 0, gai == EAI_SYSTEM ? sys : 0, LEAT_HERE,
		"connect: no address for the host");
	err_detailf(err, "%s: %s", host, gai_strerror(gai));
	return LEAT_FAILED;
}

static enum leat_ret by_thread(struct addrinfo **out, const char *host, const char *service,
	const struct addrinfo *want, int64_t deadline, struct leat_err *err)
{
	struct lookup *l = lookup_new(host, want, service);
	uint64_t ticks;
	enum leat_ret r;

	if (!l)
		return err_memory(err);
	r = start(l, err);
	if (r == LEAT_OK)
		r = sock_wait(&sys_real, l->done, POLLIN, deadline, err);
	/* What the thread wrote before it wrote here is ours to see after we read here. */
	if (r == LEAT_OK)
		(void)!read(l->done, &ticks, sizeof(ticks));
	if (r == LEAT_AGAIN) {
		r = err_raise(err, LEAT_E_TIMEOUT, 0, ETIMEDOUT, LEAT_HERE,
			"connect: no answer from the resolver in time");
		err_detailf(err, "%s", host);
	} else if (r == LEAT_OK && l->result != 0) {
		r = no_address(host, l->result, l->sys, err);
	} else if (r == LEAT_OK) {
		*out = l->list;
		l->list = NULL;
	}
	lookup_unref(l);
	return r;
}

enum leat_ret resolve_host(struct addrinfo **out, const char *host, uint16_t port, int family,
	int64_t deadline, struct leat_err *err)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_family = family };
	char service[8] = { 0 };
	int r;

	*out = NULL;
	snprintf(service, sizeof(service), "%u", port);
	/* A literal needs no resolver, whatever state that is in. */
	want.ai_flags = AI_NUMERICHOST;
	r = getaddrinfo(host, service, &want, out);
	if (r == 0)
		return LEAT_OK;
	*out = NULL;
	if (r != EAI_NONAME)
		return no_address(host, r, errno, err);
	want.ai_flags = 0;
	return by_thread(out, host, service, &want, deadline, err);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ways.c - see ways.h.
 */
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <leat/engine.h>
#include <leat/leat.h>

#include "pki.h"
#include "tcp.h"

#define MS        60000
#define AT_ONCE   ((size_t)64 << 10) /* of a stream that is received */
#define PIPE_SIZE (1 << 20)

const char *const where_names[WHERE_COUNT] = { "user", "kernel", "auto", "default" };

struct order {
	size_t n;
	unsigned times;
};

struct link {
	const struct way *way;
	enum where where;
	struct leat_config *cfg;
	struct leat_conn *c;   /* or ... */
	struct leat_engine *e; /* ... this, with way->engine */
	int fd;                /* borrowed from c; owned with e */
	int pipe[2], null;
	struct io_uring ring;
	bool ring_up;
	size_t queue; /* bytes that the sockets take without a reader */
	struct {      /* the other end */
		pthread_t thread;
		bool started;
		int fd, orders[2], done[2];
		atomic_bool over;
	} peer;
};

static struct {
	struct leat_config *client;
	uint8_t *bytes, *sink;
	int file; /* the same bytes */
} shared = { .file = -1 };

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "b_records: %s: %s\n", what, why);
	return false;
}

static bool complain_conn(const struct link *l, const char *what)
{
	return complain(what, leat_conn_error(l->c)->what);
}

/* ---- shared by all --------------------------------------------------------------------------- */

static bool client_config(void)
{
	struct leat_err err = { 0 };

	if (leat_config_new(&shared.client, LEAT_CLIENT, &err) == LEAT_OK &&
		leat_config_set(shared.client, "verify", "verify_none", &err) == LEAT_OK &&
		leat_config_set(shared.client, "records", "user", &err) == LEAT_OK &&
		leat_config_freeze(shared.client, &err) == LEAT_OK)
		return true;
	return complain("client", err.what);
}

bool ways_setup(void)
{
	shared.bytes = malloc(WAYS_MAX_BYTES);
	shared.sink = malloc(AT_ONCE);
	shared.file = memfd_create("leat-records", MFD_CLOEXEC);
	if (!shared.bytes || !shared.sink || shared.file < 0)
		return complain("memory", strerror(errno));
	for (size_t i = 0; i < WAYS_MAX_BYTES; i++)
		shared.bytes[i] = (uint8_t)(i * 31 + (i >> 11));
	if (write(shared.file, shared.bytes, WAYS_MAX_BYTES) != (ssize_t)WAYS_MAX_BYTES)
		return complain("memfd", strerror(errno));
	return client_config();
}

void ways_teardown(void)
{
	leat_config_unref(shared.client);
	free(shared.bytes);
	free(shared.sink);
	close(shared.file);
	pki_done();
}

/* ---- the other end --------------------------------------------------------------------------- */

/* Takes all that comes until the transfer is over. MSG_TRUNC: the bytes need not be copied to anybody. */
static void take(const struct link *l)
{
	struct pollfd p = { .fd = l->peer.fd, .events = POLLIN };

	for (;;) {
		bool over = atomic_load(&l->peer.over);

		while (recv(p.fd, NULL, PIPE_SIZE, MSG_TRUNC | MSG_DONTWAIT) > 0)
			;
		if (over)
			return;
		(void)poll(&p, 1, 2);
	}
}

static bool obey(const struct link *l, struct leat_conn *c, const struct order *o)
{
	if (l->way->dir == LEAT_TX) {
		take(l);
		return true;
	}
	for (unsigned i = 0; i < o->times; i++)
		if (leat_send(c, shared.bytes, o->n, MS, NULL) != LEAT_OK)
			return false;
	return true;
}

/* Connections make their sockets non-blocking; whoever goes around them wants to wait. */
static void blocking(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void *peer_thread(void *arg)
{
	const struct link *l = arg;
	struct leat_conn *c = NULL;
	struct leat_err err = { 0 };
	struct order o;

	if (leat_upgrade_client(&c, shared.client, l->peer.fd, "localhost", 0, MS, &err) !=
		LEAT_OK) {
		complain("client's handshake", err.what);
		return NULL;
	}
	while (read(l->peer.orders[0], &o, sizeof(o)) == (ssize_t)sizeof(o))
		if (!obey(l, c, &o) || write(l->peer.done[1], "", 1) != 1)
			break;
	leat_conn_free(c);
	return NULL;
}

/* ---- an engine of one's own ------------------------------------------------------------------- */

static int64_t now_s(void *arg)
{
	(void)arg;
	return time(NULL);
}

static void random_bytes(void *arg, void *buf, size_t n)
{
	(void)arg;
	while (getrandom(buf, n, 0) != (ssize_t)n)
		;
}

static const struct leat_env env = { .now_s = now_s, .random = random_bytes };

/* One request at the ring and its answer; < 0: -errno. */
static int ring_do(
	struct link *l, void (*prep)(struct io_uring_sqe *, int, void *, size_t), void *p, size_t n)
{
	struct io_uring_cqe *cqe;
	int r;

	prep(io_uring_get_sqe(&l->ring), l->fd, p, n);
	r = io_uring_submit_and_wait(&l->ring, 1);
	if (r < 0 || (r = io_uring_peek_cqe(&l->ring, &cqe)) < 0)
		return r;
	r = cqe->res;
	io_uring_cqe_seen(&l->ring, cqe);
	return r;
}

static void prep_send(struct io_uring_sqe *sqe, int fd, void *p, size_t n)
{
	io_uring_prep_send(sqe, fd, p, n, MSG_NOSIGNAL); /* MSG_WAITALL: kernel TLS refuses it */
}

static void prep_recv(struct io_uring_sqe *sqe, int fd, void *p, size_t n)
{
	io_uring_prep_recv(sqe, fd, p, n, 0);
}

static bool engine_flush(struct link *l)
{
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(l->e, &n)) != NULL) {
		int r = ring_do(l, prep_send, (void *)(uintptr_t)p, n);

		if (r <= 0)
			return complain("io_uring send", strerror(-r));
		leat_engine_out_done(l->e, (size_t)r);
	}
	return true;
}

static bool engine_read(struct link *l)
{
	size_t room;
	uint8_t *at = leat_engine_in(l->e, &room);
	int r = at ? ring_do(l, prep_recv, at, room) : -ENOBUFS;

	if (r <= 0)
		return complain("io_uring recv", r ? strerror(-r) : "the peer is gone");
	return leat_engine_in_done(l->e, (size_t)r) != LEAT_FAILED ||
	       complain("record", leat_engine_error(l->e)->what);
}

static bool engine_up(struct link *l)
{
	struct leat_err err = { 0 };

	if (leat_engine_new(&l->e, l->cfg, NULL, &env, &err) != LEAT_OK)
		return complain("engine", err.what);
	for (;;) {
		unsigned w = leat_engine_wants(l->e);

		if (w & LEAT_IS_DEAD)
			return complain("handshake", leat_engine_error(l->e)->what);
		if (w & LEAT_WANT_JOB)
			(void)!leat_engine_job_run(l->e);
		else if (!engine_flush(l))
			return false;
		else if (leat_engine_wants(l->e) & LEAT_IS_UP)
			return true;
		else if (!engine_read(l))
			return false;
	}
}

/* ---- the ways -------------------------------------------------------------------------------- */

static bool by_send(struct link *l, size_t n)
{
	return leat_send(l->c, shared.bytes, n, MS, NULL) == LEAT_OK || complain_conn(l, "send");
}

static bool by_sendfile(struct link *l, size_t n)
{
	off_t at = 0;
	size_t sent;

	return (leat_sendfile(l->c, shared.file, &at, n, MS, &sent) == LEAT_OK && sent == n) ||
	       complain_conn(l, "sendfile");
}

/* Moves n bytes from `from` to `to` through the pipe. */
static bool splice_through(struct link *l, int from, off_t *at, int to, size_t n)
{
	while (n > 0) {
		ssize_t in = splice(
			from, at, l->pipe[1], NULL, n < PIPE_SIZE ? n : PIPE_SIZE, SPLICE_F_MOVE);

		if (in <= 0)
			return complain("splice", in ? strerror(errno) : "the end");
		n -= (size_t)in;
		while (in > 0) {
			ssize_t out = splice(l->pipe[0], NULL, to, NULL, (size_t)in,
				SPLICE_F_MOVE | (n > 0 ? SPLICE_F_MORE : 0));

			if (out <= 0)
				return complain("splice", strerror(errno));
			in -= out;
		}
	}
	return true;
}

static bool splice_out(struct link *l, size_t n)
{
	off_t at = 0;

	return splice_through(l, shared.file, &at, l->fd, n);
}

static bool splice_in(struct link *l, size_t n)
{
	return splice_through(l, l->fd, NULL, l->null, n);
}

static bool ring_send(struct link *l, size_t n)
{
	for (size_t at = 0; at < n;) {
		int r = ring_do(l, prep_send, shared.bytes + at, n - at);

		if (r <= 0)
			return complain("io_uring send", strerror(-r));
		at += (size_t)r;
	}
	return true;
}

static bool engine_send(struct link *l, size_t n)
{
	for (size_t at = 0, took; at < n; at += took)
		if (leat_engine_write(l->e, shared.bytes + at, n - at, &took) == LEAT_FAILED ||
			!engine_flush(l))
			return complain("io_uring send", leat_engine_error(l->e)->what);
	return true;
}

static bool by_recv(struct link *l, size_t n)
{
	for (size_t got; n > 0; n -= got)
		if (leat_recv(l->c, shared.sink, n < AT_ONCE ? n : AT_ONCE, MS, &got) != LEAT_OK ||
			got == 0)
			return complain_conn(l, "recv");
	return true;
}

static bool ring_recv(struct link *l, size_t n)
{
	while (n > 0) {
		int r = ring_do(l, prep_recv, shared.sink, n < AT_ONCE ? n : AT_ONCE);

		if (r <= 0)
			return complain("io_uring recv", strerror(-r));
		n -= (size_t)r;
	}
	return true;
}

static bool engine_recv(struct link *l, size_t n)
{
	struct leat_span data;

	while (n > 0) {
		leat_engine_data(l->e, &data);
		if (data.n == 0 && !engine_read(l))
			return false;
		if (leat_engine_data_done(l->e, data.n) == LEAT_FAILED)
			return complain("record", leat_engine_error(l->e)->what);
		n -= data.n;
	}
	return true;
}

#define USER   (1u << WHERE_USER)
#define KERNEL (1u << WHERE_KERNEL)
#define POLICY (USER | KERNEL | 1u << WHERE_AUTO | 1u << WHERE_DEFAULT)

const struct way ways[] = {
	{ "send", LEAT_TX, false, POLICY, by_send },
	{ "sendfile", LEAT_TX, false, POLICY, by_sendfile },
	{ "splice", LEAT_TX, false, KERNEL, splice_out },
	{ "io_uring", LEAT_TX, true, USER, engine_send },
	{ "io_uring", LEAT_TX, false, KERNEL, ring_send },
	{ "recv", LEAT_RX, false, POLICY, by_recv },
	{ "splice", LEAT_RX, false, KERNEL, splice_in },
	{ "io_uring", LEAT_RX, true, USER, engine_recv },
	{ "io_uring", LEAT_RX, false, KERNEL, ring_recv },
};
const size_t num_ways = sizeof(ways) / sizeof(ways[0]);

/* ---- links ----------------------------------------------------------------------------------- */

static bool server_config(struct link *l, const char *suite)
{
	static const char *const records[WHERE_COUNT] = { "user", "auto", "auto", "auto" };
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_err err = { 0 };
	bool ok = leat_config_new(&l->cfg, LEAT_SERVER, &err) == LEAT_OK &&
		  leat_config_add_cred(l->cfg, id->chain_pem, id->key_pem,
			  (struct leat_span){ NULL, 0 }, &err) == LEAT_OK &&
		  leat_config_set(l->cfg, "versions", "tlsv1.3", &err) == LEAT_OK &&
		  leat_config_set(l->cfg, "suites", suite, &err) == LEAT_OK &&
		  leat_config_set(l->cfg, "records", records[l->where], &err) == LEAT_OK;

	if (ok && l->where != WHERE_AUTO) /* the documented borders, whatever was measured */
		ok = leat_config_set(l->cfg, "kernel_file_from", "262144", &err) == LEAT_OK &&
		     leat_config_set(l->cfg, "kernel_stream_from", "never", &err) == LEAT_OK;
	ok = ok && leat_config_freeze(l->cfg, &err) == LEAT_OK;
	return ok || complain("server", err.what);
}

static bool needs_pipe(const struct way *w)
{
	return strcmp(w->name, "splice") == 0;
}

static bool needs_ring(const struct way *w)
{
	return strcmp(w->name, "io_uring") == 0;
}

static bool open_means(struct link *l)
{
	if (needs_ring(l->way)) {
		int r = io_uring_queue_init(4, &l->ring, 0);

		if (r < 0)
			return complain("io_uring", strerror(-r));
		l->ring_up = true;
	}
	if (!needs_pipe(l->way))
		return true;
	l->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (l->null < 0 || pipe2(l->pipe, O_CLOEXEC) != 0 ||
		fcntl(l->pipe[0], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		return complain("pipe", strerror(errno));
	return true;
}

static bool start_peer(struct link *l, int fd)
{
	int r;

	l->peer.fd = fd;
	if (pipe2(l->peer.orders, O_CLOEXEC) != 0 || pipe2(l->peer.done, O_CLOEXEC) != 0)
		return complain("pipe", strerror(errno));
	r = pthread_create(&l->peer.thread, NULL, peer_thread, l);
	l->peer.started = r == 0;
	return r == 0 || complain("thread", strerror(r));
}

/* A pair whose ends wait as long as others are measured; returns how much fits in between. */
static size_t roomy_pair(int fd[2])
{
	const struct timeval forever = { 0 };
	const int room = 4 * (int)QUEUE_MAX;
	size_t queue = QUEUE_MAX;

	tcp_pair(fd);
	for (int i = 0; i < 2; i++) {
		(void)setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
		if (setsockopt(fd[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0 ||
			setsockopt(fd[i], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0)
			queue = 0;
	}
	return queue;
}

static bool shake_hands(struct link *l, int fd)
{
	struct leat_err err = { 0 };

	l->fd = fd;
	if (l->way->engine)
		return engine_up(l);
	/* nothing may lie in user space when RX is to move; else each record would be read twice for nothing */
	if (leat_upgrade_server(&l->c, l->cfg, fd, l->where == WHERE_KERNEL ? LEAT_EXACT_READS : 0,
		    MS, &err) == LEAT_OK) {
		blocking(fd);
		return true;
	}
	l->fd = -1;
	return complain("handshake", err.what);
}

struct link *link_open(const struct way *w, enum where where, const char *suite)
{
	struct link *l = calloc(1, sizeof(*l));
	int fd[2];

	if (!l) {
		complain("memory", strerror(ENOMEM));
		return NULL;
	}
	*l = (struct link){ .way = w, .where = where, .fd = -1, .pipe = { -1, -1 }, .null = -1 };
	l->queue = roomy_pair(fd);
	for (int i = 0; i < 2; i++)
		l->peer.orders[i] = l->peer.done[i] = -1;
	if (server_config(l, suite) && open_means(l) && start_peer(l, fd[1]) &&
		shake_hands(l, fd[0]))
		return l;
	link_close(l);
	return NULL;
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

void link_close(struct link *l)
{
	leat_conn_free(l->c);
	leat_engine_free(l->e);
	if (l->way->engine)
		close_if(l->fd);
	close_if(l->peer.orders[1]);
	if (l->peer.started)
		pthread_join(l->peer.thread, NULL);
	close_if(l->peer.orders[0]);
	close_if(l->peer.done[0]);
	close_if(l->peer.done[1]);
	close_if(l->pipe[0]);
	close_if(l->pipe[1]);
	close_if(l->null);
	if (l->ring_up)
		io_uring_queue_exit(&l->ring);
	leat_config_unref(l->cfg);
	free(l);
}

enum leat_ret link_settle(struct link *l)
{
	return l->where == WHERE_KERNEL ? leat_offload(l->c, l->way->dir) : LEAT_OK;
}

bool link_in_kernel(const struct link *l)
{
	struct leat_conn_info info;

	if (!l->c)
		return false;
	leat_conn_info(l->c, &info);
	return strcmp(l->way->dir == LEAT_TX ? info.tx.backend : info.rx.backend, "kernel") == 0;
}

static bool tell(struct link *l, size_t n, unsigned times)
{
	struct order o = { n, times };

	return write(l->peer.orders[1], &o, sizeof(o)) == (ssize_t)sizeof(o) ||
	       complain("order", strerror(errno));
}

static bool wait_done(struct link *l)
{
	char done;

	return read(l->peer.done[0], &done, 1) == 1 || complain("the other end", "gave up");
}

static bool fits(const struct link *l, size_t n, unsigned times)
{
	return n * times <= l->queue;
}

bool link_before(struct link *l, size_t n, unsigned times)
{
	atomic_store(&l->peer.over, false);
	if (l->way->dir == LEAT_RX)
		return tell(l, n, times) && (!fits(l, n, times) || wait_done(l));
	return fits(l, n, times) || tell(l, n, times);
}

bool link_move(struct link *l, size_t n, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		if (!l->way->move(l, n))
			return false;
	return true;
}

bool link_after(struct link *l, size_t n, unsigned times)
{
	atomic_store(&l->peer.over, true);
	if (l->way->dir == LEAT_RX)
		return fits(l, n, times) || wait_done(l);
	return (!fits(l, n, times) || tell(l, n, times)) && wait_done(l);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_soak.c - two connections of ours talk for a while: random sizes, random pauses, small socket buffers
 * so that everything comes short, both directions full at once, an echo in between. Every byte is
 * checked. Compiled again for kernel records by tests/kernel/t_soak.c.
 *
 * TIMEOUT: 200
 */
#include "vec.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "pair.h"
#include "pki.h"
#include "sock/conn.h"
#include "tcp.h"

#ifndef RECORDS
#define RECORDS     "user"
#define NEED_KTLS() ((void)0)
#endif

#define MS    20000
#define TOTAL (3u << 20)

struct end {
	struct leat_config *cfg;
	enum leat_role role;
	int fd;
	unsigned seed;
	const char *failed; /* what went wrong, or NULL */
	char detail[300];
};

static uint8_t byte_at(size_t pos)
{
	return (uint8_t)(pos * 167 + (pos >> 7) + (pos >> 15));
}

static size_t dice(struct end *e, size_t n)
{
	return (size_t)rand_r(&e->seed) % n;
}

/* Sizes around the edges that matter more often than others. */
static size_t some_size(struct end *e, size_t max)
{
	static const size_t edges[] = { 1, 2, 5, 16383, 16384, 16385, 32768, 40000 };
	size_t n = dice(e, 3) ? 1 + dice(e, max) : edges[dice(e, 8)];

	return n < max ? n : max;
}

static bool went_wrong(struct end *e, struct leat_conn *c, const char *what)
{
	e->failed = what;
	if (c)
		leat_strerror(leat_conn_error(c), e->detail, sizeof(e->detail));
	return false;
}

static struct leat_conn *open_end(struct end *e)
{
	struct leat_err err = { 0 };
	struct leat_conn *c = NULL;
	enum leat_ret r = e->role == LEAT_CLIENT
				  ? leat_upgrade_client(&c, e->cfg, e->fd, "localhost", 0, MS, &err)
				  : leat_upgrade_server(&c, e->cfg, e->fd, 0, MS, &err);

	if (r != LEAT_OK) {
		e->failed = "handshake";
		leat_strerror(&err, e->detail, sizeof(e->detail));
	}
	return c;
}

/* Sends back what comes, in blocking calls, until the peer's end. */
static void *echo_main(void *arg)
{
	static uint8_t b[65536];
	struct end *e = arg;
	struct leat_conn *c = open_end(e);
	size_t got = 1;

	while (c && !e->failed && got > 0) {
		if (leat_recv(c, b, some_size(e, sizeof(b)), MS, &got) != LEAT_OK)
			went_wrong(e, c, "echo: recv");
		else if (got > 0 && leat_send(c, b, got, MS, NULL) != LEAT_OK)
			went_wrong(e, c, "echo: send");
		if (dice(e, 50) == 0)
			usleep(500);
	}
	if (c && leat_close(c, NULL) != LEAT_OK && !e->failed)
		went_wrong(e, NULL, "echo: close");
	return NULL;
}

struct talker {
	struct end *e;
	struct leat_conn *c;
	size_t sent, checked;
	bool shut, eof;
};

static bool talk_up(struct talker *t)
{
	static uint8_t b[65536];
	size_t n, taken;

	if (t->sent == TOTAL) {
		enum leat_ret r = t->shut ? LEAT_OK : leat_shutdown(t->c, SHUT_WR, 0);

		t->shut = r == LEAT_OK;
		return r == LEAT_FAILED ? went_wrong(t->e, t->c, "shutdown") : true;
	}
	n = some_size(t->e, sizeof(b));
	n = n < TOTAL - t->sent ? n : TOTAL - t->sent;
	for (size_t i = 0; i < n; i++)
		b[i] = byte_at(t->sent + i);
	if (leat_send(t->c, b, n, 0, &taken) == LEAT_FAILED)
		return went_wrong(t->e, t->c, "send");
	t->sent += taken;
	return true;
}

static bool talk_down(struct talker *t)
{
	static uint8_t b[65536];

	for (int times = (int)dice(t->e, 5); times >= 0 && !t->eof; times--) {
		size_t got;
		enum leat_ret r = leat_recv(t->c, b, some_size(t->e, sizeof(b)), 0, &got);

		if (r == LEAT_FAILED)
			return went_wrong(t->e, t->c, "recv");
		if (r == LEAT_AGAIN)
			break;
		t->eof = got == 0;
		for (size_t i = 0; i < got; i++)
			if (b[i] != byte_at(t->checked + i))
				return went_wrong(t->e, NULL, "a byte differs");
		t->checked += got;
	}
	return true;
}

static void *talker_main(void *arg)
{
	struct talker t = { .e = arg };

	t.c = open_end(t.e);
	while (t.c && !t.eof) {
		struct pollfd p;

		if (!talk_up(&t) || !talk_down(&t))
			break;
		p = (struct pollfd){ leat_conn_fd(t.c), leat_conn_events(t.c, !t.shut), 0 };
		if (p.events && !t.eof && poll(&p, 1, MS) != 1) {
			went_wrong(t.e, NULL, "nothing moves");
			break;
		}
	}
	if (!t.e->failed && t.checked != TOTAL)
		went_wrong(t.e, NULL, "the end came early");
	leat_conn_free(t.c);
	return NULL;
}

static struct leat_config *config(
	enum leat_role role, const char *version, const char *rx, const char *tx)
{
	struct leat_config *c = role == LEAT_CLIENT ? pair_client_config()
						    : pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };

	pair_set(c, "versions", version);
	pair_set(c, "records_rx", rx);
	pair_set(c, "records_tx", tx);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

static void soak(const char *version, unsigned seed, const char *rx, const char *tx)
{
	struct end e[2] = { { .role = LEAT_CLIENT, .seed = seed },
		{ .role = LEAT_SERVER, .seed = seed + 1 } };
	pthread_t thread[2];
	int fd[2], size = 20000;
	int talker = seed & 1; /* who talks, who echoes */

	tcp_pair(fd);
	for (int i = 0; i < 2; i++) {
		e[i].fd = fd[i];
		e[i].cfg = i == talker ? config(e[i].role, version, rx, tx)
				       : config(e[i].role, version, tx, rx);
		setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL,
					 i == talker ? talker_main : echo_main, &e[i]),
			0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (int i = 0; i < 2; i++) {
		if (e[i].failed)
			fail_msg("seed %u, %s: %s: %s", seed, i == talker ? "talker" : "echo",
				e[i].failed, e[i].detail);
		leat_config_unref(e[i].cfg);
	}
}

static void tls13(void **state)
{
	(void)state;
	soak("tlsv1.3", 1000, RECORDS, RECORDS);
	soak("tlsv1.3", 1001, RECORDS, "user");
	soak("tlsv1.3", 1003, "user", RECORDS);
}

static void tls12(void **state)
{
	(void)state;
	soak("tlsv1.2", 2000, RECORDS, RECORDS);
	soak("tlsv1.2", 2001, RECORDS, "user");
}

/* duo_env's dice are of one thread only. */
static int64_t soak_now(void *arg)
{
	(void)arg;
	return PKI_NOW;
}

static struct leat_env soak_env;

static int setup(void **state)
{
	(void)state;
	leat_env_system(&soak_env);
	soak_env.now_s = soak_now;
	conn_use(NULL, &soak_env);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	conn_use(NULL, NULL);
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls13),
		cmocka_unit_test(tls12),
	};

	NEED_KTLS();
	return cmocka_run_group_tests(tests, setup, teardown);
}

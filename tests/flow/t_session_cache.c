/* SPDX-License-Identifier: Apache-2.0
 *
 * t_session_cache.c - connections that resume by themselves: clients with a session cache, a server whose store is
 * one, over real sockets. What a cache does without connections is in tests/unit/t_session_caches.c.
 *
 * TIMEOUT: 120
 * REQ: SESS-type-id SESS-sem-register SESS-sem-client-pick SESS-sem-persist LIM-sessid
 * REQ: T-sess-reuse T-sess-expired T-sess-newcert T-sess-explicit T-sess-max_table T-sess-tcp_close
 * REQ: T-sc-cleanup T-sc-callback T-sc-unique T-sc-max T-sc-save_specific T-rn-11 T-rn-20
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/app.h>
#include <leat/cache.h>
#include <leat/leat.h>

#include "duo.h"
#include "ids.h"
#include "listcache.h"
#include "pair.h"
#include "pki.h"
#include "session/session.h"
#include "sock/conn.h"
#include "sock/session_cache.h"
#include "storekit.h"
#include "tcp.h"

#define MS 20000

static struct leat_err err;

/* ---- a server ---- */

/* Its store is a session cache. */
struct host {
	struct leat_session_cache *cache;
	struct leat_config *cfg;
	struct leat_listener *l;
	pthread_t thread;
	uint16_t port;
};

/* Waits for a word, answers, and lets the client close. */
static void *serve_one(void *arg)
{
	struct leat_conn *c = arg;
	uint8_t b[8];
	size_t got;

	if (leat_handshake(c, MS) == LEAT_OK && leat_recv(c, b, sizeof(b), MS, &got) == LEAT_OK &&
		got > 0 && leat_send(c, "yes", 3, MS, NULL) == LEAT_OK)
		leat_close(c, NULL);
	else
		leat_conn_free(c);
	return NULL;
}

static void *serve(void *arg)
{
	struct host *h = arg;
	struct leat_err mine = { 0 };
	pthread_t t[64];
	unsigned n = 0;
	struct leat_conn *c;

	while (leat_accept(h->l, &c, LEAT_INFINITY, &mine) == LEAT_OK && n < 64)
		if (pthread_create(&t[n], NULL, serve_one, c) == 0)
			n++;
	while (n > 0)
		pthread_join(t[--n], NULL);
	return NULL;
}

static struct leat_session_cache *cache_of(
	enum leat_role role, const struct leat_session_cache_opts *opts)
{
	struct leat_session_cache *c;

	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_session_cache_new(&c, role, opts, &err), LEAT_OK);
	return c;
}

static const char *versions = "tlsv1.2";

/* cfg (a draft) is taken. */
static void host_start_with(
	struct host *h, struct leat_config *cfg, struct leat_session_cache *cache, uint16_t port)
{
	const struct leat_span partial = { (const uint8_t *)"a port", 6 };
	const struct leat_sockopt again[] = { { "reuseaddr", "true" } };
	const struct leat_listen_opts lo = {
		.host = "127.0.0.1", .port = port, .sockopts = again, .num_sockopts = 1
	};
	struct leat_store *store;

	*h = (struct host){ .cache = cache, .cfg = cfg };
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_session_cache_store(&store, cache, partial, &err), LEAT_OK);
	assert_int_equal(leat_config_set_session_store(cfg, store, &err), LEAT_OK);
	leat_store_unref(store);
	pair_set(cfg, "versions", versions);
	pair_set(cfg, "records", "user");
	assert_int_equal(leat_config_freeze(cfg, &err), LEAT_OK);
	assert_int_equal(leat_listen_with(&h->l, cfg, &lo, &err), LEAT_OK);
	h->port = leat_listener_port(h->l);
	assert_int_equal(pthread_create(&h->thread, NULL, serve, h), 0);
}

static void host_start(struct host *h, const struct leat_session_cache_opts *opts)
{
	host_start_with(h, ids_draft(LEAT_SERVER, KEY_EC_P256), cache_of(LEAT_SERVER, opts), 0);
}

/* The listener ends, the cache stays. */
static struct leat_session_cache *host_halt(struct host *h)
{
	leat_listener_stop(h->l);
	assert_int_equal(pthread_join(h->thread, NULL), 0);
	leat_listener_close(h->l);
	leat_config_unref(h->cfg);
	return h->cache;
}

static void host_stop(struct host *h)
{
	leat_session_cache_unref(host_halt(h));
}

/* ---- a client ---- */

static struct leat_config *client_of(const char *option, const char *value)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256);

	pair_set(c, "session_tickets", "manual");
	pair_set(c, "records", "user");
	if (option)
		pair_set(c, option, value);
	if (option && strcmp(option, "suites") == 0) /* those of tests are TLS 1.2's */
		pair_set(c, "versions", "tlsv1.2");
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

/* One connection, a word each way; was it resumed? */
static bool visit_with(struct leat_config *cfg, uint16_t port, const struct leat_client_opts *opts)
{
	struct leat_conn_info info;
	struct leat_err mine = { 0 };
	struct leat_conn *c;
	uint8_t b[8];
	size_t got;
	char why[300];

	if (leat_connect_with(&c, cfg, port, opts, MS, &mine) != LEAT_OK)
		fail_msg("%s", leat_strerror(&mine, why, sizeof(why)));
	leat_conn_info(c, &info);
	assert_int_equal(leat_send(c, "word", 4, MS, NULL), LEAT_OK);
	assert_int_equal(leat_recv_exact(c, b, 3, MS, &got), LEAT_OK);
	leat_close(c, NULL);
	return info.tls.resumed;
}

static bool visit(struct leat_config *cfg, struct host *h, struct leat_session_cache *cache)
{
	const struct leat_client_opts opts = { .host = "localhost", .cache = cache };
	bool resumed = visit_with(cfg, h->port, &opts);

	if (cache)
		leat_session_cache_sync(cache);
	leat_session_cache_sync(h->cache);
	return resumed;
}

static void each_version(void (*run)(void))
{
	versions = "tlsv1.2";
	run();
	versions = "tlsv1.3";
	run();
	versions = "tlsv1.2";
}

/* ---- resumption ---- */

static void reuse_once(void)
{
	struct leat_config *cfg = client_of(NULL, NULL),
			   *never = client_of("session_tickets", "disabled");
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	struct host h;

	host_start(&h, NULL);
	assert_false(visit(cfg, &h, cache));
	for (int i = 0; i < 3; i++)
		assert_true(visit(cfg, &h, cache));
	assert_int_equal(leat_session_cache_size(cache), 1);
	assert_false(visit(never, &h, cache)); /* the client's option */
	assert_false(visit(cfg, &h, NULL));    /* no cache, no session */
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	leat_config_unref(cfg);
	leat_config_unref(never);
	leat_session_cache_unref(cache);
}

static void reuse(void **state)
{
	struct leat_config *cfg, *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	const struct leat_client_opts opts = { .host = "localhost", .cache = cache };
	struct host h = { .cache = cache };

	(void)state;
	each_version(reuse_once);
	/* the server's option */
	cfg = client_of(NULL, NULL);
	pair_set(s, "session_tickets", "disabled");
	pair_set(s, "records", "user");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	assert_int_equal(leat_listen(&h.l, s, "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(pthread_create(&h.thread, NULL, serve, &h), 0);
	for (int i = 0; i < 2; i++)
		assert_false(visit_with(cfg, leat_listener_port(h.l), &opts));
	h.cfg = s;
	host_stop(&h);
	leat_config_unref(cfg);
}

static void by_the_process(void **state)
{
	struct leat_config *cfg = client_of(NULL, NULL);
	struct host h;

	(void)state;
	host_start(&h, NULL);
	assert_int_equal(leat_session_caches_start(NULL, NULL, &err), LEAT_OK);
	assert_false(visit(cfg, &h, NULL));
	assert_true(visit(cfg, &h, NULL));
	leat_session_caches_stop();
	assert_false(visit(cfg, &h, NULL));
	host_stop(&h);
	leat_config_unref(cfg);
}

static atomic_llong moved_ms;

static int64_t moved_clock(void)
{
	return 1000000 + atomic_load(&moved_ms);
}

static void expired_once(void)
{
	const struct leat_session_cache_opts brief = { .lifetime_s = 10 };
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	struct host h;

	host_start(&h, &brief);
	assert_false(visit(cfg, &h, cache));
	atomic_fetch_add(&moved_ms, 9000);
	assert_true(visit(cfg, &h, cache));
	atomic_fetch_add(&moved_ms, 11000);
	assert_false(visit(cfg, &h, cache)); /* at the server */
	host_stop(&h);
	leat_session_cache_unref(cache);
	cache = cache_of(LEAT_CLIENT, &brief);
	host_start(&h, NULL);
	assert_false(visit(cfg, &h, cache));
	atomic_fetch_add(&moved_ms, 11000);
	assert_false(visit(cfg, &h, cache)); /* at the client */
	host_stop(&h);
	leat_session_cache_unref(cache);
	leat_config_unref(cfg);
}

static void expired(void **state)
{
	(void)state;
	session_cache_use_clock(moved_clock);
	each_version(expired_once);
	session_cache_use_clock(NULL);
}

/* Life of five seconds, half a second until the deletion: there in both, and gone from both. By the real clock. */
static void cleaned_up(void **state)
{
	const struct leat_session_cache_opts opts = { .lifetime_s = 5, .delay_cleanup_ms = 500 };
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, &opts);
	struct host h;

	(void)state;
	host_start(&h, &opts);
	assert_false(visit(cfg, &h, cache));
	assert_int_equal(leat_session_cache_size(cache), 1);
	assert_int_equal(leat_session_cache_size(h.cache), 1);
	for (int i = 0;
		i < 200 && leat_session_cache_size(cache) + leat_session_cache_size(h.cache); i++)
		(void)poll(NULL, 0, 100);
	assert_int_equal(leat_session_cache_size(cache), 0);
	assert_int_equal(leat_session_cache_size(h.cache), 0);
	host_stop(&h);
	leat_config_unref(cfg);
	leat_session_cache_unref(cache);
}

/* ---- which one ---- */

/* Other settings of the client are another session, or none: name, authority, suites, certificate. */
static void what_is_picked(void **state)
{
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_config *lax = client_of("verify", "verify_none");
	struct leat_config *chacha = client_of(
		"suites", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
	struct leat_config *aes = client_of("suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	const struct leat_client_opts by_address = { .host = "127.0.0.1", .cache = cache };
	struct host h;

	(void)state;
	host_start(&h, NULL);
	/* T-rn-20: made without verification, or under another name, it is no way around them */
	assert_false(visit(lax, &h, cache));
	assert_false(visit(cfg, &h, cache));
	assert_true(visit(cfg, &h, cache));
	assert_true(visit(lax, &h, cache));
	assert_false(visit_with(cfg, h.port, &by_address));
	assert_true(visit(cfg, &h, cache));
	/* of several, the first whose suite is in the list */
	assert_false(visit(chacha, &h, cache));
	assert_false(visit(aes, &h, cache));
	for (int i = 0; i < 2; i++) {
		assert_true(visit(chacha, &h, cache));
		assert_true(visit(aes, &h, cache));
		assert_true(visit(cfg, &h, cache));
	}
	host_stop(&h);
	leat_config_unref(cfg);
	leat_config_unref(lax);
	leat_config_unref(chacha);
	leat_config_unref(aes);
	leat_session_cache_unref(cache);
}

struct ids {
	struct leat_session *s[8];
	size_t n;
};

static void *collect(const struct leat_cache_key *key, struct leat_session *s, void *acc)
{
	struct ids *all = acc;

	assert_int_equal(key->id.n, 32); /* LIM-sessid: made with 32 */
	assert_memory_equal(key->id.p, session_data(s)->id.p, 32);
	if (all->n < 8)
		all->s[all->n++] = leat_session_ref(s);
	return all;
}

/* A saved session by its id, and as bytes from elsewhere; one that is over makes no error. */
static void a_certain_one(void **state)
{
	struct leat_config *cfg[2] = { client_of("suites",
					       "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
		client_of("suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384") };
	struct leat_config *any = client_of(NULL, NULL);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	struct leat_client_opts opts = { .host = "localhost" };
	struct leat_session *back;
	struct leat_session_info info;
	struct ids all = { .n = 0 };
	struct leat_conn *c;
	struct host h;
	uint8_t b[2000];
	size_t n;

	(void)state;
	host_start(&h, NULL);
	assert_false(visit(cfg[0], &h, cache));
	assert_false(visit(cfg[1], &h, cache));
	(void)leat_session_cache_fold(cache, collect, &all);
	assert_int_equal(all.n, 2);
	for (size_t i = 0; i < 2; i++) {
		struct leat_conn_info now;

		leat_session_info(all.s[i], &info);
		opts.session = all.s[i];
		assert_int_equal(leat_connect_with(&c, any, h.port, &opts, MS, &err), LEAT_OK);
		leat_conn_info(c, &now);
		assert_true(now.tls.resumed);
		assert_int_equal(now.tls.suite, info.suite);
		leat_close(c, NULL);
		assert_int_equal(leat_session_serialise(all.s[i], b, sizeof(b), &n), LEAT_OK);
		assert_int_equal(
			leat_session_parse(&back, (struct leat_span){ b, n }, &err), LEAT_OK);
		opts.session = back;
		assert_true(visit_with(any, h.port, &opts));
		duo_later_s = 2 * 86400;
		assert_false(visit_with(any, h.port, &opts));
		duo_later_s = 0;
		leat_session_unref(back);
		leat_session_unref(all.s[i]);
	}
	host_stop(&h);
	leat_config_unref(cfg[0]);
	leat_config_unref(cfg[1]);
	leat_config_unref(any);
	leat_session_cache_unref(cache);
}

/* ---- how many ---- */

struct guest {
	struct leat_config *cfg;
	struct leat_session_cache *cache;
	uint16_t port;
};

static void *guest_main(void *arg)
{
	const struct guest *g = arg;
	const struct leat_client_opts opts = { .host = "localhost", .cache = g->cache };

	(void)visit_with(g->cfg, g->port, &opts);
	return NULL;
}

static void unique_once(void)
{
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	struct guest g = { cfg, cache, 0 };
	pthread_t t[20];
	struct host h;

	host_start(&h, NULL);
	g.port = h.port;
	for (int i = 0; i < 20; i++)
		assert_int_equal(pthread_create(&t[i], NULL, guest_main, &g), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	leat_session_cache_sync(cache);
	assert_int_equal(leat_session_cache_size(cache), 1);
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	leat_config_unref(cfg);
	leat_session_cache_unref(cache);
}

static void unique(void **state)
{
	(void)state;
	each_version(unique_once);
}

/* Never above the limit, with many different sessions. */
static void bounded(unsigned max, unsigned visits)
{
	static const char *const suites[] = { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" };
	const struct leat_session_cache_opts opts = { .max = max, .delay_cleanup_ms = 50 };
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, &opts);
	struct host h;

	host_start(&h, &opts);
	for (unsigned i = 0; i < visits; i++) {
		/* depth is part of what a session is bound to: each of these is another one */
		struct leat_config *cfg = ids_draft(LEAT_CLIENT, KEY_EC_P256);
		char depth[16];

		snprintf(depth, sizeof(depth), "%u", 2 + i / 3);
		pair_set(cfg, "versions", "tlsv1.2");
		pair_set(cfg, "suites", suites[i % 3]);
		pair_set(cfg, "depth", depth);
		pair_set(cfg, "session_tickets", "manual");
		assert_int_equal(leat_config_freeze(cfg, &err), LEAT_OK);
		(void)visit(cfg, &h, cache);
		assert_in_range(leat_session_cache_size(cache), 0, max);
		assert_in_range(leat_session_cache_size(h.cache), 0, max);
		leat_config_unref(cfg);
	}
	host_stop(&h);
	leat_session_cache_unref(cache);
}

static void bounds(void **state)
{
	(void)state;
	bounded(5, 20);
	bounded(2, 6);
}

/* ---- handshakes that fail ---- */

/* All that is there, and how many of them can be resumed. */
static void *look(const struct leat_cache_key *key, struct leat_session *s, void *acc)
{
	unsigned *n = acc;

	(void)key;
	n[0]++;
	n[1] += !session_data(s)->ended;
	return n;
}

/* The client goes after the server's flight: an id is reserved, nobody could resume it, and it goes too. */
static void cut_in_the_first_handshake(void **state)
{
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	const struct leat_engine_opts eo = { .host = "localhost" };
	struct sockaddr_in a = { .sin_family = AF_INET };
	unsigned n[2];
	struct host h;

	(void)state;
	host_start(&h, NULL);
	assert_false(visit(cfg, &h, cache));
	a.sin_port = htons(h.port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 5; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct leat_engine *e;
		const uint8_t *p;
		uint8_t b[4096];
		size_t len;

		assert_int_equal(leat_engine_new_with(&e, cfg, &eo, &duo_env, &err), LEAT_OK);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		p = leat_engine_out(e, &len);
		assert_true(tcp_write_all(fd, p, len));
		assert_true(recv(fd, b, sizeof(b), 0) > 0); /* ServerHello: the id is made */
		n[0] = n[1] = 0;
		(void)leat_session_cache_fold(h.cache, look, n);
		assert_int_equal(n[0], 2);
		assert_int_equal(n[1], 1);
		close(fd);
		leat_engine_free(e);
		for (int k = 0; k < 200 && leat_session_cache_size(h.cache) != 1; k++)
			(void)poll(NULL, 0, 20);
		assert_int_equal(leat_session_cache_size(h.cache), 1);
	}
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	leat_config_unref(cfg);
	leat_session_cache_unref(cache);
}

/* Ten ids that are in use, and it is given up: no id, nothing kept, and the connection works. */
static unsigned reservations;

static enum leat_ret no_put(void *arg, struct leat_span id, struct leat_span b, int64_t at_s)
{
	(void)arg;
	(void)id;
	(void)b;
	(void)at_s;
	reservations += 1000;
	return LEAT_OK;
}

static enum leat_ret no_find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	(void)arg;
	(void)id;
	(void)take;
	(void)now_s;
	(void)buf;
	(void)cap;
	*n = 0;
	return LEAT_UNSUPPORTED;
}

static void no_drop(void *arg, struct leat_span id)
{
	(void)arg;
	(void)id;
}

static enum leat_ret in_use(void *arg, struct leat_span id)
{
	(void)arg;
	assert_int_equal(id.n, 32);
	reservations++;
	return LEAT_UNSUPPORTED;
}

static void ten_tries(void **state)
{
	static const struct leat_store_ops ops = { no_put, no_find, no_drop, NULL, in_use };
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256), *cfg = client_of(NULL, NULL);
	struct leat_store *store;
	struct duo d;

	(void)state;
	assert_int_equal(leat_store_cb_new(&store, &ops, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set_session_store(s, store, &err), LEAT_OK);
	leat_store_unref(store);
	pair_set(s, "versions", "tlsv1.2");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	duo_open(&d, cfg, s, "localhost");
	assert_true(duo_run(&d));
	assert_int_equal(reservations, 10);
	assert_null(leat_engine_take_session(d.side[LEAT_CLIENT].e)); /* the id was empty */
	duo_close(&d);
	leat_config_unref(s);
	leat_config_unref(cfg);
}

/* ---- other storages, restarts ---- */

static void through(
	const struct leat_session_cache_opts *client, const struct leat_session_cache_opts *server)
{
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *cache;
	struct host h;

	listcache_reset();
	cache = cache_of(LEAT_CLIENT, client);
	assert_string_equal(listcache_calls.args, "role=client type=x ");
	host_start(&h, server);
	assert_string_equal(listcache_calls.args, "role=server type=x ");
	assert_false(visit(cfg, &h, cache));
	for (int i = 0; i < 3; i++)
		assert_true(visit(cfg, &h, cache));
	assert_true(listcache_calls.select > 0 && listcache_calls.lookup > 0 &&
		    listcache_calls.update > 0);
	host_stop(&h);
	leat_session_cache_unref(cache);
	assert_int_equal(listcache_calls.init, 2);
	assert_int_equal(listcache_calls.terminate, 2);
	assert_int_equal(listcache_calls.elsewhere, 0);
	leat_config_unref(cfg);
}

static const struct leat_cache_arg args[] = { { "type", "x" } };
static const struct leat_session_cache_opts listed = {
	.ops = &listcache_ops, .args = args, .num_args = 1
};

static struct leat_session_cache_opts in_files(const char *name)
{
	static char paths[4][200];
	static unsigned at;
	char *p = paths[at++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s", kit_dir(), name);
	(void)mkdir(p, 0700);
	return (struct leat_session_cache_opts){
		.ops = &filecache_ops, .user = p, .args = args, .num_args = 1
	};
}

static void storages_of_applications_once(void)
{
	const struct leat_session_cache_opts client = in_files("client"),
					     server = in_files("server");

	through(&listed, &listed);
	through(&client, &server);
	kit_clear();
}

static void storages_of_applications(void **state)
{
	(void)state;
	each_version(storages_of_applications_once);
}

/* Both sides start anew, with the files of before; and once more with other options, which are looked at again. */
static void it_survives_a_restart(void **state)
{
	const struct leat_session_cache_opts client = in_files("c"), server = in_files("s");
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, &client);
	struct leat_config *cfg = client_of(NULL, NULL), *s;
	struct host h;
	uint16_t port;

	(void)state;
	host_start(&h, &server);
	port = h.port;
	assert_false(visit(cfg, &h, cache));
	host_stop(&h);
	leat_session_cache_unref(cache);
	cache = cache_of(LEAT_CLIENT, &client);
	host_start_with(
		&h, ids_draft(LEAT_SERVER, KEY_EC_P256), cache_of(LEAT_SERVER, &server), port);
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	/* T-rn-11: now it wants certificates of clients, which this one never showed */
	s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	assert_int_equal(leat_config_add_trust(s, pki_root_pem(), NULL, &err), LEAT_OK);
	pair_set(s, "verify", "verify_peer");
	host_start_with(&h, s, cache_of(LEAT_SERVER, &server), port);
	assert_false(visit(cfg, &h, cache));
	host_stop(&h);
	/* another certificate */
	host_start_with(&h, ids_draft(LEAT_SERVER, KEY_RSA), cache_of(LEAT_SERVER, &server), port);
	assert_false(visit(cfg, &h, cache));
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	/* memory is gone with the cache */
	host_start_with(&h, ids_draft(LEAT_SERVER, KEY_RSA), cache_of(LEAT_SERVER, NULL), port);
	assert_false(visit(cfg, &h, cache));
	/* and the client does not insist on what the server does not know any more */
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	leat_config_unref(cfg);
	leat_session_cache_unref(cache);
	kit_clear();
}

static struct leat_config *draft_of_file(enum key_kind kind)
{
	const struct pki_ident *i = pki_server(kind);
	const struct leat_span both = pki_join(i->chain_pem, i->key_pem);
	struct leat_files files = { 0 };
	struct leat_config *cfg;
	char path[200];

	snprintf(path, sizeof(path), "%s/cert.pem", kit_dir());
	kit_write(path, both.p, both.n);
	leat_pem_cache_clear();
	files.certfile = path;
	assert_int_equal(leat_config_new(&cfg, LEAT_SERVER, &err), LEAT_OK);
	assert_int_equal(leat_config_use_files(cfg, &files, &err), LEAT_OK);
	return cfg;
}

/* The file of the certificate has another content under the same name. */
static void the_same_name(void **state)
{
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *kept;
	struct host h;
	uint16_t port;

	(void)state;
	host_start_with(&h, draft_of_file(KEY_EC_P256), cache_of(LEAT_SERVER, NULL), 0);
	port = h.port;
	assert_false(visit(cfg, &h, cache));
	kept = host_halt(&h);
	host_start_with(&h, draft_of_file(KEY_EC_P256), kept, port);
	assert_true(visit(cfg, &h, cache));
	kept = host_halt(&h);
	host_start_with(&h, draft_of_file(KEY_RSA), kept, port);
	assert_false(visit(cfg, &h, cache));
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	leat_config_unref(cfg);
	leat_session_cache_unref(cache);
	kit_clear();
}

/* ---- alerts ---- */

/* The server's record is broken on its way: after our alert the session is nobody's any more. */
static void a_fatal_alert(void **state)
{
	struct leat_config *cfg = client_of(NULL, NULL);
	struct leat_session_cache *cache = cache_of(LEAT_CLIENT, NULL);
	const struct leat_client_opts opts = { .host = "localhost", .cache = cache };
	struct leat_conn *c;
	uint8_t b[8];
	size_t got;
	struct host h;

	(void)state;
	host_start(&h, NULL);
	assert_false(visit(cfg, &h, cache));
	assert_true(visit(cfg, &h, cache));
	assert_int_equal(leat_connect_with(&c, cfg, h.port, &opts, MS, &err), LEAT_OK);
	/* what comes next is none of the server's */
	assert_true(bytes_add(&c->pre, "\x17\x03\x03\x00\x20", 5));
	for (int i = 0; i < 4; i++)
		assert_true(bytes_add(&c->pre, "garbage!", 8));
	assert_int_equal(leat_recv(c, b, sizeof(b), MS, &got), LEAT_FAILED);
	assert_int_equal(leat_conn_error(c)->alert, LEAT_ALERT_BAD_RECORD_MAC);
	leat_conn_free(c);
	leat_session_cache_sync(cache);
	assert_false(visit(cfg, &h, cache));
	assert_true(visit(cfg, &h, cache));
	host_stop(&h);
	leat_config_unref(cfg);
	leat_session_cache_unref(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reuse),
		cmocka_unit_test(by_the_process),
		cmocka_unit_test(expired),
		cmocka_unit_test(cleaned_up),
		cmocka_unit_test(what_is_picked),
		cmocka_unit_test(a_certain_one),
		cmocka_unit_test(unique),
		cmocka_unit_test(bounds),
		cmocka_unit_test(cut_in_the_first_handshake),
		cmocka_unit_test(ten_tries),
		cmocka_unit_test(storages_of_applications),
		cmocka_unit_test(it_survives_a_restart),
		cmocka_unit_test(the_same_name),
		cmocka_unit_test(a_fatal_alert),
	};
	int r;

	conn_use(NULL, &duo_env); /* certificates of tests are of another time */
	r = cmocka_run_group_tests(tests, NULL, NULL);
	conn_use(NULL, NULL);
	kit_clear();
	pki_done();
	return r;
}

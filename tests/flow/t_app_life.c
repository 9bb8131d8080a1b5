/* SPDX-License-Identifier: Apache-2.0
 *
 * t_app_life.c - leat_app_start and leat_app_stop: the process's session caches by the settings, and the end of
 * listeners and connections that other threads use.
 */
#include "link.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <leat/app.h>

#include "duo.h"
#include "pair.h"
#include "pki.h"

static void starts(const struct leat_app_opts *o)
{
	struct leat_err err = { 0 };
	char text[300];

	if (leat_app_start(o, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
}

static int teardown(void **state)
{
	static const char *const names[] = { "session_cache_client_max", "session_lifetime",
		"session_delay_cleanup_time", "session_cache_server_max" };
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(leat_app_set(names[i], "", &err), LEAT_OK);
	leat_app_stop(0);
	starts(NULL);
	return 0;
}

static void types(void **state)
{
	static const enum leat_start_type type[] = { LEAT_TEMPORARY, LEAT_TRANSIENT,
		LEAT_PERMANENT };
	struct leat_app_opts o = { .type = (enum leat_start_type)7 };
	struct leat_err err = { 0 };

	(void)state;
	leat_app_stop(0);
	assert_int_equal(leat_app_start(&o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	err = (struct leat_err){ 0 };
	for (size_t i = 0; i < 3; i++) {
		o.type = type[i];
		starts(&o);
		/* twice is a mistake, and changes nothing */
		assert_int_equal(leat_app_start(&o, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_MISUSE);
		err = (struct leat_err){ 0 };
		for (int role = 0; role < 2; role++) {
			struct leat_session_cache *c = leat_session_caches_get(
				(enum leat_role)role);

			assert_non_null(c);
			leat_session_cache_unref(c);
		}
		leat_app_stop(0);
		leat_app_stop(0);
		assert_null(leat_session_caches_get(LEAT_CLIENT));
	}
}

/* A bad variable: nothing is started, and the error names it. */
static void environment(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	leat_app_stop(0);
	setenv("LEAT_SESSION_CACHE_CLIENT_MAX", "many", 1);
	assert_int_equal(leat_app_start(NULL, &err), LEAT_FAILED);
	assert_string_equal(err.option, "LEAT_SESSION_CACHE_CLIENT_MAX");
	assert_null(leat_session_caches_get(LEAT_CLIENT));
	unsetenv("LEAT_SESSION_CACHE_CLIENT_MAX");
}

/* ---- session_cb: the application's storage, its arguments, and the limits ---------------------------------- */

/* What was called of a storage that keeps nothing. */
static struct storage {
	unsigned inits[2], ends;
	bool saw_arg;
} storage;

static enum leat_ret store_init(
	void **cache, void *user, const struct leat_cache_arg *args, size_t num_args)
{
	bool server = strcmp(args[0].value, "server") == 0;

	if (strcmp(args[0].name, "role") != 0)
		return LEAT_FAILED;
	storage.inits[server]++;
	storage.saw_arg = num_args == 2 && strcmp(args[1].name, "file") == 0 &&
			  strcmp(args[1].value, "x.db") == 0;
	*cache = user;
	return LEAT_OK;
}

static void store_terminate(void *cache)
{
	((struct storage *)cache)->ends++;
}

static struct leat_session *store_lookup(void *cache, const struct leat_cache_key *key)
{
	(void)cache;
	(void)key;
	return NULL;
}

static void store_update(void *cache, const struct leat_cache_key *key, struct leat_session *s)
{
	(void)cache;
	(void)key;
	(void)s;
}

static void store_remove(void *cache, const struct leat_cache_key *key)
{
	(void)cache;
	(void)key;
}

static void *store_foldl(void *cache, leat_cache_fold_fn *fn, void *acc)
{
	(void)cache;
	(void)fn;
	return acc;
}

static size_t store_select(
	void *cache, struct leat_span partial, struct leat_session **out, size_t max)
{
	(void)cache;
	(void)partial;
	(void)out;
	(void)max;
	return 0;
}

/* REQ: ENV-session_cb ENV-session_cb_init_args */
static void own_storage(void **state)
{
	static const struct leat_cache_ops ops = { .init = store_init,
		.terminate = store_terminate,
		.lookup = store_lookup,
		.update = store_update,
		.remove = store_remove,
		.foldl = store_foldl,
		.select_session = store_select };
	static const struct leat_cache_arg args[] = { { "file", "x.db" } };
	const struct leat_app_opts o = { .session_cb = &ops,
		.session_cb_user = &storage,
		.session_cb_init_args = args,
		.num_init_args = 1 };

	(void)state;
	leat_app_stop(0);
	starts(&o);
	assert_int_equal(storage.inits[0], 1);
	assert_int_equal(storage.inits[1], 1);
	assert_true(storage.saw_arg);
	leat_app_stop(0);
	assert_int_equal(storage.ends, 2);
}

static void put(struct leat_session_cache *c, struct leat_session *s, const char *name)
{
	leat_session_cache_put(c, (struct leat_span){ (const uint8_t *)name, strlen(name) }, s);
	leat_session_cache_sync(c);
}

/* As many as the settings say, also when they change while the caches run; then all of them end, and are deleted after
 * the delay. REQ: ENV-session_cache_client_max ENV-session_cache_server_max ENV-session_cache-overflow
 * REQ: ENV-session_delay_cleanup_time TIM-cache-1000 */
static void limits(void **state)
{
	static const char *const names[] = { "session_cache_client_max",
		"session_cache_server_max" };
	struct leat_config *cfg[2];
	struct leat_session *s;
	struct leat_err err = { 0 };
	char initial[20];

	(void)state;
	pair_configs12(&cfg[0], &cfg[1], "stateless", "tlsv1.2");
	s = pair_session12(cfg[0], cfg[1]);
	for (int role = 0; role < 2; role++) {
		struct leat_session_cache *c;

		leat_app_stop(0);
		assert_int_equal(
			leat_app_get(names[role], initial, sizeof(initial), &err), LEAT_OK);
		assert_string_equal(initial, "1000");
		assert_int_equal(leat_app_set(names[role], "2", &err), LEAT_OK);
		assert_int_equal(leat_app_set("session_delay_cleanup_time", "1", &err), LEAT_OK);
		starts(NULL);
		c = leat_session_caches_get((enum leat_role)role);
		put(c, s, "a");
		put(c, s, "b");
		assert_int_equal(leat_session_cache_size(c), 2);
		put(c, s, "c");
		for (int i = 0; i < 1000 && leat_session_cache_size(c) > 0; i++) {
			usleep(2000);
			leat_session_cache_sync(c);
		}
		assert_int_equal(leat_session_cache_size(c), 0);
		assert_int_equal(leat_app_set(names[role], "3", &err), LEAT_OK);
		put(c, s, "a");
		put(c, s, "b");
		put(c, s, "c");
		assert_int_equal(leat_session_cache_size(c), 3);
		leat_session_cache_unref(c);
		assert_int_equal(leat_app_set(names[role], "", &err), LEAT_OK);
	}
	leat_session_unref(s);
	for (int i = 0; i < 2; i++)
		leat_config_unref(cfg[i]);
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

struct waiting {
	struct leat_listener *l;
	struct leat_conn *c;
	enum leat_err_class cls;
};

static void *accept_until_stopped(void *arg)
{
	struct waiting *w = arg;
	struct leat_err err = { 0 };
	struct leat_conn *c;

	if (leat_accept(w->l, &c, LEAT_INFINITY, &err) == LEAT_FAILED)
		w->cls = err.cls;
	return NULL;
}

static void *receive_until_stopped(void *arg)
{
	struct waiting *w = arg;
	char b[10];
	size_t got;

	if (leat_recv(w->c, b, sizeof(b), LEAT_INFINITY, &got) == LEAT_FAILED)
		w->cls = leat_conn_error(w->c)->cls;
	return NULL;
}

static void nothing_new_begins(struct leat_config *const cfg[2])
{
	struct leat_err err = { 0 };
	struct leat_listener *l;
	struct leat_conn *c;

	assert_int_equal(leat_listen(&l, cfg[LEAT_SERVER], "127.0.0.1", 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_connect(&c, cfg[LEAT_CLIENT], "localhost", 1, LINK_MS, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_non_null(strstr(err.what, "leat_app_start"));
}

/* Threads that wait find out; sessions and files are forgotten; afterwards it can be started again.
 * REQ: API-stop API-start-0 API-start-1 */
static void everything_ends(void **state)
{
	struct link_opts o = { 0 };
	struct waiting a = { .cls = LEAT_E_NONE }, b = { .cls = LEAT_E_NONE };
	struct leat_pem_cache_info info;
	struct leat_err err = { 0 };
	pthread_t t[2];
	struct link l;

	(void)state;
	link_open(&l, &o);
	assert_int_equal(leat_listen(&a.l, l.cfg[LEAT_SERVER], "127.0.0.1", 0, &err), LEAT_OK);
	b.c = l.c[LEAT_SERVER];
	assert_int_equal(pthread_create(&t[0], NULL, accept_until_stopped, &a), 0);
	assert_int_equal(pthread_create(&t[1], NULL, receive_until_stopped, &b), 0);
	usleep(20000);
	leat_app_stop(10);
	assert_int_equal(pthread_join(t[0], NULL), 0);
	assert_int_equal(pthread_join(t[1], NULL), 0);
	assert_int_equal(a.cls, LEAT_E_CLOSED);
	assert_int_equal(b.cls, LEAT_E_CLOSED);
	assert_null(leat_session_caches_get(LEAT_SERVER));
	leat_pem_cache_info(&info);
	assert_int_equal(info.files, 0);
	nothing_new_begins(l.cfg);
	leat_listener_close(a.l);
	link_close(&l);
	starts(NULL);
	link_open(&l, &o);
	link_say(&l, LEAT_CLIENT, "again", 5);
	link_close(&l);
}

static void *close_soon(void *arg)
{
	struct link *l = arg;

	usleep(50000);
	link_close(l);
	return NULL;
}

/* Owners have the time to close in order, and no longer is waited than they take. */
static void owners_have_time(void **state)
{
	struct link_opts o = { 0 };
	int64_t begun = sys_real.now_ms();
	pthread_t t;
	struct link l;

	(void)state;
	link_open(&l, &o);
	assert_int_equal(pthread_create(&t, NULL, close_soon, &l), 0);
	leat_app_stop(LINK_MS);
	assert_in_range(sys_real.now_ms() - begun, 40, LINK_MS / 2);
	assert_int_equal(pthread_join(t, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(types, teardown),
		cmocka_unit_test_teardown(environment, teardown),
		cmocka_unit_test_teardown(own_storage, teardown),
		cmocka_unit_test_teardown(limits, teardown),
		cmocka_unit_test_teardown(everything_ends, teardown),
		cmocka_unit_test_teardown(owners_have_time, teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	leat_app_stop(0);
	pki_done();
	vec_free_all();
	return r;
}

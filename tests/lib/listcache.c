/* SPDX-License-Identifier: Apache-2.0
 *
 * listcache.c - see listcache.h.
 */
#include "listcache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listcache_calls listcache_calls;

void listcache_reset(void)
{
	memset(&listcache_calls, 0, sizeof(listcache_calls));
}

struct element {
	struct element *next;
	struct leat_session *s;
	size_t partial_n, id_n;
	uint8_t b[LEAT_CACHE_PARTIAL_MAX + LEAT_CACHE_ID_MAX];
};

struct storage {
	pthread_t thread; /* that called init */
	pthread_mutex_t lock;
	struct element *first;
	const char *folder; /* NULL: the list */
};

static void expect_own_thread(const struct storage *l)
{
	if (!pthread_equal(l->thread, pthread_self()))
		listcache_calls.elsewhere++;
}

/* ---- both ---- */

static enum leat_ret init(void **cache, void *user, const struct leat_cache_arg *args, size_t num)
{
	struct storage *l = calloc(1, sizeof(*l));
	char *at = listcache_calls.args;

	listcache_calls.init++;
	for (size_t i = 0; i < num; i++)
		at += snprintf(at, 60, "%s=%s ", args[i].name, args[i].value);
	if (!l || listcache_calls.refuses) {
		free(l);
		return LEAT_FAILED;
	}
	l->thread = pthread_self();
	l->folder = user;
	pthread_mutex_init(&l->lock, NULL);
	*cache = l;
	return LEAT_OK;
}

static void terminate(void *cache)
{
	struct storage *l = cache;
	struct element *e;

	listcache_calls.terminate++;
	expect_own_thread(l);
	while ((e = l->first)) {
		l->first = e->next;
		leat_session_unref(e->s);
		free(e);
	}
	free(l);
}

/* ---- the list ---- */

static bool is(struct leat_span s, const uint8_t *p, size_t n)
{
	return s.n == n && memcmp(s.p, p, n) == 0;
}

static struct element **find(struct storage *l, const struct leat_cache_key *key)
{
	struct element **at = &l->first;

	while (*at && !(is(key->partial, (*at)->b, (*at)->partial_n) &&
			      is(key->id, (*at)->b + (*at)->partial_n, (*at)->id_n)))
		at = &(*at)->next;
	return at;
}

static struct leat_session *list_lookup(void *cache, const struct leat_cache_key *key)
{
	struct storage *l = cache;
	struct element *e;
	struct leat_session *s;

	listcache_calls.lookup++;
	pthread_mutex_lock(&l->lock);
	e = *find(l, key);
	s = e ? leat_session_ref(e->s) : NULL;
	pthread_mutex_unlock(&l->lock);
	return s;
}

static void list_update(void *cache, const struct leat_cache_key *key, struct leat_session *s)
{
	struct storage *l = cache;
	struct element **at;

	listcache_calls.update++;
	expect_own_thread(l);
	pthread_mutex_lock(&l->lock);
	at = find(l, key);
	if (!*at && (*at = calloc(1, sizeof(**at)))) {
		(*at)->partial_n = key->partial.n;
		(*at)->id_n = key->id.n;
		memcpy((*at)->b, key->partial.p, key->partial.n);
		memcpy((*at)->b + key->partial.n, key->id.p, key->id.n);
	}
	if (*at) {
		leat_session_unref((*at)->s);
		(*at)->s = leat_session_ref(s);
	}
	pthread_mutex_unlock(&l->lock);
}

static void list_remove(void *cache, const struct leat_cache_key *key)
{
	struct storage *l = cache;
	struct element **at, *e;

	listcache_calls.remove++;
	expect_own_thread(l);
	pthread_mutex_lock(&l->lock);
	at = find(l, key);
	if ((e = *at)) {
		*at = e->next;
		leat_session_unref(e->s);
		free(e);
	}
	pthread_mutex_unlock(&l->lock);
}

static void *list_foldl(void *cache, leat_cache_fold_fn *fn, void *acc)
{
	struct storage *l = cache;

	listcache_calls.foldl++;
	expect_own_thread(l);
	for (struct element *e = l->first; e; e = e->next) {
		const struct leat_cache_key key = { { e->b, e->partial_n },
			{ e->b + e->partial_n, e->id_n } };

		acc = fn(&key, e->s, acc);
	}
	return acc;
}

static size_t list_select(
	void *cache, struct leat_span partial, struct leat_session **out, size_t max)
{
	struct storage *l = cache;
	size_t n = 0;

	listcache_calls.select++;
	pthread_mutex_lock(&l->lock);
	for (struct element *e = l->first; e && n < max; e = e->next)
		if (is(partial, e->b, e->partial_n))
			out[n++] = leat_session_ref(e->s);
	pthread_mutex_unlock(&l->lock);
	return n;
}

static size_t list_size(void *cache)
{
	struct storage *l = cache;
	size_t n = 0;

	listcache_calls.size++;
	pthread_mutex_lock(&l->lock);
	for (struct element *e = l->first; e; e = e->next)
		n++;
	pthread_mutex_unlock(&l->lock);
	return n;
}

const struct leat_cache_ops listcache_ops = {
	.init = init,
	.terminate = terminate,
	.lookup = list_lookup,
	.update = list_update,
	.remove = list_remove,
	.foldl = list_foldl,
	.select_session = list_select,
	.size = list_size,
};

/* ---- files ---- */

#define NAME_MAX_LEN (2 * (LEAT_CACHE_PARTIAL_MAX + LEAT_CACHE_ID_MAX) + 2)

static void hex(char *out, struct leat_span s)
{
	*out = '\0';
	for (size_t i = 0; i < s.n; i++)
		snprintf(out + 2 * i, 3, "%02x", s.p[i]);
}

#define PATH_LEN (NAME_MAX_LEN + 200)

static void path_of(const struct storage *l, const struct leat_cache_key *key, char out[PATH_LEN])
{
	char partial[2 * LEAT_CACHE_PARTIAL_MAX + 1], id[2 * LEAT_CACHE_ID_MAX + 1];

	hex(partial, key->partial);
	hex(id, key->id);
	snprintf(out, PATH_LEN, "%.150s/%s-%s", l->folder, partial, id);
}

static struct leat_session *load(const char *path)
{
	struct leat_session *s = NULL;
	struct leat_err err = { 0 };
	uint8_t b[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, b, sizeof(b));

	if (fd >= 0)
		close(fd);
	if (n <= 0 || leat_session_parse(&s, (struct leat_span){ b, (size_t)n }, &err) != LEAT_OK)
		return NULL;
	return s;
}

static struct leat_session *file_lookup(void *cache, const struct leat_cache_key *key)
{
	char path[PATH_LEN];

	listcache_calls.lookup++;
	path_of(cache, key, path);
	return load(path);
}

/* Whole or not at all, whenever the process dies. */
static void file_update(void *cache, const struct leat_cache_key *key, struct leat_session *s)
{
	char path[PATH_LEN], next[PATH_LEN + 4];
	uint8_t b[4096];
	size_t n;
	int fd;

	listcache_calls.update++;
	expect_own_thread(cache);
	path_of(cache, key, path);
	snprintf(next, sizeof(next), "%s.new", path);
	if (leat_session_serialise(s, b, sizeof(b), &n) != LEAT_OK)
		return;
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, b, n) == (ssize_t)n)
		(void)!rename(next, path);
	close(fd);
}

static void file_remove(void *cache, const struct leat_cache_key *key)
{
	char path[PATH_LEN];

	listcache_calls.remove++;
	expect_own_thread(cache);
	path_of(cache, key, path);
	(void)unlink(path);
}

static size_t unhex(const char *text, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n / 2; i++)
		out[i] = (uint8_t)strtoul((char[]){ text[2 * i], text[2 * i + 1], 0 }, NULL, 16);
	return n / 2;
}

/* fn for each file, until it says no. */
static void each(const struct storage *l,
	bool (*fn)(const struct leat_cache_key *key, struct leat_session *s, void *arg), void *arg)
{
	DIR *d = opendir(l->folder);
	struct dirent *e;
	bool on = true;

	while (d && on && (e = readdir(d))) {
		const char *dash = strchr(e->d_name, '-');
		uint8_t b[NAME_MAX_LEN / 2];
		char path[PATH_LEN];
		struct leat_cache_key key;
		struct leat_session *s;
		size_t n;

		if (!dash || strchr(e->d_name, '.'))
			continue;
		n = unhex(e->d_name, (size_t)(dash - e->d_name), b);
		key.partial = (struct leat_span){ b, n };
		key.id = (struct leat_span){ b + n, unhex(dash + 1, strlen(dash + 1), b + n) };
		path_of(l, &key, path);
		if ((s = load(path)))
			on = fn(&key, s, arg);
		leat_session_unref(s);
	}
	if (d)
		closedir(d);
}

struct folding {
	leat_cache_fold_fn *fn;
	void *acc;
};

static bool fold_one(const struct leat_cache_key *key, struct leat_session *s, void *arg)
{
	struct folding *f = arg;

	f->acc = f->fn(key, s, f->acc);
	return true;
}

static void *file_foldl(void *cache, leat_cache_fold_fn *fn, void *acc)
{
	struct folding f = { fn, acc };

	listcache_calls.foldl++;
	expect_own_thread(cache);
	each(cache, fold_one, &f);
	return f.acc;
}

struct selection {
	struct leat_span partial;
	struct leat_session **out;
	size_t n, max;
};

static bool select_one(const struct leat_cache_key *key, struct leat_session *s, void *arg)
{
	struct selection *sel = arg;

	if (is(key->partial, sel->partial.p, sel->partial.n))
		sel->out[sel->n++] = leat_session_ref(s);
	return sel->n < sel->max;
}

static size_t file_select(
	void *cache, struct leat_span partial, struct leat_session **out, size_t max)
{
	struct selection sel = { partial, out, 0, max };

	listcache_calls.select++;
	each(cache, select_one, &sel);
	return sel.n;
}

/* No size: how many files there are is nobody's business. */
const struct leat_cache_ops filecache_ops = {
	.init = init,
	.terminate = terminate,
	.lookup = file_lookup,
	.update = file_update,
	.remove = file_remove,
	.foldl = file_foldl,
	.select_session = file_select,
};

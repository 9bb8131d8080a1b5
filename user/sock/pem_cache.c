/* SPDX-License-Identifier: Apache-2.0
 *
 * pem_cache.c - see pem_cache.h. One lock around the lists; files are read and anchors are made outside of it, so
 * two threads may do the same work once and the second then takes what the first has entered.
 */
#include "sock/pem_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/app.h>

#include "base/err.h"
#include "base/mem.h"
#include "ktls/sys.h"
#include "sock/anchors.h"
#include "sock/app.h"

#define BUCKETS 64

struct pem_entry {
	atomic_uint refs; /* the list's is one of them */
	struct pem_entry *next;
	bool listed;
	struct stat st; /* of the file when it was opened */
	struct leat_wr text;
	char path[];
};

/* Anchors that configs share. Its entry may be gone while configs still have them. */
struct trust_set {
	struct trust_set *next;
	struct pem_entry *entry; /* NULL: nobody else gets it */
	struct store *store;
	int64_t unused_ms; /* since when no config has it; 0: one has */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pem_entry *bucket[BUCKETS];
static size_t num_files;
static struct trust_set *sets;
static int64_t validated_ms;
static int64_t (*use_now_ms)(void);
static void (*use_before_open)(const char *path);

void pem_cache_use(int64_t (*now_ms)(void), void (*before_open)(const char *path))
{
	use_now_ms = now_ms;
	use_before_open = before_open;
}

static int64_t now_ms(void)
{
	return use_now_ms ? use_now_ms() : sys_real.now_ms();
}

/* ---- entries ----------------------------------------------------------------------------------- */

static struct pem_entry **place_of(const char *path)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *p = path; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	return &bucket[h % BUCKETS];
}

static void entry_unref(struct pem_entry *e)
{
	if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
		return;
	leat_wr_clear(&e->text);
	leat_free(e);
}

static struct pem_entry *entry_ref(struct pem_entry *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

static struct pem_entry *find(const char *path)
{
	struct pem_entry *e = *place_of(path);

	while (e && strcmp(e->path, path) != 0)
		e = e->next;
	return e;
}

/* Takes *at out of its list. */
static void unlist(struct pem_entry **at)
{
	struct pem_entry *e = *at;

	for (struct trust_set *t = sets; t; t = t->next)
		if (t->entry == e)
			t->entry = NULL;
	*at = e->next;
	e->listed = false;
	num_files--;
	entry_unref(e);
}

/* Unlists every entry that go says yes to. */
static void unlist_if(bool (*go)(const struct pem_entry *e))
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct pem_entry **at = &bucket[i]; *at;)
			if (go(*at))
				unlist(at);
			else
				at = &(*at)->next;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_stale(const struct pem_entry *e)
{
	const struct stat *was = &e->st;
	struct stat now;

	return stat(e->path, &now) != 0 || now.st_dev != was->st_dev || now.st_ino != was->st_ino ||
	       now.st_size != was->st_size || !same_time(now.st_mtim, was->st_mtim);
}

static bool is_any(const struct pem_entry *e)
{
	(void)e;
	return true;
}

/* Frees sets that were unused long enough. */
static void sweep_sets(int64_t now)
{
	for (struct trust_set **at = &sets; *at;) {
		struct trust_set *t = *at;

		if (store_is_shared(t->store))
			t->unused_ms = 0;
		else if (t->unused_ms == 0)
			t->unused_ms = now;
		if (t->unused_ms && now - t->unused_ms >= PEM_CACHE_TRUST_MS) {
			*at = t->next;
			store_unref(t->store);
			leat_free(t);
		} else {
			at = &t->next;
		}
	}
}

/* What is due; with the lock held, before every use of the lists. */
static void tidy(void)
{
	int64_t now = now_ms();

	sweep_sets(now);
	if (now - validated_ms < (int64_t)app_number(APP_PEM_CACHE_CLEAN))
		return;
	validated_ms = now;
	unlist_if(is_stale);
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* A new entry with one reference and nothing in it. */
static struct pem_entry *new_entry(const char *path)
{
	size_t n = strlen(path) + 1;
	struct pem_entry *e = leat_zalloc(sizeof(*e) + n);

	if (e) {
		atomic_init(&e->refs, 1);
		memcpy(e->path, path, n);
	}
	return e;
}

/* Reads path into a new entry that is in no list; real: its path for the list. */
static enum leat_ret read_file(const char *option, const char *path, const char *real,
	struct pem_entry **out, struct leat_err *err)
{
	struct pem_entry *e = new_entry(real ? real : "");
	enum leat_ret ret;
	int fd;

	if (!e)
		return err_memory(err);
	if (use_before_open)
		use_before_open(path);
	ret = anchors_open(option, path, &fd, err);
	if (ret == LEAT_OK) {
		/* Before the first byte is read: what is written later makes another time of change. */
		if (fstat(fd, &e->st) != 0)
			e->st = (struct stat){ 0 };
		ret = anchors_read_fd(fd, option, path, &e->text, err);
		close(fd);
	}
	if (ret != LEAT_OK) {
		entry_unref(e);
		return ret;
	}
	*out = e;
	return LEAT_OK;
}

/* Enters e, or takes what another thread has entered meanwhile in its place. */
static struct pem_entry *enter(struct pem_entry *e)
{
	struct pem_entry *other, **place = place_of(e->path);

	pthread_mutex_lock(&lock);
	other = find(e->path);
	if (other) {
		entry_ref(other);
	} else if (num_files < PEM_CACHE_FILES) {
		if (num_files == 0)
			validated_ms = now_ms();
		e->next = *place;
		*place = entry_ref(e);
		e->listed = true;
		num_files++;
	}
	pthread_mutex_unlock(&lock);
	if (other)
		entry_unref(e);
	return other ? other : e;
}

static struct pem_entry *find_ref(const char *real)
{
	struct pem_entry *e;

	pthread_mutex_lock(&lock);
	tidy();
	e = find(real);
	if (e)
		entry_ref(e);
	pthread_mutex_unlock(&lock);
	return e;
}

enum leat_ret pem_cache_read(
	const char *option, const char *path, struct pem_file *out, struct leat_err *err)
{
	bool bypass = app_number(APP_BYPASS_PEM_CACHE) != 0;
	char *real = bypass ? NULL : realpath(path, NULL);
	struct pem_entry *e = real ? find_ref(real) : NULL;
	enum leat_ret ret = LEAT_OK;

	*out = (struct pem_file){ .was_cached = e != NULL };
	if (!e)
		ret = read_file(option, path, real, &e, err);
	/* Not what was changed, or went from behind its link, while it was read. */
	if (ret == LEAT_OK && !out->was_cached && real && S_ISREG(e->st.st_mode) && !is_stale(e))
		e = enter(e);
	free(real); /* lint: allow memory (libc allocated it) */
	if (ret != LEAT_OK)
		return ret;
	out->entry = e;
	out->text = leat_wr_done(&e->text);
	return LEAT_OK;
}

void pem_file_clear(struct pem_file *f)
{
	entry_unref(f->entry);
	*f = (struct pem_file){ 0 };
}

void pem_cache_forget(const struct pem_file *f)
{
	struct pem_entry **at;

	if (!f->entry)
		return;
	pthread_mutex_lock(&lock);
	for (at = place_of(f->entry->path); *at && *at != f->entry;)
		at = &(*at)->next;
	if (*at)
		unlist(at);
	pthread_mutex_unlock(&lock);
}

/* ---- anchors ----------------------------------------------------------------------------------- */

static struct trust_set *set_of(const struct pem_entry *e)
{
	struct trust_set *t = sets;

	while (t && t->entry != e)
		t = t->next;
	return t;
}

struct store *pem_cache_trust(const struct pem_file *f)
{
	struct trust_set *t;
	struct store *s;

	pthread_mutex_lock(&lock);
	t = set_of(f->entry);
	s = t ? store_ref(t->store) : NULL;
	pthread_mutex_unlock(&lock);
	return s;
}

enum leat_ret pem_cache_share_trust(const struct pem_file *f, struct store *s, struct leat_err *err)
{
	struct trust_set *t = leat_zalloc(sizeof(*t));

	if (!t)
		return err_memory(err);
	pthread_mutex_lock(&lock);
	if (f->entry->listed && !set_of(f->entry)) {
		*t = (struct trust_set){ sets, f->entry, store_ref(s), 0 };
		sets = t;
		t = NULL;
	}
	pthread_mutex_unlock(&lock);
	leat_free(t);
	return LEAT_OK;
}

/* ---- public ------------------------------------------------------------------------------------ */

void leat_pem_cache_clear(void)
{
	pthread_mutex_lock(&lock);
	sweep_sets(now_ms());
	unlist_if(is_any);
	pthread_mutex_unlock(&lock);
	anchors_forget_system();
}

void leat_pem_cache_info(struct leat_pem_cache_info *out)
{
	pthread_mutex_lock(&lock);
	tidy();
	*out = (struct leat_pem_cache_info){ .files = num_files };
	for (struct trust_set *t = sets; t; t = t->next)
		out->trust_sets++;
	pthread_mutex_unlock(&lock);
}

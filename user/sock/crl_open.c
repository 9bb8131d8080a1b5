/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_open.c - CRL caches of a process: the shared internal one, CRLs from files, and caches by their name in
 * text, as an operator writes it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <leat/crl.h>

#include "base/mem.h"
#include "sock/anchors.h"

/* ---- the internal cache ---- */

static void enter(void *arg)
{
	pthread_mutex_lock(arg);
}

static void leave(void *arg)
{
	pthread_mutex_unlock(arg);
}

/* One lock for all caches in memory: it is held while a short row is walked. */
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static enum leat_ret make_cache(struct leat_crl_cache **out, struct leat_err *err)
{
	const struct leat_lock lock = { enter, leave, &memory_lock };

	return leat_crl_cache_mem_new(out, &lock, err);
}

struct leat_crl_cache *leat_crl_cache_internal(void)
{
	static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
	static struct leat_crl_cache *cache; /* for the life of the process */
	struct leat_crl_cache *ours = NULL;
	struct leat_err err = { 0 };

	pthread_mutex_lock(&making);
	if (cache || make_cache(&cache, &err) == LEAT_OK)
		ours = leat_crl_cache_ref(cache);
	pthread_mutex_unlock(&making);
	return ours;
}

/* ---- files ---- */

enum leat_ret leat_crl_insert_file(struct leat_crl_cache *c, const char *uri, const char *path,
	size_t *added, struct leat_err *err)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr text = { 0 };

	if (added)
		*added = 0;
	if (anchors_read("crl_cache", path, &text, err) != LEAT_OK)
		return LEAT_FAILED;
	if (leat_crl_insert_pem(c, uri, leat_wr_done(&text), added, err) == LEAT_OK)
		return LEAT_OK;
	/* of a URI that was refused the file is innocent */
	return err->detail[0] ? LEAT_FAILED : anchors_blame_file(err, "crl_cache", path);
}

enum leat_ret leat_crl_delete_file(struct leat_crl_cache *c, const char *path, struct leat_err *err)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr text = { 0 };

	if (anchors_read("crl_cache", path, &text, err) != LEAT_OK)
		return LEAT_FAILED;
	return leat_crl_delete_pem(c, leat_wr_done(&text), err) == LEAT_OK
		       ? LEAT_OK
		       : anchors_blame_file(err, "crl_cache", path);
}

/* ---- by name ---- */

static enum leat_ret open_file(struct leat_crl_cache **out, const char *path, struct leat_err *err)
{
	if (make_cache(out, err) != LEAT_OK)
		return LEAT_FAILED;
	if (leat_crl_insert_file(*out, NULL, path, NULL, err) == LEAT_OK)
		return LEAT_OK;
	leat_crl_cache_unref(*out);
	*out = NULL;
	return LEAT_FAILED;
}

static enum leat_ret open_base(struct leat_crl_cache **out, const char *text, struct leat_err *err)
{
	if (strncmp(text, "file:", 5) == 0)
		return open_file(out, text + 5, err);
	if (strncmp(text, "dir:", 4) == 0)
		return leat_crl_cache_dir_new(out, text + 4, err);
	if (strcmp(text, "internal") != 0)
		return err_option(err, "crl_cache", text,
			"not internal, file:PATH or dir:PATH, perhaps with ,http=MS behind");
	*out = leat_crl_cache_internal();
	return *out ? LEAT_OK : err_memory(err);
}

/* Where ",http=" begins, if that is what text ends with. */
static char *find_http(char *text)
{
	char *at = strrchr(text, ',');

	return at && strncmp(at, ",http=", 6) == 0 ? at : NULL;
}

static enum leat_ret add_http(
	struct leat_crl_cache **cache, const char *number, struct leat_err *err)
{
	struct leat_crl_cache *base = *cache;
	unsigned long ms;
	enum leat_ret r;
	char *end;

	ms = strtoul(number, &end, 10);
	if (number[0] < '0' || number[0] > '9' || *end != '\0' || ms > UINT32_MAX)
		ms = 0; /* refused below */
	r = leat_crl_cache_http_new(cache, base, (uint32_t)ms, err);
	leat_crl_cache_unref(base);
	return r;
}

static enum leat_ret open_parts(struct leat_crl_cache **out, char *text, struct leat_err *err)
{
	char *http = find_http(text);

	if (http && strncmp(text, "dir:", 4) == 0)
		return err_option(err, "crl_cache", text, "a folder is read, nothing is fetched");
	if (http)
		*http = '\0';
	if (open_base(out, text, err) != LEAT_OK)
		return LEAT_FAILED;
	return http ? add_http(out, http + 6, err) : LEAT_OK;
}

enum leat_ret leat_crl_cache_open(
	struct leat_crl_cache **out, const char *text, struct leat_err *err)
{
	char *copy = leat_strdup(text);
	enum leat_ret r;

	*out = NULL;
	if (!copy)
		return err_memory(err);
	r = open_parts(out, copy, err);
	leat_free(copy);
	return r;
}

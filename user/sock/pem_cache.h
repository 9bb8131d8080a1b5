/* SPDX-License-Identifier: Apache-2.0
 *
 * pem_cache.h - files with certificates, keys and anchors, kept in memory so that many configs can name
 * them: the text of each, and the trust anchors that were made of it. One for the process; any thread.
 * sock/anchors asks it; what texts mean is x509/'s affair.
 *
 * An entry is a path without links and dots, so every way to write a path leads to one entry and a hard
 * link to another. It is used without a look at the file until the next validation (setting
 * ssl_pem_cache_clean), which drops what is no longer the file that was read, or until it is cleared. There is no
 * thread: the first call after that time validates. Only regular files are kept. Texts are wiped when they go.
 */
#ifndef LEAT_SOCK_PEM_CACHE_H
#define LEAT_SOCK_PEM_CACHE_H

#include "x509/store.h"

/* More files than this are read each time. */
#define PEM_CACHE_FILES 1024
/* How long anchors that no config uses any more wait for the next one. */
#define PEM_CACHE_TRUST_MS 500

/* A file that was read. Zero is none. */
struct pem_file {
	struct leat_span text; /* as long as this is not cleared, whatever becomes of the cache */
	struct pem_entry *entry;
	bool was_cached; /* the file itself was not looked at */
};

/* option is static text: which file this is meant to be. Errors are those of anchors_read. */
LEAT_MUST_CHECK enum leat_ret pem_cache_read(
	const char *option, const char *path, struct pem_file *out, struct leat_err *err);
/* The text is no good: whoever asks next gets what the file holds then. */
void pem_cache_forget(const struct pem_file *f);
void pem_file_clear(struct pem_file *f);

/* The anchors that were made of this text before, a reference for the caller; NULL: none. */
struct store *pem_cache_trust(const struct pem_file *f);
/* Others may have s, made of this text, from now on: it must not be changed any more. */
LEAT_MUST_CHECK enum leat_ret pem_cache_share_trust(
	const struct pem_file *f, struct store *s, struct leat_err *err);

/* Tests: another clock, and what happens between the look at a path and its opening. NULL: as it is. */
void pem_cache_use(int64_t (*now_ms)(void), void (*before_open)(const char *path));

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * anchors.h - from files to memory: trust anchors, certificate chains, keys, the system's trust. The
 * only place that opens them; what the bytes mean is x509/'s affair. The public functions that need
 * files (leat_config_use_files, leat_config_use_system_trust) are here too. May block on the disk.
 *
 * Errors are LEAT_E_FILE: option says which file was meant, detail is its path, sys the errno.
 */
#ifndef LEAT_SOCK_ANCHORS_H
#define LEAT_SOCK_ANCHORS_H

#include "base/wr.h"
#include "config/config.h"

/* Nothing that is read here is larger; a path by mistake should not eat the memory. */
#define ANCHORS_FILE_MAX (16u * 1024 * 1024)

/* Appends the whole file to *out (start from zero state; leat_wr_clear wipes it, on failure too).
 * option is static text: which file this is meant to be. */
LEAT_MUST_CHECK enum leat_ret anchors_read(
	const char *option, const char *path, struct leat_wr *out, struct leat_err *err);
/* The two halves of it. fd is the caller's. */
LEAT_MUST_CHECK enum leat_ret anchors_open(
	const char *option, const char *path, int *fd, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret anchors_read_fd(
	int fd, const char *option, const char *path, struct leat_wr *out, struct leat_err *err);

/* LEAT_E_FILE about path. */
enum leat_ret anchors_refuse(
	struct leat_err *err, const char *option, const char *path, int sys, const char *what);
/* An error about text (LEAT_E_OPTION) becomes one about the file it came from, its own words kept. */
enum leat_ret anchors_blame_file(struct leat_err *err, const char *option, const char *path);

/* Adds the certificates of a PEM file to s. */
LEAT_MUST_CHECK enum leat_ret anchors_load_trust(
	struct store *s, const char *option, const char *path, size_t *added, struct leat_err *err);
/* certfile, keyfile and password of f, through the cache. A pair that does not fit is read once more. */
LEAT_MUST_CHECK enum leat_ret anchors_load_cred(struct cred **out, const struct crypto *c,
	const struct leat_files *f, struct leat_err *err);

/* Gives cred what these files hold; NULL: none. */
LEAT_MUST_CHECK enum leat_ret anchors_load_attached(
	struct cred *cred, const char *ocsp_file, const char *sct_file, struct leat_err *err);

/* The system's anchors as a shared store (one reference for the caller) and, in source, the path they
 * came from. SSL_CERT_FILE and SSL_CERT_DIR replace the usual places. The last answer is kept while
 * the file stays what it was: the second caller pays a stat, not 20 ms. */
LEAT_MUST_CHECK enum leat_ret anchors_load_system(
	struct store **out, char *source, size_t n, struct leat_err *err);
/* The next call reads them again. */
void anchors_forget_system(void);

/* For tests: the first file of paths[] that exists. *used is its index. LEAT_UNSUPPORTED: none does. */
LEAT_MUST_CHECK enum leat_ret anchors_load_first(
	struct store *s, const char *const *paths, size_t num, size_t *used, struct leat_err *err);

#endif

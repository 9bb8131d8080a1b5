/* SPDX-License-Identifier: Apache-2.0
 *
 * cred_files.h - the flags of servers that name files: --cert, --key, --ocsp-file, --sct-file, --cacert,
 * --crl-cache, --dhfile; and --dev. What they are for is in the manual pages of the commands.
 */
#ifndef LEAT_TOOL_CRED_FILES_H
#define LEAT_TOOL_CRED_FILES_H

#include <leat/leat.h>

#include "tool/tool.h"

#define CRED_FILES_MAX 8

/* What goes with a certificate. */
enum cred_attached { CRED_OCSP, CRED_SCT, CRED_ATTACHED_COUNT };

struct cred_files {
	const char *cert[CRED_FILES_MAX], *key[CRED_FILES_MAX];
	unsigned num_certs,
		num_keys; /* no keys at all: they are in the files of the certificates */
	const char *attached[CRED_FILES_MAX][CRED_ATTACHED_COUNT]; /* by cert; NULL: none */
	const char *place[CRED_FILES_MAX]; /* by cert: where it was named, see struct args */
	const char *cacert, *dhfile, *crl_cache;
	bool dev; /* a certificate is made up */
};

/* --cert and --key. 0, or TOOL_USAGE after saying why, here and below. */
int cred_files_cert(const struct args *args, struct cred_files *f, const char *path);
int cred_files_key(const struct args *args, struct cred_files *f, const char *path);
/* A file for the last --cert. */
int cred_files_attach(
	const struct args *args, struct cred_files *f, enum cred_attached what, const char *path);
/* --crl-cache. The servers check on their loops, so they fetch nothing. */
int cred_files_crl_cache(const struct args *args, struct cred_files *f, const char *text);
/* Can a server start with these? without_cert: clients know it by something else, a PSK. */
int cred_files_check(const struct args *args, const struct cred_files *f, bool without_cert);
/* Reads them into cfg, a made-up certificate last. *place (may be NULL): of what was read last. */
LEAT_MUST_CHECK enum leat_ret cred_files_load(const struct cred_files *f, struct leat_config *cfg,
	const char **place, struct leat_err *err);

#endif

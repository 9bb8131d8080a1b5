/* SPDX-License-Identifier: Apache-2.0
 *
 * certset.h - throwaway certificates in memory: the set `leat certs` writes, and the one certificate
 * of `leat serve --dev`. No file is touched here.
 */
#ifndef LEAT_TOOL_CERTSET_H
#define LEAT_TOOL_CERTSET_H

#include "base/wr.h"

#define CERTSET_NAMES 64 /* most names in one certificate */

struct certset_leaf {
	const char *file;  /* base name: "server-rsa" */
	const char *title; /* for people: "server, RSA 2048" */
	bool client;
	struct leat_wr chain_pem, key_pem; /* leaf and intermediate; PKCS#8 */
};

#define CERTSET_LEAVES 6

/* Zero state is legal to clear; clearing wipes the keys. */
struct certset {
	struct leat_wr ca_pem; /* the root; its key is forgotten when the set is made */
	struct certset_leaf leaf[CERTSET_LEAVES];
};

/* A wildcard name or a name or address a certificate can carry. */
bool certset_is_name(const char *name);
/* names come besides localhost, 127.0.0.1 and ::1. Valid from an hour before now_s for days. */
LEAT_MUST_CHECK enum leat_ret certset_make(struct certset *set, const char *const *names,
	size_t num, int64_t now_s, unsigned days, struct leat_err *err);
void certset_clear(struct certset *set);

/* One self-signed P-256 certificate for localhost, 127.0.0.1, ::1 and the host's own name, valid for
 * 30 days: appended as PEM to cert and key. */
LEAT_MUST_CHECK enum leat_ret certset_dev(
	struct leat_wr *cert, struct leat_wr *key, int64_t now_s, struct leat_err *err);

#endif

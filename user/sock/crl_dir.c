/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_dir.c - CRLs in a folder, as `openssl rehash` and c_rehash lay them out: HASH.rN, where HASH is libcrypto's of
 * the issuer's name and N counts from 0, for several lists of one issuer and for issuers whose hashes collide.
 * Files are read when somebody asks: what was put there a moment ago is found, and nothing is remembered.
 *
 * A distribution point with a cRLIssuer is looked up by that name, another by the certificate's issuer;
 * its URIs mean nothing here.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sock/anchors.h"
#include "x509/crl.h"

/* The lists of a file that are of this issuer and in time. false: there is no such file. */
static bool take_file(
	const char *path, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr text = { 0 };
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list found = { 0 };
	struct leat_err err = { 0 };

	if (anchors_read("crl_cache", path, &text, &err) != LEAT_OK)
		return err.sys != ENOENT;
	if (crl_list_add_text(&found, leat_wr_done(&text)) != LEAT_OK)
		return true; /* passed over, as others do */
	for (size_t i = 0; i < found.num; i++)
		if (!crl_is_over(found.v[i], now_s) &&
			crl_same_name(crl_issuer(found.v[i]), issuer))
			crl_list_push(out, found.v[i]);
	return true;
}

static enum leat_ret dir_select(
	void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	const char *folder = db;
	char path[4096];
	uint32_t hash;

	if (!crl_name_hash(issuer, &hash))
		return LEAT_UNSUPPORTED;
	for (unsigned i = 0; i < LIM_CRLS; i++) {
		snprintf(path, sizeof(path), "%s/%08x.r%u", folder, hash, i);
		if (!take_file(path, issuer, now_s, out))
			break;
	}
	return LEAT_OK;
}

static enum leat_ret dir_lookup(
	void *db, const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out)
{
	enum leat_ret r = LEAT_OK;

	if (dp->num_crl_issuers == 0)
		r = dir_select(db, dp->issuer, now_s, out);
	for (size_t i = 0; i < dp->num_crl_issuers && r == LEAT_OK; i++)
		r = dir_select(db, dp->crl_issuers[i], now_s, out);
	return r == LEAT_OK && out->num > 0 ? LEAT_OK : LEAT_UNSUPPORTED;
}

enum leat_ret leat_crl_cache_dir_new(
	struct leat_crl_cache **out, const char *path, struct leat_err *err)
{
	static const struct leat_crl_cache_ops ops = { dir_lookup, dir_select, NULL, leat_free };
	DIR *d = strlen(path) < 4000 ? opendir(path) : NULL;
	char *copy;

	*out = NULL;
	if (!d)
		return anchors_refuse(
			err, "crl_cache", path, errno, "is no folder that can be read");
	closedir(d);
	copy = leat_strdup(path);
	if (!copy)
		return err_memory(err);
	if (leat_crl_cache_cb_new(out, &ops, copy, err) == LEAT_OK)
		return LEAT_OK;
	leat_free(copy);
	return LEAT_FAILED;
}

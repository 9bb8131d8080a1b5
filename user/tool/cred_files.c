/* SPDX-License-Identifier: Apache-2.0
 *
 * cred_files.c - see cred_files.h.
 */
#include "tool/cred_files.h"

#include <string.h>

#include "tool/settings.h"

static int add(const struct args *args, const char *flag, const char *path, const char **list,
	unsigned *num)
{
	if (*num == CRED_FILES_MAX) {
		args_wrong(args, "%s: more than %d", flag, CRED_FILES_MAX);
		return TOOL_USAGE;
	}
	list[(*num)++] = path;
	return 0;
}

int cred_files_cert(const struct args *args, struct cred_files *f, const char *path)
{
	int code = add(args, "--cert", path, f->cert, &f->num_certs);

	if (code == 0)
		f->place[f->num_certs - 1] = args->place;
	return code;
}

int cred_files_key(const struct args *args, struct cred_files *f, const char *path)
{
	return add(args, "--key", path, f->key, &f->num_keys);
}

int cred_files_attach(
	const struct args *args, struct cred_files *f, enum cred_attached what, const char *path)
{
	const char **place = f->num_certs ? &f->attached[f->num_certs - 1][what] : NULL;

	if (!place || *place) {
		args_wrong(args, "%s: goes with a --cert before it, one with each",
			what == CRED_OCSP ? "--ocsp-file" : "--sct-file");
		return TOOL_USAGE;
	}
	*place = path;
	return 0;
}

int cred_files_crl_cache(const struct args *args, struct cred_files *f, const char *text)
{
	if (strstr(text, ",http=")) {
		args_wrong(args,
			"--crl-cache: a server does not fetch CRLs; have them fetched into a "
			"file or a folder");
		return TOOL_USAGE;
	}
	f->crl_cache = text;
	return 0;
}

int cred_files_check(const struct args *args, const struct cred_files *f, bool without_cert)
{
	if (f->num_keys != 0 && f->num_keys != f->num_certs)
		args_wrong(args, "a --key for every --cert, or for none");
	else if (f->num_certs == 0 && !f->dev && !without_cert)
		args_wrong(args, "no certificate: give --cert, or --dev to try things out");
	else if (f->num_certs > 0 && f->dev)
		args_wrong(args, "--dev makes its own certificate: leave out --cert");
	else
		return 0;
	return TOOL_USAGE;
}

enum leat_ret cred_files_load(const struct cred_files *f, struct leat_config *cfg,
	const char **place, struct leat_err *err)
{
	struct leat_files files = {
		.cacertfile = f->cacert, .dhfile = f->dhfile, .crl_cache = f->crl_cache
	};
	enum leat_ret r = leat_config_use_files(cfg, &files, err);

	for (unsigned i = 0; i < f->num_certs && r == LEAT_OK; i++) {
		if (place)
			*place = f->place[i];
		files = (struct leat_files){ .certfile = f->cert[i],
			.keyfile = f->num_keys ? f->key[i] : NULL,
			.ocsp_file = f->attached[i][CRED_OCSP],
			.sct_file = f->attached[i][CRED_SCT] };
		r = leat_config_use_files(cfg, &files, err);
	}
	if (r == LEAT_OK && f->dev)
		r = settings_dev(cfg, err);
	return r;
}

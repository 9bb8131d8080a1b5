/* SPDX-License-Identifier: Apache-2.0
 *
 * anchors.c - reads trust, chain and key files, those that options name through pem_cache.c. Everything read is
 * wiped when done with: a file that was to hold certificates may hold a key as well.
 */
#include "sock/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/crl.h>

#include "base/mem.h"
#include "sock/pem_cache.h"

#define READ_STEP 65536

enum leat_ret anchors_refuse(
	struct leat_err *err, const char *option, const char *path, int sys, const char *what)
{
	err_raise(err, LEAT_E_FILE, 0, sys, LEAT_HERE, what);
	err->option = option;
	err_detail(err, path, strlen(path));
	return LEAT_FAILED;
}

enum leat_ret anchors_blame_file(struct leat_err *err, const char *option, const char *path)
{
	char detail[sizeof(err->detail)];

	if (err->cls != LEAT_E_OPTION)
		return LEAT_FAILED;
	memcpy(detail, err->detail, sizeof(detail));
	err->cls = LEAT_E_FILE;
	err->option = option;
	if (detail[0])
		err_detailf(err, "%.90s (%.40s)", path, detail);
	else
		err_detail(err, path, strlen(path));
	return LEAT_FAILED;
}

/* Where the size is known, the text need not move while it grows. */
static void expect_size(int fd, struct leat_wr *out)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= ANCHORS_FILE_MAX)
		leat_wr_expect(out, (size_t)st.st_size + READ_STEP);
}

enum leat_ret anchors_read_fd(
	int fd, const char *option, const char *path, struct leat_wr *out, struct leat_err *err)
{
	size_t base = out->n;
	uint8_t *room;
	ssize_t got;

	expect_size(fd, out);
	for (;;) {
		room = leat_wr_room(out, READ_STEP);
		if (!room)
			return err_memory(err);
		do
			got = read(fd, room, READ_STEP);
		while (got < 0 && errno == EINTR);
		out->n -= READ_STEP - (got > 0 ? (size_t)got : 0);
		if (got < 0)
			return anchors_refuse(err, option, path, errno, "cannot be read");
		if (got == 0)
			return LEAT_OK;
		if (out->n - base > ANCHORS_FILE_MAX)
			return anchors_refuse(err, option, path, 0, "is larger than 16 MiB");
	}
}

enum leat_ret anchors_open(const char *option, const char *path, int *fd, struct leat_err *err)
{
	do
		*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	while (*fd < 0 && errno == EINTR);
	return *fd < 0 ? anchors_refuse(err, option, path, errno, "cannot be opened") : LEAT_OK;
}

enum leat_ret anchors_read(
	const char *option, const char *path, struct leat_wr *out, struct leat_err *err)
{
	enum leat_ret ret;
	int fd;

	if (anchors_open(option, path, &fd, err) != LEAT_OK)
		return LEAT_FAILED;
	ret = anchors_read_fd(fd, option, path, out, err);
	close(fd);
	return ret;
}

enum leat_ret anchors_load_trust(
	struct store *s, const char *option, const char *path, size_t *added, struct leat_err *err)
{
	struct leat_wr text = { 0 };
	enum leat_ret ret = anchors_read(option, path, &text, err);

	if (ret == LEAT_OK && store_add_pem(s, leat_wr_done(&text), added, err) != LEAT_OK)
		ret = anchors_blame_file(err, option, path);
	leat_wr_clear(&text);
	return ret;
}

static enum leat_ret read_cred(struct cred **out, const struct crypto *c,
	const struct leat_files *f, bool *was_cached, struct leat_err *err)
{
	LEAT_SCOPED(pem_file_clear) struct pem_file cert = { 0 };
	LEAT_SCOPED(pem_file_clear) struct pem_file key = { 0 };
	struct cred_parts parts = { .cert_der = f->cert, .key_der = f->key };
	bool key_by_file = f->keyfile && !f->key.n;
	bool need_certfile = !f->cert.n || (!f->key.n && !f->keyfile && f->certfile);

	*was_cached = false;
	if ((need_certfile && pem_cache_read("certfile", f->certfile, &cert, err) != LEAT_OK) ||
		(key_by_file && pem_cache_read("keyfile", f->keyfile, &key, err) != LEAT_OK))
		return LEAT_FAILED;
	*was_cached = cert.was_cached || key.was_cached;
	parts.cert_pem = cert.text;
	parts.key_pem = key_by_file ? key.text : cert.text;
	parts.password = (struct leat_span){ (const uint8_t *)f->password,
		f->password ? strlen(f->password) : 0 };
	if (cred_new_parts(out, c, &parts, err) == LEAT_OK)
		return LEAT_OK;
	pem_cache_forget(&cert);
	pem_cache_forget(&key);
	/* "key" and "password" are both about the file with the key; DER has no file */
	if (err->option && strcmp(err->option, "cert") == 0)
		return f->cert.n ? LEAT_FAILED : anchors_blame_file(err, "certfile", f->certfile);
	if (f->key.n || (!f->keyfile && !f->certfile))
		return LEAT_FAILED;
	return anchors_blame_file(err, "keyfile", f->keyfile ? f->keyfile : f->certfile);
}

enum leat_ret anchors_load_cred(
	struct cred **out, const struct crypto *c, const struct leat_files *f, struct leat_err *err)
{
	struct leat_err first = { 0 };
	bool was_cached;

	*out = NULL;
	if (read_cred(out, c, f, &was_cached, &first) == LEAT_OK)
		return LEAT_OK;
	/* One of the two may be older than the other: once more, with what the files hold now. */
	if (was_cached && first.cls == LEAT_E_FILE)
		return read_cred(out, c, f, &was_cached, err);
	*err = first;
	return LEAT_FAILED;
}

static enum leat_ret load_attached(struct cred *cred, const char *option, const char *path,
	enum leat_ret (*set)(struct cred *c, struct leat_span b, struct leat_err *err),
	struct leat_err *err)
{
	struct leat_wr b = { 0 };
	enum leat_ret ret = anchors_read(option, path, &b, err);

	if (ret == LEAT_OK && b.n == 0)
		ret = anchors_refuse(err, option, path, 0, "is empty");
	if (ret == LEAT_OK)
		ret = set(cred, leat_wr_done(&b), err);
	if (ret == LEAT_FAILED)
		ret = anchors_blame_file(err, option, path);
	leat_wr_clear(&b);
	return ret;
}

static enum leat_ret set_leaf_status(struct cred *c, struct leat_span b, struct leat_err *err)
{
	return cred_set_status(c, 0, b, err);
}

enum leat_ret anchors_load_attached(
	struct cred *cred, const char *ocsp_file, const char *sct_file, struct leat_err *err)
{
	enum leat_ret ret = LEAT_OK;

	if (ocsp_file)
		ret = load_attached(cred, "ocsp_file", ocsp_file, set_leaf_status, err);
	if (ret == LEAT_OK && sct_file)
		ret = load_attached(cred, "sct_file", sct_file, cred_set_sct, err);
	return ret;
}

static enum leat_ret load_dh(struct dh_params *out, const char *path, struct leat_err *err)
{
	LEAT_SCOPED(pem_file_clear) struct pem_file f = { 0 };

	if (pem_cache_read("dhfile", path, &f, err) != LEAT_OK)
		return LEAT_FAILED;
	if (dh_read(out, f.text, err) == LEAT_OK)
		return LEAT_OK;
	pem_cache_forget(&f);
	return anchors_blame_file(err, "dhfile", path);
}

/* The anchors of a file, shared with all who name it. */
static enum leat_ret load_trust(struct store **out, const char *path, struct leat_err *err)
{
	LEAT_SCOPED(pem_file_clear) struct pem_file f = { 0 };
	struct store *s;

	if (pem_cache_read("cacertfile", path, &f, err) != LEAT_OK)
		return LEAT_FAILED;
	*out = pem_cache_trust(&f);
	if (*out)
		return LEAT_OK;
	if (store_new(&s, err) != LEAT_OK)
		return LEAT_FAILED;
	if (store_add_pem(s, f.text, NULL, err) != LEAT_OK) {
		store_unref(s);
		pem_cache_forget(&f);
		return anchors_blame_file(err, "cacertfile", path);
	}
	if (pem_cache_share_trust(&f, s, err) != LEAT_OK) {
		store_unref(s);
		return LEAT_FAILED;
	}
	*out = s;
	return LEAT_OK;
}

/* The trusted CAs: those in DER, or those of the file. */
static enum leat_ret load_cas(struct store **out, const struct leat_files *f, struct leat_err *err)
{
	struct store *s;

	if (!f->num_cacerts)
		return load_trust(out, f->cacertfile, err);
	if (store_new(&s, err) != LEAT_OK)
		return LEAT_FAILED;
	for (size_t i = 0; i < f->num_cacerts; i++)
		if (store_add_der(s, f->cacerts[i], err) != LEAT_OK) {
			store_unref(s);
			return LEAT_FAILED;
		}
	*out = s;
	return LEAT_OK;
}

/* What goes with a certificate needs one. */
static enum leat_ret check_files(
	const struct leat_config *c, const struct leat_files *f, struct leat_err *err)
{
	static const char why[] = "there is no certfile it belongs to";

	if (f->dhfile && c->role != LEAT_SERVER)
		return err_option(err, "dhfile", f->dhfile, "is an option of servers");
	if (f->certfile || f->cert.n)
		return LEAT_OK;
	if (f->keyfile || f->key.n)
		return err_option(err, f->keyfile ? "keyfile" : "key", f->keyfile, why);
	if (f->password)
		return err_option(err, "password", NULL, why);
	if (f->ocsp_file || f->sct_file)
		return err_option(err, f->ocsp_file ? "ocsp_file" : "sct_file", NULL, why);
	return LEAT_OK;
}

enum leat_ret leat_config_use_files(
	struct leat_config *c, const struct leat_files *f, struct leat_err *err)
{
	struct leat_crl_cache *crls = NULL;
	struct store *trust = NULL;
	struct cred *cred = NULL;
	struct dh_params dh = { 0 };

	if (config_may_set(c, err) != LEAT_OK || check_files(c, f, err) != LEAT_OK)
		return LEAT_FAILED;
	if ((f->certfile || f->cert.n) && anchors_load_cred(&cred, c->crypto, f, err) != LEAT_OK)
		return LEAT_FAILED;
	if (cred && anchors_load_attached(cred, f->ocsp_file, f->sct_file, err) != LEAT_OK)
		goto fail;
	if ((f->cacertfile || f->num_cacerts) && load_cas(&trust, f, err) != LEAT_OK)
		goto fail;
	if (cred && c->num_creds == CONFIG_MAX_CREDS) {
		err_option(err, "certfile", f->certfile, "too many certificates with keys");
		goto fail;
	}
	if (f->crl_cache && leat_crl_cache_open(&crls, f->crl_cache, err) != LEAT_OK)
		goto fail;
	if (f->dhfile && load_dh(&dh, f->dhfile, err) != LEAT_OK)
		goto fail;
	if (trust && config_add_trust_take(c, trust, err) != LEAT_OK) {
		leat_crl_cache_unref(crls);
		cred_unref(cred);
		dh_clear(&dh);
		return LEAT_FAILED;
	}
	if (crls)
		config_set_crls_take(c, crls);
	if (f->dhfile)
		config_take_dhfile(c, &dh);
	/* There is room: it was looked at above, so nothing is half-applied. */
	return cred ? config_add_cred_take(c, cred, err) : LEAT_OK;
fail:
	leat_crl_cache_unref(crls);
	cred_unref(cred);
	store_unref(trust);
	return LEAT_FAILED;
}

/* ---- the system's trust ----------------------------------------------------------------------- */

/* Where distributions keep the bundle, the most common first. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Gentoo, Alpine */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL 7 and later */
	"/etc/pki/tls/certs/ca-bundle.crt",                  /* older Red Hat */
	"/etc/ssl/ca-bundle.pem",                            /* openSUSE */
	"/etc/ssl/cert.pem",                                 /* Alpine, BSDs */
};

enum leat_ret anchors_load_first(
	struct store *s, const char *const *paths, size_t num, size_t *used, struct leat_err *err)
{
	for (size_t i = 0; i < num; i++) {
		if (access(paths[i], F_OK) != 0)
			continue;
		*used = i;
		return anchors_load_trust(s, "system trust", paths[i], NULL, err);
	}
	return LEAT_UNSUPPORTED;
}

/* Certificates by the names `openssl rehash` and people give them. */
static bool is_cert_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (!dot || name[0] == '.')
		return false;
	return strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0 || strcmp(dot, ".cer") == 0 ||
	       (dot[1] >= '0' && dot[1] <= '9' && dot[2] == '\0');
}

/* Every certificate file of one folder; files that hold none are passed over, as others do. */
static enum leat_ret load_folder(struct store *s, const char *folder, struct leat_err *err)
{
	struct leat_err ignored;
	struct dirent *e;
	char path[4096];
	DIR *d = opendir(folder);
	enum leat_ret ret = LEAT_OK;

	if (!d)
		return anchors_refuse(err, "SSL_CERT_DIR", folder, errno, "cannot be opened");
	while (ret == LEAT_OK && (e = readdir(d)) != NULL) {
		if (!is_cert_name(e->d_name) || snprintf(path, sizeof(path), "%s/%s", folder,
							e->d_name) >= (int)sizeof(path))
			continue;
		err_clear(&ignored);
		if (anchors_load_trust(s, "SSL_CERT_DIR", path, NULL, &ignored) != LEAT_OK &&
			ignored.cls == LEAT_E_MEMORY)
			ret = err_memory(err);
	}
	closedir(d);
	return ret;
}

/* SSL_CERT_DIR is a list separated by colons, as for OpenSSL. */
static enum leat_ret load_folders(struct store *s, const char *list, struct leat_err *err)
{
	char folder[4096];
	size_t n;

	for (const char *p = list; *p; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (n == 0)
			continue;
		if (n >= sizeof(folder))
			return anchors_refuse(
				err, "SSL_CERT_DIR", p, ENAMETOOLONG, "cannot be opened");
		memcpy(folder, p, n);
		folder[n] = '\0';
		if (load_folder(s, folder, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* What the anchors were loaded from, and what tells that it has changed. */
struct origin {
	char text[256];
	struct stat st; /* of a single file only */
	bool has_stat;
};

static enum leat_ret load_system(struct store *s, struct origin *o, struct leat_err *err)
{
	const char *file = secure_getenv("SSL_CERT_FILE");
	const char *folders = secure_getenv("SSL_CERT_DIR");
	enum leat_ret ret;
	size_t used;

	memset(o, 0, sizeof(*o));
	if (file && !*file) /* set but empty is as good as not set */
		file = NULL;
	if (folders && !*folders)
		folders = NULL;
	if (file || folders) {
		if (file && anchors_load_trust(s, "SSL_CERT_FILE", file, NULL, err) != LEAT_OK)
			return LEAT_FAILED;
		if (folders && load_folders(s, folders, err) != LEAT_OK)
			return LEAT_FAILED;
		snprintf(o->text, sizeof(o->text), "%s%s%s", file ? file : "",
			file && folders ? ":" : "", folders ? folders : "");
		if (store_num(s) == 0)
			return anchors_refuse(err, folders ? "SSL_CERT_DIR" : "SSL_CERT_FILE",
				folders ? folders : file, 0, "holds no certificate");
		return LEAT_OK;
	}
	ret = anchors_load_first(s, bundles, sizeof(bundles) / sizeof(bundles[0]), &used, err);
	if (ret == LEAT_OK) {
		snprintf(o->text, sizeof(o->text), "%s", bundles[used]);
		o->has_stat = stat(bundles[used], &o->st) == 0;
	}
	if (ret == LEAT_UNSUPPORTED)
		ret = anchors_refuse(err, "system trust", bundles[0], ENOENT,
			"no CA bundle in any of the usual places (install ca-certificates, or set "
			"SSL_CERT_FILE)");
	return ret;
}

/* The last bundle that was loaded. Answers from the environment are not kept: the environment may
 * change without a trace. */
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *cached;
static struct origin cached_origin;

static bool is_fresh(const struct origin *o)
{
	struct stat now;

	return o->has_stat && !secure_getenv("SSL_CERT_FILE") && !secure_getenv("SSL_CERT_DIR") &&
	       stat(o->text, &now) == 0 && now.st_dev == o->st.st_dev &&
	       now.st_ino == o->st.st_ino && now.st_size == o->st.st_size &&
	       now.st_mtim.tv_sec == o->st.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == o->st.st_mtim.tv_nsec;
}

static enum leat_ret load_locked(struct store **out, struct origin *o, struct leat_err *err)
{
	struct store *s;

	if (cached && is_fresh(&cached_origin)) {
		*o = cached_origin;
		*out = store_ref(cached);
		return LEAT_OK;
	}
	if (store_new(&s, err) != LEAT_OK)
		return LEAT_FAILED;
	if (load_system(s, o, err) != LEAT_OK) {
		store_unref(s);
		return LEAT_FAILED;
	}
	if (o->has_stat) {
		store_unref(cached);
		cached = store_ref(s);
		cached_origin = *o;
	}
	*out = s;
	return LEAT_OK;
}

enum leat_ret anchors_load_system(struct store **out, char *source, size_t n, struct leat_err *err)
{
	struct origin o;
	enum leat_ret ret;

	*out = NULL;
	if (n > 0)
		source[0] = '\0';
	pthread_mutex_lock(&cache_lock);
	ret = load_locked(out, &o, err);
	pthread_mutex_unlock(&cache_lock);
	if (ret == LEAT_OK)
		snprintf(source, n, "%s", o.text);
	return ret;
}

void anchors_forget_system(void)
{
	pthread_mutex_lock(&cache_lock);
	store_unref(cached);
	cached = NULL;
	pthread_mutex_unlock(&cache_lock);
}

enum leat_ret leat_config_use_system_trust(struct leat_config *c, struct leat_err *err)
{
	struct store *s;
	char source[8];

	if (config_may_set(c, err) != LEAT_OK ||
		anchors_load_system(&s, source, sizeof(source), err) != LEAT_OK)
		return LEAT_FAILED;
	config_set_trust_take(c, s, true);
	return LEAT_OK;
}

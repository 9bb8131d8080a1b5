/* SPDX-License-Identifier: Apache-2.0
 *
 * t_pem_cache.c: sock/pem_cache.c under sock/anchors.c. Which paths are one entry, when a replaced file is seen, what
 * a broken or vanished one leaves behind (nothing), who shares trusted CAs and for how long. The clock is the test's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/app.h>

#include "base/mem.h"
#include "asan.h"
#include "pair.h"
#include "pki.h"
#include "sock/anchors.h"
#include "sock/pem_cache.h"

#define MINUTE 60000

static char dir[] = "/tmp/leat-pem-cache-XXXXXX";
static int64_t clock_ms;

static int64_t test_now(void)
{
	return clock_ms;
}

/* The path of name in the folder of this run; the last 64 answers stay valid. */
static const char *at(const char *name)
{
	static char paths[64][200];
	static int next;
	char *p = paths[next++ % 64];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

/* Takes the place of what was there, as a careful administrator does it: another inode. */
static void put_file(const char *name, struct leat_span text)
{
	FILE *f = fopen(at("new"), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(at("new"), at(name)), 0);
}

static struct leat_pem_cache_info held(void)
{
	struct leat_pem_cache_info info;

	leat_pem_cache_info(&info);
	return info;
}

static enum leat_ret try_files(
	const struct leat_files *f, struct leat_config **out, struct leat_err *err)
{
	enum leat_ret r;

	assert_int_equal(leat_config_new(out, LEAT_SERVER, err), LEAT_OK);
	r = leat_config_use_files(*out, f, err);
	if (r != LEAT_OK) {
		leat_config_unref(*out);
		*out = NULL;
	}
	return r;
}

static struct leat_config *with_files(struct leat_files f)
{
	struct leat_err err = { 0 };
	struct leat_config *c;
	char text[400];

	if (try_files(&f, &c, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	return c;
}

static void fails(struct leat_files f, const char *option, int sys)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(try_files(&f, &c, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_FILE);
	assert_string_equal(err.option, option);
	assert_int_equal(err.sys, sys);
}

/* How many CAs a config that names the file trusts now: 1 is the file as it was, 2 the one in its place. */
static size_t anchors_of(const char *name)
{
	struct leat_config *c = with_files((struct leat_files){ .cacertfile = at(name) });
	size_t num = store_num(c->trust);

	leat_config_unref(c);
	return num;
}

static void replace_ca(void)
{
	put_file("ca", pki_join(pki_root_pem(), pki_stranger_pem()));
}

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	clock_ms += 100 * MINUTE;
	leat_pem_cache_clear();
	clock_ms += PEM_CACHE_TRUST_MS;
	(void)held();
	clock_ms += PEM_CACHE_TRUST_MS;
	assert_int_equal(held().files, 0);
	assert_int_equal(held().trust_sets, 0);
	assert_int_equal(leat_app_set("ssl_pem_cache_clean", "", &err), LEAT_OK);
	assert_int_equal(leat_app_set("bypass_pem_cache", "", &err), LEAT_OK);
	put_file("ca", pki_root_pem());
	put_file("cert", pki_server(KEY_EC_P256)->chain_pem);
	put_file("key", pki_server(KEY_EC_P256)->key_pem);
	return 0;
}

/* One entry for a file however its path is written; a hard link is another path to the same file, and another
 * entry.  REQ: T-pem-paths */
static void paths_of_one_file(void **state)
{
	static const char *const same[] = { "./ca", "d/../ca", "d//link", "link", "d/up",
		"link-of-link" };
	char cwd[300];

	(void)state;
	assert_int_equal(mkdir(at("d"), 0755), 0);
	assert_int_equal(symlink(at("ca"), at("link")), 0);
	assert_int_equal(symlink("../ca", at("d/up")), 0);
	assert_int_equal(symlink("../link", at("d/link")), 0);
	assert_int_equal(symlink("d/link", at("link-of-link")), 0);
	assert_int_equal(link(at("ca"), at("hard")), 0);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	leat_config_unref(with_files((struct leat_files){ .cacertfile = at("ca") }));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		leat_config_unref(with_files((struct leat_files){ .cacertfile = at(same[i]) }));
	assert_int_equal(chdir(dir), 0);
	leat_config_unref(with_files((struct leat_files){ .cacertfile = "ca" }));
	leat_config_unref(with_files((struct leat_files){ .cacertfile = "d/up" }));
	assert_int_equal(chdir(cwd), 0);
	assert_int_equal(held().files, 1);
	leat_config_unref(with_files((struct leat_files){ .cacertfile = at("hard") }));
	assert_int_equal(held().files, 2);
}

/* A replaced file is seen after two minutes or when it is asked for, and not before; through a link and another hard
 * link too.  REQ: T-pem-new_root ENV-ssl_pem_cache_clean TIM-pem-2min API-clear_pem_cache */
static void replaced_file(void **state)
{
	static const char *const names[] = { "ca", "link", "hard" };

	(void)state;
	for (int by_call = 0; by_call < 2; by_call++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			setup(NULL);
			unlink(at("hard"));
			assert_int_equal(link(at("ca"), at("hard")), 0);
			assert_int_equal(anchors_of(names[i]), 1);
			replace_ca();
			if (i == 2) /* the other name of the old file is renewed for itself */
				assert_int_equal(rename(at("ca"), at("hard")), 0);
			clock_ms += 2 * MINUTE - 1;
			assert_int_equal(anchors_of(names[i]), 1);
			if (by_call)
				leat_pem_cache_clear();
			else
				clock_ms += 1;
			assert_int_equal(anchors_of(names[i]), 2);
		}
}

/* The interval is a setting; 0 looks each time. */
static void interval(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_app_set("ssl_pem_cache_clean", "1000", &err), LEAT_OK);
	assert_int_equal(anchors_of("ca"), 1);
	replace_ca();
	clock_ms += 999;
	assert_int_equal(anchors_of("ca"), 1);
	clock_ms += 1;
	assert_int_equal(anchors_of("ca"), 2);
	assert_int_equal(leat_app_set("ssl_pem_cache_clean", "0", &err), LEAT_OK);
	put_file("ca", pki_root_pem());
	assert_int_equal(anchors_of("ca"), 1);
	assert_int_equal(leat_app_set("bypass_pem_cache", "true", &err), LEAT_OK);
	leat_pem_cache_clear();
	replace_ca();
	assert_int_equal(anchors_of("ca"), 2);
	assert_int_equal(held().files, 0);
}

static struct timespec time_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(at(name), &st), 0);
	return st.st_mtim;
}

/* Every kind of file: another time of change, or no file any more, and the entry goes at the next validation; the
 * others stay.  REQ: T-pem-periodic */
static void validation(void **state)
{
	const struct leat_files f = {
		.certfile = at("cert"), .keyfile = at("key"), .cacertfile = at("ca")
	};
	static const char *const names[] = { "cert", "key", "ca" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct timespec times[2] = { { 0 }, { 0 } };

		setup(NULL);
		leat_config_unref(with_files(f));
		assert_int_equal(held().files, 3);
		times[1] = time_of(names[i]);
		times[1].tv_nsec ^= 1; /* of the same second */
		assert_int_equal(utimensat(AT_FDCWD, at(names[i]), times, 0), 0);
		clock_ms += MINUTE;
		assert_int_equal(held().files, 3);
		clock_ms += MINUTE;
		assert_int_equal(held().files, 2);
		leat_config_unref(with_files(f));
		assert_int_equal(unlink(at(names[i])), 0);
		clock_ms += 2 * MINUTE;
		assert_int_equal(held().files, 2);
		fails(f, i == 0 ? "certfile" : i == 1 ? "keyfile" : "cacertfile", ENOENT);
	}
}

/* What is not PEM of the right kind leaves nothing behind: mended, it works at once.  REQ: T-pem-invalid_insert */
static void broken_files(void **state)
{
	const struct leat_span junk = { (const uint8_t *)"-----BEGIN CERTIFICATE-----\nMAA=\n",
		33 };
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("key") };

	(void)state;
	put_file("ca", junk);
	fails((struct leat_files){ .cacertfile = at("ca") }, "cacertfile", 0);
	assert_int_equal(held().files, 0);
	put_file("ca", pki_root_pem());
	assert_int_equal(anchors_of("ca"), 1);
	leat_pem_cache_clear();
	put_file("key", junk);
	fails(f, "keyfile", 0);
	assert_int_equal(held().files, 0);
	put_file("key", pki_server(KEY_EC_P256)->key_pem);
	leat_config_unref(with_files(f));
	f = (struct leat_files){ .dhfile = at("cert") };
	fails(f, "dhfile", 0);
	assert_int_equal(held().files, 1); /* cert was there for other reasons, and goes too */
}

/* The path of a file that goes between the look at it and its opening. */
static const char *goes;

static void take_away(const char *path)
{
	if (goes && strcmp(path, goes) == 0)
		assert_int_equal(unlink(path), 0);
}

/* Changes while it is read: what came is used and not kept. */
static void change(const char *path)
{
	if (goes && strcmp(path, goes) == 0)
		replace_ca();
}

/* REQ: T-rn-19 */
static void gone_between_stat_and_read(void **state)
{
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("key") };

	(void)state;
	goes = at("key");
	pem_cache_use(test_now, take_away);
	fails(f, "keyfile", ENOENT);
	assert_int_equal(held().files, 1);
	put_file("key", pki_server(KEY_EC_P256)->key_pem);
	goes = NULL;
	leat_config_unref(with_files(f));
	/* the link leads elsewhere by then */
	goes = at("soft");
	unlink(goes);
	assert_int_equal(symlink(at("ca"), goes), 0);
	pem_cache_use(test_now, change);
	leat_pem_cache_clear();
	assert_int_equal(anchors_of("soft"), 2);
	goes = NULL;
	pem_cache_use(test_now, NULL);
	assert_int_equal(anchors_of("ca"), 2);
	assert_int_equal(unlink(at("soft")), 0);
}

/* A path that does not exist is no entry, whatever was there or is elsewhere; the error says which option.
 * REQ: T-basic-invalid_files */
static void missing_files(void **state)
{
	struct leat_files f = {
		.certfile = at("cert"), .keyfile = at("key"), .cacertfile = at("ca")
	};

	(void)state;
	leat_config_unref(with_files(f));
	for (int twice = 0; twice < 2; twice++) {
		f.certfile = at("no-cert");
		fails(f, "certfile", ENOENT);
		f.certfile = at("cert");
		f.keyfile = at("no-key");
		fails(f, "keyfile", ENOENT);
		f.keyfile = at("key");
		f.cacertfile = twice ? at("no-ca-2") : at("no-ca");
		fails(f, "cacertfile", ENOENT);
		f.cacertfile = at("ca");
	}
	assert_int_equal(held().files, 3);
}

/* A certificate and a key that were renewed one after the other, with one validation in between, still fit. */
static void renewed_pair(void **state)
{
	const struct leat_files f = { .certfile = at("cert"), .keyfile = at("key") };
	const struct pki_ident *id = pki_server(KEY_ED25519);
	struct leat_span der;
	struct leat_config *c;

	(void)state;
	leat_config_unref(with_files(f));
	put_file("cert", id->chain_pem);
	clock_ms += 2 * MINUTE;
	(void)held();
	put_file("key", id->key_pem);
	c = with_files(f);
	der = cred_cert(c->creds[0], 0);
	assert_int_equal(der.n, pki_der(id->leaf).n);
	assert_memory_equal(der.p, pki_der(id->leaf).p, der.n);
	leat_config_unref(c);
}

/* Configs that name the same file share its CAs; who adds own ones does it for itself. */
static void shared_trust(void **state)
{
	struct leat_config *a = with_files((struct leat_files){ .cacertfile = at("ca") });
	struct leat_config *b = with_files((struct leat_files){ .cacertfile = at("ca") });
	struct leat_err err = { 0 };

	(void)state;
	assert_ptr_equal(a->trust, b->trust);
	assert_int_equal(leat_config_add_trust(a, pki_stranger_pem(), NULL, &err), LEAT_OK);
	assert_ptr_not_equal(a->trust, b->trust);
	assert_int_equal(store_num(a->trust), 2);
	assert_int_equal(store_num(b->trust), 1);
	put_file("more", pki_stranger_pem());
	assert_int_equal(
		leat_config_use_files(b, &(struct leat_files){ .cacertfile = at("more") }, &err),
		LEAT_OK);
	assert_int_equal(store_num(b->trust), 2);
	assert_int_equal(anchors_of("ca"), 1);
	assert_int_equal(anchors_of("more"), 1);
	leat_config_unref(a);
	leat_config_unref(b);
	assert_int_equal(unlink(at("more")), 0);
}

/* Two sides with a CA file each: 2 sets; cleared and again: 4, because the first two are in use; then 2, then none.
 * REQ: T-basic-clear_pem_cache T-pem-manual TIM-certdb-500ms */
static void sets_come_and_go(void **state)
{
	struct leat_config *c[4];

	(void)state;
	put_file("other", pki_stranger_pem());
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			leat_pem_cache_clear();
		c[i] = with_files((struct leat_files){ .cacertfile = at(i % 2 ? "other" : "ca") });
		assert_int_equal(held().trust_sets, i + 1);
	}
	for (int i = 0; i < 4; i += 2) {
		leat_config_unref(c[i]);
		leat_config_unref(c[i + 1]);
		assert_int_equal(held().trust_sets, 4 - i);
		clock_ms += PEM_CACHE_TRUST_MS - 1;
		assert_int_equal(held().trust_sets, 4 - i);
		clock_ms += 1;
		assert_int_equal(held().trust_sets, 2 - i);
	}
	/* used again in time, they stay */
	leat_config_unref(with_files((struct leat_files){ .cacertfile = at("ca") }));
	assert_int_equal(held().trust_sets, 1);
	clock_ms += PEM_CACHE_TRUST_MS - 1;
	c[0] = with_files((struct leat_files){ .cacertfile = at("ca") });
	clock_ms += PEM_CACHE_TRUST_MS;
	assert_int_equal(held().trust_sets, 1);
	leat_config_unref(c[0]);
	assert_int_equal(unlink(at("other")), 0);
}

/* A config for the name that is asked for, made anew for each handshake. */
static enum leat_ret config_by_name(void *arg, struct leat_span name, struct leat_config **out)
{
	const struct leat_files *f = arg;
	struct leat_err err = { 0 };

	(void)name;
	assert_int_equal(leat_config_new(out, LEAT_SERVER, &err), LEAT_OK);
	pair_set(*out, "session_tickets", "disabled");
	if (leat_config_use_files(*out, f, &err) == LEAT_OK &&
		leat_config_freeze(*out, &err) == LEAT_OK)
		return LEAT_OK;
	leat_config_unref(*out);
	*out = NULL;
	return LEAT_UNSUPPORTED;
}

/* Options by server name go through the cache: handshakes go on with what was read, until it is cleared.
 * REQ: CB-sni-cost */
static void server_names(void **state)
{
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("key") };
	struct leat_err err = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct leat_config *s = pair_server_config(KEY_RSA);
		struct pair p = { 0 };

		assert_int_equal(leat_config_set_sni(s, config_by_name, &f, &err), LEAT_OK);
		pair_init(&p, pair_client_config(), s, NULL);
		if (i < 3)
			pair_must_connect(&p);
		else
			pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_UNRECOGNIZED_NAME);
		pair_clear(&p);
		if (i == 1)
			put_file("key", pki_root_pem()); /* no key at all */
		if (i == 2)
			leat_pem_cache_clear();
	}
}

/* Pipes and devices are read each time. */
static void only_regular_files(void **state)
{
	(void)state;
	fails((struct leat_files){ .cacertfile = "/dev/null" }, "cacertfile", 0);
	assert_int_equal(held().files, 0);
}

/* One below the bound, at it, and one above. */
static void bound(void **state)
{
	char name[40];

	(void)state;
	for (int i = 0; i <= PEM_CACHE_FILES; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		assert_int_equal(link(at("ca"), at(name)), 0);
		assert_int_equal(anchors_of(name), 1);
		assert_int_equal(unlink(at(name)), 0);
		assert_int_equal(held().files, i < PEM_CACHE_FILES ? i + 1 : PEM_CACHE_FILES);
	}
	clock_ms += 2 * MINUTE;
	assert_int_equal(held().files, 0);
}

/* Freed blocks are searched for the middle of the key. */
static const uint8_t *needle;
static unsigned num_found;

#ifndef HAS_ASAN
#define NEEDLE 32

extern void __libc_free(void *p);

/* What is allocated next holds nothing but what its owner writes: no block is counted for what lay in it before. */
__attribute__((visibility("default"))) void free(void *p)
{
	size_t n = p ? malloc_usable_size(p) : 0;

	if (n && needle && memmem(p, n, needle, NEEDLE))
		num_found++;
	if (n)
		memset(p, 0x5a, n);
	__libc_free(p);
}
#endif

/* Whoever has the text keeps it past a clear; with the last one it is overwritten. */
static void keys_are_wiped(void **state)
{
	const struct leat_span key = pki_server(KEY_EC_P256)->key_pem;
	struct pem_file f = { 0 };
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(pem_cache_read("keyfile", at("key"), &f, &err), LEAT_OK);
	needle = key.p + key.n / 2;
	leat_pem_cache_clear();
	assert_int_equal(f.text.n, key.n);
	assert_memory_equal(f.text.p, key.p, key.n);
	pem_file_clear(&f);
	/* the same through an option, and the end of the entry by validation */
	leat_config_unref(
		with_files((struct leat_files){ .certfile = at("cert"), .keyfile = at("key") }));
	clock_ms += 2 * MINUTE;
	assert_int_equal(unlink(at("key")), 0);
	assert_int_equal(held().files, 1);
	assert_int_equal(num_found, 0);
#ifndef HAS_ASAN
	free(leat_dup(key.p, key.n)); /* the search finds */
	assert_int_equal(num_found, 1);
#endif
	needle = NULL;
}

static void each_allocation_fails(void **state)
{
	const struct leat_files f = {
		.certfile = at("cert"), .keyfile = at("key"), .cacertfile = at("ca")
	};
	struct leat_err err = { 0 };
	struct leat_config *c;
	enum leat_ret r = LEAT_FAILED;

	(void)state;
	for (unsigned long i = 1; r != LEAT_OK; i++) {
		leat_pem_cache_clear();
		assert_int_equal(leat_config_new(&c, LEAT_SERVER, &err), LEAT_OK);
		leat_mem_fail_at(i);
		r = leat_config_use_files(c, &f, &err);
		leat_mem_fail_at(0);
		assert_int_equal(err.cls, r == LEAT_OK ? LEAT_E_NONE : LEAT_E_MEMORY);
		assert_true(r == LEAT_OK || (c->num_creds == 0 && !c->trust));
		err = (struct leat_err){ 0 };
		leat_config_unref(c);
	}
}

static void *name_files(void *arg)
{
	for (int i = 0; i < 200; i++) {
		leat_config_unref(with_files((struct leat_files){ .cacertfile = arg }));
		if (i % 16 == 0)
			leat_pem_cache_clear();
	}
	return NULL;
}

static void several_threads(void **state)
{
	pthread_t t[4];
	const char *ca = at("ca");

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, name_files, (void *)(uintptr_t)ca), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_true(held().files <= 1);
}

static int open_all(void **state)
{
	(void)state;
	pem_cache_use(test_now, NULL);
	return mkdtemp(dir) ? 0 : -1;
}

static int close_all(void **state)
{
	static const char *const names[] = { "ca", "cert", "key", "hard", "link", "link-of-link",
		"d/link", "d/up" };

	(void)state;
	leat_pem_cache_clear();
	pem_cache_use(NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(at(names[i]));
	rmdir(at("d"));
	pki_done();
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(paths_of_one_file, setup),
		cmocka_unit_test_setup(replaced_file, setup),
		cmocka_unit_test_setup(interval, setup),
		cmocka_unit_test_setup(validation, setup),
		cmocka_unit_test_setup(broken_files, setup),
		cmocka_unit_test_setup(gone_between_stat_and_read, setup),
		cmocka_unit_test_setup(missing_files, setup),
		cmocka_unit_test_setup(renewed_pair, setup),
		cmocka_unit_test_setup(shared_trust, setup),
		cmocka_unit_test_setup(sets_come_and_go, setup),
		cmocka_unit_test_setup(server_names, setup),
		cmocka_unit_test_setup(only_regular_files, setup),
		cmocka_unit_test_setup(bound, setup),
		cmocka_unit_test_setup(keys_are_wiped, setup),
		cmocka_unit_test_setup(each_allocation_fails, setup),
		cmocka_unit_test_setup(several_threads, setup),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}

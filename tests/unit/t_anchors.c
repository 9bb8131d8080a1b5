/* SPDX-License-Identifier: Apache-2.0
 *
 * t_anchors.c: sock/anchors.c. Files that are there, absent, unreadable, too large or of the wrong kind,
 * with the option, the path and the errno in the error; the system's trust from each of its places.
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
#include <openssl/dsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/app.h>

#include "base/mem.h"
#include "pki.h"
#include "sock/anchors.h"
#include "vec.h"

#define NONE ((struct leat_span){ NULL, 0 })

static char dir[] = "/tmp/leat-anchors-XXXXXX";

/* The path of name in the folder of this run; the last 32 answers stay valid. */
static const char *at(const char *name)
{
	static char paths[32][200];
	static int next;
	char *p = paths[next++ % 32];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static void put_file(const char *name, struct leat_span text)
{
	FILE *f = fopen(at(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

static struct leat_config *new_config(enum leat_role role)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	return c;
}

static void loads(struct leat_files f, unsigned creds, size_t anchors)
{
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };
	char text[400];

	if (leat_config_use_files(c, &f, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	assert_int_equal(c->num_creds, creds);
	assert_int_equal(c->trust ? store_num(c->trust) : 0, anchors);
	leat_config_unref(c);
}

/* The sentence holds all of: the file's role, its path, the reason. The config is as it was. */
static void refuses(
	struct leat_files f, const char *option, const char *path, int sys, const char *what)
{
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };
	char text[400];

	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
	leat_strerror(&err, text, sizeof(text));
	if (err.cls != LEAT_E_FILE || strcmp(err.option, option) != 0 || err.sys != sys ||
		!strstr(text, path) || !strstr(text, what))
		fail_msg("wanted %s %s %s (%d), got %s", option, path, what, sys, text);
	assert_int_equal(c->num_creds, 0);
	assert_null(c->trust);
	leat_config_unref(c);
}

/* The same for what is no file. */
static void refused_der(struct leat_files f, const char *option)
{
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, option);
	assert_int_equal(c->num_creds, 0);
	leat_config_unref(c);
}

static struct leat_span first_der(struct leat_span pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	unsigned char *der = NULL;
	struct leat_span copy;
	int n = i2d_X509(x, &der);

	assert_true(n > 0);
	copy = vec_copy(der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	BIO_free(in);
	return copy;
}

/* PrivateKeyInfo, or (bare) the algorithm's own form where it has one: RSAPrivateKey, ECPrivateKey. */
static struct leat_span der_of(EVP_PKEY *key, bool bare)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int kind = EVP_PKEY_get_base_id(key);
	unsigned char *der = NULL;
	struct leat_span copy;
	int n = bare && (kind == EVP_PKEY_RSA || kind == EVP_PKEY_EC || kind == EVP_PKEY_DSA)
			? i2d_PrivateKey(key, &der)
			: i2d_PKCS8_PRIV_KEY_INFO(info, &der);

	assert_true(n > 0);
	copy = vec_copy(der, (size_t)n);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	return copy;
}

static struct leat_span key_der(struct leat_span pem, bool bare)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

	assert_non_null(key);
	BIO_free(in);
	return der_of(key, bare);
}

/* DSAPrivateKey: read, and refused, since no suite signs with it. */
static struct leat_span dsa_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL, *key = NULL;

	assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024), 1);
	assert_int_equal(EVP_PKEY_paramgen(ctx, &params), 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	return der_of(key, true);
}

/* REQ: OPT-certfile OPT-keyfile */
static void certificate_and_key(void **state)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_files f = { 0 };
	struct leat_err err = { 0 };

	(void)state;
	put_file("cert", id->chain_pem);
	put_file("key", id->key_pem);
	put_file("both", pki_join(id->chain_pem, id->key_pem));
	put_file("ca", pki_join(pki_root_pem(), pki_stranger_pem()));
	f.certfile = at("cert");
	f.keyfile = at("key");
	loads(f, 1, 0);
	/* the chain certificates follow the own one */
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(cred_num(c->creds[0]), 2);
	/* a second call adds a second one */
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(c->num_creds, 2);
	leat_config_unref(c);
	/* keyfile is certfile unless given: a PEM may hold several entries */
	f = (struct leat_files){ .certfile = at("both") };
	loads(f, 1, 0);
	f.keyfile = at("key");
	loads(f, 1, 0);
	f = (struct leat_files){ .certfile = at("cert") };
	refuses(f, "keyfile", at("cert"), 0, "no private key");
	loads((struct leat_files){ 0 }, 0, 0);
}

/* Each part as DER overrides its file, which is not even opened; parts of both kinds go together.
 * REQ: OPT-cert OPT-key OPT-cacerts-c OPT-cacerts-s */
static void der_overrides_files(void **state)
{
	static const enum key_kind kinds[] = { KEY_RSA, KEY_EC_P256, KEY_ED25519 };
	const struct leat_span junk = vec_str("no DER");

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct pki_ident *id = pki_server(kinds[k]);
		struct leat_span cert = first_der(id->chain_pem), root = first_der(pki_root_pem());
		struct leat_files f = { .certfile = at("none"),
			.keyfile = at("none"),
			.cacertfile = at("none"),
			.cert = cert,
			.cacerts = &root,
			.num_cacerts = 1 };

		put_file("der-c", id->chain_pem);
		put_file("der-k", id->key_pem);
		for (int form = 0; form < 2; form++) {
			f.key = key_der(id->key_pem, form);
			loads(f, 1, 1);
		}
		/* DER certificate, PEM key; PEM certificate, DER key */
		loads((struct leat_files){ .cert = cert, .keyfile = at("der-k") }, 1, 0);
		loads((struct leat_files){ .certfile = at("der-c"), .key = f.key }, 1, 0);
		f.key = junk;
		refused_der(f, "key");
		f.cert = junk;
		refused_der(f, "cert");
		f = (struct leat_files){ .cacerts = &junk, .num_cacerts = 1 };
		refused_der(f, "cacerts");
		refused_der((struct leat_files){ .key = key_der(id->key_pem, 0) }, "key");
	}
	refused_der((struct leat_files){ .certfile = at("der-c"), .key = dsa_key() }, "key");
	unlink(at("der-c"));
	unlink(at("der-k"));
}

static void trusted_authorities(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_files f = { .cacertfile = at("ca") };
	struct leat_err err = { 0 };

	(void)state;
	loads(f, 0, 2);
	f.certfile = at("both");
	loads(f, 1, 2);
	/* own anchors take the place of the system's, and add to own ones */
	setenv("SSL_CERT_FILE", at("ca"), 1);
	assert_int_equal(leat_config_use_system_trust(c, &err), LEAT_OK);
	unsetenv("SSL_CERT_FILE");
	put_file("root", pki_root_pem());
	f = (struct leat_files){ .cacertfile = at("root") };
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(store_num(c->trust), 1);
	f.cacertfile = at("ca");
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(store_num(c->trust), 2);
	leat_config_unref(c);
}

/* REQ: ERR-options-file */
static void files_that_are_not_there(void **state)
{
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("key") };

	(void)state;
	f.cacertfile = at("absent");
	refuses(f, "cacertfile", "absent", ENOENT, "No such file");
	f.cacertfile = dir;
	refuses(f, "cacertfile", dir, EISDIR, "Is a directory");
	f.cacertfile = NULL;
	f.keyfile = at("absent");
	refuses(f, "keyfile", "absent", ENOENT, "No such file");
	f.certfile = at("cert/below");
	refuses(f, "certfile", "cert/below", ENOTDIR, "Not a directory");
	f.certfile = "";
	refuses(f, "certfile", "", ENOENT, "No such file");
	/* nothing is half-applied: the good certificate does not stay when the anchors fail (refuses
	 * looks), nor the anchors when the key fails */
	f = (struct leat_files){
		.certfile = at("cert"), .keyfile = at("ca"), .cacertfile = at("ca")
	};
	refuses(f, "keyfile", "ca", 0, "no private key");
}

static void files_of_the_wrong_kind(void **state)
{
	static const uint8_t junk[] =
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
	struct leat_files f = { .certfile = at("key"), .keyfile = at("key") };
	const char *empty = "/dev/null";

	(void)state;
	refuses(f, "certfile", "key", 0, "no certificate");
	f.certfile = empty;
	refuses(f, "certfile", empty, 0, "no certificate");
	f = (struct leat_files){ .certfile = at("cert"), .keyfile = empty };
	refuses(f, "keyfile", empty, 0, "no private key");
	put_file("other", pki_client(KEY_EC_P256)->key_pem);
	f.keyfile = at("other");
	refuses(f, "keyfile", "other", 0, "not that of the first certificate");
	f = (struct leat_files){ .cacertfile = at("key") };
	refuses(f, "cacertfile", "key", 0, "no certificate");
	put_file("junk", (struct leat_span){ junk, sizeof(junk) - 1 });
	f.cacertfile = at("junk");
	refuses(f, "cacertfile", "junk (certificate number 1)", 0, "not an X.509 certificate");
	f = (struct leat_files){ .certfile = at("junk") };
	refuses(f, "certfile", "junk (certificate number 1)", 0, "not an X.509 certificate");
}

/* Wrong password: an error that names the keyfile.  REQ: OPT-password */
static void passwords(void **state)
{
	BIO *b = BIO_new(BIO_s_mem());
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("sealed") };
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };
	char *p;
	long n;

	(void)state;
	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(b, made_evp_borrow(pki_server(KEY_EC_P256)->leaf),
			EVP_aes_256_cbc(), "secret", 6, NULL, NULL),
		1);
	n = BIO_get_mem_data(b, &p);
	put_file("sealed", (struct leat_span){ (uint8_t *)p, (size_t)n });
	BIO_free(b);
	f.password = "secret";
	loads(f, 1, 0);
	f.password = "wrong";
	refuses(f, "keyfile", "sealed", 0, "password does not open");
	f.password = NULL;
	refuses(f, "keyfile", "sealed", 0, "there is no password");
	f.password = "";
	refuses(f, "keyfile", "sealed", 0, "there is no password");
	/* used only when the key is encrypted */
	f.password = "not needed";
	f.keyfile = at("key");
	loads(f, 1, 0);
	/* options that hang in the air */
	f = (struct leat_files){ .password = "x" };
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "password");
	assert_string_equal(err.detail, ""); /* never the password */
	err = (struct leat_err){ 0 };
	f = (struct leat_files){ .keyfile = at("key") };
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
	assert_string_equal(err.option, "keyfile");
	leat_config_unref(c);
}

/* Root reads everything, so the test looks as nobody. */
static void unreadable_file(void **state)
{
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("secret") };
	bool root = geteuid() == 0;

	(void)state;
	put_file("secret", pki_server(KEY_EC_P256)->key_pem);
	assert_int_equal(chmod(at("secret"), 0), 0);
	assert_int_equal(chmod(at("cert"), 0644), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	refuses(f, "keyfile", "secret", EACCES, "Permission denied");
	if (root)
		assert_int_equal(seteuid(0), 0);
}

/* Bytes as given, no locale, no encoding.  REQ: TYPE-path */
static void path_of_any_bytes(void **state)
{
	const char *odd = at("\xff\xfe \t%s\x01;b\xc3(");
	struct leat_files f = { .certfile = at("cert"), .keyfile = odd };

	(void)state;
	put_file("\xff\xfe \t%s\x01;b\xc3(", pki_server(KEY_EC_P256)->key_pem);
	loads(f, 1, 0);
	/* in an error they are made printable */
	f = (struct leat_files){ .certfile = odd, .keyfile = at("key") };
	refuses(f, "certfile", "?? ?%s?;b?(", 0, "no certificate");
	assert_int_equal(unlink(odd), 0);
}

/* One below, at, and one above the bound. */
static void size_of_a_file(void **state)
{
	struct leat_wr w = { 0 };
	struct leat_err err = { 0 };
	FILE *f;

	(void)state;
	for (int over = -1; over <= 1; over++) {
		f = fopen(at("big"), "wb");
		assert_int_equal(ftruncate(fileno(f), (off_t)ANCHORS_FILE_MAX + over), 0);
		fclose(f);
		if (over <= 0) {
			assert_int_equal(anchors_read("certfile", at("big"), &w, &err), LEAT_OK);
			assert_int_equal(w.n, ANCHORS_FILE_MAX + over);
		} else {
			assert_int_equal(
				anchors_read("certfile", at("big"), &w, &err), LEAT_FAILED);
			assert_non_null(strstr(err.what, "16 MiB"));
		}
		leat_wr_clear(&w);
	}
	/* no end at all */
	err = (struct leat_err){ 0 };
	assert_int_equal(anchors_read("certfile", "/dev/zero", &w, &err), LEAT_FAILED);
	assert_non_null(strstr(err.what, "16 MiB"));
	leat_wr_clear(&w);
	unlink(at("big"));
}

/* A key that comes through a pipe, in pieces. */
static void *feed(void *arg)
{
	struct leat_span text = pki_server(KEY_EC_P256)->key_pem;
	FILE *f = fopen(arg, "w");

	for (size_t i = 0; f && i < text.n; i++) {
		fputc(text.p[i], f);
		if (i % 50 == 0)
			fflush(f);
	}
	if (f)
		fclose(f);
	return NULL;
}

static void pipe_as_a_file(void **state)
{
	struct leat_files f = { .certfile = at("cert"), .keyfile = at("pipe") };
	static char path[200];
	pthread_t t;

	(void)state;
	snprintf(path, sizeof(path), "%s", at("pipe"));
	(void)pki_server(KEY_EC_P256);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&t, NULL, feed, path), 0);
	loads(f, 1, 0);
	pthread_join(t, NULL);
}

/* ---- the system's trust --------------------------------------------------------------------------- */

static size_t system_num(char source[256])
{
	struct leat_err err = { 0 };
	struct store *s;
	char text[400];
	size_t n;

	if (anchors_load_system(&s, source, 256, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	n = store_num(s);
	store_unref(s);
	return n;
}

static void system_bundle(void **state)
{
	struct store *a, *b;
	struct leat_err err = { 0 };
	char source[256];

	(void)state;
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0) {
		print_message("SKIP: this machine has no ca-certificates\n");
		skip();
	}
	assert_true(system_num(source) > 50);
	assert_string_equal(source, "/etc/ssl/certs/ca-certificates.crt");
	/* the second caller shares the first one's */
	assert_int_equal(anchors_load_system(&a, source, 256, &err), LEAT_OK);
	assert_int_equal(anchors_load_system(&b, source, 256, &err), LEAT_OK);
	assert_ptr_equal(a, b);
	store_unref(a);
	store_unref(b);
}

static void system_from_the_environment(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };
	char source[256];

	(void)state;
	setenv("SSL_CERT_FILE", at("root"), 1);
	assert_int_equal(system_num(source), 1);
	assert_string_equal(source, at("root"));
	/* changes are seen at once */
	setenv("SSL_CERT_FILE", at("ca"), 1);
	assert_int_equal(system_num(source), 2);
	assert_int_equal(leat_config_use_system_trust(c, &err), LEAT_OK);
	assert_int_equal(store_num(c->trust), 2);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	/* and nothing is done to a frozen config */
	assert_int_equal(leat_config_use_system_trust(c, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(c);

	err = (struct leat_err){ 0 };
	c = new_config(LEAT_CLIENT);
	setenv("SSL_CERT_FILE", at("absent"), 1);
	assert_int_equal(leat_config_use_system_trust(c, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_FILE);
	assert_string_equal(err.option, "SSL_CERT_FILE");
	assert_int_equal(err.sys, ENOENT);
	assert_null(c->trust);
	err = (struct leat_err){ 0 };
	setenv("SSL_CERT_FILE", at("key"), 1);
	assert_int_equal(leat_config_use_system_trust(c, &err), LEAT_FAILED);
	assert_string_equal(err.detail, at("key"));
	unsetenv("SSL_CERT_FILE");
	leat_config_unref(c);
}

static void system_from_folders(void **state)
{
	struct leat_err err = { 0 };
	char source[256], list[600];
	struct store *s;

	(void)state;
	mkdir(at("d1"), 0755);
	mkdir(at("d2"), 0755);
	setenv("SSL_CERT_DIR", at("d1"), 1);
	assert_int_equal(anchors_load_system(&s, source, sizeof(source), &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_FILE);
	assert_non_null(strstr(err.what, "no certificate"));
	put_file("d1/one.pem", pki_root_pem());
	put_file("d1/README", pki_stranger_pem()); /* not by its name */
	put_file("d1/.hidden.pem", pki_stranger_pem());
	put_file("d1/junk.pem", pki_server(KEY_EC_P256)->key_pem); /* passed over */
	assert_int_equal(system_num(source), 1);
	/* as `openssl rehash` names them; the same certificate twice is one */
	put_file("d2/0123abcd.0", pki_root_pem());
	put_file("d2/0123abcd.1", pki_stranger_pem());
	put_file("d2/x.crt", pki_cert_pem(pki_inter()));
	snprintf(list, sizeof(list), ":%s:%s:", at("d1"), at("d2"));
	setenv("SSL_CERT_DIR", list, 1);
	assert_int_equal(system_num(source), 3);
	setenv("SSL_CERT_FILE", at("root"), 1);
	assert_int_equal(system_num(source), 3);
	unsetenv("SSL_CERT_FILE");
	err = (struct leat_err){ 0 };
	snprintf(list, sizeof(list), "%s:%s", at("d1"), at("d3"));
	setenv("SSL_CERT_DIR", list, 1);
	assert_int_equal(anchors_load_system(&s, source, sizeof(source), &err), LEAT_FAILED);
	assert_string_equal(err.option, "SSL_CERT_DIR");
	assert_string_equal(err.detail, at("d3"));
	assert_null(s);
	unsetenv("SSL_CERT_DIR");
}

static void first_of_several(void **state)
{
	struct leat_err err = { 0 };
	const char *paths[3] = { at("absent"), at("root"), at("ca") };
	struct store *s;
	size_t used = 9;

	(void)state;
	assert_int_equal(store_new(&s, &err), LEAT_OK);
	assert_int_equal(anchors_load_first(s, paths, 1, &used, &err), LEAT_UNSUPPORTED);
	assert_int_equal(err.cls, LEAT_E_NONE);
	assert_int_equal(anchors_load_first(s, paths, 3, &used, &err), LEAT_OK);
	assert_int_equal(used, 1);
	assert_int_equal(store_num(s), 1);
	/* one that is there but broken is an error, not a reason to look further */
	paths[0] = at("key");
	assert_int_equal(anchors_load_first(s, paths, 3, &used, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_FILE);
	store_unref(s);
}

/* PKCS #3 parameters of a prime that is all ones but for its last byte: 2048 bits, and odd. */
static struct leat_span dh_of(uint8_t last)
{
	static uint8_t b[4 + 4 + 257 + 3] = { 0x30, 0x82, 0x01, 0x08, 2, 0x82, 0x01, 0x01, 0 };

	memset(b + 9, 0xff, 255);
	b[264] = last;
	b[265] = 2;
	b[266] = 1;
	b[267] = 2;
	return (struct leat_span){ b, sizeof(b) };
}

/* PEM and DER from a file; dh overrides it, whichever comes first.  REQ: OPT-dh OPT-dhfile */
static void dh_parameters(void **state)
{
	struct leat_files f = { .dhfile = at("dh") };
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(c->dh.p.n, 0); /* the built-in parameters */
	put_file("dh", dh_of(0xfd));
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(c->dh.p.n, 256);
	assert_int_equal(c->dh.p.p[255], 0xfd);
	/* another file takes its place */
	put_file("dh", dh_of(0xfb));
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(c->dh.p.p[255], 0xfb);
	assert_int_equal(leat_config_set_dh(c, dh_of(0xf9), &err), LEAT_OK);
	assert_int_equal(c->dh.p.p[255], 0xf9);
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	assert_int_equal(c->dh.p.p[255], 0xf9);
	/* judged all the same */
	put_file("dh", (struct leat_span){ (const uint8_t *)"nothing of the kind", 19 });
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
	assert_int_equal(c->dh.p.p[255], 0xf9);
	refuses(f, "dhfile", f.dhfile, 0, "DH parameters");
	put_file("dh", dh_of(0xfe)); /* even */
	refuses(f, "dhfile", f.dhfile, 0, "not a prime");
	f.dhfile = at("absent");
	refuses(f, "dhfile", f.dhfile, ENOENT, "");
	leat_config_unref(c);
	c = new_config(LEAT_CLIENT);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "dhfile");
	leat_config_unref(c);
}

static void each_allocation_fails(void **state)
{
	struct leat_files f = { .certfile = at("both"), .cacertfile = at("ca") };
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };
	unsigned long num;

	(void)state;
	leat_mem_fail_at(0);
	assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_OK);
	num = leat_mem_fail_at(0);
	leat_config_unref(c);
	for (unsigned long i = 1; i <= num; i++) {
		c = new_config(LEAT_SERVER);
		err = (struct leat_err){ 0 };
		leat_mem_fail_at(i);
		assert_int_equal(leat_config_use_files(c, &f, &err), LEAT_FAILED);
		leat_mem_fail_at(0);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		assert_int_equal(c->num_creds, 0);
		assert_null(c->trust);
		leat_config_unref(c);
	}
}

/* Files change from test to test: what is kept of them is t_pem_cache.c's. */
static int open_all(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_app_set("bypass_pem_cache", "true", &err), LEAT_OK);
	return mkdtemp(dir) ? 0 : -1;
}

static int close_all(void **state)
{
	static const char *const names[] = { "cert", "key", "both", "ca", "root", "other", "junk",
		"sealed", "secret", "pipe", "dh", "d1/one.pem", "d1/README", "d1/.hidden.pem",
		"d1/junk.pem", "d2/0123abcd.0", "d2/0123abcd.1", "d2/x.crt" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(at(names[i]));
	rmdir(at("d1"));
	rmdir(at("d2"));
	pki_done();
	vec_free_all();
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_and_key),
		cmocka_unit_test(der_overrides_files),
		cmocka_unit_test(trusted_authorities),
		cmocka_unit_test(files_that_are_not_there),
		cmocka_unit_test(files_of_the_wrong_kind),
		cmocka_unit_test(passwords),
		cmocka_unit_test(unreadable_file),
		cmocka_unit_test(path_of_any_bytes),
		cmocka_unit_test(size_of_a_file),
		cmocka_unit_test(pipe_as_a_file),
		cmocka_unit_test(system_bundle),
		cmocka_unit_test(system_from_the_environment),
		cmocka_unit_test(system_from_folders),
		cmocka_unit_test(first_of_several),
		cmocka_unit_test(dh_parameters),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}

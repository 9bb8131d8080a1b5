/* SPDX-License-Identifier: Apache-2.0
 *
 * t_crl_cache.c - where CRLs come from: the internal cache, the program's callbacks, folders, text. What they are
 * worth is t_crl.c's; fetching is tests/interop/test_crl.py's.
 */
#include "crlkit.h"
#include "vec.h"

#include <openssl/evp.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "x509/crl.h"

#define URI "http://crl.test/a.crl"

static struct leat_span span_of(const char *s)
{
	return (struct leat_span){ (const uint8_t *)s, strlen(s) };
}

static struct leat_crl_cache *cache_new(void)
{
	struct leat_err err = { 0 };
	struct leat_crl_cache *c;

	assert_int_equal(leat_crl_cache_mem_new(&c, NULL, &err), LEAT_OK);
	return c;
}

static struct leat_span issuer_of(struct leat_span crl)
{
	static uint8_t name[512];
	struct leat_span s;
	struct crl *c;

	assert_int_equal(crl_new(&c, crl), LEAT_OK);
	s = crl_issuer(c);
	assert_in_range(s.n, 1, sizeof(name));
	memcpy(name, s.p, s.n);
	crl_unref(c);
	return (struct leat_span){ name, s.n };
}

static size_t found_by_issuer(struct leat_crl_cache *c, struct leat_span crl)
{
	struct leat_crl_list l = { 0 };
	size_t num;

	assert_int_equal(crl_cache_select(c, issuer_of(crl), PKI_NOW, &l), LEAT_OK);
	num = l.num;
	crl_list_clear(&l);
	return num;
}

static size_t found_at(struct leat_crl_cache *c, const char *uri)
{
	struct leat_span uris[] = { span_of("ldap://crl.test/"), span_of(uri) };
	struct leat_dist_point dp = { .uris = uris, .num_uris = 2 };
	struct leat_crl_list l = { 0 };
	enum leat_ret r = crl_cache_lookup(c, &dp, PKI_NOW, &l);
	size_t num = l.num;

	assert_int_equal(r, num ? LEAT_OK : LEAT_UNSUPPORTED);
	crl_list_clear(&l);
	return num;
}

static struct leat_span list_of(const struct made *issuer, long number)
{
	struct crl_spec s = crl_good(issuer);

	s.number = number;
	s.this_s += number;
	return crl_make(&s);
}

static void ok(enum leat_ret r, const struct leat_err *err)
{
	char text[300];

	if (r != LEAT_OK)
		fail_msg("%s", leat_strerror(err, text, sizeof(text)));
}

static void refused(
	enum leat_ret r, struct leat_err *err, enum leat_err_class cls, const char *what)
{
	assert_int_equal(r, LEAT_FAILED);
	assert_int_equal(err->cls, cls);
	if (!strstr(err->what, what))
		fail_msg("\"%s\", wanted \"%s\"", err->what, what);
	memset(err, 0, sizeof(*err));
}

/* ---- the internal cache ---- */

/* REQ: CRL-internal CRL-insert-1 T-crl-insert */
static void put_in_and_found_by_issuer(void **state)
{
	struct leat_span a = list_of(pki_root(), 1), b = list_of(pki_inter(), 1), both[] = { a, b };
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(found_by_issuer(c, a), 0);
	ok(leat_crl_insert_der(c, NULL, both, 2, &err), &err);
	assert_int_equal(found_by_issuer(c, a), 1);
	assert_int_equal(found_by_issuer(c, b), 1);
	assert_int_equal(found_at(c, URI), 0);
	ok(leat_crl_insert_der(c, NULL, &a, 1, &err), &err);
	assert_int_equal(found_by_issuer(c, a), 1); /* the same again */
	leat_crl_cache_unref(c);
}

static void a_newer_list_takes_the_place_of_an_older_one(void **state)
{
	struct leat_span a = list_of(pki_root(), 1), b = list_of(pki_root(), 2);
	struct crl_spec other = crl_good(pki_root()), delta = crl_good(pki_root());
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };

	(void)state;
	other.only_ca = true;
	delta.base = 1;
	ok(leat_crl_insert_der(c, NULL, &a, 1, &err), &err);
	ok(leat_crl_insert_der(c, NULL, &b, 1, &err), &err);
	assert_int_equal(found_by_issuer(c, a), 1);
	ok(leat_crl_delete_der(c, &b, 1, &err), &err); /* it is the newer one that is there */
	assert_int_equal(found_by_issuer(c, a), 0);
	ok(leat_crl_insert_der(c, NULL, &b, 1, &err), &err);
	ok(leat_crl_insert_der(c, NULL, &a, 1, &err), &err);
	assert_int_equal(found_by_issuer(c, a), 2); /* an older one does not */
	b = crl_make(&other);
	ok(leat_crl_insert_der(c, NULL, &b, 1, &err), &err);
	b = crl_make(&delta);
	ok(leat_crl_insert_der(c, NULL, &b, 1, &err), &err);
	assert_int_equal(found_by_issuer(c, a), 4); /* other scope, other kind */
	leat_crl_cache_unref(c);
}

/* REQ: CRL-insert-2 CRL-delete */
static void put_in_under_a_uri(void **state)
{
	struct leat_span a = list_of(pki_root(), 1), b = list_of(pki_inter(), 1), both[] = { a, b };
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };

	(void)state;
	ok(leat_crl_insert_der(c, URI, both, 2, &err), &err);
	assert_int_equal(found_at(c, URI), 2);
	assert_int_equal(found_by_issuer(c, a), 0);
	ok(leat_crl_delete_der(c, both, 2, &err), &err); /* those have no URI */
	assert_int_equal(found_at(c, URI), 2);
	ok(leat_crl_insert_der(c, URI, &b, 1, &err), &err);
	assert_int_equal(found_at(c, URI), 1); /* in place of what was there */
	ok(leat_crl_delete_uri(c, URI, &err), &err);
	assert_int_equal(found_at(c, URI), 0);
	ok(leat_crl_delete_uri(c, URI, &err), &err);
	ok(leat_crl_delete_der(c, &a, 1, &err), &err);
	leat_crl_cache_unref(c);
}

/* REQ: CRL-delete-keys */
static void uris_that_are_different_places(void **state)
{
	static const char *const others[] = { "http://crl2.test/a.crl",
		"http://crl.test:8080/a.crl", "http://crl.test/A.crl", "http://crl.test/a.crl?x",
		"http://crl.test/a.crl/", "http://user@crl.test/a.crl", "http://crl.test/" };
	static const char *const same[] = { "HTTP://crl.test/a.crl", "http://CRL.Test:80/a.crl",
		"http://crl.test/a.crl#part" };
	struct leat_span a = list_of(pki_root(), 1), b = list_of(pki_inter(), 1);
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };

	(void)state;
	ok(leat_crl_insert_der(c, URI, &a, 1, &err), &err);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(found_at(c, others[i]), 0);
		ok(leat_crl_insert_der(c, others[i], &b, 1, &err), &err);
		ok(leat_crl_delete_uri(c, others[i], &err), &err);
		assert_int_equal(found_at(c, URI), 1);
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(found_at(c, same[i]), 1);
	ok(leat_crl_insert_der(c, "http://x.test", &a, 1, &err), &err);
	assert_int_equal(found_at(c, "http://x.test:80/"), 1);
	assert_int_equal(found_at(c, "http://x.test?"), 0);
	leat_crl_cache_unref(c);
}

static void what_is_no_http_uri(void **state)
{
	static const char *const wrong[] = { "https://crl.test/a.crl", "ldap://crl.test/a",
		"file:///a", "", "http:/a", "http://", "http:///a", "http://:80/a",
		"http://crl.test/a b", "http://crl.test/\n", "http://crl.test/\x80" };
	struct leat_span a = list_of(pki_root(), 1);
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refused(leat_crl_insert_der(c, wrong[i], &a, 1, &err), &err, LEAT_E_OPTION,
			"only http distribution points");
		refused(leat_crl_delete_uri(c, wrong[i], &err), &err, LEAT_E_OPTION, "only http");
		assert_int_equal(found_at(c, wrong[i]), 0);
	}
	refused(leat_crl_delete_uri(c, NULL, &err), &err, LEAT_E_MISUSE, "no URI");
	leat_crl_cache_unref(c);
}

static void all_or_none(void **state)
{
	struct leat_span a = list_of(pki_root(), 1), cert = pki_der(pki_root());
	struct leat_span mixed[] = { a, cert }, longer = vec_copy(a.p, a.n), many[LIM_CRLS + 1];
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };
	struct crl *crl;

	(void)state;
	refused(leat_crl_insert_der(c, NULL, mixed, 2, &err), &err, LEAT_E_OPTION, "no CRL");
	refused(leat_crl_insert_der(c, NULL, mixed + 1, 1, &err), &err, LEAT_E_OPTION, "no CRL");
	assert_int_equal(found_by_issuer(c, a), 0);
	for (size_t n = 0; n < a.n; n++)
		assert_int_equal(
			crl_new(&crl, (struct leat_span){ longer.p, n }), LEAT_UNSUPPORTED);
	for (size_t i = 0; i < LIM_CRLS + 1; i++)
		many[i] = a;
	refused(leat_crl_insert_der(c, NULL, many, LIM_CRLS + 1, &err), &err, LEAT_E_OPTION,
		"more than");
	ok(leat_crl_insert_der(c, NULL, many, LIM_CRLS, &err), &err);
	leat_crl_cache_unref(c);
}

/* LIM_CRL bytes are read, one more is not looked at. */
static void the_longest_list(void **state)
{
	struct crl_spec s = crl_good(pki_root());
	struct leat_span der;
	struct crl *c;
	size_t n;

	(void)state;
	s.bulk = LIM_CRL - 10000;
	der = crl_make(&s);
	s.bulk += LIM_CRL - der.n;
	/* a signature may be a byte or two shorter than another */
	do
		der = crl_make(&s);
	while (der.n != LIM_CRL && (s.bulk += LIM_CRL - der.n));
	assert_int_equal(crl_new(&c, der), LEAT_OK);
	crl_unref(c);
	n = s.bulk++;
	do
		der = crl_make(&s);
	while (der.n != LIM_CRL + 1);
	assert_true(s.bulk > n);
	assert_int_equal(crl_new(&c, der), LEAT_UNSUPPORTED);
}

/* ---- PEM ---- */

static char *to_pem(struct leat_span der, const char *label, const char *header)
{
	uint8_t *b64 = malloc(der.n * 2 + 8);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int n = EVP_EncodeBlock(b64, der.p, (int)der.n);

	assert_non_null(f);
	fprintf(f, "-----BEGIN %s-----\n%s", label, header);
	for (int i = 0; i < n; i += 64)
		fprintf(f, "%.*s\n", n - i < 64 ? n - i : 64, (const char *)b64 + i);
	fprintf(f, "-----END %s-----\n", label);
	assert_int_equal(fclose(f), 0);
	free(b64);
	return text;
}

#define SECRET "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"

/* REQ: CRL-pem-filter */
static void only_plain_lists_of_a_pem_text(void **state)
{
	struct leat_span a = list_of(pki_root(), 1), b = list_of(pki_inter(), 1);
	char *plain = to_pem(a, "X509 CRL", ""), *secret = to_pem(b, "X509 CRL", SECRET);
	char *cert = to_pem(pki_der(pki_root()), "CERTIFICATE", "");
	char *broken = to_pem((struct leat_span){ a.p, a.n - 1 }, "X509 CRL", "");
	char text[8192];
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };
	size_t added;

	(void)state;
	snprintf(text, sizeof(text), "words\n%s%s%s", cert, secret, plain);
	ok(leat_crl_insert_pem(c, NULL, span_of(text), &added, &err), &err);
	assert_int_equal(added, 1);
	assert_int_equal(found_by_issuer(c, a), 1);
	assert_int_equal(found_by_issuer(c, b), 0);
	ok(leat_crl_delete_pem(c, span_of(text), &err), &err);
	assert_int_equal(found_by_issuer(c, a), 0);

	snprintf(text, sizeof(text), "%s%s", cert, secret);
	refused(leat_crl_insert_pem(c, NULL, span_of(text), &added, &err), &err, LEAT_E_OPTION,
		"no CRL in the text");
	snprintf(text, sizeof(text), "%s%s", plain, broken);
	refused(leat_crl_insert_pem(c, NULL, span_of(text), &added, &err), &err, LEAT_E_OPTION,
		"no CRL in the text");
	refused(leat_crl_insert_pem(c, NULL, span_of(""), &added, &err), &err, LEAT_E_OPTION,
		"no CRL in the text");
	refused(leat_crl_delete_pem(c, span_of("words"), &err), &err, LEAT_E_OPTION, "no CRL");
	assert_int_equal(added, 0);
	assert_int_equal(found_by_issuer(c, a), 0);
	free(plain);
	free(secret);
	free(cert);
	free(broken);
	leat_crl_cache_unref(c);
}

/* ---- files, folders, text ---- */

static char folder[] = "/tmp/t_crl_XXXXXX";

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *write_file(const char *name, struct leat_span bytes)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	fclose(f);
	return path;
}

static void files(void **state)
{
	struct leat_span a = list_of(pki_root(), 1);
	char *pem = to_pem(a, "X509 CRL", "");
	struct leat_crl_cache *c = cache_new();
	struct leat_err err = { 0 };
	size_t added;

	(void)state;
	ok(leat_crl_insert_file(c, NULL, write_file("a.pem", span_of(pem)), &added, &err), &err);
	assert_int_equal(added, 1);
	assert_int_equal(found_by_issuer(c, a), 1);
	ok(leat_crl_delete_file(c, path_of("a.pem"), &err), &err);
	assert_int_equal(found_by_issuer(c, a), 0);
	ok(leat_crl_insert_file(c, URI, path_of("a.pem"), NULL, &err), &err);
	assert_int_equal(found_at(c, URI), 1);
	refused(leat_crl_insert_file(c, "https://x/", path_of("a.pem"), NULL, &err), &err,
		LEAT_E_OPTION, "only http");
	refused(leat_crl_insert_file(c, NULL, path_of("none"), NULL, &err), &err, LEAT_E_FILE,
		"cannot be opened");
	refused(leat_crl_insert_file(c, NULL, write_file("x", span_of("x")), NULL, &err), &err,
		LEAT_E_FILE, "no CRL in the text");
	refused(leat_crl_delete_file(c, path_of("x"), &err), &err, LEAT_E_FILE, "no CRL");
	free(pem);
	leat_crl_cache_unref(c);
}

/* REQ: CRLAPI-hashdir */
static void a_folder(void **state)
{
	struct leat_span old, now = list_of(pki_root(), 2), other = list_of(pki_inter(), 1);
	struct crl_spec s = crl_good(pki_root());
	struct leat_crl_cache *c;
	struct leat_err err = { 0 };
	char name[64];
	uint32_t hash;

	(void)state;
	s.next_s = PKI_NOW;
	old = crl_make(&s);
	assert_true(crl_name_hash(issuer_of(now), &hash));
	refused(leat_crl_cache_dir_new(&c, path_of("none"), &err), &err, LEAT_E_FILE,
		"is no folder");
	ok(leat_crl_cache_dir_new(&c, folder, &err), &err);
	assert_int_equal(found_by_issuer(c, now), 0);
	snprintf(name, sizeof(name), "%08x.r0", hash);
	write_file(name, old);
	assert_int_equal(found_by_issuer(c, now), 0); /* expired: as if it were not there */
	snprintf(name, sizeof(name), "%08x.r1", hash);
	write_file(name, other); /* another issuer of that hash, as far as this lookup knows */
	assert_int_equal(found_by_issuer(c, now), 0);
	snprintf(name, sizeof(name), "%08x.r2", hash);
	write_file(name, span_of("rubbish"));
	assert_int_equal(found_by_issuer(c, now), 0);
	snprintf(name, sizeof(name), "%08x.r3", hash);
	write_file(name, now);
	assert_int_equal(found_by_issuer(c, now), 1);
	snprintf(name, sizeof(name), "%08x.r1", hash);
	unlink(path_of(name)); /* numbers end at the first that is missing */
	assert_int_equal(found_by_issuer(c, now), 0);
	refused(leat_crl_insert_der(c, NULL, &now, 1, &err), &err, LEAT_E_MISUSE,
		"not an internal");
	refused(leat_crl_delete_uri(c, URI, &err), &err, LEAT_E_MISUSE, "not an internal");
	leat_crl_cache_unref(c);
}

static void caches_by_name(void **state)
{
	static const char *const wrong[] = { "", "intern", "internal,", "internal,http",
		"internal,http=", "internal,http=0", "internal,http=x", "internal,http=1x",
		"internal,http=600001", "internal,http=-1", "memory:1", "dir:/tmp,http=5" };
	struct leat_span a = list_of(pki_root(), 1);
	char *pem = to_pem(a, "X509 CRL", ""), text[300];
	struct leat_crl_cache *c, *internal = leat_crl_cache_internal();
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(leat_crl_cache_open(&c, wrong[i], &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_OPTION);
		assert_string_equal(err.option, "crl_cache");
		assert_null(c);
		memset(&err, 0, sizeof(err));
	}
	ok(leat_crl_cache_open(&c, "internal", &err), &err);
	assert_ptr_equal(c, internal);
	leat_crl_cache_unref(c);
	ok(leat_crl_insert_der(internal, NULL, &a, 1, &err), &err);
	ok(leat_crl_cache_open(&c, "internal,http=1000", &err), &err);
	assert_int_equal(found_by_issuer(c, a), 1); /* what it stands on is asked, too */
	leat_crl_cache_unref(c);
	ok(leat_crl_delete_der(internal, &a, 1, &err), &err);
	leat_crl_cache_unref(internal);
	snprintf(text, sizeof(text), "file:%s", write_file("by,name.pem", span_of(pem)));
	ok(leat_crl_cache_open(&c, text, &err), &err);
	assert_int_equal(found_by_issuer(c, a), 1);
	leat_crl_cache_unref(c);
	refused(leat_crl_cache_open(&c, "file:/none", &err), &err, LEAT_E_FILE, "cannot be opened");
	snprintf(text, sizeof(text), "dir:%s", folder);
	ok(leat_crl_cache_open(&c, text, &err), &err);
	leat_crl_cache_unref(c);
	free(pem);
}

/* ---- callbacks ---- */

static enum leat_ret say_failed(
	void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	(void)issuer;
	(void)now_s;
	(void)out;
	*(int *)db += 1;
	return LEAT_FAILED;
}

static enum leat_ret say_list(
	void *db, const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out)
{
	struct leat_span a = list_of(pki_root(), 1);
	size_t n;

	(void)dp;
	(void)now_s;
	*(int *)db += 10;
	assert_int_equal(leat_crl_list_add(out, span_of("rubbish")), LEAT_UNSUPPORTED);
	for (n = 0; leat_crl_list_add(out, a) == LEAT_OK; n++)
		;
	assert_int_equal(n, LIM_CRLS);
	return LEAT_OK;
}

static void free_db(void *db)
{
	*(int *)db += 100;
}

/* REQ: CRLAPI-type-ref CRLAPI-lookup CRLAPI-select */
static void callbacks(void **state)
{
	struct leat_crl_cache_ops ops = { say_list, say_failed, NULL, free_db };
	struct leat_crl_list l = { 0 };
	struct leat_crl_cache *c;
	struct leat_err err = { 0 };
	int db = 0;

	(void)state;
	ok(leat_crl_cache_cb_new(&c, &ops, &db, &err), &err);
	assert_int_equal(found_at(c, URI), LIM_CRLS);
	assert_int_equal(crl_cache_select(c, issuer_of(list_of(pki_root(), 1)), PKI_NOW, &l),
		LEAT_UNSUPPORTED);
	leat_crl_cache_unref(leat_crl_cache_ref(c));
	assert_int_equal(db, 11);
	leat_crl_cache_unref(c);
	assert_int_equal(db, 111);
	ops.select = NULL;
	refused(leat_crl_cache_cb_new(&c, &ops, &db, &err), &err, LEAT_E_MISUSE, "needed");
	leat_crl_cache_unref(NULL);
}

/* ---- memory ---- */

static void every_allocation_may_fail(void **state)
{
	struct leat_span a = list_of(pki_root(), 1), b = list_of(pki_inter(), 1), both[] = { a, b };
	struct leat_crl_cache *c = NULL;
	struct leat_err err;
	enum leat_ret r = LEAT_FAILED;

	(void)state;
	for (unsigned long nth = 1; r != LEAT_OK && nth < 100; nth++) {
		memset(&err, 0, sizeof(err));
		leat_mem_fail_at(nth);
		r = leat_crl_cache_mem_new(&c, NULL, &err);
		if (r == LEAT_OK)
			r = leat_crl_insert_der(c, URI, both, 2, &err);
		leat_mem_fail_at(0);
		if (r == LEAT_OK)
			break;
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		if (c)
			assert_int_equal(found_at(c, URI), 0);
		leat_crl_cache_unref(c);
		c = NULL;
	}
	assert_int_equal(found_at(c, URI), 2);
	leat_crl_cache_unref(c);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	pki_done();
	return vec_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_in_and_found_by_issuer),
		cmocka_unit_test(a_newer_list_takes_the_place_of_an_older_one),
		cmocka_unit_test(put_in_under_a_uri),
		cmocka_unit_test(uris_that_are_different_places),
		cmocka_unit_test(what_is_no_http_uri),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(the_longest_list),
		cmocka_unit_test(only_plain_lists_of_a_pem_text),
		cmocka_unit_test(files),
		cmocka_unit_test(a_folder),
		cmocka_unit_test(caches_by_name),
		cmocka_unit_test(callbacks),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

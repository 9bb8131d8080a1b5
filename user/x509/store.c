/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - trust anchors. Filled by config/ and sock/anchors before the config is frozen, read by
 * verify.c (through libcrypto's X509_STORE) and hs/ (subjects for certificate_authorities).
 *
 * The anchors stand in an array of our own beside the X509_STORE: it keeps their order, and it is
 * the seat for an index that parses an anchor only when a chain asks for it.
 */
#include "x509/store.h"

#include <openssl/x509_vfy.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/pem.h"
#include "x509/san.h"

struct store {
	atomic_uint refs;
	X509_STORE *xs;
	X509 **anchors;
	size_t num, cap;
};

enum leat_ret store_new(struct store **out, struct leat_err *err)
{
	struct store *s = leat_zalloc(sizeof(*s));

	*out = NULL;
	if (!s)
		return err_memory(err);
	atomic_init(&s->refs, 1);
	s->xs = X509_STORE_new();
	if (!s->xs) {
		ossl_forget();
		leat_free(s);
		return err_memory(err);
	}
	*out = s;
	return LEAT_OK;
}

struct store *store_ref(struct store *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static void free_list(X509 **list, size_t num)
{
	for (size_t i = 0; i < num; i++)
		X509_free(list[i]);
	leat_free(list);
}

void store_unref(struct store *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	free_list(s->anchors, s->num);
	X509_STORE_free(s->xs);
	leat_free(s);
}

size_t store_num(const struct store *s)
{
	return s->num;
}

struct leat_span store_subject(const struct store *s, size_t i)
{
	struct leat_span name = { NULL, 0 };

	if (i < s->num &&
		!X509_NAME_get0_der(X509_get_subject_name(s->anchors[i]), &name.p, &name.n))
		name = (struct leat_span){ NULL, 0 };
	return name;
}

void *store_x509_borrow(const struct store *s)
{
	return s->xs;
}

/* Room for one more; keeps the list as it is on failure. */
static bool grow(X509 ***list, size_t num, size_t *cap)
{
	size_t want = *cap ? *cap * 2 : 16;
	X509 **more;

	if (num < *cap)
		return true;
	more = leat_array(want, sizeof(*more));
	if (!more)
		return false;
	if (num > 0)
		memcpy(more, *list, num * sizeof(*more));
	leat_free(*list);
	*list = more;
	*cap = want;
	return true;
}

static bool has_anchor(const struct store *s, const X509 *x)
{
	for (size_t i = 0; i < s->num; i++)
		if (X509_cmp(s->anchors[i], x) == 0)
			return true;
	return false;
}

/* All of them or none: room is made first, and libcrypto's own store (which can fail half-way)
 * holding an anchor more than the list would be an anchor nobody asked for, so it is made anew. */
static enum leat_ret commit(struct store *s, X509 **list, size_t num, struct leat_err *err)
{
	X509_STORE *fresh = X509_STORE_new();
	size_t was = s->num;
	bool ok = fresh != NULL;

	for (size_t i = 0; ok && i < num; i++) {
		if (has_anchor(s, list[i]))
			continue;
		ok = grow(&s->anchors, s->num, &s->cap);
		if (ok) {
			X509_up_ref(list[i]);
			s->anchors[s->num++] = list[i];
		}
	}
	for (size_t i = 0; ok && i < s->num; i++)
		ok = X509_STORE_add_cert(fresh, s->anchors[i]) == 1;
	ossl_forget();
	if (!ok) {
		while (s->num > was)
			X509_free(s->anchors[--s->num]);
		X509_STORE_free(fresh);
		return err_memory(err);
	}
	X509_STORE_free(s->xs);
	s->xs = fresh;
	return LEAT_OK;
}

static enum leat_ret refuse(struct leat_err *err, size_t number, const char *what)
{
	err_raise(err, LEAT_E_OPTION, 0, 0, LEAT_HERE, what);
	err->option = "cacerts";
	if (number > 0)
		err_detailf(err, "certificate number %zu", number);
	return LEAT_FAILED;
}

static enum leat_ret read_pem(BIO *in, X509 ***list, size_t *num, size_t *cap, struct leat_err *err)
{
	enum leat_ret ret = LEAT_FAILED;
	struct pem b = { 0 };
	bool memory;
	X509 *x;

	for (;;) {
		switch (pem_next(in, &b)) {
		case PEM_BLOCK: break;
		case PEM_END: ret = LEAT_OK; goto out;
		case PEM_MEMORY: err_memory(err); goto out;
		case PEM_BROKEN: refuse(err, *num + 1, "broken PEM text"); goto out;
		}
		if (!pem_is_cert(&b))
			continue;
		x = san_parse_cert((struct leat_span){ b.p, (size_t)b.n }, &memory);
		if (!x) {
			if (memory)
				err_memory(err);
			else
				refuse(err, *num + 1, "not an X.509 certificate");
			goto out;
		}
		if (!grow(list, *num, cap)) {
			X509_free(x);
			err_memory(err);
			goto out;
		}
		(*list)[(*num)++] = x;
	}
out:
	pem_clear(&b);
	return ret;
}

enum leat_ret store_add_pem(
	struct store *s, struct leat_span pem, size_t *added, struct leat_err *err)
{
	enum leat_ret ret = LEAT_FAILED;
	BIO *in = pem_open(pem);
	size_t num = 0, cap = 0;
	X509 **list = NULL;

	if (added)
		*added = 0;
	if (!in)
		return err_memory(err);
	if (read_pem(in, &list, &num, &cap, err) != LEAT_OK)
		goto out;
	if (num == 0) {
		refuse(err, 0, "no certificate in the text");
		goto out;
	}
	ret = commit(s, list, num, err);
	if (ret == LEAT_OK && added)
		*added = num;
out:
	free_list(list, num);
	BIO_free(in);
	return ret;
}

enum leat_ret store_add_der(struct store *s, struct leat_span der, struct leat_err *err)
{
	enum leat_ret ret;
	bool memory;
	X509 *x = san_parse_cert(der, &memory);

	if (!x)
		return memory ? err_memory(err) : refuse(err, 0, "not an X.509 certificate");
	ret = commit(s, &x, 1, err);
	X509_free(x);
	return ret;
}

enum leat_ret store_add_all(struct store *s, const struct store *from, struct leat_err *err)
{
	return commit(s, from->anchors, from->num, err);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - trust anchors. Filled by config/ and sock/anchors before the config is frozen, read by
 * lean.c and verify.c and by hs/ (subjects for certificate_authorities).
 *
 * A system's bundle has 150 anchors and a connection needs one. So an anchor is its DER and a number
 * that stands for its subject; libcrypto's X509 of it (0.1 ms and 6 KB each) is made when a chain asks
 * for that subject, and kept. An anchor that der.c does not understand is parsed when it is added, to
 * know that it is a certificate, and counts as having any subject.
 */
#include "x509/store.h"

#include <openssl/x509_vfy.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/cache.h"
#include "x509/der.h"
#include "x509/pem.h"
#include "x509/san.h"
#include "x509/spki.h"
#include "x509/store_int.h"

/* The bytes of the anchors that came with one call. */
struct block {
	struct block *next;
	uint8_t b[];
};

struct anchor {
	struct leat_span der, subject;
	bool plain;
	/* made on demand; who comes second throws its own away */
	_Atomic(X509 *) x509;
	_Atomic(struct key *) key;
};

struct store {
	atomic_uint refs;
	uint64_t generation;
	struct anchor *anchors;
	uint64_t *hashes; /* of the subjects, in the same order; meaningful for plain ones */
	size_t num, cap, num_odd;
	struct block *blocks;
	struct cache *cache;
};

static uint64_t next_generation(void)
{
	static atomic_uint_fast64_t last;

	return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

enum leat_ret store_new(struct store **out, struct leat_err *err)
{
	struct store *s = leat_zalloc(sizeof(*s));

	*out = NULL;
	if (!s)
		return err_memory(err);
	s->cache = cache_new();
	if (!s->cache) {
		leat_free(s);
		return err_memory(err);
	}
	atomic_init(&s->refs, 1);
	s->generation = next_generation();
	*out = s;
	return LEAT_OK;
}

struct store *store_ref(struct store *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

bool store_is_shared(const struct store *s)
{
	return atomic_load_explicit(&s->refs, memory_order_acquire) > 1;
}

static void clear_anchor(struct anchor *a)
{
	X509_free(atomic_load_explicit(&a->x509, memory_order_relaxed));
	key_unref(atomic_load_explicit(&a->key, memory_order_relaxed));
}

void store_unref(struct store *s)
{
	struct block *b, *next;

	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->num; i++)
		clear_anchor(&s->anchors[i]);
	for (b = s->blocks; b; b = next) {
		next = b->next;
		leat_free(b);
	}
	leat_free(s->anchors);
	leat_free(s->hashes);
	cache_free(s->cache);
	leat_free(s);
}

size_t store_num(const struct store *s)
{
	return s->num;
}

uint64_t store_generation(const struct store *s)
{
	return s->generation;
}

struct cache *store_cache(const struct store *s)
{
	return s->cache;
}

struct leat_span store_subject(const struct store *s, size_t i)
{
	return i < s->num ? s->anchors[i].subject : (struct leat_span){ NULL, 0 };
}

struct leat_span store_der(const struct store *s, size_t i)
{
	return s->anchors[i].der;
}

size_t store_num_odd(const struct store *s)
{
	return s->num_odd;
}

size_t store_named(const struct store *s, uint64_t hash, size_t *at)
{
	size_t found = 0;

	for (size_t i = 0; i < s->num; i++)
		if (s->hashes[i] == hash && s->anchors[i].plain) {
			*at = i;
			found++;
		}
	return found;
}

/* The cached object is an effect of looking, not a change of the store. */
static struct anchor *anchor_at(const struct store *s, size_t i)
{
	return &s->anchors[i];
}

const struct key *store_key(const struct store *s, const struct crypto *c, size_t i)
{
	struct anchor *a = anchor_at(s, i);
	struct key *key = atomic_load_explicit(&a->key, memory_order_acquire), *nobody = NULL;
	struct der_cert cert;

	if (key || !a->plain || !der_cert(a->der, &cert))
		return key;
	key = spki_key(c, &cert);
	if (key && !atomic_compare_exchange_strong_explicit(
			   &a->key, &nobody, key, memory_order_acq_rel, memory_order_acquire)) {
		key_unref(key);
		key = nobody;
	}
	return key;
}

static X509 *anchor_x509(struct anchor *a)
{
	X509 *x = atomic_load_explicit(&a->x509, memory_order_acquire), *nobody = NULL;
	bool memory;

	if (x)
		return x;
	x = san_parse_cert(a->der, &memory);
	if (x && !atomic_compare_exchange_strong_explicit(
			 &a->x509, &nobody, x, memory_order_acq_rel, memory_order_acquire)) {
		X509_free(x);
		x = nobody;
	}
	return x;
}

struct leat_span store_der_of(const struct store *s, const X509 *x)
{
	for (size_t i = 0; s && i < s->num; i++)
		if (atomic_load_explicit(&s->anchors[i].x509, memory_order_acquire) == x)
			return s->anchors[i].der;
	return (struct leat_span){ NULL, 0 };
}

/* ---- a small X509_STORE for one verification ---------------------------------------------------- */

#define WANTED_MAX 64

struct wanted {
	bool all; /* names are not enough to tell */
	uint64_t hash[WANTED_MAX];
	size_t num;
};

static void want_hash(struct wanted *w, uint64_t hash)
{
	for (size_t k = 0; k < w->num; k++)
		if (w->hash[k] == hash)
			return;
	if (w->num == WANTED_MAX)
		w->all = true;
	else
		w->hash[w->num++] = hash;
}

static void want_name(struct wanted *w, const X509_NAME *name)
{
	struct leat_span der;
	uint64_t hash;

	if (X509_NAME_get0_der(name, &der.p, &der.n) == 1 && der_name_hash(der, &hash))
		want_hash(w, hash);
	else
		w->all = true;
}

static bool is_wanted(const struct wanted *w, const struct store *s, size_t i)
{
	if (w->all || !s->anchors[i].plain)
		return true;
	for (size_t k = 0; k < w->num; k++)
		if (w->hash[k] == s->hashes[i])
			return true;
	return false;
}

/* An anchor that was issued by another one is only of use with that one. */
static void want_issuers(struct wanted *w, const struct store *s)
{
	struct der_cert c;
	uint64_t hash;
	size_t before;
	X509 *x;

	do {
		before = w->num;
		for (size_t i = 0; i < s->num && !w->all; i++) {
			if (!is_wanted(w, s, i))
				continue;
			x = s->anchors[i].plain ? NULL : anchor_x509(anchor_at(s, i));
			if (x)
				want_name(w, X509_get_issuer_name(x));
			else if (der_cert(s->anchors[i].der, &c) && der_name_hash(c.issuer, &hash))
				want_hash(w, hash);
			else
				w->all = true;
		}
	} while (!w->all && w->num > before);
}

void *store_select(const struct store *s, const STACK_OF(X509) * chain)
{
	X509_STORE *xs = X509_STORE_new();
	struct wanted w = { 0 };
	X509 *x;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		want_name(&w, X509_get_subject_name(sk_X509_value(chain, i)));
		want_name(&w, X509_get_issuer_name(sk_X509_value(chain, i)));
	}
	want_issuers(&w, s);
	for (size_t i = 0; xs && i < s->num; i++) {
		if (!is_wanted(&w, s, i))
			continue;
		x = anchor_x509(anchor_at(s, i));
		if (!x || X509_STORE_add_cert(xs, x) != 1) {
			X509_STORE_free(xs);
			xs = NULL;
		}
	}
	ossl_forget();
	return xs;
}

void *store_anchors(const struct store *s, const STACK_OF(X509) * chain, size_t claimed)
{
	X509_STORE *xs;

	if (s && !claimed)
		return store_select(s, chain);
	xs = X509_STORE_new();
	if (xs && claimed && X509_STORE_add_cert(xs, sk_X509_value(chain, (int)claimed)) != 1) {
		X509_STORE_free(xs);
		xs = NULL;
	}
	return xs;
}

STACK_OF(X509) * store_subjects(const struct store *s, const X509_NAME *name)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	struct wanted w = { 0 };
	X509 *x;

	want_name(&w, name);
	for (size_t i = 0; all && i < s->num; i++) {
		if (!is_wanted(&w, s, i))
			continue;
		x = anchor_x509(anchor_at(s, i));
		if (x && X509_NAME_cmp(X509_get_subject_name(x), name) != 0)
			continue;
		if (!x || X509_add_cert(all, x, X509_ADD_FLAG_UP_REF) != 1) {
			sk_X509_pop_free(all, X509_free);
			all = NULL;
		}
	}
	ossl_forget();
	return all;
}

/* ---- filling ------------------------------------------------------------------------------------- */

static enum leat_ret refuse(struct leat_err *err, size_t number, const char *what)
{
	err_raise(err, LEAT_E_OPTION, 0, 0, LEAT_HERE, what);
	err->option = "cacerts";
	if (number > 0)
		err_detailf(err, "certificate number %zu", number);
	return LEAT_FAILED;
}

/* Room for num more; keeps what there is on failure. */
static bool grow(struct store *s, size_t num)
{
	struct anchor *anchors;
	uint64_t *hashes;
	size_t want;

	if (!leat_add_ok(s->num, num, &want))
		return false;
	if (want <= s->cap)
		return true;
	if (s->cap > 0 && want < 2 * s->cap)
		want = 2 * s->cap;
	anchors = leat_array(want, sizeof(*anchors));
	hashes = leat_array(want, sizeof(*hashes));
	if (!anchors || !hashes) {
		leat_free(anchors);
		leat_free(hashes);
		return false;
	}
	if (s->num > 0) {
		memcpy(anchors, s->anchors, s->num * sizeof(*anchors));
		memcpy(hashes, s->hashes, s->num * sizeof(*hashes));
	}
	leat_free(s->anchors);
	leat_free(s->hashes);
	s->anchors = anchors;
	s->hashes = hashes;
	s->cap = want;
	return true;
}

static bool has_anchor(const struct store *s, struct leat_span der, uint64_t hash)
{
	for (size_t i = 0; i < s->num; i++)
		if (s->hashes[i] == hash && s->anchors[i].der.n == der.n &&
			memcmp(s->anchors[i].der.p, der.p, der.n) == 0)
			return true;
	return false;
}

/* One anchor behind the last; there is room. The bytes belong to a block of the store's. */
static enum leat_ret add_one(
	struct store *s, struct leat_span der, size_t number, struct leat_err *err)
{
	struct anchor a = { .der = der };
	uint64_t hash = 0;
	struct der_cert c;
	bool memory;
	X509 *x = NULL;

	a.plain = der_cert(der, &c) && der_name_hash(c.subject, &hash);
	if (a.plain) {
		a.subject = c.subject;
	} else {
		x = san_parse_cert(der, &memory);
		if (!x)
			return memory ? err_memory(err)
				      : refuse(err, number, "not an X.509 certificate");
		if (X509_NAME_get0_der(X509_get_subject_name(x), &a.subject.p, &a.subject.n) != 1)
			a.subject = (struct leat_span){ NULL, 0 };
	}
	if (has_anchor(s, der, hash)) {
		X509_free(x);
		return LEAT_OK;
	}
	atomic_init(&a.x509, x);
	atomic_init(&a.key, NULL);
	s->num_odd += !a.plain;
	s->hashes[s->num] = hash;
	s->anchors[s->num++] = a;
	return LEAT_OK;
}

/* All of them or none; the block is the store's afterwards, or freed. Numbered from `first` in errors;
 * 0: not numbered. */
static enum leat_ret commit(struct store *s, struct block *b, const struct leat_span *list,
	size_t num, size_t first, struct leat_err *err)
{
	size_t was = s->num, odd = s->num_odd;
	enum leat_ret ret = LEAT_OK;

	if (!grow(s, num))
		ret = err_memory(err);
	for (size_t i = 0; ret == LEAT_OK && i < num; i++)
		ret = add_one(s, list[i], first ? first + i : 0, err);
	if (ret != LEAT_OK) {
		while (s->num > was)
			clear_anchor(&s->anchors[--s->num]);
		s->num_odd = odd;
		leat_free(b);
		return ret;
	}
	b->next = s->blocks;
	s->blocks = b;
	s->generation = next_generation();
	return LEAT_OK;
}

/* PEM of unusual make, by libcrypto's reader; the bytes of all blocks into b. */
static enum leat_ret read_pem(struct leat_span pem, uint8_t *room, struct leat_span *list,
	size_t max, size_t *num, struct leat_err *err)
{
	enum leat_ret ret = LEAT_FAILED;
	BIO *in = pem_open(pem);
	struct pem b = { 0 };

	if (!in)
		return err_memory(err);
	for (*num = 0;;) {
		switch (pem_next(in, &b)) {
		case PEM_BLOCK: break;
		case PEM_END: ret = LEAT_OK; goto out;
		case PEM_MEMORY: err_memory(err); goto out;
		case PEM_BROKEN: refuse(err, *num + 1, "broken PEM text"); goto out;
		}
		if (!pem_is_cert(&b))
			continue;
		if (*num == max || b.n < 0) {
			refuse(err, *num + 1, "broken PEM text");
			goto out;
		}
		memcpy(room, b.p, (size_t)b.n);
		list[(*num)++] = (struct leat_span){ room, (size_t)b.n };
		room += b.n;
	}
out:
	pem_clear(&b);
	BIO_free(in);
	return ret;
}

enum leat_ret store_add_pem(
	struct store *s, struct leat_span pem, size_t *added, struct leat_err *err)
{
	size_t max = pem_certs_max(pem), num = 0;
	struct leat_span *list;
	struct block *b;
	enum leat_ret ret;

	if (added)
		*added = 0;
	if (max == 0)
		return refuse(err, 0, "no certificate in the text");
	list = leat_array(max, sizeof(*list));
	/* base64 makes four characters of three bytes */
	b = leat_malloc(sizeof(*b) + pem.n / 4 * 3 + 3);
	if (!list || !b) {
		leat_free(b);
		leat_free(list);
		return err_memory(err);
	}
	ret = LEAT_OK;
	if (!pem_certs(pem, b->b, list, max, &num))
		ret = read_pem(pem, b->b, list, max, &num, err);
	if (ret == LEAT_OK && num == 0)
		ret = refuse(err, 0, "no certificate in the text");
	if (ret != LEAT_OK) {
		leat_free(b);
	} else {
		ret = commit(s, b, list, num, 1, err);
		if (ret == LEAT_OK && added)
			*added = num;
	}
	leat_free(list);
	return ret;
}

enum leat_ret store_add_der(struct store *s, struct leat_span der, struct leat_err *err)
{
	struct block *b = leat_malloc(sizeof(*b) + der.n);
	struct leat_span copy;

	if (!b)
		return err_memory(err);
	if (der.n > 0)
		memcpy(b->b, der.p, der.n);
	copy = (struct leat_span){ b->b, der.n };
	return commit(s, b, &copy, 1, 0, err);
}

enum leat_ret store_add_all(struct store *s, const struct store *from, struct leat_err *err)
{
	size_t total = 0;
	struct leat_span *list;
	struct block *b;
	enum leat_ret ret;
	uint8_t *at;

	for (size_t i = 0; i < from->num; i++)
		total += from->anchors[i].der.n;
	list = leat_array(from->num ? from->num : 1, sizeof(*list));
	b = leat_malloc(sizeof(*b) + total);
	if (!list || !b) {
		leat_free(b);
		leat_free(list);
		return err_memory(err);
	}
	at = b->b;
	for (size_t i = 0; i < from->num; i++) {
		list[i] = (struct leat_span){ at, from->anchors[i].der.n };
		memcpy(at, from->anchors[i].der.p, list[i].n);
		at += list[i].n;
	}
	ret = commit(s, b, list, from->num, 0, err);
	leat_free(list);
	return ret;
}

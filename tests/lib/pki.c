/* SPDX-License-Identifier: Apache-2.0
 *
 * pki.c - see pki.h. Keeps all it made in two lists, so that tests need not free anything.
 */
#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_MAX 4096

static struct made *mades[KEEP_MAX];
static struct leat_span ders[KEEP_MAX];
static struct leat_wr texts[KEEP_MAX];
static size_t num_mades, num_texts;
static struct pki_ident servers[KEY_COUNT], clients[KEY_COUNT];
static const struct made *root, *stranger, *inter_ec, *inter_rsa;

static const char *const names[] = { "localhost", "*.wild.test", "127.0.0.1", "::1" };
static const char *const client_names[] = { "client.test" };

static void die(const char *what, const struct leat_err *err)
{
	char text[300];

	fprintf(stderr, "pki: %s: %s\n", what, leat_strerror(err, text, sizeof(text)));
	abort();
}

const struct made *pki_make(const struct make_spec *spec)
{
	struct leat_err err = { 0 };
	struct make_spec s = *spec;

	if (num_mades == KEEP_MAX)
		die("too many certificates", &err);
	s.serial[15] = (uint8_t)num_mades;
	s.serial[14] = (uint8_t)(num_mades >> 8);
	if (made_new(&mades[num_mades], &s, &err) != LEAT_OK)
		die(s.cn, &err);
	return mades[num_mades++];
}

static struct leat_wr *new_text(void)
{
	struct leat_err err = { 0 };

	if (num_texts == KEEP_MAX)
		die("too many texts", &err);
	return &texts[num_texts++];
}

static struct leat_span write_made(
	enum leat_ret (*fn)(const struct made *m, struct leat_wr *w, struct leat_err *err),
	const struct made *m)
{
	struct leat_err err = { 0 };
	struct leat_wr *w = new_text();

	if (fn(m, w, &err) != LEAT_OK)
		die("writing", &err);
	return leat_wr_done(w);
}

/* Written once: a test that makes allocations fail has it already. */
struct leat_span pki_der(const struct made *m)
{
	for (size_t i = 0; i < num_mades; i++) {
		if (mades[i] != m)
			continue;
		if (!ders[i].n)
			ders[i] = write_made(made_cert_der, m);
		return ders[i];
	}
	return write_made(made_cert_der, m);
}

struct leat_span pki_cert_pem(const struct made *m)
{
	return write_made(made_cert_pem, m);
}

struct leat_span pki_key_pem(const struct made *m)
{
	return write_made(made_key_pem, m);
}

struct leat_span pki_join(struct leat_span a, struct leat_span b)
{
	struct leat_wr *w = new_text();

	leat_wr_span(w, a);
	leat_wr_span(w, b);
	return leat_wr_done(w);
}

struct make_spec pki_ca_spec(const char *cn, const struct made *issuer)
{
	return (struct make_spec){
		.key = KEY_EC_P256,
		.cn = cn,
		.org = "leat test, worthless",
		.is_ca = true,
		.path_len = -1,
		.from_s = PKI_NOW - 100 * PKI_DAY,
		.to_s = PKI_NOW + 100 * PKI_DAY,
		.issuer = issuer,
	};
}

static const struct made *make_ca(const char *cn, enum key_kind key, const struct made *issuer)
{
	struct make_spec s = pki_ca_spec(cn, issuer);

	s.key = key;
	return pki_make(&s);
}

const struct made *pki_root(void)
{
	if (!root)
		root = make_ca("pki root", KEY_EC_P256, NULL);
	return root;
}

const struct made *pki_inter(void)
{
	if (!inter_ec)
		inter_ec = make_ca("pki inter ec", KEY_EC_P256, pki_root());
	return inter_ec;
}

static const struct made *pki_inter_rsa(void)
{
	if (!inter_rsa)
		inter_rsa = make_ca("pki inter rsa", KEY_RSA, pki_root());
	return inter_rsa;
}

struct leat_span pki_root_pem(void)
{
	return pki_cert_pem(pki_root());
}

struct leat_span pki_stranger_pem(void)
{
	if (!stranger)
		stranger = make_ca("pki stranger", KEY_EC_P256, NULL);
	return pki_cert_pem(stranger);
}

struct make_spec pki_spec(void)
{
	return (struct make_spec){
		.key = KEY_EC_P256,
		.cn = "pki leaf",
		.org = "leat test, worthless",
		.path_len = -1,
		.server = true,
		.names = names,
		.num_names = sizeof(names) / sizeof(names[0]),
		.from_s = PKI_NOW - 10 * PKI_DAY,
		.to_s = PKI_NOW + 10 * PKI_DAY,
		.issuer = pki_inter(),
	};
}

static const struct pki_ident *ident(struct pki_ident *id, enum key_kind k, bool client)
{
	bool rsa = k == KEY_RSA || k == KEY_RSA_PSS;
	struct make_spec s;

	if (id->leaf)
		return id;
	s = pki_spec();
	s.key = k;
	s.issuer = rsa ? pki_inter_rsa() : pki_inter();
	if (client) {
		s.cn = "pki client";
		s.server = false;
		s.client = true;
		s.names = client_names;
		s.num_names = 1;
	}
	id->inter = s.issuer;
	id->leaf = pki_make(&s);
	id->chain_pem = pki_join(pki_cert_pem(id->leaf), pki_cert_pem(id->inter));
	id->key_pem = pki_key_pem(id->leaf);
	return id;
}

const struct pki_ident *pki_server(enum key_kind k)
{
	return ident(&servers[k], k, false);
}

const struct pki_ident *pki_client(enum key_kind k)
{
	return ident(&clients[k], k, true);
}

void pki_done(void)
{
	memset(ders, 0, sizeof(ders));
	while (num_mades > 0)
		made_free(mades[--num_mades]);
	while (num_texts > 0)
		leat_wr_clear(&texts[--num_texts]);
	memset(servers, 0, sizeof(servers));
	memset(clients, 0, sizeof(clients));
	root = stranger = inter_ec = inter_rsa = NULL;
}

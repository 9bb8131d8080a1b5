/* SPDX-License-Identifier: Apache-2.0
 *
 * tamper.c - see tamper.h.
 */
#include "tamper.h"

static void set_msg(struct pair_unit *u, uint8_t type, const uint8_t *body, size_t n)
{
	uint8_t *b = malloc(4 + n);

	b[0] = type;
	b[1] = (uint8_t)(n >> 16);
	b[2] = (uint8_t)(n >> 8);
	b[3] = (uint8_t)n;
	if (n)
		memcpy(b + 4, body, n);
	pair_unit_set(u, b, 4 + n);
	free(b);
}

void tamper_append(struct pair_unit *u, const void *b, size_t n)
{
	size_t have = u->n - 4;
	uint8_t *body = malloc(have + n);

	memcpy(body, u->p + 4, have);
	memcpy(body + have, b, n);
	set_msg(u, u->p[0], body, have + n);
	free(body);
}

void tamper_body(struct pair_unit *u, const void *b, size_t n)
{
	set_msg(u, u->p[0], b, n);
}

void tamper_cut(struct pair_unit *u, size_t n)
{
	uint8_t *body = malloc(u->n);

	memcpy(body, u->p + 4, u->n - 4);
	set_msg(u, u->p[0], body, u->n - 4 - n);
	free(body);
}

void tamper_prepend_msg(struct pair_unit *u, uint8_t type, const void *body, size_t n)
{
	uint8_t *b = malloc(4 + n + u->n);

	b[0] = type;
	b[1] = (uint8_t)(n >> 16);
	b[2] = (uint8_t)(n >> 8);
	b[3] = (uint8_t)n;
	if (n)
		memcpy(b + 4, body, n);
	memcpy(b + 4 + n, u->p, u->n);
	pair_unit_set(u, b, 4 + n + u->n);
	free(b);
}

/* Decodes the body, lets the test change the struct, encodes it again. */
#define AGAIN(type, field, dec, enc)                \
	do {                                        \
		struct type m;                      \
		assert_true(dec(body, &m, &alert)); \
		t->field(&m);                       \
		enc;                                \
	} while (0)

static void change(struct tamper *t, struct pair_unit *u)
{
	struct leat_span body = vec_copy(u->p + 4, u->n - 4);
	struct leat_wr w = { 0 };
	uint8_t alert;

	if (t->raw) {
		t->raw(u);
		return;
	}
	if (t->ch)
		AGAIN(client_hello, ch, dec_client_hello, enc_client_hello(&w, &m, NULL, 0));
	else if (t->sh)
		AGAIN(server_hello, sh, dec_server_hello, enc_server_hello(&w, &m));
	else if (t->ee)
		AGAIN(encrypted_ext, ee, dec_encrypted_ext, enc_encrypted_ext(&w, &m));
	else if (t->cert)
		AGAIN(certificate, cert, dec_certificate, enc_certificate(&w, &m));
	else if (t->cv)
		AGAIN(cert_verify, cv, dec_cert_verify, enc_cert_verify(&w, &m));
	assert_true(leat_wr_ok(&w) && w.n > 4);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}

bool tamper_unit(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct tamper *t = arg;

	(void)p;
	if (t->hit || from != t->from || u->type != REC_HANDSHAKE || u->p[0] != t->msg)
		return true;
	if (t->skip) {
		t->skip--;
		return true;
	}
	t->hit = true;
	change(t, u);
	return true;
}

void tamper_run(struct tamper *t, enum key_kind k, const char *versions)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(k);
	struct pair p = { .on_unit = tamper_unit, .arg = t };

	print_message("  %s\n", t->name);
	if (versions)
		pair_set(c, "versions", versions);
	if (t->setup)
		t->setup(c, s);
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, !t->from, t->alert);
	assert_true(t->hit);
	pair_clear(&p);
}

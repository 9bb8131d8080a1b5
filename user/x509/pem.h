/* SPDX-License-Identifier: Apache-2.0
 *
 * pem.h - PEM text taken apart block by block, for cred.c and store.c. libcrypto reads the armour
 * (from memory, never from a file); which blocks mean what is the callers' affair.
 */
#ifndef LEAT_X509_PEM_H
#define LEAT_X509_PEM_H

#include <openssl/bio.h>
#include <openssl/x509.h>

#include <leat/types.h>

/* One block. Everything in it may be secret; pem_clear wipes. Zero state is legal to clear. */
struct pem {
	char *label;  /* "CERTIFICATE", "RSA PRIVATE KEY", ... */
	char *header; /* RFC 1421 header lines ("Proc-Type: ..."), or "" */
	uint8_t *p;
	long n;
};

enum pem_next { PEM_BLOCK, PEM_END, PEM_BROKEN, PEM_MEMORY };

/* A reader over text; NULL without memory. Free with BIO_free. */
BIO *pem_open(struct leat_span text);
/* Clears *b and reads the next block into it. Text between blocks is skipped. */
enum pem_next pem_next(BIO *in, struct pem *b);
void pem_clear(struct pem *b);
bool pem_is_cert(const struct pem *b);

/* pem_certs.c: how many blocks the text may have, at most. */
size_t pem_certs_max(struct leat_span text);
/* All of a text that holds nothing but certificates and words between them, in the common form:
 * list[0..*num-1] are their bytes, in room (three quarters of text.n are enough). false: some other
 * text, read it with pem_next. */
bool pem_certs(
	struct leat_span text, uint8_t *room, struct leat_span *list, size_t max, size_t *num);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * pem.c - PEM blocks out of memory (RFC 7468, and the headers of RFC 1421 that old encrypted keys
 * carry).
 */
#include "x509/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "crypto/ossl_err.h"

BIO *pem_open(struct leat_span text)
{
	BIO *b = NULL;

	if (text.n <= INT32_MAX)
		b = BIO_new_mem_buf(text.n ? (const void *)text.p : "", (int)text.n);
	ossl_forget();
	return b;
}

void pem_clear(struct pem *b)
{
	OPENSSL_free(b->label);
	if (b->header)
		OPENSSL_clear_free(b->header, strlen(b->header));
	if (b->p)
		OPENSSL_clear_free(b->p, (size_t)b->n);
	*b = (struct pem){ 0 };
}

enum pem_next pem_next(BIO *in, struct pem *b)
{
	unsigned long e;

	pem_clear(b);
	if (PEM_read_bio(in, &b->label, &b->header, &b->p, &b->n) == 1)
		return PEM_BLOCK;
	e = ERR_peek_last_error();
	ossl_forget();
	*b = (struct pem){ 0 };
	if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
		return PEM_MEMORY;
	/* libcrypto says "no start line" when nothing that looks like a block is left. */
	return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE
		       ? PEM_END
		       : PEM_BROKEN;
}

bool pem_is_cert(const struct pem *b)
{
	return strcmp(b->label, PEM_STRING_X509) == 0 || strcmp(b->label, PEM_STRING_X509_OLD) == 0;
}

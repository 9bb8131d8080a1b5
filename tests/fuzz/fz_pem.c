/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_pem.c: any text as trust anchors and as certificate with key. An operator's file is no attack,
 * but a wrong one must end in a sentence.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "x509/cred.h"
#include "x509/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct crypto *crypto;

static void check_error(const struct leat_err *err)
{
	assert(err->cls == LEAT_E_OPTION && err->option && err->what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_span text = { data, n }, password = { (const uint8_t *)"secret", 6 };
	struct leat_err err = { 0 };
	struct store *s;
	struct cred *c;
	size_t added;

	if (!crypto && crypto_new(&crypto, &err) != LEAT_OK)
		return 0;
	if (store_new(&s, &err) != LEAT_OK)
		return 0;
	if (store_add_pem(s, text, &added, &err) == LEAT_OK) {
		assert(added > 0 && store_num(s) > 0 && store_num(s) <= added);
	} else {
		check_error(&err);
		assert(added == 0 && store_num(s) == 0);
	}
	store_unref(s);
	err = (struct leat_err){ 0 };
	if (cred_new_pem(&c, crypto, text, text, password, &err) == LEAT_OK) {
		assert(cred_num(c) > 0 && key_kind(cred_key(c)) != KEY_NONE);
		cred_unref(c);
	} else {
		check_error(&err);
		assert(c == NULL);
	}
	return 0;
}

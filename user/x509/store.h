/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - trust anchors, from memory only. Frozen once a config holds it; reference counted; then
 * any thread may verify against it.
 */
#ifndef LEAT_X509_STORE_H
#define LEAT_X509_STORE_H

#include "crypto/crypto.h"

struct store;

LEAT_MUST_CHECK enum leat_ret store_new(struct store **out, struct leat_err *err);
struct store *store_ref(struct store *s);
void store_unref(struct store *s);
bool store_is_shared(const struct store *s); /* there is more than one reference */
/* Adds every CERTIFICATE of a PEM text; *added counts them (duplicates are not an error). Text
 * without any certificate, or with a broken one, fails and adds nothing. */
LEAT_MUST_CHECK enum leat_ret store_add_pem(
	struct store *s, struct leat_span pem, size_t *added, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret store_add_der(
	struct store *s, struct leat_span der, struct leat_err *err);
/* Adds what another store holds. */
LEAT_MUST_CHECK enum leat_ret store_add_all(
	struct store *s, const struct store *from, struct leat_err *err);
size_t store_num(const struct store *s);
/* Subject names (DER Name) for certificate_authorities; borrowed. */
struct leat_span store_subject(const struct store *s, size_t i);

#endif

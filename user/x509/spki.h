/* SPDX-License-Identifier: Apache-2.0
 *
 * spki.h - what the algorithm identifiers of a plain certificate mean: its key, and the scheme its
 * signature is by. As with der.h, "no" is no verdict.
 */
#ifndef LEAT_X509_SPKI_H
#define LEAT_X509_SPKI_H

#include "crypto/sign.h"
#include "x509/der.h"

/* The certificate's public key; NULL: of an unusual form, broken, or no memory. */
struct key *spki_key(const struct crypto *crypto, const struct der_cert *c);
/* The signature algorithm as the handshake scheme with the same mathematics; NULL: another one (PSS
 * and weak hashes among them). */
const struct sigscheme *spki_scheme(const struct der_alg *alg);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * attachkit.h - a client whose certificate has OCSP responses, SCTs and a packed form, and a server that asks
 * for them, in the handshake and after it.
 */
#ifndef TESTS_ATTACHKIT_H
#define TESTS_ATTACHKIT_H

#include "ocsp.h"
#include "pair.h"

#define NONE ((struct leat_span){ NULL, 0 })

/* A good response about the client's certificate, to be bent; and as it is. */
struct ocsp_spec attach_good(void);
struct leat_span attach_good_der(void);
/* Unfrozen. response may be NONE; two SCTs of 8 bytes in all; packing: a value of cert_compression. */
struct leat_config *attach_client(struct leat_span response, const char *packing);
struct leat_config *attach_server(const char *stapling, const char *packing);

#endif

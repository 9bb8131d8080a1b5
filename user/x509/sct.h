/* SPDX-License-Identifier: Apache-2.0
 *
 * sct.h - signed certificate timestamps that are embedded in a certificate (RFC 6962 3.3).
 */
#ifndef LEAT_X509_SCT_H
#define LEAT_X509_SCT_H

#include <leat/types.h>

/* The list inside a certificate as list_next16 walks it, borrowed from der; empty: none, or malformed. */
struct leat_span sct_of_cert(struct leat_span der);

#endif

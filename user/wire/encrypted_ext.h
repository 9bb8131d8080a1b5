/* SPDX-License-Identifier: Apache-2.0
 *
 * encrypted_ext.h - EncryptedExtensions, RFC 8446 4.3.1.
 */
#ifndef LEAT_WIRE_ENCRYPTED_EXT_H
#define LEAT_WIRE_ENCRYPTED_EXT_H

#include "wire/ext.h"
#include "wire/hs_hdr.h"
#include "wire/list.h"

struct encrypted_ext {
	uint64_t has;            /* EXT_SNI and EXT_EARLY_DATA carry nothing but their bit */
	struct leat_span alpn;   /* the one protocol chosen */
	struct leat_span groups; /* list16, for information (RFC 8446 4.2.7) */
	uint16_t record_size;
	uint8_t max_fragment;
	uint8_t client_cert_type, server_cert_type; /* CERT_X509, CERT_RAW_KEY */
};

bool dec_encrypted_ext(struct leat_span body, struct encrypted_ext *out, uint8_t *alert);
void enc_encrypted_ext(struct leat_wr *w, const struct encrypted_ext *ee);

#endif

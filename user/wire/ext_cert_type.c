/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_cert_type.c - client_certificate_type and server_certificate_type, RFC 7250 3. Both look the same:
 *
 *	struct { select(ClientOrServerExtension) {
 *	    case client: CertificateType certificate_types<1..2^8-1>;
 *	    case server: CertificateType certificate_type;
 *	} } CertTypeExtension;
 */
#include "wire/ext_parts.h"

bool dec_ext_cert_types(struct leat_rd *in, struct leat_span *types)
{
	*types = leat_rd_opaque8(in, 1, UINT8_MAX);
	return leat_rd_ok(in);
}

bool dec_ext_cert_type(struct leat_rd *in, uint8_t *type)
{
	leat_rd_u8(in, type);
	return leat_rd_ok(in);
}

void enc_ext_cert_types(struct leat_wr *w, unsigned id, struct leat_span types)
{
	size_t m = enc_ext_open(w, id);

	leat_wr_vec(w, 1, types);
	enc_ext_close(w, m);
}

void enc_ext_cert_type(struct leat_wr *w, unsigned id, uint8_t type)
{
	size_t m = enc_ext_open(w, id);

	leat_wr_u8(w, type);
	enc_ext_close(w, m);
}

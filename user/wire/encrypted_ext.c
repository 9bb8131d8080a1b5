/* SPDX-License-Identifier: Apache-2.0
 *
 * encrypted_ext.c - EncryptedExtensions.
 *
 *	struct { Extension extensions<0..2^16-1>; } EncryptedExtensions;      RFC 8446 4.3.1
 */
#include "wire/encrypted_ext.h"

#include "wire/ext_parts.h"

static bool dec_ee_ext(void *out, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	struct encrypted_ext *ee = out;

	switch (e) {
	case EXT_SNI:
	case EXT_EARLY_DATA: return dec_ext_empty(in);
	case EXT_ALPN: return dec_ext_alpn_one(in, &ee->alpn, alert);
	case EXT_GROUPS: return dec_ext_groups(in, &ee->groups);
	case EXT_MAX_FRAGMENT: return dec_ext_max_fragment(in, &ee->max_fragment);
	case EXT_RECORD_SIZE: return dec_ext_record_size(in, &ee->record_size, alert);
	case EXT_CLIENT_CERT_TYPE: return dec_ext_cert_type(in, &ee->client_cert_type);
	case EXT_SERVER_CERT_TYPE: return dec_ext_cert_type(in, &ee->server_cert_type);
	default: leat_rd_rest(in); return true;
	}
}

bool dec_encrypted_ext(struct leat_span body, struct encrypted_ext *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct encrypted_ext ee = { 0 };
	struct leat_span block = leat_rd_opaque16(&in, 0, UINT16_MAX);

	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	if (!ext_walk(block, EXT_IN_EE, dec_ee_ext, &ee, &ee.has, alert))
		return false;
	*out = ee;
	return true;
}

void enc_encrypted_ext(struct leat_wr *w, const struct encrypted_ext *ee)
{
	size_t m = enc_hs_open(w, MSG_ENCRYPTED_EXT);
	size_t block = leat_wr_open(w, 2);

	if (ee->has & EXT_BIT(EXT_SNI))
		enc_ext_empty(w, EXTID_SNI);
	if (ee->has & EXT_BIT(EXT_MAX_FRAGMENT))
		enc_ext_max_fragment(w, ee->max_fragment);
	if (ee->has & EXT_BIT(EXT_ALPN))
		enc_ext_alpn_one(w, ee->alpn);
	if (ee->has & EXT_BIT(EXT_CLIENT_CERT_TYPE))
		enc_ext_cert_type(w, EXTID_CLIENT_CERT_TYPE, ee->client_cert_type);
	if (ee->has & EXT_BIT(EXT_SERVER_CERT_TYPE))
		enc_ext_cert_type(w, EXTID_SERVER_CERT_TYPE, ee->server_cert_type);
	if (ee->has & EXT_BIT(EXT_GROUPS))
		enc_ext_groups(w, ee->groups);
	if (ee->has & EXT_BIT(EXT_EARLY_DATA))
		enc_ext_empty(w, EXTID_EARLY_DATA);
	if (ee->has & EXT_BIT(EXT_RECORD_SIZE))
		enc_ext_u16(w, EXTID_RECORD_SIZE, ee->record_size);
	leat_wr_close(w, block, 2);
	enc_hs_close(w, m);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_parts.h - the codecs of single extensions (ext_*.c), used by the messages of wire/ only.
 *
 * dec_ext_* reads the extension's data and returns false when it is refused; *alert is decode_error
 * beforehand and changed where the RFC names another one. ext_walk checks that nothing is left over.
 * enc_ext_* writes a whole extension, type and length included.
 */
#ifndef LEAT_WIRE_EXT_PARTS_H
#define LEAT_WIRE_EXT_PARTS_H

#include "wire/ext.h"
#include "wire/list.h"

/* For extensions that carry nothing but their presence. */
bool dec_ext_empty(const struct leat_rd *in);
void enc_ext_empty(struct leat_wr *w, unsigned id);
/* For data taken as it is. */
bool dec_ext_raw(struct leat_rd *in, struct leat_span *out);
void enc_ext_raw(struct leat_wr *w, unsigned id, struct leat_span data);
/* A list16 behind a length of `width` bytes, the shape of many extensions. */
bool dec_ext_list16(struct leat_rd *in, unsigned width, size_t max, struct leat_span *out);
void enc_ext_list16(struct leat_wr *w, unsigned id, unsigned width, struct leat_span list);
bool dec_ext_u16(struct leat_rd *in, uint16_t *out);
void enc_ext_u16(struct leat_wr *w, unsigned id, uint16_t v);

/* ext_sni.c */
bool dec_ext_sni(struct leat_rd *in, struct leat_span *host, uint8_t *alert);
void enc_ext_sni(struct leat_wr *w, struct leat_span host);
/* ext_alpn.c: a list of names (offer), one name (answer) */
bool dec_ext_alpn(struct leat_rd *in, struct leat_span *names);
bool dec_ext_alpn_one(struct leat_rd *in, struct leat_span *name, uint8_t *alert);
void enc_ext_alpn(struct leat_wr *w, struct leat_span names);
void enc_ext_alpn_one(struct leat_wr *w, struct leat_span name);
/* ext_groups.c */
bool dec_ext_groups(struct leat_rd *in, struct leat_span *list);
void enc_ext_groups(struct leat_wr *w, struct leat_span list);
/* ext_sigalgs.c: id tells signature_algorithms from signature_algorithms_cert */
bool dec_ext_sigalgs(struct leat_rd *in, struct leat_span *list);
void enc_ext_sigalgs(struct leat_wr *w, unsigned id, struct leat_span list);
/* ext_key_share.c: the client's shares, the server's one, the group a retry asks for */
bool dec_ext_key_shares(struct leat_rd *in, struct leat_span *shares, uint8_t *alert);
bool dec_ext_key_share_one(struct leat_rd *in, uint16_t *group, struct leat_span *key);
void enc_ext_key_shares(struct leat_wr *w, struct leat_span shares);
void enc_ext_key_share_one(struct leat_wr *w, uint16_t group, struct leat_span key);
/* ext_versions.c */
bool dec_ext_versions(struct leat_rd *in, struct leat_span *list);
void enc_ext_versions(struct leat_wr *w, struct leat_span list);
/* ext_cookie.c */
bool dec_ext_cookie(struct leat_rd *in, struct leat_span *cookie, uint8_t *alert);
void enc_ext_cookie(struct leat_wr *w, struct leat_span cookie);
/* ext_psk_modes.c */
bool dec_ext_psk_modes(struct leat_rd *in, struct leat_span *modes);
void enc_ext_psk_modes(struct leat_wr *w, struct leat_span modes);
/* ext_psk.c: the client's offer */
bool dec_ext_psk(
	struct leat_rd *in, struct leat_span *ids, struct leat_span *binders, uint8_t *alert);
void enc_ext_psk(struct leat_wr *w, struct leat_span ids, struct leat_span binders);
/* ext_early_data.c: the NewSessionTicket form; elsewhere it is empty */
bool dec_ext_early_data_max(struct leat_rd *in, uint32_t *max);
void enc_ext_early_data_max(struct leat_wr *w, uint32_t max);
/* ext_status.c: the client's request, the response in a CertificateEntry */
bool dec_ext_status_request(struct leat_rd *in, uint8_t *type, struct leat_span *rest);
bool dec_ext_status(struct leat_rd *in, struct leat_span *response, uint8_t *alert);
void enc_ext_status_request(struct leat_wr *w, uint8_t type, struct leat_span rest);
void enc_ext_status(struct leat_wr *w, struct leat_span response);
void enc_status(struct leat_wr *w, struct leat_span response); /* what both forms hold */
/* ext_sct.c: a list of timestamps, in a CertificateEntry and in ServerHello of TLS 1.2 */
bool dec_ext_sct(struct leat_rd *in, struct leat_span *list);
void enc_ext_sct(struct leat_wr *w, struct leat_span list);
/* ext_authorities.c; dec_names checks a list that stands alone (CertificateRequest of TLS 1.2) */
bool dec_ext_authorities(struct leat_rd *in, struct leat_span *names);
void enc_ext_authorities(struct leat_wr *w, struct leat_span names);
bool dec_names(struct leat_span names);
/* ext_max_fragment.c */
bool dec_ext_max_fragment(struct leat_rd *in, uint8_t *code);
void enc_ext_max_fragment(struct leat_wr *w, uint8_t code);
/* ext_cert_type.c: the client's list, the server's choice; id tells which of the two extensions */
bool dec_ext_cert_types(struct leat_rd *in, struct leat_span *types);
bool dec_ext_cert_type(struct leat_rd *in, uint8_t *type);
void enc_ext_cert_types(struct leat_wr *w, unsigned id, struct leat_span types);
void enc_ext_cert_type(struct leat_wr *w, unsigned id, uint8_t type);
/* ext_record_size.c */
bool dec_ext_record_size(struct leat_rd *in, uint16_t *limit, uint8_t *alert);
/* ext_point_formats.c */
bool dec_ext_point_formats(struct leat_rd *in, struct leat_span *list);
void enc_ext_point_formats(struct leat_wr *w, struct leat_span list);
/* ext_reneg.c */
bool dec_ext_reneg(struct leat_rd *in, struct leat_span *verify_data);
void enc_ext_reneg(struct leat_wr *w, struct leat_span verify_data);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * psk.c - external PSKs, and the importer of RFC 9258.
 */
#include "session/psk.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "crypto/hkdf.h"

#include <leat/types.h>

void psk_clear(struct psk *p)
{
	leat_free_wipe((void *)p->identity.p, p->identity.n);
	leat_wipe(p, sizeof(*p));
}

static enum leat_ret check(struct leat_span identity, struct leat_span secret, struct leat_err *err)
{
	if (identity.n == 0 || identity.n > LIM_PSK_IDENTITY)
		return err_option(err, "psk_identity", NULL,
			"an identity has 1 to " LEAT_STR(LIM_PSK_IDENTITY) " bytes");
	/* RFC 9257 6: "at least 128 bits of entropy"; so much can be asked of the length */
	if (secret.n < 16)
		return err_option(err, "psk", NULL, "a secret has at least 16 bytes");
	return LEAT_OK;
}

enum leat_ret psk_external(struct psk *out, enum hash_id h, struct leat_span identity,
	struct leat_span secret, struct leat_err *err)
{
	*out = (struct psk){ 0 };
	if (check(identity, secret, err) != LEAT_OK)
		return LEAT_FAILED;
	if (secret.n > LEAT_SECRET_MAX)
		return err_option(err, "psk", NULL, "a secret has at most 64 bytes");
	out->identity.p = leat_dup(identity.p, identity.n);
	if (!out->identity.p)
		return err_memory(err);
	out->identity.n = identity.n;
	out->kind = PSK_EXTERNAL;
	out->hash = h;
	leat_secret_set(&out->secret, secret.p, secret.n);
	return LEAT_OK;
}

/* RFC 9258 5.1: HKDF_SHA256 = 0x0001, HKDF_SHA384 = 0x0002 */
static uint16_t kdf_of(enum hash_id h)
{
	return h == HASH_SHA256 ? 1 : h == HASH_SHA384 ? 2 : 0;
}

/* struct {
 *     opaque external_identity<1...2^16-1>;
 *     opaque context<0..2^16-1>;
 *     uint16 target_protocol;
 *     uint16 target_kdf;
 * } ImportedIdentity; */
static void enc_imported(
	struct leat_wr *w, struct leat_span identity, struct leat_span context, enum hash_id target)
{
	leat_wr_vec(w, 2, identity);
	leat_wr_vec(w, 2, context);
	leat_wr_u16(w, LEAT_TLS13);
	leat_wr_u16(w, kdf_of(target));
}

bool psk_parse_imported(struct leat_span identity, struct leat_span *external,
	struct leat_span *context, enum hash_id *target)
{
	struct leat_rd in = leat_rd_of(identity);
	uint16_t protocol, kdf;

	*external = leat_rd_opaque16(&in, 1, UINT16_MAX);
	*context = leat_rd_opaque16(&in, 0, UINT16_MAX);
	leat_rd_u16(&in, &protocol);
	leat_rd_u16(&in, &kdf);
	*target = kdf == 1 ? HASH_SHA256 : HASH_SHA384;
	return leat_rd_end(&in) && protocol == LEAT_TLS13 && (kdf == 1 || kdf == 2);
}

enum leat_ret psk_imported(struct psk *out, enum hash_id h, enum hash_id target,
	struct leat_span identity, struct leat_span context, struct leat_span secret,
	struct leat_err *err)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret epskx = { 0 };
	LEAT_SCOPED(leat_wr_clear) struct leat_wr w = { 0 };
	uint8_t digest[HASH_MAX];

	*out = (struct psk){ 0 };
	if (check(identity, secret, err) != LEAT_OK)
		return LEAT_FAILED;
	if (kdf_of(target) == 0 || hash_len(h) == 0)
		return err_option(err, "psk", NULL, "imported for sha256 and sha384 only");
	if (context.n > LIM_PSK_IDENTITY)
		return err_option(err, "psk", NULL, "the context is too long");
	enc_imported(&w, identity, context, target);
	if (!leat_wr_ok(&w))
		return err_memory(err);
	out->identity.p = leat_dup(w.p, w.n);
	if (!out->identity.p)
		return err_memory(err);
	out->identity.n = w.n;
	out->kind = PSK_IMPORTED;
	out->hash = target;
	/* epskx = HKDF-Extract(0, epsk)
	 * ipskx = HKDF-Expand-Label(epskx, "derived psk", Hash(ImportedIdentity), L)
	 * with the hash of the external PSK, L the length of the target KDF's hash */
	hkdf_extract(h, (struct leat_span){ NULL, 0 }, secret, &epskx);
	digest_once(h, leat_wr_done(&w), digest);
	hkdf_expand_label(h, &epskx, "derived psk", (struct leat_span){ digest, hash_len(h) },
		out->secret.b, hash_len(target));
	out->secret.n = (uint8_t)hash_len(target);
	return LEAT_OK;
}

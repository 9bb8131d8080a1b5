/* SPDX-License-Identifier: Apache-2.0
 *
 * rec_user.c - record protection in user space. One AEAD call per record; header, nonce and AAD are
 * built on the stack. Called by engine/; knows nothing of handshakes or connections.
 *
 *   TLS 1.3   | 23 | 0303 | len | AEAD( content | type | 00.. )            tag |   nonce = iv ^ seq
 *   TLS 1.2   | ty | 0303 | len | explicit nonce | AEAD( content )         tag |   nonce = salt | seq
 *   ChaCha1.2 | ty | 0303 | len | AEAD( content )                          tag |   nonce = iv ^ seq
 */
#include "rec/rec_user.h"

#include <string.h>

#include "base/rd.h"
#include "base/secret.h"
#include "base/wr.h"

enum { TYPE_CCS = 20, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };

/* RFC 8446 5.5: 2^24.5 full-size records for AES-GCM; RFC 9147 4.5.3 gives 2^23 for CCM; with
 * ChaCha20-Poly1305 the sequence number would wrap first. The same bounds hold for the same AEADs in
 * TLS 1.2. (Of forgeries, the other limit of 5.5, the first one ends a connection over TCP: there is
 * nothing to count.) */
uint64_t rec_key_limit(enum aead_id aead)
{
	switch (aead) {
	case AEAD_AES_128_GCM:
	case AEAD_AES_256_GCM: return 23726566;
	case AEAD_AES_128_CCM:
	case AEAD_AES_128_CCM_8: return 1u << 23;
	default: return UINT64_MAX - 1;
	}
}

enum leat_ret rec_half_keys(struct rec_half *h, const struct crypto *c,
	const struct traffic_keys *k, bool sealing, struct leat_err *err)
{
	struct aead fresh = { 0 };

	if (h->aead.c == c && h->aead.id == k->aead && h->aead.sealing == sealing) {
		if (aead_rekey(&h->aead, k->key, err) != LEAT_OK)
			return LEAT_FAILED;
	} else {
		if (aead_prepare(&fresh, c, k->aead, k->key, sealing, err) != LEAT_OK)
			return LEAT_FAILED;
		aead_clear(&h->aead);
		h->aead = fresh;
		leat_wipe(&fresh, sizeof(fresh));
	}
	h->version = k->version;
	memcpy(h->iv, k->iv, sizeof(h->iv));
	h->seq = 0;
	h->bytes = 0;
	h->clear_alert = false;
	/* A reader cannot make the peer rekey: only the wrap of the number is its business. */
	h->limit = sealing ? rec_key_limit(k->aead) : UINT64_MAX - 1;
	return LEAT_OK;
}

void rec_half_clear(struct rec_half *h)
{
	aead_clear(&h->aead);
	leat_wipe(h, sizeof(*h));
}

void rec_half_rest(struct rec_half *h)
{
	aead_rest(&h->aead);
}

uint64_t rec_half_left(const struct rec_half *h)
{
	if (!rec_half_is_keyed(h))
		return UINT64_MAX;
	return h->limit > h->seq ? h->limit - h->seq : 0;
}

size_t rec_prefix(const struct rec_half *h)
{
	return LIM_RECORD_HEADER + aead_explicit_len(h->aead.id, h->version);
}

size_t rec_overhead(const struct rec_half *h)
{
	if (!rec_half_is_keyed(h))
		return LIM_RECORD_HEADER;
	return rec_prefix(h) + aead_tag_len(h->aead.id) + (h->version == LEAT_TLS13 ? 1 : 0);
}

/* RFC 8446 5.3: the padded sequence number is XORed with the static IV; RFC 5288 3: salt and an
 * explicit part, which here is the sequence number itself and so never repeats. */
static void make_nonce(const struct rec_half *h, const uint8_t *explicit_part, uint8_t out[12])
{
	memcpy(out, h->iv, 12);
	if (explicit_part) {
		memcpy(out + 4, explicit_part, 8);
		return;
	}
	for (int i = 0; i < 8; i++)
		out[4 + i] ^= (uint8_t)(h->seq >> 8 * (7 - i));
}

static void put_header(uint8_t *p, uint8_t type, uint16_t version, size_t len)
{
	struct leat_wr w;

	leat_wr_fixed(&w, p, LIM_RECORD_HEADER);
	leat_wr_u8(&w, type);
	leat_wr_u16(&w, version);
	leat_wr_u16(&w, (uint16_t)len);
}

/* RFC 5246 6.2.3.3: additional_data = seq_num + type + version + length of the plaintext */
static struct leat_span aad12(const struct rec_half *h, uint8_t type, size_t len, uint8_t buf[13])
{
	struct leat_wr w;

	leat_wr_fixed(&w, buf, 13);
	leat_wr_u64(&w, h->seq);
	leat_wr_u8(&w, type);
	leat_wr_u16(&w, LEAT_TLS12);
	leat_wr_u16(&w, (uint16_t)len);
	return leat_wr_done(&w);
}

static enum leat_ret seal13(
	struct rec_half *h, uint8_t type, const uint8_t *in, size_t n, size_t pad, uint8_t *out)
{
	size_t inner = n + 1 + pad;
	uint8_t *body = out + LIM_RECORD_HEADER;
	uint8_t nonce[12];

	put_header(out, TYPE_DATA, LEAT_TLS12, inner + aead_tag_len(h->aead.id));
	body[n] = type;
	memset(body + n + 1, 0, pad);
	make_nonce(h, NULL, nonce);
	if (in == body)
		return aead_seal(&h->aead, nonce, (struct leat_span){ out, LIM_RECORD_HEADER },
			body, inner, body);
	return aead_seal2(&h->aead, nonce, (struct leat_span){ out, LIM_RECORD_HEADER },
		(struct leat_span){ in, n }, (struct leat_span){ body + n, 1 + pad }, body);
}

static enum leat_ret seal12(
	struct rec_half *h, uint8_t type, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t exp = aead_explicit_len(h->aead.id, h->version);
	uint8_t nonce[12], aad[13];
	uint8_t *body = out + LIM_RECORD_HEADER + exp;
	struct leat_wr w;

	put_header(out, type, LEAT_TLS12, exp + n + aead_tag_len(h->aead.id));
	if (exp) {
		leat_wr_fixed(&w, out + LIM_RECORD_HEADER, exp);
		leat_wr_u64(&w, h->seq);
	}
	make_nonce(h, exp ? out + LIM_RECORD_HEADER : NULL, nonce);
	return aead_seal(&h->aead, nonce, aad12(h, type, n, aad), in, n, body);
}

size_t rec_seal(struct rec_half *h, uint8_t type, const uint8_t *in, size_t n, size_t pad,
	uint16_t cleartext_version, uint8_t *out, struct leat_err *err)
{
	enum leat_ret r;

	if (n > rec_max(h) || pad > rec_max(h) - n) {
		(void)err_misuse(err, "record: longer than 2^14 bytes, or than agreed");
		return 0;
	}
	if (!rec_half_is_keyed(h)) {
		put_header(out, type, cleartext_version, n);
		if (in != out + LIM_RECORD_HEADER && n)
			memcpy(out + LIM_RECORD_HEADER, in, n);
		return LIM_RECORD_HEADER + n;
	}
	if (h->seq >=
		h->limit + 1) { /* + 1: the last one may still carry an alert or a KeyUpdate */
		(void)err_alert(err, LEAT_ALERT_INTERNAL_ERROR,
			"record: key used up, no more records may be sent under it");
		return 0;
	}
	if (aead_take(&h->aead, err) != LEAT_OK)
		return 0;
	r = h->version == LEAT_TLS13 ? seal13(h, type, in, n, pad, out)
				     : seal12(h, type, in, n, out);
	aead_park(&h->aead);
	if (r != LEAT_OK) {
		(void)err_crypto(err, "record: sealing failed");
		return 0;
	}
	h->seq++;
	h->bytes += n;
	return rec_overhead(h) + n + (h->version == LEAT_TLS13 ? pad : 0);
}

static bool known_type(uint8_t type)
{
	return type >= TYPE_CCS && type <= TYPE_DATA;
}

static enum leat_ret check_first_bytes(
	const struct rec_hdr *hdr, const uint8_t b[5], struct leat_err *err)
{
	/* Common mistakes deserve their own words: another protocol on the TLS port, or SSL 2.0. */
	if (memcmp(b, "GET ", 4) == 0 || memcmp(b, "POST", 4) == 0 || memcmp(b, "HEAD", 4) == 0 ||
		memcmp(b, "PUT ", 4) == 0 || memcmp(b, "CONN", 4) == 0)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: a plain HTTP request arrived on a TLS connection");
	if (memcmp(b, "HTTP/", 5) == 0)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: the peer answered in plain HTTP, not TLS");
	if (memcmp(b, "<!DOC", 5) == 0 || memcmp(b, "<html", 5) == 0)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: the peer answered with a web page: plain HTTP, not TLS");
	if (b[0] & 0x80 && b[2] == 1)
		return err_alert(err, LEAT_ALERT_PROTOCOL_VERSION, "record: SSL 2.0 style hello");
	if (!known_type(hdr->type))
		return err_alert(
			err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: not TLS (unknown type)");
	return LEAT_OK;
}

static enum leat_ret check_clear(const struct rec_half *h, const struct rec_hdr *hdr,
	const uint8_t b[5], struct leat_err *err)
{
	if (check_first_bytes(hdr, b, err) != LEAT_OK)
		return LEAT_FAILED;
	if (hdr->version >> 8 != 3)
		return err_alert(err, LEAT_ALERT_PROTOCOL_VERSION, "record: unknown major version");
	/* RFC 8446 5.1: length MUST NOT exceed 2^14 */
	if (hdr->len > LIM_PLAINTEXT)
		return err_alert(err, LEAT_ALERT_RECORD_OVERFLOW, "record: longer than 2^14 bytes");
	if (hdr->len > rec_max(h)) /* RFC 6066 4 */
		return err_alert(err, LEAT_ALERT_RECORD_OVERFLOW, "record: longer than agreed");
	/* RFC 8446 5.1: zero-length fragments of handshake, alert and CCS types are not allowed */
	if (hdr->len == 0 && hdr->type != TYPE_DATA)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: empty fragment");
	return LEAT_OK;
}

static bool is_clear_alert(const struct rec_half *h, const struct rec_hdr *hdr)
{
	return h->clear_alert && h->seq == 0 && hdr->type == TYPE_ALERT && hdr->len == 2;
}

static enum leat_ret check_keyed13(
	const struct rec_half *h, const struct rec_hdr *hdr, struct leat_err *err)
{
	/* RFC 8446 5: the compatibility CCS is one cleartext byte and is dropped by the handshake */
	if (hdr->type == TYPE_CCS && hdr->len == 1)
		return LEAT_OK;
	if (is_clear_alert(h, hdr))
		return LEAT_OK;
	if (hdr->type != TYPE_DATA)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: cleartext after keys were agreed");
	/* RFC 8446 5.2: length MUST NOT exceed 2^14 + 256 */
	if (hdr->len > LIM_CIPHERTEXT13)
		return err_alert(err, LEAT_ALERT_RECORD_OVERFLOW, "record: longer than 2^14 + 256");
	return LEAT_OK;
}

static enum leat_ret check_keyed12(const struct rec_hdr *hdr, struct leat_err *err)
{
	if (!known_type(hdr->type))
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: unknown type");
	if (hdr->version != LEAT_TLS12)
		return err_alert(err, LEAT_ALERT_PROTOCOL_VERSION,
			"record: version differs from the negotiated one");
	/* RFC 5246 6.2.3: the length MUST NOT exceed 2^14 + 2048 */
	if (hdr->len > LIM_CIPHERTEXT12)
		return err_alert(
			err, LEAT_ALERT_RECORD_OVERFLOW, "record: longer than 2^14 + 2048");
	return LEAT_OK;
}

enum leat_ret rec_hdr_check(
	const struct rec_half *h, const uint8_t b[5], struct rec_hdr *out, struct leat_err *err)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ b, LIM_RECORD_HEADER });
	uint16_t len;

	leat_rd_u8(&in, &out->type);
	leat_rd_u16(&in, &out->version);
	leat_rd_u16(&in, &len);
	out->len = len;
	if (!rec_half_is_keyed(h))
		return check_clear(h, out, b, err);
	return h->version == LEAT_TLS13 ? check_keyed13(h, out, err) : check_keyed12(out, err);
}

/* RFC 8446 5.4: scan back over zeros for the content type; a record of zeros only is refused. */
static enum leat_ret unpad13(
	uint8_t *body, size_t n, uint8_t *type, struct leat_span *payload, struct leat_err *err)
{
	while (n > 0 && body[n - 1] == 0)
		n--;
	if (n == 0)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: only padding inside");
	*type = body[n - 1];
	*payload = (struct leat_span){ body, n - 1 };
	if (*type != TYPE_ALERT && *type != TYPE_HANDSHAKE && *type != TYPE_DATA)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: unknown inner type");
	/* RFC 8446 5.4: zero-length content is only legal for application data */
	if (payload->n == 0 && *type != TYPE_DATA)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: empty fragment");
	return LEAT_OK;
}

enum leat_ret rec_open(struct rec_half *h, uint8_t *rec, const struct rec_hdr *hdr, uint8_t *type,
	struct leat_span *payload, struct leat_err *err)
{
	size_t exp, tag, n;
	uint8_t nonce[12], aad[13], *body;
	struct leat_span ad;
	bool ok;

	*type = hdr->type;
	*payload = (struct leat_span){ rec + LIM_RECORD_HEADER, hdr->len };
	if (!rec_half_is_keyed(h) || (h->version == LEAT_TLS13 && hdr->type == TYPE_CCS) ||
		is_clear_alert(h, hdr))
		return LEAT_OK;
	exp = aead_explicit_len(h->aead.id, h->version);
	tag = aead_tag_len(h->aead.id);
	if (hdr->len < exp + tag)
		return err_alert(err, LEAT_ALERT_BAD_RECORD_MAC, "record: shorter than its tag");
	if (h->seq > h->limit)
		return err_alert(err, LEAT_ALERT_BAD_RECORD_MAC, "record: sequence number used up");
	n = hdr->len - exp - tag;
	body = rec + LIM_RECORD_HEADER + exp;
	make_nonce(h, exp ? rec + LIM_RECORD_HEADER : NULL, nonce);
	ad = h->version == LEAT_TLS13 ? (struct leat_span){ rec, LIM_RECORD_HEADER }
				      : aad12(h, hdr->type, n, aad);
	if (aead_take(&h->aead, err) != LEAT_OK)
		return LEAT_FAILED;
	ok = aead_open(&h->aead, nonce, ad, body, n + tag, body);
	aead_park(&h->aead);
	if (!ok)
		return err_alert(err, LEAT_ALERT_BAD_RECORD_MAC, "record: authentication failed");
	h->seq++;
	*payload = (struct leat_span){ body, n };
	/* The limit is on what was protected; the tag is checked first so that it is no oracle. */
	if (n > (h->version == LEAT_TLS13 ? LIM_PLAINTEXT + 1 : LIM_PLAINTEXT))
		return err_alert(
			err, LEAT_ALERT_RECORD_OVERFLOW, "record: content longer than 2^14");
	/* RFC 8449 4: "An endpoint MUST treat receipt of a larger record as a fatal error and generate a
	 * "record_overflow" alert"; in TLS 1.3 padding counts. */
	if (n > rec_max(h) + (h->version == LEAT_TLS13 ? 1 : 0))
		return err_alert(
			err, LEAT_ALERT_RECORD_OVERFLOW, "record: content longer than agreed");
	if (h->version == LEAT_TLS13)
		return unpad13(body, n, type, payload, err);
	if (n == 0 && hdr->type != TYPE_DATA)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: empty fragment");
	return LEAT_OK;
}

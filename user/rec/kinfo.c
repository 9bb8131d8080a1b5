/* SPDX-License-Identifier: Apache-2.0
 *
 * kinfo.c - one table and one copy per cipher: traffic keys + sequence number -> what
 * setsockopt(SOL_TLS) takes. Pure data, no system call; ktls/rec_kernel.c does the call.
 *
 * Layouts (verified on the wire, both versions, against libcrypto):
 *   GCM, CCM   TLS 1.3: nonce = (salt | iv) ^ seq, so the static IV is cut in 4 + 8 bytes.
 *              TLS 1.2: salt is the implicit part, iv the explicit nonce of the next record, which the
 *              kernel then counts up by itself. RFC 5288 3 leaves its choice to the sender; ours is the
 *              sequence number (as in rec_user.c), so no nonce of the user-space part can come again.
 *   CHACHA     no salt; the 12-byte IV as it is, in both versions (RFC 7905 2).
 *   rec_seq    the next record's number, big endian.
 */
#include "rec/kinfo.h"

#include <string.h>

#include "base/secret.h"

void leat_kinfo_clear(union leat_kinfo *k)
{
	leat_wipe(k, sizeof(*k));
}

unsigned leat_kinfo_cipher(enum aead_id aead)
{
	switch (aead) {
	case AEAD_AES_128_GCM: return TLS_CIPHER_AES_GCM_128;
	case AEAD_AES_256_GCM: return TLS_CIPHER_AES_GCM_256;
	case AEAD_CHACHA20_POLY1305: return TLS_CIPHER_CHACHA20_POLY1305;
	case AEAD_AES_128_CCM: return TLS_CIPHER_AES_CCM_128;
	default: return 0; /* CCM_8: the kernel knows only the 16-byte tag */
	}
}

bool leat_kinfo_possible(enum aead_id aead, uint16_t version)
{
	return leat_kinfo_cipher(aead) != 0 && (version == LEAT_TLS12 || version == LEAT_TLS13);
}

static void put_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

/* GCM and CCM: 4 bytes of salt, 8 of iv. */
static void put_nonce(uint8_t salt[4], uint8_t iv[8], const struct traffic_keys *keys, uint64_t seq)
{
	memcpy(salt, keys->iv, 4);
	if (keys->version == LEAT_TLS13)
		memcpy(iv, keys->iv + 4, 8);
	else
		put_be64(iv, seq);
}

size_t leat_kinfo_fill(union leat_kinfo *info, const struct traffic_keys *keys, uint64_t seq)
{
	leat_wipe(info, sizeof(*info));
	if (!leat_kinfo_possible(keys->aead, keys->version))
		return 0;
	info->head.version = keys->version; /* TLS_1_2_VERSION and TLS_1_3_VERSION are the wire's */
	info->head.cipher_type = (uint16_t)leat_kinfo_cipher(keys->aead);

	switch (keys->aead) {
	case AEAD_AES_128_GCM:
		put_nonce(info->gcm128.salt, info->gcm128.iv, keys, seq);
		memcpy(info->gcm128.key, keys->key, sizeof(info->gcm128.key));
		put_be64(info->gcm128.rec_seq, seq);
		return sizeof(info->gcm128);
	case AEAD_AES_256_GCM:
		put_nonce(info->gcm256.salt, info->gcm256.iv, keys, seq);
		memcpy(info->gcm256.key, keys->key, sizeof(info->gcm256.key));
		put_be64(info->gcm256.rec_seq, seq);
		return sizeof(info->gcm256);
	case AEAD_AES_128_CCM:
		put_nonce(info->ccm128.salt, info->ccm128.iv, keys, seq);
		memcpy(info->ccm128.key, keys->key, sizeof(info->ccm128.key));
		put_be64(info->ccm128.rec_seq, seq);
		return sizeof(info->ccm128);
	default: /* AEAD_CHACHA20_POLY1305, the only one left that is possible */
		memcpy(info->chacha.iv, keys->iv, sizeof(info->chacha.iv));
		memcpy(info->chacha.key, keys->key, sizeof(info->chacha.key));
		put_be64(info->chacha.rec_seq, seq);
		return sizeof(info->chacha);
	}
}

_Static_assert(sizeof(((struct tls12_crypto_info_aes_gcm_128 *)0)->salt) == 4 &&
		       sizeof(((struct tls12_crypto_info_aes_gcm_256 *)0)->salt) == 4 &&
		       sizeof(((struct tls12_crypto_info_aes_ccm_128 *)0)->salt) == 4 &&
		       sizeof(((struct tls12_crypto_info_aes_gcm_128 *)0)->iv) == 8 &&
		       sizeof(((struct tls12_crypto_info_aes_gcm_256 *)0)->iv) == 8 &&
		       sizeof(((struct tls12_crypto_info_aes_ccm_128 *)0)->iv) == 8 &&
		       sizeof(((struct tls12_crypto_info_chacha20_poly1305 *)0)->iv) == 12,
	"linux/tls.h cuts the nonce in other places than put_nonce");

size_t leat_kinfo_size(unsigned cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128: return sizeof(struct tls12_crypto_info_aes_gcm_128);
	case TLS_CIPHER_AES_GCM_256: return sizeof(struct tls12_crypto_info_aes_gcm_256);
	case TLS_CIPHER_AES_CCM_128: return sizeof(struct tls12_crypto_info_aes_ccm_128);
	case TLS_CIPHER_CHACHA20_POLY1305:
		return sizeof(struct tls12_crypto_info_chacha20_poly1305);
	default: return 0;
	}
}

/* rec_seq is the last member of each of the structs. */
uint64_t leat_kinfo_seq(const union leat_kinfo *info)
{
	size_t n = leat_kinfo_size(info->head.cipher_type);
	const uint8_t *p = (const uint8_t *)info + n - 8;
	uint64_t v = 0;

	for (size_t i = 0; n > 0 && i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

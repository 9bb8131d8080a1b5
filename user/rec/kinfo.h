/* SPDX-License-Identifier: Apache-2.0
 *
 * kinfo.h - traffic keys and a sequence number as the structs the kernel takes (linux/tls.h), as pure
 * data: no system call, unit-tested on machines without kernel TLS. docs/kernel.md 1 has the layouts.
 */
#ifndef LEAT_REC_KINFO_H
#define LEAT_REC_KINFO_H

#include <linux/tls.h>

#include "crypto/aead.h"

/* Wiping type: holds a live key. */
union leat_kinfo {
	struct tls_crypto_info head;
	struct tls12_crypto_info_aes_gcm_128 gcm128;
	struct tls12_crypto_info_aes_gcm_256 gcm256;
	struct tls12_crypto_info_aes_ccm_128 ccm128;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
};

void leat_kinfo_clear(union leat_kinfo *k);

/* Could any kernel carry this combination? (CCM_8 has no kernel cipher, versions before 1.2 neither.) */
bool leat_kinfo_possible(enum aead_id aead, uint16_t version);
/* TLS_CIPHER_* of the kernel, or 0. */
unsigned leat_kinfo_cipher(enum aead_id aead);
/* Fills info for the record with sequence number seq as the next one; returns the struct's size for
 * setsockopt, or 0 when it is not possible (info is then all zero). */
size_t leat_kinfo_fill(union leat_kinfo *info, const struct traffic_keys *keys, uint64_t seq);
/* The size of a kernel cipher's struct (TLS_CIPHER_*); 0: not one of ours. */
size_t leat_kinfo_size(unsigned cipher);
/* The number of the next record that info tells of; its cipher must be one of ours. */
uint64_t leat_kinfo_seq(const union leat_kinfo *info);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * why.h - why a direction's records are where they are: one code per reason, a short name for logs and
 * JSON, and a sentence for the operator. Every refusal of ktls/handover.c is one of these.
 */
#ifndef LEAT_KTLS_WHY_H
#define LEAT_KTLS_WHY_H

/* What leat probe says of the same obstacles, in the same words. */
#define WHY_TEXT_NOT_BUILT                                            \
	"this kernel is built without TLS: boot one with CONFIG_TLS " \
	"(Debian's stock kernels have it)"
#define WHY_TEXT_LOAD "modprobe tls (and list it in /etc/modules-load.d)"

/*       code               name               what an operator should know */
#define LEAT_WHY_TABLE(X)                                                                                  \
	X(WHY_NOT_TRIED, "not_tried", "no hand-over was asked for yet")                                    \
	X(WHY_IN_KERNEL, "in_kernel", "the kernel protects the records")                                   \
	X(WHY_POLICY_USER, "policy_user", "the configuration says records=user")                           \
	X(WHY_KILL_SWITCH, "kill_switch", "kernel records are switched off at run time")                   \
	X(WHY_CUSTOM_TRANSPORT, "custom_transport",                                                        \
		"the transport is not a TCP socket that the kernel could take over")                       \
	X(WHY_NO_ULP_MODULE, "no_ulp_module",                                                              \
		"kernel module tls not loaded: as root, " WHY_TEXT_LOAD)                                   \
	X(WHY_NOT_BUILT, "not_built", WHY_TEXT_NOT_BUILT)                                                  \
	X(WHY_ULP_REFUSED, "ulp_refused", "the kernel refused TLS on this socket")                         \
	X(WHY_NOT_UP, "not_up", "the handshake is not complete")                                           \
	X(WHY_VERSION, "version", "the kernel protects only TLS 1.2 and 1.3")                              \
	X(WHY_SUITE, "suite", "no kernel has a cipher for this suite")                                     \
	X(WHY_RECORD_LIMIT, "record_limit",                                                                \
		"the two sides agreed on shorter records than the kernel makes or checks")                 \
	X(WHY_PADDING, "padding", "the configuration pads records, which the kernel cannot")               \
	X(WHY_KEY_UPDATE_AT, "key_update_at",                                                              \
		"the configuration wants new keys sooner than the cipher does, and the kernel makes none") \
	X(WHY_CIPHER_MISSING, "cipher_missing",                                                            \
		"this kernel lacks the suite's cipher: load its crypto module")                            \
	X(WHY_KEYS_REFUSED, "keys_refused", "the kernel refused the record keys")                          \
	X(WHY_RX_PENDING, "rx_pending",                                                                    \
		"received bytes wait in user space, or half a record does")                                \
	X(WHY_READER_WAITS, "reader_waits", "another thread waits for data in this direction")             \
	X(WHY_TX_PENDING, "tx_pending", "sealed records wait in user space to be sent")                    \
	X(WHY_PEER_MAY_REKEY, "peer_may_rekey",                                                            \
		"the peer may change its keys, which the kernel may not follow: only on request")          \
	X(WHY_AUTO_SMALL, "auto_small", "too few bytes for the kernel to pay off")                         \
	X(WHY_AUTO_STREAM, "auto_stream", "data from memory costs less in user space")                     \
	X(WHY_SLOW_CIPHER, "slow_cipher",                                                                  \
		"the kernel would compute AES by tables: load its fast module (leat probe says which)")    \
	X(WHY_CLOSED, "closed", "this direction is closed")

#define LEAT_WHY_ENUM(code, name, text) code,
enum leat_why { LEAT_WHY_TABLE(LEAT_WHY_ENUM) WHY_COUNT };

/* "no_ulp_module"; stable, for machines. Never NULL. */
const char *why_name(enum leat_why w);
/* One sentence without a full stop. Never NULL. */
const char *why_text(enum leat_why w);

#endif

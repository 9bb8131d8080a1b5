/* SPDX-License-Identifier: Apache-2.0
 *
 * types.h - the small types every other public header of leat stands on: byte spans, results,
 * errors, alerts, and the environment a caller hands to the engine.
 *
 * Conventions of the whole interface:
 *  - Structs are opaque unless defined in a header; `_new` pairs with `_free`, `_ref` with `_unref`;
 *    free and unref accept NULL.
 *  - A `_borrow` argument must outlive its use, a `_take` argument is owned by the callee on success
 *    and on failure, a `_dup` argument is copied. Without such a word, spans are copied.
 *  - Lengths are bytes; `_ms` is milliseconds, `_s` seconds.
 *  - Functions that can fail return enum leat_ret; the details are in the object's struct leat_err.
 *  - Nothing here is thread-safe per object; different objects may be used by different threads.
 */
#ifndef LEAT_TYPES_H
#define LEAT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A borrowed run of bytes. {NULL, 0} is the empty span. */
struct leat_span {
	const uint8_t *p;
	size_t n;
};

/* Result of every function that can fail. */
enum leat_ret {
	LEAT_OK = 0,
	LEAT_AGAIN,       /* not now: more bytes, room or an answer are needed; nothing was lost */
	LEAT_UNSUPPORTED, /* cannot be had here; nothing was touched, another way may be taken */
	LEAT_FAILED,      /* final; the object's struct leat_err says why */
};

/* Whose fault an error is. */
enum leat_err_class {
	LEAT_E_NONE = 0,
	LEAT_E_PEER_ALERT, /* the peer sent a fatal alert */
	LEAT_E_OUR_ALERT,  /* we refused what the peer did and sent (or will send) an alert */
	LEAT_E_SYSTEM,     /* a system call failed; sys holds its errno */
	LEAT_E_MEMORY,     /* out of memory */
	LEAT_E_MISUSE,     /* the caller asked for something the interface forbids */
	LEAT_E_OPTION,     /* an option's name or value was refused before any I/O */
	LEAT_E_FILE,       /* a named file could not be read or decoded */
	LEAT_E_CLOSED,     /* the connection ended; truncated when what says so */
	LEAT_E_TIMEOUT,    /* a deadline passed */
	LEAT_E_CRYPTO,     /* libcrypto refused; detail holds its reason */
	LEAT_E_SOCKOPT, /* a socket option's name or value was refused, before any I/O or by the kernel */
	LEAT_E_ABSENT, /* what was asked for does not exist on this connection; what begins with its code */
	LEAT_E_PACKET, /* what came (or is to be sent) is no message of the framing that was set */
	LEAT_E_CLASS_COUNT
};

/* Alert descriptions, RFC 8446 section 6 and the TLS 1.2 registry. */
enum leat_alert {
	LEAT_ALERT_CLOSE_NOTIFY = 0,
	LEAT_ALERT_UNEXPECTED_MESSAGE = 10,
	LEAT_ALERT_BAD_RECORD_MAC = 20,
	LEAT_ALERT_DECRYPTION_FAILED = 21,
	LEAT_ALERT_RECORD_OVERFLOW = 22,
	LEAT_ALERT_DECOMPRESSION_FAILURE = 30,
	LEAT_ALERT_HANDSHAKE_FAILURE = 40,
	LEAT_ALERT_NO_CERTIFICATE = 41,
	LEAT_ALERT_BAD_CERTIFICATE = 42,
	LEAT_ALERT_UNSUPPORTED_CERTIFICATE = 43,
	LEAT_ALERT_CERTIFICATE_REVOKED = 44,
	LEAT_ALERT_CERTIFICATE_EXPIRED = 45,
	LEAT_ALERT_CERTIFICATE_UNKNOWN = 46,
	LEAT_ALERT_ILLEGAL_PARAMETER = 47,
	LEAT_ALERT_UNKNOWN_CA = 48,
	LEAT_ALERT_ACCESS_DENIED = 49,
	LEAT_ALERT_DECODE_ERROR = 50,
	LEAT_ALERT_DECRYPT_ERROR = 51,
	LEAT_ALERT_EXPORT_RESTRICTION = 60,
	LEAT_ALERT_PROTOCOL_VERSION = 70,
	LEAT_ALERT_INSUFFICIENT_SECURITY = 71,
	LEAT_ALERT_INTERNAL_ERROR = 80,
	LEAT_ALERT_INAPPROPRIATE_FALLBACK = 86,
	LEAT_ALERT_USER_CANCELED = 90,
	LEAT_ALERT_NO_RENEGOTIATION = 100,
	LEAT_ALERT_MISSING_EXTENSION = 109,
	LEAT_ALERT_UNSUPPORTED_EXTENSION = 110,
	LEAT_ALERT_CERTIFICATE_UNOBTAINABLE = 111,
	LEAT_ALERT_UNRECOGNIZED_NAME = 112,
	LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
	LEAT_ALERT_BAD_CERTIFICATE_HASH_VALUE = 114,
	LEAT_ALERT_UNKNOWN_PSK_IDENTITY = 115,
	LEAT_ALERT_CERTIFICATE_REQUIRED = 116,
	LEAT_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

/* Everything known about one failure. Zero is "no error". Holds no pointer that needs freeing. */
struct leat_err {
	enum leat_err_class cls;
	uint8_t alert;     /* meaningful for the two alert classes */
	int sys;           /* errno as it was at the failing call, or 0 */
	const char *where; /* "file.c:line" of the refusal */
	const char *what;  /* static text, "<thing>: <what is wrong>" */
	const char
		*option; /* option name for LEAT_E_OPTION, LEAT_E_FILE, LEAT_E_SOCKOPT, else NULL */
	char detail[144]; /* the value, path, certificate or reason; printable ASCII, may be "" */
};

/* Versions as on the wire (RFC 8446 4.1.2, RFC 5246). */
enum leat_version {
	LEAT_TLS12 = 0x0303,
	LEAT_TLS13 = 0x0304,
};

enum leat_role { LEAT_CLIENT = 0, LEAT_SERVER = 1 };

/* Directions of a connection, seen from this side. */
enum leat_dir { LEAT_RX = 0, LEAT_TX = 1 };

/* The engine's whole view of the outside world: it has no other clock and no other dice.
 * The one exception, because libcrypto offers no other way: ephemeral key generation and randomised
 * signatures draw from libcrypto's own generator.
 *
 * now_s  returns Unix time in seconds (certificate validity, ticket age).
 * random fills buf with n bytes fit for keys; it cannot fail (abort rather than return weak bytes).
 * arg    is handed to both. */
struct leat_env {
	int64_t (*now_s)(void *arg);
	void (*random)(void *arg, void *buf, size_t n);
	void *arg;
};

/* leat_alert_name returns the RFC's name of an alert ("handshake_failure"), or "unknown_alert"
 * for a number without one. Never NULL. */
LEAT_API const char *leat_alert_name(unsigned alert);

/* leat_version_name returns the protocol string of a version: "tlsv1.2", "tlsv1.3", or "unknown". */
LEAT_API const char *leat_version_name(unsigned version);

/* leat_strerror writes one sentence an operator can act on about err into buf (at most n bytes with
 * the final NUL, cut if longer) and returns buf. Works for every err, LEAT_E_NONE included. */
LEAT_API const char *leat_strerror(const struct leat_err *err, char *buf, size_t n);

#ifdef __cplusplus
}
#endif
#endif

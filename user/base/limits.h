/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - every bound on what a peer controls, with its reason. A test goes one below, at, and
 * one above each of them.
 */
#ifndef LEAT_BASE_LIMITS_H
#define LEAT_BASE_LIMITS_H

/* Records: RFC 8446 5.1, 5.2; RFC 5246 6.2. */
#define LIM_PLAINTEXT     16384                  /* TLSPlaintext.length MUST NOT exceed 2^14 */
#define LIM_CIPHERTEXT13  (LIM_PLAINTEXT + 256)  /* TLSCiphertext.length, TLS 1.3 */
#define LIM_CIPHERTEXT12  (LIM_PLAINTEXT + 2048) /* TLSCiphertext.length, TLS 1.2 */
#define LIM_RECORD_HEADER 5
/* A peer may send empty records; a run of them is work without progress. */
#define LIM_EMPTY_RECORDS 32
/* Warning alerts in a row under TLS 1.2 that are ignored before the connection is refused. */
#define LIM_WARN_ALERTS 4

/* Early data we refused is skipped unread up to this many bytes (RFC 8446 4.2.10); we gave out no
 * ticket that allows any, so this covers tickets of another server behind the same name. */
#define LIM_EARLY_SKIP (2 * LIM_PLAINTEXT)
/* Messages that the protocol wants ignored, in one handshake: change_cipher_spec records of TLS 1.3
 * (RFC 8446 5), HelloRequests of TLS 1.2 (RFC 5246 7.4.1.1). Neither sets a bound. */
#define LIM_DROPPED 32
/* Post-handshake messages (KeyUpdate, ticket, HelloRequest) without application data in between. */
#define LIM_POST_MESSAGES 32
/* Of those, CertificateRequests: each makes us sign something. */
#define LIM_POST_REQUESTS 8

/* Handshake messages. The general cap bounds memory before the peer is known. */
#define LIM_HANDSHAKE     (256 * 1024) /* certificate chains; the manual's max_handshake_size */
#define LIM_CLIENT_HELLO  (32 * 1024) /* big hellos carry PSKs and hybrid shares; none needs more */
#define LIM_KX_PSK        (68 * 1024) /* ClientKeyExchange and ServerKeyExchange of PSK suites */
#define LIM_SMALL_MESSAGE (17 * 1024) /* every other message but Certificate and its kin */
#define LIM_EXTENSIONS    64          /* extensions in one message, unknown ones included */
#define LIM_AUTHORITIES   16384       /* of our own ClientHello: no server takes one of 64 KiB */
#define LIM_CHAIN         16          /* certificates in one chain message */
#define LIM_STAPLE        32768 /* one OCSP response; those of public CAs have 300 to 2500 bytes */
#define LIM_STAPLE_SKEW_S 300   /* how far the clocks of a responder and ours may be apart */
/* An OCSP response without nextUpdate is good for this long (RFC 6960 4.2.2.1 sets no bound). */
#define LIM_STAPLE_AGE_S (7 * 86400)
/* CRLs. Large CAs have some of 5 MiB; what is fetched is held in memory meanwhile. */
#define LIM_CRL        (10 * 1024 * 1024)
#define LIM_CRLS       64 /* one cache's answer about one distribution point or issuer */
#define LIM_CRL_POINTS 8  /* distribution points of a certificate that are asked about, in order */
#define LIM_CRL_NAMES  8  /* names of one of them that are looked at; each may be a fetch */
/* Fetched CRLs: kept in all, and how many; how long a URI that failed is left alone, and how many
 * redirections are followed. */
#define LIM_CRL_KEPT      (64 * 1024 * 1024)
#define LIM_CRL_URIS      64
#define LIM_CRL_RETRY_S   10
#define LIM_CRL_REDIRECTS 3
#define LIM_SCT_LIST      16384 /* bytes of SCTs that are kept; logs make 120 bytes each */
/* What a packed certificate may make its decoder allocate, beside four times its own length. */
#define LIM_UNPACK_MEMORY (1024 * 1024)
#define LIM_KEY_SHARES    16 /* key shares in one ClientHello; each would cost a key pair */
/* Primes of a DHE server. Below: within reach of a state (Logjam). Above: one exponentiation costs the
 * client more than a server may ask for; the largest of RFC 7919. */
#define LIM_DH_BITS_MIN 2048
#define LIM_DH_BITS_MAX 8192
/* A client's certificate kept in its session, for leat_config_set_reuse_session; most have 500 to 1500 bytes. */
#define LIM_SESSION_CERT   2048
#define LIM_SESSION_ID     32       /* RFC 8446 4.1.2: legacy_session_id<0..32> */
#define LIM_COOKIE         4096     /* RFC allows 2^16-1; our own is small, others' are too */
#define LIM_ALPN_NAME      255      /* RFC 7301: ProtocolName<1..2^8-1> */
#define LIM_HOST_NAME      255      /* RFC 1035 */
#define LIM_EARLY_DATA     16777216 /* bytes of early data a server may say it takes */
#define LIM_PSK_IDENTITY   4096     /* of an external PSK of ours; RFC allows 2^16-1 */
#define LIM_PSK12_IDENTITY 65535    /* RFC 4279 2: psk_identity<0..2^16-1>; alone in its message */
#define LIM_PSK_TRIED \
	5 /* identities of one ClientHello that are looked up: each may cost an AEAD */
#define LIM_TICKETS         16       /* tickets one connection hands out, and a client keeps */
#define LIM_STORE           16777216 /* sessions in a store, hellos in the memory against replay */
#define LIM_REPLAY_WINDOW_S 3600

#define LIM_BER_TAG 8 /* bytes of a long tag number in framed data: packet=asn1 (X.690 8.1.2.4) */

/* What an event loop lends to bytes that arrive (loop_take), whoever sends them: so much for a loop and not
 * for a connection. When all is lent, the rest waits in the kernel. A power of two. */
#define LIM_LOOP_BUFS 64
#define LIM_LOOP_BUF  4096 /* a request with room to spare; more comes in several pieces */

/* Making connections: a name server decides how many addresses there are and how long they take. */
#define LIM_DIAL 16 /* addresses of a host that are tried */
#define LIM_RESOLVERS \
	64 /* threads inside the resolver; more would only pile up behind a dead server */

#endif

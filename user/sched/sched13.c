/* SPDX-License-Identifier: Apache-2.0
 *
 * sched13.c - the key schedule of TLS 1.3, drawn as RFC 8446 7.1 draws it:
 *
 *             0
 *             |
 *   PSK ->  Extract = Early Secret
 *             |------> "ext binder" | "res binder"   binder_key (RFC 9258: "imp binder")
 *             |------> "c e traffic"                 client_early_traffic_secret
 *             |------> "e exp master"                early_exporter_master_secret
 *        Derive-Secret(., "derived", "")
 *             |
 *  (EC)DHE -> Extract = Handshake Secret
 *             |------> "c hs traffic", "s hs traffic"
 *        Derive-Secret(., "derived", "")
 *             |
 *     0 ->  Extract = Master Secret
 *             |------> "c ap traffic", "s ap traffic", "exp master", "res master"
 *
 * Calling a function in the wrong stage is a bug of the caller, not of the peer: asserted.
 */
#include "sched/sched13.h"

#include <assert.h>
#include <string.h>

static const struct leat_span none = { NULL, 0 };

void sched13_clear(struct sched13 *s)
{
	leat_wipe(s, sizeof(*s));
}

/* Derive-Secret(secret, label, "") for those labels whose transcript is empty. */
static void derive_empty(
	enum hash_id h, const struct leat_secret *from, const char *label, struct leat_secret *out)
{
	uint8_t empty[HASH_MAX];

	digest_once(h, none, empty);
	hkdf_derive(h, from, label, (struct leat_span){ empty, hash_len(h) }, out);
}

static void next_stage(struct sched13 *s, struct leat_span ikm)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret derived;

	derive_empty(s->hash, &s->cur, "derived", &derived);
	hkdf_extract(s->hash, leat_secret_span(&derived), ikm, &s->cur);
}

void sched13_early(struct sched13 *s, enum hash_id h, struct leat_span psk)
{
	sched13_clear(s);
	s->hash = h;
	hkdf_extract(h, none, psk, &s->cur);
	s->stage = SCHED13_EARLY;
}

void sched13_binder_key(const struct sched13 *s, const char *label, struct leat_secret *out)
{
	assert(s->stage == SCHED13_EARLY);
	derive_empty(s->hash, &s->cur, label, out);
}

void sched13_early_traffic(const struct sched13 *s, struct leat_span th, struct leat_secret *out)
{
	assert(s->stage == SCHED13_EARLY && th.n == hash_len(s->hash));
	hkdf_derive(s->hash, &s->cur, "c e traffic", th, out);
}

void sched13_early_exporter(const struct sched13 *s, struct leat_span th, struct leat_secret *out)
{
	assert(s->stage == SCHED13_EARLY && th.n == hash_len(s->hash));
	hkdf_derive(s->hash, &s->cur, "e exp master", th, out);
}

void sched13_handshake(struct sched13 *s, struct leat_span dhe, struct leat_span th,
	struct leat_secret *client, struct leat_secret *server)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	assert(s->stage == SCHED13_EARLY && th.n == hash_len(s->hash));
	next_stage(s, dhe);
	s->stage = SCHED13_HANDSHAKE;
	hmac_key_init(&k, s->hash, leat_secret_span(&s->cur));
	hkdf_derive_keyed(&k, "c hs traffic", th, client);
	hkdf_derive_keyed(&k, "s hs traffic", th, server);
}

void sched13_master(struct sched13 *s, struct leat_span th, struct leat_secret *client,
	struct leat_secret *server, struct leat_secret *exporter)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	assert(s->stage == SCHED13_HANDSHAKE && th.n == hash_len(s->hash));
	next_stage(s, none);
	s->stage = SCHED13_MASTER;
	hmac_key_init(&k, s->hash, leat_secret_span(&s->cur));
	hkdf_derive_keyed(&k, "c ap traffic", th, client);
	hkdf_derive_keyed(&k, "s ap traffic", th, server);
	hkdf_derive_keyed(&k, "exp master", th, exporter);
}

void sched13_resumption(const struct sched13 *s, struct leat_span th, struct leat_secret *out)
{
	assert(s->stage == SCHED13_MASTER && th.n == hash_len(s->hash));
	hkdf_derive(s->hash, &s->cur, "res master", th, out);
}

void sched13_finished_key(enum hash_id h, const struct leat_secret *base, struct leat_secret *out)
{
	hkdf_derive(h, base, "finished", none, out);
}

/* RFC 8446 4.4.4: finished_key = HKDF-Expand-Label(BaseKey, "finished", "", Hash.length);
 * verify_data = HMAC(finished_key, transcript hash) */
void sched13_finished(
	enum hash_id h, const struct leat_secret *base, struct leat_span th, uint8_t *out)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret key;

	assert(th.n == hash_len(h));
	hkdf_derive(h, base, "finished", none, &key);
	hmac_once(h, leat_secret_span(&key), th, out);
}

void sched13_keys(enum hash_id h, enum aead_id aead, const struct leat_secret *secret,
	struct traffic_keys *out)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	traffic_keys_clear(out);
	out->aead = aead;
	out->version = LEAT_TLS13;
	hmac_key_init(&k, h, leat_secret_span(secret));
	hkdf_label_keyed(&k, "key", none, out->key, aead_key_len(aead));
	hkdf_label_keyed(&k, "iv", none, out->iv, sizeof(out->iv));
}

void sched13_update(enum hash_id h, struct leat_secret *secret)
{
	hkdf_derive(h, secret, "traffic upd", none, secret);
}

void sched13_ticket_psk(enum hash_id h, const struct leat_secret *resumption,
	struct leat_span nonce, struct leat_secret *out)
{
	hkdf_derive(h, resumption, "resumption", nonce, out);
}

/* RFC 8446 7.5: HKDF-Expand-Label(Derive-Secret(Secret, label, ""), "exporter",
 * Hash(context_value), key_length) */
void sched13_export(enum hash_id h, const struct leat_secret *exporter, const char *label,
	struct leat_span context, uint8_t *out, size_t n)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret s;
	uint8_t hashed[HASH_MAX];

	derive_empty(h, exporter, label, &s);
	digest_once(h, context, hashed);
	hkdf_expand_label(h, &s, "exporter", (struct leat_span){ hashed, hash_len(h) }, out, n);
}

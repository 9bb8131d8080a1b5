/* SPDX-License-Identifier: Apache-2.0
 *
 * ticket.c - seals and opens stateless tickets. See ticket.h for the form.
 */
#include "session/ticket.h"

#include <string.h>

#include "session/ticket_keys.h"

#define NONCE_LEN 12
#define TAG_LEN   16

void ticket_plain_clear(struct ticket_plain *p)
{
	leat_wipe(p->b, p->n < sizeof(p->b) ? p->n : sizeof(p->b));
	p->n = 0;
}

enum leat_ret ticket_seal(struct leat_ticket_keys *k, const struct crypto *c,
	const struct leat_env *env, const struct session_data *d, struct leat_wr *out,
	struct leat_err *err)
{
	LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };
	LEAT_SCOPED(ticket_plain_clear) struct ticket_plain plain = { 0 };
	LEAT_SCOPED(aead_clear) struct aead a = { 0 };
	uint8_t nonce[NONCE_LEN], *sealed;
	struct leat_wr w;
	enum leat_ret r;

	r = ticket_keys_sealing(k, env, &key);
	if (r != LEAT_OK)
		return r;
	leat_wr_fixed(&w, plain.b, TICKET_PLAIN_MAX);
	session_encode(&w, d);
	plain.n = sizeof(plain.b); /* for the wipe: a failed writer does not tell how far it got */
	if (!leat_wr_ok(&w))
		return LEAT_UNSUPPORTED;
	plain.n = w.n;
	if (aead_init(&a, c, AEAD_AES_256_GCM, key.key, true, err) != LEAT_OK)
		return LEAT_FAILED;
	env->random(env->arg, nonce, sizeof(nonce));
	leat_wr_bytes(out, key.name, sizeof(key.name));
	leat_wr_bytes(out, nonce, sizeof(nonce));
	sealed = leat_wr_room(out, plain.n + TAG_LEN);
	if (!sealed)
		return err_memory(err);
	if (aead_seal(&a, nonce, (struct leat_span){ key.name, sizeof(key.name) }, plain.b, plain.n,
		    sealed) != LEAT_OK)
		return err_crypto(err, "ticket: cannot be sealed");
	return LEAT_OK;
}

bool ticket_open(struct leat_ticket_keys *k, const struct crypto *c, const struct leat_env *env,
	struct leat_span ticket, struct ticket_plain *plain, struct session_data *d, bool *renew)
{
	LEAT_SCOPED(ticket_key_clear) struct ticket_key key = { 0 };
	LEAT_SCOPED(aead_clear) struct aead a = { 0 };
	struct leat_err ignored = { 0 };
	int64_t now = env->now_s(env->arg);
	struct leat_span sealed;
	bool newest;

	*d = (struct session_data){ 0 };
	*renew = false;
	if (ticket.n <= TICKET_NAME_LEN + NONCE_LEN + TAG_LEN || ticket.n > TICKET_MAX ||
		!ticket_keys_find(k, ticket.p, now, &key, &newest))
		return false;
	sealed.p = ticket.p + TICKET_NAME_LEN + NONCE_LEN;
	sealed.n = ticket.n - TICKET_NAME_LEN - NONCE_LEN;
	if (aead_init(&a, c, AEAD_AES_256_GCM, key.key, false, &ignored) != LEAT_OK ||
		!aead_open(&a, ticket.p + TICKET_NAME_LEN,
			(struct leat_span){ ticket.p, TICKET_NAME_LEN }, sealed.p, sealed.n,
			plain->b))
		return false;
	plain->n = sealed.n - TAG_LEN;
	if (!session_decode((struct leat_span){ plain->b, plain->n }, d) || d->ticket.n ||
		!session_is_fresh(d, now)) {
		session_data_clear(d);
		return false;
	}
	*renew = !newest;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * store_value.c - see store_value.h.
 */
#include "sock/store_value.h"

#include <stdio.h>
#include <string.h>

#include <leat/leat.h>

#include "base/rd.h"
#include "base/secret.h"
#include "base/wr.h"

enum { FORM_PLAIN = 0, FORM_SEALED = 1 };

#define NONCE_LEN 12
#define TAG_LEN   16

void store_value_clear(struct store_value *v)
{
	leat_wipe(v, sizeof(*v));
}

enum leat_ret store_common_init(
	struct store_common *c, const struct leat_store_opts *opts, struct leat_err *err)
{
	*c = (struct store_common){ 0 };
	atomic_init(&c->is_down, false);
	if (!opts)
		return LEAT_OK;
	c->log = opts->log;
	c->log_arg = opts->log_arg;
	if (opts->key.n == 0)
		return LEAT_OK;
	if (opts->key.n != LEAT_STORE_KEY_LEN)
		return err_option(err, "session_store_key", NULL, "not 32 bytes");
	if (crypto_new(&c->crypto, err) != LEAT_OK)
		return LEAT_FAILED;
	memcpy(c->key, opts->key.p, sizeof(c->key));
	return LEAT_OK;
}

void store_common_clear(struct store_common *c)
{
	leat_wipe(c->key, sizeof(c->key));
	crypto_unref(c->crypto);
	c->crypto = NULL;
}

/* What a sealed value is bound to. */
struct bound {
	size_t n;
	uint8_t b[STORE_HEAD + STORE_ID_MAX];
};

static struct leat_span bind_to(
	struct bound *to, const uint8_t head[STORE_HEAD], struct leat_span id)
{
	memcpy(to->b, head, STORE_HEAD);
	memcpy(to->b + STORE_HEAD, id.p, id.n);
	to->n = STORE_HEAD + id.n;
	return (struct leat_span){ to->b, to->n };
}

static bool seal(struct store_common *c, struct leat_span id, struct leat_span session,
	const uint8_t head[STORE_HEAD], struct leat_wr *w)
{
	LEAT_SCOPED(aead_clear) struct aead a = { 0 };
	uint8_t nonce[NONCE_LEN], *room;
	struct leat_err ignored = { 0 };
	struct leat_env env;
	struct bound to;

	leat_env_system(&env);
	env.random(env.arg, nonce, sizeof(nonce));
	leat_wr_bytes(w, nonce, sizeof(nonce));
	room = leat_wr_room(w, session.n + TAG_LEN);
	return room &&
	       aead_init(&a, c->crypto, AEAD_AES_256_GCM, c->key, true, &ignored) == LEAT_OK &&
	       aead_seal(&a, nonce, bind_to(&to, head, id), session.p, session.n, room) == LEAT_OK;
}

enum leat_ret store_value_make(struct store_common *c, struct leat_span id,
	struct leat_span session, int64_t expires_s, struct store_value *out)
{
	struct leat_wr w;

	out->n = 0;
	if (!store_id_ok(id) || session.n == 0 || session.n > TICKET_PLAIN_MAX || expires_s < 0)
		return LEAT_UNSUPPORTED;
	leat_wr_fixed(&w, out->b, sizeof(out->b));
	leat_wr_u8(&w, c->crypto ? FORM_SEALED : FORM_PLAIN);
	leat_wr_u64(&w, (uint64_t)expires_s);
	if (!c->crypto)
		leat_wr_span(&w, session);
	else if (!seal(c, id, session, out->b, &w))
		return LEAT_FAILED;
	if (!leat_wr_ok(&w))
		return LEAT_UNSUPPORTED;
	out->n = w.n;
	return LEAT_OK;
}

/* The head and what follows it. */
static bool split(struct leat_span value, uint8_t *form, int64_t *expires_s, struct leat_span *body)
{
	struct leat_rd in = leat_rd_of(value);
	uint64_t at;

	leat_rd_u8(&in, form);
	leat_rd_u64(&in, &at);
	*body = leat_rd_rest(&in);
	*expires_s = (int64_t)at;
	return leat_rd_ok(&in) && at <= INT64_MAX && *form <= FORM_SEALED &&
	       value.n <= STORE_VALUE_MAX;
}

bool store_value_expires(struct leat_span value, int64_t *expires_s)
{
	struct leat_span body;
	uint8_t form;

	return split(value, &form, expires_s, &body);
}

static bool unseal(struct store_common *c, struct leat_span id, const uint8_t *head,
	struct leat_span body, void *buf)
{
	LEAT_SCOPED(aead_clear) struct aead a = { 0 };
	struct leat_err ignored = { 0 };
	struct bound to;

	return aead_init(&a, c->crypto, AEAD_AES_256_GCM, c->key, false, &ignored) == LEAT_OK &&
	       aead_open(&a, body.p, bind_to(&to, head, id), body.p + NONCE_LEN, body.n - NONCE_LEN,
		       buf);
}

bool store_value_open(struct store_common *c, struct leat_span id, struct leat_span value,
	int64_t now_s, void *buf, size_t cap, size_t *n)
{
	struct leat_span body;
	int64_t expires_s;
	uint8_t form;

	*n = 0;
	if (!store_id_ok(id) || !split(value, &form, &expires_s, &body) || expires_s <= now_s ||
		form != (c->crypto ? FORM_SEALED : FORM_PLAIN))
		return false;
	if (form == FORM_SEALED) {
		if (body.n <= NONCE_LEN + TAG_LEN || body.n - NONCE_LEN - TAG_LEN > cap ||
			!unseal(c, id, value.p, body, buf))
			return false;
		*n = body.n - NONCE_LEN - TAG_LEN;
		return true;
	}
	if (body.n == 0 || body.n > cap)
		return false;
	memcpy(buf, body.p, body.n);
	*n = body.n;
	return true;
}

static void say(struct store_common *c, const char *what, const char *reason, const char *then)
{
	char line[256];

	if (!c->log)
		return;
	snprintf(line, sizeof(line), "session store: %s: %s%s", what, reason, then);
	c->log(c->log_arg, line);
}

void store_went(struct store_common *c, const char *what, const char *reason)
{
	if (!atomic_exchange(&c->is_down, true))
		say(c, what, reason, "; going on without");
}

void store_works(struct store_common *c, const char *what)
{
	/* Read first: this is said after every operation, by every thread. */
	if (atomic_load_explicit(&c->is_down, memory_order_relaxed) &&
		atomic_exchange(&c->is_down, false))
		say(c, what, "back", "");
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * record_limit.c - see record_limit.h. Limits are handed to the engine as bytes of content, padding
 * included; what the content type of TLS 1.3 takes is subtracted here.
 */
#include "hs/record_limit.h"

#define BITS (EXT_BIT(EXT_RECORD_SIZE) | EXT_BIT(EXT_MAX_FRAGMENT))

/* RFC 8449 4: "the protocol-defined maximum record size": 2^14, and in TLS 1.3 one more, because the
 * limit "includes the content type and padding". */
static unsigned longest(uint16_t version)
{
	return version == LEAT_TLS13 ? LIM_PLAINTEXT + 1 : LIM_PLAINTEXT;
}

static uint16_t own_word(const struct hs *h, uint16_t version)
{
	unsigned top = longest(version);

	return (uint16_t)(h->cfg->record_size < top ? h->cfg->record_size : top);
}

static void tell(struct hs *h, enum leat_dir dir, unsigned max, bool clear_too)
{
	if (h->sink->limit)
		h->sink->limit(h->sink->arg, dir, (uint16_t)max, clear_too);
}

/* record_size_limit of one side, for what the other side sends to it. A client "might advertise a higher
 * limit that is enabled by an extension or version the server does not understand". */
static void tell_size(struct hs *h, enum leat_dir dir, unsigned word)
{
	unsigned top = longest(h->version);
	unsigned type = h->version == LEAT_TLS13 ? 1 : 0;

	tell(h, dir, (word < top ? word : top) - type, false);
}

/* RFC 6066 4: both sides "MUST immediately begin fragmenting messages (including handshake messages)" */
static void tell_fragment(struct hs *h, uint8_t code)
{
	tell(h, LEAT_RX, 256u << code, true);
	tell(h, LEAT_TX, 256u << code, true);
}

/* ---- client ---- */

void limit_offer(const struct hs *h, struct client_hello *ch)
{
	if (h->cfg->record_size) {
		ch->has |= EXT_BIT(EXT_RECORD_SIZE);
		ch->record_size = own_word(h, h->cfg->max_version);
	}
	/* RFC 8449 5: "Clients that depend on having a small record size MAY continue to advertise the
	 * "max_fragment_length"." */
	if (h->cfg->max_fragment) {
		ch->has |= EXT_BIT(EXT_MAX_FRAGMENT);
		ch->max_fragment = h->cfg->max_fragment;
	}
}

enum leat_ret limit_check_answer(const struct hs *h, const struct record_words *w, uint16_t version)
{
	/* RFC 8449 5: "A client MUST treat receipt of both "max_fragment_length" and
	 * "record_size_limit" as a fatal error, and it SHOULD generate an "illegal_parameter" alert." */
	if ((w->has & BITS) == BITS)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"record_size_limit: together with max_fragment_length");
	/* RFC 8449 4: "A client MAY abort the handshake with an "illegal_parameter" alert if the
	 * record_size_limit extension includes a value greater than the maximum record size permitted by
	 * the negotiated protocol version" */
	if ((w->has & EXT_BIT(EXT_RECORD_SIZE)) && w->record_size > longest(version))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"record_size_limit: more than the version allows");
	/* RFC 6066 4: "if a client receives a maximum fragment length negotiation response that differs
	 * from the length it requested, it MUST also abort the handshake with an "illegal_parameter"
	 * alert." */
	if ((w->has & EXT_BIT(EXT_MAX_FRAGMENT)) && w->max_fragment != h->cfg->max_fragment)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"max_fragment_length: another one than asked for");
	return LEAT_OK;
}

/* RFC 6066 4: "The negotiated length applies for the duration of the session including session
 * resumptions." So another answer than the session's is wrong. record_size_limit belongs to the connection. */
enum leat_ret limit_check_resumed(const struct hs *h, const struct record_words *w, uint8_t code)
{
	if ((w->has & EXT_BIT(EXT_MAX_FRAGMENT)) && w->max_fragment != code)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"max_fragment_length: another one than the session's");
	return LEAT_OK;
}

/* RFC 5246 7.4.1.4: "Most current TLS extensions are relevant only when a session is initiated: when an
 * older session is resumed, the server does not process these extensions in the Client Hello, and does not
 * include them in the Server Hello." What they settled holds all the same. */
void limit_add_resumed(struct record_words *w, uint8_t code)
{
	if (!code || (w->has & BITS))
		return;
	w->has |= EXT_BIT(EXT_MAX_FRAGMENT);
	w->max_fragment = code;
}

void limit_commit_answer(struct hs *h, const struct record_words *w)
{
	if (w->has & EXT_BIT(EXT_RECORD_SIZE)) {
		tell_size(h, LEAT_TX, w->record_size);
		tell_size(h, LEAT_RX, own_word(h, h->cfg->max_version));
	}
	if (w->has & EXT_BIT(EXT_MAX_FRAGMENT)) {
		h->c.max_fragment = w->max_fragment;
		tell_fragment(h, w->max_fragment);
	}
}

/* ---- server ---- */

static bool takes_size(const struct hs *h, const struct client_hello *ch)
{
	return (ch->has & EXT_BIT(EXT_RECORD_SIZE)) && h->cfg->record_size;
}

enum leat_ret limit_check_hello(const struct hs *h, const struct client_hello *ch)
{
	/* RFC 8449 5: "A server that supports the "record_size_limit" extension MUST ignore a
	 * "max_fragment_length" that appears in a ClientHello if both extensions appear." */
	if (!(ch->has & EXT_BIT(EXT_MAX_FRAGMENT)) || takes_size(h, ch))
		return LEAT_OK;
	/* RFC 6066 4: "If a server receives a maximum fragment length negotiation request for a value
	 * other than the allowed values, it MUST abort the handshake with an "illegal_parameter"
	 * alert." */
	if (ch->max_fragment < 1 || ch->max_fragment > 4)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"max_fragment_length: a value without a meaning");
	return LEAT_OK;
}

void limit_commit_hello(struct hs *h, const struct client_hello *ch)
{
	h->s.record_size = takes_size(h, ch) ? ch->record_size : 0;
	h->s.max_fragment = (ch->has & EXT_BIT(EXT_MAX_FRAGMENT)) && !h->s.record_size
				    ? ch->max_fragment
				    : 0;
}

struct record_words limit_answer(struct hs *h)
{
	struct record_words w = { 0 };

	if (h->s.record_size) {
		w.has = EXT_BIT(EXT_RECORD_SIZE);
		w.record_size = own_word(h, h->version);
		tell_size(h, LEAT_TX, h->s.record_size);
		tell_size(h, LEAT_RX, w.record_size);
	} else if (h->s.max_fragment) {
		w.has = EXT_BIT(EXT_MAX_FRAGMENT);
		w.max_fragment = h->s.max_fragment;
		tell_fragment(h, w.max_fragment);
	}
	return w;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - sessions: their serialised form, checked to the last byte, and the reference-counted
 * object of the public interface. Any bytes may come in: from a file, a store, another version.
 */
#include "session/session.h"

#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"

#define FORMAT       1
#define FLAG_EMS     1
#define FRAGMENT_AT  1 /* bits 1 to 3 of flags */
#define FLAG_ENDED   16
#define FLAG_CERT    32
#define FLAGS_ALL    (FLAG_EMS | 7 << FRAGMENT_AT | FLAG_ENDED | FLAG_CERT)
#define CLOCK_SKEW_S 60

struct leat_session {
	atomic_uint refs;
	_Atomic int64_t born_s;
	struct session_data d; /* its spans lie in bytes */
	size_t n;
	uint8_t bytes[];
};

void session_data_clear(struct session_data *d)
{
	leat_wipe(d, sizeof(*d));
}

int64_t session_expires(const struct session_data *d)
{
	int64_t own = d->issued_s + d->lifetime_s, auth = d->auth_s + SESSION_WEEK_S;

	return own < auth ? own : auth;
}

bool session_is_fresh(const struct session_data *d, int64_t now_s)
{
	return !d->ended && now_s < session_expires(d) && d->issued_s - CLOCK_SKEW_S <= now_s;
}

static bool is_same(struct leat_span s, const void *p, size_t n)
{
	return s.n == n && (n == 0 || memcmp(s.p, p, n) == 0);
}

bool session_is_for(
	const struct session_data *d, const char *host, const uint8_t bind[SESSION_BIND_LEN])
{
	return is_same(d->host, host, strlen(host)) && is_same(d->bind, bind, SESSION_BIND_LEN);
}

/* ---- the serialised form ---- */

void session_encode(struct leat_wr *w, const struct session_data *d)
{
	leat_wr_u16(w, FORMAT);
	leat_wr_u16(w, d->version);
	leat_wr_u16(w, d->suite->id);
	leat_wr_u8(w, (uint8_t)((d->ems ? FLAG_EMS : 0) | d->max_fragment << FRAGMENT_AT |
				(d->ended ? FLAG_ENDED : 0) | (d->peer_cert.n ? FLAG_CERT : 0)));
	leat_wr_u64(w, (uint64_t)d->issued_s);
	leat_wr_u64(w, (uint64_t)d->auth_s);
	leat_wr_u32(w, d->lifetime_s);
	leat_wr_u32(w, d->age_add);
	leat_wr_u32(w, d->max_early);
	leat_wr_vec(w, 1, leat_secret_span(&d->secret));
	leat_wr_vec(w, 1, d->bind);
	leat_wr_vec(w, 1, d->peer);
	leat_wr_vec(w, 1, d->id);
	leat_wr_vec(w, 1, d->host);
	leat_wr_vec(w, 1, d->alpn);
	leat_wr_vec(w, 2, d->ticket);
	if (d->peer_cert.n)
		leat_wr_vec(w, 2, d->peer_cert);
}

static struct leat_span read_fixed(struct leat_rd *in, size_t len)
{
	struct leat_span s = leat_rd_opaque8(in, 0, len);

	if (s.n != 0 && s.n != len)
		leat_rd_fail(in);
	return s;
}

static void read_secret(struct leat_rd *in, struct leat_secret *out)
{
	struct leat_span s = leat_rd_opaque8(in, 1, LEAT_SECRET_MAX);

	leat_secret_set(out, s.p, s.n);
}

/* Seconds since 1970 that cannot overflow when a lifetime is added. */
static void read_time(struct leat_rd *in, int64_t *out)
{
	uint64_t v;

	leat_rd_u64(in, &v);
	if (v > INT64_MAX / 2)
		leat_rd_fail(in);
	*out = (int64_t)v;
}

static bool is_sane(const struct session_data *d)
{
	size_t secret_len;

	if (!d->suite || d->suite->version != d->version)
		return false;
	if (d->max_fragment > (d->version == LEAT_TLS12 ? 4 : 0))
		return false;
	secret_len = d->version == LEAT_TLS13 ? hash_len(d->suite->hash) : 48;
	return d->secret.n == secret_len && d->lifetime_s <= SESSION_WEEK_S &&
	       d->issued_s >= d->auth_s;
}

bool session_decode(struct leat_span bytes, struct session_data *d)
{
	struct leat_rd in = leat_rd_of(bytes);
	uint16_t format, suite;
	uint8_t flags;

	*d = (struct session_data){ 0 };
	leat_rd_u16(&in, &format);
	leat_rd_u16(&in, &d->version);
	leat_rd_u16(&in, &suite);
	leat_rd_u8(&in, &flags);
	read_time(&in, &d->issued_s);
	read_time(&in, &d->auth_s);
	leat_rd_u32(&in, &d->lifetime_s);
	leat_rd_u32(&in, &d->age_add);
	leat_rd_u32(&in, &d->max_early);
	read_secret(&in, &d->secret);
	d->bind = read_fixed(&in, SESSION_BIND_LEN);
	d->peer = read_fixed(&in, SESSION_PEER_LEN);
	d->id = leat_rd_opaque8(&in, 0, LIM_SESSION_ID);
	d->host = leat_rd_opaque8(&in, 0, LIM_HOST_NAME);
	d->alpn = leat_rd_opaque8(&in, 0, LIM_ALPN_NAME);
	d->ticket = leat_rd_opaque16(&in, 0, UINT16_MAX);
	if (flags & FLAG_CERT)
		d->peer_cert = leat_rd_opaque16(&in, 1, LIM_SESSION_CERT);
	d->suite = suite_by_id(suite);
	d->ems = flags & FLAG_EMS;
	d->max_fragment = flags >> FRAGMENT_AT & 7;
	d->ended = flags & FLAG_ENDED;
	if (leat_rd_end(&in) && format == FORMAT && !(flags & ~FLAGS_ALL) && is_sane(d))
		return true;
	session_data_clear(d);
	return false;
}

/* ---- the object ---- */

static struct leat_span keep(uint8_t **at, struct leat_span s)
{
	struct leat_span kept = { s.n ? *at : NULL, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

enum leat_ret session_new(
	struct leat_session **out, const struct session_data *d, struct leat_err *err)
{
	/* every part is bounded by its decoder: no sum of them overflows */
	size_t n = d->bind.n + d->peer.n + d->id.n + d->host.n + d->alpn.n + d->ticket.n +
		   d->peer_cert.n;
	struct leat_session *s = leat_malloc(sizeof(*s) + n);
	uint8_t *at;

	*out = NULL;
	if (!s)
		return err_memory(err);
	atomic_init(&s->refs, 1);
	atomic_init(&s->born_s, SESSION_UNBORN);
	s->n = n;
	s->d = *d;
	at = s->bytes;
	s->d.bind = keep(&at, d->bind);
	s->d.peer = keep(&at, d->peer);
	s->d.id = keep(&at, d->id);
	s->d.host = keep(&at, d->host);
	s->d.alpn = keep(&at, d->alpn);
	s->d.ticket = keep(&at, d->ticket);
	s->d.peer_cert = keep(&at, d->peer_cert);
	*out = s;
	return LEAT_OK;
}

const struct session_data *session_data(const struct leat_session *s)
{
	return &s->d;
}

int64_t session_born(const struct leat_session *s)
{
	return atomic_load_explicit(&s->born_s, memory_order_relaxed);
}

void session_is_born(struct leat_session *s, int64_t at_s)
{
	int64_t unborn = SESSION_UNBORN;

	(void)atomic_compare_exchange_strong(&s->born_s, &unborn, at_s);
}

struct leat_session *leat_session_ref(struct leat_session *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void leat_session_unref(struct leat_session *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	leat_free_wipe(s, sizeof(*s) + s->n);
}

enum leat_ret leat_session_serialise(const struct leat_session *s, void *buf, size_t cap, size_t *n)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr w = { 0 };

	*n = 0;
	session_encode(&w, &s->d);
	if (!leat_wr_ok(&w))
		return LEAT_FAILED;
	*n = w.n;
	if (cap < w.n)
		return LEAT_AGAIN;
	memcpy(buf, w.p, w.n);
	return LEAT_OK;
}

enum leat_ret leat_session_parse(
	struct leat_session **out, struct leat_span bytes, struct leat_err *err)
{
	LEAT_SCOPED(session_data_clear) struct session_data d;

	*out = NULL;
	if (!session_decode(bytes, &d))
		return err_option(err, "session", NULL,
			"not a session, or one of another version of the library");
	return session_new(out, &d, err);
}

void leat_session_info(const struct leat_session *s, struct leat_session_info *out)
{
	*out = (struct leat_session_info){
		.version = s->d.version,
		.suite = s->d.suite->id,
		.host = s->d.host,
		.alpn = s->d.alpn,
		.issued_s = s->d.issued_s,
		.expires_s = session_expires(&s->d),
		.max_early_data = s->d.max_early,
		.ticket_len = s->d.ticket.n,
	};
}

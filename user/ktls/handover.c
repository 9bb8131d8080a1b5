/* SPDX-License-Identifier: Apache-2.0
 *
 * handover.c - the decision and the commit of handover.h.
 */
#include "ktls/handover.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/secret.h"
#include "config/config.h"
#include "config/policy.h"
#include "ktls/calib.h"
#include "ktls/probe.h"
#include "ktls/vault.h"
#include "ktls/usdt.h"
#include "rec/kinfo.h"
#include "rec/rec_user.h"

/* Who only looks now and then how many records somebody else sent ends a quarter before the limit. */
#define RECOUNT_KEEP 4

static_assert(CALIB_NEVER == AUTO_NEVER, "one word for both");

static atomic_bool switched_off;

void handover_switch(bool on)
{
	atomic_store(&switched_off, !on);
}

bool handover_is_switched_on(void)
{
	return !atomic_load(&switched_off);
}

void handover_init(
	struct handover *h, const struct leat_sys *sys, int fd, const struct leat_config *cfg)
{
	*h = (struct handover){ .sys = sys, .fd = fd, .ulp = -1 };
	for (int dir = 0; dir < 2; dir++) {
		struct handover_dir *d = &h->dir[dir];

		d->policy = cfg->records[dir];
		if (d->policy == LEAT_RECORDS_USER)
			d->why = WHY_POLICY_USER;
		else if (fd < 0)
			d->why = WHY_CUSTOM_TRANSPORT;
		else if (!handover_is_switched_on())
			d->why = WHY_KILL_SWITCH;
	}
}

void handover_adopt(
	struct handover *h, const struct leat_sys *sys, int fd, const struct handover_adopted *a)
{
	const struct handover_dir in = { .why = WHY_IN_KERNEL, .in_kernel = true };

	*h = (struct handover){ .sys = sys,
		.fd = fd,
		.tx_left = a->tx_left,
		.tx_limit = a->tx_limit,
		.tx_open = a->tx_open,
		.dir = { in, in } };
}

/* Reasons that cannot change any more. */
static bool is_final(enum leat_why w)
{
	switch (w) {
	case WHY_POLICY_USER:
	case WHY_KILL_SWITCH:
	case WHY_CUSTOM_TRANSPORT:
	case WHY_NO_ULP_MODULE:
	case WHY_NOT_BUILT:
	case WHY_ULP_REFUSED:
	case WHY_VERSION:
	case WHY_SUITE:
	case WHY_RECORD_LIMIT:
	case WHY_PADDING:
	case WHY_KEY_UPDATE_AT:
	case WHY_CIPHER_MISSING:
	case WHY_KEYS_REFUSED:
	case WHY_CLOSED: return true;
	default: return false;
	}
}

/* The direction stays in user space: fine, unless the policy forbids it. Where no record can follow
 * any more the policy has nothing to say. */
static enum leat_ret refuse(const struct handover_dir *d, struct leat_err *err)
{
	if (d->policy != LEAT_RECORDS_KERNEL || d->why == WHY_CLOSED)
		return LEAT_UNSUPPORTED;
	err_option(err, "records", "kernel", why_text(d->why));
	if (err->cls == LEAT_E_OPTION)
		err->sys = d->sys;
	return LEAT_FAILED;
}

static enum leat_why why_of_ulp(int sys)
{
	switch (sys) {
	case ENOENT:
		return ktls_obstacle_here(sys) == KTLS_NOT_BUILT ? WHY_NOT_BUILT
								 : WHY_NO_ULP_MODULE;
	case EOPNOTSUPP:  /* a unix socket, or MPTCP */
	case ENOPROTOOPT: /* not TCP at all */
	case ENOTSOCK: return WHY_CUSTOM_TRANSPORT;
	default: return WHY_ULP_REFUSED;
	}
}

enum leat_ret handover_early(struct handover *h, struct leat_err *err)
{
	bool wanted = !is_final(h->dir[LEAT_RX].why) || !is_final(h->dir[LEAT_TX].why);

	if (h->ulp < 0 && wanted) {
		int r = -rec_kernel_ulp(h->sys, h->fd);

		/* EEXIST: whoever gave us the socket was as early as we are */
		h->ulp = r == EEXIST ? 0 : r;
	}
	for (int dir = 0; dir < 2; dir++) {
		struct handover_dir *d = &h->dir[dir];

		if (!is_final(d->why) && h->ulp > 0) {
			d->why = why_of_ulp(h->ulp);
			d->sys = h->ulp;
		}
		if (is_final(d->why) && refuse(d, err) == LEAT_FAILED)
			return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* The engine's and the suite's part of the question. WHY_IN_KERNEL: nothing speaks against it. */
static enum leat_why why_not_possible(const struct leat_engine *e, enum leat_dir dir)
{
	uint16_t version = leat_engine_version(e);

	if (!(leat_engine_wants(e) & LEAT_IS_UP))
		return leat_engine_wants(e) & LEAT_IS_DEAD ? WHY_CLOSED : WHY_NOT_UP;
	if (version != LEAT_TLS12 && version != LEAT_TLS13)
		return WHY_VERSION;
	if (!leat_kinfo_possible(leat_engine_aead(e), version))
		return WHY_SUITE;
	/* RFC 8449 4: shorter records must be sent, and longer ones refused: the kernel packs up to 2^14
	 * bytes and takes as many. */
	if (leat_engine_record_max(e, dir) < LIM_PLAINTEXT)
		return WHY_RECORD_LIMIT;
	if (dir == LEAT_TX && leat_engine_pads(e))
		return WHY_PADDING;
	if (dir == LEAT_TX && version == LEAT_TLS13 &&
		leat_engine_config(e)->key_update_at < KEY_UPDATE_AT)
		return WHY_KEY_UPDATE_AT;
	return WHY_IN_KERNEL;
}

/* Policy auto: from how many bytes on TX moves; docs/decisions/0005-when-auto-moves.md, 0046-calibration.md. */
static uint64_t moves_from(const struct leat_engine *e, enum handover_use use)
{
	const struct leat_config *cfg = leat_engine_config(e);
	uint64_t set = use == HANDOVER_FILE ? cfg->kernel_file_from : cfg->kernel_stream_from;
	bool chacha20 = leat_engine_aead(e) == AEAD_CHACHA20_POLY1305;

	if (set != AUTO_CALIBRATED)
		return set;
	return calib_get()->from[chacha20 ? CALIB_CHACHA20 : CALIB_AES]
				[use == HANDOVER_FILE ? CALIB_FILE : CALIB_STREAM];
}

/* Policy auto: is it worth it? docs/decisions/0005 has the costs. */
static enum leat_why why_not_worth(
	const struct leat_engine *e, enum leat_dir dir, enum handover_use use, uint64_t ahead)
{
	uint64_t from = moves_from(e, use);

	if (use == HANDOVER_ASKED)
		return WHY_IN_KERNEL;
	/* A KeyUpdate after RX has moved ends the connection where the kernel cannot take new keys;
	 * nobody should lose connections without having asked. */
	if (dir == LEAT_RX && leat_engine_version(e) == LEAT_TLS13 &&
		!leat_ktls_can_rekey(leat_ktls_caps_get(), LEAT_RX))
		return WHY_PEER_MAY_REKEY;
	if (dir == LEAT_RX && use == HANDOVER_STREAM)
		return WHY_AUTO_STREAM;
	if (from == AUTO_NEVER || ahead < from)
		return use == HANDOVER_STREAM ? WHY_AUTO_STREAM : WHY_AUTO_SMALL;
	if (leat_engine_aead(e) != AEAD_CHACHA20_POLY1305 &&
		leat_ktls_caps_get()->aes == KTLS_SPEED_GENERIC)
		return WHY_SLOW_CIPHER;
	return WHY_IN_KERNEL;
}

static enum leat_why why_not_now(const struct leat_engine *e, enum leat_dir dir)
{
	switch (leat_engine_export_ready(e, dir)) {
	case EXPORT_READY:
	case EXPORT_GONE: return WHY_IN_KERNEL;
	case EXPORT_NOT_UP: return WHY_NOT_UP;
	case EXPORT_PENDING:
	case EXPORT_MID_MESSAGE: return dir == LEAT_RX ? WHY_RX_PENDING : WHY_TX_PENDING;
	case EXPORT_DEAD: break;
	}
	return WHY_CLOSED;
}

static enum leat_why why_not(const struct handover *h, const struct leat_engine *e,
	enum leat_dir dir, enum handover_use use, uint64_t ahead)
{
	const struct handover_dir *d = &h->dir[dir];
	enum leat_why w = why_not_possible(e, dir);

	if (w == WHY_IN_KERNEL && d->policy == LEAT_RECORDS_AUTO)
		w = why_not_worth(e, dir, use, ahead);
	if (w == WHY_IN_KERNEL)
		w = why_not_now(e, dir);
	return w;
}

/* TLS 1.2 has no new keys for an old connection, so the kernel need not be asked. */
static bool can_change_keys(const struct leat_engine *e, enum leat_dir dir)
{
	return leat_engine_version(e) == LEAT_TLS13 &&
	       leat_ktls_can_rekey(leat_ktls_caps_get(), dir);
}

static enum leat_ret move(
	struct handover *h, struct leat_engine *e, enum leat_dir dir, struct leat_err *err)
{
	LEAT_SCOPED(traffic_keys_clear) struct traffic_keys keys = { 0 };
	struct handover_dir *d = &h->dir[dir];
	bool keep_secrets = can_change_keys(e, dir);
	uint64_t seq, limit;

	if (leat_engine_export(e, dir, &keys, &seq) != LEAT_OK) {
		d->why = WHY_NOT_UP;
		return LEAT_AGAIN;
	}
	limit = rec_key_limit(keys.aead);
	d->sys = -rec_kernel_install(h->sys, h->fd, dir, &keys, seq);
	if (d->sys != 0) {
		d->refused = true;
		d->why = d->sys == ENOENT ? WHY_CIPHER_MISSING : WHY_KEYS_REFUSED;
		return refuse(d, err);
	}

	/* Point of no return: the kernel has this direction. Nothing below may fail. */
	leat_engine_export_commit(e, dir, keep_secrets ? vault_take : NULL);
	d->in_kernel = true;
	d->why = WHY_IN_KERNEL;
	if (dir == LEAT_TX) {
		h->tx_limit = limit;
		h->tx_left = limit > seq ? limit - seq : 0;
	}
	return LEAT_OK;
}

static enum leat_ret try_dir(struct handover *h, struct leat_engine *e, enum leat_dir dir,
	enum handover_use use, uint64_t ahead, struct leat_err *err)
{
	struct handover_dir *d = &h->dir[dir];

	if (is_final(d->why))
		return refuse(d, err);
	if (h->ulp < 0 && handover_early(h, err) != LEAT_OK)
		return LEAT_FAILED;
	if (is_final(d->why))
		return refuse(d, err);
	d->why = why_not(h, e, dir, use, ahead);
	switch (d->why) {
	case WHY_IN_KERNEL: return move(h, e, dir, err);
	case WHY_NOT_UP:
	case WHY_RX_PENDING:
	case WHY_TX_PENDING: return LEAT_AGAIN;
	default: return refuse(d, err);
	}
}

enum leat_ret handover_try(struct handover *h, struct leat_engine *e, enum leat_dir dir,
	enum handover_use use, uint64_t ahead, struct leat_err *err)
{
	enum leat_ret r;

	if (h->dir[dir].in_kernel)
		return LEAT_OK;
	r = try_dir(h, e, dir, use, ahead, err);
	PROBE_HANDOVER(h->fd, dir, h->dir[dir].why);
	return r;
}

enum leat_ret handover_grow(
	struct handover *h, struct leat_engine *e, size_t n, struct leat_err *err)
{
	const struct handover_dir *d = &h->dir[LEAT_TX];
	uint64_t from, all = h->streamed + n;

	if (d->in_kernel || d->policy != LEAT_RECORDS_AUTO)
		return LEAT_OK;
	from = moves_from(e, HANDOVER_STREAM);
	if (from == AUTO_NEVER || all < from)
		return LEAT_OK;
	return handover_try(h, e, LEAT_TX, HANDOVER_STREAM, all, err) == LEAT_FAILED ? LEAT_FAILED
										     : LEAT_OK;
}

enum handover_outcome handover_outcome(const struct handover *h)
{
	const struct handover_dir *rx = &h->dir[LEAT_RX], *tx = &h->dir[LEAT_TX];

	if (rx->in_kernel && tx->in_kernel)
		return HANDOVER_BOTH;
	if (rx->in_kernel)
		return tx->refused ? HANDOVER_RX_IN_TX_REFUSED : HANDOVER_RX_ONLY;
	if (tx->in_kernel)
		return rx->refused ? HANDOVER_TX_IN_RX_REFUSED : HANDOVER_TX_ONLY;
	return HANDOVER_NONE;
}

const char *handover_outcome_name(enum handover_outcome o)
{
	static const char *const names[HANDOVER_OUTCOME_COUNT] = {
		[HANDOVER_NONE] = "none",
		[HANDOVER_RX_ONLY] = "rx only",
		[HANDOVER_TX_ONLY] = "tx only",
		[HANDOVER_BOTH] = "both",
		[HANDOVER_RX_IN_TX_REFUSED] = "rx in, tx refused",
		[HANDOVER_TX_IN_RX_REFUSED] = "tx in, rx refused",
	};

	return (unsigned)o < HANDOVER_OUTCOME_COUNT ? names[o] : "unknown";
}

uint64_t handover_room_tx(const struct handover *h)
{
	uint64_t left = h->tx_left > REC_KEY_KEEP ? h->tx_left - REC_KEY_KEEP : 0;

	return left < UINT64_MAX / LIM_PLAINTEXT ? left * LIM_PLAINTEXT : UINT64_MAX;
}

void handover_count_tx(struct handover *h, size_t n, bool more)
{
	uint64_t all = (uint64_t)h->tx_open + n, records;

	records = all / LIM_PLAINTEXT + (all % LIM_PLAINTEXT != 0);
	records -= h->tx_open ? 1 : 0;
	records += n == 0 ? 1 : 0; /* a control record closes what is open */
	h->tx_open = more && n ? (size_t)(all % LIM_PLAINTEXT) : 0;
	h->tx_left = h->tx_left > records ? h->tx_left - records : 0;
}

enum leat_ret handover_rekey(struct handover *h, struct leat_engine *e, enum leat_dir dir)
{
	LEAT_SCOPED(traffic_keys_clear) struct traffic_keys keys = { 0 };
	int rc;

	if (!leat_engine_new_keys(e, dir, &keys))
		return LEAT_OK;
	rc = rec_kernel_install(h->sys, h->fd, dir, &keys, 0);
	if (rc != 0)
		return leat_engine_new_keys_refused(e, dir, -rc);
	leat_engine_new_keys_done(e, dir);
	if (dir == LEAT_TX) {
		h->tx_left = h->tx_limit;
		h->tx_open = 0;
	}
	return LEAT_AGAIN;
}

bool handover_renew(struct handover *h, struct leat_engine *e)
{
	return h->dir[LEAT_TX].in_kernel && leat_engine_key_update(e, false) == LEAT_OK;
}

bool handover_recount_tx(struct handover *h)
{
	uint64_t seq;

	/* A socket that cannot be asked any more sends nothing either. */
	if (rec_kernel_tx_seq(h->sys, h->fd, &seq) == 0)
		h->tx_left = h->tx_limit > seq ? h->tx_limit - seq : 0;
	return h->tx_left > h->tx_limit / RECOUNT_KEEP;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_secrets.c - exporters and channel bindings: what an established engine computes for others out of
 * its secrets. Nothing here changes the engine. RFC 5705, RFC 8446 7.5, RFC 9266, RFC 5929, RFC 7627 5.4.
 */
#include <leat/export.h>

#include <string.h>

#include "base/secret.h"
#include "crypto/hkdf.h"
#include "engine/engine_int.h"
#include "x509/end_point.h"

#define LABEL_MAX 249 /* RFC 8446 7.1: opaque label<7..255> with "tls13 " before it */

/* Says why, and that another way may be taken. */
static enum leat_ret unsupported(struct leat_err *err, const char *what)
{
	(void)err_misuse(err, what);
	return LEAT_UNSUPPORTED;
}

/* There is no such thing in this version. The code before the colon is its name (leat_err_name). */
static enum leat_ret undefined(struct leat_err *err, const char *what)
{
	(void)err_raise(err, LEAT_E_ABSENT, 0, 0, LEAT_HERE, what);
	return LEAT_UNSUPPORTED;
}

static enum leat_ret check_up(const struct leat_engine *e, struct leat_err *err)
{
	if (e->dead)
		return err_misuse(err, "exporter: the connection is dead");
	return e->up ? LEAT_OK : err_misuse(err, "exporter: the handshake is not complete");
}

/* Is there a secret to export from? */
static enum leat_ret check_secret(const struct leat_engine *e, struct leat_err *err)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };
	const struct hs_post *post = engine_post(e, &tmp);

	if (check_up(e, err) != LEAT_OK)
		return LEAT_FAILED;
	if (!hs_post_may_export(post))
		return unsupported(
			err, "exporter: not safe in tls 1.2 without extended master secret");
	if (post->exporter.n == 0)
		return unsupported(err,
			"exporter: the master secret was wiped when the kernel took "
			"both directions (option keep_secrets)");
	return LEAT_OK;
}

/* RFC 5705 4, the labels the PRF of TLS 1.2 serves itself: "MUST NOT be used", and RFC 7627's. In TLS 1.3
 * they would do no harm; a program that is refused under one version only is worse. */
static bool is_reserved(const char *label)
{
	static const char *const own[] = { "client finished", "server finished", "master secret",
		"key expansion", "extended master secret" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(label, own[i]) == 0)
			return true;
	return false;
}

static enum leat_ret check_request(const struct leat_exporter *what, size_t n, struct leat_err *err)
{
	size_t len = what->label ? strnlen(what->label, LABEL_MAX + 1) : 0;

	if (len == 0 || len > LABEL_MAX)
		return err_misuse(err, "exporter: a label has 1 to 249 bytes");
	if (is_reserved(what->label))
		return err_misuse(err, "exporter: a label that TLS itself uses");
	if (what->context.n > UINT16_MAX)
		return err_misuse(err, "exporter: a context has at most 65535 bytes");
	if (what->context.n && !what->has_context)
		return err_misuse(err, "exporter: a context that is said not to be there");
	if (n == 0 || n > LEAT_EXPORT_MAX)
		return err_misuse(err, "exporter: 1 to 8160 bytes can be had at once");
	return LEAT_OK;
}

enum leat_ret leat_engine_exporter(const struct leat_engine *e, const struct leat_exporter *what,
	void *out, size_t n, struct leat_err *err)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };
	enum leat_ret r;

	memset(out, 0, n);
	r = check_request(what, n, err);
	if (r == LEAT_OK)
		r = check_secret(e, err);
	if (r == LEAT_OK)
		hs_post_exporter(engine_post(e, &tmp), what, out, n);
	return r;
}

/* ---- early exporter ---- */

/* RFC 8446 7.5: "The early_exporter_master_secret is defined for use in settings where an exporter is needed
 * for 0-RTT data." Without early data nobody asks for it; a server that refused it has none. */
static enum leat_ret check_early(const struct leat_engine *e, struct leat_err *err)
{
	if (e->dead)
		return err_misuse(err, "early exporter: the connection is dead");
	switch (e->early) {
	case LEAT_EARLY_OFFERED:
	case LEAT_EARLY_ACCEPTED: return LEAT_OK;
	case LEAT_EARLY_REJECTED:
		return unsupported(
			err, "early exporter: early data was refused, so one side has none");
	default: break;
	}
	if (e->role == LEAT_SERVER && e->version == 0)
		return err_misuse(err, "early exporter: the client has said nothing yet");
	return unsupported(err, "early exporter: no early data was offered");
}

enum leat_ret leat_engine_early_exporter(const struct leat_engine *e,
	const struct leat_exporter *what, void *out, size_t n, struct leat_err *err)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };
	const struct hs_early_exporter *x;
	enum leat_ret r;

	memset(out, 0, n);
	r = check_request(what, n, err);
	if (r == LEAT_OK)
		r = check_early(e, err);
	if (r != LEAT_OK)
		return r;
	x = e->w && e->w->hs ? hs_early_exporter(e->w->hs) : engine_post(e, &tmp)->early_exporter;
	hs_early_export(x, what, out, n);
	return LEAT_OK;
}

/* ---- the PRF of TLS 1.2 ---- */

#define PRF_SEEDS (PRF12_PARTS - 1)

static enum leat_ret check_prf(
	const struct leat_engine *e, const struct leat_prf *what, size_t n, struct leat_err *err)
{
	const struct leat_exporter as = { .label = what->label };

	if (what->num_seeds > PRF_SEEDS)
		return err_misuse(err, "prf: a seed of more than 4 pieces");
	if (check_request(&as, n, err) != LEAT_OK || check_up(e, err) != LEAT_OK)
		return LEAT_FAILED;
	if (e->version == LEAT_TLS13)
		return undefined(err, "undefined: tls 1.3 has no prf; use the exporter");
	return what->secret.n ? LEAT_OK : check_secret(e, err);
}

static struct leat_span seed_bytes(const struct hs_post *p, const struct leat_seed *s)
{
	switch (s->kind) {
	case LEAT_SEED_CLIENT_RANDOM:
		return (struct leat_span){ p->client_random, sizeof(p->client_random) };
	case LEAT_SEED_SERVER_RANDOM:
		return (struct leat_span){ p->server_random, sizeof(p->server_random) };
	default: return s->bytes;
	}
}

enum leat_ret leat_engine_prf(const struct leat_engine *e, const struct leat_prf *what, void *out,
	size_t n, struct leat_err *err)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };
	struct leat_span parts[PRF12_PARTS];
	enum leat_ret r = check_prf(e, what, n, err);
	const struct hs_post *post;

	memset(out, 0, n);
	if (r != LEAT_OK)
		return r;
	post = engine_post(e, &tmp);
	parts[0] = (struct leat_span){ (const uint8_t *)what->label, strlen(what->label) };
	for (size_t i = 0; i < what->num_seeds; i++)
		parts[i + 1] = seed_bytes(post, &what->seed[i]);
	prf12_parts(post->suite->hash,
		what->secret.n ? what->secret : leat_secret_span(&post->exporter), parts,
		what->num_seeds + 1, out, n);
	return LEAT_OK;
}

/* ---- channel bindings ---- */

/* RFC 9266 4.2: label "EXPORTER-Channel-Binding", context value "Empty string", 32 bytes. */
static enum leat_ret bind_exporter(
	const struct leat_engine *e, struct leat_binding *out, struct leat_err *err)
{
	static const struct leat_exporter what = {
		.label = "EXPORTER-Channel-Binding",
		.has_context = true,
	};
	enum leat_ret r = leat_engine_exporter(e, &what, out->b, 32, err);

	out->n = r == LEAT_OK ? 32 : 0;
	return r;
}

static enum leat_ret bind_end_point(
	const struct leat_engine *e, struct leat_binding *out, struct leat_err *err)
{
	struct leat_span cert = { NULL, 0 };

	if (e->role == LEAT_CLIENT)
		cert = leat_engine_peer_cert(e, 0);
	if (e->role == LEAT_SERVER && e->cred)
		cert = cred_cert(e->cred, 0);
	if (cert.n == 0)
		return unsupported(
			err, "tls-server-end-point: the handshake had no server certificate");
	out->n = end_point_hash(cert, out->b);
	return out->n ? LEAT_OK
		      : unsupported(err, "tls-server-end-point: the certificate's signature "
					 "names no single hash");
}

static enum leat_ret bind_unique(
	const struct leat_engine *e, struct leat_binding *out, struct leat_err *err)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };
	const struct hs_post *post = engine_post(e, &tmp);

	/* RFC 8446 C.5 leaves it undefined in TLS 1.3 */
	if (e->version == LEAT_TLS13)
		return unsupported(err, "tls-unique: not defined in tls 1.3");
	/* RFC 7627 1: without it, "tls-unique" of two connections can be made equal */
	if (!post->ems)
		return unsupported(
			err, "tls-unique: not unique in tls 1.2 without extended master secret");
	out->n = sizeof(post->unique);
	memcpy(out->b, post->unique, out->n);
	return LEAT_OK;
}

_Static_assert(LEAT_BINDING_MAX >= HASH_MAX, "the longest binding is a certificate's hash");

enum leat_ret leat_engine_binding(const struct leat_engine *e, enum leat_binding_kind kind,
	struct leat_binding *out, struct leat_err *err)
{
	memset(out, 0, sizeof(*out));
	if (!leat_binding_name(kind))
		return err_misuse(err, "channel binding: no such kind");
	if (check_up(e, err) != LEAT_OK)
		return LEAT_FAILED;
	switch (kind) {
	case LEAT_BINDING_EXPORTER: return bind_exporter(e, out, err);
	case LEAT_BINDING_SERVER_END_POINT: return bind_end_point(e, out, err);
	default: return bind_unique(e, out, err);
	}
}

const char *leat_binding_name(enum leat_binding_kind kind)
{
	static const char *const names[] = {
		[LEAT_BINDING_EXPORTER] = "tls-exporter",
		[LEAT_BINDING_SERVER_END_POINT] = "tls-server-end-point",
		[LEAT_BINDING_UNIQUE] = "tls-unique",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

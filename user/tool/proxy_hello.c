/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_hello.c - the PROXY header, twice: the one a balancer sends before its client's first byte
 * (--accept-proxy), and the one our backend gets (--send-proxy), which says what TLS told us.
 *
 * A balancer's header is read exactly, not a byte more: the rest is the handshake's, perhaps the kernel's.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "config/config.h"
#include "crypto/suite.h"
#include "tool/proxy.h"
#include "x509/cred.h"
#include "x509/facts.h"

/* ---- from a balancer ------------------------------------------------------------------------- */

static unsigned refuse(struct proxy_conn *c, const char *what, int sys)
{
	proxy_note(c, what, sys);
	return proxy_abort(c, "bad_proxy_header");
}

/* Until c->header holds want bytes. 0: it does, or the phase has changed. */
static unsigned read_up_to(struct proxy_conn *c, size_t want)
{
	while (c->header_n < want) {
		ssize_t n = recv(
			c->io.fd, c->header + c->header_n, want - c->header_n, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return WANT(FRONT_IN);
		if (n <= 0)
			return refuse(c, "proxy header: cut off", n < 0 ? errno : 0);
		c->header_n += (size_t)n;
	}
	return 0;
}

static unsigned take_header(struct proxy_conn *c)
{
	struct proxy_v2 v;

	if (!proxy_v2_dec((struct leat_span){ c->header, c->header_n }, &v))
		return refuse(c, "proxy header: malformed", 0);
	if (v.has_addr) {
		c->has_addr = true;
		c->src = v.src;
		c->dst = v.dst;
	}
	c->unique_id = v.unique_id;
	c->phase = PX_HANDSHAKE; /* under the same deadline */
	return 0;
}

unsigned hello_read(struct proxy_conn *c)
{
	unsigned want;
	size_t len;

	if (c->header == NULL && (c->header = leat_malloc(PROXY_V2_MAX)) == NULL)
		return refuse(c, "out of memory", 0);
	want = read_up_to(c, PROXY_V2_FIXED);
	if (want != 0 || c->phase != PX_HEADER)
		return want;
	len = proxy_v2_len(c->header);
	if (len == 0)
		return refuse(c, "proxy header: none of version 2, or too long", 0);
	want = read_up_to(c, len);
	if (want != 0 || c->phase != PX_HEADER)
		return want;
	return take_header(c);
}

/* ---- to the backend -------------------------------------------------------------------------- */

size_t hello_local(uint8_t out[PROXY_V2_FIXED])
{
	const struct proxy_v2 v = { .local = true };
	struct leat_wr w;

	leat_wr_fixed(&w, out, PROXY_V2_FIXED);
	proxy_v2_enc(&w, &v);
	return w.n;
}

void hello_own_certs(struct proxy *p)
{
	const struct leat_config *cfg = p->tls.cfg;

	for (size_t i = 0; i < cfg->num_creds && p->num_own < PROXY_MAX_CERTS; i++) {
		struct own_cert *o = &p->own[p->num_own];

		if (cred_num(cfg->creds[i]) == 0)
			continue;
		o->der = cred_cert(cfg->creds[i], 0);
		(void)facts_signature(o->der, o->sig_alg, sizeof(o->sig_alg));
		(void)facts_key(o->der, o->key_alg, sizeof(o->key_alg));
		p->num_own++;
	}
}

static void say_own_cert(const struct proxy_conn *c, struct proxy_v2_tls *t)
{
	const struct leat_span der = leat_engine_own_cert(c->io.e);

	for (unsigned i = 0; i < c->w->p->num_own; i++) {
		const struct own_cert *o = &c->w->p->own[i];

		if (o->der.p != der.p)
			continue;
		t->sig_alg = o->sig_alg[0] ? o->sig_alg : NULL;
		t->key_alg = o->key_alg[0] ? o->key_alg : NULL;
	}
}

static const char *version_name(unsigned version)
{
	return version == LEAT_TLS13 ? "TLSv1.3" : version == LEAT_TLS12 ? "TLSv1.2" : NULL;
}

/* A certificate that was shown and not believed has ended the handshake; under verify_none none is asked
 * for. So one that was shown is one that was verified. */
static void say_client(const struct proxy_conn *c, struct proxy_v2_tls *t, char *cn, size_t n)
{
	struct leat_span der = leat_engine_peer_cert(c->io.e, 0);
	uint8_t digest[32];

	t->cert_sess = t->verified = leat_engine_peer_digest(c->io.e, digest);
	t->cert_conn = t->cert_sess && der.n > 0;
	if (t->cert_conn && facts_common_name(der, cn, n))
		t->cn = cn;
}

bool hello_make(struct proxy_conn *c)
{
	struct leat_engine_info info = { 0 };
	struct proxy_v2_tls tls = { 0 };
	struct proxy_v2 v = { .tls = &tls, .unique_id = c->unique_id };
	struct leat_wr w = { 0 };
	const struct suite *suite;
	char cn[256];
	bool ok;

	leat_engine_info(c->io.e, &info);
	suite = suite_by_id(info.suite);
	tls.version = version_name(info.version);
	tls.cipher = suite != NULL ? suite->ossl_name : NULL;
	say_own_cert(c, &tls);
	say_client(c, &tls, cn, sizeof(cn));
	v.has_addr = c->has_addr;
	v.src = c->src;
	v.dst = c->dst;
	v.alpn = info.alpn;
	v.authority = info.sni;
	proxy_v2_enc(&w, &v);
	ok = leat_wr_ok(&w) && way_hold(&c->up, w.p, w.n);
	leat_wr_clear(&w);
	return ok;
}

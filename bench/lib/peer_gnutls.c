/* SPDX-License-Identifier: Apache-2.0
 *
 * peer_gnutls.c - GnuTLS as a benchmark endpoint, with the same duties as the others.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "peer.h"
#include "pki.h"

static gnutls_certificate_credentials_t cred[2];
static gnutls_priority_t priority;

struct end {
	gnutls_session_t s;
	struct pipe_buf *in, *out;
};

static time_t fixed_time(time_t *t)
{
	if (t)
		*t = (time_t)PKI_NOW;
	return (time_t)PKI_NOW;
}

static gnutls_datum_t datum(struct leat_span s)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)s.p, (unsigned)s.n };
}

static bool setup(const struct scenario *s)
{
	const struct pki_ident *id = pki_server(s->rsa ? KEY_RSA : KEY_EC_P256);
	gnutls_datum_t chain = datum(id->chain_pem), key = datum(id->key_pem);
	gnutls_datum_t root = datum(pki_root_pem());

	gnutls_global_set_time_function(fixed_time);
	if (gnutls_priority_init(&priority,
		    s->tls13
			    ? "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:"
			      "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%NO_TICKETS"
			    : "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:-KX-ALL:"
			      "+ECDHE-RSA:+ECDHE-ECDSA:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%NO_TICKETS",
		    NULL) < 0)
		return false;
	if (gnutls_certificate_allocate_credentials(&cred[0]) < 0 ||
		gnutls_certificate_allocate_credentials(&cred[1]) < 0)
		return false;
	return gnutls_certificate_set_x509_trust_mem(cred[0], &root, GNUTLS_X509_FMT_PEM) == 1 &&
	       gnutls_certificate_set_x509_key_mem(cred[1], &chain, &key, GNUTLS_X509_FMT_PEM) >= 0;
}

static void teardown(void)
{
	gnutls_certificate_free_credentials(cred[0]);
	gnutls_certificate_free_credentials(cred[1]);
	gnutls_priority_deinit(priority);
}

static ssize_t push(gnutls_transport_ptr_t p, const void *data, size_t n)
{
	struct end *end = p;

	memcpy(end->out->b + end->out->n, data, n);
	end->out->n += n;
	return (ssize_t)n;
}

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t n)
{
	struct end *end = p;
	size_t have = end->in->n - end->in->off;

	if (have == 0) {
		gnutls_transport_set_errno(end->s, EAGAIN);
		return -1;
	}
	n = n < have ? n : have;
	memcpy(data, end->in->b + end->in->off, n);
	end->in->off += n;
	return (ssize_t)n;
}

static void *open_end(bool server, struct pipe_buf *in, struct pipe_buf *out)
{
	static struct end pool[BENCH_ENDS];
	static unsigned next;
	struct end *end = &pool[next++ % BENCH_ENDS];
	unsigned flags = GNUTLS_NONBLOCK | (server ? GNUTLS_SERVER : GNUTLS_CLIENT);

	*end = (struct end){ NULL, in, out };
	if (gnutls_init(&end->s, flags | GNUTLS_NO_TICKETS) < 0)
		return NULL;
	gnutls_priority_set(end->s, priority);
	gnutls_credentials_set(end->s, GNUTLS_CRD_CERTIFICATE, cred[server]);
	gnutls_transport_set_ptr(end->s, end);
	gnutls_transport_set_push_function(end->s, push);
	gnutls_transport_set_pull_function(end->s, pull);
	if (!server) {
		gnutls_server_name_set(end->s, GNUTLS_NAME_DNS, "localhost", 9);
		gnutls_session_set_verify_cert(end->s, "localhost", 0);
	}
	return end;
}

static int step(void *arg)
{
	struct end *end = arg;
	int r = gnutls_handshake(end->s);

	if (r == GNUTLS_E_SUCCESS)
		return 1;
	return gnutls_error_is_fatal(r) ? -1 : 0;
}

static void close_end(void *arg)
{
	struct end *end = arg;

	gnutls_deinit(end->s);
}

const struct bench_lib bench_gnutls = { "gnutls", setup, teardown, open_end, step, close_end,
	NULL };

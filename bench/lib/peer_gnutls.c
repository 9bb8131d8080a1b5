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
static gnutls_datum_t ticket_key, session; /* what clients resume */
static gnutls_datum_t stored[2]; /* 12sid: the one session the server keeps, key and value */
static bool tickets, ids;

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

/* ---- 12sid: a session cache of one ---- */

static void forget_stored(void)
{
	for (int i = 0; i < 2; i++) {
		gnutls_free(stored[i].data);
		stored[i] = (gnutls_datum_t){ NULL, 0 };
	}
}

static gnutls_datum_t copy_of(gnutls_datum_t d)
{
	gnutls_datum_t c = { gnutls_malloc(d.size), d.size };

	if (c.data)
		memcpy(c.data, d.data, d.size);
	return c;
}

static int db_store(void *arg, gnutls_datum_t key, gnutls_datum_t data)
{
	(void)arg;
	forget_stored();
	stored[0] = copy_of(key);
	stored[1] = copy_of(data);
	return 0;
}

static gnutls_datum_t db_retrieve(void *arg, gnutls_datum_t key)
{
	(void)arg;
	if (key.size != stored[0].size || memcmp(key.data, stored[0].data, key.size) != 0)
		return (gnutls_datum_t){ NULL, 0 };
	return copy_of(stored[1]);
}

static int db_remove(void *arg, gnutls_datum_t key)
{
	(void)arg;
	(void)key;
	forget_stored();
	return 0;
}

static void teardown(void)
{
	gnutls_free(session.data);
	gnutls_free(ticket_key.data);
	forget_stored();
	session = ticket_key = (gnutls_datum_t){ NULL, 0 };
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
	/* sessions are resumed, but those that are measured give no new ticket */
	flags |= !tickets || session.data ? GNUTLS_NO_AUTO_SEND_TICKET : 0;
	if (gnutls_init(&end->s, flags | (tickets ? 0 : GNUTLS_NO_TICKETS)) < 0)
		return NULL;
	if (server && tickets)
		gnutls_session_ticket_enable_server(end->s, &ticket_key);
	if (server && ids) {
		gnutls_db_set_store_function(end->s, db_store);
		gnutls_db_set_retrieve_function(end->s, db_retrieve);
		gnutls_db_set_remove_function(end->s, db_remove);
	}
	if (!server && session.data)
		gnutls_session_set_data(end->s, session.data, session.size);
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

	if (r == GNUTLS_E_SUCCESS) /* a miss would be measured as a hit */
		return gnutls_session_is_resumed(end->s) == (session.data != NULL) ? 1 : -1;
	return gnutls_error_is_fatal(r) ? -1 : 0;
}

static void close_end(void *arg)
{
	struct end *end = arg;

	gnutls_deinit(end->s);
}

/* One full handshake with a ticket. */
static bool get_session(void)
{
	static struct pipe_buf to_server, to_client;
	void *c = open_end(false, &to_client, &to_server), *s;
	gnutls_datum_t got = { NULL, 0 };
	bool ok;
	char byte;

	s = open_end(true, &to_server, &to_client);
	ok = c && s;
	for (int i = 0, done = 0; ok && !done; i++)
		ok = i < 8 && step(c) >= 0 && (done = step(s)) >= 0;
	ok = ok && step(c) == 1; /* TLS 1.2: the server is done first */
	if (ok) {
		(void)gnutls_record_recv(((struct end *)c)->s, &byte, 1); /* takes the ticket */
		ok = gnutls_session_get_data2(((struct end *)c)->s, &got) >= 0;
	}
	if (c)
		close_end(c);
	if (s)
		close_end(s);
	session = got;
	return ok;
}

static bool setup(const struct scenario *s)
{
	const struct pki_ident *id = pki_server(s->rsa ? KEY_RSA : KEY_EC_P256);
	gnutls_datum_t chain = datum(id->chain_pem), key = datum(id->key_pem);
	gnutls_datum_t root = datum(pki_root_pem());

	gnutls_global_set_time_function(fixed_time);
	if (gnutls_priority_init(&priority,
		    s->tls13 ? "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:"
			       "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1"
			     : "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:-KX-ALL:"
			       "+ECDHE-RSA:+ECDHE-ECDSA:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1",
		    NULL) < 0)
		return false;
	if (gnutls_certificate_allocate_credentials(&cred[0]) < 0 ||
		gnutls_certificate_allocate_credentials(&cred[1]) < 0)
		return false;
	if (gnutls_certificate_set_x509_trust_mem(cred[0], &root, GNUTLS_X509_FMT_PEM) != 1 ||
		gnutls_certificate_set_x509_key_mem(cred[1], &chain, &key, GNUTLS_X509_FMT_PEM) < 0)
		return false;
	tickets = s->resume == BENCH_TICKET;
	ids = s->resume == BENCH_ID;
	return !s->resume ||
	       (gnutls_session_ticket_key_generate(&ticket_key) >= 0 && get_session());
}

const struct bench_lib bench_gnutls = { "gnutls", setup, teardown, open_end, step, close_end,
	NULL };

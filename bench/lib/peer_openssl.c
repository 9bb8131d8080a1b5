/* SPDX-License-Identifier: Apache-2.0
 *
 * peer_openssl.c - libssl as a benchmark endpoint: contexts shared, a BIO over the flat buffers, no
 * tickets from the handshakes that are measured, chain and host name verified by the client.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "peer.h"
#include "pki.h"

static SSL_CTX *ctx[2];
static SSL_SESSION *session; /* what clients resume */
static BIO_METHOD *method;

struct end {
	SSL *ssl;
	struct pipe_buf *in, *out;
};

static int bio_write(BIO *b, const char *p, int n)
{
	struct end *end = BIO_get_data(b);

	memcpy(end->out->b + end->out->n, p, (size_t)n);
	end->out->n += (size_t)n;
	return n;
}

static int bio_read(BIO *b, char *p, int n)
{
	struct end *end = BIO_get_data(b);
	size_t have = end->in->n - end->in->off;

	BIO_clear_retry_flags(b);
	if (have == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	if ((size_t)n > have)
		n = (int)have;
	memcpy(p, end->in->b + end->in->off, (size_t)n);
	end->in->off += (size_t)n;
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static X509 *next_cert(BIO *b)
{
	return PEM_read_bio_X509(b, NULL, NULL, NULL);
}

static bool load_server(const struct pki_ident *id)
{
	BIO *chain = BIO_new_mem_buf(id->chain_pem.p, (int)id->chain_pem.n);
	BIO *key = BIO_new_mem_buf(id->key_pem.p, (int)id->key_pem.n);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
	X509 *leaf = next_cert(chain), *more;
	bool ok = leaf && pkey && SSL_CTX_use_certificate(ctx[1], leaf) == 1 &&
		  SSL_CTX_use_PrivateKey(ctx[1], pkey) == 1;

	while ((more = next_cert(chain)) != NULL)
		ok = ok && SSL_CTX_add0_chain_cert(ctx[1], more) == 1;
	ERR_clear_error();
	X509_free(leaf);
	EVP_PKEY_free(pkey);
	BIO_free(key);
	BIO_free(chain);
	return ok;
}

static bool load_trust(void)
{
	struct leat_span pem = pki_root_pem();
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *root = next_cert(b);
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx[0]);
	bool ok = root && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx[0]), root) == 1;

	X509_VERIFY_PARAM_set_time(param, PKI_NOW);
	SSL_CTX_set_verify(ctx[0], SSL_VERIFY_PEER, NULL);
	X509_free(root);
	BIO_free(b);
	return ok;
}

static void teardown(void)
{
	SSL_SESSION_free(session);
	session = NULL;
	SSL_CTX_free(ctx[0]);
	SSL_CTX_free(ctx[1]);
	ctx[0] = ctx[1] = NULL;
}

static void *open_end(bool server, struct pipe_buf *in, struct pipe_buf *out)
{
	static struct end pool[BENCH_ENDS];
	static unsigned next;
	struct end *end = &pool[next++ % BENCH_ENDS];
	BIO *b = BIO_new(method);

	*end = (struct end){ SSL_new(ctx[server]), in, out };
	if (!end->ssl || !b)
		return NULL;
	BIO_set_data(b, end);
	SSL_set_bio(end->ssl, b, b);
	if (server) {
		SSL_set_accept_state(end->ssl);
	} else {
		SSL_set_connect_state(end->ssl);
		SSL_set_tlsext_host_name(end->ssl, "localhost");
		SSL_set1_host(end->ssl, "localhost");
		if (session)
			SSL_set_session(end->ssl, session);
	}
	return end;
}

static int step(void *arg)
{
	struct end *end = arg;
	int r = SSL_do_handshake(end->ssl);

	if (r == 1) /* a miss would be measured as a hit */
		return SSL_session_reused(end->ssl) == (session != NULL) ? 1 : -1;
	return SSL_get_error(end->ssl, r) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static void close_end(void *arg)
{
	struct end *end = arg;

	/* an end without close_notify would make libssl forget the session */
	SSL_set_shutdown(end->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(end->ssl);
}

/* One full handshake with a ticket. */
static bool get_session(void)
{
	static struct pipe_buf to_server, to_client;
	void *c, *s;
	char byte;
	bool ok;

	to_server.n = to_server.off = to_client.n = to_client.off = 0;
	SSL_CTX_set_num_tickets(ctx[1], 1);
	c = open_end(false, &to_client, &to_server);
	s = open_end(true, &to_server, &to_client);
	ok = c && s;
	for (int i = 0, done = 0; ok && !done; i++)
		ok = i < 8 && step(c) >= 0 && (done = step(s)) >= 0;
	if (ok) {
		(void)SSL_read(((struct end *)c)->ssl, &byte, 1); /* takes the ticket */
		session = SSL_get1_session(((struct end *)c)->ssl);
		ok = session && SSL_SESSION_is_resumable(session);
	}
	if (c)
		close_end(c);
	if (s)
		close_end(s);
	SSL_CTX_set_num_tickets(ctx[1], 0);
	return ok;
}

static bool setup(const struct scenario *s)
{
	int v = s->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (!method) {
		method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 99, "flat buffers");
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_ctrl(method, bio_ctrl);
		BIO_meth_set_create(method, bio_create);
	}
	for (int i = 0; i < 2; i++) {
		ctx[i] = SSL_CTX_new(i ? TLS_server_method() : TLS_client_method());
		SSL_CTX_set_min_proto_version(ctx[i], v);
		SSL_CTX_set_max_proto_version(ctx[i], v);
		SSL_CTX_set_ciphersuites(ctx[i], "TLS_AES_128_GCM_SHA256");
		SSL_CTX_set_cipher_list(
			ctx[i], "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
		/* TLS 1.2 wants the curve of the certificate listed too */
		SSL_CTX_set1_groups_list(ctx[i], "X25519:P-256");
		SSL_CTX_set_session_cache_mode(ctx[i],
			i && s->resume == BENCH_ID ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
		if (s->resume !=
			BENCH_TICKET) /* in TLS 1.3 this means a session cache, not sealed tickets */
			SSL_CTX_set_options(ctx[i], SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx[i], 0);
	}
	return load_trust() && load_server(pki_server(s->rsa ? KEY_RSA : KEY_EC_P256)) &&
	       (!s->resume || get_session());
}

const struct bench_lib bench_openssl = { "openssl", setup, teardown, open_end, step, close_end,
	NULL };

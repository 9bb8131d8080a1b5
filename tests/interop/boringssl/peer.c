/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.c - BoringSSL as a peer: obeys lines on stdin, one answer a line on stdout; see tests/lib/driven.py.
 * The one library of the distribution that packs certificates (RFC 8879), and the one with early data as a
 * call. Built by tests/lib/matrix.py against Debian's package of Android's copy.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#define MAX_WORDS 40
#define MAX_SLOTS 64

/* An order: words of a line, "key=value". */
struct spec {
	char *line;
	char *word[MAX_WORDS];
	size_t num;
};

static const char *get(const struct spec *s, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 1; i < s->num; i++)
		if (strncmp(s->word[i], key, n) == 0 && s->word[i][n] == '=')
			return s->word[i] + n + 1;
	return NULL;
}

static bool parse(struct spec *s, const char *line)
{
	char *rest;

	*s = (struct spec){ .line = strdup(line) };
	s->line[strcspn(s->line, "\n")] = '\0';
	for (char *w = strtok_r(s->line, "\t", &rest); w && s->num < MAX_WORDS;
		w = strtok_r(NULL, "\t", &rest))
		s->word[s->num++] = w;
	return s->num > 0;
}

static void failed(FILE *out, const char *what)
{
	char text[200] = "";

	if (ERR_peek_error())
		ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	ERR_clear_error();
	fprintf(out, "ok=0\terror=%s %s\n", what, text);
}

/* ---- settings ---- */

static int pack(SSL *ssl, CBB *out, const uint8_t *in, size_t n)
{
	uLongf m = compressBound(n);
	uint8_t *room;

	(void)ssl;
	return CBB_reserve(out, &room, m) && compress(room, &m, in, n) == Z_OK &&
	       CBB_did_write(out, m);
}

static int unpack(SSL *ssl, CRYPTO_BUFFER **out, size_t plain_len, const uint8_t *in, size_t n)
{
	uLongf m = plain_len;
	uint8_t *room;

	(void)ssl;
	*out = CRYPTO_BUFFER_alloc(&room, plain_len);
	return *out && uncompress(room, &m, in, n) == Z_OK && m == plain_len;
}

static uint16_t version_of(const char *text)
{
	return strcmp(text, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

static bool set_protocols(SSL_CTX *c, const char *names)
{
	uint8_t list[256];
	size_t n = 0;

	for (size_t len; *names; names += len + (names[len] == ',')) {
		len = strcspn(names, ",");
		list[n++] = (uint8_t)len;
		memcpy(list + n, names, len);
		n += len;
	}
	return SSL_CTX_set_alpn_protos(c, list, (unsigned)n) == 0;
}

static int choose_protocol(
	SSL *ssl, const uint8_t **out, uint8_t *out_n, const uint8_t *in, unsigned n, void *ours)
{
	const char *name = ours;
	size_t len = strlen(name);

	(void)ssl;
	for (unsigned i = 0; i + 1 + len <= n; i += 1u + in[i])
		if (in[i] == len && memcmp(in + i + 1, name, len) == 0) {
			*out = in + i + 1;
			*out_n = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_staple(SSL_CTX *c, const char *path)
{
	static uint8_t der[65536];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(der, 1, sizeof(der), f) : 0;

	if (f)
		fclose(f);
	return n && SSL_CTX_set_ocsp_response(c, der, n);
}

static bool set_up(SSL_CTX *c, const struct spec *s)
{
	const char *version = get(s, "version");

	SSL_CTX_set_min_proto_version(c, version ? version_of(version) : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(c, version ? version_of(version) : TLS1_3_VERSION);
	SSL_CTX_set_early_data_enabled(c, get(s, "early") != NULL);
	if (get(s, "packing") && !SSL_CTX_add_cert_compression_alg(c, 1, pack, unpack))
		return false;
	if (get(s, "tickets"))
		SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	return (!get(s, "suites") || SSL_CTX_set_strict_cipher_list(c, get(s, "suites"))) &&
	       (!get(s, "groups") || SSL_CTX_set1_curves_list(c, get(s, "groups"))) &&
	       (!get(s, "staple") || set_staple(c, get(s, "staple"))) &&
	       (!get(s, "ca") || SSL_CTX_load_verify_locations(c, get(s, "ca"), NULL)) &&
	       (!get(s, "cert") ||
		       (SSL_CTX_use_certificate_chain_file(c, get(s, "cert")) &&
			       SSL_CTX_use_PrivateKey_file(c, get(s, "key"), SSL_FILETYPE_PEM)));
}

/* ---- what was negotiated ---- */

static void put_escaped(FILE *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r')
			fputc(p[i] == '\t' ? ' ' : p[i] == '\n' ? '|' : p[i], out);
}

static void put_facts(FILE *out, const SSL *ssl)
{
	X509 *peer = SSL_get_peer_certificate(ssl);
	const uint8_t *alpn, *staple;
	unsigned alpn_n;
	size_t staple_n;
	char who[256] = "";

	if (peer)
		X509_NAME_get_text_by_NID(
			X509_get_subject_name(peer), NID_commonName, who, sizeof(who));
	X509_free(peer);
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_n);
	SSL_get0_ocsp_response(ssl, &staple, &staple_n);
	fprintf(out, "version=%s\tsuite=%s\tresumed=%d\talpn=%.*s\tpeer=%s\tstaple=%zu\tearly=%d",
		SSL_version(ssl) == TLS1_3_VERSION ? "1.3" : "1.2",
		SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)), SSL_session_reused(ssl),
		(int)alpn_n, (const char *)alpn, who, staple_n, SSL_early_data_accepted(ssl));
}

/* ---- client ---- */

static struct slot {
	char name[128];
	SSL_SESSION *session;
} slots[MAX_SLOTS];

static struct slot *slot_of(const char *name)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		if (slots[i].name[0] == '\0')
			snprintf(slots[i].name, sizeof(slots[i].name), "%s", name);
		if (strcmp(slots[i].name, name) == 0)
			return &slots[i];
	}
	return NULL;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct slot *slot = SSL_get_app_data(ssl);

	if (!slot)
		return 0;
	SSL_SESSION_free(slot->session);
	slot->session = session;
	return 1;
}

static int dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool write_request(SSL *ssl, const struct spec *s)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s\r\n\r\n", get(s, "send"));

	return SSL_write(ssl, text, n) == n;
}

/* The request goes early where it may; refused, it goes again. */
static bool say(SSL *ssl, const struct spec *s)
{
	bool early;

	if (SSL_do_handshake(ssl) != 1)
		return false;
	early = SSL_in_early_data(ssl);
	if (early && !write_request(ssl, s))
		return false;
	if (early && SSL_do_handshake(ssl) != 1) {
		if (SSL_get_error(ssl, -1) != SSL_ERROR_EARLY_DATA_REJECTED)
			return false;
		SSL_reset_early_data_reject(ssl);
		early = false;
		if (SSL_do_handshake(ssl) != 1)
			return false;
	}
	if (get(s, "update") && !SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED))
		return false;
	return early || write_request(ssl, s);
}

static bool hear(SSL *ssl, FILE *got)
{
	char b[4096];
	int n;

	while ((n = SSL_read(ssl, b, sizeof(b))) > 0)
		put_escaped(got, b, (size_t)n);
	return SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
}

static void talk(SSL *ssl, const struct spec *s, FILE *out)
{
	char *text = NULL;
	size_t n = 0;
	FILE *got = open_memstream(&text, &n);
	bool ok = say(ssl, s) && hear(ssl, got);

	fclose(got);
	if (ok) {
		SSL_shutdown(ssl);
		fprintf(out, "ok=1\t");
		put_facts(out, ssl);
		fprintf(out, "\tgot=%s\n", text);
	} else {
		failed(out, "client");
	}
	free(text);
}

static void client(const struct spec *s, FILE *out)
{
	SSL_CTX *c = SSL_CTX_new(TLS_method());
	struct slot *slot = get(s, "session") ? slot_of(get(s, "session")) : NULL;
	int fd = dial(atoi(get(s, "port")));
	SSL *ssl;

	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c, keep_session);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	if (fd >= 0 && set_up(c, s) && (!get(s, "alpn") || set_protocols(c, get(s, "alpn")))) {
		ssl = SSL_new(c);
		SSL_set_app_data(ssl, slot);
		SSL_set_tlsext_host_name(ssl, get(s, "name"));
		X509_VERIFY_PARAM_set1_host(
			SSL_get0_param(ssl), get(s, "name"), strlen(get(s, "name")));
		if (slot && slot->session)
			SSL_set_session(ssl, slot->session);
		if (get(s, "ask_staple"))
			SSL_enable_ocsp_stapling(ssl);
		SSL_set_fd(ssl, fd);
		SSL_set_connect_state(ssl);
		talk(ssl, s, out);
		SSL_free(ssl);
	} else {
		failed(out, "set-up");
	}
	if (fd >= 0)
		close(fd);
	SSL_CTX_free(c);
}

/* ---- server ---- */

struct site {
	SSL_CTX *c;
	int listener;
	bool update;
};

static bool read_request(SSL *ssl)
{
	char text[4096];
	size_t at = 0;

	while (at + 1 < sizeof(text)) {
		int n = SSL_read(ssl, text + at, (int)(sizeof(text) - 1 - at));

		if (n <= 0)
			return false;
		at += (size_t)n;
		text[at] = '\0';
		if (strstr(text, "\n\n") || strstr(text, "\n\r\n"))
			return true;
	}
	return false;
}

static void answer(const struct site *site, int fd)
{
	SSL *ssl = SSL_new(site->c);
	char *text = NULL;
	size_t n = 0;
	FILE *out;
	char b[256];

	SSL_set_fd(ssl, fd);
	SSL_set_accept_state(ssl);
	if (SSL_do_handshake(ssl) == 1 && read_request(ssl) && SSL_do_handshake(ssl) == 1 &&
		(!site->update || SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED))) {
		out = open_memstream(&text, &n);
		fprintf(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
		put_facts(out, ssl);
		fprintf(out, "\tgot=\n");
		fclose(out);
		SSL_write(ssl, text, (int)n);
		SSL_shutdown(ssl);
		while (SSL_read(ssl, b, sizeof(b)) > 0)
			;
	}
	free(text);
	ERR_clear_error();
	SSL_free(ssl);
	close(fd);
}

static void *serve(void *arg)
{
	const struct site *site = arg;
	struct timeval limit = { .tv_sec = 20 };
	int fd;

	while ((fd = accept(site->listener, NULL, NULL)) >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		answer(site, fd);
	}
	return NULL;
}

static int listen_anywhere(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&at, n) || listen(fd, 50) ||
		getsockname(fd, (struct sockaddr *)&at, &n))
		return -1;
	*port = ntohs(at.sin_port);
	return fd;
}

static void ask_client(SSL_CTX *c, const struct spec *s)
{
	bool need = strcmp(get(s, "auth"), "need") == 0;

	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | (need ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(get(s, "ca")));
}

/* Lives as long as the process. */
static void server(const struct spec *s, FILE *out)
{
	struct site *site = calloc(1, sizeof(*site));
	pthread_t thread;
	uint16_t port;

	site->c = SSL_CTX_new(TLS_method());
	site->update = get(s, "update") != NULL;
	SSL_CTX_set_session_id_context(site->c, (const uint8_t *)"leat", 4);
	if (get(s, "auth"))
		ask_client(site->c, s);
	if (get(s, "alpn"))
		SSL_CTX_set_alpn_select_cb(site->c, choose_protocol, strdup(get(s, "alpn")));
	site->listener = listen_anywhere(&port);
	if (site->listener < 0 || !set_up(site->c, s) ||
		pthread_create(&thread, NULL, serve, site)) {
		failed(out, "set-up");
		return;
	}
	pthread_detach(thread);
	fprintf(out, "ok=1\tport=%d\n", port);
}

int main(void)
{
	static char line[65536];
	struct spec s;

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		if (!parse(&s, line))
			continue;
		if (strcmp(s.word[0], "server") == 0)
			server(&s, stdout);
		else
			client(&s, stdout);
		fflush(stdout);
		free(s.line);
	}
	return 0;
}

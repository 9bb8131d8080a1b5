/* SPDX-License-Identifier: Apache-2.0
 *
 * t_about.c - questions by the manual's names (leat/about.h): versions, suites, items of connections, the PRF, and
 * what errors are called.
 *
 * REQ: GEN-query-vsn GEN-query-suites API-versions API-cipher_suites-0 API-cipher_suites-erlang
 * REQ: API-cipher_suites-openssl API-cipher_suites-all TYPE-protocol TYPE-prf_random
 * REQ: API-connection_information-1 API-connection_information-2 API-connection_information-opts
 * REQ: API-negotiated_protocol API-prf API-format_error ERR-no-proto ERR-nopeercert ERR-closed ERR-timeout
 * REQ: ERR-alert ERR-alert-list ERR-posix ERR-format-any ERR-options-sock
 * REQ: VER-tls12-crypto ERR-prf-undefined
 * REQ: T-api-versions T-api-connection_information T-api-prf T-basic-alerts T-api-sockname T-api-peername
 */
#include "link.h"

#include <leat/about.h>
#include <leat/export.h>

#include <errno.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/socket.h>

#include "engine/engine_int.h"
#include "pki.h"

/* ---- leat ----------------------------------------------------------------------------------------------- */

static void versions(void **state)
{
	struct leat_versions v;

	(void)state;
	leat_versions(&v);
	assert_string_equal(v.leat, LEAT_VERSION_STRING);
	assert_int_equal(v.supported[0], LEAT_TLS13);
	assert_int_equal(v.supported[1], LEAT_TLS12);
	assert_int_equal(v.supported[2], 0);
	assert_memory_equal(v.supported, v.available, sizeof(v.supported));
	assert_string_equal(leat_version_name(LEAT_TLS12), "tlsv1.2");
	assert_string_equal(leat_version_name(LEAT_TLS13), "tlsv1.3");
	assert_string_equal(leat_version_name(0x0305), "unknown");
}

/* A libcrypto that gives nothing: no version is there, and that is no failure of the question. */
static void versions_without_crypto(void **state)
{
	struct leat_versions v;

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "fips=yes"), 1);
	leat_versions(&v);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_int_equal(v.supported[0] | v.available[0], 0);
	leat_versions(&v);
	assert_int_equal(v.available[0], LEAT_TLS13);
}

static void suites(void **state)
{
	struct leat_suite def[64], all[64], s;
	struct leat_err err = { 0 };
	size_t num_def, num_all, i, k;

	(void)state;
	assert_int_equal(leat_suites(LEAT_SUITES_DEFAULT, def, 64, &num_def, &err), LEAT_OK);
	assert_int_equal(leat_suites(LEAT_SUITES_ALL, all, 64, &num_all, &err), LEAT_OK);
	assert_true(num_def >= 9 && num_def < num_all && num_all < 64);
	for (i = 0; i < num_def; i++) {
		for (k = 0; k < num_all && all[k].id != def[i].id; k++)
			;
		assert_true(k < num_all); /* each of them is among all */
		assert_true(def[i].is_default);
		assert_null(strstr(def[i].name, "CCM_8"));
		assert_null(strstr(def[i].name, "anon"));
	}
	for (i = 0; i < num_all; i++) {
		/* by number and by both names the same */
		assert_true(leat_suite_find(all[i].id, NULL, &s));
		assert_string_equal(s.name, all[i].name);
		assert_true(leat_suite_find(0, all[i].name, &s));
		assert_int_equal(s.id, all[i].id);
		assert_true(leat_suite_find(0, all[i].openssl_name, &s));
		assert_int_equal(s.id, all[i].id);
		assert_string_not_equal(s.cipher, "unknown");
		assert_string_not_equal(s.kex, "unknown");
		assert_string_equal(s.mac, "aead");
		assert_true(strstr(s.name, "RC4") == NULL && strstr(s.name, "NULL") == NULL);
	}
	assert_true(leat_suite_find(0, "ecdhe-rsa-aes256-gcm-sha384", &s));
	assert_string_equal(s.kex, "ecdhe_rsa");
	assert_string_equal(s.cipher, "aes_256_gcm");
	assert_string_equal(s.prf, "sha384");
	assert_int_equal(s.version, LEAT_TLS12);
	/* cut to what there is room for, counted in full */
	memset(def, 0, sizeof(def));
	assert_int_equal(leat_suites(LEAT_SUITES_ALL, def, 2, &i, &err), LEAT_OK);
	assert_int_equal(i, num_all);
	assert_int_equal(def[2].id, 0);
	assert_int_equal(leat_suites((enum leat_suite_set)7, def, 2, &i, &err), LEAT_FAILED);
	assert_false(leat_suite_find(0, "TLS_NO_SUCH_SUITE", &s));
	assert_false(leat_suite_find(0xffff, NULL, &s));
	assert_int_equal(s.id, 0);
}

/* ---- connections ------------------------------------------------------------------------------------------- */

static const char *item(const struct leat_conn *c, const char *name)
{
	static char buf[300];

	assert_int_equal(leat_conn_item(c, name, buf, sizeof(buf)), LEAT_OK);
	return buf;
}

static void items(void **state)
{
	struct link_opts o = { .versions = "tlsv1.2", .alpn = "spdy,h2" };
	const struct leat_conn *c, *s;
	unsigned num = 0, defined = 0;
	struct leat_span span;
	struct leat_err err = { 0 };
	struct link l;
	char buf[300], name[20];

	(void)state;
	link_open(&l, &o);
	c = l.c[LEAT_CLIENT];
	s = l.c[LEAT_SERVER];
	assert_string_equal(item(c, "protocol"), "tlsv1.2");
	assert_string_equal(item(s, "protocol"), "tlsv1.2");
	snprintf(buf, sizeof(buf), "%s", item(c, "cipher_suite"));
	assert_string_equal(item(s, "cipher_suite"), buf);
	assert_non_null(strstr(item(c, "openssl_cipher_suite"), "ECDHE-ECDSA"));
	assert_string_equal(item(s, "sni_hostname"), "localhost");
	assert_string_equal(item(c, "alpn"), "spdy");
	assert_string_equal(item(c, "resumed"), "false");
	assert_string_equal(item(c, "records_tx_in"), "user");
	/* options of the config it has */
	assert_string_equal(item(c, "versions"), "tlsv1.2");
	assert_string_equal(item(c, "verify"), "verify_peer");
	assert_string_equal(item(s, "alpn_preferred_protocols"), "spdy,h2");
	/* not there: of the other role, unknown, or a file's name, which nobody keeps */
	assert_int_equal(
		leat_conn_item(c, "honor_cipher_order", buf, sizeof(buf)), LEAT_UNSUPPORTED);
	assert_string_equal(buf, "");
	assert_int_equal(leat_conn_item(c, "nosuch", buf, sizeof(buf)), LEAT_UNSUPPORTED);
	assert_int_equal(leat_conn_item(c, "certfile", buf, sizeof(buf)), LEAT_UNSUPPORTED);
	assert_int_equal(leat_conn_item(c, "protocol", buf, 0), LEAT_UNSUPPORTED);
	assert_int_equal(leat_conn_item(c, "protocol", name, 4), LEAT_OK);
	assert_string_equal(name, "tls");
	for (; leat_conn_item_name(c, num); num++)
		defined += leat_conn_item(c, leat_conn_item_name(c, num), buf, sizeof(buf)) ==
			   LEAT_OK;
	assert_true(num > 20 && defined > 15 && defined < num);
	assert_null(leat_conn_item_name(c, num + 1));
	assert_int_equal(leat_negotiated_protocol(c, &span, &err), LEAT_OK);
	assert_int_equal(span.n, 4);
	assert_int_equal(leat_peercert(c, &span, &err), LEAT_OK);
	assert_true(span.n > 100);
	link_close(&l);
}

static void what_is_not_there(void **state)
{
	static const struct link_opts o;
	struct leat_err err = { 0 };
	struct leat_span span;
	struct link l;
	char buf[100];

	(void)state;
	link_open(&l, &o);
	assert_int_equal(leat_negotiated_protocol(l.c[0], &span, &err), LEAT_FAILED);
	assert_string_equal(leat_err_name(&err, buf, sizeof(buf)), "protocol_not_negotiated");
	assert_int_equal(span.n, 0);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_peercert(l.c[LEAT_SERVER], &span, &err), LEAT_FAILED);
	assert_string_equal(leat_err_name(&err, buf, sizeof(buf)), "no_peercert");
	assert_int_equal(leat_conn_item(l.c[0], "alpn", buf, sizeof(buf)), LEAT_UNSUPPORTED);
	link_close(&l);
}

static void both_ends_mirror_each_other(void **state)
{
	static const struct link_opts o;
	struct sockaddr_storage peer[2], own[2];
	struct leat_err err = { 0 };
	struct link l;

	(void)state;
	link_open(&l, &o);
	memset(peer, 0, sizeof(peer));
	memset(own, 0, sizeof(own));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(leat_peername(l.c[i], &peer[i], &err), LEAT_OK);
		assert_int_equal(leat_sockname(l.c[i], &own[i], &err), LEAT_OK);
	}
	assert_memory_equal(&peer[0], &own[1], sizeof(own[1]));
	assert_memory_equal(&peer[1], &own[0], sizeof(own[0]));
	link_close(&l);
}

/* ---- the PRF ------------------------------------------------------------------------------------------------- */

/* libcrypto's. */
static void reference(const char *digest, struct leat_span secret, const struct leat_span *seed,
	size_t num, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM p[8], *at = p;

	*at++ = OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
	*at++ = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret.p, secret.n);
	for (size_t i = 0; i < num; i++)
		*at++ = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed[i].p, seed[i].n);
	*at = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_KDF_derive(ctx, out, n, p), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void prf(void **state)
{
	static const struct {
		const char *suite, *digest;
	} kinds[] = { { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "SHA256" },
		{ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "SHA384" } };
	const struct leat_seed seed[] = { { LEAT_SEED_SERVER_RANDOM, { NULL, 0 } },
		{ LEAT_SEED_BYTES, vec_str("between") }, { LEAT_SEED_CLIENT_RANDOM, { NULL, 0 } } };

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct link_opts o = { .versions = "tlsv1.2", .suites = kinds[k].suite };
		struct leat_prf what = { .label = "EXPERIMENTAL x", .seed = seed, .num_seeds = 3 };
		struct leat_err err = { 0 };
		const struct hs_post *post;
		struct leat_span parts[4];
		uint8_t a[100], b[100];
		struct link l;

		link_open(&l, &o);
		post = &l.c[LEAT_CLIENT]->e->w->post;
		parts[0] = vec_str("EXPERIMENTAL x");
		parts[1] = (struct leat_span){ post->server_random, 32 };
		parts[2] = vec_str("between");
		parts[3] = (struct leat_span){ post->client_random, 32 };
		for (int own = 0; own < 2; own++) {
			what.secret = own ? vec_str("a secret of ours")
					  : (struct leat_span){ NULL, 0 };
			reference(kinds[k].digest,
				own ? what.secret : (struct leat_span){ post->exporter.b, 48 },
				parts, 4, b, sizeof(b));
			for (int side = 0; side < 2; side++) {
				assert_int_equal(
					leat_conn_prf(l.c[side], &what, a, sizeof(a), &err),
					LEAT_OK);
				assert_memory_equal(a, b, sizeof(a));
			}
		}
		link_close(&l);
	}
}

static void prf_refusals(void **state)
{
	const struct leat_seed seed[5] = { { LEAT_SEED_CLIENT_RANDOM, { NULL, 0 } } };
	struct link_opts o = { .versions = "tlsv1.2" };
	const struct leat_prf bad[] = {
		{ .label = NULL },
		{ .label = "" },
		{ .label = "key expansion" },
		{ .label = "master secret" },
		{ .label = "x", .seed = seed, .num_seeds = 5 },
	};
	struct leat_prf what = { .label = "x", .seed = seed, .num_seeds = 1 };
	struct leat_err err;
	uint8_t out[32];
	struct link l;
	char buf[40];

	(void)state;
	link_open(&l, &o);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct leat_err){ 0 };
		memset(out, 1, sizeof(out));
		assert_int_equal(
			leat_conn_prf(l.c[0], &bad[i], out, sizeof(out), &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_MISUSE);
		assert_int_equal(out[0] | out[31], 0);
	}
	link_close(&l);
	o.versions = "tlsv1.3";
	link_open(&l, &o);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_conn_prf(l.c[0], &what, out, sizeof(out), &err), LEAT_UNSUPPORTED);
	assert_int_equal(strncmp(err.what, "undefined:", 10), 0);
	assert_string_equal(leat_err_name(&err, buf, sizeof(buf)), "undefined");
	link_close(&l);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void names_of_errors(void **state)
{
	static const struct {
		struct leat_err err;
		const char *name, *sentence;
	} errors[] = {
		{ { .cls = LEAT_E_NONE }, "ok", "no error" },
		{ { .cls = LEAT_E_PEER_ALERT, .alert = 40, .what = "x" },
			"tls_alert handshake_failure", "alert handshake_failure" },
		{ { .cls = LEAT_E_OUR_ALERT, .alert = 255, .what = "x" }, "tls_alert unknown_alert",
			"unknown_alert" },
		{ { .cls = LEAT_E_SYSTEM, .sys = ECONNREFUSED, .what = "connect: failed" },
			"econnrefused", "connect: failed" },
		{ { .cls = LEAT_E_SYSTEM, .what = "x" }, "error", "x" },
		{ { .cls = LEAT_E_SYSTEM, .sys = 9999, .what = "x" }, "error", "x" },
		{ { .cls = LEAT_E_MEMORY, .what = "x" }, "enomem", "x" },
		{ { .cls = LEAT_E_MISUSE, .sys = EINVAL, .what = "x" }, "einval", "x" },
		{ { .cls = LEAT_E_OPTION, .option = "depth", .what = "x" }, "options",
			"invalid option depth" },
		{ { .cls = LEAT_E_FILE, .option = "certfile", .sys = ENOENT, .what = "x" },
			"options", "invalid certfile file" },
		{ { .cls = LEAT_E_SOCKOPT, .option = "packet", .detail = "foo", .what = "x" },
			"options", "invalid socket option packet=foo" },
		{ { .cls = LEAT_E_CLOSED, .what = "x" }, "closed", "x" },
		{ { .cls = LEAT_E_TIMEOUT, .what = "x" }, "timeout", "x" },
		{ { .cls = LEAT_E_PACKET, .what = "packet: not a message" }, "invalid_packet", "" },
		{ { .cls = LEAT_E_PACKET, .what = "packet: too long for its length prefix" },
			"packet_to_large", "" },
		{ { .cls = LEAT_E_ABSENT, .what = "no_peercert: x" }, "no_peercert", "" },
		{ { .cls = LEAT_E_ABSENT }, "", "no further details" },
		{ { .cls = (enum leat_err_class)77 }, "error", "no further details" },
	};
	char buf[300];

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_string_equal(
			leat_err_name(&errors[i].err, buf, sizeof(buf)), errors[i].name);
		assert_ptr_equal(leat_strerror(&errors[i].err, buf, sizeof(buf)), buf);
		assert_non_null(strstr(buf, errors[i].sentence));
		leat_err_name(&errors[i].err, buf, 3);
		assert_true(strlen(buf) < 3);
	}
}

static void every_alert_has_a_name(void **state)
{
	static const uint8_t known[] = { 0, 10, 20, 21, 22, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48,
		49, 50, 51, 60, 70, 71, 80, 86, 90, 100, 109, 110, 111, 112, 113, 114, 115, 116,
		120 };

	(void)state;
	for (unsigned a = 0; a < 300; a++) {
		bool is_known = a < 256 && memchr(known, (int)a, sizeof(known)) != NULL;
		const struct leat_err err = {
			.cls = LEAT_E_PEER_ALERT, .alert = (uint8_t)a, .what = "x"
		};
		char buf[200];

		assert_int_equal(strcmp(leat_alert_name(a), "unknown_alert") != 0, is_known);
		if (a < 256)
			assert_non_null(
				strstr(leat_strerror(&err, buf, sizeof(buf)), leat_alert_name(a)));
	}
	assert_string_equal(leat_alert_name(86), "inappropriate_fallback");
	assert_string_equal(leat_alert_name(41), "no_certificate");
}

/* The documented refusal, in both versions and on both sides; data goes on before and behind it.
 * REQ: ERR-reneg-rejected */
static void renegotiation(void **state)
{
	static const char *const versions[] = { "tlsv1.2", "tlsv1.3" };
	char name[40];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct link_opts o = { .versions = versions[i / 2] };
		struct link l;
		struct leat_conn *c;

		link_open(&l, &o);
		c = l.c[i % 2];
		assert_int_equal(leat_renegotiate(c), LEAT_UNSUPPORTED);
		assert_string_equal(leat_err_name(leat_conn_note(c), name, sizeof(name)),
			"renegotiation_rejected");
		assert_int_equal(leat_conn_error(c)->cls, LEAT_E_NONE);
		link_say(&l, LEAT_CLIENT, "still", 5);
		link_say(&l, LEAT_SERVER, "here", 4);
		assert_int_equal(leat_renegotiate(c), LEAT_UNSUPPORTED);
		assert_int_equal(leat_shutdown(c, SHUT_WR, LINK_MS), LEAT_OK);
		assert_int_equal(leat_renegotiate(c), LEAT_FAILED);
		link_close(&l);
	}
}

static int done(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(versions_without_crypto),
		cmocka_unit_test(suites),
		cmocka_unit_test(items),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(both_ends_mirror_each_other),
		cmocka_unit_test(prf),
		cmocka_unit_test(prf_refusals),
		cmocka_unit_test(renegotiation),
		cmocka_unit_test(names_of_errors),
		cmocka_unit_test(every_alert_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}

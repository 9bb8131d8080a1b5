/* SPDX-License-Identifier: Apache-2.0
 *
 * t_pss_key_tied_to_hash.c: a server certificate whose RSASSA-PSS key allows SHA-384 (or SHA-512) only.
 * The server chose rsa_pss_pss_sha256 by the kind of key, libcrypto refused to sign, and every handshake
 * ended in internal_error. It must choose the scheme the key allows, or refuse when the client lacks it.
 *
 * REQ: F-pss-pss
 */
#include "pair.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki.h"

static EVP_PKEY *tied_key(const char *md, int salt)
{
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *k = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(x), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(x, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(x, md, NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(x, md), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(x, salt), 1);
	assert_int_equal(EVP_PKEY_keygen(x, &k), 1);
	EVP_PKEY_CTX_free(x);
	return k;
}

static void put_key(void *x509, void *key)
{
	assert_int_equal(X509_set_pubkey(x509, key), 1);
}

/* A server config with a good leaf certificate over this key. */
static struct leat_config *server_with(EVP_PKEY *key)
{
	struct make_spec spec = pki_spec();
	struct leat_err err = { 0 };
	struct leat_config *s;
	struct leat_span chain;
	BIO *mem = BIO_new(BIO_s_mem());
	char *text;
	long n;

	spec.tweak = put_key;
	spec.tweak_arg = key;
	chain = pki_join(pki_cert_pem(pki_make(&spec)), pki_cert_pem(pki_inter()));
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(mem, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(mem, &text);
	assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
	assert_int_equal(
		leat_config_add_cred(s, chain, (struct leat_span){ (uint8_t *)text, (size_t)n },
			(struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
	BIO_free(mem);
	EVP_PKEY_free(key);
	return s;
}

static void the_scheme_the_key_allows(void **state)
{
	static const char *const versions[] = { "tlsv1.3", "tlsv1.2" };
	static const struct {
		const char *md;
		int salt;
		const char *scheme;
	} rows[] = {
		{ "SHA384", 48, "rsa_pss_pss_sha384" },
		{ "SHA512", 64, "rsa_pss_pss_sha512" },
		{ "SHA256", 32, "rsa_pss_pss_sha256" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t v = 0; v < 2; v++) {
			struct leat_config *s = server_with(tied_key(rows[i].md, rows[i].salt));
			struct leat_config *c = pair_client_config();
			struct pair p = { 0 };
			struct hs_facts f;

			pair_set(c, "versions", versions[v]);
			pair_set(s, "session_tickets", "disabled"); /* as in pair_server_config */
			pair_init(&p, c, s, NULL);
			pair_must_connect(&p);
			hs_facts(p.side[LEAT_CLIENT].hs, &f);
			assert_string_equal(f.scheme->name, rows[i].scheme);
			pair_clear(&p);
		}
}

/* RFC 8446 4.4.2.2: no certificate for what the client can check is handshake_failure, no error of
 * ours. */
static void the_client_lacks_it(void **state)
{
	struct leat_config *s = server_with(tied_key("SHA384", 48));
	struct leat_config *c = pair_client_config();
	struct pair p = { 0 };

	(void)state;
	pair_set(c, "versions", "tlsv1.3");
	pair_set(c, "signature_algs", "rsa_pss_pss_sha256,ecdsa_secp256r1_sha256");
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_HANDSHAKE_FAILURE);
	pair_clear(&p);
}

static int teardown(void **state)
{
	pki_done();
	return vec_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scheme_the_key_allows),
		cmocka_unit_test(the_client_lacks_it),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

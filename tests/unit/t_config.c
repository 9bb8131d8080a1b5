/* SPDX-License-Identifier: Apache-2.0
 *
 * t_config.c: config/config.c and policy.c. Defaults, typed setters, the check at the freeze, and that
 * a refusal of any kind leaves the config as it was.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/option.h"
#include "pki.h"

#define SPAN(s) ((struct leat_span){ (const uint8_t *)(s), strlen(s) })
#define NONE    ((struct leat_span){ NULL, 0 })

static struct leat_config *new_config(enum leat_role role)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	return c;
}

static void set_ok(struct leat_config *c, const char *name, const char *value)
{
	struct leat_err err = { 0 };
	char text[300];

	if (leat_config_set(c, name, value, &err) != LEAT_OK)
		fail_msg("%s=%s: %s", name, value, leat_strerror(&err, text, sizeof(text)));
}

static void add_server_cred(struct leat_config *c, enum key_kind kind)
{
	const struct pki_ident *id = pki_server(kind);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem, NONE, &err), LEAT_OK);
}

static void add_root(struct leat_config *c)
{
	struct leat_err err = { 0 };
	size_t n;

	assert_int_equal(leat_config_add_trust(c, pki_root_pem(), &n, &err), LEAT_OK);
	assert_int_equal(n, 1);
}

/* Everything that can be seen of a config, as text. */
static void dump(const struct leat_config *c, char *buf, size_t n)
{
	const struct option *o;
	size_t at = 0;
	char value[1500];

	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		if (!o->show || !(o->roles & 1u << c->role))
			continue;
		value[0] = '\0';
		o->show(c, o, value, sizeof(value));
		at += (size_t)snprintf(buf + at, n - at, "%s=%s\n", o->name, value);
		assert_true(at < n);
	}
	snprintf(buf + at, n - at, "creds %u trust %zu frozen %d\n", c->num_creds,
		c->trust ? store_num(c->trust) : 0, c->frozen);
}

/* The preset `modern`, as written in the header. */
static void defaults(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT), *s = new_config(LEAT_SERVER);
	bool old = false;

	(void)state;
	assert_int_equal(c->min_version, LEAT_TLS12);
	assert_int_equal(c->max_version, LEAT_TLS13);
	assert_int_equal(c->verify, LEAT_VERIFY_PEER);
	assert_int_equal(s->verify, LEAT_VERIFY_NONE);
	assert_false(c->insecure_skip_name);
	assert_int_equal(c->depth, 10);
	assert_true(s->server_order);
	assert_true(c->middlebox);
	assert_int_equal(c->max_handshake_size, 256 * 1024);
	assert_int_equal(c->records[LEAT_RX], LEAT_RECORDS_AUTO);
	assert_int_equal(c->records[LEAT_TX], LEAT_RECORDS_AUTO);
	assert_int_equal(c->alpn.n, 0);
	assert_null(c->trust);
	assert_int_equal(c->num_creds, 0);
	/* two shares of different kinds */
	assert_int_equal(c->num_shares, 2);
	assert_int_equal(c->groups.v[0]->id, GROUP_X25519);
	assert_int_equal(c->groups.v[1]->id, GROUP_SECP256R1);
	/* TLS 1.3 first; nothing but AEAD with ephemeral keys; no 8-byte tags */
	for (unsigned i = 0; i < c->suites.n; i++) {
		const struct suite *u = c->suites.v[i];

		old = old || u->version == LEAT_TLS12;
		assert_int_equal(u->version, old ? LEAT_TLS12 : LEAT_TLS13);
		assert_true(u->kx != KX_RSA && u->kx != KX_PSK);
		assert_int_not_equal(u->aead, AEAD_AES_128_CCM_8);
	}
	assert_true(old && c->suites.v[0]->version == LEAT_TLS13);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void references(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };

	(void)state;
	assert_ptr_equal(leat_config_ref(c), c);
	leat_config_unref(c);
	assert_int_equal(c->role, LEAT_CLIENT);
	leat_config_unref(c);
	leat_config_unref(NULL);
	assert_int_equal(leat_config_new(&c, (enum leat_role)2, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_null(c);
}

static void freeze_refuses(struct leat_config *c, const char *option, const char *what)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	if (strcmp(err.option, option) != 0 || !strstr(err.what, what))
		fail_msg("wanted %s: %s, got %s: %s", option, what, err.option, err.what);
	assert_false(c->frozen);
}

static void freeze_checks_the_whole(void **state)
{
	struct leat_config *s = new_config(LEAT_SERVER), *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };

	(void)state;
	freeze_refuses(s, "certfile", "a server needs a certificate");
	add_server_cred(s, KEY_EC_P256);
	add_root(s);
	/* a version without a suite */
	set_ok(s, "ciphers", "TLS_AES_128_GCM_SHA256");
	freeze_refuses(s, "ciphers", "without a cipher suite");
	set_ok(s, "versions", "tlsv1.3");
	/* the key fits nothing that is allowed */
	set_ok(s, "signature_algs", "ed25519,rsa_pss_rsae_sha256");
	freeze_refuses(s, "certfile", "fits its key");
	set_ok(s, "signature_algs", "ed25519,ecdsa_secp256r1_sha256");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK); /* again is fine */

	freeze_refuses(c, "cacertfile", "verify_peer needs trusted CAs");
	set_ok(c, "verify", "verify_none");
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	leat_config_unref(s);
	leat_config_unref(c);
}

/* PKCS#1 signs in TLS 1.2 only; an RSA suite is needed there too. */
static void a_key_needs_suite_and_scheme_of_one_version(void **state)
{
	struct leat_config *s = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };

	(void)state;
	add_server_cred(s, KEY_RSA);
	set_ok(s, "versions", "tlsv1.2");
	set_ok(s, "ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256");
	freeze_refuses(s, "certfile", "fits its key");
	set_ok(s, "ciphers", "ECDHE-RSA-AES128-GCM-SHA256");
	set_ok(s, "signature_algs", "rsa_pkcs1_sha256");
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	leat_config_unref(s);

	s = new_config(LEAT_SERVER);
	add_server_cred(s, KEY_RSA);
	set_ok(s, "versions", "tlsv1.3");
	set_ok(s, "signature_algs", "rsa_pkcs1_sha256");
	freeze_refuses(s, "certfile", "fits its key");
	leat_config_unref(s);
}

static void frozen_is_frozen(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct leat_span name = SPAN("h2");
	char before[8000], after[8000];
	struct leat_err err[9];
	size_t n;

	(void)state;
	memset(err, 0, sizeof(err));
	add_root(c);
	assert_int_equal(leat_config_freeze(c, &err[0]), LEAT_OK);
	dump(c, before, sizeof(before));
	assert_int_equal(leat_config_set(c, "depth", "1", &err[0]), LEAT_FAILED);
	assert_int_equal(leat_config_set_versions(c, LEAT_TLS13, LEAT_TLS13, &err[1]), LEAT_FAILED);
	assert_int_equal(
		leat_config_add_cred(c, id->chain_pem, id->key_pem, NONE, &err[2]), LEAT_FAILED);
	assert_int_equal(leat_config_add_trust(c, pki_stranger_pem(), &n, &err[3]), LEAT_FAILED);
	assert_int_equal(leat_config_set_verify(c, LEAT_VERIFY_NONE, &err[4]), LEAT_FAILED);
	assert_int_equal(leat_config_set_alpn(c, &name, 1, &err[5]), LEAT_FAILED);
	assert_int_equal(
		leat_config_set_records(c, LEAT_TX, LEAT_RECORDS_USER, &err[6]), LEAT_FAILED);
	assert_int_equal(leat_config_add_trust_der(c, pki_der(pki_root()), &err[7]), LEAT_FAILED);
	assert_int_equal(leat_config_add_cred_der(c, NULL, 0, NONE, &err[8]), LEAT_FAILED);
	for (int i = 0; i < 9; i++)
		assert_int_equal(err[i].cls, LEAT_E_MISUSE);
	dump(c, after, sizeof(after));
	assert_string_equal(before, after);
	leat_config_unref(c);
}

static void typed_versions(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_set_versions(c, LEAT_TLS13, LEAT_TLS13, &err), LEAT_OK);
	assert_int_equal(c->min_version, LEAT_TLS13);
	assert_int_equal(leat_config_set_versions(c, LEAT_TLS12, LEAT_TLS12, &err), LEAT_OK);
	assert_int_equal(c->max_version, LEAT_TLS12);
	assert_int_equal(leat_config_set_versions(c, LEAT_TLS12, LEAT_TLS13, &err), LEAT_OK);
	assert_int_equal(leat_config_set_versions(c, LEAT_TLS13, LEAT_TLS12, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "versions");
	for (unsigned v = 0x0300; v <= 0x0305; v++) {
		if (v == LEAT_TLS12 || v == LEAT_TLS13)
			continue;
		err = (struct leat_err){ 0 };
		assert_int_equal(
			leat_config_set_versions(c, (enum leat_version)v, LEAT_TLS13, &err),
			LEAT_FAILED);
		assert_int_equal(
			leat_config_set_versions(c, LEAT_TLS12, (enum leat_version)v, &err),
			LEAT_FAILED);
	}
	assert_int_equal(c->min_version, LEAT_TLS12);
	assert_int_equal(c->max_version, LEAT_TLS13);
	leat_config_unref(c);
}

static void typed_verify_and_records(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_set_verify(c, LEAT_VERIFY_NONE, &err), LEAT_OK);
	assert_int_equal(c->verify, LEAT_VERIFY_NONE);
	assert_int_equal(leat_config_set_verify(c, (enum leat_verify)2, &err), LEAT_FAILED);
	assert_string_equal(err.option, "verify");
	assert_int_equal(c->verify, LEAT_VERIFY_NONE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_records(c, LEAT_TX, LEAT_RECORDS_KERNEL, &err), LEAT_OK);
	assert_int_equal(c->records[LEAT_TX], LEAT_RECORDS_KERNEL);
	assert_int_equal(c->records[LEAT_RX], LEAT_RECORDS_AUTO);
	assert_int_equal(
		leat_config_set_records(c, LEAT_TX, (enum leat_records)3, &err), LEAT_FAILED);
	assert_string_equal(err.option, "records");
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_config_set_records(c, (enum leat_dir)2, LEAT_RECORDS_USER, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(c);
}

/* Each name 1..255 bytes, the list at most 65535.  REQ: OPT-alpn-noempty LIM-alpn */
static void alpn_names(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_span names[260], odd = { (const uint8_t *)"a\0,:b", 5 };
	uint8_t long_name[256];
	struct leat_err err = { 0 };

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	names[0] = SPAN("h2");
	names[1] = SPAN("http/1.1");
	names[2] = (struct leat_span){ long_name, 255 };
	names[3] = odd; /* names are bytes */
	assert_int_equal(leat_config_set_alpn(c, names, 4, &err), LEAT_OK);
	assert_int_equal(c->alpn.n, 3 + 9 + 256 + 6);
	assert_memory_equal(c->alpn.p, "\x02h2\x08http/1.1\xff", 13);
	assert_memory_equal(c->alpn.p + 3 + 9 + 256,
		"\x05"
		"a\0,:b",
		6);

	names[2].n = 256;
	assert_int_equal(leat_config_set_alpn(c, names, 4, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "alpn_advertised_protocols");
	assert_string_equal(err.detail, "name 3 has 256");
	err = (struct leat_err){ 0 };
	names[2].n = 0;
	assert_int_equal(leat_config_set_alpn(c, names, 3, &err), LEAT_FAILED);
	assert_string_equal(err.detail, "name 3 has 0");
	assert_int_equal(c->alpn.n, 3 + 9 + 256 + 6); /* as it was */

	/* 255 names of 256 bytes with their lengths are 65280; one more of 255 is the limit exactly */
	for (int i = 0; i < 256; i++)
		names[i] = (struct leat_span){ long_name, i < 255 ? 255 : 254 };
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_alpn(c, names, 256, &err), LEAT_OK);
	assert_int_equal(c->alpn.n, 65535);
	names[255].n = 253;
	assert_int_equal(leat_config_set_alpn(c, names, 256, &err), LEAT_OK);
	names[255].n = 255;
	assert_int_equal(leat_config_set_alpn(c, names, 256, &err), LEAT_FAILED);
	assert_non_null(strstr(err.what, "65535"));
	assert_int_equal(c->alpn.n, 65534);
	/* none: off again */
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set_alpn(c, NULL, 0, &err), LEAT_OK);
	assert_int_equal(c->alpn.n, 0);
	leat_config_unref(c);
}

static void credentials(void **state)
{
	struct leat_config *c = new_config(LEAT_SERVER);
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_add_cred(
				 c, id->chain_pem, pki_client(KEY_EC_P256)->key_pem, NONE, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "key");
	assert_int_equal(c->num_creds, 0);
	for (unsigned i = 0; i < CONFIG_MAX_CREDS; i++)
		add_server_cred(c, i % 2 ? KEY_EC_P256 : KEY_ED25519);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_config_add_cred(c, id->chain_pem, id->key_pem, NONE, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_int_equal(c->num_creds, CONFIG_MAX_CREDS);
	/* one that fits no version spoils the whole */
	set_ok(c, "signature_algs", "ed25519");
	freeze_refuses(c, "certfile", "fits its key");
	leat_config_unref(c);
}

static void trust(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };
	struct store *system;
	size_t n = 7;

	(void)state;
	assert_int_equal(leat_config_add_trust(c, SPAN("nothing"), &n, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_int_equal(n, 0);
	assert_null(c->trust);
	add_root(c);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_add_trust(c, pki_stranger_pem(), NULL, &err), LEAT_OK);
	assert_int_equal(store_num(c->trust), 2);
	assert_int_equal(leat_config_add_trust_der(c, pki_der(pki_inter()), &err), LEAT_OK);
	assert_int_equal(store_num(c->trust), 3);
	assert_int_equal(leat_config_add_trust_der(c, SPAN("x"), &err), LEAT_FAILED);
	assert_int_equal(store_num(c->trust), 3);

	/* the system's store is shared: own anchors replace it, nothing is added to it */
	err = (struct leat_err){ 0 };
	assert_int_equal(store_new(&system, &err), LEAT_OK);
	assert_int_equal(store_add_pem(system, pki_stranger_pem(), NULL, &err), LEAT_OK);
	config_set_trust_take(c, store_ref(system), true);
	assert_int_equal(leat_config_add_trust(c, SPAN("nothing"), NULL, &err), LEAT_FAILED);
	assert_ptr_equal(c->trust, system);
	add_root(c);
	assert_ptr_not_equal(c->trust, system);
	assert_int_equal(store_num(c->trust), 1);
	assert_int_equal(store_num(system), 1);
	assert_non_null(
		memmem(store_subject(c->trust, 0).p, store_subject(c->trust, 0).n, "pki root", 8));
	store_unref(system);
	leat_config_unref(c);
}

static enum leat_ret build(struct leat_config **c, struct leat_span root, struct leat_err *err)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_span names[2] = { SPAN("h2"), SPAN("http/1.1") };

	*c = NULL;
	if (leat_config_new(c, LEAT_SERVER, err) == LEAT_OK &&
		leat_config_add_cred(*c, id->chain_pem, id->key_pem, NONE, err) == LEAT_OK &&
		leat_config_add_trust(*c, root, NULL, err) == LEAT_OK &&
		leat_config_set_alpn(*c, names, 2, err) == LEAT_OK &&
		leat_config_set(*c, "alpn", "a,b,c", err) == LEAT_OK &&
		leat_config_freeze(*c, err) == LEAT_OK)
		return LEAT_OK;
	return LEAT_FAILED;
}

static void each_allocation_fails(void **state)
{
	struct leat_span root = pki_root_pem();
	struct leat_config *c;
	struct leat_err err = { 0 };
	unsigned long num;

	(void)state;
	(void)pki_server(KEY_EC_P256);
	leat_mem_fail_at(0);
	assert_int_equal(build(&c, root, &err), LEAT_OK);
	num = leat_mem_fail_at(0);
	leat_config_unref(c);
	assert_true(num > 8);
	for (unsigned long i = 1; i <= num; i++) {
		err = (struct leat_err){ 0 };
		leat_mem_fail_at(i);
		assert_int_equal(build(&c, root, &err), LEAT_FAILED);
		leat_mem_fail_at(0);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		leat_config_unref(c);
	}
}

static int close_all(void **state)
{
	(void)state;
	pki_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(references),
		cmocka_unit_test(freeze_checks_the_whole),
		cmocka_unit_test(a_key_needs_suite_and_scheme_of_one_version),
		cmocka_unit_test(frozen_is_frozen),
		cmocka_unit_test(typed_versions),
		cmocka_unit_test(typed_verify_and_records),
		cmocka_unit_test(alpn_names),
		cmocka_unit_test(credentials),
		cmocka_unit_test(trust),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, close_all);
}

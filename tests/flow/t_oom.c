/* SPDX-License-Identifier: Apache-2.0
 *
 * t_oom.c - a whole handshake with each of its allocations failing once: leat's own, then libcrypto's.
 * No crash, nothing leaked (the sanitizer build says), and an end that is one of two: both sides up, or
 * a refusal with a reason. Also: how many allocations a server handshake costs.
 *
 * TIMEOUT: 300
 */
#include "pair.h"

#include <openssl/crypto.h>

#include "base/mem.h"
#include "pki.h"

/* ---- libcrypto's allocations ---- */

static unsigned long num_ossl, fail_ossl_at; /* 0: never */

static bool ossl_fails(void)
{
	num_ossl++;
	return fail_ossl_at && num_ossl == fail_ossl_at;
}

static void *ossl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return ossl_fails() ? NULL : malloc(n);
}

static void *ossl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return ossl_fails() ? NULL : realloc(p, n);
}

static void ossl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* ---- one handshake ---- */

static const struct scene {
	const char *name, *client_versions, *server_groups;
	enum key_kind key;
	bool client_cert;
	const char *resumes; /* TLS 1.2: "stateless" or "stateful" */
} scenes[] = {
	{ "1.3 P-256", "tlsv1.3", NULL, KEY_EC_P256, false, NULL },
	{ "1.3 RSA, retried", "tlsv1.3", "secp384r1", KEY_RSA, false, NULL },
	{ "1.2 RSA", "tlsv1.2", NULL, KEY_RSA, false, NULL },
	{ "1.3 Ed25519", "tlsv1.3", NULL, KEY_ED25519, false, NULL },
	{ "1.3, client certificate", "tlsv1.3", NULL, KEY_EC_P256, true, NULL },
	{ "1.2, client certificate", "tlsv1.2", NULL, KEY_EC_P256, true, NULL },
	{ "1.2 by ticket", "tlsv1.2", NULL, KEY_EC_P256, false, "stateless" },
	{ "1.2 by session id", "tlsv1.2", NULL, KEY_EC_P256, false, "stateful" },
	{ "1.2, a new ticket", "tlsv1.2", NULL, KEY_EC_P256, false, "renewed" },
};

static struct leat_config *client_cfg, *server_cfg;
static struct leat_session *session; /* to be resumed */
static int64_t later_s;

static void configs_for(const struct scene *s)
{
	struct leat_err err = { 0 };

	if (s->resumes) {
		bool renewed = strcmp(s->resumes, "renewed") == 0;

		pair_configs12(&client_cfg, &server_cfg, renewed ? "stateless" : s->resumes,
			s->client_versions);
		session = pair_session12(client_cfg, server_cfg);
		later_s = renewed ? LEAT_TICKET_KEY_PERIOD_S : 0;
		return;
	}
	client_cfg = pair_client_config();
	server_cfg = pair_server_config(s->key);
	pair_set(client_cfg, "versions", s->client_versions);
	if (s->server_groups)
		pair_set(server_cfg, "groups", s->server_groups);
	if (s->client_cert) {
		const struct pki_ident *id = pki_client(KEY_EC_P256);

		assert_int_equal(leat_config_add_cred(client_cfg, id->chain_pem, id->key_pem,
					 (struct leat_span){ NULL, 0 }, &err),
			LEAT_OK);
		assert_int_equal(
			leat_config_add_trust(server_cfg, pki_root_pem(), NULL, &err), LEAT_OK);
		pair_set(server_cfg, "verify", "verify_peer");
		pair_set(server_cfg, "fail_if_no_peer_cert", "true");
	}
	assert_int_equal(leat_config_freeze(client_cfg, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(server_cfg, &err), LEAT_OK);
}

static void drop_configs(void)
{
	leat_config_unref(client_cfg);
	leat_config_unref(server_cfg);
	leat_session_unref(session);
	session = NULL;
	later_s = 0;
}

/* true when both are up. Otherwise somebody must have said why. */
static bool handshake(void)
{
	struct pair p = { .offer = session, .now_s = PKI_NOW + later_s };
	enum leat_ret r;
	bool up;

	r = pair_try_init(
		&p, leat_config_ref(client_cfg), leat_config_ref(server_cfg), "localhost");
	if (r == LEAT_OK)
		r = pair_run(&p);
	up = r == LEAT_OK && hs_is_up(p.side[0].hs) && hs_is_up(p.side[1].hs);
	if (!up) {
		const struct leat_err *e = p.side[0].err.cls ? &p.side[0].err : &p.side[1].err;

		assert_int_equal(r, LEAT_FAILED);
		assert_int_not_equal(e->cls, LEAT_E_NONE);
		assert_non_null(e->what);
		assert_non_null(e->where);
	}
	pair_clear(&p);
	return up;
}

static void ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		unsigned long total, failed = 0;

		configs_for(&scenes[i]);
		assert_true(handshake());
		(void)leat_mem_fail_at(0);
		assert_true(handshake());
		total = leat_mem_fail_at(0);
		print_message("  %s: %lu allocations of ours\n", scenes[i].name, total);
		assert_in_range(total, 5, 100);
		for (unsigned long nth = 1; nth <= total; nth++) {
			(void)leat_mem_fail_at(nth);
			failed += !handshake();
			(void)leat_mem_fail_at(0);
			assert_true(handshake()); /* and nothing is broken for the next one */
		}
		assert_true(failed > total / 2);
		drop_configs();
	}
}

static void of_libcrypto(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		unsigned long total, failed = 0;

		configs_for(&scenes[i]);
		assert_true(handshake());
		num_ossl = 0;
		assert_true(handshake());
		total = num_ossl;
		print_message("  %s: %lu allocations of libcrypto\n", scenes[i].name, total);
		/* a resumed handshake of TLS 1.2 needs libcrypto for its ticket only */
		assert_true(session || total > 50);
		/* a stride prime to the loops inside libcrypto, to stay within seconds */
		for (unsigned long nth = 1 + i; nth <= total; nth += session ? 1 : 7) {
			num_ossl = 0;
			fail_ossl_at = nth;
			failed += !handshake();
			fail_ossl_at = 0;
		}
		assert_true(handshake());
		/* (a ticket that cannot be opened costs a full handshake, no more) */
		assert_true(failed > total / 7 / 10 || session);
		drop_configs();
	}
}

/* Out of memory must never turn a refusal into a success: a stranger's chain stays refused. */
static void refusal_stays(void **state)
{
	struct leat_err err = { 0 };
	unsigned long total;

	(void)state;
	configs_for(&scenes[0]);
	leat_config_unref(client_cfg);
	assert_int_equal(leat_config_new(&client_cfg, LEAT_CLIENT, &err), LEAT_OK);
	assert_int_equal(
		leat_config_add_trust(client_cfg, pki_stranger_pem(), NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(client_cfg, &err), LEAT_OK);
	num_ossl = 0;
	assert_false(handshake());
	total = num_ossl;
	for (unsigned long nth = 1; nth <= total; nth += 3) {
		num_ossl = 0;
		fail_ossl_at = nth;
		assert_false(handshake());
		fail_ossl_at = 0;
	}
	drop_configs();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours),
		cmocka_unit_test(of_libcrypto),
		cmocka_unit_test(refusal_stays),
	};
	int r;

	/* before libcrypto allocates anything */
	if (!CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free)) {
		fprintf(stderr, "libcrypto: memory functions could not be set\n");
		return 1;
	}
	r = cmocka_run_group_tests(tests, NULL, NULL);
	pki_done();
	return r;
}

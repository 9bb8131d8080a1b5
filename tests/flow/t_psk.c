/* SPDX-License-Identifier: Apache-2.0
 *
 * t_psk.c - external PSKs of TLS 1.3 between two engines: plain, imported (RFC 9258), looked up; without
 * certificates on either side; and what does not match.
 *
 * REQ: F-psk-ext F-psk-imp
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include "session/psk.h"

#define S(text) ((struct leat_span){ (const uint8_t *)(text), sizeof(text) - 1 })

static const struct leat_psk plain = { .identity = S("alice"), .secret = S("0123456789abcdef") };
static const struct leat_psk plain384 = {
	.identity = S("carol"), .secret = S("0123456789abcdef0123456789abcdef"), .sha384 = true
};
static const struct leat_psk imported = { .identity = S("alice"),
	.secret = S("0123456789abcdef"),
	.imported = true,
	.context = S("test") };

/* No certificates, no trust anchors: PSKs only. */
static struct leat_config *psk_only(
	enum leat_role role, const struct leat_psk *psk, const char *option, const char *value)
{
	struct leat_config *c;
	struct leat_err err = { 0 };
	char text[256];

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, "versions", "tlsv1.3", &err), LEAT_OK);
	if (psk)
		assert_int_equal(leat_config_add_psk(c, psk, &err), LEAT_OK);
	if (option && leat_config_set(c, option, value, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	if (leat_config_freeze(c, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	return c;
}

static bool connects(struct leat_config *c, struct leat_config *s, struct leat_engine_info *info)
{
	struct duo d;
	bool up;

	duo_open(&d, c, s, "localhost");
	up = duo_run(&d);
	leat_engine_info(d.side[1].e, info);
	if (up) {
		struct leat_engine_info other;

		leat_engine_info(d.side[0].e, &other);
		assert_int_equal(info->external_psk, other.external_psk);
		assert_int_equal(info->suite, other.suite);
		duo_say(&d, LEAT_CLIENT, "hello", 5);
		assert_int_equal(d.side[1].got.n, 5);
	}
	duo_close(&d);
	return up;
}

static void works(void **state)
{
	static const struct leat_psk *const psks[] = { &plain, &plain384, &imported };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct leat_config *c = psk_only(LEAT_CLIENT, psks[i], NULL, NULL);
		struct leat_config *s = psk_only(LEAT_SERVER, psks[i], NULL, NULL);
		struct leat_engine_info info;

		assert_true(connects(c, s, &info));
		assert_true(info.external_psk);
		assert_false(info.resumed);
		assert_non_null(info.group_name);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* RFC 8446 4.2.11: a plain PSK goes with one hash; an imported one was made for each. */
static void hashes(void **state)
{
	static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384" };
	static const struct leat_psk *const psks[] = { &plain, &plain384, &imported };
	static const bool want[3][2] = { { true, false }, { false, true }, { true, true } };

	(void)state;
	for (int p = 0; p < 3; p++)
		for (int h = 0; h < 2; h++) {
			struct leat_config *c = psk_only(LEAT_CLIENT, psks[p], NULL, NULL);
			struct leat_config *s = psk_only(
				LEAT_SERVER, psks[p], "ciphers", suites[h]);
			struct leat_engine_info info;

			assert_int_equal(connects(c, s, &info), want[p][h]);
			leat_config_unref(c);
			leat_config_unref(s);
		}
}

static void modes(void **state)
{
	struct leat_config *c = psk_only(LEAT_CLIENT, &plain, "psk_modes", "psk_ke");
	struct leat_config *s = psk_only(LEAT_SERVER, &plain, "psk_modes", "psk_ke,psk_dhe_ke");
	struct leat_config *strict = psk_only(LEAT_SERVER, &plain, NULL, NULL);
	struct leat_engine_info info;

	(void)state;
	assert_true(connects(c, s, &info));
	assert_true(info.external_psk);
	assert_null(info.group_name);
	assert_false(connects(c, strict, &info));
	leat_config_unref(c);
	leat_config_unref(s);
	leat_config_unref(strict);
}

static void unequal(const struct leat_psk *client, const struct leat_psk *server, unsigned alert)
{
	struct leat_config *c = psk_only(LEAT_CLIENT, client, NULL, NULL);
	struct leat_config *s = psk_only(LEAT_SERVER, server, NULL, NULL);
	struct duo d;

	duo_open(&d, c, s, "localhost");
	assert_false(duo_run(&d));
	assert_int_equal(leat_engine_error(d.side[1].e)->cls, LEAT_E_OUR_ALERT);
	assert_int_equal(leat_engine_error(d.side[1].e)->alert, alert);
	assert_int_equal(leat_engine_error(d.side[0].e)->cls, LEAT_E_PEER_ALERT);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void mismatches(void **state)
{
	struct leat_psk p = plain;

	(void)state;
	p.secret = S("0123456789abcdeF");
	unequal(&p, &plain, LEAT_ALERT_DECRYPT_ERROR);
	p = plain;
	p.identity = S("bob"); /* nobody by that name, and no certificate to go on with */
	unequal(&p, &plain, LEAT_ALERT_HANDSHAKE_FAILURE);
	p = plain;
	p.identity = S("alic");
	unequal(&p, &plain, LEAT_ALERT_HANDSHAKE_FAILURE);
	p = imported;
	p.secret = S("0123456789abcdeF");
	unequal(&p, &imported, LEAT_ALERT_DECRYPT_ERROR);
	p = imported;
	p.context = S("other use");
	unequal(&p, &imported, LEAT_ALERT_HANDSHAKE_FAILURE);
	unequal(&plain, &imported, LEAT_ALERT_HANDSHAKE_FAILURE);
	unequal(&imported, &plain, LEAT_ALERT_HANDSHAKE_FAILURE);
	p = imported;
	p.sha384 = true; /* another hash of the external key: another derived one */
	unequal(&p, &imported, LEAT_ALERT_DECRYPT_ERROR);
}

/* A server with certificate and PSKs serves clients of both kinds. */
static void beside_certificates(void **state)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256), *c, *both;
	struct leat_engine_info info;
	struct leat_psk stranger = plain;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_add_psk(s, &plain, &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(s, &imported, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	c = ids_config(LEAT_CLIENT, KEY_EC_P256, "depth=10", NULL);
	assert_true(connects(c, s, &info));
	assert_false(info.external_psk);
	leat_config_unref(c);
	c = psk_only(LEAT_CLIENT, &imported, NULL, NULL);
	assert_true(connects(c, s, &info));
	assert_true(info.external_psk);
	leat_config_unref(c);
	/* a PSK nobody knows here, and trust anchors: certificates do */
	stranger.identity = S("mallory");
	both = ids_draft(LEAT_CLIENT, KEY_EC_P256);
	assert_int_equal(leat_config_add_psk(both, &stranger, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(both, &err), LEAT_OK);
	assert_true(connects(both, s, &info));
	assert_false(info.external_psk);
	leat_config_unref(both);
	/* without anchors a certificate is no good, and that is no back door */
	c = psk_only(LEAT_CLIENT, &stranger, NULL, NULL);
	assert_false(connects(c, s, &info));
	leat_config_unref(c);
	leat_config_unref(s);
}

struct asked {
	unsigned calls;
	bool imported;
};

static enum leat_ret lookup(void *arg, const struct leat_psk_query *q, struct leat_psk *out)
{
	struct asked *a = arg;

	a->calls++;
	if (q->identity.n != 5 || memcmp(q->identity.p, "alice", 5) != 0)
		return LEAT_UNSUPPORTED;
	if (q->imported && (q->context.n != 4 || memcmp(q->context.p, "test", 4) != 0))
		return LEAT_UNSUPPORTED;
	a->imported = q->imported;
	out->secret = plain.secret;
	return LEAT_OK;
}

static void looked_up(void **state)
{
	struct asked a = { 0 };
	struct leat_config *s, *c;
	struct leat_engine_info info;
	struct leat_psk p = plain;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
	assert_int_equal(leat_config_set(s, "versions", "tlsv1.3", &err), LEAT_OK);
	assert_int_equal(leat_config_set_psk_lookup(s, lookup, &a, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	c = psk_only(LEAT_CLIENT, &plain, NULL, NULL);
	assert_true(connects(c, s, &info));
	assert_true(info.external_psk);
	assert_false(a.imported);
	leat_config_unref(c);
	c = psk_only(LEAT_CLIENT, &imported, NULL, NULL);
	assert_true(connects(c, s, &info));
	assert_true(a.imported);
	leat_config_unref(c);
	p.identity = S("bob");
	c = psk_only(LEAT_CLIENT, &p, NULL, NULL);
	assert_false(connects(c, s, &info));
	leat_config_unref(c);
	leat_config_unref(s);
}

/* Tickets of a PSK connection resume it like any other. */
static void resumed_afterwards(void **state)
{
	struct leat_config *c = psk_only(LEAT_CLIENT, &plain, "session_tickets", "manual");
	struct leat_config *s = psk_only(LEAT_SERVER, &plain, NULL, NULL);
	struct leat_engine_opts o = { .host = "localhost" };
	struct leat_engine_info info;
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	o.session = leat_engine_take_session(d.side[0].e);
	assert_non_null(o.session);
	duo_close(&d);
	duo_open_with(&d, c, s, &o);
	assert_true(duo_run(&d));
	leat_engine_info(d.side[0].e, &info);
	assert_true(info.resumed); /* the session comes before the PSK in the offer */
	assert_false(info.external_psk);
	duo_close(&d);
	leat_session_unref(o.session);
	leat_config_unref(c);
	leat_config_unref(s);
}

/* Client: SHA-384 and SHA-256 PSKs, server wants a retry with a SHA-384 suite: the rest is dropped from
 * the second hello (RFC 8446 4.1.4) and its index counts anew. */
static void retry_drops_other_hashes(void **state)
{
	struct leat_config *c, *s;
	struct leat_engine_info info;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_new(&c, LEAT_CLIENT, &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, "versions", "tlsv1.3", &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, "key_shares", "1", &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(c, &plain, &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(c, &plain384, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_new(&s, LEAT_SERVER, &err), LEAT_OK);
	assert_int_equal(leat_config_set(s, "versions", "tlsv1.3", &err), LEAT_OK);
	assert_int_equal(leat_config_set(s, "groups", "secp384r1", &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(s, &plain384, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	assert_true(connects(c, s, &info));
	assert_true(info.external_psk);
	assert_true(info.retried);
	assert_int_equal(info.suite, 0x1302);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void bad_options(void **state)
{
	static const uint8_t long_id[4097], long_secret[65];
	struct leat_config *c = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };
	struct leat_psk p;
	int i;

	(void)state;
#define REFUSED(name)                                                            \
	do {                                                                     \
		memset(&err, 0, sizeof(err));                                    \
		assert_int_equal(leat_config_add_psk(c, &p, &err), LEAT_FAILED); \
		assert_string_equal(err.option, name);                           \
	} while (0)
	p = plain;
	p.identity.n = 0;
	REFUSED("psk_identity");
	p.identity = (struct leat_span){ long_id, sizeof(long_id) };
	REFUSED("psk_identity");
	p = plain;
	p.secret.n = 15;
	REFUSED("psk");
	p.secret = (struct leat_span){ long_secret, sizeof(long_secret) };
	REFUSED("psk");
	p = imported;
	p.secret.n = 15;
	REFUSED("psk");
	p = imported; /* the importer takes long secrets */
	p.secret = (struct leat_span){ long_secret, sizeof(long_secret) };
	for (i = 0; i < 8; i++)
		assert_int_equal(leat_config_add_psk(c, &p, &err), LEAT_OK);
	REFUSED("psk");
	p = plain;
	REFUSED("psk");
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(c, &plain, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(works),
		cmocka_unit_test(hashes),
		cmocka_unit_test(modes),
		cmocka_unit_test(mismatches),
		cmocka_unit_test(beside_certificates),
		cmocka_unit_test(looked_up),
		cmocka_unit_test(resumed_afterwards),
		cmocka_unit_test(retry_drops_other_hashes),
		cmocka_unit_test(bad_options),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}

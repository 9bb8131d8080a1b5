/* SPDX-License-Identifier: Apache-2.0
 *
 * certkit.c - see certkit.h.
 */
#include "certkit.h"

#include <leat/job.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "config/config.h"

const char *const certkit_versions[2] = { "tlsv1.3", "tlsv1.2" };

static const struct leat_span no_password;

static void must(enum leat_ret r, const struct leat_err *err)
{
	char text[400];

	if (r != LEAT_OK)
		fail_msg("%s", leat_strerror(err, text, sizeof(text)));
}

void certkit_set(struct leat_config *c, const char *option, const char *value)
{
	struct leat_err err = { 0 };

	must(leat_config_set(c, option, value, &err), &err);
}

struct make_spec certkit_spec(enum leat_role who)
{
	struct make_spec s = pki_spec();

	s.client = who == LEAT_CLIENT;
	s.server = !s.client;
	return s;
}

const struct made *certkit_leaf(enum leat_role who)
{
	return who == LEAT_CLIENT ? pki_client(KEY_EC_P256)->leaf : pki_server(KEY_EC_P256)->leaf;
}

struct leat_config *certkit_judge(struct certkit *k)
{
	return k->cfg[k->judge];
}

struct leat_config *certkit_peer(struct certkit *k)
{
	return k->cfg[!k->judge];
}

static void add_cred(struct leat_config *c, const struct made *leaf, const struct made *inter)
{
	struct leat_span chain = pki_cert_pem(leaf);
	struct leat_err err = { 0 };

	if (inter)
		chain = pki_join(chain, pki_cert_pem(inter));
	must(leat_config_add_cred(c, chain, pki_key_pem(leaf), no_password, &err), &err);
}

void certkit_show_der(
	struct leat_config *c, const struct leat_span *der, size_t num, const struct made *made)
{
	struct leat_wr key = { 0 };
	struct leat_err err = { 0 };
	EVP_PKEY *pkey = made_evp_borrow(made);
	unsigned char *p = NULL;
	int n = i2d_PrivateKey(pkey, &p);

	assert_true(n > 0);
	leat_wr_bytes(&key, p, (size_t)n);
	OPENSSL_free(p);
	must(leat_config_add_cred_der(c, der, num, leat_wr_done(&key), &err), &err);
	leat_wr_clear(&key);
}

static struct leat_config *new_config(enum leat_role role, const char *version)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	must(leat_config_new(&c, role, &err), &err);
	certkit_set(c, "versions", version);
	return c;
}

static void add_trust(struct leat_config *c, const struct made *root)
{
	struct leat_err err = { 0 };

	must(leat_config_add_trust(c, pki_cert_pem(root), NULL, &err), &err);
}

void certkit_draft(struct certkit *k, const char *version, enum leat_role judge,
	const struct made *leaf, const struct made *inter)
{
	*k = (struct certkit){ .judge = judge, .host = "localhost" };
	for (int i = 0; i < 2; i++)
		k->cfg[i] = new_config((enum leat_role)i, version);
	add_trust(k->cfg[judge], pki_root());
	if (leaf)
		add_cred(k->cfg[!judge], leaf, inter);
	if (judge == LEAT_CLIENT)
		return;
	add_cred(k->cfg[LEAT_SERVER], certkit_leaf(LEAT_SERVER), pki_inter());
	add_trust(k->cfg[LEAT_CLIENT], pki_root());
	certkit_set(k->cfg[LEAT_SERVER], "verify", "verify_peer");
	certkit_set(k->cfg[LEAT_SERVER], "fail_if_no_peer_cert", "true");
	/* or the client would not show what no named CA made */
	certkit_set(k->cfg[LEAT_SERVER], "certificate_authorities", "false");
}

void certkit_trust(struct certkit *k, const struct made *root)
{
	struct leat_config *c = certkit_judge(k);

	/* there is no other way to take anchors away */
	store_unref(c->trust);
	c->trust = NULL;
	if (root)
		add_trust(c, root);
}

bool certkit_run(struct certkit *k)
{
	const struct leat_engine_opts opts = { .host = k->host, .session = k->session };
	struct leat_err err = { 0 };

	for (int i = 0; i < 2; i++)
		must(leat_config_freeze(k->cfg[i], &err), &err);
	duo_open_with(&k->d, k->cfg[LEAT_CLIENT], k->cfg[LEAT_SERVER], &opts);
	return duo_run(&k->d);
}

void certkit_close(struct certkit *k)
{
	if (k->d.side[0].e || k->d.side[1].e)
		duo_close(&k->d);
	for (int i = 0; i < 2; i++)
		leat_config_unref(k->cfg[i]);
	*k = (struct certkit){ 0 };
}

static const struct leat_err *error_of(const struct certkit *k, enum leat_role who)
{
	return leat_engine_error(k->d.side[who].e);
}

void certkit_connects(struct certkit *k)
{
	char text[400];

	if (!certkit_run(k))
		fail_msg("%s", leat_strerror(error_of(k, k->judge), text, sizeof(text)));
	for (int i = 0; i < 2; i++)
		assert_int_equal(error_of(k, (enum leat_role)i)->cls, LEAT_E_NONE);
	certkit_close(k);
}

void certkit_refuses(struct certkit *k, enum leat_role who, unsigned alert)
{
	const struct leat_err *ours, *theirs;
	char text[400];

	(void)certkit_run(k); /* a client of TLS 1.3 is up before the server has judged it */
	ours = error_of(k, who);
	theirs = error_of(k, (enum leat_role) !who);
	if (ours->cls != LEAT_E_OUR_ALERT || ours->alert != alert)
		fail_msg("wanted %s, got: %s", leat_alert_name(alert),
			leat_strerror(ours, text, sizeof(text)));
	assert_int_equal(theirs->cls, LEAT_E_PEER_ALERT);
	assert_int_equal(theirs->alert, alert);
	assert_false(leat_engine_wants(k->d.side[who].e) & LEAT_IS_UP);
	certkit_close(k);
}

/* ---- the job of its chain ---- */

struct leat_job *certkit_job(struct certkit *k)
{
	struct leat_err err = { 0 };
	struct leat_job *j = NULL;

	for (int i = 0; i < 2; i++)
		assert_int_equal(leat_config_freeze(k->cfg[i], &err), LEAT_OK);
	duo_open(&k->d, k->cfg[LEAT_CLIENT], k->cfg[LEAT_SERVER], k->host);
	for (int i = 0; i < 100 && !j; i++) {
		struct duo_side *from = &k->d.side[i % 2], *to = &k->d.side[!(i % 2)];
		const uint8_t *p;
		uint8_t *room;
		size_t n, cap;

		while ((p = leat_engine_out(from->e, &n)) && (room = leat_engine_in(to->e, &cap))) {
			n = n < cap ? n : cap;
			memcpy(room, p, n);
			leat_engine_out_done(from->e, n);
			(void)!leat_engine_in_done(to->e, n);
		}
		while (!j && (leat_engine_wants(to->e) & LEAT_WANT_JOB)) {
			assert_int_equal(leat_engine_job_take(to->e, &j), LEAT_OK);
			if (to == &k->d.side[k->judge] && leat_job_kind(j) == LEAT_JOB_VERIFY)
				break;
			assert_int_equal(leat_job_run(j), LEAT_OK);
			assert_int_not_equal(leat_engine_job_done(to->e, j), LEAT_FAILED);
			leat_job_unref(j);
			j = NULL;
		}
	}
	assert_non_null(j);
	return j;
}

void certkit_job_done(struct certkit *k, struct leat_job *j, unsigned alert)
{
	struct leat_engine *e = k->d.side[k->judge].e;
	enum leat_ret r = leat_engine_job_done(e, j);

	leat_job_unref(j);
	if (alert) {
		assert_int_equal(r, LEAT_FAILED);
		assert_int_equal(leat_engine_error(e)->alert, alert);
	} else {
		assert_int_not_equal(r, LEAT_FAILED);
		assert_true(duo_run(&k->d));
	}
	certkit_close(k);
}

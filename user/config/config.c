/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - life of a config, the typed setters, and the check of the whole at the freeze. Text is
 * option.c's, defaults are policy.c's, files are sock/anchors'. Setters check first and then apply:
 * a refused value leaves the config as it was.
 */
#include "config/config.h"

#include <string.h>

#include <leat/crl.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/wr.h"
#include "config/policy.h"
#include "wire/ext.h"
#include "x509/rawkey.h"

enum leat_ret leat_config_new(struct leat_config **out, enum leat_role role, struct leat_err *err)
{
	struct leat_config *c;

	*out = NULL;
	if (role != LEAT_CLIENT && role != LEAT_SERVER)
		return err_misuse(err, "config: neither client nor server");
	c = leat_zalloc(sizeof(*c));
	if (!c)
		return err_memory(err);
	atomic_init(&c->refs, 1);
	c->role = role;
	if (crypto_new(&c->crypto, err) != LEAT_OK) {
		leat_config_unref(c);
		return LEAT_FAILED;
	}
	policy_modern(c);
	*out = c;
	return LEAT_OK;
}

struct leat_config *leat_config_ref(struct leat_config *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void leat_config_unref(struct leat_config *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < c->num_creds; i++)
		cred_unref(c->creds[i]);
	for (unsigned i = 0; i < c->num_peer_keys; i++)
		leat_free((void *)c->peer_keys[i].p);
	store_unref(c->trust);
	leat_crl_cache_unref(c->crls);
	leat_free((void *)c->alpn.p);
	leat_free((void *)c->psk_identity.p);
	dh_clear(&c->dh);
	config_clear_hosts(c);
	leat_ticket_keys_unref(c->ticket_keys);
	leat_store_unref(c->sessions_store);
	leat_antireplay_unref(c->antireplay);
	for (unsigned i = 0; i < c->num_psks; i++)
		psk_clear(&c->psks[i]);
	crypto_unref(c->crypto);
	leat_free_wipe(c, sizeof(*c));
}

enum leat_ret config_may_set(struct leat_config *c, struct leat_err *err)
{
	if (c->frozen)
		return err_misuse(err, "config: frozen, it can no longer be changed");
	c->touched = true;
	return LEAT_OK;
}

enum leat_ret leat_config_set_versions(
	struct leat_config *c, enum leat_version min, enum leat_version max, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if ((min != LEAT_TLS12 && min != LEAT_TLS13) || (max != LEAT_TLS12 && max != LEAT_TLS13))
		return err_option(err, "versions", NULL, "only TLS 1.2 and TLS 1.3 can be had");
	if (min > max)
		return err_option(err, "versions", NULL, "the lowest is above the highest");
	c->min_version = (uint16_t)min;
	c->max_version = (uint16_t)max;
	return LEAT_OK;
}

enum leat_ret config_add_cred_take(struct leat_config *c, struct cred *cred, struct leat_err *err)
{
	if (c->num_creds == CONFIG_MAX_CREDS) {
		cred_unref(cred);
		return err_option(err, "cert", NULL,
			"more than " LEAT_STR(CONFIG_MAX_CREDS) " certificates with keys");
	}
	c->creds[c->num_creds++] = cred;
	return LEAT_OK;
}

enum leat_ret leat_config_add_cred(struct leat_config *c, struct leat_span cert_pem,
	struct leat_span key_pem, struct leat_span password, struct leat_err *err)
{
	struct cred *cred;

	if (config_may_set(c, err) != LEAT_OK ||
		cred_new_pem(&cred, c->crypto, cert_pem, key_pem, password, err) != LEAT_OK)
		return LEAT_FAILED;
	return config_add_cred_take(c, cred, err);
}

enum leat_ret leat_config_add_cred_der(struct leat_config *c, const struct leat_span *certs,
	size_t num, struct leat_span key, struct leat_err *err)
{
	struct cred *cred;

	if (config_may_set(c, err) != LEAT_OK ||
		cred_new_der(&cred, c->crypto, certs, num, key, err) != LEAT_OK)
		return LEAT_FAILED;
	return config_add_cred_take(c, cred, err);
}

enum leat_ret leat_config_add_cred_external(struct leat_config *c, struct leat_span cert_pem,
	leat_sign_fn *fn, void *arg, struct leat_err *err)
{
	const struct cred_signer signer = { fn, arg };
	struct cred *cred;

	if (config_may_set(c, err) != LEAT_OK ||
		cred_new_external_pem(&cred, cert_pem, signer, err) != LEAT_OK)
		return LEAT_FAILED;
	return config_add_cred_take(c, cred, err);
}

enum leat_ret leat_config_add_cred_external_der(struct leat_config *c,
	const struct leat_span *certs, size_t num, leat_sign_fn *fn, void *arg,
	struct leat_err *err)
{
	const struct cred_signer signer = { fn, arg };
	struct cred *cred;

	if (config_may_set(c, err) != LEAT_OK ||
		cred_new_external_der(&cred, certs, num, signer, err) != LEAT_OK)
		return LEAT_FAILED;
	return config_add_cred_take(c, cred, err);
}

enum leat_ret leat_config_add_raw_key(struct leat_config *c, struct leat_span key_pem,
	struct leat_span password, struct leat_err *err)
{
	struct cred *cred;

	if (config_may_set(c, err) != LEAT_OK ||
		cred_new_raw(&cred, c->crypto, key_pem, password, err) != LEAT_OK)
		return LEAT_FAILED;
	return config_add_cred_take(c, cred, err);
}

enum leat_ret leat_config_add_peer_key(
	struct leat_config *c, struct leat_span key, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (c->num_peer_keys == CONFIG_MAX_KEYS)
		return err_option(
			err, "peer_key", NULL, "more than " LEAT_STR(CONFIG_MAX_KEYS) " keys");
	if (rawkey_read(&c->peer_keys[c->num_peer_keys], key, err) != LEAT_OK)
		return LEAT_FAILED;
	c->num_peer_keys++;
	return LEAT_OK;
}

enum leat_ret leat_config_set_ocsp(struct leat_config *c, size_t cred, size_t cert,
	struct leat_span response, struct leat_err *err)
{
	if (cred >= c->num_creds)
		return err_option(err, "ocsp", NULL, "there is no credential of that number");
	return cred_set_status(c->creds[cred], cert, response, err);
}

enum leat_ret leat_config_set_sct(
	struct leat_config *c, size_t cred, struct leat_span list, struct leat_err *err)
{
	if (cred >= c->num_creds)
		return err_option(err, "sct", NULL, "there is no credential of that number");
	return cred_set_sct(c->creds[cred], list, err);
}

void config_set_crls_take(struct leat_config *c, struct leat_crl_cache *crls)
{
	leat_crl_cache_unref(c->crls);
	c->crls = crls;
}

enum leat_ret leat_config_set_crl_cache(
	struct leat_config *cfg, struct leat_crl_cache *c, struct leat_err *err)
{
	if (config_may_set(cfg, err) != LEAT_OK)
		return LEAT_FAILED;
	config_set_crls_take(cfg, c ? leat_crl_cache_ref(c) : NULL);
	return LEAT_OK;
}

void config_set_trust_take(struct leat_config *c, struct store *s, bool of_system)
{
	store_unref(c->trust);
	c->trust = s;
	c->trust_of_system = of_system;
	c->trust_shared = of_system;
}

/* A shared store is copied before anything is added. */
static enum leat_ret own_trust(struct leat_config *c, struct leat_err *err)
{
	struct store *own;

	if (!c->trust_shared)
		return LEAT_OK;
	if (store_new(&own, err) != LEAT_OK)
		return LEAT_FAILED;
	if (store_add_all(own, c->trust, err) != LEAT_OK) {
		store_unref(own);
		return LEAT_FAILED;
	}
	config_set_trust_take(c, own, false);
	return LEAT_OK;
}

enum leat_ret config_add_trust_take(struct leat_config *c, struct store *s, struct leat_err *err)
{
	enum leat_ret ret;

	if (!c->trust || c->trust_of_system) {
		config_set_trust_take(c, s, false);
		c->trust_shared = true;
		return LEAT_OK;
	}
	ret = own_trust(c, err);
	if (ret == LEAT_OK)
		ret = store_add_all(c->trust, s, err);
	store_unref(s);
	return ret;
}

/* The store that own anchors go to: a shared one is never added to. */
static enum leat_ret open_trust(struct leat_config *c, struct store **out, struct leat_err *err)
{
	if (!c->trust || c->trust_of_system)
		return store_new(out, err);
	if (own_trust(c, err) != LEAT_OK)
		return LEAT_FAILED;
	*out = store_ref(c->trust);
	return LEAT_OK;
}

static void close_trust(struct leat_config *c, struct store *s, bool added)
{
	if (added && s != c->trust)
		config_set_trust_take(c, store_ref(s), false);
	store_unref(s);
}

enum leat_ret leat_config_add_trust(
	struct leat_config *c, struct leat_span pem, size_t *added, struct leat_err *err)
{
	enum leat_ret ret;
	struct store *s;

	if (added)
		*added = 0;
	if (config_may_set(c, err) != LEAT_OK || open_trust(c, &s, err) != LEAT_OK)
		return LEAT_FAILED;
	ret = store_add_pem(s, pem, added, err);
	close_trust(c, s, ret == LEAT_OK);
	return ret;
}

enum leat_ret leat_config_add_trust_der(
	struct leat_config *c, struct leat_span der, struct leat_err *err)
{
	enum leat_ret ret;
	struct store *s;

	if (config_may_set(c, err) != LEAT_OK || open_trust(c, &s, err) != LEAT_OK)
		return LEAT_FAILED;
	ret = store_add_der(s, der, err);
	close_trust(c, s, ret == LEAT_OK);
	return ret;
}

enum leat_ret leat_config_set_verify(
	struct leat_config *c, enum leat_verify v, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (v != LEAT_VERIFY_PEER && v != LEAT_VERIFY_NONE)
		return err_option(err, "verify", NULL, "neither verify_peer nor verify_none");
	c->verify = v;
	c->verify_set = true;
	return LEAT_OK;
}

/* The one member that changes in a frozen config. */
bool config_warn_once(const struct leat_config *c)
{
	struct leat_config *own = (struct leat_config *)(uintptr_t)c;

	return !atomic_exchange(&own->warned, true);
}

/* RFC 7301 3.1: opaque ProtocolName<1..2^8-1>; ProtocolName protocol_name_list<2..2^16-1> */
enum leat_ret leat_config_set_alpn(
	struct leat_config *c, const struct leat_span *names, size_t num, struct leat_err *err)
{
	const char *option = c->role == LEAT_CLIENT ? "alpn_advertised_protocols"
						    : "alpn_preferred_protocols";
	struct leat_wr w = { 0 };
	struct leat_span body;
	uint8_t *copy = NULL;

	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	for (size_t i = 0; i < num; i++) {
		if (names[i].n < 1 || names[i].n > LIM_ALPN_NAME) {
			leat_wr_clear(&w);
			err_option(err, option, NULL, "a protocol name has 1 to 255 bytes");
			err_detailf(err, "name %zu has %zu", i + 1, names[i].n);
			return LEAT_FAILED;
		}
		leat_wr_vec(&w, 1, names[i]);
	}
	body = leat_wr_done(&w);
	if (!leat_wr_ok(&w)) {
		leat_wr_clear(&w);
		return err_memory(err);
	}
	if (body.n > UINT16_MAX) {
		leat_wr_clear(&w);
		return err_option(err, option, NULL, "the list is longer than 65535 bytes");
	}
	if (body.n > 0)
		copy = leat_dup(body.p, body.n);
	leat_wr_clear(&w);
	if (body.n > 0 && !copy)
		return err_memory(err);
	leat_free((void *)c->alpn.p);
	c->alpn = (struct leat_span){ copy, body.n };
	return LEAT_OK;
}

enum leat_ret leat_config_set_records(
	struct leat_config *c, enum leat_dir dir, enum leat_records policy, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (dir != LEAT_RX && dir != LEAT_TX)
		return err_misuse(err, "config: neither direction");
	if (policy != LEAT_RECORDS_AUTO && policy != LEAT_RECORDS_KERNEL &&
		policy != LEAT_RECORDS_USER)
		return err_option(err, "records", NULL, "neither auto, kernel nor user");
	c->records[dir] = policy;
	return LEAT_OK;
}

enum leat_ret leat_config_set_record_padding(
	struct leat_config *c, leat_record_pad_fn *fn, void *arg, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	c->pad = fn;
	c->pad_arg = arg;
	return LEAT_OK;
}

enum leat_ret leat_config_set_key_log(
	struct leat_config *c, leat_key_log_fn *fn, void *arg, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	c->key_log = fn;
	c->key_log_arg = arg;
	return LEAT_OK;
}

static bool has_suite(const struct leat_config *c, unsigned version)
{
	for (unsigned i = 0; i < c->suites.n; i++)
		if (c->suites.v[i]->version == version)
			return true;
	return false;
}

static bool has_scheme(const struct leat_config *c, const struct key *key, unsigned version)
{
	for (unsigned i = 0; i < c->schemes.n; i++)
		if (key_fits(key, c->schemes.v[i], version))
			return true;
	return false;
}

/* A credential no handshake could use is a mistake to report now, not at the first connection. */
static bool cred_is_usable(const struct leat_config *c, const struct cred *cred)
{
	enum key_kind kind = key_kind(cred_key(cred));

	for (unsigned i = 0; i < c->suites.n; i++) {
		const struct suite *s = c->suites.v[i];

		if (s->version >= c->min_version && s->version <= c->max_version &&
			suite_fits_key(s, kind) && has_scheme(c, cred_key(cred), s->version))
			return true;
	}
	return false;
}

/* Keys both sides know authenticate both: certificates are then not needed. */
static bool has_psk(const struct leat_config *c)
{
	return c->num_psks || c->psk_lookup;
}

/* Raw public keys: nothing but the list of accepted ones speaks for them. */
static enum leat_ret check_raw(const struct leat_config *c, struct leat_err *err)
{
	bool client = c->role == LEAT_CLIENT;
	const struct cert_types *ours = client ? &c->client_types : &c->server_types;
	const struct cert_types *theirs = client ? &c->server_types : &c->client_types;
	const char *option = client ? "server_certificate_type" : "client_certificate_type";
	bool raw = cert_types_has(theirs, CERT_RAW_KEY);

	if (raw && !c->num_peer_keys && (c->verify == LEAT_VERIFY_PEER || c->post_auth))
		return err_option(err, option, "raw", "needs leat_config_add_peer_key");
	/* Given and then not looked at would be worse than a refusal. */
	if (c->num_peer_keys && !raw)
		return err_option(err, option, NULL, "accepted raw keys are given, but not raw");
	for (unsigned i = 0; i < c->num_creds; i++)
		if (cred_num(c->creds[i]) == 0 && !cert_types_has(ours, CERT_RAW_KEY))
			return err_option(err,
				client ? "client_certificate_type" : "server_certificate_type",
				NULL, "there is a key without a certificate, but not raw");
	return LEAT_OK;
}

static bool peer_shows_certs(const struct leat_config *c)
{
	return cert_types_has(
		c->role == LEAT_CLIENT ? &c->server_types : &c->client_types, CERT_X509);
}

/* Nobody could be believed: no anchors, and nobody to ask. */
static bool lacks_trust(const struct leat_config *c)
{
	return peer_shows_certs(c) && (!c->trust || store_num(c->trust) == 0) &&
	       !c->verify_fun.fn && !c->partial_chain;
}

/* Whoever sets one of these on a server that asks nobody for a certificate meant something else. */
static enum leat_ret check_asked_along(const struct leat_config *c, struct leat_err *err)
{
	static const char why[] = "asks along with a certificate, and no client is asked for one "
				  "without verify=verify_peer; what is sent is ocsp_file, sct_file";

	if (c->role == LEAT_CLIENT || c->verify == LEAT_VERIFY_PEER || c->post_auth)
		return LEAT_OK;
	if (c->staple != STAPLE_OFF)
		return err_option(err, "ocsp_stapling", NULL, why);
	return c->ask_sct ? err_option(err, "sct", NULL, why) : LEAT_OK;
}

/* Without a cache nobody would pass, or with best_effort everybody. */
static enum leat_ret check_crls(const struct leat_config *c, struct leat_err *err)
{
	if (c->crl_check == CRL_CHECK_OFF && c->crls)
		return err_option(err, "crl_check", "false",
			"there is a CRL cache, but nothing is checked: true, peer or best_effort");
	if (c->crl_check == CRL_CHECK_OFF || c->crls)
		return LEAT_OK;
	return err_option(err, "crl_check", NULL,
		"needs a place to find CRLs: crl_cache, or leat_config_set_crl_cache");
}

static enum leat_ret check_peer(const struct leat_config *c, struct leat_err *err)
{
	size_t names = 0;

	for (size_t i = 0; c->trust && i < store_num(c->trust); i++)
		names += 2 + store_subject(c->trust, i).n;
	if (c->role == LEAT_CLIENT && c->authorities && names > LIM_AUTHORITIES)
		return err_option(err, "certificate_authorities", "true",
			"the names of the trusted CAs are too many for a ClientHello");
	/* What is asked for later is verified, whatever is done in the handshake. */
	if (c->role == LEAT_SERVER && c->post_auth && lacks_trust(c))
		return err_option(err, "cacertfile", "", "post_handshake_auth needs trusted CAs");
	if (!c->fail_if_no_peer_cert)
		return LEAT_OK;
	if (c->verify != LEAT_VERIFY_PEER && !c->post_auth)
		return err_option(err, "fail_if_no_peer_cert", "true",
			"no client is asked for a certificate without verify=verify_peer");
	/* RFC 8446 4.3.2: a server that authenticates with a PSK MUST NOT ask for a certificate */
	if (has_psk(c) && c->verify == LEAT_VERIFY_PEER)
		return err_option(err, "fail_if_no_peer_cert", "true",
			"clients with a pre-shared key show no certificate");
	return LEAT_OK;
}

static enum leat_ret check_whole(const struct leat_config *c, struct leat_err *err)
{
	for (unsigned v = c->min_version; v <= c->max_version; v++)
		if (!has_suite(c, v))
			return err_option(err, "ciphers", leat_version_name(v),
				"an allowed version is left without a cipher suite");
	if (c->groups.n == 0)
		return err_option(err, "groups", NULL, "none is left");
	if (c->schemes.n == 0)
		return err_option(err, "signature_algs", NULL, "none is left");
	if (!config_has_identity(c))
		return err_option(err, "psk_identity", NULL,
			"no key of this identity was added, and there is no lookup function");
	if (check_peer(c, err) != LEAT_OK || check_raw(c, err) != LEAT_OK ||
		check_asked_along(c, err) != LEAT_OK || config_check_transport(c, err) != LEAT_OK ||
		check_crls(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (c->role == LEAT_SERVER && !c->touched)
		return err_option(err, "certfile", "", CONFIG_NO_OPTIONS);
	if (c->role == LEAT_SERVER && c->num_creds == 0 && !has_psk(c))
		return err_option(err, "certfile", "", "a server needs a certificate and its key");
	for (unsigned i = 0; i < c->num_creds; i++)
		if (!cred_is_usable(c, c->creds[i]))
			return err_option(err, "certfile",
				key_kind_name(key_kind(cred_key(c->creds[i]))),
				"no allowed cipher suite and signature algorithm fits its key");
	if (c->verify == LEAT_VERIFY_PEER && lacks_trust(c) && !has_psk(c))
		return err_option(err, "cacertfile", "", "verify_peer needs trusted CAs");
	if (c->sessions == SESSIONS_STATEFUL && !c->sessions_store)
		return err_option(
			err, "session_tickets", "stateful", "needs leat_config_set_session_store");
	if (c->sni && c->num_sni_hosts)
		return err_option(err, "sni_hosts", "leat_config_set_sni",
			"conflict: a list of names and a function for names; have one of them");
	return LEAT_OK;
}

/* The manual's cacertfile: what builds our own chain as well. RFC 8446 4.4.2: the root need not be sent. */
static enum leat_ret complete_chains(struct leat_config *c, struct leat_err *err)
{
	for (unsigned i = 0; c->trust && !c->trust_of_system && i < c->num_creds; i++)
		if (cred_complete(c->creds[i], c->trust, err) != LEAT_OK)
			return LEAT_FAILED;
	return LEAT_OK;
}

enum leat_ret leat_config_freeze(struct leat_config *c, struct leat_err *err)
{
	if (c->frozen)
		return LEAT_OK;
	preset_fill_suites(c);
	if (check_whole(c, err) != LEAT_OK || complete_chains(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (c->role == LEAT_SERVER && !c->ticket_keys &&
		(c->sessions == SESSIONS_STATELESS || c->cookie || c->always_retry) &&
		leat_ticket_keys_new(&c->ticket_keys, LEAT_TICKET_KEY_PERIOD_S,
			LEAT_TICKET_KEY_KEEP_S, err) != LEAT_OK)
		return LEAT_FAILED;
	config_bind(c);
	if (c->num_sni_hosts) {
		c->sni = config_find_host;
		c->sni_arg = c;
	}
	c->frozen = true;
	return LEAT_OK;
}

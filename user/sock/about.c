/* SPDX-License-Identifier: Apache-2.0
 *
 * about.c - leat/about.h: versions, suites, items of a connection, names of errors. All of it is read off tables and
 * objects that are elsewhere.
 */
#include <leat/about.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/option.h"
#include "crypto/aead.h"
#include "crypto/suite.h"
#include "sock/conn.h"

/* ---- leat ------------------------------------------------------------------------------------------- */

/* Is there a suite of this version that libcrypto has all parts of? */
static bool has_version(const struct crypto *c, uint16_t version)
{
	const struct suite *s;

	for (size_t i = 0; (s = suite_at(i)) != NULL; i++)
		if (s->version == version && crypto_has_aead(c, s->aead))
			return true;
	return false;
}

void leat_versions(struct leat_versions *out)
{
	static const uint16_t known[] = { LEAT_TLS13, LEAT_TLS12 };
	struct leat_err ignored = { 0 };
	struct crypto *c;
	size_t n = 0;

	*out = (struct leat_versions){ .leat = LEAT_VERSION_STRING };
	if (crypto_new(&c, &ignored) != LEAT_OK)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (has_version(c, known[i]))
			out->supported[n] = out->available[n] = known[i], n++;
	crypto_unref(c);
}

static const char *kex_name(const struct suite *s)
{
	switch (s->kx) {
	case KX_TLS13: return "any";
	case KX_ECDHE: return s->auth == AUTH_ECDSA ? "ecdhe_ecdsa" : "ecdhe_rsa";
	case KX_DHE: return "dhe_rsa";
	case KX_RSA: return "rsa";
	case KX_PSK: return "psk";
	case KX_DHE_PSK: return "dhe_psk";
	case KX_ECDHE_PSK: return "ecdhe_psk";
	default: return "unknown";
	}
}

static const char *cipher_name(enum aead_id id)
{
	static const char *const names[AEAD_COUNT] = {
		[AEAD_AES_128_GCM] = "aes_128_gcm",
		[AEAD_AES_256_GCM] = "aes_256_gcm",
		[AEAD_CHACHA20_POLY1305] = "chacha20_poly1305",
		[AEAD_AES_128_CCM] = "aes_128_ccm",
		[AEAD_AES_128_CCM_8] = "aes_128_ccm_8",
	};

	return names[id] ? names[id] : "unknown";
}

static struct leat_suite suite_facts(const struct suite *s)
{
	return (struct leat_suite){
		.id = s->id,
		.version = s->version,
		.name = s->name,
		.openssl_name = s->ossl_name,
		.kex = kex_name(s),
		.cipher = cipher_name(s->aead),
		.mac = "aead",
		.prf = s->hash == HASH_SHA384 ? "sha384" : "sha256",
		.is_default = s->by_default,
	};
}

enum leat_ret leat_suites(enum leat_suite_set which, struct leat_suite *out, size_t max,
	size_t *num, struct leat_err *err)
{
	struct crypto *crypto;
	const struct suite *s;

	*num = 0;
	if (which != LEAT_SUITES_DEFAULT && which != LEAT_SUITES_ALL)
		return err_misuse(err, "suites: no such set");
	if (crypto_new(&crypto, err) != LEAT_OK)
		return LEAT_FAILED;
	for (size_t i = 0; (s = suite_at(i)) != NULL; i++) {
		if (!crypto_has_aead(crypto, s->aead) ||
			(which == LEAT_SUITES_DEFAULT && !s->by_default))
			continue;
		if (*num < max)
			out[*num] = suite_facts(s);
		++*num;
	}
	crypto_unref(crypto);
	return LEAT_OK;
}

bool leat_suite_find(unsigned id, const char *name, struct leat_suite *out)
{
	const struct suite *s = name ? suite_by_name(name, strlen(name)) : suite_by_id(id);

	*out = s ? suite_facts(s) : (struct leat_suite){ .id = 0 };
	return s != NULL;
}

bool leat_suite_by_parts(const char *kex, const char *cipher, const char *mac, const char *prf,
	struct leat_suite *out)
{
	const struct suite *s;

	for (size_t i = 0; (s = suite_at(i)) != NULL; i++) {
		*out = suite_facts(s);
		if (strcmp(out->kex, kex) == 0 && strcmp(out->cipher, cipher) == 0 &&
			strcmp(out->mac, mac) == 0 && strcmp(out->prf, prf ? prf : "sha256") == 0)
			return true;
	}
	*out = (struct leat_suite){ .id = 0 };
	return false;
}

/* ---- items of a connection ---------------------------------------------------------------------------- */

static void show_text(const char *text, char *buf, size_t n)
{
	snprintf(buf, n, "%s", text ? text : "");
}

static void show_span(struct leat_span s, char *buf, size_t n)
{
	snprintf(buf, n, "%.*s", (int)s.n, s.n ? (const char *)s.p : "");
}

static void show_protocol(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->tls.version ? leat_version_name(i->tls.version) : NULL, buf, n);
}

static void show_suite(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->tls.suite_name, buf, n);
}

static void show_openssl_suite(const struct leat_conn_info *i, char *buf, size_t n)
{
	struct leat_suite s;

	show_text(leat_suite_find(i->tls.suite, NULL, &s) ? s.openssl_name : NULL, buf, n);
}

static void show_group(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->tls.group_name, buf, n);
}

static void show_signature(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->tls.scheme_name, buf, n);
}

static void show_sni(const struct leat_conn_info *i, char *buf, size_t n)
{
	/* as the manual has it: a name that nobody here serves is not reported */
	show_span(i->tls.sni_known ? i->tls.sni : (struct leat_span){ NULL, 0 }, buf, n);
}

static void show_alpn(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_span(i->tls.alpn, buf, n);
}

static void show_resumed(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->tls.resumed ? "true" : "false", buf, n);
}

static void show_rx(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->rx.backend, buf, n);
}

static void show_tx(const struct leat_conn_info *i, char *buf, size_t n)
{
	show_text(i->tx.backend, buf, n);
}

static const struct {
	const char *name;
	void (*show)(const struct leat_conn_info *i, char *buf, size_t n);
} items[] = {
	{ "protocol", show_protocol },
	{ "cipher_suite", show_suite },
	{ "openssl_cipher_suite", show_openssl_suite },
	{ "group", show_group },
	{ "signature", show_signature },
	{ "sni_hostname", show_sni },
	{ "alpn", show_alpn },
	{ "resumed", show_resumed },
	{ "records_rx_in", show_rx },
	{ "records_tx_in", show_tx },
};

#define NUM_ITEMS (sizeof(items) / sizeof(items[0]))

static bool show_item(const struct leat_conn *c, const char *name, char *buf, size_t n)
{
	struct leat_conn_info info;

	for (size_t i = 0; i < NUM_ITEMS; i++)
		if (strcmp(items[i].name, name) == 0) {
			leat_conn_info(c, &info);
			items[i].show(&info, buf, n);
			return true;
		}
	return false;
}

static const struct option *shown_option(const struct leat_config *cfg, size_t i)
{
	const struct option *o;

	for (size_t at = 0; (o = option_at(at)) != NULL; at++)
		if (o->show && (o->roles & 1u << cfg->role) && i-- == 0)
			return o;
	return NULL;
}

enum leat_ret leat_conn_item(const struct leat_conn *c, const char *name, char *buf, size_t n)
{
	const struct leat_config *cfg = leat_engine_config(c->e);
	const struct option *o;

	if (n == 0)
		return LEAT_UNSUPPORTED;
	buf[0] = '\0';
	if (!show_item(c, name, buf, n)) {
		o = option_find(name, 1u << cfg->role);
		if (o && o->show)
			o->show(cfg, o, buf, n);
	}
	return buf[0] ? LEAT_OK : LEAT_UNSUPPORTED;
}

const char *leat_conn_item_name(const struct leat_conn *c, size_t i)
{
	const struct option *o;

	if (i < NUM_ITEMS)
		return items[i].name;
	o = shown_option(leat_engine_config(c->e), i - NUM_ITEMS);
	return o ? o->name : NULL;
}

static enum leat_ret absent(struct leat_err *err, const char *what)
{
	return err_raise(err, LEAT_E_ABSENT, 0, 0, LEAT_HERE, what);
}

enum leat_ret leat_negotiated_protocol(
	const struct leat_conn *c, struct leat_span *out, struct leat_err *err)
{
	struct leat_engine_info info;

	leat_engine_info(c->e, &info);
	*out = info.alpn;
	return out->n ? LEAT_OK
		      : absent(err, "protocol_not_negotiated: the two sides agreed on none");
}

enum leat_ret leat_peercert(const struct leat_conn *c, struct leat_span *out, struct leat_err *err)
{
	*out = leat_engine_peer_cert(c->e, 0);
	return out->n ? LEAT_OK : absent(err, "no_peercert: the peer showed no certificate");
}

/* ---- errors ---------------------------------------------------------------------------------------------- */

static void posix_name(int sys, char *buf, size_t n)
{
	const char *name = sys ? strerrorname_np(sys) : NULL;

	snprintf(buf, n, "%s", name ? name : "error");
	for (char *p = buf; n && *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static bool is_conflict(const struct leat_err *err)
{
	return err->what && strncmp(err->what, "conflict:", 9) == 0;
}

/* The code before the colon. */
static void code_of(const char *what, char *buf, size_t n)
{
	snprintf(buf, n, "%.*s", what ? (int)strcspn(what, ":") : 0, what ? what : "");
}

static void option_name(const struct leat_err *err, char *buf, size_t n)
{
	if (err->what && strcmp(err->what, CONFIG_NO_OPTIONS) == 0)
		code_of(err->what, buf, n);
	else
		snprintf(buf, n, "%s", is_conflict(err) ? "conflict_options" : "options");
}

const char *leat_err_name(const struct leat_err *err, char *buf, size_t n)
{
	static const char too_long[] = "packet: too long";

	switch (err->cls) {
	case LEAT_E_NONE: snprintf(buf, n, "ok"); break;
	case LEAT_E_PEER_ALERT:
	case LEAT_E_OUR_ALERT: snprintf(buf, n, "tls_alert %s", leat_alert_name(err->alert)); break;
	case LEAT_E_OPTION: option_name(err, buf, n); break;
	case LEAT_E_FILE:
	case LEAT_E_SOCKOPT: snprintf(buf, n, "options"); break;
	case LEAT_E_CLOSED: snprintf(buf, n, "closed"); break;
	case LEAT_E_TIMEOUT: snprintf(buf, n, "timeout"); break;
	case LEAT_E_MEMORY: snprintf(buf, n, "enomem"); break;
	case LEAT_E_PACKET:
		snprintf(buf, n, "%s",
			err->what && strncmp(err->what, too_long, sizeof(too_long) - 1) == 0
				? "packet_to_large"
				: "invalid_packet");
		break;
	case LEAT_E_ABSENT: code_of(err->what, buf, n); break;
	default: posix_name(err->sys, buf, n); break;
	}
	return buf;
}

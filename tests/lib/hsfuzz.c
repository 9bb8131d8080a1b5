/* SPDX-License-Identifier: Apache-2.0
 *
 * hsfuzz.c - see hsfuzz.h. Whatever comes, the machine must end in a defined state: alive, or dead for
 * good with a reason; its own invariants are asserted at every step.
 */
#include "hsfuzz.h"

#include "base/rd.h"
#include "ocsp.h"
#include "pki.h"
#include "session/antireplay.h"
#include "session/session.h"
#include "session/store.h"
#include "session/ticket.h"

static struct leat_config *configs[2][HSFUZZ_COUNT];

struct side {
	enum hs_level level; /* read level the machine asked for */
	struct leat_wr sent;
};

static enum leat_ret sink_send(void *arg, struct leat_span msg)
{
	(void)arg;
	if (msg.n < 4 || msg.n - 4 != (size_t)(msg.p[1] << 16 | msg.p[2] << 8 | msg.p[3]))
		abort();
	return LEAT_OK;
}

static enum leat_ret sink_ccs(void *arg)
{
	(void)arg;
	return LEAT_OK;
}

static enum leat_ret sink_keys(void *arg, enum leat_dir dir, enum hs_level level,
	const struct traffic_keys *keys, const struct leat_secret *secret)
{
	struct side *s = arg;

	(void)secret;
	if (keys && keys->aead == AEAD_NONE)
		abort();
	if (dir == LEAT_RX) {
		if (level < s->level)
			abort(); /* levels only rise */
		s->level = level;
	}
	return LEAT_OK;
}

static void sink_version(void *arg, uint16_t version)
{
	(void)arg;
	if (version != LEAT_TLS12 && version != LEAT_TLS13)
		abort();
}

static void sink_session(void *arg, struct leat_session *s)
{
	(void)arg;
	if (session_data(s)->version != LEAT_TLS12 || !session_data(s)->ems)
		abort();
	leat_session_unref(s);
}

static int64_t env_now(void *arg)
{
	(void)arg;
	return PKI_NOW;
}

static void env_random(void *arg, void *buf, size_t n)
{
	(void)arg;
	memset(buf, HSFUZZ_RANDOM, n);
}

static const struct leat_env env = { env_now, env_random, NULL };
static const uint8_t session_id[32] = { 4 };

#define MAX_EARLY 1000
/* ECDHE_PSK, DHE_PSK, PSK, and one for the server's certificate */
#define PSK12_SUITES                                                                 \
	"TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256,TLS_DHE_PSK_WITH_AES_128_GCM_SHA256," \
	"TLS_PSK_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"

/* What a config of each number adds, by role: names and values. */
static const struct recipe {
	const char *versions;
	const char *options[2][7];
} recipes[HSFUZZ_COUNT] = {
	[HSFUZZ_STORED] = { "tlsv1.2", { { "session_tickets", "manual" } } },
	[HSFUZZ_TICKETS] = { "tlsv1.2",
		{ { "session_tickets", "manual" }, { "session_tickets", "stateless" } } },
	[HSFUZZ_TICKET12] = { "tlsv1.2", { { "session_tickets", "manual" } } },
	[HSFUZZ_TICKET13] = { "tlsv1.3", { { "session_tickets", "manual" } } },
	[HSFUZZ_EARLY] = { "tlsv1.3", { { "session_tickets", "manual" } } },
	[HSFUZZ_PSK12] = { "tlsv1.2",
		{ { "ciphers", PSK12_SUITES }, { "ciphers", PSK12_SUITES } } },
	[HSFUZZ_DHE] = { "tlsv1.2", { { "ciphers", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256" } } },
	[HSFUZZ_PSK13] = { "tlsv1.3",
		{ { "psk_modes", "psk_dhe_ke,psk_ke" }, { "psk_modes", "psk_dhe_ke,psk_ke" } } },
	[HSFUZZ_COOKIE] = { "tlsv1.3", { { NULL }, { "cookie", "true", "groups", "secp384r1" } } },
	[HSFUZZ_ATTACHED] = { "tlsv1.3,tlsv1.2",
		{ { "ocsp_stapling", "true", "sct", "true", "cert_compression", "zlib" },
			{ "cert_compression", "zlib" } } },
	[HSFUZZ_CLIENT_ATTACHED] = { "tlsv1.3",
		{ { "cert_compression", "zlib" },
			{ "ocsp_stapling", "true", "sct", "true", "cert_compression", "zlib" } } },
};

/* The session of this number as this side knows it. */
static struct session_data session_of(const struct leat_config *c, unsigned number)
{
	bool is13 = number == HSFUZZ_TICKET13 || number == HSFUZZ_EARLY;
	struct session_data d = {
		.version = is13 ? LEAT_TLS13 : LEAT_TLS12,
		.suite = suite_by_id(is13 ? 0x1301 : 0xc02b),
		.ems = !is13,
		.secret = { .n = is13 ? 32 : 48 },
		.issued_s = PKI_NOW,
		.auth_s = PKI_NOW,
		.lifetime_s = 86400,
		.max_early = number == HSFUZZ_EARLY ? MAX_EARLY : 0,
		.bind = { c->bind, sizeof(c->bind) },
		.host = { (const uint8_t *)"localhost", 9 },
		.alpn = { (const uint8_t *)"h2", 2 },
	};

	if (number == HSFUZZ_STORED)
		d.id = (struct leat_span){ session_id, sizeof(session_id) };
	return d;
}

static void must(enum leat_ret r, const struct leat_err *err)
{
	char text[256];

	if (r == LEAT_OK)
		return;
	fprintf(stderr, "hsfuzz: %s\n", leat_strerror(err, text, sizeof(text)));
	abort();
}

/* The same key in every run: made of the environment's random bytes. */
static struct leat_ticket_keys *ticket_keys(void)
{
	static struct leat_ticket_keys *k;
	struct leat_err err = { 0 };

	if (!k) {
		must(leat_ticket_keys_new(&k, 86400, 86400, &err), &err);
		must(leat_ticket_keys_rotate(k, &env), &err);
	}
	return k;
}

struct leat_session *hsfuzz_session(const struct leat_config *client, unsigned number)
{
	struct session_data d = session_of(client, number);
	struct leat_wr ticket = { 0 };
	struct leat_err err = { 0 };
	struct leat_session *s;

	if (number != HSFUZZ_STORED && number != HSFUZZ_TICKET12 && number != HSFUZZ_TICKET13 &&
		number != HSFUZZ_EARLY)
		return NULL;
	if (number != HSFUZZ_STORED) {
		must(ticket_seal(ticket_keys(), client->crypto, &env, &d, &ticket, &err), &err);
		d.ticket = leat_wr_done(&ticket);
	}
	must(session_new(&s, &d, &err), &err);
	leat_wr_clear(&ticket);
	return s;
}

/* One that was there all the time: an old start, so that early data is taken at once. */
static int64_t long_ago(void *arg)
{
	(void)arg;
	return PKI_NOW - 100;
}

static struct leat_antireplay *new_antireplay(void)
{
	const struct leat_env old = { long_ago, env_random, NULL };
	struct leat_antireplay *a;
	struct leat_err err = { 0 };

	must(leat_antireplay_new(&a, 10, 10, &old, NULL, &err), &err);
	return a;
}

/* A response and SCTs for the config's certificate. */
static void attach_to(struct leat_config *c, const struct pki_ident *id)
{
	struct ocsp_spec spec = ocsp_good(id->leaf, id->inter);
	struct leat_err err = { 0 };

	must(leat_config_set_ocsp(c, 0, 0, ocsp_make(&spec), &err), &err);
	must(leat_config_set_sct(c, 0, vec_hex("0006 0004 01020304"), &err), &err);
}

static void set_up_server(struct leat_config *c, unsigned number)
{
	struct leat_antireplay *a = NULL;
	struct leat_err err = { 0 };

	must(leat_config_set_ticket_keys(c, ticket_keys(), &err), &err);
	if (number == HSFUZZ_EARLY) {
		a = new_antireplay();
		must(leat_config_set_early_data(c, MAX_EARLY, a, &err), &err);
		leat_antireplay_unref(a);
	}
	if (number == HSFUZZ_ATTACHED)
		attach_to(c, pki_server(KEY_EC_P256));
	if (number == HSFUZZ_CLIENT_ATTACHED)
		pair_ask(NULL, c);
}

static void set_up_client(struct leat_config *c, unsigned number)
{
	if (number != HSFUZZ_CLIENT_ATTACHED)
		return;
	pair_ask(c, NULL);
	attach_to(c, pki_client(KEY_EC_P256));
}

static void set_up_store(struct leat_config *c)
{
	struct session_data d = session_of(c, HSFUZZ_STORED);
	struct leat_err err = { 0 };

	must(store_put(c->sessions_store, d.id, &d), &err);
}

struct leat_config *hsfuzz_config(
	enum leat_role role, unsigned number, const char *option, const char *value)
{
	const struct recipe *r = &recipes[number];
	struct leat_config *c = role == LEAT_CLIENT
					? pair_client_config()
					: pair_server_config(
						  number == HSFUZZ_DHE ? KEY_RSA : KEY_EC_P256);
	struct leat_psk psk = { .identity = vec_str("me"),
		.secret = vec_str("sixteen bytes and a few more") };
	bool stored = number == HSFUZZ_STORED && role == LEAT_SERVER;
	struct leat_store *store = NULL;
	struct leat_err err = { 0 };

	if (number == HSFUZZ_PSK12 || number == HSFUZZ_PSK13)
		must(leat_config_add_psk(c, &psk, &err), &err);
	pair_set(c, "versions", r->versions);
	pair_set(c, "alpn", "h2,http/1.1");
	for (int i = 0; r->options[role][i]; i += 2)
		pair_set(c, r->options[role][i], r->options[role][i + 1]);
	if (option)
		pair_set(c, option, value);
	if (role == LEAT_SERVER) {
		pair_set(c, "session_tickets_amount", "0"); /* clients here are up and gone */
		set_up_server(c, number);
	} else {
		set_up_client(c, number);
	}
	if (stored) {
		must(leat_store_mem_new(&store, 10, NULL, &err), &err);
		must(leat_config_set_session_store(c, store, &err), &err);
		leat_store_unref(store);
	}
	must(leat_config_freeze(c, &err), &err);
	memset(c->bind, HSFUZZ_RANDOM, sizeof(c->bind));
	if (stored)
		set_up_store(c);
	return c;
}

static void need_configs(enum leat_role role)
{
	static const char *const versions[HSFUZZ_STORED] = { "tlsv1.3,tlsv1.2", "tlsv1.3",
		"tlsv1.2", "tlsv1.3,tlsv1.2", "tlsv1.3,tlsv1.2" };
	struct leat_err err = { 0 };

	for (unsigned i = HSFUZZ_STORED; i < HSFUZZ_COUNT && !configs[role][i]; i++)
		configs[role][i] = hsfuzz_config(role, i, NULL, NULL);
	for (int i = 0; i < HSFUZZ_STORED && !configs[role][i]; i++) {
		struct leat_config *c = role == LEAT_CLIENT ? pair_client_config()
							    : pair_server_config(KEY_EC_P256);

		pair_set(c, "versions", versions[i]);
		pair_set(c, "alpn", "h2,http/1.1");
		if (i == 3 && role == LEAT_SERVER)
			pair_set(c, "groups", "secp384r1"); /* asks for a retry */
		if (i == 4)
			pair_ask(role == LEAT_CLIENT ? c : NULL, role == LEAT_SERVER ? c : NULL);
		if (leat_config_freeze(c, &err) != LEAT_OK)
			abort();
		configs[role][i] = c;
	}
}

/* One record of the input; false when there is none left. */
static bool next_record(struct leat_rd *in, uint8_t *kind, struct leat_span *payload)
{
	uint16_t n = 0;

	if (!leat_rd_more(in))
		return false;
	leat_rd_u8(in, kind);
	leat_rd_u16(in, &n);
	if (!leat_rd_ok(in))
		return false;
	*payload = leat_rd_bytes(in, n < in->n ? n : in->n);
	return true;
}

/* The payload with a header of the right length before it. */
static struct leat_span with_header(uint8_t type, struct leat_span body, uint8_t **mem)
{
	*mem = malloc(4 + body.n);
	(*mem)[0] = type;
	(*mem)[1] = 0;
	(*mem)[2] = (uint8_t)(body.n >> 8);
	(*mem)[3] = (uint8_t)body.n;
	if (body.n)
		memcpy(*mem + 4, body.p, body.n);
	return (struct leat_span){ *mem, 4 + body.n };
}

static void after_up(struct hs *h, const struct leat_config *cfg, const struct hs_sink *sink,
	struct leat_rd *in, struct leat_err *err)
{
	struct hs_post post = { 0 };
	struct leat_span payload;
	uint8_t kind;

	hs_finish(h, &post);
	while (next_record(in, &kind, &payload)) {
		enum leat_ret r = hs_post_record(&post, cfg, sink, payload, err);

		while (r == LEAT_AGAIN && hs_post_machine(&post))
			r = hs_post_after_job(
				&post, cfg, sink, hs_job_run(hs_post_machine(&post)), err);
		if (r == LEAT_FAILED)
			break;
	}
	hs_post_clear(&post);
}

void hsfuzz_forget(struct leat_config *server)
{
	if (!server->antireplay)
		return;
	leat_antireplay_unref(server->antireplay);
	server->antireplay = new_antireplay();
}

/* Client: its session is offered. Server: it remembers nothing, in every run. */
static void prepare(struct hs *h, enum leat_role role, struct leat_config *cfg, unsigned number)
{
	struct leat_session *s = role == LEAT_CLIENT ? hsfuzz_session(cfg, number) : NULL;

	if (s)
		hs_offer(h, s, number == HSFUZZ_EARLY);
	leat_session_unref(s);
	if (role == LEAT_SERVER)
		hsfuzz_forget(cfg);
}

void hsfuzz_run(enum leat_role role, const uint8_t *data, size_t n)
{
	struct side side = { .level = LV_PLAIN };
	struct hs_sink sink = { .send = sink_send,
		.send_ccs = sink_ccs,
		.keys = sink_keys,
		.version = sink_version,
		.session = sink_session,
		.arg = &side };
	struct leat_rd in = { data, n, false };
	struct leat_err err = { 0 };
	struct leat_span payload;
	enum leat_ret r = LEAT_OK;
	struct leat_config *cfg;
	uint8_t pick = 0, kind;
	struct hs_facts facts;
	struct hs *h;

	need_configs(role);
	leat_rd_u8(&in, &pick);
	cfg = configs[role][pick % HSFUZZ_COUNT];
	if (hs_new(&h, cfg, role == LEAT_CLIENT ? "localhost" : NULL, &env, &sink, &err) != LEAT_OK)
		abort();
	prepare(h, role, cfg, pick % HSFUZZ_COUNT);
	if (hs_start(h) != LEAT_OK)
		abort();
	while (r == LEAT_OK && !hs_is_up(h) && next_record(&in, &kind, &payload)) {
		uint8_t *mem = NULL;
		enum hs_level level = side.level;

		if ((kind & 3) == 2)
			level = (enum hs_level)((kind >> 2) % LV_COUNT);
		if ((kind & 3) == 3)
			payload = with_header(kind >> 2, payload, &mem);
		r = hs_record(h, (kind & 3) == 1 ? REC_CCS : REC_HANDSHAKE, level, payload);
		while (r == LEAT_AGAIN && hs_job(h) != HS_JOB_NONE)
			r = hs_job_run(h);
		free(mem);
	}
	hs_facts(h, &facts);
	if (getenv("LEAT_FUZZ_SHOW")) /* to see how far a seed gets */
		fprintf(stderr, "%s%s %s\n", hs_state_name(h),
			facts.resumed        ? " resumed"
			: facts.external_psk ? " by PSK"
					     : "",
			err.what ? err.what : "");
	if (r == LEAT_FAILED && (err.cls == LEAT_E_NONE || !err.what || hs_is_up(h)))
		abort();
	if (r != LEAT_FAILED && err.cls != LEAT_E_NONE)
		abort();
	if (hs_is_up(h))
		after_up(h, cfg, &sink, &in, &err);
	hs_free(h);
}

/* ---- recording ---- */

bool hsfuzz_record(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct hsfuzz_rec *r = arg;

	(void)p;
	if (from != r->from)
		return true;
	leat_wr_u8(&r->out, u->type == REC_CCS ? 1 : 0);
	leat_wr_u16(&r->out, (uint16_t)u->n);
	leat_wr_bytes(&r->out, u->p, u->n);
	return true;
}

void hsfuzz_save(struct hsfuzz_rec *r, const char *dir, const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(r->out.p, 1, r->out.n, f), r->out.n);
	fclose(f);
	leat_wr_clear(&r->out);
}

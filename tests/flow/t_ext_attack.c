/* SPDX-License-Identifier: Apache-2.0
 *
 * t_ext_attack.c - every extension of the registry in every message that can carry extensions, in whole
 * handshakes: where it may not stand, unasked, twice, empty, too long, cut, and with a length that leads
 * out of the message. The attacks are made from ext_row(): a new row is attacked without a line here, and
 * whoever receives the message must refuse it at once, with the alert the RFC has for it.
 *
 * TIMEOUT: 300
 * REQ: F-ext-unique T-rn-04
 */
#include "hsfuzz.h"
#include "pair.h"

#include <openssl/pem.h>

#include "base/rd.h"
#include "pki.h"
#include "wire/ext.h"
#include "wire/hs_hdr.h"
#include "wire/server_hello.h"

/* ---- the block of extensions in a message ---- */

/* Where it stands: what precedes it in the message (its own length not), and what follows. */
struct block {
	enum ext_where where;
	size_t before; /* offset of its two length bytes */
	size_t n;      /* bytes of it, without those */
	size_t outer;  /* offset of a three-byte length around it, 0: none but the header's */
};

struct one {
	uint16_t id;
	struct leat_span body;
};

static size_t left(const struct leat_rd *in)
{
	struct leat_rd copy = *in;

	return leat_rd_rest(&copy).n;
}

static void pass_by(struct leat_rd *in, unsigned width)
{
	struct leat_rd sub;

	if (width == 1)
		leat_rd_vec8(in, &sub, 0, UINT8_MAX);
	else
		leat_rd_vec16(in, &sub, 0, UINT16_MAX);
}

/* false: the message has no such block. */
static bool find_block(const struct pair_unit *u, bool tls13, struct block *b)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ u->p, u->n }), sub;
	struct leat_span random;
	uint16_t skipped16;
	uint32_t n24;
	uint8_t type, skipped8;

	*b = (struct block){ 0 };
	leat_rd_u8(&in, &type);
	leat_rd_u24(&in, &n24);
	switch (type) {
	case MSG_CLIENT_HELLO:
	case MSG_SERVER_HELLO:
		leat_rd_u16(&in, &skipped16);
		random = leat_rd_bytes(&in, RANDOM_LEN);
		pass_by(&in, 1);
		if (type == MSG_CLIENT_HELLO) {
			pass_by(&in, 2);
			pass_by(&in, 1);
			b->where = EXT_IN_CH;
			break;
		}
		leat_rd_u16(&in, &skipped16);
		leat_rd_u8(&in, &skipped8);
		b->where = memcmp(random.p, retry_random, RANDOM_LEN) == 0 ? EXT_IN_HRR
			   : tls13                                         ? EXT_IN_SH
									   : EXT_IN_SH12;
		break;
	case MSG_ENCRYPTED_EXT: b->where = EXT_IN_EE; break;
	case MSG_CERT_REQUEST:
		if (!tls13)
			return false;
		pass_by(&in, 1);
		b->where = EXT_IN_CR;
		break;
	case MSG_CERT:
		if (!tls13)
			return false;
		pass_by(&in, 1);
		b->outer = u->n - left(&in);
		leat_rd_u24(&in, &n24);
		leat_rd_vec24(&in, &sub, 1, UINT32_MAX >> 8);
		b->where = EXT_IN_CT;
		break;
	default: return false;
	}
	b->before = u->n - left(&in);
	leat_rd_vec16(&in, &sub, 0, UINT16_MAX);
	b->n = left(&sub);
	return leat_rd_ok(&in);
}

static size_t split(const struct pair_unit *u, const struct block *b, struct one *out, size_t max)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ u->p + b->before + 2, b->n }), body;
	size_t num = 0;

	while (leat_rd_more(&in) && num < max) {
		leat_rd_u16(&in, &out[num].id);
		leat_rd_vec16(&in, &body, 0, UINT16_MAX);
		out[num++].body = leat_rd_rest(&body);
	}
	assert_true(leat_rd_ok(&in) && !leat_rd_more(&in));
	return num;
}

static void put(struct leat_wr *w, uint16_t id, struct leat_span body)
{
	leat_wr_u16(w, id);
	leat_wr_vec(w, 2, body);
}

/* The unit with another block; the lengths around it follow. */
static void put_block(struct pair_unit *u, const struct block *b, struct leat_span block)
{
	struct leat_wr w = { 0 };
	size_t header, outer = 0;

	leat_wr_u8(&w, u->p[0]);
	header = leat_wr_open(&w, 3);
	if (b->outer) {
		leat_wr_bytes(&w, u->p + HS_HDR_LEN, b->outer - HS_HDR_LEN);
		outer = leat_wr_open(&w, 3);
		leat_wr_bytes(&w, u->p + b->outer + 3, b->before - b->outer - 3);
	} else {
		leat_wr_bytes(&w, u->p + HS_HDR_LEN, b->before - HS_HDR_LEN);
	}
	leat_wr_vec(&w, 2, block);
	leat_wr_bytes(&w, u->p + b->before + 2 + b->n, u->n - b->before - 2 - b->n);
	if (b->outer)
		leat_wr_close(&w, outer, 3);
	leat_wr_close(&w, header, 3);
	assert_true(leat_wr_ok(&w));
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
}

/* ---- attacks ---- */

enum attack { NOTHING, ADDED, ADDED_TWICE, TWICE, EMPTY, LONGER, SHORTER, LEADS_OUT };

static struct {
	size_t at; /* the message that is attacked */
	enum attack what;
	size_t which; /* of its extensions */
	uint16_t id;  /* ADDED */
	struct leat_span body;
	/* found out on the way */
	size_t seen;
	bool hit;
	enum leat_role to;
	enum ext_where where;
	struct one ext[LIM_EXTENSIONS];
	size_t num;
} attack;

static void change(struct pair_unit *u, const struct block *b)
{
	struct leat_wr w = { 0 };

	for (size_t i = 0; i < attack.num; i++) {
		struct leat_span body = attack.ext[i].body;
		uint8_t copy[2048];
		bool this = i == attack.which;

		assert_in_range(body.n, 0, sizeof(copy) - 1);
		if (body.n)
			memcpy(copy, body.p, body.n);
		copy[body.n] = 0;
		body.p = copy;
		if (this && attack.what == EMPTY)
			body.n = 0;
		if (this && attack.what == LONGER)
			body.n++;
		if (this && attack.what == SHORTER)
			body.n--;
		/* before what must stand last */
		if (attack.what == ADDED && i + 1 == attack.num)
			put(&w, attack.id, attack.body);
		if (attack.what == ADDED_TWICE && (i == 0 || i + 1 == attack.num))
			put(&w, attack.id, attack.body);
		put(&w, attack.ext[i].id, body);
		if (this && attack.what == TWICE)
			put(&w, attack.ext[i].id, body);
	}
	if (attack.what == ADDED && attack.num == 0)
		put(&w, attack.id, attack.body);
	if (attack.what == LEADS_OUT) {
		leat_wr_u16(&w, attack.ext[attack.which].id);
		leat_wr_u16(&w, 0xffff);
	}
	assert_true(leat_wr_ok(&w));
	put_block(u, b, leat_wr_done(&w));
	leat_wr_clear(&w);
}

static bool on_unit(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct block b;

	(void)arg;
	if (u->type != REC_HANDSHAKE ||
		!find_block(u, p->side[LEAT_SERVER].version == LEAT_TLS13, &b))
		return true;
	if (attack.seen++ != attack.at)
		return true;
	attack.hit = true;
	attack.to = !from;
	attack.where = b.where;
	attack.num = split(u, &b, attack.ext, LIM_EXTENSIONS);
	if (attack.what == NOTHING) { /* the spans outlive the unit */
		for (size_t i = 0; i < attack.num; i++)
			attack.ext[i].body = vec_copy(attack.ext[i].body.p, attack.ext[i].body.n);
		return true;
	}
	change(u, &b);
	return true;
}

/* ---- one handshake under attack ---- */

/* Those behind FIRST_SPECIAL bring extensions that not every handshake has: of hsfuzz.h, or by an option of
 * both sides (or, by "client", of that one). They are attacked by what they carry only. */
static const struct kind {
	const char *name, *versions;
	bool retry, auth, attached;
	unsigned number; /* enum hsfuzz_config */
	const char *both[2], *client[2];
} kinds[] = {
	{ .name = "1.3", .versions = "tlsv1.3" },
	{ .name = "1.3 with a client certificate", .versions = "tlsv1.3", .auth = true },
	{ .name = "1.3, all asked along", .versions = "tlsv1.3", .auth = true, .attached = true },
	{ .name = "1.3 with HelloRetryRequest", .versions = "tlsv1.3", .retry = true },
	{ .name = "1.2", .versions = "tlsv1.2" },
	{ .name = "both versions" },
#define FIRST_SPECIAL 6
	{ .name = "1.2 ticket", .number = HSFUZZ_TICKET12 },
	{ .name = "1.2 new ticket", .number = HSFUZZ_TICKETS },
	{ .name = "1.3 early data", .number = HSFUZZ_EARLY },
	{ .name = "1.3 PSK", .number = HSFUZZ_PSK13 },
	{ .name = "1.3 cookie", .number = HSFUZZ_COOKIE },
	{ .name = "1.3 staple", .number = HSFUZZ_ATTACHED, .both = { "cert_compression", "none" } },
	{ .name = "1.3 packed", .number = HSFUZZ_ATTACHED },
	{ .name = "1.2 staple", .number = HSFUZZ_ATTACHED, .both = { "versions", "tlsv1.2" } },
	{ .name = "1.3 size", .versions = "tlsv1.3", .client = { "record_size_limit", "512" } },
	{ .name = "1.2 size", .versions = "tlsv1.2", .client = { "record_size_limit", "512" } },
	{ .name = "1.3 fragment",
		.versions = "tlsv1.3",
		.client = { "max_fragment_length", "512" } },
	{ .name = "1.2 fragment",
		.versions = "tlsv1.2",
		.client = { "max_fragment_length", "512" } },
	{ .name = "1.3 authorities",
		.versions = "tlsv1.3",
		.client = { "certificate_authorities", "true" } },
	{ .name = "1.3 certificate later",
		.versions = "tlsv1.3",
		.client = { "post_handshake_auth", "true" } },
	{ .name = "1.3 signatures in chains",
		.versions = "tlsv1.3",
		.auth = true,
		.both = { "signature_algs_cert", "ecdsa_secp256r1_sha256" } },
	{ .name = "1.3 raw keys",
		.versions = "tlsv1.3",
		.auth = true,
		.both = { "server_certificate_type", "raw,x509" },
		.client = { "client_certificate_type", "raw,x509" } },
	{ .name = "1.2 raw keys",
		.versions = "tlsv1.2",
		.auth = true,
		.both = { "server_certificate_type", "raw,x509" },
		.client = { "client_certificate_type", "raw,x509" } },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct leat_config *client[KINDS], *server[KINDS];

/* The public key of a certificate, PEM. */
static struct leat_span spki_of(const struct pki_ident *id)
{
	BIO *b = BIO_new(BIO_s_mem());
	struct leat_span pem;
	char *p;
	long n;

	assert_int_equal(PEM_write_bio_PUBKEY(b, made_evp_borrow(id->leaf)), 1);
	n = BIO_get_mem_data(b, &p);
	pem = vec_copy(p, (size_t)n);
	BIO_free(b);
	return pem;
}

/* Each side believes the other's bare key. */
static void know_keys(size_t k)
{
	struct leat_err err = { 0 };

	assert_int_equal(
		leat_config_add_peer_key(client[k], spki_of(pki_server(KEY_EC_P256)), &err),
		LEAT_OK);
	assert_int_equal(
		leat_config_add_peer_key(server[k], spki_of(pki_client(KEY_EC_P256)), &err),
		LEAT_OK);
	pair_set(server[k], kinds[k].client[0], kinds[k].client[1]);
}

static void make_configs(size_t k)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct leat_err err = { 0 };

	if (kinds[k].number) {
		client[k] = hsfuzz_config(
			LEAT_CLIENT, kinds[k].number, kinds[k].both[0], kinds[k].both[1]);
		server[k] = hsfuzz_config(
			LEAT_SERVER, kinds[k].number, kinds[k].both[0], kinds[k].both[1]);
		return;
	}
	client[k] = pair_client_config();
	server[k] = pair_server_config(KEY_EC_P256);
	if (kinds[k].versions)
		pair_set(client[k], "versions", kinds[k].versions);
	pair_set(client[k], "alpn", "h2,http/1.1");
	pair_set(server[k], "alpn", "http/1.1");
	if (kinds[k].retry)
		pair_set(server[k], "groups", "secp384r1");
	if (kinds[k].both[0]) {
		pair_set(client[k], kinds[k].both[0], kinds[k].both[1]);
		pair_set(server[k], kinds[k].both[0], kinds[k].both[1]);
	}
	if (kinds[k].client[0])
		pair_set(client[k], kinds[k].client[0], kinds[k].client[1]);
	if (kinds[k].both[0] && kinds[k].client[0])
		know_keys(k);
	if (!kinds[k].auth)
		return;
	assert_int_equal(leat_config_add_cred(client[k], id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
	assert_int_equal(leat_config_add_trust(server[k], pki_root_pem(), NULL, &err), LEAT_OK);
	pair_set(server[k], "verify", "verify_peer");
	if (!kinds[k].attached)
		return;
	pair_set(server[k], "ocsp_stapling", "true");
	pair_set(server[k], "sct", "true");
	pair_set(server[k], "cert_compression", "zlib,zstd");
}

/* What became of it at the side that got the changed message: the alert it refused it with, 0: it took
 * it. -1: there is no such message. */
static int run(size_t k)
{
	enum leat_ret r = LEAT_OK;
	static struct pair pair;
	int got = -1;

	if (!client[k])
		make_configs(k);
	attack.seen = 0;
	attack.hit = false;
	memset(&pair, 0, sizeof(pair));
	if (kinds[k].number) {
		pair.offer = hsfuzz_session(client[k], kinds[k].number);
		pair.offer_early = kinds[k].number == HSFUZZ_EARLY;
		hsfuzz_forget(server[k]);
	}
	pair_init(&pair, leat_config_ref(client[k]), leat_config_ref(server[k]), NULL);
	pair.on_unit = on_unit;
	while (!attack.hit && r == LEAT_OK) {
		enum leat_role from = pair_peek(&pair, LEAT_CLIENT) ? LEAT_CLIENT : LEAT_SERVER;

		if (!pair_deliver(&pair, from, &r))
			break;
	}
	if (attack.hit) {
		got = r == LEAT_FAILED ? pair.side[attack.to].err.alert : 0;
		if (r == LEAT_FAILED)
			assert_int_equal(pair.side[attack.to].err.cls, LEAT_E_OUR_ALERT);
	}
	leat_session_unref(pair.offer);
	pair_clear(&pair);
	return got;
}

static const char *what_name(enum attack a)
{
	static const char *const names[] = { "nothing", "added", "added twice", "twice", "empty",
		"longer", "shorter", "leading out" };

	return names[a];
}

#define ILLEGAL LEAT_ALERT_ILLEGAL_PARAMETER
#define DECODE  LEAT_ALERT_DECODE_ERROR
#define UNASKED LEAT_ALERT_UNSUPPORTED_EXTENSION

static void must(size_t k, int got, unsigned id, int want, int or_want, int or_this)
{
	if (got != want && got != or_want && got != or_this)
		fail_msg("%s, message %zu, extension %u %s: %d", kinds[k].name, attack.at, id,
			what_name(attack.what), got);
}

/* Content that nobody looks into, so that any will do: in a ClientHello, what we have no decoder for. */
static bool is_any_content(unsigned id)
{
	return id == EXTID_PADDING || id == EXTID_TICKET;
}

/* RFC 8446 4.2: "If an implementation receives an extension which it recognizes and which is not specified
 * for the message in which it appears, it MUST abort the handshake with an "illegal_parameter" alert." */
static void where_it_may_not_stand(void **state)
{
	static const uint8_t bytes[] = { 0, 2, 0, 29, 0, 0 };
	size_t tried = 0;

	(void)state;
	for (size_t k = 0; k < FIRST_SPECIAL; k++)
		for (attack.at = 0;; attack.at++) {
			attack.what = NOTHING;
			if (run(k) < 0)
				break;
			for (unsigned e = 0; e < EXT_COUNT; e++) {
				const struct ext_row *row = ext_row((enum ext)e);

				if (row->where & attack.where)
					continue;
				attack.what = ADDED;
				attack.id = row->id;
				for (size_t n = 0; n < 7; n += 2) {
					attack.body = (struct leat_span){ bytes, n };
					must(k, run(k), row->id, ILLEGAL, ILLEGAL, ILLEGAL);
					tried++;
				}
				attack.what = NOTHING;
				(void)run(k); /* where of this message again */
			}
		}
	assert_true(tried > 500);
}

static uint64_t extensions_seen(void)
{
	uint64_t has = 0;

	for (size_t i = 0; i < attack.num; i++)
		if (ext_by_id(attack.ext[i].id) != EXT_COUNT)
			has |= EXT_BIT(ext_by_id(attack.ext[i].id));
	return has;
}

/* RFC 8446 4.2: "Implementations MUST NOT send extension responses if the remote endpoint did not send the
 * corresponding extension requests, with the exception of the "cookie" extension in the HelloRetryRequest.
 * Upon receiving such an extension, an endpoint MUST abort the handshake with an "unsupported_extension"
 * alert." Content that cannot be read may be noticed first. */
static void unasked(void **state)
{
	static const char *const bodies[] = { "", "01", "0000", "4000", "001d", "0002001d",
		"0003026832", "0000000100", "01000001aa", "001d0001aa", "0100", "0002aabb",
		"00030001aa" };
	size_t tried = 0, named = 0;

	(void)state;
	for (size_t k = 0; k < FIRST_SPECIAL; k++) {
		/* by whom; a client's Certificate answers the server's request */
		uint64_t asked_by[2] = { 0, 0 };

		for (attack.at = 0;; attack.at++) {
			uint64_t asked;

			attack.what = NOTHING;
			if (run(k) < 0)
				break;
			if (attack.where & (EXT_IN_CH | EXT_IN_CR)) {
				asked_by[!attack.to] |= extensions_seen();
				continue;
			}
			asked = asked_by[attack.to];
			for (unsigned e = 0; e < EXT_COUNT; e++) {
				const struct ext_row *row = ext_row((enum ext)e);
				enum ext_where where = attack.where;
				size_t before = named;

				if (!(row->where & where) || asked & EXT_BIT(e) ||
					(where == EXT_IN_HRR && e == EXT_COOKIE) ||
					/* the SCSV asks for it */
					e == EXT_RENEG)
					continue;
				attack.what = ADDED;
				attack.id = row->id;
				for (size_t n = 0; n < sizeof(bodies) / sizeof(bodies[0]); n++) {
					int got;

					attack.body = vec_hex(bodies[n]);
					got = run(k);
					must(k, got, row->id, UNASKED, DECODE, ILLEGAL);
					named += got == UNASKED;
					tried++;
				}
				/* with one of the contents it is read, and refused for the right reason */
				if (named == before)
					fail_msg("%s: extension %u never unsupported_extension",
						kinds[k].name, row->id);
				attack.what = NOTHING;
				(void)run(k);
			}
		}
	}
	assert_true(tried > 100 && named > 30);
}

static void an_unknown_one_in_an_answer(void **state)
{
	(void)state;
	for (size_t k = 0; k < FIRST_SPECIAL; k++)
		for (attack.at = 0;; attack.at++) {
			int got;

			attack.what = ADDED;
			attack.id = 0x1234;
			attack.body = (struct leat_span){ NULL, 0 };
			got = run(k);
			if (got < 0)
				break;
			if (attack.where & (EXT_IN_CH | EXT_IN_CR))
				must(k, got, 0x1234, 0, 0, 0);
			else
				must(k, got, 0x1234, UNASKED, UNASKED, UNASKED);
		}
}

/* Messages each extension was attacked in, where it stood by itself. */
static unsigned attacked[EXT_COUNT];

/* An extension that stands in this message is attacked in every way. A hello that is bound by a PSK's binder
 * or a cookie is another one afterwards, which may be noticed before its content is. */
static void attack_one(size_t k, size_t which, struct one had)
{
	bool any = is_any_content(had.id);
	int or_this = any ? 0 : DECODE;
	int got;

	attack.which = which;
	attack.what = TWICE;
	must(k, run(k), had.id, ILLEGAL, ILLEGAL, ILLEGAL);
	attack.what = LEADS_OUT;
	must(k, run(k), had.id, DECODE, DECODE, ILLEGAL);
	for (attack.what = EMPTY; attack.what <= SHORTER; attack.what++) {
		if (!had.body.n && attack.what != LONGER)
			continue;
		got = run(k);
		if (any && got == LEAT_ALERT_DECRYPT_ERROR)
			continue;
		must(k, got, had.id, DECODE, ILLEGAL, or_this);
	}
	if (ext_by_id(had.id) != EXT_COUNT)
		attacked[ext_by_id(had.id)] |= attack.where;
}

static void twice_empty_longer_shorter(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (attack.at = 0;; attack.at++) {
			struct one had[LIM_EXTENSIONS];
			size_t num;

			attack.what = NOTHING;
			if (run(k) < 0)
				break;
			num = attack.num;
			memcpy(had, attack.ext, num * sizeof(had[0]));
			for (size_t i = 0; i < num; i++)
				attack_one(k, i, had[i]);
		}
}

/* What never stands in a message by itself: legal there, but no side of ours says it in a handshake. */
static const struct {
	enum ext e;
	unsigned where;
} never_said[] = {
	/* not spoken */
	{ EXT_USE_SRTP, EXT_IN_CH | EXT_IN_EE | EXT_IN_SH12 },
	{ EXT_HEARTBEAT, EXT_IN_CH | EXT_IN_EE | EXT_IN_SH12 },
	{ EXT_SRP, EXT_IN_CH },
	{ EXT_OID_FILTERS, EXT_IN_CR },
	/* for CBC suites */
	{ EXT_ETM, EXT_IN_CH | EXT_IN_SH12 },
	/* our hellos are short */
	{ EXT_PADDING, EXT_IN_CH },
	/* for information only */
	{ EXT_GROUPS, EXT_IN_EE | EXT_IN_SH12 },
	/* after the handshake: tests/unit/t_wire_msgs.c */
	{ EXT_EARLY_DATA, EXT_IN_NST },
};

/* Each extension in each message that the table allows it in: a new row of ext.c, or a new column of one, is
 * attacked here or this fails. */
static void none_was_left_out(void **state)
{
	unsigned expected[EXT_COUNT] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(never_said) / sizeof(never_said[0]); i++)
		expected[never_said[i].e] |= never_said[i].where;
	for (unsigned e = 0; e < EXT_COUNT; e++) {
		const struct ext_row *row = ext_row((enum ext)e);

		if ((row->where & ~attacked[e]) != expected[e])
			fail_msg("%s: not attacked in %#x, expected %#x", row->name,
				row->where & ~attacked[e], expected[e]);
	}
}

/* And what no side of ours says, said twice in a hello, with whatever content. */
static void unsaid_twice(void **state)
{
	static const char *const bodies[] = { "", "01", "0000", "00020001", "0002000100" };

	(void)state;
	for (size_t i = 0; i < sizeof(never_said) / sizeof(never_said[0]); i++) {
		if (!(never_said[i].where & EXT_IN_CH))
			continue;
		for (size_t n = 0; n < sizeof(bodies) / sizeof(bodies[0]); n++) {
			attack.at = 0;
			attack.id = ext_row(never_said[i].e)->id;
			attack.body = vec_hex(bodies[n]);
			attack.what = ADDED_TWICE;
			must(0, run(0), attack.id, ILLEGAL, DECODE, ILLEGAL);
		}
	}
}

static int teardown(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		leat_config_unref(client[k]);
		leat_config_unref(server[k]);
	}
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_may_not_stand),
		cmocka_unit_test(unasked),
		cmocka_unit_test(an_unknown_one_in_an_answer),
		cmocka_unit_test(twice_empty_longer_shorter),
		cmocka_unit_test(none_was_left_out),
		cmocka_unit_test(unsaid_twice),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

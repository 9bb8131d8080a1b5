/* SPDX-License-Identifier: Apache-2.0
 *
 * t_hs_table.c - the tables of hs/ against the state machines of RFC 8446 appendix A, typed out here
 * from the RFC, edge by edge and in both directions; TLS 1.2 against figures 1 and 2 of RFC 5246 7.3 and
 * of RFC 5077 3.1, edge by edge and way by way. Also: docs/states.md is what the tables say.
 * LEAT_UPDATE=1 writes that file anew.
 *
 * REQ: F-13
 */
#include "vec.h"

#include "hs/hs_int.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))

/* One line of the drawings: receiving msg (NONE: no message) under K_recv leads from -> to. */
#define NONE 1000

struct edge {
	const char *from;
	unsigned msg;
	enum hs_level level;
	const char *to;
};

/* RFC 8446 A.1. Drawn without 0-RTT branches that only concern sending. */
static const struct edge a1[] = {
	{ "START", NONE, LV_PLAIN, "WAIT_SH" },             /* Send ClientHello */
	{ "WAIT_SH", MSG_SERVER_HELLO, LV_PLAIN, "START" }, /* Recv HelloRetryRequest */
	{ "WAIT_SH", MSG_SERVER_HELLO, LV_PLAIN, "WAIT_EE" },
	{ "WAIT_EE", MSG_ENCRYPTED_EXT, LV_HANDSHAKE, "WAIT_FINISHED" }, /* Using PSK */
	{ "WAIT_EE", MSG_ENCRYPTED_EXT, LV_HANDSHAKE, "WAIT_CERT_CR" },  /* Using certificate */
	{ "WAIT_CERT_CR", MSG_CERT, LV_HANDSHAKE, "WAIT_CV" },
	{ "WAIT_CERT_CR", MSG_CERT_REQUEST, LV_HANDSHAKE, "WAIT_CERT" },
	{ "WAIT_CERT", MSG_CERT, LV_HANDSHAKE, "WAIT_CV" },
	/* RFC 8879 4: CompressedCertificate "takes the place of" Certificate */
	{ "WAIT_CERT_CR", MSG_COMPRESSED_CERT, LV_HANDSHAKE, "WAIT_CV" },
	{ "WAIT_CERT", MSG_COMPRESSED_CERT, LV_HANDSHAKE, "WAIT_CV" },
	{ "WAIT_CV", MSG_CERT_VERIFY, LV_HANDSHAKE, "WAIT_FINISHED" },
	{ "WAIT_FINISHED", MSG_FINISHED, LV_HANDSHAKE, "CONNECTED" },
};

/* RFC 8446 A.2. */
static const struct edge a2[] = {
	{ "START", MSG_CLIENT_HELLO, LV_PLAIN, "RECVD_CH" },
	{ "RECVD_CH", NONE, LV_PLAIN, "START" }, /* Send HelloRetryRequest */
	{ "RECVD_CH", NONE, LV_PLAIN, "NEGOTIATED" },
	{ "NEGOTIATED", NONE, LV_PLAIN, "WAIT_FLIGHT2" }, /* No 0-RTT */
	{ "NEGOTIATED", NONE, LV_PLAIN, "WAIT_EOED" },    /* 0-RTT */
	{ "WAIT_EOED", MSG_END_EARLY, LV_EARLY, "WAIT_FLIGHT2" },
	{ "WAIT_FLIGHT2", NONE, LV_PLAIN, "WAIT_FINISHED" },      /* No auth */
	{ "WAIT_FLIGHT2", NONE, LV_PLAIN, "WAIT_CERT" },          /* Cert-based client auth */
	{ "WAIT_CERT", MSG_CERT, LV_HANDSHAKE, "WAIT_FINISHED" }, /* Recv empty Certificate */
	{ "WAIT_CERT", MSG_CERT, LV_HANDSHAKE, "WAIT_CV" },
	/* RFC 8879 3: compress_certificate "in the CertificateRequest message" */
	{ "WAIT_CERT", MSG_COMPRESSED_CERT, LV_HANDSHAKE, "WAIT_FINISHED" },
	{ "WAIT_CERT", MSG_COMPRESSED_CERT, LV_HANDSHAKE, "WAIT_CV" },
	{ "WAIT_CV", MSG_CERT_VERIFY, LV_HANDSHAKE, "WAIT_FINISHED" },
	{ "WAIT_FINISHED", MSG_FINISHED, LV_HANDSHAKE, "CONNECTED" },
};

/* RFC 5246 7.3 figure 1 for (EC)DHE with certificates, as the client hears it, and RFC 5077 3.3. */
static const struct edge c12[] = {
	{ "WAIT_CERT", MSG_CERT, LV_PLAIN, "WAIT_SKX" },
	/* RFC 6066 8: CertificateStatus "immediately after the Certificate message", or not at all */
	{ "WAIT_CERT", MSG_CERT, LV_PLAIN, "WAIT_STATUS" },
	{ "WAIT_STATUS", MSG_CERT_STATUS, LV_PLAIN, "WAIT_SKX" },
	{ "WAIT_STATUS", MSG_SERVER_KX, LV_PLAIN, "WAIT_CR_DONE" },
	{ "WAIT_SKX", MSG_SERVER_KX, LV_PLAIN, "WAIT_CR_DONE" },
	/* RFC 4279 2: no CertificateRequest; ServerKeyExchange may be left out */
	{ "WAIT_SKX_PSK", MSG_SERVER_KX, LV_PLAIN, "WAIT_DONE" },
	{ "WAIT_SKX_DONE", MSG_SERVER_KX, LV_PLAIN, "WAIT_DONE" },
	{ "WAIT_SKX_DONE", MSG_HELLO_DONE, LV_PLAIN, "WAIT_CCS" },
	{ "WAIT_CR_DONE", MSG_CERT_REQUEST, LV_PLAIN, "WAIT_DONE" },
	{ "WAIT_CR_DONE", MSG_HELLO_DONE, LV_PLAIN, "WAIT_CCS" },
	{ "WAIT_DONE", MSG_HELLO_DONE, LV_PLAIN, "WAIT_CCS" },
	{ "WAIT_CCS", MSG_SESSION_TICKET, LV_PLAIN, "WAIT_CCS" },
	{ "WAIT_CCS", HS_MSG_CCS, LV_PLAIN, "WAIT_FINISHED" },
	{ "WAIT_FINISHED", MSG_FINISHED, LV_APP, "CONNECTED" },
	/* 7.4.1.1: HelloRequest is ignored while negotiating */
	{ "WAIT_CERT", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_CERT" },
	{ "WAIT_STATUS", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_STATUS" },
	{ "WAIT_SKX", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_SKX" },
	{ "WAIT_SKX_PSK", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_SKX_PSK" },
	{ "WAIT_SKX_DONE", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_SKX_DONE" },
	{ "WAIT_CR_DONE", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_CR_DONE" },
	{ "WAIT_DONE", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_DONE" },
	{ "WAIT_CCS", MSG_HELLO_REQUEST, LV_PLAIN, "WAIT_CCS" },
};

/* The same as the server hears it; a client that showed a certificate signs behind its key exchange. */
static const struct edge s12[] = {
	{ "WAIT_CERT", MSG_CERT, LV_PLAIN, "WAIT_CKX" },
	{ "WAIT_CKX", MSG_CLIENT_KX, LV_PLAIN, "WAIT_CV" },
	{ "WAIT_CV", MSG_CERT_VERIFY, LV_PLAIN, "WAIT_CCS" },
	{ "WAIT_CKX", MSG_CLIENT_KX, LV_PLAIN, "WAIT_CCS" },
	{ "WAIT_CCS", HS_MSG_CCS, LV_PLAIN, "WAIT_FINISHED" },
	{ "WAIT_FINISHED", MSG_FINISHED, LV_APP, "CONNECTED" },
};

/* RFC 8446 4.6.2: the client "MUST respond with the appropriate Authentication messages": Certificate,
 * CertificateVerify, Finished, or "Certificate containing no certificates, followed by Finished". */
static const struct edge cp[] = {
	{ "WAIT_CR", MSG_CERT_REQUEST, LV_APP, "CONNECTED" },
};

static const struct edge sp[] = {
	{ "WAIT_CERT", MSG_CERT, LV_APP, "WAIT_CV" },
	{ "WAIT_CERT", MSG_CERT, LV_APP, "WAIT_FINISHED" },
	{ "WAIT_CERT", MSG_COMPRESSED_CERT, LV_APP, "WAIT_CV" },
	{ "WAIT_CERT", MSG_COMPRESSED_CERT, LV_APP, "WAIT_FINISHED" },
	{ "WAIT_CV", MSG_CERT_VERIFY, LV_APP, "WAIT_FINISHED" },
	{ "WAIT_FINISHED", MSG_FINISHED, LV_APP, "CONNECTED" },
};

/* A machine of the tables: which of our states belong to it, under which RFC name. */
struct machine {
	const struct hs_row *rows;
	const size_t *num_rows;
	const struct edge *edges;
	size_t num_edges;
	const char *prefix; /* of our state names */
};

static const struct machine machines[] = {
	{ client_rows, &num_client_rows, a1, NUM(a1), "C_" },
	{ server_rows, &num_server_rows, a2, NUM(a2), "S_" },
	{ v12_client_rows, &num_v12_client_rows, c12, NUM(c12), "C12_" },
	{ v12_server_rows, &num_v12_server_rows, s12, NUM(s12), "S12_" },
	{ post_client_rows, &num_post_client_rows, cp, NUM(cp), "CP_" },
	{ post_server_rows, &num_post_server_rows, sp, NUM(sp), "SP_" },
};

/* The RFC's name of one of our states in this machine; NULL: it belongs to another one. */
static const char *rfc_name(const struct machine *m, enum hs_state s)
{
	if (s == HS_UP)
		return "CONNECTED";
	/* A.1 goes back to START and sends ClientHello at once: waiting again is WAIT_SH. */
	if (s == C_WAIT_SH2 && m->edges == a1)
		return "WAIT_SH";
	if ((s == S_WAIT_CH || s == S_WAIT_CH2) && m->edges == a2)
		return "START";
	if (strncmp(state_name(s), m->prefix, strlen(m->prefix)) != 0)
		return NULL;
	return state_name(s) + strlen(m->prefix);
}

/* A state in which a message is awaited, or the end. */
static bool is_resting(const struct machine *m, const char *name)
{
	for (size_t i = 0; i < m->num_edges; i++)
		if (m->edges[i].msg != NONE && strcmp(m->edges[i].from, name) == 0)
			return true;
	return strcmp(name, "CONNECTED") == 0;
}

/* Can `to` be reached from `from` without receiving anything, stopping at resting states? */
static bool settles(const struct machine *m, const char *from, const char *to)
{
	if (is_resting(m, from))
		return strcmp(from, to) == 0;
	for (size_t i = 0; i < m->num_edges; i++)
		if (m->edges[i].msg == NONE && strcmp(m->edges[i].from, from) == 0 &&
			settles(m, m->edges[i].to, to))
			return true;
	return false;
}

static bool rfc_has(
	const struct machine *m, const char *from, unsigned msg, unsigned level, const char *to)
{
	for (size_t i = 0; i < m->num_edges; i++) {
		const struct edge *e = &m->edges[i];

		if (e->msg == msg && e->level == level && strcmp(e->from, from) == 0 &&
			settles(m, e->to, to))
			return true;
	}
	return false;
}

static bool table_has(
	const struct machine *m, const char *from, unsigned msg, unsigned level, const char *to)
{
	for (size_t i = 0; i < *m->num_rows; i++) {
		const struct hs_row *r = &m->rows[i];
		const char *in = rfc_name(m, (enum hs_state)r->in);

		if (!in || strcmp(in, from) != 0 || r->msg != msg || r->level != level)
			continue;
		for (int s = 0; s < HS_STATE_COUNT; s++) {
			const char *name = rfc_name(m, (enum hs_state)s);

			if ((r->may & HS_BIT(s)) && name && strcmp(name, to) == 0)
				return true;
		}
	}
	return false;
}

static void table_is_in_the_rfc(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t k = 0; k < NUM(machines); k++) {
		const struct machine *m = &machines[k];

		for (size_t i = 0; i < *m->num_rows; i++) {
			const struct hs_row *r = &m->rows[i];
			const char *in = rfc_name(m, (enum hs_state)r->in);

			for (int s = 0; in && s < HS_STATE_COUNT; s++) {
				const char *to = rfc_name(m, (enum hs_state)s);

				if (!(r->may & HS_BIT(s)) || !to)
					continue;
				seen++;
				if (!rfc_has(m, in, r->msg, r->level, to))
					fail_msg("%s -%s-> %s is not in the RFC", state_name(r->in),
						state_msg_name(r->msg), to);
			}
		}
	}
	assert_true(seen > 30);
}

static void rfc_is_in_the_table(void **state)
{
	(void)state;
	for (size_t k = 0; k < NUM(machines); k++) {
		const struct machine *m = &machines[k];

		for (size_t i = 0; i < m->num_edges; i++) {
			const struct edge *e = &m->edges[i];

			for (size_t j = 0; e->msg != NONE && j < m->num_edges; j++) {
				const char *to[] = { m->edges[j].from, m->edges[j].to };

				for (int t = 0; t < 2; t++)
					if (settles(m, e->to, to[t]) &&
						!table_has(m, e->from, e->msg, e->level, to[t]))
						fail_msg("%s -%s-> %s is missing", e->from,
							state_msg_name(e->msg), to[t]);
			}
		}
	}
}

/* ---- the flights of TLS 1.2 as the RFCs draw them ---- */

#define MAX_WAY 10

/* Every way through the tables from the first message to the end, as message numbers. A message that
 * leads back to its own state is taken once, HelloRequest (which may come anywhere) never. */
struct way {
	unsigned msg[MAX_WAY];
	size_t n;
};

/* RFC 5246 7.3 figures 1 and 2, RFC 5077 3.1 figures 1 and 2: what the client hears. */
static const struct way heard_by_client[] = {
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_SERVER_KX, MSG_HELLO_DONE, HS_MSG_CCS, MSG_FINISHED },
		6 },
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_SERVER_KX, MSG_CERT_REQUEST, MSG_HELLO_DONE, HS_MSG_CCS,
		  MSG_FINISHED },
		7 },
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_SERVER_KX, MSG_HELLO_DONE, MSG_SESSION_TICKET,
		  HS_MSG_CCS, MSG_FINISHED },
		7 },
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_SERVER_KX, MSG_CERT_REQUEST, MSG_HELLO_DONE,
		  MSG_SESSION_TICKET, HS_MSG_CCS, MSG_FINISHED },
		8 },
	/* RFC 6066 8: the same four with CertificateStatus "immediately after the Certificate message" */
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_CERT_STATUS, MSG_SERVER_KX, MSG_HELLO_DONE, HS_MSG_CCS,
		  MSG_FINISHED },
		7 },
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_CERT_STATUS, MSG_SERVER_KX, MSG_CERT_REQUEST,
		  MSG_HELLO_DONE, HS_MSG_CCS, MSG_FINISHED },
		8 },
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_CERT_STATUS, MSG_SERVER_KX, MSG_HELLO_DONE,
		  MSG_SESSION_TICKET, HS_MSG_CCS, MSG_FINISHED },
		8 },
	{ { MSG_SERVER_HELLO, MSG_CERT, MSG_CERT_STATUS, MSG_SERVER_KX, MSG_CERT_REQUEST,
		  MSG_HELLO_DONE, MSG_SESSION_TICKET, HS_MSG_CCS, MSG_FINISHED },
		9 },
	/* RFC 4279 2: PSK, with ServerKeyExchange and without */
	{ { MSG_SERVER_HELLO, MSG_SERVER_KX, MSG_HELLO_DONE, HS_MSG_CCS, MSG_FINISHED }, 5 },
	{ { MSG_SERVER_HELLO, MSG_SERVER_KX, MSG_HELLO_DONE, MSG_SESSION_TICKET, HS_MSG_CCS,
		  MSG_FINISHED },
		6 },
	{ { MSG_SERVER_HELLO, MSG_HELLO_DONE, HS_MSG_CCS, MSG_FINISHED }, 4 },
	{ { MSG_SERVER_HELLO, MSG_HELLO_DONE, MSG_SESSION_TICKET, HS_MSG_CCS, MSG_FINISHED }, 5 },
	/* figure 2 of both */
	{ { MSG_SERVER_HELLO, HS_MSG_CCS, MSG_FINISHED }, 3 },
	{ { MSG_SERVER_HELLO, MSG_SESSION_TICKET, HS_MSG_CCS, MSG_FINISHED }, 4 },
};

static const struct way heard_by_server[] = {
	{ { MSG_CLIENT_HELLO, MSG_CLIENT_KX, HS_MSG_CCS, MSG_FINISHED }, 4 },
	{ { MSG_CLIENT_HELLO, MSG_CERT, MSG_CLIENT_KX, HS_MSG_CCS, MSG_FINISHED }, 5 },
	{ { MSG_CLIENT_HELLO, MSG_CERT, MSG_CLIENT_KX, MSG_CERT_VERIFY, HS_MSG_CCS, MSG_FINISHED },
		6 },
	/* not drawn: after ClientKeyExchange the table does not know whether there was a certificate, its
	 * handler does (and t_order.c sees to it) */
	{ { MSG_CLIENT_HELLO, MSG_CLIENT_KX, MSG_CERT_VERIFY, HS_MSG_CCS, MSG_FINISHED }, 5 },
	{ { MSG_CLIENT_HELLO, HS_MSG_CCS, MSG_FINISHED }, 3 }, /* figure 2 */
};

struct walk {
	enum leat_role role;
	const struct way *drawn;
	size_t num_drawn;
	unsigned seen; /* bits: ways that were found */
};

static void arrive_up(struct walk *w, const struct way *at)
{
	for (size_t i = 0; i < w->num_drawn; i++)
		if (w->drawn[i].n == at->n &&
			memcmp(w->drawn[i].msg, at->msg, at->n * sizeof(at->msg[0])) == 0) {
			w->seen |= 1u << i;
			return;
		}
	for (size_t i = 0; i < at->n; i++)
		print_error("%s ", state_msg_name(at->msg[i]));
	fail_msg("- a way to the end that no RFC draws");
}

static void go_on(struct walk *w, enum hs_state s, const struct way *at)
{
	bool is12 = strncmp(state_name(s) + 1, "12_", 3) == 0;

	if (s == HS_UP) {
		arrive_up(w, at);
		return;
	}
	/* the first row is that of both versions, the others are those of TLS 1.2 */
	if (at->n && !is12)
		return;
	assert_true(at->n < MAX_WAY);
	for (unsigned msg = 0; msg <= HS_MSG_CCS; msg++) {
		const struct hs_row *row = state_row(w->role, s, msg);
		struct way next = *at;

		if (!row || msg == MSG_HELLO_REQUEST || (at->n && at->msg[at->n - 1] == msg))
			continue;
		next.msg[next.n++] = msg;
		for (int to = 0; to < HS_STATE_COUNT; to++)
			if (row->may & HS_BIT(to))
				go_on(w, (enum hs_state)to, &next);
	}
}

static void ways_are_those_of_the_figures(void **state)
{
	struct walk c = { LEAT_CLIENT, heard_by_client, NUM(heard_by_client), 0 };
	struct walk s = { LEAT_SERVER, heard_by_server, NUM(heard_by_server), 0 };
	const struct way none = { { 0 }, 0 };

	(void)state;
	go_on(&c, C_WAIT_SH, &none);
	go_on(&s, S_WAIT_CH, &none);
	assert_int_equal(c.seen, (1u << NUM(heard_by_client)) - 1);
	assert_int_equal(s.seen, (1u << NUM(heard_by_server)) - 1);
}

/* Only one HelloRetryRequest: what A.1 and A.2 do not draw but 4.1.4 says. */
static void retry_happens_once(void **state)
{
	(void)state;
	assert_false(state_row(LEAT_CLIENT, C_WAIT_SH2, MSG_SERVER_HELLO)->may &
		     (HS_BIT(C_WAIT_SH2) | HS_BIT(C_WAIT_SH) | HS_BIT(C12_WAIT_CERT) |
			     HS_BIT(C12_WAIT_CCS)));
	assert_false(state_row(LEAT_SERVER, S_WAIT_CH2, MSG_CLIENT_HELLO)->may &
		     (HS_BIT(S_WAIT_CH2) | HS_BIT(S12_WAIT_CKX) | HS_BIT(S12_WAIT_CCS) |
			     HS_BIT(S_WAIT_EOED)));
}

static void rows_are_sane(void **state)
{
	static const struct {
		const struct hs_row *rows;
		const size_t *num;
		enum leat_role role;
	} t[] = { { client_rows, &num_client_rows, LEAT_CLIENT },
		{ server_rows, &num_server_rows, LEAT_SERVER },
		{ v12_client_rows, &num_v12_client_rows, LEAT_CLIENT },
		{ v12_server_rows, &num_v12_server_rows, LEAT_SERVER },
		{ post_client_rows, &num_post_client_rows, LEAT_CLIENT },
		{ post_server_rows, &num_post_server_rows, LEAT_SERVER } };

	(void)state;
	for (size_t k = 0; k < NUM(t); k++) {
		for (size_t i = 0; i < *t[k].num; i++) {
			const struct hs_row *r = &t[k].rows[i];

			assert_non_null(r->on);
			assert_int_not_equal(r->may, 0);
			/* never back to the start, never on from the end, one row per pair */
			assert_int_equal(r->may & (HS_BIT(HS_START) | HS_BIT(HS_DEAD)), 0);
			assert_true(r->in != HS_UP && r->in != HS_DEAD && r->in != HS_START);
			assert_ptr_equal(r, state_row(t[k].role, r->in, r->msg));
			/* every successor has a way on */
			for (int s = 0; s < HS_UP; s++) {
				bool on = false;

				for (unsigned m = 0; m <= HS_MSG_CCS; m++)
					on = on || state_row(t[k].role, s, m);
				if (r->may & HS_BIT(s))
					assert_true(on);
			}
		}
	}
	for (int s = 0; s < HS_STATE_COUNT; s++)
		assert_non_null(state_name(s));
	assert_string_equal(state_name(HS_STATE_COUNT), "?");
}

/* ---- docs/states.md ---- */

static void write_table(FILE *f, const char *title, const struct hs_row *rows, size_t num)
{
	static const char *const levels[LV_COUNT] = { "cleartext", "early", "handshake",
		"application" };

	fprintf(f, "\n## %s\n\n| in state | message | under keys | leads to |\n", title);
	fprintf(f, "| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < num; i++) {
		const char *sep = "";

		fprintf(f, "| %s | %s | %s | ", state_name(rows[i].in), state_msg_name(rows[i].msg),
			levels[rows[i].level]);
		for (int s = 0; s < HS_STATE_COUNT; s++) {
			if (!(rows[i].may & HS_BIT(s)))
				continue;
			fprintf(f, "%s%s", sep, state_name(s));
			sep = ", ";
		}
		fprintf(f, " |\n");
	}
}

static void write_states(FILE *f)
{
	fprintf(f, "# States of the handshake\n\n");
	fprintf(f,
		"Owner: `user/hs/client_rows.c`, `user/hs/server_rows.c`, `user/hs/v12_rows.c`, "
		"`user/hs/post_rows.c`.\nThis page is generated from them by `tests/unit/t_hs_table.c` (run it with "
		"`LEAT_UPDATE=1`), which also\ncompares them with RFC 8446 appendix A.1 and A.2 "
		"and with RFC 5246 7.3. A message that has no row\nin the present state, or "
		"arrives under other keys, is refused with `unexpected_message`.\n`C_` client, "
		"`S_` server, `C12_` and `S12_` TLS 1.2, `CP_` and `SP_` one exchange after the "
		"handshake.\n");
	write_table(f, "Client", client_rows, num_client_rows);
	write_table(f, "Server", server_rows, num_server_rows);
	write_table(f, "Client, TLS 1.2", v12_client_rows, num_v12_client_rows);
	write_table(f, "Server, TLS 1.2", v12_server_rows, num_v12_server_rows);
	write_table(
		f, "Client, post-handshake authentication", post_client_rows, num_post_client_rows);
	write_table(
		f, "Server, post-handshake authentication", post_server_rows, num_post_server_rows);
}

static void states_page_is_current(void **state)
{
	static const char path[] = "docs/states.md";
	char *want = NULL, *have;
	size_t n = 0;
	FILE *f;

	(void)state;
	f = open_memstream(&want, &n);
	write_states(f);
	fclose(f);
	if (getenv("LEAT_UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(want, 1, n, f), n);
		fclose(f);
	}
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: not found; run from the top of the tree", path);
	have = calloc(1, n + 2);
	assert_int_equal(fread(have, 1, n + 1, f), n);
	assert_memory_equal(have, want, n);
	fclose(f);
	free(have);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_in_the_rfc),
		cmocka_unit_test(rfc_is_in_the_table),
		cmocka_unit_test(ways_are_those_of_the_figures),
		cmocka_unit_test(retry_happens_once),
		cmocka_unit_test(rows_are_sane),
		cmocka_unit_test(states_page_is_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

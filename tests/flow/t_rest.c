/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rest.c - an engine at rest: how little it is, that everything asked of it is answered as if it had never
 * rested, that waking without memory is an end with a reason, that counters against floods go on, and that the
 * secrets of the form that is left behind are wiped. decision 0079.
 */
#include "duo.h"
#include "earlykit.h"
#include "ids.h"
#include "pki.h"

#include <errno.h>
#include <malloc.h>

#include <leat/export.h>

#include "base/mem.h"
#include "engine/engine_int.h"
#include "wire/hs_hdr.h"

/* What the heap gives for blocks of 120, 88 and a few bytes, with its own 8 bytes for each of them. */
#define REST_MAX (128 + 96 + 32)

static struct leat_config *client, *server, *client12, *server12;

static int setup(void **state)
{
	(void)state;
	client = ids_config(
		LEAT_CLIENT, KEY_NONE, "session_tickets=manual", "versions=tlsv1.3", NULL);
	server = ids_config(LEAT_SERVER, KEY_EC_P256, "session_tickets=stateless", NULL);
	client12 = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", "keep_secrets=true", NULL);
	server12 = ids_config(
		LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", "keep_secrets=true", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(client);
	leat_config_unref(server);
	leat_config_unref(client12);
	leat_config_unref(server12);
	pki_done();
	vec_free_all();
	return 0;
}

static void up(struct duo *d, bool v12)
{
	duo_open(d, v12 ? client12 : client, v12 ? server12 : server, "localhost");
	assert_true(duo_run(d));
}

/* As when a kernel had taken both directions of a side. */
static void hand_over(struct leat_engine *e)
{
	assert_int_equal(leat_engine_export_ready(e, LEAT_RX), EXPORT_READY);
	leat_engine_export_commit(e, LEAT_RX, NULL);
	leat_engine_export_commit(e, LEAT_TX, NULL);
}

static void is_at_rest(const struct leat_engine *e)
{
	assert_null(e->w);
	assert_non_null(e->kept);
}

/* ---- how little ------------------------------------------------------------------------------ */

static size_t block(void *p)
{
	return p ? malloc_usable_size(p) + sizeof(size_t) : 0;
}

static void it_is_small(void **state)
{
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		struct leat_engine *e;

		up(&d, v12);
		e = d.side[LEAT_SERVER].e;
		hand_over(e); /* rests by itself */
		is_at_rest(e);
		assert_null(e->rec);
		assert_true(
			block(e) + block(e->kept) + block(e->names) <= REST_MAX + (v12 ? 96 : 0));
		duo_close(&d);
	}
}

/* User space keeps the record keys and nothing else; an engine that is up and idle does not rest unasked. */
static void user_records_rest_when_told(void **state)
{
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		struct leat_engine *e;

		up(&d, v12);
		e = d.side[LEAT_SERVER].e;
		assert_non_null(e->w);
		leat_engine_rest(e);
		is_at_rest(e);
		assert_non_null(e->rec);
		leat_engine_rest(e); /* twice does no harm */
		duo_say(&d, LEAT_CLIENT, "ping", 4);
		leat_engine_rest(e);
		duo_say(&d, LEAT_SERVER, "pong", 4);
		leat_engine_rest(e);
		is_at_rest(e);
		assert_int_equal(d.side[0].got.n, 4);
		assert_int_equal(d.side[1].got.n, 4);
		duo_close(&d);
	}
}

/* Keys change both ways, and tickets go out, between two rests. */
static void keys_change_after_a_rest(void **state)
{
	struct duo d;

	(void)state;
	up(&d, false);
	for (int i = 0; i < 6; i++) {
		struct duo_side *s = &d.side[i % 2];

		leat_engine_rest(d.side[0].e);
		leat_engine_rest(d.side[1].e);
		assert_int_equal(leat_engine_key_update(s->e, true), LEAT_OK);
		assert_int_equal(duo_pass(&d, (enum leat_role)(i % 2)), LEAT_OK);
		leat_engine_rest(s->e);
		assert_int_equal(duo_pass(&d, (enum leat_role) !(i % 2)), LEAT_OK);
		duo_say(&d, (enum leat_role)(i % 2), "after", 5);
	}
	leat_engine_rest(d.side[1].e);
	assert_int_equal(leat_engine_send_ticket(d.side[1].e), LEAT_OK);
	assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_OK);
	assert_true(leat_engine_wants(d.side[0].e) & LEAT_HAS_SESSION);
	duo_close(&d);
}

/* ---- what is asked of one at rest ------------------------------------------------------------ */

static const struct leat_exporter what = { .label = "EXPERIMENTAL rest" };

static void the_same_is_known(void **state)
{
	static const struct leat_seed seed[] = { { LEAT_SEED_CLIENT_RANDOM, { NULL, 0 } },
		{ LEAT_SEED_SERVER_RANDOM, { NULL, 0 } } };
	const struct leat_prf prf = { .label = "EXPERIMENTAL prf", .seed = seed, .num_seeds = 2 };
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++)
		for (int role = 0; role < 2; role++) {
			struct leat_engine_info in[2];
			struct leat_binding b[2];
			struct leat_err err = { 0 };
			uint8_t out[2][48] = { { 0 } }, random[2][48] = { { 0 } };
			struct leat_engine *e;

			up(&d, v12);
			e = d.side[role].e;
			for (int rested = 0; rested < 2; rested++) {
				if (rested) {
					leat_engine_rest(e);
					is_at_rest(e);
				}
				memset(&in[rested], 0, sizeof(in[rested]));
				leat_engine_info(e, &in[rested]);
				assert_int_equal(
					leat_engine_exporter(e, &what, out[rested], 48, &err),
					LEAT_OK);
				assert_int_equal(
					leat_engine_binding(e,
						v12 ? LEAT_BINDING_UNIQUE : LEAT_BINDING_EXPORTER,
						&b[rested], &err),
					LEAT_OK);
				assert_int_equal(leat_engine_prf(e, &prf, random[rested], 48, &err),
					v12 ? LEAT_OK : LEAT_UNSUPPORTED);
				err = (struct leat_err){ 0 };
			}
			assert_memory_equal(&in[0], &in[1], sizeof(in[0]));
			assert_memory_equal(out[0], out[1], 48);
			assert_memory_equal(random[0], random[1], 48);
			assert_memory_equal(&b[0], &b[1], sizeof(b[0]));
			is_at_rest(e); /* asking does not wake */
			duo_close(&d);
		}
}

static void nothing_waits(void **state)
{
	struct leat_span s;
	struct leat_job *j;
	struct duo d;
	uint8_t type;
	size_t n = 1;

	(void)state;
	for (int role = 0; role < 2; role++) {
		struct leat_engine *e;

		up(&d, false);
		e = d.side[role].e;
		hand_over(e);
		assert_int_equal(leat_engine_wants(e) & ~(unsigned)LEAT_HAS_SESSION, LEAT_IS_UP);
		assert_null(leat_engine_out(e, &n));
		assert_int_equal(n, 0);
		leat_engine_out_done(e, 100);
		leat_engine_data(e, &s);
		assert_int_equal(s.n, 0);
		leat_engine_early_data(e, &s);
		assert_int_equal(s.n, 0);
		assert_int_equal(leat_engine_left(e).n, 0);
		assert_int_equal(leat_engine_in_missing(e), 0);
		assert_null(leat_engine_in(e, &n));
		assert_int_equal(leat_engine_in_done(e, 0), LEAT_OK);
		assert_int_equal(leat_engine_data_done(e, 0), LEAT_OK);
		assert_int_equal(leat_engine_early_data_done(e, 0), LEAT_OK);
		assert_int_equal(leat_engine_job_take(e, &j), LEAT_UNSUPPORTED);
		assert_int_equal(leat_engine_job_run(e), LEAT_OK);
		assert_false(leat_engine_ctl(e, &type, &s));
		leat_engine_ctl_done(e);
		assert_int_equal(leat_engine_error(e)->cls, LEAT_E_NONE);
		assert_string_equal(leat_engine_state(e), "UP");
		assert_int_equal(leat_engine_saw_data(e), LEAT_OK);
		is_at_rest(e);
		duo_close(&d);
	}
}

/* Its close_notify and the peer's, then it rests again. */
static void it_closes(void **state)
{
	static const uint8_t notify[2] = { 1, LEAT_ALERT_CLOSE_NOTIFY };
	struct leat_span s;
	struct duo d;
	uint8_t type;

	(void)state;
	up(&d, false);
	hand_over(d.side[1].e);
	assert_int_equal(leat_engine_close(d.side[1].e), LEAT_OK);
	assert_true(leat_engine_ctl(d.side[1].e, &type, &s));
	assert_int_equal(type, REC_ALERT);
	assert_memory_equal(s.p, notify, 2);
	leat_engine_ctl_done(d.side[1].e);
	is_at_rest(d.side[1].e);
	assert_int_equal(
		leat_engine_control(d.side[1].e, REC_ALERT, (struct leat_span){ notify, 2 }, true),
		LEAT_OK);
	is_at_rest(d.side[1].e);
	assert_string_equal(leat_engine_state(d.side[1].e), "CLOSED");
	assert_int_equal(leat_engine_in_eof(d.side[1].e), LEAT_OK);
	duo_close(&d);
}

/* The secret of an early exporter stays reachable, and goes with the engine (the sanitizer build looks). */
static void early_exporters_stay(void **state)
{
	struct leat_err err = { 0 };
	struct leat_engine_opts o;
	struct early_set x;
	uint8_t out[2][32];
	struct duo d;
	size_t taken;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	assert_int_equal(leat_engine_write_early(d.side[0].e, "early", 5, &taken), LEAT_OK);
	assert_true(duo_run(&d));
	hand_over(d.side[1].e);
	is_at_rest(d.side[1].e);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			leat_engine_early_exporter(d.side[i].e, &what, out[i], 32, &err), LEAT_OK);
	assert_memory_equal(out[0], out[1], 32);
	assert_true(engine_wake(d.side[1].e));
	assert_int_equal(leat_engine_early_exporter(d.side[1].e, &what, out[0], 32, &err), LEAT_OK);
	assert_memory_equal(out[0], out[1], 32);
	leat_engine_rest(d.side[1].e);
	is_at_rest(d.side[1].e);
	duo_close(&d);
	early_tear_down(&x);
}

/* ---- what ends one at rest ------------------------------------------------------------------- */

static enum leat_ret do_close(struct leat_engine *e)
{
	return leat_engine_close(e);
}

static enum leat_ret do_control(struct leat_engine *e)
{
	static const uint8_t warning[2] = { 1, LEAT_ALERT_USER_CANCELED };

	return leat_engine_control(e, REC_ALERT, (struct leat_span){ warning, 2 }, true);
}

static enum leat_ret do_failed(struct leat_engine *e)
{
	return leat_engine_rx_failed(e, EBADMSG);
}

static enum leat_ret do_eof(struct leat_engine *e)
{
	return leat_engine_in_eof(e);
}

static enum leat_ret do_ticket(struct leat_engine *e)
{
	return leat_engine_send_ticket(e);
}

static const struct {
	const char *name;
	enum leat_ret (*fn)(struct leat_engine *e);
	enum leat_err_class cls; /* how it ends with memory */
} acts[] = {
	{ "close", do_close, LEAT_E_NONE },
	{ "control record", do_control, LEAT_E_NONE },
	{ "bad record", do_failed, LEAT_E_OUR_ALERT },
	{ "cut off", do_eof, LEAT_E_CLOSED },
	{ "ticket", do_ticket, LEAT_E_NONE },
};
#define NUM_ACTS (sizeof(acts) / sizeof(acts[0]))

/* Without memory to wake: dead, with that reason, whatever was asked; with it: as it should be. */
static void waking_without_memory(void **state)
{
	struct leat_span s;
	struct duo d;
	uint8_t type;

	(void)state;
	for (size_t i = 0; i < NUM_ACTS; i++)
		for (int fails = 0; fails < 2; fails++) {
			struct leat_engine *e;

			up(&d, false);
			e = d.side[LEAT_SERVER].e;
			hand_over(e);
			is_at_rest(e);
			leat_mem_fail_at(fails ? 1 : 0);
			assert_int_equal(
				acts[i].fn(e), fails || acts[i].cls ? LEAT_FAILED : LEAT_OK);
			leat_mem_fail_at(0);
			assert_int_equal(
				leat_engine_error(e)->cls, fails ? LEAT_E_MEMORY : acts[i].cls);
			if (fails) {
				assert_true(leat_engine_wants(e) & LEAT_IS_DEAD);
				assert_false(leat_engine_ctl(e, &type, &s));
				assert_int_equal(acts[i].fn(e), LEAT_FAILED);
				assert_int_equal(leat_engine_close(e), LEAT_FAILED);
				assert_int_equal(leat_engine_saw_data(e), LEAT_FAILED);
				assert_string_equal(leat_engine_state(e), "DEAD");
			}
			duo_close(&d);
		}
}

/* And in user space: the next read, the next write. */
static void user_space_wakes_without_memory(void **state)
{
	struct leat_err err = { 0 };
	struct traffic_keys keys;
	uint64_t seq;
	struct duo d;
	size_t n;

	(void)state;
	for (int act = 0; act < 3; act++) {
		struct leat_engine *e;

		up(&d, false);
		e = d.side[LEAT_SERVER].e;
		leat_engine_rest(e);
		leat_mem_fail_at(1);
		if (act == 0)
			assert_null(leat_engine_in(e, &n));
		else if (act == 1)
			assert_int_equal(leat_engine_write(e, "x", 1, &n), LEAT_FAILED);
		else
			assert_int_equal(leat_engine_export(e, LEAT_TX, &keys, &seq), LEAT_FAILED);
		leat_mem_fail_at(0);
		assert_true(leat_engine_wants(e) & LEAT_IS_DEAD);
		assert_int_equal(leat_engine_error(e)->cls, LEAT_E_MEMORY);
		assert_null(leat_engine_in(e, &n));
		assert_int_equal(
			leat_engine_exporter(e, &what, &seq, sizeof(seq), &err), LEAT_FAILED);
		duo_close(&d);
	}
}

/* No memory for the small form: it goes on working. */
static void resting_without_memory(void **state)
{
	struct duo d;

	(void)state;
	up(&d, false);
	leat_mem_fail_at(1);
	leat_engine_rest(d.side[1].e);
	leat_mem_fail_at(0);
	assert_non_null(d.side[1].e->w);
	duo_say(&d, LEAT_CLIENT, "still", 5);
	leat_mem_fail_at(1);
	hand_over(d.side[1].e);
	leat_mem_fail_at(0);
	assert_non_null(d.side[1].e->w);
	assert_int_equal(do_control(d.side[1].e), LEAT_OK);
	is_at_rest(d.side[1].e);
	duo_close(&d);
}

/* ---- floods ---------------------------------------------------------------------------------- */

/* A message of no use that the peer may send: a ticket to a client. */
static enum leat_ret ticket_in(struct leat_engine *e)
{
	static const uint8_t ticket[] = { MSG_SESSION_TICKET, 0, 0, 15, 0, 0, 0, 60, 1, 2, 3, 4, 1,
		0, 0, 1, 9, 0, 0 };

	return leat_engine_control(
		e, REC_HANDSHAKE, (struct leat_span){ ticket, sizeof(ticket) }, true);
}

/* LIM_POST_MESSAGES: rests between them do not start the count anew, data does. */
static void floods_are_counted_on(void **state)
{
	struct duo d;

	(void)state;
	up(&d, false);
	hand_over(d.side[0].e);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(leat_engine_saw_data(d.side[0].e), LEAT_OK);
		for (int i = 0; i < LIM_POST_MESSAGES; i++) {
			assert_int_equal(ticket_in(d.side[0].e), LEAT_OK);
			is_at_rest(d.side[0].e);
		}
	}
	assert_int_equal(ticket_in(d.side[0].e), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[0].e)->alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
	duo_close(&d);
}

static void warnings_are_counted_on(void **state)
{
	struct duo d;

	(void)state;
	up(&d, false);
	hand_over(d.side[1].e);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < LIM_WARN_ALERTS; i++)
			assert_int_equal(do_control(d.side[1].e), LEAT_OK);
		if (round == 0)
			assert_int_equal(leat_engine_saw_data(d.side[1].e), LEAT_OK);
	}
	is_at_rest(d.side[1].e);
	assert_int_equal(do_control(d.side[1].e), LEAT_FAILED);
	duo_close(&d);
}

/* Pieces of a record, or of a message, keep it awake. */
static void pieces_keep_it_awake(void **state)
{
	static const uint8_t update[5] = { MSG_KEY_UPDATE, 0, 0, 1, 0 };
	struct leat_engine *e;
	struct duo d;

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		up(&d, false);
		e = d.side[1].e;
		hand_over(e);
		assert_int_equal(leat_engine_control(
					 e, REC_HANDSHAKE, (struct leat_span){ update, 3 }, whole),
			LEAT_OK);
		assert_non_null(e->w);
		assert_int_equal(leat_engine_saw_data(e), LEAT_FAILED);
		duo_close(&d);
	}
}

/* ---- wiping ---------------------------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_FREE 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define OWN_FREE 0
#endif
#ifndef OWN_FREE
#define OWN_FREE 1
#endif

static uint8_t needle[32];
static size_t needle_n;
static unsigned num_found;

#if OWN_FREE
extern void __libc_free(void *p);

__attribute__((visibility("default"))) void free(void *p)
{
	if (p && needle_n && memmem(p, malloc_usable_size(p), needle, needle_n))
		num_found++;
	__libc_free(p);
}
#endif

static void need_own_free(void)
{
	if (OWN_FREE)
		return;
	print_message("freed blocks belong to the address sanitizer in this build\n");
	skip();
}

/* Each form is wiped when the other takes its place, and at the end. */
static void both_forms_are_wiped(void **state)
{
	struct duo d;

	(void)state;
	need_own_free();
	for (int role = 0; role < 2; role++) {
		struct leat_engine *e;

		up(&d, false);
		e = d.side[role].e;
		num_found = 0;
		memcpy(needle, e->w->post.exporter.b, sizeof(needle));
		needle_n = sizeof(needle);
		leat_engine_rest(d.side[!role].e); /* it has the same secret */
		for (int i = 0; i < 3; i++) {
			leat_engine_rest(e);
			is_at_rest(e);
			assert_true(engine_wake(e));
		}
		leat_engine_rest(e);
		duo_close(&d);
		needle_n = 0;
		assert_int_equal(num_found, 0);
	}
}

static void the_search_finds(void **state)
{
	/* the compiler believes that free() looks at nothing of ours */
	void (*volatile release)(void *) = free;
	volatile uint8_t *p;

	(void)state;
	need_own_free();
	p = malloc(64);
	num_found = 0;
	memset(needle, 0x5a, sizeof(needle));
	needle_n = sizeof(needle);
	for (int i = 0; i < 40; i++)
		p[i] = 0x5a;
	release((void *)p);
	needle_n = 0;
	assert_int_equal(num_found, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_small),
		cmocka_unit_test(user_records_rest_when_told),
		cmocka_unit_test(keys_change_after_a_rest),
		cmocka_unit_test(the_same_is_known),
		cmocka_unit_test(nothing_waits),
		cmocka_unit_test(it_closes),
		cmocka_unit_test(early_exporters_stay),
		cmocka_unit_test(waking_without_memory),
		cmocka_unit_test(user_space_wakes_without_memory),
		cmocka_unit_test(resting_without_memory),
		cmocka_unit_test(floods_are_counted_on),
		cmocka_unit_test(warnings_are_counted_on),
		cmocka_unit_test(pieces_keep_it_awake),
		cmocka_unit_test(both_forms_are_wiped),
		cmocka_unit_test(the_search_finds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

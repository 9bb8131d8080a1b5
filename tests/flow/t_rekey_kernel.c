/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rekey_kernel.c - KeyUpdate in directions that the kernel carries, where it changes keys (Linux 6.14 and later):
 * what may go wrong. tests/lib/fakesys.c is the kernel; that a real one obeys as well is tests/rec/t_backends.c
 * in tests/kernel with LEAT_KERNELS=new. Secrets stay in ktls/vault.c while the connection lives, and not longer.
 */
#include "fakesys.h"
#include "rig.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "duo.h"
#include "engine/engine_int.h"
#include "ktls/probe.h"
#include "ids.h"
#include "ktls/vault.h"
#include "pki.h"
#include "vec.h"

#define MS 5000

static const uint8_t update[] = { 24, 0, 0, 1, 0 }, request[] = { 24, 0, 0, 1, 1 };
static const struct leat_ktls_caps new_kernel = { .obstacle = KTLS_NONE };
static uint8_t text[40000], buf[65536];

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 13 + (i >> 8));
	leat_ktls_caps_override(&new_kernel);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_ktls_caps_override(NULL);
	pki_done();
	vec_free_all();
	return 0;
}

static void connect_as(struct rig *r, const char *version, const char *rx, const char *tx)
{
	struct rig_opts o = { LEAT_SERVER, version,
		strcmp(version, "tlsv1.2") == 0 ? "ECDHE-ECDSA-AES128-GCM-SHA256"
						: "TLS_AES_128_GCM_SHA256",
		rx, tx, &fakesys };

	fakesys_reset();
	fakesys_rekeys();
	rig_connect(r, &o);
}

static void peer_updates(struct rig *r, const uint8_t msg[5])
{
	rig_put(r, REC_HANDSHAKE, msg, 5, 0);
	rig_rekey(r, LEAT_TX);
}

static void expect_data(struct rig *r, size_t n)
{
	uint8_t type;

	assert_int_equal(rig_get(r, &type, buf), n);
	assert_int_equal(type, REC_DATA);
	assert_memory_equal(buf, text, n);
}

static void expect_update(struct rig *r)
{
	uint8_t type;

	assert_int_equal(rig_get(r, &type, buf), 5);
	assert_int_equal(type, REC_HANDSHAKE);
	assert_memory_equal(buf, update, 4);
	rig_rekey(r, LEAT_RX);
}

static void nothing_is_left(struct rig *r)
{
	rig_close(r);
	assert_int_equal(vault_num_taken(), 0);
}

/* ---- as it should be ------------------------------------------------------------------------- */

/* Again and again, both sides, asked and unasked; one slot for both directions, and the engine rests in between. */
static void many_generations(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	assert_int_equal(vault_num_taken(), 1);
	for (int i = 0; i < 200; i++) {
		assert_null(r.c->e->w);
		peer_updates(&r, i % 3 == 0 ? request : update);
		rig_put(&r, REC_DATA, text, 100, 0);
		rig_expect_recv(&r, text, 100);
		if (i % 5 == 0)
			assert_int_equal(leat_conn_key_update(r.c, false), LEAT_OK);
		assert_int_equal(leat_send(r.c, text, 50, MS, NULL), LEAT_OK);
		if (i % 3 == 0)
			expect_update(&r);
		if (i % 5 == 0)
			expect_update(&r);
		expect_data(&r, 50);
	}
	assert_int_equal(vault_num_taken(), 1);
	nothing_is_left(&r);
}

/* A request that was answered while user space wrote does not stand for those that come when the kernel does: data
 * may have gone out in between. RFC 8446 4.6.3 */
static void an_answer_of_before_counts_no_more(void **state)
{
	struct leat_config *client = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.3", NULL);
	struct leat_config *server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	struct leat_span p;
	struct duo d;
	uint8_t type;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_key_update(d.side[LEAT_CLIENT].e, true), LEAT_OK);
	assert_true(duo_run(&d));
	assert_int_equal(d.side[LEAT_SERVER].e->w->post.updates[LEAT_TX], 1);
	leat_engine_export_commit(d.side[LEAT_SERVER].e, LEAT_TX, vault_take);
	assert_int_equal(leat_engine_key_update(d.side[LEAT_CLIENT].e, true), LEAT_OK);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	assert_true(leat_engine_ctl(d.side[LEAT_SERVER].e, &type, &p));
	assert_int_equal(type, REC_HANDSHAKE);
	assert_memory_equal(p.p, update, sizeof(update));
	duo_close(&d);
	leat_config_unref(client);
	leat_config_unref(server);
}

/* Several answers wait in a full socket: each under the keys that the one before it brought. */
static void updates_wait_for_the_socket(void **state)
{
	struct rig r;
	uint8_t type;
	size_t got;

	(void)state;
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	fakesys_fail(FAKE_SENDMSG, 1, 3, EAGAIN);
	for (int i = 0; i < 3; i++) {
		peer_updates(&r, request);
		(void)!leat_recv(r.c, buf, 10, 0, &got);
	}
	assert_int_equal(leat_send(r.c, text, 50, MS, NULL), LEAT_OK);
	for (int i = 0; i < 3; i++)
		expect_update(&r);
	assert_int_equal(rig_get(&r, &type, buf), 50);
	nothing_is_left(&r);
}

/* Keys are changed before they have protected too much: a stream of any length goes on. */
static void keys_that_are_used_up_are_changed(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.3", "user", "kernel");
	r.c->ho.tx_limit = 10;
	r.c->ho.tx_left = 2 + REC_KEY_KEEP;
	for (int i = 0; i < 30; i++) {
		assert_int_equal(leat_send(r.c, text, 50, MS, NULL), LEAT_OK);
		if (i == 2 || (i > 2 && (i - 2) % 8 == 0))
			expect_update(&r);
		expect_data(&r, 50);
	}
	nothing_is_left(&r);
}

/* ---- as it was before ------------------------------------------------------------------------ */

static void tls12_has_none(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.2", "kernel", "kernel");
	assert_int_equal(vault_num_taken(), 0);
	assert_int_equal(leat_conn_key_update(r.c, false), LEAT_UNSUPPORTED);
	nothing_is_left(&r);
}

static void expect_planned_end(struct rig *r, const char *why)
{
	assert_string_equal(rig_recv_fails(r, LEAT_E_CLOSED)->what, why);
	(void)leat_close_timeout(r->c, 0, NULL);
	r->c = NULL;
	rig_expect_alert(r, LEAT_ALERT_CLOSE_NOTIFY);
	rig_expect_end(r);
}

/* No slot is left: like a kernel that cannot. */
static void without_a_slot(void **state)
{
	struct hs_slot **s = calloc(VAULT_SLOTS, sizeof(*s));
	struct rig r;

	(void)state;
	for (size_t i = 0; i < VAULT_SLOTS; i++)
		assert_non_null(s[i] = vault_take());
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	assert_int_equal(leat_conn_key_update(r.c, false), LEAT_UNSUPPORTED);
	peer_updates(&r, update);
	expect_planned_end(&r, "key_update: the kernel that reads the records cannot change keys");
	for (size_t i = 0; i < VAULT_SLOTS; i++)
		s[i]->put(s[i]);
	free(s);
	nothing_is_left(&r);
}

/* ---- what goes wrong -------------------------------------------------------------------------- */

static void the_kernel_takes_no_keys_to_read(void **state)
{
	static const int errors[] = { EBUSY, ENOMEM, EINVAL };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		connect_as(&r, "tlsv1.3", "kernel", "kernel");
		fakesys_fail(FAKE_RX, 1, 1, errors[i]);
		peer_updates(&r, update);
		rig_put(&r, REC_DATA, text, 100, 0);
		expect_planned_end(
			&r, "key_update: the kernel that carries this direction took no new keys");
		nothing_is_left(&r);
	}
}

/* The peer expects the next record under keys that the kernel has not got: not a byte more. */
static void the_kernel_takes_no_keys_to_write(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	fakesys_fail(FAKE_TX, 1, 1, ENOMEM);
	assert_int_equal(leat_conn_key_update(r.c, false), LEAT_OK);
	assert_int_equal(leat_send(r.c, text, 50, MS, NULL), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_CLOSED);
	assert_int_equal(leat_conn_error(r.c)->sys, ENOMEM);
	assert_int_equal(leat_send(r.c, text, 50, MS, NULL), LEAT_FAILED);
	expect_update(&r);
	(void)leat_close_timeout(r.c, 0, NULL);
	r.c = NULL;
	rig_expect_end(&r);
	nothing_is_left(&r);
}

/* What ends the connection comes while an answer and the keys behind it wait to be sent: the alert follows them, under
 * those keys. */
static void an_alert_behind_new_keys(void **state)
{
	static const uint8_t nonsense[] = { 99, 0, 0, 0 };
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	fakesys_fail(FAKE_SENDMSG, 1, 1, EAGAIN);
	peer_updates(&r, request);
	rig_put(&r, REC_HANDSHAKE, nonsense, sizeof(nonsense), 0);
	rig_recv_fails(&r, LEAT_E_OUR_ALERT);
	assert_false(leat_engine_wants(r.c->e) & LEAT_WANT_SEND);
	expect_update(&r);
	rig_expect_alert(&r, LEAT_ALERT_UNEXPECTED_MESSAGE);
	nothing_is_left(&r);
}

/* The same where the keys are refused: no alert, nothing that waits, and the first reason stays. */
static void an_alert_behind_refused_keys(void **state)
{
	static const uint8_t nonsense[] = { 99, 0, 0, 0 };
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	fakesys_fail(FAKE_SENDMSG, 1, 1, EAGAIN);
	fakesys_fail(FAKE_TX, 1, 1, ENOMEM);
	peer_updates(&r, request);
	rig_put(&r, REC_HANDSHAKE, nonsense, sizeof(nonsense), 0);
	rig_recv_fails(&r, LEAT_E_OUR_ALERT);
	assert_false(leat_engine_wants(r.c->e) & LEAT_WANT_SEND);
	expect_update(&r);
	(void)leat_close_timeout(r.c, 0, NULL);
	r.c = NULL;
	rig_expect_end(&r);
	nothing_is_left(&r);
}

/* It stops behind a record that begins like a KeyUpdate, and cannot be told that it was no whole one. */
static void a_key_update_in_pieces(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "tlsv1.3", "kernel", "kernel");
	rig_put(&r, REC_HANDSHAKE, update, 3, 0);
	rig_put(&r, REC_HANDSHAKE, update + 3, 2, 0);
	rig_rekey(&r, LEAT_TX);
	expect_planned_end(
		&r, "key_update: in pieces, which the kernel that reads the records cannot follow");
	nothing_is_left(&r);
}

/* Another process would read with the kernel's old keys and could not make new ones. */
static void no_other_process_before_the_kernel_has_the_keys(void **state)
{
	struct leat_config *client = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.3", NULL);
	struct leat_config *server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	struct engine_bare bare;
	struct leat_engine *e;
	struct duo d;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_true(duo_run(&d));
	e = d.side[LEAT_SERVER].e;
	leat_engine_export_commit(e, LEAT_RX, vault_take);
	leat_engine_export_commit(e, LEAT_TX, vault_take);
	assert_null(leat_engine_bare(e, &bare));
	assert_int_equal(
		leat_engine_control(e, REC_HANDSHAKE, (struct leat_span){ update, 5 }, true),
		LEAT_OK);
	assert_string_equal(
		leat_engine_bare(e, &bare), "the kernel has not got the peer's new keys yet");
	leat_engine_new_keys_done(e, LEAT_RX);
	assert_null(leat_engine_bare(e, &bare));
	duo_close(&d);
	leat_config_unref(client);
	leat_config_unref(server);
}

/* Each allocation of an update both ways fails once: an end with that reason, or none was needed. Without a kernel:
 * the fake one allocates too. */
static void without_memory(void **state)
{
	struct leat_config *client = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.3", NULL);
	struct leat_config *server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	unsigned failed = 0;

	(void)state;
	for (unsigned long nth = 1; nth < 8; nth++) {
		struct traffic_keys keys = { 0 };
		struct leat_engine *e;
		struct leat_span p;
		struct duo d;
		uint8_t type;
		enum leat_ret r;

		duo_open(&d, client, server, "localhost");
		assert_true(duo_run(&d));
		e = d.side[LEAT_SERVER].e;
		leat_engine_export_commit(e, LEAT_RX, vault_take);
		leat_engine_export_commit(e, LEAT_TX, vault_take);
		leat_mem_fail_at(nth);
		r = leat_engine_control(e, REC_HANDSHAKE, (struct leat_span){ request, 5 }, true);
		leat_mem_fail_at(0);
		if (r == LEAT_FAILED) {
			failed++;
			assert_int_equal(leat_engine_error(e)->cls, LEAT_E_MEMORY);
			assert_false(leat_engine_new_keys(e, LEAT_RX, &keys));
		} else {
			assert_true(leat_engine_new_keys(e, LEAT_RX, &keys));
			assert_false(leat_engine_new_keys(e, LEAT_TX, &keys));
			assert_true(leat_engine_ctl(e, &type, &p));
			leat_engine_ctl_done(e);
			assert_false(leat_engine_ctl(e, &type, &p));
			assert_true(leat_engine_new_keys(e, LEAT_TX, &keys));
		}
		traffic_keys_clear(&keys);
		duo_close(&d);
		assert_int_equal(vault_num_taken(), 0);
	}
	assert_in_range(failed, 2, 6);
	leat_config_unref(client);
	leat_config_unref(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_generations),
		cmocka_unit_test(an_answer_of_before_counts_no_more),
		cmocka_unit_test(updates_wait_for_the_socket),
		cmocka_unit_test(keys_that_are_used_up_are_changed),
		cmocka_unit_test(tls12_has_none),
		cmocka_unit_test(without_a_slot),
		cmocka_unit_test(the_kernel_takes_no_keys_to_read),
		cmocka_unit_test(the_kernel_takes_no_keys_to_write),
		cmocka_unit_test(an_alert_behind_new_keys),
		cmocka_unit_test(an_alert_behind_refused_keys),
		cmocka_unit_test(a_key_update_in_pieces),
		cmocka_unit_test(no_other_process_before_the_kernel_has_the_keys),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

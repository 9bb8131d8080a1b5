/* SPDX-License-Identifier: Apache-2.0
 *
 * t_hibernate.c - the option hibernate_after: a connection that waits without data gives back what it needs only to
 * work, in leat_recv and in a mailbox, and goes on as if nothing had been; what it weighs before and after.
 */
#include "link.h"

#include <malloc.h>
#include <sys/socket.h>

#include <leat/mailbox.h>

#include "config/config.h"
#include "engine/engine_int.h"
#include "pair.h"
#include "pki.h"
#include "rig.h"

#define RESTS_WITH 1280 /* bytes of heap of a connection that hibernates, at most */
#define MANY       32

static struct leat_event ev;

static bool rests(const struct link *l, int side)
{
	return l->c[side]->e->w == NULL;
}

static void open_with(struct link *l, const char *versions, const char *client, const char *server)
{
	const struct link_opts o = { .versions = versions, .set = { client, server } };

	link_open(l, &o);
}

/* The side waits for data so long, in vain. */
static void wait_in_vain(struct link *l, int side, int ms)
{
	char b[10];
	size_t got;

	assert_int_equal(leat_recv(l->c[side], b, sizeof(b), ms, &got), LEAT_AGAIN);
}

static void talk(struct link *l)
{
	for (int from = 0; from < 2; from++)
		link_say(l, (enum leat_role)from, "still here", 10);
}

/* After a second of silence, on each side and in both versions; not before, and not unless it was said.
 * REQ: OPT-hibernate_after T-api-hibernate T-api-hibernate_server */
static void after_a_second(void **state)
{
	static const char *const versions[] = { "tlsv1.2", "tlsv1.3" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		const char *said[2] = { NULL, NULL };
		int side = i % 2;
		struct link l;

		said[side] = "hibernate_after=1000";
		open_with(&l, versions[i / 2], said[0], said[1]);
		talk(&l);
		wait_in_vain(&l, side, 900);
		assert_false(rests(&l, side));
		wait_in_vain(&l, side, 1100);
		assert_true(rests(&l, side));
		wait_in_vain(&l, !side, 50);
		assert_false(rests(&l, !side));
		talk(&l);
		assert_false(rests(&l, side));
		link_close(&l);
	}
}

/* 0 and 1 work, with data in pieces of every size, and to the end. */
static void at_once(void **state)
{
	static const char *const said[] = { "hibernate_after=0", "hibernate_after=1" };
	uint8_t data[3000], b[3000];

	(void)state;
	memset(data, 'x', sizeof(data));
	for (int i = 0; i < 2; i++) {
		size_t got = 1;
		struct link l;

		open_with(&l, "tlsv1.3", said[i], said[i]);
		for (int turn = 0; turn < 20; turn++) {
			int from = turn % 2;

			wait_in_vain(&l, !from, 3);
			assert_true(rests(&l, !from));
			link_say(&l, (enum leat_role)from, data, 1 + (size_t)turn * 150);
			if (turn == 10)
				assert_int_equal(leat_conn_key_update(l.c[from], true), LEAT_OK);
		}
		assert_int_equal(leat_shutdown(l.c[0], SHUT_WR, LINK_MS), LEAT_OK);
		assert_int_equal(leat_recv(l.c[1], b, sizeof(b), LINK_MS, &got), LEAT_OK);
		assert_int_equal(got, 0);
		link_close(&l);
	}
}

static void tune(struct leat_config *client, struct leat_config *server)
{
	(void)client;
	pair_set(server, "hibernate_after", "0");
}

/* Half a record is something under way: it is kept, and arrives. */
static void half_a_record(void **state)
{
	const struct rig_opts o = { LEAT_SERVER, "tlsv1.3", NULL, "user", "user", NULL };
	uint8_t wire[200], b[20];
	size_t got, n;
	struct rig r;

	(void)state;
	rig_connect_tuned(&r, &o, tune);
	n = rig_seal(&r, 23, "in two parts", 12, 0, wire);
	rig_bytes(&r, wire, n - 3);
	assert_int_equal(leat_recv(r.c, b, sizeof(b), 20, &got), LEAT_AGAIN);
	assert_non_null(r.c->e->w);
	rig_bytes(&r, wire + n - 3, 3);
	rig_expect_recv(&r, "in two parts", 12);
	assert_int_equal(leat_recv(r.c, b, sizeof(b), 20, &got), LEAT_AGAIN);
	assert_null(r.c->e->w);
	rig_close(&r);
}

/* ---- in a mailbox ---------------------------------------------------------------------------------- */

static void quiet(struct leat_mailbox *m, int ms)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_mailbox_next(m, &ev, ms, &err), LEAT_AGAIN);
}

/* Several in one mailbox, each by its own time since its last message.
 * REQ: OPT-hibernate_after T-api-hibernate_server */
static void owned(void **state)
{
	static const char *const said[] = { "hibernate_after=300", "hibernate_after=100",
		"hibernate_after=0", NULL };
	struct leat_err err = { 0 };
	struct leat_mailbox *m;
	struct link l[4];

	(void)state;
	assert_int_equal(leat_mailbox_new(&m, &err), LEAT_OK);
	for (int i = 0; i < 4; i++) {
		open_with(&l[i], "tlsv1.3", NULL, said[i]);
		assert_int_equal(leat_conn_setopt(l[i].c[1], "active", "true", &err), LEAT_OK);
		assert_int_equal(leat_conn_set_owner(l[i].c[1], m, &l[i], &err), LEAT_OK);
	}
	quiet(m, 50);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rests(&l[i], 1), i == 2);
	/* a message wakes one and makes another's time begin anew */
	for (int i = 1; i < 3; i++) {
		assert_int_equal(leat_send(l[i].c[0], "x", 1, LINK_MS, NULL), LEAT_OK);
		assert_int_equal(leat_mailbox_next(m, &ev, LINK_MS, &err), LEAT_OK);
		assert_int_equal(ev.kind, LEAT_EVENT_MESSAGE);
		assert_ptr_equal(ev.conn, l[i].c[1]);
		assert_false(rests(&l[i], 1));
	}
	quiet(m, 80);
	assert_false(rests(&l[1], 1));
	assert_true(rests(&l[2], 1));
	quiet(m, 60);
	assert_true(rests(&l[1], 1));
	assert_false(rests(&l[0], 1));
	quiet(m, 200);
	assert_true(rests(&l[0], 1));
	assert_false(rests(&l[3], 1));
	for (int i = 0; i < 4; i++) {
		leat_conn_free(l[i].c[1]);
		l[i].c[1] = NULL;
		link_close(&l[i]);
	}
	quiet(m, 5);
	leat_mailbox_free(m);
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static size_t heap(void)
{
	return mallinfo2().uordblks;
}

/* What a server's connection weighs that has talked and hibernates. */
static void weighs(void **state)
{
	static struct link first, l[MANY];
	const struct link_opts o = { .versions = "tlsv1.3" };
	size_t before, awake, resting;

	(void)state;
	open_with(&first, "tlsv1.3", NULL, "hibernate_after=0");
	for (int i = 0; i < MANY; i++) {
		link_open_again(&l[i], &first, &o);
		talk(&l[i]);
	}
	awake = heap();
	if (awake == 0) {
		print_message("the heap of this build is the sanitizer's, which counts nothing\n");
		skip();
	}
	for (int i = 0; i < MANY; i++)
		wait_in_vain(&l[i], 1, 1);
	resting = heap();
	for (int i = 0; i < MANY; i++) {
		leat_conn_free(l[i].c[1]);
		l[i].c[1] = NULL;
	}
	before = heap();
	print_message("  a server's connection weighs %zu bytes awake, %zu at rest\n",
		(awake - before) / MANY, (resting - before) / MANY);
	assert_true(resting < awake);
	assert_in_range((resting - before) / MANY, 1, RESTS_WITH);
	for (int i = 0; i < MANY; i++)
		link_close(&l[i]);
	link_close(&first);
}

static void values(void **state)
{
	static const char *const bad[] = { "-1", "2147483648", "1s", "infinity", "", "true" };
	struct leat_err err = { 0 };
	struct leat_config *c;

	(void)state;
	assert_int_equal(leat_config_new(&c, LEAT_SERVER, &err), LEAT_OK);
	pair_set(c, "hibernate_after", "2147483647");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(leat_config_set(c, "hibernate_after", bad[i], &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_OPTION);
		assert_int_equal(c->hibernate_after_ms, INT32_MAX);
		err = (struct leat_err){ 0 };
	}
	pair_set(c, "hibernate_after", "undefined");
	assert_int_equal(c->hibernate_after_ms, HIBERNATE_NEVER);
	leat_config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(after_a_second),
		cmocka_unit_test(at_once),
		cmocka_unit_test(half_a_record),
		cmocka_unit_test(owned),
		cmocka_unit_test(weighs),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	vec_free_all();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wipe.c - no key bytes are left behind. Handshakes run on a stack of our own; every block that is
 * freed, and that stack afterwards, are searched for the secrets and keys the machines gave out and for
 * those they keep inside. free() is this program's, so libcrypto's blocks are seen too.
 *
 * REQ: GEN-confidentiality
 */
#include "asan.h"
#include "earlykit.h"
#include "pair.h"

#include <malloc.h>
#include <ucontext.h>

#include "hs/hs_int.h"
#include "pki.h"

/* ---- what is looked for ---- */

#define NEEDLE      16 /* bytes compared: enough that nothing else looks like it */
#define MAX_NEEDLES 64

static struct needle {
	const char *name;
	uint8_t b[NEEDLE];
} needles[MAX_NEEDLES];
static size_t num_needles;
static char found[256]; /* first finding, "" none */

static void plant(const char *name, const uint8_t *b)
{
	static const uint8_t zero[NEEDLE];

	if (memcmp(b, zero, NEEDLE) == 0)
		return;
	for (size_t i = 0; i < num_needles; i++)
		if (memcmp(needles[i].b, b, NEEDLE) == 0)
			return;
	assert_true(num_needles < MAX_NEEDLES);
	needles[num_needles].name = name;
	memcpy(needles[num_needles++].b, b, NEEDLE);
}

static void search(const char *where, const void *p, size_t n)
{
	for (size_t i = 0; i < num_needles && !found[0]; i++) {
		const uint8_t *at = memmem(p, n, needles[i].b, NEEDLE);

		if (at)
			snprintf(found, sizeof(found), "%s in %s of %zu bytes, at %zu",
				needles[i].name, where, n, (size_t)(at - (const uint8_t *)p));
	}
}

/* ---- every block that is freed ---- */

static bool watching;
static unsigned long num_freed;

#ifndef HAS_ASAN
extern void __libc_free(void *p);

__attribute__((visibility("default"))) void free(void *p)
{
	if (p && watching) {
		num_freed++;
		search("a freed block", p, malloc_usable_size(p));
	}
	__libc_free(p);
}
#endif

/* ---- handshakes on a stack of our own ---- */

#define STACK_LEN (1 << 20)

static _Alignas(4096) uint8_t stack[STACK_LEN];
static ucontext_t back, there;
static struct pair pair; /* what the harness copies lies here, not on the stack */

static const struct scene {
	const char *name, *versions, *server_groups;
	enum key_kind key;
	bool breaks; /* the client's Finished is bent on its way: the server dies with secrets in hand */
	const char *resumes; /* TLS 1.2: "stateless" or "stateful"; TLS 1.3: with early data */
} scenes[] = {
	{ "1.3", "tlsv1.3", NULL, KEY_EC_P256, false, NULL },
	{ "1.3 RSA", "tlsv1.3", NULL, KEY_RSA, false, NULL },
	{ "1.3 retried", "tlsv1.3", "secp384r1", KEY_EC_P256, false, NULL },
	{ "1.3 broken", "tlsv1.3", NULL, KEY_EC_P256, true, NULL },
	{ "1.3 with early data", "tlsv1.3", NULL, KEY_EC_P256, false, "early" },
	{ "1.2", "tlsv1.2", NULL, KEY_EC_P256, false, NULL },
	{ "1.2 RSA", "tlsv1.2", NULL, KEY_RSA, false, NULL },
	{ "1.2 broken", "tlsv1.2", NULL, KEY_RSA, true, NULL },
	{ "1.2 by ticket", "tlsv1.2", NULL, KEY_EC_P256, false, "stateless" },
	{ "1.2 by ticket, broken", "tlsv1.2", NULL, KEY_EC_P256, true, "stateless" },
	{ "1.2 by session id", "tlsv1.2", NULL, KEY_EC_P256, false, "stateful" },
};

static void plant_side(const struct pair_side *s)
{
	for (int d = 0; d < 2; d++) {
		plant("a traffic secret", s->dir[d].secret.b);
		plant("a record key", s->dir[d].keys.key);
	}
}

static void plant_inside(const struct hs *h)
{
	plant("the exporter secret", h->exporter.b);
	if (h->early_exporter)
		plant("the early exporter secret", h->early_exporter->secret.b);
	plant("the resumption secret", h->resumption.b);
	plant("the schedule's secret", h->sched.cur.b);
	plant("the master secret", h->v12.master.b);
	for (int i = 0; i < 2; i++) {
		plant("a handshake secret", h->hs_secret[i].b);
		plant("an application secret", h->app_secret[i].b);
		plant("a key that waits", h->v12.keys[i].key);
	}
}

/* Between any two deliveries everything secret that exists is learned. */
static bool learn(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	const struct scene *scene = arg;

	for (int i = 0; i < 2; i++) {
		plant_side(&p->side[i]);
		plant_inside(p->side[i].hs);
	}
	/* messages behind the handshake are not a machine's of a pair */
	if (scene->resumes && u->type == REC_HANDSHAKE && u->p[0] == MSG_SESSION_TICKET &&
		p->side[from].version == LEAT_TLS13)
		return false;
	/* what lies below this frame was left by calls that are over */
	search("the stack below", stack,
		(size_t)((const uint8_t *)__builtin_frame_address(0) - stack) - 512);
	if (scene->breaks && from == LEAT_CLIENT && u->type == REC_HANDSHAKE &&
		u->p[0] == MSG_FINISHED)
		u->p[4] ^= 1;
	return true;
}

/* Calls fn on the stack of our own. (A thread's would be given back to the kernel when it ends.) */
static void on_own_stack(void (*fn)(void))
{
	memset(stack, 0, sizeof(stack));
	assert_int_equal(getcontext(&there), 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &back;
	makecontext(&there, fn, 0);
	watching = true;
	assert_int_equal(swapcontext(&back, &there), 0);
	watching = false;
}

static bool early_taken;

static void run(void)
{
	if (pair_run(&pair) == LEAT_OK) {
		early_taken = hs_early(pair.side[LEAT_SERVER].hs) == HS_EARLY_ACCEPTED;
		for (int i = 0; i < 2; i++) {
			struct hs_post post = { 0 };

			plant_side(&pair.side[i]);
			plant_inside(pair.side[i].hs);
			hs_finish(pair.side[i].hs, &post);
			(void)!hs_post_key_update(&post, pair.side[i].cfg, &pair.side[i].sink,
				false, &pair.side[i].err);
			plant_side(&pair.side[i]);
			hs_post_clear(&post);
		}
	}
	for (int i = 0; i < 2; i++) {
		hs_free(pair.side[i].hs);
		pair.side[i].hs = NULL;
	}
}

static struct leat_session *early_configs(struct leat_config **c, struct leat_config **s)
{
	struct leat_session *session;
	struct early_set x;

	early_set_up(&x, EARLY_MAX, NULL);
	*c = leat_config_ref(x.c);
	*s = leat_config_ref(x.s);
	session = leat_session_ref(x.t[0]);
	early_tear_down(&x);
	pair.now_s = PKI_NOW +
		     100; /* as early_set_up has it: the guard against replay waits no more */
	duo_later_s = 100;
	return session;
}

/* The configs of a scene, and the session its client offers. */
static struct leat_session *configs_for(
	const struct scene *scene, struct leat_config **c, struct leat_config **s)
{
	if (scene->resumes && strcmp(scene->resumes, "early") == 0)
		return early_configs(c, s);
	if (scene->resumes) {
		pair_configs12(c, s, scene->resumes, scene->versions);
		return pair_session12(*c, *s);
	}
	*c = pair_client_config();
	*s = pair_server_config(scene->key);
	pair_set(*c, "versions", scene->versions);
	if (scene->server_groups)
		pair_set(*s, "groups", scene->server_groups);
	return NULL;
}

static void nothing_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct leat_session *session;
		struct leat_config *c, *s;

		print_message("  %s\n", scenes[i].name);
		num_needles = num_freed = 0;
		session = pair.offer = configs_for(&scenes[i], &c, &s);
		pair.offer_early = scenes[i].resumes && strcmp(scenes[i].resumes, "early") == 0;
		pair.on_unit = learn;
		pair.arg = (void *)&scenes[i];
		pair_init(&pair, c, s, NULL);
		on_own_stack(run);
		search("the stack", stack, sizeof(stack));
		assert_true(num_needles >= 3);
		assert_int_equal(early_taken, pair.offer_early);
		assert_true(num_freed > (session ? 5 : 100));
		if (found[0])
			fail_msg("%s: %s", scenes[i].name, found);
		pair_clear(&pair);
		duo_later_s = 0;
		leat_session_unref(session);
	}
}

/* The search itself finds what is there: on the heap, and on that stack. */
static const uint8_t planted[NEEDLE] = "sixteen bytes ..";

static void leave_it(void)
{
	volatile uint8_t copy[4096]; /* deep enough that returning does not write over it */
	volatile uint8_t *heap = malloc(200);

	for (size_t i = 0; i < NEEDLE; i++)
		heap[100 + i] = copy[1000 + i] = planted[i];
	free((void *)heap);
}

static void search_finds(void **state)
{
	(void)state;
	num_needles = 0;
	plant("the planted one", planted);
	on_own_stack(leave_it);
	assert_non_null(strstr(found, "a freed block"));
	found[0] = '\0';
	search("the stack", stack, sizeof(stack));
	assert_non_null(strstr(found, "the stack"));
	found[0] = '\0';
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_finds),
		cmocka_unit_test(nothing_is_left),
	};
	int r;

#ifdef HAS_ASAN
	printf("freed blocks belong to the address sanitizer in this build\n");
	return 77;
#endif
	r = cmocka_run_group_tests(tests, NULL, NULL);
	pki_done();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wipe_keys.c - after the hand-over the process holds no key and no secret that gives one: every writable byte
 * of it, heap, stack (also the part below the present frame) and data, is searched for the keys that the kernel
 * was given and the secrets they were made of. Here the kernel is tests/lib/fakesys.c, which tells the keys masked
 * and forgets them; tests/kernel/t_wipe_keys.c asks the real one, and looks into a core file too.
 *
 * REQ: GEN-confidentiality
 * TIMEOUT: 200
 */
#include "fakesys.h"
#include "rig.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "engine/engine_int.h"
#include "ktls/vault.h"
#include "pki.h"
#include "rec/kinfo.h"
#include "tcp.h"
#include "vec.h"

#ifndef SYS
#define SYS         &fakesys
#define NEED_KTLS() ((void)0)
#define REAL_KERNEL 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

struct sought {
	const char *name;
	uint8_t masked[48];
	size_t n;
};

/* Is what stands at p the key? Read through the mask, so the key itself is nowhere in here. */
static bool is_key(const volatile uint8_t *p, const struct sought *s)
{
	for (size_t i = 0; i < s->n; i++)
		if ((p[i] ^ FAKESYS_MASK) != s->masked[i])
			return false;
	return true;
}

static unsigned search_range(const char *line, uintptr_t from, uintptr_t to, const struct sought *s)
{
	unsigned found = 0;

	for (uintptr_t p = from; p + s->n <= to; p++)
		if (is_key((const volatile uint8_t *)p, s)) {
			print_message(
				"%s at +0x%lx of %s", s->name, (unsigned long)(p - from), line);
			found++;
		}
	return found;
}

static unsigned search(const struct sought *s)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned found = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[8];

		assert_int_equal(sscanf(line, "%lx-%lx %7s", &from, &to, mode), 3);
		/* Where the kernel changes keys, traffic secrets stay in a place of their own, which is in no
		 * core file; keys never do. */
		if (strncmp(mode, "rw", 2) == 0 && !strstr(line, "[v") && !vault_has((void *)from))
			found += search_range(line, from, to, s);
	}
	fclose(maps);
	return found;
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

static void the_search_finds_a_key(void **state)
{
	struct sought s = { .name = "key", .n = 16 };
	uint8_t *planted = malloc(64);

	(void)state;
	assert_non_null(planted);
	for (size_t i = 0; i < 16; i++) {
		planted[20 + i] = (uint8_t)(0xc1 + 7 * i);
		s.masked[i] = planted[20 + i] ^ FAKESYS_MASK;
	}
	assert_int_equal(search(&s), 1);
	leat_wipe(planted, 64);
	free(planted);
	assert_int_equal(search(&s), 0);
}

static void seek(struct sought *s, const char *name, const void *p, size_t n)
{
	const uint8_t *b = p;

	*s = (struct sought){ .name = name, .n = n };
	for (size_t i = 0; i < n; i++)
		s->masked[i] = b[i] ^ FAKESYS_MASK;
}

/* Key and, where it is random, IV of a direction as the kernel has them; how many were put at s. */
static size_t keys_of_kernel(int fd, enum leat_dir dir, struct sought *s)
{
	union leat_kinfo k = { 0 };
	socklen_t n = sizeof(k.head);
	int name = dir == LEAT_TX ? TLS_TX : TLS_RX;
	size_t iv, key, num = 0;

	assert_int_equal(getsockopt(fd, SOL_TLS, name, &k, &n), 0);
	n = (socklen_t)leat_kinfo_size(k.head.cipher_type);
	assert_int_equal(getsockopt(fd, SOL_TLS, name, &k, &n), 0);
	iv = k.head.cipher_type == TLS_CIPHER_CHACHA20_POLY1305 ? 12 : 8;
	key = k.head.cipher_type == TLS_CIPHER_AES_GCM_128 ? 16 : 32;
	seek(&s[num++], "a key", (const uint8_t *)&k + sizeof(k.head) + iv, key);
	if (k.head.version == LEAT_TLS13 || iv == 12) /* else it is a count */
		seek(&s[num++], "an iv", (const uint8_t *)&k + sizeof(k.head), iv);
	leat_kinfo_clear(&k);
	return num;
}

static size_t keys_given(const struct rig *r, enum leat_dir dir, struct sought *s)
{
	if (REAL_KERNEL)
		return keys_of_kernel(r->c->fd, dir, s);
	assert_true(fakesys_has_keys(dir));
	s->name = "a key";
	s->n = fakesys_take_key(dir, s->masked);
	return 1;
}

/* What the keys of both directions were, or could be, made of. */
static size_t secrets_of(const struct leat_engine *e, struct sought *s)
{
	size_t num = 0;

	if (e->version == LEAT_TLS13) {
		seek(&s[num++], "a traffic secret", e->w->post.tx.b, e->w->post.tx.n);
		seek(&s[num++], "a traffic secret", e->w->post.rx.b, e->w->post.rx.n);
	} else {
		seek(&s[num++], "the master secret", e->w->post.exporter.b, e->w->post.exporter.n);
	}
	for (size_t i = 0; i < num; i++)
		assert_true(s[i].n >= 32);
	return num;
}

/* Both sides are up; nothing of the peer's keys was taken out of its engine. */
static void handshake(struct rig *r, const struct rig_opts *o)
{
	enum leat_ret up = LEAT_AGAIN;
	bool peer_up = false;

	fakesys_reset();
	rig_open(r, o);
	for (int turns = 0; turns < 20 && !(up == LEAT_OK && peer_up); turns++) {
		if (up == LEAT_AGAIN)
			up = rig_conn_step(r);
		peer_up = rig_peer_step(r);
	}
	assert_int_equal(up, LEAT_OK);
}

#define SOUGHT 8

/* Everything but the connection under test goes; it stays, established, its keys in the kernel. Returns how much
 * is to be looked for. */
static size_t hand_over(struct rig *r, const struct rig_opts *o, struct sought s[SOUGHT])
{
	size_t num;

	handshake(r, o);
	num = secrets_of(r->c->e, s);
	for (size_t i = 0; i < num; i++)
		assert_true(search(&s[i]) > 0); /* still needed, and found */
	assert_int_equal(leat_offload(r->c, LEAT_RX), LEAT_OK);
	assert_int_equal(leat_offload(r->c, LEAT_TX), LEAT_OK);
	leat_engine_free(r->e); /* the peer has the same keys, the other way round */
	r->e = NULL;
	for (int dir = 0; dir < 2; dir++)
		num += keys_given(r, (enum leat_dir)dir, &s[num]);
	return num;
}

static void keys_are_gone(const char *version, const char *suite, enum leat_role role)
{
	struct rig_opts o = { role, version, suite, "auto", "auto", SYS };
	struct sought s[SOUGHT];
	struct rig r;
	size_t num = hand_over(&r, &o, s);

	for (size_t i = 0; i < num; i++)
		assert_int_equal(search(&s[i]), 0);
	rig_close(&r);
}

/* ---- a core file ------------------------------------------------------------------------------ */

#define CORE "/tmp/leat-t-wipe-core"

/* A child of this process dies and leaves its memory. */
static void leave_core(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY), status = 0;
	pid_t pid;

	assert_true(fd >= 0 && write(fd, CORE, strlen(CORE)) == (ssize_t)strlen(CORE));
	close(fd);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &all);
		(void)signal(SIGABRT, SIG_DFL);
		(void)raise(SIGABRT);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WCOREDUMP(status));
}

static unsigned search_core(const struct sought *s)
{
	int fd = open(CORE, O_RDONLY);
	struct stat st;
	unsigned found;
	void *p;

	assert_true(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 100000);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(p != MAP_FAILED);
	found = search_range("a core file\n", (uintptr_t)p, (uintptr_t)p + (size_t)st.st_size, s);
	munmap(p, (size_t)st.st_size);
	close(fd);
	return found;
}

/* In the test machine, whose core_pattern is ours to set. */
static void a_core_file_has_none(void **state)
{
	struct rig_opts o = { LEAT_SERVER, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "auto", "auto",
		SYS };
	struct sought s[SOUGHT], key;
	struct traffic_keys k;
	struct rig r;
	uint64_t seq;
	size_t num;

	(void)state;
	if (!REAL_KERNEL || !getenv("LEAT_VM"))
		return;
	/* while the engine carries TX its core has the secret: the search looks in the right places */
	handshake(&r, &o);
	assert_int_equal(leat_engine_export(r.c->e, LEAT_TX, &k, &seq), LEAT_OK);
	traffic_keys_clear(&k);
	seek(&key, "a traffic secret", r.c->e->w->post.tx.b, r.c->e->w->post.tx.n);
	leave_core();
	assert_true(search_core(&key) > 0);
	rig_close(&r);

	num = hand_over(&r, &o, s);
	leave_core();
	for (size_t i = 0; i < num; i++)
		assert_int_equal(search_core(&s[i]), 0);
	rig_close(&r);
	unlink(CORE);
}

/* ---- what else is not needed ------------------------------------------------------------------- */

/* TLS 1.3: the resumption secret, where nobody will resume. */
static void resumption_is_gone_where_nobody_resumes(void **state)
{
	struct rig_opts o = { LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "auto", "auto",
		SYS };

	(void)state;
	for (int role = 0; role < 2; role++) {
		struct rig r;

		o.role = (enum leat_role)role;
		handshake(&r, &o);
		assert_int_equal(
			r.c->e->w->post.resumption.n, 0);      /* the client keeps no sessions */
		assert_true(r.c->e->w->post.exporter.n >= 32); /* exporters work at any time */
		rig_close(&r);
	}
}

/* The other way round: while the engine carries TX the key is found, so the search above looks in the
 * right places. */
static void the_engines_keys_are_found(void **state)
{
	struct rig_opts o = { LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "auto", "auto",
		SYS };
	struct traffic_keys keys;
	struct sought s = { .name = "key", .n = 16 };
	struct rig r;
	uint64_t seq;

	(void)state;
	fakesys_reset();
	rig_connect(&r, &o);
	leat_engine_free(r.e);
	r.e = NULL;
	traffic_keys_clear(&r.in.keys);
	traffic_keys_clear(&r.out.keys);
	assert_int_equal(leat_engine_export(r.c->e, LEAT_TX, &keys, &seq), LEAT_OK);
	for (size_t i = 0; i < s.n; i++)
		s.masked[i] = keys.key[i] ^ FAKESYS_MASK;
	traffic_keys_clear(&keys);
	assert_true(search(&s) > 0);
	rig_close(&r);
}

static void handed_over_keys_are_gone(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		keys_are_gone("tlsv1.3", "TLS_AES_128_GCM_SHA256", (enum leat_role)role);
		keys_are_gone("tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256", (enum leat_role)role);
		keys_are_gone("tlsv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", (enum leat_role)role);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds_a_key),
		cmocka_unit_test(the_engines_keys_are_found),
		cmocka_unit_test(handed_over_keys_are_gone),
		cmocka_unit_test(a_core_file_has_none),
		cmocka_unit_test(resumption_is_gone_where_nobody_resumes),
	};

	if (UNDER_ASAN) {
		printf("ASan's shadow and quarantine are not this program's memory\n");
		return 77;
	}
	NEED_KTLS();
	return cmocka_run_group_tests(tests, NULL, teardown);
}

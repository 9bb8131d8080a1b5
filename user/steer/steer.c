/* SPDX-License-Identifier: Apache-2.0
 *
 * steer.c - see steer.h. The program is kernel-helpers/reuseport.bpf.c, its skeleton is made by the build.
 */
#include "steer/steer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "steer_abi.h"
#include <reuseport.skel.h>

#include "base/mem.h"
#include "steer/admit.h"
#include "steer/load.h"
#include "steer/reason.h"

_Static_assert((int)STEER_CPU == (int)STEER_BY_CPU, "modes are the program's");
_Static_assert((int)STEER_LOAD == (int)STEER_BY_LOAD, "modes are the program's");

struct steer {
	struct steer_reuseport *skel;
	unsigned num;
	enum steer_mode mode;
	unsigned num_cpus;
	uint16_t cpus[STEER_MAX_CPUS]; /* that this process may use */
};

/* ---- the plan of CPUs ------------------------------------------------------------------------ */

static void find_cpus(struct steer *s)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		CPU_ZERO(&set);
	for (unsigned cpu = 0; cpu < STEER_MAX_CPUS && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			s->cpus[s->num_cpus++] = (uint16_t)cpu;
	if (s->num_cpus == 0)
		s->cpus[s->num_cpus++] = 0;
}

/* Workers are dealt to CPUs in turn; with fewer workers than CPUs, CPUs to workers. */
static bool is_dealt(const struct steer *s, unsigned worker, unsigned cpu_at)
{
	return s->num < s->num_cpus ? cpu_at % s->num == worker : worker % s->num_cpus == cpu_at;
}

bool steer_pin(const struct steer *s, unsigned i)
{
	cpu_set_t set;

	if (s == NULL || s->mode != STEER_CPU)
		return true;
	CPU_ZERO(&set);
	for (unsigned at = 0; at < s->num_cpus; at++)
		if (is_dealt(s, i, at))
			CPU_SET(s->cpus[at], &set);
	errno = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	return errno == 0;
}

static void write_plan(struct steer *s)
{
	struct steer_reuseport__rodata *ro = s->skel->rodata;

	ro->how = s->mode;
	ro->num_workers = s->num;
	ro->num_cpus = s->num_cpus;
	memset((void *)ro->first_of_cpu, 0xff, sizeof(ro->first_of_cpu));
	for (unsigned at = 0; at < s->num_cpus; at++)
		ro->first_of_cpu[s->cpus[at]] = (uint16_t)(at % s->num);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct steer *steer_open(
	enum steer_mode mode, enum steer_map map, unsigned num, char why[STEER_TEXT])
{
	struct steer *s = leat_zalloc(sizeof(*s));

	load_quietly();
	if (s == NULL || num == 0 || num > STEER_MAX_WORKERS) {
		steer_reason("reuseport", s == NULL ? ENOMEM : E2BIG, "", why);
		goto fail;
	}
	s->mode = mode;
	s->num = num;
	find_cpus(s);
	s->skel = steer_reuseport__open();
	if (s->skel == NULL) {
		steer_reason("reuseport", errno, "", why);
		goto fail;
	}
	write_plan(s);
	if (map == STEER_SOCKMAP)
		(void)bpf_map__set_type(s->skel->maps.listeners, BPF_MAP_TYPE_SOCKMAP);
	if (load_object(s->skel->skeleton, why) == 0)
		return s;
fail:
	steer_close(s);
	return NULL;
}

bool steer_join(struct steer *s, unsigned i, int fd, char why[STEER_TEXT])
{
	if (i < s->num)
		return admit(bpf_map__fd(s->skel->maps.listeners), ADMIT_LISTENER, i, fd, why);
	steer_reason("reuseport", E2BIG, "", why);
	return false;
}

/* The group of listeners has one program: the last one that came. */
bool steer_attach(struct steer *s, int fd, char why[STEER_TEXT])
{
	int prog = bpf_program__fd(s->skel->progs.steer_pick);

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)) == 0)
		return true;
	steer_reason("reuseport", errno, "", why);
	return false;
}

/* Not SO_DETACH_REUSEPORT_BPF: it would take away the program of a server that has come after us. */
void steer_close(struct steer *s)
{
	if (s == NULL)
		return;
	steer_reuseport__destroy(s->skel);
	leat_free(s);
}

bool steer_probe(char why[STEER_TEXT])
{
	struct steer *s = steer_open(STEER_LOAD, STEER_ARRAY, 1, why);

	steer_close(s);
	return s != NULL;
}

/* ---- while it runs --------------------------------------------------------------------------- */

static struct steer_worker *worker(const struct steer *s, unsigned i)
{
	return s != NULL && i < s->num ? &s->skel->bss->workers[i] : NULL;
}

/* The program adds at the same time, never takes away. */
static void lower_pending(struct steer_worker *w, bool by_half)
{
	uint32_t now = __atomic_load_n(&w->pending, __ATOMIC_RELAXED), next;

	do {
		if (now == 0)
			return;
		next = by_half ? now / 2 : now - 1;
	} while (!__atomic_compare_exchange_n(
		&w->pending, &now, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void steer_accepted(struct steer *s, unsigned i)
{
	struct steer_worker *w = worker(s, i);

	if (w != NULL)
		lower_pending(w, false);
}

void steer_publish(struct steer *s, unsigned i, unsigned conns)
{
	struct steer_worker *w = worker(s, i);

	if (w != NULL)
		__atomic_store_n(&w->conns, conns, __ATOMIC_RELAXED);
}

void steer_drain(struct steer *s, unsigned i)
{
	struct steer_worker *w = worker(s, i);

	if (w != NULL)
		__atomic_store_n(&w->draining, 1, __ATOMIC_RELAXED);
}

void steer_age(struct steer *s)
{
	for (unsigned i = 0; s != NULL && i < s->num; i++)
		lower_pending(worker(s, i), true);
}

struct steer_counts steer_count(const struct steer *s, unsigned i)
{
	const struct steer_worker *w = worker(s, i);

	if (w == NULL)
		return (struct steer_counts){ 0 };
	return (struct steer_counts){
		.picked = __atomic_load_n(&w->picked, __ATOMIC_RELAXED),
		.migrated = __atomic_load_n(&w->migrated, __ATOMIC_RELAXED),
		.conns = __atomic_load_n(&w->conns, __ATOMIC_RELAXED),
		.pending = __atomic_load_n(&w->pending, __ATOMIC_RELAXED),
		.draining = __atomic_load_n(&w->draining, __ATOMIC_RELAXED) != 0,
	};
}

uint64_t steer_passed(const struct steer *s)
{
	return s != NULL ? __atomic_load_n(&s->skel->bss->passed, __ATOMIC_RELAXED) : 0;
}

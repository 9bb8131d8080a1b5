/* SPDX-License-Identifier: Apache-2.0
 *
 * leg.c - see leg.h.
 */
#include "steer/leg.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "steer_abi.h"
#include <leg.skel.h>

#include "base/mem.h"
#include "steer/admit.h"
#include "steer/load.h"
#include "steer/reason.h"

struct leg {
	struct steer_leg *skel;
	struct bpf_link *link;
};

/* The root of the first cgroup2 mount: all sockets of this machine pass there, the backend's too. -1: errno. */
static int open_cgroup(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	char text[1024];
	struct mntent m;
	int fd = -1;

	errno = ENOENT;
	while (f != NULL && fd < 0 && getmntent_r(f, &m, text, sizeof(text)) != NULL)
		if (strcmp(m.mnt_type, "cgroup2") == 0)
			fd = open(m.mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f != NULL)
		endmntent(f);
	return fd;
}

static bool attach(struct leg *l, char why[STEER_TEXT])
{
	int cgroup = open_cgroup(), err;

	if (cgroup < 0) {
		steer_reason("leg: cgroup2 mount", errno, "", why);
		return false;
	}
	err = bpf_prog_attach(bpf_program__fd(l->skel->progs.steer_leg_send),
		bpf_map__fd(l->skel->maps.legs), BPF_SK_MSG_VERDICT, 0);
	if (err == 0) {
		l->link = bpf_program__attach_cgroup(l->skel->progs.steer_leg_enter, cgroup);
		err = l->link == NULL ? -errno : 0;
	}
	close(cgroup);
	if (err != 0)
		steer_reason("leg", -err, "", why);
	return err == 0;
}

struct leg *leg_open(char why[STEER_TEXT])
{
	struct leg *l = leat_zalloc(sizeof(*l));

	load_quietly();
	if (l != NULL)
		l->skel = steer_leg__open();
	if (l == NULL || l->skel == NULL)
		steer_reason("leg", l == NULL ? ENOMEM : errno, "", why);
	else if (load_object(l->skel->skeleton, why) == 0 && attach(l, why))
		return l;
	leg_close(l);
	return NULL;
}

void leg_close(struct leg *l)
{
	if (l == NULL)
		return;
	(void)bpf_link__destroy(l->link);
	steer_leg__destroy(l->skel);
	leat_free(l);
}

bool leg_want(struct leg *l, int fd, char why[STEER_TEXT])
{
	return admit(bpf_map__fd(l->skel->maps.wanted), ADMIT_LEG, 0, fd, why);
}

struct leg_counts leg_count(const struct leg *l)
{
	if (l == NULL)
		return (struct leg_counts){ 0 };
	return (struct leg_counts){
		.entered = __atomic_load_n(&l->skel->bss->entered, __ATOMIC_RELAXED),
		.redirected = __atomic_load_n(&l->skel->bss->redirected, __ATOMIC_RELAXED),
		.by_tcp = __atomic_load_n(&l->skel->bss->by_tcp, __ATOMIC_RELAXED),
	};
}

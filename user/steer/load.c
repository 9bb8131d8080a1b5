/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - see load.h.
 */
#include "steer/load.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>

#include "base/mem.h"
#include "steer/reason.h"

/* The verifier of these short programs needs a tenth of it. */
#define LOG_SIZE (64 * 1024)

static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

void load_quietly(void)
{
	libbpf_set_print(say_nothing);
}

/* The program whose load failed is the one whose log was written to. */
static void reason_of(struct bpf_object *obj, int err, char why[STEER_TEXT])
{
	const char *log = "", *name = bpf_object__name(obj);
	struct bpf_program *p = NULL;
	size_t n;

	while (log[0] == '\0' && (p = bpf_object__next_program(obj, p)) != NULL) {
		log = bpf_program__log_buf(p, &n);
		if (log[0] != '\0')
			name = bpf_program__name(p);
	}
	steer_reason(name, err, log, why);
}

/* Each program its own, one after the other in *logs; NULL takes them back. */
static void give_logs(struct bpf_object *obj, char *logs)
{
	struct bpf_program *p = NULL;

	while ((p = bpf_object__next_program(obj, p)) != NULL) {
		(void)bpf_program__set_log_buf(p, logs, logs != NULL ? LOG_SIZE : 0);
		logs = logs != NULL ? logs + LOG_SIZE : NULL;
	}
}

int load_object(struct bpf_object_skeleton *skel, char why[STEER_TEXT])
{
	char *logs = leat_array((size_t)skel->prog_cnt, LOG_SIZE);
	struct bpf_object *obj = *skel->obj;
	int err;

	if (logs == NULL) {
		steer_reason(bpf_object__name(obj), ENOMEM, "", why);
		return ENOMEM;
	}
	give_logs(obj, logs);
	err = -bpf_object__load_skeleton(skel);
	if (err != 0)
		reason_of(obj, err, why);
	give_logs(obj, NULL);
	leat_free(logs);
	return err;
}

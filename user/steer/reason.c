/* SPDX-License-Identifier: Apache-2.0
 *
 * reason.c - see reason.h.
 */
#include "steer/reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct line {
	const char *p;
	int n;
};

static bool starts(struct line l, const char *with)
{
	size_t n = strlen(with);

	return (size_t)l.n >= n && memcmp(l.p, with, n) == 0;
}

/* "12: (61) r0 = ..." */
static bool is_instruction(struct line l)
{
	int i = 0;

	while (i < l.n && l.p[i] >= '0' && l.p[i] <= '9')
		i++;
	return i > 0 && i < l.n && l.p[i] == ':';
}

/* What the verifier ends with is its verdict; above it stand the instruction and, after "; ", our source. */
struct verdict {
	struct line text, instruction, source;
};

static void look(struct verdict *v, struct line l)
{
	if (l.n == 0 || starts(l, "processed ") || starts(l, "verification time") ||
		starts(l, "stack depth"))
		return;
	if (l.p[0] == ';')
		v->source = (struct line){ l.p + 1, l.n - 1 };
	else if (is_instruction(l))
		v->instruction = l;
	else
		v->text = l;
}

static struct verdict read_log(const char *log)
{
	struct verdict v = { { "", 0 }, { "", 0 }, { "", 0 } };

	while (*log != '\0') {
		size_t n = strcspn(log, "\n");

		look(&v, (struct line){ log, (int)n });
		log += n + (log[n] == '\n');
	}
	return v;
}

static const char *hint(int err)
{
	switch (err) {
	case EPERM: return " (it takes CAP_BPF and CAP_NET_ADMIN, and no sandbox in the way)";
	case ENOSYS: return " (this kernel has no BPF)";
	case EINVAL:
	case EOPNOTSUPP: return " (this kernel is too old, or was built without it)";
	case ENOMEM: return " (memory, or RLIMIT_MEMLOCK before Linux 5.11)";
	default: return "";
	}
}

void steer_reason(const char *what, int err, const char *log, char why[STEER_TEXT])
{
	struct verdict v = read_log(log);

	if (v.text.n == 0 || err == EPERM)
		snprintf(why, STEER_TEXT, "BPF %s: %s%s", what, strerror(err), hint(err));
	else
		snprintf(why, STEER_TEXT,
			"BPF program %s: the verifier refuses it: %.*s; at %.*s;%.*s", what,
			v.text.n, v.text.p, v.instruction.n, v.instruction.p, v.source.n,
			v.source.p);
}

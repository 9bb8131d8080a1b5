/* SPDX-License-Identifier: Apache-2.0
 *
 * privileges.c - see privileges.h.
 */
#include "tool/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tool/tool.h"

/* A whole decimal number below the one that means "none". */
static bool is_number(const char *text, unsigned long *v)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*v = strtoul(text, &end, 10);
	return *end == '\0' && errno == 0 && *v < UINT32_MAX;
}

static bool find_user(const char *name, struct identity *out)
{
	const struct passwd *pw = getpwnam(name);
	unsigned long v;

	if (pw == NULL && is_number(name, &v)) {
		out->uid = out->gid = (uid_t)v;
		pw = getpwuid(out->uid);
		if (pw == NULL)
			return true; /* a number without an entry: a group of the same number */
	}
	if (pw == NULL)
		return false;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	return true;
}

static bool find_group(const char *name, struct identity *out)
{
	const struct group *gr = getgrnam(name);
	unsigned long v;

	if (gr != NULL)
		out->gid = gr->gr_gid;
	else if (is_number(name, &v))
		out->gid = (gid_t)v;
	else
		return false;
	return true;
}

bool identity_find(const struct args *args, const char *text, struct identity *out)
{
	const char *colon = strchr(text, ':');
	char user[64];

	*out = (struct identity){ .text = text };
	snprintf(user, sizeof(user), "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);
	if (!find_user(user, out)) {
		args_wrong(args, "--user: no such user: %s", user);
		return false;
	}
	if (colon && !find_group(colon + 1, out)) {
		args_wrong(args, "--user: no such group: %s", colon + 1);
		return false;
	}
	return true;
}

/* Groups before ids: afterwards they could not be changed. */
static bool change(const struct identity *who)
{
	if (geteuid() == 0 &&
		(who->name[0] ? initgroups(who->name, who->gid) : setgroups(1, &who->gid)) != 0)
		return false;
	return setresgid(who->gid, who->gid, who->gid) == 0 &&
	       setresuid(who->uid, who->uid, who->uid) == 0;
}

bool identity_become(const struct args *args, const struct identity *who)
{
	if (who->text == NULL)
		return true;
	if (!change(who)) {
		(void)tool_fail(args, TOOL_FAILED, "--user %s: %s", who->text, strerror(errno));
		return false;
	}
	/* A way back would make it a promise only. */
	if (who->uid != 0 && (setuid(0) == 0 || geteuid() == 0)) {
		(void)tool_fail(args, TOOL_FAILED, "--user %s: root could be had again", who->text);
		return false;
	}
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Changing ids made the process undumpable or not as the kernel saw fit: it holds keys. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * keylog.h - the file behind --keylog: every line the library tells is appended to it, whole, in one
 * write, so that threads and processes may share a file. Nothing opens it but the command line.
 */
#ifndef LEAT_TOOL_KEYLOG_H
#define LEAT_TOOL_KEYLOG_H

#include <leat/config.h>

#include "tool/tool.h"

/* Opens name, or with "env:VARIABLE" the file that the environment variable names, and says loudly on stderr
 * what that means. Returns a descriptor for the rest of the process; -1: could not, said already. */
int keylog_open(const struct args *args, const char *name);
/* Makes cfg (not frozen yet) tell its secrets there. */
LEAT_MUST_CHECK enum leat_ret keylog_use(struct leat_config *cfg, int fd, struct leat_err *err);
/* Both. false: could not; said already. */
bool keylog_start(const struct args *args, const char *name, struct leat_config *cfg);

#endif

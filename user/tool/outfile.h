/* SPDX-License-Identifier: Apache-2.0
 *
 * outfile.h - writes several files so that each is there whole or not at all: all contents go to
 * temporary names first, and only when the last byte is on the disk are they renamed.
 */
#ifndef LEAT_TOOL_OUTFILE_H
#define LEAT_TOOL_OUTFILE_H

#include <sys/types.h>

#include <leat/types.h>

struct outfile {
	char name[64]; /* inside the folder */
	mode_t mode;   /* exactly this, whatever the umask: 0600 for keys */
	struct leat_span content;
};

/* folder_fd: the folder. Unless force, a file that exists is an error (LEAT_E_FILE, EEXIST) and nothing
 * is changed. On failure the temporary files are removed. err->detail is the name at fault. */
LEAT_MUST_CHECK enum leat_ret outfile_write(
	int folder_fd, const struct outfile *files, size_t num, bool force, struct leat_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_file.h - a configuration file as a command line: every line is an option by its long name, with its
 * value behind blanks, to the end of the line; no quotes, nothing is replaced or continued.
 *
 *	# a comment is a line of its own
 *	listen :443
 *	json
 *	[host example.org]
 *	root /srv/example
 *
 * Knows no option: the table of the command does (args.h), so file and command line cannot differ.
 */
#ifndef LEAT_TOOL_CONF_FILE_H
#define LEAT_TOOL_CONF_FILE_H

#include "tool/args.h"

#include <leat/types.h>

#define CONF_FILE_MAX \
	(1u << 20) /* bytes of a file; one of this size by mistake should not be read */
#define CONF_LINE_MAX 4096

struct conf_line {
	const char *place; /* "FILE:LINE" */
	char *arg;         /* "--name=value", "--name", or the text of "[host ...]" in brackets */
};

/* Zero state is legal to clear. Lines point into text. */
struct conf_file {
	struct conf_line *lines;
	size_t num;
	char *text;
};

/* Reads the whole file. false after saying, with its place, everything that is no line of the above. */
bool conf_file_read(const struct args *args, const char *path, struct conf_file *out);
/* The same for text that is here; path is for the places. */
bool conf_file_parse(
	const struct args *args, const char *path, struct leat_span text, struct conf_file *out);
void conf_file_clear(struct conf_file *f);

/* The words of a "[kind words]" line, or NULL when arg is none: "host a b" in "[host a b]" for kind "host".
 * Cuts the bracket off. */
char *conf_section(char *arg, const char *kind);

#endif

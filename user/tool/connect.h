/* SPDX-License-Identifier: Apache-2.0
 *
 * connect.h - the pieces of `leat connect`: options (cmd_connect.c), the data pump (connect_pump.c), what
 * is said about the connection (connect_report.c, connect_export.c).
 */
#ifndef LEAT_TOOL_CONNECT_H
#define LEAT_TOOL_CONNECT_H

#include <leat/leat.h>

#include "tool/tool.h"

/* Exit codes besides those of tool.h. */
enum {
	CONNECT_NO_TCP = 3,      /* no TCP connection */
	CONNECT_CERTIFICATE = 4, /* the peer's certificate was refused */
	CONNECT_TRUNCATED = 5,   /* it ended without the peer's close_notify */
	CONNECT_NOT_KERNEL = 6,  /* --records kernel, and it cannot be had */
};

#define CONNECT_EXPORT_MAX 1024

enum connect_talk { TALK_ALL, TALK_BRIEF, TALK_QUIET, TALK_JSON };

struct connect_wish {
	char host[256];
	uint16_t port;
	const char *name; /* for SNI and the host check */
	bool insecure;
	enum connect_talk talk;
	int timeout_ms;
	const char *session_file;      /* read if it is there, written at the end; NULL: none */
	const char *early_file;        /* sent as early data where that can be; NULL: none */
	char export_label[ARGS_LABEL]; /* "": nothing is exported */
	size_t export_bytes;
	bool bindings;
	unsigned reconnect;           /* connections before the one that talks */
	unsigned num_resumed;         /* of these */
	struct leat_session *session; /* what the last of them got; NULL: nothing */
};

struct connect_totals {
	uint64_t sent, received;
	struct leat_err err; /* class LEAT_E_NONE: ended in order */
	enum leat_early early;
	size_t early_sent; /* with early data accepted: not in sent */
};

/* Moves bytes both ways until the peer's end. At the end of stdin our close_notify goes out and reading
 * goes on. */
void connect_pump(struct leat_conn *c, struct connect_totals *t);

/* What is known once the handshake is complete, to stderr. */
void connect_report_start(const struct connect_wish *w, const struct leat_conn *c);
/* The end. JSON: everything, one object in one line. c may be NULL when there was no connection. */
void connect_report_end(const struct connect_wish *w, const struct leat_conn *c,
	const struct connect_totals *t, int code);

/* connect_export.c. What --export and --bindings ask for, as lines on stderr or members of o (a json_t). */
void connect_print_exports(const struct connect_wish *w, const struct leat_conn *c);
void connect_add_exports(void *o, const struct connect_wish *w, const struct leat_conn *c);

/* connect_session.c. The session in the file, or NULL where there is none (no file, or bytes that are no
 * session of this version: the next one overwrites them). */
struct leat_session *connect_load_session(const struct connect_wish *w);
/* Writes the newest session that came, if one did, for its owner's eyes only. */
void connect_save_session(const struct connect_wish *w, struct leat_conn *c);
/* connect_again.c. Makes w->reconnect connections; on failure err says why and no further one is made. */
LEAT_MUST_CHECK enum leat_ret connect_again(
	struct connect_wish *w, struct leat_config *cfg, struct leat_err *err);
/* "none", "accepted", "rejected" */
const char *connect_early_name(enum leat_early e);

int connect_exit_code(const struct leat_err *err);

#endif

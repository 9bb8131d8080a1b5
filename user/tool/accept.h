/* SPDX-License-Identifier: Apache-2.0
 *
 * accept.h - what the files of `leat accept` share. The tour, in the order of a connection's life:
 *
 *   cmd_accept.c     command line -> struct accept_opts and a TLS config
 *   accept.c         listener, accepting, signals, the end: one thread, one loop
 *   accept_conn.c    one connection: phases and deadlines
 *   accept_talk.c    what is answered to what a client says: echo, HTTP, nothing
 *   accept_order.c   orders on stdin: KeyUpdate, close, ... for all connections
 *   accept_report.c  one line for each connection
 *   tls_io.c         the engine on a socket (shared with leat serve)
 *
 * The server is for trying clients out, unattended: whatever a client does ends its own connection and
 * costs one line of the report, a bounded time and a bounded amount of memory.
 */
#ifndef LEAT_TOOL_ACCEPT_H
#define LEAT_TOOL_ACCEPT_H

#include "loop/loop.h"
#include "tool/listen.h"
#include "tool/tls_io.h"
#include "tool/tool.h"

#define ACCEPT_BUF 16384 /* most that is read before it is answered; the longest HTTP head */
#define ACCEPT_EARLY_MAX \
	65536 /* of early data; each connection that brings some gets room for it */
#define ACCEPT_EXPORT_MAX 64
#define EARLY_MARK        "[early]" /* stands before early data in an echo */

/* What is done with what clients send. */
enum accept_talk {
	ACCEPT_DROP = 0, /* counted */
	ACCEPT_PRINT,    /* a line for each piece */
	ACCEPT_ECHO,     /* sent back */
	ACCEPT_HTTP,     /* one request is answered, then the connection closed */
};

struct accept_opts {
	char host[256];
	uint16_t port;
	enum accept_talk talk;
	bool json, orders;
	unsigned max_conns;
	uint64_t count;           /* stop after so many connections; 0: never */
	uint64_t key_update;      /* after so many pieces of data, and again; 0: never */
	const char *export_label; /* NULL: nothing is exported */
	size_t export_bytes;
	uint64_t early_max; /* bytes of early data per connection; 0: none */
	int handshake_ms, idle_ms;
};

struct guest;

struct accept {
	const struct args *args;
	const struct accept_opts *o;
	struct tls_site tls;
	struct loop *loop;
	struct loop_op arrival, signal, input;
	struct loop_timer retry, grace;
	int lfd, sigfd;
	bool stopping; /* no newcomers; the loop ends with the last guest */
	struct guest *guests;
	unsigned num_guests;
	uint64_t num_total, num_failed;
	char order[128]; /* a line of stdin that is not complete yet */
	size_t order_n;
	uint8_t scratch[ACCEPT_BUF]; /* what a lingering connection still sends */
};

enum guest_phase {
	GUEST_HANDSHAKE,
	GUEST_OPEN,
	GUEST_CLOSE, /* close_notify or an alert is on its way */
	GUEST_LINGER, /* waiting for the peer's end, so that a reset does not overtake our last bytes */
	GUEST_GONE, /* only the completion of op is awaited */
};

/* One connection. */
struct guest {
	struct accept *a;
	struct guest *next, **pprev;
	struct tls_io io;
	struct loop_op op;
	struct loop_timer timer;
	enum guest_phase phase;
	uint64_t number, start_ms;
	char peer[LISTEN_TEXT];
	bool reported, was_up;
	bool end_after; /* close when what is to be sent was sent */
	uint64_t received, sent, early;
	uint64_t linger_left;
	uint8_t *early_data; /* kept for the answer, which comes after the handshake */
	uint64_t pieces;     /* of data */
	char exported[2 * ACCEPT_EXPORT_MAX + 1], early_exported[2 * ACCEPT_EXPORT_MAX + 1];
	unsigned newlines;  /* HTTP: in a row, at the end of what came */
	uint64_t head;      /* HTTP: bytes of the request so far */
	const uint8_t *out; /* to be sent next; in buf, text or early_data */
	size_t out_n;
	char text[2048];
	uint8_t buf[ACCEPT_BUF];
};

/* Serves until a signal, an order or the count ends it. Returns the exit code. tls is complete. */
int accept_run(const struct args *args, const struct accept_opts *o, const struct tls_site *tls);
void accept_for_all(struct accept *a, void (*fn)(struct guest *g));
/* No newcomers; who is here is bidden farewell. */
void accept_stop(struct accept *a);
/* A guest went: there is room for the next. */
void accept_guest_gone(struct accept *a);

/* accept_conn.c. Takes fd. */
void guest_new(struct accept *a, int fd);
/* Closes in order: close_notify, then the transport. */
void guest_close(struct guest *g);
/* Changes our keys and asks the peer to change its own, where that can be. */
void guest_key_update(struct guest *g);
/* Asks for the client's certificate, where that can be; report_auth tells what came of it. */
void guest_ask(struct guest *g);
/* Ends it now, whatever it does. */
void guest_kill(struct guest *g);

/* accept_talk.c. Bytes of the client; early: they came as early data and may come again. What is to be
 * answered is in out and out_n afterwards. */
void talk_data(struct guest *g, const uint8_t *p, size_t n, bool early);

/* accept_order.c. Reads orders from stdin from now on. */
void orders_start(struct accept *a);

/* accept_report.c */
/* The answer to guest_ask, or that there can be none. */
void report_auth(const struct guest *g, enum leat_auth what);
/* The handshake is complete: notes what --export asks for. */
void report_export(struct guest *g);
void report_start(const struct accept *a, const char *addr, uint16_t port);
void report_end(const struct accept *a);
/* Once for each connection, when its result is known. */
void report_guest(struct guest *g);
void report_data(const struct guest *g, const uint8_t *p, size_t n, bool early);
/* Copies bytes of a peer as text: printable ASCII but blank, quote, backslash and percent stay, the rest becomes
 * %XX; cut to size. */
void report_text(char *out, size_t size, struct leat_span s);

#endif

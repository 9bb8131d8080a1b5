/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy.h - `leat proxy`: takes TLS connections and carries their streams to plain backends. A tour, in the
 * order of a connection's life:
 *
 *   cmd_proxy.c      command line -> struct proxy_opts
 *   proxy.c          config, backends and routes resolved, server name -> route, threads (crew.h), the end
 *   proxy_conn.c     one connection: phases, deadlines, what it waits for
 *   proxy_hello.c    the PROXY header: of a balancer in front of us, to the backend behind us
 *   proxy_backend.c  which backend, connecting to it, the next one when it is down; health
 *   proxy_pump.c     bytes, both ways, until both have ended; ends and cuts are passed on as what they are
 *   proxy_log.c      a line for each connection
 *
 * An end is an end and a cut is a cut: close_notify becomes FIN, FIN becomes close_notify, and whatever else
 * ends one side (FIN without close_notify, a reset, a bad record, a deadline) resets the other one.
 *
 * Memory is bounded. A direction whose reader stalls holds one buffer and reads no more from its source.
 */
#ifndef LEAT_TOOL_PROXY_H
#define LEAT_TOOL_PROXY_H

#include <stdatomic.h>
#include <sys/un.h>

#include "steer/leg.h"
#include "tool/crew.h"
#include "tool/host_names.h"
#include "tool/pipes.h"
#include "tool/proxy_v2.h"
#include "tool/tls_io.h"
#include "tool/tool.h"

#define PROXY_MAX_CERTS    16
#define PROXY_MAX_BACKENDS 64 /* addresses, all groups together */
#define PROXY_ERROR        320
#define PROXY_MAX_ROUTES   256

/* ---- command line ---------------------------------------------------------------------------- */

struct proxy_route_opt {
	struct leat_span name; /* empty: the default */
	const char *backend;
};

struct proxy_opts {
	char host[256];
	uint16_t port;
	struct leat_config *cfg;
	bool demand_kernel;
	struct proxy_route_opt routes[PROXY_MAX_ROUTES];
	unsigned num_routes;
	bool send_proxy, accept_proxy;
	unsigned workers, max_conns;
	size_t buffer; /* most bytes a direction holds in a buffer of ours */
	size_t pipe;   /* ... in a pipe */
	int handshake_ms, connect_ms, idle_ms, half_ms, down_ms, health_ms,
		grace_ms; /* health 0: none */
	const char *log;  /* "-": stdout, NULL: none */
	enum loop_backend loop;
	struct steering steering;
	bool redirect_local;
};

/* ---- backends -------------------------------------------------------------------------------- */

union backend_addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* One address of what was given as --backend or --route. */
struct backend {
	const char *name; /* as it was given */
	union backend_addr addr;
	socklen_t addr_len;
	atomic_ullong down_until; /* loop_now_ms; 0: up */
};

struct backend_group {
	uint8_t at[PROXY_MAX_BACKENDS]; /* indices into proxy.backends */
	unsigned num;
	atomic_uint turn;
};

/* Where the connections of one name go. */
struct route {
	struct leat_span name; /* as it was given */
	struct backend_group group;
};

/* ---- the proxy ------------------------------------------------------------------------------- */

/* What the PROXY header says of a certificate of ours; made once. */
struct own_cert {
	struct leat_span der;
	char sig_alg[40], key_alg[24];
};

struct proxy {
	const struct proxy_opts *o;
	struct tls_site tls;
	struct crew crew;
	struct backend backends[PROXY_MAX_BACKENDS];
	unsigned num_backends;
	struct route *routes; /* [0] is the default */
	unsigned num_routes;
	struct host_names names; /* -> index into routes */
	struct own_cert own[PROXY_MAX_CERTS];
	unsigned num_own;
	int log_fd;      /* -1: none */
	struct leg *leg; /* NULL: not asked for, or not to be had */
	atomic_ullong number, bytes_up, bytes_down;
};

struct check;
struct proxy_conn;

struct proxy_worker {
	struct crew_member *m;
	struct proxy *p;
	struct proxy_conn *conns;
	struct pipe_pool pipes;
	uint8_t *scratch;     /* o->buffer bytes, used within one step */
	struct check *checks; /* worker 0 only; one per backend */
};

/* The route of a server name, the default where it has none of its own or is empty; NULL: there is none. */
struct route *proxy_route(struct proxy *p, struct leat_span name);

/* Runs until a signal ends it; returns the exit code. */
int proxy_run(const struct args *args, const struct proxy_opts *o);

/* ---- one connection -------------------------------------------------------------------------- */

enum proxy_phase {
	PX_HEADER, /* a balancer's PROXY header comes first */
	PX_HANDSHAKE,
	PX_CONNECT, /* to a backend */
	PX_PIPE,
	PX_ABORT,  /* one side was cut: what the other one is owed goes out, then it is reset */
	PX_CLOSE,  /* handshake failed, or a bad record: the alert is on its way */
	PX_LINGER, /* waiting for the client's end, so that a reset does not overtake the alert */
	PX_GONE,   /* only completions are awaited */
};

/* What a connection can wait for, each with an op of its own. */
enum proxy_wait { FRONT_IN, FRONT_OUT, BACK_IN, BACK_OUT, PROXY_WAITS };
#define WANT(w) (1u << (w))
/* Not waits: come back in the next round of the loop; a timer that runs will go on. */
#define WANT_TURN  (1u << PROXY_WAITS)
#define WANT_TIMER (2u << PROXY_WAITS)

/* How a direction stands. */
enum way_end {
	WAY_OPEN,
	WAY_ENDING, /* its source ended in order; bytes or the end itself are still to be passed on */
	WAY_DONE,
};

struct proxy_way {
	enum way_end end;
	uint64_t bytes; /* delivered */
	uint8_t *held;  /* what the reader did not take; NULL: nothing */
	size_t off, n;
};

struct proxy_conn {
	struct proxy_worker *w;
	struct proxy_conn *next, **pprev;
	struct tls_io io; /* the client */
	int back;         /* the backend; -1: none yet */
	bool leg;         /* ... and it is in a socket map: splice does not see all of its bytes */
	struct loop_op wait[PROXY_WAITS];
	struct loop_timer timer; /* the phase's deadline */
	struct loop_timer turn;
	enum proxy_phase phase;
	struct proxy_way up, down; /* from client to backend; from backend to client */
	struct splice_pipe pipe;   /* down, when the kernel protects it */
	uint64_t number, start_ms, progress_ms, half_ms; /* half: since one way is done; 0: not */
	int queued[2]; /* what each side had not acknowledged when last asked */
	uint64_t linger_left;
	/* backend */
	struct backend_group *group;
	struct backend *backend;
	unsigned first; /* position in the group that was the first choice */
	uint64_t tried; /* bits: positions in the group */
	/* the client's addresses */
	bool has_addr;
	union proxy_addr src, dst;
	uint8_t *header; /* a balancer's, whole or in part */
	size_t header_n;
	struct leat_span unique_id; /* inside header */
	/* for the log */
	const char *why;
	char *error; /* PROXY_ERROR bytes; NULL: none */
};

/* proxy_conn.c. Takes fd. */
void proxy_conn_new(struct proxy_worker *w, int fd);
void proxy_conn_kill(struct proxy_conn *c, const char *why);
/* Steps return the set of WANT bits to wait for; 0: the phase has changed, go on. These three end one. */
unsigned proxy_abort(struct proxy_conn *c, const char *why); /* by resets */
unsigned proxy_close(
	struct proxy_conn *c, const char *why); /* by the alert that io has, and a reset */
unsigned proxy_done(struct proxy_conn *c);      /* both ways have ended in order */
void proxy_phase(struct proxy_conn *c, enum proxy_phase phase, int ms);
/* What went wrong, for the log; the first one counts. sys 0: what says it all. */
void proxy_note(struct proxy_conn *c, const char *what, int sys);
void proxy_note_io(struct proxy_conn *c); /* c->io.err */
/* Goes on after a timer. */
void proxy_run_conn(struct proxy_conn *c);
/* WANT_TIMER: c->turn fires in ms. */
unsigned proxy_soon(struct proxy_conn *c, unsigned ms);
static inline uint64_t proxy_now(const struct proxy_conn *c)
{
	return loop_now_ms(c->w->m->loop);
}

/* proxy_hello.c. A step of PX_HEADER. */
unsigned hello_read(struct proxy_conn *c);
/* The header for the backend becomes the first bytes of c->up. false: no memory. */
bool hello_make(struct proxy_conn *c);
/* What a health check says. */
size_t hello_local(uint8_t out[PROXY_V2_FIXED]);
void hello_own_certs(struct proxy *p);

/* proxy_backend.c. Starts with the first backend of the group; then steps of PX_CONNECT. */
unsigned backend_start(struct proxy_conn *c);
unsigned backend_step(struct proxy_conn *c);
/* The present one did not answer in time. */
unsigned backend_late(struct proxy_conn *c);
/* "HOST:PORT" or "unix:/path": its addresses are added to p and g. An exit code, after saying why. */
int backend_add(struct proxy *p, struct backend_group *g, const char *text);
/* Active checks, by worker 0. false: no memory. */
bool checks_start(struct proxy_worker *w);
void checks_end(struct proxy_worker *w);

/* proxy_pump.c. As much as can be moved now. */
unsigned ways_step(struct proxy_conn *c);
/* PX_ABORT: delivers what is still held. */
unsigned ways_flush(struct proxy_conn *c);
/* Bytes of ours that a way still has, kept in its held buffer. false: no memory. */
bool way_hold(struct proxy_way *way, const void *p, size_t n);
void way_clear(struct proxy_way *way);

/* proxy_log.c. A descriptor, -1 for none, -2 on failure (errno). */
int log_open_for(const char *where);
void proxy_log_conn(struct proxy_conn *c);
void proxy_log_backend(const struct proxy *p, const struct backend *b, int err);

#endif

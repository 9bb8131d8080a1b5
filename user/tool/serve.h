/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.h - what the files of `leat serve` share. The tour, in the order of a connection's life:
 *
 *   cmd_serve.c     the table of options, the help
 *   serve_opts.c    command line -> struct serve_opts
 *   serve_site.c    struct serve_opts -> open folders, TLS configs, names of hosts (host_names.c)
 *   serve_reload.c  a new site while the old one runs; looking at one without running it
 *   key_process.h   private keys in another process
 *   serve.c         listeners, one thread per worker, signals, the end
 *   serve_say.c     what is said at start and end
 *   serve_worker.c  one loop: accept, the list of connections, limits, stopping
 *   serve_conn.c    one connection: phases, deadlines, requests one after the other
 *   serve_idle.h    connections that wait, packed
 *   tls_io.c        the engine on a socket: read, write, hand-over (the only file that knows TLS)
 *   serve_reply.c   request -> file -> what is to be sent
 *   serve_file.c    opening files so that no path leads out of the folder
 *   file_cache.c    files that stay open between requests
 *   serve_body.c    sending it: splice into kernel records, or read and seal
 *   serve_h2.h      HTTP/2 instead of serve_conn.c's requests one after the other
 *   serve_log.c     access log
 *   serve_count.c   what is counted; serve_admin.c tells it: serve_report.c to a collector, serve_page.c to a browser
 *
 * A worker's objects are touched by its own thread only; struct serve is immutable after the start but
 * for its atomics and the log's descriptor.
 */
#ifndef LEAT_TOOL_SERVE_H
#define LEAT_TOOL_SERVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include <leat/config.h>
#include <leat/engine.h>

#include "loop/loop.h"
#include "tool/addr_limit.h"
#include "tool/file_cache.h"
#include "tool/http.h"
#include "tool/listen.h"
#include "tool/serve_count.h"
#include "tool/serve_idle.h"
#include "tool/serve_site.h"
#include "tool/tls_io.h"
#include "tool/tool.h"

/* What an answer says besides its file: heads. */
#define EXCHANGE_TEXT (HTTP_HEAD_MAX + 3 * HTTP_PATH_MAX)
/* Read ahead of sealing in user space, per worker: 4 records, with EXCHANGE_TEXT behind them for what is
 * sent before the file. */
#define SERVE_SCRATCH (64 * 1024)
/* Bytes of a request body that are read and dropped to keep a connection; more is refused. */
#define SERVE_MAX_DRAIN (64 * 1024)
/* File bytes sent in one go before other connections get their turn. */
#define SERVE_TURN (1 << 20)

/* ---- the whole server ------------------------------------------------------------------------ */

struct worker;

struct serve {
	const struct args *args;    /* the command line */
	const struct serve_opts *o; /* of the first site; what no reload changes is read here */
	struct serve_shared shared;
	struct serve_site *first, *site; /* references; site: for new connections, under lock */
	int log_fd;                      /* -1: no access log */
	char boundary[40];
	unsigned max_conns, max_h2_streams;
	struct worker *workers;
	unsigned num_workers;
	struct steering steering;
	atomic_uint num_conns, h2_streams;
	struct addr_limit *addrs; /* NULL: not asked for; under addr_lock */
	pthread_mutex_t addr_lock;
	atomic_bool stopping; /* finish what is going on */
	atomic_bool stop_now; /* drop it */
	atomic_ullong requests, bytes, handshakes, failed_handshakes;
	atomic_uint reloads_good, reloads_bad;
	int64_t start_s;
	bool keys_gone; /* the key process ended before us; main thread */
	/* Workers tell the main thread how they are. */
	pthread_mutex_t lock;
	pthread_cond_t news;
	unsigned num_ready, num_ended;
	int worker_err; /* errno of the first worker that could not go on */
};

/* Serves until a signal ends it; returns the exit code. Takes o, which was read from args. */
int serve_run(const struct args *args, struct serve_opts *o);
/* Only looks whether it could: reads everything, listens nowhere. Takes o. */
int serve_check(const struct args *args, struct serve_opts *o);
/* SIGHUP: reads the configuration anew; new connections get it when it is good. */
void serve_reload(struct serve *s);
/* Called by a worker: its loop stands (err 0) or cannot be had; and, as its last act, that it ended. */
void serve_worker_ready(struct worker *w, int err);
void serve_worker_deaf(struct worker *w); /* its loop goes away: wake it no more */
void serve_worker_ended(struct worker *w, int err);

/* Every worker looks at the flags and the bound. Any thread. */
void serve_wake_all(struct serve *s);

/* What is said once at the start and the end (serve_say.c), as text or JSON. */
void say_start(const struct serve *s, const char *addr, uint16_t port, const char *metrics);
void say_reloaded(const struct serve *s, const struct serve_site *site);
void say_end(const struct serve *s, unsigned cut);

/* ---- one connection -------------------------------------------------------------------------- */

enum conn_phase {
	PH_HANDSHAKE,
	PH_HEAD,   /* between requests, or inside a request's head */
	PH_DRAIN,  /* dropping a request's body */
	PH_SEND,   /* an answer is on its way */
	PH_H2,     /* HTTP/2: serve_h2.h knows more */
	PH_CLOSE,  /* close_notify is on its way */
	PH_LINGER, /* waiting for the peer's end, so that a reset does not overtake our last bytes */
	PH_IDLE,   /* not a conn, but packed: serve_idle.h */
	PH_GONE,   /* only the completion of op is awaited */
};

_Static_assert(PH_GONE + 1 == SERVE_PHASES, "every phase is counted");

/* A pipe from the worker's pool, possibly holding file bytes not yet sent. */
struct body_pipe {
	int rd, wr;
	size_t held;
};

/* One request and its answer; exists while there is one. */
struct exchange {
	struct http_req req; /* spans into conn.buf, which stays until the exchange ends */
	struct http_plan plan;
	unsigned status;
	bool keep_alive;
	bool head_only;    /* the body stays home */
	bool whole;        /* everything that was announced was sent */
	struct file *file; /* NULL: none */
	const char *type;
	uint64_t length;        /* of a file's answer: bytes of its body, heads of parts included */
	uint64_t start_us;      /* for the log */
	uint64_t sent;          /* body bytes */
	unsigned part;          /* index of the range being sent */
	uint64_t part_off;      /* how far into it */
	bool part_headed;       /* its part head is in text (several ranges) */
	size_t text_n, text_at; /* text: what is sent from memory next */
	struct body_pipe pipe;
	char text[EXCHANGE_TEXT];
};

/* The head of a part, a short answer. */
#define BODY_TEXT_MAX 512

struct h2;

struct conn {
	struct worker *w;
	struct serve_site *site;       /* a reference */
	const struct serve_host *host; /* once the handshake is complete; NULL: none of that name */
	struct conn *next, **pprev;
	struct tls_io io;
	struct loop_op op;
	struct loop_timer timer;
	enum conn_phase phase;
	uint64_t progress_ms; /* when the peer last took something */
	int queued;           /* bytes it had not acknowledged when last asked */
	uint8_t *buf;         /* received, not yet used plaintext; NULL when idle */
	size_t buf_n, scanned;
	uint64_t drain; /* request body bytes still to be dropped */
	struct exchange *x;
	struct h2 *h2;          /* NULL: HTTP/1 */
	struct addr_key addr;   /* counted in serve.addrs */
	char peer[LISTEN_TEXT]; /* text, filled when first needed */
	bool was_up;            /* its handshake was completed */
	bool half_head;         /* a request has begun */
	bool pack;              /* PH_HEAD: to be given to serve_idle.c at its next wait */
	bool awake;             /* PH_HEAD: it was, or is not worth it: its deadline is the last */
	unsigned turn;          /* exchanges since others had theirs */
};

/* Takes fd. */
void conn_new(struct worker *w, int fd, struct addr_key addr);
/* The server is stopping: ends what is idle at once, the rest after its present answer. */
void conn_stop(struct conn *c);
/* Ends it now, whatever it does. */
void conn_kill(struct conn *c);
/* Goes on after a wait that serve_body started. */
void conn_continue(struct conn *c);
const char *conn_peer(struct conn *c);
/* One in that phase is gone. */
void conn_uncount(struct worker *w, enum conn_phase phase);
/* c was packed: frees it, and nothing that it held. It stays counted, as PH_IDLE. */
void conn_leave(struct conn *c);
/* What a connection is made of again. */
struct conn_parts {
	int fd;
	struct leat_engine *e;
	struct handover h;
	struct serve_site *site; /* a reference */
	struct addr_key addr;
	uint64_t left_ms; /* until it has waited long enough; 0: it says goodbye */
};
/* Takes all of p and goes on. false: no memory; p is still the caller's. */
bool conn_again(struct worker *w, const struct conn_parts *p);

/* ---- answers --------------------------------------------------------------------------------- */

/* Fills x for the request in x->req (status != 0: refused before it could be read). */
void reply_make(struct conn *c, struct exchange *x, unsigned status);
/* Zero but for the text, which is written before it is read. */
void exchange_init(struct exchange *x);
/* What an exchange holds besides memory. */
void reply_clear(struct worker *w, struct exchange *x);
/* Sends a part of the answer; IO_OK when all of it went out (flushed). */
enum io body_send(struct conn *c, struct exchange *x);
/* The next n bytes of the body, of which there are as many: text first, then the file's ranges. false: the file
 * has not got them (any more). */
bool body_pull(struct conn *c, struct exchange *x, uint8_t *p, size_t n);

/* Opens path beneath dirfd. 0 with *fd >= 0, or the HTTP status. Folders are refused with 301 (may be
 * asked for with a slash) unless index.html in them is what is wanted. */
unsigned file_open(int dirfd, const char *path, bool is_dir, int *fd);
/* Size and time of an open file: 0, or the HTTP status. */
unsigned file_look(int fd, struct http_meta *m);
/* 0, or an errno when this kernel cannot confine paths. */
int file_can_confine(int dirfd);

/* ---- workers --------------------------------------------------------------------------------- */

#define PIPES_KEPT 64

struct worker {
	struct serve *s;
	struct serve_site *site; /* a reference: for new connections */
	unsigned id;
	pthread_t thread;
	bool started, may_wake; /* the second under serve.lock */
	int lfd;
	unsigned cut; /* connections that were ended by force */
	struct loop *loop;
	struct serve_counts counts;
	struct loop_op accept;
	struct loop_timer retry; /* accept again after it ran out of something */
	struct loop_timer grace;
	struct file_cache files;
	bool accepting, stopped;
	bool killed; /* what still comes is turned away */
	struct conn *conns;
	struct idle_list idle;              /* those that are packed */
	atomic_uint num_conns;              /* both; others read it */
	struct body_pipe pipes[PIPES_KEPT]; /* free ones */
	unsigned num_pipes;
	uint8_t *scratch;
	char *log;
	size_t log_n;
};

void *worker_main(void *arg);
/* A connection ended: its place may be taken by the next. */
void worker_conn_gone(struct worker *w, struct addr_key addr);

/* A pipe with room for SERVE_TURN bytes where allowed; false: none to be had. */
bool pipe_take(struct worker *w, struct body_pipe *p);
/* Gives it back; one that holds bytes is closed, they belong to nobody. */
void pipe_put(struct worker *w, struct body_pipe *p);

/* ---- log ------------------------------------------------------------------------------------- */

/* Opens an --access-log. Returns a descriptor, -1 for none (NULL), -2 on failure (errno). */
int log_open(const char *path);
bool log_start(struct worker *w);
void log_request(struct conn *c, const struct exchange *x);
/* A connection that never got as far as a request. */
void log_refused(struct conn *c, const struct leat_err *err);
uint64_t log_now_us(void);
/* Writes out what was collected; once per round of the loop. */
void log_flush(struct worker *w);
void log_end(struct worker *w);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_opts.h - what `leat serve` was told, on the command line and in a configuration file, as values.
 * Nothing is opened here: what the values mean is serve_site.c's affair.
 */
#ifndef LEAT_TOOL_SERVE_OPTS_H
#define LEAT_TOOL_SERVE_OPTS_H

#include <leat/config.h>

#include "loop/loop.h"
#include "tool/args.h"
#include "tool/conf_file.h"
#include "tool/cred_files.h"
#include "tool/privileges.h"
#include "tool/steering.h"

#define SERVE_MAX_OPTIONS 16
#define SERVE_MAX_HOSTS   1000
#define SERVE_MAX_NAMES   100 /* of one host */

/* The ids of the option table (cmd_serve.c). */
enum serve_opt {
	OPT_LISTEN = 1,
	OPT_CERT,
	OPT_KEY,
	OPT_OCSP,
	OPT_SCT,
	OPT_CACERT,
	OPT_CRL_CACHE,
	OPT_DHFILE,
	OPT_DEV,
	OPT_HOST,
	OPT_ROOT,
	OPT_CONFIG,
	OPT_CHECK,
	OPT_UNKNOWN_NAME,
	OPT_RECORDS,
	OPT_SET,
	OPT_WORKERS,
	OPT_LOG,
	OPT_JSON,
	OPT_HIDDEN,
	OPT_HTTP2,
	OPT_KEYLOG,
	OPT_METRICS,
	OPT_STORE,
	OPT_KEY_PROCESS,
	OPT_NO_SANDBOX,
	OPT_CONNS,
	OPT_PER_ADDR,
	OPT_USER,
	OPT_HEAD_BYTES,
	OPT_T_HANDSHAKE,
	OPT_T_HEAD,
	OPT_T_IDLE,
	OPT_T_STALL,
	OPT_T_GRACE,
	OPT_FILE_CACHE,
	OPT_LOOP,
	OPT_STEER,
	OPT_LOOKUP,
};

/* What was written, and where: place is NULL for the command line. text NULL: not given. */
struct serve_value {
	const char *text, *place;
};

struct serve_setting {
	const char *name; /* for leat_config_set; NULL: it is in the value */
	struct serve_value value;
};

/* One host. Number 0 is the default one; what it has beside folder and certificates holds for the others
 * too, unless they say otherwise. */
struct serve_host_opts {
	struct serve_value names; /* separated by blanks or commas; NULL for the default host */
	struct serve_value dir;
	struct cred_files files; /* with cacert, clients are asked for a certificate */
	struct serve_setting settings[SERVE_MAX_OPTIONS];
	unsigned num_settings;
	bool hidden, http2;
};

struct serve_opts {
	char host[256];
	uint16_t port;
	bool metrics; /* told on an address of its own */
	char metrics_host[256];
	uint16_t metrics_port;
	struct serve_host_opts *hosts;
	unsigned num_hosts;    /* at least 1; a default host without folder is none */
	unsigned now;          /* the host that options belong to, while they are read */
	struct conf_file conf; /* what of the above points into it stays with it */
	const char *config;    /* its path, or NULL */
	bool check;            /* look at the configuration and end */
	bool refuse_unknown;   /* names that no host has: refused, not the default host's */
	enum leat_records records;
	unsigned workers;          /* 0: one per CPU this process may use */
	const char *access_log;    /* NULL: none, "-": stdout */
	const char *session_store; /* NULL: none */
	const char *keylog;        /* NULL: none; keylog.h */
	bool json, key_process, no_sandbox;
	struct identity user; /* whom the server goes on as */
	bool listen_given;
	unsigned max_per_addr; /* 0: as many as there may be at all */
	unsigned max_conns, max_head;
	int handshake_ms, head_ms, idle_ms, stall_ms, grace_ms;
	int file_cache_ms; /* 0: every request opens its file */
	enum loop_backend loop;
	struct steering steering; /* as wanted */
};

/* Reads what is left of the command line, which stays where it is and must outlive the result. NULL after
 * saying what is wrong: everything is looked at before anything is opened. */
struct serve_opts *serve_opts_read(const struct args *args);
void serve_opts_free(struct serve_opts *o);

static inline bool serve_has_default(const struct serve_opts *o)
{
	return o->hosts[0].dir.text != NULL;
}

#endif

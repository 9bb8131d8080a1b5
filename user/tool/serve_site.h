/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_site.h - what a configuration of `leat serve` became: folders that are open, TLS configs that are
 * frozen, names. Immutable and reference counted: a connection keeps the one it began with.
 */
#ifndef LEAT_TOOL_SERVE_SITE_H
#define LEAT_TOOL_SERVE_SITE_H

#include <stdatomic.h>

#include "tool/host_names.h"
#include "tool/http.h"
#include "tool/key_process.h"
#include "tool/serve_opts.h"
#include "tool/tls_io.h"

struct serve_host {
	const struct serve_host_opts *o;
	struct leat_config *cfg;
	int dirfd;
	struct key_handle *keys[CRED_FILES_MAX]; /* with a key process */
	uint64_t dir_id; /* unlike the descriptor, never the same for two folders of this process */
	bool hidden;
};

struct serve_site {
	atomic_uint refs;
	struct serve_opts *o; /* owned */
	struct tls_site tls;
	struct serve_host *hosts; /* by number, as in o */
	struct host_names names;
};

/* What every site of this process shares. */
struct serve_shared {
	struct leat_env env;
	struct leat_ticket_keys *ticket_keys;
	struct key_process *keys; /* NULL: keys are here */
	struct leat_store *store; /* NULL: none */
	int keylog_fd;            /* -1: no key log */
};

/* Opens and reads all that o names, and takes o. NULL after saying everything that is wrong. */
struct serve_site *site_new(
	const struct args *args, struct serve_opts *o, const struct serve_shared *shared);
struct serve_site *site_ref(struct serve_site *s);
void site_unref(struct serve_site *s);

/* The host a connection belongs to by the name its client asked for (empty: it named none). NULL: none. */
const struct serve_host *site_host(const struct serve_site *s, struct leat_span sni);
/* Does this request belong to the host of its connection? RFC 9110 7.4: what was asked for under another name
 * may be guarded by other certificates and options; the answer is 421. */
bool site_has(const struct serve_site *s, const struct serve_host *h, struct leat_span authority);

#endif

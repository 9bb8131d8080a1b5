/* SPDX-License-Identifier: Apache-2.0
 *
 * app.h - what holds for the whole process: settings (the manual of Erlang's ssl calls them environment
 * parameters) and the cache of PEM files. Any thread may call everything here.
 */
#ifndef LEAT_APP_H
#define LEAT_APP_H

#include <leat/cache.h>
#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- start and stop ------------------------------------------------------------------------------ */

/* The manual's types of start, which say what the end of an application means to its node. leat has no state
 * that it could die of, so they are taken and mean nothing more: without randomness the process ends by any type. */
enum leat_start_type { LEAT_TEMPORARY = 0, LEAT_TRANSIENT, LEAT_PERMANENT };

/* Zero is the default everywhere. */
struct leat_app_opts {
	enum leat_start_type type;
	const struct leat_cache_ops *session_cb; /* storage of the session caches; NULL: memory */
	void *session_cb_user;                   /* for its init */
	const struct leat_cache_arg *session_cb_init_args; /* likewise */
	size_t num_init_args;
};

/* leat_app_start reads the environment (leat_app_read_environment) and starts the process's session caches by the
 * settings (leat/cache.h). opts may be NULL. Nobody has to call it: without, there are no such caches and the
 * environment is not read. LEAT_FAILED, with nothing started: LEAT_E_OPTION (type, a setting of the environment),
 * LEAT_E_MISUSE (started already; init of the storage said no), LEAT_E_MEMORY, LEAT_E_SYSTEM. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_app_start(
	const struct leat_app_opts *opts, struct leat_err *err);
/* leat_app_stop ends it all, until leat_app_start: nothing new begins (LEAT_E_MISUSE), listeners end at once as by
 * leat_listener_stop, connections have timeout_ms to be closed by their owners and are then cut off, as if the
 * peer had gone; session caches and the cache of files are empty. Objects stay their owners', to be freed as ever.
 * Connections over a transport of the application (leat/transport.h) are not cut off. */
LEAT_API void leat_app_stop(int timeout_ms);

/* ---- settings ---------------------------------------------------------------------------------- */

/* leat_app_set sets a setting by its name in leat-options(7) ("protocol_version", "session_lifetime",
 * "ssl_pem_cache_clean", "alert_timeout", ...) from text; "" is its default again. It holds from now on: for configs
 * made from now on, and at once for times. Refuses unknown names and bad values with LEAT_E_OPTION naming both;
 * nothing changed then. What a config or a call says comes before it, the process's environment behind it. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_app_set(
	const char *name, const char *value, struct leat_err *err);
/* leat_app_read_environment sets what is not set by leat_app_set from the environment of the process: the setting
 * protocol_version from the variable LEAT_PROTOCOL_VERSION, and so on. All of it, or nothing: LEAT_E_OPTION names
 * the variable. Programs that run with more rights than their caller read nothing. leat does not read these
 * variables by itself. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_app_read_environment(struct leat_err *err);
/* leat_app_get writes the present value as text to buf, cut to n bytes with the final NUL. LEAT_FAILED: LEAT_E_OPTION,
 * there is no setting of this name. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_app_get(
	const char *name, char *buf, size_t n, struct leat_err *err);
/* leat_app_setting_name returns the name of setting number i, static; NULL past the last. */
LEAT_API const char *leat_app_setting_name(size_t i);

/* ---- files ------------------------------------------------------------------------------------- */

/* Files that options name (certfile, keyfile, cacertfile, dhfile) are read once and kept. A file that was
 * replaced is read again after the next validation (setting ssl_pem_cache_clean, 2 minutes), which the first call that
 * reads a file after that time makes, or after leat_pem_cache_clear. With the setting bypass_pem_cache every call
 * reads its files. */

/* leat_pem_cache_clear forgets all of them, the system's trusted CAs too; keys are wiped. Configs keep what was made of
 * them. */
LEAT_API void leat_pem_cache_clear(void);

struct leat_pem_cache_info {
	size_t files;
	size_t trust_sets;
};
/* leat_pem_cache_info tells how many files are kept, and how many sets of trusted CAs: all configs that name a file share
 * one. Half a second after the last of them it goes, at the next use of the cache. */
LEAT_API void leat_pem_cache_info(struct leat_pem_cache_info *out);

#ifdef __cplusplus
}
#endif
#endif

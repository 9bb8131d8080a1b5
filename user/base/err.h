/* SPDX-License-Identifier: Apache-2.0
 *
 * err.h - raising errors. The types are public (leat/types.h); here are the macros that fill them.
 * The first error of an object is the one that counts: raising over an error keeps the old one.
 */
#ifndef LEAT_BASE_ERR_H
#define LEAT_BASE_ERR_H

#include <leat/types.h>

#define LEAT_STR2(x) #x
#define LEAT_STR(x)  LEAT_STR2(x)
#define LEAT_HERE    __FILE__ ":" LEAT_STR(__LINE__)

void err_set(struct leat_err *e, enum leat_err_class cls, unsigned alert, int sys,
	const char *where, const char *what);
void err_set_option(struct leat_err *e, const char *option, const char *value, const char *what);

/* All return LEAT_FAILED, so that a function may `return err_alert(...)`; inline, so that the
 * compiler and the static analyser see that nothing else can come back. */
static inline enum leat_ret err_raise(struct leat_err *e, enum leat_err_class cls, unsigned alert,
	int sys, const char *where, const char *what)
{
	err_set(e, cls, alert, sys, where, what);
	return LEAT_FAILED;
}

#define err_alert(e, alert, what) err_raise((e), LEAT_E_OUR_ALERT, (alert), 0, LEAT_HERE, (what))
#define err_sys(e, sys, what)     err_raise((e), LEAT_E_SYSTEM, 0, (sys), LEAT_HERE, (what))
#define err_memory(e) \
	err_raise((e), LEAT_E_MEMORY, LEAT_ALERT_INTERNAL_ERROR, 0, LEAT_HERE, "memory: exhausted")
#define err_misuse(e, what) err_raise((e), LEAT_E_MISUSE, 0, 0, LEAT_HERE, (what))
#define err_crypto(e, what) \
	err_raise((e), LEAT_E_CRYPTO, LEAT_ALERT_INTERNAL_ERROR, 0, LEAT_HERE, (what))

/* An option that was refused; value is copied (printable part only, cut to fit). */
static inline enum leat_ret err_option(
	struct leat_err *e, const char *option, const char *value, const char *what)
{
	err_set_option(e, option, value, what);
	return LEAT_FAILED;
}

/* Sets the detail text from bytes of any origin: everything outside printable ASCII becomes '?'. */
void err_detail(struct leat_err *e, const char *text, size_t n);
void err_detailf(struct leat_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct leat_err *e);

#endif

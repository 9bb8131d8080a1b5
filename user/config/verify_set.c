/* SPDX-License-Identifier: Apache-2.0
 *
 * verify_set.c - the setters of leat/verify.h. Who calls the functions is x509/walk.c.
 */
#include "config/config.h"

enum leat_ret leat_config_set_verify_fun(
	struct leat_config *c, const struct leat_verify_fun *f, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (f && !f->fn)
		return err_option(err, "verify_fun", NULL, "without a function");
	if (f && f->free && !f->clone)
		return err_option(err, "verify_fun", NULL,
			"a function to end states, but none that makes them");
	c->verify_fun = f ? *f : (struct leat_verify_fun){ 0 };
	return LEAT_OK;
}

enum leat_ret leat_config_set_partial_chain(
	struct leat_config *c, leat_partial_chain_fn *fn, void *arg, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	c->partial_chain = fn;
	c->partial_chain_arg = arg;
	return LEAT_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_fd_message.c: the message that goes with a descriptor (user/sock/fd_message.c), and the engine that is made of
 * it. What was decoded is encoded again: the same bytes must come out; the engine must be one that can be described
 * the same way, and closed.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "duo.h"
#include "sock/fd_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct leat_config *config(void)
{
	static struct leat_config *cfg;
	struct leat_err err = { 0 };

	if (cfg)
		return cfg;
	if (leat_config_new(&cfg, LEAT_CLIENT, &err) != LEAT_OK ||
		leat_config_set_verify(cfg, LEAT_VERIFY_NONE, &err) != LEAT_OK ||
		leat_config_freeze(cfg, &err) != LEAT_OK)
		abort();
	return cfg;
}

static void check_engine(const struct fd_message *m)
{
	uint8_t first[FD_MESSAGE_LEN], second[FD_MESSAGE_LEN];
	struct fd_message again = { .ho = m->ho };
	struct leat_engine *e;
	struct leat_err err = { 0 };

	if (leat_engine_adopt(&e, config(), &m->engine, &duo_env, &err) != LEAT_OK)
		return;
	assert(leat_engine_bare(e, &again.engine) == NULL);
	assert(fd_message_enc(m, first) && fd_message_enc(&again, second));
	/* a group or scheme that we do not know is forgotten */
	if (again.engine.group == m->engine.group && again.engine.scheme == m->engine.scheme &&
		again.engine.client_scheme == m->engine.client_scheme)
		assert(memcmp(first, second, sizeof(first)) == 0);
	assert(leat_engine_close(e) == LEAT_OK);
	leat_engine_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t in[FD_MESSAGE_LEN] = { 0 }, out[FD_MESSAGE_LEN];
	struct fd_message m;

	memcpy(in, data, n < sizeof(in) ? n : sizeof(in));
	if (fd_message_dec(in, &m) != NULL)
		return 0;
	assert(fd_message_enc(&m, out));
	assert(memcmp(in, out, sizeof(in)) == 0);
	check_engine(&m);
	return 0;
}

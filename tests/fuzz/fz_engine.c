/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_engine.c: the whole engine on a byte stream from the network, as far as a stranger without keys
 * gets. Input: byte 0 picks role and version, byte 1 the size of the pieces the stream comes in (0:
 * whole), the rest is what the peer sends. Whatever it is, the engine must end in a defined state: alive
 * and wanting something, or dead with a reason. (Past the keys: fz_hs_*, with crypto made transparent.)
 */
#include <stdint.h>
#include <stdlib.h>

#include "duo.h"
#include "ids.h"

#define NUM_CONFIGS 4

static struct leat_config *configs[NUM_CONFIGS];

static void need_configs(void)
{
	if (configs[0])
		return;
	configs[0] = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	configs[1] = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	configs[2] = ids_config(LEAT_CLIENT, KEY_NONE, NULL);
	configs[3] = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct duo d = { 0 };
	struct leat_config *cfg;
	struct leat_err err = { 0 };
	enum leat_role role;

	if (n < 2)
		return 0;
	need_configs();
	cfg = configs[data[0] % NUM_CONFIGS];
	role = data[0] % NUM_CONFIGS < 2 ? LEAT_SERVER : LEAT_CLIENT;
	if (leat_engine_new(&d.side[role].e, cfg, role == LEAT_CLIENT ? "localhost" : NULL,
		    &duo_env, &err) != LEAT_OK)
		abort();
	d.chunk = data[1];
	(void)!duo_feed(&d, role, data + 2, n - 2);
	duo_pull(&d.side[role]);
	(void)!leat_engine_in_eof(d.side[role].e);
	if (leat_engine_wants(d.side[role].e) & LEAT_IS_UP)
		abort(); /* nobody finishes a handshake without keys */
	if (!(leat_engine_wants(d.side[role].e) & LEAT_IS_DEAD) ||
		!leat_engine_error(d.side[role].e)->what)
		abort();
	duo_close(&d);
	return 0;
}

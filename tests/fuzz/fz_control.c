/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_control.c: what a peer with keys can send once the kernel opens the records: an established engine
 * whose read direction (and, by byte 0, write direction) has left, fed with records as the kernel hands
 * them up. Input: byte 0 picks role, version and directions; then pieces of type, flags, length, payload.
 * Type 23 is data the application got, 255 a record the kernel refused. Afterwards the engine is alive, or
 * dead with a reason, and every control record it wants sent is one a kernel takes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "duo.h"
#include "engine/engine.h"
#include "ids.h"
#include "ktls/rec_kernel.h"

static struct leat_config *configs[2][2]; /* by role, version */

static void need_configs(void)
{
	static const char *const versions[] = { "versions=tlsv1.2", "versions=tlsv1.3" };

	if (configs[0][0])
		return;
	for (int v = 0; v < 2; v++) {
		configs[LEAT_SERVER][v] = ids_config(LEAT_SERVER, KEY_EC_P256, versions[v], NULL);
		configs[LEAT_CLIENT][v] = ids_config(LEAT_CLIENT, KEY_NONE, versions[v], NULL);
	}
}

static void leave(struct leat_engine *e, enum leat_dir dir)
{
	struct traffic_keys keys;
	uint64_t seq;

	if (leat_engine_export(e, dir, &keys, &seq) != LEAT_OK)
		abort();
	leat_engine_export_commit(e, dir, NULL);
	traffic_keys_clear(&keys);
}

/* Takes one piece off the input; false at its end. */
static bool one(struct leat_engine *e, const uint8_t **p, size_t *n)
{
	uint8_t type, flags;
	size_t len;

	if (*n < 3)
		return false;
	type = (*p)[0];
	flags = (*p)[1];
	len = (*p)[2] < *n - 3 ? (*p)[2] : *n - 3;
	if (type == 23)
		(void)!leat_engine_saw_data(e);
	else if (type == 255)
		(void)leat_engine_rx_failed(e, flags & 1 ? EBADMSG : flags & 2 ? EMSGSIZE : EIO);
	else if (type == 254)
		(void)!leat_engine_in_eof(e);
	else
		(void)!leat_engine_control(
			e, type, (struct leat_span){ *p + 3, len }, (flags & 1) != 0);
	*p += 3 + len;
	*n -= 3 + len;
	return true;
}

static void drain(struct leat_engine *e, bool tx_left)
{
	struct rec_kernel_tx t;
	struct leat_span payload;
	uint8_t type;
	size_t n;

	while (leat_engine_ctl(e, &type, &payload)) {
		if (!tx_left || !rec_kernel_ctl_prep(&t, type, payload))
			abort();
		leat_engine_ctl_done(e);
	}
	if (leat_engine_out(e, &n) && tx_left)
		abort(); /* sealed in user space after the kernel has the keys */
	leat_engine_out_done(e, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum leat_role role;
	struct leat_engine *e;
	struct duo d;
	bool tx_left;
	int v;

	if (n < 1)
		return 0;
	need_configs();
	role = data[0] & 1 ? LEAT_SERVER : LEAT_CLIENT;
	v = data[0] >> 1 & 1;
	tx_left = data[0] & 4;
	duo_open(&d, configs[LEAT_CLIENT][v], configs[LEAT_SERVER][v], "localhost");
	if (!duo_run(&d))
		abort();
	e = d.side[role].e;
	leave(e, LEAT_RX);
	if (tx_left)
		leave(e, LEAT_TX);
	data++;
	n--;
	while (one(e, &data, &n))
		drain(e, tx_left);
	if ((leat_engine_wants(e) & LEAT_IS_DEAD) && !leat_engine_error(e)->what)
		abort();
	if (leat_engine_wants(e) & (LEAT_WANT_BYTES | LEAT_HAS_DATA))
		abort(); /* it reads nothing any more */
	duo_close(&d);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * session/antireplay.h - 0-RTT: is this early data new? RFC 8446 8. Both defences of the RFC at once:
 * freshness (8.3: the ClientHello was made within window_s of now, by the ticket's age) and recording
 * (8.2: no hello is taken twice while it would still count as fresh). Everything else is refused, which
 * costs a round trip and nothing more.
 */
#ifndef LEAT_SESSION_ANTIREPLAY_H
#define LEAT_SESSION_ANTIREPLAY_H

#include <leat/session.h>

#include "base/err.h"

enum antireplay_verdict {
	ANTIREPLAY_NEW = 0,
	ANTIREPLAY_STARTING, /* what was seen before we started is unknown: refused for two windows */
	ANTIREPLAY_STALE,    /* made too long ago, or in the future */
	ANTIREPLAY_SEEN,
	ANTIREPLAY_FULL, /* no room to remember it, so it cannot be taken */
	ANTIREPLAY_COUNT
};

/* id: what is unique to the ClientHello (its binder: 32 bytes or more). made_s: when the client says it
 * made it, by our clock. Remembers it when the verdict is ANTIREPLAY_NEW. */
enum antireplay_verdict antireplay_check(
	struct leat_antireplay *a, struct leat_span id, int64_t made_s, int64_t now_s);

#endif

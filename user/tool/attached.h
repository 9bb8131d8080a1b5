/* SPDX-License-Identifier: Apache-2.0
 *
 * attached.h - what came along with a peer's certificate, in words and numbers for reports.
 */
#ifndef LEAT_TOOL_ATTACHED_H
#define LEAT_TOOL_ATTACHED_H

#include <leat/engine.h>

const char *attached_ocsp_name(enum leat_ocsp o);
/* Of leat_engine_peer_sct. */
int attached_count_scts(struct leat_span list);

#endif

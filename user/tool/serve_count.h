/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_count.h - what `leat serve` counts of its work. Every worker has counts of its own, which only its thread
 * changes; whoever reports adds them up. Reading may see one number of this moment and another of the last.
 */
#ifndef LEAT_TOOL_SERVE_COUNT_H
#define LEAT_TOOL_SERVE_COUNT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers under keys that come up as the work goes: suites, reasons, alerts. Nothing is lost when there are more
 * kinds than slots: the last slot takes them under key UINT32_MAX. */
#define TALLY_SLOTS 48
struct tally {
	atomic_uint num;
	struct {
		uint32_t key;
		atomic_ullong n;
	} v[TALLY_SLOTS];
};

void tally_add(struct tally *t, uint32_t key, uint64_t n);
/* Adds all of from to sum. */
void tally_merge(struct tally *sum, struct tally *from);

#define SERVE_PHASES 9 /* enum conn_phase */

struct serve_counts {
	struct tally handshakes; /* version << 16 | suite, resumed ones by resumed */
	struct tally resumed;
	struct tally backends; /* of connections that ended: COUNT_BACKEND */
	struct tally alerts;   /* COUNT_ALERT */
	struct tally errors;   /* enum leat_err_class, of connections */
	struct tally requests; /* COUNT_REQUEST */
	struct tally bytes;    /* of bodies, by backend: 1 kernel, 0 user */
	atomic_ullong accepted, failed;
	atomic_ullong full, addr_full;   /* turned away: too many, too many of that address */
	atomic_int phases[SERVE_PHASES]; /* connections that are in one now */
};

#define COUNT_BACKEND(dir, kernel, why) \
	((uint32_t)(dir) << 16 | (uint32_t)(kernel) << 8 | (uint32_t)(why))
#define COUNT_ALERT(sent, alert)    ((uint32_t)(sent) << 8 | (uint32_t)(alert))
#define COUNT_REQUEST(http, status) ((uint32_t)(http) << 16 | (uint32_t)(status))

struct conn;
struct exchange;

/* Called by serve_conn.c, serve_h2_stream.c. */
void count_handshake(struct conn *c);
void count_request(struct conn *c, const struct exchange *x);
/* The connection's end, which says how it went. */
void count_end(struct conn *c);

#endif

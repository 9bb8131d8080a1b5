/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_report.h - the counts of a server as text: for a collector (OpenMetrics 1.0) and for a person (one page of
 * HTML without scripts).
 */
#ifndef LEAT_TOOL_SERVE_REPORT_H
#define LEAT_TOOL_SERVE_REPORT_H

#include "base/wr.h"
#include "tool/serve.h"

/* All workers' numbers together. */
void report_sum(struct serve *s, struct serve_counts *sum);
/* Appends to out; what does not fit into memory fails out. */
void report_metrics(struct serve *s, struct leat_wr *out);
void report_page(struct serve *s, struct leat_wr *out);
/* printf into out. */
void report_put(struct leat_wr *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names behind the keys of tallies. */
const char *report_phase(unsigned phase);
const char *report_error(unsigned cls);
void report_suite(uint32_t key, const char **version, const char **suite);

/* Start of the process in Unix seconds and what it holds, from /proc; 0 where that cannot be read. */
struct report_process {
	uint64_t rss_bytes, fds;
};
void report_process(struct report_process *p);

#endif

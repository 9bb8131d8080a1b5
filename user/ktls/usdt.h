/* SPDX-License-Identifier: Apache-2.0
 *
 * usdt.h - probes for tracers (USDT): a NOP and a note in the program, nothing else, until somebody looks:
 *
 *	bpftrace -e 'usdt:/usr/local/bin/leat:leat:handover { @[arg1, arg2] = count(); }'
 *
 * Only where <sys/sdt.h> was there to build with (systemtap-sdt-dev).
 */
#ifndef LEAT_KTLS_USDT_H
#define LEAT_KTLS_USDT_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#define LEAT_HAS_USDT 1
#endif
#endif

/* handover(descriptor, enum leat_dir, enum leat_why): a direction was asked for. why is WHY_IN_KERNEL (1) where
 * it moved, else the reason why not (ktls/why.h). */
#ifdef LEAT_HAS_USDT
#include <sys/sdt.h>
#define PROBE_HANDOVER(fd, dir, why) DTRACE_PROBE3(leat, handover, (fd), (int)(dir), (int)(why))
#else
#define PROBE_HANDOVER(fd, dir, why) ((void)(fd), (void)(dir), (void)(why))
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * leat/version.h: version of the library and the mark of an exported function.
 *
 * LEAT_API_LEVEL grows by one with each release that adds to the interface; a caller that
 * needs something of level N says `#if LEAT_API_LEVEL >= N`. The soname changes only when
 * something is taken away. The Makefile reads LEAT_VERSION_STRING from here.
 */
#ifndef LEAT_VERSION_H
#define LEAT_VERSION_H

#define LEAT_VERSION_STRING "0.1.0"
#define LEAT_API_LEVEL      1

/* Everything is compiled with hidden visibility; only what carries this mark is exported. */
#define LEAT_API __attribute__((visibility("default")))

/* The result must be looked at. */
#define LEAT_MUST_CHECK __attribute__((warn_unused_result))

#endif

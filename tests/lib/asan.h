/* SPDX-License-Identifier: Apache-2.0
 *
 * asan.h - HAS_ASAN: this build has the address sanitizer, whose heap is not the C library's.
 */
#ifndef TESTS_ASAN_H
#define TESTS_ASAN_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif

#endif

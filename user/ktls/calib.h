/* SPDX-License-Identifier: Apache-2.0
 *
 * calib.h - from how many bytes on the kernel pays, as measured on this machine: the file that `leat
 * calibrate` writes and that policy auto reads, once per process. Not here: the measuring (tool/calibrate.c),
 * the decision (handover.c).
 *
 * The file is text, `name value` in lines; the first line is its name and version:
 *
 *	leat-calibration 2
 *	leat 0.1.0                     what measured
 *	kernel 6.12.117+deb12-amd64    where: uname -r, and the CPU's name
 *	cpu AMD EPYC ...
 *	file aes 262144                bytes, or never
 *	stream aes never
 *	file chacha20 never
 *	stream chacha20 never
 *
 * It counts only for the leat, kernel and CPU it names, and only when it belongs to root or to this user and
 * nobody else may write to it: who can change it can make a server slow. Anything else about it that is not
 * as above makes all of it void; the defaults hold then.
 *
 * Where: $LEAT_CALIBRATION if set (empty: nowhere), else for root /var/lib/leat/calibration, for others
 * $XDG_STATE_HOME/leat/calibration (~/.local/state/...) and then root's.
 *
 * Threads: calib_get by any thread at any time.
 */
#ifndef LEAT_KTLS_CALIB_H
#define LEAT_KTLS_CALIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALIB_NEVER (UINT64_MAX - 1) /* as struct leat_config has it */

/* What is sent, and the family of ciphers it is sent with: each pair has a border. */
enum calib_use { CALIB_FILE, CALIB_STREAM, CALIB_USES };
enum calib_cipher { CALIB_AES, CALIB_CHACHA20, CALIB_CIPHERS };

/* Without a measurement: AES files; all else never. docs/decisions/0005-when-auto-moves.md, 0046-calibration.md. */
#define CALIB_FILE_DEFAULT (256 * 1024)

enum calib_state {
	CALIB_USED = 0,
	CALIB_ABSENT, /* no file */
	CALIB_UNSAFE, /* somebody else may write to it, or it is no regular file */
	CALIB_BAD,    /* not of this form and version */
	CALIB_OTHER,  /* measured with another kernel, CPU or leat */
	CALIB_STATE_COUNT
};

#define CALIB_LINE 160

struct calib {
	enum calib_state state;
	char path[4096]; /* the file that was looked at last; "": none */
	char leat[CALIB_LINE], kernel[CALIB_LINE], cpu[CALIB_LINE];
	uint64_t from[CALIB_CIPHERS]
		     [CALIB_USES]; /* bytes; the defaults unless state is CALIB_USED */
};

/* The answer for this process, read at the first call. Never NULL. */
const struct calib *calib_get(void);
/* Tests: *c (borrowed until replaced) is the answer from now on; NULL: the files' again. */
void calib_override(const struct calib *c);

/* Fills leat, kernel and cpu as they are here. */
void calib_here(struct calib *c);
/* Where this user's measurement is to be written. false: there is no such place (no home). */
bool calib_place(char *path, size_t n);
/* Reads one file; out is what holds then, defaults included. */
enum calib_state calib_load(const char *path, struct calib *out);
/* Its text alone; false: not of this form. Nothing is said about whether it may be used. */
bool calib_parse(const char *text, size_t n, struct calib *c);
/* Writes it, whole or not at all, folders (0755) included. 0 or an errno. */
int calib_store(const char *path, const struct calib *c);

/* "used", "absent", ...: for JSON; and the state as a sentence. Never NULL. */
const char *calib_state_name(enum calib_state s);
const char *calib_state_text(enum calib_state s);
/* "file", "stream"; "aes", "chacha20". */
const char *calib_use_name(enum calib_use u);
const char *calib_cipher_name(enum calib_cipher c);
/* "never" or the number; buf is returned. */
#define CALIB_TEXT 24
const char *calib_text(uint64_t v, char buf[CALIB_TEXT]);

/* The measuring's arithmetic: sizes rise; cost[0] of user space, cost[1] of the kernel. The border with which no size
 * costs much more than it must: the one whose worst size, over the cheaper of the two, is least; of borders that are
 * within a hundredth of that the highest, for what moves cannot come back. 0: always. */
uint64_t calib_crossover(const uint64_t *sizes, const uint64_t (*cost)[2], size_t n);

#endif

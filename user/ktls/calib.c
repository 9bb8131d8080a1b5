/* SPDX-License-Identifier: Apache-2.0
 *
 * calib.c - the file of calib.h: found, checked, read, written. No measurement here.
 */
#include "ktls/calib.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <leat/version.h>

#define MAGIC       "leat-calibration 2"
#define SYSTEM_PATH "/var/lib/leat/calibration"
#define FILE_MAX    4096 /* more is not of this form */

static void set_defaults(struct calib *c)
{
	for (int i = 0; i < CALIB_CIPHERS; i++)
		c->from[i][CALIB_FILE] = c->from[i][CALIB_STREAM] = CALIB_NEVER;
	c->from[CALIB_AES][CALIB_FILE] = CALIB_FILE_DEFAULT;
}

/* ---- this machine ---------------------------------------------------------------------------- */

/* What stands behind "name<spaces>: " in /proc/cpuinfo, first found; "unknown" otherwise. */
static void cpu_name(char out[CALIB_LINE])
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[512], *at;

	snprintf(out, CALIB_LINE, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) != 0 || !(at = strstr(line, ": ")))
			continue;
		at[strcspn(at, "\n")] = '\0';
		snprintf(out, CALIB_LINE, "%.*s", CALIB_LINE - 1, at + 2);
		break;
	}
	if (f)
		fclose(f);
}

void calib_here(struct calib *c)
{
	struct utsname u;

	snprintf(c->leat, sizeof(c->leat), "%s", LEAT_VERSION_STRING);
	snprintf(c->kernel, sizeof(c->kernel), "%s", uname(&u) == 0 ? u.release : "unknown");
	cpu_name(c->cpu);
}

/* ---- where ----------------------------------------------------------------------------------- */

/* secure_getenv: a program with more rights than its caller does not read the caller's file. */
static bool user_place(char *path, size_t n)
{
	const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	int len;

	/* XDG Base Directory Specification: "All paths [...] must be absolute." */
	if (state && state[0] == '/')
		len = snprintf(path, n, "%s/leat/calibration", state);
	else if (home && home[0] == '/')
		len = snprintf(path, n, "%s/.local/state/leat/calibration", home);
	else
		return false;
	return len > 0 && (size_t)len < n;
}

/* The place named by the environment; NULL: not named. */
static const char *named_place(void)
{
	return secure_getenv("LEAT_CALIBRATION");
}

bool calib_place(char *path, size_t n)
{
	const char *named = named_place();

	if (!named && geteuid() != 0)
		return user_place(path, n);
	if (!named)
		named = SYSTEM_PATH;
	return named[0] && snprintf(path, n, "%s", named) < (int)n;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool take_number(const char *text, uint64_t *out)
{
	char *end;

	if (strcmp(text, "never") == 0) {
		*out = CALIB_NEVER;
		return true;
	}
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out < CALIB_NEVER;
}

static bool take_text(const char *text, char out[CALIB_LINE])
{
	return text[0] && snprintf(out, CALIB_LINE, "%s", text) < CALIB_LINE;
}

/* "file aes 4096": the i-th border, in the order they are written in. */
#define NUM_BORDERS (CALIB_CIPHERS * CALIB_USES)
static bool take_border(unsigned i, const char *line, struct calib *c)
{
	enum calib_cipher cipher = i / CALIB_USES;
	enum calib_use use = i % CALIB_USES;
	char name[32];
	int n = snprintf(
		name, sizeof(name), "%s %s ", calib_use_name(use), calib_cipher_name(cipher));

	return strncmp(line, name, (size_t)n) == 0 && take_number(line + n, &c->from[cipher][use]);
}

static bool take_named(const char *line, const char *name, char out[CALIB_LINE])
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 && take_text(line + n, out);
}

/* One line behind the first, in its place. */
#define NUM_LINES (3 + NUM_BORDERS)
static bool take_line(unsigned number, const char *line, struct calib *c)
{
	switch (number) {
	case 0: return take_named(line, "leat ", c->leat);
	case 1: return take_named(line, "kernel ", c->kernel);
	case 2: return take_named(line, "cpu ", c->cpu);
	default: return number < NUM_LINES && take_border(number - 3, line, c);
	}
}

bool calib_parse(const char *text, size_t n, struct calib *c)
{
	char copy[FILE_MAX + 1], *rest = copy, *line;
	unsigned number = 0;

	if (n > FILE_MAX || memchr(text, '\0', n))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (strcmp(strsep(&rest, "\n"), MAGIC) != 0)
		return false;
	while (rest && *rest) {
		line = strsep(&rest, "\n");
		if (!rest || !take_line(number++, line, c)) /* a last line without an end is cut */
			return false;
	}
	return number == NUM_LINES;
}

static enum calib_state read_file(int fd, struct calib *c)
{
	char text[FILE_MAX];
	struct calib here;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 022) ||
		(st.st_uid != 0 && st.st_uid != geteuid()))
		return CALIB_UNSAFE;
	n = st.st_size <= FILE_MAX ? read(fd, text, FILE_MAX) : -1;
	if (n < 0 || !calib_parse(text, (size_t)n, c))
		return CALIB_BAD;
	calib_here(&here);
	return strcmp(c->leat, here.leat) == 0 && strcmp(c->kernel, here.kernel) == 0 &&
			       strcmp(c->cpu, here.cpu) == 0
		       ? CALIB_USED
		       : CALIB_OTHER;
}

enum calib_state calib_load(const char *path, struct calib *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*out = (struct calib){ .state = CALIB_ABSENT };
	snprintf(out->path, sizeof(out->path), "%s", path);
	if (fd >= 0) {
		out->state = read_file(fd, out);
		close(fd);
	}
	if (out->state != CALIB_USED)
		set_defaults(out);
	return out->state;
}

/* ---- the answer for this process ------------------------------------------------------------- */

static struct calib mine;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct calib *_Atomic override;

static void find(void)
{
	char path[sizeof(mine.path)];

	set_defaults(&mine);
	mine.state = CALIB_ABSENT;
	if (calib_place(path, sizeof(path)) && calib_load(path, &mine) != CALIB_ABSENT)
		return;
	if (!named_place() && geteuid() != 0)
		(void)calib_load(SYSTEM_PATH, &mine);
}

const struct calib *calib_get(void)
{
	const struct calib *c = atomic_load(&override);

	if (c)
		return c;
	pthread_once(&once, find);
	return &mine;
}

void calib_override(const struct calib *c)
{
	atomic_store(&override, c);
}

/* ---- writing --------------------------------------------------------------------------------- */

const char *calib_text(uint64_t v, char buf[CALIB_TEXT])
{
	if (v == CALIB_NEVER)
		snprintf(buf, CALIB_TEXT, "never");
	else
		snprintf(buf, CALIB_TEXT, "%llu", (unsigned long long)v);
	return buf;
}

/* The folders that lead to path. */
static int make_folders(const char *path)
{
	char folder[sizeof(mine.path)];

	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return ENAMETOOLONG;
	for (char *at = strchr(folder + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(folder, 0755) != 0 && errno != EEXIST)
			return errno;
		*at = '/';
	}
	return 0;
}

static int write_text(int fd, const struct calib *c)
{
	char value[CALIB_TEXT], text[FILE_MAX];
	int n = snprintf(text, sizeof(text), MAGIC "\nleat %s\nkernel %s\ncpu %s\n", c->leat,
		c->kernel, c->cpu);

	for (int i = 0; i < NUM_BORDERS; i++) {
		enum calib_cipher cipher = i / CALIB_USES;
		enum calib_use use = i % CALIB_USES;

		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %s %s\n", calib_use_name(use),
			calib_cipher_name(cipher), calib_text(c->from[cipher][use], value));
	}
	errno = 0;
	if (write(fd, text, (size_t)n) != n)
		return errno ? errno : EIO;
	return fchmod(fd, 0644) == 0 && fsync(fd) == 0 ? 0 : errno;
}

int calib_store(const char *path, const struct calib *c)
{
	char temp[sizeof(mine.path) + 8];
	int err = make_folders(path), fd;

	if (err)
		return err;
	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = write_text(fd, c);
	if (close(fd) != 0 && !err)
		err = errno;
	if (!err && rename(temp, path) != 0)
		err = errno;
	if (err)
		unlink(temp);
	return err;
}

/* ---- words and arithmetic -------------------------------------------------------------------- */

const char *calib_state_name(enum calib_state s)
{
	static const char *const names[] = { "used", "absent", "unsafe", "bad", "other" };

	return (unsigned)s < CALIB_STATE_COUNT ? names[s] : "unknown";
}

const char *calib_state_text(enum calib_state s)
{
	static const char *const texts[] = {
		"measured on this machine",
		"not measured here: leat calibrate does it in seconds",
		"not used: somebody else may write to it; chmod go-w, chown root",
		"not used: not of this form and version; leat calibrate writes it anew",
		"not used: measured with another kernel, CPU or leat; leat calibrate measures anew",
	};

	return (unsigned)s < CALIB_STATE_COUNT ? texts[s] : "unknown";
}

const char *calib_use_name(enum calib_use u)
{
	return u == CALIB_FILE ? "file" : "stream";
}

const char *calib_cipher_name(enum calib_cipher c)
{
	return c == CALIB_AES ? "aes" : "chacha20";
}

/* Where every size from the k-th on goes to the kernel: how many times what it must the worst of them costs. */
static double regret(const uint64_t (*cost)[2], size_t n, size_t k)
{
	double worst = 1;

	for (size_t i = 0; i < n; i++) {
		double here = (double)cost[i][i >= k], other = (double)cost[i][i < k];

		if (here > worst * other)
			worst = here / other;
	}
	return worst;
}

/* Between the sizes k - 1 and k: where the costs cross, or at k where they do not. */
static uint64_t border(const uint64_t *sizes, const uint64_t (*cost)[2], size_t k)
{
	double loss = (double)cost[k - 1][1] - (double)cost[k - 1][0];
	double gain = (double)cost[k][0] - (double)cost[k][1];
	uint64_t at = sizes[k];

	if (loss > 0 && gain > 0)
		at = sizes[k - 1] +
		     (uint64_t)((double)(sizes[k] - sizes[k - 1]) * loss / (loss + gain));
	return (at + 4095) / 4096 * 4096;
}

uint64_t calib_crossover(const uint64_t *sizes, const uint64_t (*cost)[2], size_t n)
{
	double least = regret(cost, n, n);
	size_t k = n;

	for (size_t i = 0; i < n; i++)
		if (regret(cost, n, i) < least)
			least = regret(cost, n, i);
	while (regret(cost, n, k) > least * 1.01)
		k--;
	if (k == n)
		return CALIB_NEVER;
	return k == 0 ? 0 : border(sizes, cost, k);
}

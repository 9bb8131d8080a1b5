/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_text.c - the probe's judgements and words: which obstacle a failure means, which crypto
 * driver is behind a cipher, and the sentences an operator can act on. Pure: everything that was
 * seen comes in as arguments.
 */
#include "ktls/probe_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ktls/why.h"

static const struct {
	const char *name;
	const char *why;    /* for one connection's log line */
	const char *remedy; /* for the operator */
} obstacles[KTLS_OBSTACLE_COUNT] = {
	[KTLS_NONE] = { "none", "", "" },
	[KTLS_NO_PAIR] = { "no_pair", "kernel TLS not probed: no loopback connection",
		"is the interface lo up, and are there free file descriptors?" },
	[KTLS_NOT_BUILT] = { "not_built", "kernel built without TLS", WHY_TEXT_NOT_BUILT },
	[KTLS_MAY_NOT_LOAD] = { "may_not_load", "kernel module tls not loaded",
		"load the module: " WHY_TEXT_LOAD "; the kernel "
		"does not load it on demand for an unprivileged process" },
	[KTLS_NOT_LOADED] = { "not_loaded", "kernel module tls not loaded",
		"load the module: " WHY_TEXT_LOAD "; it is "
		"installed, but did not load on demand: modprobe says why" },
	[KTLS_NO_MODULE_FILES] = { "no_module_files", "kernel module tls not loaded",
		"load the module on the host: " WHY_TEXT_LOAD "; "
		"this kernel's modules are not visible here" },
	[KTLS_REFUSED] = { "refused", "kernel TLS forbidden here",
		"no module cures this: a sandbox (seccomp?) forbids it or the kernel is too old" },
	[KTLS_NO_CIPHER] = { "no_cipher", "kernel has none of the ciphers",
		"load the ciphers: modprobe -a gcm ccm chacha20poly1305" },
};

static const struct {
	const char *name, *alg;
} ciphers[KTLS_CIPHERS] = {
	{ "AES-128-GCM", "gcm(aes)" },
	{ "AES-256-GCM", "gcm(aes)" },
	{ "AES-128-CCM", "ccm(aes)" },
	{ "CHACHA20-POLY1305", "rfc7539(chacha20,poly1305)" },
};

static const char *const uring_names[KTLS_URING_COUNT] = {
	[KTLS_URING_UNKNOWN] = "unknown",
	[KTLS_URING_OK] = "ok",
	[KTLS_URING_ABSENT] = "absent",
	[KTLS_URING_FORBIDDEN] = "forbidden",
	[KTLS_URING_FAILED] = "failed",
};

static const char *const speed_names[KTLS_SPEED_COUNT] = {
	[KTLS_SPEED_UNKNOWN] = "unknown",
	[KTLS_SPEED_FAST] = "cpu",
	[KTLS_SPEED_GENERIC] = "generic",
	[KTLS_SPEED_NO_CPU] = "generic_only",
};

const char *ktls_remedy(enum ktls_obstacle o)
{
	return obstacles[o].remedy;
}

const char *ktls_obstacle_name(enum ktls_obstacle o)
{
	return obstacles[o].name;
}

const char *ktls_uring_name(enum ktls_uring u)
{
	return uring_names[u];
}

const char *ktls_speed_name(enum ktls_speed s)
{
	return speed_names[s];
}

const char *ktls_cipher_name(size_t i)
{
	return ciphers[i].name;
}

const char *ktls_cipher_alg(size_t i)
{
	return ciphers[i].alg;
}

enum ktls_obstacle ktls_obstacle_of(int ulp_err, const struct probe_module *m)
{
	if (ulp_err == ENOPROTOOPT) /* Linux before 4.13 has no TCP_ULP */
		return KTLS_NOT_BUILT;
	if (ulp_err != ENOENT)
		return KTLS_REFUSED;
	if (!m->can_load)
		return KTLS_NOT_BUILT;
	if (!m->tree)
		return KTLS_NO_MODULE_FILES;
	if (!m->file)
		return KTLS_NOT_BUILT;
	return m->privileged ? KTLS_NOT_LOADED : KTLS_MAY_NOT_LOAD;
}

/* The value of "key   : value" when the line at p is one, else NULL; ends at the newline. */
static const char *line_value(const char *p, const char *key, size_t *n)
{
	size_t len = strlen(key);

	if (strncmp(p, key, len) != 0)
		return NULL;
	p += len;
	p += strspn(p, " \t");
	if (*p != ':')
		return NULL;
	p++;
	p += strspn(p, " \t");
	*n = strcspn(p, "\n");
	return p;
}

void crypto_driver_of(const char *proc_crypto, const char *alg, char *driver, size_t n)
{
	const char *line, *end, *v, *name = NULL, *drv = NULL;
	size_t len, name_len = 0, drv_len = 0;
	long prio, best = -1;

	driver[0] = '\0';
	for (line = proc_crypto; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		if ((v = line_value(line, "name", &len)) != NULL) {
			name = v;
			name_len = len;
			drv = NULL;
		} else if ((v = line_value(line, "driver", &len)) != NULL) {
			drv = v;
			drv_len = len;
		} else if ((v = line_value(line, "priority", &len)) != NULL) {
			prio = 0;
			while (*v >= '0' && *v <= '9' && prio < 1000000)
				prio = prio * 10 + (*v++ - '0');
			if (name && drv && prio > best && name_len == strlen(alg) &&
				memcmp(name, alg, name_len) == 0) {
				best = prio;
				snprintf(driver, n, "%.*s", (int)drv_len, drv);
			}
		}
	}
}

enum ktls_speed ktls_speed_of(const char *driver, bool has_aes)
{
	/* The template's own name may say "generic" (generic-gcm-aesni-avx is the fast one); the
	 * block cipher inside is what counts. */
	static const char *const by_tables[] = { "aes-generic", "aes-fixed-time", "aes-lib" };
	size_t i;

	if (!driver[0])
		return KTLS_SPEED_UNKNOWN;
	for (i = 0; i < sizeof(by_tables) / sizeof(by_tables[0]); i++)
		if (strstr(driver, by_tables[i]))
			return has_aes ? KTLS_SPEED_GENERIC : KTLS_SPEED_NO_CPU;
	return KTLS_SPEED_FAST;
}

const char *leat_ktls_why(
	const struct leat_ktls_caps *caps, unsigned version, unsigned cipher, enum leat_dir dir)
{
	if (version < LEAT_TLS12 || version > LEAT_TLS13)
		return "kernel TLS is for TLS 1.2 and 1.3 only";
	if (cipher < TLS_CIPHER_AES_GCM_128 || cipher >= TLS_CIPHER_AES_GCM_128 + KTLS_CIPHERS)
		return "no kernel has this cipher";
	if (caps->obstacle != KTLS_NONE)
		return obstacles[caps->obstacle].why;
	switch (caps->cell[version - LEAT_TLS12][cipher - TLS_CIPHER_AES_GCM_128].err[dir]) {
	case 0: return "";
	case ENOENT: return "kernel module of this cipher not available";
	case EINVAL: return "kernel does not do this cipher in this version";
	case ENOPROTOOPT: return "kernel does not do this direction";
	case EBADMSG: return "kernel made wrong records of this cipher";
	default: return "kernel refused the keys";
	}
}

/* ---- the line ---------------------------------------------------------------------------------- */

struct text {
	char *buf;
	size_t n, have;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (t->have + 1 >= t->n)
		return;
	va_start(ap, fmt);
	len = vsnprintf(t->buf + t->have, t->n - t->have, fmt, ap);
	va_end(ap);
	if (len > 0)
		t->have += (size_t)len < t->n - t->have ? (size_t)len : t->n - t->have - 1;
}

/* Which ciphers work, as bits: rx in bit i, tx in bit i + KTLS_CIPHERS. */
static unsigned working(const struct leat_ktls_caps *caps, size_t v)
{
	unsigned set = 0;
	size_t i;

	for (i = 0; i < KTLS_CIPHERS; i++) {
		if (caps->cell[v][i].err[LEAT_RX] == 0)
			set |= 1u << i;
		if (caps->cell[v][i].err[LEAT_TX] == 0)
			set |= 1u << (i + KTLS_CIPHERS);
	}
	return set;
}

static void add_ciphers(struct text *t, unsigned set)
{
	size_t i;
	bool rx, tx;

	if (set == 0)
		add(t, " nothing");
	for (i = 0; i < KTLS_CIPHERS; i++) {
		rx = set >> i & 1;
		tx = set >> (i + KTLS_CIPHERS) & 1;
		if (rx || tx)
			add(t, " %s%s", ciphers[i].name, rx && tx ? "" : rx ? " (rx)" : " (tx)");
	}
}

const char *leat_ktls_caps_line(const struct leat_ktls_caps *caps, char *buf, size_t n)
{
	struct text t = { .buf = buf, .n = n };
	unsigned v12 = working(caps, 0), v13 = working(caps, 1);

	if (n == 0)
		return buf;
	buf[0] = '\0';
	if (caps->obstacle != KTLS_NONE) {
		add(&t, "kernel TLS: %s: %s%s%s%s",
			caps->obstacle == KTLS_NO_PAIR ? "not known" : "not available",
			caps->obstacle == KTLS_NO_PAIR     ? "loopback connection: "
			: caps->obstacle == KTLS_NO_CIPHER ? "TLS_TX: "
							   : "TCP_ULP: ",
			caps->err ? strerror(caps->err) : "not tried", ": ",
			ktls_remedy(caps->obstacle));
		return buf;
	}
	add(&t, "kernel TLS: available: ");
	if (v12 == v13) {
		add(&t, "TLS 1.3 and 1.2:");
		add_ciphers(&t, v13);
	} else {
		add(&t, "TLS 1.3:");
		add_ciphers(&t, v13);
		add(&t, "; TLS 1.2:");
		add_ciphers(&t, v12);
	}
	if (caps->aes == KTLS_SPEED_GENERIC)
		add(&t, "; AES is about 13 times slower than this CPU can: modprobe aesni_intel");
	else if (caps->aes == KTLS_SPEED_NO_CPU)
		add(&t, "; AES without CPU instructions");
	add(&t, "; rekey %s", leat_ktls_can_rekey(caps, LEAT_TX) ? "yes" : "no");
	return buf;
}

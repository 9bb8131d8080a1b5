/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.c - the questions put to the kernel, and the one answer kept per process.
 *
 * The throw-away keys are a fixed byte pattern: they protect nothing, so they are not secrets. Each
 * combination gets a fresh connection, because a socket with keys cannot be made plain again
 * (docs/kernel.md 7). No call here waits longer than PROBE_WAIT_MS.
 */
#include "ktls/probe_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"

/* Later than the headers of Debian 12. */
#define PROBE_TLS_TX_MAX_PAYLOAD_LEN 5

#define PATTERN_FIRST 0x5a
#define PATTERN_REKEY 0xc3

#define TYPE_ALERT     21
#define TYPE_HANDSHAKE 22
#define TYPE_DATA      23

static const uint8_t close_notify[2] = { 1, 0 };
/* RFC 8446 4.6.3: KeyUpdate, update_not_requested */
static const uint8_t key_update[5] = { 24, 0, 0, 1, 0 };

/* ---- a loopback pair --------------------------------------------------------------------------- */

static int listen_on(int family, struct sockaddr_storage *addr, socklen_t *len, int *out)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	memset(addr, 0, sizeof(*addr));
	addr->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		((struct sockaddr_in *)addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		*len = sizeof(struct sockaddr_in);
	} else {
		((struct sockaddr_in6 *)addr)->sin6_addr = in6addr_loopback;
		*len = sizeof(struct sockaddr_in6);
	}
	if (bind(fd, (struct sockaddr *)addr, *len) != 0 || listen(fd, 4) != 0 ||
		getsockname(fd, (struct sockaddr *)addr, len) != 0) {
		int err = errno;

		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

static int set_wait(int fd)
{
	struct timeval tv = { .tv_sec = PROBE_WAIT_MS / 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0)
		return errno;
	return 0;
}

/* Another process of this machine may connect to our port first: only our own other end counts. */
static int accept_own(int listener, int client)
{
	struct sockaddr_storage want, got;
	socklen_t want_len = sizeof(want), got_len;
	int tries, fd;

	if (getsockname(client, (struct sockaddr *)&want, &want_len) != 0)
		return -1;
	for (tries = 0; tries < 8; tries++) {
		got_len = sizeof(got);
		fd = accept4(listener, (struct sockaddr *)&got, &got_len, SOCK_CLOEXEC);
		if (fd < 0)
			return -1;
		if (got_len == want_len && memcmp(&got, &want, want_len) == 0)
			return fd;
		close(fd);
	}
	errno = ECONNABORTED;
	return -1;
}

static int pair_open_on(struct probe_pair *p, int family)
{
	struct sockaddr_storage addr;
	socklen_t len = 0;
	int listener = -1, err = listen_on(family, &addr, &len, &listener);

	if (err)
		return err;
	err = set_wait(listener);
	if (err == 0) {
		p->a = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (p->a < 0 || set_wait(p->a) != 0 ||
			connect(p->a, (struct sockaddr *)&addr, len) != 0)
			err = errno;
	}
	if (err == 0) {
		p->b = accept_own(listener, p->a);
		if (p->b < 0 || set_wait(p->b) != 0)
			err = errno;
	}
	close(listener);
	if (err)
		probe_pair_clear(p);
	return err;
}

int probe_pair_open(struct probe_pair *p)
{
	int err = pair_open_on(p, AF_INET);

	return err && pair_open_on(p, AF_INET6) == 0 ? 0 : err;
}

void probe_pair_clear(struct probe_pair *p)
{
	if (p->a >= 0)
		close(p->a);
	if (p->b >= 0)
		close(p->b);
	p->a = p->b = -1;
}

/* ---- keys and records -------------------------------------------------------------------------- */

int probe_ulp(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3) == 0 ? 0 : errno;
}

size_t probe_keys_fill(union leat_kinfo *info, unsigned version, size_t cipher, uint8_t pattern)
{
	static const size_t size[KTLS_CIPHERS] = {
		sizeof(info->gcm128),
		sizeof(info->gcm256),
		sizeof(info->ccm128),
		sizeof(info->chacha),
	};

	memset(info, pattern, sizeof(*info));
	info->head.version = (uint16_t)version;
	info->head.cipher_type = (uint16_t)(TLS_CIPHER_AES_GCM_128 + cipher);
	return size[cipher];
}

int probe_keys(int fd, int optname, unsigned version, size_t cipher, uint8_t pattern)
{
	union leat_kinfo info;
	size_t n = probe_keys_fill(&info, version, cipher, pattern);

	return setsockopt(fd, SOL_TLS, optname, &info, (socklen_t)n) == 0 ? 0 : errno;
}

int probe_send(int fd, uint8_t type, const void *p, size_t n)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(1)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (type != TYPE_DATA) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_TLS;
		control.head.cmsg_type = TLS_SET_RECORD_TYPE;
		control.head.cmsg_len = CMSG_LEN(1);
		*CMSG_DATA(&control.head) = type;
	}
	sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	if (sent < 0)
		return errno;
	return (size_t)sent == n ? 0 : EBADMSG;
}

int probe_expect(int fd, uint8_t type, const void *p, size_t n)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(1)];
	} control = { 0 };
	char got[64] = { 0 };
	struct iovec iov = { .iov_base = got, .iov_len = sizeof(got) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t len = recvmsg(fd, &msg, 0);

	if (len < 0)
		return errno;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_level != SOL_TLS || c->cmsg_type != TLS_GET_RECORD_TYPE ||
		*CMSG_DATA(c) != type || (size_t)len != n || memcmp(got, p, n) != 0)
		return EBADMSG;
	return 0;
}

/* The other end of a kernel sender without kernel receiver sees one encrypted record. */
static int expect_ciphertext(int fd)
{
	uint8_t got[128];
	ssize_t len = recv(fd, got, sizeof(got), 0);

	if (len < 0)
		return errno;
	if (len < 5 + 4 || got[0] != TYPE_DATA || got[1] != 3 || got[2] != 3 ||
		(size_t)len != 5 + ((size_t)got[3] << 8 | got[4]) ||
		memmem(got, (size_t)len, "leat", 4))
		return EBADMSG;
	return 0;
}

/* ---- one combination, one option --------------------------------------------------------------- */

static int carry_records(const struct probe_pair *p)
{
	int err = probe_send(p->a, TYPE_DATA, "leat", 4);

	if (err == 0)
		err = probe_expect(p->b, TYPE_DATA, "leat", 4);
	if (err == 0)
		err = probe_send(p->a, TYPE_ALERT, close_notify, sizeof(close_notify));
	if (err == 0)
		err = probe_expect(p->b, TYPE_ALERT, close_notify, sizeof(close_notify));
	return err;
}

/* A pair with the ULP on both ends and TX keys on a, RX keys on b. err: by direction. */
static int pair_with_keys(struct probe_pair *p, unsigned version, size_t cipher, int err[2])
{
	int e = probe_pair_open(p);

	if (e == 0)
		e = probe_ulp(p->a);
	if (e == 0)
		e = probe_ulp(p->b);
	if (e) {
		err[LEAT_TX] = err[LEAT_RX] = e;
		return e;
	}
	err[LEAT_TX] = probe_keys(p->a, TLS_TX, version, cipher, PATTERN_FIRST);
	err[LEAT_RX] = probe_keys(p->b, TLS_RX, version, cipher, PATTERN_FIRST);
	return err[LEAT_TX] ? err[LEAT_TX] : err[LEAT_RX];
}

static void probe_cell(struct ktls_cell *cell, unsigned version, size_t cipher)
{
	LEAT_SCOPED(probe_pair_clear) struct probe_pair p = PROBE_PAIR_NONE;
	int err;

	if (pair_with_keys(&p, version, cipher, cell->err) == 0) {
		err = carry_records(&p);
		if (err)
			cell->err[LEAT_TX] = cell->err[LEAT_RX] = EBADMSG;
	} else if (cell->err[LEAT_TX] == 0) {
		/* Sender only: the receiver reads plain TCP and must see a record. */
		err = probe_send(p.a, TYPE_DATA, "leat", 4);
		if (err == 0)
			err = expect_ciphertext(p.b);
		if (err)
			cell->err[LEAT_TX] = EBADMSG;
	} else if (cell->err[LEAT_RX] == 0) {
		/* Receiver only: nobody here can send it a record, and untried is not "works". */
		cell->err[LEAT_RX] = cell->err[LEAT_TX];
	}
}

static int set_int(int fd, int optname, int value)
{
	return setsockopt(fd, SOL_TLS, optname, &value, sizeof(value)) == 0 ? 0 : errno;
}

/* RFC 8446 4.6.3: after KeyUpdate the sender's next record uses the next key. Linux before 6.14
 * refuses a second key with EBUSY; later ones take it once the record went through. */
static void probe_rekey(struct leat_ktls_caps *out, size_t cipher)
{
	LEAT_SCOPED(probe_pair_clear) struct probe_pair p = PROBE_PAIR_NONE;
	int err[2], e = pair_with_keys(&p, LEAT_TLS13, cipher, err);

	if (e == 0)
		e = probe_send(p.a, TYPE_HANDSHAKE, key_update, sizeof(key_update));
	if (e == 0)
		e = probe_expect(p.b, TYPE_HANDSHAKE, key_update, sizeof(key_update));
	out->rekey_err[LEAT_TX] = out->rekey_err[LEAT_RX] = e;
	if (e)
		return;
	out->rekey_err[LEAT_TX] = probe_keys(p.a, TLS_TX, LEAT_TLS13, cipher, PATTERN_REKEY);
	out->rekey_err[LEAT_RX] = probe_keys(p.b, TLS_RX, LEAT_TLS13, cipher, PATTERN_REKEY);
	if (out->rekey_err[LEAT_TX] == 0 && out->rekey_err[LEAT_RX] == 0 && carry_records(&p) != 0)
		out->rekey_err[LEAT_TX] = out->rekey_err[LEAT_RX] = EBADMSG;
}

static void probe_options(struct leat_ktls_caps *out, size_t cipher)
{
	LEAT_SCOPED(probe_pair_clear) struct probe_pair p = PROBE_PAIR_NONE;
	uint16_t payload = 4096;
	int err[2], e = pair_with_keys(&p, LEAT_TLS13, cipher, err);

	if (e) {
		out->no_pad_err = out->zerocopy_ro_err = out->max_payload_err = e;
		return;
	}
	out->no_pad_err = set_int(p.b, TLS_RX_EXPECT_NO_PAD, 1);
	out->zerocopy_ro_err = set_int(p.a, TLS_TX_ZEROCOPY_RO, 1);
	out->max_payload_err = setsockopt(p.a, SOL_TLS, PROBE_TLS_TX_MAX_PAYLOAD_LEN, &payload,
				       sizeof(payload)) == 0
				       ? 0
				       : errno;
	/* An option that breaks the records is worse than none. */
	if (carry_records(&p) != 0)
		out->no_pad_err = out->zerocopy_ro_err = out->max_payload_err = EBADMSG;
}

/* ---- what surrounds the module ----------------------------------------------------------------- */

/* Reads up to n - 1 bytes of a file as text; false when it cannot be opened. */
static bool read_text(const char *path, char *buf, size_t n)
{
	size_t have = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while (have < n - 1 && (got = read(fd, buf + have, n - 1 - have)) > 0)
		have += (size_t)got;
	close(fd);
	buf[have] = '\0';
	return true;
}

static bool module_loaded(void)
{
	return access("/sys/module/tls", F_OK) == 0;
}

static bool module_file(const char *release)
{
	static const char *const suffix[] = { "", ".xz", ".zst", ".gz" };
	char path[160];
	size_t i;

	for (i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/kernel/net/tls/tls.ko%s", release,
			suffix[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* The kernel asks for CAP_NET_ADMIN of the first user namespace; root of a container has it only
 * in its own, and then `capable` says no. */
static bool may_autoload(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	char map[64];
	unsigned inside, outside, count;

	if (syscall(SYS_capget, &head, data) != 0 ||
		!(data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)))
		return false;
	if (!read_text("/proc/self/uid_map", map, sizeof(map)))
		return true; /* a kernel without user namespaces */
	/* lint: allow number (the kernel wrote it, and anything unexpected means "no") */
	return sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == 4294967295u;
}

static void look_around(const char *release, struct probe_module *m)
{
	char path[128];

	snprintf(path, sizeof(path), "/lib/modules/%s", release);
	*m = (struct probe_module){
		.can_load = access("/proc/modules", F_OK) == 0,
		.tree = access(path, F_OK) == 0,
		.file = module_file(release),
		.privileged = may_autoload(),
	};
}

static struct probe_module here; /* written once */

static void look_here(void)
{
	struct utsname u = { 0 };

	(void)uname(&u);
	look_around(u.release, &here);
}

enum ktls_obstacle ktls_obstacle_here(int ulp_err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, look_here);
	return ktls_obstacle_of(ulp_err, &here);
}

static bool cpu_has_aes(void)
{
	char text[8192], *flags, *end;

	if (!read_text("/proc/cpuinfo", text, sizeof(text)))
		return false;
	flags = strstr(text, "\nflags"); /* x86 */
	if (!flags)
		flags = strstr(text, "\nFeatures"); /* arm64 */
	if (!flags)
		return false;
	end = strchr(flags + 1, '\n');
	if (end)
		end[0] = '\0';
	flags = strstr(flags, " aes");
	return flags && (flags[4] == ' ' || flags[4] == '\0');
}

/* ---- all of it --------------------------------------------------------------------------------- */

#define PROC_CRYPTO_MAX 262144 /* hundreds of entries of about 250 bytes */

static void probe_drivers(struct leat_ktls_caps *out)
{
	char *text = leat_malloc(PROC_CRYPTO_MAX);
	size_t i;

	if (text && read_text("/proc/crypto", text, PROC_CRYPTO_MAX))
		for (i = 0; i < KTLS_CIPHERS; i++)
			crypto_driver_of(
				text, ktls_cipher_alg(i), out->driver[i], sizeof(out->driver[i]));
	leat_free(text);
	out->aes = ktls_speed_of(out->driver[0], cpu_has_aes());
}

/* The first cipher that works both ways under a version, or KTLS_CIPHERS. */
static size_t working_cipher(const struct leat_ktls_caps *caps, unsigned version)
{
	size_t i;

	for (i = 0; i < KTLS_CIPHERS; i++)
		if (caps->cell[version - LEAT_TLS12][i].err[LEAT_RX] == 0 &&
			caps->cell[version - LEAT_TLS12][i].err[LEAT_TX] == 0)
			break;
	return i;
}

static void set_all(struct leat_ktls_caps *out, int err)
{
	size_t v, c;

	for (v = 0; v < KTLS_VERSIONS; v++)
		for (c = 0; c < KTLS_CIPHERS; c++)
			out->cell[v][c].err[LEAT_RX] = out->cell[v][c].err[LEAT_TX] = err;
	out->rekey_err[LEAT_RX] = out->rekey_err[LEAT_TX] = err;
	out->no_pad_err = out->zerocopy_ro_err = out->max_payload_err = err;
	out->uring_setsockopt_err = out->uring_multishot_err = err;
}

static enum leat_ret stop_at(struct leat_ktls_caps *out, enum ktls_obstacle o, int err)
{
	out->obstacle = o;
	out->err = err;
	return o == KTLS_NO_PAIR ? LEAT_FAILED : LEAT_UNSUPPORTED;
}

static bool any_works(const struct leat_ktls_caps *caps)
{
	size_t v, c;

	for (v = 0; v < KTLS_VERSIONS; v++)
		for (c = 0; c < KTLS_CIPHERS; c++)
			if (caps->cell[v][c].err[LEAT_RX] == 0 ||
				caps->cell[v][c].err[LEAT_TX] == 0)
				return true;
	return false;
}

enum leat_ret leat_ktls_probe(struct leat_ktls_caps *out)
{
	LEAT_SCOPED(probe_pair_clear) struct probe_pair p = PROBE_PAIR_NONE;
	struct probe_module around;
	struct utsname u;
	size_t v, c, cipher13, cipher12;
	int err;

	*out = (struct leat_ktls_caps){ 0 };
	set_all(out, ENOTSUP);
	if (uname(&u) == 0)
		snprintf(out->release, sizeof(out->release), "%s", u.release);
	out->loaded_before = module_loaded();
	look_around(out->release, &around);
	out->privileged = around.privileged;
	probe_uring_setup(out);

	err = probe_pair_open(&p);
	if (err) {
		set_all(out, err);
		return stop_at(out, KTLS_NO_PAIR, err);
	}
	err = probe_ulp(p.a);
	out->loaded_now = err == 0 || module_loaded();
	if (err) {
		set_all(out, err);
		return stop_at(out, ktls_obstacle_of(err, &around), err);
	}

	for (v = 0; v < KTLS_VERSIONS; v++)
		for (c = 0; c < KTLS_CIPHERS; c++)
			probe_cell(&out->cell[v][c], LEAT_TLS12 + (unsigned)v, c);
	probe_drivers(out);
	if (!any_works(out))
		return stop_at(out, KTLS_NO_CIPHER, out->cell[1][0].err[LEAT_TX]);

	cipher12 = working_cipher(out, LEAT_TLS12);
	cipher13 = working_cipher(out, LEAT_TLS13);
	if (cipher13 < KTLS_CIPHERS) {
		probe_rekey(out, cipher13);
		probe_options(out, cipher13);
		probe_uring_records(out, LEAT_TLS13, cipher13);
	} else if (cipher12 < KTLS_CIPHERS) {
		probe_uring_records(out, LEAT_TLS12, cipher12);
	}
	return LEAT_OK;
}

/* ---- the answer of this process ---------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* around the first probe */
static struct leat_ktls_caps found;                      /* written once, before `answer` */
static _Atomic(const struct leat_ktls_caps *) answer;
static _Atomic(const struct leat_ktls_caps *) injected;

const struct leat_ktls_caps *leat_ktls_caps_get(void)
{
	/* What is told while nothing can be learnt. Not remembered: the next caller tries again. */
	static const struct leat_ktls_caps unknown = { .obstacle = KTLS_NO_PAIR };
	const struct leat_ktls_caps *caps = atomic_load(&injected);

	if (!caps)
		caps = atomic_load(&answer);
	if (caps)
		return caps;
	pthread_mutex_lock(&lock);
	caps = atomic_load(&answer);
	if (!caps && leat_ktls_probe(&found) != LEAT_FAILED) {
		caps = &found;
		atomic_store(&answer, caps);
	}
	pthread_mutex_unlock(&lock);
	return caps ? caps : &unknown;
}

void leat_ktls_caps_override(const struct leat_ktls_caps *caps)
{
	atomic_store(&injected, caps);
}

bool leat_ktls_can(
	const struct leat_ktls_caps *caps, unsigned version, unsigned cipher, enum leat_dir dir)
{
	return leat_ktls_why(caps, version, cipher, dir)[0] == '\0';
}

bool leat_ktls_can_rekey(const struct leat_ktls_caps *caps, enum leat_dir dir)
{
	return caps->obstacle == KTLS_NONE && caps->rekey_err[dir] == 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * admit.c - see admit.h.
 */
#include "steer/admit.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* An integer of SOL_SOCKET; false with errno. */
static bool get_int(int fd, int level, int option, int *out)
{
	socklen_t n = sizeof(*out);

	*out = 0;
	return getsockopt(fd, level, option, out, &n) == 0;
}

static const char *refuse_not_tcp(int fd)
{
	int type, protocol;

	if (!get_int(fd, SOL_SOCKET, SO_TYPE, &type) ||
		!get_int(fd, SOL_SOCKET, SO_PROTOCOL, &protocol))
		return "not a socket";
	if (type != SOCK_STREAM || protocol != IPPROTO_TCP)
		return "not a TCP socket";
	return NULL;
}

/* Any upper layer protocol, "tls" first of all: with keys or still without. */
static const char *refuse_ulp(int fd)
{
	char name[16] = "";
	socklen_t n = sizeof(name);

	if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &n) != 0)
		return "cannot be asked for its upper layer protocol";
	return n > 0 && name[0] != '\0'
		       ? "it has an upper layer protocol (TLS): such a socket never enters a map"
		       : NULL;
}

static const char *refuse_kind(int fd, enum admit_kind kind)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);
	int listens;

	if (!get_int(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens))
		return "cannot be asked whether it listens";
	if (kind == ADMIT_LISTENER)
		return listens ? NULL : "it does not listen (yet)";
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
		return "cannot be asked for its state";
	return info.tcpi_state == TCP_CLOSE ? NULL : "it is connected already, or listens";
}

static const char *refuse(int fd, enum admit_kind kind)
{
	const char *why = refuse_not_tcp(fd);

	if (why == NULL)
		why = refuse_ulp(fd);
	return why != NULL ? why : refuse_kind(fd, kind);
}

static int put_listener(int map, uint32_t slot, int fd)
{
	uint64_t value = (uint64_t)fd;

	return bpf_map_update_elem(map, &slot, &value, BPF_ANY);
}

static int put_leg(int map, int fd)
{
	uint64_t cookie;
	socklen_t n = sizeof(cookie);
	uint8_t yes = 1;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) != 0)
		return -errno;
	return bpf_map_update_elem(map, &cookie, &yes, BPF_ANY);
}

bool admit(int map, enum admit_kind kind, uint32_t slot, int fd, char why[STEER_TEXT])
{
	const char *text = refuse(fd, kind);
	int rc;

	if (text != NULL) {
		snprintf(why, STEER_TEXT, "socket not put into a map: %s", text);
		return false;
	}
	rc = kind == ADMIT_LISTENER ? put_listener(map, slot, fd) : put_leg(map, fd);
	if (rc == 0)
		return true;
	snprintf(why, STEER_TEXT, "the kernel refuses the socket in the map: %s", strerror(-rc));
	return false;
}

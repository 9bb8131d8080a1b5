/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_log.c - a line for each connection when it has ended, and for each backend that went down or came
 * back. One write(2) a line: those of several workers stay whole. What a peer chose is escaped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool/accept.h"
#include "tool/proxy.h"

int log_open_for(const char *where)
{
	int fd;

	if (where == NULL)
		return -1;
	if (strcmp(where, "-") == 0)
		return STDOUT_FILENO;
	fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	return fd < 0 ? -2 : fd;
}

static void put(const struct proxy *p, char *line, size_t size, int n)
{
	if (n >= (int)size) {
		n = (int)size - 1;
		line[n - 1] = '\n';
	}
	if (write(p->log_fd, line, (size_t)n) < 0)
		return; /* a full disk or a gone reader is no reason to end a connection */
}

static void address_text(const struct proxy_conn *c, char *out, size_t n)
{
	char ip[INET6_ADDRSTRLEN];

	if (!c->has_addr)
		snprintf(out, n, "?");
	else if (c->src.any.sa_family == AF_INET6)
		snprintf(out, n, "[%s]:%u",
			inet_ntop(AF_INET6, &c->src.in6.sin6_addr, ip, sizeof(ip)),
			ntohs(c->src.in6.sin6_port));
	else
		snprintf(out, n, "%s:%u", inet_ntop(AF_INET, &c->src.in.sin_addr, ip, sizeof(ip)),
			ntohs(c->src.in.sin_port));
}

static const char *backend_of(const struct proxy_conn *c, enum leat_dir dir)
{
	return handover_is_kernel(&c->io.h, dir) ? "kernel" : "user";
}

static void plain_text(char *text)
{
	for (char *t = text; t != NULL && *t != '\0'; t++)
		if (*t < ' ' || *t > '~' || *t == '"')
			*t = '\'';
}

void proxy_log_conn(struct proxy_conn *c)
{
	struct leat_engine_info info = { 0 };
	char line[1600], peer[80], sni[400], alpn[160];
	int n;

	if (c->w->p->log_fd < 0)
		return;
	if (c->io.e != NULL)
		leat_engine_info(c->io.e, &info);
	address_text(c, peer, sizeof(peer));
	report_text(sni, sizeof(sni), info.sni);
	report_text(alpn, sizeof(alpn), info.alpn);
	plain_text(c->error);
	n = snprintf(line, sizeof(line),
		"%" PRIu64 " %s %s %s servername=%s alpn=%s backend=%s up=%" PRIu64 " down=%" PRIu64
		" tx=%s rx=%s tx_why=%s rx_why=%s end=%s ms=%" PRIu64 "%s%s%s\n",
		c->number, peer, info.version ? leat_version_name(info.version) : "-",
		info.suite_name ? info.suite_name : "-", sni, alpn,
		c->backend ? c->backend->name : "-", c->up.bytes, c->down.bytes,
		backend_of(c, LEAT_TX), backend_of(c, LEAT_RX), why_name(c->io.h.dir[LEAT_TX].why),
		why_name(c->io.h.dir[LEAT_RX].why), c->why, proxy_now(c) - c->start_ms,
		c->error ? " error=\"" : "", c->error ? c->error : "", c->error ? "\"" : "");
	put(c->w->p, line, sizeof(line), n);
}

void proxy_log_backend(const struct proxy *p, const struct backend *b, int err)
{
	char line[512];
	int n;

	if (p->log_fd < 0)
		return;
	n = snprintf(line, sizeof(line), "backend %s %s%s\n", b->name, err ? "down: " : "up",
		err ? strerror(err) : "");
	put(p, line, sizeof(line), n);
}

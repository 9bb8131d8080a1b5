/* SPDX-License-Identifier: Apache-2.0
 *
 * guide_upgrade.c - the manual's upgrade example: two programs talk over TCP, agree on TLS, and go on over the same
 * connection, passive first and then by events.
 *
 *	guide_upgrade server CHAIN.pem KEY.pem
 *	guide_upgrade client PORT CA.pem
 */
#include "guide.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <leat/mailbox.h>

/* Byte by byte: nothing of what follows the line may be read here. */
static void expect_line(int fd, const char *want)
{
	char line[32];
	size_t n = 0;

	while (n < sizeof(line) - 1 && read(fd, line + n, 1) == 1 && line[n++] != '\n')
		;
	line[n] = '\0';
	if (strcmp(line, want) != 0) {
		fprintf(stderr, "got %s instead of %s", line, want);
		exit(1);
	}
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(1);
}

static int accept_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	if (bind(l, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(l, 1) != 0 ||
		getsockname(l, (struct sockaddr *)&a, &n) != 0)
		exit(1);
	printf("port %u\n", ntohs(a.sin_port));
	fflush(stdout);
	fd = accept(l, NULL, NULL);
	close(l);
	return fd;
}

static void server(const struct leat_files *files)
{
	struct leat_config *cfg = config_of(LEAT_SERVER, files, NULL);
	struct leat_event ev = { .kind = LEAT_EVENT_NONE };
	struct leat_mailbox *m;
	struct leat_conn *c;
	struct leat_err err = { 0 };
	int fd = accept_tcp();

	expect_line(fd, "STARTTLS\n");
	say(fd, "go\n"); /* from here on the client's next byte is TLS, and nobody else reads it */
	TRY(leat_upgrade_server(&c, cfg, fd, 0, MS, &err));
	tell_what_comes(c);
	TRY(leat_mailbox_new(&m, &err));
	TRY(leat_conn_set_owner(c, m, NULL, &err));
	TRY(leat_conn_setopt(c, "active", "true", &err));
	while (ev.kind != LEAT_EVENT_CLOSED) {
		TRY(leat_mailbox_next(m, &ev, MS, &err));
		if (ev.kind == LEAT_EVENT_ERROR)
			give_up("event", &ev.err);
		if (ev.kind == LEAT_EVENT_MESSAGE)
			printf("got %.*s\n", (int)ev.message.body.n,
				(const char *)ev.message.body.p);
	}
	leat_mailbox_free(m);
	leat_config_unref(cfg);
}

static void client(uint16_t port, const struct leat_files *files)
{
	struct leat_config *cfg = config_of(LEAT_CLIENT, files, NULL);
	struct leat_conn *c;
	struct leat_err err = { 0 };
	int fd;

	TRY(leat_tcp_connect(&fd, "127.0.0.1", port, MS, &err));
	say(fd, "STARTTLS\n");
	fcntl(fd, F_SETFL,
		0); /* leat's sockets do not block; leat sees to that itself afterwards */
	expect_line(fd, "go\n");
	TRY(leat_upgrade_client(&c, cfg, fd, "localhost", 0, MS, &err));
	TRY_ON(c, leat_send(c, "foo", 3, MS, NULL));
	usleep(100000); /* so that the other side sees two messages */
	TRY_ON(c, leat_send(c, "bar", 3, MS, NULL));
	end(c);
	leat_config_unref(cfg);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		server(&(struct leat_files){ .certfile = argv[2], .keyfile = argv[3] });
	else if (argc == 4 && strcmp(argv[1], "client") == 0)
		client(port_of(argv[2]), &(struct leat_files){ .cacertfile = argv[3] });
	else
		return 2;
	return 0;
}

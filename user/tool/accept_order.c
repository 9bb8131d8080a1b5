/* SPDX-License-Identifier: Apache-2.0
 *
 * accept_order.c - orders for the connections of `leat accept`, one a line on stdin. They go to every
 * connection that is open.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool/accept.h"

static void close_all(struct accept *a)
{
	accept_for_all(a, guest_close);
}

static void update_all(struct accept *a)
{
	accept_for_all(a, guest_key_update);
}

static void ask_all(struct accept *a)
{
	accept_for_all(a, guest_ask);
}

static const struct {
	const char *name;
	void (*fn)(struct accept *a);
} orders[] = {
	{ "auth", ask_all },
	{ "close", close_all },
	{ "key-update", update_all },
	{ "stop", accept_stop },
};
#define NUM_ORDERS (sizeof(orders) / sizeof(orders[0]))

static void obey(struct accept *a, const char *line)
{
	for (size_t i = 0; i < NUM_ORDERS; i++)
		if (strcmp(orders[i].name, line) == 0) {
			orders[i].fn(a);
			return;
		}
	if (line[0] == '\0')
		return;
	fprintf(stderr, "leat accept: no order of that name; there are:");
	for (size_t i = 0; i < NUM_ORDERS; i++)
		fprintf(stderr, " %s", orders[i].name);
	fprintf(stderr, "\n");
}

/* A line that is too long is read to its end and obeyed as little as any unknown one. */
static void take(struct accept *a, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			a->order[a->order_n] = '\0';
			a->order_n = 0;
			obey(a, a->order);
		} else if (p[i] != '\r' && a->order_n + 1 < sizeof(a->order)) {
			a->order[a->order_n++] = p[i];
		}
	}
}

static void on_input(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct accept *a = op->arg;
	char buf[256];
	ssize_t n;

	(void)flags;
	if (res < 0)
		return;
	n = read(STDIN_FILENO, buf, sizeof(buf));
	if (n > 0)
		take(a, buf, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		loop_ready(l, op, STDIN_FILENO, POLLIN);
}

void orders_start(struct accept *a)
{
	a->input = (struct loop_op){ .done = on_input, .arg = a };
	loop_ready(a->loop, &a->input, STDIN_FILENO, POLLIN);
}

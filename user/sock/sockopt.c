/* SPDX-License-Identifier: Apache-2.0
 *
 * sockopt.c - the one table of socket options: names, values, and where they live (here or in the kernel).
 * Text is parsed whole before anything is set.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "config/option.h"
#include "sock/conn.h"
#include "sock/sockset.h"

enum kind {
	OWN = 0, /* in struct sockset */
	FLAG,    /* the kernel's: true or false */
	NUMBER,  /* the kernel's: an int */
	LINGER,  /* the kernel's: false, or seconds */
	PLAN,    /* while a socket is made only: in struct sockplan */
};

struct row;
typedef bool set_fn(struct sockset *s, const struct row *r, const char *value);
typedef bool plan_fn(struct sockplan *p, const struct row *r, const char *value);

struct row {
	const char *name;
	enum kind kind;
	int level, opt;
	long min, max;
	set_fn *set;
	void (*show)(const struct sockset *s, char *buf, size_t n);
	plan_fn *plan;
};

static bool parse_number(const char *value, long min, long max, long *out)
{
	bool minus = value && value[0] == '-';
	const char *p = value ? value + minus : "";
	long v = 0;
	size_t i;

	for (i = 0; p[i] >= '0' && p[i] <= '9' && i < 12; i++)
		v = v * 10 + (p[i] - '0');
	if (i == 0 || p[i])
		return false;
	v = minus ? -v : v;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

static bool parse_bool(const char *value, bool *out)
{
	if (!value || (strcmp(value, "true") != 0 && strcmp(value, "false") != 0))
		return false;
	*out = value[0] == 't';
	return true;
}

static void show_bool(bool v, char *buf, size_t n)
{
	snprintf(buf, n, "%s", v ? "true" : "false");
}

/* ---- leat's own ------------------------------------------------------------------------------------- */

static bool set_packet(struct sockset *s, const struct row *r, const char *value)
{
	enum leat_packet type = value ? leat_packet_by_name(value) : LEAT_PACKET_COUNT;

	(void)r;
	if (type == LEAT_PACKET_COUNT)
		return false;
	s->framing.type = type;
	s->framing.in_headers = false;
	return true;
}

static void show_packet(const struct sockset *s, char *buf, size_t n)
{
	snprintf(buf, n, "%s",
		s->framing.type == LEAT_PACKET_RAW ? "0" : leat_packet_name(s->framing.type));
}

static bool set_packet_size(struct sockset *s, const struct row *r, const char *value)
{
	long v = 0;

	if (!parse_number(value, r->min, r->max, &v))
		return false;
	s->framing.packet_size = (uint32_t)v;
	return true;
}

static void show_packet_size(const struct sockset *s, char *buf, size_t n)
{
	snprintf(buf, n, "%u", s->framing.packet_size);
}

static bool set_delimiter(struct sockset *s, const struct row *r, const char *value)
{
	long v = 0;

	if (!parse_number(value, r->min, r->max, &v))
		return false;
	s->framing.delimiter = (uint8_t)v;
	return true;
}

static void show_delimiter(const struct sockset *s, char *buf, size_t n)
{
	snprintf(buf, n, "%u", s->framing.delimiter);
}

static bool set_mode(struct sockset *s, const struct row *r, const char *value)
{
	(void)r;
	if (!value || (strcmp(value, "list") != 0 && strcmp(value, "binary") != 0))
		return false;
	s->list_mode = value[0] == 'l';
	return true;
}

static void show_mode(const struct sockset *s, char *buf, size_t n)
{
	snprintf(buf, n, "%s", s->list_mode ? "list" : "binary");
}

/* Also said without a value: the name is the value. */
static bool set_mode_flag(struct sockset *s, const struct row *r, const char *value)
{
	bool on = true;

	if (value && value[0] && (!parse_bool(value, &on) || !on))
		return false;
	return set_mode(s, r, r->name);
}

static bool set_header(struct sockset *s, const struct row *r, const char *value)
{
	long v = 0;

	if (!parse_number(value, r->min, r->max, &v))
		return false;
	s->header = (uint16_t)v;
	return true;
}

static void show_header(const struct sockset *s, char *buf, size_t n)
{
	snprintf(buf, n, "%u", s->header);
}

/* A number is added to what is left; what has no 16 bits with a sign is refused. */
static bool set_active(struct sockset *s, const struct row *r, const char *value)
{
	static const char *const words[] = {
		[ACTIVE_OFF] = "false", [ACTIVE_ON] = "true", [ACTIVE_ONCE] = "once"
	};
	long v = 0;

	for (int i = ACTIVE_OFF; value && i <= ACTIVE_ONCE; i++)
		if (strcmp(value, words[i]) == 0) {
			s->active = (enum active)i;
			s->credit = 0;
			return true;
		}
	if (!parse_number(value, r->min, r->max, &v))
		return false;
	v += s->active == ACTIVE_COUNTED ? s->credit : 0;
	if (v < r->min || v > r->max)
		return false;
	s->active = ACTIVE_COUNTED; /* also with nothing left: that is told (mail_serve.c) */
	s->credit = (int16_t)(v > 0 ? v : 0);
	return true;
}

static void show_active(const struct sockset *s, char *buf, size_t n)
{
	static const char *const words[] = {
		[ACTIVE_OFF] = "false", [ACTIVE_ON] = "true", [ACTIVE_ONCE] = "once"
	};

	if (s->active == ACTIVE_COUNTED && s->credit > 0)
		snprintf(buf, n, "%d", s->credit);
	else
		snprintf(buf, n, "%s", words[s->active % ACTIVE_COUNTED]);
}

static bool set_exit_on_close(struct sockset *s, const struct row *r, const char *value)
{
	(void)r;
	return parse_bool(value, &s->exit_on_close);
}

static void show_exit_on_close(const struct sockset *s, char *buf, size_t n)
{
	show_bool(s->exit_on_close, buf, n);
}

/* ---- of a socket that is being made ------------------------------------------------------------------- */

static bool plan_family(struct sockplan *p, const struct row *r, const char *value)
{
	bool on = true;

	if (value && value[0] && (!parse_bool(value, &on) || !on))
		return false;
	p->family = r->opt;
	return true;
}

static bool plan_ip(struct sockplan *p, const struct row *r, const char *value)
{
	uint8_t trash[16];

	(void)r;
	if (!value ||
		(inet_pton(AF_INET, value, trash) != 1 && inet_pton(AF_INET6, value, trash) != 1))
		return false;
	p->ip = value;
	return true;
}

static bool plan_port(struct sockplan *p, const struct row *r, const char *value)
{
	long v = 0;

	if (!parse_number(value, r->min, r->max, &v))
		return false;
	p->port = (uint16_t)v;
	return true;
}

static bool plan_backlog(struct sockplan *p, const struct row *r, const char *value)
{
	long v = 0;

	if (!parse_number(value, r->min, r->max, &v))
		return false;
	p->backlog = (int)v;
	return true;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

#define BYTES_MAX 1073741823 /* the kernel doubles it */

static const struct row rows[] = {
	{ "packet", OWN, 0, 0, 0, 0, set_packet, show_packet, NULL },
	{ "packet_size", OWN, 0, 0, 0, UINT32_MAX, set_packet_size, show_packet_size, NULL },
	{ "line_delimiter", OWN, 0, 0, 0, 255, set_delimiter, show_delimiter, NULL },
	{ "mode", OWN, 0, 0, 0, 0, set_mode, show_mode, NULL },
	{ "binary", OWN, 0, 0, 0, 0, set_mode_flag, show_mode, NULL },
	{ "list", OWN, 0, 0, 0, 0, set_mode_flag, show_mode, NULL },
	{ "header", OWN, 0, 0, 0, UINT16_MAX, set_header, show_header, NULL },
	{ "active", OWN, 0, 0, INT16_MIN, INT16_MAX, set_active, show_active, NULL },
	{ "exit_on_close", OWN, 0, 0, 0, 0, set_exit_on_close, show_exit_on_close, NULL },
	{ "nodelay", FLAG, IPPROTO_TCP, TCP_NODELAY, 0, 1, NULL, NULL, NULL },
	{ "keepalive", FLAG, SOL_SOCKET, SO_KEEPALIVE, 0, 1, NULL, NULL, NULL },
	{ "reuseaddr", FLAG, SOL_SOCKET, SO_REUSEADDR, 0, 1, NULL, NULL, NULL },
	{ "ipv6_v6only", FLAG, IPPROTO_IPV6, IPV6_V6ONLY, 0, 1, NULL, NULL, NULL },
	{ "recbuf", NUMBER, SOL_SOCKET, SO_RCVBUF, 0, BYTES_MAX, NULL, NULL, NULL },
	{ "sndbuf", NUMBER, SOL_SOCKET, SO_SNDBUF, 0, BYTES_MAX, NULL, NULL, NULL },
	{ "priority", NUMBER, SOL_SOCKET, SO_PRIORITY, 0, INT32_MAX, NULL, NULL, NULL },
	{ "tos", NUMBER, IPPROTO_IP, IP_TOS, 0, 255, NULL, NULL, NULL },
	{ "tclass", NUMBER, IPPROTO_IPV6, IPV6_TCLASS, 0, 255, NULL, NULL, NULL },
	{ "user_timeout", NUMBER, IPPROTO_TCP, TCP_USER_TIMEOUT, 0, INT32_MAX, NULL, NULL, NULL },
	{ "linger", LINGER, SOL_SOCKET, SO_LINGER, 0, UINT16_MAX, NULL, NULL, NULL },
	{ "inet", PLAN, 0, AF_INET, 0, 0, NULL, NULL, plan_family },
	{ "inet6", PLAN, 0, AF_INET6, 0, 0, NULL, NULL, plan_family },
	{ "ip", PLAN, 0, 0, 0, 0, NULL, NULL, plan_ip },
	{ "port", PLAN, 0, 0, 0, UINT16_MAX, NULL, NULL, plan_port },
	{ "backlog", PLAN, 0, 0, 0, INT32_MAX, NULL, NULL, plan_backlog },
};

#define NUM_ROWS (sizeof(rows) / sizeof(rows[0]))

const char *leat_sockopt_name(size_t i)
{
	return i < NUM_ROWS ? rows[i].name : NULL;
}

static enum leat_ret refuse(
	struct leat_err *err, const char *name, const char *value, int sys, const char *what)
{
	err_raise(err, LEAT_E_SOCKOPT, 0, sys, LEAT_HERE, what);
	err->option = name;
	if (value)
		err_detail(err, value, strlen(value));
	return LEAT_FAILED;
}

static const struct row *look_up(const char *name)
{
	for (size_t i = 0; name && i < NUM_ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

bool sockopt_is_carriers(const char *name)
{
	const struct row *r = look_up(name);

	return name && (r ? r->kind != OWN && r->kind != PLAN : !option_find(name, OPTION_BOTH));
}

static const struct row *find(const char *name, struct leat_err *err)
{
	const struct row *r = look_up(name);

	if (r)
		return r;
	/* The name is the caller's and may not live as long as err: it goes to the detail. */
	(void)refuse(err, "(unknown)", name, 0, "there is no socket option of this name");
	return NULL;
}

/* ---- the kernel's ---------------------------------------------------------------------------------------- */

/* What setsockopt(2) is to be told; false: no value of the option. */
static bool parse_kernel(const struct row *r, const char *value, int *number, struct linger *linger)
{
	bool on = false;
	long v = 0;

	if (r->kind == FLAG) {
		if (!parse_bool(value, &on))
			return false;
		*number = on;
		return true;
	}
	if (r->kind == LINGER && value && strcmp(value, "false") == 0) {
		*linger = (struct linger){ 0, 0 };
		return true;
	}
	if (!parse_number(value, r->min, r->max, &v))
		return false;
	*number = (int)v;
	*linger = (struct linger){ 1, (int)v };
	return true;
}

static enum leat_ret set_kernel(
	const struct row *r, int fd, const char *value, struct leat_err *err)
{
	struct linger linger = { 0, 0 };
	int number = 0, sys;

	if (!parse_kernel(r, value, &number, &linger))
		return refuse(err, r->name, value, 0, "not a value of this option");
	sys = r->kind == LINGER
		      ? sys_real.setsockopt(fd, r->level, r->opt, &linger, sizeof(linger))
		      : sys_real.setsockopt(fd, r->level, r->opt, &number, sizeof(number));
	if (sys < 0)
		return refuse(err, r->name, value, -sys, "refused by the kernel");
	return LEAT_OK;
}

static enum leat_ret get_kernel(
	const struct row *r, int fd, char *buf, size_t n, struct leat_err *err)
{
	union {
		int number;
		struct linger linger;
	} v = { .linger = { 0, 0 } };
	socklen_t len = sizeof(v);
	int sys = sys_real.getsockopt(fd, r->level, r->opt, &v, &len);

	if (sys < 0)
		return refuse(err, r->name, NULL, -sys, "refused by the kernel");
	if (r->kind == FLAG)
		show_bool(v.number != 0, buf, n);
	else if (r->kind == LINGER && !v.linger.l_onoff)
		show_bool(false, buf, n);
	else
		snprintf(buf, n, "%d", r->kind == LINGER ? v.linger.l_linger : v.number);
	return LEAT_OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

void sockset_init(struct sockset *s, const struct leat_config *cfg)
{
	bool manual = cfg && cfg->manual_sockets;

	*s = (struct sockset){
		.active = manual ? ACTIVE_ON : ACTIVE_OFF,
		.list_mode = manual,
		.exit_on_close = manual,
	};
	leat_framing_init(&s->framing, LEAT_PACKET_RAW);
	s->framing.packet_size = manual ? 0 : PACKET_SIZE_DEFAULT;
}

enum leat_ret sockset_set(
	struct sockset *s, int fd, const char *name, const char *value, struct leat_err *err)
{
	const struct row *r = find(name, err);

	if (!r)
		return LEAT_FAILED;
	if (r->kind == PLAN)
		return refuse(err, r->name, value, 0, "cannot be changed once the socket is made");
	if (r->kind != OWN)
		return set_kernel(r, fd, value, err);
	return r->set(s, r, value) ? LEAT_OK
				   : refuse(err, r->name, value, 0, "not a value of this option");
}

enum leat_ret sockset_get(const struct sockset *s, int fd, const char *name, char *buf, size_t n,
	struct leat_err *err)
{
	const struct row *r = find(name, err);

	if (!r)
		return LEAT_FAILED;
	if (r->kind == PLAN)
		return refuse(err, r->name, NULL, 0, "is not kept once the socket is made");
	if (r->kind != OWN)
		return get_kernel(r, fd, buf, n, err);
	r->show(s, buf, n);
	return LEAT_OK;
}

static bool plan_one(struct sockplan *p, const struct row *r, const char *value)
{
	struct linger linger;
	int number;

	if (r->kind == PLAN)
		return r->plan(p, r, value);
	if (r->kind == OWN)
		return r->set(&p->set, r, value);
	return parse_kernel(r, value, &number, &linger);
}

enum leat_ret sockplan_init(struct sockplan *p, const struct leat_config *cfg,
	const struct leat_sockopt *list, size_t num, struct leat_err *err)
{
	*p = (struct sockplan){
		.list = list, .num = num, .family = AF_UNSPEC, .backlog = SOMAXCONN
	};
	sockset_init(&p->set, cfg);
	for (size_t i = 0; i < num; i++) {
		const struct row *r;

		if (cfg && cfg->transport && sockopt_is_carriers(list[i].name))
			continue;
		r = find(list[i].name, err);
		if (!r)
			return LEAT_FAILED;
		if (!plan_one(p, r, list[i].value))
			return refuse(err, r->name, list[i].value, 0, "not a value of this option");
	}
	return LEAT_OK;
}

enum leat_ret sockplan_apply(const struct sockplan *p, int fd, struct leat_err *err)
{
	for (size_t i = 0; i < p->num; i++) {
		const struct row *r = find(p->list[i].name, err);

		if (r && (r->kind == PLAN || r->kind == OWN))
			continue;
		if (!r || set_kernel(r, fd, p->list[i].value, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	return LEAT_OK;
}

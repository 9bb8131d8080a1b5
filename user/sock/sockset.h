/* SPDX-License-Identifier: Apache-2.0
 *
 * sockset.h - the options of a socket that leat keeps itself, and lists of options for sockets that are being
 * made. Private to sock/; the names and values are those of leat/sockopt.h.
 */
#ifndef LEAT_SOCK_SOCKSET_H
#define LEAT_SOCK_SOCKSET_H

#include <leat/packet.h>
#include <leat/sockopt.h>

struct addrinfo;

enum active {
	ACTIVE_OFF = 0,
	ACTIVE_ON,
	ACTIVE_ONCE,
	ACTIVE_COUNTED, /* credit messages, then off */
};

struct sockset {
	struct leat_framing framing;
	enum active active;
	int16_t credit;
	uint16_t header;
	bool list_mode;
	bool exit_on_close;
};

/* What a message may have at most unless the option packet_size says otherwise: a length prefix lets a peer
 * make us keep as much as it likes. */
#define PACKET_SIZE_DEFAULT (64u * 1024 * 1024)

/* The defaults of the config's preset; cfg NULL: modern. */
void sockset_init(struct sockset *s, const struct leat_config *cfg);
/* Sets one option of a socket that exists; all or nothing. */
LEAT_MUST_CHECK enum leat_ret sockset_set(
	struct sockset *s, int fd, const char *name, const char *value, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret sockset_get(const struct sockset *s, int fd, const char *name,
	char *buf, size_t n, struct leat_err *err);

/* Is it none of leat's own, nor one for a socket that is being made? Also of names nobody here knows, but
 * not of options of TLS: those never get there. */
bool sockopt_is_carriers(const char *name);

/* What is said of a socket before there is one. */
struct sockplan {
	struct sockset set;
	const struct leat_sockopt *list; /* borrowed; checked */
	size_t num;
	int family; /* AF_UNSPEC: any */
	int backlog;
	const char *ip; /* of ours; NULL: any */
	uint16_t port;  /* of ours, for a connection; 0: any */
};

/* Checks every name and value before anything is touched. With a transport its own options are for it to judge. */
LEAT_MUST_CHECK enum leat_ret sockplan_init(struct sockplan *p, const struct leat_config *cfg,
	const struct leat_sockopt *list, size_t num, struct leat_err *err);
/* Applies the kernel's options to a new descriptor. */
LEAT_MUST_CHECK enum leat_ret sockplan_apply(
	const struct sockplan *p, int fd, struct leat_err *err);

#endif

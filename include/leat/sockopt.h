/* SPDX-License-Identifier: Apache-2.0
 *
 * sockopt.h - options of a socket, by the names of Erlang's inet(3) and ssl(3), as text. Those of the first
 * list are leat's own, the others the kernel's. Whoever knows the constants may as well use setsockopt(2) on
 * leat_conn_fd.
 *
 *	packet          0, raw, 1, 2, 4, asn1, cdr, sunrm, fcgi, tpkt, line, http, httph, http_bin, httph_bin
 *	packet_size     most bytes of a message that comes; 0: no limit
 *	line_delimiter  0 to 255: last byte of a line
 *	mode            binary or list, see struct leat_message; also "binary" and "list" by themselves
 *	header          0 to 65535, see struct leat_message
 *	active          true, false, once, or a number that is added to what is left (leat/mailbox.h)
 *	exit_on_close   true: when the peer has closed its side, ours is closed too. false: we may go on
 *
 *	nodelay keepalive reuseaddr recbuf sndbuf priority tos tclass ipv6_v6only linger user_timeout
 *
 * While a socket is made there are also: inet or inet6 (the family), ip (an address of ours), port (of ours)
 * and backlog. An accepted connection has the options of its listener as they are at that moment.
 *
 * Defaults are packet 0, packet_size 67108864, mode binary, header 0, active false, exit_on_close false,
 * nodelay true.
 */
#ifndef LEAT_SOCKOPT_H
#define LEAT_SOCKOPT_H

#include <leat/leat.h>

#ifdef __cplusplus
extern "C" {
#endif

/* leat_sockopt_name returns the name of option number i, NULL past the last. */
LEAT_API const char *leat_sockopt_name(size_t i);

/* leat_conn_setopt sets one option of a connection, leat_listener_setopt one of a listener, for connections
 * accepted from then on. A value may be NULL for names that need none ("binary"). LEAT_FAILED, with nothing
 * changed and the connection as good as before: LEAT_E_SOCKOPT with name and value when there is no such
 * option or value, or none that can be changed now; its sys is set when the kernel refused it. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_setopt(
	struct leat_conn *c, const char *name, const char *value, struct leat_err *err);
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listener_setopt(
	struct leat_listener *l, const char *name, const char *value, struct leat_err *err);

/* leat_conn_getopt and leat_listener_getopt write the present value to buf, as setting would take it, cut to n
 * bytes with the final NUL. active tells what is left of a number. Failures as above. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_getopt(
	const struct leat_conn *c, const char *name, char *buf, size_t n, struct leat_err *err);
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listener_getopt(
	const struct leat_listener *l, const char *name, char *buf, size_t n, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * t_crl_http.c - what sock/crl_http.c keeps, for how long, and when it asks again, with a small web server in a
 * thread and the time given. What a server may answer: tests/interop/test_crl.py.
 */
#include "crlkit.h"
#include "vec.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "x509/crl.h"

#define HOUR 3600

/* ---- the web server ---- */

static struct {
	int fd;
	unsigned port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct leat_span body; /* n 0: 404 */
	unsigned hits;
	bool redirects; /* each answer to a path one longer */
} web = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void send_all(int fd, const void *p, size_t n)
{
	for (const char *at = p; n > 0;) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		n -= (size_t)sent;
	}
}

static void answer(int fd)
{
	char request[1000], head[300], path[200] = "";
	ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

	request[n > 0 ? n : 0] = '\0';
	sscanf(request, "GET %199s", path);
	pthread_mutex_lock(&web.lock);
	web.hits++;
	if (web.redirects)
		snprintf(head, sizeof(head),
			"HTTP/1.1 302 Found\r\nLocation: %sx\r\nContent-Length: 0\r\n"
			"Connection: close\r\n\r\n",
			path);
	else
		snprintf(head, sizeof(head),
			"HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
			web.body.n ? "200 OK" : "404 Not Found", web.body.n);
	send_all(fd, head, strlen(head));
	if (!web.redirects)
		send_all(fd, web.body.p, web.body.n);
	pthread_mutex_unlock(&web.lock);
}

static void *serve(void *unused)
{
	int fd;

	(void)unused;
	while ((fd = accept(web.fd, NULL, NULL)) >= 0) {
		answer(fd);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	return NULL;
}

static int setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	(void)state;
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	web.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(web.fd, (struct sockaddr *)&a, n) != 0 || listen(web.fd, 50) != 0 ||
		getsockname(web.fd, (struct sockaddr *)&a, &n) != 0)
		return -1;
	web.port = ntohs(a.sin_port);
	return pthread_create(&web.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
	shutdown(web.fd, SHUT_RDWR);
	pthread_join(web.thread, NULL);
	close(web.fd);
	pki_done();
	return vec_teardown(state);
}

static void lies_there(struct leat_span body)
{
	pthread_mutex_lock(&web.lock);
	web.body = body;
	web.hits = 0;
	pthread_mutex_unlock(&web.lock);
}

/* ---- the cache ---- */

static struct leat_crl_cache *internal, *http;

static int start(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	web.redirects = false;
	return leat_crl_cache_mem_new(&internal, NULL, &err) == LEAT_OK &&
			       leat_crl_cache_http_new(&http, internal, 5000, &err) == LEAT_OK
		       ? 0
		       : -1;
}

static int stop(void **state)
{
	(void)state;
	leat_crl_cache_unref(http);
	leat_crl_cache_unref(internal);
	return 0;
}

static const char *uri_of(unsigned i)
{
	static char uri[100];

	snprintf(uri, sizeof(uri), "http://127.0.0.1:%u/%u.crl", web.port, i);
	return uri;
}

/* How many CRLs come, and after how many requests in all. */
static void finds(unsigned i, int64_t now_s, size_t num, unsigned hits)
{
	struct leat_span uri = vec_str(uri_of(i));
	struct leat_dist_point dp = { .uris = &uri, .num_uris = 1 };
	struct leat_crl_list l = { 0 };
	enum leat_ret r = crl_cache_lookup(http, &dp, now_s, &l);

	assert_int_equal(r, num ? LEAT_OK : LEAT_UNSUPPORTED);
	assert_int_equal(l.num, num);
	assert_int_equal(web.hits, hits);
	crl_list_clear(&l);
}

static struct leat_span list_until(int64_t next_s)
{
	struct crl_spec s = crl_good(pki_root());

	s.next_s = next_s;
	return crl_make(&s);
}

/* REQ: CRLAPI-fresh_crl */
static void fetched_once_an_hour(void **state)
{
	int64_t t = PKI_NOW;

	(void)state;
	lies_there(list_until(t + 10 * HOUR));
	finds(0, t, 1, 1);
	finds(0, t + 1, 1, 1);
	finds(0, t + HOUR - 1, 1, 1);
	finds(1, t, 1, 2); /* another place */
	finds(0, t + HOUR, 1, 3);
	finds(0, t + 2 * HOUR - 1, 1, 3);
	finds(0, t - 5, 1, 4); /* the clock was set back */
}

static void one_that_cannot_be_renewed_goes_on_while_it_is_in_time(void **state)
{
	int64_t t = PKI_NOW;

	(void)state;
	lies_there(list_until(t + 10 * HOUR));
	finds(0, t, 1, 1);
	lies_there((struct leat_span){ NULL, 0 });
	finds(0, t + HOUR, 1, 1);
	finds(0, t + HOUR + LIM_CRL_RETRY_S - 1, 1, 1);
	finds(0, t + HOUR + LIM_CRL_RETRY_S, 1, 2);
	finds(0, t + 10 * HOUR, 1, 3); /* it is out of date now, and the check will say so */
	lies_there(list_until(t + 20 * HOUR));
	finds(0, t + 10 * HOUR + LIM_CRL_RETRY_S, 1, 1);
	finds(0, t + 10 * HOUR + LIM_CRL_RETRY_S + 1, 1, 1);
}

static void what_failed_is_left_alone_for_a_while(void **state)
{
	int64_t t = PKI_NOW;

	(void)state;
	lies_there((struct leat_span){ NULL, 0 });
	finds(0, t, 0, 1);
	finds(0, t, 0, 1);
	finds(0, t + LIM_CRL_RETRY_S - 1, 0, 1);
	finds(1, t, 0, 2);
	finds(0, t + LIM_CRL_RETRY_S, 0, 3);
	lies_there(list_until(t - 1)); /* one that has expired is as good as a failure */
	finds(2, t, 1, 1);
	finds(2, t + 1, 1, 1);
	finds(2, t + LIM_CRL_RETRY_S, 1, 2);
}

static void what_was_put_in_goes_first(void **state)
{
	struct leat_span good = list_until(PKI_NOW + HOUR);
	struct leat_err err = { 0 };

	(void)state;
	lies_there(list_until(PKI_NOW + 2 * HOUR));
	assert_int_equal(leat_crl_insert_der(internal, uri_of(0), &good, 1, &err), LEAT_OK);
	finds(0, PKI_NOW, 1, 0);
	finds(0, PKI_NOW + HOUR, 2, 1); /* out of date: fetched, and both are told */
	assert_int_equal(leat_crl_insert_der(http, uri_of(0), &good, 1, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
}

static void only_so_many_redirections(void **state)
{
	(void)state;
	lies_there(list_until(PKI_NOW + HOUR));
	web.redirects = true;
	finds(0, PKI_NOW, 0, 1 + LIM_CRL_REDIRECTS);
}

static void the_oldest_makes_room(void **state)
{
	(void)state;
	lies_there(list_until(PKI_NOW + HOUR));
	for (unsigned i = 0; i < LIM_CRL_URIS; i++)
		finds(i, PKI_NOW, 1, i + 1);
	finds(0, PKI_NOW, 1, LIM_CRL_URIS); /* still there, and used last now */
	finds(LIM_CRL_URIS, PKI_NOW, 1, LIM_CRL_URIS + 1);
	finds(0, PKI_NOW, 1, LIM_CRL_URIS + 1);
	finds(1, PKI_NOW, 1, LIM_CRL_URIS + 2); /* went */
}

static void only_so_many_bytes(void **state)
{
	struct crl_spec s = crl_good(pki_root());
	unsigned fit;

	(void)state;
	s.bulk = LIM_CRL - 1000;
	lies_there(crl_make(&s));
	fit = LIM_CRL_KEPT / (unsigned)web.body.n;
	for (unsigned i = 0; i <= fit; i++)
		finds(i, PKI_NOW, 1, i + 1);
	finds(1, PKI_NOW, 1, fit + 1);
	finds(0, PKI_NOW, 1, fit + 2);
	s.bulk = LIM_CRL;
	lies_there(crl_make(&s));
	finds(100, PKI_NOW, 0, 1);
}

static void every_allocation_may_fail(void **state)
{
	struct leat_span uri = vec_str(uri_of(0));
	struct leat_dist_point dp = { .uris = &uri, .num_uris = 1 };
	struct leat_crl_list l = { 0 };

	(void)state;
	lies_there(list_until(PKI_NOW + HOUR));
	for (unsigned long nth = 1; nth < 50; nth++) {
		leat_mem_fail_at(nth);
		(void)!crl_cache_lookup(http, &dp, PKI_NOW + (int64_t)nth * HOUR / 100, &l);
		leat_mem_fail_at(0);
		crl_list_clear(&l);
	}
	finds(0, PKI_NOW + HOUR / 2 + LIM_CRL_RETRY_S, 1, web.hits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fetched_once_an_hour, start, stop),
		cmocka_unit_test_setup_teardown(
			one_that_cannot_be_renewed_goes_on_while_it_is_in_time, start, stop),
		cmocka_unit_test_setup_teardown(what_failed_is_left_alone_for_a_while, start, stop),
		cmocka_unit_test_setup_teardown(what_was_put_in_goes_first, start, stop),
		cmocka_unit_test_setup_teardown(only_so_many_redirections, start, stop),
		cmocka_unit_test_setup_teardown(the_oldest_makes_room, start, stop),
		cmocka_unit_test_setup_teardown(only_so_many_bytes, start, stop),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail, start, stop),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

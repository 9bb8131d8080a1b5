/* SPDX-License-Identifier: Apache-2.0
 *
 * t_external.c - private keys that this process does not have. Another process (forked, at the other end of
 * a socket pair) has them and only signs; here are certificates alone. Every kind of key, both versions, as
 * server and as client, with a callback that blocks and with jobs answered by hand; and what happens when
 * the other process signs wrongly, refuses, or is gone.
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/job.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "x509/cred.h"

/* ---- the process with the keys: reads a request, writes a signature, knows nothing else ---- */

struct request {
	uint16_t scheme;
	uint16_t tbs_n, cert_n;
	uint8_t tbs[8192], cert[4096];
};

struct reply {
	uint16_t n; /* 0: refused */
	uint8_t sig[2048];
};

static const enum key_kind kinds[] = { KEY_EC_P256, KEY_EC_P384, KEY_EC_P521, KEY_RSA, KEY_RSA_PSS,
	KEY_ED25519, KEY_ED448 };
#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct cred *creds[2][NUM_KINDS]; /* client's, server's; in the key process only used */
static struct crypto *crypto;

static bool whole(int fd, void *p, size_t n, bool in)
{
	uint8_t *at = p;
	ssize_t r;

	while (n) {
		r = in ? read(fd, at, n) : write(fd, at, n);
		if (r <= 0)
			return false;
		at += r;
		n -= (size_t)r;
	}
	return true;
}

static const struct cred *owner(const struct request *q)
{
	for (int role = 0; role < 2; role++)
		for (size_t i = 0; i < NUM_KINDS; i++) {
			struct leat_span der = cred_cert(creds[role][i], 0);

			if (der.n == q->cert_n && memcmp(der.p, q->cert, der.n) == 0)
				return creds[role][i];
		}
	return NULL;
}

static void key_process(int fd)
{
	static struct request q;
	static struct reply a;

	while (whole(fd, &q, sizeof(q), true)) {
		const struct cred *c = owner(&q);
		struct leat_err err = { 0 };
		struct leat_wr sig = { 0 };

		memset(&a, 0, sizeof(a));
		if (c && sign_make(crypto, cred_key(c), sigscheme_by_id(q.scheme),
				 (struct leat_span){ q.tbs, q.tbs_n }, &sig, &err) == LEAT_OK) {
			a.n = (uint16_t)sig.n;
			memcpy(a.sig, sig.p, sig.n);
		}
		leat_wr_clear(&sig);
		if (!whole(fd, &a, sizeof(a), false))
			break;
	}
	_exit(0);
}

static int key_fd = -1;
static pid_t key_pid;

static void start_key_process(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	key_pid = fork();
	if (key_pid == 0) {
		close(fd[0]);
		key_process(fd[1]);
	}
	close(fd[1]);
	key_fd = fd[0];
}

static void end_key_process(void)
{
	close(key_fd);
	key_fd = -1;
	assert_int_equal(waitpid(key_pid, NULL, 0), key_pid);
}

/* ---- this process ---- */

static int calls;
static bool later, bend;

static bool ask(const struct leat_sign_input *in, struct reply *a)
{
	static struct request q;

	memset(&q, 0, sizeof(q));
	q.scheme = in->scheme;
	q.tbs_n = (uint16_t)in->tbs.n;
	q.cert_n = (uint16_t)in->cert.n;
	assert_true(in->tbs.n <= sizeof(q.tbs) && in->cert.n <= sizeof(q.cert));
	memcpy(q.tbs, in->tbs.p, in->tbs.n);
	memcpy(q.cert, in->cert.p, in->cert.n);
	if (!whole(key_fd, &q, sizeof(q), false) || !whole(key_fd, a, sizeof(*a), true) || !a->n)
		return false;
	if (bend)
		a->sig[a->n / 2] ^= 0x10;
	return true;
}

static enum leat_ret sign(
	void *arg, const struct leat_sign_input *in, uint8_t *sig, size_t cap, size_t *n)
{
	static struct reply a;

	assert_ptr_equal(arg, &calls);
	calls++;
	if (later)
		return LEAT_AGAIN;
	if (!ask(in, &a))
		return LEAT_FAILED;
	assert_true(a.n <= cap);
	memcpy(sig, a.sig, a.n);
	*n = a.n;
	return LEAT_OK;
}

static struct leat_config *config(enum leat_role role, const char *versions)
{
	struct leat_config *c;
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, "versions", versions, &err), LEAT_OK);
	if (role == LEAT_CLIENT)
		assert_int_equal(leat_config_add_trust(c, pki_root_pem(), NULL, &err), LEAT_OK);
	return c;
}

static void answer_by_hand(struct leat_engine *e)
{
	static struct reply a;
	struct leat_sign_input in;
	struct leat_job *j;

	assert_int_equal(leat_engine_job_take(e, &j), LEAT_OK);
	if (leat_job_run(j) == LEAT_AGAIN) {
		assert_int_equal(leat_job_sign_input(j, &in), LEAT_OK);
		if (ask(&in, &a))
			(void)!leat_job_sign_answer(j, (struct leat_span){ a.sig, a.n });
		else
			assert_int_equal(leat_job_refuse(j, 0), LEAT_OK);
	}
	(void)!leat_engine_job_done(e, j);
	leat_job_unref(j);
}

static bool run(struct duo *d)
{
	for (int turn = 0; turn < 20; turn++) {
		struct leat_engine *from = d->side[turn % 2].e, *to = d->side[!(turn % 2)].e;
		const uint8_t *p;
		uint8_t *room;
		size_t n, k;

		while (leat_engine_wants(from) & LEAT_WANT_JOB) {
			if (later)
				answer_by_hand(from);
			else
				(void)!leat_engine_job_run(from);
		}
		while ((p = leat_engine_out(from, &n)) && (room = leat_engine_in(to, &k))) {
			k = k < n ? k : n;
			memcpy(room, p, k);
			leat_engine_out_done(from, k);
			(void)!leat_engine_in_done(to, k);
			while (leat_engine_wants(to) & LEAT_WANT_JOB) {
				if (later)
					answer_by_hand(to);
				else
					(void)!leat_engine_job_run(to);
			}
		}
	}
	return leat_engine_wants(d->side[0].e) & leat_engine_wants(d->side[1].e) & LEAT_IS_UP;
}

static const char *const versions[] = { "tlsv1.3", "tlsv1.2" };

static struct leat_config *server_of(size_t kind, const char *v, bool with_fn, bool der)
{
	struct leat_config *s = config(LEAT_SERVER, v);
	struct leat_span certs[2];
	struct leat_err err = { 0 };

	if (der) {
		for (size_t i = 0; i < 2; i++)
			certs[i] = cred_cert(creds[LEAT_SERVER][kind], i);
		assert_int_equal(leat_config_add_cred_external_der(
					 s, certs, 2, with_fn ? sign : NULL, &calls, &err),
			LEAT_OK);
	} else {
		assert_int_equal(
			leat_config_add_cred_external(s, pki_server(kinds[kind])->chain_pem,
				with_fn ? sign : NULL, &calls, &err),
			LEAT_OK);
	}
	if (leat_config_freeze(s, &err) != LEAT_OK) {
		leat_config_unref(s);
		return NULL;
	}
	return s;
}

static void servers(void **state)
{
	(void)state;
	start_key_process();
	for (size_t k = 0; k < NUM_KINDS; k++)
		for (int v = 0; v < 2; v++)
			for (int how = 0; how < 3; how++) { /* callback, by hand, by hand only */
				struct leat_config *c = config(LEAT_CLIENT, versions[v]),
						   *s = server_of(
							   k, versions[v], how < 2, v == how % 2);
				struct leat_err err = { 0 };
				struct duo d;

				assert_non_null(s);
				assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
				later = how > 0;
				calls = 0;
				duo_open(&d, c, s, "localhost");
				if (!run(&d))
					fail_msg("%s %s: %s", key_kind_name(kinds[k]), versions[v],
						leat_engine_error(d.side[1].e)->what);
				assert_int_equal(calls, how < 2);
				duo_close(&d);
				leat_config_unref(c);
				leat_config_unref(s);
			}
	later = false;
	end_key_process();
}

static void clients(void **state)
{
	(void)state;
	start_key_process();
	for (size_t k = 0; k < NUM_KINDS; k++)
		for (int v = 0; v < 2; v++)
			for (int hand = 0; hand < 2; hand++) {
				struct leat_config *c = config(LEAT_CLIENT, versions[v]),
						   *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
				struct leat_err err = { 0 };
				struct duo d;

				assert_int_equal(leat_config_add_cred_external(c,
							 pki_client(kinds[k])->chain_pem, sign,
							 &calls, &err),
					LEAT_OK);
				assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
				assert_int_equal(
					leat_config_add_trust(s, pki_root_pem(), NULL, &err),
					LEAT_OK);
				assert_int_equal(
					leat_config_set(s, "verify", "verify_peer", &err), LEAT_OK);
				assert_int_equal(
					leat_config_set(s, "fail_if_no_peer_cert", "true", &err),
					LEAT_OK);
				assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
				later = hand;
				calls = 0;
				duo_open(&d, c, s, "localhost");
				if (!run(&d))
					fail_msg("%s %s: %s", key_kind_name(kinds[k]), versions[v],
						leat_engine_error(d.side[0].e)->what);
				assert_int_equal(calls, 1);
				assert_int_equal(leat_engine_peer_cert(d.side[1].e, 0).n,
					cred_cert(creds[LEAT_CLIENT][k], 0).n);
				duo_close(&d);
				leat_config_unref(c);
				leat_config_unref(s);
			}
	later = false;
	end_key_process();
}

/* Whatever is wrong there, the peer hears internal_error and never sees the signature. */
static void must_fail(bool with_fn, bool hand)
{
	struct leat_config *c = config(LEAT_CLIENT, "tlsv1.3"),
			   *s = server_of(0, "tlsv1.3", with_fn, false);
	struct leat_err err = { 0 };
	struct duo d;

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	later = hand;
	duo_open(&d, c, s, "localhost");
	assert_false(run(&d));
	assert_int_equal(leat_engine_error(d.side[1].e)->cls, LEAT_E_OUR_ALERT);
	assert_int_equal(leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_INTERNAL_ERROR);
	assert_int_equal(leat_engine_error(d.side[0].e)->cls, LEAT_E_PEER_ALERT);
	assert_int_equal(leat_engine_error(d.side[0].e)->alert, LEAT_ALERT_INTERNAL_ERROR);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
	later = false;
}

static void wrong_signature(void **state)
{
	(void)state;
	start_key_process();
	bend = true;
	must_fail(true, false);
	must_fail(true, true);
	bend = false;
	end_key_process();
}

static void key_process_is_gone(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	start_key_process();
	kill(key_pid, SIGKILL);
	assert_int_equal(waitpid(key_pid, NULL, 0), key_pid);
	must_fail(true, false);
	must_fail(true, true);
	close(key_fd);
}

/* No callback, and a driver that does all jobs itself: it fails, it does not loop. */
static void nobody_signs(void **state)
{
	(void)state;
	must_fail(false, false);
}

static void refused_certificates(void **state)
{
	struct leat_config *s = config(LEAT_SERVER, "tlsv1.3");
	struct leat_span junk = vec_noise(100), none = { NULL, 0 };
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(
		leat_config_add_cred_external(s, vec_str("no certificate"), sign, NULL, &err),
		LEAT_FAILED);
	assert_string_equal(err.option, "cert");
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_config_add_cred_external_der(s, &junk, 1, sign, NULL, &err), LEAT_FAILED);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_config_add_cred_external_der(s, &none, 0, sign, NULL, &err), LEAT_FAILED);
	/* nothing was added: a server without a certificate */
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_freeze(s, &err), LEAT_FAILED);
	leat_config_unref(s);
	s = server_of(0, "tlsv1.3", true, false);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_add_cred_external(
				 s, pki_server(KEY_EC_P256)->chain_pem, sign, NULL, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	junk = pki_der(pki_server(KEY_EC_P256)->leaf);
	assert_int_equal(
		leat_config_add_cred_external_der(s, &junk, 1, sign, NULL, &err), LEAT_FAILED);
	leat_config_unref(s);
}

static int make_creds(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	if (crypto_new(&crypto, &err) != LEAT_OK)
		return -1;
	for (int role = 0; role < 2; role++)
		for (size_t i = 0; i < NUM_KINDS; i++) {
			const struct pki_ident *id = role == LEAT_CLIENT ? pki_client(kinds[i])
									 : pki_server(kinds[i]);

			if (cred_new_pem(&creds[role][i], crypto, id->chain_pem, id->key_pem,
				    (struct leat_span){ NULL, 0 }, &err) != LEAT_OK)
				return -1;
		}
	return 0;
}

static int drop_creds(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++)
		for (size_t i = 0; i < NUM_KINDS; i++)
			cred_unref(creds[role][i]);
	crypto_unref(crypto);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(servers, vec_teardown),
		cmocka_unit_test_teardown(clients, vec_teardown),
		cmocka_unit_test_teardown(wrong_signature, vec_teardown),
		cmocka_unit_test_teardown(key_process_is_gone, vec_teardown),
		cmocka_unit_test_teardown(nobody_signs, vec_teardown),
		cmocka_unit_test_teardown(refused_certificates, vec_teardown),
	};
	int failed = cmocka_run_group_tests(tests, make_creds, drop_creds);

	pki_done();
	return failed;
}

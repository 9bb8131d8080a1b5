/* SPDX-License-Identifier: Apache-2.0
 *
 * t_handover.c - ktls/handover.c: when a direction moves, the reason when it does not, and the half-done
 * cases, over tests/lib/fakesys.c. What the real kernel does is in tests/kernel/.
 *
 * REQ: F-ktls-tx F-ktls-rx F-ktls-sendfile
 */
#include "fakesys.h"
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"
#include "engine/engine_int.h"
#include "ktls/calib.h"
#include "ktls/probe.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"
#include "vec.h"

#define MS       5000
#define BIG_FILE (1 << 20)

static uint8_t text[BIG_FILE], buf[65536];
static int file = -1;

static int setup(void **state)
{
	char path[] = "/tmp/leat-t-handover-XXXXXX";

	(void)state;
	setenv("LEAT_CALIBRATION", "", 1); /* the defaults, whatever was measured here */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 + (i >> 9));
	file = mkstemp(path);
	if (file < 0 || unlink(path) != 0)
		return -1;
	return write(file, text, sizeof(text)) == (ssize_t)sizeof(text) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	close(file);
	pki_done();
	vec_free_all();
	return 0;
}

static struct rig_opts opts(const char *rx, const char *tx)
{
	return (struct rig_opts){ LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", rx, tx,
		&fakesys };
}

static void connect_as(struct rig *r, const char *rx, const char *tx)
{
	struct rig_opts o = opts(rx, tx);

	fakesys_reset();
	rig_connect(r, &o);
}

static const char *why(const struct rig *r, enum leat_dir dir)
{
	struct leat_conn_info info;

	leat_conn_info(r->c, &info);
	return dir == LEAT_RX ? info.rx.why : info.tx.why;
}

static const char *outcome(const struct rig *r)
{
	struct leat_conn_info info;

	leat_conn_info(r->c, &info);
	return info.outcome;
}

/* Data both ways and the end, in order. */
static void works(struct rig *r)
{
	static const uint8_t close_notify[] = { 1, 0 };
	uint8_t type;
	size_t got;

	assert_int_equal(leat_send(r->c, text, 500, MS, NULL), LEAT_OK);
	assert_int_equal(rig_get(r, &type, buf), 500);
	assert_int_equal(type, 23);
	assert_memory_equal(buf, text, 500);
	rig_put(r, 23, text, 700, 0);
	rig_put(r, 21, close_notify, 2, 0);
	rig_expect_recv(r, text, 700);
	assert_int_equal(leat_recv(r->c, buf, 10, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	assert_int_equal(leat_close(r->c, &r->err), LEAT_OK);
	r->c = NULL;
	rig_expect_alert(r, 0);
	rig_expect_end(r);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void ulp_comes_before_the_first_byte(void **state)
{
	struct rig r;

	(void)state;
	fakesys_reset();
	struct rig_opts o = opts("kernel", "kernel");

	rig_open(&r, &o);
	assert_int_equal(fakesys_calls(FAKE_ULP), 1);
	assert_int_equal(fakesys_calls(FAKE_SENDMSG), 0);
	rig_close(&r);

	connect_as(&r, "kernel", "kernel");
	assert_int_equal(fakesys_calls(FAKE_ULP), 1);
	assert_int_equal(fakesys_calls(FAKE_NO_PAD), 1);
	/* after its keys the kernel must not get anything that user space sealed */
	assert_true(fakesys_when(FAKE_TX) > fakesys_when(FAKE_SENDMSG));
	assert_string_equal(outcome(&r), "both");
	works(&r);
	rig_close(&r);
}

static void version_12_has_no_no_pad(void **state)
{
	struct rig_opts o = { LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", "kernel",
		"kernel", &fakesys };
	struct rig r;

	(void)state;
	fakesys_reset();
	rig_connect(&r, &o);
	assert_int_equal(fakesys_calls(FAKE_NO_PAD), 0);
	works(&r);
	rig_close(&r);
}

/* ---- reasons --------------------------------------------------------------------------------- */

static void policy_user_asks_the_kernel_nothing(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "user", "user");
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
	assert_int_equal(fakesys_calls(FAKE_ULP), 0);
	assert_int_equal(fakesys_calls(FAKE_TX), 0);
	assert_string_equal(why(&r, LEAT_RX), "policy_user");
	assert_string_equal(why(&r, LEAT_TX), "policy_user");
	works(&r);
	rig_close(&r);
}

/* The reason on this machine, if its kernel has no TLS, in the words of leat probe. */
static const char *no_tls_here(void)
{
	enum ktls_obstacle o = ktls_obstacle_here(ENOENT);
	enum leat_why w = o == KTLS_NOT_BUILT ? WHY_NOT_BUILT : WHY_NO_ULP_MODULE;

	if (w == WHY_NOT_BUILT)
		assert_string_equal(why_text(w), ktls_remedy(o));
	else
		assert_non_null(strstr(why_text(w), "modprobe tls (and list it in"));
	assert_non_null(strstr(ktls_remedy(o), w == WHY_NOT_BUILT ? "CONFIG_TLS" : WHY_TEXT_LOAD));
	return why_name(w);
}

static void ulp_refusals(void **state)
{
	const struct {
		int err;
		const char *why;
	} rows[] = {
		{ ENOENT, no_tls_here() },
		{ EPERM, "ulp_refused" },
		{ ENOTCONN, "ulp_refused" },
		{ EOPNOTSUPP, "custom_transport" },
		{ ENOPROTOOPT, "custom_transport" },
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig_opts o = opts("auto", "auto");
		struct leat_conn_info info;

		fakesys_reset();
		fakesys_fail(FAKE_ULP, 1, 100, rows[i].err);
		rig_connect(&r, &o);
		assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_UNSUPPORTED);
		assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
		assert_string_equal(why(&r, LEAT_RX), rows[i].why);
		assert_string_equal(why(&r, LEAT_TX), rows[i].why);
		leat_conn_info(r.c, &info);
		assert_int_equal(info.tx.sys, rows[i].err);
		assert_int_equal(fakesys_calls(FAKE_ULP), 1); /* asked once */
		works(&r);
		rig_close(&r);
	}
}

static void policy_kernel_without_ulp_fails_before_a_byte_is_sent(void **state)
{
	struct leat_config *cfg;
	struct leat_conn *c;
	struct leat_err err = { 0 };
	struct rig_opts o = opts("user", "user");
	struct rig r;
	int fd[2];

	(void)state;
	fakesys_reset();
	rig_open(&r, &o); /* for its certificates and configs */
	rig_close(&r);
	cfg = rig_config(
		&(struct rig_opts){ LEAT_CLIENT, "tlsv1.3", NULL, "user", "kernel", NULL });
	tcp_pair(fd);
	fakesys_reset();
	fakesys_fail(FAKE_ULP, 1, 1, ENOENT);
	conn_use(&fakesys, NULL);
	assert_int_equal(conn_open(&c, cfg, fd[0], "localhost", &err), LEAT_FAILED);
	conn_use(NULL, NULL);
	assert_null(c);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "records");
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.what,
		why_text(ktls_obstacle_here(ENOENT) == KTLS_NOT_BUILT ? WHY_NOT_BUILT
								      : WHY_NO_ULP_MODULE));
	assert_int_equal(fakesys_calls(FAKE_SENDMSG), 0);
	close(fd[0]);
	close(fd[1]);
	leat_config_unref(cfg);
}

static void a_socket_that_is_not_tcp(void **state)
{
	struct leat_config *cfg = rig_config(
		&(struct rig_opts){ LEAT_CLIENT, "tlsv1.3", NULL, "auto", "auto", NULL });
	struct leat_err err = { 0 };
	struct handover h;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	handover_init(&h, &sys_real, fd[0], cfg);
	assert_int_equal(handover_early(&h, &err), LEAT_OK);
	assert_int_equal(h.dir[LEAT_RX].why, WHY_CUSTOM_TRANSPORT);
	handover_init(&h, &sys_real, -1, cfg);
	assert_int_equal(handover_early(&h, &err), LEAT_OK);
	assert_int_equal(h.dir[LEAT_TX].why, WHY_CUSTOM_TRANSPORT);
	assert_int_equal(h.ulp, -1);
	close(fd[0]);
	close(fd[1]);
	leat_config_unref(cfg);
}

/* RFC 8449, RFC 6066 4: the kernel packs records as full as they go, and takes full ones. */
static void records_agreed_to_be_short(void **state)
{
	struct rig r;

	(void)state;
	for (int dir = 0; dir < 2; dir++) {
		connect_as(&r, "auto", "auto");
		r.c->e->max[dir] = 1000; /* as after a hello that said so */
		assert_int_equal(leat_offload(r.c, (enum leat_dir)dir), LEAT_UNSUPPORTED);
		assert_string_equal(why(&r, (enum leat_dir)dir), "record_limit");
		assert_int_equal(leat_offload(r.c, (enum leat_dir) !dir), LEAT_OK);
		works(&r);
		rig_close(&r);
	}
	connect_as(&r, "auto", "auto");
	((struct leat_config *)leat_engine_config(r.c->e))->pad_to = 64; /* option record_padding */
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
	assert_string_equal(why(&r, LEAT_TX), "padding");
	assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_OK);
	works(&r);
	rig_close(&r);
	connect_as(&r, "auto", "auto");
	r.c->e->max[LEAT_TX] = 1000;
	r.c->ho.dir[LEAT_TX].policy = LEAT_RECORDS_KERNEL;
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_OPTION);
	rig_close(&r);
}

static void rekey_often(struct leat_config *client, struct leat_config *server)
{
	(void)server;
	pair_set(client, "key_update_at", "1000000");
}

/* Who wants new keys every megabyte does not get one key for ever. TLS 1.2 knows no KeyUpdate. */
static void keys_wanted_sooner_than_the_kernel_makes_them(void **state)
{
	struct rig_opts o = opts("auto", "auto");
	struct rig r;

	(void)state;
	fakesys_reset();
	rig_connect_tuned(&r, &o, rekey_often);
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
	assert_string_equal(why(&r, LEAT_TX), "key_update_at");
	assert_int_equal(fakesys_calls(FAKE_TX), 0);
	assert_int_equal(
		leat_offload(r.c, LEAT_RX), LEAT_OK); /* the peer's keys are the peer's affair */
	works(&r);
	rig_close(&r);
	o.versions = "tlsv1.2";
	o.suites = "ECDHE-ECDSA-AES128-GCM-SHA256";
	fakesys_reset();
	rig_connect_tuned(&r, &o, rekey_often);
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_OK);
	works(&r);
	rig_close(&r);
}

static void a_suite_without_a_kernel_cipher(void **state)
{
	struct rig_opts o = opts("auto", "auto");
	struct rig r;

	(void)state;
	o.suites = "TLS_AES_128_CCM_8_SHA256";
	fakesys_reset();
	rig_connect(&r, &o);
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
	assert_string_equal(why(&r, LEAT_TX), "suite");
	assert_int_equal(fakesys_calls(FAKE_TX), 0);
	works(&r);
	rig_close(&r);
}

static void keys_refused_are_not_offered_again(void **state)
{
	static const struct {
		int err;
		const char *why;
	} rows[] = { { ENOENT, "cipher_missing" }, { EINVAL, "keys_refused" },
		{ EBUSY, "keys_refused" } };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		connect_as(&r, "auto", "auto");
		fakesys_fail(FAKE_TX, 1, 1, rows[i].err);
		assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
		assert_string_equal(why(&r, LEAT_TX), rows[i].why);
		assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
		assert_int_equal(fakesys_calls(FAKE_TX), 1);
		assert_string_equal(outcome(&r), "none");
		works(&r); /* the engine's keys are untouched */
		rig_close(&r);
	}
}

static void kill_switch_is_for_new_connections(void **state)
{
	struct rig old, r;

	(void)state;
	assert_true(leat_offload_is_on());
	connect_as(&old, "auto", "auto");
	leat_offload_switch(false);
	assert_false(leat_offload_is_on());
	assert_int_equal(leat_offload(old.c, LEAT_TX), LEAT_OK); /* made before */
	rig_close(&old);
	connect_as(&r, "auto", "auto");
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
	assert_string_equal(why(&r, LEAT_TX), "kill_switch");
	assert_int_equal(fakesys_calls(FAKE_ULP), 0);
	works(&r);
	rig_close(&r);
	leat_offload_switch(true);
}

static void every_reason_has_its_texts(void **state)
{
	(void)state;
	for (unsigned a = 0; a < WHY_COUNT; a++) {
		assert_true(strlen(why_name(a)) > 2);
		assert_true(strlen(why_text(a)) > 10);
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(why_name(a), why_name(b));
	}
	assert_string_equal(why_name(WHY_COUNT), "unknown");
	assert_string_equal(why_text(WHY_COUNT), "unknown");
	assert_string_equal(handover_outcome_name(HANDOVER_OUTCOME_COUNT), "unknown");
}

/* ---- boundaries ------------------------------------------------------------------------------- */

static void rx_waits_for_a_record_boundary(void **state)
{
	static uint8_t rec[REFREC_ROOM(1000, 0)];
	struct rig r;
	size_t n, got;

	(void)state;
	connect_as(&r, "auto", "auto");
	/* two whole records and a part of a third are read in one go */
	rig_put(&r, 23, text, 100, 0);
	rig_put(&r, 23, text + 100, 50, 0);
	n = rig_seal(&r, 23, text + 150, 30, 0, rec);
	rig_bytes(&r, rec, 9);
	assert_int_equal(leat_recv(r.c, buf, 1, MS, &got), LEAT_OK);
	assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_AGAIN);
	assert_string_equal(why(&r, LEAT_RX), "rx_pending");
	rig_expect_recv(&r, text + 1, 149);
	assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_AGAIN);
	/* its rest, and a fourth behind it, which user space must not touch */
	rig_bytes(&r, rec + 9, n - 9);
	rig_put(&r, 23, text + 180, 20, 0);
	rig_expect_recv(&r, text + 150, 30);
	assert_int_equal(fakesys_calls(FAKE_RX), 0);
	assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_OK);
	rig_expect_recv(&r, text + 180, 20);
	assert_string_equal(outcome(&r), "rx only");
	works(&r);
	rig_close(&r);
}

static void tx_waits_until_everything_sealed_is_sent(void **state)
{
	struct rig r;
	size_t taken;

	(void)state;
	connect_as(&r, "auto", "auto");
	fakesys_fail(FAKE_SENDMSG, 1, 3, EAGAIN);
	assert_int_equal(leat_send(r.c, text, 100, 0, &taken), LEAT_AGAIN);
	assert_int_equal(taken, 100);
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_AGAIN);
	assert_string_equal(why(&r, LEAT_TX), "tx_pending");
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_OK);
	uint8_t type;

	assert_int_equal(rig_get(&r, &type, buf), 100); /* sealed here, before the kernel's */
	assert_memory_equal(buf, text, 100);
	works(&r);
	rig_close(&r);
}

static void before_the_handshake_nothing_moves(void **state)
{
	struct rig_opts o = opts("auto", "auto");
	struct leat_err err = { 0 };
	struct rig r;

	(void)state;
	fakesys_reset();
	rig_open(&r, &o);
	for (int dir = 0; dir < 2; dir++)
		assert_int_equal(
			handover_try(&r.c->ho, r.c->e, (enum leat_dir)dir, HANDOVER_ASKED, 0, &err),
			LEAT_AGAIN);
	assert_int_equal(r.c->ho.dir[LEAT_TX].why, WHY_NOT_UP);
	assert_int_equal(fakesys_calls(FAKE_TX) + fakesys_calls(FAKE_RX), 0);
	rig_close(&r);
}

/* ---- half done -------------------------------------------------------------------------------- */

static void rx_in_tx_refused_goes_on_under_auto(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "auto", "auto");
	fakesys_fail(FAKE_TX, 1, 1, ENOENT);
	assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_OK);
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_UNSUPPORTED);
	assert_string_equal(outcome(&r), "rx in, tx refused");
	assert_string_equal(why(&r, LEAT_RX), "in_kernel");
	assert_string_equal(why(&r, LEAT_TX), "cipher_missing");
	works(&r);
	rig_close(&r);
}

static void tx_in_rx_refused_goes_on_under_auto(void **state)
{
	struct rig r;

	(void)state;
	connect_as(&r, "auto", "auto");
	fakesys_fail(FAKE_RX, 1, 1, EINVAL);
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_OK);
	assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_UNSUPPORTED);
	assert_string_equal(outcome(&r), "tx in, rx refused");
	works(&r);
	rig_close(&r);
}

/* Policy kernel: the connection ends, and the peer is told in order. */
static void half_done_ends_under_policy_kernel(enum fakesys_call refused)
{
	struct rig_opts o = opts("kernel", "kernel");
	enum leat_ret s = LEAT_AGAIN;
	struct rig r;

	fakesys_reset();
	fakesys_fail(refused, 1, 1, ENOENT);
	rig_open(&r, &o);
	for (int turns = 0; turns < 20 && s == LEAT_AGAIN; turns++) {
		s = rig_conn_step(&r);
		rig_peer_step(&r);
	}
	assert_int_equal(s, LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_OPTION);
	assert_string_equal(leat_conn_error(r.c)->option, "records");
	assert_int_equal(leat_conn_error(r.c)->sys, ENOENT);
	assert_string_equal(outcome(&r), refused == FAKE_TX ? "rx in, tx refused" : "none");
	assert_int_equal(leat_send(r.c, text, 1, MS, NULL), LEAT_FAILED);
	rig_peer_step(&r);
	rig_take_keys(&r);
	rig_expect_alert(&r, 0);
	rig_close(&r);
}

static void tx_refused_under_policy_kernel(void **state)
{
	(void)state;
	half_done_ends_under_policy_kernel(FAKE_TX);
}

static void rx_refused_under_policy_kernel(void **state)
{
	(void)state;
	half_done_ends_under_policy_kernel(FAKE_RX);
}

/* ---- auto: when it pays ------------------------------------------------------------------------ */

static void with_aes(enum ktls_speed speed)
{
	static struct leat_ktls_caps caps;

	memset(&caps, 0, sizeof(caps));
	caps.aes = speed;
	leat_ktls_caps_override(&caps);
}

static void peer_gets_file(struct rig *r, size_t off, size_t n)
{
	for (size_t have = 0; have < n;) {
		uint8_t type;
		int got = rig_get(r, &type, buf);

		assert_true(got > 0 && type == 23 && have + (size_t)got <= n);
		assert_memory_equal(buf, text + off + have, (size_t)got);
		have += (size_t)got;
	}
}

static void send_file(struct rig *r, off_t off, size_t n, size_t expect)
{
	off_t at = off;
	size_t sent = 0;

	assert_int_equal(leat_sendfile(r->c, file, &at, n, MS, &sent), LEAT_OK);
	assert_int_equal(sent, expect);
	assert_int_equal(at, off + (off_t)expect);
	peer_gets_file(r, (size_t)off, expect);
}

static void auto_moves_tx_for_files_of_some_size(void **state)
{
	struct rig r;

	(void)state;
	with_aes(KTLS_SPEED_FAST);
	connect_as(&r, "auto", "auto");
	assert_int_equal(leat_send(r.c, text, 1000, MS, NULL), LEAT_OK);
	peer_gets_file(&r, 0, 1000);
	send_file(&r, 5, 100000, 100000);
	assert_string_equal(why(&r, LEAT_TX), "auto_small");
	assert_int_equal(fakesys_calls(FAKE_SENDFILE), 0);
	send_file(&r, 3, 300000, 300000);
	assert_string_equal(why(&r, LEAT_TX), "in_kernel");
	assert_true(fakesys_calls(FAKE_SENDFILE) > 0);
	assert_string_equal(outcome(&r), "tx only");
	/* and stays there, for small ones and for memory */
	send_file(&r, 100, 10, 10);
	/* past the end of the file: what there is */
	send_file(&r, BIG_FILE - 7, 100, 7);
	send_file(&r, BIG_FILE, 100, 0);
	works(&r);
	rig_close(&r);
	leat_ktls_caps_override(NULL);
}

static void auto_keeps_files_where_the_kernels_aes_is_slow(void **state)
{
	struct rig r;

	(void)state;
	with_aes(KTLS_SPEED_GENERIC);
	connect_as(&r, "auto", "auto");
	send_file(&r, 0, 300000, 300000);
	assert_string_equal(why(&r, LEAT_TX), "slow_cipher");
	works(&r);
	rig_close(&r);
	leat_ktls_caps_override(NULL);
}

static void auto_leaves_rx_and_streams_alone(void **state)
{
	struct leat_err err = { 0 };
	struct rig r;

	(void)state;
	connect_as(&r, "auto", "auto");
	assert_int_equal(handover_try(&r.c->ho, r.c->e, LEAT_RX, HANDOVER_FILE, UINT64_MAX, &err),
		LEAT_UNSUPPORTED);
	assert_string_equal(why(&r, LEAT_RX), "peer_may_rekey");
	assert_int_equal(handover_try(&r.c->ho, r.c->e, LEAT_TX, HANDOVER_STREAM, UINT64_MAX, &err),
		LEAT_UNSUPPORTED);
	assert_string_equal(why(&r, LEAT_TX), "auto_stream");
	assert_int_equal(err.cls, LEAT_E_NONE);
	works(&r);
	rig_close(&r);
}

/* The thresholds: by option, else as measured on this machine. */
static void stream_from_50000(struct leat_config *client, struct leat_config *server)
{
	(void)server;
	pair_set(client, "kernel_stream_from", "50000");
	pair_set(client, "kernel_file_from", "never");
}

static void auto_moves_a_stream_that_has_grown(void **state)
{
	static const struct calib measured = { .from = { { 1000, 20000 }, { 0, 0 } } };
	struct rig_opts o = opts("auto", "auto");
	struct rig r;

	(void)state;
	with_aes(KTLS_SPEED_FAST);
	calib_override(&measured);
	fakesys_reset();
	rig_connect_tuned(&r, &o, stream_from_50000); /* the option is stronger */
	send_file(&r, 0, 500000, 500000);
	assert_string_equal(why(&r, LEAT_TX), "auto_small"); /* never */
	rig_close(&r);

	fakesys_reset();
	rig_connect_tuned(&r, &o, stream_from_50000);
	assert_int_equal(leat_send(r.c, text, 30000, MS, NULL), LEAT_OK);
	assert_string_equal(outcome(&r), "none");
	peer_gets_file(&r, 0, 30000);
	assert_int_equal(leat_send(r.c, text, 20000, MS, NULL), LEAT_OK);
	assert_string_equal(why(&r, LEAT_TX), "in_kernel");
	assert_string_equal(outcome(&r), "tx only");
	peer_gets_file(&r, 0, 20000);
	works(&r);
	rig_close(&r);

	connect_as(&r, "auto", "auto"); /* as measured */
	assert_int_equal(leat_send(r.c, text, 19999, MS, NULL), LEAT_OK);
	assert_string_equal(outcome(&r), "none");
	peer_gets_file(&r, 0, 19999);
	send_file(&r, 0, 999, 999); /* counts for itself */
	assert_string_equal(why(&r, LEAT_TX), "auto_small");
	assert_int_equal(leat_send(r.c, text, 1, MS, NULL), LEAT_OK);
	assert_string_equal(why(&r, LEAT_TX), "in_kernel");
	rig_close(&r);
	connect_as(&r, "auto", "auto");
	send_file(&r, 0, 999, 999);
	assert_string_equal(why(&r, LEAT_TX), "auto_small");
	send_file(&r, 0, 1000, 1000);
	assert_string_equal(why(&r, LEAT_TX), "in_kernel");
	rig_close(&r);
	calib_override(NULL);
	leat_ktls_caps_override(NULL);
}

/* ChaCha20 has borders of its own, and none without a measurement. */
static void auto_leaves_chacha20_alone(void **state)
{
	static const struct calib measured = { .from = { { CALIB_NEVER, CALIB_NEVER },
						       { 1000, 2000 } } };
	struct rig_opts o = opts("auto", "auto");
	struct rig r;

	(void)state;
	o.suites = "TLS_CHACHA20_POLY1305_SHA256";
	fakesys_reset();
	rig_connect(&r, &o);
	send_file(&r, 0, 500000, 500000);
	assert_string_equal(why(&r, LEAT_TX), "auto_small");
	assert_int_equal(leat_offload(r.c, LEAT_TX), LEAT_OK); /* when asked */
	rig_close(&r);

	calib_override(&measured);
	fakesys_reset();
	rig_connect(&r, &o);
	send_file(&r, 0, 999, 999);
	assert_string_equal(why(&r, LEAT_TX), "auto_small");
	send_file(&r, 0, 1000, 1000);
	assert_string_equal(why(&r, LEAT_TX), "in_kernel");
	rig_close(&r);
	connect_as(&r, "auto", "auto"); /* AES: never */
	send_file(&r, 0, 500000, 500000);
	assert_string_equal(why(&r, LEAT_TX), "auto_small");
	rig_close(&r);
	calib_override(NULL);
}

static void sendfile_of_what_cannot_be_read(void **state)
{
	struct rig r;
	off_t at = 0;
	size_t sent;
	int dir[2];

	(void)state;
	assert_int_equal(pipe(dir), 0);
	connect_as(&r, "user", "user");
	assert_int_equal(leat_sendfile(r.c, dir[0], &at, 10, MS, &sent), LEAT_FAILED);
	assert_int_equal(sent, 0);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_SYSTEM);
	rig_close(&r);
	close(dir[0]);
	close(dir[1]);
}

/* ---- limits and keys ---------------------------------------------------------------------------- */

static void keys_that_are_used_up_end_the_connection(void **state)
{
	struct rig r;
	uint8_t type;
	size_t sent;

	(void)state;
	connect_as(&r, "user", "kernel");
	assert_true(r.c->ho.tx_left > 1000);
	r.c->ho.tx_left = 3 + REC_KEY_KEEP;
	assert_int_equal(leat_send(r.c, text, 16384, MS, &sent), LEAT_OK);
	/* three records more are wanted, two may go */
	assert_int_equal(leat_send(r.c, text, 40000, MS, &sent), LEAT_FAILED);
	assert_int_equal(sent, 32768);
	assert_int_equal(r.c->ho.tx_left, REC_KEY_KEEP - 1); /* close_notify was one */
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_CLOSED);
	assert_int_equal(leat_send(r.c, text, 1, MS, &sent), LEAT_FAILED);
	peer_gets_file(&r, 0, 16384);
	assert_int_equal(rig_get(&r, &type, buf), 16384);
	assert_int_equal(rig_get(&r, &type, buf), 16384);
	rig_expect_alert(&r, 0); /* a planned end */
	/* the peer may still talk */
	rig_put(&r, 23, text, 100, 0);
	rig_expect_recv(&r, text, 100);
	rig_close(&r);
}

/* The kernel writes, user space reads: new keys for reading are fine, but an answer to update_requested
 * would need new keys for writing. */
static void key_update_with_only_tx_in_the_kernel(void **state)
{
	static const uint8_t update[] = { 24, 0, 0, 1, 0 }, request[] = { 24, 0, 0, 1, 1 };
	struct rig r;
	size_t got;

	(void)state;
	connect_as(&r, "user", "kernel");
	rig_put(&r, 22, update, sizeof(update), 0);
	assert_int_equal(leat_recv(r.c, buf, 10, 0, &got), LEAT_AGAIN);
	assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_OK);
	peer_gets_file(&r, 0, 10);
	rig_close(&r);

	connect_as(&r, "user", "kernel");
	rig_put(&r, 23, text, 10, 0);
	rig_put(&r, 22, request, sizeof(request), 0);
	rig_expect_recv(&r, text, 10);
	rig_recv_fails(&r, LEAT_E_CLOSED);
	assert_non_null(strstr(leat_conn_error(r.c)->what, "kernel that writes"));
	rig_expect_alert(&r, 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ulp_comes_before_the_first_byte),
		cmocka_unit_test(version_12_has_no_no_pad),
		cmocka_unit_test(policy_user_asks_the_kernel_nothing),
		cmocka_unit_test(ulp_refusals),
		cmocka_unit_test(policy_kernel_without_ulp_fails_before_a_byte_is_sent),
		cmocka_unit_test(a_socket_that_is_not_tcp),
		cmocka_unit_test(records_agreed_to_be_short),
		cmocka_unit_test(keys_wanted_sooner_than_the_kernel_makes_them),
		cmocka_unit_test(a_suite_without_a_kernel_cipher),
		cmocka_unit_test(keys_refused_are_not_offered_again),
		cmocka_unit_test(kill_switch_is_for_new_connections),
		cmocka_unit_test(every_reason_has_its_texts),
		cmocka_unit_test(rx_waits_for_a_record_boundary),
		cmocka_unit_test(tx_waits_until_everything_sealed_is_sent),
		cmocka_unit_test(before_the_handshake_nothing_moves),
		cmocka_unit_test(rx_in_tx_refused_goes_on_under_auto),
		cmocka_unit_test(tx_in_rx_refused_goes_on_under_auto),
		cmocka_unit_test(tx_refused_under_policy_kernel),
		cmocka_unit_test(rx_refused_under_policy_kernel),
		cmocka_unit_test(auto_moves_tx_for_files_of_some_size),
		cmocka_unit_test(auto_keeps_files_where_the_kernels_aes_is_slow),
		cmocka_unit_test(auto_leaves_rx_and_streams_alone),
		cmocka_unit_test(auto_moves_a_stream_that_has_grown),
		cmocka_unit_test(auto_leaves_chacha20_alone),
		cmocka_unit_test(sendfile_of_what_cannot_be_read),
		cmocka_unit_test(keys_that_are_used_up_end_the_connection),
		cmocka_unit_test(key_update_with_only_tx_in_the_kernel),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

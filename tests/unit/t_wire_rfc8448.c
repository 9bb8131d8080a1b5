/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wire_rfc8448.c: the messages of the handshake traced in RFC 8448 section 3, field by field. They
 * were made by another implementation, which no encoder of ours had a hand in.
 */
#include "vec.h"

#include "wire/cert_verify.h"
#include "wire/certificate.h"
#include "wire/client_hello.h"
#include "wire/encrypted_ext.h"
#include "wire/finished.h"
#include "wire/server_hello.h"

static const char client_hello_hex[] =
	"010000c0 0303 cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 00"
	"0006130113031302 0100 0091"
	"0000000b0009000006736572766572 ff01000100 000a00140012001d0017001800190100010101020103"
	"0104 00230000 003300260024001d0020"
	"99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
	"002b0003020304 000d0020001e040305030603020308040805080604010501060102010402050206020202"
	"002d00020101 001c00024001";

static const char server_hello_hex[] =
	"02000056 0303 a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928 00 1301 00"
	"002e 00330024001d0020"
	"c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f 002b00020304";

static const char encrypted_ext_hex[] =
	"08000024 0022 000a00140012001d00170018001901000101010201030104"
	"001c00024001 00000000";

static const char certificate_head[] = "0b0001b9 00 0001b5 0001b0 308201ac30820115";
static const char certificate_hex[] =
	"0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c"
	"300a06035504031303727361301e170d3136303733303031323335395a170d3236303733303031323335395a300e"
	"310c300a0603550403130372736130819f300d06092a864886f70d010101050003818d0030818902818100b4bb49"
	"8f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d015abbc9a95137ace6c1af19e"
	"aa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530ef0461c"
	"8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603"
	"551d1304023000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b927"
	"6b908c65f73a7267170618a54c5f8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a"
	"03015156726096fd335e5e67f2dbf102702e608ccae6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b"
	"84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000";

static const char cert_verify_hex[] =
	"0f0000840804 0080"
	"5a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a0786"
	"53fa6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c18"
	"1e818e95b8c3fb0bf3278409d3be152a3da5043e063dda65cdf5aea20d53dfacd42f74f3";

static const char finished_hex[] =
	"14000020 9b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718";

/* The body behind the header, which must be of this type and exactly as long. */
static struct leat_span body_of(const char *hex, uint8_t type)
{
	struct leat_span msg = vec_hex(hex);
	uint8_t got;
	uint32_t len;

	assert_true(dec_hs_hdr(msg, &got, &len));
	assert_int_equal(got, type);
	assert_int_equal(len, msg.n - HS_HDR_LEN);
	return (struct leat_span){ msg.p + HS_HDR_LEN, len };
}

static void client_hello(void **state)
{
	static const uint16_t order[] = { EXTID_SNI, EXTID_RENEG, EXTID_GROUPS, EXTID_TICKET,
		EXTID_KEY_SHARE, EXTID_VERSIONS, EXTID_SIGALGS, EXTID_PSK_MODES,
		EXTID_RECORD_SIZE };
	struct leat_wr w = { 0 };
	struct client_hello ch;
	struct key_share share;
	struct leat_rd it;
	uint8_t alert;

	(void)state;
	assert_true(dec_client_hello(body_of(client_hello_hex, MSG_CLIENT_HELLO), &ch, &alert));
	assert_int_equal(ch.legacy_version, 0x0303);
	assert_hex(ch.random.p, ch.random.n,
		"cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7");
	assert_int_equal(ch.session_id.n, 0);
	assert_hex(ch.suites.p, ch.suites.n, "130113031302");
	assert_int_equal(list16_num(ch.suites), 3);
	assert_int_equal(list16_at(ch.suites, 1), 0x1303);
	assert_int_equal(list16_at(ch.suites, 3), 0);
	assert_true(list16_has(ch.suites, 0x1302));
	assert_false(list16_has(ch.suites, 0x0113));
	assert_hex(ch.compressions.p, ch.compressions.n, "00");
	assert_hex(ch.sni.p, ch.sni.n, "736572766572"); /* "server" */
	assert_int_equal(ch.reneg.n, 0);
	assert_int_equal(list16_num(ch.groups), 9);
	assert_int_equal(ch.ticket.n, 0);
	assert_hex(ch.versions.p, ch.versions.n, "0304");
	assert_int_equal(list16_num(ch.sigalgs), 15);
	assert_hex(ch.psk_modes.p, ch.psk_modes.n, "01");
	assert_true(list8_has(ch.psk_modes, PSK_DHE_KE));
	assert_false(list8_has(ch.psk_modes, PSK_KE));
	assert_int_equal(ch.record_size, 0x4001);
	assert_int_equal(__builtin_popcountll(ch.has), 9);
	it = leat_rd_of(ch.key_shares);
	assert_true(key_share_next(&it, &share));
	assert_int_equal(share.group, 0x001d);
	assert_hex(share.key.p, share.key.n,
		"99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c");
	assert_false(key_share_next(&it, &share));

	enc_client_hello(&w, &ch, order, 9);
	assert_hex(w.p, w.n, client_hello_hex);
	leat_wr_clear(&w);
}

static void server_hello(void **state)
{
	struct leat_wr w = { 0 };
	struct server_hello sh;
	uint8_t alert;

	(void)state;
	assert_true(dec_server_hello(body_of(server_hello_hex, MSG_SERVER_HELLO), &sh, &alert));
	assert_false(sh.retry);
	assert_int_equal(sh.legacy_version, LEAT_TLS12);
	assert_int_equal(sh.version, LEAT_TLS13);
	assert_int_equal(sh.suite, 0x1301);
	assert_int_equal(sh.compression, 0);
	assert_int_equal(sh.session_id.n, 0);
	assert_int_equal(sh.group, 0x001d);
	assert_hex(sh.share.p, sh.share.n,
		"c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f");
	assert_int_equal(sh.has, EXT_BIT(EXT_KEY_SHARE) | EXT_BIT(EXT_VERSIONS));
	assert_int_equal(server_hello_where(&sh), EXT_IN_SH);
	enc_server_hello(&w, &sh);
	assert_hex(w.p, w.n, server_hello_hex);
	leat_wr_clear(&w);
}

static void encrypted_ext(void **state)
{
	struct encrypted_ext ee;
	uint8_t alert;

	(void)state;
	assert_true(dec_encrypted_ext(body_of(encrypted_ext_hex, MSG_ENCRYPTED_EXT), &ee, &alert));
	assert_int_equal(ee.has, EXT_BIT(EXT_GROUPS) | EXT_BIT(EXT_RECORD_SIZE) | EXT_BIT(EXT_SNI));
	assert_int_equal(list16_num(ee.groups), 9);
	assert_int_equal(ee.record_size, 0x4001);
}

static void certificate(void **state)
{
	struct leat_wr w = { 0 };
	struct certificate c;
	uint8_t alert;

	(void)state;
	assert_true(dec_certificate(body_of(certificate_hex, MSG_CERT), &c, &alert));
	assert_int_equal(c.context.n, 0);
	assert_int_equal(c.num, 1);
	assert_int_equal(c.cert[0].n, 432);
	assert_int_equal(c.has, 0);
	enc_certificate(&w, &c);
	assert_hex(w.p, 19, certificate_head);
	assert_hex(w.p, w.n, certificate_hex);
	leat_wr_clear(&w);
	/* the same certificate in the form of TLS 1.2 has neither context nor extensions */
	enc_certificate12(&w, &c);
	assert_int_equal(w.n, 4 + 3 + 3 + 432);
	assert_true(dec_certificate12((struct leat_span){ w.p + 4, w.n - 4 }, &c, &alert));
	assert_false(dec_certificate((struct leat_span){ w.p + 4, w.n - 4 }, &c, &alert));
	leat_wr_clear(&w);
}

static void cert_verify_and_finished(void **state)
{
	struct leat_wr w = { 0 };
	struct leat_span data;
	struct cert_verify cv;
	uint8_t alert;

	(void)state;
	assert_true(dec_cert_verify(body_of(cert_verify_hex, MSG_CERT_VERIFY), &cv, &alert));
	assert_int_equal(cv.scheme, 0x0804);
	assert_int_equal(cv.signature.n, 128);
	enc_cert_verify(&w, &cv);
	assert_hex(w.p, w.n, cert_verify_hex);
	leat_wr_clear(&w);

	assert_true(dec_finished(body_of(finished_hex, MSG_FINISHED), 32, &data, &alert));
	enc_finished(&w, data);
	assert_hex(w.p, w.n, finished_hex);
	leat_wr_clear(&w);
	assert_false(dec_finished(body_of(finished_hex, MSG_FINISHED), 48, &data, &alert));
	assert_int_equal(alert, LEAT_ALERT_DECODE_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_hello),
		cmocka_unit_test(server_hello),
		cmocka_unit_test(encrypted_ext),
		cmocka_unit_test(certificate),
		cmocka_unit_test(cert_verify_and_finished),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}

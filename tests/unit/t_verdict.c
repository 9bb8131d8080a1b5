/* SPDX-License-Identifier: Apache-2.0
 *
 * t_verdict.c: verify_chain as a filter, for tests/unit/test_verdict.py, which holds its verdicts against
 * those of other programs. With the argument --judge it reads lines
 *	CA-FILE CHAIN-FILE HOST|- server|client UNIX-TIME DEPTH
 * and answers each with "ok" or "ALERT what: detail". Without, it tests that.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <unistd.h>

#include "pki.h"
#include "sock/anchors.h"
#include "x509/verify.h"

/* The certificates of a PEM text as DER; freed by the caller. */
static size_t read_chain(struct leat_span pem, struct leat_span *der, size_t max)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	unsigned char *p;
	char *name, *header;
	size_t num = 0;
	long n;

	while (num < max && PEM_read_bio(b, &name, &header, &p, &n) == 1) {
		der[num++] = (struct leat_span){ p, (size_t)n };
		OPENSSL_free(name);
		OPENSSL_free(header);
	}
	BIO_free(b);
	return num;
}

static enum leat_ret judge(const struct crypto *crypto, const char *ca, const char *chain,
	struct verify_in *in, struct leat_err *err)
{
	struct leat_span der[LIM_CHAIN];
	struct leat_wr text = { 0 };
	struct store *s = NULL;
	struct chain *ch = NULL;
	enum leat_ret ret = LEAT_FAILED;
	size_t num = 0;

	if (store_new(&s, err) == LEAT_OK &&
		anchors_load_trust(s, "cacertfile", ca, NULL, err) == LEAT_OK &&
		anchors_read("chain", chain, &text, err) == LEAT_OK) {
		num = read_chain(leat_wr_done(&text), der, LIM_CHAIN);
		if (chain_new(&ch, crypto, der, num, err) == LEAT_OK) {
			in->chain = ch;
			in->store = s;
			ret = verify_chain(crypto, in, err);
		}
	}
	while (num > 0)
		OPENSSL_free((void *)der[--num].p);
	leat_wr_clear(&text);
	chain_unref(ch);
	store_unref(s);
	return ret;
}

static int filter(FILE *from, FILE *to)
{
	char ca[400], chain[400], host[300], side[10];
	struct leat_err err = { 0 };
	struct crypto *crypto;
	long long now;
	unsigned depth;

	if (crypto_new(&crypto, &err) != LEAT_OK)
		return 1;
	while (fscanf(from, "%399s %399s %299s %9s %lld %u", ca, chain, host, side, &now, &depth) ==
		6) {
		struct verify_in in = { .host = strcmp(host, "-") != 0 ? host : NULL,
			.leaf_is_server = strcmp(side, "server") == 0,
			.now_s = now,
			.depth = depth };

		err = (struct leat_err){ 0 };
		if (judge(crypto, ca, chain, &in, &err) == LEAT_OK)
			fprintf(to, "ok\n");
		else
			fprintf(to, "%s %s: %s\n",
				err.cls == LEAT_E_OUR_ALERT ? leat_alert_name(err.alert) : "error",
				err.what, err.detail);
	}
	crypto_unref(crypto);
	return fflush(to) == 0 ? 0 : 1;
}

static void put_file(const char *path, struct leat_span text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

static void filter_answers_each_line(void **state)
{
	char dir[] = "/tmp/leat-verdict-XXXXXX", ca[64], chain[64], in[900], out[900] = "";
	FILE *from, *to;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(ca, sizeof(ca), "%s/ca", dir);
	snprintf(chain, sizeof(chain), "%s/chain", dir);
	put_file(ca, pki_root_pem());
	put_file(chain, pki_server(KEY_EC_P256)->chain_pem);
	snprintf(in, sizeof(in),
		"%s %s localhost server 1800000000 1\n%s %s other.test server 1800000000 1\n"
		"%s %s - client 1800000000 1\n%s %s - server 1900000000 1\n",
		ca, chain, ca, chain, ca, chain, ca, chain);
	from = fmemopen(in, strlen(in), "r");
	to = fmemopen(out, sizeof(out), "w");
	assert_int_equal(filter(from, to), 0);
	fclose(from);
	fclose(to);
	assert_int_equal(strncmp(out, "ok\nbad_certificate ", 19), 0);
	assert_non_null(strstr(out, "\nunsupported_certificate "));
	assert_non_null(strstr(out, "\ncertificate_expired "));
	unlink(ca);
	unlink(chain);
	assert_int_equal(rmdir(dir), 0);
	pki_done();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_answers_each_line),
	};

	if (argc > 1 && strcmp(argv[1], "--judge") == 0)
		return filter(stdin, stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

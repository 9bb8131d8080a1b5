/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_probe.c - `leat probe`: the probe's answer as a table for people or as JSON. Asks nothing
 * itself; what is asked and how is in ktls/probe.c and steer/. Page: docs/man/leat-probe.1.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ktls/probe.h"
#include "steer/steer.h"
#include "tool/tool.h"

static const char *const version_label[KTLS_VERSIONS] = { "TLS 1.2", "TLS 1.3" };

static const char *cell_text(const struct ktls_cell *cell)
{
	bool rx = cell->err[LEAT_RX] == 0, tx = cell->err[LEAT_TX] == 0;

	return rx && tx ? "rx tx" : rx ? "rx --" : tx ? "-- tx" : "-- --";
}

static void print_option(const char *name, int err, const char *yes, const char *no)
{
	if (err == 0)
		printf("%-43s yes%s%s\n", name, yes[0] ? "  " : "", yes);
	else
		printf("%-43s no   %s%s%s\n", name, strerror(err), no[0] ? ": " : "", no);
}

static void print_table(const struct leat_ktls_caps *c)
{
	size_t v, i;

	printf("%-20s %-9s %-9s %s\n", "cipher", version_label[0], version_label[1], "driver");
	for (i = 0; i < KTLS_CIPHERS; i++)
		printf("%-20s %-9s %-9s %s\n", ktls_cipher_name(i), cell_text(&c->cell[0][i]),
			cell_text(&c->cell[1][i]), c->driver[i][0] ? c->driver[i] : "-");
	/* Why something is missing, once per cipher and version. */
	for (i = 0; i < KTLS_CIPHERS; i++)
		for (v = 0; v < KTLS_VERSIONS; v++) {
			const struct ktls_cell *cell = &c->cell[v][i];
			enum leat_dir dir = cell->err[LEAT_TX] ? LEAT_TX : LEAT_RX;

			if (cell->err[dir])
				printf("  %s, %s: %s (%s)\n", ktls_cipher_name(i), version_label[v],
					leat_ktls_why(c, LEAT_TLS12 + (unsigned)v,
						TLS_CIPHER_AES_GCM_128 + (unsigned)i, dir),
					strerror(cell->err[dir]));
		}
}

static void print_options(const struct leat_ktls_caps *c)
{
	static const char no_rekey[] =
		"a KeyUpdate ends kernel records (Linux 6.14 and later take new keys)";

	print_option("new keys after KeyUpdate, rx", c->rekey_err[LEAT_RX], "", no_rekey);
	print_option("new keys after KeyUpdate, tx", c->rekey_err[LEAT_TX], "", no_rekey);
	print_option("receive without padding (RX_EXPECT_NO_PAD)", c->no_pad_err, "", "");
	print_option("TX_ZEROCOPY_RO", c->zerocopy_ro_err,
		"(no effect unless the network card encrypts)", "");
	print_option("TX_MAX_PAYLOAD_LEN", c->max_payload_err, "", "");
}

static void print_uring(const struct leat_ktls_caps *c)
{
	switch (c->uring) {
	case KTLS_URING_OK: break;
	case KTLS_URING_ABSENT:
		printf("%-43s no   not in this kernel, or hidden by a sandbox; poll is used\n",
			"io_uring");
		return;
	case KTLS_URING_FORBIDDEN:
		printf("%-43s no   forbidden: see sysctl kernel.io_uring_disabled, or a sandbox; "
		       "poll is used\n",
			"io_uring");
		return;
	default:
		printf("%-43s no   %s; poll is used\n", "io_uring", strerror(c->uring_err));
		return;
	}
	printf("%-43s yes\n", "io_uring");
	if (c->obstacle != KTLS_NONE)
		return;
	print_option("  keys set by ring command", c->uring_setsockopt_err, "",
		"setsockopt is used (Linux 6.7 and later can)");
	print_option("  multishot receive with record types", c->uring_multishot_err, "", "");
}

static void print_autoload(const struct leat_ktls_caps *c)
{
	if (c->obstacle == KTLS_NONE && !c->loaded_before)
		printf("module tls: loaded just now, because this process may ask for it. Others "
		       "may not:\n  list it in /etc/modules-load.d to have it after each boot\n");
	else if (c->obstacle == KTLS_NONE)
		printf("module tls: was there already\n");
}

static void print_advice(const struct leat_ktls_caps *c)
{
	if (c->aes == KTLS_SPEED_GENERIC)
		printf("advice: AES runs by tables (%s), about 13 times slower than with the "
		       "CPU's instructions:\n  modprobe aesni_intel (and list it in "
		       "/etc/modules-load.d)\n",
			c->driver[0]);
	else if (c->aes == KTLS_SPEED_NO_CPU)
		printf("advice: AES runs by tables (%s) and this CPU has no instructions for it: "
		       "prefer CHACHA20-POLY1305\n",
			c->driver[0]);
}

static void print_steering(void)
{
	char why[STEER_TEXT] = "";

	if (steer_probe(why))
		printf("%-43s yes\n", "steering by BPF (--steer)");
	else
		printf("%-43s no   %s\n", "steering by BPF (--steer)", why);
}

static void print_text(const struct leat_ktls_caps *c)
{
	char line[512];

	printf("kernel: %s\n%s\n", c->release, leat_ktls_caps_line(c, line, sizeof(line)));
	print_autoload(c);
	if (c->obstacle == KTLS_NONE || c->obstacle == KTLS_NO_CIPHER) {
		printf("\n");
		print_table(c);
	}
	printf("\n");
	if (c->obstacle == KTLS_NONE)
		print_options(c);
	print_uring(c);
	print_steering();
	print_advice(c);
}

/* "yes" is a true boolean; a "no" is the errno's text, so that scripts need not parse sentences. */
static json_t *json_result(int err)
{
	return json_pack("{s:b, s:s?}", "ok", err == 0, "error", err ? strerror(err) : NULL);
}

static json_t *json_ciphers(const struct leat_ktls_caps *c)
{
	json_t *list = json_array();
	size_t i, v;

	for (i = 0; i < KTLS_CIPHERS; i++) {
		json_t *o = json_pack("{s:s, s:s, s:s?}", "name", ktls_cipher_name(i), "alg",
			ktls_cipher_alg(i), "driver", c->driver[i][0] ? c->driver[i] : NULL);

		for (v = 0; v < KTLS_VERSIONS; v++)
			json_object_set_new(o, leat_version_name(LEAT_TLS12 + (unsigned)v),
				json_pack("{s:o, s:o}", "rx",
					json_result(c->cell[v][i].err[LEAT_RX]), "tx",
					json_result(c->cell[v][i].err[LEAT_TX])));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_steering(void)
{
	char why[STEER_TEXT] = "";
	bool ok = steer_probe(why);

	return json_pack("{s:b, s:s?}", "ok", (int)ok, "error", ok ? NULL : why);
}

static json_t *json_of(const struct leat_ktls_caps *c)
{
	char line[512];

	leat_ktls_caps_line(c, line, sizeof(line));
	return json_pack("{s:s, s:b, s:s, s:s, s:s?, s:s, s:{s:b, s:b, s:b}, s:o, s:s,"
			 " s:{s:o, s:o, s:o, s:o, s:o}, s:{s:s, s:s?, s:o, s:o}, s:o}",
		"kernel", c->release, "available", c->obstacle == KTLS_NONE, "summary", line,
		"obstacle", ktls_obstacle_name(c->obstacle), "error",
		c->err ? strerror(c->err) : NULL, "remedy", ktls_remedy(c->obstacle), "module",
		"loaded_before", c->loaded_before, "loaded_now", c->loaded_now, "may_autoload",
		c->privileged, "ciphers", json_ciphers(c), "aes", ktls_speed_name(c->aes),
		"options", "rekey_rx", json_result(c->rekey_err[LEAT_RX]), "rekey_tx",
		json_result(c->rekey_err[LEAT_TX]), "rx_expect_no_pad", json_result(c->no_pad_err),
		"tx_zerocopy_ro", json_result(c->zerocopy_ro_err), "tx_max_payload_len",
		json_result(c->max_payload_err), "io_uring", "state", ktls_uring_name(c->uring),
		"error", c->uring_err ? strerror(c->uring_err) : NULL, "setsockopt",
		json_result(c->uring_setsockopt_err), "multishot_recvmsg",
		json_result(c->uring_multishot_err), "steering", json_steering());
}

static bool print_json(const struct leat_ktls_caps *c)
{
	json_t *o = json_of(c);
	bool ok = o && json_dumpf(o, stdout, JSON_INDENT(2)) == 0;

	json_decref(o);
	return ok && putchar('\n') != EOF;
}

enum { OPT_JSON = 1 };

static const struct arg_opt options[] = {
	{ "json", 0, NULL, OPT_JSON, "print one JSON object instead of the table" },
	{ 0 },
};

static int run(struct args *args)
{
	struct leat_ktls_caps caps;
	const char *value;
	enum leat_ret ret;
	bool json = false;
	int id;

	while ((id = args_next(args, &value)) != ARG_END) {
		switch (id) {
		case OPT_JSON: json = true; break;
		case ARG_PLAIN: args_wrong(args, "%s: takes no argument", value); return TOOL_USAGE;
		default: return TOOL_USAGE;
		}
	}
	ret = leat_ktls_probe(&caps);
	if (!json)
		print_text(&caps);
	else if (!print_json(&caps))
		return tool_fail(args, TOOL_FAILED, "no memory for the answer");
	if (fflush(stdout) != 0 || ferror(stdout))
		return tool_fail(args, TOOL_FAILED, "stdout: %s", strerror(errno));
	return ret == LEAT_OK ? TOOL_OK : TOOL_FAILED;
}

const struct tool_cmd cmd_probe = {
	.name = "probe",
	.synopsis = "[options]",
	.summary = "what this kernel can do with TLS records, tried out",
	.opts = options,
	.notes =
		"Exit codes: 0 kernel TLS is available, 1 it is not (the sentence says why and what\n"
		"to do), 2 wrong usage. It may make the kernel load the tls module and the ciphers.",
	.run = run,
};

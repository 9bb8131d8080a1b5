/* SPDX-License-Identifier: Apache-2.0
 *
 * keylog.c - lines of the NSS key log. Pure: where they go is the callback's. RFC 9850 (the format),
 * 2.1 (labels of TLS 1.3), 2.2 (CLIENT_RANDOM of TLS 1.2).
 */
#include "hs/keylog.h"

#include <stdio.h>
#include <string.h>

#include "hs/hs_int.h"

#define LABEL_MAX 48

struct line {
	char b[LABEL_MAX + 2 + 2 * RANDOM_LEN + 2 * HASH_MAX + 1];
};

static void line_clear(struct line *l)
{
	leat_wipe(l, sizeof(*l));
}

static char *put_hex(char *at, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	return at;
}

void keylog_line(const struct leat_config *cfg, const char *label, const uint8_t *client_random,
	const struct leat_secret *secret)
{
	LEAT_SCOPED(line_clear) struct line line;
	size_t n = strlen(label);
	char *at = line.b;

	if (!cfg->key_log || secret->n == 0 || n > LABEL_MAX)
		return;
	memcpy(at, label, n);
	at += n;
	*at++ = ' ';
	at = put_hex(at, client_random, RANDOM_LEN);
	*at++ = ' ';
	at = put_hex(at, secret->b, secret->n);
	*at = '\0';
	cfg->key_log(cfg->key_log_arg, line.b);
}

void keylog_traffic(const struct leat_config *cfg, enum leat_role whose, unsigned number,
	const uint8_t *client_random, const struct leat_secret *secret)
{
	char label[LABEL_MAX];

	if (!cfg->key_log)
		return;
	snprintf(label, sizeof(label), "%s_TRAFFIC_SECRET_%u",
		whose == LEAT_CLIENT ? "CLIENT" : "SERVER", number);
	keylog_line(cfg, label, client_random, secret);
}

void keylog_early13(const struct hs *h, const struct leat_secret *traffic)
{
	keylog_line(h->cfg, "CLIENT_EARLY_TRAFFIC_SECRET", h->client_random, traffic);
	keylog_line(h->cfg, "EARLY_EXPORTER_SECRET", h->client_random, &h->early_exporter->secret);
}

void keylog_handshake13(const struct hs *h)
{
	keylog_line(h->cfg, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", h->client_random,
		&h->hs_secret[LEAT_CLIENT]);
	keylog_line(h->cfg, "SERVER_HANDSHAKE_TRAFFIC_SECRET", h->client_random,
		&h->hs_secret[LEAT_SERVER]);
}

void keylog_application13(const struct hs *h)
{
	keylog_traffic(h->cfg, LEAT_CLIENT, 0, h->client_random, &h->app_secret[LEAT_CLIENT]);
	keylog_traffic(h->cfg, LEAT_SERVER, 0, h->client_random, &h->app_secret[LEAT_SERVER]);
	keylog_line(h->cfg, "EXPORTER_SECRET", h->client_random, &h->exporter);
}

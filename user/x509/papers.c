/* SPDX-License-Identifier: Apache-2.0
 *
 * papers.c - see papers.h. One block: this, then the bytes.
 */
#include "x509/papers.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct papers {
	atomic_uint refs;
	struct leat_span status[LIM_CHAIN];
	struct leat_span sct;
	uint8_t b[];
};

static uint8_t *copy(struct leat_span *to, struct leat_span from, uint8_t *at)
{
	if (from.n == 0)
		return at;
	memcpy(at, from.p, from.n);
	*to = (struct leat_span){ at, from.n };
	return at + from.n;
}

enum leat_ret papers_new(struct papers **out, const struct leat_span *status, size_t num,
	struct leat_span sct, struct leat_err *err)
{
	size_t total = sct.n; /* no sum overflows: each part is bounded, and there are few */
	struct papers *p;
	uint8_t *at;

	*out = NULL;
	if (sct.n > LIM_SCT_LIST)
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate: more SCTs than " LEAT_STR(LIM_SCT_LIST) " bytes");
	for (size_t i = 0; i < num; i++) {
		if (status[i].n > LIM_STAPLE)
			return err_alert(err, LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE,
				"ocsp: response longer than " LEAT_STR(LIM_STAPLE) " bytes");
		total += status[i].n;
	}
	if (total == 0)
		return LEAT_OK;
	p = leat_zalloc(sizeof(*p) + total);
	if (!p)
		return err_memory(err);
	atomic_init(&p->refs, 1);
	at = copy(&p->sct, sct, p->b);
	for (size_t i = 0; i < num && i < LIM_CHAIN; i++)
		at = copy(&p->status[i], status[i], at);
	*out = p;
	return LEAT_OK;
}

struct papers *papers_ref(struct papers *p)
{
	if (p)
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void papers_unref(struct papers *p)
{
	if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		leat_free(p);
}

struct leat_span papers_status(const struct papers *p, size_t i)
{
	return p && i < LIM_CHAIN ? p->status[i] : (struct leat_span){ NULL, 0 };
}

struct leat_span papers_sct(const struct papers *p)
{
	return p ? p->sct : (struct leat_span){ NULL, 0 };
}

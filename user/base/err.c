/* SPDX-License-Identifier: Apache-2.0
 *
 * err.c - the names of alerts and the sentences made of errors.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_set(struct leat_err *e, enum leat_err_class cls, unsigned alert, int sys,
	const char *where, const char *what)
{
	if (e->cls != LEAT_E_NONE)
		return;
	e->cls = cls;
	e->alert = (uint8_t)alert;
	e->sys = sys;
	e->where = where;
	e->what = what;
	e->option = NULL;
	e->detail[0] = '\0';
}

void err_set_option(struct leat_err *e, const char *option, const char *value, const char *what)
{
	if (e->cls != LEAT_E_NONE)
		return;
	err_set(e, LEAT_E_OPTION, 0, 0, "option", what);
	e->option = option;
	if (value)
		err_detail(e, value, strlen(value));
}

void err_detail(struct leat_err *e, const char *text, size_t n)
{
	size_t i;

	if (n >= sizeof(e->detail))
		n = sizeof(e->detail) - 1;
	for (i = 0; i < n; i++)
		e->detail[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	e->detail[n] = '\0';
}

void err_detailf(struct leat_err *e, const char *fmt, ...)
{
	char buf[sizeof(e->detail)];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	err_detail(e, buf, n < 0 ? 0 : strnlen(buf, sizeof(buf)));
}

void err_clear(struct leat_err *e)
{
	*e = (struct leat_err){ 0 };
}

static const struct {
	uint8_t number;
	const char *name;
} alert_names[] = {
	{ LEAT_ALERT_CLOSE_NOTIFY, "close_notify" },
	{ LEAT_ALERT_UNEXPECTED_MESSAGE, "unexpected_message" },
	{ LEAT_ALERT_BAD_RECORD_MAC, "bad_record_mac" },
	{ LEAT_ALERT_DECRYPTION_FAILED, "decryption_failed" },
	{ LEAT_ALERT_RECORD_OVERFLOW, "record_overflow" },
	{ LEAT_ALERT_DECOMPRESSION_FAILURE, "decompression_failure" },
	{ LEAT_ALERT_HANDSHAKE_FAILURE, "handshake_failure" },
	{ LEAT_ALERT_NO_CERTIFICATE, "no_certificate" },
	{ LEAT_ALERT_BAD_CERTIFICATE, "bad_certificate" },
	{ LEAT_ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate" },
	{ LEAT_ALERT_CERTIFICATE_REVOKED, "certificate_revoked" },
	{ LEAT_ALERT_CERTIFICATE_EXPIRED, "certificate_expired" },
	{ LEAT_ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown" },
	{ LEAT_ALERT_ILLEGAL_PARAMETER, "illegal_parameter" },
	{ LEAT_ALERT_UNKNOWN_CA, "unknown_ca" },
	{ LEAT_ALERT_ACCESS_DENIED, "access_denied" },
	{ LEAT_ALERT_DECODE_ERROR, "decode_error" },
	{ LEAT_ALERT_DECRYPT_ERROR, "decrypt_error" },
	{ LEAT_ALERT_EXPORT_RESTRICTION, "export_restriction" },
	{ LEAT_ALERT_PROTOCOL_VERSION, "protocol_version" },
	{ LEAT_ALERT_INSUFFICIENT_SECURITY, "insufficient_security" },
	{ LEAT_ALERT_INTERNAL_ERROR, "internal_error" },
	{ LEAT_ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback" },
	{ LEAT_ALERT_USER_CANCELED, "user_canceled" },
	{ LEAT_ALERT_NO_RENEGOTIATION, "no_renegotiation" },
	{ LEAT_ALERT_MISSING_EXTENSION, "missing_extension" },
	{ LEAT_ALERT_UNSUPPORTED_EXTENSION, "unsupported_extension" },
	{ LEAT_ALERT_CERTIFICATE_UNOBTAINABLE, "certificate_unobtainable" },
	{ LEAT_ALERT_UNRECOGNIZED_NAME, "unrecognized_name" },
	{ LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response" },
	{ LEAT_ALERT_BAD_CERTIFICATE_HASH_VALUE, "bad_certificate_hash_value" },
	{ LEAT_ALERT_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity" },
	{ LEAT_ALERT_CERTIFICATE_REQUIRED, "certificate_required" },
	{ LEAT_ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol" },
};

const char *leat_alert_name(unsigned alert)
{
	size_t i;

	for (i = 0; i < sizeof(alert_names) / sizeof(alert_names[0]); i++)
		if (alert_names[i].number == alert)
			return alert_names[i].name;
	return "unknown_alert";
}

const char *leat_version_name(unsigned version)
{
	switch (version) {
	case LEAT_TLS12: return "tlsv1.2";
	case LEAT_TLS13: return "tlsv1.3";
	default: return "unknown";
	}
}

const char *leat_strerror(const struct leat_err *err, char *buf, size_t n)
{
	const char *what = err->what ? err->what : "no further details";
	const char *sep = err->detail[0] ? ": " : "";

	if (n == 0)
		return buf;
	switch (err->cls) {
	case LEAT_E_NONE: snprintf(buf, n, "no error"); break;
	case LEAT_E_PEER_ALERT:
		snprintf(buf, n, "the peer refused with alert %s (%u): %s%s%s",
			leat_alert_name(err->alert), err->alert, what, sep, err->detail);
		break;
	case LEAT_E_OUR_ALERT:
		snprintf(buf, n, "%s%s%s (alert %s sent)", what, sep, err->detail,
			leat_alert_name(err->alert));
		break;
	case LEAT_E_SYSTEM:
		snprintf(buf, n, "%s: %s%s%s", what, strerror(err->sys), sep, err->detail);
		break;
	case LEAT_E_OPTION:
		snprintf(buf, n, "invalid option %s%s%s: %s", err->option ? err->option : "?",
			err->detail[0] ? "=" : "", err->detail, what);
		break;
	case LEAT_E_SOCKOPT:
		snprintf(buf, n, "invalid socket option %s%s%s: %s%s%s",
			err->option ? err->option : "?", err->detail[0] ? "=" : "", err->detail,
			what, err->sys ? ": " : "", err->sys ? strerror(err->sys) : "");
		break;
	case LEAT_E_FILE:
		snprintf(buf, n, "invalid %s file %s: %s%s%s", err->option ? err->option : "input",
			err->detail, what, err->sys ? ": " : "",
			err->sys ? strerror(err->sys) : "");
		break;
	default: snprintf(buf, n, "%s%s%s", what, sep, err->detail); break;
	}
	return buf;
}

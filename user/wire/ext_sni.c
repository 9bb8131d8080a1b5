/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_sni.c - server_name, RFC 6066 3. The answer is empty and handled by its presence. Whether the
 * name is one we serve is the configuration's.
 */
#include "wire/ext_parts.h"

enum { NAME_HOST = 0 };

/* RFC 6066 3: "the byte string using ASCII encoding without a trailing dot": with one it is another name to
 * whoever compares. A NUL or control byte would be cut or misread by whoever logs it later. */
static bool is_name(struct leat_span name)
{
	struct leat_rd in = leat_rd_of(name);
	uint8_t c = '.';

	while (leat_rd_more(&in)) {
		leat_rd_u8(&in, &c);
		if (c <= ' ' || c >= 0x7f)
			return false;
	}
	return c != '.';
}

bool dec_ext_sni(struct leat_rd *in, struct leat_span *host, uint8_t *alert)
{
	struct leat_rd list;
	uint8_t type;

	leat_rd_vec16(in, &list, 1, UINT16_MAX);        /* ServerName server_name_list<1..2^16-1> */
	leat_rd_u8(&list, &type);                       /* NameType name_type */
	*host = leat_rd_opaque16(&list, 1, UINT16_MAX); /* opaque HostName<1..2^16-1> */
	/* "MUST NOT contain more than one name of the same name_type", and host_name is the only type
	 * there is: so exactly one */
	if (!leat_rd_end(&list))
		return false;
	*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	return type == NAME_HOST && host->n <= LIM_HOST_NAME && is_name(*host);
}

void enc_ext_sni(struct leat_wr *w, struct leat_span host)
{
	size_t m = enc_ext_open(w, EXTID_SNI);
	size_t list = leat_wr_open(w, 2);

	leat_wr_u8(w, NAME_HOST);
	leat_wr_vec(w, 2, host);
	leat_wr_close(w, list, 2);
	enc_ext_close(w, m);
}

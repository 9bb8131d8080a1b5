/* SPDX-License-Identifier: Apache-2.0
 *
 * attachkit.c - see attachkit.h.
 */
#include "attachkit.h"

struct ocsp_spec attach_good(void)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);

	return ocsp_good(id->leaf, id->inter);
}

struct leat_span attach_good_der(void)
{
	struct ocsp_spec s = attach_good();

	return ocsp_make(&s);
}

struct leat_config *attach_client(struct leat_span response, const char *packing)
{
	struct leat_config *c = pair_client_config();
	struct leat_err err = { 0 };

	pair_ask(c, NULL);
	assert_int_equal(leat_config_set_ocsp(c, 0, 0, response, &err), LEAT_OK);
	assert_int_equal(
		leat_config_set_sct(c, 0, vec_hex("0008 0002aabb 0002ccdd"), &err), LEAT_OK);
	pair_set(c, "cert_compression", packing);
	return c;
}

struct leat_config *attach_server(const char *stapling, const char *packing)
{
	struct leat_config *s = pair_server_config(KEY_EC_P256);

	pair_ask(NULL, s);
	pair_set(s, "ocsp_stapling", stapling);
	pair_set(s, "cert_compression", packing);
	return s;
}

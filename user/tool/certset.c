/* SPDX-License-Identifier: Apache-2.0
 *
 * certset.c - what is in a set of throwaway certificates: a root, an intermediate under it, and
 * server and client certificates under that. The keys of both CAs are not handed out, so nobody can
 * make more certificates under a root that somebody may have trusted.
 */
#include "tool/certset.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/limits.h"
#include "x509/make.h"
#include "x509/name.h"

#define ORG      "throwaway, for trying things out"
#define HOUR     3600
#define DAY      86400
#define DEV_DAYS 30

static const char *const own_names[] = { "localhost", "127.0.0.1", "::1" };
#define NUM_OWN (sizeof(own_names) / sizeof(own_names[0]))

static const struct {
	const char *file, *title;
	enum key_kind key;
	bool client;
} leaves[CERTSET_LEAVES] = {
	{ "server-rsa", "server, RSA 2048", KEY_RSA, false },
	{ "server-p256", "server, ECDSA P-256", KEY_EC_P256, false },
	{ "server-ed25519", "server, Ed25519", KEY_ED25519, false },
	{ "client-rsa", "client, RSA 2048", KEY_RSA, true },
	{ "client-p256", "client, ECDSA P-256", KEY_EC_P256, true },
	{ "client-ed25519", "client, Ed25519", KEY_ED25519, true },
};

bool certset_is_name(const char *name)
{
	if (name[0] == '*' && name[1] == '.')
		return name_is_host(name + 2) && strchr(name + 2, '.') != NULL;
	return name_is_host(name) || name_parse_ip(name, NULL) > 0;
}

void certset_clear(struct certset *set)
{
	leat_wr_clear(&set->ca_pem);
	for (size_t i = 0; i < CERTSET_LEAVES; i++) {
		leat_wr_clear(&set->leaf[i].chain_pem);
		leat_wr_clear(&set->leaf[i].key_pem);
	}
}

static enum leat_ret make(struct made **out, struct make_spec *s, struct leat_err *err)
{
	if (getrandom(s->serial, sizeof(s->serial), 0) != (ssize_t)sizeof(s->serial))
		return err_sys(err, errno, "getrandom");
	return made_new(out, s, err);
}

/* The first line of every certificate file; readers of PEM pass over text before a block. */
static void put_note(struct leat_wr *w)
{
	static const char note[] = "Made by leat certs: " ORG ". Worthless as proof of anything.\n";

	leat_wr_bytes(w, note, sizeof(note) - 1);
}

static enum leat_ret make_leaf(struct certset_leaf *leaf, size_t i, struct make_spec *s,
	const struct made *inter, struct leat_err *err)
{
	struct made *m;
	enum leat_ret ret;

	leaf->file = leaves[i].file;
	leaf->title = leaves[i].title;
	leaf->client = leaves[i].client;
	s->key = leaves[i].key;
	s->cn = leaves[i].client ? "leat client (throwaway)" : "leat server (throwaway)";
	s->server = !leaves[i].client;
	s->client = leaves[i].client;
	if (make(&m, s, err) != LEAT_OK)
		return LEAT_FAILED;
	put_note(&leaf->chain_pem);
	ret = made_cert_pem(m, &leaf->chain_pem, err);
	if (ret == LEAT_OK)
		ret = made_cert_pem(inter, &leaf->chain_pem, err);
	if (ret == LEAT_OK)
		ret = made_key_pem(m, &leaf->key_pem, err);
	made_free(m);
	return ret;
}

static enum leat_ret make_leaves(
	struct certset *set, struct make_spec *s, const struct made *inter, struct leat_err *err)
{
	for (size_t i = 0; i < CERTSET_LEAVES; i++)
		if (make_leaf(&set->leaf[i], i, s, inter, err) != LEAT_OK)
			return LEAT_FAILED;
	return LEAT_OK;
}

static struct make_spec common_spec(int64_t now_s, unsigned days)
{
	return (struct make_spec){
		.key = KEY_EC_P256,
		.org = ORG,
		.path_len = -1,
		.from_s = now_s - HOUR, /* clocks of machines that try things out are off */
		.to_s = now_s + (int64_t)days * DAY,
	};
}

enum leat_ret certset_make(struct certset *set, const char *const *names, size_t num, int64_t now_s,
	unsigned days, struct leat_err *err)
{
	const char *all[CERTSET_NAMES + NUM_OWN];
	struct make_spec s = common_spec(now_s, days);
	struct made *root = NULL, *inter = NULL;
	enum leat_ret ret = LEAT_FAILED;

	*set = (struct certset){ 0 };
	if (num > CERTSET_NAMES)
		return err_misuse(err, "certs: too many names");
	memcpy(all, own_names, sizeof(own_names));
	if (num > 0)
		memcpy(all + NUM_OWN, names, num * sizeof(*names));

	s.is_ca = true;
	s.cn = "leat root (throwaway)";
	if (make(&root, &s, err) != LEAT_OK)
		goto out;
	s.cn = "leat intermediate (throwaway)";
	s.path_len = 0;
	s.issuer = root;
	if (make(&inter, &s, err) != LEAT_OK)
		goto out;
	put_note(&set->ca_pem);
	if (made_cert_pem(root, &set->ca_pem, err) != LEAT_OK)
		goto out;
	s.is_ca = false;
	s.path_len = -1;
	s.issuer = inter;
	s.names = all;
	s.num_names = NUM_OWN + num;
	ret = make_leaves(set, &s, inter, err);
out:
	made_free(root);
	made_free(inter);
	if (ret != LEAT_OK)
		certset_clear(set);
	return ret;
}

enum leat_ret certset_dev(
	struct leat_wr *cert, struct leat_wr *key, int64_t now_s, struct leat_err *err)
{
	struct make_spec s = common_spec(now_s, DEV_DAYS);
	char host[LIM_HOST_NAME + 1] = "";
	const char *all[NUM_OWN + 1];
	struct made *m;
	enum leat_ret ret;

	memcpy(all, own_names, sizeof(own_names));
	s.names = all;
	s.num_names = NUM_OWN;
	if (gethostname(host, sizeof(host) - 1) == 0 && name_is_host(host) &&
		strcmp(host, own_names[0]) != 0)
		all[s.num_names++] = host;
	s.cn = "leat serve --dev (throwaway)";
	s.server = true;
	if (make(&m, &s, err) != LEAT_OK)
		return LEAT_FAILED;
	ret = made_cert_pem(m, cert, err);
	if (ret == LEAT_OK)
		ret = made_key_pem(m, key, err);
	made_free(m);
	return ret;
}

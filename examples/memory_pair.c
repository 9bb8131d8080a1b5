/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_pair.c - a client and a server in one process, joined by memory: no socket, no thread, no clock
 * needed. A seed decides the order of everything: whose bytes move and how many at a time, how much is
 * written and read at once, when the keys change. Whatever it decides, both must come up and get exactly what
 * the other wrote. The skeleton of a fuzzer, or of TLS over something that is not TCP.
 *
 *	memory_pair CERT.pem KEY.pem CA.pem HOST [SEED [ROUNDS]]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <leat/engine.h>

/* ---- dice that can be thrown again the same way ---- */

static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
	dice += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = dice;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) >> 32) % sides;
}

/* Small numbers often, large ones sometimes: borders lie at both. */
static size_t roll_size(size_t most)
{
	static const size_t scale[] = { 2, 10, 100, 2000, 20000, 100000 };
	size_t n = 1 + roll((uint32_t)scale[roll(6)]);

	return n < most ? n : most;
}

/* Keys come from the system all the same. */
static int64_t now_s(void *arg)
{
	(void)arg;
	return time(NULL);
}

static void random_bytes(void *arg, void *buf, size_t n)
{
	(void)arg;
	for (size_t done = 0; done < n;) {
		ssize_t r = getrandom((char *)buf + done, n - done, 0);

		if (r < 0 && errno != EINTR)
			abort();
		done += r > 0 ? (size_t)r : 0;
	}
}

static const struct leat_env env = { .now_s = now_s, .random = random_bytes };

/* ---- one end, and what it says: a stream both can compute ---- */

struct end {
	const char *name;
	struct leat_engine *e;
	size_t to_say, said, heard;
};

static uint8_t letter(const struct end *speaker, size_t i)
{
	return (uint8_t)(i * 31 + i / 251 + (size_t)speaker->name[0]);
}

static int die(const struct end *x, const char *what)
{
	char text[256];

	fprintf(stderr, "memory_pair: %s: %s (%s): %s\n", x->name, what, leat_engine_state(x->e),
		leat_strerror(leat_engine_error(x->e), text, sizeof(text)));
	return 1;
}

/* A piece of what `from` wants sent becomes what `to` reads. */
static void move(struct end *from, struct end *to)
{
	size_t n, room;
	const uint8_t *p = leat_engine_out(from->e, &n);
	uint8_t *q = p ? leat_engine_in(to->e, &room) : NULL;

	if (!q)
		return; /* nothing to say, or nobody listens yet: data waits to be taken, a job to be done */
	n = roll_size(n < room ? n : room);
	memcpy(q, p, n);
	leat_engine_out_done(from->e, n);
	(void)!leat_engine_in_done(to->e, n);
}

static void write_some(struct end *x)
{
	static uint8_t b[100000];
	size_t n = x->to_say - x->said, taken;

	if (n == 0) {
		(void)!leat_engine_close(x->e);
		return;
	}
	n = roll_size(n);
	for (size_t i = 0; i < n; i++)
		b[i] = letter(x, x->said + i);
	(void)!leat_engine_write(x->e, b, n, &taken); /* LEAT_AGAIN: taken is 0, later then */
	x->said += taken;
}

static bool read_some(struct end *x, const struct end *speaker)
{
	struct leat_span data;
	size_t n;

	leat_engine_data(x->e, &data);
	n = roll_size(data.n);
	for (size_t i = 0; i < n; i++)
		if (data.p[i] != letter(speaker, x->heard + i))
			return false;
	x->heard += n;
	(void)!leat_engine_data_done(x->e, n);
	return true;
}

/* One thing that x can do now, if the dice say so. */
static int act(struct end *x, struct end *other)
{
	unsigned w = leat_engine_wants(x->e);

	if (w & LEAT_IS_DEAD)
		return die(x, "died");
	switch (roll(4)) {
	case 0:
		if (w & LEAT_WANT_JOB)
			(void)!leat_engine_job_run(x->e);
		return 0;
	case 1:
		if (w & LEAT_MAY_WRITE)
			write_some(x);
		return 0;
	case 2:
		if ((w & LEAT_HAS_DATA) && !read_some(x, other))
			return die(x, "heard what was not said");
		return 0;
	default: move(x, other); return 0;
	}
}

static bool is_over(const struct end *x, const struct end *other)
{
	unsigned both = LEAT_IS_EOF | LEAT_IS_CLOSED;

	return (leat_engine_wants(x->e) & both) == both &&
	       (leat_engine_wants(other->e) & both) == both;
}

static int round_of(
	uint64_t seed, struct leat_config *client, struct leat_config *server, const char *host)
{
	struct end c = { .name = "client" }, s = { .name = "server" };
	struct leat_err err = { 0 };
	unsigned long steps = 0;
	char text[256];
	int ret = 0;

	dice = seed;
	c.to_say = roll_size(200000);
	s.to_say = roll_size(200000);
	if (leat_engine_new(&c.e, client, host, &env, &err) != LEAT_OK ||
		leat_engine_new(&s.e, server, NULL, &env, &err) != LEAT_OK) {
		fprintf(stderr, "memory_pair: %s\n", leat_strerror(&err, text, sizeof(text)));
		ret = 1;
	}
	while (ret == 0 && !is_over(&c, &s)) {
		ret = roll(2) ? act(&c, &s) : act(&s, &c);
		if (++steps > 10000000)
			ret = die(&c, "no end of it");
	}
	if (ret == 0 && (c.heard != s.said || s.heard != c.said || c.said != c.to_say ||
				s.said != s.to_say))
		ret = die(&c, "not all arrived");
	if (ret)
		fprintf(stderr, "memory_pair: seed %" PRIu64 "\n", seed);
	leat_engine_free(c.e);
	leat_engine_free(s.e);
	return ret;
}

int main(int argc, char **argv)
{
	struct leat_files for_server = { 0 }, for_client = { 0 };
	struct leat_config *client = NULL, *server = NULL;
	struct leat_err err = { 0 };
	uint64_t seed, rounds;
	char text[256];
	int ret = 0;

	if (argc < 5) {
		fprintf(stderr,
			"usage: memory_pair CERT.pem KEY.pem CA.pem HOST [SEED [ROUNDS]]\n");
		return 2;
	}
	seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
	rounds = argc > 6 ? strtoull(argv[6], NULL, 10) : 100;
	for_server.certfile = argv[1];
	for_server.keyfile = argv[2];
	for_client.cacertfile = argv[3];
	if (leat_config_new(&server, LEAT_SERVER, &err) != LEAT_OK ||
		leat_config_use_files(server, &for_server, &err) != LEAT_OK ||
		leat_config_freeze(server, &err) != LEAT_OK ||
		leat_config_new(&client, LEAT_CLIENT, &err) != LEAT_OK ||
		leat_config_use_files(client, &for_client, &err) != LEAT_OK ||
		leat_config_freeze(client, &err) != LEAT_OK) {
		fprintf(stderr, "memory_pair: %s\n", leat_strerror(&err, text, sizeof(text)));
		ret = 1;
	}
	for (uint64_t i = 0; ret == 0 && i < rounds; i++)
		ret = round_of(seed + i, client, server, argv[4]);
	if (ret == 0)
		printf("%" PRIu64 " rounds from seed %" PRIu64 "\n", rounds, seed);
	leat_config_unref(client);
	leat_config_unref(server);
	return ret;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * b_connections.c - what a connection costs that waits: many of them held open at one `leat serve` with one
 * worker, each having asked for a small file once; afterwards every one asks again and must be answered.
 *
 *	b_connections [--json] [--count N] [--records auto|kernel|user] LEAT
 *
 * user: anonymous memory of the serving process, its growth divided by the connections. kernel: the slab
 * caches of the whole machine likewise, so both ends of every connection, with everything else that happens
 * to be going on. LEAT is the command; certificates and files are made in a folder that is removed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <leat/leat.h>

#define BODY      1024
#define WAIT_MS   120000
#define REST_MS   1500  /* after which leat serve has packed the last one */
#define WARM_UP   200   /* what the first connections bring into being stays out of the figure */
#define PER_ADDR  20000 /* a source port each */
#define DEFAULT_N 15000

static char folder[] = "/tmp/leat-b-connections-XXXXXX";
static char dir_www[64], dir_certs[64], file_ca[80];

struct run {
	const char *leat, *records;
	unsigned count;
	bool json;
	pid_t server;
	uint16_t port;
	struct leat_config *cfg;
	struct leat_conn **held;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "b_connections: %s: %s\n", what, why);
	exit(1);
}

/* ---- figures --------------------------------------------------------------------------------- */

/* The number behind `key` in a file of lines "Key: N kB", in bytes. */
static double kib_of(const char *path, const char *key)
{
	char line[256];
	double kib = -1;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		die(path, strerror(errno));
	while (kib < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtod(line + strlen(key), NULL);
	fclose(f);
	if (kib < 0)
		die(path, key);
	return kib * 1024;
}

struct mem {
	double user, kernel;
};

static struct mem measure(const struct run *r)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)r->server);
	return (struct mem){ kib_of(path, "Anonymous:"), kib_of("/proc/meminfo", "Slab:") };
}

/* ---- the server ------------------------------------------------------------------------------ */

static void run_certs(const struct run *r)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY);

		dup2(fd, STDOUT_FILENO);
		execl(r->leat, r->leat, "certs", dir_certs, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		die(r->leat, "certs failed");
}

static void make_site(const struct run *r)
{
	char path[80], text[BODY];
	int fd;

	if (mkdtemp(folder) == NULL)
		die(folder, strerror(errno));
	snprintf(dir_www, sizeof(dir_www), "%s/www", folder);
	snprintf(dir_certs, sizeof(dir_certs), "%s/certs", folder);
	snprintf(file_ca, sizeof(file_ca), "%s/ca.pem", dir_certs);
	if (mkdir(dir_www, 0755) != 0)
		die(dir_www, strerror(errno));
	snprintf(path, sizeof(path), "%s/f", dir_www);
	memset(text, 'x', sizeof(text));
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	if (fd < 0 || write(fd, text, sizeof(text)) != BODY)
		die(path, strerror(errno));
	close(fd);
	run_certs(r);
}

static void exec_server(const struct run *r, int out)
{
	char cert[96], key[96], conns[16];

	snprintf(cert, sizeof(cert), "%s/server-p256.pem", dir_certs);
	snprintf(key, sizeof(key), "%s/server-p256.key", dir_certs);
	snprintf(conns, sizeof(conns), "%u", r->count + 100);
	dup2(out, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that fails leaves none behind */
	execl(r->leat, r->leat, "serve", dir_www, "--listen", "0.0.0.0:0", "--cert", cert, "--key",
		key, "--workers", "1", "--access-log", "none", "--max-connections", conns,
		"--idle-timeout", "36000", "--records", r->records, (char *)NULL);
	_exit(127);
}

static void start_server(struct run *r)
{
	char line[256];
	int fd[2];
	FILE *f;

	if (pipe2(fd, O_CLOEXEC) != 0)
		die("pipe", strerror(errno));
	r->server = fork();
	if (r->server == 0)
		exec_server(r, fd[1]);
	close(fd[1]);
	f = fdopen(fd[0], "r");
	while (r->port == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "listening on", 12) == 0)
			r->port = (uint16_t)atoi(strrchr(line, ':') + 1);
	if (r->port == 0)
		die(r->leat, "does not serve");
}

/* ---- clients --------------------------------------------------------------------------------- */

static void open_one(const struct run *r, unsigned i)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(r->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / PER_ADDR) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct leat_err err = { 0 };

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect", strerror(errno));
	if (leat_upgrade_client(&r->held[i], r->cfg, fd, "localhost", 0, WAIT_MS, &err) != LEAT_OK)
		die("handshake", err.what);
}

/* One request and its whole answer. */
static void ask(const struct run *r, unsigned i)
{
	static const char request[] = "GET /f HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct leat_conn *c = r->held[i];
	char buf[4096], *body = NULL;
	size_t n = 0, got;

	if (leat_send(c, request, sizeof(request) - 1, WAIT_MS, NULL) != LEAT_OK)
		die("request", leat_conn_error(c)->what);
	do {
		if (leat_recv(c, buf + n, sizeof(buf) - 1 - n, WAIT_MS, &got) != LEAT_OK ||
			got == 0)
			die("answer", leat_conn_error(c)->what);
		n += got;
		buf[n] = '\0';
		body = strstr(buf, "\r\n\r\n");
	} while (body == NULL || (size_t)(buf + n - body) < BODY + 4);
	if (strncmp(buf, "HTTP/1.1 200", 12) != 0)
		die("answer", "not 200");
}

static void client_config(struct run *r)
{
	const struct leat_files files = { .cacertfile = file_ca };
	struct leat_err err = { 0 };

	if (leat_config_new(&r->cfg, LEAT_CLIENT, &err) != LEAT_OK ||
		leat_config_use_files(r->cfg, &files, &err) != LEAT_OK ||
		leat_config_set(r->cfg, "chain_cache", "true", &err) != LEAT_OK ||
		leat_config_freeze(r->cfg, &err) != LEAT_OK)
		die("client", err.what);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void report(const struct run *r, struct mem before, struct mem after)
{
	double n = r->count - WARM_UP, user = (after.user - before.user) / n,
	       kernel = (after.kernel - before.kernel) / n;

	if (r->json)
		printf("{\"bench\":\"connections\",\"records\":\"%s\",\"lib\":\"leat\",\"count\":%u,"
		       "\"user_bytes\":%.0f,\"slab_bytes\":%.0f,\"answered\":%u}\n",
			r->records, r->count, user, kernel, r->count);
	else
		printf("%u connections, records %s: %.0f bytes of user memory and %.0f of slab each (both "
		       "ends), every one answered again\n",
			r->count, r->records, user, kernel);
}

static void go(struct run *r)
{
	struct mem before = { 0 }, after;

	for (unsigned i = 0; i < r->count; i++) {
		if (i == WARM_UP)
			before = measure(r);
		open_one(r, i);
		ask(r, i);
	}
	(void)poll(NULL, 0, REST_MS);
	after = measure(r);
	for (unsigned i = 0; i < r->count; i++)
		ask(r, i);
	report(r, before, after);
}

static void finish(struct run *r)
{
	char command[80];

	for (unsigned i = 0; i < r->count; i++)
		leat_conn_free(r->held[i]);
	free(r->held);
	leat_config_unref(r->cfg);
	kill(r->server, SIGKILL);
	waitpid(r->server, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		die(folder, "rm");
}

static bool parse(struct run *r, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			r->json = true;
		else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
			r->count = (unsigned)atoi(argv[++i]);
		else if (strcmp(argv[i], "--records") == 0 && i + 1 < argc)
			r->records = argv[++i];
		else if (argv[i][0] != '-' && r->leat == NULL)
			r->leat = argv[i];
		else
			return false;
	}
	return r->leat != NULL && r->count > 2 * WARM_UP;
}

int main(int argc, char **argv)
{
	struct run r = { .records = "auto", .count = DEFAULT_N };
	struct rlimit lim;

	if (!parse(&r, argc, argv)) {
		fprintf(stderr,
			"usage: b_connections [--json] [--count N] [--records WHERE] LEAT\n");
		return 2;
	}
	(void)getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur < r.count + 100) {
		fprintf(stderr, "b_connections: only %llu descriptors are allowed here\n",
			(unsigned long long)lim.rlim_cur);
		return 77;
	}
	r.held = calloc(r.count, sizeof(*r.held));
	if (r.held == NULL)
		die("memory", strerror(ENOMEM));
	make_site(&r);
	start_server(&r);
	client_config(&r);
	go(&r);
	finish(&r);
	return 0;
}

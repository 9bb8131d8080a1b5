/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c: runs a fuzz target over files that already exist, without libFuzzer.
 *
 * Every fz_*.c is linked with this file in a normal build, so that the corpora are replayed by
 * `make test` with any compiler and under any sanitizer. An argument is a file or a folder of
 * files; the empty input is always tried first. It only feeds bytes: a finding is a crash, an
 * assertion or a sanitizer report, and the last line printed names the input.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned long num_inputs;

static int run_bytes(const char *name, const uint8_t *data, size_t n)
{
	/* Printed before the run and without buffering: after a crash it is the last line. */
	fprintf(stderr, "input %s (%zu bytes)\n", name, n);
	(void)LLVMFuzzerTestOneInput(data, n);
	num_inputs++;
	return 0;
}

static int run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1); /* exact size, so that ASan sees one byte over */
	int rc = -1;

	if (f == NULL || data == NULL)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	else if (fread(data, 1, size, f) != size)
		fprintf(stderr, "%s: short read\n", path);
	else
		rc = run_bytes(path, data, size);
	free(data);
	if (f != NULL)
		fclose(f);
	return rc;
}

static int run_path(const char *path);

static int run_dir(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int rc = n < 0 ? -1 : 0;

	if (n < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *sub = NULL;

		if (names[i]->d_name[0] != '.' && rc == 0) {
			if (asprintf(&sub, "%s/%s", path, names[i]->d_name) < 0)
				rc = -1;
			else
				rc = run_path(sub);
			free(sub);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return rc;
}

static int run_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	return S_ISDIR(st.st_mode) ? run_dir(path) : run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	setvbuf(stderr, NULL, _IONBF, 0);
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	(void)run_bytes("(empty)", (const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		if (run_path(argv[i]) != 0)
			return 2;
	printf("%lu inputs\n", num_inputs);
	return 0;
}

/*
 * fuzz.h - what the fuzz targets share: an input as a file, and the promises that every error keeps.
 *
 * A target is libFuzzer's: `make fuzz` runs each for a minute. With SEEDS=FOLDER in the environment it writes
 * its seeds there and ends.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ_FAIL(...)                        \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr);          \
		abort();                      \
	} while (0)

/* The input as a file without a name; path gets "/proc/self/fd/N". */
static inline int fuzz_file(const uint8_t *data, size_t size, char path[32])
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		FUZZ_FAIL("memfd: no room");
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* A negative result comes with a code and one line of text; others without. */
static inline void fuzz_error(int rc, const struct err *e)
{
	if (rc >= 0)
		return;
	if (!e->code || !e->text[0] || strchr(e->text, '\n'))
		FUZZ_FAIL("result %d, code %d, text \"%s\"", rc, (int)e->code, e->text);
}

static inline void fuzz_seed(const char *name, const void *data, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", getenv("SEEDS"), name);
	f = fopen(path, "wb");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		FUZZ_FAIL("%s: cannot be written", path);
}

#endif

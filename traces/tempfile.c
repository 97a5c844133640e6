/*
 * tempfile.c - temporary files without a name.
 */
#include "traces/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int tempfile_open(const char *what, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	if ((size_t)snprintf(path, sizeof path, "%s/faultline-XXXXXX", dir) >= sizeof path)
		return err_set(e, ERR_OPEN, "TMPDIR is longer than %zu bytes", sizeof path);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_OPEN, "%s: no temporary file for %s: %s", dir, what, strerror(errno));
	unlink(path);
	return fd;
}

/*
 * tempfile.c - temporary files without a name, and output files that one program writes at a time.
 */
#include "traces/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/* A lock and not O_EXCL: what a killed program left behind is nobody's. File systems without locks have none.
 */
int outfile_open(const char *path, const char *name, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	struct stat st;

	if (fd < 0)
		return err_set(e, ERR_OPEN, "%s: cannot be created: %s", name, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
			close(fd);
			return err_set(e, ERR_OPEN, "%s: another program is writing it", name);
		}
		if (ftruncate(fd, 0) != 0) {
			close(fd);
			return err_set(e, ERR_OPEN, "%s: cannot be emptied: %s", name, strerror(errno));
		}
	}
	return fd;
}

/*
 * companion.c - the shared objects that are loaded into recorded programs.
 */
#include "traces/recorder/companion.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = {"/", "/../lib/faultline/"};

int companion_find(char *path, size_t size, const char *name, struct err *e)
{
	char folder[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
	char *slash;

	folder[n > 0 ? n : 0] = 0;
	slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if ((size_t)snprintf(path, size, "%s%s%s", folder, places[i], name) >= size)
			return err_set(e, ERR_LIMIT, "%s%s%s: the path is too long", folder, places[i], name);
		if (access(path, R_OK) == 0)
			return 0;
	}
	return err_set(e, ERR_OPEN, "%s/%s: %s; `make` builds it next to the program", folder, name,
		       strerror(errno));
}

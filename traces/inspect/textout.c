/*
 * textout.c - text files that are complete or not there.
 */
#include "traces/inspect/textout.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sim/mem.h"

int textout_open(struct textout *t, const char *path, struct err *e)
{
	size_t n = strlen(path) + sizeof ".tmp";

	*t = (struct textout){.path = mem_strdup(path), .tmp = mem_alloc_late(n, 1)};
	snprintf(t->tmp, n, "%s.tmp", path);
	t->f = fopen(t->tmp, "we");
	if (t->f)
		return 0;
	err_set(e, ERR_OPEN, "%s: cannot be created: %s", path, strerror(errno));
	mem_free(t->path);
	mem_free(t->tmp);
	*t = (struct textout){0};
	return -(int)ERR_OPEN;
}

static void release(struct textout *t)
{
	mem_free(t->path);
	mem_free(t->tmp);
	*t = (struct textout){0};
}

int textout_commit(struct textout *t, struct err *e)
{
	bool bad = fflush(t->f) != 0 || ferror(t->f);
	int rc = 0;

	if (bad)
		rc = err_set(e, ERR_IO, "%s: writing: %s", t->path, strerror(errno));
	if (fclose(t->f) != 0 && !rc)
		rc = err_set(e, ERR_IO, "%s: closing: %s", t->path, strerror(errno));
	if (!rc && rename(t->tmp, t->path) != 0)
		rc = err_set(e, ERR_IO, "%s: cannot be renamed from %s: %s", t->path, t->tmp,
			     strerror(errno));
	if (rc)
		unlink(t->tmp);
	release(t);
	return rc;
}

/*
 * tree.c - all files of a snapshot below a directory, for tools that read /proc and /sys.
 *
 * Files are rewritten in place, so that a tool that keeps reading sees the next snapshot. Files of what the
 * snapshot does not have stay as they are.
 */
#include "analysis/show/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

/* Makes the directories of path that are not there. */
static void make_dirs(struct tree *t, char *path)
{
	for (char *p = path + 1; !t->rc && (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0777) && errno != EEXIST)
			t->rc = err_set(t->e, ERR_OPEN, "show: %s: %s", path, strerror(errno));
		*p = '/';
	}
}

static bool full_path(struct tree *t, char *path, const char *format, va_list ap)
{
	int n, m;

	if (t->rc)
		return false;
	n = snprintf(path, PATH_BYTES, "%s/", t->dir);
	m = n < PATH_BYTES ? vsnprintf(path + n, (size_t)(PATH_BYTES - n), format, ap) : 0;
	if (n + m >= PATH_BYTES)
		t->rc = err_set(t->e, ERR_OPEN, "show: the path %.60s... is too long", t->dir);
	else
		make_dirs(t, path);
	return !t->rc;
}

static FILE *open_at(struct tree *t, const char *format, va_list ap)
{
	char path[PATH_BYTES];
	FILE *f;

	if (!full_path(t, path, format, ap))
		return NULL;
	f = fopen(path, "w");
	if (!f)
		t->rc = err_set(t->e, ERR_OPEN, "show: %s: %s", path, strerror(errno));
	return f;
}

FILE *tree_open(struct tree *t, const char *path_format, ...)
{
	va_list ap;
	FILE *f;

	va_start(ap, path_format);
	f = open_at(t, path_format, ap);
	va_end(ap);
	return f;
}

void tree_close(struct tree *t, FILE *f)
{
	bool bad;

	if (!f)
		return;
	bad = ferror(f);
	if ((fclose(f) || bad) && !t->rc)
		t->rc = err_set(t->e, ERR_IO, "show: writing below %s failed", t->dir);
}

void tree_line(struct tree *t, const char *text, const char *path_format, ...)
{
	va_list ap;
	FILE *f;

	va_start(ap, path_format);
	f = open_at(t, path_format, ap);
	va_end(ap);
	if (f)
		fprintf(f, "%s\n", text);
	tree_close(t, f);
}

void tree_number(struct tree *t, uint64_t value, const char *path_format, ...)
{
	va_list ap;
	FILE *f;

	va_start(ap, path_format);
	f = open_at(t, path_format, ap);
	va_end(ap);
	if (f)
		fprintf(f, "%" PRIu64 "\n", value);
	tree_close(t, f);
}

void tree_link(struct tree *t, const char *target, const char *path_format, ...)
{
	char path[PATH_BYTES];
	va_list ap;
	bool ok;

	va_start(ap, path_format);
	ok = full_path(t, path, path_format, ap);
	va_end(ap);
	if (!ok)
		return;
	if ((unlink(path) && errno != ENOENT) || symlink(target, path))
		t->rc = err_set(t->e, ERR_OPEN, "show: %s: %s", path, strerror(errno));
}

static void write_format(struct tree *t, const struct show_format *format, unsigned id)
{
	const char *mark = strstr(format->path, "%u");
	FILE *f;

	if (mark)
		f = tree_open(t, "%.*s%u%s", (int)(mark - format->path), format->path, id, mark + 2);
	else
		f = tree_open(t, "%s", format->path);
	if (f)
		format->print(t->s, id, f);
	tree_close(t, f);
}

static void write_formats(struct tree *t, const struct show_format *format)
{
	const char *p = NULL;

	if (!format->path)
		return;
	if (format->of == SHOW_MACHINE)
		write_format(t, format, 0);
	for (unsigned n = 0; format->of == SHOW_NODE && n < t->s->nr_nodes; n++)
		write_format(t, format, n);
	while (format->of == SHOW_PROCESS && (p = show_next(t->s, "proc/P", p)))
		write_format(t, format, (unsigned)strtoul(p + 6, NULL, 10));
}

int show_tree(const struct show *s, const char *dir, struct err *e)
{
	struct tree t = {.s = s, .dir = dir, .e = e};
	const struct show_format *format;

	for (size_t i = 0; !t.rc && (format = show_format_at(i)); i++)
		write_formats(&t, format);
	tree_cpus(&t);
	tree_memory_blocks(&t);
	tree_sysctl(&t);
	tree_processes(&t);
	tree_memcg(&t);
	tree_cpusets(&t);
	tree_tiers(&t);
	return t.rc;
}

/*
 * feed.c - one way to read native and foreign traces from front to back.
 */
#include "traces/inspect/feed.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cli.h"
#include "traces/native.h"

static bool begins_native(const char *path)
{
	uint8_t head[NATIVE_MAGIC_SIZE];
	struct stat st;
	bool yes = false;
	int fd;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		yes = pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
		      !memcmp(head, NATIVE_MAGIC, sizeof head);
		close(fd);
	}
	return yes;
}

static int open_native(struct feed *f, const char *path, const char *options, struct err *e)
{
	int r;

	if (options && *options)
		return err_set(e, ERR_USAGE, "%s: a native trace takes no format options", path);
	r = trace_open(&f->trace, path, e);
	if (!r)
		r = merged_open(&f->merged, f->trace, e);
	if (r)
		trace_close(f->trace);
	return r;
}

static int open_foreign(struct feed *f, const char *path, const char *format, const char *options,
			struct err *e)
{
	const struct importer_ops *ops = format ? importer_find(format) : importer_probe(path, e);

	if (!ops && format)
		return err_set(e, ERR_USAGE, "no format \"%.60s\"; `faultline trace formats` lists them",
			       format);
	return ops ? importer_open(&f->importer, ops, path, options ? options : "", e) : -(int)e->code;
}

int feed_open(struct feed *f, const char *path, const char *format, const char *options, const char *progress,
	      struct err *e)
{
	struct trace_counts c;
	uint64_t done, total = 0;
	int r;

	memset(f, 0, sizeof *f);
	f->path = path;
	if (format ? !strcmp(format, "native") : begins_native(path))
		r = open_native(f, path, options, e);
	else
		r = open_foreign(f, path, format, options, e);
	if (r)
		return r;
	if (f->importer)
		f->importer->ops->position(f->importer, &done, &total);
	else if (!trace_is_truncated(f->trace) && trace_counts(f->trace, &c, e) == 0)
		total = c.accesses;
	if (progress)
		f->progress = progress_new(progress, total);
	return 0;
}

static void count(struct feed *f, const struct batch *b)
{
	uint64_t done = 0, total;

	f->accesses += b->n;
	f->controls += b->control != NULL;
	if (!f->progress)
		return;
	done = f->accesses;
	if (f->importer)
		f->importer->ops->position(f->importer, &done, &total);
	progress_update(f->progress, done, NULL);
}

/* What comes of one that was asked for the next batch. */
static int given(struct feed *f, const struct batch *b, int r, struct err *e)
{
	if (r == -(int)ERR_TRUNCATED && f->tolerant) {
		f->cut = *e;
		err_clear(e);
		return 0;
	}
	if (r > 0)
		count(f, b);
	return r;
}

int feed_skim(struct feed *f, struct batch *b, struct err *e)
{
	if (cli_interrupted())
		return err_set(e, ERR_INTERRUPTED, "%s: interrupted", f->path);
	return given(f, b,
		     f->importer ? f->importer->ops->next(f->importer, b, e) : merged_skim(f->merged, b, e),
		     e);
}

int feed_reveal(struct feed *f, struct batch *b, struct err *e)
{
	return b->addr || f->importer ? 0 : merged_reveal(f->merged, b, e);
}

int feed_next(struct feed *f, struct batch *b, struct err *e)
{
	uint64_t instructions = 0;
	int r;

	if (cli_interrupted())
		return err_set(e, ERR_INTERRUPTED, "%s: interrupted", f->path);
	r = given(f, b,
		  f->importer ? f->importer->ops->next(f->importer, b, e) : merged_next(f->merged, b, e), e);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < b->n; i++)
		instructions += META_ICOUNT(b->meta[i]);
	if (b->control && b->control->op == REC_INSTR)
		instructions += b->control->arg[0];
	f->instructions += instructions;
	return 1;
}

void feed_provenance(struct feed *f, struct provenance *p)
{
	memset(p, 0, sizeof *p);
	if (f->importer)
		f->importer->ops->provenance(f->importer, p);
	else
		*p = *trace_provenance(f->trace);
}

bool feed_is_truncated(const struct feed *f)
{
	return f->cut.code || (f->trace && trace_is_truncated(f->trace));
}

int feed_report_cut(const struct feed *f, const char *what, struct err *e)
{
	if (f->cut.code)
		return err_set(e, f->cut.code, "%s", f->cut.text);
	if (!feed_is_truncated(f))
		return 0;
	return err_set(e, ERR_TRUNCATED, "%s: cut off; %s is of what is there", f->path, what);
}

void feed_wipe_progress(struct feed *f)
{
	progress_free(f->progress);
	f->progress = NULL;
}

void feed_close(struct feed *f)
{
	progress_free(f->progress);
	merged_close(f->merged);
	trace_close(f->trace);
	if (f->importer)
		f->importer->ops->close(f->importer);
	memset(f, 0, sizeof *f);
}

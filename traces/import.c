/*
 * import.c - foreign traces through an unlinked temporary native file.
 *
 * Its provenance is the importer's.
 */
#include "traces/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli.h"
#include "traces/native.h"
#include "traces/reader.h"
#include "traces/tempfile.h"

int import_run(struct importer *im, struct trace_writer *w, const char *what, struct err *e)
{
	uint64_t done = 0, total = 0;
	struct progress *progress;
	struct batch b;
	int rc;

	im->ops->position(im, &done, &total);
	progress = progress_new(what, total);
	while ((rc = im->ops->next(im, &b, e)) > 0) {
		rc = trace_writer_batch(w, &b, e);
		if (rc < 0)
			break;
		if (cli_interrupted()) {
			rc = err_set(e, ERR_INTERRUPTED, "interrupted");
			break;
		}
		im->ops->position(im, &done, &total);
		progress_update(progress, done, NULL);
	}
	progress_free(progress);
	return rc < 0 ? trace_writer_cut(w, rc, e) : rc;
}

/* A format by name among importers and generators; ERR_USAGE when there is none. */
static const struct importer_ops *format_of(const char *name, struct err *e)
{
	const struct importer_ops *ops = importer_find(name);

	if (!ops)
		ops = generator_find(name);
	if (!ops)
		err_set(e, ERR_USAGE, "no trace format or generator is named \"%s\"", name);
	return ops;
}

static int import_to(int fd, struct importer *im, const char *path, struct err *e)
{
	struct provenance p = {0};
	struct trace_writer *w;
	int rc;

	im->ops->provenance(im, &p);
	rc = trace_writer_open_fd(&w, fd, path, &p, TRACE_LEVEL_FAST, e);
	if (rc < 0)
		return rc;
	rc = import_run(im, w, path, e);
	if (rc >= 0)
		return trace_writer_close(w, e);
	trace_writer_abort(w);
	return rc;
}

static int open_foreign(struct trace **out, const char *path, const struct importer_ops *ops,
			const char *options, struct err *e)
{
	struct importer *im;
	int fd, rc = importer_open(&im, ops, path, options ? options : "", e);

	if (rc < 0)
		return rc;
	fd = tempfile_open("the imported trace", e);
	rc = fd < 0 ? fd : import_to(fd, im, path, e);
	ops->close(im);
	if (rc >= 0)
		return trace_open_fd(out, fd, path, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* 1 when the file begins with the native magic, 0 when not, negative when it cannot be opened. */
static int is_native(const char *path, struct err *e)
{
	uint8_t head[NATIVE_MAGIC_SIZE];
	ssize_t n;
	int fd;

	if (strcmp(path, "-") == 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, ERR_OPEN, "%s: %s", path, strerror(errno));
	n = pread(fd, head, sizeof head, 0);
	close(fd);
	return n == (ssize_t)sizeof head && memcmp(head, NATIVE_MAGIC, sizeof head) == 0;
}

int trace_open_any(struct trace **out, const char *path, const char *format, const char *options,
		   struct err *e)
{
	const struct importer_ops *ops;
	int rc;

	*out = NULL;
	if (!format) {
		rc = is_native(path, e);
		if (rc < 0)
			return rc;
		if (rc == 1)
			return trace_open(out, path, e);
		ops = importer_probe(path, e);
		if (!ops)
			return -ERR_FORMAT;
	} else if (strcmp(format, "native") == 0) {
		return trace_open(out, path, e);
	} else {
		ops = format_of(format, e);
		if (!ops)
			return -ERR_USAGE;
	}
	return open_foreign(out, path, ops, options, e);
}

/*
 * importers.c - the table of foreign formats, and how one is chosen.
 */
#include "traces/source.h"

#include <string.h>
#include <sys/stat.h>

#include "traces/compress.h"
#include "traces/formats/formats.h"
#include "traces/native.h"

#define PROBE_BYTES 4096
#define PROBE_SURE  50 /* the least that a probe must answer */

#define ROW(name) &name##_importer,
static const struct importer_ops *const rows[] = {TRACE_FORMATS(ROW)};
#undef ROW

const struct importer_ops *importer_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? rows[i] : NULL;
}

const struct importer_ops *importer_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}

/* The first bytes of the file, decompressed. */
static int read_head(const char *path, uint8_t *head, size_t *n, struct err *e)
{
	struct input *in;
	size_t got = 1;
	int r = input_open(&in, path, e);

	if (r)
		return r;
	for (*n = 0; *n < PROBE_BYTES && got && !r; *n += got)
		r = input_read(in, head + *n, PROBE_BYTES - *n, &got, e);
	input_close(in);
	/* A compressed file that is cut short can still be told by what is there. */
	if (r && *n && e)
		err_clear(e);
	return r && *n ? 0 : r;
}

static const struct importer_ops *probe_directory(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i]->probe_directory && rows[i]->probe_directory(path))
			return rows[i];
	return NULL;
}

const struct importer_ops *importer_probe(const char *path, struct err *e)
{
	const struct importer_ops *best = NULL;
	uint8_t head[PROBE_BYTES];
	int best_sure = PROBE_SURE - 1;
	struct stat st;
	size_t n = 0;

	if (!strcmp(path, "-") || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		err_set(e, ERR_USAGE, "%s: a pipe cannot be probed: name its format with --format", path);
		return NULL;
	}
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		best = probe_directory(path);
	if (best)
		return best;
	if (read_head(path, head, &n, e))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int sure = n && rows[i]->probe ? rows[i]->probe(head, n) : 0;

		if (sure > best_sure) {
			best = rows[i];
			best_sure = sure;
		}
	}
	if (!best && n >= NATIVE_MAGIC_SIZE && !memcmp(head, NATIVE_MAGIC, NATIVE_MAGIC_SIZE))
		err_set(e, ERR_FORMAT, "%s: a native trace that was packed once more: unpack it first", path);
	else if (!best)
		err_set(e, ERR_FORMAT,
			n ? "%s: no known trace format; `faultline trace formats` lists them"
			  : "%s: empty file",
			path);
	return best;
}

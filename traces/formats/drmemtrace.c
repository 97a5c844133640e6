/*
 * drmemtrace.c - the offline traces of DynamoRIO's drmemtrace (clients/drcachesim/common/trace_entry.h),
 * which Google's public workload traces use too.
 *
 * A trace is a directory with one file a thread (or, sharded by core, one file a core), or one such file. A
 * file is a zip archive of chunks, or a stream packed with gzip, lz4 or Snappy, or plain; which one is told
 * by its first bytes. It holds packed records of 12 bytes, little endian: u16 type, u16 size, u64 value.
 * Versions 1 to 7 are read, which differ in nothing that is used here.
 *
 * Accesses are the types 0 and 1 (size: bytes) and the fetches 10 to 16, 31, 48, 49 and 17 (up to eight
 * instructions in one record). Each fetch is one instruction; type 29 (a further iteration of a string
 * instruction) is none. A size of 0 of an access, which is an unknown one, counts as one byte.
 *
 * The files are merged by their time markers (28, kind 2; microseconds since 1601): the file with the lowest
 * time goes on up to its next time, the first in the order of names among equals. That is as exact as the
 * format: between two times of a thread the order to other threads is not known.
 *
 * A system call (marker 25) becomes a control record `other` with its number, CPU and time; its arguments and
 * result when they were recorded (markers 4, 6, 7, 30), and 0 when not. It stands where its thread goes on.
 * The record 23 becomes the thread's exit.
 *
 * Memory: about 400 KiB a file, all files are open at once. A file that is cut off ends its thread; the error
 * comes when all other files are read.
 *
 * Not modelled: mappings (system calls have effects on them, but what was mapped when the trace begins is not
 * in it); prefetches, flushes, encodings, branch targets; what ran in the kernel (between markers 27 and 28,
 * 34 and 35); function calls other than system calls; physical addresses (markers 15 to 17, v2p.textproto),
 * which the provenance notes; traces of 32-bit programs of a 32-bit DynamoRIO, whose records are shorter.
 */
#include "traces/formats/formats.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "sim/mem.h"
#include "traces/formats/drmemtrace_file.h"

#define FILES_MAX   4096
#define PROBE_BYTES 256
#define EPOCH_SHIFT UINT64_C(11644473600000000) /* from 1601 to 1970, microseconds */

/* The files of a trace, by name. */
struct dr_names {
	char **path;
	size_t n;
	bool has_v2p;
};

struct drmemtrace {
	struct importer im;
	struct dr_file **file;
	size_t nr_files;
	struct dr_file *current; /* goes on as long as its time stands; NULL: choose */
	struct err cut;          /* of the first file that was cut off */
	uint64_t *addr;
	uint32_t *meta;
	struct provenance provenance;
	char recorder[40], recorded_at[40], notes[120];
};

/* ---- directories ---- */

static void names_release(struct dr_names *v)
{
	for (size_t i = 0; i < v->n; i++)
		mem_free(v->path[i]);
	mem_free(v->path);
	*v = (struct dr_names){0};
}

static bool is_trace_name(const char *name)
{
	static const char *const parts[] = {".trace", ".memtrace"};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *p = strstr(name, parts[i]);

		if (p && (p[strlen(parts[i])] == '\0' || p[strlen(parts[i])] == '.'))
			return name[0] != '.';
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = mem_alloc_late(n, 1);

	snprintf(path, n, "%s/%s", dir, name);
	return path;
}

static void list_directory(struct dr_names *v, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && v->n < FILES_MAX && (entry = readdir(d))) {
		v->has_v2p = v->has_v2p || !strcmp(entry->d_name, "v2p.textproto");
		if (!is_trace_name(entry->d_name))
			continue;
		v->path = mem_realloc(v->path, v->n + 1, sizeof *v->path);
		v->path[v->n++] = join(dir, entry->d_name);
	}
	if (d)
		closedir(d);
}

/* The files of a directory or of its directory "trace", which drmemtrace makes; or the one file. */
static void names_of(struct dr_names *v, const char *path)
{
	struct stat st;
	char *below;

	*v = (struct dr_names){0};
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		v->path = mem_alloc_late(1, sizeof *v->path);
		v->path[v->n++] = mem_strdup(path);
		return;
	}
	list_directory(v, path);
	if (!v->n) {
		below = join(path, "trace");
		list_directory(v, below);
		mem_free(below);
	}
	if (v->n)
		qsort(v->path, v->n, sizeof *v->path, by_name);
}

static bool drmemtrace_probe_directory(const char *path)
{
	uint8_t head[PROBE_BYTES];
	struct dr_names v;
	struct input *in;
	size_t n = 0, got = 1;
	bool yes = false;

	names_of(&v, path);
	if (v.n && input_open(&in, v.path[0], NULL) == 0) {
		for (; n < sizeof head && got; n += got)
			if (input_read(in, head + n, sizeof head - n, &got, NULL))
				got = 0;
		yes = dr_file_probe(head, n);
		input_close(in);
	}
	names_release(&v);
	return yes;
}

/* ---- opening ---- */

static void set_provenance(struct drmemtrace *d, uint64_t begin_us, bool has_v2p)
{
	const struct dr_file *f = d->file[0];
	time_t seconds = (time_t)((begin_us - EPOCH_SHIFT) / 1000000);
	uint64_t type = 0;
	struct tm tm;

	for (size_t i = 0; i < d->nr_files; i++)
		type |= d->file[i]->file_type;
	snprintf(d->recorder, sizeof d->recorder, "drmemtrace version %" PRIu64, f->version);
	snprintf(d->notes, sizeof d->notes, "%zu file%s%s", d->nr_files, d->nr_files == 1 ? "" : "s",
		 has_v2p ? "; v2p.textproto has physical addresses, which are not read" : "");
	d->provenance.recorder = d->recorder;
	d->provenance.notes = d->notes;
	if (begin_us > EPOCH_SHIFT && seconds < (time_t)1 << 34 && gmtime_r(&seconds, &tm) &&
	    strftime(d->recorded_at, sizeof d->recorded_at, "%Y-%m-%dT%H:%M:%SZ", &tm))
		d->provenance.recorded_at = d->recorded_at;
	d->provenance.sampled = type & DR_FILE_FILTERED;
	d->provenance.no_times = !(type & DR_FILE_SYSCALLS);
}

static void drmemtrace_close(struct importer *im)
{
	struct drmemtrace *d = (struct drmemtrace *)im;

	for (size_t i = 0; i < d->nr_files; i++) {
		dr_file_close(d->file[i]);
		mem_free(d->file[i]);
	}
	mem_free(d->file);
	mem_free(d->addr);
	mem_free(d->meta);
	mem_free(d);
}

/* One descriptor a file, and some for everything else. */
static void allow_files(size_t n)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= n + 64)
		return;
	lim.rlim_cur = MIN_OF(lim.rlim_max, (rlim_t)(n + 64));
	(void)setrlimit(RLIMIT_NOFILE, &lim); /* if not, opening says which file is one too many */
}

static int open_files(struct drmemtrace *d, const struct dr_names *v, struct err *e)
{
	uint64_t begin = UINT64_MAX;
	int rc = 0;

	allow_files(v->n);
	d->file = mem_alloc_late(v->n, sizeof *d->file);
	while (!rc && d->nr_files < v->n) {
		struct dr_file *f = mem_alloc_late(1, sizeof *f);

		f->addr = d->addr;
		f->meta = d->meta;
		d->file[d->nr_files] = f;
		rc = dr_file_open(f, v->path[d->nr_files++], e);
		if (f->time_us)
			begin = MIN_OF(begin, f->time_us);
	}
	for (size_t i = 0; i < d->nr_files; i++)
		d->file[i]->epoch_us = begin;
	if (!rc)
		set_provenance(d, begin == UINT64_MAX ? 0 : begin, v->has_v2p);
	return rc;
}

static int drmemtrace_open(struct importer **out, const struct importer_ops *ops, const char *path,
			   const char *options, struct err *e)
{
	struct drmemtrace *d;
	struct dr_names v;
	int rc;

	*out = NULL;
	if (*options)
		return err_set(e, ERR_USAGE, "format drmemtrace has no option %.80s", options);
	names_of(&v, path);
	if (!v.n || v.n == FILES_MAX) {
		rc = v.n ? err_set(e, ERR_LIMIT, "%s: more than %d files", path, FILES_MAX - 1)
			 : err_set(e, ERR_OPEN, "%s: no *.trace.* or *.memtrace.* file in this directory",
				   path);
		names_release(&v);
		return rc;
	}
	d = mem_alloc_late(1, sizeof *d);
	d->im.ops = ops;
	d->addr = mem_alloc_late(DR_BATCH + DR_BATCH_SLACK + BATCH_SLACK, sizeof *d->addr);
	d->meta = mem_alloc_late(DR_BATCH + DR_BATCH_SLACK + BATCH_SLACK, sizeof *d->meta);
	rc = open_files(d, &v, e);
	names_release(&v);
	if (rc)
		drmemtrace_close(&d->im);
	else
		*out = &d->im;
	return rc;
}

/* ---- merging ---- */

/* The file with the lowest time; NULL when all are at their end. */
static struct dr_file *earliest(const struct drmemtrace *d)
{
	struct dr_file *best = NULL;

	for (size_t i = 0; i < d->nr_files; i++)
		if (!d->file[i]->over && (!best || d->file[i]->time_us < best->time_us))
			best = d->file[i];
	return best;
}

static int drmemtrace_next(struct importer *im, struct batch *b, struct err *e)
{
	struct drmemtrace *d = (struct drmemtrace *)im;

	while (d->current || (d->current = earliest(d))) {
		struct dr_file *f = d->current;
		uint64_t time = f->time_us;
		struct err bad = {0};
		int rc = dr_file_next(f, b, &bad);

		if (rc <= 0 || f->time_us != time)
			d->current = NULL;
		if (rc > 0 && !b->n && !b->control)
			continue;
		if (rc > 0)
			return rc;
		f->over = true;
		if (rc == -(int)ERR_TRUNCATED && !d->cut.code)
			d->cut = bad;
		if (rc < 0 && rc != -(int)ERR_TRUNCATED) {
			*e = bad;
			return rc;
		}
	}
	if (d->cut.code)
		*e = d->cut;
	return -(int)d->cut.code;
}

static void drmemtrace_provenance(struct importer *im, struct provenance *p)
{
	*p = ((struct drmemtrace *)im)->provenance;
}

static void drmemtrace_position(struct importer *im, uint64_t *done, uint64_t *total)
{
	const struct drmemtrace *d = (struct drmemtrace *)im;

	*done = *total = 0;
	for (size_t i = 0; i < d->nr_files; i++) {
		uint64_t here, size;

		input_position(d->file[i]->in, &here, &size);
		*done += here;
		*total += size;
	}
}

static int drmemtrace_probe(const uint8_t *head, size_t n)
{
	return dr_file_probe(head, n) ? 95 : 0;
}

const struct importer_ops drmemtrace_importer = {
	.name = "drmemtrace",
	.sentence = "DynamoRIO's drmemtrace and Google's workload traces: a file or a directory of files",
	.probe = drmemtrace_probe,
	.probe_directory = drmemtrace_probe_directory,
	.open = drmemtrace_open,
	.next = drmemtrace_next,
	.provenance = drmemtrace_provenance,
	.position = drmemtrace_position,
	.close = drmemtrace_close,
};

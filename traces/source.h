/*
 * source.h - how traces are read and written.
 *
 * Three interfaces:
 *   importer   a foreign file or a generator, read once from front to back in its own order: struct
 * importer_ops writer     takes accesses and controls in that order and writes the native format:
 * trace_writer_* trace      a native file, readable by thread: trace_open, trace_stream_open, stream_next
 * `faultline run` on a foreign file imports it into an unlinked temporary native file first, so replay knows
 * one way.
 *
 * Order. Every thread's stream is cut at each point where the recorded order passes from one thread to
 * another or a control record stands. Each piece carries `order`, a number that grows over the whole trace:
 * replaying pieces by growing order is the recorded interleaving. Re-scheduled replay needs only that a piece
 * waits until all ordered records numbered below its `after` have taken effect.
 */
#ifndef TRACES_SOURCE_H
#define TRACES_SOURCE_H

#include "sim/err.h"
#include "traces/record.h"

/* A run of accesses of one thread and the control record behind it. */
struct batch {
	uint32_t pid, tid;
	uint64_t order;       /* of this piece; consecutive batches of one piece repeat it */
	uint64_t after;       /* ordered records numbered below this took effect before it */
	size_t n;             /* accesses, may be 0 */
	const uint64_t *addr; /* n entries; readable up to n + BATCH_SLACK (padding, for prefetching) */
	const uint32_t *meta;
	const struct control
		*control; /* what follows the accesses, or NULL; never REC_SYNC (that is `after`) */
};
#define BATCH_SLACK 32

/* What the trace says about its origin; strings are NULL when unknown. One field, one key of the provenance
 * JSON. */
struct provenance {
	const char *program, *arguments, *recorder, *recorded_at, *host, *notes;
	bool no_threads, no_sizes, no_times, no_fetches, physical,
		sampled; /* what the original format could not hold */
};

/* Counts over a whole trace; kept in the footer, or counted by a scan when there is none. */
struct trace_counts {
	uint64_t accesses, reads, writes, fetches, instructions, controls, blocks;
	uint64_t footprint_pages; /* distinct 4 KiB pages touched, over all processes; exact */
	uint32_t processes, threads;
};

/* ---- importers and generators ---- */

struct importer;
struct importer_ops {
	const char *name; /* "lackey" */
	const char *sentence;
	/* What sets the format apart from others with the same `open`: a struct text_format, a struct
	 * generator_pattern. */
	const void *form;
	/* 0 … 100: how sure it is that the first n bytes (decompressed) of a file are its format. NULL for
	 * generators. */
	int (*probe)(const uint8_t *head, size_t n);
	/* Whether the files of a directory are one trace of this format. NULL: it knows no directories. */
	bool (*probe_directory)(const char *path);
	/* path "-" is standard input; options: "key=value,…" or "". */
	int (*open)(struct importer **out, const struct importer_ops *ops, const char *path,
		    const char *options, struct err *e);
	/*
	 * Next batch: 1, 0 at the end, negative on error with file, line and offset in e. b->order and
	 * b->after are not set: the writer gives them out. Batches of different threads may follow each
	 * other.
	 */
	int (*next)(struct importer *im, struct batch *b, struct err *e);
	void (*provenance)(struct importer *im, struct provenance *p); /* pointers live until close */
	/* Bytes of the file consumed and its size (0 unknown): for the progress line. */
	void (*position)(struct importer *im, uint64_t *done, uint64_t *total);
	void (*close)(struct importer *im);
};
struct importer {
	const struct importer_ops *ops;
};
static inline int importer_open(struct importer **out, const struct importer_ops *ops, const char *path,
				const char *options, struct err *e)
{
	return ops->open(out, ops, path, options, e);
}

/* The table of formats: importer_at(i) until NULL. */
const struct importer_ops *importer_at(size_t i);
const struct importer_ops *importer_find(const char *name);
/* Chooses by probing; ERR_FORMAT when none is sure. */
const struct importer_ops *importer_probe(const char *path, struct err *e);
const struct importer_ops *generator_at(size_t i);
const struct importer_ops *generator_find(const char *name);

/* ---- writing the native format ---- */

struct trace_writer;
/* For files that are not kept: no choice of encodings, hardly any compression. */
#define TRACE_LEVEL_FAST (-30)
/* Creates path (fails with ERR_OPEN); level is zstd's, 0 = the default, 1 = no encodings are
 * tried out; below 0: TRACE_LEVEL_FAST. */
int trace_writer_open(struct trace_writer **out, const char *path, const struct provenance *p, int level,
		      struct err *e);
/* The same on an open descriptor that is seekable; the writer does not close it. */
int trace_writer_open_fd(struct trace_writer **out, int fd, const char *name, const struct provenance *p,
			 int level, struct err *e);
/* Takes b's accesses, then its control. Gives out order, after and seq. Constant memory a live thread. An
 * error of writing may show some blocks later. */
int trace_writer_batch(struct trace_writer *w, const struct batch *b, struct err *e);
/*
 * The records broke off with the error r, e: writes the blocks complete so far. When that fails, its error
 * takes the place of e, as it came first; returns the one that stands.
 */
int trace_writer_cut(struct trace_writer *w, int r, struct err *e);
/* Writes index and footer, syncs, closes, frees w. Without it (crash, full disk) the file reads up to its
 * last block. */
int trace_writer_close(struct trace_writer *w, struct err *e);
/* Gives up: closes and frees without a footer. */
void trace_writer_abort(struct trace_writer *w);

/* ---- reading the native format ---- */

struct trace;
struct stream;
struct trace_thread {
	uint32_t pid, tid;
	uint64_t first_order;
	uint64_t accesses; /* 0 when unknown (truncated) */
};

/* Opens a native trace; a file cut anywhere opens and trace_is_truncated says so. */
int trace_open(struct trace **out, const char *path, struct err *e);
/* Opens native or, through an importer and a temporary file, foreign traces; format NULL = probe. */
int trace_open_any(struct trace **out, const char *path, const char *format, const char *options,
		   struct err *e);
void trace_close(struct trace *t);
bool trace_is_truncated(const struct trace *t);
const struct provenance *trace_provenance(const struct trace *t);
/* Provenance as a JSON object; valid as long as t. */
const char *trace_provenance_json(const struct trace *t);
/* Hex digest (XXH3, 128 bits) over the whole file's bytes; computed at the first call by reading the file
 * once. */
const char *trace_fingerprint(struct trace *t, struct err *e);
/* Counts; scans all blocks when the footer is missing. */
int trace_counts(struct trace *t, struct trace_counts *c, struct err *e);
/* Whether any MMAP, BRK or MAPPING record is in the trace (kept in the footer; scanned for when it is
 * missing). */
bool trace_has_mappings(struct trace *t);
size_t trace_nr_threads(const struct trace *t);
const struct trace_thread *trace_thread(const struct trace *t, size_t i);

/* A thread's stream, by index in trace_thread order. Streams are independent; each holds one decoded block.
 */
int stream_open(struct stream **out, struct trace *t, size_t thread, struct err *e);
/* 1, 0 at the end (or at the cut), negative on error: a block whose checksum fails names its offset. */
int stream_next(struct stream *s, struct batch *b, struct err *e);
/*
 * The same without the accesses: b->addr and b->meta are NULL, b->n says how many there are. Blocks of which
 * no access is asked for are neither decoded nor checked.
 */
int stream_skim(struct stream *s, struct batch *b, struct err *e);
/* Gives the batch that stream_skim gave last its accesses. 0 or negative. */
int stream_reveal(struct stream *s, struct batch *b, struct err *e);
/*
 * The next batch begins with access number `access` of the thread, from 0; what stands before it, control
 * records included, is passed over. Behind the last access: at the end. O(blocks of the file), no decoding.
 */
int stream_seek(struct stream *s, uint64_t access, struct err *e);
void stream_close(struct stream *s);

/* All threads in the recorded order: k-way merge of the streams by `order`. Yields what an importer would. */
struct merged;
int merged_open(struct merged **out, struct trace *t, struct err *e);
int merged_next(struct merged *m, struct batch *b, struct err *e);
/* As stream_skim and stream_reveal. */
int merged_skim(struct merged *m, struct batch *b, struct err *e);
int merged_reveal(struct merged *m, struct batch *b, struct err *e);
void merged_close(struct merged *m);

#endif

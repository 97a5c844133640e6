/*
 * feed.h - any trace as batches in the recorded order: a native file merged, or a foreign one through its
 * importer, without a temporary file.
 */
#ifndef TRACES_INSPECT_FEED_H
#define TRACES_INSPECT_FEED_H

#include "traces/source.h"

struct progress;

struct feed {
	struct trace *trace; /* native, or NULL … */
	struct merged *merged;
	struct importer *importer; /* … and then this */
	const char *path;
	struct progress *progress;
	bool tolerant;  /* set by the caller: the cut of a foreign file is its end, not an error */
	struct err cut; /* then this says where it was */
	uint64_t accesses, instructions, controls; /* given out so far; instructions include REC_INSTR */
};

/*
 * format NULL: by the file's first bytes; "native" or the name of an importer. progress: what the progress
 * line says, NULL for none. path must live as long as f. On error nothing is left to close.
 */
int feed_open(struct feed *f, const char *path, const char *format, const char *options, const char *progress,
	      struct err *e);
/* 1, 0 at the end, negative on error; ERR_INTERRUPTED after Ctrl-C, ERR_TRUNCATED at the cut of a foreign
 * file. */
int feed_next(struct feed *f, struct batch *b, struct err *e);
/*
 * The same, but a native trace's accesses may be left out (b->addr NULL, b->n as ever) until feed_reveal
 * gives them. f->instructions is not counted.
 */
int feed_skim(struct feed *f, struct batch *b, struct err *e);
int feed_reveal(struct feed *f, struct batch *b, struct err *e);
void feed_provenance(struct feed *f, struct provenance *p);
/* The end of a native trace is missing; foreign formats say so by ERR_TRUNCATED, or here when tolerant. */
bool feed_is_truncated(const struct feed *f);
/* At the end: ERR_TRUNCATED when the trace was cut, "…; WHAT is of what is there". Else 0. */
int feed_report_cut(const struct feed *f, const char *what, struct err *e);
/* Ends the progress line, before something is printed. */
void feed_wipe_progress(struct feed *f);
void feed_close(struct feed *f);

#endif

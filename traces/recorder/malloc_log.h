/*
 * malloc_log.h - the log that `faultline record --malloc` writes (traces/ALLOCLOG.md), and its sums.
 */
#ifndef TRACES_RECORDER_MALLOC_LOG_H
#define TRACES_RECORDER_MALLOC_LOG_H

#include <stdio.h>

#include "traces/recorder/malloc_ring.h"
#include "traces/source.h"

struct malloc_log;

struct malloc_totals {
	uint64_t allocations, frees, moves, failed, bytes;
	uint64_t unknown_frees; /* of blocks that were allocated before a fork, or unrecorded */
	uint64_t live_bytes, live_blocks, peak_bytes, peak_blocks; /* over all processes */
	uint64_t processes, threads, events, file_bytes;
};

/* Creates path; fails with ERR_OPEN. level is zstd's. */
int malloc_log_open(struct malloc_log **out, const char *path, const struct provenance *p, int level,
		    struct err *e);
/* Writes one event, `ns` after the log began. ERR_IO when that fails; the log can be read up to there. */
int malloc_log_event(struct malloc_log *l, uint64_t ns, uint32_t pid, uint32_t tid,
		     const struct malloc_event *ev, const char *text, struct err *e);
/* Writes which processes are gone and have no events left; how many there still are. */
struct malloc_merge;
size_t malloc_log_bury(struct malloc_log *l, const struct malloc_merge *m, struct err *e);
/* Makes what was written so far readable. */
int malloc_log_flush(struct malloc_log *l, struct err *e);
/* Writes the last line, which tells that nothing is missing (lost: threads without a ring); closes. */
int malloc_log_finish(struct malloc_log *l, uint64_t lost, struct err *e);
void malloc_log_totals(const struct malloc_log *l, struct malloc_totals *t);
/* The callers that allocated most, as a table. */
void malloc_log_print_callers(const struct malloc_log *l, FILE *f, size_t n);
void malloc_log_free(struct malloc_log *l);

#endif

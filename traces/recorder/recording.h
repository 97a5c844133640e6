/*
 * recording.h - a recording under way: what comes out of the rings, on its way into the trace.
 */
#ifndef TRACES_RECORDER_RECORDING_H
#define TRACES_RECORDER_RECORDING_H

#include "sim/err.h"
#include "sim/map.h"
#include "traces/recorder/files.h"
#include "traces/recorder/merge.h"
#include "traces/recorder/window.h"
#include "traces/source.h"

#define RECORDING_CHUNK 8192 /* words or accesses on their way */

struct recording {
	struct merge merge;
	struct trace_writer *writer;
	struct recorded_files files;
	struct window window;
	struct map processes; /* pids that have begun */
	struct map numbers;   /* renumber: number on the host -> number in the trace */
	bool renumber;
	bool keeps_all; /* with fetches: accesses go into the blocks straight away (live.h) */
	struct expanded chunk;
	uint64_t addr[RECORDING_CHUNK + BATCH_SLACK];
	uint32_t meta[RECORDING_CHUNK + BATCH_SLACK];
	uint64_t accesses, threads, nr_processes;
};

struct recording *recording_new(struct shared *shared, struct trace_writer *writer,
				const struct window_options *window, bool no_fetches, bool renumber);
void recording_free(struct recording *r);
/* Passes on what is there, in order. Returns how many stretches, or a negative error. */
int recording_drain(struct recording *r, double now, struct err *e);
/* Ends threads whose process is gone without having said so. true when no thread is left. */
bool recording_bury(struct recording *r, struct err *e);

#endif

/*
 * summary.h - what takes reading every access of a trace: `faultline trace info --full`.
 */
#ifndef TRACES_INSPECT_SUMMARY_H
#define TRACES_INSPECT_SUMMARY_H

#include "sim/map.h"
#include "traces/footprint.h"
#include "traces/inspect/curve.h"
#include "traces/source.h"

#define SUMMARY_NEAR    4096 /* strides up to so many bytes are counted one by one */
#define SUMMARY_SIZES   14   /* classes of access sizes: 1, 2, 3-4, 5-8, … 2049-4096 */
#define SUMMARY_SAMPLES 65536

/* A stretch of the trace of equal length. */
struct summary_window {
	uint64_t accesses, reads, writes, fetches;
	uint64_t pages, new_pages; /* touched; touched for the first time */
};

struct summary_thread {
	uint32_t pid, tid;
	uint64_t accesses, reads, writes, fetches, instructions;
	uint64_t last; /* address of its last load or store */
	bool any;
};

/* Differences of the addresses of consecutive loads and stores of one thread. */
struct summary_strides {
	uint64_t all, forward, backward;
	uint64_t line, page, large_page,
		far; /* distances below 64, 4096 and 2 Mi bytes, and above; 0 in line */
	uint64_t near[2 * SUMMARY_NEAR + 1];
};

struct summary_mappings {
	uint64_t calls, failed, anonymous, files; /* mmap and the mappings at the beginning */
	uint64_t bytes, largest, unmap_calls, unmapped_bytes, brk_calls;
};

struct summary {
	uint64_t accesses, splits, by_size[SUMMARY_SIZES];
	struct summary_strides strides;
	struct summary_mappings mappings;
	struct summary_thread *threads; /* in the order of their first records */
	size_t nr_threads, cap_threads;
	struct summary_window *windows;
	size_t nr_windows;
	struct curve *reuse; /* pages of 4 KiB, all accesses, sampled from SUMMARY_SAMPLES pages on */
	/* as it goes */
	uint64_t window_length;
	struct map by_id;
	struct footprint all, window;
};

/* `total` accesses are expected, `windows` stretches wanted (at least 1). */
void summary_init(struct summary *s, uint64_t total, size_t windows);
void summary_release(struct summary *s);
int summary_add(struct summary *s, const struct batch *b, struct err *e);
/* To be called once behind the last batch. */
void summary_finish(struct summary *s);
/* The smallest memory in pages that serves the share `hits` of all touches; 0 when none does. */
uint64_t summary_memory_for(struct summary *s, double hits);

/* A page for people; the members of a JSON object, each line begun with ",\n". */
int summary_print(struct summary *s, struct err *e);
void summary_print_json(struct summary *s);

#endif

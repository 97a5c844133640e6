/*
 * footprint.h - the exact number of distinct pages of 4 KiB that a trace touches, over all processes.
 *
 * A hash set of regions: one 24-byte entry for each 64 aligned pages of a process of which one was touched,
 * so memory grows with the footprint, never with the length.
 */
#ifndef TRACES_FOOTPRINT_H
#define TRACES_FOOTPRINT_H

#include "sim/base.h"

#define FOOTPRINT_SEEN 256

struct footprint {
	struct footprint_entry {
		uint64_t region; /* address >> 18 */
		uint64_t pages;  /* one bit each; 0 = unused entry */
		uint32_t pid;
	} * entries;
	size_t cap, len;
	uint64_t count;                /* distinct pages so far */
	uint64_t seen[FOOTPRINT_SEEN]; /* page + 1 of pages of seen_pid that are in the set, by their low bits
					*/
	uint32_t seen_pid;
};

void footprint_init(struct footprint *f);
void footprint_release(struct footprint *f);
/* Adds the pages of n accesses of process pid. Expected O(n). */
void footprint_add(struct footprint *f, uint32_t pid, const uint64_t *addr, const uint32_t *meta, size_t n);

#endif

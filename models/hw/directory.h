/*
 * directory.h - which CPUs hold a copy of a line in their private caches.
 *
 * A hash table of fixed size (linear probing, deletion by shifting back): a line's entry is a bit for each
 * CPU. It exists as long as a bit is set. Expected O(1) an operation; nothing is decided by its order. Not
 * modelled: that a real snoop filter has ways and throws lines out of the private caches when it is full.
 */
#ifndef MODELS_HW_DIRECTORY_H
#define MODELS_HW_DIRECTORY_H

#include "sim/base.h"

struct directory {
	uint64_t *slots; /* each: line + 1 (0 = free), then the words of the CPU mask */
	uint64_t mask;   /* number of slots - 1 */
	unsigned words, stride;
	uint64_t len;
};

/* max_lines: as many lines have entries at a time at most. */
void directory_init(struct directory *d, uint64_t max_lines, unsigned nr_cpus);
void directory_release(struct directory *d);
/* The mask of the line's holders, `words` words; NULL when nobody has it. Valid until the next change. */
const uint64_t *directory_find(const struct directory *d, uint64_t line);
void directory_add(struct directory *d, uint64_t line, unsigned cpu);
/* The CPU must be a holder. */
void directory_remove(struct directory *d, uint64_t line, unsigned cpu);

#endif

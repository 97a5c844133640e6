/*
 * block_table.h - the live blocks of a process: address -> value.
 *
 * Open addressing with linear probing, deletion by shifting back, at most half full. Addresses that lie
 * within a KiB of each other have neighbouring slots, so that blocks which are allocated one after another
 * share cache lines; the KiBs are spread by multiplication (Knuth, The Art of Computer Programming 3, 6.4).
 * Expected O(1).
 */
#ifndef TRACES_RECORDER_BLOCK_TABLE_H
#define TRACES_RECORDER_BLOCK_TABLE_H

#include "sim/base.h"

struct block {
	uint64_t addr, value; /* addr 0: free */
};

/* All zero is the empty table. */
struct block_table {
	struct block *slot;
	size_t cap, len; /* cap: a power of two, or 0 */
};

/* addr != 0. Sets, overwrites. */
void block_table_put(struct block_table *t, uint64_t addr, uint64_t value);
/* Takes the block out; false when it is not there. */
bool block_table_take(struct block_table *t, uint64_t addr, uint64_t *value);
/* Walks all blocks: start with *it = 0; NULL at the end. */
const struct block *block_table_next(const struct block_table *t, size_t *it);
void block_table_release(struct block_table *t);

#endif

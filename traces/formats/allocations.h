/*
 * allocations.h - what a log of allocations becomes as a trace.
 *
 * Such a log says where the program's blocks lay and how large they were, but nothing of what was done with
 * them. What is made of it:
 *   - a block that is allocated is stored once, every byte of it (option touch); a block that realloc moved
 * is loaded at the old place and stored at the new one, one that grew where it lay has its new part stored;
 *   - the pages that hold it are mapped in front, where they are not mapped yet: a block of 128 KiB or more,
 *     16 bytes behind the start of a page, none of whose pages is mapped, is one that glibc gave a mapping of
 *     its own (malloc/malloc.c sysmalloc_mmap, DEFAULT_MMAP_THRESHOLD): mmap when it is allocated, munmap
 * when it is freed, mremap without loads and stores when it is moved to another such place. Any other lies in
 * a heap, which grows by 128 KiB (DEFAULT_TOP_PAD), aligned, and never shrinks;
 *   - a block that is freed is not touched.
 *
 * Options (ALLOCATIONS_OPTION): touch=pages stores a block with one store a page, as large as the block's
 * part of it; touch=lines with one for each 64 bytes; touch=none leaves the accesses out.
 *
 * O(1) an event but for the mappings (page_ranges.h), memory bounded by the live blocks and by
 * ALLOCATIONS_REGIONS.
 *
 * Not modelled: what the allocator itself touches (headers, free lists); trimming of the heap; what lies
 * behind the first GiB of a block is not stored; blocks that were allocated before the log began are unknown,
 * and freeing one does nothing.
 */
#ifndef TRACES_FORMATS_ALLOCATIONS_H
#define TRACES_FORMATS_ALLOCATIONS_H

#include "traces/formats/textfile.h"

#define ALLOCATIONS_REGIONS 65530               /* as many as Linux lets a process have (vm.max_map_count) */
#define ALLOCATIONS_ADDR    (UINT64_C(1) << 56) /* ends of blocks lie below */

#define ALLOCATIONS_OPTION                  \
	{                                   \
		"touch", "pages lines none" \
	}
enum allocations_touch { TOUCH_PAGES, TOUCH_LINES, TOUCH_NONE };

/* Sentence for the provenance of all of these formats. */
#define ALLOCATIONS_NOTE                                                                                 \
	"made of a log of allocations: the accesses are inferred, each block is stored once when it is " \
	"allocated"

struct allocations;

/* Who allocates. */
struct allocator_thread {
	uint32_t pid, tid;
	uint64_t time_ns; /* 0 unknown */
};

struct allocations *allocations_new(enum allocations_touch touch);
/* The same blocks and mappings, for a process that was forked. */
struct allocations *allocations_copy(const struct allocations *a);
void allocations_free(struct allocations *a);

/* Whether such a block can be: ends below ALLOCATIONS_ADDR, not at 0. */
bool allocations_possible(uint64_t addr, uint64_t size);

/*
 * One event. What does not fit into the queue is left to allocations_more, which must have answered false
 * before the next event. A block on the place of a live one replaces it. ERR_LIMIT when the blocks lie in
 * more than ALLOCATIONS_REGIONS regions.
 */
int allocations_add(struct allocations *a, const struct allocator_thread *by, uint64_t addr, uint64_t size,
		    struct err *e);
/* realloc; old 0 or unknown is an allocation. */
int allocations_move(struct allocations *a, struct textfile *t, const struct allocator_thread *by,
		     uint64_t old, uint64_t addr, uint64_t size, struct err *e);
/*
 * realloc in two halves, between which other threads may allocate: the block is taken out of the live ones,
 * and lands at another place, or is put back when realloc failed. taken->addr 0: it was not known.
 */
struct taken_block {
	uint64_t addr, was;
};
void allocations_take(struct allocations *a, uint64_t addr, struct taken_block *taken);
int allocations_land(struct allocations *a, struct textfile *t, const struct allocator_thread *by,
		     const struct taken_block *taken, uint64_t addr, uint64_t size, struct err *e);
void allocations_put_back(struct allocations *a, const struct taken_block *taken);
/* free; of a block that is not known nothing. */
void allocations_remove(struct allocations *a, const struct allocator_thread *by, uint64_t addr);
/* Puts out some of the records that wait; false when none does. */
bool allocations_more(struct allocations *a, struct textfile *t);

/* A record that a process is there when the trace begins. */
void allocations_process(struct textfile *t, uint32_t pid, const char *program);

#endif

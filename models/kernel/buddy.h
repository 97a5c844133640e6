/*
 * buddy.h - the buddy allocator of one zone: free lists by order and migrate type, splitting, coalescing,
 * stealing of page blocks (mm/page_alloc.c: __rmqueue, __rmqueue_fallback, steal_suitable_fallback,
 * __free_one_page; Linux 6.1).
 *
 * O(orders) a request. Never calls reclaim. Invariants: a free frame is on exactly one list; no two free
 * buddies of one order; nr_free pages = sum over orders of blocks * 2^order.
 */
#ifndef MODELS_KERNEL_BUDDY_H
#define MODELS_KERNEL_BUDDY_H

#include "models/kernel/zone.h"

#define ALLOC_WMARK_MIN     0x00u
#define ALLOC_WMARK_LOW     0x01u
#define ALLOC_WMARK_HIGH    0x02u
#define ALLOC_NO_WATERMARKS 0x04u
#define ALLOC_WMARK_MASK    0x03u
#define ALLOC_OOM           0x08u
#define ALLOC_HARDER        0x10u /* ALLOC_NON_BLOCK of later 6.1 */
#define ALLOC_HIGH          0x20u /* ALLOC_MIN_RESERVE of later 6.1 */
#define ALLOC_CPUSET        0x40u
#define ALLOC_NOFRAGMENT    0x100u
#define ALLOC_HIGHATOMIC    0x200u
#define ALLOC_KSWAPD        0x800u
#define ALLOC_RESERVES      (ALLOC_HARDER | ALLOC_HIGH | ALLOC_HIGHATOMIC | ALLOC_OOM)

/* A block of 2^order frames, or PFN_NONE (rmqueue_buddy). Does not look at watermarks. All its frames are
 * reset. Sets z->boosted when a block of another type had to be broken up and kswapd should know. */
pfn_t buddy_alloc(struct memory *m, struct zone *z, unsigned order, enum migratetype mt,
		  unsigned alloc_flags);
/* __rmqueue: the same without the high-order atomic reserves and without resetting the frames: for the
 * per-CPU lists. */
pfn_t buddy_take(struct memory *m, struct zone *z, unsigned order, enum migratetype mt, unsigned alloc_flags);
/* Gives a block back and coalesces. at_tail: behind the others of its list (used for reported or reserved
 * pages). */
void buddy_free(struct memory *m, struct zone *z, pfn_t pfn, unsigned order, bool at_tail);
/* __free_one_page: the same onto the lists of type mt whatever the page block's type is, without resetting
 * the frames: for the per-CPU lists and for memory that was never used. */
void buddy_give(struct memory *m, struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt,
		bool at_tail);
enum migratetype buddy_pageblock_type(const struct zone *z, pfn_t pfn);
void buddy_set_pageblock_type(struct zone *z, pfn_t pfn, enum migratetype mt);
/*
 * Moves the free blocks of pfn's page block to the lists of mt. Returns pages moved, 0 where the block
 * crosses the zone's end; *num_movable (may be NULL) counts pages on LRU lists.
 */
unsigned buddy_move_block(struct memory *m, struct zone *z, pfn_t pfn, enum migratetype mt,
			  unsigned *num_movable);
/* Keeps pfn's page block for high-order atomic requests; up to 1 % of the zone. */
void buddy_reserve_highatomic(struct memory *m, struct zone *z, pfn_t pfn);
/* Gives one such block back to mt. Without force the last one stays. False when none had free pages. */
bool buddy_unreserve_highatomic(struct memory *m, struct zone *z, enum migratetype mt, bool force);
/*
 * __isolate_free_page: takes the free block whose first frame is pfn (FR_BUDDY, of any order) off its list,
 * for compaction. Returns its pages, or 0 when the min watermark would not hold. The frames are reset.
 */
unsigned buddy_isolate(struct memory *m, struct zone *z, pfn_t pfn);
/* Fragmentation index of a request (mm/vmstat.c fragmentation_index): -1000 succeeds, 0 lack of memory … 1000
 * fragmentation. */
int buddy_fragmentation_index(const struct zone *z, unsigned order);
/* Walks all lists. */
bool buddy_is_valid(struct memory *m, const struct zone *z);

#endif

/*
 * swap.h - swap areas: slots, clusters, priorities, the swap cache (mm/swapfile.c, mm/swap_slots.c,
 * mm/swap_state.c, mm/page_io.c; Linux 6.1).
 */
#ifndef MODELS_KERNEL_SWAP_H
#define MODELS_KERNEL_SWAP_H

#include "models/kernel/blkdev.h"
#include "models/kernel/lru.h"
#include "models/kernel/pgtable.h"

#define SWAP_PARAMS(X, S)                                                                 \
	X(S, LIST, area_bytes, "swap.size", "1GiB", 0, UINT64_C(1) << 44, "bytes",        \
	  "size of each swap area; 0 = no swap")                                          \
	X(S, LIST, priority, "swap.priority", "", 0, 32767, "",                           \
	  "priority of each area, higher first; equal ones in turn; empty = -2, -3, …")   \
	X(S, BOOL, rotational, "swap.rotational", "false", 0, 1, "",                      \
	  "a disk: no clusters, physical instead of VMA readahead")                       \
	X(S, BOOL, vma_readahead, "swap.vma_ra_enabled", "true", 0, 1, "",                \
	  "readahead by address instead of by slot (/sys/kernel/mm/swap/vma_ra_enabled)") \
	BLKDEV_PARAMS(X, S, "swap")
PARAM_STRUCT(swap_params, SWAP_PARAMS);
extern const struct param_table swap_param_table;

#define SWAP_STATS(X, S)                                                                   \
	X(S, GAUGE, total_slots, "slots", "size of all areas")                             \
	X(S, GAUGE, used_slots, "slots", "in use, the per-CPU caches' free ones included") \
	X(S, COUNTER, slots_allocated, "slots", "handed out")                              \
	X(S, COUNTER, slots_freed, "slots", "given back")                                  \
	X(S, COUNTER, cache_adds, "pages", "added to the swap cache")                      \
	X(S, COUNTER, cache_hits, "lookups", "found in the swap cache")                    \
	X(S, COUNTER, full, "requests", "no slot was left")
STAT_STRUCT(swap_stats, SWAP_STATS);
extern const struct stat_table swap_stat_table;

struct swap *swap_new(struct kernel *k, const struct swap_params *p, unsigned nr_cpus);
void swap_free(struct swap *s);
struct swap_stats *swap_stats_of(struct swap *s);
/* An area as /proc/swaps lists it, in pages; false past the last. */
struct swap_area_info {
	uint64_t pages, inuse;
	int priority;
};
bool swap_area_at(const struct swap *s, unsigned i, struct swap_area_info *out);
struct blkdev *swap_device(struct swap *s); /* one device holds all areas */
/* folio_alloc_swap + add_to_swap: a slot, the page into the swap cache (which takes a reference), DIRTY set.
 * An anonymous huge page takes a free cluster of slots, and a reference for each. False when swap is full, no
 * cluster is free (split the page first), the page's group may not have more, or the page is another compound
 * one. */
bool swap_add_page(struct task *cur, pfn_t pfn);
/* swap_duplicate, swap_free: references of page-table entries (and of shmem) to a slot. */
void swap_dup(struct kernel *k, swp_entry_t e);
void swap_put(struct kernel *k, swp_entry_t e);
/* free_swap_and_cache: the same, and drops the page from the swap cache (freeing it) when this was the last
 * reference and nobody maps or holds it: for entries that are unmapped or truncated for good. */
void swap_put_and_cache(struct task *cur, swp_entry_t e);
/* References left besides the swap cache's own (__swap_count). */
unsigned swap_count(const struct swap *s, swp_entry_t e);
/* The page in the swap cache, which may be part of a huge one; PFN_NONE when there is none; its shadow then.
 */
pfn_t swap_cache_lookup(const struct swap *s, swp_entry_t e);
uint64_t swap_cache_shadow(const struct swap *s, swp_entry_t e);
/* Puts a fresh frame into the swap cache for entry e (swapin); takes a reference. False when someone was
 * quicker. */
bool swap_cache_insert(struct kernel *k, pfn_t pfn, swp_entry_t e);
/* The slot of a page in the swap cache, or of a huge one's part. */
static inline swp_entry_t swap_entry_of(const struct memory *m, pfn_t pfn)
{
	pfn_t head = page_head(m, pfn);

	return m->frames.f[head].private + (pfn - head);
}
/* __delete_from_swap_cache: leaves shadow; frees the slot when no entry refers to it. Does not drop the
 * cache's page references. A huge page goes whole. */
void swap_cache_remove(struct kernel *k, pfn_t pfn, uint64_t shadow);
/* folio_free_swap: drops page and slots from the cache (and the cache's references) and sets DIRTY, when no
 * page-table entry refers to any of the slots and it is not under write-back. The caller holds a reference.
 */
bool swap_try_to_free(struct task *cur, pfn_t pfn);
/* mem_cgroup_swap_full: more than half of the slots, or of those that the page's group may use, are used. */
bool swap_is_half_full(const struct kernel *k, const struct frame *f);
uint64_t swap_free_slots(const struct swap *s); /* get_nr_swap_pages */
uint64_t swap_total_slots(const struct swap *s);
/*
 * swap_writepage: starts write-back of a LOCKED page in the swap cache: clears DIRTY, unlocks it. A page
 * whose slot nobody refers to any more is dropped from the cache instead. swap_readpage: starts input of a
 * LOCKED page, which unlocks it when it ends.
 */
void swap_write(struct task *cur, pfn_t pfn);
void swap_read(struct task *cur, pfn_t pfn);
/*
 * blk_plug: pages collected between zeroing the plug and swap_unplug go out sorted by slot, neighbours as one
 * request. A page's states change when it is added. A plug that holds 32 requests (blk_plug_max_rq_count), or
 * whose last one reached 128 KiB (BLK_PLUG_FLUSH_SIZE), goes out before another request is added.
 */
struct swap_plug {
	unsigned n, nr_requests, last_pages;
	bool is_write;
	pfn_t pfns[1024];
};
/* blk_start_plug, blk_finish_plug around reclaim and madvise: swap_write collects in cur->plug. An outer plug
 * goes before an inner one. */
void swap_plug_start(struct task *cur, struct swap_plug *plug);
void swap_plug_finish(struct task *cur, const struct swap_plug *plug);
/* Sends what is collected; before the task blocks (blk_flush_plug): kernel_hooks.flush_plug. */
bool swap_plug_flush(struct task *cur);
void swap_write_plugged(struct task *cur, struct swap_plug *plug, pfn_t pfn);
void swap_read_plugged(struct task *cur, struct swap_plug *plug, pfn_t pfn);
void swap_unplug(struct task *cur, struct swap_plug *plug);
/* Slots of an entry's area, header included; whether readahead goes by slots because an area is a disk. */
uint64_t swap_area_slots(const struct swap *s, swp_entry_t e);
bool swap_uses_vma_readahead(const struct swap *s);
/* Readahead by slots, of the machine (swapin.c). */
struct swap_ra {
	unsigned hits, last_pages; /* pages used of those read ahead; size of the last window */
	uint64_t prev_slot;
};
struct swap_ra *swap_ra_state(struct swap *s);
bool swap_is_valid(struct kernel *k);

#endif

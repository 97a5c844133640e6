/*
 * rmap.h - from a frame to every page-table entry that maps it.
 *
 * Linux finds mappings through anon_vma and address_space trees; here each frame holds its mappings
 * themselves, one inline and further ones in a chain from a pool: O(1) to add, O(mappers) to walk or remove,
 * exact. Walk order is newest first. Counts: mapcount, NR_ANON_MAPPED, NR_FILE_MAPPED (mm/rmap.c
 * page_add_anon_rmap, page_add_file_rmap, page_remove_rmap), NR_ANON_THPS.
 */
#ifndef MODELS_KERNEL_RMAP_H
#define MODELS_KERNEL_RMAP_H

#include "models/kernel/mm.h"

struct rmap *rmap_new(void);
void rmap_free(struct rmap *r);
/*
 * Adds the mapping of frame pfn, a page of its own or one page of a huge one, at page vpn of mm. The caller
 * sets the entry, takes the reference and counts rss.
 */
void rmap_add(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn);
/* Takes it out; it must be there. */
void rmap_remove(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn);
/* The same mapping moves to another address (mremap). */
void rmap_move(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t old_vpn, uint64_t new_vpn);
/* The same for an entry that maps all of a huge page from page vpn on: one reference, one mapping. */
void rmap_add_huge(struct kernel *k, pfn_t head, struct mm *mm, uint64_t vpn);
void rmap_remove_huge(struct kernel *k, pfn_t head, struct mm *mm, uint64_t vpn);
void rmap_move_huge(struct kernel *k, pfn_t head, struct mm *mm, uint64_t old_vpn, uint64_t new_vpn);
/*
 * Calls fn for each mapping, of a huge page those of all of it and of its parts (the entry at vpn tells); fn
 * may remove that mapping. Stops when fn returns false; the result says whether all were seen.
 */
bool rmap_walk(struct kernel *k, pfn_t pfn, bool (*fn)(struct mm *mm, uint64_t vpn, void *arg), void *arg);
/* Some mapping of all of a huge page: its address space, and its first page in *vpn; NULL when there is none.
 */
struct mm *rmap_whole(struct kernel *k, pfn_t head, uint64_t *vpn);

/*
 * A huge page of which a part was unmapped waits on the deferred_split list, by its tail number
 * TAIL_QUEUED, until memory is short (thp_split.h). Whoever frees or splits it takes it off.
 */
#define TAIL_QUEUED 2
static inline bool rmap_split_is_deferred(const struct frame *head)
{
	return head->flags & FR_HEAD && head->order > 1 && head[TAIL_QUEUED].index;
}
void rmap_undefer_split(struct kernel *k, pfn_t head);

#endif

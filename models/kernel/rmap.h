/*
 * rmap.h - from a frame to every page-table entry that maps it.
 *
 * Linux finds mappings through anon_vma and address_space trees; here each frame holds its mappings
 * themselves, one inline and further ones in a chain from a pool: O(1) to add, O(mappers) to walk or remove,
 * exact. Walk order is newest first. Counts: mapcount, NR_ANON_MAPPED, NR_FILE_MAPPED (mm/rmap.c
 * page_add_anon_rmap, page_add_file_rmap, page_remove_rmap).
 */
#ifndef MODELS_KERNEL_RMAP_H
#define MODELS_KERNEL_RMAP_H

#include "models/kernel/mm.h"

struct rmap *rmap_new(void);
void rmap_free(struct rmap *r);
/* Adds the mapping of frame pfn at page vpn of mm. The caller sets the entry, takes the reference and counts
 * rss. */
void rmap_add(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn);
/* Takes it out; it must be there. */
void rmap_remove(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn);
/* The same mapping moves to another address (mremap). */
void rmap_move(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t old_vpn, uint64_t new_vpn);
/* Calls fn for each mapping; fn may remove that mapping. Stops when fn returns false; the result says whether
 * all were seen. */
bool rmap_walk(struct kernel *k, pfn_t pfn, bool (*fn)(struct mm *mm, uint64_t vpn, void *arg), void *arg);

#endif

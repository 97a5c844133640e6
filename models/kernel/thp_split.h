/*
 * thp_split.h - taking a 2 MiB page apart where an operation means only part of it (mm/huge_memory.c
 * __split_huge_pmd, __split_huge_page; Linux 6.1).
 *
 * Conventions for huge pages: the level-2 entry has PTE_HUGE; the head frame (order 9) holds one reference
 * and one reverse mapping at the first page's number for it; a leaf table is deposited below the entry
 * (pgtable.h), so that splitting cannot fail. The entry of the huge zero page is PTE_SPECIAL: no reference,
 * no reverse mapping.
 */
#ifndef MODELS_KERNEL_THP_SPLIT_H
#define MODELS_KERNEL_THP_SPLIT_H

#include "models/kernel/mm.h"

#define HUGE_PAGE_ORDER 9
#define HUGE_PAGE_NR    512u
#define HUGE_PAGE_SIZE  (PAGE_SIZE * HUGE_PAGE_NR)

/* NR_ANON_THPS: sign +1 where an anonymous huge page becomes mapped, -1 where it is unmapped or split. */
void thp_count_mapped(struct kernel *k, pfn_t head, int sign);
/*
 * Replaces the huge entry at va by 512 small ones. Anonymous: the page itself is split into 512 pages, each
 * with a reference and a reverse mapping. File: the entry is dropped, faults will map again what is used
 * (as Linux does). False when no table was deposited.
 */
bool thp_split_entry(struct task *cur, struct mm *mm, vaddr_t va);
/* The same for an anonymous huge page that is mapped: its entries in all address spaces. */
bool thp_split_page(struct task *cur, pfn_t head);
/* Calls fn for the leaf tables in [start, end), huge entries split before. fn must not free tables; it may
 * block when the caller holds mmap_lock. */
void thp_walk_leaves(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end,
		     void (*fn)(void *arg, struct ptable *leaf, vaddr_t first, vaddr_t last), void *arg);

#endif

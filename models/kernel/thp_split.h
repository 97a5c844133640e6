/*
 * thp_split.h - taking a 2 MiB page apart where an operation means only part of it (mm/huge_memory.c
 * __split_huge_pmd, __split_huge_page; Linux 6.1).
 *
 * Conventions for huge pages: the level-2 entry has PTE_HUGE; the head frame (order 9) holds one reference
 * and one reverse mapping (rmap_add_huge) for it; a leaf table is deposited below the entry
 * (pgtable.h), so that splitting cannot fail. A split entry's parts hold the head's references, too, one
 * each. The entry of the huge zero page is PTE_SPECIAL: no reference, no reverse mapping.
 */
#ifndef MODELS_KERNEL_THP_SPLIT_H
#define MODELS_KERNEL_THP_SPLIT_H

#include "models/kernel/mm.h"

#define HUGE_PAGE_ORDER 9
#define HUGE_PAGE_NR    512u
#define HUGE_PAGE_SIZE  (PAGE_SIZE * HUGE_PAGE_NR)

/*
 * Replaces the huge entry at va by 512 small ones (__split_huge_pmd). Anonymous: they map the parts of the
 * page, which stays whole; each has a reference and a reverse mapping. File: the entry is dropped, faults
 * will map again what is used (as Linux does). False when no table was deposited.
 */
bool thp_split_entry(struct task *cur, struct mm *mm, vaddr_t va);
/* The same for each entry that maps all of an anonymous huge page (TTU_SPLIT_HUGE_PMD). */
bool thp_split_entries(struct task *cur, pfn_t head);
/*
 * split_huge_page_to_list: takes a huge page apart into 512 pages, its entries in all address spaces with it
 * (those of shared memory are dropped: faults map again what is used). The caller holds one reference, which
 * stays with the head. Pages that nobody maps are freed; the others go before the head on its list or, when
 * it is isolated, isolated to the end of `list`. False when somebody else holds the page.
 */
bool thp_split_page(struct task *cur, pfn_t head, struct frame_list *list);
/* split_huge_page of the huge pages of a shmem file that [first, last] cuts. */
void thp_split_file_range(struct task *cur, struct file *f, uint64_t first, uint64_t last);
/* vma_thp_gfp_mask, of a mapping with vm_flags: how hard a fault tries. */
gfp_t thp_gfp_mask(const struct kernel *k, uint32_t vm_flags);
/* The shrinker of pages of which parts were unmapped (deferred_split_count, deferred_split_scan): how many
 * wait; takes up to nr apart, returns how many it could. */
uint64_t thp_nr_deferred(const struct kernel *k);
uint64_t thp_split_deferred(struct task *cur, uint64_t nr);

#endif

/*
 * zap.h - unmapping pages: entries go first, then the TLBs are flushed, then the pages (mm/memory.c,
 * mm/mmu_gather.c; Linux 6.1).
 */
#ifndef MODELS_KERNEL_ZAP_H
#define MODELS_KERNEL_ZAP_H

#include "models/kernel/mm.h"

/* struct mmu_gather: pages whose entries are gone but which a TLB may still reach, and where. */
struct gather {
	struct task *cur;
	struct mm *mm;
	bool fullmm;        /* the whole address space goes */
	bool atomic;        /* no other task may run in between */
	vaddr_t start, end; /* changed since the last flush; empty when start >= end */
	pfn_t *pages;       /* to be put after the flush */
	unsigned nr, cap;
	unsigned nr_batches;
	pfn_t batch[19]; /* pages that hold the batches behind the first */
};

void gather_init(struct gather *g, struct task *cur, struct mm *mm, bool fullmm);
/* An entry of [start, end) changed. */
void gather_range(struct gather *g, vaddr_t start, vaddr_t end);
/* Flushes the TLBs, when anything changed, and puts the pages. */
void gather_flush(struct gather *g);
void gather_finish(struct gather *g);

/*
 * unmap_single_vma, zap_page_range_single: clears all entries of v in [start, end): counts, reverse mappings,
 * swap slots; dirty and accessed bits go to file pages. May let other tasks run (sched_cond): hold mmap_lock.
 */
void zap_range(struct gather *g, struct vma *v, vaddr_t start, vaddr_t end);
/*
 * unmap_mapping_pages: unmaps pages first … last of f from every address space (truncation, hole punching).
 * Copies that private mappings made of them stay.
 */
void zap_file_range(struct task *cur, struct file *f, uint64_t first, uint64_t last);
/* MM_x that a mapped frame counts as (mm_counter). */
enum mm_counter mm_counter_of(const struct frame *f);
/* free_pgtables: the tables of [start, end), which no mapping between floor and ceiling (0: none above) uses
 * any more. */
void zap_tables(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling);

#endif

/*
 * alloc.h - page allocation with its slow path: policy, buddy, waking kswapd, direct reclaim, OOM
 * (mm/page_alloc.c
 * __alloc_pages, __alloc_pages_slowpath; mm/mempolicy.c vma_alloc_folio; Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_ALLOC_H
#define MODELS_KERNEL_ALLOC_H

#include "models/kernel/mm.h"
#include "models/kernel/zonelist.h"

/* By the task's policy (alloc_pages). The page has one reference and cleared flags. PFN_NONE when it failed.
 */
pfn_t alloc_pages(struct task *cur, gfp_t gfp, unsigned order);
/* For a fault at addr: the VMA's policy, else the task's (vma_alloc_folio). */
pfn_t alloc_page_vma(struct task *cur, gfp_t gfp, unsigned order, struct vma *vma, vaddr_t addr);
/* For the page cache (filemap_alloc_folio): as alloc_pages, but round the nodes of a cpuset that spreads. */
pfn_t alloc_page_cache(struct task *cur, gfp_t gfp);
/* From a node (alloc_pages_node); GFP_BIT_THISNODE forbids others. */
pfn_t alloc_pages_node(struct task *cur, unsigned nid, gfp_t gfp, unsigned order);
/* From a node, or others of the mask (0: all): __alloc_pages. */
pfn_t alloc_pages_nodemask(struct task *cur, unsigned nid, nodemask_t mask, gfp_t gfp, unsigned order);
/* Frees a page that nobody refers to (refs 0 or 1): __free_pages. */
void free_pages(struct task *cur, pfn_t pfn, unsigned order);
/* A page for page tables (pte_alloc_one): zeroed, accounted; for pgtable_ensure's ops, ctx is the struct
 * mm_table_ctx. */
struct table_ctx {
	struct task *cur;
	struct mm *mm;
};
extern const struct ptable_ops alloc_table_ops;

#endif

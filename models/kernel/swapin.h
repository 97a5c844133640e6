/*
 * swapin.h - bringing pages back from swap, with readahead by address or by slot (mm/swap_state.c,
 * Linux 6.1).
 */
#ifndef MODELS_KERNEL_SWAPIN_H
#define MODELS_KERNEL_SWAPIN_H

#include "models/kernel/alloc.h"
#include "models/kernel/swap.h"

/*
 * swapin_readahead: starts input of entry e and of its neighbours (vma_ra or cluster); returns e's page,
 * LOCKED until the input is complete, with a reference; PFN_NONE when no memory could be had. Called when the
 * swap cache does not have the page.
 */
pfn_t swapin_readahead(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e);
/* lookup_swap_cache: the page with a reference, and the statistics of readahead hits. PFN_NONE when it is not
 * there. */
pfn_t swapin_lookup(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e);
/* One page without readahead (SWP_SYNCHRONOUS_IO is not modelled; used by MADV_WILLNEED and shmem). */
pfn_t swapin_one(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e);

#endif

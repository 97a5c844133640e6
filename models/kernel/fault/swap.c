/*
 * swap.c - faults on pages in swap.
 *
 * Modelled after mm/memory.c do_swap_page, Linux 6.1, with should_try_to_free_swap and the exclusive marker
 * of swap entries. A fault that waits for the page's lock is tried again and counted again as pgfault, as in
 * the kernel (folio_lock_or_retry, VM_FAULT_RETRY).
 *
 * Not modelled: swap-in past the swap cache for synchronous devices (SWP_SYNCHRONOUS_IO).
 */
#include "models/kernel/fault/parts.h"

/* The page of the entry, uptodate and unlocked, with a reference; PFN_NONE when memory ran out. */
static pfn_t bring_in(struct fault *f, swp_entry_t entry)
{
	pfn_t pfn = swapin_lookup(f->cur, f->vma, f->addr, entry);

	if (pfn == PFN_NONE) {
		pfn = swapin_readahead(f->cur, f->vma, f->addr, entry);
		if (pfn == PFN_NONE)
			return PFN_NONE;
		f->major = true;
		vm_event(f->k->memory, VMEV_PGMAJFAULT, 1);
	}
	if (frame_of(f->k->memory, pfn)->flags & FR_LOCKED) {
		f->retried = true;
		vm_event(f->k->memory, VMEV_PGFAULT, 1);
		while (frame_of(f->k->memory, pfn)->flags & FR_LOCKED)
			sched_wait(f->cur, WAIT_KEY(WAIT_FRAME, pfn), TICK_NEVER, true);
	}
	return pfn;
}

static bool should_free_swap(const struct fault *f, const struct frame *fr)
{
	if (!(fr->flags & FR_SWAPCACHE))
		return false;
	if (swap_is_half_full(f->k->swap) || f->vma->flags & VM_LOCKED || fr->flags & FR_MLOCKED)
		return true;
	return f->flags & FAULT_WRITE && fr->refs == 2;
}

enum fault_result fault_swap(struct fault *f)
{
	swp_entry_t entry = pte_swap_entry(f->orig);
	pfn_t pfn = bring_in(f, entry);
	bool exclusive = f->orig & PTE_SWAP_EXCLUSIVE, writable = false;
	struct frame *fr;

	if (pfn == PFN_NONE)
		return fault_unchanged(f) ? FAULT_OOM : FAULT_DONE;
	fr = frame_of(f->k->memory, pfn);
	if (!fault_unchanged(f) || !(fr->flags & FR_SWAPCACHE) || fr->private != entry) {
		frame_put(f->k, f->cur->exec->cpu,
			  pfn); /* someone else was quicker: the access tries again */
		return FAULT_DONE;
	}
	if (f->flags & FAULT_WRITE && !(fr->flags & FR_LRU))
		lru_drain(f->cur);
	task_charge(f->cur, CYCLES_swap, f->k->cost.swap_in);
	f->mm->rss[MM_SWAPENTS]--;
	swap_put(f->k, entry);
	if (should_free_swap(f, fr))
		swap_try_to_free(f->cur, pfn);
	fr->flags |= FR_ANON | FR_SWAPBACKED;
	if (exclusive || fr->refs == 1) {
		fr->flags |= FR_EXCLUSIVE;
		writable = f->flags & FAULT_WRITE && f->vma->flags & VM_WRITE;
	}
	fr->index = f->addr >> PAGE_SHIFT;
	vma_prepare_anon(&f->mm->vmas, f->vma);
	fault_map(f, pfn, fault_pte(f, pfn, writable), MM_ANONPAGES);
	if (f->vma->flags & VM_LOCKED)
		lru_mlock(f->cur, pfn);
	f->cur->process->stats.swap_faults++;
	if (f->flags & FAULT_WRITE && !writable) {
		f->orig = f->table->e[f->slot];
		return fault_wp(f);
	}
	return FAULT_DONE;
}

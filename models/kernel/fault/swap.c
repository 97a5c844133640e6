/*
 * swap.c - faults on pages in swap.
 *
 * Modelled after mm/memory.c do_swap_page, Linux 6.1, with should_try_to_free_swap and the exclusive marker
 * of swap entries. A fault that waits for the page's lock is tried again and counted again as pgfault, as in
 * the kernel (folio_lock_or_retry, VM_FAULT_RETRY).
 *
 * Of a huge page in the swap cache only the first part is mapped again. The others are copied: their index is
 * that of a tail page, which says nothing (mm/ksm.c ksm_might_need_to_copy).
 *
 * Not modelled: swap-in past the swap cache for synchronous devices (SWP_SYNCHRONOUS_IO); parts of huge pages
 * whose descriptor still holds, from an earlier use, the very index they are at, so that they are not copied.
 */
#include "models/kernel/fault/parts.h"

static bool is_locked(struct kernel *k, pfn_t pfn)
{
	return frame_of(k->memory, page_head(k->memory, pfn))->flags & FR_LOCKED;
}

static void wait_locked(struct task *cur, pfn_t pfn)
{
	while (is_locked(cur->k, pfn))
		sched_wait(cur, WAIT_KEY(WAIT_FRAME, page_head(cur->k->memory, pfn)), TICK_NEVER, true);
}

/* The page of the entry, uptodate and unlocked, with a reference; PFN_NONE when memory ran out. */
static pfn_t bring_in(struct fault *f, swp_entry_t entry)
{
	pfn_t pfn = swapin_lookup(f->cur, f->vma, f->addr, entry);

	if (pfn == PFN_NONE) {
		pfn = swapin_readahead(f->cur, f->vma, f->addr, entry);
		if (pfn == PFN_NONE)
			return PFN_NONE;
		f->major = true;
		memcg_count_event(f->k, f->mm->memcg, VMEV_PGMAJFAULT, 1);
	}
	if (is_locked(f->k, pfn)) {
		f->retried = true;
		memcg_count_event(f->k, f->mm->memcg, VMEV_PGFAULT, 1);
		wait_locked(f->cur, pfn);
	}
	return pfn;
}

static bool should_free_swap(const struct fault *f, const struct frame *fr)
{
	if (!(fr->flags & FR_SWAPCACHE))
		return false;
	if (swap_is_half_full(f->k, fr) || f->vma->flags & VM_LOCKED || fr->flags & FR_MLOCKED)
		return true;
	return f->flags & FAULT_WRITE && fr->refs == 2;
}

/* ksm_might_need_to_copy: a part of a huge page gets a page of its own. */
static enum fault_result copy_part(struct fault *f, pfn_t part, swp_entry_t entry)
{
	struct kernel *k = f->k;
	pfn_t pfn = fault_new_anon(f, false);
	const unsigned cpu = f->cur->exec->cpu;

	if (pfn == PFN_NONE || !fault_unchanged(f)) {
		if (pfn != PFN_NONE)
			frame_put(k, cpu, pfn);
		frame_put(k, cpu, part);
		return pfn == PFN_NONE ? FAULT_OOM : FAULT_DONE;
	}
	task_charge(f->cur, CYCLES_clear_copy, k->cost.copy_page);
	f->mm->rss[MM_SWAPENTS]--;
	swap_put(k, entry);
	frame_of(k->memory, pfn)->flags |= FR_DIRTY;
	fault_map_new_anon(f, pfn, fault_pte(f, pfn, f->flags & FAULT_WRITE && f->vma->flags & VM_WRITE));
	f->cur->process->stats.swap_faults++;
	frame_put(k, cpu, part);
	return FAULT_DONE;
}

enum fault_result fault_swap(struct fault *f)
{
	swp_entry_t entry = pte_swap_entry(f->orig);
	pfn_t pfn = bring_in(f, entry);
	bool exclusive = f->orig & PTE_SWAP_EXCLUSIVE, writable = false;
	struct frame *fr;

	if (pfn == PFN_NONE)
		return fault_unchanged(f) ? FAULT_OOM : FAULT_DONE;
	fr = frame_of(f->k->memory, page_head(f->k->memory, pfn));
	if (!fault_unchanged(f) || !(fr->flags & FR_SWAPCACHE) || swap_entry_of(f->k->memory, pfn) != entry) {
		frame_put(f->k, f->cur->exec->cpu,
			  pfn); /* someone else was quicker: the access tries again */
		return FAULT_DONE;
	}
	if (frame_has(frame_of(f->k->memory, pfn), FR_TAIL))
		return copy_part(f, pfn, entry);
	if (f->flags & FAULT_WRITE && !(fr->flags & FR_LRU))
		lru_drain(f->cur);
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
	if (f->vma->flags & VM_LOCKED && !(fr->flags & FR_HEAD))
		lru_mlock(f->cur, pfn);
	f->cur->process->stats.swap_faults++;
	if (f->flags & FAULT_WRITE && !writable) {
		f->orig = f->table->e[f->slot];
		return fault_wp(f);
	}
	return FAULT_DONE;
}

bool fault_swap_in(struct task *cur, struct mm *mm, struct vma *vma, vaddr_t addr)
{
	struct fault f = {.cur = cur, .k = cur->k, .mm = mm, .vma = vma, .addr = addr};
	swp_entry_t entry;
	bool ready;
	pfn_t pfn;

	if (!fault_walk(&f) || !pte_is_swap(f.orig))
		return false;
	entry = pte_swap_entry(f.orig);
	pfn = swapin_lookup(cur, vma, addr, entry);
	if (pfn == PFN_NONE) {
		pfn = swapin_readahead(cur, vma, addr, entry);
		if (pfn == PFN_NONE)
			return false;
		memcg_count_event(f.k, mm->memcg, VMEV_PGMAJFAULT, 1);
	}
	ready = !is_locked(f.k, pfn);
	wait_locked(cur, pfn); /* then it is tried another time */
	frame_put(f.k, cur->exec->cpu, pfn);
	return ready && fault_unchanged(&f) && fault_swap(&f) == FAULT_DONE;
}

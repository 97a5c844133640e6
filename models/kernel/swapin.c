/*
 * swapin.c - pages come back from swap, some of them before they are asked for.
 *
 * After mm/swap_state.c swap_cache_get_folio, __read_swap_cache_async, __swapin_nr_pages, swapin_nr_pages,
 * swap_cluster_readahead, swap_ra_info, swap_vma_readahead, read_swap_cache_async, mm/page_io.c swap_readpage
 * (Linux 6.1). On a solid-state device the window is of addresses around the fault, within the mapping and
 * one page table; on a disk it is an aligned block of slots. Its size follows the hits of earlier readahead.
 *
 * Not modelled: reading past the swap cache (SWP_SYNCHRONOUS_IO, as with zram).
 */
#include "models/kernel/swapin.h"

#include "models/kernel/charge.h"
#include "models/kernel/pageio.h"
#include "models/kernel/sched.h"
#include "models/kernel/swap_cgroup.h"
#include "models/kernel/workingset.h"

#define RA_ORDER_CEILING 5  /* SWAP_RA_ORDER_CEILING on 64 bits */
#define RA_TABLE_SHIFT   21 /* a window lies within one page table: 2 MiB */

/* vma->swap_ra_info: address of the last fault, size of its window, hits since. */
#define RA_ADDR(v) ((v)&PAGE_MASK)
#define RA_WIN(v)  ((unsigned)((v) >> 6 & 63))
#define RA_HITS(v) ((unsigned)((v)&63))
static uint64_t ra_value(vaddr_t addr, unsigned win, unsigned hits)
{
	return (addr & PAGE_MASK) | (uint64_t)(win & 63) << 6 | (hits & 63);
}
static uint64_t ra_get(const struct vma *vma)
{
	return vma->swap_ra_info ? vma->swap_ra_info : 4; /* begins as if there had been 4 hits */
}

pfn_t swapin_lookup(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e)
{
	struct kernel *k = cur->k;
	bool by_vma = vma && swap_uses_vma_readahead(k->swap), ahead;
	pfn_t pfn = swap_cache_lookup(k->swap, e);
	struct frame *f;

	if (pfn == PFN_NONE)
		return PFN_NONE;
	f = frame_of(k->memory, pfn);
	frame_get(k, pfn);
	swap_stats_of(k->swap)->cache_hits++;
	ahead = frame_has(f, FR_READAHEAD);
	f->flags &= ~(uint32_t)FR_READAHEAD;
	if (by_vma) {
		uint64_t v = ra_get(vma);
		unsigned hits = RA_HITS(v);

		vma->swap_ra_info = ra_value(addr, RA_WIN(v), ahead ? MIN_OF(hits + 1, 63u) : hits);
	}
	if (ahead) {
		vm_event(k->memory, VMEV_SWAP_RA_HIT, 1);
		if (!by_vma)
			swap_ra_state(k->swap)->hits++;
	}
	return pfn;
}

/* mem_cgroup_swapin_charge_folio: to the group that the slot is charged to. */
static bool charge_swapped(struct task *cur, pfn_t pfn, swp_entry_t e)
{
	uint32_t group = swap_cgroup_of(cur->k, e);

	return charge(cur, group ? group : memcg_of_task(cur), pfn, GFP_HIGHUSER_MOVABLE);
}

/* The page of entry e, found (*fresh false) or allocated, locked, in the swap cache and not yet read. */
static pfn_t get_page(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e, bool *fresh)
{
	struct kernel *k = cur->k;

	*fresh = false;
	for (;;) {
		pfn_t pfn = swap_cache_lookup(k->swap, e);
		uint64_t shadow;

		if (pfn != PFN_NONE) {
			frame_get(k, pfn);
			return pfn;
		}
		if (!swap_count(k->swap, e))
			return PFN_NONE;
		pfn = vma ? alloc_page_vma(cur, GFP_HIGHUSER_MOVABLE, 0, vma, addr)
			  : alloc_pages(cur, GFP_HIGHUSER_MOVABLE, 0);
		if (pfn == PFN_NONE)
			return PFN_NONE;
		if (!charge_swapped(cur, pfn, e)) {
			frame_put(k, cur->exec->cpu, pfn);
			return PFN_NONE;
		}
		shadow = swap_cache_shadow(k->swap, e);
		if (swap_cache_insert(k, pfn, e)) {
			frame_of(k->memory, pfn)->flags |= FR_LOCKED | FR_SWAPBACKED;
			if (shadow)
				workingset_refault(cur, pfn, shadow);
			lru_add(cur, pfn);
			*fresh = true;
			return pfn;
		}
		frame_put(k, cur->exec->cpu, pfn); /* someone was quicker, or the entry is gone */
	}
}

/* read_swap_cache_async; polls: swap_readpage waits for a read that it began (do_poll). */
static pfn_t read_one(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e, bool polls)
{
	bool fresh;
	pfn_t pfn = get_page(cur, vma, addr, e, &fresh);

	if (!fresh)
		return pfn;
	swap_read(cur, pfn);
	while (polls && frame_of(cur->k->memory, pfn)->flags & FR_LOCKED)
		sched_wait(cur, WAIT_KEY(WAIT_FRAME, pfn), TICK_NEVER, true);
	return pfn;
}

pfn_t swapin_one(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e)
{
	return read_one(cur, vma, addr, e, false);
}

/* One page of a window. */
static void read_ahead(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e, bool wanted,
		       struct swap_plug *plug)
{
	bool fresh;
	pfn_t pfn = get_page(cur, vma, addr, e, &fresh);

	if (pfn == PFN_NONE)
		return;
	if (fresh) {
		swap_read_plugged(cur, plug, pfn);
		if (!wanted) {
			frame_of(cur->k->memory, pfn)->flags |= FR_READAHEAD;
			vm_event(cur->k->memory, VMEV_SWAP_RA, 1);
		}
	}
	frame_put(cur->k, cur->exec->cpu, pfn);
}

/* __swapin_nr_pages */
static unsigned window_size(uint64_t prev, uint64_t at, unsigned hits, unsigned max, unsigned last)
{
	unsigned pages = 4;

	if (hits == 0)
		pages = at == prev + 1 || at + 1 == prev ? 2 : 1;
	while (hits && pages < hits + 2)
		pages *= 2;
	return MAX_OF(MIN_OF(pages, max), last / 2); /* not shrinking too fast */
}

static unsigned slot_window(struct kernel *k, uint64_t slot)
{
	struct swap_ra *ra = swap_ra_state(k->swap);
	unsigned max = 1u << k->params.page_cluster, hits = ra->hits, pages;

	if (max <= 1)
		return 1;
	ra->hits = 0;
	pages = window_size(ra->prev_slot, slot, hits, max, ra->last_pages);
	if (!hits)
		ra->prev_slot = slot;
	ra->last_pages = pages;
	return pages;
}

/* True when there was no window: then the fault's page is read synchronously. */
static bool slot_readahead(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e)
{
	struct kernel *k = cur->k;
	uint64_t slot = e & UINT64_C(0xffffffffffff), mask = slot_window(k, slot) - 1;
	uint64_t first = MAX_OF(slot & ~mask, UINT64_C(1));
	uint64_t last = MIN_OF(slot | mask, swap_area_slots(k->swap, e) - 1);
	struct swap_plug plug = {0};

	if (!mask)
		return true;
	for (uint64_t s = first; s <= last; s++)
		read_ahead(cur, vma, addr, e - slot + s, s == slot, &plug);
	swap_unplug(cur, &plug);
	lru_drain(cur);
	return false;
}

/* The pages [*first, *end) to look at around a fault; false: the fault's alone, read synchronously. */
static bool vma_window(struct kernel *k, struct vma *vma, vaddr_t addr, uint64_t *first, uint64_t *end)
{
	unsigned max = 1u << MIN_OF(k->params.page_cluster, (uint64_t)RA_ORDER_CEILING), win;
	uint64_t v = ra_get(vma), at = addr >> PAGE_SHIFT, prev = RA_ADDR(v) >> PAGE_SHIFT;
	uint64_t table = at >> (RA_TABLE_SHIFT - PAGE_SHIFT) << (RA_TABLE_SHIFT - PAGE_SHIFT), low, high;

	if (max == 1)
		return false;
	win = window_size(prev, at, RA_HITS(v), max, RA_WIN(v));
	vma->swap_ra_info = ra_value(addr, win, 0);
	if (win == 1)
		return false;
	low = at - (win - 1) / 2;
	if (at == prev + 1)
		low = at;
	else if (prev == at + 1)
		low = at - win + 1;
	high = low + win;
	if ((int64_t)low < 0)
		low = 0;
	*first = MAX_OF(low, MAX_OF(vma->start >> PAGE_SHIFT, table));
	*end = MIN_OF(high,
		      MIN_OF(vma->end >> PAGE_SHIFT, table + (UINT64_C(1) << (RA_TABLE_SHIFT - PAGE_SHIFT))));
	return true;
}

static bool vma_readahead(struct task *cur, struct vma *vma, vaddr_t addr)
{
	struct swap_plug plug = {0};
	uint64_t first, end;

	if (!vma_window(cur->k, vma, addr, &first, &end))
		return true;
	for (uint64_t page = first; page < end; page++) {
		const pte_t *pte = pgtable_find(&vma->mm->pt, page << PAGE_SHIFT);

		if (pte && pte_is_swap(*pte))
			read_ahead(cur, vma, addr, pte_swap_entry(*pte), page == addr >> PAGE_SHIFT, &plug);
	}
	swap_unplug(cur, &plug);
	lru_drain(cur);
	return false;
}

pfn_t swapin_readahead(struct task *cur, struct vma *vma, vaddr_t addr, swp_entry_t e)
{
	bool alone;

	if (vma && swap_uses_vma_readahead(cur->k->swap))
		alone = vma_readahead(cur, vma, addr);
	else
		alone = slot_readahead(cur, vma, addr, e);
	return read_one(cur, vma, addr, e, alone);
}

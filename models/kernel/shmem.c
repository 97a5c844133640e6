/*
 * shmem.c - getting a page of shared anonymous memory. (Writing one to swap: writeback.c, page_write.)
 *
 * After mm/shmem.c shmem_get_folio_gfp, shmem_swapin_folio, shmem_alloc_and_acct_folio (Linux 6.1). The page
 * cache has the page, or its swap entry, or nothing.
 *
 * Not modelled: huge pages, size limits of mounts, sealed files, hole punching.
 */
#include "models/kernel/shmem.h"

#include "models/kernel/pageio.h"

/* A page of ours into the file; false (and the page is freed) when someone was quicker or memory is short. */
static bool add_page(struct task *cur, struct file *f, uint64_t index, pfn_t pfn)
{
	frame_of(cur->k->memory, pfn)->flags |= FR_SWAPBACKED;
	if (readahead_add_page(cur, f, index, pfn, true))
		return true;
	frame_put(cur->k, cur->exec->cpu, pfn);
	return false;
}

/* A cleared page for a hole, with a reference and locked; PFN_NONE and *oom, or PFN_NONE: look again. */
static pfn_t fill_hole(struct task *cur, struct file *f, uint64_t index, struct vma *vma, vaddr_t addr,
		       bool *oom)
{
	pfn_t pfn = vma ? alloc_page_vma(cur, GFP_HIGHUSER_MOVABLE, 0, vma, addr)
			: alloc_pages(cur, GFP_HIGHUSER_MOVABLE, 0);

	*oom = pfn == PFN_NONE;
	if (*oom || !add_page(cur, f, index, pfn))
		return PFN_NONE;
	task_charge(cur, CYCLES_clear_copy, cur->k->cost.zero_page);
	frame_of(cur->k->memory, pfn)->flags |= FR_UPTODATE;
	return pfn;
}

/* The page of a swap entry moves from the swap cache into the file; locked, with a reference. */
static pfn_t swap_in(struct task *cur, struct file *f, uint64_t index, swp_entry_t e, bool *major, bool *oom)
{
	struct kernel *k = cur->k;
	pfn_t pfn = swapin_lookup(cur, NULL, 0, e);
	struct slot s;
	uint64_t shadow;

	if (pfn == PFN_NONE) {
		*major = true;
		vm_event(k->memory, VMEV_PGMAJFAULT, 1);
		pfn = swapin_readahead(cur, NULL, 0, e);
	}
	s = pagecache_lookup(f, index);
	*oom = pfn == PFN_NONE && s.swapped && s.shadow == e;
	if (pfn == PFN_NONE)
		return PFN_NONE;
	page_lock(cur, pfn);
	page_wait_flags(cur, pfn, FR_WRITEBACK);
	s = pagecache_lookup(f, index);
	if (frame_has(frame_of(k->memory, pfn), FR_SWAPCACHE) && frame_of(k->memory, pfn)->private == e &&
	    s.swapped && s.shadow == e && pagecache_insert(cur, f, index, pfn, &shadow)) {
		swap_cache_remove(k, pfn, 0);
		frame_put(k, cur->exec->cpu, pfn);
		frame_of(k->memory, pfn)->flags |= FR_DIRTY;
		swap_put(k, e);
		return pfn;
	}
	page_unlock(k, pfn, pageio_now(cur));
	frame_put(k, cur->exec->cpu, pfn);
	return PFN_NONE;
}

pfn_t shmem_get_page(struct task *cur, struct file *f, uint64_t index, struct vma *vma, vaddr_t addr,
		     bool *major)
{
	struct kernel *k = cur->k;
	bool oom = false;

	while (!oom) {
		struct slot s = pagecache_lookup(f, index);
		pfn_t pfn = s.pfn;

		if (pfn != PFN_NONE) {
			frame_get(k, pfn);
			page_lock(cur, pfn);
			if (frame_of(k->memory, pfn)->file != f->id ||
			    frame_of(k->memory, pfn)->index != index) {
				page_unlock(k, pfn, pageio_now(cur));
				frame_put(k, cur->exec->cpu, pfn);
				continue;
			}
		} else if (s.swapped) {
			pfn = swap_in(cur, f, index, s.shadow, major, &oom);
		} else {
			pfn = fill_hole(cur, f, index, vma, addr, &oom);
		}
		if (pfn != PFN_NONE) {
			page_unlock(k, pfn, pageio_now(cur));
			return pfn;
		}
	}
	return PFN_NONE;
}

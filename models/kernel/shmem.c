/*
 * shmem.c - getting a page of shared anonymous memory. (Writing one to swap: writeback.c, page_write.)
 *
 * After mm/shmem.c shmem_get_folio_gfp, shmem_swapin_folio, shmem_alloc_and_acct_folio, shmem_is_huge,
 * shmem_alloc_hugefolio (Linux 6.1). The page cache has the page, or its swap entry, or nothing. Where
 * thp.shmem_enabled says so and nothing is at the 2 MiB around it, a hole is filled by a huge page; reclaim
 * splits it before it is swapped, so it comes back in small pages.
 *
 * Not modelled: size limits of mounts, sealed files, that khugepaged makes huge pages of what is there
 * (collapse_file), that mmap aligns mappings for them (recorded addresses stand), splitting huge pages that
 * reach behind the end of a file when memory is short (shmem_unused_huge_shrink).
 */
#include "models/kernel/shmem.h"

#include "models/kernel/alloc.h"
#include "models/kernel/charge.h"
#include "models/kernel/memcg.h"
#include "models/kernel/pageio.h"
#include "models/kernel/thp_split.h"

/* A page of ours into the file; false (and the page is freed) when someone was quicker or memory is short. */
static bool add_page(struct task *cur, struct file *f, uint64_t index, pfn_t pfn)
{
	frame_of(cur->k->memory, pfn)->flags |= FR_SWAPBACKED;
	if (readahead_add_page(cur, f, index, pfn, GFP_HIGHUSER_MOVABLE | GFP_BIT_WRITE))
		return true;
	frame_put(cur->k, cur->exec->cpu, pfn);
	return false;
}

bool shmem_is_huge(const struct kernel *k, const struct file *f, uint64_t index, const struct vma *vma)
{
	uint64_t end = (index / HUGE_PAGE_NR + 1) * HUGE_PAGE_NR;

	if (!f->shmem || (vma && vma->flags & VM_NOHUGEPAGE))
		return false;
	switch (k->params.thp_shmem) {
	case SHMEM_HUGE_ALWAYS:
	case SHMEM_HUGE_FORCE:
		return true;
	case SHMEM_HUGE_WITHIN_SIZE:
		if ((f->size + PAGE_SIZE - 1) >> PAGE_SHIFT >= end)
			return true;
		return vma && vma->flags & VM_HUGEPAGE;
	case SHMEM_HUGE_ADVISE:
		return vma && vma->flags & VM_HUGEPAGE;
	default:
		return false;
	}
}

/* A huge page of ours into the file, locked and cleared; false: it cannot be, there or now. */
static bool add_huge(struct task *cur, struct file *f, uint64_t base, pfn_t head, gfp_t gfp)
{
	struct kernel *k = cur->k;
	struct frame *fr = frame_of(k->memory, head);

	fr->flags |= FR_SWAPBACKED | FR_LOCKED;
	if (!charge(cur, memcg_of_task(cur), head, gfp)) {
		vm_event(k->memory, VMEV_THP_FILE_FALLBACK, 1);
		vm_event(k->memory, VMEV_THP_FILE_FALLBACK_CHARGE, 1);
	} else if (pagecache_insert_huge(cur, f, base, head)) {
		lru_add(cur, head);
		fr->flags |= FR_UPTODATE;
		return true;
	}
	page_unlock(k, head, pageio_now(cur));
	frame_put(k, cur->exec->cpu, head);
	return false;
}

/* The part at index of a new huge page, with a reference and locked; PFN_NONE: take a small one. */
static pfn_t fill_huge(struct task *cur, struct file *f, uint64_t index, struct vma *vma, vaddr_t addr)
{
	uint64_t base = index & ~(uint64_t)(HUGE_PAGE_NR - 1);
	gfp_t gfp = thp_gfp_mask(cur->k, vma ? vma->flags : 0) | GFP_BIT_ZERO;
	pfn_t head;

	if (!shmem_is_huge(cur->k, f, index, vma) || !pagecache_is_empty(f, base, base + HUGE_PAGE_NR - 1))
		return PFN_NONE;
	head = vma ? alloc_page_vma(cur, gfp, HUGE_PAGE_ORDER, vma, addr)
		   : alloc_pages(cur, gfp, HUGE_PAGE_ORDER);
	if (head == PFN_NONE) {
		vm_event(cur->k->memory, VMEV_THP_FILE_FALLBACK, 1);
		return PFN_NONE;
	}
	return add_huge(cur, f, base, head, gfp) ? head + (pfn_t)(index - base) : PFN_NONE;
}

/* A cleared page for a hole, with a reference and locked; PFN_NONE and *oom, or PFN_NONE: look again. */
static pfn_t fill_hole(struct task *cur, struct file *f, uint64_t index, struct vma *vma, vaddr_t addr,
		       bool *oom)
{
	pfn_t pfn = fill_huge(cur, f, index, vma, addr);

	*oom = false;
	if (pfn != PFN_NONE)
		return pfn;
	pfn = vma ? alloc_page_vma(cur, GFP_HIGHUSER_MOVABLE, 0, vma, addr)
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
		memcg_count_event(k, memcg_of_task(cur), VMEV_PGMAJFAULT, 1);
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
			pfn_t head = page_head(k->memory, pfn);

			frame_get(k, pfn);
			page_lock(cur, head);
			if (!pagecache_holds(k, f, index, pfn) || page_head(k->memory, pfn) != head) {
				page_unlock(k, head, pageio_now(cur));
				frame_put(k, cur->exec->cpu, pfn);
				continue;
			}
		} else if (s.swapped) {
			pfn = swap_in(cur, f, index, s.shadow, major, &oom);
		} else {
			pfn = fill_hole(cur, f, index, vma, addr, &oom);
		}
		if (pfn != PFN_NONE) {
			page_unlock(k, page_head(k->memory, pfn), pageio_now(cur));
			return pfn;
		}
	}
	return PFN_NONE;
}

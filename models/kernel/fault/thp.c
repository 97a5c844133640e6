/*
 * thp.c - transparent huge pages at page faults.
 *
 * Modelled after mm/huge_memory.c of Linux 6.1: hugepage_vma_check, do_huge_pmd_anonymous_page,
 * __do_huge_pmd_anonymous_page, vma_thp_gfp_mask, get_huge_zero_page, do_huge_pmd_wp_page,
 * huge_pmd_set_accessed. A first touch where no table of small entries stands maps 2 MiB at once; a read maps
 * the huge zero page if that is in use. A write to a huge page that others map, too, or to the huge zero
 * page, splits the entry and goes on with a small page.
 *
 * Not modelled: huge pages of shared memory and files.
 */
#include "models/kernel/fault/thp.h"

#include "models/kernel/thp_split.h"

static bool enabled(const struct fault *f)
{
	const struct vma *v = f->vma;
	uint64_t mode = f->k->params.thp_enabled;

	if (v->flags & VM_NOHUGEPAGE || v->file || mode == THP_NEVER)
		return false;
	return mode == THP_ALWAYS || v->flags & VM_HUGEPAGE;
}

/* vma_thp_gfp_mask */
static gfp_t gfp_mask(const struct fault *f)
{
	bool advised = f->vma->flags & VM_HUGEPAGE;

	switch (f->k->params.thp_defrag) {
	case THP_DEFRAG_ALWAYS:
		return GFP_TRANSHUGE | (advised ? 0 : GFP_BIT_NORETRY);
	case THP_DEFRAG_DEFER:
		return GFP_TRANSHUGE_LIGHT | GFP_BIT_KSWAPD_RECLAIM;
	case THP_DEFRAG_DEFER_MADVISE:
		return GFP_TRANSHUGE_LIGHT | (advised ? GFP_BIT_DIRECT_RECLAIM : GFP_BIT_KSWAPD_RECLAIM);
	case THP_DEFRAG_MADVISE:
		return GFP_TRANSHUGE_LIGHT | (advised ? GFP_BIT_DIRECT_RECLAIM : 0);
	default:
		return GFP_TRANSHUGE_LIGHT;
	}
}

/* get_huge_zero_page: one for the machine, made when wanted; the shrinker frees it when nobody uses it. */
static bool get_huge_zero(struct fault *f)
{
	struct kernel *k = f->k;
	pfn_t pfn;

	if (k->huge_zero_pfn)
		return true;
	pfn = alloc_pages(f->cur, (GFP_TRANSHUGE | GFP_BIT_ZERO) & ~GFP_BIT_MOVABLE, HUGE_PAGE_ORDER);
	if (pfn == PFN_NONE) {
		vm_event(k->memory, VMEV_THP_ZERO_PAGE_ALLOC_FAILED, 1);
		return false;
	}
	if (k->huge_zero_pfn) { /* somebody was quicker while we waited */
		frame_put(k, f->cur->exec->cpu, pfn);
		return true;
	}
	vm_event(k->memory, VMEV_THP_ZERO_PAGE_ALLOC, 1);
	k->huge_zero_pfn = pfn;
	return true;
}

/* mm_get_huge_zero_page: PFN_NONE when memory ran out. */
static pfn_t huge_zero(struct fault *f)
{
	if (!f->mm->huge_zero) {
		if (!get_huge_zero(f))
			return PFN_NONE;
		if (!f->mm->huge_zero)
			f->k->huge_zero_users++;
		f->mm->huge_zero = true;
	}
	return f->k->huge_zero_pfn;
}

static enum thp_result fall_back(struct fault *f)
{
	vm_event(f->k->memory, VMEV_THP_FAULT_FALLBACK, 1);
	return THP_SMALL;
}

static enum thp_result map_zero(struct fault *f, vaddr_t va)
{
	struct table_ctx ctx = {f->cur, f->mm};
	pfn_t pfn = huge_zero(f);

	if (pfn == PFN_NONE)
		return fall_back(f);
	if (!pgtable_map_huge(&f->mm->pt, va, fault_pte(f, pfn, false) | PTE_HUGE | PTE_SPECIAL,
			      &alloc_table_ops, &ctx))
		return THP_OOM;
	f->cur->process->stats.zero_page_faults++;
	return THP_DONE;
}

static enum thp_result map_new(struct fault *f, vaddr_t va)
{
	struct table_ctx ctx = {f->cur, f->mm};
	pfn_t pfn = alloc_page_vma(f->cur, gfp_mask(f) | GFP_BIT_ZERO, HUGE_PAGE_ORDER, f->vma, va);
	struct frame *fr;

	if (pfn == PFN_NONE)
		return fall_back(f);
	if (!pgtable_map_huge(&f->mm->pt, va, fault_pte(f, pfn, true) | PTE_HUGE, &alloc_table_ops, &ctx)) {
		frame_put(f->k, f->cur->exec->cpu, pfn); /* no table, or someone was quicker */
		return THP_SMALL;
	}
	fr = frame_of(f->k->memory, pfn);
	fr->flags |= FR_ANON | FR_SWAPBACKED | FR_UPTODATE | FR_EXCLUSIVE;
	fr->index = va >> PAGE_SHIFT;
	rmap_add_huge(f->k, pfn, f->mm, va >> PAGE_SHIFT);
	f->mm->rss[MM_ANONPAGES] += HUGE_PAGE_NR;
	lru_add_vma(f->cur, pfn, f->vma->flags);
	vm_event(f->k->memory, VMEV_THP_FAULT_ALLOC, 1);
	f->cur->process->stats.zero_faults++;
	return THP_DONE;
}

/* do_huge_pmd_anonymous_page */
static enum thp_result create(struct fault *f)
{
	vaddr_t va = f->addr & ~(HUGE_PAGE_SIZE - 1);

	if (va < f->vma->start || va + HUGE_PAGE_SIZE > f->vma->end)
		return THP_SMALL;
	vma_prepare_anon(&f->mm->vmas, f->vma);
	if (mm_watch(f->k->mms, f->mm)) /* khugepaged_enter_vma */
		sched_wake(f->k, WAIT_KEY(WAIT_KHUGEPAGED, 0), task_now(f->cur));
	if (!(f->flags & FAULT_WRITE) && f->k->params.thp_use_zero_page)
		return map_zero(f, va);
	return map_new(f, va);
}

/* do_huge_pmd_wp_page */
static enum thp_result write_protected(struct fault *f, pte_t *e)
{
	struct frame *fr = frame_of(f->k->memory, pte_pfn(*e));

	if (!(*e & PTE_SPECIAL) && (fr->flags & FR_EXCLUSIVE || fr->refs == 1)) {
		fr->flags |= FR_EXCLUSIVE;
		*e |= PTE_ACCESSED | PTE_DIRTY | PTE_WRITE;
		return THP_DONE;
	}
	return thp_split_entry(f->cur, f->mm, f->addr) ? THP_SMALL : THP_OOM;
}

enum thp_result thp_fault(struct fault *f)
{
	struct ptable *t = pgtable_table(&f->mm->pt, f->addr, 2);
	pte_t *e = t ? &t->e[ptable_index(f->addr, 2)] : NULL;

	if (!e || pte_none(*e))
		return enabled(f) ? create(f) : THP_SMALL;
	if (!(*e & PTE_HUGE))
		return THP_SMALL;
	if (*e & PTE_PROTNONE && !(*e & PTE_PRESENT)) /* the mapping allows it again: restore */
		*e = fault_pte(f, pte_pfn(*e), false) | (*e & (PTE_DIRTY | PTE_SPECIAL | PTE_HUGE));
	if (f->flags & FAULT_WRITE && !(*e & PTE_WRITE))
		return write_protected(f, e);
	*e |= PTE_ACCESSED | (f->flags & FAULT_WRITE ? PTE_DIRTY : 0);
	f->cur->process->stats.spurious_faults++;
	return THP_DONE;
}

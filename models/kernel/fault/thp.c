/*
 * thp.c - transparent huge pages at page faults.
 *
 * Modelled after mm/huge_memory.c of Linux 6.1: hugepage_vma_check, do_huge_pmd_anonymous_page,
 * __do_huge_pmd_anonymous_page, vma_thp_gfp_mask, get_huge_zero_page, do_huge_pmd_wp_page,
 * huge_pmd_set_accessed. A first touch where no table of small entries stands maps 2 MiB at once; a read maps
 * the huge zero page if that is in use. A write to a huge page that others map, too, or to the huge zero
 * page, splits the entry and goes on with a small page.
 *
 * Shared memory (do_set_pmd, transhuge_vma_suitable): a shared mapping that lies as its file does maps a huge
 * page of it by one entry, without a table deposited.
 *
 * Not modelled: huge pages of files, private mappings of huge shared memory by one entry.
 */
#include "models/kernel/fault/thp.h"

#include "models/kernel/numa_balancing.h"
#include "models/kernel/shmem.h"
#include "models/kernel/thp_split.h"

static bool enabled(const struct fault *f)
{
	const struct vma *v = f->vma;
	uint64_t mode = f->k->params.thp_enabled;

	if (v->flags & VM_NOHUGEPAGE || v->file || mode == THP_NEVER)
		return false;
	return mode == THP_ALWAYS || v->flags & VM_HUGEPAGE;
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
	pfn_t pfn = alloc_page_vma(f->cur, thp_gfp_mask(f->k, f->vma->flags) | GFP_BIT_ZERO, HUGE_PAGE_ORDER,
				   f->vma, va);
	struct frame *fr;

	if (pfn == PFN_NONE)
		return fall_back(f);
	if (!charge(f->cur, f->mm->memcg, pfn, thp_gfp_mask(f->k, f->vma->flags))) {
		frame_put(f->k, f->cur->exec->cpu, pfn);
		return fall_back(f);
	}
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
	memcg_count_event(f->k, f->mm->memcg, VMEV_THP_FAULT_ALLOC, 1);
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

/* Whether there is, or should be, a huge page at index. */
static bool has_huge(const struct fault *f, uint64_t index)
{
	const struct file *file = f->vma->file;
	struct slot s = pagecache_lookup(file, index);

	if (s.pfn != PFN_NONE)
		return frame_has(frame_of(f->k->memory, page_head(f->k->memory, s.pfn)), FR_HEAD);
	return !s.swapped && shmem_is_huge(f->k, file, index, f->vma);
}

static enum thp_result set_entry(struct fault *f, vaddr_t va, pfn_t head)
{
	struct table_ctx ctx = {f->cur, f->mm};
	bool write = f->flags & FAULT_WRITE;

	if (!pgtable_set_huge(&f->mm->pt, va, fault_pte(f, head, write) | PTE_HUGE, &alloc_table_ops, &ctx)) {
		frame_put(f->k, f->cur->exec->cpu, head); /* no table, or someone was quicker */
		return THP_SMALL;
	}
	rmap_add_huge(f->k, head, f->mm, va >> PAGE_SHIFT); /* the reference is the entry's now */
	f->mm->rss[MM_SHMEMPAGES] += HUGE_PAGE_NR;
	vm_event(f->k->memory, VMEV_THP_FILE_MAPPED, 1);
	if (write)
		frame_of(f->k->memory, head)->flags |= FR_DIRTY; /* fault_dirty_shared_page */
	f->cur->process->stats.file_faults++;
	return THP_DONE;
}

/* Whether a huge entry may stand here, and there is something for it (transhuge_vma_suitable). */
static bool may_map_shmem(const struct fault *f, vaddr_t va, uint64_t index)
{
	const struct vma *v = f->vma;

	return v->file->shmem && v->flags & VM_SHARED && f->k->params.thp_shmem != SHMEM_HUGE_NEVER &&
	       ((v->start >> PAGE_SHIFT) - v->pgoff) % HUGE_PAGE_NR == 0 && va >= v->start &&
	       va + HUGE_PAGE_SIZE <= v->end && index < (v->file->size + PAGE_SIZE - 1) >> PAGE_SHIFT &&
	       has_huge(f, index);
}

/* shmem_fault and do_set_pmd. As there, a table is at hand for the case that it will be small pages
 * (prealloc_pte), and goes back unused. */
static enum thp_result map_shmem(struct fault *f)
{
	vaddr_t va = f->addr & ~(HUGE_PAGE_SIZE - 1);
	const struct vma *v = f->vma;
	uint64_t index = vma_pgoff_at(v, f->addr);
	struct table_ctx ctx = {f->cur, f->mm};
	enum thp_result r = THP_OOM;
	pfn_t pfn, head, spare;
	bool major = false;

	if (!may_map_shmem(f, va, index))
		return THP_SMALL;
	spare = alloc_table_ops.alloc(&ctx);
	if (spare == PFN_NONE)
		return THP_OOM;
	pfn = shmem_get_page(f->cur, v->file, index, f->vma, f->addr, &major);
	f->major |= major;
	head = pfn == PFN_NONE ? PFN_NONE : page_head(f->k->memory, pfn);
	if (head != PFN_NONE && frame_has(frame_of(f->k->memory, head), FR_HEAD)) {
		r = set_entry(f, va, head);
	} else if (head != PFN_NONE) {
		frame_put(f->k, f->cur->exec->cpu, pfn);
		r = THP_SMALL;
	}
	alloc_table_ops.free(&ctx, spare);
	return r;
}

enum thp_result thp_fault(struct fault *f)
{
	struct ptable *t = pgtable_table(&f->mm->pt, f->addr, 2);
	pte_t *e = t ? &t->e[ptable_index(f->addr, 2)] : NULL;

	if ((!e || (pte_none(*e) && !t->child[ptable_index(f->addr, 2)])) && f->vma->file)
		return map_shmem(f);
	if (!e || pte_none(*e))
		return enabled(f) ? create(f) : THP_SMALL;
	if (!(*e & PTE_HUGE))
		return THP_SMALL;
	if (*e & PTE_PROTNONE && f->k->params.numa_balancing) {
		numa_balancing_fault(f->cur, f->vma, f->addr);
		return THP_DONE;
	}
	if (*e & PTE_PROTNONE && !(*e & PTE_PRESENT)) /* the mapping allows it again: restore */
		*e = fault_pte(f, pte_pfn(*e), false) | (*e & (PTE_DIRTY | PTE_SPECIAL | PTE_HUGE));
	if (f->flags & FAULT_WRITE && !(*e & PTE_WRITE))
		return write_protected(f, e);
	*e |= PTE_ACCESSED | (f->flags & FAULT_WRITE ? PTE_DIRTY : 0);
	f->cur->process->stats.spurious_faults++;
	return THP_DONE;
}

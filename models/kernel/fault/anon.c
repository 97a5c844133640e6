/*
 * anon.c - faults on anonymous memory: first touch, copy-on-write.
 *
 * Modelled after mm/memory.c, Linux 6.1: do_anonymous_page, do_wp_page with its rules for reuse
 * (PageAnonExclusive, reference counts), wp_page_copy, wp_page_reuse, wp_page_shared.
 *
 * Not modelled: KSM, userfaultfd, device-private memory.
 */
#include "models/kernel/fault/parts.h"

#include "models/kernel/slab.h"

void fault_flush(struct fault *f)
{
	if (f->k->hooks.tlb_flush)
		f->k->hooks.tlb_flush(f->k->hooks.ctx, f->cur, f->mm, f->addr, f->addr + PAGE_SIZE);
}

pte_t fault_pte(const struct fault *f, pfn_t pfn, bool write)
{
	uint64_t bits = PTE_PRESENT | PTE_USER | PTE_ACCESSED;

	if (write)
		bits |= PTE_DIRTY | (f->vma->flags & VM_WRITE ? PTE_WRITE : 0);
	else if ((f->vma->flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE) && f->vma->file &&
		 f->vma->file->shmem)
		bits |= PTE_WRITE; /* vma_wants_writenotify: nobody wants to know of the first write */
	if (!(f->vma->flags & VM_EXEC))
		bits |= PTE_NX;
	return pte_make(pfn, bits);
}

void fault_map(struct fault *f, pfn_t pfn, pte_t pte, enum mm_counter counter)
{
	ptable_set(f->table, f->slot, pte);
	rmap_add(f->k, pfn, f->mm, f->addr >> PAGE_SHIFT);
	f->mm->rss[counter]++;
	if (counter != MM_ANONPAGES && f->vma->flags & VM_LOCKED)
		lru_mlock(f->cur, pfn);
}

pfn_t fault_new_anon(struct fault *f, bool zeroed)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | (zeroed ? GFP_BIT_ZERO : 0);

	pfn_t pfn;

	vma_prepare_anon(&f->mm->vmas, f->vma);
	pfn = alloc_page_vma(f->cur, gfp, 0, f->vma, f->addr);
	if (pfn == PFN_NONE || charge(f->cur, f->mm->memcg, pfn, GFP_KERNEL))
		return pfn;
	frame_put(f->k, f->cur->exec->cpu, pfn);
	return PFN_NONE;
}

void fault_map_new_anon(struct fault *f, pfn_t pfn, pte_t pte)
{
	struct frame *fr = frame_of(f->k->memory, pfn);

	fr->flags |= FR_ANON | FR_SWAPBACKED | FR_UPTODATE | FR_EXCLUSIVE;
	fr->index = f->addr >> PAGE_SHIFT;
	fault_map(f, pfn, pte, MM_ANONPAGES);
	lru_add_vma(f->cur, pfn, f->vma->flags);
}

enum fault_result fault_anon(struct fault *f)
{
	pfn_t pfn;

	if (!(f->flags & FAULT_WRITE)) {
		pte_t pte = fault_pte(f, f->k->zero_pfn, false) | PTE_SPECIAL;

		ptable_set(f->table, f->slot, pte);
		f->cur->process->stats.zero_page_faults++;
		return FAULT_DONE;
	}
	pfn = fault_new_anon(f, true);
	if (pfn == PFN_NONE)
		return FAULT_OOM;
	if (!fault_unchanged(f)) {
		frame_put(f->k, f->cur->exec->cpu, pfn);
		return FAULT_DONE;
	}
	fault_map_new_anon(f, pfn, fault_pte(f, pfn, true));
	f->cur->process->stats.zero_faults++;
	return FAULT_DONE;
}

/* wp_page_copy: the mapping gets a copy of its own. */
static enum fault_result copy(struct fault *f)
{
	bool special = f->orig & PTE_SPECIAL;
	pfn_t old = pte_pfn(f->orig), head = page_head(f->k->memory, old), pfn;
	struct frame *of = frame_of(f->k->memory, head);
	unsigned cpu;

	if (!special)
		frame_get(f->k, old);
	pfn = fault_new_anon(f, special);
	cpu = f->cur->exec->cpu;
	if (pfn == PFN_NONE || !fault_unchanged(f)) {
		if (pfn != PFN_NONE)
			frame_put(f->k, cpu, pfn);
		if (!special)
			frame_put(f->k, cpu, old);
		return pfn == PFN_NONE ? FAULT_OOM : FAULT_DONE;
	}
	if (!special) {
		task_charge(f->cur, CYCLES_clear_copy, f->k->cost.copy_page);
		rmap_remove(f->k, old, f->mm, f->addr >> PAGE_SHIFT);
		f->mm->rss[of->flags & FR_ANON         ? MM_ANONPAGES
			   : of->flags & FR_SWAPBACKED ? MM_SHMEMPAGES
						       : MM_FILEPAGES]--;
		if (f->vma->flags & VM_LOCKED && of->flags & FR_MLOCKED && !(of->flags & FR_HEAD))
			lru_munlock(f->cur, old);
	}
	ptable_set(f->table, f->slot, 0);
	fault_flush(f);
	fault_map_new_anon(f, pfn, fault_pte(f, pfn, true));
	f->cur->process->stats.cow_faults++;
	if (!special) {
		frame_put(f->k, cpu, old); /* the mapping's */
		if (of->flags & FR_SWAPCACHE && !of->mapcount)
			swap_try_to_free(f->cur, head); /* free_swap_cache */
		frame_put(f->k, cpu, old);              /* ours */
	}
	return FAULT_DONE;
}

static enum fault_result reuse(struct fault *f)
{
	f->table->e[f->slot] |= PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
	vm_event(f->k->memory, VMEV_PGREUSE, 1);
	f->cur->process->stats.reuse_faults++;
	return FAULT_DONE;
}

/* Whether nobody else can see the anonymous page: then it is ours to write. */
static bool may_reuse(struct fault *f, pfn_t pfn)
{
	struct frame *part = frame_of(f->k->memory, pfn);
	struct frame *fr = frame_of(f->k->memory, page_head(f->k->memory, pfn));

	if (part->flags & FR_EXCLUSIVE)
		return true;
	if (fr->refs > 3)
		return false;
	if (!(fr->flags & FR_LRU))
		lru_drain(f->cur); /* the reference of this CPU's batch */
	if (fr->refs > 1 + (fr->flags & FR_SWAPCACHE ? 1 : 0) || fr->flags & FR_LOCKED)
		return false;
	if (fr->flags & FR_SWAPCACHE) /* small: a huge page has more references there */
		swap_try_to_free(f->cur, pfn);
	if (fr->refs != 1)
		return false;
	part->flags |= FR_EXCLUSIVE;
	return true;
}

enum fault_result fault_wp(struct fault *f)
{
	pfn_t pfn = pte_pfn(f->orig);

	if (f->orig & PTE_SPECIAL)
		return copy(f);
	if (f->vma->flags & VM_SHARED) { /* wp_page_shared: the file system is told, the page turns dirty */
		frame_get(f->k, pfn);
		page_make_buffers(f->cur, pfn); /* page_mkwrite; may block */
		if (fault_unchanged(f)) {
			page_mark_dirty(f->cur, pfn);
			reuse(f);
		}
		frame_put(f->k, f->cur->exec->cpu, pfn);
		balance_dirty_pages(f->cur, 1);
		return FAULT_DONE;
	}
	if (frame_of(f->k->memory, page_head(f->k->memory, pfn))->flags & FR_ANON && may_reuse(f, pfn))
		return reuse(f);
	return copy(f);
}

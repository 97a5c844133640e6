/*
 * unmap.c - reference checks and unmapping through the reverse map.
 *
 * Modelled after mm/rmap.c and (lru_gen_look_around) mm/vmscan.c, Linux 6.1: folio_referenced_one,
 * try_to_unmap_one, should_defer_flush, try_to_unmap_flush. Clearing an accessed bit does not flush the TLB
 * (arch/x86/mm/pgtable.c ptep_clear_flush_young), so a page that stays in a TLB looks unused until its entry
 * is evicted there.
 *
 * Cost: O(mappings). Not modelled: lock contention (the -1 of folio_referenced).
 */
#include "models/kernel/lrugen.h"
#include "models/kernel/rmap.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/thp_split.h"

struct walk {
	struct task *cur;
	pfn_t pfn;
	struct flush_batch *batch;
	unsigned referenced;
	uint32_t vm_flags;
	const struct memcg *target;
	const struct vma *seen; /* whose references to a huge page's parts count once */
};

/* Window of a look-around: 64 pages of the mapping and the table. */
static void window(const struct vma *v, vaddr_t va, vaddr_t *start, vaddr_t *end)
{
	const uint64_t span = MIN_LRU_BATCH * PAGE_SIZE, table = PAGE_SIZE * PTABLE_ENTRIES;

	*start = MAX_OF(va & ~(table - 1), v->start);
	*end = MIN_OF((va & ~(table - 1)) + table, v->end);
	if (*end - *start <= span)
		return;
	if (va - *start < span / 2) {
		*end = *start + span;
	} else if (*end - va < span / 2) {
		*start = *end - span;
	} else {
		*start = va - span / 2;
		*end = va + span / 2;
	}
}

/* lru_gen_look_around: the neighbours of a page that was used are looked at, too. */
static void look_around(struct walk *w, struct mm *mm, struct vma *v, vaddr_t va)
{
	struct kernel *k = w->cur->k;
	unsigned nid = frame_of(k->memory, w->pfn)->nid, young = 0, n = 0;
	const uint32_t group = frame_of(k->memory, w->pfn)->memcg;
	const struct lru_gens *g = frame_lruvec(k->memory, frame_of(k->memory, w->pfn))->gens;
	struct ptable *t = pgtable_table(&mm->pt, va, 1);
	const bool kswapd = w->cur->flags & TASK_KSWAPD, walks = kswapd || w->cur->mm_walk;
	bool can_swap = kswapd ? g->kswapd_can_swap : w->cur->mm_walk != MM_WALK_FILE;
	pfn_t found[MIN_LRU_BATCH];
	vaddr_t start, end;

	window(v, va, &start, &end);
	for (vaddr_t a = start; a < end; a += PAGE_SIZE) {
		pte_t *e = &t->e[ptable_index(a, 1)];
		struct frame *f;

		if ((*e & (PTE_PRESENT | PTE_ACCESSED | PTE_SPECIAL)) != (PTE_PRESENT | PTE_ACCESSED))
			continue;
		f = frame_of(k->memory, page_head(k->memory, pte_pfn(*e)));
		if (f->nid != nid || f->memcg != group || (!can_swap && !frame_is_file_lru(f)))
			continue;
		*e &= ~PTE_ACCESSED;
		young++;
		if (frame_lru_gen(f) < 0)
			f->flags |= FR_REFERENCED;
		else if ((unsigned)frame_lru_gen(f) != lru_gen_of_seq(g->max_seq))
			found[n++] = page_head(k->memory, pte_pfn(*e));
	}
	if (lru_gen_suits((unsigned)((end - start) >> PAGE_SHIFT), young))
		ptable_note(t, nid, g->max_seq);
	for (unsigned i = 0; i < n; i++)
		if (!walks && n < 15) /* PAGEVEC_SIZE */
			lru_activate(w->cur, found[i]);
		else
			lru_gen_promote(k, found[i]);
}

/* folio_referenced_one counts a mapping once, however many parts of a huge page it used. */
static void count_reference(struct walk *w, const struct vma *v, uint32_t flags)
{
	if (frame_of(w->cur->k->memory, w->pfn)->flags & FR_HEAD && v && v == w->seen)
		return;
	w->seen = v;
	w->referenced++;
	w->vm_flags |= flags;
}

/* The entry, small or huge, of the frame's mapping. */
static pte_t *entry_of(struct mm *mm, vaddr_t va)
{
	struct ptable *t = pgtable_table(&mm->pt, va, 2);
	unsigned i = ptable_index(va, 2);

	return t && t->e[i] & PTE_HUGE ? &t->e[i] : pgtable_find(&mm->pt, va);
}

static bool referenced_one(struct mm *mm, uint64_t vpn, void *arg)
{
	struct walk *w = arg;
	vaddr_t va = vpn << PAGE_SHIFT;
	struct vma *v = vma_at(&mm->vmas, va);
	uint32_t flags = v ? v->flags : 0; /* munmap detaches the mapping before its pages go */
	pte_t *pte = entry_of(mm, va);
	bool huge;

	if (UNLIKELY(w->target != NULL) && !memcg_is_in(memcg_of(w->cur->k, mm->memcg), w->target))
		return true;
	CHECK(pte && pte_present(*pte), "frame %u: mapping of mm %u at %" PRIx64 " is gone", w->pfn, mm->id,
	      va);
	huge = *pte & PTE_HUGE;
	if (flags & VM_LOCKED && (huge || !(frame_of(w->cur->k->memory, w->pfn)->flags & FR_HEAD))) {
		lru_mlock(w->cur, w->pfn); /* the page missed being locked: restore */
		w->vm_flags |= VM_LOCKED;
		return false;
	}
	if (v && !huge && *pte & PTE_ACCESSED && !(flags & (VM_SEQ_READ | VM_RAND_READ)) &&
	    frame_lruvec(w->cur->k->memory, frame_of(w->cur->k->memory, w->pfn))->gens) {
		look_around(w, mm, v, va);
		count_reference(w, v, flags);
	}
	if (*pte & PTE_ACCESSED) {
		*pte &= ~PTE_ACCESSED;
		if (huge || !(flags & VM_SEQ_READ))
			count_reference(w, v, flags);
	}
	return true;
}

unsigned page_referenced(struct task *cur, pfn_t pfn, const struct memcg *target, uint32_t *vm_flags)
{
	struct walk w = {.cur = cur, .pfn = pfn, .target = target};

	rmap_walk(cur->k, pfn, referenced_one, &w);
	*vm_flags = w.vm_flags;
	return w.referenced;
}

void flush_batch_run(struct task *cur, struct flush_batch *b)
{
	struct kernel *k = cur->k;

	for (unsigned i = 0; i < b->n; i++)
		if (k->hooks.tlb_flush)
			k->hooks.tlb_flush(k->hooks.ctx, cur, b->mm[i], 0, USER_ADDRESS_END);
	b->n = 0;
	b->writable = false;
}

static bool on_other_cpus(const struct task *cur, const struct mm *mm)
{
	for (unsigned i = 0; i < MAX_CPUS / 64; i++) {
		uint64_t others = mm->cpus[i];

		if (cur->exec->cpu / 64 == i)
			others &= ~(UINT64_C(1) << (cur->exec->cpu % 64));
		if (others)
			return true;
	}
	return false;
}

static void flush_or_defer(struct walk *w, struct mm *mm, vaddr_t va, bool dirty)
{
	struct kernel *k = w->cur->k;
	struct flush_batch *b = w->batch;

	if (!on_other_cpus(w->cur, mm)) {
		if (k->hooks.tlb_flush)
			k->hooks.tlb_flush(k->hooks.ctx, w->cur, mm, va, va + PAGE_SIZE);
		return;
	}
	b->writable |= dirty;
	for (unsigned i = 0; i < b->n; i++)
		if (b->mm[i] == mm)
			return;
	if (b->n == ARRAY_LEN(b->mm))
		flush_batch_run(w->cur, b);
	b->mm[b->n++] = mm;
}

/* An anonymous mapping turns into a swap entry, or vanishes when the page may be lazily freed. False: it
 * stays. */
static bool unmap_anon(struct walk *w, struct frame *f, struct mm *mm, pte_t old, pte_t *new)
{
	struct memory *m = w->cur->k->memory;
	swp_entry_t e;

	if (!(f->flags & FR_SWAPBACKED)) {
		/* MADV_FREE: only if nobody wrote since and nobody else holds it */
		if (f->flags & FR_DIRTY || f->refs != f->mapcount + 1) {
			f->flags |= FR_SWAPBACKED;
			return false;
		}
		*new = 0;
		mm->rss[MM_ANONPAGES]--;
		return true;
	}
	CHECK(f->flags & FR_SWAPCACHE, "frame %u is unmapped without a swap entry", w->pfn);
	e = swap_entry_of(m, pte_pfn(old));
	swap_dup(w->cur->k, e);
	*new = pte_swap(e);
	if (frame_of(m, pte_pfn(old))->flags & FR_EXCLUSIVE && old & PTE_PRESENT)
		*new |= PTE_SWAP_EXCLUSIVE;
	mm->rss[MM_ANONPAGES]--;
	mm->rss[MM_SWAPENTS]++;
	return true;
}

static bool unmap_one(struct mm *mm, uint64_t vpn, void *arg)
{
	struct walk *w = arg;
	struct kernel *k = w->cur->k;
	struct frame *f = frame_of(k->memory, w->pfn);
	vaddr_t va = vpn << PAGE_SHIFT;
	struct vma *v = vma_at(&mm->vmas, va);
	struct ptable *t = pgtable_table(&mm->pt, va, 1);
	unsigned i = ptable_index(va, 1);
	pte_t old, new = 0;

	CHECK(t && pte_present(t->e[i]), "frame %u: mapping of mm %u at %" PRIx64 " is gone", w->pfn, mm->id,
	      va);
	if (v && v->flags & VM_LOCKED) {
		if (!(f->flags & FR_HEAD))
			lru_mlock(w->cur, w->pfn);
		return false;
	}
	old = t->e[i];
	if (old & PTE_DIRTY) {
		f->flags |= f->flags & FR_ANON ? FR_DIRTY : 0;
		if (!(f->flags & FR_ANON))
			page_mark_dirty(w->cur, w->pfn);
	}
	if (f->flags & FR_ANON) {
		if (!unmap_anon(w, f, mm, old, &new))
			return false;
	} else {
		mm->rss[f->flags & FR_SWAPBACKED ? MM_SHMEMPAGES : MM_FILEPAGES]--;
	}
	ptable_set(t, i, new);
	flush_or_defer(w, mm, va, old & PTE_DIRTY);
	rmap_remove(k, pte_pfn(old), mm, vpn);
	f->refs--; /* the isolation's reference is left */
	task_charge(w->cur, w->cur->reclaim_cause, k->cost.unmap_page);
	return true;
}

void page_unmap(struct task *cur, pfn_t pfn, struct flush_batch *b)
{
	struct walk w = {.cur = cur, .pfn = pfn, .batch = b};
	struct frame *f = frame_of(cur->k->memory, pfn);

	if (f->flags & FR_HEAD && !thp_split_entries(cur, pfn))
		return;
	rmap_walk(cur->k, pfn, unmap_one, &w);
	for (uint32_t i = 0; !f->mapcount && i < frame_nr_pages(f); i++)
		f[i].flags &= ~(uint32_t)FR_EXCLUSIVE;
}

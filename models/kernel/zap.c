/*
 * zap.c - unmapping pages.
 *
 * After mm/memory.c (zap_pte_range, zap_huge_pmd, free_pgtables), mm/mmu_gather.c of Linux 6.1.
 *
 * Pages are gathered and given back behind one TLB flush: at the end, when the gather's batches are full (8
 * in the gather itself and 19 batches of 510), or at the end of a page table that had dirty file pages.
 * cost.zap_page for each page that goes. O(pages mapped + tables).
 *
 * Not modelled: private copies of truncated file pages (Linux drops them, too), migration entries
 * (migration does not block half-way here).
 */
#include "models/kernel/zap.h"

#include "models/kernel/alloc.h"
#include "models/kernel/pagecache.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"
#include "models/kernel/swap.h"
#include "models/kernel/thp_split.h"
#include "models/kernel/writeback.h"

#include <string.h>

#define FRAMES_AHEAD   8 /* frames whose descriptors the host fetches before they are needed */
#define GATHER_LOCAL   8
#define GATHER_BATCH   510
#define GATHER_BATCHES 19
#define GATHER_PAGES   (GATHER_LOCAL + GATHER_BATCHES * GATHER_BATCH)

void gather_init(struct gather *g, struct task *cur, struct mm *mm, bool fullmm)
{
	*g = (struct gather){.cur = cur, .mm = mm, .fullmm = fullmm, .start = UINT64_MAX};
}

void gather_range(struct gather *g, vaddr_t start, vaddr_t end)
{
	g->start = MIN_OF(g->start, start);
	g->end = MAX_OF(g->end, end);
}

/* tlb_flush_mmu_tlbonly */
static void flush_tlbs(struct gather *g)
{
	struct kernel *k = g->cur->k;
	vaddr_t start = g->fullmm ? 0 : g->start, end = g->fullmm ? USER_ADDRESS_END : g->end;
	bool changed = g->start < g->end;

	g->start = UINT64_MAX;
	g->end = 0;
	if (changed && k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, g->cur, g->mm, start, end);
}

void gather_flush(struct gather *g)
{
	struct kernel *k = g->cur->k;
	unsigned n = g->nr;

	flush_tlbs(g);
	g->nr = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct frame *f = frame_of(k->memory, page_head(k->memory, g->pages[i]));

		if (i + FRAMES_AHEAD < n)
			__builtin_prefetch(frame_of(k->memory, g->pages[i + FRAMES_AHEAD]), 1);
		if (f->flags & FR_SWAPCACHE && !f->mapcount && !(f->flags & FR_LOCKED)) /* free_swap_cache */
			swap_try_to_free(g->cur, g->pages[i]);
		frame_put(k, g->cur->exec->cpu, g->pages[i]);
	}
}

void gather_finish(struct gather *g)
{
	gather_flush(g);
	while (g->nr_batches)
		free_pages(g->cur, g->batch[--g->nr_batches], 0);
	mem_free(g->pages);
	g->pages = NULL;
	g->cap = 0;
}

/* tlb_next_batch: room for 510 pages more is a page of memory; false when it cannot be had. */
static bool next_batch(struct gather *g)
{
	pfn_t pfn = alloc_pages(g->cur, GFP_NOWAIT | GFP_BIT_NOWARN, 0);

	if (pfn == PFN_NONE)
		return false;
	g->batch[g->nr_batches++] = pfn;
	return true;
}

/* __tlb_remove_page: true when the batches are full. */
static bool gather_page(struct gather *g, pfn_t pfn)
{
	if (g->nr == g->cap) {
		unsigned cap = g->cap ? MIN_OF(g->cap * 4, GATHER_PAGES) : 64;
		pfn_t *grown = mem_alloc_late(cap, sizeof *grown);

		if (g->nr)
			memcpy(grown, g->pages, g->nr * sizeof *grown);
		mem_free(g->pages);
		g->pages = grown;
		g->cap = cap;
	}
	g->pages[g->nr++] = pfn;
	if (g->nr < GATHER_LOCAL + g->nr_batches * GATHER_BATCH)
		return false;
	return g->nr_batches == GATHER_BATCHES || !next_batch(g);
}

enum mm_counter mm_counter_of(const struct frame *f)
{
	if (f->flags & FR_ANON)
		return MM_ANONPAGES;
	return f->flags & FR_SWAPBACKED ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* One present entry is gone; true when the pages gathered must be flushed: *dirty when for a dirty file page.
 */
static bool zap_present(struct gather *g, struct vma *v, vaddr_t va, pte_t e, uint32_t nr, bool *dirty)
{
	struct task *cur = g->cur;
	struct kernel *k = cur->k;
	pfn_t pfn = pte_pfn(e), head = page_head(k->memory, pfn);
	struct frame *f = frame_of(k->memory, head);

	gather_range(g, va, va + nr * PAGE_SIZE);
	task_charge(cur, CYCLES_syscall, k->cost.zap_page);
	if (e & PTE_SPECIAL)
		return false;
	if (!(f->flags & FR_ANON)) {
		if (e & PTE_DIRTY) {
			*dirty |= nr == 1;
			page_mark_dirty(cur, head);
		}
		if (nr == 1 && e & PTE_ACCESSED && !(v->flags & VM_SEQ_READ))
			lru_mark_accessed(cur, head);
	}
	g->mm->rss[mm_counter_of(f)] -= nr;
	if (nr > 1)
		rmap_remove_huge(k, pfn, g->mm, va >> PAGE_SHIFT);
	else
		rmap_remove(k, pfn, g->mm, va >> PAGE_SHIFT);
	if (v->flags & VM_LOCKED && (nr > 1 || !(f->flags & FR_HEAD))) /* munlock_vma_page */
		lru_munlock(cur, pfn);
	return gather_page(g, pfn);
}

static void prefetch_frame(struct memory *m, const struct ptable *t, unsigned i)
{
	if (i < PTABLE_ENTRIES && pte_present(t->e[i]))
		__builtin_prefetch(frame_of(m, pte_pfn(t->e[i])), 1);
}

static void zap_leaf(struct gather *g, struct vma *v, struct ptable *t, vaddr_t first, vaddr_t last)
{
	bool dirty = false;

	for (vaddr_t va = first; va < last; va += PAGE_SIZE) {
		unsigned i = ptable_index(va, 1);
		pte_t e = t->e[i];

		prefetch_frame(g->cur->k->memory, t, i + FRAMES_AHEAD);
		if (pte_none(e))
			continue;
		ptable_set(t, i, 0);
		if (!pte_present(e)) {
			g->mm->rss[MM_SWAPENTS]--;
			swap_put_and_cache(g->cur, pte_swap_entry(e));
		} else if (zap_present(g, v, va, e, 1, &dirty)) {
			gather_flush(g);
		}
	}
	if (dirty)
		gather_flush(g);
}

/* zap_huge_pmd, or the split before a part of it goes. Returns the leaf to go on with, or NULL. */
static struct ptable *zap_huge(struct gather *g, struct vma *v, vaddr_t first, vaddr_t last)
{
	vaddr_t base = first & ~(HUGE_PAGE_SIZE - 1);
	struct table_ctx ctx = {g->cur, g->mm};
	bool dirty = false;
	pte_t e;

	/* without memory for the split (no table was deposited), the rest of the page goes, too */
	if (last - first < HUGE_PAGE_SIZE && thp_split_entry(g->cur, g->mm, first))
		return pgtable_table(&g->mm->pt, first, 1);
	e = pgtable_drop_huge(&g->mm->pt, base, &alloc_table_ops, &ctx);
	if (zap_present(g, v, base, e, HUGE_PAGE_NR, &dirty) || dirty)
		gather_flush(g);
	return NULL;
}

struct zap {
	struct gather *g;
	struct vma *v;
};

static void zap_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct zap *z = arg;
	struct task *cur = z->g->cur;

	if (t->level == 2)
		t = zap_huge(z->g, z->v, first, last);
	if (t)
		zap_leaf(z->g, z->v, t, first, last);
	if (cur->k->sched && !z->g->atomic)
		sched_cond(cur);
}

void zap_range(struct gather *g, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct zap z = {g, v};

	pgtable_for_each(&g->mm->pt, MAX_OF(start, v->start), MIN_OF(end, v->end), zap_table, &z);
}

static bool unmap_mapping(struct mm *mm, uint64_t vpn, void *arg)
{
	struct task *cur = arg;
	vaddr_t va = vpn << PAGE_SHIFT;
	struct vma *v = vma_at(&mm->vmas, va);
	struct gather g;

	CHECK(v, "page %" PRIx64 " of address space %u is mapped outside its mappings", vpn, mm->id);
	gather_init(&g, cur, mm, false);
	g.atomic = true; /* the walk over the page's mappings goes on */
	zap_range(&g, v, va, va + PAGE_SIZE);
	gather_finish(&g);
	return true;
}

void zap_file_range(struct task *cur, struct file *f, uint64_t first, uint64_t last)
{
	struct kernel *k = cur->k;
	pfn_t pfn;

	for (uint64_t i = first; (pfn = pagecache_next(f, &i, 0)) != PFN_NONE && i <= last; i++) {
		if (!frame_of(k->memory, pfn)->mapcount)
			continue;
		frame_get(k, pfn);
		rmap_walk(k, pfn, unmap_mapping, cur);
		frame_put(k, cur->exec->cpu, pfn);
	}
}

void zap_tables(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling)
{
	struct table_ctx ctx = {cur, mm};

	(void)pgtable_free_range(&mm->pt, start, end, floor, ceiling, &alloc_table_ops, &ctx);
}

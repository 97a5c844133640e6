/*
 * thp_split.c - splitting huge entries and huge pages.
 *
 * After mm/huge_memory.c of Linux 6.1. Linux can leave the huge page whole behind 512 small entries and split
 * it later (deferred_split_folio); here entry and page are split together, in every address space that maps
 * the page. O(512 * mappings).
 *
 * Not modelled: huge pages in the swap cache, deferred splitting, small entries into a huge page.
 */
#include "models/kernel/thp_split.h"

#include "models/kernel/lru.h"
#include "models/kernel/rmap.h"
#include "models/kernel/writeback.h"

/* What the parts of a page inherit (__split_huge_page_tail). */
#define INHERITED                                                                                           \
	(FR_UPTODATE | FR_DIRTY | FR_REFERENCED | FR_ACTIVE | FR_UNEVICTABLE | FR_MLOCKED | FR_SWAPBACKED | \
	 FR_ANON | FR_WORKINGSET | FR_EXCLUSIVE)

/* Splitting takes the deposited table: it never asks for memory, so reclaim may split, too. */
static pfn_t no_table(void *ctx)
{
	(void)ctx;
	return PFN_NONE;
}

static const struct ptable_ops deposited_only = {.alloc = no_table};

void thp_count_mapped(struct kernel *k, pfn_t head, int sign)
{
	struct frame *f = frame_of(k->memory, head);

	if (f->flags & FR_ANON)
		node_stat_add(frame_node(k->memory, f), NR_ANON_THPS, sign * (int64_t)HUGE_PAGE_NR);
}

/* The head and 511 tails become single frames; each has a reference for every mapping. */
static void split_frames(struct kernel *k, pfn_t head)
{
	struct frame *h = frame_of(k->memory, head);
	uint32_t flags = h->flags & INHERITED;

	h->flags &= ~(uint32_t)FR_HEAD;
	h->order = 0;
	for (pfn_t i = 1; i < HUGE_PAGE_NR; i++) {
		struct frame *f = frame_of(k->memory, head + i);

		f->flags = flags;
		f->refs = 0;
		f->mapcount = 0;
		f->rmap = 0;
		f->order = 0;
		f->file = h->file;
		f->gen = h->gen;
		f->index = h->index + i;
		f->private = 0;
		f->memcg = h->memcg;
	}
}

#define MAX_MAPPINGS 64

struct mappings {
	unsigned n;
	struct {
		struct mm *mm;
		uint64_t vpn;
	} at[MAX_MAPPINGS];
};

static bool take_mapping(struct mm *mm, uint64_t vpn, void *arg)
{
	struct mappings *m = arg;

	if (m->n == MAX_MAPPINGS)
		return false;
	m->at[m->n].mm = mm;
	m->at[m->n++].vpn = vpn;
	return true;
}

/* One mapping's entry becomes 512, which keep their rights; a dirty bit becomes the pages'. */
static bool split_mapping(struct task *cur, struct mm *mm, uint64_t vpn, struct frame *h)
{
	vaddr_t va = vpn << PAGE_SHIFT;
	struct ptable *leaf = pgtable_split_huge(&mm->pt, va, &deposited_only, NULL);

	if (!leaf)
		return false;
	if (leaf->e[0] & PTE_DIRTY)
		h->flags |= FR_DIRTY;
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++)
		leaf->e[i] &= ~PTE_DIRTY;
	vm_event(cur->k->memory, VMEV_THP_SPLIT_PMD, 1);
	task_charge(cur, CYCLES_syscall, cur->k->cost.fork_table);
	if (cur->k->hooks.tlb_flush)
		cur->k->hooks.tlb_flush(cur->k->hooks.ctx, cur, mm, va, va + HUGE_PAGE_SIZE);
	return true;
}

/* split_huge_page_to_list of a mapped anonymous page. */
static bool split_anon(struct task *cur, pfn_t head)
{
	struct kernel *k = cur->k;
	struct frame *h = frame_of(k->memory, head);
	bool on_lru = h->flags & FR_LRU;
	struct mappings m = {.n = 0};

	CHECK(h->flags & FR_HEAD && h->order == HUGE_PAGE_ORDER, "frame %u is no huge page", head);
	if (!rmap_walk(k, head, take_mapping, &m))
		return false;
	for (unsigned i = 0; i < m.n; i++) /* deposited tables: this cannot fail half-way */
		if (!split_mapping(cur, m.at[i].mm, m.at[i].vpn, h))
			return false;
	if (on_lru)
		lru_unlink(k, head);
	thp_count_mapped(k, head, -1);
	for (unsigned i = 0; i < m.n; i++)
		rmap_remove(k, head, m.at[i].mm, m.at[i].vpn);
	split_frames(k, head);
	for (pfn_t i = HUGE_PAGE_NR; i-- > 0;) {
		for (unsigned j = m.n; j-- > 0;)
			rmap_add(k, head + i, m.at[j].mm, m.at[j].vpn + i);
		if (i > 0)
			frame_of(k->memory, head + i)->refs = (int32_t)m.n;
		if (i > 0 || on_lru)
			lru_link(k, head + i, false);
	}
	vm_event(k->memory, VMEV_THP_SPLIT_PAGE, 1);
	return true;
}

/* __split_huge_zero_page_pmd */
static bool split_zero(struct task *cur, struct mm *mm, vaddr_t va)
{
	struct ptable *leaf = pgtable_split_huge(&mm->pt, va, &deposited_only, NULL);

	if (!leaf)
		return false;
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++)
		leaf->e[i] = (leaf->e[i] & ~(PTE_PFN_MASK | PTE_DIRTY | PTE_WRITE)) |
			     pte_make(cur->k->zero_pfn, PTE_SPECIAL);
	vm_event(cur->k->memory, VMEV_THP_SPLIT_PMD, 1);
	if (cur->k->hooks.tlb_flush)
		cur->k->hooks.tlb_flush(cur->k->hooks.ctx, cur, mm, va, va + HUGE_PAGE_SIZE);
	return true;
}

static void drop_file(struct task *cur, struct mm *mm, vaddr_t va, pte_t e)
{
	struct kernel *k = cur->k;
	pfn_t head = pte_pfn(e);
	enum mm_counter c = frame_of(k->memory, head)->flags & FR_SWAPBACKED ? MM_SHMEMPAGES : MM_FILEPAGES;

	(void)pgtable_clear_huge(&mm->pt, va);
	if (e & PTE_DIRTY)
		page_mark_dirty(cur, head);
	mm->rss[c] -= HUGE_PAGE_NR;
	rmap_remove(k, head, mm, va >> PAGE_SHIFT);
	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, cur, mm, va, va + HUGE_PAGE_SIZE);
	frame_put(k, cur->exec->cpu, head);
}

bool thp_split_entry(struct task *cur, struct mm *mm, vaddr_t va)
{
	struct kernel *k = cur->k;
	struct ptable *t = pgtable_table(&mm->pt, va, 2);
	pte_t e = t ? t->e[ptable_index(va, 2)] : 0;

	if (!(e & PTE_HUGE))
		return true;
	va &= ~(HUGE_PAGE_SIZE - 1);
	if (e & PTE_SPECIAL)
		return split_zero(cur, mm, va);
	if (!(frame_of(k->memory, pte_pfn(e))->flags & FR_ANON)) {
		drop_file(cur, mm, va, e);
		return true;
	}
	return split_anon(cur, pte_pfn(e));
}

bool thp_split_page(struct task *cur, pfn_t head)
{
	return split_anon(cur, head);
}

struct walk {
	struct task *cur;
	struct mm *mm;
	void (*fn)(void *arg, struct ptable *leaf, vaddr_t first, vaddr_t last);
	void *arg;
};

static void visit_leaf(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct walk *w = arg;

	if (t->level == 2) {
		if (!thp_split_entry(w->cur, w->mm, first))
			return;
		t = pgtable_table(&w->mm->pt, first, 1);
		if (!t)
			return;
	}
	w->fn(w->arg, t, first, last);
}

void thp_walk_leaves(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end,
		     void (*fn)(void *arg, struct ptable *leaf, vaddr_t first, vaddr_t last), void *arg)
{
	struct walk w = {cur, mm, fn, arg};

	pgtable_for_each(&mm->pt, start, end, visit_leaf, &w);
}

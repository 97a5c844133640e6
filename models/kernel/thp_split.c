/*
 * thp_split.c - splitting huge entries and huge pages.
 *
 * After mm/huge_memory.c of Linux 6.1: __split_huge_pmd_locked makes 512 entries of one and leaves the page
 * whole; split_huge_page_to_list takes the page apart in every address space that maps it, frees what nobody
 * maps; deferred_split_scan does that for pages of which parts were unmapped when memory is short. O(512 *
 * mappings).
 *
 * A page in the swap cache stays there in parts, each with its slot (split_swap_cluster); what nobody maps or
 * refers to leaves it. Where Linux replaces entries by migration entries while it works, nothing can come
 * between here.
 */
#include "models/kernel/thp_split.h"

#include "models/kernel/lru.h"
#include "models/kernel/rmap.h"
#include "models/kernel/swap.h"
#include "models/kernel/writeback.h"

/* What the parts of a page inherit (__split_huge_page_tail). */
#define INHERITED                                                                                           \
	(FR_UPTODATE | FR_DIRTY | FR_REFERENCED | FR_ACTIVE | FR_UNEVICTABLE | FR_MLOCKED | FR_SWAPBACKED | \
	 FR_ANON | FR_WORKINGSET | FR_SWAPCACHE)
/* What a part has of its own. */
#define OWN (FR_EXCLUSIVE | FR_MAPPED_ONCE)

/* Splitting takes the deposited table: it never asks for memory, so reclaim may split, too. */
static pfn_t no_table(void *ctx)
{
	(void)ctx;
	return PFN_NONE;
}

static const struct ptable_ops deposited_only = {.alloc = no_table};

static void flush(struct task *cur, struct mm *mm, vaddr_t va)
{
	struct kernel *k = cur->k;

	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, cur, mm, va, va + HUGE_PAGE_SIZE);
}

/* __split_huge_pmd_locked: one mapping's entry becomes 512, which keep their rights; a dirty bit becomes the
 * page's. */
static bool split_anon(struct task *cur, struct mm *mm, vaddr_t va, pfn_t head)
{
	struct kernel *k = cur->k;
	struct frame *h = frame_of(k->memory, head);
	struct ptable *leaf = pgtable_split_huge(&mm->pt, va, &deposited_only, NULL);
	const struct vma *v = vma_at(&mm->vmas, va);
	uint64_t vpn = va >> PAGE_SHIFT;

	if (!leaf)
		return false;
	if (leaf->e[0] & PTE_DIRTY)
		h->flags |= FR_DIRTY;
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		leaf->e[i] &= ~PTE_DIRTY;
		rmap_add(k, head + i, mm, vpn + i);
		h[i].flags |= h->flags & FR_EXCLUSIVE;
	}
	h->refs += (int32_t)HUGE_PAGE_NR - 1;
	rmap_remove_huge(k, head, mm, vpn);
	if (v && v->flags & VM_LOCKED)
		lru_munlock(cur, head);
	vm_event(k->memory, VMEV_THP_SPLIT_PMD, 1);
	task_charge(cur, CYCLES_syscall, k->cost.fork_table);
	flush(cur, mm, va);
	return true;
}

/* References that a cache has to each part. */
static int32_t is_cached(const struct frame *h)
{
	return h->flags & FR_SWAPCACHE || h->file != FILE_NONE;
}

/* __split_huge_page_tail: part i of the page becomes a page with a reference of ours. */
static void make_single(struct frame *h, pfn_t i)
{
	struct frame *f = h + i;

	f->flags = (h->flags & INHERITED) | (f->flags & OWN);
	f->refs = f->mapcount + 1 + is_cached(h);
	f->order = 0;
	f->file = h->file;
	f->gen = h->flags & FR_UNEVICTABLE ? 0 : h->gen;
	f->index = h->index + i;
	f->private = h->flags & FR_SWAPCACHE ? h->private + i : 0;
	f->memcg = h->memcg;
}

/* mlock_vma_page of remove_migration_pte */
static bool lock_again(struct mm *mm, uint64_t vpn, void *arg)
{
	struct task *cur = ((struct task **)arg)[0];
	const struct vma *v = vma_at(&mm->vmas, vpn << PAGE_SHIFT);

	if (v && v->flags & VM_LOCKED)
		lru_mlock(cur, pte_pfn(*pgtable_find(&mm->pt, vpn << PAGE_SHIFT)));
	return true;
}

/* __split_huge_page: all mappings are of parts by now. The caller's reference stays at the head. */
static void take_apart(struct task *cur, pfn_t head, struct frame_list *list)
{
	struct kernel *k = cur->k;
	struct frame *h = frame_of(k->memory, head);
	bool on_lru = h->flags & FR_LRU;
	int32_t first = h[TAIL_FIRST].refs;

	for (pfn_t i = HUGE_PAGE_NR; --i > 0;) {
		make_single(h, i);
		if (on_lru) {
			lru_insert_part(k, head, head + i);
		} else if (list) {
			h[i].refs++;
			h[i].flags |= FR_ISOLATED;
			frame_list_append(&k->memory->frames, list, head + i);
		} else {
			lru_add(cur, head + i);
		}
	}
	h->flags &= ~(uint32_t)FR_HEAD;
	h->order = 0;
	h->mapcount = first;
	h->refs = first + 1 + is_cached(h);
	for (pfn_t i = 0; i < HUGE_PAGE_NR; i++) {
		rmap_walk(k, head + i, lock_again, &cur);
		if (i == 0)
			continue;
		if (!h[i].mapcount && h[i].flags & FR_SWAPCACHE) /* free_swap_cache */
			swap_try_to_free(cur, head + i);
		frame_put(k, cur->exec->cpu, head + i);
	}
}

/* try_to_migrate_one: the page knows that it is dirty from the entries of its parts. */
static bool gather_dirty(struct mm *mm, uint64_t vpn, void *arg)
{
	struct frame *h = arg;

	h->flags |= *pgtable_find(&mm->pt, vpn << PAGE_SHIFT) & PTE_DIRTY ? FR_DIRTY : 0;
	return true;
}

bool thp_split_entries(struct task *cur, pfn_t head)
{
	struct kernel *k = cur->k;
	struct mm *mm;
	uint64_t vpn;

	while ((mm = rmap_whole(k, head, &vpn)))
		if (!split_anon(cur, mm, vpn << PAGE_SHIFT, head))
			return false;
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
	rmap_remove_huge(k, head, mm, va >> PAGE_SHIFT);
	vm_event(k->memory, VMEV_THP_SPLIT_PMD, 1);
	flush(cur, mm, va);
	frame_put(k, cur->exec->cpu, head);
}

/* An entry that maps one part of a page of shared memory. */
static void drop_part(struct task *cur, struct mm *mm, vaddr_t va)
{
	struct kernel *k = cur->k;
	struct ptable *t = pgtable_table(&mm->pt, va, 1);
	pte_t e = t->e[ptable_index(va, 1)];

	ptable_set(t, ptable_index(va, 1), 0);
	if (e & PTE_DIRTY)
		page_mark_dirty(cur, page_head(k->memory, pte_pfn(e)));
	mm->rss[MM_SHMEMPAGES]--;
	rmap_remove(k, pte_pfn(e), mm, va >> PAGE_SHIFT);
	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, cur, mm, va, va + PAGE_SIZE);
	frame_put(k, cur->exec->cpu, pte_pfn(e));
}

static bool drop_mapping(struct mm *mm, uint64_t vpn, void *arg)
{
	struct task *cur = arg;
	vaddr_t va = vpn << PAGE_SHIFT;
	const struct ptable *t = pgtable_table(&mm->pt, va, 2);
	pte_t e = t->e[ptable_index(va, 2)];

	if (e & PTE_HUGE)
		drop_file(cur, mm, va, e);
	else
		drop_part(cur, mm, va);
	return true;
}

/* unmap_folio: the entries of a page that is to be split. False when a table for them is missing. */
static bool unmap_page(struct task *cur, pfn_t head)
{
	if (frame_of(cur->k->memory, head)->flags & FR_ANON)
		return thp_split_entries(cur, head);
	return rmap_walk(cur->k, head, drop_mapping, cur);
}

/* __split_huge_page: parts behind the end of the file leave it. */
static void drop_beyond_end(struct task *cur, pfn_t head)
{
	struct kernel *k = cur->k;
	struct file *f = file_by_id(k->pagecache, frame_of(k->memory, head)->file);
	uint64_t end = (f->size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	for (pfn_t i = HUGE_PAGE_NR; --i > 0;)
		if (frame_of(k->memory, head + i)->index >= end) {
			pagecache_remove(k, head + i, 0);
			frame_put(k, cur->exec->cpu, head + i);
		}
}

bool thp_split_page(struct task *cur, pfn_t head, struct frame_list *list)
{
	struct kernel *k = cur->k;
	struct frame *h = frame_of(k->memory, head);
	bool file = h->file != FILE_NONE;
	int32_t cached = is_cached(h) ? (int32_t)HUGE_PAGE_NR : 0;

	CHECK(h->flags & FR_HEAD && h->order == HUGE_PAGE_ORDER, "frame %u is no huge page", head);
	if (h->flags & FR_WRITEBACK || !(h->flags & FR_ANON || file) || h->refs != h->mapcount + cached + 1 ||
	    !unmap_page(cur, head)) {
		vm_event(k->memory, VMEV_THP_SPLIT_PAGE_FAILED, 1);
		return false;
	}
	/* while it is taken apart its parts are unmapped, which queues it (page_remove_rmap) */
	if (h->mapcount && !rmap_split_is_deferred(h))
		vm_event(k->memory, VMEV_THP_DEFERRED_SPLIT_PAGE, 1);
	rmap_undefer_split(k, head);
	rmap_walk(k, head, gather_dirty, h);
	if (file)
		pagecache_split_huge(k, head);
	take_apart(cur, head, list);
	if (file)
		drop_beyond_end(cur, head);
	vm_event(k->memory, VMEV_THP_SPLIT_PAGE, 1);
	return true;
}

/* The huge page at index when it does not lie in [first, last] with all its parts. */
static void split_if_cut(struct task *cur, struct file *f, uint64_t index, uint64_t first, uint64_t last)
{
	struct kernel *k = cur->k;
	pfn_t pfn = pagecache_lookup(f, index).pfn, head;
	const struct frame *h;

	if (pfn == PFN_NONE)
		return;
	head = page_head(k->memory, pfn);
	h = frame_of(k->memory, head);
	if (!(h->flags & FR_HEAD) || (h->index >= first && h->index + HUGE_PAGE_NR - 1 <= last))
		return;
	frame_get(k, head);
	if (!(h->flags & FR_LOCKED))
		(void)thp_split_page(cur, head, NULL);
	frame_put(k, cur->exec->cpu, head);
}

void thp_split_file_range(struct task *cur, struct file *f, uint64_t first, uint64_t last)
{
	split_if_cut(cur, f, first, first, last);
	split_if_cut(cur, f, last, first, last);
}

gfp_t thp_gfp_mask(const struct kernel *k, uint32_t vm_flags)
{
	bool advised = vm_flags & VM_HUGEPAGE;

	switch (k->params.thp_defrag) {
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

uint64_t thp_nr_deferred(const struct kernel *k)
{
	return k->memory->deferred_split.n;
}

uint64_t thp_split_deferred(struct task *cur, uint64_t nr)
{
	struct kernel *k = cur->k;
	struct frame_list *queue = &k->memory->deferred_split;
	uint64_t split = 0;

	nr = MIN_OF(nr, queue->n);
	while (nr-- > 0) {
		pfn_t tail = frame_list_pop(&k->memory->frames, queue);
		pfn_t head = tail - TAIL_QUEUED;

		/* back to the end, from where the split takes it: what cannot be split waits on */
		frame_list_append(&k->memory->frames, queue, tail);
		frame_get(k, head);
		if (!(frame_of(k->memory, head)->flags & FR_LOCKED))
			split += thp_split_page(cur, head, NULL);
		frame_put(k, cur->exec->cpu, head);
	}
	return split;
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
	flush(cur, mm, va);
	return true;
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
	return split_anon(cur, mm, va, pte_pfn(e));
}

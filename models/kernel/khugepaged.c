/*
 * khugepaged.c - collapsing small pages into huge ones.
 *
 * Modelled after mm/khugepaged.c of Linux 6.1: khugepaged, khugepaged_do_scan, khugepaged_wait_work,
 * khugepaged_scan_mm_slot, hpage_collapse_scan_pmd, collapse_huge_page, __collapse_huge_page_swapin,
 * __collapse_huge_page_isolate, __collapse_huge_page_copy, hpage_collapse_find_target_node.
 *
 * A 2 MiB range is collapsed when an entry of it is writable, one was used, and not too many are missing, in
 * swap or shared. A new huge page takes the contents; the leaf table stays deposited below its entry. Looking
 * at an entry costs an eighth of cost.change_page (a cache line of the table holds eight), a page copied
 * cost.copy_page, one made cost.zero_page. O(512) a range.
 *
 * Invariant: mm_table's cursor is NULL or a registered address space.
 *
 * Not modelled: collapsing pages of shared memory (collapse_file; those of files are never collapsed where
 * CONFIG_READ_ONLY_THP_FOR_FS is not set, as in Debian's kernel), MADV_COLLAPSE, a scan cut
 * short because pages lie on nodes far apart (zone_reclaim_mode).
 */
#include "models/kernel/khugepaged.h"

#include "models/kernel/charge.h"
#include "models/kernel/alloc.h"
#include "models/kernel/fault.h"
#include "models/kernel/lru.h"
#include "models/kernel/mapping.h"
#include "models/kernel/mmaplock.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"
#include "models/kernel/swapin.h"
#include "models/kernel/thp_split.h"

PARAM_TABLE(khugepaged, khugepaged_params, KHUGEPAGED_PARAMS);

struct khugepaged {
	const struct khugepaged_params *params;
	uint64_t collapsed, full_scans;
};

enum result { FAILED, COLLAPSED, NO_PAGE };

/* One 2 MiB range that is looked at. */
struct range {
	struct task *cur;
	struct kernel *k;
	const struct khugepaged_params *p;
	struct mm *mm;
	struct vma *vma;
	vaddr_t va;
	uint32_t load[MAX_NODES]; /* pages by node */
	unsigned none, swapped, shared, referenced;
	bool writable;
};

uint64_t khugepaged_collapsed(const struct kernel *k)
{
	return k->khugepaged ? k->khugepaged->collapsed : 0;
}

uint64_t khugepaged_full_scans(const struct kernel *k)
{
	return k->khugepaged ? k->khugepaged->full_scans : 0;
}

/* hugepage_vma_check for khugepaged */
static bool may_collapse(const struct kernel *k, const struct vma *v)
{
	vaddr_t last = (v->end - HUGE_PAGE_SIZE) & ~(HUGE_PAGE_SIZE - 1);

	if (v->flags & VM_NOHUGEPAGE || !vma_is_anonymous(v) || !v->anon_vma ||
	    v->end - v->start < HUGE_PAGE_SIZE || last < v->start)
		return false;
	return k->params.thp_enabled == THP_ALWAYS ||
	       (k->params.thp_enabled == THP_MADVISE && v->flags & VM_HUGEPAGE);
}

/* ---- looking at a range ---- */

static bool is_missing(pte_t e)
{
	return pte_none(e) || (pte_present(e) && e & PTE_SPECIAL);
}

/* One entry more is missing, in swap or shared: whether that is too many. */
static bool too_many(struct range *r, unsigned *count, uint64_t limit, enum vm_event exceeded)
{
	if (++*count <= limit)
		return false;
	vm_event(r->k->memory, exceeded, 1);
	return true;
}

/* is_refcount_suitable: nobody but entries and the swap cache holds it. */
static bool is_held_by_mappings(const struct frame *h)
{
	return h->refs == h->mapcount + (h->flags & FR_SWAPCACHE ? (int32_t)frame_nr_pages(h) : 0);
}

/* A mapped page of the range; false when it is in the way. */
static bool look_at_page(struct range *r, pte_t e)
{
	const struct frames *m = &r->k->memory->frames;
	const struct frame *h = &m->f[frames_head(m, pte_pfn(e))];

	r->writable |= (e & PTE_WRITE) != 0;
	if (frames_mapcount(m, pte_pfn(e)) > 1 &&
	    too_many(r, &r->shared, r->p->max_ptes_shared, VMEV_THP_SCAN_EXCEED_SHARED_PTE))
		return false;
	r->load[h->nid]++;
	if ((h->flags & (FR_LRU | FR_ANON | FR_LOCKED)) != (FR_LRU | FR_ANON) || !is_held_by_mappings(h))
		return false;
	r->referenced += (e & PTE_ACCESSED) || h->flags & FR_REFERENCED;
	return true;
}

/* hpage_collapse_scan_pmd up to the decision */
static bool is_worth_it(struct range *r, const struct ptable *t)
{
	task_charge(r->cur, CYCLES_migrate, PTABLE_ENTRIES * r->k->cost.change_page / 8);
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		pte_t e = t->e[i];

		if (pte_is_swap(e)) {
			if (too_many(r, &r->swapped, r->p->max_ptes_swap, VMEV_THP_SCAN_EXCEED_SWAP_PTE))
				return false;
		} else if (is_missing(e)) {
			if (too_many(r, &r->none, r->p->max_ptes_none, VMEV_THP_SCAN_EXCEED_NONE_PTE))
				return false;
		} else if (!look_at_page(r, e)) {
			return false;
		}
	}
	return r->writable && r->referenced && (!r->swapped || r->referenced >= HUGE_PAGE_NR / 2);
}

/* ---- collapsing it ---- */

/* hpage_collapse_find_target_node: the node with most of the pages, or others that have as many. */
static pfn_t take_page(struct range *r)
{
	struct memory *m = r->k->memory;
	gfp_t gfp = r->p->defrag ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT;
	uint32_t most = 0;
	unsigned target = 0;
	nodemask_t mask = 0;
	pfn_t pfn;

	for (unsigned nid = 0; nid < m->nr_nodes; nid++)
		if (r->load[nid] > most) {
			most = r->load[nid];
			target = nid;
		}
	for (unsigned nid = 0; nid < m->nr_nodes; nid++)
		if (r->load[nid] == most)
			mask |= UINT64_C(1) << nid;
	pfn = alloc_pages_nodemask(r->cur, target, mask, gfp, HUGE_PAGE_ORDER);
	vm_event(m, pfn == PFN_NONE ? VMEV_THP_COLLAPSE_ALLOC_FAILED : VMEV_THP_COLLAPSE_ALLOC, 1);
	if (pfn == PFN_NONE || charge(r->cur, r->mm->memcg, pfn, gfp)) {
		memcg_id_event(r->k, pfn == PFN_NONE ? 0 : r->mm->memcg, VMEV_THP_COLLAPSE_ALLOC, 1);
		return pfn;
	}
	frame_put(r->k, r->cur->exec->cpu, pfn);
	return PFN_NONE;
}

/* hugepage_vma_revalidate and find_pmd_or_thp_or_none: after a wait. The leaf table, or NULL. */
static struct ptable *look_again(struct range *r)
{
	if (!r->mm->users)
		return NULL;
	r->vma = vma_at(&r->mm->vmas, r->va);
	if (!r->vma || r->va < r->vma->start || r->va + HUGE_PAGE_SIZE > r->vma->end ||
	    !may_collapse(r->k, r->vma))
		return NULL;
	return pgtable_table(&r->mm->pt, r->va, 1);
}

/* __collapse_huge_page_swapin: false when a page has to be waited for (that ends the attempt). */
static bool swap_in(struct range *r)
{
	struct ptable *t = look_again(r);

	for (unsigned i = 0; t && i < PTABLE_ENTRIES; i++) {
		if (!pte_is_swap(t->e[i]))
			continue;
		if (!fault_swap_in(r->cur, r->mm, r->vma, r->va + i * PAGE_SIZE))
			return false;
		t = look_again(r);
	}
	lru_drain(r->cur);
	return t != NULL;
}

static void put_back(struct range *r, const pfn_t *pages, unsigned n)
{
	while (n > 0)
		lru_putback(r->cur, pages[--n]);
}

static bool is_among(const pfn_t *pages, unsigned n, pfn_t pfn)
{
	for (unsigned i = n; i > 0; i--)
		if (pages[i - 1] == pfn)
			return true;
	return false;
}

/* __collapse_huge_page_isolate: the pages, each once; n is PTABLE_ENTRIES + 1 when that failed. */
static unsigned isolate(struct range *r, const struct ptable *t, pfn_t *pages)
{
	unsigned n = 0;

	r->none = r->shared = r->referenced = 0;
	r->writable = false;
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		pfn_t head;

		if (is_missing(t->e[i])) {
			if (too_many(r, &r->none, r->p->max_ptes_none, VMEV_THP_SCAN_EXCEED_NONE_PTE))
				goto fail;
			continue;
		}
		if (!pte_present(t->e[i]))
			goto fail;
		head = page_head(r->k->memory, pte_pfn(t->e[i]));
		if (frame_has(frame_of(r->k->memory, head), FR_HEAD) &&
		    is_among(pages, n, head)) { /* another part of a huge page */
			r->writable |= (t->e[i] & PTE_WRITE) != 0;
			r->referenced += (t->e[i] & PTE_ACCESSED) != 0;
			continue;
		}
		if (!look_at_page(r, t->e[i]) || !lru_isolate(r->k, head))
			goto fail;
		pages[n++] = head;
	}
	if (r->writable && r->referenced)
		return n;
fail:
	put_back(r, pages, n);
	return PTABLE_ENTRIES + 1;
}

/* __collapse_huge_page_copy: the small pages go, their contents are in the huge one. */
static void copy(struct range *r, struct ptable *t)
{
	struct kernel *k = r->k;

	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		pte_t e = t->e[i];
		pfn_t pfn = pte_pfn(e), head;

		ptable_set(t, i, 0);
		if (is_missing(e)) {
			task_charge(r->cur, CYCLES_clear_copy, k->cost.zero_page);
			r->mm->rss[MM_ANONPAGES]++;
			continue;
		}
		task_charge(r->cur, CYCLES_clear_copy, k->cost.copy_page);
		head = page_head(k->memory, pfn);
		rmap_remove(k, pfn, r->mm, (r->va >> PAGE_SHIFT) + i);
		if (r->vma->flags & VM_LOCKED && head == pfn && !frame_has(frame_of(k->memory, pfn), FR_HEAD))
			lru_munlock(r->cur, pfn);
		if (frame_has(frame_of(k->memory, head), FR_SWAPCACHE) &&
		    !frame_of(k->memory, head)->mapcount)
			swap_try_to_free(r->cur, head);
		frame_put(k, r->cur->exec->cpu, pfn);
	}
}

static void install(struct range *r, pfn_t pfn)
{
	struct frame *f = frame_of(r->k->memory, pfn);
	uint64_t bits = mapping_pte_bits(r->vma) | PTE_ACCESSED | PTE_DIRTY | PTE_HUGE;

	if (r->vma->flags & VM_WRITE)
		bits |= PTE_WRITE;
	f->flags |= FR_ANON | FR_SWAPBACKED | FR_UPTODATE | FR_EXCLUSIVE;
	f->index = r->va >> PAGE_SHIFT;
	pgtable_collapse(&r->mm->pt, r->va, pte_make(pfn, bits));
	rmap_add_huge(r->k, pfn, r->mm, r->va >> PAGE_SHIFT);
	lru_add_vma(r->cur, pfn, r->vma->flags);
}

/* The part of collapse_huge_page behind mmap_write_lock. */
static bool replace(struct range *r, pfn_t huge)
{
	struct ptable *t = look_again(r);
	pfn_t pages[PTABLE_ENTRIES];
	unsigned n;

	if (!t)
		return false;
	if (r->k->hooks.tlb_flush) /* pmdp_collapse_flush */
		r->k->hooks.tlb_flush(r->k->hooks.ctx, r->cur, r->mm, r->va, r->va + HUGE_PAGE_SIZE);
	n = isolate(r, t, pages);
	if (n > PTABLE_ENTRIES)
		return false;
	copy(r, t);
	put_back(r, pages, n);
	install(r, huge);
	return true;
}

/* collapse_huge_page: mmap_lock is held for reading and given back. */
static enum result collapse(struct range *r)
{
	bool done = false;
	pfn_t huge;

	mmap_read_unlock(r->cur, r->mm);
	huge = take_page(r);
	if (huge == PFN_NONE)
		return NO_PAGE;
	mmap_read_lock(r->cur, r->mm);
	done = look_again(r) && (!r->swapped || swap_in(r));
	mmap_read_unlock(r->cur, r->mm);
	if (done) {
		mmap_write_lock(r->cur, r->mm);
		done = replace(r, huge);
		mmap_write_unlock(r->cur, r->mm);
	}
	if (!done) {
		frame_put(r->k, r->cur->exec->cpu, huge);
		return FAILED;
	}
	r->k->khugepaged->collapsed++;
	return COLLAPSED;
}

/* ---- the walk ---- */

/* A round of the thread. */
struct round {
	struct task *cur;
	struct mm_table *t;
	uint64_t progress, pages;
	enum result result;
};

/* One range: true when mmap_lock was let go. */
static bool scan_range(struct round *o, struct mm *mm, struct vma *v)
{
	struct kernel *k = o->cur->k;
	struct range r = {.cur = o->cur,
			  .k = k,
			  .p = k->khugepaged->params,
			  .mm = mm,
			  .vma = v,
			  .va = o->t->thp_address};
	const struct ptable *t = pgtable_table(&mm->pt, r.va, 1);

	o->t->thp_address += HUGE_PAGE_SIZE;
	o->progress += HUGE_PAGE_NR;
	o->result = FAILED;
	if (!t || !is_worth_it(&r, t))
		return false;
	o->result = collapse(&r);
	return true;
}

/* The ranges of one mapping: true when the walk of this address space ends here for now. *locked: whether
 * mmap_lock is held still. */
static bool scan_vma(struct round *o, struct mm *mm, struct vma *v, bool *locked)
{
	vaddr_t start = (v->start + HUGE_PAGE_SIZE - 1) & ~(HUGE_PAGE_SIZE - 1);
	vaddr_t end = v->end & ~(HUGE_PAGE_SIZE - 1);

	if (!may_collapse(o->cur->k, v) || o->t->thp_address > end) {
		o->progress++;
		return false;
	}
	o->t->thp_address = MAX_OF(o->t->thp_address, start);
	while (o->t->thp_address < end) {
		sched_cond(o->cur);
		if (!mm->users || o->t->thp_at != mm)
			return true;
		if (scan_range(o, mm, v)) {
			*locked = false;
			return true;
		}
		if (o->progress >= o->pages)
			return true;
	}
	return false;
}

/* khugepaged_scan_mm_slot: true when all of the address space has been seen. */
static bool scan_mm(struct round *o, struct mm *mm)
{
	struct vma *v;
	bool locked = true, stop = false;

	if (mm->lock < 0) /* on to the next instead of waiting */
		return true;
	mmap_read_lock(o->cur, mm);
	o->progress++;
	v = mm->users ? vma_find(&mm->vmas, o->t->thp_address) : NULL;
	while (v && !stop) {
		sched_cond(o->cur);
		stop = !mm->users || o->t->thp_at != mm || scan_vma(o, mm, v, &locked);
		if (!stop)
			v = vma_next(&mm->vmas, v);
	}
	if (locked)
		mmap_read_unlock(o->cur, mm);
	return !v;
}

static void scan_next(struct round *o)
{
	struct mm_table *t = o->t;
	struct mm *mm;
	bool all;

	if (!t->thp_at) {
		t->thp_at = t->thp_first;
		t->thp_address = 0;
	}
	mm = t->thp_at;
	mm_grab(mm);
	all = scan_mm(o, mm);
	if (t->thp_at == mm && all) {
		t->thp_at = mm->thp_next;
		t->thp_address = 0;
		if (!t->thp_at)
			o->cur->k->khugepaged->full_scans++;
	}
	mm_drop(t, mm);
}

void khugepaged_scan(struct task *cur)
{
	struct kernel *k = cur->k;
	const struct khugepaged_params *p = k->khugepaged->params;
	struct round o = {cur, k->mms, 0, p->pages_to_scan, COLLAPSED};
	unsigned passes = 0;
	bool waited = false;

	lru_drain_all(k);
	while (o.progress < o.pages) {
		sched_cond(cur);
		passes += !k->mms->thp_at;
		if (!k->mms->thp_first || passes >= 2)
			return;
		scan_next(&o);
		if (o.progress >= o.pages || o.result != NO_PAGE)
			continue;
		if (waited)
			return;
		waited = true;
		sched_sleep_until(cur, task_now(cur) + p->alloc_sleep_ms * PS_PER_MS, false);
	}
}

static void khugepaged_main(struct task *cur)
{
	struct kernel *k = cur->k;

	for (;;) {
		khugepaged_scan(cur);
		if (k->mms->thp_first)
			sched_sleep_until(cur,
					  task_now(cur) +
						  MAX_OF(k->khugepaged->params->scan_sleep_ms, (uint64_t)1) *
							  PS_PER_MS,
					  false);
		else
			sched_wait(cur, WAIT_KEY(WAIT_KHUGEPAGED, 0), TICK_NEVER, false);
	}
}

void khugepaged_new(struct kernel *k, const struct khugepaged_params *p)
{
	k->khugepaged = mem_alloc_late(1, sizeof *k->khugepaged);
	k->khugepaged->params = p;
}

void khugepaged_start(struct kernel *k, const struct khugepaged_params *p)
{
	if (k->params.thp_enabled == THP_NEVER)
		return;
	khugepaged_new(k, p);
	sched_kthread(k, "khugepaged", 0, khugepaged_main);
}

/*
 * aging.c - the multi-generational LRU: a new generation, after a walk through page tables.
 *
 * Modelled after mm/vmscan.c, Linux 6.1: try_to_inc_max_seq, iterate_mm_list, walk_mm, inc_max_seq. The walk
 * goes through address spaces that ran since the last one, and there through those tables only that a former
 * walk or look-around found worth it (the Bloom filter, here exact). Cost: O(entries walked).
 *
 * Not modelled: walkers that share an iteration, huge entries' accessed bits, the Bloom filter's false hits;
 * that a filter that was never made lets every table pass, and that an iteration that meets no address space
 * that ran keeps what was noted (kernel threads that take turns with a task, which makes that rare, are not
 * modelled).
 */
#include "models/kernel/reclaim/aging.h"

#include "models/kernel/mm.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"

static bool is_kswapd(const struct task *t)
{
	return t->flags & TASK_KSWAPD;
}

static void inc_max_seq(struct kernel *k, struct lruvec *l, bool can_swap)
{
	struct lru_gens *g = l->gens;
	unsigned prev, next;

	for (unsigned type = NR_LRU_TYPES; type-- > 0;)
		if (lru_nr_gens(g, type) == MAX_NR_GENS)
			lru_gen_inc_min_seq(k, g, type, can_swap);
	prev = lru_gen_of_seq(g->max_seq - 1);
	next = lru_gen_of_seq(g->max_seq + 1);
	for (unsigned type = 0; type < NR_LRU_TYPES; type++)
		for (unsigned z = 0; z < NR_ZONES; z++) {
			int64_t delta = g->nr_pages[prev][type][z] - g->nr_pages[next][type][z];

			lru_gen_count(l, type, z, false, delta);
			lru_gen_count(l, type, z, true, -delta);
		}
	g->max_seq++;
}

struct table_walk {
	struct task *cur;
	struct lruvec *l;
	struct vma *vma;
	bool can_swap, force;
	struct ptable *table; /* the one it is in; several mappings may share it */
	bool looks;
	unsigned young, total;
};

/* walk_pmd_range: whether a walk of the hardware passed through the level-2 entry since the last look. */
static bool table_was_used(const struct table_walk *w, vaddr_t va)
{
	struct ptable *pmd = pgtable_table(&w->vma->mm->pt, va, 2);
	pte_t *e = &pmd->e[ptable_index(va, 2)];
	bool used = *e & PTE_ACCESSED;

	*e &= ~PTE_ACCESSED;
	return used;
}

/* walk_pmd_range: a table that was worth it is looked at the next time, too. */
static void leave_table(struct table_walk *w)
{
	if (w->table && w->looks && lru_gen_suits(w->total, w->young))
		ptable_note(w->table, w->l->node->nid, w->l->gens->max_seq + 1);
	w->table = NULL;
}

static void enter_table(struct table_walk *w, struct ptable *t, vaddr_t va)
{
	leave_table(w);
	w->table = t;
	w->young = w->total = 0;
	w->looks = table_was_used(w, va) &&
		   (w->force || ptable_is_noted(t, w->l->node->nid, w->l->gens->max_seq));
}

/* walk_pte_range, for the part of a table that one mapping covers. */
static void walk_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct table_walk *w = arg;
	struct kernel *k = w->cur->k;

	if (t->level != 1)
		return;
	if (t != w->table)
		enter_table(w, t, first);
	if (!w->looks)
		return;
	w->total += (unsigned)((last - first) >> PAGE_SHIFT);
	task_charge(w->cur, w->cur->reclaim_cause, ((last - first) >> PAGE_SHIFT) * k->cost.change_page / 8);
	for (vaddr_t va = first; va < last; va += PAGE_SIZE) {
		pte_t *e = &t->e[ptable_index(va, 1)];
		struct frame *f;

		if ((*e & (PTE_PRESENT | PTE_ACCESSED | PTE_SPECIAL)) != (PTE_PRESENT | PTE_ACCESSED))
			continue;
		f = frame_of(k->memory, page_head(k->memory, pte_pfn(*e)));
		if (frame_lruvec(k->memory, f) != w->l || (!frame_is_file_lru(f) && !w->can_swap))
			continue;
		*e &= ~PTE_ACCESSED;
		w->young++;
		lru_gen_promote(k, page_head(k->memory, pte_pfn(*e)));
	}
}

/* should_skip_vma */
static bool skip_vma(const struct table_walk *w, const struct vma *v)
{
	if (!vma_is_accessible(v) || v->flags & (VM_LOCKED | VM_SEQ_READ | VM_RAND_READ))
		return true;
	return !w->can_swap && (vma_is_anonymous(v) || v->file->shmem);
}

static void walk_mm(struct table_walk *w, struct mm *mm)
{
	for (size_t i = 0; i < mm->vmas.n; i++) {
		w->vma = mm->vmas.v[i];
		if (!skip_vma(w, w->vma))
			pgtable_for_each(&mm->pt, w->vma->start, w->vma->end, walk_table, w);
	}
	leave_table(w);
}

/* should_skip_mm */
static bool skip_mm(const struct table_walk *w, struct mm *mm)
{
	int64_t size = mm->rss[MM_FILEPAGES];
	uint64_t node = UINT64_C(1) << w->l->node->nid;

	if (!(mm->ran & node) && !w->force)
		return true;
	mm->ran &= ~node;
	if (w->can_swap)
		size += mm->rss[MM_ANONPAGES] + mm->rss[MM_SHMEMPAGES];
	return size < (int64_t)MIN_LRU_BATCH;
}

struct filter {
	unsigned nid;
	uint64_t seq;
};

static void forget_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	const struct filter *f = arg;

	(void)first;
	(void)last;
	if (t->level == 1)
		t->noted[f->seq & 1] &= ~(UINT64_C(1) << f->nid);
}

/* get_mm_list: whether the address space is one of the lists' group. */
static bool is_of(const struct mm *mm, const struct lruvec *l)
{
	return mm->memcg == (l->memcg ? l->memcg->id : 0);
}

/* reset_bloom_filter: what was noted for the iteration before this one gives way to the next one's. */
static void reset_filter(struct kernel *k, struct lruvec *l)
{
	struct filter f = {l->node->nid, l->gens->max_seq + 1};

	for (uint32_t i = 0; i < k->mms->n; i++)
		if (k->mms->mm[i] && k->mms->mm[i]->pt.root && is_of(k->mms->mm[i], l))
			pgtable_for_each(&k->mms->mm[i]->pt, 0, USER_ADDRESS_END, forget_table, &f);
}

/* iterate_mm_list, walk_mm: time passes behind each address space. */
static void walk_all(struct task *cur, struct lruvec *l, bool can_swap)
{
	struct mm_table *t = cur->k->mms;
	uint64_t node = UINT64_C(1) << l->node->nid;

	reset_filter(cur->k, l);
	for (uint32_t i = 0; i < t->n; i++) {
		struct mm *mm = t->mm[i];
		struct table_walk w = {.cur = cur, .l = l, .can_swap = can_swap};

		if (!mm || !mm->pt.root || !is_of(mm, l))
			continue;
		w.force = !(mm->walked & node); /* added after the last iteration */
		mm->walked |= node;
		if (skip_mm(&w, mm))
			continue;
		walk_mm(&w, mm);
		sched_sync(cur);
	}
}

static bool is_killed(const struct task *t)
{
	return t->process && t->process->killed;
}

/* Who comes while another walks goes on without a new generation, or waits for it when memory is short. */
static bool wait_for_walker(struct task *cur, const struct lruvec *l, const struct reclaim_request *r,
			    uint64_t max_seq)
{
	while (r->priority <= DEF_PRIORITY - 2 && max_seq >= l->gens->max_seq && !is_killed(cur))
		sched_wait(cur, WAIT_KEY(WAIT_AGING, l->node->nid), TICK_NEVER, false);
	return max_seq < l->gens->max_seq;
}

bool mglru_add_generation(struct task *cur, struct lruvec *l, const struct reclaim_request *r,
			  uint64_t max_seq, bool can_swap)
{
	struct lru_gens *g = l->gens;

	if (max_seq <= g->walked_seq)
		return wait_for_walker(cur, l, r, max_seq);
	if (is_kswapd(cur))
		g->kswapd_can_swap = can_swap;
	else
		cur->mm_walk = can_swap ? MM_WALK_ALL : MM_WALK_FILE;
	g->walked_seq++;
	walk_all(cur, l, can_swap);
	inc_max_seq(cur->k, l, can_swap);
	sched_wake(cur->k, WAIT_KEY(WAIT_AGING, l->node->nid), task_now(cur));
	return true;
}

/*
 * mglru.c - the multi-generational LRU.
 *
 * Modelled after mm/vmscan.c, Linux 6.1 (CONFIG_LRU_GEN, all capabilities on): lru_gen_shrink_lruvec,
 * get_nr_to_scan, should_run_aging, should_abort_scan, evict_folios, isolate_folios, scan_folios, sort_folio,
 * isolate_folio, try_to_inc_max_seq, iterate_mm_list, walk_mm, inc_max_seq, inc_min_seq, try_to_inc_min_seq,
 * lru_gen_age_node.
 *
 * Aging walks the page tables of address spaces that ran since, those tables only that a former walk or
 * look-around found worth it (the Bloom filter, here exact). Cost: O(pages scanned + entries walked).
 *
 * Not modelled: memory cgroups, min_ttl_ms, several walkers at a time, huge entries' accessed bits, the Bloom
 * filter's false hits, that it keeps what was noted when an iteration meets no address space that ran (kernel
 * threads that take turns with a task are not modelled, so that would happen too often here).
 */
#include "models/kernel/lrugen.h"
#include "models/kernel/mm.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"

static bool is_kswapd(const struct task *t)
{
	return t->flags & TASK_KSWAPD;
}

static unsigned nr_gens(const struct lru_gens *g, unsigned type)
{
	return (unsigned)(g->max_seq - g->min_seq[type] + 1);
}

/* get_swappiness */
static uint64_t swappiness_of(const struct task *cur)
{
	return swap_free_slots(cur->k->swap) < MIN_LRU_BATCH ? 0 : cur->k->params.swappiness;
}

/* ---- aging ---- */

/* inc_min_seq: what is left of the oldest generation joins the next. */
static void inc_min_seq(struct kernel *k, struct lru_gens *g, unsigned type, bool can_swap)
{
	unsigned old = lru_gen_of_seq(g->min_seq[type]);

	if (type == LRU_GEN_FILE || can_swap)
		for (unsigned z = 0; z < NR_ZONES; z++)
			while (g->list[old][type][z].last != PFN_NONE)
				(void)lru_gen_postpone(k, g->list[old][type][z].last, false, true);
	lru_gen_carry_over(g, type);
	g->min_seq[type]++;
}

static bool try_to_inc_min_seq(struct lru_gens *g, bool can_swap)
{
	uint64_t min_seq[NR_LRU_TYPES] = {g->min_seq[0], g->min_seq[1]};
	bool success = false;

	for (unsigned type = !can_swap; type < NR_LRU_TYPES; type++)
		while (min_seq[type] + MIN_NR_GENS <= g->max_seq) {
			bool empty = true;

			for (unsigned z = 0; z < NR_ZONES; z++)
				empty &= g->list[lru_gen_of_seq(min_seq[type])][type][z].last == PFN_NONE;
			if (!empty)
				break;
			min_seq[type]++;
		}
	if (can_swap) {
		min_seq[LRU_GEN_ANON] = MIN_OF(min_seq[LRU_GEN_ANON], min_seq[LRU_GEN_FILE]);
		min_seq[LRU_GEN_FILE] = MAX_OF(min_seq[LRU_GEN_ANON], g->min_seq[LRU_GEN_FILE]);
	}
	for (unsigned type = !can_swap; type < NR_LRU_TYPES; type++)
		if (min_seq[type] != g->min_seq[type]) {
			lru_gen_carry_over(g, type);
			g->min_seq[type] = min_seq[type];
			success = true;
		}
	return success;
}

static void inc_max_seq(struct kernel *k, struct node *n, bool can_swap)
{
	struct lru_gens *g = n->lruvec.gens;
	unsigned prev, next;

	for (unsigned type = NR_LRU_TYPES; type-- > 0;)
		if (nr_gens(g, type) == MAX_NR_GENS)
			inc_min_seq(k, g, type, can_swap);
	prev = lru_gen_of_seq(g->max_seq - 1);
	next = lru_gen_of_seq(g->max_seq + 1);
	for (unsigned type = 0; type < NR_LRU_TYPES; type++)
		for (unsigned z = 0; z < NR_ZONES; z++) {
			int64_t delta = g->nr_pages[prev][type][z] - g->nr_pages[next][type][z];

			lru_gen_count(k, n, type, z, false, delta);
			lru_gen_count(k, n, type, z, true, -delta);
		}
	g->max_seq++;
}

struct table_walk {
	struct task *cur;
	struct node *n;
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
		ptable_note(w->table, w->n->nid, w->n->lruvec.gens->max_seq + 1);
	w->table = NULL;
}

static void enter_table(struct table_walk *w, struct ptable *t, vaddr_t va)
{
	leave_table(w);
	w->table = t;
	w->young = w->total = 0;
	w->looks = table_was_used(w, va) &&
		   (w->force || ptable_is_noted(t, w->n->nid, w->n->lruvec.gens->max_seq));
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
		if (f->nid != w->n->nid || (!frame_is_file_lru(f) && !w->can_swap))
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
	uint64_t node = UINT64_C(1) << w->n->nid;

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

/* reset_bloom_filter: what was noted for the iteration before this one gives way to the next one's. */
static void reset_filter(struct kernel *k, struct node *n)
{
	struct filter f = {n->nid, n->lruvec.gens->max_seq + 1};

	for (uint32_t i = 0; i < k->mms->n; i++)
		if (k->mms->mm[i] && k->mms->mm[i]->pt.root)
			pgtable_for_each(&k->mms->mm[i]->pt, 0, USER_ADDRESS_END, forget_table, &f);
}

/* try_to_inc_max_seq with iterate_mm_list. */
static bool age(struct task *cur, struct node *n, uint64_t max_seq, bool can_swap)
{
	struct lru_gens *g = n->lruvec.gens;
	struct mm_table *t = cur->k->mms;
	uint64_t node = UINT64_C(1) << n->nid;

	if (max_seq <= g->walked_seq)
		return max_seq < g->max_seq;
	if (is_kswapd(cur))
		g->kswapd_can_swap = can_swap;
	else
		cur->mm_walk = can_swap ? MM_WALK_ALL : MM_WALK_FILE;
	reset_filter(cur->k, n);
	for (uint32_t i = 0; i < t->n; i++) {
		struct mm *mm = t->mm[i];
		struct table_walk w = {.cur = cur, .n = n, .can_swap = can_swap};

		if (!mm || !mm->pt.root)
			continue;
		w.force = !(mm->walked & node); /* added after the last iteration */
		mm->walked |= node;
		if (!skip_mm(&w, mm))
			walk_mm(&w, mm);
	}
	g->walked_seq++;
	inc_max_seq(cur->k, n, can_swap);
	return true;
}

static bool should_run_aging(const struct node *n, const struct reclaim_request *r, bool can_swap,
			     uint64_t *nr_to_scan)
{
	const struct lru_gens *g = n->lruvec.gens;
	uint64_t old = 0, young = 0, total = 0, oldest = g->min_seq[!can_swap];

	for (unsigned type = !can_swap; type < NR_LRU_TYPES; type++)
		for (uint64_t seq = g->min_seq[type]; seq <= g->max_seq; seq++) {
			uint64_t size = 0;

			for (unsigned z = 0; z < NR_ZONES; z++)
				size += (uint64_t)MAX_OF(g->nr_pages[lru_gen_of_seq(seq)][type][z],
							 (int64_t)0);
			total += size;
			if (seq == g->max_seq)
				young += size;
			else if (seq + MIN_NR_GENS == g->max_seq)
				old += size;
		}
	*nr_to_scan = total >> r->priority;
	if (oldest + MIN_NR_GENS != g->max_seq)
		return oldest + MIN_NR_GENS > g->max_seq;
	return young * MIN_NR_GENS > total || old * (MIN_NR_GENS + 2) < total;
}

/* lru_gen_age_node, of kswapd. */
static void mglru_age(struct task *cur, struct node *n, struct reclaim_request *r)
{
	uint64_t swappiness = swappiness_of(cur), nr_to_scan;

	r->last_reclaimed = r->nr_reclaimed;
	if (!r->needs_aging) {
		r->needs_aging = true;
		return;
	}
	if (should_run_aging(n, r, swappiness, &nr_to_scan))
		(void)age(cur, n, n->lruvec.gens->max_seq, swappiness);
}

/* ---- eviction ---- */

struct scan {
	struct task *cur;
	struct node *n;
	const struct reclaim_request *r;
	unsigned type, tier;
	struct frame_list list; /* isolated */
	uint64_t sorted, isolated;
};

/* sort_folio: true when the page is not to be evicted now and was put where it belongs. */
static bool sort_page(struct scan *s, pfn_t pfn, struct frame *f)
{
	struct kernel *k = s->cur->k;
	struct lru_gens *g = s->n->lruvec.gens;
	unsigned refs = frame_lru_refs(f), tier = lru_tier(refs);

	if (f->flags & FR_MLOCKED)
		return false;
	if (s->type == LRU_GEN_FILE && (f->flags & (FR_ANON | FR_DIRTY)) == (FR_ANON | FR_DIRTY)) {
		lru_gen_del(k, pfn, true); /* lazily freed and written again */
		f->flags |= FR_SWAPBACKED;
		lru_gen_add(k, pfn, true);
	} else if ((unsigned)frame_lru_gen(f) != lru_gen_of_seq(g->min_seq[s->type])) {
		lru_gen_settle(k, pfn);
	} else if (tier > s->tier || refs == LRU_REFS_MAX + 1) {
		(void)lru_gen_postpone(k, pfn, false, true);
		g->protected[s->type][tier - 1] += frame_nr_pages(f);
		node_stat_add(s->n,
			      s->type == LRU_GEN_FILE ? NR_WORKINGSET_ACTIVATE_FILE
						      : NR_WORKINGSET_ACTIVATE_ANON,
			      frame_nr_pages(f));
	} else if (f->zid > s->r->reclaim_idx) {
		(void)lru_gen_postpone(k, pfn, false, true);
	} else if (f->flags & (FR_LOCKED | FR_WRITEBACK) ||
		   (s->type == LRU_GEN_FILE && f->flags & FR_DIRTY)) {
		(void)lru_gen_postpone(k, pfn, true, false);
	} else {
		return false;
	}
	return true;
}

/* isolate_folio */
static bool isolate_page(struct scan *s, pfn_t pfn, struct frame *f)
{
	if (!s->r->may_unmap && f->mapcount)
		return false;
	if (!(s->r->may_writepage && s->r->gfp & GFP_BIT_IO) &&
	    (f->flags & FR_DIRTY || (f->flags & FR_ANON && !(f->flags & FR_SWAPCACHE))))
		return false;
	f->refs++;
	if (!(f->flags & FR_REFERENCED)) {
		f->flags &= ~(uint32_t)FR_WORKINGSET;
		f->gen &= ~(LRU_REFS_MAX << 8);
	}
	f->flags &= ~(uint32_t)(FR_RECLAIM | FR_REFERENCED);
	lru_gen_del(s->cur->k, pfn, true);
	f->flags |= FR_ISOLATED;
	frame_list_push(&s->cur->k->memory->frames, &s->list, pfn);
	return true;
}

/* scan_folios of one zone's list; false when enough was seen. */
static bool scan_zone(struct scan *s, unsigned zone, uint64_t *remaining, uint64_t *scanned)
{
	struct memory *m = s->cur->k->memory;
	struct lru_gens *g = s->n->lruvec.gens;
	struct frame_list *head = &g->list[lru_gen_of_seq(g->min_seq[s->type])][s->type][zone], moved;
	uint64_t skipped = 0;
	pfn_t pfn;

	frame_list_init(&moved);
	while ((pfn = head->last) != PFN_NONE) {
		struct frame *f = frame_of(m, pfn);
		uint64_t n = frame_nr_pages(f);

		*scanned += n;
		if (sort_page(s, pfn, f)) {
			s->sorted += n;
		} else if (isolate_page(s, pfn, f)) {
			s->isolated += n;
		} else {
			frame_list_del(&m->frames, head, pfn);
			frame_list_push(&m->frames, &moved, pfn);
			skipped += n;
		}
		if (!--*remaining || MAX_OF(s->isolated, skipped) >= MIN_LRU_BATCH)
			break;
	}
	if (skipped) {
		vm_event(m, (enum vm_event)(VMEV_PGSCAN_SKIP_DMA + zone), skipped);
		frame_list_splice(&m->frames, &moved, head);
		*head = moved;
	}
	return *remaining && s->isolated < MIN_LRU_BATCH;
}

static uint64_t scan_type(struct scan *s)
{
	struct memory *m = s->cur->k->memory;
	uint64_t remaining = MAX_LRU_BATCH, scanned = 0;

	s->sorted = s->isolated = 0;
	if (nr_gens(s->n->lruvec.gens, s->type) == MIN_NR_GENS)
		return 0;
	for (unsigned i = NR_ZONES; i > 0; i--)
		if (!scan_zone(s, ((unsigned)s->r->reclaim_idx + i) % NR_ZONES, &remaining, &scanned))
			break;
	vm_event(m, is_kswapd(s->cur) ? VMEV_PGSCAN_KSWAPD : VMEV_PGSCAN_DIRECT, s->isolated);
	vm_event(m, VMEV_PGREFILL, s->sorted);
	vm_event(m, s->type == LRU_GEN_FILE ? VMEV_PGSCAN_FILE : VMEV_PGSCAN_ANON, s->isolated);
	return s->isolated || !remaining ? scanned : 0;
}

/* isolate_folios */
static uint64_t isolate_pages(struct scan *s, uint64_t swappiness)
{
	const struct lru_gens *g = s->n->lruvec.gens;
	bool chosen = false;
	uint64_t scanned = 0;

	if (!swappiness || swappiness == 1)
		s->type = swappiness && g->min_seq[LRU_GEN_ANON] < g->min_seq[LRU_GEN_FILE] ? LRU_GEN_ANON
											    : LRU_GEN_FILE;
	else if (g->min_seq[LRU_GEN_ANON] < g->min_seq[LRU_GEN_FILE] || swappiness == 200)
		s->type = LRU_GEN_ANON;
	else {
		s->type = lru_gen_choose_type(g, swappiness, &s->tier);
		chosen = true;
	}
	for (unsigned i = !swappiness; i < NR_LRU_TYPES; i++) {
		if (!chosen)
			s->tier = lru_gen_last_tier(g, s->type);
		scanned = scan_type(s);
		if (scanned)
			break;
		s->type = !s->type;
		chosen = false;
	}
	return scanned;
}

/* What evict_folios does with the pages that were kept: those that may be tried once more go to `again`. */
static void sort_kept(struct scan *s, struct frame_list *again, bool retried)
{
	struct frames *m = &s->cur->k->memory->frames;
	pfn_t pfn, prev;

	for (pfn = s->list.last; pfn != PFN_NONE; pfn = prev) {
		struct frame *f = &m->f[pfn];

		prev = f->prev;
		if (f->flags & FR_MLOCKED)
			continue;
		if (f->flags & FR_RECLAIM && f->flags & (FR_DIRTY | FR_WRITEBACK)) {
			if (f->flags & FR_WORKINGSET)
				f->flags |= FR_REFERENCED;
		} else if (retried || f->mapcount ||
			   f->flags & (FR_ACTIVE | FR_REFERENCED | FR_LOCKED | FR_DIRTY | FR_WRITEBACK)) {
			f->flags = (f->flags & ~(uint32_t)(FR_REFERENCED | FR_WORKINGSET)) | FR_ACTIVE;
			f->gen &= ~(LRU_REFS_MAX << 8);
		} else {
			frame_list_del(m, &s->list, pfn);
			frame_list_push(m, again, pfn);
		}
	}
}

static uint64_t evict(struct task *cur, struct node *n, struct reclaim_request *r, uint64_t swappiness,
		      bool *swaps)
{
	struct memory *m = cur->k->memory;
	struct lru_gens *g = n->lruvec.gens;
	struct scan s = {.cur = cur, .n = n, .r = r};
	struct frame_list again;
	struct shrink_stat stat;
	uint64_t scanned, reclaimed;
	bool retried = false;

	frame_list_init(&s.list);
	scanned = isolate_pages(&s, swappiness);
	scanned += try_to_inc_min_seq(g, swappiness);
	if (nr_gens(g, !swappiness) == MIN_NR_GENS)
		scanned = 0;
	while (s.list.last != PFN_NONE) {
		reclaimed = shrink_page_list(cur, &s.list, n, r, &stat, false);
		r->nr_reclaimed += reclaimed;
		frame_list_init(&again);
		sort_kept(&s, &again, retried);
		putback_list(cur, &s.list, n);
		vm_event(m, is_kswapd(cur) ? VMEV_PGSTEAL_KSWAPD : VMEV_PGSTEAL_DIRECT, reclaimed);
		vm_event(m, s.type == LRU_GEN_FILE ? VMEV_PGSTEAL_FILE : VMEV_PGSTEAL_ANON, reclaimed);
		s.list = again;
		retried = true;
	}
	*swaps |= retried && s.type == LRU_GEN_ANON;
	return scanned;
}

/* get_nr_to_scan */
static uint64_t pages_to_scan(struct task *cur, struct node *n, const struct reclaim_request *r,
			      bool can_swap, bool *needs_aging)
{
	const struct lru_gens *g = n->lruvec.gens;
	uint64_t max_seq = g->max_seq, oldest = g->min_seq[!can_swap], nr;

	*needs_aging = should_run_aging(n, r, can_swap, &nr);
	if (!*needs_aging)
		return nr;
	if (r->priority != DEF_PRIORITY) {
		if (is_kswapd(cur)) /* left to mglru_age */
			return 0;
		if (age(cur, n, max_seq, can_swap))
			return nr;
	}
	return oldest + MIN_NR_GENS <= max_seq ? nr : 0;
}

/* should_abort_scan */
static bool should_abort(struct task *cur, struct node *n, uint64_t seq, struct reclaim_request *r,
			 bool swaps)
{
	if (!is_kswapd(cur)) {
		if (n->lruvec.gens->max_seq - seq > 1 || (r->nr_reclaimed >= r->nr_to_reclaim && swaps))
			return true;
	} else if (r->nr_reclaimed - r->last_reclaimed < r->nr_to_reclaim) {
		return false;
	}
	if (r->priority > DEF_PRIORITY - 2)
		return false;
	for (int i = 0; i <= r->reclaim_idx; i++) {
		const struct zone *z = &n->zone[i];

		if (z->managed && zone_wmark(z, is_kswapd(cur) ? WMARK_HIGH : WMARK_LOW) > zone_free_pages(z))
			return false;
	}
	r->nr_reclaimed += MIN_LRU_BATCH;
	return true;
}

static void mglru_shrink(struct task *cur, struct node *n, struct reclaim_request *r)
{
	uint64_t scanned = 0, before = r->nr_reclaimed, seq = n->lruvec.gens->max_seq;
	bool needs_aging = false, swaps = false, whole = false;
	struct swap_plug plug;

	lru_drain(cur);
	swap_plug_start(cur, &plug);
	for (;;) {
		uint64_t swappiness = swappiness_of(cur), nr, delta;

		if (!r->may_swap && swappiness)
			swappiness = 1;
		nr = pages_to_scan(cur, n, r, swappiness, &needs_aging);
		delta = nr ? evict(cur, n, r, swappiness, &swaps) : 0;
		if (!delta)
			break;
		scanned += delta;
		whole = scanned >= nr || should_abort(cur, n, seq, r, swaps);
		if (whole)
			break;
		sched_cond(cur);
	}
	if (whole && r->nr_reclaimed - before >= MIN_LRU_BATCH && !needs_aging)
		r->needs_aging = false;
	cur->mm_walk = MM_WALK_NONE;
	swap_plug_finish(cur, &plug);
}

static void mglru_prepare(struct task *cur, struct node *n, struct reclaim_request *r)
{
	(void)cur;
	(void)n;
	(void)r;
}

static void mglru_finish(struct node *n)
{
	(void)n;
}

static void mglru_setup(struct kernel *k)
{
	for (unsigned i = 0; i < k->memory->nr_nodes; i++)
		k->memory->node[i].lruvec.gens = lru_gens_new();
}

const struct reclaim_ops reclaim_mglru_ops = {
	.name = "mglru",
	.sentence = "generations, aged by walking page tables (lru_gen of Linux 6.1)",
	.setup = mglru_setup,
	.prepare = mglru_prepare,
	.shrink = mglru_shrink,
	.age = mglru_age,
	.finish = mglru_finish,
};

/*
 * mglru.c - the multi-generational LRU.
 *
 * Modelled after mm/vmscan.c, Linux 6.1 (CONFIG_LRU_GEN, all capabilities on): lru_gen_shrink_lruvec,
 * get_nr_to_scan, should_run_aging, should_abort_scan, evict_folios, isolate_folios, scan_folios, sort_folio,
 * isolate_folio, try_to_inc_min_seq, lru_gen_age_node. Making a new generation: aging.c. Cost: O(pages
 * scanned).
 *
 * Not modelled: min_ttl_ms.
 */
#include "models/kernel/lrugen.h"
#include "models/kernel/mm.h"
#include "models/kernel/reclaim/aging.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"
#include "models/kernel/swap_cgroup.h"

static bool is_kswapd(const struct task *t)
{
	return t->flags & TASK_KSWAPD;
}

/* get_swappiness */
static uint64_t swappiness_of(const struct task *cur, const struct lruvec *l, const struct reclaim_request *r)
{
	if (swap_cgroup_room(l->memcg, swap_free_slots(cur->k->swap)) < MIN_LRU_BATCH &&
	    !reclaim_can_demote(cur->k, l->node, r))
		return 0;
	return memcg_swappiness(cur->k, l->memcg);
}

/* ---- aging ---- */

static bool should_run_aging(const struct lruvec *l, const struct reclaim_request *r, bool can_swap,
			     uint64_t *nr_to_scan)
{
	const struct lru_gens *g = l->gens;
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

/* age_lruvec */
static void age_lists(struct task *cur, struct lruvec *l, const struct reclaim_request *r)
{
	uint64_t swappiness = swappiness_of(cur, l, r), nr_to_scan;

	memcg_calculate_protection(cur->k, NULL, l->memcg);
	if (!memcg_below_min(l->memcg) && should_run_aging(l, r, swappiness, &nr_to_scan))
		(void)mglru_add_generation(cur, l, r, l->gens->max_seq, swappiness);
}

/* lru_gen_age_node, of kswapd. */
static void mglru_age(struct task *cur, struct node *n, struct reclaim_request *r)
{
	struct lruvec *l = NULL;

	r->last_reclaimed = r->nr_reclaimed;
	if (!r->needs_aging) {
		r->needs_aging = true;
		return;
	}
	while ((l = memcg_next(cur->k, n, NULL, l))) {
		age_lists(cur, l, r);
		if (cur->k->memcgs)
			sched_cond(cur);
	}
}

/* ---- eviction ---- */

struct scan {
	struct task *cur;
	struct lruvec *l;
	const struct reclaim_request *r;
	unsigned type, tier;
	struct frame_list list; /* isolated */
	uint64_t sorted, isolated;
};

/* sort_folio: true when the page is not to be evicted now and was put where it belongs. */
static bool sort_page(struct scan *s, pfn_t pfn, struct frame *f)
{
	struct kernel *k = s->cur->k;
	struct lru_gens *g = s->l->gens;
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
		lruvec_stat_add(s->l,
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
	struct lru_gens *g = s->l->gens;
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
	if (lru_nr_gens(s->l->gens, s->type) == MIN_NR_GENS)
		return 0;
	for (unsigned i = NR_ZONES; i > 0; i--)
		if (!scan_zone(s, ((unsigned)s->r->reclaim_idx + i) % NR_ZONES, &remaining, &scanned))
			break;
	reclaim_event(m, s->l, s->r, is_kswapd(s->cur) ? VMEV_PGSCAN_KSWAPD : VMEV_PGSCAN_DIRECT,
		      s->isolated);
	reclaim_event(m, s->l, s->r, VMEV_PGREFILL, s->sorted);
	vm_event(m, s->type == LRU_GEN_FILE ? VMEV_PGSCAN_FILE : VMEV_PGSCAN_ANON, s->isolated);
	return s->isolated || !remaining ? scanned : 0;
}

/* isolate_folios */
static uint64_t isolate_pages(struct scan *s, uint64_t swappiness)
{
	const struct lru_gens *g = s->l->gens;
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

static uint64_t evict(struct task *cur, struct lruvec *l, struct reclaim_request *r, uint64_t swappiness,
		      bool *swaps)
{
	struct memory *m = cur->k->memory;
	struct lru_gens *g = l->gens;
	struct scan s = {.cur = cur, .l = l, .r = r};
	struct frame_list again;
	struct shrink_stat stat;
	uint64_t scanned, reclaimed;
	bool retried = false;

	frame_list_init(&s.list);
	scanned = isolate_pages(&s, swappiness);
	scanned += lru_gen_try_to_inc_min_seq(g, swappiness);
	if (lru_nr_gens(g, !swappiness) == MIN_NR_GENS)
		scanned = 0;
	while (s.list.last != PFN_NONE) {
		reclaimed = shrink_page_list(cur, &s.list, l->node, r, &stat, false);
		r->nr_reclaimed += reclaimed;
		frame_list_init(&again);
		sort_kept(&s, &again, retried);
		putback_list(cur, &s.list, l);
		reclaim_event(m, l, r, is_kswapd(cur) ? VMEV_PGSTEAL_KSWAPD : VMEV_PGSTEAL_DIRECT, reclaimed);
		vm_event(m, s.type == LRU_GEN_FILE ? VMEV_PGSTEAL_FILE : VMEV_PGSTEAL_ANON, reclaimed);
		s.list = again;
		retried = true;
	}
	*swaps |= retried && s.type == LRU_GEN_ANON;
	return scanned;
}

/* get_nr_to_scan */
static uint64_t pages_to_scan(struct task *cur, struct lruvec *l, const struct reclaim_request *r,
			      bool can_swap, bool *needs_aging)
{
	const struct lru_gens *g = l->gens;
	uint64_t max_seq = g->max_seq, oldest = g->min_seq[!can_swap], nr;

	if (memcg_below_min(l->memcg) || (memcg_below_low(l->memcg) && !r->low_reclaim))
		return 0;
	*needs_aging = should_run_aging(l, r, can_swap, &nr);
	if (!*needs_aging)
		return nr;
	if (r->priority != DEF_PRIORITY) {
		if (is_kswapd(cur)) /* left to mglru_age */
			return 0;
		if (mglru_add_generation(cur, l, r, max_seq, can_swap))
			return nr;
	}
	return oldest + MIN_NR_GENS <= max_seq ? nr : 0;
}

/* should_abort_scan */
static bool should_abort(struct task *cur, struct lruvec *l, uint64_t seq, struct reclaim_request *r,
			 bool swaps)
{
	if (!is_kswapd(cur)) {
		if (l->gens->max_seq - seq > 1 || (r->nr_reclaimed >= r->nr_to_reclaim && swaps))
			return true;
		if (r->target)
			return false;
	} else if (r->nr_reclaimed - r->last_reclaimed < r->nr_to_reclaim) {
		return false;
	}
	if (r->priority > DEF_PRIORITY - 2)
		return false;
	for (int i = 0; i <= r->reclaim_idx; i++) {
		const struct zone *z = &l->node->zone[i];

		if (z->managed && zone_wmark(z, is_kswapd(cur) ? WMARK_HIGH : WMARK_LOW) > zone_free_pages(z))
			return false;
	}
	r->nr_reclaimed += MIN_LRU_BATCH;
	return true;
}

static void mglru_shrink(struct task *cur, struct lruvec *l, struct reclaim_request *r)
{
	uint64_t scanned = 0, before = r->nr_reclaimed, seq = l->gens->max_seq;
	bool needs_aging = false, swaps = false, whole = false;
	struct swap_plug plug;

	lru_drain(cur);
	swap_plug_start(cur, &plug);
	for (;;) {
		uint64_t swappiness = swappiness_of(cur, l, r), nr, delta;

		if (!r->may_swap && swappiness)
			swappiness = r->target ? 0 : 1;
		nr = pages_to_scan(cur, l, r, swappiness, &needs_aging);
		delta = nr ? evict(cur, l, r, swappiness, &swaps) : 0;
		if (!delta)
			break;
		scanned += delta;
		whole = scanned >= nr || should_abort(cur, l, seq, r, swaps);
		if (whole)
			break;
		sched_cond(cur);
	}
	if (whole && r->nr_reclaimed - before >= MIN_LRU_BATCH && !needs_aging)
		r->needs_aging = false;
	cur->mm_walk = MM_WALK_NONE;
	swap_plug_finish(cur, &plug);
}

static void mglru_prepare(struct task *cur, struct lruvec *l, struct reclaim_request *r)
{
	(void)cur;
	(void)l;
	(void)r;
}

static void mglru_finish(struct lruvec *l)
{
	(void)l;
}

static void mglru_setup(struct kernel *k)
{
	for (unsigned i = 0; i < k->memory->nr_nodes; i++)
		for (struct lruvec *l = NULL; (l = memcg_next(k, &k->memory->node[i], NULL, l));)
			l->gens = lru_gens_new();
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

/*
 * compact.c - compaction of zones, by allocating tasks; kcompactd's part is compact/kcompactd.c.
 *
 * Modelled after mm/compaction.c of Linux 6.1: compact_zone, compact_finished, compaction_suitable,
 * try_to_compact_pages, defer_compaction, compaction_deferred, compaction_defer_reset,
 * __reset_isolation_suitable, fragmentation_score_node; mm/page_alloc.c should_compact_retry;
 * mm/vmstat.c extfrag_for_order.
 *
 * Two scanners (compact/source.c, compact/free.c) run towards each other; pages that one finds move to frames
 * that the other finds. The pass ends when a block of the wanted order is free or the scanners meet. Where
 * compaction failed for an order, the next 1, 2, … 64 requests of it are deferred.
 *
 * Not modelled: capturing the block the moment it becomes whole (the request takes it from the free lists),
 * lock contention, compaction asked for through /proc/sys/vm/compact_memory.
 */
#include "models/kernel/compact.h"

#include "models/kernel/buddy.h"
#include "models/kernel/compact/scan.h"
#include "models/kernel/lru.h"
#include "models/kernel/reclaim.h"
#include "models/kernel/sched.h"

#define COMPACT_MAX_DEFER_SHIFT 6u
#define MAX_COMPACT_RETRIES     16u
#define COSTLY_ORDER            3u

/* ---- putting off ---- */

void compact_defer(struct zone *z, unsigned order)
{
	struct zone_compact *zc = &z->compact;

	zc->considered = 0;
	zc->defer_shift = MIN_OF(zc->defer_shift + 1, COMPACT_MAX_DEFER_SHIFT);
	zc->order_failed = MIN_OF(zc->order_failed, order);
}

bool compact_is_deferred(struct zone *z, unsigned order)
{
	struct zone_compact *zc = &z->compact;
	unsigned limit = 1u << zc->defer_shift;

	if (order < zc->order_failed)
		return false;
	if (++zc->considered >= limit) {
		zc->considered = limit;
		return false;
	}
	return true;
}

void compact_defer_reset(struct zone *z, unsigned order, bool success)
{
	struct zone_compact *zc = &z->compact;

	if (success)
		zc->considered = zc->defer_shift = 0;
	if (order >= zc->order_failed)
		zc->order_failed = order + 1;
}

void compact_succeeded(struct zone *z, unsigned order)
{
	z->compact.flush = false;
	compact_defer_reset(z, order, true);
}

static bool is_restarting(const struct zone *z, unsigned order)
{
	const struct zone_compact *zc = &z->compact;

	return order >= zc->order_failed && zc->defer_shift == COMPACT_MAX_DEFER_SHIFT &&
	       zc->considered >= 1u << zc->defer_shift;
}

/* ---- what was skipped ---- */

/* __reset_isolation_pfn: clears the mark of pfn's block when it holds a page (source) or free memory (target)
 * at a look at every eighth frame. */
static bool unmark(struct memory *m, struct zone *z, pfn_t pfn, bool source, bool target)
{
	const struct frame *h = frame_of(m, page_head(m, pfn));
	pfn_t first = MAX_OF(block_of(pfn), z->start), last = MIN_OF(block_end(pfn), z->end) - 1;

	if (h->flags & FR_HEAD && h->order >= PAGEBLOCK_ORDER)
		return false;
	if (source && target && !*block_skip(z, pfn))
		return true;
	if (!source && target && buddy_pageblock_type(z, pfn) != MIGRATE_MOVABLE)
		return false;
	for (pfn_t p = first; p <= last; p += 1u << COSTLY_ORDER) {
		const struct frame *f = frame_of(m, p);

		if ((source && f->flags & FR_LRU) || (target && f->flags & FR_BUDDY)) {
			*block_skip(z, pfn) = 0;
			return true;
		}
	}
	return false;
}

static void forget_skips(struct task *cur, struct zone *z)
{
	struct memory *m = cur->k->memory;
	struct zone_compact *zc = &z->compact;
	pfn_t up = z->start, down = z->end - 1, migrate = down, free = up;
	bool source = false, target = false;

	if (!zc->flush)
		return;
	zc->flush = false;
	for (; up < down; up += PAGEBLOCK_PAGES, down -= MIN_OF(down, PAGEBLOCK_PAGES)) {
		sched_cond(cur);
		if (unmark(m, z, up, true, source) && up < migrate) {
			source = true;
			migrate = zc->init_migrate_pfn = zc->migrate_pfn[0] = zc->migrate_pfn[1] = up;
		}
		if (unmark(m, z, down, target, true) && down > free) {
			target = true;
			free = zc->init_free_pfn = zc->free_pfn = down;
		}
	}
	if (migrate >= free) {
		zc->migrate_pfn[0] = zc->migrate_pfn[1] = up;
		zc->free_pfn = down;
	}
}

void compact_forget_skips(struct task *cur, struct node *n)
{
	for (unsigned i = 0; i < NR_ZONES; i++)
		if (n->zone[i].managed)
			forget_skips(cur, &n->zone[i]);
}

/* ---- is it worth it, is it over ---- */

static enum compact_result suitable_with(const struct zone *z, unsigned order, unsigned alloc_flags,
					 enum zone_id highest, uint64_t free)
{
	uint64_t mark = zone_wmark(z, (enum watermark)(alloc_flags & ALLOC_WMARK_MASK));

	if (zone_watermark_ok(z, order, mark, highest, alloc_flags, zone_free_pages(z)))
		return COMPACT_SUCCESS;
	mark = zone_wmark(z, order > COSTLY_ORDER ? WMARK_LOW : WMARK_MIN) + (2u << order); /* compact_gap */
	return zone_watermark_ok(z, 0, mark, highest, 0, free) ? COMPACT_CONTINUE : COMPACT_SKIPPED;
}

enum compact_result compact_suitable(const struct kernel *k, const struct zone *z, unsigned order,
				     unsigned alloc_flags, enum zone_id highest)
{
	enum compact_result r = suitable_with(z, order, alloc_flags, highest, zone_free_pages(z));
	int index;

	if (r != COMPACT_CONTINUE || order <= COSTLY_ORDER)
		return r;
	index = buddy_fragmentation_index(z, order);
	return index >= 0 && index <= (int)k->params.extfrag_threshold ? COMPACT_SKIPPED : r;
}

static unsigned score_zone(const struct zone *z)
{
	uint64_t free = 0, suitable = 0;

	for (unsigned o = 0; o < NR_ORDERS; o++) {
		free += z->area[o].nr_free << o;
		suitable += o >= PAGEBLOCK_ORDER ? z->area[o].nr_free << o : 0;
	}
	return free ? (unsigned)((free - suitable) * 100 / free) : 0;
}

unsigned compact_score(const struct node *n)
{
	uint64_t score = 0;

	for (unsigned i = 0; i < NR_ZONES; i++)
		score += n->zone[i].present * score_zone(&n->zone[i]) / (n->present_pages + 1);
	return (unsigned)score;
}

/* fragmentation_score_wmark */
unsigned compact_score_mark(const struct kernel *k, bool low)
{
	unsigned mark = (unsigned)MAX_OF(100 - k->params.compaction_proactiveness, (uint64_t)5);

	return low ? mark : MIN_OF(mark + 10, 100u);
}

bool compact_kswapd_runs(const struct node *n)
{
	return n->kswapd && n->kswapd->state != TASK_SLEEPING;
}

/* Whether a request would find a block (find_suitable_fallback with only_stealable). */
static bool block_is_free(const struct compaction *c)
{
	static const enum migratetype others[NR_PCP_TYPES][2] = {
		[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
		[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
		[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
	};

	for (unsigned o = (unsigned)c->order; o < NR_ORDERS; o++) {
		const struct free_area *a = &c->z->area[o];
		bool steal = o >= PAGEBLOCK_ORDER / 2 || c->mt != MIGRATE_MOVABLE;

		if (a->list[c->mt].first != PFN_NONE)
			return true;
		for (unsigned i = 0; i < 2; i++)
			if (steal && a->list[others[c->mt][i]].first != PFN_NONE)
				return true;
	}
	return false;
}

static enum compact_result finished(struct compaction *c)
{
	struct zone_compact *zc = &c->z->compact;

	if (scanners_met(c)) {
		zc->migrate_pfn[0] = zc->migrate_pfn[1] = c->z->start;
		zc->free_pfn = block_of(c->z->end - 1);
		if (c->direct)
			zc->flush = true;
		return c->whole_zone ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
	}
	if (c->proactive) {
		if (compact_kswapd_runs(&c->k->memory->node[c->z->nid]))
			return COMPACT_PARTIAL_SKIPPED;
		return score_zone(c->z) > compact_score_mark(c->k, true) ? COMPACT_CONTINUE : COMPACT_SUCCESS;
	}
	if (c->migrate_pfn != block_of(c->migrate_pfn) || !block_is_free(c))
		return COMPACT_CONTINUE;
	return COMPACT_SUCCESS;
}

/* ---- one zone ---- */

static pfn_t target(void *arg, struct task *cur, unsigned i)
{
	struct compaction *c = arg;
	pfn_t pfn;

	(void)i;
	if (!c->free.n)
		compact_find_free(c);
	pfn = frame_list_pop(&cur->k->memory->frames, &c->free);
	if (pfn != PFN_NONE)
		frame_of(cur->k->memory, pfn)->refs = 1;
	return pfn;
}

static void untarget(void *arg, struct task *cur, pfn_t pfn)
{
	struct compaction *c = arg;

	frame_of(cur->k->memory, pfn)->refs = 0;
	frame_list_push(&cur->k->memory->frames, &c->free, pfn);
}

/* Where the scanners begin. */
static void place_scanners(struct compaction *c)
{
	struct zone *z = c->z;
	struct zone_compact *zc = &z->compact;
	pfn_t last = block_of(z->end - 1);

	if (c->whole_zone) {
		c->migrate_pfn = z->start;
		c->free_pfn = last;
		return;
	}
	c->migrate_pfn = zc->migrate_pfn[c->mode != MIGRATE_ASYNC];
	c->free_pfn = zc->free_pfn;
	if (c->free_pfn < z->start || c->free_pfn >= z->end)
		c->free_pfn = zc->free_pfn = last;
	if (c->migrate_pfn < z->start || c->migrate_pfn >= z->end)
		c->migrate_pfn = zc->migrate_pfn[0] = zc->migrate_pfn[1] = z->start;
	if (c->migrate_pfn <= zc->init_migrate_pfn)
		c->whole_zone = true;
}

/* Moves what was isolated, the last isolated first. False: no free frame was left. */
static bool move(struct compaction *c, bool *skipped)
{
	struct migrate_request r = {
		.n = c->nr_pages, .target = target, .untarget = untarget, .arg = c, .mode = c->mode};
	pfn_t pages[ARRAY_LEN(c->pages)];
	unsigned failed;

	for (unsigned i = 0; i < c->nr_pages; i++)
		pages[i] = c->pages[c->nr_pages - 1 - i];
	r.pfns = pages;
	failed = migrate_pages(c->cur, &r);
	c->nr_pages = 0;
	if (!failed)
		return true;
	if (r.no_target && !scanners_met(c))
		return false;
	if (c->direct && c->mode == MIGRATE_ASYNC) { /* the rest of the block of that order is of no use */
		pfn_t size = (pfn_t)1 << c->order;

		c->migrate_pfn = (c->migrate_pfn - 1 + size) & ~(size - 1);
		*skipped = true;
	}
	return true;
}

static void drain(struct compaction *c)
{
	lru_drain(c->cur);
	pcp_drain(c->k->memory, c->z, c->cur->exec->cpu);
}

/* The frames that were not needed go back. */
static void release(struct compaction *c)
{
	pfn_t highest = 0, pfn;

	while ((pfn = frame_list_pop(&c->k->memory->frames, &c->free)) != PFN_NONE) {
		highest = MAX_OF(highest, pfn);
		frame_of(c->k->memory, pfn)->refs = 1;
		frame_put(c->k, c->cur->exec->cpu, pfn);
	}
	if (highest)
		c->z->compact.free_pfn = MAX_OF(c->z->compact.free_pfn, block_of(highest));
}

/* The loop of compact_zone. */
static enum compact_result run(struct compaction *c)
{
	struct zone_compact *zc = &c->z->compact;
	bool together = c->mode == MIGRATE_ASYNC && zc->migrate_pfn[0] == zc->migrate_pfn[1];
	pfn_t last_migrated = 0;
	enum compact_result r;

	while ((r = finished(c)) == COMPACT_CONTINUE) {
		pfn_t begin = c->migrate_pfn;
		bool skipped = false;

		c->rescan = block_of(last_migrated) == block_of(begin);
		switch (compact_isolate(c)) {
		case ISOLATE_ABORT:
			while (c->nr_pages > 0)
				lru_putback(c->cur, c->pages[--c->nr_pages]);
			return COMPACT_CONTENDED;
		case ISOLATE_NONE:
			if (together)
				zc->migrate_pfn[1] = zc->migrate_pfn[0];
			break;
		case ISOLATE_SUCCESS:
			together = false;
			last_migrated = begin;
			if (!move(c, &skipped))
				return COMPACT_CONTENDED;
			if (skipped)
				last_migrated = 0;
			break;
		}
		if (c->order > 0 && last_migrated &&
		    last_migrated < (c->migrate_pfn & ~(((pfn_t)1 << c->order) - 1))) {
			drain(c);
			last_migrated = 0;
		}
	}
	return r;
}

enum compact_result compact_zone(struct compaction *c)
{
	enum compact_result r = COMPACT_CONTINUE;
	struct memory *m = c->k->memory;

	c->migrate_scanned = c->free_scanned = 0;
	c->nr_pages = 0;
	c->fast_start_pfn = 0;
	frame_list_init(&c->free);
	c->mt = gfp_migratetype(c->gfp);
	if (c->order >= 0)
		r = compact_suitable(c->k, c->z, (unsigned)c->order, c->alloc_flags, c->highest);
	if (r != COMPACT_CONTINUE)
		return r;
	if (c->order >= 0 && is_restarting(c->z, (unsigned)c->order))
		forget_skips(c->cur, c->z);
	place_scanners(c);
	lru_drain(c->cur);
	r = run(c);
	release(c);
	vm_event(m, VMEV_COMPACTMIGRATE_SCANNED, c->migrate_scanned);
	vm_event(m, VMEV_COMPACTFREE_SCANNED, c->free_scanned);
	return r;
}

/* ---- direct compaction ---- */

static enum compact_result compact_for(struct task *cur, struct zone *z, struct alloc_context *ac,
				       unsigned alloc_flags, enum compact_priority prio)
{
	bool full = prio == COMPACT_PRIO_SYNC_FULL;
	struct compaction c = {.cur = cur,
			       .k = cur->k,
			       .z = z,
			       .order = (int)ac->order,
			       .search_order = (int)ac->order,
			       .gfp = ac->gfp,
			       .mode = prio == COMPACT_PRIO_ASYNC ? MIGRATE_ASYNC : MIGRATE_SYNC_LIGHT,
			       .alloc_flags = alloc_flags,
			       .highest = ac->highest_zoneidx,
			       .direct = true,
			       .whole_zone = full,
			       .ignore_skip = full,
			       .ignore_block_suitable = full};

	return compact_zone(&c);
}

enum compact_result compact_direct(struct task *cur, struct alloc_context *ac, unsigned alloc_flags,
				   enum compact_priority prio)
{
	enum compact_result result = COMPACT_SKIPPED, r;
	struct zone_iter it = {0};
	struct zone *z;

	if (!(ac->gfp & GFP_BIT_IO)) /* gfp_compaction_allowed */
		return COMPACT_SKIPPED;
	while ((z = zonelist_next(cur->k->memory, ac, &it, false))) {
		if (prio > COMPACT_PRIO_SYNC_FULL && compact_is_deferred(z, ac->order)) {
			result = MAX_OF(result, COMPACT_DEFERRED);
			continue;
		}
		r = compact_for(cur, z, ac, alloc_flags, prio);
		result = MAX_OF(result, r);
		if (r == COMPACT_SUCCESS) {
			compact_defer_reset(z, ac->order, false);
			break;
		}
		if (prio != COMPACT_PRIO_ASYNC && (r == COMPACT_COMPLETE || r == COMPACT_PARTIAL_SKIPPED))
			compact_defer(z, ac->order);
		if (cur->process && cur->process->killed)
			break;
	}
	return result;
}

/* compaction_zonelist_suitable */
static bool could_be_suitable(struct kernel *k, struct alloc_context *ac, unsigned alloc_flags)
{
	struct zone_iter it = {0};
	struct zone *z;

	while ((z = zonelist_next(k->memory, ac, &it, false))) {
		uint64_t available = zone_reclaimable_pages(k, z) / ac->order + zone_free_pages(z);

		if (suitable_with(z, ac->order, alloc_flags, ac->highest_zoneidx, available) ==
		    COMPACT_CONTINUE)
			return true;
	}
	return false;
}

bool compact_retry(struct kernel *k, struct alloc_context *ac, unsigned alloc_flags,
		   enum compact_result result, enum compact_priority *prio, unsigned *retries)
{
	bool costly = ac->order > COSTLY_ORDER;
	enum compact_priority least = costly ? COMPACT_PRIO_SYNC_LIGHT : COMPACT_PRIO_SYNC_FULL;

	if (!ac->order)
		return false;
	*retries += result == COMPACT_SUCCESS; /* compaction_made_progress */
	if (result == COMPACT_SKIPPED)         /* compaction_needs_reclaim */
		return could_be_suitable(k, ac, alloc_flags);
	if (result == COMPACT_SUCCESS && *retries <= (costly ? MAX_COMPACT_RETRIES / 4 : MAX_COMPACT_RETRIES))
		return true;
	if (*prio <= least)
		return false;
	(*prio)--;
	*retries = 0;
	return true;
}

/*
 * source.c - the migration scanner of compaction: from the zone's start upwards.
 *
 * Modelled after mm/compaction.c of Linux 6.1: isolate_migratepages, isolate_migratepages_block,
 * fast_find_migrateblock, suitable_migration_source, test_and_set_skip, update_cached_migrate. Async direct
 * compaction gives a block of the wanted order up at the first page that cannot move. cost.compact_scan a
 * page looked at.
 *
 * Not modelled: movable pages that are on no LRU list (zsmalloc, balloons).
 */
#include "models/kernel/buddy.h"
#include "models/kernel/compact/scan.h"
#include "models/kernel/lru.h"
#include "models/kernel/sched.h"

/* update_cached_migrate */
static void remember(struct compaction *c, pfn_t pfn)
{
	struct zone_compact *zc = &c->z->compact;

	pfn = block_end(pfn); /* a block further than the scan got, as Linux has it */
	zc->migrate_pfn[0] = MAX_OF(zc->migrate_pfn[0], pfn);
	if (c->mode != MIGRATE_ASYNC)
		zc->migrate_pfn[1] = MAX_OF(zc->migrate_pfn[1], pfn);
}

/* Whether the page could be moved in this mode. */
static bool is_movable(const struct compaction *c, const struct frame *f)
{
	bool has_mapping = f->file != FILE_NONE || f->flags & FR_SWAPCACHE;

	if (!(f->flags & FR_LRU) || f->refs <= 0)
		return false;
	if (!has_mapping && f->refs > f->mapcount) /* pinned */
		return false;
	if (!(c->gfp & GFP_BIT_FS) && has_mapping)
		return false;
	if (f->flags & FR_UNEVICTABLE && !c->k->params.compact_unevictable_allowed)
		return false;
	if (c->mode == MIGRATE_SYNC)
		return true;
	return !(f->flags & FR_WRITEBACK) && (f->flags & (FR_DIRTY | FR_LOCKED)) != (FR_DIRTY | FR_LOCKED);
}

/* A walk through one block. */
struct walk {
	pfn_t pfn, end;
	uint64_t scanned;
	unsigned taken;
	bool skip_on_failure; /* one page that stays spoils a block of the wanted order */
	pfn_t next_skip;
	bool seen_first, marked; /* its first page; its skip mark was tested */
};

static void put_back(struct compaction *c)
{
	while (c->nr_pages > 0)
		lru_putback(c->cur, c->pages[--c->nr_pages]);
}

static void failed(struct compaction *c, struct walk *w)
{
	if (!w->skip_on_failure)
		return;
	if (w->taken) {
		put_back(c);
		w->taken = 0;
	}
	if (w->pfn < w->next_skip) {
		w->pfn = w->next_skip - 1;
		w->next_skip += (pfn_t)1 << c->order;
	}
}

/* One page: false when the walk ends behind it. */
static bool look(struct compaction *c, struct walk *w)
{
	const struct frame *f = frame_of(c->k->memory, w->pfn);

	if (f->flags & FR_BUDDY) {
		w->pfn += ((pfn_t)1 << f->order) - 1;
		return true;
	}
	if (f->flags & (FR_HEAD | FR_TAIL)) {
		if (f->flags & FR_HEAD)
			w->pfn += ((pfn_t)1 << f->order) - 1;
		failed(c, w);
		return true;
	}
	if (!is_movable(c, f)) {
		failed(c, w);
		return true;
	}
	if (!w->marked) { /* test_and_set_skip */
		w->marked = true;
		if (!c->ignore_skip && w->pfn == block_of(w->pfn)) {
			if (*block_skip(c->z, w->pfn))
				return false;
			*block_skip(c->z, w->pfn) = 1;
		}
	}
	lru_isolate(c->k, w->pfn);
	c->pages[c->nr_pages++] = w->pfn;
	w->taken++;
	if (c->nr_pages >= COMPACT_CLUSTER_MAX && !c->rescan) {
		w->pfn++;
		return false;
	}
	return true;
}

static bool too_many_isolated(const struct node *n)
{
	const int64_t *s = n->stat.item;

	return s[NR_ISOLATED_FILE] + s[NR_ISOLATED_ANON] >
	       (s[NR_INACTIVE_FILE] + s[NR_INACTIVE_ANON] + s[NR_ACTIVE_FILE] + s[NR_ACTIVE_ANON]) / 2;
}

static void walk_block(struct compaction *c, struct walk *w)
{
	for (; w->pfn < w->end; w->pfn++) {
		if (w->skip_on_failure && w->pfn >= w->next_skip) {
			if (w->taken)
				return;
			w->next_skip = (w->pfn + ((pfn_t)1 << c->order)) & ~(((pfn_t)1 << c->order) - 1);
		}
		if (!(w->pfn % COMPACT_CLUSTER_MAX))
			sched_cond(c->cur);
		w->scanned++;
		if (!w->seen_first && w->pfn == block_of(w->pfn)) {
			if (!c->ignore_skip && *block_skip(c->z, w->pfn)) {
				w->pfn = w->end;
				return;
			}
			w->seen_first = true;
		}
		if (!look(c, w))
			return;
	}
}

/* isolate_migratepages_block: false when there are too many isolated pages already. */
static bool isolate_block(struct compaction *c, pfn_t low, pfn_t end)
{
	struct walk w = {.pfn = low, .end = end};

	c->migrate_pfn = low;
	while (too_many_isolated(&c->k->memory->node[c->z->nid])) {
		if (c->nr_pages || c->mode == MIGRATE_ASYNC)
			return false;
		sched_sleep_until(c->cur, task_now(c->cur) + PS_PER_S / 50, false);
	}
	sched_cond(c->cur);
	if (c->direct && c->mode == MIGRATE_ASYNC) {
		w.skip_on_failure = true;
		w.next_skip = (low + ((pfn_t)1 << c->order)) & ~(((pfn_t)1 << c->order) - 1);
	}
	walk_block(c, &w);
	w.pfn = MIN_OF(w.pfn, end);
	if (w.pfn == end && (!w.taken || c->rescan)) {
		if (w.seen_first && !w.marked)
			*block_skip(c->z, end - 1) = 1;
		remember(c, end);
	}
	c->migrate_scanned += w.scanned;
	task_charge(c->cur, CYCLES_migrate, w.scanned * c->k->cost.compact_scan);
	if (w.taken)
		vm_event(c->k->memory, VMEV_COMPACTISOLATED, w.taken);
	c->migrate_pfn = w.pfn;
	return true;
}

/* ---- which block ---- */

/* Free blocks of smaller orders show where little has to be moved: the block of one of them below `high`. */
static pfn_t search_list(struct compaction *c, int order, pfn_t high, unsigned limit, unsigned *scanned)
{
	struct memory *m = c->k->memory;
	struct frame_list *l = &c->z->area[order].list[MIGRATE_MOVABLE];

	for (pfn_t at = l->first; at != PFN_NONE; at = frame_of(m, at)->next) {
		if ((*scanned)++ >= limit) {
			compact_rotate(m, l, frame_of(m, at)->next);
			return PFN_NONE;
		}
		if (at >= high || *block_skip(c->z, at))
			continue;
		compact_rotate(m, l, frame_of(m, at)->next);
		if (c->fast_start_pfn != PFN_NONE)
			c->fast_start_pfn = c->fast_start_pfn ? MIN_OF(c->fast_start_pfn, at) : at;
		c->fast_search_fail = 0;
		*block_skip(c->z, at) = 1;
		return MAX_OF(block_of(at), c->z->start);
	}
	return PFN_NONE;
}

/* fast_find_migrateblock */
static pfn_t fast_find(struct compaction *c)
{
	unsigned limit = scan_limit(c), scanned = 0;
	pfn_t pfn = c->migrate_pfn, distance, high, found = PFN_NONE;

	if (c->ignore_skip || (pfn != c->z->start && pfn != block_of(pfn)) || c->order <= 3 ||
	    (c->direct && c->mt != MIGRATE_MOVABLE))
		return pfn;
	distance = (c->free_pfn - pfn) >> 1;
	if (pfn != c->z->start)
		distance >>= 2;
	high = block_of(pfn + distance);
	for (int o = c->order - 1; o >= 3 && found == PFN_NONE && scanned < limit; o--)
		if (c->z->area[o].nr_free)
			found = search_list(c, o, high, limit, &scanned);
	c->migrate_scanned += scanned;
	if (found != PFN_NONE)
		return found;
	c->fast_search_fail++;
	if (c->fast_start_pfn && c->fast_start_pfn != PFN_NONE) { /* reinit_migrate_pfn */
		c->migrate_pfn = c->fast_start_pfn;
		c->fast_start_pfn = PFN_NONE;
	}
	return c->migrate_pfn;
}

/* suitable_migration_source */
static bool is_source(const struct compaction *c, pfn_t pfn)
{
	const struct frame *f = frame_of(c->k->memory, page_head(c->k->memory, pfn));

	if (f->flags & FR_HEAD && f->order >= PAGEBLOCK_ORDER)
		return false;
	return c->mode != MIGRATE_ASYNC || !c->direct || buddy_pageblock_type(c->z, pfn) == c->mt;
}

enum isolate_result compact_isolate(struct compaction *c)
{
	pfn_t low = fast_find(c), start = MAX_OF(block_of(low), c->z->start), end = block_end(low);
	bool fast = low != c->migrate_pfn && !c->fast_search_fail;

	for (; end <= c->free_pfn; fast = false, c->migrate_pfn = low = start = end, end += PAGEBLOCK_PAGES) {
		if (!(low % (COMPACT_CLUSTER_MAX * PAGEBLOCK_PAGES)))
			sched_cond(c->cur);
		if (end > c->z->end)
			continue;
		if (low == block_of(low) && !fast && !c->ignore_skip && *block_skip(c->z, low))
			continue;
		if (!is_source(c, start)) {
			remember(c, end);
			continue;
		}
		if (!isolate_block(c, low, end))
			return ISOLATE_ABORT;
		break;
	}
	return c->nr_pages ? ISOLATE_SUCCESS : ISOLATE_NONE;
}

/*
 * free.c - the free scanner of compaction: from the zone's end downwards.
 *
 * Modelled after mm/compaction.c of Linux 6.1: isolate_freepages, isolate_freepages_block,
 * fast_isolate_freepages, fast_isolate_around, next_search_order, split_map_pages. Blocks that are free as a
 * whole, and blocks that are not movable, are left alone. cost.compact_scan a page looked at.
 */
#include "models/kernel/buddy.h"
#include "models/kernel/compact/scan.h"
#include "models/kernel/sched.h"

void compact_rotate(struct memory *m, struct frame_list *l, pfn_t pfn)
{
	struct frame *f, *first, *last;
	pfn_t before;

	if (pfn == PFN_NONE || pfn == l->first)
		return;
	f = frame_of(m, pfn);
	first = frame_of(m, l->first);
	last = frame_of(m, l->last);
	before = f->prev;
	last->next = l->first;
	first->prev = l->last;
	frame_of(m, before)->next = PFN_NONE;
	f->prev = PFN_NONE;
	l->first = pfn;
	l->last = before;
}

/* __isolate_free_page and split_map_pages: a free block becomes single frames. Returns how many. */
static unsigned take_block(struct compaction *c, pfn_t pfn)
{
	struct memory *m = c->k->memory;
	unsigned n = buddy_isolate(m, c->z, pfn);

	for (pfn_t i = 0; i < n; i++)
		frame_list_push(&m->frames, &c->free, pfn + i);
	return n;
}

/* isolate_freepages_block: from *start, as far as frames are wanted. Returns frames taken. */
static unsigned scan_block(struct compaction *c, pfn_t *start, pfn_t end, unsigned stride)
{
	struct memory *m = c->k->memory;
	unsigned taken = 0;
	uint64_t scanned = 0;
	pfn_t pfn;

	for (pfn = *start; pfn < end; pfn += stride) {
		const struct frame *f = frame_of(m, pfn);
		unsigned n;

		scanned++;
		if (f->flags & FR_HEAD) {
			pfn += ((pfn_t)1 << f->order) - 1;
			continue;
		}
		if (!(f->flags & FR_BUDDY))
			continue;
		n = take_block(c, pfn);
		if (!n)
			break;
		scanned += n - 1;
		taken += n;
		if (c->nr_pages <= c->free.n) {
			pfn += n;
			break;
		}
		pfn += n - 1;
	}
	*start = MIN_OF(pfn, end);
	c->free_scanned += scanned;
	task_charge(c->cur, CYCLES_migrate, scanned * c->k->cost.compact_scan);
	if (taken)
		vm_event(m, VMEV_COMPACTISOLATED, taken);
	return taken;
}

/* suitable_migration_target */
static bool is_target(const struct compaction *c, pfn_t block)
{
	const struct frame *f = frame_of(c->k->memory, block);

	if (f->flags & FR_BUDDY && f->order >= PAGEBLOCK_ORDER)
		return false;
	return c->ignore_block_suitable || buddy_pageblock_type(c->z, block) == MIGRATE_MOVABLE;
}

/* ---- the fast search of the free lists ---- */

static void fast_around(struct compaction *c, pfn_t pfn)
{
	pfn_t start = MAX_OF(block_of(pfn), c->z->start), end = MIN_OF(block_end(pfn), c->z->end);

	if (c->free.n >= c->nr_pages || (c->direct && c->mode == MIGRATE_ASYNC))
		return;
	scan_block(c, &start, end, 1);
	if (c->free.n < c->nr_pages)
		*block_skip(c->z, pfn) = 1;
}

/* Orders in a round, from where the last search found something; -1 when it is complete. */
static int next_order(struct compaction *c, int order)
{
	order = order == 0 ? c->order - 1 : order - 1;
	if (order != c->search_order)
		return order;
	c->search_order = c->search_order == 0 ? c->order - 1 : c->search_order - 1;
	return -1;
}

/* A search through the list of one order: what it looks for and what it saw. */
struct fast {
	pfn_t low, min, highest; /* good from low on, acceptable from min on */
	unsigned limit;
	uint64_t scanned;
};

/* The block to take, PFN_NONE when there is none; the list is reordered so that the next search goes on. */
static pfn_t fast_search(struct compaction *c, struct fast *s, int order)
{
	struct memory *m = c->k->memory;
	struct frame_list *l = &c->z->area[order].list[MIGRATE_MOVABLE];
	pfn_t found = PFN_NONE, high = 0, at;
	unsigned seen = 0;

	for (at = l->last; at != PFN_NONE; at = frame_of(m, at)->prev) {
		seen++;
		s->scanned++;
		if (at >= s->highest)
			s->highest = MAX_OF(block_of(at), c->z->start);
		if (at >= s->low) {
			c->fast_search_fail = 0;
			c->search_order = order;
			found = at;
			break;
		}
		if (at >= s->min && at > high) {
			high = at;
			s->limit >>= 1;
		}
		if (seen >= s->limit)
			break;
	}
	if (found == PFN_NONE && high)
		found = at = high;
	compact_rotate(m, l, at);
	if (seen >= s->limit && found == PFN_NONE)
		s->limit = MAX_OF(1u, s->limit >> 1);
	return found;
}

/* Nothing was found: where the linear scan begins. */
static pfn_t fast_failed(struct compaction *c, const struct fast *s, bool scan_start)
{
	c->fast_search_fail++;
	if (!scan_start)
		return PFN_NONE;
	if (s->highest >= s->min) {
		c->free_pfn = s->highest;
		return s->highest;
	}
	if (!c->direct)
		return PFN_NONE;
	c->free_pfn = s->min;
	return s->min;
}

static void fast_find(struct compaction *c)
{
	struct zone_compact *zc = &c->z->compact;
	bool scan_start = c->free_pfn >= zc->init_free_pfn;
	pfn_t distance = c->free_pfn - c->migrate_pfn, found = PFN_NONE;
	struct fast s = {.low = block_of(c->free_pfn - (distance >> 2)),
			 .min = block_of(c->free_pfn - (distance >> 1)),
			 .limit = scan_start ? PAGEBLOCK_PAGES >> 1 : MAX_OF(1u, scan_limit(c) >> 1)};

	if (c->order <= 0)
		return;
	c->search_order = MIN_OF(c->order - 1, c->search_order);
	for (int o = c->search_order; found == PFN_NONE && o >= 0; o = next_order(c, o)) {
		unsigned n;

		if (!c->z->area[o].nr_free)
			continue;
		found = fast_search(c, &s, o);
		if (found == PFN_NONE)
			continue;
		n = take_block(c, found);
		if (!n) { /* the watermark forbids it */
			found = PFN_NONE;
			break;
		}
		s.scanned += n - 1;
		vm_event(c->k->memory, VMEV_COMPACTISOLATED, n);
	}
	if (found == PFN_NONE)
		found = fast_failed(c, &s, scan_start);
	if (s.highest && s.highest >= zc->free_pfn)
		zc->free_pfn = s.highest - PAGEBLOCK_PAGES;
	c->free_scanned += s.scanned;
	task_charge(c->cur, CYCLES_migrate, s.scanned * c->k->cost.compact_scan);
	if (found != PFN_NONE)
		fast_around(c, found);
}

/* ---- the linear scan ---- */

void compact_find_free(struct compaction *c)
{
	struct zone *z = c->z;
	unsigned stride = c->mode == MIGRATE_ASYNC ? COMPACT_CLUSTER_MAX : 1;
	pfn_t start, end, at, low;

	fast_find(c);
	if (c->free.n)
		return;
	at = c->free_pfn;
	low = block_end(c->migrate_pfn);
	for (start = block_of(at); start >= low && start >= PAGEBLOCK_PAGES;
	     start -= PAGEBLOCK_PAGES, at = start) {
		unsigned taken;

		end = MIN_OF(start + PAGEBLOCK_PAGES, z->end);
		if (!(start % (COMPACT_CLUSTER_MAX * PAGEBLOCK_PAGES)))
			sched_cond(c->cur);
		if (start < z->start || !is_target(c, start) || (!c->ignore_skip && *block_skip(z, start)))
			continue;
		taken = scan_block(c, &at, end, stride);
		if (at == end) { /* update_pageblock_skip */
			*block_skip(z, start) = 1;
			z->compact.free_pfn = MIN_OF(z->compact.free_pfn, start);
		}
		if (c->free.n >= c->nr_pages) {
			if (at >= end)
				at = start - PAGEBLOCK_PAGES;
			break;
		}
		if (at < end)
			break;
		stride = taken ? 1 : MIN_OF(COMPACT_CLUSTER_MAX, stride << 1);
	}
	c->free_pfn = at;
}

/*
 * buddy.c - the buddy allocator: splitting, coalescing, fallback between migrate types.
 *
 * After mm/page_alloc.c of Linux 6.1: __rmqueue_smallest, expand, __rmqueue_fallback, find_suitable_fallback,
 * steal_suitable_fallback, boost_watermark, move_freepages_block, __free_one_page, buddy_merge_likely,
 * reserve_highatomic_pageblock, unreserve_highatomic_pageblock, __isolate_free_page; mm/vmstat.c
 * __fragmentation_index.
 *
 * Complexity: O(orders) a request or a free; stealing a page block O(its 512 frames).
 *
 * Invariants: the first frame of a free block, and no other, has FR_BUDDY; its order and migratetype name the
 * list it is on (the list's type may differ from the page block's: pages freed through the per-CPU lists keep
 * the type they were freed with). No two free buddies of one order lie in one zone, but for blocks kept apart
 * by the high-order atomic reserve. NR_FREE_PAGES = sum of blocks * 2^order.
 *
 * Not modelled: contiguous memory areas (CMA), isolated page blocks (memory offlining), guard pages, shuffled
 * free lists, free page reporting, the zone lock.
 */
#include "models/kernel/buddy.h"

#define PAGEBLOCK_PAGES (1u << PAGEBLOCK_ORDER)
#define FALLBACKS       2

/* The order in which other types are asked (fallbacks[]). */
static const enum migratetype fallbacks[NR_PCP_TYPES][FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

static bool type_is_mergeable(enum migratetype mt)
{
	return mt < NR_PCP_TYPES;
}

static size_t pageblock_index(const struct zone *z, pfn_t pfn)
{
	return (pfn >> PAGEBLOCK_ORDER) - (z->start >> PAGEBLOCK_ORDER);
}

enum migratetype buddy_pageblock_type(const struct zone *z, pfn_t pfn)
{
	return (enum migratetype)z->pageblock_type[pageblock_index(z, pfn)];
}

void buddy_set_pageblock_type(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	z->pageblock_type[pageblock_index(z, pfn)] = (uint8_t)mt;
}

/* add_to_free_list, add_to_free_list_tail, set_buddy_order */
static void list_add(struct memory *m, struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt,
		     bool tail)
{
	struct free_area *area = &z->area[order];
	struct frame *f = frame_of(m, pfn);

	f->flags = FR_BUDDY;
	f->nid = (uint8_t)z->nid;
	f->zid = (uint8_t)z->id;
	f->order = (uint8_t)order;
	f->migratetype = (uint8_t)mt;
	if (tail)
		frame_list_append(&m->frames, &area->list[mt], pfn);
	else
		frame_list_push(&m->frames, &area->list[mt], pfn);
	area->nr_free++;
}

/* del_page_from_free_list */
static void list_del(struct memory *m, struct zone *z, pfn_t pfn)
{
	struct frame *f = frame_of(m, pfn);
	struct free_area *area = &z->area[f->order];

	frame_list_del(&m->frames, &area->list[f->migratetype], pfn);
	f->flags &= ~(uint32_t)FR_BUDDY;
	area->nr_free--;
}

/* move_to_free_list: to the tail, so that what was moved is not used at once. */
static void list_move(struct memory *m, struct zone *z, pfn_t pfn, enum migratetype mt)
{
	struct frame *f = frame_of(m, pfn);
	struct free_area *area = &z->area[f->order];

	frame_list_del(&m->frames, &area->list[f->migratetype], pfn);
	f->migratetype = (uint8_t)mt;
	frame_list_append(&m->frames, &area->list[mt], pfn);
}

/* page_is_buddy: a free block of this order and zone starts at pfn. */
static bool is_free_block(const struct memory *m, const struct zone *z, pfn_t pfn, unsigned order)
{
	const struct frame *f;

	if (pfn < z->start || pfn >= z->end)
		return false;
	f = &m->frames.f[pfn];
	return (f->flags & FR_BUDDY) && f->order == order && f->zid == z->id && f->nid == z->nid;
}

/* buddy_merge_likely: the buddy one order up is free, so this block may soon be part of a larger one. */
static bool merge_likely(const struct memory *m, const struct zone *z, pfn_t pfn, unsigned order)
{
	pfn_t higher = pfn & ~((pfn_t)1 << order);

	if (order >= NR_ORDERS - 2)
		return false;
	return is_free_block(m, z, higher ^ ((pfn_t)1 << (order + 1)), order + 1);
}

void buddy_give(struct memory *m, struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt,
		bool at_tail)
{
	DCHECK(!(pfn & (((pfn_t)1 << order) - 1)), "frame %u is not aligned to order %u", pfn, order);
	DCHECK(pfn >= z->start && pfn + ((pfn_t)1 << order) <= z->end, "frame %u outside its zone", pfn);
	zone_stat_add(z, NR_FREE_PAGES, INT64_C(1) << order);
	for (; order < NR_ORDERS - 1; order++) {
		pfn_t buddy = pfn ^ ((pfn_t)1 << order);

		if (!is_free_block(m, z, buddy, order))
			break;
		if (order >= PAGEBLOCK_ORDER) {
			enum migratetype other = buddy_pageblock_type(z, buddy);

			if (mt != other && (!type_is_mergeable(mt) || !type_is_mergeable(other)))
				break;
		}
		list_del(m, z, buddy);
		pfn &= ~((pfn_t)1 << order);
	}
	list_add(m, z, pfn, order, mt, at_tail || merge_likely(m, z, pfn, order));
}

static void reset_frames(struct memory *m, const struct zone *z, pfn_t pfn, unsigned order)
{
	for (pfn_t i = 0; i < (pfn_t)1 << order; i++)
		frame_reset(frame_of(m, pfn + i), z->nid, z->id);
}

void buddy_free(struct memory *m, struct zone *z, pfn_t pfn, unsigned order, bool at_tail)
{
	DCHECK(!frame_has(frame_of(m, pfn), FR_BUDDY | FR_PCP | FR_RESERVED), "frame %u freed twice", pfn);
	reset_frames(m, z, pfn, order);
	buddy_give(m, z, pfn, order, buddy_pageblock_type(z, pfn), at_tail);
}

/* expand: the upper halves of a block that is too large go back to its type's lists. */
static void expand(struct memory *m, struct zone *z, pfn_t pfn, unsigned low, unsigned high,
		   enum migratetype mt)
{
	while (high > low) {
		high--;
		list_add(m, z, pfn + ((pfn_t)1 << high), high, mt, false);
	}
}

static pfn_t take_smallest(struct memory *m, struct zone *z, unsigned order, enum migratetype mt)
{
	for (unsigned o = order; o < NR_ORDERS; o++) {
		pfn_t pfn = z->area[o].list[mt].first;

		if (pfn == PFN_NONE)
			continue;
		list_del(m, z, pfn);
		expand(m, z, pfn, order, o, mt);
		return pfn;
	}
	return PFN_NONE;
}

/* move_freepages, from `start` through `last` */
static unsigned move_range(struct memory *m, struct zone *z, pfn_t start, pfn_t last, enum migratetype mt,
			   unsigned *num_movable)
{
	unsigned moved = 0;

	for (pfn_t pfn = start; pfn <= last;) {
		const struct frame *f = frame_of(m, pfn);

		if (!(f->flags & FR_BUDDY)) {
			if (num_movable && (f->flags & FR_LRU))
				(*num_movable)++;
			pfn++;
			continue;
		}
		list_move(m, z, pfn, mt);
		moved += 1u << f->order;
		pfn += (pfn_t)1 << f->order;
	}
	return moved;
}

unsigned buddy_move_block(struct memory *m, struct zone *z, pfn_t pfn, enum migratetype mt,
			  unsigned *num_movable)
{
	pfn_t start = pfn & ~(pfn_t)(PAGEBLOCK_PAGES - 1), last = start + PAGEBLOCK_PAGES - 1;

	if (num_movable)
		*num_movable = 0;
	if (start < z->start)
		start = pfn;
	if (last >= z->end)
		return 0;
	return move_range(m, z, start, last, mt, num_movable);
}

/* can_steal_fallback */
static bool can_steal(unsigned order, enum migratetype start)
{
	return order >= PAGEBLOCK_ORDER / 2 || start == MIGRATE_RECLAIMABLE || start == MIGRATE_UNMOVABLE;
}

static bool boost_watermark(const struct memory *m, struct zone *z)
{
	uint64_t max_boost;

	if (!m->watermark_boost_factor || PAGEBLOCK_PAGES * 4 > z->managed)
		return false;
	max_boost = mul_div_u64(z->watermark[WMARK_HIGH], m->watermark_boost_factor, 10000);
	if (!max_boost)
		return false;
	max_boost = MAX_OF(PAGEBLOCK_PAGES, max_boost);
	z->watermark_boost = MIN_OF(z->watermark_boost + PAGEBLOCK_PAGES, max_boost);
	return true;
}

/* Claims the whole page block for `start` when at least half of it is free or of a compatible kind. False
 * when nothing could be moved. */
static bool claim_block(struct memory *m, struct zone *z, pfn_t pfn, enum migratetype start,
			enum migratetype old)
{
	unsigned movable, alike = 0;
	unsigned moved = buddy_move_block(m, z, pfn, start, &movable);

	if (!moved)
		return false;
	if (start == MIGRATE_MOVABLE)
		alike = movable;
	else if (old == MIGRATE_MOVABLE)
		alike = PAGEBLOCK_PAGES - (moved + movable);
	if (moved + alike >= PAGEBLOCK_PAGES / 2)
		buddy_set_pageblock_type(z, pfn, start);
	return true;
}

/* steal_suitable_fallback */
static void steal(struct memory *m, struct zone *z, pfn_t pfn, unsigned alloc_flags, enum migratetype start,
		  bool whole_block)
{
	unsigned order = frame_of(m, pfn)->order;
	enum migratetype old = buddy_pageblock_type(z, pfn);

	if (old == MIGRATE_HIGHATOMIC) {
		list_move(m, z, pfn, start);
		return;
	}
	if (order >= PAGEBLOCK_ORDER) {
		for (pfn_t i = 0; i < (pfn_t)1 << order; i += PAGEBLOCK_PAGES)
			buddy_set_pageblock_type(z, pfn + i, start);
		list_move(m, z, pfn, start);
		return;
	}
	if (boost_watermark(m, z) && (alloc_flags & ALLOC_KSWAPD))
		z->boosted = true;
	if (!whole_block || !claim_block(m, z, pfn, start, old))
		list_move(m, z, pfn, start);
}

/* find_suitable_fallback: the first type in the order of `start` with a free block, or NR_MIGRATETYPES. */
static enum migratetype find_fallback(const struct free_area *area, enum migratetype start)
{
	if (!area->nr_free)
		return NR_MIGRATETYPES;
	for (unsigned i = 0; i < FALLBACKS; i++) {
		enum migratetype mt = fallbacks[start][i];

		if (area->list[mt].first != PFN_NONE)
			return mt;
	}
	return NR_MIGRATETYPES;
}

/* __rmqueue_fallback: moves a block of another type to the lists of `start`. */
static bool fall_back(struct memory *m, struct zone *z, unsigned order, enum migratetype start,
		      unsigned alloc_flags)
{
	int min_order = (int)order, o;
	enum migratetype mt = NR_MIGRATETYPES;

	if (start >= NR_PCP_TYPES)
		return false;
	if (order < PAGEBLOCK_ORDER && (alloc_flags & ALLOC_NOFRAGMENT))
		min_order = PAGEBLOCK_ORDER;
	/* the largest block: most likely of the page block with the most free pages */
	for (o = NR_ORDERS - 1; o >= min_order; o--) {
		mt = find_fallback(&z->area[o], start);
		if (mt != NR_MIGRATETYPES)
			break;
	}
	if (mt == NR_MIGRATETYPES)
		return false;
	/* a movable page among others does no lasting harm: split the smallest block instead */
	if (!can_steal((unsigned)o, start) && start == MIGRATE_MOVABLE && o > (int)order) {
		for (o = (int)order; o < NR_ORDERS; o++) {
			mt = find_fallback(&z->area[o], start);
			if (mt != NR_MIGRATETYPES)
				break;
		}
	}
	steal(m, z, z->area[o].list[mt].first, alloc_flags, start, can_steal((unsigned)o, start));
	return true;
}

pfn_t buddy_take(struct memory *m, struct zone *z, unsigned order, enum migratetype mt, unsigned alloc_flags)
{
	pfn_t pfn;

	do {
		pfn = take_smallest(m, z, order, mt);
	} while (pfn == PFN_NONE && fall_back(m, z, order, mt, alloc_flags));
	if (pfn != PFN_NONE)
		zone_stat_add(z, NR_FREE_PAGES, -(INT64_C(1) << order));
	return pfn;
}

static pfn_t take_highatomic(struct memory *m, struct zone *z, unsigned order)
{
	pfn_t pfn = take_smallest(m, z, order, MIGRATE_HIGHATOMIC);

	if (pfn != PFN_NONE)
		zone_stat_add(z, NR_FREE_PAGES, -(INT64_C(1) << order));
	return pfn;
}

pfn_t buddy_alloc(struct memory *m, struct zone *z, unsigned order, enum migratetype mt, unsigned alloc_flags)
{
	pfn_t pfn = PFN_NONE;

	if (alloc_flags & ALLOC_HIGHATOMIC)
		pfn = take_highatomic(m, z, order);
	if (pfn == PFN_NONE)
		pfn = buddy_take(m, z, order, mt, alloc_flags);
	if (pfn == PFN_NONE && (alloc_flags & (ALLOC_OOM | ALLOC_HARDER)))
		pfn = take_highatomic(m, z, order);
	if (pfn != PFN_NONE)
		reset_frames(m, z, pfn, order);
	return pfn;
}

void buddy_reserve_highatomic(struct memory *m, struct zone *z, pfn_t pfn)
{
	if (z->nr_highatomic >= z->managed / 100 + PAGEBLOCK_PAGES)
		return;
	if (!type_is_mergeable(buddy_pageblock_type(z, pfn)))
		return;
	z->nr_highatomic += PAGEBLOCK_PAGES;
	buddy_set_pageblock_type(z, pfn, MIGRATE_HIGHATOMIC);
	buddy_move_block(m, z, pfn, MIGRATE_HIGHATOMIC, NULL);
}

bool buddy_unreserve_highatomic(struct memory *m, struct zone *z, enum migratetype mt, bool force)
{
	if (!force && z->nr_highatomic <= PAGEBLOCK_PAGES)
		return false;
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		pfn_t pfn = z->area[o].list[MIGRATE_HIGHATOMIC].first;

		if (pfn == PFN_NONE)
			continue;
		if (buddy_pageblock_type(z, pfn) == MIGRATE_HIGHATOMIC)
			z->nr_highatomic -= MIN_OF(PAGEBLOCK_PAGES, z->nr_highatomic);
		buddy_set_pageblock_type(z, pfn, mt);
		if (buddy_move_block(m, z, pfn, mt, NULL))
			return true;
	}
	return false;
}

/* zone_watermark_ok(zone, 0, min + pages, highest_zoneidx 0, 0); zonelist.h lies above this module. */
static bool isolation_allowed(const struct zone *z, unsigned order)
{
	uint64_t need = z->watermark[WMARK_MIN] + (UINT64_C(1) << order) + z->lowmem_reserve[0];

	return zone_free_pages(z) > need + z->nr_highatomic;
}

unsigned buddy_isolate(struct memory *m, struct zone *z, pfn_t pfn)
{
	unsigned order = frame_of(m, pfn)->order;

	CHECK(frame_has(frame_of(m, pfn), FR_BUDDY), "frame %u is no free block", pfn);
	if (!isolation_allowed(z, order))
		return 0;
	list_del(m, z, pfn);
	zone_stat_add(z, NR_FREE_PAGES, -(INT64_C(1) << order));
	if (order >= PAGEBLOCK_ORDER - 1) {
		for (pfn_t i = 0; i < (pfn_t)1 << order; i += PAGEBLOCK_PAGES) {
			if (type_is_mergeable(buddy_pageblock_type(z, pfn + i)))
				buddy_set_pageblock_type(z, pfn + i, MIGRATE_MOVABLE);
		}
	}
	reset_frames(m, z, pfn, order);
	return 1u << order;
}

int buddy_fragmentation_index(const struct zone *z, unsigned order)
{
	uint64_t free = 0, blocks = 0, suitable = 0;

	for (unsigned o = 0; o < NR_ORDERS; o++) {
		blocks += z->area[o].nr_free;
		free += z->area[o].nr_free << o;
		if (o >= order)
			suitable += z->area[o].nr_free << (o - order);
	}
	if (!blocks)
		return 0;
	if (suitable)
		return -1000;
	return 1000 - (int)((1000 + free * 1000 / (UINT64_C(1) << order)) / blocks);
}

static bool block_is_valid(const struct memory *m, const struct zone *z, pfn_t pfn, unsigned order,
			   unsigned mt)
{
	const struct frame *f = &m->frames.f[pfn];
	pfn_t buddy = pfn ^ ((pfn_t)1 << order);

	if (pfn < z->start || pfn + ((pfn_t)1 << order) > z->end || (pfn & (((pfn_t)1 << order) - 1)))
		return false;
	if (f->flags != FR_BUDDY || f->order != order || f->migratetype != mt || f->nid != z->nid ||
	    f->zid != z->id)
		return false;
	for (pfn_t i = 1; i < (pfn_t)1 << order; i++) {
		if (frame_has(f + i, FR_BUDDY | FR_PCP | FR_LRU | FR_RESERVED))
			return false;
	}
	if (order < PAGEBLOCK_ORDER && is_free_block(m, z, buddy, order))
		return false;
	return true;
}

bool buddy_is_valid(struct memory *m, const struct zone *z)
{
	uint64_t pages = 0;

	for (unsigned o = 0; o < NR_ORDERS; o++) {
		uint64_t blocks = 0;

		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			const struct frame_list *l = &z->area[o].list[mt];
			uint64_t n = 0;
			pfn_t prev = PFN_NONE;

			for (pfn_t pfn = l->first; pfn != PFN_NONE; pfn = m->frames.f[pfn].next) {
				if (!block_is_valid(m, z, pfn, o, mt) || m->frames.f[pfn].prev != prev)
					return false;
				prev = pfn;
				n++;
			}
			if (n != l->n || l->last != prev)
				return false;
			blocks += n;
		}
		if (blocks != z->area[o].nr_free)
			return false;
		pages += blocks << o;
	}
	return pages == zone_free_pages(z);
}

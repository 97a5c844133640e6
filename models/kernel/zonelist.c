/*
 * zonelist.c - the page allocator's fast path.
 *
 * After mm/page_alloc.c of Linux 6.1: get_page_from_freelist, rmqueue, prep_new_page, zone_statistics,
 * __zone_watermark_ok, zone_watermark_fast, alloc_flags_nofragment, gfp_to_alloc_flags, __free_pages;
 * mm/mempolicy.c alloc_page_interleave (interleave_hit); mm/page-writeback.c node_dirty_ok.
 *
 * Complexity: O(zones) a request.
 *
 * Invariants: summed over all zones, numa_miss = numa_foreign; numa_hit + numa_miss = local_node + other_node
 * = requests served, whatever their order.
 *
 * Not modelled: nr_zone_write_pending in the dirty limit, drift between a zone's counter and the true number
 * of free pages.
 */
#include "models/kernel/zonelist.h"

#define RECLAIM_DISTANCE 30

void alloc_context_prepare(struct memory *m, struct alloc_context *ac)
{
	struct zone_iter it = {0};

	ac->highest_zoneidx = gfp_zone(ac->gfp);
	ac->migratetype = gfp_migratetype(ac->gfp);
	ac->spread_dirty_pages = (ac->gfp & GFP_BIT_WRITE) != 0;
	ac->boosted = NULL;
	ac->last_dirty_exceeded = false;
	ac->work = (struct pcp_work){0};
	ac->preferred_zone = zonelist_next(m, ac, &it, false);
}

static bool node_allowed(const struct alloc_context *ac, unsigned nid, bool use_cpuset)
{
	uint64_t bit = UINT64_C(1) << nid;

	if (ac->nodemask && !(ac->nodemask & bit))
		return false;
	return !use_cpuset || !ac->cpuset || (ac->cpuset & bit) || !(ac->gfp & GFP_BIT_HARDWALL);
}

struct zone *zonelist_next(struct memory *m, const struct alloc_context *ac, struct zone_iter *it,
			   bool use_cpuset)
{
	const struct node *from = &m->node[ac->preferred_nid];
	unsigned nodes = ac->gfp & GFP_BIT_THISNODE ? 1 : from->nr_fallback;

	for (; it->node_at < nodes; it->node_at++, it->zone_at = 0) {
		struct node *nd = &m->node[from->fallback[it->node_at]];

		if (!node_allowed(ac, nd->nid, use_cpuset))
			continue;
		while (it->zone_at <= (int)ac->highest_zoneidx) {
			struct zone *z = &nd->zone[(int)ac->highest_zoneidx - it->zone_at++];

			if (z->managed)
				return z;
		}
	}
	return NULL;
}

static bool has_block(const struct zone *z, unsigned order, unsigned alloc_flags)
{
	for (unsigned o = order; o < NR_ORDERS; o++) {
		if (!z->area[o].nr_free)
			continue;
		for (unsigned mt = 0; mt < NR_PCP_TYPES; mt++) {
			if (z->area[o].list[mt].first != PFN_NONE)
				return true;
		}
		if ((alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM)) &&
		    z->area[o].list[MIGRATE_HIGHATOMIC].first != PFN_NONE)
			return true;
	}
	return false;
}

/* __zone_watermark_unusable_free */
static int64_t unusable_free(const struct zone *z, unsigned order, unsigned alloc_flags)
{
	int64_t n = (INT64_C(1) << order) - 1;

	return alloc_flags & ALLOC_RESERVES ? n : n + (int64_t)z->nr_highatomic;
}

bool zone_watermark_ok(const struct zone *z, unsigned order, uint64_t mark, enum zone_id highest_zoneidx,
		       unsigned alloc_flags, uint64_t free_pages)
{
	int64_t min = (int64_t)mark;
	int64_t usable = (int64_t)free_pages - unusable_free(z, order, alloc_flags);

	if (alloc_flags & ALLOC_RESERVES) {
		if (alloc_flags & ALLOC_HIGH) {
			min -= min / 2;
			if (alloc_flags & ALLOC_HARDER)
				min -= min / 4;
		}
		if (alloc_flags & ALLOC_OOM)
			min -= min / 2;
	}
	if (usable <= min + (int64_t)z->lowmem_reserve[highest_zoneidx])
		return false;
	return !order || has_block(z, order, alloc_flags);
}

bool zone_watermark_fast(const struct zone *z, unsigned order, uint64_t mark, enum zone_id highest_zoneidx,
			 unsigned alloc_flags, gfp_t gfp)
{
	uint64_t free_pages = zone_free_pages(z);

	if (!order) {
		int64_t usable = (int64_t)free_pages - unusable_free(z, 0, alloc_flags);

		if (usable > 0 && (uint64_t)usable > mark + z->lowmem_reserve[highest_zoneidx])
			return true;
	}
	if (zone_watermark_ok(z, order, mark, highest_zoneidx, alloc_flags, free_pages))
		return true;
	/* atomic requests do not have to respect a boost of the min watermark */
	if (!order && (gfp & GFP_BIT_ATOMIC) && z->watermark_boost &&
	    (alloc_flags & ALLOC_WMARK_MASK) == ALLOC_WMARK_MIN)
		return zone_watermark_ok(z, order, z->watermark[WMARK_MIN], highest_zoneidx, alloc_flags,
					 free_pages);
	return false;
}

unsigned zonelist_nofragment(const struct memory *m, const struct alloc_context *ac)
{
	unsigned flags = ac->gfp & GFP_BIT_KSWAPD_RECLAIM ? ALLOC_KSWAPD : 0;
	const struct zone *z = ac->preferred_zone;

	if (!z || z->id != ZONE_NORMAL)
		return flags;
	if (m->nr_nodes > 1 && !m->node[z->nid].zone[ZONE_DMA32].present)
		return flags;
	return flags | ALLOC_NOFRAGMENT;
}

unsigned zonelist_slow_flags(gfp_t gfp, unsigned order)
{
	unsigned flags = ALLOC_WMARK_MIN | ALLOC_CPUSET;

	if (gfp & GFP_BIT_HIGH)
		flags |= ALLOC_HIGH;
	if (gfp & GFP_BIT_KSWAPD_RECLAIM)
		flags |= ALLOC_KSWAPD;
	if (gfp & GFP_BIT_DIRECT_RECLAIM)
		return flags;
	if (!(gfp & GFP_BIT_NOMEMALLOC)) {
		flags |= ALLOC_HARDER;
		if (order > 0 && (flags & ALLOC_HIGH))
			flags |= ALLOC_HIGHATOMIC;
	}
	if (flags & ALLOC_HIGH)
		flags &= ~ALLOC_CPUSET;
	return flags;
}

bool zonelist_unreserve_highatomic(struct memory *m, const struct alloc_context *ac, bool force)
{
	struct zone_iter it = {0};
	struct zone *z;

	while ((z = zonelist_next(m, ac, &it, false))) {
		if (buddy_unreserve_highatomic(m, z, ac->migratetype, force))
			return true;
	}
	return false;
}

/* zone_statistics */
static void count_placement(struct zone *preferred, struct zone *z, const struct alloc_context *ac)
{
	if (z->nid == preferred->nid) {
		z->numa.item[NR_NUMA_HIT]++;
	} else {
		z->numa.item[NR_NUMA_MISS]++;
		preferred->numa.item[NR_NUMA_FOREIGN]++;
	}
	z->numa.item[z->nid == ac->cpu_nid ? NR_NUMA_LOCAL : NR_NUMA_OTHER]++;
	if (ac->interleaved && z->nid == ac->preferred_nid)
		z->numa.item[NR_NUMA_INTERLEAVE]++;
}

static void prepare_frames(struct memory *m, pfn_t pfn, const struct alloc_context *ac)
{
	struct frame *f = frame_of(m, pfn);

	f->refs = 1;
	if (!ac->order || !(ac->gfp & GFP_BIT_COMP))
		return;
	f->flags |= FR_HEAD;
	f->order = (uint8_t)ac->order;
	for (pfn_t i = 1; i < (pfn_t)1 << ac->order; i++) {
		f[i].flags |= FR_TAIL;
		f[i].private = pfn;
	}
}

/* rmqueue and prep_new_page */
static pfn_t take_page(struct memory *m, struct zone *z, struct alloc_context *ac, unsigned alloc_flags)
{
	pfn_t pfn = PFN_NONE;

	if (pcp_order_allowed(ac->order))
		pfn = pcp_alloc(m, z, ac->cpu, ac->order, ac->migratetype, alloc_flags, &ac->work);
	if (pfn == PFN_NONE) {
		pfn = buddy_alloc(m, z, ac->order, ac->migratetype, alloc_flags);
		ac->work.bulk++;
		ac->work.pages += pfn != PFN_NONE ? 1u << ac->order : 0;
	}
	if (z->boosted) {
		z->boosted = false;
		ac->boosted = z;
	}
	if (pfn == PFN_NONE)
		return pfn;
	vm_event(m, (enum vm_event)(VMEV_PGALLOC_DMA + z->id), UINT64_C(1) << ac->order);
	count_placement(ac->preferred_zone, z, ac);
	prepare_frames(m, pfn, ac);
	if (alloc_flags & ALLOC_HIGHATOMIC)
		buddy_reserve_highatomic(m, z, pfn);
	return pfn;
}

/* node_dirty_ok */
static bool dirty_ok(const struct node *nd)
{
	int64_t n = nd->stat.item[NR_FILE_DIRTY] + nd->stat.item[NR_WRITEBACK];

	return n < 0 || (uint64_t)n <= nd->dirty_limit;
}

/* May the request take from this zone now? */
static bool zone_is_open(struct memory *m, struct zone *z, struct alloc_context *ac, unsigned alloc_flags,
			 bool (*zone_reclaim)(void *ctx, struct zone *z, struct alloc_context *ac), void *ctx)
{
	uint64_t mark = 0;

	if (alloc_flags & ALLOC_NO_WATERMARKS)
		return true;
	mark = zone_wmark(z, (enum watermark)(alloc_flags & ALLOC_WMARK_MASK));
	if (zone_watermark_fast(z, ac->order, mark, ac->highest_zoneidx, alloc_flags, ac->gfp))
		return true;
	if (!zone_reclaim || m->topo->distance[ac->preferred_zone->nid][z->nid] > RECLAIM_DISTANCE)
		return false;
	return zone_reclaim(ctx, z, ac) &&
	       zone_watermark_ok(z, ac->order, mark, ac->highest_zoneidx, alloc_flags, zone_free_pages(z));
}

/* One walk. It ends where the next zone is remote while breaking up other blocks is still forbidden:
 * locality counts for more. */
static pfn_t walk(struct memory *m, struct alloc_context *ac, unsigned alloc_flags,
		  bool (*zone_reclaim)(void *ctx, struct zone *z, struct alloc_context *ac), void *ctx)
{
	bool no_fallback = (alloc_flags & ALLOC_NOFRAGMENT) != 0;
	struct zone_iter it = {0};
	struct zone *z;

	while ((z = zonelist_next(m, ac, &it, (alloc_flags & ALLOC_CPUSET) != 0))) {
		pfn_t pfn;

		if (ac->spread_dirty_pages && !dirty_ok(&m->node[z->nid])) {
			ac->last_dirty_exceeded = true;
			continue;
		}
		if (no_fallback && m->nr_nodes > 1 && z->nid != ac->preferred_zone->nid)
			return PFN_NONE;
		if (!zone_is_open(m, z, ac, alloc_flags, zone_reclaim, ctx))
			continue;
		pfn = take_page(m, z, ac, alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

pfn_t zonelist_alloc(struct memory *m, struct alloc_context *ac, unsigned alloc_flags,
		     bool (*zone_reclaim)(void *ctx, struct zone *z, struct alloc_context *ac), void *ctx)
{
	pfn_t pfn;

	if (!ac->preferred_zone)
		return PFN_NONE;
	pfn = walk(m, ac, alloc_flags, zone_reclaim, ctx);
	if (pfn == PFN_NONE && (alloc_flags & ALLOC_NOFRAGMENT))
		pfn = walk(m, ac, alloc_flags & ~ALLOC_NOFRAGMENT, zone_reclaim, ctx);
	return pfn;
}

void zonelist_free(struct memory *m, unsigned cpu, pfn_t pfn, unsigned order, struct pcp_work *work)
{
	struct zone *z = frame_zone(m, frame_of(m, pfn));

	vm_event(m, VMEV_PGFREE, UINT64_C(1) << order);
	if (pcp_order_allowed(order)) {
		pcp_free(m, z, cpu, pfn, order, work);
		return;
	}
	buddy_free(m, z, pfn, order, false);
	if (work) {
		work->bulk++;
		work->pages += 1u << order;
	}
}

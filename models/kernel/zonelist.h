/*
 * zonelist.h - from a request to a zone: zonelists, watermark checks, the fast path (mm/page_alloc.c
 * get_page_from_freelist,
 * __zone_watermark_ok, zone_watermark_fast, rmqueue, zone_statistics; Linux 6.1).
 */
#ifndef MODELS_KERNEL_ZONELIST_H
#define MODELS_KERNEL_ZONELIST_H

#include "models/kernel/pcp.h"

struct alloc_context {
	gfp_t gfp;
	unsigned order;
	unsigned cpu; /* that runs the request */
	unsigned cpu_nid;
	unsigned preferred_nid; /* whose zonelist is walked */
	nodemask_t nodemask;    /* 0 = all */
	nodemask_t cpuset;      /* nodes the task may use, 0 = all; applied when ALLOC_CPUSET is set */
	enum zone_id highest_zoneidx;
	enum migratetype migratetype;
	bool spread_dirty_pages; /* a page cache page about to be written */
	bool interleaved;        /* counted as interleave_hit when it lands on preferred_nid */
	/* answers */
	struct zone
		*preferred_zone; /* first zone of the list that nodemask allows; NULL when there is none */
	struct zone *boosted; /* its watermarks were raised: the caller wakes its node's kswapd (order 0) */
	struct pcp_work work;
	bool last_dirty_exceeded; /* a node was passed over because of its dirty limit */
};

/* Position in a zonelist: zones of the fallback nodes, highest zone first. */
struct zone_iter {
	unsigned node_at;
	int zone_at;
};
/* Fills highest_zoneidx, migratetype and preferred_zone from gfp, preferred_nid and masks. */
void alloc_context_prepare(struct memory *m, struct alloc_context *ac);
/* Zones with managed pages, in the order in which a request tries them. NULL at the end. Start with zeroed
 * *it. */
struct zone *zonelist_next(struct memory *m, const struct alloc_context *ac, struct zone_iter *it,
			   bool use_cpuset);

bool zone_watermark_ok(const struct zone *z, unsigned order, uint64_t mark, enum zone_id highest_zoneidx,
		       unsigned alloc_flags, uint64_t free_pages);
bool zone_watermark_fast(const struct zone *z, unsigned order, uint64_t mark, enum zone_id highest_zoneidx,
			 unsigned alloc_flags, gfp_t gfp);
/* alloc_flags_nofragment: ALLOC_KSWAPD from gfp, ALLOC_NOFRAGMENT where the preferred zone is Normal and the
 * node has DMA32. For the first attempt, beside ALLOC_WMARK_LOW. */
unsigned zonelist_nofragment(const struct memory *m, const struct alloc_context *ac);
/* gfp_to_alloc_flags: of the slow path. Not modelled: real-time tasks. */
unsigned zonelist_slow_flags(gfp_t gfp, unsigned order);
/* unreserve_highatomic_pageblock over the request's zones. */
bool zonelist_unreserve_highatomic(struct memory *m, const struct alloc_context *ac, bool force);
/*
 * Walks the zonelist and takes a page from the first zone whose watermark (by alloc_flags) allows it; counts
 * PGALLOC_x and the numastat items. PFN_NONE when no zone can give. zone_reclaim (node_reclaim; NULL where
 * vm.zone_reclaim_mode is 0) is asked where a zone within 30 of distance is below its mark; it returns true
 * when it scanned and the mark is to be checked again.
 *
 * The first frame has refs = 1, every other field reset; with GFP_BIT_COMP and order > 0 it is FR_HEAD with
 * its order, the others FR_TAIL. ALLOC_CPUSET applies cpuset where gfp has GFP_BIT_HARDWALL, which the fast
 * path adds to every request of a task in a cpuset (prepare_alloc_pages).
 */
pfn_t zonelist_alloc(struct memory *m, struct alloc_context *ac, unsigned alloc_flags,
		     bool (*zone_reclaim)(void *ctx, struct zone *z, struct alloc_context *ac), void *ctx);
/* free_unref_page or __free_pages_ok; counts PGFREE. */
void zonelist_free(struct memory *m, unsigned cpu, pfn_t pfn, unsigned order, struct pcp_work *work);

#endif

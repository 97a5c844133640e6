/*
 * scan.h - what the parts of compaction share: one pass over a zone (struct compact_control).
 */
#ifndef MODELS_KERNEL_COMPACT_SCAN_H
#define MODELS_KERNEL_COMPACT_SCAN_H

#include "models/kernel/compact.h"
#include "models/kernel/migrate.h"

#define COMPACT_CLUSTER_MAX 32u
#define PAGEBLOCK_PAGES     (1u << PAGEBLOCK_ORDER)

struct compaction {
	struct task *cur;
	struct kernel *k;
	struct zone *z;
	int order, search_order; /* order -1: until the zone is less fragmented */
	gfp_t gfp;
	enum migrate_mode mode;
	unsigned alloc_flags;
	enum zone_id highest;
	enum migratetype mt;
	bool direct, proactive, whole_zone, ignore_skip, ignore_block_suitable;
	bool rescan; /* the block was not cleared by the last pass: take all of it */
	pfn_t migrate_pfn, free_pfn, fast_start_pfn; /* PFN_NONE: not to be used any more */
	unsigned fast_search_fail;
	uint64_t migrate_scanned, free_scanned;
	unsigned nr_pages; /* to be migrated, the last isolated last */
	pfn_t pages[PAGEBLOCK_PAGES + COMPACT_CLUSTER_MAX];
	struct frame_list free; /* single frames to migrate to */
};

static inline pfn_t block_of(pfn_t pfn)
{
	return pfn & ~(pfn_t)(PAGEBLOCK_PAGES - 1);
}
static inline pfn_t block_end(pfn_t pfn)
{
	return block_of(pfn) + PAGEBLOCK_PAGES;
}
static inline uint8_t *block_skip(const struct zone *z, pfn_t pfn)
{
	return &z->pageblock_skip[(pfn >> PAGEBLOCK_ORDER) - (z->start >> PAGEBLOCK_ORDER)];
}
static inline bool scanners_met(const struct compaction *c)
{
	return c->free_pfn >> PAGEBLOCK_ORDER <= c->migrate_pfn >> PAGEBLOCK_ORDER;
}
/* freelist_scan_limit */
static inline unsigned scan_limit(const struct compaction *c)
{
	return (COMPACT_CLUSTER_MAX >> MIN_OF(c->fast_search_fail, 31u)) + 1;
}
/* The list begins with pfn, what was in front of it comes last. */
void compact_rotate(struct memory *m, struct frame_list *l, pfn_t pfn);

/* compact_zone: one pass; c names the zone and how. */
enum compact_result compact_zone(struct compaction *c);
/* defer_compaction, compaction_deferred (counts the request), compaction_defer_reset */
void compact_defer(struct zone *z, unsigned order);
bool compact_is_deferred(struct zone *z, unsigned order);
void compact_defer_reset(struct zone *z, unsigned order, bool success);
/* fragmentation_score_wmark: the score from which on to compact, or at which to stop (low). */
unsigned compact_score_mark(const struct kernel *k, bool low);
bool compact_kswapd_runs(const struct node *n);

enum isolate_result { ISOLATE_ABORT, ISOLATE_NONE, ISOLATE_SUCCESS };
/* isolate_migratepages: pages of the next suitable block, into c->pages. */
enum isolate_result compact_isolate(struct compaction *c);
/* isolate_freepages: frames to migrate to, into c->free. */
void compact_find_free(struct compaction *c);

#endif

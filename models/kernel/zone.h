/*
 * zone.h - zones and nodes: what lies where, watermarks, reserves (include/linux/mmzone.h; mm/page_alloc.c,
 * Linux 6.1).
 */
#ifndef MODELS_KERNEL_ZONE_H
#define MODELS_KERNEL_ZONE_H

#include "models/hw/topology.h"
#include "models/kernel/frame.h"
#include "models/kernel/gfp.h"
#include "models/kernel/vmstat.h"

typedef uint64_t nodemask_t; /* bit n = node n; 0 where a mask is optional = all nodes */

enum watermark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARKS };

enum lru_list {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE,
	NR_LRU_LISTS
};
static inline bool lru_is_file(enum lru_list l)
{
	return l == LRU_INACTIVE_FILE || l == LRU_ACTIVE_FILE;
}
static inline bool lru_is_active(enum lru_list l)
{
	return l == LRU_ACTIVE_ANON || l == LRU_ACTIVE_FILE;
}

/* Per-CPU page lists: one list for each migrate type at orders 0…3 (PAGE_ALLOC_COSTLY_ORDER), and two for
 * huge pages: movable and not. */
#define NR_PCP_LISTS (NR_PCP_TYPES * 4 + 2)
struct pcp {
	uint64_t count; /* pages on all lists */
	struct frame_list list[NR_PCP_LISTS];
	unsigned free_factor; /* batch scale factor while freeing */
	unsigned expire;      /* seconds until a remote zone's list is drained, 0 = not counting */
};

struct free_area {
	struct frame_list list[NR_MIGRATETYPES]; /* n counts blocks */
	uint64_t nr_free;                        /* blocks of all types */
};

/* Where compaction goes on, and how often it is put off (struct zone's compact_x). */
struct zone_compact {
	pfn_t migrate_pfn[2], free_pfn; /* cached: of async and sync compaction; one for both */
	pfn_t init_migrate_pfn, init_free_pfn;
	unsigned considered, defer_shift;
	unsigned order_failed; /* from this order on it is put off */
	bool flush;            /* a pass is over: forget what was to be skipped when kswapd sleeps */
};

struct zone {
	enum zone_id id;
	unsigned nid;
	pfn_t start, end;              /* spanned: [start, end) */
	uint64_t present, managed;     /* pages that exist; pages given to the buddy allocator */
	uint64_t watermark[NR_WMARKS]; /* without boost */
	uint64_t watermark_boost;
	uint64_t lowmem_reserve[NR_ZONES]; /* pages kept from requests that could use zone j */
	struct free_area area[NR_ORDERS];
	uint8_t *pageblock_skip; /* by the same index: compaction found nothing there (PG_migrate_skip) */
	uint8_t *pageblock_type; /* enum migratetype by (pfn >> 9) - (start >> 9) */
	uint64_t nr_pageblocks;
	uint64_t nr_highatomic; /* pages reserved in MIGRATE_HIGHATOMIC blocks */
	bool boosted;           /* ZONE_BOOSTED_WATERMARK: kswapd is to be woken; see alloc_context.boosted */
	bool reclaim_active;    /* ZONE_RECLAIM_ACTIVE: kswapd works on the node, per-CPU lists stay short */
	struct pcp *pcp;        /* one a CPU of the machine */
	uint64_t pcp_high, pcp_batch;
	struct zone_compact compact;
	struct zone_vmstat stat;
	struct numastat numa;
};

struct lru_gens;
struct memcg;
struct node;

/* What the memory controller's statistics say of a node's lists: brought up to date now and then
 * (workingset_flush_stats). */
struct lru_stats {
	tick_t at;
	uint64_t size[NR_LRU_LISTS];
	uint64_t activated[2]; /* refaults that were activated: [0] anon, [1] file */
};

/* What a group's lists count that a node's do not: its statistics are the node's share, its zones' sizes
 * theirs. */
struct lruvec_counts {
	struct node_vmstat stat;
	int64_t zone_size[NR_ZONES][NR_LRU_LISTS];
};

struct lruvec {
	struct node *node;
	struct memcg *memcg;          /* whose pages (memcg.h); NULL: of those in no group */
	struct lruvec_counts *counts; /* NULL as memcg is */
	bool congested;               /* LRUVEC_CONGESTED of a group */
	struct lru_stats flushed;
	struct lru_gens *gens;                /* NULL: active and inactive lists (lrugen.h) */
	struct frame_list list[NR_LRU_LISTS]; /* n counts pages: huge pages count as frame_nr_pages */
	uint64_t anon_cost, file_cost;        /* lru_note_cost */
	uint64_t nonresident_age;             /* evictions and activations, the clock of refault distances */
	uint64_t refaults[2]; /* workingset_activate at the last reclaim: [0] anon, [1] file */
};

#define NODE_WRITEBACK 1u /* PGDAT_WRITEBACK: kswapd met many pages under write-back */
#define NODE_DIRTY     2u /* PGDAT_DIRTY: kswapd met many dirty file pages at the tail */
#define NODE_CONGESTED 4u /* LRUVEC_CONGESTED */

#define MAX_SHRINKERS 4

/* A node's place among the memory tiers (tiers.h), and how far promotion to it has come (numa_balancing.c).
 */
struct node_tier {
	bool slow;            /* below the tiers with CPUs: hot pages leave it (not node_is_toptier) */
	nodemask_t preferred; /* where cold pages go, 0 = they stay */
	nodemask_t lower;     /* nodes of all slower tiers, where preferred has no room */
	uint64_t limit_start, limit_candidates; /* of the second whose candidates are limited (nbp_rl) */
	uint64_t threshold;                     /* hint latency that is hot, ms; 0 = the default */
	uint64_t threshold_start, threshold_candidates; /* when it was looked at last (nbp_th) */
};

struct node {
	unsigned nid;
	bool has_memory;
	struct zone zone[NR_ZONES];
	unsigned fallback[MAX_NODES]; /* nodes by distance: the order of this node's zonelist */
	unsigned nr_fallback;
	struct lruvec lruvec;
	struct node_vmstat stat;
	/* kswapd (models/kernel/kswapd.h) */
	struct task *kswapd;
	int kswapd_order, kswapd_highest_zoneidx;
	int kswapd_failures;
	/* kcompactd (models/kernel/compact.h) */
	struct task *kcompactd;
	int kcompactd_order, kcompactd_highest_zoneidx;
	uint64_t totalreserve_pages;
	uint64_t present_pages;
	uint64_t dirty_limit; /* node_dirty_limit, kept by writeback; UINT64_MAX = none */
	unsigned nr_writeback_throttled;
	int64_t nr_reclaim_start; /* NR_THROTTLED_WRITTEN when the first task was throttled */
	uint32_t reclaim_flags;   /* NODE_x */
	struct node_tier tier;
	uint64_t shrink_carried[MAX_SHRINKERS]; /* asked of each shrinker, but not scanned (nr_deferred) */
};

#define ZONE_PARAMS(X, S)                                                                                   \
	X(S, ENUM, layout, "zones.layout", "x86-64", 0, 0, "", "where the zones lie", zone_layout_name)     \
	X(S, U64, min_free_kbytes, "vm.min_free_kbytes", "0", 0, 1u << 30, "KiB",                           \
	  "memory kept free: the min watermarks; 0 = the kernel's formula")                                 \
	X(S, U64, watermark_scale_factor, "vm.watermark_scale_factor", "10", 1, 3000, "1/10000",            \
	  "distance between watermarks, of managed memory")                                                 \
	X(S, U64, watermark_boost_factor, "vm.watermark_boost_factor", "15000", 0, 100000, "1/10000",       \
	  "how far fragmentation raises the watermarks, of the high watermark")                             \
	X(S, LIST, lowmem_reserve_ratio, "vm.lowmem_reserve_ratio", "256 256 32 0 0", 0, 1u << 20, "",      \
	  "protection of lower zones: DMA DMA32 Normal (HighMem) Movable")                                  \
	X(S, BYTES, kernel_image, "kernel.image_bytes", "0", 0, UINT64_C(1) << 40, "bytes",                 \
	  "memory of node 0 taken by the kernel image and early tables")                                    \
	X(S, U64, struct_page_bytes, "kernel.struct_page_bytes", "64", 0, 4096, "bytes",                    \
	  "descriptor of a page frame, taken from each node's memory")                                      \
	X(S, BYTES, movablecore, "kernel.movablecore", "0", 0, UINT64_C(1) << 43, "bytes",                  \
	  "memory for zone Movable, spread over the nodes (boot option movablecore=)")                      \
	X(S, LIST, managed, "zones.managed", "", 0, UINT64_MAX, "pages",                                    \
	  "managed pages of each populated zone, node by node; empty = computed")                           \
	X(S, LIST, free, "zones.free", "", 0, UINT64_MAX, "pages",                                          \
	  "free pages of each populated zone at the start (the rest is taken as unmovable); empty = all "   \
	  "managed")                                                                                        \
	X(S, LIST, pcp, "zones.pcp", "", 0, UINT64_MAX, "pages",                                            \
	  "of the pages that are not free at the start, those on the per-CPU lists: for each populated "    \
	  "zone one number a CPU; empty = none")                                                            \
	X(S, LIST, protection, "zones.protection", "", 0, UINT64_MAX, "pages",                              \
	  "lowmem reserve of each populated zone against each zone above, flattened as in zoneinfo; empty " \
	  "= computed")                                                                                     \
	X(S, U64, percpu_pagelist_high_fraction, "vm.percpu_pagelist_high_fraction", "0", 0, 1u << 20, "",  \
	  "0 = per-CPU lists hold up to the low watermark divided by the node's CPUs")
const char *zone_layout_name(size_t i);
/* As /proc/zoneinfo prints it. */
const char *zone_name(enum zone_id id);
/* Where the zones of a layout lie: zone i in [end[i - 1], end[i]), Movable at the ends of the nodes. */
struct zone_layout {
	const char *name;
	pfn_t end[NR_ZONES];
	bool has[NR_ZONES];
	unsigned
		protection_columns; /* of a zone in /proc/zoneinfo: zones of such a kernel, Device included */
	bool legacy;                /* node 0 has a PC's first mebibyte */
};
const struct zone_layout *zone_layout_of(uint32_t i);
PARAM_STRUCT(zone_params, ZONE_PARAMS);
extern const struct param_table zone_param_table;

struct memory {
	const struct topology *topo;
	struct frames frames;
	struct node node[MAX_NODES];
	unsigned nr_nodes;
	uint64_t min_free_kbytes; /* in effect */
	uint64_t totalram_pages;  /* managed, all zones */
	uint64_t totalreserve_pages;
	uint64_t watermark_boost_factor;
	enum zone_id policy_zone; /* highest zone with memory, Movable apart: NUMA policies begin there */
	nodemask_t nodes_memory;  /* N_MEMORY */
	nodemask_t nodes_kernel_memory; /* N_HIGH_MEMORY: with memory outside zone Movable */
	struct vmstat vmstat;
	struct fate_stats fate;
	struct frame_list deferred_split; /* huge pages with unmapped parts, by a tail (rmap.h) */
	struct lruvec *group_lruvecs;     /* by group - 1, then node (memcg.h); NULL: no groups */
	struct node_vmstat boot;          /* levels of before the run, all nodes (boot.h) */
};

/*
 * The topology must outlive the memory. Frames of free blocks are not written before they are allocated: only
 * the first frame of a block carries node, zone and order.
 *
 * Lays out the zones, takes the memory map and the kernel image away, fills the buddy lists, sets watermarks,
 * lowmem reserves, per-CPU list sizes and zonelists. Errors (ERR_CONFIG): no managed memory, lists of the
 * wrong length.
 */
int memory_init(struct memory *m, const struct zone_params *p, const struct topology *t, struct err *e);
void memory_release(struct memory *m);
/* Node orders of the zonelists (build_zonelists); memory_init calls it. */
void memory_build_zonelists(struct memory *m);
/* setup_per_zone_wmarks, setup_per_zone_lowmem_reserve, zone_set_pageset_high_and_batch; after a change of
 * managed pages. */
void memory_setup_watermarks(struct memory *m, const struct zone_params *p);
/*
 * set_recommended_min_free_kbytes (mm/khugepaged.c): with transparent huge pages enabled min_free_kbytes is
 * at least 11 page blocks a zone, but no more than a twentieth of the low memory. Raises min_free_kbytes
 * unless vm.min_free_kbytes is given, and sets the watermarks again.
 */
void memory_recommend_min_free(struct memory *m, const struct zone_params *p);

/* The frame that speaks for the page that pfn is a part of: flags and references are its. */
static inline pfn_t page_head(const struct memory *m, pfn_t pfn)
{
	return frames_head(&m->frames, pfn);
}
static inline struct frame *frame_of(struct memory *m, pfn_t pfn)
{
	return &m->frames.f[pfn];
}
static inline struct zone *frame_zone(struct memory *m, const struct frame *f)
{
	return &m->node[f->nid].zone[f->zid];
}
static inline struct node *frame_node(struct memory *m, const struct frame *f)
{
	return &m->node[f->nid];
}
/* The lists that the page belongs on (folio_lruvec). */
static inline struct lruvec *frame_lruvec(struct memory *m, const struct frame *f)
{
	if (UNLIKELY(f->memcg))
		return &m->group_lruvecs[(f->memcg - 1) * m->nr_nodes + f->nid];
	return &m->node[f->nid].lruvec;
}
static inline void node_stat_add(struct node *n, enum node_item i, int64_t delta)
{
	n->stat.item[i] += delta;
}
static inline void zone_stat_add(struct zone *z, enum zone_item i, int64_t delta)
{
	z->stat.item[i] += delta;
}
/* mod_lruvec_state */
static inline void lruvec_stat_add(struct lruvec *l, enum node_item i, int64_t delta)
{
	node_stat_add(l->node, i, delta);
	if (UNLIKELY(l->counts))
		l->counts->stat.item[i] += delta;
}
/* mod_lruvec_page_state: what the page counts for its node and whoever it is charged to. */
static inline void frame_stat_add(struct memory *m, const struct frame *f, enum node_item i, int64_t delta)
{
	lruvec_stat_add(frame_lruvec(m, f), i, delta);
}
/* update_lru_size */
static inline void lruvec_count(struct lruvec *l, enum lru_list list, unsigned zid, int64_t pages)
{
	lruvec_stat_add(l, (enum node_item)(NR_INACTIVE_ANON + (unsigned)list), pages);
	zone_stat_add(&l->node->zone[zid], (enum zone_item)(NR_ZONE_INACTIVE_ANON + (unsigned)list), pages);
	if (UNLIKELY(l->counts))
		l->counts->zone_size[zid][list] += pages;
}
static inline void vm_event(struct memory *m, enum vm_event ev, uint64_t n)
{
	m->vmstat.event[ev] += n;
}
static inline uint64_t zone_free_pages(const struct zone *z)
{
	return (uint64_t)z->stat.item[NR_FREE_PAGES];
}
static inline uint64_t zone_wmark(const struct zone *z, enum watermark w)
{
	return z->watermark[w] + z->watermark_boost;
}
/* WMARK_PROMO: as far above high as that is above low. */
static inline uint64_t zone_wmark_promo(const struct zone *z)
{
	return zone_wmark(z, WMARK_HIGH) + z->watermark[WMARK_HIGH] - z->watermark[WMARK_LOW];
}
/* Sum of a node item or zone item over the machine. */
int64_t memory_node_total(const struct memory *m, enum node_item i);
int64_t memory_zone_total(const struct memory *m, enum zone_item i);
int64_t node_zone_total(const struct node *n, enum zone_item i);
uint64_t memory_free_pages(const struct memory *m);

#endif

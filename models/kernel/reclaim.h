/*
 * reclaim.h - getting memory back (mm/vmscan.c, Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_RECLAIM_H
#define MODELS_KERNEL_RECLAIM_H

#include "models/kernel/swap.h"
#include "models/kernel/workingset.h"
#include "models/kernel/writeback.h"
#include "models/kernel/zonelist.h"

#define SWAP_CLUSTER_MAX    32u
#define DEF_PRIORITY        12
#define MAX_RECLAIM_RETRIES 16

/* One reclaim: what is wanted, what may be done, what was done (struct scan_control). */
struct reclaim_request {
	uint64_t nr_to_reclaim;
	gfp_t gfp;
	unsigned order;
	int reclaim_idx; /* highest zone */
	nodemask_t nodemask;
	struct memcg *target; /* the group that is to shrink; NULL: the machine is short */
	int priority;
	bool may_writepage, may_unmap, may_swap, no_demotion;
	/* inside */
	bool force_deactivate, skipped_deactivate, cache_trim_mode, file_is_tiny;
	bool deactivate_anon, deactivate_file;
	uint64_t anon_cost, file_cost;
	uint64_t last_reclaimed;
	bool needs_aging;              /* memcgs_need_aging */
	bool low_reclaim, low_skipped; /* memory.low is not respected; was a reason to spare something */
	/* answers */
	uint64_t nr_scanned, nr_reclaimed;
	struct {
		uint64_t dirty, unqueued_dirty, congested, writeback, immediate, file_taken, taken;
	} nr;
};

/* How the pages of a node are aged and chosen. One file in reclaim/ and one row. */
struct reclaim_ops {
	const char *name;
	const char *sentence;
	/* Once, before the machine runs; NULL: nothing to do. */
	void (*setup)(struct kernel *k);
	/* Before a node is shrunk: reads costs and sizes, decides what may be deactivated
	 * (prepare_scan_count). */
	void (*prepare)(struct task *cur, struct lruvec *l, struct reclaim_request *r);
	/* Scans the lists at r->priority (shrink_lruvec). */
	void (*shrink)(struct task *cur, struct lruvec *l, struct reclaim_request *r);
	/* kswapd, before each pass, for all groups (kswapd_age_node). */
	void (*age)(struct task *cur, struct node *n, struct reclaim_request *r);
	/* After a reclaim: remembers refaults (snapshot_refaults). */
	void (*finish)(struct lruvec *l);
};
const char *reclaim_name(size_t i);
const struct reclaim_ops *reclaim_at(size_t i);

#define RECLAIM_PARAMS(X, S)                                            \
	X(S, ENUM, algorithm, "reclaim.algorithm", "twolist", 0, 0, "", \
	  "how pages are aged and chosen for reclaim", reclaim_name)
PARAM_STRUCT(reclaim_params, RECLAIM_PARAMS);
extern const struct param_table reclaim_param_table;

/* Sets the chosen algorithm (k->reclaim_algorithm) up. */
void reclaim_setup(struct kernel *k);
/* try_to_free_pages: direct reclaim for ac in cur's time. Returns pages reclaimed. */
uint64_t reclaim_direct(struct task *cur, struct alloc_context *ac);
/* try_to_free_mem_cgroup_pages: shrinks g and the groups in it in cur's time. Returns pages reclaimed. */
uint64_t reclaim_group(struct task *cur, struct memcg *g, uint64_t pages, gfp_t gfp);
/* shrink_node: one pass over a node. */
void reclaim_node(struct task *cur, struct node *n, struct reclaim_request *r);
/* reclaim_pages (MADV_PAGEOUT): reclaims the given pages, which the caller isolated; puts the others back. */
uint64_t reclaim_pages(struct task *cur, const pfn_t *pfns, unsigned n);
/* node_reclaim for zone_reclaim_mode: true when the zone should be tried again. */
bool reclaim_local(struct task *cur, struct zone *z, struct alloc_context *ac);
/* can_demote: cold pages of the node may go to a slower one. r may be NULL. */
bool reclaim_can_demote(const struct kernel *k, const struct node *n, const struct reclaim_request *r);
/* zone_reclaimable_pages */
uint64_t zone_reclaimable_pages(struct kernel *k, const struct zone *z);
/* allow_direct_reclaim: whether the node's reserves are more than half there. */
bool reclaim_reserves_ok(struct kernel *k, struct node *n);
bool node_is_balanced(struct kernel *k, const struct node *n, unsigned order, int highest_zoneidx);

#endif

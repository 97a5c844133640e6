/*
 * reclaim.c - nodes, priorities, throttling: the part of reclaim that does not depend on how pages are aged.
 *
 * Modelled after mm/vmscan.c, Linux 6.1: try_to_free_pages, do_try_to_free_pages, shrink_zones, shrink_node,
 * reclaim_throttle, throttle_direct_reclaim, allow_direct_reclaim, pgdat_balanced, node_reclaim,
 * shrink_node_memcgs, try_to_free_mem_cgroup_pages.
 *
 * Not modelled: compaction's say (should_continue_reclaim, compaction_ready); shrinkers' lists of a group's
 * own (a group's limit frees no slab memory and splits no huge page that waits for it).
 */
#include "models/kernel/reclaim.h"

#include <string.h>

#include "models/kernel/memcg.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"
#include "models/kernel/shrinker.h"

PARAM_TABLE(reclaim, reclaim_params, RECLAIM_PARAMS);

static const struct reclaim_ops *const table[] = {&reclaim_twolist_ops, &reclaim_mglru_ops};

const struct reclaim_ops *reclaim_at(size_t i)
{
	return i < ARRAY_LEN(table) ? table[i] : NULL;
}

const char *reclaim_name(size_t i)
{
	return i < ARRAY_LEN(table) ? table[i]->name : NULL;
}

void reclaim_setup(struct kernel *k)
{
	if (table[k->reclaim_algorithm]->setup)
		table[k->reclaim_algorithm]->setup(k);
}

static bool is_kswapd(const struct task *t)
{
	return t->flags & TASK_KSWAPD;
}

/* ---- throttling ---- */

static uint64_t throttle_key(const struct node *n, enum throttle_reason reason)
{
	return WAIT_KEY(WAIT_RECLAIM, n->nid * 4u + (unsigned)reason);
}

static bool skip_noprogress(struct kernel *k, const struct node *n)
{
	uint64_t reclaimable = 0, pending = 0;

	if (n->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return true;
	for (unsigned z = 0; z < NR_ZONES; z++) {
		if (!n->zone[z].managed)
			continue;
		reclaimable += zone_reclaimable_pages(k, &n->zone[z]);
		pending += (uint64_t)n->zone[z].stat.item[NR_ZONE_WRITE_PENDING];
	}
	return 2 * pending <= reclaimable;
}

void reclaim_throttle(struct task *cur, struct node *n, enum throttle_reason reason)
{
	tick_t jiffy = PS_PER_S / 250, timeout = jiffy;

	if (!is_kswapd(cur) && cur->flags & TASK_KTHREAD) {
		sched_cond(cur);
		return;
	}
	(void)swap_plug_flush(cur);
	switch (reason) {
	case THROTTLE_WRITEBACK:
		timeout = 25 * jiffy; /* HZ/10 */
		if (n->nr_writeback_throttled++ == 0)
			n->nr_reclaim_start = n->stat.item[NR_THROTTLED_WRITTEN];
		break;
	case THROTTLE_ISOLATED:
		timeout = 5 * jiffy; /* HZ/50 */
		break;
	case THROTTLE_NOPROGRESS:
	case THROTTLE_CONGESTED:
		if (skip_noprogress(cur->k, n)) {
			sched_cond(cur);
			return;
		}
		break;
	}
	sched_wait(cur, throttle_key(n, reason), task_now(cur) + timeout, true);
	if (reason == THROTTLE_WRITEBACK)
		n->nr_writeback_throttled--;
}

void reclaim_throttle_wake(struct task *cur, struct node *n, enum throttle_reason reason)
{
	sched_wake(cur->k, throttle_key(n, reason), task_now(cur));
}

/* ---- facts about zones and nodes ---- */

uint64_t zone_reclaimable_pages(struct kernel *k, const struct zone *z)
{
	int64_t n = z->stat.item[NR_ZONE_INACTIVE_FILE] + z->stat.item[NR_ZONE_ACTIVE_FILE];

	if (swap_free_slots(k->swap) || reclaim_can_demote(k, &k->memory->node[z->nid], NULL))
		n += z->stat.item[NR_ZONE_INACTIVE_ANON] + z->stat.item[NR_ZONE_ACTIVE_ANON];
	return n ? (uint64_t)n : zone_free_pages(z);
}

bool node_is_balanced(struct kernel *k, const struct node *n, unsigned order, int highest_zoneidx)
{
	bool any = false;

	for (int i = 0; i <= highest_zoneidx; i++) {
		const struct zone *z = &n->zone[i];
		uint64_t mark;

		if (!z->managed)
			continue;
		any = true;
		mark = k->params.numa_balancing & NUMA_BALANCING_TIERING ? zone_wmark_promo(z)
									 : zone_wmark(z, WMARK_HIGH);
		if (zone_watermark_ok(z, order, mark, (enum zone_id)highest_zoneidx, 0, zone_free_pages(z)))
			return true;
	}
	return !any;
}

bool reclaim_reserves_ok(struct kernel *k, struct node *n)
{
	uint64_t reserve = 0, free = 0;

	if (n->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return true;
	for (int i = 0; i <= ZONE_NORMAL; i++) {
		const struct zone *z = &n->zone[i];

		if (!z->managed || !zone_reclaimable_pages(k, z))
			continue;
		reserve += zone_wmark(z, WMARK_MIN);
		free += zone_free_pages(z);
	}
	if (!reserve || free > reserve / 2)
		return true;
	if (n->kswapd_highest_zoneidx > ZONE_NORMAL)
		n->kswapd_highest_zoneidx = ZONE_NORMAL;
	sched_wake(k, WAIT_KEY(WAIT_KSWAPD, n->nid), kernel_now(k));
	return false;
}

/* ---- one node ---- */

/* LRUVEC_CONGESTED of the lists that the reclaim is for. */
static bool is_congested(const struct node *n, const struct reclaim_request *r)
{
	return r->target ? r->target->lruvec[n->nid].congested : (n->reclaim_flags & NODE_CONGESTED) != 0;
}

static void after_node(struct task *cur, struct node *n, struct reclaim_request *r)
{
	if (is_kswapd(cur)) {
		if (r->nr.writeback && r->nr.writeback == r->nr.taken)
			n->reclaim_flags |= NODE_WRITEBACK;
		if (r->nr.unqueued_dirty == r->nr.file_taken)
			n->reclaim_flags |= NODE_DIRTY;
		if (r->nr.immediate)
			reclaim_throttle(cur, n, THROTTLE_WRITEBACK);
		if (r->nr.dirty && r->nr.dirty == r->nr.congested)
			n->reclaim_flags |= NODE_CONGESTED;
		return;
	}
	if (r->target && r->nr.dirty && r->nr.dirty == r->nr.congested)
		r->target->lruvec[n->nid].congested = true;
	if (is_congested(n, r))
		reclaim_throttle(cur, n, THROTTLE_CONGESTED);
}

static const struct reclaim_ops *algorithm(const struct kernel *k)
{
	return reclaim_at(k->reclaim_algorithm);
}

/* Whether memory.min or memory.low spares a group in this pass. */
static bool is_protected(struct kernel *k, struct memcg *g, struct reclaim_request *r)
{
	memcg_calculate_protection(k, r->target, g);
	if (memcg_below_min(g))
		return true;
	if (!memcg_below_low(g))
		return false;
	if (!r->low_reclaim) {
		r->low_skipped = true;
		return true;
	}
	memcg_event(g, MEMCG_LOW, 1);
	return false;
}

/* shrink_node_memcgs: the target's lists and those of all groups in it. */
static void shrink_groups(struct task *cur, struct node *n, struct reclaim_request *r)
{
	struct lruvec *l = NULL;

	while ((l = memcg_next(cur->k, n, r->target, l))) {
		sched_cond(cur);
		if (is_protected(cur->k, l->memcg, r))
			continue;
		algorithm(cur->k)->shrink(cur, l, r);
		if (!l->memcg)
			shrink_slab(cur, n, r->priority);
	}
}

void reclaim_node(struct task *cur, struct node *n, struct reclaim_request *r)
{
	uint64_t before = r->nr_reclaimed;

	memset(&r->nr, 0, sizeof r->nr);
	algorithm(cur->k)->prepare(cur, memcg_lruvec(r->target, n), r);
	shrink_groups(cur, n, r);
	r->nr_reclaimed += cur->reclaimed_slab;
	cur->reclaimed_slab = 0;
	after_node(cur, n, r);
	if (r->nr_reclaimed > before)
		n->kswapd_failures = 0;
}

/* ---- direct reclaim ---- */

/* Nodes of the request's zonelist, each once, in order. */
static struct node *next_node(struct kernel *k, struct alloc_context *ac, struct zone_iter *it,
			      const struct node *last)
{
	struct alloc_context hard = *ac; /* shrink_zones: the cpuset's walls stand, whatever it is for */
	struct zone *z;

	hard.gfp |= GFP_BIT_HARDWALL;
	while ((z = zonelist_next(k->memory, &hard, it, true)))
		if (!last || z->nid != last->nid)
			return &k->memory->node[z->nid];
	return NULL;
}

static void throttle_if_no_progress(struct task *cur, struct node *first, const struct reclaim_request *r)
{
	if (r->nr_reclaimed > r->nr_scanned >> 3)
		reclaim_throttle_wake(cur, first, THROTTLE_NOPROGRESS);
	else if (!is_kswapd(cur) && !r->target && r->priority == 1 && !r->nr_reclaimed)
		reclaim_throttle(cur, first, THROTTLE_NOPROGRESS);
}

static void shrink_nodes(struct task *cur, struct alloc_context *ac, struct reclaim_request *r)
{
	struct zone_iter it = {0};
	struct node *n = NULL, *first = NULL;

	while ((n = next_node(cur->k, ac, &it, n))) {
		first = first ? first : n;
		reclaim_node(cur, n, r);
	}
	if (first)
		throttle_if_no_progress(cur, first, r);
}

/* After the last priority: what the next reclaim of these lists needs to know. */
static void finish_nodes(struct kernel *k, struct alloc_context *ac, const struct reclaim_request *r)
{
	struct zone_iter it = {0};
	struct node *n = NULL;

	while ((n = next_node(k, ac, &it, n))) {
		struct lruvec *l = memcg_lruvec(r->target, n);

		algorithm(k)->finish(l);
		l->congested = false;
	}
}

/* Nothing was reclaimed: whether to go round again, with less mercy. */
static bool try_harder(struct reclaim_request *r)
{
	if (r->skipped_deactivate) {
		r->force_deactivate = true;
		r->skipped_deactivate = false;
		return true;
	}
	if (r->low_skipped) {
		r->force_deactivate = false;
		r->low_reclaim = true;
		r->low_skipped = false;
		return true;
	}
	return false;
}

/* do_try_to_free_pages */
static uint64_t reclaim_by_priority(struct task *cur, struct alloc_context *ac, struct reclaim_request *r)
{
	struct memory *m = cur->k->memory;

	do {
		if (!r->target)
			vm_event(m, (enum vm_event)(VMEV_ALLOCSTALL_DMA + r->reclaim_idx), 1);
		r->priority = DEF_PRIORITY;
		do {
			r->nr_scanned = 0;
			shrink_nodes(cur, ac, r);
			if (r->nr_reclaimed >= r->nr_to_reclaim)
				break;
		} while (--r->priority >= 0);
		finish_nodes(cur->k, ac, r);
	} while (!r->nr_reclaimed && try_harder(r));
	return r->nr_reclaimed;
}

static bool is_killed(const struct task *t)
{
	return t->process && t->process->killed;
}

/*
 * throttle_direct_reclaim: waits while a node's reserves are nearly gone. True: killed meanwhile. Who was
 * killed before neither waits nor gives up: it reclaims, or the allocator would take it for progress for
 * ever.
 */
static bool wait_for_reserves(struct task *cur, struct alloc_context *ac)
{
	struct kernel *k = cur->k;
	struct zone_iter it = {0};
	struct zone *z;
	struct node *n;

	if (cur->flags & (TASK_KTHREAD | TASK_OOM_VICTIM) || is_killed(cur))
		return false;
	while ((z = zonelist_next(k->memory, ac, &it, false)) && z->id > ZONE_NORMAL)
		;
	if (!z)
		return false;
	n = &k->memory->node[z->nid];
	if (reclaim_reserves_ok(k, n))
		return false;
	vm_event(k->memory, VMEV_PGSCAN_DIRECT_THROTTLE, 1);
	while (!reclaim_reserves_ok(k, n) && !is_killed(cur))
		sched_wait(cur, WAIT_KEY(WAIT_PFMEMALLOC, n->nid), task_now(cur) + PS_PER_S, false);
	return is_killed(cur);
}

uint64_t reclaim_direct(struct task *cur, struct alloc_context *ac)
{
	struct reclaim_request r = {
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.gfp = ac->gfp,
		.order = ac->order,
		.reclaim_idx = (int)gfp_zone(ac->gfp),
		.nodemask = ac->nodemask,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
	};
	uint64_t reclaimed;

	if (wait_for_reserves(cur, ac))
		return 1;
	reclaimed = reclaim_by_priority(cur, ac, &r);
	kernel_event(cur->k, KEV_DIRECT_RECLAIM, cur->comm, (int64_t)reclaimed, NULL);
	return reclaimed;
}

uint64_t reclaim_group(struct task *cur, struct memcg *g, uint64_t pages, gfp_t gfp)
{
	/* GFP_RECLAIM_MASK: from who asks; the rest: any zone */
	const gfp_t asked = GFP_BIT_RECLAIM | GFP_BIT_HIGH | GFP_BIT_IO | GFP_BIT_FS | GFP_BIT_NOWARN |
			    GFP_BIT_RETRY_MAYFAIL | GFP_BIT_NOFAIL | GFP_BIT_NORETRY | GFP_BIT_MEMALLOC |
			    GFP_BIT_NOMEMALLOC | GFP_BIT_ATOMIC;
	struct alloc_context ac = {.gfp = (gfp & asked) | (GFP_HIGHUSER_MOVABLE & ~asked),
				   .cpu = cur->exec->cpu,
				   .cpu_nid = cur->exec->nid,
				   .preferred_nid = cur->exec->nid};
	struct reclaim_request r = {
		.nr_to_reclaim = MAX_OF(pages, (uint64_t)SWAP_CLUSTER_MAX),
		.gfp = ac.gfp,
		.reclaim_idx = NR_ZONES - 1,
		.target = g,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true,
	};
	bool inside = cur->flags & TASK_MEMALLOC;

	sched_sync(cur);
	alloc_context_prepare(cur->k->memory, &ac);
	cur->flags |= TASK_MEMALLOC;
	(void)reclaim_by_priority(cur, &ac, &r);
	if (!inside)
		cur->flags &= ~TASK_MEMALLOC;
	return r.nr_reclaimed;
}

/* ---- zone_reclaim_mode ---- */

#define RECLAIM_WRITE 2u
#define RECLAIM_UNMAP 4u

static uint64_t unmapped_file_pages(const struct node *n)
{
	int64_t file = n->stat.item[NR_INACTIVE_FILE] + n->stat.item[NR_ACTIVE_FILE];
	int64_t mapped = n->stat.item[NR_FILE_MAPPED];

	return file > mapped ? (uint64_t)(file - mapped) : 0;
}

bool reclaim_local(struct task *cur, struct zone *z, struct alloc_context *ac)
{
	struct kernel *k = cur->k;
	struct node *n = &k->memory->node[z->nid];
	uint64_t mode = k->params.zone_reclaim_mode, managed = 0, spare;
	struct reclaim_request r = {
		.nr_to_reclaim = MAX_OF((uint64_t)1 << ac->order, (uint64_t)SWAP_CLUSTER_MAX),
		.gfp = ac->gfp,
		.order = ac->order,
		.priority = 4, /* NODE_RECLAIM_PRIORITY */
		.reclaim_idx = (int)gfp_zone(ac->gfp),
		.may_writepage = mode & RECLAIM_WRITE,
		.may_unmap = mode & RECLAIM_UNMAP,
		.may_swap = true,
	};

	for (unsigned i = 0; i < NR_ZONES; i++)
		managed += n->zone[i].managed;
	spare = mode & RECLAIM_UNMAP ? (uint64_t)n->stat.item[NR_FILE_PAGES] : unmapped_file_pages(n);
	if (!(mode & RECLAIM_WRITE))
		spare -= MIN_OF(spare, (uint64_t)n->stat.item[NR_FILE_DIRTY]);
	if (spare <= managed * k->params.min_unmapped_ratio / 100 &&
	    (uint64_t)n->stat.item[NR_SLAB_RECLAIMABLE] <= managed * k->params.min_slab_ratio / 100)
		return false;
	if (!(ac->gfp & GFP_BIT_DIRECT_RECLAIM) || cur->flags & TASK_MEMALLOC)
		return false;
	if (ac->cpu_nid != z->nid && n->has_memory && k->memory->topo->node_cpus[z->nid])
		return false;
	cur->flags |= TASK_MEMALLOC;
	do {
		reclaim_node(cur, n, &r);
	} while (r.nr_reclaimed < r.nr_to_reclaim && --r.priority >= 0);
	cur->flags &= ~TASK_MEMALLOC;
	if (r.nr_reclaimed < r.nr_to_reclaim)
		vm_event(k->memory, VMEV_PGSCAN_ZONE_RECLAIM_FAILED, 1);
	return r.nr_reclaimed >= r.nr_to_reclaim;
}

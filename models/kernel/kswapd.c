/*
 * kswapd.c - background reclaim.
 *
 * Modelled after mm/vmscan.c, Linux 6.1: kswapd, kswapd_try_to_sleep (a short sleep of HZ/10 first),
 * balance_pgdat with boosted watermarks, kswapd_shrink_node, wakeup_kswapd. It is a task of its node's CPUs
 * and competes for them.
 *
 * Not modelled: freezing.
 */
#include "models/kernel/kswapd.h"

#include <stdio.h>

#include "models/kernel/compact.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"

static void log_node(struct kernel *k, enum kernel_event ev, const struct node *n, int64_t value)
{
	char scope[24];

	snprintf(scope, sizeof scope, "node/%u", n->nid);
	kernel_event(k, ev, scope, value, NULL);
}

/* kswapd_shrink_node: true when it scanned as much as it meant to reclaim. */
static bool shrink_pass(struct task *cur, struct node *n, struct reclaim_request *r)
{
	r->nr_to_reclaim = 0;
	for (int z = 0; z <= r->reclaim_idx; z++)
		if (n->zone[z].managed)
			r->nr_to_reclaim +=
				MAX_OF(zone_wmark(&n->zone[z], WMARK_HIGH), (uint64_t)SWAP_CLUSTER_MAX);
	reclaim_node(cur, n, r);
	if (r->order && r->nr_reclaimed >= 2u << r->order) /* compact_gap */
		r->order = 0;
	return r->nr_scanned >= r->nr_to_reclaim;
}

static void wake_throttled(struct task *cur, struct node *n)
{
	if (reclaim_reserves_ok(cur->k, n))
		sched_wake(cur->k, WAIT_KEY(WAIT_PFMEMALLOC, n->nid), task_now(cur));
}

/* The loop over priorities. boost: pages that the raised watermarks ask for beyond the normal ones. */
static void balance_passes(struct task *cur, struct node *n, struct reclaim_request *r, uint64_t boost)
{
	const struct reclaim_ops *ops = reclaim_at(cur->k->reclaim_algorithm);

	r->priority = DEF_PRIORITY;
	do {
		uint64_t before = r->nr_reclaimed, done;
		bool balanced = node_is_balanced(cur->k, n, r->order, r->reclaim_idx);
		bool raise = true;

		if (!balanced && boost) { /* a real shortage comes first */
			boost = 0;
			r->priority = DEF_PRIORITY;
			continue;
		}
		if (!boost && balanced)
			return;
		if (boost && r->priority == DEF_PRIORITY - 2)
			raise = false;
		r->may_writepage = !boost || r->priority < DEF_PRIORITY - 2;
		r->may_swap = !boost;
		ops->age(cur, n, r);
		r->nr_scanned = 0;
		if (shrink_pass(cur, n, r))
			raise = false;
		wake_throttled(cur, n);
		done = r->nr_reclaimed - before;
		boost -= MIN_OF(boost, done);
		if (boost && !done)
			break;
		if (raise || !done)
			r->priority--;
	} while (r->priority >= 1);
	if (!r->nr_reclaimed)
		n->kswapd_failures++;
}

/* balance_pgdat: returns the order it gave up at. */
static unsigned balance(struct task *cur, struct node *n, unsigned order, int highest_zoneidx)
{
	struct reclaim_request r = {
		.gfp = GFP_KERNEL, .order = order, .may_unmap = true, .reclaim_idx = highest_zoneidx};
	uint64_t boosts[NR_ZONES] = {0}, boost = 0;

	vm_event(cur->k->memory, VMEV_PAGEOUTRUN, 1);
	for (int z = 0; z <= highest_zoneidx; z++) {
		boosts[z] = n->zone[z].managed ? n->zone[z].watermark_boost : 0;
		boost += boosts[z];
	}
	balance_passes(cur, n, &r, boost);
	for (int z = 0; z <= highest_zoneidx; z++)
		n->zone[z].watermark_boost -= MIN_OF(n->zone[z].watermark_boost, boosts[z]);
	if (boost) /* there is likely room now to undo the fragmentation */
		kcompactd_wake(cur, n, PAGEBLOCK_ORDER, (enum zone_id)highest_zoneidx);
	reclaim_at(cur->k->reclaim_algorithm)->finish(&n->lruvec);
	return r.order;
}

static bool may_sleep(struct task *cur, struct node *n, unsigned order, int highest_zoneidx)
{
	sched_wake(cur->k, WAIT_KEY(WAIT_PFMEMALLOC, n->nid), task_now(cur));
	if (n->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return true;
	if (!node_is_balanced(cur->k, n, order, highest_zoneidx))
		return false;
	n->reclaim_flags = 0; /* clear_pgdat_congested */
	return true;
}

static int wanted_zoneidx(const struct node *n, int before)
{
	return n->kswapd_highest_zoneidx == NR_ZONES ? before : n->kswapd_highest_zoneidx;
}

static void try_to_sleep(struct task *cur, struct node *n, unsigned alloc_order, unsigned order,
			 int highest_zoneidx)
{
	struct memory *m = cur->k->memory;
	uint64_t key = WAIT_KEY(WAIT_KSWAPD, n->nid);
	bool woken = false;

	if (may_sleep(cur, n, order, highest_zoneidx)) {
		compact_forget_skips(cur, n);
		kcompactd_wake(cur, n, alloc_order, (enum zone_id)highest_zoneidx);
		woken = sched_wait(cur, key, task_now(cur) + PS_PER_S / 10, false);
		if (woken) {
			n->kswapd_highest_zoneidx = wanted_zoneidx(n, highest_zoneidx);
			n->kswapd_order = MAX_OF(n->kswapd_order, (int)order);
		}
	}
	if (!woken && may_sleep(cur, n, order, highest_zoneidx)) {
		log_node(cur->k, KEV_KSWAPD_SLEEP, n, node_zone_total(n, NR_FREE_PAGES));
		sched_wait(cur, key, TICK_NEVER, false);
	} else {
		vm_event(m, woken ? VMEV_KSWAPD_LOW_WMARK_HIT_QUICKLY : VMEV_KSWAPD_HIGH_WMARK_HIT_QUICKLY,
			 1);
	}
}

static struct node *node_of(const struct task *cur)
{
	for (unsigned i = 0; i < cur->k->memory->nr_nodes; i++)
		if (cur->k->memory->node[i].kswapd == cur)
			return &cur->k->memory->node[i];
	CHECK(false, "task %u is no kswapd", cur->id);
	return NULL;
}

static void kswapd_main(struct task *cur)
{
	struct node *n = node_of(cur);
	int highest = NR_ZONES - 1;
	unsigned alloc_order, reclaim_order;

	alloc_order = reclaim_order = (unsigned)n->kswapd_order;
	for (;;) {
		highest = wanted_zoneidx(n, highest);
		try_to_sleep(cur, n, alloc_order, reclaim_order, highest);
		alloc_order = (unsigned)n->kswapd_order;
		highest = wanted_zoneidx(n, highest);
		n->kswapd_order = 0;
		n->kswapd_highest_zoneidx = NR_ZONES;
		reclaim_order = balance(cur, n, alloc_order, highest);
		if (node_is_balanced(cur->k, n, reclaim_order, highest))
			log_node(cur->k, KEV_WMARK_HIGH, n, node_zone_total(n, NR_FREE_PAGES));
		if (reclaim_order >= alloc_order)
			reclaim_order = (unsigned)n->kswapd_order;
	}
}

void kswapd_start(struct kernel *k)
{
	for (unsigned i = 0; i < k->memory->nr_nodes; i++) {
		struct node *n = &k->memory->node[i];
		char name[24];

		if (!n->has_memory)
			continue;
		snprintf(name, sizeof name, "kswapd%u", i);
		n->kswapd_order = 0;
		n->kswapd_highest_zoneidx = NR_ZONES;
		n->kswapd = sched_kthread(k, name, i, kswapd_main);
		n->kswapd->flags |= TASK_MEMALLOC | TASK_KSWAPD;
		n->kswapd->reclaim_cause = CYCLES_reclaim_kswapd;
	}
}

static bool is_boosted(const struct node *n, int highest_zoneidx)
{
	for (int z = 0; z <= highest_zoneidx; z++)
		if (n->zone[z].managed && n->zone[z].watermark_boost)
			return true;
	return false;
}

void kswapd_wake(struct task *cur, struct zone *z, gfp_t gfp, unsigned order, enum zone_id highest_zoneidx)
{
	struct node *n = &cur->k->memory->node[z->nid];

	if (!z->managed || !n->kswapd)
		return;
	if (n->kswapd_highest_zoneidx == NR_ZONES || n->kswapd_highest_zoneidx < (int)highest_zoneidx)
		n->kswapd_highest_zoneidx = (int)highest_zoneidx;
	if (n->kswapd_order < (int)order)
		n->kswapd_order = (int)order;
	if (n->kswapd->wait_key != WAIT_KEY(WAIT_KSWAPD, n->nid))
		return;
	if (n->kswapd_failures >= MAX_RECLAIM_RETRIES ||
	    (node_is_balanced(cur->k, n, order, (int)highest_zoneidx) &&
	     !is_boosted(n, (int)highest_zoneidx))) {
		if (!(gfp & GFP_BIT_DIRECT_RECLAIM)) /* enough is free, but in pieces */
			kcompactd_wake(cur, n, order, highest_zoneidx);
		return;
	}
	log_node(cur->k, KEV_WMARK_LOW, n, (int64_t)zone_free_pages(z));
	log_node(cur->k, KEV_KSWAPD_WAKE, n, order);
	task_charge(cur, CYCLES_alloc, cur->k->cost.kswapd_wake);
	sched_wake(cur->k, n->kswapd->wait_key, task_now(cur));
}

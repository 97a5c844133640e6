/*
 * kcompactd.c - the threads that compact in the background.
 *
 * Modelled after mm/compaction.c of Linux 6.1: kcompactd, kcompactd_do_work, wakeup_kcompactd,
 * proactive_compact_node, should_proactive_compact_node. kswapd wakes a node's thread when it goes to sleep
 * after work for a large order; every half second the thread looks by itself whether the node is too
 * fragmented.
 *
 * Not modelled: freezing, stopping.
 */
#include <stdio.h>

#include "models/kernel/compact/scan.h"
#include "models/kernel/sched.h"

#define CHECK_INTERVAL  (PS_PER_S / 2) /* HPAGE_FRAG_CHECK_INTERVAL_MSEC */
#define MAX_DEFER_SHIFT 6

void kcompactd_work(struct task *cur, struct node *n)
{
	struct memory *m = cur->k->memory;
	int order = n->kcompactd_order, highest = n->kcompactd_highest_zoneidx;

	vm_event(m, VMEV_KCOMPACTD_WAKE, 1);
	for (int i = 0; i <= highest; i++) {
		struct compaction c = {.cur = cur,
				       .k = cur->k,
				       .z = &n->zone[i],
				       .order = order,
				       .search_order = order,
				       .highest = (enum zone_id)highest,
				       .mode = MIGRATE_SYNC_LIGHT,
				       .gfp = GFP_KERNEL};
		enum compact_result r;

		if (!c.z->managed || compact_is_deferred(c.z, (unsigned)order) ||
		    compact_suitable(cur->k, c.z, (unsigned)order, 0, (enum zone_id)i) != COMPACT_CONTINUE)
			continue;
		r = compact_zone(&c);
		if (r == COMPACT_SUCCESS) {
			compact_defer_reset(c.z, (unsigned)order, false);
		} else if (r == COMPACT_PARTIAL_SKIPPED || r == COMPACT_COMPLETE) {
			pcp_drain_all(m);
			compact_defer(c.z, (unsigned)order);
		}
		vm_event(m, VMEV_KCOMPACTD_MIGRATE_SCANNED, c.migrate_scanned);
		vm_event(m, VMEV_KCOMPACTD_FREE_SCANNED, c.free_scanned);
	}
	if (n->kcompactd_order <= order)
		n->kcompactd_order = 0;
	if (n->kcompactd_highest_zoneidx >= highest)
		n->kcompactd_highest_zoneidx = NR_ZONES - 1;
}

static void work_ahead(struct task *cur, struct node *n)
{
	for (unsigned i = 0; i < NR_ZONES; i++) {
		struct compaction c = {.cur = cur,
				       .k = cur->k,
				       .z = &n->zone[i],
				       .order = -1,
				       .mode = MIGRATE_SYNC_LIGHT,
				       .ignore_skip = true,
				       .whole_zone = true,
				       .gfp = GFP_KERNEL,
				       .proactive = true};

		if (n->zone[i].managed)
			compact_zone(&c);
	}
}

static struct node *node_of(const struct task *cur)
{
	for (unsigned i = 0; i < cur->k->memory->nr_nodes; i++)
		if (cur->k->memory->node[i].kcompactd == cur)
			return &cur->k->memory->node[i];
	CHECK(false, "task %u is no kcompactd", cur->id);
	return NULL;
}

static void kcompactd_main(struct task *cur)
{
	struct node *n = node_of(cur);
	bool ahead = cur->k->params.compaction_proactiveness > 0;
	tick_t timeout = CHECK_INTERVAL;
	unsigned before;

	for (;;) {
		if (n->kcompactd_order || sched_wait(cur, WAIT_KEY(WAIT_KCOMPACTD, n->nid),
						     ahead ? task_now(cur) + timeout : TICK_NEVER, false)) {
			if (n->kcompactd_order)
				kcompactd_work(cur, n);
			timeout = CHECK_INTERVAL;
			continue;
		}
		timeout = CHECK_INTERVAL;
		before = compact_score(n);
		if (compact_kswapd_runs(n) || before <= compact_score_mark(cur->k, false))
			continue;
		work_ahead(cur, n);
		if (compact_score(n) >= before)
			timeout = CHECK_INTERVAL << MAX_DEFER_SHIFT;
	}
}

void kcompactd_start(struct kernel *k)
{
	for (unsigned i = 0; i < k->memory->nr_nodes; i++) {
		struct node *n = &k->memory->node[i];
		char name[24];

		if (!n->has_memory)
			continue;
		snprintf(name, sizeof name, "kcompactd%u", i);
		n->kcompactd_order = 0;
		n->kcompactd_highest_zoneidx = NR_ZONES - 1;
		n->kcompactd = sched_kthread(k, name, i, kcompactd_main);
	}
}

void kcompactd_wake(struct task *cur, struct node *n, unsigned order, enum zone_id highest)
{
	if (!order || !n->kcompactd)
		return;
	n->kcompactd_order = MAX_OF(n->kcompactd_order, (int)order);
	n->kcompactd_highest_zoneidx = MIN_OF(n->kcompactd_highest_zoneidx, (int)highest);
	if (n->kcompactd->wait_key != WAIT_KEY(WAIT_KCOMPACTD, n->nid))
		return;
	for (int i = 0; i <= n->kcompactd_highest_zoneidx; i++)
		if (n->zone[i].managed &&
		    compact_suitable(cur->k, &n->zone[i], (unsigned)n->kcompactd_order, 0,
				     (enum zone_id)n->kcompactd_highest_zoneidx) == COMPACT_CONTINUE) {
			sched_wake(cur->k, n->kcompactd->wait_key, task_now(cur));
			return;
		}
}

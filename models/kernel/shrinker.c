/*
 * shrinker.c - the kinds of objects that shrinkers give back, and how many each is asked for.
 *
 * Modelled after mm/vmscan.c (shrink_slab, do_shrink_slab, drop_slab), mm/workingset.c (count_shadow_nodes,
 * scan_shadow_nodes), mm/huge_memory.c (shrink_huge_zero_page_count, shrink_huge_zero_page_scan,
 * deferred_split_count, deferred_split_scan); Linux 6.1. What a round was asked for but did not scan is
 * carried over to the next (nr_deferred). O(kinds + objects looked at).
 *
 * Not modelled: shrinkers of dentries, inodes and drivers; nodes of shadows are counted over all NUMA nodes.
 */
#include "models/kernel/shrinker.h"

#include "models/kernel/lru.h"
#include "models/kernel/pagecache.h"
#include "models/kernel/sched.h"
#include "models/kernel/thp_split.h"

#define SHRINK_BATCH  128u
#define DEFAULT_SEEKS 2u

/* ---- tree nodes that hold shadows only ---- */

static uint64_t count_shadows(struct kernel *k, const struct node *n)
{
	uint64_t nodes, pages = 0, most;

	if (!k->pagecache)
		return 0;
	nodes = pagecache_nr_shadow_nodes(k->pagecache);
	for (unsigned l = LRU_INACTIVE_ANON; l <= LRU_ACTIVE_FILE; l++)
		pages += (uint64_t)n->stat.item[NR_INACTIVE_ANON + l];
	most = pages >> (6 - 3); /* XA_CHUNK_SHIFT - 3: shadows for the pages themselves, eight to the node */
	return nodes > most ? nodes - most : 0;
}

static uint64_t scan_shadows(struct task *cur, struct node *n, uint64_t nr)
{
	(void)n;
	return pagecache_shrink_shadow_nodes(cur, nr);
}

/* ---- the huge zero page ---- */

static uint64_t count_huge_zero(struct kernel *k, const struct node *n)
{
	(void)n;
	return k->huge_zero_pfn && !k->huge_zero_users ? HUGE_PAGE_NR : 0;
}

static uint64_t scan_huge_zero(struct task *cur, struct node *n, uint64_t nr)
{
	pfn_t pfn = cur->k->huge_zero_pfn;

	(void)nr;
	if (!count_huge_zero(cur->k, n))
		return 0;
	cur->k->huge_zero_pfn = 0;
	frame_put(cur->k, cur->exec->cpu, pfn);
	return HUGE_PAGE_NR;
}

/* ---- huge pages with unmapped parts ---- */

static uint64_t count_deferred(struct kernel *k, const struct node *n)
{
	(void)n; /* the queue is the memory cgroup's, the same for all nodes */
	return thp_nr_deferred(k);
}

static uint64_t scan_deferred(struct task *cur, struct node *n, uint64_t nr)
{
	uint64_t split = thp_split_deferred(cur, nr);

	(void)n;
	return !split && !thp_nr_deferred(cur->k) ? SHRINK_STOP : split;
}

/* In the order in which Linux registers them. */
static const struct shrinker_ops table[] = {
	{"thp-zero", DEFAULT_SEEKS, count_huge_zero, scan_huge_zero},
	{"thp-deferred_split", DEFAULT_SEEKS, count_deferred, scan_deferred},
	{"mm-shadow", 0, count_shadows, scan_shadows},
};
_Static_assert(ARRAY_LEN(table) <= MAX_SHRINKERS, "struct node has no room to carry work over");

/* do_shrink_slab */
static uint64_t shrink_one(struct task *cur, struct node *n, size_t i, int priority)
{
	const struct shrinker_ops *ops = &table[i];
	uint64_t freeable = ops->count(cur->k, n), carried, delta, todo, freed = 0, scanned = 0;

	if (!freeable)
		return 0;
	carried = n->shrink_carried[i];
	n->shrink_carried[i] = 0;
	delta = ops->seeks ? (freeable >> priority) * 4 / ops->seeks : freeable / 2;
	todo = MIN_OF((carried >> priority) + delta, 2 * freeable);
	while (todo >= SHRINK_BATCH || todo >= freeable) {
		uint64_t nr = MIN_OF((uint64_t)SHRINK_BATCH, todo), got = ops->scan(cur, n, nr);

		if (got == SHRINK_STOP)
			break;
		freed += got;
		vm_event(cur->k->memory, VMEV_SLABS_SCANNED, nr);
		todo -= nr;
		scanned += nr;
		if (!nr)
			break;
		sched_cond(cur);
	}
	carried += delta;
	carried -= MIN_OF(carried, scanned);
	n->shrink_carried[i] += MIN_OF(carried, 2 * freeable);
	return freed;
}

uint64_t shrink_slab(struct task *cur, struct node *n, int priority)
{
	uint64_t freed = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		freed += shrink_one(cur, n, i, priority);
	return freed;
}

void shrink_drop_slab(struct task *cur)
{
	struct memory *m = cur->k->memory;
	unsigned shift = 0;
	uint64_t freed;

	do {
		freed = 0;
		for (unsigned nid = 0; nid < m->nr_nodes; nid++)
			freed += shrink_slab(cur, &m->node[nid], 0);
	} while (freed >> shift++ > 1);
}

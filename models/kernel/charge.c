/*
 * charge.c - the way of a charge: stock, counters, reclaim, the OOM killer; and what it costs to be above
 * memory.high.
 *
 * Modelled after mm/memcontrol.c, Linux 6.1: try_charge_memcg, charge_memcg, __memcg_kmem_charge_page,
 * get_obj_cgroup_from_current, obj_cgroup_charge, obj_cgroup_uncharge,
 * reclaim_high, mem_cgroup_handle_over_high, calculate_high_delay, mem_cgroup_oom. A charge that fits takes
 * 64 pages at a time into the CPU's stock.
 *
 * A task that had another one killed sleeps for a jiffy before it tries again, so that the victim can die;
 * the kernel goes round its reclaim meanwhile.
 *
 * Not modelled: what charging itself costs in time; stocks of other CPUs are drained at once, not when their
 * workers come to run; userspace OOM handling of cgroup v1 (oom_kill_disable).
 */
#include "models/kernel/charge.h"

#include "models/kernel/oom.h"
#include "models/kernel/reclaim.h"
#include "models/kernel/sched.h"

#define JIFFY               (PS_PER_S / 250)
#define HZ                  250u
#define MAX_HIGH_DELAY      (2 * HZ)
#define PRECISION_SHIFT     20
#define SCALING_SHIFT       14
#define CHARGE_COSTLY_ORDER 3

/* ---- memory.high ---- */

uint64_t charge_overage(uint64_t usage, uint64_t high)
{
	if (usage <= high)
		return 0;
	high = MAX_OF(high, UINT64_C(1));
	return ((usage - high) << PRECISION_SHIFT) / high;
}

uint64_t charge_high_delay(uint64_t overage, uint64_t pages)
{
	uint64_t jiffies = overage * overage * HZ;

	return (jiffies >> (PRECISION_SHIFT + SCALING_SHIFT)) * pages / MEMCG_CHARGE_BATCH;
}

/* What the task owes for the pages, by memory and by swap; mem_find_max_overage, swap_find_max_overage. */
static uint64_t penalty(struct memcg *g, uint64_t pages)
{
	uint64_t memory = 0, swap = 0;

	for (; g; g = g->parent) {
		uint64_t over = charge_overage(g->swap.usage, g->swap.high);

		memory = MAX_OF(memory, charge_overage(g->memory.usage, g->memory.high));
		swap = MAX_OF(swap, over);
		if (over)
			memcg_event(g, MEMCG_SWAP_HIGH, 1);
	}
	return MIN_OF(charge_high_delay(memory, pages) + charge_high_delay(swap, pages),
		      (uint64_t)MAX_HIGH_DELAY);
}

static uint64_t reclaim_high(struct task *cur, struct memcg *g, uint64_t pages, gfp_t gfp)
{
	uint64_t reclaimed = 0;

	for (; g; g = g->parent) {
		if (g->memory.usage <= g->memory.high)
			continue;
		memcg_event(g, MEMCG_HIGH, 1);
		reclaimed += reclaim_group(cur, g, pages, gfp);
	}
	return reclaimed;
}

void charge_over_high(struct task *cur, gfp_t gfp)
{
	uint64_t pages = cur->memcg_over_high, owed, reclaimed;
	struct memcg *g = memcg_of(cur->k, memcg_of_task(cur));
	int retries = MAX_RECLAIM_RETRIES;
	bool again = false;

	cur->memcg_over_high = 0;
	if (!pages || !g)
		return;
	for (;;) {
		reclaimed = reclaim_high(cur, g, again ? SWAP_CLUSTER_MAX : pages, gfp);
		owed = penalty(g, pages);
		if (owed <= HZ / 100)
			return;
		if (!reclaimed && !retries--)
			break;
		again = true;
	}
	if (cur->process->killed)
		return;
	for (struct memcg *p = g; p; p = p->parent) {
		p->stats.throttles++;
		p->stats.throttled_ps += owed * JIFFY;
	}
	sched_sleep_until(cur, task_now(cur) + owed * JIFFY, false);
}

/* done_restock: whoever is above memory.high pays for it later. */
static void check_high(struct task *cur, struct memcg *g, uint64_t batch, gfp_t gfp)
{
	for (; g; g = g->parent)
		if (g->memory.usage > g->memory.high || g->swap.usage > g->swap.high) {
			cur->memcg_over_high += batch;
			if (!(cur->flags & TASK_KTHREAD))
				cur->flags |= TASK_WORK;
			break;
		}
	if (cur->memcg_over_high > MEMCG_CHARGE_BATCH && !(cur->flags & TASK_MEMALLOC) &&
	    gfp & GFP_BIT_DIRECT_RECLAIM)
		charge_over_high(cur, gfp);
}

/* ---- memory.max ---- */

struct attempt {
	struct task *cur;
	struct memcg *g;
	gfp_t gfp;
	uint64_t pages;
	struct memcg *over; /* whose limit it is */
	int retries;
	bool drained, told, killed;
};

/* From the stock or, 64 pages at a time where they fit, from the counters. */
static bool take(struct attempt *a)
{
	struct task *cur = a->cur;
	uint64_t batch = MAX_OF((uint64_t)MEMCG_CHARGE_BATCH, a->pages);

	if (memcg_consume_stock(cur->k, cur->exec->cpu, a->g, a->pages))
		return true;
	if (!memcg_try_charge(a->g, batch, &a->over)) {
		if (batch == a->pages || !memcg_try_charge(a->g, a->pages, &a->over))
			return false;
		batch = a->pages;
	}
	if (batch > a->pages)
		memcg_refill_stock(cur->k, cur->exec->cpu, a->g, batch - a->pages);
	check_high(cur, a->g, batch, a->gfp);
	return true;
}

static unsigned order_of(uint64_t pages)
{
	unsigned order = 0;

	while (UINT64_C(1) << order < pages)
		order++;
	return order;
}

/* mem_cgroup_oom: true when a process died for it, or is about to. */
static bool kill_some(struct attempt *a)
{
	unsigned order = order_of(a->pages);

	if (order > CHARGE_COSTLY_ORDER)
		return false;
	memcg_event(a->over, MEMCG_OOM, 1);
	if (memcg_margin(a->over) >= a->pages)
		return true;
	if (!oom_kill_in(a->cur, a->over, a->gfp, order))
		return false;
	if (!a->cur->process || !a->cur->process->killed)
		sched_sleep_until(a->cur, task_now(a->cur) + JIFFY, false);
	return true;
}

/* The group is at its limit: whether to try again. */
static bool make_room(struct attempt *a)
{
	uint64_t reclaimed;

	memcg_event(a->over, MEMCG_OVER_MAX, 1);
	a->told = true;
	reclaimed = reclaim_group(a->cur, a->over, a->pages, a->gfp);
	if (memcg_margin(a->over) >= a->pages)
		return true;
	if (!a->drained) {
		memcg_drain_stock(a->cur->k, a->over);
		a->drained = true;
		return true;
	}
	if (a->gfp & GFP_BIT_NORETRY)
		return false;
	if (reclaimed && a->pages <= UINT64_C(1) << CHARGE_COSTLY_ORDER)
		return true;
	if (a->retries--)
		return true;
	if (a->gfp & GFP_BIT_RETRY_MAYFAIL || (a->killed && a->cur->process && a->cur->process->killed))
		return false;
	if (!kill_some(a))
		return false;
	a->killed = true;
	a->retries = MAX_RECLAIM_RETRIES;
	return true;
}

static bool try_charge(struct task *cur, struct memcg *g, uint64_t pages, gfp_t gfp)
{
	struct attempt a = {.cur = cur, .g = g, .gfp = gfp, .pages = pages, .retries = MAX_RECLAIM_RETRIES};

	while (!take(&a)) {
		bool force = cur->flags & TASK_MEMALLOC;

		if (!force && gfp & GFP_BIT_DIRECT_RECLAIM && make_room(&a))
			continue;
		if (!force && !(gfp & (GFP_BIT_NOFAIL | GFP_BIT_HIGH)))
			return false;
		if (!a.told)
			memcg_event(a.over, MEMCG_OVER_MAX, 1);
		memcg_force_charge(g, pages);
		break;
	}
	return true;
}

bool charge_frame(struct task *cur, uint32_t group, pfn_t pfn, gfp_t gfp)
{
	struct kernel *k = cur->k;
	struct memcg *g = memcg_of(k, group);

	if (!try_charge(cur, g, frame_nr_pages(frame_of(k->memory, pfn)), gfp))
		return false;
	memcg_commit(k, g, pfn);
	return true;
}

bool charge_kernel_frame(struct task *cur, pfn_t pfn, unsigned order, gfp_t gfp)
{
	struct memcg *g = memcg_of(cur->k, memcg_of_task(cur));

	if (!try_charge(cur, g, UINT64_C(1) << order, gfp))
		return false;
	memcg_commit_kernel(cur->k, g, pfn, order);
	return true;
}

bool charge_object(struct task *cur, unsigned bytes, bool reclaimable, gfp_t gfp, uint32_t *group)
{
	struct kernel *k = cur->k;
	uint64_t pages = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
	struct memcg *g;

	*group = cur->active_memcg ? cur->active_memcg - 1 : memcg_of_task(cur);
	if (!*group)
		return true;
	g = memcg_of(k, *group);
	if (!memcg_consume_bytes(k, cur->exec->cpu, g, bytes)) {
		if (!try_charge(cur, g, pages, gfp))
			return false;
		memcg_object_pages(g, (int64_t)pages);
		if (bytes % PAGE_SIZE)
			memcg_refill_bytes(k, cur->exec->cpu, g, pages * PAGE_SIZE - bytes, false);
	}
	g->slab_bytes[reclaimable] += bytes;
	return true;
}

void uncharge_object(struct task *cur, uint32_t group, unsigned bytes, bool reclaimable)
{
	struct memcg *g = memcg_of(cur->k, group);

	g->slab_bytes[reclaimable] -= bytes;
	memcg_refill_bytes(cur->k, cur->exec->cpu, g, bytes, true);
}

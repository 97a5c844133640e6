/*
 * hot.c - promotion: the hint latency of a page, its threshold and the rate limit.
 *
 * After Linux 6.1, kernel/sched/fair.c: should_numa_migrate_memory (its part for slow memory),
 * pgdat_free_space_enough, numa_hint_fault_latency, numa_promotion_rate_limit,
 * numa_promotion_adjust_threshold; include/linux/mm.h xchg_page_access_time. A page that is used soon after
 * its entry was marked is hot. The latency that counts as soon moves, once in scan_period_max, towards as
 * many candidates as the rate limit lets through. While the fast node has a lot of room (1 GiB, or a
 * sixteenth, above its promo watermark) every page that is used goes there. All O(1).
 *
 * A time is kept in last_cpupid as milliseconds + 1, in the kernel's 21 bits; 0 means none, which the kernel
 * takes for all ones. Time runs in ticks of 4 ms, as jiffies do.
 */
#include "models/kernel/numa_balancing/hot.h"

#include "models/kernel/zonelist.h"

#define TIME_MASK      ((1u << 21) - 1) /* PAGE_ACCESS_TIME_MASK with 8192 possible CPUs */
#define TICK_MS        4
#define ADJUST_STEPS   16
#define PAGES_PER_MIB  (1u << (20 - PAGE_SHIFT))
#define ROOM_MIN_PAGES ((UINT64_C(1) << 30) >> PAGE_SHIFT)

bool hot_is_judged(struct kernel *k, const struct frame *f)
{
	return k->params.numa_balancing & NUMA_BALANCING_TIERING && frame_node(k->memory, f)->tier.slow;
}

static uint64_t now_ms(const struct task *cur)
{
	return task_now(cur) / (TICK_MS * PS_PER_MS) * TICK_MS;
}

/* xchg_page_access_time: the time from the last note to now, ms. */
static uint32_t exchange(const struct task *cur, struct frame *f)
{
	uint32_t now = (uint32_t)now_ms(cur), last = f->last_cpupid - 1;

	f->last_cpupid = (now & TIME_MASK) + 1;
	return (now - last) & TIME_MASK;
}

void hot_note_scan(const struct task *cur, struct frame *f)
{
	(void)exchange(cur, f);
}

/* pgdat_free_space_enough */
static bool has_much_room(const struct node *n)
{
	uint64_t enough = MAX_OF(ROOM_MIN_PAGES, n->present_pages >> 4);

	for (unsigned i = NR_ZONES; i-- > 0;) {
		const struct zone *z = &n->zone[i];

		if (z->present && zone_watermark_ok(z, 0, zone_wmark_promo(z) + enough, ZONE_MOVABLE, 0,
						    zone_free_pages(z)))
			return true;
	}
	return false;
}

/* numa_promotion_adjust_threshold */
static void adjust_threshold(const struct task *cur, struct node *n, uint64_t rate, uint64_t normal)
{
	uint64_t period = cur->k->params.numa_scan_period_max, unit = normal * 2 / ADJUST_STEPS;
	uint64_t candidates = (uint64_t)n->stat.item[NR_PGPROMOTE_CANDIDATE], wanted, came, th;
	struct node_tier *t = &n->tier;

	if (now_ms(cur) - t->threshold_start <= period)
		return;
	t->threshold_start = now_ms(cur);
	wanted = rate * period / 1000;
	came = candidates - t->threshold_candidates;
	th = t->threshold ? t->threshold : normal;
	if (came > wanted * 11 / 10)
		th = th > 2 * unit ? th - unit : unit;
	else if (came < wanted * 9 / 10)
		th = MIN_OF(th + unit, normal * 2);
	t->threshold_candidates = candidates;
	t->threshold = th;
}

/* numa_promotion_rate_limit: true when this second's share is used up. */
static bool is_over_rate(const struct task *cur, struct node *n, uint64_t rate, uint32_t pages)
{
	struct node_tier *t = &n->tier;
	uint64_t candidates;

	node_stat_add(n, NR_PGPROMOTE_CANDIDATE, pages);
	candidates = (uint64_t)n->stat.item[NR_PGPROMOTE_CANDIDATE];
	if (!t->limit_start || now_ms(cur) - (t->limit_start - 1) > 1000) {
		t->limit_start = now_ms(cur) + 1; /* 0: there was none yet */
		t->limit_candidates = candidates;
	}
	return candidates - t->limit_candidates >= rate;
}

bool hot_should_promote(struct task *cur, struct frame *f, unsigned nid)
{
	const struct kernel_params *p = &cur->k->params;
	struct node *n = &cur->k->memory->node[nid];
	uint64_t rate = p->promote_rate * PAGES_PER_MIB;

	if (has_much_room(n)) {
		n->tier.threshold = 0; /* another workload: begin anew */
		return true;
	}
	adjust_threshold(cur, n, rate, p->hot_threshold);
	if (exchange(cur, f) >= (n->tier.threshold ? n->tier.threshold : p->hot_threshold))
		return false;
	return !is_over_rate(cur, n, rate, frame_nr_pages(f));
}

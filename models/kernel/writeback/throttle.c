/*
 * throttle.c - the limits, and the control loop that makes writers as fast as the device.
 *
 * After mm/page-writeback.c, Linux 6.1: global_dirtyable_memory, domain_dirty_limits, wb_position_ratio,
 * pos_ratio_polynom, wb_update_write_bandwidth, wb_update_dirty_ratelimit, update_dirty_limit, wb_max_pause,
 * wb_min_pause, dirty_poll_interval, balance_dirty_pages, balance_dirty_pages_ratelimited, mdtc_calc_avail,
 * wb_over_bg_thresh, wb_domain_writeout_add; mm/memcontrol.c mem_cgroup_wb_stats; lib/flex_proportions.c. In
 * short: below the middle of the two limits writers run freely; above it each sleeps, after some pages, so
 * long that all of them together dirty pages at the rate the device was measured to write, times a position
 * ratio that is 1 at the setpoint and 0 at the hard limit. Time is counted in jiffies of 4 ms
 * (CONFIG_HZ=250).
 *
 * A group's writers are under the limits of the machine and under those of the group, which are the same
 * parts of the file pages it has and could have; the lower position ratio counts. What of the machine's
 * limits is one group's is its part of what was written lately.
 *
 * One thing is stricter: whoever dirties a page while the dirty pages are at the hard limit checks at once,
 * so a single writer never goes beyond it; Linux lets each CPU go on for up to ratelimit_pages.
 *
 * Not modelled: more than one device (without groups a device's share of the threshold is all of it), strict
 * limits, limits in bytes (vm.dirty_bytes), the credit of real-time tasks, pages left by tasks that
 * ended (dirty_throttle_leaks), high memory.
 */
#include "models/kernel/writeback/throttle.h"

#include <string.h>

#include "models/kernel/pageio.h"

#define RATIO_SHIFT 10
#define MAX_PAUSE   (THROTTLE_HZ / 5)
#define POLL_PAGES  32    /* DIRTY_POLL_THRESH */
#define INIT_BW     25600 /* 100 MB/s */
#define HZ_POW2     256   /* roundup_pow_of_two(HZ) */
#define PERIOD_POW2 1024  /* roundup_pow_of_two(3 * HZ) */
#define VM_PERIOD   (3 * THROTTLE_HZ)

/* Where the dirty pages of the machine or of a group stand (struct dirty_throttle_control). */
struct position {
	struct throttle_domain *domain;
	uint64_t avail;
	uint64_t dirty, reclaimable; /* with and without those under write-back */
	uint64_t thresh, background, limit;
	uint64_t wb_dirty, wb_thresh; /* the writer's own, and its part of the threshold */
	uint64_t ratio;               /* 1 << RATIO_SHIFT is 1 */
};

static uint64_t level(const struct memory *m, enum node_item i)
{
	int64_t n = memory_node_total(m, i);

	return n > 0 ? (uint64_t)n : 0;
}

static uint64_t dirtyable(const struct memory *m)
{
	uint64_t free = memory_free_pages(m);

	free -= MIN_OF(free, m->totalreserve_pages);
	return free + level(m, NR_INACTIVE_FILE) + level(m, NR_ACTIVE_FILE) + 1;
}

/* domain_dirty_limits */
static void limits_of(const struct kernel *k, uint64_t available, uint64_t *background, uint64_t *hard)
{
	*hard = MIN_OF(k->params.dirty_ratio * PAGE_SIZE / 100 * available / PAGE_SIZE, (uint64_t)UINT32_MAX);
	*background = k->params.dirty_background_ratio * PAGE_SIZE / 100 * available / PAGE_SIZE;
	if (*background >= *hard)
		*background = *hard / 2;
}

void writeback_limits(struct kernel *k, uint64_t *background, uint64_t *hard)
{
	limits_of(k, dirtyable(k->memory), background, hard);
}

void writeback_refresh_node_limits(struct kernel *k)
{
	for (unsigned nid = 0; nid < k->memory->nr_nodes; nid++) {
		struct node *n = &k->memory->node[nid];
		uint64_t pages = 0;

		for (unsigned z = 0; z < NR_ZONES; z++)
			if (n->zone[z].managed)
				pages += zone_free_pages(&n->zone[z]);
		pages -= MIN_OF(pages, n->totalreserve_pages);
		pages += (uint64_t)(n->stat.item[NR_INACTIVE_FILE] + n->stat.item[NR_ACTIVE_FILE]);
		n->dirty_limit = MIN_OF(k->params.dirty_ratio * pages / 100, (uint64_t)UINT32_MAX);
	}
}

void throttle_common_init(struct throttle_common *c, struct kernel *k, unsigned nr_cpus)
{
	uint64_t background;

	memset(c, 0, sizeof *c);
	c->k = k;
	c->cpu_dirtied = mem_alloc(nr_cpus, sizeof *c->cpu_dirtied);
	writeback_limits(k, &background, &c->domain.dirty_limit);
	c->ratelimit_pages = MAX_OF(c->domain.dirty_limit / (nr_cpus * 32), UINT64_C(16));
}

void throttle_common_release(struct throttle_common *c)
{
	mem_free(c->cpu_dirtied);
}

void throttle_init(struct throttle *t, struct throttle_common *c, struct memcg *g)
{
	memset(t, 0, sizeof *t);
	t->all = c;
	t->memcg = g;
	t->write_bandwidth = t->avg_write_bandwidth = t->ratelimit = t->balanced_ratelimit = INIT_BW;
}

/* ---- whose part it is ---- */

/* fprop_new_period, fprop_reflect_period: what was written longer ago counts half as much each 3 s. */
static void age(uint64_t *completions, uint64_t *period, uint64_t now)
{
	uint64_t periods = now / VM_PERIOD - *period;

	*completions = periods < 64 ? *completions >> periods : 0;
	*period += periods;
}

void throttle_written(struct throttle *t, uint64_t now)
{
	t->written++;
	age(&t->completions, &t->period, now);
	age(&t->all->completions, &t->all->period, now);
	t->completions++;
	t->all->completions++;
}

/* wb_calc_thresh in the machine's domain; a group's domain has one device's writes alone. */
static uint64_t part_of(struct throttle *t, uint64_t thresh, uint64_t now)
{
	uint64_t all;

	if (!t->all->k->memcgs)
		return thresh;
	age(&t->completions, &t->period, now);
	age(&t->all->completions, &t->all->period, now);
	all = MAX_OF(t->all->completions, UINT64_C(1));
	return mul_div_u64(thresh, MIN_OF(t->completions, all), all);
}

/* ---- positions ---- */

static void read_position(struct throttle *t, struct position *p, uint64_t now)
{
	const struct kernel *k = t->all->k;
	const struct memory *m = k->memory;

	memset(p, 0, sizeof *p);
	p->domain = &t->all->domain;
	p->avail = dirtyable(m);
	p->reclaimable = level(m, NR_FILE_DIRTY);
	p->dirty = p->reclaimable + level(m, NR_WRITEBACK);
	p->wb_dirty = t->nr_dirty + t->nr_writeback;
	limits_of(k, p->avail, &p->background, &p->thresh);
	p->limit = MAX_OF(p->thresh, p->domain->dirty_limit);
	p->wb_thresh = part_of(t, p->thresh, now);
}

/* Pages that the group could still have, by its limits and those of the groups it lies in. */
static uint64_t headroom(const struct memcg *g)
{
	uint64_t room = UINT64_MAX;

	for (; g; g = g->parent) {
		uint64_t ceiling = MIN_OF(g->memory.max, g->memory.high);

		room = MIN_OF(room, ceiling - MIN_OF(ceiling, g->memory.usage));
	}
	return room;
}

static uint64_t group_level(const struct throttle *t, enum node_item i)
{
	int64_t n = memcg_state(t->all->k, t->memcg, i);

	return n > 0 ? (uint64_t)n : 0;
}

/* The same for the group's domain; machine: the position read before. in_flight: pages under write-back
 * count. */
static void read_group_position(struct throttle *t, const struct position *machine, struct position *p,
				bool in_flight)
{
	uint64_t pages = group_level(t, NR_INACTIVE_FILE) + group_level(t, NR_ACTIVE_FILE), clean, others;

	memset(p, 0, sizeof *p);
	p->domain = &t->domain;
	p->reclaimable = group_level(t, NR_FILE_DIRTY);
	p->dirty = p->reclaimable + (in_flight ? group_level(t, NR_WRITEBACK) : 0);
	p->wb_dirty = machine->wb_dirty;
	clean = pages - MIN_OF(pages, p->dirty);
	others = machine->avail - MIN_OF(machine->avail, in_flight ? machine->dirty : machine->reclaimable);
	others -= MIN_OF(others, clean);
	p->avail = pages + MIN_OF(headroom(t->memcg), others);
	limits_of(t->all->k, p->avail, &p->background, &p->thresh);
	p->limit = MAX_OF(p->thresh, p->domain->dirty_limit);
	p->wb_thresh = p->thresh;
}

static uint64_t freerun(const struct position *p)
{
	return (p->thresh + p->background) / 2;
}

bool throttle_wants_flusher(const struct throttle *t)
{
	uint64_t background, hard;

	writeback_limits(t->all->k, &background, &hard);
	return level(t->all->k->memory, NR_FILE_DIRTY) > background;
}

bool throttle_over_background(struct throttle *t, uint64_t now)
{
	struct position p, g;

	read_position(t, &p, now);
	if (p.reclaimable > p.background || t->nr_dirty > part_of(t, p.background, now))
		return true;
	if (!t->memcg)
		return false;
	read_group_position(t, &p, &g, false);
	return g.reclaimable > g.background || t->nr_dirty > g.background;
}

/* ---- the position ratio ---- */

/* 1 + ((setpoint - dirty) / (limit - setpoint))^3, from 0 to 2. */
static uint64_t cubic(uint64_t setpoint, uint64_t dirty, uint64_t limit)
{
	int64_t x =
		((int64_t)setpoint - (int64_t)dirty) * (1 << RATIO_SHIFT) / (int64_t)((limit - setpoint) | 1);
	int64_t cube = (x * x >> RATIO_SHIFT) * x >> RATIO_SHIFT;
	int64_t ratio = cube + (1 << RATIO_SHIFT);

	return (uint64_t)MIN_OF(MAX_OF(ratio, INT64_C(0)), INT64_C(2) << RATIO_SHIFT);
}

/* The global ratio, bent by a line over the device's own dirty pages whose slope is 1 / (8 s of writing). */
static void position_ratio(const struct throttle *t, struct position *p)
{
	uint64_t setpoint = (freerun(p) + p->limit) / 2, share, wb_setpoint, span, intercept, ratio;
	uint64_t wb_thresh;

	p->ratio = 0;
	if (p->dirty >= p->limit)
		return;
	ratio = cubic(setpoint, p->dirty, p->limit);
	wb_thresh = MAX_OF(p->wb_thresh, (p->limit - p->dirty) / 8);
	share = (wb_thresh << 16) / (p->thresh | 1);
	wb_setpoint = setpoint * share >> 16;
	span = (p->thresh - MIN_OF(wb_thresh, p->thresh) + 8 * t->avg_write_bandwidth) * share >> 16;
	intercept = wb_setpoint + span;
	if (p->wb_dirty < intercept - span / 4)
		ratio = ratio * (intercept - p->wb_dirty) / ((intercept - wb_setpoint) | 1);
	else
		ratio /= 4;
	intercept = wb_thresh / 2; /* the device shall not run dry */
	if (p->wb_dirty < intercept) {
		if (p->wb_dirty > intercept / 8)
			ratio = ratio * intercept / p->wb_dirty;
		else
			ratio *= 8;
	}
	p->ratio = ratio;
}

/* ---- measured rates ---- */

static void update_write_bandwidth(struct throttle *t, uint64_t elapsed)
{
	uint64_t avg = t->avg_write_bandwidth, old = t->write_bandwidth;
	uint64_t bw = (t->written - t->written_stamp) * THROTTLE_HZ;

	if (elapsed > PERIOD_POW2) {
		bw /= elapsed;
		avg = bw;
	} else {
		bw = (bw + old * (PERIOD_POW2 - elapsed)) / PERIOD_POW2;
		if (avg > old && old >= bw)
			avg -= (avg - old) >> 3;
		if (avg < old && old <= bw)
			avg += (old - avg) >> 3;
	}
	t->write_bandwidth = bw;
	t->avg_write_bandwidth = MAX_OF(avg, UINT64_C(1));
}

static void update_dirty_limit(const struct position *p, uint64_t now)
{
	uint64_t target = MAX_OF(p->thresh, p->dirty);
	struct throttle_domain *d = p->domain;

	if (now < d->limit_stamp + BANDWIDTH_INTERVAL)
		return;
	d->limit_stamp = now;
	if (d->dirty_limit < p->thresh)
		d->dirty_limit = p->thresh;
	else if (d->dirty_limit > target)
		d->dirty_limit -= (d->dirty_limit - target) >> 5;
}

/* The step towards the rate at which N writers together match the device. */
static uint64_t ratelimit_step(const struct throttle *t, const struct position *p, uint64_t balanced,
			       uint64_t task_rate)
{
	uint64_t setpoint = (freerun(p) + p->limit) / 2, rate = t->ratelimit, step = 0, x, shift;

	if (p->dirty < setpoint) {
		x = MIN_OF(MIN_OF(t->balanced_ratelimit, balanced), task_rate);
		if (rate < x)
			step = x - rate;
	} else {
		x = MAX_OF(MAX_OF(t->balanced_ratelimit, balanced), task_rate);
		if (rate > x)
			step = rate - x;
	}
	shift = rate / (2 * step + 1);
	return shift < 64 ? ((step >> shift) + 7) / 8 : 0;
}

static void update_ratelimit(struct throttle *t, const struct position *p, uint64_t elapsed)
{
	uint64_t dirty_rate = (t->dirtied - t->dirtied_stamp) * THROTTLE_HZ / elapsed;
	uint64_t task_rate = (t->ratelimit * p->ratio >> RATIO_SHIFT) + 1;
	uint64_t balanced =
		MIN_OF(task_rate * t->avg_write_bandwidth / (dirty_rate | 1), t->avg_write_bandwidth);
	uint64_t step = ratelimit_step(t, p, balanced, task_rate);

	if (t->ratelimit < balanced)
		t->ratelimit += step;
	else
		t->ratelimit -= MIN_OF(step, t->ratelimit);
	t->ratelimit = MAX_OF(t->ratelimit, UINT64_C(1));
	t->balanced_ratelimit = balanced;
}

static void stamp(struct throttle *t, uint64_t now)
{
	t->dirtied_stamp = t->dirtied;
	t->written_stamp = t->written;
	t->bw_stamp = now;
}

/* p, g (may be NULL): the positions whose limits and rates follow. */
static void update_rates(struct throttle *t, const struct position *p, const struct position *g, uint64_t now)
{
	uint64_t elapsed = now > t->bw_stamp ? now - t->bw_stamp : 1;

	if (p) {
		update_dirty_limit(p, now);
		update_ratelimit(t, p, elapsed);
	}
	if (g) {
		update_dirty_limit(g, now);
		update_ratelimit(t, g, elapsed);
	}
	update_write_bandwidth(t, elapsed);
	stamp(t, now);
}

void throttle_update_bandwidth(struct throttle *t, uint64_t now)
{
	if (now > t->bw_stamp + BANDWIDTH_INTERVAL)
		update_rates(t, NULL, NULL, now);
}

void throttle_estimate_start(struct throttle *t, uint64_t now)
{
	if (now > t->bw_stamp + THROTTLE_HZ && !t->nr_busy_files)
		stamp(t, now);
}

/* ---- pauses ---- */

static uint64_t max_pause(const struct throttle *t, uint64_t wb_dirty)
{
	return MIN_OF(wb_dirty / (1 + t->avg_write_bandwidth / 32) + 1, (uint64_t)MAX_PAUSE);
}

/* The least pause worth sleeping, and after how many pages the next check is due. */
static uint64_t min_pause(const struct throttle *t, uint64_t longest, uint64_t task_rate,
			  uint64_t *next_check)
{
	unsigned hi = ilog2_u64(t->avg_write_bandwidth), lo = ilog2_u64(t->ratelimit);
	uint64_t pause = THROTTLE_HZ / 100, pages;

	if (hi > lo)
		pause += (hi - lo) * (10 * THROTTLE_HZ) / 1024;
	pause = MIN_OF(pause, 1 + longest / 2);
	pages = t->ratelimit * pause / HZ_POW2;
	if (pages < POLL_PAGES) {
		pause = longest;
		pages = t->ratelimit * pause / HZ_POW2;
		if (pages > POLL_PAGES) {
			pages = POLL_PAGES;
			pause = THROTTLE_HZ * POLL_PAGES / t->ratelimit;
		}
	}
	if (THROTTLE_HZ * pages / (task_rate + 1) > longest) {
		pause = longest;
		pages = task_rate * pause / HZ_POW2;
	}
	*next_check = MAX_OF(pages, UINT64_C(1));
	return pages >= POLL_PAGES ? 1 + pause / 2 : pause;
}

/* dirty_poll_interval */
static uint64_t poll_interval(const struct position *p)
{
	return p->thresh > p->dirty ? UINT64_C(1) << (ilog2_u64(p->thresh - p->dirty) >> 1) : 1;
}

static void run_freely(struct task *cur, const struct position *p, const struct position *g, uint64_t now)
{
	cur->dirty_paused_when = now;
	cur->dirtied_pages = 0;
	cur->nr_dirtied_pause = poll_interval(p);
	if (g)
		cur->nr_dirtied_pause = MIN_OF(cur->nr_dirtied_pause, poll_interval(g));
}

/* The writer has thought long enough since its last pause: remembered for the next one. */
static void no_pause(struct task *cur, int64_t pause, uint64_t period, uint64_t now)
{
	if (pause < -THROTTLE_HZ) {
		cur->dirty_paused_when = now;
		cur->dirtied_pages = 0;
	} else if (period) {
		cur->dirty_paused_when += period;
		cur->dirtied_pages = 0;
	} else if (cur->nr_dirtied_pause <= cur->dirtied_pages) {
		cur->nr_dirtied_pause += cur->dirtied_pages;
	}
}

static bool is_exceeded(const struct position *p)
{
	return p->wb_dirty > p->wb_thresh && p->dirty > p->thresh;
}

/* How long cur is to sleep for what it dirtied, at the rate of position p. */
static uint64_t pause_at(struct throttle *t, struct task *cur, const struct position *p, uint64_t now,
			 bool *again)
{
	uint64_t rate = t->ratelimit * p->ratio >> RATIO_SHIFT, longest = max_pause(t, p->wb_dirty),
		 next_check;
	uint64_t shortest = min_pause(t, longest, rate, &next_check);
	uint64_t period = rate ? THROTTLE_HZ * cur->dirtied_pages / rate : longest;
	int64_t pause = (int64_t)period;

	if (rate && cur->dirty_paused_when)
		pause -= (int64_t)(now - cur->dirty_paused_when);
	if (rate && pause < (int64_t)shortest) {
		no_pause(cur, pause, period, now);
		return 0;
	}
	if (pause > (int64_t)longest) {
		now += MIN_OF((uint64_t)pause - longest, longest);
		pause = (int64_t)longest;
	}
	cur->dirty_paused_when = now + (uint64_t)pause;
	cur->dirtied_pages = 0;
	cur->nr_dirtied_pause = next_check;
	*again = rate == 0 && p->wb_dirty > 0;
	return (uint64_t)pause;
}

uint64_t throttle_pause(struct throttle *t, struct task *cur, bool *again)
{
	uint64_t now = pageio_now(cur) / JIFFY;
	struct position p, group, *g = t->memcg ? &group : NULL;

	read_position(t, &p, now);
	if (g)
		read_group_position(t, &p, g, true);
	*again = false;
	if (p.dirty <= freerun(&p) && (!g || g->dirty <= freerun(g))) {
		run_freely(cur, &p, g, now);
		return 0;
	}
	t->exceeded = is_exceeded(&p) || (g && is_exceeded(g));
	position_ratio(t, &p);
	if (g)
		position_ratio(t, g);
	if (now > t->bw_stamp + BANDWIDTH_INTERVAL)
		update_rates(t, &p, g, now);
	return pause_at(t, cur, g && g->ratio < p.ratio ? g : &p, now, again);
}

bool throttle_must_check(struct throttle *t, struct task *cur)
{
	uint64_t limit = cur->nr_dirtied_pause ? cur->nr_dirtied_pause : 32;
	uint64_t *on_cpu = &t->all->cpu_dirtied[cur->exec->cpu];
	struct position p, g;

	if (t->exceeded)
		limit = MIN_OF(limit, UINT64_C(8));
	if (cur->dirtied_pages >= limit) {
		*on_cpu = 0;
		return true;
	}
	if (*on_cpu >= t->all->ratelimit_pages) {
		*on_cpu = 0;
		return true;
	}
	read_position(t, &p, pageio_now(cur) / JIFFY);
	if (p.dirty >= p.thresh || !t->memcg)
		return p.dirty >= p.thresh;
	read_group_position(t, &p, &g, true);
	return g.dirty >= g.thresh;
}

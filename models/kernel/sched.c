/*
 * sched.c - CPUs as events, tasks; run queues are in sched/queue.c, waiting and waking in sched/wait.c.
 *
 * Modelled after kernel/sched/fair.c, Linux 6.1: virtual run time at equal weight, sched_slice,
 * check_preempt_tick, wakeup_preempt_entity, place_entity (sleepers get half a latency of credit, new tasks
 * start a slice late), wake-up on an idle CPU of the task's node first, pulling by a CPU that runs out of
 * work (newidle_balance). Tunables scale by 1 + log2 CPUs (get_update_sysctl_factor). A run queue is a list
 * sorted by (virtual run time, task number): O(n) to insert.
 *
 * CPUs are events. A CPU's event fires when its clock is the earliest; in user mode it may then run ahead to
 * the next CPU's event plus the shortest cross-CPU latency, in kernel mode it yields at sched_sync.
 *
 * Not modelled: nice values, groups, bandwidth, real-time classes, load averages, periodic balancing between
 * busy CPUs, wake affinity, ticks of idle CPUs.
 */
#include "models/kernel/sched.h"

#include <stdio.h>
#include <string.h>

#include "models/kernel/sched/parts.h"
#include "sim/fiber.h"
#include "sim/mem.h"

PARAM_TABLE(sched, sched_params, SCHED_PARAMS);
STAT_TABLE(sched, sched_stats, SCHED_STATS);

#define SAMPLES_PER_S 10000

static void cpu_fire(struct event *ev);

static uint64_t us_to_cycles(const struct exec *x, uint64_t us)
{
	return mul_div_u64(us, x->clock->hz, 1000000);
}

struct sched *sched_new(struct kernel *k, const struct sched_params *p, const struct sched_ops *ops,
			void *ctx, struct exec *const *execs, unsigned nr_cpus)
{
	struct sched *s = mem_alloc(1, sizeof *s);
	unsigned factor = 1 + ilog2_u64(MIN_OF(nr_cpus, 8u));

	s->k = k;
	s->params = *p;
	s->ops = ops;
	s->ctx = ctx;
	s->nr_cpus = nr_cpus;
	s->rq = mem_alloc(nr_cpus, sizeof *s->rq);
	s->latency = us_to_cycles(execs[0], p->latency_us * factor);
	s->min_gran = us_to_cycles(execs[0], p->min_granularity_us * factor);
	s->wakeup_gran = us_to_cycles(execs[0], p->wakeup_granularity_us * factor);
	s->tick = execs[0]->clock->hz / p->hz;
	s->grid = MAX_OF(execs[0]->clock->hz / SAMPLES_PER_S, UINT64_C(1));
	s->lookahead = clock_ps(execs[0]->clock, k->cost.shootdown);
	for (unsigned i = 0; i < nr_cpus; i++) {
		s->rq[i].s = s;
		s->rq[i].x = execs[i];
		s->rq[i].next_tick = s->tick;
		event_init(&s->rq[i].ev, EVENT_PRIO_CPU, cpu_fire);
	}
	k->sched = s;
	return s;
}

static void task_release(struct task *t)
{
	eventq_cancel(t->k->eventq, &t->timer);
	if (t->fiber)
		fiber_free(t->fiber);
	policy_put(t->policy);
	mem_free(t->numa);
	mem_free(t);
}

void sched_free(struct sched *s)
{
	for (size_t i = 0; i < s->nr_tasks; i++)
		if (s->tasks[i])
			task_release(s->tasks[i]);
	for (unsigned i = 0; i < s->nr_cpus; i++)
		eventq_cancel(s->k->eventq, &s->rq[i].ev);
	mem_free(s->tasks);
	mem_free(s->rq);
	mem_free(s);
}

struct sched_stats *sched_stats_of(struct sched *s)
{
	return &s->stats;
}

unsigned sched_nr_user(const struct sched *s)
{
	return s->nr_user;
}

struct task *sched_task_at(const struct sched *s, size_t i)
{
	for (; i < s->nr_tasks; i++)
		if (s->tasks[i] && s->tasks[i]->state != TASK_DEAD)
			return s->tasks[i];
	return NULL;
}

size_t sched_task_index(const struct sched *s, const struct task *t)
{
	(void)s;
	return t->place;
}

/* ---- the CPU's event ---- */

void rq_idle_until(struct rq *rq, tick_t time)
{
	uint64_t target = clock_cycles(rq->x->clock, time);

	if (rq->x->cycles >= target)
		return;
	exec_charge(rq->x, rq->iowaiters ? CYCLES_iowait : CYCLES_idle, target - rq->x->cycles);
	if (rq->next_tick < rq->x->cycles) /* no ticks while idle */
		rq->next_tick = (rq->x->cycles / rq->s->tick + 1) * rq->s->tick;
}

static void put_prev(struct rq *rq)
{
	struct task *t = rq->curr;

	rq_update(rq);
	rq->curr = NULL;
	rq->x->running = NULL;
	t->exec = NULL;
	if (t->state == TASK_RUNNING) {
		t->state = TASK_RUNNABLE;
		t->ready_at = clock_ps(rq->x->clock, rq->x->cycles);
		if (rq_may_run(t, rq->x->cpu))
			rq_insert(rq, t);
		else
			rq_enqueue(rq->s, t, t->ready_at, false);
	}
}

static void set_next(struct rq *rq, struct task *prev, struct task *next)
{
	rq->curr = next;
	rq->need_resched = false;
	rq->x->running = next;
	if (next) {
		next->state = TASK_RUNNING;
		next->exec = rq->x;
		next->cpu = rq->x->cpu;
		next->ran_since = rq->x->cycles;
	}
	if (next != prev) {
		rq->s->stats.switches++;
		rq->s->ops->switch_to(rq->s->ctx, rq->x, prev, next);
		if (next)
			next->ran_since = rq->x->cycles;
	}
	rq->picked_at = rq->x->cycles;
}

static void reap(struct sched *s, struct task *t)
{
	s->tasks[t->place] = NULL;
	task_release(t);
}

void rq_schedule(struct rq *rq)
{
	struct task *prev = rq->curr, *next;

	if (prev)
		put_prev(rq);
	next = rq_pick(rq);
	set_next(rq, prev, next);
	if (prev && prev->state == TASK_DEAD)
		reap(rq->s, prev);
}

/* task_tick_fair, check_preempt_tick */
static void tick(struct rq *rq)
{
	struct sched *s = rq->s;
	uint64_t ran = rq->x->cycles - rq->picked_at, slice = rq_slice(rq, 0);

	rq->next_tick += s->tick;
	exec_charge(rq->x, CYCLES_tick, s->k->cost.tick);
	s->stats.ticks++;
	rq_update(rq);
	if (s->k->hooks.tick)
		s->k->hooks.tick(rq->curr);
	if (rq->queue &&
	    (ran > slice ||
	     (ran >= s->min_gran && (int64_t)(rq->curr->vruntime - rq->queue->vruntime) > (int64_t)slice)))
		rq->need_resched = true;
}

/*
 * How far curr may run in user mode, cycles: to the next event of a device or timer, beyond the next one of a
 * CPU by the look-ahead, never past a multiple of the sampling grid (so that a sample sees what is at most
 * that old).
 */
static uint64_t user_horizon(const struct rq *rq)
{
	const struct sched *s = rq->s;
	const struct eventq *q = s->k->eventq;
	uint64_t limit = MIN_OF(rq->next_tick, (rq->x->cycles / s->grid + 1) * s->grid);
	tick_t next = eventq_next_time(q);

	if (next != TICK_NEVER) {
		next = eventq_next_but(q, EVENT_PRIO_CPU, next + s->lookahead);
		limit = MIN_OF(limit, clock_cycles(rq->x->clock, next));
	}
	return MAX_OF(limit, rq->x->cycles + 1);
}

static void run_kernel(struct rq *rq)
{
	struct task *t = rq->curr;

	fiber_resume(t->fiber);
	if (fiber_is_done(t->fiber))
		t->flags &= ~TASK_IN_KERNEL;
}

/* One turn of the CPU: choose, tick, run in user or kernel mode. */
static void cpu_turn(struct rq *rq)
{
	struct sched *s = rq->s;
	struct task *t;

	if (rq->curr && rq->x->cycles >= rq->next_tick)
		tick(rq);
	if (!rq->curr || (rq->need_resched && !(rq->curr->flags & TASK_IN_KERNEL))) {
		s->stats.preemptions += rq->curr != NULL;
		rq_schedule(rq);
	}
	if (!rq->curr)
		return;
	t = rq->curr;
	if (UNLIKELY((t->flags & (TASK_WORK | TASK_IN_KERNEL)) == TASK_WORK)) {
		t->flags &= ~TASK_WORK;
		sched_call(t, s->k->hooks.task_work);
	}
	if (t->flags & TASK_IN_KERNEL)
		run_kernel(rq);
	else
		s->ops->run_user(s->ctx, t, user_horizon(rq));
	if (rq->curr == t && t->state != TASK_RUNNING)
		rq_schedule(rq);
}

/* Turns that no other event could come before need no way through the queue, up to the sampling grid; not too
 * many, so that the end of the run is seen. */
#define TURNS_MAX 256

static void cpu_fire(struct event *ev)
{
	struct rq *rq = CONTAINER_OF(ev, struct rq, ev);
	struct eventq *q = rq->s->k->eventq;
	uint64_t grid = rq->s->grid, end;
	tick_t own;

	rq_idle_until(rq, q->now);
	end = (rq->x->cycles / grid + 1) * grid;
	for (unsigned turns = 0;; turns++) {
		cpu_turn(rq);
		if (!rq->curr && !rq->queue)
			return;
		own = clock_ps(rq->x->clock, rq->x->cycles);
		if (turns == TURNS_MAX || rq->x->cycles >= end || own >= eventq_next_time(q) ||
		    event_is_scheduled(ev))
			break;
		eventq_advance(q, own);
	}
	eventq_schedule(q, &rq->ev, own);
}

/* ---- tasks ---- */

struct task *sched_task_new(struct kernel *k, const char *comm)
{
	struct sched *s = k->sched;
	struct task *t = mem_alloc_late(1, sizeof *t);

	t->k = k;
	t->id = ++s->next_id;
	snprintf(t->comm, sizeof t->comm, "%s", comm);
	for (unsigned i = 0; i < s->nr_cpus; i++)
		t->cpu_mask[i / 64] |= UINT64_C(1) << (i % 64);
	t->cpu = 0;
	t->reclaim_cause = CYCLES_reclaim_direct;
	event_init(&t->timer, EVENT_PRIO_TIMER, sched_timer_fire);
	if (s->nr_tasks == s->cap_tasks) {
		size_t live = 0;

		for (size_t i = 0; i < s->nr_tasks; i++) /* close the gaps of the dead */
			if (s->tasks[i]) {
				s->tasks[i]->place = live;
				s->tasks[live++] = s->tasks[i];
			}
		s->nr_tasks = live;
		if (live * 2 >= s->cap_tasks) {
			s->cap_tasks = s->cap_tasks ? s->cap_tasks * 2 : 64;
			s->tasks = mem_realloc(s->tasks, s->cap_tasks, sizeof(struct task *));
		}
	}
	t->place = s->nr_tasks;
	s->tasks[s->nr_tasks++] = t;
	return t;
}

void sched_start(struct task *t, tick_t now)
{
	struct sched *s = t->k->sched;

	if (!(t->flags & TASK_KTHREAD))
		s->nr_user++;
	rq_enqueue(s, t, now, true);
}

static void kernel_entry(void *arg)
{
	struct task *t = arg;

	t->kthread_fn(t);
}

void sched_call(struct task *t, void (*fn)(struct task *t))
{
	t->kthread_fn = fn;
	t->flags |= TASK_IN_KERNEL;
	if (t->fiber)
		fiber_reset(t->fiber, kernel_entry, t);
	else
		t->fiber = fiber_new(kernel_entry, t);
}

struct task *sched_kthread(struct kernel *k, const char *name, unsigned nid, void (*fn)(struct task *self))
{
	struct sched *s = k->sched;
	struct task *t = sched_task_new(k, name);
	bool any = false;

	t->flags |= TASK_KTHREAD;
	for (unsigned i = 0; i < s->nr_cpus; i++)
		any |= s->rq[i].x->nid == nid;
	for (unsigned i = s->nr_cpus; any && i-- > 0;) {
		if (s->rq[i].x->nid != nid)
			t->cpu_mask[i / 64] &= ~(UINT64_C(1) << (i % 64));
		else
			t->cpu = i;
	}
	sched_call(t, fn);
	sched_start(t, kernel_now(k));
	return t;
}

void sched_exit(struct task *t)
{
	struct sched *s = t->k->sched;

	t->state = TASK_DEAD;
	if (!(t->flags & TASK_KTHREAD))
		s->nr_user--;
}

void sched_set_affinity(struct task *t, const uint64_t mask[MAX_CPUS / 64])
{
	struct sched *s = t->k->sched;
	uint64_t usable[MAX_CPUS / 64] = {0};
	bool any = false;

	for (unsigned i = 0; i < s->nr_cpus; i++) {
		if (mask[i / 64] >> (i % 64) & 1) {
			usable[i / 64] |= UINT64_C(1) << (i % 64);
			any = true;
		}
	}
	if (!any) /* sched_setaffinity: EINVAL */
		return;
	memcpy(t->cpu_mask, usable, sizeof usable);
	if (t->state == TASK_RUNNABLE && !rq_may_run(t, t->cpu)) {
		rq_remove(&s->rq[t->cpu], t);
		rq_enqueue(s, t, t->ready_at, false);
	} else if (t->state == TASK_RUNNING && !rq_may_run(t, t->cpu)) {
		s->rq[t->cpu].need_resched = true;
	}
}

/* ---- the end ---- */

tick_t sched_latest(const struct sched *s)
{
	tick_t t = 0;

	for (unsigned i = 0; i < s->nr_cpus; i++)
		t = MAX_OF(t, clock_ps(s->rq[i].x->clock, s->rq[i].x->cycles));
	return t;
}

void sched_finish(struct sched *s, tick_t t)
{
	for (unsigned i = 0; i < s->nr_cpus; i++)
		rq_idle_until(&s->rq[i], t);
}
